//! The list behind a number as a file: all rows that meet the filters. A CSV is written while it is read, a thousand rows at a
//! time.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::reading::What;
use domain::policy::ReadStatistics;
use kit::app::App;
use kit::error::AppError;
use kit::session::Permitted;

use crate::parts::readings;
use crate::parts::spreadsheet::Value;
use crate::parts::takeaway::{self, Chunk, Kind, Sheet};
use crate::statistics::cases::{Asked, Cursor, Filters, Found};

/// Rows that are held at once.
const CHUNK: i64 = 1000;
/// A workbook is made in memory: it has this many rows at most (E37).
const MOST_ROWS: i64 = 10_000;

/// `?format=csv` or `xlsx`.
#[derive(Debug, serde::Deserialize)]
pub struct ExportQuery {
    #[serde(default)]
    format: String,
}

/// The file. Its first rows are read before the answer begins, so that a mistake is still a page.
pub async fn show(
    State(app): State<App>,
    user: Permitted<ReadStatistics>,
    Query(filters): Query<Filters>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, AppError> {
    let asked = filters.read(&app, &user).map_err(|errors| takeaway::refusal(&errors, "统计清单"))?;
    let name = format!("统计清单_{}_{}", asked.of.label(), app.clock.today().compact());
    if query.format == "csv" {
        let first = asked.page(&app, app.db.read(), None, CHUNK).await?;
        readings::note(&app, &user, What::Statistics, 0).await;
        return Ok(takeaway::file(csv(app, asked, &first), &name, Kind::Csv));
    }
    let rows = asked.page(&app, app.db.read(), None, MOST_ROWS + 1).await?;
    if rows.len() > usize::try_from(MOST_ROWS).unwrap_or(usize::MAX) {
        return Err(AppError::Invalid(format!(
            "清单超过 {MOST_ROWS} 行，不能导出为 XLSX。请返回统计清单导出 CSV（行数不限），或缩小查询条件。"
        )));
    }
    readings::note(&app, &user, What::Statistics, 0).await;
    let sheet = Sheet {
        name: asked.of.label(),
        heads: heads(&asked),
        rows: rows.iter().map(|r| cells(&app, &asked, r)).collect(),
    };
    Ok(takeaway::file(takeaway::workbook(&[sheet], app.now())?.into(), &name, Kind::Xlsx))
}

/// The rows as text, read on as they are sent.
fn csv(app: App, asked: Asked, first: &[Found]) -> Body {
    let begun = chunk(&app, &asked, first);
    let heads = heads(&asked);
    takeaway::csv(heads, begun, move |after| {
        let (app, asked) = (app.clone(), asked.clone());
        async move {
            let rows = asked.page(&app, app.db.read(), Some(after), CHUNK).await?;
            Ok(chunk(&app, &asked, &rows))
        }
    })
}

fn chunk(app: &App, asked: &Asked, rows: &[Found]) -> Chunk<Cursor> {
    let is_whole = rows.len() >= usize::try_from(CHUNK).unwrap_or(usize::MAX);
    let end = if is_whole { rows.last().map(|r| asked.place(r)) } else { None };
    (rows.iter().map(|r| cells(app, asked, r)).collect(), end)
}

fn heads(asked: &Asked) -> Vec<String> {
    let all = [
        "申请单号",
        "申请单位",
        "免办条款",
        "检验检疫局",
        "岗位",
        asked.of.when(),
        "结果",
        "工作日",
        "超期",
        "现在的状态",
    ];
    all.into_iter().map(str::to_owned).collect()
}

fn cells(app: &App, asked: &Asked, row: &Found) -> Vec<Value> {
    let references = app.references.now();
    let text = |t: &str| Value::Text(t.to_owned());
    let measured = !asked.of.is_submitted();
    vec![
        text(row.number.as_deref().unwrap_or_default()),
        text(&row.applicant_name),
        text(references.clause_name(&row.clause_code)),
        text(references.bureau_name(&row.bureau_code)),
        text(row.post()),
        text(&row.at.china()),
        text(row.outcome()),
        if measured { Value::Number(row.days.to_string()) } else { text("") },
        text(if !measured {
            ""
        } else if row.is_late() {
            "是"
        } else {
            "否"
        }),
        text(row.state.label()),
    ]
}

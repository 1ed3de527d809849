//! What 综合查询 found, as a file: the whole tab. A CSV is written while it is read, a workbook holds a bounded number of
//! rows (E37).

use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::reading::What;
use db::search_list::{Cursor, Listed, Rows, listed};
use domain::policy::SearchCases;
use kit::app::App;
use kit::error::AppError;
use kit::session::Permitted;

use crate::parts::readings;
use crate::parts::spreadsheet::Value;
use crate::parts::takeaway::{self, Chunk, Kind, Sheet};
use crate::search::search::{Filters, heads, texts};

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
    user: Permitted<SearchCases>,
    Query(filters): Query<Filters>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, AppError> {
    let asked = filters.read(&app).map_err(|errors| takeaway::refusal(&errors, "综合查询"))?;
    if asked.is_empty() {
        return Err(AppError::Invalid("请先在综合查询页面输入查询条件，再导出查询结果。".to_owned()));
    }
    let kind = filters.kind();
    let found = listed(app.db.read(), &user.scope(), kind, &asked).await?;
    let name = format!("综合查询_{}_{}", kind.label(), app.clock.today().compact());
    let titles: Vec<_> = heads(kind).iter().map(|h| (*h).to_owned()).collect();
    if query.format == "csv" {
        let rows = found.page(app.db.read(), None, CHUNK).await?;
        readings::note(&app, &user, What::Search, 0).await;
        let first = chunk(&app, &rows);
        let body = takeaway::csv(titles, first, move |after| following(app.clone(), found.clone(), after));
        return Ok(takeaway::file(body, &name, Kind::Csv));
    }
    let rows = found.page(app.db.read(), None, MOST_ROWS + 1).await?;
    if rows.len() > usize::try_from(MOST_ROWS).unwrap_or(usize::MAX) {
        return Err(AppError::Invalid(format!(
            "查询结果超过 {MOST_ROWS} 行，不能导出为 XLSX。请返回综合查询导出 CSV（行数不限），或缩小查询条件。"
        )));
    }
    readings::note(&app, &user, What::Search, 0).await;
    let sheet = Sheet { name: kind.label(), heads: titles, rows: cells(&app, &rows) };
    Ok(takeaway::file(takeaway::workbook(&[sheet], app.now())?.into(), &name, Kind::Xlsx))
}

async fn following(app: App, found: Listed, after: Cursor) -> Result<Chunk<Cursor>, db::DbError> {
    let rows = found.page(app.db.read(), Some(after), CHUNK).await?;
    Ok(chunk(&app, &rows))
}

fn chunk(app: &App, rows: &Rows) -> Chunk<Cursor> {
    let is_whole = rows.len() >= usize::try_from(CHUNK).unwrap_or(usize::MAX);
    (cells(app, rows), rows.end().filter(|_| is_whole))
}

fn cells(app: &App, rows: &Rows) -> Vec<Vec<Value>> {
    texts(app, rows).into_iter().map(|row| row.into_iter().map(Value::Text).collect()).collect()
}

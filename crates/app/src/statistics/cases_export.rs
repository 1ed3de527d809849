//! The list behind a number as a file: all rows that meet the filters (E37).

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::reading::What;
use domain::actor::Actor;
use domain::export::ReportKind;
use domain::policy::{self, ReadStatistics};
use kit::app::App;
use kit::error::AppError;
use kit::session::Permitted;

use crate::parts::readings;
use crate::parts::report::{self, CHUNK, Report, filters};
use crate::parts::spreadsheet::Value;
use crate::statistics::cases::{Asked, Filters, Found};

/// `?format=csv` or `xlsx`.
#[derive(Debug, serde::Deserialize)]
pub struct ExportQuery {
    #[serde(default)]
    format: String,
}

const HEADS: [&str; 10] =
    ["申请单号", "申请单位", "免办条款", "检验检疫局", "岗位", "时间", "结果", "工作日", "超期", "现在的状态"];

/// The file.
pub async fn show(
    State(app): State<App>,
    user: Permitted<ReadStatistics>,
    RawQuery(query): RawQuery,
    Query(asked): Query<ExportQuery>,
) -> Result<Response, AppError> {
    let query = query.unwrap_or_default();
    let report = report(&app, user.actor(), &query)?;
    let answer = report.answer(&app, &asked.format, ReportKind::StatisticCases, &query).await?;
    readings::note(&app, &user, What::Statistics, 0).await;
    Ok(answer)
}

/// The whole list of this address, as this person sees it.
pub fn report(app: &App, actor: &Actor, query: &str) -> Result<Report, AppError> {
    let permit = policy::permit::<ReadStatistics>(actor).map_err(|why| AppError::Forbidden(why.to_string()))?;
    let asked = filters::<Filters>(query)?.read(app, &permit);
    let asked = asked.map_err(|errors| report::refusal(&errors, "统计清单"))?;
    let name = format!("统计清单_{}_{}", asked.of.label(), app.clock.today().compact());
    let mut heads = HEADS.to_vec();
    heads[5] = asked.of.when();
    let app = app.clone();
    Ok(Report::of_pages(name, heads, move |after| {
        let (app, asked) = (app.clone(), asked.clone());
        async move {
            let found = asked.page(&app, app.db.read(), after, CHUNK).await?;
            let is_all = i64::try_from(found.len()).unwrap_or(i64::MAX) < CHUNK;
            let next = found.last().filter(|_| !is_all).map(|row| asked.place(row));
            Ok((found.iter().map(|row| cells(&app, &asked, row)).collect(), next))
        }
    }))
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

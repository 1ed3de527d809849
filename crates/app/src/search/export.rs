//! What 综合查询 found, as a file: the whole tab (E37).

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::reading::What;
use db::search_list::{Rows, listed};
use domain::actor::Actor;
use domain::export::ReportKind;
use domain::policy::{self, SearchCases};
use kit::app::App;
use kit::error::AppError;
use kit::session::Permitted;

use crate::parts::readings;
use crate::parts::report::{self, CHUNK, Report, filters};
use crate::parts::spreadsheet::Value;
use crate::search::search::{Filters, heads, texts};

/// `?format=csv` or `xlsx`.
#[derive(Debug, serde::Deserialize)]
pub struct ExportQuery {
    #[serde(default)]
    format: String,
}

/// The file.
pub async fn show(
    State(app): State<App>,
    user: Permitted<SearchCases>,
    RawQuery(query): RawQuery,
    Query(asked): Query<ExportQuery>,
) -> Result<Response, AppError> {
    let query = query.unwrap_or_default();
    let report = report(&app, user.actor(), &query).await?;
    let answer = report.answer(&app, &asked.format, ReportKind::Search, &query).await?;
    readings::note(&app, &user, What::Search, 0).await;
    Ok(answer)
}

/// All that this address finds, as this person sees it.
pub async fn report(app: &App, actor: &Actor, query: &str) -> Result<Report, AppError> {
    policy::permit::<SearchCases>(actor).map_err(|why| AppError::Forbidden(why.to_string()))?;
    let filters: Filters = filters(query)?;
    let asked = filters.read(app).map_err(|errors| report::refusal(&errors, "综合查询"))?;
    if asked.is_empty() {
        return Err(AppError::Invalid("请先在综合查询页面输入查询条件，再导出查询结果。".to_owned()));
    }
    let kind = filters.kind();
    let found = listed(app.db.read(), &policy::scope(actor), kind, &asked).await?;
    let name = format!("综合查询_{}_{}", kind.label(), app.clock.today().compact());
    let app = app.clone();
    Ok(Report::of_pages(name, heads(kind).to_vec(), move |after| {
        let (app, found) = (app.clone(), found.clone());
        async move {
            let rows = found.page(app.db.read(), after, CHUNK).await?;
            let is_all = i64::try_from(rows.len()).unwrap_or(i64::MAX) < CHUNK;
            Ok((cells(&app, &rows), rows.end().filter(|_| !is_all)))
        }
    }))
}

fn cells(app: &App, rows: &Rows) -> Vec<Vec<Value>> {
    texts(app, rows).into_iter().map(|row| row.into_iter().map(Value::Text).collect()).collect()
}

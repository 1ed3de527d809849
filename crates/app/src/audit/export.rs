//! 导出审计记录: all that meets the filters (E37).

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::audit_query::{self, Found};
use db::reading::What;
use domain::actor::Actor;
use domain::export::ReportKind;
use domain::policy::{self, ReadAudit};
use kit::app::App;
use kit::error::AppError;
use kit::session::Permitted;

use crate::audit::{Filters, action_label, bureau_name, filter, kind_label, states, subject};
use crate::parts::readings;
use crate::parts::report::{self, CHUNK, Report, filters};
use crate::parts::spreadsheet::Value;

const HEADS: [&str; 12] =
    ["记录号", "时间", "操作人", "用户名", "局", "岗位", "操作", "对象类别", "对象", "状态变化", "意见", "网络地址"];

/// `?format=csv` or `xlsx`.
#[derive(Debug, serde::Deserialize)]
pub struct ExportQuery {
    #[serde(default)]
    format: String,
}

/// The file.
pub async fn show(
    State(app): State<App>,
    user: Permitted<ReadAudit>,
    RawQuery(query): RawQuery,
    Query(asked): Query<ExportQuery>,
) -> Result<Response, AppError> {
    let query = query.unwrap_or_default();
    let report = report(&app, user.actor(), &query).await?;
    let answer = report.answer(&app, &asked.format, ReportKind::AuditTrail, &query).await?;
    readings::note(&app, &user, What::AuditTrail, 0).await;
    Ok(answer)
}

/// All records of this address that this person may read.
pub async fn report(app: &App, actor: &Actor, query: &str) -> Result<Report, AppError> {
    let permit = policy::permit::<ReadAudit>(actor).map_err(|why| AppError::Forbidden(why.to_string()))?;
    let filter = match filter(app, &permit, &filters::<Filters>(query)?).await? {
        Ok(filter) => filter,
        Err(errors) => return Err(report::refusal(&errors, "审计查询")),
    };
    let name = format!("审计记录_{}", app.clock.today().compact());
    let of_bureau = actor.bureau().is_some();
    let app = app.clone();
    Ok(Report::of_pages(name, HEADS.to_vec(), move |before| {
        let (app, filter) = (app.clone(), filter.clone());
        async move {
            let found = audit_query::page(app.db.read(), &filter, before, CHUNK).await?;
            let is_all = i64::try_from(found.len()).unwrap_or(i64::MAX) < CHUNK;
            let next = found.last().filter(|_| !is_all).map(Found::cursor);
            Ok((found.iter().map(|row| cells(&app, row, of_bureau)).collect(), next))
        }
    }))
}

fn cells(app: &App, f: &Found, of_bureau: bool) -> Vec<Value> {
    [
        f.id.to_string(),
        f.at.china(),
        f.actor_name.clone(),
        f.username.clone().unwrap_or_default(),
        bureau_name(&app.references.now(), f.bureau_code.as_ref()),
        f.post.map_or("", domain::actor::Post::label).to_owned(),
        action_label(&f.action).to_owned(),
        kind_label(&f.subject_kind).to_owned(),
        subject(f, of_bureau).0,
        states(f),
        f.opinion.clone(),
        f.address.clone(),
    ]
    .map(Value::Text)
    .to_vec()
}

//! 导出审计记录: all that meets the filters, written while it is read, a thousand rows at a time.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::Query;
use bytes::Bytes;
use db::audit_query::{self, Cursor, Filter, Found};
use db::reading::What;
use domain::policy::ReadAudit;
use kit::app::App;
use kit::error::AppError;
use kit::session::Permitted;

use crate::audit::{Filters, action_label, bureau_name, filter, kind_label, states, subject};
use crate::parts::files::disposition;
use crate::parts::readings;

/// Rows that are held at once.
const CHUNK: i64 = 1000;

const HEADS: [&str; 12] =
    ["记录号", "时间", "操作人", "用户名", "局", "岗位", "操作", "对象类别", "对象", "状态变化", "意见", "网络地址"];

/// The file. Its first rows are read before the answer begins, so that a mistake is still a page.
pub async fn show(
    State(app): State<App>,
    user: Permitted<ReadAudit>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let filter = match filter(&app, &user, &filters).await? {
        Ok(filter) => filter,
        Err(errors) => {
            let sentences: Vec<_> = errors.iter().map(|e| e.message.clone()).collect();
            return Err(AppError::Invalid(format!("{}。请返回审计查询修改条件后再导出。", sentences.join("；"))));
        }
    };
    let first = audit_query::page(app.db.read(), &filter, None, CHUNK).await?;
    readings::note(&app, &user, What::AuditTrail, 0).await;
    let head = format!("\u{feff}{}\r\n", HEADS.join(","));
    let of_bureau = user.actor().bureau().is_some();
    let begun = (head, first);
    let chunks = futures_util::stream::unfold(Some((begun, app.clone())), move |state| {
        let filter = filter.clone();
        async move {
            let ((mut text, rows), app) = state?;
            for row in &rows {
                text.push_str(&csv_line(&app, row, of_bureau));
            }
            let next = if rows.len() < usize::try_from(CHUNK).unwrap_or(usize::MAX) {
                Ok(None)
            } else {
                following(&app, &filter, rows.last().map(Found::cursor)).await
            };
            match next {
                Ok(next) => Some((Ok(Bytes::from(text)), next.map(|rows| ((String::new(), rows), app)))),
                // The transfer breaks off, so that nobody takes a part for the whole.
                Err(error) => {
                    tracing::error!(%error, "exporting the audit trail broke off");
                    Some((Err(error), None))
                }
            }
        }
    });
    let mut response = Body::from_stream(chunks).into_response();
    let name = format!("审计记录_{}.csv", app.clock.today().compact());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, disposition("attachment", &name));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

async fn following(app: &App, filter: &Filter, after: Option<Cursor>) -> Result<Option<Vec<Found>>, db::DbError> {
    let rows = audit_query::page(app.db.read(), filter, after, CHUNK).await?;
    Ok((!rows.is_empty()).then_some(rows))
}

fn csv_line(app: &App, f: &Found, of_bureau: bool) -> String {
    let cells = [
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
    ];
    let mut line = cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// A cell that a spreadsheet takes for text, whatever it begins with.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

//! 变更记录: what was done to the routing of a direct bureau, from the audit trail.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::delegation;
use domain::policy::Delegate;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::Permitted;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::routing::{Line, asked, line};

/// The direct bureau, and the page.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct HistoryQuery {
    #[serde(default)]
    bureau: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

#[derive(Template)]
#[template(path = "routing/history.html")]
struct HistoryPage {
    shell: Shell,
    bureau: String,
    bureau_name: String,
    lines: Vec<Line>,
    pager: Pager,
}

/// Newest first.
pub async fn list(
    State(app): State<App>,
    user: Permitted<Delegate>,
    Query(query): Query<HistoryQuery>,
) -> Result<Response, AppError> {
    let Some(direct) = asked(&app, &user, &query.bureau)? else { return Ok(page::see_other("/delegations")) };
    let read = app.db.read();
    let total = delegation::history_count(&read, &direct).await?;
    let paging = PageQuery { page: query.page.clone(), size: query.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&paging, total, "/delegations/history", &[("bureau", direct.as_str())]);
    let deeds = delegation::history(&read, &direct, &[], pager.limit(), pager.offset()).await?;
    let references = app.references.now();
    let back = format!("/delegations?bureau={direct}");
    page::render(&HistoryPage {
        shell: frame::signed(&app, &user, "变更记录", Entry::Delegations, &[("业务下放", &back)]).await?,
        bureau_name: references.bureau_name(&direct).to_owned(),
        bureau: direct.to_string(),
        lines: deeds.iter().map(|d| line(&references, d)).collect(),
        pager,
    })
}

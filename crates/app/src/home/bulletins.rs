//! 通知公告: list and detail, without login (R-1-01).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::bulletin::{self, Bulletin};
use domain::ids::BulletinId;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::Caller;
use kit::shell::Shell;

use crate::frame;

#[derive(Template)]
#[template(path = "home/bulletins.html")]
struct ListPage {
    shell: Shell,
    bulletins: Vec<Bulletin>,
    pager: Pager,
}

/// All published notices.
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let total = bulletin::count(&read, app.now()).await?;
    let pager = Pager::new(&query, total, "/bulletins", &[]);
    let bulletins = bulletin::published(&read, app.now(), pager.limit(), pager.offset()).await?;
    page::render(&ListPage { shell: frame::public(&app, &caller, "通知公告"), bulletins, pager })
}

#[derive(Template)]
#[template(path = "home/bulletin.html")]
struct DetailPage {
    shell: Shell,
    bulletin: Bulletin,
}

/// One notice.
pub async fn show(State(app): State<App>, caller: Caller, Path(id): Path<BulletinId>) -> Result<Response, AppError> {
    let bulletin = bulletin::load(&app.db.read(), id, app.now()).await?;
    page::render(&DetailPage { shell: frame::public(&app, &caller, &bulletin.title), bulletin })
}

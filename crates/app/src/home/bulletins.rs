//! 通知公告: list and detail, without login (R-1-01).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::bulletin::{self, Bulletin};
use domain::ids::{BulletinFileId, BulletinId};
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::Caller;
use kit::shell::Shell;

use crate::frame;
use crate::parts::prose::Prose;
use crate::parts::{files, view};

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
    prose: Prose,
    /// Id, name and size.
    files: Vec<(BulletinFileId, String, String)>,
}

/// One notice.
pub async fn show(State(app): State<App>, caller: Caller, Path(id): Path<BulletinId>) -> Result<Response, AppError> {
    let read = app.db.read();
    let bulletin = bulletin::load(&read, id, app.now()).await?;
    let files = bulletin::files(&read, id).await?;
    page::render(&DetailPage {
        shell: frame::public(&app, &caller, &bulletin.title),
        prose: Prose::of(&bulletin.body, bulletin.format),
        files: files.into_iter().map(|f| (f.id, f.name, view::size(f.size_bytes))).collect(),
        bulletin,
    })
}

/// A file of a notice, for everybody who may read it; always a download.
pub async fn file(
    State(app): State<App>,
    Path((id, file)): Path<(BulletinId, BulletinFileId)>,
) -> Result<Response, AppError> {
    let file = bulletin::public_file(&app.db.read(), id, file, app.now()).await?;
    files::download(&app, &file.object_key, &file.name, file.size_bytes).await
}

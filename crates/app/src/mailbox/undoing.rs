//! The link that an old mailbox got when it was replaced: it counts again, and whoever changed it is logged out (D29).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use db::DbError;
use db::mailbox::{self as store, Linked};
use kit::app::App;
use kit::error::AppError;
use kit::form::FormView;
use kit::page;
use kit::session::{Caller, Submitted, hash_of};
use kit::shell::Shell;

use crate::{frame, jobs};

#[derive(Template)]
#[template(path = "mailbox/undoing.html")]
struct UndoingPage {
    shell: Shell,
    form: FormView,
    token: String,
    linked: Option<Linked>,
    is_done: bool,
}

fn build(app: &App, caller: &Caller, token: String, linked: Option<Linked>, is_done: bool) -> UndoingPage {
    UndoingPage {
        shell: frame::public(app, caller, "恢复联系人邮箱"),
        form: FormView::blank(&caller.csrf),
        token,
        linked,
        is_done,
    }
}

/// What is taken back, and the button.
pub async fn show(State(app): State<App>, caller: Caller, Path(token): Path<String>) -> Result<Response, AppError> {
    match store::by_undo_link(&app.db.read(), &hash_of(&token), app.now()).await? {
        Some(linked) => page::render(&build(&app, &caller, token, Some(linked), false)),
        None => page::with_status(StatusCode::NOT_FOUND, &build(&app, &caller, token, None, false)),
    }
}

/// 恢复为本邮箱.
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let (linked, gone) = match store::undo(&tx, &hash_of(&token), &caller.address, app.now()).await {
        Ok(done) => done,
        Err(DbError::NotFound) => {
            drop(tx);
            return page::with_status(StatusCode::NOT_FOUND, &build(&app, &caller, token, None, false));
        }
        Err(other) => return Err(other.into()),
    };
    jobs::mailbox_restored(&tx, &app, linked.account_id, &linked.username, &gone).await?;
    tx.commit().await?;
    page::render(&build(&app, &caller, token, Some(linked), true))
}

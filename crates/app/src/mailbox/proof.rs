//! The link of a letter that proves a mailbox. Opening it changes nothing, because mail servers open links too; the button
//! on its page does.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use db::audit::By;
use db::mailbox::{self as store, How, Linked};
use kit::app::App;
use kit::error::AppError;
use kit::form::FormView;
use kit::page;
use kit::session::{Caller, Submitted, hash_of};
use kit::shell::Shell;

use crate::frame;
use crate::mailbox_proof::{accept, proved_sentence};

#[derive(Template)]
#[template(path = "mailbox/proof.html")]
struct ProofPage {
    shell: Shell,
    form: FormView,
    token: String,
    linked: Option<Linked>,
    done: &'static str,
}

fn build(app: &App, caller: &Caller, token: String, linked: Option<Linked>, done: &'static str) -> ProofPage {
    ProofPage {
        shell: frame::public(app, caller, "邮箱验证"),
        form: FormView::blank(&caller.csrf),
        token,
        linked,
        done,
    }
}

/// Whose mailbox it is, and the button.
pub async fn show(State(app): State<App>, caller: Caller, Path(token): Path<String>) -> Result<Response, AppError> {
    match store::by_link(&app.db.read(), &hash_of(&token), app.now()).await? {
        Some(linked) => page::render(&build(&app, &caller, token, Some(linked), "")),
        None => page::with_status(StatusCode::NOT_FOUND, &build(&app, &caller, token, None, "")),
    }
}

/// 确认邮箱.
pub async fn confirm(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let Some(linked) = store::by_link(&tx, &hash_of(&token), app.now()).await? else {
        drop(tx);
        return page::with_status(StatusCode::NOT_FOUND, &build(&app, &caller, token, None, ""));
    };
    let by = By {
        account: Some(linked.account_id),
        name: linked.username.clone(),
        bureau: None,
        address: caller.address.clone(),
    };
    let proved = accept(&tx, &app, linked.account_id, &linked.mailbox, How::Letter, "", &by).await?;
    tx.commit().await?;
    page::render(&build(&app, &caller, token, None, proved_sentence(&proved)))
}

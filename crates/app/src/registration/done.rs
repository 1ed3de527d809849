//! 注册成功: the user can log in at once (R-1.1-09).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use kit::app::{App, MailboxProof};
use kit::error::AppError;
use kit::page;
use kit::session::Caller;
use kit::shell::Shell;

use crate::frame;
use crate::parts::login_card::LoginCard;

#[derive(Template)]
#[template(path = "registration/done.html")]
struct DonePage {
    shell: Shell,
    card: LoginCard,
    /// The mailbox has to be proved.
    is_asked: bool,
}

/// The page after a registration.
pub async fn show(State(app): State<App>, caller: Caller) -> Result<Response, AppError> {
    let card = LoginCard::empty(&app, &caller);
    let is_asked = app.config.mailbox_proof != MailboxProof::NotAsked;
    page::render(&DonePage { shell: frame::public(&app, &caller, "注册成功"), card, is_asked })
}

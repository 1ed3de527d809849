//! 注册成功: the user can log in at once (R-1.1-09).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use kit::app::App;
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
}

/// The page after a registration.
pub async fn show(State(app): State<App>, caller: Caller) -> Result<Response, AppError> {
    let card = LoginCard::empty(&app, &caller);
    page::render(&DonePage { shell: frame::public(&app, &caller, "注册成功"), card })
}

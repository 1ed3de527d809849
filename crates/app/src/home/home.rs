//! The public home page: what CNCA publishes, and the login column (manual §1).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use db::bulletin::{self, Bulletin};
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::Caller;
use kit::shell::Shell;

use crate::frame;
use crate::parts::login_card::LoginCard;

/// How many notices the home page shows.
const SHOWN: i64 = 8;

#[derive(Template)]
#[template(path = "home/home.html")]
struct HomePage {
    shell: Shell,
    card: LoginCard,
    bulletins: Vec<Bulletin>,
}

/// 系统首页.
pub async fn show(State(app): State<App>, caller: Caller) -> Result<Response, AppError> {
    let bulletins = bulletin::published(&app.db.read(), app.now(), SHOWN, 0).await?;
    let mut shell = frame::public(&app, &caller, "首页");
    shell.lifted = true;
    let card = LoginCard::empty(&app, &caller);
    page::render(&HomePage { shell, card, bulletins })
}

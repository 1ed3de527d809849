//! 退出系统 (manual §1.3).

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use kit::app::App;
use kit::error::AppError;
use kit::session::{Caller, SESSION_COOKIE, Signed, Submitted};
use kit::{cookies, page};

/// Ends the session and shows the login page; a second click does no harm.
pub async fn submit(
    State(app): State<App>,
    caller: Caller,
    form: Result<Submitted, AppError>,
) -> Result<Response, AppError> {
    if caller.session.is_none() {
        return Ok(page::see_other("/login"));
    }
    form?;
    let tx = app.db.begin().await?;
    db::session::close(&tx, &caller.token_hash).await?;
    tx.commit().await?;
    let mut response = page::see_other("/login");
    if let Ok(value) = cookies::clear(SESSION_COOKIE, app.config.is_https()).parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// 继续: keeps the session alive when the page warns that it is about to end.
pub async fn keep_alive(State(app): State<App>, user: Signed, _form: Submitted) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    db::session::touch(&tx, &[user.session.id], app.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

//! A form that was sent after the session ended is not lost (E20): the page holds the login form and the body as
//! hidden fields, bound to its path; the same user logs in and sends it with one click.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use domain::ids::AccountId;

use crate::app::App;
use crate::error::AppError;
use crate::form::{FormData, parse_urlencoded};
use crate::page;
use crate::session::Caller;
use crate::shell::Shell;

/// The prefix of kept fields.
const KEPT: &str = "kept.";

#[derive(Template)]
#[template(path = "kit/session_ended.html")]
struct SessionEndedPage {
    shell: Shell,
    path: String,
    signature: String,
    kept: Vec<(String, String)>,
}

/// 登录已失效, with what was typed.
pub fn page(app: &App, caller: &Caller, body: Option<&[u8]>) -> Response {
    let pairs = body.map(parse_urlencoded).unwrap_or_default();
    let kept: Vec<_> = pairs.pairs().iter().filter(|(k, _)| k != "csrf" && !k.contains("password")).cloned().collect();
    let page = SessionEndedPage {
        shell: Shell {
            title: "登录已失效".to_owned(),
            now: app.now(),
            version: app.config.version,
            csrf: caller.csrf.clone(),
            ..Shell::default()
        },
        signature: app.key.sign("kept", &sealed(&caller.path, &kept)),
        path: caller.path.clone(),
        kept,
    };
    page::with_status(StatusCode::UNAUTHORIZED, &page).unwrap_or_else(|e| e.into_response())
}

/// What is bound together: the path and every field.
fn sealed(path: &str, kept: &[(String, String)]) -> String {
    kept.iter().fold(path.to_owned(), |text, (k, v)| format!("{text}\n{}:{k}={}:{v}", k.len(), v.len()))
}

#[derive(Template)]
#[template(path = "kit/resume.html")]
struct ResumePage {
    shell: Shell,
    path: String,
    kept: Vec<(String, String)>,
}

/// After log-in: the kept form, ready to be sent again; none when the log-in kept nothing.
pub fn resumed(app: &App, _account: AccountId, token: &str, login: &FormData) -> Option<Response> {
    let path = login.get("kept_path");
    if path.is_empty() {
        return None;
    }
    let kept: Vec<_> = login
        .pairs()
        .iter()
        .filter_map(|(k, v)| k.strip_prefix(KEPT).map(|k| (k.to_owned(), v.clone())))
        .collect();
    if !app.key.verifies("kept", &sealed(path, &kept), login.get("kept_signature")) {
        return None;
    }
    let page = ResumePage {
        shell: Shell {
            title: "继续提交".to_owned(),
            now: app.now(),
            version: app.config.version,
            csrf: app.key.sign("csrf", token),
            ..Shell::default()
        },
        path: path.to_owned(),
        kept,
    };
    Some(page::render(&page).unwrap_or_else(AppError::into_response))
}

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
    let is_typed = |k: &str| k != "csrf" && !k.contains("password");
    let kept: Vec<_> = match caller.owner {
        Some(_) => pairs.pairs().iter().filter(|(k, _)| is_typed(k)).cloned().collect(),
        // Nobody knows whose it was; the browser's page behind still shows it.
        None => Vec::new(),
    };
    let page = SessionEndedPage {
        shell: Shell {
            title: "登录已失效".to_owned(),
            now: app.now(),
            version: app.config.version,
            csrf: caller.csrf.clone(),
            ..Shell::default()
        },
        signature: caller
            .owner
            .map_or_else(String::new, |owner| app.key.sign("kept", &sealed(&caller.path, owner, &kept))),
        path: caller.path.clone(),
        kept,
    };
    page::with_status(StatusCode::UNAUTHORIZED, &page).unwrap_or_else(AppError::into_response)
}

/// What is bound together: the path, the user and every field. Browsers write line breaks in two ways.
fn sealed(path: &str, owner: AccountId, kept: &[(String, String)]) -> String {
    kept.iter().fold(format!("{path}\n{owner}"), |text, (k, v)| {
        let v = v.replace("\r\n", "\n");
        format!("{text}\n{}:{k}={}:{v}", k.len(), v.len())
    })
}

/// The hidden fields of a kept form inside a login form: a mistyped password does not lose them.
pub fn carried(login: &FormData) -> Vec<(&str, &str)> {
    let is_kept = |k: &str| k.starts_with(KEPT) || k == "kept_path" || k == "kept_signature";
    login.pairs().iter().filter(|(k, _)| is_kept(k)).map(|(k, v)| (k.as_str(), v.as_str())).collect()
}

#[derive(Template)]
#[template(path = "kit/resume.html")]
struct ResumePage {
    shell: Shell,
    path: String,
    kept: Vec<(String, String)>,
}

/// After log-in: the kept form, ready to be sent again; none when the log-in kept nothing.
pub fn resumed(app: &App, account: AccountId, token: &str, login: &FormData) -> Option<Response> {
    let path = login.get("kept_path");
    if path.is_empty() {
        return None;
    }
    let kept: Vec<_> =
        login.pairs().iter().filter_map(|(k, v)| k.strip_prefix(KEPT).map(|k| (k.to_owned(), v.clone()))).collect();
    if !app.key.verifies("kept", &sealed(path, account, &kept), login.get("kept_signature")) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_kept_form_belongs_to_its_page_and_its_user() {
        let (one, other) = (AccountId::new(1), AccountId::new(2));
        let typed = pairs(&[("purpose", "第一行\r\n第二行"), ("a", "1")]);
        let sealed_once = sealed("/applications/1/basics", one, &typed);
        assert_ne!(sealed_once, sealed("/applications/1/basics", other, &typed));
        assert_ne!(sealed_once, sealed("/applications/2/basics", one, &typed));
        assert_ne!(sealed_once, sealed("/applications/1/basics", one, &pairs(&[("purpose", "第一行"), ("a", "1")])));
        // The same text after a round through a hidden field.
        let again = pairs(&[("purpose", "第一行\n第二行"), ("a", "1")]);
        assert_eq!(sealed_once, sealed("/applications/1/basics", one, &again));
    }

    #[test]
    fn a_mistyped_password_carries_the_kept_form_on() {
        let login = FormData::from_pairs(pairs(&[
            ("csrf", "x"),
            ("kept_path", "/a"),
            ("kept_signature", "s"),
            ("kept.purpose", "展览"),
            ("password", "secret"),
        ]));
        assert_eq!(carried(&login), [("kept_path", "/a"), ("kept_signature", "s"), ("kept.purpose", "展览")]);
    }
}

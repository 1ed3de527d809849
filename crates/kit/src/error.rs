//! What can go wrong in a request, and the one place where it becomes a page: what happened, what to do, request id.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use db::DbError;
use tracing::Instrument as _;

use crate::app::App;
use crate::kept::{Kept, Typed};
use crate::shell::Shell;

/// Why a request was not done. Sentences are for the user: why, and what to do.
#[derive(Debug)]
pub enum AppError {
    /// Not there, or not visible to this user.
    NotFound,
    /// This user may not.
    Forbidden(String),
    /// Somebody was faster, or the state does not allow it.
    Conflict(String),
    /// Somebody was faster: the sentence says who did what and when, and how things stand now.
    Overtaken {
        /// The sentence.
        sentence: String,
        /// The page that shows the newest state.
        newest: String,
    },
    /// The request makes no sense.
    Invalid(String),
    /// More than is taken.
    TooLarge(String),
    /// Too often.
    TooMany(String),
    /// The login session has ended.
    SessionEnded,
    /// Our fault; the chain is logged once, the user sees the request id.
    Internal(anyhow::Error),
}

impl From<anyhow::Error> for AppError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl From<DbError> for AppError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NotFound => Self::NotFound,
            DbError::Overtaken(sentence) | DbError::Refused(sentence) => Self::Conflict(sentence),
            DbError::Duplicate(_) | DbError::Inconsistent(_) | DbError::Sql(_) => Self::Internal(error.into()),
        }
    }
}

/// What the page will say; carried beside the response to [`pages`].
#[derive(Debug, Clone)]
struct Explanation {
    heading: &'static str,
    icon: &'static str,
    sentence: String,
    /// Where the newest state is shown.
    newest: Option<String>,
}

impl Explanation {
    fn not_found() -> Self {
        Self {
            heading: "没有找到该页面或记录",
            icon: "search-off",
            sentence: "网址可能有误，记录可能已删除，或者您的账号不能查看。请从主页或列表重新进入。".to_owned(),
            newest: None,
        }
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let mut newest = None;
        let (status, heading, icon, sentence) = match self {
            Self::NotFound => {
                let Explanation { heading, icon, sentence, .. } = Explanation::not_found();
                (StatusCode::NOT_FOUND, heading, icon, sentence)
            }
            Self::Forbidden(why) => (StatusCode::FORBIDDEN, "没有权限", "lock", why),
            Self::Conflict(why) => (StatusCode::CONFLICT, "没有办成，内容已有变化", "refresh", why),
            Self::Overtaken { sentence, newest: href } => {
                newest = Some(href);
                (StatusCode::CONFLICT, "没有办成，他人已先办理", "refresh", sentence)
            }
            Self::Invalid(why) => (StatusCode::BAD_REQUEST, "提交的内容无法识别", "alert-triangle", why),
            Self::TooLarge(why) => (StatusCode::PAYLOAD_TOO_LARGE, "提交的内容过大", "alert-triangle", why),
            Self::TooMany(why) => (StatusCode::TOO_MANY_REQUESTS, "操作过于频繁", "clock", why),
            Self::SessionEnded => (
                StatusCode::UNAUTHORIZED,
                "登录已失效",
                "clock-off",
                "您已较长时间没有操作，请重新登录后继续。".to_owned(),
            ),
            Self::Internal(error) => {
                tracing::error!(error = format!("{error:#}"), "request failed: {error:#}");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "系统出现故障",
                    "server-bolt",
                    "本次操作没有完成，故障已记录。请稍后重试；如仍不成功，请将下方的请求编号告知技术支持。".to_owned(),
                )
            }
        };
        let mut response = status.into_response();
        response.extensions_mut().insert(Explanation { heading, icon, sentence, newest });
        response
    }
}

#[derive(Template)]
#[template(path = "kit/error.html")]
struct ErrorPage {
    shell: Shell,
    heading: &'static str,
    icon: &'static str,
    sentence: String,
    newest: Option<String>,
    request_id: String,
    kept: Kept,
}

#[derive(Template)]
#[template(path = "kit/error_fragment.html")]
struct ErrorFragment {
    heading: &'static str,
    sentence: String,
}

/// Turns what an [`AppError`] left into a page, and what the framework refused by itself too.
pub async fn pages(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let typed = Typed::default();
    request.extensions_mut().insert(typed.clone());
    let request_id = request.headers().get("x-request-id").and_then(|v| v.to_str().ok()).unwrap_or("-").to_owned();
    let headers = request.headers();
    // Only the upload list takes a row; the other parts that htmx asks for are whole pages.
    let is_upload = headers.contains_key("hx-request")
        && headers.get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"multipart/"));
    // Whatever is logged on the way carries the number that the user reads on the page.
    let mut response = next.run(request).instrument(tracing::error_span!("request", id = %request_id)).await;
    let explained = response.extensions().get::<Explanation>().cloned();
    let bare = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|t| t.to_str().is_ok_and(|t| t.starts_with("text/plain")));
    let explanation = match (explained, response.status()) {
        (Some(explanation), _) => explanation,
        (None, StatusCode::FORBIDDEN) if bare => Explanation {
            heading: "没有权限",
            icon: "lock",
            sentence: "请求来自其他网站，已被拒绝。请从本系统的页面操作。".to_owned(),
            newest: None,
        },
        (None, StatusCode::PAYLOAD_TOO_LARGE) if bare => Explanation {
            heading: "提交的内容过大",
            icon: "alert-triangle",
            sentence: "请减少内容后重新提交。".to_owned(),
            newest: None,
        },
        // A path or query that cannot be read is an address that does not exist.
        (None, status) if bare && status.is_client_error() => {
            *response.status_mut() = StatusCode::NOT_FOUND;
            Explanation::not_found()
        }
        (None, _) => return response,
    };
    response.extensions_mut().insert(explanation);
    if is_upload {
        return fragment(&response);
    }
    let kept = typed.kept(&app.references.now());
    page(&app, response, &request_id, kept)
}

fn page(app: &App, response: Response, request_id: &str, kept: Kept) -> Response {
    let status = response.status();
    let Some(e) = response.extensions().get::<Explanation>().cloned() else { return response };
    let page = ErrorPage {
        shell: Shell { title: e.heading.to_owned(), now: app.now(), version: app.config.version, ..Shell::default() },
        heading: e.heading,
        icon: e.icon,
        sentence: e.sentence,
        newest: e.newest,
        request_id: request_id.to_owned(),
        kept,
    };
    match crate::page::with_status(status, &page) {
        Ok(mut rendered) => {
            for cookie in response.headers().get_all(header::SET_COOKIE) {
                rendered.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            rendered
        }
        Err(_) => status.into_response(),
    }
}

/// A refusal as one row of the upload list.
fn fragment(response: &Response) -> Response {
    let status = response.status();
    let Some(e) = response.extensions().get::<Explanation>().cloned() else { return status.into_response() };
    crate::page::with_status(status, &ErrorFragment { heading: e.heading, sentence: e.sentence })
        .unwrap_or_else(|_| status.into_response())
}

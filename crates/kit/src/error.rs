//! What can go wrong in a request, and the one place where it becomes a page: what happened, what to do, request id.

use std::time::Duration;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use db::{Cause, DbError};
use futures_util::StreamExt as _;
use tracing::Instrument as _;

use crate::app::App;
use crate::form::parse_urlencoded;
use crate::kept::{Kept, Typed};
use crate::session::is_urlencoded;
use crate::shell::Shell;

/// How long a request may take until its answer begins. Uploads over slow lines are the longest.
const REQUEST_LIMIT: Duration = Duration::from_mins(2);

/// When a browser or a script should ask again.
const RETRY_AFTER_SECONDS: &str = "10";

/// A form up to this size is offered to be sent again; as large as what survives the end of a session (E20).
const KEPT_BYTES: usize = 64 * 1024;

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
    /// The database cannot do it at the moment; nothing was stored, or it is not known. Trying again may help.
    Unavailable(DbError),
    /// The request took longer than any may.
    TooSlow,
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
            DbError::Unavailable { .. } | DbError::Unconfirmed(_) => Self::Unavailable(error),
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
    /// Whether the same request may succeed a little later: then the page offers to send the form again.
    again: bool,
    /// Where the newest state is shown.
    newest: Option<String>,
}

impl Explanation {
    fn not_found() -> Self {
        Self {
            heading: "没有找到该页面或记录",
            icon: "search-off",
            sentence: "网址可能有误，记录可能已删除，或者您的账号不能查看。请从主页或列表重新进入。".to_owned(),
            again: false,
            newest: None,
        }
    }
}

/// What the user is told when the database cannot do it.
fn unavailable(error: &DbError) -> (&'static str, &'static str) {
    match error {
        DbError::Unconfirmed(_) => (
            "不能确定是否已经保存",
            "系统没有收到数据库的确认，不能确定本次操作是否已经保存。请先打开相关页面查看；如果没有保存，再重新提交。",
        ),
        DbError::Unavailable { cause: Cause::Full, .. } => (
            "系统暂时不能保存",
            "服务器的存储空间已用完，本次操作没有保存。请稍后重试；如仍不成功，请将请求编号告知技术支持。",
        ),
        DbError::Unavailable { cause: Cause::ReadOnly, .. } => {
            ("系统暂时不能保存", "系统正在维护，暂时只能查看，本次操作没有保存。请稍后重试。")
        }
        DbError::Unavailable { cause: Cause::Storage, .. } => (
            "系统暂时不能保存",
            "服务器的存储设备出现故障，本次操作没有保存。请稍后重试；如仍不成功，请将请求编号告知技术支持。",
        ),
        _ => ("系统暂时没有响应", "数据库暂时没有响应，本次操作没有完成。请稍等片刻再试。"),
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
            Self::Unavailable(error) => {
                tracing::error!(%error, "the database could not do what a request needed: {error}");
                let (heading, sentence) = unavailable(&error);
                (StatusCode::SERVICE_UNAVAILABLE, heading, "server-bolt", sentence.to_owned())
            }
            Self::TooSlow => (
                StatusCode::SERVICE_UNAVAILABLE,
                "等待时间过长",
                "clock",
                "本次请求长时间没有完成，已经停止。请稍后重试；上传较大的文件时，请检查网络后重新选择文件。".to_owned(),
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
        let again = status == StatusCode::SERVICE_UNAVAILABLE;
        let mut response = status.into_response();
        if again {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response.extensions_mut().insert(Explanation { heading, icon, sentence, again, newest });
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
    retry: Option<Retry>,
    kept: Kept,
}

/// How to ask for the same again.
enum Retry {
    /// A page: its address.
    Page(String),
    /// A form: its address and everything that was sent.
    Form(String, Vec<(String, String)>),
    /// A form that is not repeated from here: it holds a password, files, or more than is kept.
    Back,
}

impl Retry {
    fn of(sent: &Sent, again: bool) -> Option<Self> {
        if !again {
            return None;
        }
        if !sent.is_post {
            return Some(Self::Page(sent.address.clone()));
        }
        let Some(body) = sent.body.as_deref() else { return Some(Self::Back) };
        let pairs = parse_urlencoded(body);
        if pairs.pairs().is_empty() || pairs.pairs().iter().any(|(name, _)| is_secret(name)) {
            return Some(Self::Back);
        }
        Some(Self::Form(sent.address.clone(), pairs.pairs().to_vec()))
    }
}

/// Fields that no page repeats: passwords, and codes that are good once.
fn is_secret(name: &str) -> bool {
    name.contains("password") || name == "code" || name == "renew_code"
}

/// A request as the page needs it that offers to send it again.
struct Sent {
    address: String,
    is_post: bool,
    body: Option<Bytes>,
}

impl Sent {
    /// Reads a small form ahead and hands the request on with the same body. Larger bodies and files are passed through.
    async fn of(request: Request) -> (Self, Request) {
        let address = request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned();
        let is_post = request.method() == Method::POST;
        if !is_post || !is_urlencoded(request.headers()) {
            return (Self { address, is_post, body: None }, request);
        }
        let (parts, body) = request.into_parts();
        let mut stream = body.into_data_stream();
        let mut read = Vec::new();
        let mut is_whole = false;
        let mut broken = None;
        while read.iter().map(Bytes::len).sum::<usize>() <= KEPT_BYTES {
            match stream.next().await {
                Some(Ok(piece)) => read.push(piece),
                Some(Err(error)) => {
                    broken = Some(error);
                    break;
                }
                None => {
                    is_whole = true;
                    break;
                }
            }
        }
        let whole = Bytes::from(read.concat());
        if is_whole {
            let body = (whole.len() <= KEPT_BYTES).then(|| whole.clone());
            return (Self { address, is_post, body }, Request::from_parts(parts, Body::from(whole)));
        }
        let start = futures_util::stream::iter(std::iter::once(Ok(whole)).chain(broken.map(Err)));
        let body = Body::from_stream(start.chain(stream));
        (Self { address, is_post, body: None }, Request::from_parts(parts, body))
    }
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
    let mut sent = None;
    let answered = async {
        let (kept, request) = Sent::of(request).await;
        sent = Some(kept);
        next.run(request).await
    };
    // Whatever is logged on the way carries the number that the user reads on the page.
    let answered = answered.instrument(tracing::error_span!("request", id = %request_id));
    let mut response = match tokio::time::timeout(REQUEST_LIMIT, answered).await {
        Ok(response) => response,
        Err(_) => AppError::TooSlow.into_response(),
    };
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
            again: false,
            newest: None,
        },
        (None, StatusCode::PAYLOAD_TOO_LARGE) if bare => Explanation {
            heading: "提交的内容过大",
            icon: "alert-triangle",
            sentence: "请减少内容后重新提交。".to_owned(),
            again: false,
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
    page(&app, response, &request_id, sent.as_ref(), kept)
}

fn page(app: &App, response: Response, request_id: &str, sent: Option<&Sent>, kept: Kept) -> Response {
    let status = response.status();
    let Some(e) = response.extensions().get::<Explanation>().cloned() else { return response };
    let page = ErrorPage {
        shell: Shell { title: e.heading.to_owned(), now: app.now(), version: app.config.version, ..Shell::default() },
        heading: e.heading,
        icon: e.icon,
        sentence: e.sentence,
        newest: e.newest,
        request_id: request_id.to_owned(),
        retry: sent.and_then(|sent| Retry::of(sent, e.again)),
        kept,
    };
    match crate::page::with_status(status, &page) {
        Ok(mut rendered) => {
            for cookie in response.headers().get_all(header::SET_COOKIE) {
                rendered.headers_mut().append(header::SET_COOKIE, cookie.clone());
            }
            if let Some(seconds) = response.headers().get(header::RETRY_AFTER) {
                rendered.headers_mut().insert(header::RETRY_AFTER, seconds.clone());
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

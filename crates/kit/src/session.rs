//! Who is calling: the session behind the cookie, the token in every form, and the extractors of handlers.
//!
//! [`identify`] runs once per request, before the handlers: it reads the cookies, loads the session with one statement
//! and leaves a [`Caller`]. A handler names who may enter by its extractor: [`Signed`], [`EnterpriseUser`],
//! [`Filer`], [`BureauOfficer`], [`CncaUser`], [`Permitted`]; [`Submitted`] is the only way to read a form.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use db::audit::By;
use db::session::Session;
use domain::actor::{Actor, Bar, Cnca, Enterprise, Officer};
use domain::ids::AccountId;
use domain::policy::{self, Duty, EnterForOthers, Permit, Scope};
use http_body_util::BodyExt as _;
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::cookies;
use crate::error::AppError;
use crate::form::{FormData, parse_urlencoded};
use crate::kept::Typed;
use crate::random;

/// The name of the session cookie, without its prefix.
pub const SESSION_COOKIE: &str = "mianban";
/// The name of the visitor's cookie, without its prefix.
pub const VISITOR_COOKIE: &str = "mianban-visitor";
/// Below this path machines call, with a key of their own: they get no cookie.
const MACHINES: &str = "/api/";
/// A form of a session that ended is kept up to this size (E20).
pub const KEPT_BODY_BYTES: u64 = 64 * 1024;

/// Who is calling.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The live session, if signed in.
    pub session: Option<Arc<Session>>,
    /// SHA-256 of the session's token.
    pub token_hash: String,
    /// Whose session the cookie is or was: what he typed is kept for him alone (E20).
    pub owner: Option<AccountId>,
    /// The token for forms of this caller.
    pub csrf: String,
    /// Where the request came from.
    pub address: String,
    /// Path and query of the request.
    pub path: String,
    /// A message from the page before.
    pub flash: Option<String>,
}

impl Caller {
    /// The author of deeds done in this request.
    pub fn by(&self, actor: &Actor) -> By {
        By::actor(actor, &self.address)
    }
}

/// A token for a new session. It begins with the account, so that a form which arrives after the end of the session is
/// still known to be his; only its hash is stored, and only the whole of it opens the session.
pub fn new_token(account: AccountId) -> String {
    format!("{account}.{}", random::token())
}

/// The account a token was made for.
fn owner_of(token: &str) -> Option<AccountId> {
    token.split_once('.')?.0.parse().ok()
}

/// SHA-256 of a token, as stored.
pub fn hash_of(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// The middleware that identifies the caller, keeps visitors' cookies, and turns a form of an ended session into the
/// page that keeps it (E20).
pub async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let https = app.config.is_https();
    let headers = request.headers();
    let token = cookies::get(headers, SESSION_COOKIE, https);
    let visitor = cookies::get(headers, VISITOR_COOKIE, https);
    let address = address_of(&request, &app.config.trusted_proxies);
    let path = request.uri().path_and_query().map_or("/", |p| p.as_str()).to_owned();
    let is_machine = path.starts_with(MACHINES);

    let now = app.now();
    let token_hash = token.as_deref().map(hash_of).unwrap_or_default();
    let session = if token_hash.is_empty() {
        None
    } else {
        match db::session::find(&app.db.read(), &token_hash, now).await {
            Ok(found) => found.map(Arc::new),
            Err(error) => return AppError::from(error).into_response(),
        }
    };
    if let Some(s) = &session
        && now.seconds_since(s.last_seen_at) >= 60
    {
        // Full channel: the next request notes it.
        let _ = app.seen.try_send(s.id);
    }

    let mut new_visitor = None;
    let csrf = if let (Some(_), Some(token)) = (&session, &token) {
        app.key.sign("csrf", token)
    } else {
        let visitor = visitor.unwrap_or_else(|| {
            let fresh = random::token();
            new_visitor = Some(fresh.clone());
            fresh
        });
        app.key.sign("visitor", &visitor)
    };
    let signed_in = session.is_some();
    let flash = crate::flash::take(&app.key, https, request.headers());
    let had_flash = flash.is_some();
    let owner = token.as_deref().and_then(owner_of);
    let caller = Caller { session, token_hash, owner, csrf, address, path, flash };

    // A form that arrives after the session ended is not lost: it comes back inside the login page.
    let mut kept = None;
    if !signed_in && request.method() == Method::POST && is_small_form(request.headers()) {
        let (parts, body) = request.into_parts();
        match body.collect().await {
            Ok(collected) => {
                let bytes = collected.to_bytes();
                kept = Some(bytes.clone());
                request = Request::from_parts(parts, Body::from(bytes));
            }
            Err(_) => return AppError::Invalid("没有收到完整的表单，请重新提交。".to_owned()).into_response(),
        }
    }

    request.extensions_mut().insert(caller.clone());
    let mut response = next.run(request).await;
    if response.extensions().get::<SessionEnded>().is_some() {
        response = crate::session_ended::page(&app, &caller, kept.as_deref());
    }
    if had_flash
        && !response.status().is_redirection()
        && let Ok(value) = HeaderValue::from_str(&crate::flash::clearing(https))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    if let Some(visitor) = new_visitor
        && !is_machine
        && let Ok(value) = HeaderValue::from_str(&cookies::set(VISITOR_COOKIE, &visitor, https))
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

fn is_small_form(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    is_urlencoded(headers) && length.is_some_and(|n| n <= KEPT_BODY_BYTES)
}

pub(crate) fn is_urlencoded(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.starts_with("application/x-www-form-urlencoded"))
}

/// The client's address: the peer, or the nearest untrusted hop of `X-Forwarded-For` behind trusted proxies.
fn address_of(request: &Request, trusted: &[IpNet]) -> String {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip().to_canonical());
    let Some(peer) = peer else { return "-".to_owned() };
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|network| network.contains(ip));
    if !is_trusted(&peer) {
        return peer.to_string();
    }
    // A proxy may add a line of its own instead of going on with the one it was sent.
    let lines = request.headers().get_all("x-forwarded-for").iter().map(|v| v.to_str().unwrap_or_default());
    let hops: Vec<_> = lines.flat_map(|line| line.split(',')).collect();
    for hop in hops.into_iter().rev() {
        // What stands before a hop that is no address is not believed: the client may have written it.
        let Some(hop) = hop_of(hop.trim()) else { break };
        if !is_trusted(&hop) {
            return hop.to_string();
        }
    }
    peer.to_string()
}

/// An address, or an address with a port, as some proxies write it.
fn hop_of(text: &str) -> Option<IpAddr> {
    let ip = text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()));
    ip.map(|ip| ip.to_canonical())
}

/// Where the user changes his password.
pub const PASSWORD_PAGE: &str = "/profile/password";
/// Where the user sets his second factor up.
pub const SECOND_FACTOR_PAGE: &str = "/profile/second-factor";
/// What is open while a change is forced.
const OPEN_TO_ALL: [&str; 3] = [PASSWORD_PAGE, "/logout", "/session"];

/// Where he has to go before anything else, if this is not it: a one-time password is changed first (D18), then a second
/// factor set up where his bureau asks for one (R-C-06).
fn owed(session: &Session, path: &str) -> Option<&'static str> {
    if OPEN_TO_ALL.contains(&path) {
        None
    } else if session.must_change_password {
        Some(PASSWORD_PAGE)
    } else if session.must_set_second_factor && !path.starts_with(SECOND_FACTOR_PAGE) {
        Some(SECOND_FACTOR_PAGE)
    } else {
        None
    }
}

/// Marks a response that must become the session-ended page.
#[derive(Debug, Clone, Copy)]
pub struct SessionEnded;

/// Nobody is signed in: a GET goes to the login page and comes back, anything else keeps what was typed.
fn not_signed_in(parts: &Parts) -> Response {
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    if parts.method == Method::GET || parts.method == Method::HEAD {
        let next: String = percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC).to_string();
        let login = format!("/login?next={next}");
        if parts.headers.contains_key("hx-request") {
            // htmx would put the login page into a part of this page: it is told to leave the page instead.
            return (StatusCode::UNAUTHORIZED, [("hx-redirect", login)], Html(String::new())).into_response();
        }
        return crate::page::see_other(&login);
    }
    let mut response = AppError::SessionEnded.into_response();
    response.extensions_mut().insert(SessionEnded);
    response
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| AppError::Internal(anyhow::anyhow!("no caller")))
    }
}

/// Somebody signed in, of any kind.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The request's caller.
    pub caller: Caller,
    /// His session.
    pub session: Arc<Session>,
}

impl Signed {
    /// The actor, with the rights he has now.
    pub fn actor(&self) -> &Actor {
        &self.session.actor
    }

    /// What he can see.
    pub fn scope(&self) -> Scope {
        policy::scope(&self.session.actor)
    }

    /// The author of his deeds.
    pub fn by(&self) -> By {
        self.caller.by(&self.session.actor)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Signed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let caller = parts.extensions.get::<Caller>().cloned();
        match caller.map(|c| (c.session.clone(), c)) {
            Some((Some(session), caller)) => match owed(&session, parts.uri.path()) {
                Some(first) => Err(crate::page::see_other(first)),
                None => Ok(Self { caller, session }),
            },
            Some((None, _)) | None => Err(not_signed_in(parts)),
        }
    }
}

/// Declares an extractor for one kind of user; another kind gets a page that says so.
macro_rules! kind_of_user {
    ($(#[$doc:meta])* $name:ident, $variant:ident not $($other:ident)|+, $inner:ty, $sentence:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            /// Caller and session.
            pub signed: Signed,
            /// The user, with the rights he has now.
            pub user: $inner,
        }

        impl std::ops::Deref for $name {
            type Target = Signed;
            fn deref(&self) -> &Signed { &self.signed }
        }

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Response;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
                let signed = Signed::from_request_parts(parts, state).await?;
                match signed.session.actor.clone() {
                    Actor::$variant(user) => Ok(Self { signed, user }),
                    $(Actor::$other(_))|+ => Err(AppError::Forbidden($sentence.to_owned()).into_response()),
                }
            }
        }
    };
}

kind_of_user! {
    /// 企业用户.
    EnterpriseUser, Enterprise not Officer | Cnca, Enterprise,
    "该页面供企业用户使用。您登录的是检验检疫局或认监委账号，请返回主页，或退出系统后以企业账号登录。"
}
kind_of_user! {
    /// 检验检疫局人员.
    BureauOfficer, Officer not Enterprise | Cnca, Officer,
    "该页面供检验检疫局人员使用。请返回主页，或退出系统后以检验检疫局账号登录。"
}
kind_of_user! {
    /// 认监委人员.
    CncaUser, Cnca not Enterprise | Officer, Cnca,
    "该页面供认监委人员使用。请返回主页，或退出系统后以认监委账号登录。"
}

/// Whoever fills applications in: 企业用户 his own, 补录岗 those that his bureau enters for one (R-B-10). The same pages
/// serve both; which applications they change is [`policy::fills_in`].
#[derive(Debug, Clone)]
pub struct Filer {
    /// Caller and session.
    pub signed: Signed,
}

impl Filer {
    /// His account.
    pub fn account(&self) -> AccountId {
        self.signed.actor().account()
    }

    /// The proof that he enters for others; none for an enterprise's user.
    pub fn for_others(&self) -> Option<Permit<EnterForOthers>> {
        policy::permit(self.signed.actor()).ok()
    }
}

impl std::ops::Deref for Filer {
    type Target = Signed;
    fn deref(&self) -> &Signed {
        &self.signed
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Filer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let signed = Signed::from_request_parts(parts, state).await?;
        if policy::may_file(signed.actor()) {
            return Ok(Self { signed });
        }
        if matches!(signed.actor(), Actor::Enterprise(_)) {
            return Err(AppError::Forbidden(Bar::Viewer.to_string()).into_response());
        }
        let why = "该页面供企业用户和补录岗人员填写申请使用。请返回主页，或退出系统后以企业账号登录；需要补录时，请联系本局系统管理员配置岗位。";
        Err(AppError::Forbidden(why.to_owned()).into_response())
    }
}

/// Somebody of a bureau or of CNCA who holds a duty that belongs to no application.
#[derive(Debug)]
pub struct Permitted<D> {
    /// Caller and session.
    pub signed: Signed,
    /// The proof, for the deeds of `db`.
    pub permit: Permit<D>,
}

impl<D> std::ops::Deref for Permitted<D> {
    type Target = Signed;
    fn deref(&self) -> &Signed {
        &self.signed
    }
}

impl<D: Duty, S: Send + Sync> FromRequestParts<S> for Permitted<D> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let signed = Signed::from_request_parts(parts, state).await?;
        match policy::permit(signed.actor()) {
            Ok(permit) => Ok(Self { signed, permit }),
            Err(why) => Err(AppError::Forbidden(why.to_string()).into_response()),
        }
    }
}

/// A submitted form whose token is right: the only way to read one.
#[derive(Debug, Clone)]
pub struct Submitted(pub FormData);

impl<S: Send + Sync> FromRequest<S> for Submitted {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        let caller = request.extensions().get::<Caller>().cloned();
        let kept = request.extensions().get::<Typed>().cloned();
        let header = request.headers().get("x-csrf-token").and_then(|v| v.to_str().ok()).map(str::to_owned);
        if !is_urlencoded(request.headers()) {
            return Err(AppError::Invalid("表单格式不正确，请返回上一页重新提交。".to_owned()));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| AppError::TooLarge("提交的内容过多，请减少后重新提交。".to_owned()))?;
        let form = parse_urlencoded(&bytes);
        if let Some(kept) = kept {
            kept.note(&form);
        }
        let typed = header.unwrap_or_else(|| form.get("csrf").to_owned());
        check_token(caller.as_ref(), &typed)?;
        Ok(Self(form))
    }
}

/// Refuses a form whose token is not that of the caller; what was typed stays in the browser's page behind.
pub fn check_token(caller: Option<&Caller>, typed: &str) -> Result<(), AppError> {
    let right = caller.is_some_and(|c| bool::from(c.csrf.as_bytes().ct_eq(typed.as_bytes())));
    if right {
        Ok(())
    } else {
        Err(AppError::Conflict(
            "页面已失效（登录状态已变化），没有保存任何内容。请返回上一页，刷新后重新提交。".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<IpNet> =
            ["127.0.0.1/32", "10.0.0.0/8", "2001:db8::/32"].iter().map(|n| n.parse().unwrap()).collect();
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
        for line in forwarded {
            request.headers_mut().append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
        }
        address_of(&request, &trusted)
    }

    /// What a client writes into the header is believed only behind a proxy of a trusted network.
    #[test]
    fn the_nearest_hop_outside_of_the_trusted_networks_is_the_client() {
        assert_eq!(from("192.0.2.7", &["198.51.100.1"]), "192.0.2.7", "nobody trusts this peer");
        assert_eq!(from("10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(from("10.1.2.3", &["203.0.113.9, 198.51.100.1, 10.9.9.9"]), "198.51.100.1");
        assert_eq!(from("10.1.2.3", &["203.0.113.9", "198.51.100.1, 10.9.9.9"]), "198.51.100.1", "two lines");
        assert_eq!(from("::ffff:10.1.2.3", &["198.51.100.1"]), "198.51.100.1", "an IPv4 address on an IPv6 socket");
        assert_eq!(from("2001:db8::1", &["[2001:470::5]:4711"]), "2001:470::5", "with a port");
        assert_eq!(from("10.1.2.3", &["203.0.113.9, unknown"]), "10.1.2.3", "nothing before a hop that is none");
        assert_eq!(from("10.1.2.3", &[]), "10.1.2.3");
    }
}

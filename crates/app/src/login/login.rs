//! 登录: user type, name, password (manual §1.2); the same answer to every failure, and a lock after five (E18). Who has
//! switched 两步验证 on goes on to `second_factor`.

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::Query;
use db::Tx;
use db::account::Credentials;
use db::audit::By;
use db::one_time_password::OneTimePassword;
use domain::actor::AccountKind;
use domain::ids::AccountId;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData};
use kit::session::{Caller, SESSION_COOKIE, Submitted, hash_of, new_token};
use kit::shell::Shell;
use kit::{cookies, page, session_ended};

use super::second_factor;
use crate::parts::login_card::LoginCard;
use crate::{frame, mailbox_proof, passwords};

const FAILED: &str = "用户类型、用户名或密码不正确，请核对后重新输入";
/// One-time passwords that a log-in tries.
const NEWEST: usize = 3;
const LOCKED: &str = "连续输错次数过多，已锁定 15 分钟，请稍后再试";

#[derive(Template)]
#[template(path = "login/login.html")]
struct LoginPage {
    shell: Shell,
    card: LoginCard,
}

/// Where to go after log-in.
#[derive(serde::Deserialize)]
pub struct NextQuery {
    #[serde(default)]
    next: String,
}

/// The login card alone.
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<NextQuery>,
) -> Result<Response, AppError> {
    if caller.session.is_some() {
        return Ok(page::see_other("/main"));
    }
    let mut card = LoginCard::empty(&app, &caller);
    card.form.data.set("next", &query.next);
    page::render(&LoginPage { shell: frame::public(&app, &caller, "登录"), card })
}

/// 登录.
pub async fn submit(State(app): State<App>, caller: Caller, Submitted(form): Submitted) -> Result<Response, AppError> {
    let now = app.now();
    let username = text::half_width(form.get("username").trim());
    let subject = subject(&username, &caller);
    let mut errors = FieldErrors::default();
    if username.is_empty() {
        errors.add("username", "请填写用户名");
    }
    if form.get("password").is_empty() {
        errors.add("password", "请填写密码");
    }
    if !errors.is_empty() {
        return refused(&app, &caller, form, errors);
    }
    if db::session::is_locked(&app.db.read(), &subject, now).await? {
        errors.add("username", LOCKED);
        return refused(&app, &caller, form, errors);
    }

    let typed = form.get("password");
    let known = db::account::credentials(&app.db.read(), &username).await?;
    let fits = passwords::verify(typed, known.as_ref().map(|c| c.password_hash.as_str())).await?;
    let kind: Option<AccountKind> = form.get("kind").parse().ok();
    let candidate = known.filter(|c| !c.disabled && Some(c.kind) == kind);
    let one_time = match &candidate {
        Some(account) if !fits => one_time(&app, account.id, typed).await?,
        Some(_) | None => None,
    };
    let entered = candidate.filter(|_| fits || one_time.is_some());
    let Some(account) = entered else {
        let tx = app.db.begin().await?;
        db::session::note_failure(&tx, &subject, now).await?;
        tx.commit().await?;
        errors.add("username", FAILED);
        return refused(&app, &caller, form, errors);
    };
    if account.has_second_factor() {
        return second_factor::ask(&app, &caller, form, &account, one_time.map(|p| p.id));
    }
    let tx = app.db.begin().await?;
    enter(&app, &caller, tx, &account, one_time.as_ref(), &form).await
}

/// Everything asked for was right: the session begins, and the form that an ended one left behind goes on.
pub(super) async fn enter(
    app: &App,
    caller: &Caller,
    tx: Tx,
    account: &Credentials,
    one_time: Option<&OneTimePassword>,
    form: &FormData,
) -> Result<Response, AppError> {
    let now = app.now();
    if let Some(used) = one_time {
        let (name, address) = (account.username.clone(), caller.address.clone());
        let by = By { account: Some(account.id), name, bureau: None, address };
        db::one_time_password::redeem(&tx, account.id, used, &by, now).await?;
    }
    if account.kind == AccountKind::Enterprise {
        let (name, address) = (account.username.clone(), caller.address.clone());
        let by = By { account: Some(account.id), name, bureau: None, address };
        mailbox_proof::waive(&tx, app, account.id, &by).await?;
    }
    let profile = db::account::profile(&tx, account.id).await?;
    let token = new_token(account.id);
    if !caller.token_hash.is_empty() {
        // A log-in never continues an older session.
        db::session::close(&tx, &caller.token_hash).await?;
    }
    db::session::forgive(&tx, &subject(&account.username, caller)).await?;
    db::session::open(&tx, account.id, &hash_of(&token), &profile, now).await?;
    tx.commit().await?;

    let mut response = match session_ended::resumed(app, account.id, &token, form) {
        Some(kept) => kept,
        None => page::see_other(local(form.get("next"))),
    };
    let cookie = cookies::set(SESSION_COOKIE, &token, app.config.is_https());
    if let Ok(value) = cookie.parse() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// Under what failed log-ins are counted: the user and where he comes from (E18).
fn subject(username: &str, caller: &Caller) -> String {
    format!("{}|{}", text::fold(username), caller.address)
}

/// The one-time password that was typed, if it was one (D18). Only the newest few are tried: each costs a hash.
async fn one_time(app: &App, account: AccountId, typed: &str) -> Result<Option<OneTimePassword>, AppError> {
    let usable = db::one_time_password::usable(&app.db.read(), account, app.now()).await?;
    for candidate in usable.into_iter().take(NEWEST) {
        if passwords::verify(typed, Some(&candidate.password_hash)).await? {
            return Ok(Some(candidate));
        }
    }
    Ok(None)
}

/// Only addresses of this site; anything else is the main page.
fn local(next: &str) -> &str {
    let is_local = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\') && next != "/";
    if is_local { next } else { "/main" }
}

/// The log-in card again, with what is wrong.
pub(super) fn refused(app: &App, caller: &Caller, form: FormData, errors: FieldErrors) -> Result<Response, AppError> {
    let mut shell = frame::public(app, caller, "登录");
    shell.error_title = true;
    let card = LoginCard::again(app, caller, form, errors);
    Ok(page::unprocessable(&LoginPage { shell, card })?.into_response())
}

//! 两步验证 at the log-in: the code after the password.
//!
//! The password step leaves no session, only a ticket in the form of this page: signed, good for five minutes, for this
//! account with this password, in this browser. A form that was kept when a session ended is carried along (E20).

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use db::account::Credentials;
use db::audit::By;
use domain::ids::{AccountId, OneTimePasswordId};
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::session::{Caller, Submitted};
use kit::shell::Shell;
use kit::{page, session_ended};

use super::login;
use crate::{frame, jobs, second_factor};

/// How long a ticket is good.
const MINUTES: i64 = 5;
const EXPIRED: &str = "输入密码后已超过 5 分钟，或密码已修改，请重新登录";
/// What the form carries besides the ticket: where to go, and what the log-in card shows should the ticket be too old.
const CARRIED: [&str; 3] = ["next", "kind", "username"];

#[derive(Template)]
#[template(path = "login/second_factor.html")]
struct SecondFactorPage {
    shell: Shell,
    form: FormView,
    ticket: String,
}

impl SecondFactorPage {
    /// Everything of the log-in that goes on with the form.
    fn carried(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<_> = CARRIED.iter().map(|name| (*name, self.form.data.get(name))).collect();
        all.extend(session_ended::carried(&self.form.data));
        all
    }
}

/// The page, after the right password.
pub fn ask(
    app: &App,
    caller: &Caller,
    form: FormData,
    account: &Credentials,
    one_time: Option<OneTimePasswordId>,
) -> Result<Response, AppError> {
    let ticket = Ticket { account: account.id, one_time, expires: app.now().plus_minutes(MINUTES) };
    let ticket = ticket.signed(app, caller, account);
    page::render(&build(app, caller, form, ticket, FieldErrors::default()))
}

fn build(app: &App, caller: &Caller, mut form: FormData, ticket: String, errors: FieldErrors) -> SecondFactorPage {
    // A code is typed anew every time.
    form.set("code", "");
    let mut shell = frame::public(app, caller, "两步验证");
    shell.error_title = !errors.is_empty();
    SecondFactorPage { shell, form: FormView::new(form, errors, &caller.csrf), ticket }
}

/// Somebody came by the address alone: the log-in begins with the password.
pub async fn show() -> Response {
    page::see_other("/login")
}

/// 登录: the code is right, and the session begins.
pub async fn submit(State(app): State<App>, caller: Caller, Submitted(form): Submitted) -> Result<Response, AppError> {
    let now = app.now();
    let typed_ticket = form.get("ticket").to_owned();
    let Some((ticket, account)) = Ticket::read(&app, &caller, &typed_ticket).await? else {
        let mut errors = FieldErrors::default();
        errors.add("password", EXPIRED);
        return login::refused(&app, &caller, form, errors);
    };
    let again = |form: FormData, sentence: &str| {
        let mut errors = FieldErrors::default();
        errors.add("code", sentence);
        Ok(page::unprocessable(&build(&app, &caller, form, typed_ticket.clone(), errors))?.into_response())
    };
    if form.get("code").trim().is_empty() {
        return again(form, "请填写验证码");
    }
    let subject = second_factor::subject(account.id);
    if db::session::is_locked(&app.db.read(), &subject, now).await? {
        return again(form, second_factor::LOCKED);
    }
    let factor = db::second_factor::of(&app.db.read(), account.id).await?;
    let proof = match &factor {
        Some(factor) => second_factor::read(&app, account.id, &account.username, factor, form.get("code"))?,
        None => None,
    };
    let by =
        By { account: Some(account.id), name: account.username.clone(), bureau: None, address: caller.address.clone() };
    let tx = app.db.begin().await?;
    let fits = match &proof {
        Some(proof) => second_factor::spend(&tx, account.id, proof, &by, now).await?,
        None => false,
    };
    if !fits {
        db::session::note_failure(&tx, &subject, now).await?;
        tx.commit().await?;
        return again(form, second_factor::WRONG);
    }
    db::session::forgive(&tx, &subject).await?;
    if let Some(second_factor::Proof::Code(_)) = proof {
        jobs::recovery_code_used(&tx, &app, account.id, &by).await?;
    }
    let one_time = match ticket.one_time {
        Some(id) => {
            let usable = db::one_time_password::usable(&tx, account.id, now).await?;
            // Used meanwhile by somebody else, or over: the log-in begins anew.
            let Some(found) = usable.into_iter().find(|p| p.id == id) else {
                return Ok(page::see_other("/login"));
            };
            Some(found)
        }
        None => None,
    };
    login::enter(&app, &caller, tx, &account, one_time.as_ref(), &form).await
}

/// Proof that the password was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticket {
    account: AccountId,
    /// The one-time password that was typed (D18); it is used up only when the log-in succeeds.
    one_time: Option<OneTimePasswordId>,
    expires: Instant,
}

impl Ticket {
    fn text(&self) -> String {
        format!("{}.{}.{}", self.account, self.one_time.map_or(0, OneTimePasswordId::get), self.expires.millis())
    }

    /// What is signed: a ticket is void as soon as the password changes, and in any other browser.
    fn bound(&self, caller: &Caller, account: &Credentials) -> String {
        format!("{}\n{}\n{}", self.text(), caller.csrf, account.password_hash)
    }

    fn signed(&self, app: &App, caller: &Caller, account: &Credentials) -> String {
        format!("{}.{}", self.text(), app.key.sign("login-ticket", &self.bound(caller, account)))
    }

    /// A ticket of ours that is still good, with its account.
    async fn read(app: &App, caller: &Caller, typed: &str) -> Result<Option<(Self, Credentials)>, AppError> {
        let mut parts = typed.split('.');
        let mut number = || parts.next().and_then(|p| p.parse::<i64>().ok());
        let (Some(account), Some(one_time), Some(expires)) = (number(), number(), number()) else { return Ok(None) };
        let ticket = Self {
            account: AccountId::new(account),
            one_time: (one_time != 0).then(|| OneTimePasswordId::new(one_time)),
            expires: Instant::from_millis(expires),
        };
        if app.now() >= ticket.expires {
            return Ok(None);
        }
        let found = db::account::credentials_of(&app.db.read(), ticket.account).await?;
        let Some(account) = found.filter(|a| !a.disabled && a.has_second_factor()) else { return Ok(None) };
        let signature = parts.next().unwrap_or_default();
        let is_ours = app.key.verifies("login-ticket", &ticket.bound(caller, &account), signature);
        Ok((is_ours && parts.next().is_none()).then_some((ticket, account)))
    }
}

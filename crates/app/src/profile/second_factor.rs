//! 两步验证: switched on with an authenticator and confirmed by a code, switched off with the password and a code.

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use db::Tx;
use domain::ids::AccountId;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::session::{Signed, Submitted};
use kit::shell::Shell;
use kit::{flash, page, random};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

use crate::frame::{self, Entry};
use crate::passwords;
use crate::second_factor::{self, Enrolment, LOCKED};

/// How far the user is.
enum Stage {
    /// Not switched on.
    Off,
    /// The authenticator is being set up.
    Pending(Enrolment),
    /// Switched on.
    On {
        /// Since when.
        since: String,
        /// Recovery codes that are left.
        codes_left: i64,
    },
}

#[derive(Template)]
#[template(path = "profile/second_factor.html")]
struct SecondFactorPage {
    shell: Shell,
    form: FormView,
    stage: Stage,
    /// His bureau, or CNCA, asks for it, and he has none.
    is_forced: bool,
}

#[derive(Template)]
#[template(path = "profile/recovery_codes.html")]
struct RecoveryCodesPage {
    shell: Shell,
    codes: Vec<String>,
    is_new: bool,
}

const ASK_PASSWORD: &str = "请填写密码";
const PAGE: &str = "/profile/second-factor";
const TITLE: &str = "两步验证";
const CRUMBS: [(&str, &str); 1] = [("修改密码", "/profile/password")];

/// The page.
pub async fn show(State(app): State<App>, user: Signed) -> Result<Response, AppError> {
    render(&app, &user, FieldErrors::default()).await
}

async fn render(app: &App, user: &Signed, errors: FieldErrors) -> Result<Response, AppError> {
    let id = user.session.actor.account();
    let read = app.db.read();
    let stage = match db::second_factor::of(&read, id).await? {
        None => Stage::Off,
        Some(factor) => match factor.confirmed_at {
            None => Stage::Pending(second_factor::enrolment(app, id, &user.session.username, &factor.salt)?),
            Some(at) => Stage::On { since: at.china(), codes_left: db::second_factor::codes_left(&read, id).await? },
        },
    };
    let mut shell = frame::signed(app, user, TITLE, Entry::Profile, &CRUMBS).await?;
    let invalid = !errors.is_empty();
    shell.error_title = invalid;
    // Passwords and codes are typed anew every time.
    let form = FormView::new(FormData::default(), errors, &user.caller.csrf);
    let is_forced = user.session.must_set_second_factor;
    let page = SecondFactorPage { shell, form, stage, is_forced };
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}

/// 开始设置, with the password: a new secret, in place of one that was begun before.
pub async fn begin(State(app): State<App>, user: Signed, Submitted(form): Submitted) -> Result<Response, AppError> {
    let mut errors = FieldErrors::default();
    if form.get("password").is_empty() {
        errors.add("password", ASK_PASSWORD);
    } else if let Some(why) = wrong_password(&app, &user, form.get("password")).await? {
        errors.add("password", why);
    }
    if !errors.is_empty() {
        return render(&app, &user, errors).await;
    }
    let tx = app.db.begin().await?;
    db::second_factor::begin(&tx, user.session.actor.account(), &random::token(), app.now()).await?;
    tx.commit().await?;
    Ok(page::see_other(PAGE))
}

/// The QR code of a factor that is being set up; afterwards it does not exist any more.
pub async fn qr(State(app): State<App>, user: Signed) -> Result<Response, AppError> {
    let id = user.session.actor.account();
    let found = db::second_factor::of(&app.db.read(), id).await?;
    let factor = found.filter(|f| f.confirmed_at.is_none()).ok_or(AppError::NotFound)?;
    let enrolment = second_factor::enrolment(&app, id, &user.session.username, &factor.salt)?;
    let code = QrCode::with_error_correction_level(&enrolment.address, EcLevel::M).map_err(anyhow::Error::new)?;
    let image = code.render::<svg::Color<'_>>().min_dimensions(220, 220).quiet_zone(true).build();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "no-store")], image).into_response())
}

/// 启用: the authenticator shows the right code. The recovery codes are shown this once.
pub async fn confirm(State(app): State<App>, user: Signed, Submitted(form): Submitted) -> Result<Response, AppError> {
    let id = user.session.actor.account();
    let now = app.now();
    let Some(factor) = db::second_factor::of(&app.db.read(), id).await?.filter(|f| f.confirmed_at.is_none()) else {
        return Ok(page::see_other(PAGE));
    };
    let subject = second_factor::subject(id);
    let mut errors = FieldErrors::default();
    if form.get("code").trim().is_empty() {
        errors.add("code", "请填写身份验证器显示的 6 位数字");
        return render(&app, &user, errors).await;
    }
    if db::session::is_locked(&app.db.read(), &subject, now).await? {
        errors.add("code", LOCKED);
        return render(&app, &user, errors).await;
    }
    let proof = second_factor::read(&app, id, &user.session.username, &factor, form.get("code"))?;
    let tx = app.db.begin().await?;
    let Some(second_factor::Proof::Step(step)) = proof else {
        db::session::note_failure(&tx, &subject, now).await?;
        tx.commit().await?;
        errors.add("code", "验证码不正确。请核对手机的时间是否准确，再输入当前显示的 6 位数字");
        return render(&app, &user, errors).await;
    };
    let (codes, hashes) = second_factor::new_codes(&app, id);
    let kept = &user.caller.token_hash;
    db::second_factor::confirm(&tx, id, &factor.salt, step, &hashes, kept, &user.by(), now).await?;
    db::session::forgive(&tx, &subject).await?;
    tx.commit().await?;
    show_codes(&app, &user, codes, true).await
}

async fn show_codes(app: &App, user: &Signed, codes: Vec<String>, is_new: bool) -> Result<Response, AppError> {
    let crumbs = [CRUMBS[0], (TITLE, PAGE)];
    let shell = frame::signed(app, user, "恢复码", Entry::Profile, &crumbs).await?;
    page::render(&RecoveryCodesPage { shell, codes, is_new })
}

/// 重新生成恢复码: with the password and a code; the older ones are void.
pub async fn renew_codes(
    State(app): State<App>,
    user: Signed,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = match proven(&app, &user, &form, "renew_").await? {
        Ok(tx) => tx,
        Err(errors) => return render(&app, &user, errors).await,
    };
    let id = user.session.actor.account();
    let (codes, hashes) = second_factor::new_codes(&app, id);
    db::second_factor::renew_codes(&tx, id, &hashes, &user.by(), app.now()).await?;
    tx.commit().await?;
    show_codes(&app, &user, codes, false).await
}

/// 停用 with the password and a code; 放弃设置 without, while it is not switched on yet.
pub async fn remove(State(app): State<App>, user: Signed, Submitted(form): Submitted) -> Result<Response, AppError> {
    let id = user.session.actor.account();
    if form.has("give_up") {
        let tx = app.db.begin().await?;
        db::second_factor::give_up(&tx, id).await?;
        tx.commit().await?;
        return Ok(page::see_other(PAGE));
    }
    let tx = match proven(&app, &user, &form, "").await? {
        Ok(tx) => tx,
        Err(errors) => return render(&app, &user, errors).await,
    };
    db::second_factor::disable(&tx, id, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(flash::to(&app.key, app.config.is_https(), PAGE, "两步验证已停用，登录时只需输入密码。"))
}

/// The user shows once more that it is him: password and code, both counted like those of a log-in. The code is spent in
/// the transaction that comes back.
async fn proven(app: &App, user: &Signed, form: &FormData, prefix: &str) -> Result<Result<Tx, FieldErrors>, AppError> {
    let id = user.session.actor.account();
    let now = app.now();
    let [password, code] = ["password", "code"].map(|name| format!("{prefix}{name}"));
    let mut errors = FieldErrors::default();
    let Some(factor) = db::second_factor::of(&app.db.read(), id).await?.filter(|f| f.confirmed_at.is_some()) else {
        return Err(AppError::Conflict("两步验证没有启用，请刷新后查看。".to_owned()));
    };
    if form.get(&password).is_empty() {
        errors.add(&password, ASK_PASSWORD);
    }
    if form.get(&code).trim().is_empty() {
        errors.add(&code, "请填写验证码或恢复码");
    }
    if !errors.is_empty() {
        return Ok(Err(errors));
    }
    let subject = second_factor::subject(id);
    if db::session::is_locked(&app.db.read(), &subject, now).await? {
        errors.add(&code, LOCKED);
        return Ok(Err(errors));
    }
    if let Some(why) = wrong_password(app, user, form.get(&password)).await? {
        errors.add(&password, why);
        return Ok(Err(errors));
    }
    let proof = second_factor::read(app, id, &user.session.username, &factor, form.get(&code))?;
    let tx = app.db.begin().await?;
    if spent(&tx, user, id, proof.as_ref(), now).await? {
        db::session::forgive(&tx, &subject).await?;
        return Ok(Ok(tx));
    }
    drop(tx);
    note(app, &subject).await?;
    errors.add(&code, second_factor::WRONG);
    Ok(Err(errors))
}

/// What is wrong with a password that was typed; wrong ones are counted together with those of 修改密码.
async fn wrong_password(app: &App, user: &Signed, typed: &str) -> Result<Option<&'static str>, AppError> {
    let id = user.session.actor.account();
    let guesses = format!("change|{id}|{}", user.caller.address);
    if db::session::is_locked(&app.db.read(), &guesses, app.now()).await? {
        return Ok(Some("密码连续输错次数过多，请 15 分钟后再试"));
    }
    let stored = db::account::password_hash(&app.db.read(), id).await?;
    if passwords::verify(typed, Some(&stored)).await? {
        return Ok(None);
    }
    note(app, &guesses).await?;
    Ok(Some("密码不正确，请重新填写"))
}

async fn spent(
    tx: &Tx,
    user: &Signed,
    id: AccountId,
    proof: Option<&second_factor::Proof>,
    now: domain::time::Instant,
) -> Result<bool, AppError> {
    match proof {
        Some(proof) => second_factor::spend(tx, id, proof, &user.by(), now).await,
        None => Ok(false),
    }
}

async fn note(app: &App, subject: &str) -> Result<(), AppError> {
    let tx = app.db.begin().await?;
    db::session::note_failure(&tx, subject, app.now()).await?;
    tx.commit().await?;
    Ok(())
}

//! 邮箱验证 of the user's own mailbox: its state, the code of the letter, 重新发送, another mailbox.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use db::mailbox::{self as store, How, Standing};
use domain::text;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};
use crate::mailbox_proof::{Given, TOO_MANY, accept, give, hash_of_code, proved_sentence, wrong_password};

const PAGE: &str = "/mailbox";

#[derive(Template)]
#[template(path = "mailbox/mailbox.html")]
struct MailboxPage {
    shell: Shell,
    form: FormView,
    mailbox: String,
    is_proved: bool,
    /// The mailbox that waits to be proved, and until when.
    waiting: Option<(String, String)>,
    /// The letter, in a demonstration.
    letter: String,
}

/// 邮箱验证: where a user proves a mailbox or gives another one.
pub async fn show(State(app): State<App>, user: EnterpriseUser) -> Result<Response, AppError> {
    page::render(&build(&app, &user, FormData::default(), FieldErrors::default()).await?)
}

async fn build(app: &App, user: &EnterpriseUser, data: FormData, errors: FieldErrors) -> Result<MailboxPage, AppError> {
    let Standing { contact_email, mailbox_proved_at, waiting, waiting_until, shown, .. } =
        store::standing(&app.db.read(), user.user.account, app.now()).await?;
    let crumbs = [("修改用户信息", "/profile/particulars")];
    let mut shell = frame::signed(app, user, "邮箱验证", Entry::Profile, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    Ok(MailboxPage {
        shell,
        form: FormView::new(data, errors, &user.caller.csrf),
        mailbox: contact_email,
        is_proved: mailbox_proved_at.is_some(),
        waiting: waiting.zip(waiting_until.map(Instant::china)),
        letter: shown.unwrap_or_default(),
    })
}

async fn again(
    app: &App,
    user: &EnterpriseUser,
    data: FormData,
    field: &str,
    why: impl Into<String>,
) -> Result<Response, AppError> {
    let mut errors = FieldErrors::default();
    errors.add(field, why.into());
    page::unprocessable(&build(app, user, data, errors).await?)
}

fn done(app: &App, url: &str, sentence: &str) -> Response {
    flash::to(&app.key, app.config.is_https(), url, sentence)
}

/// Under what wrong codes of an account are counted, wherever they come from.
fn subject(user: &EnterpriseUser) -> String {
    format!("mailbox|{}", user.user.account)
}

/// 验证: the code of the letter.
pub async fn confirm(
    State(app): State<App>,
    user: EnterpriseUser,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let (id, now) = (user.user.account, app.now());
    if form.get("code").trim().is_empty() {
        return again(&app, &user, form, "code", "请填写邮件中的验证码").await;
    }
    let subject = subject(&user);
    if db::session::is_locked(&app.db.read(), &subject, now).await? {
        return again(&app, &user, form, "code", "验证码连续输错次数过多，请 15 分钟后再试，或打开邮件中的链接").await;
    }
    let hash = hash_of_code(&app, id, form.get("code"));
    let tx = app.db.begin().await?;
    let Some(found) = store::by_code(&tx, id, &hash, now).await? else {
        db::session::note_failure(&tx, &subject, now).await?;
        tx.commit().await?;
        let why = "验证码不正确，或已使用、已过期。请核对最近一封邮件，或点击“重新发送验证邮件”";
        return again(&app, &user, form, "code", why).await;
    };
    let proved = accept(&tx, &app, id, &found.mailbox, How::Letter, "", &user.by()).await?;
    db::session::forgive(&tx, &subject).await?;
    tx.commit().await?;
    Ok(done(&app, "/main", proved_sentence(&proved)))
}

/// 重新发送验证邮件, to the mailbox that waits.
pub async fn resend(State(app): State<App>, user: EnterpriseUser, _form: Submitted) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let standing = store::standing(&tx, user.user.account, app.now()).await?;
    let mailbox = match (&standing.waiting, standing.mailbox_proved_at) {
        (Some(waiting), _) => waiting.clone(),
        (None, None) => standing.contact_email.clone(),
        (None, Some(_)) => return Err(AppError::Conflict("您的邮箱已经验证，不需要再次验证。".to_owned())),
    };
    let given = give(&tx, &app, user.user.account, &mailbox, &user.by()).await?;
    answer(&app, tx, given, &mailbox).await
}

/// Commits, and answers with the outcome of checking the mailbox.
async fn answer(app: &App, tx: db::Tx, given: Given, mailbox: &str) -> Result<Response, AppError> {
    let sentence = match given {
        Given::TooMany => return Err(AppError::Conflict(format!("{TOO_MANY}。"))),
        Given::Asked => format!("已向 {mailbox} 发送验证邮件，请按邮件中的说明完成验证。"),
        Given::Counts => format!("联系人邮箱已改为 {mailbox}。"),
    };
    tx.commit().await?;
    Ok(done(app, PAGE, &sentence))
}

/// 使用这个邮箱: another mailbox, with the password.
pub async fn change(
    State(app): State<App>,
    user: EnterpriseUser,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let mut check = Checker::new(&form);
    let mailbox = check.parse("new_mailbox", "新的邮箱", text::email).unwrap_or_default();
    let standing = store::standing(&app.db.read(), user.user.account, app.now()).await?;
    if !mailbox.is_empty() && standing.mailbox_proved_at.is_some() && mailbox == standing.contact_email {
        check.error("new_mailbox", "这就是现在使用的邮箱，不需要修改");
    }
    if let Some(why) = wrong_password(&app, &user, form.get("mailbox_password")).await? {
        check.error("mailbox_password", why);
    }
    if let Err(errors) = check.finish() {
        return page::unprocessable(&build(&app, &user, form, errors).await?);
    }
    let tx = app.db.begin().await?;
    let given = give(&tx, &app, user.user.account, &mailbox, &user.by()).await?;
    if given == Given::TooMany {
        drop(tx);
        return again(&app, &user, form, "new_mailbox", TOO_MANY).await;
    }
    answer(&app, tx, given, &mailbox).await
}

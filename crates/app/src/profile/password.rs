//! 修改密码: every other login session ends; forced after a one-time password (D18).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::session::{Signed, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};
use crate::passwords;

#[derive(Template)]
#[template(path = "profile/password.html")]
struct PasswordPage {
    shell: Shell,
    form: FormView,
    is_forced: bool,
}

/// The page.
pub async fn edit(State(app): State<App>, user: Signed) -> Result<Response, AppError> {
    render(&app, &user, FieldErrors::default()).await
}

async fn render(app: &App, user: &Signed, errors: FieldErrors) -> Result<Response, AppError> {
    let mut shell = frame::signed(app, user, "修改密码", Entry::Profile, &[]).await?;
    let invalid = !errors.is_empty();
    shell.error_title = invalid;
    let form = FormView::new(FormData::default(), errors, &user.caller.csrf);
    let page = PasswordPage { shell, form, is_forced: user.session.must_change_password };
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}

/// 保存.
pub async fn update(State(app): State<App>, user: Signed, Submitted(form): Submitted) -> Result<Response, AppError> {
    let id = user.session.actor.account();
    let now = app.now();
    let subject = format!("change|{id}|{}", user.caller.address);
    let mut check = Checker::new(&form);
    // After a one-time password the old one is unknown; that is why it was asked for.
    if !user.session.must_change_password {
        if form.get("old_password").is_empty() {
            check.error("old_password", "请填写原密码");
        } else if db::session::is_locked(&app.db.read(), &subject, now).await? {
            check.error("old_password", "原密码连续输错次数过多，请 15 分钟后再试");
        } else {
            let stored = db::account::password_hash(&app.db.read(), id).await?;
            if !passwords::verify(form.get("old_password"), Some(&stored)).await? {
                let tx = app.db.begin().await?;
                db::session::note_failure(&tx, &subject, now).await?;
                tx.commit().await?;
                check.error("old_password", "原密码不正确，请重新填写");
            }
        }
    }
    let password = form.get("password");
    let known = known(&app, &user).await?;
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    if password.is_empty() {
        check.error("password", "请填写新密码");
    } else if let Err(why) = passwords::judge(password, &user.session.username, &known) {
        check.error("password", why);
    } else if password == form.get("old_password") {
        check.error("password", "新密码不能与原密码相同");
    }
    if form.get("password_again") != password {
        check.error("password_again", "两次填写的密码不一致，请重新填写");
    }
    if let Err(errors) = check.finish() {
        return render(&app, &user, errors).await;
    }
    let hash = passwords::hash(password).await?;
    let tx = app.db.begin().await?;
    db::account::change_password(&tx, id, &hash, &user.caller.token_hash, &user.by(), now).await?;
    db::session::forgive(&tx, &subject).await?;
    tx.commit().await?;
    Ok(flash::to(&app.key, app.config.is_https(), "/main", "密码已修改。您在其他地方的登录已退出。"))
}

/// What somebody who guesses knows of the user.
async fn known(app: &App, user: &Signed) -> Result<Vec<String>, AppError> {
    let mut known = vec![user.session.username.clone(), user.session.profile.applicant.org_code.clone()];
    known.push(db::letter::mailbox(&app.db.read(), user.session.actor.account()).await?.contact_email);
    Ok(known)
}

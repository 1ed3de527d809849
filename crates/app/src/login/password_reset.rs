//! 忘记密码 (manual §1.4, D18): the same answer whether name and mailbox fit or not; all that differs is done by a job.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::page;
use kit::session::{Caller, Submitted};
use kit::shell::Shell;

use crate::{frame, jobs};

#[derive(Template)]
#[template(path = "login/password_reset.html")]
struct ResetPage {
    shell: Shell,
    form: FormView,
    is_sent: bool,
}

/// The page.
pub async fn show(State(app): State<App>, caller: Caller) -> Result<Response, AppError> {
    render(&app, &caller, FormData::default(), FieldErrors::default(), false)
}

fn render(
    app: &App,
    caller: &Caller,
    data: FormData,
    errors: FieldErrors,
    is_sent: bool,
) -> Result<Response, AppError> {
    let mut shell = frame::public(app, caller, "取回密码");
    let invalid = !errors.is_empty();
    shell.error_title = invalid;
    let page = ResetPage { shell, form: FormView::new(data, errors, &caller.csrf), is_sent };
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}

/// 提交: whether the pair fits is found out by the job; the visitor learns nothing.
pub async fn request(State(app): State<App>, caller: Caller, Submitted(form): Submitted) -> Result<Response, AppError> {
    let mut check = Checker::new(&form);
    let username = text::half_width(&check.text("username", "用户名").one_line().required().length(1..=64).take());
    let email = check.parse("email", "邮箱地址", text::email);
    let asker = format!("password|{}", caller.address);
    if app.guesses.is_locked(&asker, app.now()) {
        check.error("username", "提交的次数过多，请 15 分钟后再试");
    }
    if let Err(errors) = check.finish() {
        return render(&app, &caller, form, errors, false);
    }
    app.guesses.note(&asker, app.now());
    let tx = app.db.begin().await?;
    jobs::grant_password(&tx, &username, &email.unwrap_or_default(), &caller.address, app.now()).await?;
    tx.commit().await?;
    render(&app, &caller, FormData::default(), FieldErrors::default(), true)
}

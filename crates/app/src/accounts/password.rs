//! 重置密码: a one-time password, shown once or sent by mail (D18).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::officer;
use db::one_time_password::LIFE_HOURS;
use domain::ids::AccountId;
use domain::policy::ManageAccounts;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FormData};
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;
use kit::{page, random};

use super::account;
use crate::frame::{self, Entry};
use crate::{jobs, passwords};

/// How a one-time password reaches its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// On the next page, once.
    Show,
    /// To his mailbox.
    Mail,
}

impl Delivery {
    /// The value in the form.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Show => "show",
            Self::Mail => "mail",
        }
    }

    /// Both, as choice cards.
    pub fn choices() -> Vec<Choice> {
        let hours = format!("{LIFE_HOURS} 小时内有效，首次登录后须修改");
        vec![
            Choice::new(Self::Show.word(), "在下一页显示一次").with_note(format!("由您当面告知本人；{hours}")),
            Choice::new(Self::Mail.word(), "发送到联系邮箱").with_note(hours),
        ]
    }
}

/// The chosen way; by mail only with a mailbox.
pub(super) fn delivery(check: &mut Checker<'_>, form: &FormData, email: &str, email_field: &str) -> Option<Delivery> {
    let chosen = [Delivery::Show, Delivery::Mail].into_iter().find(|d| d.word() == form.get("delivery"));
    match chosen {
        None => check.error("delivery", "请选择一次性密码的交付方式"),
        Some(Delivery::Mail) if email.is_empty() => {
            check.error(email_field, "请填写联系邮箱，或改为在下一页显示一次性密码");
        }
        Some(Delivery::Show | Delivery::Mail) => {}
    }
    chosen
}

/// The page that shows a one-time password, this once.
#[derive(Template)]
#[template(path = "accounts/one_time.html")]
pub(super) struct OneTimePage {
    shell: Shell,
    id: AccountId,
    username: String,
    secret: String,
    is_new: bool,
    hours: i64,
}

impl OneTimePage {
    /// Answers with it.
    pub async fn show(
        app: &App,
        user: &Permitted<ManageAccounts>,
        id: AccountId,
        username: &str,
        secret: String,
        is_new: bool,
    ) -> Result<Response, AppError> {
        let crumbs = [("账号管理", "/accounts")];
        let shell = frame::signed(app, user, "一次性密码", Entry::Accounts, &crumbs).await?;
        page::render(&Self { shell, id, username: username.to_owned(), secret, is_new, hours: LIFE_HOURS })
    }
}

/// 重置密码.
pub async fn reset(
    State(app): State<App>,
    user: Permitted<ManageAccounts>,
    Path(id): Path<AccountId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let seen = officer::load(&app.db.read(), &user.permit, id).await?;
    let mut check = Checker::new(&form);
    let chosen = delivery(&mut check, &form, &seen.contact_email, "delivery");
    let outcome = check.finish();
    let (Ok(()), Some(chosen)) = (&outcome, chosen) else {
        return account::again(&app, &user, id, form, outcome.err().unwrap_or_default()).await;
    };
    let secret = random::password();
    let one_time = passwords::hash(&secret).await?;
    let unknown = passwords::hash(&random::token()).await?;
    let tx = app.db.begin().await?;
    officer::reset_password(&tx, &user.permit, id, &unknown, &one_time, &user.by(), app.now()).await?;
    if chosen == Delivery::Mail {
        jobs::send_password(&tx, &app, id, &seen.username, &seen.contact_email, &secret).await?;
    }
    tx.commit().await?;
    match chosen {
        Delivery::Show => OneTimePage::show(&app, &user, id, &seen.username, secret, false).await,
        Delivery::Mail => {
            let done = format!("密码已重置，一次性密码将发送到 {}。", seen.contact_email);
            Ok(account::done(&app, id, &done))
        }
    }
}

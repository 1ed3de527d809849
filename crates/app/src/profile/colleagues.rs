//! 单位用户: the users of one organisation code; its administrator confirms, refuses, hands over, resets a lost
//! second factor, and switches 单位内共享 (D3, D5).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::account::{self, Colleague};
use db::reading::What;
use domain::actor::Membership;
use domain::ids::AccountId;
use kit::app::App;
use kit::error::AppError;
use kit::form::FormView;
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};
use crate::parts::readings;
use crate::{jobs, second_factor};

#[derive(Template)]
#[template(path = "profile/colleagues.html")]
struct ColleaguesPage {
    shell: Shell,
    form: FormView,
    colleagues: Vec<Colleague>,
    is_administrator: bool,
    shares: bool,
    own: AccountId,
}

/// The page.
pub async fn list(State(app): State<App>, user: EnterpriseUser) -> Result<Response, AppError> {
    let crumbs = [("修改用户信息", "/profile/particulars")];
    let is_administrator = user.user.membership == Membership::Administrator;
    let mut colleagues = account::colleagues(&app.db.read(), user.user.organisation).await?;
    if is_administrator {
        readings::note(&app, &user, What::Colleagues, user.user.organisation.get()).await;
    } else {
        // Who belongs to the organisation is the administrator's to know; others see him and themselves.
        let own = user.user.account;
        colleagues.retain(|c| c.id == own || c.membership == Membership::Administrator);
    }
    page::render(&ColleaguesPage {
        shell: frame::signed(&app, &user, "单位用户", Entry::Profile, &crumbs).await?,
        form: FormView::blank(&user.caller.csrf),
        colleagues,
        is_administrator,
        shares: user.user.shares,
        own: user.user.account,
    })
}

/// Only the organisation's administrator goes on.
fn require_administrator(user: &EnterpriseUser) -> Result<(), AppError> {
    match user.user.membership {
        Membership::Administrator => Ok(()),
        Membership::Confirmed | Membership::Pending => Err(AppError::Forbidden(
            "只有本单位的单位管理员可以办理。请联系单位管理员，其用户名见“单位用户”页面。".to_owned(),
        )),
    }
}

fn done(app: &App, sentence: &str) -> Response {
    flash::to(&app.key, app.config.is_https(), "/profile/colleagues", sentence)
}

/// 确认: the user belongs to the organisation.
pub async fn confirm(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<AccountId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    let tx = app.db.begin().await?;
    account::confirm(&tx, user.user.organisation, id, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(done(&app, "已确认该用户。"))
}

/// 拒绝: the user does not, and cannot log in any more.
pub async fn refuse(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<AccountId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    let tx = app.db.begin().await?;
    account::refuse(&tx, user.user.organisation, id, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(done(&app, "已拒绝该用户，该用户不能再登录。"))
}

/// 移交单位管理员.
pub async fn hand_over(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<AccountId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    let tx = app.db.begin().await?;
    account::hand_over(&tx, user.user.organisation, user.user.account, id, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(done(&app, "已移交单位管理员。您现在是已确认的用户。"))
}

/// 重置两步验证 of a confirmed colleague who lost his telephone and his recovery codes: it is off, his login sessions end,
/// and a letter tells him.
pub async fn reset_second_factor(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<AccountId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    if id == user.user.account {
        let why = "单位管理员不能在此重置自己的两步验证。请用验证码或恢复码在“两步验证”页面停用；都已丢失的，请联系系统管理员。";
        return Err(AppError::Forbidden(why.to_owned()));
    }
    let tx = app.db.begin().await?;
    db::second_factor::reset(&tx, user.user.organisation, id, &user.by(), app.now()).await?;
    db::session::forgive(&tx, &second_factor::subject(id)).await?;
    jobs::second_factor_reset(&tx, &app, id, &user.by()).await?;
    tx.commit().await?;
    Ok(done(&app, "已重置该用户的两步验证，并已发送邮件告知。该用户的登录已全部退出，再次登录只需输入密码。"))
}

/// 单位内共享, on or off.
pub async fn share(
    State(app): State<App>,
    user: EnterpriseUser,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    let shares = form.has("shares");
    let tx = app.db.begin().await?;
    account::set_sharing(&tx, user.user.organisation, user.user.account, shares, &user.by(), app.now()).await?;
    tx.commit().await?;
    let sentence = if shares { "已打开单位内共享。" } else { "已关闭单位内共享。" };
    Ok(done(&app, sentence))
}

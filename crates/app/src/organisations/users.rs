//! What is done about one user of an organisation: 确认, 拒绝, 停用, 启用, 代为确认邮箱.

use axum::extract::{Path, State};
use axum::response::Response;
use db::account;
use db::mailbox::How;
use db::organisation;
use domain::ids::{AccountId, OrganisationId};
use domain::policy::KeepOrganisations;
use kit::app::App;
use kit::error::AppError;
use kit::session::{Permitted, Submitted};

use super::keeper;
use super::organisation::{again, done, reason, tell};
use crate::mailbox_proof;

/// 确认: the user belongs to the organisation.
pub async fn confirm(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path((id, member)): Path<(OrganisationId, AccountId)>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let o = organisation::load_for_update(&tx, &keeper(&app, &user), id).await?;
    let name = organisation::member(&tx, id, member).await?.username;
    account::confirm(&tx, id, member, &user.by(), app.now()).await?;
    let next = "该用户可以查看单位内共享的申请和证明，修改单位共用的信息。如有异议，请与办理的检验检疫局联系。";
    tell(&tx, &app, &user, &o, &[member], (format!("用户 {name} 已确认属于本单位"), "", next)).await?;
    tx.commit().await?;
    Ok(done(&app, id, "已确认该用户，并已写信告知。"))
}

/// 拒绝: the user does not, and cannot log in any more.
pub async fn refuse(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path((id, member)): Path<(OrganisationId, AccountId)>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let o = organisation::load_for_update(&tx, &keeper(&app, &user), id).await?;
    let name = organisation::member(&tx, id, member).await?.username;
    account::refuse(&tx, id, member, &user.by(), app.now()).await?;
    let next = "该用户不能再登录。如有异议，请与办理的检验检疫局联系。";
    tell(&tx, &app, &user, &o, &[member], (format!("用户 {name} 不属于本单位，已拒绝"), "", next)).await?;
    tx.commit().await?;
    Ok(done(&app, id, "已拒绝该用户，该用户不能再登录，并已写信告知。"))
}

/// 停用, with the reason.
pub async fn suspend(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path((id, member)): Path<(OrganisationId, AccountId)>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    organisation::load(&app.db.read(), &keeper(&app, &user), id).await?;
    let reason = match reason(&form, &format!("reason_{member}")) {
        Ok(reason) => reason,
        Err(errors) => return again(&app, &user, id, form, errors).await,
    };
    let tx = app.db.begin().await?;
    let o = organisation::load_for_update(&tx, &keeper(&app, &user), id).await?;
    let name = organisation::member(&tx, id, member).await?.username;
    organisation::disable_member(&tx, id, member, &reason, &user.by(), app.now()).await?;
    let next = "该用户不能再登录；其申请和证明可以移交给同事。如有异议，请与办理的检验检疫局联系。";
    tell(&tx, &app, &user, &o, &[member], (format!("用户 {name} 已停用"), &reason, next)).await?;
    tx.commit().await?;
    Ok(done(&app, id, "已停用该用户，其登录已全部退出，并已写信告知。"))
}

/// 启用, with the reason.
pub async fn reinstate(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path((id, member)): Path<(OrganisationId, AccountId)>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    organisation::load(&app.db.read(), &keeper(&app, &user), id).await?;
    let reason = match reason(&form, &format!("reason_{member}")) {
        Ok(reason) => reason,
        Err(errors) => return again(&app, &user, id, form, errors).await,
    };
    let tx = app.db.begin().await?;
    let o = organisation::load_for_update(&tx, &keeper(&app, &user), id).await?;
    let name = organisation::member(&tx, id, member).await?.username;
    organisation::enable_member(&tx, id, member, &reason, &user.by(), app.now()).await?;
    tell(&tx, &app, &user, &o, &[member], (format!("用户 {name} 已启用"), &reason, "该用户可以登录。")).await?;
    tx.commit().await?;
    Ok(done(&app, id, "已启用该用户，并已写信告知。"))
}

/// 代为确认邮箱: the bureau has made sure who the user is, where his mailbox receives nothing (D29).
pub async fn vouch(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path((id, member)): Path<(OrganisationId, AccountId)>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    organisation::load(&app.db.read(), &keeper(&app, &user), id).await?;
    let reason = match reason(&form, &format!("reason_{member}")) {
        Ok(reason) => reason,
        Err(errors) => return again(&app, &user, id, form, errors).await,
    };
    let tx = app.db.begin().await?;
    let o = organisation::load_for_update(&tx, &keeper(&app, &user), id).await?;
    let there = organisation::member(&tx, id, member).await?;
    if there.mailbox_proved_at.is_some() {
        return Err(AppError::Conflict("该用户的邮箱已经验证，请刷新后查看。".to_owned()));
    }
    let mailbox = &there.contact_email;
    mailbox_proof::accept(&tx, &app, member, mailbox, How::Vouched, &reason, &user.by()).await?;
    let what = format!("用户 {} 的邮箱已由检验检疫局代为确认", there.username);
    tell(&tx, &app, &user, &o, &[member], (what, &reason, "该用户可以提交申请。")).await?;
    tx.commit().await?;
    Ok(done(&app, id, "已代为确认该用户的邮箱，并已写信告知。"))
}

//! 邀请同事: by mail, by 单位管理员; whoever follows the link registers as a confirmed user.

use axum::extract::{Path, State};
use axum::response::Response;
use db::DbError;
use db::organisation;
use domain::actor::MemberRole;
use domain::ids::InvitationId;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::Checker;
use kit::random;
use kit::session::{EnterpriseUser, Submitted, hash_of};

use super::colleagues::{again, done, require_administrator};
use crate::jobs;
use crate::jobs::letters::Invited;

/// 发送邀请.
pub async fn create(
    State(app): State<App>,
    user: EnterpriseUser,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    let mut check = Checker::new(&form);
    let mailbox = check.parse("mailbox", "同事的邮箱", text::email);
    let role = check.parse("role", "身份", |r| r.parse::<MemberRole>().map_err(|_| "请选择身份"));
    let outcome = check.finish();
    let (Ok(()), Some(mailbox), Some(role)) = (&outcome, mailbox, role) else {
        return again(&app, &user, form, outcome.err().unwrap_or_default()).await;
    };
    let token = random::token();
    let tx = app.db.begin().await?;
    let (own, id) = (user.user.account, user.user.organisation);
    let invited = organisation::invite(&tx, id, own, (&mailbox, role), &hash_of(&token), &user.by(), app.now()).await;
    match invited {
        Ok(()) => {}
        Err(DbError::Refused(why)) => {
            drop(tx);
            let mut errors = kit::form::FieldErrors::default();
            errors.add("mailbox", why);
            return again(&app, &user, form, errors).await;
        }
        Err(other) => return Err(other.into()),
    }
    let letter =
        Invited { organisation: &user.session.belongs_to, by: &user.user.name, role: role.label(), token: &token };
    jobs::invitation(&tx, &app, own, &mailbox, letter).await?;
    tx.commit().await?;
    Ok(done(&app, &format!("已向 {mailbox} 发送邀请，7 天内有效。")))
}

/// 撤回 of an invitation that nobody accepted yet.
pub async fn revoke(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<InvitationId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    let tx = app.db.begin().await?;
    let (own, organisation) = (user.user.account, user.user.organisation);
    organisation::revoke_invitation(&tx, organisation, own, id, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(done(&app, "已撤回邀请，链接作废。"))
}

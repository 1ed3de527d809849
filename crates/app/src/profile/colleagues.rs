//! 单位用户: the users of one organisation code; its administrator confirms, refuses, hands over, gives roles, suspends who
//! has left, resets a lost second factor, and switches 单位内共享 (D3, D5, D31).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::Tx;
use db::account::{self, Colleague};
use db::organisation::{self, Invitation};
use db::reading::What;
use domain::actor::{MemberRole, Membership};
use domain::ids::{AccountId, InvitationId};
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};
use crate::jobs::OrganisationNews;
use crate::parts::readings;
use crate::{jobs, second_factor};

/// An invitation in the list.
struct InvitationLine {
    id: InvitationId,
    mailbox: String,
    role: &'static str,
    who: String,
    at: String,
    standing: String,
    is_open: bool,
}

#[derive(Template)]
#[template(path = "profile/colleagues.html")]
struct ColleaguesPage {
    shell: Shell,
    form: FormView,
    colleagues: Vec<Colleague>,
    is_administrator: bool,
    shares: bool,
    own: AccountId,
    /// Since when the organisation is suspended, and why (D30).
    suspended: Option<(String, String)>,
    invitations: Vec<InvitationLine>,
    roles: Vec<Choice>,
}

/// The page.
pub async fn list(State(app): State<App>, user: EnterpriseUser) -> Result<Response, AppError> {
    if user.user.membership == Membership::Administrator {
        readings::note(&app, &user, What::Colleagues, user.user.organisation.get()).await;
    }
    page::render(&build(&app, &user, FormData::default(), FieldErrors::default()).await?)
}

async fn build(
    app: &App,
    user: &EnterpriseUser,
    mut data: FormData,
    errors: FieldErrors,
) -> Result<ColleaguesPage, AppError> {
    let crumbs = [("修改用户信息", "/profile/particulars")];
    let read = app.db.read();
    let (id, own) = (user.user.organisation, user.user.account);
    let is_administrator = user.user.membership == Membership::Administrator;
    let mut colleagues = account::colleagues(&read, id).await?;
    let mut invitations = Vec::new();
    if is_administrator {
        invitations = organisation::invitations(&read, id).await?;
    } else {
        // Who belongs to the organisation is the administrator's to know; others see him and themselves.
        colleagues.retain(|c| c.id == own || c.membership == Membership::Administrator);
    }
    let suspended = if user.user.suspended {
        organisation::suspension(&read, id).await?.map(|(at, why)| (at.china(), why))
    } else {
        None
    };
    let mut shell = frame::signed(app, user, "单位用户", Entry::Profile, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    if !data.has("role") {
        data.set("role", MemberRole::Clerk.word());
    }
    let now = app.now();
    Ok(ColleaguesPage {
        shell,
        form: FormView::new(data, errors, &user.caller.csrf),
        colleagues,
        is_administrator,
        shares: user.user.shares,
        own,
        suspended,
        invitations: invitations.into_iter().map(|i| invitation_line(i, now)).collect(),
        roles: vec![
            Choice::new(MemberRole::Clerk.word(), MemberRole::Clerk.label())
                .with_note("填写、提交申请，办理后续各项业务"),
            Choice::new(MemberRole::Viewer.word(), MemberRole::Viewer.label())
                .with_note("只查看单位内共享的申请和证明，不能办理"),
        ],
    })
}

fn invitation_line(i: Invitation, now: Instant) -> InvitationLine {
    let (standing, is_open) = match (i.accepted_at, i.revoked_at, i.expires_at > now) {
        (Some(at), _, _) => (format!("{} 注册为 {}", at.china(), i.accepted_by.unwrap_or_default()), false),
        (None, Some(at), _) => (format!("{} 撤回", at.china()), false),
        (None, None, true) => (format!("等待注册，{} 前有效", i.expires_at.china()), true),
        (None, None, false) => ("已过期".to_owned(), false),
    };
    InvitationLine {
        id: i.id,
        mailbox: i.mailbox,
        role: i.member_role.label(),
        who: i.invited_by_name,
        at: i.created_at.china(),
        standing,
        is_open,
    }
}

/// The page again, with what is wrong.
pub(super) async fn again(
    app: &App,
    user: &EnterpriseUser,
    data: FormData,
    errors: FieldErrors,
) -> Result<Response, AppError> {
    page::unprocessable(&build(app, user, data, errors).await?)
}

/// Only the organisation's administrator goes on.
pub(super) fn require_administrator(user: &EnterpriseUser) -> Result<(), AppError> {
    match user.user.membership {
        Membership::Administrator => Ok(()),
        Membership::Confirmed | Membership::Pending => Err(AppError::Forbidden(
            "只有本单位的单位管理员可以办理。请联系单位管理员，其用户名见“单位用户”页面；没有单位管理员的，请联系单位所在地检验检疫局。"
                .to_owned(),
        )),
    }
}

pub(super) fn done(app: &App, sentence: &str) -> Response {
    flash::to(&app.key, app.config.is_https(), "/profile/colleagues", sentence)
}

/// The members, and whom it concerns, are told what the administrator did.
async fn tell(
    tx: &Tx,
    app: &App,
    user: &EnterpriseUser,
    member: AccountId,
    (what, reason, next): (String, &str, &str),
) -> Result<(), AppError> {
    let by = format!("单位管理员 {}", user.user.name);
    let news = OrganisationNews { name: &user.session.belongs_to, what, reason, by: &by, next };
    jobs::organisation_news(tx, app, user.user.organisation, &[member], &news).await
}

/// The reason of 停用 and 恢复.
fn reason(form: &FormData, member: AccountId) -> Result<String, FieldErrors> {
    let field = format!("reason_{member}");
    let mut check = Checker::new(form);
    let reason = check.text(&field, "原因").required().length(2..=200).take();
    check.finish().map(|()| reason)
}

/// 停用 of a confirmed colleague who has left, with the reason (D31): he cannot log in any more.
pub async fn suspend(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<AccountId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    if id == user.user.account {
        let why = "不能停用自己。您要离职的，请先把单位管理员移交给同事，再由其停用。";
        return Err(AppError::Forbidden(why.to_owned()));
    }
    let reason = match reason(&form, id) {
        Ok(reason) => reason,
        Err(errors) => return again(&app, &user, form, errors).await,
    };
    let tx = app.db.begin().await?;
    let member = organisation::member(&tx, user.user.organisation, id).await?;
    if member.membership == Membership::Pending {
        return Err(AppError::Conflict("该用户还没有确认，请点击“确认”或“拒绝”。".to_owned()));
    }
    organisation::disable_member(&tx, user.user.organisation, id, &reason, &user.by(), app.now()).await?;
    let what = format!("用户 {} 已停用", member.username);
    tell(&tx, &app, &user, id, (what, &reason, "该用户不能再登录；其申请和证明可以移交给同事。")).await?;
    tx.commit().await?;
    Ok(done(&app, "已停用该用户，其登录已全部退出。其申请和证明可以移交给同事。"))
}

/// 恢复 of a confirmed colleague, with the reason.
pub async fn reinstate(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<AccountId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    let reason = match reason(&form, id) {
        Ok(reason) => reason,
        Err(errors) => return again(&app, &user, form, errors).await,
    };
    let tx = app.db.begin().await?;
    let member = organisation::member(&tx, user.user.organisation, id).await?;
    if member.membership == Membership::Pending {
        return Err(AppError::Conflict("被拒绝的用户不能由本单位恢复，请联系单位所在地检验检疫局。".to_owned()));
    }
    organisation::enable_member(&tx, user.user.organisation, id, &reason, &user.by(), app.now()).await?;
    tell(&tx, &app, &user, id, (format!("用户 {} 已恢复", member.username), &reason, "该用户可以登录。")).await?;
    tx.commit().await?;
    Ok(done(&app, "已恢复该用户，可以登录。"))
}

/// 改为经办, 改为查阅.
pub async fn change_role(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<AccountId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    let Ok(role) = form.get("role").parse::<MemberRole>() else {
        return Err(AppError::Invalid("请从“单位用户”页面选择身份。".to_owned()));
    };
    let tx = app.db.begin().await?;
    organisation::set_role(&tx, user.user.organisation, id, role, &user.by(), app.now()).await?;
    let name = organisation::member(&tx, user.user.organisation, id).await?.username;
    let next = match role {
        MemberRole::Clerk => "该用户可以填写和提交申请，办理后续各项业务。",
        MemberRole::Viewer => "该用户只能查看单位内共享的申请和证明；其名下的申请和证明请移交给同事。",
    };
    tell(&tx, &app, &user, id, (format!("用户 {name} 的身份改为{}", role.label()), "", next)).await?;
    tx.commit().await?;
    Ok(done(&app, &format!("已改为{}。", role.label())))
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

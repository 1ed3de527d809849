//! One organisation: its users and what is done about them, 暂停, 解除暂停, 指定单位管理员.

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use db::account::{self, Colleague};
use db::organisation::{self, KeptProof, Shown, Summary};
use db::reading::What;
use db::{DbError, Tx};
use domain::actor::Actor;
use domain::ids::{AccountId, OrganisationId};
use domain::policy::KeepOrganisations;
use domain::text;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::keeper;
use crate::frame::{self, Entry};
use crate::jobs::{self, OrganisationNews};
use crate::parts::files::can_preview;
use crate::parts::receipt::{Receipt, Received};
use crate::parts::{member_history, readings};

/// Deeds that the page shows.
const SHOWN: i64 = 50;
/// What a file of proof may be.
pub(super) const PROOF_KINDS: &str = "证明材料须为图片（JPG、PNG、GIF、WEBP）或 PDF";

struct ProofLine {
    href: String,
    name: String,
    about: String,
    reason: String,
    who: String,
    at: String,
}

#[derive(Template)]
#[template(path = "organisations/organisation.html")]
struct OrganisationPage {
    shell: Shell,
    form: FormView,
    o: Summary,
    code: String,
    region: String,
    suspended: String,
    users: Vec<Colleague>,
    candidates: Vec<Choice>,
    proofs: Vec<ProofLine>,
    history: Vec<member_history::Line>,
}

/// The page.
pub async fn show(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path(id): Path<OrganisationId>,
) -> Result<Response, AppError> {
    readings::note(&app, &user, What::Colleagues, id.get()).await;
    page::render(&build(&app, &user, id, FormData::default(), FieldErrors::default()).await?)
}

async fn build(
    app: &App,
    user: &Permitted<KeepOrganisations>,
    id: OrganisationId,
    data: FormData,
    errors: FieldErrors,
) -> Result<OrganisationPage, AppError> {
    let read = app.db.read();
    let o = organisation::load(&read, &keeper(app, user), id).await?;
    let users = account::colleagues(&read, id).await?;
    let proofs = organisation::proofs(&read, id).await?;
    let history = organisation::history(&read, id, SHOWN).await?;
    let mut shell = frame::signed(app, user, &o.name, Entry::Organisations, &[("企业用户", "/organisations")]).await?;
    shell.error_title = !errors.is_empty();
    let proof = |p: KeptProof| ProofLine {
        href: format!("/organisations/{id}/proofs/{}", p.id),
        about: p.username.map_or_else(|| "更正组织机构代码".to_owned(), |u| format!("指定 {u} 为单位管理员")),
        name: p.name,
        reason: p.reason,
        who: p.uploaded_by_name,
        at: p.uploaded_at.china(),
    };
    Ok(OrganisationPage {
        shell,
        code: text::hyphenated(&o.code),
        region: o.region_code.as_ref().map(|r| app.references.now().region_path(r)).unwrap_or_default(),
        suspended: o.suspended_at.map(Instant::china).unwrap_or_default(),
        candidates: users
            .iter()
            .filter(|u| !u.disabled && u.mailbox_proved_at.is_some() && o.administrator.as_ref() != Some(&u.username))
            .map(|u| Choice::new(u.id.to_string(), format!("{}（{}，{}）", u.username, u.contact_name, u.standing())))
            .collect(),
        users,
        proofs: proofs.into_iter().map(proof).collect(),
        history: history.iter().map(|(name, deed)| member_history::line(app, name, deed)).collect(),
        form: FormView::new(data, errors, &user.caller.csrf),
        o,
    })
}

/// The page again, with what is wrong.
pub(super) async fn again(
    app: &App,
    user: &Permitted<KeepOrganisations>,
    id: OrganisationId,
    data: FormData,
    errors: FieldErrors,
) -> Result<Response, AppError> {
    page::unprocessable(&build(app, user, id, data, errors).await?)
}

pub(super) fn done(app: &App, id: OrganisationId, sentence: &str) -> Response {
    flash::to(&app.key, app.config.is_https(), &format!("/organisations/{id}"), sentence)
}

/// The reason of a deed.
pub(super) fn reason(form: &FormData, field: &str) -> Result<String, FieldErrors> {
    let mut check = Checker::new(form);
    let reason = check.text(field, "原因").required().length(5..=200).take();
    check.finish().map(|()| reason)
}

/// Who does it, for the letters: the bureau, or CNCA, and the name.
pub(super) fn author(app: &App, user: &Permitted<KeepOrganisations>) -> String {
    match user.actor() {
        Actor::Officer(o) => format!("{} {}", app.references.now().bureau_name(&o.bureau), o.name),
        Actor::Cnca(c) => format!("国家认监委 {}", c.name),
        Actor::Enterprise(e) => e.name.clone(),
    }
}

/// All confirmed members, and whom it concerns, are told.
pub(super) async fn tell(
    tx: &Tx,
    app: &App,
    user: &Permitted<KeepOrganisations>,
    o: &Summary,
    also: &[AccountId],
    (what, reason, next): (String, &str, &str),
) -> Result<(), AppError> {
    let by = author(app, user);
    let news = OrganisationNews { name: &o.name, what, reason, by: &by, next };
    jobs::organisation_news(tx, app, o.id, also, &news).await
}

/// 暂停.
pub async fn suspend(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path(id): Path<OrganisationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    organisation::load(&app.db.read(), &keeper(&app, &user), id).await?;
    let reason = match reason(&form, "suspension_reason") {
        Ok(reason) => reason,
        Err(errors) => return again(&app, &user, id, form, errors).await,
    };
    let tx = app.db.begin().await?;
    let keeper = keeper(&app, &user);
    organisation::suspend(&tx, &keeper, id, &reason, &user.by(), app.now()).await?;
    let o = organisation::load(&tx, &keeper, id).await?;
    let next = "可以查看、答复进行中的补正和修改、填写产品使用记录，不能办理新的业务。请与办理的检验检疫局联系。";
    tell(&tx, &app, &user, &o, &[], ("本单位已被暂停".to_owned(), &reason, next)).await?;
    tx.commit().await?;
    Ok(done(&app, id, "已暂停该单位，并已写信告知其全部已确认的用户。"))
}

/// 解除暂停.
pub async fn lift(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path(id): Path<OrganisationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    organisation::load(&app.db.read(), &keeper(&app, &user), id).await?;
    let reason = match reason(&form, "suspension_reason") {
        Ok(reason) => reason,
        Err(errors) => return again(&app, &user, id, form, errors).await,
    };
    let tx = app.db.begin().await?;
    let keeper = keeper(&app, &user);
    organisation::lift(&tx, &keeper, id, &reason, &user.by(), app.now()).await?;
    let o = organisation::load(&tx, &keeper, id).await?;
    tell(&tx, &app, &user, &o, &[], ("本单位的暂停已解除".to_owned(), &reason, "可以继续办理业务。")).await?;
    tx.commit().await?;
    Ok(done(&app, id, "已解除暂停，并已写信告知其全部已确认的用户。"))
}

/// 指定单位管理员, on proof that is kept.
pub async fn appoint(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path(id): Path<OrganisationId>,
    request: Request,
) -> Result<Response, AppError> {
    // Asked before any byte is stored.
    organisation::load(&app.db.read(), &keeper(&app, &user), id).await?;
    let receipt = Receipt::new(&app, &user.caller).most(1, "只能附一个文件").only(can_preview, PROOF_KINDS);
    let Received { form, files, refused } = receipt.read(request).await?;
    let mut check = Checker::new(&form);
    let next = form.get("administrator").parse::<AccountId>().ok();
    if next.is_none() {
        check.error("administrator", "请选择新的单位管理员");
    }
    let reason = check.text("appointment_reason", "原因").required().length(5..=200).take();
    match (refused.first(), files.first()) {
        (Some(why), _) => check.error("file", why.clone()),
        (None, None) => check.error("file", "请选择证明材料，例如单位出具的授权书"),
        (None, Some(_)) => {}
    }
    let outcome = check.finish();
    let (Ok(()), Some(next), Some(proof)) = (&outcome, next, files.first()) else {
        return again(&app, &user, id, form, outcome.err().unwrap_or_default()).await;
    };
    let tx = app.db.begin().await?;
    let keeper = keeper(&app, &user);
    let before = organisation::load(&tx, &keeper, id).await?.administrator;
    let shown = Shown { reason: &reason, proof };
    match organisation::appoint(&tx, &keeper, id, next, shown, &user.by(), app.now()).await {
        Ok(()) => {}
        Err(DbError::Refused(why)) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("administrator", why);
            return again(&app, &user, id, form, errors).await;
        }
        Err(other) => return Err(other.into()),
    }
    let o = organisation::load(&tx, &keeper, id).await?;
    let name = organisation::member(&tx, id, next).await?.username;
    let what = match before {
        Some(before) => format!("单位管理员由 {before} 改为 {name}"),
        None => format!("{name} 成为单位管理员"),
    };
    let next_step = "如有异议，请与办理的检验检疫局联系。";
    tell(&tx, &app, &user, &o, &[next], (what, &reason, next_step)).await?;
    tx.commit().await?;
    Ok(done(&app, id, &format!("已指定 {name} 为单位管理员，证明材料已保存，并已写信告知全部已确认的用户。")))
}

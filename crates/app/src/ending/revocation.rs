//! 审核撤销: the second person of the bureau decides; the proposer may take it back (D23, E17).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::certificate::{self, Certificate};
use db::ending::Revocation;
use domain::ending::{Action, Facts, RevocationState, may};
use domain::ids::RevocationId;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::{late, refused, revocations, told};
use crate::frame::{self, Entry};
use crate::jobs::{self, CertificateNews};
use crate::parts::found_certificate::Found;
use crate::parts::timeline::{self, Timeline};

#[derive(Template)]
#[template(path = "ending/revocation.html")]
struct RevocationPage {
    shell: Shell,
    id: RevocationId,
    found: Found,
    state: RevocationState,
    reason: String,
    proposer: String,
    proposed: String,
    opinion: String,
    decided: String,
    form: FormView,
    decisions: Vec<Choice>,
    may_withdraw: bool,
    timeline: Timeline,
}

struct Case {
    revocation: Revocation,
    certificate: Certificate,
    facts: Facts,
}

fn decisions(officer: &BureauOfficer, of: &Case) -> Vec<(Action, Choice)> {
    if of.revocation.state != RevocationState::Proposed {
        return Vec::new();
    }
    [
        (Action::Revoke, "同意撤销", "证明立即失效，不能恢复，企业会收到通知"),
        (Action::RejectRevocation, "不同意撤销", "证明不变，企业不会收到通知"),
    ]
    .into_iter()
    .filter(|(action, _, _)| may(officer.actor(), &of.facts, *action).is_ok())
    .map(|(action, label, note)| (action, Choice::new(action.word(), label).with_note(note)))
    .collect()
}

/// The page.
pub async fn show(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<RevocationId>,
) -> Result<Response, AppError> {
    revocations::holds_post(&officer)?;
    let read = app.db.read();
    let revocation = db::ending::revocation(&read, &officer.scope(), id).await?;
    let certificate = certificate::load(&read, &officer.scope(), revocation.certificate_id).await?;
    let facts = db::ending::facts(&read, &certificate).await?;
    let of = Case { revocation, certificate, facts };
    page::render(&build(&app, &officer, &of, FormData::default(), FieldErrors::default()).await?)
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    of: &Case,
    data: FormData,
    errors: FieldErrors,
) -> Result<RevocationPage, AppError> {
    let r = &of.revocation;
    let crumbs = [("证明撤销", "/revocations")];
    let mut shell = frame::signed(app, officer, "审核撤销", Entry::Revocations, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    Ok(RevocationPage {
        shell,
        id: r.id,
        found: Found::of(&of.certificate, app.now())?,
        state: r.state,
        reason: r.reason.clone(),
        proposer: r.proposer.clone(),
        proposed: r.proposed_at.china(),
        opinion: r.opinion.clone(),
        decided: r.decided_at.map(domain::time::Instant::china).unwrap_or_default(),
        decisions: decisions(officer, of).into_iter().map(|(_, choice)| choice).collect(),
        may_withdraw: r.state == RevocationState::Proposed
            && may(officer.actor(), &of.facts, Action::WithdrawRevocation).is_ok(),
        timeline: timeline::of_certificate(&app.db.read(), app, of.certificate.id, true).await?,
        form: FormView::new(data, errors, &officer.caller.csrf),
    })
}

async fn load_for_update(
    tx: &db::Tx,
    app: &App,
    officer: &BureauOfficer,
    id: RevocationId,
    form: &FormData,
) -> Result<Case, AppError> {
    let seen = db::ending::revocation(tx, &officer.scope(), id).await?;
    let certificate = certificate::load_for_update(tx, &officer.scope(), seen.certificate_id).await?;
    let revocation = db::ending::revocation(tx, &officer.scope(), id).await?;
    let facts = db::ending::facts(tx, &certificate).await?;
    if revocation.state != RevocationState::Proposed {
        let now = format!("该撤销已办结（{}），不能再办理。", revocation.state.label());
        return Err(told(tx, app, officer, &certificate, (form, &format!("/revocations/{id}")), &now).await);
    }
    Ok(Case { revocation, certificate, facts })
}

/// The word of the second person.
pub async fn decide(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<RevocationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    revocations::holds_post(&officer)?;
    let tx = app.db.begin().await?;
    let of = load_for_update(&tx, &app, &officer, id, &form).await?;
    let offered = decisions(&officer, &of);
    if offered.is_empty() {
        let href = format!("/revocations/{id}");
        return Err(match may(officer.actor(), &of.facts, Action::Revoke) {
            Err(why) => late(&tx, &app, &officer, &of.certificate, (&form, &href), why).await,
            Ok(_) => AppError::NotFound,
        });
    }
    let mut check = Checker::new(&form);
    let word = form.get("decision").trim();
    let action = offered.iter().map(|(a, _)| *a).find(|a| a.word() == word);
    if action.is_none() {
        check.error("decision", "请选择审核结果");
    }
    let opinion = if action == Some(Action::RejectRevocation) {
        check.text("opinion", "审核意见").required().length(5..=500).take()
    } else {
        check.text("opinion", "审核意见").length(0..=500).take()
    };
    if action == Some(Action::Revoke) && form.get("confirm_number").trim() != of.certificate.number {
        check.error("confirm_number", format!("请输入本证明号 {} 以确认", of.certificate.number));
    }
    let checked = check.finish();
    let (Some(action), Ok(())) = (action, &checked) else {
        drop(tx);
        let errors = checked.err().unwrap_or_default();
        return page::unprocessable(&build(&app, &officer, &of, form, errors).await?);
    };
    let permit = may(officer.actor(), &of.facts, action).map_err(refused)?;
    let now = app.now();
    db::ending::decide(&tx, &of.certificate, &of.revocation, permit, &opinion, &officer.by(), now).await?;
    let number = &of.certificate.number;
    let done = if action == Action::Revoke {
        let news = CertificateNews::Revoked(&of.revocation.reason);
        jobs::certificate_changed(&tx, &app, of.facts.holder, &of.certificate, &news).await?;
        format!("证明 {number} 已撤销，企业将收到通知。")
    } else {
        format!("已决定不撤销证明 {number}。")
    };
    tx.commit().await?;
    Ok(flash::to(&app.key, app.config.is_https(), "/revocations", &done))
}

/// 收回 by the proposer.
pub async fn withdraw(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<RevocationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    revocations::holds_post(&officer)?;
    let tx = app.db.begin().await?;
    let of = load_for_update(&tx, &app, &officer, id, &form).await?;
    let permit = may(officer.actor(), &of.facts, Action::WithdrawRevocation).map_err(refused)?;
    db::ending::decide(&tx, &of.certificate, &of.revocation, permit, "", &officer.by(), app.now()).await?;
    tx.commit().await?;
    let done = format!("已收回撤销证明 {} 的提议，证明未变。", of.certificate.number);
    Ok(flash::to(&app.key, app.config.is_https(), "/revocations", &done))
}

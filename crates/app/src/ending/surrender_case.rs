//! 办理注销: 发证 of the issuing bureau confirms or refuses.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::certificate::{self, Certificate};
use db::ending::Surrender;
use domain::ending::{Action, Facts, SurrenderState, may};
use domain::ids::SurrenderId;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::{late, refused, surrenders, told};
use crate::frame::{self, Entry};
use crate::jobs::{self, CertificateNews};
use crate::parts::found_certificate::Found;
use crate::parts::timeline::{self, Timeline};

#[derive(Template)]
#[template(path = "ending/surrender_case.html")]
struct CasePage {
    shell: Shell,
    id: SurrenderId,
    found: Found,
    state: SurrenderState,
    reason: String,
    requested: String,
    opinion: String,
    decided: String,
    form: FormView,
    decisions: Vec<Choice>,
    /// Why it cannot be confirmed, while it can be refused.
    obstacle: Option<String>,
    timeline: Timeline,
}

struct Case {
    surrender: Surrender,
    certificate: Certificate,
    facts: Facts,
}

fn decisions(officer: &BureauOfficer, of: &Case) -> Vec<(Action, Choice)> {
    if of.surrender.state != SurrenderState::Requested {
        return Vec::new();
    }
    [
        (Action::Surrender, "同意注销", "证明立即失效，不能恢复"),
        (Action::RefuseSurrender, "不同意注销", "证明不变，原因对企业可见"),
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
    Path(id): Path<SurrenderId>,
) -> Result<Response, AppError> {
    surrenders::holds_post(&officer)?;
    let read = app.db.read();
    let surrender = db::ending::surrender(&read, &officer.scope(), id).await?;
    let certificate = certificate::load(&read, &officer.scope(), surrender.certificate_id).await?;
    let facts = db::ending::facts(&read, &certificate).await?;
    let of = Case { surrender, certificate, facts };
    page::render(&build(&app, &officer, &of, FormData::default(), FieldErrors::default()).await?)
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    of: &Case,
    data: FormData,
    errors: FieldErrors,
) -> Result<CasePage, AppError> {
    let s = &of.surrender;
    let crumbs = [("证明注销", "/surrenders")];
    let mut shell = frame::signed(app, officer, "办理注销", Entry::Surrenders, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let waits = s.state == SurrenderState::Requested;
    let obstacle = may(officer.actor(), &of.facts, Action::Surrender).err().filter(|_| waits);
    Ok(CasePage {
        shell,
        id: s.id,
        found: Found::of(&of.certificate, app.now())?,
        state: s.state,
        reason: s.reason.clone(),
        requested: s.requested_at.china(),
        opinion: s.opinion.clone(),
        decided: s.decided_at.map(Instant::china).unwrap_or_default(),
        decisions: decisions(officer, of).into_iter().map(|(_, choice)| choice).collect(),
        obstacle: obstacle.map(|r| r.to_string()),
        timeline: timeline::of_certificate(&app.db.read(), app, of.certificate.id, true).await?,
        form: FormView::new(data, errors, &officer.caller.csrf),
    })
}

/// The answer.
pub async fn decide(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<SurrenderId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    surrenders::holds_post(&officer)?;
    let tx = app.db.begin().await?;
    let seen = db::ending::surrender(&tx, &officer.scope(), id).await?;
    let certificate = certificate::load_for_update(&tx, &officer.scope(), seen.certificate_id).await?;
    let surrender = db::ending::surrender(&tx, &officer.scope(), id).await?;
    let facts = db::ending::facts(&tx, &certificate).await?;
    let of = Case { surrender, certificate, facts };
    if of.surrender.state != SurrenderState::Requested {
        let now = format!("该注销申请已办结（{}），不能再办理。", of.surrender.state.label());
        let href = format!("/surrenders/{id}");
        return Err(told(&tx, &app, &officer, &of.certificate, (&form, &href), &now).await);
    }
    let offered = decisions(&officer, &of);
    if offered.is_empty() {
        let href = format!("/surrenders/{id}");
        return Err(match may(officer.actor(), &of.facts, Action::RefuseSurrender) {
            Err(why) => late(&tx, &app, &officer, &of.certificate, (&form, &href), why).await,
            Ok(_) => AppError::NotFound,
        });
    }
    let mut check = Checker::new(&form);
    let word = form.get("decision").trim();
    let action = offered.iter().map(|(a, _)| *a).find(|a| a.word() == word);
    if action.is_none() {
        check.error("decision", "请选择处理结果");
    }
    let opinion = if action == Some(Action::RefuseSurrender) {
        check.text("opinion", "意见").required().length(5..=500).take()
    } else {
        check.text("opinion", "意见").length(0..=500).take()
    };
    let checked = check.finish();
    let (Some(action), Ok(())) = (action, &checked) else {
        drop(tx);
        let errors = checked.err().unwrap_or_default();
        return page::unprocessable(&build(&app, &officer, &of, form, errors).await?);
    };
    let permit = may(officer.actor(), &of.facts, action).map_err(refused)?;
    let now = app.now();
    db::ending::answer_surrender(&tx, &of.certificate, &of.surrender, permit, &opinion, &officer.by(), now).await?;
    let number = &of.certificate.number;
    let (news, done) = if action == Action::Surrender {
        (CertificateNews::Surrendered(&opinion), format!("证明 {number} 已注销。"))
    } else {
        (CertificateNews::SurrenderRefused(&opinion), format!("已答复企业不同意注销证明 {number}。"))
    };
    jobs::certificate_changed(&tx, &app, of.facts.holder, &of.certificate, &news).await?;
    tx.commit().await?;
    Ok(flash::to(&app.key, app.config.is_https(), "/surrenders", &done))
}

//! 申请注销: the holder gives back a certificate of which nothing was written off.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::certificate::{self, Certificate};
use db::ending::Surrender;
use domain::actor::Actor;
use domain::ending::{Action, Facts, SurrenderState, may};
use domain::ids::CertificateId;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::session::{EnterpriseUser, Signed, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::refused;
use crate::frame::{self, Entry};
use crate::parts::found_certificate::Found;

/// What was asked for, and what became of it.
struct Asked {
    state: SurrenderState,
    reason: String,
    requested: String,
    opinion: String,
    decided: String,
}

#[derive(Template)]
#[template(path = "ending/surrender.html")]
struct SurrenderPage {
    shell: Shell,
    id: CertificateId,
    found: Found,
    form: FormView,
    asked: Option<Asked>,
    may_ask: bool,
    may_withdraw: bool,
    /// Why he cannot ask now.
    refusal: String,
}

/// The page: the form, or what was asked for. Whoever sees the certificate may look.
pub async fn show(State(app): State<App>, user: Signed, Path(id): Path<CertificateId>) -> Result<Response, AppError> {
    let read = app.db.read();
    let certificate = certificate::load(&read, &user.scope(), id).await?;
    let facts = db::ending::facts(&read, &certificate).await?;
    let asked = db::ending::newest_surrender(&read, id).await?;
    let page = build(&app, &user, &certificate, &facts, asked, FormData::default(), FieldErrors::default()).await?;
    page::render(&page)
}

async fn build(
    app: &App,
    user: &Signed,
    certificate: &Certificate,
    facts: &Facts,
    asked: Option<Surrender>,
    data: FormData,
    errors: FieldErrors,
) -> Result<SurrenderPage, AppError> {
    let id = certificate.id;
    let page_of = format!("/certificates/{id}");
    let crumbs = [("查看申请列表", "/applications"), (certificate.number.as_str(), page_of.as_str())];
    let title = if matches!(user.actor(), Actor::Enterprise(_)) { "申请注销证明" } else { "证明注销" };
    let mut shell = frame::signed(app, user, title, Entry::Applications, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let ask = may(user.actor(), facts, Action::RequestSurrender);
    Ok(SurrenderPage {
        shell,
        id,
        found: Found::of(certificate, app.now())?,
        asked: asked.map(|s| Asked {
            state: s.state,
            reason: s.reason,
            requested: s.requested_at.china(),
            opinion: s.opinion,
            decided: s.decided_at.map(Instant::china).unwrap_or_default(),
        }),
        may_ask: ask.is_ok(),
        refusal: ask.err().map(|r| r.to_string()).unwrap_or_default(),
        may_withdraw: may(user.actor(), facts, Action::WithdrawSurrender).is_ok(),
        form: FormView::new(data, errors, &user.caller.csrf),
    })
}

/// Sends the request to the issuing bureau.
pub async fn create(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let certificate = certificate::load_for_update(&tx, &user.scope(), id).await?;
    let facts = db::ending::facts(&tx, &certificate).await?;
    let permit = may(user.actor(), &facts, Action::RequestSurrender).map_err(refused)?;
    let mut check = Checker::new(&form);
    let reason = check.text("reason", "注销原因").required().length(5..=500).take();
    if let Err(errors) = check.finish() {
        drop(tx);
        let asked = db::ending::newest_surrender(&app.db.read(), id).await?;
        let page = build(&app, &user, &certificate, &facts, asked, form, errors).await?;
        return page::unprocessable(&page);
    }
    db::ending::request_surrender(&tx, &certificate, &facts, permit, &reason, &user.by(), app.now()).await?;
    tx.commit().await?;
    let done = "已提交注销申请，等待发证机关确认。确认前证明继续有效，您可以撤回。";
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/certificates/{id}/surrender"), done))
}

/// 撤回 of the request.
pub async fn withdraw(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let certificate = certificate::load_for_update(&tx, &user.scope(), id).await?;
    let facts = db::ending::facts(&tx, &certificate).await?;
    let permit = may(user.actor(), &facts, Action::WithdrawSurrender).map_err(refused)?;
    let asked = db::ending::newest_surrender(&tx, id).await?.ok_or(AppError::NotFound)?;
    db::ending::answer_surrender(&tx, &certificate, &asked, permit, "", &user.by(), app.now()).await?;
    tx.commit().await?;
    let url = format!("/certificates/{id}");
    Ok(flash::to(&app.key, app.config.is_https(), &url, "已撤回注销申请，证明继续有效。"))
}

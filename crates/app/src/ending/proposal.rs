//! 提出撤销: a 后续监管 officer finds the certificate and says why (D23).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::certificate;
use domain::ending::{Action, may};
use domain::ids::CertificateId;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::{late, revocations};
use crate::frame::{self, Entry};
use crate::parts::found_certificate::{Found, NumberQuery, Sought};

#[derive(Template)]
#[template(path = "ending/proposal.html")]
struct ProposalPage {
    shell: Shell,
    search: FormView,
    form: FormView,
    found: Option<Found>,
    /// Why the certificate that was found cannot be revoked.
    refusal: Option<String>,
}

/// The search, and the form for what was found.
pub async fn new(
    State(app): State<App>,
    officer: BureauOfficer,
    Query(query): Query<NumberQuery>,
) -> Result<Response, AppError> {
    revocations::holds_post(&officer)?;
    let sought = Sought::of(&app, &officer, &query, "由其他检验检疫局负责后续监管的证明，请由该局办理").await?;
    let page = build(&app, &officer, sought, FormData::default(), FieldErrors::default()).await?;
    if page.search.errors.is_empty() { page::render(&page) } else { page::unprocessable(&page) }
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    Sought { search, certificate }: Sought,
    data: FormData,
    errors: FieldErrors,
) -> Result<ProposalPage, AppError> {
    let mut refusal = None;
    let mut found = None;
    if let Some(certificate) = certificate {
        let facts = db::ending::facts(&app.db.read(), &certificate).await?;
        refusal = may(officer.actor(), &facts, Action::ProposeRevocation).err().map(|r| r.to_string());
        found = Some(Found::of(&certificate, app.now())?);
    }
    let crumbs = [("证明撤销", "/revocations")];
    let mut shell = frame::signed(app, officer, "提出撤销", Entry::Revocations, &crumbs).await?;
    shell.error_title = !errors.is_empty() || !search.errors.is_empty();
    Ok(ProposalPage { shell, search, form: FormView::new(data, errors, &officer.caller.csrf), found, refusal })
}

/// The proposal waits for another officer of the bureau.
pub async fn create(
    State(app): State<App>,
    officer: BureauOfficer,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    revocations::holds_post(&officer)?;
    let id: CertificateId = form.get("certificate").parse().map_err(|_| AppError::NotFound)?;
    let tx = app.db.begin().await?;
    let certificate = certificate::load_for_update(&tx, &officer.scope(), id).await?;
    let facts = db::ending::facts(&tx, &certificate).await?;
    let permit = match may(officer.actor(), &facts, Action::ProposeRevocation) {
        Ok(permit) => permit,
        Err(why) => {
            let href = format!("/revocations/new?number={}", certificate.number);
            return Err(late(&tx, &app, &officer, &certificate, (&form, &href), why).await);
        }
    };
    let mut check = Checker::new(&form);
    let reason = check.text("reason", "撤销原因").required().length(10..=500).take();
    if let Err(errors) = check.finish() {
        drop(tx);
        let page = build(&app, &officer, Sought::again(&officer, certificate), form, errors).await?;
        return page::unprocessable(&page);
    }
    let now = app.now();
    let proposed = db::ending::propose(&tx, &certificate, &facts, permit, &reason, &officer.by(), now).await?;
    tx.commit().await?;
    let done = format!("已提出撤销证明 {}，等待本局另一名后续监管人员审核。", certificate.number);
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/revocations/{proposed}"), &done))
}

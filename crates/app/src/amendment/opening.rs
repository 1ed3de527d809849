//! 企业来电申请修改: the certificate is found by its number and returned to the enterprise (R-2.7-01, M1).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::amendment::Beginning;
use db::certificate::{self, Certificate};
use domain::actor::Post;
use domain::amendment::{Action, may};
use domain::ids::CertificateId;
use domain::number::CertificateNumber;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::refused;
use crate::frame::{self, Entry};
use crate::jobs::{self, CertificateNews};
use crate::parts::found_certificate::{self, Found};

/// `?number=`: the certificate that the caller names.
#[derive(Debug, Default, serde::Deserialize)]
pub struct OpeningQuery {
    /// None = the page was only opened.
    #[serde(default)]
    number: Vec<String>,
}

#[derive(Template)]
#[template(path = "amendment/opening.html")]
struct OpeningPage {
    shell: Shell,
    search: FormView,
    form: FormView,
    found: Option<Found>,
    /// Why the certificate that was found cannot be amended.
    refusal: Option<String>,
}

/// The search, and the form for what was found.
pub async fn show(
    State(app): State<App>,
    officer: BureauOfficer,
    Query(query): Query<OpeningQuery>,
) -> Result<Response, AppError> {
    holds_post(&officer)?;
    let mut data = FormData::default();
    let mut errors = FieldErrors::default();
    let mut certificate = None;
    if let Some(number) = query.number.first() {
        data.set("number", number);
        certificate = match CertificateNumber::parse(number) {
            Ok(parsed) => found_certificate::of_number(&app.db.read(), &officer.scope(), parsed.as_str()).await?,
            Err(_) => None,
        };
        if number.trim().is_empty() {
            errors.add("number", "请填写证明号");
        } else if certificate.is_none() {
            errors.add("number", "没有找到该证明。请核对证明号；由其他检验检疫局负责修改的证明，请由该局办理");
        }
    }
    let invalid = !errors.is_empty();
    let search = FormView::new(data, errors, &officer.caller.csrf);
    let page = build(&app, &officer, search, certificate, FormData::default(), FieldErrors::default()).await?;
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}

fn holds_post(officer: &BureauOfficer) -> Result<(), AppError> {
    if officer.user.posts.holds(Post::AmendApprove) {
        return Ok(());
    }
    let why = "您没有证明修改批准岗的权限。需要办理时，请联系本局系统管理员配置岗位。";
    Err(AppError::Forbidden(why.to_owned()))
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    search: FormView,
    certificate: Option<Certificate>,
    data: FormData,
    errors: FieldErrors,
) -> Result<OpeningPage, AppError> {
    let mut refusal = None;
    let mut found = None;
    if let Some(certificate) = certificate {
        let facts = db::amendment::facts(&app.db.read(), &certificate).await?;
        refusal = may(officer.actor(), &facts, Action::Open).err().map(|r| r.to_string());
        found = Some(Found::of(&certificate, app.now())?);
    }
    let crumbs = [("证明修改", "/amendments")];
    let mut shell = frame::signed(app, officer, "企业来电申请修改", Entry::Amendments, &crumbs).await?;
    shell.error_title = !errors.is_empty() || !search.errors.is_empty();
    Ok(OpeningPage { shell, search, form: FormView::new(data, errors, &officer.caller.csrf), found, refusal })
}

/// 同意修改: from now on the enterprise sees 修改证明, and nothing is declared or written off (D13).
pub async fn create(
    State(app): State<App>,
    officer: BureauOfficer,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    holds_post(&officer)?;
    let id: CertificateId = form.get("certificate").parse().map_err(|_| AppError::NotFound)?;
    let now = app.now();
    let tx = app.db.begin().await?;
    let certificate = certificate::load_for_update(&tx, &officer.scope(), id).await?;
    let facts = db::amendment::facts(&tx, &certificate).await?;
    let step = may(officer.actor(), &facts, Action::Open).map_err(refused)?;
    let mut check = Checker::new(&form);
    let caller = check.text("caller", "来电人").required().length(2..=50).take();
    let note = check.text("call_note", "电话记录").required().length(5..=500).take();
    if let Err(errors) = check.finish() {
        drop(tx);
        let mut data = FormData::default();
        data.set("number", &certificate.number);
        let search = FormView::new(data, FieldErrors::default(), &officer.caller.csrf);
        let page = build(&app, &officer, search, Some(certificate), form, errors).await?;
        return page::unprocessable(&page);
    }
    if let Some(asked) = db::amendment::open_of(&tx, id).await? {
        // The enterprise had asked online too: the call answers it.
        let told = format!("{note}（来电人：{caller}）");
        db::amendment::advance(&tx, &certificate, &asked, step, &told, &officer.by(), now).await?;
    } else {
        let new = Beginning { request_reason: "", caller: &caller, call_note: &note };
        db::amendment::begin(&tx, &certificate, &facts, step, new, &officer.by(), now).await?;
    }
    jobs::certificate_changed(&tx, &app, facts.holder, &certificate, &CertificateNews::AmendmentOpened(&note)).await?;
    tx.commit().await?;
    let done = format!("证明 {} 已返回企业修改，修改期间不能预核销和核销。", certificate.number);
    Ok(flash::to(&app.key, app.config.is_https(), "/amendments?state=opened", &done))
}

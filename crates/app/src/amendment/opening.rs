//! 企业来电申请修改: the certificate is found by its number and returned to the enterprise (R-2.7-01, M1).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::Source;
use db::amendment::Beginning;
use db::audit::Subject;
use db::certificate::{self, Certificate};
use domain::actor::Post;
use domain::amendment::{Action, Refusal, may};
use domain::ids::CertificateId;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::refused;
use crate::frame::{self, Entry};
use crate::jobs::{self, CertificateNews};
use crate::parts::found_certificate::{Found, NumberQuery, Sought};
use crate::parts::overtaken;

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
    Query(query): Query<NumberQuery>,
) -> Result<Response, AppError> {
    holds_post(&officer)?;
    let sought = Sought::of(&app, &officer, &query, "由其他检验检疫局负责修改的证明，请由该局办理").await?;
    let page = build(&app, &officer, sought, FormData::default(), FieldErrors::default()).await?;
    if page.search.errors.is_empty() { page::render(&page) } else { page::unprocessable(&page) }
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
    Sought { search, certificate }: Sought,
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
    let step = match may(officer.actor(), &facts, Action::Open) {
        Ok(step) => step,
        Err(why) => return Err(late(&tx, &app, &officer, &certificate, &form, why).await),
    };
    let mut check = Checker::new(&form);
    let caller = check.text("caller", "来电人").one_line().required().length(2..=50).take();
    let note = check.text("call_note", "电话记录").required().length(5..=500).take();
    if let Err(errors) = check.finish() {
        drop(tx);
        let page = build(&app, &officer, Sought::again(&officer, certificate), form, errors).await?;
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

/// Why it cannot be opened now; with who was faster, where somebody was (D34).
async fn late(
    source: &impl Source,
    app: &App,
    officer: &BureauOfficer,
    certificate: &Certificate,
    form: &FormData,
    why: Refusal,
) -> AppError {
    match refused(why) {
        AppError::Conflict(now) => {
            let about = (Subject::Certificate(certificate.id), form);
            let href = format!("/amendments/opening?number={}", certificate.number);
            overtaken::answer(source, app, officer.user.account, about, &now, &href).await
        }
        other => other,
    }
}

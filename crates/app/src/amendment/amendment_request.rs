//! 申请修改证明: the enterprise asks online, in place of the phone call (manual §2.7).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::amendment::{Amendment, Beginning};
use db::certificate;
use domain::amendment::{Action, Facts, Refusal, may};
use domain::certificate::AmendmentState;
use domain::ids::CertificateId;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::refused;
use crate::frame::{self, Entry};

#[derive(Template)]
#[template(path = "amendment/amendment_request.html")]
struct RequestPage {
    shell: Shell,
    id: CertificateId,
    number: String,
    form: FormView,
    /// The request that waits already, with its time.
    waiting: Option<(String, String)>,
    bureau: String,
    phone: String,
}

/// The page: the form, or the request that waits.
pub async fn show(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let certificate = certificate::load(&read, &user.scope(), id).await?;
    let facts = db::amendment::facts(&read, &certificate).await?;
    let open = db::amendment::open_of(&read, id).await?.filter(|m| m.state == AmendmentState::Requested);
    let action = if open.is_none() { Action::Request } else { Action::Cancel };
    match may(user.actor(), &facts, action) {
        Ok(_) => {}
        // A colleague reads on the page of the certificate.
        Err(Refusal::NotYours(_)) => return Ok(page::see_other(&format!("/certificates/{id}"))),
        Err(why) => return Err(refused(why)),
    }
    let (data, errors) = (FormData::default(), FieldErrors::default());
    let page = build(&app, &user, id, &certificate.number, &facts, open, data, errors).await?;
    page::render(&page)
}

#[expect(clippy::too_many_arguments, reason = "what the page shows")]
async fn build(
    app: &App,
    user: &EnterpriseUser,
    id: CertificateId,
    number: &str,
    facts: &Facts,
    open: Option<Amendment>,
    data: FormData,
    errors: FieldErrors,
) -> Result<RequestPage, AppError> {
    let references = app.references.now();
    let page = format!("/certificates/{id}");
    let crumbs = [("查看申请列表", "/applications"), (number, page.as_str())];
    let mut shell = frame::signed(app, user, "申请修改证明", Entry::Applications, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    Ok(RequestPage {
        shell,
        id,
        number: number.to_owned(),
        form: FormView::new(data, errors, &user.caller.csrf),
        waiting: open.map(|m| (m.request_reason, m.requested_at.map(Instant::china).unwrap_or_default())),
        bureau: references.bureau_name(&facts.bureau).to_owned(),
        phone: references.bureau(&facts.bureau).map(|b| b.phone.clone()).unwrap_or_default(),
    })
}

/// Sends the request to 证明修改批准.
pub async fn create(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let now = app.now();
    let tx = app.db.begin().await?;
    let certificate = certificate::load_for_update(&tx, &user.scope(), id).await?;
    let facts = db::amendment::facts(&tx, &certificate).await?;
    let step = may(user.actor(), &facts, Action::Request).map_err(refused)?;
    let mut check = Checker::new(&form);
    let reason = check.text("request_reason", "需要修改的内容和原因").required().length(5..=500).take();
    if let Err(errors) = check.finish() {
        drop(tx);
        let page = build(&app, &user, id, &certificate.number, &facts, None, form, errors).await?;
        return page::unprocessable(&page);
    }
    let new = Beginning { request_reason: &reason, caller: "", call_note: "" };
    db::amendment::begin(&tx, &certificate, &facts, step, new, &user.by(), now).await?;
    tx.commit().await?;
    let done = "已提交修改证明的申请。检验检疫局同意后，申请列表显示“修改证明”。";
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/certificates/{id}"), done))
}

/// 撤回申请 or 取消修改: the enterprise gives up; the certificate stays as it is (M5).
pub async fn cancel(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let certificate = certificate::load_for_update(&tx, &user.scope(), id).await?;
    let facts = db::amendment::facts(&tx, &certificate).await?;
    let step = may(user.actor(), &facts, Action::Cancel).map_err(refused)?;
    let open = db::amendment::open_of(&tx, id).await?.ok_or(AppError::NotFound)?;
    db::amendment::advance(&tx, &certificate, &open, step, "", &user.by(), app.now()).await?;
    tx.commit().await?;
    let done = match open.state {
        AmendmentState::Requested => "已撤回修改证明的申请，证明未变。",
        _ => "已取消修改，证明未变，可以继续预核销。",
    };
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/certificates/{id}"), done))
}

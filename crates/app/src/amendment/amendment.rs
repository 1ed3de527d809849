//! 修改证明, 重新修改证明: 证明有效期 and 修改原因, the way to the products, and 提交 (R-2.7-03, -08, -10).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use db::amendment::{Amendment, Line, Which};
use db::certificate;
use db::submission_copy::Submitted as Kind;
use domain::amendment::{Action, may, validity_faults};
use domain::certificate::{AmendmentState, Validity};
use domain::ids::{ApplicationId, CertificateId};
use domain::policy::{self, Operation};
use domain::time::{Day, Instant};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::session::{EnterpriseUser, Signed, Submitted, hash_of};
use kit::shell::Shell;
use kit::{flash, glyphs, page};

use super::changes::{self, Changes};
use super::{InHand, in_hand, open, open_for_update, refused};
use crate::frame::{self, Entry};
use crate::jobs::{self, CertificateNews};

/// Products that the comparison beside the form lists.
const SHOWN: i64 = 20;

#[derive(Template)]
#[template(path = "amendment/amendment.html")]
struct EditPage {
    shell: Shell,
    id: CertificateId,
    number: String,
    form: FormView,
    opened: String,
    /// Why it was sent back.
    opinion: Option<String>,
    old: Validity,
    lines: i64,
    changes: Changes,
    is_over: bool,
    /// What another tab or a colleague stored meanwhile.
    overtaken: Option<Overtaken>,
}

/// Somebody saved while this form was open: what is stored now, beside what was typed.
struct Overtaken {
    stored: Validity,
    reason: String,
}

/// The links of the list name the application: 修改证明, 重新修改证明, 已提交新证明（查看）.
pub async fn of_application(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<ApplicationId>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let application = db::application::load(&read, &user.scope(), id, app.now()).await?;
    let certificate = certificate::of_application(&read, id).await?.ok_or(AppError::NotFound)?;
    let links = policy::row_links(user.actor(), &application.ownership, Some(&certificate.facts()), app.now());
    let leads = |operation| links.operations.contains(&operation);
    if leads(Operation::AmendCertificate) || leads(Operation::AmendAgain) {
        Ok(page::see_other(&format!("/certificates/{}/amendment", certificate.id)))
    } else if leads(Operation::ViewAmendment) {
        Ok(page::see_other(&format!("/certificates/{}/amendment/submitted", certificate.id)))
    } else {
        Ok(page::see_other(&format!("/certificates/{}", certificate.id)))
    }
}

/// The page, with what is stored.
pub async fn show(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
) -> Result<Response, AppError> {
    let in_hand = match open(&app.db.read(), &user, id).await? {
        Ok(in_hand) => in_hand,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let mut data = FormData::default();
    see(&mut data, &in_hand.amendment);
    data.set("valid_from", &in_hand.amendment.valid_from.to_string());
    data.set("valid_to", &in_hand.amendment.valid_to.to_string());
    data.set("reason", &in_hand.amendment.reason);
    let page = build(&app, &user, &in_hand, data, FieldErrors::default()).await?;
    page::render(&page)
}

/// What 保存 would replace: validity and reason, not what other pages store of the same amendment.
fn seen(amendment: &Amendment) -> String {
    hash_of(&format!("{:?} {}", amendment.validity(), amendment.reason))[..16].to_owned()
}

/// The form remembers what its writer has seen: 保存 replaces validity and reason, 提交 sends everything.
fn see(form: &mut FormData, amendment: &Amendment) {
    form.set("seen", &seen(amendment));
    form.set("seen_version", &amendment.version.to_string());
}

/// 409: nothing is stored; what was typed stays, beside what is stored now. Sent again, this page counts.
async fn overtaken(app: &App, user: &EnterpriseUser, of: &InHand, mut form: FormData) -> Result<Response, AppError> {
    see(&mut form, &of.amendment);
    let mut page = build(app, user, of, form, FieldErrors::default()).await?;
    page.overtaken = Some(Overtaken { stored: of.amendment.validity(), reason: of.amendment.reason.clone() });
    page::with_status(StatusCode::CONFLICT, &page)
}

async fn build(
    app: &App,
    user: &EnterpriseUser,
    of: &InHand,
    data: FormData,
    errors: FieldErrors,
) -> Result<EditPage, AppError> {
    let InHand { certificate, amendment, .. } = of;
    let again = amendment.state == AmendmentState::SentBack;
    let title = if again { "重新修改证明" } else { "修改证明" };
    let mut shell = frame::signed(app, user, title, Entry::Applications, &[("查看申请列表", "/applications")]).await?;
    shell.error_title = !errors.is_empty();
    let old = certificate.validity();
    Ok(EditPage {
        shell,
        id: certificate.id,
        number: certificate.number.clone(),
        form: FormView::new(data, errors, &user.caller.csrf),
        opened: amendment.opened_at.map(Instant::china).unwrap_or_default(),
        opinion: again.then(|| amendment.opinion.clone()),
        old,
        lines: certificate.lines,
        changes: changes::load(&app.db.read(), app, certificate, old, amendment, SHOWN).await?,
        is_over: old.is_over(app.now()),
        overtaken: None,
    })
}

/// What stands in the form: validity and reason, every mistake at once (D17).
fn parse(form: &FormData, issued_on: Day, today: Day) -> Result<(Validity, String), FieldErrors> {
    let mut check = Checker::new(form);
    let from = check.day("valid_from", "证明有效期（起）");
    let to = check.day("valid_to", "证明有效期（止）");
    let mut validity = None;
    if let (Some(from), Some(to)) = (from, to) {
        let wanted = Validity { from, to };
        let (from, to) = validity_faults(issued_on, today, wanted);
        if let Some(why) = from {
            check.error("valid_from", why.to_string());
        }
        if let Some(why) = to {
            check.error("valid_to", why.to_string());
        }
        validity = Some(wanted);
    }
    let reason = check.text("reason", "修改原因").length(0..=500).take();
    check.finish()?;
    validity.map(|v| (v, reason)).ok_or_else(FieldErrors::default)
}

/// 保存 (R-2.7-03).
pub async fn update(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let of = open_for_update(&tx, &user, id).await?;
    let (validity, reason) = match parse(&form, of.certificate.issued_at.china_day(), app.clock.today()) {
        Ok(parsed) => parsed,
        Err(errors) => {
            drop(tx);
            return page::unprocessable(&build(&app, &user, &of, form, errors).await?);
        }
    };
    // The same again is a second click.
    let is_stored = validity == of.amendment.validity() && reason == of.amendment.reason;
    if !is_stored && form.get("seen") != seen(&of.amendment) {
        drop(tx);
        return overtaken(&app, &user, &of, form).await;
    }
    db::amendment::save_basics(&tx, &of.amendment, of.edit, validity, &reason, &user.by(), app.now()).await?;
    tx.commit().await?;
    let url = format!("/certificates/{id}/amendment");
    Ok(flash::to(&app.key, app.config.is_https(), &url, "已保存证明基本信息的修改。提交后由检验检疫局确认。"))
}

/// 提交: what stands in the form is saved with it; at least one change (R-2.7-08).
pub async fn submit(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let now = app.now();
    let tx = app.db.begin().await?;
    let certificate = certificate::load_for_update(&tx, &user.scope(), id).await?;
    let facts = db::amendment::facts(&tx, &certificate).await?;
    if facts.amendment == Some(AmendmentState::Submitted) && facts.holder == user.user.account {
        // A second click.
        return Ok(page::see_other("/applications"));
    }
    let of = in_hand(&tx, &user, certificate).await?;
    let step = may(user.actor(), &of.facts, Action::Submit).map_err(refused)?;
    let (validity, reason) = match parse(&form, of.certificate.issued_at.china_day(), app.clock.today()) {
        Ok(parsed) => parsed,
        Err(errors) => {
            drop(tx);
            return page::unprocessable(&build(&app, &user, &of, form, errors).await?);
        }
    };
    if form.get("seen_version") != of.amendment.version.to_string() {
        drop(tx);
        return overtaken(&app, &user, &of, form).await;
    }
    let products = db::amendment::count_items(&tx, of.amendment.id).await?;
    if validity == of.certificate.validity() && products == 0 {
        drop(tx);
        let mut errors = FieldErrors::default();
        errors.add("valid_to", "还没有修改任何内容。请修改证明有效期，或点击“查看申请产品信息”修改产品后再提交");
        return page::unprocessable(&build(&app, &user, &of, form, errors).await?);
    }
    let which = Which::Changed { limit: i64::from(u32::MAX), offset: 0 };
    let lines = db::amendment::lines(&tx, of.certificate.application_id, &of.amendment, which).await?;
    if let Some(why) = unprintable(&app, &lines) {
        drop(tx);
        let mut errors = FieldErrors::default();
        errors.add("valid_to", why);
        return page::unprocessable(&build(&app, &user, &of, form, errors).await?);
    }
    db::amendment::save_basics(&tx, &of.amendment, of.edit, validity, &reason, &user.by(), now).await?;
    let saved = db::amendment::open_of(&tx, id).await?.ok_or(AppError::NotFound)?;
    db::amendment::advance(&tx, &of.certificate, &saved, step, &reason, &user.by(), now).await?;
    // What is submitted now stays readable beside what a correction makes of it.
    let fields = changes::as_submitted(&tx, &app, &of.certificate, &saved).await?;
    db::submission_copy::keep(&tx, Kind::Amendment(saved.id), saved.version, &fields, now).await?;
    let news = CertificateNews::AmendmentSubmitted;
    jobs::certificate_changed(&tx, &app, of.facts.holder, &of.certificate, &news).await?;
    tx.commit().await?;
    let done = format!("证明 {} 的修改已提交，等待检验检疫局确认。", of.certificate.number);
    Ok(flash::to(&app.key, app.config.is_https(), "/applications", &done))
}

/// The first changed product that the certificate cannot print: saved before all faces were asked at the field (E27, D33).
fn unprintable(app: &App, lines: &[Line]) -> Option<String> {
    lines.iter().find_map(|line| {
        let p = line.product();
        let texts =
            [("产品名称", &p.product_name), ("规格/型号", &p.model), ("商标", &p.brand), ("生产厂名", &p.manufacturer)];
        let why = texts.iter().find_map(|(label, text)| glyphs::mistake(app.papers.as_ref(), label, text))?;
        Some(format!("第 {} 项产品：{why}。请点击“查看申请产品信息”修改", line.ordinal))
    })
}

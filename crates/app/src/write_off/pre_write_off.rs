//! 预核销: how much of which product arrives at which port (manual §2.8.1; D1, D20).
//!
//! Nothing is stored before 提交 (R-2.8-09): see [`rows`] for what is typed on rows that are not shown.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::ledger::{self, Deed, Line, Place};
use domain::actor::Undertaking;
use domain::ids::{CertificateId, PortCode};
use domain::policy;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;
use kit::{page, random};

use crate::frame::{self, Entry};
use crate::parts::typed::{self, Desk, Offer};
use crate::write_off::rows::{self, GoodsTable, Judgement, Purpose};
use crate::write_off::typed::{WORD, desk};
use crate::write_off::{Head, Opened, RefreshQuery, chosen_port, customs_no, done, open, refused};

#[derive(Template)]
#[template(path = "write_off/pre_write_off.html")]
struct PreWriteOffPage {
    shell: Shell,
    head: Head,
    id: CertificateId,
    form: FormView,
    rows: GoodsTable,
    ports: [Vec<Choice>; 2],
    kept: Option<Offer>,
    /// Where the form is kept while somebody types.
    desk: Desk,
}

/// `?restore=1`: what was typed and kept (E21).
#[derive(Debug, Default, serde::Deserialize)]
pub struct NewQuery {
    #[serde(default)]
    restore: String,
}

/// The page.
pub async fn new(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    Query(query): Query<NewQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let opened = open(&read, &app, user.actor(), id).await?;
    if !policy::owns(user.actor(), &opened.application.ownership) {
        // A colleague reads (D5).
        return Ok(page::see_other(&format!("/certificates/{id}/pre-write-offs")));
    }
    must_be_open(&app, &user, &opened)?;
    let lines = ledger::lines(&read, id).await?;
    let mut data = FormData::default();
    if let Some(port) = &opened.application.basics.port {
        data.set("port_code_1", app.references.now().port_group(port));
        data.set("port_code_2", port.as_str());
    }
    let kept = typed::find(&read, &user, opened.certificate.application_id, WORD).await?;
    let (mut data, offer) = typed::restored(kept, data, !query.restore.is_empty());
    // One declaration per opened page, however often 提交 is clicked.
    data.set("submission_key", &random::token());
    let mut page = build(&app, &user, &opened, lines, data, Wrong::default()).await?;
    page.kept = offer.shown(&page.desk, &user);
    page::render(&page)
}

/// A hidden link is a refused request (R-2.2-17).
pub fn must_be_open(app: &App, user: &EnterpriseUser, opened: &Opened) -> Result<(), AppError> {
    let facts = opened.certificate.facts();
    if policy::may_declare(user.actor(), &opened.application.ownership, &facts, app.now()) {
        return Ok(());
    }
    if let Some(bar) = user.user.bar(Undertaking::Beginning) {
        return Err(AppError::Conflict(bar.to_string()));
    }
    let why = if !policy::owns(user.actor(), &opened.application.ownership) {
        "只能对自己的证明预核销；其他用户的证明请由其本人办理。请返回申请列表。"
    } else if facts.is_exhausted() {
        "该证明的产品已全部核销，不能再预核销。请返回申请列表。"
    } else if facts.validity.is_over(app.now()) {
        "证明已过有效期，不能再预核销。可在申请列表点击“复制为新申请”，为剩余数量重新申请。"
    } else {
        "该证明正在修改，或已被撤销、注销，现在不能预核销。请返回申请列表。"
    };
    Err(AppError::Conflict(why.to_owned()))
}

/// What is wrong with the form.
#[derive(Default)]
struct Wrong {
    rows: Judgement,
    errors: FieldErrors,
}

/// 提交; with `?refresh` everything typed comes back and nothing is declared (E24).
pub async fn create(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    Query(query): Query<RefreshQuery>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    let opened = open(&app.db.read(), &app, user.actor(), id).await?;
    if query.is_set() {
        must_be_open(&app, &user, &opened)?;
        let lines = ledger::lines(&app.db.read(), id).await?;
        return page::render(&build(&app, &user, &opened, lines, form, Wrong::default()).await?);
    }
    let key = form.get("submission_key").to_owned();
    if key.len() < 32 {
        must_be_open(&app, &user, &opened)?;
        return Err(AppError::Invalid("页面不完整，请返回申请列表重新点击“预核销”。".to_owned()));
    }
    let url = format!("/certificates/{id}/pre-write-offs");
    let tx = app.db.begin().await?;
    if ledger::is_declared(&tx, id, &key).await? {
        // The same form again: what it declared is there, and has changed what may be declared.
        return Ok(page::see_other(&url));
    }
    must_be_open(&app, &user, &opened)?;
    let lines = ledger::lines(&tx, id).await?;
    let (claims, rows) = rows::judge(&opened.goods(lines.clone()), &form, Purpose::Declare);
    let mut wrong = Wrong { rows, ..Wrong::default() };
    let port = chosen_port(&app, &form).unwrap_or_else(|why| {
        wrong.errors.add("port_code", why);
        PortCode::new("")
    });
    let customs_no = customs_no(&form).unwrap_or_else(|why| {
        wrong.errors.add("customs_no", why);
        String::new()
    });
    let asked = wrong.rows.must_be_asked(&mut form);
    let mut status = StatusCode::UNPROCESSABLE_ENTITY;
    let references = app.references.now();
    if let (false, false, true, Some(bureau)) =
        (asked, wrong.rows.is_wrong(), wrong.errors.is_empty(), references.port_bureau(port.as_str()))
    {
        let place = Place { port: &port, bureau, customs_no: &customs_no };
        let deed = Deed { key: &key, by: &user.by(), now: app.now() };
        match ledger::declare(&tx, id, place, &claims, deed).await {
            Ok(_) => {
                typed::forget(&tx, &user, opened.certificate.application_id, WORD).await?;
                tx.commit().await?;
                let bureau = references.bureau_name(bureau);
                let said = format!("已提交 {} 个产品的预核销，等待{bureau}核销人员确认。", claims.len());
                return Ok(done(&app, &url, &said));
            }
            Err(error) => {
                // Somebody was faster between our look and our deed.
                wrong.rows.add(&refused(error)?);
                status = StatusCode::CONFLICT;
            }
        }
    }
    drop(tx);
    wrong.rows.lead(&mut form);
    let lines = ledger::lines(&app.db.read(), id).await?;
    page::with_status(status, &build(&app, &user, &opened, lines, form, wrong).await?)
}

async fn build(
    app: &App,
    user: &EnterpriseUser,
    opened: &Opened,
    lines: Vec<Line>,
    mut data: FormData,
    wrong: Wrong,
) -> Result<PreWriteOffPage, AppError> {
    let id = opened.certificate.id;
    let action = format!("/certificates/{id}/pre-write-offs");
    let mut errors = FieldErrors::default();
    let csrf = &user.caller.csrf;
    let rows = rows::build(opened, lines, &mut data, &mut errors, &wrong.rows, (Purpose::Declare, &action), csrf);
    for error in wrong.errors.iter() {
        errors.add(&error.field, error.message.clone());
    }
    let ports = app.references.now().port_choices_on(data.get("port_code_1"), app.clock.today());
    let crumbs = [("查看申请列表", "/applications")];
    Ok(PreWriteOffPage {
        shell: frame::signed(app, user, "预核销", Entry::Applications, &crumbs).await?,
        head: opened.head(app),
        id,
        form: FormView::new(data, errors, csrf).at(&action),
        rows,
        ports,
        kept: None,
        desk: desk(id),
    })
}

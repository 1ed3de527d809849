//! 直接核销: what an officer of any bureau writes off at his port, declared or not (manual §2.8 注意; R-2.8-17; D1, D12).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::DbError;
use db::audit::Subject;
use db::ledger::{self, Deed, LedgerError, Line, Outcome, Place};
use domain::certificate::CertificateState;
use domain::ids::{CertificateId, PortCode};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{page, random};

use crate::frame::{self, Entry};
use crate::jobs;
use crate::parts::overtaken;
use crate::write_off::rows::{self, GoodsTable, Judgement, Purpose};
use crate::write_off::{Head, Opened, RefreshQuery, chosen_port, customs_no, done, must_write_off, open, refused};

#[derive(Template)]
#[template(path = "write_off/draw_down.html")]
struct DrawDownPage {
    shell: Shell,
    head: Head,
    id: CertificateId,
    form: FormView,
    rows: GoodsTable,
    ports: [Vec<Choice>; 2],
    /// Why nothing can be written off.
    closed: Option<&'static str>,
    is_over: bool,
    pending_lines: i64,
    /// Who was faster, and what was done (D34).
    conflict: Option<String>,
    trail: i64,
}

/// The page.
pub async fn new(
    State(app): State<App>,
    user: BureauOfficer,
    Path(id): Path<CertificateId>,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let read = app.db.read();
    let opened = open(&read, &app, user.actor(), id).await?;
    let lines = ledger::lines(&read, id).await?;
    let mut data = FormData::default();
    data.set("deed_key", &random::token());
    page::render(&build(&app, &user, &opened, lines, data, Wrong::default()).await?)
}

/// What is wrong with the form.
#[derive(Default)]
struct Wrong {
    rows: Judgement,
    errors: FieldErrors,
    /// The ledger refused it: something happened since the page was opened.
    is_late: bool,
}

/// 核销; with `?refresh` everything typed comes back and nothing is written off (E24).
pub async fn create(
    State(app): State<App>,
    user: BureauOfficer,
    Path(id): Path<CertificateId>,
    Query(query): Query<RefreshQuery>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let opened = open(&app.db.read(), &app, user.actor(), id).await?;
    if query.is_set() {
        let lines = ledger::lines(&app.db.read(), id).await?;
        return page::render(&build(&app, &user, &opened, lines, form, Wrong::default()).await?);
    }
    let key = form.get("deed_key").to_owned();
    if key.len() < 32 {
        return Err(AppError::Invalid("页面不完整，请重新查询证明后办理。".to_owned()));
    }
    let url = format!("/certificates/{id}/write-offs");
    let tx = app.db.begin().await?;
    if ledger::is_entered(&tx, id, &key).await? {
        return Ok(page::see_other(&url));
    }
    let lines = ledger::lines(&tx, id).await?;
    let (claims, rows) = rows::judge(&opened.goods(lines), &form, Purpose::WriteOff);
    let mut check = Checker::new(&form);
    let reason = check.text("reason", "说明").length(2..=500).take();
    if opened.certificate.validity().is_over(app.now()) && reason.is_empty() {
        check.error("reason", "证明已过有效期，直接核销须填写理由");
    }
    let mut wrong = Wrong { rows, errors: check.finish().err().unwrap_or_default(), is_late: false };
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
    if !asked && !wrong.rows.is_wrong() && wrong.errors.is_empty() {
        let place = Place { port: &port, bureau: &user.user.bureau, customs_no: &customs_no };
        let deed = Deed { key: &key, by: &user.by(), now: app.now() };
        match ledger::draw_down(&tx, id, place, &claims, &reason, deed).await {
            Ok(Outcome::Done) => {
                let (number, bureau) = (&opened.certificate.number, &user.user.bureau);
                jobs::written_off(&tx, &app, &opened.application, id, number, bureau, claims.len()).await?;
                tx.commit().await?;
                return Ok(done(&app, &url, &format!("已核销 {} 个产品。", claims.len())));
            }
            Ok(Outcome::Before) => return Ok(page::see_other(&url)),
            Err(LedgerError::Db(DbError::Refused(now) | DbError::Overtaken(now))) => {
                let about = (Subject::Certificate(id), &form);
                let href = format!("/certificates/{id}/draw-down");
                return Err(overtaken::answer(&tx, &app, user.user.account, about, &now, &href).await);
            }
            Err(error) => {
                // More than is left by now, or a 尾差 that nobody explained.
                wrong.is_late = true;
                wrong.rows.add(&refused(error)?);
                status = StatusCode::CONFLICT;
            }
        }
    }
    drop(tx);
    // More than is left, because somebody wrote off since the page was opened.
    if !asked && wrong.rows.is_wrong() && form.has("trail") {
        let subject = Subject::Certificate(id);
        let said = overtaken::meanwhile(&app.db.read(), &app, user.user.account, subject, &form).await?;
        if !said.is_empty() {
            wrong.is_late = true;
            status = StatusCode::CONFLICT;
        }
    }
    wrong.rows.lead(&mut form);
    let lines = ledger::lines(&app.db.read(), id).await?;
    page::with_status(status, &build(&app, &user, &opened, lines, form, wrong).await?)
}

async fn build(
    app: &App,
    user: &BureauOfficer,
    opened: &Opened,
    lines: Vec<Line>,
    mut data: FormData,
    wrong: Wrong,
) -> Result<DrawDownPage, AppError> {
    let id = opened.certificate.id;
    let action = format!("/certificates/{id}/draw-down");
    let read = app.db.read();
    let trail = db::audit::newest(&read, Subject::Certificate(id), 1).await?.first().map_or(0, |d| d.id);
    let mut conflict = None;
    if wrong.is_late {
        let said = overtaken::meanwhile(&read, app, user.user.account, Subject::Certificate(id), &data).await?;
        if !said.is_empty() {
            conflict = Some(format!("{said}本次没有核销任何产品，下方是最新的数量，您填写的内容已保留。"));
        }
    }
    let mut errors = FieldErrors::default();
    let csrf = &user.caller.csrf;
    let rows = rows::build(opened, lines, &mut data, &mut errors, &wrong.rows, (Purpose::WriteOff, &action), csrf);
    for error in wrong.errors.iter() {
        errors.add(&error.field, error.message.clone());
    }
    let facts = opened.certificate.facts();
    let closed = match facts.state {
        CertificateState::Amending => Some("证明正在修改，修改结束之前不能核销。"),
        CertificateState::Revoked => Some("该证明已被撤销，不能再核销。"),
        CertificateState::Surrendered => Some("该证明已注销，不能再核销。"),
        CertificateState::Valid if facts.is_exhausted() => Some("该证明的产品已全部核销完毕。"),
        CertificateState::Valid => None,
    };
    let ports = app.references.now().port_choices_on(data.get("port_code_1"), app.clock.today());
    let crumbs = [frame::list_of(user)];
    Ok(DrawDownPage {
        shell: frame::signed(app, user, "直接核销", Entry::WriteOffSearch, &crumbs).await?,
        head: opened.head(app),
        id,
        form: FormView::new(data, errors, csrf).at(&action),
        rows,
        ports,
        closed,
        is_over: facts.validity.is_over(app.now()),
        pending_lines: facts.pending_lines,
        conflict,
        trail,
    })
}

//! 办理证明修改: the request or what was submitted, old beside new, and the decision (M1, M3, M4, M5).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::amendment::{Amendment, Line, Taking, Which};
use db::audit::Subject;
use db::certificate::{self, Certificate};
use db::submission_copy::Submitted as Kind;
use domain::amendment::{Action, Facts, Refusal, is_second_look, may, validity_faults};
use domain::certificate::AmendmentState;
use domain::ids::{AccountId, AmendmentId};
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::kept::Kept;
use kit::paging::Pager;
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, glyphs, page};

use super::changes::{self, Changes, ProductRow};
use super::refused;
use crate::frame::{self, Entry};
use crate::jobs::{self, CertificateNews};
use crate::parts::desks::Desk;
use crate::parts::found_certificate::Found;
use crate::parts::overtaken;
use crate::parts::sheet::{self, Sheet};
use crate::parts::signing;
use crate::parts::submission_copies::SubmissionCopies;
use crate::parts::taking;
use crate::parts::timeline::{self, Timeline};

/// `?all=1`: every product of the annex in place of the changed ones.
#[derive(Debug, Default, serde::Deserialize)]
pub struct CaseQuery {
    #[serde(default)]
    all: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

#[derive(Template)]
#[template(path = "amendment/case.html")]
struct CasePage {
    shell: Shell,
    id: AmendmentId,
    found: Found,
    state: AmendmentState,
    request_reason: String,
    requested: String,
    caller: String,
    call_note: String,
    opened: String,
    opener: String,
    submitted: String,
    reason: String,
    opinion: String,
    changes: Changes,
    /// Every product, when they are asked for.
    all: Option<(Vec<ProductRow>, Pager)>,
    form: FormView,
    version: i64,
    decisions: Vec<Choice>,
    may_withdraw: bool,
    second_look: bool,
    conflict: Option<String>,
    /// What was typed into a form that was not done.
    kept: Kept,
    /// Why no certificate can be signed now, where a new version is to be confirmed.
    no_key: Option<String>,
    timeline: Timeline,
    /// What was submitted before (D32).
    earlier: SubmissionCopies,
    /// Who has taken it (E14).
    holder: String,
    is_mine: bool,
}

/// What may be decided now: the table is asked for each.
fn decisions(officer: &BureauOfficer, facts: &Facts) -> Vec<(Action, Choice)> {
    [
        (Action::Open, "同意修改", "返回企业修改，修改期间不能预核销和核销"),
        (Action::Refuse, "不同意修改", "证明不变，原因对企业可见"),
        (Action::Confirm, "通过", "新证明生效，原证明标为已被替代"),
        (Action::SendBack, "不通过", "退回企业，操作栏显示“重新修改证明”"),
    ]
    .into_iter()
    .filter(|(action, _, _)| may(officer.actor(), facts, *action).is_ok())
    .map(|(action, label, note)| (action, Choice::new(action.word(), label).with_note(note)))
    .collect()
}

struct Case {
    amendment: Amendment,
    certificate: Certificate,
    facts: Facts,
}

/// The page. Readers of the bureau may look; who decides, the rules say.
pub async fn show(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<AmendmentId>,
    Query(query): Query<CaseQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let amendment = db::amendment::load(&read, &officer.scope(), id).await?;
    let certificate = certificate::load(&read, &officer.scope(), amendment.certificate_id).await?;
    let facts = db::amendment::facts(&read, &certificate).await?;
    let of = Case { amendment, certificate, facts };
    let page = build(&app, &officer, &of, FormData::default(), FieldErrors::default(), None, &query).await?;
    page::render(&page)
}

async fn name_of(app: &App, account: Option<AccountId>) -> Result<String, AppError> {
    match account {
        Some(account) => Ok(db::account::actor(&app.db.read(), account).await?.name().to_owned()),
        None => Ok(String::new()),
    }
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    of: &Case,
    mut data: FormData,
    errors: FieldErrors,
    conflict: Option<String>,
    query: &CaseQuery,
) -> Result<CasePage, AppError> {
    let Case { amendment, certificate, facts } = of;
    let id = amendment.id;
    let read = app.db.read();
    let references = app.references.now();
    // What the paper said before; after the confirmation the certificate says the new one.
    let before =
        certificate::sheet_of(&read, certificate.id, amendment.base_version).await?.ok_or(AppError::NotFound)?;
    let before: Sheet = serde_json::from_str(&before).map_err(anyhow::Error::new)?;
    let count = db::amendment::count_items(&read, id).await?;
    let paging = kit::paging::PageQuery { page: query.page.clone(), size: query.size.clone(), ..Default::default() };
    let path = format!("/amendments/{id}");
    let wants_all = !query.all.is_empty();
    let pager = Pager::new(&paging, count, &path, &[]).at("changes");
    let which = if wants_all {
        Which::Changed { limit: pager.limit(), offset: 0 }
    } else {
        Which::Changed { limit: pager.limit(), offset: pager.offset() }
    };
    let lines = db::amendment::lines(&read, certificate.application_id, amendment, which).await?;
    let basics = changes::basics(before.validity()?, amendment.validity());
    let shown = (!wants_all && count > pager.limit()).then_some(pager);
    let changes = Changes::new(&references, basics, &lines, count, shown);
    let mut all = None;
    if wants_all {
        let pager = Pager::new(&paging, certificate.lines, &path, &[("all", "1")]).at("products");
        let which = Which::Between(pager.offset() + 1, pager.offset() + pager.limit());
        let lines = db::amendment::lines(&read, certificate.application_id, amendment, which).await?;
        all = Some((lines.iter().map(|l| changes::row(&references, l)).collect(), pager));
    }
    let is_open = facts.amendment == Some(amendment.state);
    let offered = if is_open { decisions(officer, facts) } else { Vec::new() };
    if data.get("decision").is_empty()
        && let [(action, _)] = offered.as_slice()
    {
        data.set("decision", action.word());
    }
    let mut shell =
        frame::signed(app, officer, "办理证明修改", Entry::Amendments, &[("证明修改", "/amendments")]).await?;
    shell.error_title = !errors.is_empty();
    Ok(CasePage {
        shell,
        id,
        found: Found::of(certificate, app.now())?,
        state: amendment.state,
        request_reason: amendment.request_reason.clone(),
        requested: amendment.requested_at.map(Instant::china).unwrap_or_default(),
        caller: amendment.caller.clone(),
        call_note: amendment.call_note.clone(),
        opened: amendment.opened_at.map(Instant::china).unwrap_or_default(),
        opener: name_of(app, amendment.opened_by).await?,
        submitted: amendment.submitted_at.map(Instant::china).unwrap_or_default(),
        reason: amendment.reason.clone(),
        opinion: amendment.opinion.clone(),
        changes,
        all,
        version: amendment.version,
        decisions: offered.iter().map(|(_, choice)| choice.clone()).collect(),
        may_withdraw: is_open && may(officer.actor(), facts, Action::Cancel).is_ok(),
        second_look: is_open
            && amendment.state == AmendmentState::Submitted
            && is_second_look(officer.actor(), facts, Action::Confirm),
        kept: if conflict.is_some() { Kept::of(&references, &data) } else { Kept::default() },
        conflict,
        no_key: if offered.iter().any(|(action, _)| *action == Action::Confirm) {
            obstacle(app, of, &lines)?
        } else {
            None
        },
        holder: name_of(app, amendment.handler_id).await?,
        is_mine: amendment.handler_id == Some(officer.user.account),
        timeline: timeline::of_certificate(&read, app, certificate.id, true).await?,
        earlier: SubmissionCopies::of(&read, Kind::Amendment(id)).await?,
        form: FormView::new(data, errors, &officer.caller.csrf),
    })
}

async fn load_for_update(tx: &db::Tx, officer: &BureauOfficer, id: AmendmentId) -> Result<Case, AppError> {
    // The certificate is locked before anything of its amendment is believed.
    let seen = db::amendment::load(tx, &officer.scope(), id).await?;
    let certificate = certificate::load_for_update(tx, &officer.scope(), seen.certificate_id).await?;
    let amendment = db::amendment::load(tx, &officer.scope(), id).await?;
    let facts = db::amendment::facts(tx, &certificate).await?;
    Ok(Case { amendment, certificate, facts })
}

async fn again(
    app: &App,
    officer: &BureauOfficer,
    of: &Case,
    form: FormData,
    errors: FieldErrors,
) -> Result<Response, AppError> {
    page::unprocessable(&build(app, officer, of, form, errors, None, &CaseQuery::default()).await?)
}

async fn conflict(
    app: &App,
    officer: &BureauOfficer,
    of: &Case,
    form: FormData,
    why: String,
) -> Result<Response, AppError> {
    let page = build(app, officer, of, form, FieldErrors::default(), Some(why), &CaseQuery::default()).await?;
    page::with_status(StatusCode::CONFLICT, &page)
}

/// 提交意见: on a request, or on what was submitted.
pub async fn decide(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<AmendmentId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let of = load_for_update(&tx, &officer, id).await?;
    let is_stale = form.has("version") && form.get("version") != of.amendment.version.to_string();
    let is_colleagues = of.amendment.handler_id.is_some_and(|h| h != officer.user.account);
    if of.facts.amendment != Some(of.amendment.state) || (is_stale && is_desk_of(&officer, &of)) {
        drop(tx);
        return overtaken(&app, &officer, &of, form).await;
    }
    let offered = decisions(&officer, &of.facts);
    if offered.is_empty() {
        let action = match of.amendment.state {
            AmendmentState::Requested => Action::Open,
            AmendmentState::Submitted => Action::Confirm,
            AmendmentState::Opened
            | AmendmentState::SentBack
            | AmendmentState::Confirmed
            | AmendmentState::Cancelled
            | AmendmentState::Refused => {
                let why = "证明已返回企业修改，企业提交后才能确认。请返回列表查看最新状态。";
                return Err(AppError::Conflict(why.to_owned()));
            }
        };
        return Err(may(officer.actor(), &of.facts, action).err().map_or(AppError::NotFound, refused));
    }
    if is_colleagues || form.get("version") != of.amendment.version.to_string() {
        drop(tx);
        return overtaken(&app, &officer, &of, form).await;
    }
    let mut check = Checker::new(&form);
    let word = form.get("decision").trim();
    let action = offered.iter().map(|(a, _)| *a).find(|a| a.word() == word);
    let Some(action) = action else {
        check.error("decision", "请选择处理结果");
        let errors = check.finish().err().unwrap_or_default();
        drop(tx);
        return again(&app, &officer, &of, form, errors).await;
    };
    let opinion = if matches!(action, Action::Refuse | Action::SendBack) {
        check.text("opinion", "意见").required().length(5..=500).take()
    } else {
        check.text("opinion", "意见").length(0..=500).take()
    };
    if let Err(errors) = check.finish() {
        drop(tx);
        return again(&app, &officer, &of, form, errors).await;
    }
    if action == Action::Confirm {
        let lines = changed_lines(&tx, &of).await?;
        if let Some(why) = obstacle(&app, &of, &lines)? {
            drop(tx);
            return conflict(&app, &officer, &of, form, why).await;
        }
    }
    let done = carry_out(&tx, &app, &officer, &of, action, &opinion).await?;
    tx.commit().await?;
    let tab = of.amendment.state.word();
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/amendments?state={tab}"), &done))
}

/// Why the new version cannot come into force now, and the way back: its last day has passed meanwhile, a character that no
/// face has (E27; it was submitted before the field said so), or no key to sign with (E35).
fn obstacle(app: &App, of: &Case, lines: &[Line]) -> Result<Option<String>, AppError> {
    let issued_on = of.certificate.issued_at.china_day();
    let (from, to) = validity_faults(issued_on, app.clock.today(), of.amendment.validity());
    if let Some(why) = from.or(to) {
        return Ok(Some(format!("{why}。请选择“不通过”，由企业重新修改。")));
    }
    let printed: Vec<_> = lines
        .iter()
        .map(Line::product)
        .flat_map(|p| [p.product_name.as_str(), &p.model, &p.brand, &p.manufacturer])
        .collect();
    let missing = app.papers.missing_glyphs(&printed.join("\n"));
    if !missing.is_empty() {
        let list = glyphs::named(&missing);
        return Ok(Some(format!("证明暂不能打印下列字：{list}。请选择“不通过”并写明原因，由企业改用其他写法。")));
    }
    let no_key = signing::obstacle(app)?;
    Ok(no_key.map(|why| format!("{why}暂时不能解决的，可以选择“不通过”并写明原因，企业可以重新提交。")))
}

/// Whether this officer decides at one of the desks of this amendment.
fn is_desk_of(officer: &BureauOfficer, of: &Case) -> bool {
    officer.user.bureau == of.facts.bureau && Desk::Amendments.is_of(&officer.user)
}

/// The page again, newer than the one that the form comes from: who was faster, and everything that was typed (D34).
async fn overtaken(app: &App, officer: &BureauOfficer, of: &Case, form: FormData) -> Result<Response, AppError> {
    let read = app.db.read();
    let subject = Subject::Certificate(of.certificate.id);
    let said = overtaken::meanwhile(&read, app, officer.user.account, subject, &form).await?;
    let holder = of.amendment.handler_id.filter(|h| *h != officer.user.account);
    let by = match holder {
        Some(_) => format!("，由 {} 办理。确需由您办理时，请先填写理由接手", name_of(app, holder).await?),
        None => String::new(),
    };
    let state = of.amendment.state.label();
    let next = match of.amendment.state {
        AmendmentState::Opened | AmendmentState::SentBack => "证明已返回企业修改，企业提交后才能确认。",
        AmendmentState::Requested
        | AmendmentState::Submitted
        | AmendmentState::Confirmed
        | AmendmentState::Cancelled
        | AmendmentState::Refused => "",
    };
    let over = if of.facts.amendment == Some(of.amendment.state) { "" } else { "，已办结" };
    let why = format!(
        "您打开页面后，该证明修改已有变化：{said}现在的状态为“{state}”{over}{by}。{next}您填写的内容没有提交，已保留在下方。"
    );
    conflict(app, officer, of, form, why).await
}

/// All products that the amendment changes.
async fn changed_lines(tx: &db::Tx, of: &Case) -> Result<Vec<Line>, AppError> {
    let which = Which::Changed { limit: i64::from(u32::MAX), offset: 0 };
    Ok(db::amendment::lines(tx, of.certificate.application_id, &of.amendment, which).await?)
}

async fn carry_out(
    tx: &db::Tx,
    app: &App,
    officer: &BureauOfficer,
    of: &Case,
    action: Action,
    opinion: &str,
) -> Result<String, AppError> {
    let Case { amendment, certificate, facts } = of;
    let now = app.now();
    let by = officer.by();
    let step = may(officer.actor(), facts, action).map_err(refused)?;
    let number = &certificate.number;
    let (news, done) = match action {
        Action::Confirm => {
            let lines = changed_lines(tx, of).await?;
            let references = app.references.now();
            let version = certificate.version + 1;
            let sheet = sheet::amend(&references, &certificate.sheet, version, amendment.validity(), &lines)?;
            let version = db::amendment::confirm(tx, certificate, amendment, step, &sheet, opinion, &by, now).await?;
            jobs::render_certificate(tx, certificate.id, now).await?;
            (CertificateNews::AmendmentConfirmed(version, opinion), format!("证明 {number} 第 {version} 版已生效。"))
        }
        Action::Open => (CertificateNews::AmendmentOpened(opinion), format!("证明 {number} 已返回企业修改。")),
        Action::Refuse => (CertificateNews::AmendmentRefused(opinion), format!("已答复企业不同意修改证明 {number}。")),
        Action::SendBack => (CertificateNews::AmendmentSentBack(opinion), format!("证明 {number} 的修改已退回企业。")),
        Action::Request | Action::Edit | Action::Submit | Action::Cancel => return Err(AppError::NotFound),
    };
    if action != Action::Confirm {
        db::amendment::advance(tx, certificate, amendment, step, opinion, &by, now).await?;
    }
    jobs::certificate_changed(tx, app, facts.holder, certificate, &news).await?;
    Ok(done)
}

/// 办理, and 接手 from a colleague with a reason (E14).
pub async fn take(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<AmendmentId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let of = load_for_update(&tx, &officer, id).await?;
    let is_open = of.facts.amendment == Some(of.amendment.state);
    let offered = if is_open { decisions(&officer, &of.facts) } else { Vec::new() };
    let Some((action, _)) = offered.first() else {
        if is_desk_of(&officer, &of) {
            drop(tx);
            return overtaken(&app, &officer, &of, form).await;
        }
        return Err(AppError::Conflict("该证明修改目前没有由您办理的事项，请返回列表查看最新状态。".to_owned()));
    };
    if form.has("seen_version") && form.get("seen_version") != of.amendment.version.to_string() {
        drop(tx);
        return overtaken(&app, &officer, &of, form).await;
    }
    let step = may(officer.actor(), &of.facts, *action).map_err(refused)?;
    let me = officer.user.account;
    let reason;
    let taking = match of.amendment.handler_id {
        Some(holder) if holder == me => None,
        Some(holder) => {
            let holder = db::account::actor(&tx, holder).await?.name().to_owned();
            reason = match taking::reason(&form, "该证明修改", &holder) {
                Ok(reason) => reason,
                Err(errors) => {
                    drop(tx);
                    return again(&app, &officer, &of, form, errors).await;
                }
            };
            Some(Taking::TakeOver(&reason))
        }
        None => Some(Taking::Take),
    };
    if let Some(taking) = taking {
        db::amendment::take(&tx, &of.amendment, taking, (me, step.post()), &officer.by(), app.now()).await?;
        tx.commit().await?;
    }
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/amendments/{id}"), "该证明修改已由您办理。"))
}

/// 放弃办理: it goes back to its post.
pub async fn release(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<AmendmentId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let of = load_for_update(&tx, &officer, id).await?;
    let me = officer.user.account;
    if of.amendment.handler_id != Some(me) {
        return Err(AppError::Conflict("该证明修改目前不由您办理，无需放弃。".to_owned()));
    }
    let post = decisions(&officer, &of.facts)
        .first()
        .and_then(|(action, _)| may(officer.actor(), &of.facts, *action).ok())
        .and_then(|step| step.post());
    db::amendment::take(&tx, &of.amendment, Taking::Release, (me, post), &officer.by(), app.now()).await?;
    tx.commit().await?;
    let done = "已放弃办理，本岗其他人员可以办理。";
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/amendments/{id}"), done))
}

/// 收回修改: 证明修改批准 takes back what it released; the certificate stays as it is (M5).
pub async fn withdraw(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<AmendmentId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let of = load_for_update(&tx, &officer, id).await?;
    if of.facts.amendment != Some(of.amendment.state) {
        drop(tx);
        return overtaken(&app, &officer, &of, form).await;
    }
    let step = match may(officer.actor(), &of.facts, Action::Cancel) {
        Ok(step) => step,
        // The enterprise has submitted it meanwhile, or a colleague was faster.
        Err(Refusal::NotInThisState { .. }) => {
            drop(tx);
            return overtaken(&app, &officer, &of, form).await;
        }
        Err(why) => return Err(refused(why)),
    };
    let mut check = Checker::new(&form);
    let reason = check.text("withdrawal_reason", "收回原因").required().length(5..=500).take();
    if let Err(errors) = check.finish() {
        drop(tx);
        return again(&app, &officer, &of, form, errors).await;
    }
    let now = app.now();
    db::amendment::advance(&tx, &of.certificate, &of.amendment, step, &reason, &officer.by(), now).await?;
    let news = CertificateNews::AmendmentWithdrawn(&reason);
    jobs::certificate_changed(&tx, &app, of.facts.holder, &of.certificate, &news).await?;
    tx.commit().await?;
    let done = format!("证明 {} 的修改已收回，证明未变。", of.certificate.number);
    Ok(flash::to(&app.key, app.config.is_https(), "/amendments", &done))
}

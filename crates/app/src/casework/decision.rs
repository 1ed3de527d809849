//! 提交意见: the decision of a post, with its opinion (R-B-01 to -05).

use axum::extract::{Path, State};
use axum::response::Response;
use db::application::{NEVER, Remarks};
use db::certificate::Issue;
use domain::application::{Application, Part};
use domain::certificate::Validity;
use domain::comparison::{Line, complaints, pass_needs_opinion, reason, summary};
use domain::correction::{NamedField, NamedProduct, product_numbers};
use domain::ids::{ApplicationId, BureauCode, ItemId};
use domain::number::check_code;
use domain::policy;
use domain::review::{self, Checked};
use domain::time::Day;
use domain::workflow::{Action, State as S};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData};
use kit::session::{BureauOfficer, Submitted};
use kit::{flash, glyphs, random};

use crate::casework::selection::{self, Place};
use crate::casework::{case, checklist, comparison};
use crate::jobs;
use crate::parts::sheet;
use crate::parts::signing;
use crate::parts::view::{self, Shown};

/// What was decided.
struct Decision {
    action: Action,
    opinion: String,
    parts: Vec<Part>,
    fields: Vec<NamedField>,
    detail: String,
    validity: Option<Validity>,
    /// The documents that arrived on paper, and when.
    arrived: Option<(Vec<String>, Day)>,
}

/// 提交意见. An untaken case is taken by its decision (E14).
pub async fn create(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let now = app.now();
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &officer.scope(), id, now).await?;
    let of = &application.ownership;
    if case::came_too_late(&officer, &application, &form) {
        drop(tx);
        return case::overtaken(&app, &officer, &application, form).await;
    }
    if !policy::may_handle(officer.actor(), of) {
        return Err(case::not_yours(&officer, &application));
    }
    let is_colleagues = of.handler.is_some_and(|h| h != officer.user.account);
    if is_colleagues || form.get("version") != application.version.to_string() {
        drop(tx);
        return case::overtaken(&app, &officer, &application, form).await;
    }
    let offered = case::decisions(&officer, &application, case::after_final(&app, &application));
    let fields = case::fields(&app, &application);
    let names_products = fields.iter().any(|f| !case::numbers_of(&form, f).is_empty());
    let products = if names_products { db::application::item_ids(&tx, id).await? } else { Vec::new() };
    let points = checklist::points(&app, &application, &db::application::hs_codes(&tx, id).await?);
    let checked = checklist::checked(&points, &form);
    let lines = comparison::at_desk(&tx, &app, &application).await?;
    let offered = offered.iter().map(|(a, _)| *a);
    let decision = match parse(&form, offered, &checked, &fields, &products, &lines, app.clock.today()) {
        Ok(decision) => decision,
        Err(errors) => {
            drop(tx);
            return case::again(&app, &officer, &application, form, errors).await;
        }
    };
    if decision.action == Action::Issue
        && let Some(why) = obstacle_to_issue(&tx, &app, &application).await?
    {
        drop(tx);
        return case::conflict(&app, &officer, &application, form, why).await;
    }
    let step = policy::may(officer.actor(), of, decision.action).map_err(|r| AppError::Conflict(r.to_string()))?;
    let remarks = Remarks {
        opinion: &decision.opinion,
        parts: &decision.parts,
        fields: &decision.fields,
        detail: &decision.detail,
        checked: &checked,
    };
    db::application::advance(&tx, &application, step, &remarks, &officer.by(), (now, &app.references.now().calendar))
        .await?;
    db::opinion::drop_drafts(&tx, id).await?;
    if let Some((documents, on)) = &decision.arrived {
        db::comparison::arrive(&tx, id, documents, *on, &officer.by(), now).await?;
    }
    if let (Action::Issue, Some(validity)) = (decision.action, decision.validity) {
        issue(&tx, &app, &officer, &application, validity).await?;
    }
    let number = application.number.clone().unwrap_or_default();
    jobs::status_changed(&tx, &app, &application, &number, step, &remarks).await?;
    tx.commit().await?;

    let done = format!("{number}：已提交意见“{}”。", decision.action.label());
    let place = Place { since: application.clock.since.unwrap_or(NEVER), id };
    let post = application.state().post();
    let (address, done) = selection::after_decision(&app, &officer.user, form.get("list"), post, place, &done).await?;
    Ok(flash::to(&app.key, app.config.is_https(), &address, &done))
}

fn parse(
    form: &FormData,
    offered: impl Iterator<Item = Action>,
    checked: &[Checked],
    offered_fields: &[NamedField],
    products: &[ItemId],
    lines: &[Line],
    today: Day,
) -> Result<Decision, FieldErrors> {
    let mut check = Checker::new(form);
    let word = form.get("decision").trim();
    let action = offered.into_iter().find(|a| a.word() == word);
    if action.is_none() {
        check.error("decision", "请选择处理结果");
    }
    let needs_reason = matches!(action, Some(Action::Return | Action::Refuse | Action::Fail | Action::SendBack { .. }));
    let opinion = if needs_reason {
        check.text("opinion", "意见").required().length(5..=500).take()
    } else {
        check.text("opinion", "意见").length(0..=500).take()
    };
    if let Some(point) = action.and_then(|a| review::to_explain(a, checked))
        && opinion.chars().count() < 5
    {
        let why = format!("审核要点“{}”为不符合，仍要通过时，请在意见中说明理由，至少 5 个字", point.text);
        check.error("opinion", why);
    }
    if matches!(action, Some(Action::Pass { .. })) && pass_needs_opinion(lines) && opinion.is_empty() {
        check.error("opinion", "文件对比结果有不一致的材料，通过时请在意见中说明理由");
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut fields: Vec<NamedField> = Vec::new();
    if action == Some(Action::Return) {
        for offered in offered_fields {
            let numbers = case::numbers_of(form, offered);
            if !numbers.is_empty() {
                // A product that is named names its field too.
                match named_products(numbers, products) {
                    Ok(products) => fields.push(NamedField { products, ..offered.clone() }),
                    Err(why) => check.error(&case::numbers_name(offered), why),
                }
            } else if form.all("field").any(|v| v == offered.to_string()) {
                fields.push(offered.clone());
            }
        }
        // A field that is named names its part too.
        let named = |part: &Part| form.all("part").any(|v| v == part.word()) || fields.iter().any(|f| f.part == *part);
        parts.extend(Part::ALL.iter().copied().filter(named));
        if parts.is_empty() {
            check.error("part", "送补正时，请至少选择一个需修改的部分");
        }
    }
    let mut detail = String::new();
    if action == Some(Action::RequestPaper) {
        let address = check.text("address", "送达地址").one_line().required().length(2..=200).take();
        let papers = check.text("papers", "材料清单").required().length(2..=500).take();
        let contact = check.text("contact", "联系人及电话").one_line().required().length(2..=100).take();
        let deadline = check.day("deadline", "送达期限");
        if deadline.is_some_and(|d| d < today) {
            check.error("deadline", "送达期限不能早于今天");
        }
        detail = serde_json::json!({
            "address": address, "papers": papers, "contact": contact,
            "deadline": deadline.map(|d| d.to_string()).unwrap_or_default(),
        })
        .to_string();
    }
    let mut arrived = None;
    if action == Some(Action::PaperArrived) {
        (detail, arrived) = arrival(&mut check, form, lines, today);
    }
    if matches!(action, Some(Action::Pass { .. })) {
        detail = comparison_detail(lines);
    }
    let mut validity = None;
    if action == Some(Action::Issue)
        && let Some(to) = check.day("valid_to", "截止日期")
    {
        match Validity::granted(today, today, to) {
            Ok(granted) => validity = Some(granted),
            Err(why) => check.error("valid_to", why.to_string()),
        }
    }
    check.finish()?;
    let Some(action) = action else { return Err(FieldErrors::default()) };
    // What differs or did not come is part of the reason that the enterprise reads (R-B-13).
    let opinion = if action == Action::Fail { reason(&opinion, lines) } else { opinion };
    Ok(Decision { action, opinion, parts, fields, detail, validity, arrived })
}

/// Which papers came, and when: for the trail, and for their rows.
fn arrival(
    check: &mut Checker<'_>,
    form: &FormData,
    lines: &[Line],
    today: Day,
) -> (String, Option<(Vec<String>, Day)>) {
    let came: Vec<_> = lines.iter().filter(|l| form.all("arrived").any(|d| d == l.document.to_string())).collect();
    if came.is_empty() && !lines.is_empty() {
        check.error("arrived", "请勾选已收到的材料");
    }
    let on = check.day("arrived_on", "收到日期");
    if on.is_some_and(|d| d > today) {
        check.error("arrived_on", "收到日期不能晚于今天");
    }
    let names: Vec<_> = came.iter().map(|l| l.name()).collect();
    let on_text = on.map(|d| d.to_string()).unwrap_or_default();
    let detail = serde_json::json!({ "arrived": names.join("、"), "arrived_on": on_text }).to_string();
    let documents = came.iter().map(|l| l.document.to_string()).collect();
    (detail, on.map(|on| (documents, on)))
}

/// What 文件对比 found, for the trail; blank where nothing was compared.
fn comparison_detail(lines: &[Line]) -> String {
    let found = summary(lines);
    if found.is_empty() {
        return found;
    }
    let all: Vec<_> = std::iter::once(found).chain(complaints(lines)).collect();
    serde_json::json!({ "comparison": all.join("；") }).to_string()
}

/// The products of these 序号.
fn named_products(numbers: &str, products: &[ItemId]) -> Result<Vec<NamedProduct>, String> {
    let numbers = product_numbers(numbers, products.len())?;
    let named = |ordinal: &usize| Some(NamedProduct { ordinal: *ordinal, id: *products.get(ordinal - 1)? });
    Ok(numbers.iter().filter_map(named).collect())
}

/// What 发证 does with a case that cannot be issued (D33).
const WAY_BACK: &str = "请退回终审（或文件对比）并写明原因，";

/// Why a certificate cannot be issued now: a character that its face lacks (E27), or no key to sign with (E35).
async fn obstacle_to_issue(tx: &db::Tx, app: &App, application: &Application) -> Result<Option<String>, AppError> {
    let view = view::load(tx, app, application, &Shown::All).await?;
    let missing = view.missing_glyphs(app);
    if !missing.is_empty() {
        let list = glyphs::named(&missing);
        return Ok(Some(format!("证明暂不能打印下列字：{list}。{WAY_BACK}由该岗送补正，请企业改用其他写法。")));
    }
    Ok(signing::obstacle(app)?.map(|why| format!("{why}暂时不能解决的，可以退回终审（或文件对比）并写明原因。")))
}

/// 发证: number, frozen sheet, balances, and the job that makes the paper (A15).
async fn issue(
    tx: &db::Tx,
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    validity: Validity,
) -> Result<(), AppError> {
    debug_assert_eq!(application.state(), S::AwaitingIssue);
    let now = app.now();
    let references = app.references.now();
    let items = db::application::items(tx, application.id).await?;
    let bureau: &BureauCode = &officer.user.bureau;
    let direct = references.direct_of(bureau);
    let number = db::number::next_certificate(tx, direct, now.china_day()).await?;
    let code = check_code(random::bytes::<8>());
    let sheet = sheet::freeze(app, application, &items, number.as_str(), &code, validity, bureau)?;
    let new = Issue {
        application: application.id,
        number: number.as_str(),
        check_code: &code,
        validity,
        bureau,
        officer: officer.user.account,
        sheet: &sheet,
    };
    let certificate = db::certificate::issue(tx, &new, &officer.by(), now).await?;
    jobs::render_certificate(tx, certificate, now).await?;
    Ok(())
}

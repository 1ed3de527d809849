//! 申请基本信息 (manual §2.1.1, §2.3, §2.4; forms §2.6).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::Source;
use db::account::Profile;
use domain::actor::Actor;
use domain::application::{Applicant, Application, Basics, DISPLAY_CLAUSE, DisposalPlan, Part};
use domain::correction::differences;
use domain::ids::{ApplicationId, ClauseCode, PortCode, TradeModeCode};
use domain::text;
use domain::time::Day;
use domain::workflow::State as S;
use kit::app::{App, Papers};
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::reference::ReferenceCache;
use kit::session::{Filer, Submitted, hash_of};
use kit::shell::Shell;
use kit::{flash, page};

use crate::application::conflict::{self, Conflict};
use crate::application::typed::TypedPage;
use crate::application::{Draft, Home, Step, Steps, open, open_for_update};
use crate::frame;
use crate::parts::correction::{self, CorrectionNote};
use crate::parts::typed::{self, Desk, Offer};
use crate::parts::{printed, status, view};

#[derive(Template)]
#[template(path = "application/basics.html")]
struct BasicsPage {
    shell: Shell,
    home: Home,
    steps: Steps,
    id: ApplicationId,
    form: FormView,
    applicant: Applicant,
    org_code: String,
    /// The profile changed since the draft was made: 刷新申请单位信息 is offered (D21).
    applicant_is_old: bool,
    locked: bool,
    /// The address is locked, and cannot be printed: it may be mended (D33), its region may not.
    address_opens: bool,
    correction: Option<CorrectionNote>,
    clauses: Vec<Choice>,
    common_modes: Vec<Choice>,
    other_modes: Vec<Choice>,
    regions: [Vec<Choice>; 3],
    region_name: String,
    clause_name: String,
    ports: [Vec<Choice>; 2],
    plans: Vec<Choice>,
    receiving: Option<String>,
    conflict: Option<Conflict>,
    kept: Option<Offer>,
    /// Where the form is kept while somebody types.
    desk: Desk,
    /// What stands in the form is not what is stored.
    unsaved: bool,
    time_left: Option<String>,
}

/// `?refresh=…`: a cascade without script. `?restore=1`: what was typed and kept, in place of what is stored (E21).
#[derive(serde::Deserialize)]
pub struct BasicsQuery {
    #[serde(default)]
    refresh: String,
    #[serde(default)]
    restore: String,
}

/// Why the form comes back with something else than what is stored.
#[derive(Default)]
struct Again {
    errors: FieldErrors,
    conflict: Option<Conflict>,
}

/// The page.
pub async fn edit(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Query(query): Query<BasicsQuery>,
) -> Result<Response, AppError> {
    let draft = match open(&app.db.read(), &app, &user, id).await? {
        Ok(draft) => draft,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let application = &draft.application;
    let mut data = typed_fields(&app.references.now(), &application.basics, &application.applicant);
    data.set("seen", &seen(&application.basics));
    let kept = typed::find(&app.db.read(), &user, id, &TypedPage::Basics.word()).await?;
    let (data, offer) = typed::restored(kept, data, !query.restore.is_empty());
    let mut page = build(&app, &user, application, data, Again::default()).await?;
    page.unsaved = offer.is_restored();
    page.kept = offer.shown(&page.desk, &user);
    page::render(&page)
}

/// 保存并进入下一步, or 保存 in a correction.
pub async fn update(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Query(query): Query<BasicsQuery>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    if !query.refresh.is_empty() {
        let Draft { application, .. } = match open(&app.db.read(), &app, &user, id).await? {
            Ok(draft) => draft,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let mut page = build(&app, &user, &application, form, Again::default()).await?;
        page.unsaved = true;
        return page::render(&page);
    }

    let tx = app.db.begin().await?;
    let Draft { application, edit } = open_for_update(&tx, &app, &user, id).await?;
    let references = app.references.now();
    let before = &application.basics;
    let is_newest = form.get("seen") == seen(before);
    if is_newest {
        let stored = typed_fields(&references, before, &application.applicant);
        conflict::keep_theirs(&mut form, &stored, fields_of);
    }
    let basics = match parse(&references, app.papers.as_ref(), app.clock.today(), &application, &form) {
        Ok(basics) => basics,
        Err(errors) => {
            drop(tx);
            let page = build(&app, &user, &application, form, Again { errors, conflict: None }).await?;
            return page::unprocessable(&page);
        }
    };
    if !is_newest && basics != *before {
        drop(tx);
        let differing =
            differences(&view::basics_lines(&references, before), &view::basics_lines(&references, &basics));
        let conflict = Some(Conflict::new("该申请已在别处被修改", differing, &form, |_| true));
        form.set("seen", &seen(before));
        let page = build(&app, &user, &application, form, Again { conflict, ..Again::default() }).await?;
        return page::with_status(StatusCode::CONFLICT, &page);
    }
    db::application::save_basics(&tx, &application, edit, &basics, &user.by(), app.now()).await?;
    typed::forget(&tx, &user, id, &TypedPage::Basics.word()).await?;
    tx.commit().await?;
    if form.has("stay") {
        return Ok(flash::to(
            &app.key,
            app.config.is_https(),
            &format!("/applications/{id}/basics"),
            "已保存申请基本信息。",
        ));
    }
    Ok(page::see_other(&format!("/applications/{id}/items")))
}

/// 刷新申请单位信息: copies the profile into the draft (D21).
pub async fn refresh_applicant(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let Draft { application, edit } = open_for_update(&tx, &app, &user, id).await?;
    if !applicant_may_change(&app, &application) {
        return Err(AppError::Conflict("只有未提交的申请可以刷新申请单位信息。".to_owned()));
    }
    let applicant = profile(&tx, &user, &application).await?.applicant;
    db::application::refresh_applicant(&tx, &application, edit, &applicant, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/applications/{id}/basics"), "已刷新申请单位信息。"))
}

/// 申请单位信息 is frozen with the submission, but for what the certificate cannot print (D33).
fn applicant_may_change(app: &App, application: &Application) -> bool {
    let state = application.state();
    state == S::Draft || state == S::Returned && printed::applicant_is_stuck(app, &application.applicant)
}

/// A locked text that the certificate cannot print would leave a correction without a way out.
fn is_stuck(papers: &dyn Papers, text: &str) -> bool {
    !papers.missing_glyphs(text).is_empty()
}

/// The profile that 申请单位信息 is copied from: that of the user's session (D22), or of whoever the application is entered
/// for, as it stands now.
async fn profile(source: &impl Source, user: &Filer, application: &Application) -> Result<Profile, AppError> {
    match user.actor() {
        Actor::Officer(_) => Ok(db::account::profile(source, application.ownership.owner).await?),
        Actor::Enterprise(_) | Actor::Cnca(_) => Ok(user.session.profile.clone()),
    }
}

async fn build(
    app: &App,
    user: &Filer,
    application: &Application,
    mut data: FormData,
    again: Again,
) -> Result<BasicsPage, AppError> {
    let Again { errors, conflict } = again;
    let id = application.id;
    let references = app.references.now();
    let today = app.clock.today();
    let locked = application.state() == S::Returned;
    let address_opens = locked && is_stuck(app.papers.as_ref(), &application.basics.use_address);
    if locked {
        // Locked fields are shown, never typed (R-2.4-04).
        data.set("clause_code", application.basics.clause.as_str());
        if !address_opens {
            data.set("use_address", &application.basics.use_address);
        }
    }
    let regions = references.region_choices_on(
        [data.get("use_region_code_1"), data.get("use_region_code_2"), data.get("use_region_code_3")],
        today,
    );
    let receiving = references
        .leaf_of([data.get("use_region_code_1"), data.get("use_region_code_2"), data.get("use_region_code_3")])
        .and_then(|r| references.direct_bureau_of(&r, today))
        .map(|b| references.bureau_name(b).to_owned());
    let (common_modes, other_modes) = references.trade_mode_choices(today);
    let home = Home::of(user);
    let crumbs = [home.crumb()];
    let mut shell = frame::signed(app, user, "申请基本信息", home.entry, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let applicant = profile(&app.db.read(), user, application).await?.applicant;
    Ok(BasicsPage {
        shell,
        home,
        steps: Steps::of(&app.db.read(), app, application, Step::Basics).await?,
        id,
        applicant_is_old: applicant_may_change(app, application) && application.applicant != applicant,
        org_code: text::hyphenated(&application.applicant.org_code),
        applicant: application.applicant.clone(),
        locked,
        address_opens,
        correction: correction::note(&app.db.read(), app, application).await?,
        clauses: references.clause_choices(today),
        common_modes,
        other_modes,
        regions,
        region_name: application.basics.use_region.as_ref().map(|r| references.region_path(r)).unwrap_or_default(),
        clause_name: references.clause_name(application.basics.clause.as_str()).to_owned(),
        ports: references.port_choices_on(data.get("port_code_1"), today),
        plans: DisposalPlan::ALL.iter().map(|p| Choice::new(p.word(), p.label())).collect(),
        receiving,
        unsaved: !errors.is_empty() || conflict.is_some(),
        conflict,
        kept: None,
        desk: Desk {
            address: TypedPage::Basics.address(id),
            restore: format!("/applications/{id}/basics?restore=1"),
            hidden: Vec::new(),
            deed: "保存",
        },
        time_left: (!locked).then(|| status::time_left(application.expires_at, app.now())),
        form: FormView::new(data, errors, &user.caller.csrf).marking(correction::fields_of(application, Part::Basics)),
    })
}

/// What the page showed, so that a change by somebody else is noticed.
fn seen(basics: &Basics) -> String {
    hash_of(&format!("{basics:?}"))
}

/// Stored data as the page's fields; the unit that uses the goods is the applicant unless told otherwise.
fn typed_fields(references: &ReferenceCache, b: &Basics, applicant: &Applicant) -> FormData {
    let mut d = FormData::default();
    let untouched = b.use_unit_name.is_empty() && b.purpose.is_empty();
    d.set("clause_code", b.clause.as_str());
    d.set("trade_mode", b.trade_mode.as_str());
    if let Some(region) = &b.use_region {
        for (n, code) in references.region_levels(region).iter().enumerate() {
            d.set(&format!("use_region_code_{}", n + 1), code.as_str());
        }
    }
    d.set("use_address", &b.use_address);
    d.set("use_unit_name", if untouched { &applicant.name } else { &b.use_unit_name });
    d.set("use_contact", if untouched { &applicant.contact } else { &b.use_contact });
    d.set("use_phone", if untouched { &applicant.phone } else { &b.use_phone });
    d.set("contract_no", &b.contract_no);
    d.set("invoice_no", &b.invoice_no);
    d.set("bl_no", &b.bl_no);
    if let Some(port) = &b.port {
        d.set("port_code_1", references.port_group(port));
        d.set("port_code_2", port.as_str());
    }
    let day = |day: Option<Day>| day.map(|x| x.to_string()).unwrap_or_default();
    d.set("expected_import_date", &day(b.expected_import_date));
    d.set("purpose", &b.purpose);
    let default_plan = references.default_disposal(b.clause.as_str());
    d.set("disposal_plan", b.disposal_plan.map_or(default_plan, DisposalPlan::word));
    d.set("display_from", &day(b.display_from));
    d.set("display_to", &day(b.display_to));
    if let Some(principal) = &b.principal_name {
        d.set("agent_flag", "1");
        d.set("principal_name", principal);
    }
    d.set("remark", &b.remark);
    d
}

fn parse(
    references: &ReferenceCache,
    papers: &dyn Papers,
    today: Day,
    application: &Application,
    form: &FormData,
) -> Result<Basics, FieldErrors> {
    let before = &application.basics;
    let locked = application.state() == S::Returned;
    let mut check = Checker::new(form);
    let (clause, use_region, use_address) = if locked {
        let stored = &before.use_address;
        let use_address = if is_stuck(papers, stored) { address(&mut check, papers) } else { stored.clone() };
        (before.clause.clone(), before.use_region.clone(), use_address)
    } else {
        let clause = check.choice("clause_code", "免办条款", |c| references.clause_is_valid(c, today));
        let region = check.region("use_region_code", "产品最终使用地行政区划", |levels| {
            references.leaf_on(levels, today, before.use_region.as_ref())
        });
        (ClauseCode::new(clause), region, address(&mut check, papers))
    };
    let trade_mode = check.choice("trade_mode", "贸易方式", |c| references.trade_mode_is_valid(c, today));
    let use_unit_name =
        check.text("use_unit_name", "使用单位").one_line().required().length(2..=100).printed(papers).take();
    let use_contact = check.text("use_contact", "使用单位联系人").one_line().required().length(2..=50).take();
    let use_phone = check
        .parse("use_phone", "使用单位联系电话", |s| text::phone(s).map_err(|e| format!("使用单位联系电话{e}")))
        .unwrap_or_default();
    let contract_no = check.text("contract_no", "合同号").one_line().length(0..=100).printed(papers).take();
    let invoice_no = check.text("invoice_no", "发票号").one_line().length(0..=100).printed(papers).take();
    let bl_no = check.text("bl_no", "提/运单号").one_line().length(0..=100).printed(papers).take();
    let port = form.get("port_code_2");
    let stands = application.basics.port.as_ref().is_some_and(|p| p.as_str() == port);
    let can_be_chosen = references.has_port(port) && (stands || references.port_holds(port, today));
    if !port.is_empty() && !can_be_chosen {
        check.error("port_code", "请从列表中选择进出口口岸");
    } else if port.is_empty() && !form.get("port_code_1").is_empty() {
        check.error("port_code", "请继续选择第二级口岸，或清空第一级口岸");
    }
    let expected_import_date = check.day_optional("expected_import_date", "预计进口日期");
    let purpose = check.text("purpose", "用途及免办理由").required().length(10..=1000).printed(papers).take();
    let disposal_plan = check
        .parse("disposal_plan", "后续处理方式", |s| s.parse::<DisposalPlan>().map_err(|_| "请选择后续处理方式"));
    let display = clause.as_str() == DISPLAY_CLAUSE;
    let display_from = check.day_optional("display_from", "展示开始日期");
    let display_to = check.day_optional("display_to", "展示结束日期");
    if display && display_from.is_none() && form.get("display_from").is_empty() {
        check.error("display_from", "免办条款 5 须填写展示开始日期");
    }
    if display && display_to.is_none() && form.get("display_to").is_empty() {
        check.error("display_to", "免办条款 5 须填写展示结束日期");
    }
    if let (Some(from), Some(to)) = (display_from, display_to)
        && to < from
    {
        check.error("display_to", "展示结束日期不能早于展示开始日期");
    }
    let principal_name = if form.has("agent_flag") {
        Some(check.text("principal_name", "被代理单位").one_line().required().length(2..=100).take())
    } else {
        None
    };
    let remark = check.text("remark", "备注").one_line().length(0..=500).take();
    check.finish()?;
    Ok(Basics {
        clause,
        trade_mode: TradeModeCode::new(trade_mode),
        use_region,
        use_address,
        use_unit_name,
        use_contact,
        use_phone,
        contract_no,
        invoice_no,
        bl_no,
        port: (!port.is_empty()).then(|| PortCode::new(port)),
        expected_import_date,
        purpose,
        disposal_plan,
        display_from,
        display_to,
        principal_name,
        remark,
    })
}

fn address(check: &mut Checker<'_>, papers: &dyn Papers) -> String {
    check.text("use_address", "产品最终使用地（地址）").required().length(2..=200).printed(papers).take()
}

/// The fields of the form that make up one field as people read it.
fn fields_of(key: &str) -> Vec<String> {
    let named = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    match key {
        "use_region_code" => named(&["use_region_code_1", "use_region_code_2", "use_region_code_3"]),
        "port_code" => named(&["port_code_1", "port_code_2"]),
        "principal_name" => named(&["agent_flag", "principal_name"]),
        other => named(&[other]),
    }
}

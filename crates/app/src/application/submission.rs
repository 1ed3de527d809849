//! 核对申请信息 and 提交申请 (manual §2.1.3): every fault with a link to its page, or the number and the bureau.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::Tx;
use db::application::Item;
use db::attachment::Attachment;
use domain::actor::{Actor, Undertaking};
use domain::application::{self, Application, Enclosures, Fault, Part};
use domain::correction::{Snapshot, SnapshotFile, SnapshotItem};
use domain::ids::{ApplicationId, HsCode};
use domain::policy;
use domain::routing::Consignment;
use domain::workflow::{Action, Refusal, State as S};
use kit::app::App;
use kit::error::AppError;
use kit::form::FormView;
use kit::page;
use kit::paging::PageQuery;
use kit::session::{Filer, Submitted};
use kit::shell::Shell;

use crate::application::proxy_entries::SUSPENDED;
use crate::application::{Draft, Home, Step, Steps, lacking, open};
use crate::frame;
use crate::parts::barred::Barred;
use crate::parts::correction::{self, CorrectionNote};
use crate::parts::printed;
use crate::parts::view::{self, Shown, View};
use crate::{jobs, parts};

/// So many links to faults are shown; the rest after these are mended. Of two thousand products each may have one.
const SHOWN_FAULTS: usize = 200;

struct FaultLink {
    href: String,
    part: &'static str,
    sentence: String,
}

#[derive(Template)]
#[template(path = "application/submission.html")]
struct CheckPage {
    shell: Shell,
    home: Home,
    steps: Steps,
    correction: Option<CorrectionNote>,
    id: ApplicationId,
    form: FormView,
    /// The first of them.
    faults: Vec<FaultLink>,
    fault_count: usize,
    warnings: Vec<String>,
    view: View,
    bureau: Option<String>,
    is_correction: bool,
    /// What keeps this user from submitting, whatever the application holds (D29, D30).
    bar: Option<Barred>,
}

/// 核对申请信息: everything once more, and the bureau that will receive it.
pub async fn check(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Query(pages): Query<PageQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let Draft { application, .. } = match open(&read, &app, &user, id).await? {
        Ok(draft) => draft,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let items = db::application::items(&read, id).await?;
    let files = db::attachment::of_application(&read, id).await?;
    let faults = faults(&app, &application, &items, &files);
    let page = build(&app, &user, &application, &items, faults, pages).await?;
    page::render(&page)
}

async fn build(
    app: &App,
    user: &Filer,
    application: &Application,
    items: &[db::application::Item],
    faults: Vec<Fault>,
    pages: PageQuery,
) -> Result<CheckPage, AppError> {
    let id = application.id;
    let references = app.references.now();
    let region = application.basics.use_region.as_ref();
    let bureau = region.and_then(|r| references.direct_bureau_of(r, app.clock.today()));
    let home = Home::of(user);
    let crumbs = [home.crumb()];
    let mut shell = frame::signed(app, user, "核对申请信息", home.entry, &crumbs).await?;
    shell.error_title = !faults.is_empty();
    let shown = Shown::Page(pages, format!("/applications/{id}/submission"), Vec::new());
    let view = view::of_items(&app.db.read(), app, application, items, &shown).await?;
    let warnings: Vec<String> = application::warnings(&application.basics).into_iter().map(str::to_owned).collect();
    Ok(CheckPage {
        shell,
        home,
        steps: Steps::of(&app.db.read(), app, application, Step::Submission).await?,
        correction: correction::note(&app.db.read(), app, application).await?,
        id,
        form: FormView::blank(&user.caller.csrf),
        fault_count: faults.len(),
        faults: faults.iter().take(SHOWN_FAULTS).map(|f| link(id, f)).collect(),
        warnings,
        view,
        bureau: bureau.map(|b| references.bureau_name(b).to_owned()),
        is_correction: application.state() == S::Returned,
        bar: barred(user, application),
    })
}

/// What keeps him from submitting, if anything does.
fn barred(user: &Filer, application: &Application) -> Option<Barred> {
    let undertaking = if application.state() == S::Returned { Undertaking::Answer } else { Undertaking::Beginning };
    user.actor().bar(undertaking).map(Barred::of)
}

fn link(id: ApplicationId, fault: &Fault) -> FaultLink {
    let href = match (fault.part, fault.item) {
        (Part::Basics, _) => format!("/applications/{id}/basics#f-{}", fault.field),
        (Part::Items, Some(item)) => format!("/applications/{id}/items/{item}/edit"),
        (Part::Items, None) => format!("/applications/{id}/items"),
        (Part::Attachments, _) => format!("/applications/{id}/attachments#k-{}", fault.field),
    };
    FaultLink { href, part: fault.part.label(), sentence: fault.sentence.clone() }
}

/// Everything that stands in the way.
fn faults(app: &App, application: &Application, items: &[Item], files: &[Attachment]) -> Vec<Fault> {
    let references = app.references.now();
    let today = app.clock.today();
    let basics = &application.basics;
    let bureau = basics.use_region.as_ref().and_then(|r| references.direct_bureau_of(r, today));
    let mut enclosures = Enclosures {
        item_count: items.len() as u64,
        needs: references.needs(bureau, &basics.clause, today),
        has_bureau: bureau.is_some(),
        ..Enclosures::default()
    };
    for file in files {
        if !enclosures.present.contains(&file.kind) {
            enclosures.present.push(file.kind.clone());
        }
    }
    for item in items {
        let form = &item.form;
        if let Some(what) = lacking(&references, &form.hs_code, &form.traits, today) {
            enclosures.faulty_items.push((item.id, form.product_name.clone(), what));
        }
    }
    let mut all = application::faults(basics, &enclosures);
    all.extend(printed::faults(app, application, items));
    all
}

/// 提交申请: submits when faultless; a second click answers like the first (one application).
pub async fn create(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let now = app.now();
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &user.scope(), id, now).await?;
    let receipt = format!("/applications/{id}/receipt");
    let action = match (application.state(), application.return_post) {
        (S::Returned, Some(to)) => Action::Resubmit { to },
        (_, _) => Action::Submit,
    };
    let step = match policy::may(user.actor(), &application.ownership, action) {
        Ok(step) => step,
        // Submitted already, by the first of two clicks.
        Err(_)
            if application.number.is_some()
                && application.state().post().is_some()
                && policy::fills_in(user.actor(), &application.ownership) =>
        {
            return Ok(page::see_other(&receipt));
        }
        // Said on the page, with the way out beside it.
        Err(Refusal::Barred(_)) => {
            let items = db::application::items(&tx, id).await?;
            drop(tx);
            let page = build(&app, &user, &application, &items, Vec::new(), PageQuery::default()).await?;
            return page::unprocessable(&page);
        }
        Err(refusal) => return Err(AppError::Conflict(refusal.to_string())),
    };
    if matches!(user.actor(), Actor::Officer(_))
        && action == Action::Submit
        && db::organisation::is_suspended(&tx, id).await?
    {
        return Err(AppError::Conflict(SUSPENDED.to_owned()));
    }
    let items = db::application::items(&tx, id).await?;
    let files = db::attachment::of_application(&tx, id).await?;
    let faults = faults(&app, &application, &items, &files);
    if !faults.is_empty() {
        drop(tx);
        let page = build(&app, &user, &application, &items, faults, PageQuery::default()).await?;
        return page::unprocessable(&page);
    }
    let number = match &application.number {
        Some(number) => number.clone(),
        None => assign(&tx, &app, &application, &items).await?,
    };
    db::application::keep_snapshot(&tx, &application, &snapshot(&application, items, files), now).await?;
    db::typed_text::drop_all(&tx, id).await?;
    let remarks = db::application::Remarks::default();
    db::application::advance(&tx, &application, step, &remarks, &user.by(), (now, &app.references.now().calendar))
        .await?;
    jobs::status_changed(&tx, &app, &application, &number, step, &remarks).await?;
    tx.commit().await?;
    Ok(page::see_other(&receipt))
}

/// What is being submitted, to be compared with the next submission (manual §2.4).
fn snapshot(application: &Application, items: Vec<Item>, files: Vec<Attachment>) -> Snapshot {
    Snapshot {
        basics: application.basics.clone(),
        items: items.into_iter().map(|i| SnapshotItem { id: i.id, form: i.form }).collect(),
        files: files
            .into_iter()
            .map(|f| SnapshotFile { kind: f.kind, name: f.name, size_bytes: f.size_bytes, sha256: f.sha256 })
            .collect(),
    }
}

/// The number and the frozen route of a first submission (manual §2.1.3, workflow §4).
async fn assign(tx: &Tx, app: &App, application: &Application, items: &[Item]) -> Result<String, AppError> {
    let today = app.clock.today();
    let references = app.references.now();
    let basics = &application.basics;
    let no_bureau =
        || AppError::Conflict("所选最终使用地没有对应的受理检验检疫局，请修改产品最终使用地行政区划。".to_owned());
    let region = basics.use_region.as_ref().ok_or_else(no_bureau)?;
    let hs_codes: Vec<HsCode> = items.iter().map(|i| i.form.hs_code.clone()).collect();
    let consignment =
        Consignment { region, clause: &basics.clause, trade_mode: &basics.trade_mode, hs_codes: &hs_codes };
    let (direct, route) = parts::routing::resolve(tx, &references, today, &consignment).await?.ok_or_else(no_bureau)?;
    let number = db::number::next_application(tx, direct, today).await?;
    db::application::assign(tx, application, number.as_str(), &route, app.now()).await?;
    Ok(number.to_string())
}

#[derive(Template)]
#[template(path = "application/receipt.html")]
struct ReceiptPage {
    shell: Shell,
    home: Home,
    id: ApplicationId,
    number: String,
    bureau: String,
    address: String,
    phone: String,
    office_hours: String,
    submitted: String,
}

/// 提交成功: number, bureau, what next (R-2.1.3-18).
pub async fn receipt(State(app): State<App>, user: Filer, Path(id): Path<ApplicationId>) -> Result<Response, AppError> {
    let application = db::application::load(&app.db.read(), &user.scope(), id, app.now()).await?;
    let Some(number) = application.number.clone() else {
        return Ok(page::see_other(&format!("/applications/{id}/submission")));
    };
    if application.state().post().is_none() {
        return Ok(page::see_other(&format!("/applications/{id}")));
    }
    let references = app.references.now();
    let bureau = application.ownership.receiving_bureau.as_ref().and_then(|b| references.bureau(b));
    let or_unknown = |text: Option<&String>| match text {
        Some(t) if !t.is_empty() => t.clone(),
        Some(_) | None => "未登记".to_owned(),
    };
    let home = Home::of(&user);
    let crumbs = [home.crumb()];
    page::render(&ReceiptPage {
        shell: frame::signed(&app, &user, "提交成功", home.entry, &crumbs).await?,
        home,
        id,
        number,
        bureau: bureau.map(|b| b.name.clone()).unwrap_or_default(),
        address: or_unknown(bureau.map(|b| &b.address)),
        phone: or_unknown(bureau.map(|b| &b.phone)),
        office_hours: bureau.map(|b| b.office_hours.clone()).unwrap_or_default(),
        submitted: application.submitted_at.map(domain::time::Instant::china).unwrap_or_default(),
    })
}

//! 监管档案: a certificate under supervision. Goods, records, on-site visits; 尾差 closed with a note; 监管完结.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::DbError;
use db::audit::Subject;
use db::reading::What;
use db::supervision::{self, Supervised};
use db::usage;
use domain::actor::{Officer, Post};
use domain::ids::{ApplicationId, CertificateItemId};
use domain::policy;
use domain::usage::is_tail;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::paging::{PageQuery, Pager};
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page, random};

use crate::frame::{self, Entry};
use crate::parts::filed_form::{FileLink, Files};
use crate::parts::overtaken;
use crate::parts::readings;
use crate::parts::usage::{self as view, Bar, Goods, Header, Product, RecordRow, Shares};
use crate::supervision::must_supervise;

/// So many records and visits are shown; the oldest ones are in the ledger and the audit trail.
const SHOWN: i64 = 50;

struct GoodsRow {
    item: CertificateItemId,
    product: Product,
    written_off: String,
    shares: Shares,
    remaining: String,
    bar: Bar,
    /// A 尾差 that may be closed now.
    may_close_tail: bool,
    /// The note of a closed one.
    tail_note: Option<String>,
}

struct VisitRow {
    day: String,
    place: String,
    companions: String,
    findings: String,
    who: String,
    photos: Vec<FileLink>,
}

#[derive(Template)]
#[template(path = "supervision/dossier.html")]
struct DossierPage {
    shell: Shell,
    header: Header,
    id: ApplicationId,
    clause: String,
    follow_up: String,
    validity: String,
    duty: String,
    closed: Option<String>,
    rows: Vec<GoodsRow>,
    pager: Pager,
    records: Vec<RecordRow>,
    visits: Vec<VisitRow>,
    form: FormView,
    files: Files,
    may_supervise: bool,
    /// Why it cannot be 监管完结 now.
    obstacle: Option<&'static str>,
}

/// The page.
pub async fn show(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Query(pages): Query<PageQuery>,
) -> Result<Response, AppError> {
    let mut data = FormData::default();
    data.set("creation_key", &random::token());
    let page = build(&app, &officer, id, pages, data, FieldErrors::default(), Vec::new()).await?;
    readings::note(&app, &officer, What::Usage, id.get()).await;
    page::render(&page)
}

/// The page again, with what was typed and what is wrong with it.
pub async fn again(
    app: &App,
    officer: &BureauOfficer,
    id: ApplicationId,
    form: FormData,
    errors: FieldErrors,
    refused: Vec<String>,
) -> Result<Response, AppError> {
    let is_wrong = !errors.is_empty() || !refused.is_empty();
    let page = build(app, officer, id, PageQuery::default(), form, errors, refused).await?;
    if is_wrong { page::unprocessable(&page) } else { page::render(&page) }
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    id: ApplicationId,
    query: PageQuery,
    data: FormData,
    errors: FieldErrors,
    refused: Vec<String>,
) -> Result<DossierPage, AppError> {
    let read = app.db.read();
    let goods = Goods::open(&read, app, officer, id).await?;
    let certificate = goods.certificate.id;
    let Supervised { facts, bureau, closed_at } = supervision::facts(&read, certificate).await?;
    let total = i64::try_from(goods.sheet.items.len()).unwrap_or(i64::MAX);
    let pager = Pager::new(&query, total, &format!("/casework/{id}/dossier"), &[]).at("goods");
    let shown: Vec<i64> = (pager.offset() + 1..=(pager.offset() + pager.limit()).min(total)).collect();
    let lines = usage::lines(&read, certificate, &shown).await?;
    let sums = usage::sums(&read, &lines).await?;
    let notes = supervision::tail_notes(&read, certificate).await?;
    let may_supervise = bureau.as_ref().is_some_and(|b| policy::may_supervise(officer.actor(), b));
    let rows = lines
        .iter()
        .map(|line| {
            let product = goods.product(line.ordinal);
            let shares = Shares::of(&sums, line.id);
            let remaining = line.remaining();
            let note = notes.iter().find(|n| n.item == line.id).map(|n| n.note.clone());
            GoodsRow {
                item: line.id,
                written_off: product.amount(line.written_off),
                remaining: product.amount(remaining),
                bar: Bar::of(line, shares),
                may_close_tail: may_supervise && is_tail(remaining),
                tail_note: note.map(|note| format!("{}，{note}", product.amount(line.closed_tail))),
                product,
                shares,
            }
        })
        .collect();
    let records = usage::of_certificate(&read, &officer.scope(), certificate, None, SHOWN, 0).await?;
    let records = view::rows(&read, app, &goods, &records).await?;
    let references = app.references.now();
    let (visits, photos) = supervision::visits(&read, certificate, SHOWN).await?;
    let visits = visits
        .into_iter()
        .map(|v| VisitRow {
            day: v.visited_on.to_string(),
            photos: photos.iter().filter(|p| p.visit_id == Some(v.id)).map(FileLink::of).collect(),
            who: format!("{} · {}", references.bureau_name(&v.bureau_code), v.officer_name),
            place: v.place,
            companions: v.companions,
            findings: v.findings,
        })
        .collect();
    let clause = &goods.application.basics.clause;
    let follow_up = references.clauses.iter().find(|c| c.code == *clause).map(|c| c.follow_up.clone());
    let duties: Vec<_> = facts
        .duties(references.fate(clause), app.now())
        .into_iter()
        .map(|(duty, day)| format!("{}，期限 {day}", duty.label()))
        .collect();
    let duty = if duties.is_empty() { "没有待办事项".to_owned() } else { duties.join("；") };
    let title = format!("监管档案 {}", goods.certificate.number);
    let crumbs = [("后续监管待办", "/supervision")];
    let mut shell = frame::signed(app, officer, &title, entry(&officer.user), &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let action = format!("/casework/{id}/visits");
    let files = Files::of(app, officer, certificate, None, &data, &action).await?;
    Ok(DossierPage {
        shell,
        header: goods.header(),
        id,
        clause: references.clause_full(clause),
        follow_up: follow_up.unwrap_or_default(),
        validity: format!("{} 至 {}", goods.certificate.valid_from, goods.certificate.valid_to),
        duty,
        closed: closed_at.map(domain::time::Instant::china),
        rows,
        pager,
        records,
        visits,
        form: FormView::new(data, errors, &officer.caller.csrf),
        files: files
            .titled("现场照片", "照片的拍摄时间自动读取。可以选择多个文件，每个不超过 5M，合计不超过 100M。")
            .refusing(refused),
        may_supervise,
        obstacle: facts.obstacle_to_closing(app.now()),
    })
}

fn entry(officer: &Officer) -> Entry {
    if officer.posts.holds(Post::Supervise) { Entry::Post(Post::Supervise) } else { Entry::Main }
}

/// 尾差: what is left is less than one unit and is closed with a note (workflow §3.6).
pub async fn close_tail(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let goods = Goods::open(&tx, &app, &officer, id).await?;
    must_supervise(&officer, goods.certificate.supervising_bureau.as_ref())?;
    let item: CertificateItemId =
        form.get("item").parse().map_err(|_| AppError::Invalid("没有这个产品，请刷新页面后重试。".to_owned()))?;
    let field = format!("note_{item}");
    let mut check = Checker::new(&form);
    let note = check.text(&field, "尾差说明").required().length(5..=200).take();
    if let Err(errors) = check.finish() {
        drop(tx);
        let mut form = form;
        form.set("creation_key", &random::token());
        return again(&app, &officer, id, form, errors, Vec::new()).await;
    }
    let done = supervision::close_tail(&tx, goods.certificate.id, item, &note, &officer.by(), app.now()).await;
    if let Err(error) = done {
        return Err(late(&tx, &app, &officer, id, (&goods, &form), error).await);
    }
    tx.commit().await?;
    let url = format!("/casework/{id}/dossier");
    Ok(flash::to(&app.key, app.config.is_https(), &url, "已说明尾差，该产品没有未说明去向的数量。"))
}

/// 监管完结.
pub async fn close(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let goods = Goods::open(&tx, &app, &officer, id).await?;
    must_supervise(&officer, goods.certificate.supervising_bureau.as_ref())?;
    let mut check = Checker::new(&form);
    let opinion = check.text("closing_opinion", "完结意见").length(0..=500).take();
    if let Err(errors) = check.finish() {
        drop(tx);
        let mut form = form;
        form.set("creation_key", &random::token());
        return again(&app, &officer, id, form, errors, Vec::new()).await;
    }
    if let Err(error) = supervision::close(&tx, goods.certificate.id, &opinion, &officer.by(), app.now()).await {
        return Err(late(&tx, &app, &officer, id, (&goods, &form), error).await);
    }
    tx.commit().await?;
    let said = format!("证明 {} 已监管完结。", goods.certificate.number);
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/casework/{id}/dossier"), &said))
}

/// Why it cannot be done now; with who was faster, where somebody was (D34).
async fn late(
    source: &impl db::Source,
    app: &App,
    officer: &BureauOfficer,
    id: ApplicationId,
    (goods, form): (&Goods, &FormData),
    error: DbError,
) -> AppError {
    match error {
        DbError::Overtaken(now) | DbError::Refused(now) => {
            let about = (Subject::Certificate(goods.certificate.id), form);
            let href = format!("/casework/{id}/dossier");
            overtaken::answer(source, app, officer.user.account, about, &now, &href).await
        }
        other => other.into(),
    }
}

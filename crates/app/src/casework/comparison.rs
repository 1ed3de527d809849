//! 文件对比: one line per document with its result, kept with the case until the decision; the scan of the paper original
//! beside what the enterprise uploaded (R-B-04, workflow A11 to A14).

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::audit::Subject;
use db::comparison::{self as store, Compared, Found, Scan};
use db::reading::What;
use db::{Source, attachment};
use domain::actor::Post;
use domain::application::Application;
use domain::comparison::{self, Document, Line, PaperResult};
use domain::ids::{ApplicationId, AttachmentKindCode};
use domain::policy;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::kept::Kept;
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::casework::case;
use crate::casework::papers::{Desk, PaperQuery, Papers, Round, Sheet};
use crate::casework::selection::{self, Selection};
use crate::frame::{self, Entry};
use crate::parts::status::Status;
use crate::parts::view::{self, FileRow};
use crate::parts::{files, overtaken, readings};

/// Whether papers are compared in this state.
const fn is_comparing(state: S) -> bool {
    matches!(state, S::Comparing | S::ComparingPaper)
}

/// Whether there may be something to show of a comparison.
const fn was_comparing(state: S) -> bool {
    is_comparing(state) || matches!(state, S::ComparingFailed | S::AwaitingIssue | S::Issued)
}

/// The documents of the application, with what was found of them.
fn lines(app: &App, application: &Application, files: &[FileRow], compared: &[Compared]) -> Vec<Line> {
    let references = app.references.now();
    let basics = &application.basics;
    let today = app.clock.today();
    let bureau = basics.use_region.as_ref().and_then(|r| references.direct_bureau_of(r, today));
    let needs = references.needs(bureau, &basics.clause, today);
    let files: Vec<_> =
        files.iter().map(|f| (f.id, AttachmentKindCode::new(f.kind.as_str()), f.name.clone())).collect();
    let mut lines = comparison::lines(basics, &needs, &files);
    for line in &mut lines {
        line.kind = references.kind_name(&line.kind).to_owned();
        if let Some(known) = of(compared, &line.document) {
            line.result = known.result;
            line.remark.clone_from(&known.remark);
        }
    }
    lines
}

fn of<'c>(compared: &'c [Compared], document: &Document) -> Option<&'c Compared> {
    let document = document.to_string();
    compared.iter().find(|c| c.document == document)
}

/// The lines of a case that is at 文件对比; none elsewhere. The application was loaded in scope.
pub async fn at_desk(source: &impl Source, app: &App, application: &Application) -> Result<Vec<Line>, AppError> {
    if !is_comparing(application.state()) {
        return Ok(Vec::new());
    }
    let files = attachment::of_application(source, application.id).await?;
    let files = view::file_rows(&app.references.now(), &files);
    let compared = store::compared(source, application.id).await?;
    Ok(lines(app, application, &files, &compared))
}

/// The comparison on the page of the case.
#[derive(Template)]
#[template(path = "casework/comparison_part.html")]
pub struct ComparisonPart {
    address: String,
    lines: Vec<PartLine>,
    summary: String,
    /// How many lines nobody has looked at.
    blank: usize,
    is_open: bool,
}

impl HtmlSafe for ComparisonPart {}

/// A line of it.
struct PartLine {
    name: String,
    label: &'static str,
    tone: &'static str,
    remark: String,
}

fn part_line(line: Line) -> PartLine {
    let label = line.result.map_or("未填写", PaperResult::label);
    PartLine { name: line.name(), label, tone: tone(line.result), remark: line.remark }
}

/// A document that may have arrived on paper.
pub struct Arrival {
    /// It.
    pub document: String,
    /// The same for people.
    pub name: String,
    /// When it is known to have come before.
    pub known: String,
    /// It was ticked.
    pub is_ticked: bool,
}

/// What the page of the case shows: the lines, and while papers are on their way what may arrive.
pub async fn of_case(
    source: &impl Source,
    app: &App,
    application: &Application,
    (files, data, list): (&[FileRow], &FormData, &str),
) -> Result<(Option<ComparisonPart>, Vec<Arrival>), AppError> {
    let state = application.state();
    if !was_comparing(state) {
        return Ok((None, Vec::new()));
    }
    let compared = store::compared(source, application.id).await?;
    let is_open = is_comparing(state);
    if !is_open && compared.is_empty() {
        return Ok((None, Vec::new()));
    }
    let lines = lines(app, application, files, &compared);
    let arrival = |line: &Line| {
        let document = line.document.to_string();
        Arrival {
            name: line.name(),
            known: of(&compared, &line.document).and_then(|c| c.arrived_on).map(|d| d.to_string()).unwrap_or_default(),
            is_ticked: data.all("arrived").any(|d| d == document),
            document,
        }
    };
    let arrivals = if state == S::ComparingPaper { lines.iter().map(arrival).collect() } else { Vec::new() };
    let part = ComparisonPart {
        address: address(application.id, list),
        summary: comparison::summary(&lines),
        blank: comparison::count(&lines, None),
        lines: lines.into_iter().map(part_line).collect(),
        is_open,
    };
    Ok((Some(part), arrivals))
}

/// The page, with the worklist from which the case was opened.
fn address(id: ApplicationId, list: &str) -> String {
    desk(id, list).address()
}

/// The page, beside whose form papers open.
pub fn desk(id: ApplicationId, list: &str) -> Desk {
    Desk { path: format!("/casework/{id}/comparison"), kept: vec![("list", list.to_owned())] }
}

/// A document on the page.
struct Row {
    document: String,
    kind: String,
    file: String,
    /// Where it opens beside the form; none when there is neither upload nor scan.
    beside: Option<String>,
    result: String,
    label: &'static str,
    tone: &'static str,
    remark: String,
    remark_name: String,
    arrived: String,
    scans: usize,
    by: String,
}

/// A scan on the page.
struct ScanRow {
    id: i64,
    document: String,
    name: String,
    size: String,
    at: String,
    by: String,
    /// When it was deleted, although a decision had been made with it (D32); blank while it is in use.
    removed: String,
}

#[derive(Template)]
#[template(path = "casework/comparison.html")]
struct ComparisonPage {
    shell: Shell,
    form: FormView,
    id: ApplicationId,
    number: String,
    status: Status,
    list: String,
    case: String,
    rows: Vec<Row>,
    scans: Vec<ScanRow>,
    documents: Vec<Choice>,
    summary: String,
    stamp: String,
    /// Why nothing can be changed here; none when he may.
    closed: Option<String>,
    conflict: Option<String>,
    /// What was typed into a page that was not saved.
    kept: Kept,
    version: i64,
    trail: i64,
    refused: Vec<String>,
    papers: Papers,
}

impl ComparisonPage {
    /// The scans that are in use.
    fn scan_count(&self) -> usize {
        self.scans.iter().filter(|s| s.removed.is_empty()).count()
    }
}

/// The worklist, and the paper beside the form.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct ComparisonQuery {
    #[serde(default)]
    list: String,
    #[serde(flatten)]
    paper: PaperQuery,
}

/// The page.
pub async fn show(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Query(query): Query<ComparisonQuery>,
) -> Result<Response, AppError> {
    let application = db::application::load(&app.db.read(), &officer.scope(), id, app.now()).await?;
    readings::note(&app, &officer, What::Application, id.get()).await;
    page::render(&build(&app, &officer, &application, Typed::default(), query).await?)
}

/// What comes back with the page.
#[derive(Default)]
struct Typed {
    form: Option<FormData>,
    errors: FieldErrors,
    conflict: Option<String>,
    refused: Vec<String>,
}

/// The page again: scans that were not taken, and why.
pub async fn refused(
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    list: &str,
    refused: Vec<String>,
) -> Result<Response, AppError> {
    let typed = Typed { refused, ..Typed::default() };
    let query = ComparisonQuery { list: list.to_owned(), ..ComparisonQuery::default() };
    let mut page = build(app, officer, application, typed, query).await?;
    page.shell.error_title = true;
    page::unprocessable(&page)
}

/// Why this officer cannot change the comparison now; `holder` is the name of a colleague who has the case.
fn closed(officer: &BureauOfficer, application: &Application, holder: Option<&str>) -> Option<String> {
    let of = &application.ownership;
    if !is_comparing(of.state) {
        return Some(format!("申请单当前状态为“{}”，文件对比结果不能再修改。", of.state.label()));
    }
    if !policy::may_handle(officer.actor(), of) {
        return Some("您可以查看文件对比结果。填写需要本局文件对比岗的权限。".to_owned());
    }
    holder.map(|name| format!("该单据由 {name} 办理。确需由您办理时，请先在单据中填写理由接手。"))
}

/// The name of a colleague who has the case.
async fn colleague(
    source: &impl Source,
    officer: &BureauOfficer,
    application: &Application,
) -> Result<Option<String>, AppError> {
    match application.ownership.handler.filter(|h| *h != officer.user.account) {
        Some(holder) => Ok(Some(db::account::actor(source, holder).await?.name().to_owned())),
        None => Ok(None),
    }
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    typed: Typed,
    query: ComparisonQuery,
) -> Result<ComparisonPage, AppError> {
    let read = app.db.read();
    let id = application.id;
    let state = application.state();
    let typed_list = typed.form.as_ref().map_or("", |f| f.get("list"));
    let selection = [query.list.as_str(), typed_list].iter().find_map(|l| Selection::carried(l, &officer.user));
    let list = selection.map(|s| s.query()).unwrap_or_default();
    let files = attachment::of_application(&read, id).await?;
    let files = view::file_rows(&app.references.now(), &files);
    let compared = store::compared(&read, id).await?;
    let scans = store::scans(&read, id).await?;
    let lines = lines(app, application, &files, &compared);
    let holder = colleague(&read, officer, application).await?;
    let closed = closed(officer, application, holder.as_deref());
    let desk = desk(id, &list);
    let rounds = rounds(id, &lines, &files, &scans);
    let number = application.number.clone().unwrap_or_default();
    let case = selection::address(id, &list);
    let post = Post::Compare;
    let entry = if officer.user.posts.holds(post) { Entry::Post(post) } else { Entry::Main };
    let crumbs = [(number.as_str(), case.as_str())];
    let mut shell = frame::signed(app, officer, &format!("文件对比 {number}"), entry, &crumbs).await?;
    shell.error_title = !typed.errors.is_empty();
    let data = typed.form.unwrap_or_default();
    let kept = if typed.conflict.is_some() { kept_of(app, &lines, &data) } else { Kept::default() };
    let trail = db::audit::newest(&read, Subject::Application(id), 1).await?.first().map_or(0, |d| d.id);
    let rows = lines.iter().map(|l| row(l, &data, of(&compared, &l.document), &desk, &rounds)).collect();
    let name_of = |document: &str| {
        let found = lines.iter().find(|l| l.document.to_string() == document);
        found.map_or_else(|| "已删除的附件".to_owned(), Line::name)
    };
    Ok(ComparisonPage {
        shell,
        form: FormView::new(data, typed.errors, &officer.caller.csrf),
        id,
        number,
        status: Status::of(state),
        list,
        case,
        rows,
        scans: scans.iter().map(|s| scan_row(s, name_of(&s.document))).collect(),
        documents: lines.iter().map(|l| Choice::new(l.document.to_string(), l.name())).collect(),
        summary: comparison::summary(&lines),
        stamp: stamp(&compared),
        closed,
        conflict: typed.conflict,
        kept,
        version: application.version,
        trail,
        refused: typed.refused,
        papers: Papers::of(&desk, &rounds, &query.paper),
    })
}

/// What was typed, line by line.
fn kept_of(app: &App, lines: &[Line], form: &FormData) -> Kept {
    let name_of = |document: &str| {
        let found = lines.iter().find(|l| l.document.to_string() == document);
        found.map_or_else(|| "已删除的附件".to_owned(), Line::name)
    };
    Kept::with(&app.references.now(), form, |name, value| {
        let (what, document) = name.split_once('.')?;
        let value = match what {
            "result" => value.parse().map_or(value, |r: PaperResult| r.label()),
            "remark" => value,
            _ => return None,
        };
        Some((name_of(document), value.to_owned()))
    })
}

/// When something was last found: two pages are told apart by it.
fn stamp(compared: &[Compared]) -> String {
    compared.iter().filter_map(|c| c.compared_at).max().map(|at| at.millis().to_string()).unwrap_or_default()
}

fn row(line: &Line, data: &FormData, known: Option<&Compared>, desk: &Desk, rounds: &[Round]) -> Row {
    let document = line.document.to_string();
    let (result_name, remark_name) = (format!("result.{document}"), format!("remark.{document}"));
    let typed = |name: &str, stored: &str| if data.has(name) { data.get(name).to_owned() } else { stored.to_owned() };
    let round = rounds.iter().find(|r| r.key == document);
    let by = known.filter(|c| c.result.is_some()).and_then(|c| {
        let at = c.compared_at?;
        Some(format!("{}，{}", c.compared_by_name, at.china()))
    });
    let arrived = known.and_then(|c| c.arrived_on.map(|on| format!("{on}，{}登记", c.arrived_by_name)));
    Row {
        kind: line.kind.clone(),
        file: line.file.clone(),
        beside: round.map(|r| desk.paper(&r.key)),
        result: typed(&result_name, line.result.map_or("", PaperResult::word)),
        label: line.result.map_or("未填写", PaperResult::label),
        tone: tone(line.result),
        remark: typed(&remark_name, &line.remark),
        remark_name,
        arrived: arrived.unwrap_or_default(),
        scans: round.map_or(0, |r| r.sheets.len()).saturating_sub(usize::from(!line.file.is_empty())),
        by: by.unwrap_or_default(),
        document,
    }
}

/// The colour of a result.
const fn tone(result: Option<PaperResult>) -> &'static str {
    match result {
        Some(PaperResult::Match) => "t-green",
        Some(PaperResult::Differs) => "t-red",
        Some(PaperResult::Absent) => "t-amber",
        None => "t-gray",
    }
}

fn scan_row(scan: &Scan, document: String) -> ScanRow {
    ScanRow {
        id: scan.id.get(),
        document,
        name: scan.name.clone(),
        size: view::size(scan.size_bytes),
        at: scan.uploaded_at.china(),
        by: scan.uploaded_by_name.clone(),
        removed: scan.removed_at.map(domain::time::Instant::china).unwrap_or_default(),
    }
}

/// What opens at once: what the enterprise uploaded, and beside it the scans of the paper.
fn rounds(id: ApplicationId, lines: &[Line], files: &[FileRow], scans: &[Scan]) -> Vec<Round> {
    let sheets = |document: &Document| {
        let upload = files.iter().find(|f| *document == Document::File(f.id));
        let key = document.to_string();
        let scanned = scans.iter().filter(|s| s.document == key && s.removed_at.is_none()).map(|s| {
            let about = (s.name.as_str(), view::size(s.size_bytes), s.uploaded_at.china());
            let path = format!("/casework/{id}/scans/{}", s.id);
            let (can_look, is_picture) = (files::can_preview(&s.content_type), files::is_picture(&s.content_type));
            Sheet::new("纸质原件", (about.0, &about.1, &about.2), can_look, is_picture, path)
                .explained(&files::why_unseen(&s.content_type, &s.name))
        });
        upload.map(|f| Sheet::of_file(f, "企业上传")).into_iter().chain(scanned).collect::<Vec<_>>()
    };
    lines
        .iter()
        .map(|l| Round { key: l.document.to_string(), title: l.kind.clone(), sheets: sheets(&l.document) })
        .filter(|r| !r.sheets.is_empty())
        .collect()
}

/// 保存 of the results. An untaken case is taken by it, as by a decision (E14).
pub async fn save(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let now = app.now();
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &officer.scope(), id, now).await?;
    let is_colleagues = application.ownership.handler.is_some_and(|h| h != officer.user.account);
    let is_his = policy::may_handle(officer.actor(), &application.ownership) && is_comparing(application.state());
    if case::came_too_late(&officer, &application, &form) && (is_colleagues || !is_his) {
        drop(tx);
        return overtaken(&app, &officer, &application, form).await;
    }
    let holder = open_for(&tx, &app, &officer, &application).await?;
    let files = attachment::of_application(&tx, id).await?;
    let files = view::file_rows(&app.references.now(), &files);
    let compared = store::compared(&tx, id).await?;
    let known = lines(&app, &application, &files, &compared);
    let found = parse(&form, &known);
    let is_there = |f: &[Found]| f.iter().zip(&known).all(|(f, l)| f.result == l.result && f.remark == l.remark);
    let conflict = match (holder, &found) {
        (Some(name), _) => Some(format!("该单据由 {name} 办理。确需由您办理时，请先在单据中填写理由接手。")),
        // The same once more is no second deed.
        (None, Ok(found)) if is_there(found) => None,
        (None, _) if form.get("stamp") != stamp(&compared) => {
            Some("您打开页面后，对比结果已有变化。您填写的内容已保留，请核对后重新保存。".to_owned())
        }
        (None, _) => None,
    };
    if conflict.is_some() {
        drop(tx);
        let typed = Typed { form: Some(form), conflict, ..Typed::default() };
        let page = build(&app, &officer, &application, typed, ComparisonQuery::default()).await?;
        return page::with_status(StatusCode::CONFLICT, &page);
    }
    let found = match found {
        Ok(found) => found,
        Err(errors) => {
            drop(tx);
            let typed = Typed { form: Some(form), errors, ..Typed::default() };
            let page = build(&app, &officer, &application, typed, ComparisonQuery::default()).await?;
            return page::unprocessable(&page);
        }
    };
    let merged: Vec<_> = known
        .iter()
        .zip(&found)
        .map(|(line, f)| Line { result: f.result, remark: f.remark.clone(), ..line.clone() })
        .collect();
    let summary = comparison::summary(&merged);
    if !is_there(&found) {
        if application.ownership.handler.is_none() {
            db::application::take(&tx, &application, officer.user.account, &officer.by(), now).await?;
        }
        store::save(&tx, &application, &found, &summary, &officer.by(), now).await?;
        tx.commit().await?;
    }
    let said = if summary.is_empty() { "尚未填写任何结果".to_owned() } else { summary };
    let list = Selection::carried(form.get("list"), &officer.user).map(|s| s.query()).unwrap_or_default();
    let to = if form.get("then") == "case" { selection::address(id, &list) } else { address(id, &list) };
    Ok(flash::to(&app.key, app.config.is_https(), &to, &format!("已保存文件对比结果：{said}。")))
}

/// The page again, newer than the one that was filled in: who was faster, and everything that was typed (D34).
async fn overtaken(
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    form: FormData,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let subject = Subject::Application(application.id);
    let said = overtaken::meanwhile(&read, app, officer.user.account, subject, &form).await?;
    let now = case::stands(&read, application).await?;
    let conflict = Some(format!("您打开页面后，该单据已有变化：{said}{now}您填写的内容没有保存，已保留在下方。"));
    let typed = Typed { form: Some(form), conflict, ..Typed::default() };
    let page = build(app, officer, application, typed, ComparisonQuery::default()).await?;
    page::with_status(StatusCode::CONFLICT, &page)
}

/// Asks whether this officer may change the comparison; says the name of a colleague who has the case.
pub async fn open_for(
    source: &impl Source,
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
) -> Result<Option<String>, AppError> {
    if !is_comparing(application.state()) && officer.user.posts.holds(Post::Compare) {
        let now = format!("{}文件对比结果不能再修改。", case::stands(source, application).await?);
        let form = FormData::default();
        let about = (Subject::Application(application.id), &form);
        let href = address(application.id, "");
        return Err(overtaken::answer(source, app, officer.user.account, about, &now, &href).await);
    }
    if !policy::may_handle(officer.actor(), &application.ownership) {
        return Err(case::not_yours(officer, application));
    }
    if let Some(why) = closed(officer, application, None) {
        return Err(AppError::Conflict(why));
    }
    colleague(source, officer, application).await
}

/// A result and a remark for each line; what differs is said.
fn parse(form: &FormData, lines: &[Line]) -> Result<Vec<Found>, FieldErrors> {
    let mut check = Checker::new(form);
    let mut found = Vec::with_capacity(lines.len());
    for line in lines {
        let document = line.document.to_string();
        let (result_name, remark_name) = (format!("result.{document}"), format!("remark.{document}"));
        let word = form.get(&result_name).trim();
        let result = word.parse::<PaperResult>().ok();
        if result.is_none() && !word.is_empty() {
            check.error(&result_name, format!("{}：请选择对比结果", line.name()));
        }
        let remark = check.text(&remark_name, "说明").one_line().length(0..=200).take();
        if result == Some(PaperResult::Differs) && remark.is_empty() {
            check.error(&remark_name, format!("{}：请说明不一致之处", line.name()));
        }
        found.push(Found { document, result, remark });
    }
    check.finish()?;
    Ok(found)
}

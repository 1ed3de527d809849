//! 办理: the application beside the decision panel; taking and releasing a case (E14).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::Source;
use db::audit::Subject;
use db::opinion;
use db::reading::What;
use domain::actor::Post;
use domain::application::{Application, Part};
use domain::certificate::Validity;
use domain::comparison::Document;
use domain::correction::{BASICS_FIELDS, ITEM_FIELDS, NamedField};
use domain::ids::{AccountId, ApplicationId};
use domain::policy::{self, TransferCases};
use domain::workflow::{Action, AfterFinal, State as S};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::kept::Kept;
use kit::paging::PageQuery;
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, glyphs, page};

use crate::casework::checklist::{self, Checklist};
use crate::casework::comparison::{self, Arrival, ComparisonPart};
use crate::casework::draft;
use crate::casework::hints::{self, Hints};
use crate::casework::history::{self, History, Keys};
use crate::casework::notes::Notes;
use crate::casework::papers::{self, Desk, PaperQuery, Papers};
use crate::casework::phrases::Phrases;
use crate::casework::selection::{self, Selection};
use crate::casework::transfer;
use crate::frame::{self, Entry};
use crate::parts::bureau_contact;
use crate::parts::correction::{self, CorrectionChanges};
use crate::parts::overtaken;
use crate::parts::readings;
use crate::parts::signing;
use crate::parts::status::Status;
use crate::parts::taking;
use crate::parts::timeline::{self, Timeline};
use crate::parts::track::Track;
use crate::parts::view::{self, FileRow, Shown, View};

/// A part that 送补正 may name, with its fields.
struct PartChoice {
    part: Part,
    is_ticked: bool,
    fields: Vec<FieldChoice>,
    /// A field may be named of single products.
    names_products: bool,
}

impl PartChoice {
    fn is_open(&self) -> bool {
        self.fields.iter().any(|f| f.is_ticked || !f.numbers.is_empty())
    }
}

/// A field that 送补正 may name.
struct FieldChoice {
    value: String,
    label: String,
    is_ticked: bool,
    /// The name of the input for 产品序号.
    numbers_name: String,
    /// What was typed there.
    numbers: String,
}

/// The input for 产品序号 beside a field.
pub fn numbers_name(field: &NamedField) -> String {
    format!("products.{}", field.field)
}

/// 产品序号 as typed beside a field of the products; `""` for those of the other parts.
pub fn numbers_of<'f>(form: &'f FormData, field: &NamedField) -> &'f str {
    if field.part == Part::Items { form.get(&numbers_name(field)).trim() } else { "" }
}

/// `?compare=` an earlier submission, and the page of the products.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct CaseQuery {
    #[serde(default)]
    compare: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
    /// The worklist from which it was opened.
    #[serde(default)]
    list: String,
    /// The paper beside the form.
    #[serde(flatten)]
    paper: PaperQuery,
}

#[derive(Template)]
#[template(path = "casework/case.html")]
struct CasePage {
    shell: Shell,
    id: ApplicationId,
    number: String,
    post: Option<Post>,
    status: Status,
    track: Track,
    view: View,
    timeline: Timeline,
    form: FormView,
    version: i64,
    /// The officer may decide here.
    may_handle: bool,
    /// 终审 is closed to the person of the 初审.
    second_look: bool,
    decisions: Vec<Choice>,
    /// 审核要点, where he may decide.
    checklist: Option<Checklist>,
    /// 常用意见, where he may decide.
    phrases: Option<Phrases>,
    /// When a decision was begun and kept.
    kept_at: Option<String>,
    may_return: bool,
    /// 内部备注.
    notes: Notes,
    parts: Vec<PartChoice>,
    changes: Option<CorrectionChanges>,
    holder: Option<String>,
    is_mine: bool,
    may_terminate: bool,
    issuing: bool,
    paper: bool,
    /// The characters that the certificate cannot print, in words; empty when there are none.
    missing_glyphs: String,
    /// Why no certificate can be signed now, where one is to be issued.
    no_key: Option<&'static str>,
    /// 退回 is offered (D33).
    may_send_back: bool,
    conflict: Option<String>,
    /// What was typed into a form that was not done.
    kept: Kept,
    /// The same as fields: who takes the case over goes on with it.
    carried: Vec<(String, String)>,
    /// The query of the worklist from which it was opened; the next case comes from there.
    list: String,
    may_transfer: bool,
    is_submitted: bool,
    /// The bureau entered it (补录).
    is_proxy: bool,
    /// He goes on with it, or corrects it.
    may_edit: bool,
    /// While a post has the case.
    hints: Option<Hints>,
    history: History,
    papers: Papers,
    comparison: Option<ComparisonPart>,
    /// The documents that may have arrived on paper.
    arrivals: Vec<Arrival>,
}

impl CasePage {
    /// An opinion is asked for only where the case may go back or end.
    const fn opinion_help(&self) -> &'static str {
        if self.may_return {
            "送补正、不予通过时必填；对企业可见"
        } else if self.may_send_back {
            "退回时必填，请写明不能发证的原因；对企业可见"
        } else {
            "对企业可见"
        }
    }
}

/// What the officer may decide: the table is asked for each.
pub fn decisions(officer: &BureauOfficer, application: &Application, after_final: AfterFinal) -> Vec<(Action, Choice)> {
    let of = &application.ownership;
    let post = of.state.post().map_or("", Post::label);
    [
        (Action::Accept, "受理".to_owned(), "送初审岗"),
        (Action::Pass { after_final }, format!("{post}通过"), next_of(of.state, after_final)),
        (Action::RequestPaper, "需送纸质材料".to_owned(), "企业按通知送交纸质原件"),
        (Action::PaperArrived, "材料已收到".to_owned(), "登记后继续对比"),
        (Action::Issue, "发证".to_owned(), "生成证明号和免办证明"),
        (Action::Return, "送补正".to_owned(), "企业补正后回到本岗"),
        (Action::Refuse, "拒绝受理".to_owned(), "结束审批，原因对企业可见"),
        (Action::Fail, format!("{post}未通过"), "结束审批，原因对企业可见"),
        (Action::SendBack { to: Post::FinalReview }, "退回终审".to_owned(), "不能发证时，由终审岗重新办理，可送补正"),
        (
            Action::SendBack { to: Post::Compare },
            "退回文件对比".to_owned(),
            "不能发证时，由文件对比岗重新办理，可送补正",
        ),
    ]
    .into_iter()
    .filter(|(action, _, _)| {
        !matches!(action, Action::SendBack { to: Post::Compare }) || after_final == AfterFinal::Compare
    })
    .filter(|(action, _, _)| policy::may(officer.actor(), of, *action).is_ok())
    .map(|(action, label, note)| (action, Choice::new(action.word(), label).with_note(note)))
    .collect()
}

const fn next_of(state: S, after_final: AfterFinal) -> &'static str {
    match (state, after_final) {
        (S::FirstReview, _) => "送终审岗",
        (S::FinalReview, AfterFinal::Compare) => "送文件对比岗",
        _ => "送发证岗",
    }
}

/// What this application's bureau does after 终审 (D6, E16).
pub fn after_final(app: &App, application: &Application) -> AfterFinal {
    let references = app.references.now();
    let bureau = application.ownership.current_bureau.as_ref().and_then(|b| references.bureau(b));
    if bureau.is_none_or(|b| b.compare_enabled) { AfterFinal::Compare } else { AfterFinal::Issue }
}

/// The page; looking at it takes nothing.
pub async fn show(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Query(query): Query<CaseQuery>,
) -> Result<Response, AppError> {
    let application = db::application::load(&app.db.read(), &officer.scope(), id, app.now()).await?;
    readings::note(&app, &officer, What::Application, id.get()).await;
    let page = build(&app, &officer, &application, None, None, query).await?;
    page::render(&page)
}

/// The page again, with what was typed and what is wrong with it.
pub async fn again(
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    form: FormData,
    errors: FieldErrors,
) -> Result<Response, AppError> {
    let page = build(app, officer, application, Some((form, errors)), None, CaseQuery::default()).await?;
    page::unprocessable(&page)
}

/// The page again: somebody else holds the case, or was faster.
pub async fn conflict(
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    form: FormData,
    sentence: String,
) -> Result<Response, AppError> {
    let typed = Some((form, FieldErrors::default()));
    let page = build(app, officer, application, typed, Some(sentence), CaseQuery::default()).await?;
    page::with_status(StatusCode::CONFLICT, &page)
}

/// Whether the form comes from a page on which this officer could act and which is older than the case (D34). A page says
/// at which post the case was; of one that does not, every post that the case has reached counts.
pub fn came_too_late(officer: &BureauOfficer, application: &Application, form: &FormData) -> bool {
    let seen = ["version", "seen_version"].map(|name| form.get(name)).into_iter().find(|v| !v.is_empty());
    if seen.is_none_or(|v| v == application.version.to_string()) {
        return false;
    }
    let holds = |post: Post| officer.user.posts.holds(post);
    if let Ok(post) = form.get("post").parse::<Post>() {
        return holds(post);
    }
    let last = application.post_on_the_way().and_then(|p| Post::COURSE.into_iter().position(|q| p == q));
    Post::COURSE.into_iter().take(last.map_or(Post::COURSE.len(), |n| n + 1)).any(holds)
}

/// How the case stands now, and who has it, for somebody who was slower.
pub async fn stands(source: &impl Source, application: &Application) -> Result<String, AppError> {
    let of = &application.ownership;
    let holder = holder_name(source, of.handler).await?;
    let by = holder.map(|name| format!("，由 {name} 办理")).unwrap_or_default();
    Ok(format!("申请单现在的状态为“{}”{by}。", of.state.label()))
}

/// The page again, newer than the one that the form comes from: who was faster, what was done and when, how the case stands
/// now, and everything that was typed (D34).
pub async fn overtaken(
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    form: FormData,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let subject = Subject::Application(application.id);
    let said = overtaken::meanwhile(&read, app, officer.user.account, subject, &form).await?;
    let now = stands(&read, application).await?;
    let of = &application.ownership;
    let may_decide = policy::may_handle(officer.actor(), of);
    let next = match of.handler {
        Some(holder) if may_decide && holder != officer.user.account => {
            "确需由您办理时，请先填写理由接手，接手后继续填写。"
        }
        _ if may_decide => "下方是最新内容，请核对后重新提交。",
        _ => "",
    };
    let why = format!("您打开页面后，该单据已有变化：{said}{now}您填写的内容没有提交，已保留在下方。{next}");
    conflict(app, officer, application, form, why).await
}

/// The prefix of fields that go along with 接手.
const CARRIED: &str = "kept.";

/// What was typed into a decision that was not done, wherever it stands in the form.
fn typed_decision(form: &FormData) -> FormData {
    let carried = |(name, value): &(String, String)| Some((name.strip_prefix(CARRIED)?.to_owned(), value.clone()));
    let kept: Vec<_> = form.pairs().iter().filter_map(carried).collect();
    if !kept.is_empty() {
        return FormData::from_pairs(kept);
    }
    form.clone()
}

async fn holder_name(source: &impl Source, id: Option<AccountId>) -> Result<Option<String>, AppError> {
    match id {
        Some(id) => Ok(Some(db::account::actor(source, id).await?.name().to_owned())),
        None => Ok(None),
    }
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    typed: Option<(FormData, FieldErrors)>,
    conflict: Option<String>,
    query: CaseQuery,
) -> Result<CasePage, AppError> {
    let id = application.id;
    let read = app.db.read();
    let of = &application.ownership;
    let post = of.state.post();
    let pages = PageQuery { page: query.page, size: query.size, ..PageQuery::default() };
    let path = format!("/casework/{id}");
    let typed_list = typed.as_ref().map_or("", |(form, _)| form.get("list"));
    let selection = [query.list.as_str(), typed_list].iter().find_map(|l| Selection::carried(l, &officer.user));
    let list = selection.map(|s| s.query()).unwrap_or_default();
    let carried = vec![("compare", query.compare.clone()), ("list", list.clone())];
    let items = db::application::items(&read, id).await?;
    let paper_desk = Desk { path: path.clone(), kept: carried.clone() };
    let mut view = view::of_items(&read, app, application, &items, &Shown::Page(pages, path, carried)).await?;
    let mut rounds = papers::of_files(&paper_desk, &mut view.files);
    rounds.extend(papers::of_files(&paper_desk, &mut view.old_files));
    let keys = Keys::of(application, &items);
    let hints = match post {
        Some(_) => Some(hints::load(read, app, officer, (application, &items, &view.files), &keys, &list).await?),
        None => None,
    };
    let history = history::load(read, app, officer, &keys, &list).await?;
    let timeline = timeline::load(&read, app, id, true).await?;
    let references = app.references.now();
    let may_handle = policy::may_handle(officer.actor(), of);
    let deciding = post.filter(|_| may_handle && of.handler.is_none_or(|h| h == officer.user.account));
    let kept = match deciding {
        Some(post) => db::opinion::kept(&read, id, officer.user.account, post).await?,
        None => opinion::Kept::default(),
    };
    let begun = kept.draft.as_ref().map(draft::form_of).unwrap_or_default();
    let refused = match (&typed, &conflict) {
        (Some((form, _)), Some(_)) => Some(typed_decision(form)),
        (Some((form, _)), None) if form.pairs().iter().any(|(k, _)| k.starts_with(CARRIED)) => {
            Some(typed_decision(form))
        }
        (Some(_) | None, _) => None,
    };
    let kept_card = refused.as_ref().map(|form| kept_of(app, form, &view.files)).unwrap_or_default();
    // Of another post: it is shown, and not mistaken for the opinion of this one.
    let seen_post = refused.as_ref().and_then(|form| form.get("post").parse::<Post>().ok());
    let is_of_this_post = seen_post.is_none() || seen_post == post;
    let carried = match refused {
        Some(form) if may_handle && of.handler.is_some_and(|h| h != officer.user.account) && is_of_this_post => {
            draft::typed_pairs(&form)
        }
        Some(_) | None => Vec::new(),
    };
    let (mut data, errors) = match typed {
        Some((_, errors)) if !is_of_this_post => (begun, errors),
        // The other forms of the page leave the decision that was begun as it was.
        Some((form, errors)) if !form.has("version") => (draft::over(begun, &form), errors),
        Some(typed) => typed,
        None => (begun, FieldErrors::default()),
    };
    let issuing = of.state == S::AwaitingIssue;
    if issuing && !data.has("valid_to") {
        let bureau = of.current_bureau.as_ref().and_then(|b| references.bureau(b));
        let days = bureau.map_or(90, |b| b.validity_days);
        let validity = Validity::of_days(app.clock.today(), days);
        data.set("valid_from", &validity.from.to_string());
        data.set("valid_to", &validity.to.to_string());
    }
    // The notice begins with what the bureau has registered; whoever writes it may say something else.
    if of.state == S::Comparing
        && !data.has("address")
        && !data.has("contact")
        && let Some(bureau) = of.current_bureau.as_ref().and_then(|b| references.bureau(b))
    {
        data.set("address", &bureau.address);
        data.set("contact", &bureau_contact::for_papers(bureau));
    }
    if of.state == S::ComparingPaper && !data.has("arrived_on") {
        data.set("arrived_on", &app.clock.today().to_string());
    }
    let (comparison, arrivals) = comparison::of_case(&read, app, application, (&view.files, &data, &list)).await?;
    let offered = decisions(officer, application, after_final(app, application));
    if data.get("decision").is_empty()
        && let [(action, _)] = offered.as_slice()
    {
        data.set("decision", action.word());
    }
    let decisions: Vec<_> = offered.iter().map(|(_, choice)| choice.clone()).collect();
    let points = deciding.map(|_| checklist::points(app, application, &view.hs_codes)).unwrap_or_default();
    let parts = part_choices(app, application, &data, view.item_count);
    let number = application.number.clone().unwrap_or_else(|| format!("草稿 {id}"));
    let fills_in = policy::fills_in(officer.actor(), of) && list.is_empty();
    let back = match post {
        _ if !list.is_empty() => format!("/casework?{list}"),
        _ if fills_in => frame::worklist_of(Post::ProxyEntry),
        Some(p) => format!("/casework?post={}", p.word()),
        None => "/main".to_owned(),
    };
    let crumb = match post {
        _ if fills_in => frame::work_of(Post::ProxyEntry).to_owned(),
        Some(p) => format!("{}待办", p.label()),
        None => "待办".to_owned(),
    };
    let crumbs = [(crumb.as_str(), back.as_str())];
    let desk = if fills_in { Some(Post::ProxyEntry) } else { post };
    let entry = desk.filter(|p| officer.user.posts.holds(*p)).map_or(Entry::Main, Entry::Post);
    let title = match post {
        Some(p) => format!("{}办理 {number}", p.label()),
        None => format!("查看申请 {number}"),
    };
    let mut shell = frame::signed(app, officer, &title, entry, &crumbs).await?;
    if entry == Entry::Main {
        shell.crumbs = vec![("主页".to_owned(), Some("/main".to_owned())), (title.clone(), None)];
    }
    shell.error_title = !errors.is_empty();
    let missing_glyphs = if may_handle { glyphs::named(&view.missing_glyphs(app)) } else { String::new() };
    let no_key = if issuing && may_handle { signing::obstacle(app)? } else { None };
    Ok(CasePage {
        shell,
        id,
        number,
        post,
        status: Status::of(of.state),
        track: Track::of(app, application),
        version: application.version,
        may_handle,
        second_look: policy::is_second_look_of_first_reviewer(officer.actor(), of),
        may_return: offered.iter().any(|(action, _)| matches!(action, Action::Return)),
        checklist: Some(Checklist::of(&points, &data)).filter(|c| !c.is_empty()),
        phrases: deciding.map(|post| Phrases::of(app, id, post, &decisions, &kept.phrases)),
        kept_at: kept.draft.map(|d| d.saved_at.china()),
        decisions,
        parts,
        holder: holder_name(&read, of.handler).await?,
        is_mine: of.handler == Some(officer.user.account),
        may_terminate: policy::may(officer.actor(), of, Action::Terminate).is_ok(),
        issuing,
        paper: of.state == S::Comparing,
        missing_glyphs,
        no_key,
        may_send_back: offered.iter().any(|(action, _)| matches!(action, Action::SendBack { .. })),
        conflict,
        kept: kept_card,
        carried,
        notes: Notes::newest(app, officer, application).await?.opened_from(&list),
        list,
        may_transfer: may_transfer(app, officer, application).await?,
        is_submitted: application.number.is_some(),
        is_proxy: of.entered_by_bureau.is_some(),
        may_edit: policy::may(officer.actor(), of, Action::Edit).is_ok(),
        changes: correction::changes(&read, app, application, &query.compare).await?,
        view,
        timeline,
        hints,
        history,
        comparison,
        arrivals,
        papers: Papers::of(&paper_desk, &rounds, &query.paper),
        form: FormView::new(data, errors, &officer.caller.csrf),
    })
}

/// What was typed into a decision, as people read it; documents by the names of their files.
fn kept_of(app: &App, form: &FormData, files: &[FileRow]) -> Kept {
    let references = app.references.now();
    let name_of = |document: &str| match document.parse::<Document>() {
        Ok(Document::File(id)) => files
            .iter()
            .find(|f| f.id == id)
            .map_or_else(|| "已删除的附件".to_owned(), |f| format!("{}（{}）", references.kind_name(&f.kind), f.name)),
        Ok(Document::Kind(kind)) => references.kind_name(kind.as_str()).to_owned(),
        Err(_) => document.to_owned(),
    };
    Kept::with(&references, form, |name, value| {
        (name == "arrived").then(|| ("收到的纸质材料".to_owned(), name_of(value)))
    })
}

/// Whether 移交 is offered: to 局系统管理员 of the direct bureau, from 受理 until 发证.
async fn may_transfer(app: &App, officer: &BureauOfficer, application: &Application) -> Result<bool, AppError> {
    let Ok(permit) = policy::permit::<TransferCases>(officer.actor()) else { return Ok(false) };
    let holder = match &application.ownership.current_bureau {
        Some(holder) => Some(holder.clone()),
        None => transfer::coming_back_to(&app.db.read(), application).await?,
    };
    let references = app.references.now();
    Ok(holder.is_some_and(|holder| {
        let direct = references.direct_of(&holder);
        policy::may_transfer(&permit, direct, direct)
    }))
}

/// The case, opened from the list that a form carried along.
pub fn opened_from(id: ApplicationId, form: &FormData, officer: &BureauOfficer) -> String {
    let list = Selection::carried(form.get("list"), &officer.user).map(|s| s.query()).unwrap_or_default();
    selection::address(id, &list)
}

/// The fields that 送补正 may name; of the attachments the kinds that this application shows.
pub fn fields(app: &App, application: &Application) -> Vec<NamedField> {
    let references = app.references.now();
    let today = app.clock.today();
    let basics = &application.basics;
    let bureau = basics.use_region.as_ref().and_then(|r| references.direct_bureau_of(r, today));
    let kinds = references.needs(bureau, &basics.clause, today);
    BASICS_FIELDS
        .iter()
        .map(|f| NamedField::new(Part::Basics, f.0))
        .chain(ITEM_FIELDS.iter().map(|f| NamedField::new(Part::Items, f.0)))
        .chain(kinds.iter().map(|k| NamedField::new(Part::Attachments, k.0.as_str())))
        .collect()
}

fn part_choices(app: &App, application: &Application, data: &FormData, item_count: i64) -> Vec<PartChoice> {
    let references = app.references.now();
    let fields = fields(app, application);
    let choice = |part: &Part| PartChoice {
        part: *part,
        is_ticked: data.all("part").any(|v| v == part.word()),
        fields: fields
            .iter()
            .filter(|f| f.part == *part)
            .map(|f| {
                let value = f.to_string();
                FieldChoice {
                    is_ticked: data.all("field").any(|v| v == value),
                    value,
                    label: correction::label(&references, f),
                    numbers_name: numbers_name(f),
                    numbers: numbers_of(data, f).to_owned(),
                }
            })
            .collect(),
        names_products: *part == Part::Items && item_count > 1,
    };
    Part::ALL.iter().map(choice).collect()
}

/// 办理, and 接手 from a colleague with a reason.
pub async fn take(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &officer.scope(), id, app.now()).await?;
    if came_too_late(&officer, &application, &form) {
        drop(tx);
        return overtaken(&app, &officer, &application, form).await;
    }
    if !policy::may_handle(officer.actor(), &application.ownership) {
        return Err(not_yours(&officer, &application));
    }
    let me = officer.user.account;
    match application.ownership.handler {
        Some(holder) if holder == me => {}
        Some(holder) => {
            let holder = db::account::actor(&tx, holder).await?.name().to_owned();
            let reason = match taking::reason(&form, "该单据", &holder) {
                Ok(reason) => reason,
                Err(errors) => {
                    drop(tx);
                    return again(&app, &officer, &application, form, errors).await;
                }
            };
            db::application::take_over(&tx, &application, me, &reason, &officer.by(), app.now()).await?;
        }
        None => db::application::take(&tx, &application, me, &officer.by(), app.now()).await?,
    }
    // What he had typed before a colleague took the case is not lost.
    let mut done = "该单据已由您办理。";
    if form.pairs().iter().any(|(k, _)| k.starts_with(CARRIED))
        && let Some(post) = application.state().post()
    {
        draft::keep(&tx, &app, &officer, (id, post), &typed_decision(&form)).await?;
        done = "该单据已由您办理，您此前填写的内容已暂存，请核对后提交意见。";
    }
    tx.commit().await?;
    Ok(flash::to(&app.key, app.config.is_https(), &opened_from(id, &form, &officer), done))
}

/// 放弃办理: the case goes back to its post.
pub async fn release(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &officer.scope(), id, app.now()).await?;
    if application.ownership.handler != Some(officer.user.account) {
        let now = format!("{}该单据目前不由您办理，无需放弃。", stands(&tx, &application).await?);
        let about = (Subject::Application(id), &form);
        let href = opened_from(id, &form, &officer);
        return Err(overtaken::answer(&tx, &app, officer.user.account, about, &now, &href).await);
    }
    db::application::release(&tx, &application, officer.user.account, &officer.by(), app.now()).await?;
    tx.commit().await?;
    Ok(flash::to(
        &app.key,
        app.config.is_https(),
        &opened_from(id, &form, &officer),
        "已放弃办理，本岗其他人员可以办理。",
    ))
}

/// Why this officer may not decide here: the state, the bureau, the post, or the four eyes.
pub fn not_yours(officer: &BureauOfficer, application: &Application) -> AppError {
    let of = &application.ownership;
    if policy::is_second_look_of_first_reviewer(officer.actor(), of) {
        return AppError::Forbidden("该申请的初审由您办理，终审须由另一人办理。请由本局其他终审人员办理。".to_owned());
    }
    match of.state.post() {
        None => AppError::Conflict(format!("申请单当前状态为“{}”，没有需要办理的岗位。", of.state.label())),
        Some(post) if of.current_bureau.as_ref() != Some(&officer.user.bureau) => {
            AppError::Forbidden(format!("该申请的{}由其他检验检疫局办理，您可以查看，不能办理。", post.label()))
        }
        Some(post) => AppError::Forbidden(format!(
            "该申请在{}岗，您没有该岗位的权限。需要办理时，请联系本局系统管理员配置岗位。",
            post.label()
        )),
    }
}

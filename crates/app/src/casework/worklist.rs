//! 待办: what the officer has taken, what waits at a post of his bureau, or at all of them; the longest waiting first.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use db::params;
use domain::actor::Post;
use domain::calendar::Pace;
use domain::ids::{AccountId, ApplicationId, BureauCode};
use domain::policy::{self, Ownership};
use domain::time::Instant;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FormData, FormView, parse_urlencoded};
use kit::paging::SIZES;
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::selection::{self, Place, Selection, Whose};
use crate::frame::{self, Entry};
use crate::parts::calendar;
use crate::parts::status::Status;
use crate::parts::waiting::Waiting;

struct CaseRow {
    id: ApplicationId,
    href: String,
    number: String,
    applicant: String,
    clause: String,
    arrived: String,
    waiting: Waiting,
    status: Status,
    holder: Option<String>,
    is_mine: bool,
    is_corrected: bool,
    /// He may take, give back or reassign it.
    selectable: bool,
}

/// A list that the officer may go to.
struct Tab {
    label: &'static str,
    href: String,
    is_current: bool,
}

/// A filter that he saved.
struct Saved {
    name: String,
    href: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "casework/worklist.html")]
struct WorklistPage {
    shell: Shell,
    /// What is not known of the working days that the clocks count; empty = nothing.
    calendar_note: String,
    whose: Whose,
    post: Option<Post>,
    form: FormView,
    tabs: Vec<Tab>,
    saved: Vec<Saved>,
    rows: Vec<CaseRow>,
    total: i64,
    overdue: i64,
    due: i64,
    /// The addresses of 超期 and 临期, with the other filters kept.
    overdue_href: String,
    due_href: String,
    term: Option<(u32, u32)>,
    query: String,
    bare: String,
    first_page: Option<String>,
    previous: Option<String>,
    next: Option<String>,
    /// The sizes on offer, with their addresses; none while the list fits the smallest.
    sizes: Vec<(i64, String)>,
    size: i64,
    /// The first case of the page that he may decide.
    open_next: Option<String>,
    posts: Vec<Choice>,
    clauses: Vec<Choice>,
    paces: Vec<Choice>,
    takings: [Choice; 2],
    is_filtered: bool,
    is_saved: bool,
    /// The page of the saved filters, with this one to be saved unless it is.
    save_href: String,
    may_take: bool,
    may_reassign: bool,
}

impl WorklistPage {
    fn is_termination(&self) -> bool {
        self.whose == Whose::Post && self.post == Some(Post::Terminate)
    }
}

#[derive(db::Row)]
struct Counted {
    kind: i64,
    id: i64,
    name: String,
    query: String,
    overdue: i64,
    due: i64,
}

#[derive(db::Row)]
struct Columns {
    id: ApplicationId,
    number: Option<String>,
    applicant_name: String,
    clause_code: String,
    arrived_at: Option<Instant>,
    waiting_since: Instant,
    state: S,
    owner_id: AccountId,
    current_bureau: Option<BureauCode>,
    receiving_bureau: Option<BureauCode>,
    return_post: Option<Post>,
    first_reviewer_id: Option<AccountId>,
    handler_id: Option<AccountId>,
    handler_name: Option<String>,
    four_eyes: Option<bool>,
}

/// The list. Without any query it opens with the filter that the officer made his default.
pub async fn list(
    State(app): State<App>,
    officer: BureauOfficer,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let query = query.unwrap_or_default();
    if query.is_empty()
        && let Some(own) =
            db::saved_filter::of(&app.db.read(), officer.user.account).await?.iter().find(|f| f.is_default)
        // The post of the filter may have been taken from him since.
        && Selection::carried(&own.query, &officer.user).is_some()
    {
        return Ok(page::see_other(&format!("/casework?{}", own.query)));
    }
    let asked = parse_urlencoded(query.as_bytes());
    let place = |name: &str| asked.get(name).parse::<Place>().ok();
    let (after, before) = (place("after"), place("before"));
    let size = asked.get("size").trim().parse().ok().filter(|s| SIZES.contains(s)).unwrap_or(20);
    let selection = Selection::of(asked, &officer.user)?;
    let (conditions, errors) = selection.conditions(&app, &officer.user);
    let read = app.db.read();

    // One statement: how many, how many of them are late, and the filters that he saved.
    let n = conditions.next();
    let sum = |pace| {
        format!("CAST(COALESCE(SUM(CASE WHEN {} THEN 1 ELSE 0 END), 0) AS BIGINT)", selection::pace_sql(&app, pace))
    };
    let sql = format!(
        "SELECT CAST(0 AS BIGINT) AS kind, COUNT(*) AS id, '' AS name, '' AS query, {} AS overdue, {} AS due FROM application a{} \
         UNION ALL SELECT 1, f.id, f.name, f.query, 0, 0 FROM saved_filter f WHERE f.account_id = ${n}",
        sum(Pace::Overdue),
        sum(Pace::Due),
        conditions.sql()
    );
    let mut counted: Vec<Counted> = read.rows(&sql, conditions.values(params![officer.user.account])).await?;
    counted.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    let (total, overdue, due) = counted.iter().find(|c| c.kind == 0).map_or((0, 0, 0), |c| (c.id, c.overdue, c.due));

    let (found, pages) = rows_of(&app, conditions, after, before, size).await?;
    let current = selection.query();
    let references = app.references.now();
    let me = officer.user.account;
    let mut rows = Vec::with_capacity(found.len());
    let mut open_next = None;
    for c in found {
        let of = Ownership {
            owner: c.owner_id,
            entered_by_bureau: None,
            state: c.state,
            current_bureau: c.current_bureau,
            handler: c.handler_id,
            first_reviewer: c.first_reviewer_id,
            four_eyes: c.four_eyes.unwrap_or(true),
            receiving_bureau: c.receiving_bureau,
        };
        let href = selection::address(c.id, &current);
        let may_handle = policy::may_handle(officer.actor(), &of);
        if open_next.is_none() && may_handle && of.handler.is_none_or(|h| h == me) {
            open_next = Some(href.clone());
        }
        rows.push(CaseRow {
            id: c.id,
            href,
            number: c.number.unwrap_or_default(),
            applicant: c.applicant_name,
            clause: references.clause_name(&c.clause_code).to_owned(),
            arrived: c.arrived_at.map(Instant::china).unwrap_or_default(),
            waiting: Waiting::of(&references, c.state.post(), c.waiting_since, app.now()),
            status: Status::of(c.state),
            is_mine: c.handler_id == Some(me),
            is_corrected: c.state.post().is_some() && c.return_post == c.state.post(),
            selectable: may_handle || policy::may_reassign(officer.actor(), &of),
            holder: c.handler_name,
        });
    }
    let entry = match (selection.whose, selection.post) {
        (Whose::Post, Some(post)) => Entry::Post(post),
        (Whose::Mine, _) => Entry::MyCases,
        (Whose::Bureau | Whose::Post, _) => Entry::BureauCases,
    };
    let title = match (selection.whose, selection.post) {
        (Whose::Mine, _) => "我的待办".to_owned(),
        (Whose::Post, Some(post)) => format!("{}待办", post.label()),
        (Whose::Bureau | Whose::Post, _) => "本局待办".to_owned(),
    };
    let saved: Vec<_> = counted
        .into_iter()
        .filter(|c| c.kind == 1)
        .map(|c| Saved { is_current: c.query == current, href: format!("/casework?{}", c.query), name: c.name })
        .collect();
    let at = |more: &[(&str, &str)]| format!("/casework?{}", selection.query_with(more));
    let turned = |name, place: Option<Place>| place.map(|p| at(&[(name, &p.to_string())]));
    let with = |pace: Pace| {
        let mut data = selection.form();
        data.set("pace", pace.word());
        address_of(&data)
    };
    let page = WorklistPage {
        shell: frame::signed(&app, &officer, &title, entry, &[]).await?,
        calendar_note: calendar::note_of_today(&app),
        whose: selection.whose,
        post: selection.post,
        form: FormView::new(selection.form(), errors, &officer.caller.csrf),
        tabs: tabs(&officer, &selection),
        save_href: save_href(&current, saved.iter().any(|s| s.is_current)),
        is_saved: saved.iter().any(|s| s.is_current),
        saved,
        total,
        overdue,
        due,
        overdue_href: with(Pace::Overdue),
        due_href: with(Pace::Due),
        term: selection.post.and_then(|p| references.term(p)).map(|t| (t.term_days, t.amber_days)),
        bare: selection.bare(),
        first_page: pages.previous.map(|_| at(&[])),
        previous: turned("before", pages.previous),
        next: turned("after", pages.next),
        sizes: if total > SIZES[0] { sizes(&selection) } else { Vec::new() },
        size,
        may_take: rows.iter().any(|r| r.selectable && (r.is_mine || r.holder.is_none())),
        may_reassign: rows.iter().any(|r| r.selectable) && officer.user.posts.holds(Post::BureauAdmin)
            || rows.iter().any(|r| r.is_mine),
        rows,
        open_next,
        posts: Post::COURSE.into_iter().map(|p| Choice::new(p.word(), p.label())).collect(),
        clauses: references.clause_choices(app.clock.today()),
        paces: Pace::ALL.iter().map(|p| Choice::new(p.word(), p.label())).collect(),
        takings: [Choice::new("no", "未办理"), Choice::new("yes", "已有人办理")],
        is_filtered: selection.is_filtered(),
        query: current,
    };
    if page.form.errors.is_empty() { page::render(&page) } else { page::unprocessable(&page) }
}

fn save_href(query: &str, is_saved: bool) -> String {
    if is_saved {
        return "/casework/saved-filters".to_owned();
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("query", query).finish();
    format!("/casework/saved-filters?{query}")
}

/// Where the neighbouring pages begin.
struct Pages {
    previous: Option<Place>,
    next: Option<Place>,
}

/// The rows after a place, before one, or the first ones: found in the index that holds their order.
async fn rows_of(
    app: &App,
    conditions: db::search::Conditions,
    after: Option<Place>,
    before: Option<Place>,
    size: i64,
) -> Result<(Vec<Columns>, Pages), AppError> {
    let backwards = after.is_none() && before.is_some();
    let conditions = match (after, before) {
        (Some(p), _) => conditions.and("(a.waiting_since, a.id) > (?, ?)", params![p.since, p.id]),
        (None, Some(p)) => conditions.and("(a.waiting_since, a.id) < (?, ?)", params![p.since, p.id]),
        (None, None) => conditions,
    };
    let order = if backwards { "a.waiting_since DESC, a.id DESC" } else { "a.waiting_since, a.id" };
    let sql = format!(
        "SELECT a.id, a.number, a.applicant_name, a.clause_code, a.arrived_at, a.waiting_since, a.state, a.owner_id, \
         a.current_bureau, a.receiving_bureau, a.return_post, a.first_reviewer_id, a.handler_id, \
         (SELECT c.display_name FROM account c WHERE c.id = a.handler_id) AS handler_name, \
         (SELECT b.four_eyes FROM bureau b WHERE b.code = a.current_bureau) AS four_eyes \
         FROM application a{} ORDER BY {order} LIMIT {}",
        conditions.sql(),
        size + 1
    );
    let mut found: Vec<Columns> = app.db.read().rows(&sql, conditions.values(vec![])).await?;
    let more = i64::try_from(found.len()).unwrap_or(i64::MAX) > size;
    if more {
        found.pop();
    }
    if backwards {
        found.reverse();
    }
    let place = |c: Option<&Columns>| c.map(|c| Place { since: c.waiting_since, id: c.id });
    let (has_previous, has_next) = if backwards { (more, true) } else { (after.is_some(), more) };
    let pages = Pages {
        previous: place(found.first()).filter(|_| has_previous),
        next: place(found.last()).filter(|_| has_next),
    };
    Ok((found, pages))
}

/// The list that these pairs ask for.
fn address_of(data: &FormData) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(data.pairs()).finish();
    format!("/casework?{query}")
}

fn sizes(selection: &Selection) -> Vec<(i64, String)> {
    SIZES
        .iter()
        .map(|size| {
            let mut data = selection.form();
            data.set("size", &size.to_string());
            (*size, address_of(&data))
        })
        .collect()
}

/// 我的, 本岗 of each post that he holds, 本局.
fn tabs(officer: &BureauOfficer, selection: &Selection) -> Vec<Tab> {
    let held = Post::COURSE.into_iter().filter(|p| officer.user.posts.holds(*p));
    let mut tabs = Vec::new();
    let tab = |label, query: &str, is_current| Tab { label, href: format!("/casework?{query}"), is_current };
    if selection::has_desk(&officer.user) {
        tabs.push(tab("我的", "scope=mine", selection.whose == Whose::Mine));
    }
    for post in held {
        let is_current = selection.whose == Whose::Post && selection.post == Some(post);
        tabs.push(tab(post.label(), &format!("post={}", post.word()), is_current));
    }
    tabs.push(tab("本局", "scope=bureau", selection.whose == Whose::Bureau));
    tabs
}

/// At most so many cases are ticked at once: as many as the largest page shows.
const MOST: usize = 50;

/// The cases that are ticked, in the order in which they are locked; a sentence when there is none.
pub fn ticked(form: &FormData) -> Result<Vec<ApplicationId>, AppError> {
    let mut ids: Vec<ApplicationId> = form.all("case").filter_map(|id| id.parse().ok()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Err(AppError::Invalid("请先在列表中勾选单据，再点击按钮。".to_owned()));
    }
    if ids.len() > MOST {
        return Err(AppError::Invalid(format!("一次最多勾选 {MOST} 件单据，请分几次办理。")));
    }
    Ok(ids)
}

/// The list from which a form was sent.
fn back(form: &FormData, officer: &BureauOfficer) -> String {
    Selection::carried(form.get("list"), &officer.user)
        .map_or_else(|| "/casework?scope=mine".to_owned(), |s| format!("/casework?{}", s.query()))
}

/// 办理所选: takes the ticked cases that nobody has. Of the others it says who has them.
pub async fn take(
    State(app): State<App>,
    officer: BureauOfficer,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let ids = ticked(&form)?;
    let me = officer.user.account;
    let (mut taken, mut left) = (0, Vec::new());
    let tx = app.db.begin().await?;
    for id in ids {
        let application = db::application::load_for_update(&tx, &officer.scope(), id, app.now()).await?;
        let number = application.number.clone().unwrap_or_default();
        let of = &application.ownership;
        if let Some(holder) = of.handler.filter(|h| *h != me) {
            left.push(format!("{number} 由 {} 办理", db::account::actor(&tx, holder).await?.name()));
        } else if !policy::may_handle(officer.actor(), of) {
            left.push(format!("{number} 不能由您办理"));
        } else if of.handler.is_none() {
            db::application::take(&tx, &application, me, &officer.by(), app.now()).await?;
            taken += 1;
        }
    }
    tx.commit().await?;
    let mut done = format!("已由您办理 {taken} 件单据。");
    if !left.is_empty() {
        done = format!("{done}未办理 {} 件：{}。", left.len(), left.join("，"));
    }
    Ok(flash::to(&app.key, app.config.is_https(), &back(&form, &officer), &done))
}

/// 放弃所选: gives the ticked cases that he has back to their posts.
pub async fn release(
    State(app): State<App>,
    officer: BureauOfficer,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let ids = ticked(&form)?;
    let me = officer.user.account;
    let (mut released, mut others) = (0, 0);
    let tx = app.db.begin().await?;
    for id in ids {
        let application = db::application::load_for_update(&tx, &officer.scope(), id, app.now()).await?;
        if application.ownership.handler == Some(me) {
            db::application::release(&tx, &application, me, &officer.by(), app.now()).await?;
            released += 1;
        } else {
            others += 1;
        }
    }
    tx.commit().await?;
    let mut done = format!("已放弃办理 {released} 件单据，本岗其他人员可以办理。");
    if others > 0 {
        done = format!("{done}另有 {others} 件不由您办理，没有变化。");
    }
    Ok(flash::to(&app.key, app.config.is_https(), &back(&form, &officer), &done))
}

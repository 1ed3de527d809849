//! 证明修改: what waits at 证明修改批准 and 证明修改确认, and what is with the enterprises.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::application::NEVER;
use db::keyset::{Column, Direction, Keyset};
use db::params;
use db::search::Conditions;
use domain::actor::Post;
use domain::certificate::AmendmentState;
use domain::ids::{AccountId, AmendmentId};
use domain::text;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::reference::ReferenceCache;
use kit::session::BureauOfficer;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::desks::Desk;
use crate::parts::waiting::Waiting;

/// The states that are worked on, in the order of the tabs.
const TABS: [AmendmentState; 4] =
    [AmendmentState::Requested, AmendmentState::Submitted, AmendmentState::Opened, AmendmentState::SentBack];

/// The tab, and the filter.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    state: String,
    /// `1`: those that he has taken.
    #[serde(default)]
    mine: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
    #[serde(default)]
    place: String,
}

struct Tab {
    state: AmendmentState,
    label: &'static str,
    n: i64,
}

struct Row {
    id: AmendmentId,
    number: String,
    applicant: String,
    since: String,
    valid_to: String,
    reason: String,
    waiting: Waiting,
    holder: Option<String>,
    is_mine: bool,
}

#[derive(Template)]
#[template(path = "amendment/amendments.html")]
struct WorklistPage {
    shell: Shell,
    form: FormView,
    state: AmendmentState,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    pager: Pager,
    is_filtered: bool,
    /// Only those that he has taken, and how many these are.
    mine: bool,
    n_mine: i64,
    may_open: bool,
}

impl WorklistPage {
    const fn heading(&self) -> &'static str {
        if self.mine { "由我办理" } else { label_of(self.state) }
    }
}

const fn label_of(state: AmendmentState) -> &'static str {
    match state {
        AmendmentState::Requested => "待批准",
        AmendmentState::Submitted => "待确认",
        AmendmentState::Opened => "企业修改中",
        AmendmentState::SentBack => "退回重新修改",
        AmendmentState::Confirmed | AmendmentState::Cancelled | AmendmentState::Refused => state.label(),
    }
}

/// Since when it waits.
const SINCE: &str = "CASE m.state WHEN 'requested' THEN m.requested_at WHEN 'opened' THEN m.opened_at \
                     WHEN 'submitted' THEN m.submitted_at ELSE m.decided_at END";
/// The longest waiting first.
const ORDER: Keyset = Keyset(&[
    (
        Column::Number(
            "COALESCE(CASE m.state WHEN 'requested' THEN m.requested_at WHEN 'opened' THEN m.opened_at \
             WHEN 'submitted' THEN m.submitted_at ELSE m.decided_at END, 0)",
        ),
        Direction::Ascending,
    ),
    (Column::Number("m.id"), Direction::Ascending),
]);

/// The list of one tab, what came first on top.
pub async fn list(
    State(app): State<App>,
    officer: BureauOfficer,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    if !Desk::Amendments.is_of(&officer.user) {
        let why = "您没有证明修改批准岗、证明修改确认岗的权限。需要办理时，请联系本局系统管理员配置岗位。";
        return Err(AppError::Forbidden(why.to_owned()));
    }
    let may_open = officer.user.posts.holds(Post::AmendApprove);
    let first = if may_open { AmendmentState::Requested } else { AmendmentState::Submitted };
    let asked = filters.state.parse::<AmendmentState>().ok().filter(|s| TABS.contains(s));
    let state = asked.unwrap_or(first);
    let bureau = officer.user.bureau.clone();
    let read = app.db.read();

    #[derive(db::Row)]
    struct Counted {
        state: AmendmentState,
        n: i64,
        mine: i64,
    }
    let counted: Vec<Counted> = read
        .rows(
            "SELECT state, COUNT(*) AS n, CAST(SUM(CASE WHEN handler_id = $2 THEN 1 ELSE 0 END) AS BIGINT) AS mine \
             FROM certificate_amendment WHERE bureau_code = $1 \
             AND state IN ('requested', 'submitted', 'opened', 'sent_back') GROUP BY state",
            params![bureau.clone(), officer.user.account],
        )
        .await?;
    let n_mine = counted.iter().map(|c| c.mine).sum();
    let mine = filters.mine == "1";
    let n_of = |s: AmendmentState| counted.iter().find(|c| c.state == s).map_or(0, |c| c.n);

    let mut conditions = if mine {
        Conditions::new().and("m.bureau_code = ? AND m.handler_id = ?", params![bureau, officer.user.account])
    } else {
        Conditions::new().and("m.bureau_code = ? AND m.state = ?", params![bureau, state])
    };
    let number = text::half_width(filters.number.trim());
    let mut total = if mine { n_mine } else { n_of(state) };
    if !number.is_empty() {
        conditions = conditions.and("c.number LIKE ? ESCAPE '\\'", params![like(&number)]);
        let sql = format!(
            "SELECT COUNT(*) FROM certificate_amendment m JOIN certificate c ON c.id = m.certificate_id{}",
            conditions.sql()
        );
        total = read.number(&sql, conditions.values(vec![])).await?;
    }
    let pairs = [if mine { ("mine", "1") } else { ("state", state.word()) }, ("number", filters.number.as_str())];
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), place: filters.place.clone() };
    let pager = Pager::new(&query, total, "/amendments", &pairs);

    #[derive(db::Row)]
    struct Columns {
        id: AmendmentId,
        number: String,
        applicant_name: String,
        valid_to: String,
        request_reason: String,
        call_note: String,
        reason: String,
        since: Option<Instant>,
        state: AmendmentState,
        handler_id: Option<AccountId>,
        handler_name: Option<String>,
    }
    let columns = format!(
        "m.id, c.number, a.applicant_name, c.valid_to, m.request_reason, m.call_note, m.reason, m.state, m.handler_id, \
         (SELECT h.display_name FROM account h WHERE h.id = m.handler_id) AS handler_name, {SINCE} AS since"
    );
    let tables = "certificate_amendment m JOIN certificate c ON c.id = m.certificate_id \
                  JOIN application a ON a.id = c.application_id";
    let found = ORDER.page::<Columns>(read, (&columns, tables), &conditions, &pager.asked()).await?;
    let pager = pager.around(&found);
    let references = app.references.now();
    let rows = found
        .rows
        .into_iter()
        .map(|c| Row {
            id: c.id,
            number: c.number,
            applicant: c.applicant_name,
            since: c.since.map(Instant::china).unwrap_or_default(),
            waiting: waiting(&references, c.state, c.since, app.now()),
            is_mine: c.handler_id == Some(officer.user.account),
            holder: c.handler_name,
            valid_to: c.valid_to,
            reason: [c.reason, c.request_reason, c.call_note].into_iter().find(|r| !r.is_empty()).unwrap_or_default(),
        })
        .collect();
    let data = FormData::from_pairs(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    page::render(&WorklistPage {
        shell: frame::signed(&app, &officer, "证明修改", Entry::Amendments, &[]).await?,
        form: FormView::new(data, FieldErrors::default(), &officer.caller.csrf),
        state,
        tabs: TABS.into_iter().map(|s| Tab { state: s, label: label_of(s), n: n_of(s) }).collect(),
        rows,
        pager,
        is_filtered: !number.is_empty(),
        mine,
        n_mine,
        may_open,
    })
}

/// How long it has waited at the post; the clock stands while the enterprise mends it.
fn waiting(references: &ReferenceCache, state: AmendmentState, since: Option<Instant>, now: Instant) -> Waiting {
    let post = match state {
        AmendmentState::Requested => Some(Post::AmendApprove),
        AmendmentState::Submitted => Some(Post::AmendConfirm),
        AmendmentState::Opened
        | AmendmentState::SentBack
        | AmendmentState::Confirmed
        | AmendmentState::Cancelled
        | AmendmentState::Refused => None,
    };
    Waiting::of(references, post, since.filter(|_| post.is_some()).unwrap_or(NEVER), now)
}

/// Contains this; `%`, `_` and `\` are literal (D27).
fn like(text: &str) -> String {
    let literal = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{literal}%")
}

//! 逾期证明: every certificate with its next duty and date, the longest overdue first; for the bureau that supervises, and
//! for the enterprise whose they are.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::search::{Conditions, Field};
use db::{params, scope};
use domain::actor::{Actor, Post};
use domain::certificate::{CertificateState, Validity};
use domain::ids::{ApplicationId, ClauseCode};
use domain::supervision::{
    CLOSING_DAYS, Fate, REVIEW_DAYS, SupervisionFacts, TEMPORARY_DAYS, UNACCOUNTED_DAYS, UNWRITTEN_DAYS,
};
use domain::time::{Day, Instant};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::Signed;
use kit::shell::Shell;

use crate::frame::{self, Entry};

/// What is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// Nothing is written off.
    Unwritten,
    /// Goods are written off and nobody says what became of them.
    Unaccounted,
    /// The same where the clause asks for 退运 or 销毁.
    Leaving,
    /// All is said: 监管完结 or the judgement of records is the bureau's duty.
    Accounted,
}

impl Group {
    const ALL: [Self; 4] = [Self::Unwritten, Self::Unaccounted, Self::Leaving, Self::Accounted];

    const fn word(self) -> &'static str {
        match self {
            Self::Unwritten => "unwritten",
            Self::Unaccounted => "unaccounted",
            Self::Leaving => "leaving",
            Self::Accounted => "accounted",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Unwritten => "未核销",
            Self::Unaccounted => "已核销未说明去向",
            Self::Leaving => "应退运或销毁",
            Self::Accounted => "待监管完结",
        }
    }

    /// What may be overdue, and the order: the oldest first.
    const fn sql(self) -> (&'static str, &'static str) {
        match self {
            Self::Unwritten => ("c.written_lines = 0 AND c.state IN ('valid', 'amending')", "c.issued_at, c.id"),
            Self::Unaccounted | Self::Leaving => ("c.unaccounted_lines > 0", "c.written_at, c.id"),
            Self::Accounted => {
                ("c.written_lines > 0 AND c.unaccounted_lines = 0 AND c.supervision_closed_at IS NULL", "c.id")
            }
        }
    }

    /// Only what is overdue: the same as a day of [`SupervisionFacts::next_duty`] that has passed.
    fn overdue(self, conditions: Conditions, app: &App) -> Conditions {
        let today = app.clock.today();
        // The last day of a duty is its own until midnight.
        let before = |days: i64| today.plus_days(-days).start_instant();
        match self {
            Self::Unwritten => conditions.and("c.issued_at < ?", params![before(UNWRITTEN_DAYS)]),
            Self::Unaccounted | Self::Leaving => {
                let (temporary, mut values) = one_of(app, |fate| fate == Fate::Return);
                let sql = format!(
                    "c.written_at < CASE WHEN {temporary} THEN CAST(? AS BIGINT) ELSE CAST(? AS BIGINT) END \
                     AND (a.display_to IS NULL OR a.display_to < ?)"
                );
                values.extend(params![before(TEMPORARY_DAYS), before(UNACCOUNTED_DAYS), today]);
                conditions.and(&sql, values)
            }
            Self::Accounted => conditions.and(
                "(EXISTS (SELECT 1 FROM usage_record r WHERE r.certificate_id = c.id AND r.state = 'submitted' \
                 AND r.submitted_at < ?) OR (c.written_at < ? AND NOT EXISTS (SELECT 1 FROM usage_record r \
                 WHERE r.certificate_id = c.id AND (r.state = 'submitted' OR r.decided_at >= ?)) \
                 AND (c.open_lines = 0 OR c.state <> 'valid' OR c.valid_to < ?)))",
                params![
                    before(REVIEW_DAYS),
                    before(CLOSING_DAYS),
                    before(CLOSING_DAYS),
                    today.plus_days(-CLOSING_DAYS)
                ],
            ),
        }
    }
}

/// A condition on 免办条款: those whose goods have such a fate.
fn one_of(app: &App, is_meant: impl Fn(Fate) -> bool) -> (String, Vec<db::Value>) {
    let references = app.references.now();
    let codes: Vec<_> = references.clauses.iter().map(|c| &c.code).filter(|c| is_meant(references.fate(c))).collect();
    if codes.is_empty() {
        return ("1 = 0".to_owned(), params![]);
    }
    let marks = vec!["?"; codes.len()].join(", ");
    (format!("a.clause_code IN ({marks})"), codes.into_iter().map(|c| db::Value::from(c.clone())).collect())
}

/// The group, the filters, and whether only what is overdue.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    group: String,
    #[serde(default)]
    due: String,
    #[serde(default)]
    certificate_no: String,
    #[serde(default)]
    applicant: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

struct BoardRow {
    application: ApplicationId,
    certificate: i64,
    number: String,
    applicant: String,
    clause: String,
    issued: String,
    valid_to: String,
    written: String,
    duty: &'static str,
    due: String,
    late: Option<i64>,
}

#[derive(Template)]
#[template(path = "supervision/overdue_certificates.html")]
struct BoardPage {
    shell: Shell,
    form: FormView,
    group: Group,
    only_overdue: bool,
    choices: Vec<Choice>,
    rows: Vec<BoardRow>,
    pager: Pager,
    is_officer: bool,
    is_filtered: bool,
}

#[derive(db::Row)]
struct Columns {
    application_id: ApplicationId,
    certificate_id: i64,
    number: String,
    applicant_name: String,
    clause_code: String,
    state: CertificateState,
    valid_from: Day,
    valid_to: Day,
    issued_at: Instant,
    written_lines: i64,
    open_lines: i64,
    unaccounted_lines: i64,
    waiting_since: Option<Instant>,
    judged_at: Option<Instant>,
    written_at: Option<Instant>,
    display_to: Option<Day>,
}

const COLUMNS: &str = "a.id AS application_id, c.id AS certificate_id, c.number, a.applicant_name, a.clause_code, \
    c.state, c.valid_from, c.valid_to, c.issued_at, c.written_lines, c.open_lines, c.unaccounted_lines, \
    (SELECT MIN(r.submitted_at) FROM usage_record r WHERE r.certificate_id = c.id AND r.state = 'submitted') \
    AS waiting_since, (SELECT MAX(r.decided_at) FROM usage_record r WHERE r.certificate_id = c.id) AS judged_at, \
    c.written_at, a.display_to";

/// The board.
pub async fn list(State(app): State<App>, user: Signed, Query(filters): Query<Filters>) -> Result<Response, AppError> {
    let group = Group::ALL.into_iter().find(|g| g.word() == filters.group).unwrap_or(Group::Unaccounted);
    let only_overdue = filters.due != "all";
    let (is_officer, who) = match user.actor() {
        Actor::Enterprise(_) => (false, scope::visible(&user.scope())),
        Actor::Officer(o) if o.posts.holds(Post::Supervise) => {
            (true, Conditions::new().and("c.supervising_bureau = ?", params![o.bureau.clone()]))
        }
        Actor::Officer(_) | Actor::Cnca(_) => {
            let why = "逾期证明由企业和负责后续监管的检验检疫局人员查看。需要办理时，请联系本局系统管理员配置岗位。";
            return Err(AppError::Forbidden(why.to_owned()));
        }
    };
    let (of_group, order) = group.sql();
    let mut conditions = who
        .and(of_group, params![])
        .contain(&[(Field::CertificateNo, &filters.certificate_no), (Field::Applicant, &filters.applicant)]);
    if group == Group::Leaving {
        let (sql, values) = one_of(&app, |fate| fate != Fate::Stay);
        conditions = conditions.and(&sql, values);
    }
    if only_overdue {
        conditions = group.overdue(conditions, &app);
    }
    let from = "FROM certificate c JOIN application a ON a.id = c.application_id";
    let read = app.db.read();
    let total = read.number(&format!("SELECT COUNT(*) {from}{}", conditions.sql()), conditions.values(vec![])).await?;
    let pairs = [
        ("group", group.word()),
        ("due", if only_overdue { "" } else { "all" }),
        ("certificate_no", filters.certificate_no.as_str()),
        ("applicant", filters.applicant.as_str()),
    ];
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone() };
    let pager = Pager::new(&query, total, "/overdue-certificates", &pairs);
    let sql = format!(
        "SELECT {COLUMNS} {from}{} ORDER BY {order} LIMIT {} OFFSET {}",
        conditions.sql(),
        pager.limit(),
        pager.offset()
    );
    let found: Vec<Columns> = read.rows(&sql, conditions.values(vec![])).await?;
    let references = app.references.now();
    let rows = found
        .into_iter()
        .map(|c| {
            let clause = references.clause_name(&c.clause_code).to_owned();
            let fate = references.fate(&ClauseCode::new(c.clause_code.as_str()));
            row(c, clause, fate, app.now())
        })
        .collect();
    let data = FormData::from_pairs(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    let entry = if is_officer { Entry::Overdue } else { Entry::Applications };
    page::render(&BoardPage {
        shell: frame::signed(&app, &user, "逾期证明", entry, &[]).await?,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        group,
        only_overdue,
        choices: vec![Choice::new("", "只看逾期"), Choice::new("all", "全部")],
        rows,
        pager,
        is_officer,
        is_filtered: !filters.certificate_no.is_empty() || !filters.applicant.is_empty(),
    })
}

fn row(c: Columns, clause: String, fate: Fate, now: Instant) -> BoardRow {
    let today = now.china_day();
    let facts = SupervisionFacts {
        state: c.state,
        validity: Validity { from: c.valid_from, to: c.valid_to },
        issued_at: c.issued_at,
        written_lines: c.written_lines,
        open_lines: c.open_lines,
        unaccounted_lines: c.unaccounted_lines,
        waiting_since: c.waiting_since,
        judged_at: c.judged_at,
        written_at: c.written_at,
        display_to: c.display_to,
        closed: false,
    };
    let next = facts.next_duty(fate, now);
    let (duty, due) = next.map_or(("没有待办事项", None), |(duty, due)| (duty.label(), Some(due)));
    let late = due.map(|d| today.start_instant().seconds_since(d.start_instant()) / 86_400).filter(|days| *days > 0);
    BoardRow {
        application: c.application_id,
        certificate: c.certificate_id,
        number: c.number,
        applicant: c.applicant_name,
        clause,
        issued: c.issued_at.china_day().to_string(),
        valid_to: c.valid_to.to_string(),
        written: c.written_at.map(|at| at.china_day().to_string()).unwrap_or_default(),
        duty,
        due: due.map(|d| d.to_string()).unwrap_or_default(),
        late,
    }
}

//! 逾期证明: every duty of every certificate in its tab, with its own day, the longest overdue first; for the bureau that
//! supervises, for 认监委 over the whole country, and for the enterprise whose they are.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::keyset::{Column, Direction, Keyset};
use db::search::{Bearers, COUNTED, Conditions, Field};
use db::{Reader, params, scope};
use domain::actor::{Actor, Post};
use domain::certificate::{CertificateState, Validity};
use domain::ids::{ApplicationId, BureauCode, ClauseCode};
use domain::supervision::{
    CLOSING_DAYS, Duty, Fate, REVIEW_DAYS, SupervisionFacts, TEMPORARY_DAYS, UNACCOUNTED_DAYS, UNWRITTEN_DAYS,
};
use domain::text;
use domain::time::{Day, Instant};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::Signed;
use kit::shell::Shell;

use crate::frame::{self, Entry};

/// The duties of a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// Nothing is written off.
    Unwritten,
    /// Something is left to write off while the certificate holds.
    Rest,
    /// Goods are written off and nobody says what became of them.
    Unaccounted,
    /// The same where the clause asks for 退运 or 销毁.
    Leaving,
    /// Records wait for the judgement of 后续监管.
    Reviewing,
    /// All is said: 监管完结 is the bureau's duty.
    Closing,
}

impl Group {
    const ALL: [Self; 6] =
        [Self::Unwritten, Self::Rest, Self::Unaccounted, Self::Leaving, Self::Reviewing, Self::Closing];

    /// The tab of an address; `accounted` was that of the bureau's duties before they had one each.
    fn of(word: &str) -> Self {
        if word == "accounted" {
            return Self::Closing;
        }
        Self::ALL.into_iter().find(|g| g.word() == word).unwrap_or(Self::Unaccounted)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Unwritten => "unwritten",
            Self::Rest => "rest",
            Self::Unaccounted => "unaccounted",
            Self::Leaving => "leaving",
            Self::Reviewing => "reviewing",
            Self::Closing => "closing",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Unwritten => "未核销",
            Self::Rest => "剩余待核销",
            Self::Unaccounted => "已核销未说明去向",
            Self::Leaving => "应退运或销毁",
            Self::Reviewing => "使用记录待审核",
            Self::Closing => "待监管完结",
        }
    }

    /// The duties that stand in it.
    const fn duties(self) -> &'static [Duty] {
        match self {
            Self::Unwritten => &[Duty::WriteOff],
            Self::Rest => &[Duty::WriteOffRest],
            Self::Unaccounted => &[Duty::Account, Duty::Return, Duty::ReturnOrDestruction],
            Self::Leaving => &[Duty::Return, Duty::ReturnOrDestruction],
            Self::Reviewing => &[Duty::Review],
            Self::Closing => &[Duty::Close],
        }
    }

    /// The order, an index each: the oldest first.
    const fn keys(self) -> Keyset {
        const ID: (Column, Direction) = (Column::Number("c.id"), Direction::Ascending);
        match self {
            Self::Unwritten => Keyset(&[(Column::Number("c.issued_at"), Direction::Ascending), ID]),
            Self::Rest => Keyset(&[(Column::Text("c.valid_to"), Direction::Ascending), ID]),
            Self::Unaccounted | Self::Leaving | Self::Closing => {
                Keyset(&[(Column::Number("c.written_at"), Direction::Ascending), ID])
            }
            Self::Reviewing => Keyset(&[(Column::Number("c.waiting_since"), Direction::Ascending), ID]),
        }
    }

    /// Whose duty it is: exactly those of [`SupervisionFacts::due`], whenever it is due.
    fn owed(self, conditions: Conditions, app: &App) -> Conditions {
        let today = app.clock.today();
        match self {
            Self::Unwritten => conditions.and(
                "c.written_lines = 0 AND c.state IN ('valid', 'amending') AND c.supervision_closed_at IS NULL",
                params![],
            ),
            Self::Rest => conditions.and(
                "c.written_lines > 0 AND c.open_lines > 0 AND c.state = 'valid' AND c.valid_to >= ? \
                 AND c.supervision_closed_at IS NULL",
                params![today],
            ),
            Self::Unaccounted => {
                conditions.and("c.unaccounted_lines > 0 AND c.supervision_closed_at IS NULL", params![])
            }
            Self::Leaving => {
                let (sql, values) = one_of(app, |fate| fate != Fate::Stay);
                Self::Unaccounted.owed(conditions, app).and(&sql, values)
            }
            Self::Reviewing => {
                conditions.and("c.waiting_since IS NOT NULL AND c.supervision_closed_at IS NULL", params![])
            }
            Self::Closing => conditions.and(
                "c.written_lines > 0 AND c.unaccounted_lines = 0 AND c.supervision_closed_at IS NULL \
                 AND c.waiting_since IS NULL AND (c.open_lines = 0 OR c.state <> 'valid' OR c.valid_to < ?)",
                params![today],
            ),
        }
    }

    /// Only what is overdue: the same as a day of [`SupervisionFacts::due`] that has passed.
    fn overdue(self, conditions: Conditions, app: &App) -> Conditions {
        let today = app.clock.today();
        // The last day of a duty is its own until midnight.
        let before = |days: i64| today.plus_days(-days).start_instant();
        match self {
            Self::Unwritten => conditions.and("c.issued_at < ?", params![before(UNWRITTEN_DAYS)]),
            // It ends with the validity and is never late.
            Self::Rest => conditions.and("1 = 0", params![]),
            Self::Unaccounted | Self::Leaving => {
                let (temporary, mut values) = one_of(app, |fate| fate == Fate::Return);
                let sql = format!(
                    "c.written_at < CASE WHEN {temporary} THEN CAST(? AS BIGINT) ELSE CAST(? AS BIGINT) END \
                     AND (a.display_to IS NULL OR a.display_to < ?)"
                );
                values.extend(params![before(TEMPORARY_DAYS), before(UNACCOUNTED_DAYS), today]);
                // Bounds the index whatever the clause.
                conditions.and("c.written_at < ?", params![before(UNACCOUNTED_DAYS)]).and(&sql, values)
            }
            Self::Reviewing => conditions.and("c.waiting_since < ?", params![before(REVIEW_DAYS)]),
            Self::Closing => conditions.and(
                "c.written_at < ? AND (c.judged_at IS NULL OR c.judged_at < ?) \
                 AND (c.open_lines = 0 OR c.state <> 'valid' OR c.valid_to < ?)",
                params![before(CLOSING_DAYS), before(CLOSING_DAYS), today.plus_days(-CLOSING_DAYS)],
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
    /// For 认监委: the bureau that supervises.
    #[serde(default)]
    bureau: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
    #[serde(default)]
    place: String,
}

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Viewer {
    Enterprise,
    Bureau,
    Country,
}

struct BoardRow {
    application: ApplicationId,
    certificate: i64,
    number: String,
    applicant: String,
    bureau: String,
    clause: String,
    issued: String,
    valid_to: String,
    written: String,
    duty: &'static str,
    due: String,
    late: Option<i64>,
}

/// A tab with how many certificates stand in it; none while a text is looked for.
struct Tab {
    group: Group,
    count: Option<String>,
}

#[derive(Template)]
#[template(path = "supervision/overdue_certificates.html")]
struct BoardPage {
    shell: Shell,
    form: FormView,
    group: Group,
    tabs: Vec<Tab>,
    only_overdue: bool,
    choices: Vec<Choice>,
    bureaus: Vec<Choice>,
    rows: Vec<BoardRow>,
    pager: Pager,
    viewer: Viewer,
    is_filtered: bool,
    /// The other filters, for the links of the tabs.
    kept: String,
}

impl BoardPage {
    fn is_officer(&self) -> bool {
        self.viewer == Viewer::Bureau
    }

    fn is_country(&self) -> bool {
        self.viewer == Viewer::Country
    }

    fn is_enterprise(&self) -> bool {
        self.viewer == Viewer::Enterprise
    }

    fn is_rest(&self) -> bool {
        self.group == Group::Rest
    }
}

#[derive(db::Row)]
struct Columns {
    application_id: ApplicationId,
    certificate_id: i64,
    number: String,
    applicant_name: String,
    clause_code: String,
    supervising_bureau: Option<BureauCode>,
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
    c.supervising_bureau, c.state, c.valid_from, c.valid_to, c.issued_at, c.written_lines, c.open_lines, \
    c.unaccounted_lines, c.waiting_since, c.judged_at, c.written_at, a.display_to";
const TABLES: &str = "certificate c JOIN application a ON a.id = c.application_id";
/// The same for a count that looks at nothing of the application.
const CERTIFICATES: &str = "certificate c";
/// A tab says so many at most.
const MOST_OF_TAB: i64 = 999;

/// Whose certificates, and who looks.
fn whose(user: &Signed, filters: &Filters) -> Result<(Viewer, Conditions), AppError> {
    match user.actor() {
        Actor::Enterprise(_) => Ok((Viewer::Enterprise, scope::certificates_of(&user.scope()))),
        Actor::Officer(o) if o.posts.holds(Post::Supervise) => {
            let of_bureau = Conditions::new().and("c.supervising_bureau = ?", params![o.bureau.clone()]);
            Ok((Viewer::Bureau, of_bureau))
        }
        Actor::Cnca(_) if filters.bureau.is_empty() => Ok((Viewer::Country, Conditions::new())),
        Actor::Cnca(_) => {
            let bureau = BureauCode::new(filters.bureau.as_str());
            Ok((Viewer::Country, Conditions::new().and("c.supervising_bureau = ?", params![bureau])))
        }
        Actor::Officer(_) => {
            let why =
                "逾期证明由企业、负责后续监管的检验检疫局人员和认监委查看。需要办理时，请联系本局系统管理员配置岗位。";
            Err(AppError::Forbidden(why.to_owned()))
        }
    }
}

/// How many rows there are, no further than `most`.
async fn count(read: Reader<'_>, tables: &str, conditions: &Conditions, most: i64) -> Result<i64, AppError> {
    let sql =
        format!("SELECT COUNT(*) FROM (SELECT 1 AS one FROM {tables}{} LIMIT {}) counted", conditions.sql(), most + 1);
    Ok(read.number(&sql, conditions.values(vec![])).await?)
}

/// The board.
pub async fn list(State(app): State<App>, user: Signed, Query(filters): Query<Filters>) -> Result<Response, AppError> {
    let group = Group::of(&filters.group);
    let only_overdue = filters.due != "all";
    let (viewer, who) = whose(&user, &filters)?;
    let read = app.db.read();
    let texts = [(Field::CertificateNo, filters.certificate_no.as_str()), (Field::Applicant, &filters.applicant)];
    let by_text = texts.iter().any(|(_, typed)| !text::fold(typed).is_empty());
    let bearers = if by_text && viewer != Viewer::Enterprise { Bearers::of(read, &texts, &[]).await? } else { None };
    let of = |group: Group| {
        let owed = group.owed(who.clone(), &app);
        if only_overdue { group.overdue(owed, &app) } else { owed }
    };
    let conditions = of(group).contain(&texts).of_few("c.application_id", bearers.as_ref());
    let total = count(read, TABLES, &conditions, COUNTED).await?;
    let pairs = [
        ("group", group.word()),
        ("due", if only_overdue { "" } else { "all" }),
        ("certificate_no", filters.certificate_no.as_str()),
        ("applicant", filters.applicant.as_str()),
        ("bureau", if viewer == Viewer::Country { filters.bureau.as_str() } else { "" }),
    ];
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), place: filters.place.clone() };
    let pager = Pager::new(&query, total.min(COUNTED), "/overdue-certificates", &pairs).or_more(total > COUNTED);
    let found = group.keys().page::<Columns>(read, (COLUMNS, TABLES), &conditions, &pager.asked()).await?;
    let pager = pager.around(&found);
    let mut tabs = Vec::new();
    for other in Group::ALL {
        // Only what is overdue, or leaves the country, looks at the application.
        let opens = match other {
            Group::Leaving => true,
            Group::Unaccounted => only_overdue,
            Group::Unwritten | Group::Rest | Group::Reviewing | Group::Closing => false,
        };
        let count = if by_text {
            None
        } else if other == group {
            Some(total)
        } else {
            Some(count(read, if opens { TABLES } else { CERTIFICATES }, &of(other), MOST_OF_TAB).await?)
        };
        let said = |n: i64| if n > MOST_OF_TAB { format!("{MOST_OF_TAB}+") } else { n.to_string() };
        tabs.push(Tab { group: other, count: count.map(said) });
    }
    let references = app.references.now();
    let rows = found
        .rows
        .into_iter()
        .map(|c| {
            let clause = references.clause_name(&c.clause_code).to_owned();
            let fate = references.fate(&ClauseCode::new(c.clause_code.as_str()));
            let bureau = c.supervising_bureau.as_ref().map(|b| references.bureau_name(b).to_owned());
            row(c, (clause, bureau.unwrap_or_default()), (group, fate), app.now())
        })
        .collect();
    let data = FormData::from_pairs(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    let entry = if viewer == Viewer::Enterprise { Entry::Applications } else { Entry::Overdue };
    let others = pairs.iter().skip(1).filter(|(_, v)| !v.is_empty());
    let kept = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(others).finish();
    let bureaus = match viewer {
        Viewer::Country => references.bureaus.iter().map(|b| Choice::new(b.code.as_str(), b.name.as_str())).collect(),
        Viewer::Enterprise | Viewer::Bureau => Vec::new(),
    };
    page::render(&BoardPage {
        shell: frame::signed(&app, &user, "逾期证明", entry, &[]).await?,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        group,
        tabs,
        only_overdue,
        choices: vec![Choice::new("", "只看逾期"), Choice::new("all", "全部")],
        bureaus,
        rows,
        pager,
        viewer,
        is_filtered: by_text,
        kept,
    })
}

fn row(c: Columns, (clause, bureau): (String, String), (group, fate): (Group, Fate), now: Instant) -> BoardRow {
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
    // Its duty in this tab; what else it owes stands in the other ones.
    let own = group.duties().iter().find_map(|d| Some((*d, facts.due(*d, fate, now)?)));
    let (duty, due) = own.map_or(("没有待办事项", None), |(duty, due)| (duty.label(), Some(due)));
    let late = due.map(|d| today.start_instant().seconds_since(d.start_instant()) / 86_400).filter(|days| *days > 0);
    BoardRow {
        application: c.application_id,
        certificate: c.certificate_id,
        number: c.number,
        applicant: c.applicant_name,
        bureau,
        clause,
        issued: c.issued_at.china_day().to_string(),
        valid_to: c.valid_to.to_string(),
        written: c.written_at.map(|at| at.china_day().to_string()).unwrap_or_default(),
        duty,
        due: due.map(|d| d.to_string()).unwrap_or_default(),
        late,
    }
}

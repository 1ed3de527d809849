//! The list behind a number of the statistics: the facts that it counts, page by page.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::search::Conditions;
use db::{Reader, params};
use domain::actor::Post;
use domain::ids::{ApplicationId, BureauCode, ClauseCode};
use domain::policy::{Permit, Reach, ReadStatistics};
use domain::statistics::{FactKind, Outcome};
use domain::time::Instant;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormView};
use kit::page;
use kit::session::Permitted;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::calendar;
use crate::parts::status::Status;
use crate::statistics::figures::{WAITING, at_posts, grouped, overdue};
use crate::statistics::{
    Period, address, bureau_choices, bureau_of, calendar_note, clause_choices, clause_of, data_of,
};

/// Rows on a page.
const SIZE: i64 = 50;

/// What the list is asked for, as its address has it.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    of: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    bureau: String,
    #[serde(default)]
    clause: String,
    #[serde(default)]
    hs_class: String,
    #[serde(default)]
    post: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    late: String,
    #[serde(default)]
    order: String,
    #[serde(default)]
    before: String,
}

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Facts of the past.
    Facts(FactKind),
    /// What lies at the posts now.
    Waiting,
}

impl Of {
    const ALL: [Self; 4] = [
        Self::Facts(FactKind::Submitted),
        Self::Facts(FactKind::Decided),
        Self::Facts(FactKind::Concluded),
        Self::Waiting,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Facts(kind) => kind.word(),
            Self::Waiting => WAITING,
        }
    }

    /// What the list is called.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Facts(FactKind::Submitted) => "提交的申请",
            Self::Facts(FactKind::Decided) => "岗位办理的记录",
            Self::Facts(FactKind::Concluded) => "办结的申请",
            Self::Waiting => "在办的申请",
        }
    }

    /// What its instant is called.
    pub const fn when(self) -> &'static str {
        match self {
            Self::Facts(FactKind::Submitted) => "提交时间",
            Self::Facts(FactKind::Decided) => "办理时间",
            Self::Facts(FactKind::Concluded) => "办结时间",
            Self::Waiting => "到岗时间",
        }
    }

    /// Whether a submission only: nothing is measured.
    pub fn is_submitted(self) -> bool {
        self == Self::Facts(FactKind::Submitted)
    }

    /// Whether it names posts.
    pub const fn has_post(self) -> bool {
        matches!(self, Self::Facts(FactKind::Decided) | Self::Waiting)
    }

    /// Whether it names how it was decided.
    pub const fn has_outcome(self) -> bool {
        matches!(self, Self::Facts(FactKind::Decided | FactKind::Concluded))
    }
}

/// The list, read from its address.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which.
    pub of: Of,
    period: Period,
    bureau: Option<BureauCode>,
    clause: Option<ClauseCode>,
    hs_class: String,
    post: Option<Post>,
    outcome: Option<Outcome>,
    is_late: bool,
    is_longest_first: bool,
}

/// Where a page ends: the next one begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The instant, or the days, of its last row.
    value: i64,
    id: i64,
}

impl Cursor {
    fn parse(typed: &str) -> Option<Self> {
        let (value, id) = typed.split_once('_')?;
        Some(Self { value: value.parse().ok()?, id: id.parse().ok()? })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}", self.value, self.id)
    }
}

impl Filters {
    fn pairs(&self) -> [(&'static str, &str); 10] {
        [
            ("of", &self.of),
            ("from", &self.from),
            ("to", &self.to),
            ("bureau", &self.bureau),
            ("clause", &self.clause),
            ("hs_class", &self.hs_class),
            ("post", &self.post),
            ("outcome", &self.outcome),
            ("late", &self.late),
            ("order", &self.order),
        ]
    }

    fn address(&self, path: &str, more: &[(&'static str, &str)]) -> String {
        let pairs: Vec<_> = self.pairs().into_iter().chain(more.iter().copied()).collect();
        address(path, &pairs)
    }

    /// The filters, read; mistakes beside their fields.
    pub fn read(&self, app: &App, permit: &Permit<ReadStatistics>) -> Result<Asked, FieldErrors> {
        let data = data_of(&self.pairs());
        let mut check = Checker::new(&data);
        let of = check.parse_optional("of", |word| {
            Of::ALL.into_iter().find(|of| of.word() == word).ok_or("没有这种清单，请重新选择")
        });
        let asked = Asked {
            of: of.unwrap_or(Of::Facts(FactKind::Submitted)),
            period: Period::read(app, &mut check),
            bureau: bureau_of(permit, app, &mut check),
            clause: clause_of(app, &mut check),
            hs_class: self.hs_class.trim().to_owned(),
            post: check.parse_optional("post", |word| {
                word.parse().ok().filter(|p| Post::COURSE.contains(p)).ok_or("没有这个岗位，请重新选择")
            }),
            outcome: check.parse_optional("outcome", |word| word.parse().map_err(|_| "没有这种结果，请重新选择")),
            is_late: !self.late.is_empty(),
            is_longest_first: self.order == "longest",
        };
        check.finish()?;
        Ok(asked)
    }
}

/// A row of the list.
#[derive(Debug, Clone, db::Row)]
pub struct Found {
    id: i64,
    /// Which application.
    pub application_id: ApplicationId,
    /// 申请单号.
    pub number: Option<String>,
    /// 申请单位.
    pub applicant_name: String,
    /// Its state now.
    pub state: S,
    /// Which bureau.
    pub bureau_code: BureauCode,
    /// Which clause.
    pub clause_code: String,
    post: String,
    outcome: String,
    /// When.
    pub at: Instant,
    /// From when its service clock counts, of what waits.
    clock: Instant,
    /// Working days on the service clock.
    pub days: i64,
    is_late: i64,
}

impl Found {
    /// The label of its post.
    pub fn post(&self) -> &'static str {
        self.post.parse().map_or("", Post::label)
    }

    /// How it was decided, or ended.
    pub fn outcome(&self) -> &'static str {
        self.outcome.parse().map_or("", Outcome::label)
    }

    /// Whether the term had passed.
    pub const fn is_late(&self) -> bool {
        self.is_late != 0
    }
}

impl Asked {
    fn conditions(&self, app: &App) -> Conditions {
        let kind = match self.of {
            Of::Waiting => {
                let mut out = at_posts(self.bureau.as_ref(), self.clause.as_ref());
                if let Some(post) = self.post {
                    out = out.and("a.current_post = ?", params![post]);
                }
                if self.is_late {
                    out = out.and(&overdue(app), params![]);
                }
                return out;
            }
            Of::Facts(kind) => kind,
        };
        let (from, to) = (self.period.from.start_instant(), self.period.to.end_instant());
        let mut out = Conditions::new()
            .and("f.kind = ? AND f.hs_class = ?", params![kind, self.hs_class.clone()])
            .and("f.at >= ? AND f.at < ?", params![from, to]);
        if let Some(bureau) = &self.bureau {
            out = out.and("f.bureau_code = ?", params![bureau.clone()]);
        }
        if let Some(clause) = &self.clause {
            out = out.and("f.clause_code = ?", params![clause.clone()]);
        }
        if let Some(post) = self.post {
            out = out.and("f.post = ?", params![post.word()]);
        }
        if let Some(outcome) = self.outcome {
            out = out.and("f.outcome = ?", params![outcome.word()]);
        }
        if self.is_late {
            out = out.and("f.is_late = 1", params![]);
        }
        out
    }

    /// How many rows there are: counted in the rows themselves, so that it proves the number of the statistics.
    pub async fn count(&self, app: &App) -> Result<i64, AppError> {
        let conditions = self.conditions(app);
        let source = if self.of == Of::Waiting { "application a" } else { "case_fact f" };
        let sql = format!("SELECT COUNT(*) FROM {source}{}", conditions.sql());
        Ok(app.db.read().number(&sql, conditions.values(vec![])).await?)
    }

    /// The rows behind a place in the list.
    pub async fn page(
        &self,
        app: &App,
        read: Reader<'_>,
        before: Option<Cursor>,
        limit: i64,
    ) -> Result<Vec<Found>, db::DbError> {
        let conditions = self.conditions(app);
        if self.of == Of::Waiting {
            // Who waits longest comes first.
            let conditions = match before {
                Some(c) => conditions.and("(a.arrived_at, a.id) > (?, ?)", params![c.value, c.id]),
                None => conditions,
            };
            let sql = format!(
                "SELECT a.id, a.id AS application_id, a.number, a.applicant_name, a.state, \
                 a.current_bureau AS bureau_code, a.clause_code, a.current_post AS post, '' AS outcome, \
                 a.arrived_at AS at, a.waiting_since AS clock, CAST(0 AS BIGINT) AS days, CAST(0 AS BIGINT) AS is_late \
                 FROM application a{} ORDER BY a.arrived_at, a.id LIMIT {limit}",
                conditions.sql()
            );
            let mut found: Vec<Found> = read.rows(&sql, conditions.values(vec![])).await?;
            let references = app.references.now();
            for row in &mut found {
                // While the enterprise owes an answer the clock stands.
                if row.clock.millis() == i64::MAX {
                    continue;
                }
                let calendar = &references.calendar;
                row.days = calendar.days_taken(row.clock, app.now());
                let term = row.post.parse().ok().and_then(|post| references.term(post));
                let is_late = term.is_some_and(|t| calendar.term_end(row.clock, t.term_days) < app.clock.today());
                row.is_late = i64::from(is_late);
            }
            return Ok(found);
        }
        let by = if self.is_longest_first { "days" } else { "at" };
        let conditions = match before {
            Some(c) => conditions.and(&format!("(f.{by}, f.id) < (?, ?)"), params![c.value, c.id]),
            None => conditions,
        };
        let sql = format!(
            "SELECT p.id, p.application_id, a.number, a.applicant_name, a.state, p.bureau_code, p.clause_code, p.post, \
             p.outcome, p.at, CAST(0 AS BIGINT) AS clock, p.days, p.is_late \
             FROM (SELECT f.* FROM case_fact f{} ORDER BY f.{by} DESC, f.id DESC LIMIT {limit}) p \
             JOIN application a ON a.id = p.application_id ORDER BY p.{by} DESC, p.id DESC",
            conditions.sql()
        );
        read.rows(&sql, conditions.values(vec![])).await
    }

    /// The place of a row in this list.
    pub const fn place(&self, row: &Found) -> Cursor {
        let is_by_days = self.is_longest_first && !matches!(self.of, Of::Waiting);
        Cursor { value: if is_by_days { row.days } else { row.at.millis() }, id: row.id }
    }
}

struct CaseRow {
    href: String,
    number: String,
    applicant: String,
    clause: String,
    bureau: String,
    post: &'static str,
    at: String,
    outcome: &'static str,
    days: i64,
    is_late: bool,
    status: Status,
}

#[derive(Template)]
#[template(path = "statistics/cases.html")]
struct CasesPage {
    shell: Shell,
    form: FormView,
    of: Of,
    kinds: Vec<Choice>,
    bureaus: Vec<Choice>,
    clauses: Vec<Choice>,
    posts: Vec<Choice>,
    outcomes: Vec<Choice>,
    hs_class: String,
    /// What is not known of the working days of the period; empty = nothing.
    calendar_note: String,
    order: String,
    rows: Vec<CaseRow>,
    total: String,
    older: Option<String>,
    newest: Option<String>,
    csv: String,
    xlsx: String,
}

/// The list: four statements whatever the data (session, menu, total, rows).
pub async fn list(
    State(app): State<App>,
    user: Permitted<ReadStatistics>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let (asked, errors) = match filters.read(&app, &user.permit) {
        Ok(asked) => (Some(asked), FieldErrors::default()),
        Err(errors) => (None, errors),
    };
    let is_invalid = !errors.is_empty();
    let of = asked.as_ref().map_or(Of::Facts(FactKind::Submitted), |a| a.of);
    let (total, found) = match &asked {
        Some(asked) => {
            let before = Cursor::parse(&filters.before);
            (asked.count(&app).await?, asked.page(&app, app.db.read(), before, SIZE + 1).await?)
        }
        None => (0, Vec::new()),
    };
    let size = usize::try_from(SIZE).unwrap_or(usize::MAX);
    let older = asked.as_ref().and_then(|asked| {
        let last = found.get(size - 1).filter(|_| found.len() > size)?;
        Some(filters.address("/statistics/cases", &[("before", &asked.place(last).to_string())]))
    });
    let references = app.references.now();
    let is_everywhere = *user.permit.reach() == Reach::Everywhere;
    let rows = found
        .iter()
        .take(size)
        .map(|f| CaseRow {
            href: href(f.application_id, is_everywhere),
            number: f.number.clone().unwrap_or_default(),
            applicant: f.applicant_name.clone(),
            clause: references.clause_name(&f.clause_code).to_owned(),
            bureau: references.bureau(&f.bureau_code).map_or_else(String::new, |b| b.short_name.clone()),
            post: f.post(),
            at: f.at.china(),
            outcome: f.outcome(),
            days: f.days,
            is_late: f.is_late(),
            status: Status::of(f.state),
        })
        .collect();
    let title = of.label();
    let mut shell = frame::signed(&app, &user, title, Entry::Statistics, &[("统计", "/statistics")]).await?;
    shell.error_title = is_invalid;
    let mut data = data_of(&filters.pairs());
    if let Some(asked) = &asked {
        data.set("of", of.word());
        data.set("from", &asked.period.from.to_string());
        data.set("to", &asked.period.to.to_string());
    }
    let page = CasesPage {
        shell,
        form: FormView::new(data, errors, &user.caller.csrf),
        of,
        kinds: Of::ALL.iter().map(|of| Choice::new(of.word(), of.label())).collect(),
        bureaus: bureau_choices(&app, &user.permit),
        clauses: clause_choices(&app),
        posts: Post::COURSE.iter().map(|p| Choice::new(p.word(), p.label())).collect(),
        outcomes: Outcome::ALL.iter().map(|o| Choice::new(o.word(), o.label())).collect(),
        hs_class: filters.hs_class.clone(),
        calendar_note: asked.as_ref().map_or_else(String::new, |asked| match asked.of {
            Of::Facts(_) => calendar_note(&app, asked.period),
            Of::Waiting => calendar::note_of_today(&app),
        }),
        order: filters.order.clone(),
        rows,
        total: grouped(total),
        older,
        newest: (!filters.before.is_empty()).then(|| filters.address("/statistics/cases", &[])),
        csv: filters.address("/statistics/cases/export", &[("format", "csv")]),
        xlsx: filters.address("/statistics/cases/export", &[("format", "xlsx")]),
    };
    if is_invalid { page::unprocessable(&page) } else { page::render(&page) }
}

/// Where he reads the application.
fn href(id: ApplicationId, is_everywhere: bool) -> String {
    if is_everywhere { format!("/applications/{id}") } else { format!("/casework/{id}") }
}

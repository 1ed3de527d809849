//! The numbers of the page: what the cells add up to, and what lies at the posts now; each with the list that it counts.

use std::collections::BTreeMap;

use askama::Template;
use askama::filters::HtmlSafe;
use db::search::Conditions;
use db::{Value, params};
use domain::actor::Post;
use domain::ids::{BureauCode, ClauseCode};
use domain::statistics::{FactKind, Month, Outcome};
use kit::app::App;
use kit::error::AppError;

use crate::statistics::{Period, address};

/// What the page is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The months.
    pub period: Period,
    /// The bureau; none = all.
    pub bureau: Option<BureauCode>,
    /// The clause; none = all.
    pub clause: Option<ClauseCode>,
    /// Whether he may look at other bureaus than his own.
    pub is_everywhere: bool,
}

/// A number, and the list that it counts.
#[derive(Template, Debug, Clone)]
#[template(
    source = r#"{% if let Some(href) = href %}<a class="num{% if is_bad %} bad{% endif %}" href="{{ href }}">{{ self.text() }}<span class="visually-hidden">（{{ name }}）</span></a>{% else %}<span class="num muted">{{ self.text() }}</span>{% endif %}"#,
    ext = "html"
)]
pub struct Figure {
    /// The number; none = there is nothing to measure.
    pub n: Option<i64>,
    /// Its list; none where there is nothing to show.
    pub href: Option<String>,
    /// What it says, after the number, for who hears the page.
    pub name: String,
    /// Worth a look: overdue.
    pub is_bad: bool,
}

impl HtmlSafe for Figure {}

impl Figure {
    /// The number with its thousands.
    pub fn text(&self) -> String {
        self.n.map_or_else(|| "—".to_owned(), grouped)
    }
}

/// `12,345`.
pub fn grouped(n: i64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, c) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A row of a table.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it is about.
    pub label: String,
    /// Its numbers, as many as the table has heads.
    pub figures: Vec<Figure>,
    /// The first number as a part of the largest one, in percent.
    pub share: i64,
}

/// A table: on the page, and as a file.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its word in addresses.
    pub word: &'static str,
    /// 按月份 …
    pub title: &'static str,
    /// What one should know about it; blank = nothing.
    pub note: &'static str,
    /// The head of the first column.
    pub first: &'static str,
    /// The heads of the numbers.
    pub heads: &'static [&'static str],
    /// Its rows.
    pub lines: Vec<Line>,
    /// The sum of all rows, where it says something.
    pub total: Option<Line>,
}

/// The numbers of the whole, and the tables.
#[derive(Debug)]
pub struct Figures {
    /// The numbers on top.
    pub whole: Whole,
    /// The tables.
    pub tables: Vec<Table>,
}

/// The numbers on top of the page.
#[derive(Debug)]
pub struct Whole {
    /// 申请量.
    pub submitted: Figure,
    /// 已发证.
    pub issued: Figure,
    /// 办结量.
    pub concluded: Figure,
    /// The median of the working days.
    pub median: Figure,
    /// What nine of ten take at most.
    pub ninth: Figure,
    /// 送补正 of all posts.
    pub returned: Figure,
    /// 审批中 now.
    pub waiting: Figure,
    /// Of these, overdue.
    pub overdue: Figure,
}

/// What a row is about, as the sums name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Dimension {
    Whole,
    Month,
    Bureau,
    Clause,
    Class,
    Post,
}

impl Dimension {
    const ALL: [Self; 6] = [Self::Whole, Self::Month, Self::Bureau, Self::Clause, Self::Class, Self::Post];

    const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Month => "month",
            Self::Bureau => "bureau",
            Self::Clause => "clause",
            Self::Class => "class",
            Self::Post => "post",
        }
    }

    /// The table of the cells of one bureau, or of the sums of the country, with the same columns: dimension, name, kind,
    /// outcome, is_late, days, n.
    fn rows_sql(self, of_country: bool) -> String {
        let word = self.word();
        // The whole adds the months up.
        let margin = if self == Self::Whole { "month" } else { word };
        let (_, name, meant) =
            db::statistics::MARGINS.into_iter().find(|(dimension, ..)| *dimension == margin).unwrap_or_default();
        let name = match self {
            Self::Whole => "''",
            Self::Month => "month",
            Self::Bureau | Self::Clause | Self::Class | Self::Post if of_country => "name",
            Self::Bureau | Self::Clause | Self::Class | Self::Post => name,
        };
        let meant = if of_country { format!("dimension = '{margin}'") } else { meant.to_owned() };
        format!("SELECT '{word}' AS dimension, {name} AS name, kind, outcome, is_late, days, n FROM c WHERE {meant}")
    }
}

#[derive(db::Row)]
struct CountRow {
    dimension: String,
    name: String,
    kind: FactKind,
    outcome: String,
    is_late: i64,
    n: i64,
}

#[derive(db::Row)]
struct SpreadRow {
    dimension: String,
    name: String,
    median: i64,
    ninth: i64,
}

#[derive(db::Row)]
struct WaitingRow {
    bureau_code: BureauCode,
    post: Post,
    n: i64,
    overdue: i64,
}

/// The sums of one row.
#[derive(Debug, Clone, Default)]
struct Sums {
    by: BTreeMap<(FactKind, Option<Outcome>), i64>,
    late: BTreeMap<FactKind, i64>,
    median: Option<i64>,
    ninth: Option<i64>,
    waiting: i64,
    overdue: i64,
}

impl Sums {
    fn of(&self, kind: FactKind) -> i64 {
        self.by.iter().filter(|((k, _), _)| *k == kind).map(|(_, n)| n).sum()
    }

    fn with(&self, kind: FactKind, outcome: Outcome) -> i64 {
        self.by.get(&(kind, Some(outcome))).copied().unwrap_or_default()
    }
}

type All = BTreeMap<(Dimension, String), Sums>;

/// The cells that are asked for: of a bureau, or the sums over all of them.
fn cells(asked: &Asked) -> (&'static str, Conditions) {
    let months: Vec<Value> = asked.period.from.through(asked.period.to).map(|m| Value::from(m.to_string())).collect();
    let out = Conditions::new().and(&format!("month IN ({})", vec!["?"; months.len()].join(", ")), months);
    let clause = asked.clause.as_ref();
    match &asked.bureau {
        None => {
            let filter = clause.map(ToString::to_string).unwrap_or_default();
            ("statistic_margin", out.and("clause_filter = ?", params![filter]))
        }
        Some(bureau) => {
            let of_bureau = out.and("bureau_code = ?", params![bureau.clone()]);
            let narrowed = match clause {
                Some(clause) => of_bureau.and("clause_code = ?", params![clause.clone()]),
                None => of_bureau,
            };
            ("statistic_cell", narrowed)
        }
    }
}

/// What lies at a post while the service clock runs, in SQL, of `application a`.
pub fn at_posts(bureau: Option<&BureauCode>, clause: Option<&ClauseCode>) -> Conditions {
    let posts: Vec<_> = Post::COURSE.iter().map(|p| format!("'{}'", p.word())).collect();
    // 文件对比中_送纸质材料 waits for the enterprise.
    let sql = format!(
        "a.current_post IN ({}) AND a.current_bureau IS NOT NULL AND a.state <> 'comparing_paper'",
        posts.join(", ")
    );
    let mut out = Conditions::new().and(&sql, params![]);
    if let Some(bureau) = bureau {
        out = out.and("a.current_bureau = ?", params![bureau.clone()]);
    }
    if let Some(clause) = clause {
        out = out.and("a.clause_code = ?", params![clause.clone()]);
    }
    out
}

/// That the term of its post has passed, in SQL, of `application a`: who came before is overdue.
pub fn overdue(app: &App) -> String {
    let references = app.references.now();
    let today = app.clock.today();
    let terms: Vec<_> = Post::COURSE
        .iter()
        .filter_map(|post| {
            let over = references.calendar.over_before(today, references.term(*post)?.term_days);
            Some(format!("WHEN '{}' THEN {}", post.word(), over.millis()))
        })
        .collect();
    format!("a.waiting_since < CASE a.current_post {} ELSE 0 END", terms.join(" "))
}

/// The sums: three statements, whatever the data.
async fn sums(app: &App, asked: &Asked) -> Result<All, AppError> {
    let read = app.db.read();
    let (table, conditions) = cells(asked);
    let parts: Vec<_> = Dimension::ALL.iter().map(|d| d.rows_sql(asked.bureau.is_none())).collect();
    let common = format!(
        "WITH c AS (SELECT * FROM {table}{}), h AS (SELECT dimension, name, kind, outcome, is_late, days, SUM(n) AS n \
         FROM ({}) parts GROUP BY dimension, name, kind, outcome, is_late, days)",
        conditions.sql(),
        parts.join(" UNION ALL ")
    );
    let sql = format!(
        "{common} SELECT dimension, name, kind, outcome, is_late, CAST(SUM(n) AS BIGINT) AS n FROM h \
         GROUP BY dimension, name, kind, outcome, is_late"
    );
    let mut all = All::new();
    let dimension_of = |word: &str| Dimension::ALL.into_iter().find(|d| d.word() == word).unwrap_or(Dimension::Whole);
    for row in read.rows::<CountRow>(&sql, conditions.values(vec![])).await? {
        let sums = all.entry((dimension_of(&row.dimension), row.name)).or_default();
        *sums.by.entry((row.kind, row.outcome.parse().ok())).or_default() += row.n;
        *sums.late.entry(row.kind).or_default() += row.n * row.is_late;
    }

    // Of each row the number of cases by their working days; the rank is where the running sum reaches the half and nine
    // tenths (nearest rank).
    let sql = format!(
        "{common}, d AS (SELECT dimension, name, days, SUM(n) AS n FROM h \
         WHERE kind = CASE dimension WHEN '{}' THEN '{}' ELSE '{}' END GROUP BY dimension, name, days), \
         w AS (SELECT dimension, name, days, SUM(n) OVER (PARTITION BY dimension, name ORDER BY days) AS running, \
         SUM(n) OVER (PARTITION BY dimension, name) AS total FROM d) \
         SELECT dimension, name, MIN(CASE WHEN running * 2 >= total THEN days END) AS median, \
         MIN(CASE WHEN running * 10 >= total * 9 THEN days END) AS ninth FROM w GROUP BY dimension, name",
        Dimension::Post.word(),
        FactKind::Decided.word(),
        FactKind::Concluded.word()
    );
    for row in read.rows::<SpreadRow>(&sql, conditions.values(vec![])).await? {
        let sums = all.entry((dimension_of(&row.dimension), row.name)).or_default();
        (sums.median, sums.ninth) = (Some(row.median), Some(row.ninth));
    }

    let waiting = at_posts(asked.bureau.as_ref(), asked.clause.as_ref());
    let sql = format!(
        "SELECT a.current_bureau AS bureau_code, a.current_post AS post, COUNT(*) AS n, \
         COUNT(CASE WHEN {} THEN 1 END) AS overdue FROM application a{} GROUP BY a.current_bureau, a.current_post",
        overdue(app),
        waiting.sql()
    );
    for row in read.rows::<WaitingRow>(&sql, waiting.values(vec![])).await? {
        let keys = [
            (Dimension::Whole, String::new()),
            (Dimension::Bureau, row.bureau_code.to_string()),
            (Dimension::Post, row.post.word().to_owned()),
        ];
        for key in keys {
            let sums = all.entry(key).or_default();
            sums.waiting += row.n;
            sums.overdue += row.overdue;
        }
    }
    Ok(all)
}

/// Makes figures of one row: its list has the filters of the page and those of the row.
struct Maker<'a> {
    asked: &'a Asked,
    /// What the row is about, in words and as filters.
    label: String,
    of_row: Vec<(&'static str, String)>,
}

impl Maker<'_> {
    fn figure(&self, n: Option<i64>, name: &str, kind: &str, more: &[(&'static str, &str)]) -> Figure {
        let mut pairs: BTreeMap<&str, String> = BTreeMap::new();
        pairs.insert("of", kind.to_owned());
        if kind != WAITING {
            pairs.insert("from", self.asked.period.from.to_string());
            pairs.insert("to", self.asked.period.to.to_string());
        }
        if self.asked.is_everywhere {
            pairs.insert("bureau", self.asked.bureau.as_ref().map(ToString::to_string).unwrap_or_default());
        }
        pairs.insert("clause", self.asked.clause.as_ref().map(ToString::to_string).unwrap_or_default());
        for (k, v) in &self.of_row {
            pairs.insert(k, v.clone());
        }
        for (k, v) in more {
            pairs.insert(k, (*v).to_owned());
        }
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (*k, v.as_str())).collect();
        // Even 0 working days were measured on something.
        let is_measured = more.iter().any(|(k, _)| *k == "order");
        let has_list = n.is_some_and(|n| n > 0 || is_measured);
        Figure {
            n,
            href: has_list.then(|| address("/statistics/cases", &pairs)),
            name: format!("{}，{name}", self.label),
            is_bad: false,
        }
    }

    fn kind(&self, sums: &Sums, name: &str, kind: FactKind) -> Figure {
        self.figure(Some(sums.of(kind)), name, kind.word(), &[])
    }

    fn outcome(&self, sums: &Sums, kind: FactKind, outcome: Outcome) -> Figure {
        self.figure(Some(sums.with(kind, outcome)), outcome.label(), kind.word(), &[("outcome", outcome.word())])
    }

    fn late(&self, sums: &Sums, kind: FactKind) -> Figure {
        let n = sums.late.get(&kind).copied().unwrap_or_default();
        Figure { is_bad: n > 0, ..self.figure(Some(n), "超期", kind.word(), &[("late", "1")]) }
    }

    fn days(&self, days: Option<i64>, name: &str, kind: FactKind) -> Figure {
        self.figure(days, name, kind.word(), &[("order", "longest")])
    }

    fn waiting(&self, sums: &Sums) -> [Figure; 2] {
        let overdue = self.figure(Some(sums.overdue), "在办超期", WAITING, &[("late", "1")]);
        [self.figure(Some(sums.waiting), "在办", WAITING, &[]), Figure { is_bad: sums.overdue > 0, ..overdue }]
    }
}

/// The word of the list of what lies at the posts now.
pub const WAITING: &str = "waiting";

const OF_APPLICATIONS: &[&str] =
    &["申请量", "办结量", "已发证", "未通过", "强制终止", "撤回", "中位天数", "90% 天数", "超期办结"];
const OF_BUREAUS: &[&str] = &[
    "申请量",
    "办结量",
    "已发证",
    "未通过",
    "强制终止",
    "撤回",
    "中位天数",
    "90% 天数",
    "超期办结",
    "在办",
    "在办超期",
];
const OF_POSTS: &[&str] = &[
    "办理量",
    "通过",
    "送补正",
    "退回前岗",
    "需送纸质材料",
    "未通过",
    "中位天数",
    "90% 天数",
    "超期",
    "在办",
    "在办超期",
];

fn of_applications(make: &Maker<'_>, sums: &Sums) -> Vec<Figure> {
    let concluded = FactKind::Concluded;
    vec![
        make.kind(sums, "申请量", FactKind::Submitted),
        make.kind(sums, "办结量", concluded),
        make.outcome(sums, concluded, Outcome::Issued),
        make.outcome(sums, concluded, Outcome::Failed),
        make.outcome(sums, concluded, Outcome::Terminated),
        make.outcome(sums, concluded, Outcome::Withdrawn),
        make.days(sums.median, "中位天数", concluded),
        make.days(sums.ninth, "90% 天数", concluded),
        make.late(sums, concluded),
    ]
}

fn of_posts(make: &Maker<'_>, sums: &Sums) -> Vec<Figure> {
    let decided = FactKind::Decided;
    let mut out = vec![make.kind(sums, "办理量", decided)];
    for outcome in [Outcome::Passed, Outcome::Returned, Outcome::SentBack, Outcome::PaperRequested, Outcome::Failed] {
        out.push(make.outcome(sums, decided, outcome));
    }
    out.push(make.days(sums.median, "中位天数", decided));
    out.push(make.days(sums.ninth, "90% 天数", decided));
    out.push(make.late(sums, decided));
    out.extend(make.waiting(sums));
    out
}

/// Sets the shares of the rows: of the largest first number.
fn shared(mut lines: Vec<Line>) -> Vec<Line> {
    let first = |l: &Line| l.figures.first().and_then(|f| f.n).unwrap_or_default();
    let most = lines.iter().map(first).max().unwrap_or_default().max(1);
    for line in &mut lines {
        line.share = first(line) * 100 / most;
    }
    lines
}

/// The largest first, in the order of their keys where they are equal.
fn largest_first(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|l| std::cmp::Reverse(l.figures.first().and_then(|f| f.n)));
    lines
}

/// All numbers of the page.
pub async fn load(app: &App, asked: &Asked) -> Result<Figures, AppError> {
    let all = sums(app, asked).await?;
    let references = app.references.now();
    let none = Sums::default();
    let of = |dimension, key: &str| all.get(&(dimension, key.to_owned())).unwrap_or(&none);
    let keys = |dimension| all.keys().filter(move |(d, _)| *d == dimension).map(|(_, key)| key.clone());
    let maker = |label: &str, of_row| Maker { asked, label: label.to_owned(), of_row };
    let line = |label: String, figures| Line { label, figures, share: 0 };

    let whole = of(Dimension::Whole, "");
    let make = maker("合计", Vec::new());
    let returned: i64 =
        Post::COURSE.iter().map(|p| of(Dimension::Post, p.word()).with(FactKind::Decided, Outcome::Returned)).sum();
    let [waiting, overdue] = make.waiting(whole);
    let top = Whole {
        submitted: make.kind(whole, "申请量", FactKind::Submitted),
        issued: make.outcome(whole, FactKind::Concluded, Outcome::Issued),
        concluded: make.kind(whole, "办结量", FactKind::Concluded),
        median: make.days(whole.median, "中位天数", FactKind::Concluded),
        ninth: make.days(whole.ninth, "90% 天数", FactKind::Concluded),
        returned: make.figure(
            Some(returned),
            Outcome::Returned.label(),
            FactKind::Decided.word(),
            &[("outcome", Outcome::Returned.word())],
        ),
        waiting,
        overdue,
    };

    let months = asked
        .period
        .from
        .through(asked.period.to)
        .map(|month: Month| {
            let (key, label) = (month.to_string(), month.label());
            let make = maker(&label, vec![("from", key.clone()), ("to", key.clone())]);
            let figures = of_applications(&make, of(Dimension::Month, &key));
            line(label.clone(), figures)
        })
        .collect();
    let posts = Post::COURSE
        .into_iter()
        .map(|post| {
            let term = references.term(post).map(|t| format!("（期限 {} 个工作日）", t.term_days)).unwrap_or_default();
            let make = maker(post.label(), vec![("post", post.word().to_owned())]);
            line(format!("{}{term}", post.label()), of_posts(&make, of(Dimension::Post, post.word())))
        })
        .collect();
    let bureaus = keys(Dimension::Bureau)
        .map(|key| {
            let sums = of(Dimension::Bureau, &key);
            let label = references.bureau_name(&BureauCode::new(key.as_str())).to_owned();
            let make = maker(&label, vec![("bureau", key.clone())]);
            let mut figures = of_applications(&make, sums);
            figures.extend(make.waiting(sums));
            line(label.clone(), figures)
        })
        .collect();
    let clauses = keys(Dimension::Clause)
        .map(|key| {
            let label = format!("{key}. {}", references.clause_name(&key));
            let make = maker(&label, vec![("clause", key.clone())]);
            line(label.clone(), of_applications(&make, of(Dimension::Clause, &key)))
        })
        .collect();
    let kinds_of_products = keys(Dimension::Class)
        .map(|key| {
            let make = maker(&key, vec![("hs_class", key.clone())]);
            line(key.clone(), of_applications(&make, of(Dimension::Class, &key)))
        })
        .collect();

    let mut tables = vec![
        Table {
            word: "months",
            title: "按月份",
            note: "申请量按提交月份统计，其他按办结月份统计。",
            first: "月份",
            heads: OF_APPLICATIONS,
            lines: shared(months),
            total: Some(line("合计".to_owned(), of_applications(&make, whole))),
        },
        Table {
            word: "posts",
            title: "按岗位",
            note: "按岗位办理的月份统计；一件申请补正后再次办理时再计一次。在办、在办超期是现在的数量，不受期间限制。",
            first: "岗位",
            heads: OF_POSTS,
            lines: shared(posts),
            total: None,
        },
    ];
    if asked.is_everywhere {
        tables.push(Table {
            word: "bureaus",
            title: "按检验检疫局",
            note: "申请和办结计入受理局，在办计入现在办理的局。",
            first: "检验检疫局",
            heads: OF_BUREAUS,
            lines: shared(largest_first(bureaus)),
            total: None,
        });
    }
    tables.push(Table {
        word: "clauses",
        title: "按免办条款",
        note: "",
        first: "免办条款",
        heads: OF_APPLICATIONS,
        lines: shared(clauses),
        total: None,
    });
    tables.push(Table {
        word: "classes",
        title: "按 HS 产品类别",
        note: "按 HS 编码所属的认证产品类别统计；一件申请有多个类别的产品时，在每个类别中各计一次。",
        first: "产品类别",
        heads: OF_APPLICATIONS,
        lines: shared(largest_first(kinds_of_products)),
        total: None,
    });
    Ok(Figures { whole: top, tables })
}

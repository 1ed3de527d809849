//! 统计: the numbers of a period, drawn and as tables, each leading to the list that it counts (R-C-05).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use domain::actor::Post;
use domain::policy::{Permit, Reach, ReadStatistics};
use domain::statistics::Month;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormView};
use kit::page;
use kit::reference::ReferenceCache;
use kit::session::Permitted;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::statistics::charts::{Chart, Drawn, Series};
use crate::statistics::figures::{self, Asked, Figures, Table, Whole};
use crate::statistics::{
    Period, address, bureau_choices, bureau_of, calendar_note, clause_choices, clause_of, data_of,
};

/// What the page is asked for, as its address has it.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    bureau: String,
    #[serde(default)]
    clause: String,
}

impl Filters {
    fn pairs(&self) -> [(&'static str, &str); 4] {
        [("from", &self.from), ("to", &self.to), ("bureau", &self.bureau), ("clause", &self.clause)]
    }

    /// The filters, read; mistakes beside their fields.
    pub fn read(&self, app: &App, permit: &Permit<ReadStatistics>) -> Result<Asked, FieldErrors> {
        let data = data_of(&self.pairs());
        let mut check = Checker::new(&data);
        let asked = Asked {
            period: Period::read(app, &mut check),
            bureau: bureau_of(permit, app, &mut check),
            clause: clause_of(app, &mut check),
            is_everywhere: *permit.reach() == Reach::Everywhere,
        };
        check.finish()?;
        Ok(asked)
    }
}

/// A table with its pictures and its files.
struct Section {
    table: Table,
    charts: Vec<Drawn>,
    csv: String,
    xlsx: String,
    has_share: bool,
}

/// A period to choose with one click.
struct Preset {
    label: &'static str,
    href: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "statistics/statistics.html")]
struct StatisticsPage {
    shell: Shell,
    form: FormView,
    bureaus: Vec<Choice>,
    clauses: Vec<Choice>,
    presets: Vec<Preset>,
    period: String,
    /// What is not known of the working days of the period; empty = nothing.
    calendar_note: String,
    /// None before the first time.
    counted_to: Option<String>,
    whole: Option<Whole>,
    sections: Vec<Section>,
    workbook: String,
    is_empty: bool,
}

/// The page: six statements whatever the data (session, three of sums, progress), and the menu's.
pub async fn show(
    State(app): State<App>,
    user: Permitted<ReadStatistics>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let (asked, errors) = match filters.read(&app, &user.permit) {
        Ok(asked) => (Some(asked), FieldErrors::default()),
        Err(errors) => (None, errors),
    };
    let is_invalid = !errors.is_empty();
    let counted_to = db::statistics::counted_to(app.db.read()).await?;
    let found = match &asked {
        Some(asked) => Some(figures::load(&app, asked).await?),
        None => None,
    };
    let period = asked.as_ref().map_or_else(|| Period::usual(&app), |a| a.period);
    let (whole, sections) = match found {
        Some(Figures { whole, tables }) => {
            let references = app.references.now();
            let sections =
                tables.into_iter().map(|t| section(t, &filters, period, &references)).collect::<Result<Vec<_>, _>>()?;
            (Some(whole), sections)
        }
        None => (None, Vec::new()),
    };
    let is_empty = whole
        .as_ref()
        .is_some_and(|w| [&w.submitted, &w.concluded, &w.waiting].iter().all(|f| f.n.unwrap_or_default() == 0));
    let mut shell = frame::signed(&app, &user, "统计", Entry::Statistics, &[]).await?;
    shell.error_title = is_invalid;
    let mut data = data_of(&filters.pairs());
    if !is_invalid {
        data.set("from", &period.from.to_string());
        data.set("to", &period.to.to_string());
    }
    let page = StatisticsPage {
        shell,
        form: FormView::new(data, errors, &user.caller.csrf),
        bureaus: bureau_choices(&app, &user.permit),
        clauses: clause_choices(&app),
        presets: presets(&app, &filters, period),
        period: period.label(),
        calendar_note: calendar_note(&app, period),
        counted_to: (counted_to.millis() > 0).then(|| counted_to.china()),
        whole,
        sections,
        workbook: export_address(&filters, period, "", "xlsx"),
        is_empty,
    };
    if is_invalid { page::unprocessable(&page) } else { page::render(&page) }
}

/// The same filters, with this period spelled out: an export made later is that of the page.
fn export_address(filters: &Filters, period: Period, table: &str, format: &str) -> String {
    let (from, to) = (period.from.to_string(), period.to.to_string());
    let pairs = [
        ("table", table),
        ("format", format),
        ("from", &from),
        ("to", &to),
        ("bureau", &filters.bureau),
        ("clause", &filters.clause),
    ];
    address("/statistics/export", &pairs)
}

fn presets(app: &App, filters: &Filters, period: Period) -> Vec<Preset> {
    let this = Month::of(app.clock.today());
    let quarter = this.plus(-((this.number() - 1) % 3));
    [("本月", this), ("本季度", quarter), ("近 12 个月", this.plus(-11))]
        .into_iter()
        .map(|(label, from)| {
            let (first, last) = (from.to_string(), this.to_string());
            let pairs =
                [("from", first.as_str()), ("to", &last), ("bureau", &filters.bureau), ("clause", &filters.clause)];
            Preset { label, href: address("/statistics", &pairs), is_current: period == Period { from, to: this } }
        })
        .collect()
}

fn section(table: Table, filters: &Filters, period: Period, references: &ReferenceCache) -> Result<Section, AppError> {
    let charts = match table.word {
        "months" => month_charts(&table, period),
        "posts" => vec![post_chart(&table, references)],
        _ => Vec::new(),
    };
    let charts = charts.iter().map(Chart::draw).collect::<Result<Vec<_>, _>>()?;
    Ok(Section {
        csv: export_address(filters, period, table.word, "csv"),
        xlsx: export_address(filters, period, table.word, "xlsx"),
        has_share: charts.is_empty(),
        charts,
        table,
    })
}

/// The numbers of a column.
fn column(table: &Table, head: &str) -> Vec<Option<i64>> {
    let at = table.heads.iter().position(|h| *h == head).unwrap_or_default();
    table.lines.iter().map(|l| l.figures.get(at).and_then(|f| f.n)).collect()
}

/// `12 月`, and with the first month of a year the year.
fn short(month: Month) -> String {
    if month.number() == 1 { format!("{} 年", month.year()) } else { format!("{} 月", month.number()) }
}

fn month_charts(table: &Table, period: Period) -> Vec<Chart> {
    let labels: Vec<_> = period.from.through(period.to).map(short).collect();
    let series = |name, head| Series { name, values: column(table, head) };
    vec![
        Chart {
            title: "申请与发证",
            unit: "件",
            labels: labels.clone(),
            series: [series("申请量", "申请量"), series("已发证", "已发证")],
            limits: Vec::new(),
            is_lines: false,
        },
        Chart {
            title: "全程办理时间",
            unit: "工作日",
            labels,
            series: [series("中位天数", "中位天数"), series("90% 天数", "90% 天数")],
            limits: Vec::new(),
            is_lines: true,
        },
    ]
}

fn post_chart(table: &Table, references: &ReferenceCache) -> Chart {
    let series = |name, head| Series { name, values: column(table, head) };
    Chart {
        title: "各岗位办理时间",
        unit: "工作日",
        labels: Post::COURSE.iter().map(|p| p.label().to_owned()).collect(),
        series: [series("中位天数", "中位天数"), series("90% 天数", "90% 天数")],
        limits: Post::COURSE.iter().map(|p| references.term(*p).map(|t| i64::from(t.term_days))).collect(),
        is_lines: false,
    }
}

//! 统计: volumes, decisions and handling times of applications, of the whole country for CNCA and of its own for a bureau; the
//! list behind every number (R-C-05).

pub mod cases;
pub mod cases_export;
pub mod charts;
pub mod export;
pub mod figures;
pub mod statistics;

use domain::ids::{BureauCode, ClauseCode};
use domain::policy::{Permit, Reach, ReadStatistics};
use domain::statistics::Month;
use domain::text;
use kit::app::App;
use kit::form::{Checker, Choice, FormData};

use crate::parts::calendar;

/// Months of a period at most.
const MOST_MONTHS: i16 = 60;
/// Months of the period that nobody chose.
const USUAL_MONTHS: i16 = 12;

/// From when to when: both months belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first month.
    pub from: Month,
    /// The last month.
    pub to: Month,
}

impl Period {
    /// The last twelve months, this one among them.
    fn usual(app: &App) -> Self {
        let to = Month::of(app.clock.today());
        Self { from: to.plus(1 - USUAL_MONTHS), to }
    }

    /// The months that were typed; what is blank is as usual, mistakes are said beside their fields.
    fn read(app: &App, check: &mut Checker<'_>) -> Self {
        let usual = Self::usual(app);
        let mut month = |field: &str, label: &str| {
            check.parse_optional(field, |typed| {
                text::half_width(typed.trim()).parse().map_err(|_| format!("{label}应写成 2026-11 的形式"))
            })
        };
        let (from, to) = (month("from", "开始月份"), month("to", "结束月份"));
        let to = to.unwrap_or(usual.to);
        let from = from.unwrap_or_else(|| to.plus(1 - USUAL_MONTHS));
        if to < from {
            check.error("to", "结束月份不能早于开始月份，请重新填写");
        } else if from.until(to) > MOST_MONTHS {
            check.error("from", format!("一次最多统计 {MOST_MONTHS} 个月，请缩短期间"));
        } else {
            return Self { from, to };
        }
        usual
    }

    /// `2025 年 12 月至 2026 年 11 月`.
    fn label(self) -> String {
        if self.from == self.to { self.from.label() } else { format!("{}至 {}", self.from.label(), self.to.label()) }
    }
}

/// What is not known of the working days of a period; empty = nothing.
fn calendar_note(app: &App, period: Period) -> String {
    let (from, to) =
        (period.from.start_instant().china_day(), period.to.plus(1).start_instant().china_day().plus_days(-1));
    let last = to.min(app.clock.today());
    if from > last { String::new() } else { calendar::note(&app.references.now().calendar, from, last) }
}

/// The bureau that is meant: his own, or the one that CNCA chose; none = all.
fn bureau_of(permit: &Permit<ReadStatistics>, app: &App, check: &mut Checker<'_>) -> Option<BureauCode> {
    match permit.reach() {
        Reach::Bureau(own) => Some(own.clone()),
        Reach::Everywhere => check.parse_optional("bureau", |typed| {
            let code = BureauCode::new(typed);
            let exists = app.references.now().bureau(&code).is_some();
            if exists { Ok(code) } else { Err("没有这个检验检疫局，请重新选择") }
        }),
    }
}

/// The clause that is meant; none = all.
fn clause_of(app: &App, check: &mut Checker<'_>) -> Option<ClauseCode> {
    check.parse_optional("clause", |typed| {
        let code = ClauseCode::new(typed);
        let exists = app.references.now().clauses.iter().any(|c| c.code == code);
        if exists { Ok(code) } else { Err("没有这个免办条款，请重新选择") }
    })
}

/// The bureaus to choose from; none for a bureau, which sees its own.
fn bureau_choices(app: &App, permit: &Permit<ReadStatistics>) -> Vec<Choice> {
    match permit.reach() {
        Reach::Bureau(_) => Vec::new(),
        Reach::Everywhere => {
            app.references.now().bureaus.iter().map(|b| Choice::new(b.code.as_str(), b.name.as_str())).collect()
        }
    }
}

/// The clauses to choose from.
fn clause_choices(app: &App) -> Vec<Choice> {
    let references = app.references.now();
    let label = |code: &str, name: &str| format!("{code}. {name}");
    references.clauses.iter().map(|c| Choice::new(c.code.as_str(), label(c.code.as_str(), &c.short_name))).collect()
}

/// An address with these parameters; blank ones are left out.
fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (k, v) in pairs.iter().filter(|(_, v)| !v.is_empty()) {
        query.append_pair(k, v);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// What was asked for, as a form shows it again.
fn data_of(pairs: &[(&str, &str)]) -> FormData {
    FormData::of_filters(pairs)
}

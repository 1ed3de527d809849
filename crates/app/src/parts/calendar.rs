//! What pages say while the holidays of a year are not registered: terms by law, which may still move.

use domain::calendar::{Calendar, Registered};
use domain::festival::Festival;
use domain::time::Day;
use kit::app::App;

/// Days ahead on which a term that runs today may end: the longest term, weekends and a long holiday.
const AHEAD_DAYS: i64 = 21;

/// What a page says of the years that its terms touch; empty when all of them are registered.
pub fn note(calendar: &Calendar, from: Day, to: Day) -> String {
    let years = calendar.unregistered(from, to);
    if years.is_empty() {
        return String::new();
    }
    let said: Vec<_> = years.into_iter().map(|year| said(calendar, year)).collect();
    format!("{}，办理期限暂按法定节假日推算，登记后可能提前或推后。", said.join("，"))
}

/// The same for what runs today.
pub fn note_of_today(app: &App) -> String {
    let today = app.clock.today();
    note(&app.references.now().calendar, today, today.plus_days(AHEAD_DAYS))
}

fn said(calendar: &Calendar, year: i16) -> String {
    match calendar.registered(year) {
        Registered::Partly(missing) => {
            let names: Vec<_> = missing.into_iter().map(Festival::label).collect();
            format!("{year}年节假日尚未登记齐全（缺{}）", names.join("、"))
        }
        Registered::Nothing | Registered::Whole => format!("{year}年节假日尚未登记"),
    }
}

/// What CNCA is told of a year.
pub struct YearNote {
    /// The colour of the note.
    pub tone: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// The sentence.
    pub text: String,
}

/// How far this year and the next are registered, for those who register them.
pub fn years(app: &App) -> Vec<YearNote> {
    let references = app.references.now();
    let today = app.clock.today();
    [today.year(), today.year() + 1]
        .into_iter()
        .map(|year| match references.calendar.registered(year) {
            Registered::Whole => YearNote {
                tone: "note-ok",
                icon: "circle-check",
                text: format!("{year}年节假日已登记。"),
            },
            Registered::Partly(_) | Registered::Nothing => YearNote {
                tone: if year == today.year() { "note-bad" } else { "note-warn" },
                icon: "alert-triangle",
                text: format!(
                    "{}，办理期限暂按法定节假日推算。国务院办公厅公布安排后，请逐日添加，或用“导入导出”一次导入；每个节日当天都登记后即为登记齐全。",
                    said(&references.calendar, year)
                ),
            },
        })
        .collect()
}

/// What is missing today, for 今日提醒 of those who register it: the current year at any time, the next one from October on.
/// With it whether it is urgent: the year has begun, or begins within the month.
pub fn missing_today(app: &App) -> Option<(i16, bool)> {
    let references = app.references.now();
    let today = app.clock.today();
    let is_missing = |year: i16| references.calendar.registered(year) != Registered::Whole;
    if is_missing(today.year()) {
        Some((today.year(), true))
    } else if today.month() >= 10 && is_missing(today.year() + 1) {
        Some((today.year() + 1, today.month() == 12))
    } else {
        None
    }
}

//! Instants, days and clocks. Stored in UTC, shown and counted in China time (D28).

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};

/// A draft lives this long from its first save, whatever happens to it (D8).
pub const DRAFT_LIFE_HOURS: i64 = 240;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn china_zone() -> TimeZone {
    TimeZone::fixed(Offset::constant(8))
}

/// A point in time: milliseconds since 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType))]
#[serde(transparent)]
pub struct Instant(i64);

impl Instant {
    /// The instant of this many milliseconds since 1970-01-01T00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00Z.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// So many seconds later (earlier when negative).
    #[must_use]
    pub const fn plus_seconds(self, n: i64) -> Self {
        Self(self.0.saturating_add(n.saturating_mul(SECOND)))
    }

    /// So many minutes later.
    #[must_use]
    pub const fn plus_minutes(self, n: i64) -> Self {
        Self(self.0.saturating_add(n.saturating_mul(MINUTE)))
    }

    /// So many minutes earlier.
    #[must_use]
    pub const fn minus_minutes(self, n: i64) -> Self {
        self.plus_minutes(n.saturating_neg())
    }

    /// So many hours later.
    #[must_use]
    pub const fn plus_hours(self, n: i64) -> Self {
        Self(self.0.saturating_add(n.saturating_mul(HOUR)))
    }

    /// So many times 24 hours later.
    #[must_use]
    pub const fn plus_days(self, n: i64) -> Self {
        Self(self.0.saturating_add(n.saturating_mul(DAY)))
    }

    /// Whole seconds since `earlier`, negative when it lies later.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / SECOND
    }

    fn zoned(self) -> jiff::Zoned {
        // Beyond the calendar (`i64::MAX` stands for never) the nearest end of it is shown.
        let millis = self.0.clamp(Timestamp::MIN.as_second() * SECOND, Timestamp::MAX.as_second() * SECOND);
        Timestamp::from_millisecond(millis).expect("clamped to what a timestamp holds").to_zoned(china_zone())
    }

    /// The day it is in China.
    pub fn china_day(self) -> Day {
        Day(self.zoned().date())
    }

    /// `2026-11-23 10:42`, China time.
    pub fn china(self) -> String {
        self.zoned().strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// `10:42:31`, China time, for 已自动保存.
    pub fn china_time_of_day(self) -> String {
        self.zoned().strftime("%H:%M:%S").to_string()
    }

    /// `2026-11-23T10:42:00+08:00`, for `datetime` attributes.
    pub fn rfc3339(self) -> String {
        self.zoned().strftime("%Y-%m-%dT%H:%M:%S+08:00").to_string()
    }

    /// `2026-11-23 星期一 10:42`, for 当前时间 (R-1.3-04).
    pub fn china_with_weekday(self) -> String {
        let z = self.zoned();
        let weekday = match z.weekday() {
            jiff::civil::Weekday::Monday => "一",
            jiff::civil::Weekday::Tuesday => "二",
            jiff::civil::Weekday::Wednesday => "三",
            jiff::civil::Weekday::Thursday => "四",
            jiff::civil::Weekday::Friday => "五",
            jiff::civil::Weekday::Saturday => "六",
            jiff::civil::Weekday::Sunday => "日",
        };
        format!("{} 星期{weekday} {}", z.strftime("%Y-%m-%d"), z.strftime("%H:%M"))
    }
}

/// A calendar day, without a time; stored as `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
#[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub struct Day(Date);

/// A day that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("日期应写成 2026-11-23 的形式")]
pub struct BadDay;

impl Day {
    /// Saturday or Sunday.
    pub fn is_weekend(self) -> bool {
        matches!(self.0.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday)
    }

    /// 一 to 日.
    pub fn weekday(self) -> &'static str {
        match self.0.weekday() {
            jiff::civil::Weekday::Monday => "一",
            jiff::civil::Weekday::Tuesday => "二",
            jiff::civil::Weekday::Wednesday => "三",
            jiff::civil::Weekday::Thursday => "四",
            jiff::civil::Weekday::Friday => "五",
            jiff::civil::Weekday::Saturday => "六",
            jiff::civil::Weekday::Sunday => "日",
        }
    }

    /// The month, 1 to 12.
    pub fn month(self) -> i8 {
        self.0.month()
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// `20261123`, for numbers.
    pub fn compact(self) -> String {
        self.0.strftime("%Y%m%d").to_string()
    }

    /// So many days later (earlier when negative); stays at the end of the calendar.
    #[must_use]
    pub fn plus_days(self, n: i64) -> Self {
        Self(self.0.saturating_add(Span::new().days(n.clamp(-3_000_000, 3_000_000))))
    }

    /// 00:00 China time of this day.
    pub fn start_instant(self) -> Instant {
        match self.0.to_zoned(china_zone()) {
            Ok(z) => Instant(z.timestamp().as_millisecond()),
            // Only before the first day a timestamp knows: the year −9999, which cannot be typed.
            Err(_) => Instant(i64::MIN),
        }
    }

    /// 24:00 China time of this day: the first instant that is no longer in it.
    pub fn end_instant(self) -> Instant {
        // Always 24 hours: China has had no summer time since the zone is fixed at +08:00 (D28).
        self.start_instant().plus_days(1)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = BadDay;

    fn try_from(s: String) -> Result<Self, BadDay> {
        s.parse()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Day {
    type Err = BadDay;

    fn from_str(s: &str) -> Result<Self, BadDay> {
        let iso = s.len() == 10
            && s.bytes().enumerate().all(|(n, b)| if matches!(n, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
        if iso { s.parse().map(Self).map_err(|_| BadDay) } else { Err(BadDay) }
    }
}

/// Where the time comes from: an argument, never a global.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Instant;

    /// Today in China.
    fn today(&self) -> Day {
        self.now().china_day()
    }

    /// Whether this is a machine's clock, which may be wrong ([`crate::clock_watch`]). A clock that a demonstration or a
    /// test moves on purpose is right by definition.
    fn may_be_wrong(&self) -> bool {
        false
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    fn now(&self) -> Instant {
        Instant(Timestamp::now().as_millisecond())
    }

    fn may_be_wrong(&self) -> bool {
        true
    }
}

/// A clock that stands where it is put, for tests and for building demonstration data.
#[derive(Debug)]
pub struct FixedClock {
    now: AtomicI64,
    is_machine: AtomicBool,
}

impl FixedClock {
    /// Stands at this instant.
    pub const fn at(now: Instant) -> Self {
        Self { now: AtomicI64::new(now.0), is_machine: AtomicBool::new(false) }
    }

    /// Puts the clock somewhere else.
    pub fn set(&self, now: Instant) {
        self.now.store(now.0, Ordering::SeqCst);
    }

    /// From now on this clock is watched like a machine's.
    pub fn act_as_machine(&self) {
        self.is_machine.store(true, Ordering::SeqCst);
    }

    /// Lets so many hours pass.
    pub fn pass_hours(&self, n: i64) {
        self.now.fetch_add(n * HOUR, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Instant {
        Instant(self.now.load(Ordering::SeqCst))
    }

    fn may_be_wrong(&self) -> bool {
        self.is_machine.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_day_changes_at_midnight_in_china() {
        let day: Day = "2026-11-23".parse().unwrap();
        assert_eq!(day.start_instant().rfc3339(), "2026-11-23T00:00:00+08:00");
        assert_eq!(day.end_instant().china_day().to_string(), "2026-11-24");
        assert_eq!(Instant::from_millis(day.end_instant().millis() - 1).china_day(), day);
        assert_eq!(day.start_instant().china_with_weekday(), "2026-11-23 星期一 00:00");
    }

    #[test]
    fn the_last_day_of_the_calendar_also_ends() {
        let last: Day = "9999-12-31".parse().unwrap();
        assert_eq!(last.plus_days(1), last);
        assert_eq!(last.end_instant(), last.start_instant().plus_hours(24));
        let first: Day = "0000-01-01".parse().unwrap();
        assert_eq!(first.start_instant().china(), "0000-01-01 00:00");
    }

    #[test]
    fn no_instant_is_beyond_showing() {
        let never = Instant::from_millis(i64::MAX);
        assert!(never.china().starts_with("9999-12-3"));
        assert!(never.seconds_since(Instant::from_millis(-1)) > 0);
        assert_eq!(never.plus_days(1), never);
        assert!(Instant::from_millis(i64::MIN).china_day() < Instant::from_millis(0).china_day());
    }

    #[test]
    fn a_draft_lives_ten_times_twenty_four_hours() {
        let clock = FixedClock::at("2026-11-23".parse::<Day>().unwrap().start_instant());
        let over = clock.now().plus_hours(DRAFT_LIFE_HOURS);
        clock.pass_hours(240);
        assert_eq!((clock.now(), clock.today().to_string()), (over, "2026-12-03".to_owned()));
    }

    #[test]
    fn only_iso_days_are_read() {
        for bad in ["2026-2-3", "2026-02-30", "20260203", "2026/02/03", "", "２０２６-02-03"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_day_is_read_as_it_is_written(n in 0..=3_000_000_i64) {
            let day = "0000-01-01".parse::<Day>().unwrap().plus_days(n);
            prop_assert_eq!(day.to_string().parse::<Day>(), Ok(day));
            prop_assert_eq!(day.start_instant().china_day(), day);
            prop_assert_eq!(Instant::from_millis(day.end_instant().millis() - 1).china_day(), day);
        }

        /// D28: counted at +08:00, whatever the machine's own zone is.
        #[test]
        fn the_day_in_china_is_that_of_eight_hours_later(millis in -2_000_000_000_000..=4_000_000_000_000_i64) {
            let midnight = (millis + 8 * HOUR).div_euclid(DAY) * DAY - 8 * HOUR;
            prop_assert_eq!(Instant(millis).china_day().start_instant().millis(), midnight);
        }

        #[test]
        fn nothing_typed_ever_panics(typed in "\\PC{0,12}|[0-9-]{10}") {
            let _ = typed.parse::<Day>();
        }
    }
}

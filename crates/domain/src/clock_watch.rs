//! Whether the machine's clock can be believed. Deleting, lapsing and reminding depend on it, so these duties wait while
//! the clock disagrees with the database's, runs differently from the time that has passed, or has gone on by weeks since
//! it was last known to be right.
//!
//! The rule does no I/O: [`ClockWatch::observe`] is told what was read, and answers.

use std::time::Duration;

use crate::time::Instant;

/// How far the clock may be from the database's, and how far behind the last time known to be right.
const TOLERANCE_MS: i64 = 5 * 60 * 1000;
/// How far the clock may depart from the time that has passed while the program runs.
const LEAP_MS: i64 = 15 * 60 * 1000;
/// A program may have been off for this long, over a long weekend, without anybody being asked.
const GAP_MS: i64 = 72 * 60 * 60 * 1000;
/// A leap within [`GAP_MS`], such as a machine that slept, is believed after the clock has run evenly for this long.
const SHORT_PROOF: Duration = Duration::from_hours(1);
/// Any other clock is believed after it has run evenly for this long, if no operator confirms it before.
const LONG_PROOF: Duration = Duration::from_hours(24);

/// What was read at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// The process's clock.
    pub now: Instant,
    /// Time that has passed since the process began, by a clock that nobody sets.
    pub elapsed: Duration,
    /// The clock of the database server; none on SQLite.
    pub database: Option<Instant>,
    /// The last time that was known to be right; none in a new database.
    pub seen: Option<Instant>,
    /// How often an operator has confirmed the clock.
    pub confirmations: i64,
}

/// Why the clock is not believed. Milliseconds are positive where the clock is ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It differs from the database server's.
    Database(i64),
    /// It is behind the last time known to be right.
    Back(i64),
    /// It was set while the program ran.
    Leap(i64),
    /// The program was off for longer than a long weekend, or the clock was set meanwhile.
    Gap(i64),
}

impl Doubt {
    /// The difference in milliseconds.
    pub const fn millis(self) -> i64 {
        match self {
            Self::Database(ms) | Self::Back(ms) | Self::Leap(ms) | Self::Gap(ms) => ms,
        }
    }

    /// Whether the clock is certainly wrong, now or before. A long gap alone may be a machine that was off.
    pub const fn is_certain(self) -> bool {
        !matches!(self, Self::Gap(_))
    }

    /// The sentence for the operator.
    pub fn sentence(self) -> String {
        let by = in_words(self.millis());
        match self {
            Self::Database(_) => format!("the clock of this machine differs from the database server's by {by}"),
            Self::Back(_) => format!("the clock is {by} behind the last time known to be right"),
            Self::Leap(_) => format!("the clock was set by {by} while the program ran"),
            Self::Gap(_) => format!("the clock is {by} ahead of the last time known to be right"),
        }
    }

    const fn proof(self) -> Duration {
        match self {
            Self::Leap(ms) if ms.saturating_abs() <= GAP_MS => SHORT_PROOF,
            Self::Database(_) | Self::Back(_) | Self::Leap(_) | Self::Gap(_) => LONG_PROOF,
        }
    }
}

/// `61 days 3 h`, `4 h 10 min`, `12 min`.
fn in_words(millis: i64) -> String {
    let minutes = millis.saturating_abs() / 60_000;
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    if days > 0 {
        format!("{days} days {hours} h")
    } else if hours > 0 {
        format!("{hours} h {rest} min")
    } else {
        format!("{rest} min")
    }
}

/// The two clocks at one moment.
#[derive(Debug, Clone, Copy)]
struct Mark {
    now: Instant,
    elapsed: Duration,
}

impl Mark {
    /// How far the clock departs from the time that has passed since the mark.
    fn departure(self, reading: &Reading) -> i64 {
        let passed = reading.elapsed.saturating_sub(self.elapsed).as_millis();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        reading.now.millis().saturating_sub(self.now.millis().saturating_add(passed))
    }
}

/// What one process remembers of its clock.
#[derive(Debug, Default)]
pub struct ClockWatch {
    /// When it was last believed.
    good: Option<Mark>,
    /// Since when it has run evenly, while it is not believed.
    even_since: Option<Mark>,
    confirmations: i64,
}

impl ClockWatch {
    /// Says whether the clock can be believed now; `Err` is why not.
    pub fn observe(&mut self, reading: &Reading) -> Result<(), Doubt> {
        if reading.confirmations != self.confirmations {
            *self = Self { confirmations: reading.confirmations, ..Self::default() };
        }
        if let Some(database) = reading.database {
            let off = reading.now.millis().saturating_sub(database.millis());
            if off.saturating_abs() > TOLERANCE_MS {
                self.even_since = None;
                return Err(Doubt::Database(off));
            }
        }
        let doubt = match (self.good, reading.seen) {
            (Some(good), _) => {
                Some(good.departure(reading)).filter(|off| off.saturating_abs() > LEAP_MS).map(Doubt::Leap)
            }
            (None, Some(seen)) => match reading.now.millis().saturating_sub(seen.millis()) {
                off if off < -TOLERANCE_MS => Some(Doubt::Back(off)),
                off if off > GAP_MS => Some(Doubt::Gap(off)),
                _ => None,
            },
            (None, None) => None,
        };
        let mark = Mark { now: reading.now, elapsed: reading.elapsed };
        if let Some(doubt) = doubt {
            let even = self.even_since.filter(|m| m.departure(reading).saturating_abs() <= LEAP_MS).unwrap_or(mark);
            self.even_since = Some(even);
            if reading.elapsed.saturating_sub(even.elapsed) < doubt.proof() {
                return Err(doubt);
            }
        }
        self.good = Some(mark);
        self.even_since = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Day;

    const MINUTE: Duration = Duration::from_mins(1);

    fn start() -> Instant {
        "2026-11-23".parse::<Day>().unwrap().start_instant()
    }

    /// Reads the clock after so much time, when it is so many hours ahead of the true time.
    fn at(elapsed: Duration, ahead_hours: i64) -> Reading {
        let passed = i64::try_from(elapsed.as_millis()).unwrap();
        let now = Instant::from_millis(start().millis() + passed).plus_hours(ahead_hours);
        Reading { now, elapsed, database: None, seen: Some(start()), confirmations: 0 }
    }

    #[test]
    fn a_clock_that_runs_evenly_is_believed() {
        let mut watch = ClockWatch::default();
        for n in 0..3000 {
            assert_eq!(watch.observe(&at(MINUTE * n, 0)), Ok(()));
        }
        assert_eq!(ClockWatch::default().observe(&Reading { seen: None, ..at(MINUTE, 500_000) }), Ok(()));
    }

    #[test]
    fn a_leap_of_weeks_is_not_believed_and_is_forgotten_when_the_clock_is_right_again() {
        let mut watch = ClockWatch::default();
        assert_eq!(watch.observe(&at(MINUTE, 0)), Ok(()));
        for n in 2..20 {
            let doubt = watch.observe(&at(MINUTE * n, 61 * 24)).unwrap_err();
            assert!(matches!(doubt, Doubt::Leap(_)) && doubt.is_certain(), "{doubt:?}");
            assert_eq!(doubt.sentence(), "the clock was set by 61 days 0 h while the program ran");
        }
        assert_eq!(watch.observe(&at(MINUTE * 20, 0)), Ok(()));
        assert!(watch.observe(&at(MINUTE * 21, -48)).is_err(), "backwards neither");
    }

    #[test]
    fn a_program_that_starts_with_a_clock_far_ahead_or_behind_waits() {
        for (hours, is_certain) in [(73, false), (24 * 60, false), (-48, true)] {
            let mut watch = ClockWatch::default();
            let doubt = watch.observe(&at(MINUTE, hours)).unwrap_err();
            assert_eq!(doubt.is_certain(), is_certain, "{doubt:?}");
            assert!(watch.observe(&at(Duration::from_hours(23), hours)).is_err());
            assert_eq!(watch.observe(&at(Duration::from_hours(24) + MINUTE, hours)), Ok(()), "a day is proof");
        }
        assert_eq!(ClockWatch::default().observe(&at(MINUTE, 71)), Ok(()), "off over a long weekend");
    }

    #[test]
    fn a_machine_that_slept_for_a_night_is_believed_after_an_hour() {
        let mut watch = ClockWatch::default();
        assert_eq!(watch.observe(&at(MINUTE, 0)), Ok(()));
        assert!(watch.observe(&at(MINUTE * 2, 12)).is_err());
        assert!(watch.observe(&at(MINUTE * 30, 12)).is_err());
        assert_eq!(watch.observe(&at(MINUTE * 63, 12)), Ok(()));
    }

    #[test]
    fn a_clock_that_keeps_leaping_proves_nothing() {
        let mut watch = ClockWatch::default();
        assert_eq!(watch.observe(&at(MINUTE, 0)), Ok(()));
        for n in 2..100 {
            assert!(watch.observe(&at(Duration::from_hours(n), 1000 * i64::try_from(n).unwrap())).is_err());
        }
    }

    #[test]
    fn the_database_server_has_the_last_word() {
        let mut watch = ClockWatch::default();
        let right = |r: Reading| Reading { database: Some(Instant::from_millis(r.now.millis() - 1000)), ..r };
        assert_eq!(watch.observe(&right(at(MINUTE, 0))), Ok(()));
        let off = Reading { database: Some(start()), ..at(MINUTE * 10, 0) };
        assert!(matches!(watch.observe(&off), Err(Doubt::Database(_))));
        let days = Reading { database: Some(start()), ..at(Duration::from_hours(100), 0) };
        assert!(watch.observe(&days).is_err(), "whatever the time that has passed");
        assert_eq!(watch.observe(&right(at(Duration::from_hours(101), 0))), Ok(()));
    }

    #[test]
    fn an_operator_confirms_a_clock_at_once() {
        let mut watch = ClockWatch::default();
        let weeks = 24 * 30;
        assert!(watch.observe(&at(MINUTE, weeks)).is_err());
        let confirmed = Reading { seen: Some(start().plus_hours(weeks)), confirmations: 1, ..at(MINUTE * 2, weeks) };
        assert_eq!(watch.observe(&confirmed), Ok(()));
        let again = Reading { now: confirmed.now.plus_hours(weeks), elapsed: MINUTE * 3, ..confirmed };
        assert!(watch.observe(&again).is_err(), "one leap at a time");
    }
}

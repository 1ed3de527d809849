//! The service clock: working days in China, the terms in which a post decides, and when the clock stands.

use std::collections::{BTreeMap, BTreeSet};

use crate::actor::words;
use crate::festival::{self, Festival};
use crate::time::{Day, Instant};
use crate::workflow::State;

/// Monday to Friday, but for the exceptions of the yearly notices on public holidays.
///
/// Of a holiday whose arrangement is not registered yet, the days by law are taken to be off, so that nobody is late for a
/// holiday that the program was not told of; a term that ends near it may still move when the notice is registered, and
/// pages say so ([`Self::unregistered`]). By default there are neither exceptions nor holidays.
#[derive(Debug, Clone, Default)]
pub struct Calendar {
    exceptions: BTreeMap<Day, bool>,
    by_law: BTreeSet<Day>,
}

impl Calendar {
    /// A calendar with these exceptions: the day, and whether it is worked.
    pub fn new(exceptions: impl IntoIterator<Item = (Day, bool)>) -> Self {
        let mut calendar = Self { exceptions: exceptions.into_iter().collect(), by_law: BTreeSet::new() };
        for year in festival::years() {
            for festival in calendar.missing(year) {
                calendar.by_law.extend(festival.days_by_law(year));
            }
        }
        calendar
    }

    /// Whether bureaus work on this day.
    pub fn is_working_day(&self, day: Day) -> bool {
        let registered = self.exceptions.get(&day).copied();
        registered.unwrap_or_else(|| !day.is_weekend() && !self.by_law.contains(&day))
    }

    /// The holidays of a year whose arrangement is not registered: their own day is not among the days off. Of years that
    /// lie outside of the lunar table nothing is said.
    pub fn missing(&self, year: i16) -> Vec<Festival> {
        let is_missing = |f: &&Festival| f.day(year).is_some_and(|day| self.exceptions.get(&day) != Some(&false));
        Festival::ALL.iter().filter(is_missing).copied().collect()
    }

    /// How far a year is registered.
    pub fn registered(&self, year: i16) -> Registered {
        let missing = self.missing(year);
        if missing.is_empty() {
            Registered::Whole
        } else if missing.len() == Festival::ALL.len() {
            Registered::Nothing
        } else {
            Registered::Partly(missing)
        }
    }

    /// The years that these days touch and that are not wholly registered.
    pub fn unregistered(&self, from: Day, to: Day) -> Vec<i16> {
        (from.year()..=to.year()).filter(|year| !self.missing(*year).is_empty()).collect()
    }

    /// The last day of a term of so many working days; the day on which it begins does not count.
    pub fn term_end(&self, from: Instant, working_days: u32) -> Day {
        let mut day = from.china_day();
        for _ in 0..working_days {
            day = day.plus_days(1);
            // A calendar without any working day would never end: after a year it is taken to be wrong.
            for _ in 0..366 {
                if self.is_working_day(day) {
                    break;
                }
                day = day.plus_days(1);
            }
        }
        day
    }

    /// Working days that were taken on the service clock: none on the day on which it begins, and a day that is not worked
    /// counts as the next one that is. So more than the term are taken exactly when [`Self::term_end`] has passed.
    pub fn days_taken(&self, from: Instant, until: Instant) -> i64 {
        let (mut day, last) = (from.china_day(), until.china_day());
        let mut taken = 0;
        let mut is_counted = true;
        while day < last {
            day = day.plus_days(1);
            is_counted = self.is_working_day(day);
            taken += i64::from(is_counted);
        }
        taken + i64::from(!is_counted)
    }
}

/// How far the holidays of a year are registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registered {
    /// Every holiday has its days.
    Whole,
    /// These are missing.
    Partly(Vec<Festival>),
    /// None is registered.
    Nothing,
}

/// What a day without end lasts, in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// A calendar that never works would be searched for ever; after as many days it is taken to be wrong.
const LONGEST_SEARCH: u32 = 20_000;

impl Calendar {
    /// How much of the time between the two lies in working days, in milliseconds.
    pub fn worked(&self, from: Instant, to: Instant) -> i64 {
        let mut worked = 0_i64;
        let mut at = from;
        for _ in 0..LONGEST_SEARCH {
            if at >= to {
                break;
            }
            let day = at.china_day();
            let until = day.end_instant().min(to);
            if self.is_working_day(day) {
                worked = worked.saturating_add(until.millis().saturating_sub(at.millis()));
            }
            at = until;
        }
        worked
    }

    /// The instant since which so much working time has passed until `now`; the opposite of [`Self::worked`].
    pub fn back(&self, now: Instant, worked: i64) -> Instant {
        let mut left = worked.max(0);
        let mut at = now;
        for _ in 0..LONGEST_SEARCH {
            if left == 0 {
                break;
            }
            // The day that ends at `at`, or that `at` lies in.
            let start = Instant::from_millis(at.millis().saturating_sub(1)).china_day().start_instant();
            if self.is_working_day(start.china_day()) {
                let here = at.millis().saturating_sub(start.millis()).min(DAY_MS);
                if left <= here {
                    return Instant::from_millis(at.millis().saturating_sub(left));
                }
                left -= here;
            }
            at = start;
        }
        at
    }

    /// How many working days lie after the day of `since`, today among them.
    pub fn working_days_since(&self, since: Instant, today: Day) -> u32 {
        let mut day = since.china_day();
        let mut n = 0;
        for _ in 0..LONGEST_SEARCH {
            if day >= today {
                break;
            }
            day = day.plus_days(1);
            n += u32::from(self.is_working_day(day));
        }
        n
    }

    /// Who has waited since before this instant has been waiting for longer than so many working days.
    pub fn over_before(&self, today: Day, working_days: u32) -> Instant {
        let mut day = today;
        for _ in 0..400 {
            let earlier = day.plus_days(-1);
            if self.term_end(earlier.start_instant(), working_days) < today {
                break;
            }
            day = earlier;
        }
        day.start_instant()
    }
}

/// How long a post may take. Nothing ever happens by itself when it is over: nobody is approved by a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceTerm {
    /// Working days in which the post decides.
    pub term_days: u32,
    /// Working days after which it is said to be close to its end.
    pub amber_days: u32,
}

words! {
    /// How a case stands in its term.
    Pace {
        /// There is time.
        InTime = "in_time", "正常";
        /// The end is near.
        Due = "due", "临期";
        /// It is over.
        Overdue = "overdue", "超期";
        /// The clock stands: the enterprise owes an answer.
        Stopped = "stopped", "等待企业";
    }
}

impl ServiceTerm {
    /// How a clock that counts from `since` stands today.
    pub fn pace(self, calendar: &Calendar, since: Instant, today: Day) -> Pace {
        if today > calendar.term_end(since, self.term_days) {
            Pace::Overdue
        } else if today > calendar.term_end(since, self.amber_days) {
            Pace::Due
        } else {
            Pace::InTime
        }
    }
}

/// The service clock of a case: it counts working time while a post has it, and stands still while the enterprise owes an
/// answer (送补正, 送纸质材料).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceClock {
    /// From when it counts: now minus the working time that is used up. None while it stands.
    pub since: Option<Instant>,
    /// The working time that was used up when it stopped, in milliseconds.
    pub waited: i64,
}

impl ServiceClock {
    /// The clock of a case that no post has had yet.
    pub const STOPPED: Self = Self { since: None, waited: 0 };

    /// The clock after a step from one state to another. Another post begins anew; the post that sent a case back, or asked
    /// for its papers, goes on where it stopped.
    #[must_use]
    pub fn after(self, from: State, to: State, calendar: &Calendar, now: Instant) -> Self {
        let waited = self.since.map_or(self.waited, |since| calendar.worked(since, now));
        if to.post().is_none() || to == State::ComparingPaper {
            return Self { since: None, waited };
        }
        let goes_on = from == State::Returned || from == State::ComparingPaper;
        Self { since: Some(if goes_on { calendar.back(now, waited) } else { now }), waited: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn calendar() -> Calendar {
        Calendar::new([
            (day("2026-10-01"), false),
            (day("2026-10-02"), false),
            (day("2026-10-05"), false),
            (day("2026-10-06"), false),
            (day("2026-10-07"), false),
            (day("2026-10-10"), true),
        ])
    }

    #[test]
    fn a_term_passes_over_weekends_and_holidays() {
        let end = |from: &str, n| calendar().term_end(day(from).start_instant().plus_hours(10), n).to_string();
        assert_eq!(end("2026-11-23", 2), "2026-11-25", "Monday");
        assert_eq!(end("2026-11-27", 1), "2026-11-30", "Friday");
        assert_eq!(end("2026-09-30", 1), "2026-10-08", "the holiday begins");
        assert_eq!(end("2026-10-08", 2), "2026-10-10", "a Saturday that is worked");
        assert_eq!(end("2026-11-28", 1), "2026-11-30", "Saturday");
    }

    /// The year's notice is not registered: its holidays by law are off, a case of the last day of the year is in time on
    /// 5 January, and what is registered later is what holds.
    #[test]
    fn of_a_year_without_notice_the_law_is_known() {
        let registered = include_str!("../../../reference/holidays.csv").lines().skip(1).map(|line| {
            let mut cells = line.split(',');
            (day(cells.next().unwrap()), cells.next() == Some("work"))
        });
        let rows: Vec<_> = registered.collect();
        let unknown = Calendar::new(rows.clone());
        assert_eq!(unknown.registered(2026), Registered::Whole);
        assert_eq!(unknown.registered(2027), Registered::Nothing);
        assert_eq!(unknown.unregistered(day("2026-12-30"), day("2027-01-02")), [2027]);
        assert!(unknown.unregistered(day("2026-01-01"), day("2026-12-31")).is_empty());
        for off in ["2027-01-01", "2027-02-08", "2027-04-05", "2027-05-04", "2027-06-09", "2027-09-15", "2027-10-05"] {
            assert!(!unknown.is_working_day(day(off)), "{off}");
        }
        let term = ServiceTerm { term_days: 2, amber_days: 1 };
        let came = day("2026-12-31").start_instant().plus_hours(10);
        assert_eq!(term.pace(&unknown, came, day("2027-01-05")), Pace::Due);
        assert_eq!(term.pace(&unknown, came, day("2027-01-06")), Pace::Overdue);
        // A made-up notice: the first three days are off, and the Sunday is worked.
        let mut rows = rows;
        rows.extend([(day("2027-01-01"), false), (day("2027-01-03"), true), (day("2027-01-04"), false)]);
        let partly = Calendar::new(rows.clone());
        let Registered::Partly(missing) = partly.registered(2027) else { panic!("{:?}", partly.registered(2027)) };
        assert!(!missing.contains(&Festival::NewYear) && missing.contains(&Festival::Spring));
        assert!(partly.is_working_day(day("2027-01-03")) && !partly.is_working_day(day("2027-01-04")));
        assert!(!partly.is_working_day(day("2027-02-08")), "the others are still off by law");
        // With the day of each holiday the year is registered, and nothing is assumed any more.
        rows.extend(Festival::ALL.iter().map(|f| (f.day(2027).unwrap(), false)));
        let whole = Calendar::new(rows);
        assert_eq!(whole.registered(2027), Registered::Whole);
        assert!(whole.is_working_day(day("2027-02-08")), "what the notice does not name is worked");
    }

    #[test]
    fn a_calendar_without_working_days_still_ends() {
        let never = Calendar::new((0..2000).map(|n| (day("2026-01-01").plus_days(n), false)));
        assert!(never.term_end(day("2026-01-01").start_instant(), 3) > day("2026-01-01"));
    }

    /// Amber and red pass over a holiday: what came in on the last day before it is in time when work begins again.
    #[test]
    fn the_colours_pass_over_a_holiday() {
        let term = ServiceTerm { term_days: 2, amber_days: 1 };
        let came = day("2026-09-30").start_instant().plus_hours(10);
        let on = |d: &str| term.pace(&calendar(), came, day(d));
        for during in ["2026-09-30", "2026-10-03", "2026-10-07", "2026-10-08"] {
            assert_eq!(on(during), Pace::InTime, "{during}");
        }
        assert_eq!(on("2026-10-09"), Pace::Due);
        assert_eq!(on("2026-10-10"), Pace::Overdue, "a Saturday that is worked");
    }

    proptest! {
        /// With the enterprise the clock stands, however long it takes: what was used up before is used up afterwards.
        #[test]
        fn the_clock_stands_while_the_enterprise_owes_an_answer(
            start in 0..500_i64, hour in 0..24_i64, worked in 0..200_i64, away in 0..2000_i64, papers: bool,
        ) {
            let c = calendar();
            let begin = day("2026-06-01").plus_days(start).start_instant().plus_hours(hour);
            let (post, out) = if papers {
                (State::Comparing, State::ComparingPaper)
            } else {
                (State::FirstReview, State::Returned)
            };
            let running = ServiceClock::STOPPED.after(State::Accepting, post, &c, begin);
            prop_assert_eq!(running.since, Some(begin));
            let left = begin.plus_hours(worked);
            let stopped = running.after(post, out, &c, left);
            prop_assert_eq!(stopped, ServiceClock { since: None, waited: c.worked(begin, left) });
            let back = left.plus_hours(away);
            let again = stopped.after(out, post, &c, back);
            prop_assert_eq!(c.worked(again.since.unwrap(), back), stopped.waited);
            prop_assert!(again.since.unwrap() <= back);
            // Another post begins anew.
            let next = again.after(post, State::AwaitingIssue, &c, back.plus_hours(1));
            prop_assert_eq!(next, ServiceClock { since: Some(back.plus_hours(1)), waited: 0 });
        }

        /// The filter of the list and the colour of its row are the same rule, across weekends and holidays.
        #[test]
        fn the_threshold_of_the_list_is_the_colour_of_the_row(
            n in 0..400_i64, hour in 0..24_i64, later in 0..40_i64, term_days in 1..6_u32, amber_days in 0..6_u32,
        ) {
            let (c, term) = (calendar(), ServiceTerm { term_days, amber_days: amber_days.min(term_days) });
            let since = day("2026-06-01").plus_days(n).start_instant().plus_hours(hour);
            let today = since.china_day().plus_days(later);
            let pace = term.pace(&c, since, today);
            prop_assert_eq!(pace == Pace::Overdue, since < c.over_before(today, term.term_days));
            prop_assert_eq!(pace != Pace::InTime, since < c.over_before(today, term.amber_days));
            prop_assert_eq!(pace == Pace::Overdue, c.working_days_since(since, today) > term.term_days
                || (c.working_days_since(since, today) == term.term_days && !c.is_working_day(today)));
        }

        /// Who came earlier is never in a better colour: the order of the list is that of the colours.
        #[test]
        fn who_came_earlier_waits_at_least_as_long(a in 0..5000_i64, b in 0..5000_i64) {
            let (c, now) = (calendar(), day("2027-03-01").start_instant());
            let (early, late) = (now.plus_hours(-a.max(b)), now.plus_hours(-a.min(b)));
            prop_assert!(c.worked(early, now) >= c.worked(late, now));
            prop_assert!(c.working_days_since(early, now.china_day()) >= c.working_days_since(late, now.china_day()));
        }

        #[test]
        fn a_term_ends_on_a_working_day_after_as_many_of_them(n in 0..1000_i64, term in 1..8_u32) {
            let from = day("2026-01-01").plus_days(n);
            let end = calendar().term_end(from.start_instant(), term);
            prop_assert!(calendar().is_working_day(end));
            let mut between = 0;
            let mut at = from;
            while at < end {
                at = at.plus_days(1);
                between += u32::from(calendar().is_working_day(at));
            }
            prop_assert_eq!(between, term);
        }

        /// The three ways to say that a term has passed agree.
        #[test]
        fn more_days_than_the_term_are_taken_when_it_has_passed(n in 0..1000_i64, m in 0..40_i64, term in 1..8_u32) {
            let from = day("2026-01-01").plus_days(n);
            let until = from.plus_days(m);
            let is_late = until > calendar().term_end(from.start_instant(), term);
            let taken = calendar().days_taken(from.start_instant(), until.start_instant().plus_hours(9));
            prop_assert_eq!(taken > i64::from(term), is_late);
            prop_assert_eq!(from.start_instant() < calendar().over_before(until, term), is_late);
        }
    }
}

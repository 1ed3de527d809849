//! Working days in China, for the terms in which a post decides (the service clock).

use std::collections::BTreeMap;

use crate::actor::Post;
use crate::time::{Day, Instant};

/// Monday to Friday, but for the exceptions of the yearly notices on public holidays.
#[derive(Debug, Clone, Default)]
pub struct Calendar(BTreeMap<Day, bool>);

impl Calendar {
    /// A calendar with these exceptions: the day, and whether it is worked.
    pub fn new(exceptions: impl IntoIterator<Item = (Day, bool)>) -> Self {
        Self(exceptions.into_iter().collect())
    }

    /// Whether bureaus work on this day.
    pub fn is_working_day(&self, day: Day) -> bool {
        self.0.get(&day).copied().unwrap_or_else(|| !day.is_weekend())
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

    /// The first day of arrival whose term of so many working days has not passed on `today`: who came before is overdue.
    pub fn first_in_time(&self, today: Day, working_days: u32) -> Day {
        let mut day = today;
        // Longer than any term with its holidays; a calendar without working days is taken to be wrong.
        for _ in 0..60 {
            let before = day.plus_days(-1);
            if self.term_end(before.start_instant(), working_days) < today {
                break;
            }
            day = before;
        }
        day
    }
}

impl Post {
    /// Working days in which the post decides; none where no term is set.
    pub const fn service_days(self) -> Option<u32> {
        match self {
            Self::Accept | Self::Compare => Some(2),
            Self::FirstReview | Self::FinalReview => Some(3),
            Self::Issue => Some(1),
            _ => None,
        }
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

    #[test]
    fn a_calendar_without_working_days_still_ends() {
        let never = Calendar::new((0..2000).map(|n| (day("2026-01-01").plus_days(n), false)));
        assert!(never.term_end(day("2026-01-01").start_instant(), 3) > day("2026-01-01"));
    }

    proptest! {
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
            prop_assert_eq!(from < calendar().first_in_time(until, term), is_late);
        }
    }
}

//! The end of a certificate's validity: how far it is, and when its holder is reminded of it (D17, D19).

use crate::time::Day;

/// So many days before the last day the holder is reminded, the earliest first.
pub const REMINDERS: [i64; 4] = [30, 14, 7, 1];

/// The days from today to the last day: 0 = it ends today, negative = it is over.
pub fn days_left(last: Day, today: Day) -> i64 {
    last.start_instant().seconds_since(today.start_instant()) / 86_400
}

/// The same for people: `剩余 12 天`, `今天到期`, `已过期 3 天`.
pub fn left_in_words(last: Day, today: Day) -> String {
    match days_left(last, today) {
        0 => "今天到期".to_owned(),
        days @ 1.. => format!("剩余 {days} 天"),
        days => format!("已过期 {} 天", -days),
    }
}

/// The reminder that is due today: the smallest of [`REMINDERS`] that is reached.
///
/// Who could not be reminded on one of the days is told on the next; nobody is told at the moment in which his version
/// begins (`since`) that it ends soon.
pub fn reminder_due(last: Day, since: Day, today: Day) -> Option<i64> {
    let left = days_left(last, today);
    let reached = REMINDERS.into_iter().rev().find(|days| left <= *days)?;
    (left >= 0 && last.plus_days(-reached) > since).then_some(reached)
}

/// The first day after today on which a reminder is due; none when all are behind.
pub fn next_reminder(last: Day, today: Day) -> Option<Day> {
    REMINDERS.into_iter().map(|days| last.plus_days(-days)).find(|day| *day > today)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(s: &str) -> Day {
        s.parse().unwrap()
    }

    #[test]
    fn days_are_counted_to_the_last_one() {
        let last = day("2027-02-20");
        assert_eq!(days_left(last, day("2026-11-23")), 89);
        assert_eq!(left_in_words(last, day("2027-02-08")), "剩余 12 天");
        assert_eq!(left_in_words(last, last), "今天到期");
        assert_eq!(left_in_words(last, day("2027-02-23")), "已过期 3 天");
    }

    /// D17, D19: each reminder falls due once, on its day or when it could not be given then.
    #[test]
    fn each_reminder_is_due_from_its_day_to_the_next() {
        let (last, since) = (day("2027-02-20"), day("2026-11-23"));
        for (before, due) in [
            (31, None),
            (30, Some(30)),
            (29, Some(30)),
            (15, Some(30)),
            (14, Some(14)),
            (8, Some(14)),
            (7, Some(7)),
            (2, Some(7)),
            (1, Some(1)),
            (0, Some(1)),
            (-1, None),
        ] {
            assert_eq!(reminder_due(last, since, last.plus_days(-before)), due, "{before} days before");
        }
        let planned: Vec<_> = std::iter::successors(Some(since), |today| next_reminder(last, *today)).skip(1).collect();
        assert_eq!(planned, REMINDERS.map(|days| last.plus_days(-days)));
    }

    #[test]
    fn a_short_validity_is_not_mentioned_on_the_day_it_begins() {
        let since = day("2026-11-23");
        let last = since.plus_days(6);
        for later in 0..=4 {
            assert_eq!(reminder_due(last, since, since.plus_days(later)), None, "{later}");
        }
        assert_eq!(reminder_due(last, since, since.plus_days(5)), Some(1));
        assert_eq!(reminder_due(since, since, since), None, "a validity of one day");
    }
}

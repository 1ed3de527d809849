//! What statistics count, and what they measure on the service clock (R-C-05).
//!
//! The clock runs while a bureau owes the next step: in working days, at one post after the other. It stands while the
//! enterprise corrects (送补正) or brings papers (需送纸质材料).

use std::fmt;
use std::str::FromStr;

use crate::actor::{Post, words};
use crate::calendar::Calendar;
use crate::ids::BureauCode;
use crate::time::{BadDay, Day, Instant};
use crate::workflow::State;

words! {
    /// What a case fact is about.
    FactKind {
        /// 提交: an application came in for the first time.
        Submitted = "submitted", "提交";
        /// 岗位办理: a post decided.
        Decided = "decided", "岗位办理";
        /// 办结: the course of an application ended.
        Concluded = "concluded", "办结";
    }
}

words! {
    /// How a post decided, or how the course of an application ended.
    Outcome {
        /// On to the next post; at 发证岗: issued.
        Passed = "passed", "通过";
        /// 送补正.
        Returned = "returned", "送补正";
        /// 退回 by 发证 to an earlier post (D33).
        SentBack = "sent_back", "退回前岗";
        /// 需送纸质材料.
        PaperRequested = "paper_requested", "需送纸质材料";
        /// 拒绝受理, 初审未通过, 终审未通过, 对比材料未通过.
        Failed = "failed", "未通过";
        /// 已发证.
        Issued = "issued", "已发证";
        /// 强制终止流程.
        Terminated = "terminated", "强制终止";
        /// 已撤回.
        Withdrawn = "withdrawn", "撤回";
    }
}

impl Outcome {
    /// How an application ended; none while it goes on.
    const fn of_end(state: State) -> Option<Self> {
        match state {
            State::Issued => Some(Self::Issued),
            State::AcceptanceRefused | State::FirstReviewFailed | State::FinalReviewFailed | State::ComparingFailed => {
                Some(Self::Failed)
            }
            State::Terminated => Some(Self::Terminated),
            State::Withdrawn => Some(Self::Withdrawn),
            State::Draft
            | State::Accepting
            | State::Returned
            | State::FirstReview
            | State::FinalReview
            | State::Comparing
            | State::ComparingPaper
            | State::AwaitingIssue => None,
        }
    }

    /// What the post said; none where it was not the post that moved the application.
    const fn of_decision(from: State, to: State) -> Option<Self> {
        match to {
            State::FinalReview | State::Comparing if matches!(from, State::AwaitingIssue) => Some(Self::SentBack),
            State::FirstReview | State::FinalReview | State::Comparing | State::AwaitingIssue | State::Issued => {
                Some(Self::Passed)
            }
            State::Returned => Some(Self::Returned),
            State::ComparingPaper => Some(Self::PaperRequested),
            State::AcceptanceRefused | State::FirstReviewFailed | State::FinalReviewFailed | State::ComparingFailed => {
                Some(Self::Failed)
            }
            State::Draft | State::Accepting | State::Terminated | State::Withdrawn => None,
        }
    }
}

/// A calendar month in China: `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    number: i16,
}

impl Month {
    /// The month of a day.
    pub fn of(day: Day) -> Self {
        let number = day.to_string().get(5..7).and_then(|m| m.parse().ok()).unwrap_or(1);
        Self { year: day.year(), number }
    }

    /// So many months later (earlier when negative); within the years that are counted.
    #[must_use]
    pub fn plus(self, months: i16) -> Self {
        let n = (self.year.saturating_mul(12) + self.number - 1).saturating_add(months);
        Self { year: n.div_euclid(12), number: n.rem_euclid(12) + 1 }
    }

    /// How many months both and those between them are; none when `self` lies later.
    pub fn until(self, last: Self) -> i16 {
        (last.year - self.year) * 12 + last.number - self.number + 1
    }

    /// Both and those between them.
    pub fn through(self, last: Self) -> impl Iterator<Item = Self> {
        (0..self.until(last).max(0)).map(move |n| self.plus(n))
    }

    /// The number of the month in its year, from 1.
    pub const fn number(self) -> i16 {
        self.number
    }

    /// The year.
    pub const fn year(self) -> i16 {
        self.year
    }

    /// The instant at which it begins.
    pub fn start_instant(self) -> Instant {
        format!("{self}-01").parse::<Day>().map_or(Instant::from_millis(0), Day::start_instant)
    }

    /// The first instant that is no longer in it.
    pub fn end_instant(self) -> Instant {
        self.plus(1).start_instant()
    }

    /// `2026 年 11 月`.
    pub fn label(self) -> String {
        format!("{} 年 {} 月", self.year, self.number)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.number)
    }
}

impl FromStr for Month {
    type Err = BadDay;

    fn from_str(typed: &str) -> Result<Self, BadDay> {
        let day: Day = format!("{typed}-01").parse()?;
        // The years of any calendar of ours; others cannot be counted in months.
        if (1900..2200).contains(&day.year()) { Ok(Self::of(day)) } else { Err(BadDay) }
    }
}

/// The post that owes the next step in this state, while the service clock runs.
pub const fn owed_by(state: State) -> Option<Post> {
    match state {
        State::ComparingPaper => None,
        state => state.post(),
    }
}

/// A row of the trail that moved an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Its id in the trail.
    pub id: i64,
    /// When.
    pub at: Instant,
    /// From which state.
    pub from: Option<State>,
    /// To which state.
    pub to: State,
    /// The bureau of the officer; none = the enterprise.
    pub bureau: Option<BureauCode>,
}

/// Something that statistics count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The move that made it.
    pub trail_id: i64,
    /// What it is about.
    pub kind: FactKind,
    /// When.
    pub at: Instant,
    /// Who decided; none = it is counted where the application was received.
    pub bureau: Option<BureauCode>,
    /// The post that decided.
    pub post: Option<Post>,
    /// How it was decided, or ended; none for a submission.
    pub outcome: Option<Outcome>,
    /// Working days on the service clock: of the post, or of all posts together.
    pub days: i64,
    /// Whether the post, or one of the posts, took longer than its term.
    pub is_late: bool,
}

/// The facts in the course of one application, from its first move on. `term` says how many working days a post had for a
/// decision of this instant.
pub fn facts(calendar: &Calendar, term: impl Fn(Post, Instant) -> Option<u32>, course: &[Move]) -> Vec<Fact> {
    let mut out = Vec::new();
    let (mut since, mut total, mut any_late) = (None, 0, false);
    for step in course {
        let (mut days, mut is_late) = (0, false);
        if let (Some(post), Some(since)) = (step.from.and_then(owed_by), since) {
            days = calendar.days_taken(since, step.at);
            is_late = term(post, step.at).is_some_and(|term| days > i64::from(term));
        }
        total += days;
        any_late |= is_late;
        let fact = |kind, outcome| Fact {
            trail_id: step.id,
            kind,
            at: step.at,
            bureau: None,
            post: None,
            outcome,
            days: 0,
            is_late: false,
        };
        if step.from == Some(State::Draft) && step.to == State::Accepting {
            out.push(fact(FactKind::Submitted, None));
        }
        // What came from paper_arrived alone is no decision: the papers are there, and the clock runs again.
        let arrived = step.from == Some(State::ComparingPaper) && step.to == State::Comparing;
        if let (Some(post), Some(outcome), false) =
            (step.from.and_then(State::post), step.from.and_then(|f| Outcome::of_decision(f, step.to)), arrived)
        {
            out.push(Fact {
                bureau: step.bureau.clone(),
                post: Some(post),
                days,
                is_late,
                ..fact(FactKind::Decided, Some(outcome))
            });
        }
        if let Some(outcome) = Outcome::of_end(step.to) {
            out.push(Fact { days: total, is_late: any_late, ..fact(FactKind::Concluded, Some(outcome)) });
        }
        since = Some(step.at);
    }
    out
}

/// The value that so many tenths of the values reach at most, by nearest rank; none of none. 5 = the median.
pub fn nearest_rank(values: &mut [i64], tenths: usize) -> Option<i64> {
    values.sort_unstable();
    let rank = (values.len() * tenths).div_ceil(10);
    values.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(day: &str, hour: i64) -> Instant {
        day.parse::<Day>().unwrap().start_instant().plus_hours(hour)
    }

    fn moves(steps: &[(&str, State, State)]) -> Vec<Move> {
        let made = |(id, (day, from, to)): (i64, &(&str, State, State))| Move {
            id,
            at: at(day, 10),
            from: Some(*from),
            to: *to,
            bureau: None,
        };
        (1..).zip(steps).map(made).collect()
    }

    const fn term(post: Post, _: Instant) -> Option<u32> {
        match post {
            Post::Accept | Post::Compare => Some(2),
            Post::FirstReview | Post::FinalReview => Some(3),
            Post::Issue => Some(1),
            _ => None,
        }
    }

    /// R-C-05: the clock counts working days at each post and stands while the enterprise owes an answer.
    #[test]
    fn r_c_05_the_service_clock_stands_while_the_enterprise_owes_an_answer() {
        use State as S;
        let course = moves(&[
            ("2026-11-02", S::Draft, S::Accepting),
            ("2026-11-03", S::Accepting, S::FirstReview),
            ("2026-11-05", S::FirstReview, S::Returned),
            ("2026-11-16", S::Returned, S::FirstReview),
            ("2026-11-20", S::FirstReview, S::FinalReview),
            ("2026-11-23", S::FinalReview, S::Comparing),
            ("2026-11-23", S::Comparing, S::ComparingPaper),
            ("2026-12-04", S::ComparingPaper, S::Comparing),
            ("2026-12-07", S::Comparing, S::AwaitingIssue),
            ("2026-12-07", S::AwaitingIssue, S::Issued),
        ]);
        let found = facts(&Calendar::default(), term, &course);
        let decided: Vec<_> = found
            .iter()
            .filter(|f| f.kind == FactKind::Decided)
            .map(|f| (f.post.unwrap(), f.outcome.unwrap(), f.days, f.is_late))
            .collect();
        assert_eq!(
            decided,
            [
                (Post::Accept, Outcome::Passed, 1, false),
                (Post::FirstReview, Outcome::Returned, 2, false),
                (Post::FirstReview, Outcome::Passed, 4, true),
                (Post::FinalReview, Outcome::Passed, 1, false),
                (Post::Compare, Outcome::PaperRequested, 0, false),
                (Post::Compare, Outcome::Passed, 1, false),
                (Post::Issue, Outcome::Passed, 0, false),
            ]
        );
        let last = found.last().unwrap();
        assert_eq!(
            (last.kind, last.outcome, last.days, last.is_late),
            (FactKind::Concluded, Some(Outcome::Issued), 9, true)
        );
        assert_eq!(found.iter().filter(|f| f.kind == FactKind::Submitted).count(), 1);
    }

    #[test]
    fn a_termination_is_no_decision_of_the_post_but_its_time_counts() {
        use State as S;
        let course = moves(&[("2026-11-02", S::Draft, S::Accepting), ("2026-11-06", S::Accepting, S::Terminated)]);
        let found = facts(&Calendar::default(), term, &course);
        assert_eq!(found.iter().map(|f| f.kind).collect::<Vec<_>>(), [FactKind::Submitted, FactKind::Concluded]);
        assert_eq!((found[1].days, found[1].is_late), (4, true));
    }

    #[test]
    fn months_follow_each_other_over_the_year() {
        let november: Month = "2026-11".parse().unwrap();
        assert_eq!(
            (november.plus(2).to_string(), november.plus(-11).to_string()),
            ("2027-01".into(), "2025-12".into())
        );
        let year: Vec<_> = november.plus(-11).through(november).map(|m| m.to_string()).collect();
        assert_eq!((year.len(), year[0].as_str(), year[11].as_str()), (12, "2025-12", "2026-11"));
        assert_eq!(november.end_instant().china(), "2026-12-01 00:00");
        assert!(
            "2026-13".parse::<Month>().is_err() && "".parse::<Month>().is_err() && "0001-01".parse::<Month>().is_err()
        );
    }

    proptest! {
        #[test]
        fn as_many_values_as_asked_for_reach_the_nearest_rank(mut values in prop::collection::vec(0..40_i64, 1..60)) {
            for tenths in [5, 9] {
                let found = nearest_rank(&mut values, tenths).unwrap();
                let reached = values.iter().filter(|v| **v <= found).count();
                let before = values.iter().filter(|v| **v < found).count();
                prop_assert!(reached * 10 >= values.len() * tenths && before * 10 < values.len() * tenths);
            }
        }
    }
}

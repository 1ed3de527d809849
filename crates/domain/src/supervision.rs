//! 后续监管 of a certificate: what its holder owes next and until when, and when it is 监管完结.
//!
//! The order (art. 40, 42) asks for supervision without naming days; the numbers here are this system's.

use crate::actor::words;
use crate::certificate::{CertificateState, Validity};
use crate::time::{Day, Instant};

/// A certificate of which nothing is written off so many days after its issue is overdue.
pub const UNWRITTEN_DAYS: i64 = 60;
/// Goods of which nobody says what became of them so many days after the last 核销 are overdue.
pub const UNACCOUNTED_DAYS: i64 = 90;
/// The same of goods that the clause lets in for a time only: the customs' six months for temporary imports.
pub const TEMPORARY_DAYS: i64 = 180;
/// 后续监管 judges a record within so many days of its submission.
pub const REVIEW_DAYS: i64 = 15;
/// 后续监管 closes a certificate within so many days of the last that happened.
pub const CLOSING_DAYS: i64 = 30;

/// What the clause asks of the goods in the end (law, art. 42).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They may stay in use.
    Stay,
    /// They go abroad again.
    Return,
    /// They go abroad again or are destroyed.
    ReturnOrDestruction,
}

impl Fate {
    /// From the kinds of records that a clause allows; none are no demand.
    pub fn of<'a>(kinds: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut stays, mut returned, mut destroyed) = (false, false, false);
        for kind in kinds {
            match kind {
                "use" => stays = true,
                "return" => returned = true,
                "destruction" => destroyed = true,
                _ => {}
            }
        }
        match (stays, returned, destroyed) {
            (false, true, false) => Self::Return,
            (false, _, true) => Self::ReturnOrDestruction,
            (true, ..) | (false, false, false) => Self::Stay,
        }
    }

    /// The days from the last 核销 within which it is said what became of the goods.
    pub const fn days(self) -> i64 {
        match self {
            Self::Return => TEMPORARY_DAYS,
            Self::Stay | Self::ReturnOrDestruction => UNACCOUNTED_DAYS,
        }
    }
}

words! {
    /// What is owed next.
    Duty {
        /// 办理进口和核销.
        WriteOff = "write_off", "办理进口和核销";
        /// 核销 of what is left, while the certificate holds.
        WriteOffRest = "write_off_rest", "剩余数量继续进口和核销";
        /// 填写产品使用记录: say what became of the goods.
        Account = "account", "填写产品使用记录";
        /// 填写退运记录: the clause lets the goods in for a time only.
        Return = "return", "产品退运，填写退运记录";
        /// 填写退运记录 or 填写销毁记录: the clause leaves no other way.
        ReturnOrDestruction = "return_or_destruction", "产品退运或销毁，填写记录";
        /// 审核使用记录, by 后续监管.
        Review = "review", "后续监管审核使用记录";
        /// 监管完结, by 后续监管.
        Close = "close", "后续监管办理监管完结";
    }
}

/// What decides the next duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupervisionFacts {
    /// What the certificate's row says.
    pub state: CertificateState,
    /// Its validity.
    pub validity: Validity,
    /// When it was issued.
    pub issued_at: Instant,
    /// Of how many lines something is written off.
    pub written_lines: i64,
    /// How many lines are not finished (I4).
    pub open_lines: i64,
    /// Of how many lines something is left to account for.
    pub unaccounted_lines: i64,
    /// Since when the oldest record waits for 后续监管; none when none does.
    pub waiting_since: Option<Instant>,
    /// When a record was last judged.
    pub judged_at: Option<Instant>,
    /// When something was last written off.
    pub written_at: Option<Instant>,
    /// 展示结束日期, where the application states one.
    pub display_to: Option<Day>,
    /// Whether it is 监管完结.
    pub closed: bool,
}

impl SupervisionFacts {
    /// Everything that is owed now, each duty with its last day, the earliest first. `fate` is what the clause asks of the
    /// goods. A certificate may owe several things at once: goods that nobody accounts for, and a record that waits.
    pub fn duties(&self, fate: Fate, now: Instant) -> Vec<(Duty, Day)> {
        let mut all: Vec<_> = Duty::ALL.iter().filter_map(|d| Some((*d, self.due(*d, fate, now)?))).collect();
        all.sort_by_key(|(_, day)| *day);
        all
    }

    /// The last day of one duty; none when it is not owed now.
    pub fn due(&self, duty: Duty, fate: Fate, now: Instant) -> Option<Day> {
        if self.closed {
            return None;
        }
        let is_written = self.written_lines > 0;
        let is_owed = match duty {
            Duty::WriteOff => !is_written && !self.is_dead(),
            Duty::WriteOffRest => is_written && self.more_may_come(now),
            Duty::Account => self.unaccounted_lines > 0 && fate == Fate::Stay,
            Duty::Return => self.unaccounted_lines > 0 && fate == Fate::Return,
            Duty::ReturnOrDestruction => self.unaccounted_lines > 0 && fate == Fate::ReturnOrDestruction,
            Duty::Review => self.waiting_since.is_some(),
            Duty::Close => {
                is_written && self.unaccounted_lines == 0 && self.waiting_since.is_none() && !self.more_may_come(now)
            }
        };
        if !is_owed {
            return None;
        }
        Some(match duty {
            Duty::WriteOff => self.issued_at.china_day().plus_days(UNWRITTEN_DAYS),
            Duty::WriteOffRest => self.validity.to,
            Duty::Account | Duty::Return | Duty::ReturnOrDestruction => {
                // 展示 ends later than the days after the import: the goods stay that long.
                let since = self.written_at.unwrap_or(self.issued_at).china_day().plus_days(fate.days());
                self.display_to.map_or(since, |d| d.max(since))
            }
            Duty::Review => self.waiting_since?.china_day().plus_days(REVIEW_DAYS),
            Duty::Close => {
                let judged = self.judged_at.max(self.written_at).unwrap_or(self.issued_at).china_day();
                // Unless it is used up, it can be closed from the end of its validity on.
                let is_open = self.open_lines > 0 && self.state == CertificateState::Valid;
                let since = if is_open { judged.max(self.validity.to) } else { judged };
                since.plus_days(CLOSING_DAYS)
            }
        })
    }

    /// Whether it ended before its time.
    const fn is_dead(&self) -> bool {
        matches!(self.state, CertificateState::Revoked | CertificateState::Surrendered)
    }

    /// Whether more may still be written off.
    fn more_may_come(&self, now: Instant) -> bool {
        self.open_lines > 0 && self.state == CertificateState::Valid && !self.validity.is_over(now)
    }

    /// Why it cannot be 监管完结 now: U + R + D = W for every line, every record judged, and nothing more to come.
    pub fn obstacle_to_closing(&self, now: Instant) -> Option<&'static str> {
        if self.closed {
            Some("该证明已经监管完结")
        } else if self.written_lines == 0 {
            Some("该证明还没有核销，没有可监管的产品")
        } else if self.unaccounted_lines > 0 {
            Some("还有已核销的产品没有说明去向（剩余数量不为零），不能监管完结")
        } else if self.waiting_since.is_some() {
            Some("还有使用、退运或销毁记录等待审核，不能监管完结")
        } else if self.more_may_come(now) {
            Some("该证明尚在有效期内且没有核销完毕，还可能继续核销，不能监管完结")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(s: &str) -> Day {
        s.parse().unwrap()
    }

    fn facts() -> SupervisionFacts {
        let issued = day("2026-11-23");
        SupervisionFacts {
            state: CertificateState::Valid,
            validity: Validity::of_days(issued, 90),
            issued_at: issued.start_instant(),
            written_lines: 0,
            open_lines: 2,
            unaccounted_lines: 0,
            waiting_since: None,
            judged_at: None,
            written_at: None,
            display_to: None,
            closed: false,
        }
    }

    #[test]
    fn the_duties_follow_the_goods() {
        let now = day("2026-12-20").start_instant();
        let mut f = facts();
        let all = |f: &SupervisionFacts| f.duties(Fate::Stay, now);
        let rest = (Duty::WriteOffRest, f.validity.to);
        assert_eq!(all(&f), [(Duty::WriteOff, day("2027-01-22"))]);
        f.state = CertificateState::Surrendered;
        assert_eq!(all(&f), []);
        f = SupervisionFacts { written_lines: 1, unaccounted_lines: 1, ..facts() };
        f.written_at = Some(day("2026-12-01").start_instant());
        assert_eq!(all(&f), [rest, (Duty::Account, day("2027-03-01"))]);
        // Clause 5: the goods are shown until then, and do not stay.
        f.display_to = Some(day("2027-06-30"));
        let of = |f: &SupervisionFacts, fate, duty| f.due(duty, fate, now);
        assert_eq!(of(&f, Fate::ReturnOrDestruction, Duty::ReturnOrDestruction), Some(day("2027-06-30")));
        assert_eq!(of(&f, Fate::ReturnOrDestruction, Duty::Account), None);
        f.display_to = Some(day("2026-12-24"));
        assert_eq!(of(&f, Fate::Stay, Duty::Account), Some(day("2027-03-01")));
        // Clause 6: they were let in for a time.
        f.display_to = None;
        assert_eq!(of(&f, Fate::Return, Duty::Return), Some(day("2027-05-30")));
        f = SupervisionFacts { unaccounted_lines: 0, waiting_since: Some(day("2026-12-10").start_instant()), ..f };
        assert_eq!(all(&f), [(Duty::Review, day("2026-12-25")), rest]);
        f = SupervisionFacts { waiting_since: None, judged_at: Some(day("2026-12-12").start_instant()), ..f };
        assert_eq!(all(&f), [rest]);
        let over = f.validity.to.end_instant();
        assert_eq!(f.duties(Fate::Stay, over), [(Duty::Close, f.validity.to.plus_days(CLOSING_DAYS))]);
        f.open_lines = 0;
        assert_eq!(all(&f), [(Duty::Close, day("2027-01-11"))]);
        f.closed = true;
        assert_eq!(all(&f), []);
    }

    /// A record that waits is a duty of its own, whatever else is owed: it hides nothing and is hidden by nothing.
    #[test]
    fn a_waiting_record_and_goods_without_account_are_owed_at_once() {
        let now = day("2027-04-01").start_instant();
        let f = SupervisionFacts {
            written_lines: 2,
            unaccounted_lines: 1,
            written_at: Some(day("2026-12-01").start_instant()),
            waiting_since: Some(day("2027-02-20").start_instant()),
            ..facts()
        };
        let owed = [(Duty::Account, day("2027-03-01")), (Duty::Review, day("2027-03-07"))];
        assert_eq!(f.duties(Fate::Stay, now), owed);
    }

    #[test]
    fn the_records_that_a_clause_allows_say_what_becomes_of_the_goods() {
        assert_eq!(Fate::of(["use", "return", "destruction"]), Fate::Stay);
        assert_eq!(Fate::of(["return", "destruction"]), Fate::ReturnOrDestruction);
        assert_eq!(Fate::of(["destruction"]), Fate::ReturnOrDestruction);
        assert_eq!(Fate::of(["return"]), Fate::Return);
        assert_eq!(Fate::of([""]), Fate::Stay);
    }

    /// D23: a revoked certificate is closed when its goods are accounted for, although it is not used up.
    #[test]
    fn d23_it_is_closed_when_every_line_is_accounted_for_and_nothing_more_comes() {
        let now = day("2026-12-01").start_instant();
        let mut f = SupervisionFacts { written_lines: 2, unaccounted_lines: 1, ..facts() };
        assert!(f.obstacle_to_closing(now).is_some_and(|o| o.contains("剩余数量")));
        f.unaccounted_lines = 0;
        f.waiting_since = Some(now);
        assert!(f.obstacle_to_closing(now).is_some_and(|o| o.contains("等待审核")));
        f.waiting_since = None;
        assert!(f.obstacle_to_closing(now).is_some_and(|o| o.contains("有效期内")));
        assert_eq!(f.obstacle_to_closing(f.validity.to.end_instant()), None);
        f.state = CertificateState::Revoked;
        assert_eq!(f.obstacle_to_closing(now), None);
        f = SupervisionFacts { state: CertificateState::Valid, open_lines: 0, ..f };
        assert_eq!(f.obstacle_to_closing(now), None);
        f.closed = true;
        assert!(f.obstacle_to_closing(now).is_some());
    }
}

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

words! {
    /// What is owed next.
    Duty {
        /// 办理进口和核销.
        WriteOff = "write_off", "办理进口和核销";
        /// 填写产品使用记录: say what became of the goods.
        Account = "account", "填写产品使用记录";
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
    /// How many records wait for 后续监管.
    pub waiting_records: i64,
    /// When something was last written off.
    pub written_at: Option<Instant>,
    /// 展示结束日期, where the application states one.
    pub display_to: Option<Day>,
    /// Whether it is 监管完结.
    pub closed: bool,
}

impl SupervisionFacts {
    /// The next duty, and the last day for it where there is one; none when nothing is owed any more.
    pub fn next_duty(&self) -> Option<(Duty, Option<Day>)> {
        let dead = matches!(self.state, CertificateState::Revoked | CertificateState::Surrendered);
        if self.closed || (self.written_lines == 0 && dead) {
            None
        } else if self.written_lines == 0 {
            Some((Duty::WriteOff, Some(self.issued_at.china_day().plus_days(UNWRITTEN_DAYS))))
        } else if self.unaccounted_lines > 0 {
            // 展示 ends later than the days after the import: the goods stay that long.
            let since = self.written_at.unwrap_or(self.issued_at).china_day().plus_days(UNACCOUNTED_DAYS);
            Some((Duty::Account, Some(self.display_to.map_or(since, |d| d.max(since)))))
        } else if self.waiting_records > 0 {
            Some((Duty::Review, None))
        } else {
            Some((Duty::Close, None))
        }
    }

    /// Why it cannot be 监管完结 now: U + R + D = W for every line, every record judged, and nothing more to come.
    pub fn obstacle_to_closing(&self, now: Instant) -> Option<&'static str> {
        let over = self.state != CertificateState::Valid || self.validity.is_over(now);
        if self.closed {
            Some("该证明已经监管完结")
        } else if self.written_lines == 0 {
            Some("该证明还没有核销，没有可监管的产品")
        } else if self.unaccounted_lines > 0 {
            Some("还有已核销的产品没有说明去向（剩余数量不为零），不能监管完结")
        } else if self.waiting_records > 0 {
            Some("还有使用、退运或销毁记录等待审核，不能监管完结")
        } else if self.open_lines > 0 && !over {
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
            waiting_records: 0,
            written_at: None,
            display_to: None,
            closed: false,
        }
    }

    #[test]
    fn the_next_duty_follows_the_goods() {
        let mut f = facts();
        assert_eq!(f.next_duty(), Some((Duty::WriteOff, Some(day("2027-01-22")))));
        f.state = CertificateState::Surrendered;
        assert_eq!(f.next_duty(), None);
        f = SupervisionFacts { written_lines: 1, unaccounted_lines: 1, ..facts() };
        f.written_at = Some(day("2026-12-01").start_instant());
        assert_eq!(f.next_duty(), Some((Duty::Account, Some(day("2027-03-01")))));
        // Clause 5: the goods are shown until then.
        f.display_to = Some(day("2027-06-30"));
        assert_eq!(f.next_duty(), Some((Duty::Account, Some(day("2027-06-30")))));
        f.display_to = Some(day("2026-12-24"));
        assert_eq!(f.next_duty(), Some((Duty::Account, Some(day("2027-03-01")))));
        f = SupervisionFacts { unaccounted_lines: 0, waiting_records: 1, ..f };
        assert_eq!(f.next_duty(), Some((Duty::Review, None)));
        f = SupervisionFacts { waiting_records: 0, ..f };
        assert_eq!(f.next_duty(), Some((Duty::Close, None)));
        f.closed = true;
        assert_eq!(f.next_duty(), None);
    }

    /// D23: a revoked certificate is closed when its goods are accounted for, although it is not used up.
    #[test]
    fn d23_it_is_closed_when_every_line_is_accounted_for_and_nothing_more_comes() {
        let now = day("2026-12-01").start_instant();
        let mut f = SupervisionFacts { written_lines: 2, unaccounted_lines: 1, ..facts() };
        assert!(f.obstacle_to_closing(now).is_some_and(|o| o.contains("剩余数量")));
        f.unaccounted_lines = 0;
        f.waiting_records = 1;
        assert!(f.obstacle_to_closing(now).is_some_and(|o| o.contains("等待审核")));
        f.waiting_records = 0;
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

//! 免办证明: its states and its validity (D12, D13, D17, D23).

use crate::actor::words;
use crate::time::{Day, Instant};

words! {
    /// What the certificate's row says. 已过期 and 核销完毕 are derived, see [`Standing`].
    CertificateState {
        /// 有效.
        Valid = "valid", "有效";
        /// 修改中.
        Amending = "amending", "修改中";
        /// 已撤销.
        Revoked = "revoked", "已撤销";
        /// 已注销.
        Surrendered = "surrendered", "已注销";
    }
}

words! {
    /// What the public and the holder are told about a certificate.
    Standing {
        /// 有效.
        Valid = "valid", "有效";
        /// 修改中: the certificate stays in force, write-off waits.
        Amending = "amending", "修改中（原证明有效）";
        /// 已过期.
        Expired = "expired", "已过期";
        /// 核销完毕.
        Exhausted = "exhausted", "核销完毕";
        /// 已撤销.
        Revoked = "revoked", "已撤销";
        /// 已注销.
        Surrendered = "surrendered", "已注销";
    }
}

words! {
    /// Where an amendment of a certificate stands (workflow §3.4); [`crate::amendment::step`] says how it moves.
    AmendmentState {
        /// 已申请修改: the enterprise asked online, nobody has answered.
        Requested = "requested", "已申请修改";
        /// 待企业修改: the bureau returned the certificate to the enterprise.
        Opened = "opened", "待企业修改";
        /// 已提交新证明.
        Submitted = "submitted", "已提交新证明";
        /// 退回重新修改.
        SentBack = "sent_back", "退回重新修改";
        /// 已确认, final: the new version is in force.
        Confirmed = "confirmed", "已确认";
        /// 已取消, final.
        Cancelled = "cancelled", "已取消";
        /// 未同意, final: the request was refused.
        Refused = "refused", "未同意";
    }
}

impl AmendmentState {
    /// Whether it is not over; a certificate has one such amendment at most (D13).
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Requested | Self::Opened | Self::Submitted | Self::SentBack)
    }
}

/// The shortest validity a bureau may grant, in days (D17).
pub const SHORTEST_VALIDITY_DAYS: i64 = 1;
/// The longest validity a bureau may grant, in days (D17).
pub const LONGEST_VALIDITY_DAYS: i64 = 365;

/// From the day of issue to 24:00 China time of the last day (D17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first day.
    pub from: Day,
    /// The last day, whole.
    pub to: Day,
}

/// Why a validity cannot be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValidityError {
    /// The end lies before the beginning.
    #[error("证明有效期的截止日期不能早于起始日期，请重新选择截止日期")]
    EndsBeforeItBegins,
    /// The beginning is not the day of issue.
    #[error("证明有效期从发证当日起算，起始日期应为 {0}")]
    DoesNotBeginToday(Day),
    /// Longer than a year.
    #[error("证明有效期最长 365 天，截止日期不能晚于 {0}")]
    TooLong(Day),
}

impl Validity {
    /// The validity of a certificate issued today that ends on `to` (D17).
    pub fn granted(today: Day, from: Day, to: Day) -> Result<Self, ValidityError> {
        let last = today.plus_days(LONGEST_VALIDITY_DAYS - 1);
        if from != today {
            Err(ValidityError::DoesNotBeginToday(today))
        } else if to < from {
            Err(ValidityError::EndsBeforeItBegins)
        } else if to > last {
            Err(ValidityError::TooLong(last))
        } else {
            Ok(Self { from, to })
        }
    }

    /// `days` days from today on, today counted.
    pub fn of_days(today: Day, days: i64) -> Self {
        let days = days.clamp(SHORTEST_VALIDITY_DAYS, LONGEST_VALIDITY_DAYS);
        Self { from: today, to: today.plus_days(days - 1) }
    }

    /// Whether the last day has passed.
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.to.end_instant()
    }
}

/// What decides the links and the standing of a certificate, without its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// What its row says.
    pub state: CertificateState,
    /// From the day of issue to the last day.
    pub validity: Validity,
    /// How many lines (products) it has.
    pub lines: i64,
    /// How many of them are not finished (I4).
    pub open_lines: i64,
    /// Of how many something is written off.
    pub written_lines: i64,
    /// Of how many something is declared and not yet decided.
    pub pending_lines: i64,
    /// Its open amendment (D13).
    pub amendment: Option<AmendmentState>,
}

impl CertificateFacts {
    /// Whether every line is finished: 核销完毕 (I4).
    pub const fn is_exhausted(&self) -> bool {
        self.open_lines == 0
    }

    /// What the holder is told of it now.
    pub fn standing(&self, now: Instant) -> Standing {
        standing(self.state, self.validity, self.is_exhausted(), now)
    }
}

/// What is true of a certificate now.
pub fn standing(state: CertificateState, validity: Validity, exhausted: bool, now: Instant) -> Standing {
    match state {
        CertificateState::Revoked => Standing::Revoked,
        CertificateState::Surrendered => Standing::Surrendered,
        CertificateState::Amending => Standing::Amending,
        CertificateState::Valid if exhausted => Standing::Exhausted,
        CertificateState::Valid if validity.is_over(now) => Standing::Expired,
        CertificateState::Valid => Standing::Valid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(s: &str) -> Day {
        s.parse().unwrap()
    }

    #[test]
    fn ninety_days_count_the_day_of_issue() {
        assert_eq!(Validity::of_days(day("2026-11-23"), 90).to, day("2027-02-20"));
    }

    #[test]
    fn validity_ends_at_midnight_china_time_of_the_last_day() {
        let v = Validity::of_days(day("2026-11-23"), 1);
        let end = v.to.end_instant();
        assert!(v.is_over(end));
        assert!(!v.is_over(Instant::from_millis(end.millis() - 1)));
    }

    #[test]
    fn a_validity_is_refused_with_a_reason() {
        let today = day("2026-11-23");
        assert_eq!(Validity::granted(today, today, day("2026-11-22")), Err(ValidityError::EndsBeforeItBegins));
        assert!(matches!(Validity::granted(today, today, day("2027-11-23")), Err(ValidityError::TooLong(_))));
        assert!(Validity::granted(today, today, day("2027-11-22")).is_ok());
        assert!(matches!(
            Validity::granted(today, day("2026-11-24"), day("2026-12-24")),
            Err(ValidityError::DoesNotBeginToday(_))
        ));
    }
}

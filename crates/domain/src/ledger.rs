//! The four numbers of one certificate line, in two units (invariants I1–I6 of the specification).

use crate::actor::words;
use crate::quantity::Quantity;

/// The balance of one line: 总 (required), 待确认 (pending), 已核销 (written off), and what became of the goods.
///
/// The same rules stand as `CHECK` constraints on `certificate_item`; [`Balance::is_sound`] is what
/// `mianban doctor` asks of every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// N: 需核销数量.
    pub required: Quantity,
    /// P: declared and not yet confirmed.
    pub pending: Quantity,
    /// W: written off.
    pub written_off: Quantity,
    /// U + R + D: used, returned, destroyed; whole units of 数量/重量 (E13).
    pub accounted: Quantity,
}

impl Balance {
    /// The balance of a line that was just issued.
    pub const fn opening(required: Quantity) -> Self {
        Self { required, pending: Quantity::ZERO, written_off: Quantity::ZERO, accounted: Quantity::ZERO }
    }

    /// 可预核销 = 总 − 已核销 − 待确认 (D1); zero when a direct 核销 has eaten into what is pending.
    pub fn declarable(&self) -> Quantity {
        self.required
            .checked_sub(self.written_off)
            .and_then(|left| left.checked_sub(self.pending))
            .unwrap_or(Quantity::ZERO)
    }

    /// What an officer may still write off: 总 − 已核销 (D1).
    pub fn writable(&self) -> Quantity {
        self.required.checked_sub(self.written_off).unwrap_or(Quantity::ZERO)
    }

    /// Whether somebody still has to say what became of goods: 剩余数量 is more than zero (I6).
    pub fn is_unaccounted(&self) -> bool {
        self.written_off > self.accounted
    }

    /// Finished when 已核销 = 总 in 数量/重量 (I4, manual §2.8).
    pub fn is_finished(&self) -> bool {
        self.written_off == self.required
    }

    /// I1 and I6: 0 ≤ accounted ≤ written off ≤ required, pending ≥ 0.
    pub fn is_sound(&self) -> bool {
        self.written_off <= self.required
            && self.accounted <= self.written_off
            && [self.required, self.pending, self.written_off, self.accounted].iter().all(|q| *q >= Quantity::ZERO)
    }
}

/// An amount in both units: 数量/重量 and HS 标准量.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// 数量/重量.
    pub qty: Quantity,
    /// HS 标准量.
    pub hs_qty: Quantity,
}

impl Amounts {
    /// Whether both are zero: then nothing is meant (D20).
    pub fn is_nothing(self) -> bool {
        self.qty == Quantity::ZERO && self.hs_qty == Quantity::ZERO
    }

    /// Whether each is at most that of `most`.
    pub fn fits(self, most: Self) -> bool {
        self.qty <= most.qty && self.hs_qty <= most.hs_qty
    }

    /// Of each the smaller one.
    #[must_use]
    pub fn at_most(self, most: Self) -> Self {
        Self { qty: self.qty.min(most.qty), hs_qty: self.hs_qty.min(most.hs_qty) }
    }
}

/// The balance of a line in both units. HS usage does not exist: `hs.accounted` is zero (E13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineBalance {
    /// 数量/重量.
    pub qty: Balance,
    /// HS 标准量.
    pub hs: Balance,
}

impl LineBalance {
    /// The balance of a line that was just issued.
    pub const fn opening(required: Amounts) -> Self {
        Self { qty: Balance::opening(required.qty), hs: Balance::opening(required.hs_qty) }
    }

    /// What may still be declared (I2, I3, D1); nothing once the line is finished.
    pub fn declarable(&self) -> Amounts {
        if self.is_finished() {
            return Amounts::default();
        }
        Amounts { qty: self.qty.declarable(), hs_qty: self.hs.declarable() }
    }

    /// What may still be written off (I1, D1); nothing once the line is finished.
    pub fn writable(&self) -> Amounts {
        if self.is_finished() {
            return Amounts::default();
        }
        Amounts { qty: self.qty.writable(), hs_qty: self.hs.writable() }
    }

    /// Finished by 数量/重量 alone; HS 标准量 does not count (I4).
    pub fn is_finished(&self) -> bool {
        self.qty.is_finished()
    }

    /// 尾差: the HS 标准量 that is left over on a finished line (I8).
    pub fn tail(&self) -> Option<Quantity> {
        let left = self.hs.writable();
        (self.is_finished() && left > Quantity::ZERO).then_some(left)
    }

    /// Whether something is written off, in either unit.
    pub fn is_begun(&self) -> bool {
        self.qty.written_off > Quantity::ZERO || self.hs.written_off > Quantity::ZERO
    }

    /// Whether something is declared and not yet confirmed, in either unit.
    pub fn is_pending(&self) -> bool {
        self.qty.pending > Quantity::ZERO || self.hs.pending > Quantity::ZERO
    }

    /// What stays for another application (D19): N − W in both units; none of a finished line.
    pub fn remaining(&self) -> Option<Amounts> {
        let left = self.writable();
        (left.qty > Quantity::ZERO).then_some(left)
    }

    /// Whether both halves are sound, and HS usage is none.
    pub fn is_sound(&self) -> bool {
        self.qty.is_sound() && self.hs.is_sound() && self.hs.accounted == Quantity::ZERO
    }
}

/// Why a declared amount looks wrong, without being so: the enterprise is asked once more (D20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// One unit, two numbers.
    #[error("两种计量单位相同，但两个数量不一致，请核对")]
    SameUnitOtherNumber,
    /// The two amounts do not stand to each other as those of the certificate do.
    #[error("数量/重量与 HS 标准量的比例和证明上的比例相差超过 10%，请核对")]
    OtherRatio,
}

/// What is doubtful about an amount of a line (D20): equal units with different numbers, otherwise a ratio that differs
/// by more than a tenth from that of the certificate.
pub fn doubt(amounts: Amounts, required: Amounts, same_unit: bool) -> Option<Doubt> {
    if amounts.is_nothing() {
        return None;
    }
    if same_unit {
        return (amounts.qty != amounts.hs_qty).then_some(Doubt::SameUnitOtherNumber);
    }
    let [q, h] = [amounts.qty, amounts.hs_qty].map(|a| i128::from(a.units()));
    let [n, m] = [required.qty, required.hs_qty].map(|a| i128::from(a.units()));
    // q/h against n/m, without a division.
    ((q * m - h * n).abs() * 10 > h * n).then_some(Doubt::OtherRatio)
}

/// A pending 预核销 gives its quantity back after this many days, unless the installation says otherwise (D1).
pub const PENDING_DAYS: i64 = 60;

words! {
    /// What became of a product of a 预核销.
    PreWriteOffState {
        /// 待确认.
        Pending = "pending", "待确认";
        /// 已确认: written off, up to what was declared (D11).
        Confirmed = "confirmed", "已确认";
        /// 已退回 by the officer, with a reason.
        Refused = "refused", "已退回";
        /// 已撤回 by the enterprise (D24).
        Withdrawn = "withdrawn", "已撤回";
        /// 已失效: pending for too long, or the certificate was revoked.
        Lapsed = "lapsed", "已失效";
    }
}

words! {
    /// What an entry of the ledger did.
    EntryKind {
        /// 预核销: reserves.
        Declare = "declare", "预核销";
        /// 预核销确认: what was reserved is written off, as far as it is confirmed.
        Confirm = "confirm", "预核销确认";
        /// 退回: the officer sent it back.
        Refuse = "refuse", "预核销退回";
        /// 撤回: the enterprise took it back.
        Withdraw = "withdraw", "预核销撤回";
        /// 失效: pending for too long, or the certificate was revoked.
        Lapse = "lapse", "预核销失效";
        /// 直接核销 by an officer.
        Direct = "direct", "直接核销";
        /// 冲销: takes a wrong 核销 back.
        Reverse = "reverse", "冲销";
        /// 使用.
        Use = "use", "使用";
        /// 退运.
        Return = "return", "退运";
        /// 销毁.
        Destroy = "destroy", "销毁";
        /// A usage record was rejected: its quantity is free again.
        Release = "release", "使用记录退回";
        /// 尾差: what is left is less than one unit, closed by 后续监管 with a note.
        Tail = "tail", "尾差说明";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amounts(qty: &str, hs_qty: &str) -> Amounts {
        Amounts { qty: qty.parse().unwrap(), hs_qty: hs_qty.parse().unwrap() }
    }

    /// D20: equal units ask for equal numbers, other units for about the ratio of the certificate.
    #[test]
    fn d20_a_doubt_is_a_question_not_a_refusal() {
        let required = amounts("800", "640");
        assert_eq!(doubt(amounts("100", "80"), required, false), None);
        assert_eq!(doubt(amounts("110", "80"), required, false), None, "exactly a tenth");
        assert_eq!(doubt(amounts("110.00001", "80"), required, false), Some(Doubt::OtherRatio));
        assert_eq!(doubt(amounts("89", "80"), required, false), Some(Doubt::OtherRatio));
        assert_eq!(doubt(amounts("10", "0"), required, false), Some(Doubt::OtherRatio));
        assert_eq!(doubt(amounts("0", "10"), required, false), Some(Doubt::OtherRatio));
        assert_eq!(doubt(amounts("0", "0"), required, false), None);
        assert_eq!(doubt(amounts("12", "12"), amounts("24", "24"), true), None);
        assert_eq!(doubt(amounts("12", "11"), amounts("24", "24"), true), Some(Doubt::SameUnitOtherNumber));
        let most = Amounts { qty: Quantity::MAX, hs_qty: Quantity::MAX };
        assert_eq!(doubt(most, most, false), None);
    }

    /// I4: a line ends with its 数量/重量, and nothing can be declared or written off afterwards (R-2.8-16).
    #[test]
    fn r_2_8_16_a_line_is_finished_by_its_quantity_alone() {
        let mut line = LineBalance::opening(amounts("10", "8"));
        assert_eq!((line.declarable(), line.remaining()), (amounts("10", "8"), Some(amounts("10", "8"))));
        line.hs.written_off = line.hs.required;
        assert!(!line.is_finished() && line.tail().is_none());
        line.hs.written_off = "7.5".parse().unwrap();
        line.qty.written_off = line.qty.required;
        assert!(line.is_finished());
        assert_eq!(line.tail(), Some("0.5".parse().unwrap()));
        assert!(line.declarable().is_nothing() && line.writable().is_nothing() && line.remaining().is_none());
    }

    /// D1: what a direct 核销 took from a reservation is not lent out a second time.
    #[test]
    fn d1_what_is_pending_is_not_declared_again() {
        let mut line = LineBalance::opening(amounts("100", "100"));
        line.qty.pending = "60".parse().unwrap();
        assert_eq!(line.declarable(), amounts("40", "100"));
        line.qty.written_off = "50".parse().unwrap();
        assert_eq!(line.declarable(), amounts("0", "100"));
        assert_eq!(line.writable(), amounts("50", "100"));
        assert!(line.is_sound() && line.is_begun() && line.is_pending());
    }

    proptest! {
        /// No amount overflows the comparison.
        #[test]
        fn every_amount_can_be_doubted(q in 0..=99_999_999_999_999_999_i64, h in 0..=99_999_999_999_999_999_i64,
                                       n in 1..=99_999_999_999_999_999_i64, m in 1..=99_999_999_999_999_999_i64) {
            let given = Amounts { qty: Quantity::from_units(q), hs_qty: Quantity::from_units(h) };
            let required = Amounts { qty: Quantity::from_units(n), hs_qty: Quantity::from_units(m) };
            let _ = doubt(given, required, false);
            prop_assert_eq!(doubt(required, required, false), None);
        }
    }
}

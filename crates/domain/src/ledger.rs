//! The four numbers of one certificate line, in two units (invariants I1–I6 of the specification).

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

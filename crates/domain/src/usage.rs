//! 产品使用记录 (manual §2.9): what became of goods that are in the country. Kinds, states, and the one table of what is
//! allowed; quantities and 尾差 (I6, D2).

use crate::actor::{Bar, words};
use crate::ids::{CertificateItemId, PortCode};
use crate::quantity::{BadAmount, Quantity};
use crate::text::half_width;
use crate::time::Day;

words! {
    /// What became of the goods.
    UsageKind {
        /// 使用单位: somebody uses them.
        Use = "use", "使用";
        /// 退运: they left the country again.
        Return = "return", "退运";
        /// 销毁.
        Destruction = "destruction", "销毁";
    }
}

impl UsageKind {
    /// The button of the list, and the heading of the form.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Use => "填写使用单位",
            Self::Return => "填写退运记录",
            Self::Destruction => "填写销毁记录",
        }
    }

    /// What its record is called.
    pub const fn record(self) -> &'static str {
        match self {
            Self::Use => "使用记录",
            Self::Return => "退运记录",
            Self::Destruction => "销毁记录",
        }
    }

    /// The quantity of the form.
    pub const fn quantity(self) -> &'static str {
        match self {
            Self::Use => "本次使用数量",
            Self::Return => "本次退运数量",
            Self::Destruction => "本次销毁数量",
        }
    }

    /// What an empty list of records says (manual §2.9, 查看记录).
    pub const fn nothing(self) -> &'static str {
        match self {
            Self::Use => "没有产品使用记录",
            Self::Return => "没有产品退运记录",
            Self::Destruction => "没有产品销毁记录",
        }
    }
}

words! {
    /// Where a record stands.
    UsageState {
        /// 未提交.
        Draft = "draft", "未提交";
        /// 已提交: 后续监管 has to look at it.
        Submitted = "submitted", "已提交";
        /// 审核通过, final.
        Approved = "approved", "审核通过";
        /// 审核未通过: it can be changed and submitted again (D14).
        Rejected = "rejected", "审核未通过";
    }
}

impl UsageState {
    /// Whether its quantities are taken from 剩余数量 (D2).
    pub const fn reserves(self) -> bool {
        matches!(self, Self::Submitted | Self::Approved)
    }
}

/// What the form of a record says (forms §2.11); the fields of the other kinds are blank.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageForm {
    /// 使用单位名称.
    pub use_unit_name: String,
    /// 联系人.
    pub use_contact: String,
    /// 联系电话.
    pub use_phone: String,
    /// 使用单位地址.
    pub use_address: String,
    /// 使用日期.
    pub used_on: Option<Day>,
    /// 使用说明.
    pub note: String,
    /// 退运日期.
    pub returned_on: Option<Day>,
    /// 出口口岸.
    pub port: Option<PortCode>,
    /// 出口报关单号.
    pub export_decl_no: String,
    /// 退运原因.
    pub reason: String,
    /// 销毁日期.
    pub destroyed_on: Option<Day>,
    /// 销毁地点.
    pub place: String,
    /// 销毁方式.
    pub method: String,
    /// 销毁单位.
    pub handler: String,
    /// 监销人.
    pub witness: String,
    /// The products, at least one, in the order of the certificate (D15).
    pub lines: Vec<UsageLine>,
}

/// A product of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageLine {
    /// The line of the certificate.
    pub item: CertificateItemId,
    /// How many; none while it was saved without.
    pub qty: Option<Quantity>,
    /// 序列号/零件号.
    pub serials: String,
}

/// What somebody wants to do with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageAction {
    /// 保存, 修改.
    Edit,
    /// 删除.
    Delete,
    /// 提交 to 后续监管.
    Submit,
    /// 审核通过.
    Approve,
    /// 审核未通过.
    Reject,
}

impl UsageAction {
    /// Every action.
    pub const ALL: &'static [Self] = &[Self::Edit, Self::Delete, Self::Submit, Self::Approve, Self::Reject];

    /// The word in audit rows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Edit => "usage_edit",
            Self::Delete => "usage_delete",
            Self::Submit => "usage_submit",
            Self::Approve => "usage_approve",
            Self::Reject => "usage_reject",
        }
    }

    /// What a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Edit => "修改",
            Self::Delete => "删除",
            Self::Submit => "提交",
            Self::Approve => "审核通过",
            Self::Reject => "审核未通过",
        }
    }
}

/// The capacity in which somebody approaches a record; [`crate::policy::usage_hat`] gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageHat {
    /// The user whose application it is.
    Holder,
    /// An officer at 后续监管 of the bureau of the frozen route.
    Supervisor,
    /// Everybody else.
    Bystander,
}

/// What a step does to 剩余数量 (D2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// Its quantities are taken.
    Account,
    /// Its quantities are free again.
    Release,
}

/// An allowed step: only [`step`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageStep {
    action: UsageAction,
    from: UsageState,
    to: Option<UsageState>,
}

impl UsageStep {
    /// What is done.
    pub const fn action(self) -> UsageAction {
        self.action
    }

    /// The state before.
    pub const fn from(self) -> UsageState {
        self.from
    }

    /// The state afterwards; none when the record is deleted.
    pub const fn to(self) -> Option<UsageState> {
        self.to
    }

    /// What it does to 剩余数量.
    pub fn effect(self) -> Effect {
        let reserved = self.to.is_some_and(UsageState::reserves);
        match (self.from.reserves(), reserved) {
            (false, true) => Effect::Account,
            (true, false) => Effect::Release,
            (true, true) | (false, false) => Effect::Nothing,
        }
    }
}

/// Why a step is not allowed, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsageRefusal {
    /// The record stands elsewhere.
    #[error("该记录当前状态为“{}”，不能{}。请刷新后查看最新状态", .state.label(), .action.label())]
    NotInThisState {
        /// Where it stands.
        state: UsageState,
        /// What was tried.
        action: UsageAction,
    },
    /// Somebody else does it.
    #[error("您不能对该记录进行“{}”操作：填写和提交由申请单的用户办理，审核由负责后续监管的检验检疫局办理", .action.label())]
    NotYours {
        /// What was tried.
        action: UsageAction,
    },
    /// It is his, and something else keeps him from it (D29, D30).
    #[error("{0}")]
    Barred(Bar),
}

/// The table: one line per arrow (workflow §3.7).
pub fn step(state: UsageState, action: UsageAction, hat: UsageHat) -> Result<UsageStep, UsageRefusal> {
    use UsageAction as A;
    use UsageHat::{Holder, Supervisor};
    use UsageState as S;
    let (to, who) = match (state, action) {
        (S::Draft, A::Edit) => (Some(S::Draft), Holder),
        (S::Draft, A::Delete) => (None, Holder),
        (S::Draft | S::Rejected, A::Submit) => (Some(S::Submitted), Holder),
        (S::Rejected, A::Edit) => (Some(S::Rejected), Holder),
        (S::Submitted, A::Approve) => (Some(S::Approved), Supervisor),
        (S::Submitted, A::Reject) => (Some(S::Rejected), Supervisor),
        (state, action) => return Err(UsageRefusal::NotInThisState { state, action }),
    };
    if who == hat { Ok(UsageStep { action, from: state, to }) } else { Err(UsageRefusal::NotYours { action }) }
}

/// Why a typed quantity is none (manual §2.9: a positive integer).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUsageQuantity {
    /// Decimals, also `12.0`: goods are counted in whole units here.
    #[error("必须是正整数，不能有小数")]
    NotWhole,
    /// Anything else.
    #[error("{0}，请填写正整数")]
    Amount(BadAmount),
}

/// Reads 本次使用（退运、销毁）数量: a positive integer.
pub fn quantity(typed: &str) -> Result<Quantity, BadUsageQuantity> {
    if half_width(typed).contains('.') {
        return Err(BadUsageQuantity::NotWhole);
    }
    Quantity::parse_positive(typed).map_err(|why| match why {
        BadAmount::TooManyDecimals(_) => BadUsageQuantity::NotWhole,
        other => BadUsageQuantity::Amount(other),
    })
}

/// One unit.
const ONE: i64 = 100_000;

/// 剩余数量 of a line: written off and not accounted for (I6, D2).
pub fn remaining(written_off: Quantity, accounted: Quantity) -> Quantity {
    written_off.checked_sub(accounted).unwrap_or(Quantity::ZERO)
}

/// What of it a record can name: whole units.
pub const fn usable(remaining: Quantity) -> Quantity {
    Quantity::from_units(remaining.units() - remaining.units() % ONE)
}

/// Whether what is left is less than one unit: 尾差, which no record can name and 后续监管 may close with a note.
pub const fn is_tail(remaining: Quantity) -> bool {
    0 < remaining.units() && remaining.units() < ONE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HATS: [UsageHat; 3] = [UsageHat::Holder, UsageHat::Supervisor, UsageHat::Bystander];

    /// D14: the arrows, written a second time.
    #[test]
    fn d14_the_arrows_are_those_of_the_workflow() {
        use UsageAction as A;
        use UsageState as S;
        let mut arrows = Vec::new();
        for state in S::ALL {
            for action in A::ALL {
                for hat in HATS {
                    if let Ok(step) = step(*state, *action, hat) {
                        arrows.push((*state, *action, hat, step.to(), step.effect()));
                    }
                }
            }
        }
        let (holder, supervisor) = (UsageHat::Holder, UsageHat::Supervisor);
        assert_eq!(
            arrows,
            [
                (S::Draft, A::Edit, holder, Some(S::Draft), Effect::Nothing),
                (S::Draft, A::Delete, holder, None, Effect::Nothing),
                (S::Draft, A::Submit, holder, Some(S::Submitted), Effect::Account),
                (S::Submitted, A::Approve, supervisor, Some(S::Approved), Effect::Nothing),
                (S::Submitted, A::Reject, supervisor, Some(S::Rejected), Effect::Release),
                (S::Rejected, A::Edit, holder, Some(S::Rejected), Effect::Nothing),
                (S::Rejected, A::Submit, holder, Some(S::Submitted), Effect::Account),
            ]
        );
    }

    /// R-2.9.1-05: 0, negatives and decimals are refused with a sentence.
    #[test]
    fn r_2_9_1_05_a_quantity_is_a_positive_integer() {
        assert_eq!(quantity("３ ").unwrap(), Quantity::parse("3").unwrap());
        assert_eq!(quantity("1,200").unwrap(), Quantity::parse("1200").unwrap());
        for typed in ["0", "-1", "1.5", "12.0", "一", "1e3", "", "9999999999999999"] {
            let why = quantity(typed).unwrap_err().to_string();
            assert!(why.contains("正整数"), "{typed}: {why}");
        }
    }

    proptest! {
        /// D2: what a record can name never exceeds what is left, and only a tail stays.
        #[test]
        fn d2_whole_units_leave_a_tail_at_most(written in 0..=99_999_999_999_999_999_i64, part in 0..=100_i64) {
            let written_off = Quantity::from_units(written);
            let accounted = usable(Quantity::from_units(written / 100 * part));
            let left = remaining(written_off, accounted);
            prop_assert_eq!(left.units(), written - accounted.units());
            let rest = left.units() - usable(left).units();
            prop_assert!((0..ONE).contains(&rest));
            prop_assert_eq!(is_tail(Quantity::from_units(rest)), rest > 0);
        }
    }
}

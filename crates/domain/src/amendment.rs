//! 证明修改 (manual §2.7, D6, D13): states, the one table that says what is allowed, who comes in which capacity, and
//! what of a certificate may change.
//!
//! The changed values lie beside the certificate; the certificate itself changes only at [`Action::Confirm`].

use crate::actor::{Actor, Bar, Post, Undertaking, words};
use crate::catalogue::Trait;
use crate::certificate::{AmendmentState, CertificateState, LONGEST_VALIDITY_DAYS, Validity};
use crate::ids::{AccountId, BureauCode, HsCode, UnitCode};
use crate::quantity::Quantity;
use crate::time::Day;

use AmendmentState as S;

words! {
    /// What somebody wants to do with an amendment.
    Action {
        /// 申请修改证明: the enterprise asks online, in place of the phone call.
        Request = "request_amendment", "申请修改证明";
        /// 同意修改: after the phone call, or on the request (M1).
        Open = "open_amendment", "同意修改";
        /// 不同意修改: the request is refused.
        Refuse = "refuse_amendment", "不同意修改";
        /// 保存: change the values beside the certificate.
        Edit = "edit", "修改证明";
        /// 提交 (M2).
        Submit = "submit_amendment", "提交证明修改";
        /// 通过: version n + 1 (M3).
        Confirm = "confirm_amendment", "证明修改通过";
        /// 不通过: back to the enterprise (M4).
        SendBack = "send_back_amendment", "证明修改不通过";
        /// The enterprise gives up, 改批 withdraws, or the certificate ends (M5, D23).
        Cancel = "cancel_amendment", "取消证明修改";
    }
}

/// The capacity in which somebody approaches one amendment; [`hat`] gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hat {
    /// The enterprise's user whose certificate it is.
    Holder,
    /// 证明修改批准岗 of the bureau that amends.
    Approver,
    /// 证明修改确认岗 of that bureau; not the person who opened it, while the bureau asks for four eyes (D6).
    Confirmer,
    /// The certificate itself ends: it is revoked or surrendered.
    Ending,
    /// Everybody else.
    Bystander,
}

impl Hat {
    const ALL: [Self; 5] = [Self::Holder, Self::Approver, Self::Confirmer, Self::Ending, Self::Bystander];

    const fn label(self) -> &'static str {
        match self {
            Self::Holder => "企业 (holder)",
            Self::Approver => Post::AmendApprove.label(),
            Self::Confirmer => Post::AmendConfirm.label(),
            Self::Ending => "revocation or surrender",
            Self::Bystander => "–",
        }
    }
}

/// Proof that the table allowed this step. Only [`step`] makes one, and only [`may`] and [`end`] hand one out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    from: Option<AmendmentState>,
    to: AmendmentState,
    action: Action,
    hat: Hat,
}

impl Step {
    /// The state the amendment must still be in; none = there is no open one.
    pub const fn from(&self) -> Option<AmendmentState> {
        self.from
    }

    /// Where it goes.
    pub const fn to(&self) -> AmendmentState {
        self.to
    }

    /// What was done.
    pub const fn action(&self) -> Action {
        self.action
    }

    /// The post at which it was done, for the audit row.
    pub const fn post(&self) -> Option<Post> {
        match self.hat {
            Hat::Approver => Some(Post::AmendApprove),
            Hat::Confirmer => Some(Post::AmendConfirm),
            Hat::Holder | Hat::Ending | Hat::Bystander => None,
        }
    }
}

/// Whether the certificate waits for an amendment in this state: from the release to the end (D13). A request that
/// nobody has answered changes nothing.
pub const fn is_in_hand(state: AmendmentState) -> bool {
    matches!(state, S::Opened | S::Submitted | S::SentBack)
}

/// The facts about one certificate that decide hats and guards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The user whose application it was issued on; also of one that the bureau entered (workflow §3.1, A17).
    pub holder: AccountId,
    /// What the certificate's row says.
    pub state: CertificateState,
    /// Nothing is written off (R-2.7-02).
    pub is_untouched: bool,
    /// Nothing is declared and waits for confirmation (D13).
    pub has_pending: bool,
    /// Its open amendment.
    pub amendment: Option<AmendmentState>,
    /// Who opened that.
    pub opened_by: Option<AccountId>,
    /// The bureau of the frozen step 证明修改.
    pub bureau: BureauCode,
    /// Whether that bureau asks for two persons (D6).
    pub four_eyes: bool,
}

/// Why a step is not allowed. `Display` is the sentence for the user: why, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The certificate is at its end.
    #[error("该证明{}，不能修改。需要继续进口的，请填写新申请。", .0.label())]
    Ended(CertificateState),
    /// Goods were written off (R-2.7-02).
    #[error("该证明已有核销，不能修改。余下的产品如需变更，请在申请列表点击“复制为新申请”另行申请。")]
    WrittenOff,
    /// Something is declared (D13).
    #[error("该证明有待确认的预核销，不能修改。请先撤回预核销，或等口岸检验检疫局办理后再修改。")]
    Pending,
    /// One is open already (D13).
    #[error("该证明已有一次修改（{}）尚未办结，办结后才能再次修改。", .0.label())]
    OneIsOpen(AmendmentState),
    /// There is none.
    #[error("该证明没有可以办理的证明修改，可能已经办结或取消。请返回列表查看最新状态。")]
    NoneIsOpen,
    /// The table has no such arrow.
    #[error("证明修改当前状态为“{}”，不能{}。请返回列表查看最新状态。", .state.label(), .action.label())]
    NotInThisState {
        /// Where it is.
        state: AmendmentState,
        /// What was asked.
        action: Action,
    },
    /// The person who released it may not confirm it (D6).
    #[error("该证明的修改由您批准，确认须由另一人办理。请由本局其他证明修改确认人员办理。")]
    SecondLook,
    /// The arrow exists, for somebody else.
    #[error("您没有{}的权限。该操作由证明所属企业用户，或负责证明修改的检验检疫局相应岗位办理。", .0.label())]
    NotYours(Action),
    /// It is his, and something else keeps him from it (D29, D30).
    #[error("{0}")]
    Barred(Bar),
}

/// The transition table: one line per arrow; the last arms say no. From none: there is no open amendment.
pub fn step(from: Option<AmendmentState>, action: Action, hat: Hat) -> Result<Step, Refusal> {
    use Action as A;
    use Hat::{Approver, Confirmer, Ending, Holder};
    let (to, who): (AmendmentState, &[Hat]) = match (from, action) {
        (None, A::Request) => (S::Requested, &[Holder]),
        (None | Some(S::Requested), A::Open) => (S::Opened, &[Approver]),
        (Some(S::Requested), A::Refuse) => (S::Refused, &[Approver]),
        (Some(S::Requested), A::Cancel) => (S::Cancelled, &[Holder, Ending]),
        (Some(S::Opened), A::Edit) => (S::Opened, &[Holder]),
        (Some(S::SentBack), A::Edit) => (S::SentBack, &[Holder]),
        (Some(S::Opened | S::SentBack), A::Submit) => (S::Submitted, &[Holder]),
        (Some(S::Opened | S::SentBack), A::Cancel) => (S::Cancelled, &[Holder, Approver, Ending]),
        (Some(S::Submitted), A::Confirm) => (S::Confirmed, &[Confirmer]),
        (Some(S::Submitted), A::SendBack) => (S::SentBack, &[Confirmer]),
        (Some(S::Submitted), A::Cancel) if hat == Ending => (S::Cancelled, &[Ending]),
        (Some(open), A::Request | A::Open) if open.is_open() => return Err(Refusal::OneIsOpen(open)),
        (None, _) => return Err(Refusal::NoneIsOpen),
        (Some(state), action) => return Err(Refusal::NotInThisState { state, action }),
    };
    if who.contains(&hat) { Ok(Step { from, to, action, hat }) } else { Err(Refusal::NotYours(action)) }
}

/// The hat an actor wears towards the amendment of a certificate for one action.
pub fn hat(actor: &Actor, of: &Facts, action: Action) -> Hat {
    match actor {
        Actor::Enterprise(e) if e.acts_for(of.holder) => Hat::Holder,
        Actor::Officer(o) if o.bureau == of.bureau => {
            let second_look = of.four_eyes && of.opened_by == Some(o.account);
            match action {
                Action::Confirm | Action::SendBack if o.posts.holds(Post::AmendConfirm) && !second_look => {
                    Hat::Confirmer
                }
                Action::Open | Action::Refuse | Action::Cancel if o.posts.holds(Post::AmendApprove) => Hat::Approver,
                _ => Hat::Bystander,
            }
        }
        Actor::Enterprise(_) | Actor::Officer(_) | Actor::Cnca(_) => Hat::Bystander,
    }
}

/// What stands in the way of a change of this certificate, whoever asks (R-2.7-02, D13). Expired is no obstacle: an
/// amendment may extend it.
pub const fn obstacle(of: &Facts) -> Option<Refusal> {
    match of.state {
        CertificateState::Revoked | CertificateState::Surrendered => Some(Refusal::Ended(of.state)),
        CertificateState::Valid | CertificateState::Amending if !of.is_untouched => Some(Refusal::WrittenOff),
        CertificateState::Valid | CertificateState::Amending if of.has_pending => Some(Refusal::Pending),
        CertificateState::Valid | CertificateState::Amending => None,
    }
}

/// Asks the table whether this actor may do this now.
pub fn may(actor: &Actor, of: &Facts, action: Action) -> Result<Step, Refusal> {
    let hat = hat(actor, of, action);
    let step = match step(of.amendment, action, hat) {
        Err(Refusal::NotYours(_)) if is_second_look(actor, of, action) => return Err(Refusal::SecondLook),
        other => other?,
    };
    let undertaking = match action {
        Action::Request => Some(Undertaking::Beginning),
        Action::Submit => Some(Undertaking::Answer),
        _ => None,
    };
    if let Some(bar) = undertaking.and_then(|u| actor.bar(u)) {
        return Err(Refusal::Barred(bar));
    }
    match (action, obstacle(of)) {
        (Action::Request | Action::Open | Action::Confirm, Some(why)) => Err(why),
        _ => Ok(step),
    }
}

/// Whether the confirmation is closed to this officer because he opened the amendment (D6).
pub fn is_second_look(actor: &Actor, of: &Facts, action: Action) -> bool {
    match actor {
        Actor::Officer(o) => {
            matches!(action, Action::Confirm | Action::SendBack)
                && o.bureau == of.bureau
                && o.posts.holds(Post::AmendConfirm)
                && of.four_eyes
                && of.opened_by == Some(o.account)
        }
        Actor::Enterprise(_) | Actor::Cnca(_) => false,
    }
}

/// The certificate ends, and with it what is open of this amendment; none when nothing is (D23).
pub fn end(amendment: Option<AmendmentState>) -> Option<Step> {
    step(amendment, Action::Cancel, Hat::Ending).ok()
}

/// What of a product can be changed: exactly the six fields of the manual, 数量 in both units, and with another HS 编码
/// its name, its unit and its 产品特性 (R-2.7-06, D13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// 产品名称.
    pub product_name: String,
    /// HS 编码.
    pub hs_code: HsCode,
    /// HS 编码产品名称, that of the code.
    pub hs_name: String,
    /// HS 标准量单位, that of the code.
    pub hs_unit: UnitCode,
    /// 规格/型号.
    pub model: String,
    /// 数量/重量; its unit stays.
    pub qty: Quantity,
    /// HS 标准量.
    pub hs_qty: Quantity,
    /// 商标.
    pub brand: String,
    /// 生产厂名.
    pub manufacturer: String,
    /// 产品特性.
    pub traits: Vec<Trait>,
}

/// Why a validity cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadValidity {
    /// Before the day of issue.
    #[error("证明有效期的起始日期不能早于发证日期 {0}")]
    BeforeIssue(Day),
    /// In the future: the certificate would not be in force when it is confirmed.
    #[error("证明有效期的起始日期不能晚于今天")]
    BeginsLater,
    /// The end lies before the beginning.
    #[error("证明有效期的截止日期不能早于起始日期，请重新选择截止日期")]
    EndsBeforeItBegins,
    /// The end has passed.
    #[error("证明有效期的截止日期不能早于今天，请选择今天或以后的日期")]
    IsOver,
    /// Longer than a year (D17).
    #[error("证明有效期最长 365 天，截止日期不能晚于 {0}")]
    TooLong(Day),
}

/// Every mistake in a validity that an amendment asks for: first those of the beginning, then those of the end (D17).
pub fn validity_faults(issued_on: Day, today: Day, wanted: Validity) -> (Option<BadValidity>, Option<BadValidity>) {
    let last = wanted.from.plus_days(LONGEST_VALIDITY_DAYS - 1);
    let from = if wanted.from < issued_on {
        Some(BadValidity::BeforeIssue(issued_on))
    } else if wanted.from > today {
        Some(BadValidity::BeginsLater)
    } else {
        None
    };
    let to = if wanted.to < wanted.from {
        Some(BadValidity::EndsBeforeItBegins)
    } else if wanted.to < today {
        Some(BadValidity::IsOver)
    } else if wanted.to > last {
        Some(BadValidity::TooLong(last))
    } else {
        None
    };
    (from, to)
}

/// The table as Markdown, for `docs/workflow.md`.
pub fn table_as_markdown() -> String {
    let mut out = String::from(
        "\n# The amendment of a certificate\n\nPrinted from `domain::amendment::step` by the same test. An amendment \
         is asked for, released and confirmed only while nothing is written off and nothing is pending (D13).\n\n\
         | from | action | by | to |\n|---|---|---|---|\n",
    );
    let states = std::iter::once(None).chain(S::ALL.iter().copied().map(Some));
    for from in states {
        for &action in Action::ALL {
            for hat in Hat::ALL {
                let Ok(step) = step(from, action, hat) else { continue };
                let name = |s: S| format!("{} `{}`", s.label(), s.word());
                let row = [
                    from.map_or_else(|| "–".to_owned(), name),
                    action.label().to_owned(),
                    hat.label().to_owned(),
                    name(step.to),
                ];
                out.extend(["| ", &row.join(" | "), " |\n"]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::actor::{Enterprise, MemberRole, Membership, Officer, Posts};
    use crate::ids::OrganisationId;

    /// The arrows of the specification (workflow §3.4), written out a second time by hand.
    const ARROWS: &[(&str, Option<S>, Action, Hat, S)] = &[
        ("online", None, Action::Request, Hat::Holder, S::Requested),
        ("M1", None, Action::Open, Hat::Approver, S::Opened),
        ("M1", Some(S::Requested), Action::Open, Hat::Approver, S::Opened),
        ("online", Some(S::Requested), Action::Refuse, Hat::Approver, S::Refused),
        ("online", Some(S::Requested), Action::Cancel, Hat::Holder, S::Cancelled),
        ("D23", Some(S::Requested), Action::Cancel, Hat::Ending, S::Cancelled),
        ("save", Some(S::Opened), Action::Edit, Hat::Holder, S::Opened),
        ("save", Some(S::SentBack), Action::Edit, Hat::Holder, S::SentBack),
        ("M2", Some(S::Opened), Action::Submit, Hat::Holder, S::Submitted),
        ("M2", Some(S::SentBack), Action::Submit, Hat::Holder, S::Submitted),
        ("M3", Some(S::Submitted), Action::Confirm, Hat::Confirmer, S::Confirmed),
        ("M4", Some(S::Submitted), Action::SendBack, Hat::Confirmer, S::SentBack),
        ("M5", Some(S::Opened), Action::Cancel, Hat::Holder, S::Cancelled),
        ("M5", Some(S::Opened), Action::Cancel, Hat::Approver, S::Cancelled),
        ("M5", Some(S::SentBack), Action::Cancel, Hat::Holder, S::Cancelled),
        ("M5", Some(S::SentBack), Action::Cancel, Hat::Approver, S::Cancelled),
        ("D23", Some(S::Opened), Action::Cancel, Hat::Ending, S::Cancelled),
        ("D23", Some(S::Submitted), Action::Cancel, Hat::Ending, S::Cancelled),
        ("D23", Some(S::SentBack), Action::Cancel, Hat::Ending, S::Cancelled),
    ];

    fn every_state() -> impl Iterator<Item = Option<S>> {
        std::iter::once(None).chain(S::ALL.iter().copied().map(Some))
    }

    #[test]
    fn the_table_has_exactly_the_arrows_of_the_specification() {
        let mut found = 0;
        for from in every_state() {
            for &action in Action::ALL {
                for hat in Hat::ALL {
                    if let Ok(step) = step(from, action, hat) {
                        let written = ARROWS.iter().find(|(_, f, a, h, _)| *f == from && *a == action && *h == hat);
                        assert_eq!(written.map(|(_, _, _, _, to)| *to), Some(step.to()), "{from:?} {action} {hat:?}");
                        found += 1;
                    }
                }
            }
        }
        assert_eq!(found, ARROWS.len());
    }

    #[test]
    fn what_is_over_has_no_exit_and_what_is_open_has_one() {
        for &state in S::ALL {
            let exits = Action::ALL
                .iter()
                .any(|a| Hat::ALL.into_iter().any(|h| step(Some(state), *a, h).is_ok_and(|step| step.to() != state)));
            assert_eq!(exits, state.is_open(), "{state}");
        }
    }

    fn facts() -> Facts {
        Facts {
            holder: AccountId::new(1),
            state: CertificateState::Valid,
            is_untouched: true,
            has_pending: false,
            amendment: None,
            opened_by: None,
            bureau: BureauCode::new("310000"),
            four_eyes: true,
        }
    }

    fn holder() -> Actor {
        Actor::Enterprise(Enterprise {
            account: AccountId::new(1),
            name: "user1".into(),
            organisation: OrganisationId::new(1),
            membership: Membership::Administrator,
            shares: false,
            role: MemberRole::Clerk,
            mailbox_proved: true,
            suspended: false,
        })
    }

    fn officer(account: i64, bureau: &str) -> Actor {
        Actor::Officer(Officer {
            account: AccountId::new(account),
            name: "officer".into(),
            bureau: BureauCode::new(bureau),
            posts: Posts::new([Post::AmendApprove, Post::AmendConfirm]),
        })
    }

    #[test]
    fn d6_the_person_who_releases_does_not_confirm_unless_the_bureau_allows_it() {
        let mut of = facts();
        of.state = CertificateState::Amending;
        of.amendment = Some(S::Submitted);
        of.opened_by = Some(AccountId::new(8));
        assert_eq!(may(&officer(8, "310000"), &of, Action::Confirm), Err(Refusal::SecondLook));
        assert_eq!(may(&officer(8, "310000"), &of, Action::SendBack), Err(Refusal::SecondLook));
        assert!(may(&officer(9, "310000"), &of, Action::Confirm).is_ok());
        assert!(may(&officer(9, "320000"), &of, Action::Confirm).is_err(), "another bureau");
        of.four_eyes = false;
        assert!(may(&officer(8, "310000"), &of, Action::Confirm).is_ok());
    }

    /// D29, D30: who is suspended finishes a change that runs and asks for no new one; who has no proved mailbox hands
    /// nothing in; who only reads does nothing.
    #[test]
    fn d30_a_running_change_is_finished_and_no_new_one_begun() {
        type Change = fn(&mut Enterprise);
        let bars: [(Change, bool, bool); 3] = [
            (|e| e.suspended = true, false, true),
            (|e| e.mailbox_proved = false, false, false),
            (|e| e.role = MemberRole::Viewer, false, false),
        ];
        for (change, may_ask, may_finish) in bars {
            let Actor::Enterprise(mut user) = holder() else { panic!("an enterprise") };
            change(&mut user);
            let user = Actor::Enterprise(user);
            assert_eq!(may(&user, &facts(), Action::Request).is_ok(), may_ask);
            let mut of = facts();
            of.amendment = Some(S::Opened);
            assert_eq!(may(&user, &of, Action::Submit).is_ok(), may_finish);
        }
    }

    #[test]
    fn r_2_7_02_only_an_untouched_certificate_is_amended() {
        for (change, why) in [
            ((|f: &mut Facts| f.is_untouched = false) as fn(&mut Facts), Refusal::WrittenOff),
            (|f| f.has_pending = true, Refusal::Pending),
            (|f| f.state = CertificateState::Revoked, Refusal::Ended(CertificateState::Revoked)),
            (|f| f.state = CertificateState::Surrendered, Refusal::Ended(CertificateState::Surrendered)),
            (|f| f.amendment = Some(S::SentBack), Refusal::OneIsOpen(S::SentBack)),
        ] {
            let mut of = facts();
            change(&mut of);
            assert_eq!(may(&holder(), &of, Action::Request), Err(why));
            assert_eq!(may(&officer(8, "310000"), &of, Action::Open), Err(why));
        }
        assert!(may(&holder(), &facts(), Action::Request).is_ok());
        assert!(may(&officer(8, "310000"), &facts(), Action::Open).is_ok());
    }

    #[test]
    fn d17_a_validity_begins_with_the_issue_and_lasts_a_year_at_most() {
        let day = |s: &str| s.parse::<Day>().unwrap();
        let (issued, today) = (day("2026-11-23"), day("2026-12-23"));
        let faults = |from: &str, to: &str| validity_faults(issued, today, Validity { from: day(from), to: day(to) });
        assert_eq!(faults("2026-11-23", "2027-11-22"), (None, None));
        assert_eq!(faults("2026-12-23", "2026-12-23"), (None, None));
        assert_eq!(faults("2026-11-22", "2026-12-30").0, Some(BadValidity::BeforeIssue(issued)));
        assert_eq!(faults("2026-12-24", "2026-12-30").0, Some(BadValidity::BeginsLater));
        assert_eq!(faults("2026-12-23", "2026-12-22").1, Some(BadValidity::EndsBeforeItBegins));
        assert_eq!(faults("2026-11-23", "2026-12-22").1, Some(BadValidity::IsOver));
        assert_eq!(faults("2026-11-23", "2027-11-23").1, Some(BadValidity::TooLong(day("2027-11-22"))));
    }

    proptest! {
        /// Random walks never leave the table, and a certificate is confirmed from 已提交 only.
        #[test]
        fn random_walks_stay_on_the_table(
            deeds in proptest::collection::vec(
                (proptest::sample::select(Action::ALL), proptest::sample::select(Hat::ALL.to_vec())), 0..100)
        ) {
            let mut state = None;
            for (action, hat) in deeds {
                if let Ok(step) = step(state, action, hat) {
                    prop_assert_eq!(step.from(), state);
                    prop_assert!(hat != Hat::Bystander);
                    prop_assert!(step.to() != S::Confirmed || state == Some(S::Submitted));
                    state = step.to().is_open().then_some(step.to());
                }
            }
        }
    }
}

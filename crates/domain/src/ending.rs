//! How a certificate ends before its time: 撤销 by the bureau (order 117, article 52; D23, E17) and 注销 at the wish of
//! the enterprise.

use crate::actor::{Actor, Bar, Officer, Post, Undertaking, words};
use crate::certificate::CertificateState;
use crate::ids::{AccountId, BureauCode};

words! {
    /// Where a revocation stands.
    RevocationState {
        /// 待审核: one 后续监管 officer proposed it.
        Proposed = "proposed", "待审核";
        /// 已撤销, final.
        Revoked = "revoked", "已撤销";
        /// 不同意撤销, final: the second person did not agree.
        Rejected = "rejected", "不同意撤销";
        /// 已收回, final: the proposer took it back, or the certificate ended otherwise.
        Withdrawn = "withdrawn", "已收回";
    }
}

words! {
    /// Where a surrender stands.
    SurrenderState {
        /// 待确认: the enterprise asked.
        Requested = "requested", "待确认";
        /// 已注销, final.
        Surrendered = "surrendered", "已注销";
        /// 不同意注销, final.
        Refused = "refused", "不同意注销";
        /// 已撤回, final: the enterprise took it back, or the certificate ended otherwise.
        Withdrawn = "withdrawn", "已撤回";
    }
}

words! {
    /// What somebody wants to do.
    Action {
        /// 提出撤销.
        ProposeRevocation = "propose_revocation", "提出撤销";
        /// 收回 one's own proposal.
        WithdrawRevocation = "withdraw_revocation", "收回撤销";
        /// 同意撤销: the second person.
        Revoke = "revoke", "撤销证明";
        /// 不同意撤销.
        RejectRevocation = "reject_revocation", "不同意撤销";
        /// 申请注销.
        RequestSurrender = "request_surrender", "申请注销";
        /// 撤回 of the request.
        WithdrawSurrender = "withdraw_surrender", "撤回注销申请";
        /// 同意注销.
        Surrender = "surrender", "注销证明";
        /// 不同意注销.
        RefuseSurrender = "refuse_surrender", "不同意注销";
    }
}

/// The facts about one certificate that decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The user whose application it was issued on.
    pub holder: AccountId,
    /// What the certificate's row says.
    pub state: CertificateState,
    /// Nothing is written off.
    pub is_untouched: bool,
    /// Nothing is declared and waits for confirmation.
    pub has_pending: bool,
    /// Who proposed the revocation that waits for the second person.
    pub proposed_by: Option<AccountId>,
    /// Whether the enterprise asked for the surrender, and nobody has answered.
    pub surrender_asked: bool,
    /// The bureau of the frozen step 后续监管.
    pub supervising: BureauCode,
    /// The bureau that issued it.
    pub issuing: BureauCode,
}

/// Proof that the deed is allowed. Only [`may`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    action: Action,
    post: Option<Post>,
}

impl Permit {
    /// What is allowed.
    pub const fn action(&self) -> Action {
        self.action
    }

    /// At which post, for the audit row.
    pub const fn post(&self) -> Option<Post> {
        self.post
    }
}

/// Why not. `Display` is the sentence for the user: why, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The certificate is at its end already.
    #[error("该证明{}，不能再{}。", .state.label(), .action.label())]
    Ended {
        /// How.
        state: CertificateState,
        /// What was asked.
        action: Action,
    },
    /// A proposal waits for the second person.
    #[error("该证明已有人提出撤销，正待另一名后续监管人员审核，无需再次提出。")]
    AlreadyProposed,
    /// There is none.
    #[error("该证明没有待审核的撤销，可能已经办结或收回。请返回列表查看最新状态。")]
    NotProposed,
    /// The second person must be another one (E17).
    #[error("该撤销由您提出，须由本局另一名后续监管人员审核。")]
    SecondPerson,
    /// Only the proposer takes it back.
    #[error("该撤销不是您提出的，不能收回。不同意的，请在审核时选择“不同意撤销”。")]
    NotYourProposal,
    /// The enterprise asked already.
    #[error("您已申请注销该证明，正待检验检疫局确认，无需再次申请。")]
    AlreadyAsked,
    /// It did not.
    #[error("该证明没有待确认的注销申请，可能已经办结或撤回。请返回列表查看最新状态。")]
    NotAsked,
    /// An amendment is in hand.
    #[error("该证明正在修改，不能注销。请先取消修改，或等修改办结后再办理。")]
    Amending,
    /// Goods were written off.
    #[error("该证明已有核销，不能注销。余下的产品不再进口的，不需要办理，证明到期自动失效。")]
    WrittenOff,
    /// Something is declared.
    #[error("该证明有待确认的预核销，不能注销。请先撤回预核销，或等口岸检验检疫局办理后再办理。")]
    Pending,
    /// It is for somebody else.
    #[error("您没有{}的权限。撤销由负责后续监管的检验检疫局办理，注销由证明所属企业用户申请、发证机关办理。", .0.label())]
    NotYours(Action),
    /// It is his, and something else keeps him from it (D29, D30).
    #[error("{0}")]
    Barred(Bar),
}

/// Whether this actor may do this now.
pub fn may(actor: &Actor, of: &Facts, action: Action) -> Result<Permit, Refusal> {
    use Action as A;
    let post = entitled(actor, of, action)?;
    let ended = match of.state {
        CertificateState::Revoked | CertificateState::Surrendered => true,
        CertificateState::Valid | CertificateState::Amending => false,
    };
    if ended {
        return Err(Refusal::Ended { state: of.state, action });
    }
    if action == A::RequestSurrender
        && let Some(bar) = actor.bar(Undertaking::Beginning)
    {
        return Err(Refusal::Barred(bar));
    }
    let own = of.proposed_by == Some(actor.account());
    match action {
        A::ProposeRevocation if of.proposed_by.is_some() => Err(Refusal::AlreadyProposed),
        A::WithdrawRevocation | A::Revoke | A::RejectRevocation if of.proposed_by.is_none() => {
            Err(Refusal::NotProposed)
        }
        A::WithdrawRevocation if !own => Err(Refusal::NotYourProposal),
        A::Revoke | A::RejectRevocation if own => Err(Refusal::SecondPerson),
        A::RequestSurrender if of.surrender_asked => Err(Refusal::AlreadyAsked),
        A::WithdrawSurrender | A::Surrender | A::RefuseSurrender if !of.surrender_asked => Err(Refusal::NotAsked),
        A::RequestSurrender | A::Surrender if of.state == CertificateState::Amending => Err(Refusal::Amending),
        A::RequestSurrender | A::Surrender if !of.is_untouched => Err(Refusal::WrittenOff),
        A::RequestSurrender | A::Surrender if of.has_pending => Err(Refusal::Pending),
        A::ProposeRevocation
        | A::WithdrawRevocation
        | A::Revoke
        | A::RejectRevocation
        | A::RequestSurrender
        | A::WithdrawSurrender
        | A::Surrender
        | A::RefuseSurrender => Ok(Permit { action, post }),
    }
}

/// Whose deed it is: the post at which an officer does it, none for the enterprise.
fn entitled(actor: &Actor, of: &Facts, action: Action) -> Result<Option<Post>, Refusal> {
    use Action as A;
    let at =
        |officer: &Officer, bureau: &BureauCode, post: Post| officer.bureau == *bureau && officer.posts.holds(post);
    match (actor, action) {
        (Actor::Enterprise(e), A::RequestSurrender | A::WithdrawSurrender) if e.acts_for(of.holder) => Ok(None),
        (Actor::Officer(o), A::ProposeRevocation | A::WithdrawRevocation | A::Revoke | A::RejectRevocation)
            if at(o, &of.supervising, Post::Supervise) =>
        {
            Ok(Some(Post::Supervise))
        }
        (Actor::Officer(o), A::Surrender | A::RefuseSurrender) if at(o, &of.issuing, Post::Issue) => {
            Ok(Some(Post::Issue))
        }
        (Actor::Enterprise(_) | Actor::Officer(_) | Actor::Cnca(_), _) => Err(Refusal::NotYours(action)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::{Enterprise, MemberRole, Membership, Posts};
    use crate::ids::OrganisationId;

    fn facts() -> Facts {
        Facts {
            holder: AccountId::new(1),
            state: CertificateState::Valid,
            is_untouched: true,
            has_pending: false,
            proposed_by: None,
            surrender_asked: false,
            supervising: BureauCode::new("310000"),
            issuing: BureauCode::new("310000"),
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

    fn officer(account: i64, bureau: &str, post: Post) -> Actor {
        Actor::Officer(Officer {
            account: AccountId::new(account),
            name: "officer".into(),
            bureau: BureauCode::new(bureau),
            posts: Posts::new([post]),
        })
    }

    #[test]
    fn d23_a_revocation_takes_two_persons_of_one_bureau() {
        let [first, second] = [8, 9].map(|n| officer(n, "310000", Post::Supervise));
        let elsewhere = officer(10, "320000", Post::Supervise);
        let mut of = facts();
        assert!(may(&first, &of, Action::ProposeRevocation).is_ok());
        assert_eq!(may(&elsewhere, &of, Action::ProposeRevocation), Err(Refusal::NotYours(Action::ProposeRevocation)));
        assert_eq!(may(&second, &of, Action::Revoke), Err(Refusal::NotProposed));
        of.proposed_by = Some(AccountId::new(8));
        assert_eq!(may(&second, &of, Action::ProposeRevocation), Err(Refusal::AlreadyProposed));
        for action in [Action::Revoke, Action::RejectRevocation] {
            assert_eq!(may(&first, &of, action), Err(Refusal::SecondPerson));
            assert!(may(&second, &of, action).is_ok());
            assert!(may(&elsewhere, &of, action).is_err());
            assert!(may(&officer(11, "310000", Post::Issue), &of, action).is_err());
        }
        assert!(may(&first, &of, Action::WithdrawRevocation).is_ok());
        assert_eq!(may(&second, &of, Action::WithdrawRevocation), Err(Refusal::NotYourProposal));
        // A certificate that is being amended, written off or expired can be revoked; one that has ended cannot.
        of.state = CertificateState::Amending;
        of.is_untouched = false;
        assert!(may(&second, &of, Action::Revoke).is_ok());
        for state in [CertificateState::Revoked, CertificateState::Surrendered] {
            of.state = state;
            assert_eq!(may(&second, &of, Action::Revoke), Err(Refusal::Ended { state, action: Action::Revoke }));
        }
    }

    #[test]
    fn a_surrender_is_asked_for_by_the_holder_and_confirmed_where_it_was_issued() {
        let issuer = officer(8, "310000", Post::Issue);
        let mut of = facts();
        assert!(may(&holder(), &of, Action::RequestSurrender).is_ok());
        type Change = fn(&mut Enterprise);
        let bars: [(Change, Refusal); 3] = [
            (|e| e.suspended = true, Refusal::Barred(Bar::Suspended)),
            (|e| e.mailbox_proved = false, Refusal::Barred(Bar::Mailbox)),
            (|e| e.role = MemberRole::Viewer, Refusal::NotYours(Action::RequestSurrender)),
        ];
        for (change, why) in bars {
            let Actor::Enterprise(mut user) = holder() else { panic!("an enterprise") };
            change(&mut user);
            assert_eq!(may(&Actor::Enterprise(user), &of, Action::RequestSurrender), Err(why));
        }
        assert_eq!(may(&issuer, &of, Action::Surrender), Err(Refusal::NotAsked));
        of.surrender_asked = true;
        assert_eq!(may(&holder(), &of, Action::RequestSurrender), Err(Refusal::AlreadyAsked));
        assert!(may(&issuer, &of, Action::Surrender).is_ok() && may(&holder(), &of, Action::WithdrawSurrender).is_ok());
        assert!(may(&holder(), &of, Action::Surrender).is_err());
        assert!(may(&officer(9, "320000", Post::Issue), &of, Action::Surrender).is_err());
        for (change, why) in [
            ((|f: &mut Facts| f.is_untouched = false) as fn(&mut Facts), Refusal::WrittenOff),
            (|f| f.has_pending = true, Refusal::Pending),
            (|f| f.state = CertificateState::Amending, Refusal::Amending),
        ] {
            let mut of = of.clone();
            change(&mut of);
            assert_eq!(may(&issuer, &of, Action::Surrender), Err(why));
            assert!(may(&issuer, &of, Action::RefuseSurrender).is_ok(), "saying no is always possible");
        }
    }
}

//! 邮件: what a user wants to be told, and what became of a letter.

use crate::actor::words;
use crate::usage::UsageState;
use crate::workflow::State;

words! {
    /// 邮件通知: which letters a user wants. Letters about his password and the security of his account go in any case.
    LetterChoice {
        /// One for every change of status.
        Every = "every", "每次状态变化都通知";
        /// Only when the user has to act.
        Needed = "needed", "只在需要我办理时通知";
        /// None at all.
        None = "none", "不通知";
    }
}

/// What a letter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// An application reached this status.
    Status(State),
    /// A draft is going to be deleted (D8).
    DraftEnds,
    /// The validity of a certificate is going to end (D17, D19).
    CertificateEnds,
    /// Something happened to a certificate: it is amended, revoked, surrendered.
    Certificate {
        /// Whether its holder has to act, or cannot use it any more.
        is_urgent: bool,
    },
    /// Products were written off (manual §2.8).
    WrittenOff,
    /// A 预核销 was sent back or has lapsed.
    PreWriteOffReleased,
    /// 后续监管 judged a 产品使用记录 (D14).
    Usage(UsageState),
}

impl LetterChoice {
    /// Whether a user with this choice wants the letter.
    pub const fn wants(self, occasion: Occasion) -> bool {
        match (self, occasion) {
            (Self::Needed, Occasion::DraftEnds | Occasion::CertificateEnds | Occasion::PreWriteOffReleased)
            | (Self::Every, _) => true,
            (Self::Needed, Occasion::Certificate { is_urgent }) => is_urgent,
            (Self::Needed, Occasion::Status(state)) => matches!(state, State::Returned | State::ComparingPaper),
            (Self::Needed, Occasion::Usage(state)) => matches!(state, UsageState::Rejected),
            (Self::Needed, Occasion::WrittenOff) | (Self::None, _) => false,
        }
    }
}

words! {
    /// The kind of a letter.
    LetterKind {
        /// A change of status.
        Status = "status", "申请状态";
        /// A draft that is going to be deleted.
        Draft = "draft", "草稿到期";
        /// A certificate whose validity is going to end.
        Certificate = "certificate", "证明到期";
        /// A new password (D18).
        Password = "password", "取回密码";
        /// Something happened to the log-in of an account.
        Security = "security", "账户安全";
        /// The proof of a mailbox, or the way back to an old one: it goes to that mailbox and to no other (D29).
        Mailbox = "mailbox", "邮箱验证";
        /// An invitation to a colleague, listed with who invites.
        Invitation = "invitation", "邀请同事";
    }
}

impl LetterKind {
    /// Whether the letter is for the mailbox that it was written to alone: sent again, it never follows the user to his new
    /// one.
    pub const fn is_bound_to_mailbox(self) -> bool {
        matches!(self, Self::Password | Self::Mailbox | Self::Invitation)
    }
}

words! {
    /// Why a letter was not delivered, in words for its addressee.
    Failure {
        /// No connection to the mail server.
        Unreachable = "unreachable", "暂时连接不上邮件服务器";
        /// The mail server does not accept us: for the operator to mend.
        Credentials = "credentials", "邮件服务器拒绝了本系统的连接，请联系系统管理员";
        /// The letter was handed over, and no answer came: it may have arrived.
        Unconfirmed = "unconfirmed", "邮件服务器没有确认是否收下，稍后自动重发；收到两封相同邮件的，以其中一封为准";
        /// The mail server asks to come again.
        Later = "later", "邮件服务器暂时不收，稍后自动重发";
        /// The mailbox does not exist, or does not take our letters.
        Refused = "refused", "收件邮箱不存在或拒收，请核对联系人邮箱";
        /// The address is none.
        Mailbox = "mailbox", "收件邮箱的写法不正确，请核对联系人邮箱";
        /// The name before `@` is not ASCII, and our mail server has no SMTPUTF8 (RFC 6531).
        Script = "script", "本系统的邮件服务器不支持 @ 前含中文等文字的邮箱，请改用英文字母的邮箱，或联系系统管理员";
        /// Anything else.
        Other = "other", "没有送出，请联系系统管理员";
    }
}

impl Failure {
    /// Whether another try is in vain before somebody mends something.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Refused | Self::Mailbox | Self::Script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_only_what_needs_him_gets_corrections_paper_notices_and_drafts() {
        let needed: Vec<_> =
            State::ALL.iter().filter(|s| LetterChoice::Needed.wants(Occasion::Status(**s))).copied().collect();
        assert_eq!(needed, [State::Returned, State::ComparingPaper]);
        assert!(
            LetterChoice::Needed.wants(Occasion::DraftEnds) && LetterChoice::Needed.wants(Occasion::CertificateEnds)
        );
        assert!(LetterChoice::Needed.wants(Occasion::Usage(UsageState::Rejected)));
        assert!(!LetterChoice::Needed.wants(Occasion::Usage(UsageState::Approved)));
        assert!(State::ALL.iter().all(|s| LetterChoice::Every.wants(Occasion::Status(*s))));
        assert!(!LetterChoice::None.wants(Occasion::DraftEnds));
    }
}

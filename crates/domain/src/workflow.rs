//! How an application moves: states, actions, and the one table that says what is allowed.
//!
//! `docs/workflow.md` is printed from [`step`] by a test.

use crate::actor::{Bar, Post, words};

words! {
    /// 申请单状态 (manual §2.2; the inferred labels are those of `docs/workflow.md`).
    State {
        /// 未提交.
        Draft = "draft", "未提交";
        /// 受理中.
        Accepting = "accepting", "受理中";
        /// 返回修改.
        Returned = "returned", "返回修改";
        /// 拒绝受理, final.
        AcceptanceRefused = "acceptance_refused", "拒绝受理";
        /// 初审中.
        FirstReview = "first_review", "初审中";
        /// 初审未通过, final.
        FirstReviewFailed = "first_review_failed", "初审未通过";
        /// 终审中.
        FinalReview = "final_review", "终审中";
        /// 终审未通过, final.
        FinalReviewFailed = "final_review_failed", "终审未通过";
        /// 文件对比中.
        Comparing = "comparing", "文件对比中";
        /// 文件对比中_送纸质材料.
        ComparingPaper = "comparing_paper", "文件对比中_送纸质材料";
        /// 对比材料未通过, final.
        ComparingFailed = "comparing_failed", "对比材料未通过";
        /// 待发证.
        AwaitingIssue = "awaiting_issue", "待发证";
        /// 已发证; what follows is the certificate's life.
        Issued = "issued", "已发证";
        /// 强制终止流程, final.
        Terminated = "terminated", "强制终止流程";
        /// 已撤回, final (D24).
        Withdrawn = "withdrawn", "已撤回";
    }
}

impl State {
    /// The post that holds the application now; none when no bureau owes anything.
    pub const fn post(self) -> Option<Post> {
        match self {
            Self::Accepting => Some(Post::Accept),
            Self::FirstReview => Some(Post::FirstReview),
            Self::FinalReview => Some(Post::FinalReview),
            Self::Comparing | Self::ComparingPaper => Some(Post::Compare),
            Self::AwaitingIssue => Some(Post::Issue),
            Self::Draft
            | Self::Returned
            | Self::AcceptanceRefused
            | Self::FirstReviewFailed
            | Self::FinalReviewFailed
            | Self::ComparingFailed
            | Self::Issued
            | Self::Terminated
            | Self::Withdrawn => None,
        }
    }

    /// Whether the enterprise may change the form in this state (manual §2.3, §2.4).
    pub const fn is_editable(self) -> bool {
        matches!(self, Self::Draft | Self::Returned)
    }

    /// Whether the application's own course has ended. (已发证 goes on as a certificate.)
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::AcceptanceRefused
                | Self::FirstReviewFailed
                | Self::FinalReviewFailed
                | Self::ComparingFailed
                | Self::Issued
                | Self::Terminated
                | Self::Withdrawn
        )
    }

    /// Whether it ended against the applicant's wish, with a reason to read (manual §2.2, case 6).
    pub const fn is_negative(self) -> bool {
        matches!(
            self,
            Self::AcceptanceRefused | Self::FirstReviewFailed | Self::FinalReviewFailed | Self::ComparingFailed
        )
    }

    /// Where a correction goes back to: the state in which that post works (manual §2.4).
    const fn at(post: Post) -> Option<Self> {
        match post {
            Post::Accept => Some(Self::Accepting),
            Post::FirstReview => Some(Self::FirstReview),
            Post::FinalReview => Some(Self::FinalReview),
            Post::Compare => Some(Self::Comparing),
            Post::Issue
            | Post::AmendApprove
            | Post::AmendConfirm
            | Post::WriteOff
            | Post::Supervise
            | Post::ProxyEntry
            | Post::Terminate
            | Post::BureauAdmin
            | Post::Publish
            | Post::ReferenceAdmin
            | Post::RoutingAdmin
            | Post::Statistics
            | Post::CncaAdmin => None,
        }
    }
}

/// What follows 终审: the bureau may have switched 文件对比 off (D6). A fact, handed in (E16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFinal {
    /// 文件对比.
    Compare,
    /// 发证 at once.
    Issue,
}

/// What somebody wants to do with an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// 修改, 保存: change the form without moving it (A2, and the correction of A9).
    Edit,
    /// 删除 of a draft, by its owner or by the clock (A3, A4).
    Delete,
    /// 提交申请 (A5).
    Submit,
    /// 提交申请 of a correction: back to the post that returned it (A9).
    Resubmit {
        /// The post that sent it back, stored with the correction.
        to: Post,
    },
    /// 撤回 (A16b).
    Withdraw,
    /// 受理 (A6).
    Accept,
    /// 拒绝受理 (A7).
    Refuse,
    /// 送补正 (A8).
    Return,
    /// 通过 (A10, A11, A14).
    Pass {
        /// What this bureau does after 终审.
        after_final: AfterFinal,
    },
    /// 未通过 (A10, A11, A14).
    Fail,
    /// 需送纸质材料 (A12).
    RequestPaper,
    /// 材料已收到 (A13).
    PaperArrived,
    /// 发证 (A15).
    Issue,
    /// 退回终审, 退回文件对比: 发证 cannot issue, and says why (A15b, D33).
    SendBack {
        /// The post that looks at it again.
        to: Post,
    },
    /// 强制终止流程 (A16).
    Terminate,
}

impl Action {
    /// Every action, for the generated table and the tests.
    pub const ALL: &'static [Self] = &[
        Self::Edit,
        Self::Delete,
        Self::Submit,
        Self::Resubmit { to: Post::Accept },
        Self::Resubmit { to: Post::FirstReview },
        Self::Resubmit { to: Post::FinalReview },
        Self::Resubmit { to: Post::Compare },
        Self::Withdraw,
        Self::Accept,
        Self::Refuse,
        Self::Return,
        Self::Pass { after_final: AfterFinal::Compare },
        Self::Pass { after_final: AfterFinal::Issue },
        Self::Fail,
        Self::RequestPaper,
        Self::PaperArrived,
        Self::Issue,
        Self::SendBack { to: Post::FinalReview },
        Self::SendBack { to: Post::Compare },
        Self::Terminate,
    ];

    /// The word in audit rows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Delete => "delete",
            Self::Submit => "submit",
            Self::Resubmit { .. } => "resubmit",
            Self::Withdraw => "withdraw",
            Self::Accept => "accept",
            Self::Refuse => "refuse",
            Self::Return => "return",
            Self::Pass { .. } => "pass",
            Self::Fail => "fail",
            Self::RequestPaper => "request_paper",
            Self::PaperArrived => "paper_arrived",
            Self::Issue => "issue",
            Self::SendBack { to: Post::Compare } => "send_back_to_compare",
            Self::SendBack { .. } => "send_back_to_final_review",
            Self::Terminate => "terminate",
        }
    }

    /// What a person reads on the button and in the timeline.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Edit => "修改",
            Self::Delete => "删除",
            Self::Submit | Self::Resubmit { .. } => "提交申请",
            Self::Withdraw => "撤回",
            Self::Accept => "受理",
            Self::Refuse => "拒绝受理",
            Self::Return => "送补正",
            Self::Pass { .. } => "通过",
            Self::Fail => "未通过",
            Self::RequestPaper => "需送纸质材料",
            Self::PaperArrived => "材料已收到",
            Self::Issue => "发证",
            Self::SendBack { to: Post::Compare } => "退回文件对比",
            Self::SendBack { .. } => "退回终审",
            Self::Terminate => "强制终止流程",
        }
    }
}

/// The capacity in which somebody approaches one application; [`crate::policy::hat`] gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hat {
    /// Its owner, or the 补录 officer of a bureau-entered one.
    Applicant,
    /// Its owner while no officer has taken it (D24).
    ApplicantUntaken,
    /// An officer of the bureau that holds it, at this post.
    At(Post),
    /// An officer at 强制终止 of a bureau on its route.
    Terminator,
    /// The system's clock (A4).
    Timer,
    /// Everybody else.
    Bystander,
}

impl Hat {
    /// How the generated table names it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Applicant => "企业 (owner)",
            Self::ApplicantUntaken => "企业 (owner, not yet taken)",
            Self::At(post) => post.label(),
            Self::Terminator => "强制终止",
            Self::Timer => "SYS timer",
            Self::Bystander => "–",
        }
    }
}

/// Where an allowed step leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To this state.
    State(State),
    /// Out of existence, with its files; the audit row stays (A3, A4).
    Deleted,
}

/// Proof that the table allowed this step. Only [`step`] can make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    from: State,
    to: Target,
    action: Action,
    hat: Hat,
}

impl Transition {
    /// The state the application must still be in.
    pub const fn from(&self) -> State {
        self.from
    }

    /// Where it goes.
    pub const fn to(&self) -> Target {
        self.to
    }

    /// What was done.
    pub const fn action(&self) -> Action {
        self.action
    }

    /// The post at which it was done, for the audit row.
    pub const fn post(&self) -> Option<Post> {
        match self.hat {
            Hat::At(post) => Some(post),
            Hat::Terminator => Some(Post::Terminate),
            Hat::Applicant | Hat::ApplicantUntaken | Hat::Timer | Hat::Bystander => None,
        }
    }
}

/// Why a step is not allowed. `Display` is the sentence for the user: why, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The table has no such arrow.
    #[error("申请单当前状态为“{}”，不能{}。请返回列表查看最新状态。", .state.label(), .action.label())]
    NotInThisState {
        /// Where it is.
        state: State,
        /// What was asked.
        action: Action,
    },
    /// The arrow exists, for somebody else.
    #[error("您没有{}该申请单的权限。该操作由承办检验检疫局的相应岗位或申请单所属企业用户办理。", .action.label())]
    NotYours {
        /// What was asked.
        action: Action,
    },
    /// The arrow is his, and something else keeps him from it (D29, D30).
    #[error("{0}")]
    Barred(Bar),
}

/// The transition table: the only place that says yes.
///
/// One line per arrow of `docs/workflow.md`; the last arm says no to everything else.
pub fn step(state: State, action: Action, hat: Hat) -> Result<Transition, Refusal> {
    use Action as A;
    use Hat::{Applicant, ApplicantUntaken, At, Terminator, Timer};
    use Post as P;
    use State as S;
    let (to, who) = match (state, action) {
        (S::Draft, A::Edit) => (S::Draft, Applicant),
        (S::Returned, A::Edit) => (S::Returned, Applicant),
        (S::Draft, A::Delete) if matches!(hat, Applicant | Timer) => {
            return Ok(Transition { from: state, to: Target::Deleted, action, hat });
        }
        (S::Draft, A::Delete) => return Err(Refusal::NotYours { action }),
        (S::Draft, A::Submit) => (S::Accepting, Applicant),
        (S::Returned, A::Resubmit { to }) if let Some(back) = State::at(to) => (back, Applicant),
        (S::Accepting, A::Withdraw) => (S::Withdrawn, ApplicantUntaken),
        (S::Accepting, A::Accept) => (S::FirstReview, At(P::Accept)),
        (S::Accepting, A::Refuse) => (S::AcceptanceRefused, At(P::Accept)),
        (S::FirstReview, A::Pass { .. }) => (S::FinalReview, At(P::FirstReview)),
        (S::FirstReview, A::Fail) => (S::FirstReviewFailed, At(P::FirstReview)),
        (S::FinalReview, A::Pass { after_final: AfterFinal::Compare }) => (S::Comparing, At(P::FinalReview)),
        (S::FinalReview, A::Pass { after_final: AfterFinal::Issue }) => (S::AwaitingIssue, At(P::FinalReview)),
        (S::FinalReview, A::Fail) => (S::FinalReviewFailed, At(P::FinalReview)),
        (S::Comparing, A::RequestPaper) => (S::ComparingPaper, At(P::Compare)),
        (S::ComparingPaper, A::PaperArrived) => (S::Comparing, At(P::Compare)),
        (S::Comparing | S::ComparingPaper, A::Pass { .. }) => (S::AwaitingIssue, At(P::Compare)),
        (S::Comparing | S::ComparingPaper, A::Fail) => (S::ComparingFailed, At(P::Compare)),
        (S::AwaitingIssue, A::Issue) => (S::Issued, At(P::Issue)),
        (S::AwaitingIssue, A::SendBack { to: P::FinalReview }) => (S::FinalReview, At(P::Issue)),
        (S::AwaitingIssue, A::SendBack { to: P::Compare }) => (S::Comparing, At(P::Issue)),
        (s, A::Return)
            if let Some(post) = s.post()
                && !matches!(s, S::AwaitingIssue) =>
        {
            (S::Returned, At(post))
        }
        (s, A::Terminate) if s.post().is_some() || matches!(s, S::Returned) => (S::Terminated, Terminator),
        (state, action) => return Err(Refusal::NotInThisState { state, action }),
    };
    if who == hat {
        Ok(Transition { from: state, to: Target::State(to), action, hat })
    } else {
        Err(Refusal::NotYours { action })
    }
}

/// The table as Markdown, for `docs/workflow.md`.
pub fn table_as_markdown() -> String {
    let hats = [
        Hat::Applicant,
        Hat::ApplicantUntaken,
        Hat::At(Post::Accept),
        Hat::At(Post::FirstReview),
        Hat::At(Post::FinalReview),
        Hat::At(Post::Compare),
        Hat::At(Post::Issue),
        Hat::Terminator,
        Hat::Timer,
        Hat::Bystander,
    ];
    let mut out = String::from(
        "# The course of an application\n\nPrinted from `domain::workflow::step` by a test; `make docs` rewrites it.\n\n\
         | from | action | by | to |\n|---|---|---|---|\n",
    );
    for &from in State::ALL {
        for &action in Action::ALL {
            for hat in hats {
                let Ok(t) = step(from, action, hat) else {
                    continue;
                };
                let to = match t.to {
                    Target::State(s) => format!("{} `{}`", s.label(), s.word()),
                    Target::Deleted => "deleted".to_owned(),
                };
                let what = match action {
                    Action::Resubmit { to } => format!("提交申请 (returned by {})", to.label()),
                    Action::Pass { after_final: AfterFinal::Issue } => "通过 (文件对比 switched off)".to_owned(),
                    other => other.label().to_owned(),
                };
                let row = [format!("{} `{}`", from.label(), from.word()), what, hat.label().to_owned(), to];
                out.extend(["| ", &row.join(" | "), " |\n"]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_hat() -> impl Strategy<Value = Hat> {
        prop_oneof![
            Just(Hat::Applicant),
            Just(Hat::ApplicantUntaken),
            proptest::sample::select(Post::ALL).prop_map(Hat::At),
            Just(Hat::Terminator),
            Just(Hat::Timer),
            Just(Hat::Bystander),
        ]
    }

    /// The arrows of the specification, written out a second time by hand.
    const ARROWS: &[(&str, State, &str, State)] = &[
        ("A5", State::Draft, "submit", State::Accepting),
        ("A6", State::Accepting, "accept", State::FirstReview),
        ("A7", State::Accepting, "refuse", State::AcceptanceRefused),
        ("A8", State::Accepting, "return", State::Returned),
        ("A8", State::FirstReview, "return", State::Returned),
        ("A8", State::FinalReview, "return", State::Returned),
        ("A8", State::Comparing, "return", State::Returned),
        ("A8", State::ComparingPaper, "return", State::Returned),
        ("A9", State::Returned, "resubmit", State::Accepting),
        ("A9", State::Returned, "resubmit", State::FirstReview),
        ("A9", State::Returned, "resubmit", State::FinalReview),
        ("A9", State::Returned, "resubmit", State::Comparing),
        ("A10", State::FirstReview, "pass", State::FinalReview),
        ("A10", State::FirstReview, "fail", State::FirstReviewFailed),
        ("A11", State::FinalReview, "pass", State::Comparing),
        ("A11", State::FinalReview, "pass", State::AwaitingIssue),
        ("A11", State::FinalReview, "fail", State::FinalReviewFailed),
        ("A12", State::Comparing, "request_paper", State::ComparingPaper),
        ("A13", State::ComparingPaper, "paper_arrived", State::Comparing),
        ("A14", State::Comparing, "pass", State::AwaitingIssue),
        ("A14", State::ComparingPaper, "pass", State::AwaitingIssue),
        ("A14", State::Comparing, "fail", State::ComparingFailed),
        ("A14", State::ComparingPaper, "fail", State::ComparingFailed),
        ("A15", State::AwaitingIssue, "issue", State::Issued),
        ("A15b", State::AwaitingIssue, "send_back_to_final_review", State::FinalReview),
        ("A15b", State::AwaitingIssue, "send_back_to_compare", State::Comparing),
        ("A16", State::Accepting, "terminate", State::Terminated),
        ("A16", State::FirstReview, "terminate", State::Terminated),
        ("A16", State::FinalReview, "terminate", State::Terminated),
        ("A16", State::Comparing, "terminate", State::Terminated),
        ("A16", State::ComparingPaper, "terminate", State::Terminated),
        ("A16", State::AwaitingIssue, "terminate", State::Terminated),
        ("A16", State::Returned, "terminate", State::Terminated),
        ("A16b", State::Accepting, "withdraw", State::Withdrawn),
        ("A2", State::Draft, "edit", State::Draft),
        ("A9", State::Returned, "edit", State::Returned),
    ];

    fn all_hats() -> Vec<Hat> {
        let mut hats = vec![Hat::Applicant, Hat::ApplicantUntaken, Hat::Terminator, Hat::Timer, Hat::Bystander];
        hats.extend(Post::ALL.iter().copied().map(Hat::At));
        hats
    }

    #[test]
    fn the_table_has_exactly_the_arrows_of_the_specification() {
        let mut found = Vec::new();
        for &from in State::ALL {
            for &action in Action::ALL {
                for hat in all_hats() {
                    if let Ok(t) = step(from, action, hat)
                        && let Target::State(to) = t.to()
                        && !found.contains(&(from, action.word(), to))
                    {
                        found.push((from, action.word(), to));
                    }
                }
            }
        }
        let mut expected: Vec<_> = ARROWS.iter().map(|(_, from, action, to)| (*from, *action, *to)).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_arrow_has_one_hat_except_deletion_which_the_clock_does_too() {
        for &from in State::ALL {
            for &action in Action::ALL {
                let hats = all_hats().into_iter().filter(|h| step(from, action, *h).is_ok()).count();
                let most = if action == Action::Delete { 2 } else { 1 };
                assert!(hats <= most, "{from} {action:?}: {hats}");
            }
        }
    }

    #[test]
    fn every_state_but_the_final_ones_has_an_exit() {
        for &from in State::ALL {
            let exits = Action::ALL.iter().any(|a| {
                all_hats().into_iter().any(|h| step(from, *a, h).is_ok_and(|t| t.to() != Target::State(from)))
            });
            assert_eq!(exits, !from.is_final(), "{from}");
        }
    }

    /// D33: wherever a post works, it can hand the case on and give it back without ending it.
    #[test]
    fn d33_every_post_has_a_way_back_that_ends_nothing() {
        for &from in State::ALL {
            let Some(post) = from.post() else { continue };
            let ways: Vec<_> = Action::ALL.iter().filter_map(|a| step(from, *a, Hat::At(post)).ok()).collect();
            let back = ways.iter().any(|t| match t.to() {
                Target::State(to) => {
                    to == State::Returned || matches!(t.action(), Action::SendBack { .. } | Action::PaperArrived)
                }
                Target::Deleted => false,
            });
            assert!(back, "{from} has no way back");
        }
    }

    #[test]
    fn d33_only_the_post_of_issue_sends_back_and_only_to_final_review_or_comparison() {
        for &to in Post::ALL {
            for &from in State::ALL {
                for hat in all_hats() {
                    let is_meant = from == State::AwaitingIssue
                        && hat == Hat::At(Post::Issue)
                        && matches!(to, Post::FinalReview | Post::Compare);
                    assert_eq!(step(from, Action::SendBack { to }, hat).is_ok(), is_meant, "{from} {to} {hat:?}");
                }
            }
        }
    }

    #[test]
    fn the_printed_table_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/workflow.md");
        let table = table_as_markdown() + &crate::amendment::table_as_markdown();
        if std::env::var_os("MIANBAN_UPDATE_DOCS").is_some() {
            std::fs::write(path, &table).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), table, "run `make docs`");
    }

    proptest! {
        /// Random walks never leave the table, and 已发证 is reached through 待发证 only.
        #[test]
        fn random_walks_stay_on_the_table(deeds in proptest::collection::vec((proptest::sample::select(Action::ALL), any_hat()), 0..200)) {
            let mut state = State::Draft;
            for (action, hat) in deeds {
                match step(state, action, hat) {
                    Err(_) => {}
                    Ok(t) => {
                        prop_assert_eq!(t.from(), state);
                        prop_assert!(!state.is_final());
                        prop_assert!(hat != Hat::Bystander);
                        match t.to() {
                            Target::Deleted => { prop_assert_eq!(state, State::Draft); break; }
                            Target::State(to) => {
                                prop_assert!(ARROWS.iter().any(|(_, f, a, b)| *f == state && *a == action.word() && *b == to));
                                if to == State::Issued { prop_assert_eq!(state, State::AwaitingIssue); }
                                state = to;
                            }
                        }
                    }
                }
            }
        }
    }
}

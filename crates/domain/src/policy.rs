//! Who may see what, and in which capacity somebody approaches an application: the only place that answers it.
//!
//! *Seeing* is a [`Scope`] that becomes a `WHERE`; *doing* is a [`Transition`] that only [`may`] hands out.
//! Duties that belong to no application ask for a [`Permit`], which only [`permit`] hands out.
//! Pages draw their buttons by asking the same functions, so a page never offers what the server refuses.

use std::marker::PhantomData;

use crate::actor::{Actor, Enterprise, MemberRole, Membership, Officer, Post, Undertaking};
use crate::certificate::{AmendmentState, CertificateFacts, CertificateState};
use crate::ids::{AccountId, BureauCode, OrganisationId};
use crate::time::Instant;
use crate::usage::{self, UsageAction, UsageHat, UsageRefusal, UsageState, UsageStep};
use crate::workflow::{Action, Hat, Refusal, State, Transition, step};

/// What an actor can see. A row outside it does not exist for him (404).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// His own applications, those entered for him, and with 单位内共享 those of his organisation (D5).
    Enterprise {
        /// The user.
        user: AccountId,
        /// His organisation, when it shares and he is confirmed.
        shared_organisation: Option<OrganisationId>,
    },
    /// Applications whose frozen route names this bureau.
    Bureau(BureauCode),
    /// Everything (认监委).
    All,
}

/// The scope of an actor (D5).
pub fn scope(actor: &Actor) -> Scope {
    match actor {
        Actor::Enterprise(e) => Scope::Enterprise {
            user: e.account,
            shared_organisation: match e.membership {
                Membership::Administrator | Membership::Confirmed if e.shares => Some(e.organisation),
                Membership::Administrator | Membership::Confirmed | Membership::Pending => None,
            },
        },
        Actor::Officer(o) => Scope::Bureau(o.bureau.clone()),
        Actor::Cnca(_) => Scope::All,
    }
}

/// The certificates whose ledger an actor can see: those of his scope, and for 核销岗 every issued one (D5, R-2.8-17).
pub fn certificate_scope(actor: &Actor) -> Scope {
    if may_write_off(actor) { Scope::All } else { scope(actor) }
}

/// The facts about one application that decide hats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// Who filed it, or for whom it was entered.
    pub owner: AccountId,
    /// The bureau that entered it (补录); then the enterprise may only view (manual §2.2, case 8).
    pub entered_by_bureau: Option<BureauCode>,
    /// Its state.
    pub state: State,
    /// The bureau that holds it now; none while no bureau owes anything.
    pub current_bureau: Option<BureauCode>,
    /// The officer who has taken it (E14).
    pub handler: Option<AccountId>,
    /// Who passed the 初审.
    pub first_reviewer: Option<AccountId>,
    /// Whether the bureau asks for two persons at 初审 and 终审 (D6).
    pub four_eyes: bool,
    /// The bureau that received it; it may terminate (强制终止) also what waits for the enterprise.
    pub receiving_bureau: Option<BureauCode>,
}

/// The hat an actor wears towards an application for one action.
pub fn hat(actor: &Actor, of: &Ownership, action: Action) -> Hat {
    match actor {
        Actor::Enterprise(_) if fills_in(actor, of) => {
            if of.state == State::Accepting && of.handler.is_none() {
                Hat::ApplicantUntaken
            } else {
                Hat::Applicant
            }
        }
        Actor::Officer(officer) => hat_of_officer(actor, officer, of, action),
        Actor::Enterprise(_) | Actor::Cnca(_) => Hat::Bystander,
    }
}

/// Whether he fills the application in: its user, or 补录岗 of the bureau that entered it for him (A17, R-B-10). Then that
/// user only views it (manual §2.2, case 8).
pub fn fills_in(actor: &Actor, of: &Ownership) -> bool {
    match (actor, &of.entered_by_bureau) {
        (Actor::Enterprise(e), None) => e.acts_for(of.owner),
        (Actor::Officer(o), Some(bureau)) => o.bureau == *bureau && o.posts.holds(Post::ProxyEntry),
        (Actor::Enterprise(_), Some(_)) | (Actor::Officer(_), None) | (Actor::Cnca(_), _) => false,
    }
}

/// Whether he fills applications in at all, his own or those of others: who the pages of the form are open to.
pub fn may_file(actor: &Actor) -> bool {
    match actor {
        Actor::Enterprise(e) => e.role == MemberRole::Clerk,
        Actor::Officer(_) | Actor::Cnca(_) => permit::<EnterForOthers>(actor).is_ok(),
    }
}

fn hat_of_officer(actor: &Actor, officer: &Officer, of: &Ownership, action: Action) -> Hat {
    if action == Action::Terminate {
        let ours = [&of.current_bureau, &of.receiving_bureau].into_iter().flatten().any(|b| *b == officer.bureau);
        return if ours && officer.posts.holds(Post::Terminate) { Hat::Terminator } else { Hat::Bystander };
    }
    if of.state.is_editable() {
        return if fills_in(actor, of) { Hat::Applicant } else { Hat::Bystander };
    }
    match of.state.post() {
        Some(post) if works_on(officer, of, post) => Hat::At(post),
        Some(_) | None => Hat::Bystander,
    }
}

/// Whether the officer works on the application at this post: bureau, post, and the four eyes of D6.
fn works_on(officer: &Officer, of: &Ownership, post: Post) -> bool {
    let second_look = post == Post::FinalReview && of.four_eyes && of.first_reviewer == Some(officer.account);
    of.current_bureau.as_ref() == Some(&officer.bureau) && officer.posts.holds(post) && !second_look
}

/// Asks the table whether this actor may do this now, and whether something bars him from it (D29, D30).
pub fn may(actor: &Actor, of: &Ownership, action: Action) -> Result<Transition, Refusal> {
    let step = step(of.state, action, hat(actor, of, action))?;
    match undertaking(action).and_then(|u| actor.bar(u)) {
        Some(bar) => Err(Refusal::Barred(bar)),
        None => Ok(step),
    }
}

/// What an action on an application hands in; none when it hands nothing in.
const fn undertaking(action: Action) -> Option<Undertaking> {
    match action {
        Action::Submit => Some(Undertaking::Beginning),
        Action::Resubmit { .. } => Some(Undertaking::Answer),
        Action::Edit
        | Action::Delete
        | Action::Withdraw
        | Action::Accept
        | Action::Refuse
        | Action::Return
        | Action::Pass { .. }
        | Action::Fail
        | Action::RequestPaper
        | Action::PaperArrived
        | Action::Issue
        | Action::SendBack { .. }
        | Action::Terminate => None,
    }
}

/// Why 终审 is closed to the person of the 初审, for the page that refuses it.
pub fn is_second_look_of_first_reviewer(actor: &Actor, of: &Ownership) -> bool {
    of.state == State::FinalReview && of.four_eyes && of.first_reviewer == Some(actor.account())
}

/// Whether the actor may take the case and decide it (E14).
pub fn may_handle(actor: &Actor, of: &Ownership) -> bool {
    match (actor, of.state.post()) {
        (Actor::Officer(officer), Some(post)) => works_on(officer, of, post),
        (Actor::Officer(_) | Actor::Enterprise(_) | Actor::Cnca(_), _) => false,
    }
}

/// Whether he may give the case to another officer (改派): 局系统管理员 of the bureau that holds it, and whoever has taken it.
pub fn may_reassign(actor: &Actor, of: &Ownership) -> bool {
    match actor {
        Actor::Officer(o) => {
            of.state.post().is_some()
                && of.current_bureau.as_ref() == Some(&o.bureau)
                && (o.posts.holds(Post::BureauAdmin) || of.handler == Some(o.account))
        }
        Actor::Enterprise(_) | Actor::Cnca(_) => false,
    }
}

/// Whether he may give a running case to another bureau (移交, workflow §4): CNCA every one, 局系统管理员 of a direct bureau
/// those that it or one of its branches holds, to one of these; each bureau is named by the direct one it belongs to.
pub fn may_transfer(permit: &Permit<TransferCases>, holder_direct: &BureauCode, target_direct: &BureauCode) -> bool {
    match permit.reach() {
        Reach::Bureau(own) => own == holder_direct && own == target_direct,
        Reach::Everywhere => true,
    }
}

/// Whether the four shared fields of the organisation are open to this user (D3, R-1.1-12).
pub const fn may_edit_shared_fields(user: &Enterprise) -> bool {
    match (user.membership, user.role) {
        (Membership::Administrator | Membership::Confirmed, MemberRole::Clerk) => true,
        (Membership::Pending, _) | (_, MemberRole::Viewer) => false,
    }
}

/// Whether 复制为新申请 is open to him: to the user whose application it is, in every state (D19, D24). One that the bureau
/// entered stays read-only to him (manual §2.2, case 8).
pub fn may_copy(actor: &Actor, of: &Ownership) -> bool {
    match actor {
        Actor::Enterprise(e) => fills_in(actor, of) && e.bar(Undertaking::Draft).is_none(),
        Actor::Officer(_) | Actor::Cnca(_) => false,
    }
}

/// Whether 预核销 is open to him: to the user whose certificate it is, also where the bureau entered the application (manual
/// §2.2, case 8), while it is valid, not over (D12), not amended (D13), not revoked (D23), and something is left (I4).
pub fn may_declare(actor: &Actor, of: &Ownership, certificate: &CertificateFacts, now: Instant) -> bool {
    of.state == State::Issued
        && owns(actor, of)
        && actor.bar(Undertaking::Beginning).is_none()
        && certificate.state == CertificateState::Valid
        && !certificate.validity.is_over(now)
        && !certificate.is_exhausted()
}

/// Whether the certificate was issued to this user: he withdraws his 预核销, whoever entered the application.
pub fn owns(actor: &Actor, of: &Ownership) -> bool {
    matches!(actor, Actor::Enterprise(e) if e.acts_for(of.owner))
}

/// Whether he may find any certificate of the country and write off its products (R-2.8-17).
pub fn may_write_off(actor: &Actor) -> bool {
    matches!(actor, Actor::Officer(officer) if officer.posts.holds(Post::WriteOff))
}

/// Whether he may confirm or send back what was declared for a port of this bureau (R-2.8-18), and take back what this
/// bureau wrote off.
pub fn may_decide_for(actor: &Actor, bureau: &BureauCode) -> bool {
    may_write_off(actor) && actor.bureau() == Some(bureau)
}

/// Whether a 产品模板 that he sees may be renamed and deleted by him: his own, and for 单位管理员 those of the
/// organisation that shares (D5).
pub fn may_change_template(user: &Enterprise, owner: AccountId) -> bool {
    match user.membership {
        _ if user.role == MemberRole::Viewer => false,
        _ if user.account == owner => true,
        Membership::Administrator => user.shares,
        Membership::Confirmed | Membership::Pending => false,
    }
}

/// A duty that belongs to no application: accounts, publishing, reference data.
pub trait Duty {
    /// What it is called.
    const LABEL: &'static str;
    /// The posts that carry it.
    const POSTS: &'static [Post];
}

/// Declares a duty.
macro_rules! duty {
    ($(#[$doc:meta])* $name:ident = $label:literal by $($post:ident)|+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {}

        impl Duty for $name {
            const LABEL: &'static str = $label;
            const POSTS: &'static [Post] = &[$(Post::$post),+];
        }
    };
}

duty! {
    /// The accounts of officers and of CNCA (R-C-06).
    ManageAccounts = "账号管理" by BureauAdmin | CncaAdmin
}

duty! {
    /// 后台任务: letters, papers and files that could not be made; CNCA all of them, 局系统管理员 what concerns his bureau.
    WatchJobs = "后台任务" by BureauAdmin | CncaAdmin
}

duty! {
    /// 企业用户: the organisations of a region and their users (D30): 局系统管理员 of the direct bureau of that region, CNCA all.
    KeepOrganisations = "企业用户" by BureauAdmin | CncaAdmin
}

duty! {
    /// 业务下放: CNCA for every direct bureau, 局系统管理员 of a direct bureau for his own (R-C-03, workflow §4).
    Delegate = "业务下放" by BureauAdmin | RoutingAdmin
}

duty! {
    /// 移交 of a running case to another bureau (workflow §4): CNCA, and 局系统管理员 of a direct bureau.
    TransferCases = "单据移交" by BureauAdmin | RoutingAdmin
}

duty! {
    /// 管辖: which direct bureau a region belongs to (R-C-03).
    KeepJurisdiction = "管辖区域维护" by RoutingAdmin
}

duty! {
    /// The audit trail: CNCA all of it, 局系统管理员 what his bureau did (R-C-07).
    ReadAudit = "审计查询" by BureauAdmin | CncaAdmin
}

duty! {
    /// 补录: applications that a bureau enters for registered enterprise users (R-B-10).
    EnterForOthers = "补录申请" by ProxyEntry
}

duty! {
    /// What CNCA publishes on the public home page (R-C-01).
    PublishBulletins = "公告管理" by Publish
}

duty! {
    /// HS types, units, clauses and the other reference data (R-C-02, R-C-04).
    KeepReferences = "基础数据" by ReferenceAdmin
}

duty! {
    /// Address, telephone and office hours of one's own bureau; CNCA keeps those of all among the reference data.
    KeepBureauContact = "本局联系方式" by BureauAdmin
}

duty! {
    /// 综合查询: officers in what their bureau sees, CNCA everywhere.
    SearchCases = "综合查询" by Accept | FirstReview | FinalReview | Compare | Issue | AmendApprove | AmendConfirm | WriteOff
        | Supervise | ProxyEntry | Terminate | BureauAdmin | Publish | ReferenceAdmin | RoutingAdmin | Statistics | CncaAdmin
}

duty! {
    /// Statistics: CNCA's of the whole country, those of a bureau for its officers, who see its applications anyway (R-C-05).
    ReadStatistics = "统计" by Accept | FirstReview | FinalReview | Compare | Issue | AmendApprove | AmendConfirm | WriteOff
        | Supervise | ProxyEntry | Terminate | BureauAdmin | Statistics
}

/// How far a permit goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// His own bureau.
    Bureau(BureauCode),
    /// All bureaus, and CNCA itself.
    Everywhere,
}

/// Proof that an actor holds a duty: only [`permit`] makes one, and the deeds of `db` ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit<D> {
    account: AccountId,
    reach: Reach,
    duty: PhantomData<fn() -> D>,
}

impl<D> Permit<D> {
    /// Who holds it.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// How far it goes.
    pub const fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Whether it covers this bureau; none = CNCA itself.
    pub fn covers(&self, bureau: Option<&BureauCode>) -> bool {
        match &self.reach {
            Reach::Bureau(own) => bureau == Some(own),
            Reach::Everywhere => true,
        }
    }
}

/// Why a duty is closed to somebody, in a sentence for him.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("您没有{0}的权限。需要办理时，请联系系统管理员为您配置岗位。")]
pub struct NotPermitted(&'static str);

/// Whether he may do this duty now, and how far (architecture: the third question).
pub fn permit<D: Duty>(actor: &Actor) -> Result<Permit<D>, NotPermitted> {
    let (posts, reach, of_bureau) = match actor {
        Actor::Enterprise(_) => return Err(NotPermitted(D::LABEL)),
        Actor::Officer(o) => (&o.posts, Reach::Bureau(o.bureau.clone()), true),
        Actor::Cnca(c) => (&c.posts, Reach::Everywhere, false),
    };
    // A post of the other kind gives nothing, however it came to be stored.
    if D::POSTS.iter().any(|p| p.is_of_bureau() == of_bureau && posts.holds(*p)) {
        Ok(Permit { account: actor.account(), reach, duty: PhantomData })
    } else {
        Err(NotPermitted(D::LABEL))
    }
}

/// The post that keeps the accounts of a bureau, or of CNCA.
pub const fn administrator_post(of_bureau: bool) -> Post {
    if of_bureau { Post::BureauAdmin } else { Post::CncaAdmin }
}

/// The facts about one 产品使用记录 that decide hats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageOwnership {
    /// The user whose application it is, also when the bureau entered it (补录).
    pub holder: AccountId,
    /// The bureau of the frozen step 后续监管, which may be delegated (业务下放).
    pub bureau: BureauCode,
    /// Its state.
    pub state: UsageState,
}

/// The hat an actor wears towards a 产品使用记录.
pub fn usage_hat(actor: &Actor, of: &UsageOwnership) -> UsageHat {
    match actor {
        Actor::Enterprise(e) if e.acts_for(of.holder) => UsageHat::Holder,
        Actor::Officer(_) if may_supervise(actor, &of.bureau) => UsageHat::Supervisor,
        Actor::Enterprise(_) | Actor::Officer(_) | Actor::Cnca(_) => UsageHat::Bystander,
    }
}

/// Asks the table of [`usage::step`] whether this actor may do this with a record now.
pub fn may_with_usage(actor: &Actor, of: &UsageOwnership, action: UsageAction) -> Result<UsageStep, UsageRefusal> {
    let step = usage::step(of.state, action, usage_hat(actor, of))?;
    match (action, actor.bar(Undertaking::Answer)) {
        (UsageAction::Submit, Some(bar)) => Err(UsageRefusal::Barred(bar)),
        (_, _) => Ok(step),
    }
}

/// Whether he works at 后续监管 of this bureau.
pub fn may_supervise(actor: &Actor, bureau: &BureauCode) -> bool {
    match actor {
        Actor::Officer(officer) => officer.bureau == *bureau && officer.posts.holds(Post::Supervise),
        Actor::Enterprise(_) | Actor::Cnca(_) => false,
    }
}

/// Whether 填写产品使用记录 is open to him (manual §2.2, case 14): to the user whose application it is, once something is
/// written off; also when the bureau entered it, and after the certificate expired or was revoked (D12, D23).
pub fn may_record_usage(actor: &Actor, of: &Ownership, certificate: Option<&CertificateFacts>) -> bool {
    match actor {
        Actor::Enterprise(e) => e.acts_for(of.owner) && certificate.is_some_and(|c| c.written_lines > 0),
        Actor::Officer(_) | Actor::Cnca(_) => false,
    }
}

/// A link in the 状态栏 of the list (manual §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusLink {
    /// Cases 6, 7 and 15: the reason, the paper notice, the termination.
    Outcome,
    /// Case 9: 证明.
    Certificate,
}

/// A link in the 操作栏 of the list (manual §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// 修改 (cases 2, 3).
    Edit,
    /// 查看 (case 5).
    View,
    /// 查看（补录） (case 8).
    ViewProxy,
    /// 打印申请 (case 4).
    Print,
    /// 预核销 (case 11).
    Declare,
    /// 查看预核销记录 (case 12).
    PreWriteOffs,
    /// 核销信息 (case 13).
    WriteOffs,
    /// 撤回 (D24).
    Withdraw,
    /// 复制为新申请 (D19, D24).
    Copy,
    /// 修改证明 (case 10).
    AmendCertificate,
    /// 重新修改证明 (case 10c).
    AmendAgain,
    /// 已提交新证明（查看） (case 10b).
    ViewAmendment,
    /// 填写产品使用记录 (case 14).
    RecordUsage,
}

/// What one row of the list offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowLinks {
    /// Whether 序号 carries a checkbox that can be ticked for 删除.
    pub selectable: bool,
    /// The link in the 状态栏.
    pub status: Option<StatusLink>,
    /// The links in the 操作栏, in order.
    pub operations: Vec<Operation>,
}

/// The links of a row: one function, used to draw the row and to authorise what they lead to (manual §2.2). `certificate`
/// is what is known of the certificate once it is issued.
pub fn row_links(actor: &Actor, of: &Ownership, certificate: Option<&CertificateFacts>, now: Instant) -> RowLinks {
    let submitted = of.state != State::Draft;
    let mut operations = Vec::new();
    if of.entered_by_bureau.is_some() && !fills_in(actor, of) {
        operations.push(Operation::ViewProxy);
    } else {
        if may(actor, of, Action::Edit).is_ok() {
            operations.push(Operation::Edit);
        }
        if submitted {
            operations.push(Operation::View);
        }
    }
    if submitted {
        operations.push(Operation::Print);
    }
    operations.extend(amendment_link(actor, of, certificate));
    if let (State::Issued, Some(certificate)) = (of.state, certificate) {
        if may_declare(actor, of, certificate, now) {
            operations.push(Operation::Declare);
        }
        operations.push(Operation::PreWriteOffs);
        if certificate.written_lines > 0 {
            operations.push(Operation::WriteOffs);
        }
    }
    if may_record_usage(actor, of, certificate) {
        operations.push(Operation::RecordUsage);
    }
    if may(actor, of, Action::Withdraw).is_ok() {
        operations.push(Operation::Withdraw);
    }
    if may_copy(actor, of) {
        operations.push(Operation::Copy);
    }
    let status = match of.state {
        State::Issued => certificate.map(|_| StatusLink::Certificate),
        State::ComparingPaper | State::Terminated => Some(StatusLink::Outcome),
        State::AcceptanceRefused | State::FirstReviewFailed | State::FinalReviewFailed | State::ComparingFailed => {
            Some(StatusLink::Outcome)
        }
        State::Draft
        | State::Accepting
        | State::Returned
        | State::FirstReview
        | State::FinalReview
        | State::Comparing
        | State::AwaitingIssue
        | State::Withdrawn => None,
    };
    RowLinks { selectable: may(actor, of, Action::Delete).is_ok(), status, operations }
}

/// Cases 10, 10b and 10c: the user whose certificate it is changes it once the bureau has released it, also one that the
/// bureau entered (manual §2.7).
fn amendment_link(actor: &Actor, of: &Ownership, certificate: Option<&CertificateFacts>) -> Option<Operation> {
    let is_holder = owns(actor, of);
    match certificate?.amendment? {
        AmendmentState::Opened if is_holder => Some(Operation::AmendCertificate),
        AmendmentState::SentBack if is_holder => Some(Operation::AmendAgain),
        AmendmentState::Submitted if matches!(actor, Actor::Enterprise(_)) => Some(Operation::ViewAmendment),
        AmendmentState::Requested
        | AmendmentState::Opened
        | AmendmentState::Submitted
        | AmendmentState::SentBack
        | AmendmentState::Confirmed
        | AmendmentState::Cancelled
        | AmendmentState::Refused => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::{Bar, Posts};
    use crate::certificate::{CertificateState, Validity};

    fn owner() -> Actor {
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

    fn officer(account: i64, bureau: &str, posts: &[Post]) -> Actor {
        Actor::Officer(Officer {
            account: AccountId::new(account),
            name: "officer".into(),
            bureau: BureauCode::new(bureau),
            posts: Posts::new(posts.iter().copied()),
        })
    }

    fn case(state: State) -> Ownership {
        Ownership {
            owner: AccountId::new(1),
            entered_by_bureau: None,
            state,
            current_bureau: state.post().map(|_| BureauCode::new("310000")),
            handler: None,
            first_reviewer: Some(AccountId::new(7)),
            four_eyes: true,
            receiving_bureau: (state != State::Draft).then(|| BureauCode::new("310000")),
        }
    }

    fn just_issued() -> CertificateFacts {
        CertificateFacts {
            state: CertificateState::Valid,
            validity: Validity::of_days("2026-11-23".parse().unwrap(), 90),
            lines: 2,
            open_lines: 2,
            written_lines: 0,
            pending_lines: 0,
            amendment: None,
        }
    }

    fn now() -> Instant {
        "2026-11-23".parse::<crate::time::Day>().unwrap().start_instant()
    }

    const PASS: Action = Action::Pass { after_final: crate::workflow::AfterFinal::Compare };

    #[test]
    fn first_and_final_review_are_different_persons_unless_switched_off() {
        let mut of = case(State::FinalReview);
        let posts = [Post::FirstReview, Post::FinalReview];
        assert!(may(&officer(7, "310000", &posts), &of, PASS).is_err());
        assert!(may(&officer(8, "310000", &posts), &of, PASS).is_ok());
        of.four_eyes = false;
        assert!(may(&officer(7, "310000", &posts), &of, PASS).is_ok());
    }

    #[test]
    fn a_post_acts_only_on_its_own_step_and_its_own_bureaus_cases() {
        let of = case(State::FirstReview);
        assert!(may(&officer(8, "310000", &[Post::FirstReview]), &of, PASS).is_ok());
        assert!(may(&officer(8, "320000", &[Post::FirstReview]), &of, PASS).is_err());
        assert!(may(&officer(8, "310000", &[Post::Accept]), &of, PASS).is_err());
        assert!(may(&owner(), &of, PASS).is_err());
    }

    #[test]
    fn withdrawal_ends_when_an_officer_takes_the_case() {
        let mut of = case(State::Accepting);
        assert!(may(&owner(), &of, Action::Withdraw).is_ok());
        of.handler = Some(AccountId::new(8));
        assert!(may(&owner(), &of, Action::Withdraw).is_err());
    }

    #[test]
    fn a_proxy_entered_application_is_read_only_for_the_enterprise() {
        let mut of = case(State::Draft);
        of.entered_by_bureau = Some(BureauCode::new("310000"));
        let links = row_links(&owner(), &of, None, now());
        assert_eq!(links.operations, [Operation::ViewProxy]);
        assert!(!links.selectable);
        assert!(may(&owner(), &of, Action::Edit).is_err());
        assert!(may(&owner(), &of, Action::Submit).is_err());
        let entering = officer(9, "310000", &[Post::ProxyEntry]);
        assert!(may(&entering, &of, Action::Edit).is_ok());
        assert!(!may_copy(&owner(), &of) && !may_copy(&entering, &of));
    }

    /// A17: one place says who fills an application in, and both kinds of user ask it.
    #[test]
    fn r_b_10_an_entered_application_is_filled_in_by_the_post_of_its_bureau_alone() {
        let entering = officer(9, "310000", &[Post::ProxyEntry]);
        let others = [
            owner(),
            officer(8, "310000", &[Post::Accept, Post::BureauAdmin]),
            officer(7, "320000", &[Post::ProxyEntry]),
        ];
        for state in [State::Draft, State::Returned] {
            let mut of = case(state);
            assert!(fills_in(&owner(), &of) && !fills_in(&entering, &of), "the enterprise's own");
            of.entered_by_bureau = Some(BureauCode::new("310000"));
            assert!(fills_in(&entering, &of) && may(&entering, &of, Action::Edit).is_ok(), "{state}");
            assert!(row_links(&entering, &of, None, now()).operations.contains(&Operation::Edit), "{state}");
            for other in &others {
                assert!(!fills_in(other, &of) && may(other, &of, Action::Edit).is_err(), "{state} {other:?}");
                assert!(row_links(other, &of, None, now()).operations.contains(&Operation::ViewProxy));
            }
        }
        let mut of = case(State::Accepting);
        of.entered_by_bureau = Some(BureauCode::new("310000"));
        assert!(may(&entering, &of, Action::Edit).is_err() && may(&entering, &of, Action::Withdraw).is_err());
        assert!(may_file(&owner()) && may_file(&entering) && !may_file(&others[1]));
    }

    fn changed(change: impl FnOnce(&mut Enterprise)) -> Actor {
        let Actor::Enterprise(mut user) = owner() else { panic!("an enterprise") };
        change(&mut user);
        Actor::Enterprise(user)
    }

    /// D29: who has not proved his mailbox fills in and saves, and hands nothing in.
    #[test]
    fn d29_without_a_proved_mailbox_one_drafts_and_submits_nothing() {
        let user = changed(|u| u.mailbox_proved = false);
        let draft = case(State::Draft);
        assert!(may(&user, &draft, Action::Edit).is_ok() && may(&user, &draft, Action::Delete).is_ok());
        assert!(may_file(&user) && may_copy(&user, &draft));
        assert_eq!(may(&user, &draft, Action::Submit), Err(Refusal::Barred(Bar::Mailbox)));
        let back = Action::Resubmit { to: Post::Accept };
        assert_eq!(may(&user, &case(State::Returned), back), Err(Refusal::Barred(Bar::Mailbox)));
        assert!(!may_declare(&user, &case(State::Issued), &just_issued(), now()));
        let record =
            UsageOwnership { holder: AccountId::new(1), bureau: BureauCode::new("310000"), state: UsageState::Draft };
        assert_eq!(may_with_usage(&user, &record, UsageAction::Submit), Err(UsageRefusal::Barred(Bar::Mailbox)));
    }

    /// D30: a suspended organisation reads, answers running corrections and reports use, and starts nothing new.
    #[test]
    fn d30_a_suspended_organisation_answers_and_reports_and_starts_nothing() {
        let user = changed(|u| u.suspended = true);
        let draft = case(State::Draft);
        assert_eq!(may(&user, &draft, Action::Submit), Err(Refusal::Barred(Bar::Suspended)));
        assert!(!may_copy(&user, &draft) && user.bar(Undertaking::Draft) == Some(Bar::Suspended));
        assert!(!may_declare(&user, &case(State::Issued), &just_issued(), now()));
        let back = Action::Resubmit { to: Post::Accept };
        assert!(may(&user, &case(State::Returned), back).is_ok());
        assert!(may(&user, &case(State::Accepting), Action::Withdraw).is_ok());
        let record =
            UsageOwnership { holder: AccountId::new(1), bureau: BureauCode::new("310000"), state: UsageState::Draft };
        assert!(may_with_usage(&user, &record, UsageAction::Submit).is_ok());
    }

    /// 查阅 starts and changes nothing, not even what was his own before.
    #[test]
    fn a_viewer_changes_nothing_in_any_state() {
        let user = changed(|u| u.role = MemberRole::Viewer);
        for state in State::ALL {
            let of = case(*state);
            assert!(Action::ALL.iter().all(|a| may(&user, &of, *a).is_err()), "{state}");
            assert!(!may_copy(&user, &of) && !owns(&user, &of) && !may_declare(&user, &of, &just_issued(), now()));
            assert!(!may_record_usage(&user, &of, Some(&CertificateFacts { written_lines: 1, ..just_issued() })));
        }
        assert!(!may_file(&user));
        let Actor::Enterprise(user) = user else { panic!("an enterprise") };
        assert!(!may_edit_shared_fields(&user) && !may_change_template(&user, AccountId::new(1)));
    }

    #[test]
    fn the_links_of_a_row_follow_the_state() {
        use Operation as O;
        let rows: &[(State, &[O], Option<StatusLink>, bool)] = &[
            (State::Draft, &[O::Edit, O::Copy], None, true),
            (State::Accepting, &[O::View, O::Print, O::Withdraw, O::Copy], None, false),
            (State::Returned, &[O::Edit, O::View, O::Print, O::Copy], None, false),
            (State::AcceptanceRefused, &[O::View, O::Print, O::Copy], Some(StatusLink::Outcome), false),
            (State::FirstReview, &[O::View, O::Print, O::Copy], None, false),
            (State::FirstReviewFailed, &[O::View, O::Print, O::Copy], Some(StatusLink::Outcome), false),
            (State::FinalReview, &[O::View, O::Print, O::Copy], None, false),
            (State::FinalReviewFailed, &[O::View, O::Print, O::Copy], Some(StatusLink::Outcome), false),
            (State::Comparing, &[O::View, O::Print, O::Copy], None, false),
            (State::ComparingPaper, &[O::View, O::Print, O::Copy], Some(StatusLink::Outcome), false),
            (State::ComparingFailed, &[O::View, O::Print, O::Copy], Some(StatusLink::Outcome), false),
            (State::AwaitingIssue, &[O::View, O::Print, O::Copy], None, false),
            (
                State::Issued,
                &[O::View, O::Print, O::Declare, O::PreWriteOffs, O::Copy],
                Some(StatusLink::Certificate),
                false,
            ),
            (State::Terminated, &[O::View, O::Print, O::Copy], Some(StatusLink::Outcome), false),
            (State::Withdrawn, &[O::View, O::Print, O::Copy], None, false),
        ];
        assert_eq!(rows.len(), State::ALL.len());
        for (state, operations, status, selectable) in rows {
            let issued = (*state == State::Issued).then(just_issued);
            let links = row_links(&owner(), &case(*state), issued.as_ref(), now());
            assert_eq!(&links.operations, operations, "{state}");
            assert_eq!(links.status, *status, "{state}");
            assert_eq!(links.selectable, *selectable, "{state}");
        }
    }

    /// Cases 11 to 13: a hidden link is what is refused (R-2.2-17 to -19, D12, D13, D23).
    #[test]
    fn r_2_2_17_declaring_ends_with_the_validity_an_amendment_and_the_last_quantity() {
        let of = case(State::Issued);
        let offers = |c: &CertificateFacts, at: Instant, wanted: Operation| {
            row_links(&owner(), &of, Some(c), at).operations.contains(&wanted)
        };
        let fresh = just_issued();
        assert!(offers(&fresh, now(), Operation::Declare) && !offers(&fresh, now(), Operation::WriteOffs));
        assert!(!offers(&fresh, fresh.validity.to.end_instant(), Operation::Declare), "over");
        for state in CertificateState::ALL.iter().filter(|s| **s != CertificateState::Valid) {
            assert!(
                !offers(&CertificateFacts { state: *state, ..fresh.clone() }, now(), Operation::Declare),
                "{state}"
            );
        }
        let exhausted = CertificateFacts { open_lines: 0, written_lines: 2, ..fresh.clone() };
        assert!(!offers(&exhausted, now(), Operation::Declare) && offers(&exhausted, now(), Operation::WriteOffs));
        assert!(offers(&exhausted, now(), Operation::PreWriteOffs));
        let mut entered = of.clone();
        entered.entered_by_bureau = Some(BureauCode::new("310000"));
        assert!(may_declare(&owner(), &entered, &fresh, now()), "case 8");
        let officer = officer(3, "320000", &[Post::WriteOff]);
        assert!(!may_declare(&officer, &of, &fresh, now()));
        assert!(may_decide_for(&officer, &BureauCode::new("320000")) && may_write_off(&officer));
        assert!(!may_decide_for(&officer, &BureauCode::new("310000")));
    }

    #[test]
    fn r_c_06_a_permit_goes_as_far_as_the_post() {
        let bureau_admin = officer(8, "310000", &[Post::BureauAdmin]);
        let permit_here = permit::<ManageAccounts>(&bureau_admin).unwrap();
        assert_eq!(permit_here.reach(), &Reach::Bureau(BureauCode::new("310000")));
        assert!(permit_here.covers(Some(&BureauCode::new("310000"))));
        assert!(!permit_here.covers(Some(&BureauCode::new("320000"))) && !permit_here.covers(None));
        assert!(permit::<ManageAccounts>(&officer(8, "310000", &[Post::Accept, Post::CncaAdmin])).is_err());
        assert!(permit::<ManageAccounts>(&owner()).is_err());
        let posts = Posts::new([Post::CncaAdmin]);
        let cnca = Actor::Cnca(crate::actor::Cnca { account: AccountId::new(9), name: "系统管理".into(), posts });
        let everywhere = permit::<ManageAccounts>(&cnca).unwrap();
        assert!(everywhere.covers(None) && everywhere.covers(Some(&BureauCode::new("320000"))));
        assert_eq!(everywhere.account(), AccountId::new(9));
    }

    #[test]
    fn d24_only_the_user_whose_application_it_is_copies_it() {
        let mut of = case(State::Withdrawn);
        assert!(may_copy(&owner(), &of));
        assert!(!may_copy(&officer(8, "310000", &[Post::Accept]), &of));
        of.owner = AccountId::new(2);
        assert!(!may_copy(&owner(), &of), "a colleague's");
        of = case(State::Issued);
        of.entered_by_bureau = Some(BureauCode::new("310000"));
        assert!(!may_copy(&owner(), &of), "entered by the bureau");
    }

    #[test]
    fn d5_a_template_is_changed_by_its_owner_and_by_the_administrator_of_a_sharing_organisation() {
        let Actor::Enterprise(mut user) = owner() else { panic!("an enterprise") };
        let (own, colleague) = (AccountId::new(1), AccountId::new(2));
        assert!(may_change_template(&user, own));
        assert!(!may_change_template(&user, colleague));
        user.shares = true;
        assert!(may_change_template(&user, colleague));
        user.membership = Membership::Confirmed;
        assert!(may_change_template(&user, own) && !may_change_template(&user, colleague));
    }
}

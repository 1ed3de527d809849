//! 补录申请 (R-B-10, A17; manual §2.2, case 8): what the bureau enters for registered enterprise users, and for whom.
//!
//! The form itself is that of the enterprise: the other pages of this folder serve both kinds of user.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::account::Profile;
use db::proxy_entry::{self, EnterpriseUser, UserFilter};
use db::reading::What;
use db::search::{Conditions, Field};
use db::{Source, params};
use domain::actor::{Actor, Membership, Post, Undertaking};
use domain::ids::{AccountId, ApplicationId, BureauCode, OrganisationId};
use domain::policy::{self, EnterForOthers, Operation, Ownership, Reach};
use domain::text;
use domain::time::Instant;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::{Filer, Permitted};
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::readings;
use crate::parts::status::{Status, time_left};

/// The address of the list.
const LIST: &str = "/proxy-entries";

/// Told to an officer whose choice is no active user any more.
pub const GONE: &str = "所选企业用户已不存在或已停用，没有保存。请在补录申请中重新选择企业用户。";

/// Told to an officer who enters or submits something for an organisation that is suspended (D30).
pub const SUSPENDED: &str =
    "该单位已被暂停，不能为其办理新的申请。需要办理的，请先由局系统管理员在“企业用户”中解除暂停。";

/// For whom a new application is.
pub struct Party {
    /// The account it belongs to.
    pub owner: AccountId,
    /// His organisation.
    pub organisation: OrganisationId,
    /// What is copied into the application: the session's profile (D22), of a 补录 the user's as it stands now.
    pub profile: Profile,
    /// 补录: the user that was chosen.
    pub entered_for: Option<EnterpriseUser>,
}

/// Himself, for an enterprise's user; for 补录岗 the active user of this id, none when there is no such one.
pub async fn party(source: &impl Source, user: &Filer, owner: &str) -> Result<Option<Party>, AppError> {
    if let Actor::Enterprise(own) = user.actor() {
        if let Some(bar) = own.bar(Undertaking::Draft) {
            return Err(AppError::Conflict(bar.to_string()));
        }
        let profile = user.session.profile.clone();
        return Ok(Some(Party { owner: own.account, organisation: own.organisation, profile, entered_for: None }));
    }
    let (Some(permit), Ok(owner)) = (user.for_others(), owner.parse::<AccountId>()) else { return Ok(None) };
    let Some(chosen) = proxy_entry::find(source, &permit, owner).await? else { return Ok(None) };
    if chosen.suspended_at.is_some() {
        return Err(AppError::Conflict(SUSPENDED.to_owned()));
    }
    let profile = db::account::profile(source, owner).await?;
    Ok(Some(Party { owner, organisation: chosen.organisation_id, profile, entered_for: Some(chosen) }))
}

/// `?scope=submitted`, and what narrows the list.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    scope: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    applicant: String,
    #[serde(default)]
    entered_by: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

/// 我录入的.
const MINE: &str = "mine";
/// 已提交.
const SUBMITTED: &str = "submitted";

impl Filters {
    fn is_submitted(&self) -> bool {
        self.scope == SUBMITTED
    }

    fn pairs(&self) -> [(&'static str, &str); 4] {
        [
            ("scope", if self.is_submitted() { SUBMITTED } else { "" }),
            ("number", &self.number),
            ("applicant", &self.applicant),
            ("entered_by", if self.entered_by == MINE { MINE } else { "" }),
        ]
    }

    fn conditions(&self, bureau: &BureauCode, officer: AccountId, now: Instant) -> Conditions {
        let entered = Conditions::new().and("a.entered_by_bureau = ?", params![bureau.clone()]);
        let entered = if self.is_submitted() {
            entered.and("a.state NOT IN ('draft', 'returned')", params![])
        } else {
            entered.and("a.state IN ('draft', 'returned') AND (a.state <> 'draft' OR a.expires_at > ?)", params![now])
        };
        let entered =
            if self.entered_by == MINE { entered.and("a.entered_by_id = ?", params![officer]) } else { entered };
        entered.contain(&[(Field::Number, &self.number), (Field::Applicant, &self.applicant)])
    }
}

struct Tab {
    label: &'static str,
    href: &'static str,
    is_current: bool,
}

struct RowView {
    id: ApplicationId,
    name: String,
    is_numbered: bool,
    certificate_no: String,
    applicant: String,
    username: String,
    clause: String,
    entered_by: String,
    is_mine: bool,
    at: String,
    status: Status,
    time_left: Option<String>,
    selectable: bool,
    operations: Vec<(String, &'static str)>,
}

#[derive(Template)]
#[template(path = "application/proxy_entries.html")]
struct ListPage {
    shell: Shell,
    form: FormView,
    tabs: [Tab; 2],
    people: Vec<Choice>,
    rows: Vec<RowView>,
    pager: Pager,
    is_submitted: bool,
    is_filtered: bool,
    may_delete: bool,
    clear: &'static str,
}

#[derive(db::Row)]
struct Columns {
    id: ApplicationId,
    state: S,
    owner_id: AccountId,
    number: Option<String>,
    certificate_no: Option<String>,
    applicant_name: String,
    username: String,
    clause_code: String,
    entered_by_id: Option<AccountId>,
    entered_by: Option<String>,
    first_saved_at: Instant,
    submitted_at: Option<Instant>,
    expires_at: Instant,
}

/// The applications that his bureau entered: those that wait for it, 未提交 and 返回修改, or those that are submitted.
pub async fn list(
    State(app): State<App>,
    user: Permitted<EnterForOthers>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let now = app.now();
    let Reach::Bureau(bureau) = user.permit.reach() else { return Err(AppError::NotFound) };
    let conditions = filters.conditions(bureau, user.permit.account(), now);
    let read = app.db.read();
    let sql = format!("SELECT COUNT(*) FROM application a{}", conditions.sql());
    let total = read.number(&sql, conditions.values(vec![])).await?;
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&query, total, LIST, &filters.pairs());
    let sql = format!(
        "SELECT a.id, a.state, a.owner_id, a.number, a.certificate_no, a.applicant_name, u.username, a.clause_code, \
         a.entered_by_id, e.display_name AS entered_by, a.first_saved_at, a.submitted_at, a.expires_at \
         FROM application a JOIN account u ON u.id = a.owner_id LEFT JOIN account e ON e.id = a.entered_by_id{} \
         ORDER BY a.id DESC LIMIT {} OFFSET {}",
        conditions.sql(),
        pager.limit(),
        pager.offset()
    );
    let found: Vec<Columns> = read.rows(&sql, conditions.values(vec![])).await?;
    let rows: Vec<_> = found.into_iter().map(|c| row_view(&app, user.actor(), bureau, c, now)).collect();
    let tab = |label, href, is_current| Tab { label, href, is_current };
    let submitted = "/proxy-entries?scope=submitted";
    page::render(&ListPage {
        shell: frame::signed(&app, &user, "补录申请", Entry::Post(Post::ProxyEntry), &[]).await?,
        form: FormView::new(FormData::of_filters(&filters.pairs()), FieldErrors::default(), &user.caller.csrf),
        tabs: [tab("待办", LIST, !filters.is_submitted()), tab("已提交", submitted, filters.is_submitted())],
        people: vec![Choice::new(MINE, "我录入的")],
        may_delete: rows.iter().any(|r| r.selectable),
        rows,
        pager,
        is_submitted: filters.is_submitted(),
        is_filtered: filters.pairs().iter().skip(1).any(|(_, v)| !v.is_empty()),
        clear: if filters.is_submitted() { submitted } else { LIST },
    })
}

fn row_view(app: &App, actor: &Actor, bureau: &BureauCode, c: Columns, now: Instant) -> RowView {
    let of = Ownership {
        owner: c.owner_id,
        entered_by_bureau: Some(bureau.clone()),
        state: c.state,
        current_bureau: None,
        handler: None,
        first_reviewer: None,
        four_eyes: true,
        receiving_bureau: None,
    };
    let links = policy::row_links(actor, &of, None, now);
    let operations = links
        .operations
        .iter()
        .filter_map(|o| match o {
            Operation::Edit => Some((format!("/applications/{}/basics", c.id), "修改")),
            Operation::View | Operation::ViewProxy => Some((format!("/casework/{}", c.id), "查看")),
            Operation::Print => Some((format!("/applications/{}/print", c.id), "打印申请")),
            Operation::Declare
            | Operation::PreWriteOffs
            | Operation::WriteOffs
            | Operation::Withdraw
            | Operation::Copy
            | Operation::AmendCertificate
            | Operation::AmendAgain
            | Operation::ViewAmendment
            | Operation::RecordUsage => None,
        })
        .collect();
    RowView {
        id: c.id,
        is_numbered: c.number.is_some(),
        name: c.number.unwrap_or_else(|| format!("草稿 {}", c.id)),
        certificate_no: c.certificate_no.unwrap_or_default(),
        applicant: c.applicant_name,
        username: c.username,
        clause: app.references.now().clause_name(&c.clause_code).to_owned(),
        is_mine: c.entered_by_id == Some(actor.account()),
        entered_by: c.entered_by.unwrap_or_default(),
        at: c.submitted_at.unwrap_or(c.first_saved_at).china(),
        status: Status::of(c.state),
        time_left: (c.state == S::Draft).then(|| time_left(c.expires_at, now)),
        selectable: links.selectable,
        operations,
    }
}

/// What an enterprise user is looked for by.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct UserQuery {
    #[serde(default)]
    org_code: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

struct UserRow {
    id: AccountId,
    name: String,
    code: String,
    username: String,
    contact: String,
    address: String,
    is_pending: bool,
}

#[derive(Template)]
#[template(path = "application/proxy_entry_new.html")]
struct NewPage {
    shell: Shell,
    form: FormView,
    rows: Vec<UserRow>,
    pager: Pager,
    is_filtered: bool,
}

/// 选择企业用户: the registered ones that are active, once something is typed; who looked is noted (E11).
pub async fn new(
    State(app): State<App>,
    user: Permitted<EnterForOthers>,
    Query(query): Query<UserQuery>,
) -> Result<Response, AppError> {
    let filter = UserFilter { code: &query.org_code, username: &query.username, name: &query.name };
    let pairs =
        [("org_code", query.org_code.as_str()), ("username", query.username.as_str()), ("name", query.name.as_str())];
    let read = app.db.read();
    let is_filtered = !filter.is_empty();
    let total = if is_filtered { proxy_entry::count(&read, &user.permit, &filter).await? } else { 0 };
    let asked = PageQuery { page: query.page.clone(), size: query.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&asked, total, "/proxy-entries/new", &pairs);
    let found = if total > 0 {
        readings::note(&app, &user, What::EnterpriseUsers, 0).await;
        proxy_entry::page(&read, &user.permit, &filter, pager.limit(), pager.offset()).await?
    } else {
        Vec::new()
    };
    let crumbs = [("补录申请", LIST)];
    page::render(&NewPage {
        shell: frame::signed(&app, &user, "选择企业用户", Entry::Post(Post::ProxyEntry), &crumbs).await?,
        form: FormView::new(FormData::of_filters(&pairs), FieldErrors::default(), &user.caller.csrf),
        rows: found.into_iter().map(user_row).collect(),
        pager,
        is_filtered,
    })
}

fn user_row(u: EnterpriseUser) -> UserRow {
    UserRow {
        id: u.id,
        name: u.name,
        code: text::hyphenated(&u.code),
        username: u.username,
        contact: u.contact_name,
        address: u.address,
        is_pending: u.membership == Membership::Pending,
    }
}

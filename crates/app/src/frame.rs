//! The frame around every page: menu per kind of user, counts, reminders (manual §1.3).

use db::params;
use domain::actor::{Actor, Cnca, Officer, Post, Undertaking};
use domain::policy::{self, Delegate, KeepOrganisations, ReadAudit, ReadStatistics, WatchJobs, permit};
use kit::app::App;
use kit::error::AppError;
use kit::session::{Caller, Signed};
use kit::shell::{MenuGroup, MenuItem, Role, Shell};

use crate::parts::desks::{self, Desk, DeskCount};
use crate::parts::{bureau_contact, reminders};

/// The entry of the menu that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// 主页.
    Main,
    /// 新申请.
    NewApplication,
    /// 查看申请列表.
    Applications,
    /// 证明列表.
    Certificates,
    /// 产品模板.
    Templates,
    /// 修改用户信息, 修改密码, 单位用户.
    Profile,
    /// 账号管理.
    Accounts,
    /// 后台任务.
    Jobs,
    /// 企业用户.
    Organisations,
    /// 公告管理.
    Publishing,
    /// 基础数据.
    References,
    /// 逾期证明.
    Overdue,
    /// A post's worklist.
    Post(Post),
    /// 我的待办.
    MyCases,
    /// 本局待办.
    BureauCases,
    /// 业务下放.
    Delegations,
    /// 综合查询.
    Search,
    /// 审计查询.
    Audit,
    /// 统计.
    Statistics,
    /// 导出文件; it has no item in the menu.
    Exports,
    /// 证明修改.
    Amendments,
    /// 证明撤销.
    Revocations,
    /// 证明注销.
    Surrenders,
    /// 证明查询 of 核销岗.
    WriteOffSearch,
    /// 批量核销.
    WriteOffBatches,
    /// 本局联系方式.
    BureauContact,
}

impl Entry {
    /// The entry of the list from which this user comes to a certificate's ledger.
    pub fn of_list(user: &Signed) -> Self {
        if policy::may_write_off(user.actor()) { Self::WriteOffSearch } else { Self::Applications }
    }
}

/// Name and address of the list from which this user comes to a certificate's ledger.
pub fn list_of(user: &Signed) -> (&'static str, &'static str) {
    if policy::may_write_off(user.actor()) {
        ("证明查询", "/write-off/search")
    } else {
        ("查看申请列表", "/applications")
    }
}

/// The frame of a public page.
pub fn public(app: &App, caller: &Caller, title: &str) -> Shell {
    Shell {
        title: title.to_owned(),
        role: Role::Public,
        now: app.now(),
        version: app.config.version,
        csrf: caller.csrf.clone(),
        flash: caller.flash.clone(),
        ..Shell::default()
    }
}

/// The frame of a page for somebody signed in; one statement for the counts.
pub async fn signed(
    app: &App,
    user: &Signed,
    title: &str,
    entry: Entry,
    crumbs: &[(&str, &str)],
) -> Result<Shell, AppError> {
    let (role, menu, reminders) = match &user.session.actor {
        Actor::Enterprise(enterprise) => {
            let waiting = reminders::count_of_enterprise(app, user).await?;
            let may_begin = enterprise.bar(Undertaking::Draft).is_none();
            (Role::Enterprise, enterprise_menu(entry, waiting, may_begin), waiting)
        }
        Actor::Officer(officer) => {
            let counts = counts(app, officer).await?;
            let certificates = desks::waiting(app, officer).await?;
            let asked = u64::from(bureau_contact::is_asked_for(app, user.actor()));
            let total =
                counts.posts.iter().map(|(_, n)| *n).chain(certificates.iter().map(|d| d.n)).sum::<u64>() + asked;
            (Role::Bureau, officer_menu(app, user.actor(), officer, entry, &counts, &certificates), total)
        }
        Actor::Cnca(cnca) => {
            let asked = u64::try_from(reminders::of_cnca(app, user.actor()).len()).unwrap_or_default();
            (Role::Cnca, cnca_menu(app, user.actor(), cnca, entry), asked)
        }
    };
    let mut trail = vec![("主页".to_owned(), Some("/main".to_owned()))];
    trail.extend(crumbs.iter().map(|(label, href)| ((*label).to_owned(), Some((*href).to_owned()))));
    trail.push((title.to_owned(), None));
    Ok(Shell {
        title: title.to_owned(),
        account_name: user.session.username.clone(),
        organisation: user.session.belongs_to.clone(),
        role,
        menu,
        crumbs: if entry == Entry::Main { Vec::new() } else { trail },
        now: app.now(),
        reminders,
        version: app.config.version,
        csrf: user.caller.csrf.clone(),
        flash: user.caller.flash.clone(),
        ..Shell::default()
    })
}

/// How many cases wait at each post of the officer's bureau, how many 预核销 for its ports, how many 产品使用记录 at
/// 后续监管, and how many applications that it entered wait to be finished or corrected.
pub async fn waiting_at(app: &App, officer: &Officer) -> Result<Vec<(Post, u64)>, AppError> {
    Ok(counts(app, officer).await?.posts)
}

/// What waits for an officer.
struct Counts {
    /// At each of his posts.
    posts: Vec<(Post, u64)>,
    /// What he has taken.
    mine: u64,
    /// At all posts of the course in his bureau.
    bureau: u64,
}

/// One statement.
async fn counts(app: &App, officer: &Officer) -> Result<Counts, AppError> {
    #[derive(db::Row)]
    struct Count {
        place: Option<String>,
        n: i64,
    }
    let found: Vec<Count> = app
        .db
        .read()
        .rows(
            "SELECT current_post AS place, COUNT(*) AS n FROM application WHERE current_bureau = $1 GROUP BY current_post \
             UNION ALL SELECT 'mine', COUNT(*) FROM application WHERE handler_id = $2 AND current_bureau = $1 \
             UNION ALL SELECT 'write_off', COUNT(DISTINCT pre_write_off_id) FROM pre_write_off_item \
             WHERE bureau_code = $1 AND state = 'pending' \
             UNION ALL SELECT 'supervise', COUNT(*) FROM usage_record WHERE bureau_code = $1 AND state = 'submitted' \
             UNION ALL SELECT 'proxy_entry', COUNT(*) FROM application WHERE entered_by_bureau = $1 \
             AND state IN ('draft', 'returned') AND (state <> 'draft' OR expires_at > $3)",
            params![officer.bureau.clone(), officer.account, app.now()],
        )
        .await?;
    let n_of = |place: &str| {
        let n = found.iter().find(|c| c.place.as_deref() == Some(place)).map_or(0, |c| c.n);
        u64::try_from(n).unwrap_or_default()
    };
    let posts = Post::COURSE
        .into_iter()
        .chain([Post::WriteOff, Post::Supervise, Post::ProxyEntry])
        .filter(|p| officer.posts.holds(*p))
        .map(|p| (p, n_of(p.word())))
        .collect();
    let bureau = Post::COURSE.into_iter().map(|p| n_of(p.word())).sum();
    Ok(Counts { posts, mine: n_of("mine"), bureau })
}

fn item(label: &str, href: &str, icon: &'static str, count: Option<u64>, current: bool) -> MenuItem {
    MenuItem { label: label.to_owned(), href: href.to_owned(), icon, count, current }
}

fn enterprise_menu(entry: Entry, waiting: u64, may_begin: bool) -> Vec<MenuGroup> {
    let mut menu = vec![
        MenuGroup {
            title: "操作菜单",
            items: vec![
                item("主页", "/main", "home", None, entry == Entry::Main),
                item("新申请", "/applications/declaration", "file-plus", None, entry == Entry::NewApplication),
                item("查看申请列表", "/applications", "list-details", Some(waiting), entry == Entry::Applications),
                item("证明列表", "/certificates", "certificate", None, entry == Entry::Certificates),
                item("产品模板", "/product-templates", "category", None, entry == Entry::Templates),
                item("逾期证明", "/overdue-certificates", "clock-exclamation", None, entry == Entry::Overdue),
                item("修改用户信息", "/profile/particulars", "user-edit", None, entry == Entry::Profile),
            ],
        },
        MenuGroup {
            title: "快捷操作",
            items: vec![
                item("填写新申请", "/applications/declaration", "pencil-plus", None, false),
                item("返回修改的申请", "/applications?state=returned", "alert-circle", None, false),
                item("填写产品使用记录", "/applications?state=issued", "clipboard-list", None, false),
                item("返回主页", "/main", "arrow-left", None, false),
            ],
        },
    ];
    if !may_begin {
        for group in &mut menu {
            group.items.retain(|i| i.href != "/applications/declaration");
        }
    }
    menu
}

/// The name of a post's work.
pub const fn work_of(post: Post) -> &'static str {
    match post {
        Post::WriteOff => "预核销确认",
        Post::ProxyEntry => "补录申请",
        post => post.label(),
    }
}

/// Where the work of a post waits.
pub fn worklist_of(post: Post) -> String {
    match post {
        Post::WriteOff => "/write-off/worklist".to_owned(),
        Post::Supervise => "/supervision".to_owned(),
        Post::ProxyEntry => "/proxy-entries".to_owned(),
        post => format!("/casework?post={}", post.word()),
    }
}

/// The icon of a post.
pub const fn icon_of(post: Post) -> &'static str {
    match post {
        Post::Accept => "inbox",
        Post::FirstReview => "eye-search",
        Post::FinalReview => "gavel",
        Post::Compare => "files",
        Post::Issue => "certificate",
        Post::Terminate => "hand-stop",
        Post::WriteOff => "checks",
        Post::Supervise => "clipboard-check",
        Post::ProxyEntry => "file-plus",
        Post::AmendApprove
        | Post::AmendConfirm
        | Post::BureauAdmin
        | Post::Publish
        | Post::ReferenceAdmin
        | Post::RoutingAdmin
        | Post::Statistics
        | Post::CncaAdmin => "clipboard-list",
    }
}

/// The entry of the menu that a desk belongs to.
const fn entry_of(desk: Desk) -> Entry {
    match desk {
        Desk::Amendments => Entry::Amendments,
        Desk::Revocations => Entry::Revocations,
        Desk::Surrenders => Entry::Surrenders,
    }
}

fn officer_menu(
    app: &App,
    actor: &Actor,
    officer: &Officer,
    entry: Entry,
    counts: &Counts,
    certificates: &[DeskCount],
) -> Vec<MenuGroup> {
    let mut items = vec![item("主页", "/main", "home", None, entry == Entry::Main)];
    let works = Post::COURSE.iter().any(|p| officer.posts.holds(*p));
    if works {
        let current = entry == Entry::MyCases;
        items.push(item("我的待办", "/casework?scope=mine", "user-circle", Some(counts.mine), current));
    }
    for (post, n) in &counts.posts {
        let href = worklist_of(*post);
        items.push(item(work_of(*post), &href, icon_of(*post), Some(*n), entry == Entry::Post(*post)));
    }
    if officer.posts.holds(Post::WriteOff) {
        items.push(item("证明查询", "/write-off/search", "search", None, entry == Entry::WriteOffSearch));
        items.push(item("批量核销", "/write-off/batches", "file-import", None, entry == Entry::WriteOffBatches));
    }
    if officer.posts.holds(Post::Supervise) {
        let current = entry == Entry::Overdue;
        items.push(item("逾期证明", "/overdue-certificates", "clock-exclamation", None, current));
    }
    if officer.posts.holds(Post::Terminate) {
        let href = format!("/casework?post={}", Post::Terminate.word());
        items.push(item("强制终止", &href, icon_of(Post::Terminate), None, entry == Entry::Post(Post::Terminate)));
    }
    if works || officer.posts.holds(Post::BureauAdmin) {
        let current = entry == Entry::BureauCases;
        items.push(item("本局待办", "/casework?scope=bureau", "building-bank", Some(counts.bureau), current));
    }
    items.push(item("证明列表", "/certificates", "list-check", None, entry == Entry::Certificates));
    items.push(item("综合查询", "/search", "list-search", None, entry == Entry::Search));
    let mut menu = vec![MenuGroup { title: "审批", items }];
    if !certificates.is_empty() {
        let of_desk = |d: &DeskCount| {
            let is_current = entry == entry_of(d.desk);
            item(d.desk.label(), d.desk.href(), d.desk.icon(), Some(d.n), is_current)
        };
        menu.push(MenuGroup { title: "证明管理", items: certificates.iter().map(of_desk).collect() });
    }
    let mut configuration = duties(app, actor, entry);
    if officer.posts.holds(Post::BureauAdmin) {
        configuration.push(accounts(entry));
        let is_current = entry == Entry::BureauContact;
        configuration.push(item("本局联系方式", "/bureau-contact", "map-pin", None, is_current));
    }
    if !configuration.is_empty() {
        menu.push(MenuGroup { title: "配置", items: configuration });
    }
    let mut quick = Vec::new();
    if works {
        quick.push(item("默认待办", "/casework", "player-play", None, false));
    }
    quick.push(item("返回主页", "/main", "arrow-left", None, false));
    menu.push(MenuGroup { title: "快捷操作", items: quick });
    menu
}

fn accounts(entry: Entry) -> MenuItem {
    item("账号管理", "/accounts", "users", None, entry == Entry::Accounts)
}

/// What he looks after that is no application.
fn duties(app: &App, actor: &Actor, entry: Entry) -> Vec<MenuItem> {
    let mut items = Vec::new();
    // Only a direct bureau delegates.
    let is_branch = actor.bureau().is_some_and(|b| app.references.now().direct_of(b) != b);
    if !is_branch && permit::<Delegate>(actor).is_ok() {
        items.push(item("业务下放", "/delegations", "sitemap", None, entry == Entry::Delegations));
    }
    if !is_branch && permit::<KeepOrganisations>(actor).is_ok() {
        items.push(item("企业用户", "/organisations", "building", None, entry == Entry::Organisations));
    }
    if permit::<ReadStatistics>(actor).is_ok() {
        items.push(item("统计", "/statistics", "chart-bar", None, entry == Entry::Statistics));
    }
    if permit::<ReadAudit>(actor).is_ok() {
        items.push(item("审计查询", "/audit", "history", None, entry == Entry::Audit));
    }
    if permit::<WatchJobs>(actor).is_ok() {
        items.push(item("后台任务", "/jobs", "refresh", None, entry == Entry::Jobs));
    }
    items
}

fn cnca_menu(app: &App, actor: &Actor, cnca: &Cnca, entry: Entry) -> Vec<MenuGroup> {
    let mut menu = vec![MenuGroup {
        title: "操作菜单",
        items: vec![
            item("主页", "/main", "home", None, entry == Entry::Main),
            item("申请查询", "/applications", "list-details", None, entry == Entry::Applications),
            item("证明列表", "/certificates", "certificate", None, entry == Entry::Certificates),
            item("综合查询", "/search", "list-search", None, entry == Entry::Search),
            item("逾期证明", "/overdue-certificates", "clock-exclamation", None, entry == Entry::Overdue),
        ],
    }];
    if cnca.posts.holds(Post::Publish) {
        let publishing = item("公告管理", "/publishing", "speakerphone", None, entry == Entry::Publishing);
        menu[0].items.push(publishing);
    }
    let mut configuration = duties(app, actor, entry);
    if cnca.posts.holds(Post::ReferenceAdmin) {
        configuration.push(item("基础数据", "/reference", "database", None, entry == Entry::References));
    }
    if cnca.posts.holds(Post::CncaAdmin) {
        configuration.push(accounts(entry));
    }
    if !configuration.is_empty() {
        menu.push(MenuGroup { title: "配置", items: configuration });
    }
    menu.push(MenuGroup {
        title: "快捷操作", items: vec![item("返回主页", "/main", "arrow-left", None, false)]
    });
    menu
}

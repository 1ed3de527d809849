//! 申请 (manual §2.1–2.5): the pages of whoever fills one in, an enterprise's user or 补录岗 for one (R-B-10).
//!
//! | file | manual |
//! |---|---|
//! | `list` | §2.2 申请列表 |
//! | `declaration`, `clause` | §2.1, §2.1.1 申请人声明, 免办条款和贸易方式 |
//! | `basics` | §2.1.1 申请基本信息, §2.3, §2.4 |
//! | `items`, `catalogue`, `item` | §2.1.2 附表产品 |
//! | `import`, `export`, `columns` | products from and into XLSX and CSV |
//! | `product_templates`, `copy` | products and applications to begin with |
//! | `conflict`, `typed` | two tabs on one form, and what was typed and not saved |
//! | `attachments` | §2.1.3 附件 |
//! | `submission` | §2.1.3 核对申请信息, 提交申请 |
//! | `show`, `outcome` | §2.5 查看, §2.2 cases 6, 7, 15 |
//! | `print` | §2.2 case 4, 打印申请 |
//! | `proxy_entries` | §2.2 case 8: what a bureau enters, and for whom |

pub mod attachments;
pub mod basics;
pub mod catalogue;
pub mod clause;
pub mod columns;
mod conflict;
pub mod copy;
pub mod declaration;
pub mod export;
pub mod import;
pub mod item;
pub mod items;
pub mod list;
pub mod outcome;
pub mod print;
pub mod product_templates;
pub mod proxy_entries;
pub mod show;
pub mod submission;
pub mod typed;

use axum::response::Response;
use db::proxy_entry::EnterpriseUser;
use db::{Source, Tx};
use domain::actor::{Actor, Post};
use domain::application::{Application, Enclosures, Part};
use domain::catalogue::Trait;
use domain::ids::{ApplicationId, HsCode, ItemId};
use domain::policy;
use domain::time::Day;
use domain::workflow::{Action, State, Transition};
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::reference::ReferenceCache;
use kit::session::{Filer, Signed};

use crate::frame::Entry;

/// Where the applications of whoever fills them in are at home.
#[derive(Debug, Clone, Copy)]
pub struct Home {
    /// The name of their list.
    pub label: &'static str,
    /// Its address.
    pub href: &'static str,
    /// Its entry in the menu.
    pub entry: Entry,
    /// Where a new one begins.
    pub new_href: &'static str,
    /// The entry and the title of that.
    pub new_entry: Entry,
    /// What a new one is called.
    pub new_label: &'static str,
    /// 补录: another's applications, without what belongs to the enterprise itself, as its 产品模板 and 撤回.
    pub is_proxy: bool,
}

impl Home {
    /// Of this user.
    pub fn of(user: &Signed) -> Self {
        match user.actor() {
            Actor::Officer(_) => Self {
                label: "补录申请",
                href: "/proxy-entries",
                entry: Entry::Post(Post::ProxyEntry),
                new_href: "/proxy-entries/new",
                new_entry: Entry::Post(Post::ProxyEntry),
                new_label: "新补录申请",
                is_proxy: true,
            },
            Actor::Enterprise(_) | Actor::Cnca(_) => Self {
                label: "查看申请列表",
                href: "/applications",
                entry: Entry::Applications,
                new_href: "/applications/declaration",
                new_entry: Entry::NewApplication,
                new_label: "新申请",
                is_proxy: false,
            },
        }
    }

    /// The list in the trail of a page.
    pub const fn crumb(&self) -> (&'static str, &'static str) {
        (self.label, self.href)
    }
}

/// An application on the table of somebody who may change it.
pub struct Draft {
    /// The application.
    pub application: Application,
    /// Proof that it may be changed now.
    pub edit: Transition,
}

/// Opens an application for a page of its form; one that cannot be changed shows itself instead (R-2.3-08).
pub async fn open(
    source: &impl Source,
    app: &App,
    user: &Filer,
    id: ApplicationId,
) -> Result<Result<Draft, Response>, AppError> {
    let application = db::application::load(source, &user.scope(), id, app.now()).await?;
    Ok(match policy::may(user.actor(), &application.ownership, Action::Edit) {
        Ok(edit) => Ok(Draft { application, edit }),
        Err(_) => Err(page::see_other(&format!("/applications/{id}"))),
    })
}

/// Opens and locks an application for a change; one that cannot be changed refuses with the reason.
pub async fn open_for_update(tx: &Tx, app: &App, user: &Filer, id: ApplicationId) -> Result<Draft, AppError> {
    let application = db::application::load_for_update(tx, &user.scope(), id, app.now()).await?;
    match policy::may(user.actor(), &application.ownership, Action::Edit) {
        Ok(edit) => Ok(Draft { application, edit }),
        Err(refusal) => Err(AppError::Conflict(refusal.to_string())),
    }
}

/// The steps of filling in an application, for the bar at the top of each page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// 申请人声明.
    Declaration,
    /// 免办条款和贸易方式.
    Clause,
    /// 申请基本信息.
    Basics,
    /// 附表产品信息.
    Items,
    /// 申请附件信息.
    Attachments,
    /// 核对并提交.
    Submission,
}

impl Step {
    /// The part of the application that is filled in there, as 送补正 names it.
    const fn part(self) -> Option<Part> {
        match self {
            Self::Basics => Some(Part::Basics),
            Self::Items => Some(Part::Items),
            Self::Attachments => Some(Part::Attachments),
            Self::Declaration | Self::Clause | Self::Submission => None,
        }
    }
}

/// The bar of steps.
#[derive(askama::Template)]
#[template(path = "application/steps.html")]
pub struct Steps {
    id: Option<ApplicationId>,
    current: Step,
    /// The parts that 送补正 named.
    named: Vec<Part>,
    /// 补录: for whom.
    entered_for: Option<String>,
    /// What nothing is missing of, wherever one is.
    done: Vec<Step>,
}

impl askama::filters::HtmlSafe for Steps {}

/// What a product lacks of what its HS type asks; none when it is complete.
fn lacking(references: &ReferenceCache, hs_code: &HsCode, traits: &[Trait], today: Day) -> Option<String> {
    let Some(hs) = references.hs_type(hs_code.as_str(), today) else {
        return Some(format!("HS 编码 {hs_code} 已停用，请重新选择产品类型"));
    };
    let missing: Vec<_> = hs
        .characteristics
        .iter()
        .filter(|c| !traits.iter().any(|t| t.name == c.name && !t.value.is_empty()))
        .map(|c| c.name.as_str())
        .collect();
    if missing.is_empty() { None } else { Some(format!("缺少产品特性“{}”", missing.join("、"))) }
}

/// The steps of which nothing is missing: by what is saved, in the words of the check before 提交申请.
async fn done(source: &impl Source, app: &App, application: &Application) -> Result<Vec<Step>, AppError> {
    let references = app.references.now();
    let today = app.clock.today();
    let basics = &application.basics;
    let bureau = basics.use_region.as_ref().and_then(|r| references.direct_bureau_of(r, today));
    let kinds = db::application::kinds_of_items(source, application.id).await?;
    let files = db::attachment::of_application(source, application.id).await?;
    let lacks = |(hs_code, traits): &(HsCode, Vec<Trait>)| lacking(&references, hs_code, traits, today);
    let enclosures = Enclosures {
        item_count: kinds.len() as u64,
        faulty_items: kinds.iter().filter_map(lacks).map(|what| (ItemId::new(0), String::new(), what)).collect(),
        needs: references.needs(bureau, &basics.clause, today),
        present: files.into_iter().map(|f| f.kind).collect(),
        has_bureau: bureau.is_some(),
    };
    let faults = domain::application::faults(basics, &enclosures);
    let parts = [(Part::Basics, Step::Basics), (Part::Items, Step::Items), (Part::Attachments, Step::Attachments)];
    let whole = parts.into_iter().filter(|(part, _)| faults.iter().all(|f| f.part != *part)).map(|(_, step)| step);
    Ok([Step::Declaration, Step::Clause].into_iter().chain(whole).collect())
}

impl Steps {
    /// Before the draft exists; 补录 says for whom it will.
    pub fn opening(current: Step, entered_for: Option<&EnterpriseUser>) -> Self {
        let entered_for = entered_for.map(|user| format!("{}（用户名 {}）", user.name, user.username));
        // 我同意 leads on from the first page to the second; nothing is saved yet.
        let done = if matches!(current, Step::Declaration) { Vec::new() } else { vec![Step::Declaration] };
        Self { id: None, current, named: Vec::new(), entered_for, done }
    }

    /// On a page of a draft or of a correction, whose named parts are highlighted (D7).
    pub async fn of(
        source: &impl Source,
        app: &App,
        application: &Application,
        current: Step,
    ) -> Result<Self, AppError> {
        let is_correction = application.state() == State::Returned;
        let named = if is_correction { application.return_parts.clone() } else { Vec::new() };
        let is_entered = application.ownership.entered_by_bureau.is_some();
        let entered_for = is_entered.then(|| application.applicant.name.clone());
        let done = done(source, app, application).await?;
        Ok(Self { id: Some(application.id), current, named, entered_for, done })
    }

    fn is_done(&self, step: impl std::borrow::Borrow<Step>) -> bool {
        self.done.contains(step.borrow())
    }

    fn is_named(&self, part: Option<Part>) -> bool {
        part.is_some_and(|part| self.named.contains(&part))
    }

    const ALL: [(Step, &'static str, &'static str); 6] = [
        (Step::Declaration, "申请人声明", ""),
        (Step::Clause, "免办条款和贸易方式", ""),
        (Step::Basics, "申请基本信息", "basics"),
        (Step::Items, "附表产品信息", "items"),
        (Step::Attachments, "申请附件信息", "attachments"),
        (Step::Submission, "核对并提交", "submission"),
    ];

    fn number(&self) -> usize {
        Self::ALL.iter().position(|s| s.0 == self.current).unwrap_or_default() + 1
    }

    fn label(&self) -> &'static str {
        Self::ALL[self.number() - 1].1
    }

    fn href(&self, page: &str) -> Option<String> {
        match self.id {
            Some(id) if !page.is_empty() => Some(format!("/applications/{id}/{page}")),
            Some(_) | None => None,
        }
    }
}

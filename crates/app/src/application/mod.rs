//! 申请 (manual §2.1–2.5), the enterprise's side.
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
pub mod show;
pub mod submission;
pub mod typed;

use axum::response::Response;
use db::{Source, Tx};
use domain::application::{Application, Part};
use domain::ids::ApplicationId;
use domain::policy;
use domain::workflow::{Action, State, Transition};
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::EnterpriseUser;

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
    user: &EnterpriseUser,
    id: ApplicationId,
) -> Result<Result<Draft, Response>, AppError> {
    let application = db::application::load(source, &user.scope(), id, app.now()).await?;
    Ok(match policy::may(user.actor(), &application.ownership, Action::Edit) {
        Ok(edit) => Ok(Draft { application, edit }),
        Err(_) => Err(page::see_other(&format!("/applications/{id}"))),
    })
}

/// Opens and locks an application for a change; one that cannot be changed refuses with the reason.
pub async fn open_for_update(tx: &Tx, app: &App, user: &EnterpriseUser, id: ApplicationId) -> Result<Draft, AppError> {
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
}

impl askama::filters::HtmlSafe for Steps {}

impl Steps {
    /// Before the draft exists.
    pub const fn opening(current: Step) -> Self {
        Self { id: None, current, named: Vec::new() }
    }

    /// On a page of a draft or of a correction, whose named parts are highlighted (D7).
    pub fn of(application: &Application, current: Step) -> Self {
        let is_correction = application.state() == State::Returned;
        let named = if is_correction { application.return_parts.clone() } else { Vec::new() };
        Self { id: Some(application.id), current, named }
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

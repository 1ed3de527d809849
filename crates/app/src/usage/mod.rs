//! 填写产品使用记录 (manual §2.9), the enterprise's side.
//!
//! | file | manual |
//! |---|---|
//! | `goods` | §2.9 the product list of 填写产品使用记录 |
//! | `usage_record` | §2.9.1–2.9.3 the forms 使用单位, 退运记录, 销毁记录; the change page of §2.9.4 |
//! | `usage_records` | §2.9.4 查看记录 |
//! | `usage_files` | their files |
//! | `typed` | what was typed into a form and not saved |

pub mod goods;
pub mod typed;
pub mod usage_files;
pub mod usage_record;
pub mod usage_records;

use db::Source;
use domain::ids::ApplicationId;
use domain::policy::{self, Operation};
use kit::app::App;
use kit::error::AppError;
use kit::session::Signed;

use crate::parts::usage::Goods;

/// What somebody who looks at the goods of a certificate may do there.
pub struct Opened {
    /// Application, certificate, products.
    pub goods: Goods,
    /// Whether 填写产品使用记录 is open to him.
    pub may_record: bool,
}

/// Opens the goods of an application in scope, once something is written off (manual §2.2, case 14).
pub async fn open(source: &impl Source, app: &App, user: &Signed, id: ApplicationId) -> Result<Opened, AppError> {
    let goods = Goods::open(source, app, user, id).await?;
    let facts = goods.facts();
    if facts.written_lines == 0 {
        let why = "该证明的产品还没有核销。产品通关核销后，才能填写产品使用记录。";
        return Err(AppError::Conflict(why.to_owned()));
    }
    let links = policy::row_links(user.actor(), &goods.application.ownership, Some(&facts), app.now());
    Ok(Opened { may_record: links.operations.contains(&Operation::RecordUsage), goods })
}

/// Why a colleague writes nothing here.
pub fn not_his() -> AppError {
    AppError::Conflict("产品使用记录由申请单所属的用户填写，您可以查看记录，不能填写。".to_owned())
}

//! What the public is told of a certificate (证明公开核验): its standing in words for whoever stands before the goods, and
//! nothing that is the holder's secret. What remains of the products is told to those who hold the paper: they have its
//! 核验码.

use db::certificate::Certificate;
use domain::certificate::Standing;
use domain::quantity::Quantity;
use kit::app::App;
use kit::error::AppError;

use crate::parts::sheet::Sheet;

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Anybody: what the certificate is worth.
    Anybody,
    /// Who knows the 核验码: the products and what remains of them, too.
    HolderOfCode,
}

/// A product of the annex, in one of its two units.
pub struct Amount {
    /// 总.
    pub required: String,
    /// 已核销.
    pub written_off: String,
    /// 剩余.
    pub rest: String,
    /// The unit.
    pub unit: String,
}

/// A product of the annex.
pub struct Product {
    /// 序号.
    pub ordinal: u32,
    /// 产品名称.
    pub name: String,
    /// HS 编码.
    pub hs_code: String,
    /// 数量/重量 and HS 标准量.
    pub amounts: [Amount; 2],
}

/// What the register says now.
pub struct Answer {
    /// The word in large letters.
    pub word: &'static str,
    /// What it means.
    pub meaning: String,
    /// Whether goods may come in on it.
    pub is_usable: bool,
    /// 证明号.
    pub number: String,
    /// The version in force.
    pub version: i64,
    /// The version that was shown to us, when it is another one.
    pub shown: Option<i64>,
    /// 申请单位.
    pub holder: String,
    /// 发证机关.
    pub bureau: String,
    /// 免办条款.
    pub clause: String,
    /// First day of the version in force.
    pub valid_from: String,
    /// Last day of the version in force.
    pub valid_to: String,
    /// How many products the annex has.
    pub count: usize,
    /// The products, for who may know them.
    pub products: Vec<Product>,
}

/// What is told of a certificate, to somebody who was shown this version (none: who only knows the number).
pub async fn of(app: &App, found: Certificate, shown: Option<i64>, told: Told) -> Result<Answer, AppError> {
    let sheet: Sheet = serde_json::from_str(&found.sheet).map_err(anyhow::Error::new)?;
    let standing = found.facts().standing(app.now());
    let shown = shown.filter(|v| *v != found.version);
    let (word, meaning, is_usable) = match shown {
        Some(old) => (
            "已被替代",
            format!(
                "您核验的是第 {old} 版，已由第 {} 版替代，不能再使用。请要求持证企业出示现行版本。现行版本的状态：{}。",
                found.version,
                standing.label()
            ),
            false,
        ),
        None => (standing.label(), meaning(standing).to_owned(), is_usable(standing)),
    };
    let products = match told {
        Told::Anybody => Vec::new(),
        Told::HolderOfCode => products(app, &found, &sheet).await?,
    };
    Ok(Answer {
        word,
        meaning,
        is_usable,
        number: found.number,
        version: found.version,
        shown,
        holder: sheet.holder,
        bureau: sheet.issuing_bureau,
        clause: sheet.clause,
        valid_from: found.valid_from.to_string(),
        valid_to: found.valid_to.to_string(),
        count: sheet.items.len(),
        products,
    })
}

/// What a standing means to an officer of customs or of the market.
const fn meaning(standing: Standing) -> &'static str {
    match standing {
        Standing::Valid => "证明在有效期内，可以凭本证明和附表剩余数量办理进口。",
        Standing::Amending => {
            "持证企业正在申请修改，修改确认前原证明继续有效；修改期间暂停办理核销，请稍后再次核验是否已有新版本。"
        }
        Standing::Expired => "证明已超过有效期，不能再凭本证明办理进口。有效期内已提交的预核销仍可确认。",
        Standing::Exhausted => "附表产品的数量已全部核销，不能再凭本证明办理进口。",
        Standing::Revoked => "发证机关已撤销本证明，自撤销起不能使用。如有疑问，请联系发证机关。",
        Standing::Surrendered => "持证企业已申请注销本证明，不能使用。",
    }
}

const fn is_usable(standing: Standing) -> bool {
    match standing {
        Standing::Valid | Standing::Amending => true,
        Standing::Expired | Standing::Exhausted | Standing::Revoked | Standing::Surrendered => false,
    }
}

/// The annex with its balances: names and units as the paper has them, amounts as the register has them.
async fn products(app: &App, found: &Certificate, sheet: &Sheet) -> Result<Vec<Product>, AppError> {
    let lines = db::certificate::lines(&app.db.read(), found.id).await?;
    let of = |ordinal: u32| lines.iter().find(|l| l.ordinal == i64::from(ordinal));
    Ok(sheet
        .items
        .iter()
        .filter_map(|item| {
            let line = of(item.ordinal)?;
            Some(Product {
                ordinal: item.ordinal,
                name: item.product_name.clone(),
                hs_code: item.hs_code.clone(),
                amounts: [
                    amount(line.required, line.written_off, &item.quantity),
                    amount(line.hs_required, line.hs_written_off, &item.hs_quantity),
                ],
            })
        })
        .collect())
}

/// `printed` is the amount with its unit, as on the paper.
fn amount(required: Quantity, written_off: Quantity, printed: &str) -> Amount {
    let rest = required.checked_sub(written_off).unwrap_or(Quantity::ZERO);
    let unit = printed.rsplit_once(' ').map_or("", |(_, unit)| unit).to_owned();
    Amount { required: required.to_string(), written_off: written_off.to_string(), rest: rest.to_string(), unit }
}

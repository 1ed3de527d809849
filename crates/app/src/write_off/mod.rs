//! 预核销 and 核销 (manual §2.8): what the enterprise declares, what the 核销岗 writes off, and the ledger of a certificate.
//!
//! | file | screen |
//! |---|---|
//! | `rows` | the rows of 预核销 and 直接核销, shown or not |
//! | `pre_write_off`, `pre_write_offs` | §2.8.1 预核销, §2.8.2 查看预核销记录 |
//! | `typed` | what was typed into 预核销 and not submitted |
//! | `write_offs`, `lines`, `ledger` | §2.8.3 核销信息, 产品详细信息, 台账 |
//! | `worklist`, `decision` | 核销岗: what was declared for the ports of its bureau |
//! | `search`, `draw_down`, `reversal` | 核销岗: any certificate of the country, by its QR code too, 直接核销, 冲销 |
//! | `import`, `batches` | 核销岗: 导入核销 from a file, what was handed in and what became of it |
//! | `api` | the same from the system of a port (`docs/port-api.md`) |
//! | `batch`, `forecast` | what both hand in: each line done once, or said why not; and what would become of it |

pub mod api;
mod batch;
pub mod batches;
pub mod decision;
pub mod draw_down;
mod forecast;
pub mod import;
pub mod ledger;
pub mod lines;
pub mod pre_write_off;
pub mod pre_write_offs;
pub mod reversal;
mod rows;
pub mod search;
pub mod typed;
pub mod worklist;
pub mod write_offs;

use std::ops::Range;

use askama::Template;
use askama::filters::HtmlSafe;
use axum::response::Response;
use db::Source;
use db::certificate::Certificate;
use db::ledger::Line;
use domain::actor::Actor;
use domain::application::Application;
use domain::certificate::Standing;
use domain::ids::{CertificateId, CertificateItemId};
use domain::ledger::{Amounts, Balance, LineBalance};
use domain::policy;
use domain::quantity::Quantity;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::FormData;
use kit::session::BureauOfficer;

use crate::parts::sheet::{Sheet, SheetItem};

/// A certificate whose ledger somebody may see, with the sheet in force.
pub struct Opened {
    /// The certificate.
    pub certificate: Certificate,
    /// What it was issued on.
    pub application: Application,
    /// The version in force.
    pub sheet: Sheet,
    /// Whether the pages of the application itself are open to him.
    pub is_reader: bool,
}

/// Opens a certificate: of one's own scope, and for 核销岗 any of the country (D5). Two statements.
pub async fn open(source: &impl Source, app: &App, actor: &Actor, id: CertificateId) -> Result<Opened, AppError> {
    let scope = policy::certificate_scope(actor);
    let certificate = db::certificate::load(source, &scope, id).await?;
    let application = db::application::load(source, &scope, certificate.application_id, app.now()).await?;
    let sheet = serde_json::from_str(&certificate.sheet).map_err(anyhow::Error::new)?;
    let is_reader = !policy::may_write_off(actor);
    Ok(Opened { certificate, application, sheet, is_reader })
}

/// 核销岗, or a page that says who may.
pub fn must_write_off(officer: &BureauOfficer) -> Result<(), AppError> {
    if policy::may_write_off(officer.actor()) {
        Ok(())
    } else {
        Err(AppError::Forbidden("只有核销岗（检务人员）可以办理核销。请返回主页。".to_owned()))
    }
}

/// The head of every page of a certificate's ledger.
#[derive(Template)]
#[template(path = "write_off/head.html")]
pub struct Head {
    number: String,
    application_number: String,
    /// The link to the application, for those to whom it is open.
    application: Option<String>,
    certificate: Option<String>,
    holder: String,
    bureau: String,
    valid_from: String,
    valid_to: String,
    standing: Standing,
}

impl HtmlSafe for Head {}

impl Opened {
    /// 申请号, 证明号, 申请单位, and how the certificate stands (R-2.8-01).
    pub fn head(&self, app: &App) -> Head {
        let c = &self.certificate;
        Head {
            number: c.number.clone(),
            application_number: self.sheet.application_number.clone(),
            application: self.is_reader.then(|| format!("/applications/{}", c.application_id)),
            certificate: self.is_reader.then(|| format!("/certificates/{}", c.id)),
            holder: self.sheet.holder.clone(),
            bureau: app.references.now().bureau_name(&c.bureau_code).to_owned(),
            valid_from: c.valid_from.to_string(),
            valid_to: c.valid_to.to_string(),
            standing: c.facts().standing(app.now()),
        }
    }

    /// The products with their balances, in the order of the annex.
    pub fn goods(&self, lines: Vec<Line>) -> Vec<Goods> {
        lines
            .into_iter()
            .map(|line| {
                let n = usize::try_from(line.ordinal - 1).unwrap_or(usize::MAX);
                Goods::of(line, self.sheet.items.get(n))
            })
            .collect()
    }
}

/// A product of a certificate, as the version in force names it, with its balance.
#[derive(Debug, Clone)]
pub struct Goods {
    /// Its line.
    pub id: CertificateItemId,
    /// 序号.
    pub ordinal: i64,
    /// 产品名称.
    pub name: String,
    /// HS 编码.
    pub hs_code: String,
    /// 规格型号.
    pub model: String,
    /// The unit of 数量/重量.
    pub unit: String,
    /// The unit of HS 标准量.
    pub hs_unit: String,
    /// Its balance.
    pub balance: LineBalance,
}

impl Goods {
    fn of(line: Line, item: Option<&SheetItem>) -> Self {
        let text = |of: fn(&SheetItem) -> &String| item.map(of).cloned().unwrap_or_default();
        // The sheet says the amount and, behind a blank, its unit.
        let unit = |amount: String| amount.rsplit_once(' ').map(|(_, unit)| unit.to_owned()).unwrap_or_default();
        Self {
            id: line.id,
            ordinal: line.ordinal,
            name: text(|i| &i.product_name),
            hs_code: text(|i| &i.hs_code),
            model: text(|i| &i.model),
            unit: unit(text(|i| &i.quantity)),
            hs_unit: unit(text(|i| &i.hs_quantity)),
            balance: line.balance,
        }
    }

    /// What is required, in both units.
    pub const fn required(&self) -> Amounts {
        Amounts { qty: self.balance.qty.required, hs_qty: self.balance.hs.required }
    }

    /// The bar of 数量/重量.
    pub fn bar(&self) -> Bar<'_> {
        Bar { balance: self.balance.qty, free: self.balance.declarable().qty, unit: &self.unit }
    }

    /// The bar of HS 标准量.
    pub fn hs_bar(&self) -> Bar<'_> {
        Bar { balance: self.balance.hs, free: self.balance.declarable().hs_qty, unit: &self.hs_unit }
    }

    /// 尾差, if any (I8).
    pub fn tail(&self) -> Option<Quantity> {
        self.balance.tail()
    }

    /// Whether 产品名称, HS 编码 and 规格型号 contain what was typed (R-2.8-02, D27).
    pub fn matches(&self, [name, hs_code, model]: [&str; 3]) -> bool {
        [(&self.name, name), (&self.hs_code, hs_code), (&self.model, model)]
            .into_iter()
            .all(|(own, typed)| text::fold(own).contains(&text::fold(typed)))
    }
}

/// 总 / 已核销 / 待确认 / 可预核销 of a line in one unit.
#[derive(Template)]
#[template(path = "write_off/bar.html")]
pub struct Bar<'a> {
    balance: Balance,
    free: Quantity,
    unit: &'a str,
}

impl HtmlSafe for Bar<'_> {}

impl Bar<'_> {
    /// The length of a part, of a thousand.
    fn part(&self, q: Quantity) -> i64 {
        let whole = i128::from(self.balance.required.units()).max(1);
        i64::try_from(i128::from(q.units()) * 1000 / whole).unwrap_or(1000).clamp(0, 1000)
    }

    fn done(&self) -> i64 {
        self.part(self.balance.written_off)
    }

    /// What is pending, as far as a direct 核销 has left room for it.
    fn pending(&self) -> i64 {
        self.part(self.balance.pending).min(1000 - self.done())
    }
}

/// What was typed into the two fields of a row.
pub enum Typed {
    /// Both are blank: the row is not used (D20).
    Unused,
    /// A blank one counts as zero, and one is more than zero.
    Amounts(Amounts),
    /// What is wrong with 数量/重量 and with HS 标准量.
    Wrong([Option<String>; 2]),
}

/// Reads `qty_{key}` and `hs_qty_{key}` (D20, R-2.8-05).
pub fn typed(form: &FormData, key: impl std::fmt::Display) -> Typed {
    let texts = [form.get(&format!("qty_{key}")).trim(), form.get(&format!("hs_qty_{key}")).trim()];
    if texts.iter().all(|t| t.is_empty()) {
        return Typed::Unused;
    }
    let read = texts.map(|t| if t.is_empty() { Ok(Quantity::ZERO) } else { Quantity::parse(t) });
    match read {
        [Ok(Quantity::ZERO), Ok(Quantity::ZERO)] => Typed::Wrong([Some("两种数量不能同时为零".to_owned()), None]),
        [Ok(qty), Ok(hs_qty)] => Typed::Amounts(Amounts { qty, hs_qty }),
        [qty, hs_qty] => {
            let why = |label: &str, r: Result<Quantity, _>| {
                r.err().map(|e: domain::quantity::BadAmount| format!("{label}{e}"))
            };
            Typed::Wrong([why("数量/重量", qty), why("HS 标准量", hs_qty)])
        }
    }
}

/// Reads 报关单号: blank, or eighteen digits.
pub fn customs_no(form: &FormData) -> Result<String, String> {
    customs_no_of(form.get("customs_no"))
}

/// The same of a text.
pub fn customs_no_of(typed: &str) -> Result<String, String> {
    if typed.trim().is_empty() {
        return Ok(String::new());
    }
    text::customs_number(typed).map_err(|why| format!("报关单号{why}"))
}

/// The chosen port, or what to do.
pub fn chosen_port(app: &App, form: &FormData) -> Result<domain::ids::PortCode, &'static str> {
    let port = form.get("port_code_2");
    if port.is_empty() {
        return Err(if form.get("port_code_1").is_empty() {
            "请选择进出口口岸"
        } else {
            "请继续选择第二级口岸"
        });
    }
    let references = app.references.now();
    if references.port_bureau(port).is_none() {
        Err("请从列表中选择进出口口岸")
    } else if references.port_holds(port, app.clock.today()) {
        Ok(domain::ids::PortCode::new(port))
    } else {
        Err("该口岸已停用，请另选进出口口岸")
    }
}

/// A page of rows that stand in memory: which page, of how many, of how many rows.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    page: usize,
    pages: usize,
    total: usize,
}

/// So many rows stand on a page of a form.
const ROWS: usize = 50;

impl Leaf {
    /// The page that was asked for, of so many rows.
    pub fn of(asked: &str, total: usize) -> Self {
        let pages = total.max(1).div_ceil(ROWS);
        let asked = text::half_width(asked.trim()).parse::<usize>().unwrap_or(1);
        Self { page: asked.clamp(1, pages), pages, total }
    }

    /// The page on which the n-th row stands, from 0.
    pub const fn page_of(n: usize) -> usize {
        n / ROWS + 1
    }

    /// Which rows stand on it.
    pub fn range(self) -> Range<usize> {
        let start = (self.page - 1) * ROWS;
        start..(start + ROWS).min(self.total)
    }
}

/// `?refresh=…`: everything typed comes back, nothing is done (E24).
#[derive(Debug, Default, serde::Deserialize)]
pub struct RefreshQuery {
    #[serde(default)]
    refresh: String,
}

impl RefreshQuery {
    /// Whether it was asked for.
    pub const fn is_set(&self) -> bool {
        !self.refresh.is_empty()
    }
}

/// The lines that refuse, to be shown on their rows; anything else is an answer of its own.
pub fn refused(error: db::ledger::LedgerError) -> Result<Vec<db::ledger::LineRefusal>, AppError> {
    match error {
        db::ledger::LedgerError::Lines(lines) => Ok(lines),
        db::ledger::LedgerError::Db(error) => Err(error.into()),
    }
}

/// A message for the next page.
pub fn done(app: &App, url: &str, message: &str) -> Response {
    kit::flash::to(&app.key, app.config.is_https(), url, message)
}

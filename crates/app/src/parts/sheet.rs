//! The frozen content of a certificate's version: what the paper says, once and for all.

use db::amendment::Line;
use db::application::Item;
use domain::application::{Application, DisposalPlan};
use domain::certificate::Validity;
use domain::ids::BureauCode;
use domain::text;
use domain::time::Day;
use kit::app::App;
use kit::error::AppError;
use kit::reference::ReferenceCache;
use serde::{Deserialize, Serialize};

/// All that the paper shows, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// 证明号.
    pub number: String,
    /// The version, from 1.
    pub version: u32,
    /// 核验码.
    pub check_code: String,
    /// 申请单号.
    pub application_number: String,
    /// 申请单位.
    pub holder: String,
    /// 组织机构代码.
    pub holder_org_code: String,
    /// 申请单位地址.
    pub holder_address: String,
    /// 使用单位.
    pub use_unit: String,
    /// 产品最终使用地.
    pub use_place: String,
    /// 免办条款, its wording.
    pub clause: String,
    /// 免办条款, its code.
    pub clause_code: String,
    /// 贸易方式.
    pub trade_mode: String,
    /// 合同号.
    pub contract_no: String,
    /// 发票号.
    pub invoice_no: String,
    /// 提/运单号.
    pub bl_no: String,
    /// 进出口口岸.
    pub port: String,
    /// 用途及免办理由.
    pub purpose: String,
    /// 后续处理方式.
    pub disposal: String,
    /// First day.
    pub valid_from: String,
    /// Last day.
    pub valid_to: String,
    /// 发证日期.
    pub issued_on: String,
    /// 发证机关.
    pub issuing_bureau: String,
    /// The address of the public page for this certificate.
    pub verification_url: String,
    /// 附表.
    pub items: Vec<SheetItem>,
    /// A demonstration: 样张.
    pub specimen: bool,
}

impl Sheet {
    /// The validity that the paper says.
    pub fn validity(&self) -> Result<Validity, AppError> {
        let day = |text: &str| text.parse::<Day>().map_err(anyhow::Error::new);
        Ok(Validity { from: day(&self.valid_from)?, to: day(&self.valid_to)? })
    }
}

/// A line of the annex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetItem {
    /// 序号.
    pub ordinal: u32,
    /// 产品名称.
    pub product_name: String,
    /// HS 编码.
    pub hs_code: String,
    /// 规格型号.
    pub model: String,
    /// 商标.
    pub brand: String,
    /// 生产厂名.
    pub manufacturer: String,
    /// 原产国.
    pub origin_country: String,
    /// 数量/重量 with unit.
    pub quantity: String,
    /// HS 标准量 with unit.
    pub hs_quantity: String,
}

/// Freezes an application into the sheet of its certificate, as JSON.
pub fn freeze(
    app: &App,
    application: &Application,
    items: &[Item],
    number: &str,
    check_code: &str,
    validity: Validity,
    bureau: &BureauCode,
) -> Result<String, AppError> {
    let references = app.references.now();
    let b = &application.basics;
    let region = b.use_region.as_ref().map(|r| references.region_path(r)).unwrap_or_default();
    let sheet = Sheet {
        number: number.to_owned(),
        version: 1,
        check_code: check_code.to_owned(),
        application_number: application.number.clone().unwrap_or_default(),
        holder: application.applicant.name.clone(),
        holder_org_code: text::hyphenated(&application.applicant.org_code),
        holder_address: application.applicant.address.clone(),
        use_unit: b.use_unit_name.clone(),
        use_place: format!("{region} {}", b.use_address),
        clause: references.clause_full(&b.clause),
        clause_code: b.clause.to_string(),
        trade_mode: references.trade_mode_name(b.trade_mode.as_str()).to_owned(),
        contract_no: b.contract_no.clone(),
        invoice_no: b.invoice_no.clone(),
        bl_no: b.bl_no.clone(),
        port: b.port.as_ref().map(|p| references.port_name(p.as_str())).unwrap_or_default(),
        purpose: b.purpose.clone(),
        disposal: b.disposal_plan.map_or("", DisposalPlan::label).to_owned(),
        valid_from: validity.from.to_string(),
        valid_to: validity.to.to_string(),
        issued_on: app.clock.today().to_string(),
        issuing_bureau: references.bureau_name(bureau).to_owned(),
        verification_url: app.config.absolute(&format!("/verification?number={number}&code={check_code}")),
        items: (1..)
            .zip(items)
            .map(|(ordinal, item)| {
                let i = &item.form;
                SheetItem {
                    ordinal,
                    product_name: i.product_name.clone(),
                    hs_code: i.hs_code.to_string(),
                    model: i.model.clone(),
                    brand: i.brand.clone(),
                    manufacturer: i.manufacturer.clone(),
                    origin_country: references.country_name(i.origin_country.as_str()).to_owned(),
                    quantity: format!("{} {}", i.qty, references.unit_name(&i.qty_unit)),
                    hs_quantity: format!("{} {}", i.hs_qty, references.unit_name(&i.hs_unit)),
                }
            })
            .collect(),
        specimen: app.config.demo,
    };
    serde_json::to_string(&sheet).map_err(|e| AppError::Internal(anyhow::Error::new(e).context("freezing a sheet")))
}

/// The sheet of the next version: the one before with another validity and other products (manual §2.7), as JSON.
pub fn amend(
    references: &ReferenceCache,
    before: &str,
    version: i64,
    validity: Validity,
    changed: &[Line],
) -> Result<String, AppError> {
    let mut sheet: Sheet = serde_json::from_str(before).map_err(anyhow::Error::new)?;
    sheet.version = u32::try_from(version).map_err(anyhow::Error::new)?;
    sheet.valid_from = validity.from.to_string();
    sheet.valid_to = validity.to.to_string();
    for line in changed {
        let at = sheet.items.iter_mut().find(|i| i64::from(i.ordinal) == line.ordinal);
        let Some(item) = at else {
            return Err(AppError::Internal(anyhow::anyhow!("the sheet has no line {}", line.ordinal)));
        };
        let p = line.product();
        item.product_name.clone_from(&p.product_name);
        item.hs_code = p.hs_code.to_string();
        item.model.clone_from(&p.model);
        item.brand.clone_from(&p.brand);
        item.manufacturer.clone_from(&p.manufacturer);
        item.quantity = format!("{} {}", p.qty, references.unit_name(&line.qty_unit));
        item.hs_quantity = format!("{} {}", p.hs_qty, references.unit_name(&p.hs_unit));
    }
    serde_json::to_string(&sheet).map_err(|e| AppError::Internal(anyhow::Error::new(e).context("freezing a sheet")))
}

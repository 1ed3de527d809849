//! What the certificate prints of an application, and which of it no face has (E27, D33): said at 提交申请 with the page that
//! mends it, and to the officers of a case that was submitted before.

use std::borrow::Cow;

use db::application::Item;
use domain::application::{Applicant, Application, Fault, Part};
use domain::ids::ItemId;
use kit::app::App;
use kit::glyphs;
use kit::reference::ReferenceCache;

/// Where a printed text is mended.
#[derive(Clone, Copy)]
enum Source {
    /// 企业用户信息, from which 申请单位信息 is taken.
    Profile,
    /// A field of 申请基本信息, or of a product.
    Form,
    /// CNCA's reference data.
    Reference,
}

/// A text of the certificate.
#[expect(clippy::struct_field_names, reason = "the text of a text")]
struct Text<'a> {
    part: Part,
    item: Option<ItemId>,
    field: &'static str,
    label: &'static str,
    /// The name of the product, where it is one's.
    product: Option<&'a str>,
    text: Cow<'a, str>,
    source: Source,
}

/// Every text that [`crate::parts::sheet::freeze`] takes from an application.
fn texts<'a>(references: &'a ReferenceCache, application: &'a Application, items: &'a [Item]) -> Vec<Text<'a>> {
    let (a, b) = (&application.applicant, &application.basics);
    let basics = |source, field, label, text: Cow<'a, str>| Text {
        part: Part::Basics,
        item: None,
        field,
        label,
        product: None,
        text,
        source,
    };
    let form = |field, label, text: &'a str| basics(Source::Form, field, label, text.into());
    let reference = |field, label, text: Cow<'a, str>| basics(Source::Reference, field, label, text);
    let region = b.use_region.as_ref().map(|r| references.region_path(r)).unwrap_or_default();
    let port = b.port.as_ref().map(|p| references.port_name(p.as_str())).unwrap_or_default();
    let mut out = vec![
        basics(Source::Profile, "applicant", "申请单位", a.name.as_str().into()),
        basics(Source::Profile, "applicant", "申请单位地址", a.address.as_str().into()),
        reference("clause_code", "免办条款", references.clause_full(&b.clause).into()),
        reference("trade_mode", "贸易方式", references.trade_mode_name(b.trade_mode.as_str()).into()),
        reference("use_region_code", "产品最终使用地行政区划", region.into()),
        form("use_address", "产品最终使用地（地址）", &b.use_address),
        form("use_unit_name", "使用单位", &b.use_unit_name),
        form("contract_no", "合同号", &b.contract_no),
        form("invoice_no", "发票号", &b.invoice_no),
        form("bl_no", "提/运单号", &b.bl_no),
        reference("port_code", "进出口口岸", port.into()),
        form("purpose", "用途及免办理由", &b.purpose),
    ];
    for item in items {
        let i = &item.form;
        let product = |source, field, label, text: &'a str| Text {
            part: Part::Items,
            item: Some(item.id),
            field,
            label,
            product: Some(&i.product_name),
            text: text.into(),
            source,
        };
        out.extend([
            product(Source::Form, "product_name", "需免办产品名称", &i.product_name),
            product(Source::Form, "model", "规格型号", &i.model),
            product(Source::Form, "brand", "商标", &i.brand),
            product(Source::Form, "manufacturer", "生产厂名", &i.manufacturer),
            product(Source::Reference, "origin_country", "原产国", references.country_name(i.origin_country.as_str())),
            product(Source::Reference, "qty_unit", "数量/重量单位", references.unit_name(&i.qty_unit)),
            product(Source::Reference, "hs_unit", "HS 标准量单位", references.unit_name(&i.hs_unit)),
        ]);
    }
    out
}

/// What stands in the way of 提交申请: each text with a character that cannot be printed, and where it is mended.
pub fn faults(app: &App, application: &Application, items: &[Item]) -> Vec<Fault> {
    let references = app.references.now();
    let mut out = Vec::new();
    for text in texts(&references, application, items) {
        let missing = app.papers.missing_glyphs(&text.text);
        if missing.is_empty() {
            continue;
        }
        let (label, named) = (text.label, glyphs::named(&missing));
        let what = match text.source {
            Source::Form => format!("{label}中的{named}暂无法印在证明上，请改用其他写法"),
            Source::Profile => format!(
                "{label}中的{named}暂无法印在证明上，请先在企业用户信息中改用其他写法，再在申请基本信息中点击“刷新申请单位信息”"
            ),
            Source::Reference => format!("{label}中的{named}暂无法印在证明上，请另选一项，或联系受理的检验检疫局"),
        };
        let sentence = match text.product {
            Some(product) => format!("产品“{product}”：{what}"),
            None => what,
        };
        out.push(Fault { part: text.part, item: text.item, field: text.field.into(), sentence });
    }
    out
}

/// All of it, for one look at a whole application; texts are apart, so that no mark joins the letter of another one.
pub fn joined(references: &ReferenceCache, application: &Application, items: &[Item]) -> String {
    let mut out = String::new();
    for text in texts(references, application, items) {
        out.push_str(&text.text);
        out.push('\n');
    }
    out
}

/// Whether what is copied from 企业用户信息 cannot be printed: then it may be copied again in a correction, too.
pub fn applicant_is_stuck(app: &App, applicant: &Applicant) -> bool {
    [&applicant.name, &applicant.address].iter().any(|text| !app.papers.missing_glyphs(text).is_empty())
}

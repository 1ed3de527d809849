//! 修改前后: what an amendment changes, old beside new, as both sides read it.

use askama::Template;
use askama::filters::HtmlSafe;
use db::Source;
use db::amendment::{Amendment, Line, Which};
use db::certificate::Certificate;
use domain::amendment::Product;
use domain::certificate::Validity;
use domain::correction::{Difference, Line as Field, differences};
use domain::ids::UnitCode;
use kit::app::App;
use kit::error::AppError;
use kit::paging::Pager;
use kit::reference::ReferenceCache;

use crate::parts::view::trait_value;

/// A changed product.
#[derive(Debug, Clone)]
pub(super) struct ChangedProduct {
    ordinal: i64,
    differing: Vec<Difference>,
}

/// 修改内容: validity, then product by product.
#[derive(Template, Debug, Clone)]
#[template(path = "amendment/changes.html")]
pub(super) struct Changes {
    basics: Vec<Difference>,
    products: Vec<ChangedProduct>,
    /// How many products are changed; `products` may be one page of them.
    count: i64,
    pager: Option<Pager>,
}

impl HtmlSafe for Changes {}

impl Changes {
    /// How many things are changed, in words; none when nothing is. When not all products are at hand, they are counted
    /// instead of their fields.
    pub(super) fn summary(&self) -> Option<String> {
        let basics = self.basics.len();
        if basics == 0 && self.count == 0 {
            None
        } else if self.hidden() > 0 {
            let validity = if basics == 0 { "" } else { "证明有效期和" };
            Some(format!("修改了{validity} {} 项产品", self.count))
        } else {
            let fields: usize = self.products.iter().map(|p| p.differing.len()).sum();
            Some(format!("{} 处修改", basics + fields))
        }
    }

    /// Products that are changed and not shown here.
    fn hidden(&self) -> i64 {
        self.count - i64::try_from(self.products.len()).unwrap_or_default()
    }

    /// Those products.
    pub(super) fn new(
        references: &ReferenceCache,
        basics: Vec<Difference>,
        lines: &[Line],
        count: i64,
        pager: Option<Pager>,
    ) -> Self {
        Self { basics, products: lines.iter().map(|l| changed(references, l)).collect(), count, pager }
    }
}

fn changed(references: &ReferenceCache, line: &Line) -> ChangedProduct {
    let now = line.product();
    ChangedProduct {
        ordinal: line.ordinal,
        differing: differences(
            &fields(references, &line.old, &line.qty_unit),
            &fields(references, now, &line.qty_unit),
        ),
    }
}

/// 证明有效期, before and after.
pub(super) fn basics(old: Validity, new: Validity) -> Vec<Difference> {
    let lines = |v: Validity| {
        [
            field("valid_from", "证明有效期（起）", v.from.to_string()),
            field("valid_to", "证明有效期（止）", v.to.to_string()),
        ]
    };
    differences(&lines(old), &lines(new))
}

fn field(key: &str, label: &str, value: impl Into<String>) -> Field {
    Field { key: key.to_owned(), label: label.to_owned(), value: value.into() }
}

/// What of a product can be changed, as people read it.
pub(super) fn fields(references: &ReferenceCache, p: &Product, qty_unit: &UnitCode) -> Vec<Field> {
    let mut out = vec![
        field("product_name", "产品名称", &p.product_name),
        field("hs_code", "HS 编码", p.hs_code.as_str()),
        field("hs_name", "HS 编码产品名称", &p.hs_name),
        field("model", "规格/型号", &p.model),
        field("qty", "数量/重量", format!("{} {}", p.qty, references.unit_name(qty_unit))),
        field("hs_qty", "HS 标准量", format!("{} {}", p.hs_qty, references.unit_name(&p.hs_unit))),
        field("brand", "商标", &p.brand),
        field("manufacturer", "生产厂名", &p.manufacturer),
    ];
    out.extend(p.traits.iter().map(|t| field(&format!("trait:{}", t.name), &t.name, trait_value(t))));
    out
}

/// All that an amendment says when it is submitted, to be kept (D32): validity, reason, and what differs in each product.
pub(super) async fn as_submitted(
    source: &impl Source,
    app: &App,
    certificate: &Certificate,
    amendment: &Amendment,
) -> Result<Vec<(String, String)>, AppError> {
    let references = app.references.now();
    let which = Which::Changed { limit: i64::from(u32::MAX), offset: 0 };
    let lines = db::amendment::lines(source, certificate.application_id, amendment, which).await?;
    let mut out = vec![
        ("证明有效期（起）".to_owned(), amendment.valid_from.to_string()),
        ("证明有效期（止）".to_owned(), amendment.valid_to.to_string()),
        ("修改原因".to_owned(), amendment.reason.clone()),
    ];
    for line in &lines {
        let product = changed(&references, line);
        let said: Vec<_> =
            product.differing.iter().map(|d| format!("{}：{} → {}", d.label, d.old(), d.now())).collect();
        out.push((format!("第 {} 项产品", product.ordinal), said.join("\n")));
    }
    Ok(out)
}

/// What the amendment of a certificate changes, at most `most` products of it.
pub(super) async fn load(
    source: &impl Source,
    app: &App,
    certificate: &Certificate,
    old: Validity,
    amendment: &Amendment,
    most: i64,
) -> Result<Changes, AppError> {
    let which = Which::Changed { limit: most, offset: 0 };
    let lines = db::amendment::lines(source, certificate.application_id, amendment, which).await?;
    let count = db::amendment::count_items(source, amendment.id).await?;
    Ok(Changes::new(&app.references.now(), basics(old, amendment.validity()), &lines, count, None))
}

/// A cell with what it said and what it would say.
#[derive(Template, Debug, Clone)]
#[template(
    source = "{% if let Some(new) = new %}<del>{{ old }}</del><br><ins>{{ new }}</ins>{% else %}{{ old }}{% endif %}",
    ext = "html"
)]
pub(super) struct Cell {
    old: String,
    new: Option<String>,
}

impl HtmlSafe for Cell {}

/// A line of the annex, the changes inside its cells.
#[derive(Debug, Clone)]
pub(super) struct ProductRow {
    pub(super) ordinal: i64,
    pub(super) name: String,
    pub(super) product_name: Cell,
    pub(super) hs_code: Cell,
    pub(super) model: Cell,
    pub(super) quantity: Cell,
    pub(super) hs_quantity: Cell,
    pub(super) brand: Cell,
    pub(super) manufacturer: Cell,
    /// How many fields are changed.
    pub(super) changed: usize,
}

/// The line as a row.
pub(super) fn row(references: &ReferenceCache, line: &Line) -> ProductRow {
    let old = fields(references, &line.old, &line.qty_unit);
    let new = line.new.as_ref().map(|n| fields(references, n, &line.qty_unit));
    let value = |fields: &[Field], key: &str| fields.iter().find(|f| f.key == key).map(|f| f.value.clone());
    let cell = |key: &str| {
        let was = value(&old, key).unwrap_or_default();
        let now = new.as_ref().and_then(|n| value(n, key)).filter(|n| *n != was);
        Cell { old: was, new: now }
    };
    ProductRow {
        ordinal: line.ordinal,
        name: line.product().product_name.clone(),
        product_name: cell("product_name"),
        hs_code: cell("hs_code"),
        model: cell("model"),
        quantity: cell("qty"),
        hs_quantity: cell("hs_qty"),
        brand: cell("brand"),
        manufacturer: cell("manufacturer"),
        changed: new.map_or(0, |n| differences(&old, &n).len()),
    }
}

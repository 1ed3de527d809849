//! An application as people read it: the same cards for the enterprise, the officer, the check before submission and
//! the print.

use askama::Template;
use askama::filters::HtmlSafe;
use db::Source;
use db::application::{Item, ItemFilter, count_items, first_items, items_matching};
use db::attachment::Attachment;
use domain::application::{Applicant, Application, Basics, DisposalPlan, ItemForm};
use domain::catalogue::Trait;
use domain::correction::Line;
use domain::ids::{ApplicationId, AttachmentId, HsCode, ItemId};
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::paging::{PageQuery, Pager, SIZES};
use kit::reference::ReferenceCache;

use crate::parts::printed;

/// A label and what stands beside it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The label.
    pub label: &'static str,
    /// The text; empty is shown as —.
    pub value: String,
    /// Over more columns.
    pub class: &'static str,
}

fn row(label: &'static str, value: impl Into<String>) -> Row {
    Row { label, value: value.into(), class: "" }
}

fn wide(label: &'static str, value: impl Into<String>) -> Row {
    Row { label, value: value.into(), class: "c3" }
}

/// Labels with their values.
#[derive(Template, Debug, Clone)]
#[template(
    source = r#"<dl class="kv">{% for r in rows %}<div class="{{ r.class }}"><dt>{{ r.label }}</dt><dd class="prewrap">{% if r.value.is_empty() %}<span class="muted">—</span>{% else %}{{ r.value }}{% endif %}</dd></div>{% endfor %}</dl>"#,
    ext = "html"
)]
pub struct Rows {
    rows: Vec<Row>,
}

impl HtmlSafe for Rows {}

impl Rows {
    /// These rows.
    pub const fn new(rows: Vec<Row>) -> Self {
        Self { rows }
    }

    /// The rows.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }
}

/// A product in a list.
#[derive(Debug, Clone)]
pub struct ItemRow {
    /// Its id.
    pub id: ItemId,
    /// 序号.
    pub ordinal: i64,
    /// 需免办产品名称.
    pub product_name: String,
    /// HS 编码.
    pub hs_code: String,
    /// 规格型号.
    pub model: String,
    /// 商标.
    pub brand: String,
    /// 生产厂名.
    pub manufacturer: String,
    /// 数量/重量 with unit.
    pub quantity: String,
    /// HS 标准量 with unit.
    pub hs_quantity: String,
    /// 总价 with currency.
    pub total: String,
}

/// A file in a list.
#[derive(Debug, Clone)]
pub struct FileRow {
    /// Its id.
    pub id: AttachmentId,
    /// Its kind, a code.
    pub kind: String,
    /// Its kind, for people.
    pub kind_name: String,
    /// Its name.
    pub name: String,
    /// Its size.
    pub size: String,
    /// When it came.
    pub at: String,
    /// Whether it can be looked at without downloading.
    pub has_preview: bool,
    /// Whether it is a picture.
    pub is_picture: bool,
    /// What it is, where it cannot be looked at.
    pub why_unseen: String,
    /// What its uploader should know; empty when it is fine.
    pub caution: String,
    /// Where it opens beside the form, on pages that have room for that.
    pub beside: Option<String>,
    /// When a correction deleted or replaced it (D32); blank while it belongs to the application.
    pub removed: String,
}

/// An application as people read it.
#[derive(Debug, Clone)]
pub struct View {
    /// Its id.
    pub id: ApplicationId,
    /// 申请单位信息.
    pub applicant: Rows,
    /// 申请信息.
    pub basics: Rows,
    /// 附表产品信息: all of it, or one page.
    pub items: Vec<ItemRow>,
    /// How many products there are.
    pub item_count: i64,
    /// The pages of 附表产品信息, when there are several.
    pub pager: Option<Pager>,
    /// 申请附件信息.
    pub files: Vec<FileRow>,
    /// The files that were submitted and that a correction deleted or replaced.
    pub old_files: Vec<FileRow>,
    /// The HS codes of the products that were read, each once.
    pub hs_codes: Vec<HsCode>,
    /// What the certificate prints.
    printed: String,
}

/// How much of 附表产品信息 a page shows.
#[derive(Debug, Clone)]
pub enum Shown {
    /// All of it, as on paper.
    All,
    /// One page of the list at this address, whose links keep these parameters.
    Page(PageQuery, String, Vec<(&'static str, String)>),
}

impl View {
    /// The characters that the certificate could not print (E27).
    pub fn missing_glyphs(&self, app: &App) -> Vec<char> {
        app.papers.missing_glyphs(&self.printed)
    }
}

/// Loads products and files; the application was loaded in scope. All products are read, for the characters that the
/// certificate lacks, and as many are shown as asked for.
pub async fn load(source: &impl Source, app: &App, application: &Application, shown: &Shown) -> Result<View, AppError> {
    let items = db::application::items(source, application.id).await?;
    of_items(source, app, application, &items, shown).await
}

/// The same with products that were read before.
pub async fn of_items(
    source: &impl Source,
    app: &App,
    application: &Application,
    items: &[Item],
    shown: &Shown,
) -> Result<View, AppError> {
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let pager = pager(shown, count);
    let (skip, take) = pager.as_ref().map_or((0, i64::MAX), |p| (p.offset(), p.limit()));
    let rows: Vec<_> = (1..)
        .zip(items)
        .skip(usize::try_from(skip).unwrap_or_default())
        .take(usize::try_from(take).unwrap_or(usize::MAX))
        .collect();
    let mut view = assemble(source, app, application, count, pager).await?;
    let references = app.references.now();
    view.items = rows.into_iter().map(|(ordinal, item)| item_row(&references, ordinal, item)).collect();
    view.printed = printed::joined(&references, application, items);
    view.hs_codes = items.iter().map(|item| item.form.hs_code.clone()).collect();
    view.hs_codes.sort_unstable();
    view.hs_codes.dedup();
    Ok(view)
}

/// Products on a page, unless the reader wants another number.
const FIRST_PAGE: i64 = 50;

/// Only one page of the products is read: for looking, where nothing is printed.
pub async fn load_page(
    source: &impl Source,
    app: &App,
    application: &Application,
    query: PageQuery,
    path: String,
) -> Result<View, AppError> {
    let all = ItemFilter::default();
    let begins = query.page.is_empty() && query.size.is_empty();
    // Nearly always they fit on the first page, and need not be counted.
    let first = if begins { first_items(source, application.id, FIRST_PAGE + 1).await? } else { Vec::new() };
    let fits = begins && first.len() <= usize::try_from(FIRST_PAGE).unwrap_or_default();
    if fits {
        return of_items(source, app, application, &first, &Shown::Page(query, path, Vec::new())).await;
    }
    let count = count_items(source, application.id, &all).await?;
    let pager = pager(&Shown::Page(query, path, Vec::new()), count);
    let (limit, offset) = pager.as_ref().map_or((count, 0), |p| (p.limit(), p.offset()));
    let items = if begins {
        (1..=FIRST_PAGE).zip(first).collect()
    } else {
        items_matching(source, application.id, &all, limit, offset).await?
    };
    let mut view = assemble(source, app, application, count, pager).await?;
    let references = app.references.now();
    view.items = items.iter().map(|(ordinal, item)| item_row(&references, *ordinal, item)).collect();
    Ok(view)
}

fn pager(shown: &Shown, count: i64) -> Option<Pager> {
    match shown {
        Shown::All => None,
        Shown::Page(query, path, kept) => {
            let kept: Vec<_> = kept.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let size = if query.size.is_empty() { FIRST_PAGE.to_string() } else { query.size.clone() };
            let query = PageQuery { page: query.page.clone(), size, ..PageQuery::default() };
            let pager = Pager::new(&query, count, path, &kept).at("part-items");
            (count > SIZES[0]).then_some(pager)
        }
    }
}

async fn assemble(
    source: &impl Source,
    app: &App,
    application: &Application,
    item_count: i64,
    pager: Option<Pager>,
) -> Result<View, AppError> {
    let references = app.references.now();
    let (files, old_files): (Vec<_>, Vec<_>) =
        db::attachment::all_of_application(source, application.id).await?.into_iter().partition(Attachment::is_current);
    Ok(View {
        id: application.id,
        applicant: Rows::new(applicant_rows(&application.applicant)),
        basics: Rows::new(basics_rows(&references, application)),
        items: Vec::new(),
        item_count,
        pager,
        files: file_rows(&references, &files),
        old_files: file_rows(&references, &old_files),
        hs_codes: Vec::new(),
        printed: String::new(),
    })
}

/// 申请单位信息.
pub fn applicant_rows(a: &Applicant) -> Vec<Row> {
    vec![
        row("申请单位", &a.name),
        row("组织机构代码", text::hyphenated(&a.org_code)),
        row("申请单位邮编", &a.postcode),
        row("申请单位地址", &a.address),
        row("联系人", &a.contact),
        row("联系电话", &a.phone),
        row("传真", &a.fax),
        row("联系人邮箱", &a.email),
        row("申请单位信息备注", &a.remark),
    ]
}

/// 申请信息.
pub fn basics_rows(references: &ReferenceCache, application: &Application) -> Vec<Row> {
    let b = &application.basics;
    let day = |d: Option<domain::time::Day>| d.map(|d| d.to_string()).unwrap_or_default();
    let region = b.use_region.as_ref().map(|r| references.region_path(r)).unwrap_or_default();
    let mut rows = vec![
        wide("免办条款", references.clause_full(&b.clause)),
        row("贸易方式", references.trade_mode_name(b.trade_mode.as_str())),
        row("产品最终使用地", format!("{region} {}", b.use_address).trim().to_owned()),
        row("预计进口日期", day(b.expected_import_date)),
        row("使用单位", &b.use_unit_name),
        row("使用单位联系人", &b.use_contact),
        row("使用单位联系电话", &b.use_phone),
        row("合同号", &b.contract_no),
        row("发票号", &b.invoice_no),
        row("提/运单号", &b.bl_no),
        row("进出口口岸（预计）", b.port.as_ref().map(|p| references.port_name(p.as_str())).unwrap_or_default()),
        row("后续处理方式", b.disposal_plan.map_or("", DisposalPlan::label)),
    ];
    if b.display_from.is_some() || b.display_to.is_some() {
        rows.push(row("展示时间", format!("{} 至 {}", day(b.display_from), day(b.display_to))));
    }
    if let Some(principal) = &b.principal_name {
        rows.push(row("被代理单位", principal));
    }
    rows.push(wide("用途及免办理由", &b.purpose));
    rows.push(wide("备注", &b.remark));
    rows
}

/// One product with its 序号.
pub fn item_row(references: &ReferenceCache, ordinal: i64, item: &Item) -> ItemRow {
    let i = &item.form;
    ItemRow {
        id: item.id,
        ordinal,
        product_name: i.product_name.clone(),
        hs_code: i.hs_code.to_string(),
        model: i.model.clone(),
        brand: i.brand.clone(),
        manufacturer: i.manufacturer.clone(),
        quantity: format!("{} {}", i.qty, references.unit_name(&i.qty_unit)),
        hs_quantity: format!("{} {}", i.hs_qty, references.unit_name(&i.hs_unit)),
        total: format!("{} {}", i.total_price, i.currency),
    }
}

/// Files in their order.
pub fn file_rows(references: &ReferenceCache, files: &[Attachment]) -> Vec<FileRow> {
    files.iter().map(|f| file_row(references, f)).collect()
}

/// One file.
pub fn file_row(references: &ReferenceCache, f: &Attachment) -> FileRow {
    FileRow {
        id: f.id,
        kind: f.kind.to_string(),
        kind_name: references.kind_name(f.kind.as_str()).to_owned(),
        name: f.name.clone(),
        size: size(f.size_bytes),
        at: f.uploaded_at.china(),
        has_preview: super::files::can_preview(&f.content_type),
        is_picture: super::files::is_picture(&f.content_type),
        why_unseen: super::files::why_unseen(&f.content_type, &f.name),
        caution: super::files::caution(&f.content_type, &f.name).unwrap_or_default(),
        beside: None,
        removed: f.removed_at.map(domain::time::Instant::china).unwrap_or_default(),
    }
}

/// `860 KB`, `1.2 MB`.
pub fn size(bytes: i64) -> String {
    if bytes < 1024 {
        format!("{bytes} B")
    } else if bytes < 1024 * 1024 {
        format!("{} KB", bytes / 1024)
    } else {
        format!("{}.{} MB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576)
    }
}

/// All that is known of a product.
pub fn item_details(references: &ReferenceCache, item: &Item) -> Vec<Row> {
    let i = &item.form;
    vec![
        row("HS 编码", i.hs_code.as_str()),
        row("HS 编码产品名称", &i.hs_name),
        row("规格型号", &i.model),
        row("商标", &i.brand),
        row("生产厂名", &i.manufacturer),
        row("原产国", references.country_name(i.origin_country.as_str())),
        row("数量/重量", format!("{} {}", i.qty, references.unit_name(&i.qty_unit))),
        row("HS 标准量", format!("{} {}", i.hs_qty, references.unit_name(&i.hs_unit))),
        row("单价", format!("{} {}", i.unit_price, i.currency)),
        row("总价", format!("{} {}", i.total_price, i.currency)),
        row("产品最终使用地", format!("{} {}", references.region_path(&i.use_region), i.use_address)),
        row("序列号/零件号", &i.serials),
        row("用途说明", &i.usage_note),
        row("备注", &i.remark),
    ]
}

/// 产品特性 as people read them.
pub fn trait_value(t: &Trait) -> String {
    if t.unit.is_empty() { t.value.clone() } else { format!("{} {}", t.value, t.unit) }
}

fn line(key: &str, label: &str, value: impl Into<String>) -> Line {
    Line { key: key.to_owned(), label: label.to_owned(), value: value.into() }
}

/// Every field of 申请信息 by itself, for comparing; the keys are the names of the form's fields.
pub fn basics_lines(references: &ReferenceCache, b: &Basics) -> Vec<Line> {
    let day = |d: Option<domain::time::Day>| d.map(|d| d.to_string()).unwrap_or_default();
    vec![
        line("clause_code", "免办条款", references.clause_full(&b.clause)),
        line("trade_mode", "贸易方式", references.trade_mode_name(b.trade_mode.as_str())),
        line(
            "use_region_code",
            "产品最终使用地行政区划",
            b.use_region.as_ref().map(|r| references.region_path(r)).unwrap_or_default(),
        ),
        line("use_address", "产品最终使用地（地址）", &b.use_address),
        line("expected_import_date", "预计进口日期", day(b.expected_import_date)),
        line("use_unit_name", "使用单位", &b.use_unit_name),
        line("use_contact", "使用单位联系人", &b.use_contact),
        line("use_phone", "使用单位联系电话", &b.use_phone),
        line("contract_no", "合同号", &b.contract_no),
        line("invoice_no", "发票号", &b.invoice_no),
        line("bl_no", "提/运单号", &b.bl_no),
        line(
            "port_code",
            "进出口口岸（预计）",
            b.port.as_ref().map(|p| references.port_name(p.as_str())).unwrap_or_default(),
        ),
        line("purpose", "用途及免办理由", &b.purpose),
        line("disposal_plan", "后续处理方式", b.disposal_plan.map_or("", DisposalPlan::label)),
        line("display_from", "展示开始日期", day(b.display_from)),
        line("display_to", "展示结束日期", day(b.display_to)),
        line("principal_name", "被代理单位", b.principal_name.as_deref().unwrap_or_default()),
        line("remark", "备注", &b.remark),
    ]
}

/// Every field of a product by itself, for comparing; the keys are the names of the form's fields, `trait:…` is a
/// 产品特性.
pub fn item_lines(references: &ReferenceCache, i: &ItemForm) -> Vec<Line> {
    let mut lines = vec![
        line("product_name", "需免办产品名称", &i.product_name),
        line("hs_code", "HS 编码", i.hs_code.as_str()),
        line("hs_name", "HS 编码产品名称", &i.hs_name),
        line("model", "规格型号", &i.model),
        line("brand", "商标", &i.brand),
        line("manufacturer", "生产厂名", &i.manufacturer),
        line("origin_country", "原产国", references.country_name(i.origin_country.as_str())),
        line("qty", "数量/重量", format!("{} {}", i.qty, references.unit_name(&i.qty_unit))),
        line("hs_qty", "HS 标准量", format!("{} {}", i.hs_qty, references.unit_name(&i.hs_unit))),
        line("unit_price", "单价", i.unit_price.to_string()),
        line("total_price", "总价", i.total_price.to_string()),
        line("currency", "币制", i.currency.as_str()),
        line("use_region_code", "最终使用地行政区划", references.region_path(&i.use_region)),
        line("use_address", "使用单位地址", &i.use_address),
        line("serials", "序列号/零件号", &i.serials),
        line("usage_note", "用途说明", &i.usage_note),
        line("remark", "备注", &i.remark),
    ];
    lines.extend(i.traits.iter().map(|t| line(&format!("trait:{}", t.name), &t.name, trait_value(t))));
    lines
}

//! 产品使用记录 as both sides read them: the certificate above, the products, the record with its state.

use askama::Template;
use askama::filters::HtmlSafe;
use db::usage::{GoodsLine, Record, Sum, UsageFile};
use db::{Source, certificate, usage};
use domain::application::Application;
use domain::certificate::CertificateFacts;
use domain::ids::{ApplicationId, CertificateId, CertificateItemId, UsageRecordId};
use domain::quantity::Quantity;
use domain::usage::{UsageKind, UsageState};
use kit::app::App;
use kit::error::AppError;
use kit::reference::ReferenceCache;
use kit::session::Signed;

use crate::parts::filed_form::FileLink;
use crate::parts::sheet::{Sheet, SheetItem};
use crate::parts::view::Row;

/// An application with its certificate in force, in scope.
pub struct Goods {
    /// The application.
    pub application: Application,
    /// The certificate.
    pub certificate: certificate::Certificate,
    /// What the certificate says.
    pub sheet: Sheet,
}

impl Goods {
    /// Opens it; [`AppError::Conflict`] says that nothing was issued yet.
    pub async fn open(source: &impl Source, app: &App, user: &Signed, id: ApplicationId) -> Result<Self, AppError> {
        let application = db::application::load(source, &user.scope(), id, app.now()).await?;
        let Some(certificate) = certificate::of_application(source, id).await? else {
            return Err(AppError::Conflict("该申请还没有发证，没有产品使用记录。请在发证并核销后填写。".to_owned()));
        };
        let sheet = serde_json::from_str(&certificate.sheet).map_err(anyhow::Error::new)?;
        Ok(Self { application, certificate, sheet })
    }

    /// What decides the links of the certificate.
    pub const fn facts(&self) -> CertificateFacts {
        self.certificate.facts()
    }

    /// The product of a line.
    pub fn product(&self, ordinal: i64) -> Product {
        let ordinal_32 = u32::try_from(ordinal).unwrap_or_default();
        self.sheet
            .items
            .iter()
            .find(|i| i.ordinal == ordinal_32)
            .map_or_else(|| Product { ordinal, name: format!("第 {ordinal} 项"), ..Product::default() }, Product::of)
    }

    /// What stands above the pages of a certificate's goods.
    pub fn header(&self) -> Header {
        Header {
            application: self.application.id,
            application_number: self.application.number.clone().unwrap_or_default(),
            certificate: self.certificate.id,
            certificate_number: self.certificate.number.clone(),
            holder: self.sheet.holder.clone(),
        }
    }
}

/// 申请号, 证明号, 申请单位.
#[derive(Template, Debug, Clone)]
#[template(
    source = r#"<section class="card" aria-label="申请单和证明"><div class="card-body py-3"><dl class="kv"><div><dt>申请号</dt><dd><a class="code" href="/applications/{{ application }}">{{ application_number }}</a></dd></div><div><dt>证明号</dt><dd><a class="code" href="/certificates/{{ certificate }}">{{ certificate_number }}</a></dd></div><div><dt>申请单位</dt><dd>{{ holder }}</dd></div></dl></div></section>"#,
    ext = "html"
)]
pub struct Header {
    application: ApplicationId,
    application_number: String,
    certificate: CertificateId,
    certificate_number: String,
    holder: String,
}

impl HtmlSafe for Header {}

/// A product, as the certificate names it.
#[derive(Debug, Clone, Default)]
pub struct Product {
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
}

impl Product {
    fn of(item: &SheetItem) -> Self {
        // The sheet says amount and unit, with a blank between.
        let unit = item.quantity.split_once(' ').map_or("", |(_, unit)| unit);
        Self {
            ordinal: i64::from(item.ordinal),
            name: item.product_name.clone(),
            hs_code: item.hs_code.clone(),
            model: item.model.clone(),
            unit: unit.to_owned(),
        }
    }

    /// An amount with the unit.
    pub fn amount(&self, quantity: Quantity) -> String {
        format!("{quantity} {}", self.unit).trim_end().to_owned()
    }
}

/// What became of the goods of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shares {
    /// 使用.
    pub used: Quantity,
    /// 退运.
    pub returned: Quantity,
    /// 销毁.
    pub destroyed: Quantity,
}

impl Shares {
    /// Those of one line.
    pub fn of(sums: &[Sum], line: CertificateItemId) -> Self {
        let one = |kind| sums.iter().find(|s| s.item == line && s.kind == kind).map_or(Quantity::ZERO, |s| s.qty);
        Self { used: one(UsageKind::Use), returned: one(UsageKind::Return), destroyed: one(UsageKind::Destruction) }
    }
}

/// The bar of a line: 使用, 退运, 销毁, and white what is left.
#[derive(Template, Debug, Clone)]
#[template(
    source = r#"<svg class="qbar" viewBox="0 0 1000 12" preserveAspectRatio="none" role="img" aria-label="{{ label }}"><rect class="q-used" x="0" y="0" width="{{ widths[0] }}" height="12"/><rect class="q-returned" x="{{ widths[0] }}" y="0" width="{{ widths[1] }}" height="12"/><rect class="q-destroyed" x="{{ widths[0] + widths[1] }}" y="0" width="{{ widths[2] }}" height="12"/></svg>"#,
    ext = "html"
)]
pub struct Bar {
    label: String,
    widths: [i64; 3],
}

impl HtmlSafe for Bar {}

impl Bar {
    /// The bar of a line.
    pub fn of(line: &GoodsLine, shares: Shares) -> Self {
        let whole = i128::from(line.written_off.units().max(1));
        let width = |q: Quantity| i64::try_from(i128::from(q.units()) * 1000 / whole).unwrap_or_default();
        Self {
            label: format!(
                "使用 {}，退运 {}，销毁 {}，剩余 {}",
                shares.used,
                shares.returned,
                shares.destroyed,
                line.remaining()
            ),
            widths: [shares.used, shares.returned, shares.destroyed].map(width),
        }
    }
}

/// The badge of a record's state.
#[derive(Template, Debug, Clone)]
#[template(source = r#"<span class="st {{ tone }}">{{ kit::icon(icon) }}{{ label }}</span>"#, ext = "html")]
pub struct UsageStatus {
    tone: &'static str,
    icon: &'static str,
    label: &'static str,
}

impl HtmlSafe for UsageStatus {}

impl UsageStatus {
    /// The badge.
    pub const fn of(state: UsageState) -> Self {
        let (tone, icon) = match state {
            UsageState::Draft => ("t-gray", "pencil"),
            UsageState::Submitted => ("t-blue", "clock"),
            UsageState::Approved => ("t-green", "check"),
            UsageState::Rejected => ("t-red", "circle-x"),
        };
        Self { tone, icon, label: state.label() }
    }

    /// Whether the enterprise has to act.
    pub fn is_bad(&self) -> bool {
        self.label == UsageState::Rejected.label()
    }
}

/// A product of a record, in a list.
#[derive(Debug, Clone)]
pub struct LineText {
    /// 产品名称.
    pub name: String,
    /// How many, with the unit; a dash while it is not filled in.
    pub amount: String,
    /// 序列号/零件号.
    pub serials: String,
}

/// A record in a list.
#[derive(Debug, Clone)]
pub struct RecordRow {
    /// Its id.
    pub id: UsageRecordId,
    /// Its kind.
    pub kind: UsageKind,
    /// Its state.
    pub status: UsageStatus,
    /// 填写时间.
    pub created: String,
    /// The products.
    pub lines: Vec<LineText>,
    /// 使用单位, or what stands there for the other kinds.
    pub party: String,
    /// 使用, 退运, 销毁日期.
    pub day: String,
    /// The files.
    pub files: Vec<FileLink>,
    /// Files of an earlier submission that were deleted or replaced (D32).
    pub old_files: Vec<FileLink>,
    /// 审核意见, with who and when.
    pub opinion: String,
    /// By whom, and when it was judged.
    pub judged: String,
}

/// Records with their files, as rows.
pub async fn rows(
    source: &impl Source,
    app: &App,
    goods: &Goods,
    records: &[Record],
) -> Result<Vec<RecordRow>, AppError> {
    let ids: Vec<_> = records.iter().map(|r| r.id).collect();
    let files = usage::files_of(source, &ids).await?;
    let mut items: Vec<_> = records.iter().flat_map(|r| r.form.lines.iter().map(|l| l.item)).collect();
    items.sort_unstable();
    items.dedup();
    let ordinals = usage::ordinals(source, &items).await?;
    let references = app.references.now();
    Ok(records.iter().map(|r| row(&references, goods, r, &ordinals, &files)).collect())
}

fn row(
    references: &ReferenceCache,
    goods: &Goods,
    record: &Record,
    ordinals: &[(CertificateItemId, i64)],
    files: &[UsageFile],
) -> RecordRow {
    let f = &record.form;
    let ordinal = |item| ordinals.iter().find(|(id, _)| *id == item).map_or(0, |(_, n)| *n);
    let lines = f.lines.iter().map(|l| {
        let product = goods.product(ordinal(l.item));
        let amount = l.qty.map_or_else(|| "—".to_owned(), |q| product.amount(q));
        LineText { name: product.name, amount, serials: l.serials.clone() }
    });
    let (party, day) = match record.kind {
        UsageKind::Use => (f.use_unit_name.clone(), f.used_on),
        UsageKind::Return => {
            (f.port.as_ref().map(|p| references.port_name(p.as_str())).unwrap_or_default(), f.returned_on)
        }
        UsageKind::Destruction => (f.place.clone(), f.destroyed_on),
    };
    let judged = match (record.decided_at, record.decided_by_name.as_str()) {
        (Some(at), name) if !name.is_empty() => format!("{name} · {}", at.china()),
        (_, _) => String::new(),
    };
    let own = files.iter().filter(|file| file.record_id == Some(record.id));
    let (own, old): (Vec<_>, Vec<_>) = own.partition(|file| file.removed_at.is_none());
    RecordRow {
        id: record.id,
        kind: record.kind,
        status: UsageStatus::of(record.state()),
        created: record.created_at.china(),
        lines: lines.collect(),
        party,
        day: day.map(|d| d.to_string()).unwrap_or_default(),
        files: own.into_iter().map(FileLink::of).collect(),
        old_files: old.into_iter().map(FileLink::of).collect(),
        opinion: record.opinion.clone(),
        judged,
    }
}

/// All that a record says when it is submitted, to be kept (D32): its fields, its products, the names of its files.
pub async fn as_submitted(
    source: &impl Source,
    app: &App,
    goods: &Goods,
    record: &Record,
) -> Result<Vec<(String, String)>, AppError> {
    let references = app.references.now();
    let row = rows(source, app, goods, std::slice::from_ref(record)).await?.pop().ok_or(AppError::NotFound)?;
    let mut out: Vec<_> = facts(&references, record).into_iter().map(|r| (r.label.to_owned(), r.value)).collect();
    for line in &row.lines {
        let serials = if line.serials.is_empty() { String::new() } else { format!("，序列号 {}", line.serials) };
        out.push((line.name.clone(), format!("{}{serials}", line.amount)));
    }
    let files: Vec<_> = row.files.iter().map(|f| f.name.as_str()).collect();
    out.push(("附件".to_owned(), files.join("、")));
    Ok(out)
}

/// What a record says besides its products, label by label.
pub fn facts(references: &ReferenceCache, record: &Record) -> Vec<Row> {
    let f = &record.form;
    let day = |d: Option<domain::time::Day>| d.map(|d| d.to_string()).unwrap_or_default();
    let plain = |label, value: &str| Row { label, value: value.to_owned(), class: "" };
    let wide = |label, value: &str| Row { label, value: value.to_owned(), class: "c3" };
    match record.kind {
        UsageKind::Use => vec![
            plain("使用单位名称", &f.use_unit_name),
            plain("联系人", &f.use_contact),
            plain("联系电话", &f.use_phone),
            wide("使用单位地址", &f.use_address),
            plain("使用日期", &day(f.used_on)),
            wide("使用说明", &f.note),
        ],
        UsageKind::Return => vec![
            plain("退运日期", &day(f.returned_on)),
            plain("出口口岸", &f.port.as_ref().map(|p| references.port_name(p.as_str())).unwrap_or_default()),
            plain("出口报关单号", &f.export_decl_no),
            wide("退运原因", &f.reason),
        ],
        UsageKind::Destruction => vec![
            plain("销毁日期", &day(f.destroyed_on)),
            plain("销毁地点", &f.place),
            plain("销毁方式", &f.method),
            plain("销毁单位", &f.handler),
            plain("监销人", &f.witness),
        ],
    }
}

//! Papers, typeset with Typst: the certificate and its annex (manual §2.6), the application form (打印申请, §2.2), and
//! the user's manual (§1.5).
//!
//! The layouts lie in `sheets/*.typ`, the manual in `docs/manual/*.typ`; a non-programmer can edit both. Data reach a
//! sheet as JSON, never by text substitution, and it can open no file but those given here. The same sheet always gives
//! the same bytes.

mod faces;

use std::sync::OnceLock;

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Feature, Library, LibraryExt as _, World};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use self::faces::Faces;
pub use self::faces::missing_glyphs;

const CERTIFICATE: &str = include_str!("../sheets/certificate.typ");
const APPLICATION: &str = include_str!("../sheets/application.typ");

/// A paper that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The layout or its data are wrong; the text says where.
    #[error("the sheet cannot be typeset: {0}")]
    Sheet(String),
    /// The QR code cannot hold the address.
    #[error("the QR code cannot be made: {0}")]
    Qr(#[from] qrcode::types::QrError),
    /// The data cannot be written as JSON.
    #[error("the data of a sheet: {0}")]
    Data(#[from] serde_json::Error),
}

/// All that the certificate shows, as text; the frozen sheet of a certificate's version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateSheet {
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
    /// 免办条款.
    pub clause: String,
    /// The code of the clause.
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
    pub items: Vec<CertificateSheetItem>,
    /// A demonstration: 样张.
    pub specimen: bool,
}

/// A line of the annex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateSheetItem {
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

/// All that the printed application form shows, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationSheet {
    /// 申请单号.
    pub number: String,
    /// The version of the application, so that another state is another document.
    pub version: i64,
    /// The day of submission, `2026-11-23`.
    pub submitted_on: String,
    /// 打印时间.
    pub printed_at: String,
    /// 申请单位, as the author of the document.
    pub applicant_name: String,
    /// 申请单提交信息.
    pub submission: Vec<FormLine>,
    /// 申请单位信息.
    pub applicant: Vec<FormLine>,
    /// 申请信息.
    pub basics: Vec<FormLine>,
    /// 附表产品信息.
    pub items: Vec<ApplicationSheetItem>,
    /// 申请附件信息.
    pub files: Vec<ApplicationSheetFile>,
    /// Whether characters were replaced by 〓 because the faces lack them.
    pub replaced: bool,
    /// A demonstration: 样张.
    pub specimen: bool,
}

/// A label of the form with what stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormLine {
    /// The label.
    pub label: String,
    /// The text; empty is shown as —.
    pub value: String,
    /// Over the whole width.
    pub wide: bool,
}

/// A product of the printed application form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationSheetItem {
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
    /// 原产国.
    pub origin_country: String,
    /// 数量/重量 with unit.
    pub quantity: String,
    /// HS 标准量 with unit.
    pub hs_quantity: String,
    /// 总价 with currency.
    pub total: String,
    /// All that has no column: 产品特性, 单价, 最终使用地, …
    pub details: String,
}

/// A file in the list of the printed application form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationSheetFile {
    /// 附件类型.
    pub kind: String,
    /// 附件名称.
    pub name: String,
    /// 大小.
    pub size: String,
    /// 上传时间.
    pub at: String,
}

/// Makes papers. The faces are read at the first paper, so that a program that makes none stays small.
#[derive(Default)]
pub struct Renderer {
    shared: OnceLock<Shared>,
}

/// What all papers use.
struct Shared {
    library: LazyHash<Library>,
    faces: Faces,
}

impl Renderer {
    /// A renderer that has read nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn shared(&self) -> &Shared {
        self.shared.get_or_init(|| Shared {
            // Cells that head a row are marked as such for screen readers.
            library: LazyHash::new(
                Library::builder().with_features([Feature::A11yExtras].into_iter().collect()).build(),
            ),
            faces: Faces::new(),
        })
    }

    /// The PDF of a certificate with what its QR code holds: PDF/A-2b and UA-1, faces embedded, the same bytes for the
    /// same sheet and code. Anybody may read the code; who signed it is not asked here.
    pub fn certificate(&self, sheet: &CertificateSheet, code: &str) -> Result<Vec<u8>, PdfError> {
        let code = QrCode::with_error_correction_level(code, EcLevel::M)?;
        let qr = code.render::<svg::Color<'_>>().min_dimensions(200, 200).quiet_zone(true).build();
        let ident = format!("certificate {} version {}", sheet.number, sheet.version);
        let main = Source::new(file("/main.typ")?, CERTIFICATE.to_owned());
        let files = vec![data_file(sheet)?, (file("/qr.svg")?, Bytes::new(qr.into_bytes()))];
        self.render(vec![main], files, ident)
    }

    /// The PDF of an application form, all of its fields and products, of the same make.
    pub fn application(&self, sheet: &ApplicationSheet) -> Result<Vec<u8>, PdfError> {
        let main = Source::new(file("/main.typ")?, APPLICATION.to_owned());
        let ident = format!("application {} version {}", sheet.number, sheet.version);
        self.render(vec![main], vec![data_file(sheet)?], ident)
    }

    /// The user's manual from its sources in `docs/manual`, for this version of the program.
    pub fn manual(&self, version: &str) -> Result<Vec<u8>, PdfError> {
        let mut sources = Vec::new();
        let mut files = vec![(file("/version.txt")?, Bytes::new(version.as_bytes().to_vec()))];
        for (path, bytes) in MANUAL {
            let id = file(&format!("/{path}"))?;
            if std::path::Path::new(path).extension().is_some_and(|e| e == "typ") {
                let text = std::str::from_utf8(bytes).map_err(|e| PdfError::Sheet(format!("{path}: {e}")))?;
                let source = Source::new(id, text.to_owned());
                if *path == "manual.typ" { sources.insert(0, source) } else { sources.push(source) }
            } else {
                files.push((id, Bytes::new(*bytes)));
            }
        }
        self.render(sources, files, format!("manual {version}"))
    }

    /// Sets the first source; the others are there to be included.
    fn render(&self, sources: Vec<Source>, files: Vec<(FileId, Bytes)>, ident: String) -> Result<Vec<u8>, PdfError> {
        let main = sources.first().map(Source::id).ok_or_else(|| PdfError::Sheet("there is no sheet".to_owned()))?;
        let shared = self.shared();
        let world = SheetWorld { shared, main, sources, files };
        let document = typst::compile::<PagedDocument>(&world).output.map_err(|e| said(&e));
        let pdf = document.and_then(|document| {
            let standards = PdfStandards::new(&[PdfStandard::A_2b, PdfStandard::Ua_1])
                .map_err(|e| PdfError::Sheet(e.message().to_string()))?;
            let options = PdfOptions {
                ident: Smart::Custom(ident),
                creator: Smart::Custom(Some("Mianban".into())),
                timestamp: None,
                standards,
                ..PdfOptions::default()
            };
            typst_pdf::pdf(&document, &options).map_err(|e| said(&e))
        });
        // The typesetter remembers everything it ever set unless told to forget.
        typst::comemo::evict(0);
        shared.faces.forget_if_many();
        pdf
    }
}

/// The sources and pictures of `docs/manual` by their path there; collected by the build script.
static MANUAL: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/manual.rs"));

/// Names an edition of the manual: another text, picture or version is another edition.
pub fn manual_edition(version: &str) -> String {
    let mut hash = Sha256::new();
    for (path, bytes) in MANUAL.iter().chain([("version", version.as_bytes())].iter()) {
        for part in [path.as_bytes(), bytes] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
    }
    hex::encode(hash.finalize())
}

/// What a sheet says, for its layout. Variation selectors are left out: the faces have one form of each ideograph.
fn data_file(sheet: &impl Serialize) -> Result<(FileId, Bytes), PdfError> {
    let mut text = serde_json::to_string(sheet)?;
    text.retain(|c| !matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'));
    Ok((file("/data.json")?, Bytes::from_string(text)))
}

fn said(errors: &[typst::diag::SourceDiagnostic]) -> PdfError {
    let texts: Vec<_> = errors.iter().map(|e| e.message.to_string()).collect();
    PdfError::Sheet(texts.join("; "))
}

fn file(path: &str) -> Result<FileId, PdfError> {
    let path = VirtualPath::new(path).map_err(|e| PdfError::Sheet(format!("{e:?}")))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

/// What a sheet can reach: itself and its chapters, its data and pictures, the faces. Nothing else exists.
struct SheetWorld<'a> {
    shared: &'a Shared,
    main: FileId,
    sources: Vec<Source>,
    files: Vec<(FileId, Bytes)>,
}

impl World for SheetWorld<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.shared.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        self.shared.faces.book()
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        self.sources.iter().find(|s| s.id() == id).cloned().ok_or(FileError::AccessDenied)
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.iter().find(|(known, _)| *known == id).map(|(_, b)| b.clone()).ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.shared.faces.font(index)
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

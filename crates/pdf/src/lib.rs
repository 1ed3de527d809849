//! Papers, typeset with Typst: the certificate and its annex (manual §2.6).
//!
//! The layout lies in `sheets/*.typ`, which a non-programmer can edit. Data reach it as JSON, never by text
//! substitution, and the sheet can open no file but those given here. The same sheet always gives the same bytes.

use std::sync::OnceLock;

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::{Deserialize, Serialize};
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration, Smart};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt as _, World};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

const CERTIFICATE: &str = include_str!("../sheets/certificate.typ");
const REGULAR: &[u8] = include_bytes!("../fonts/NotoSerifSC-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/NotoSerifSC-Bold.ttf");

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
    /// What the QR code carries.
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

/// Makes papers. The faces are read at the first paper, so that a program that makes none stays small.
#[derive(Default)]
pub struct Renderer {
    faces: OnceLock<Faces>,
}

struct Faces {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
}

impl Renderer {
    /// A renderer that has read nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn faces(&self) -> &Faces {
        self.faces.get_or_init(|| {
            let fonts: Vec<Font> = [REGULAR, BOLD].into_iter().flat_map(|f| Font::iter(Bytes::new(f))).collect();
            Faces {
                library: LazyHash::new(Library::default()),
                book: LazyHash::new(FontBook::from_fonts(&fonts)),
                fonts,
            }
        })
    }

    /// The PDF of a certificate: PDF/A-2b and UA-1, faces embedded, the same bytes for the same sheet.
    pub fn certificate(&self, sheet: &CertificateSheet) -> Result<Vec<u8>, PdfError> {
        let code = QrCode::with_error_correction_level(&sheet.verification_url, EcLevel::M)?;
        let qr = code.render::<svg::Color<'_>>().min_dimensions(200, 200).quiet_zone(true).build();
        let ident = format!("certificate {} version {}", sheet.number, sheet.version);
        self.render(CERTIFICATE, serde_json::to_vec(sheet)?, qr.into_bytes(), ident)
    }

    fn render(&self, layout: &str, data: Vec<u8>, qr: Vec<u8>, ident: String) -> Result<Vec<u8>, PdfError> {
        let world = SheetWorld {
            faces: self.faces(),
            main: Source::new(file("/main.typ")?, layout.to_owned()),
            files: [(file("/data.json")?, Bytes::new(data)), (file("/qr.svg")?, Bytes::new(qr))],
        };
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
        pdf
    }
}

/// What both faces hold, as first and last of each unbroken run, in order; written by the build script.
static COVERAGE: &[(char, char)] = include!(concat!(env!("OUT_DIR"), "/coverage.rs"));

/// The characters that the certificate's faces cannot print (E27); each once, in their order. Reads no face.
pub fn missing_glyphs(text: &str) -> Vec<char> {
    let mut missing = Vec::new();
    for c in text.chars().filter(|c| !c.is_whitespace() && !c.is_control()) {
        let run = COVERAGE.partition_point(|(_, last)| *last < c);
        let known = COVERAGE.get(run).is_some_and(|(first, _)| *first <= c);
        if !known && !missing.contains(&c) {
            missing.push(c);
        }
    }
    missing
}

fn said(errors: &[typst::diag::SourceDiagnostic]) -> PdfError {
    let texts: Vec<_> = errors.iter().map(|e| e.message.to_string()).collect();
    PdfError::Sheet(texts.join("; "))
}

fn file(path: &str) -> Result<FileId, PdfError> {
    let path = VirtualPath::new(path).map_err(|e| PdfError::Sheet(format!("{e:?}")))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

/// What a sheet can reach: itself, its data, its QR code, two faces. Nothing else exists.
struct SheetWorld<'a> {
    faces: &'a Faces,
    main: Source,
    files: [(FileId, Bytes); 2],
}

impl World for SheetWorld<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.faces.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.faces.book
    }

    fn main(&self) -> FileId {
        self.main.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main.id() { Ok(self.main.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.iter().find(|(known, _)| *known == id).map(|(_, b)| b.clone()).ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.faces.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

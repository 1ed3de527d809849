//! The certificate as a paper: typeset, signed, and read back with other people's tools (manual §2.6; E27, E35, E36).

use std::path::Path;

use domain::ids::BureauCode;
use domain::number::CertificateNumber;
use domain::time::{Day, Instant};
use pdf::{CertificateSheet, Renderer};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use seal::{FileSigner, SignedStatement, Signer, Signing, Statement, sign_pdf, verify_pdf};
use serde_json::Value;

use crate::{pages_of, said, sheet, text_in_order, text_of, written};

const SITE: &str = "https://mianban.example.gov.cn";

/// Characters of names that common typefaces lack.
const RARE: &str = "喆镕堃犇骉淼龘䶮";

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn now() -> Instant {
    day("2026-11-23").start_instant().plus_minutes(615)
}

fn signer() -> FileSigner {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = CertificateParams::default().self_signed(&pair).unwrap();
    FileSigner::from_pem(&pair.serialize_pem(), &certificate.pem()).unwrap()
}

fn statement(sheet: &CertificateSheet) -> Statement {
    Statement {
        number: CertificateNumber::new(&BureauCode::new("310000"), day("2026-11-23"), 58).unwrap(),
        version: 1,
        org_code: sheet.holder_org_code.replace('-', ""),
        holder: sheet.holder.clone(),
        products: u16::try_from(sheet.items.len()).unwrap(),
        valid_from: day(&sheet.valid_from),
        valid_to: day(&sheet.valid_to),
        sheet: Statement::digest_of(&serde_json::to_string(sheet).unwrap()),
    }
}

/// The paper with its statement, signed.
fn signed(renderer: &Renderer, sheet: &CertificateSheet, signer: &FileSigner) -> Vec<u8> {
    let code = statement(sheet).fitted(SITE).sign(signer).unwrap().address(SITE);
    let paper = renderer.certificate(sheet, &code).unwrap();
    let signing = Signing { at: now(), name: &sheet.issuing_bureau, reason: "免办证明" };
    sign_pdf(&paper, signer, &signing).unwrap()
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// R-2.6-02: the annex holds every product, over as many pages as they need, with its heading on each.
#[test]
fn r_2_6_02_the_annex_takes_as_many_pages_as_the_products_need() {
    let renderer = Renderer::new();
    for (products, fewest, most) in [(1, 2, 2), (20, 2, 4), (200, 8, 25), (2_000, 60, 250)] {
        let file = written(&renderer.certificate(&sheet(products), SITE).unwrap());
        let pages = pages_of(&file);
        assert!((fewest..=most).contains(&pages), "{products} products: {pages} pages");
        let text = text_in_order(&file);
        for n in 1..=products {
            assert!(text.contains(&format!("独立窗式空调器样机{n}喆镕")), "product {n} of {products} is on paper");
        }
        assert!(text.contains(&format!("第{pages}页共{pages}页")), "{text}");
        for word in [
            "免于办理强制性产品认证证明",
            "CERTIFICATEOFEXEMPTION",
            "31000020260000587",
            "示例电器(上海)有限公司",
            "Exemptionclause",
            "8F3K27QD",
            "第1版",
            &format!("共{products}项，以下空白"),
        ] {
            assert!(text.contains(word), "{word} in {text}");
        }
        let headings = text.matches("HSquantity").count();
        assert!(headings >= usize::try_from(pages - 2).unwrap(), "{headings} headings on {pages} pages");
    }
}

#[test]
fn the_same_sheet_and_key_give_the_same_bytes() {
    let signer = signer();
    let a = signed(&Renderer::new(), &sheet(3), &signer);
    assert_eq!(a, signed(&Renderer::new(), &sheet(3), &signer));
}

/// Long names break, in Chinese and in Latin letters: nothing leaves its cell.
#[test]
fn long_names_break_inside_their_cells() {
    let mut long = sheet(2);
    let letters = "W".repeat(150);
    long.holder = "示例精密仪器设备国际贸易有限责任公司".repeat(5);
    long.contract_no.clone_from(&letters);
    long.items[0].model.clone_from(&letters);
    long.items[0].product_name = "多功能实验室用全自动分析仪样机".repeat(6);
    let file = written(&Renderer::new().certificate(&long, SITE).unwrap());
    let boxes = said("pdftotext", &["-bbox", name(file.path()), "-"]);
    let number = |line: &str, key: &str| -> u64 {
        let value = line.split(&format!("{key}=\"")).nth(1).unwrap().split(['.', '"']).next().unwrap();
        value.parse().unwrap()
    };
    let mut letters_seen = 0;
    for line in boxes.lines().filter(|l| l.contains("<word")) {
        let (from, to) = (number(line, "xMin"), number(line, "xMax"));
        assert!(from > 30 && to < 842 - 30, "{line}");
        if line.contains("WWWW") {
            // The widest cell of these texts has about 60 mm.
            assert!(to - from < 180, "{line}");
        }
        letters_seen += line.split("yMax").nth(1).unwrap().matches('W').count();
    }
    assert!(letters_seen >= 300, "all {letters_seen} letters are on paper");
}

/// E27: a character that the face lacks is never a blank box.
#[test]
fn e_27_a_character_without_glyph_is_refused() {
    let mut odd = sheet(1);
    odd.holder = "样机\u{30EDE}有限公司".into();
    assert!(Renderer::new().certificate(&odd, SITE).is_err());
}

/// A sheet that was frozen by the first version of this layout is still a certificate.
#[test]
fn a_sheet_frozen_long_ago_is_still_typeset() {
    let frozen = include_str!("sheet-1.json");
    let old: CertificateSheet = serde_json::from_str(frozen).unwrap();
    let text = text_of(&written(&Renderer::new().certificate(&old, SITE).unwrap()));
    assert!(text.contains(&old.number) && text.contains("独立窗式空调器样机"), "{text}");
}

/// Faces are embedded as subsets, and names with rare characters can be searched and copied.
#[test]
fn faces_are_embedded_subsets_and_names_are_text() {
    let mut rare = sheet(3);
    rare.holder = format!("{RARE}（上海）有限公司");
    rare.items[2].manufacturer = format!("{RARE}制造厂");
    assert_eq!(pdf::missing_glyphs(RARE), Vec::<char>::new());
    let file = written(&signed(&Renderer::new(), &rare, &signer()));
    let fonts = said("pdffonts", &[name(file.path())]);
    let rows: Vec<_> = fonts.lines().skip(2).collect();
    assert!(rows.len() >= 2, "{fonts}");
    for row in rows {
        assert!(row.contains(" yes yes yes "), "embedded, a subset, with Unicode: {row}");
    }
    let text = text_in_order(&file);
    for word in [rare.holder.as_str(), &rare.items[2].manufacturer, &rare.contract_no, &rare.items[0].model] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let info = said("pdfinfo", &[name(file.path())]);
    for word in [
        "Tagged:          yes",
        "免于办理强制性产品认证证明 31000020260000587",
        "Author:          上海出入境检验检疫局",
        "Page size:       595",
    ] {
        assert!(info.contains(word), "{word} in {info}");
    }
}

/// E36: the code on the page, printed at 150 dpi, is a statement that verifies with the public key alone.
#[test]
fn e_36_the_qr_code_is_read_and_verifies_offline() {
    let signer = signer();
    let sheet = sheet(3);
    let file = written(&signed(&Renderer::new(), &sheet, &signer));
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page");
    let args = ["-r", "150", "-png", "-f", "1", "-l", "1", "-singlefile", name(file.path()), name(&page)];
    said("pdftoppm", &args);
    let read = said("zbarimg", &["-q", "--raw", name(&page.with_extension("png"))]);
    assert!(read.trim().len() <= 300 && read.starts_with("HTTPS://MIANBAN.EXAMPLE.GOV.CN/V/"), "{read}");
    // All that is known from here on: what was read, and the published certificate.
    let published = seal::Certificate::from_pem(&signer.certificate().pem()).unwrap();
    let code = SignedStatement::parse(&read).unwrap();
    assert_eq!(*code.verify(&[published]).unwrap(), statement(&sheet).fitted(SITE));
    let of_another = seal::Certificate::from_pem(&crate::certificate::signer().certificate().pem()).unwrap();
    assert!(code.verify(&[of_another]).is_err());
}

/// E36: 42 mm or more, without the quiet zone, whatever the statement holds.
#[test]
fn e_36_the_qr_code_is_large_enough() {
    for holder in ["", "示例精密仪器国际贸易有限责任公司"] {
        let mut sheet = sheet(1);
        sheet.holder = holder.into();
        let address = statement(&sheet).fitted(SITE).sign(&signer()).unwrap().address(SITE);
        let code = qrcode::QrCode::with_error_correction_level(&address, qrcode::EcLevel::M).unwrap();
        // The picture has 49 mm, with four modules beyond the code on each side.
        let micrometres = 49_000 * code.width() / (code.width() + 8);
        assert!(micrometres >= 42_000, "{micrometres} µm for {} modules", code.width());
    }
}

/// The signature of papers of any length holds; Poppler and our own reader agree, also after one byte was changed.
#[test]
fn the_signature_is_valid_until_a_byte_is_changed() {
    let (signer, renderer) = (signer(), Renderer::new());
    let trusted = [signer.certificate().clone()];
    for products in [1, 20, 200, 2_000] {
        let bytes = signed(&renderer, &sheet(products), &signer);
        let report = verify_pdf(&bytes, &trusted).unwrap();
        assert_eq!((report.at, report.name.as_str()), (now(), "上海出入境检验检疫局"));
        let file = written(&bytes);
        let said_of_it = said("pdfsig", &["-nocert", name(file.path())]);
        for word in ["Signature is Valid.", "Total document signed", "ETSI.CAdES.detached", "Nov 23 2026"] {
            assert!(said_of_it.contains(word), "{products} products: {word} in {said_of_it}");
        }
        let check = said("qpdf", &["--check", name(file.path())]);
        assert!(check.contains("No syntax or stream encoding errors found"), "{check}");

        let mut changed = bytes;
        let at = changed.len() / 2;
        changed[at] ^= 1;
        assert!(verify_pdf(&changed, &trusted).is_err());
        let said_of_it = said("pdfsig", &["-nocert", name(written(&changed).path())]);
        assert!(!said_of_it.contains("Signature is Valid."), "{said_of_it}");
    }
}

/// What Typst has validated (PDF/A-2b and PDF/UA-1) is still there after signing, and the field of the signature keeps
/// to both standards: an annotation without extent that prints (A-2, 6.3), named for screen readers, inside a `Form` of
/// the structure tree that the parent tree knows (UA-1, 7.18).
#[test]
fn a_signed_paper_is_still_pdf_a_and_pdf_ua() {
    let file = written(&signed(&Renderer::new(), &sheet(30), &signer()));
    let json: Value = serde_json::from_str(&said("qpdf", &["--json=2", "--json-key=qpdf", name(file.path())])).unwrap();
    let objects = &json["qpdf"][1];
    let follow = |value: &Value| match value.as_str().filter(|s| s.ends_with(" R")) {
        Some(reference) => objects[format!("obj:{reference}")]["value"].clone(),
        None => value.clone(),
    };
    let catalogue = follow(&objects["trailer"]["value"]["/Root"]);
    assert_eq!(catalogue["/MarkInfo"]["/Marked"], true);
    assert_eq!(catalogue["/ViewerPreferences"]["/DisplayDocTitle"], true);
    assert_eq!(catalogue["/Lang"], "u:zh-CN");
    let intents = follow(&catalogue["/OutputIntents"]);
    assert_eq!(follow(&intents[0])["/S"], "/GTS_PDFA1");

    let metadata = catalogue["/Metadata"].as_str().unwrap().split(' ').next().unwrap().to_owned();
    let xmp = said("qpdf", &[&format!("--show-object={metadata}"), "--filtered-stream-data", name(file.path())]);
    for word in [
        "<pdfaid:part>2</pdfaid:part>",
        "<pdfaid:conformance>B</pdfaid:conformance>",
        "<pdfuaid:part>1</pdfuaid:part>",
        "免于办理强制性产品认证证明 31000020260000587",
    ] {
        assert!(xmp.contains(word), "{word} in {xmp}");
    }

    let form = follow(&catalogue["/AcroForm"]);
    assert_eq!(form["/SigFlags"], 3);
    let field_reference = form["/Fields"][0].clone();
    let field = follow(&field_reference);
    assert_eq!((&field["/Subtype"], &field["/FT"]), (&Value::from("/Widget"), &Value::from("/Sig")));
    assert_eq!(field["/F"], 132, "printed and locked, neither hidden nor invisible");
    assert_eq!(field["/Rect"], serde_json::json!([0, 0, 0, 0]));
    assert!(field["/TU"].as_str().unwrap().contains("电子签名"));
    let signature = follow(&field["/V"]);
    assert_eq!(signature["/SubFilter"], "/ETSI.CAdES.detached");
    assert_eq!(catalogue["/Perms"]["/DocMDP"], field["/V"], "a certified document");
    let page = follow(&field["/P"]);
    assert_eq!((&page["/Tabs"], &page["/Annots"][0]), (&Value::from("/S"), &field_reference));

    let tree = follow(&catalogue["/StructTreeRoot"]);
    let parents = follow(&tree["/ParentTree"]);
    let numbers = parents["/Nums"].as_array().unwrap();
    let own = numbers.chunks(2).find(|pair| pair[0] == field["/StructParent"]).unwrap();
    let element = follow(&own[1]);
    assert_eq!(element["/S"], "/Form");
    assert_eq!(element["/K"][0]["/Obj"], field_reference);
    let whole = follow(&element["/P"]);
    assert_eq!(whole["/S"], "/Document");
    assert!(whole["/K"].as_array().unwrap().contains(&own[1]), "a child of its parent");
    assert!(tree["/ParentTreeNextKey"].as_u64().unwrap() > field["/StructParent"].as_u64().unwrap());

    // Cells that head a row or a column say so.
    let scopes = said("qpdf", &["--qdf", "--object-streams=disable", name(file.path()), "-"]);
    assert!(scopes.contains("/Scope /Row") && scopes.contains("/Scope /Column"));
}

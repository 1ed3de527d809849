//! The paper, read back with other people's tools.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write as _;
use std::process::Command;

use pdf::{CertificateSheet, CertificateSheetItem, Renderer};

fn sheet(products: u32) -> CertificateSheet {
    CertificateSheet {
        number: "31000020260000587".into(),
        version: 1,
        check_code: "8F3K27QD".into(),
        application_number: "MB3100002026112300042".into(),
        holder: "示例电器(上海)有限公司".into(),
        holder_org_code: "80210043-3".into(),
        holder_address: "上海市浦东新区示例路 100 号".into(),
        use_unit: "示例电器(上海)有限公司".into(),
        use_place: "上海市 市辖区 浦东新区 示例科技园 3 号楼 2 层".into(),
        clause: "1. 为科研、测试所需的产品".into(),
        clause_code: "1".into(),
        trade_mode: "一般贸易".into(),
        contract_no: "DEMO-2026-1108".into(),
        invoice_no: "INV-88012".into(),
        bl_no: String::new(),
        port: "上海海关 洋山港区".into(),
        purpose: "用于新一代房间空气调节器能效对比测试，样机测试完成后退运出境，不在境内销售。".into(),
        disposal: "退运".into(),
        valid_from: "2026-11-23".into(),
        valid_to: "2027-02-20".into(),
        issued_on: "2026-11-23".into(),
        issuing_bureau: "上海出入境检验检疫局".into(),
        verification_url: "http://127.0.0.1:8080/verification?number=31000020260000587&code=8F3K27QD".into(),
        items: (1..=products)
            .map(|ordinal| CertificateSheetItem {
                ordinal,
                product_name: format!("独立窗式空调器样机{ordinal}喆镕"),
                hs_code: "8415101000".into(),
                model: "KC-26/ZW-T1-ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789".into(),
                brand: "演示品牌".into(),
                manufacturer: "示例工厂（慕尼黑）".into(),
                origin_country: "德国".into(),
                quantity: "1,234.5 台".into(),
                hs_quantity: "1,234.5 台".into(),
            })
            .collect(),
        specimen: true,
    }
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::with_suffix(".pdf").unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn said(program: &str, args: &[&str]) -> String {
    let out = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Typst sets a thin gap between Chinese and Latin text; blanks are not what is compared.
fn text_of(file: &tempfile::NamedTempFile) -> String {
    said("pdftotext", &["-layout", file.path().to_str().unwrap(), "-"]).split_whitespace().collect()
}

fn pages_of(file: &tempfile::NamedTempFile) -> u32 {
    let info = said("pdfinfo", &[file.path().to_str().unwrap()]);
    let line = info.lines().find(|l| l.starts_with("Pages:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn the_annex_takes_as_many_pages_as_the_products_need() {
    let renderer = Renderer::new();
    for (products, fewest, most) in [(1, 2, 2), (20, 2, 3), (200, 8, 20)] {
        let file = written(&renderer.certificate(&sheet(products)).unwrap());
        let pages = pages_of(&file);
        assert!((fewest..=most).contains(&pages), "{products} products: {pages} pages");
        let text = text_of(&file);
        assert!(text.contains(&format!("独立窗式空调器样机{products}喆镕")), "the last product is on paper");
        assert!(text.contains(&format!("第{pages}页共{pages}页")), "{text}");
        for word in
            ["免于办理强制性产品认证证明", "31000020260000587", "示例电器(上海)有限公司", "Exemptionclause", "8F3K27QD"]
        {
            assert!(text.contains(word), "{word} in {text}");
        }
    }
}

#[test]
fn the_same_sheet_gives_the_same_bytes() {
    let a = Renderer::new().certificate(&sheet(3)).unwrap();
    let b = Renderer::new().certificate(&sheet(3)).unwrap();
    assert_eq!(a, b);
}

#[test]
fn every_face_is_embedded() {
    let file = written(&Renderer::new().certificate(&sheet(3)).unwrap());
    let fonts = said("pdffonts", &[file.path().to_str().unwrap()]);
    let rows: Vec<_> = fonts.lines().skip(2).collect();
    assert!(rows.len() >= 2, "{fonts}");
    for row in rows {
        assert!(row.contains(" yes yes yes "), "{row}");
    }
    assert!(said("pdfinfo", &[file.path().to_str().unwrap()]).contains("Tagged:          yes"));
}

#[test]
fn the_qr_code_is_read_back_from_the_page() {
    let sheet = sheet(3);
    let file = written(&Renderer::new().certificate(&sheet).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page");
    said(
        "pdftoppm",
        &[
            "-r",
            "150",
            "-png",
            "-f",
            "1",
            "-l",
            "1",
            "-singlefile",
            file.path().to_str().unwrap(),
            page.to_str().unwrap(),
        ],
    );
    let read = said("zbarimg", &["-q", "--raw", page.with_extension("png").to_str().unwrap()]);
    assert_eq!(read.trim(), sheet.verification_url);
}

#[test]
fn characters_that_the_face_lacks_are_named() {
    assert!(pdf::missing_glyphs("示例电器(上海)有限公司 喆镕堃犇 ABC 123 ，。“”").is_empty());
    assert_eq!(pdf::missing_glyphs("𠀀𠀀甲"), ['𠀀']);
    assert_eq!(pdf::missing_glyphs("\u{10FFFF}\u{E000}"), ['\u{10FFFF}', '\u{E000}']);
}

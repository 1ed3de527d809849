//! The paper, read back with other people's tools.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod certificate;
mod names;
mod pictures;

use std::io::Write as _;
use std::process::Command;

use pdf::{
    ApplicationSheet, ApplicationSheetFile, ApplicationSheetItem, CertificateSheet, CertificateSheetItem, FormLine,
    Renderer,
};

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

fn line(label: &str, value: &str, wide: bool) -> FormLine {
    FormLine { label: label.into(), value: value.into(), wide }
}

fn form(products: i64) -> ApplicationSheet {
    ApplicationSheet {
        number: "MB3100002026112300042".into(),
        version: 3,
        submitted_on: "2026-11-23".into(),
        printed_at: "2026-11-24 10:00".into(),
        applicant_name: "示例电器(上海)有限公司".into(),
        submission: vec![
            line("申请单号", "MB3100002026112300042", false),
            line("受理局", "上海出入境检验检疫局", false),
        ],
        applicant: vec![line("申请单位", "示例电器(上海)有限公司", false), line("传真", "", false)],
        basics: vec![
            line("免办条款", "1. 为科研、测试所需的产品", true),
            line("贸易方式", "一般贸易", false),
            line("用途及免办理由", &"用于能效对比测试，测试完成后退运。".repeat(50), true),
        ],
        items: (1..=products)
            .map(|ordinal| ApplicationSheetItem {
                ordinal,
                product_name: format!("独立窗式空调器样机{ordinal}喆镕"),
                hs_code: "8415101000".into(),
                model: "KC-26/ZW-T1-ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789".into(),
                brand: "演示品牌".into(),
                manufacturer: "示例工厂（慕尼黑）".into(),
                origin_country: "德国".into(),
                quantity: "1,234.5 台".into(),
                hs_quantity: "1,234.5 台".into(),
                total: "1,252.50 EUR".into(),
                details: "安装方式：窗式；制冷剂：R32；单价：100.20 EUR；产品最终使用地：上海市 市辖区 浦东新区".into(),
            })
            .collect(),
        files: vec![ApplicationSheetFile {
            kind: "营业执照".into(),
            name: "营业执照扫描件 2026.pdf".into(),
            size: "860 KB".into(),
            at: "2026-11-23 09:00".into(),
        }],
        replaced: false,
        specimen: true,
    }
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::with_suffix(".pdf").unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// What another program says; one that is not there is a failure (`scripts/install-test-deps.sh` installs them).
fn said(program: &str, args: &[&str]) -> String {
    let out = Command::new(program).args(args).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Typst sets a thin gap between Chinese and Latin text; blanks are not what is compared.
fn text_of(file: &tempfile::NamedTempFile) -> String {
    said("pdftotext", &["-layout", file.path().to_str().unwrap(), "-"]).split_whitespace().collect()
}

/// The same in the order of the page's content: a cell is read to its end before the next.
fn text_in_order(file: &tempfile::NamedTempFile) -> String {
    said("pdftotext", &["-raw", file.path().to_str().unwrap(), "-"]).split_whitespace().collect()
}

fn pages_of(file: &tempfile::NamedTempFile) -> u32 {
    let info = said("pdfinfo", &[file.path().to_str().unwrap()]);
    let line = info.lines().find(|l| l.starts_with("Pages:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// R-2.2-10: all fields, all products over as many pages as they need, the files, page numbers, embedded faces.
#[test]
fn the_application_form_is_printed_whole() {
    let renderer = Renderer::new();
    for (products, fewest, most) in [(0, 2, 3), (1, 2, 3), (20, 3, 6), (2_000, 100, 250)] {
        let file = written(&renderer.application(&form(products)).unwrap());
        let pages = pages_of(&file);
        assert!((fewest..=most).contains(&pages), "{products} products: {pages} pages");
        let text = text_of(&file);
        for word in [
            "免于办理强制性产品认证申请单",
            "MB3100002026112300042",
            "上海出入境检验检疫局",
            "1.为科研、测试所需的产品",
            "营业执照扫描件2026.pdf",
            "申请单位（盖章）",
            &format!("共{products}项"),
            &format!("第{pages}页共{pages}页"),
        ] {
            assert!(text.contains(word), "{word} in {text}");
        }
        if products > 0 {
            assert!(text.contains(&format!("独立窗式空调器样机{products}")) && text.contains("制冷剂：R32"), "{text}");
        }
        let fonts = said("pdffonts", &[file.path().to_str().unwrap()]);
        assert!(fonts.lines().skip(2).all(|row| row.contains(" yes yes yes ")), "{fonts}");
    }
    assert_eq!(renderer.application(&form(3)).unwrap(), Renderer::new().application(&form(3)).unwrap());
}

/// R-1-03: the manual is typeset from its sources, with contents, pictures and page numbers.
#[test]
fn the_manual_is_typeset() {
    let bytes = Renderer::new().manual("V1.2.3").unwrap();
    let file = written(&bytes);
    let pages = pages_of(&file);
    assert!((15..=35).contains(&pages), "{pages} pages");
    assert!(bytes.len() < 5_000_000, "{} bytes", bytes.len());
    let text = text_of(&file);
    for word in ["企业用户手册", "V1.2.3", "目录", "注册", "新申请", "补正申请", "找回密码", &format!("第{pages}页")]
    {
        assert!(text.contains(word), "{word} in {text}");
    }
    let fonts = said("pdffonts", &[file.path().to_str().unwrap()]);
    assert!(fonts.lines().skip(2).all(|row| row.contains(" yes yes yes ")), "{fonts}");
    assert_eq!(pdf::manual_edition("V1").len(), 64);
    assert_ne!(pdf::manual_edition("V1"), pdf::manual_edition("V2"));
}

use std::io::{Cursor, Read as _, Write as _};

use domain::quantity::Quantity;
use domain::time::Instant;
use encoding_rs::GB18030;
use proptest::prelude::*;
use rust_xlsxwriter::{Format, Formula, Workbook, Worksheet};

use super::*;

fn most() -> Most {
    Most { rows: 2_000, why: "文件超过 2000 行".to_owned() }
}

fn head(title: &str) -> Head {
    Head { title: title.to_owned(), is_required: true, is_text: true, choices: vec!["甲".to_owned()] }
}

fn table(content: &[u8]) -> Table {
    read(content, &most(), &Asked::default()).unwrap()
}

fn refusal(content: &[u8]) -> String {
    read(content, &most(), &Asked::default()).unwrap_err()
}

fn texts(rows: &[Row]) -> Vec<Vec<String>> {
    rows.iter().map(|r| r.cells.iter().map(|c| c.text().unwrap()).collect()).collect()
}

fn now() -> Instant {
    "2026-11-23".parse::<domain::time::Day>().unwrap().start_instant()
}

/// A workbook of one sheet.
fn sheet(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut book = Workbook::new();
    fill(book.add_worksheet());
    book.save_to_buffer().unwrap()
}

/// The same, one of whose parts says something else.
fn changed(content: &[u8], part: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
    let mut from = zip::ZipArchive::new(Cursor::new(content)).unwrap();
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for n in 0..from.len() {
        let mut entry = from.by_index(n).unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        let name = entry.name().unwrap().into_owned();
        let text = if name == part { change(&text) } else { text };
        to.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        to.write_all(text.as_bytes()).unwrap();
    }
    to.finish().unwrap().into_inner()
}

const SHEET_1: &str = "xl/worksheets/sheet1.xml";

/// A workbook as small as one can be, from its parts: what other programs write.
fn written(sheet: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let parts = [
        (
            "_rels/.rels".to_owned(),
            format!(
                "<Relationships xmlns='{package}'><Relationship Id='a' Type='{office}/officeDocument' Target='/xl/workbook.xml'/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml".to_owned(),
            format!(
                "<x:workbook xmlns:x='m' xmlns:r='{office}'><x:sheets><x:sheet name='Sheet1' sheetId='1' r:id='rId1'/></x:sheets></x:workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels".to_owned(),
            format!(
                "<Relationships xmlns='{package}'><Relationship Id='rId1' Type='{office}/worksheet' Target='worksheets/sheet1.xml'/><Relationship Id='rId2' Type='{office}/styles' Target='styles.xml'/></Relationships>"
            ),
        ),
        (SHEET_1.to_owned(), sheet.to_owned()),
    ];
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts.iter().map(|(n, c)| (n.as_str(), c.as_str())).chain(more.iter().copied()) {
        to.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        to.write_all(content.as_bytes()).unwrap();
    }
    to.finish().unwrap().into_inner()
}

#[test]
fn a_number_is_what_excel_shows() {
    for (stored, shown) in [
        (0.1, "0.1"),
        (0.300_000_000_000_000_04, "0.3"),
        (1252.5, "1252.5"),
        (8_415_101_000.0, "8415101000"),
        (123_456.789_01, "123456.78901"),
        (1.0e-5, "0.00001"),
        (999_999_999_999.0, "999999999999"),
        // Not noise: every digit stays, and the form says that they are too many.
        (0.333_333_333_333_333_3, "0.3333333333333333"),
        (-18.0, "-18"),
    ] {
        assert_eq!(decimal(stored), shown);
    }
}

#[test]
fn csv_is_read_in_every_encoding_with_its_lines_counted() {
    let text = "名称,数量\r\n\r\n\"甲,\"\"乙\"\"\n丙\",12.5\r\n丁,'=1\n";
    let (gbk, _, _) = encoding_rs::GBK.encode(text);
    let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let little_marked = [b"\xff\xfe".as_slice(), &little].concat();
    let big_marked = [b"\xfe\xff".as_slice(), &big].concat();
    let dos = [text.as_bytes(), b"\x1a"].concat();
    let said = format!("sep=,\r\n{text}");
    for content in
        [text.as_bytes(), marked.as_slice(), &gbk, &little, &big, &little_marked, &big_marked, &dos, said.as_bytes()]
    {
        let rows = table(content).rows;
        assert_eq!(rows.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 3, 4]);
        assert_eq!(texts(&rows), [vec!["名称", "数量"], vec!["甲,\"乙\"\n丙", "12.5"], vec!["丁", "=1"]]);
    }
    // Characters of GB 18030 that GBK does not have.
    let (wide, _, _) = GB18030.encode("名称,𠮷野家\n");
    assert_eq!(texts(&table(&wide).rows), [["名称", "𠮷野家"]]);
    for separated in ["名称\t数量\n甲\t1", "名称;数量\n甲;1", "sep=|\n名称|数量\n甲|1", "\"sep=;\"\r名称;数量\r甲;1"]
    {
        assert_eq!(texts(&table(separated.as_bytes()).rows), [["名称", "数量"], ["甲", "1"]], "{separated}");
    }
    for (bad, why) in [
        ("".as_bytes(), "没有内容"),
        (b"\x1a".as_slice(), "没有内容"),
        (b"\xff\xfe\xff".as_slice(), "请使用模板"),
        (b"\x81".as_slice(), "请使用模板"),
        (b"a\0b".as_slice(), "请使用模板"),
        ("甲,\"乙".as_bytes(), "引号没有成对"),
    ] {
        let said = refusal(bad);
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn what_is_no_table_is_named_with_the_way_to_make_one_of_it() {
    let wide = |name: &str| name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let ole = |name: &str| [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), vec![0; 100], wide(name)].concat();
    let zip = |names: &[&str]| {
        let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for name in names {
            to.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        }
        to.finish().unwrap().into_inner()
    };
    for (bad, why) in [
        (ole("Workbook"), "旧版 Excel（.xls）"),
        (ole("EncryptedPackage"), "打开密码"),
        (ole("WordDocument"), "Word"),
        (b"\x09\x08\x10\x00\x00\x06\x05\x00".to_vec(), "旧版 Excel"),
        (zip(&["mimetype", "content.xml"]), ".ods"),
        (include_bytes!("../../../tests/it/files/x22_ods.ods").to_vec(), "另存为“Excel 工作簿（.xlsx）”"),
        (include_bytes!("../../../tests/it/files/x22d_html_as.xls").to_vec(), "网页格式"),
        (zip(&["Index/Document.iwa"]), "Numbers"),
        (zip(&["xl/workbook.bin"]), ".xlsb"),
        (zip(&["word/document.xml"]), "Word"),
        (zip(&["资料.pdf"]), "压缩包"),
        (b"%PDF-1.7\n".to_vec(), "PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec(), "图片"),
        (b"{\\rtf1".to_vec(), "RTF"),
        (b"MIME-Version: 1.0\r\n".to_vec(), "网页格式"),
        (b"\xef\xbb\xbf <table><tr><td>1".to_vec(), "网页格式"),
        (b"<?xml version=\"1.0\"?><Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\">".to_vec(), "XML"),
        (b"PK\x03\x04nothing".to_vec(), "无法读取"),
    ] {
        let said = refusal(&bad);
        assert!(said.contains(why), "{why}: {said}");
    }
}

#[test]
fn more_rows_than_an_application_holds_are_refused_before_they_fill_the_memory() {
    let lines = "甲,1\n".repeat(2_002);
    assert!(refusal(lines.as_bytes()).contains("2000 行"));
    assert!(read("甲,1\n".repeat(2_001).as_bytes(), &most(), &Asked::default()).is_ok());
    let columns = format!("甲{}", ",乙".repeat(200));
    assert!(refusal(columns.as_bytes()).contains("200 列"));
    let far = sheet(|s| {
        s.write_string(1_048_575, 3, "远").unwrap();
    });
    let rows = table(&far).rows;
    assert_eq!((rows[0].number, rows[0].cells.len()), (1_048_576, 4));
    let many = sheet(|s| {
        for row in 0..2_002 {
            s.write_string(row, 0, "甲").unwrap();
        }
    });
    assert!(refusal(&many).contains("2000 行"));
}

#[test]
fn dates_errors_pictures_and_formulas_without_a_result_are_named_and_never_guessed() {
    let content = sheet(|s| {
        let day = Format::new().set_num_format("yyyy-mm-dd");
        s.write_number_with_format(0, 0, 45_000, &day).unwrap();
        s.write_formula(0, 1, Formula::new("=0.1+0.2").set_result("0.30000000000000004")).unwrap();
        s.write_formula(0, 2, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
        s.write_boolean(0, 3, true).unwrap();
        s.write_number_with_format(0, 4, 45_000.5, &day).unwrap();
        s.write_formula(0, 5, Formula::new("=DISPIMG(\"ID_1\",1)").set_result("=DISPIMG(\"ID_1\",1)")).unwrap();
        s.write_string(0, 6, "=DISPIMG(\"ID_2\",1)").unwrap();
    });
    let cells = &table(&content).rows[0].cells;
    assert!(cells[0].text().is_err_and(|why| why.contains("日期")), "{cells:?}");
    assert_eq!(cells[0].day().unwrap(), "2023-03-15");
    assert_eq!(cells[1].number().unwrap(), "0.3");
    assert!(cells[2].line().is_err_and(|why| why.contains("错误值")), "{cells:?}");
    assert_eq!(cells[3], Cell::Text("TRUE".to_owned()));
    assert!(cells[4].day().is_err_and(|why| why.contains("时间")), "{cells:?}");
    for picture in &cells[5..7] {
        assert!(picture.line().is_err_and(|why| why.contains("图片")), "{picture:?}");
    }
    let row =
        |cells: &str| written(&format!("<worksheet><sheetData><row r='1'>{cells}</row></sheetData></worksheet>"), &[]);
    let cells = &table(&row(
        "<c r='A1'><f>A2</f><v/></c><c r='B1' t='str'><f>\"\"</f><v></v></c><c r='C1' t='e' vm='1'><v>#VALUE!</v></c>\
         <c r='D1' t='d'><v>2026-11-23T00:00:00</v></c><c t='inlineStr'><is><r><t>甲</t></r><rPh><t>jia</t></rPh>\
         <r><t xml:space='preserve'> &amp;&#20057;</t></r></is></c><c><v>1e3</v></c>",
    ))
    .rows[0]
        .cells;
    assert!(cells[0].line().is_err_and(|why| why.contains("计算结果")), "{cells:?}");
    assert!(cells[1].is_blank());
    assert!(cells[2].line().is_err_and(|why| why.contains("图片")), "{cells:?}");
    assert_eq!(cells[3].day().unwrap(), "2026-11-23");
    assert_eq!(cells[4].line().unwrap(), "甲 &乙");
    assert_eq!(cells[5].line().unwrap(), "1000");
}

#[test]
fn a_column_of_texts_takes_what_is_shown_and_a_column_of_amounts_the_number() {
    let content = sheet(|s| {
        let format = |code: &str| Format::new().set_num_format(code);
        for (n, (value, code)) in (0_u16..).zip([
            (123.0, "00000"),
            (42.0, "\"SN-\"0000"),
            (12.345, "0.00"),
            (0.5, "0%"),
            (100_000.0, "0.00E+00"),
            (8.695_3e17, "0"),
            (123_456_789_012_345.0, "General"),
            (5.0, "0;;;"),
        ]) {
            s.write_number_with_format(0, n, value, &format(code)).unwrap();
        }
    });
    let cells = &table(&content).rows[0].cells;
    assert_eq!([cells[0].line().unwrap(), cells[1].line().unwrap()], ["00123", "SN-0042"]);
    assert_eq!([cells[0].number().unwrap(), cells[1].number().unwrap()], ["123", "42"]);
    assert_eq!((cells[2].line().unwrap().as_str(), cells[2].number().unwrap().as_str()), ("12.35", "12.345"));
    assert_eq!(cells[2].rounding(), Some(("12.35", "12.345")));
    assert_eq!(cells[3].line().unwrap(), "50%");
    assert!(cells[3].number().is_err_and(|why| why.contains("百分比")));
    assert!(cells[4].line().is_err_and(|why| why.contains("0.00E+00")));
    assert_eq!(cells[4].number().unwrap(), "100000");
    assert!(cells[5].line().is_err_and(|why| why.contains("超过 15 位") && why.contains("869530000000000000")));
    assert_eq!(cells[6].line().unwrap(), "123456789012345");
    assert_eq!(cells[7].line().unwrap(), "5");
}

#[test]
fn a_csv_that_has_been_through_excel_has_lost_digits() {
    for lost in ["8.6953E+17", "1.23E+10", "-1E-05", "220220260000000000"] {
        let content = format!("号码\n{lost}\n");
        let cell = table(content.as_bytes()).rows[1].cells[0].clone();
        assert!(cell.line().is_err(), "{lost}");
    }
    for kept in ["1E5", "3-4", "220220261000000015", "31000020260000000", "E+17", "1.2E+1000", "12.3E+10"] {
        let content = format!("号码\n{kept}\n");
        assert_eq!(table(content.as_bytes()).rows[1].cells[0].line().unwrap(), kept);
    }
}

#[test]
fn invisible_characters_are_dropped_and_lines_of_one_field_stand_behind_each_other() {
    let content = sheet(|s| {
        s.write_string(0, 0, "\u{feff}空调\u{200b}器").unwrap();
        s.write_string(0, 1, "A-1\nA-2\r\nA-3\u{2028}A-4").unwrap();
    });
    let cells = &table(&content).rows[0].cells;
    assert_eq!(cells[0].line().unwrap(), "空调器");
    assert_eq!(cells[1].line().unwrap(), "A-1；A-2；A-3；A-4");
    assert_eq!(cells[1].text().unwrap(), "A-1\nA-2\nA-3\nA-4");
    let escaped = written(
        "<worksheet><sheetData><row r='1'><c r='A1' t='inlineStr'><is><t>A_x000D_\nB_x005F_x000D_C_x12</t></is></c></row></sheetData></worksheet>",
        &[],
    );
    assert_eq!(table(&escaped).rows[0].cells[0].line().unwrap(), "A；B_x000D_C_x12");
    assert_eq!(table("\u{feff}\u{200b}甲,\u{ad}乙\n".as_bytes()).rows[0].cells[1].line().unwrap(), "乙");
}

/// A workbook with rows and columns that nobody sees.
fn with_hidden() -> Vec<u8> {
    sheet(|s| {
        for (row, name) in (0..).zip(["名称", "甲", "乙", "丙", "丁"]) {
            s.write_string(row, 0, name).unwrap();
            s.write_string(row, 1, if row == 0 { "备注" } else { "暗" }).unwrap();
            s.write_string(row, 2, if row == 0 { "数量" } else { "1" }).unwrap();
        }
        s.set_row_hidden(2).unwrap();
        s.set_row_height(3, 0).unwrap();
        s.set_row_hidden(9).unwrap();
        s.set_column_hidden(1).unwrap();
        s.set_column_hidden(7).unwrap();
    })
}

#[test]
fn d37_hidden_rows_and_columns_are_listed_and_left_out_unless_asked_for() {
    let content = with_hidden();
    let left_out = table(&content);
    assert_eq!(texts(&left_out.rows), [["名称", "", "数量"], ["甲", "", "1"], ["丁", "", "1"]]);
    assert_eq!(left_out.rows.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 2, 5]);
    let seen = &left_out.seen;
    assert_eq!(seen.hidden_rows, [(3, "乙，暗，1".to_owned()), (4, "丙，暗，1".to_owned())]);
    assert_eq!(seen.hidden_columns, ["B 列“备注”"]);
    assert!(seen.must_be_confirmed());
    let notes = seen.notes().join("。");
    assert!(notes.contains("有 2 行因筛选或手工隐藏而不显示，没有读取：第 3 行（乙，暗，1）"), "{notes}");
    assert!(notes.contains("有 1 列是隐藏的，没有读取：B 列“备注”"), "{notes}");

    let asked = Asked { with_hidden: true, ..Asked::default() };
    let all = read(&content, &most(), &asked).unwrap();
    assert_eq!(all.rows.len(), 5);
    assert_eq!(texts(&all.rows)[2], ["乙", "暗", "1"]);
    assert!(all.seen.notes().join("。").contains("已按您的选择一并读取"));
    // So many hidden rows that they are not kept are counted all the same.
    let many = sheet(|s| {
        s.write_string(0, 0, "名称").unwrap();
        for row in 1..5_000 {
            s.write_string(row, 0, "甲").unwrap();
            if row > 1 {
                s.set_row_hidden(row).unwrap();
            }
        }
    });
    let seen = table(&many).seen;
    assert_eq!((seen.hidden_row_count, seen.hidden_rows.len()), (4_998, LISTED_HIDDEN));
    assert!(read(&many, &most(), &asked).unwrap_err().contains("2000 行"));
}

/// Sheets by name; `-` before a name hides it, `!` makes it the one that is shown.
fn sheets(names: &[&str]) -> Vec<u8> {
    let mut book = Workbook::new();
    for name in names {
        let plain = name.trim_start_matches(['-', '=', '!', '0']);
        let sheet = book.add_worksheet().set_name(plain).unwrap();
        if !name.starts_with('0') {
            sheet.write_string(0, 0, plain).unwrap();
        }
        match name.chars().next() {
            Some('-') => {
                sheet.set_hidden(true);
            }
            Some('=') => {
                sheet.set_very_hidden(true);
            }
            Some('!') => {
                sheet.set_active(true);
            }
            _ => {}
        }
    }
    // A sheet that is shown cannot be hidden.
    if let (Some(n), false) =
        (names.iter().position(|n| !n.starts_with(['-', '='])), names.iter().any(|n| n.starts_with('!')))
    {
        book.worksheet_from_index(n).unwrap().set_active(true);
    }
    book.save_to_buffer().unwrap()
}

#[test]
fn d37_sheets_that_are_hidden_or_not_shown_are_never_read_silently() {
    for (names, read_one, others, hidden) in [
        (vec!["产品", "填写说明", "选项"], "产品", vec![], vec![]),
        (vec!["填写说明", "产品", "选项"], "产品", vec![], vec![]),
        (vec!["填写说明", "选项"], "填写说明", vec!["选项"], vec![]),
        (vec!["一", "!二"], "二", vec!["一"], vec![]),
        (vec!["一", "产品"], "产品", vec!["一"], vec![]),
        (vec!["0一", "二"], "二", vec![], vec![]),
        (vec!["-产品", "二"], "二", vec![], vec!["产品"]),
        (vec!["=旧", "二", "=WpsReserved_CellImgList"], "二", vec![], vec!["旧"]),
    ] {
        let seen = table(&sheets(&names)).seen;
        assert_eq!(
            (seen.sheet.as_str(), seen.others.clone()),
            (read_one, others.iter().map(|n| (*n).to_owned()).collect()),
            "{names:?}"
        );
        assert_eq!(seen.hidden_sheets, hidden, "{names:?}");
        assert_eq!(seen.must_be_confirmed(), !others.is_empty() || !hidden.is_empty(), "{names:?}");
    }
    let content = sheets(&["一", "二", "-三"]);
    let asked = |sheet: &str| Asked { sheet: sheet.to_owned(), with_hidden: true };
    assert_eq!(texts(&read(&content, &most(), &asked("二")).unwrap().rows), [["二"]]);
    for gone in ["三", "四"] {
        assert!(read(&content, &most(), &asked(gone)).unwrap_err().contains("没有名为"), "{gone}");
    }
    assert!(refusal(&sheets(&["0空", "-产品"])).contains("工作表“产品”是隐藏的"));
    assert!(refusal(&sheets(&["0空"])).contains("没有内容"));
}

#[test]
fn merged_cells_fill_the_rows_that_they_cover_and_no_amount() {
    let content = sheet(|s| {
        let plain = Format::new();
        for (at, title) in (0..).zip(["名称", "商标", "数量", "备注", "说明"]) {
            s.write_string(0, at, title).unwrap();
        }
        for (row, name) in (1..).zip(["甲", "乙", "丙"]) {
            s.write_string(row, 0, name).unwrap();
        }
        s.merge_range(1, 1, 3, 1, "无", &plain).unwrap();
        s.merge_range(1, 2, 2, 2, "6", &plain).unwrap();
        s.merge_range(3, 3, 3, 4, "宽", &plain).unwrap();
        // A tall row and a title are no products.
        s.write_string(4, 0, "丁").unwrap();
        s.merge_range(5, 0, 7, 0, "戊", &plain).unwrap();
    });
    let Table { rows, seen } = table(&content);
    assert_eq!(rows.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    for row in &rows[1..4] {
        assert_eq!(row.cells[1].line().unwrap(), "无");
    }
    for row in &rows[1..3] {
        assert!(row.cells[2].number().is_err_and(|why| why.contains("合并")), "{row:?}");
    }
    assert_eq!(rows[3].cells[3].line().unwrap(), "宽");
    assert!(rows[3].cells[4].line().is_err_and(|why| why.contains("合并")));
    assert_eq!(seen.merged, ["B2:B4", "C2:C3"]);
    assert!(seen.said().contains("合并单元格 B2:B4、C2:C3"), "{}", seen.said());
    assert!(!seen.must_be_confirmed());
}

#[test]
fn pictures_on_a_sheet_are_counted() {
    let png = {
        let mut out = Cursor::new(Vec::new());
        image::DynamicImage::new_rgb8(2, 2).write_to(&mut out, image::ImageFormat::Png).unwrap();
        out.into_inner()
    };
    let content = sheet(|s| {
        s.write_string(0, 0, "名称").unwrap();
        let picture = rust_xlsxwriter::Image::new_from_buffer(&png).unwrap();
        s.insert_image(3, 3, &picture).unwrap();
    });
    let mut from = zip::ZipArchive::new(Cursor::new(&content)).unwrap();
    assert!(from.by_name("xl/drawings/drawing1.xml").is_ok());
    let seen = table(&content).seen;
    assert_eq!(seen.pictures, 1);
    assert!(seen.notes()[0].contains("1 张图片，没有读取"), "{:?}", seen.notes());
}

/// What the file says of itself is not believed: no room is made for it.
#[test]
fn a_number_of_texts_that_no_file_has_costs_nothing() {
    let plain = sheet(|s| {
        s.write_string(0, 0, "甲").unwrap();
        s.write_string(1, 0, "乙").unwrap();
    });
    for said in ["uniqueCount=\"2000000000000\"", "uniqueCount='x'", "uniqueCount =\"99999999\""] {
        let content = changed(&plain, "xl/sharedStrings.xml", |xml| xml.replacen("uniqueCount=\"2\"", said, 1));
        assert_eq!(texts(&table(&content).rows), [["甲"], ["乙"]], "{said}");
    }
    // A text that is not there.
    let content = changed(&plain, SHEET_1, |xml| xml.replacen("<v>1</v>", "<v>7</v>", 1));
    assert_eq!(refusal(&content), broken());
}

/// A shared formula is a number in each cell that has it; neither the number nor the text of the formula is unfolded.
#[test]
fn shared_formulas_cost_no_more_than_their_cells() {
    let plain = sheet(|s| {
        s.write_string(0, 0, "甲").unwrap();
        s.write_formula(1, 0, Formula::new("=1+1").set_result("2")).unwrap();
    });
    let far = changed(&plain, SHEET_1, |xml| {
        xml.replacen("<f>1+1</f>", "<f t=\"shared\" ref=\"A2:A4\" si=\"1099511627776\">1+1</f>", 1)
    });
    assert_eq!(texts(&table(&far).rows), [["甲"], ["2"]]);
    let cell = |n: u32| format!("<row r=\"{n}\"><c r=\"A{n}\"><f t=\"shared\" si=\"0\"/><v>{n}</v></c></row>");
    let cells = (3..1_900).map(cell).collect::<Vec<_>>().concat();
    let long = changed(&plain, SHEET_1, |xml| {
        let formula = format!("<f t=\"shared\" ref=\"A2:A1900\" si=\"0\">{}1</f>", "1+".repeat(2_000_000));
        xml.replacen("<f>1+1</f>", &formula, 1).replacen("</sheetData>", &format!("{cells}</sheetData>"), 1)
    });
    assert_eq!(table(&long).rows.len(), 1_899);
}

/// Formats down to the last row that Excel has: read, as long as they are rows; true advice when they are cells.
#[test]
fn formats_without_content_are_read_past_or_named() {
    use std::fmt::Write as _;
    let mut rows =
        String::from("<worksheet><sheetData><row r='1'><c r='A1' t='inlineStr'><is><t>名称</t></is></c></row>");
    for n in 2..=1_048_576 {
        let _ =
            write!(rows, "<row r=\"{n}\" spans=\"1:23\" s=\"1\" customFormat=\"1\" ht=\"14.25\" customHeight=\"1\"/>");
    }
    rows.push_str("</sheetData></worksheet>");
    let content = written(&rows, &[]);
    let before = std::time::Instant::now();
    assert_eq!(texts(&table(&content).rows), [["名称"]]);
    assert!(before.elapsed().as_secs() < 60, "{:?}", before.elapsed());
    // More than is unpacked of a file.
    let cells = format!("<c r='A2' s='1'/>{}", " ".repeat(7 * 1024 * 1024)).repeat(40);
    let first = "<row r='1'><c r='A1' t='inlineStr'><is><t>名称</t></is></c></row>";
    let sheet = format!("<worksheet><sheetData>{first}<row r='2'>{cells}</row></sheetData></worksheet>");
    let said = refusal(&written(&sheet, &[]));
    assert!(said.contains("设了格式的空行或空单元格") && said.contains("Sheet1"), "{said}");
}

/// What would fill the memory ends before it does.
#[test]
fn hostile_workbooks_are_refused() {
    let sheet = |inside: &str| {
        written(&format!("<worksheet><sheetData><row r='1'>{inside}</row></sheetData></worksheet>"), &[])
    };
    let comment = format!("<!--{}-->", "x".repeat(9 * 1024 * 1024));
    assert!(refusal(&sheet(&comment)).contains("太大"));
    let long = format!("<c r='A1' t='inlineStr'><is><t>{}</t></is></c>", "长".repeat(40_000));
    let cell = table(&sheet(&long)).rows[0].cells[0].clone();
    assert!(cell.line().is_err_and(|why| why.contains("32767")), "{cell:?}");
    let far = "<c r='GS1'><v>1</v></c>";
    assert!(refusal(&sheet(far)).contains("200 列"));
    for bad in [
        "<c r='1A'><v>1</v></c>",
        "<c r='A1' t='s'><v>0</v></c>",
        "<c r='A1' t='inlineStr'><is><t>&nope;</t></is></c>",
        "<c r='AAAAAAAAAAAAAA1'/>",
    ] {
        assert_eq!(refusal(&sheet(bad)), broken(), "{bad}");
    }
    let merges = "<mergeCell ref='A2:A1048576'/>".repeat(60_000);
    let workbook = written(
        &format!(
            "<worksheet><sheetData><row r='1'><c r='A1'><v>1</v></c></row></sheetData><mergeCells>{merges}</mergeCells></worksheet>"
        ),
        &[],
    );
    assert!(refusal(&workbook).contains("合并的单元格过多"));
}

#[test]
fn what_is_written_is_read_again_and_is_never_a_formula() {
    let wild = ["=1+1", "+86", "-5", "-甲", "@x", "'=1", "''=1", "'甲", "a\"b,c", "一\n二", "007", "12.50", "_x000D_"];
    let rows: Vec<Vec<Value>> = wild.iter().map(|t| vec![Value::Text((*t).to_owned())]).collect();
    let heads = [head("栏目")];
    let csv = write_csv(&heads, &rows);
    assert!(csv.starts_with(b"\xef\xbb\xbf"));
    let lines = String::from_utf8(csv.clone()).unwrap();
    assert!(lines.contains("'=1+1") && lines.contains("'+86") && lines.contains("'-甲") && lines.contains("\n-5\r"));
    let xlsx = write_xlsx(&heads, &rows, &[vec!["栏目".to_owned()]], now()).unwrap();
    for content in [csv, xlsx] {
        let found: Vec<_> = texts(&table(&content).rows[1..]).into_iter().map(|mut r| r.remove(0)).collect();
        assert_eq!(found, wild);
    }
}

/// The same table by different programs: Excel's own reader and ours see the same texts.
#[test]
fn another_reader_sees_the_same_table() {
    use calamine::Reader as _;
    let rows: Vec<Vec<Value>> = (0..50)
        .map(|n| {
            vec![Value::Text(format!("产品 {n} <&>")), Value::Number(format!("{n}.25")), Value::Text("A\nB".to_owned())]
        })
        .collect();
    let heads = ["名称", "数量", "型号"].map(head);
    let content = write_xlsx(&heads, &rows, &[], now()).unwrap();
    let mut book: calamine::Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(content.clone())).unwrap();
    let theirs = book.worksheet_range(SHEET).unwrap();
    for (row, ours) in theirs.rows().zip(&table(&content).rows) {
        let theirs: Vec<_> = row.iter().map(ToString::to_string).collect();
        let ours: Vec<_> = ours.cells.iter().map(|c| c.text().unwrap()).collect();
        assert_eq!(theirs, ours);
    }
}

proptest! {
    #[test]
    fn no_digit_of_an_amount_is_lost_in_a_file(units in 1..=Quantity::MAX.units()) {
        let amount = Quantity::from_units(units);
        let rows = [vec![Value::Number(amount.plain())]];
        for content in [write_csv(&[head("数量")], &rows), write_xlsx(&[head("数量")], &rows, &[], now()).unwrap()] {
            prop_assert_eq!(table(&content).rows[1].cells[0].number(), Ok(amount.plain()));
        }
    }

    #[test]
    fn any_text_comes_back_from_csv(text in "[='+@a,\"甲;\n\t -]{1,8}|\\PC{1,12}") {
        let text = text::visible(text.trim()).trim().to_owned();
        prop_assume!(!text.is_empty());
        let content = write_csv(&[head("栏目")], &[vec![Value::Text(text.clone())]]);
        let cell = table(&content).rows[1].cells[0].clone();
        // The same text, or a mistake with a name.
        prop_assert!(cell.text().is_err() || cell.text() == Ok(text.clone()), "{:?}", cell);
    }

    #[test]
    fn any_table_comes_back_from_a_workbook(
        rows in proptest::collection::vec(proptest::collection::vec("[_x0DA甲 \n<&>'=]{0,10}|\\PC{0,12}", 1..5), 1..8),
    ) {
        let clean = |t: &String| text::visible(t.trim()).trim().to_owned();
        let rows: Vec<Vec<String>> = rows.iter().map(|r| r.iter().map(clean).collect()).collect();
        let heads: Vec<_> = (0..5).map(|n| head(&format!("栏目{n}"))).collect();
        let values: Vec<Vec<Value>> = rows.iter().map(|r| r.iter().map(|t| Value::Text(t.clone())).collect()).collect();
        let read = table(&write_xlsx(&heads, &values, &[], now()).unwrap()).rows;
        for row in &read[1..] {
            let written = &rows[row.number - 2];
            for (cell, text) in row.cells.iter().zip(written) {
                prop_assert!(cell.text().is_err() || cell.text().as_ref() == Ok(text), "{:?} {:?}", cell, text);
            }
            prop_assert!(written[row.cells.len()..].iter().all(String::is_empty));
        }
        let full = rows.iter().filter(|r| r.iter().any(|t| !t.is_empty())).count();
        prop_assert_eq!(read.len() - 1, full);
    }

    #[test]
    fn nothing_uploaded_ever_panics(content in proptest::collection::vec(any::<u8>(), 0..400), xml in "[<>/=' a-zA-Z0-9&;_]{0,200}") {
        let asked = Asked::default();
        let _ = read(&content, &most(), &asked);
        let _ = read(&[b"PK\x03\x04".as_slice(), &content].concat(), &most(), &asked);
        let _ = read(&written(&format!("<worksheet><sheetData>{xml}</sheetData>"), &[]), &most(), &asked);
    }
}

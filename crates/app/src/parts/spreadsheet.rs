//! Tables as files: XLSX and CSV, read as text that the product form would read, written so that nothing is lost.
//!
//! Excel keeps numbers in binary. What it shows is a decimal number, and that is what is read here; no sum, product or
//! comparison is made with the binary one.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use calamine::{DataRef, Reader as _, Xlsx};
use domain::time::Instant;
use encoding_rs::{Encoding, GB18030};
use rust_xlsxwriter::{
    Color, DataValidation, DocProperties, ExcelDateTime, Format, FormatAlign, Formula, Workbook, XlsxError,
};

/// The sheet that is read, when there are several.
const SHEET: &str = "产品";
/// A packed file may hold this much.
const UNPACKED_BYTES: u64 = 64 * 1024 * 1024;
/// No table of ours has more columns.
const MOST_COLUMNS: u32 = 200;
/// Digits that a number of Excel keeps for certain.
const CERTAIN_DIGITS: usize = 15;
/// What a calculation leaves behind is told from what somebody typed: three digits of noise at least.
const CALCULATED_DIGITS: usize = 12;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// A text, or a number as people write it; blank = nothing.
    Text(String),
    /// Nothing that could be taken for what was meant; the sentence says how to mend it.
    Unreadable(String),
}

impl Cell {
    fn is_blank(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }
}

/// A line of the file that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number in the file, from 1.
    pub number: usize,
    /// Its cells, from the first column on.
    pub cells: Vec<Cell>,
}

/// So many rows of a template offer lists to choose from.
const LISTED_ROWS: u32 = 2_000;

/// How many rows a file may have below its heads, and the sentence for one that has more.
#[derive(Debug, Clone)]
pub struct Most {
    /// So many.
    pub rows: usize,
    /// What to do about it.
    pub why: String,
}

/// Reads a table by its first bytes; the sentence says what to do with one that cannot be read.
pub fn read(content: &[u8], most: &Most) -> Result<Vec<Row>, String> {
    let rows = if content.starts_with(b"PK") {
        read_xlsx(content, most)?
    } else if content.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err("这是旧版 Excel（.xls）文件或加了密码的文件，请在 Excel 中另存为“Excel 工作簿（.xlsx）”，\
                    不设密码，再上传"
            .to_owned());
    } else {
        read_csv(&decode(content)?, most)?
    };
    if rows.is_empty() { Err("文件中没有内容，请使用模板填写后再上传".to_owned()) } else { Ok(rows) }
}

fn too_many_columns() -> String {
    format!("文件超过 {MOST_COLUMNS} 列，请使用模板填写后再上传")
}

fn broken() -> String {
    "文件无法读取，可能已损坏，请在 Excel 中打开并重新保存为 .xlsx 后再上传".to_owned()
}

fn read_xlsx(content: &[u8], most: &Most) -> Result<Vec<Row>, String> {
    measure(content)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(content)).map_err(|_| broken())?;
    let names = book.sheet_names();
    let name = names.iter().find(|n| n.as_str() == SHEET).or_else(|| names.first()).cloned().ok_or_else(broken)?;
    let mut reader = book.worksheet_cells_reader(&name).map_err(|_| broken())?;
    let mut rows: BTreeMap<u32, BTreeMap<u32, Cell>> = BTreeMap::new();
    // The cells come one by one: a cell far away costs no more than one nearby.
    // Shared formulas are not written out: a few bytes for each could stand for any length of text.
    while let Some(found) = reader.next_cell_with_formula_metadata().map_err(|_| broken())? {
        let cell = cell_of(&found.value, found.formula.is_some());
        if cell.is_blank() {
            continue;
        }
        let (row, column) = found.pos;
        if column >= MOST_COLUMNS {
            return Err(too_many_columns());
        }
        rows.entry(row).or_default().insert(column, cell);
        if rows.len() > most.rows + 1 {
            return Err(most.why.clone());
        }
    }
    Ok(rows
        .into_iter()
        .map(|(row, cells)| {
            let last = cells.keys().next_back().copied().unwrap_or_default();
            let blank = || Cell::Text(String::new());
            let cells = (0..=last).map(|column| cells.get(&column).cloned().unwrap_or_else(blank)).collect();
            Row { number: usize::try_from(row).unwrap_or_default() + 1, cells }
        })
        .collect())
}

/// Refuses a file that would fill the memory when it is unpacked, whatever it says of itself.
fn measure(content: &[u8]) -> Result<(), String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(content)).map_err(|_| broken())?;
    let mut left = UNPACKED_BYTES;
    for n in 0..archive.len() {
        let part = archive.by_index(n).map_err(|_| broken())?;
        let holds_texts = part.name().map_err(|_| broken())?.to_ascii_lowercase().ends_with("sharedstrings.xml");
        let mut part = part.take(left + 1);
        let size = if holds_texts {
            let mut content = Vec::new();
            part.read_to_end(&mut content).map_err(|_| broken())?;
            if !says_a_sound_number(&content) {
                return Err(broken());
            }
            u64::try_from(content.len()).unwrap_or(u64::MAX)
        } else {
            std::io::copy(&mut part, &mut std::io::sink()).map_err(|_| broken())?
        };
        if size > left {
            return Err("文件解开后的内容过多，请只保留产品表，删去图片和其他工作表后再上传".to_owned());
        }
        left -= size;
    }
    Ok(())
}

/// Digits of the largest number of texts that is believed.
const BELIEVED_DIGITS: usize = 7;

/// Whether the part of the shared texts may say how many they are: the reader makes room for all of them at once, and room
/// that there is not ends the program. Bytes that hide letters from this look, of UTF-16 and ISO-2022, no program writes.
fn says_a_sound_number(part: &[u8]) -> bool {
    let said = String::from_utf8_lossy(part);
    let is_sound = |rest: &str| {
        let digits =
            rest.strip_prefix("=\"").or_else(|| rest.strip_prefix("='")).and_then(|n| n.split(['"', '\'']).next());
        digits.is_some_and(|d| d.len() <= BELIEVED_DIGITS && d.bytes().all(|b| b.is_ascii_digit()))
    };
    !said.contains(['\0', '\u{1b}']) && said.split("uniqueCount").skip(1).all(is_sound)
}

fn cell_of(value: &DataRef<'_>, is_formula: bool) -> Cell {
    let unreadable = |why: String| Cell::Unreadable(why);
    match value {
        DataRef::Int(number) => Cell::Text(number.to_string()),
        DataRef::Float(number) => Cell::Text(decimal(*number)),
        DataRef::String(text) => Cell::Text(text.clone()),
        DataRef::SharedString(text) => Cell::Text((*text).to_owned()),
        DataRef::Bool(yes) => Cell::Text(if *yes { "TRUE" } else { "FALSE" }.to_owned()),
        DataRef::DateTime(_) | DataRef::DateTimeIso(_) | DataRef::DurationIso(_) => unreadable(
            "单元格是日期或时间格式（Excel 会把“3-4”变成日期），请把单元格格式改为“文本”后重新填写".to_owned(),
        ),
        DataRef::Error(error) => unreadable(format!("公式的结果是错误值 {error}，请改为填写内容")),
        DataRef::Empty if is_formula => {
            unreadable("公式还没有计算结果，请在 Excel 中打开并保存，或改为填写数值".to_owned())
        }
        DataRef::Empty => Cell::Text(String::new()),
    }
}

/// The decimal number that Excel shows for a binary one. A number with more digits than Excel keeps for certain is the
/// noise of a calculation (0.1 + 0.2 is stored as 0.30000000000000004), or was typed so: then every digit stays.
fn decimal(number: f64) -> String {
    let exact = number.to_string();
    if significant(&exact) <= CERTAIN_DIGITS {
        return exact;
    }
    let shown = format!("{number:.14e}").parse::<f64>().map_or_else(|_| exact.clone(), |n| n.to_string());
    if significant(&shown) <= CALCULATED_DIGITS { shown } else { exact }
}

fn significant(decimal: &str) -> usize {
    let digits: String = decimal.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    if decimal.contains('.') { digits.len() } else { digits.trim_end_matches('0').len() }
}

/// UTF-8 with or without a mark, UTF-16 with one, and what Excel in China writes: GBK.
fn decode(content: &[u8]) -> Result<String, String> {
    let unknown = || "文件不是 XLSX，也不是 UTF-8 或 GBK 编码的 CSV，请使用模板填写后再上传".to_owned();
    let text = if let Some((encoding, mark)) = Encoding::for_bom(content) {
        let rest = content.get(mark..).unwrap_or_default();
        encoding.decode_without_bom_handling_and_without_replacement(rest).ok_or_else(unknown)?
    } else if let Ok(text) = std::str::from_utf8(content) {
        text.into()
    } else {
        GB18030.decode_without_bom_handling_and_without_replacement(content).ok_or_else(unknown)?
    };
    if text.contains('\0') { Err(unknown()) } else { Ok(text.into_owned()) }
}

/// Reads CSV (RFC 4180). Blank lines count, so that a row has the number that Excel shows.
fn read_csv(text: &str, most: &Most) -> Result<Vec<Row>, String> {
    let head = text.lines().next().unwrap_or_default();
    let separator = [',', '\t', ';'].into_iter().rev().max_by_key(|s| head.matches(*s).count()).unwrap_or(',');
    let mut rows = Vec::new();
    let mut fields = vec![String::new()];
    let mut number = 1;
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    loop {
        let letter = letters.next();
        let Some(field) = fields.last_mut() else { break };
        match letter {
            Some('"') if quoted && letters.peek() == Some(&'"') => {
                field.push('"');
                letters.next();
            }
            Some('"') if quoted => quoted = false,
            Some('"') if field.is_empty() => quoted = true,
            Some(c) if quoted => field.push(c),
            Some('\r') if letters.peek() == Some(&'\n') => {}
            Some('\n' | '\r') | None => {
                if quoted {
                    return Err(format!("第 {number} 行有引号没有成对，请检查后再上传"));
                }
                let cells: Vec<_> = std::mem::replace(&mut fields, vec![String::new()])
                    .into_iter()
                    .map(|f| Cell::Text(without_guard(f)))
                    .collect();
                if cells.len() > MOST_COLUMNS as usize {
                    return Err(too_many_columns());
                }
                if !cells.iter().all(Cell::is_blank) {
                    rows.push(Row { number, cells });
                }
                if rows.len() > most.rows + 1 {
                    return Err(most.why.clone());
                }
                number += 1;
                if letter.is_none() {
                    break;
                }
            }
            Some(c) if c == separator => fields.push(String::new()),
            Some(c) => field.push(c),
        }
    }
    Ok(rows)
}

/// Whether a program that opens a CSV could take the text for a formula; a guard before it counts as part of it.
fn looks_like_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@'])
}

/// Takes away the guard that [`write_csv`] puts before what looks like a formula.
fn without_guard(text: String) -> String {
    match text.strip_prefix('\'') {
        Some(rest) if looks_like_formula(rest) => rest.to_owned(),
        Some(_) | None => text,
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    all(whole) && all(fraction)
}

/// A value that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text; never a formula, whatever it begins with.
    Text(String),
    /// A decimal number.
    Number(String),
}

impl Value {
    fn text(&self) -> &str {
        let (Self::Text(text) | Self::Number(text)) = self;
        text
    }
}

/// The head of a column that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What stands in the first row.
    pub title: String,
    /// Must be filled in: shown in red.
    pub is_required: bool,
    /// Kept as text, so that Excel makes no date and no number of it.
    pub is_text: bool,
    /// The list to choose from; empty = free.
    pub choices: Vec<String>,
}

/// A CSV of UTF-8 with its mark, by which Excel knows it.
pub fn write_csv(heads: &[Head], rows: &[Vec<Value>]) -> Vec<u8> {
    let mut out = String::from('\u{feff}');
    let titles: Vec<_> = heads.iter().map(|h| Value::Text(h.title.clone())).collect();
    for row in std::iter::once(&titles).chain(rows) {
        csv_row(&mut out, row);
    }
    out.into_bytes()
}

/// A line of a CSV: texts are never formulas.
pub fn csv_row(out: &mut String, row: &[Value]) {
    for (n, value) in row.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        let text = value.text();
        let guard = if looks_like_formula(text) && !is_number(text) { "'" } else { "" };
        let text = format!("{guard}{text}");
        if text.contains(['"', ',', ';', '\t', '\r', '\n']) || text.trim() != text {
            out.push('"');
            out.push_str(&text.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&text);
        }
    }
    out.push_str("\r\n");
}

/// An XLSX of three sheets: the products, how to fill them in, and the lists to choose from.
pub fn write_xlsx(
    heads: &[Head],
    rows: &[Vec<Value>],
    guide: &[Vec<String>],
    now: Instant,
) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_timestamp(now.millis() / 1000)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let head = Format::new().set_bold().set_background_color(Color::RGB(0x00e8_eef7)).set_text_wrap();
    let required = head.clone().set_font_color(Color::RGB(0x00c0_0000));
    let text = Format::new().set_num_format("@");

    let lists: Vec<_> = heads.iter().enumerate().filter(|(_, h)| !h.choices.is_empty()).collect();
    let sheet = book.add_worksheet().set_name(SHEET)?;
    sheet.set_freeze_panes(1, 0)?;
    for (n, column) in heads.iter().enumerate() {
        let at = u16::try_from(n).unwrap_or(u16::MAX);
        if column.is_text {
            sheet.set_column_format(at, &text)?;
        }
        let width = u8::try_from(column.title.chars().count() * 2 + 4).unwrap_or(40).clamp(12, 40);
        sheet.set_column_width(at, width)?;
        sheet.write_string_with_format(0, at, &column.title, if column.is_required { &required } else { &head })?;
    }
    for (at, (n, column)) in lists.iter().enumerate() {
        let letter = rust_xlsxwriter::utility::column_number_to_name(u16::try_from(at).unwrap_or_default());
        let source = format!("=选项!${letter}$2:${letter}${}", column.choices.len() + 1);
        let choice = DataValidation::new().allow_list_formula(Formula::new(source)).show_error_message(false);
        let at = u16::try_from(*n).unwrap_or(u16::MAX);
        sheet.add_data_validation(1, at, LISTED_ROWS, at, &choice)?;
    }
    for (row, values) in (1..).zip(rows) {
        for (n, value) in values.iter().enumerate() {
            let at = u16::try_from(n).unwrap_or(u16::MAX);
            match value {
                Value::Text(t) if t.is_empty() => {}
                Value::Text(t) => {
                    sheet.write_string_with_format(row, at, t, &text)?;
                }
                // More digits than Excel keeps for certain stay as text: none is lost.
                Value::Number(t) => match t.parse::<f64>() {
                    Ok(number) if significant(t) <= CERTAIN_DIGITS => {
                        sheet.write_number(row, at, number)?;
                    }
                    Ok(_) | Err(_) => {
                        sheet.write_string_with_format(row, at, t, &text)?;
                    }
                },
            }
        }
    }

    let sheet = book.add_worksheet().set_name("填写说明")?;
    let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
    for (at, width) in [(0, 26), (1, 10), (2, 70), (3, 34)] {
        sheet.set_column_width(at, width)?;
    }
    for (row, line) in (0..).zip(guide) {
        for (at, words) in (0..).zip(line) {
            sheet.write_string_with_format(row, at, words, if row == 0 { &head } else { &wrapped })?;
        }
    }

    let sheet = book.add_worksheet().set_name("选项")?;
    for (at, (_, column)) in (0_u16..).zip(&lists) {
        sheet.set_column_width(at, 26)?;
        sheet.write_string_with_format(0, at, &column.title, &head)?;
        for (row, choice) in (1..).zip(&column.choices) {
            sheet.write_string(row, at, choice)?;
        }
    }
    book.save_to_buffer()
}

#[cfg(test)]
mod tests {
    use domain::quantity::Quantity;
    use proptest::prelude::*;

    use super::*;

    fn most() -> Most {
        Most { rows: 2_000, why: "文件超过 2000 行".to_owned() }
    }

    fn head(title: &str) -> Head {
        Head { title: title.to_owned(), is_required: true, is_text: true, choices: vec!["甲".to_owned()] }
    }

    fn texts(rows: &[Row]) -> Vec<Vec<&str>> {
        let text = |c: &Cell| match c {
            Cell::Text(t) => t.clone(),
            Cell::Unreadable(why) => panic!("{why}"),
        };
        rows.iter().map(|r| r.cells.iter().map(|c| Box::leak(text(c).into_boxed_str()) as &str).collect()).collect()
    }

    fn now() -> Instant {
        "2026-11-23".parse::<domain::time::Day>().unwrap().start_instant()
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
    fn csv_is_read_in_utf_8_and_in_gbk_with_its_lines_counted() {
        let text = "名称,数量\r\n\r\n\"甲,\"\"乙\"\"\n丙\",12.5\r\n丁,'=1\n";
        let (gbk, _, _) = encoding_rs::GBK.encode(text);
        let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
        for content in [text.as_bytes(), marked.as_slice(), &gbk] {
            let rows = read(content, &most()).unwrap();
            assert_eq!(rows.iter().map(|r| r.number).collect::<Vec<_>>(), [1, 3, 4]);
            assert_eq!(texts(&rows), [vec!["名称", "数量"], vec!["甲,\"乙\"\n丙", "12.5"], vec!["丁", "=1"]]);
        }
        assert_eq!(texts(&read("名称\t数量\n甲\t1".as_bytes(), &most()).unwrap())[1], ["甲", "1"]);
        for (bad, why) in [
            ("".as_bytes(), "没有内容"),
            (b"\xff\xfe\xff".as_slice(), "请使用模板"),
            (b"\x81".as_slice(), "请使用模板"),
            (b"a\0b".as_slice(), "请使用模板"),
            ("甲,\"乙".as_bytes(), "引号没有成对"),
            (b"\xd0\xcf\x11\xe0".as_slice(), "另存为"),
            (b"PK\x03\x04nothing".as_slice(), "无法读取"),
        ] {
            let said = read(bad, &most()).unwrap_err();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn more_rows_than_an_application_holds_are_refused_before_they_fill_the_memory() {
        let lines = "甲,1\n".repeat(2_002);
        assert!(read(lines.as_bytes(), &most()).unwrap_err().contains("2000 行"));
        assert!(read("甲,1\n".repeat(2_001).as_bytes(), &most()).is_ok());
        let columns = format!("甲{}", ",乙".repeat(200));
        assert!(read(columns.as_bytes(), &most()).unwrap_err().contains("200 列"));
        let mut book = Workbook::new();
        book.add_worksheet().write_string(1_048_575, 3, "远").unwrap();
        let rows = read(&book.save_to_buffer().unwrap(), &most()).unwrap();
        assert_eq!((rows[0].number, rows[0].cells.len()), (1_048_576, 4));
    }

    #[test]
    fn dates_errors_and_formulas_without_a_result_are_named_and_never_guessed() {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let day = Format::new().set_num_format("yyyy-mm-dd");
        sheet.write_number_with_format(0, 0, 45_000, &day).unwrap();
        sheet.write_formula(0, 1, Formula::new("=0.1+0.2").set_result("0.30000000000000004")).unwrap();
        sheet.write_formula(0, 2, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
        sheet.write_boolean(0, 3, true).unwrap();
        let rows = read(&book.save_to_buffer().unwrap(), &most()).unwrap();
        let cells = &rows[0].cells;
        assert!(matches!(&cells[0], Cell::Unreadable(why) if why.contains("日期")), "{cells:?}");
        assert_eq!(cells[1], Cell::Text("0.3".to_owned()));
        assert!(matches!(&cells[2], Cell::Unreadable(why) if why.contains("错误值")), "{cells:?}");
        assert_eq!(cells[3], Cell::Text("TRUE".to_owned()));
        assert!(matches!(cell_of(&DataRef::Empty, true), Cell::Unreadable(why) if why.contains("计算结果")));
    }

    /// A workbook with two texts and a formula, one of whose parts says something else.
    fn tampered(part: &str, change: impl Fn(&str) -> String) -> Vec<u8> {
        use std::io::Write as _;
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        sheet.write_string(0, 0, "甲").unwrap();
        sheet.write_string(1, 0, "乙").unwrap();
        sheet.write_formula(2, 0, Formula::new("=1+1").set_result("2")).unwrap();
        let content = book.save_to_buffer().unwrap();
        let mut from = zip::ZipArchive::new(Cursor::new(content.as_slice())).unwrap();
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

    /// The reader makes room for as many texts as the file says it has.
    #[test]
    fn a_number_of_texts_that_no_file_has_is_not_believed() {
        let part = "xl/sharedStrings.xml";
        let said = |number: &str| tampered(part, |xml| xml.replacen("uniqueCount=\"2\"", number, 1));
        assert_eq!(texts(&read(&said("uniqueCount=\"2\""), &most()).unwrap()), [["甲"], ["乙"], ["2"]]);
        assert!(read(&said("uniqueCount='2'"), &most()).is_ok());
        for bad in [
            "uniqueCount=\"2000000000000\"",
            "uniqueCount='2000000000000'",
            "uniqueCount =\"2000000000000\"",
            "uniqueCount=\n\"2000000000000\"",
            "uniqueCount=\"2\" x=\"uniqueCount\" uniqueCount=\"20000000\"",
        ] {
            assert_eq!(read(&said(bad), &most()), Err(broken()), "{bad}");
        }
        assert!(!says_a_sound_number(
            &"uniqueCount=\"9\"".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()
        ));
        assert!(!says_a_sound_number(b"uni\x1b(BqueCount=\"20000000\""));
    }

    /// A shared formula is a number in each cell that has it; neither the number nor the text of the formula is unfolded.
    #[test]
    fn shared_formulas_cost_no_more_than_their_cells() {
        let sheet = "xl/worksheets/sheet1.xml";
        let far = tampered(sheet, |xml| {
            xml.replacen("<f>1+1</f>", "<f t=\"shared\" ref=\"A3:A4\" si=\"1099511627776\">1+1</f>", 1)
        });
        assert_eq!(texts(&read(&far, &most()).unwrap()), [["甲"], ["乙"], ["2"]]);
        let cell = |n: u32| format!("<row r=\"{n}\"><c r=\"A{n}\"><f t=\"shared\" si=\"0\"/><v>{n}</v></c></row>");
        let cells = (4..1_900).map(cell).collect::<Vec<_>>().concat();
        let long = tampered(sheet, |xml| {
            let formula = format!("<f t=\"shared\" ref=\"A3:A1900\" si=\"0\">{}1</f>", "1+".repeat(2_000_000));
            xml.replacen("<f>1+1</f>", &formula, 1).replacen("</sheetData>", &format!("{cells}</sheetData>"), 1)
        });
        assert_eq!(read(&long, &most()).unwrap().len(), 1_899);
    }

    #[test]
    fn what_is_written_is_read_again_and_is_never_a_formula() {
        let wild = ["=1+1", "+86", "-5", "-甲", "@x", "'=1", "''=1", "'甲", "a\"b,c", "一\n二", "007", "12.50"];
        let rows: Vec<Vec<Value>> = wild.iter().map(|t| vec![Value::Text((*t).to_owned())]).collect();
        let heads = [head("栏目")];
        let csv = write_csv(&heads, &rows);
        assert!(csv.starts_with(b"\xef\xbb\xbf"));
        let lines = String::from_utf8(csv.clone()).unwrap();
        assert!(
            lines.contains("'=1+1") && lines.contains("'+86") && lines.contains("'-甲") && lines.contains("\n-5\r")
        );
        let xlsx = write_xlsx(&heads, &rows, &[vec!["栏目".to_owned()]], now()).unwrap();
        for content in [csv, xlsx] {
            let read = read(&content, &most()).unwrap();
            let found: Vec<_> = texts(&read[1..]).into_iter().map(|r| r[0]).collect();
            assert_eq!(found, wild);
        }
    }

    proptest! {
        #[test]
        fn no_digit_of_an_amount_is_lost_in_a_file(units in 1..=Quantity::MAX.units()) {
            let amount = Quantity::from_units(units);
            let rows = [vec![Value::Number(amount.plain())]];
            for content in [write_csv(&[head("数量")], &rows), write_xlsx(&[head("数量")], &rows, &[], now()).unwrap()] {
                let found = read(&content, &most()).unwrap();
                prop_assert_eq!(&found[1].cells[0], &Cell::Text(amount.plain()));
            }
        }

        #[test]
        fn any_text_comes_back_from_csv(text in "[='+@a,\"甲;\n\t -]{1,8}") {
            let text = text.trim().to_owned();
            prop_assume!(!text.is_empty());
            let content = write_csv(&[head("栏目")], &[vec![Value::Text(text.clone())]]);
            let found = read(&content, &most()).unwrap();
            prop_assert_eq!(&found[1].cells[0], &Cell::Text(text));
        }

        #[test]
        fn nothing_uploaded_ever_panics(content in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&content, &most());
            let _ = read(&[b"PK\x03\x04".as_slice(), &content].concat(), &most());
        }
    }
}

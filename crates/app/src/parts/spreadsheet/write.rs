//! Tables that are written, so that nothing is lost and nothing is a formula.

use domain::time::Instant;
use rust_xlsxwriter::{
    Color, DataValidation, DocProperties, ExcelDateTime, Format, FormatAlign, Formula, Workbook, XlsxError,
};

use super::{CERTAIN_DIGITS, LISTED_ROWS, SHEET, significant};
use crate::parts::spreadsheet::csv::looks_like_formula;

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

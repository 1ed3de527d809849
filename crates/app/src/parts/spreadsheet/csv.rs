//! CSV as Excel, WPS and other programs write it: several encodings, separators and ends of lines.

use encoding_rs::{Encoding, GB18030, UTF_16BE, UTF_16LE};

use super::{Cell, MOST_COLUMNS, Most, Number, Row, damaged, too_many_columns};

/// So many bytes tell UTF-16 without a mark from other encodings.
const SAMPLE_BYTES: usize = 4096;

/// Reads CSV (RFC 4180). Blank lines count, so that a row has the number that Excel shows.
pub(super) fn read(content: &[u8], most: &Most) -> Result<Vec<Row>, String> {
    let text = decode(content)?;
    // DOS ends a text with this character, and so do programs of its time.
    let text = text.trim_end_matches('\u{1a}');
    let (separator, text) = separator(text);
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
                let cells: Vec<_> =
                    std::mem::replace(&mut fields, vec![String::new()]).into_iter().map(cell_of).collect();
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

/// What separates the fields: the line `sep=;` says it, which Excel reads and does not show; otherwise the first line does.
fn separator(text: &str) -> (char, &str) {
    let first = text.split(['\r', '\n']).next().unwrap_or_default();
    let said = first.trim_matches('"').strip_prefix("sep=").or_else(|| first.trim_matches('"').strip_prefix("SEP="));
    if let Some(said) = said {
        let mut letters = said.chars();
        if let (Some(separator), None) = (letters.next(), letters.next()) {
            let rest = &text[first.len()..];
            let rest = rest.strip_prefix('\r').unwrap_or(rest);
            return (separator, rest.strip_prefix('\n').unwrap_or(rest));
        }
    }
    let most = [',', '\t', ';'].into_iter().rev().max_by_key(|s| first.matches(*s).count());
    (most.unwrap_or(','), text)
}

fn cell_of(field: String) -> Cell {
    let field = without_guard(field);
    match written_by_excel(&field) {
        Some(why) => Cell::Number(Box::new(Number::damaged(field, why))),
        None => Cell::of_text(&field),
    }
}

/// A CSV keeps what Excel showed: a long number has lost its digits there, for ever.
fn written_by_excel(field: &str) -> Option<String> {
    let field = field.trim();
    if is_exponent(field) {
        return Some(format!(
            "“{field}”是 Excel 用科学计数法显示的数字，原来的位数已丢失。请打开原来的工作簿，把该列设为“文本”格式后\
             重新填写，保存为 .xlsx 再上传"
        ));
    }
    let is_damaged =
        field.len() > 17 && field.bytes().all(|b| b.is_ascii_digit()) && field[15..].bytes().all(|b| b == b'0');
    is_damaged.then(|| damaged(field))
}

/// Whether Excel shows a number so: `8.6953E+17`.
pub fn is_exponent(text: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    text.split_once(['E', 'e']).is_some_and(|(mantissa, exponent)| {
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let exponent = exponent.strip_prefix(['+', '-']);
        whole.len() == 1
            && digits(whole)
            && digits(fraction)
            && exponent.is_some_and(|e| digits(e) && (2..=3).contains(&e.len()))
    })
}

/// UTF-8 with or without a mark, UTF-16, and what Excel in China writes: GB 18030, of which GBK is a part.
fn decode(content: &[u8]) -> Result<String, String> {
    let unknown = || "文件不是 XLSX，也不是 UTF-8 或 GBK 编码的 CSV，请使用模板填写后再上传".to_owned();
    let strict = |encoding: &'static Encoding, bytes| {
        encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(unknown)
    };
    let text = if let Some((encoding, mark)) = Encoding::for_bom(content) {
        strict(encoding, content.get(mark..).unwrap_or_default())?
    } else if let Some(encoding) = utf_16_without_mark(content) {
        strict(encoding, content)?
    } else if let Ok(text) = std::str::from_utf8(content) {
        text.into()
    } else {
        strict(GB18030, content)?
    };
    if text.contains('\0') { Err(unknown()) } else { Ok(text.into_owned()) }
}

/// In UTF-16 every letter of ASCII has a zero beside it: separators and ends of lines are enough to see it.
fn utf_16_without_mark(content: &[u8]) -> Option<&'static Encoding> {
    if !content.len().is_multiple_of(2) {
        return None;
    }
    let sample = content.get(..content.len().min(SAMPLE_BYTES)).unwrap_or_default();
    let zeros = |odd: usize| sample.iter().skip(odd).step_by(2).filter(|b| **b == 0).count();
    // 一 is U+4E00: zeros stand on the other side, too, but seldom.
    match (zeros(0), zeros(1)) {
        (few, many) if many > 1 && many > 3 * few => Some(UTF_16LE),
        (many, few) if many > 1 && many > 3 * few => Some(UTF_16BE),
        _ => None,
    }
}

/// Whether a program that opens a CSV could take the text for a formula; a guard before it counts as part of it.
pub(super) fn looks_like_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@'])
}

/// Takes away the guard that `write_csv` puts before what looks like a formula.
fn without_guard(text: String) -> String {
    match text.strip_prefix('\'') {
        Some(rest) if looks_like_formula(rest) => rest.to_owned(),
        Some(_) | None => text,
    }
}

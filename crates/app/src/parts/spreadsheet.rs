//! Tables as files: XLSX and CSV, read as people see them, written so that nothing is lost.
//!
//! Excel keeps numbers in binary. What it shows is a decimal number, and that is what is read here; no sum, product or
//! comparison is made with the binary one. A column of texts takes what the sheet shows, a column of amounts the number
//! itself; where the two cannot be told, or digits are lost, the cell is named and nothing is guessed.

mod csv;
mod kind;
mod number_format;
mod write;
mod xlsx;

use std::fmt::Write as _;

use domain::text;

pub use csv::is_exponent;
pub use write::{Head, Value, csv_row, write_csv, write_xlsx};

use number_format::Shown;

/// The sheet of our templates that is filled in.
const SHEET: &str = "产品";
/// Their other sheets.
const HELPERS: [&str; 2] = ["填写说明", "选项"];
/// No table of ours has more columns.
const MOST_COLUMNS: u32 = 200;
/// Digits that a number of Excel keeps for certain.
const CERTAIN_DIGITS: usize = 15;
/// What a calculation leaves behind is told from what somebody typed: three digits of noise at least.
const CALCULATED_DIGITS: usize = 12;
/// The first rows of a template that offer lists to choose from.
const LISTED_ROWS: u32 = 2_000;
/// A short message names at most this many merged areas.
const NAMED_IN_SHORT: usize = 5;
/// At most this many hidden rows are listed; the others are counted.
const LISTED_HIDDEN: usize = 20;

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// A text; blank = nothing. It has no invisible characters, and its lines end with `\n`.
    Text(String),
    /// A number of a workbook, or a text of a CSV that was one.
    Number(Box<Number>),
    /// A day, as `2026-11-23`; in other columns the sentence stands for it.
    Day(String, String),
    /// What stands in the first cell of a merged area.
    Merged(Box<Cell>),
    /// Nothing that could be taken for what was meant; the sentence says how to mend it.
    Unreadable(String),
}

/// A number, and what is seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    value: String,
    /// What a column of texts takes, or why it cannot.
    text: Result<String, String>,
    /// Why a column of amounts does not take the value.
    refused: Option<String>,
    /// What the sheet shows instead of the value.
    rounded_to: Option<String>,
}

/// The sentence for a number that has lost digits.
fn damaged(shown: &str) -> String {
    format!(
        "单元格是数字格式，超过 {CERTAIN_DIGITS} 位的数字（{shown}）在 Excel 中末尾的位数已变为 0。请把该列设为“文本”\
         格式后重新填写完整的号码"
    )
}

impl Number {
    /// A number as its file keeps it, with the code of its format.
    fn new(value: String, code: Option<&str>) -> Self {
        let whole = value.split('.').next().unwrap_or_default().trim_start_matches(['-', '0']);
        let shown = code.map_or(Shown::Unknown, |code| number_format::shown(&value, code));
        let code = code.unwrap_or("货币或自定义格式");
        let unknown = || {
            format!("单元格使用数字格式“{code}”，不能确定显示的内容。请把该列设为“文本”格式后，按显示的内容重新填写")
        };
        let text = if whole.len() > CERTAIN_DIGITS || significant(&value) > CERTAIN_DIGITS {
            Err(damaged(&value))
        } else {
            match &shown {
                Shown::Text { text, .. } => Ok(text.clone()),
                Shown::Date | Shown::Nothing | Shown::Unknown => Err(unknown()),
            }
        };
        let mut rounded_to = None;
        let refused = match shown {
            Shown::Text { text, is_percent: true, .. } => Some(format!(
                "单元格是百分比格式（显示为 {text}，数值为 {value}），请把单元格格式改为“常规”后重新填写数值"
            )),
            Shown::Text { text, is_rounded: true, .. } => {
                rounded_to = Some(text);
                None
            }
            Shown::Nothing => Some("单元格的格式使数值不显示，请把单元格格式改为“常规”后核对".to_owned()),
            Shown::Text { .. } | Shown::Date | Shown::Unknown => None,
        };
        Self { value, text, refused, rounded_to }
    }

    /// A text that Excel made of a number whose digits are lost.
    fn damaged(field: String, why: String) -> Self {
        Self { value: field, text: Err(why), refused: None, rounded_to: None }
    }
}

impl Cell {
    /// The cell of a text, as a file has it.
    fn of_text(text: &str) -> Self {
        let text = text::visible(text);
        if is_picture_formula(&text) { Self::Unreadable(picture()) } else { Self::Text(text) }
    }

    fn blank() -> Self {
        Self::Text(String::new())
    }

    /// Whether nothing stands in it.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.trim().is_empty(),
            Self::Merged(cell) => cell.is_blank(),
            Self::Number(_) | Self::Day(..) | Self::Unreadable(_) => false,
        }
    }

    /// What a field of several lines takes, or what to do.
    pub fn text(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.trim().to_owned()),
            Self::Number(number) => number.text.clone(),
            Self::Merged(cell) => cell.text(),
            Self::Day(_, why) | Self::Unreadable(why) => Err(why.clone()),
        }
    }

    /// What a field of one line takes: its lines stand behind each other, with `；` between them.
    pub fn line(&self) -> Result<String, String> {
        self.text().map(|text| text::one_line(&text))
    }

    /// What a field of an amount takes: the number itself.
    pub fn number(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.trim().to_owned()),
            Self::Number(number) => number.refused.clone().map_or_else(|| Ok(number.value.clone()), Err),
            Self::Merged(cell) if cell.is_blank() => Ok(String::new()),
            Self::Merged(_) => Err("该栏不能从合并单元格取得，请取消合并，在每一行分别填写".to_owned()),
            Self::Day(_, why) | Self::Unreadable(why) => Err(why.clone()),
        }
    }

    /// What a field of a day takes.
    pub fn day(&self) -> Result<String, String> {
        match self {
            Self::Day(day, _) => Ok(day.clone()),
            Self::Merged(cell) => cell.day(),
            Self::Text(_) | Self::Number(_) | Self::Unreadable(_) => self.line(),
        }
    }

    /// What the sheet shows and what its number is, where the two differ.
    pub fn rounding(&self) -> Option<(&str, &str)> {
        match self {
            Self::Number(number) => number.rounded_to.as_deref().map(|shown| (shown, number.value.as_str())),
            Self::Text(_) | Self::Day(..) | Self::Merged(_) | Self::Unreadable(_) => None,
        }
    }
}

/// The sentence for a picture in a cell.
fn picture() -> String {
    "单元格中是图片（WPS 或 Excel 嵌入单元格的图片），不能作为文字导入。请删除图片，填写文字或留空；图片请作为附件上传"
        .to_owned()
}

fn is_picture_formula(text: &str) -> bool {
    let text = text.trim().trim_start_matches('=');
    let text = text.strip_prefix("_xlfn.").unwrap_or(text);
    ["DISPIMG(", "IMAGE("].iter().any(|f| text.get(..f.len()).is_some_and(|t| t.eq_ignore_ascii_case(f)))
}

/// A line of the file that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number in the file, from 1.
    pub number: usize,
    /// Its cells, from the first column on.
    pub cells: Vec<Cell>,
}

/// How many rows a file may have below its heads, and the sentence for one that has more.
#[derive(Debug, Clone)]
pub struct Most {
    /// So many.
    pub rows: usize,
    /// What to do about it.
    pub why: String,
}

/// What the user wants to have read of a workbook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The name of a sheet; empty = the one that the template fills in, or the one that is shown first.
    pub sheet: String,
    /// Hidden rows and columns, too.
    pub with_hidden: bool,
}

/// What was read of a file and what was not, for the user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The sheet that was read; empty = the file is no workbook.
    pub sheet: String,
    /// Other sheets that everybody sees and that hold something.
    pub others: Vec<String>,
    /// Hidden sheets that hold something.
    pub hidden_sheets: Vec<String>,
    /// The first hidden rows that hold something: their numbers and what stands in them.
    pub hidden_rows: Vec<(usize, String)>,
    /// How many hidden rows hold something.
    pub hidden_row_count: usize,
    /// Hidden columns that hold something: letter and title.
    pub hidden_columns: Vec<String>,
    /// Hidden rows and columns were read, because the user wants it.
    pub with_hidden: bool,
    /// Merged areas whose content stands in each of their rows now.
    pub merged: Vec<String>,
    /// Pictures that lie on the sheet.
    pub pictures: usize,
}

impl Seen {
    /// Whether rows or columns are hidden.
    pub const fn has_hidden(&self) -> bool {
        self.hidden_row_count > 0 || !self.hidden_columns.is_empty()
    }

    /// Whether somebody has to look at what was not read before anything is added.
    pub const fn must_be_confirmed(&self) -> bool {
        self.has_hidden() || !self.others.is_empty() || !self.hidden_sheets.is_empty() || self.pictures > 0
    }

    /// What was left out or filled in, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let quoted = |names: &[String]| names.iter().map(|n| format!("“{n}”")).collect::<Vec<_>>().join("、");
        if !self.others.is_empty() {
            notes.push(format!("只读取了工作表“{}”；工作表{}也有内容，没有读取", self.sheet, quoted(&self.others)));
        }
        if !self.hidden_sheets.is_empty() {
            notes.push(format!(
                "隐藏的工作表{}有内容，没有读取；需要时请在 Excel 中取消隐藏后重新上传",
                quoted(&self.hidden_sheets)
            ));
        }
        let done = if self.with_hidden { "已按您的选择一并读取" } else { "没有读取" };
        if self.hidden_row_count > 0 {
            let mut rows = String::new();
            for (n, (row, content)) in self.hidden_rows.iter().enumerate() {
                let _ = write!(rows, "{}第 {row} 行（{content}）", if n > 0 { "、" } else { "" });
            }
            let more = if self.hidden_row_count > self.hidden_rows.len() { "等" } else { "" };
            notes.push(format!("有 {} 行因筛选或手工隐藏而不显示，{done}：{rows}{more}", self.hidden_row_count));
        }
        if !self.hidden_columns.is_empty() {
            notes.push(format!(
                "有 {} 列是隐藏的，{done}：{}",
                self.hidden_columns.len(),
                self.hidden_columns.join("、")
            ));
        }
        if !self.merged.is_empty() {
            notes.push(format!("合并单元格 {} 的内容已填入其中各行", self.merged.join("、")));
        }
        if self.pictures > 0 {
            notes.push(format!("工作表中有 {} 张图片，没有读取；图片请作为附件上传", self.pictures));
        }
        notes
    }

    /// What stands beside the success, in short: the sheet that was read, and what was done to it.
    pub fn said(&self) -> String {
        let mut said =
            if self.sheet.is_empty() { String::new() } else { format!("读取的工作表：“{}”。", self.sheet) };
        if self.has_hidden() {
            let done = if self.with_hidden { "已一并读取" } else { "没有读取" };
            let _ = write!(said, "隐藏的 {} 行、{} 列{done}。", self.hidden_row_count, self.hidden_columns.len());
        }
        if !self.merged.is_empty() {
            let named = self.merged.iter().take(NAMED_IN_SHORT).cloned().collect::<Vec<_>>().join("、");
            let more = if self.merged.len() > NAMED_IN_SHORT { "等" } else { "" };
            let _ = write!(said, "合并单元格 {named}{more} 的内容已填入其中各行。");
        }
        said
    }
}

/// A table that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its lines.
    pub rows: Vec<Row>,
    /// What was read and what was not.
    pub seen: Seen,
}

/// Reads a table by its first bytes; the sentence says what to do with one that cannot be read.
pub fn read(content: &[u8], most: &Most, asked: &Asked) -> Result<Table, String> {
    let table = if content.starts_with(b"PK") {
        match kind::of_zip(content).ok_or_else(broken)? {
            kind::Packed::Xlsx => xlsx::read(content, most, asked)?,
            kind::Packed::Other(what) => return Err(what.to_owned()),
        }
    } else if let Some(what) = kind::plain(content) {
        return Err(what.to_owned());
    } else {
        Table { rows: csv::read(content, most)?, seen: Seen::default() }
    };
    if table.rows.is_empty() && !table.seen.has_hidden() {
        Err("文件中没有内容，请使用模板填写后再上传".to_owned())
    } else {
        Ok(table)
    }
}

fn too_many_columns() -> String {
    format!("文件超过 {MOST_COLUMNS} 列，请使用模板填写后再上传")
}

fn broken() -> String {
    "文件无法读取，可能已损坏，请在 Excel 中打开并重新保存为 .xlsx 后再上传".to_owned()
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

#[cfg(test)]
mod tests;

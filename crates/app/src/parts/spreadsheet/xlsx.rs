//! The reader of workbooks. It reads the parts of the file itself, one event of XML after the other, because a table must
//! say more than values: which rows, columns and sheets are hidden, what is merged, and how a number is shown.
//!
//! What a file may cost is limited here, whatever it says of itself: the bytes that are unpacked, the size of one event,
//! the cells and the text that are kept.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, BufReader, Cursor, Read};

use domain::time::Day;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::{
    Asked, Cell, HELPERS, LISTED_HIDDEN, MOST_COLUMNS, Most, Number, Row, SHEET, Seen, Table, broken, decimal,
    number_format, picture, too_many_columns,
};

/// All parts that are read together may unpack to this. A million formatted rows without content take 85 MB.
const UNPACKED_BYTES: u64 = 256 * 1024 * 1024;
/// The same for the texts of all cells, which stay in memory.
const TEXT_BYTES: u64 = 64 * 1024 * 1024;
/// One tag, or one piece of text, may be so large.
const EVENT_BYTES: u64 = 8 * 1024 * 1024;
/// Characters of a cell, in Excel.
const CELL_CHARS: usize = 32_767;
/// More is not collected of a text that is too long already.
const CELL_BYTES: usize = 512 * 1024;
/// So many cells with content are kept.
const MOST_CELLS: usize = 1_000_000;
/// So many merged areas are looked at, and so many cells of them are filled.
const MOST_MERGED: usize = 50_000;
const MOST_FILLED: usize = 2_000_000;
/// So many merged areas are named.
const NAMED_MERGED: usize = 20;
/// WPS keeps pictures of cells on a sheet of this name.
const RESERVED: &str = "WpsReserved_";
/// The days from the beginning of Excel's calendar to that of a Macintosh.
const MACINTOSH_DAYS: i64 = 1_462;

/// Why a part cannot be read.
enum Fault {
    Broken,
    /// It unpacks to more than is taken.
    TooLarge,
    Said(String),
}

type Outcome<T> = Result<T, Fault>;

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Walk {
    On,
    Stop,
}

/// Counts what is read, all in all and of one event.
struct Metered<'a, R> {
    inner: BufReader<R>,
    left: &'a mut u64,
    left_of_event: u64,
    is_over: bool,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let n = available.len().min(into.len());
        into[..n].copy_from_slice(&available[..n]);
        self.consume(n);
        Ok(n)
    }
}

impl<R: Read> BufRead for Metered<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if *self.left == 0 || self.left_of_event == 0 {
            self.is_over = true;
            return Err(io::Error::other("the part is too large"));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.inner.consume(n);
        let n = n as u64;
        *self.left = self.left.saturating_sub(n);
        self.left_of_event = self.left_of_event.saturating_sub(n);
    }
}

/// Shows every event of a part.
fn walk(part: impl Read, left: &mut u64, mut visit: impl FnMut(&Event<'_>) -> Outcome<Walk>) -> Outcome<()> {
    let inner = BufReader::with_capacity(64 * 1024, part);
    let mut xml = Reader::from_reader(Metered { inner, left, left_of_event: EVENT_BYTES, is_over: false });
    let config = xml.config_mut();
    config.expand_empty_elements = true;
    config.check_end_names = false;
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        xml.get_mut().left_of_event = EVENT_BYTES;
        match xml.read_event_into(&mut buffer) {
            Ok(Event::Eof) => return Ok(()),
            Ok(event) => {
                if visit(&event)? == Walk::Stop {
                    return Ok(());
                }
            }
            Err(_) if xml.get_mut().is_over => return Err(Fault::TooLarge),
            Err(_) => return Err(Fault::Broken),
        }
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().with_checks(false).flatten().find(|a| a.key.local_name().as_ref() == name)?;
    Some(found.normalized_value(XmlVersion::Implicit1_0).ok()?.into_owned())
}

fn is_true(value: &str) -> bool {
    matches!(value, "1" | "true" | "on")
}

/// The text of an event, where it has one.
fn append(into: &mut String, event: &Event<'_>) -> Outcome<()> {
    if into.len() > CELL_BYTES {
        return Ok(());
    }
    match event {
        Event::Text(text) => into.push_str(text),
        Event::CData(text) => into.push_str(text),
        Event::GeneralRef(reference) => match reference.resolve_char_ref() {
            Ok(Some(c)) => into.push(c),
            Ok(None) => {
                let known = quick_xml::escape::resolve_predefined_entity(reference).ok_or(Fault::Broken)?;
                into.push_str(known);
            }
            Err(_) => return Err(Fault::Broken),
        },
        _ => {}
    }
    Ok(())
}

/// `_x000D_` stands for a character that XML does not hold, `_x005F_` for the underscore before such a code.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let code = rest.get(at + 2..at + 6).filter(|c| c.bytes().all(|b| b.is_ascii_hexdigit()));
        let ends = rest.get(at + 6..at + 7) == Some("_");
        let found = code.filter(|_| ends).and_then(|c| u32::from_str_radix(c, 16).ok()).and_then(char::from_u32);
        let taken = if found.is_some() { at + 7 } else { at + 2 };
        out.push_str(&rest[..if found.is_some() { at } else { taken }]);
        out.extend(found);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    out
}

/// The file, with what may still be unpacked of it.
struct Package<'a> {
    archive: zip::ZipArchive<Cursor<&'a [u8]>>,
    places: HashMap<String, usize>,
    left: u64,
}

impl<'a> Package<'a> {
    fn open(content: &'a [u8]) -> Outcome<Self> {
        let archive = zip::ZipArchive::new(Cursor::new(content)).map_err(|_| Fault::Broken)?;
        let places = archive
            .file_names()
            .enumerate()
            .filter_map(|(n, name)| Some((name.ok()?.replace('\\', "/").to_ascii_lowercase(), n)))
            .collect();
        Ok(Self { archive, places, left: UNPACKED_BYTES })
    }

    /// Walks through a part, of at most so many bytes; a part that is not there is empty.
    fn walk(&mut self, path: &str, limit: u64, visit: impl FnMut(&Event<'_>) -> Outcome<Walk>) -> Outcome<()> {
        let Some(at) = self.places.get(&path.to_ascii_lowercase()) else { return Ok(()) };
        let part = self.archive.by_index(*at).map_err(|_| Fault::Broken)?;
        let mut left = self.left.min(limit);
        let before = left;
        let outcome = walk(part, &mut left, visit);
        self.left -= before - left;
        outcome
    }

    /// What a part refers to: the kind and the path, by id.
    fn relations(&mut self, path: &str) -> Outcome<HashMap<String, (String, String)>> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let slash = if folder.is_empty() { "" } else { "/" };
        let mut found = HashMap::new();
        self.walk(&format!("{folder}{slash}_rels/{name}.rels"), TEXT_BYTES, |event| {
            if let Event::Start(tag) = event
                && tag.local_name().as_ref() == "Relationship"
                && let (Some(id), Some(kind), Some(target)) =
                    (attribute(tag, "Id"), attribute(tag, "Type"), attribute(tag, "Target"))
            {
                let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                found.insert(id, (kind, joined(folder, &target)));
            }
            Ok(Walk::On)
        })?;
        Ok(found)
    }
}

/// The path of a part that another one in `folder` names.
fn joined(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let (mut steps, rest) = match target.strip_prefix('/') {
        Some(rest) => (Vec::new(), rest),
        None => (folder.split('/').filter(|s| !s.is_empty()).collect::<Vec<_>>(), target.as_str()),
    };
    for step in rest.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop();
            }
            step => steps.push(step),
        }
    }
    steps.join("/")
}

struct Sheet {
    name: String,
    path: String,
    is_hidden: bool,
}

/// What all sheets share.
struct Shared {
    texts: Texts,
    formats: Formats,
    is_macintosh: bool,
}

/// The texts of cells, each once.
#[derive(Default)]
struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    fn get(&self, n: usize) -> Option<&str> {
        let end = *self.ends.get(n)?;
        let start = n.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.all.get(start..end)
    }

    fn read(package: &mut Package<'_>, path: &str) -> Outcome<Self> {
        let mut texts = Self::default();
        let mut text = String::new();
        let (mut in_text, mut in_phonetic) = (false, false);
        let outcome = package.walk(path, TEXT_BYTES, |event| {
            match event {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "si" => text.clear(),
                    "t" => in_text = !in_phonetic,
                    "rPh" => in_phonetic = true,
                    _ => {}
                },
                Event::End(tag) => match tag.local_name().as_ref() {
                    "t" => in_text = false,
                    "rPh" => in_phonetic = false,
                    "si" => {
                        texts.all.push_str(&text);
                        texts.ends.push(texts.all.len());
                    }
                    _ => {}
                },
                other if in_text => append(&mut text, other)?,
                _ => {}
            }
            Ok(Walk::On)
        });
        match outcome {
            Err(Fault::TooLarge) => {
                Err(Fault::Said("文件中的文字过多，请新建工作簿，只复制要导入的表后再上传".to_owned()))
            }
            other => other.map(|()| texts),
        }
    }
}

/// How numbers are shown, by the style of their cell.
#[derive(Default)]
struct Formats {
    of_style: Vec<u32>,
    codes: HashMap<u32, String>,
}

impl Formats {
    fn read(package: &mut Package<'_>, path: &str) -> Outcome<Self> {
        let mut formats = Self::default();
        let mut in_styles = false;
        package.walk(path, TEXT_BYTES, |event| {
            match event {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "numFmt" => {
                        let id = attribute(tag, "numFmtId").and_then(|id| id.parse().ok());
                        if let (Some(id), Some(code)) = (id, attribute(tag, "formatCode")) {
                            formats.codes.insert(id, code);
                        }
                    }
                    "cellXfs" => in_styles = true,
                    "xf" if in_styles => {
                        let id = attribute(tag, "numFmtId").and_then(|id| id.parse().ok());
                        formats.of_style.push(id.unwrap_or_default());
                    }
                    _ => {}
                },
                Event::End(tag) if tag.local_name().as_ref() == "cellXfs" => in_styles = false,
                _ => {}
            }
            Ok(Walk::On)
        })?;
        Ok(formats)
    }

    fn code(&self, style: usize) -> Option<&str> {
        let id = self.of_style.get(style).copied().unwrap_or_default();
        self.codes.get(&id).map(String::as_str).or_else(|| number_format::built_in(id))
    }
}

/// Reads the sheet that is asked for, or the one that the file itself puts first.
pub(super) fn read(content: &[u8], most: &Most, asked: &Asked) -> Result<Table, String> {
    read_book(content, most, asked).map_err(|fault| match fault {
        Fault::Broken => broken(),
        Fault::TooLarge => "文件解开后的内容过多，请新建工作簿，只复制要导入的表后再上传".to_owned(),
        Fault::Said(why) => why,
    })
}

fn read_book(content: &[u8], most: &Most, asked: &Asked) -> Outcome<Table> {
    let mut package = Package::open(content)?;
    let root = package.relations("")?;
    let path = root.into_values().find(|(kind, _)| kind == "officeDocument").map(|(_, path)| path);
    let path = path.unwrap_or_else(|| "xl/workbook.xml".to_owned());
    let relations = package.relations(&path)?;
    let (sheets, active, is_macintosh) = sheets(&mut package, &path, &relations)?;
    let of_kind = |kind: &str| relations.values().find(|(k, _)| k == kind).map(|(_, path)| path.clone());
    let texts = match of_kind("sharedStrings") {
        Some(path) => Texts::read(&mut package, &path)?,
        None => Texts::default(),
    };
    let formats = match of_kind("styles") {
        Some(path) => Formats::read(&mut package, &path)?,
        None => Formats::default(),
    };
    let shared = Shared { texts, formats, is_macintosh };

    // The sheet of the template, else the one that is shown when the file is opened, else the first one.
    let mut order: Vec<&Sheet> = sheets.iter().filter(|s| !s.is_hidden && s.name == SHEET).collect();
    order.extend(active.and_then(|n| sheets.get(n)).filter(|s| !s.is_hidden));
    order.extend(sheets.iter().filter(|s| !s.is_hidden));
    let chosen = if asked.sheet.is_empty() {
        let mut found = None;
        for sheet in order {
            if has_content(&mut package, &shared, sheet)? {
                found = Some(sheet);
                break;
            }
        }
        found
    } else {
        let found = sheets.iter().find(|s| !s.is_hidden && s.name == asked.sheet);
        Some(found.ok_or_else(|| Fault::Said(format!("文件中没有名为“{}”的工作表，请重新选择", asked.sheet)))?)
    };
    let mut hidden_sheets = Vec::new();
    for sheet in sheets.iter().filter(|s| s.is_hidden && !s.name.starts_with(RESERVED)) {
        if has_content(&mut package, &shared, sheet)? {
            hidden_sheets.push(sheet.name.clone());
        }
    }
    let Some(chosen) = chosen else {
        return Err(Fault::Said(match hidden_sheets.first() {
            Some(name) => {
                format!("文件中有内容的工作表“{name}”是隐藏的，没有读取。请在 Excel 中取消隐藏该工作表，保存后重新上传")
            }
            None => "文件中没有内容，请使用模板填写后再上传".to_owned(),
        }));
    };
    let mut others = Vec::new();
    for sheet in sheets.iter().filter(|s| !s.is_hidden && s.name != chosen.name) {
        let is_helper = chosen.name == SHEET && HELPERS.contains(&sheet.name.as_str());
        if !is_helper && has_content(&mut package, &shared, sheet)? {
            others.push(sheet.name.clone());
        }
    }
    let mut grid = Grid::new(&shared, most, asked.with_hidden, false);
    let outcome = package.walk(&chosen.path, UNPACKED_BYTES, |event| grid.visit(event));
    outcome.map_err(|fault| of_sheet(fault, chosen))?;
    let drawing = grid.drawing.take();
    let (rows, mut seen) = grid.finish()?;
    seen.sheet.clone_from(&chosen.name);
    seen.others = others;
    seen.hidden_sheets = hidden_sheets;
    seen.pictures = match drawing {
        Some(id) => pictures(&mut package, &chosen.path, &id)?,
        None => 0,
    };
    Ok(Table { rows, seen })
}

/// The sheets of tables, which of them is shown when the file is opened, and whether its days begin with 1904.
fn sheets(
    package: &mut Package<'_>,
    path: &str,
    relations: &HashMap<String, (String, String)>,
) -> Outcome<(Vec<Sheet>, Option<usize>, bool)> {
    let (mut all, mut active, mut is_macintosh) = (Vec::new(), 0, false);
    package.walk(path, TEXT_BYTES, |event| {
        let Event::Start(tag) = event else { return Ok(Walk::On) };
        match tag.local_name().as_ref() {
            "workbookPr" => is_macintosh = attribute(tag, "date1904").is_some_and(|v| is_true(&v)),
            "workbookView" => {
                active = attribute(tag, "activeTab").and_then(|n| n.parse().ok()).unwrap_or_default();
            }
            "sheet" => {
                let place = attribute(tag, "id").and_then(|id| relations.get(&id));
                let is_table = place.is_some_and(|(kind, _)| kind == "worksheet");
                all.push((
                    is_table,
                    Sheet {
                        name: attribute(tag, "name").map(|n| unescaped(&n)).unwrap_or_default(),
                        path: place.map(|(_, path)| path.clone()).unwrap_or_default(),
                        is_hidden: attribute(tag, "state").is_some_and(|s| s != "visible"),
                    },
                ));
            }
            _ => {}
        }
        Ok(Walk::On)
    })?;
    let active: usize = active;
    let shown = all.get(active).filter(|(is_table, _)| *is_table).map(|(_, s)| s.path.clone());
    let sheets: Vec<_> = all.into_iter().filter(|(is_table, _)| *is_table).map(|(_, sheet)| sheet).collect();
    let active = shown.and_then(|path| sheets.iter().position(|s| s.path == path));
    Ok((sheets, active, is_macintosh))
}

/// What to do about a sheet that is too large.
fn of_sheet(fault: Fault, sheet: &Sheet) -> Fault {
    match fault {
        Fault::TooLarge => Fault::Said(format!(
            "工作表“{}”太大：有内容的行以外还有大量设了格式的空行或空单元格。请新建工作簿，只复制有内容的行，以“值”粘贴后\
             保存，再上传",
            sheet.name
        )),
        Fault::Broken | Fault::Said(_) => fault,
    }
}

/// Whether a sheet has a cell that is not blank, visible or not.
fn has_content(package: &mut Package<'_>, shared: &Shared, sheet: &Sheet) -> Outcome<bool> {
    let most = Most { rows: 1, why: String::new() };
    let mut grid = Grid::new(shared, &most, true, true);
    let outcome = package.walk(&sheet.path, UNPACKED_BYTES, |event| grid.visit(event));
    outcome.map_err(|fault| of_sheet(fault, sheet))?;
    Ok(!grid.rows.is_empty())
}

/// How many pictures lie on a sheet.
fn pictures(package: &mut Package<'_>, sheet: &str, id: &str) -> Outcome<usize> {
    let Some((_, path)) = package.relations(sheet)?.remove(id) else { return Ok(0) };
    let mut count = 0;
    package.walk(&path, TEXT_BYTES, |event| {
        if let Event::Start(tag) = event
            && tag.local_name().as_ref() == "pic"
        {
            count += 1;
        }
        Ok(Walk::On)
    })?;
    Ok(count)
}

/// A cell as the file has it.
#[derive(Default)]
struct Raw {
    at: (u32, u32),
    style: usize,
    kind: String,
    value: String,
    formula: Option<String>,
    /// It holds something that is no value: a picture, for example.
    is_rich: bool,
}

#[derive(Clone, Copy)]
struct Area {
    top: u32,
    left: u32,
    bottom: u32,
    right: u32,
}

#[derive(Default)]
struct GridRow {
    is_hidden: bool,
    cells: BTreeMap<u32, Cell>,
}

/// Where in a cell the reader is.
#[derive(PartialEq, Eq)]
enum Inside {
    Nothing,
    Value,
    Formula,
    Text,
}

/// A sheet while it is read.
struct Grid<'a> {
    shared: &'a Shared,
    most: &'a Most,
    with_hidden: bool,
    /// One cell is enough.
    only_first: bool,
    row: u32,
    column: u32,
    row_is_hidden: bool,
    cell: Option<Raw>,
    inside: Inside,
    in_phonetic: bool,
    rows: BTreeMap<u32, GridRow>,
    cells: usize,
    text_bytes: usize,
    shown_rows: usize,
    kept_hidden: usize,
    /// The last of the hidden rows that are counted and not kept, and how many they are.
    dropped: (Option<u32>, usize),
    hidden_columns: Vec<(u32, u32)>,
    merged: Vec<Area>,
    drawing: Option<String>,
}

impl<'a> Grid<'a> {
    const fn new(shared: &'a Shared, most: &'a Most, with_hidden: bool, only_first: bool) -> Self {
        Self {
            shared,
            most,
            with_hidden,
            only_first,
            row: 0,
            column: 0,
            row_is_hidden: false,
            cell: None,
            inside: Inside::Nothing,
            in_phonetic: false,
            rows: BTreeMap::new(),
            cells: 0,
            text_bytes: 0,
            shown_rows: 0,
            kept_hidden: 0,
            dropped: (None, 0),
            hidden_columns: Vec::new(),
            merged: Vec::new(),
            drawing: None,
        }
    }

    fn visit(&mut self, event: &Event<'_>) -> Outcome<Walk> {
        match event {
            Event::Start(tag) => self.begin(tag)?,
            Event::End(tag) => match tag.local_name().as_ref() {
                "v" | "f" | "t" => self.inside = Inside::Nothing,
                "rPh" => self.in_phonetic = false,
                "c" => {
                    self.keep()?;
                    if self.only_first && !self.rows.is_empty() {
                        return Ok(Walk::Stop);
                    }
                }
                "row" => self.row = self.row.saturating_add(1),
                "sheetData" if self.only_first => return Ok(Walk::Stop),
                _ => {}
            },
            other => {
                if let Some(cell) = &mut self.cell {
                    match self.inside {
                        Inside::Nothing => {}
                        Inside::Value | Inside::Text => append(&mut cell.value, other)?,
                        Inside::Formula => append(cell.formula.get_or_insert_default(), other)?,
                    }
                }
            }
        }
        Ok(Walk::On)
    }

    fn begin(&mut self, tag: &BytesStart<'_>) -> Outcome<()> {
        match tag.local_name().as_ref() {
            "row" => self.begin_row(tag),
            "c" => self.begin_cell(tag)?,
            "v" => self.inside = Inside::Value,
            "f" => {
                self.inside = Inside::Formula;
                if let Some(cell) = &mut self.cell {
                    cell.formula.get_or_insert_default();
                }
            }
            "t" if !self.in_phonetic => self.inside = Inside::Text,
            "rPh" => self.in_phonetic = true,
            "col" => {
                let number = |name| attribute(tag, name).and_then(|n| n.parse::<u32>().ok());
                let is_hidden = attribute(tag, "hidden").is_some_and(|v| is_true(&v))
                    || attribute(tag, "width").is_some_and(|w| is_zero(&w));
                if let (true, Some(from), Some(to)) = (is_hidden, number("min"), number("max"))
                    && self.hidden_columns.len() < MOST_MERGED
                {
                    self.hidden_columns.push((from.saturating_sub(1), to.saturating_sub(1)));
                }
            }
            "mergeCell" => {
                if let Some(area) = attribute(tag, "ref").as_deref().and_then(area) {
                    if self.merged.len() == MOST_MERGED {
                        return Err(Fault::Said("合并的单元格过多，请取消合并后再上传".to_owned()));
                    }
                    self.merged.push(area);
                }
            }
            "drawing" => self.drawing = attribute(tag, "id"),
            _ => {}
        }
        Ok(())
    }

    fn begin_row(&mut self, tag: &BytesStart<'_>) {
        self.column = 0;
        self.row_is_hidden = false;
        for attribute in tag.attributes().with_checks(false).flatten() {
            match attribute.key.local_name().as_ref() {
                "r" => {
                    if let Some(number) = attribute.value.trim().parse::<u32>().ok().and_then(|n| n.checked_sub(1)) {
                        self.row = number;
                    }
                }
                "hidden" => self.row_is_hidden |= is_true(&attribute.value),
                "ht" => self.row_is_hidden |= is_zero(&attribute.value),
                _ => {}
            }
        }
    }

    fn begin_cell(&mut self, tag: &BytesStart<'_>) -> Outcome<()> {
        let mut cell = Raw { at: (self.row, self.column), ..Raw::default() };
        for attribute in tag.attributes().with_checks(false).flatten() {
            match attribute.key.local_name().as_ref() {
                "r" => cell.at = place(&attribute.value).ok_or(Fault::Broken)?,
                "s" => cell.style = attribute.value.parse().unwrap_or_default(),
                "t" => cell.kind = attribute.value.to_string(),
                "vm" => cell.is_rich = true,
                _ => {}
            }
        }
        self.column = cell.at.1.saturating_add(1);
        self.inside = Inside::Nothing;
        self.cell = Some(cell);
        Ok(())
    }

    /// Takes the cell that ends, unless it is blank.
    fn keep(&mut self) -> Outcome<()> {
        let Some(raw) = self.cell.take() else { return Ok(()) };
        self.in_phonetic = false;
        let (row, column) = raw.at;
        let cell = self.cell_of(&raw)?;
        if cell.is_blank() {
            return Ok(());
        }
        if self.only_first {
            self.rows.entry(row).or_default();
            return Ok(());
        }
        if column >= MOST_COLUMNS {
            return Err(Fault::Said(too_many_columns()));
        }
        let is_hidden = self.row_is_hidden;
        if !self.rows.contains_key(&row) {
            if is_hidden && !self.with_hidden {
                if self.kept_hidden > self.most.rows {
                    if self.dropped.0 != Some(row) {
                        self.dropped = (Some(row), self.dropped.1 + 1);
                    }
                    return Ok(());
                }
                self.kept_hidden += 1;
            } else {
                self.shown_rows += 1;
                if self.shown_rows > self.most.rows + 1 {
                    return Err(Fault::Said(self.most.why.clone()));
                }
            }
        }
        self.cells += 1;
        if let Cell::Text(text) = &cell {
            self.text_bytes += text.len();
        }
        if self.cells > MOST_CELLS || self.text_bytes as u64 > TEXT_BYTES {
            return Err(Fault::Said("工作表的内容过多，请分成几个文件上传".to_owned()));
        }
        let kept = self.rows.entry(row).or_default();
        kept.is_hidden = is_hidden;
        kept.cells.insert(column, cell);
        Ok(())
    }

    fn cell_of(&self, raw: &Raw) -> Outcome<Cell> {
        let formula = raw.formula.as_deref().unwrap_or_default();
        if super::is_picture_formula(formula) {
            return Ok(Cell::Unreadable(picture()));
        }
        let text = |text: &str| {
            if text.chars().nth(CELL_CHARS).is_some() {
                return Cell::Unreadable(format!("单元格中的文字超过 {CELL_CHARS} 个字，请缩短"));
            }
            Cell::of_text(&unescaped(text))
        };
        let date = |day: Option<Day>| {
            let why = "单元格是日期或时间格式（Excel 会把“3-4”变成日期），请把单元格格式改为“文本”后重新填写";
            match day {
                Some(day) => Cell::Day(day.to_string(), why.to_owned()),
                None => Cell::Unreadable(why.to_owned()),
            }
        };
        Ok(match raw.kind.as_str() {
            "s" | "b" if raw.value.trim().is_empty() => Cell::blank(),
            "s" => {
                let n = raw.value.trim().parse().map_err(|_| Fault::Broken)?;
                text(self.shared.texts.get(n).ok_or(Fault::Broken)?)
            }
            "str" | "inlineStr" => text(&raw.value),
            "b" => Cell::Text(if is_true(raw.value.trim()) { "TRUE" } else { "FALSE" }.to_owned()),
            "e" if raw.is_rich => Cell::Unreadable(picture()),
            "e" => {
                let error: String = raw.value.trim().chars().take(20).collect();
                Cell::Unreadable(format!("公式的结果是错误值 {error}，请改为填写内容"))
            }
            "d" => date(raw.value.get(..10).and_then(|day| day.parse().ok())),
            _ if raw.value.trim().is_empty() && raw.formula.is_some() => {
                Cell::Unreadable("公式还没有计算结果，请在 Excel 中打开并保存，或改为填写数值".to_owned())
            }
            _ if raw.value.trim().is_empty() => Cell::blank(),
            _ => {
                let Some(number) = raw.value.trim().parse::<f64>().ok().filter(|n| n.is_finite()) else {
                    return Ok(text(&raw.value));
                };
                let value = decimal(number);
                let code = self.shared.formats.code(raw.style);
                if code.is_some_and(|code| number_format::shown(&value, code) == number_format::Shown::Date) {
                    date(self.day_of(&value))
                } else {
                    Cell::Number(Box::new(Number::new(value, code)))
                }
            }
        })
    }

    /// The day that a number stands for; none when it has a time, too.
    fn day_of(&self, value: &str) -> Option<Day> {
        let n: i64 = value.parse().ok().filter(|n| (0..=2_958_465).contains(n))?;
        let start: Day = "1899-12-30".parse().ok()?;
        let n = if self.shared.is_macintosh {
            n + MACINTOSH_DAYS
        } else if n < 60 {
            // Excel believes in a 29 February 1900.
            n + 1
        } else {
            n
        };
        (n > 0).then(|| start.plus_days(n))
    }

    /// The rows, and what is to be said of them.
    fn finish(mut self) -> Outcome<(Vec<Row>, Seen)> {
        let mut seen = Seen { with_hidden: self.with_hidden, ..Seen::default() };
        self.fill_merged(&mut seen)?;
        for (number, row) in self.rows.iter().filter(|(_, row)| row.is_hidden) {
            seen.hidden_row_count += 1;
            if seen.hidden_rows.len() < LISTED_HIDDEN {
                seen.hidden_rows.push((place_of(*number) + 1, excerpt(row)));
            }
        }
        seen.hidden_row_count += self.dropped.1;
        if !self.with_hidden {
            self.rows.retain(|_, row| !row.is_hidden);
        }
        self.hide_columns(&mut seen);
        let rows = self
            .rows
            .into_iter()
            .filter(|(_, row)| !row.cells.is_empty())
            .map(|(number, mut row)| {
                let last = row.cells.keys().next_back().copied().unwrap_or_default();
                let cells = (0..=last).map(|column| row.cells.remove(&column).unwrap_or_else(Cell::blank)).collect();
                Row { number: place_of(number) + 1, cells }
            })
            .collect();
        Ok((rows, seen))
    }

    /// The content of a merged area belongs to each of its rows; beside its first column it could mean anything.
    fn fill_merged(&mut self, seen: &mut Seen) -> Outcome<()> {
        let head = self.rows.iter().find(|(_, row)| self.with_hidden || !row.is_hidden).map(|(number, _)| *number);
        let Some(head) = head else { return Ok(()) };
        let titled: Vec<u32> = self.rows.get(&head).map(|r| r.cells.keys().copied().collect()).unwrap_or_default();
        let (mut visited, mut more) = (0, false);
        let merged = std::mem::take(&mut self.merged);
        for area in merged.iter().filter(|a| a.top > head && (a.bottom > a.top || a.right > a.left)) {
            let Some(first) = self.rows.get(&area.top).and_then(|r| r.cells.get(&area.left)).cloned() else { continue };
            let mut is_filled = false;
            for (number, row) in self.rows.range_mut(area.top..=area.bottom) {
                visited += 1;
                if *number > area.top && !row.cells.contains_key(&area.left) {
                    row.cells.insert(area.left, Cell::Merged(Box::new(first.clone())));
                    is_filled = true;
                }
                for column in titled.iter().filter(|c| **c > area.left && **c <= area.right) {
                    visited += 1;
                    let why = "与左侧的单元格合并，不能确定内容，请取消合并后在每一格填写".to_owned();
                    row.cells.entry(*column).or_insert(Cell::Unreadable(why));
                }
            }
            if visited > MOST_FILLED {
                return Err(Fault::Said("合并的单元格过多，请取消合并后再上传".to_owned()));
            }
            if is_filled && seen.merged.len() < NAMED_MERGED {
                seen.merged.push(name_of(*area));
            } else {
                more |= is_filled;
            }
        }
        if more {
            seen.merged.push("等".to_owned());
        }
        // An amount stands for its row, so the first cell of a merged one is no more certain than the others.
        for area in merged.iter().filter(|a| a.top > head && a.bottom > a.top) {
            let covers_others = self.rows.range(area.top + 1..=area.bottom).next().is_some();
            if covers_others
                && let Some(cell) = self.rows.get_mut(&area.top).and_then(|r| r.cells.get_mut(&area.left))
                && !matches!(cell, Cell::Merged(_))
            {
                *cell = Cell::Merged(Box::new(std::mem::replace(cell, Cell::blank())));
            }
        }
        Ok(())
    }

    fn hide_columns(&mut self, seen: &mut Seen) {
        let is_hidden = |column: u32| self.hidden_columns.iter().any(|(from, to)| (*from..=*to).contains(&column));
        let head = self.rows.values().next();
        let mut hidden = Vec::new();
        for column in (0..MOST_COLUMNS).filter(|c| is_hidden(*c)) {
            if self.rows.values().any(|row| row.cells.contains_key(&column)) {
                let title = head.and_then(|r| r.cells.get(&column)).and_then(|c| c.line().ok()).unwrap_or_default();
                let letter = letters(column);
                let title: String = title.chars().take(20).collect();
                let title = if title.is_empty() { String::new() } else { format!("“{title}”") };
                seen.hidden_columns.push(format!("{letter} 列{title}"));
                hidden.push(column);
            }
        }
        if !self.with_hidden {
            for row in self.rows.values_mut() {
                for column in &hidden {
                    row.cells.remove(column);
                }
            }
        }
    }
}

fn place_of(row: u32) -> usize {
    usize::try_from(row).unwrap_or_default()
}

/// The first words of a row, by which people know it.
fn excerpt(row: &GridRow) -> String {
    let texts = row.cells.values().filter_map(|c| c.line().or_else(|_| c.number()).ok());
    let words: Vec<String> = texts.take(3).map(|t| t.chars().take(20).collect()).collect();
    words.join("，")
}

fn is_zero(size: &str) -> bool {
    let size = size.trim();
    size.contains('0') && size.bytes().all(|b| b == b'0' || b == b'.')
}

/// Row and column of `B12`, from 0.
fn place(name: &str) -> Option<(u32, u32)> {
    let name = name.trim().replace('$', "");
    let split = name.find(|c: char| !c.is_ascii_alphabetic())?;
    let (column, row) = name.split_at(split);
    let mut at: u32 = 0;
    for letter in column.bytes() {
        at = at.checked_mul(26)?.checked_add(u32::from(letter.to_ascii_uppercase() - b'A') + 1)?;
    }
    let row: u32 = row.parse().ok()?;
    Some((row.checked_sub(1)?, at.checked_sub(1)?))
}

fn area(name: &str) -> Option<Area> {
    let (from, to) = name.split_once(':').unwrap_or((name, name));
    let ((top, left), (bottom, right)) = (place(from)?, place(to)?);
    (top <= bottom && left <= right).then_some(Area { top, left, bottom, right })
}

fn letters(column: u32) -> String {
    let column = u16::try_from(column).unwrap_or_default();
    rust_xlsxwriter::utility::column_number_to_name(column)
}

fn name_of(area: Area) -> String {
    format!("{}{}:{}{}", letters(area.left), area.top + 1, letters(area.right), area.bottom + 1)
}

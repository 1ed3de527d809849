//! The columns of a file of products: those of the product form (forms §2.7), with the 产品特性 of its HS codes.
//!
//! A row becomes the form that somebody would have typed, and the form's own rules judge it. There are no others.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use db::application::Item;
use db::reference::HsType;
use domain::application::{Application, ItemForm, MOST_ITEMS};
use domain::catalogue::CharacteristicKind;
use domain::ids::RegionCode;
use domain::text;
use domain::time::Day;
use domain::workflow::State as S;
use kit::app::Papers;
use kit::form::FormData;
use kit::reference::ReferenceCache;

use crate::application::item;
use crate::parts::spreadsheet::{Cell, Head, Row, Value, is_exponent};

/// Before the name of a 产品特性, so that it is never taken for another column.
const TRAIT: &str = "产品特性：";

/// A column of the form.
struct Field {
    name: &'static str,
    label: &'static str,
    is_required: bool,
    is_number: bool,
    help: &'static str,
    example: &'static str,
}

const fn required(name: &'static str, label: &'static str, help: &'static str, example: &'static str) -> Field {
    Field { name, label, is_required: true, is_number: false, help, example }
}

const fn number(name: &'static str, label: &'static str, help: &'static str, example: &'static str) -> Field {
    Field { name, label, is_required: true, is_number: true, help, example }
}

const fn optional(name: &'static str, label: &'static str, help: &'static str, example: &'static str) -> Field {
    Field { name, label, is_required: false, is_number: false, help, example }
}

/// Before the 产品特性, as on the form.
const BEFORE: [Field; 13] = [
    required("hs_code", "HS 编码", "10 位编码；留空时取导入页面所选的产品类型", ""),
    required("product_name", "需免办产品名称", "不超过 100 个字", "窗式空调器样机"),
    required("model", "规格型号", "不超过 200 个字", "KC-26/ZW-T1"),
    required("brand", "商标", "不超过 100 个字，没有商标请填写“无”", "无"),
    required("manufacturer", "生产厂名", "不超过 150 个字", "示例工厂"),
    required("origin_country", "原产国", "国家（地区）名称或三位字母代码", "德国"),
    number("qty", "数量/重量", "大于 0，最多 5 位小数", "12.5"),
    required("qty_unit", "数量/重量单位", "单位名称或三位代码", "台"),
    number("hs_qty", "HS 标准量", "大于 0，最多 5 位小数，以 HS 标准量单位计", "12.5"),
    optional("hs_unit", "HS 标准量单位", "由 HS 编码决定，可留空；填写时应与规定单位一致", "台"),
    number("unit_price", "单价", "最多 5 位小数", "100.2"),
    number("total_price", "总价", "最多 2 位小数", "1252.5"),
    required("currency", "币制", "三位字母代码或币种名称", "EUR"),
];

/// Behind them.
const BEHIND: [Field; 5] = [
    optional(
        "use_region_code",
        "最终使用地行政区划",
        "到最后一级的名称或 6 位代码；与使用单位地址同时留空时，取申请基本信息的产品最终使用地",
        "上海市 市辖区 浦东新区",
    ),
    optional("use_address", "使用单位地址", "2–200 个字；见上一栏", "示例科技园 3 号楼 2 层"),
    optional("serials", "序列号/零件号", "不超过 2000 个字，多个号码用分号或换行隔开", "SN-001；SN-002"),
    optional("usage_note", "用途说明", "不超过 500 个字", ""),
    optional("remark", "备注", "不超过 500 个字", ""),
];

fn fields() -> impl Iterator<Item = &'static Field> {
    BEFORE.iter().chain(&BEHIND)
}

/// A 产品特性 with its unit, as a column is called.
fn trait_label(name: &str, unit: &str) -> String {
    if unit.is_empty() { format!("{TRAIT}{name}") } else { format!("{TRAIT}{name}（{unit}）") }
}

fn star(label: &str, is_required: bool) -> String {
    if is_required { format!("{label}*") } else { label.to_owned() }
}

/// How the head of a column is recognised: whatever its width, its blanks, its star.
fn key(title: &str) -> String {
    text::fold(title).trim_end_matches('*').to_owned()
}

/// What a column means, for people: 栏目, 是否必填, 填写要求, 示例.
#[derive(Debug, Clone)]
pub struct Explained {
    /// 栏目.
    pub label: String,
    /// 是否必填.
    pub is_required: bool,
    /// 填写要求.
    pub help: String,
    /// 示例.
    pub example: String,
}

/// The columns for products of this HS type, each explained.
pub fn explained(references: &ReferenceCache, hs: &HsType) -> Vec<Explained> {
    let of = |f: &Field| Explained {
        label: f.label.to_owned(),
        is_required: f.is_required,
        help: f.help.to_owned(),
        example: match f.name {
            "hs_code" => hs.code.to_string(),
            "hs_unit" | "qty_unit" => references.unit_name(&hs.unit).to_owned(),
            _ => f.example.to_owned(),
        },
    };
    let traits = hs.characteristics.iter().map(|c| {
        let (help, example) = match c.kind {
            CharacteristicKind::Choice => {
                (format!("选择其中一项：{}", c.choices.join("、")), c.choices.first().cloned().unwrap_or_default())
            }
            CharacteristicKind::Number => (format!("数字，以{}计", c.unit), "220".to_owned()),
            CharacteristicKind::Text => ("不超过 200 个字".to_owned(), String::new()),
        };
        Explained { label: trait_label(&c.name, &c.unit), is_required: true, help, example }
    });
    around(traits, of)
}

/// The same as rows of the sheet 填写说明.
pub fn guide(columns: &[Explained]) -> Vec<Vec<String>> {
    let mut rows = vec![vec!["栏目".to_owned(), "是否必填".to_owned(), "填写要求".to_owned(), "示例".to_owned()]];
    rows.extend(columns.iter().map(|c| {
        let need = if c.is_required { "必填" } else { "选填" };
        vec![c.label.clone(), need.to_owned(), c.help.clone(), c.example.clone()]
    }));
    let notes = [
        "从“产品”工作表第 2 行起填写，每行一个产品；请不要修改第 1 行的标题，带 * 的红色栏目必填。".to_owned(),
        "只读取“产品”工作表；隐藏或被筛选掉的行和列不读取，导入前会列出。请不要合并单元格，不要在单元格中放图片。"
            .to_owned(),
        "HS 编码、型号、序列号等栏目保持“文本”格式：超过 15 位的数字存成数字格式会丢失末尾的位数，系统会指出并拒绝。"
            .to_owned(),
        "可选内容列在“选项”工作表，在单元格中也可以下拉选择。".to_owned(),
        format!("一份申请最多 {MOST_ITEMS} 个产品，文件不超过 5M。规则与产品信息页面相同。"),
    ];
    rows.extend(notes.into_iter().map(|note| vec![note]));
    rows
}

fn choices_of(references: &ReferenceCache, field: &str) -> Vec<String> {
    match field {
        "origin_country" => references.country_choices().into_iter().map(|c| c.label).collect(),
        "qty_unit" => references.unit_choices().into_iter().map(|c| c.label).collect(),
        "currency" => references.currency_choices().into_iter().map(|c| c.value).collect(),
        _ => Vec::new(),
    }
}

fn head_of(references: &ReferenceCache, f: &Field) -> Head {
    Head {
        title: star(f.label, f.is_required),
        is_required: f.is_required,
        is_text: !f.is_number,
        choices: choices_of(references, f.name),
    }
}

/// The heads of an empty file for products of this HS type.
pub fn heads(references: &ReferenceCache, hs: &HsType) -> Vec<Head> {
    let traits = hs.characteristics.iter().map(|c| Head {
        title: star(&trait_label(&c.name, &c.unit), true),
        is_required: true,
        is_text: c.kind != CharacteristicKind::Number,
        choices: c.choices.clone(),
    });
    around(traits, |f| head_of(references, f))
}

/// The columns of a row: those of the form, with the 产品特性 in their place.
fn around<T>(traits: impl Iterator<Item = T>, of: impl Fn(&Field) -> T) -> Vec<T> {
    BEFORE.iter().map(&of).chain(traits).chain(BEHIND.iter().map(&of)).collect()
}

/// The products of an application: the heads, with every 产品特性 that one of them has, and a row for each. The file can
/// be imported again.
pub fn exported(references: &ReferenceCache, items: &[Item]) -> (Vec<Head>, Vec<Vec<Value>>) {
    let mut traits: Vec<(&str, &str)> = Vec::new();
    for t in items.iter().flat_map(|i| &i.form.traits) {
        if !traits.contains(&(&t.name, &t.unit)) {
            traits.push((&t.name, &t.unit));
        }
    }
    let answers = traits.iter().map(|(name, unit)| Head {
        title: trait_label(name, unit),
        is_required: false,
        is_text: true,
        choices: Vec::new(),
    });
    let heads = around(answers, |f| head_of(references, f));
    let rows = items
        .iter()
        .map(|item| {
            let typed = item::item_fields(&item.form);
            let answer = |(name, unit): &(&str, &str)| {
                let found = item.form.traits.iter().find(|t| t.name == *name && t.unit == *unit);
                let value = found.map(|t| t.value.clone()).unwrap_or_default();
                if unit.is_empty() || value.is_empty() { Value::Text(value) } else { Value::Number(value) }
            };
            around(traits.iter().map(answer), |f| value_of(references, &item.form, &typed, f))
        })
        .collect();
    (heads, rows)
}

/// What stands in the input, and names in place of codes.
fn value_of(references: &ReferenceCache, i: &ItemForm, typed: &[(&str, String)], f: &Field) -> Value {
    let text = match f.name {
        "hs_code" => i.hs_code.to_string(),
        "origin_country" => references.country_name(i.origin_country.as_str()).to_owned(),
        "qty_unit" => references.unit_name(&i.qty_unit).to_owned(),
        "hs_unit" => references.unit_name(&i.hs_unit).to_owned(),
        "use_region_code" => references.region_path(&i.use_region),
        name => typed.iter().find(|(n, _)| *n == name).map_or_else(String::new, |(_, text)| text.clone()),
    };
    if f.is_number { Value::Number(text) } else { Value::Text(text) }
}

/// What is wrong with one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The number of the row in the file.
    pub row: usize,
    /// The label of the column.
    pub column: String,
    /// What to do.
    pub sentence: String,
}

/// A row that can be imported.
#[derive(Debug, Clone)]
pub struct Right {
    /// The number of the row in the file.
    pub row: usize,
    /// The product.
    pub item: ItemForm,
    /// What looks wrong and may be right.
    pub warnings: Vec<String>,
}

/// A file of products, judged.
#[derive(Debug, Default)]
pub struct Judged {
    /// How many products the file has.
    pub rows: usize,
    /// The rows that are right, in their order.
    pub right: Vec<Right>,
    /// Everything that is wrong, in the order of the rows.
    pub problems: Vec<Problem>,
}

/// Where the columns of the form stand in a file.
struct Layout {
    fields: HashMap<&'static str, usize>,
    /// Key, label and place of each 产品特性.
    traits: Vec<(String, String, usize)>,
}

/// Judges a file with the rules of the form, as if each row had been typed there. `Err` is what is wrong with the file as a
/// whole. `chosen` is the HS type of rows that name none.
pub fn judge(
    references: &ReferenceCache,
    papers: &dyn Papers,
    application: &Application,
    chosen: Option<&HsType>,
    today: Day,
    file: &[Row],
) -> Result<Judged, Vec<String>> {
    let Some((head, rows)) = file.split_first() else { return Err(vec!["文件中没有内容".to_owned()]) };
    let layout = Layout::of(references, head, chosen.is_some(), today)?;
    if rows.is_empty() {
        return Err(vec!["文件中只有标题，没有产品，请从第 2 行起填写".to_owned()]);
    }
    let any = references.hs_types_matching("", "", today).first().copied();
    let regions = regions(references);
    let lists = lists(references);
    let reader = RowReader { references, papers, application, chosen, any, today, layout: &layout, regions, lists };
    let mut judged = Judged { rows: rows.len(), ..Judged::default() };
    for row in rows {
        match reader.read(row) {
            Ok(right) => judged.right.push(right),
            Err(problems) => judged.problems.extend(problems),
        }
    }
    Ok(judged)
}

/// The lists of the form: the code of each entry, by whatever people write for it, folded.
fn lists(references: &ReferenceCache) -> HashMap<&'static str, HashMap<String, String>> {
    let mut units = HashMap::new();
    for u in &references.units {
        let code = u.code.as_str();
        // Excel makes 7 of 007.
        for written in [code, code.trim_start_matches('0'), &u.name] {
            units.entry(text::fold(written)).or_insert_with(|| code.to_owned());
        }
    }
    let mut countries = HashMap::new();
    for c in &references.countries {
        for written in [c.code.as_str(), &c.name] {
            countries.entry(text::fold(written)).or_insert_with(|| c.code.to_string());
        }
    }
    let mut currencies = HashMap::new();
    for c in &references.currencies {
        let label = format!("{}（{}）", c.name, c.code);
        for written in [c.code.as_str(), &c.name, &label] {
            currencies.entry(text::fold(written)).or_insert_with(|| c.code.to_string());
        }
    }
    HashMap::from([("qty_unit", units), ("origin_country", countries), ("currency", currencies)])
}

/// 行政区划, by folded path.
fn regions(references: &ReferenceCache) -> HashMap<String, RegionCode> {
    references.regions.iter().map(|r| (text::fold(&references.region_path(&r.code)), r.code.clone())).collect()
}

impl Layout {
    fn of(references: &ReferenceCache, head: &Row, has_type: bool, today: Day) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut layout = Self { fields: HashMap::new(), traits: Vec::new() };
        let known_traits: HashSet<String> = references
            .hs_types_matching("", "", today)
            .into_iter()
            .flat_map(|t| &t.characteristics)
            .flat_map(|c| [key(&trait_label(&c.name, &c.unit)), key(&trait_label(&c.name, ""))])
            .collect();
        for (at, cell) in head.cells.iter().enumerate() {
            let Ok(title) = cell.text() else {
                faults.push(format!("第 {} 列的标题不是文字，请使用模板的标题行", at + 1));
                continue;
            };
            let found = key(&title);
            if found.is_empty() {
                continue;
            }
            let is_new = if let Some(field) = fields().find(|f| key(f.label) == found) {
                layout.fields.insert(field.name, at).is_none()
            } else if known_traits.contains(&found) {
                let is_new = layout.traits.iter().all(|t| t.0 != found);
                layout.traits.push((found, title.trim().trim_end_matches(['*', '＊']).to_owned(), at));
                is_new
            } else {
                let title: String = title.trim().chars().take(40).collect();
                faults
                    .push(format!("第 {} 列的标题“{title}”不是产品信息的栏目，请使用模板的标题行，或删除该列", at + 1));
                true
            };
            if !is_new {
                faults.push(format!("标题“{}”出现了两次，请只保留一列", title.trim()));
            }
        }
        let missing: Vec<_> = fields()
            .filter(|f| f.is_required && !layout.fields.contains_key(f.name))
            .filter(|f| f.name != "hs_code" || !has_type)
            .map(|f| format!("“{}”", f.label))
            .collect();
        if !missing.is_empty() {
            faults.push(format!("第 {} 行应为标题行，缺少{}，请使用模板的标题行", head.number, missing.join("、")));
        }
        if faults.is_empty() { Ok(layout) } else { Err(faults) }
    }

    fn has_head(&self, at: usize) -> bool {
        self.fields.values().any(|f| *f == at) || self.traits.iter().any(|t| t.2 == at)
    }
}

struct RowReader<'a> {
    references: &'a ReferenceCache,
    papers: &'a dyn Papers,
    application: &'a Application,
    chosen: Option<&'a HsType>,
    /// Some type, for the cells of rows whose own is wrong.
    any: Option<&'a HsType>,
    today: Day,
    layout: &'a Layout,
    regions: HashMap<String, RegionCode>,
    lists: HashMap<&'static str, HashMap<String, String>>,
}

/// A row on its way into the form.
struct Filling<'a> {
    row: &'a Row,
    data: FormData,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

/// What kind of field takes a cell.
#[derive(Clone, Copy)]
enum Takes {
    Line,
    Lines,
    Number,
}

impl Filling<'_> {
    fn problem(&mut self, column: &str, sentence: impl Into<String>) {
        if self.problems.iter().all(|p| p.column != column) {
            self.problems.push(Problem { row: self.row.number, column: column.to_owned(), sentence: sentence.into() });
        }
    }

    fn cell(&self, at: Option<usize>) -> Option<&Cell> {
        at.and_then(|at| self.row.cells.get(at))
    }

    /// What a field takes of a cell; one that cannot be read is noted and is blank.
    fn take(&mut self, at: Option<usize>, column: &str, takes: Takes) -> String {
        let Some(cell) = self.cell(at) else { return String::new() };
        let read = match takes {
            Takes::Line => cell.line(),
            Takes::Lines => cell.text(),
            Takes::Number => cell.number(),
        };
        let rounding = cell.rounding().map(|(shown, value)| (shown.to_owned(), value.to_owned()));
        match (read, takes) {
            (Ok(text), Takes::Line | Takes::Lines) => {
                if is_exponent(&text) {
                    self.warnings.push(format!(
                        "{column}“{text}”像是 Excel 用科学计数法显示的数字，如果原来是一个长号码，请改正后重新上传"
                    ));
                }
                text
            }
            (Ok(text), Takes::Number) => {
                if let Some((shown, value)) = rounding {
                    self.warnings.push(format!("{column}在表中显示为 {shown}，将按单元格的实际数值 {value} 导入"));
                }
                text
            }
            (Err(why), _) => {
                self.problem(column, why);
                String::new()
            }
        }
    }
}

fn label_of(field: &str) -> &'static str {
    fields().find(|f| f.name == field).map_or("", |f| f.label)
}

impl RowReader<'_> {
    fn read(&self, row: &Row) -> Result<Right, Vec<Problem>> {
        let mut filling = Filling { row, data: FormData::default(), problems: Vec::new(), warnings: Vec::new() };
        let known = self.hs_type(&mut filling);
        // The other cells are judged even where the code is wrong: every mistake is named at once.
        let hs = known.or(self.chosen).or(self.any);
        let mut typed = HashMap::new();
        for field in fields().filter(|f| !matches!(f.name, "hs_code" | "hs_unit")) {
            let takes = match field.name {
                "serials" => Takes::Lines,
                _ if field.is_number => Takes::Number,
                _ => Takes::Line,
            };
            let text = filling.take(self.layout.fields.get(field.name).copied(), field.label, takes);
            typed.insert(field.name, text);
        }
        self.fill(&mut filling, &typed);
        let Some(hs) = hs else { return Err(filling.problems) };
        if let Some(known) = known {
            self.check_unit(&mut filling, known);
            self.fill_traits(&mut filling, known);
        }
        let parsed = item::parse(self.references, self.papers, self.today, self.application, None, hs, &filling.data);
        for at in (0..row.cells.len()).filter(|at| !self.layout.has_head(*at)) {
            let column = format!("第 {} 列", at + 1);
            if filling.cell(Some(at)).is_some_and(|cell| !cell.is_blank()) {
                filling.problem(&column, "该列没有标题，请清空或补上标题");
            }
        }
        match parsed {
            Ok(item) if filling.problems.is_empty() => {
                let warnings = filling.warnings.into_iter().chain(item::warnings(&item)).collect();
                Ok(Right { row: row.number, item, warnings })
            }
            Ok(_) => Err(filling.problems),
            Err(errors) => {
                for error in errors.iter() {
                    if let Some(n) = error.field.strip_prefix("trait_").and_then(|n| n.parse::<usize>().ok()) {
                        if let Some(c) = known.and_then(|hs| hs.characteristics.get(n)) {
                            filling.problem(&trait_label(&c.name, &c.unit), error.message.clone());
                        }
                        continue;
                    }
                    let typed = typed.get(error.field.as_str()).map_or("", String::as_str);
                    let mut sentence = not_found(&error.field, typed).unwrap_or_else(|| error.message.clone());
                    let at = self.layout.fields.get(error.field.as_str()).copied();
                    if let Some((shown, value)) = filling.cell(at).and_then(Cell::rounding) {
                        let _ = write!(sentence, "（表中显示为 {shown}，单元格的实际数值为 {value}）");
                    }
                    filling.problem(label_of(&error.field), sentence);
                }
                Err(filling.problems)
            }
        }
    }

    fn hs_type(&self, filling: &mut Filling<'_>) -> Option<&HsType> {
        let label = label_of("hs_code");
        let typed = filling.take(self.layout.fields.get("hs_code").copied(), label, Takes::Line);
        if typed.is_empty() {
            if self.chosen.is_none() && filling.problems.is_empty() {
                filling.problem(label, "请填写 HS 编码，或在导入页面选择产品类型");
            }
            return self.chosen;
        }
        let code: String = text::half_width(&typed).chars().filter(|c| !matches!(c, '.' | ' ')).collect();
        let found = self.references.hs_type(&code, self.today);
        if found.is_none() {
            let shown: String = typed.chars().take(40).collect();
            filling.problem(label, format!("“{shown}”不在产品目录中或已停用，请从选择免办产品页面查找编码"));
        }
        found
    }

    /// Texts become what the selects of the form send.
    fn fill(&self, filling: &mut Filling<'_>, typed: &HashMap<&'static str, String>) {
        for (field, text) in typed.iter().filter(|(f, _)| !matches!(**f, "use_region_code" | "use_address")) {
            let code = self.lists.get(field).and_then(|list| list.get(&text::fold(text)));
            filling.data.set(field, code.unwrap_or(text));
        }
        let place = |field| typed.get(field).map_or("", String::as_str);
        self.fill_place(filling, place("use_region_code"), place("use_address"));
    }

    /// 最终使用地 as on a new form: that of the basic information, unless the row says another one (R-2.1.2-19, D7).
    fn fill_place(&self, filling: &mut Filling<'_>, region: &str, address: &str) {
        let basics = &self.application.basics;
        let found = if region.is_empty() {
            basics.use_region.clone()
        } else {
            let code = RegionCode::new(text::fold(region));
            if self.references.region(&code).is_some() {
                Some(code)
            } else {
                self.regions.get(&text::fold(region)).cloned()
            }
        };
        let address = if region.is_empty() && address.is_empty() { &basics.use_address } else { address };
        if self.application.state() == S::Returned
            && (found != basics.use_region || text::fold(address) != text::fold(&basics.use_address))
        {
            let column = label_of(if found == basics.use_region { "use_address" } else { "use_region_code" });
            filling.problem(column, "返回修改的申请不允许修改产品最终使用地，请清空这两栏");
        }
        if let Some(found) = found {
            item::set_region(self.references, &mut filling.data, &found);
        }
        filling.data.set("use_address", address);
    }

    fn check_unit(&self, filling: &mut Filling<'_>, hs: &HsType) {
        let label = label_of("hs_unit");
        let typed = text::fold(&filling.take(self.layout.fields.get("hs_unit").copied(), label, Takes::Line));
        let name = self.references.unit_name(&hs.unit);
        if !typed.is_empty() && typed != text::fold(name) && format!("{typed:0>3}") != hs.unit.as_str() {
            filling.problem(label, format!("由 HS 编码决定，应为“{name}”，请修改或清空"));
        }
    }

    fn fill_traits(&self, filling: &mut Filling<'_>, hs: &HsType) {
        let mut used = Vec::new();
        for (n, c) in hs.characteristics.iter().enumerate() {
            let names = [key(&trait_label(&c.name, &c.unit)), key(&trait_label(&c.name, ""))];
            let column = names.iter().find_map(|name| self.layout.traits.iter().find(|t| t.0 == *name));
            let takes = match c.kind {
                CharacteristicKind::Number => Takes::Number,
                CharacteristicKind::Text | CharacteristicKind::Choice => Takes::Line,
            };
            let text = filling.take(column.map(|t| t.2), &trait_label(&c.name, &c.unit), takes);
            used.extend(column.map(|t| t.2));
            filling.data.set(&format!("trait_{n}"), &text);
        }
        for (_, label, at) in self.layout.traits.iter().filter(|t| !used.contains(&t.2)) {
            if filling.cell(Some(*at)).is_some_and(|cell| !cell.is_blank()) {
                filling.problem(label, format!("HS 编码 {} 没有这项产品特性，请清空", hs.code));
            }
        }
    }
}

/// A list says what is missing in it; the rule itself is the form's.
fn not_found(field: &str, typed: &str) -> Option<String> {
    if typed.is_empty() {
        return None;
    }
    let shown: String = typed.chars().take(40).collect();
    match field {
        "origin_country" | "qty_unit" | "currency" => {
            Some(format!("“{shown}”不在{}列表中，请从模板的“选项”工作表中选取", label_of(field)))
        }
        "use_region_code" => {
            Some(format!("“{shown}”不是最后一级行政区划，请填写完整名称（如“上海市 市辖区 浦东新区”）或 6 位代码"))
        }
        _ => None,
    }
}

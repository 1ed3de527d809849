//! 补正 (manual §2.4): what 送补正 names, what a submission held, and how two submissions differ.

use std::collections::{BTreeSet, HashMap};

use crate::application::{Basics, ItemForm, Part};
use crate::ids::{AttachmentKindCode, ItemId};
use crate::text;

/// The fields of 申请基本信息 that can be named: all but 免办条款 and 产品最终使用地, which stay locked (R-2.4-04).
pub const BASICS_FIELDS: [(&str, &str); 15] = [
    ("trade_mode", "贸易方式"),
    ("expected_import_date", "预计进口日期"),
    ("use_unit_name", "使用单位"),
    ("use_contact", "使用单位联系人"),
    ("use_phone", "使用单位联系电话"),
    ("contract_no", "合同号"),
    ("invoice_no", "发票号"),
    ("bl_no", "提/运单号"),
    ("port_code", "进出口口岸（预计）"),
    ("purpose", "用途及免办理由"),
    ("disposal_plan", "后续处理方式"),
    ("display_from", "展示开始日期"),
    ("display_to", "展示结束日期"),
    ("principal_name", "被代理单位"),
    ("remark", "备注"),
];

/// The fields of a product that can be named; its 最终使用地 stays locked.
pub const ITEM_FIELDS: [(&str, &str); 15] = [
    ("hs_code", "HS 编码产品类型"),
    ("product_name", "需免办产品名称"),
    ("model", "规格型号"),
    ("brand", "商标"),
    ("manufacturer", "生产厂名"),
    ("origin_country", "原产国"),
    ("qty", "数量/重量"),
    ("hs_qty", "HS 标准量"),
    ("unit_price", "单价"),
    ("total_price", "总价"),
    ("currency", "币制"),
    ("traits", "产品特性"),
    ("serials", "序列号/零件号"),
    ("usage_note", "用途说明"),
    ("remark", "备注"),
];

/// A field that 送补正 names: one of the form, or a kind of attachment; of the products that of all, or of a few. Written
/// `items.model`, or `items.model@3:77;7:81` for the third and the seventh product.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedField {
    /// The part it stands in.
    pub part: Part,
    /// Its name in the form; of 申请附件信息 the code of the kind.
    pub field: String,
    /// The products whose field it is; empty means every product.
    pub products: Vec<NamedProduct>,
}

/// A product whose field 送补正 names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NamedProduct {
    /// 序号 on the page of the officer who named it.
    pub ordinal: usize,
    /// Its id: it stays when other products come and go.
    pub id: ItemId,
}

impl NamedField {
    /// A field of the whole part.
    pub fn new(part: Part, field: &str) -> Self {
        Self { part, field: field.to_owned(), products: Vec::new() }
    }

    /// Whether a product's field is meant; one that is not stored yet has no id.
    pub fn concerns(&self, product: Option<ItemId>) -> bool {
        self.part == Part::Items
            && (self.products.is_empty() || self.products.iter().any(|named| Some(named.id) == product))
    }

    /// The 序号 of its products for people, `3、7-9`; `""` for all.
    pub fn numbers(&self) -> String {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for product in &self.products {
            match spans.last_mut() {
                Some((_, to)) if *to + 1 == product.ordinal => *to = product.ordinal,
                _ => spans.push((product.ordinal, product.ordinal)),
            }
        }
        let word = |(from, to): &(usize, usize)| if from == to { from.to_string() } else { format!("{from}-{to}") };
        spans.iter().map(word).collect::<Vec<_>>().join("、")
    }

    /// The label on the form; of a kind of attachment the caller knows its name.
    pub fn label(&self) -> Option<&'static str> {
        let of = |fields: &[(&str, &'static str)]| fields.iter().find(|f| f.0 == self.field).map(|f| f.1);
        match self.part {
            Part::Basics => of(&BASICS_FIELDS),
            Part::Items => of(&ITEM_FIELDS),
            Part::Attachments => None,
        }
    }
}

impl std::fmt::Display for NamedField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.part, self.field)?;
        for (n, product) in self.products.iter().enumerate() {
            write!(f, "{}{}:{}", if n == 0 { '@' } else { ';' }, product.ordinal, product.id)?;
        }
        Ok(())
    }
}

/// A word that names no field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no field of an application is called so")]
pub struct UnknownField;

impl std::str::FromStr for NamedField {
    type Err = UnknownField;

    fn from_str(word: &str) -> Result<Self, UnknownField> {
        let (part, rest) = word.split_once('.').ok_or(UnknownField)?;
        let part: Part = part.parse().map_err(|_| UnknownField)?;
        let (field, products) = match rest.split_once('@') {
            Some((field, products)) if part == Part::Items => (field, named_products(products)?),
            Some(_) => return Err(UnknownField),
            // Of all products; so was every field named before single products could be.
            None => (rest, Vec::new()),
        };
        let named = Self { part, field: field.to_owned(), products };
        let is_kind = !field.is_empty() && field.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        match part {
            Part::Basics | Part::Items if named.label().is_some() => Ok(named),
            Part::Attachments if is_kind => Ok(named),
            Part::Basics | Part::Items | Part::Attachments => Err(UnknownField),
        }
    }
}

fn named_products(words: &str) -> Result<Vec<NamedProduct>, UnknownField> {
    let product = |word: &str| {
        let (ordinal, id) = word.split_once(':')?;
        Some(NamedProduct { ordinal: ordinal.parse().ok()?, id: id.parse().ok()? })
    };
    words.split(';').map(|word| product(word).ok_or(UnknownField)).collect()
}

/// Products that a field may name one by one; of more, all are meant.
pub const MOST_NAMED: usize = 200;

/// Reads 产品序号 such as `3,7-9` in an application of `count` products: ascending, each once.
///
/// # Errors
///
/// A sentence that says how to mend it.
pub fn product_numbers(typed: &str, count: usize) -> Result<Vec<usize>, String> {
    let plain = text::half_width(typed).replace(['–', '—', '~', '至', '到'], "-");
    // Blanks beside a dash belong to it, others part the numbers.
    let joined = plain.split('-').map(str::trim).collect::<Vec<_>>().join("-");
    let words = joined.split([',', '、', ';']).flat_map(str::split_whitespace);
    let mut found = BTreeSet::new();
    for word in words {
        let (from, to) = word.split_once('-').unwrap_or((word, word));
        let (Ok(from), Ok(to)) = (from.parse::<usize>(), to.parse::<usize>()) else {
            return Err(format!("产品序号“{word}”写法不对，请填写数字，多个用逗号隔开，连续的用“-”连接，如 3,7-9"));
        };
        if from > to {
            return Err(format!("产品序号“{word}”请从小到大填写，如 {to}-{from}"));
        }
        if from == 0 || to > count {
            let wrong = if from == 0 { from } else { to };
            return Err(format!("没有第 {wrong} 项产品，本申请共 {count} 项产品，请填写 1 至 {count} 的序号"));
        }
        found.extend(from..=to);
    }
    if found.is_empty() {
        return Err("请填写产品序号，如 3,7-9；指全部产品时不填".to_owned());
    }
    if found.len() > MOST_NAMED {
        return Err(format!("最多指定 {MOST_NAMED} 项产品，现在是 {} 项；指全部产品时请不填序号", found.len()));
    }
    Ok(found.into_iter().collect())
}

/// What an application held when it was submitted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Snapshot {
    /// 申请信息.
    pub basics: Basics,
    /// 附表产品信息.
    pub items: Vec<SnapshotItem>,
    /// 申请附件信息.
    pub files: Vec<SnapshotFile>,
}

/// A product of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SnapshotItem {
    /// Its id: a changed product keeps it.
    pub id: ItemId,
    /// Its data.
    pub form: ItemForm,
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SnapshotFile {
    /// Its kind.
    pub kind: AttachmentKindCode,
    /// Its name.
    pub name: String,
    /// Its size.
    pub size_bytes: i64,
    /// SHA-256, hexadecimal: the same content under the same name is the same file.
    pub sha256: String,
}

/// A field as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The field, unique in its record: `product_name`; a 产品特性 is `trait:` and its name.
    pub key: String,
    /// Its label.
    pub label: String,
    /// What stands in it.
    pub value: String,
}

/// A field that is not the same in two records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field.
    pub key: String,
    /// Its label.
    pub label: String,
    /// What stood there; none when the record had no such field.
    pub before: Option<String>,
    /// What stands there; none when the record has no such field any more.
    pub after: Option<String>,
}

impl Difference {
    /// What stood there, `""` when there was no such field.
    pub fn old(&self) -> &str {
        self.before.as_deref().unwrap_or_default()
    }

    /// What stands there, `""` when there is no such field any more.
    pub fn now(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }
}

/// Field by field, in the order of `after`; fields that only `before` had come last.
pub fn differences(before: &[Line], after: &[Line]) -> Vec<Difference> {
    let value = |lines: &[Line], key: &str| lines.iter().find(|l| l.key == key).map(|l| l.value.clone());
    let gone = before.iter().filter(|b| after.iter().all(|a| a.key != b.key));
    after
        .iter()
        .chain(gone)
        .map(|l| Difference {
            key: l.key.clone(),
            label: l.label.clone(),
            before: value(before, &l.key),
            after: value(after, &l.key),
        })
        .filter(|d| d.before != d.after)
        .collect()
}

/// A product or a file as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What makes it the same one in two sheets.
    pub key: String,
    /// 序号.
    pub ordinal: usize,
    /// Its fields.
    pub lines: Vec<Line>,
}

impl Record {
    /// What stands in a field, `""` when there is none of this key.
    pub fn value(&self, key: &str) -> &str {
        self.lines.iter().find(|l| l.key == key).map_or("", |l| l.value.as_str())
    }
}

/// A submission as people read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// 申请信息.
    pub basics: Vec<Line>,
    /// 附表产品信息.
    pub items: Vec<Record>,
    /// 申请附件信息.
    pub files: Vec<Record>,
}

/// How records of one kind differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordChanges {
    /// New ones.
    pub added: Vec<Record>,
    /// Those that are gone.
    pub removed: Vec<Record>,
    /// Those that stayed with other data, each as it is now.
    pub changed: Vec<(Record, Vec<Difference>)>,
}

impl RecordChanges {
    /// How many records are concerned.
    pub const fn count(&self) -> usize {
        self.added.len() + self.removed.len() + self.changed.len()
    }
}

/// How two submissions differ (A9: the change list for the officer).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// 申请信息.
    pub basics: Vec<Difference>,
    /// 附表产品信息.
    pub items: RecordChanges,
    /// 申请附件信息.
    pub files: RecordChanges,
}

impl Changes {
    /// Whether nothing differs.
    pub const fn is_empty(&self) -> bool {
        self.basics.is_empty() && self.items.count() == 0 && self.files.count() == 0
    }
}

/// Old and new, beside each other. A place in the list (序号) is not a difference: it moves when another product goes.
pub fn compare(before: &Sheet, after: &Sheet) -> Changes {
    Changes {
        basics: differences(&before.basics, &after.basics),
        items: records(&before.items, &after.items),
        files: records(&before.files, &after.files),
    }
}

/// The same key may stand several times (one file uploaded twice): each is matched once, in order.
fn records(before: &[Record], after: &[Record]) -> RecordChanges {
    let mut old: HashMap<&str, Vec<&Record>> = HashMap::new();
    for record in before.iter().rev() {
        old.entry(&record.key).or_default().push(record);
    }
    let mut changes = RecordChanges::default();
    for record in after {
        match old.get_mut(record.key.as_str()).and_then(Vec::pop) {
            None => changes.added.push(record.clone()),
            Some(was) => {
                let differing = differences(&was.lines, &record.lines);
                if !differing.is_empty() {
                    changes.changed.push((record.clone(), differing));
                }
            }
        }
    }
    // What nothing took is gone; of several with one key, the last ones.
    for record in before.iter().rev() {
        if let Some(left) = old.get_mut(record.key.as_str())
            && !left.is_empty()
        {
            left.pop();
            changes.removed.push(record.clone());
        }
    }
    changes.removed.reverse();
    changes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines() -> impl Strategy<Value = Vec<Line>> {
        proptest::collection::btree_map("[a-d]", "[x-z]{0,2}", 0..4).prop_map(|fields| {
            fields.into_iter().map(|(key, value)| Line { label: key.to_uppercase(), key, value }).collect()
        })
    }

    fn record_list() -> impl Strategy<Value = Vec<Record>> {
        proptest::collection::vec(("[p-s]", lines()), 0..5).prop_map(|found| {
            found.into_iter().enumerate().map(|(n, (key, lines))| Record { key, ordinal: n + 1, lines }).collect()
        })
    }

    fn sheet() -> impl Strategy<Value = Sheet> {
        (lines(), record_list(), record_list()).prop_map(|(basics, items, files)| Sheet { basics, items, files })
    }

    /// What the differences make of a record: the order of fields does not count.
    fn apply(before: &[Line], differences: &[Difference]) -> Vec<(String, String)> {
        let mut fields: std::collections::BTreeMap<_, _> =
            before.iter().map(|l| (l.key.clone(), l.value.clone())).collect();
        for d in differences {
            assert_eq!(fields.get(&d.key), d.before.as_ref());
            match &d.after {
                Some(value) => fields.insert(d.key.clone(), value.clone()),
                None => fields.remove(&d.key),
            };
        }
        fields.into_iter().collect()
    }

    fn plain(lines: &[Line]) -> Vec<(String, String)> {
        apply(lines, &[])
    }

    fn tally(records: &[Record]) -> HashMap<String, usize> {
        records.iter().fold(HashMap::new(), |mut n, r| {
            *n.entry(r.key.clone()).or_default() += 1;
            n
        })
    }

    proptest! {
        #[test]
        fn nothing_differs_from_itself(a in sheet()) {
            prop_assert!(compare(&a, &a).is_empty());
        }

        #[test]
        fn applying_the_differences_to_the_old_gives_the_new(a in lines(), b in lines()) {
            prop_assert_eq!(apply(&a, &differences(&a, &b)), plain(&b));
        }

        #[test]
        fn removing_and_adding_turns_the_old_list_into_the_new(a in record_list(), b in record_list()) {
            let changes = records(&a, &b);
            let mut keys = tally(&a);
            for r in &changes.removed {
                *keys.get_mut(&r.key).unwrap() -= 1;
            }
            for r in &changes.added {
                *keys.entry(r.key.clone()).or_default() += 1;
            }
            keys.retain(|_, n| *n > 0);
            prop_assert_eq!(keys, tally(&b));
            for (now, differing) in &changes.changed {
                prop_assert!(b.contains(now) && !differing.is_empty());
            }
        }

        #[test]
        fn what_one_direction_adds_the_other_removes(a in record_list(), b in record_list()) {
            let (there, back) = (records(&a, &b), records(&b, &a));
            prop_assert_eq!(there.added, back.removed);
            prop_assert_eq!(there.removed, back.added);
            prop_assert_eq!(there.changed.len(), back.changed.len());
        }
    }

    #[test]
    fn a_named_field_is_one_of_the_form_and_never_a_locked_one() {
        for part in [Part::Basics, Part::Items] {
            let fields = if part == Part::Basics { BASICS_FIELDS } else { ITEM_FIELDS };
            for (field, label) in fields {
                let named: NamedField = format!("{part}.{field}").parse().unwrap();
                assert_eq!((named.part, named.label()), (part, Some(label)));
                assert_eq!(named.to_string().parse(), Ok(named));
            }
            for locked in ["clause_code", "use_region_code", "use_address"] {
                assert_eq!(format!("{part}.{locked}").parse::<NamedField>(), Err(UnknownField));
            }
        }
        assert_eq!("attachments.contract".parse::<NamedField>().map(|f| f.part), Ok(Part::Attachments));
        for wrong in ["", "basics", "basics.", "attachments.", "attachments.a,b", "nothing.model"] {
            assert_eq!(wrong.parse::<NamedField>(), Err(UnknownField), "{wrong}");
        }
    }

    #[test]
    fn a_field_names_all_products_or_some() {
        let all: NamedField = "items.model".parse().unwrap();
        assert!(all.concerns(None) && all.concerns(Some(ItemId::new(7))) && all.numbers().is_empty());
        let some: NamedField = "items.model@3:77;7:81;8:82;9:90;12:5".parse().unwrap();
        assert_eq!(some.numbers(), "3、7-9、12");
        assert_eq!(some.to_string().parse(), Ok(some.clone()));
        assert!(some.concerns(Some(ItemId::new(81))) && !some.concerns(Some(ItemId::new(7))) && !some.concerns(None));
        assert!(!NamedField::new(Part::Basics, "remark").concerns(Some(ItemId::new(7))));
        for wrong in ["items.model@", "items.model@3", "items.model@3:x", "basics.remark@1:1", "items.nothing@1:1"] {
            assert_eq!(wrong.parse::<NamedField>(), Err(UnknownField), "{wrong}");
        }
    }

    #[test]
    fn product_numbers_are_read_as_people_write_them() {
        for (typed, numbers) in [
            ("3", vec![3]),
            ("3,7-9", vec![3, 7, 8, 9]),
            ("３，7 － 9、 3", vec![3, 7, 8, 9]),
            ("1 2;4至5\n6~6", vec![1, 2, 4, 5, 6]),
            ("10", vec![10]),
        ] {
            assert_eq!(product_numbers(typed, 10).unwrap_or_default(), numbers, "{typed}");
        }
        for (typed, sentence) in [
            ("x", "写法不对"),
            ("3-", "写法不对"),
            ("1-2-3", "写法不对"),
            ("-3", "写法不对"),
            ("9-7", "如 7-9"),
            ("0", "没有第 0 项产品"),
            ("3,11", "没有第 11 项产品，本申请共 10 项产品"),
            (" , ", "请填写产品序号"),
            ("99999999999999999999", "写法不对"),
        ] {
            let why = product_numbers(typed, 10).unwrap_err();
            assert!(why.contains(sentence), "{typed}: {why}");
        }
        assert_eq!(product_numbers("1-200", 2000).map(|n| n.len()), Ok(MOST_NAMED));
        assert!(product_numbers("1-201", 2000).unwrap_err().contains("最多指定 200 项产品，现在是 201 项"));
    }

    #[test]
    fn a_file_uploaded_twice_is_told_apart() {
        let file = |key: &str, ordinal| Record { key: key.to_owned(), ordinal, lines: Vec::new() };
        let changes = records(&[file("a", 1)], &[file("a", 1), file("a", 2)]);
        assert_eq!(changes.added, [file("a", 2)]);
        assert_eq!(records(&[file("a", 1), file("a", 2)], &[file("a", 1)]).removed, [file("a", 2)]);
    }
}

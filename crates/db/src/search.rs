//! Conditions of a list: joined by AND, an empty one is none (D27).
//!
//! 模糊 is containment. Where it must not read every application, the table `application_ending` answers it: it holds all
//! endings of the searched texts, and the text contains what begins one of them. (E10 asks for pairs of characters, but
//! nearly every pair of digits occurs in nearly every number.)

use domain::ids::ApplicationId;
use domain::text;

use crate::{DbError, DbResult, Reader, Tx, Value, params};

/// What 模糊 search looks into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub enum Field {
    /// 申请单号.
    Number = 1,
    /// 合同号.
    ContractNo,
    /// 提/运单号.
    BlNo,
    /// 证明号.
    CertificateNo,
    /// 申请单位.
    Applicant,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Number, Self::ContractNo, Self::BlNo, Self::CertificateNo, Self::Applicant];

    /// The folded text, in SQL, of `application a`.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Number => "LOWER(a.number)",
            Self::ContractNo => "a.contract_no_folded",
            Self::BlNo => "a.bl_no_folded",
            Self::CertificateNo => "LOWER(a.certificate_no)",
            Self::Applicant => "a.applicant_folded",
        }
    }
}

/// What 模糊 search looks into of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub enum ItemField {
    /// 产品名称.
    ProductName = 6,
    /// 规格型号.
    Model,
}

impl ItemField {
    /// The folded text, in SQL, of `application_item p`.
    const fn sql(self) -> &'static str {
        match self {
            Self::ProductName => "p.product_folded",
            Self::Model => "p.model_folded",
        }
    }
}

/// What 模糊 search looks into of a line of a certificate, as its version in force has it (R-2.7-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub enum LineField {
    /// HS 编码.
    HsCode = 8,
    /// 产品名称.
    ProductName,
}

impl LineField {
    /// The folded text, in SQL, of `certificate_item l`.
    const fn sql(self) -> &'static str {
        match self {
            Self::ProductName => "l.product_folded",
            Self::HsCode => "l.hs_code",
        }
    }
}

/// Endings are kept to this length, in characters; longer texts are found by their last ones.
const KEPT: usize = 32;

/// Up to so many bearers of a text are counted before it is looked for, in their index alone: 25 ns each on SQLite, 100 ns
/// on PostgreSQL.
const ASKED: i64 = 50_000;
/// The same of a text that is looked for in several places, where nobody asks for the exact total: by a bureau, and where
/// nearly every bearer is a row.
const ASKED_OF_BUREAU: i64 = 20_000;
const ASKED_OF_WHOLE: i64 = 10_000;
/// More bearers than were counted.
const MANY: i64 = i64::MAX;
/// Up to so many bearers are looked at one by one. Of more, a page is read from the newest on in an index, for some come
/// soon.
pub(crate) const FEW: i64 = 1_000;
/// The same where reading from the newest on opens rows of other tables.
pub(crate) const FEW_OF_OTHERS: i64 = 5_000;
/// Up to so many rows a total is exact.
pub const COUNTED: i64 = 10_000;
/// The same of a total for which a text must be looked at in every row.
pub const COUNTED_BY_TEXT: i64 = 500;

/// The same where a text is nearly everywhere, but perhaps not in what a bureau sees: its rows are read until so many bear
/// it.
const COUNTED_OF_BUREAU: i64 = 99;

/// A text of a column that is not kept folded, folded as far as SQL can: lower case, no blanks, half-width brackets, one kind
/// of dot ([`domain::text::fold`]).
pub fn folded_sql(column: &str) -> String {
    let mut sql = format!("LOWER({column})");
    let same = [" ", "\u{3000}"].map(|blank| (blank, "")).into_iter();
    let dots = ["·", "•", "‧", "∙", "⋅", "⸱", "・", "．"].map(|dot| (dot, "."));
    for (from, to) in same.chain(dots).chain([("（", "("), ("）", ")")]) {
        sql = format!("REPLACE({sql}, '{from}', '{to}')");
    }
    sql
}

/// The statement that makes those of `application` findable that meet `condition`.
pub fn index_sql(condition: &str) -> String {
    let texts = ["LOWER(number)", "contract_no_folded", "bl_no_folded", "LOWER(certificate_no)", "applicant_folded"];
    let texts: Vec<_> = (1..)
        .zip(texts)
        .map(|(field, text)| {
            format!(
                "SELECT {field} AS field, {text} AS ending, id AS application_id FROM application WHERE {condition}"
            )
        })
        .chain([ItemField::ProductName, ItemField::Model].map(|field| {
            format!(
                "SELECT {} AS field, {} AS ending, p.application_id AS application_id FROM application_item p \
                 WHERE p.application_id IN (SELECT id FROM application WHERE {condition})",
                field as i64,
                field.sql()
            )
        }))
        .chain([LineField::HsCode, LineField::ProductName].map(|field| {
            format!(
                "SELECT {} AS field, {} AS ending, c.application_id AS application_id FROM certificate c \
                 JOIN certificate_item l ON l.certificate_id = c.id \
                 WHERE c.application_id IN (SELECT id FROM application WHERE {condition})",
                field as i64,
                field.sql()
            )
        }))
        .collect();
    // In the order of the index many are put there much faster.
    format!(
        "INSERT INTO application_ending (field, ending, application_id) \
         WITH RECURSIVE cut (field, ending, application_id) AS ( \
           SELECT w.field, w.ending, w.application_id FROM ({}) w WHERE LENGTH(w.ending) > 1 \
           UNION ALL SELECT field, SUBSTR(ending, 2), application_id FROM cut WHERE LENGTH(ending) > 2 \
         ) SELECT field, SUBSTR(ending, 1, {KEPT}), application_id FROM cut WHERE true ORDER BY 1, 2, 3 \
         ON CONFLICT DO NOTHING",
        texts.join(" UNION ALL ")
    )
}

/// Makes a submitted application, its products and the lines of its certificate findable; after every change of their
/// searched texts, and with every submission, in the same transaction.
pub async fn index(tx: &Tx, id: ApplicationId) -> DbResult<()> {
    tx.run(&index_sql("id = $1"), params![id]).await?;
    Ok(())
}

/// The applications of bearers.
pub(crate) const OF_BEARERS: &str = "SELECT e.application_id FROM application_ending e \
                                     WHERE e.field = ? AND e.ending >= ? AND e.ending < ?";

/// The most selective of the texts that somebody typed.
#[derive(Debug, Clone)]
pub struct Bearers {
    field: i64,
    from: String,
    to: String,
    /// So many, or [`MANY`].
    n: i64,
}

impl Bearers {
    /// Asks how many bear each of the typed texts, no further than needed; a statement each. None when no text is long
    /// enough to be looked up.
    pub async fn of(
        read: Reader<'_>,
        texts: &[(Field, &str)],
        of_line: &[(LineField, &str)],
    ) -> DbResult<Option<Self>> {
        let mut best: Option<Self> = None;
        let texts = texts.iter().map(|(field, typed)| (*field as i64, *typed));
        for (field, typed) in texts.chain(of_line.iter().map(|(field, typed)| (*field as i64, *typed))) {
            let folded: Vec<char> = text::fold(typed).chars().collect();
            if folded.len() < 2 {
                continue;
            }
            let from: String = folded[folded.len().saturating_sub(KEPT)..].iter().collect();
            let mut bearers = Self { field, to: format!("{from}\u{10FFFF}"), from, n: 0 };
            let sql = format!(
                "SELECT COUNT(*) FROM (SELECT 1 AS one FROM application_ending \
                 WHERE field = $1 AND ending >= $2 AND ending < $3 LIMIT {}) counted",
                ASKED + 1
            );
            bearers.n = at_most(read.number(&sql, bearers.values()).await?, ASKED);
            if best.as_ref().is_none_or(|least| bearers.n < least.n) {
                best = Some(bearers);
            }
        }
        Ok(best)
    }

    /// Whether there are no more of them than this.
    pub(crate) const fn are_within(&self, most: i64) -> bool {
        self.n <= most
    }

    /// Field, first ending, and what no ending reaches: as [`OF_BEARERS`] asks.
    pub(crate) fn values(&self) -> Vec<Value> {
        params![self.field, self.from.clone(), self.to.clone()]
    }
}

/// Where the rows of a page come from, the newest application first: the tables with their conditions, what the rows are
/// ordered by, and the values. Of a text that no more than `few` bear its bearers come first, in that order, so that no more
/// of them are looked at than the page needs.
pub(crate) fn newest_first<'a>(
    source: &str,
    key: &'a str,
    conditions: &Conditions,
    bearers: Option<&Bearers>,
    few: i64,
) -> (String, &'a str, Vec<Value>) {
    let Some(bearers) = bearers.filter(|b| b.are_within(few)) else {
        return (format!("{source}{}", conditions.sql()), key, conditions.values(vec![]));
    };
    let first = numbered(OF_BEARERS, conditions.next());
    let all = conditions.clone().and(&format!("{key} = b.application_id"), vec![]);
    let from = format!(
        "(SELECT DISTINCT x.application_id FROM ({first}) x ORDER BY x.application_id DESC LIMIT {few}) b \
         CROSS JOIN {source}{}",
        all.sql()
    );
    (from, "b.application_id", all.values(bearers.values()))
}

/// What was counted no further than this.
const fn at_most(counted: i64, most: i64) -> i64 {
    if counted > most { MANY } else { counted }
}

/// How many rows a list has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// So many are known.
    pub rows: i64,
    /// There are more.
    pub more: bool,
}

impl Total {
    /// Whether it says all that was asked: texts that stand in a row several times may have used up the endings looked at.
    const fn is_enough(self, most: i64) -> bool {
        !self.more || self.rows >= most
    }
}

/// Where the rows of a list come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// Its tables, in SQL.
    pub tables: &'a str,
    /// The same as inner joins: they are reached from any side.
    pub joined: &'a str,
    /// The application of a row.
    pub application: &'a str,
    /// Not narrowed to a bureau: every application that bears a text may be a row.
    pub is_whole: bool,
}

/// Counts the rows of a list no further than `most`, or all of them; one statement, a second one where many rows bear the
/// text several times.
///
/// The bearers of a text are counted as they come by their endings: in the whole country nearly every one of them is a
/// row, while from the newest on most applications are none. Only of a text that is everywhere a bureau's rows are read.
pub(crate) async fn total(
    read: Reader<'_>,
    from: Origin<'_>,
    conditions: &Conditions,
    bearers: Option<&Bearers>,
    most: Option<i64>,
) -> DbResult<Total> {
    let Origin { tables, joined, application, is_whole } = from;
    let among = || conditions.clone().among(application, bearers, ASKED);
    let Some(most) = most else {
        let all = among();
        let sql = format!("SELECT COUNT(*) FROM {tables}{}", all.sql());
        return Ok(Total { rows: read.number(&sql, all.values(vec![])).await?, more: false });
    };
    if let Some(bearers) = bearers.filter(|b| is_whole || b.are_within(ASKED)).filter(|b| !b.are_within(most)) {
        let all = conditions.clone().and("e.field = ? AND e.ending >= ? AND e.ending < ?", bearers.values());
        let endings =
            format!("application_ending e CROSS JOIN {joined}{} AND {application} = e.application_id", all.sql());
        let total = by_endings(read, &endings, application, all.values(vec![]), (most, 1)).await?;
        if total.is_enough(most) || !bearers.are_within(ASKED) {
            return Ok(total);
        }
    }
    one_by_one(read, (tables, ""), &among(), most).await
}

async fn one_by_one(read: Reader<'_>, (tables, order): (&str, &str), all: &Conditions, most: i64) -> DbResult<Total> {
    let sql =
        format!("SELECT COUNT(*) FROM (SELECT 1 AS one FROM {tables}{}{order} LIMIT {}) counted", all.sql(), most + 1);
    let counted = read.number(&sql, all.values(vec![])).await?;
    Ok(Total { rows: counted.min(most), more: counted > most })
}

/// Counts the rows to which endings lead. A text that stands in one several times leads to it several times.
async fn by_endings(
    read: Reader<'_>,
    endings: &str,
    key: &str,
    values: Vec<Value>,
    (most, times): (i64, i64),
) -> DbResult<Total> {
    #[derive(crate::Row)]
    struct Counted {
        looked: i64,
        found: i64,
    }
    let sql = format!(
        "SELECT COUNT(*) AS looked, COUNT(DISTINCT x.id) AS found FROM (SELECT {key} AS id FROM {endings} LIMIT {}) x",
        (most + 1) * times
    );
    let counted: Option<Counted> = read.row(&sql, values).await?;
    let Counted { looked, found } = counted.ok_or(DbError::NotFound)?;
    Ok(Total { rows: found.min(most), more: found > most || looked > most * times })
}

/// Where a text is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// In a text of `application a`.
    Application(Field),
    /// In a text of `application_item p`.
    Item(ItemField),
    /// In the HS 编码 of `application_item p`, from its first digit on (D27).
    HsCode,
}

/// Endings are followed so many times as often as rows are counted, where several lead to the same rows.
const TIMES: i64 = 4;
/// HS 编码 has this many digits.
const HS_DIGITS: usize = 10;

/// A text that is looked for in several places at once.
#[derive(Debug, Clone)]
pub struct Anywhere {
    folded: String,
    within: Vec<Within>,
    /// So many bear it, each place counted by itself, or [`MANY`]; none when it is too short to be looked up.
    n: Option<i64>,
}

impl Anywhere {
    /// Counts its bearers, no further than needed; one statement, none for a text of one character.
    pub async fn of(read: Reader<'_>, typed: &str, within: &[Within], is_whole: bool) -> DbResult<Self> {
        let mut looked = Self { folded: text::fold(typed), within: within.to_vec(), n: None };
        if looked.folded.chars().count() < 2 {
            return Ok(looked);
        }
        let asked = if is_whole { ASKED_OF_WHOLE } else { ASKED_OF_BUREAU };
        let (parts, values) = looked.bearers();
        let parts: Vec<_> = (1..)
            .zip(parts)
            .map(|(n, part)| format!("SELECT application_id FROM ({part} LIMIT {}) part{n}", asked + 1))
            .collect();
        let sql = format!("SELECT COUNT(*) FROM ({}) counted", parts.join(" UNION ALL "));
        let all = Conditions::new().and(&sql, values);
        looked.n = Some(at_most(read.number(&all.clauses.concat(), all.values).await?, asked));
        Ok(looked)
    }

    /// The digits between which HS codes begin with the text.
    fn hs_codes(&self) -> Option<(String, String)> {
        let is_code = (2..=HS_DIGITS).contains(&self.folded.len()) && self.folded.bytes().all(|b| b.is_ascii_digit());
        is_code.then(|| (format!("{:0<HS_DIGITS$}", self.folded), format!("{:9<HS_DIGITS$}", self.folded)))
    }

    /// For each place the applications that bear the text there, with `?` for values.
    fn bearers(&self) -> (Vec<&'static str>, Vec<Value>) {
        let chars: Vec<char> = self.folded.chars().collect();
        let from: String = chars[chars.len().saturating_sub(KEPT)..].iter().collect();
        let to = format!("{from}\u{10FFFF}");
        let mut parts = Vec::new();
        let mut values = Vec::new();
        for within in &self.within {
            let field = match within {
                Within::Application(field) => *field as i64,
                Within::Item(field) => *field as i64,
                Within::HsCode => {
                    if let Some((first, last)) = self.hs_codes() {
                        parts.push("SELECT application_id FROM application_item WHERE hs_code >= ? AND hs_code <= ?");
                        values.extend(params![first, last]);
                    }
                    continue;
                }
            };
            parts.push("SELECT application_id FROM application_ending WHERE field = ? AND ending >= ? AND ending < ?");
            values.extend(params![field, from.clone(), to.clone()]);
        }
        (parts, values)
    }

    /// Whether so few bear it that it is best to begin with them.
    fn are_within(&self, most: i64) -> bool {
        self.n.is_some_and(|n| n <= most)
    }

    /// Adds that `key` is one of its bearers, if there are no more of them than this.
    #[must_use]
    pub fn among(&self, conditions: Conditions, key: &str, most: i64) -> Conditions {
        if !self.are_within(most) {
            return conditions;
        }
        let (parts, values) = self.bearers();
        conditions.and(&format!("{key} IN ({})", parts.join(" UNION ")), values)
    }

    /// Counts the rows in which it stands no further than `most`, as [`total`].
    pub(crate) async fn total(
        &self,
        read: Reader<'_>,
        from: Origin<'_>,
        key: &str,
        conditions: &Conditions,
        most: i64,
    ) -> DbResult<Total> {
        let Origin { tables, joined, application, is_whole } = from;
        if self.n.is_some() && (is_whole || self.are_within(ASKED)) && !self.are_within(most) {
            let (parts, values) = self.bearers();
            let parts = numbered(&parts.join(" UNION ALL "), conditions.next());
            let endings =
                format!("({parts}) e CROSS JOIN {joined}{} AND {application} = e.application_id", conditions.sql());
            // Each product of an application leads to all of them.
            let times = if self.within.contains(&Within::HsCode) { TIMES } else { 1 };
            let total = by_endings(read, &endings, key, conditions.values(values), (most, times)).await?;
            if total.is_enough(most) || !self.are_within(ASKED) {
                return Ok(total);
            }
        }
        let all = self.among(conditions.clone(), application, ASKED);
        if is_whole {
            return one_by_one(read, (tables, ""), &all, most).await;
        }
        let most = if self.are_within(ASKED) { most } else { most.min(COUNTED_OF_BUREAU) };
        // A bureau's own rows in their order: otherwise all products of the country might be read first.
        one_by_one(read, (tables, &format!(" ORDER BY {application} DESC")), &all, most).await
    }

    /// Adds that the text stands in one of the places.
    #[must_use]
    pub fn add(&self, conditions: Conditions) -> Conditions {
        if self.folded.is_empty() {
            return conditions;
        }
        let pattern = text::like_pattern(&self.folded);
        let mut any = Vec::new();
        let mut values = Vec::new();
        for within in &self.within {
            let column = match within {
                Within::Application(field) => field.sql(),
                Within::Item(field) => field.sql(),
                Within::HsCode => {
                    if let Some((first, last)) = self.hs_codes() {
                        any.push("p.hs_code BETWEEN ? AND ?".to_owned());
                        values.extend(params![first, last]);
                    }
                    continue;
                }
            };
            any.push(format!("{column} LIKE ? ESCAPE '\\'"));
            values.extend(params![pattern.clone()]);
        }
        conditions.and(&format!("({})", any.join(" OR ")), values)
    }
}

/// Each `?` as a numbered placeholder, the first of this number.
fn numbered(sql: &str, first: usize) -> String {
    let mut out = String::with_capacity(sql.len() + 8);
    let mut n = first;
    for c in sql.chars() {
        if c == '?' {
            out.push('$');
            out.push_str(&n.to_string());
            n += 1;
        } else {
            out.push(c);
        }
    }
    out
}

/// The WHERE of a list under construction. Texts are trusted SQL, values are bound.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    clauses: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// No condition yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A condition whose placeholders are numbered from `$1` already, as those of another `Conditions`.
    pub fn numbered(sql: String, values: Vec<Value>) -> Self {
        Self { clauses: vec![sql], values }
    }

    /// Adds a condition; each `?` of `sql` takes the next value.
    #[must_use]
    pub fn and(mut self, sql: &str, values: Vec<Value>) -> Self {
        self.clauses.push(numbered(sql, self.next()));
        self.values.extend(values);
        self
    }

    /// Adds 模糊 containment on a folded column, unless nothing was typed (D27).
    #[must_use]
    pub fn contains(self, folded_column: &str, typed: &str) -> Self {
        let folded = text::fold(typed);
        if folded.is_empty() {
            return self;
        }
        let pattern = text::like_pattern(&folded);
        self.and(&format!("{folded_column} LIKE ? ESCAPE '\\'"), params![pattern])
    }

    /// Adds 模糊 containment in each of the texts.
    #[must_use]
    pub fn contain(self, texts: &[(Field, &str)]) -> Self {
        texts.iter().fold(self, |all, (field, typed)| all.contains(field.sql(), typed))
    }

    /// Adds 模糊 containment in each of the texts of one line of the certificate of `application a`.
    #[must_use]
    pub(crate) fn contain_in_line(self, texts: &[(LineField, &str)]) -> Self {
        let (mut sql, mut values) = (String::new(), Vec::new());
        for (field, typed) in texts {
            let folded = text::fold(typed);
            if !folded.is_empty() {
                sql.push_str(" AND ");
                sql.push_str(field.sql());
                sql.push_str(" LIKE ? ESCAPE '\\'");
                values.extend(params![text::like_pattern(&folded)]);
            }
        }
        if values.is_empty() {
            return self;
        }
        let sql = format!(
            "EXISTS (SELECT 1 FROM certificate c JOIN certificate_item l ON l.certificate_id = c.id \
             WHERE c.application_id = a.id{sql})"
        );
        self.and(&sql, values)
    }

    /// Adds that `key` is one of the bearers, if there are no more of them than this.
    #[must_use]
    pub(crate) fn among(self, key: &str, bearers: Option<&Bearers>, most: i64) -> Self {
        let Some(few) = bearers.filter(|b| b.are_within(most)) else { return self };
        self.and(&format!("{key} IN ({OF_BEARERS})"), few.values())
    }

    /// Adds that `key` names an application that bears the text which was looked up, if they are few: then they are found
    /// before anything is put in order.
    #[must_use]
    pub fn of_few(self, key: &str, bearers: Option<&Bearers>) -> Self {
        self.among(key, bearers, FEW_OF_OTHERS)
    }

    /// ` WHERE …`, or nothing.
    pub fn sql(&self) -> String {
        if self.clauses.is_empty() { String::new() } else { format!(" WHERE {}", self.clauses.join(" AND ")) }
    }

    /// The bound values, and more after them: the next placeholder is [`Self::next`].
    pub fn values(&self, more: Vec<Value>) -> Vec<Value> {
        self.values.iter().cloned().chain(more).collect()
    }

    /// The number of the first free placeholder.
    pub const fn next(&self) -> usize {
        self.values.len() + 1
    }
}

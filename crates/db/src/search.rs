//! Conditions of a list: joined by AND, an empty one is none (D27).
//!
//! 模糊 is containment. Where it must not read every application, the table `application_ending` answers it: it holds all
//! endings of the searched texts, and the text contains what begins one of them. (E10 asks for pairs of characters, but
//! nearly every pair of digits occurs in nearly every number.)

use domain::ids::ApplicationId;
use domain::text;

use crate::{DbResult, Reader, Tx, Value, params};

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

/// Endings are kept to this length, in characters; longer texts are found by their last ones.
const KEPT: usize = 32;

/// Texts that more applications than this contain are looked for from the newest on: some come soon.
const FEW: i64 = 10_000;

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
        .collect();
    format!(
        "INSERT INTO application_ending (field, ending, application_id) \
         WITH RECURSIVE cut (field, ending, application_id) AS ( \
           SELECT w.field, w.ending, w.application_id FROM ({}) w WHERE LENGTH(w.ending) > 1 \
           UNION ALL SELECT field, SUBSTR(ending, 2), application_id FROM cut WHERE LENGTH(ending) > 2 \
         ) SELECT field, SUBSTR(ending, 1, {KEPT}), application_id FROM cut WHERE true ON CONFLICT DO NOTHING",
        texts.join(" UNION ALL ")
    )
}

/// Makes a submitted application and its products findable; after every change of its searched texts, and with every
/// submission, in the same transaction.
pub async fn index(tx: &Tx, id: ApplicationId) -> DbResult<()> {
    tx.run(&index_sql("id = $1"), params![id]).await?;
    Ok(())
}

/// A text whose bearers are few enough to begin with them.
#[derive(Debug)]
pub struct Few {
    field: Field,
    from: String,
    to: String,
}

impl Few {
    /// The most selective of the typed texts, if one is; a statement each.
    pub async fn of(read: Reader<'_>, texts: &[(Field, &str)]) -> DbResult<Option<Self>> {
        let mut best: Option<(i64, Self)> = None;
        for (field, typed) in texts {
            let folded: Vec<char> = text::fold(typed).chars().collect();
            if folded.len() < 2 {
                continue;
            }
            let from: String = folded[folded.len().saturating_sub(KEPT)..].iter().collect();
            let few = Self { field: *field, to: format!("{from}\u{10FFFF}"), from };
            let sql = format!(
                "SELECT COUNT(*) FROM (SELECT 1 AS one FROM application_ending \
                 WHERE field = $1 AND ending >= $2 AND ending < $3 LIMIT {}) counted",
                FEW + 1
            );
            let bearers = read.number(&sql, few.values()).await?;
            if bearers <= FEW && best.as_ref().is_none_or(|(least, _)| bearers < *least) {
                best = Some((bearers, few));
            }
        }
        Ok(best.map(|(_, few)| few))
    }

    fn values(&self) -> Vec<Value> {
        params![self.field as i64, self.from.clone(), self.to.clone()]
    }
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

/// HS 编码 has this many digits.
const HS_DIGITS: usize = 10;

/// A text that is looked for in several places at once.
#[derive(Debug)]
pub struct Anywhere {
    folded: String,
    within: Vec<Within>,
    /// Its bearers are few enough to begin with them.
    is_few: bool,
}

impl Anywhere {
    /// Counts its bearers, no further than needed; one statement, none for a text of one character.
    pub async fn of(read: Reader<'_>, typed: &str, within: &[Within]) -> DbResult<Self> {
        let mut looked = Self { folded: text::fold(typed), within: within.to_vec(), is_few: false };
        if looked.folded.chars().count() < 2 {
            return Ok(looked);
        }
        let (parts, values) = looked.bearers();
        let parts: Vec<_> = (1..)
            .zip(parts)
            .map(|(n, part)| format!("SELECT application_id FROM ({part} LIMIT {}) part{n}", FEW + 1))
            .collect();
        let sql = format!("SELECT COUNT(*) FROM ({}) counted", parts.join(" UNION ALL "));
        let all = Conditions::new().and(&sql, values);
        looked.is_few = read.number(&all.clauses.concat(), all.values).await? <= FEW;
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

    /// Adds that the text stands in one of the places; `key` is the application.
    #[must_use]
    pub fn add(&self, conditions: Conditions, key: &str) -> Conditions {
        if self.folded.is_empty() {
            return conditions;
        }
        let conditions = if self.is_few {
            let (parts, values) = self.bearers();
            conditions.and(&format!("{key} IN ({})", parts.join(" UNION ")), values)
        } else {
            conditions
        };
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
        let mut out = String::with_capacity(sql.len() + 8);
        let mut n = self.values.len();
        for c in sql.chars() {
            if c == '?' {
                n += 1;
                out.push('$');
                out.push_str(&n.to_string());
            } else {
                out.push(c);
            }
        }
        self.values.extend(values);
        self.clauses.push(out);
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

    /// Adds that `key` is one of the few.
    #[must_use]
    pub(crate) fn among(self, key: &str, few: Option<&Few>) -> Self {
        let Some(few) = few else { return self };
        let sql = format!(
            "{key} IN (SELECT e.application_id FROM application_ending e \
             WHERE e.field = ? AND e.ending >= ? AND e.ending < ?)"
        );
        self.and(&sql, few.values())
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

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

/// Makes a submitted application findable; after every change of its searched texts, in the same transaction.
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

/// The WHERE of a list under construction. Texts are trusted SQL, values are bound.
#[derive(Debug, Default)]
pub struct Conditions {
    clauses: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    /// No condition yet.
    pub fn new() -> Self {
        Self::default()
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

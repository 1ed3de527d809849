//! The certificates of a list: where they come from, what the filters ask, and in which order (E8, E10).
//!
//! The page and its total are found by keys, each order in an index; only the rows of the page itself are opened.

use domain::certificate::Standing;
use domain::ids::CertificateId;
use domain::policy::Scope;
use domain::time::Day;

use crate::search::{Conditions, Few, Field};
use crate::{DbResult, Reader, params, scope};

/// The order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// 发证时间, the newest first.
    Newest,
    /// 截止日期, the earliest first.
    EndsFirst,
    /// 截止日期, the latest first.
    EndsLast,
}

/// The certificates that a scope sees, under conditions.
#[derive(Debug)]
pub struct Listed {
    source: &'static str,
    key: &'static str,
    last_day: &'static str,
    /// An enterprise's own certificates are few; among the others 模糊 search begins with the endings.
    by_endings: bool,
    /// A WHERE to go on from.
    pub conditions: Conditions,
}

/// What this scope sees. While no filter asks for more than key and last day the database answers from the index alone.
pub fn listed(scope: &Scope) -> Listed {
    let all = Conditions::new();
    match scope {
        Scope::Enterprise { .. } => Listed {
            source: "application a JOIN certificate c ON c.application_id = a.id",
            key: "c.id",
            last_day: "c.valid_to",
            by_endings: false,
            conditions: scope::visible(scope),
        },
        Scope::Bureau(bureau) => Listed {
            source: "certificate_viewer v LEFT JOIN certificate c ON c.id = v.certificate_id \
                     LEFT JOIN application a ON a.id = c.application_id",
            key: "v.certificate_id",
            last_day: "v.valid_to",
            by_endings: true,
            conditions: all.and("v.bureau_code = ?", params![bureau.clone()]),
        },
        Scope::All => Listed {
            source: "certificate c LEFT JOIN application a ON a.id = c.application_id",
            key: "c.id",
            last_day: "c.valid_to",
            by_endings: true,
            conditions: all,
        },
    }
}

impl Listed {
    fn and(self, sql: &str, values: Vec<crate::Value>) -> Self {
        Self { conditions: self.conditions.and(sql, values), ..self }
    }

    /// Those whose application contains each of the typed texts (D27).
    pub async fn containing(self, read: Reader<'_>, texts: &[(Field, &str)]) -> DbResult<Self> {
        let few = if self.by_endings { Few::of(read, texts).await? } else { None };
        let conditions = self.conditions.among("c.application_id", few.as_ref()).contain(texts);
        Ok(Self { conditions, ..self })
    }

    /// Those of which this is true today; see [`domain::certificate::standing`].
    #[must_use]
    pub fn standing(self, standing: Standing, today: Day) -> Self {
        match standing {
            Standing::Revoked => self.and("c.state = 'revoked'", params![]),
            Standing::Surrendered => self.and("c.state = 'surrendered'", params![]),
            Standing::Amending => self.and("c.state = 'amending'", params![]),
            Standing::Exhausted => self.and("c.state = 'valid' AND c.open_lines = 0", params![]),
            Standing::Expired => {
                let last_day = self.last_day;
                self.and(&format!("c.state = 'valid' AND {last_day} < ? AND c.open_lines > 0"), params![today])
            }
            Standing::Valid => {
                let last_day = self.last_day;
                self.and(&format!("c.state = 'valid' AND {last_day} >= ? AND c.open_lines > 0"), params![today])
            }
        }
    }

    /// Those whose last day lies between these two.
    #[must_use]
    pub fn ending(mut self, from: Option<Day>, to: Option<Day>) -> Self {
        let last_day = self.last_day;
        if let Some(from) = from {
            self = self.and(&format!("{last_day} >= ?"), params![from]);
        }
        if let Some(to) = to {
            self = self.and(&format!("{last_day} <= ?"), params![to]);
        }
        self
    }

    /// Those in force, with something left, that end within so many days.
    #[must_use]
    pub fn ending_within(self, days: i64, today: Day) -> Self {
        self.ending(Some(today), Some(today.plus_days(days)))
            .and("c.state IN ('valid', 'amending') AND c.open_lines > 0", params![])
    }

    /// Those of these ids.
    #[must_use]
    pub fn of(self, ids: &[CertificateId]) -> Self {
        let marks = vec!["?"; ids.len()].join(", ");
        let key = self.key;
        self.and(&format!("{key} IN ({marks})"), ids.iter().map(|id| crate::Value::from(*id)).collect())
    }

    /// How many there are; no further than `most` when one is given.
    pub fn count_sql(&self, most: Option<i64>) -> String {
        let (source, conditions) = (self.source, self.conditions.sql());
        match most {
            Some(most) => {
                format!("SELECT COUNT(*) FROM (SELECT 1 AS one FROM {source}{conditions} LIMIT {most}) counted")
            }
            None => format!("SELECT COUNT(*) FROM {source}{conditions}"),
        }
    }

    /// `columns` of `certificate c`, its application `a` and its version in force `s`, for one page.
    pub fn page_sql(&self, columns: &str, order: Order, limit: i64, offset: i64) -> String {
        let Self { source, key, last_day, conditions, .. } = self;
        let conditions = conditions.sql();
        let (inner, outer) = match order {
            Order::Newest => (format!("{key} DESC"), "c.id DESC"),
            Order::EndsFirst => (format!("{last_day}, {key}"), "c.valid_to, c.id"),
            Order::EndsLast => (format!("{last_day} DESC, {key} DESC"), "c.valid_to DESC, c.id DESC"),
        };
        format!(
            "SELECT {columns} FROM certificate c JOIN application a ON a.id = c.application_id \
             JOIN certificate_version s ON s.certificate_id = c.id AND s.version = c.version \
             WHERE c.id IN (SELECT {key} FROM {source}{conditions} ORDER BY {inner} LIMIT {limit} OFFSET {offset}) \
             ORDER BY {outer}"
        )
    }
}

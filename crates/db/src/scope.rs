//! A policy's `Scope` as a condition on `application a` (E8: EXISTS, never JOIN).

use domain::policy::Scope;
use domain::time::Instant;

use crate::search::{Conditions, Few, Field};
use crate::{DbResult, Reader, Value, params};

/// The condition, with `?` for values.
fn clause(scope: &Scope) -> (&'static str, Vec<Value>) {
    match scope {
        Scope::Enterprise { user, shared_organisation: None } => ("a.owner_id = ?", params![*user]),
        Scope::Enterprise { user, shared_organisation: Some(organisation) } => {
            ("(a.owner_id = ? OR a.organisation_id = ?)", params![*user, *organisation])
        }
        Scope::Bureau(bureau) => (
            "(EXISTS (SELECT 1 FROM application_viewer v WHERE v.application_id = a.id AND v.bureau_code = ?) \
             OR a.entered_by_bureau = ?)",
            params![bureau.clone(), bureau.clone()],
        ),
        Scope::All => ("a.state <> 'draft'", params![]),
    }
}

/// The rows that this scope sees; a WHERE to go on from.
pub fn visible(scope: &Scope) -> Conditions {
    let (sql, values) = clause(scope);
    Conditions::new().and(sql, values)
}

/// The applications of a list: where they come from, and their key, newest first.
#[derive(Debug)]
pub struct Listed {
    source: &'static str,
    key: &'static str,
    /// An enterprise's own applications are few; among the others 模糊 search begins with the endings.
    by_endings: bool,
    /// A WHERE to go on from.
    pub conditions: Conditions,
}

/// What this scope sees in lists, drafts whose time is over left out (D8).
///
/// A bureau's applications are joined, not tested one by one: each is there once, and while no filter asks for more
/// than the key the database answers from the index (E8, E10).
pub fn listed(scope: &Scope, now: Instant) -> Listed {
    let all = Conditions::new();
    match scope {
        Scope::Enterprise { .. } => Listed {
            source: "application a",
            key: "a.id",
            by_endings: false,
            conditions: visible(scope).and("(a.state <> 'draft' OR a.expires_at > ?)", params![now]),
        },
        Scope::Bureau(bureau) => Listed {
            source: "application_viewer v LEFT JOIN application a ON a.id = v.application_id",
            key: "v.application_id",
            by_endings: true,
            conditions: all.and("v.bureau_code = ?", params![bureau.clone()]),
        },
        Scope::All => Listed { source: "application a", key: "a.id", by_endings: true, conditions: visible(scope) },
    }
}

impl Listed {
    /// The same under more conditions.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Conditions) -> Conditions) -> Self {
        Self { conditions: change(self.conditions), ..self }
    }

    /// Those that contain each of the typed texts (D27).
    pub async fn containing(self, read: Reader<'_>, texts: &[(Field, &str)]) -> DbResult<Self> {
        let few = if self.by_endings { Few::of(read, texts).await? } else { None };
        let key = self.key;
        Ok(self.map(|c| c.among(key, few.as_ref()).contain(texts)))
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

    /// `columns` of `application a`, and of its `certificate c` if it has one, for one page. The page is found by its keys; only its own rows are opened.
    pub fn page_sql(&self, columns: &str, limit: i64, offset: i64) -> String {
        let Self { source, key, conditions, .. } = self;
        let conditions = conditions.sql();
        format!(
            "SELECT {columns} FROM application a LEFT JOIN certificate c ON c.application_id = a.id WHERE a.id IN (SELECT {key} FROM {source}{conditions} \
             ORDER BY {key} DESC LIMIT {limit} OFFSET {offset}) ORDER BY a.id DESC"
        )
    }
}

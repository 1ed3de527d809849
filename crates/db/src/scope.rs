//! A policy's `Scope` as a condition on `application a` (E8: EXISTS, never JOIN).

use domain::ids::{AccountId, OrganisationId};
use domain::policy::Scope;
use domain::time::Instant;
use domain::workflow::State;

use crate::keyset::{self, Asked, Column, Direction, Page};
use crate::search::{
    self, Bearers, COUNTED, COUNTED_BY_TEXT, Conditions, FEW, FEW_OF_OTHERS, Field, LineField, Origin, Total,
};
use crate::{DbResult, Reader, Row, Value, params};

/// What an enterprise sees of a table that has both columns: its rows are found by one of them, so that they and their
/// order are one index. Nobody leaves his organisation: with 单位内共享 (D5) his own are among those of his organisation.
pub(crate) fn owned(table: &str, user: AccountId, shared: Option<OrganisationId>) -> Conditions {
    let (column, value) = match shared {
        None => ("owner_id", Value::from(user)),
        Some(organisation) => ("organisation_id", Value::from(organisation)),
    };
    Conditions::new().and(&format!("{table}.{column} = ?"), vec![value])
}

/// The rows that this scope sees; a WHERE to go on from.
pub fn visible(scope: &Scope) -> Conditions {
    let all = Conditions::new();
    match scope {
        Scope::Enterprise { user, shared_organisation } => owned("a", *user, *shared_organisation),
        Scope::Bureau(bureau) => all.and(
            "(EXISTS (SELECT 1 FROM application_viewer v WHERE v.application_id = a.id AND v.bureau_code = ?) \
             OR a.entered_by_bureau = ?)",
            params![bureau.clone(), bureau.clone()],
        ),
        Scope::All => all.and(SUBMITTED, params![]),
    }
}

/// The certificates of an enterprise, found by the owner that each of them keeps; of the other scopes those of their
/// applications.
pub fn certificates_of(scope: &Scope) -> Conditions {
    match scope {
        Scope::Enterprise { user, shared_organisation } => owned("c", *user, *shared_organisation),
        Scope::Bureau(_) | Scope::All => visible(scope),
    }
}

/// As the index of the searched texts has it (`application_submitted`).
const SUBMITTED: &str = "a.state <> 'draft'";

/// The applications of a list: where they come from, and their key, newest first.
#[derive(Debug)]
pub struct Listed {
    source: &'static str,
    key: &'static str,
    /// An enterprise's own applications are few; among the others 模糊 search begins with the endings.
    by_endings: bool,
    /// A WHERE to go on from.
    conditions: Conditions,
    bearers: Option<Bearers>,
    /// A text is looked for.
    by_text: bool,
    /// Not narrowed to a bureau or a user.
    is_whole: bool,
    /// The column of the state.
    state: &'static str,
    /// Up to so many bearers of a text are looked at one by one.
    few: i64,
}

/// A bureau's applications, from whichever side.
const OF_BUREAU: &str = "application_viewer v JOIN application a ON a.id = v.application_id";

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
            bearers: None,
            by_text: false,
            is_whole: false,
            state: "a.state",
            few: FEW,
        },
        Scope::Bureau(bureau) => Listed {
            source: "application_viewer v LEFT JOIN application a ON a.id = v.application_id",
            key: "v.application_id",
            by_endings: true,
            conditions: all.and("v.bureau_code = ?", params![bureau.clone()]),
            bearers: None,
            by_text: false,
            is_whole: false,
            state: "v.state",
            few: FEW_OF_OTHERS,
        },
        Scope::All => Listed {
            source: "application a",
            key: "a.id",
            by_endings: true,
            conditions: visible(scope),
            bearers: None,
            by_text: false,
            is_whole: true,
            state: "a.state",
            few: FEW,
        },
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
        self.holding(read, texts, &[]).await
    }

    /// The same, and one line of whose certificate in force contains each of these (R-2.7-11).
    pub async fn holding(
        self,
        read: Reader<'_>,
        texts: &[(Field, &str)],
        of_line: &[(LineField, &str)],
    ) -> DbResult<Self> {
        let bearers = if self.by_endings { Bearers::of(read, texts, of_line).await? } else { None };
        let conditions = self.conditions.contain(texts).contain_in_line(of_line);
        let few = if of_line.is_empty() { self.few } else { FEW_OF_OTHERS };
        let by_text = self.by_endings
            && (texts.iter().any(|(_, t)| !t.trim().is_empty()) || of_line.iter().any(|(_, t)| !t.trim().is_empty()));
        // No bureau sees a draft; said so, the texts are read in the index of what was submitted.
        let conditions = if by_text && !self.is_whole { conditions.and(SUBMITTED, params![]) } else { conditions };
        Ok(Self { conditions, bearers, by_text, few, ..self })
    }

    /// Those in one of these states; all when none is named.
    #[must_use]
    pub fn in_states(self, states: &[State]) -> Self {
        if states.is_empty() {
            return self;
        }
        let marks = vec!["?"; states.len()].join(", ");
        let state = self.state;
        self.map(|c| c.and(&format!("{state} IN ({marks})"), states.iter().map(|s| Value::from(*s)).collect()))
    }

    /// How many there are, or at least how many ([`COUNTED`], [`COUNTED_BY_TEXT`]) unless the exact number is asked for.
    /// One statement.
    pub async fn total(&self, read: Reader<'_>, exact: bool) -> DbResult<Total> {
        let most = if self.by_text { COUNTED_BY_TEXT } else { COUNTED };
        let joined = if self.is_whole { self.source } else { OF_BUREAU };
        let from = Origin { tables: self.source, joined, application: self.key, is_whole: self.is_whole };
        search::total(read, from, &self.conditions, self.bearers.as_ref(), (!exact).then_some(most)).await
    }

    /// `columns` of `application a`, and of its `certificate c` if it has one, for one page; one statement. The page is
    /// found by its keys; only its own rows are opened.
    pub async fn page<T: Row>(&self, read: Reader<'_>, columns: &str, limit: i64, offset: i64) -> DbResult<Vec<T>> {
        let bearers = self.bearers.as_ref();
        let (from, key, values) = search::newest_first(self.source, self.key, &self.conditions, bearers, self.few);
        let sql = format!(
            "SELECT {columns} FROM application a LEFT JOIN certificate c ON c.application_id = a.id \
             WHERE a.id IN (SELECT {key} FROM {from} ORDER BY {key} DESC LIMIT {limit} OFFSET {offset}) \
             ORDER BY a.id DESC"
        );
        read.rows(&sql, values).await
    }

    /// The same for a page that may begin behind a row: what is added or leaves meanwhile is neither shown twice nor passed
    /// over.
    pub async fn page_at<T: Row>(&self, read: Reader<'_>, columns: &str, asked: &Asked) -> DbResult<Page<T>> {
        let keys = [(Column::Number(self.key), Direction::Descending)];
        keyset::page(read, &keys, &self.conditions, asked, |all: &Conditions, order: &str, limit: i64, offset: i64| {
            let bearers = self.bearers.as_ref();
            let (from, key, values) = search::newest_first(self.source, self.key, all, bearers, self.few);
            let direction = if order.ends_with(" DESC") { " DESC" } else { "" };
            let sql = format!(
                "SELECT {columns}, CAST(a.id AS TEXT) AS page_place FROM application a \
                 LEFT JOIN certificate c ON c.application_id = a.id \
                 WHERE a.id IN (SELECT {key} FROM {from} ORDER BY {key}{direction} LIMIT {limit} OFFSET {offset}) \
                 ORDER BY a.id{direction}"
            );
            (sql, values)
        })
        .await
    }
}

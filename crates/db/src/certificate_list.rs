//! The certificates of a list: where they come from, what the filters ask, and in which order (E8, E10).
//!
//! The page and its total are found by keys, each order in an index; only the rows of the page itself are opened.

use domain::certificate::Standing;
use domain::ids::CertificateId;
use domain::policy::Scope;
use domain::text;
use domain::time::Day;

use crate::keyset::{self, Asked, Column, Direction, Page};
use crate::search::{
    self, Bearers, COUNTED, COUNTED_BY_TEXT, Conditions, FEW_OF_OTHERS, Field, OF_BEARERS, Origin, Total,
};
use crate::{DbResult, Reader, Row, Value, params, scope};

/// The application of a certificate in a list.
const APPLICATION: &str = "c.application_id";
/// The certificates of the country and of a bureau, from whichever side.
const OF_ALL: &str = "certificate c JOIN application a ON a.id = c.application_id";
const OF_BUREAU: &str = "certificate_viewer v JOIN certificate c ON c.id = v.certificate_id \
                         JOIN application a ON a.id = c.application_id";

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

/// What a condition looks at beside the key and the last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Opened {
    Nothing,
    Certificate,
    Application,
}

/// The certificates that a scope sees, under conditions.
#[derive(Debug)]
pub struct Listed {
    scope: Scope,
    key: &'static str,
    last_day: &'static str,
    opened: Opened,
    conditions: Conditions,
    /// An enterprise's own certificates are few; among the others 模糊 search begins with the endings.
    bearers: Option<Bearers>,
    /// A text is looked for.
    by_text: bool,
}

/// What this scope sees. While no filter asks for more than key and last day the database answers from the index alone.
pub fn listed(scope: &Scope) -> Listed {
    let all = Conditions::new();
    let (key, last_day, conditions) = match scope {
        Scope::Enterprise { user, shared_organisation } => {
            ("c.id", "c.valid_to", scope::owned("c", *user, *shared_organisation))
        }
        Scope::Bureau(bureau) => {
            ("v.certificate_id", "v.valid_to", all.and("v.bureau_code = ?", params![bureau.clone()]))
        }
        Scope::All => ("c.id", "c.valid_to", all),
    };
    let opened = Opened::Nothing;
    Listed { scope: scope.clone(), key, last_day, opened, conditions, bearers: None, by_text: false }
}

impl Listed {
    fn and(self, opened: Opened, sql: &str, values: Vec<Value>) -> Self {
        Self { conditions: self.conditions.and(sql, values), opened: self.opened.max(opened), ..self }
    }

    /// The tables that the conditions look at.
    fn tables(&self) -> &'static str {
        match (&self.scope, self.opened) {
            (Scope::Bureau(_), Opened::Nothing) => "certificate_viewer v",
            (Scope::Bureau(_), Opened::Certificate) => {
                "certificate_viewer v LEFT JOIN certificate c ON c.id = v.certificate_id"
            }
            (Scope::Bureau(_), Opened::Application) => {
                "certificate_viewer v LEFT JOIN certificate c ON c.id = v.certificate_id \
                 LEFT JOIN application a ON a.id = c.application_id"
            }
            (Scope::Enterprise { .. } | Scope::All, Opened::Nothing | Opened::Certificate) => "certificate c",
            (Scope::Enterprise { .. } | Scope::All, Opened::Application) => {
                "certificate c LEFT JOIN application a ON a.id = c.application_id"
            }
        }
    }

    /// Those whose application contains each of the typed texts (D27).
    pub async fn containing(self, read: Reader<'_>, texts: &[(Field, &str)]) -> DbResult<Self> {
        if texts.iter().all(|(_, typed)| text::fold(typed).is_empty()) {
            return Ok(self);
        }
        let by_text = !matches!(self.scope, Scope::Enterprise { .. });
        let bearers = if by_text { Bearers::of(read, texts, &[]).await? } else { None };
        let (conditions, opened) = (self.conditions.contain(texts), Opened::Application);
        Ok(Self { opened, conditions, bearers, by_text, ..self })
    }

    /// Those under the conditions; of a text that few bear, among its bearers: they are looked up before they are put in
    /// order.
    fn narrowed(&self) -> Conditions {
        let all = self.conditions.clone();
        let (Scope::Bureau(bureau), Some(bearers)) = (&self.scope, &self.bearers) else {
            return all.among(APPLICATION, self.bearers.as_ref(), FEW_OF_OTHERS);
        };
        if !bearers.are_within(FEW_OF_OTHERS) {
            return all;
        }
        // The bureau's own among them, and of these the certificates.
        let sql = format!(
            "{} IN (SELECT k.id FROM application_viewer w JOIN certificate k ON k.application_id = w.application_id \
             WHERE w.bureau_code = ? AND w.application_id IN ({OF_BEARERS}))",
            self.key
        );
        all.and(&sql, [params![bureau.clone()], bearers.values()].concat())
    }

    /// Those of which this is true today; see [`domain::certificate::standing`].
    #[must_use]
    pub fn standing(self, standing: Standing, today: Day) -> Self {
        match standing {
            Standing::Revoked => self.and(Opened::Certificate, "c.state = 'revoked'", params![]),
            Standing::Surrendered => self.and(Opened::Certificate, "c.state = 'surrendered'", params![]),
            Standing::Amending => self.and(Opened::Certificate, "c.state = 'amending'", params![]),
            Standing::Exhausted => self.and(Opened::Certificate, "c.state = 'valid' AND c.open_lines = 0", params![]),
            Standing::Expired => {
                let last_day = self.last_day;
                self.and(
                    Opened::Certificate,
                    &format!("c.state = 'valid' AND {last_day} < ? AND c.open_lines > 0"),
                    params![today],
                )
            }
            Standing::Valid => {
                let last_day = self.last_day;
                self.and(
                    Opened::Certificate,
                    &format!("c.state = 'valid' AND {last_day} >= ? AND c.open_lines > 0"),
                    params![today],
                )
            }
        }
    }

    /// Those whose last day lies between these two.
    #[must_use]
    pub fn ending(mut self, from: Option<Day>, to: Option<Day>) -> Self {
        let last_day = self.last_day;
        if let Some(from) = from {
            self = self.and(Opened::Nothing, &format!("{last_day} >= ?"), params![from]);
        }
        if let Some(to) = to {
            self = self.and(Opened::Nothing, &format!("{last_day} <= ?"), params![to]);
        }
        self
    }

    /// Those in force, with something left, that end within so many days.
    #[must_use]
    pub fn ending_within(self, days: i64, today: Day) -> Self {
        self.ending(Some(today), Some(today.plus_days(days))).and(
            Opened::Certificate,
            "c.state IN ('valid', 'amending') AND c.open_lines > 0",
            params![],
        )
    }

    /// Those of these ids.
    #[must_use]
    pub fn of(self, ids: &[CertificateId]) -> Self {
        let marks = vec!["?"; ids.len()].join(", ");
        let key = self.key;
        self.and(
            Opened::Nothing,
            &format!("{key} IN ({marks})"),
            ids.iter().map(|id| crate::Value::from(*id)).collect(),
        )
    }

    /// How many there are, or at least how many ([`COUNTED`], [`COUNTED_BY_TEXT`]) unless the exact number is asked for.
    /// One statement.
    pub async fn total(&self, read: Reader<'_>, exact: bool) -> DbResult<Total> {
        let most = (!exact).then_some(if self.by_text { COUNTED_BY_TEXT } else { COUNTED });
        let is_whole = matches!(self.scope, Scope::All);
        let joined = if is_whole { OF_ALL } else { OF_BUREAU };
        let from = Origin { tables: self.tables(), joined, application: APPLICATION, is_whole };
        search::total(read, from, &self.conditions, self.bearers.as_ref(), most).await
    }

    /// `columns` of `certificate c`, its application `a` and its version in force `s`, for one page; one statement.
    pub async fn page<T: Row>(
        &self,
        read: Reader<'_>,
        columns: &str,
        order: Order,
        limit: i64,
        offset: i64,
    ) -> DbResult<Vec<T>> {
        let (sql, values) = self.page_sql(columns, order, limit, offset);
        read.rows(&sql, values).await
    }

    /// The same for a page that may begin behind a row: what is added or leaves meanwhile is neither shown twice nor passed
    /// over.
    pub async fn page_at<T: Row>(
        &self,
        read: Reader<'_>,
        columns: &str,
        sorted: Order,
        asked: &Asked,
    ) -> DbResult<Page<T>> {
        use Direction::{Ascending, Descending};
        let (key, last_day) = (Column::Number(self.key), Column::Text(self.last_day));
        let (keys, shown): (Vec<_>, Vec<_>) = match sorted {
            Order::Newest => (vec![(key, Descending)], vec![(Column::Number("c.id"), Descending)]),
            Order::EndsFirst => (
                vec![(last_day, Ascending), (key, Ascending)],
                vec![(Column::Text("c.valid_to"), Ascending), (Column::Number("c.id"), Ascending)],
            ),
            Order::EndsLast => (
                vec![(last_day, Descending), (key, Descending)],
                vec![(Column::Text("c.valid_to"), Descending), (Column::Number("c.id"), Descending)],
            ),
        };
        let tables = self.tables();
        keyset::page(read, &keys, &self.narrowed(), asked, |all: &Conditions, order: &str, limit: i64, offset: i64| {
            let outer = keyset::order(&shown, *order != keyset::order(&keys, false));
            let sql = format!(
                "SELECT {columns}, {} AS page_place FROM certificate c JOIN application a ON a.id = c.application_id \
                 JOIN certificate_version s ON s.certificate_id = c.id AND s.version = c.version \
                 WHERE c.id IN (SELECT {} FROM {tables}{} ORDER BY {order} LIMIT {limit} OFFSET {offset}) \
                 ORDER BY {outer}",
                keyset::place(&shown),
                self.key,
                all.sql()
            );
            (sql, all.values(vec![]))
        })
        .await
    }

    /// The statement of a page, with its values.
    pub fn page_sql(&self, columns: &str, order: Order, limit: i64, offset: i64) -> (String, Vec<Value>) {
        let Self { key, last_day, .. } = self;
        let (tables, conditions) = (self.tables(), self.narrowed());
        let (inner, outer) = match order {
            Order::Newest => (format!("{key} DESC"), "c.id DESC"),
            Order::EndsFirst => (format!("{last_day}, {key}"), "c.valid_to, c.id"),
            Order::EndsLast => (format!("{last_day} DESC, {key} DESC"), "c.valid_to DESC, c.id DESC"),
        };
        let sql = format!(
            "SELECT {columns} FROM certificate c JOIN application a ON a.id = c.application_id \
             JOIN certificate_version s ON s.certificate_id = c.id AND s.version = c.version \
             WHERE c.id IN (SELECT {key} FROM {tables}{} ORDER BY {inner} LIMIT {limit} OFFSET {offset}) \
             ORDER BY {outer}",
            conditions.sql()
        );
        (sql, conditions.values(vec![]))
    }
}

//! Pages of a list that begin behind a row, or end before one: a row that is added or leaves meanwhile is neither shown twice
//! nor passed over.
//!
//! A place is what the order looks at of the row at the edge of a page. Pages by number still work: they count rows.

use sea_orm::FromQueryResult;

use crate::connection::Want;
use crate::search::Conditions;
use crate::{DbError, DbResult, Reader, Source as _, Value, send};

/// Between the values of a place.
const BETWEEN: char = '~';

/// A column of the order, in SQL; it is never NULL.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    /// A number or an instant.
    Number(&'static str),
    /// A word or a day. Only the first column may hold texts that people typed.
    Text(&'static str),
}

impl Column {
    const fn sql(self) -> &'static str {
        match self {
            Self::Number(sql) | Self::Text(sql) => sql,
        }
    }

    fn value(self, typed: &str) -> Option<Value> {
        match self {
            Self::Number(_) => typed.parse::<i64>().ok().map(Value::from),
            Self::Text(_) => Some(Value::from(typed)),
        }
    }
}

/// The direction of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest first.
    Ascending,
    /// The largest first.
    Descending,
}

impl Direction {
    const fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }

    const fn order(self) -> &'static str {
        match self {
            Self::Ascending => "",
            Self::Descending => " DESC",
        }
    }

    const fn behind(self) -> &'static str {
        match self {
            Self::Ascending => ">",
            Self::Descending => "<",
        }
    }
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// As many rows from the first one as its number says.
    #[default]
    Number,
    /// Behind this row.
    After(String),
    /// It ends before this row.
    Before(String),
}

impl Place {
    /// As an address has it; what is none counts rows.
    pub fn of(typed: &str) -> Self {
        match typed.split_once(BETWEEN) {
            Some(("after", key)) => Self::After(key.to_owned()),
            Some(("before", key)) => Self::Before(key.to_owned()),
            _ => Self::Number,
        }
    }

    /// The page behind this row, for an address.
    pub fn after(key: &str) -> String {
        format!("after{BETWEEN}{key}")
    }

    /// The page before this row, for an address.
    pub fn before(key: &str) -> String {
        format!("before{BETWEEN}{key}")
    }
}

/// The order of a list; the last column is unique.
#[derive(Debug, Clone, Copy)]
pub struct Keyset(pub &'static [(Column, Direction)]);

/// Which page is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where it begins.
    pub place: Place,
    /// Rows on it at most.
    pub limit: i64,
    /// Rows before it, when it is asked for by its number.
    pub offset: i64,
}

/// A page, with the places of its first and its last row; both are `""` when it is empty.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// The place of the first one.
    pub first: String,
    /// The place of the last one.
    pub last: String,
}

/// A column of an order with its direction.
pub(crate) type Key = (Column, Direction);

/// `ORDER BY` without the words.
pub(crate) fn order(keys: &[Key], is_reversed: bool) -> String {
    let one = |(column, direction): &Key| {
        let direction = if is_reversed { direction.reversed() } else { *direction };
        format!("{}{}", column.sql(), direction.order())
    };
    keys.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What a row's place is, in SQL.
pub(crate) fn place(keys: &[Key]) -> String {
    let text = |(column, _): &Key| format!("CAST({} AS TEXT)", column.sql());
    keys.iter().map(text).collect::<Vec<_>>().join(&format!(" || '{BETWEEN}' || "))
}

/// The values of a place; none when it is none of this order.
fn values(keys: &[Key], key: &str) -> Option<Vec<Value>> {
    let mut words: Vec<_> = key.rsplitn(keys.len(), BETWEEN).collect();
    words.reverse();
    if words.len() != keys.len() {
        return None;
    }
    keys.iter().zip(words).map(|((column, _), word)| column.value(word)).collect()
}

/// Only the rows behind a place, or before it.
fn beyond(keys: &[Key], all: Conditions, values: &[Value], is_reversed: bool) -> Conditions {
    let mut ways = Vec::new();
    let mut bound = Vec::new();
    for n in 0..keys.len() {
        let mut way = Vec::new();
        for (i, (column, direction)) in keys.iter().enumerate().take(n + 1) {
            let direction = if is_reversed { direction.reversed() } else { *direction };
            let sign = if i == n { direction.behind() } else { "=" };
            way.push(format!("{} {sign} ?", column.sql()));
            bound.extend(values.get(i).cloned());
        }
        ways.push(format!("({})", way.join(" AND ")));
    }
    // The first column bounds the index; the ways in which a row lies behind follow.
    let mut sql = format!("({})", ways.join(" OR "));
    if let (Some((column, direction)), Some(first)) = (keys.first(), values.first()) {
        let direction = if is_reversed { direction.reversed() } else { *direction };
        sql = format!("{} {}= ? AND {sql}", column.sql(), direction.behind());
        bound.insert(0, first.clone());
    }
    all.and(&sql, bound)
}

/// What makes of conditions, `ORDER BY`, `LIMIT` and `OFFSET` a statement with its values; its rows carry their place as
/// `page_place`, and come in either direction.
pub(crate) trait Text: Fn(&Conditions, &str, i64, i64) -> (String, Vec<Value>) + Sync {}

impl<F: Fn(&Conditions, &str, i64, i64) -> (String, Vec<Value>) + Sync> Text for F {}

/// A page of a list in the order of `keys`.
pub(crate) async fn page<T: FromQueryResult>(
    read: Reader<'_>,
    keys: &[Key],
    conditions: &Conditions,
    asked: &Asked,
    text: impl Text,
) -> DbResult<Page<T>> {
    let edge = match &asked.place {
        Place::Number => None,
        Place::After(key) => values(keys, key).map(|values| (values, false)),
        Place::Before(key) => values(keys, key).map(|values| (values, true)),
    };
    let (ahead, back) = (order(keys, false), order(keys, true));
    if let Some((values, is_reversed)) = edge {
        let beyond = beyond(keys, conditions.clone(), &values, is_reversed);
        let (sql, bound) = text(&beyond, if is_reversed { &back } else { &ahead }, asked.limit, 0);
        let mut found = placed::<T>(read, &sql, bound).await?;
        let is_full = i64::try_from(found.len()) == Ok(asked.limit);
        if is_reversed {
            found.reverse();
        }
        // The first page is shown whole, and what lies behind the last row is shown by its number.
        if is_full || (!is_reversed && !found.is_empty()) {
            return Ok(Page::of(found));
        }
        if is_reversed {
            let (sql, bound) = text(conditions, &ahead, asked.limit, 0);
            return Ok(Page::of(placed(read, &sql, bound).await?));
        }
    }
    let (sql, bound) = text(conditions, &ahead, asked.limit, asked.offset);
    Ok(Page::of(placed(read, &sql, bound).await?))
}

async fn placed<T: FromQueryResult>(read: Reader<'_>, sql: &str, values: Vec<Value>) -> DbResult<Vec<(T, String)>> {
    let found = send(read.connection(), sql, values, Want::All).await?.rows;
    found
        .iter()
        .map(|r| Ok((T::from_query_result(r, "")?, r.try_get::<String>("", "page_place")?)))
        .collect::<Result<_, sea_orm::DbErr>>()
        .map_err(DbError::from)
}

impl Keyset {
    /// A page of the rows of `SELECT {columns} FROM {tables}` under these conditions.
    pub async fn page<T: FromQueryResult>(
        &self,
        read: Reader<'_>,
        (columns, tables): (&str, &str),
        conditions: &Conditions,
        asked: &Asked,
    ) -> DbResult<Page<T>> {
        let text = |all: &Conditions, order: &str, limit: i64, offset: i64| {
            let sql = format!(
                "SELECT {columns}, {} AS page_place FROM {tables}{} ORDER BY {order} LIMIT {limit} OFFSET {offset}",
                place(self.0),
                all.sql()
            );
            (sql, all.values(vec![]))
        };
        page(read, self.0, conditions, asked, text).await
    }
}

impl<T> Page<T> {
    fn of(found: Vec<(T, String)>) -> Self {
        let first = found.first().map(|(_, place)| place.clone()).unwrap_or_default();
        let last = found.last().map(|(_, place)| place.clone()).unwrap_or_default();
        Self { rows: found.into_iter().map(|(row, _)| row).collect(), first, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;
    use crate::testing::TestDb;

    const ORDER: Keyset = Keyset(&[
        (Column::Text("t.name"), Direction::Ascending),
        (Column::Number("t.at"), Direction::Descending),
        (Column::Number("t.id"), Direction::Ascending),
    ]);

    #[derive(Debug, PartialEq, crate::Row)]
    struct Found {
        id: i64,
    }

    /// Whatever rows come and go between two pages, going on shows each of the others once.
    #[tokio::test]
    async fn a_page_goes_on_behind_the_row_where_the_one_before_ended() {
        for test in TestDb::each().await {
            let rows = [("a~b", 5), ("a~b", 9), ("a~b", 9), ("c", 1), ("c", 1), ("d", 0), ("e", 3)];
            let values: Vec<_> = (1..).zip(rows).map(|(id, (name, at))| format!("({id}, '{name}', {at})")).collect();
            let tables = |more: &str| {
                let all = values.iter().cloned().chain((!more.is_empty()).then(|| more.to_owned()));
                let all: Vec<_> = all.collect();
                format!(
                    "(SELECT CAST(column1 AS BIGINT) AS id, column2 AS name, CAST(column3 AS BIGINT) AS at FROM (VALUES {}) v) t",
                    all.join(", ")
                )
            };
            let ask = async |more: &str, place: Place, offset: i64| {
                let asked = Asked { place, limit: 3, offset };
                let all = Conditions::new().and("t.id > ?", params![0]);
                let page = ORDER.page::<Found>(test.db.read(), ("t.id", &tables(more)), &all, &asked).await.unwrap();
                let ids: Vec<_> = page.rows.iter().map(|f| f.id).collect();
                (ids, page.first, page.last)
            };
            let (ids, _, last) = ask("", Place::Number, 0).await;
            assert_eq!(ids, [2, 3, 1]);
            // A row comes before them: by number one would be repeated.
            let (ids, first, last) = ask("(8, 'a', 0)", Place::After(last), 3).await;
            assert_eq!(ids, [4, 5, 6]);
            let (ids, ..) = ask("(8, 'a', 0)", Place::After(last), 6).await;
            assert_eq!(ids, [7]);
            let (ids, ..) = ask("(8, 'a', 0)", Place::Before(first), 0).await;
            assert_eq!(ids, [2, 3, 1]);
            // Behind the end, and where nothing can be read, the number counts.
            assert_eq!(ask("", Place::After("z~0~1".to_owned()), 3).await.0, [4, 5, 6]);
            assert_eq!(ask("", Place::After("nonsense".to_owned()), 3).await.0, [4, 5, 6]);
            // Before the first rows the first page is shown whole.
            assert_eq!(ask("", Place::Before("a~b~9~3".to_owned()), 0).await.0, [2, 3, 1]);
        }
    }

    #[test]
    fn a_place_travels_in_an_address() {
        assert_eq!(Place::of(&Place::after("a~1")), Place::After("a~1".to_owned()));
        assert_eq!(Place::of(&Place::before("7")), Place::Before("7".to_owned()));
        for none in ["", "x", "after", "beside~1"] {
            assert_eq!(Place::of(none), Place::Number, "{none}");
        }
    }
}

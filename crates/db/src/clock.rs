//! What is known of the time besides the process's own clock: the database server's clock, the last time that was known to
//! be right, and what an operator confirmed. [`domain::clock_watch`] judges.

use domain::time::Instant;
use sea_orm::DbBackend;

use crate::{Db, DbError, DbResult, Source, Tx, params, row, rows, setting};

/// The last time that was known to be right, in milliseconds.
const SEEN: &str = "clock_seen";
/// How often an operator has confirmed the clock.
const CONFIRMATIONS: &str = "clock_confirmations";

/// What is known of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The database server's clock; none on SQLite, which has no other clock than ours.
    pub database: Option<Instant>,
    /// The last time that was known to be right.
    pub seen: Option<Instant>,
    /// How often an operator has confirmed the clock.
    pub confirmations: i64,
}

/// Reads what is known of the time.
pub async fn known(db: &Db) -> DbResult<Known> {
    #[derive(crate::Row)]
    struct Setting {
        name: String,
        value: String,
    }
    let read = db.read();
    let conn = read.connection();
    let found: Vec<Setting> =
        rows(conn, "SELECT name, value FROM setting WHERE name IN ($1, $2)", params![SEEN, CONFIRMATIONS]).await?;
    let value = |name: &str| found.iter().find(|s| s.name == name).and_then(|s| s.value.parse::<i64>().ok());
    let database = match conn.backend() {
        DbBackend::Postgres => {
            let sql = "SELECT CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000 AS BIGINT)";
            Some(Instant::from_millis(crate::number(conn, sql, params![]).await?))
        }
        _ => None,
    };
    Ok(Known {
        database,
        seen: value(SEEN).map(Instant::from_millis),
        confirmations: value(CONFIRMATIONS).unwrap_or_default(),
    })
}

/// The time of the newest row of the audit trail.
pub async fn newest_deed(source: &impl Source) -> DbResult<Option<Instant>> {
    #[derive(crate::Row)]
    struct Newest {
        at: Instant,
    }
    let found: Option<Newest> =
        row(source.connection(), "SELECT at FROM audit ORDER BY id DESC LIMIT 1", params![]).await?;
    Ok(found.map(|n| n.at))
}

/// Called when the program starts: a database that was used without the watch begins with its newest deed, a new one now.
pub async fn begin(tx: &Tx, now: Instant) -> DbResult<()> {
    let seen = newest_deed(tx).await?.unwrap_or(now);
    setting::get_or_put(tx, SEEN, &seen.millis().to_string()).await?;
    Ok(())
}

/// The clock is known to be right at this moment.
pub async fn note(tx: &Tx, now: Instant) -> DbResult<()> {
    setting::put(tx, SEEN, &now.millis().to_string()).await
}

/// An operator confirms that this is the time; running processes learn of it.
pub async fn confirm(tx: &Tx, now: Instant) -> DbResult<()> {
    note(tx, now).await?;
    let n = setting::get(tx, CONFIRMATIONS).await?.and_then(|n| n.parse::<i64>().ok()).unwrap_or_default();
    let next = n.checked_add(1).ok_or_else(|| DbError::Inconsistent("confirmations of the clock".to_owned()))?;
    setting::put(tx, CONFIRMATIONS, &next.to_string()).await
}

//! Whether the database answers and takes writes, for readiness.

use domain::time::Instant;

use crate::{Cause, Db, DbError, DbResult, params, setting};

/// What is wrong with the database, with the words of the database for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It does not answer.
    Unreachable(String),
    /// It answers, and refuses every write.
    ReadOnly(String),
    /// It answers, and has no room for a write.
    Full(String),
}

/// The setting that a probe writes.
const PROBED_AT: &str = "probed_at";

/// Reads, and commits one small write: nothing less shows that a form could be stored.
pub async fn probe(db: &Db, now: Instant) -> Result<(), Trouble> {
    let read = db.read().number("SELECT CAST(1 AS BIGINT)", params![]).await;
    read.map_err(|error| Trouble::Unreachable(error.to_string()))?;
    write(db, now).await.map_err(|error| trouble(&error))
}

async fn write(db: &Db, now: Instant) -> DbResult<()> {
    let tx = db.begin().await?;
    setting::put(&tx, PROBED_AT, &now.millis().to_string()).await?;
    tx.commit().await
}

/// What an error of a write means.
fn trouble(error: &DbError) -> Trouble {
    let said = error.to_string();
    match error {
        DbError::Unavailable { cause: Cause::ReadOnly, .. } => Trouble::ReadOnly(said),
        DbError::Unavailable { cause: Cause::Full, .. } => Trouble::Full(said),
        _ => Trouble::Unreachable(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestDb, on_writer, try_sql};

    const NOW: Instant = Instant::from_millis(1);

    #[tokio::test]
    async fn a_database_that_takes_writes_is_well() {
        for test in TestDb::each().await {
            assert_eq!(probe(&test.db, NOW).await, Ok(()));
        }
    }

    #[tokio::test]
    async fn a_read_only_sqlite_is_named() {
        let test = TestDb::sqlite().await;
        on_writer(&test.db, "PRAGMA query_only = ON").await.unwrap();
        assert!(matches!(probe(&test.db, NOW).await, Err(Trouble::ReadOnly(_))));
    }

    #[tokio::test]
    async fn a_full_sqlite_is_named() {
        let test = TestDb::sqlite().await;
        on_writer(&test.db, "PRAGMA max_page_count = 1").await.unwrap();
        let fill = "INSERT INTO setting (name, value) VALUES ('large', hex(zeroblob(100000)))";
        let error = try_sql(&test.db, fill).await.unwrap_err();
        assert!(matches!(trouble(&error), Trouble::Full(_)), "{error}");
    }

    #[tokio::test]
    async fn a_read_only_postgresql_is_named() {
        let Some(test) = TestDb::postgres().await else { return };
        let name = test.address.rsplit('/').next().unwrap();
        try_sql(&test.db, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await.unwrap();
        let again = Db::open(&test.address).await.unwrap();
        assert!(matches!(probe(&again, NOW).await, Err(Trouble::ReadOnly(_))));
        again.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_closed_database_is_unreachable() {
        for test in TestDb::each().await {
            test.db.clone().close().await.unwrap();
            assert!(matches!(probe(&test.db, NOW).await, Err(Trouble::Unreachable(_))));
        }
    }
}

//! Whether the database answers and takes writes, for readiness.

use domain::time::Instant;
use sea_orm::{DbErr, RuntimeErr};

use crate::{Db, DbError, DbResult, params, setting};

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
    match code(error).as_deref() {
        // SQLite: the low byte of an extended code is the kind. PostgreSQL: SQLSTATE.
        Some("25006") => Trouble::ReadOnly(said),
        Some("53100") => Trouble::Full(said),
        Some(code) => match code.parse::<i64>().map(|n| n & 0xff) {
            Ok(8) => Trouble::ReadOnly(said),
            Ok(13) => Trouble::Full(said),
            _ => Trouble::Unreachable(said),
        },
        None => Trouble::Unreachable(said),
    }
}

/// The code of the database's own error.
fn code(error: &DbError) -> Option<String> {
    let DbError::Sql(DbErr::Exec(RuntimeErr::SqlxError(e)) | DbErr::Query(RuntimeErr::SqlxError(e))) = error else {
        return None;
    };
    Some(e.as_database_error()?.code()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestDb, try_sql};
    use sea_orm::ConnectionTrait as _;

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
        test.db.write.execute_unprepared("PRAGMA query_only = ON").await.unwrap();
        assert!(matches!(probe(&test.db, NOW).await, Err(Trouble::ReadOnly(_))));
    }

    #[tokio::test]
    async fn a_full_sqlite_is_named() {
        let test = TestDb::sqlite().await;
        test.db.write.execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
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

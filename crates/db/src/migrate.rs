//! Applies `migrations/*.sql`, expanding the words in which the databases differ: `@ID@` is the key column, `@BYTEWISE@` text
//! compared byte by byte, `@CLUSTERED@` a table that is its own primary key, where there is such a thing;
//! `@FOLD(column)@` a folded text folded anew.
//!
//! Each file is applied in a transaction of its own, together with its row in the table of applied migrations, so that a
//! program that is killed leaves each file applied whole or not at all. Several programs may start at once: on PostgreSQL an
//! advisory lock lets one of them work at a time, on SQLite the write lock does, and every transaction looks again at what is
//! applied before it does anything. The row holds the SHA-256 of the expanded file: what this program does not know, or
//! knows with another content, is refused before anything is changed.

use std::time::Duration;

use anyhow::Context as _;
use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::sqlx::sqlite::SqlitePoolOptions;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, FromQueryResult, SqliteTransactionMode,
    SqlxPostgresConnector, SqlxSqliteConnector, Statement, TransactionOptions, TransactionTrait, Value,
};
use sha2::{Digest as _, Sha256};

use crate::params;

/// The table of applied migrations. Its name, and its columns but the checksum, are those of the library that applied
/// migrations at first, so a database of that time is taken over as it is.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS seaql_migrations (version TEXT NOT NULL PRIMARY KEY, \
                      applied_at BIGINT NOT NULL, checksum TEXT NOT NULL DEFAULT '')";

/// Adds what such a table lacks.
const ADD_CHECKSUM: &str = "ALTER TABLE seaql_migrations ADD COLUMN checksum TEXT NOT NULL DEFAULT ''";

/// The key of the advisory lock on PostgreSQL: `mianban` in ASCII.
const LOCK: i64 = 0x006d_6961_6e62_616e;

/// How long SQLite waits for the write lock: another program may be applying a file to a large database.
const PATIENCE: Duration = Duration::from_mins(10);

/// One file of `migrations/`.
struct File {
    name: &'static str,
    sql: &'static str,
    /// Only on this database; `None` = both.
    only: Option<DbBackend>,
}

macro_rules! file {
    ($name:literal) => {
        File { name: $name, sql: include_str!(concat!("../../../migrations/", $name, ".sql")), only: None }
    };
    ($only:ident, $folder:literal, $name:literal) => {
        File {
            name: $name,
            sql: include_str!(concat!("../../../migrations/", $folder, "/", $name, ".sql")),
            only: Some(DbBackend::$only),
        }
    };
}

/// In order; append only.
const FILES: &[fn() -> File] = &[
    || file!("0001_reference"),
    || file!("0002_accounts"),
    || file!("0003_applications"),
    || file!("0004_certificates"),
    || file!("0005_jobs_and_bulletins"),
    || file!(Sqlite, "sqlite", "0006_append_only"),
    || file!(Postgres, "postgres", "0006_append_only_postgres"),
    || file!("0007_passwords"),
    || file!("0008_shared_fields"),
    || file!("0009_lists"),
    || file!("0010_search"),
    || file!("0011_product_templates"),
    || file!("0012_corrections"),
    || file!("0013_letters_and_second_factor"),
    || file!("0015_calendar"),
    || file!("0016_certificate_counts"),
    || file!("0020_amendments"),
    || file!("0025_ledger"),
    || file!(Sqlite, "sqlite", "0026_ledger_append_only"),
    || file!(Postgres, "postgres", "0026_ledger_append_only_postgres"),
    || file!("0027_pre_write_off_declarer"),
    || file!(Sqlite, "sqlite", "0030_security_letters"),
    || file!(Postgres, "postgres", "0030_security_letters_postgres"),
    || file!("0040_certificate_lists"),
    || file!("0045_usage"),
    || file!("0050_officers"),
    || file!("0051_publishing"),
    || file!("0060_routing"),
    || file!("0061_audit_query"),
    || file!("0052_reference_editions"),
    || file!("0072_worklists"),
    || file!("0071_statistics"),
    || file!("0070_port_systems"),
    || file!("0076_lines_in_force"),
    || file!("0077_statistic_margins"),
    || file!(Sqlite, "sqlite", "0078_audit_subjects"),
    || file!(Postgres, "postgres", "0078_audit_subjects_postgres"),
    || file!("0079_exports"),
    || file!("0085_proxy_entry"),
    || file!("0073_review"),
    || file!("0074_case_notes"),
    || file!(Sqlite, "sqlite", "0075_case_notes_append_only"),
    || file!(Postgres, "postgres", "0075_case_notes_append_only_postgres"),
    || file!("0080_history"),
    || file!("0081_comparison"),
    || file!("0086_search"),
    || file!("0087_lines_found"),
    || file!("0088_regions"),
    || file!("0089_lists_at_scale"),
    || file!("0090_owners_and_viewers"),
    || file!("0091_jobs_for_days"),
    || file!("0092_deleted_drafts"),
    || file!("0093_paper_keys"),
    || file!("0094_organisations"),
    || file!("0097_evidence"),
    || file!("0098_duties"),
    || file!("0099_folding"),
    || file!("0100_calendar"),
];

/// The dots that [`domain::text::fold`] makes a full stop of, as far as folding left them before.
const DOTS: &str = "\u{b7}\u{2022}\u{2027}\u{2219}\u{22c5}\u{2e31}\u{30fb}";
/// What it drops because nobody can see it: what is found in texts that were pasted.
const UNSEEN: &str = "\u{ad}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2061}\
                      \u{2062}\u{2063}\u{2064}\u{2066}\u{2067}\u{2068}\u{2069}\u{fe0e}\u{fe0f}\u{feff}";

/// Expands `@FOLD(column)@`.
fn folding(sql: &str) -> String {
    let mut parts = sql.split("@FOLD(");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (column, rest) = part.split_once(")@").unwrap_or((part, ""));
        let mut folded = column.to_owned();
        let dots = DOTS.chars().map(|dot| (dot, "."));
        for (from, to) in dots.chain(UNSEEN.chars().map(|unseen| (unseen, ""))) {
            folded = format!("REPLACE({folded}, '{from}', '{to}')");
        }
        out.push_str(&folded);
        out.push_str(rest);
    }
    out
}

impl File {
    /// The SQL for this database; nothing where the file is for the other one.
    fn expanded(&self, backend: DbBackend) -> String {
        if self.only.is_some_and(|only| only != backend) {
            return String::new();
        }
        let (key, bytewise, clustered) = match backend {
            DbBackend::Postgres => ("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "COLLATE \"C\"", ""),
            // AUTOINCREMENT: the id of a deleted draft is never given to another application (E2).
            _ => ("INTEGER PRIMARY KEY AUTOINCREMENT", "", "WITHOUT ROWID"),
        };
        let sql = self.sql.replace("@ID@", key).replace("@BYTEWISE@", bytewise).replace("@CLUSTERED@", clustered);
        folding(&sql)
    }
}

/// The SQL of a file, for tests of what it does to data that are there.
pub(crate) fn sql_of(name: &str, backend: DbBackend) -> Option<String> {
    FILES.iter().map(|file| file()).find(|file| file.name == name).map(|file| file.expanded(backend))
}

/// A migration for the database at hand.
struct Step {
    name: &'static str,
    sql: String,
    checksum: String,
}

fn steps(backend: DbBackend) -> Vec<Step> {
    let step = |file: &fn() -> File| {
        let file = file();
        let sql = file.expanded(backend);
        Step { name: file.name, checksum: hex::encode(Sha256::digest(&sql)), sql }
    };
    FILES.iter().map(step).collect()
}

/// A row of the table of applied migrations.
#[derive(crate::Row)]
struct Applied {
    version: String,
    checksum: String,
}

pub(crate) fn statement<C: ConnectionTrait>(conn: &C, sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(conn.get_database_backend(), sql, values)
}

/// What is applied, in no order; nothing when there is no table yet. The checksums of a table that lacks them are blank.
async fn applied<C: ConnectionTrait>(conn: &C) -> anyhow::Result<Vec<Applied>> {
    let sql = match columns(conn).await? {
        0 => return Ok(Vec::new()),
        2 => "SELECT version, '' AS checksum FROM seaql_migrations",
        _ => "SELECT version, checksum FROM seaql_migrations",
    };
    let found = conn.query_all_raw(statement(conn, sql, params![])).await?;
    Ok(found.iter().map(|row| Applied::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// How many columns the table of applied migrations has; 0 = there is none.
async fn columns<C: ConnectionTrait>(conn: &C) -> anyhow::Result<i64> {
    let sql = match conn.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT COUNT(*) FROM pg_attribute WHERE attrelid = to_regclass('seaql_migrations') \
             AND attnum > 0 AND NOT attisdropped"
        }
        _ => "SELECT COUNT(*) FROM pragma_table_info('seaql_migrations')",
    };
    let found = conn.query_one_raw(statement(conn, sql, params![])).await?;
    Ok(found.map_or(Ok(0), |row| row.try_get_by_index(0))?)
}

/// The database is that of a newer or another program: the text is the sentence for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OtherProgram(String);

/// Refuses a database that another program has made.
fn judge(steps: &[Step], applied: &[Applied]) -> anyhow::Result<()> {
    for row in applied {
        let name = &row.version;
        let Some(step) = steps.iter().find(|s| s.name == name) else {
            return Err(OtherProgram(format!(
                "the database has the migration {name}, which this program does not know: a newer program has upgraded \
                 it; start that program, or restore the backup that was made before the upgrade"
            ))
            .into());
        };
        if !row.checksum.is_empty() && row.checksum != step.checksum {
            return Err(OtherProgram(format!(
                "the database was made with another text of the migration {name} than this program has: start the \
                 program that made it, or one that was released after it"
            ))
            .into());
        }
    }
    Ok(())
}

/// The names of what is missing; refuses a database of another program.
pub(crate) async fn pending(conn: &DatabaseConnection) -> anyhow::Result<Vec<String>> {
    let (steps, applied) = (steps(conn.get_database_backend()), applied(conn).await?);
    judge(&steps, &applied)?;
    let is_missing = |s: &&Step| applied.iter().all(|row| row.version != s.name);
    Ok(steps.iter().filter(is_missing).map(|s| s.name.to_owned()).collect())
}

/// Where a migration stands in the list, from 0.
pub(crate) fn position(name: &str) -> Option<usize> {
    FILES.iter().position(|file| file().name == name)
}

/// The newest migration that is applied, in the order of the list; refuses a database of another program.
pub(crate) async fn newest_applied(conn: &DatabaseConnection) -> anyhow::Result<Option<String>> {
    let (steps, applied) = (steps(conn.get_database_backend()), applied(conn).await?);
    judge(&steps, &applied)?;
    let is_applied = |s: &&Step| applied.iter().any(|row| row.version == s.name);
    Ok(steps.iter().rev().find(is_applied).map(|s| s.name.to_owned()))
}

/// Applies what is missing; says the names of what this call applied.
pub(crate) async fn up(conn: &DatabaseConnection) -> anyhow::Result<Vec<String>> {
    up_to(conn, FILES.len()).await
}

/// Applies what is missing of the first `n` migrations.
pub(crate) async fn up_to(conn: &DatabaseConnection, n: usize) -> anyhow::Result<Vec<String>> {
    let steps = steps(conn.get_database_backend());
    let found = applied(conn).await?;
    judge(&steps, &found)?;
    let is_known = |s: &Step| found.iter().any(|row| row.version == s.name && !row.checksum.is_empty());
    if steps.iter().take(n).all(is_known) {
        return Ok(Vec::new());
    }
    let session = session(conn).await?;
    let outcome = apply(&session, &steps, n).await;
    // The advisory lock ends with its session, a transaction that failed with its connection.
    let closed = session.close().await;
    let names = outcome?;
    closed?;
    Ok(names)
}

/// A pool of one connection that stays open: the lock of PostgreSQL belongs to its session. No time limit that pages have
/// ends a migration, which may rewrite a large table.
pub(crate) async fn session(conn: &DatabaseConnection) -> anyhow::Result<DatabaseConnection> {
    if conn.get_database_backend() == DbBackend::Postgres {
        let options = conn.get_postgres_connection_pool().connect_options();
        let options = options.as_ref().clone().options([
            ("statement_timeout", "0"),
            ("lock_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ]);
        let one = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        return Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(one.connect_with(options).await?));
    }
    let options = conn.get_sqlite_connection_pool().connect_options();
    let options = options.as_ref().clone().busy_timeout(PATIENCE);
    let one = SqlitePoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(one.connect_with(options).await?))
}

async fn begin(session: &DatabaseConnection) -> anyhow::Result<DatabaseTransaction> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    Ok(session.begin_with_options(options).await?)
}

async fn apply(session: &DatabaseConnection, steps: &[Step], n: usize) -> anyhow::Result<Vec<String>> {
    if session.get_database_backend() == DbBackend::Postgres {
        session.execute_unprepared(&format!("SELECT pg_advisory_lock({LOCK})")).await?;
    }
    take_over(session, steps).await?;
    let mut names = Vec::new();
    for step in steps.iter().take(n) {
        let tx = begin(session).await?;
        // Another program may have applied it since.
        if applied(&tx).await?.iter().any(|row| row.version == step.name) {
            tx.rollback().await?;
            continue;
        }
        let failed = || format!("the migration {} failed, and nothing of it was kept", step.name);
        if !step.sql.is_empty() {
            tx.execute_unprepared(&step.sql).await.with_context(failed)?;
        }
        note(&tx, step).await.with_context(failed)?;
        tx.commit().await.with_context(failed)?;
        names.push(step.name.to_owned());
    }
    Ok(names)
}

/// Makes the table of applied migrations, or adds the checksums to one that lacks them.
async fn take_over(session: &DatabaseConnection, steps: &[Step]) -> anyhow::Result<()> {
    let tx = begin(session).await?;
    tx.execute_unprepared(CREATE).await?;
    if columns(&tx).await? == 2 {
        tx.execute_unprepared(ADD_CHECKSUM).await?;
    }
    let found = applied(&tx).await?;
    judge(steps, &found)?;
    for row in found.iter().filter(|row| row.checksum.is_empty()) {
        let Some(step) = steps.iter().find(|s| s.name == row.version) else { continue };
        let sql = "UPDATE seaql_migrations SET checksum = $1 WHERE version = $2";
        tx.execute_raw(statement(&tx, sql, params![step.checksum.clone(), step.name])).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The row of a migration, in seconds since 1970 by the clock of the database.
async fn note(tx: &DatabaseTransaction, step: &Step) -> anyhow::Result<()> {
    let now = match tx.get_database_backend() {
        DbBackend::Postgres => "CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)",
        _ => "CAST(strftime('%s', 'now') AS INTEGER)",
    };
    let sql = format!("INSERT INTO seaql_migrations (version, checksum, applied_at) VALUES ($1, $2, {now})");
    tx.execute_raw(statement(tx, &sql, params![step.name, step.checksum.clone()])).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Db;
    use crate::testing::{TestDb, try_sql};

    /// What the migration replaces is what folding replaces, and nothing of it is left by folding.
    #[test]
    fn the_migration_folds_like_the_program() {
        for dot in DOTS.chars() {
            assert_eq!(domain::text::fold(&dot.to_string()), ".", "U+{:04X}", u32::from(dot));
        }
        for unseen in UNSEEN.chars() {
            assert_eq!(domain::text::fold(&format!("a{unseen}b")), "ab", "U+{:04X}", u32::from(unseen));
        }
        assert_eq!(
            folding("x = @FOLD(a)@;").matches("REPLACE(").count(),
            DOTS.chars().count() + UNSEEN.chars().count()
        );
    }

    async fn count(db: &Db, sql: &str) -> i64 {
        db.read().number(sql, params![]).await.unwrap()
    }

    #[tokio::test]
    async fn each_migration_is_noted_with_its_checksum() {
        let all = i64::try_from(FILES.len()).unwrap();
        for test in TestDb::each_bare().await {
            assert_eq!(count(&test.db, "SELECT COUNT(*) FROM seaql_migrations").await, all);
            let sql = "SELECT COUNT(*) FROM seaql_migrations WHERE LENGTH(checksum) = 64 AND applied_at > 1600000000";
            assert_eq!(count(&test.db, sql).await, all);
            assert!(test.db.migrate().await.unwrap().is_empty());
            assert!(test.db.pending_migrations().await.unwrap().is_empty());
        }
    }

    /// A database whose table has no checksums yet: they are added, and nothing is applied again.
    #[tokio::test]
    async fn a_table_without_checksums_is_taken_over() {
        for test in TestDb::each_empty().await {
            up_to(&test.db.write.sea_orm(), FILES.len() - 1).await.unwrap();
            try_sql(&test.db, "ALTER TABLE seaql_migrations DROP COLUMN checksum").await.unwrap();
            let last = FILES.last().unwrap()().name;
            assert_eq!(test.db.pending_migrations().await.unwrap(), [last]);
            assert_eq!(test.db.migrate().await.unwrap(), [last]);
            assert_eq!(count(&test.db, "SELECT COUNT(*) FROM seaql_migrations WHERE checksum = ''").await, 0);
            assert!(test.db.migrate().await.unwrap().is_empty());
        }
    }

    /// What this program does not know, or knows otherwise, is refused, and nothing is changed.
    #[tokio::test]
    async fn a_database_of_another_program_is_refused() {
        for test in TestDb::each_bare().await {
            for (sql, says) in [
                (
                    "INSERT INTO seaql_migrations (version, checksum, applied_at) VALUES ('9999_future', 'x', 1)",
                    "has the migration 9999_future, which this program does not know",
                ),
                (
                    "UPDATE seaql_migrations SET checksum = 'other' WHERE version = '0003_applications'",
                    "another text of the migration 0003_applications",
                ),
            ] {
                try_sql(&test.db, sql).await.unwrap();
                for refused in [test.db.migrate().await, test.db.pending_migrations().await] {
                    let said = refused.unwrap_err().to_string();
                    assert!(said.contains(says), "{said}");
                }
                try_sql(&test.db, "DELETE FROM seaql_migrations WHERE version = '9999_future'").await.unwrap();
            }
        }
    }

    /// A migration that fails in its middle leaves nothing of itself, and says which it is.
    #[tokio::test]
    async fn a_failing_migration_leaves_nothing() {
        for test in TestDb::each_empty().await {
            let db = &test.db;
            up_to(&db.write.sea_orm(), 3).await.unwrap();
            // The last table of 0004 is there already.
            try_sql(db, "CREATE TABLE certificate_item (id BIGINT)").await.unwrap();
            let said = db.migrate().await.unwrap_err().to_string();
            assert_eq!(said, "the migration 0004_certificates failed, and nothing of it was kept");
            assert!(try_sql(db, "SELECT 1 FROM certificate").await.is_err(), "its first table is not there");
            try_sql(db, "DROP TABLE certificate_item").await.unwrap();
            assert_eq!(db.migrate().await.unwrap().len(), FILES.len() - 3);
        }
    }

    /// The schema of SQLite is changed in the documented way (0078), also inside a transaction.
    #[tokio::test]
    async fn the_changed_check_of_sqlite_holds() {
        let test = TestDb::sqlite().await;
        let sql =
            "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'audit' AND sql LIKE '%CHECK (subject_kind <> '''')%'";
        assert_eq!(count(&test.db, sql).await, 1);
        let sql = "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'";
        assert_eq!(count(&test.db, sql).await, 1);
        assert_eq!(count(&test.db, "SELECT COUNT(*) FROM pragma_foreign_key_check").await, 0);
        let insert = "INSERT INTO audit (subject_kind, subject_id, at, actor_name, action, opinion, detail, address, \
                      previous_hash, hash) VALUES ('port_system', 1, 1, '', '', '', '', '', '', '')";
        try_sql(&test.db, insert).await.unwrap();
    }

    /// Several programs start at once on a database with nothing in it: each ends well, each file is applied once.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn programs_that_start_at_once_agree() {
        for test in TestDb::each_empty().await {
            let mut starts = Vec::new();
            for _ in 0..3 {
                let address = test.address.clone();
                starts.push(tokio::spawn(async move {
                    let db = Db::open(&address).await.unwrap();
                    let names = db.migrate().await.unwrap();
                    db.close().await.unwrap();
                    names.len()
                }));
            }
            let mut all = 0;
            for start in starts {
                all += start.await.unwrap();
            }
            assert_eq!(all, FILES.len());
        }
    }
}

//! Connections and transactions: every wait has an end, and a connection that is in doubt is closed.
//!
//! The program controls transactions itself and leaves only the pool and the wire protocol to sqlx. The reason is a
//! fault of the layers below (sqlx 0.9.0, sea-orm 2.0.4, SQLite 3.50), which lost acknowledged writes:
//!
//! 1. When the disk is full (`SQLITE_FULL`, likewise `IOERR`, `NOMEM`, `INTERRUPT`, sometimes `BUSY`), SQLite rolls the
//!    whole transaction back by itself. The connection is then in autocommit mode.
//! 2. The `ROLLBACK` that sqlx sends afterwards fails ("no transaction is active"), and sqlx lowers its transaction
//!    depth only after a successful one. The depth stays 1.
//! 3. sea-orm asks for that depth and opens the next transaction with `SAVEPOINT` in place of `BEGIN`. `COMMIT` becomes
//!    `RELEASE`; this still stores, because a savepoint outside of a transaction opens one.
//! 4. The next `ROLLBACK TO` leaves that outer savepoint open for ever. From then on nothing that this connection
//!    "commits" is ever stored, and every caller is told that it was.
//!
//! Hence three rules. A transaction that saw an error cannot be committed, and runs no further statement: after an
//! automatic rollback that statement would be committed alone. A connection whose error may have ended a transaction,
//! or whose answer did not come in time, is closed and never used again. What the pool takes back was rolled back with
//! a successful `ROLLBACK`, or committed with a successful `COMMIT`.
//!
//! On PostgreSQL the first rule has a second reason: `COMMIT` of a transaction that saw an error answers without an
//! error and rolls back.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbBackend, DbErr, QueryResult, RuntimeErr, Value, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::pool::{PoolConnection, PoolConnectionMetadata, PoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteError, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Postgres, Sqlite};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{DbError, DbResult};

/// How long a request waits for one answer of the database: for a connection and its first statement together, for every
/// further statement, and for a commit. Together with the work around it, the user has a page within 10 s.
const REQUEST_LIMIT: Duration = Duration::from_secs(8);

/// How long a connection may take to become usable again after it was given back: a rollback, and a ping.
const RETURN_LIMIT: Duration = Duration::from_secs(3);

/// How long an idle connection may take to answer a ping before it is used.
const PING_LIMIT: Duration = Duration::from_secs(1);

/// A connection that was idle for less than this is used without a ping, unless the pool is suspect.
const TRUSTED_IDLE: Duration = Duration::from_secs(5);

/// How long after a connection broke every other connection is pinged before it is used.
const SUSPECT_FOR: Duration = Duration::from_mins(1);

/// How long `BEGIN IMMEDIATE` waits for a writer of another process; shorter than [`REQUEST_LIMIT`].
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(6);

/// Connections of each PostgreSQL pool.
const POSTGRES_CONNECTIONS: u32 = 8;

/// Readers of a SQLite database. There is one writer: a fair queue in our own process replaces busy polling (E6).
const SQLITE_READERS: u32 = 4;

tokio::task_local! {
    static STATEMENTS: Cell<u64>;
    static LIMIT: Duration;
}

/// Runs `work` and counts the statements that it sent (BEGIN and COMMIT are not counted).
pub async fn counting<F: Future>(work: F) -> (F::Output, u64) {
    STATEMENTS
        .scope(Cell::new(0), async {
            let out = work.await;
            (out, STATEMENTS.with(Cell::get))
        })
        .await
}

/// Runs `work` with another limit for each statement than that of a request: for jobs and commands, whose statements may
/// take longer than a user waits.
pub async fn with_statement_limit<F: Future>(limit: Duration, work: F) -> F::Output {
    LIMIT.scope(limit, work).await
}

fn limit() -> Duration {
    LIMIT.try_with(|limit| *limit).unwrap_or(REQUEST_LIMIT)
}

/// Why the database did not do what it was asked, through no fault of the statement. Trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No answer within the limit.
    NoAnswer,
    /// The connection broke, or none could be made.
    Lost,
    /// The disk, or another resource of the server, is used up.
    Full,
    /// The database can only be read.
    ReadOnly,
    /// Reading or writing the storage failed.
    Storage,
    /// Others held a lock for too long.
    Busy,
}

impl Cause {
    /// A word for logs and `/readyz`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoAnswer => "no-answer",
            Self::Lost => "unreachable",
            Self::Full => "full",
            Self::ReadOnly => "read-only",
            Self::Storage => "storage-error",
            Self::Busy => "busy",
        }
    }
}

/// What an error says about the connection that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The statement was at fault. The connection is sound.
    Statement,
    /// Close the connection: its transaction may be gone, or it is itself.
    Close(Cause),
}

fn judge(error: &sqlx::Error) -> Verdict {
    match error {
        sqlx::Error::Database(error) => match error.try_downcast_ref::<SqliteError>() {
            Some(_) => judge_sqlite(error.code().and_then(|c| c.parse().ok()).unwrap_or(0)),
            None => judge_postgres(&error.code().unwrap_or_default()),
        },
        sqlx::Error::PoolTimedOut => Verdict::Close(Cause::NoAnswer),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => Verdict::Close(Cause::Lost),
        _ => Verdict::Statement,
    }
}

/// By the primary result code, the low byte of the extended one. <https://www.sqlite.org/rescode.html>
const fn judge_sqlite(code: u32) -> Verdict {
    match code & 0xff {
        // BUSY, LOCKED, PROTOCOL (locking protocol of the write-ahead log)
        5 | 6 | 15 => Verdict::Close(Cause::Busy),
        // NOMEM, FULL
        7 | 13 => Verdict::Close(Cause::Full),
        // READONLY
        8 => Verdict::Close(Cause::ReadOnly),
        // INTERRUPT
        9 => Verdict::Close(Cause::NoAnswer),
        // IOERR, CORRUPT, CANTOPEN, NOTADB
        10 | 11 | 14 | 26 => Verdict::Close(Cause::Storage),
        _ => Verdict::Statement,
    }
}

/// By SQLSTATE. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn judge_postgres(state: &str) -> Verdict {
    match state {
        // cannot_connect_now, admin_shutdown, crash_shutdown, idle_in_transaction_session_timeout
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" => Verdict::Close(Cause::Lost),
        // query_canceled, lock_not_available
        "57014" | "55P03" => Verdict::Close(Cause::NoAnswer),
        // read_only_sql_transaction
        "25006" => Verdict::Close(Cause::ReadOnly),
        // serialization_failure, deadlock_detected
        "40001" | "40P01" => Verdict::Close(Cause::Busy),
        _ => match state.get(..2) {
            // connection exception
            Some("08") => Verdict::Close(Cause::Lost),
            // insufficient resources: disk_full, out_of_memory, too_many_connections
            Some("53") => Verdict::Close(Cause::Full),
            // system error: io_error
            Some("58") => Verdict::Close(Cause::Storage),
            _ => Verdict::Statement,
        },
    }
}

fn error_of(error: sqlx::Error) -> DbError {
    match judge(&error) {
        Verdict::Close(cause) => DbError::Unavailable { cause, detail: error.to_string() },
        Verdict::Statement => DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))).into(),
    }
}

fn no_answer(limit: Duration) -> DbError {
    DbError::Unavailable { cause: Cause::NoAnswer, detail: format!("no answer within {} ms", limit.as_millis()) }
}

/// Which rows of the answer are wanted.
#[derive(Debug, Clone, Copy)]
pub enum Want {
    /// All rows.
    All,
    /// The first row, if any.
    First,
    /// No rows: only how many were changed.
    Count,
}

/// What a statement gave.
#[derive(Debug, Default)]
pub struct Answer {
    /// The rows that were wanted.
    pub rows: Vec<QueryResult>,
    /// How many rows it changed.
    pub affected: u64,
}

/// Something that runs statements: a pool, or an open transaction.
pub trait Runs: Sync {
    /// Runs one statement with `$n` placeholders.
    fn run(&self, sql: &str, values: Vec<Value>, want: Want) -> impl Future<Output = DbResult<Answer>> + Send;
}

/// When a connection last broke, shared by the pools of one database.
#[derive(Debug)]
struct Health {
    opened: std::time::Instant,
    /// Milliseconds after `opened` until which every connection is pinged before it is used.
    suspect_until_ms: AtomicU64,
}

impl Health {
    fn new() -> Arc<Self> {
        Arc::new(Self { opened: std::time::Instant::now(), suspect_until_ms: AtomicU64::new(0) })
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn suspect(&self) {
        let until = self.elapsed_ms() + u64::try_from(SUSPECT_FOR.as_millis()).unwrap_or(u64::MAX);
        self.suspect_until_ms.store(until, Ordering::Relaxed);
    }

    fn is_suspect(&self) -> bool {
        self.elapsed_ms() < self.suspect_until_ms.load(Ordering::Relaxed)
    }
}

#[derive(Clone, Debug)]
enum Pools {
    Sqlite(sqlx::SqlitePool),
    Postgres(sqlx::PgPool),
}

/// A pool of connections to one database.
#[derive(Clone, Debug)]
pub struct Pool {
    pools: Pools,
    health: Arc<Health>,
}

/// Whether a pool may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It may.
    Write,
    /// The database refuses every write.
    Read,
}

impl Pool {
    /// Opens a SQLite database; makes the file when it is missing.
    pub async fn sqlite(path: &str, mode: Mode) -> DbResult<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY_TIMEOUT)
            .pragma("cache_size", "-2048")
            .pragma("mmap_size", "0")
            .disable_statement_logging();
        let (options, most) = match mode {
            Mode::Write => (options, 1),
            Mode::Read => (options.pragma("query_only", "ON"), SQLITE_READERS),
        };
        let pool = SqlitePoolOptions::new()
            .max_connections(most)
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(error_of)?;
        Ok(Self { pools: Pools::Sqlite(pool), health: Health::new() })
    }

    /// Opens a PostgreSQL database.
    pub async fn postgres(address: &str, mode: Mode) -> DbResult<Self> {
        let options: PgConnectOptions = address.parse().map_err(error_of)?;
        let options = options.disable_statement_logging().options([
            // Statements are many, short and at once. Compiling a plan costs more than most pages, and parallel workers
            // take cores from other users.
            ("jit", "off"),
            ("max_parallel_workers_per_gather", "0"),
            // The server stops the statement of a client that closed its connection.
            ("client_connection_check_interval", "2s"),
            // The server frees the locks of a client that vanished. Between two statements of a transaction the program
            // does nothing that takes long.
            ("idle_in_transaction_session_timeout", "10s"),
            ("tcp_keepalives_idle", "30"),
            ("tcp_keepalives_interval", "10"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "30s"),
        ]);
        let options = match mode {
            Mode::Write => options,
            Mode::Read => options.options([("default_transaction_read_only", "on")]),
        };
        let health = Health::new();
        let seen = Arc::clone(&health);
        let pool = tested(PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS), seen);
        let pool = pool.connect_with(options).await.map_err(error_of)?;
        Ok(Self { pools: Pools::Postgres(pool), health })
    }

    /// Which database this is.
    pub const fn backend(&self) -> DbBackend {
        match self.pools {
            Pools::Sqlite(_) => DbBackend::Sqlite,
            Pools::Postgres(_) => DbBackend::Postgres,
        }
    }

    /// The same pool for the migrator, which has no limit of time.
    pub fn sea_orm(&self) -> DatabaseConnection {
        match &self.pools {
            Pools::Sqlite(pool) => pool.clone().into(),
            Pools::Postgres(pool) => pool.clone().into(),
        }
    }

    /// Closes every connection; waits for those in use, but not for ever.
    pub async fn close(&self) {
        let closing = async {
            match &self.pools {
                Pools::Sqlite(pool) => pool.close().await,
                Pools::Postgres(pool) => pool.close().await,
            }
        };
        if timeout(RETURN_LIMIT + PING_LIMIT, closing).await.is_err() {
            tracing::warn!("a connection to the database did not close in time");
        }
    }

    /// Interrupts whatever the next connection of a SQLite pool does after so many calls of its progress handler. For
    /// tests.
    pub async fn interrupt(&self, after: u32) -> DbResult<()> {
        let mut lease = self.lease(Instant::now() + limit()).await?;
        if let Some(Held::Sqlite(conn)) = lease.held.as_mut() {
            let mut left = after;
            conn.lock_handle().await.map_err(error_of)?.set_progress_handler(1, move || {
                left = left.saturating_sub(1);
                left > 0
            });
        }
        Ok(())
    }

    async fn lease(&self, until: Instant) -> DbResult<Lease> {
        let acquiring = async {
            Ok::<_, sqlx::Error>(match &self.pools {
                Pools::Sqlite(pool) => Held::Sqlite(pool.acquire().await?),
                Pools::Postgres(pool) => Held::Postgres(pool.acquire().await?),
            })
        };
        match timeout_at(until, acquiring).await {
            Ok(Ok(held)) => Ok(Lease { held: Some(held), in_transaction: false, health: Arc::clone(&self.health) }),
            Ok(Err(error)) => Err(error_of(error)),
            Err(_) => {
                Err(DbError::Unavailable { cause: Cause::NoAnswer, detail: "no connection became free".to_owned() })
            }
        }
    }

    /// How often a statement that lost its connection is sent again: each of the pooled connections may be stale after a
    /// restart of the database.
    const fn tries(&self) -> u32 {
        match self.pools {
            Pools::Sqlite(_) => 1,
            Pools::Postgres(_) => POSTGRES_CONNECTIONS + 1,
        }
    }

    /// Opens a transaction: `BEGIN IMMEDIATE` on SQLite, so that a transaction that reads first never finds the lock gone.
    pub async fn begin(&self) -> DbResult<Transaction> {
        let sql = match self.pools {
            Pools::Sqlite(_) => "BEGIN IMMEDIATE",
            Pools::Postgres(_) => "BEGIN",
        };
        let limit = limit();
        let until = Instant::now() + limit;
        for left in (0..self.tries()).rev() {
            let mut lease = self.lease(until).await?;
            // Set before the statement is sent: a caller who goes away meanwhile leaves a transaction behind.
            lease.in_transaction = true;
            match timeout_at(until, lease.command(sql)).await {
                Ok(Ok(())) => {
                    return Ok(Transaction {
                        backend: self.backend(),
                        lease: Mutex::new(lease),
                        failed: AtomicBool::new(false),
                    });
                }
                Ok(Err(error)) => {
                    let verdict = judge(&error);
                    lease.throw_away();
                    if left == 0 || verdict != Verdict::Close(Cause::Lost) {
                        return Err(error_of(error));
                    }
                }
                Err(_) => {
                    lease.throw_away();
                    return Err(no_answer(limit));
                }
            }
        }
        Err(no_answer(limit))
    }
}

impl Runs for Pool {
    async fn run(&self, sql: &str, values: Vec<Value>, want: Want) -> DbResult<Answer> {
        let limit = limit();
        let until = Instant::now() + limit;
        let mut values = values;
        for left in (0..self.tries()).rev() {
            let mut lease = self.lease(until).await?;
            let bound = if left == 0 { std::mem::take(&mut values) } else { values.clone() };
            match timeout_at(until, lease.run(sql, bound, want)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => match judge(&error) {
                    Verdict::Statement => return Err(error_of(error)),
                    Verdict::Close(cause) => {
                        lease.throw_away();
                        // A statement outside of a transaction only reads here: it can be sent again.
                        if left == 0 || cause != Cause::Lost {
                            return Err(error_of(error));
                        }
                    }
                },
                Err(_) => {
                    lease.throw_away();
                    return Err(no_answer(limit));
                }
            }
        }
        Err(no_answer(limit))
    }
}

fn tested(options: PoolOptions<Postgres>, health: Arc<Health>) -> PoolOptions<Postgres> {
    options.test_before_acquire(false).before_acquire(move |connection, meta: PoolConnectionMetadata| {
        let needed = meta.idle_for > TRUSTED_IDLE || health.is_suspect();
        Box::pin(async move {
            if !needed {
                return Ok(true);
            }
            match timeout(PING_LIMIT, connection.ping()).await {
                Ok(Ok(())) => Ok(true),
                // An error makes the pool close the connection at once and open another one in its place.
                Ok(Err(error)) => Err(error),
                Err(_) => Err(sqlx::Error::PoolTimedOut),
            }
        })
    })
}

#[derive(Debug)]
enum Held {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

/// A connection taken from its pool. Dropping it gives it back in the background, after a rollback when it is in a
/// transaction; a connection that does not answer then is closed.
#[derive(Debug)]
struct Lease {
    held: Option<Held>,
    in_transaction: bool,
    health: Arc<Health>,
}

impl Lease {
    async fn run(&mut self, sql: &str, values: Vec<Value>, want: Want) -> Result<Answer, sqlx::Error> {
        // Outside of `counting` there is nothing to count into.
        let _ = STATEMENTS.try_with(|n| n.set(n.get() + 1));
        let values = SqlxValues(Values(values));
        match self.held.as_mut() {
            Some(Held::Sqlite(conn)) => {
                let query = sqlx::query_with::<Sqlite, _>(AssertSqlSafe(sql), values);
                Ok(match want {
                    Want::All => Answer::of(query.fetch_all(&mut **conn).await?),
                    Want::First => Answer::of(query.fetch_optional(&mut **conn).await?),
                    Want::Count => Answer::counted(query.execute(&mut **conn).await?.rows_affected()),
                })
            }
            Some(Held::Postgres(conn)) => {
                let query = sqlx::query_with::<Postgres, _>(AssertSqlSafe(sql), values);
                Ok(match want {
                    Want::All => Answer::of(query.fetch_all(&mut **conn).await?),
                    Want::First => Answer::of(query.fetch_optional(&mut **conn).await?),
                    Want::Count => Answer::counted(query.execute(&mut **conn).await?.rows_affected()),
                })
            }
            None => Err(sqlx::Error::WorkerCrashed),
        }
    }

    /// A statement without values, not prepared: BEGIN, COMMIT, ROLLBACK.
    async fn command(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self.held.as_mut() {
            Some(Held::Sqlite(conn)) => conn.execute(sql).await.map(|_| ()),
            Some(Held::Postgres(conn)) => conn.execute(sql).await.map(|_| ()),
            None => Err(sqlx::Error::WorkerCrashed),
        }
    }

    /// Closes the connection without another word to the database. Its place in the pool is free at once.
    fn throw_away(&mut self) {
        self.health.suspect();
        let Some(held) = self.held.take() else { return };
        held.close();
    }
}

impl Held {
    fn close(self) {
        // Without a runtime the pool cannot be told, but then the program is about to end.
        let has_runtime = tokio::runtime::Handle::try_current().is_ok();
        match self {
            Self::Sqlite(conn) if has_runtime => drop(conn.detach()),
            Self::Sqlite(conn) => drop(conn.leak()),
            Self::Postgres(conn) if has_runtime => drop(conn.detach()),
            Self::Postgres(conn) => drop(conn.leak()),
        }
    }

    async fn give_back(self) {
        // Dropping the future of `return_to_pool` in the middle closes the connection and frees its place.
        let returned = match self {
            Self::Sqlite(mut conn) => timeout(RETURN_LIMIT, conn.return_to_pool()).await,
            Self::Postgres(mut conn) => timeout(RETURN_LIMIT, conn.return_to_pool()).await,
        };
        if returned.is_err() {
            tracing::warn!("a connection to the database did not answer when it was given back, and was closed");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            held.close();
            return;
        };
        let in_transaction = self.in_transaction;
        let health = Arc::clone(&self.health);
        runtime.spawn(async move {
            let mut lease = Self { held: Some(held), in_transaction: false, health };
            if in_transaction && !matches!(timeout(RETURN_LIMIT, lease.command("ROLLBACK")).await, Ok(Ok(()))) {
                lease.throw_away();
                return;
            }
            if let Some(held) = lease.held.take() {
                held.give_back().await;
            }
        });
    }
}

impl Answer {
    fn of<R>(rows: impl IntoIterator<Item = R>) -> Self
    where
        QueryResult: From<R>,
    {
        Self { rows: rows.into_iter().map(QueryResult::from).collect(), affected: 0 }
    }

    const fn counted(affected: u64) -> Self {
        Self { rows: Vec::new(), affected }
    }
}

/// An open transaction. Dropping it rolls back.
#[derive(Debug)]
pub struct Transaction {
    backend: DbBackend,
    lease: Mutex<Lease>,
    /// A statement failed or was abandoned: nothing more is run, and nothing is committed.
    failed: AtomicBool,
}

impl Transaction {
    /// Which database this is.
    pub const fn backend(&self) -> DbBackend {
        self.backend
    }

    /// Commits.
    ///
    /// # Errors
    /// An error means that nothing was stored, except [`DbError::Unconfirmed`]: then it is not known.
    pub async fn commit(self) -> DbResult<()> {
        if self.failed.load(Ordering::Acquire) {
            return Err(DbError::Inconsistent("a transaction was committed after one of its statements failed".into()));
        }
        let mut lease = self.lease.into_inner();
        match timeout(limit(), lease.command("COMMIT")).await {
            Ok(Ok(())) => {
                lease.in_transaction = false;
                Ok(())
            }
            Ok(Err(error)) => {
                lease.throw_away();
                Err(match judge(&error) {
                    // The answer is lost, or the flush failed: the commit may be found after the next start.
                    Verdict::Close(Cause::Lost | Cause::NoAnswer | Cause::Storage) => {
                        DbError::Unconfirmed(error.to_string())
                    }
                    Verdict::Close(_) | Verdict::Statement => error_of(error),
                })
            }
            Err(_) => {
                lease.throw_away();
                Err(DbError::Unconfirmed("the database did not answer the commit in time".to_owned()))
            }
        }
    }
}

impl Runs for Transaction {
    async fn run(&self, sql: &str, values: Vec<Value>, want: Want) -> DbResult<Answer> {
        let mut lease = self.lease.lock().await;
        // True while the statement runs, so that one that is abandoned in the middle leaves it true.
        if self.failed.swap(true, Ordering::AcqRel) {
            return Err(DbError::Inconsistent(
                "a statement was sent after another one of its transaction failed".into(),
            ));
        }
        let limit = limit();
        match timeout(limit, lease.run(sql, values, want)).await {
            Ok(Ok(answer)) => {
                self.failed.store(false, Ordering::Release);
                Ok(answer)
            }
            Ok(Err(error)) => {
                if matches!(judge(&error), Verdict::Close(_)) {
                    lease.throw_away();
                }
                Err(error_of(error))
            }
            Err(_) => {
                lease.throw_away();
                Err(no_answer(limit))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_end_a_transaction_close_the_connection() {
        // FULL, IOERR_WRITE, IOERR_FSYNC, NOMEM, INTERRUPT, BUSY, BUSY_SNAPSHOT, READONLY
        for code in [13, 778, 1034, 7, 9, 5, 517, 8] {
            assert!(matches!(judge_sqlite(code), Verdict::Close(_)), "{code}");
        }
        // ERROR, CONSTRAINT_UNIQUE, CONSTRAINT_FOREIGNKEY, TOOBIG
        for code in [1, 2067, 787, 18] {
            assert_eq!(judge_sqlite(code), Verdict::Statement, "{code}");
        }
        for state in ["57P01", "08006", "53100", "58030", "25006", "40P01", "57014"] {
            assert!(matches!(judge_postgres(state), Verdict::Close(_)), "{state}");
        }
        for state in ["23505", "42601", "22001", ""] {
            assert_eq!(judge_postgres(state), Verdict::Statement, "{state}");
        }
    }
}

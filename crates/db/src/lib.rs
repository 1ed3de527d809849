//! Every write of the system, and the reads that more than one screen needs.
//!
//! [`Db`] holds two pools: one that writes ([`Db::begin`] gives a [`Tx`]) and one that cannot ([`Db::read`] gives a
//! [`Reader`]). SQL is plain, portable text with `$n` placeholders, the same on SQLite and PostgreSQL; rows are typed.
//! A state changes only through [`application::advance`], which asks for a `Transition`.
//!
//! Lock order, everywhere: application → certificate → items ascending → number series → audit.

pub mod account;
pub mod amendment;
pub mod application;
pub mod attachment;
pub mod audit;
pub mod audit_query;
pub mod bulletin;
pub mod case_note;
pub mod certificate;
pub mod certificate_list;
pub mod comparison;
pub mod delegation;
pub mod doctor;
pub mod ending;
pub mod export;
pub mod ledger;
pub mod letter;
pub mod mailbox;
mod migrate;
pub mod number;
pub mod officer;
pub mod one_time_password;
pub mod opinion;
pub mod organisation;
pub mod port_system;
pub mod product_template;
pub mod proxy_entry;
pub mod queue;
pub mod reading;
pub mod reference;
pub mod reference_edition;
pub mod saved_filter;
pub mod scope;
pub mod search;
pub mod search_list;
pub mod second_factor;
pub mod session;
pub mod setting;
pub mod statistics;
pub mod stored_file;
pub mod supervision;
pub mod testing;
pub mod typed_text;
pub mod usage;

use std::cell::Cell;
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, FromQueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use sha2::{Digest as _, Sha256};

pub use sea_orm::{FromQueryResult as Row, Value};

/// Binds Rust values to `$1`, `$2`, … of a statement.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::Value::from($value)),*] };
}

/// What can go wrong between us and the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No such row within the actor's scope.
    #[error("not found")]
    NotFound,
    /// Somebody was faster. The text is the sentence for the user.
    #[error("{0}")]
    Overtaken(String),
    /// The deed is refused. The text is the sentence for the user: why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// A unique key is taken: the name of the constraint or column as the database reports it.
    #[error("duplicate: {0}")]
    Duplicate(String),
    /// Stored data do not make sense.
    #[error("inconsistent data: {0}")]
    Inconsistent(String),
    /// The database refused or was unreachable.
    #[error(transparent)]
    Sql(sea_orm::DbErr),
}

impl From<sea_orm::DbErr> for DbError {
    fn from(error: sea_orm::DbErr) -> Self {
        match error.sql_err() {
            Some(sea_orm::SqlErr::UniqueConstraintViolation(what)) => Self::Duplicate(what),
            Some(_) | None => Self::Sql(error),
        }
    }
}

/// The answer of a database function.
pub type DbResult<T> = Result<T, DbError>;

/// The address of a database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the database address `{0}` cannot be used: it must be sqlite:PATH or postgres://…")]
pub struct BadAddress(String);

/// Both pools of one database.
#[derive(Clone, Debug)]
pub struct Db {
    write: DatabaseConnection,
    read: DatabaseConnection,
}

/// A connection that cannot write: what a GET handler gets.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a DatabaseConnection);

/// An open transaction. Dropping it rolls back.
#[derive(Debug)]
pub struct Tx(DatabaseTransaction);

/// Something that rows can be read from: a [`Reader`], or a [`Tx`] that sees its own writes.
pub trait Source: Sync {
    /// The connection underneath.
    type Connection: ConnectionTrait;
    /// The connection underneath, for the functions of this crate.
    fn connection(&self) -> &Self::Connection;
}

impl Source for Reader<'_> {
    type Connection = DatabaseConnection;
    fn connection(&self) -> &DatabaseConnection {
        self.0
    }
}

impl Source for Tx {
    type Connection = DatabaseTransaction;
    fn connection(&self) -> &DatabaseTransaction {
        &self.0
    }
}

impl Reader<'_> {
    /// All rows of a SELECT, for the screens' own questions.
    pub async fn rows<T: FromQueryResult>(&self, sql: &str, params: Vec<Value>) -> DbResult<Vec<T>> {
        rows(self.0, sql, params).await
    }

    /// The first row of a SELECT, if any.
    pub async fn row<T: FromQueryResult>(&self, sql: &str, params: Vec<Value>) -> DbResult<Option<T>> {
        row(self.0, sql, params).await
    }

    /// The one number of a SELECT that gives a BIGINT in its first column.
    pub async fn number(&self, sql: &str, params: Vec<Value>) -> DbResult<i64> {
        number(self.0, sql, params).await
    }
}

impl Tx {
    /// Makes everything since [`Db::begin`] true at once.
    pub async fn commit(self) -> DbResult<()> {
        Ok(self.0.commit().await?)
    }

    /// ` FOR UPDATE` where the database knows it; on SQLite the whole database is already ours.
    fn for_update(&self) -> &'static str {
        match self.0.get_database_backend() {
            DbBackend::Postgres => " FOR UPDATE",
            _ => "",
        }
    }

    async fn run(&self, sql: &str, params: Vec<Value>) -> DbResult<u64> {
        Ok(self.0.execute_raw(statement(&self.0, sql, params)).await?.rows_affected())
    }

    /// Writes rows, a few hundred to a statement; `tail` says what happens on a known key. Wide rows come fewer at a time:
    /// SQLite looks for the name of each value among all the names before it.
    async fn insert_rows(&self, table: &str, columns: &[&str], tail: &str, rows: Vec<Vec<Value>>) -> DbResult<()> {
        let at_once = (1_200 / columns.len().max(1)).clamp(1, 300);
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let batch: Vec<_> = rows.by_ref().take(at_once).collect();
            let mut marks = placeholders(1);
            let tuples: Vec<_> = batch
                .iter()
                .map(|row| format!("({})", marks.by_ref().take(row.len()).collect::<Vec<_>>().join(", ")))
                .collect();
            let sql = format!("INSERT INTO {table} ({}) VALUES {}{tail}", columns.join(", "), tuples.join(", "));
            self.run(&sql, batch.into_iter().flatten().collect()).await?;
        }
        Ok(())
    }

    /// An INSERT that ends in `RETURNING id`.
    async fn insert(&self, sql: &str, params: Vec<Value>) -> DbResult<i64> {
        number(&self.0, sql, params).await
    }
}

/// What tells a form that is sent twice from another one: the key of its page, and all that it says. A page that a browser
/// kept and somebody wrote on is another form.
fn identity(key: &str, said: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in std::iter::once(&key).chain(said) {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hex::encode(hasher.finalize())
}

/// `$n`, `$n+1`, … for lists whose length is known at run time.
fn placeholders(first: usize) -> impl Iterator<Item = String> {
    (first..).map(|n| format!("${n}"))
}

fn statement<C: ConnectionTrait>(conn: &C, sql: &str, params: Vec<Value>) -> Statement {
    let params = params.into_iter().map(without_nul);
    Statement::from_sql_and_values(conn.get_database_backend(), sql, params)
}

/// No text that people type has U+0000, and PostgreSQL keeps none that has: what is sent all the same is seen in its place.
fn without_nul(value: Value) -> Value {
    match value {
        Value::String(Some(text)) if text.contains('\0') => Value::from(text.replace('\0', "\u{FFFD}")),
        other => other,
    }
}

async fn rows<C: ConnectionTrait, T: FromQueryResult>(conn: &C, sql: &str, params: Vec<Value>) -> DbResult<Vec<T>> {
    let found = conn.query_all_raw(statement(conn, sql, params)).await?;
    found.iter().map(|r| T::from_query_result(r, "").map_err(DbError::from)).collect()
}

async fn row<C: ConnectionTrait, T: FromQueryResult>(conn: &C, sql: &str, params: Vec<Value>) -> DbResult<Option<T>> {
    let found = conn.query_one_raw(statement(conn, sql, params)).await?;
    found.map(|r| T::from_query_result(&r, "").map_err(DbError::from)).transpose()
}

async fn number<C: ConnectionTrait>(conn: &C, sql: &str, params: Vec<Value>) -> DbResult<i64> {
    match conn.query_one_raw(statement(conn, sql, params)).await? {
        Some(r) => Ok(r.try_get_by_index::<i64>(0)?),
        None => Err(DbError::Inconsistent(format!("no number from: {sql}"))),
    }
}

tokio::task_local! {
    static STATEMENTS: Cell<u64>;
}

/// Runs `work` and says how many statements it sent (BEGIN and COMMIT not counted).
pub async fn counting<F: Future>(work: F) -> (F::Output, u64) {
    STATEMENTS
        .scope(Cell::new(0), async {
            let out = work.await;
            (out, STATEMENTS.with(Cell::get))
        })
        .await
}

impl Db {
    /// Opens `sqlite:PATH` or `postgres://…` and brings nothing up to date; see [`Db::migrate`].
    pub async fn open(address: &str) -> anyhow::Result<Self> {
        let (mut write, mut read) = if let Some(path) = address.strip_prefix("sqlite:") {
            let path = path.trim_start_matches("//");
            if path.is_empty() || path.contains('?') {
                return Err(BadAddress(address.to_owned()).into());
            }
            if let Some(folder) = std::path::Path::new(path).parent() {
                std::fs::create_dir_all(folder)?;
            }
            (sqlite(path, false), sqlite(path, true))
        } else if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            (postgres(address, false), postgres(address, true))
        } else {
            return Err(BadAddress(address.split('@').next_back().unwrap_or_default().to_owned()).into());
        };
        for options in [&mut write, &mut read] {
            options.sqlx_logging(false).test_before_acquire(false).acquire_timeout(Duration::from_secs(20));
        }
        let mut write = Database::connect(write).await?;
        let mut read = Database::connect(read).await?;
        for pool in [&mut write, &mut read] {
            pool.set_metric_callback(|_| {
                // Outside `counting` there is nothing to count into.
                let _ = STATEMENTS.try_with(|n| n.set(n.get() + 1));
            });
        }
        Ok(Self { write, read })
    }

    /// Applies the migrations that are missing; says their names.
    pub async fn migrate(&self) -> anyhow::Result<Vec<String>> {
        migrate::up(&self.write).await
    }

    /// The names of the migrations that [`Db::migrate`] would apply.
    pub async fn pending_migrations(&self) -> anyhow::Result<Vec<String>> {
        migrate::pending(&self.write).await
    }

    /// The pool that cannot write.
    pub const fn read(&self) -> Reader<'_> {
        Reader(&self.read)
    }

    /// Opens a transaction: `BEGIN IMMEDIATE` on SQLite, so that a read-then-write never finds the lock gone.
    pub async fn begin(&self) -> DbResult<Tx> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Tx(self.write.begin_with_options(options).await?))
    }

    /// Closes both pools, so that nothing is cut off in the middle.
    pub async fn close(self) -> DbResult<()> {
        self.read.close().await?;
        self.write.close().await?;
        Ok(())
    }

    /// Whether the program runs on SQLite or PostgreSQL, for people.
    pub fn kind(&self) -> &'static str {
        match self.write.get_database_backend() {
            DbBackend::Postgres => "PostgreSQL",
            _ => "SQLite",
        }
    }
}

fn sqlite(path: &str, read_only: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(format!("sqlite:{path}?mode=rwc"));
    // One writer: a fair queue in our own process in place of busy polling (E6).
    options.max_connections(if read_only { 4 } else { 1 });
    options.min_connections(1);
    options.map_sqlx_sqlite_opts(move |o| {
        let o = o
            .pragma("journal_mode", "WAL")
            .pragma("synchronous", "FULL")
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("cache_size", "-2048")
            .pragma("mmap_size", "0");
        if read_only { o.pragma("query_only", "ON") } else { o }
    });
    options
}

fn postgres(address: &str, read_only: bool) -> ConnectOptions {
    let mut options = ConnectOptions::new(address.to_owned());
    options.max_connections(8).min_connections(1);
    options.map_sqlx_postgres_opts(move |o| {
        // Many short statements at once, not one long one: neither is worth compiling a plan, which costs more than most
        // pages, nor taking the other cores from other people.
        let o = o.options([("jit", "off"), ("max_parallel_workers_per_gather", "0")]);
        if read_only { o.options([("default_transaction_read_only", "on")]) } else { o }
    });
    options
}

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
pub mod clock;
pub mod comparison;
mod connection;
pub mod copy;
pub mod delegation;
pub mod doctor;
pub mod ending;
pub mod export;
pub mod health;
pub mod keyset;
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
pub mod recount;
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
pub mod submission_copy;
pub mod supervision;
pub mod testing;
pub mod typed_text;
pub mod usage;
pub mod wire;

use sea_orm::{DbBackend, FromQueryResult};
use sha2::{Digest as _, Sha256};

use connection::{Answer, Mode, Pool, Runs, Transaction, Want};

pub use connection::{Cause, counting, with_statement_limit};
pub use migrate::OtherProgram;
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
    /// The database cannot do it at the moment: it does not answer, its disk is full, it can only be read. Nothing was
    /// stored.
    #[error("the database is not available ({}): {detail}", cause.word())]
    Unavailable {
        /// Why.
        cause: Cause,
        /// What the driver said.
        detail: String,
    },
    /// The answer to a commit was lost: it is not known whether it was stored.
    #[error("it is not known whether the database committed: {0}")]
    Unconfirmed(String),
    /// The database refused the statement.
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
    write: Pool,
    read: Pool,
}

/// A connection that cannot write: what a GET handler gets.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a Pool);

/// An open transaction. Dropping it rolls back. After an error no further statement is run and nothing is committed.
#[derive(Debug)]
pub struct Tx(Transaction);

/// Something that rows can be read from: a [`Reader`], or a [`Tx`] that sees its own writes.
pub trait Source: Sync {
    /// The connection underneath.
    type Connection: Runs;
    /// The connection underneath, for the functions of this crate.
    fn connection(&self) -> &Self::Connection;
}

impl Source for Reader<'_> {
    type Connection = Pool;
    fn connection(&self) -> &Pool {
        self.0
    }
}

impl Source for Tx {
    type Connection = Transaction;
    fn connection(&self) -> &Transaction {
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
    /// Commits.
    ///
    /// # Errors
    /// An error means that nothing was stored, except [`DbError::Unconfirmed`]: then it is not known.
    pub async fn commit(self) -> DbResult<()> {
        self.0.commit().await
    }

    /// ` FOR UPDATE` where the database knows it; on SQLite the whole database is already ours.
    fn for_update(&self) -> &'static str {
        match self.0.backend() {
            DbBackend::Postgres => " FOR UPDATE",
            _ => "",
        }
    }

    async fn run(&self, sql: &str, params: Vec<Value>) -> DbResult<u64> {
        Ok(send(&self.0, sql, params, Want::Count).await?.affected)
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

async fn send<C: Runs>(conn: &C, sql: &str, params: Vec<Value>, want: Want) -> DbResult<Answer> {
    conn.run(sql, params.into_iter().map(without_nul).collect(), want).await
}

/// No text that people type has U+0000, and PostgreSQL keeps none that has: what is sent all the same is seen in its place.
fn without_nul(value: Value) -> Value {
    match value {
        Value::String(Some(text)) if text.contains('\0') => Value::from(text.replace('\0', "\u{FFFD}")),
        other => other,
    }
}

async fn rows<C: Runs, T: FromQueryResult>(conn: &C, sql: &str, params: Vec<Value>) -> DbResult<Vec<T>> {
    let found = send(conn, sql, params, Want::All).await?.rows;
    found.iter().map(|r| T::from_query_result(r, "").map_err(DbError::from)).collect()
}

async fn row<C: Runs, T: FromQueryResult>(conn: &C, sql: &str, params: Vec<Value>) -> DbResult<Option<T>> {
    let found = send(conn, sql, params, Want::First).await?.rows;
    found.first().map(|r| T::from_query_result(r, "").map_err(DbError::from)).transpose()
}

async fn number<C: Runs>(conn: &C, sql: &str, params: Vec<Value>) -> DbResult<i64> {
    match send(conn, sql, params, Want::First).await?.rows.first() {
        Some(r) => Ok(r.try_get_by_index::<i64>(0)?),
        None => Err(DbError::Inconsistent(format!("no number from: {sql}"))),
    }
}

impl Db {
    /// Refuses an address that cannot be the one of a database, and opens nothing.
    pub fn judge(address: &str) -> anyhow::Result<()> {
        let is_postgres = address.starts_with("postgres:") || address.starts_with("postgresql:");
        let file = address.strip_prefix("sqlite:").map(|path| path.trim_start_matches("//"));
        if is_postgres || file.is_some_and(|path| !path.is_empty() && !path.contains('?')) {
            return Ok(());
        }
        Err(BadAddress(address.split('@').next_back().unwrap_or_default().to_owned()).into())
    }

    /// Opens `sqlite:PATH` or `postgres://…` and brings nothing up to date; see [`Db::migrate`].
    pub async fn open(address: &str) -> anyhow::Result<Self> {
        let (write, read) = if let Some(path) = address.strip_prefix("sqlite:") {
            let path = path.trim_start_matches("//");
            if path.is_empty() || path.contains('?') {
                return Err(BadAddress(address.to_owned()).into());
            }
            if let Some(folder) = std::path::Path::new(path).parent() {
                std::fs::create_dir_all(folder)?;
            }
            (Pool::sqlite(path, Mode::Write).await?, Pool::sqlite(path, Mode::Read).await?)
        } else if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            (Pool::postgres(address, Mode::Write).await?, Pool::postgres(address, Mode::Read).await?)
        } else {
            return Err(BadAddress(address.split('@').next_back().unwrap_or_default().to_owned()).into());
        };
        Ok(Self { write, read })
    }

    /// Applies the migrations that are missing; says their names.
    pub async fn migrate(&self) -> anyhow::Result<Vec<String>> {
        migrate::up(&self.write.sea_orm()).await
    }

    /// The names of the migrations that [`Db::migrate`] would apply.
    pub async fn pending_migrations(&self) -> anyhow::Result<Vec<String>> {
        migrate::pending(&self.write.sea_orm()).await
    }

    /// The newest migration that is applied; none in an empty database.
    pub async fn schema(&self) -> anyhow::Result<Option<String>> {
        migrate::newest_applied(&self.write.sea_orm()).await
    }

    /// Whether this program has the migration of this name.
    pub fn knows_migration(name: &str) -> bool {
        migrate::position(name).is_some()
    }

    /// The pool that cannot write.
    pub const fn read(&self) -> Reader<'_> {
        Reader(&self.read)
    }

    /// Opens a transaction: `BEGIN IMMEDIATE` on SQLite, so that a transaction that reads first never finds the lock gone.
    pub async fn begin(&self) -> DbResult<Tx> {
        Ok(Tx(self.write.begin().await?))
    }

    /// Closes both pools. Waits a few seconds for what is in use.
    pub async fn close(self) -> DbResult<()> {
        self.read.close().await;
        self.write.close().await;
        Ok(())
    }

    /// Whether the program runs on SQLite or PostgreSQL, for people.
    pub fn kind(&self) -> &'static str {
        match self.write.backend() {
            DbBackend::Postgres => "PostgreSQL",
            _ => "SQLite",
        }
    }
}

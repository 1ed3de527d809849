//! The database beside the program: the same driver, without the program's layers above it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use sea_orm::sqlx::postgres::{PgPool, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sea_orm::sqlx::{self, AssertSqlSafe};

use crate::process;

/// Where a database is.
#[derive(Debug, Clone)]
pub enum Place {
    /// A file.
    Sqlite(PathBuf),
    /// An address that the driver reads.
    Postgres(String),
}

/// What the connections are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Filling a database that nobody else uses; speed before safety.
    Load,
    /// Beside the running program, with its settings and its number of readers.
    Beside,
    /// The same, with its number of writers.
    Write,
}

/// The pools of both drivers have types of their own.
#[derive(Debug, Clone)]
pub enum Pool {
    /// SQLite.
    Sqlite(SqlitePool),
    /// PostgreSQL.
    Postgres(PgPool),
}

/// An open database.
#[derive(Debug, Clone)]
pub struct Store {
    /// Its connections.
    pub pool: Pool,
}

/// Compiles the same expression for both drivers, and runs it on the one of this database.
macro_rules! on {
    ($store:expr, $pool:ident, $driver:ident => $body:expr) => {
        match &$store.pool {
            $crate::store::Pool::Sqlite($pool) => {
                type $driver = sea_orm::sqlx::Sqlite;
                $body
            }
            $crate::store::Pool::Postgres($pool) => {
                type $driver = sea_orm::sqlx::Postgres;
                $body
            }
        }
    };
}
pub(crate) use on;

impl Place {
    /// A new, empty database on the PostgreSQL server of this address.
    pub async fn create_on(server: &str) -> anyhow::Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("mianban_bench_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let admin = Self::Postgres(server.to_owned()).open(Purpose::Beside).await?;
        admin.execute(&format!("CREATE DATABASE {name}")).await?;
        admin.close().await;
        let (base, _) = server.rsplit_once('/').context("the address of PostgreSQL names no database")?;
        Ok(Self::Postgres(format!("{base}/{name}")))
    }

    /// Removes what [`Self::create_on`] has made.
    pub async fn remove_from(&self, server: &str) -> anyhow::Result<()> {
        if let Some((_, name)) = self.url().rsplit_once('/') {
            let admin = Self::Postgres(server.to_owned()).open(Purpose::Beside).await?;
            admin.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
            admin.close().await;
        }
        Ok(())
    }

    /// The address as the program takes it.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite:{}", file.display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// The name of the product.
    pub const fn product(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    /// Connects.
    pub async fn open(&self, purpose: Purpose) -> anyhow::Result<Store> {
        let pool = match (self, purpose) {
            (Self::Sqlite(file), Purpose::Load) => {
                let options = SqliteConnectOptions::new()
                    .filename(file)
                    .pragma("locking_mode", "EXCLUSIVE")
                    .pragma("journal_mode", "OFF")
                    .pragma("synchronous", "OFF")
                    .pragma("cache_size", "-262144");
                Pool::Sqlite(SqlitePoolOptions::new().max_connections(1).connect_with(options).await?)
            }
            (Self::Sqlite(file), Purpose::Beside | Purpose::Write) => {
                let options = SqliteConnectOptions::new()
                    .filename(file)
                    .pragma("journal_mode", "WAL")
                    .pragma("synchronous", "FULL")
                    .foreign_keys(true)
                    .busy_timeout(Duration::from_secs(10))
                    .pragma("cache_size", "-4096")
                    .pragma("mmap_size", "0");
                let connections = if purpose == Purpose::Write { 1 } else { 4 };
                let pool = SqlitePoolOptions::new().max_connections(connections).test_before_acquire(false);
                Pool::Sqlite(pool.connect_with(options).await?)
            }
            (Self::Postgres(url), _) => {
                let connections = if purpose == Purpose::Load { 1 } else { 8 };
                let pool = PgPoolOptions::new().max_connections(connections).test_before_acquire(false);
                let pool = pool.connect(url).await?;
                if purpose == Purpose::Load {
                    // Its one connection sorts what goes into the indexes.
                    sqlx::Executor::execute(&pool, sqlx::raw_sql("SET work_mem = '512MB'")).await?;
                }
                Pool::Postgres(pool)
            }
        };
        Ok(Store { pool })
    }
}

impl Store {
    /// Runs a statement; says how many rows it changed.
    pub async fn execute(&self, sql: &str) -> anyhow::Result<u64> {
        let text = AssertSqlSafe(sql.to_owned());
        let done = on!(self, pool, Driver => {
            sqlx::Executor::execute(pool, sqlx::raw_sql(text)).await.map(|d: <Driver as sqlx::Database>::QueryResult| d.rows_affected())
        });
        done.with_context(|| format!("in: {sql}"))
    }

    /// The numbers of a column.
    pub async fn numbers(&self, sql: &str) -> anyhow::Result<Vec<i64>> {
        let text = AssertSqlSafe(sql.to_owned());
        let found = on!(self, pool, Driver => sqlx::query_scalar::<Driver, i64>(text).fetch_all(pool).await);
        found.with_context(|| format!("in: {sql}"))
    }

    /// The one number of a SELECT.
    pub async fn number(&self, sql: &str) -> anyhow::Result<i64> {
        self.numbers(sql).await?.first().copied().with_context(|| format!("no number from: {sql}"))
    }

    /// The columns of a table, in their order.
    pub async fn columns(&self, table: &str) -> anyhow::Result<Vec<String>> {
        let sql = match self.pool {
            Pool::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"),
            Pool::Postgres(_) => format!(
                "SELECT CAST(column_name AS TEXT) FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
            ),
        };
        let text = AssertSqlSafe(sql);
        Ok(on!(self, pool, Driver => sqlx::query_scalar::<Driver, String>(text).fetch_all(pool).await)?)
    }

    /// The one text of a SELECT.
    pub async fn text(&self, sql: &str) -> anyhow::Result<String> {
        let text = AssertSqlSafe(sql.to_owned());
        let found = on!(self, pool, Driver => sqlx::query_scalar::<Driver, String>(text).fetch_one(pool).await);
        found.with_context(|| format!("in: {sql}"))
    }

    /// The process whose children are the PostgreSQL server; none for SQLite, which runs inside the program.
    pub async fn postmaster(&self) -> anyhow::Result<Option<u32>> {
        if matches!(self.pool, Pool::Sqlite(_)) {
            return Ok(None);
        }
        let backend = self.number("SELECT CAST(pg_backend_pid() AS BIGINT)").await?;
        let parent = process::parent_of(u32::try_from(backend)?);
        Ok(Some(parent.context("the PostgreSQL server does not run on this machine: its CPU time cannot be read")?))
    }

    /// The version of the database.
    pub async fn version(&self) -> anyhow::Result<String> {
        self.text(match self.pool {
            Pool::Sqlite(_) => "SELECT sqlite_version()",
            // A server that does not wait for the disk flatters the times of writes.
            Pool::Postgres(_) => "SELECT current_setting('server_version') || ', fsync ' || current_setting('fsync')",
        })
        .await
    }

    /// How large it is, kB.
    pub async fn kilobytes(&self) -> anyhow::Result<u64> {
        let bytes = self.number(match self.pool {
            Pool::Sqlite(_) => "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
            Pool::Postgres(_) => "SELECT pg_database_size(current_database())",
        });
        Ok(u64::try_from(bytes.await?)? / 1024)
    }

    /// Closes every connection.
    pub async fn close(self) {
        match self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}

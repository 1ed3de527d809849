//! A fresh database per test: SQLite always, PostgreSQL when `MIANBAN_TEST_POSTGRES` names a server.
//!
//! Each is a copy of one template per process, migrated and with the embedded reference data.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::time::Instant;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use tokio::sync::OnceCell;

use crate::Db;
use crate::reference::{self, ReferenceSet};

/// A database that goes away with this value.
#[derive(Debug)]
pub struct TestDb {
    /// The database, migrated, with reference data.
    pub db: Db,
    /// Its address, as `--database-url` takes it.
    pub address: String,
    _folder: Option<tempfile::TempDir>,
}

static SQLITE_TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();
static POSTGRES_TEMPLATE: OnceCell<String> = OnceCell::const_new();
static COUNT: AtomicU64 = AtomicU64::new(0);

impl TestDb {
    /// A SQLite database in a temporary folder.
    pub async fn sqlite() -> Self {
        let folder = folder();
        let template = SQLITE_TEMPLATE.get_or_init(sqlite_template).await;
        let path = folder.path().join("test.sqlite");
        std::fs::write(&path, template).expect("the copy can be written");
        Self::open(sqlite_address(&path), Some(folder)).await
    }

    /// A PostgreSQL database; none without a server.
    pub async fn postgres() -> Option<Self> {
        let server = std::env::var("MIANBAN_TEST_POSTGRES").ok()?;
        let template = POSTGRES_TEMPLATE.get_or_init(|| postgres_template(&server)).await;
        let name = format!("mianban_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        administrate(&server, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Some(Self::open(postgres_address(&server, &name), None).await)
    }

    /// Both databases, as far as there are both: every test runs on each.
    pub async fn each() -> Vec<Self> {
        let mut all = vec![Self::sqlite().await];
        all.extend(Self::postgres().await);
        all
    }

    /// A SQLite database with nothing in it.
    pub async fn empty_sqlite() -> Self {
        let folder = folder();
        let address = sqlite_address(&folder.path().join("bare.sqlite"));
        Self::open(address, Some(folder)).await
    }

    /// A PostgreSQL database with nothing in it; none without a server.
    pub async fn empty_postgres() -> Option<Self> {
        let server = std::env::var("MIANBAN_TEST_POSTGRES").ok()?;
        let name = format!("mianban_bare_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        administrate(&server, &format!("CREATE DATABASE {name}")).await;
        Some(Self::open(postgres_address(&server, &name), None).await)
    }

    /// Both databases with nothing in them, for tests of migrations.
    pub async fn each_empty() -> Vec<Self> {
        let mut all = vec![Self::empty_sqlite().await];
        all.extend(Self::empty_postgres().await);
        all
    }

    /// Both databases with nothing in them but the tables, for tests of the import.
    pub async fn each_bare() -> Vec<Self> {
        let all = Self::each_empty().await;
        for test in &all {
            test.db.migrate().await.expect("migrations apply");
        }
        all
    }

    async fn open(address: String, folder: Option<tempfile::TempDir>) -> Self {
        let db = Db::open(&address).await.expect("the database opens");
        Self { db, address, _folder: folder }
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

fn sqlite_address(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

async fn fill(db: &Db) {
    db.migrate().await.expect("migrations apply");
    let tx = db.begin().await.expect("a transaction opens");
    let set = ReferenceSet::embedded().expect("the embedded set is sound");
    reference::import(&tx, &set, Instant::from_millis(0)).await.expect("the embedded set is imported");
    tx.commit().await.expect("the import is kept");
}

async fn sqlite_template() -> Vec<u8> {
    let folder = folder();
    let path = folder.path().join("template.sqlite");
    let db = Db::open(&sqlite_address(&path)).await.expect("SQLite opens");
    fill(&db).await;
    // What is still in the write-ahead log would be missing in the copy.
    db.write.sea_orm().execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("the log is written back");
    db.close().await.expect("pools close");
    std::fs::read(path).expect("the template can be read")
}

async fn postgres_template(server: &str) -> String {
    let name = format!("mianban_template_{}", std::process::id());
    administrate(server, &format!("CREATE DATABASE {name}")).await;
    let db = Db::open(&postgres_address(server, &name)).await.expect("the new database opens");
    fill(&db).await;
    db.close().await.expect("pools close");
    name
}

async fn administrate(server: &str, sql: &str) {
    let admin: DatabaseConnection = Database::connect(server).await.expect("the PostgreSQL server answers");
    admin.execute_unprepared(sql).await.expect("the server does as it is told");
    admin.close().await.expect("the connection closes");
}

fn postgres_address(server: &str, database: &str) -> String {
    let (base, _) = server.rsplit_once('/').expect("MIANBAN_TEST_POSTGRES names a database");
    format!("{base}/{database}")
}

/// Applies the migrations up to and with this one, as a program of that time has done.
pub async fn migrate_up_to(db: &Db, name: &str) {
    let n = crate::migrate::position(name).expect("there is such a migration");
    crate::migrate::up_to(&db.write.sea_orm(), n + 1).await.expect("migrations apply");
}

/// Lets the files of every application appear this large, so that no test has to upload a hundred megabytes.
pub async fn pretend_size(tx: &crate::Tx, bytes: i64) {
    tx.run("UPDATE attachment SET size_bytes = $1", crate::params![bytes]).await.expect("the size is changed");
}

/// Ends a HS type after a day, as an import without it would.
pub async fn end_hs_type(db: &Db, code: &str, last: domain::time::Day) {
    let tx = db.begin().await.expect("a transaction opens");
    let values = crate::params![last, code];
    tx.run("UPDATE hs_type SET valid_to = $1 WHERE code = $2", values).await.expect("the type ends");
    tx.commit().await.expect("the change is kept");
}

/// Switches 单位内共享 of an organisation on or off, as its administrator will.
pub async fn set_sharing(db: &Db, org_code: &str, shares: bool) {
    let tx = db.begin().await.expect("a transaction opens");
    let values = crate::params![shares, org_code];
    tx.run("UPDATE organisation SET shares_within = $1 WHERE code = $2", values).await.expect("it is switched");
    tx.commit().await.expect("the change is kept");
}

/// Confirms a user 待确认, as the administrator of his organisation will.
pub async fn confirm(db: &Db, username: &str) {
    let tx = db.begin().await.expect("a transaction opens");
    let values = crate::params![username];
    tx.run("UPDATE account SET membership = 'confirmed' WHERE username = $1", values).await.expect("he is confirmed");
    tx.commit().await.expect("the change is kept");
}

/// Switches 文件对比 of a bureau off (D6), as its configuration will.
pub async fn switch_comparison_off(db: &Db, bureau: &str) {
    let tx = db.begin().await.expect("a transaction opens");
    let values = crate::params![false, bureau];
    tx.run("UPDATE bureau SET compare_enabled = $1 WHERE code = $2", values).await.expect("it is switched off");
    tx.commit().await.expect("the change is kept");
}

/// Notes an import, as another process does.
pub async fn import_again(db: &Db, at: Instant) {
    let tx = db.begin().await.expect("a transaction opens");
    let sql = "INSERT INTO reference_import (imported_at, source, digest, rows_total) VALUES ($1, 'test', 'test', 0)";
    tx.run(sql, crate::params![at]).await.expect("it is noted");
    tx.commit().await.expect("the change is kept");
}

/// Applies a migration once more, to data that a test has put into the form of before.
pub async fn apply_again(db: &Db, migration: &str) {
    let sql = crate::migrate::sql_of(migration, db.write.backend()).expect("there is such a migration");
    db.write.sea_orm().execute_unprepared(&sql).await.expect("the migration applies");
}

/// Runs any SQL, as somebody with access to the database could.
pub async fn try_sql(db: &Db, sql: &str) -> crate::DbResult<()> {
    let tx = db.begin().await?;
    tx.run(sql, vec![]).await?;
    tx.commit().await
}

/// Removes the triggers that keep the audit trail append-only, as somebody with access to the database could.
pub async fn without_guards(db: &Db) {
    let statements: &[&str] = match db.kind() {
        "PostgreSQL" => &["DROP TRIGGER audit_no_change ON audit"],
        _ => &["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"],
    };
    for sql in statements {
        try_sql(db, sql).await.expect("the trigger goes");
    }
}

/// Gives an officer other posts, as the administrator of his bureau will.
pub async fn set_posts(db: &Db, username: &str, posts: &str) {
    let tx = db.begin().await.expect("a transaction opens");
    let values = crate::params![posts, username];
    tx.run("UPDATE account SET posts = $1 WHERE username = $2", values).await.expect("he has other posts");
    tx.commit().await.expect("the change is kept");
}

/// Runs SQL on the connection that writes, outside of a transaction: settings of that connection (SQLite).
pub async fn on_writer(db: &Db, sql: &str) -> crate::DbResult<()> {
    crate::rows::<_, Nothing>(&db.write, sql, vec![]).await.map(|_| ())
}

/// Interrupts what the connection that writes does after some steps, and then at every step (SQLite).
pub async fn interrupt_writer(db: &Db, after: u32) -> crate::DbResult<()> {
    db.write.interrupt(after).await
}

/// Writes a row, lets another statement fail, and commits all the same.
pub async fn commit_after_an_error(db: &Db, name: &str) -> crate::DbResult<()> {
    let tx = db.begin().await?;
    crate::setting::put(&tx, name, "x").await?;
    let failed = tx.run("INSERT INTO setting (name, value) VALUES ($1, 'x')", crate::params![name]).await;
    assert!(matches!(failed, Err(crate::DbError::Duplicate(_))), "{failed:?}");
    tx.commit().await
}

struct Nothing;

impl sea_orm::FromQueryResult for Nothing {
    fn from_query_result(_: &sea_orm::QueryResult, _: &str) -> Result<Self, sea_orm::DbErr> {
        Ok(Self)
    }
}

//! A fresh database per test: SQLite always, PostgreSQL when `MIANBAN_TEST_POSTGRES` names a server.

use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{ConnectionTrait, Database};
use tokio::sync::OnceCell;

use crate::Db;

/// A database that goes away with this value.
#[derive(Debug)]
pub struct TestDb {
    /// The database, migrated.
    pub db: Db,
    _folder: Option<tempfile::TempDir>,
}

static TEMPLATE: OnceCell<String> = OnceCell::const_new();
static COUNT: AtomicU64 = AtomicU64::new(0);

impl TestDb {
    /// A migrated SQLite database in a temporary folder.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let db = Db::open(&format!("sqlite:{}/test.db", folder.path().display())).await.expect("SQLite opens");
        db.migrate().await.expect("migrations apply");
        Self { db, _folder: Some(folder) }
    }

    /// A migrated PostgreSQL database, cloned from one template per process; none without a server.
    pub async fn postgres() -> Option<Self> {
        let server = std::env::var("MIANBAN_TEST_POSTGRES").ok()?;
        let template = TEMPLATE
            .get_or_init(|| async {
                let name = format!("mianban_template_{}", std::process::id());
                let admin = Database::connect(&server).await.expect("the PostgreSQL server answers");
                admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database can be made");
                let db = Db::open(&address(&server, &name)).await.expect("the new database opens");
                db.migrate().await.expect("migrations apply");
                db.close().await.expect("pools close");
                name
            })
            .await;
        let name = format!("mianban_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let admin = Database::connect(&server).await.expect("the PostgreSQL server answers");
        admin
            .execute_unprepared(&format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await
            .expect("the template can be cloned");
        admin.close().await.expect("the connection closes");
        let db = Db::open(&address(&server, &name)).await.expect("the clone opens");
        Some(Self { db, _folder: None })
    }

    /// Both databases, as far as there are both: every test runs on each.
    pub async fn each() -> Vec<Self> {
        let mut all = vec![Self::sqlite().await];
        all.extend(Self::postgres().await);
        all
    }
}

fn address(server: &str, database: &str) -> String {
    let (base, _) = server.rsplit_once('/').expect("MIANBAN_TEST_POSTGRES names a database");
    format!("{base}/{database}")
}

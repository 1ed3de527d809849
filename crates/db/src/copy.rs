//! A copy of the whole database, for backups.

use std::path::Path;

use anyhow::Context as _;
use sea_orm::{ConnectionTrait as _, DbBackend};

use crate::{Db, DbResult, migrate, params};

/// Writes the database, as it is at one moment, into a new file, while others read and write. SQLite only: PostgreSQL has
/// its own program for this.
pub async fn write_sqlite(db: &Db, to: &Path) -> anyhow::Result<()> {
    let to = to.to_str().context("the name of the folder is not UTF-8")?;
    let session = migrate::session(&db.write.sea_orm()).await?;
    let done = session.execute_raw(migrate::statement(&session, "VACUUM INTO $1", params![to])).await;
    session.close().await?;
    done?;
    Ok(())
}

/// Whether there is nothing in the database, of this program or of another one.
pub async fn is_empty(db: &Db) -> DbResult<bool> {
    let sql = match db.write.backend() {
        DbBackend::Postgres => {
            "SELECT COUNT(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'S')"
        }
        _ => "SELECT COUNT(*) FROM sqlite_schema",
    };
    Ok(db.read().number(sql, params![]).await? == 0)
}

/// Counts anew what the planner knows about the tables: right after a restore it knows nothing.
pub async fn analyse(db: &Db) -> anyhow::Result<()> {
    let session = migrate::session(&db.write.sea_orm()).await?;
    let done = session.execute_unprepared("ANALYZE").await;
    session.close().await?;
    done?;
    Ok(())
}

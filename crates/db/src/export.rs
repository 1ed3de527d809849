//! Files of long lists, made by a job for whoever asked (E37).

use domain::export::{ExportState, KEPT_DAYS, MOST_WAITING, ReportKind};
use domain::ids::{AccountId, ExportId};
use domain::time::Instant;

use crate::stored_file;
use crate::{DbError, DbResult, Source, Tx, params, row, rows};

/// A file that somebody asked for.
#[derive(Debug, Clone, crate::Row)]
pub struct Export {
    /// Its id.
    pub id: ExportId,
    /// Who asked.
    pub account_id: AccountId,
    /// Which list.
    pub report: ReportKind,
    /// The list's address behind the question mark.
    pub query: String,
    /// The name of the file; blank until it is made.
    pub name: String,
    /// How far it is.
    pub state: ExportState,
    /// Its rows, the heads not counted.
    pub rows_written: i64,
    /// Its size.
    pub size_bytes: i64,
    /// Where it lies.
    pub object_key: String,
    /// Why it failed.
    pub reason: String,
    /// When it was asked for.
    pub asked_at: Instant,
    /// When it was made, or failed.
    pub ended_at: Option<Instant>,
}

impl Export {
    /// From when on it is not kept any more.
    pub fn gone_at(&self) -> Instant {
        self.asked_at.plus_days(KEPT_DAYS)
    }
}

const SELECT: &str = "SELECT id, account_id, report, query, name, state, rows_written, size_bytes, object_key, reason, \
                      asked_at, ended_at FROM export";

/// Notes that somebody wants a file; none when his page was sent before. [`DbError::Refused`] when several of his are being
/// made.
pub async fn ask(
    tx: &Tx,
    account: AccountId,
    creation_key: &str,
    report: ReportKind,
    query: &str,
    now: Instant,
) -> DbResult<Option<ExportId>> {
    // One person's pages take turns.
    tx.run("UPDATE account SET id = id WHERE id = $1", params![account]).await?;
    let sql = "SELECT COUNT(*) FROM export WHERE account_id = $1 AND creation_key = $2";
    if crate::number(&tx.0, sql, params![account, creation_key]).await? > 0 {
        return Ok(None);
    }
    let sql = "SELECT COUNT(*) FROM export WHERE account_id = $1 AND state = 'waiting'";
    if crate::number(&tx.0, sql, params![account]).await? >= MOST_WAITING {
        let why = format!("您已有 {MOST_WAITING} 个文件正在生成，请等其中一个完成后再申请");
        return Err(DbError::Refused(why));
    }
    let sql = "INSERT INTO export (account_id, creation_key, report, query, name, state, asked_at) \
               VALUES ($1, $2, $3, $4, '', 'waiting', $5) RETURNING id";
    Ok(Some(ExportId::new(tx.insert(sql, params![account, creation_key, report, query, now]).await?)))
}

/// His files, the newest first: so many as a week's work may leave.
pub async fn of(source: &impl Source, account: AccountId) -> DbResult<Vec<Export>> {
    rows(source.connection(), &format!("{SELECT} WHERE account_id = $1 ORDER BY id DESC LIMIT 100"), params![account])
        .await
}

/// One of his files.
pub async fn load(source: &impl Source, account: AccountId, id: ExportId) -> DbResult<Export> {
    let sql = format!("{SELECT} WHERE id = $1 AND account_id = $2");
    row(source.connection(), &sql, params![id, account]).await?.ok_or(DbError::NotFound)
}

/// A file to be made, for the job; none when it was made or taken away meanwhile.
pub async fn waiting(source: &impl Source, id: ExportId) -> DbResult<Option<Export>> {
    row(source.connection(), &format!("{SELECT} WHERE id = $1 AND state = 'waiting'"), params![id]).await
}

/// What was made.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// The name of the file.
    pub name: &'a str,
    /// Its rows.
    pub rows: i64,
    /// Its size.
    pub size_bytes: i64,
    /// Where it lies.
    pub object_key: &'a str,
}

/// The file is there; the sweep leaves it alone from now on. A second run of the job changes nothing.
pub async fn made(tx: &Tx, id: ExportId, made: Made<'_>, now: Instant) -> DbResult<()> {
    let sql = "UPDATE export SET state = 'done', name = $1, rows_written = $2, size_bytes = $3, object_key = $4, \
               ended_at = $5 WHERE id = $6 AND state = 'waiting'";
    let values = params![made.name, made.rows, made.size_bytes, made.object_key, now, id];
    if tx.run(sql, values).await? == 1 {
        stored_file::take(tx, made.object_key).await?;
    }
    Ok(())
}

/// It could not be made, and why.
pub async fn failed(tx: &Tx, id: ExportId, reason: &str, now: Instant) -> DbResult<()> {
    let sql = "UPDATE export SET state = 'failed', reason = $1, ended_at = $2 WHERE id = $3 AND state = 'waiting'";
    tx.run(sql, params![reason, now, id]).await?;
    Ok(())
}

/// Takes away what is older than a week: the files go with the next sweep.
pub async fn sweep(tx: &Tx, now: Instant) -> DbResult<u64> {
    let old = now.plus_days(-KEPT_DAYS);
    tx.run(
        "INSERT INTO orphaned_object (object_key, since) SELECT object_key, CAST($1 AS BIGINT) FROM export \
         WHERE asked_at <= $2 AND object_key <> '' ON CONFLICT (object_key) DO NOTHING",
        params![now, old],
    )
    .await?;
    tx.run("DELETE FROM export WHERE asked_at <= $1", params![old]).await
}

//! Files in the object store, whatever they belong to. A file is announced before its first byte; the row that takes it
//! ends that. What no row takes within an hour, and what its row has left, the sweep removes: an upload that breaks off, is
//! refused or meets a crash leaves nothing behind.

use domain::time::Instant;

use crate::{DbResult, Source, Tx, params, rows, setting};

/// A file that has just been stored.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Its name, at most 200 characters.
    pub name: String,
    /// Its size.
    pub size_bytes: i64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// What its first bytes say it is; for display only.
    pub content_type: String,
    /// Where it lies, under a random key.
    pub object_key: String,
}

/// Notes the key of a file that is about to come.
pub async fn announce(tx: &Tx, object_key: &str, now: Instant) -> DbResult<()> {
    tx.run("INSERT INTO orphaned_object (object_key, since) VALUES ($1, $2)", params![object_key, now]).await?;
    Ok(())
}

/// A row has the file from now on.
pub(crate) async fn take(tx: &Tx, object_key: &str) -> DbResult<()> {
    tx.run("DELETE FROM orphaned_object WHERE object_key = $1", params![object_key]).await?;
    Ok(())
}

/// Its row is gone.
pub(crate) async fn leave(tx: &Tx, object_key: &str, now: Instant) -> DbResult<()> {
    tx.run(
        "INSERT INTO orphaned_object (object_key, since) VALUES ($1, $2) ON CONFLICT (object_key) DO NOTHING",
        params![object_key, now],
    )
    .await?;
    Ok(())
}

/// Nothing is removed from the store before this moment: a backup has taken the rows and is still taking their files. A
/// backup that goes on puts it off again.
pub async fn keep_all_until(tx: &Tx, until: Instant) -> DbResult<()> {
    setting::put(tx, KEEP_ALL_UNTIL, &until.millis().to_string()).await
}

/// A backup is through.
pub async fn keep_no_longer(tx: &Tx) -> DbResult<()> {
    setting::put(tx, KEEP_ALL_UNTIL, "0").await
}

/// Whether a backup runs, which keeps everything in the store.
pub async fn is_kept(source: &impl Source, now: Instant) -> DbResult<bool> {
    let until = setting::get(source, KEEP_ALL_UNTIL).await?.and_then(|text| text.parse::<i64>().ok());
    Ok(until.is_some_and(|until| until > now.millis()))
}

/// Until when a backup keeps everything: milliseconds since 1970.
const KEEP_ALL_UNTIL: &str = "keep_all_files_until";
/// What refers to an object: none of these is ever swept, whatever is noted of it.
const REFERRED: &str = "NOT EXISTS (SELECT 1 FROM attachment r WHERE r.object_key = o.object_key) \
    AND NOT EXISTS (SELECT 1 FROM usage_file r WHERE r.object_key = o.object_key) \
    AND NOT EXISTS (SELECT 1 FROM paper_scan r WHERE r.object_key = o.object_key) \
    AND NOT EXISTS (SELECT 1 FROM bulletin_file r WHERE r.object_key = o.object_key)";

/// Keys that no row has had since before `until`.
pub async fn orphans(source: &impl Source, until: Instant) -> DbResult<Vec<String>> {
    #[derive(crate::Row)]
    struct Key {
        object_key: String,
    }
    let found: Vec<Key> = rows(
        source.connection(),
        &format!(
            "SELECT o.object_key FROM orphaned_object o WHERE o.since <= $1 AND {REFERRED} ORDER BY o.since LIMIT 200"
        ),
        params![until],
    )
    .await?;
    Ok(found.into_iter().map(|k| k.object_key).collect())
}

/// Forgets keys whose files have been removed.
pub async fn forget_orphans(tx: &Tx, keys: &[String]) -> DbResult<()> {
    for key in keys {
        take(tx, key).await?;
    }
    Ok(())
}

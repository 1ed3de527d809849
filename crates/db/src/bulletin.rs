//! 公告: what CNCA publishes on the public home page (manual §1).

use domain::ids::BulletinId;
use domain::time::Instant;

use crate::{DbError, DbResult, Source, Tx, params, row, rows};

/// A published notice.
#[derive(Debug, Clone, crate::Row)]
pub struct Bulletin {
    /// Its id.
    pub id: BulletinId,
    /// Its title.
    pub title: String,
    /// 公告, 通知, 政策法规 …
    pub category: String,
    /// Plain text, paragraphs separated by blank lines.
    pub body: String,
    /// 置顶.
    pub pinned: bool,
    /// When it was published.
    pub published_at: Instant,
}

const VISIBLE: &str = "withdrawn_at IS NULL AND published_at <= $1 AND (expires_at IS NULL OR expires_at > $1)";

/// A page of what the public sees now: pinned first, then newest first.
pub async fn published(source: &impl Source, now: Instant, limit: i64, offset: i64) -> DbResult<Vec<Bulletin>> {
    rows(
        source.connection(),
        &format!(
            "SELECT id, title, category, body, pinned, published_at FROM bulletin WHERE {VISIBLE} \
             ORDER BY pinned DESC, published_at DESC, id DESC LIMIT $2 OFFSET $3"
        ),
        params![now, limit, offset],
    )
    .await
}

/// How many the public sees now.
pub async fn count(source: &impl Source, now: Instant) -> DbResult<i64> {
    crate::number(source.connection(), &format!("SELECT COUNT(*) FROM bulletin WHERE {VISIBLE}"), params![now]).await
}

/// One notice, if the public may see it now.
pub async fn load(source: &impl Source, id: BulletinId, now: Instant) -> DbResult<Bulletin> {
    row(
        source.connection(),
        &format!("SELECT id, title, category, body, pinned, published_at FROM bulletin WHERE {VISIBLE} AND id = $2"),
        params![now, id],
    )
    .await?
    .ok_or(DbError::NotFound)
}

/// Publishes a notice.
pub async fn publish(
    tx: &Tx,
    title: &str,
    category: &str,
    body: &str,
    pinned: bool,
    at: Instant,
) -> DbResult<BulletinId> {
    let id = tx
        .insert(
            "INSERT INTO bulletin (title, category, body, pinned, published_at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
            params![title, category, body, pinned, at],
        )
        .await?;
    Ok(BulletinId::new(id))
}

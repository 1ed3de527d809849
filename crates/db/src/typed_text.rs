//! What somebody typed into a form and has not saved yet (E21). It lies beside the application and never touches it.

use domain::ids::{AccountId, ApplicationId};
use domain::time::Instant;

use crate::{DbError, DbResult, Source, Tx, params, row};

/// A form is kept up to this size.
pub const LIMIT_BYTES: usize = 64 * 1024;
/// Kept for so long.
const LIFE_HOURS: i64 = 30 * 24;

/// Typed text of one page.
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct TypedText {
    /// The form as the browser sends it.
    pub body: String,
    /// When it was kept.
    pub saved_at: Instant,
}

/// Keeps what this account typed on a page of an application, in place of what was kept before. The caller has loaded
/// the application for a change. More than [`LIMIT_BYTES`] is refused ([`DbError::Refused`]).
pub async fn keep(
    tx: &Tx,
    application: ApplicationId,
    account: AccountId,
    page: &str,
    body: &str,
    now: Instant,
) -> DbResult<()> {
    if body.len() > LIMIT_BYTES {
        return Err(DbError::Refused("填写的内容超过 64 KB，没有自动保存，请尽快保存或提交。".to_owned()));
    }
    tx.run(
        "INSERT INTO typed_text (application_id, account_id, page, body, saved_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (application_id, account_id, page) DO UPDATE SET body = excluded.body, \
         saved_at = excluded.saved_at",
        params![application, account, page, body, now],
    )
    .await?;
    Ok(())
}

/// What this account typed on a page, if anything is kept. The caller has loaded the application in scope.
pub async fn find(
    source: &impl Source,
    application: ApplicationId,
    account: AccountId,
    page: &str,
) -> DbResult<Option<TypedText>> {
    row(
        source.connection(),
        "SELECT body, saved_at FROM typed_text WHERE application_id = $1 AND account_id = $2 AND page = $3",
        params![application, account, page],
    )
    .await
}

/// 保存, 返回, 放弃: what was kept of a page is gone.
pub async fn drop_page(tx: &Tx, application: ApplicationId, account: AccountId, page: &str) -> DbResult<()> {
    tx.run(
        "DELETE FROM typed_text WHERE application_id = $1 AND account_id = $2 AND page = $3",
        params![application, account, page],
    )
    .await?;
    Ok(())
}

/// 提交: what was kept of an application is gone.
pub async fn drop_all(tx: &Tx, application: ApplicationId) -> DbResult<()> {
    tx.run("DELETE FROM typed_text WHERE application_id = $1", params![application]).await?;
    Ok(())
}

/// Drops what is older than thirty days, and what was typed into the pages of an application that nobody can change any
/// more; 预核销 and the records of use come after its issue.
pub async fn sweep(tx: &Tx, now: Instant) -> DbResult<()> {
    tx.run(
        "DELETE FROM typed_text WHERE saved_at <= $1 OR (page NOT LIKE 'usage-%' AND page <> 'pre-write-off' AND \
         NOT EXISTS (SELECT 1 FROM application a WHERE a.id = typed_text.application_id \
         AND a.state IN ('draft', 'returned')))",
        params![now.plus_hours(-LIFE_HOURS)],
    )
    .await?;
    Ok(())
}

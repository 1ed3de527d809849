//! Filters of the worklist that an officer saved under a name. They are his own: nobody else sees them.

use domain::ids::{AccountId, SavedFilterId};
use domain::text;
use domain::time::Instant;

use crate::{DbError, DbResult, Source, Tx, params, rows};

/// More than so many are not kept for one officer.
pub const MOST: i64 = 20;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct SavedFilter {
    /// Its id.
    pub id: SavedFilterId,
    /// What he calls it.
    pub name: String,
    /// The query of the list's address.
    pub query: String,
    /// Whether the worklist opens with it.
    pub is_default: bool,
}

/// His filters, by name.
pub async fn of(source: &impl Source, account: AccountId) -> DbResult<Vec<SavedFilter>> {
    rows(
        source.connection(),
        "SELECT id, name, query, is_default FROM saved_filter WHERE account_id = $1 ORDER BY name_folded, id",
        params![account],
    )
    .await
}

fn taken(error: DbError) -> DbError {
    match error {
        DbError::Duplicate(_) => DbError::Refused("您已有同名的常用条件，请换一个名称".to_owned()),
        other => other,
    }
}

/// Saves a filter. [`DbError::Refused`] when he has one of this name, or too many.
pub async fn save(tx: &Tx, account: AccountId, name: &str, query: &str, now: Instant) -> DbResult<SavedFilterId> {
    let held =
        crate::number(&tx.0, "SELECT COUNT(*) FROM saved_filter WHERE account_id = $1", params![account]).await?;
    if held >= MOST {
        return Err(DbError::Refused(format!("最多保存 {MOST} 个常用条件，请先删除不用的")));
    }
    let id = tx
        .insert(
            "INSERT INTO saved_filter (account_id, name, name_folded, query, created_at) \
             VALUES ($1, $2, $3, $4, $5) RETURNING id",
            params![account, name, text::fold(name), query, now],
        )
        .await
        .map_err(taken)?;
    Ok(SavedFilterId::new(id))
}

/// Renames his filter; [`DbError::NotFound`] when he has none of this id.
pub async fn rename(tx: &Tx, account: AccountId, id: SavedFilterId, name: &str) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE saved_filter SET name = $1, name_folded = $2 WHERE id = $3 AND account_id = $4",
            params![name, text::fold(name), id, account],
        )
        .await
        .map_err(taken)?;
    if done == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

/// Deletes his filter.
pub async fn delete(tx: &Tx, account: AccountId, id: SavedFilterId) -> DbResult<()> {
    let done = tx.run("DELETE FROM saved_filter WHERE id = $1 AND account_id = $2", params![id, account]).await?;
    if done == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

/// The worklist opens with this filter of his; none = with his first post.
pub async fn open_with(tx: &Tx, account: AccountId, id: Option<SavedFilterId>) -> DbResult<()> {
    tx.run("UPDATE saved_filter SET is_default = FALSE WHERE account_id = $1 AND is_default = TRUE", params![account])
        .await?;
    let Some(id) = id else { return Ok(()) };
    let sql = "UPDATE saved_filter SET is_default = TRUE WHERE id = $1 AND account_id = $2";
    if tx.run(sql, params![id, account]).await? == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

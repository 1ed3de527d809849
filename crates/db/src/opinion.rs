//! What an officer keeps for himself while he decides: the decision that he has begun (暂存), and phrases of his own
//! (常用意见). Nothing of it touches an application or is seen by anybody else.

use domain::actor::Post;
use domain::ids::{AccountId, ApplicationId, PhraseId};
use domain::time::Instant;

use crate::{DbError, DbResult, Source, Tx, params, rows};

/// A draft is kept up to this size.
pub const LIMIT_BYTES: usize = 64 * 1024;
/// A draft that nobody goes on with is kept for so long.
const LIFE_HOURS: i64 = 30 * 24;
/// More phrases are not kept for one officer.
pub const MOST_PHRASES: i64 = 30;

/// A decision that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The form as the browser sends it.
    pub body: String,
    /// When it was kept.
    pub saved_at: Instant,
}

/// A phrase of his own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPhrase {
    /// Its id.
    pub id: PhraseId,
    /// The words.
    pub text: String,
}

/// What an officer kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// What he began to decide on this case at this post.
    pub draft: Option<Draft>,
    /// His phrases, the oldest first.
    pub phrases: Vec<OwnPhrase>,
}

/// What this officer kept, in one statement. The caller has loaded the application in scope.
pub async fn kept(source: &impl Source, application: ApplicationId, account: AccountId, post: Post) -> DbResult<Kept> {
    #[derive(crate::Row)]
    struct Columns {
        id: i64,
        text: String,
        at: Instant,
    }
    let found: Vec<Columns> = rows(
        source.connection(),
        "SELECT CAST(0 AS BIGINT) AS id, body AS text, saved_at AS at FROM decision_draft \
         WHERE application_id = $1 AND account_id = $2 AND post = $3 \
         UNION ALL SELECT id, text, created_at AS at FROM own_phrase WHERE account_id = $2 ORDER BY 1",
        params![application, account, post],
    )
    .await?;
    let mut kept = Kept::default();
    for c in found {
        if c.id == 0 {
            kept.draft = Some(Draft { body: c.text, saved_at: c.at });
        } else {
            kept.phrases.push(OwnPhrase { id: PhraseId::new(c.id), text: c.text });
        }
    }
    Ok(kept)
}

/// 暂存, in place of what was kept before. The caller has loaded the application for a change and asked whether he may
/// decide. More than [`LIMIT_BYTES`] is refused ([`DbError::Refused`]).
pub async fn keep_draft(
    tx: &Tx,
    application: ApplicationId,
    account: AccountId,
    post: Post,
    body: &str,
    now: Instant,
) -> DbResult<()> {
    if body.len() > LIMIT_BYTES {
        return Err(DbError::Refused("填写的内容超过 64 KB，没有暂存，请删减后重试".to_owned()));
    }
    tx.run(
        "INSERT INTO decision_draft (application_id, account_id, post, body, saved_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (application_id, account_id) DO UPDATE SET post = excluded.post, body = excluded.body, \
         saved_at = excluded.saved_at",
        params![application, account, post, body, now],
    )
    .await?;
    Ok(())
}

/// 放弃暂存.
pub async fn drop_draft(tx: &Tx, application: ApplicationId, account: AccountId) -> DbResult<()> {
    let sql = "DELETE FROM decision_draft WHERE application_id = $1 AND account_id = $2";
    tx.run(sql, params![application, account]).await?;
    Ok(())
}

/// 提交意见: what anybody had begun on this case is over.
pub async fn drop_drafts(tx: &Tx, application: ApplicationId) -> DbResult<()> {
    tx.run("DELETE FROM decision_draft WHERE application_id = $1", params![application]).await?;
    Ok(())
}

/// Drops what is older than thirty days, and what was begun at a post that does not have the case any more.
pub async fn sweep(tx: &Tx, now: Instant) -> DbResult<()> {
    tx.run(
        "DELETE FROM decision_draft WHERE saved_at <= $1 OR NOT EXISTS (SELECT 1 FROM application a \
         WHERE a.id = decision_draft.application_id AND a.current_post = decision_draft.post)",
        params![now.plus_hours(-LIFE_HOURS)],
    )
    .await?;
    Ok(())
}

/// Keeps a phrase. [`DbError::Refused`] when he has the same one, or too many.
pub async fn add_phrase(tx: &Tx, account: AccountId, text: &str, now: Instant) -> DbResult<()> {
    let held = crate::number(&tx.0, "SELECT COUNT(*) FROM own_phrase WHERE account_id = $1", params![account]).await?;
    if held >= MOST_PHRASES {
        return Err(DbError::Refused(format!("最多保存 {MOST_PHRASES} 条常用意见，请先删除不用的")));
    }
    let sql = "INSERT INTO own_phrase (account_id, text, created_at) VALUES ($1, $2, $3)";
    match tx.run(sql, params![account, text, now]).await {
        Ok(_) => Ok(()),
        Err(DbError::Duplicate(_)) => Err(DbError::Refused("您已有相同的常用意见".to_owned())),
        Err(other) => Err(other),
    }
}

/// The words of his phrase; [`DbError::NotFound`] when he has none of this id.
pub async fn phrase(tx: &Tx, account: AccountId, id: PhraseId) -> DbResult<String> {
    #[derive(crate::Row)]
    struct Columns {
        text: String,
    }
    let sql = "SELECT text FROM own_phrase WHERE id = $1 AND account_id = $2";
    let found: Option<Columns> = crate::row(&tx.0, sql, params![id, account]).await?;
    found.map(|c| c.text).ok_or(DbError::NotFound)
}

/// Deletes his phrase; one that is gone already is gone.
pub async fn delete_phrase(tx: &Tx, account: AccountId, id: PhraseId) -> DbResult<()> {
    tx.run("DELETE FROM own_phrase WHERE id = $1 AND account_id = $2", params![id, account]).await?;
    Ok(())
}

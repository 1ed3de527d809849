//! 两步验证: a second factor of the log-in, and its recovery codes.
//!
//! A factor counts once it is confirmed. Of its secret only a salt is stored; the caller makes the secret from it with the
//! key of the installation. Of a recovery code only a keyed hash is stored.

use domain::ids::{AccountId, OrganisationId};
use domain::time::Instant;

use crate::audit::{self, By, Entry, Subject};
use crate::{DbError, DbResult, Source, Tx, account, params, row};

/// A second factor.
#[derive(Debug, Clone, crate::Row)]
pub struct SecondFactor {
    /// From which its secret is made.
    pub salt: String,
    /// Since when log-ins ask for it; none while it is being set up.
    pub confirmed_at: Option<Instant>,
}

/// The factor of an account, confirmed or being set up.
pub async fn of(source: &impl Source, account: AccountId) -> DbResult<Option<SecondFactor>> {
    row(source.connection(), "SELECT salt, confirmed_at FROM second_factor WHERE account_id = $1", params![account])
        .await
}

/// Begins to set one up; one that was begun before is replaced. [`DbError::Overtaken`] when one is confirmed already.
pub async fn begin(tx: &Tx, account: AccountId, salt: &str, now: Instant) -> DbResult<()> {
    let done = tx
        .run(
            "INSERT INTO second_factor (account_id, salt, created_at) VALUES ($1, $2, $3) \
             ON CONFLICT (account_id) DO UPDATE SET salt = excluded.salt, created_at = excluded.created_at \
             WHERE second_factor.confirmed_at IS NULL",
            params![account, salt, now],
        )
        .await?;
    one_of(done, "两步验证已经启用，请刷新后查看")
}

/// Confirms the one that is being set up, by the step of a code; other login sessions end, because they did without.
#[expect(clippy::too_many_arguments, reason = "one deed with its proof, its codes and its author")]
pub async fn confirm(
    tx: &Tx,
    account: AccountId,
    salt: &str,
    step: i64,
    code_hashes: &[String],
    kept_session: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    account::lock(tx, account).await?;
    let done = tx
        .run(
            "UPDATE second_factor SET confirmed_at = $1, last_step = $2 \
             WHERE account_id = $3 AND salt = $4 AND confirmed_at IS NULL",
            params![now, step, account, salt],
        )
        .await?;
    one_of(done, "两步验证的设置已有变化，请刷新后重新操作")?;
    replace_codes(tx, account, code_hashes).await?;
    tx.run("DELETE FROM login_session WHERE account_id = $1 AND token_hash <> $2", params![account, kept_session])
        .await?;
    audit::record(tx, Subject::Account(account), by, now, &Entry::of("enable_second_factor")).await
}

/// Uses a time step of a confirmed factor; false when it, or a later one, was used before.
pub async fn use_step(tx: &Tx, account: AccountId, step: i64) -> DbResult<bool> {
    let done = tx
        .run(
            "UPDATE second_factor SET last_step = $1 \
             WHERE account_id = $2 AND confirmed_at IS NOT NULL AND last_step < $1",
            params![step, account],
        )
        .await?;
    Ok(done == 1)
}

/// Uses a recovery code of a confirmed factor; false when there is no such code, or it was used before.
pub async fn use_code(tx: &Tx, account: AccountId, code_hash: &str, by: &By, now: Instant) -> DbResult<bool> {
    account::lock(tx, account).await?;
    let done = tx
        .run(
            "UPDATE recovery_code SET used_at = $1 WHERE account_id = $2 AND code_hash = $3 AND used_at IS NULL \
             AND EXISTS (SELECT 1 FROM second_factor f WHERE f.account_id = $2 AND f.confirmed_at IS NOT NULL)",
            params![now, account, code_hash],
        )
        .await?;
    if done == 0 {
        return Ok(false);
    }
    let detail = serde_json::json!({ "left": codes_left(tx, account).await? }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("use_recovery_code") };
    audit::record(tx, Subject::Account(account), by, now, &entry).await?;
    Ok(true)
}

/// How many recovery codes an account has left.
pub async fn codes_left(source: &impl Source, account: AccountId) -> DbResult<i64> {
    crate::number(
        source.connection(),
        "SELECT COUNT(*) FROM recovery_code WHERE account_id = $1 AND used_at IS NULL",
        params![account],
    )
    .await
}

/// Replaces every recovery code, used or not.
pub async fn renew_codes(tx: &Tx, account: AccountId, code_hashes: &[String], by: &By, now: Instant) -> DbResult<()> {
    account::lock(tx, account).await?;
    replace_codes(tx, account, code_hashes).await?;
    audit::record(tx, Subject::Account(account), by, now, &Entry::of("renew_recovery_codes")).await
}

async fn replace_codes(tx: &Tx, account: AccountId, code_hashes: &[String]) -> DbResult<()> {
    tx.run("DELETE FROM recovery_code WHERE account_id = $1", params![account]).await?;
    let new = code_hashes.iter().map(|hash| params![account, hash.clone()]).collect();
    tx.insert_rows("recovery_code", &["account_id", "code_hash"], "", new).await
}

/// Gives up one that is being set up.
pub async fn give_up(tx: &Tx, account: AccountId) -> DbResult<()> {
    tx.run("DELETE FROM second_factor WHERE account_id = $1 AND confirmed_at IS NULL", params![account]).await?;
    Ok(())
}

/// Switches a confirmed one off, with its recovery codes; false when there is none.
pub async fn disable(tx: &Tx, account: AccountId, by: &By, now: Instant) -> DbResult<bool> {
    account::lock(tx, account).await?;
    let sql = "DELETE FROM second_factor WHERE account_id = $1 AND confirmed_at IS NOT NULL";
    if tx.run(sql, params![account]).await? == 0 {
        return Ok(false);
    }
    tx.run("DELETE FROM recovery_code WHERE account_id = $1", params![account]).await?;
    audit::record(tx, Subject::Account(account), by, now, &Entry::of("disable_second_factor")).await?;
    Ok(true)
}

/// The administrator of an organisation takes the factor of a confirmed colleague away, who has lost it: with its recovery
/// codes, and the colleague's login sessions end. [`DbError::Overtaken`] when he is no such colleague or has none.
pub async fn reset(tx: &Tx, organisation: OrganisationId, colleague: AccountId, by: &By, now: Instant) -> DbResult<()> {
    // Locks the account's row, as the others do.
    let sql = "UPDATE account SET version = version + 1 \
               WHERE id = $1 AND organisation_id = $2 AND membership = 'confirmed' AND NOT disabled";
    let done = tx.run(sql, params![colleague, organisation]).await?;
    one_of(done, "该用户不是本单位已确认的用户，请刷新后查看")?;
    let sql = "DELETE FROM second_factor WHERE account_id = $1 AND confirmed_at IS NOT NULL";
    let done = tx.run(sql, params![colleague]).await?;
    one_of(done, "该用户没有启用两步验证，请刷新后查看")?;
    tx.run("DELETE FROM recovery_code WHERE account_id = $1", params![colleague]).await?;
    tx.run("DELETE FROM login_session WHERE account_id = $1", params![colleague]).await?;
    audit::record(tx, Subject::Account(colleague), by, now, &Entry::of("reset_second_factor")).await
}

fn one_of(changed: u64, sentence: &str) -> DbResult<()> {
    if changed == 1 { Ok(()) } else { Err(DbError::Overtaken(sentence.to_owned())) }
}

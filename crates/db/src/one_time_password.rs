//! Forgotten passwords (manual §1.4, D18).
//!
//! A one-time password lives beside the old one until it is first used: nobody can lock a stranger out by asking for
//! one.

use domain::ids::{AccountId, OneTimePasswordId};
use domain::text;
use domain::time::Instant;

use crate::audit::{self, By, Entry, Subject};
use crate::{DbError, DbResult, Source, Tx, params, row, rows};

/// How long a one-time password can be used.
pub const LIFE_HOURS: i64 = 24;
/// Requests that are answered within an hour.
pub const MOST_PER_HOUR: i64 = 3;

/// The account of this 用户名, if this is its mailbox, whatever the case of both.
pub async fn account_of(source: &impl Source, username: &str, email: &str) -> DbResult<Option<AccountId>> {
    #[derive(crate::Row)]
    struct Columns {
        id: AccountId,
        contact_email: String,
    }
    let found: Option<Columns> = row(
        source.connection(),
        "SELECT id, contact_email FROM account WHERE username_folded = $1 AND NOT disabled",
        params![text::fold(username)],
    )
    .await?;
    let email = text::fold(email);
    Ok(found.filter(|c| !email.is_empty() && text::fold(&c.contact_email) == email).map(|c| c.id))
}

/// Keeps the hash of a new one-time password; false when the account has asked too often within an hour.
pub async fn grant(tx: &Tx, account: AccountId, password_hash: &str, by: &By, now: Instant) -> DbResult<bool> {
    // The account's row is locked, so that requests at the same moment are counted one after the other.
    let sql = format!("SELECT id FROM account WHERE id = $1{}", tx.for_update());
    crate::number(&tx.0, &sql, params![account]).await?;
    let recent = crate::number(
        &tx.0,
        "SELECT COUNT(*) FROM one_time_password WHERE account_id = $1 AND created_at > $2",
        params![account, now.plus_hours(-1)],
    )
    .await?;
    if recent >= MOST_PER_HOUR {
        return Ok(false);
    }
    tx.run(
        "INSERT INTO one_time_password (account_id, password_hash, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        params![account, password_hash, now, now.plus_hours(LIFE_HOURS)],
    )
    .await?;
    audit::record(tx, Subject::Account(account), by, now, &Entry::of("request_password")).await?;
    Ok(true)
}

/// Keeps the hash of a one-time password that an administrator gives; earlier ones are void.
pub(crate) async fn issue(tx: &Tx, account: AccountId, password_hash: &str, now: Instant) -> DbResult<()> {
    tx.run("DELETE FROM one_time_password WHERE account_id = $1", params![account]).await?;
    tx.run(
        "INSERT INTO one_time_password (account_id, password_hash, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        params![account, password_hash, now, now.plus_hours(LIFE_HOURS)],
    )
    .await?;
    Ok(())
}

/// A one-time password that can be used now.
#[derive(Debug, Clone, crate::Row)]
pub struct OneTimePassword {
    /// Its id.
    pub id: OneTimePasswordId,
    /// Argon2id hash.
    pub password_hash: String,
}

/// Those of an account that can be used now, newest first.
pub async fn usable(source: &impl Source, account: AccountId, now: Instant) -> DbResult<Vec<OneTimePassword>> {
    rows(
        source.connection(),
        "SELECT id, password_hash FROM one_time_password WHERE account_id = $1 AND expires_at > $2 ORDER BY id DESC",
        params![account, now],
    )
    .await
}

/// The first use: it replaces the old password, every session ends, and a change is forced. A second use at the same
/// moment finds nothing ([`DbError::NotFound`]).
pub async fn redeem(tx: &Tx, account: AccountId, used: &OneTimePassword, by: &By, now: Instant) -> DbResult<()> {
    let done =
        tx.run("DELETE FROM one_time_password WHERE id = $1 AND account_id = $2", params![used.id, account]).await?;
    if done == 0 {
        return Err(DbError::NotFound);
    }
    tx.run(
        "UPDATE account SET password_hash = $1, must_change_password = $2, version = version + 1 WHERE id = $3",
        params![used.password_hash.clone(), true, account],
    )
    .await?;
    tx.run("DELETE FROM login_session WHERE account_id = $1", params![account]).await?;
    audit::record(tx, Subject::Account(account), by, now, &Entry::of("redeem_password")).await
}

/// Removes what can no longer be used nor counted; hourly.
pub async fn sweep(tx: &Tx, now: Instant) -> DbResult<u64> {
    tx.run(
        "DELETE FROM one_time_password WHERE expires_at <= $1 AND created_at <= $2",
        params![now, now.plus_hours(-1)],
    )
    .await
}

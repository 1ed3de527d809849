//! Login sessions: idle 30 minutes, absolute 12 hours, rotated at login, revocable (E19); and the login lock (E18).

use domain::actor::{AccountKind, Actor, MemberRole, Membership, Posts};
use domain::ids::{AccountId, BureauCode, OrganisationId, SessionId};
use domain::time::Instant;

use crate::account::{ActorRow, Profile};
use crate::{DbResult, Source, Tx, params, row};

/// A session ends after this long without a request.
pub const IDLE_MINUTES: i64 = 30;
/// A session ends this long after the log-in, whatever happens.
pub const ABSOLUTE_HOURS: i64 = 12;
/// Failed log-ins of one user from one address before the lock.
pub const MAX_FAILURES: i64 = 5;
/// The window in which they count, and the length of the lock.
pub const LOCK_MINUTES: i64 = 15;

/// A live session and the actor behind it, with the rights he has now.
#[derive(Debug, Clone)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// Who.
    pub actor: Actor,
    /// 用户名.
    pub username: String,
    /// 申请单位 or bureau, for the frame.
    pub belongs_to: String,
    /// The profile as it was at log-in (D22).
    pub profile: Profile,
    /// The last request but one, to the minute.
    pub last_seen_at: Instant,
    /// A one-time password was used: nothing else before it is changed (D18).
    pub must_change_password: bool,
    /// His bureau asks for a second factor and he has none: nothing else before it is set up (R-C-06).
    pub must_set_second_factor: bool,
}

/// Opens a session; `token_hash` is the SHA-256 of the random token in the cookie.
pub async fn open(
    tx: &Tx,
    account: AccountId,
    token_hash: &str,
    profile: &Profile,
    now: Instant,
) -> DbResult<SessionId> {
    let profile = serde_json::to_string(profile).map_err(|e| crate::DbError::Inconsistent(e.to_string()))?;
    let id = tx
        .insert(
            "INSERT INTO login_session (token_hash, account_id, profile, created_at, last_seen_at, expires_at) \
             VALUES ($1, $2, $3, $4, $4, $5) RETURNING id",
            params![token_hash, account, profile, now, now.plus_hours(ABSOLUTE_HOURS)],
        )
        .await?;
    tx.run("UPDATE account SET last_login_at = $1 WHERE id = $2", params![now, account]).await?;
    Ok(SessionId::new(id))
}

/// The live session of a token: one statement per request.
pub async fn find(source: &impl Source, token_hash: &str, now: Instant) -> DbResult<Option<Session>> {
    #[derive(crate::Row)]
    struct Columns {
        session_id: SessionId,
        profile: String,
        last_seen_at: Instant,
        id: AccountId,
        kind: AccountKind,
        username: String,
        display_name: String,
        organisation_id: Option<OrganisationId>,
        membership: Option<Membership>,
        shares_within: Option<bool>,
        member_role: MemberRole,
        mailbox_proved_at: Option<Instant>,
        suspended_at: Option<Instant>,
        bureau_code: Option<BureauCode>,
        posts: Posts,
        organisation_name: Option<String>,
        bureau_name: Option<String>,
        must_change_password: bool,
        must_set_second_factor: i64,
    }
    let found: Option<Columns> = row(
        source.connection(),
        "SELECT s.id AS session_id, s.profile, s.last_seen_at, c.id, c.kind, c.username, c.display_name, \
         c.organisation_id, c.membership, o.shares_within, c.member_role, c.mailbox_proved_at, o.suspended_at, c.bureau_code, c.posts, o.name AS organisation_name, \
         b.short_name AS bureau_name, c.must_change_password, \
         CAST(CASE WHEN c.kind = 'enterprise' THEN 0 \
         WHEN EXISTS (SELECT 1 FROM second_factor f WHERE f.account_id = c.id AND f.confirmed_at IS NOT NULL) THEN 0 \
         WHEN c.kind = 'bureau' THEN CASE WHEN b.second_factor_required THEN 1 ELSE 0 END \
         WHEN EXISTS (SELECT 1 FROM setting t WHERE t.name = 'second_factor_required' AND t.value = 'cnca') THEN 1 \
         ELSE 0 END AS BIGINT) AS must_set_second_factor \
         FROM login_session s JOIN account c ON c.id = s.account_id \
         LEFT JOIN organisation o ON o.id = c.organisation_id LEFT JOIN bureau b ON b.code = c.bureau_code \
         WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.last_seen_at > $3 AND NOT c.disabled",
        params![token_hash, now, now.minus_minutes(IDLE_MINUTES)],
    )
    .await?;
    let Some(c) = found else { return Ok(None) };
    let belongs_to = c.organisation_name.or(c.bureau_name).unwrap_or_else(|| "国家认监委".to_owned());
    let profile =
        serde_json::from_str(&c.profile).map_err(|e| crate::DbError::Inconsistent(format!("session profile: {e}")))?;
    let actor = ActorRow {
        id: c.id,
        kind: c.kind,
        username: c.username.clone(),
        display_name: c.display_name,
        organisation_id: c.organisation_id,
        membership: c.membership,
        shares_within: c.shares_within,
        member_role: c.member_role,
        mailbox_proved_at: c.mailbox_proved_at,
        suspended_at: c.suspended_at,
        bureau_code: c.bureau_code,
        posts: c.posts,
    }
    .actor()?;
    Ok(Some(Session {
        id: c.session_id,
        actor,
        username: c.username,
        belongs_to,
        profile,
        last_seen_at: c.last_seen_at,
        must_change_password: c.must_change_password,
        must_set_second_factor: c.must_set_second_factor == 1,
    }))
}

/// Notes that the sessions were used; batched by the caller (E11).
pub async fn touch(tx: &Tx, sessions: &[SessionId], now: Instant) -> DbResult<()> {
    for id in sessions {
        tx.run("UPDATE login_session SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1", params![now, *id])
            .await?;
    }
    Ok(())
}

/// Ends a session: log-out.
pub async fn close(tx: &Tx, token_hash: &str) -> DbResult<()> {
    tx.run("DELETE FROM login_session WHERE token_hash = $1", params![token_hash]).await?;
    Ok(())
}

/// Removes what has expired; hourly.
pub async fn sweep(tx: &Tx, now: Instant) -> DbResult<u64> {
    let gone = tx
        .run(
            "DELETE FROM login_session WHERE expires_at <= $1 OR last_seen_at <= $2",
            params![now, now.minus_minutes(IDLE_MINUTES)],
        )
        .await?;
    tx.run("DELETE FROM login_attempt WHERE first_at <= $1", params![now.minus_minutes(LOCK_MINUTES)]).await?;
    Ok(gone)
}

/// Whether this (user, address) is locked now.
pub async fn is_locked(source: &impl Source, subject: &str, now: Instant) -> DbResult<bool> {
    let n = crate::number(
        source.connection(),
        "SELECT COUNT(*) FROM login_attempt WHERE subject = $1 AND failures >= $2 AND first_at > $3",
        params![subject, MAX_FAILURES, now.minus_minutes(LOCK_MINUTES)],
    )
    .await?;
    Ok(n > 0)
}

/// Counts a failed log-in; the window begins anew when the old one is over, and the lock with the failure that causes
/// it.
pub async fn note_failure(tx: &Tx, subject: &str, now: Instant) -> DbResult<()> {
    tx.run(
        "INSERT INTO login_attempt (subject, failures, first_at) VALUES ($1, 1, $2) \
         ON CONFLICT (subject) DO UPDATE SET \
         failures = CASE WHEN login_attempt.first_at > $3 THEN login_attempt.failures + 1 ELSE 1 END, \
         first_at = CASE WHEN login_attempt.first_at > $3 AND login_attempt.failures + 1 <> $4 \
         THEN login_attempt.first_at ELSE $2 END",
        params![subject, now, now.minus_minutes(LOCK_MINUTES), MAX_FAILURES],
    )
    .await?;
    Ok(())
}

/// Forgets the failures after a log-in that worked.
pub async fn forgive(tx: &Tx, subject: &str) -> DbResult<()> {
    tx.run("DELETE FROM login_attempt WHERE subject = $1", params![subject]).await?;
    Ok(())
}

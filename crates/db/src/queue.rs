//! The outbox of jobs: a job joins the transaction of the change that causes it, is retried, and may run twice
//! (every job is idempotent). Safe with several processes: claiming skips locked rows on PostgreSQL and holds the only
//! write lock on SQLite.

use domain::ids::JobId;
use domain::time::Instant;

use crate::{DbResult, Source, Tx, params, rows};

/// The stored word of the job that makes the file of a long list; it has a lane of its own.
pub const MAKE_EXPORT: &str = "make_export";

/// Jobs that take minutes do not hold up letters and papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Letters, papers: seconds.
    Short,
    /// Files of long lists.
    Long,
}

/// After this many attempts a job is dead and waits for a person.
pub const MAX_ATTEMPTS: i64 = 10;
/// A running job is taken to have lost its worker after this long.
const LEASE_MINUTES: i64 = 10;

/// A claimed job.
#[derive(Debug, Clone, crate::Row)]
pub struct Claimed {
    /// Its id.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// Its data as JSON.
    pub payload: String,
    /// Which attempt this is, from 1.
    pub attempts: i64,
}

/// Puts a job into the outbox, to run at `run_at` or later.
pub async fn enqueue(tx: &Tx, kind: &str, payload: &str, run_at: Instant) -> DbResult<JobId> {
    let id = tx
        .insert(
            "INSERT INTO job (kind, payload, state, run_at, created_at) VALUES ($1, $2, 'ready', $3, $3) RETURNING id",
            params![kind, payload, run_at],
        )
        .await?;
    Ok(JobId::new(id))
}

/// Claims up to `n` jobs of a lane that are due, or whose worker died.
pub async fn claim(tx: &Tx, lane: Lane, n: i64, now: Instant) -> DbResult<Vec<Claimed>> {
    let lock = if tx.for_update().is_empty() { "" } else { " FOR UPDATE SKIP LOCKED" };
    let sql = format!(
        "UPDATE job SET state = 'running', attempts = attempts + 1, locked_until = $1 WHERE id IN \
         (SELECT id FROM job WHERE state IN ('ready', 'running') AND ((state = 'ready' AND run_at <= $2) OR (state = 'running' AND locked_until <= $2)) \
         AND (kind = $3) = $4 ORDER BY run_at, id LIMIT $5{lock}) RETURNING id, kind, payload, attempts"
    );
    let mut claimed: Vec<Claimed> =
        rows(&tx.0, &sql, params![now.plus_minutes(LEASE_MINUTES), now, MAKE_EXPORT, lane == Lane::Long, n]).await?;
    // RETURNING has no order: two letters about one application arrive as they were written.
    claimed.sort_by_key(|job| job.id);
    Ok(claimed)
}

/// The job is done; its data, which may be a letter, are not kept.
pub async fn finish(tx: &Tx, id: JobId, now: Instant) -> DbResult<()> {
    tx.run(
        "UPDATE job SET state = 'done', payload = '', finished_at = $1, locked_until = NULL, last_error = '' WHERE id = $2",
        params![now, id],
    )
    .await?;
    Ok(())
}

/// The job failed: again later with growing pauses, or dead after [`MAX_ATTEMPTS`] or when `hopeless`.
pub async fn fail(tx: &Tx, job: &Claimed, error: &str, hopeless: bool, now: Instant) -> DbResult<()> {
    let dead = hopeless || job.attempts >= MAX_ATTEMPTS;
    let pause_seconds = 5_i64.saturating_mul(1 << job.attempts.clamp(0, 12));
    tx.run(
        "UPDATE job SET state = $1, run_at = $2, locked_until = NULL, last_error = $3 WHERE id = $4",
        params![if dead { "dead" } else { "ready" }, now.plus_seconds(pause_seconds), error, job.id],
    )
    .await?;
    Ok(())
}

/// Removes what has been done for a week.
pub async fn sweep(tx: &Tx, now: Instant) -> DbResult<u64> {
    tx.run("DELETE FROM job WHERE state = 'done' AND finished_at <= $1", params![now.plus_days(-7)]).await
}

/// How many jobs wait and how many are dead, for metrics and readiness.
pub async fn backlog(source: &impl Source) -> DbResult<(i64, i64)> {
    let conn = source.connection();
    let waiting =
        crate::number(conn, "SELECT COUNT(*) FROM job WHERE state IN ('ready', 'running')", params![]).await?;
    let dead = crate::number(conn, "SELECT COUNT(*) FROM job WHERE state = 'dead'", params![]).await?;
    Ok((waiting, dead))
}

//! The outbox of jobs: a job joins the transaction of the change that causes it, is retried, and may run twice
//! (every job is idempotent). Safe with several processes: claiming skips locked rows on PostgreSQL and holds the only
//! write lock on SQLite.

use domain::ids::JobId;
use domain::letter::Failure;
use domain::policy::{Permit, Reach, WatchJobs};
use domain::time::{Day, Instant};

use crate::audit::{self, By, Entry, Subject};
use crate::search::Conditions;
use crate::{DbError, DbResult, Source, Tx, params, row, rows};

/// The stored word of the job that makes the file of a long list.
pub const MAKE_EXPORT: &str = "make_export";
/// The stored word of the job that makes a paper.
pub const RENDER_CERTIFICATE: &str = "render_certificate";
/// The stored word of the job that hands a letter to the mail server.
pub const SEND_LETTER: &str = "send_letter";

/// What waits for somebody outside does not hold up what waits for somebody else: each lane is worked on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Letters: they wait for the mail server.
    Letters,
    /// Papers: they wait for the typesetter and the store of files.
    Papers,
    /// Files of long lists: minutes.
    Exports,
    /// Everything else: the database alone.
    Inside,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Letters, Self::Papers, Self::Exports, Self::Inside];

    /// Which kinds of job go here; a kind that nobody named goes to [`Lane::Inside`].
    const fn kinds(self) -> &'static str {
        match self {
            Self::Letters => "kind = 'send_letter'",
            Self::Papers => "kind = 'render_certificate'",
            Self::Exports => "kind = 'make_export'",
            Self::Inside => "kind NOT IN ('send_letter', 'render_certificate', 'make_export')",
        }
    }

    /// Its name in logs and measurements.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Letters => "letters",
            Self::Papers => "papers",
            Self::Exports => "exports",
            Self::Inside => "inside",
        }
    }
}

/// A job that fails is tried for this long at least, and [`LEAST_ATTEMPTS`] times; then it is dead and waits for a person.
const TRIED_DAYS: i64 = 3;
/// A job is tried this often at least: a queue that moves slowly is not its fault.
const LEAST_ATTEMPTS: i64 = 10;
/// The longest pause between two tries.
const LONGEST_PAUSE_SECONDS: i64 = 60 * 60;
/// The longest pause between two tries of a paper, which has no end.
const LONGEST_PAUSE_OF_PAPERS_SECONDS: i64 = 15 * 60;
/// A running job is taken to have lost its worker after this long without [`keep`].
const LEASE_MINUTES: i64 = 10;
/// A job is late when it is still tried after this long,
const LATE_MINUTES: i64 = 60;
/// or when nobody has taken it up for this long.
const IDLE_MINUTES: i64 = 15;

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
    /// When it was tried first.
    pub first_run_at: Instant,
}

impl Claimed {
    /// Whether it has been tried long and often enough; a paper never has.
    pub fn is_last_try(&self, now: Instant) -> bool {
        self.kind != RENDER_CERTIFICATE
            && self.attempts >= LEAST_ATTEMPTS
            && now >= self.first_run_at.plus_days(TRIED_DAYS)
    }

    /// Seconds until the next try: twice as long as before, up to a bound.
    fn pause(&self) -> i64 {
        let longest =
            if self.kind == RENDER_CERTIFICATE { LONGEST_PAUSE_OF_PAPERS_SECONDS } else { LONGEST_PAUSE_SECONDS };
        5_i64.saturating_mul(1 << self.attempts.clamp(0, 12)).min(longest)
    }
}

/// Puts a job into the outbox, to run at `run_at` or later.
pub async fn enqueue(tx: &Tx, kind: &str, payload: &str, run_at: Instant) -> DbResult<JobId> {
    enqueue_for(tx, kind, payload, None, run_at).await
}

/// The same for a certificate (a paper), an account (a letter) or a file of a long list.
pub async fn enqueue_for(tx: &Tx, kind: &str, payload: &str, subject: Option<i64>, run_at: Instant) -> DbResult<JobId> {
    let id = tx
        .insert(
            "INSERT INTO job (kind, payload, subject_id, state, run_at, created_at) \
             VALUES ($1, $2, $3, 'ready', $4, $4) RETURNING id",
            params![kind, payload, subject, run_at],
        )
        .await?;
    Ok(JobId::new(id))
}

/// What is due: jobs whose time has come, and those whose worker died.
fn due(lane: Lane) -> String {
    format!(
        "state IN ('ready', 'running') AND ((state = 'ready' AND run_at <= $1) OR (state = 'running' AND locked_until <= $1)) \
         AND {}",
        lane.kinds()
    )
}

/// How many jobs of a lane are due; an idle look takes no write lock.
pub async fn count_due(source: &impl Source, lane: Lane, now: Instant) -> DbResult<i64> {
    let sql = format!("SELECT COUNT(*) FROM job WHERE {}", due(lane));
    crate::number(source.connection(), &sql, params![now]).await
}

/// Claims up to `n` jobs of a lane that are due, or whose worker died.
pub async fn claim(tx: &Tx, lane: Lane, n: i64, now: Instant) -> DbResult<Vec<Claimed>> {
    let lock = if tx.for_update().is_empty() { "" } else { " FOR UPDATE SKIP LOCKED" };
    let sql = format!(
        "UPDATE job SET state = 'running', attempts = attempts + 1, locked_until = $2, \
         first_run_at = COALESCE(first_run_at, CAST($1 AS BIGINT)) \
         WHERE id IN (SELECT id FROM job WHERE {} ORDER BY run_at, id LIMIT $3{lock}) \
         RETURNING id, kind, payload, attempts, first_run_at",
        due(lane)
    );
    let mut claimed: Vec<Claimed> = rows(&tx.0, &sql, params![now, now.plus_minutes(LEASE_MINUTES), n]).await?;
    // RETURNING has no order: two letters about one application arrive as they were written.
    claimed.sort_by_key(|job| job.id);
    Ok(claimed)
}

/// The job is still being worked on; false when another worker has taken it over.
pub async fn keep(tx: &Tx, job: &Claimed, now: Instant) -> DbResult<bool> {
    let sql = "UPDATE job SET locked_until = $1 WHERE id = $2 AND state = 'running' AND attempts = $3";
    Ok(tx.run(sql, params![now.plus_minutes(LEASE_MINUTES), job.id, job.attempts]).await? == 1)
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

/// What becomes of a job that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It is tried again, after a pause.
    Pause,
    /// It is dead: a person has to look at it.
    Death,
}

/// The job failed: again later with growing pauses, or dead. Whoever lost the job to another worker changes nothing.
pub async fn fail(tx: &Tx, job: &Claimed, error: &str, after: After, now: Instant) -> DbResult<()> {
    let state = match after {
        After::Pause => "ready",
        After::Death => "dead",
    };
    tx.run(
        "UPDATE job SET state = $1, run_at = $2, locked_until = NULL, last_error = $3 \
         WHERE id = $4 AND state = 'running' AND attempts = $5",
        params![state, now.plus_seconds(job.pause()), error, job.id, job.attempts],
    )
    .await?;
    Ok(())
}

/// Removes what has been done for a week.
pub async fn sweep(tx: &Tx, now: Instant) -> DbResult<u64> {
    tx.run("DELETE FROM job WHERE state = 'done' AND finished_at <= $1", params![now.plus_days(-7)]).await
}

/// How the queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, crate::Row)]
pub struct Backlog {
    /// Jobs that wait or run.
    pub waiting: i64,
    /// Those of them that are late.
    pub late: i64,
    /// Jobs that wait for a person.
    pub dead: i64,
    /// When the oldest of those that wait was put in.
    pub oldest: Option<Instant>,
}

/// A job that waits longer than expected; the values are those of [`late_since`].
const LATE: &str =
    "(j.state IN ('ready', 'running') AND (j.first_run_at <= ? OR (j.state = 'ready' AND j.run_at <= ?)))";

/// How the queue stands, for metrics and the log.
pub async fn backlog(source: &impl Source, now: Instant) -> DbResult<Backlog> {
    let late = Conditions::new().and(LATE, late_since(now));
    let sql = format!(
        "SELECT (SELECT COUNT(*) FROM job WHERE state IN ('ready', 'running')) AS waiting, \
         (SELECT COUNT(*) FROM job j{}) AS late, (SELECT COUNT(*) FROM job WHERE state = 'dead') AS dead, \
         (SELECT MIN(created_at) FROM job WHERE state IN ('ready', 'running')) AS oldest",
        late.sql()
    );
    let found = row(source.connection(), &sql, late.values(vec![])).await?;
    found.ok_or(DbError::NotFound)
}

fn late_since(now: Instant) -> Vec<crate::Value> {
    params![now.minus_minutes(LATE_MINUTES), now.minus_minutes(IDLE_MINUTES)]
}

/// Which jobs somebody wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Dead ones, and those that are late.
    Trouble,
    /// Dead ones.
    Dead,
    /// Late ones.
    Late,
}

/// A job as people look at it; never its data, which may hold a password.
#[derive(Debug, Clone, crate::Row)]
pub struct Record {
    /// Its id.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// `ready`, `running`, `done`, `dead`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was put in.
    pub created_at: Instant,
    /// When it is tried next.
    pub run_at: Instant,
    /// What happened at the last try, for the operator.
    pub last_error: String,
    /// 证明号 of a paper.
    pub certificate_no: Option<String>,
    /// To whom a letter goes.
    pub recipient: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// Why it was not taken.
    pub failure: Option<Failure>,
    /// Whose letter or file it is.
    pub username: Option<String>,
    has_data: i64,
}

impl Record {
    /// Whether it has died.
    pub fn is_dead(&self) -> bool {
        self.state == "dead"
    }

    /// Whether its data are still there; those of a password that is over are not.
    pub const fn has_data(&self) -> bool {
        self.has_data == 1
    }
}

const SELECT: &str = "SELECT j.id, j.kind, j.state, j.attempts, j.created_at, j.run_at, j.last_error, \
    x.number AS certificate_no, l.recipient, l.subject, l.failure, c.username, \
    CAST(CASE WHEN j.payload <> '' THEN 1 ELSE 0 END AS BIGINT) AS has_data \
    FROM job j LEFT JOIN letter l ON j.kind = 'send_letter' AND l.job_id = j.id \
    LEFT JOIN certificate x ON j.kind = 'render_certificate' AND x.id = j.subject_id \
    LEFT JOIN export e ON j.kind = 'make_export' AND e.id = j.subject_id \
    LEFT JOIN account c ON c.id = CASE WHEN j.kind = 'send_letter' THEN j.subject_id ELSE e.account_id END";

/// What concerns a bureau: papers of its certificates, letters and files of its officers, and letters to enterprises of the
/// regions it is responsible for. CNCA sees everything.
fn concerning(permit: &Permit<WatchJobs>, today: Day) -> Conditions {
    match permit.reach() {
        Reach::Everywhere => Conditions::new(),
        Reach::Bureau(own) => Conditions::new().and(
            "(x.bureau_code = ? OR c.bureau_code = ? OR ? = (SELECT k.bureau_code FROM jurisdiction k \
             WHERE c.region_code LIKE k.region_prefix || '%' AND k.valid_from <= ? AND k.valid_to >= ? \
             ORDER BY LENGTH(k.region_prefix) DESC, k.valid_from DESC LIMIT 1))",
            params![own.clone(), own.clone(), own.clone(), today, today],
        ),
    }
}

/// A page of jobs in trouble, the newest first, below `before`.
pub async fn in_trouble(
    source: &impl Source,
    permit: &Permit<WatchJobs>,
    wanted: Wanted,
    before: Option<JobId>,
    limit: i64,
    now: Instant,
) -> DbResult<Vec<Record>> {
    let conditions = concerning(permit, now.china_day());
    listed(source, conditions, wanted, before, limit, now).await
}

/// The same for the operator, who sees everything.
pub async fn all_in_trouble(source: &impl Source, wanted: Wanted, now: Instant) -> DbResult<Vec<Record>> {
    listed(source, Conditions::new(), wanted, None, i64::from(i32::MAX), now).await
}

async fn listed(
    source: &impl Source,
    conditions: Conditions,
    wanted: Wanted,
    before: Option<JobId>,
    limit: i64,
    now: Instant,
) -> DbResult<Vec<Record>> {
    let mut conditions = match wanted {
        Wanted::Dead => conditions.and("j.state = 'dead'", params![]),
        Wanted::Late => conditions.and(LATE, late_since(now)),
        Wanted::Trouble => conditions.and(&format!("(j.state = 'dead' OR {LATE})"), late_since(now)),
    };
    if let Some(before) = before {
        conditions = conditions.and("j.id < ?", params![before]);
    }
    let sql = format!("{SELECT}{} ORDER BY j.id DESC LIMIT {limit}", conditions.sql());
    rows(source.connection(), &sql, conditions.values(vec![])).await
}

/// One job, for the operator.
pub async fn get(source: &impl Source, id: JobId) -> DbResult<Record> {
    let found = row(source.connection(), &format!("{SELECT} WHERE j.id = $1"), params![id]).await?;
    found.ok_or(DbError::NotFound)
}

/// One job that concerns this person; another one is [`DbError::NotFound`].
pub async fn get_concerning(
    source: &impl Source,
    permit: &Permit<WatchJobs>,
    id: JobId,
    now: Instant,
) -> DbResult<Record> {
    let conditions = concerning(permit, now.china_day()).and("j.id = ?", params![id]);
    let sql = format!("{SELECT}{}", conditions.sql());
    row(source.connection(), &sql, conditions.values(vec![])).await?.ok_or(DbError::NotFound)
}

/// 重新执行: the job begins anew, at once, and is tried for as long as a new one. The caller has seen that it concerns him.
/// [`DbError::Overtaken`] when it runs, is done, or has lost its data.
pub async fn retry(tx: &Tx, id: JobId, by: &By, now: Instant) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE job SET state = 'ready', attempts = 0, first_run_at = NULL, run_at = $1, locked_until = NULL \
             WHERE id = $2 AND state IN ('dead', 'ready') AND payload <> ''",
            params![now, id],
        )
        .await?;
    if done == 0 {
        let why = "该任务正在执行、已经完成，或其中的新密码已过期，不能重新执行，请刷新后查看";
        return Err(DbError::Overtaken(why.to_owned()));
    }
    audit::record(tx, Subject::Job(id), by, now, &Entry::of("retry_job")).await
}

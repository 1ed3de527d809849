//! What is done outside requests: letters, papers, and the duties of the clock.
//!
//! A job is put into the outbox by the transaction that causes it ([`status_changed`], [`render_certificate`]) and run
//! by [`work`], inside `mianban serve` or alone in `mianban worker`. Every job may run twice: it is idempotent.

mod letters;
mod papers;
mod passwords;
mod schedule;

use std::time::Duration;

use db::Tx;
use db::queue::{self, Claimed};
use domain::application::Application;
use domain::ids::CertificateId;
use domain::time::Instant;
use domain::workflow::{Target, Transition};
use kit::app::{App, Letter};
use kit::error::AppError;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// How long an idle worker waits before it looks again.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the duties of the clock are looked at.
const DUTY_PAUSE: Duration = Duration::from_mins(1);

/// A job, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Job {
    /// Make the paper of a certificate's version in force.
    RenderCertificate {
        /// The certificate.
        certificate: CertificateId,
    },
    /// Send a one-time password, if name and mailbox fit (D18).
    GrantPassword {
        /// 用户名 as typed.
        username: String,
        /// 邮箱地址 as typed.
        email: String,
        /// From which network address it was asked for.
        address: String,
    },
    /// Hand a letter to the post.
    SendLetter(Letter),
}

/// Why a job did not succeed.
#[derive(Debug)]
enum JobError {
    /// Worth another try.
    Retry(anyhow::Error),
    /// Never going to work.
    Hopeless(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for JobError {
    fn from(error: E) -> Self {
        Self::Retry(error.into())
    }
}

async fn enqueue(tx: &Tx, job: &Job, now: Instant) -> Result<(), AppError> {
    let payload = serde_json::to_string(job).map_err(anyhow::Error::new)?;
    let kind = match job {
        Job::RenderCertificate { .. } => "render_certificate",
        Job::GrantPassword { .. } => "grant_password",
        Job::SendLetter(_) => "send_letter",
    };
    queue::enqueue(tx, kind, &payload, now).await?;
    Ok(())
}

/// The applicant is told where his application went.
pub async fn status_changed(
    tx: &Tx,
    app: &App,
    application: &Application,
    number: &str,
    step: Transition,
) -> Result<(), AppError> {
    let Target::State(to) = step.to() else { return Ok(()) };
    match letters::status_changed(app, application, number, to) {
        Some(letter) => enqueue(tx, &Job::SendLetter(letter), app.now()).await,
        None => Ok(()),
    }
}

/// Somebody forgot his password; whether name and mailbox fit is looked at by the job, so that the answer tells nothing.
pub async fn grant_password(tx: &Tx, username: &str, email: &str, address: &str, now: Instant) -> Result<(), AppError> {
    let (username, email, address) = (username.to_owned(), email.to_owned(), address.to_owned());
    enqueue(tx, &Job::GrantPassword { username, email, address }, now).await
}

/// The paper of a certificate is made.
pub async fn render_certificate(tx: &Tx, certificate: CertificateId, now: Instant) -> Result<(), AppError> {
    enqueue(tx, &Job::RenderCertificate { certificate }, now).await
}

/// Runs jobs and duties until told to stop; what has begun is finished.
pub async fn work(app: App, stop: CancellationToken) {
    let mut next_duty = tokio::time::Instant::now();
    while !stop.is_cancelled() {
        if tokio::time::Instant::now() >= next_duty {
            duties(&app).await;
            next_duty = tokio::time::Instant::now() + DUTY_PAUSE;
        }
        match run_due(&app, 4).await {
            Ok(0) => {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the worker cannot reach its queue");
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(DUTY_PAUSE / 12) => {}
                }
            }
        }
    }
}

/// Does the duties of the clock once: drafts after ten days, ended sessions, files without rows, audit checkpoints.
pub async fn duties(app: &App) {
    schedule::run(app).await;
}

/// Runs what is due, at most `n` jobs; says how many there were.
pub async fn run_due(app: &App, n: i64) -> anyhow::Result<usize> {
    // An idle look takes no write lock.
    let due = app
        .db
        .read()
        .number(
            "SELECT COUNT(*) FROM job WHERE (state = 'ready' AND run_at <= $1) \
             OR (state = 'running' AND locked_until <= $1)",
            db::params![app.now()],
        )
        .await?;
    if due == 0 {
        return Ok(0);
    }
    let tx = app.db.begin().await?;
    let claimed = queue::claim(&tx, n, app.now()).await?;
    tx.commit().await?;
    for job in &claimed {
        run(app, job).await?;
    }
    Ok(claimed.len())
}

async fn run(app: &App, claimed: &Claimed) -> anyhow::Result<()> {
    let outcome = match serde_json::from_str::<Job>(&claimed.payload) {
        Ok(Job::RenderCertificate { certificate }) => papers::render_certificate(app, certificate).await,
        Ok(Job::GrantPassword { username, email, address }) => passwords::grant(app, &username, &email, &address).await,
        Ok(Job::SendLetter(letter)) => app.post.send(&letter).await.map_err(JobError::Retry),
        Err(error) => Err(JobError::Hopeless(error.into())),
    };
    let tx = app.db.begin().await?;
    match outcome {
        Ok(()) => {
            queue::finish(&tx, claimed.id, app.now()).await?;
            metrics::counter!("mianban_jobs_total", "kind" => claimed.kind.clone(), "outcome" => "done").increment(1);
        }
        Err(JobError::Retry(error)) => failed(app, &tx, claimed, &error, false).await?,
        Err(JobError::Hopeless(error)) => failed(app, &tx, claimed, &error, true).await?,
    }
    tx.commit().await?;
    Ok(())
}

async fn failed(app: &App, tx: &Tx, claimed: &Claimed, error: &anyhow::Error, hopeless: bool) -> anyhow::Result<()> {
    tracing::warn!(job.id = %claimed.id, job.kind = %claimed.kind, attempt = claimed.attempts,
        error = format!("{error:#}"), "job {} failed: {error:#}", claimed.kind);
    metrics::counter!("mianban_jobs_total", "kind" => claimed.kind.clone(), "outcome" => "failed").increment(1);
    queue::fail(tx, claimed, &format!("{error:#}"), hopeless, app.now()).await?;
    Ok(())
}

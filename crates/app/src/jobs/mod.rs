//! What is done outside requests: letters, papers, and the duties of the clock.
//!
//! A job is put into the outbox by the transaction that causes it ([`status_changed`], [`render_certificate`]) and run
//! by [`work`], inside `mianban serve` or alone in `mianban worker`. Every job may run twice: it is idempotent.
//!
//! Each lane of the queue, and each round of the duties, is a task of its own: whoever waits for a mail server or a store of
//! files that does not answer holds up nobody else, and has an end.

mod exports;
mod handover;
pub mod letters;
mod papers;
mod passwords;
mod schedule;

pub use letters::CertificateNews;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use db::application::Remarks;
use db::audit::By;
use db::certificate::{Certificate, Ending};
use db::letter;
use db::queue::{self, After, Claimed, Lane, RENDER_CERTIFICATE, SEND_LETTER};
use db::usage::Record;
use db::{DbError, Tx};
use domain::application::Application;
use domain::certificate::CertificateState;
use domain::expiry;
use domain::ids::{AccountId, BureauCode, CertificateId, ExportId, JobId, LetterId, OrganisationId};
use domain::letter::{Failure, LetterKind, Occasion};
use domain::time::Instant;
use domain::usage::UsageStep;
use domain::workflow::{Target, Transition};
use futures_util::FutureExt as _;
use kit::app::{App, Letter};
use kit::error::AppError;
use kit::random;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::clock;

/// How long an idle worker waits before it looks again.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the duties of the clock are looked at.
const DUTY_PAUSE: Duration = Duration::from_mins(1);
/// How long one statement of a job may take; a user who waits has a shorter limit.
const STATEMENT_LIMIT: Duration = Duration::from_mins(5);
/// How long a worker waits that cannot reach its queue.
const LOST_PAUSE: Duration = Duration::from_secs(5);
/// How often a running job says that its worker lives.
const PULSE: Duration = Duration::from_mins(1);
/// Told to stop, what has begun may go on for this long; then it is cut off and tried again later.
const GRACE: Duration = Duration::from_secs(10);
/// What was cut off is written down within this time.
const FAREWELL: Duration = Duration::from_secs(3);

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
    /// Make the file of a long list.
    MakeExport {
        /// What was asked for.
        export: ExportId,
    },
    /// Hand all applications of somebody who leaves to a colleague (D31).
    HandOver(Handover),
    /// Hand a letter to the post.
    SendLetter(Letter),
}

/// Who hands what to whom, and who said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// Their organisation.
    pub organisation: OrganisationId,
    /// Who leaves.
    pub from: AccountId,
    /// Who takes.
    pub to: AccountId,
    /// Who said so: account, name, bureau, network address.
    pub by: (Option<AccountId>, String, Option<BureauCode>, String),
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

async fn enqueue(tx: &Tx, job: &Job, now: Instant) -> Result<JobId, DbError> {
    let payload = packed(job)?;
    let (kind, subject) = match job {
        Job::RenderCertificate { certificate } => (RENDER_CERTIFICATE, Some(certificate.get())),
        Job::GrantPassword { .. } => ("grant_password", None),
        Job::MakeExport { export } => (queue::MAKE_EXPORT, Some(export.get())),
        Job::HandOver(_) => ("hand_over", None),
        Job::SendLetter(_) => (SEND_LETTER, None),
    };
    queue::enqueue_for(tx, kind, &payload, subject, now).await
}

fn packed(job: &Job) -> Result<String, DbError> {
    serde_json::to_string(job).map_err(|e| DbError::Inconsistent(format!("a job cannot be written: {e}")))
}

/// Puts a letter into the outbox, and into the list that its addressee sees.
async fn post(
    tx: &Tx,
    account: AccountId,
    kind: LetterKind,
    mut letter: Letter,
    now: Instant,
) -> Result<LetterId, DbError> {
    letter.reference = random::token();
    let (recipient, subject) = (letter.to.clone(), letter.subject.clone());
    let payload = packed(&Job::SendLetter(letter))?;
    let job = queue::enqueue_for(tx, SEND_LETTER, &payload, Some(account.get()), now).await?;
    letter::note(tx, account, kind, &recipient, &subject, job, now).await
}

/// The owner is told where his application went, at the mailbox that he has now, unless he chose not to be.
pub async fn status_changed(
    tx: &Tx,
    app: &App,
    application: &Application,
    number: &str,
    step: Transition,
    remarks: &Remarks<'_>,
) -> Result<(), AppError> {
    let Target::State(to) = step.to() else { return Ok(()) };
    let owner = application.ownership.owner;
    let mailbox = letter::mailbox(tx, owner).await?;
    if !mailbox.letter_choice.wants(Occasion::Status(to)) {
        return Ok(());
    }
    let mail = if mailbox.contact_email.is_empty() { &application.applicant.email } else { &mailbox.contact_email };
    if mail.is_empty() {
        return Ok(());
    }
    let letter = letters::status_changed(app, mail, application, number, step, to, remarks);
    post(tx, owner, LetterKind::Status, letter, app.now()).await?;
    Ok(())
}

/// The holder of a certificate is told what became of it, like [`status_changed`].
pub async fn certificate_changed(
    tx: &Tx,
    app: &App,
    holder: AccountId,
    certificate: &Certificate,
    news: &CertificateNews<'_>,
) -> Result<(), AppError> {
    let mailbox = letter::mailbox(tx, holder).await?;
    let occasion = Occasion::Certificate { is_urgent: news.is_urgent() };
    if mailbox.letter_choice.wants(occasion) && !mailbox.contact_email.is_empty() {
        let letter = letters::certificate_changed(app, &mailbox.contact_email, certificate, news)?;
        post(tx, holder, LetterKind::Status, letter, app.now()).await?;
    }
    Ok(())
}

/// What became of products of a 预核销.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// 已确认.
    Confirmed,
    /// 已退回.
    Refused,
    /// 已失效.
    Lapsed,
}

/// The owner is told what became of so many products of his 预核销, and why.
#[expect(clippy::too_many_arguments, reason = "the letter says all of it")]
pub async fn pre_write_off_decided(
    tx: &Tx,
    app: &App,
    application: &Application,
    certificate: CertificateId,
    number: &str,
    decided: Decided,
    products: usize,
    opinion: &str,
) -> Result<(), AppError> {
    let occasion = match decided {
        Decided::Confirmed => Occasion::WrittenOff,
        Decided::Refused | Decided::Lapsed => Occasion::PreWriteOffReleased,
    };
    let letter = |to: &str| {
        letters::pre_write_off_decided(app, to, application, certificate, number, decided, products, opinion)
    };
    tell(tx, app, application, occasion, letter).await
}

/// The owner is told that an officer wrote off so many products directly.
pub async fn written_off(
    tx: &Tx,
    app: &App,
    application: &Application,
    certificate: CertificateId,
    number: &str,
    bureau: &BureauCode,
    products: usize,
) -> Result<(), AppError> {
    let letter = |to: &str| letters::written_off(app, to, application, certificate, number, bureau, products);
    tell(tx, app, application, Occasion::WrittenOff, letter).await
}

/// Writes to the owner of an application, at the mailbox that he has now, unless he chose not to be told.
async fn tell(
    tx: &Tx,
    app: &App,
    application: &Application,
    occasion: Occasion,
    letter: impl FnOnce(&str) -> Letter,
) -> Result<(), AppError> {
    let owner = application.ownership.owner;
    let mailbox = letter::mailbox(tx, owner).await?;
    let mail = if mailbox.contact_email.is_empty() { &application.applicant.email } else { &mailbox.contact_email };
    if mailbox.letter_choice.wants(occasion) && !mail.is_empty() {
        post(tx, owner, LetterKind::Status, letter(mail), app.now()).await?;
    }
    Ok(())
}

/// The holder is told what 后续监管 said about his 产品使用记录, unless he chose not to be (D14).
pub async fn usage_judged(tx: &Tx, app: &App, record: &Record, step: UsageStep, opinion: &str) -> Result<(), AppError> {
    let Some(to) = step.to() else { return Ok(()) };
    let holder = record.ownership.holder;
    let mailbox = letter::mailbox(tx, holder).await?;
    if !mailbox.letter_choice.wants(Occasion::Usage(to)) || mailbox.contact_email.is_empty() {
        return Ok(());
    }
    let certificate = db::certificate::get(tx, record.certificate).await?;
    let letter = letters::usage_judged(app, &mailbox.contact_email, record, &certificate.number, to, opinion);
    post(tx, holder, LetterKind::Status, letter, app.now()).await?;
    Ok(())
}

/// The owner is told that his draft is going to be deleted (D8), once for each day that [`db::application::REMINDERS`]
/// names.
async fn remind(tx: &Tx, app: &App, draft: &Application, day: i64, now: Instant) -> Result<(), DbError> {
    let owner = draft.ownership.owner;
    if !db::application::note_reminder(tx, draft.id, day).await? {
        return Ok(());
    }
    let mailbox = letter::mailbox(tx, owner).await?;
    if mailbox.letter_choice.wants(Occasion::DraftEnds) && !mailbox.contact_email.is_empty() {
        let letter = letters::draft_ends(app, &mailbox.contact_email, draft, now);
        post(tx, owner, LetterKind::Draft, letter, now).await?;
    }
    Ok(())
}

/// The user is told that a recovery code opened his account, and how many are left; whatever he chose about letters.
pub async fn recovery_code_used(tx: &Tx, app: &App, account: AccountId, by: &By) -> Result<(), AppError> {
    let left = db::second_factor::codes_left(tx, account).await?;
    warn(tx, app, account, |to| letters::recovery_code_used(app, to, by, left)).await
}

/// The user is told that his administrator switched his second factor off; whatever he chose about letters.
pub async fn second_factor_reset(tx: &Tx, app: &App, account: AccountId, by: &By) -> Result<(), AppError> {
    let user = db::account::actor(tx, account).await?;
    warn(tx, app, account, |to| letters::second_factor_reset(app, to, user.name(), by)).await
}

/// The letter that proves a mailbox goes to that mailbox.
pub async fn mailbox_proof(tx: &Tx, app: &App, account: AccountId, letter: Letter) -> Result<(), AppError> {
    post(tx, account, LetterKind::Mailbox, letter, app.now()).await?;
    Ok(())
}

/// The old mailbox is told that it was replaced, with the link that takes it back (D29).
pub async fn mailbox_replaced(
    tx: &Tx,
    app: &App,
    account: AccountId,
    username: &str,
    old: &str,
    new: &str,
    undo_token: &str,
) -> Result<(), AppError> {
    let letter = letters::mailbox_replaced(app, old, username, new, undo_token);
    post(tx, account, LetterKind::Mailbox, letter, app.now()).await?;
    Ok(())
}

/// The mailbox that was given up again is told so.
pub async fn mailbox_restored(
    tx: &Tx,
    app: &App,
    account: AccountId,
    username: &str,
    gone: &str,
) -> Result<(), AppError> {
    let letter = letters::mailbox_restored(app, gone, username);
    post(tx, account, LetterKind::Mailbox, letter, app.now()).await?;
    Ok(())
}

/// All applications of somebody go to a colleague, in the background.
pub async fn hand_over_all(tx: &Tx, handover: Handover, now: Instant) -> Result<(), AppError> {
    enqueue(tx, &Job::HandOver(handover), now).await?;
    Ok(())
}

/// Both are told what changed hands: the colleague who has it now, and the one who had it.
pub async fn handed_over(
    tx: &Tx,
    app: &App,
    (from, to): (AccountId, AccountId),
    numbers: &[String],
    total: usize,
    by: &str,
) -> Result<(), AppError> {
    let (giver, taker) = (db::account::actor(tx, from).await?, db::account::actor(tx, to).await?);
    warn(tx, app, to, |mail| letters::received(app, mail, (giver.name(), by), numbers, total)).await?;
    warn(tx, app, from, |mail| letters::given_away(app, mail, (taker.name(), by), numbers, total)).await
}

/// What a bureau or an administrator did about an organisation.
#[derive(Debug, Clone)]
pub struct OrganisationNews<'a> {
    /// 申请单位.
    pub name: &'a str,
    /// What was done, in a sentence.
    pub what: String,
    /// Why.
    pub reason: &'a str,
    /// Who did it, for people.
    pub by: &'a str,
    /// What to do now.
    pub next: &'a str,
}

/// All confirmed members are told, and whom it concerns besides, whatever they chose about letters (D30).
pub async fn organisation_news(
    tx: &Tx,
    app: &App,
    organisation: OrganisationId,
    also: &[AccountId],
    news: &OrganisationNews<'_>,
) -> Result<(), AppError> {
    let members = db::organisation::members(tx, organisation).await?;
    for m in &members {
        let letter = letters::organisation_news(app, &m.contact_email, &m.username, news);
        post(tx, m.id, LetterKind::Security, letter, app.now()).await?;
    }
    for id in also.iter().filter(|id| !members.iter().any(|m| m.id == **id)) {
        let user = db::account::actor(tx, *id).await?;
        warn(tx, app, *id, |to| letters::organisation_news(app, to, user.name(), news)).await?;
    }
    Ok(())
}

/// Somebody is invited; the letter is listed with who invites.
pub async fn invitation(
    tx: &Tx,
    app: &App,
    administrator: AccountId,
    mailbox: &str,
    invited: letters::Invited<'_>,
) -> Result<(), AppError> {
    let letter = letters::invitation(app, mailbox, invited);
    post(tx, administrator, LetterKind::Invitation, letter, app.now()).await?;
    Ok(())
}

/// A letter about the security of an account, to the mailbox that it has now.
async fn warn(tx: &Tx, app: &App, account: AccountId, letter: impl FnOnce(&str) -> Letter) -> Result<(), AppError> {
    let mailbox = letter::mailbox(tx, account).await?;
    if !mailbox.contact_email.is_empty() {
        post(tx, account, LetterKind::Security, letter(&mailbox.contact_email), app.now()).await?;
    }
    Ok(())
}

/// The holder is told that the validity of his certificate is going to end, once for each version and each of
/// [`expiry::REMINDERS`]. Nothing is said of a certificate that cannot be used any more.
async fn remind_of_end(tx: &Tx, app: &App, ending: &Ending, now: Instant) -> Result<(), DbError> {
    let today = now.china_day();
    let over = match ending.state {
        CertificateState::Revoked | CertificateState::Surrendered => true,
        CertificateState::Valid | CertificateState::Amending => ending.version != ending.current,
    };
    let next = if over { None } else { expiry::next_reminder(ending.valid_to, today) };
    let is_first = db::certificate::note_reminder(tx, ending, next).await?;
    let due = expiry::reminder_due(ending.valid_to, ending.created_at.china_day(), today);
    if over || !is_first || !ending.has_rest || due.is_none() {
        return Ok(());
    }
    let mailbox = letter::mailbox(tx, ending.owner_id).await?;
    if mailbox.letter_choice.wants(Occasion::CertificateEnds) && !mailbox.contact_email.is_empty() {
        let letter = letters::certificate_ends(app, &mailbox.contact_email, ending, today);
        post(tx, ending.owner_id, LetterKind::Certificate, letter, now).await?;
    }
    Ok(())
}

/// A letter that nobody tries to send any more goes once more. It goes to the mailbox that the user has now; a password
/// only to the one that was asked for.
pub async fn resend(
    tx: &Tx,
    id: LetterId,
    own: AccountId,
    organisation: Option<OrganisationId>,
    by: &By,
    now: Instant,
) -> Result<(), AppError> {
    let failed = letter::load(tx, id, own, organisation).await?;
    let Some(payload) = &failed.payload else {
        let why = "该邮件已在发送、已发送，或其中的新密码已过期，不能重新发送。请刷新后查看。";
        return Err(AppError::Conflict(why.to_owned()));
    };
    let Job::SendLetter(mut letter) = serde_json::from_str(payload).map_err(anyhow::Error::new)? else {
        return Err(AppError::Internal(anyhow::anyhow!("the job of letter {id} sends no letter")));
    };
    if !failed.kind.is_bound_to_mailbox() && !failed.contact_email.is_empty() {
        letter.to.clone_from(&failed.contact_email);
    }
    let recipient = letter.to.clone();
    letter::resend(tx, id, &failed, &packed(&Job::SendLetter(letter))?, &recipient, by, now).await?;
    Ok(())
}

/// Somebody forgot his password; whether name and mailbox fit is looked at by the job, so that the answer tells nothing.
pub async fn grant_password(tx: &Tx, username: &str, email: &str, address: &str, now: Instant) -> Result<(), AppError> {
    let (username, email, address) = (username.to_owned(), email.to_owned(), address.to_owned());
    enqueue(tx, &Job::GrantPassword { username, email, address }, now).await?;
    Ok(())
}

/// An administrator gives somebody a one-time password by mail (D18, R-C-06); its hash is stored by the same transaction.
pub async fn send_password(
    tx: &Tx,
    app: &App,
    account: AccountId,
    username: &str,
    email: &str,
    password: &str,
) -> Result<(), AppError> {
    let letter = passwords::given(app, username, email, password);
    post(tx, account, LetterKind::Password, letter, app.now()).await?;
    Ok(())
}

/// The paper of a certificate is made.
pub async fn render_certificate(tx: &Tx, certificate: CertificateId, now: Instant) -> Result<(), AppError> {
    enqueue(tx, &Job::RenderCertificate { certificate }, now).await?;
    Ok(())
}

/// The file of a long list is made.
pub async fn make_export(tx: &Tx, export: ExportId, now: Instant) -> Result<(), AppError> {
    enqueue(tx, &Job::MakeExport { export }, now).await?;
    Ok(())
}

/// What is true of a paper that does not lie there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// It is being made, or about to be.
    Underway,
    /// It could not be made; the next try is at this time.
    Delayed(Instant),
    /// Nobody tries any more.
    Failed,
}

/// Why the paper of a certificate's version in force is not there yet.
pub async fn paper_of(app: &App, certificate: CertificateId) -> Result<Paper, AppError> {
    #[derive(db::Row)]
    struct Columns {
        state: String,
        attempts: i64,
        run_at: Instant,
    }
    let payload = packed(&Job::RenderCertificate { certificate })?;
    let found: Option<Columns> = app
        .db
        .read()
        .row(
            "SELECT state, attempts, run_at FROM job WHERE kind = 'render_certificate' AND payload = $1 \
             AND state <> 'done' ORDER BY id DESC LIMIT 1",
            db::params![payload],
        )
        .await?;
    Ok(match found {
        Some(job) if job.state == "ready" && job.attempts > 0 => Paper::Delayed(job.run_at),
        Some(job) if job.state != "dead" => Paper::Underway,
        Some(_) | None => Paper::Failed,
    })
}

/// Runs jobs and duties until told to stop. What has begun is finished, unless it takes longer than [`GRACE`]: then it is
/// cut off, and tried again later.
pub async fn work(app: App, stop: CancellationToken) {
    let cut = CancellationToken::new();
    let mut tasks = JoinSet::new();
    for lane in Lane::ALL {
        let (app, stop, cut) = (app.clone(), stop.clone(), cut.clone());
        let work = async move { work_in(&app, lane, &stop, &cut).await };
        tasks.spawn(db::with_statement_limit(STATEMENT_LIMIT, work));
    }
    for round in [Round::Records, Round::Files] {
        let (app, stop) = (app.clone(), stop.clone());
        tasks.spawn(db::with_statement_limit(STATEMENT_LIMIT, async move { keep(&app, round, &stop).await }));
    }

    stop.cancelled().await;
    if tokio::time::timeout(GRACE, all(&mut tasks)).await.is_err() {
        tracing::warn!("what still waits for somebody outside is cut off and tried again later");
        cut.cancel();
        if tokio::time::timeout(FAREWELL, all(&mut tasks)).await.is_err() {
            tasks.shutdown().await;
        }
    }
}

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

/// The duties of the clock that wait for the same thing.
#[derive(Debug, Clone, Copy)]
enum Round {
    /// For the database.
    Records,
    /// For the store of files.
    Files,
}

/// Does a round of duties about once a minute.
async fn keep(app: &App, round: Round, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match round {
            Round::Records => schedule::keep_records(app).await,
            Round::Files => schedule::keep_files(app).await,
        }
        pause(stop, DUTY_PAUSE).await;
    }
}

async fn pause(stop: &CancellationToken, length: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(length) => {}
    }
}

async fn work_in(app: &App, lane: Lane, stop: &CancellationToken, cut: &CancellationToken) {
    while !stop.is_cancelled() {
        match run_some(app, lane, 1, cut).await {
            Ok(0) => pause(stop, PAUSE).await,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(
                    lane = lane.word(),
                    error = format!("{error:#}"),
                    "the worker cannot reach its queue: {error:#}"
                );
                pause(stop, LOST_PAUSE).await;
            }
        }
    }
}

/// Does the duties of the clock once: drafts after ten days, certificates that end soon, ended sessions, files without rows, audit checkpoints.
pub async fn duties(app: &App) {
    schedule::keep_records(app).await;
    schedule::keep_files(app).await;
}

/// Runs what is due in a lane, at most `n` jobs; says how many there were.
pub async fn run_due(app: &App, lane: Lane, n: i64) -> anyhow::Result<usize> {
    run_some(app, lane, n, &CancellationToken::new()).await
}

async fn run_some(app: &App, lane: Lane, n: i64, cut: &CancellationToken) -> anyhow::Result<usize> {
    // An idle look takes no write lock.
    if queue::count_due(&app.db.read(), lane, app.now()).await? == 0 {
        return Ok(0);
    }
    let tx = app.db.begin().await?;
    let claimed = queue::claim(&tx, lane, n, app.now()).await?;
    tx.commit().await?;
    for job in &claimed {
        run(app, job, lane, cut).await?;
    }
    Ok(claimed.len())
}

/// Whatever a job waits for, it ends within this time. Calls to the outside have shorter ends of their own.
const fn longest(lane: Lane) -> Duration {
    match lane {
        Lane::Letters => Duration::from_mins(15),
        Lane::Papers | Lane::Inside => Duration::from_mins(30),
        Lane::Exports => Duration::from_hours(6),
    }
}

async fn run(app: &App, claimed: &Claimed, lane: Lane, cut: &CancellationToken) -> anyhow::Result<()> {
    let (mut refused, mut is_cut) = (None, false);
    let outcome = {
        let work = AssertUnwindSafe(attempt(app, claimed, &mut refused)).catch_unwind();
        tokio::select! {
            outcome = work => outcome.unwrap_or_else(|_| Err(JobError::Retry(anyhow::anyhow!("it panicked")))),
            () = tokio::time::sleep(longest(lane)) => {
                is_cut = true;
                Err(JobError::Retry(anyhow::anyhow!("it took too long")))
            }
            () = cut.cancelled() => {
                is_cut = true;
                Err(JobError::Retry(anyhow::anyhow!("the program was stopped")))
            }
            () = lose(app, claimed) => {
                tracing::warn!(job.id = %claimed.id, job.kind = %claimed.kind, "a job was taken over by another worker");
                return Ok(());
            }
        }
    };
    if is_cut && claimed.kind == SEND_LETTER {
        refused = Some(Failure::Unconfirmed);
    }
    // Asked before the transaction: the answer may be written down.
    let after = if outcome.is_err() && is_over(app, claimed).await? { After::Death } else { After::Pause };
    let tx = app.db.begin().await?;
    match outcome {
        Ok(()) => {
            queue::finish(&tx, claimed.id, app.now()).await?;
            if claimed.kind == SEND_LETTER {
                letter::delivered(&tx, claimed.id, app.now()).await?;
            }
            metrics::counter!("mianban_jobs_total", "kind" => claimed.kind.clone(), "outcome" => "done").increment(1);
        }
        Err(JobError::Retry(error)) => failed(app, &tx, claimed, &error, after).await?,
        Err(JobError::Hopeless(error)) => failed(app, &tx, claimed, &error, After::Death).await?,
    }
    if let Some(failure) = refused {
        letter::undelivered(&tx, claimed.id, failure).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// One try of a job. Why a letter was refused is left in `refused`.
async fn attempt(app: &App, claimed: &Claimed, refused: &mut Option<Failure>) -> Result<(), JobError> {
    match serde_json::from_str::<Job>(&claimed.payload) {
        Ok(Job::RenderCertificate { certificate }) => papers::render_certificate(app, certificate).await,
        Ok(Job::GrantPassword { username, email, address }) => passwords::grant(app, &username, &email, &address).await,
        Ok(Job::MakeExport { export }) => exports::make(app, export, is_over(app, claimed).await?).await,
        Ok(Job::HandOver(handover)) => handover::run(app, &handover).await,
        Ok(Job::SendLetter(letter)) => {
            if letter::is_worthless(&app.db.read(), claimed.id, app.now()).await? && clock::judge(app).await?.is_ok() {
                return Err(JobError::Hopeless(anyhow::anyhow!(
                    "the password in this letter is worth nothing any more"
                )));
            }
            app.post.send(&letter).await.map_err(|why| {
                *refused = Some(why.failure);
                if why.failure.is_final() { JobError::Hopeless(why.error) } else { JobError::Retry(why.error) }
            })
        }
        Err(error) => Err(JobError::Hopeless(error.into())),
    }
}

/// Says once a minute that the worker of a job lives; ends when the job is another worker's all the same.
async fn lose(app: &App, claimed: &Claimed) {
    let mut pulse = tokio::time::interval_at(tokio::time::Instant::now() + PULSE, PULSE);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pulse.tick().await;
        let kept = async {
            let tx = app.db.begin().await?;
            let kept = queue::keep(&tx, claimed, app.now()).await?;
            tx.commit().await?;
            Ok::<_, DbError>(kept)
        };
        match kept.await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(job.id = %claimed.id, %error, "a running job cannot say that it runs"),
        }
    }
}

/// Whether a job that fails now has been tried long enough. A clock that cannot be believed lets nothing die.
async fn is_over(app: &App, claimed: &Claimed) -> Result<bool, DbError> {
    Ok(claimed.is_last_try(app.now()) && clock::judge(app).await?.is_ok_and(|now| claimed.is_last_try(now)))
}

async fn failed(app: &App, tx: &Tx, claimed: &Claimed, error: &anyhow::Error, after: After) -> anyhow::Result<()> {
    let kind = &claimed.kind;
    metrics::counter!("mianban_jobs_total", "kind" => kind.clone(), "outcome" => "failed").increment(1);
    match after {
        After::Pause => tracing::warn!(job.id = %claimed.id, job.kind = %kind, attempt = claimed.attempts,
            error = format!("{error:#}"), "job {kind} failed and is tried again: {error:#}"),
        After::Death => {
            metrics::counter!("mianban_jobs_total", "kind" => kind.clone(), "outcome" => "dead").increment(1);
            tracing::warn!(job.id = %claimed.id, job.kind = %kind, attempt = claimed.attempts,
                error = format!("{error:#}"),
                "job {kind} is dead: {error:#}; `mianban job retry {}` tries it again", claimed.id);
        }
    }
    queue::fail(tx, claimed, &format!("{error:#}"), after, app.now()).await?;
    Ok(())
}

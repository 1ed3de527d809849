//! Letters as their addressee sees them: to whom, about what, and what became of them. The text travels in the job that
//! sends it and is not kept afterwards.

use domain::ids::{AccountId, JobId, LetterId, OrganisationId};
use domain::letter::{Failure, LetterChoice, LetterKind};
use domain::time::Instant;

use crate::audit::{self, By, Entry, Subject};
use crate::{DbError, DbResult, Source, Tx, account, params, row, rows};

/// Letters are listed for this long.
pub const KEPT_DAYS: i64 = 180;
/// The text of a password's letter that never went is kept for this long: afterwards the password is worth nothing.
const PASSWORD_HOURS: i64 = crate::one_time_password::LIFE_HOURS;

/// Where a user reads, and what he wants to read.
#[derive(Debug, Clone, crate::Row)]
pub struct Mailbox {
    /// 联系人邮箱, as it stands now.
    pub contact_email: String,
    /// 邮件通知.
    pub letter_choice: LetterChoice,
}

/// The mailbox of an account.
pub async fn mailbox(source: &impl Source, account: AccountId) -> DbResult<Mailbox> {
    let found =
        row(source.connection(), "SELECT contact_email, letter_choice FROM account WHERE id = $1", params![account])
            .await?;
    found.ok_or(DbError::NotFound)
}

/// Notes a letter beside the job that carries it, in the same transaction.
pub async fn note(
    tx: &Tx,
    account: AccountId,
    kind: LetterKind,
    recipient: &str,
    subject: &str,
    job: JobId,
    now: Instant,
) -> DbResult<LetterId> {
    let id = tx
        .insert(
            "INSERT INTO letter (account_id, job_id, kind, recipient, subject, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
            params![account, job, kind, recipient, subject, now],
        )
        .await?;
    Ok(LetterId::new(id))
}

/// The letter of a job was handed over.
pub async fn delivered(tx: &Tx, job: JobId, now: Instant) -> DbResult<()> {
    tx.run("UPDATE letter SET sent_at = $1, failure = NULL WHERE job_id = $2 AND sent_at IS NULL", params![now, job])
        .await?;
    Ok(())
}

/// The letter of a job was not taken.
pub async fn undelivered(tx: &Tx, job: JobId, failure: Failure) -> DbResult<()> {
    tx.run("UPDATE letter SET failure = $1 WHERE job_id = $2 AND sent_at IS NULL", params![failure, job]).await?;
    Ok(())
}

/// Whether the letter of a job holds a password that is worth nothing any more.
pub async fn is_worthless(source: &impl Source, job: JobId, now: Instant) -> DbResult<bool> {
    let sql = "SELECT COUNT(*) FROM letter WHERE job_id = $1 AND kind = 'password' AND created_at <= $2";
    Ok(crate::number(source.connection(), sql, params![job, now.plus_hours(-PASSWORD_HOURS)]).await? > 0)
}

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// 待发送: it goes, or is tried again, at this time.
    Waiting(Instant),
    /// 已发送, to the mail server.
    Sent(Instant),
    /// 失败: nobody tries any more.
    Failed,
}

/// A letter in a list.
#[derive(Debug, Clone, crate::Row)]
pub struct Record {
    /// Its id.
    pub id: LetterId,
    /// Whose it is.
    pub username: String,
    /// Its kind.
    pub kind: LetterKind,
    /// The mailbox.
    pub recipient: String,
    /// The subject.
    pub subject: String,
    /// Why the last try failed.
    pub failure: Option<Failure>,
    /// When it was written.
    pub created_at: Instant,
    sent_at: Option<Instant>,
    next_at: Option<Instant>,
    resendable: i64,
}

impl Record {
    /// What became of it.
    pub fn delivery(&self) -> Delivery {
        match (self.sent_at, self.next_at) {
            (Some(at), _) => Delivery::Sent(at),
            (None, Some(at)) => Delivery::Waiting(at),
            (None, None) => Delivery::Failed,
        }
    }

    /// Whether it failed and can be sent once more.
    pub const fn can_be_resent(&self) -> bool {
        self.resendable == 1
    }
}

const SELECT: &str = "SELECT l.id, c.username, l.kind, l.recipient, l.subject, l.failure, l.created_at, l.sent_at, \
    CASE WHEN j.state IN ('ready', 'running') THEN j.run_at END AS next_at, \
    CAST(CASE WHEN j.state = 'dead' AND j.payload <> '' THEN 1 ELSE 0 END AS BIGINT) AS resendable \
    FROM letter l JOIN account c ON c.id = l.account_id LEFT JOIN job j ON j.id = l.job_id";

/// How many letters a user was sent.
pub async fn count(source: &impl Source, account: AccountId) -> DbResult<i64> {
    crate::number(source.connection(), "SELECT COUNT(*) FROM letter WHERE account_id = $1", params![account]).await
}

/// A page of the letters of a user, the newest first.
pub async fn of_account(source: &impl Source, account: AccountId, limit: i64, offset: i64) -> DbResult<Vec<Record>> {
    let sql = format!("{SELECT} WHERE l.account_id = $1 ORDER BY l.id DESC LIMIT $2 OFFSET $3");
    rows(source.connection(), &sql, params![account, limit, offset]).await
}

/// The newest letters with a new password of the other users of an organisation, for its administrator.
pub async fn passwords_of_colleagues(
    source: &impl Source,
    organisation: OrganisationId,
    own: AccountId,
    limit: i64,
) -> DbResult<Vec<Record>> {
    let sql = format!(
        "{SELECT} WHERE c.organisation_id = $1 AND l.account_id <> $2 AND l.kind = 'password' \
         ORDER BY l.id DESC LIMIT $3"
    );
    rows(source.connection(), &sql, params![organisation, own, limit]).await
}

/// A letter that failed, as it is about to be sent once more.
#[derive(Debug, Clone, crate::Row)]
pub struct Undelivered {
    /// Whose it is.
    pub account_id: AccountId,
    /// Its kind.
    pub kind: LetterKind,
    /// The job that gave up; none when it is gone.
    pub job_id: JobId,
    /// The job's data, when it gave up and still has them.
    pub payload: Option<String>,
    /// 联系人邮箱 of the user, as it stands now.
    pub contact_email: String,
}

/// A letter of the user, or, for the administrator of `organisation`, one with the password of a colleague; anything
/// else is [`DbError::NotFound`].
pub async fn load(
    tx: &Tx,
    id: LetterId,
    own: AccountId,
    organisation: Option<OrganisationId>,
) -> DbResult<Undelivered> {
    let found = row(
        &tx.0,
        "SELECT l.account_id, l.kind, l.job_id, c.contact_email, \
         CASE WHEN j.state = 'dead' AND j.payload <> '' THEN j.payload END AS payload \
         FROM letter l JOIN account c ON c.id = l.account_id LEFT JOIN job j ON j.id = l.job_id \
         WHERE l.id = $1 AND (l.account_id = $2 OR (l.kind = 'password' AND c.organisation_id = $3))",
        params![id, own, organisation],
    )
    .await?;
    found.ok_or(DbError::NotFound)
}

/// 重新发送: the job that gave up begins anew, with these data, to this mailbox. [`DbError::Overtaken`] when somebody was
/// faster.
pub async fn resend(
    tx: &Tx,
    id: LetterId,
    letter: &Undelivered,
    payload: &str,
    recipient: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    account::lock(tx, letter.account_id).await?;
    let done = tx
        .run(
            "UPDATE job SET state = 'ready', attempts = 0, first_run_at = NULL, run_at = $1, locked_until = NULL, \
             payload = $2 WHERE id = $3 AND state = 'dead' AND payload <> ''",
            params![now, payload, letter.job_id],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken("该邮件已在发送或已发送，请刷新后查看".to_owned()));
    }
    tx.run("UPDATE letter SET recipient = $1 WHERE id = $2", params![recipient, id]).await?;
    let detail = serde_json::json!({ "letter": id }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("resend_letter") };
    audit::record(tx, Subject::Account(letter.account_id), by, now, &entry).await
}

/// 邮件通知: which letters the user wants from now on.
pub async fn choose(tx: &Tx, id: AccountId, choice: LetterChoice, by: &By, at: Instant) -> DbResult<()> {
    let sql = "UPDATE account SET letter_choice = $1 WHERE id = $2";
    if tx.run(sql, params![choice, id]).await? == 0 {
        return Err(DbError::NotFound);
    }
    let detail = serde_json::json!({ "choice": choice.word() }).to_string();
    audit::record(tx, Subject::Account(id), by, at, &Entry { detail: &detail, ..Entry::of("choose_letters") }).await
}

/// Forgets old letters, and passwords that were never delivered and are worth nothing any more.
pub async fn sweep(tx: &Tx, now: Instant) -> DbResult<()> {
    for (kind, hours) in [
        ("password", PASSWORD_HOURS),
        ("mailbox", crate::mailbox::UNDO_HOURS),
        ("invitation", crate::organisation::INVITATION_HOURS),
    ] {
        tx.run(
            "UPDATE job SET payload = '' WHERE state = 'dead' AND payload <> '' AND id IN \
             (SELECT job_id FROM letter WHERE kind = $2 AND created_at <= $1)",
            params![now.plus_hours(-hours), kind],
        )
        .await?;
    }
    let end = now.plus_days(-KEPT_DAYS);
    tx.run(
        "DELETE FROM job WHERE state = 'dead' AND id IN (SELECT job_id FROM letter WHERE created_at <= $1)",
        params![end],
    )
    .await?;
    tx.run("DELETE FROM letter WHERE created_at <= $1", params![end]).await?;
    Ok(())
}

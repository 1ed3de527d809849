//! The mailbox of an enterprise's user: proved by the link or the code of a letter, changed, and changed back from the old
//! one (D29). Of links and codes only hashes are kept.

use domain::actor::Membership;
use domain::ids::{AccountId, OrganisationId};
use domain::time::Instant;

use crate::audit::{self, By, Entry, Subject};
use crate::{DbError, DbResult, Source, Tx, account, params, row};

/// How long a mailbox can be proved by one letter.
pub const LIFE_HOURS: i64 = 24;
/// How long a change can be taken back from the old mailbox.
pub const UNDO_HOURS: i64 = 72;
/// Letters of this kind that an account is sent within an hour.
pub const MOST_PER_HOUR: i64 = 5;

/// What the user's page shows.
#[derive(Debug, Clone, crate::Row)]
pub struct Standing {
    /// 用户名.
    pub username: String,
    /// 联系人邮箱, as it is used now.
    pub contact_email: String,
    /// When that was proved.
    pub mailbox_proved_at: Option<Instant>,
    /// The mailbox that the newest letter went to, while it can be proved.
    pub waiting: Option<String>,
    /// Until when.
    pub waiting_until: Option<Instant>,
    /// The letter, in a demonstration.
    pub shown: Option<String>,
}

/// How the mailbox of a user stands.
pub async fn standing(source: &impl Source, id: AccountId, now: Instant) -> DbResult<Standing> {
    let found = row(
        source.connection(),
        "SELECT c.username, c.contact_email, c.mailbox_proved_at, p.mailbox AS waiting, p.expires_at AS waiting_until, \
         p.shown FROM account c LEFT JOIN mailbox_proof p ON p.id = (SELECT MAX(n.id) FROM mailbox_proof n \
         WHERE n.account_id = c.id AND n.expires_at > $2) WHERE c.id = $1 AND c.kind = 'enterprise'",
        params![id, now],
    )
    .await?;
    found.ok_or(DbError::NotFound)
}

/// A letter that is about to go.
#[derive(Debug, Clone, Copy)]
pub struct NewProof<'a> {
    /// The mailbox that it proves.
    pub mailbox: &'a str,
    /// Hash of its link.
    pub link_hash: &'a str,
    /// Keyed hash of its code.
    pub code_hash: &'a str,
    /// Its text, in a demonstration.
    pub shown: &'a str,
}

/// Keeps what a letter will prove; false when the account was sent too many within an hour. Letters to another mailbox
/// prove nothing any more.
pub async fn ask(tx: &Tx, id: AccountId, new: NewProof<'_>, by: &By, now: Instant) -> DbResult<bool> {
    account::lock(tx, id).await?;
    let sql = "SELECT COUNT(*) FROM mailbox_proof WHERE account_id = $1 AND created_at > $2";
    if crate::number(&tx.0, sql, params![id, now.plus_hours(-1)]).await? >= MOST_PER_HOUR {
        return Ok(false);
    }
    // The row stays and is counted.
    let sql = "UPDATE mailbox_proof SET expires_at = $1 WHERE account_id = $2 AND mailbox <> $3 AND expires_at > $1";
    tx.run(sql, params![now, id, new.mailbox]).await?;
    tx.run(
        "INSERT INTO mailbox_proof (account_id, mailbox, link_hash, code_hash, shown, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![id, new.mailbox, new.link_hash, new.code_hash, new.shown, now, now.plus_hours(LIFE_HOURS)],
    )
    .await?;
    let detail = serde_json::json!({ "mailbox": new.mailbox }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("ask_mailbox_proof") };
    audit::record(tx, Subject::Account(id), by, now, &entry).await?;
    Ok(true)
}

/// A user who has proved no mailbox yet gives another one.
pub async fn replace_unproved(tx: &Tx, id: AccountId, mailbox: &str, by: &By, now: Instant) -> DbResult<()> {
    let sql = "UPDATE account SET contact_email = $1, version = version + 1 \
               WHERE id = $2 AND mailbox_proved_at IS NULL AND contact_email <> $1";
    if tx.run(sql, params![mailbox, id]).await? == 0 {
        return Ok(());
    }
    let detail = serde_json::json!({ "mailbox": mailbox }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("give_mailbox") };
    audit::record(tx, Subject::Account(id), by, now, &entry).await
}

/// What a link is for.
#[derive(Debug, Clone, crate::Row)]
pub struct Linked {
    /// Whose.
    pub account_id: AccountId,
    /// 用户名.
    pub username: String,
    /// The mailbox that is proved, or that the account goes back to.
    pub mailbox: String,
}

/// What the link of a proof proves, while it does.
pub async fn by_link(source: &impl Source, link_hash: &str, now: Instant) -> DbResult<Option<Linked>> {
    row(
        source.connection(),
        "SELECT p.account_id, c.username, p.mailbox FROM mailbox_proof p JOIN account c ON c.id = p.account_id \
         WHERE p.link_hash = $1 AND p.expires_at > $2 AND NOT c.disabled",
        params![link_hash, now],
    )
    .await
}

/// What the code of a proof proves, while it does.
pub async fn by_code(source: &impl Source, id: AccountId, code_hash: &str, now: Instant) -> DbResult<Option<Linked>> {
    row(
        source.connection(),
        "SELECT p.account_id, c.username, p.mailbox FROM mailbox_proof p JOIN account c ON c.id = p.account_id \
         WHERE p.account_id = $1 AND p.code_hash = $2 AND p.expires_at > $3 AND NOT c.disabled",
        params![id, code_hash, now],
    )
    .await
}

/// How a mailbox came to be proved; the word of the audit row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By the letter.
    Letter,
    /// The installation sends no letters, so it does not ask.
    NotAsked,
    /// A bureau, or CNCA, confirms in its place (D30).
    Vouched,
}

impl How {
    const fn word(self) -> &'static str {
        match self {
            Self::Letter => "prove_mailbox",
            Self::NotAsked => "waive_mailbox_proof",
            Self::Vouched => "vouch_for_mailbox",
        }
    }
}

/// What is proved.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    /// The mailbox.
    pub mailbox: &'a str,
    /// How.
    pub how: How,
    /// Why somebody vouches for it; empty otherwise.
    pub reason: &'a str,
    /// Hash of the link that takes the change back, when a proved mailbox is replaced.
    pub undo_hash: &'a str,
}

/// What followed from a proof.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proved {
    /// The proved mailbox that was replaced: it is told.
    pub replaced: Option<String>,
    /// Whether the user has become 单位管理员 by it (D3).
    pub is_administrator: bool,
}

/// The mailbox is proved and is the user's from now on. The first user of an organisation becomes its administrator. A
/// change can be undone by a link. The caller has found the mailbox by link or code in this transaction.
pub async fn accept(tx: &Tx, id: AccountId, proof: Proof<'_>, by: &By, now: Instant) -> DbResult<Proved> {
    let Proof { mailbox, how, reason, undo_hash } = proof;
    #[derive(crate::Row)]
    struct Columns {
        organisation_id: OrganisationId,
        contact_email: String,
        membership: Membership,
        mailbox_proved_at: Option<Instant>,
    }
    let sql = "SELECT organisation_id, contact_email, membership, mailbox_proved_at FROM account \
               WHERE id = $1 AND kind = 'enterprise'";
    let seen: Columns = row(&tx.0, sql, params![id]).await?.ok_or(DbError::NotFound)?;
    // Lock order: the organisation, then its users.
    let seat = account::seat(tx, seen.organisation_id).await?;
    account::lock(tx, id).await?;
    let now_there: Columns = row(&tx.0, sql, params![id]).await?.ok_or(DbError::NotFound)?;
    let is_first = now_there.mailbox_proved_at.is_none();
    let mut proved = Proved::default();
    if !is_first && now_there.contact_email != mailbox {
        tx.run(
            "INSERT INTO mailbox_change (account_id, old_mailbox, new_mailbox, undo_hash, changed_at, undo_until) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            params![id, now_there.contact_email.clone(), mailbox, undo_hash, now, now.plus_hours(UNDO_HOURS)],
        )
        .await?;
        proved.replaced = Some(now_there.contact_email.clone());
    }
    // One use: whatever letters are on their way prove nothing any more.
    tx.run("DELETE FROM mailbox_proof WHERE account_id = $1", params![id]).await?;
    let membership = match now_there.membership {
        Membership::Pending if is_first => seat,
        other => other,
    };
    proved.is_administrator = membership == Membership::Administrator && now_there.membership != membership;
    tx.run(
        "UPDATE account SET contact_email = $1, mailbox_proved_at = $2, membership = $3, version = version + 1 \
         WHERE id = $4",
        params![mailbox, now, membership, id],
    )
    .await?;
    account::follow_region(tx, id).await?;
    let detail = serde_json::json!({
        "mailbox": mailbox,
        "replaced": proved.replaced,
        "membership": membership.word(),
    })
    .to_string();
    let entry = Entry { opinion: reason, detail: &detail, ..Entry::of(how.word()) };
    audit::record(tx, Subject::Account(id), by, now, &entry).await?;
    if proved.is_administrator {
        audit::record(tx, Subject::Account(id), by, now, &Entry::of("become_administrator")).await?;
    }
    Ok(proved)
}

/// What the link to an old mailbox takes back, while it does.
pub async fn by_undo_link(source: &impl Source, undo_hash: &str, now: Instant) -> DbResult<Option<Linked>> {
    row(
        source.connection(),
        "SELECT m.account_id, c.username, m.old_mailbox AS mailbox FROM mailbox_change m \
         JOIN account c ON c.id = m.account_id WHERE m.undo_hash = $1 AND m.undo_until > $2",
        params![undo_hash, now],
    )
    .await
}

/// The change is taken back, with every later one: the old mailbox counts again, all sessions end, one-time passwords and
/// letters to other mailboxes are void. Says which mailbox is replaced. A second use is [`DbError::NotFound`].
pub async fn undo(tx: &Tx, undo_hash: &str, address: &str, now: Instant) -> DbResult<(Linked, String)> {
    let linked = by_undo_link(tx, undo_hash, now).await?.ok_or(DbError::NotFound)?;
    let id = linked.account_id;
    account::lock(tx, id).await?;
    #[derive(crate::Row)]
    struct Now {
        contact_email: String,
    }
    let sql = "SELECT contact_email FROM account WHERE id = $1";
    let there: Now = row(&tx.0, sql, params![id]).await?.ok_or(DbError::NotFound)?;
    let sql = "DELETE FROM mailbox_change WHERE account_id = $1 AND id >= (SELECT m.id FROM mailbox_change m \
               WHERE m.undo_hash = $2)";
    if tx.run(sql, params![id, undo_hash]).await? == 0 {
        return Err(DbError::NotFound);
    }
    let sql = "UPDATE account SET contact_email = $1, mailbox_proved_at = $2, version = version + 1 WHERE id = $3";
    tx.run(sql, params![linked.mailbox.clone(), now, id]).await?;
    for sql in [
        "DELETE FROM mailbox_proof WHERE account_id = $1",
        "DELETE FROM one_time_password WHERE account_id = $1",
        "DELETE FROM login_session WHERE account_id = $1",
    ] {
        tx.run(sql, params![id]).await?;
    }
    let by = By { account: Some(id), name: "原邮箱持有人".to_owned(), bureau: None, address: address.to_owned() };
    let detail = serde_json::json!({ "mailbox": linked.mailbox, "replaced": there.contact_email }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("undo_mailbox_change") };
    audit::record(tx, Subject::Account(id), &by, now, &entry).await?;
    Ok((linked, there.contact_email))
}

/// Removes what can no longer be used nor counted; hourly.
pub async fn sweep(tx: &Tx, now: Instant) -> DbResult<()> {
    let sql = "DELETE FROM mailbox_proof WHERE expires_at <= $1 AND created_at <= $2";
    tx.run(sql, params![now, now.plus_hours(-1)]).await?;
    tx.run("DELETE FROM mailbox_change WHERE undo_until <= $1", params![now]).await?;
    Ok(())
}

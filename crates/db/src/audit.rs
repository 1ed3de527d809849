//! The audit trail: append-only, chained per subject (E12).
//!
//! Each row's hash covers its content and the hash of the row before it on the same subject. The subject's own row
//! holds the newest hash and is locked by the deed that writes, so chains never fork and deeds never queue behind one
//! global chain.

use domain::actor::{Actor, Post};
use domain::ids::{AccountId, ApplicationId, BureauCode, CertificateId, JobId, PortSystemId};
use domain::time::Instant;
use domain::workflow::State;
use sha2::{Digest, Sha256};

use crate::{DbError, DbResult, Source, Tx, params, row, rows};

/// What an audit row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An application, from its draft on.
    Application(ApplicationId),
    /// A certificate.
    Certificate(CertificateId),
    /// An account.
    Account(AccountId),
    /// A system of a port, and its key.
    PortSystem(PortSystemId),
    /// A job that somebody revived.
    Job(JobId),
}

impl Subject {
    const fn parts(self) -> (&'static str, i64) {
        match self {
            Self::Application(id) => ("application", id.get()),
            Self::Certificate(id) => ("certificate", id.get()),
            Self::Account(id) => ("account", id.get()),
            Self::PortSystem(id) => ("port_system", id.get()),
            Self::Job(id) => ("job", id.get()),
        }
    }
}

/// Who did it and from where.
#[derive(Debug, Clone)]
pub struct By {
    /// The account; none for the system's clock.
    pub account: Option<AccountId>,
    /// The name as it was then.
    pub name: String,
    /// The bureau he acted for.
    pub bureau: Option<BureauCode>,
    /// The network address the request came from.
    pub address: String,
}

impl By {
    /// An actor, from an address.
    pub fn actor(actor: &Actor, address: &str) -> Self {
        Self {
            account: Some(actor.account()),
            name: actor.name().to_owned(),
            bureau: actor.bureau().cloned(),
            address: address.to_owned(),
        }
    }

    /// The system itself.
    pub fn system() -> Self {
        Self { account: None, name: "系统".to_owned(), bureau: None, address: String::new() }
    }
}

/// One deed.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// What was done (a stored word).
    pub action: &'a str,
    /// At which post.
    pub post: Option<Post>,
    /// The state before.
    pub from: Option<State>,
    /// The state after.
    pub to: Option<State>,
    /// What the officer or the applicant wrote; shown to both sides.
    pub opinion: &'a str,
    /// Further facts as JSON.
    pub detail: &'a str,
}

impl<'a> Entry<'a> {
    /// A deed without further facts.
    pub const fn of(action: &'a str) -> Self {
        Self { action, post: None, from: None, to: None, opinion: "", detail: "" }
    }
}

/// Appends one row to the subject's chain. The subject's row must be locked (or just inserted) by this transaction.
pub async fn record(tx: &Tx, subject: Subject, by: &By, at: Instant, entry: &Entry<'_>) -> DbResult<()> {
    append(tx, subject, by, at, entry).await.map(|_| ())
}

/// The same; says the id of the row.
pub(crate) async fn append(tx: &Tx, subject: Subject, by: &By, at: Instant, entry: &Entry<'_>) -> DbResult<i64> {
    let (kind, id) = subject.parts();
    let head = head(tx, subject).await?.ok_or(DbError::NotFound)?;
    let content = Content {
        kind,
        id,
        at: at.millis(),
        actor_id: by.account.map(AccountId::get),
        actor_name: &by.name,
        bureau: by.bureau.as_ref().map(BureauCode::as_str),
        post: entry.post.map(Post::word),
        action: entry.action,
        from: entry.from.map(State::word),
        to: entry.to.map(State::word),
        opinion: entry.opinion,
        detail: entry.detail,
        address: &by.address,
    };
    let hash = content.hash(&head);
    let row = tx.insert(
        "INSERT INTO audit (subject_kind, subject_id, at, actor_id, actor_name, bureau_code, post, action, from_state, \
         to_state, opinion, detail, address, previous_hash, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
         RETURNING id",
        params![
            kind,
            id,
            at,
            by.account,
            by.name.clone(),
            by.bureau.clone(),
            entry.post,
            entry.action,
            entry.from,
            entry.to,
            entry.opinion,
            entry.detail,
            by.address.clone(),
            head,
            hash.clone()
        ],
    )
    .await?;
    tx.run(&format!("UPDATE {kind} SET audit_head = $1 WHERE id = $2"), params![hash, id]).await?;
    Ok(row)
}

#[derive(serde::Serialize)]
struct Content<'a> {
    kind: &'a str,
    id: i64,
    at: i64,
    actor_id: Option<i64>,
    actor_name: &'a str,
    bureau: Option<&'a str>,
    post: Option<&'a str>,
    action: &'a str,
    from: Option<&'a str>,
    to: Option<&'a str>,
    opinion: &'a str,
    detail: &'a str,
    address: &'a str,
}

impl Content<'_> {
    fn hash(&self, previous: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(previous.as_bytes());
        // JSON quotes every field, so no two contents give the same bytes.
        hasher.update(serde_json::to_vec(self).expect("plain strings and numbers serialise"));
        hex::encode(hasher.finalize())
    }
}

/// One row of the trail.
#[derive(Debug, Clone, crate::Row)]
pub struct Deed {
    /// Its id; ascending in time.
    pub id: i64,
    /// When.
    pub at: Instant,
    /// Who, by account; none = the system.
    pub actor_id: Option<AccountId>,
    /// Who, by name.
    pub actor_name: String,
    /// For which bureau.
    pub bureau_code: Option<BureauCode>,
    /// At which post.
    pub post: Option<Post>,
    /// What (a stored word).
    pub action: String,
    /// From which state.
    pub from_state: Option<State>,
    /// To which state.
    pub to_state: Option<State>,
    /// The opinion.
    pub opinion: String,
    /// Further facts as JSON.
    pub detail: String,
    /// From which address.
    pub address: String,
    /// The hash of the row before.
    pub previous_hash: String,
    /// Its own hash.
    pub hash: String,
}

pub(crate) const COLUMNS: &str = "id, at, actor_id, actor_name, bureau_code, post, action, from_state, to_state, opinion, detail, \
                       address, previous_hash, hash";

/// The whole trail of a subject, oldest first.
pub async fn trail(source: &impl Source, subject: Subject) -> DbResult<Vec<Deed>> {
    let (kind, id) = subject.parts();
    rows(
        source.connection(),
        &format!("SELECT {COLUMNS} FROM audit WHERE subject_kind = $1 AND subject_id = $2 ORDER BY id"),
        params![kind, id],
    )
    .await
}

/// The next rows of the trail of a subject behind the row `after`, so that a long one is walked in pieces.
pub(crate) async fn trail_after(source: &impl Source, subject: Subject, after: i64) -> DbResult<Vec<Deed>> {
    let (kind, id) = subject.parts();
    rows(
        source.connection(),
        &format!(
            "SELECT {COLUMNS} FROM audit WHERE subject_kind = $1 AND subject_id = $2 AND id > $3 ORDER BY id LIMIT 500"
        ),
        params![kind, id, after],
    )
    .await
}

/// The same without the saves of its form and the notes that officers write to each other, which are audited too: what
/// people follow. The enterprise reads it.
pub async fn course(source: &impl Source, subject: Subject) -> DbResult<Vec<Deed>> {
    let (kind, id) = subject.parts();
    rows(
        source.connection(),
        &format!(
            "SELECT {COLUMNS} FROM audit WHERE subject_kind = $1 AND subject_id = $2 AND action NOT IN ('edit', 'add_note', 'strike_note') \
             ORDER BY id"
        ),
        params![kind, id],
    )
    .await
}

/// The newest deeds on a subject, the newest first.
pub async fn newest(source: &impl Source, subject: Subject, limit: i64) -> DbResult<Vec<Deed>> {
    let (kind, id) = subject.parts();
    let sql =
        format!("SELECT {COLUMNS} FROM audit WHERE subject_kind = $1 AND subject_id = $2 ORDER BY id DESC LIMIT $3");
    rows(source.connection(), &sql, params![kind, id, limit]).await
}

/// The newest deed that led a subject to this state. The caller has loaded the subject in scope.
pub async fn last_to(source: &impl Source, subject: Subject, state: State) -> DbResult<Option<Deed>> {
    let (kind, id) = subject.parts();
    row(
        source.connection(),
        &format!(
            "SELECT {COLUMNS} FROM audit WHERE subject_kind = $1 AND subject_id = $2 AND to_state = $3 \
             ORDER BY id DESC LIMIT 1"
        ),
        params![kind, id, state],
    )
    .await
}

/// Walks the chain of a subject and says the id of the first row that does not fit, if any.
pub fn first_break(subject: Subject, trail: &[Deed]) -> Option<i64> {
    first_break_after(subject, "", trail)
}

/// The same for the rows that follow the one with this hash.
pub(crate) fn first_break_after(subject: Subject, previous: &str, trail: &[Deed]) -> Option<i64> {
    let (kind, id) = subject.parts();
    let mut previous = previous;
    for deed in trail {
        let content = Content {
            kind,
            id,
            at: deed.at.millis(),
            actor_id: deed.actor_id.map(AccountId::get),
            actor_name: &deed.actor_name,
            bureau: deed.bureau_code.as_ref().map(BureauCode::as_str),
            post: deed.post.map(Post::word),
            action: &deed.action,
            from: deed.from_state.map(State::word),
            to: deed.to_state.map(State::word),
            opinion: &deed.opinion,
            detail: &deed.detail,
            address: &deed.address,
        };
        if deed.previous_hash != previous || deed.hash != content.hash(previous) {
            return Some(deed.id);
        }
        previous = &deed.hash;
    }
    None
}

/// Rows younger than this wait for the next checkpoint: a transaction that began earlier may still commit a row with a
/// smaller id, and no request takes longer than two minutes.
pub(crate) const SETTLING_MINUTES: i64 = 5;
/// Rows of one checkpoint at most; what is left waits for the next one.
const CHECKPOINT_ROWS: i64 = 5000;

#[derive(crate::Row)]
struct Link {
    id: i64,
    hash: String,
}

/// The hash of a checkpoint: over the one before it and the rows it covers.
fn checkpoint_hash(previous: &str, links: &[Link]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(previous.as_bytes());
    for link in links {
        hasher.update(link.id.to_string().as_bytes());
        hasher.update(link.hash.as_bytes());
    }
    hex::encode(hasher.finalize())
}

/// Chains what was written since the last checkpoint into `audit_checkpoint`; run every minute by a job. Says whether
/// there was anything; another process that does the same at this moment has the word.
pub async fn checkpoint(tx: &Tx, at: Instant) -> DbResult<bool> {
    #[derive(crate::Row)]
    struct Last {
        last_audit_id: i64,
        hash: String,
    }
    let last: Option<Last> =
        row(&tx.0, "SELECT last_audit_id, hash FROM audit_checkpoint ORDER BY id DESC LIMIT 1", params![]).await?;
    let (since, previous) = last.map_or((0, String::new()), |l| (l.last_audit_id, l.hash));
    let settled = at.minus_minutes(SETTLING_MINUTES);
    let sql = format!(
        "SELECT id, hash FROM audit WHERE id > $1 \
         AND id < COALESCE((SELECT MIN(id) FROM audit WHERE id > $1 AND at > $2), id + 1) \
         ORDER BY id LIMIT {CHECKPOINT_ROWS}"
    );
    let fresh: Vec<Link> = rows(&tx.0, &sql, params![since, settled]).await?;
    let Some(newest) = fresh.last() else { return Ok(false) };
    let done = tx
        .run(
            "INSERT INTO audit_checkpoint (at, last_audit_id, previous_hash, hash) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (previous_hash) DO NOTHING",
            params![at, newest.id, previous.clone(), checkpoint_hash(&previous, &fresh)],
        )
        .await?;
    Ok(done == 1)
}

/// Walks the checkpoints and says the id of the first one that does not fit the rows it covers, if any; and how many
/// there are.
pub async fn first_broken_checkpoint(source: &impl Source) -> DbResult<(Option<i64>, u64)> {
    #[derive(crate::Row)]
    struct Checkpoint {
        id: i64,
        last_audit_id: i64,
        previous_hash: String,
        hash: String,
    }
    let conn = source.connection();
    let (mut since, mut previous, mut after, mut n) = (0, String::new(), 0, 0);
    loop {
        let next: Option<Checkpoint> = row(
            conn,
            "SELECT id, last_audit_id, previous_hash, hash FROM audit_checkpoint WHERE id > $1 ORDER BY id LIMIT 1",
            params![after],
        )
        .await?;
        let Some(c) = next else { return Ok((None, n)) };
        let links: Vec<Link> = rows(
            conn,
            "SELECT id, hash FROM audit WHERE id > $1 AND id <= $2 ORDER BY id",
            params![since, c.last_audit_id],
        )
        .await?;
        if c.previous_hash != previous || c.hash != checkpoint_hash(&previous, &links) {
            return Ok((Some(c.id), n));
        }
        (since, previous, after, n) = (c.last_audit_id, c.hash, c.id, n + 1);
    }
}

/// The newest checkpoint, and whether it fits the rows it covers.
#[derive(Debug, Clone, Copy)]
pub struct NewestCheckpoint {
    /// When it was made.
    pub at: Instant,
    /// The last row it covers.
    pub last_audit_id: i64,
    /// How many rows it covers.
    pub rows: usize,
    /// Whether its hash is that of these rows and of the checkpoint before.
    pub fits: bool,
}

/// Looks at the newest checkpoint alone; [`first_broken_checkpoint`] walks all of them.
pub async fn newest_checkpoint(source: &impl Source) -> DbResult<Option<NewestCheckpoint>> {
    #[derive(crate::Row)]
    struct Checkpoint {
        at: Instant,
        last_audit_id: i64,
        previous_hash: String,
        hash: String,
    }
    let conn = source.connection();
    let found: Vec<Checkpoint> = rows(
        conn,
        "SELECT at, last_audit_id, previous_hash, hash FROM audit_checkpoint ORDER BY id DESC LIMIT 2",
        params![],
    )
    .await?;
    let Some(newest) = found.first() else { return Ok(None) };
    let (since, previous) = found.get(1).map_or((0, ""), |c| (c.last_audit_id, c.hash.as_str()));
    let links: Vec<Link> = rows(
        conn,
        "SELECT id, hash FROM audit WHERE id > $1 AND id <= $2 ORDER BY id",
        params![since, newest.last_audit_id],
    )
    .await?;
    Ok(Some(NewestCheckpoint {
        at: newest.at,
        last_audit_id: newest.last_audit_id,
        rows: links.len(),
        fits: newest.previous_hash == previous && newest.hash == checkpoint_hash(previous, &links),
    }))
}

/// The newest hash that a subject's own row holds; none when the row is gone (a deleted draft).
pub async fn head(source: &impl Source, subject: Subject) -> DbResult<Option<String>> {
    #[derive(crate::Row)]
    struct Head {
        audit_head: String,
    }
    let (kind, id) = subject.parts();
    let found: Option<Head> =
        row(source.connection(), &format!("SELECT audit_head FROM {kind} WHERE id = $1"), params![id]).await?;
    Ok(found.map(|h| h.audit_head))
}

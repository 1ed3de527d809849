//! 公告: what CNCA publishes on the public home page (manual §1; R-C-01).
//!
//! A notice keeps what stood there after every deed in `bulletin_version`. The deeds ask for a [`Permit`] of
//! [`PublishBulletins`] and are audited on the account that did them.

use domain::bulletin::{BulletinFormat, BulletinState};
use domain::ids::{BulletinFileId, BulletinId};
use domain::policy::{Permit, PublishBulletins};
use domain::text;
use domain::time::Instant;

use crate::audit::{self, By, Entry, Subject};
use crate::search::Conditions;
use crate::stored_file::{self, NewFile};
use crate::{DbError, DbResult, Source, Tx, account, params, row, rows};

/// Files of one notice at most.
pub const MOST_FILES: i64 = 20;

/// A published notice.
#[derive(Debug, Clone, crate::Row)]
pub struct Bulletin {
    /// Its id.
    pub id: BulletinId,
    /// Its title.
    pub title: String,
    /// 公告, 通知, 政策法规 …
    pub category: String,
    /// As written.
    pub body: String,
    /// How it is written.
    pub format: BulletinFormat,
    /// 置顶.
    pub pinned: bool,
    /// When it was published.
    pub published_at: Instant,
}

const VISIBLE: &str =
    "NOT is_draft AND withdrawn_at IS NULL AND published_at <= $1 AND (expires_at IS NULL OR expires_at > $1)";
const COLUMNS: &str = "id, title, category, body, format, pinned, published_at";

/// A page of what the public sees now: pinned first, then newest first.
pub async fn published(source: &impl Source, now: Instant, limit: i64, offset: i64) -> DbResult<Vec<Bulletin>> {
    rows(
        source.connection(),
        &format!(
            "SELECT {COLUMNS} FROM bulletin WHERE {VISIBLE} \
             ORDER BY pinned DESC, published_at DESC, id DESC LIMIT $2 OFFSET $3"
        ),
        params![now, limit, offset],
    )
    .await
}

/// How many the public sees now.
pub async fn count(source: &impl Source, now: Instant) -> DbResult<i64> {
    crate::number(source.connection(), &format!("SELECT COUNT(*) FROM bulletin WHERE {VISIBLE}"), params![now]).await
}

/// One notice, if the public may see it now.
pub async fn load(source: &impl Source, id: BulletinId, now: Instant) -> DbResult<Bulletin> {
    row(source.connection(), &format!("SELECT {COLUMNS} FROM bulletin WHERE {VISIBLE} AND id = $2"), params![now, id])
        .await?
        .ok_or(DbError::NotFound)
}

/// Publishes a plain notice at once: what comes with an installation, such as demonstration data.
pub async fn publish(
    tx: &Tx,
    title: &str,
    category: &str,
    body: &str,
    pinned: bool,
    at: Instant,
) -> DbResult<BulletinId> {
    let id = tx
        .insert(
            "INSERT INTO bulletin (title, title_folded, category, body, pinned, published_at) \
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
            params![title, text::fold(title), category, body, pinned, at],
        )
        .await?;
    Ok(BulletinId::new(id))
}

/// A notice as its publisher sees it.
#[derive(Debug, Clone, crate::Row)]
pub struct Managed {
    /// Its id.
    pub id: BulletinId,
    /// Its title.
    pub title: String,
    /// 栏目.
    pub category: String,
    /// As written.
    pub body: String,
    /// How it is written.
    pub format: BulletinFormat,
    /// 置顶.
    pub pinned: bool,
    /// Whether it has never been published.
    pub is_draft: bool,
    /// The time that a draft is to be published at.
    pub planned_at: Option<Instant>,
    /// When it was published, or is going to be; of a draft, when it was begun.
    pub published_at: Instant,
    /// 自动下线.
    pub expires_at: Option<Instant>,
    /// 撤回.
    pub withdrawn_at: Option<Instant>,
    /// Why it was withdrawn.
    pub withdrawn_reason: String,
    /// Changes with every deed.
    pub version: i64,
}

impl Managed {
    /// Where it stands now.
    pub fn state(&self, now: Instant) -> BulletinState {
        BulletinState::of(self.is_draft, self.withdrawn_at, self.published_at, self.expires_at, now)
    }

    /// 发布时间; none of a draft that is to be published at once.
    pub fn publishes_at(&self) -> Option<Instant> {
        if self.is_draft { self.planned_at } else { Some(self.published_at) }
    }
}

const MANAGED: &str = "b.id, b.title, b.category, b.body, b.format, b.pinned, b.is_draft, b.planned_at, \
    b.published_at, b.expires_at, b.withdrawn_at, b.withdrawn_reason, b.version";

/// What the publisher's list is narrowed by.
#[derive(Debug, Clone, Default)]
pub struct Filters<'a> {
    /// 标题, 模糊.
    pub title: &'a str,
    /// 栏目; empty = any.
    pub category: &'a str,
    /// Where it stands now.
    pub state: Option<BulletinState>,
}

fn narrowed(by: &Filters<'_>, now: Instant) -> Conditions {
    let mut all = Conditions::new().contains("b.title_folded", by.title);
    if !by.category.is_empty() {
        all = all.and("b.category = ?", params![by.category]);
    }
    let live = "NOT b.is_draft AND b.withdrawn_at IS NULL";
    match by.state {
        None => all,
        Some(BulletinState::Draft) => all.and("b.is_draft", params![]),
        Some(BulletinState::Withdrawn) => all.and("b.withdrawn_at IS NOT NULL AND NOT b.is_draft", params![]),
        Some(BulletinState::Expired) => all.and(&format!("{live} AND b.expires_at <= ?"), params![now]),
        Some(BulletinState::Scheduled) => all.and(
            &format!("{live} AND b.published_at > ? AND (b.expires_at IS NULL OR b.expires_at > ?)"),
            params![now, now],
        ),
        Some(BulletinState::Published) => all.and(
            &format!("{live} AND b.published_at <= ? AND (b.expires_at IS NULL OR b.expires_at > ?)"),
            params![now, now],
        ),
    }
}

/// How many notices there are.
pub async fn count_managed(
    source: &impl Source,
    _: &Permit<PublishBulletins>,
    by: &Filters<'_>,
    now: Instant,
) -> DbResult<i64> {
    let conditions = narrowed(by, now);
    let sql = format!("SELECT COUNT(*) FROM bulletin b{}", conditions.sql());
    crate::number(source.connection(), &sql, conditions.values(vec![])).await
}

/// A page of them, the newest first.
pub async fn managed(
    source: &impl Source,
    _: &Permit<PublishBulletins>,
    by: &Filters<'_>,
    now: Instant,
    limit: i64,
    offset: i64,
) -> DbResult<Vec<Managed>> {
    let conditions = narrowed(by, now);
    let sql = format!(
        "SELECT {MANAGED} FROM bulletin b{} ORDER BY b.published_at DESC, b.id DESC LIMIT {limit} OFFSET {offset}",
        conditions.sql()
    );
    rows(source.connection(), &sql, conditions.values(vec![])).await
}

/// One notice, wherever it stands.
pub async fn load_managed(source: &impl Source, _: &Permit<PublishBulletins>, id: BulletinId) -> DbResult<Managed> {
    let sql = format!("SELECT {MANAGED} FROM bulletin b WHERE b.id = $1");
    row(source.connection(), &sql, params![id]).await?.ok_or(DbError::NotFound)
}

/// What the editor writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// 标题.
    pub title: String,
    /// 栏目.
    pub category: String,
    /// 正文.
    pub body: String,
    /// 置顶.
    pub pinned: bool,
    /// 发布时间; none = at once.
    pub publishes_at: Option<Instant>,
    /// 自动下线.
    pub expires_at: Option<Instant>,
}

/// What the editor's button does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// 保存: where it stands does not change.
    Save,
    /// 发布.
    Publish,
}

impl Deed {
    const fn word(self) -> &'static str {
        match self {
            Self::Save => "save",
            Self::Publish => "publish",
        }
    }
}

/// Writes a new notice: a draft, or published.
pub async fn create(
    tx: &Tx,
    permit: &Permit<PublishBulletins>,
    new: &Text,
    deed: Deed,
    by: &By,
    now: Instant,
) -> DbResult<BulletinId> {
    let is_draft = deed == Deed::Save;
    let id = tx
        .insert(
            "INSERT INTO bulletin (title, title_folded, category, body, format, pinned, is_draft, planned_at, \
             published_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
            params![
                new.title.clone(),
                text::fold(&new.title),
                new.category.clone(),
                new.body.clone(),
                BulletinFormat::Marked,
                new.pinned,
                is_draft,
                new.publishes_at,
                if is_draft { now } else { new.publishes_at.unwrap_or(now) },
                new.expires_at
            ],
        )
        .await?;
    let id = BulletinId::new(id);
    note(tx, permit, id, deed.word(), "", by, now).await?;
    Ok(id)
}

const CHANGED: &str = "该公告已有变化，没有保存。请返回公告页面查看后重新操作";

/// Writes a notice as it was seen. A draft or a withdrawn one becomes public with [`Deed::Publish`]; the time at which one
/// was published stays.
pub async fn update(
    tx: &Tx,
    permit: &Permit<PublishBulletins>,
    seen: &Managed,
    to: &Text,
    deed: Deed,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let state = seen.state(now);
    if deed == Deed::Publish && !state.can_be_published() {
        return Err(DbError::Overtaken(CHANGED.to_owned()));
    }
    let (is_draft, withdrawn_at, published_at) = match deed {
        Deed::Publish => (false, None, to.publishes_at.unwrap_or(now)),
        Deed::Save if state == BulletinState::Scheduled => (false, None, to.publishes_at.unwrap_or(now)),
        Deed::Save => (seen.is_draft, seen.withdrawn_at, seen.published_at),
    };
    let reason = if withdrawn_at.is_some() { seen.withdrawn_reason.clone() } else { String::new() };
    let done = tx
        .run(
            "UPDATE bulletin SET title = $1, title_folded = $2, category = $3, body = $4, format = $5, pinned = $6, \
             is_draft = $7, planned_at = $8, published_at = $9, expires_at = $10, withdrawn_at = $11, \
             withdrawn_reason = $12, version = version + 1 WHERE id = $13 AND version = $14",
            params![
                to.title.clone(),
                text::fold(&to.title),
                to.category.clone(),
                to.body.clone(),
                BulletinFormat::Marked,
                to.pinned,
                is_draft,
                to.publishes_at,
                published_at,
                to.expires_at,
                withdrawn_at,
                reason,
                seen.id,
                seen.version
            ],
        )
        .await?;
    one_of(done)?;
    note(tx, permit, seen.id, deed.word(), "", by, now).await
}

/// 撤回, with the reason: the public no longer sees it.
pub async fn withdraw(
    tx: &Tx,
    permit: &Permit<PublishBulletins>,
    seen: &Managed,
    reason: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    if !seen.state(now).can_be_withdrawn() {
        return Err(DbError::Overtaken(CHANGED.to_owned()));
    }
    let done = tx
        .run(
            "UPDATE bulletin SET withdrawn_at = $1, withdrawn_reason = $2, version = version + 1 \
             WHERE id = $3 AND version = $4 AND withdrawn_at IS NULL AND NOT is_draft",
            params![now, reason, seen.id, seen.version],
        )
        .await?;
    one_of(done)?;
    note(tx, permit, seen.id, "withdraw", reason, by, now).await
}

/// 删除 of a draft: it was never public, so nothing of it is kept but the audit row.
pub async fn delete_draft(
    tx: &Tx,
    permit: &Permit<PublishBulletins>,
    seen: &Managed,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    // The row is locked by a harmless write first: a file cannot join it meanwhile.
    let sql = "UPDATE bulletin SET version = version + 1 WHERE id = $1 AND version = $2 AND is_draft";
    one_of(tx.run(sql, params![seen.id, seen.version]).await?)?;
    tx.run(
        "INSERT INTO orphaned_object (object_key, since) SELECT object_key, CAST($1 AS BIGINT) FROM bulletin_file \
         WHERE bulletin_id = $2 ON CONFLICT (object_key) DO NOTHING",
        params![now, seen.id],
    )
    .await?;
    tx.run("DELETE FROM bulletin_file WHERE bulletin_id = $1", params![seen.id]).await?;
    tx.run("DELETE FROM bulletin_version WHERE bulletin_id = $1", params![seen.id]).await?;
    tx.run("DELETE FROM bulletin WHERE id = $1", params![seen.id]).await?;
    audited(tx, permit, seen.id, &seen.title, "delete", "", by, now).await
}

fn one_of(changed: u64) -> DbResult<()> {
    if changed == 1 { Ok(()) } else { Err(DbError::Overtaken(CHANGED.to_owned())) }
}

/// Keeps what stands there now as a version, and audits the deed on the account.
async fn note(
    tx: &Tx,
    permit: &Permit<PublishBulletins>,
    id: BulletinId,
    deed: &str,
    remark: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    tx.run(
        "INSERT INTO bulletin_version (bulletin_id, version, deed, remark, title, category, body, format, pinned, \
         publishes_at, expires_at, saved_at, saved_by) \
         SELECT id, version, $1, $2, title, category, body, format, pinned, \
         CASE WHEN is_draft THEN planned_at ELSE published_at END, expires_at, CAST($3 AS BIGINT), $4 \
         FROM bulletin WHERE id = $5",
        params![deed, remark, now, by.name.clone(), id],
    )
    .await?;
    let title = load_managed(tx, permit, id).await?.title;
    let opinion = if deed == "withdraw" { remark } else { "" };
    audited(tx, permit, id, &title, deed, opinion, by, now).await
}

#[expect(clippy::too_many_arguments, reason = "one row with all its facts")]
async fn audited(
    tx: &Tx,
    permit: &Permit<PublishBulletins>,
    id: BulletinId,
    title: &str,
    deed: &str,
    opinion: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    account::lock(tx, permit.account()).await?;
    let action = format!("bulletin_{deed}");
    let detail = serde_json::json!({ "bulletin": id, "title": title }).to_string();
    let entry = Entry { opinion, detail: &detail, ..Entry::of(&action) };
    audit::record(tx, Subject::Account(permit.account()), by, now, &entry).await
}

/// What stood there after a deed.
#[derive(Debug, Clone, crate::Row)]
pub struct Version {
    /// Its number; some are missing where a deed changed nothing that is kept.
    pub version: i64,
    /// save, publish, withdraw, add_file, delete_file.
    pub deed: String,
    /// The reason of a withdrawal, the name of a file.
    pub remark: String,
    /// 标题.
    pub title: String,
    /// 栏目.
    pub category: String,
    /// 正文.
    pub body: String,
    /// How it is written.
    pub format: BulletinFormat,
    /// 置顶.
    pub pinned: bool,
    /// 发布时间.
    pub publishes_at: Option<Instant>,
    /// 自动下线.
    pub expires_at: Option<Instant>,
    /// When.
    pub saved_at: Instant,
    /// By whom.
    pub saved_by: String,
}

const VERSION: &str = "version, deed, remark, title, category, body, format, pinned, publishes_at, expires_at, \
    saved_at, saved_by";

/// The newest versions of a notice, the newest first.
pub async fn versions(
    source: &impl Source,
    _: &Permit<PublishBulletins>,
    id: BulletinId,
    limit: i64,
) -> DbResult<Vec<Version>> {
    let sql = format!("SELECT {VERSION} FROM bulletin_version WHERE bulletin_id = $1 ORDER BY version DESC LIMIT $2");
    rows(source.connection(), &sql, params![id, limit]).await
}

/// One version.
pub async fn version(
    source: &impl Source,
    _: &Permit<PublishBulletins>,
    id: BulletinId,
    version: i64,
) -> DbResult<Version> {
    let sql = format!("SELECT {VERSION} FROM bulletin_version WHERE bulletin_id = $1 AND version = $2");
    row(source.connection(), &sql, params![id, version]).await?.ok_or(DbError::NotFound)
}

/// A file beside a notice.
#[derive(Debug, Clone, crate::Row)]
pub struct BulletinFile {
    /// Its id.
    pub id: BulletinFileId,
    /// Its name.
    pub name: String,
    /// Its size.
    pub size_bytes: i64,
    /// Where it lies in the store.
    pub object_key: String,
    /// When it was taken away from a notice that the public could see: its publisher still reads it (D32).
    pub removed_at: Option<Instant>,
}

const FILE: &str = "f.id, f.name, f.size_bytes, f.object_key, f.removed_at";

/// The files of a notice that the caller has loaded.
pub async fn files(source: &impl Source, id: BulletinId) -> DbResult<Vec<BulletinFile>> {
    let sql =
        format!("SELECT {FILE} FROM bulletin_file f WHERE f.bulletin_id = $1 AND f.removed_at IS NULL ORDER BY f.id");
    rows(source.connection(), &sql, params![id]).await
}

/// The files that were taken away from a notice after it was public, in the order of their arrival.
pub async fn removed_files(
    source: &impl Source,
    _: &Permit<PublishBulletins>,
    id: BulletinId,
) -> DbResult<Vec<BulletinFile>> {
    let sql = format!(
        "SELECT {FILE} FROM bulletin_file f WHERE f.bulletin_id = $1 AND f.removed_at IS NOT NULL ORDER BY f.id"
    );
    rows(source.connection(), &sql, params![id]).await
}

/// A file of a notice that the public may see now.
pub async fn public_file(
    source: &impl Source,
    bulletin: BulletinId,
    id: BulletinFileId,
    now: Instant,
) -> DbResult<BulletinFile> {
    let sql = format!(
        "SELECT {FILE} FROM bulletin_file f WHERE f.id = $2 AND f.removed_at IS NULL AND f.bulletin_id IN \
         (SELECT id FROM bulletin WHERE {VISIBLE} AND id = $3)"
    );
    row(source.connection(), &sql, params![now, id, bulletin]).await?.ok_or(DbError::NotFound)
}

/// A file of any notice, for its publisher.
pub async fn managed_file(
    source: &impl Source,
    _: &Permit<PublishBulletins>,
    bulletin: BulletinId,
    id: BulletinFileId,
) -> DbResult<BulletinFile> {
    let sql = format!("SELECT {FILE} FROM bulletin_file f WHERE f.id = $1 AND f.bulletin_id = $2");
    row(source.connection(), &sql, params![id, bulletin]).await?.ok_or(DbError::NotFound)
}

/// A file joins a notice, after it is stored.
pub async fn add_file(
    tx: &Tx,
    permit: &Permit<PublishBulletins>,
    bulletin: BulletinId,
    file: &NewFile,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    // Locks the notice, so that files are counted one after the other.
    if tx.run("UPDATE bulletin SET version = version + 1 WHERE id = $1", params![bulletin]).await? == 0 {
        return Err(DbError::NotFound);
    }
    let sql = "SELECT COUNT(*) FROM bulletin_file WHERE bulletin_id = $1 AND removed_at IS NULL";
    if crate::number(&tx.0, sql, params![bulletin]).await? >= MOST_FILES {
        return Err(DbError::Refused(format!(
            "“{}”没有上传：一条公告最多 {MOST_FILES} 个附件，请删除不需要的附件后再上传",
            file.name
        )));
    }
    tx.run(
        "INSERT INTO bulletin_file (bulletin_id, name, size_bytes, sha256, content_type, object_key, uploaded_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![
            bulletin,
            file.name.clone(),
            file.size_bytes,
            file.sha256.clone(),
            file.content_type.clone(),
            file.object_key.clone(),
            now
        ],
    )
    .await?;
    stored_file::take(tx, &file.object_key).await?;
    note(tx, permit, bulletin, "add_file", &file.name, by, now).await
}

/// A file leaves a notice. That of a draft goes, and the sweep removes it from the store; what the public could see stays
/// readable for its publisher (D32).
pub async fn delete_file(
    tx: &Tx,
    permit: &Permit<PublishBulletins>,
    bulletin: BulletinId,
    file: &BulletinFile,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    tx.run("UPDATE bulletin SET version = version + 1 WHERE id = $1", params![bulletin]).await?;
    let keys = params![file.id, bulletin];
    let sql = "DELETE FROM bulletin_file WHERE id = $1 AND bulletin_id = $2 AND removed_at IS NULL \
               AND EXISTS (SELECT 1 FROM bulletin b WHERE b.id = $2 AND b.is_draft)";
    if tx.run(sql, keys.clone()).await? == 1 {
        stored_file::leave(tx, &file.object_key, now).await?;
    } else {
        let sql = "UPDATE bulletin_file SET removed_at = $3 WHERE id = $1 AND bulletin_id = $2 AND removed_at IS NULL";
        if tx.run(sql, keys.into_iter().chain(params![now]).collect()).await? == 0 {
            return Err(DbError::NotFound);
        }
    }
    note(tx, permit, bulletin, "delete_file", &file.name, by, now).await
}

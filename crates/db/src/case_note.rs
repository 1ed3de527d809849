//! 内部备注: what the officers who see a case write to each other. A note is never changed or deleted; its author may
//! strike it out. The enterprise never sees one: the trail that it reads leaves these deeds out
//! ([`course`](crate::audit::course)).

use domain::actor::Post;
use domain::ids::{AccountId, ApplicationId, BureauCode, CaseNoteId, NoteFileId};
use domain::policy::Scope;
use domain::time::Instant;

use crate::audit::{self, By, Entry, Subject};
use crate::stored_file::{self, NewFile};
use crate::{DbError, DbResult, Source, Tx, params, row, rows, scope};

/// Characters of a note at most.
pub const LONGEST: usize = 1000;
/// Files of a note at most.
pub const MOST_FILES: usize = 5;

/// A note to write.
#[derive(Debug, Clone)]
pub struct NewNote<'a> {
    /// The case.
    pub application: ApplicationId,
    /// The key of its page: a form that is sent twice, and says the same, is one note.
    pub creation_key: &'a str,
    /// The post that has the case, when the author works there.
    pub post: Option<Post>,
    /// The words.
    pub text: &'a str,
    /// The files, stored and announced before.
    pub files: &'a [NewFile],
}

/// Writes a note of this officer. The application is locked by the caller.
pub async fn add(
    tx: &Tx,
    new: &NewNote<'_>,
    author: AccountId,
    bureau: &BureauCode,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let files: Vec<_> = new.files.iter().map(|f| f.sha256.as_str()).collect();
    let author_id = author.to_string();
    let key = crate::identity(new.creation_key, &[&[author_id.as_str(), new.text], files.as_slice()].concat());
    let there = "SELECT COUNT(*) FROM case_note WHERE application_id = $1 AND creation_key = $2";
    if crate::number(&tx.0, there, params![new.application, key.clone()]).await? > 0 {
        return Ok(());
    }
    let id = tx
        .insert(
            "INSERT INTO case_note (application_id, creation_key, author_id, author_name, bureau_code, post, text, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
            params![new.application, key, author, by.name.clone(), bureau.clone(), new.post, new.text, now],
        )
        .await?;
    for file in new.files {
        tx.run(
            "INSERT INTO case_note_file (note_id, name, size_bytes, sha256, content_type, object_key) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            params![
                id,
                file.name.clone(),
                file.size_bytes,
                file.sha256.clone(),
                file.content_type.clone(),
                file.object_key.clone()
            ],
        )
        .await?;
        stored_file::take(tx, &file.object_key).await?;
    }
    let detail = serde_json::json!({ "note": id, "text": new.text, "files": files }).to_string();
    let entry = Entry { post: new.post, detail: &detail, ..Entry::of("add_note") };
    audit::record(tx, Subject::Application(new.application), by, now, &entry).await
}

/// Strikes a note out. [`DbError::NotFound`] when the case has none of this id, [`DbError::Refused`] when it is not this
/// officer's, [`DbError::Overtaken`] when it is struck out already. The application is locked by the caller.
pub async fn strike(
    tx: &Tx,
    application: ApplicationId,
    id: CaseNoteId,
    author: AccountId,
    reason: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE case_note SET struck_at = $1, strike_reason = $2 \
             WHERE id = $3 AND application_id = $4 AND author_id = $5 AND struck_at IS NULL",
            params![now, reason, id, application, author],
        )
        .await?;
    if done == 0 {
        check_author(tx, application, id, author).await?;
        return Err(DbError::Overtaken("这条备注已经划去，请刷新后查看。".to_owned()));
    }
    let detail = serde_json::json!({ "note": id.get(), "reason": reason }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("strike_note") };
    audit::record(tx, Subject::Application(application), by, now, &entry).await
}

/// Whether a note is this officer's: [`DbError::NotFound`] when the case has none of this id, [`DbError::Refused`] when
/// somebody else wrote it.
pub async fn check_author(tx: &Tx, application: ApplicationId, id: CaseNoteId, author: AccountId) -> DbResult<()> {
    #[derive(crate::Row)]
    struct Columns {
        author_id: AccountId,
    }
    let sql = "SELECT author_id FROM case_note WHERE id = $1 AND application_id = $2";
    let found: Option<Columns> = row(&tx.0, sql, params![id, application]).await?;
    match found {
        None => Err(DbError::NotFound),
        Some(c) if c.author_id != author => Err(DbError::Refused("只有作者本人可以划去备注。".to_owned())),
        Some(_) => Ok(()),
    }
}

/// A note.
#[derive(Debug, Clone)]
pub struct CaseNote {
    /// Its id; ascending in time.
    pub id: CaseNoteId,
    /// Who wrote it.
    pub author: AccountId,
    /// His name as it was then.
    pub author_name: String,
    /// For which bureau.
    pub bureau: BureauCode,
    /// At which post.
    pub post: Option<Post>,
    /// The words.
    pub text: String,
    /// When.
    pub at: Instant,
    /// When it was struck out, and why.
    pub struck: Option<(Instant, String)>,
    /// Its files.
    pub files: Vec<NoteFile>,
}

/// A file of a note.
#[derive(Debug, Clone, crate::Row)]
pub struct NoteFile {
    /// Its id.
    pub id: NoteFileId,
    /// The application of its note.
    pub application_id: ApplicationId,
    /// The name it had on the officer's machine.
    pub name: String,
    /// Its size.
    pub size_bytes: i64,
    /// What its first bytes say it is.
    pub content_type: String,
    /// Where it lies.
    pub object_key: String,
}

/// The newest notes of a case, those before `before` when it is given; files and all in one statement. The caller has
/// loaded the application in scope.
pub async fn of_application(
    source: &impl Source,
    application: ApplicationId,
    before: Option<CaseNoteId>,
    limit: i64,
) -> DbResult<Vec<CaseNote>> {
    #[derive(crate::Row)]
    struct Columns {
        id: CaseNoteId,
        author_id: AccountId,
        author_name: String,
        bureau_code: BureauCode,
        post: Option<Post>,
        text: String,
        at: Instant,
        struck_at: Option<Instant>,
        strike_reason: String,
        file_id: Option<NoteFileId>,
        file_name: Option<String>,
        size_bytes: Option<i64>,
        content_type: Option<String>,
        object_key: Option<String>,
    }
    let found: Vec<Columns> = rows(
        source.connection(),
        "SELECT n.id, n.author_id, n.author_name, n.bureau_code, n.post, n.text, n.at, n.struck_at, n.strike_reason, \
         f.id AS file_id, f.name AS file_name, f.size_bytes, f.content_type, f.object_key \
         FROM case_note n LEFT JOIN case_note_file f ON f.note_id = n.id \
         WHERE n.id IN (SELECT id FROM case_note WHERE application_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3) \
         ORDER BY n.id DESC, f.id",
        params![application, before.map_or(i64::MAX, CaseNoteId::get), limit],
    )
    .await?;
    let mut notes: Vec<CaseNote> = Vec::new();
    for c in found {
        if notes.last().is_none_or(|n| n.id != c.id) {
            notes.push(CaseNote {
                id: c.id,
                author: c.author_id,
                author_name: c.author_name,
                bureau: c.bureau_code,
                post: c.post,
                text: c.text,
                at: c.at,
                struck: c.struck_at.map(|at| (at, c.strike_reason)),
                files: Vec::new(),
            });
        }
        if let (Some(note), Some(id)) = (notes.last_mut(), c.file_id) {
            note.files.push(NoteFile {
                id,
                application_id: application,
                name: c.file_name.unwrap_or_default(),
                size_bytes: c.size_bytes.unwrap_or_default(),
                content_type: c.content_type.unwrap_or_default(),
                object_key: c.object_key.unwrap_or_default(),
            });
        }
    }
    Ok(notes)
}

/// A file of a note on a case that this bureau sees; otherwise [`DbError::NotFound`].
pub async fn load_file(source: &impl Source, scope: &Scope, id: NoteFileId) -> DbResult<NoteFile> {
    let conditions = scope::visible(scope).and("f.id = ?", params![id]);
    let sql = format!(
        "SELECT f.id, n.application_id, f.name, f.size_bytes, f.content_type, f.object_key FROM case_note_file f \
         JOIN case_note n ON n.id = f.note_id JOIN application a ON a.id = n.application_id{}",
        conditions.sql()
    );
    row(source.connection(), &sql, conditions.values(vec![])).await?.ok_or(DbError::NotFound)
}

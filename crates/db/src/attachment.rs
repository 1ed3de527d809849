//! 申请附件: rows of uploaded files; the bytes lie in the object store.

use domain::ids::{AccountId, ApplicationId, AttachmentId, AttachmentKindCode};
use domain::policy::Scope;
use domain::time::Instant;

use crate::stored_file::{self, NewFile};
use crate::{DbError, DbResult, Source, Tx, params, row, rows, scope};

/// All files of one application together may be this large (D9, forms §2.8).
pub const TOTAL_LIMIT_BYTES: i64 = 100 * 1024 * 1024;

/// One uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// The application it belongs to.
    pub application_id: ApplicationId,
    /// Its kind.
    pub kind: AttachmentKindCode,
    /// The name it had on the user's machine.
    pub name: String,
    /// Its size.
    pub size_bytes: i64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// What its first bytes say it is; for display only.
    pub content_type: String,
    /// Where it lies in the object store.
    pub object_key: String,
    /// When it came.
    pub uploaded_at: Instant,
    /// The version of the application that was first submitted with it; none = none was.
    pub submitted_version: Option<i64>,
    /// When a correction deleted it; it stays readable (D32).
    pub removed_at: Option<Instant>,
}

impl Attachment {
    /// Whether it belongs to the application as it is now.
    pub const fn is_current(&self) -> bool {
        self.removed_at.is_none()
    }
}

const COLUMNS: &str = "t.id, t.application_id, t.kind, t.name, t.size_bytes, t.sha256, t.content_type, t.object_key, \
                       t.uploaded_at, t.submitted_version, t.removed_at";

/// The files that an application has now, in the order of their arrival. The caller has loaded the application in scope.
pub async fn of_application(source: &impl Source, application: ApplicationId) -> DbResult<Vec<Attachment>> {
    let mut all = all_of_application(source, application).await?;
    all.retain(Attachment::is_current);
    Ok(all)
}

/// The same with those that were submitted and that a correction deleted or replaced (D32).
pub async fn all_of_application(source: &impl Source, application: ApplicationId) -> DbResult<Vec<Attachment>> {
    rows(
        source.connection(),
        &format!("SELECT {COLUMNS} FROM attachment t WHERE t.application_id = $1 ORDER BY t.id"),
        params![application],
    )
    .await
}

/// Notes that the application was submitted with the files that it has now: from then on they stay. In the transaction of
/// the submission.
pub(crate) async fn keep_submitted(tx: &Tx, application: ApplicationId, version: i64) -> DbResult<()> {
    let sql = "UPDATE attachment SET submitted_version = $1 WHERE application_id = $2 AND submitted_version IS NULL \
               AND removed_at IS NULL";
    tx.run(sql, params![version, application]).await?;
    Ok(())
}

/// One file, if its application is visible and no draft whose ten days are over (D8); otherwise [`DbError::NotFound`].
pub async fn load(source: &impl Source, scope: &Scope, id: AttachmentId, now: Instant) -> DbResult<Attachment> {
    let conditions = scope::visible(scope)
        .and("t.id = ?", params![id])
        .and("(a.state <> 'draft' OR a.expires_at > ?)", params![now]);
    row(
        source.connection(),
        &format!(
            "SELECT {COLUMNS} FROM attachment t JOIN application a ON a.id = t.application_id{}",
            conditions.sql()
        ),
        conditions.values(vec![]),
    )
    .await?
    .ok_or(DbError::NotFound)
}

/// Adds a row after the file is stored. The application row is locked by the caller, so the total holds.
pub async fn add(
    tx: &Tx,
    application: ApplicationId,
    kind: &AttachmentKindCode,
    file: &NewFile,
    by: AccountId,
    now: Instant,
) -> DbResult<AttachmentId> {
    let used = crate::number(
        &tx.0,
        "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM attachment WHERE application_id = $1 \
         AND removed_at IS NULL",
        params![application],
    )
    .await?;
    if used + file.size_bytes > TOTAL_LIMIT_BYTES {
        return Err(DbError::Refused(format!(
            "“{}”没有上传：一份申请的附件合计不能超过 100M，请删除不需要的附件或压缩后再上传",
            file.name
        )));
    }
    let id = tx
        .insert(
            "INSERT INTO attachment (application_id, kind, name, size_bytes, sha256, content_type, object_key, \
             uploaded_by, uploaded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
            params![
                application,
                kind.clone(),
                file.name.clone(),
                file.size_bytes,
                file.sha256.clone(),
                file.content_type.clone(),
                file.object_key.clone(),
                by,
                now
            ],
        )
        .await?;
    stored_file::take(tx, &file.object_key).await?;
    Ok(AttachmentId::new(id))
}

/// What became of a file that was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// Its row is gone; the sweep removes the file.
    Gone,
    /// It was submitted once: it is no part of the application any more, and stays readable (D32).
    Kept,
}

/// Deletes a file of an application that is locked. What was once submitted stays.
pub async fn delete(tx: &Tx, file: &Attachment, now: Instant) -> DbResult<Deleted> {
    let keys = params![file.id, file.application_id];
    let sql = "DELETE FROM attachment WHERE id = $1 AND application_id = $2 AND submitted_version IS NULL";
    if tx.run(sql, keys.clone()).await? == 1 {
        stored_file::leave(tx, &file.object_key, now).await?;
        return Ok(Deleted::Gone);
    }
    let sql = "UPDATE attachment SET removed_at = $3 WHERE id = $1 AND application_id = $2 AND removed_at IS NULL";
    if tx.run(sql, keys.into_iter().chain(params![now]).collect()).await? == 1 {
        return Ok(Deleted::Kept);
    }
    Err(DbError::NotFound)
}

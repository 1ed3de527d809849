//! 文件对比 of an application: results and arrivals, a row per document, and the scans of the paper originals.

use domain::application::Application;
use domain::comparison::PaperResult;
use domain::ids::{AccountId, ApplicationId, ScanId};
use domain::policy::Scope;
use domain::time::{Day, Instant};

use crate::attachment::TOTAL_LIMIT_BYTES;
use crate::audit::{self, By, Entry, Subject};
use crate::stored_file::{self, NewFile};
use crate::{DbError, DbResult, Source, Tx, params, row, rows, scope};

/// What is known of a document.
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct Compared {
    /// The document, as `domain::comparison::Document` writes it.
    pub document: String,
    /// What was found; none while only its arrival is known.
    pub result: Option<PaperResult>,
    /// What was said about it.
    pub remark: String,
    /// When that was saved.
    pub compared_at: Option<Instant>,
    /// By whom.
    pub compared_by_name: String,
    /// When the paper came.
    pub arrived_on: Option<Day>,
    /// Who wrote that down.
    pub arrived_by_name: String,
}

/// What is known of the documents of an application. The caller has loaded the application in scope.
pub async fn compared(source: &impl Source, application: ApplicationId) -> DbResult<Vec<Compared>> {
    rows(
        source.connection(),
        "SELECT document, result, remark, compared_at, compared_by_name, arrived_on, arrived_by_name \
         FROM paper_comparison WHERE application_id = $1 ORDER BY document",
        params![application],
    )
    .await
}

/// What was found of one document.
#[derive(Debug, Clone)]
pub struct Found {
    /// The document.
    pub document: String,
    /// The result; none takes an earlier one back.
    pub result: Option<PaperResult>,
    /// The remark.
    pub remark: String,
}

fn who(by: &By) -> (Option<AccountId>, String) {
    (by.account, by.name.clone())
}

/// Saves what was found of each document. The application is locked and at 文件对比; `summary` is for the trail.
pub async fn save(tx: &Tx, seen: &Application, found: &[Found], summary: &str, by: &By, now: Instant) -> DbResult<()> {
    let (account, name) = who(by);
    let all = found
        .iter()
        .map(|f| {
            params![seen.id, f.document.clone(), f.result, f.remark.clone(), now, account, name.clone(), String::new()]
        })
        .collect();
    let columns = [
        "application_id",
        "document",
        "result",
        "remark",
        "compared_at",
        "compared_by",
        "compared_by_name",
        "arrived_by_name",
    ];
    let tail = " ON CONFLICT (application_id, document) DO UPDATE SET result = excluded.result, \
                remark = excluded.remark, compared_at = excluded.compared_at, compared_by = excluded.compared_by, \
                compared_by_name = excluded.compared_by_name";
    tx.insert_rows("paper_comparison", &columns, tail, all).await?;
    let detail = serde_json::json!({ "comparison": summary }).to_string();
    let entry = Entry { post: seen.state().post(), detail: &detail, ..Entry::of("compare_papers") };
    audit::record(tx, Subject::Application(seen.id), by, now, &entry).await
}

/// Notes that the papers of these documents came on a day. The deed 材料已收到 audits it.
pub async fn arrive(
    tx: &Tx,
    application: ApplicationId,
    documents: &[String],
    on: Day,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let (account, name) = who(by);
    let all = documents
        .iter()
        .map(|d| params![application, d.clone(), String::new(), String::new(), on, now, account, name.clone()])
        .collect();
    let columns = [
        "application_id",
        "document",
        "remark",
        "compared_by_name",
        "arrived_on",
        "arrived_at",
        "arrived_by",
        "arrived_by_name",
    ];
    let tail = " ON CONFLICT (application_id, document) DO UPDATE SET arrived_on = excluded.arrived_on, \
                arrived_at = excluded.arrived_at, arrived_by = excluded.arrived_by, \
                arrived_by_name = excluded.arrived_by_name";
    tx.insert_rows("paper_comparison", &columns, tail, all).await
}

/// The scan of a paper original.
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct Scan {
    /// Its id.
    pub id: ScanId,
    /// The application it belongs to.
    pub application_id: ApplicationId,
    /// Its document.
    pub document: String,
    /// The name of the file.
    pub name: String,
    /// Its size.
    pub size_bytes: i64,
    /// What its first bytes say it is.
    pub content_type: String,
    /// Where it lies in the object store.
    pub object_key: String,
    /// Who brought it.
    pub uploaded_by_name: String,
    /// When it came.
    pub uploaded_at: Instant,
    /// When it was deleted, although a decision had been made with it: it stays readable (D32).
    pub removed_at: Option<Instant>,
}

const SCAN: &str = "s.id, s.application_id, s.document, s.name, s.size_bytes, s.content_type, s.object_key, \
                    s.uploaded_by_name, s.uploaded_at, s.removed_at";

/// Notes that 文件对比 decided with the scans that there are: from then on they stay. In the transaction of the decision.
pub(crate) async fn keep_decided(tx: &Tx, application: ApplicationId) -> DbResult<()> {
    let sql = "UPDATE paper_scan SET was_decided = 1 WHERE application_id = $1 AND was_decided = 0";
    tx.run(sql, params![application]).await?;
    Ok(())
}

/// The scans of an application, in the order of their arrival. The caller has loaded the application in scope.
pub async fn scans(source: &impl Source, application: ApplicationId) -> DbResult<Vec<Scan>> {
    let sql = format!("SELECT {SCAN} FROM paper_scan s WHERE s.application_id = $1 ORDER BY s.id");
    rows(source.connection(), &sql, params![application]).await
}

/// One scan of this application, if that is visible; otherwise [`DbError::NotFound`].
pub async fn scan(source: &impl Source, seen: &Scope, application: ApplicationId, id: ScanId) -> DbResult<Scan> {
    let conditions = scope::visible(seen).and("s.id = ?", params![id]).and("a.id = ?", params![application]);
    let sql =
        format!("SELECT {SCAN} FROM paper_scan s JOIN application a ON a.id = s.application_id{}", conditions.sql());
    row(source.connection(), &sql, conditions.values(vec![])).await?.ok_or(DbError::NotFound)
}

/// Adds a scan of a document. The application is locked and at 文件对比. [`DbError::Refused`] when there is no room.
pub async fn add_scan(
    tx: &Tx,
    seen: &Application,
    document: &str,
    new: &NewFile,
    officer: AccountId,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let used = crate::number(
        &tx.0,
        "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM paper_scan WHERE application_id = $1 \
         AND removed_at IS NULL",
        params![seen.id],
    )
    .await?;
    if used + new.size_bytes > TOTAL_LIMIT_BYTES {
        let why = "没有上传：一份申请的扫描件合计不能超过 100M，请删除不需要的扫描件或压缩后再上传";
        return Err(DbError::Refused(format!("“{}”{why}", new.name)));
    }
    tx.run(
        "INSERT INTO paper_scan (application_id, document, name, size_bytes, sha256, content_type, object_key, \
         uploaded_by, uploaded_by_name, uploaded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![
            seen.id,
            document,
            new.name.clone(),
            new.size_bytes,
            new.sha256.clone(),
            new.content_type.clone(),
            new.object_key.clone(),
            officer,
            by.name.clone(),
            now
        ],
    )
    .await?;
    stored_file::take(tx, &new.object_key).await?;
    let detail = serde_json::json!({ "document": document, "file": new.name, "sha256": new.sha256 }).to_string();
    let entry = Entry { post: seen.state().post(), detail: &detail, ..Entry::of("add_scan") };
    audit::record(tx, Subject::Application(seen.id), by, now, &entry).await
}

/// Deletes a scan; the sweep removes the file, unless a decision was made with it: then it stays readable (D32). The
/// application is locked and at 文件对比.
pub async fn delete_scan(tx: &Tx, seen: &Application, scan: &Scan, by: &By, now: Instant) -> DbResult<()> {
    let keys = params![scan.id, seen.id];
    let sql = "DELETE FROM paper_scan WHERE id = $1 AND application_id = $2 AND was_decided = 0";
    if tx.run(sql, keys.clone()).await? == 1 {
        stored_file::leave(tx, &scan.object_key, now).await?;
    } else {
        let sql = "UPDATE paper_scan SET removed_at = $3 WHERE id = $1 AND application_id = $2 AND removed_at IS NULL";
        if tx.run(sql, keys.into_iter().chain(params![now]).collect()).await? == 0 {
            return Err(DbError::NotFound);
        }
    }
    let detail = serde_json::json!({ "document": scan.document, "file": scan.name }).to_string();
    let entry = Entry { post: seen.state().post(), detail: &detail, ..Entry::of("delete_scan") };
    audit::record(tx, Subject::Application(seen.id), by, now, &entry).await
}

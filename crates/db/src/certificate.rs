//! Certificates: issue (A15), the frozen sheet of each version, and where its paper lies.

use domain::application::Application;
use domain::certificate::{AmendmentState, CertificateFacts, CertificateState, Validity};
use domain::ids::{AccountId, ApplicationId, BureauCode, CertificateId};
use domain::policy::Scope;
use domain::quantity::Quantity;
use domain::time::{Day, Instant};
use domain::workflow::State;

use crate::audit::{self, By, Entry, Subject};
use crate::{DbError, DbResult, Source, Tx, params, row, rows, scope, search};

/// A certificate, in its version in force.
#[derive(Debug, Clone, crate::Row)]
pub struct Certificate {
    /// Its id.
    pub id: CertificateId,
    /// The application it was issued on.
    pub application_id: ApplicationId,
    /// 证明号.
    pub number: String,
    /// 核验码: with the number it opens the public page.
    pub check_code: String,
    /// What its row says.
    pub state: CertificateState,
    /// The version in force.
    pub version: i64,
    /// First day.
    pub valid_from: Day,
    /// Last day.
    pub valid_to: Day,
    /// The issuing bureau.
    pub bureau_code: BureauCode,
    /// 发证时间.
    pub issued_at: Instant,
    /// The frozen content of this version, JSON.
    pub sheet: String,
    /// Where its PDF lies; none while the job has not made it.
    pub object_key: Option<String>,
    /// SHA-256 of the PDF.
    pub sha256: Option<String>,
    /// How many lines (products) it has.
    pub lines: i64,
    /// How many of them are not finished.
    pub open_lines: i64,
    /// Of how many something is written off.
    pub written_lines: i64,
    /// Of how many something is declared and not yet decided.
    pub pending_lines: i64,
    /// Its open amendment.
    pub amendment: Option<AmendmentState>,
    /// The bureau of the frozen step 后续监管.
    pub supervising_bureau: Option<BureauCode>,
    /// 监管完结.
    pub supervision_closed_at: Option<Instant>,
}

impl Certificate {
    /// Its validity.
    pub const fn validity(&self) -> Validity {
        Validity { from: self.valid_from, to: self.valid_to }
    }

    /// What decides its links and its standing.
    pub const fn facts(&self) -> CertificateFacts {
        CertificateFacts {
            state: self.state,
            validity: self.validity(),
            lines: self.lines,
            open_lines: self.open_lines,
            written_lines: self.written_lines,
            pending_lines: self.pending_lines,
            amendment: self.amendment,
        }
    }
}

/// The state of the open amendment of `certificate c`, for a list of columns; an index answers it.
pub const OPEN_AMENDMENT: &str = "(SELECT m.state FROM certificate_amendment m WHERE m.certificate_id = c.id \
    AND m.state IN ('requested', 'opened', 'submitted', 'sent_back'))";

const SELECT: &str = "SELECT c.id, c.application_id, c.number, c.check_code, c.state, c.version, c.valid_from, \
    c.valid_to, c.bureau_code, c.issued_at, v.sheet, v.object_key, v.sha256, \
    c.lines, c.open_lines, c.written_lines, c.pending_lines, c.supervising_bureau, c.supervision_closed_at, \
    (SELECT m.state FROM certificate_amendment m WHERE m.certificate_id = c.id \
    AND m.state IN ('requested', 'opened', 'submitted', 'sent_back')) AS amendment FROM certificate c \
    JOIN certificate_version v ON v.certificate_id = c.id AND v.version = c.version";

/// A certificate whose application the scope sees.
pub async fn load(source: &impl Source, scope: &Scope, id: CertificateId) -> DbResult<Certificate> {
    let conditions = scope::visible(scope).and("c.id = ?", params![id]);
    let sql = format!("{SELECT} JOIN application a ON a.id = c.application_id{}", conditions.sql());
    row(source.connection(), &sql, conditions.values(vec![])).await?.ok_or(DbError::NotFound)
}

/// The same with a lock on its row, before anything of it is decided.
pub async fn load_for_update(tx: &Tx, scope: &Scope, id: CertificateId) -> DbResult<Certificate> {
    lock(tx, id).await?;
    load(tx, scope, id).await
}

/// Locks the row of a certificate: every deed on it and on its lines begins here, so they come one after another.
pub async fn lock(tx: &Tx, id: CertificateId) -> DbResult<()> {
    #[derive(crate::Row)]
    struct Locked {
        #[expect(dead_code, reason = "that there is a row is the answer")]
        id: CertificateId,
    }
    let sql = format!("SELECT id FROM certificate WHERE id = $1{}", tx.for_update());
    let found: Option<Locked> = row(tx.connection(), &sql, params![id]).await?;
    found.map(|_| ()).ok_or(DbError::NotFound)
}

/// The certificate of an application in scope.
pub async fn of_application(source: &impl Source, id: ApplicationId) -> DbResult<Option<Certificate>> {
    row(source.connection(), &format!("{SELECT} WHERE c.application_id = $1"), params![id]).await
}

/// The certificate of a number and its 核验码, for everybody.
pub async fn by_number(source: &impl Source, number: &str) -> DbResult<Option<Certificate>> {
    row(source.connection(), &format!("{SELECT} WHERE c.number = $1"), params![number]).await
}

#[derive(crate::Row)]
struct FactColumns {
    state: CertificateState,
    valid_from: Day,
    valid_to: Day,
    lines: i64,
    open_lines: i64,
    written_lines: i64,
    pending_lines: i64,
    amendment: Option<AmendmentState>,
}

/// What decides the links of an application in scope; none, and no question asked, before it is issued.
pub async fn facts(source: &impl Source, of: &Application) -> DbResult<Option<CertificateFacts>> {
    if of.state() != State::Issued {
        return Ok(None);
    }
    let sql = format!(
        "SELECT c.state, c.valid_from, c.valid_to, c.lines, c.open_lines, c.written_lines, c.pending_lines, \
         {OPEN_AMENDMENT} AS amendment FROM certificate c WHERE c.application_id = $1"
    );
    let found: Option<FactColumns> = row(source.connection(), &sql, params![of.id]).await?;
    Ok(found.map(|f| CertificateFacts {
        state: f.state,
        validity: Validity { from: f.valid_from, to: f.valid_to },
        lines: f.lines,
        open_lines: f.open_lines,
        written_lines: f.written_lines,
        pending_lines: f.pending_lines,
        amendment: f.amendment,
    }))
}

/// A certificate by id, for jobs.
pub async fn get(source: &impl Source, id: CertificateId) -> DbResult<Certificate> {
    row(source.connection(), &format!("{SELECT} WHERE c.id = $1"), params![id]).await?.ok_or(DbError::NotFound)
}

/// What is issued.
#[derive(Debug, Clone)]
pub struct Issue<'a> {
    /// The application.
    pub application: ApplicationId,
    /// 证明号.
    pub number: &'a str,
    /// 核验码.
    pub check_code: &'a str,
    /// Its validity.
    pub validity: Validity,
    /// The issuing bureau.
    pub bureau: &'a BureauCode,
    /// The officer.
    pub officer: AccountId,
    /// The frozen content, JSON.
    pub sheet: &'a str,
}

/// Creates version 1 with one balance row per line (A15, E13); the application has been advanced before.
pub async fn issue(tx: &Tx, new: &Issue<'_>, by: &By, now: Instant) -> DbResult<CertificateId> {
    let id = tx
        .insert(
            "INSERT INTO certificate (application_id, number, check_code, state, version, valid_from, valid_to, \
             bureau_code, issued_at, issued_by) VALUES ($1, $2, $3, 'valid', 1, $4, $5, $6, $7, $8) RETURNING id",
            params![
                new.application,
                new.number,
                new.check_code,
                new.validity.from,
                new.validity.to,
                new.bureau.clone(),
                now,
                new.officer
            ],
        )
        .await?;
    let id = CertificateId::new(id);
    tx.run(
        "INSERT INTO certificate_version (certificate_id, version, sheet, created_at) VALUES ($1, 1, $2, $3)",
        params![id, new.sheet, now],
    )
    .await?;
    // The order of the products in the annex is that of their entry (see `application::items`).
    tx.run(
        "INSERT INTO certificate_item (certificate_id, ordinal, required, hs_required, hs_code, product_folded) \
         SELECT CAST($1 AS BIGINT), ROW_NUMBER() OVER (ORDER BY i.id), i.qty, i.hs_qty, i.hs_code, i.product_folded \
         FROM application_item i WHERE i.application_id = $2",
        params![id, new.application],
    )
    .await?;
    let counts = "UPDATE certificate SET lines = n.lines, open_lines = n.lines, owner_id = n.owner_id, \
                  organisation_id = n.organisation_id, supervising_bureau = (SELECT \
                  r.bureau_code FROM application_route r WHERE r.application_id = $2 AND r.step = 'supervise') \
                  FROM (SELECT a.owner_id, a.organisation_id, (SELECT COUNT(*) FROM certificate_item \
                  WHERE certificate_id = $1) AS lines FROM application a WHERE a.id = $2) n WHERE id = $1";
    tx.run(counts, params![id, new.application]).await?;
    tx.run(
        "INSERT INTO certificate_viewer (bureau_code, certificate_id, valid_to) \
         SELECT v.bureau_code, c.id, c.valid_to FROM certificate c \
         JOIN application_viewer v ON v.application_id = c.application_id WHERE c.id = $1",
        params![id],
    )
    .await?;
    tx.run("UPDATE application SET certificate_no = $1 WHERE id = $2", params![new.number, new.application]).await?;
    search::index(tx, new.application).await?;
    audit::record(tx, Subject::Certificate(id), by, now, &Entry::of("issue")).await?;
    Ok(id)
}

/// A paper that lies in the store.
#[derive(Debug, Clone, Copy)]
pub struct Paper<'a> {
    /// Where it lies.
    pub object_key: &'a str,
    /// SHA-256, hexadecimal.
    pub sha256: &'a str,
    /// Its size.
    pub size_bytes: i64,
    /// The key that signed it.
    pub key_id: &'a str,
}

/// Notes where the paper of a version lies; the first answer stays, so a repeated job changes nothing.
pub async fn set_paper(tx: &Tx, id: CertificateId, version: i64, paper: Paper<'_>) -> DbResult<()> {
    tx.run(
        "UPDATE certificate_version SET object_key = $1, sha256 = $2, size_bytes = $3, key_id = $4 \
         WHERE certificate_id = $5 AND version = $6 AND object_key IS NULL",
        params![paper.object_key, paper.sha256, paper.size_bytes, paper.key_id, id, version],
    )
    .await?;
    Ok(())
}

/// One version of a certificate.
#[derive(Debug, Clone, crate::Row)]
pub struct Version {
    /// Its number, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
    /// Where its PDF lies; none while the job has not made it.
    pub object_key: Option<String>,
    /// SHA-256 of the PDF.
    pub sha256: Option<String>,
}

const VERSION: &str = "SELECT v.version, v.created_at, v.object_key, v.sha256 FROM certificate_version v";

/// The versions of a certificate in scope, the newest first.
pub async fn versions(source: &impl Source, id: CertificateId) -> DbResult<Vec<Version>> {
    rows(source.connection(), &format!("{VERSION} WHERE v.certificate_id = $1 ORDER BY v.version DESC"), params![id])
        .await
}

/// One version of a certificate in scope.
pub async fn version(source: &impl Source, id: CertificateId, version: i64) -> DbResult<Version> {
    let sql = format!("{VERSION} WHERE v.certificate_id = $1 AND v.version = $2");
    row(source.connection(), &sql, params![id, version]).await?.ok_or(DbError::NotFound)
}

/// The frozen content of one version, JSON, for everybody; none when there is no such version.
pub async fn sheet_of(source: &impl Source, id: CertificateId, version: i64) -> DbResult<Option<String>> {
    #[derive(crate::Row)]
    struct Columns {
        sheet: String,
    }
    let sql = "SELECT sheet FROM certificate_version WHERE certificate_id = $1 AND version = $2";
    let found: Option<Columns> = row(source.connection(), sql, params![id, version]).await?;
    Ok(found.map(|c| c.sheet))
}

/// A version by the hash of its paper, for everybody: certificate and version.
pub async fn by_paper(source: &impl Source, sha256: &str) -> DbResult<Option<(CertificateId, i64)>> {
    #[derive(crate::Row)]
    struct Columns {
        certificate_id: CertificateId,
        version: i64,
    }
    let sql = "SELECT certificate_id, version FROM certificate_version WHERE sha256 = $1";
    let found: Option<Columns> = row(source.connection(), sql, params![sha256]).await?;
    Ok(found.map(|c| (c.certificate_id, c.version)))
}

/// The balance of a line.
#[derive(Debug, Clone, Copy, crate::Row)]
pub struct Line {
    /// 序号.
    pub ordinal: i64,
    /// 总 in 数量/重量.
    pub required: Quantity,
    /// 已核销.
    pub written_off: Quantity,
    /// 总 in HS 标准量.
    pub hs_required: Quantity,
    /// 已核销 in HS 标准量.
    pub hs_written_off: Quantity,
}

/// The balances of a certificate, in the order of the annex.
pub async fn lines(source: &impl Source, id: CertificateId) -> DbResult<Vec<Line>> {
    rows(
        source.connection(),
        "SELECT ordinal, required, written_off, hs_required, hs_written_off FROM certificate_item \
         WHERE certificate_id = $1 ORDER BY ordinal",
        params![id],
    )
    .await
}

/// A version whose holder has to be told something, perhaps: its day has come.
#[derive(Debug, Clone, crate::Row)]
pub struct Ending {
    /// The certificate.
    pub id: CertificateId,
    /// The version whose day has come.
    pub version: i64,
    /// The version in force.
    pub current: i64,
    /// 证明号.
    pub number: String,
    /// What its row says.
    pub state: CertificateState,
    /// Last day of the version in force.
    pub valid_to: Day,
    /// When the version was made.
    pub created_at: Instant,
    /// The day as it stands; see [`note_reminder`].
    pub remind_on: String,
    /// The application it was issued on.
    pub application_id: ApplicationId,
    /// 申请单号.
    pub application_number: Option<String>,
    /// Its holder.
    pub owner_id: AccountId,
    /// 申请单位.
    pub applicant_name: String,
    /// Whether a bureau entered the application.
    pub is_proxy: bool,
    /// The issuing bureau.
    pub bureau_code: BureauCode,
    /// Whether something is not written off yet.
    pub has_rest: bool,
    /// Whether something is written off, or declared and not yet confirmed.
    pub is_touched: bool,
}

/// Never again.
const NEVER: &str = "9999-12-31";

/// Versions whose day has come, or was not planned yet.
pub async fn endings(source: &impl Source, today: Day, most: i64) -> DbResult<Vec<Ending>> {
    let sql = format!(
        "SELECT c.id, v.version, c.version AS current, c.number, c.state, c.valid_to, v.created_at, v.remind_on, \
         c.application_id, a.number AS application_number, a.owner_id, a.applicant_name, \
         a.entered_by_bureau IS NOT NULL AS is_proxy, c.bureau_code, c.open_lines > 0 AS has_rest, \
         c.written_lines > 0 OR c.pending_lines > 0 AS is_touched \
         FROM certificate_version v JOIN certificate c ON c.id = v.certificate_id \
         JOIN application a ON a.id = c.application_id WHERE v.remind_on <= $1 ORDER BY v.remind_on LIMIT {most}"
    );
    rows(source.connection(), &sql, params![today]).await
}

/// Plans the next reminder of a version; false when somebody else did: every reminder goes once.
pub async fn note_reminder(tx: &Tx, of: &Ending, next: Option<Day>) -> DbResult<bool> {
    let next = next.map_or_else(|| NEVER.to_owned(), |day| day.to_string());
    let sql = "UPDATE certificate_version SET remind_on = $1 \
               WHERE certificate_id = $2 AND version = $3 AND remind_on = $4";
    Ok(tx.run(sql, params![next, of.id, of.version, of.remind_on.clone()]).await? == 1)
}

/// A version whose paper has not been made.
#[derive(Debug, Clone, crate::Row)]
pub struct VersionWithoutPaper {
    /// The version.
    pub version: i64,
    /// Its frozen content, JSON.
    pub sheet: String,
    /// When it was made.
    pub created_at: Instant,
}

/// The versions of a certificate whose papers have not been made, oldest first; for jobs.
pub async fn versions_without_paper(source: &impl Source, id: CertificateId) -> DbResult<Vec<VersionWithoutPaper>> {
    let sql = "SELECT version, sheet, created_at FROM certificate_version \
        WHERE certificate_id = $1 AND object_key IS NULL ORDER BY version";
    rows(source.connection(), sql, params![id]).await
}

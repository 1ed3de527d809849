//! 后续监管 of certificates: on-site visits, 尾差, 监管完结, and what is known of each for the next duty.

use domain::actor::Post;
use domain::certificate::{CertificateState, Validity};
use domain::ids::{AccountId, BureauCode, CertificateId, CertificateItemId, UsageFileId, VisitId};
use domain::ledger::EntryKind;
use domain::supervision::SupervisionFacts;
use domain::time::{Day, Instant};

use crate::audit::{self, By, Entry, Subject};
use crate::usage::{Owner, UsageFile, claim_files, lock, recount};
use crate::{DbError, DbResult, Source, Tx, number, params, row, rows};

#[derive(crate::Row)]
struct FactColumns {
    state: CertificateState,
    valid_from: Day,
    valid_to: Day,
    issued_at: Instant,
    written_lines: i64,
    open_lines: i64,
    unaccounted_lines: i64,
    waiting_since: Option<Instant>,
    judged_at: Option<Instant>,
    written_at: Option<Instant>,
    display_to: Option<Day>,
    supervision_closed_at: Option<Instant>,
    supervising_bureau: Option<BureauCode>,
}

/// A certificate under supervision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supervised {
    /// What decides its next duty.
    pub facts: SupervisionFacts,
    /// The bureau of the frozen step 后续监管.
    pub bureau: Option<BureauCode>,
    /// 监管完结.
    pub closed_at: Option<Instant>,
}

/// What is known of a certificate that was loaded in scope.
pub async fn facts(source: &impl Source, certificate: CertificateId) -> DbResult<Supervised> {
    let found: Option<FactColumns> = row(
        source.connection(),
        "SELECT c.state, c.valid_from, c.valid_to, c.issued_at, c.written_lines, c.open_lines, c.unaccounted_lines, \
         c.waiting_since, c.judged_at, c.written_at, a.display_to, c.supervision_closed_at, c.supervising_bureau \
         FROM certificate c JOIN application a ON a.id = c.application_id WHERE c.id = $1",
        params![certificate],
    )
    .await?;
    let f = found.ok_or(DbError::NotFound)?;
    Ok(Supervised {
        facts: SupervisionFacts {
            state: f.state,
            validity: Validity { from: f.valid_from, to: f.valid_to },
            issued_at: f.issued_at,
            written_lines: f.written_lines,
            open_lines: f.open_lines,
            unaccounted_lines: f.unaccounted_lines,
            waiting_since: f.waiting_since,
            judged_at: f.judged_at,
            written_at: f.written_at,
            display_to: f.display_to,
            closed: f.supervision_closed_at.is_some(),
        },
        bureau: f.supervising_bureau,
        closed_at: f.supervision_closed_at,
    })
}

/// An on-site visit as it is written down.
#[derive(Debug, Clone)]
pub struct NewVisit<'a> {
    /// The certificate.
    pub certificate: CertificateId,
    /// The key of its page: one visit for what it says, however often the button is clicked.
    pub creation_key: &'a str,
    /// 核查日期.
    pub visited_on: Day,
    /// 核查地点.
    pub place: String,
    /// 陪同人员.
    pub companions: String,
    /// 核查情况.
    pub findings: String,
    /// Its photos, waiting until now.
    pub files: &'a [UsageFileId],
}

/// Writes down a visit; the same one again, with the same key, changes nothing.
pub async fn add_visit(
    tx: &Tx,
    new: &NewVisit<'_>,
    officer: AccountId,
    bureau: &BureauCode,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    lock(tx, new.certificate).await?;
    let mut said = vec![new.visited_on.to_string(), new.place.clone(), new.companions.clone(), new.findings.clone()];
    said.extend(new.files.iter().map(ToString::to_string));
    let said: Vec<_> = said.iter().map(String::as_str).collect();
    let key = crate::identity(new.creation_key, &said);
    let there = number(
        &tx.0,
        "SELECT COUNT(*) FROM supervision_visit WHERE certificate_id = $1 AND creation_key = $2",
        params![new.certificate, key.clone()],
    )
    .await?;
    if there > 0 {
        return Ok(());
    }
    let id = tx
        .insert(
            "INSERT INTO supervision_visit (certificate_id, creation_key, visited_on, place, companions, findings, \
             officer_id, officer_name, bureau_code, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             RETURNING id",
            params![
                new.certificate,
                key,
                new.visited_on,
                new.place.clone(),
                new.companions.clone(),
                new.findings.clone(),
                officer,
                by.name.clone(),
                bureau.clone(),
                now
            ],
        )
        .await?;
    claim_files(tx, new.certificate, Owner::Visit(VisitId::new(id)), officer, new.files).await?;
    let detail = serde_json::json!({ "visit": id, "photos": new.files.len() }).to_string();
    record(tx, new.certificate, "supervision_visit", "", &detail, by, now).await
}

/// A visit in a list.
#[derive(Debug, Clone, crate::Row)]
pub struct Visit {
    /// Its id.
    pub id: VisitId,
    /// 核查日期.
    pub visited_on: Day,
    /// 核查地点.
    pub place: String,
    /// 陪同人员.
    pub companions: String,
    /// 核查情况.
    pub findings: String,
    /// Who was there.
    pub officer_name: String,
    /// For which bureau.
    pub bureau_code: BureauCode,
    /// When it was written down.
    pub created_at: Instant,
}

/// The newest visits of a certificate that was loaded in scope, with their photos.
pub async fn visits(
    source: &impl Source,
    certificate: CertificateId,
    limit: i64,
) -> DbResult<(Vec<Visit>, Vec<UsageFile>)> {
    let found: Vec<Visit> = rows(
        source.connection(),
        "SELECT id, visited_on, place, companions, findings, officer_name, bureau_code, created_at \
         FROM supervision_visit WHERE certificate_id = $1 ORDER BY visited_on DESC, id DESC LIMIT $2",
        params![certificate, limit],
    )
    .await?;
    let photos = rows(
        source.connection(),
        "SELECT f.id, c.application_id, f.record_id, f.visit_id, f.name, f.size_bytes, f.content_type, f.object_key, \
         f.taken_at, f.uploaded_at, f.removed_at FROM usage_file f JOIN supervision_visit v ON v.id = f.visit_id \
         JOIN certificate c ON c.id = v.certificate_id WHERE v.certificate_id = $1 ORDER BY f.id",
        params![certificate],
    )
    .await?;
    Ok((found, photos))
}

/// Closes the 尾差 of a line with a note: what is left is less than one unit, and no record can name it.
/// [`DbError::Refused`] when more is left, nothing, or it was closed before.
pub async fn close_tail(
    tx: &Tx,
    certificate: CertificateId,
    item: CertificateItemId,
    note: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    lock(tx, certificate).await?;
    let done = tx
        .run(
            "UPDATE certificate_item SET closed_tail = closed_tail + written_off - accounted, \
             accounted = written_off, tail_note = $1 WHERE id = $2 AND certificate_id = $3 \
             AND written_off - accounted BETWEEN 1 AND 99999",
            params![note, item, certificate],
        )
        .await?;
    if done == 0 {
        let why = "该产品没有可以说明的尾差：剩余数量须大于 0 且不足 1。请刷新后查看。";
        return Err(DbError::Refused(why.to_owned()));
    }
    enter_tail(tx, certificate, item, note, by, now).await?;
    recount(tx, certificate).await?;
    let detail = serde_json::json!({ "line": item }).to_string();
    record(tx, certificate, "close_tail", note, &detail, by, now).await
}

/// The entry of the ledger: what the tail was is the difference to the entry before.
async fn enter_tail(
    tx: &Tx,
    certificate: CertificateId,
    item: CertificateItemId,
    note: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    tx.run(
        "INSERT INTO ledger_entry (deed_key, ordinal, certificate_id, certificate_item_id, kind, pending, hs_pending, \
         written_off, hs_written_off, accounted, pending_after, hs_pending_after, written_off_after, \
         hs_written_off_after, accounted_after, actor_id, actor_name, bureau_code, customs_no, reason, at) \
         SELECT 'tail-' || CAST(i.id AS TEXT) || '-' || CAST(i.closed_tail AS TEXT), 0, i.certificate_id, i.id, \
         CAST($1 AS TEXT), 0, 0, 0, 0, i.accounted - e.accounted_after, i.pending, i.hs_pending, i.written_off, \
         i.hs_written_off, i.accounted, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), '', \
         CAST($5 AS TEXT), CAST($6 AS BIGINT) FROM certificate_item i JOIN ledger_entry e ON e.id = (SELECT \
         MAX(l.id) FROM ledger_entry l WHERE l.certificate_item_id = i.id) WHERE i.id = $7 AND i.certificate_id = $8",
        params![EntryKind::Tail, by.account, by.name.clone(), by.bureau.clone(), note, now, item, certificate],
    )
    .await?;
    Ok(())
}

/// The note of a closed 尾差.
#[derive(Debug, Clone, crate::Row)]
pub struct TailNote {
    /// The line.
    pub item: CertificateItemId,
    /// Why it is right.
    pub note: String,
}

/// The notes of the closed 尾差 of a certificate that was loaded in scope.
pub async fn tail_notes(source: &impl Source, certificate: CertificateId) -> DbResult<Vec<TailNote>> {
    let sql =
        "SELECT id AS item, tail_note AS note FROM certificate_item WHERE certificate_id = $1 AND closed_tail > 0";
    rows(source.connection(), sql, params![certificate]).await
}

/// 监管完结. [`DbError::Refused`] says what stands in the way.
pub async fn close(tx: &Tx, certificate: CertificateId, opinion: &str, by: &By, now: Instant) -> DbResult<()> {
    lock(tx, certificate).await?;
    if let Some(why) = facts(tx, certificate).await?.facts.obstacle_to_closing(now) {
        return Err(DbError::Refused(format!("{why}。")));
    }
    let sql = "UPDATE certificate SET supervision_closed_at = $1 WHERE id = $2 AND supervision_closed_at IS NULL";
    if tx.run(sql, params![now, certificate]).await? == 0 {
        return Err(DbError::Overtaken("该证明已经监管完结".to_owned()));
    }
    record(tx, certificate, "close_supervision", opinion, "", by, now).await
}

async fn record(
    tx: &Tx,
    certificate: CertificateId,
    action: &str,
    opinion: &str,
    detail: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let entry = Entry { post: Some(Post::Supervise), opinion, detail, ..Entry::of(action) };
    audit::record(tx, Subject::Certificate(certificate), by, now, &entry).await
}

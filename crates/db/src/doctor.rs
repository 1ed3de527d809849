//! `mianban doctor`: recomputes what must agree and says what does not.

use domain::ids::{AccountId, ApplicationId, CertificateId, JobId, PortSystemId};

use crate::audit::{Subject, first_break, first_broken_checkpoint, head, trail};
use crate::{Db, DbResult, params};

/// What was looked at and what was found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Findings {
    /// How many audit chains were walked.
    pub chains: u64,
    /// How many audit checkpoints were checked.
    pub checkpoints: u64,
    /// How many certificate lines were checked.
    pub lines: u64,
    /// Each fault, as a sentence for the operator.
    pub faults: Vec<String>,
}

#[derive(crate::Row)]
struct SubjectRow {
    subject_kind: String,
    subject_id: i64,
}

/// Walks every audit chain, checks every balance, and adds up the ledger.
pub async fn examine(db: &Db) -> DbResult<Findings> {
    let read = db.read();
    let mut out = Findings::default();
    let mut after = (String::new(), 0_i64);
    loop {
        let page: Vec<SubjectRow> = read
            .rows(
                "SELECT subject_kind, subject_id FROM audit \
                 WHERE subject_kind > $1 OR (subject_kind = $1 AND subject_id > $2) \
                 GROUP BY subject_kind, subject_id ORDER BY subject_kind, subject_id LIMIT 500",
                params![after.0.clone(), after.1],
            )
            .await?;
        let Some(last) = page.last() else { break };
        after = (last.subject_kind.clone(), last.subject_id);
        for s in &page {
            let subject = match s.subject_kind.as_str() {
                "application" => Subject::Application(ApplicationId::new(s.subject_id)),
                "certificate" => Subject::Certificate(CertificateId::new(s.subject_id)),
                "port_system" => Subject::PortSystem(PortSystemId::new(s.subject_id)),
                "job" => Subject::Job(JobId::new(s.subject_id)),
                _ => Subject::Account(AccountId::new(s.subject_id)),
            };
            out.chains += 1;
            let rows = trail(&read, subject).await?;
            if let Some(at) = first_break(subject, &rows) {
                out.faults.push(format!("audit chain of {} {} is broken at row {at}", s.subject_kind, s.subject_id));
            }
            // The subject's own row knows the newest hash: rows cut off at the end are missed too.
            let newest = rows.last().map(|d| d.hash.as_str());
            if head(&read, subject).await?.is_some_and(|h| Some(h.as_str()) != newest) {
                out.faults.push(format!("audit chain of {} {} lacks its end", s.subject_kind, s.subject_id));
            }
        }
    }
    let (broken, checkpoints) = first_broken_checkpoint(&read).await?;
    out.checkpoints = checkpoints;
    if let Some(id) = broken {
        out.faults.push(format!("audit checkpoint {id} does not fit the rows it covers"));
    }
    out.lines =
        u64::try_from(read.number("SELECT COUNT(*) FROM certificate_item", params![]).await?).unwrap_or_default();
    let unsound = read
        .number(
            "SELECT COUNT(*) FROM certificate_item WHERE written_off > required OR hs_written_off > hs_required \
             OR accounted > written_off OR pending < 0 OR hs_pending < 0 OR written_off < 0",
            params![],
        )
        .await?;
    if unsound > 0 {
        out.faults.push(format!("{unsound} certificate lines have an impossible balance"));
    }
    let miscounted = read
        .number(
            "SELECT COUNT(*) FROM certificate c JOIN (SELECT certificate_id, COUNT(*) AS lines, \
             COUNT(CASE WHEN written_off < required THEN 1 END) AS open_lines, \
             COUNT(CASE WHEN written_off > 0 OR hs_written_off > 0 THEN 1 END) AS written_lines, \
             COUNT(CASE WHEN pending > 0 OR hs_pending > 0 THEN 1 END) AS pending_lines, \
             COUNT(CASE WHEN written_off > accounted THEN 1 END) AS unaccounted_lines \
             FROM certificate_item GROUP BY certificate_id) n ON n.certificate_id = c.id \
             WHERE c.lines <> n.lines OR c.open_lines <> n.open_lines OR c.written_lines <> n.written_lines \
             OR c.pending_lines <> n.pending_lines OR c.unaccounted_lines <> n.unaccounted_lines",
            params![],
        )
        .await?;
    if miscounted > 0 {
        out.faults.push(format!("{miscounted} certificates count their lines wrongly"));
    }
    // What the ledger says of each line, and what its entries say of each other.
    let unbalanced = read
        .number(
            "SELECT COUNT(*) FROM certificate_item i LEFT JOIN (SELECT certificate_item_id, \
             CAST(SUM(pending) AS BIGINT) AS pending, CAST(SUM(hs_pending) AS BIGINT) AS hs_pending, \
             CAST(SUM(written_off) AS BIGINT) AS written_off, CAST(SUM(hs_written_off) AS BIGINT) AS hs_written_off, \
             CAST(SUM(accounted) AS BIGINT) AS accounted, MAX(id) AS last_id FROM ledger_entry \
             GROUP BY certificate_item_id) s ON s.certificate_item_id = i.id \
             LEFT JOIN ledger_entry e ON e.id = s.last_id \
             WHERE i.pending <> COALESCE(s.pending, 0) OR i.hs_pending <> COALESCE(s.hs_pending, 0) \
             OR i.written_off <> COALESCE(s.written_off, 0) OR i.hs_written_off <> COALESCE(s.hs_written_off, 0) \
             OR i.accounted <> COALESCE(s.accounted, 0) OR i.pending <> COALESCE(e.pending_after, 0) \
             OR i.hs_pending <> COALESCE(e.hs_pending_after, 0) OR i.written_off <> COALESCE(e.written_off_after, 0) \
             OR i.hs_written_off <> COALESCE(e.hs_written_off_after, 0) \
             OR i.accounted <> COALESCE(e.accounted_after, 0)",
            params![],
        )
        .await?;
    if unbalanced > 0 {
        out.faults.push(format!("{unbalanced} certificate lines differ from the sum of their ledger entries"));
    }
    let lent = read
        .number(
            "SELECT COUNT(*) FROM certificate_item i LEFT JOIN (SELECT certificate_item_id, \
             CAST(SUM(qty) AS BIGINT) AS qty, CAST(SUM(hs_qty) AS BIGINT) AS hs_qty FROM pre_write_off_item \
             WHERE state = 'pending' GROUP BY certificate_item_id) p ON p.certificate_item_id = i.id \
             WHERE i.pending <> COALESCE(p.qty, 0) OR i.hs_pending <> COALESCE(p.hs_qty, 0)",
            params![],
        )
        .await?;
    if lent > 0 {
        out.faults.push(format!("{lent} certificate lines reserve other quantities than are declared and pending"));
    }
    let astray = read
        .number(
            "SELECT COUNT(*) FROM certificate c WHERE (c.state = 'amending') <> EXISTS (SELECT 1 \
             FROM certificate_amendment m WHERE m.certificate_id = c.id AND m.state IN ('opened', 'submitted', 'sent_back')) \
             OR c.version <> (SELECT MAX(v.version) FROM certificate_version v WHERE v.certificate_id = c.id)",
            params![],
        )
        .await?;
    if astray > 0 {
        out.faults.push(format!("{astray} certificates do not agree with their amendments or versions"));
    }
    // U + R + D of each line, and its closed 尾差, are what the records say (I6, D2).
    let unexplained = read
        .number(
            "SELECT COUNT(*) FROM certificate_item i LEFT JOIN (SELECT l.certificate_item_id, \
             CAST(SUM(l.qty) AS BIGINT) AS qty FROM usage_line l JOIN usage_record r ON r.id = l.record_id \
             WHERE r.state IN ('submitted', 'approved') GROUP BY l.certificate_item_id) u \
             ON u.certificate_item_id = i.id WHERE i.accounted <> COALESCE(u.qty, 0) + i.closed_tail",
            params![],
        )
        .await?;
    if unexplained > 0 {
        out.faults.push(format!("{unexplained} certificate lines account for other quantities than their records"));
    }
    let miscounted = crate::statistics::miscounted(read).await?;
    if miscounted > 0 {
        out.faults.push(format!("{miscounted} cells of the statistics differ from the facts that they count"));
    }
    let issued_without = read
        .number(
            "SELECT COUNT(*) FROM application a WHERE a.state = 'issued' \
             AND NOT EXISTS (SELECT 1 FROM certificate c WHERE c.application_id = a.id)",
            params![],
        )
        .await?;
    if issued_without > 0 {
        out.faults.push(format!("{issued_without} issued applications have no certificate"));
    }
    let outdated = read
        .number(
            "SELECT COUNT(*) FROM application_viewer v JOIN application a ON a.id = v.application_id \
             WHERE v.state <> a.state",
            params![],
        )
        .await?;
    if outdated > 0 {
        out.faults
            .push(format!("{outdated} entries of the lists of bureaus have another state than their application"));
    }
    let estranged = read
        .number(
            "SELECT (SELECT COUNT(*) FROM certificate c JOIN application a ON a.id = c.application_id \
             WHERE c.owner_id IS NULL OR c.owner_id <> a.owner_id \
             OR c.organisation_id IS NULL OR c.organisation_id <> a.organisation_id) \
             + (SELECT COUNT(*) FROM application a JOIN account w ON w.id = a.owner_id \
             WHERE w.organisation_id IS NULL OR w.organisation_id <> a.organisation_id)",
            params![],
        )
        .await?;
    if estranged > 0 {
        out.faults.push(format!("{estranged} applications or certificates belong to another than their owner"));
    }
    Ok(out)
}

//! `mianban doctor`: recomputes what must agree and says what does not. Rows are read in pages, so that a run over a large
//! database needs little memory. Files and keys lie outside; the program compares them with [`files_after`].

use domain::ids::{AccountId, ApplicationId, CertificateId, JobId, PortSystemId};

use crate::audit::{Subject, first_break_after, first_broken_checkpoint, head, trail_after};
use crate::{Db, DbResult, Reader, Tx, params};

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
            let (newest, broken) = walk(read, subject).await?;
            if let Some(at) = broken {
                out.faults.push(format!("audit chain of {} {} is broken at row {at}", s.subject_kind, s.subject_id));
            }
            // The subject's own row knows the newest hash: rows cut off at the end are missed too.
            if head(&read, subject).await?.is_some_and(|h| h != newest) {
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
    let unread = read
        .number(
            "SELECT COUNT(*) FROM letter l WHERE l.sent_at IS NULL AND l.failure IS NULL \
             AND NOT EXISTS (SELECT 1 FROM job j WHERE j.id = l.job_id)",
            params![],
        )
        .await?;
    if unread > 0 {
        out.faults.push(format!("{unread} letters wait for a job that is not there"));
    }
    Ok(out)
}

/// Walks the audit chain of a subject: its newest hash, and its first row that does not fit.
async fn walk(read: Reader<'_>, subject: Subject) -> DbResult<(String, Option<i64>)> {
    let (mut newest, mut after, mut broken) = (String::new(), 0, None);
    loop {
        let page = trail_after(&read, subject, after).await?;
        broken = broken.or_else(|| first_break_after(subject, &newest, &page));
        let Some(last) = page.last() else { return Ok((newest, broken)) };
        (newest, after) = (last.hash.clone(), last.id);
    }
}

/// A file as its row knows it.
#[derive(Debug, Clone, crate::Row)]
pub struct StoredFile {
    /// The row: its id, for a paper the certificate's.
    pub id: i64,
    /// The version of a paper; 0 for everything else.
    pub version: i64,
    /// Where the file lies.
    pub object_key: String,
    /// Its size; -1 when the row does not know it.
    pub size_bytes: i64,
    /// SHA-256, hexadecimal; blank when the row does not know it.
    pub sha256: String,
    /// The key that signed it, of papers; blank when that is not noted.
    pub key_id: String,
}

/// A table whose rows name files.
#[derive(Debug, Clone, Copy)]
pub struct FileTable {
    /// Its name.
    pub name: &'static str,
    columns: &'static str,
    condition: &'static str,
}

const PLAIN: &str = "id, CAST(0 AS BIGINT) AS version, object_key, size_bytes, sha256, '' AS key_id";

const fn plain(name: &'static str) -> FileTable {
    FileTable { name, columns: PLAIN, condition: "" }
}

/// The name of the table of papers, which have a version beside their id.
pub const PAPERS: &str = "certificate_version";

/// All tables whose rows name files.
pub const FILE_TABLES: [FileTable; 8] = [
    plain("attachment"),
    FileTable {
        name: PAPERS,
        columns: "certificate_id AS id, version, object_key, COALESCE(size_bytes, -1) AS size_bytes, \
                  COALESCE(sha256, '') AS sha256, key_id",
        condition: " AND object_key IS NOT NULL",
    },
    plain("paper_scan"),
    plain("case_note_file"),
    plain("bulletin_file"),
    plain("usage_file"),
    plain("organisation_proof"),
    FileTable {
        name: "export",
        columns: "id, CAST(0 AS BIGINT) AS version, object_key, size_bytes, '' AS sha256, '' AS key_id",
        condition: " AND state = 'done' AND object_key <> ''",
    },
];

/// The next files of a table behind the row `after` (id and version).
pub async fn files_after(read: Reader<'_>, table: FileTable, after: (i64, i64)) -> DbResult<Vec<StoredFile>> {
    let FileTable { name, columns, condition } = table;
    if name == PAPERS {
        let sql = format!(
            "SELECT {columns} FROM {name} WHERE (certificate_id > $1 OR (certificate_id = $1 AND version > $2)){condition} \
             ORDER BY certificate_id, version LIMIT 1000"
        );
        return read.rows(&sql, params![after.0, after.1]).await;
    }
    let sql = format!("SELECT {columns} FROM {name} WHERE id > $1{condition} ORDER BY id LIMIT 1000");
    read.rows(&sql, params![after.0]).await
}

/// Whether the row still names this file: it may have gone while the store was read.
pub async fn still_names(read: Reader<'_>, table: FileTable, file: &StoredFile) -> DbResult<bool> {
    let of_row = if table.name == PAPERS { "certificate_id = $1 AND version = $2" } else { "id = $1 AND $2 = 0" };
    let sql = format!("SELECT COUNT(*) FROM {} WHERE {of_row} AND object_key = $3", table.name);
    let values = params![file.id, file.version, file.object_key.clone()];
    Ok(read.number(&sql, values).await? > 0)
}

/// Notes which key signed a paper that was made before this was noted.
pub async fn note_signer(tx: &Tx, paper: &StoredFile, key_id: &str) -> DbResult<()> {
    let sql = "UPDATE certificate_version SET key_id = $1 WHERE certificate_id = $2 AND version = $3 AND key_id = ''";
    tx.run(sql, params![key_id, paper.id, paper.version]).await?;
    Ok(())
}

/// A job that is not done yet.
#[derive(Debug, Clone, crate::Row)]
pub struct OpenJob {
    /// Its id.
    pub id: i64,
    /// Its data as JSON.
    pub payload: String,
}

/// The next jobs of a kind that are not done, behind the job `after`.
pub async fn open_jobs_after(read: Reader<'_>, kind: &str, after: i64) -> DbResult<Vec<OpenJob>> {
    let sql = "SELECT id, payload FROM job WHERE kind = $1 AND state <> 'done' AND id > $2 ORDER BY id LIMIT 500";
    read.rows(sql, params![kind, after]).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDb;

    /// A new table with files is examined and backed up like the others, or this fails.
    #[tokio::test]
    async fn every_table_that_names_files_is_known() {
        #[derive(crate::Row)]
        struct Table {
            name: String,
        }
        let sql = "SELECT m.name AS name FROM sqlite_schema m JOIN pragma_table_info(m.name) c ON c.name = 'object_key' \
                   WHERE m.type = 'table' ORDER BY m.name";
        let test = TestDb::sqlite().await;
        let found: Vec<Table> = test.db.read().rows(sql, params![]).await.unwrap();
        // What waits there belongs to no row.
        let found: Vec<_> = found.into_iter().map(|t| t.name).filter(|n| n != "orphaned_object").collect();
        let mut known: Vec<_> = FILE_TABLES.iter().map(|t| t.name.to_owned()).collect();
        known.sort_unstable();
        assert_eq!(found, known);
        for test in TestDb::each().await {
            for table in FILE_TABLES {
                assert!(files_after(test.db.read(), table, (0, 0)).await.unwrap().is_empty(), "{}", table.name);
            }
        }
    }
}

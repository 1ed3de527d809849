//! Systems of ports that report write-offs by machine, and the batches in which write-offs are handed in.
//!
//! Each line of a batch is decided in a transaction of its own, together with the deed: a batch that broke off is taken up
//! where it ended, and one that comes again is answered with the first result.

use std::collections::BTreeMap;

use domain::certificate::CertificateState;
use domain::ids::{
    AccountId, BureauCode, CertificateId, CertificateItemId, PortCode, PortSystemId, PreWriteOffItemId, WriteOffBatchId,
};
use domain::ledger::PreWriteOffState;
use domain::number::CertificateNumber;
use domain::quantity::Quantity;
use domain::time::{Day, Instant};

use crate::audit::{self, By, Entry, Subject};
use crate::{DbError, DbResult, Source, Tx, Value, params, placeholders, row, rows};

/// A system that may report write-offs for its bureau.
#[derive(Debug, Clone, crate::Row)]
pub struct PortSystem {
    /// Its id.
    pub id: PortSystemId,
    /// The bureau for which it writes off.
    pub bureau_code: BureauCode,
    /// Its name, as ledger and audit trail show it.
    pub name: String,
    /// Its ports, with a blank between their codes; blank = every port of the bureau.
    pub ports: String,
    /// SHA-256 of the secret of its key.
    pub key_hash: String,
    /// When its key was made.
    pub key_made_at: Instant,
    /// When it was made known.
    pub created_at: Instant,
    /// Since when its key opens nothing; none while it does.
    pub disabled_at: Option<Instant>,
}

impl PortSystem {
    /// Whether goods at this port of its bureau are its business.
    pub fn serves(&self, port: &str) -> bool {
        self.ports.is_empty() || self.ports.split(' ').any(|own| own == port)
    }
}

const SYSTEM: &str =
    "SELECT id, bureau_code, name, ports, key_hash, key_made_at, created_at, disabled_at FROM port_system";

/// A system that is made known.
#[derive(Debug, Clone, Copy)]
pub struct NewPortSystem<'a> {
    /// The bureau for which it writes off.
    pub bureau: &'a BureauCode,
    /// Its name.
    pub name: &'a str,
    /// Its ports; none = every port of the bureau.
    pub ports: &'a [PortCode],
    /// SHA-256 of the secret of its key.
    pub key_hash: &'a str,
}

/// Makes a system known. [`DbError::Duplicate`] when the bureau has one of this name.
pub async fn create(tx: &Tx, new: &NewPortSystem<'_>, by: &By, now: Instant) -> DbResult<PortSystemId> {
    let ports: Vec<_> = new.ports.iter().map(PortCode::as_str).collect();
    let sql = "INSERT INTO port_system (bureau_code, name, ports, key_hash, key_made_at, created_at) \
               VALUES ($1, $2, $3, $4, $5, $5) RETURNING id";
    let values = params![new.bureau.clone(), new.name, ports.join(" "), new.key_hash, now];
    let id = PortSystemId::new(tx.insert(sql, values).await?);
    let detail = serde_json::json!({ "bureau": new.bureau, "name": new.name, "ports": ports }).to_string();
    record(tx, id, "open_port_system", &detail, by, now).await?;
    Ok(id)
}

/// All systems, by bureau and name.
pub async fn all(source: &impl Source) -> DbResult<Vec<PortSystem>> {
    rows(source.connection(), &format!("{SYSTEM} ORDER BY bureau_code, name"), params![]).await
}

/// The system of this id, unless its key opens nothing any more.
pub async fn enabled(source: &impl Source, id: PortSystemId) -> DbResult<Option<PortSystem>> {
    row(source.connection(), &format!("{SYSTEM} WHERE id = $1 AND disabled_at IS NULL"), params![id]).await
}

/// A new key in place of the old one, which opens nothing from now on. [`DbError::NotFound`] when there is no such system,
/// or it is switched off.
pub async fn rotate(tx: &Tx, id: PortSystemId, key_hash: &str, by: &By, now: Instant) -> DbResult<()> {
    let sql = "UPDATE port_system SET key_hash = $1, key_made_at = $2 WHERE id = $3 AND disabled_at IS NULL";
    if tx.run(sql, params![key_hash, now, id]).await? == 0 {
        return Err(DbError::NotFound);
    }
    record(tx, id, "renew_port_system_key", "", by, now).await
}

/// From now on its key opens nothing; what it wrote off stays. [`DbError::NotFound`] when there is no such system, or it is
/// switched off already.
pub async fn disable(tx: &Tx, id: PortSystemId, by: &By, now: Instant) -> DbResult<()> {
    let sql = "UPDATE port_system SET disabled_at = $1 WHERE id = $2 AND disabled_at IS NULL";
    if tx.run(sql, params![now, id]).await? == 0 {
        return Err(DbError::NotFound);
    }
    record(tx, id, "close_port_system", "", by, now).await
}

async fn record(tx: &Tx, id: PortSystemId, action: &str, detail: &str, by: &By, now: Instant) -> DbResult<()> {
    audit::record(tx, Subject::PortSystem(id), by, now, &Entry { detail, ..Entry::of(action) }).await
}

/// Who hands a batch in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A system.
    System(PortSystemId),
    /// An officer, with a file.
    Officer(AccountId),
}

impl Sender {
    /// Numbers of batches are those of one system, or of all officers of a bureau.
    const fn series(self) -> i64 {
        match self {
            Self::System(id) => id.get(),
            Self::Officer(_) => 0,
        }
    }
}

/// A batch that arrives.
#[derive(Debug, Clone, Copy)]
pub struct NewBatch<'a> {
    /// For which bureau.
    pub bureau: &'a BureauCode,
    /// 批次号.
    pub number: &'a str,
    /// SHA-256 of its content.
    pub digest: &'a str,
    /// How many lines it has.
    pub lines: i64,
    /// Who handed it in, by name.
    pub source: &'a str,
    /// Who handed it in.
    pub sender: Sender,
}

/// A batch that arrived.
#[derive(Debug, Clone, crate::Row)]
pub struct Batch {
    /// Its id.
    pub id: WriteOffBatchId,
    /// 批次号.
    pub number: String,
    /// SHA-256 of its content.
    pub digest: String,
    /// How many lines it has.
    pub lines: i64,
    /// Who handed it in first, by name.
    pub source: String,
    /// When it came first.
    pub received_at: Instant,
}

const BATCH: &str = "SELECT id, number, digest, lines, source, received_at FROM write_off_batch";

/// The sentence for a number that was used for another content.
pub fn used_for_another(batch: &Batch) -> String {
    format!(
        "批次号 {} 已用于另一份内容（{} 收到，{} 行），本次没有处理。请核对后使用新的批次号。",
        batch.number,
        batch.received_at.china(),
        batch.lines
    )
}

/// Notes a batch, or finds the one that came before under its number: the second value says which.
/// [`DbError::Refused`] when that one had another content.
pub async fn receive(tx: &Tx, new: &NewBatch<'_>, now: Instant) -> DbResult<(Batch, bool)> {
    let (system, officer) = match new.sender {
        Sender::System(id) => (Some(id), None),
        Sender::Officer(id) => (None, Some(id)),
    };
    let sql = "INSERT INTO write_off_batch (bureau_code, number, digest, lines, source, port_system_id, account_id, \
               received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let bureau = new.bureau.clone();
    let inserted =
        tx.run(sql, params![bureau, new.number, new.digest, new.lines, new.source, system, officer, now]).await?;
    let batch = find(tx, new.bureau, new.sender, new.number).await?.ok_or(DbError::NotFound)?;
    if batch.digest == new.digest {
        Ok((batch, inserted == 0))
    } else {
        Err(DbError::Refused(used_for_another(&batch)))
    }
}

/// The batch of a number, among those of its sender.
pub async fn find(source: &impl Source, bureau: &BureauCode, sender: Sender, number: &str) -> DbResult<Option<Batch>> {
    let sql = format!("{BATCH} WHERE bureau_code = $1 AND COALESCE(port_system_id, 0) = $2 AND number = $3");
    row(source.connection(), &sql, params![bureau.clone(), sender.series(), number]).await
}

/// A batch of a bureau.
pub async fn get(source: &impl Source, bureau: &BureauCode, id: WriteOffBatchId) -> DbResult<Batch> {
    let sql = format!("{BATCH} WHERE bureau_code = $1 AND id = $2");
    row(source.connection(), &sql, params![bureau.clone(), id]).await?.ok_or(DbError::NotFound)
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct Decided {
    /// Its place in the batch, from 1.
    pub ordinal: i64,
    /// What was handed in, as JSON.
    pub content: String,
    /// Why it was rejected; none = accepted.
    pub reason: Option<String>,
}

const DECIDED: &str = "SELECT ordinal, content, reason FROM write_off_batch_line WHERE batch_id = $1";

/// What became of the lines of a batch so far, in their order.
pub async fn decided(source: &impl Source, batch: WriteOffBatchId) -> DbResult<Vec<Decided>> {
    rows(source.connection(), &format!("{DECIDED} ORDER BY ordinal"), params![batch]).await
}

/// A page of them, of all or of the rejected ones.
pub async fn decided_page(
    source: &impl Source,
    batch: WriteOffBatchId,
    only_rejected: bool,
    (limit, offset): (i64, i64),
) -> DbResult<Vec<Decided>> {
    let which = if only_rejected { " AND reason IS NOT NULL" } else { "" };
    let sql = format!("{DECIDED}{which} ORDER BY ordinal LIMIT $2 OFFSET $3");
    rows(source.connection(), &sql, params![batch, limit, offset]).await
}

/// How many lines were accepted so far, and how many rejected.
pub async fn tally(source: &impl Source, batch: WriteOffBatchId) -> DbResult<(i64, i64)> {
    #[derive(crate::Row)]
    struct Tally {
        accepted: i64,
        rejected: i64,
    }
    let sql = "SELECT COUNT(CASE WHEN reason IS NULL THEN 1 END) AS accepted, COUNT(reason) AS rejected \
               FROM write_off_batch_line WHERE batch_id = $1";
    let found: Option<Tally> = row(source.connection(), sql, params![batch]).await?;
    Ok(found.map_or((0, 0), |t| (t.accepted, t.rejected)))
}

/// Notes what became of a line, in the transaction that did it; false when it was decided before, and then the deed must
/// not be done.
pub async fn decide(tx: &Tx, batch: WriteOffBatchId, line: &Decided, now: Instant) -> DbResult<bool> {
    let sql = "INSERT INTO write_off_batch_line (batch_id, ordinal, content, reason, decided_at) \
               VALUES ($1, $2, $3, $4, $5) ON CONFLICT (batch_id, ordinal) DO NOTHING";
    let values = params![batch, line.ordinal, line.content.clone(), line.reason.clone(), now];
    Ok(tx.run(sql, values).await? == 1)
}

/// Notes that the holders were told of a batch whose lines are all decided; false when they had been.
pub async fn tell(tx: &Tx, batch: WriteOffBatchId, now: Instant) -> DbResult<bool> {
    let sql = "UPDATE write_off_batch SET told_at = $1 WHERE id = $2 AND told_at IS NULL";
    Ok(tx.run(sql, params![now, batch]).await? == 1)
}

/// A product of a certificate, found by 证明号 and 序号.
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct Named {
    /// 证明号.
    pub number: String,
    /// The certificate.
    pub certificate: CertificateId,
    /// How it stands.
    pub state: CertificateState,
    /// Its first day.
    pub valid_from: Day,
    /// Its last day.
    pub valid_to: Day,
    /// 序号 that was asked for.
    pub ordinal: i64,
    /// Its line; none when the annex has no such 序号.
    pub line: Option<CertificateItemId>,
}

/// So many are looked up by one statement.
const AT_ONCE: usize = 200;

/// The products with these 证明号 and 序号; a certificate that does not exist is missing in the answer.
pub async fn named(
    source: &impl Source,
    asked: &[(CertificateNumber, i64)],
) -> DbResult<BTreeMap<(String, i64), Named>> {
    let mut all = BTreeMap::new();
    for asked in asked.chunks(AT_ONCE) {
        let mut marks = placeholders(1);
        let mut values = Vec::with_capacity(asked.len() * 2);
        let mut tuples = Vec::with_capacity(asked.len());
        for (number, ordinal) in asked {
            let (number_mark, ordinal_mark) = (marks.next(), marks.next());
            let (Some(n), Some(o)) = (number_mark, ordinal_mark) else { break };
            tuples.push(format!("(CAST({n} AS TEXT), CAST({o} AS BIGINT))"));
            values.push(Value::from(number.as_str()));
            values.push(Value::from(*ordinal));
        }
        let sql = format!(
            "WITH v (number, ordinal) AS (VALUES {}) SELECT c.number, c.id AS certificate, c.state, c.valid_from, \
             c.valid_to, v.ordinal, i.id AS line FROM v JOIN certificate c ON c.number = v.number \
             LEFT JOIN certificate_item i ON i.certificate_id = c.id AND i.ordinal = v.ordinal",
            tuples.join(", ")
        );
        let found: Vec<Named> = rows(source.connection(), &sql, values).await?;
        all.extend(found.into_iter().map(|n| ((n.number.clone(), n.ordinal), n)));
    }
    Ok(all)
}

/// A product of a 预核销, as it was declared.
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct Declared {
    /// Its id.
    pub id: PreWriteOffItemId,
    /// The line of the certificate.
    pub certificate_item_id: CertificateItemId,
    /// The bureau that decides.
    pub bureau_code: BureauCode,
    /// 口岸.
    pub port_code: PortCode,
    /// 报关单号; may be blank.
    pub customs_no: String,
    /// What became of it.
    pub state: PreWriteOffState,
    /// 数量/重量.
    pub qty: Quantity,
    /// HS 标准量.
    pub hs_qty: Quantity,
}

/// What was declared under these ids; the batch of a deed looks before it locks, because none of this but the state ever
/// changes, and the ledger looks at the state again.
pub async fn declared(
    source: &impl Source,
    ids: &[PreWriteOffItemId],
) -> DbResult<BTreeMap<PreWriteOffItemId, Declared>> {
    let mut all = BTreeMap::new();
    for ids in ids.chunks(AT_ONCE) {
        let marks: Vec<_> = placeholders(1).take(ids.len()).collect();
        let sql = format!(
            "SELECT i.id, i.certificate_item_id, i.bureau_code, b.port_code, b.customs_no, i.state, i.qty, i.hs_qty \
             FROM pre_write_off_item i JOIN pre_write_off b ON b.id = i.pre_write_off_id WHERE i.id IN ({})",
            marks.join(", ")
        );
        let values = ids.iter().map(|id| Value::from(*id)).collect();
        let found: Vec<Declared> = rows(source.connection(), &sql, values).await?;
        all.extend(found.into_iter().map(|d| (d.id, d)));
    }
    Ok(all)
}

/// A product of a 预核销 that waits for its bureau.
#[derive(Debug, Clone, crate::Row)]
pub struct Waiting {
    /// Its id.
    pub id: PreWriteOffItemId,
    /// 证明号.
    pub number: String,
    /// 序号 in the annex.
    pub ordinal: i64,
    /// 口岸.
    pub port_code: PortCode,
    /// 报关单号; may be blank.
    pub customs_no: String,
    /// 数量/重量.
    pub qty: Quantity,
    /// HS 标准量.
    pub hs_qty: Quantity,
    /// When it was declared.
    pub declared_at: Instant,
}

/// What waits for a bureau behind this item, in the order in which it was declared; of these ports, or of all.
pub async fn waiting(
    source: &impl Source,
    bureau: &BureauCode,
    ports: &[&str],
    after: PreWriteOffItemId,
    limit: i64,
) -> DbResult<Vec<Waiting>> {
    let marks: Vec<_> = placeholders(4).take(ports.len()).collect();
    let at = if ports.is_empty() { String::new() } else { format!(" AND b.port_code IN ({})", marks.join(", ")) };
    let sql = format!(
        "SELECT i.id, c.number, l.ordinal, b.port_code, b.customs_no, i.qty, i.hs_qty, i.declared_at \
         FROM pre_write_off_item i JOIN pre_write_off b ON b.id = i.pre_write_off_id \
         JOIN certificate c ON c.id = i.certificate_id JOIN certificate_item l ON l.id = i.certificate_item_id \
         WHERE i.bureau_code = $1 AND i.state = 'pending' AND i.id > $2{at} ORDER BY i.id LIMIT $3"
    );
    let values = params![bureau.clone(), after, limit];
    let values = values.into_iter().chain(ports.iter().map(|p| Value::from(*p))).collect();
    rows(source.connection(), &sql, values).await
}

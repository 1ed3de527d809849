//! The ledger of a certificate: 预核销 and 核销 (manual §2.8; workflow §3.5, §3.6; D1, D11, D12, D20).
//!
//! Each deed locks the certificate, changes the balances of its lines by one guarded statement, all or none, and leaves
//! an entry per line that is never changed again. A refused line says how much is left. The same key again finds what was
//! done the first time and changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use domain::actor::Post;
use domain::certificate::{CertificateState, Validity};
use domain::ids::{
    AccountId, BureauCode, CertificateId, CertificateItemId, LedgerEntryId, PortCode, PreWriteOffId, PreWriteOffItemId,
};
use domain::ledger::{Amounts, Balance, EntryKind, LineBalance, PreWriteOffState};
use domain::quantity::Quantity;
use domain::time::{Day, Instant};

use crate::audit::{self, By, Subject};
use crate::{DbError, DbResult, Source, Tx, Value, number, params, placeholders, row, rows};

/// Why a deed of the ledger was not done.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The certificate does not allow it, or the database said no.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Some lines refuse; nothing was done to any.
    #[error("{} lines refuse", .0.len())]
    Lines(Vec<LineRefusal>),
}

/// The answer of a deed.
pub type LedgerResult<T> = Result<T, LedgerError>;

/// A line that refuses, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRefusal {
    /// The line of the certificate.
    pub line: CertificateItemId,
    /// The product of a 预核销 that was to be decided.
    pub source: Option<PreWriteOffItemId>,
    /// Why.
    pub why: Why,
}

/// Why a line refuses; as a sentence that stands on its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// I2, I3: more than 总 − 已核销 − 待确认.
    #[error("超出可预核销数量：数量/重量最多 {}，HS 标准量最多 {}", .0.qty, .0.hs_qty)]
    BeyondDeclarable(Amounts),
    /// I1: more than 总 − 已核销.
    #[error("余量不足：数量/重量最多 {}，HS 标准量最多 {}", .0.qty, .0.hs_qty)]
    BeyondWritable(Amounts),
    /// I4: its 数量/重量 is written off.
    #[error("该产品的数量/重量已全部核销，不能再预核销或核销")]
    Finished,
    /// D11: more than was declared.
    #[error("不能超过预核销数量：数量/重量 {}，HS 标准量 {}", .0.qty, .0.hs_qty)]
    BeyondDeclared(Amounts),
    /// Neither of the two amounts is more than zero (D20).
    #[error("两种数量不能同时为零")]
    Nothing,
    /// Somebody decided or withdrew it before.
    #[error("该项{}，请刷新后查看", .0.label())]
    Decided(PreWriteOffState),
    /// I8: the line would be finished with HS 标准量 left over, and nobody said why.
    #[error("核销后数量/重量已完、HS 标准量还剩 {0}，请填写说明（尾差）")]
    TailNeedsNote(Quantity),
    /// E13: what is used, returned or destroyed cannot be taken out of the country's goods again.
    #[error("该产品已有 {0} 登记了使用、退运或销毁，冲销后已核销数量会不足，不能冲销")]
    InUse(Quantity),
}

/// What every deed has: a key of its own, who, and when.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// The same key again changes nothing.
    pub key: &'a str,
    /// Who.
    pub by: &'a By,
    /// When.
    pub now: Instant,
}

/// What became of a deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It had been done before, with this key.
    Before,
}

/// A line of a certificate with its balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Its id.
    pub id: CertificateItemId,
    /// 序号, that of the annex.
    pub ordinal: i64,
    /// Its balance.
    pub balance: LineBalance,
}

#[derive(crate::Row)]
struct LineColumns {
    id: CertificateItemId,
    ordinal: i64,
    required: Quantity,
    pending: Quantity,
    written_off: Quantity,
    accounted: Quantity,
    hs_required: Quantity,
    hs_pending: Quantity,
    hs_written_off: Quantity,
}

const LINE: &str = "id, ordinal, required, pending, written_off, accounted, hs_required, hs_pending, hs_written_off";

impl From<LineColumns> for Line {
    fn from(c: LineColumns) -> Self {
        let (required, pending, written_off) = (c.hs_required, c.hs_pending, c.hs_written_off);
        let hs = Balance { required, pending, written_off, accounted: Quantity::ZERO };
        let (required, pending, written_off) = (c.required, c.pending, c.written_off);
        let qty = Balance { required, pending, written_off, accounted: c.accounted };
        Self { id: c.id, ordinal: c.ordinal, balance: LineBalance { qty, hs } }
    }
}

/// The lines of a certificate that was loaded in scope, in the order of the annex.
pub async fn lines(source: &impl Source, certificate: CertificateId) -> DbResult<Vec<Line>> {
    let sql = format!("SELECT {LINE} FROM certificate_item WHERE certificate_id = $1 ORDER BY ordinal");
    let found: Vec<LineColumns> = rows(source.connection(), &sql, params![certificate]).await?;
    Ok(found.into_iter().map(Line::from).collect())
}

/// One line of a certificate that was loaded in scope.
pub async fn line(source: &impl Source, certificate: CertificateId, id: CertificateItemId) -> DbResult<Line> {
    let sql = format!("SELECT {LINE} FROM certificate_item WHERE certificate_id = $1 AND id = $2");
    let found: Option<LineColumns> = row(source.connection(), &sql, params![certificate, id]).await?;
    found.map(Line::from).ok_or(DbError::NotFound)
}

/// Some lines of a certificate.
async fn lines_among(tx: &Tx, certificate: CertificateId, ids: &[CertificateItemId]) -> DbResult<Vec<Line>> {
    let marks: Vec<_> = placeholders(2).take(ids.len()).collect();
    let sql = format!("SELECT {LINE} FROM certificate_item WHERE certificate_id = $1 AND id IN ({})", marks.join(", "));
    let values = params![certificate].into_iter().chain(ids.iter().map(|id| Value::from(*id))).collect();
    let found: Vec<LineColumns> = rows(&tx.0, &sql, values).await?;
    Ok(found.into_iter().map(Line::from).collect())
}

/// The lines of these ids, of any certificate: a read for who may see them all.
pub async fn lines_of(source: &impl Source, ids: &[CertificateItemId]) -> DbResult<Vec<Line>> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        let marks: Vec<_> = placeholders(1).take(ids.len()).collect();
        let sql = format!("SELECT {LINE} FROM certificate_item WHERE id IN ({})", marks.join(", "));
        let values = ids.iter().map(|id| Value::from(*id)).collect();
        let lines: Vec<LineColumns> = rows(source.connection(), &sql, values).await?;
        found.extend(lines.into_iter().map(Line::from));
    }
    Ok(found)
}

/// Why nothing is declared or written off on a certificate in this state (D13, D23); none while it is valid.
pub const fn closed(state: CertificateState) -> Option<&'static str> {
    match state {
        CertificateState::Valid => None,
        CertificateState::Amending => Some("证明正在修改，修改结束之前不能预核销和核销。"),
        CertificateState::Revoked => Some("该证明已被撤销，不能再预核销和核销。"),
        CertificateState::Surrendered => Some("该证明已注销，不能再预核销和核销。"),
    }
}

/// D12: a direct 核销 after the last day needs to say why.
pub const LATE_NEEDS_REASON: &str = "证明已过有效期，直接核销须填写理由。";

#[derive(crate::Row)]
struct Locked {
    state: CertificateState,
    valid_from: Day,
    valid_to: Day,
}

impl Locked {
    /// The certificate's row, which every deed of its ledger locks first.
    async fn of(tx: &Tx, id: CertificateId) -> DbResult<Self> {
        let sql = format!("SELECT state, valid_from, valid_to FROM certificate WHERE id = $1{}", tx.for_update());
        row(&tx.0, &sql, params![id]).await?.ok_or(DbError::NotFound)
    }

    /// D13, D23: while it is amended, and once it is revoked or given up, nothing is declared or written off.
    fn must_be_valid(&self) -> DbResult<()> {
        closed(self.state).map_or(Ok(()), |why| Err(DbError::Refused(why.to_owned())))
    }

    fn is_over(&self, now: Instant) -> bool {
        Validity { from: self.valid_from, to: self.valid_to }.is_over(now)
    }
}

/// What one entry does to a line, in smallest units, and where.
#[derive(Debug, Clone, Copy)]
struct Change<'a> {
    line: CertificateItemId,
    pending: i64,
    hs_pending: i64,
    written_off: i64,
    hs_written_off: i64,
    bureau: &'a BureauCode,
    port: Option<&'a PortCode>,
    customs_no: &'a str,
    source: Option<PreWriteOffItemId>,
    reverses: Option<LedgerEntryId>,
}

impl<'a> Change<'a> {
    const fn none(line: CertificateItemId, place: Place<'a>) -> Self {
        Self {
            line,
            pending: 0,
            hs_pending: 0,
            written_off: 0,
            hs_written_off: 0,
            bureau: place.bureau,
            port: Some(place.port),
            customs_no: place.customs_no,
            source: None,
            reverses: None,
        }
    }
}

/// The condition that a deed puts to each line, and what its failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    Reserve,
    DrawDown,
    Confirm,
    Release,
    Reverse,
}

impl Guard {
    const fn sql(self) -> &'static str {
        match self {
            // D1: nothing in one unit takes nothing from it, even where a direct 核销 has eaten into what is pending.
            Self::Reserve => {
                "i.written_off < i.required AND (v.p = 0 OR i.written_off + i.pending + v.p <= i.required) \
                 AND (v.hp = 0 OR i.hs_written_off + i.hs_pending + v.hp <= i.hs_required)"
            }
            Self::DrawDown => {
                "i.written_off < i.required AND i.written_off + v.w <= i.required \
                 AND i.hs_written_off + v.hw <= i.hs_required"
            }
            Self::Confirm => {
                "i.written_off < i.required AND i.written_off + v.w <= i.required \
                 AND i.hs_written_off + v.hw <= i.hs_required AND i.pending + v.p >= 0 AND i.hs_pending + v.hp >= 0"
            }
            Self::Release => "i.pending + v.p >= 0 AND i.hs_pending + v.hp >= 0",
            Self::Reverse => "i.written_off + v.w >= i.accounted AND i.hs_written_off + v.hw >= 0",
        }
    }

    fn why(self, balance: &LineBalance) -> Why {
        match self {
            Self::Reverse => Why::InUse(balance.qty.accounted),
            Self::Reserve | Self::DrawDown | Self::Confirm | Self::Release if balance.is_finished() => Why::Finished,
            Self::Reserve => Why::BeyondDeclarable(balance.declarable()),
            Self::DrawDown | Self::Confirm | Self::Release => Why::BeyondWritable(balance.writable()),
        }
    }
}

/// Lines of one guarded statement.
const AT_ONCE: usize = 200;

/// Changes the balances, all or none: one guarded statement for up to [`AT_ONCE`] lines does check and change together
/// (architecture §3.7). Says what stands on each line now.
async fn change(
    tx: &Tx,
    certificate: CertificateId,
    guard: Guard,
    changes: &[Change<'_>],
    at: Instant,
) -> LedgerResult<BTreeMap<CertificateItemId, LineBalance>> {
    let mut sums: BTreeMap<CertificateItemId, [i64; 4]> = BTreeMap::new();
    for c in changes {
        let sum = sums.entry(c.line).or_default();
        for (all, one) in sum.iter_mut().zip([c.pending, c.hs_pending, c.written_off, c.hs_written_off]) {
            *all = all.checked_add(one).ok_or_else(|| DbError::Inconsistent("a sum beyond all amounts".to_owned()))?;
        }
    }
    let ids: Vec<_> = sums.keys().copied().collect();
    let mut now = BTreeMap::new();
    for ids in ids.chunks(AT_ONCE) {
        let mut marks = placeholders(2);
        let mut values = params![certificate];
        let mut tuples = Vec::with_capacity(ids.len());
        for id in ids {
            let own: Vec<_> = marks.by_ref().take(5).map(|mark| format!("CAST({mark} AS BIGINT)")).collect();
            tuples.push(format!("({})", own.join(", ")));
            values.push(Value::from(*id));
            values.extend(sums[id].map(Value::from));
        }
        let sql = format!(
            "WITH v (item, p, hp, w, hw) AS (VALUES {}) UPDATE certificate_item AS i SET pending = i.pending + v.p, \
             hs_pending = i.hs_pending + v.hp, written_off = i.written_off + v.w, \
             hs_written_off = i.hs_written_off + v.hw FROM v WHERE i.id = v.item AND i.certificate_id = $1 AND {} \
             RETURNING {LINE}",
            tuples.join(", "),
            guard.sql()
        );
        let done: Vec<LineColumns> = rows(&tx.0, &sql, values).await?;
        now.extend(done.into_iter().map(Line::from).map(|l| (l.id, l.balance)));
    }
    let refused: Vec<_> = sums.keys().copied().filter(|id| !now.contains_key(id)).collect();
    if refused.is_empty() {
        count(tx, certificate, &sums, &now, at).await?;
        return Ok(now);
    }
    let mut balances = BTreeMap::new();
    for ids in refused.chunks(AT_ONCE) {
        balances.extend(lines_among(tx, certificate, ids).await?.into_iter().map(|l| (l.id, l.balance)));
    }
    if balances.len() < refused.len() {
        // A line of another certificate.
        return Err(DbError::NotFound.into());
    }
    let of = changes.iter().filter_map(|c| {
        let balance = balances.get(&c.line)?;
        Some(LineRefusal { line: c.line, source: c.source, why: guard.why(balance) })
    });
    Err(LedgerError::Lines(of.collect()))
}

/// Keeps the counts of the certificate true: of the changed lines, how many were open, begun, pending, unaccounted for,
/// and are. Goods that come after 监管完结 open it again.
async fn count(
    tx: &Tx,
    certificate: CertificateId,
    sums: &BTreeMap<CertificateItemId, [i64; 4]>,
    now: &BTreeMap<CertificateItemId, LineBalance>,
    at: Instant,
) -> DbResult<()> {
    let mut differences = [0_i64; 4];
    for (id, sum) in sums {
        let Some(after) = now.get(id) else { continue };
        let mut before = *after;
        for (amount, difference) in [
            (&mut before.qty.pending, sum[0]),
            (&mut before.hs.pending, sum[1]),
            (&mut before.qty.written_off, sum[2]),
            (&mut before.hs.written_off, sum[3]),
        ] {
            *amount = Quantity::from_units(amount.units() - difference);
        }
        let of =
            |b: &LineBalance| [!b.is_finished(), b.is_begun(), b.is_pending(), b.qty.is_unaccounted()].map(i64::from);
        for (difference, (was, is)) in differences.iter_mut().zip(of(&before).into_iter().zip(of(after))) {
            *difference += is - was;
        }
    }
    let written = sums.values().any(|s| s[2] > 0 || s[3] > 0);
    let sql = "UPDATE certificate SET open_lines = open_lines + $1, written_lines = written_lines + $2, \
               pending_lines = pending_lines + $3, unaccounted_lines = unaccounted_lines + $4, \
               written_at = CASE WHEN $5 THEN $6 ELSE written_at END, supervision_closed_at = CASE WHEN $4 > 0 \
               THEN NULL ELSE supervision_closed_at END WHERE id = $7";
    let [open, begun, pending, unaccounted] = differences;
    tx.run(sql, params![open, begun, pending, unaccounted, written, at, certificate]).await?;
    Ok(())
}

const ENTRY: [&str; 24] = [
    "deed_key",
    "ordinal",
    "certificate_id",
    "certificate_item_id",
    "kind",
    "pending",
    "hs_pending",
    "written_off",
    "hs_written_off",
    "accounted",
    "pending_after",
    "hs_pending_after",
    "written_off_after",
    "hs_written_off_after",
    "accounted_after",
    "actor_id",
    "actor_name",
    "bureau_code",
    "port_code",
    "customs_no",
    "reason",
    "pre_write_off_item_id",
    "reverses_id",
    "at",
];

/// Writes one entry per change, each with what stood on its line afterwards.
async fn enter(
    tx: &Tx,
    certificate: CertificateId,
    (kind, reason): (EntryKind, &str),
    changes: &[Change<'_>],
    now: &BTreeMap<CertificateItemId, LineBalance>,
    deed: Deed<'_>,
) -> DbResult<()> {
    let mut later: BTreeMap<CertificateItemId, [i64; 4]> = BTreeMap::new();
    let mut entries = Vec::with_capacity(changes.len());
    // Backwards: the last entry of a line leaves what stands there now, each one before it what the next one found.
    for (ordinal, c) in changes.iter().enumerate().rev() {
        let Some(last) = now.get(&c.line) else { continue };
        let own = [c.pending, c.hs_pending, c.written_off, c.hs_written_off];
        let behind = later.entry(c.line).or_default();
        let stood = [last.qty.pending, last.hs.pending, last.qty.written_off, last.hs.written_off];
        let mut after = [0_i64; 4];
        for n in 0..4 {
            after[n] = stood[n].units() - behind[n];
            behind[n] += own[n];
        }
        entries.push(params![
            deed.key,
            i64::try_from(ordinal).unwrap_or(i64::MAX),
            certificate,
            c.line,
            kind,
            own[0],
            own[1],
            own[2],
            own[3],
            0_i64,
            after[0],
            after[1],
            after[2],
            after[3],
            last.qty.accounted,
            deed.by.account,
            deed.by.name.clone(),
            c.bureau.clone(),
            c.port.cloned(),
            c.customs_no,
            reason,
            c.source,
            c.reverses,
            deed.now
        ]);
    }
    entries.reverse();
    tx.insert_rows("ledger_entry", &ENTRY, "", entries).await
}

/// Whether a deed with this key was done on the certificate, whose row is locked.
async fn was_done(tx: &Tx, certificate: CertificateId, key: &str) -> DbResult<bool> {
    let sql = "SELECT COUNT(*) FROM ledger_entry WHERE deed_key = $1 AND certificate_id = $2";
    Ok(number(&tx.0, sql, params![key, certificate]).await? > 0)
}

/// Whether this 预核销 was submitted before; its pages ask before they judge the form once more. Locks the certificate, so
/// that a form which is under way elsewhere has been done by then.
pub async fn is_declared(tx: &Tx, certificate: CertificateId, key: &str) -> DbResult<bool> {
    Locked::of(tx, certificate).await?;
    let sql = "SELECT COUNT(*) FROM pre_write_off WHERE submission_key = $1 AND certificate_id = $2";
    Ok(number(&tx.0, sql, params![key, certificate]).await? > 0)
}

/// The same for a deed of an officer.
pub async fn is_entered(tx: &Tx, certificate: CertificateId, key: &str) -> DbResult<bool> {
    Locked::of(tx, certificate).await?;
    was_done(tx, certificate, key).await
}

async fn record(
    tx: &Tx,
    certificate: CertificateId,
    action: &str,
    post: Option<Post>,
    opinion: &str,
    detail: &serde_json::Value,
    deed: Deed<'_>,
) -> DbResult<()> {
    let detail = detail.to_string();
    let entry = audit::Entry { post, opinion, detail: &detail, ..audit::Entry::of(action) };
    audit::record(tx, Subject::Certificate(certificate), deed.by, deed.now, &entry).await
}

/// Where goods pass: 口岸, and 报关单号 when there is one.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// 进出口口岸.
    pub port: &'a PortCode,
    /// The bureau that acts there.
    pub bureau: &'a BureauCode,
    /// 报关单号; may be blank.
    pub customs_no: &'a str,
}

/// Amounts of a line.
pub type Claim = (CertificateItemId, Amounts);

/// 预核销 (P1): reserves against other 预核销 (D1) and goes to the bureau of the port. Says which submission it is.
pub async fn declare(
    tx: &Tx,
    certificate: CertificateId,
    place: Place<'_>,
    claims: &[Claim],
    deed: Deed<'_>,
) -> LedgerResult<(PreWriteOffId, Outcome)> {
    let locked = Locked::of(tx, certificate).await?;
    let before = "SELECT COALESCE(MAX(id), 0) FROM pre_write_off WHERE submission_key = $1 AND certificate_id = $2";
    let before = number(&tx.0, before, params![deed.key, certificate]).await?;
    if before > 0 {
        return Ok((PreWriteOffId::new(before), Outcome::Before));
    }
    locked.must_be_valid()?;
    if locked.is_over(deed.now) {
        return Err(DbError::Refused("证明已过有效期，不能再预核销。".to_owned()).into());
    }
    let claims = in_order(claims)?;
    let changes: Vec<_> = claims
        .iter()
        .map(|(line, a)| Change { pending: a.qty.units(), hs_pending: a.hs_qty.units(), ..Change::none(*line, place) })
        .collect();
    let now = change(tx, certificate, Guard::Reserve, &changes, deed.now).await?;
    let account = deed.by.account.ok_or_else(|| DbError::Inconsistent("nobody declares".to_owned()))?;
    let id = tx
        .insert(
            "INSERT INTO pre_write_off (certificate_id, submission_key, port_code, bureau_code, customs_no, \
             declared_by, declared_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
            params![
                certificate,
                deed.key,
                place.port.clone(),
                place.bureau.clone(),
                place.customs_no,
                account,
                deed.now
            ],
        )
        .await?;
    let id = PreWriteOffId::new(id);
    let columns = [
        "pre_write_off_id",
        "certificate_id",
        "certificate_item_id",
        "bureau_code",
        "state",
        "qty",
        "hs_qty",
        "declared_at",
    ];
    let items = claims.iter().map(|(line, a)| {
        let state = PreWriteOffState::Pending;
        params![id, certificate, *line, place.bureau.clone(), state, a.qty, a.hs_qty, deed.now]
    });
    tx.insert_rows("pre_write_off_item", &columns, "", items.collect()).await?;
    let sources = sources(tx, id).await?;
    let changes: Vec<_> = changes.into_iter().map(|c| Change { source: sources.get(&c.line).copied(), ..c }).collect();
    enter(tx, certificate, (EntryKind::Declare, ""), &changes, &now, deed).await?;
    let detail = serde_json::json!({ "pre_write_off": id, "lines": changes.len(), "port": place.port });
    record(tx, certificate, "declare", None, "", &detail, deed).await?;
    Ok((id, Outcome::Done))
}

/// The items of a submission, by line.
async fn sources(tx: &Tx, id: PreWriteOffId) -> DbResult<BTreeMap<CertificateItemId, PreWriteOffItemId>> {
    #[derive(crate::Row)]
    struct Item {
        id: PreWriteOffItemId,
        certificate_item_id: CertificateItemId,
    }
    let sql = "SELECT id, certificate_item_id FROM pre_write_off_item WHERE pre_write_off_id = $1";
    let found: Vec<Item> = rows(&tx.0, sql, params![id]).await?;
    Ok(found.into_iter().map(|i| (i.certificate_item_id, i.id)).collect())
}

/// Lines ascending (lock order), each once, each with something (D20).
fn in_order(claims: &[Claim]) -> LedgerResult<Vec<Claim>> {
    if claims.is_empty() {
        return Err(DbError::Refused("没有填写任何产品的数量。".to_owned()).into());
    }
    let nothing: Vec<_> = claims
        .iter()
        .filter(|(_, amounts)| amounts.is_nothing())
        .map(|(line, _)| LineRefusal { line: *line, source: None, why: Why::Nothing })
        .collect();
    if !nothing.is_empty() {
        return Err(LedgerError::Lines(nothing));
    }
    let mut claims = claims.to_vec();
    claims.sort_unstable_by_key(|(line, _)| *line);
    let each: BTreeSet<_> = claims.iter().map(|(line, _)| *line).collect();
    if each.len() < claims.len() {
        return Err(DbError::Refused("同一个产品填写了两次，请刷新后重新填写。".to_owned()).into());
    }
    Ok(claims)
}

/// A product of a 预核销 that is to be decided.
#[derive(crate::Row)]
struct Undecided {
    id: PreWriteOffItemId,
    pre_write_off_id: PreWriteOffId,
    certificate_item_id: CertificateItemId,
    state: PreWriteOffState,
    qty: Quantity,
    hs_qty: Quantity,
    bureau_code: BureauCode,
    port_code: PortCode,
    customs_no: String,
}

impl Undecided {
    const fn declared(&self) -> Amounts {
        Amounts { qty: self.qty, hs_qty: self.hs_qty }
    }

    fn release(&self) -> Change<'_> {
        let place = Place { port: &self.port_code, bureau: &self.bureau_code, customs_no: &self.customs_no };
        Change {
            pending: -self.qty.units(),
            hs_pending: -self.hs_qty.units(),
            source: Some(self.id),
            ..Change::none(self.certificate_item_id, place)
        }
    }
}

const UNDECIDED: &str = "SELECT i.id, i.pre_write_off_id, i.certificate_item_id, i.state, i.qty, i.hs_qty, i.bureau_code, \
                         b.port_code, b.customs_no FROM pre_write_off_item i JOIN pre_write_off b ON b.id = i.pre_write_off_id";

/// The named items of a certificate, in the order of their lines; one that is none of them is [`DbError::NotFound`].
async fn undecided(tx: &Tx, certificate: CertificateId, ids: &[PreWriteOffItemId]) -> LedgerResult<Vec<Undecided>> {
    let ids: BTreeSet<_> = ids.iter().copied().collect();
    if ids.is_empty() {
        return Err(DbError::Refused("请先勾选要办理的产品。".to_owned()).into());
    }
    let marks: Vec<_> = placeholders(2).take(ids.len()).collect();
    let sql = format!(
        "{UNDECIDED} WHERE i.certificate_id = $1 AND i.id IN ({}) ORDER BY i.certificate_item_id, i.id",
        marks.join(", ")
    );
    let values = params![certificate].into_iter().chain(ids.iter().map(|id| Value::from(*id))).collect();
    let found: Vec<Undecided> = rows(&tx.0, &sql, values).await?;
    if found.len() < ids.len() {
        return Err(DbError::NotFound.into());
    }
    Ok(found)
}

/// Refuses what somebody has decided meanwhile.
fn all_pending(items: &[Undecided]) -> LedgerResult<()> {
    let decided: Vec<_> = items
        .iter()
        .filter(|i| i.state != PreWriteOffState::Pending)
        .map(|i| LineRefusal { line: i.certificate_item_id, source: Some(i.id), why: Why::Decided(i.state) })
        .collect();
    if decided.is_empty() { Ok(()) } else { Err(LedgerError::Lines(decided)) }
}

/// R-2.8-18: only the bureau of the port decides.
fn of_bureau(items: &[Undecided], bureau: &BureauCode) -> DbResult<()> {
    if items.iter().all(|i| i.bureau_code == *bureau) { Ok(()) } else { Err(DbError::NotFound) }
}

/// Notes what became of items: state, who, when, why, and for a confirmation how much.
async fn decide(
    tx: &Tx,
    items: &[(PreWriteOffItemId, Option<Amounts>)],
    state: PreWriteOffState,
    opinion: &str,
    deed: Deed<'_>,
) -> DbResult<()> {
    for items in items.chunks(AT_ONCE) {
        let mut marks = placeholders(6);
        let mut values = params![state, deed.now, deed.by.account, deed.by.name.clone(), opinion];
        let mut tuples = Vec::with_capacity(items.len());
        for (id, amounts) in items {
            let own: Vec<_> = marks.by_ref().take(3).map(|mark| format!("CAST({mark} AS BIGINT)")).collect();
            tuples.push(format!("({})", own.join(", ")));
            values.push(Value::from(*id));
            values.push(Value::from(amounts.map(|a| a.qty)));
            values.push(Value::from(amounts.map(|a| a.hs_qty)));
        }
        let sql = format!(
            "WITH v (item, q, h) AS (VALUES {}) UPDATE pre_write_off_item AS i SET state = $1, decided_at = $2, \
             decided_by = $3, decided_by_name = $4, opinion = $5, confirmed_qty = v.q, confirmed_hs_qty = v.h \
             FROM v WHERE i.id = v.item AND i.state = 'pending'",
            tuples.join(", ")
        );
        let done = tx.run(&sql, values).await?;
        if usize::try_from(done) != Ok(items.len()) {
            return Err(DbError::Inconsistent("a pending item was decided under the certificate's lock".to_owned()));
        }
    }
    Ok(())
}

/// 预核销确认 (P2) by the bureau of the port: each item up to what was declared (D11) and up to what is left (I5), all of
/// them or none. `note` says why less than declared arrived, or why HS 标准量 is left over (I8).
pub async fn confirm(
    tx: &Tx,
    certificate: CertificateId,
    bureau: &BureauCode,
    decisions: &[(PreWriteOffItemId, Amounts)],
    note: &str,
    deed: Deed<'_>,
) -> LedgerResult<Outcome> {
    confirm_at(tx, certificate, bureau, decisions, ("", note), deed).await
}

/// The same for goods whose 报关单号 is known now: the entries carry it where the 预核销 names none.
pub async fn confirm_at(
    tx: &Tx,
    certificate: CertificateId,
    bureau: &BureauCode,
    decisions: &[(PreWriteOffItemId, Amounts)],
    (customs_no, note): (&str, &str),
    deed: Deed<'_>,
) -> LedgerResult<Outcome> {
    let locked = Locked::of(tx, certificate).await?;
    if was_done(tx, certificate, deed.key).await? {
        return Ok(Outcome::Before);
    }
    locked.must_be_valid()?;
    let ids: Vec<_> = decisions.iter().map(|(id, _)| *id).collect();
    let items = undecided(tx, certificate, &ids).await?;
    of_bureau(&items, bureau)?;
    all_pending(&items)?;
    let amounts: BTreeMap<_, _> = decisions.iter().copied().collect();
    let confirmed = |i: &Undecided| amounts.get(&i.id).copied().unwrap_or_default();
    let wrong: Vec<_> = items
        .iter()
        .filter_map(|i| {
            let (given, declared) = (confirmed(i), i.declared());
            let why = if given.is_nothing() {
                Why::Nothing
            } else if given.fits(declared) {
                return None;
            } else {
                Why::BeyondDeclared(declared)
            };
            Some(LineRefusal { line: i.certificate_item_id, source: Some(i.id), why })
        })
        .collect();
    if !wrong.is_empty() {
        return Err(LedgerError::Lines(wrong));
    }
    let changes: Vec<_> = items
        .iter()
        .map(|i| {
            let given = confirmed(i);
            let customs_no = if i.customs_no.is_empty() { customs_no } else { &i.customs_no };
            let (written_off, hs_written_off) = (given.qty.units(), given.hs_qty.units());
            Change { written_off, hs_written_off, customs_no, ..i.release() }
        })
        .collect();
    let now = change(tx, certificate, Guard::Confirm, &changes, deed.now).await?;
    note_for_tails(&changes, &now, note)?;
    let decided: Vec<_> = items.iter().map(|i| (i.id, Some(confirmed(i)))).collect();
    decide(tx, &decided, PreWriteOffState::Confirmed, note, deed).await?;
    enter(tx, certificate, (EntryKind::Confirm, note), &changes, &now, deed).await?;
    let detail = serde_json::json!({ "items": ids, "lines": now.len() });
    record(tx, certificate, "confirm", Some(Post::WriteOff), note, &detail, deed).await?;
    Ok(Outcome::Done)
}

/// I8: a line that ends with HS 标准量 left over asks for a note.
fn note_for_tails(
    changes: &[Change<'_>],
    now: &BTreeMap<CertificateItemId, LineBalance>,
    note: &str,
) -> LedgerResult<()> {
    if !note.trim().is_empty() {
        return Ok(());
    }
    let tails: Vec<_> = changes
        .iter()
        .filter_map(|c| {
            let left = now.get(&c.line)?.tail()?;
            Some(LineRefusal { line: c.line, source: c.source, why: Why::TailNeedsNote(left) })
        })
        .collect();
    if tails.is_empty() { Ok(()) } else { Err(LedgerError::Lines(tails)) }
}

/// Gives the quantity of pending items back.
async fn release(
    tx: &Tx,
    certificate: CertificateId,
    items: &[Undecided],
    (state, kind): (PreWriteOffState, EntryKind),
    reason: &str,
    deed: Deed<'_>,
) -> LedgerResult<()> {
    all_pending(items)?;
    let changes: Vec<_> = items.iter().map(Undecided::release).collect();
    let now = change(tx, certificate, Guard::Release, &changes, deed.now).await?;
    let decided: Vec<_> = items.iter().map(|i| (i.id, None)).collect();
    decide(tx, &decided, state, reason, deed).await?;
    enter(tx, certificate, (kind, reason), &changes, &now, deed).await?;
    Ok(())
}

/// 退回预核销 (P3) by the bureau of the port, with a reason.
pub async fn refuse(
    tx: &Tx,
    certificate: CertificateId,
    bureau: &BureauCode,
    ids: &[PreWriteOffItemId],
    reason: &str,
    deed: Deed<'_>,
) -> LedgerResult<Outcome> {
    Locked::of(tx, certificate).await?;
    if was_done(tx, certificate, deed.key).await? {
        return Ok(Outcome::Before);
    }
    if reason.trim().is_empty() {
        return Err(DbError::Refused("退回预核销须填写原因。".to_owned()).into());
    }
    let items = undecided(tx, certificate, ids).await?;
    of_bureau(&items, bureau)?;
    release(tx, certificate, &items, (PreWriteOffState::Refused, EntryKind::Refuse), reason, deed).await?;
    let detail = serde_json::json!({ "items": ids });
    record(tx, certificate, "refuse_pre_write_off", Some(Post::WriteOff), reason, &detail, deed).await?;
    Ok(Outcome::Done)
}

/// 撤回 (P4) by the enterprise: only what is pending (D24).
pub async fn withdraw(
    tx: &Tx,
    certificate: CertificateId,
    ids: &[PreWriteOffItemId],
    deed: Deed<'_>,
) -> LedgerResult<Outcome> {
    Locked::of(tx, certificate).await?;
    if was_done(tx, certificate, deed.key).await? {
        return Ok(Outcome::Before);
    }
    let items = undecided(tx, certificate, ids).await?;
    release(tx, certificate, &items, (PreWriteOffState::Withdrawn, EntryKind::Withdraw), "", deed).await?;
    let detail = serde_json::json!({ "items": ids });
    record(tx, certificate, "withdraw_pre_write_off", None, "", &detail, deed).await?;
    Ok(Outcome::Done)
}

/// The certificates with items that have been pending since before this moment (P5).
pub async fn lapse_due(source: &impl Source, before: Instant) -> DbResult<Vec<CertificateId>> {
    #[derive(crate::Row)]
    struct Found {
        certificate_id: CertificateId,
    }
    let sql = "SELECT DISTINCT certificate_id FROM pre_write_off_item WHERE state = 'pending' AND declared_at <= $1 \
               ORDER BY certificate_id LIMIT 500";
    let found: Vec<Found> = rows(source.connection(), sql, params![before]).await?;
    Ok(found.into_iter().map(|f| f.certificate_id).collect())
}

/// What lapsed: the submission and how many of its products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lapsed {
    /// The submission.
    pub pre_write_off: PreWriteOffId,
    /// How many products of it.
    pub items: usize,
}

/// Lapses what has been pending on a certificate since before this moment (P5).
pub async fn lapse(
    tx: &Tx,
    certificate: CertificateId,
    before: Instant,
    reason: &str,
    by: &By,
    now: Instant,
) -> LedgerResult<Vec<Lapsed>> {
    Locked::of(tx, certificate).await?;
    let sql = format!(
        "{UNDECIDED} WHERE i.certificate_id = $1 AND i.state = 'pending' AND i.declared_at <= $2 \
         ORDER BY i.certificate_item_id, i.id"
    );
    let items: Vec<Undecided> = rows(&tx.0, &sql, params![certificate, before]).await?;
    let Some(first) = items.first() else { return Ok(Vec::new()) };
    // An item lapses once, so this key comes once.
    let key = format!("lapse-{}", first.id);
    release(tx, certificate, &items, (PreWriteOffState::Lapsed, EntryKind::Lapse), reason, Deed { key: &key, by, now })
        .await?;
    let mut lapsed: BTreeMap<PreWriteOffId, usize> = BTreeMap::new();
    for item in &items {
        *lapsed.entry(item.pre_write_off_id).or_default() += 1;
    }
    let detail = serde_json::json!({ "items": items.iter().map(|i| i.id).collect::<Vec<_>>() });
    record(tx, certificate, "lapse", None, reason, &detail, Deed { key: &key, by, now }).await?;
    Ok(lapsed.into_iter().map(|(pre_write_off, items)| Lapsed { pre_write_off, items }).collect())
}

/// Lapses everything that is pending on a certificate, because it was revoked (P5, D23).
pub async fn lapse_pending(
    tx: &Tx,
    certificate: CertificateId,
    reason: &str,
    by: &By,
    now: Instant,
) -> LedgerResult<Vec<Lapsed>> {
    lapse(tx, certificate, now, reason, by, now).await
}

/// 直接核销 by an officer of any bureau (R-2.8-17): limited by 总 − 已核销 only (D1). After the last day of the certificate
/// it needs a reason (D12), and so does HS 标准量 that is left over (I8).
pub async fn draw_down(
    tx: &Tx,
    certificate: CertificateId,
    place: Place<'_>,
    claims: &[Claim],
    reason: &str,
    deed: Deed<'_>,
) -> LedgerResult<Outcome> {
    let locked = Locked::of(tx, certificate).await?;
    if was_done(tx, certificate, deed.key).await? {
        return Ok(Outcome::Before);
    }
    locked.must_be_valid()?;
    if locked.is_over(deed.now) && reason.trim().is_empty() {
        return Err(DbError::Refused(LATE_NEEDS_REASON.to_owned()).into());
    }
    let claims = in_order(claims)?;
    let changes: Vec<_> = claims
        .iter()
        .map(|(line, a)| Change {
            written_off: a.qty.units(),
            hs_written_off: a.hs_qty.units(),
            ..Change::none(*line, place)
        })
        .collect();
    let now = change(tx, certificate, Guard::DrawDown, &changes, deed.now).await?;
    note_for_tails(&changes, &now, reason)?;
    enter(tx, certificate, (EntryKind::Direct, reason), &changes, &now, deed).await?;
    let Place { port, customs_no, .. } = place;
    let detail = serde_json::json!({ "lines": changes.len(), "port": port, "customs_no": customs_no });
    record(tx, certificate, "write_off", Some(Post::WriteOff), reason, &detail, deed).await?;
    Ok(Outcome::Done)
}

/// 冲销: takes a wrong 核销 back, whole, once, by the bureau that wrote it, with a reason; not what is used, returned or
/// destroyed meanwhile (E13).
pub async fn reverse(
    tx: &Tx,
    certificate: CertificateId,
    entry: LedgerEntryId,
    bureau: &BureauCode,
    reason: &str,
    deed: Deed<'_>,
) -> LedgerResult<Outcome> {
    #[derive(crate::Row)]
    struct Wrong {
        kind: EntryKind,
        certificate_item_id: CertificateItemId,
        written_off: i64,
        hs_written_off: i64,
        bureau_code: Option<BureauCode>,
        port_code: Option<PortCode>,
        customs_no: String,
        pre_write_off_item_id: Option<PreWriteOffItemId>,
        reversed: i64,
    }
    let locked = Locked::of(tx, certificate).await?;
    if was_done(tx, certificate, deed.key).await? {
        return Ok(Outcome::Before);
    }
    locked.must_be_valid()?;
    let sql = "SELECT e.kind, e.certificate_item_id, e.written_off, e.hs_written_off, e.bureau_code, e.port_code, \
               e.customs_no, e.pre_write_off_item_id, \
               (SELECT COUNT(*) FROM ledger_entry r WHERE r.reverses_id = e.id) AS reversed \
               FROM ledger_entry e WHERE e.id = $1 AND e.certificate_id = $2";
    let wrong: Option<Wrong> = row(&tx.0, sql, params![entry, certificate]).await?;
    let wrong = wrong.ok_or(DbError::NotFound)?;
    let refused = if !matches!(wrong.kind, EntryKind::Confirm | EntryKind::Direct) {
        Some("只有核销可以冲销。")
    } else if wrong.bureau_code.as_ref() != Some(bureau) {
        Some("只能由办理该笔核销的检验检疫局冲销。")
    } else if wrong.reversed > 0 {
        Some("该笔核销已经冲销过，请刷新后查看。")
    } else if reason.trim().is_empty() {
        Some("冲销须填写原因。")
    } else {
        None
    };
    if let Some(why) = refused {
        return Err(DbError::Refused(why.to_owned()).into());
    }
    let changes = [Change {
        written_off: -wrong.written_off,
        hs_written_off: -wrong.hs_written_off,
        source: wrong.pre_write_off_item_id,
        line: wrong.certificate_item_id,
        pending: 0,
        hs_pending: 0,
        bureau,
        port: wrong.port_code.as_ref(),
        customs_no: &wrong.customs_no,
        reverses: Some(entry),
    }];
    let now = change(tx, certificate, Guard::Reverse, &changes, deed.now).await?;
    enter(tx, certificate, (EntryKind::Reverse, reason), &changes, &now, deed).await?;
    let detail = serde_json::json!({ "entry": entry });
    record(tx, certificate, "reverse", Some(Post::WriteOff), reason, &detail, deed).await?;
    Ok(Outcome::Done)
}

/// An entry as people read it.
#[derive(Debug, Clone, crate::Row)]
pub struct Entry {
    /// Its id; ascending in time.
    pub id: LedgerEntryId,
    /// The line.
    pub certificate_item_id: CertificateItemId,
    /// 序号 of the line.
    pub line_ordinal: i64,
    /// What it did.
    pub kind: EntryKind,
    /// The difference of 待确认.
    pub pending: Quantity,
    /// The same in HS 标准量.
    pub hs_pending: Quantity,
    /// The difference of 已核销.
    pub written_off: Quantity,
    /// The same in HS 标准量.
    pub hs_written_off: Quantity,
    /// The difference of 使用、退运、销毁.
    pub accounted: Quantity,
    /// 待确认 afterwards.
    pub pending_after: Quantity,
    /// The same in HS 标准量.
    pub hs_pending_after: Quantity,
    /// 已核销 afterwards.
    pub written_off_after: Quantity,
    /// The same in HS 标准量.
    pub hs_written_off_after: Quantity,
    /// 使用、退运、销毁 afterwards.
    pub accounted_after: Quantity,
    /// Who, by account.
    pub actor_id: Option<AccountId>,
    /// Who, by name.
    pub actor_name: String,
    /// For which bureau; of a 预核销 the one that is to confirm it.
    pub bureau_code: Option<BureauCode>,
    /// 口岸.
    pub port_code: Option<PortCode>,
    /// 报关单号.
    pub customs_no: String,
    /// The reason or note.
    pub reason: String,
    /// The entry that it takes back.
    pub reverses_id: Option<LedgerEntryId>,
    /// The entry that took it back.
    pub reversed_by: Option<LedgerEntryId>,
    /// When.
    pub at: Instant,
}

const ENTRIES: &str = "SELECT e.id, e.certificate_item_id, i.ordinal AS line_ordinal, e.kind, e.pending, e.hs_pending, \
    e.written_off, e.hs_written_off, e.accounted, e.pending_after, e.hs_pending_after, e.written_off_after, \
    e.hs_written_off_after, e.accounted_after, e.actor_id, e.actor_name, e.bureau_code, e.port_code, e.customs_no, \
    e.reason, e.reverses_id, r.id AS reversed_by, e.at FROM ledger_entry e \
    JOIN certificate_item i ON i.id = e.certificate_item_id LEFT JOIN ledger_entry r ON r.reverses_id = e.id";

/// How many entries a certificate has, of one line or of all.
pub async fn count_entries(
    source: &impl Source,
    certificate: CertificateId,
    line: Option<CertificateItemId>,
) -> DbResult<i64> {
    let sql = "SELECT COUNT(*) FROM ledger_entry WHERE certificate_id = $1 AND (certificate_item_id = $2 OR $2 = 0)";
    number(source.connection(), sql, params![certificate, line.map_or(0, CertificateItemId::get)]).await
}

/// A page of the entries of a certificate that was loaded in scope, in the order of time.
pub async fn entries(
    source: &impl Source,
    certificate: CertificateId,
    line: Option<CertificateItemId>,
    limit: i64,
    offset: i64,
) -> DbResult<Vec<Entry>> {
    let sql = format!(
        "{ENTRIES} WHERE e.certificate_id = $1 AND (e.certificate_item_id = $2 OR $2 = 0) \
         ORDER BY e.id LIMIT $3 OFFSET $4"
    );
    let line = line.map_or(0, CertificateItemId::get);
    rows(source.connection(), &sql, params![certificate, line, limit, offset]).await
}

/// One entry of a certificate that was loaded in scope.
pub async fn entry(source: &impl Source, certificate: CertificateId, id: LedgerEntryId) -> DbResult<Entry> {
    let sql = format!("{ENTRIES} WHERE e.certificate_id = $1 AND e.id = $2");
    row(source.connection(), &sql, params![certificate, id]).await?.ok_or(DbError::NotFound)
}

//! 产品使用记录 (manual §2.9): drafts, submission, the judgement of 后续监管, and their files.
//!
//! Each deed locks the certificate, then changes the record, then the balances of its lines by one guarded statement, all
//! or none. Submitting takes the quantities from 剩余数量, rejecting gives them back (I6, D2, D14); each leaves an entry
//! per line in the ledger.

use domain::actor::Post;
use domain::ids::{
    AccountId, ApplicationId, BureauCode, CertificateId, CertificateItemId, PortCode, UsageFileId, UsageRecordId,
    VisitId,
};
use domain::ledger::EntryKind;
use domain::policy::{Scope, UsageOwnership};
use domain::quantity::Quantity;
use domain::time::{Day, Instant};
use domain::usage::{Effect, UsageForm, UsageKind, UsageLine, UsageState, UsageStep};

use crate::audit::{self, By, Entry, Subject};
use crate::search::Conditions;
use crate::stored_file::{self, NewFile};
use crate::{DbError, DbResult, Source, Tx, Value, number, params, placeholders, row, rows, scope};

/// All files of one record together may be this large, as those of an application (D9).
pub const TOTAL_LIMIT_BYTES: i64 = crate::attachment::TOTAL_LIMIT_BYTES;
/// A file that no form was saved with is kept for this long.
const WAITING_HOURS: i64 = 24;

const OVERTAKEN: &str = "该记录已在别处被修改或处理，请刷新后查看最新状态";

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: UsageRecordId,
    /// The certificate.
    pub certificate: CertificateId,
    /// The application of the certificate.
    pub application: ApplicationId,
    /// What became of the goods.
    pub kind: UsageKind,
    /// Counts every change.
    pub version: i64,
    /// The facts that decide hats.
    pub ownership: UsageOwnership,
    /// What its form says.
    pub form: UsageForm,
    /// When it was first saved.
    pub created_at: Instant,
    /// When it was last submitted.
    pub submitted_at: Option<Instant>,
    /// When 后续监管 judged it.
    pub decided_at: Option<Instant>,
    /// Who judged it.
    pub decided_by_name: String,
    /// 审核意见.
    pub opinion: String,
}

impl Record {
    /// Its state.
    pub const fn state(&self) -> UsageState {
        self.ownership.state
    }
}

#[derive(crate::Row)]
struct Columns {
    id: UsageRecordId,
    certificate_id: CertificateId,
    application_id: ApplicationId,
    kind: UsageKind,
    state: UsageState,
    version: i64,
    owner_id: AccountId,
    bureau_code: BureauCode,
    created_at: Instant,
    submitted_at: Option<Instant>,
    decided_at: Option<Instant>,
    decided_by_name: String,
    opinion: String,
    use_unit_name: String,
    use_contact: String,
    use_phone: String,
    use_address: String,
    used_on: Option<Day>,
    note: String,
    returned_on: Option<Day>,
    port_code: Option<PortCode>,
    export_decl_no: String,
    reason: String,
    destroyed_on: Option<Day>,
    place: String,
    method: String,
    handler: String,
    witness: String,
}

const SELECT: &str = "SELECT r.id, r.certificate_id, c.application_id, r.kind, r.state, r.version, r.owner_id, \
    r.bureau_code, r.created_at, r.submitted_at, r.decided_at, r.decided_by_name, r.opinion, r.use_unit_name, \
    r.use_contact, r.use_phone, r.use_address, r.used_on, r.note, r.returned_on, r.port_code, r.export_decl_no, \
    r.reason, r.destroyed_on, r.place, r.method, r.handler, r.witness FROM usage_record r \
    JOIN certificate c ON c.id = r.certificate_id";

impl Columns {
    fn with(self, lines: Vec<UsageLine>) -> Record {
        Record {
            id: self.id,
            certificate: self.certificate_id,
            application: self.application_id,
            kind: self.kind,
            version: self.version,
            ownership: UsageOwnership { holder: self.owner_id, bureau: self.bureau_code, state: self.state },
            form: UsageForm {
                use_unit_name: self.use_unit_name,
                use_contact: self.use_contact,
                use_phone: self.use_phone,
                use_address: self.use_address,
                used_on: self.used_on,
                note: self.note,
                returned_on: self.returned_on,
                port: self.port_code,
                export_decl_no: self.export_decl_no,
                reason: self.reason,
                destroyed_on: self.destroyed_on,
                place: self.place,
                method: self.method,
                handler: self.handler,
                witness: self.witness,
                lines,
            },
            created_at: self.created_at,
            submitted_at: self.submitted_at,
            decided_at: self.decided_at,
            decided_by_name: self.decided_by_name,
            opinion: self.opinion,
        }
    }
}

#[derive(crate::Row)]
struct LineColumns {
    record_id: UsageRecordId,
    certificate_item_id: CertificateItemId,
    qty: Option<Quantity>,
    serials: String,
}

async fn with_lines(source: &impl Source, found: Vec<Columns>) -> DbResult<Vec<Record>> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let marks: Vec<_> = placeholders(1).take(found.len()).collect();
    let sql = format!(
        "SELECT l.record_id, l.certificate_item_id, l.qty, l.serials FROM usage_line l \
         JOIN certificate_item i ON i.id = l.certificate_item_id WHERE l.record_id IN ({}) \
         ORDER BY l.record_id, i.ordinal",
        marks.join(", ")
    );
    let ids = found.iter().map(|c| Value::from(c.id)).collect();
    let lines: Vec<LineColumns> = rows(source.connection(), &sql, ids).await?;
    let own = |id| {
        let own = lines.iter().filter(|l| l.record_id == id);
        own.map(|l| UsageLine { item: l.certificate_item_id, qty: l.qty, serials: l.serials.clone() }).collect()
    };
    Ok(found
        .into_iter()
        .map(|c| {
            let lines = own(c.id);
            c.with(lines)
        })
        .collect())
}

/// What a scope sees: bureaus and CNCA see no drafts.
fn visible(scope: &Scope) -> Conditions {
    let seen = scope::visible(scope);
    match scope {
        Scope::Enterprise { .. } => seen,
        Scope::Bureau(_) | Scope::All => seen.and("r.state <> 'draft'", params![]),
    }
}

/// A record whose application the scope sees; drafts only for the enterprise.
pub async fn load(source: &impl Source, scope: &Scope, id: UsageRecordId) -> DbResult<Record> {
    let conditions = visible(scope).and("r.id = ?", params![id]);
    let sql = format!("{SELECT} JOIN application a ON a.id = c.application_id{}", conditions.sql());
    let found: Vec<Columns> = rows(source.connection(), &sql, conditions.values(vec![])).await?;
    with_lines(source, found).await?.pop().ok_or(DbError::NotFound)
}

/// The same, its certificate locked: what is decided on it holds until the end of the transaction.
pub async fn load_for_update(tx: &Tx, scope: &Scope, id: UsageRecordId) -> DbResult<Record> {
    #[derive(crate::Row)]
    struct Of {
        certificate_id: CertificateId,
    }
    let of: Option<Of> = row(&tx.0, "SELECT certificate_id FROM usage_record WHERE id = $1", params![id]).await?;
    lock(tx, of.ok_or(DbError::NotFound)?.certificate_id).await?;
    load(tx, scope, id).await
}

/// Locks the certificate's row, which every deed on its goods does first. The caller has loaded it in scope.
pub async fn lock(tx: &Tx, certificate: CertificateId) -> DbResult<()> {
    let sql = format!("SELECT id FROM certificate WHERE id = $1{}", tx.for_update());
    number(&tx.0, &sql, params![certificate]).await.map_err(|_| DbError::NotFound)?;
    Ok(())
}

/// How many records of each kind a certificate has; the caller has loaded it in scope.
pub async fn counts(
    source: &impl Source,
    scope: &Scope,
    certificate: CertificateId,
) -> DbResult<Vec<(UsageKind, i64)>> {
    #[derive(crate::Row)]
    struct Count {
        kind: UsageKind,
        n: i64,
    }
    let with_drafts = matches!(scope, Scope::Enterprise { .. });
    let found: Vec<Count> = rows(
        source.connection(),
        "SELECT kind, COUNT(*) AS n FROM usage_record WHERE certificate_id = $1 AND ($2 OR state <> 'draft') \
         GROUP BY kind",
        params![certificate, with_drafts],
    )
    .await?;
    let of = |kind| found.iter().find(|c| c.kind == kind).map_or(0, |c| c.n);
    Ok(UsageKind::ALL.iter().map(|kind| (*kind, of(*kind))).collect())
}

/// A page of the records of a certificate, the newest first; the caller has loaded it in scope.
pub async fn of_certificate(
    source: &impl Source,
    scope: &Scope,
    certificate: CertificateId,
    kind: Option<UsageKind>,
    limit: i64,
    offset: i64,
) -> DbResult<Vec<Record>> {
    let mut conditions = Conditions::new().and("r.certificate_id = ?", params![certificate]);
    if !matches!(scope, Scope::Enterprise { .. }) {
        conditions = conditions.and("r.state <> 'draft'", params![]);
    }
    if let Some(kind) = kind {
        conditions = conditions.and("r.kind = ?", params![kind]);
    }
    let sql = format!("{SELECT}{} ORDER BY r.id DESC LIMIT {limit} OFFSET {offset}", conditions.sql());
    let found: Vec<Columns> = rows(source.connection(), &sql, conditions.values(vec![])).await?;
    with_lines(source, found).await
}

/// What is saved for the first time.
#[derive(Debug, Clone)]
pub struct NewRecord<'a> {
    /// The certificate.
    pub certificate: CertificateId,
    /// What became of the goods.
    pub kind: UsageKind,
    /// One record per opened page, however often the button is clicked.
    pub creation_key: &'a str,
    /// The user whose application it is.
    pub owner: AccountId,
    /// The bureau that supervises the certificate.
    pub bureau: &'a BureauCode,
    /// What its form says.
    pub form: &'a UsageForm,
    /// Its files, waiting until now.
    pub files: &'a [UsageFileId],
}

const FORM: [&str; 15] = [
    "use_unit_name",
    "use_contact",
    "use_phone",
    "use_address",
    "used_on",
    "note",
    "returned_on",
    "port_code",
    "export_decl_no",
    "reason",
    "destroyed_on",
    "place",
    "method",
    "handler",
    "witness",
];

fn form_values(f: &UsageForm) -> Vec<Value> {
    params![
        f.use_unit_name.clone(),
        f.use_contact.clone(),
        f.use_phone.clone(),
        f.use_address.clone(),
        f.used_on,
        f.note.clone(),
        f.returned_on,
        f.port.clone(),
        f.export_decl_no.clone(),
        f.reason.clone(),
        f.destroyed_on,
        f.place.clone(),
        f.method.clone(),
        f.handler.clone(),
        f.witness.clone(),
    ]
}

/// The first 保存 or 提交. A second one with the same key finds the record of the first and changes nothing: then the
/// answer is none. The certificate's row is locked.
pub async fn create(tx: &Tx, new: &NewRecord<'_>, by: &By, now: Instant) -> DbResult<Option<UsageRecordId>> {
    let there = number(
        &tx.0,
        "SELECT COUNT(*) FROM usage_record WHERE certificate_id = $1 AND creation_key = $2",
        params![new.certificate, new.creation_key],
    )
    .await?;
    if there > 0 {
        return Ok(None);
    }
    let columns =
        ["certificate_id", "kind", "state", "creation_key", "owner_id", "bureau_code", "created_at", "saved_at"];
    let columns: Vec<_> = columns.iter().chain(&FORM).copied().collect();
    let marks: Vec<_> = placeholders(1).take(columns.len()).collect();
    let mut values = params![
        new.certificate,
        new.kind,
        UsageState::Draft,
        new.creation_key,
        new.owner,
        new.bureau.clone(),
        now,
        now
    ];
    values.extend(form_values(new.form));
    let sql = format!("INSERT INTO usage_record ({}) VALUES ({}) RETURNING id", columns.join(", "), marks.join(", "));
    let id = UsageRecordId::new(tx.insert(&sql, values).await?);
    add_lines(tx, id, new.form).await?;
    claim_files(tx, new.certificate, Owner::Record(id), new.owner, new.files).await?;
    let detail = serde_json::json!({ "record": id, "kind": new.kind.word() }).to_string();
    record(tx, new.certificate, "usage_create", None, "", &detail, by, now).await?;
    Ok(Some(id))
}

async fn add_lines(tx: &Tx, id: UsageRecordId, form: &UsageForm) -> DbResult<()> {
    let values = form.lines.iter().map(|l| params![id, l.item, l.qty, l.serials.clone()]).collect();
    tx.insert_rows("usage_line", &["record_id", "certificate_item_id", "qty", "serials"], "", values).await
}

/// 保存, 修改: the whole form, with its files; [`DbError::Overtaken`] when another tab was faster.
pub async fn save(
    tx: &Tx,
    seen: &Record,
    edit: UsageStep,
    form: &UsageForm,
    files: &[UsageFileId],
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let sets: Vec<_> = FORM.iter().zip(placeholders(1)).map(|(column, mark)| format!("{column} = {mark}")).collect();
    let mut values = form_values(form);
    values.extend(params![now, seen.id, edit.from(), seen.version]);
    let n = FORM.len();
    let sql = format!(
        "UPDATE usage_record SET {}, saved_at = ${}, version = version + 1 WHERE id = ${} AND state = ${} \
         AND version = ${}",
        sets.join(", "),
        n + 1,
        n + 2,
        n + 3,
        n + 4
    );
    if tx.run(&sql, values).await? == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    tx.run("DELETE FROM usage_line WHERE record_id = $1", params![seen.id]).await?;
    add_lines(tx, seen.id, form).await?;
    drop_other_files(tx, seen.id, files, now).await?;
    claim_files(tx, seen.certificate, Owner::Record(seen.id), seen.ownership.holder, files).await?;
    let detail = serde_json::json!({ "record": seen.id }).to_string();
    record(tx, seen.certificate, edit.action().word(), None, "", &detail, by, now).await
}

/// 删除 of a draft, with its files.
pub async fn delete(tx: &Tx, seen: &Record, deletion: UsageStep, by: &By, now: Instant) -> DbResult<()> {
    if deletion.to().is_some() {
        return Err(DbError::Inconsistent("delete needs a deletion".to_owned()));
    }
    drop_other_files(tx, seen.id, &[], now).await?;
    let sql = "DELETE FROM usage_record WHERE id = $1 AND state = $2 AND version = $3";
    if tx.run(sql, params![seen.id, deletion.from(), seen.version]).await? == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    let detail = serde_json::json!({ "record": seen.id, "kind": seen.kind.word() }).to_string();
    record(tx, seen.certificate, deletion.action().word(), None, "", &detail, by, now).await
}

/// 提交, 审核通过, 审核未通过: the only writer of a record's state. [`DbError::Refused`] names how many products have less
/// left than the record says, and then nothing was done.
pub async fn advance(tx: &Tx, seen: &Record, step: UsageStep, opinion: &str, by: &By, now: Instant) -> DbResult<()> {
    let Some(to) = step.to() else { return Err(DbError::Inconsistent("a deletion leads nowhere".to_owned())) };
    let (sets, decider) = match to {
        UsageState::Submitted => ("submitted_at = $2, decided_at = NULL, decided_by = NULL", None),
        UsageState::Approved | UsageState::Rejected => ("decided_at = $2, decided_by = $6", by.account),
        UsageState::Draft => return Err(DbError::Inconsistent("nothing becomes a draft".to_owned())),
    };
    if to == UsageState::Submitted {
        // From now on they stay, whatever a correction deletes.
        let sql = "UPDATE usage_file SET was_submitted = 1 WHERE record_id = $1 AND was_submitted = 0";
        tx.run(sql, params![seen.id]).await?;
    }
    let name = if decider.is_some() { by.name.clone() } else { String::new() };
    let mut values = params![to, now, seen.id, step.from(), seen.version];
    if decider.is_some() {
        values.push(Value::from(decider));
    }
    let next = values.len();
    values.extend(params![name, opinion]);
    let sql = format!(
        "UPDATE usage_record SET state = $1, {sets}, decided_by_name = ${}, opinion = ${}, version = version + 1 \
         WHERE id = $3 AND state = $4 AND version = $5",
        next + 1,
        next + 2
    );
    if tx.run(&sql, values).await? == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    match step.effect() {
        Effect::Nothing => recount(tx, seen.certificate).await?,
        Effect::Account => {
            account(tx, seen).await?;
            enter(tx, seen, entry_kind(seen.kind), 1, "", by, now).await?;
            recount(tx, seen.certificate).await?;
        }
        Effect::Release => {
            release(tx, seen).await?;
            enter(tx, seen, EntryKind::Release, -1, opinion, by, now).await?;
            recount(tx, seen.certificate).await?;
        }
    }
    let post = decider.map(|_| Post::Supervise);
    let detail = serde_json::json!({ "record": seen.id, "kind": seen.kind.word() }).to_string();
    record(tx, seen.certificate, step.action().word(), post, opinion, &detail, by, now).await
}

/// Takes the quantities from 剩余数量, all or none: check and change are one statement (I6).
async fn account(tx: &Tx, seen: &Record) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE certificate_item SET accounted = certificate_item.accounted + l.qty FROM usage_line l \
             WHERE l.record_id = $1 AND l.certificate_item_id = certificate_item.id AND l.qty > 0 \
             AND certificate_item.accounted + l.qty <= certificate_item.written_off",
            params![seen.id],
        )
        .await?;
    let lines = number(&tx.0, "SELECT COUNT(*) FROM usage_line WHERE record_id = $1", params![seen.id]).await?;
    let short = lines - i64::try_from(done).unwrap_or_default();
    if lines == 0 || short > 0 {
        return Err(DbError::Refused(format!(
            "{}超过剩余数量：有 {short} 个产品的剩余数量不足（可能刚被其他记录占用），没有提交。请核对后修改数量。",
            seen.kind.quantity()
        )));
    }
    Ok(())
}

/// Gives the quantities back (D2, D14).
async fn release(tx: &Tx, seen: &Record) -> DbResult<()> {
    tx.run(
        "UPDATE certificate_item SET accounted = certificate_item.accounted - l.qty FROM usage_line l \
         WHERE l.record_id = $1 AND l.certificate_item_id = certificate_item.id AND l.qty > 0",
        params![seen.id],
    )
    .await?;
    Ok(())
}

const fn entry_kind(kind: UsageKind) -> EntryKind {
    match kind {
        UsageKind::Use => EntryKind::Use,
        UsageKind::Return => EntryKind::Return,
        UsageKind::Destruction => EntryKind::Destroy,
    }
}

/// One entry of the ledger per product of the record, with what stands on its line now.
async fn enter(
    tx: &Tx,
    seen: &Record,
    kind: EntryKind,
    sign: i64,
    reason: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let key = format!("usage-{}-{}", seen.id, seen.version);
    tx.run(
        "INSERT INTO ledger_entry (deed_key, ordinal, certificate_id, certificate_item_id, kind, pending, hs_pending, \
         written_off, hs_written_off, accounted, pending_after, hs_pending_after, written_off_after, \
         hs_written_off_after, accounted_after, actor_id, actor_name, bureau_code, customs_no, reason, at) \
         SELECT CAST($1 AS TEXT), ROW_NUMBER() OVER (ORDER BY i.ordinal) - 1, i.certificate_id, i.id, \
         CAST($2 AS TEXT), 0, 0, 0, 0, CAST($3 AS BIGINT) * l.qty, i.pending, i.hs_pending, i.written_off, \
         i.hs_written_off, i.accounted, CAST($4 AS BIGINT), CAST($5 AS TEXT), CAST($6 AS TEXT), '', \
         CAST($7 AS TEXT), CAST($8 AS BIGINT) FROM usage_line l \
         JOIN certificate_item i ON i.id = l.certificate_item_id WHERE l.record_id = $9",
        params![key, kind, sign, by.account, by.name.clone(), seen.ownership.bureau.clone(), reason, now, seen.id],
    )
    .await?;
    Ok(())
}

/// Keeps the count of lines that are not accounted for.
pub(crate) async fn recount(tx: &Tx, certificate: CertificateId) -> DbResult<()> {
    tx.run(
        "UPDATE certificate SET unaccounted_lines = n.lines, waiting_since = n.waiting, judged_at = n.judged FROM (SELECT \
         (SELECT COUNT(*) FROM certificate_item WHERE certificate_id = $1 AND written_off > accounted) AS lines, \
         (SELECT MIN(submitted_at) FROM usage_record WHERE certificate_id = $1 AND state = 'submitted') AS waiting, \
         (SELECT MAX(decided_at) FROM usage_record WHERE certificate_id = $1) AS judged) n WHERE id = $1",
        params![certificate],
    )
    .await?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "the fields of an audit row")]
async fn record(
    tx: &Tx,
    certificate: CertificateId,
    action: &str,
    post: Option<Post>,
    opinion: &str,
    detail: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let entry = Entry { post, opinion, detail, ..Entry::of(action) };
    audit::record(tx, Subject::Certificate(certificate), by, now, &entry).await
}

/// A line of a certificate as usage sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, crate::Row)]
pub struct GoodsLine {
    /// Its id.
    pub id: CertificateItemId,
    /// 序号 in the annex.
    pub ordinal: i64,
    /// N: 总.
    pub required: Quantity,
    /// W: 已核销.
    pub written_off: Quantity,
    /// U + R + D, and the 尾差 that was closed.
    pub accounted: Quantity,
    /// The 尾差 that was closed with a note.
    pub closed_tail: Quantity,
}

impl GoodsLine {
    /// 剩余数量 (I6).
    pub fn remaining(&self) -> Quantity {
        domain::usage::remaining(self.written_off, self.accounted)
    }
}

/// These lines of a certificate that was loaded in scope, in the order of the annex.
pub async fn lines(source: &impl Source, certificate: CertificateId, ordinals: &[i64]) -> DbResult<Vec<GoodsLine>> {
    let mut found = Vec::with_capacity(ordinals.len());
    for some in ordinals.chunks(300) {
        let marks: Vec<_> = placeholders(2).take(some.len()).collect();
        let sql = format!(
            "SELECT id, ordinal, required, written_off, accounted, closed_tail FROM certificate_item \
             WHERE certificate_id = $1 AND ordinal IN ({}) ORDER BY ordinal",
            marks.join(", ")
        );
        let values = params![certificate].into_iter().chain(some.iter().map(|n| Value::from(*n))).collect();
        let some: Vec<GoodsLine> = rows(source.connection(), &sql, values).await?;
        found.extend(some);
    }
    Ok(found)
}

/// 序号 of these lines.
pub async fn ordinals(source: &impl Source, items: &[CertificateItemId]) -> DbResult<Vec<(CertificateItemId, i64)>> {
    #[derive(crate::Row)]
    struct Ordinal {
        id: CertificateItemId,
        ordinal: i64,
    }
    let mut all = Vec::with_capacity(items.len());
    for some in items.chunks(1_000) {
        let marks: Vec<_> = placeholders(1).take(some.len()).collect();
        let sql = format!("SELECT id, ordinal FROM certificate_item WHERE id IN ({})", marks.join(", "));
        let found: Vec<Ordinal> =
            rows(source.connection(), &sql, some.iter().map(|i| Value::from(*i)).collect()).await?;
        all.extend(found.into_iter().map(|o| (o.id, o.ordinal)));
    }
    Ok(all)
}

/// The lines that a record names, in the order of the annex.
pub async fn lines_of(source: &impl Source, record: UsageRecordId) -> DbResult<Vec<GoodsLine>> {
    rows(
        source.connection(),
        "SELECT i.id, i.ordinal, i.required, i.written_off, i.accounted, i.closed_tail FROM certificate_item i \
         JOIN usage_line l ON l.certificate_item_id = i.id WHERE l.record_id = $1 ORDER BY i.ordinal",
        params![record],
    )
    .await
}

/// What became of the goods of a line, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, crate::Row)]
pub struct Sum {
    /// The line.
    pub item: CertificateItemId,
    /// The kind.
    pub kind: UsageKind,
    /// How many, in submitted and approved records (D2).
    pub qty: Quantity,
}

/// What became of the goods of these lines.
pub async fn sums(source: &impl Source, lines: &[GoodsLine]) -> DbResult<Vec<Sum>> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let marks: Vec<_> = placeholders(1).take(lines.len()).collect();
    let sql = format!(
        "SELECT l.certificate_item_id AS item, r.kind, CAST(SUM(l.qty) AS BIGINT) AS qty FROM usage_line l \
         JOIN usage_record r ON r.id = l.record_id WHERE l.certificate_item_id IN ({}) \
         AND r.state IN ('submitted', 'approved') GROUP BY l.certificate_item_id, r.kind",
        marks.join(", ")
    );
    rows(source.connection(), &sql, lines.iter().map(|l| Value::from(l.id)).collect()).await
}

/// A file of a record or of a visit.
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct UsageFile {
    /// Its id.
    pub id: UsageFileId,
    /// The application of the certificate it belongs to.
    pub application_id: ApplicationId,
    /// The record; none of a photo, and while it waits.
    pub record_id: Option<UsageRecordId>,
    /// The visit.
    pub visit_id: Option<VisitId>,
    /// The name it had on the user's machine.
    pub name: String,
    /// Its size.
    pub size_bytes: i64,
    /// What its first bytes say it is.
    pub content_type: String,
    /// Where it lies in the object store.
    pub object_key: String,
    /// When the picture was taken, as its camera wrote it.
    pub taken_at: String,
    /// When it came.
    pub uploaded_at: Instant,
    /// When it was deleted or replaced after it had been submitted: it stays readable (D32).
    pub removed_at: Option<Instant>,
}

const FILE: &str = "f.id, c.application_id, f.record_id, f.visit_id, f.name, f.size_bytes, f.content_type, \
                    f.object_key, f.taken_at, f.uploaded_at, f.removed_at";

/// The certificate of a file.
const OF: &str = "JOIN certificate c ON c.id = f.certificate_id";

/// Adds a file that waits for its form to be saved; of a picture with when it was taken. [`DbError::Refused`] when too much waits already.
pub async fn add_file(
    tx: &Tx,
    certificate: CertificateId,
    file: &NewFile,
    taken_at: &str,
    by: AccountId,
    now: Instant,
) -> DbResult<UsageFileId> {
    lock(tx, certificate).await?;
    let waiting = number(
        &tx.0,
        "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM usage_file WHERE certificate_id = $1 \
         AND record_id IS NULL AND visit_id IS NULL",
        params![certificate],
    )
    .await?;
    if waiting + file.size_bytes > TOTAL_LIMIT_BYTES {
        return Err(DbError::Refused(format!("“{}”没有上传：{}", file.name, too_much())));
    }
    let id = tx
        .insert(
            "INSERT INTO usage_file (certificate_id, name, size_bytes, sha256, content_type, object_key, taken_at, \
             uploaded_by, uploaded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
            params![
                certificate,
                file.name.clone(),
                file.size_bytes,
                file.sha256.clone(),
                file.content_type.clone(),
                file.object_key.clone(),
                taken_at,
                by,
                now
            ],
        )
        .await?;
    stored_file::take(tx, &file.object_key).await?;
    Ok(UsageFileId::new(id))
}

fn too_much() -> &'static str {
    "一条记录的附件合计不能超过 100M，请删除不需要的附件或压缩后再上传"
}

#[derive(crate::Row)]
struct Claimed {
    files: i64,
    size_bytes: i64,
}

/// What to say when a form names more files than there are: nobody saved them within a day.
pub fn lost(named: usize, found: usize) -> Option<String> {
    let lost = named.saturating_sub(found);
    (lost > 0).then(|| format!("有 {lost} 个附件上传后超过一天没有保存，已被清除，请重新上传"))
}

/// So many files at most belong to one record or visit.
const MOST_FILES: usize = 100;

/// Whose files they become.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Owner {
    Record(UsageRecordId),
    Visit(VisitId),
}

/// The waiting files that a saved form names become those of its record or visit. Others' and those of other
/// certificates are left alone.
pub(crate) async fn claim_files(
    tx: &Tx,
    certificate: CertificateId,
    owner: Owner,
    by: AccountId,
    files: &[UsageFileId],
) -> DbResult<()> {
    if files.is_empty() {
        return Ok(());
    }
    let (column, id) = match owner {
        Owner::Record(id) => ("record_id", id.get()),
        Owner::Visit(id) => ("visit_id", id.get()),
    };
    let marks: Vec<_> = placeholders(4).take(files.len()).collect();
    let sql = format!(
        "UPDATE usage_file SET {column} = $1 WHERE certificate_id = $2 AND uploaded_by = $3 AND record_id IS NULL \
         AND visit_id IS NULL AND id IN ({})",
        marks.join(", ")
    );
    let mut values = params![id, certificate, by];
    values.extend(files.iter().map(|f| Value::from(*f)));
    tx.run(&sql, values).await?;
    let sql = format!(
        "SELECT COUNT(*) AS files, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS size_bytes FROM usage_file \
         WHERE {column} = $1 AND removed_at IS NULL"
    );
    let has: Claimed = row(&tx.0, &sql, params![id]).await?.ok_or(DbError::NotFound)?;
    if let Some(why) = lost(files.len(), usize::try_from(has.files).unwrap_or_default()) {
        return Err(DbError::Refused(format!("没有保存：{why}")));
    }
    if files.len() > MOST_FILES {
        let why = format!("没有保存：一条记录最多 {MOST_FILES} 个附件，现在是 {} 个，请删除不需要的附件", files.len());
        return Err(DbError::Refused(why));
    }
    if has.size_bytes > TOTAL_LIMIT_BYTES {
        return Err(DbError::Refused(format!("没有保存：{}", too_much())));
    }
    Ok(())
}

/// Removes the files of a record that are not among these; the sweep removes what lies in the store. What was once submitted
/// stays readable, marked with the time; named again, it belongs to the record again (D32).
async fn drop_other_files(tx: &Tx, id: UsageRecordId, kept: &[UsageFileId], now: Instant) -> DbResult<()> {
    let marks: Vec<_> = placeholders(3).take(kept.len()).collect();
    let others = if kept.is_empty() { String::new() } else { format!(" AND id NOT IN ({})", marks.join(", ")) };
    let values = || params![now, id].into_iter().chain(kept.iter().map(|f| Value::from(*f))).collect::<Vec<_>>();
    let sql = format!(
        "INSERT INTO orphaned_object (object_key, since) SELECT object_key, CAST($1 AS BIGINT) FROM usage_file \
         WHERE record_id = $2 AND was_submitted = 0{others}"
    );
    tx.run(&sql, values()).await?;
    // The same marks, so that both statements mean the same files.
    let sql =
        format!("DELETE FROM usage_file WHERE record_id = $2 AND was_submitted = 0 AND uploaded_at <= $1{others}");
    tx.run(&sql, values()).await?;
    let named = if kept.is_empty() { "1 = 0".to_owned() } else { format!("id IN ({})", marks.join(", ")) };
    let sql = format!(
        "UPDATE usage_file SET removed_at = CASE WHEN {named} THEN NULL ELSE COALESCE(removed_at, CAST($1 AS BIGINT)) END \
         WHERE record_id = $2 AND was_submitted = 1"
    );
    tx.run(&sql, values()).await?;
    Ok(())
}

/// The files of these records, in the order of their arrival.
pub async fn files_of(source: &impl Source, records: &[UsageRecordId]) -> DbResult<Vec<UsageFile>> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let marks: Vec<_> = placeholders(1).take(records.len()).collect();
    let sql = format!("SELECT {FILE} FROM usage_file f {OF} WHERE f.record_id IN ({}) ORDER BY f.id", marks.join(", "));
    rows(source.connection(), &sql, records.iter().map(|id| Value::from(*id)).collect()).await
}

/// These files of a certificate, as far as they wait for this user or belong to the record.
pub async fn files_among(
    source: &impl Source,
    certificate: CertificateId,
    record: Option<UsageRecordId>,
    by: AccountId,
    files: &[UsageFileId],
) -> DbResult<Vec<UsageFile>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let marks: Vec<_> = placeholders(4).take(files.len()).collect();
    let sql = format!(
        "SELECT {FILE} FROM usage_file f {OF} WHERE f.certificate_id = $1 AND ((f.record_id IS NULL AND f.visit_id IS NULL \
         AND f.uploaded_by = $2) OR f.record_id = $3) AND f.id IN ({}) ORDER BY f.id",
        marks.join(", ")
    );
    let mut values = params![certificate, by, record];
    values.extend(files.iter().map(|f| Value::from(*f)));
    rows(source.connection(), &sql, values).await
}

/// One file in scope: of a record that the scope sees, of a visit for the authorities, or waiting for its own user.
pub async fn load_file(source: &impl Source, scope: &Scope, user: AccountId, id: UsageFileId) -> DbResult<UsageFile> {
    let conditions = scope::visible(scope).and("f.id = ?", params![id]);
    let conditions = match scope {
        Scope::Enterprise { .. } => {
            conditions.and("(r.id IS NOT NULL OR (f.visit_id IS NULL AND f.uploaded_by = ?))", params![user])
        }
        Scope::Bureau(_) | Scope::All => {
            conditions.and("(r.state <> 'draft' OR f.visit_id IS NOT NULL OR f.uploaded_by = ?)", params![user])
        }
    };
    let sql = format!(
        "SELECT {FILE} FROM usage_file f JOIN certificate c ON c.id = f.certificate_id \
         JOIN application a ON a.id = c.application_id LEFT JOIN usage_record r ON r.id = f.record_id{}",
        conditions.sql()
    );
    row(source.connection(), &sql, conditions.values(vec![])).await?.ok_or(DbError::NotFound)
}

/// Forgets files that waited for a day without a form being saved; the sweep of orphans removes them from the store.
pub async fn sweep(tx: &Tx, now: Instant) -> DbResult<()> {
    let end = now.plus_hours(-WAITING_HOURS);
    tx.run(
        "INSERT INTO orphaned_object (object_key, since) SELECT object_key, CAST($1 AS BIGINT) FROM usage_file \
         WHERE record_id IS NULL AND visit_id IS NULL AND uploaded_at <= $2",
        params![now, end],
    )
    .await?;
    tx.run("DELETE FROM usage_file WHERE record_id IS NULL AND visit_id IS NULL AND uploaded_at <= $1", params![end])
        .await?;
    Ok(())
}

//! 证明修改 (manual §2.7): what is changed lies beside the certificate, which changes at the confirmation only (E13).
//!
//! Every deed locks the certificate first ([`crate::certificate::lock`]); whoever declares or writes off does too, so that an
//! amendment and a write-off exclude each other (D13). An index allows one open amendment per certificate.

use domain::actor::Post;
use domain::amendment::{Action, Facts, Product, Step};
use domain::catalogue::Trait;
use domain::certificate::{AmendmentState, Validity};
use domain::ids::{AccountId, AmendmentId, ApplicationId, BureauCode, CertificateId, HsCode, ItemId, UnitCode};
use domain::policy::Scope;
use domain::quantity::Quantity;
use domain::time::{Day, Instant};

use crate::audit::{self, By, Entry, Subject};
use crate::certificate::Certificate;
use crate::{DbError, DbResult, Source, Tx, params, row, rows, scope};

/// Told to somebody whose page is older than the data.
pub const OVERTAKEN: &str = "该证明或其修改已被办理，请刷新后查看最新状态";

/// An amendment.
#[derive(Debug, Clone, crate::Row)]
pub struct Amendment {
    /// Its id.
    pub id: AmendmentId,
    /// The certificate.
    pub certificate_id: CertificateId,
    /// The bureau that amends.
    pub bureau_code: BureauCode,
    /// Where it stands.
    pub state: AmendmentState,
    /// Counts its changes; two tabs are told apart by it.
    pub version: i64,
    /// The version of the certificate that it changes.
    pub base_version: i64,
    /// The version that its confirmation made.
    pub new_version: Option<i64>,
    /// Why the enterprise asked online.
    pub request_reason: String,
    /// When it asked.
    pub requested_at: Option<Instant>,
    /// 来电人, after a phone call.
    pub caller: String,
    /// 电话记录.
    pub call_note: String,
    /// When it was released.
    pub opened_at: Option<Instant>,
    /// By whom.
    pub opened_by: Option<AccountId>,
    /// First day that is asked for.
    pub valid_from: Day,
    /// Last day that is asked for.
    pub valid_to: Day,
    /// 修改原因.
    pub reason: String,
    /// When it was submitted last.
    pub submitted_at: Option<Instant>,
    /// The last word of the bureau.
    pub opinion: String,
    /// When it was said.
    pub decided_at: Option<Instant>,
    /// By whom.
    pub decided_by: Option<AccountId>,
    /// The officer who has taken it (E14).
    pub handler_id: Option<AccountId>,
}

impl Amendment {
    /// The validity that is asked for.
    pub const fn validity(&self) -> Validity {
        Validity { from: self.valid_from, to: self.valid_to }
    }
}

const SELECT: &str = "SELECT m.id, m.certificate_id, m.bureau_code, m.state, m.version, m.base_version, m.new_version, \
    m.request_reason, m.requested_at, m.caller, m.call_note, m.opened_at, m.opened_by, m.valid_from, m.valid_to, \
    m.reason, m.submitted_at, m.opinion, m.decided_at, m.decided_by, m.handler_id FROM certificate_amendment m";

/// Its states that are not over.
const OPEN: &str = "m.state IN ('requested', 'opened', 'submitted', 'sent_back')";

/// What decides hats and guards. The caller has loaded the certificate in scope.
pub async fn facts(source: &impl Source, certificate: &Certificate) -> DbResult<Facts> {
    #[derive(crate::Row)]
    struct Columns {
        holder: AccountId,
        amendment: Option<AmendmentState>,
        opened_by: Option<AccountId>,
        bureau: BureauCode,
        four_eyes: Option<bool>,
    }
    let sql = format!(
        "SELECT a.owner_id AS holder, m.state AS amendment, m.opened_by, \
         COALESCE(r.bureau_code, c.bureau_code) AS bureau, \
         (SELECT b.four_eyes FROM bureau b WHERE b.code = COALESCE(r.bureau_code, c.bureau_code)) AS four_eyes \
         FROM certificate c JOIN application a ON a.id = c.application_id \
         LEFT JOIN application_route r ON r.application_id = a.id AND r.step = 'amend' \
         LEFT JOIN certificate_amendment m ON m.certificate_id = c.id AND {OPEN} WHERE c.id = $1"
    );
    let found: Option<Columns> = row(source.connection(), &sql, params![certificate.id]).await?;
    let c = found.ok_or(DbError::NotFound)?;
    Ok(Facts {
        holder: c.holder,
        state: certificate.state,
        is_untouched: certificate.written_lines == 0,
        has_pending: certificate.pending_lines > 0,
        amendment: c.amendment,
        opened_by: c.opened_by,
        bureau: c.bureau,
        four_eyes: c.four_eyes.unwrap_or(true),
    })
}

/// The open amendment of a certificate. The caller has loaded the certificate in scope.
pub async fn open_of(source: &impl Source, certificate: CertificateId) -> DbResult<Option<Amendment>> {
    let sql = format!("{SELECT} WHERE m.certificate_id = $1 AND {OPEN}");
    row(source.connection(), &sql, params![certificate]).await
}

/// The newest amendment of a certificate, open or over. The caller has loaded the certificate in scope.
pub async fn newest_of(source: &impl Source, certificate: CertificateId) -> DbResult<Option<Amendment>> {
    let sql = format!("{SELECT} WHERE m.certificate_id = $1 ORDER BY m.id DESC LIMIT 1");
    row(source.connection(), &sql, params![certificate]).await
}

/// An amendment whose certificate the scope sees.
pub async fn load(source: &impl Source, scope: &Scope, id: AmendmentId) -> DbResult<Amendment> {
    let conditions = scope::visible(scope).and("m.id = ?", params![id]);
    let sql = format!(
        "{SELECT} JOIN certificate c ON c.id = m.certificate_id JOIN application a ON a.id = c.application_id{}",
        conditions.sql()
    );
    row(source.connection(), &sql, conditions.values(vec![])).await?.ok_or(DbError::NotFound)
}

/// What a new amendment begins with.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    /// Why the enterprise asks online; empty after a phone call.
    pub request_reason: &'a str,
    /// 来电人; empty when it was asked for online.
    pub caller: &'a str,
    /// 电话记录.
    pub call_note: &'a str,
}

/// Begins an amendment: asked for by the enterprise, or released after a phone call (M1). Refused when somebody was
/// faster.
pub async fn begin(
    tx: &Tx,
    certificate: &Certificate,
    of: &Facts,
    step: Step,
    new: Beginning<'_>,
    by: &By,
    now: Instant,
) -> DbResult<AmendmentId> {
    let opened = step.to() == AmendmentState::Opened;
    if opened {
        hold(tx, certificate).await?;
    }
    let inserted = tx
        .insert(
            "INSERT INTO certificate_amendment (certificate_id, bureau_code, state, base_version, request_reason, \
             requested_at, caller, call_note, opened_at, opened_by, valid_from, valid_to, holder_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
            params![
                certificate.id,
                of.bureau.clone(),
                step.to(),
                certificate.version,
                new.request_reason,
                (!opened).then_some(now),
                new.caller,
                new.call_note,
                opened.then_some(now),
                by.account.filter(|_| opened),
                certificate.valid_from,
                certificate.valid_to,
                of.holder
            ],
        )
        .await;
    let id = match inserted {
        Ok(id) => AmendmentId::new(id),
        Err(DbError::Duplicate(_)) => return Err(DbError::Overtaken(OVERTAKEN.to_owned())),
        Err(error) => return Err(error),
    };
    let opinion = if opened { new.call_note } else { new.request_reason };
    let detail = if new.caller.is_empty() { String::new() } else { detail_of(&[("caller", new.caller)])? };
    note(tx, certificate.id, step, opinion, &detail, by, now).await?;
    Ok(id)
}

/// The certificate waits for the amendment: from now on nothing is declared or written off (D13).
async fn hold(tx: &Tx, certificate: &Certificate) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE certificate SET state = 'amending' WHERE id = $1 AND state = 'valid' AND version = $2 \
             AND written_lines = 0 AND pending_lines = 0",
            params![certificate.id, certificate.version],
        )
        .await?;
    if done == 0 { Err(DbError::Overtaken(OVERTAKEN.to_owned())) } else { Ok(()) }
}

fn detail_of(facts: &[(&str, &str)]) -> DbResult<String> {
    let map: std::collections::BTreeMap<_, _> = facts.iter().copied().collect();
    serde_json::to_string(&map).map_err(|e| DbError::Inconsistent(format!("facts of a deed: {e}")))
}

async fn note(
    tx: &Tx,
    certificate: CertificateId,
    step: Step,
    opinion: &str,
    detail: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let entry = Entry { post: step.post(), opinion, detail, ..Entry::of(step.action().word()) };
    audit::record(tx, Subject::Certificate(certificate), by, now, &entry).await
}

/// Moves an amendment along an arrow of the table; the certificate follows where the arrow says so. What `opinion` says
/// is shown to both sides. For [`Action::Confirm`] there is [`confirm`], for the saves [`save_basics`] and [`save_item`].
pub async fn advance(
    tx: &Tx,
    certificate: &Certificate,
    seen: &Amendment,
    step: Step,
    opinion: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    match step.action() {
        Action::Open => hold(tx, certificate).await?,
        Action::Cancel if domain::amendment::is_in_hand(seen.state) => free(tx, certificate).await?,
        Action::Request
        | Action::Refuse
        | Action::Edit
        | Action::Submit
        | Action::Confirm
        | Action::SendBack
        | Action::Cancel => {}
    }
    let (sets, mut values) = match step.action() {
        Action::Open => ("opened_at = $1, opened_by = $2, opinion = $3", params![now, by.account, opinion]),
        // The opinion of the last look stays beside what was mended.
        Action::Submit => ("submitted_at = $1", params![now]),
        Action::Request | Action::Refuse | Action::Edit | Action::Confirm | Action::SendBack | Action::Cancel => {
            ("decided_at = $1, decided_by = $2, opinion = $3", params![now, by.account, opinion])
        }
    };
    let n = values.len();
    values.extend(params![step.to(), seen.id, seen.state, seen.version]);
    let sql = format!(
        "UPDATE certificate_amendment SET {sets}, state = ${}, handler_id = NULL, taken_at = NULL, version = version + 1 \
         WHERE id = ${} AND state = ${} AND version = ${}",
        n + 1,
        n + 2,
        n + 3,
        n + 4
    );
    if tx.run(&sql, values).await? == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    note(tx, certificate.id, step, opinion, "", by, now).await
}

/// 办理, 接手, 放弃办理 of an amendment (E14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking<'a> {
    /// Takes what nobody has.
    Take,
    /// Takes it over from its holder, with a reason.
    TakeOver(&'a str),
    /// Gives it back to its post.
    Release,
}

/// Takes an amendment at this post, takes it over, or gives it back. The certificate is locked, and the caller has asked
/// whether the officer works on it. [`DbError::Overtaken`] when somebody was faster.
pub async fn take(
    tx: &Tx,
    seen: &Amendment,
    taking: Taking<'_>,
    (officer, post): (AccountId, Option<Post>),
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let (handler, reason, action) = match taking {
        Taking::Take => (Some(officer), "", "take"),
        Taking::TakeOver(reason) => (Some(officer), reason, "take_over"),
        Taking::Release => (None, "", "release"),
    };
    let sql = "UPDATE certificate_amendment SET handler_id = $1, taken_at = $2, version = version + 1 \
               WHERE id = $3 AND version = $4 AND state = $5";
    let values = params![handler, handler.map(|_| now), seen.id, seen.version, seen.state];
    if tx.run(sql, values).await? == 0 {
        return Err(DbError::Overtaken(OVERTAKEN.to_owned()));
    }
    let entry = Entry { post, opinion: reason, ..Entry::of(action) };
    audit::record(tx, Subject::Certificate(seen.certificate_id), by, now, &entry).await
}

/// The certificate is free again, unchanged. A certificate that ends is left to its own deed.
async fn free(tx: &Tx, certificate: &Certificate) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE certificate SET state = 'valid' WHERE id = $1 AND state = 'amending' AND version = $2",
            params![certificate.id, certificate.version],
        )
        .await?;
    if done == 0 { Err(DbError::Overtaken(OVERTAKEN.to_owned())) } else { Ok(()) }
}

/// 保存 of 证明基本信息: validity and 修改原因 (R-2.7-03).
pub async fn save_basics(
    tx: &Tx,
    seen: &Amendment,
    step: Step,
    validity: Validity,
    reason: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    touch(tx, seen, step).await?;
    tx.run(
        "UPDATE certificate_amendment SET valid_from = $1, valid_to = $2, reason = $3 WHERE id = $4",
        params![validity.from, validity.to, reason, seen.id],
    )
    .await?;
    note(tx, seen.certificate_id, step, "", "", by, now).await
}

async fn touch(tx: &Tx, seen: &Amendment, step: Step) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE certificate_amendment SET version = version + 1 WHERE id = $1 AND state = $2 AND version = $3",
            params![seen.id, step.to(), seen.version],
        )
        .await?;
    if done == 0 { Err(DbError::Overtaken(OVERTAKEN.to_owned())) } else { Ok(()) }
}

/// 保存 of a product (R-2.7-06, -07). One that is the certificate's again is no change any more.
#[expect(clippy::too_many_arguments, reason = "one deed: what is changed, from what to what, by whom, when")]
pub async fn save_item(
    tx: &Tx,
    seen: &Amendment,
    step: Step,
    ordinal: i64,
    old: &Product,
    new: &Product,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    touch(tx, seen, step).await?;
    if new == old {
        tx.run(
            "DELETE FROM certificate_amendment_item WHERE amendment_id = $1 AND ordinal = $2",
            params![seen.id, ordinal],
        )
        .await?;
    } else {
        let traits = serde_json::to_string(&new.traits).map_err(|e| DbError::Inconsistent(e.to_string()))?;
        tx.run(
            "INSERT INTO certificate_amendment_item (amendment_id, ordinal, product_name, hs_code, hs_name, hs_unit, \
             model, qty, hs_qty, brand, manufacturer, traits, product_folded) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (amendment_id, ordinal) DO UPDATE SET product_name = excluded.product_name, \
             hs_code = excluded.hs_code, hs_name = excluded.hs_name, hs_unit = excluded.hs_unit, \
             model = excluded.model, qty = excluded.qty, hs_qty = excluded.hs_qty, brand = excluded.brand, \
             manufacturer = excluded.manufacturer, traits = excluded.traits, \
             product_folded = excluded.product_folded",
            params![
                seen.id,
                ordinal,
                new.product_name.clone(),
                new.hs_code.clone(),
                new.hs_name.clone(),
                new.hs_unit.clone(),
                new.model.clone(),
                new.qty,
                new.hs_qty,
                new.brand.clone(),
                new.manufacturer.clone(),
                traits,
                domain::text::fold(&new.product_name)
            ],
        )
        .await?;
    }
    let detail = detail_of(&[("product", &ordinal.to_string())])?;
    note(tx, seen.certificate_id, step, "", &detail, by, now).await
}

/// 通过 (M3): version n + 1 with its sheet, its validity and its balances, in one transaction. Refused when anything was
/// declared or written off meanwhile, or somebody was faster.
#[expect(clippy::too_many_arguments, reason = "one deed: on what, what it makes, by whom, when")]
pub async fn confirm(
    tx: &Tx,
    certificate: &Certificate,
    seen: &Amendment,
    step: Step,
    sheet: &str,
    opinion: &str,
    by: &By,
    now: Instant,
) -> DbResult<i64> {
    let version = certificate.version + 1;
    let overtaken = || DbError::Overtaken(OVERTAKEN.to_owned());
    let done = tx
        .run(
            "UPDATE certificate SET state = 'valid', version = $1, valid_from = $2, valid_to = $3 \
             WHERE id = $4 AND state = 'amending' AND version = $5 AND written_lines = 0 AND pending_lines = 0",
            params![version, seen.valid_from, seen.valid_to, certificate.id, seen.base_version],
        )
        .await?;
    if done == 0 {
        return Err(overtaken());
    }
    let done = tx
        .run(
            "UPDATE certificate_item SET required = n.qty, hs_required = n.hs_qty, hs_code = n.hs_code, \
             product_folded = n.product_folded \
             FROM certificate_amendment_item n WHERE n.amendment_id = $1 AND certificate_item.certificate_id = $2 \
             AND certificate_item.ordinal = n.ordinal AND certificate_item.written_off = 0 \
             AND certificate_item.hs_written_off = 0 AND certificate_item.pending = 0 \
             AND certificate_item.hs_pending = 0",
            params![seen.id, certificate.id],
        )
        .await?;
    if i64::try_from(done).unwrap_or(i64::MAX) != count_items(tx, seen.id).await? {
        return Err(overtaken());
    }
    crate::search::index(tx, certificate.application_id).await?;
    tx.run(
        "INSERT INTO certificate_version (certificate_id, version, sheet, created_at) VALUES ($1, $2, $3, $4)",
        params![certificate.id, version, sheet, now],
    )
    .await?;
    let done = tx
        .run(
            "UPDATE certificate_amendment SET state = $1, new_version = $2, opinion = $3, decided_at = $4, \
             decided_by = $5, handler_id = NULL, taken_at = NULL, version = version + 1 WHERE id = $6 AND state = $7 AND version = $8",
            params![step.to(), version, opinion, now, by.account, seen.id, seen.state, seen.version],
        )
        .await?;
    if done == 0 {
        return Err(overtaken());
    }
    let detail = detail_of(&[("version", &version.to_string())])?;
    note(tx, certificate.id, step, opinion, &detail, by, now).await?;
    Ok(version)
}

/// The certificate ends: what is open of its amendment ends with it (D23). Says whether there was one.
pub async fn end(tx: &Tx, certificate: &Certificate, why: &str, by: &By, now: Instant) -> DbResult<bool> {
    let Some(open) = open_of(tx, certificate.id).await? else { return Ok(false) };
    let Some(step) = domain::amendment::end(Some(open.state)) else { return Ok(false) };
    advance(tx, certificate, &open, step, why, by, now).await?;
    Ok(true)
}

/// A line of the annex, as a version of the certificate has it, and as an amendment would have it.
#[derive(Debug, Clone)]
pub struct Line {
    /// 序号.
    pub ordinal: i64,
    /// The product of the application, for what no amendment changes.
    pub item: ItemId,
    /// 数量/重量单位.
    pub qty_unit: UnitCode,
    /// What the version says.
    pub old: Product,
    /// What the amendment says; none = as it is.
    pub new: Option<Product>,
}

impl Line {
    /// What the line would be.
    pub fn product(&self) -> &Product {
        self.new.as_ref().unwrap_or(&self.old)
    }
}

/// Which lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All from one 序号 to another.
    Between(i64, i64),
    /// Those that the amendment changes, so many after so many.
    Changed {
        /// At most.
        limit: i64,
        /// Left out before them.
        offset: i64,
    },
}

#[derive(crate::Row)]
struct OldColumns {
    ordinal: i64,
    id: ItemId,
    qty_unit: UnitCode,
    product_name: String,
    hs_code: HsCode,
    hs_name: String,
    hs_unit: UnitCode,
    model: String,
    qty: Quantity,
    hs_qty: Quantity,
    brand: String,
    manufacturer: String,
    traits: String,
}

#[derive(crate::Row)]
struct NewColumns {
    amendment_id: AmendmentId,
    ordinal: i64,
    product_name: String,
    hs_code: HsCode,
    hs_name: String,
    hs_unit: UnitCode,
    model: String,
    qty: Quantity,
    hs_qty: Quantity,
    brand: String,
    manufacturer: String,
    traits: String,
}

fn traits_of(stored: &str) -> DbResult<Vec<Trait>> {
    serde_json::from_str(stored).map_err(|e| DbError::Inconsistent(format!("traits of an amended product: {e}")))
}

/// Lines of the annex in the version that `amendment` changes, beside what it says, in their order; two statements. The
/// caller has loaded both in scope.
///
/// A version is the products of the application with the changes of every confirmed amendment up to it.
pub async fn lines(
    source: &impl Source,
    application: ApplicationId,
    amendment: &Amendment,
    which: Which,
) -> DbResult<Vec<Line>> {
    let (wanted, mut values) = match which {
        Which::Between(first, last) => ("BETWEEN $2 AND $3".to_owned(), params![application, first, last]),
        Which::Changed { limit, offset } => (
            format!(
                "IN (SELECT n.ordinal FROM certificate_amendment_item n WHERE n.amendment_id = $2 \
                 ORDER BY n.ordinal LIMIT {limit} OFFSET {offset})"
            ),
            params![application, amendment.id],
        ),
    };
    // The order of the annex is that of the entry (see `certificate::issue`).
    let sql = format!(
        "SELECT i.ordinal, i.id, i.qty_unit, i.product_name, i.hs_code, i.hs_name, i.hs_unit, i.model, i.qty, i.hs_qty, \
         i.brand, i.manufacturer, i.traits FROM (SELECT ROW_NUMBER() OVER (ORDER BY id) AS ordinal, p.* \
         FROM application_item p WHERE p.application_id = $1) i WHERE i.ordinal {wanted} ORDER BY i.ordinal"
    );
    let old: Vec<OldColumns> = rows(source.connection(), &sql, values.clone()).await?;
    let wanted = match which {
        Which::Between(..) => "BETWEEN $4 AND $5",
        Which::Changed { .. } => "IN (SELECT n.ordinal FROM certificate_amendment_item n WHERE n.amendment_id = $1)",
    };
    values = params![amendment.id, amendment.certificate_id, amendment.base_version];
    if let Which::Between(first, last) = which {
        values.extend(params![first, last]);
    }
    let sql = format!(
        "SELECT n.amendment_id, n.ordinal, n.product_name, n.hs_code, n.hs_name, n.hs_unit, n.model, n.qty, n.hs_qty, \
         n.brand, n.manufacturer, n.traits FROM certificate_amendment_item n \
         JOIN certificate_amendment m ON m.id = n.amendment_id \
         WHERE (m.id = $1 OR (m.certificate_id = $2 AND m.state = 'confirmed' AND m.new_version <= $3)) \
         AND n.ordinal {wanted} ORDER BY n.ordinal, m.id"
    );
    let mut changes: Vec<NewColumns> = rows(source.connection(), &sql, values).await?;
    let mut lines = Vec::with_capacity(old.len());
    for o in old {
        let mut line = Line {
            ordinal: o.ordinal,
            item: o.id,
            qty_unit: o.qty_unit,
            old: Product {
                product_name: o.product_name,
                hs_code: o.hs_code,
                hs_name: o.hs_name,
                hs_unit: o.hs_unit,
                model: o.model,
                qty: o.qty,
                hs_qty: o.hs_qty,
                brand: o.brand,
                manufacturer: o.manufacturer,
                traits: traits_of(&o.traits)?,
            },
            new: None,
        };
        // Both are in the order of the annex.
        let before = changes.partition_point(|c| c.ordinal < o.ordinal);
        changes.drain(..before);
        let own = changes.partition_point(|c| c.ordinal == o.ordinal);
        for c in changes.drain(..own) {
            let is_new = c.amendment_id == amendment.id;
            let product = Product {
                product_name: c.product_name,
                hs_code: c.hs_code,
                hs_name: c.hs_name,
                hs_unit: c.hs_unit,
                model: c.model,
                qty: c.qty,
                hs_qty: c.hs_qty,
                brand: c.brand,
                manufacturer: c.manufacturer,
                traits: traits_of(&c.traits)?,
            };
            if is_new {
                line.new = Some(product);
            } else {
                line.old = product;
            }
        }
        lines.push(line);
    }
    Ok(lines)
}

/// The products of the version in force, by the order of the annex, and none when no amendment changed the products of the
/// application. The caller has loaded the certificate in scope.
pub async fn in_force(source: &impl Source, certificate: &Certificate) -> DbResult<Option<Vec<Product>>> {
    let Some(newest) = newest_of(source, certificate.id).await?.filter(|_| certificate.version > 1) else {
        return Ok(None);
    };
    let lines = lines(source, certificate.application_id, &newest, Which::Between(1, i64::MAX)).await?;
    let is_confirmed = newest.state == AmendmentState::Confirmed;
    let product = |l: Line| match l.new {
        Some(new) if is_confirmed => new,
        Some(_) | None => l.old,
    };
    Ok(Some(lines.into_iter().map(product).collect()))
}

/// One line of the annex.
pub async fn line(
    source: &impl Source,
    application: ApplicationId,
    amendment: &Amendment,
    ordinal: i64,
) -> DbResult<Line> {
    let mut found = lines(source, application, amendment, Which::Between(ordinal, ordinal)).await?;
    found.pop().ok_or(DbError::NotFound)
}

/// How many products an amendment changes.
pub async fn count_items(source: &impl Source, amendment: AmendmentId) -> DbResult<i64> {
    let sql = "SELECT COUNT(*) FROM certificate_amendment_item WHERE amendment_id = $1";
    crate::number(source.connection(), sql, params![amendment]).await
}

//! 基础数据 as CNCA keeps it on pages (R-C-02, R-C-04).
//!
//! Every change is an edition: what a row says from a day on. An edition of today changes the row at once, a later one when
//! its day comes ([`apply_due`]). Rows are never deleted, only ended, and what an application froze does not change.

use std::collections::{BTreeMap, BTreeSet};

use domain::application::Need;
use domain::ids::{AttachmentKindCode, BureauCode, ClauseCode};
use domain::policy::{KeepBureauContact, KeepReferences, Permit};
use domain::reference::{Field, FieldKind, ReferenceKind};
use domain::text;
use domain::time::{Day, Instant};

use crate::audit::{self, By, Entry, Subject};
use crate::search::{Conditions, folded_sql};
use crate::{DbError, DbResult, Source, Tx, Value, account, params, recount, row, rows};

/// The word of editions of the matrix of attachments.
const RULES: &str = "attachment_rule";
/// The first day of what always was.
pub const BEGINNING: &str = "0001-01-01";
/// The last day of what has no end.
pub const END: &str = "9999-12-31";

/// What a row says: its fields by column, and `valid_from`, `valid_to` where it is dated. A flag is `1` or empty.
pub type Content = BTreeMap<String, String>;

/// A row in a list.
#[derive(Debug, Clone, crate::Row)]
pub struct Line {
    /// Its code.
    pub code: String,
    /// Its name.
    pub title: String,
    /// Its first day; empty where rows have none.
    pub valid_from: String,
    /// Its last day.
    pub valid_to: String,
    /// Whether a later edition waits for its day.
    pub pending: i64,
}

fn narrowed(kind: ReferenceKind, typed: &str, ended: Option<bool>, today: Day) -> Conditions {
    let mut all = Conditions::new();
    let folded = text::fold(typed);
    if !folded.is_empty() {
        let name = if kind == ReferenceKind::HsType {
            "t.name_folded".to_owned()
        } else {
            folded_sql(&format!("CAST(t.{} AS TEXT)", kind.title_column()))
        };
        let code = format!("{}%", text::escape_like(&folded));
        let code_column = kind.code_column();
        let sql = format!("(LOWER(t.{code_column}) LIKE ? ESCAPE '\\' OR {name} LIKE ? ESCAPE '\\')");
        all = all.and(&sql, params![code, text::like_pattern(&folded)]);
    }
    match ended {
        Some(true) if kind.is_dated() => all.and("t.valid_to < ?", params![today]),
        Some(false) if kind.is_dated() => all.and("t.valid_to >= ?", params![today]),
        Some(_) | None => all,
    }
}

/// How many rows there are.
pub async fn count(
    source: &impl Source,
    _: &Permit<KeepReferences>,
    kind: ReferenceKind,
    typed: &str,
    ended: Option<bool>,
    today: Day,
) -> DbResult<i64> {
    let conditions = narrowed(kind, typed, ended, today);
    let sql = format!("SELECT COUNT(*) FROM {} t{}", kind.word(), conditions.sql());
    crate::number(source.connection(), &sql, conditions.values(vec![])).await
}

/// A page of them, by code.
#[expect(clippy::too_many_arguments, reason = "one question with its filters and its page")]
pub async fn list(
    source: &impl Source,
    _: &Permit<KeepReferences>,
    kind: ReferenceKind,
    typed: &str,
    ended: Option<bool>,
    today: Day,
    limit: i64,
    offset: i64,
) -> DbResult<Vec<Line>> {
    let conditions = narrowed(kind, typed, ended, today);
    let (from, to) = if kind.is_dated() { ("t.valid_from", "t.valid_to") } else { ("''", "''") };
    let code = kind.code_column();
    let title = if kind == ReferenceKind::Holiday {
        "t.name || CASE WHEN t.is_working THEN '（上班）' ELSE '（放假）' END".to_owned()
    } else {
        format!("CAST(t.{} AS TEXT)", kind.title_column())
    };
    // Of the days the newest year is looked at.
    let direction = if kind == ReferenceKind::Holiday { " DESC" } else { "" };
    let sql = format!(
        "SELECT t.{code} AS code, {title} AS title, {from} AS valid_from, {to} AS valid_to, \
         (SELECT COUNT(*) FROM reference_edition e WHERE e.kind = '{}' AND e.code = t.{code} \
         AND e.applied_at IS NULL AND e.cancelled_at IS NULL) AS pending \
         FROM {} t{} ORDER BY t.{code}{direction} LIMIT {limit} OFFSET {offset}",
        kind.word(),
        kind.word(),
        conditions.sql()
    );
    rows(source.connection(), &sql, conditions.values(vec![])).await
}

#[derive(crate::Row)]
struct ContentColumns {
    code: String,
    c0: String,
    c1: String,
    c2: String,
    c3: String,
    c4: String,
    c5: String,
    c6: String,
    c7: String,
    c8: String,
    c9: String,
    valid_from: String,
    valid_to: String,
}

impl ContentColumns {
    fn content(self, kind: ReferenceKind) -> Content {
        let values = [self.c0, self.c1, self.c2, self.c3, self.c4, self.c5, self.c6, self.c7, self.c8, self.c9];
        let mut out: Content = kind.fields().iter().zip(values).map(|(f, v)| (f.column.to_owned(), v)).collect();
        if kind.is_dated() {
            out.insert("valid_from".to_owned(), self.valid_from);
            out.insert("valid_to".to_owned(), self.valid_to);
        }
        out
    }
}

/// The statement that reads what rows say.
fn content_sql(kind: ReferenceKind) -> String {
    let fields = kind.fields();
    let mut columns: Vec<String> = (0..10)
        .map(|n| match fields.get(n) {
            Some(Field { column, kind: FieldKind::Flag, .. }) => {
                format!("CASE WHEN {column} THEN '1' ELSE '' END AS c{n}")
            }
            Some(Field { column, kind: FieldKind::Number(..), .. }) => format!("CAST({column} AS TEXT) AS c{n}"),
            Some(Field { column, .. }) => format!("{column} AS c{n}"),
            None => format!("'' AS c{n}"),
        })
        .collect();
    columns.push(if kind.is_dated() { "valid_from, valid_to" } else { "'' AS valid_from, '' AS valid_to" }.to_owned());
    format!("SELECT {} AS code, {} FROM {}", kind.code_column(), columns.join(", "), kind.word())
}

/// What a row says now; [`DbError::NotFound`] when there is none.
pub async fn content(source: &impl Source, kind: ReferenceKind, code: &str) -> DbResult<Content> {
    let sql = format!("{} WHERE {} = $1", content_sql(kind), kind.code_column());
    let found: Option<ContentColumns> = row(source.connection(), &sql, params![code]).await?;
    Ok(found.ok_or(DbError::NotFound)?.content(kind))
}

/// What every row says now, by code.
pub async fn contents(
    source: &impl Source,
    _: &Permit<KeepReferences>,
    kind: ReferenceKind,
) -> DbResult<BTreeMap<String, Content>> {
    let found: Vec<ContentColumns> = rows(source.connection(), &content_sql(kind), params![]).await?;
    Ok(found.into_iter().map(|c| (c.code.clone(), c.content(kind))).collect())
}

/// An edition of a row.
#[derive(Debug, Clone, crate::Row)]
pub struct Edition {
    /// Its id.
    pub id: i64,
    /// What the row says by it, as JSON.
    pub content: String,
    /// From which day on.
    pub effective_on: Day,
    /// When the row was changed; none while its day has not come.
    pub applied_at: Option<Instant>,
    /// When somebody took it back before its day.
    pub cancelled_at: Option<Instant>,
    /// When it was written.
    pub saved_at: Instant,
    /// By whom.
    pub saved_by: String,
}

impl Edition {
    /// Whether it waits for its day.
    pub const fn is_pending(&self) -> bool {
        self.applied_at.is_none() && self.cancelled_at.is_none()
    }

    /// What the row says by it.
    pub fn content(&self) -> DbResult<Content> {
        serde_json::from_str(&self.content).map_err(|e| DbError::Inconsistent(format!("edition {}: {e}", self.id)))
    }
}

/// The newest editions of a row, the newest first.
pub async fn editions(source: &impl Source, kind: ReferenceKind, code: &str, limit: i64) -> DbResult<Vec<Edition>> {
    editions_of(source, kind.word(), code, limit).await
}

async fn editions_of(source: &impl Source, kind: &str, code: &str, limit: i64) -> DbResult<Vec<Edition>> {
    rows(
        source.connection(),
        "SELECT id, content, effective_on, applied_at, cancelled_at, saved_at, saved_by FROM reference_edition \
         WHERE kind = $1 AND code = $2 ORDER BY id DESC LIMIT $3",
        params![kind, code, limit],
    )
    .await
}

/// Whether an application, or for a unit a HS type, names the row.
pub async fn is_used(source: &impl Source, kind: ReferenceKind, code: &str) -> DbResult<bool> {
    let sql = match kind {
        ReferenceKind::Unit => {
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM application_item WHERE qty_unit = $1 OR hs_unit = $1) \
             OR EXISTS (SELECT 1 FROM hs_type WHERE unit_code = $1 OR unit2_code = $1) THEN 1 ELSE 0 END AS BIGINT)"
        }
        ReferenceKind::Clause => {
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM application WHERE clause_code = $1 AND state <> 'draft') \
             THEN 1 ELSE 0 END AS BIGINT)"
        }
        ReferenceKind::TradeMode => {
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM application WHERE trade_mode = $1 AND state <> 'draft') \
             THEN 1 ELSE 0 END AS BIGINT)"
        }
        ReferenceKind::Region => {
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM application WHERE use_region_code = $1 AND state <> 'draft') \
             OR EXISTS (SELECT 1 FROM application_item WHERE use_region_code = $1) \
             OR EXISTS (SELECT 1 FROM region WHERE parent_code = $1) THEN 1 ELSE 0 END AS BIGINT)"
        }
        ReferenceKind::Bureau => {
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM application_viewer WHERE bureau_code = $1) \
             OR EXISTS (SELECT 1 FROM account WHERE bureau_code = $1) \
             OR EXISTS (SELECT 1 FROM jurisdiction WHERE bureau_code = $1) \
             OR EXISTS (SELECT 1 FROM bureau WHERE parent_code = $1) THEN 1 ELSE 0 END AS BIGINT)"
        }
        ReferenceKind::Country => {
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM application_item WHERE origin_country = $1) \
             THEN 1 ELSE 0 END AS BIGINT)"
        }
        ReferenceKind::Currency => {
            "SELECT CAST(CASE WHEN EXISTS (SELECT 1 FROM application_item WHERE currency = $1) \
             THEN 1 ELSE 0 END AS BIGINT)"
        }
        // Their names are frozen with the application, or are not part of what was submitted.
        ReferenceKind::HsType
        | ReferenceKind::AttachmentKind
        | ReferenceKind::Port
        | ReferenceKind::ReviewPoint
        | ReferenceKind::SharedPhrase
        | ReferenceKind::Holiday
        | ReferenceKind::ServiceTerm => return Ok(false),
    };
    Ok(crate::number(source.connection(), sql, params![code]).await? == 1)
}

/// HS types that still hold and are counted in this unit: it cannot end before them.
pub async fn types_in_unit(source: &impl Source, unit: &str, last: Day) -> DbResult<i64> {
    let sql = "SELECT COUNT(*) FROM hs_type WHERE (unit_code = $1 OR unit2_code = $1) AND valid_to > $2";
    crate::number(source.connection(), sql, params![unit, last]).await
}

const CHANGED: &str = "该项基础数据已有变化，没有保存。请返回查看后重新操作";

/// A new row, from its first day on. [`DbError::Duplicate`] when the code is taken.
pub async fn create(
    tx: &Tx,
    permit: &Permit<KeepReferences>,
    kind: ReferenceKind,
    code: &str,
    new: &Content,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    if !kind.accepts_code(code) {
        return Err(DbError::NotFound);
    }
    if content(tx, kind, code).await.is_ok() {
        return Err(DbError::Duplicate("code".to_owned()));
    }
    write(tx, kind, code, new, Writing::New).await?;
    note(tx, kind.word(), code, new, now.china_day(), Some(now), by, now).await?;
    calendar_changed(tx, kind, [code], now).await?;
    renew(tx, now).await?;
    audited(tx, permit, "reference_create", kind.word(), code, now.china_day(), by, now).await
}

/// When a change shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Now.
    Now,
    /// When its day comes.
    Later(Day),
}

/// Changes a row from a day on. `seen` is the newest edition that the page showed, 0 before the first.
#[expect(clippy::too_many_arguments, reason = "one deed with its proof, its day and its author")]
pub async fn update(
    tx: &Tx,
    permit: &Permit<KeepReferences>,
    kind: ReferenceKind,
    code: &str,
    to: &Content,
    from: Day,
    seen: i64,
    by: &By,
    now: Instant,
) -> DbResult<Shows> {
    lock(tx, kind, code).await?;
    let newest = editions(tx, kind, code, 1).await?;
    let newest = newest.first();
    if newest.map_or(0, |e| e.id) != seen {
        return Err(DbError::Overtaken(CHANGED.to_owned()));
    }
    if newest.is_some_and(Edition::is_pending) {
        return Err(DbError::Refused("有一项修改尚未生效。请先取消该项修改，再重新填写".to_owned()));
    }
    let before = content(tx, kind, code).await?;
    if newest.is_none() {
        // What an import wrote is the first edition: the history shows what was there before the first change.
        let imported = By { name: "导入".to_owned(), ..By::system() };
        note(tx, kind.word(), code, &before, now.china_day(), Some(now), &imported, now).await?;
    }
    let today = now.china_day();
    let shows = if from <= today { Shows::Now } else { Shows::Later(from) };
    let applied = (shows == Shows::Now).then_some(now);
    note(tx, kind.word(), code, to, from.max(today), applied, by, now).await?;
    if shows == Shows::Now {
        write(tx, kind, code, to, Writing::Known).await?;
        calendar_changed(tx, kind, [code], now).await?;
        renew(tx, now).await?;
    }
    audited(tx, permit, "reference_update", kind.word(), code, from.max(today), by, now).await?;
    Ok(shows)
}

/// What the editions of a table are at now: its newest one, 0 before the first, and the rows of which one waits for its day.
pub async fn newest(source: &impl Source, kind: ReferenceKind) -> DbResult<(i64, BTreeSet<String>)> {
    #[derive(crate::Row)]
    struct Pending {
        code: String,
    }
    let sql = "SELECT COALESCE(MAX(id), 0) FROM reference_edition WHERE kind = $1";
    let newest = crate::number(source.connection(), sql, params![kind.word()]).await?;
    let sql = "SELECT code FROM reference_edition WHERE kind = $1 AND applied_at IS NULL AND cancelled_at IS NULL";
    let pending: Vec<Pending> = rows(source.connection(), sql, params![kind.word()]).await?;
    Ok((newest, pending.into_iter().map(|p| p.code).collect()))
}

/// A row of an imported table.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Its code.
    pub code: String,
    /// What it is to say.
    pub content: Content,
}

/// Takes the rows of a table that are new or differ, all or none: new ones from their first day on, changed ones from `from`
/// on. `seen` is the newest edition of the table when the file was looked at ([`newest`]). Says how many were new and how
/// many changed.
#[expect(clippy::too_many_arguments, reason = "one deed with its proof, its day and its author")]
pub async fn import(
    tx: &Tx,
    permit: &Permit<KeepReferences>,
    kind: ReferenceKind,
    table: &[Imported],
    from: Day,
    seen: i64,
    by: &By,
    now: Instant,
) -> DbResult<(usize, usize)> {
    account::lock(tx, permit.account()).await?;
    let before = contents(tx, permit, kind).await?;
    for row in table.iter().filter(|r| before.contains_key(&r.code)) {
        lock(tx, kind, &row.code).await?;
    }
    let (newest, pending) = newest(tx, kind).await?;
    if newest != seen || table.iter().any(|r| pending.contains(&r.code)) {
        return Err(DbError::Overtaken(CHANGED.to_owned()));
    }
    let (today, imported) = (now.china_day(), By { name: "导入".to_owned(), ..By::system() });
    let applied = (from <= today).then_some(now);
    let (mut added, mut changed) = (0, 0);
    for row in table {
        match before.get(&row.code) {
            None if kind.accepts_code(&row.code) => {
                write(tx, kind, &row.code, &row.content, Writing::New).await?;
                note(tx, kind.word(), &row.code, &row.content, today, Some(now), by, now).await?;
                added += 1;
            }
            None => return Err(DbError::NotFound),
            Some(stands) if *stands == row.content => {}
            Some(stands) => {
                if editions(tx, kind, &row.code, 1).await?.is_empty() {
                    note(tx, kind.word(), &row.code, stands, today, Some(now), &imported, now).await?;
                }
                note(tx, kind.word(), &row.code, &row.content, from.max(today), applied, by, now).await?;
                if applied.is_some() {
                    write(tx, kind, &row.code, &row.content, Writing::Known).await?;
                }
                changed += 1;
            }
        }
    }
    if added + changed > 0 {
        calendar_changed(tx, kind, table.iter().map(|r| r.code.as_str()), now).await?;
        renew(tx, now).await?;
        let counted = format!("新增 {added} 项，修改 {changed} 项");
        audited(tx, permit, "reference_table", kind.word(), &counted, from.max(today), by, now).await?;
    }
    Ok((added, changed))
}

/// Takes back an edition whose day has not come.
pub async fn cancel(
    tx: &Tx,
    permit: &Permit<KeepReferences>,
    kind: ReferenceKind,
    code: &str,
    edition: i64,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE reference_edition SET cancelled_at = $1 WHERE id = $2 AND kind = $3 AND code = $4 \
             AND applied_at IS NULL AND cancelled_at IS NULL",
            params![now, edition, kind.word(), code],
        )
        .await?;
    if done == 0 {
        return Err(DbError::Overtaken("该项修改已经生效或已取消，请刷新后查看".to_owned()));
    }
    audited(tx, permit, "reference_cancel", kind.word(), code, now.china_day(), by, now).await
}

/// Writes the editions whose day has come; says how many. A duty of the clock.
pub async fn apply_due(tx: &Tx, now: Instant) -> DbResult<usize> {
    #[derive(crate::Row)]
    struct Due {
        id: i64,
        kind: String,
        code: String,
        content: String,
    }
    let due: Vec<Due> = rows(
        &tx.0,
        &format!(
            "SELECT id, kind, code, content FROM reference_edition WHERE applied_at IS NULL AND cancelled_at IS NULL \
             AND effective_on <= $1 ORDER BY effective_on, id LIMIT 200{}",
            tx.for_update()
        ),
        params![now.china_day()],
    )
    .await?;
    for edition in &due {
        let broken = |what: &dyn std::fmt::Display| DbError::Inconsistent(format!("edition {}: {what}", edition.id));
        let kind: ReferenceKind = edition.kind.parse().map_err(|e| broken(&e))?;
        let to: Content = serde_json::from_str(&edition.content).map_err(|e| broken(&e))?;
        write(tx, kind, &edition.code, &to, Writing::Known).await?;
        calendar_changed(tx, kind, [edition.code.as_str()], now).await?;
        tx.run("UPDATE reference_edition SET applied_at = $1 WHERE id = $2", params![now, edition.id]).await?;
    }
    if !due.is_empty() {
        renew(tx, now).await?;
    }
    Ok(due.len())
}

/// The terms of each post that came into force on pages, the oldest first: when, and how many working days.
pub(crate) async fn terms(source: &impl Source) -> DbResult<BTreeMap<String, Vec<(Instant, u32)>>> {
    #[derive(crate::Row)]
    struct InForce {
        id: i64,
        code: String,
        content: String,
        applied_at: Instant,
    }
    let applied: Vec<InForce> = rows(
        source.connection(),
        "SELECT id, code, content, applied_at FROM reference_edition WHERE kind = $1 AND applied_at IS NOT NULL ORDER BY id",
        params![ReferenceKind::ServiceTerm.word()],
    )
    .await?;
    let mut out: BTreeMap<String, Vec<(Instant, u32)>> = BTreeMap::new();
    for edition in applied {
        let broken = |e: &dyn std::fmt::Display| DbError::Inconsistent(format!("edition {}: {e}", edition.id));
        let content: Content = serde_json::from_str(&edition.content).map_err(|e| broken(&e))?;
        let days = content.get("term_days").map_or("", String::as_str).parse().map_err(|e| broken(&e))?;
        out.entry(edition.code).or_default().push((edition.applied_at, days));
    }
    Ok(out)
}

/// Whether an edition's day has come; asked before a transaction is opened.
pub async fn is_due(source: &impl Source, now: Instant) -> DbResult<bool> {
    let sql = "SELECT COUNT(*) FROM reference_edition WHERE applied_at IS NULL AND cancelled_at IS NULL \
               AND effective_on <= $1";
    Ok(crate::number(source.connection(), sql, params![now.china_day()]).await? > 0)
}

/// How a bureau is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BureauContact {
    /// Where it is.
    pub address: String,
    /// Its telephones.
    pub phone: String,
    /// When it is open.
    pub office_hours: String,
    /// Who takes papers in.
    pub paper_receiver: String,
}

/// What its own administrator says of how a bureau is reached, from now on; an edition like those of CNCA. `seen` is the
/// newest edition that the page showed, 0 before the first. Notices and letters that went out stay as they were.
pub async fn save_contact(
    tx: &Tx,
    permit: &Permit<KeepBureauContact>,
    bureau: &BureauCode,
    to: &BureauContact,
    seen: i64,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    if !permit.covers(Some(bureau)) {
        return Err(DbError::NotFound);
    }
    let (kind, code) = (ReferenceKind::Bureau, bureau.as_str());
    lock(tx, kind, code).await?;
    let newest = editions(tx, kind, code, 1).await?;
    if newest.first().map_or(0, |e| e.id) != seen {
        return Err(DbError::Overtaken(CHANGED.to_owned()));
    }
    if let Some(pending) = newest.first().filter(|e| e.is_pending()) {
        return Err(DbError::Refused(format!(
            "认监委登记的一项修改将于 {} 生效，在此之前不能修改。急需修改的，请联系认监委取消该项修改",
            pending.effective_on
        )));
    }
    let before = content(tx, kind, code).await?;
    let mut after = before.clone();
    for (column, value) in [
        ("address", &to.address),
        ("phone", &to.phone),
        ("office_hours", &to.office_hours),
        ("paper_receiver", &to.paper_receiver),
    ] {
        after.insert(column.to_owned(), value.clone());
    }
    if after == before {
        return Ok(());
    }
    let today = now.china_day();
    if newest.is_empty() {
        let imported = By { name: "导入".to_owned(), ..By::system() };
        note(tx, kind.word(), code, &before, today, Some(now), &imported, now).await?;
    }
    note(tx, kind.word(), code, &after, today, Some(now), by, now).await?;
    write(tx, kind, code, &after, Writing::Known).await?;
    renew(tx, now).await?;
    account::lock(tx, permit.account()).await?;
    let detail = serde_json::json!({ "kind": kind.word(), "code": code, "from": today }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of("save_bureau_contact") };
    audit::record(tx, Subject::Account(permit.account()), by, now, &entry).await
}

/// Locks a row, so that editions follow one another.
async fn lock(tx: &Tx, kind: ReferenceKind, code: &str) -> DbResult<()> {
    #[derive(crate::Row)]
    struct Code {
        code: String,
    }
    let column = kind.code_column();
    let sql = format!("SELECT {column} AS code FROM {} WHERE {column} = $1{}", kind.word(), tx.for_update());
    let found: Option<Code> = row(&tx.0, &sql, params![code]).await?;
    if found.is_some_and(|row| row.code == code) { Ok(()) } else { Err(DbError::NotFound) }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    New,
    Known,
}

/// Writes a row as this content says.
async fn write(tx: &Tx, kind: ReferenceKind, code: &str, to: &Content, how: Writing) -> DbResult<()> {
    let text_of = |column: &str| to.get(column).cloned().unwrap_or_default();
    let mut columns: Vec<&str> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    // A field that came after an edition was written stays as it is.
    let said = kind.fields().iter().filter(|f| how == Writing::New || to.contains_key(f.column));
    for f in said {
        columns.push(f.column);
        values.push(match f.kind {
            FieldKind::Flag => Value::from(text_of(f.column) == "1"),
            FieldKind::Number(..) => {
                let typed = text_of(f.column);
                let number = typed.parse::<i64>();
                Value::from(number.map_err(|e| DbError::Inconsistent(format!("{}: {e}", f.column)))?)
            }
            FieldKind::Text(_)
            | FieldKind::Long(_)
            | FieldKind::Unit
            | FieldKind::District
            | FieldKind::Bureau
            | FieldKind::DirectBureau
            | FieldKind::RegionAbove
            | FieldKind::Several(_)
            | FieldKind::HsPrefixes
            | FieldKind::Characteristics => Value::from(text_of(f.column)),
        });
    }
    if kind.is_dated() {
        columns.extend(["valid_from", "valid_to"]);
        values.extend([Value::from(text_of("valid_from")), Value::from(text_of("valid_to"))]);
    }
    match kind {
        ReferenceKind::HsType => {
            columns.push("name_folded");
            values.push(Value::from(text::fold(&text_of("name"))));
        }
        ReferenceKind::Port => {
            columns.push("level");
            values.push(Value::from(if text_of("parent_code").is_empty() { 1_i64 } else { 2 }));
        }
        ReferenceKind::Region | ReferenceKind::Bureau if to.contains_key("parent_code") => {
            // Two levels of bureaus, three of regions.
            let sql = format!("SELECT COALESCE(MAX(level), 0) + 1 FROM {} WHERE code = $1", kind.word());
            columns.push("level");
            values.push(Value::from(crate::number(&tx.0, &sql, params![text_of("parent_code")]).await?));
            if kind == ReferenceKind::Bureau && how == Writing::New {
                columns.extend(["valid_from", "valid_to"]);
                values.extend([Value::from(BEGINNING), Value::from(END)]);
            }
        }
        ReferenceKind::Unit
        | ReferenceKind::Clause
        | ReferenceKind::TradeMode
        | ReferenceKind::AttachmentKind
        | ReferenceKind::Region
        | ReferenceKind::Bureau
        | ReferenceKind::ReviewPoint
        | ReferenceKind::SharedPhrase
        | ReferenceKind::Holiday
        | ReferenceKind::ServiceTerm
        | ReferenceKind::Country
        | ReferenceKind::Currency => {}
    }
    values.push(Value::from(code));
    let code_at = values.len();
    let (table, code_column) = (kind.word(), kind.code_column());
    let sql = match how {
        Writing::New => {
            let marks: Vec<_> = (1..=values.len()).map(|n| format!("${n}")).collect();
            format!("INSERT INTO {table} ({}, {code_column}) VALUES ({})", columns.join(", "), marks.join(", "))
        }
        Writing::Known => {
            let set: Vec<_> = (1..).zip(&columns).map(|(n, column)| format!("{column} = ${n}")).collect();
            format!("UPDATE {table} SET {} WHERE {code_column} = ${code_at}", set.join(", "))
        }
    };
    if tx.run(&sql, values).await? == 0 {
        return Err(DbError::NotFound);
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "one row with all its facts")]
async fn note(
    tx: &Tx,
    kind: &str,
    code: &str,
    to: &Content,
    effective_on: Day,
    applied_at: Option<Instant>,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let json = serde_json::to_string(to).map_err(|e| DbError::Inconsistent(e.to_string()))?;
    tx.run(
        "INSERT INTO reference_edition (kind, code, content, effective_on, applied_at, saved_at, saved_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        params![kind, code, json, effective_on, applied_at, now, by.name.clone()],
    )
    .await?;
    Ok(())
}

/// After a change of working days what was computed with them is computed again.
async fn calendar_changed<'a>(
    tx: &Tx,
    kind: ReferenceKind,
    codes: impl IntoIterator<Item = &'a str>,
    now: Instant,
) -> DbResult<()> {
    if kind == ReferenceKind::Holiday
        && let Some(first) = codes.into_iter().filter_map(|code| code.parse::<Day>().ok()).min()
    {
        recount::ask(tx, first.year(), now).await?;
    }
    Ok(())
}

/// Tells every process that reference data changed. The digest stays that of the last import: the same files again are
/// still nothing new, and what was changed on pages stands.
async fn renew(tx: &Tx, now: Instant) -> DbResult<()> {
    tx.run(
        "INSERT INTO reference_import (imported_at, source, digest, rows_total) VALUES (CAST($1 AS BIGINT), 'page', \
         COALESCE((SELECT digest FROM reference_import ORDER BY id DESC LIMIT 1), ''), 1)",
        params![now],
    )
    .await?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "one row with all its facts")]
async fn audited(
    tx: &Tx,
    permit: &Permit<KeepReferences>,
    action: &str,
    kind: &str,
    code: &str,
    from: Day,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    account::lock(tx, permit.account()).await?;
    let detail = serde_json::json!({ "kind": kind, "code": code, "from": from }).to_string();
    let entry = Entry { detail: &detail, ..Entry::of(action) };
    audit::record(tx, Subject::Account(permit.account()), by, now, &entry).await
}

/// The rules of attachments that a bureau (none = all) has of its own for a clause.
pub async fn rules(
    source: &impl Source,
    bureau: Option<&BureauCode>,
    clause: &ClauseCode,
) -> DbResult<BTreeMap<String, Need>> {
    #[derive(crate::Row)]
    struct Rule {
        kind: String,
        need: Need,
    }
    let found: Vec<Rule> = rows(
        source.connection(),
        "SELECT kind, need FROM attachment_rule WHERE bureau_code = $1 AND clause_code = $2",
        params![bureau.map_or("", BureauCode::as_str), clause.clone()],
    )
    .await?;
    Ok(found.into_iter().map(|r| (r.kind, r.need)).collect())
}

fn rules_key(bureau: Option<&BureauCode>, clause: &ClauseCode) -> String {
    format!("{}/{clause}", bureau.map_or("", BureauCode::as_str))
}

/// The newest editions of these rules.
pub async fn rule_editions(
    source: &impl Source,
    bureau: Option<&BureauCode>,
    clause: &ClauseCode,
    limit: i64,
) -> DbResult<Vec<Edition>> {
    editions_of(source, RULES, &rules_key(bureau, clause), limit).await
}

/// 保存 of the matrix for a bureau (none = all) and a clause, from now on. `seen` is the newest edition that the page
/// showed, 0 before the first.
#[expect(clippy::too_many_arguments, reason = "one deed with its proof and its author")]
pub async fn save_rules(
    tx: &Tx,
    permit: &Permit<KeepReferences>,
    bureau: Option<&BureauCode>,
    clause: &ClauseCode,
    to: &[(AttachmentKindCode, Need)],
    seen: i64,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    lock(tx, ReferenceKind::Clause, clause.as_str()).await?;
    let key = rules_key(bureau, clause);
    let newest = editions_of(tx, RULES, &key, 1).await?;
    if newest.first().map_or(0, |e| e.id) != seen {
        return Err(DbError::Overtaken(CHANGED.to_owned()));
    }
    let written = |rules: &BTreeMap<String, Need>| -> Content {
        rules.iter().map(|(kind, need)| (kind.clone(), need.word().to_owned())).collect()
    };
    if newest.is_empty() {
        let imported = By { name: "导入".to_owned(), ..By::system() };
        let before = written(&rules(tx, bureau, clause).await?);
        note(tx, RULES, &key, &before, now.china_day(), Some(now), &imported, now).await?;
    }
    let code = bureau.map_or("", BureauCode::as_str);
    tx.run("DELETE FROM attachment_rule WHERE bureau_code = $1 AND clause_code = $2", params![code, clause.clone()])
        .await?;
    let new = to.iter().map(|(kind, need)| params![code, clause.clone(), kind.clone(), *need]).collect();
    tx.insert_rows("attachment_rule", &["bureau_code", "clause_code", "kind", "need"], "", new).await?;
    let after: BTreeMap<_, _> = to.iter().map(|(kind, need)| (kind.as_str().to_owned(), *need)).collect();
    note(tx, RULES, &key, &written(&after), now.china_day(), Some(now), by, now).await?;
    renew(tx, now).await?;
    audited(tx, permit, "reference_update", RULES, &key, now.china_day(), by, now).await
}

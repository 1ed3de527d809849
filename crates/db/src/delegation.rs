//! 业务下放 and jurisdiction: rules that are added, followed by another one or ended, each with its row in the audit trail.
//!
//! A rule that was in force is never changed: the frozen routes of applications name it. What was decided therefore reads
//! the same for ever, and running cases stay where they are (workflow §4).

use domain::ids::{BureauCode, ClauseCode, DelegationId, TradeModeCode};
use domain::policy::{Delegate, KeepJurisdiction, Permit};
use domain::routing::{Delegation, Step};
use domain::time::{Day, Instant};

use crate::audit::{self, By, Deed, Entry, Subject};
use crate::search::Conditions;
use crate::{DbError, DbResult, Source, Tx, params, row, rows};

/// A rule with everything that people see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What routing looks at.
    pub rule: Delegation,
    /// The direct bureau that delegates.
    pub direct: BureauCode,
    /// The first day.
    pub valid_from: Day,
    /// The last day; earlier than the first = it was cancelled before it began.
    pub valid_to: Day,
    /// Grows with every change.
    pub version: i64,
    /// 变更说明.
    pub reason: String,
    /// The rule it took the place of.
    pub replaces: Option<DelegationId>,
    /// Whether it decided anything.
    pub is_used: bool,
}

impl Rule {
    /// Whether it holds on this day.
    pub fn holds(&self, day: Day) -> bool {
        self.valid_from <= day && day <= self.valid_to
    }

    /// Whether it will hold on some day from this one on.
    pub fn holds_from(&self, day: Day) -> bool {
        self.valid_to >= day && self.valid_to >= self.valid_from
    }
}

#[derive(crate::Row)]
struct Columns {
    id: DelegationId,
    direct_bureau_code: BureauCode,
    target_bureau_code: BureauCode,
    region_prefix: Option<String>,
    clause_code: Option<ClauseCode>,
    hs_prefix: Option<String>,
    trade_mode: Option<TradeModeCode>,
    steps: String,
    priority: i64,
    valid_from: Day,
    valid_to: Day,
    version: i64,
    reason: String,
    replaces_id: Option<DelegationId>,
    is_used: i64,
}

const COLUMNS: &str = "d.id, d.direct_bureau_code, d.target_bureau_code, d.region_prefix, d.clause_code, d.hs_prefix, \
                       d.trade_mode, d.steps, d.priority, d.valid_from, d.valid_to, d.version, d.reason, d.replaces_id, \
                       CAST(CASE WHEN EXISTS (SELECT 1 FROM application_route r WHERE r.delegation_id = d.id) \
                       THEN 1 ELSE 0 END AS BIGINT) AS is_used";

impl Columns {
    fn rule(self) -> DbResult<Rule> {
        let steps: Result<Vec<Step>, _> = self.steps.split(',').map(str::parse).collect();
        Ok(Rule {
            rule: Delegation {
                id: self.id,
                target: self.target_bureau_code,
                region_prefix: self.region_prefix,
                clause: self.clause_code,
                hs_prefix: self.hs_prefix,
                trade_mode: self.trade_mode,
                steps: steps.map_err(|e| DbError::Inconsistent(e.to_string()))?,
                priority: self.priority,
            },
            direct: self.direct_bureau_code,
            valid_from: self.valid_from,
            valid_to: self.valid_to,
            version: self.version,
            reason: self.reason,
            replaces: self.replaces_id,
            is_used: self.is_used == 1,
        })
    }
}

/// All rules of a direct bureau, past ones too; those that begin last first.
pub async fn of_bureau(source: &impl Source, direct: &BureauCode) -> DbResult<Vec<Rule>> {
    let conditions = Conditions::new().and("d.direct_bureau_code = ?", params![direct.clone()]);
    let sql = format!("SELECT {COLUMNS} FROM delegation d{} ORDER BY d.valid_from DESC, d.id DESC", conditions.sql());
    let found: Vec<Columns> = rows(source.connection(), &sql, conditions.values(vec![])).await?;
    found.into_iter().map(Columns::rule).collect()
}

/// One rule, if the permit covers its direct bureau.
pub async fn find(source: &impl Source, permit: &Permit<Delegate>, id: DelegationId) -> DbResult<Rule> {
    let sql = format!("SELECT {COLUMNS} FROM delegation d WHERE d.id = $1");
    let found: Option<Columns> = row(source.connection(), &sql, params![id]).await?;
    let rule = found.ok_or(DbError::NotFound)?.rule()?;
    within(permit, &rule.direct)?;
    Ok(rule)
}

/// How many rules each direct bureau has that hold on a day, and that begin later.
pub async fn counts(source: &impl Source, day: Day) -> DbResult<Vec<(BureauCode, i64, i64)>> {
    #[derive(crate::Row)]
    struct Count {
        direct_bureau_code: BureauCode,
        now: i64,
        later: i64,
    }
    let found: Vec<Count> = rows(
        source.connection(),
        "SELECT direct_bureau_code, COUNT(CASE WHEN valid_from <= $1 THEN 1 END) AS now, \
         COUNT(CASE WHEN valid_from > $1 THEN 1 END) AS later FROM delegation \
         WHERE valid_to >= $1 AND valid_to >= valid_from GROUP BY direct_bureau_code",
        params![day],
    )
    .await?;
    Ok(found.into_iter().map(|c| (c.direct_bureau_code, c.now, c.later)).collect())
}

/// What is written for a rule.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The rule; its id is not looked at.
    pub rule: Delegation,
    /// The first day.
    pub valid_from: Day,
    /// The last day.
    pub valid_to: Day,
    /// 变更说明.
    pub reason: String,
}

/// Told to somebody whose page is older than the rule.
const CHANGED: &str = "该规则已被他人修改，没有保存。请返回规则页面查看最新内容后再修改。";

/// Changes of one direct bureau's rules come one after the other, so that the overlaps somebody confirmed are all there are.
/// Call it before the rules are read for the last time.
pub async fn lock(tx: &Tx, permit: &Permit<Delegate>, direct: &BureauCode) -> DbResult<()> {
    #[derive(crate::Row)]
    struct Code {
        #[expect(dead_code, reason = "the row is locked, not read")]
        code: BureauCode,
    }
    let sql = format!("SELECT code FROM bureau WHERE code = $1{}", tx.for_update());
    let _locked: Option<Code> = row(&tx.0, &sql, params![direct.clone()]).await?;
    within(permit, direct)
}

/// Another bureau's rules do not exist for him.
fn within(permit: &Permit<Delegate>, direct: &BureauCode) -> DbResult<()> {
    if permit.covers(Some(direct)) { Ok(()) } else { Err(DbError::NotFound) }
}

/// Adds a rule.
pub async fn add(
    tx: &Tx,
    permit: &Permit<Delegate>,
    direct: &BureauCode,
    planned: &Planned,
    by: &By,
    now: Instant,
) -> DbResult<DelegationId> {
    within(permit, direct)?;
    let id = insert(tx, direct, planned, None, now).await?;
    note(tx, by, now, "add_delegation", &planned.reason, &Facts { id, before: None, after: Some(planned), direct })
        .await?;
    Ok(id)
}

async fn insert(
    tx: &Tx,
    direct: &BureauCode,
    planned: &Planned,
    replaces: Option<DelegationId>,
    now: Instant,
) -> DbResult<DelegationId> {
    let rule = &planned.rule;
    let id = tx
        .insert(
            "INSERT INTO delegation (direct_bureau_code, target_bureau_code, region_prefix, clause_code, hs_prefix, \
             trade_mode, steps, priority, valid_from, valid_to, created_at, reason, replaces_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
            params![
                direct.clone(),
                rule.target.clone(),
                rule.region_prefix.clone(),
                rule.clause.clone(),
                rule.hs_prefix.clone(),
                rule.trade_mode.clone(),
                words(rule),
                rule.priority,
                planned.valid_from,
                planned.valid_to,
                now,
                planned.reason.clone(),
                replaces
            ],
        )
        .await?;
    Ok(DelegationId::new(id))
}

fn words(rule: &Delegation) -> String {
    rule.steps.iter().map(|s| s.word()).collect::<Vec<_>>().join(",")
}

/// Changes a rule. One that has not begun and decided nothing is written anew; any other ends on the day before, and its
/// successor begins. Says the id of the rule that holds from then on.
pub async fn change(
    tx: &Tx,
    permit: &Permit<Delegate>,
    seen: &Rule,
    planned: &Planned,
    by: &By,
    now: Instant,
) -> DbResult<DelegationId> {
    let direct = &seen.direct;
    within(permit, direct)?;
    let rule = &planned.rule;
    let before = Planned {
        rule: seen.rule.clone(),
        valid_from: seen.valid_from,
        valid_to: seen.valid_to,
        reason: seen.reason.clone(),
    };
    let id = if seen.valid_from > now.china_day() && !seen.is_used {
        let done = tx
            .run(
                "UPDATE delegation SET version = version + 1, target_bureau_code = $1, region_prefix = $2, \
                 clause_code = $3, hs_prefix = $4, trade_mode = $5, steps = $6, priority = $7, valid_from = $8, \
                 valid_to = $9, reason = $10 WHERE id = $11 AND version = $12 AND direct_bureau_code = $13 \
                 AND NOT EXISTS (SELECT 1 FROM application_route r WHERE r.delegation_id = delegation.id)",
                params![
                    rule.target.clone(),
                    rule.region_prefix.clone(),
                    rule.clause.clone(),
                    rule.hs_prefix.clone(),
                    rule.trade_mode.clone(),
                    words(rule),
                    rule.priority,
                    planned.valid_from,
                    planned.valid_to,
                    planned.reason.clone(),
                    seen.rule.id,
                    seen.version,
                    direct.clone()
                ],
            )
            .await?;
        if done == 0 {
            return Err(DbError::Overtaken(CHANGED.to_owned()));
        }
        seen.rule.id
    } else {
        close(tx, direct, seen, planned.valid_from.plus_days(-1).min(seen.valid_to)).await?;
        insert(tx, direct, planned, Some(seen.rule.id), now).await?
    };
    let facts = Facts { id, before: Some(&before), after: Some(planned), direct };
    note(tx, by, now, "change_delegation", &planned.reason, &facts).await?;
    Ok(id)
}

async fn close(tx: &Tx, direct: &BureauCode, seen: &Rule, last: Day) -> DbResult<()> {
    let done = tx
        .run(
            "UPDATE delegation SET version = version + 1, valid_to = $1 \
             WHERE id = $2 AND version = $3 AND direct_bureau_code = $4 AND valid_to >= $1",
            params![last, seen.rule.id, seen.version, direct.clone()],
        )
        .await?;
    if done == 0 { Err(DbError::Overtaken(CHANGED.to_owned())) } else { Ok(()) }
}

/// Ends a rule after `last`; a day before its first one cancels it.
pub async fn end(
    tx: &Tx,
    permit: &Permit<Delegate>,
    seen: &Rule,
    last: Day,
    reason: &str,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let direct = &seen.direct;
    within(permit, direct)?;
    close(tx, direct, seen, last).await?;
    let as_it_was = |valid_to| Planned {
        rule: seen.rule.clone(),
        valid_from: seen.valid_from,
        valid_to,
        reason: reason.to_owned(),
    };
    let (before, after) = (as_it_was(seen.valid_to), as_it_was(last));
    let facts = Facts { id: seen.rule.id, before: Some(&before), after: Some(&after), direct };
    note(tx, by, now, "end_delegation", reason, &facts).await
}

struct Facts<'a> {
    id: DelegationId,
    direct: &'a BureauCode,
    before: Option<&'a Planned>,
    after: Option<&'a Planned>,
}

fn json(planned: &Planned) -> serde_json::Value {
    let rule = &planned.rule;
    serde_json::json!({
        "target": rule.target.as_str(),
        "region_prefix": rule.region_prefix,
        "clause": rule.clause.as_ref().map(ClauseCode::as_str),
        "hs_prefix": rule.hs_prefix,
        "trade_mode": rule.trade_mode.as_ref().map(TradeModeCode::as_str),
        "steps": rule.steps.iter().map(|s| s.word()).collect::<Vec<_>>(),
        "priority": rule.priority,
        "valid_from": planned.valid_from.to_string(),
        "valid_to": planned.valid_to.to_string(),
    })
}

/// The deed in the chain of the account that did it, and where it is found again.
async fn note(tx: &Tx, by: &By, now: Instant, action: &str, reason: &str, facts: &Facts<'_>) -> DbResult<()> {
    let detail = serde_json::json!({
        "delegation": facts.id.get(),
        "direct": facts.direct.as_str(),
        "before": facts.before.map(json),
        "after": facts.after.map(json),
    });
    let audit_id = deed(tx, by, now, action, reason, &detail).await?;
    link(tx, audit_id, facts.direct, Some(facts.id)).await
}

async fn deed(tx: &Tx, by: &By, now: Instant, action: &str, reason: &str, detail: &serde_json::Value) -> DbResult<i64> {
    let account = by.account.ok_or_else(|| DbError::Inconsistent("routing is changed by a person".to_owned()))?;
    crate::account::lock(tx, account).await?;
    let detail = detail.to_string();
    let entry = Entry { opinion: reason, detail: &detail, ..Entry::of(action) };
    audit::append(tx, Subject::Account(account), by, now, &entry).await
}

async fn link(tx: &Tx, audit_id: i64, direct: &BureauCode, rule: Option<DelegationId>) -> DbResult<()> {
    tx.run(
        "INSERT INTO routing_deed (audit_id, direct_bureau_code, delegation_id) VALUES ($1, $2, $3)",
        params![audit_id, direct.clone(), rule],
    )
    .await?;
    Ok(())
}

/// What was done to the routing of a direct bureau, newest first; of one rule and those it took the place of, when one is
/// named.
pub async fn history(
    source: &impl Source,
    direct: &BureauCode,
    only: &[DelegationId],
    limit: i64,
    offset: i64,
) -> DbResult<Vec<Deed>> {
    let conditions = history_of(direct, only);
    let sql = format!(
        "SELECT {} FROM audit JOIN routing_deed h ON h.audit_id = audit.id{} ORDER BY audit.id DESC LIMIT {limit} \
         OFFSET {offset}",
        audit::COLUMNS,
        conditions.sql()
    );
    rows(source.connection(), &sql, conditions.values(vec![])).await
}

/// How many deeds [`history`] has.
pub async fn history_count(source: &impl Source, direct: &BureauCode) -> DbResult<i64> {
    let conditions = history_of(direct, &[]);
    let sql = format!("SELECT COUNT(*) FROM routing_deed h{}", conditions.sql());
    crate::number(source.connection(), &sql, conditions.values(vec![])).await
}

fn history_of(direct: &BureauCode, only: &[DelegationId]) -> Conditions {
    let conditions = Conditions::new().and("h.direct_bureau_code = ?", params![direct.clone()]);
    if only.is_empty() {
        return conditions;
    }
    let marks = vec!["?"; only.len()].join(", ");
    conditions.and(&format!("h.delegation_id IN ({marks})"), only.iter().map(|id| (*id).into()).collect())
}

/// A region prefix with the direct bureau that is responsible for it.
#[derive(Debug, Clone, PartialEq, Eq, crate::Row)]
pub struct Jurisdiction {
    /// Region codes begin with this.
    pub region_prefix: String,
    /// The direct bureau.
    pub bureau_code: BureauCode,
    /// The first day.
    pub valid_from: Day,
    /// The last day.
    pub valid_to: Day,
}

/// All of them, past and future ones too.
pub async fn jurisdictions(source: &impl Source) -> DbResult<Vec<Jurisdiction>> {
    rows(
        source.connection(),
        "SELECT region_prefix, bureau_code, valid_from, valid_to FROM jurisdiction \
         ORDER BY region_prefix, valid_from",
        params![],
    )
    .await
}

/// Changes of the jurisdiction come one after the other; says all of it as it stands. Call it before anything is decided.
pub async fn lock_jurisdictions(tx: &Tx, _permit: &Permit<KeepJurisdiction>) -> DbResult<Vec<Jurisdiction>> {
    let sql = format!(
        "SELECT region_prefix, bureau_code, valid_from, valid_to FROM jurisdiction \
         ORDER BY region_prefix, valid_from{}",
        tx.for_update()
    );
    rows(&tx.0, &sql, params![]).await
}

/// A change of jurisdiction that was asked for.
#[derive(Debug)]
pub struct Handover<'a> {
    /// Region codes begin with this.
    pub region_prefix: &'a str,
    /// Who is responsible from then on; none = whoever has the shorter prefix.
    pub to: Option<&'a BureauCode>,
    /// From this day on.
    pub from: Day,
    /// 变更说明.
    pub reason: &'a str,
}

/// Hands a region over to another direct bureau, or back to that of the region around it. The caller has locked the
/// jurisdiction and checked what becomes of every region.
pub async fn hand_over(
    tx: &Tx,
    _permit: &Permit<KeepJurisdiction>,
    standing: &[Jurisdiction],
    change: &Handover<'_>,
    by: &By,
    now: Instant,
) -> DbResult<()> {
    let own = || standing.iter().filter(|j| j.region_prefix == change.region_prefix);
    if let Some(later) = own().find(|j| j.valid_from > change.from) {
        return Err(DbError::Refused(format!(
            "该地区已登记了自 {} 起的变更，没有保存。请先处理那一项变更，或选择更晚的生效日期。",
            later.valid_from
        )));
    }
    // Who is responsible until then, and for the region around it.
    let around = |whole: bool| {
        standing
            .iter()
            .filter(|j| j.valid_from <= change.from && change.from <= j.valid_to)
            .filter(|j| change.region_prefix.starts_with(&j.region_prefix))
            .filter(|j| whole || j.region_prefix != change.region_prefix)
            .max_by_key(|j| j.region_prefix.len())
            .map(|j| &j.bureau_code)
    };
    let (before, after) = (around(true), change.to.or_else(|| around(false)));
    let last = change.from.plus_days(-1);
    tx.run(
        "UPDATE jurisdiction SET valid_to = $1 WHERE region_prefix = $2 AND valid_from < $3 AND valid_to >= $3",
        params![last, change.region_prefix, change.from],
    )
    .await?;
    tx.run(
        "DELETE FROM jurisdiction WHERE region_prefix = $1 AND valid_from = $2",
        params![change.region_prefix, change.from],
    )
    .await?;
    if let Some(to) = change.to {
        tx.run(
            "INSERT INTO jurisdiction (region_prefix, bureau_code, valid_from, valid_to) VALUES ($1, $2, $3, $4)",
            params![change.region_prefix, to.clone(), change.from, crate::reference::END],
        )
        .await?;
    }
    tx.run("UPDATE jurisdiction SET maintained = TRUE WHERE region_prefix = $1", params![change.region_prefix]).await?;
    let detail = serde_json::json!({
        "region_prefix": change.region_prefix,
        "before": before.map(BureauCode::as_str),
        "after": after.map(BureauCode::as_str),
        "from": change.from.to_string(),
    });
    let audit_id = deed(tx, by, now, "hand_over_region", change.reason, &detail).await?;
    let mut concerned: Vec<&BureauCode> = before.into_iter().chain(after).collect();
    concerned.sort_unstable();
    concerned.dedup();
    for bureau in concerned {
        link(tx, audit_id, bureau, None).await?;
    }
    crate::reference::touch(tx, "jurisdiction", now).await
}

//! The ledger under eight hands at once, compared with a model in memory (invariants I1–I6 and I8 of the specification;
//! `races.rs` lets them meet an amendment, I7).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use db::Db;
use db::audit::By;
use db::ledger::{self, Deed, LedgerError, Outcome, Place};
use db::supervision;
use db::usage::{self, NewRecord};
use domain::actor::{Actor, Post};
use domain::ids::{
    BureauCode, CertificateId, CertificateItemId, LedgerEntryId, PortCode, PreWriteOffItemId, UsageRecordId,
};
use domain::ledger::{Amounts, EntryKind, LineBalance};
use domain::policy::{self, Scope};
use domain::quantity::Quantity;
use domain::time::Instant;
use domain::usage::{UsageAction, UsageForm, UsageKind, UsageLine, UsageState};

use crate::story::Bureau;
use crate::support::{JIANGSU, SHANGHAI, Site};
use crate::write_off::certificate_of;

/// A small generator, so that every run is the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn amount(&mut self, most: i64) -> i64 {
        let most = u64::try_from(most.max(0)).unwrap() + 1;
        i64::try_from(self.roll(most)).unwrap()
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { all.get(usize::try_from(self.roll(all.len() as u64)).unwrap()) }
    }
}

/// What somebody does.
#[derive(Debug, Clone)]
enum Act {
    Declare(Vec<(i64, Amounts)>),
    /// Whether a note says why HS 标准量 is left over (I8).
    Confirm(Vec<(i64, Amounts)>, bool),
    Refuse(Vec<i64>),
    Withdraw(Vec<i64>),
    Direct(Vec<(i64, Amounts)>, bool),
    Reverse(i64),
    Lapse(Instant),
    /// 提交 of a new record of use, return or destruction: whole units of these lines.
    Account(UsageKind, Vec<(i64, i64)>),
    /// 提交 of a record that came back.
    AccountAgain(i64),
    Approve(i64),
    Reject(i64),
    /// 尾差 of a line, closed by 后续监管.
    Tail(i64),
}

/// What he did, between which entries of the certificate, and what he was told.
#[derive(Debug)]
struct Done {
    certificate: i64,
    key: String,
    /// The key of its entries.
    entered: String,
    act: Act,
    at: Instant,
    from: i64,
    to: i64,
    told: Result<Outcome, String>,
}

impl Act {
    /// The record of the goods' use that it judges or submits once more.
    const fn record(&self) -> Option<i64> {
        match self {
            Self::AccountAgain(id) | Self::Approve(id) | Self::Reject(id) => Some(*id),
            _ => None,
        }
    }

    /// Whether its page has a key of its own, so that it can be sent twice.
    const fn has_key(&self) -> bool {
        !matches!(self, Self::Lapse(_) | Self::AccountAgain(_) | Self::Approve(_) | Self::Reject(_) | Self::Tail(_))
    }
}

/// A product of a 预核销 in the model.
#[derive(Debug, Clone)]
struct Item {
    line: i64,
    amounts: Amounts,
    declared_at: Instant,
    pending: bool,
}

/// What the ledger should be: the rules, written down a second time.
#[derive(Debug, Clone, Default)]
struct Model {
    lines: BTreeMap<i64, LineBalance>,
    items: BTreeMap<i64, Item>,
    /// Entries that can be taken back: line, amounts, whether they were.
    written: BTreeMap<i64, (i64, Amounts, bool)>,
    /// Records of use, return and destruction: their lines, and whether they take from 剩余数量. That one was approved
    /// leaves no entry.
    records: BTreeMap<i64, (Vec<(i64, i64)>, bool)>,
}

/// One, in the smallest unit.
const ONE: i64 = 100_000;

fn units(q: i64) -> Quantity {
    Quantity::from_units(q)
}

/// 剩余数量 (I6).
fn remaining(balance: &LineBalance) -> i64 {
    balance.qty.written_off.units() - balance.qty.accounted.units()
}

/// An entry: line, pending, hs_pending, written_off, hs_written_off, accounted.
type Row = (i64, [i64; 5]);

impl Model {
    /// What the act does to which lines; none when it must be refused.
    fn plan(&self, act: &Act) -> Option<Vec<Row>> {
        let mut sums: BTreeMap<i64, [i64; 5]> = BTreeMap::new();
        let rows: Vec<Row> = match act {
            Act::Declare(claims) => {
                claims.iter().map(|(line, a)| (*line, [a.qty.units(), a.hs_qty.units(), 0, 0, 0])).collect()
            }
            Act::Direct(claims, _) => {
                claims.iter().map(|(line, a)| (*line, [0, 0, a.qty.units(), a.hs_qty.units(), 0])).collect()
            }
            Act::Confirm(items, _) => {
                let mut rows = Vec::new();
                for (id, given) in items {
                    let item = self.items.get(id).filter(|i| i.pending)?;
                    if given.is_nothing() || !given.fits(item.amounts) {
                        return None;
                    }
                    let Amounts { qty, hs_qty } = item.amounts;
                    let (qty, hs_qty) = (-qty.units(), -hs_qty.units());
                    rows.push((item.line, [qty, hs_qty, given.qty.units(), given.hs_qty.units(), 0]));
                }
                rows
            }
            Act::Refuse(ids) | Act::Withdraw(ids) => {
                let mut rows = Vec::new();
                for id in ids {
                    let item = self.items.get(id).filter(|i| i.pending)?;
                    rows.push((item.line, [-item.amounts.qty.units(), -item.amounts.hs_qty.units(), 0, 0, 0]));
                }
                rows
            }
            Act::Lapse(before) => {
                let due = self.items.values().filter(|i| i.pending && i.declared_at <= *before);
                due.map(|i| (i.line, [-i.amounts.qty.units(), -i.amounts.hs_qty.units(), 0, 0, 0])).collect()
            }
            Act::Reverse(entry) => {
                let (line, amounts, reversed) = self.written.get(entry)?;
                if *reversed {
                    return None;
                }
                vec![(*line, [0, 0, -amounts.qty.units(), -amounts.hs_qty.units(), 0])]
            }
            Act::Account(_, lines) => lines.iter().map(|(line, qty)| (*line, [0, 0, 0, 0, *qty])).collect(),
            Act::AccountAgain(record) => {
                let (lines, _) = self.records.get(record).filter(|(_, takes)| !takes)?;
                lines.iter().map(|(line, qty)| (*line, [0, 0, 0, 0, *qty])).collect()
            }
            Act::Reject(record) => {
                let (lines, _) = self.records.get(record).filter(|(_, takes)| *takes)?;
                lines.iter().map(|(line, qty)| (*line, [0, 0, 0, 0, -qty])).collect()
            }
            Act::Approve(record) => {
                self.records.get(record).filter(|(_, takes)| *takes)?;
                Vec::new()
            }
            Act::Tail(line) => {
                let left = remaining(self.lines.get(line)?);
                if !(1..ONE).contains(&left) {
                    return None;
                }
                vec![(*line, [0, 0, 0, 0, left])]
            }
        };
        for (line, row) in &rows {
            for (sum, one) in sums.entry(*line).or_default().iter_mut().zip(row) {
                *sum += one;
            }
        }
        for (line, [p, hp, w, hw, a]) in &sums {
            let balance = self.lines.get(line)?;
            let fits = match act {
                Act::Declare(_) => {
                    let left = balance.declarable();
                    !balance.is_finished() && *p <= left.qty.units() && *hp <= left.hs_qty.units()
                }
                Act::Direct(_, noted) | Act::Confirm(_, noted) => {
                    let left = balance.writable();
                    let has_tail = *w == left.qty.units() && *hw < left.hs_qty.units();
                    let fits = *w <= left.qty.units() && *hw <= left.hs_qty.units();
                    !balance.is_finished() && fits && (*noted || !has_tail)
                }
                // E13: not what is used, returned or destroyed meanwhile.
                Act::Reverse(_) => -w <= remaining(balance) && -hw <= balance.hs.written_off.units(),
                // I6.
                Act::Account(..) | Act::AccountAgain(_) => *a <= remaining(balance),
                Act::Refuse(_) | Act::Withdraw(_) | Act::Lapse(_) | Act::Approve(_) | Act::Reject(_) | Act::Tail(_) => {
                    true
                }
            };
            if !fits {
                return None;
            }
        }
        Some(rows)
    }

    /// Does what a deed did, and checks the invariants after it.
    fn follow(&mut self, deed: &Done, entries: &[Entry]) {
        let rows = self.plan(&deed.act).unwrap_or_else(|| panic!("done though refused by the rules: {deed:?}"));
        let mut expected = rows.clone();
        let mut found: Vec<Row> = entries.iter().map(Entry::row).collect();
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(expected, found, "{deed:?}");
        for e in entries {
            let balance = self.lines.get_mut(&e.line).unwrap();
            balance.qty.pending = units(balance.qty.pending.units() + e.pending);
            balance.hs.pending = units(balance.hs.pending.units() + e.hs_pending);
            balance.qty.written_off = units(balance.qty.written_off.units() + e.written_off);
            balance.hs.written_off = units(balance.hs.written_off.units() + e.hs_written_off);
            balance.qty.accounted = units(balance.qty.accounted.units() + e.accounted);
            assert!(balance.is_sound(), "I1, I6: {balance:?} after {deed:?}");
            let after =
                [e.pending_after, e.hs_pending_after, e.written_off_after, e.hs_written_off_after, e.accounted_after];
            let LineBalance { qty, hs } = *balance;
            let stands = [qty.pending, hs.pending, qty.written_off, hs.written_off, qty.accounted];
            assert_eq!(after, stands.map(Quantity::units), "running balance after {deed:?}");
            match e.kind {
                EntryKind::Declare => {
                    // I3, in each unit that the entry asks for.
                    let of =
                        |b: &domain::ledger::Balance| b.written_off.units() + b.pending.units() <= b.required.units();
                    assert!(e.pending == 0 || of(&balance.qty), "I3: {balance:?}");
                    assert!(e.hs_pending == 0 || of(&balance.hs), "I3: {balance:?}");
                    let amounts = Amounts { qty: units(e.pending), hs_qty: units(e.hs_pending) };
                    let item = Item { line: e.line, amounts, declared_at: deed.at, pending: true };
                    assert!(self.items.insert(e.source.unwrap(), item).is_none());
                }
                EntryKind::Direct | EntryKind::Confirm => {
                    let amounts = Amounts { qty: units(e.written_off), hs_qty: units(e.hs_written_off) };
                    self.written.insert(e.id, (e.line, amounts, false));
                }
                EntryKind::Reverse => self.written.get_mut(&e.reverses.unwrap()).unwrap().2 = true,
                _ => {}
            }
            if e.kind != EntryKind::Declare
                && e.kind != EntryKind::Reverse
                && let Some(source) = e.source
            {
                let item = self.items.get_mut(&source).unwrap();
                assert!(item.pending, "decided twice: {deed:?}");
                item.pending = false;
            }
        }
        match &deed.act {
            Act::Account(_, lines) => {
                let id = deed.entered.split('-').nth(1).unwrap().parse().unwrap();
                assert!(self.records.insert(id, (lines.clone(), true)).is_none(), "{deed:?}");
            }
            Act::AccountAgain(record) => self.records.get_mut(record).unwrap().1 = true,
            Act::Reject(record) => self.records.get_mut(record).unwrap().1 = false,
            _ => {}
        }
        // What is pending is the sum of what is declared and undecided.
        for (line, balance) in &self.lines {
            let pending = self.items.values().filter(|i| i.pending && i.line == *line);
            let sum = pending.fold([0; 2], |s, i| [s[0] + i.amounts.qty.units(), s[1] + i.amounts.hs_qty.units()]);
            assert_eq!(sum, [balance.qty.pending.units(), balance.hs.pending.units()]);
        }
    }
}

#[derive(Debug, Clone, db::Row)]
struct Entry {
    id: i64,
    deed_key: String,
    line: i64,
    kind: EntryKind,
    pending: i64,
    hs_pending: i64,
    written_off: i64,
    hs_written_off: i64,
    pending_after: i64,
    hs_pending_after: i64,
    written_off_after: i64,
    hs_written_off_after: i64,
    accounted: i64,
    accounted_after: i64,
    source: Option<i64>,
    reverses: Option<i64>,
}

impl Entry {
    fn row(&self) -> Row {
        (self.line, [self.pending, self.hs_pending, self.written_off, self.hs_written_off, self.accounted])
    }
}

async fn entries_of(db: &Db, certificate: i64) -> Vec<Entry> {
    let sql = "SELECT id, deed_key, certificate_item_id AS line, kind, pending, hs_pending, written_off, \
               hs_written_off, pending_after, hs_pending_after, written_off_after, hs_written_off_after, accounted, \
               accounted_after, \
               pre_write_off_item_id AS source, reverses_id AS reverses FROM ledger_entry \
               WHERE certificate_id = $1 ORDER BY id";
    db.read().rows(sql, db::params![certificate]).await.unwrap()
}

async fn newest(db: &Db, certificate: i64) -> i64 {
    let sql = "SELECT COALESCE(MAX(id), 0) FROM ledger_entry WHERE certificate_id = $1";
    db.read().number(sql, db::params![certificate]).await.unwrap()
}

/// One of the eight.
struct Hand {
    db: Db,
    dice: Dice,
    by: By,
    holder: Actor,
    supervisor: Actor,
    certificates: Vec<(i64, Vec<(i64, Amounts)>)>,
    clock: Arc<AtomicI64>,
    name: usize,
}

impl Hand {
    async fn invent(&mut self, certificate: usize) -> Option<Act> {
        let (id, lines) = self.certificates[certificate].clone();
        let d = &mut self.dice;
        let claims = |d: &mut Dice, share: i64| {
            let mut out = Vec::new();
            for (line, required) in &lines {
                if d.roll(2) == 0 {
                    let mut part = |n: Quantity| if d.roll(6) == 0 { 0 } else { d.amount(n.units() / share) };
                    let amounts = Amounts { qty: units(part(required.qty)), hs_qty: units(part(required.hs_qty)) };
                    if !amounts.is_nothing() {
                        out.push((*line, amounts));
                    }
                }
            }
            out
        };
        #[derive(db::Row)]
        struct Id {
            id: i64,
        }
        #[derive(db::Row)]
        struct Known {
            id: i64,
            qty: i64,
            hs_qty: i64,
        }
        let known = async |db: &Db, d: &mut Dice| -> Vec<Known> {
            let sql = "SELECT id, qty, hs_qty FROM pre_write_off_item WHERE certificate_id = $1 AND state = 'pending' \
                       ORDER BY id DESC LIMIT 6";
            let mut found: Vec<Known> = db.read().rows(sql, db::params![id]).await.unwrap();
            found.retain(|_| d.roll(3) == 0);
            found
        };
        let record = async |db: &Db, d: &mut Dice, state: UsageState| -> Option<i64> {
            let sql = "SELECT id FROM usage_record WHERE certificate_id = $1 AND state = $2 ORDER BY id DESC LIMIT 6";
            let found: Vec<Id> = db.read().rows(sql, db::params![id, state]).await.unwrap();
            Some(d.pick(&found)?.id)
        };
        let act = match d.roll(29) {
            0..=6 => Act::Declare(claims(d, 5)),
            7..=10 => Act::Direct(claims(d, 9), d.roll(4) > 0),
            11..=14 => {
                let items = known(&self.db, d).await;
                let more = i64::from(d.roll(8) == 0);
                let of = |i: &Known, d: &mut Dice| {
                    let whole = d.roll(2) == 0;
                    let mut part = |n: i64| if whole { n + more } else { d.amount(n) };
                    (i.id, Amounts { qty: units(part(i.qty)), hs_qty: units(part(i.hs_qty)) })
                };
                Act::Confirm(items.iter().map(|i| of(i, d)).collect(), d.roll(4) > 0)
            }
            15 => Act::Refuse(known(&self.db, d).await.iter().map(|i| i.id).collect()),
            16 => Act::Withdraw(known(&self.db, d).await.iter().map(|i| i.id).collect()),
            17..=18 => {
                let sql = "SELECT id FROM ledger_entry WHERE certificate_id = $1 AND kind IN ('direct', 'confirm') \
                           ORDER BY id DESC LIMIT 12";
                let found: Vec<Id> = self.db.read().rows(sql, db::params![id]).await.unwrap();
                Act::Reverse(d.pick(&found)?.id)
            }
            20..=23 => {
                let mut some = Vec::new();
                for (line, _) in &lines {
                    if d.roll(2) == 0 {
                        some.push((*line, ONE * (1 + d.amount(2))));
                    }
                }
                Act::Account(*d.pick(UsageKind::ALL)?, some)
            }
            24 | 25 => Act::Reject(record(&self.db, d, UsageState::Submitted).await?),
            26 => Act::Approve(record(&self.db, d, UsageState::Submitted).await?),
            27 => Act::AccountAgain(record(&self.db, d, UsageState::Rejected).await?),
            // What is closed is not taken back: of the small ones little would be left to do.
            28 if certificate == 2 || d.roll(20) == 0 => Act::Tail(d.pick(&lines)?.0),
            _ => Act::Lapse(Instant::from_millis(self.clock.load(Ordering::SeqCst) - 60 - d.amount(60))),
        };
        match &act {
            Act::Declare(c) | Act::Direct(c, _) | Act::Confirm(c, _) if c.is_empty() => None,
            Act::Account(_, lines) if lines.is_empty() => None,
            Act::Refuse(ids) | Act::Withdraw(ids) if ids.is_empty() => None,
            _ => Some(act),
        }
    }

    /// What came of it, and the key of its entries.
    async fn attempt(
        &self,
        certificate: i64,
        key: &str,
        act: &Act,
        now: Instant,
    ) -> Result<(Outcome, String), LedgerError> {
        let id = CertificateId::new(certificate);
        let (here, elsewhere) = (BureauCode::new(SHANGHAI), BureauCode::new(JIANGSU));
        let port = PortCode::new("2248");
        let place = Place { port: &port, bureau: &here, customs_no: "" };
        let deed = Deed { key, by: &self.by, now };
        let claims = |c: &[(i64, Amounts)]| c.iter().map(|(l, a)| (CertificateItemId::new(*l), *a)).collect::<Vec<_>>();
        let items = |ids: &[i64]| ids.iter().map(|i| PreWriteOffItemId::new(*i)).collect::<Vec<_>>();
        let note = |noted: bool| if noted { "核对" } else { "" };
        let mut entered = key.to_owned();
        let tx = self.db.begin().await?;
        let outcome = match act {
            Act::Declare(c) => ledger::declare(&tx, id, place, &claims(c), deed).await.map(|(_, o)| o),
            Act::Direct(c, noted) => {
                let place = Place { bureau: &elsewhere, ..place };
                ledger::draw_down(&tx, id, place, &claims(c), note(*noted), deed).await
            }
            Act::Confirm(c, noted) => {
                let c: Vec<_> = c.iter().map(|(i, a)| (PreWriteOffItemId::new(*i), *a)).collect();
                ledger::confirm(&tx, id, &here, &c, note(*noted), deed).await
            }
            Act::Refuse(ids) => ledger::refuse(&tx, id, &here, &items(ids), "退回", deed).await,
            Act::Withdraw(ids) => ledger::withdraw(&tx, id, &items(ids), deed).await,
            Act::Reverse(entry) => {
                let entry = LedgerEntryId::new(*entry);
                let sql = "SELECT COUNT(*) FROM ledger_entry WHERE id = $1 AND kind = 'direct'";
                let direct = self.db.read().number(sql, db::params![entry]).await?;
                let bureau = if direct > 0 { &elsewhere } else { &here };
                ledger::reverse(&tx, id, entry, bureau, "数量填错", deed).await
            }
            Act::Lapse(before) => {
                ledger::lapse(&tx, id, *before, "超过期限", &self.by, now).await.map(|_| Outcome::Done)
            }
            Act::Account(kind, lines) => {
                let lines = lines.iter().map(|(line, qty)| UsageLine {
                    item: CertificateItemId::new(*line),
                    qty: Some(units(*qty)),
                    serials: String::new(),
                });
                let form = UsageForm { lines: lines.collect(), ..UsageForm::default() };
                let new = NewRecord {
                    certificate: id,
                    kind: *kind,
                    creation_key: key,
                    owner: self.holder.account(),
                    bureau: &here,
                    form: &form,
                    files: &[],
                };
                usage::lock(&tx, id).await?;
                match usage::create(&tx, &new, &self.by, now).await? {
                    None => Ok(Outcome::Before),
                    Some(record) => {
                        entered = self.advance(&tx, record, UsageAction::Submit, now).await?;
                        Ok(Outcome::Done)
                    }
                }
            }
            Act::AccountAgain(record) | Act::Approve(record) | Act::Reject(record) => {
                let action = match act {
                    Act::Approve(_) => UsageAction::Approve,
                    Act::Reject(_) => UsageAction::Reject,
                    _ => UsageAction::Submit,
                };
                entered = self.advance(&tx, UsageRecordId::new(*record), action, now).await?;
                Ok(Outcome::Done)
            }
            Act::Tail(line) => {
                let line = CertificateItemId::new(*line);
                supervision::close_tail(&tx, id, line, "计量误差", &By::actor(&self.supervisor, "-"), now).await?;
                Ok(Outcome::Done)
            }
        }?;
        tx.commit().await?;
        Ok((outcome, entered))
    }

    /// A step of a record of use, return or destruction; says the key of its entries.
    async fn advance(
        &self,
        tx: &db::Tx,
        id: UsageRecordId,
        action: UsageAction,
        now: Instant,
    ) -> Result<String, LedgerError> {
        let scope = Scope::Enterprise { user: self.holder.account(), shared_organisation: None };
        let record = usage::load_for_update(tx, &scope, id).await?;
        let actor = if action == UsageAction::Submit { &self.holder } else { &self.supervisor };
        let step = policy::may_with_usage(actor, &record.ownership, action)
            .map_err(|refusal| db::DbError::Refused(refusal.to_string()))?;
        usage::advance(tx, &record, step, "核对", &By::actor(actor, "-"), now).await?;
        Ok(format!("usage-{id}-{}", record.version))
    }

    async fn work(mut self, deeds: usize) -> Vec<Done> {
        let mut done: Vec<Done> = Vec::new();
        for n in 0..deeds {
            let which = usize::try_from(self.dice.roll(self.certificates.len() as u64)).unwrap();
            let certificate = self.certificates[which].0;
            // Now and then the same form once more.
            if self.dice.roll(12) == 0
                && let Some(again) = done.iter().rev().find(|d| d.told == Ok(Outcome::Done) && d.act.has_key())
            {
                let told = self.attempt(again.certificate, &again.key, &again.act, again.at).await;
                assert!(matches!(told, Ok((Outcome::Before, _))), "{again:?}: {told:?}");
                continue;
            }
            let Some(act) = self.invent(which).await else { continue };
            let at = Instant::from_millis(self.clock.fetch_add(1, Ordering::SeqCst));
            let key = format!("{}-{n}", self.name);
            let from = newest(&self.db, certificate).await;
            let told = self.attempt(certificate, &key, &act, at).await;
            let to = newest(&self.db, certificate).await;
            let mut entered = key.clone();
            let told = match told {
                Ok((outcome, own)) => {
                    entered = own;
                    Ok(outcome)
                }
                Err(LedgerError::Lines(lines)) => Err(format!("{lines:?}")),
                Err(LedgerError::Db(db::DbError::Refused(why) | db::DbError::Overtaken(why))) => Err(why),
                Err(other) => panic!("{act:?}: {other:?}"),
            };
            done.push(Done { certificate, key, entered, act, at, from, to, told });
        }
        done
    }
}

/// R-2.8-19, R-2.9.4-07, D1, D2, D11, D20, E13: thousands of deeds of eight actors at once, from 预核销 to the 监管 of what
/// became of the goods. In the order in which the ledger took them, each is
/// what the rules allow and nothing else; each refusal was right at some moment between question and answer; running
/// balances, rows, counts and the audit trail agree; nothing is lost, nothing doubled, nobody waits for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r_2_8_19_the_ledger_equals_its_model_under_eight_hands() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let db = site.app.db.clone();
        let mut certificates = Vec::new();
        // Of little much is refused; whole units of the last can be used.
        for amounts in [
            [("1", "0.8"), ("0.5", "0.5"), ("0.3", "7")],
            [("2", "2"), ("0.7", "0.01"), ("1", "3")],
            [("300", "300"), ("145.5", "140"), ("180.25", "9")],
        ] {
            let id = certificate_of(&site, &user, &bureau, &amounts).await;
            let lines = ledger::lines(&db.read(), CertificateId::new(id)).await.unwrap();
            let lines = lines
                .iter()
                .map(|l| (l.id.get(), Amounts { qty: l.balance.qty.required, hs_qty: l.balance.hs.required }));
            certificates.push((id, lines.collect::<Vec<_>>()));
        }
        let watch = site.officer("sh_watch", SHANGHAI, &[Post::Supervise]).await;
        let actor = async |browser: &crate::support::Browser| {
            db::session::find(&db.read(), &hash(browser), site.app.now()).await.unwrap().unwrap().actor
        };
        let (holder, supervisor) = (actor(&user).await, actor(&watch).await);
        let by = By::actor(&holder, "-");
        let clock = Arc::new(AtomicI64::new(site.app.now().millis()));
        let hands = (0..8).map(|name| Hand {
            db: db.clone(),
            dice: Dice(name as u64 * 7919 + 1),
            by: by.clone(),
            holder: holder.clone(),
            supervisor: supervisor.clone(),
            certificates: certificates.clone(),
            clock: clock.clone(),
            name,
        });
        let begun = std::time::Instant::now();
        let hands: Vec<_> = hands.map(|hand| tokio::spawn(hand.work(1000))).collect();
        let mut done = Vec::new();
        for hand in hands {
            done.extend(hand.await.unwrap());
        }
        println!("{} deeds in {:?}", done.len(), begun.elapsed());
        for (id, lines) in &certificates {
            let own: Vec<_> = done.iter().filter(|d| d.certificate == *id).collect();
            agrees(&db, *id, lines, &own).await;
        }
        for kind in EntryKind::ALL {
            let sql = format!("SELECT COUNT(*) FROM ledger_entry WHERE kind = '{}'", kind.word());
            let n = site.number(&sql).await;
            println!("{n} entries of {kind:?}");
            assert!(n > 5, "{n} entries of {kind:?}");
        }
        let found = db::doctor::examine(&db).await.unwrap();
        assert_eq!(found.faults, Vec::<String>::new());
    }
}

fn hash(user: &crate::support::Browser) -> String {
    let cookies = user.cookies.lock().unwrap();
    kit::session::hash_of(&cookies[kit::session::SESSION_COOKIE])
}

#[derive(db::Row)]
struct RecordState {
    id: i64,
    state: UsageState,
}

async fn agrees(db: &Db, id: i64, lines: &[(i64, Amounts)], own: &[&Done]) {
    let entries = entries_of(db, id).await;
    let mut deeds: Vec<(String, Vec<Entry>)> = Vec::new();
    for e in entries {
        match deeds.last_mut() {
            Some((key, rows)) if *key == e.deed_key => rows.push(e),
            _ => deeds.push((e.deed_key.clone(), vec![e])),
        }
    }
    let mut keys: Vec<_> = deeds.iter().map(|(key, _)| key.clone()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), deeds.len(), "the entries of a deed stand together, and each deed stands once");

    let mut model = Model {
        lines: lines.iter().map(|(id, required)| (*id, LineBalance::opening(*required))).collect(),
        ..Model::default()
    };
    // What stood after which entry.
    let mut states = vec![(0, model.clone())];
    // Their entries carry keys that they do not know.
    let is_unnamed = |act: &Act| matches!(act, Act::Lapse(_) | Act::Tail(_));
    let mut unnamed: Vec<_> = own.iter().filter(|d| is_unnamed(&d.act) && d.told == Ok(Outcome::Done)).collect();
    let mut seen = 0;
    for (key, rows) in &deeds {
        let deed = if key.starts_with("lapse-") || key.starts_with("tail-") {
            // The lapse, or the closing of a 尾差, that was under way at that moment and takes just these.
            let last = rows.last().unwrap().id;
            let mut sources: Vec<Row> = rows.iter().map(Entry::row).collect();
            sources.sort_unstable();
            let found = unnamed.iter().position(|d| {
                let mut plan = model.plan(&d.act).unwrap_or_default();
                plan.sort_unstable();
                d.from < last && last <= d.to && plan == sources
            });
            *unnamed.remove(found.expect("somebody did it"))
        } else {
            own.iter().find(|d| d.entered == *key && d.told == Ok(Outcome::Done)).expect("somebody did it")
        };
        assert_eq!(deed.told, Ok(Outcome::Done), "in the ledger, but he was told otherwise");
        model.follow(deed, rows);
        seen += 1;
        states.push((rows.last().unwrap().id, model.clone()));
    }
    // A lapse may find nothing, and an approval changes no balance.
    let leaves_entries = |act: &Act| !matches!(act, Act::Lapse(_) | Act::Approve(_));
    let acknowledged = own.iter().filter(|d| d.told == Ok(Outcome::Done) && leaves_entries(&d.act)).count();
    let by_clock = deeds.iter().filter(|(key, _)| key.starts_with("lapse-")).count();
    assert_eq!(seen, acknowledged + by_clock, "every acknowledged deed is there once");
    assert!(unnamed.iter().all(|d| matches!(d.act, Act::Lapse(_))), "every closed 尾差 is there");
    let approvals: Vec<_> =
        own.iter().filter(|d| d.told == Ok(Outcome::Done) && matches!(d.act, Act::Approve(_))).collect();
    let during = |d: &Done| {
        let window = d.from..=d.to;
        states.iter().filter(move |(entry, _)| window.contains(entry))
    };
    for d in own.iter().filter(|d| d.told.is_err()) {
        let is_approved =
            d.act.record().is_some() && approvals.iter().any(|a| a.act.record() == d.act.record() && a.from <= d.to);
        assert!(is_approved || during(d).any(|(_, m)| m.plan(&d.act).is_none()), "refused for nothing: {d:?}");
    }
    for d in &approvals {
        let record = d.act.record().unwrap();
        assert!(during(d).any(|(_, m)| m.plan(&d.act).is_some()), "approved though not submitted: {d:?}");
        let others = approvals.iter().filter(|a| a.act.record() == Some(record)).count();
        assert!(others == 1 && model.records[&record].1, "what is approved stays: {d:?}");
    }
    let state_of: Vec<RecordState> = {
        let sql = "SELECT id, state FROM usage_record WHERE certificate_id = $1";
        db.read().rows(sql, db::params![id]).await.unwrap()
    };
    assert_eq!(state_of.len(), model.records.len());
    for r in state_of {
        let approved = approvals.iter().any(|d| d.act.record() == Some(r.id));
        let expected = match (approved, model.records[&r.id].1) {
            (true, _) => UsageState::Approved,
            (false, true) => UsageState::Submitted,
            (false, false) => UsageState::Rejected,
        };
        assert_eq!(r.state, expected, "record {}", r.id);
    }
    let refused = own.iter().filter(|d| d.told.is_err()).count();
    assert!(acknowledged > 100 && refused > 20, "{acknowledged} done, {refused} refused");
    let stand = ledger::lines(&db.read(), CertificateId::new(id)).await.unwrap();
    let stand: BTreeMap<_, _> = stand.into_iter().map(|l| (l.id.get(), l.balance)).collect();
    assert_eq!(stand, model.lines);
}

//! What would become of the lines of a batch if it were handed in now: nothing is written, and the number of statements
//! grows by the hundred lines. The deed itself asks the ledger again.

use std::collections::{BTreeMap, BTreeSet};

use db::ledger::{self, Why};
use db::port_system::{self, Declared, Named};
use domain::certificate::Validity;
use domain::ids::{CertificateItemId, PreWriteOffItemId};
use domain::ledger::{LineBalance, PreWriteOffState};
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;

use crate::write_off::batch::{self, Claim, Desk, Line};

/// Why each line would be rejected, in their order; none = it would be accepted.
pub async fn forecast(app: &App, desk: &Desk, lines: &[Line]) -> Result<Vec<Option<String>>, AppError> {
    let claims: Vec<_> = lines.iter().map(|line| batch::claim(app, desk, line)).collect();
    let read = app.db.read();
    let right = || claims.iter().filter_map(|c| c.as_ref().ok());
    let asked: BTreeSet<_> = right().map(|c| (c.number.clone(), c.ordinal)).collect();
    let named = port_system::named(&read, &asked.into_iter().collect::<Vec<_>>()).await?;
    let ids: BTreeSet<_> = named.values().filter_map(|n| n.line).collect();
    let balances = ledger::lines_of(&read, &ids.into_iter().collect::<Vec<_>>()).await?;
    let items: BTreeSet<_> = right().filter_map(|c| c.confirms).collect();
    let declared = port_system::declared(&read, &items.into_iter().collect::<Vec<_>>()).await?;
    let mut register = Register {
        named,
        declared,
        balances: balances.into_iter().map(|l| (l.id, l.balance)).collect(),
        now: app.now(),
    };
    Ok(claims
        .into_iter()
        .map(|claim| match claim {
            Ok(claim) => register.write_off(&claim, desk).err(),
            Err(why) => Some(why),
        })
        .collect())
}

/// What the lines meet, each one what those before it leave.
struct Register {
    named: BTreeMap<(String, i64), Named>,
    declared: BTreeMap<PreWriteOffItemId, Declared>,
    balances: BTreeMap<CertificateItemId, LineBalance>,
    now: Instant,
}

impl Register {
    fn write_off(&mut self, claim: &Claim, desk: &Desk) -> Result<(), String> {
        let key = (claim.number.to_string(), claim.ordinal);
        let named = self.named.get(&key);
        let (_, line) = batch::product_of(named, claim)?;
        let named = named.ok_or_else(String::new)?;
        if let Some(why) = ledger::closed(named.state) {
            return Err(batch::without_stop(why));
        }
        let before = *self.balances.get(&line).ok_or_else(String::new)?;
        let mut after = before;
        if let Some(item) = claim.confirms {
            if let Some(why) = batch::misfit(self.declared.get(&item), item, claim, line, &desk.bureau) {
                return Err(why);
            }
            let declared = self.declared.get_mut(&item).ok_or_else(String::new)?;
            let most = domain::ledger::Amounts { qty: declared.qty, hs_qty: declared.hs_qty };
            if declared.state != PreWriteOffState::Pending {
                return Err(Why::Decided(declared.state).to_string());
            }
            if !claim.amounts.fits(most) {
                return Err(Why::BeyondDeclared(most).to_string());
            }
            after.qty.pending = before.qty.pending.checked_sub(most.qty).unwrap_or_default();
            after.hs.pending = before.hs.pending.checked_sub(most.hs_qty).unwrap_or_default();
        } else {
            let validity = Validity { from: named.valid_from, to: named.valid_to };
            if validity.is_over(self.now) && claim.note.is_empty() {
                return Err(batch::without_stop(ledger::LATE_NEEDS_REASON));
            }
        }
        if before.is_finished() {
            return Err(Why::Finished.to_string());
        }
        if !claim.amounts.fits(before.writable()) {
            return Err(Why::BeyondWritable(before.writable()).to_string());
        }
        after.qty.written_off = before.qty.written_off.checked_add(claim.amounts.qty).unwrap_or(before.qty.required);
        after.hs.written_off = before.hs.written_off.checked_add(claim.amounts.hs_qty).unwrap_or(before.hs.required);
        if let Some(left) = after.tail().filter(|_| claim.note.is_empty()) {
            return Err(Why::TailNeedsNote(left).to_string());
        }
        if let Some(declared) = claim.confirms.and_then(|item| self.declared.get_mut(&item)) {
            declared.state = PreWriteOffState::Confirmed;
        }
        self.balances.insert(line, after);
        Ok(())
    }
}

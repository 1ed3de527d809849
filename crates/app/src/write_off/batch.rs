//! A batch of write-offs: each line accepted or rejected with a reason, each exactly once, whoever hands it in.
//!
//! Lines are independent: one that is rejected leaves the others as they are. A line is a transaction of its own, in which
//! its row, the deed and the audit row stand or fall together: about a dozen statements for one that is accepted, three
//! for one that cannot be read. A batch that broke off is taken up behind its last line.

use std::collections::BTreeMap;

use db::audit::By;
use db::ledger::{self, Deed, LedgerError, Place};
use db::port_system::{self, Batch, Decided, Declared, Named, NewBatch, Sender};
use domain::ids::{BureauCode, CertificateId, CertificateItemId, PortCode, PreWriteOffItemId};
use domain::ledger::Amounts;
use domain::number::CertificateNumber;
use domain::quantity::Quantity;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use sha2::{Digest as _, Sha256};

use crate::jobs;
use crate::write_off::customs_no_of;

/// A batch has no more lines than these.
pub const MOST_LINES: usize = 1_000;
/// 批次号 has no more characters than these.
pub const MOST_NUMBER: usize = 64;
/// 说明 has so many characters, when there is one.
const NOTE: std::ops::RangeInclusive<usize> = 2..=500;

/// One line as it was handed in: nothing of it is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Line {
    /// 证明号.
    pub certificate_no: String,
    /// 序号 of the product in the annex.
    pub ordinal: String,
    /// 数量/重量.
    pub qty: String,
    /// HS 标准量.
    pub hs_qty: String,
    /// 口岸, by its code.
    pub port: String,
    /// 报关单号.
    pub customs_no: String,
    /// The number of the product of a 预核销 that this confirms; blank = 直接核销.
    pub pre_write_off_item: String,
    /// 说明.
    pub note: String,
}

impl Line {
    /// A line as it is kept.
    pub fn of(content: &str) -> Self {
        serde_json::from_str(content).unwrap_or_default()
    }
}

/// Who hands in, for which bureau.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The bureau that writes off.
    pub bureau: BureauCode,
    /// The ports that are his business; none = all of the bureau.
    pub ports: Vec<String>,
    /// Who.
    pub sender: Sender,
    /// As the ledger shows it.
    pub by: By,
}

/// What became of a batch.
#[derive(Debug)]
pub struct Outcome {
    /// The batch.
    pub batch: Batch,
    /// Each line.
    pub lines: Vec<Decided>,
    /// It had come before; this is the first result.
    pub repeated: bool,
}

/// Reads 批次号, or says what is wrong with it.
pub fn number(typed: &str) -> Result<String, String> {
    let number = text::half_width(&text::one_line(typed));
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if number.is_empty() {
        Err("请填写批次号".to_owned())
    } else if number.len() > MOST_NUMBER || !number.chars().all(fits) {
        Err(format!("批次号只能由字母、数字和 . _ - 组成，最多 {MOST_NUMBER} 个字符"))
    } else {
        Ok(number)
    }
}

/// Why a batch has too few or too many lines.
pub fn wrong_size(lines: usize) -> Option<String> {
    (lines == 0 || lines > MOST_LINES)
        .then(|| format!("一个批次须有 1 至 {MOST_LINES} 行，现在是 {lines} 行，请分成几个批次"))
}

/// SHA-256 of what is handed in.
pub fn digest(lines: &[Line]) -> Result<String, AppError> {
    let content = serde_json::to_vec(lines).map_err(anyhow::Error::new)?;
    Ok(hex::encode(Sha256::digest(content)))
}

/// Takes a batch in and decides every line that is not decided yet. The same batch again is answered with the first
/// result; another content under its number is refused.
pub async fn hand_in(app: &App, desk: &Desk, number: &str, lines: &[Line]) -> Result<Outcome, AppError> {
    let new = NewBatch {
        bureau: &desk.bureau,
        number,
        digest: &digest(lines)?,
        lines: i64::try_from(lines.len()).unwrap_or(i64::MAX),
        source: &desk.by.name,
        sender: desk.sender,
    };
    let tx = app.db.begin().await?;
    let (batch, repeated) = port_system::receive(&tx, &new, app.now()).await?;
    tx.commit().await?;
    let done: Vec<i64> = port_system::decided(&app.db.read(), batch.id).await?.iter().map(|l| l.ordinal).collect();
    for (ordinal, line) in (1..).zip(lines) {
        if done.binary_search(&ordinal).is_err() {
            decide(app, desk, &batch, ordinal, line).await?;
        }
    }
    let lines = port_system::decided(&app.db.read(), batch.id).await?;
    tell(app, desk, &batch, &lines).await?;
    Ok(Outcome { batch, lines, repeated })
}

/// Decides one line, in a transaction of its own.
async fn decide(app: &App, desk: &Desk, batch: &Batch, ordinal: i64, line: &Line) -> Result<(), AppError> {
    let content = serde_json::to_string(line).map_err(anyhow::Error::new)?;
    let mut decided = Decided { ordinal, content, reason: None };
    let refused = match claim(app, desk, line) {
        Ok(claim) => {
            let tx = app.db.begin().await?;
            // The row first: whoever decides the line, decides it once.
            if !port_system::decide(&tx, batch.id, &decided, app.now()).await? {
                return Ok(());
            }
            let refused = write_off(app, &tx, desk, (batch, ordinal), &claim).await?;
            if refused.is_none() {
                tx.commit().await?;
                return Ok(());
            }
            // What the deed had begun is undone with its transaction; only the answer stays.
            refused
        }
        Err(why) => Some(why),
    };
    decided.reason = refused;
    let tx = app.db.begin().await?;
    port_system::decide(&tx, batch.id, &decided, app.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// A line that can be read.
pub struct Claim {
    /// 证明号.
    pub number: CertificateNumber,
    /// 序号.
    pub ordinal: i64,
    /// Both amounts.
    pub amounts: Amounts,
    /// 口岸.
    pub port: PortCode,
    /// 报关单号; may be blank.
    pub customs_no: String,
    /// The product of a 预核销 that this confirms.
    pub confirms: Option<PreWriteOffItemId>,
    /// 说明; may be blank.
    pub note: String,
}

/// What was typed, as a sentence repeats it: short, and without what cannot be shown.
fn shown(typed: &str) -> String {
    let clean: String = typed.chars().filter(|c| !c.is_control()).collect();
    let short: String = clean.chars().take(40).collect();
    if short.len() < clean.len() { format!("{short}…") } else { short }
}

fn amount(label: &str, typed: &str) -> Result<Quantity, String> {
    if typed.trim().is_empty() {
        return Ok(Quantity::ZERO);
    }
    Quantity::parse(typed).map_err(|why| format!("{label}{why}"))
}

/// A port of the desk, by its code or as the template lists it: `吴淞海关（2202）`.
fn port(app: &App, desk: &Desk, typed: &str, confirms: bool) -> Result<PortCode, String> {
    let typed = text::half_width(typed.trim());
    let inside = typed.strip_suffix(')').and_then(|t| t.rsplit_once('(')).map_or(typed.as_str(), |(_, code)| code);
    let code = inside.trim();
    let references = app.references.now();
    match references.port_bureau(code) {
        _ if code.is_empty() => Err("请填写口岸代码".to_owned()),
        None => Err(format!("没有代码为 {} 的口岸", shown(code))),
        Some(bureau) if *bureau != desk.bureau => Err(format!("口岸 {code} 不属于本局，不能由本局核销")),
        Some(_) if !desk.ports.is_empty() && desk.ports.iter().all(|own| own != code) => {
            Err(format!("口岸 {code} 不在本系统登记的口岸之内"))
        }
        // What was declared while the port was open is confirmed all the same.
        Some(_) if !confirms && !references.port_holds(code, app.clock.today()) => Err(format!("口岸 {code} 已停用")),
        Some(_) => Ok(PortCode::new(code)),
    }
}

fn note(typed: &str) -> Result<String, String> {
    let note = text::one_line(typed);
    let n = note.chars().count();
    if n == 0 || NOTE.contains(&n) {
        Ok(note)
    } else {
        Err(format!("说明须有 {} 至 {} 个字，现在是 {n} 个字", NOTE.start(), NOTE.end()))
    }
}

/// Reads a line; every mistake at once.
pub fn claim(app: &App, desk: &Desk, line: &Line) -> Result<Claim, String> {
    fn keep<T>(wrong: &mut Vec<String>, read: Result<T, String>) -> Option<T> {
        read.map_err(|why| wrong.push(why)).ok()
    }
    let mut wrong = Vec::new();
    let number = CertificateNumber::parse(&line.certificate_no).map_err(|why| format!("证明号：{why}"));
    let number = keep(&mut wrong, number);
    let ordinal = text::half_width(line.ordinal.trim()).parse::<i64>().ok().filter(|n| *n > 0);
    let ordinal = keep(&mut wrong, ordinal.ok_or_else(|| "产品序号：请填写附表中的序号，例如 1".to_owned()));
    let qty = keep(&mut wrong, amount("数量/重量", &line.qty));
    let hs_qty = keep(&mut wrong, amount("HS 标准量", &line.hs_qty));
    let amounts = qty.zip(hs_qty).map(|(qty, hs_qty)| Amounts { qty, hs_qty });
    if amounts.is_some_and(Amounts::is_nothing) {
        wrong.push("两种数量不能同时为零".to_owned());
    }
    let item = text::half_width(line.pre_write_off_item.trim());
    let port = keep(&mut wrong, port(app, desk, &line.port, !item.is_empty()));
    let customs_no = keep(&mut wrong, customs_no_of(&line.customs_no));
    let confirms: Option<PreWriteOffItemId> = item.parse().ok();
    if confirms.is_none() && !item.is_empty() {
        wrong.push(format!("没有编号为 {} 的预核销", shown(&item)));
    }
    let note = keep(&mut wrong, note(&line.note));
    match (number, ordinal, amounts, port, customs_no, note) {
        (Some(number), Some(ordinal), Some(amounts), Some(port), Some(customs_no), Some(note)) if wrong.is_empty() => {
            Ok(Claim { number, ordinal, amounts, port, customs_no, confirms, note })
        }
        _ => Err(wrong.join("；")),
    }
}

/// The product that a line names, or why there is none.
pub fn product_of(named: Option<&Named>, claim: &Claim) -> Result<(CertificateId, CertificateItemId), String> {
    let named = named.ok_or_else(|| format!("没有证明号为 {} 的证明", claim.number))?;
    let line = named.line.ok_or_else(|| format!("该证明附表中没有第 {} 项产品", claim.ordinal))?;
    Ok((named.certificate, line))
}

/// What stands against confirming this 预核销 with this line; none when it fits.
pub fn misfit(
    declared: Option<&Declared>,
    id: PreWriteOffItemId,
    claim: &Claim,
    line: CertificateItemId,
    bureau: &BureauCode,
) -> Option<String> {
    // R-2.8-18: to other bureaus it does not exist.
    let Some(declared) = declared.filter(|d| d.bureau_code == *bureau) else {
        return Some(format!("没有编号为 {id} 的预核销，或它不属于本局的口岸"));
    };
    let amounts = Amounts { qty: declared.qty, hs_qty: declared.hs_qty };
    if declared.certificate_item_id != line {
        Some(format!("编号为 {id} 的预核销不是该证明第 {} 项产品的", claim.ordinal))
    } else if declared.port_code != claim.port {
        Some(format!("编号为 {id} 的预核销申报的口岸是 {}，与本行不一致", declared.port_code))
    } else if !claim.customs_no.is_empty() && !declared.customs_no.is_empty() && claim.customs_no != declared.customs_no
    {
        Some(format!("编号为 {id} 的预核销申报的报关单号是 {}，与本行不一致", declared.customs_no))
    } else if claim.note.is_empty() && claim.amounts != amounts && claim.amounts.fits(amounts) {
        Some("本次核销数量与预核销数量不一致，请填写说明".to_owned())
    } else {
        None
    }
}

/// Does it; says why not, and then nothing of it may stay.
async fn write_off(
    app: &App,
    tx: &db::Tx,
    desk: &Desk,
    (batch, ordinal): (&Batch, i64),
    claim: &Claim,
) -> Result<Option<String>, AppError> {
    let asked = [(claim.number.clone(), claim.ordinal)];
    let named = port_system::named(tx, &asked).await?;
    let (certificate, line) = match product_of(named.values().next(), claim) {
        Ok(found) => found,
        Err(why) => return Ok(Some(why)),
    };
    let key = format!("batch-{}-{ordinal}", batch.id);
    let deed = Deed { key: &key, by: &desk.by, now: app.now() };
    let done = if let Some(item) = claim.confirms {
        let declared = port_system::declared(tx, &[item]).await?;
        if let Some(why) = misfit(declared.get(&item), item, claim, line, &desk.bureau) {
            return Ok(Some(why));
        }
        let decisions = [(item, claim.amounts)];
        let said = (claim.customs_no.as_str(), claim.note.as_str());
        ledger::confirm_at(tx, certificate, &desk.bureau, &decisions, said, deed).await
    } else {
        let place = Place { port: &claim.port, bureau: &desk.bureau, customs_no: &claim.customs_no };
        ledger::draw_down(tx, certificate, place, &[(line, claim.amounts)], &claim.note, deed).await
    };
    match done {
        Ok(_) => Ok(None),
        Err(LedgerError::Lines(refusals)) => {
            let why: Vec<_> = refusals.iter().map(|r| r.why.to_string()).collect();
            Ok(Some(why.join("；")))
        }
        Err(LedgerError::Db(db::DbError::Refused(why) | db::DbError::Overtaken(why))) => Ok(Some(without_stop(&why))),
        Err(LedgerError::Db(error)) => Err(error.into()),
    }
}

/// A sentence as the others of a line stand: without 句号.
pub fn without_stop(why: &str) -> String {
    why.trim_end_matches('。').to_owned()
}

/// Tells the holder of each certificate how many of its products were confirmed and written off, once per batch.
async fn tell(app: &App, desk: &Desk, batch: &Batch, lines: &[Decided]) -> Result<(), AppError> {
    let mut accepted: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for line in lines.iter().filter(|l| l.reason.is_none()) {
        let line = Line::of(&line.content);
        let Ok(number) = CertificateNumber::parse(&line.certificate_no) else { continue };
        let of = accepted.entry(number.to_string()).or_default();
        of[usize::from(!line.pre_write_off_item.trim().is_empty())] += 1;
    }
    let tx = app.db.begin().await?;
    if !port_system::tell(&tx, batch.id, app.now()).await? {
        return Ok(());
    }
    for (number, [direct, confirmed]) in accepted {
        let Some(found) = db::certificate::by_number(&tx, &number).await? else { continue };
        let scope = domain::policy::Scope::All;
        let application = db::application::load(&tx, &scope, found.application_id, app.now()).await?;
        if direct > 0 {
            jobs::written_off(&tx, app, &application, found.id, &number, &desk.bureau, direct).await?;
        }
        if confirmed > 0 {
            let said = jobs::Decided::Confirmed;
            jobs::pre_write_off_decided(&tx, app, &application, found.id, &number, said, confirmed, "").await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

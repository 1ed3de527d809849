//! 风险提示 beside the form: what `domain::risk` says of what this bureau may see.

use askama::Template;
use askama::filters::HtmlSafe;
use db::Reader;
use db::application::Item;
use domain::application::Application;
use domain::certificate::{CertificateState, Validity};
use domain::ids::{ApplicationId, CertificateId, ClauseCode, HsCode, UnitCode};
use domain::risk::{self, Asked, Earlier, Evidence, Facts, Hint, Overdue, Paper, Usual};
use domain::supervision::{Duty, Fate, SupervisionFacts, UNACCOUNTED_DAYS, UNWRITTEN_DAYS};
use domain::time::{Day, Instant};
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::session::BureauOfficer;

use crate::casework::history::{self, Bound, Keys, WINDOW, seen};
use crate::parts::view::FileRow;

/// The quantities of so many HS codes are compared.
const MOST_CODES: usize = 8;
/// With those of so many applications at most, looked for among the newest of the code.
const USUAL: usize = 50;
/// So many applications that matter are read.
const MOST_EARLIER: usize = 100;

struct Line {
    level: risk::Level,
    sentence: String,
    /// Where it leads, and whether that is another page.
    links: Vec<(String, String, bool)>,
}

/// The hints of a case.
#[derive(Template)]
#[template(path = "casework/hints.html")]
pub struct Hints {
    lines: Vec<Line>,
}

impl HtmlSafe for Hints {}

/// What is known of the case, in two statements, and what follows from it.
pub async fn load(
    read: Reader<'_>,
    app: &App,
    officer: &BureauOfficer,
    (application, items, files): (&Application, &[Item], &[FileRow]),
    keys: &Keys,
    list: &str,
) -> Result<Hints, AppError> {
    let today = app.clock.today();
    let references = app.references.now();
    let clause = &application.basics.clause;
    let (earlier, overdue) = of_applicant(read, app, officer, application, keys).await?;
    let facts = Facts {
        clause: clause.clone(),
        clause_name: references.clause_name(clause.as_str()).to_owned(),
        trade_mode: application.basics.trade_mode.clone(),
        today,
        papers: papers(app, application, files),
        earlier,
        asked: asked(read, app, officer, application, items).await?,
        overdue,
    };
    let hints = risk::hints(&facts, |mode| references.trade_mode_name(mode).to_owned());
    Ok(Hints { lines: hints.into_iter().map(|hint| line(application.id, hint, list)).collect() })
}

fn line(id: ApplicationId, hint: Hint, list: &str) -> Line {
    let links = match hint.evidence {
        Evidence::Basics => vec![("#part-basics".to_owned(), "查看申请信息".to_owned(), false)],
        Evidence::Items => vec![("#part-items".to_owned(), "查看附表产品".to_owned(), false)],
        Evidence::Papers => vec![("#part-attachments".to_owned(), "查看附件".to_owned(), false)],
        Evidence::Application(other, number) => {
            vec![(format!("/casework/{other}"), format!("查看申请 {number}"), true)]
        }
        Evidence::SameModel => vec![(history::of_models(id, list), "查看同型号申请".to_owned(), true)],
        Evidence::Certificates(all) => all
            .into_iter()
            .map(|(id, number)| (format!("/certificates/{id}"), format!("查看证明 {number}"), true))
            .collect(),
    };
    Line { level: hint.level, sentence: hint.sentence, links }
}

/// The kinds of attachment of bureau and clause, and what is there of them.
fn papers(app: &App, application: &Application, files: &[FileRow]) -> Vec<Paper> {
    let references = app.references.now();
    let basics = &application.basics;
    let today = app.clock.today();
    let bureau = basics.use_region.as_ref().and_then(|r| references.direct_bureau_of(r, today));
    let needs = references.needs(bureau, &basics.clause, today);
    needs
        .into_iter()
        .map(|(kind, name, need)| Paper {
            name,
            need,
            number: basics.number_for(&kind).map(|(label, number)| (label, number.to_owned())),
            files: files.iter().filter(|f| f.kind == kind.as_str()).count(),
        })
        .collect()
}

#[derive(db::Row)]
struct EarlierColumns {
    id: ApplicationId,
    number: Option<String>,
    state: S,
    clause_code: ClauseCode,
    submitted_at: Option<Instant>,
    model: Option<String>,
    display_to: Option<Day>,
    certificate_id: Option<CertificateId>,
    certificate_no: Option<String>,
    certificate_state: Option<CertificateState>,
    valid_from: Option<Day>,
    valid_to: Option<Day>,
    issued_at: Option<Instant>,
    written_lines: Option<i64>,
    open_lines: Option<i64>,
    unaccounted_lines: Option<i64>,
    written_at: Option<Instant>,
}

/// Of the newest applications of the same applicant: those for the same models, and the certificates that are overdue.
async fn of_applicant(
    read: Reader<'_>,
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    keys: &Keys,
) -> Result<(Vec<Earlier>, Vec<Overdue>), AppError> {
    let today = app.clock.today();
    let (seen, mut slots) = seen(&officer.scope());
    let org = slots.put(application.applicant.org_code.clone());
    let me = slots.put(application.id);
    let models = slots.list(keys.models());
    let unwritten = slots.put(today.plus_days(-UNWRITTEN_DAYS).start_instant());
    let unaccounted = slots.put(today.plus_days(-UNACCOUNTED_DAYS).start_instant());
    let model = format!(
        "(SELECT MIN(i.model) FROM application_item i WHERE i.application_id = a.id AND i.model_folded IN ({models}))"
    );
    let sql = format!(
        "SELECT f.* FROM (SELECT a.id, a.number, a.state, a.clause_code, a.submitted_at, {model} AS model, \
         a.display_to, c.id AS certificate_id, c.number AS certificate_no, c.state AS certificate_state, c.valid_from, \
         c.valid_to, c.issued_at, c.written_lines, c.open_lines, c.unaccounted_lines, c.written_at \
         FROM (SELECT w.id FROM application w WHERE w.applicant_org_code = {org} AND w.state <> 'draft' \
         AND w.id <> {me} ORDER BY w.id DESC LIMIT {WINDOW}) n \
         JOIN application a ON a.id = n.id LEFT JOIN certificate c ON c.application_id = a.id WHERE {seen}) f \
         WHERE f.model IS NOT NULL \
         OR (f.written_lines = 0 AND f.certificate_state IN ('valid', 'amending') AND f.issued_at < {unwritten}) \
         OR (f.unaccounted_lines > 0 AND f.written_at < {unaccounted}) ORDER BY f.id DESC LIMIT {MOST_EARLIER}"
    );
    let found: Vec<EarlierColumns> = read.rows(&sql, slots.values()).await?;
    let references = app.references.now();
    let overdue = found.iter().filter_map(|c| overdue(c, references.fate(&c.clause_code), app.now())).collect();
    let earlier = found
        .into_iter()
        .filter_map(|c| {
            Some(Earlier {
                id: c.id,
                number: c.number.unwrap_or_default(),
                model: c.model?,
                state: c.state,
                clause: c.clause_code,
                submitted: c.submitted_at?.china_day(),
            })
        })
        .collect();
    Ok((earlier, overdue))
}

/// What is owed of its certificate for too long.
fn overdue(c: &EarlierColumns, fate: Fate, now: Instant) -> Option<Overdue> {
    let facts = SupervisionFacts {
        state: c.certificate_state?,
        validity: Validity { from: c.valid_from?, to: c.valid_to? },
        issued_at: c.issued_at?,
        written_lines: c.written_lines?,
        open_lines: c.open_lines?,
        unaccounted_lines: c.unaccounted_lines?,
        // The bureau's own duties are not the applicant's.
        waiting_since: None,
        judged_at: None,
        written_at: c.written_at,
        display_to: c.display_to,
        closed: false,
    };
    // The earliest of what the applicant owes.
    let owed = |duty: &Duty| match duty {
        Duty::WriteOff | Duty::Account | Duty::Return | Duty::ReturnOrDestruction => true,
        Duty::WriteOffRest | Duty::Review | Duty::Close => false,
    };
    let (duty, due) = facts.duties(fate, now).into_iter().find(|(duty, _)| owed(duty))?;
    let days = now.china_day().start_instant().seconds_since(due.start_instant()) / 86_400;
    (days > 0).then_some(Overdue { id: c.certificate_id?, number: c.certificate_no.clone()?, duty, days })
}

#[derive(db::Row)]
struct UsualColumns {
    hs_code: HsCode,
    qty_unit: UnitCode,
    hundredths: i64,
    is_own: i64,
}

/// The sums of the products by HS code and unit, and those of other applications under the same clause.
async fn asked(
    read: Reader<'_>,
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    items: &[Item],
) -> Result<Vec<Asked>, AppError> {
    let mut sums: Vec<(HsCode, UnitCode, i64)> = Vec::new();
    for item in items {
        let (code, unit) = (&item.form.hs_code, &item.form.qty_unit);
        // Hundredths of the unit: the sum of all products that an application can hold fits.
        let hundredths = item.form.qty.units() / 1_000;
        let is_full = sums.len() >= MOST_CODES;
        match sums.iter_mut().find(|(c, u, _)| c == code && u == unit) {
            Some((_, _, sum)) => *sum = sum.saturating_add(hundredths),
            None if !is_full => sums.push((code.clone(), unit.clone(), hundredths)),
            None => {}
        }
    }
    let mut codes: Vec<&HsCode> = sums.iter().map(|(code, _, _)| code).collect();
    codes.sort_unstable();
    codes.dedup();
    if codes.is_empty() {
        return Ok(Vec::new());
    }
    let (seen, mut slots) = seen(&officer.scope());
    let clause = slots.put(application.basics.clause.clone());
    let org = slots.put(application.applicant.org_code.clone());
    let me = slots.put(application.id);
    let each: Vec<_> = codes.iter().map(|code| usual(code, &clause, &org, &me, &seen, &mut slots)).collect();
    let found: Vec<UsualColumns> = read.rows(&each.join(" UNION ALL "), slots.values()).await?;
    let references = app.references.now();
    let others = |code: &HsCode, unit: &UnitCode| {
        let same = found.iter().filter(|u| u.hs_code == *code && u.qty_unit == *unit);
        same.map(|u| Usual { hundredths: u.hundredths, is_own: u.is_own == 1 }).collect()
    };
    Ok(sums
        .iter()
        .map(|(code, unit, hundredths)| Asked {
            hs_code: code.to_string(),
            unit: references.unit_name(unit).to_owned(),
            hundredths: *hundredths,
            others: others(code, unit),
        })
        .collect())
}

/// The sums of one HS code, an application and unit a row, from the newest applications that have it.
fn usual(code: &HsCode, clause: &str, org: &str, me: &str, seen: &str, slots: &mut Bound) -> String {
    let code = slots.put(code.clone());
    format!(
        "SELECT * FROM (SELECT MIN(i.hs_code) AS hs_code, i.qty_unit, \
         CAST(SUM(i.qty / 1000) AS BIGINT) AS hundredths, \
         CAST(MAX(CASE WHEN a.applicant_org_code = {org} THEN 1 ELSE 0 END) AS BIGINT) AS is_own \
         FROM (SELECT DISTINCT x.application_id AS id FROM application_item x WHERE x.hs_code = {code} \
         AND x.application_id <> {me} ORDER BY x.application_id DESC LIMIT {WINDOW}) n \
         JOIN application a ON a.id = n.id JOIN application_item i ON i.application_id = a.id AND i.hs_code = {code} \
         WHERE {seen} AND a.clause_code = {clause} GROUP BY a.id, i.qty_unit ORDER BY a.id DESC LIMIT {USUAL}) u"
    )
}

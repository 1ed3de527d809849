//! Statistics (R-C-05): reads the audit trail on from where it was and keeps what it says as facts, which lists show, and as
//! cells, which sums are made of; both in one transaction, so that a number and the list behind it agree.

use domain::ids::{ApplicationId, BureauCode, ClauseCode};
use domain::statistics::{Fact, FactKind, Month, Move, facts};
use domain::time::Instant;
use domain::workflow::State;

use crate::audit::SETTLING_MINUTES;
use crate::recount::Terms;
use crate::reference::ReferenceData;
use crate::{DbError, DbResult, Reader, Tx, Value, params, placeholders, row, rows};

/// Rows of the trail that are read in one transaction.
const ROWS: i64 = 2000;

/// The class of products whose HS type has none.
pub const NO_CLASS: &str = "未分类";

/// The columns that facts and cells share.
const SHARED: &str = "month, bureau_code, kind, hs_class, clause_code, post, outcome, is_late, days";

/// Columns of a fact, in the order of [`fact_row`].
const FACT: [&str; 12] = [
    "kind",
    "hs_class",
    "audit_id",
    "application_id",
    "at",
    "month",
    "bureau_code",
    "clause_code",
    "post",
    "outcome",
    "is_late",
    "days",
];

#[derive(crate::Row)]
struct MoveRow {
    application_id: ApplicationId,
    id: i64,
    at: Instant,
    from_state: Option<State>,
    to_state: State,
    bureau_code: Option<BureauCode>,
    receiving_bureau: BureauCode,
    clause_code: ClauseCode,
}

/// Counts what the next settled rows of the trail say; says whether there may be more. Another process that does the same
/// waits for the progress row and goes on behind it.
pub async fn count(tx: &Tx, references: &ReferenceData, now: Instant) -> DbResult<bool> {
    #[derive(crate::Row)]
    struct Progress {
        last_audit_id: i64,
    }
    #[derive(crate::Row)]
    struct Next {
        id: Option<i64>,
        at: Option<Instant>,
        n: i64,
    }
    let sql = format!("SELECT last_audit_id FROM statistic_progress WHERE id = 1{}", tx.for_update());
    let progress: Option<Progress> = row(&tx.0, &sql, params![]).await?;
    let since = progress.ok_or_else(|| DbError::Inconsistent("statistic_progress is empty".to_owned()))?.last_audit_id;
    let settled = now.minus_minutes(SETTLING_MINUTES);
    let sql = format!(
        "WITH next AS (SELECT id, at FROM audit WHERE id > $1 ORDER BY id LIMIT {ROWS}) \
         SELECT MAX(id) AS id, MAX(at) AS at, COUNT(*) AS n FROM next \
         WHERE id < COALESCE((SELECT MIN(id) FROM next WHERE at > $2), {})",
        i64::MAX
    );
    let next: Option<Next> = row(&tx.0, &sql, params![since, settled]).await?;
    let next = next.unwrap_or(Next { id: None, at: None, n: 0 });
    let Some(until) = next.id else {
        tx.run("UPDATE statistic_progress SET counted_to = $1 WHERE id = 1", params![settled]).await?;
        return Ok(false);
    };
    let is_full = next.n >= ROWS;
    add(tx, references, since, until).await?;
    let counted_to = if is_full { next.at.unwrap_or(settled) } else { settled };
    tx.run(
        "UPDATE statistic_progress SET last_audit_id = $1, counted_to = $2 WHERE id = 1",
        params![until, counted_to],
    )
    .await?;
    Ok(is_full)
}

/// Adds the facts of the rows behind `since` up to `until`, and the cells that count them.
async fn add(tx: &Tx, references: &ReferenceData, since: i64, until: i64) -> DbResult<()> {
    // The whole course of each application that moved: how long a post took begins at the move before.
    let moves: Vec<MoveRow> = rows(
        &tx.0,
        "SELECT d.subject_id AS application_id, d.id, d.at, d.from_state, d.to_state, d.bureau_code, \
         a.receiving_bureau, a.clause_code FROM audit d JOIN application a ON a.id = d.subject_id \
         WHERE d.subject_kind = 'application' AND d.id <= $2 AND d.from_state <> d.to_state \
         AND a.receiving_bureau IS NOT NULL AND d.subject_id IN (SELECT n.subject_id FROM audit n \
         WHERE n.id > $1 AND n.id <= $2 AND n.subject_kind = 'application' AND n.from_state <> n.to_state) \
         ORDER BY d.subject_id, d.id",
        params![since, until],
    )
    .await?;
    let terms = Terms::of(references);
    let mut fresh = Vec::new();
    for course in moves.chunk_by(|a, b| a.application_id == b.application_id) {
        let steps: Vec<_> = course
            .iter()
            .map(|m| Move { id: m.id, at: m.at, from: m.from_state, to: m.to_state, bureau: m.bureau_code.clone() })
            .collect();
        let new = facts(&references.calendar, |post, at| terms.at(post, at), &steps)
            .into_iter()
            .filter(|f| f.trail_id > since);
        fresh.extend(new.map(|f| fact_row(&f, &course[0])));
    }
    if fresh.is_empty() {
        return Ok(());
    }
    let before = crate::number(&tx.0, "SELECT COALESCE(MAX(id), 0) FROM case_fact", params![]).await?;
    tx.insert_rows("case_fact", &FACT, "", fresh).await?;
    let columns = FACT.join(", ");
    let copied: Vec<_> = FACT
        .iter()
        .map(|c| match *c {
            "hs_class" => format!("COALESCE(NULLIF(h.ccc_class, ''), '{NO_CLASS}')"),
            column => format!("f.{column}"),
        })
        .collect();
    tx.run(
        &format!(
            "INSERT INTO case_fact ({columns}) SELECT DISTINCT {} FROM case_fact f \
             JOIN application_item i ON i.application_id = f.application_id LEFT JOIN hs_type h ON h.code = i.hs_code \
             WHERE f.id > $1 AND f.kind IN ('{}', '{}')",
            copied.join(", "),
            FactKind::Submitted.word(),
            FactKind::Concluded.word()
        ),
        params![before],
    )
    .await?;
    add_up(tx, "id > $1", &[Value::from(before)]).await
}

/// Adds the facts that meet a condition to the sums.
async fn add_up(tx: &Tx, condition: &str, values: &[Value]) -> DbResult<()> {
    tx.run(
        &format!(
            "INSERT INTO statistic_cell ({SHARED}, n) SELECT {SHARED}, COUNT(*) FROM case_fact WHERE {condition} \
             GROUP BY {SHARED} ON CONFLICT ({SHARED}) DO UPDATE SET n = statistic_cell.n + excluded.n"
        ),
        values.to_vec(),
    )
    .await?;
    tx.run(
        &format!(
            "INSERT INTO statistic_margin ({MARGIN}, n) SELECT {MARGIN}, n FROM ({}) fresh WHERE true \
             ON CONFLICT ({MARGIN}) DO UPDATE SET n = statistic_margin.n + excluded.n",
            margins_sql(&format!("case_fact WHERE {condition}"), "COUNT(*)")
        ),
        values.to_vec(),
    )
    .await?;
    Ok(())
}

/// Takes the facts that meet a condition out of the sums. A sum is never zero: what counted these alone goes.
async fn take_out(tx: &Tx, condition: &str, values: &[Value]) -> DbResult<()> {
    let cells = format!("SELECT {SHARED}, COUNT(*) AS n FROM case_fact WHERE {condition} GROUP BY {SHARED}");
    // Two of the parts may be about the same margin.
    let parts = margins_sql(&format!("case_fact WHERE {condition}"), "COUNT(*)");
    let margins = format!("SELECT {MARGIN}, CAST(SUM(n) AS BIGINT) AS n FROM ({parts}) p GROUP BY {MARGIN}");
    for (table, columns, taken) in [("statistic_cell", SHARED, cells), ("statistic_margin", MARGIN, margins)] {
        let same: Vec<_> = columns.split(", ").map(|c| format!("x.{c} = {table}.{c}")).collect();
        let same = same.join(" AND ");
        let sql = format!("DELETE FROM {table} WHERE ({columns}, n) IN ({taken})");
        tx.run(&sql, values.to_vec()).await?;
        let sql = format!("UPDATE {table} SET n = {table}.n - x.n FROM ({taken}) x WHERE {same}");
        tx.run(&sql, values.to_vec()).await?;
    }
    Ok(())
}

/// Corrects facts, each with its working days and whether it was late, and the sums that count them.
pub(crate) async fn correct(tx: &Tx, facts: &[(i64, i64, i64)]) -> DbResult<()> {
    for part in facts.chunks(200) {
        let marks: Vec<_> = placeholders(1).take(part.len()).collect();
        let condition = format!("id IN ({})", marks.join(", "));
        let ids: Vec<Value> = part.iter().map(|(id, _, _)| Value::from(*id)).collect();
        take_out(tx, &condition, &ids).await?;
        for (id, days, is_late) in part {
            let sql = "UPDATE case_fact SET days = $1, is_late = $2 WHERE id = $3";
            tx.run(sql, params![*days, *is_late, *id]).await?;
        }
        add_up(tx, &condition, &ids).await?;
    }
    Ok(())
}

/// What the country's sums are kept for, in SQL over facts or cells: the word, whose it is, and which of them it counts.
pub const MARGINS: [(&str, &str, &str); 5] = [
    ("month", "''", "hs_class = '' AND kind <> 'decided'"),
    ("bureau", "bureau_code", "hs_class = '' AND kind <> 'decided'"),
    ("clause", "clause_code", "hs_class = '' AND kind <> 'decided'"),
    ("class", "hs_class", "hs_class <> ''"),
    ("post", "post", "kind = 'decided'"),
];

/// The columns of a margin but its number.
const MARGIN: &str = "clause_filter, month, dimension, name, kind, outcome, is_late, days";

/// The margins that `source` adds up to, each row of it standing for `n`; for all clauses and for each.
fn margins_sql(source: &str, n: &str) -> String {
    let part = |(dimension, name, meant): &(&str, &str, &str)| {
        ["''", "clause_code"]
            .map(|filter| {
                format!(
                    "SELECT {filter} AS clause_filter, month, '{dimension}' AS dimension, {name} AS name, kind, outcome, \
                     is_late, days, {n} AS n FROM {source} AND {meant} GROUP BY 1, 2, 4, 5, 6, 7, 8"
                )
            })
            .join(" UNION ALL ")
    };
    MARGINS.iter().map(part).collect::<Vec<_>>().join(" UNION ALL ")
}

/// The statements that make cells and margins anew from the facts; for loads.
pub fn recount_sql() -> [String; 4] {
    [
        "DELETE FROM statistic_cell".to_owned(),
        format!("INSERT INTO statistic_cell ({SHARED}, n) SELECT {SHARED}, COUNT(*) FROM case_fact GROUP BY {SHARED}"),
        "DELETE FROM statistic_margin".to_owned(),
        format!(
            "INSERT INTO statistic_margin ({MARGIN}, n) {}",
            margins_sql("statistic_cell WHERE n > 0", "CAST(SUM(n) AS BIGINT)")
        ),
    ]
}

fn fact_row(fact: &Fact, of: &MoveRow) -> Vec<Value> {
    params![
        fact.kind,
        "",
        fact.trail_id,
        of.application_id,
        fact.at,
        Month::of(fact.at.china_day()).to_string(),
        fact.bureau.clone().unwrap_or_else(|| of.receiving_bureau.clone()),
        of.clause_code.clone(),
        fact.post.map_or("", domain::actor::Post::word),
        fact.outcome.map_or("", domain::statistics::Outcome::word),
        i64::from(fact.is_late),
        fact.days
    ]
}

/// What happened before this instant is counted.
pub async fn counted_to(read: Reader<'_>) -> DbResult<Instant> {
    let millis = read.number("SELECT counted_to FROM statistic_progress WHERE id = 1", params![]).await?;
    Ok(Instant::from_millis(millis))
}

/// How many cells differ from the facts that they count, and margins from the cells; for `mianban doctor`.
pub async fn miscounted(read: Reader<'_>) -> DbResult<i64> {
    let differ = |counted: &str, kept: &str| {
        format!(
            "(SELECT COUNT(*) FROM (SELECT * FROM ({counted}) a EXCEPT SELECT * FROM ({kept}) b) more) \
             + (SELECT COUNT(*) FROM (SELECT * FROM ({kept}) c EXCEPT SELECT * FROM ({counted}) d) less)"
        )
    };
    let cells = differ(
        &format!("SELECT {SHARED}, COUNT(*) AS n FROM case_fact GROUP BY {SHARED}"),
        &format!("SELECT {SHARED}, n FROM statistic_cell"),
    );
    let margins = differ(
        &margins_sql("statistic_cell WHERE n > 0", "CAST(SUM(n) AS BIGINT)"),
        &format!("SELECT {MARGIN}, n FROM statistic_margin"),
    );
    read.number(&format!("SELECT {cells} + {margins}"), params![]).await
}

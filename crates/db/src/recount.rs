//! What was computed with the calendar, computed again after working days have changed (the yearly notice was registered, a
//! day was corrected).
//!
//! Stored are the service clock of running cases (`application.waiting_since`, `waited_ms`) and the facts of the statistics
//! with their sums (`case_fact`, `statistic_cell`, `statistic_margin`). Both follow from the audit trail, so they are read
//! from it anew. Everything else that depends on working days (colours, promised days, filters) is computed when it is shown.
//!
//! A change asks for two rounds ([`ask`]): one at once, one when every process has seen the new calendar, for cases that
//! were moved in between with the old one. A duty of the clock does them in parts; a part that breaks off is done again.

use std::collections::{BTreeMap, BTreeSet};

use domain::actor::Post;
use domain::calendar::{Calendar, ServiceClock};
use domain::ids::{ApplicationId, BureauCode};
use domain::statistics::{Fact, FactKind, Move, facts};
use domain::time::{Day, Instant};
use domain::workflow::State;

use crate::application::NEVER;
use crate::reference::ReferenceData;
use crate::{DbResult, Reader, Source, Tx, params, placeholders, reference, reference_edition, rows, statistics};

/// Applications in one part.
const AT_ONCE: i64 = 200;
/// Every process reads changed reference data within a minute; what it did before is looked at once more after this.
const SEEN_MINUTES: i64 = 3;

/// Asks for what was computed with working days from this year on.
pub(crate) async fn ask(tx: &Tx, year: i16, now: Instant) -> DbResult<()> {
    for due in [now, now.plus_minutes(SEEN_MINUTES)] {
        tx.run(
            "INSERT INTO calendar_recount (from_day, due_at, case_after, fact_after) VALUES ($1, $2, 0, 0)",
            params![format!("{year:04}-01-01"), due],
        )
        .await?;
    }
    Ok(())
}

#[derive(crate::Row)]
struct Asked {
    id: i64,
    from_day: Day,
    case_after: i64,
    fact_after: i64,
}

const DUE: &str = "SELECT id, from_day, case_after, fact_after FROM calendar_recount \
                   WHERE done_at IS NULL AND due_at <= $1 ORDER BY id LIMIT 1";

/// Whether a round is due or under way; asked before a transaction is opened.
pub async fn is_due(read: Reader<'_>, now: Instant) -> DbResult<bool> {
    let found: Vec<Asked> = rows(read.connection(), DUE, params![now]).await?;
    Ok(!found.is_empty())
}

/// What one part did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Clocks and facts that were corrected.
    pub corrected: usize,
    /// There is more to do.
    pub more: bool,
}

/// Does the next part: clocks first, then facts. The calendar is read anew, whatever this process holds in memory.
pub async fn next(tx: &Tx, now: Instant) -> DbResult<Part> {
    let due: Vec<Asked> = rows(&tx.0, &format!("{DUE}{}", tx.for_update()), params![now]).await?;
    let Some(asked) = due.into_iter().next() else { return Ok(Part { corrected: 0, more: false }) };
    let calendar = reference::calendar(tx).await?;
    if asked.case_after < i64::MAX {
        let (corrected, last) = clocks(tx, &calendar, asked.case_after).await?;
        let case_after = last.map_or(i64::MAX, ApplicationId::get);
        let sql = "UPDATE calendar_recount SET case_after = $1 WHERE id = $2";
        tx.run(sql, params![case_after, asked.id]).await?;
        return Ok(Part { corrected, more: true });
    }
    let terms = Terms::read(tx).await?;
    let (corrected, last) = counted(tx, &calendar, &terms, asked.from_day, asked.fact_after).await?;
    match last {
        Some(last) => {
            tx.run("UPDATE calendar_recount SET fact_after = $1 WHERE id = $2", params![last, asked.id]).await?;
        }
        None => {
            tx.run("UPDATE calendar_recount SET done_at = $1 WHERE id = $2", params![now, asked.id]).await?;
        }
    }
    Ok(Part { corrected, more: true })
}

#[derive(crate::Row)]
struct Running {
    id: ApplicationId,
    version: i64,
    waiting_since: Instant,
    waited_ms: i64,
}

/// The clocks of the next running cases whose clock went on once, or stands: that of any other began when the case arrived,
/// whatever the calendar says.
async fn clocks(tx: &Tx, calendar: &Calendar, after: i64) -> DbResult<(usize, Option<ApplicationId>)> {
    let running: Vec<Running> = rows(
        &tx.0,
        &format!(
            "SELECT a.id, a.version, a.waiting_since, a.waited_ms FROM application a WHERE a.id > $1 \
             AND (a.state IN ('returned', 'comparing_paper') OR (a.current_post IS NOT NULL AND EXISTS (SELECT 1 \
             FROM audit d WHERE d.subject_kind = 'application' AND d.subject_id = a.id \
             AND d.from_state IN ('returned', 'comparing_paper') AND d.from_state <> d.to_state))) \
             ORDER BY a.id LIMIT {AT_ONCE}{}",
            tx.for_update()
        ),
        params![after],
    )
    .await?;
    let ids: Vec<_> = running.iter().map(|r| r.id).collect();
    let courses = courses(tx, &ids).await?;
    let mut corrected = 0;
    for case in &running {
        let Some(course) = courses.get(&case.id) else { continue };
        let mut clock = ServiceClock::STOPPED;
        for step in course {
            if let Some(from) = step.from {
                clock = clock.after(from, step.to, calendar, step.at);
            }
        }
        let since = clock.since.unwrap_or(NEVER);
        if (since, clock.waited) != (case.waiting_since, case.waited_ms) {
            let sql = "UPDATE application SET waiting_since = $1, waited_ms = $2 WHERE id = $3 AND version = $4";
            tx.run(sql, params![since, clock.waited, case.id, case.version]).await?;
            corrected += 1;
        }
    }
    Ok((corrected, ids.last().copied()))
}

#[derive(crate::Row)]
struct Step {
    application_id: ApplicationId,
    id: i64,
    at: Instant,
    from_state: Option<State>,
    to_state: State,
    bureau_code: Option<BureauCode>,
}

/// The moves of these applications, from the trail.
async fn courses(tx: &Tx, ids: &[ApplicationId]) -> DbResult<BTreeMap<ApplicationId, Vec<Move>>> {
    let mut out: BTreeMap<ApplicationId, Vec<Move>> = BTreeMap::new();
    if ids.is_empty() {
        return Ok(out);
    }
    let marks: Vec<_> = placeholders(1).take(ids.len()).collect();
    let steps: Vec<Step> = rows(
        &tx.0,
        &format!(
            "SELECT subject_id AS application_id, id, at, from_state, to_state, bureau_code FROM audit \
             WHERE subject_kind = 'application' AND from_state <> to_state AND subject_id IN ({}) \
             ORDER BY subject_id, id",
            marks.join(", ")
        ),
        ids.iter().map(|id| crate::Value::from(*id)).collect(),
    )
    .await?;
    for s in steps {
        let step = Move { id: s.id, at: s.at, from: s.from_state, to: s.to_state, bureau: s.bureau_code };
        out.entry(s.application_id).or_default().push(step);
    }
    Ok(out)
}

/// How many working days each post had, and since when.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    now: BTreeMap<&'static str, u32>,
    /// By post: when the term came into force, the oldest first.
    before: BTreeMap<String, Vec<(Instant, u32)>>,
}

impl Terms {
    /// Of loaded reference data alone, for what has just happened.
    pub(crate) fn of(references: &ReferenceData) -> Self {
        let now = Post::COURSE.into_iter().filter_map(|p| Some((p.word(), references.term(p)?.term_days))).collect();
        Self { now, before: BTreeMap::new() }
    }

    async fn read(source: &impl Source) -> DbResult<Self> {
        let terms = reference::terms(source).await?;
        let now = terms.iter().map(|(post, term)| (post.word(), term.term_days)).collect();
        Ok(Self { now, before: reference_edition::terms(source).await? })
    }

    /// The term that a post had at an instant: a decision is judged by the term of its day.
    pub(crate) fn at(&self, post: Post, at: Instant) -> Option<u32> {
        let editions = self.before.get(post.word()).map_or(&[][..], Vec::as_slice);
        let held = editions.iter().rev().find(|(from, _)| *from <= at).or(editions.first());
        held.map(|(_, days)| *days).or_else(|| self.now.get(post.word()).copied())
    }
}

#[derive(crate::Row)]
struct Counted {
    id: i64,
    application_id: ApplicationId,
    audit_id: i64,
    kind: FactKind,
    days: i64,
    is_late: i64,
}

/// The facts of the next applications of which something was decided from this day on, with the sums that count them.
async fn counted(tx: &Tx, calendar: &Calendar, terms: &Terms, from: Day, after: i64) -> DbResult<(usize, Option<i64>)> {
    #[derive(crate::Row)]
    struct Next {
        id: i64,
        application_id: ApplicationId,
    }
    let next: Vec<Next> = rows(
        &tx.0,
        &format!(
            "SELECT id, application_id FROM case_fact WHERE id > $1 AND at >= $2 AND hs_class = '' \
             AND kind <> 'submitted' ORDER BY id LIMIT {AT_ONCE}"
        ),
        params![after, from.start_instant()],
    )
    .await?;
    let Some(last) = next.last().map(|n| n.id) else { return Ok((0, None)) };
    let ids: Vec<_> = next.iter().map(|n| n.application_id).collect::<BTreeSet<_>>().into_iter().collect();
    let marks: Vec<_> = placeholders(1).take(ids.len()).collect();
    let stored: Vec<Counted> = rows(
        &tx.0,
        &format!(
            "SELECT id, application_id, audit_id, kind, days, is_late FROM case_fact WHERE application_id IN ({}) \
             AND kind <> 'submitted'",
            marks.join(", ")
        ),
        ids.iter().map(|id| crate::Value::from(*id)).collect(),
    )
    .await?;
    let courses = courses(tx, &ids).await?;
    let mut right: BTreeMap<(ApplicationId, i64, &str), Fact> = BTreeMap::new();
    for (id, course) in &courses {
        for fact in facts(calendar, |post, at| terms.at(post, at), course) {
            right.insert((*id, fact.trail_id, fact.kind.word()), fact);
        }
    }
    let wrong: Vec<(i64, i64, i64)> = stored
        .iter()
        .filter_map(|s| {
            let fact = right.get(&(s.application_id, s.audit_id, s.kind.word()))?;
            let (days, is_late) = (fact.days, i64::from(fact.is_late));
            ((days, is_late) != (s.days, s.is_late)).then_some((s.id, days, is_late))
        })
        .collect();
    statistics::correct(tx, &wrong).await?;
    Ok((wrong.len(), Some(last)))
}

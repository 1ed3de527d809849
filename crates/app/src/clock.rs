//! Whether the machine's clock can be believed, asked by the duties of the clock, by jobs that are about to die of age, and
//! by `/readyz`. The rule is [`domain::clock_watch`].

use db::DbResult;
use domain::clock_watch::{Doubt, Reading};
use domain::time::Instant;
use kit::app::App;

/// The persisted time is written again when it is older than this.
const NOTE_SECONDS: i64 = 30;

/// The time, when it can be believed; `Err` inside is why not. A clock that demonstrations and tests move is believed.
pub async fn judge(app: &App) -> DbResult<Result<Instant, Doubt>> {
    let (now, elapsed) = (app.now(), app.watch.elapsed());
    if !app.clock.may_be_wrong() {
        return Ok(Ok(now));
    }
    let known = db::clock::known(&app.db).await?;
    let reading =
        Reading { now, elapsed, database: known.database, seen: known.seen, confirmations: known.confirmations };
    let verdict = app.watch.judge(&reading);
    let what = verdict.err().map(Doubt::sentence).unwrap_or_default();
    if app.watch.is_news("clock", if what.is_empty() { "" } else { "doubted" }) {
        match verdict {
            Ok(now) => tracing::info!(clock.now = %now.rfc3339(), "the clock is believed again"),
            Err(doubt) => tracing::warn!(
                clock.now = %now.rfc3339(),
                clock.seen = known.seen.map(Instant::rfc3339),
                clock.database = known.database.map(Instant::rfc3339),
                clock.off_ms = doubt.millis(),
                "{what}: nothing is deleted, lapsed or reminded of until it is right, or confirmed by `mianban clock accept`"
            ),
        }
    }
    metrics::gauge!("mianban_clock_doubted").set(u32::from(verdict.is_err()));
    if verdict.is_ok() && known.seen.is_none_or(|seen| now.seconds_since(seen).abs() >= NOTE_SECONDS) {
        let tx = app.db.begin().await?;
        db::clock::note(&tx, now).await?;
        tx.commit().await?;
    }
    Ok(verdict)
}

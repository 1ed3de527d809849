//! The duties of the clock: drafts before and after the end of their ten days, certificates before the end of their
//! validity, ended sessions, files without rows, checkpoints of the audit trail.
//!
//! Several processes may do them at once; each is a guarded statement. What follows from the time alone waits while the
//! clock cannot be believed ([`crate::clock`]), and uses the time that was judged, not a later one. Files lie outside: they
//! have a round of their own, so that a store that does not answer holds up nothing else.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use db::audit::By;
use domain::ledger::PENDING_DAYS;
use domain::policy::{Ownership, Scope};
use domain::time::Instant;
use domain::workflow::{Action, Hat, step};
use futures_util::FutureExt as _;
use kit::app::App;
use object_store::ObjectStoreExt as _;

use super::Decided;
use crate::clock;

/// The setting that says after how many days a pending 预核销 lapses.
const PENDING_DAYS_SETTING: &str = "pre_write_off_days";
/// No duty takes longer: it goes on at the next round.
const LONGEST: Duration = Duration::from_mins(10);

/// Does what is due in the database; a duty that fails is logged and tried again at the next round.
pub(super) async fn keep_records(app: &App) {
    duty("counting jobs", count_jobs(app)).await;
    duty("reading reference data", read_references(app)).await;
    let Some(now) = believed(app).await else { return };
    duty("deleting drafts", expire_drafts(app, now)).await;
    duty("purging drafts", purge_drafts(app, now)).await;
    duty("reminding of drafts", remind_of_drafts(app, now)).await;
    duty("reminding of certificates", remind_of_certificates(app, now)).await;
    duty("lapsing pre-write-offs", lapse(app, now)).await;
    duty("ending sessions", end_sessions(app, now)).await;
    duty("taking old exports away", sweep_exports(app, now)).await;
    duty("checkpointing the audit trail", checkpoint(app, now)).await;
    duty("counting statistics", count_statistics(app, now)).await;
    duty("changing reference data", change_references(app, now)).await;
    duty("reading reference data", read_references(app)).await;
    duty("computing working days again", recount(app, now)).await;
}

/// Does what is due in the store of files.
pub(super) async fn keep_files(app: &App) {
    if let Some(now) = believed(app).await {
        duty("removing files", remove_files(app, now)).await;
    }
}

/// The time, if it can be believed; otherwise these duties wait, which is logged.
async fn believed(app: &App) -> Option<Instant> {
    match clock::judge(app).await {
        Ok(Ok(now)) => Some(now),
        Ok(Err(_)) => None,
        Err(error) => {
            tracing::warn!(%error, "the duties of the clock wait: what is known of the time cannot be read");
            None
        }
    }
}

/// One duty: it ends within [`LONGEST`], and neither its failure nor its panic reaches the others.
async fn duty(name: &'static str, work: impl Future<Output = anyhow::Result<()>>) {
    let why = match tokio::time::timeout(LONGEST, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(Ok(()))) => return,
        Ok(Ok(Err(error))) => format!("{error:#}"),
        Ok(Err(_)) => "it panicked".to_owned(),
        Err(_) => "it took too long".to_owned(),
    };
    tracing::warn!(duty = name, error = why, "a duty of the clock failed: {name}: {why}");
}

/// Deletes drafts whose ten days are over (R-2.3-03); an operator can restore them for thirty days.
async fn expire_drafts(app: &App, now: Instant) -> anyhow::Result<()> {
    for id in db::application::expired_drafts(&app.db.read(), now).await? {
        let tx = app.db.begin().await?;
        // Somebody else may have deleted it since.
        if let Ok(application) = db::application::load_expired(&tx, id).await {
            let Ownership { state, .. } = application.ownership;
            let deletion = step(state, Action::Delete, Hat::Timer)?;
            match db::application::expire(&tx, &application, deletion, &By::system(), now).await {
                Err(db::DbError::Overtaken(_)) => {}
                outcome => {
                    outcome?;
                    tx.commit().await?;
                }
            }
        }
    }
    Ok(())
}

/// Removes drafts that were deleted thirty days ago, with products and files.
async fn purge_drafts(app: &App, now: Instant) -> anyhow::Result<()> {
    for id in db::application::drafts_to_purge(&app.db.read(), now).await? {
        let tx = app.db.begin().await?;
        if db::application::purge(&tx, id, &By::system(), now).await? {
            tx.commit().await?;
        }
    }
    Ok(())
}

/// Writes to the owners of drafts on days 7 and 9 of their ten (D8); who was away on day 7 is told on day 9 only.
async fn remind_of_drafts(app: &App, now: Instant) -> anyhow::Result<()> {
    for (id, day) in db::application::drafts_to_remind(&app.db.read(), now).await? {
        let tx = app.db.begin().await?;
        // Somebody else may have deleted or submitted it since.
        if let Ok(draft) = db::application::load_expired(&tx, id).await {
            super::remind(&tx, app, &draft, day, now).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// So many certificates are looked at in one transaction.
const ENDINGS_AT_ONCE: i64 = 100;

/// Writes to the holders of certificates 30, 14, 7 and 1 days before the last day (D17, D19).
async fn remind_of_certificates(app: &App, now: Instant) -> anyhow::Result<()> {
    loop {
        let endings = db::certificate::endings(&app.db.read(), now.china_day(), ENDINGS_AT_ONCE).await?;
        if endings.is_empty() {
            return Ok(());
        }
        let tx = app.db.begin().await?;
        for ending in &endings {
            super::remind_of_end(&tx, app, ending, now).await?;
        }
        tx.commit().await?;
    }
}

/// Lapses what has been pending for sixty days, or for what the installation says (D1, workflow §3.5 P5), and tells the
/// owner.
async fn lapse(app: &App, now: Instant) -> anyhow::Result<()> {
    let days = db::setting::get(&app.db.read(), PENDING_DAYS_SETTING).await?;
    let days = days.and_then(|d| d.parse().ok()).filter(|d| *d > 0).unwrap_or(PENDING_DAYS);
    let before = now.plus_days(-days);
    let reason = format!("提交后 {days} 天没有确认，自动失效");
    for id in db::ledger::lapse_due(&app.db.read(), before).await? {
        let tx = app.db.begin().await?;
        let lapsed = db::ledger::lapse(&tx, id, before, &reason, &By::system(), now).await?;
        let products = lapsed.iter().map(|l| l.items).sum();
        // Another process may have been faster.
        if products > 0 {
            let certificate = db::certificate::get(&tx, id).await?;
            let application = db::application::load(&tx, &Scope::All, certificate.application_id, now).await?;
            let number = &certificate.number;
            super::pre_write_off_decided(&tx, app, &application, id, number, Decided::Lapsed, products, &reason)
                .await
                .map_err(|e| anyhow::anyhow!("{e:?}"))?;
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn end_sessions(app: &App, now: Instant) -> anyhow::Result<()> {
    let tx = app.db.begin().await?;
    db::session::sweep(&tx, now).await?;
    db::queue::sweep(&tx, now).await?;
    db::letter::sweep(&tx, now).await?;
    db::one_time_password::sweep(&tx, now).await?;
    db::mailbox::sweep(&tx, now).await?;
    db::typed_text::sweep(&tx, now).await?;
    db::opinion::sweep(&tx, now).await?;
    db::usage::sweep(&tx, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes away the files of long lists after a week.
async fn sweep_exports(app: &App, now: Instant) -> anyhow::Result<()> {
    let tx = app.db.begin().await?;
    db::export::sweep(&tx, now).await?;
    tx.commit().await?;
    Ok(())
}

/// After this many failures in a row the round stops; the next round asks the store again.
const REFUSALS: usize = 3;

/// Removes files whose rows have been gone for an hour; none while a backup runs, whose rows may be older.
async fn remove_files(app: &App, now: Instant) -> anyhow::Result<()> {
    if db::stored_file::is_kept(&app.db.read(), now).await? {
        return Ok(());
    }
    let keys = db::stored_file::orphans(&app.db.read(), now.plus_hours(-1)).await?;
    let (mut gone, mut refusals) = (Vec::new(), 0);
    for key in keys {
        match app.files.delete(&object_store::path::Path::from(key.clone())).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {
                gone.push(key);
                refusals = 0;
            }
            Err(error) => {
                tracing::warn!(%error, "a file cannot be removed; tried again later");
                refusals += 1;
                if refusals == REFUSALS {
                    break;
                }
            }
        }
    }
    if !gone.is_empty() {
        let tx = app.db.begin().await?;
        db::stored_file::forget_orphans(&tx, &gone).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn checkpoint(app: &App, now: Instant) -> anyhow::Result<()> {
    let tx = app.db.begin().await?;
    db::audit::checkpoint(&tx, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Parts of the trail that one round counts at most: after an update the whole history is read, beside the work.
const STATISTICS_AT_ONCE: u32 = 25;

/// Counts what happened since the last time (R-C-05).
async fn count_statistics(app: &App, now: Instant) -> anyhow::Result<()> {
    let references = app.references.now();
    for _ in 0..STATISTICS_AT_ONCE {
        let tx = app.db.begin().await?;
        let more = db::statistics::count(&tx, &references, now).await?;
        tx.commit().await?;
        if !more {
            break;
        }
    }
    Ok(())
}

/// Writes the changes of reference data whose day has come (R-C-02).
async fn change_references(app: &App, now: Instant) -> anyhow::Result<()> {
    if db::reference_edition::is_due(&app.db.read(), now).await? {
        let tx = app.db.begin().await?;
        let n = db::reference_edition::apply_due(&tx, now).await?;
        tx.commit().await?;
        tracing::info!(changes = n, "{n} changes of reference data came into force");
    }
    Ok(())
}

/// Shows what `mianban reference import` wrote meanwhile, in this process too.
async fn read_references(app: &App) -> anyhow::Result<()> {
    let read = app.db.read();
    if db::reference::newest_import(&read).await? != app.references.now().import() {
        app.references.replace(db::reference::load(&read).await?);
        tracing::info!("reference data were imported; this process shows them now");
    }
    Ok(())
}

/// Parts that one round computes at most.
const RECOUNTED_AT_ONCE: u32 = 200;

/// Computes again what follows from working days, after they changed.
async fn recount(app: &App, now: Instant) -> anyhow::Result<()> {
    if !db::recount::is_due(app.db.read(), now).await? {
        return Ok(());
    }
    let mut corrected = 0;
    for _ in 0..RECOUNTED_AT_ONCE {
        let tx = app.db.begin().await?;
        let part = db::recount::next(&tx, now).await?;
        tx.commit().await?;
        corrected += part.corrected;
        if !part.more {
            break;
        }
    }
    tracing::info!(corrected, "working days have changed: {corrected} clocks and facts were corrected");
    Ok(())
}

/// Tells the metrics how the queue stands, and the log when something is dead or late.
async fn count_jobs(app: &App) -> anyhow::Result<()> {
    let now = app.now();
    let backlog = db::queue::backlog(&app.db.read(), now).await?;
    let gauge = |state: &'static str, n: i64| {
        metrics::gauge!("mianban_jobs", "state" => state).set(u32::try_from(n).unwrap_or(u32::MAX));
    };
    gauge("waiting", backlog.waiting);
    gauge("late", backlog.late);
    gauge("dead", backlog.dead);
    let oldest = backlog.oldest.map_or(0, |at| now.seconds_since(at).max(0));
    metrics::gauge!("mianban_oldest_job_seconds").set(u32::try_from(oldest).unwrap_or(u32::MAX));
    let (dead, late) = (backlog.dead, backlog.late);
    let what = if dead + late == 0 { String::new() } else { format!("{dead} {late}") };
    if app.watch.is_news("jobs", &what) {
        if what.is_empty() {
            tracing::info!("no job is dead or late any more");
        } else {
            tracing::warn!(
                jobs.dead = dead,
                jobs.late = late,
                jobs.oldest_seconds = oldest,
                "{dead} jobs are dead and {late} are late: see `mianban job list` or the page /jobs"
            );
        }
    }
    Ok(())
}

//! The duties of the clock: drafts before and after the end of their ten days, certificates before the end of their
//! validity, ended sessions, files without rows, checkpoints of the audit trail.
//! Several processes may do them at once; each is a guarded statement.

use db::audit::By;
use domain::ledger::PENDING_DAYS;
use domain::policy::{Ownership, Scope};
use domain::workflow::{Action, Hat, step};
use kit::app::App;
use object_store::ObjectStoreExt as _;

use super::Decided;

/// The setting that says after how many days a pending 预核销 lapses.
const PENDING_DAYS_SETTING: &str = "pre_write_off_days";

/// Does what is due; a duty that fails is logged and tried again at the next round.
pub(super) async fn run(app: &App) {
    for (name, outcome) in [
        ("purging drafts", purge_drafts(app).await),
        ("reminding of drafts", remind_of_drafts(app).await),
        ("reminding of certificates", remind_of_certificates(app).await),
        ("lapsing pre-write-offs", lapse(app).await),
        ("ending sessions", end_sessions(app).await),
        ("taking old exports away", sweep_exports(app).await),
        ("removing files", remove_files(app).await),
        ("checkpointing the audit trail", checkpoint(app).await),
        ("counting statistics", count_statistics(app).await),
        ("changing reference data", change_references(app).await),
        ("reading reference data", read_references(app).await),
        ("counting jobs", count_jobs(app).await),
    ] {
        if let Err(error) = outcome {
            tracing::warn!(error = format!("{error:#}"), "a duty of the clock failed: {name}: {error:#}");
        }
    }
}

/// Deletes drafts whose ten days are over, with products and files (R-2.3-03).
async fn purge_drafts(app: &App) -> anyhow::Result<()> {
    let now = app.now();
    for id in db::application::expired_drafts(&app.db.read(), now).await? {
        let tx = app.db.begin().await?;
        // Somebody else may have deleted it since.
        if let Ok(application) = db::application::load_expired(&tx, id).await {
            let Ownership { state, .. } = application.ownership;
            let deletion = step(state, Action::Delete, Hat::Timer)?;
            db::application::delete(&tx, &application, deletion, &By::system(), now).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// Writes to the owners of drafts on days 7 and 9 of their ten (D8); who was away on day 7 is told on day 9 only.
async fn remind_of_drafts(app: &App) -> anyhow::Result<()> {
    for (id, day) in db::application::drafts_to_remind(&app.db.read(), app.now()).await? {
        let tx = app.db.begin().await?;
        // Somebody else may have deleted or submitted it since.
        if let Ok(draft) = db::application::load_expired(&tx, id).await {
            super::remind(&tx, app, &draft, day).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// So many certificates are looked at in one transaction.
const ENDINGS_AT_ONCE: i64 = 100;

/// Writes to the holders of certificates 30, 14, 7 and 1 days before the last day (D17, D19).
async fn remind_of_certificates(app: &App) -> anyhow::Result<()> {
    loop {
        let endings = db::certificate::endings(&app.db.read(), app.clock.today(), ENDINGS_AT_ONCE).await?;
        if endings.is_empty() {
            return Ok(());
        }
        let tx = app.db.begin().await?;
        for ending in &endings {
            super::remind_of_end(&tx, app, ending).await?;
        }
        tx.commit().await?;
    }
}

/// Lapses what has been pending for sixty days, or for what the installation says (D1, workflow §3.5 P5), and tells the
/// owner.
async fn lapse(app: &App) -> anyhow::Result<()> {
    let now = app.now();
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

async fn end_sessions(app: &App) -> anyhow::Result<()> {
    let tx = app.db.begin().await?;
    db::session::sweep(&tx, app.now()).await?;
    db::queue::sweep(&tx, app.now()).await?;
    db::letter::sweep(&tx, app.now()).await?;
    db::one_time_password::sweep(&tx, app.now()).await?;
    db::mailbox::sweep(&tx, app.now()).await?;
    db::typed_text::sweep(&tx, app.now()).await?;
    db::opinion::sweep(&tx, app.now()).await?;
    db::usage::sweep(&tx, app.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes away the files of long lists after a week.
async fn sweep_exports(app: &App) -> anyhow::Result<()> {
    let tx = app.db.begin().await?;
    db::export::sweep(&tx, app.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Removes files whose rows have been gone for an hour.
async fn remove_files(app: &App) -> anyhow::Result<()> {
    let keys = db::stored_file::orphans(&app.db.read(), app.now().plus_hours(-1)).await?;
    let mut gone = Vec::new();
    for key in keys {
        match app.files.delete(&object_store::path::Path::from(key.clone())).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => gone.push(key),
            Err(error) => tracing::warn!(%error, "a file cannot be removed; tried again later"),
        }
    }
    if !gone.is_empty() {
        let tx = app.db.begin().await?;
        db::stored_file::forget_orphans(&tx, &gone).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn checkpoint(app: &App) -> anyhow::Result<()> {
    let tx = app.db.begin().await?;
    db::audit::checkpoint(&tx, app.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Parts of the trail that one round counts at most: after an update the whole history is read, beside the work.
const STATISTICS_AT_ONCE: u32 = 25;

/// Counts what happened since the last time (R-C-05).
async fn count_statistics(app: &App) -> anyhow::Result<()> {
    let references = app.references.now();
    for _ in 0..STATISTICS_AT_ONCE {
        let tx = app.db.begin().await?;
        let more = db::statistics::count(&tx, &references, app.now()).await?;
        tx.commit().await?;
        if !more {
            break;
        }
    }
    Ok(())
}

/// Writes the changes of reference data whose day has come (R-C-02).
async fn change_references(app: &App) -> anyhow::Result<()> {
    if db::reference_edition::is_due(&app.db.read(), app.now()).await? {
        let tx = app.db.begin().await?;
        let n = db::reference_edition::apply_due(&tx, app.now()).await?;
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

/// Tells the metrics how many jobs wait and how many wait for a person.
async fn count_jobs(app: &App) -> anyhow::Result<()> {
    let (waiting, dead) = db::queue::backlog(&app.db.read()).await?;
    metrics::gauge!("mianban_jobs", "state" => "waiting").set(u32::try_from(waiting).unwrap_or(u32::MAX));
    metrics::gauge!("mianban_jobs", "state" => "dead").set(u32::try_from(dead).unwrap_or(u32::MAX));
    Ok(())
}

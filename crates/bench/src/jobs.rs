//! The jobs of the program: letters held back while submissions are measured, and papers made on demand.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::time::Instant as Moment;
use pdf::{CertificateSheet, CertificateSheetItem};

use crate::process::{Cpu, Meter};
use crate::store::{Pool, Store};

const DAY: i64 = 24 * 3_600_000;
const PATIENCE: Duration = Duration::from_mins(3);

/// Lets every new job wait a day: its CPU time is not that of the request that caused it.
pub async fn hold(store: &Store) -> anyhow::Result<()> {
    match store.pool {
        Pool::Sqlite(_) => {
            let sql = format!(
                "CREATE TRIGGER bench_hold AFTER INSERT ON job \
                 BEGIN UPDATE job SET run_at = run_at + {DAY} WHERE id = NEW.id; END"
            );
            store.execute(&sql).await?;
        }
        Pool::Postgres(_) => {
            let sql = format!(
                "CREATE OR REPLACE FUNCTION bench_hold() RETURNS trigger AS \
                 $$ BEGIN NEW.run_at := NEW.run_at + {DAY}; RETURN NEW; END $$ LANGUAGE plpgsql"
            );
            store.execute(&sql).await?;
            store
                .execute("CREATE TRIGGER bench_hold BEFORE INSERT ON job FOR EACH ROW EXECUTE FUNCTION bench_hold()")
                .await?;
        }
    }
    Ok(())
}

/// Lets the held jobs run; says how many there were, and the CPU time of them and of the jobs that follow from them.
pub async fn release(store: &Store, meter: Meter, now: Moment) -> anyhow::Result<(usize, Cpu)> {
    store
        .execute(match store.pool {
            Pool::Sqlite(_) => "DROP TRIGGER bench_hold",
            Pool::Postgres(_) => "DROP TRIGGER bench_hold ON job",
        })
        .await?;
    let before = meter.read()?;
    let sql = format!("UPDATE job SET run_at = {} WHERE state = 'ready'", now.millis());
    let held = store.execute(&sql).await?;
    done(store).await?;
    Ok((usize::try_from(held)?, meter.read()?.since(before)))
}

/// Waits until no job waits; one that failed is a failure here.
pub async fn done(store: &Store) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let failed = store.number("SELECT COUNT(*) FROM job WHERE last_error <> ''").await?;
        if failed > 0 {
            let why = store.text("SELECT MIN(kind || ': ' || last_error) FROM job WHERE last_error <> ''").await?;
            anyhow::bail!("{failed} jobs failed: {why}");
        }
        if store.number("SELECT COUNT(*) FROM job WHERE state IN ('ready', 'running')").await? == 0 {
            return Ok(());
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "the jobs are not done after {} s", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Gives the papers that are missing an annex of so many products.
pub async fn enlarge(store: &Store, products: u32) -> anyhow::Result<()> {
    for id in store.numbers("SELECT certificate_id FROM certificate_version WHERE object_key IS NULL").await? {
        let sheet = store.text(&format!("SELECT sheet FROM certificate_version WHERE certificate_id = {id}")).await?;
        let mut sheet: CertificateSheet = serde_json::from_str(&sheet).context("the sheet of a certificate")?;
        let line = sheet.items.first().cloned().context("a certificate without products")?;
        sheet.items = (1..=products).map(|ordinal| CertificateSheetItem { ordinal, ..line.clone() }).collect();
        let text = serde_json::to_string(&sheet)?.replace('\'', "''");
        let sql = format!("UPDATE certificate_version SET sheet = '{text}' WHERE certificate_id = {id}");
        store.execute(&sql).await?;
    }
    Ok(())
}

/// Lets the program make this many of the papers that are missing; says how many it made, and their CPU time.
pub async fn make_papers(store: &Store, meter: Meter, most: i64, now: Moment) -> anyhow::Result<(usize, Cpu)> {
    let before = meter.read()?;
    let at = now.millis();
    let made = store
        .execute(&format!(
            "INSERT INTO job (kind, payload, state, run_at, created_at) \
             SELECT 'render_certificate', '{{\"kind\":\"render_certificate\",\"certificate\":' || certificate_id || '}}', \
             'ready', {at}, {at} FROM (SELECT certificate_id FROM certificate_version WHERE object_key IS NULL \
             ORDER BY certificate_id LIMIT {most}) missing"
        ))
        .await?;
    done(store).await?;
    Ok((usize::try_from(made)?, meter.read()?.since(before)))
}

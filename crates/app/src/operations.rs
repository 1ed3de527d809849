//! Health, readiness and measurements.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use db::health::{Trouble, probe};
use futures_util::future::join_all;
use kit::app::App;
use kit::random;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};
use tokio::sync::Mutex;
use tracing::Instrument as _;

/// The process is alive.
pub async fn healthz() -> &'static str {
    "ok"
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A word for machines; it never changes.
    pub word: &'static str,
    /// What happened, for the operator; one line.
    pub text: String,
    /// Whether the process cannot serve: it answers 503. Otherwise a part of it does not work, and the rest does.
    pub stops: bool,
}

impl Finding {
    /// The process cannot serve.
    pub fn stops(word: &'static str, text: impl Into<String>) -> Self {
        Self { word, text: text.into(), stops: true }
    }

    /// The process serves, but for a part.
    pub fn degrades(word: &'static str, text: impl Into<String>) -> Self {
        Self { word, text: text.into(), stops: false }
    }
}

/// What a check gives: nothing when all is well.
type Found = Pin<Box<dyn Future<Output = Option<Finding>> + Send>>;

/// One question of [`readyz`].
struct Check {
    /// What is looked at; the key of the answer that is kept.
    name: &'static str,
    /// An answer is kept for this long: whoever polls more often does not make more work.
    kept: Duration,
    /// What it means when there is no answer within [`LIMIT`].
    silent: fn() -> Finding,
    look: fn(App) -> Found,
}

/// No check takes longer.
const LIMIT: Duration = Duration::from_secs(3);

/// Everything that [`readyz`] asks, all at once. To add a question, add a line.
const CHECKS: &[Check] = &[
    Check {
        name: "database",
        kept: Duration::from_secs(2),
        silent: || Finding::stops("database_unreachable", "the database does not answer in time"),
        look: |app| Box::pin(database(app)),
    },
    Check {
        name: "migrations",
        kept: Duration::from_secs(5),
        silent: || Finding::stops("database_unreachable", "the database does not answer in time"),
        look: |app| Box::pin(migrations(app)),
    },
    Check {
        name: "disk",
        kept: Duration::from_secs(2),
        silent: || Finding::degrades("store_unreachable", "the disk does not answer in time"),
        look: |app| Box::pin(disk(app)),
    },
    Check {
        name: "store",
        kept: Duration::from_secs(5),
        silent: || Finding::degrades("store_unreachable", "the store of files does not answer in time"),
        look: |app| Box::pin(store(app)),
    },
    Check {
        name: "signing key",
        kept: Duration::from_secs(5),
        silent: || Finding::degrades("signing_key_unusable", "the folder of signing keys does not answer in time"),
        look: |app| Box::pin(signing_key(app)),
    },
    Check {
        name: "clock",
        kept: Duration::ZERO,
        silent: || Finding::stops("database_unreachable", "the database does not answer in time"),
        look: |app| Box::pin(clock(app)),
    },
];

/// When a check was asked last, and what it found.
type Kept = (Instant, Option<Finding>);

/// The answers that are kept, of one site, by the name of their check.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<HashMap<&'static str, Kept>>>);

impl Readiness {
    async fn look(&self, app: &App) -> Vec<Finding> {
        // One question at a time: many who ask at once share the answer.
        let mut kept = self.0.lock().await;
        let due = CHECKS.iter().filter(|c| kept.get(c.name).is_none_or(|(at, _)| at.elapsed() >= c.kept));
        let asked = due.map(|check| async move {
            let found = tokio::time::timeout(LIMIT, (check.look)(app.clone())).await;
            (check.name, found.unwrap_or_else(|_| Some((check.silent)())))
        });
        for (name, found) in join_all(asked).await {
            let before = kept.insert(name, (Instant::now(), found.clone())).and_then(|(_, before)| before);
            let is_other = before.map(|f| f.word) != found.as_ref().map(|f| f.word);
            match found {
                Some(f) if is_other => tracing::error!(word = f.word, "readiness: {name}: {}: {}", f.word, f.text),
                None if is_other => tracing::info!("readiness: {name} is well again"),
                Some(_) | None => {}
            }
        }
        CHECKS.iter().filter_map(|c| kept.get(c.name)?.1.clone()).collect()
    }
}

/// Whether the process can serve. The first line is `ready`, `degraded` or `unavailable` with the words of what was found;
/// a line for each says more. 503 when something stops the service.
pub async fn readyz(State(app): State<App>, Extension(readiness): Extension<Readiness>) -> (StatusCode, String) {
    let mut found = readiness.look(&app).await;
    found.dedup_by_key(|f| f.word);
    if found.is_empty() {
        return (StatusCode::OK, "ready".to_owned());
    }
    let stops = found.iter().any(|f| f.stops);
    let words: Vec<_> = found.iter().map(|f| f.word).collect();
    let mut text = format!("{} {}\n", if stops { "unavailable" } else { "degraded" }, words.join(" "));
    for f in &found {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "{}: {}", f.word, f.text.replace('\n', " "));
    }
    (if stops { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, text)
}

async fn database(app: App) -> Option<Finding> {
    Some(match probe(&app.db, app.now()).await.err()? {
        Trouble::Unreachable(text) => Finding::stops("database_unreachable", text),
        Trouble::ReadOnly(text) => Finding::stops("database_read_only", text),
        Trouble::Full(text) => Finding::stops("disk_full", format!("the disk of the database is full: {text}")),
    })
}

/// Another program may have upgraded the database since this one started, or somebody restored an old backup.
async fn migrations(app: App) -> Option<Finding> {
    match app.db.pending_migrations().await {
        Ok(names) if names.is_empty() => None,
        Ok(names) => Some(Finding::stops("migrations_pending", format!("{} are not applied", names.join(", ")))),
        Err(error) if error.is::<db::OtherProgram>() => Some(Finding::stops("migrations_unknown", error.to_string())),
        // A database that cannot be asked is named by its own check.
        Err(_) => None,
    }
}

/// With less than this left, writes fail one by one.
const FULL_BYTES: u64 = 32 * 1024 * 1024;
/// With less than this left, somebody should make room.
const LOW_BYTES: u64 = 512 * 1024 * 1024;

async fn disk(app: App) -> Option<Finding> {
    let folders = app.config.folders.clone();
    tokio::task::spawn_blocking(move || space(&folders)).await.ok()?
}

/// The folder with the least room, if that is too little.
fn space(folders: &[PathBuf]) -> Option<Finding> {
    let left = folders.iter().filter_map(|folder| {
        let at = rustix::fs::statvfs(folder).ok()?;
        // What is no disk has no blocks.
        (at.f_blocks > 0).then(|| (at.f_bavail.saturating_mul(at.f_frsize), folder))
    });
    let (bytes, folder) = left.min()?;
    judged_space(bytes, &folder.display().to_string())
}

fn judged_space(bytes: u64, folder: &str) -> Option<Finding> {
    let text = format!("{} MiB are left on the disk of {folder}", bytes / 1024 / 1024);
    match bytes {
        0..FULL_BYTES => Some(Finding::stops("disk_full", text)),
        FULL_BYTES..LOW_BYTES => Some(Finding::degrades("disk_low", text)),
        _ => None,
    }
}

/// An object of the store that names the installation: a folder that is not mounted, or the bucket of another installation,
/// does not have it.
pub const MARK: &str = "installation";
/// The same name as a setting in the database.
pub const MARK_SETTING: &str = "store_mark";
/// The object that is written to find out whether the store takes files.
pub const PROBE: &str = "probe";

/// Marks a store that is used for the first time. A store that is lost already stays without a mark, and [`readyz`] says so.
pub async fn mark_store(app: &App) -> anyhow::Result<()> {
    if db::setting::get(&app.db.read(), MARK_SETTING).await?.is_some() {
        return Ok(());
    }
    let found = read_mark(app).await.context("the store of files cannot be read")?;
    let own = found.clone().unwrap_or_else(random::token);
    if found.is_none() {
        write_mark(app, &own).await?;
    }
    let tx = app.db.begin().await?;
    let agreed = db::setting::get_or_put(&tx, MARK_SETTING, &own).await?;
    tx.commit().await?;
    // Two processes started at once, and the other one was faster with the database.
    if agreed != own {
        write_mark(app, &agreed).await?;
    }
    Ok(())
}

async fn read_mark(app: &App) -> object_store::Result<Option<String>> {
    match app.files.get(&Path::from(MARK)).await {
        Ok(found) => Ok(Some(String::from_utf8_lossy(&found.bytes().await?).trim().to_owned())),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn write_mark(app: &App, mark: &str) -> anyhow::Result<()> {
    let put = app.files.put(&Path::from(MARK), PutPayload::from(format!("{mark}\n"))).await;
    put.context("the store of files cannot be written")?;
    Ok(())
}

async fn store(app: App) -> Option<Finding> {
    // Without the database there is nothing to compare with; its own check says so.
    if let Ok(Some(expected)) = db::setting::get(&app.db.read(), MARK_SETTING).await {
        match read_mark(&app).await {
            Ok(Some(mark)) if mark == expected => {}
            Ok(Some(_)) => {
                return Some(Finding::stops("store_lost", "the store of files is that of another installation"));
            }
            Ok(None) => {
                let text = "the store of files is empty or another one: its object `installation` is not there";
                return Some(Finding::stops("store_lost", text));
            }
            // An outage of the store is the same for every process; what needs no file goes on. A store that is lost is
            // wrong here alone, perhaps, and another process has the right one.
            Err(error) => {
                return Some(Finding::degrades("store_unreachable", format!("the store cannot be read: {error}")));
            }
        }
    }
    let error = app.files.put(&Path::from(PROBE), PutPayload::from_static(b"probe\n")).await.err()?;
    let text = format!("{:#}", anyhow::Error::new(error));
    Some(if text.contains("No space left") || text.contains("Disk quota") {
        Finding::stops("disk_full", format!("the store takes no files: {text}"))
    } else {
        // Lists, opinions and certificates that are made go on.
        Finding::degrades("store_not_writable", format!("the store takes no files: {text}"))
    })
}

/// Everything but 发证 works without a key.
async fn signing_key(app: App) -> Option<Finding> {
    let signer = tokio::task::spawn_blocking(move || app.keys.signer()).await.ok()?;
    match signer {
        Ok(Some(_)) => None,
        Ok(None) => Some(Finding::degrades(
            "signing_key_missing",
            "there is no signing key, so no certificate is issued: run `mianban key create`",
        )),
        Err(error) => Some(Finding::degrades("signing_key_unusable", format!("{error:#}"))),
    }
}

/// A machine that was off for weeks serves; a clock that is certainly wrong would write wrong times.
async fn clock(app: App) -> Option<Finding> {
    // A database that does not answer is named by its own check.
    let doubt = crate::clock::judge(&app).await.ok()?.err()?;
    let text = format!("{}; confirm it with `mianban clock accept` when it is right", doubt.sentence());
    Some(if doubt.is_certain() { Finding::stops("clock", text) } else { Finding::degrades("clock", text) })
}

/// How many statements a request sent, beside its response.
#[derive(Debug, Clone, Copy)]
pub struct Statements(pub u64);

/// One log line and one measurement per request; the route, never the address with its ids and searches.
pub async fn measure(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(assets or unknown)".to_owned(), |p| p.as_str().to_owned());
    let id = request.headers().get("x-request-id").and_then(|v| v.to_str().ok()).unwrap_or("-").to_owned();
    let span = tracing::info_span!("request", request.id = %id, http.method = %method, http.route = %route);
    let (mut response, statements) = db::counting(next.run(request)).instrument(span.clone()).await;
    response.extensions_mut().insert(Statements(statements));
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    metrics::histogram!("mianban_request_seconds", "method" => method.to_string(), "route" => route.clone())
        .record(elapsed);
    metrics::counter!("mianban_requests_total", "route" => route.clone(), "status" => status.to_string()).increment(1);
    metrics::counter!("mianban_statements_total", "route" => route.clone()).increment(statements);
    span.in_scope(|| {
        tracing::info!(http.status = status, statements, elapsed_us = elapsed.as_micros(), "{method} {route} {status}");
    });
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_full_or_low_or_well() {
        let found = |bytes| judged_space(bytes, "/var/lib/mianban").map(|f| (f.word, f.stops));
        assert_eq!(found(0), Some(("disk_full", true)));
        assert_eq!(found(FULL_BYTES), Some(("disk_low", false)));
        assert_eq!(found(LOW_BYTES), None);
        assert!(judged_space(5 << 20, "/x").unwrap().text.contains("5 MiB are left on the disk of /x"));
        assert_eq!(space(&[PathBuf::from("/proc"), PathBuf::from("/nowhere")]), None, "neither is a disk");
    }
}

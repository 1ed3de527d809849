//! Health, readiness and measurements.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use db::params;
use kit::app::App;
use tracing::Instrument as _;

/// The process is alive.
pub async fn healthz() -> &'static str {
    "ok"
}

/// Something that this process lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lack {
    /// Its word, for machines.
    word: &'static str,
    /// What is wrong, for the operator.
    why: String,
    /// Whether requests had better go to another process.
    is_fatal: bool,
}

/// The process can serve: `ready`, or one line for each thing that it lacks. 503 when one of them is fatal.
pub async fn readyz(State(app): State<App>) -> (StatusCode, String) {
    let lacks = readiness(&app).await;
    let words = lacks.iter().map(|l| l.word).collect::<Vec<_>>().join(" ");
    let is_news = app.watch.is_news("readiness", &words);
    if lacks.is_empty() {
        return (StatusCode::OK, "ready".to_owned());
    }
    for lack in lacks.iter().filter(|_| is_news) {
        tracing::warn!(lack = lack.word, "not ready: {}: {}", lack.word, lack.why);
    }
    let lines: Vec<_> = lacks.iter().map(|l| format!("{}: {}", l.word, l.why)).collect();
    if lacks.iter().any(|l| l.is_fatal) {
        (StatusCode::SERVICE_UNAVAILABLE, lines.join("\n"))
    } else {
        (StatusCode::OK, format!("ready\n{}", lines.join("\n")))
    }
}

/// Everything that is looked at; each check has a word of its own.
async fn readiness(app: &App) -> Vec<Lack> {
    [database(app).await, clock(app).await].into_iter().flatten().collect()
}

async fn database(app: &App) -> Option<Lack> {
    let error = app.db.read().number("SELECT CAST(1 AS BIGINT)", params![]).await.err()?;
    tracing::warn!(%error, "the database does not answer");
    Some(Lack { word: "database", why: "the database does not answer".to_owned(), is_fatal: true })
}

/// A machine that was off for weeks serves; a clock that is certainly wrong would write wrong times.
async fn clock(app: &App) -> Option<Lack> {
    // A database that does not answer has a word already.
    let doubt = crate::clock::judge(app).await.ok()?.err()?;
    let why = format!("{}; confirm it with `mianban clock accept` when it is right", doubt.sentence());
    Some(Lack { word: "clock", why, is_fatal: doubt.is_certain() })
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

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

/// The process can serve: its database answers.
pub async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    match app.db.read().number("SELECT CAST(1 AS BIGINT)", params![]).await {
        Ok(_) => (StatusCode::OK, "ready"),
        Err(error) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
        }
    }
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

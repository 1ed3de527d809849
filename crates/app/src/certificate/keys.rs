//! The published keys: with their certificates everybody can check papers and statements himself.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use kit::app::App;
use kit::error::AppError;

/// The certificates of all keys as PEM, oldest first, each under its key id and the time in which it signs.
pub async fn show(State(app): State<App>) -> Result<Response, AppError> {
    let keys = app.keys.clone();
    let certificates = tokio::task::spawn_blocking(move || keys.certificates()).await.map_err(anyhow::Error::new)??;
    let mut text = String::new();
    for certificate in certificates {
        let (id, from, to) = (certificate.key_id(), certificate.valid_from(), certificate.valid_to());
        writeln!(text, "# {id} {} - {}", from.rfc3339(), to.rfc3339()).map_err(anyhow::Error::new)?;
        text.push_str(&certificate.pem());
    }
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

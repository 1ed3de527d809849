//! 下载使用文档: the user's manual as a file, without login (manual §1.5; R-1-03, R-1.5-01).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use kit::app::App;
use kit::error::AppError;
use object_store::path::Path;
use object_store::{GetResult, ObjectStoreExt as _, PutPayload};

use crate::parts::files::disposition;

/// A save dialog. The manual is typeset when it is asked for the first time and kept with the files; nothing of it
/// stays in memory.
pub async fn show(State(app): State<App>) -> Result<Response, AppError> {
    let edition = app.papers.manual_edition(app.config.version);
    let key = Path::from(format!("manual/{edition}.pdf"));
    let stored = match look(&app, &key).await? {
        Some(stored) => stored,
        None => make(&app, &key).await?,
    };
    let size = stored.meta.size;
    let mut response = Body::from_stream(stored.into_stream()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(header::CONTENT_DISPOSITION, disposition("attachment", "CCC免办电子审批系统企业用户手册.pdf"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    Ok(response)
}

async fn look(app: &App, key: &Path) -> Result<Option<GetResult>, AppError> {
    match app.files.get(key).await {
        Ok(found) => Ok(Some(found)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(AppError::Internal(anyhow::Error::new(error).context("the manual in the store"))),
    }
}

/// Typesets it outside the async threads, never more at once than there are cores; who waited finds it made.
async fn make(app: &App, key: &Path) -> Result<GetResult, AppError> {
    let permit = app.cores.clone().acquire_owned().await.map_err(anyhow::Error::new)?;
    if let Some(made) = look(app, key).await? {
        return Ok(made);
    }
    let papers = Arc::clone(&app.papers);
    let version = app.config.version;
    let typeset = move || {
        let _permit = permit;
        papers.manual(version)
    };
    let bytes = tokio::task::spawn_blocking(typeset).await.map_err(anyhow::Error::new)??;
    app.files.put(key, PutPayload::from(bytes)).await.map_err(anyhow::Error::new)?;
    look(app, key).await?.ok_or_else(|| AppError::Internal(anyhow::anyhow!("the manual is not in the store")))
}

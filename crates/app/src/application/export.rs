//! 导出产品: the products of an application as a file that can be imported again.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::Query;
use domain::ids::ApplicationId;
use kit::app::App;
use kit::error::AppError;
use kit::session::Signed;

use crate::application::columns;
use crate::application::spreadsheet::{Head, Value, write_csv, write_xlsx};
use crate::parts::files::disposition;

/// `?format=xlsx` or `csv`.
#[derive(Debug, serde::Deserialize)]
pub struct ExportQuery {
    #[serde(default)]
    format: String,
}

/// The file, for everybody who sees the application.
pub async fn show(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<ApplicationId>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let application = db::application::load(&read, &user.scope(), id, app.now()).await?;
    let items = db::application::items(&read, id).await?;
    let (heads, rows) = columns::exported(&app.references.now(), &items);
    let name = application.number.unwrap_or_else(|| format!("草稿{id}"));
    file(&app, &query.format, &format!("附表产品_{name}"), heads, rows, Vec::new()).await
}

/// A table as a download of this format.
pub async fn file(
    app: &App,
    format: &str,
    name: &str,
    heads: Vec<Head>,
    rows: Vec<Vec<Value>>,
    guide: Vec<Vec<String>>,
) -> Result<Response, AppError> {
    let is_csv = match format {
        "csv" => true,
        "xlsx" => false,
        _ => return Err(AppError::Invalid("没有这种文件格式，请返回上一页选择 XLSX 或 CSV。".to_owned())),
    };
    let now = app.now();
    // Packing a large table takes a while; it waits for a core as passwords and pictures do.
    let permit = app.cores.clone().acquire_owned().await.map_err(anyhow::Error::new)?;
    let written = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        if is_csv { Ok(write_csv(&heads, &rows)) } else { write_xlsx(&heads, &rows, &guide, now) }
    });
    let content = written.await.map_err(anyhow::Error::new)?;
    let content = content.map_err(|e| anyhow::Error::new(e).context("writing a table"))?;
    let (kind, ending) = if is_csv {
        ("text/csv; charset=utf-8", "csv")
    } else {
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx")
    };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, disposition("attachment", &format!("{name}.{ending}")));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

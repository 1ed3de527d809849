//! 导出产品: the products of an application as a file that can be imported again.

use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use domain::ids::ApplicationId;
use kit::app::App;
use kit::error::AppError;
use kit::session::Signed;

use crate::application::columns;
use crate::parts::files;

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
    files::table(&app, &query.format, &format!("附表产品_{name}"), heads, rows, Vec::new()).await
}

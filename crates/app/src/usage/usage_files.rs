//! 附件名称: a file of a record, downloaded, or looked at in the browser (R-2.9.4-04).

use axum::extract::{Path, State};
use axum::response::Response;
use db::reading::What;
use db::usage::{self, UsageFile};
use domain::ids::UsageFileId;
use kit::app::App;
use kit::error::AppError;
use kit::session::Signed;

use crate::parts::files::{self, Filed, can_preview};
use crate::parts::readings;

async fn load(app: &App, user: &Signed, id: UsageFileId) -> Result<UsageFile, AppError> {
    Ok(usage::load_file(&app.db.read(), &user.scope(), user.actor().account(), id).await?)
}

fn filed(file: &UsageFile) -> Filed<'_> {
    Filed {
        object_key: &file.object_key,
        name: &file.name,
        size_bytes: file.size_bytes,
        content_type: &file.content_type,
    }
}

/// The file.
pub async fn download(State(app): State<App>, user: Signed, Path(id): Path<UsageFileId>) -> Result<Response, AppError> {
    let file = load(&app, &user, id).await?;
    readings::note(&app, &user, What::Usage, file.application_id.get()).await;
    files::download(&app, &file.object_key, &file.name, file.size_bytes).await
}

/// A picture or PDF, inside the browser (E23).
pub async fn preview(State(app): State<App>, user: Signed, Path(id): Path<UsageFileId>) -> Result<Response, AppError> {
    let file = load(&app, &user, id).await?;
    if can_preview(&file.content_type) {
        readings::note(&app, &user, What::Usage, file.application_id.get()).await;
    }
    files::preview(&app, filed(&file), &format!("/usage-files/{id}")).await
}

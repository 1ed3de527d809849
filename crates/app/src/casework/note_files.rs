//! A file of 内部备注, downloaded, or looked at in the browser; for the officers who see the case.

use axum::extract::{Path, State};
use axum::response::Response;
use db::case_note::{self, NoteFile};
use db::reading::What;
use domain::ids::NoteFileId;
use kit::app::App;
use kit::error::AppError;
use kit::session::BureauOfficer;

use crate::parts::files::{self, Filed, can_preview};
use crate::parts::readings;

async fn load(app: &App, officer: &BureauOfficer, id: NoteFileId) -> Result<NoteFile, AppError> {
    Ok(case_note::load_file(&app.db.read(), &officer.scope(), id).await?)
}

/// The file.
pub async fn download(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<NoteFileId>,
) -> Result<Response, AppError> {
    let file = load(&app, &officer, id).await?;
    readings::note(&app, &officer, What::Attachment, file.application_id.get()).await;
    files::download(&app, &file.object_key, &file.name, file.size_bytes).await
}

/// A picture or PDF, inside the browser (E23).
pub async fn preview(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<NoteFileId>,
) -> Result<Response, AppError> {
    let file = load(&app, &officer, id).await?;
    if can_preview(&file.content_type) {
        readings::note(&app, &officer, What::Attachment, file.application_id.get()).await;
    }
    let filed = Filed {
        object_key: &file.object_key,
        name: &file.name,
        size_bytes: file.size_bytes,
        content_type: &file.content_type,
    };
    files::preview(&app, filed, &format!("/note-files/{id}")).await
}

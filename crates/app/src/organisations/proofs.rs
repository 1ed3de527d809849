//! A file that was shown as proof, as a download.

use axum::extract::{Path, State};
use axum::response::Response;
use db::organisation;
use db::reading::What;
use domain::ids::{OrganisationId, OrganisationProofId};
use domain::policy::KeepOrganisations;
use kit::app::App;
use kit::error::AppError;
use kit::session::Permitted;

use super::keeper;
use crate::parts::{files, readings};

/// The file.
pub async fn show(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path((id, proof)): Path<(OrganisationId, OrganisationProofId)>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    organisation::load(&read, &keeper(&app, &user), id).await?;
    let kept = organisation::proof(&read, id, proof).await?;
    readings::note(&app, &user, What::Colleagues, id.get()).await;
    files::download(&app, &kept.object_key, &kept.name, kept.size_bytes).await
}

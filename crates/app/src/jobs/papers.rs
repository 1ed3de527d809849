//! Papers: made once, stored by the hash of their content, never made again (architecture: an issued paper does not
//! change).

use domain::ids::CertificateId;
use kit::app::App;
use object_store::{ObjectStoreExt as _, PutPayload};
use sha2::{Digest, Sha256};

use super::JobError;

/// Makes the paper of the version in force, unless it lies there already.
pub(super) async fn render_certificate(app: &App, id: CertificateId) -> Result<(), JobError> {
    let certificate = db::certificate::get(&app.db.read(), id).await?;
    if certificate.object_key.is_some() {
        return Ok(());
    }
    let papers = app.papers.clone();
    let sheet = certificate.sheet.clone();
    let bytes = tokio::task::spawn_blocking(move || papers.certificate(&sheet)).await??;
    let sha256 = hex::encode(Sha256::digest(&bytes));
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let key = format!("certificates/{}/{sha256}.pdf", &sha256[..2]);
    app.files.put(&object_store::path::Path::from(key.clone()), PutPayload::from(bytes)).await?;
    let tx = app.db.begin().await?;
    db::certificate::set_paper(&tx, id, certificate.version, &key, &sha256, size).await?;
    tx.commit().await?;
    Ok(())
}

//! Papers: made once, signed once, stored by the hash of their content, never made again (architecture: an issued paper
//! does not change).

use std::sync::Arc;

use anyhow::Context as _;
use db::certificate::{Paper, VersionWithoutPaper};
use domain::ids::CertificateId;
use domain::number::CertificateNumber;
use kit::app::App;
use object_store::{ObjectStoreExt as _, PutPayload};
use seal::{Signer, Signing, Statement};
use sha2::{Digest, Sha256};

use super::JobError;
use crate::parts::sheet::Sheet;

/// Makes the papers of all versions that have none yet: one that waited until it was replaced is made too.
pub(super) async fn render_certificate(app: &App, id: CertificateId) -> Result<(), JobError> {
    for version in db::certificate::versions_without_paper(&app.db.read(), id).await? {
        let number = version.version;
        let at = app.clone();
        let (bytes, key_id) = tokio::task::spawn_blocking(move || signed(&at, &version)).await??;
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let key = format!("certificates/{}/{sha256}.pdf", &sha256[..2]);
        app.files.put(&object_store::path::Path::from(key.clone()), PutPayload::from(bytes)).await?;
        let tx = app.db.begin().await?;
        let paper = Paper { object_key: &key, sha256: &sha256, size_bytes: size, key_id: &key_id };
        db::certificate::set_paper(&tx, id, number, paper).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// The paper with its QR code, signed, and the key that signed it. It is signed as of the moment at which the version was made, so a job that is
/// repeated makes the same bytes again.
fn signed(app: &App, version: &VersionWithoutPaper) -> anyhow::Result<(Vec<u8>, String)> {
    let signer = app.keys.signer()?.context("there is no signing key: run `mianban key create`")?;
    let sheet: Sheet = serde_json::from_str(&version.sheet).context("the sheet of a certificate")?;
    let code = code(app, &sheet, &version.sheet, &signer)?;
    let paper = app.papers.certificate(&version.sheet, &code)?;
    let (number, n) = (&sheet.number, sheet.version);
    let signing = Signing {
        // A key that was made since does not claim to be older than it is.
        at: version.created_at.max(signer.certificate().valid_from()),
        name: &sheet.issuing_bureau,
        reason: &format!("免办证明 {number} 第 {n} 版 CCC exemption certificate {number}, version {n}"),
    };
    let key_id = signer.certificate().key_id().to_string();
    Ok((seal::sign_pdf(&paper, signer.as_ref(), &signing)?, key_id))
}

/// What the QR code holds: the address of the public page with the signed statement (E36).
fn code(app: &App, sheet: &Sheet, frozen: &str, signer: &Arc<dyn Signer>) -> anyhow::Result<String> {
    let site = app.config.public_url.as_str();
    let statement = Statement {
        number: CertificateNumber::parse(&sheet.number)?,
        version: u16::try_from(sheet.version)?,
        org_code: sheet.holder_org_code.replace('-', ""),
        holder: sheet.holder.clone(),
        products: u16::try_from(sheet.items.len())?,
        valid_from: sheet.valid_from.parse()?,
        valid_to: sheet.valid_to.parse()?,
        sheet: Statement::digest_of(frozen),
    };
    Ok(statement.fitted(site).sign(signer.as_ref())?.address(site))
}

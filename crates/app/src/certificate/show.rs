//! 证明: the page, and the PDF with the same bytes at every download (R-2.6-01, -02).

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::Query;
use db::certificate::{self, Certificate};
use domain::certificate::Standing;
use domain::ids::{ApplicationId, CertificateId};
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::Signed;
use kit::shell::Shell;
use object_store::ObjectStoreExt as _;

use crate::frame::{self, Entry};
use crate::parts::certificate_deeds::{self, CertificateDeeds};
use crate::parts::files::disposition;
use crate::parts::sheet::Sheet;

#[derive(Template)]
#[template(path = "certificate/show.html")]
struct CertificatePage {
    shell: Shell,
    id: CertificateId,
    application: ApplicationId,
    certificate: Certificate,
    standing: Standing,
    sheet: Sheet,
    is_ready: bool,
    deeds: CertificateDeeds,
}

/// The 证明 link of the list leads here by application.
pub async fn of_application(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<ApplicationId>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    db::application::load(&read, &user.scope(), id, app.now()).await?;
    match certificate::of_application(&read, id).await? {
        Some(c) => Ok(page::see_other(&format!("/certificates/{}", c.id))),
        None => Err(AppError::NotFound),
    }
}

/// The page around the paper.
pub async fn show(State(app): State<App>, user: Signed, Path(id): Path<CertificateId>) -> Result<Response, AppError> {
    let read = app.db.read();
    let certificate = certificate::load(&read, &user.scope(), id).await?;
    let sheet: Sheet = serde_json::from_str(&certificate.sheet).map_err(anyhow::Error::new)?;
    let title = format!("免办证明 {}", certificate.number);
    let crumbs = [("查看申请列表", "/applications")];
    page::render(&CertificatePage {
        shell: frame::signed(&app, &user, &title, Entry::Applications, &crumbs).await?,
        id,
        application: certificate.application_id,
        standing: certificate.facts().standing(app.now()),
        is_ready: certificate.object_key.is_some(),
        deeds: certificate_deeds::load(&read, user.actor(), &certificate).await?,
        sheet,
        certificate,
    })
}

/// `?download=1`: save instead of showing.
#[derive(Debug, serde::Deserialize)]
pub struct DocumentQuery {
    #[serde(default)]
    download: String,
}

/// The paper: stored once, never made again.
pub async fn document(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<CertificateId>,
    Query(query): Query<DocumentQuery>,
) -> Result<Response, AppError> {
    let certificate = certificate::load(&app.db.read(), &user.scope(), id).await?;
    let (Some(key), Some(sha256)) = (&certificate.object_key, &certificate.sha256) else {
        return Ok(page::see_other(&format!("/certificates/{id}")));
    };
    let path = object_store::path::Path::from(key.clone());
    let bytes = app
        .files
        .get(&path)
        .await
        .map_err(|e| anyhow::Error::new(e).context("the paper of a certificate is not in the store"))?
        .into_stream();
    let mut response = Body::from_stream(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    let how = if query.download.is_empty() { "inline" } else { "attachment" };
    headers.insert(header::CONTENT_DISPOSITION, disposition(how, &format!("免办证明{}.pdf", certificate.number)));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{sha256}\"")) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}

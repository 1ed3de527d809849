//! 证明: the page, and the PDF with the same bytes at every download (R-2.6-01, -02).

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::Query;
use db::certificate::{self, Certificate};
use db::reading::What;
use domain::certificate::Standing;
use domain::ids::{ApplicationId, CertificateId};
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::Signed;
use kit::shell::Shell;
use object_store::ObjectStoreExt as _;

use crate::frame::{self, Entry};
use crate::jobs::{self, Paper};
use crate::parts::certificate_deeds::{self, CertificateDeeds};
use crate::parts::files::disposition;
use crate::parts::readings;
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
    /// Why the paper is not there yet.
    paper: Option<&'static str>,
    /// When the making of the paper is tried again.
    paper_at: Option<String>,
    versions: Vec<VersionRow>,
    back: String,
    deeds: CertificateDeeds,
}

/// One of the versions, the newest first.
struct VersionRow {
    version: i64,
    made: String,
    is_current: bool,
    is_ready: bool,
}

/// `?back=`: the query of the list that led here.
#[derive(Debug, Default, serde::Deserialize)]
pub struct ShowQuery {
    #[serde(default)]
    back: String,
}

impl ShowQuery {
    /// The list with its filters and its page; never another address.
    fn list(&self) -> String {
        if self.back.is_empty() { "/certificates".to_owned() } else { format!("/certificates?{}", self.back) }
    }
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
pub async fn show(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<CertificateId>,
    Query(query): Query<ShowQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let certificate = certificate::load(&read, &user.scope(), id).await?;
    readings::note(&app, &user, What::Certificate, id.get()).await;
    let is_ready = certificate.object_key.is_some();
    let (paper, paper_at) = if is_ready { (None, None) } else { why_no_paper(&app, id).await? };
    let versions = certificate::versions(&read, id).await?;
    let back = query.list();
    let sheet: Sheet = serde_json::from_str(&certificate.sheet).map_err(anyhow::Error::new)?;
    let title = format!("免办证明 {}", certificate.number);
    let crumbs = [("证明列表", back.as_str())];
    page::render(&CertificatePage {
        shell: frame::signed(&app, &user, &title, Entry::Certificates, &crumbs).await?,
        id,
        application: certificate.application_id,
        standing: certificate.facts().standing(app.now()),
        is_ready,
        paper,
        paper_at,
        versions: versions
            .into_iter()
            .map(|v| VersionRow {
                version: v.version,
                made: v.created_at.china(),
                is_current: v.version == certificate.version,
                is_ready: v.object_key.is_some(),
            })
            .collect(),
        back,
        deeds: certificate_deeds::load(&read, user.actor(), &certificate).await?,
        sheet,
        certificate,
    })
}

/// What to say while there is no paper, and when the next try is.
async fn why_no_paper(app: &App, id: CertificateId) -> Result<(Option<&'static str>, Option<String>), AppError> {
    Ok(match jobs::paper_of(app, id).await? {
        Paper::Underway => (Some("证明正在生成，通常只需几秒钟。"), None),
        Paper::Delayed(at) => (Some("证明暂时没有生成成功，证明本身有效，系统会自动重试。"), Some(at.china())),
        Paper::Failed => (Some("证明没有生成成功，证明本身有效，文件需要系统管理员处理，请联系发证机关。"), None),
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
    readings::note(&app, &user, What::Certificate, id.get()).await;
    paper(&app, key, sha256, &query, &format!("免办证明{}.pdf", certificate.number)).await
}

/// The paper of one version, replaced ones too.
pub async fn version_document(
    State(app): State<App>,
    user: Signed,
    Path((id, version)): Path<(CertificateId, i64)>,
    Query(query): Query<DocumentQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let certificate = certificate::load(&read, &user.scope(), id).await?;
    let found = certificate::version(&read, id, version).await?;
    let (Some(key), Some(sha256)) = (&found.object_key, &found.sha256) else {
        return Ok(page::see_other(&format!("/certificates/{id}")));
    };
    readings::note(&app, &user, What::Certificate, id.get()).await;
    let name = if version == certificate.version {
        format!("免办证明{}.pdf", certificate.number)
    } else {
        format!("免办证明{}_第{version}版_已被替代.pdf", certificate.number)
    };
    paper(&app, key, sha256, &query, &name).await
}

async fn paper(app: &App, key: &str, sha256: &str, query: &DocumentQuery, name: &str) -> Result<Response, AppError> {
    let path = object_store::path::Path::from(key);
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
    headers.insert(header::CONTENT_DISPOSITION, disposition(how, name));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Ok(etag) = HeaderValue::from_str(&format!("\"{sha256}\"")) {
        headers.insert(header::ETAG, etag);
    }
    Ok(response)
}

//! A certificate as officers recognise it: found by its number, shown above what they decide.

use askama::Template;
use askama::filters::HtmlSafe;
use db::certificate::{self, Certificate};
use db::{DbError, Source};
use domain::ids::CertificateId;
use domain::policy::Scope;
use domain::time::Instant;
use kit::error::AppError;

use crate::parts::sheet::Sheet;
use crate::parts::status::Status;

/// What is shown of it.
#[derive(Template, Debug, Clone)]
#[template(path = "parts/found_certificate.html")]
pub struct Found {
    /// Its id.
    pub id: CertificateId,
    number: String,
    application_number: String,
    holder: String,
    clause: String,
    valid_from: String,
    valid_to: String,
    status: Status,
    version: i64,
    lines: i64,
    written: i64,
    pending: i64,
    bureau: String,
}

impl HtmlSafe for Found {}

impl Found {
    /// The card of a certificate.
    pub fn of(certificate: &Certificate, now: Instant) -> Result<Self, AppError> {
        let sheet: Sheet = serde_json::from_str(&certificate.sheet).map_err(anyhow::Error::new)?;
        Ok(Self {
            id: certificate.id,
            number: certificate.number.clone(),
            application_number: sheet.application_number,
            holder: sheet.holder,
            clause: sheet.clause,
            valid_from: certificate.valid_from.to_string(),
            valid_to: certificate.valid_to.to_string(),
            status: Status::of_certificate(certificate.facts().standing(now)),
            version: certificate.version,
            lines: certificate.lines,
            written: certificate.written_lines,
            pending: certificate.pending_lines,
            bureau: sheet.issuing_bureau,
        })
    }
}

/// The certificate of this 证明号, if the scope sees it.
pub async fn of_number(source: &impl Source, scope: &Scope, number: &str) -> Result<Option<Certificate>, AppError> {
    let Some(found) = certificate::by_number(source, number).await? else { return Ok(None) };
    match certificate::load(source, scope, found.id).await {
        Ok(certificate) => Ok(Some(certificate)),
        Err(DbError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

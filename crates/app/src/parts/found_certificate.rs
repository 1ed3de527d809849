//! A certificate as officers recognise it: found by its number, shown above what they decide.

use askama::Template;
use askama::filters::HtmlSafe;
use db::certificate::{self, Certificate};
use db::{DbError, Source};
use domain::ids::CertificateId;
use domain::number::CertificateNumber;
use domain::policy::Scope;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::session::BureauOfficer;

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

/// `?number=`: the certificate that somebody names.
#[derive(Debug, Default, serde::Deserialize)]
pub struct NumberQuery {
    /// None = the page was only opened.
    #[serde(default)]
    number: Vec<String>,
}

/// What was looked for, and what was found.
pub struct Sought {
    /// The form of the search as it was sent.
    pub search: FormView,
    /// The certificate; none with a sentence in the form, unless the page was only opened.
    pub certificate: Option<Certificate>,
}

impl Sought {
    /// Looks among what the officer sees; `elsewhere` says who else may have the certificate.
    pub async fn of(
        app: &App,
        officer: &BureauOfficer,
        query: &NumberQuery,
        elsewhere: &str,
    ) -> Result<Self, AppError> {
        let mut data = FormData::default();
        let mut errors = FieldErrors::default();
        let mut certificate = None;
        if let Some(number) = query.number.first() {
            data.set("number", number);
            if let Ok(parsed) = CertificateNumber::parse(number) {
                certificate = of_number(&app.db.read(), &officer.scope(), parsed.as_str()).await?;
            }
            if number.trim().is_empty() {
                errors.add("number", "请填写证明号");
            } else if certificate.is_none() {
                errors.add("number", format!("没有找到该证明。请核对证明号；{elsewhere}"));
            }
        }
        Ok(Self { search: FormView::new(data, errors, &officer.caller.csrf), certificate })
    }

    /// The search that has found this one.
    pub fn again(officer: &BureauOfficer, certificate: Certificate) -> Self {
        let data = FormData::of_filters(&[("number", certificate.number.as_str())]);
        let search = FormView::new(data, FieldErrors::default(), &officer.caller.csrf);
        Self { search, certificate: Some(certificate) }
    }
}

/// The certificate of this 证明号, if the scope sees it.
async fn of_number(source: &impl Source, scope: &Scope, number: &str) -> Result<Option<Certificate>, AppError> {
    let Some(found) = certificate::by_number(source, number).await? else { return Ok(None) };
    match certificate::load(source, scope, found.id).await {
        Ok(certificate) => Ok(Some(certificate)),
        Err(DbError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

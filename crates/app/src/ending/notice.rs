//! 撤销通知: what the holder of a revoked certificate reads, and everybody who sees the certificate (D23).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::certificate;
use domain::ids::{ApplicationId, CertificateId};
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::Signed;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::found_certificate::Found;

#[derive(Template)]
#[template(path = "ending/notice.html")]
struct NoticePage {
    shell: Shell,
    id: CertificateId,
    application: ApplicationId,
    found: Found,
    reason: String,
    bureau: String,
    phone: String,
    decided: String,
    written: i64,
}

/// The notice; a certificate in force has none.
pub async fn show(State(app): State<App>, user: Signed, Path(id): Path<CertificateId>) -> Result<Response, AppError> {
    let read = app.db.read();
    let certificate = certificate::load(&read, &user.scope(), id).await?;
    let Some(revocation) = db::ending::revocation_of(&read, id).await? else {
        return Err(AppError::Conflict("该证明没有被撤销。请返回查看证明的最新状态。".to_owned()));
    };
    let references = app.references.now();
    let page_of = format!("/certificates/{id}");
    let crumbs = [("查看申请列表", "/applications"), (certificate.number.as_str(), page_of.as_str())];
    page::render(&NoticePage {
        shell: frame::signed(&app, &user, "证明撤销通知", Entry::Applications, &crumbs).await?,
        id,
        application: certificate.application_id,
        found: Found::of(&certificate, app.now())?,
        reason: revocation.reason,
        bureau: references.bureau_name(&revocation.bureau_code).to_owned(),
        phone: references.bureau(&revocation.bureau_code).map(|b| b.phone.clone()).unwrap_or_default(),
        decided: revocation.decided_at.map(Instant::china).unwrap_or_default(),
        written: certificate.written_lines,
    })
}

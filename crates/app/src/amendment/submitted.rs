//! 已提交新证明（查看）: the new certificate and its annex, old beside new (R-2.7-09). The bureau and CNCA look at it here
//! too, and at what an amendment changed once it is over.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::amendment::Which;
use db::certificate;
use domain::actor::Actor;
use domain::certificate::AmendmentState;
use domain::correction::Difference;
use domain::ids::CertificateId;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::Signed;
use kit::shell::Shell;

use super::changes::{self, ProductRow};
use crate::frame::{self, Entry};
use crate::parts::sheet::Sheet;
use crate::parts::timeline::{self, Timeline};

#[derive(Template)]
#[template(path = "amendment/submitted.html")]
struct SubmittedPage {
    shell: Shell,
    id: CertificateId,
    sheet: Sheet,
    state: AmendmentState,
    submitted: String,
    valid_from: String,
    valid_to: String,
    basics: Vec<Difference>,
    reason: String,
    opinion: String,
    changed: i64,
    rows: Vec<ProductRow>,
    pager: Pager,
    timeline: Timeline,
    back: String,
}

impl SubmittedPage {
    const fn is_waiting(&self) -> bool {
        matches!(self.state, AmendmentState::Submitted)
    }

    fn old(&self, key: &str) -> Option<&str> {
        self.basics.iter().find(|d| d.key == key).map(Difference::old)
    }
}

/// The newest amendment of a certificate, unless it is one that nobody has answered yet.
pub async fn show(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<CertificateId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let certificate = certificate::load(&read, &user.scope(), id).await?;
    let found = db::amendment::newest_of(&read, id).await?.filter(|m| m.submitted_at.is_some());
    let Some(amendment) = found else {
        let why = "该证明没有已提交的修改。请返回列表查看最新状态。";
        return Err(AppError::Conflict(why.to_owned()));
    };
    // What the paper said before: its frozen sheet.
    let before = certificate::sheet_of(&read, id, amendment.base_version).await?.ok_or(AppError::NotFound)?;
    let sheet: Sheet = serde_json::from_str(&before).map_err(anyhow::Error::new)?;
    let path = format!("/certificates/{id}/amendment/submitted");
    let pager = Pager::new(&query, certificate.lines, &path, &[]).at("a-h");
    let which = Which::Between(pager.offset() + 1, pager.offset() + pager.limit());
    let lines = db::amendment::lines(&read, certificate.application_id, &amendment, which).await?;
    let references = app.references.now();
    let of_officer = matches!(user.actor(), Actor::Officer(_));
    let title = if amendment.state == AmendmentState::Submitted { "已提交新证明" } else { "证明修改" };
    let page_of = format!("/certificates/{id}");
    let crumbs = [("查看申请列表", "/applications"), (certificate.number.as_str(), page_of.as_str())];
    page::render(&SubmittedPage {
        shell: frame::signed(&app, &user, title, Entry::Applications, &crumbs).await?,
        id,
        state: amendment.state,
        submitted: amendment.submitted_at.map(Instant::china).unwrap_or_default(),
        valid_from: amendment.valid_from.to_string(),
        valid_to: amendment.valid_to.to_string(),
        basics: changes::basics(sheet.validity()?, amendment.validity()),
        reason: amendment.reason.clone(),
        opinion: amendment.opinion.clone(),
        changed: db::amendment::count_items(&read, amendment.id).await?,
        rows: lines.iter().map(|l| changes::row(&references, l)).collect(),
        pager,
        timeline: timeline::of_certificate(&read, &app, id, of_officer).await?,
        back: if of_officer { page_of.clone() } else { "/applications".to_owned() },
        sheet,
    })
}

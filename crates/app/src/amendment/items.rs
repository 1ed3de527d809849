//! 查看申请产品信息: the products of the certificate, each to be changed (R-2.7-04, -05).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::amendment::Which;
use domain::ids::CertificateId;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::EnterpriseUser;
use kit::shell::Shell;

use super::changes::{self, ProductRow};
use super::open;
use crate::frame::{self, Entry};

#[derive(Template)]
#[template(path = "amendment/items.html")]
struct ItemsPage {
    shell: Shell,
    id: CertificateId,
    number: String,
    rows: Vec<ProductRow>,
    pager: Pager,
}

/// The list, page by page.
pub async fn list(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let of = match open(&read, &user, id).await? {
        Ok(of) => of,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let back = format!("/certificates/{id}/amendment");
    let pager = Pager::new(&query, of.certificate.lines, &format!("{back}/items"), &[]);
    let which = Which::Between(pager.offset() + 1, pager.offset() + pager.limit());
    let lines = db::amendment::lines(&read, of.certificate.application_id, &of.amendment, which).await?;
    let references = app.references.now();
    let crumbs = [("查看申请列表", "/applications"), ("修改证明", back.as_str())];
    page::render(&ItemsPage {
        shell: frame::signed(&app, &user, "证明产品信息", Entry::Applications, &crumbs).await?,
        id,
        number: of.certificate.number,
        rows: lines.iter().map(|l| changes::row(&references, l)).collect(),
        pager,
    })
}

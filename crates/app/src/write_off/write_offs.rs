//! 核销信息: what was required and what was written off, product by product (manual §2.8.3; R-2.8-15, -16, -20).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::ledger;
use domain::ids::CertificateId;
use domain::policy;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::Signed;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::write_off::{Goods, Head, open};

#[derive(Template)]
#[template(path = "write_off/write_offs.html")]
struct WriteOffsPage {
    shell: Shell,
    head: Head,
    id: CertificateId,
    goods: Vec<Goods>,
    open_lines: i64,
    pager: Pager,
    may_write_off: bool,
    back: &'static str,
}

/// The page. Before the first 核销 there is nothing to show, and no link here (R-2.2-19).
pub async fn list(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<CertificateId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let opened = open(&read, &app, user.actor(), id).await?;
    let facts = opened.certificate.facts();
    let may_write_off = policy::may_write_off(user.actor());
    if facts.written_lines == 0 && !may_write_off {
        let why = "该证明还没有核销。核销人员核销或确认预核销后，可以在此查看。请返回申请列表。";
        return Err(AppError::Conflict(why.to_owned()));
    }
    let pager = Pager::new(&query, facts.lines, &format!("/certificates/{id}/write-offs"), &[]);
    let first = usize::try_from(pager.offset()).unwrap_or_default();
    let many = usize::try_from(pager.limit()).unwrap_or_default();
    let goods = opened.goods(ledger::lines(&read, id).await?).into_iter().skip(first).take(many).collect();
    let crumbs = [frame::list_of(&user)];
    page::render(&WriteOffsPage {
        shell: frame::signed(&app, &user, "核销信息", Entry::of_list(&user), &crumbs).await?,
        head: opened.head(&app),
        id,
        goods,
        open_lines: facts.open_lines,
        pager,
        may_write_off,
        back: frame::list_of(&user).1,
    })
}

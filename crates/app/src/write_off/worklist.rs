//! 待确认预核销: what was declared for the ports of one's own bureau, and only that (R-2.8-18).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::params;
use db::search::Conditions;
use domain::actor::Post;
use domain::ids::PreWriteOffId;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::BureauOfficer;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::write_off::must_write_off;

/// 证明号 and 申请单位, both 模糊.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    number: String,
    #[serde(default)]
    applicant: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

#[derive(db::Row)]
struct Columns {
    id: PreWriteOffId,
    number: String,
    applicant_name: String,
    port_code: String,
    customs_no: String,
    declared_at: Instant,
    items: i64,
    short: i64,
}

struct RowView {
    id: PreWriteOffId,
    number: String,
    applicant: String,
    port: String,
    customs_no: String,
    declared_at: String,
    items: i64,
    short: i64,
}

#[derive(Template)]
#[template(path = "write_off/worklist.html")]
struct WorklistPage {
    shell: Shell,
    bureau: String,
    form: FormView,
    rows: Vec<RowView>,
    pager: Pager,
    is_filtered: bool,
}

/// The list, the oldest first.
pub async fn list(
    State(app): State<App>,
    user: BureauOfficer,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let read = app.db.read();
    let conditions = Conditions::new()
        .and("i.bureau_code = ? AND i.state = 'pending'", params![user.user.bureau.clone()])
        .contains("c.number", &filters.number)
        .contains("a.applicant_folded", &filters.applicant);
    let from = "FROM pre_write_off_item i JOIN pre_write_off b ON b.id = i.pre_write_off_id \
                JOIN certificate c ON c.id = i.certificate_id JOIN application a ON a.id = c.application_id \
                JOIN certificate_item l ON l.id = i.certificate_item_id";
    let sql = format!("SELECT COUNT(DISTINCT b.id) {from}{}", conditions.sql());
    let total = read.number(&sql, conditions.values(vec![])).await?;
    let pairs = [("number", filters.number.as_str()), ("applicant", filters.applicant.as_str())];
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&query, total, "/write-off/worklist", &pairs);
    // 余量不足: a direct 核销 has left less than was declared (D1).
    let sql = format!(
        "SELECT b.id, c.number, a.applicant_name, b.port_code, b.customs_no, b.declared_at, COUNT(i.id) AS items, \
         COUNT(CASE WHEN i.qty > l.required - l.written_off OR i.hs_qty > l.hs_required - l.hs_written_off \
         OR l.written_off = l.required THEN 1 END) AS short {from}{} \
         GROUP BY b.id, c.number, a.applicant_name, b.port_code, b.customs_no, b.declared_at \
         ORDER BY b.id LIMIT {} OFFSET {}",
        conditions.sql(),
        pager.limit(),
        pager.offset()
    );
    let found: Vec<Columns> = read.rows(&sql, conditions.values(vec![])).await?;
    let references = app.references.now();
    let rows = found
        .into_iter()
        .map(|c| RowView {
            id: c.id,
            number: c.number,
            applicant: c.applicant_name,
            port: references.port_name(&c.port_code),
            customs_no: c.customs_no,
            declared_at: c.declared_at.china(),
            items: c.items,
            short: c.short,
        })
        .collect();
    let data = FormData::from_pairs(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    page::render(&WorklistPage {
        shell: frame::signed(&app, &user, "预核销确认", Entry::Post(Post::WriteOff), &[]).await?,
        bureau: references.bureau_name(&user.user.bureau).to_owned(),
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        rows,
        is_filtered: pairs.iter().any(|(_, v)| !v.is_empty()),
        pager,
    })
}

//! 批量核销: what was handed in for a bureau, by its officers as files and by the systems of its ports, and what became of
//! each line.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::keyset::{Column, Direction, Keyset};
use db::params;
use db::port_system::{self, Batch, Decided};
use db::search::{Conditions, folded_sql};
use domain::ids::WriteOffBatchId;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::BureauOfficer;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::files;
use crate::parts::spreadsheet::{Head, Value};
use crate::write_off::batch::Line;
use crate::write_off::{import, must_write_off};

/// 批次号 and 提交方, both 模糊.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    number: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
    #[serde(default)]
    place: String,
}

#[derive(db::Row)]
struct Columns {
    id: WriteOffBatchId,
    number: String,
    source: String,
    is_system: bool,
    received_at: Instant,
    lines: i64,
    accepted: i64,
    rejected: i64,
}

struct RowView {
    id: WriteOffBatchId,
    number: String,
    source: String,
    is_system: bool,
    received_at: String,
    lines: i64,
    accepted: i64,
    rejected: i64,
}

#[derive(Template)]
#[template(path = "write_off/batches.html")]
struct BatchesPage {
    shell: Shell,
    bureau: String,
    form: FormView,
    rows: Vec<RowView>,
    pager: Pager,
    is_filtered: bool,
}

/// The batches of one's own bureau, the newest first.
pub async fn list(
    State(app): State<App>,
    user: BureauOfficer,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let read = app.db.read();
    let conditions = Conditions::new()
        .and("b.bureau_code = ?", params![user.user.bureau.clone()])
        .contains("LOWER(b.number)", &filters.number)
        .contains(&folded_sql("b.source"), &filters.source);
    let sql = format!("SELECT COUNT(*) FROM write_off_batch b{}", conditions.sql());
    let total = read.number(&sql, conditions.values(vec![])).await?;
    let pairs = [("number", filters.number.as_str()), ("source", filters.source.as_str())];
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), place: filters.place.clone() };
    let pager = Pager::new(&query, total, "/write-off/batches", &pairs);
    let of = |which: &str| {
        format!("(SELECT COUNT(*) FROM write_off_batch_line l WHERE l.batch_id = b.id AND l.reason {which})")
    };
    let columns = format!(
        "b.id, b.number, b.source, b.port_system_id IS NOT NULL AS is_system, b.received_at, b.lines, \
         {} AS accepted, {} AS rejected",
        of("IS NULL"),
        of("IS NOT NULL")
    );
    let newest = Keyset(&[(Column::Number("b.id"), Direction::Descending)]);
    let found = newest.page::<Columns>(read, (&columns, "write_off_batch b"), &conditions, &pager.asked()).await?;
    let pager = pager.around(&found);
    let rows = found
        .rows
        .into_iter()
        .map(|c| RowView {
            id: c.id,
            number: c.number,
            source: c.source,
            is_system: c.is_system,
            received_at: c.received_at.china(),
            lines: c.lines,
            accepted: c.accepted,
            rejected: c.rejected,
        })
        .collect();
    let data = FormData::from_pairs(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    page::render(&BatchesPage {
        shell: frame::signed(&app, &user, "批量核销", Entry::WriteOffBatches, &[]).await?,
        bureau: app.references.now().bureau_name(&user.user.bureau).to_owned(),
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        rows,
        is_filtered: pairs.iter().any(|(_, v)| !v.is_empty()),
        pager,
    })
}

/// `?only=rejected`, `format=` of the file.
#[derive(Debug, Default, serde::Deserialize)]
pub struct ResultQuery {
    #[serde(default)]
    only: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

struct LineView {
    ordinal: i64,
    line: Line,
    reason: Option<String>,
}

impl From<Decided> for LineView {
    fn from(decided: Decided) -> Self {
        Self { ordinal: decided.ordinal, line: Line::of(&decided.content), reason: decided.reason }
    }
}

#[derive(Template)]
#[template(path = "write_off/batch.html")]
struct BatchPage {
    shell: Shell,
    batch: Batch,
    received_at: String,
    accepted: i64,
    rejected: i64,
    /// Not decided: it broke off.
    open: i64,
    is_filtered: bool,
    rows: Vec<LineView>,
    pager: Pager,
}

/// What became of a batch of one's own bureau; to others it does not exist.
pub async fn show(
    State(app): State<App>,
    user: BureauOfficer,
    Path(id): Path<WriteOffBatchId>,
    Query(query): Query<ResultQuery>,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let read = app.db.read();
    let batch = port_system::get(&read, &user.user.bureau, id).await?;
    let (accepted, rejected) = port_system::tally(&read, id).await?;
    let is_filtered = query.only == "rejected";
    let total = if is_filtered { rejected } else { accepted + rejected };
    let asked = PageQuery { page: query.page.clone(), size: query.size.clone(), ..PageQuery::default() };
    let only = if is_filtered { "rejected" } else { "" };
    let pager = Pager::new(&asked, total, &format!("/write-off/batches/{id}"), &[("only", only)]);
    let found = port_system::decided_page(&read, id, is_filtered, (pager.limit(), pager.offset())).await?;
    let crumbs = [("批量核销", "/write-off/batches")];
    page::render(&BatchPage {
        shell: frame::signed(&app, &user, "批次结果", Entry::WriteOffBatches, &crumbs).await?,
        received_at: batch.received_at.china(),
        open: batch.lines - accepted - rejected,
        batch,
        accepted,
        rejected,
        is_filtered,
        rows: found.into_iter().map(LineView::from).collect(),
        pager,
    })
}

/// The same as a file, all lines or the rejected ones; mended, it can be handed in again.
pub async fn export(
    State(app): State<App>,
    user: BureauOfficer,
    Path(id): Path<WriteOffBatchId>,
    Query(query): Query<ResultQuery>,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let read = app.db.read();
    let batch = port_system::get(&read, &user.user.bureau, id).await?;
    let found = port_system::decided(&read, id).await?;
    let is_filtered = query.only == "rejected";
    let head = |title: &str| Head { title: title.to_owned(), is_required: false, is_text: true, choices: Vec::new() };
    let heads =
        std::iter::once(head("次序")).chain(import::heads(&app, None)).chain([head("结果"), head("原因")]).collect();
    let rows = found
        .into_iter()
        .map(LineView::from)
        .filter(|l| !is_filtered || l.reason.is_some())
        .map(|l| {
            let result = if l.reason.is_none() { "已核销" } else { "没有核销" };
            let cells = l.line.cells().map(|cell| Value::Text(cell.to_owned()));
            std::iter::once(Value::Text(l.ordinal.to_string()))
                .chain(cells)
                .chain([Value::Text(result.to_owned()), Value::Text(l.reason.unwrap_or_default())])
                .collect()
        })
        .collect();
    files::table(&app, &query.format, &format!("核销结果_{}", batch.number), heads, rows, Vec::new()).await
}

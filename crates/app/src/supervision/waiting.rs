//! 后续监管待办: submitted records of the certificates that this bureau supervises, the longest waiting first.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::keyset::{Column, Direction, Keyset};
use db::params;
use db::search::{Conditions, Field};
use domain::actor::Post;
use domain::ids::UsageRecordId;
use domain::time::Instant;
use domain::usage::UsageKind;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::BureauOfficer;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::supervision::must_hold_post;

/// The filters.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    certificate_no: String,
    #[serde(default)]
    applicant: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
    #[serde(default)]
    place: String,
}

struct WaitingRow {
    id: UsageRecordId,
    kind: UsageKind,
    certificate_no: String,
    applicant: String,
    clause: String,
    lines: i64,
    submitted: String,
    waits: String,
}

#[derive(Template)]
#[template(path = "supervision/waiting.html")]
struct WaitingPage {
    shell: Shell,
    form: FormView,
    kinds: Vec<Choice>,
    rows: Vec<WaitingRow>,
    pager: Pager,
    is_filtered: bool,
}

const TABLES: &str = "usage_record r JOIN certificate c ON c.id = r.certificate_id \
                      JOIN application a ON a.id = c.application_id";
/// The longest waiting first.
const ORDER: Keyset =
    Keyset(&[(Column::Number("r.submitted_at"), Direction::Ascending), (Column::Number("r.id"), Direction::Ascending)]);

/// The list: five statements whatever the data.
pub async fn list(
    State(app): State<App>,
    officer: BureauOfficer,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    #[derive(db::Row)]
    struct Columns {
        id: UsageRecordId,
        kind: UsageKind,
        submitted_at: Option<Instant>,
        certificate_no: Option<String>,
        applicant_name: String,
        clause_code: String,
        lines: i64,
    }
    must_hold_post(&officer)?;
    let mut conditions = Conditions::new()
        .and("r.bureau_code = ? AND r.state = 'submitted'", params![officer.user.bureau.clone()])
        .contain(&[(Field::CertificateNo, &filters.certificate_no), (Field::Applicant, &filters.applicant)]);
    if let Ok(kind) = filters.kind.parse::<UsageKind>() {
        conditions = conditions.and("r.kind = ?", params![kind]);
    }
    let read = app.db.read();
    let total =
        read.number(&format!("SELECT COUNT(*) FROM {TABLES}{}", conditions.sql()), conditions.values(vec![])).await?;
    let pairs = [
        ("certificate_no", filters.certificate_no.as_str()),
        ("applicant", filters.applicant.as_str()),
        ("kind", filters.kind.as_str()),
    ];
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), place: filters.place.clone() };
    let pager = Pager::new(&query, total, "/supervision", &pairs);
    let columns = "r.id, r.kind, r.submitted_at, a.certificate_no, a.applicant_name, a.clause_code, \
                   (SELECT COUNT(*) FROM usage_line l WHERE l.record_id = r.id) AS lines";
    let found = ORDER.page::<Columns>(read, (columns, TABLES), &conditions, &pager.asked()).await?;
    let pager = pager.around(&found);
    let references = app.references.now();
    let now = app.now();
    let rows = found
        .rows
        .into_iter()
        .map(|c| WaitingRow {
            id: c.id,
            kind: c.kind,
            certificate_no: c.certificate_no.unwrap_or_default(),
            applicant: c.applicant_name,
            clause: references.clause_name(&c.clause_code).to_owned(),
            lines: c.lines,
            submitted: c.submitted_at.map(Instant::china).unwrap_or_default(),
            waits: c.submitted_at.map(|at| waited(at, now)).unwrap_or_default(),
        })
        .collect();
    let data = FormData::from_pairs(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    page::render(&WaitingPage {
        shell: frame::signed(&app, &officer, "后续监管待办", Entry::Post(Post::Supervise), &[]).await?,
        form: FormView::new(data, FieldErrors::default(), &officer.caller.csrf),
        kinds: UsageKind::ALL.iter().map(|k| Choice::new(k.word(), k.record())).collect(),
        rows,
        pager,
        is_filtered: pairs.iter().any(|(_, v)| !v.is_empty()),
    })
}

/// `3 天`, `5 小时`.
fn waited(since: Instant, now: Instant) -> String {
    let hours = now.seconds_since(since).max(0) / 3600;
    match hours {
        ..1 => "不到 1 小时".to_owned(),
        1..24 => format!("{hours} 小时"),
        _ => format!("{} 天", hours / 24),
    }
}

//! 证明注销: the requests that wait for the issuing bureau.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::keyset::{Column, Direction, Keyset};
use db::params;
use db::search::Conditions;
use domain::ending::SurrenderState;
use domain::ids::SurrenderId;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::BureauOfficer;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::desks::Desk;

/// `?state=decided`, and the page.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    state: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
    #[serde(default)]
    place: String,
}

struct Row {
    id: SurrenderId,
    number: String,
    applicant: String,
    reason: String,
    requested: String,
    state: SurrenderState,
}

#[derive(Template)]
#[template(path = "ending/surrenders.html")]
struct ListPage {
    shell: Shell,
    decided: bool,
    rows: Vec<Row>,
    pager: Pager,
}

/// Whether the officer works here at all.
pub(super) fn holds_post(officer: &BureauOfficer) -> Result<(), AppError> {
    if Desk::Surrenders.is_of(&officer.user) {
        return Ok(());
    }
    let why = "您没有发证岗的权限。需要办理时，请联系本局系统管理员配置岗位。";
    Err(AppError::Forbidden(why.to_owned()))
}

const TABLES: &str = "certificate_surrender s JOIN certificate c ON c.id = s.certificate_id \
             JOIN application a ON a.id = c.application_id";
/// What waits: the oldest first.
const OLDEST_FIRST: Keyset = Keyset(&[(Column::Number("s.id"), Direction::Ascending)]);
/// What is over: the newest first.
const NEWEST_FIRST: Keyset = Keyset(&[
    (Column::Number("COALESCE(s.decided_at, 0)"), Direction::Descending),
    (Column::Number("s.id"), Direction::Descending),
]);

/// The list: what waits first, or what is over.
pub async fn list(
    State(app): State<App>,
    officer: BureauOfficer,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    holds_post(&officer)?;
    let decided = filters.state == "decided";
    let (states, order) =
        if decided { ("s.state <> 'requested'", NEWEST_FIRST) } else { ("s.state = 'requested'", OLDEST_FIRST) };
    let read = app.db.read();
    let sql = format!("SELECT COUNT(*) FROM certificate_surrender s WHERE s.bureau_code = $1 AND {states}");
    let total = read.number(&sql, params![officer.user.bureau.clone()]).await?;
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), place: filters.place.clone() };
    let pager = Pager::new(&query, total, "/surrenders", &[("state", if decided { "decided" } else { "" })]);

    #[derive(db::Row)]
    struct Columns {
        id: SurrenderId,
        number: String,
        applicant_name: String,
        reason: String,
        requested_at: Instant,
        state: SurrenderState,
    }
    let columns = "s.id, c.number, a.applicant_name, s.reason, s.requested_at, s.state";
    let of_bureau =
        Conditions::new().and("s.bureau_code = ?", params![officer.user.bureau.clone()]).and(states, params![]);
    let found = order.page::<Columns>(read, (columns, TABLES), &of_bureau, &pager.asked()).await?;
    let pager = pager.around(&found);
    page::render(&ListPage {
        shell: frame::signed(&app, &officer, "证明注销", Entry::Surrenders, &[]).await?,
        decided,
        rows: found
            .rows
            .into_iter()
            .map(|c| Row {
                id: c.id,
                number: c.number,
                applicant: c.applicant_name,
                reason: c.reason,
                requested: c.requested_at.china(),
                state: c.state,
            })
            .collect(),
        pager,
    })
}

//! 证明撤销: what waits for the second person, and what was decided lately.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::keyset::{Column, Direction, Keyset};
use db::params;
use db::search::Conditions;
use domain::ending::RevocationState;
use domain::ids::{AccountId, RevocationId};
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
    id: RevocationId,
    number: String,
    applicant: String,
    reason: String,
    proposed: String,
    proposer: String,
    is_mine: bool,
    state: RevocationState,
}

#[derive(Template)]
#[template(path = "ending/revocations.html")]
struct ListPage {
    shell: Shell,
    decided: bool,
    rows: Vec<Row>,
    pager: Pager,
}

/// Whether the officer works here at all.
pub(super) fn holds_post(officer: &BureauOfficer) -> Result<(), AppError> {
    if Desk::Revocations.is_of(&officer.user) {
        return Ok(());
    }
    let why = "您没有后续监管岗的权限。需要办理时，请联系本局系统管理员配置岗位。";
    Err(AppError::Forbidden(why.to_owned()))
}

const TABLES: &str = "certificate_revocation p JOIN certificate c ON c.id = p.certificate_id \
             JOIN application a ON a.id = c.application_id";
/// What waits: the oldest first.
const OLDEST_FIRST: Keyset = Keyset(&[(Column::Number("p.id"), Direction::Ascending)]);
/// What is over: the newest first.
const NEWEST_FIRST: Keyset = Keyset(&[
    (Column::Number("COALESCE(p.decided_at, 0)"), Direction::Descending),
    (Column::Number("p.id"), Direction::Descending),
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
        if decided { ("p.state <> 'proposed'", NEWEST_FIRST) } else { ("p.state = 'proposed'", OLDEST_FIRST) };
    let read = app.db.read();
    let sql = format!("SELECT COUNT(*) FROM certificate_revocation p WHERE p.bureau_code = $1 AND {states}");
    let total = read.number(&sql, params![officer.user.bureau.clone()]).await?;
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), place: filters.place.clone() };
    let pager = Pager::new(&query, total, "/revocations", &[("state", if decided { "decided" } else { "" })]);

    #[derive(db::Row)]
    struct Columns {
        id: RevocationId,
        number: String,
        applicant_name: String,
        reason: String,
        proposed_at: Instant,
        proposed_by: AccountId,
        proposer: String,
        state: RevocationState,
    }
    let columns = "p.id, c.number, a.applicant_name, p.reason, p.proposed_at, p.proposed_by, p.state, \
                   (SELECT u.display_name FROM account u WHERE u.id = p.proposed_by) AS proposer";
    let of_bureau =
        Conditions::new().and("p.bureau_code = ?", params![officer.user.bureau.clone()]).and(states, params![]);
    let found = order.page::<Columns>(read, (columns, TABLES), &of_bureau, &pager.asked()).await?;
    let pager = pager.around(&found);
    let me = officer.user.account;
    page::render(&ListPage {
        shell: frame::signed(&app, &officer, "证明撤销", Entry::Revocations, &[]).await?,
        decided,
        rows: found
            .rows
            .into_iter()
            .map(|c| Row {
                id: c.id,
                number: c.number,
                applicant: c.applicant_name,
                reason: c.reason,
                proposed: c.proposed_at.china(),
                proposer: c.proposer,
                is_mine: c.proposed_by == me,
                state: c.state,
            })
            .collect(),
        pager,
    })
}

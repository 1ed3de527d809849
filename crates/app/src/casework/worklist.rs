//! 待办: what waits at a post of the officer's bureau, oldest first.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::params;
use db::search::{Conditions, Field};
use domain::actor::Post;
use domain::ids::{AccountId, ApplicationId};
use domain::time::Instant;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::BureauOfficer;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::status::Status;

impl WorklistPage {
    fn is_termination(&self) -> bool {
        self.post == Post::Terminate
    }
}

/// The post, and filters.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    post: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    applicant: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

struct CaseRow {
    id: ApplicationId,
    number: String,
    applicant: String,
    clause: String,
    arrived: String,
    waiting: String,
    status: Status,
    holder: Option<String>,
    is_mine: bool,
}

#[derive(Template)]
#[template(path = "casework/worklist.html")]
struct WorklistPage {
    shell: Shell,
    post: Post,
    form: FormView,
    rows: Vec<CaseRow>,
    pager: Pager,
    is_filtered: bool,
}

/// The list of one post; the first post that the officer holds when none is named.
pub async fn list(
    State(app): State<App>,
    officer: BureauOfficer,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let held = |p: &Post| officer.user.posts.holds(*p);
    let workable = || Post::COURSE.into_iter().chain([Post::Terminate]);
    let asked = filters.post.parse::<Post>().ok().filter(|p| workable().any(|w| w == *p));
    let Some(post) = asked.or_else(|| workable().find(held)) else {
        return Err(AppError::Forbidden("您的账号没有审批岗位。需要办理时，请联系本局系统管理员配置岗位。".to_owned()));
    };
    if !held(&post) {
        return Err(AppError::Forbidden(format!(
            "您没有{}岗的权限。需要办理时，请联系本局系统管理员配置岗位。",
            post.label()
        )));
    }
    let bureau = officer.user.bureau.clone();
    let ours = if post == Post::Terminate {
        // 强制终止 sees everything that is under way, also what waits for the enterprise.
        Conditions::new().and(
            "(a.current_bureau = ? OR (a.state = 'returned' AND a.receiving_bureau = ?))",
            params![bureau.clone(), bureau],
        )
    } else {
        Conditions::new().and("a.current_bureau = ? AND a.current_post = ?", params![bureau, post])
    };
    let conditions = ours.contain(&[(Field::Number, &filters.number), (Field::Applicant, &filters.applicant)]);
    let read = app.db.read();
    let count = format!("SELECT COUNT(*) FROM application a{}", conditions.sql());
    let total = read.number(&count, conditions.values(vec![])).await?;
    let pairs = [("post", post.word()), ("number", filters.number.as_str()), ("applicant", filters.applicant.as_str())];
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone() };
    let pager = Pager::new(&query, total, "/casework", &pairs);

    #[derive(db::Row)]
    struct Columns {
        id: ApplicationId,
        number: Option<String>,
        applicant_name: String,
        clause_code: String,
        arrived_at: Option<Instant>,
        state: S,
        handler_id: Option<AccountId>,
        handler_name: Option<String>,
    }
    let sql = format!(
        "SELECT a.id, a.number, a.applicant_name, a.clause_code, a.arrived_at, a.state, a.handler_id, \
         (SELECT c.display_name FROM account c WHERE c.id = a.handler_id) AS handler_name \
         FROM application a{} ORDER BY a.arrived_at, a.id LIMIT {} OFFSET {}",
        conditions.sql(),
        pager.limit(),
        pager.offset()
    );
    let found: Vec<Columns> = read.rows(&sql, conditions.values(vec![])).await?;
    let references = app.references.now();
    let now = app.now();
    let me = officer.user.account;
    let rows = found
        .into_iter()
        .map(|c| CaseRow {
            id: c.id,
            number: c.number.unwrap_or_default(),
            applicant: c.applicant_name,
            clause: references.clause_name(&c.clause_code).to_owned(),
            arrived: c.arrived_at.map(Instant::china).unwrap_or_default(),
            waiting: c.arrived_at.map(|at| waiting(at, now)).unwrap_or_default(),
            status: Status::of(c.state),
            is_mine: c.handler_id == Some(me),
            holder: c.handler_name,
        })
        .collect();
    let title = format!("{}待办", post.label());
    let data = FormData::of_filters(&pairs);
    page::render(&WorklistPage {
        shell: frame::signed(&app, &officer, &title, Entry::Post(post), &[]).await?,
        post,
        form: FormView::new(data, FieldErrors::default(), &officer.caller.csrf),
        rows,
        pager,
        is_filtered: !filters.number.is_empty() || !filters.applicant.is_empty(),
    })
}

/// How long a case has waited: `3 天`, `5 小时`.
fn waiting(since: Instant, now: Instant) -> String {
    let hours = now.seconds_since(since).max(0) / 3600;
    match hours {
        ..1 => "不到 1 小时".to_owned(),
        1..24 => format!("{hours} 小时"),
        _ => format!("{} 天", hours / 24),
    }
}

//! 公告管理: the list of all notices, wherever they stand.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::bulletin::{self, Filters};
use domain::bulletin::BulletinState;
use domain::ids::BulletinId;
use domain::policy::PublishBulletins;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::Permitted;
use kit::shell::Shell;

use crate::frame::{self, Entry};

/// 栏目.
pub(super) const CATEGORIES: [&str; 4] = ["公告", "通知", "政策法规", "说明"];

/// The filters of the list.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    title: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

struct Row {
    id: BulletinId,
    title: String,
    category: String,
    pinned: bool,
    state: BulletinState,
    tone: &'static str,
    icon: &'static str,
    publishes: String,
    ends: String,
}

#[derive(Template)]
#[template(path = "publishing/list.html")]
struct ListPage {
    shell: Shell,
    form: FormView,
    states: Vec<Choice>,
    categories: Vec<Choice>,
    rows: Vec<Row>,
    pager: Pager,
    is_filtered: bool,
}

/// The list.
pub async fn list(
    State(app): State<App>,
    user: Permitted<PublishBulletins>,
    Query(query): Query<ListQuery>,
) -> Result<Response, AppError> {
    let now = app.now();
    let filters = Filters { title: &query.title, category: &query.category, state: query.state.parse().ok() };
    let read = app.db.read();
    let total = bulletin::count_managed(&read, &user.permit, &filters, now).await?;
    let pairs =
        [("title", query.title.as_str()), ("state", query.state.as_str()), ("category", query.category.as_str())];
    let asked = PageQuery { page: query.page.clone(), size: query.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&asked, total, "/publishing", &pairs);
    let found = bulletin::managed(&read, &user.permit, &filters, now, pager.limit(), pager.offset()).await?;
    let rows = found.into_iter().map(|b| {
        let state = b.state(now);
        let (tone, icon) = look(state);
        Row {
            id: b.id,
            publishes: b.publishes_at().map(Instant::china).unwrap_or_default(),
            ends: b.expires_at.map(Instant::china).unwrap_or_default(),
            title: b.title,
            category: b.category,
            pinned: b.pinned,
            state,
            tone,
            icon,
        }
    });
    let rows = rows.collect();
    let data = FormData::from_pairs(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    page::render(&ListPage {
        shell: frame::signed(&app, &user, "公告管理", Entry::Publishing, &[]).await?,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        states: BulletinState::ALL.iter().map(|s| Choice::new(s.word(), s.label())).collect(),
        categories: CATEGORIES.iter().map(|c| Choice::new(*c, *c)).collect(),
        rows,
        pager,
        is_filtered: pairs.iter().any(|(_, v)| !v.is_empty()),
    })
}

/// Colour and icon of a state.
pub(super) const fn look(state: BulletinState) -> (&'static str, &'static str) {
    match state {
        BulletinState::Draft => ("t-gray", "pencil"),
        BulletinState::Scheduled => ("t-blue", "clock"),
        BulletinState::Published => ("t-green", "check"),
        BulletinState::Expired => ("t-slate", "clock-off"),
        BulletinState::Withdrawn => ("t-slate", "arrow-back-up"),
    }
}

//! 企业用户: organisations found by name, code or user.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::organisation::{self, Filter, Need, Summary};
use db::reading::What;
use domain::ids::OrganisationId;
use domain::policy::{KeepOrganisations, Reach};
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::session::Permitted;
use kit::shell::Shell;

use super::keeper;
use crate::frame::{self, Entry};
use crate::parts::readings;

/// Rows of a page.
const SIZE: i64 = 20;

/// What narrows the list, and where it begins.
#[derive(Debug, Default, serde::Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    before: String,
}

impl ListQuery {
    fn address(&self, before: Option<OrganisationId>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (k, v) in [("q", &self.q), ("state", &self.state)] {
            if !v.is_empty() {
                query.append_pair(k, v);
            }
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        format!("/organisations?{}", query.finish())
    }
}

struct Row {
    id: OrganisationId,
    name: String,
    code: String,
    region: String,
    administrator: Option<String>,
    users: i64,
    waiting: i64,
    is_suspended: bool,
}

#[derive(Template)]
#[template(path = "organisations/list.html")]
struct ListPage {
    shell: Shell,
    form: FormView,
    everywhere: bool,
    states: Vec<Choice>,
    rows: Vec<Row>,
    is_filtered: bool,
    older: Option<String>,
    newest: Option<String>,
}

/// The list.
pub async fn list(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Query(query): Query<ListQuery>,
) -> Result<Response, AppError> {
    let state = match query.state.as_str() {
        "waiting" => Some(Need::Confirmation),
        "orphaned" => Some(Need::Administrator),
        "suspended" => Some(Need::Suspended),
        _ => None,
    };
    let before: Option<OrganisationId> = query.before.parse().ok();
    let keeper = keeper(&app, &user);
    let by = Filter { text: &query.q, state };
    let mut found = organisation::list(&app.db.read(), &keeper, by, before, SIZE).await?;
    readings::note(&app, &user, What::EnterpriseUsers, 0).await;
    let size = usize::try_from(SIZE).unwrap_or_default();
    let more = found.len() > size;
    found.truncate(size);
    let older = found.last().filter(|_| more).map(|o| query.address(Some(o.id)));
    let references = app.references.now();
    let row = |o: Summary| Row {
        id: o.id,
        code: text::hyphenated(&o.code),
        region: o.region_code.as_ref().map(|r| references.region_path(r)).unwrap_or_default(),
        administrator: o.administrator,
        users: o.users,
        waiting: o.waiting,
        is_suspended: o.suspended_at.is_some(),
        name: o.name,
    };
    let mut data = FormData::default();
    data.set("q", &query.q);
    data.set("state", &query.state);
    page::render(&ListPage {
        shell: frame::signed(&app, &user, "企业用户", Entry::Organisations, &[]).await?,
        everywhere: *user.permit.reach() == Reach::Everywhere,
        states: vec![
            Choice::new("waiting", "有用户待确认"),
            Choice::new("orphaned", "没有可登录的单位管理员"),
            Choice::new("suspended", "已暂停"),
        ],
        rows: found.into_iter().map(row).collect(),
        is_filtered: !query.q.trim().is_empty() || state.is_some(),
        older,
        newest: before.is_some().then(|| query.address(None)),
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
    })
}

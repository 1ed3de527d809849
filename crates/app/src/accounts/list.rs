//! 账号管理: the list with its filters, and whether the second factor is required.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::officer::{self, Filters, OfficerAccount, Whose};
use domain::actor::{Post, Posts};
use domain::ids::{AccountId, BureauCode};
use domain::policy::{ManageAccounts, Reach};
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::reference::ReferenceCache;
use kit::session::Permitted;
use kit::shell::Shell;

use crate::frame::{self, Entry};

/// How CNCA itself stands in the filter and in the form.
pub(super) const CNCA: &str = "cnca";

/// The filters of the list.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    bureau: String,
    #[serde(default)]
    post: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

struct Row {
    id: AccountId,
    username: String,
    name: String,
    unit: String,
    posts: String,
    disabled: bool,
    has_second_factor: bool,
    last_login: String,
    is_own: bool,
}

#[derive(Template)]
#[template(path = "accounts/list.html")]
struct ListPage {
    shell: Shell,
    form: FormView,
    everywhere: bool,
    units: Vec<Choice>,
    posts: Vec<Choice>,
    states: Vec<Choice>,
    rows: Vec<Row>,
    pager: Pager,
    is_filtered: bool,
    /// Whose log-ins the card below the list is about: the value of the form, and the name.
    ruled: (String, String),
    required: bool,
}

/// The list.
pub async fn list(
    State(app): State<App>,
    user: Permitted<ManageAccounts>,
    Query(query): Query<ListQuery>,
) -> Result<Response, AppError> {
    let references = app.references.now();
    let everywhere = *user.permit.reach() == Reach::Everywhere;
    let whose = match (user.permit.reach(), query.bureau.as_str()) {
        (Reach::Bureau(_), _) | (Reach::Everywhere, "") => Whose::All,
        (Reach::Everywhere, CNCA) => Whose::Cnca,
        (Reach::Everywhere, code) => Whose::Bureau(BureauCode::new(code)),
    };
    let post = query.post.parse::<Post>().ok();
    let disabled = match query.state.as_str() {
        "on" => Some(false),
        "off" => Some(true),
        _ => None,
    };
    let filters = Filters { whose: whose.clone(), post, disabled, name: &query.name };
    let read = app.db.read();
    let total = officer::count(&read, &user.permit, &filters).await?;
    let pairs = [
        ("bureau", query.bureau.as_str()),
        ("post", query.post.as_str()),
        ("state", query.state.as_str()),
        ("name", query.name.as_str()),
    ];
    let asked = PageQuery { page: query.page.clone(), size: query.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&asked, total, "/accounts", &pairs);
    let found = officer::list(&read, &user.permit, &filters, pager.limit(), pager.offset()).await?;
    let ruled = match (user.permit.reach(), &whose) {
        (Reach::Bureau(own), _) => Some(own.clone()),
        (Reach::Everywhere, Whose::Bureau(code)) if references.bureau(code).is_some() => Some(code.clone()),
        (Reach::Everywhere, _) => None,
    };
    let required = officer::second_factor_required(&read, ruled.as_ref()).await?;
    let own = user.permit.account();
    let data = FormData::from_pairs(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    page::render(&ListPage {
        shell: frame::signed(&app, &user, "账号管理", Entry::Accounts, &[]).await?,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        everywhere,
        units: if everywhere { units(&references) } else { Vec::new() },
        posts: Post::ALL.iter().copied().filter(|p| everywhere || p.is_of_bureau()).map(choice).collect(),
        states: vec![Choice::new("on", "可登录"), Choice::new("off", "已停用")],
        rows: found.into_iter().map(|a| row(a, own, &references)).collect(),
        pager,
        is_filtered: pairs.iter().any(|(k, v)| !v.is_empty() && (everywhere || *k != "bureau")),
        ruled: (
            ruled.as_ref().map_or(CNCA, BureauCode::as_str).to_owned(),
            unit_name(&references, ruled.as_ref()).to_owned(),
        ),
        required,
    })
}

fn choice(post: Post) -> Choice {
    Choice::new(post.word(), post.label())
}

/// CNCA and every bureau, as a list to choose from.
pub(super) fn units(references: &ReferenceCache) -> Vec<Choice> {
    let bureaus = references.bureaus.iter().map(|b| Choice::new(b.code.as_str(), b.short_name.as_str()));
    std::iter::once(Choice::new(CNCA, "认监委")).chain(bureaus).collect()
}

/// The bureau of an account, or CNCA.
pub(super) fn unit_name<'a>(references: &'a ReferenceCache, bureau: Option<&'a BureauCode>) -> &'a str {
    match bureau {
        Some(code) => references.bureau(code).map_or(code.as_str(), |b| &b.short_name),
        None => "认监委",
    }
}

/// 受理、初审.
pub(super) fn labels(posts: &Posts) -> String {
    posts.iter().map(Post::label).collect::<Vec<_>>().join("、")
}

fn row(a: OfficerAccount, own: AccountId, references: &ReferenceCache) -> Row {
    Row {
        id: a.id,
        unit: unit_name(references, a.bureau_code.as_ref()).to_owned(),
        posts: labels(&a.posts),
        has_second_factor: a.has_second_factor(),
        last_login: a.last_login_at.map(Instant::china).unwrap_or_default(),
        is_own: a.id == own,
        disabled: a.disabled,
        username: a.username,
        name: a.display_name,
    }
}

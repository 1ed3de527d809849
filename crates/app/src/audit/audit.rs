//! 审计查询: a page of the trail.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::audit_query::{self, Found};
use domain::policy::ReadAudit;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormView};
use kit::page;
use kit::session::Permitted;
use kit::shell::Shell;

use crate::audit::{
    ACTIONS, Filters, SIZE, action_label, bureau_choices, bureau_name, cursor, filter, kind_label, states, subject,
};
use crate::frame::{self, Entry};

struct DeedRow {
    id: i64,
    at: String,
    who: String,
    username: String,
    bureau: String,
    post: &'static str,
    action: String,
    kind: &'static str,
    subject: String,
    href: Option<String>,
    chain: String,
    states: String,
    opinion: String,
    detail: String,
    address: String,
}

#[derive(Template)]
#[template(path = "audit/audit.html")]
struct AuditPage {
    shell: Shell,
    form: FormView,
    bureaus: Vec<Choice>,
    actions: Vec<Choice>,
    rows: Vec<DeedRow>,
    /// The page after this one.
    older: Option<String>,
    /// Back to the first page, when this is another one.
    newest: Option<String>,
    csv: String,
    xlsx: String,
    checkpoint: Option<String>,
    is_filtered: bool,
}

/// The newest rows that meet the filters, or those after a place in the list.
pub async fn show(
    State(app): State<App>,
    user: Permitted<ReadAudit>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let (found, errors) = match filter(&app, &user.permit, &filters).await? {
        Ok(filter) => {
            let before = cursor(&filters.before);
            (audit_query::page(app.db.read(), &filter, before, SIZE + 1).await?, FieldErrors::default())
        }
        Err(errors) => (Vec::new(), errors),
    };
    let invalid = !errors.is_empty();
    let size = usize::try_from(SIZE).unwrap_or(usize::MAX);
    let older = (found.len() > size)
        .then(|| found.get(size - 1).map(|last| filters.address("/audit", &[("before", &last.cursor().to_string())])))
        .flatten();
    let of_bureau = user.actor().bureau().is_some();
    let rows = found.iter().take(size).map(|f| deed_row(&app, f, of_bureau)).collect();
    let checkpoint = audit_query::newest_checkpoint(app.db.read()).await?;
    let mut shell = frame::signed(&app, &user, "审计查询", Entry::Audit, &[]).await?;
    shell.error_title = invalid;
    let page = AuditPage {
        shell,
        form: FormView::new(filters.data(), errors, &user.caller.csrf),
        bureaus: bureau_choices(&app, &user),
        actions: ACTIONS.iter().map(|(word, label)| Choice::new(*word, *label)).collect(),
        rows,
        older,
        newest: (!filters.before.is_empty()).then(|| filters.address("/audit", &[])),
        csv: filters.address("/audit/export", &[("format", "csv")]),
        xlsx: filters.address("/audit/export", &[("format", "xlsx")]),
        checkpoint: checkpoint.map(|c| c.at.china()),
        is_filtered: !filters.is_empty(),
    };
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}

fn deed_row(app: &App, f: &Found, of_bureau: bool) -> DeedRow {
    let (subject, href) = subject(f, of_bureau);
    DeedRow {
        id: f.id,
        at: f.at.china(),
        who: f.actor_name.clone(),
        username: f.username.clone().unwrap_or_default(),
        bureau: bureau_name(&app.references.now(), f.bureau_code.as_ref()),
        post: f.post.map_or("", domain::actor::Post::label),
        action: action_label(&f.action).to_owned(),
        kind: kind_label(&f.subject_kind),
        subject,
        href,
        chain: format!("/audit/chain?kind={}&id={}", f.subject_kind, f.subject_id),
        states: states(f),
        opinion: f.opinion.clone(),
        detail: f.detail.clone(),
        address: f.address.clone(),
    }
}

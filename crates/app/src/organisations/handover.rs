//! 移交 of what belongs to a user who has left, where his organisation cannot do it itself (D31).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::{account, organisation};
use domain::ids::{AccountId, OrganisationId};
use domain::policy::KeepOrganisations;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData};
use kit::page;
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;

use super::keeper;
use super::organisation::done;
use crate::frame::{self, Entry};
use crate::parts::handover::{self, BeforeQuery, HandoverForm, Outcome};

#[derive(Template)]
#[template(path = "organisations/handover.html")]
struct HandoverPage {
    shell: Shell,
    back: String,
    handover: HandoverForm,
}

async fn build(
    app: &App,
    user: &Permitted<KeepOrganisations>,
    (id, from): (OrganisationId, AccountId),
    query: &BeforeQuery,
    data: FormData,
    errors: FieldErrors,
) -> Result<HandoverPage, AppError> {
    let read = app.db.read();
    let o = organisation::load(&read, &keeper(app, user), id).await?;
    let colleagues = account::colleagues(&read, id).await?;
    let back = format!("/organisations/{id}");
    let crumbs = [("企业用户", "/organisations"), (o.name.as_str(), back.as_str())];
    let mut shell = frame::signed(app, user, "移交申请和证明", Entry::Organisations, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let action = format!("/organisations/{id}/users/{from}/handover");
    let csrf = &user.caller.csrf;
    let handover = handover::form(app, csrf, (&colleagues, from), action, query, (data, errors)).await?;
    Ok(HandoverPage { shell, back, handover })
}

/// The page.
pub async fn show(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path(of): Path<(OrganisationId, AccountId)>,
    Query(query): Query<BeforeQuery>,
) -> Result<Response, AppError> {
    page::render(&build(&app, &user, of, &query, FormData::default(), FieldErrors::default()).await?)
}

/// 移交所选, 移交全部.
pub async fn create(
    State(app): State<App>,
    user: Permitted<KeepOrganisations>,
    Path((id, from)): Path<(OrganisationId, AccountId)>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    organisation::load(&tx, &keeper(&app, &user), id).await?;
    organisation::member(&tx, id, from).await?;
    match handover::perform(&app, tx, id, from, &form, &user.by(), app.now()).await? {
        Outcome::Done(sentence) => Ok(done(&app, id, &sentence)),
        Outcome::Again(errors) => {
            let page = build(&app, &user, (id, from), &BeforeQuery::default(), form, errors).await?;
            page::unprocessable(&page)
        }
    }
}

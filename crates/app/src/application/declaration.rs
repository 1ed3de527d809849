//! 申请人声明, shown before anything is stored (R-2.1-04).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use kit::app::App;
use kit::error::AppError;
use kit::form::FormView;
use kit::page;
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;

use crate::application::{Step, Steps, clause};
use crate::frame::{self, Entry};

/// `?clause=1`: the clause that 办前自查 found; chosen on the next page.
#[derive(Debug, serde::Deserialize)]
pub struct ClauseQuery {
    #[serde(default)]
    clause: String,
}

#[derive(Template)]
#[template(path = "application/declaration.html")]
struct DeclarationPage {
    shell: Shell,
    form: FormView,
    steps: Steps,
    clause: String,
}

/// The declaration.
pub async fn show(
    State(app): State<App>,
    user: EnterpriseUser,
    Query(query): Query<ClauseQuery>,
) -> Result<Response, AppError> {
    let crumbs = [("查看申请列表", "/applications")];
    let shell = frame::signed(&app, &user, "新申请", Entry::NewApplication, &crumbs).await?;
    let form = FormView::blank(&user.caller.csrf);
    page::render(&DeclarationPage { shell, form, steps: Steps::opening(Step::Declaration), clause: query.clause })
}

/// 我同意: on to clause and trade mode.
pub async fn accept(
    State(app): State<App>,
    user: EnterpriseUser,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    clause::opening(&app, &user, form.get("clause")).await
}

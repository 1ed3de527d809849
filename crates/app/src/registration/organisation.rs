//! The organisation code; may be left empty (manual §1.1).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use domain::text::OrganisationCode;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormView};
use kit::session::{Caller, Submitted};
use kit::shell::Shell;

use crate::frame;
use crate::registration::{particulars, require_consent};

#[derive(Template)]
#[template(path = "registration/organisation.html")]
struct OrganisationPage {
    shell: Shell,
    form: FormView,
}

/// Opened directly, without 我同意: back to the declaration (R-1.1-03).
pub async fn show() -> Response {
    kit::page::see_other("/registration/terms")
}

/// The page, with what was typed.
pub fn page(app: &App, caller: &Caller, form: FormView) -> Result<Response, AppError> {
    let invalid = !form.errors.is_empty();
    let mut shell = frame::public(app, caller, "填写组织机构代码");
    shell.error_title = invalid;
    let page = OrganisationPage { shell, form };
    if invalid { kit::page::unprocessable(&page) } else { kit::page::render(&page) }
}

/// 注册: with a code its former registration becomes the default, without one the form is blank.
pub async fn submit(State(app): State<App>, caller: Caller, Submitted(form): Submitted) -> Result<Response, AppError> {
    require_consent(&app, &caller, &form)?;
    let typed = form.get("org_code").trim().to_owned();
    if typed.is_empty() {
        return particulars::blank(&app, &caller, None).await;
    }
    match OrganisationCode::parse(&typed) {
        Ok(code) => particulars::blank(&app, &caller, Some(&code)).await,
        Err(why) => {
            let mut errors = FieldErrors::default();
            errors.add("org_code", format!("组织机构代码{why}"));
            page(&app, &caller, FormView::new(form, errors, &caller.csrf))
        }
    }
}

//! 注册用户声明.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use kit::app::App;
use kit::error::AppError;
use kit::form::FormView;
use kit::page;
use kit::session::{Caller, Submitted};
use kit::shell::Shell;

use crate::frame;
use crate::registration::{consent, organisation};

#[derive(Template)]
#[template(path = "registration/terms.html")]
struct TermsPage {
    shell: Shell,
    form: FormView,
}

/// The declaration.
pub async fn show(State(app): State<App>, caller: Caller) -> Result<Response, AppError> {
    let form = FormView::blank(&caller.csrf);
    page::render(&TermsPage { shell: frame::public(&app, &caller, "注册用户声明"), form })
}

/// 我同意: on to the organisation code.
pub async fn accept(State(app): State<App>, caller: Caller, _form: Submitted) -> Result<Response, AppError> {
    let mut form = FormView::blank(&caller.csrf);
    form.data.set("consent", &consent(&app, &caller));
    organisation::page(&app, &caller, form)
}

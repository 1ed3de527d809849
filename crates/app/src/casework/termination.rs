//! 强制终止流程 (R-B-11): reason, and the number typed once more, because it cannot be undone.

use axum::extract::{Path, State};
use axum::response::Response;
use db::application::Remarks;
use db::audit::Subject;
use domain::actor::Post;
use domain::application::Application;
use domain::ids::ApplicationId;
use domain::policy;
use domain::workflow::Action;
use kit::app::App;
use kit::error::AppError;
use kit::flash;
use kit::form::{Checker, FormData};
use kit::session::{BureauOfficer, Submitted};

use crate::casework::case;
use crate::jobs;
use crate::parts::overtaken;

/// Ends a running process.
pub async fn create(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let now = app.now();
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &officer.scope(), id, now).await?;
    let step = match policy::may(officer.actor(), &application.ownership, Action::Terminate) {
        Ok(step) => step,
        // Somebody ended it, or sent it elsewhere, since the page was opened.
        Err(_) if is_late(&tx, &app, &officer, &application, &form).await? => {
            drop(tx);
            return case::overtaken(&app, &officer, &application, form).await;
        }
        Err(refusal) => return Err(AppError::Forbidden(refusal.to_string())),
    };
    let mut check = Checker::new(&form);
    let reason = check.text("termination_reason", "终止原因").required().length(5..=500).take();
    let number = application.number.clone().unwrap_or_default();
    if form.get("confirm_number").trim() != number {
        check.error("confirm_number", format!("请输入本申请单号 {number} 以确认"));
    }
    if let Err(errors) = check.finish() {
        drop(tx);
        return case::again(&app, &officer, &application, form, errors).await;
    }
    let remarks = Remarks { opinion: &reason, ..Remarks::default() };
    db::application::advance(&tx, &application, step, &remarks, &officer.by(), (now, &app.references.now().calendar))
        .await?;
    jobs::status_changed(&tx, &app, &application, &number, step, &remarks).await?;
    tx.commit().await?;
    let done = format!("{number}：审批流程已强制终止。");
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/casework/{id}"), &done))
}

/// Whether he could have ended it when he opened the page.
async fn is_late(
    tx: &db::Tx,
    app: &App,
    officer: &BureauOfficer,
    application: &Application,
    form: &FormData,
) -> Result<bool, AppError> {
    if !officer.user.posts.holds(Post::Terminate) {
        return Ok(false);
    }
    if application.state().is_final() {
        return Ok(true);
    }
    let subject = Subject::Application(application.id);
    let said = overtaken::meanwhile(tx, app, officer.user.account, subject, form).await?;
    Ok(form.has("trail") && !said.is_empty())
}

//! The reason, the paper notice, the termination (manual §2.2, cases 6, 7 and 15).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::ids::ApplicationId;
use domain::policy::{self, StatusLink};
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::Signed;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::status::Status;
use crate::parts::timeline::{self, Event};

#[derive(Template)]
#[template(path = "application/outcome.html")]
struct OutcomePage {
    shell: Shell,
    id: ApplicationId,
    heading: &'static str,
    number: String,
    status: Status,
    event: Option<Event>,
    bureau: String,
    is_termination: bool,
}

/// The page behind the link in the 状态栏.
pub async fn show(State(app): State<App>, user: Signed, Path(id): Path<ApplicationId>) -> Result<Response, AppError> {
    let read = app.db.read();
    let application = db::application::load(&read, &user.scope(), id, app.now()).await?;
    let links = policy::row_links(user.actor(), &application.ownership, None, app.now());
    if links.status != Some(StatusLink::Outcome) {
        return Ok(page::see_other(&format!("/applications/{id}")));
    }
    let state = application.state();
    let heading = match state {
        S::ComparingPaper => "纸质材料对比通知",
        S::Terminated => "强制终止流程",
        _ => "审批未通过原因",
    };
    let timeline = timeline::load(&read, &app, id, false).await?;
    let icon = match state {
        S::ComparingPaper => "mail-forward",
        S::Terminated => "hand-stop",
        _ => "circle-x",
    };
    let event = timeline.newest(|e| e.icon == icon).cloned();
    let deed = db::audit::trail(&read, db::audit::Subject::Application(id)).await?;
    let bureau = deed.iter().rev().find(|d| d.to_state == Some(state)).and_then(|d| d.bureau_code.clone());
    let references = app.references.now();
    let crumbs = [("查看申请列表", "/applications")];
    page::render(&OutcomePage {
        shell: frame::signed(&app, &user, heading, Entry::Applications, &crumbs).await?,
        id,
        heading,
        number: application.number.clone().unwrap_or_default(),
        status: Status::of(state),
        event,
        bureau: bureau.map(|b| references.bureau_name(&b).to_owned()).unwrap_or_default(),
        is_termination: state == S::Terminated,
    })
}

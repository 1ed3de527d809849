//! 暂存: a decision that was begun, kept on the server for this officer and this case until he submits or drops it.

use axum::extract::{Path, State};
use axum::response::Response;
use db::opinion::{self, Draft};
use db::{DbError, Tx};
use domain::actor::Post;
use domain::application::Application;
use domain::ids::ApplicationId;
use domain::policy;
use kit::app::App;
use kit::error::AppError;
use kit::flash;
use kit::form::{FormData, parse_urlencoded};
use kit::session::{BureauOfficer, Submitted};

use crate::casework::case;

/// What is not typed, and what the page computes anew.
const UNTYPED: [&str; 8] = ["csrf", "version", "seen_version", "trail", "post", "list", "phrase", "valid_from"];

/// The form as it was kept.
pub fn form_of(draft: &Draft) -> FormData {
    parse_urlencoded(draft.body.as_bytes())
}

/// What was kept, with the fields of another form beside it.
pub fn over(mut kept: FormData, form: &FormData) -> FormData {
    for (name, value) in form.pairs() {
        kept.set(name, value);
    }
    kept
}

/// What somebody typed and ticked.
pub fn typed_pairs(form: &FormData) -> Vec<(String, String)> {
    form.pairs().iter().filter(|(k, v)| !UNTYPED.contains(&k.as_str()) && !v.is_empty()).cloned().collect()
}

fn body_of(form: &FormData) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(typed_pairs(form)).finish()
}

/// A case on which this officer may keep something: his own, or one that nobody has taken.
pub enum Opened {
    /// He may, at this post.
    His(Tx, Box<Application>, Post),
    /// He may not; the answer says why and keeps what he typed.
    Not(Response),
}

/// Opens the case for the small deeds beside a decision.
pub async fn open(app: &App, officer: &BureauOfficer, id: ApplicationId, form: &FormData) -> Result<Opened, AppError> {
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &officer.scope(), id, app.now()).await?;
    let of = &application.ownership;
    let is_colleagues = of.handler.is_some_and(|h| h != officer.user.account);
    if case::came_too_late(officer, &application, form) && (is_colleagues || !policy::may_handle(officer.actor(), of)) {
        drop(tx);
        return Ok(Opened::Not(case::overtaken(app, officer, &application, form.clone()).await?));
    }
    let Some(post) = of.state.post().filter(|_| policy::may_handle(officer.actor(), of)) else {
        return Err(case::not_yours(officer, &application));
    };
    if let Some(holder) = of.handler.filter(|h| *h != officer.user.account) {
        let name = db::account::actor(&tx, holder).await?.name().to_owned();
        drop(tx);
        let why = format!("该单据由 {name} 办理。确需由您办理时，请先填写理由接手。");
        return Ok(Opened::Not(case::conflict(app, officer, &application, form.clone(), why).await?));
    }
    Ok(Opened::His(tx, Box::new(application), post))
}

/// Keeps what the form holds now.
pub async fn keep(
    tx: &Tx,
    app: &App,
    officer: &BureauOfficer,
    (id, post): (ApplicationId, Post),
    form: &FormData,
) -> Result<(), AppError> {
    match opinion::keep_draft(tx, id, officer.user.account, post, &body_of(form), app.now()).await {
        Err(DbError::Refused(why)) => Err(AppError::TooLarge(format!("{why}。"))),
        other => Ok(other?),
    }
}

/// Back to the case, at the decision.
pub fn back(app: &App, officer: &BureauOfficer, id: ApplicationId, form: &FormData, done: &str) -> Response {
    let address = format!("{}#decision", case::opened_from(id, form, officer));
    flash::to(&app.key, app.config.is_https(), &address, done)
}

/// 暂存.
pub async fn create(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let (tx, post) = match open(&app, &officer, id, &form).await? {
        Opened::His(tx, _, post) => (tx, post),
        Opened::Not(answer) => return Ok(answer),
    };
    keep(&tx, &app, &officer, (id, post), &form).await?;
    tx.commit().await?;
    Ok(back(&app, &officer, id, &form, "已暂存，尚未提交意见。再次打开本单据时继续填写。"))
}

/// 放弃暂存.
pub async fn delete(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    db::application::load_for_update(&tx, &officer.scope(), id, app.now()).await?;
    opinion::drop_draft(&tx, id, officer.user.account).await?;
    tx.commit().await?;
    Ok(back(&app, &officer, id, &form, "已放弃暂存的内容。"))
}

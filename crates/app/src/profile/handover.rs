//! 移交申请和证明 of a colleague who leaves, by 单位管理员 (D31).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::{account, organisation};
use domain::actor::Membership;
use domain::ids::AccountId;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData};
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::colleagues::require_administrator;
use crate::frame::{self, Entry};
use crate::parts::handover::{self, BeforeQuery, HandoverForm, Outcome};

#[derive(Template)]
#[template(path = "profile/handover.html")]
struct HandoverPage {
    shell: Shell,
    handover: HandoverForm,
}

async fn build(
    app: &App,
    user: &EnterpriseUser,
    from: AccountId,
    query: &BeforeQuery,
    data: FormData,
    errors: FieldErrors,
) -> Result<HandoverPage, AppError> {
    let colleagues = account::colleagues(&app.db.read(), user.user.organisation).await?;
    let crumbs = [("修改用户信息", "/profile/particulars"), ("单位用户", "/profile/colleagues")];
    let mut shell = frame::signed(app, user, "移交申请和证明", Entry::Profile, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let action = format!("/profile/colleagues/{from}/applications");
    let csrf = &user.caller.csrf;
    let handover = handover::form(app, csrf, (&colleagues, from), action, query, (data, errors)).await?;
    Ok(HandoverPage { shell, handover })
}

/// A stranger who only typed the code of this organisation is not the administrator's to dispose of: the bureau is.
async fn require_member(app: &App, user: &EnterpriseUser, from: AccountId) -> Result<(), AppError> {
    match organisation::member(&app.db.read(), user.user.organisation, from).await?.membership {
        Membership::Administrator | Membership::Confirmed => Ok(()),
        Membership::Pending => Err(AppError::Conflict(
            "该用户还没有确认属于本单位，不能移交其申请。请先确认该用户，或联系单位所在地检验检疫局。".to_owned(),
        )),
    }
}

/// The applications of a colleague, to be handed to another one.
pub async fn show(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(from): Path<AccountId>,
    Query(query): Query<BeforeQuery>,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    require_member(&app, &user, from).await?;
    page::render(&build(&app, &user, from, &query, FormData::default(), FieldErrors::default()).await?)
}

/// 移交所选, 移交全部.
pub async fn create(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(from): Path<AccountId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    require_administrator(&user)?;
    require_member(&app, &user, from).await?;
    let tx = app.db.begin().await?;
    match handover::perform(&app, tx, user.user.organisation, from, &form, &user.by(), app.now()).await? {
        Outcome::Done(sentence) => Ok(flash::to(&app.key, app.config.is_https(), "/profile/colleagues", &sentence)),
        Outcome::Again(errors) => {
            page::unprocessable(&build(&app, &user, from, &BeforeQuery::default(), form, errors).await?)
        }
    }
}

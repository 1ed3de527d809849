//! 免办条款和贸易方式: both mandatory; saving them is the first save of the draft (R-2.1.1-02, -03, D8).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use db::application::{NewDraft, create_draft};
use domain::ids::{ClauseCode, RegionCode, TradeModeCode};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;
use kit::{page, random};

use crate::application::{Step, Steps};
use crate::frame::{self, Entry};

#[derive(Template)]
#[template(path = "application/clause.html")]
struct ClausePage {
    shell: Shell,
    form: FormView,
    steps: Steps,
    clauses: Vec<Choice>,
    common_modes: Vec<Choice>,
    other_modes: Vec<Choice>,
}

/// Opened directly, without 我同意: back to the declaration.
pub async fn show(_user: EnterpriseUser) -> Response {
    page::see_other("/applications/declaration")
}

/// The page with nothing chosen, or with the clause that 办前自查 found.
pub async fn opening(app: &App, user: &EnterpriseUser, clause: &str) -> Result<Response, AppError> {
    let mut data = FormData::default();
    if app.references.now().clause_is_valid(clause, app.clock.today()) {
        data.set("clause_code", clause);
    }
    // One draft per opened page, however often the button is clicked.
    data.set("creation_key", &random::token());
    render(app, user, data, FieldErrors::default()).await
}

async fn render(app: &App, user: &EnterpriseUser, data: FormData, errors: FieldErrors) -> Result<Response, AppError> {
    let crumbs = [("查看申请列表", "/applications")];
    let mut shell = frame::signed(app, user, "新申请", Entry::NewApplication, &crumbs).await?;
    let references = app.references.now();
    let today = app.clock.today();
    let (common_modes, other_modes) = references.trade_mode_choices(today);
    let invalid = !errors.is_empty();
    shell.error_title = invalid;
    let page = ClausePage {
        shell,
        form: FormView::new(data, errors, &user.caller.csrf),
        steps: Steps::opening(Step::Clause),
        clauses: references.clause_choices(today),
        common_modes,
        other_modes,
    };
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}

/// 保存并进入下一步: creates the draft.
pub async fn create(
    State(app): State<App>,
    user: EnterpriseUser,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let references = app.references.now();
    let today = app.clock.today();
    let mut check = Checker::new(&form);
    let clause = check.choice("clause_code", "免办条款", |c| references.clause_is_valid(c, today));
    let mode = check.choice("trade_mode", "贸易方式", |c| references.trade_mode_is_valid(c, today));
    if let Err(errors) = check.finish() {
        return render(&app, &user, form, errors).await;
    }
    let profile = &user.session.profile;
    let region = (!profile.region.is_empty()).then(|| RegionCode::new(profile.region.clone()));
    let key = form.get("creation_key");
    if key.len() < 32 {
        return Err(AppError::Invalid("页面不完整，请从“新申请”重新开始。".to_owned()));
    }
    let new = NewDraft {
        owner: user.user.account,
        organisation: user.user.organisation,
        applicant: &profile.applicant,
        region: region.as_ref(),
        clause: &ClauseCode::new(clause),
        trade_mode: &TradeModeCode::new(mode),
        creation_key: key,
    };

    let tx = app.db.begin().await?;
    let id = create_draft(&tx, &new, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(page::see_other(&format!("/applications/{id}/basics")))
}

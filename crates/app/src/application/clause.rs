//! 免办条款和贸易方式: both mandatory; saving them is the first save of the draft (R-2.1.1-02, -03, D8).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use db::application::{NewDraft, create_draft};
use domain::ids::{ClauseCode, RegionCode, TradeModeCode};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{Filer, Submitted};
use kit::shell::Shell;
use kit::{page, random};

use crate::application::proxy_entries::{GONE, Party, party};
use crate::application::{Home, Step, Steps};
use crate::frame;

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
pub async fn show(user: Filer) -> Response {
    page::see_other(Home::of(&user).new_href)
}

/// The page with nothing chosen, or with the clause that 办前自查 found.
pub async fn opening(app: &App, user: &Filer, clause: &str, owner: &str) -> Result<Response, AppError> {
    let Some(party) = party(&app.db.read(), user, owner).await? else {
        return Ok(page::see_other(Home::of(user).new_href));
    };
    let mut data = FormData::default();
    data.set("owner", owner);
    if app.references.now().clause_is_valid(clause, app.clock.today()) {
        data.set("clause_code", clause);
    }
    // One draft per opened page, however often the button is clicked.
    data.set("creation_key", &random::token());
    render(app, user, &party, data, FieldErrors::default()).await
}

async fn render(
    app: &App,
    user: &Filer,
    party: &Party,
    data: FormData,
    errors: FieldErrors,
) -> Result<Response, AppError> {
    let home = Home::of(user);
    let mut shell = frame::signed(app, user, home.new_label, home.new_entry, &[home.crumb()]).await?;
    let references = app.references.now();
    let today = app.clock.today();
    let (common_modes, other_modes) = references.trade_mode_choices(today);
    let invalid = !errors.is_empty();
    shell.error_title = invalid;
    let page = ClausePage {
        shell,
        form: FormView::new(data, errors, &user.caller.csrf),
        steps: Steps::opening(Step::Clause, party.entered_for.as_ref()),
        clauses: references.clause_choices(today),
        common_modes,
        other_modes,
    };
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}

/// 保存并进入下一步: creates the draft.
pub async fn create(State(app): State<App>, user: Filer, Submitted(form): Submitted) -> Result<Response, AppError> {
    let Some(party) = party(&app.db.read(), &user, form.get("owner")).await? else {
        return Err(AppError::Conflict(GONE.to_owned()));
    };
    let references = app.references.now();
    let today = app.clock.today();
    let mut check = Checker::new(&form);
    let clause = check.choice("clause_code", "免办条款", |c| references.clause_is_valid(c, today));
    let mode = check.choice("trade_mode", "贸易方式", |c| references.trade_mode_is_valid(c, today));
    if let Err(errors) = check.finish() {
        return render(&app, &user, &party, form, errors).await;
    }
    let permit = user.for_others();
    let profile = &party.profile;
    let region = (!profile.region.is_empty()).then(|| RegionCode::new(profile.region.clone()));
    let Some(key) = form.creation_key() else {
        return Err(AppError::Invalid(format!("页面不完整，请从“{}”重新开始。", Home::of(&user).new_label)));
    };
    let new = NewDraft {
        owner: party.owner,
        organisation: party.organisation,
        entered_by: permit.as_ref(),
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

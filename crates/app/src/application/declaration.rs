//! 申请人声明, shown before anything is stored (R-2.1-04); 补录岗 confirms that the enterprise has given it (R-B-10).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::proxy_entry::EnterpriseUser;
use db::reading::What;
use kit::app::App;
use kit::error::AppError;
use kit::form::FormView;
use kit::page;
use kit::session::{Filer, Submitted};
use kit::shell::Shell;

use crate::application::proxy_entries::party;
use crate::application::{Home, Step, Steps, clause};
use crate::frame;
use crate::parts::readings;

/// `?clause=1`: the clause that 办前自查 found; chosen on the next page. `?owner=`: for whom 补录岗 enters it.
#[derive(Debug, serde::Deserialize)]
pub struct ClauseQuery {
    #[serde(default)]
    clause: String,
    #[serde(default)]
    owner: String,
}

#[derive(Template)]
#[template(path = "application/declaration.html")]
struct DeclarationPage {
    shell: Shell,
    form: FormView,
    steps: Steps,
    clause: String,
    /// 补录: for whom.
    entered_for: Option<EnterpriseUser>,
}

/// The declaration.
pub async fn show(State(app): State<App>, user: Filer, Query(query): Query<ClauseQuery>) -> Result<Response, AppError> {
    let Some(party) = party(&app.db.read(), &user, &query.owner).await? else {
        return Ok(page::see_other(Home::of(&user).new_href));
    };
    let entered_for = party.entered_for;
    if let Some(owner) = &entered_for {
        readings::note(&app, &user, What::EnterpriseUsers, owner.id.get()).await;
    }
    let home = Home::of(&user);
    page::render(&DeclarationPage {
        shell: frame::signed(&app, &user, home.new_label, home.new_entry, &[home.crumb()]).await?,
        form: FormView::blank(&user.caller.csrf),
        steps: Steps::opening(Step::Declaration, entered_for.as_ref()),
        clause: query.clause,
        entered_for,
    })
}

/// 我同意: on to clause and trade mode.
pub async fn accept(State(app): State<App>, user: Filer, Submitted(form): Submitted) -> Result<Response, AppError> {
    clause::opening(&app, &user, form.get("clause"), form.get("owner")).await
}

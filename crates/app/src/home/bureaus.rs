//! 各局联系方式: where each bureau is and who answers, without login.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::page;
use kit::session::Caller;
use kit::shell::Shell;

use crate::frame;
use crate::parts::bureau_contact;

/// What is looked for.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct BureausQuery {
    #[serde(default)]
    q: String,
}

struct BureauRow {
    name: String,
    /// The direct bureau above; empty for a direct bureau.
    above: String,
    lines: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "home/bureaus.html")]
struct BureausPage {
    shell: Shell,
    form: FormView,
    rows: Vec<BureauRow>,
}

/// All bureaus, or those whose name or address contains what was typed; no statement.
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<BureausQuery>,
) -> Result<Response, AppError> {
    let references = app.references.now();
    let wanted = text::fold(&query.q);
    let fits = |t: &str| text::fold(t).contains(&wanted);
    let rows = references
        .bureaus
        .iter()
        .filter(|b| fits(&b.name) || fits(&b.short_name) || fits(&b.address))
        .map(|b| BureauRow {
            name: b.name.clone(),
            above: references.bureau(&b.parent).map(|d| d.short_name.clone()).unwrap_or_default(),
            lines: bureau_contact::lines(b),
        })
        .collect();
    let data = FormData::of_filters(&[("q", query.q.as_str())]);
    page::render(&BureausPage {
        shell: frame::public(&app, &caller, "各局联系方式"),
        form: FormView::new(data, FieldErrors::default(), &caller.csrf),
        rows,
    })
}

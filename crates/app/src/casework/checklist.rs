//! 审核要点 beside the decision: points by clause and HS class, each 符合, 不符合 or 不适用 (R-B-01 to -05).

use askama::Template;
use askama::filters::HtmlSafe;
use domain::application::Application;
use domain::ids::HsCode;
use domain::review::{Checked, Finding, Point};
use kit::app::App;
use kit::form::FormData;

struct Row {
    name: String,
    text: String,
    hint: String,
    finding: Option<Finding>,
}

impl Row {
    fn is(&self, finding: Finding) -> bool {
        self.finding == Some(finding)
    }
}

/// The card with the points. Its answers belong to the form of the decision.
#[derive(Template)]
#[template(path = "casework/checklist.html")]
pub struct Checklist {
    rows: Vec<Row>,
    answered: usize,
}

impl HtmlSafe for Checklist {}

impl Checklist {
    /// The points, with what was answered in the form.
    pub fn of(points: &[Point], form: &FormData) -> Self {
        let rows: Vec<_> = points
            .iter()
            .map(|p| Row { name: name(p), text: p.text.clone(), hint: p.hint.clone(), finding: found(p, form) })
            .collect();
        Self { answered: rows.iter().filter(|r| r.finding.is_some()).count(), rows }
    }

    /// Whether there is nothing to look at.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

fn name(point: &Point) -> String {
    format!("point.{}", point.code)
}

fn found(point: &Point, form: &FormData) -> Option<Finding> {
    form.get(&name(point)).parse().ok()
}

/// What the post that has the case looks at.
pub fn points(app: &App, application: &Application, hs_codes: &[HsCode]) -> Vec<Point> {
    let Some(post) = application.state().post() else { return Vec::new() };
    app.references.now().review_points(post, &application.basics.clause, hs_codes, app.clock.today())
}

/// The points with what was answered in the form.
pub fn checked(points: &[Point], form: &FormData) -> Vec<Checked> {
    let checked = |p: &Point| Checked { code: p.code.clone(), text: p.text.clone(), finding: found(p, form) };
    points.iter().map(checked).collect()
}

//! 业务下放: the rules of every direct bureau, or of one with filters.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::delegation::{self, Rule};
use domain::policy::{Delegate, KeepJurisdiction, permit};
use domain::routing::Step;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::Permitted;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::routing::{asked, bureaus, conditions_text, days, standing, steps_text};

/// The direct bureau, and filters of its rules.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    bureau: String,
    #[serde(default)]
    standing: String,
    #[serde(default)]
    target: String,
    #[serde(default)]
    step: String,
    #[serde(default)]
    region: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

impl Filters {
    fn pairs(&self) -> [(&'static str, &str); 5] {
        [
            ("bureau", &self.bureau),
            ("standing", &self.standing),
            ("target", &self.target),
            ("step", &self.step),
            ("region", &self.region),
        ]
    }
}

struct RuleRow {
    id: String,
    conditions: String,
    steps: String,
    target: String,
    priority: i64,
    days: String,
    standing: &'static str,
    tone: &'static str,
    is_used: bool,
}

struct BureauRow {
    code: String,
    name: String,
    now: i64,
    later: i64,
    branches: usize,
}

#[derive(Template)]
#[template(path = "routing/delegations.html")]
struct DelegationsPage {
    shell: Shell,
    form: FormView,
    /// Of the direct bureau that is shown.
    bureau: Option<(String, String)>,
    bureau_choices: Vec<Choice>,
    standings: Vec<Choice>,
    targets: Vec<Choice>,
    steps: Vec<Choice>,
    overview: Vec<BureauRow>,
    rows: Vec<RuleRow>,
    pager: Pager,
    is_filtered: bool,
    /// CNCA looks after the jurisdiction too.
    keeps_jurisdiction: bool,
}

/// The rules of one direct bureau; without one, how many rules each has.
pub async fn list(
    State(app): State<App>,
    user: Permitted<Delegate>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let bureau_choices = bureaus(&app, &user)?;
    let direct = asked(&app, &user, &filters.bureau)?;
    let references = app.references.now();
    let today = app.clock.today();
    let read = app.db.read();
    let mut overview = Vec::new();
    let mut found: Vec<Rule> = Vec::new();
    let mut targets = Vec::new();
    if let Some(direct) = &direct {
        found = delegation::of_bureau(&read, direct).await?;
        targets = super::targets(&references, direct);
    } else {
        let counts = delegation::counts(&read, today).await?;
        for b in references.direct_bureaus() {
            let (now, later) =
                counts.iter().find(|(code, _, _)| *code == b.code).map_or((0, 0), |(_, now, later)| (*now, *later));
            let branches = references.branches_of(&b.code).count();
            overview.push(BureauRow { code: b.code.to_string(), name: b.name.clone(), now, later, branches });
        }
    }
    let region = text::half_width(filters.region.trim());
    found.retain(|r| {
        let (word, _, _) = standing(r, today);
        // What is over is shown when somebody asks for it.
        let stands = match filters.standing.as_str() {
            "" => word != "ended",
            "all" => true,
            asked => word == asked,
        };
        let meets = |p: &String| p.starts_with(&region) || region.starts_with(p.as_str());
        stands
            && (filters.target.is_empty() || r.rule.target.as_str() == filters.target)
            && (filters.step.is_empty() || r.rule.steps.iter().any(|s| s.word() == filters.step))
            && (region.is_empty() || r.rule.region_prefix.as_ref().is_none_or(meets))
    });
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), ..PageQuery::default() };
    let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let pager = Pager::new(&query, total, "/delegations", &filters.pairs());
    let rows = found
        .iter()
        .skip(usize::try_from(pager.offset()).unwrap_or_default())
        .take(usize::try_from(pager.limit()).unwrap_or_default())
        .map(|r| {
            let (_, label, tone) = standing(r, today);
            RuleRow {
                id: r.rule.id.to_string(),
                conditions: conditions_text(&references, &r.rule),
                steps: steps_text(&r.rule.steps),
                target: references.bureau_name(&r.rule.target).to_owned(),
                priority: r.rule.priority,
                days: if r.valid_to < r.valid_from { "—".to_owned() } else { days(r.valid_from, r.valid_to) },
                standing: label,
                tone,
                is_used: r.is_used,
            }
        })
        .collect();
    let data = FormData::from_pairs(filters.pairs().iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    page::render(&DelegationsPage {
        shell: frame::signed(&app, &user, "业务下放", Entry::Delegations, &[]).await?,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        bureau: direct.map(|d| (d.to_string(), references.bureau_name(&d).to_owned())),
        bureau_choices,
        standings: [("now", "生效中"), ("later", "未生效"), ("ended", "已终止"), ("all", "全部")]
            .map(|(value, label)| Choice::new(value, label))
            .to_vec(),
        targets,
        steps: Step::ALL.iter().map(|s| Choice::new(s.word(), s.label())).collect(),
        overview,
        rows,
        pager,
        is_filtered: filters.pairs().iter().skip(1).any(|(_, v)| !v.is_empty()),
        keeps_jurisdiction: permit::<KeepJurisdiction>(user.actor()).is_ok(),
    })
}

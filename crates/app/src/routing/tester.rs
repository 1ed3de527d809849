//! 由哪个局办理？ The answer comes from what 提交申请 itself asks (`parts::routing`).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::params;
use domain::actor::{Post, Posts};
use domain::ids::{BureauCode, ClauseCode, HsCode, RegionCode, TradeModeCode};
use domain::policy::Delegate;
use domain::routing::{Consignment, Step, Stop};
use domain::text;
use domain::time::Day;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts;
use crate::routing::{bureaus, conditions_text, region_levels, region_names};

/// So many HS codes are tried at once, as many as one page of products.
const MOST_CODES: usize = 50;

struct StopRow {
    step: &'static str,
    bureau: String,
    /// The rule that decided: its id, its conditions, whether he may open it.
    rule: Option<(String, String, bool)>,
    /// 2 名受理岗; none = nobody holds the post.
    people: u64,
}

struct Answer {
    region: String,
    direct: String,
    day: Day,
    rows: Vec<StopRow>,
}

#[derive(Template)]
#[template(path = "routing/tester.html")]
struct TesterPage {
    shell: Shell,
    form: FormView,
    regions: [Vec<Choice>; 3],
    clauses: Vec<Choice>,
    common_modes: Vec<Choice>,
    other_modes: Vec<Choice>,
    answer: Option<Answer>,
}

/// `?refresh=` of a cascade without script.
#[derive(serde::Deserialize)]
pub struct TesterQuery {
    #[serde(default)]
    refresh: String,
}

/// The questions.
pub async fn show(State(app): State<App>, user: Permitted<Delegate>) -> Result<Response, AppError> {
    bureaus(&app, &user)?;
    let mut data = FormData::default();
    data.set("day", &app.clock.today().to_string());
    page::render(&build(&app, &user, data, FieldErrors::default(), None).await?)
}

/// What was asked.
struct Question {
    region: RegionCode,
    clause: ClauseCode,
    trade_mode: TradeModeCode,
    hs_codes: Vec<HsCode>,
    day: Day,
}

/// The answer, beside the questions.
pub async fn answer(
    State(app): State<App>,
    user: Permitted<Delegate>,
    Query(query): Query<TesterQuery>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    bureaus(&app, &user)?;
    if !query.refresh.is_empty() {
        return page::render(&build(&app, &user, form, FieldErrors::default(), None).await?);
    }
    let asked = match parse(&app, &form) {
        Ok(asked) => asked,
        Err(errors) => return page::unprocessable(&build(&app, &user, form, errors, None).await?),
    };
    let references = app.references.now();
    let of = Consignment {
        region: &asked.region,
        clause: &asked.clause,
        trade_mode: &asked.trade_mode,
        hs_codes: &asked.hs_codes,
    };
    let Some((direct, stops)) = parts::routing::resolve(&app.db.read(), &references, asked.day, &of).await? else {
        let mut errors = FieldErrors::default();
        errors.add("region", "该地区没有对应的受理检验检疫局，选择该地区的申请不能提交");
        return page::unprocessable(&build(&app, &user, form, errors, None).await?);
    };
    let answer = Answer {
        region: references.region_path(&asked.region),
        direct: references.bureau_name(direct).to_owned(),
        day: asked.day,
        rows: rows(&app, &user, direct, stops).await?,
    };
    page::render(&build(&app, &user, form, FieldErrors::default(), Some(answer)).await?)
}

fn parse(app: &App, form: &FormData) -> Result<Question, FieldErrors> {
    let references = app.references.now();
    let mut check = Checker::new(form);
    let names = region_names("region");
    let region = references.leaf_of(region_levels(form, &names));
    if region.is_none() {
        check.error("region", "请选择产品最终使用地行政区划（选到最后一级）");
    }
    let day = check.day("day", "提交日期");
    let on = day.unwrap_or_else(|| app.clock.today());
    let clause = check.choice("clause_code", "免办条款", |c| references.clause_is_valid(c, on));
    let mode = check.choice("trade_mode", "贸易方式", |c| references.trade_mode_is_valid(c, on));
    let typed = text::half_width(form.get("hs_codes"));
    let codes: Vec<&str> = typed
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '、' | '，' | '；'))
        .filter(|c| !c.is_empty())
        .collect();
    if codes.is_empty() {
        check.error("hs_codes", "请填写产品的 HS 编码，一行一个");
    } else if codes.len() > MOST_CODES {
        check.error("hs_codes", format!("一次最多填写 {MOST_CODES} 个 HS 编码，现在是 {} 个", codes.len()));
    } else if let Some(unknown) = codes.iter().find(|c| references.hs_type(c, on).is_none()) {
        check.error("hs_codes", format!("产品目录中没有 HS 编码 {unknown}，请填写完整的 10 位编码"));
    }
    check.finish()?;
    Ok(Question {
        region: region.unwrap_or_else(|| RegionCode::new("")),
        clause: ClauseCode::new(clause),
        trade_mode: TradeModeCode::new(mode),
        hs_codes: codes.into_iter().map(HsCode::new).collect(),
        day: on,
    })
}

/// Each step with its bureau, the rule that decided and how many officers hold its post: two statements.
async fn rows(
    app: &App,
    user: &Permitted<Delegate>,
    direct: &BureauCode,
    stops: Vec<Stop>,
) -> Result<Vec<StopRow>, AppError> {
    #[derive(db::Row)]
    struct Officer {
        bureau_code: BureauCode,
        posts: Posts,
    }
    let references = app.references.now();
    let read = app.db.read();
    let rules = db::delegation::of_bureau(&read, direct).await?;
    let officers: Vec<Officer> = read
        .rows(
            "SELECT bureau_code, posts FROM account WHERE kind = 'bureau' AND disabled = FALSE \
             AND (bureau_code = $1 OR bureau_code IN (SELECT code FROM bureau WHERE parent_code = $1))",
            params![direct.clone()],
        )
        .await?;
    let posts_of = |step: Step| {
        Post::COURSE.into_iter().chain([Post::AmendApprove, Post::Supervise]).find(|p| Step::of(*p) == Some(step))
    };
    Ok(stops
        .into_iter()
        .map(|stop| StopRow {
            step: stop.step.label(),
            people: officers
                .iter()
                .filter(|o| o.bureau_code == stop.bureau && posts_of(stop.step).is_some_and(|p| o.posts.holds(p)))
                .count() as u64,
            rule: stop.rule.and_then(|id| rules.iter().find(|r| r.rule.id == id)).map(|r| {
                let conditions = conditions_text(&references, &r.rule);
                (r.rule.id.to_string(), conditions, user.permit.covers(Some(direct)))
            }),
            bureau: references.bureau_name(&stop.bureau).to_owned(),
        })
        .collect())
}

async fn build(
    app: &App,
    user: &Permitted<Delegate>,
    data: FormData,
    errors: FieldErrors,
    answer: Option<Answer>,
) -> Result<TesterPage, AppError> {
    let references = app.references.now();
    let today = app.clock.today();
    let (common_modes, other_modes) = references.trade_mode_choices(today);
    let crumbs = [("业务下放", "/delegations")];
    let mut shell = frame::signed(app, user, "由哪个局办理？", Entry::Delegations, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    Ok(TesterPage {
        shell,
        regions: references.region_choices(data.get("region_1"), data.get("region_2")),
        clauses: references
            .clauses_on(today)
            .map(|c| Choice::new(c.code.as_str(), format!("{}. {}", c.code, c.short_name)))
            .collect(),
        common_modes,
        other_modes,
        form: FormView::new(data, errors, &user.caller.csrf).at("/delegations/tester"),
        answer,
    })
}

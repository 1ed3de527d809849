//! 改派: gives cases to another officer of the bureau, with a reason (E14).

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use db::audit::Subject;
use db::search::Conditions;
use db::{Source, params};
use domain::actor::{Post, Posts};
use domain::application::Application;
use domain::ids::{AccountId, ApplicationId};
use domain::policy;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView, parse_urlencoded};
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::selection::Selection;
use super::worklist::ticked;
use crate::casework::case;
use crate::frame::{self, Entry};
use crate::parts::overtaken;
use crate::parts::status::Status;

/// The answer names at most this many cases with what happened to them.
const MOST_TOLD: usize = 5;

struct CaseRow {
    id: ApplicationId,
    version: i64,
    number: String,
    applicant: String,
    status: Status,
    holder: Option<String>,
}

#[derive(Template)]
#[template(path = "casework/assignment.html")]
struct AssignmentPage {
    shell: Shell,
    form: FormView,
    rows: Vec<CaseRow>,
    officers: Vec<Choice>,
    list: String,
    back: String,
}

/// 改派所选: leads to the page on which the ticked cases stand.
pub async fn choose(officer: BureauOfficer, Submitted(form): Submitted) -> Result<Response, AppError> {
    let ids = ticked(&form)?;
    let list = Selection::carried(form.get("list"), &officer.user).map(|s| s.query()).unwrap_or_default();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for id in ids {
        query.append_pair("case", &id.to_string());
    }
    query.append_pair("list", &list);
    Ok(page::see_other(&format!("/casework/assignment?{}", query.finish())))
}

/// The page: which cases, to whom, and why.
pub async fn show(
    State(app): State<App>,
    officer: BureauOfficer,
    RawQuery(query): RawQuery,
) -> Result<Response, AppError> {
    let data = parse_urlencoded(query.unwrap_or_default().as_bytes());
    page::render(&build(&app, &officer, data, FieldErrors::default()).await?)
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    data: FormData,
    errors: FieldErrors,
) -> Result<AssignmentPage, AppError> {
    #[derive(db::Row)]
    struct Columns {
        id: ApplicationId,
        version: i64,
        number: Option<String>,
        applicant_name: String,
        state: S,
        handler_id: Option<AccountId>,
        handler_name: Option<String>,
    }
    #[derive(db::Row)]
    struct Colleague {
        id: AccountId,
        display_name: String,
        posts: Posts,
    }
    let ids = ticked(&data)?;
    let read = app.db.read();
    let bureau = officer.user.bureau.clone();
    let marks = vec!["?"; ids.len()].join(", ");
    let conditions = Conditions::new()
        .and("a.current_bureau = ?", params![bureau.clone()])
        .and(&format!("a.id IN ({marks})"), ids.iter().map(|id| db::Value::from(*id)).collect());
    let sql = format!(
        "SELECT a.id, a.version, a.number, a.applicant_name, a.state, a.handler_id, \
         (SELECT c.display_name FROM account c WHERE c.id = a.handler_id) AS handler_name \
         FROM application a{} ORDER BY a.waiting_since, a.id",
        conditions.sql()
    );
    let found: Vec<Columns> = read.rows(&sql, conditions.values(vec![])).await?;
    if found.len() != ids.len() {
        return Err(AppError::Conflict("勾选的单据中有已不在本局的，请返回列表刷新后重新勾选。".to_owned()));
    }
    let administers = officer.user.posts.holds(Post::BureauAdmin);
    if found.iter().any(|c| !administers && c.handler_id != Some(officer.user.account)) {
        return Err(not_yours());
    }
    let colleagues: Vec<Colleague> = read
        .rows(
            "SELECT c.id, c.display_name, c.posts FROM account c \
             WHERE c.bureau_code = $1 AND c.kind = 'bureau' AND c.disabled = FALSE ORDER BY c.display_name, c.id",
            params![bureau],
        )
        .await?;
    // Whoever holds a post that one of the cases is at.
    let posts: Vec<Post> = found.iter().filter_map(|c| c.state.post()).collect();
    let officers = colleagues
        .into_iter()
        .filter(|c| posts.iter().any(|p| c.posts.holds(*p)))
        .map(|c| {
            let held: Vec<_> = Post::COURSE.into_iter().filter(|p| c.posts.holds(*p)).map(Post::label).collect();
            Choice::new(c.id.to_string(), format!("{}（{}）", c.display_name, held.join("、")))
        })
        .collect();
    let selection = Selection::carried(data.get("list"), &officer.user);
    let list = selection.as_ref().map(Selection::query).unwrap_or_default();
    let entry = if administers { Entry::BureauCases } else { Entry::MyCases };
    let back = if list.is_empty() { "/casework?scope=bureau".to_owned() } else { format!("/casework?{list}") };
    let mut shell = frame::signed(app, officer, "改派单据", entry, &[("待办", &back)]).await?;
    shell.error_title = !errors.is_empty();
    Ok(AssignmentPage {
        shell,
        form: FormView::new(data, errors, &officer.caller.csrf),
        rows: found
            .into_iter()
            .map(|c| CaseRow {
                id: c.id,
                version: c.version,
                number: c.number.unwrap_or_default(),
                applicant: c.applicant_name,
                status: Status::of(c.state),
                holder: c.handler_name,
            })
            .collect(),
        officers,
        list,
        back,
    })
}

fn not_yours() -> AppError {
    AppError::Forbidden("只能改派由您办理的单据；改派他人办理或未办理的单据，须有局系统管理员岗位。".to_owned())
}

/// Somebody was faster at some of the cases: none is given to anybody (D34). The error page keeps the reason.
async fn overtaken(
    source: &impl Source,
    app: &App,
    officer: &BureauOfficer,
    late: &[Application],
    form: &FormData,
) -> AppError {
    let mut said = Vec::new();
    for application in late.iter().take(MOST_TOLD) {
        let subject = Subject::Application(application.id);
        let told = async {
            let what = overtaken::meanwhile(source, app, officer.user.account, subject, &FormData::default()).await?;
            Ok::<_, AppError>(format!("{what}{}", case::stands(source, application).await?))
        };
        match told.await {
            Ok(told) => said.push(format!("{}：{told}", application.number.as_deref().unwrap_or_default())),
            Err(error) => return error,
        }
    }
    let more = if late.len() > MOST_TOLD {
        format!("另有 {} 件也有变化。", late.len() - MOST_TOLD)
    } else {
        String::new()
    };
    let list = Selection::carried(form.get("list"), &officer.user)
        .map_or_else(|| "/casework?scope=mine".to_owned(), |s| format!("/casework?{}", s.query()));
    let sentence = format!("您打开页面后，单据已有变化，没有改派任何单据。{}{more}请返回列表重新勾选。", said.join(""));
    AppError::Overtaken { sentence, newest: list }
}

/// 改派: all of them, or none when one of them cannot be given to this officer.
pub async fn create(
    State(app): State<App>,
    officer: BureauOfficer,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let ids = ticked(&form)?;
    let now = app.now();
    let mut check = Checker::new(&form);
    let to = form.get("assignee").parse::<AccountId>().ok();
    if to.is_none() {
        check.error("assignee", "请选择改派给谁");
    }
    let reason = check.text("reason", "改派理由").required().length(2..=200).take();
    let tx = app.db.begin().await?;
    let mut cases = Vec::with_capacity(ids.len());
    let mut late = Vec::new();
    for id in ids {
        let application = db::application::load_for_update(&tx, &officer.scope(), id, now).await?;
        let seen = form.get(&format!("seen_{id}"));
        if !seen.is_empty() && seen != application.version.to_string() {
            late.push(application);
            continue;
        }
        if !policy::may_reassign(officer.actor(), &application.ownership) {
            return Err(not_yours());
        }
        cases.push(application);
    }
    if !late.is_empty() {
        return Err(overtaken(&tx, &app, &officer, &late, &form).await);
    }
    let target = match to {
        Some(to) => db::officer::working(&tx, &officer.user.bureau, to).await?,
        None => None,
    };
    if to.is_some() && target.is_none() {
        check.error("assignee", "该人员不是本局在用的账号，请重新选择");
    }
    if let Some(target) = &target {
        let mut why: Vec<String> = Vec::new();
        for case in &cases {
            let number = case.number.as_deref().unwrap_or_default();
            let post = case.state().post().map_or("", Post::label);
            if case.ownership.handler == Some(target.account()) {
                why.push(format!("{number} 已由 {} 办理", target.name()));
            } else if policy::is_second_look_of_first_reviewer(target, &case.ownership) {
                why.push(format!("{number} 的初审由 {} 办理，终审须由另一人办理", target.name()));
            } else if !policy::may_handle(target, &case.ownership) {
                why.push(format!("{number} 在{post}岗，{} 没有该岗位", target.name()));
            }
        }
        if !why.is_empty() {
            check.error("assignee", why.join("；"));
        }
    }
    if let Err(errors) = check.finish() {
        drop(tx);
        return page::unprocessable(&build(&app, &officer, form, errors).await?);
    }
    let Some(target) = target else { return Err(AppError::NotFound) };
    for case in &cases {
        db::application::reassign(&tx, case, &target, &reason, &officer.by(), now).await?;
    }
    tx.commit().await?;
    let list = Selection::carried(form.get("list"), &officer.user)
        .map_or_else(|| "/casework?scope=bureau".to_owned(), |s| format!("/casework?{}", s.query()));
    let done = format!("已将 {} 件单据改派给 {}。", cases.len(), target.name());
    Ok(flash::to(&app.key, app.config.is_https(), &list, &done))
}

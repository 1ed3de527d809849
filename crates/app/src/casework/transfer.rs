//! 移交: a running case goes to another bureau, with a reason (workflow §4). Without it every case keeps its route.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::audit::Subject;
use domain::application::Application;
use domain::ids::{ApplicationId, BureauCode};
use domain::policy::{self, Reach, Scope, TransferCases};
use domain::routing::Step;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::casework::case;
use crate::frame::{self, Entry};
use crate::parts::overtaken;
use crate::parts::status::Status;

#[derive(Template)]
#[template(path = "casework/transfer.html")]
struct TransferPage {
    shell: Shell,
    form: FormView,
    id: ApplicationId,
    number: String,
    applicant: String,
    status: Status,
    /// The enterprise has it: it comes back to the new bureau.
    is_returned: bool,
    holder: String,
    version: i64,
    trail: i64,
    bureaus: Vec<Choice>,
    extents: [Choice; 2],
    back: String,
    conflict: Option<String>,
}

/// What is asked for: the step at which the case is or to which it comes back, or all that are left until 发证.
fn steps(application: &Application, all: bool) -> Vec<Step> {
    let Some(now) = application.post_on_the_way().and_then(Step::of) else { return Vec::new() };
    let course = [Step::Accept, Step::FirstReview, Step::FinalReview, Step::Compare, Step::Issue];
    if all { course.into_iter().skip_while(|s| *s != now).collect() } else { vec![now] }
}

/// Loads a case that he may transfer; what lies outside his reach does not exist.
async fn load(
    source: &impl db::Source,
    app: &App,
    user: &Permitted<TransferCases>,
    id: ApplicationId,
    lock: Option<&db::Tx>,
) -> Result<(Application, BureauCode), AppError> {
    // The branches of a direct bureau may do every step, so its own scope would not show the case.
    let application = match lock {
        Some(tx) => db::application::load_for_update(tx, &Scope::All, id, app.now()).await?,
        None => db::application::load(source, &Scope::All, id, app.now()).await?,
    };
    let of = &application.ownership;
    let holder = match &of.current_bureau {
        Some(holder) => Some(holder.clone()),
        None => coming_back_to(source, &application).await?,
    };
    let references = app.references.now();
    let last = holder.as_ref().or(of.receiving_bureau.as_ref()).ok_or(AppError::NotFound)?;
    let direct = references.direct_of(last);
    if !policy::may_transfer(&user.permit, direct, direct) {
        return Err(AppError::NotFound);
    }
    match holder {
        Some(holder) => Ok((application, holder)),
        None => Err(AppError::Conflict(format!("申请单当前状态为“{}”，审批已结束，不能移交。", of.state.label()))),
    }
}

/// The bureau to which a case in 返回修改 comes back.
pub async fn coming_back_to(
    source: &impl db::Source,
    application: &Application,
) -> Result<Option<BureauCode>, AppError> {
    match application.post_on_the_way().and_then(Step::of) {
        Some(step) if application.state() == S::Returned => {
            Ok(Some(db::application::bureau_of_step(source, application.id, step).await?))
        }
        _ => Ok(None),
    }
}

/// The bureaus to which he may give it.
fn targets(app: &App, user: &Permitted<TransferCases>, holder: &BureauCode) -> Vec<Choice> {
    let references = app.references.now();
    let from = references.direct_of(holder);
    references
        .bureaus
        .iter()
        .filter(|b| b.code != *holder && policy::may_transfer(&user.permit, from, references.direct_of(&b.code)))
        .map(|b| Choice::new(b.code.as_str(), b.name.as_str()))
        .collect()
}

fn refuse_branch(app: &App, user: &Permitted<TransferCases>) -> Result<(), AppError> {
    match user.permit.reach() {
        Reach::Bureau(own) if app.references.now().direct_of(own) != own => Err(AppError::Forbidden(
            "单据移交由直属局或认监委办理。需要移交时，请联系所属直属局的系统管理员。".to_owned(),
        )),
        Reach::Bureau(_) | Reach::Everywhere => Ok(()),
    }
}

/// The page.
pub async fn show(
    State(app): State<App>,
    user: Permitted<TransferCases>,
    Path(id): Path<ApplicationId>,
) -> Result<Response, AppError> {
    refuse_branch(&app, &user)?;
    let (application, holder) = load(&app.db.read(), &app, &user, id, None).await?;
    let data = FormData::of_filters(&[("extent", "step")]);
    page::render(&build(&app, &user, &application, &holder, data, FieldErrors::default(), None).await?)
}

async fn build(
    app: &App,
    user: &Permitted<TransferCases>,
    application: &Application,
    holder: &BureauCode,
    data: FormData,
    errors: FieldErrors,
    conflict: Option<String>,
) -> Result<TransferPage, AppError> {
    let id = application.id;
    let references = app.references.now();
    let number = application.number.clone().unwrap_or_default();
    let post = application.post_on_the_way().map_or("", domain::actor::Post::label);
    let (back, crumb) = match user.permit.reach() {
        Reach::Bureau(own) if holder == own => (format!("/casework/{id}"), "单据"),
        Reach::Bureau(_) => ("/casework?scope=bureau".to_owned(), "本局待办"),
        Reach::Everywhere => (format!("/applications/{id}"), "申请单"),
    };
    let entry = match user.permit.reach() {
        Reach::Bureau(_) => Entry::BureauCases,
        Reach::Everywhere => Entry::Applications,
    };
    let mut shell = frame::signed(app, user, &format!("移交 {number}"), entry, &[(crumb, &back)]).await?;
    shell.error_title = !errors.is_empty();
    Ok(TransferPage {
        shell,
        form: FormView::new(data, errors, &user.caller.csrf),
        id,
        number,
        applicant: application.applicant.name.clone(),
        status: Status::of(application.state()),
        is_returned: application.state() == S::Returned,
        holder: format!("{}，{post}岗", references.bureau_name(holder)),
        version: application.version,
        trail: db::audit::newest(&app.db.read(), Subject::Application(id), 1).await?.first().map_or(0, |d| d.id),
        bureaus: targets(app, user, holder),
        extents: [
            Choice::new("step", format!("只移交{post}")).with_note("办结后按原路线流转"),
            Choice::new("rest", format!("移交{post}及以后各岗")).with_note("直到发证，都由新的局办理"),
        ],
        back,
        conflict,
    })
}

/// The answer where the case has ended or gone to another bureau since the page was opened: who was faster, and how it
/// stands now (D34). What he cannot see does not exist.
async fn too_late(
    source: &impl db::Source,
    app: &App,
    user: &Permitted<TransferCases>,
    id: ApplicationId,
    form: &FormData,
    error: AppError,
) -> AppError {
    if !form.has("version") || !matches!(error, AppError::NotFound | AppError::Conflict(_)) {
        return error;
    }
    let Ok(application) = db::application::load(source, &user.scope(), id, app.now()).await else { return error };
    if form.get("version") == application.version.to_string() {
        return error;
    }
    let now = match case::stands(source, &application).await {
        Ok(now) => format!("{now}没有移交。"),
        Err(error) => return error,
    };
    let href = match user.permit.reach() {
        Reach::Bureau(_) => format!("/casework/{id}"),
        Reach::Everywhere => format!("/applications/{id}"),
    };
    let about = (Subject::Application(id), form);
    overtaken::answer(source, app, user.signed.actor().account(), about, &now, &href).await
}

/// 移交.
pub async fn create(
    State(app): State<App>,
    user: Permitted<TransferCases>,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    refuse_branch(&app, &user)?;
    let now = app.now();
    let tx = app.db.begin().await?;
    let (application, holder) = match load(&tx, &app, &user, id, Some(&tx)).await {
        Ok(found) => found,
        Err(error) => return Err(too_late(&tx, &app, &user, id, &form, error).await),
    };
    if form.get("version") != application.version.to_string() {
        let subject = Subject::Application(id);
        let me = user.signed.actor().account();
        let said = overtaken::meanwhile(&tx, &app, me, subject, &form).await?;
        let now = case::stands(&tx, &application).await?;
        drop(tx);
        let why = format!("您打开页面后，该单据已有变化：{said}{now}请核对后重新提交，您填写的理由已保留。");
        let none = FieldErrors::default();
        let page = build(&app, &user, &application, &holder, form, none, Some(why)).await?;
        return page::with_status(axum::http::StatusCode::CONFLICT, &page);
    }
    let offered = targets(&app, &user, &holder);
    let mut check = Checker::new(&form);
    let to = check.choice("bureau", "移交给", |code| offered.iter().any(|c| c.value == code));
    let extent = check.choice("extent", "移交的岗位", |word| matches!(word, "step" | "rest"));
    let reason = check.text("reason", "移交理由").required().length(5..=500).take();
    let to = BureauCode::new(to);
    let steps = steps(&application, extent == "rest");
    if offered.iter().any(|c| c.value == to.as_str())
        && let Some(post) = application.post_on_the_way()
        && db::officer::holders(&tx, &to, post).await? == 0
    {
        check.error("bureau", format!("该局没有{}岗人员，移交后无人办理。请先由该局配置岗位", post.label()));
    }
    if let Err(errors) = check.finish() {
        drop(tx);
        return page::unprocessable(&build(&app, &user, &application, &holder, form, errors, None).await?);
    }
    db::application::transfer(&tx, &application, &holder, &to, &steps, &reason, &user.by(), now).await?;
    tx.commit().await?;
    let number = application.number.unwrap_or_default();
    let done = format!("{number}：已移交{}。", app.references.now().bureau_name(&to));
    let address = match user.permit.reach() {
        Reach::Bureau(own) if holder == *own || to == *own => format!("/casework/{id}"),
        Reach::Bureau(_) => "/casework?scope=bureau".to_owned(),
        Reach::Everywhere => format!("/applications/{id}"),
    };
    Ok(flash::to(&app.key, app.config.is_https(), &address, &done))
}

//! 审核: one record with its products and files, and the judgement of 后续监管 (R-B-09, D14).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use db::audit::Subject;
use db::reading::What;
use db::submission_copy::Submitted as Kind;
use db::usage::{self, Record};
use domain::actor::Post;
use domain::ids::{ApplicationId, UsageRecordId};
use domain::policy;
use domain::usage::{UsageAction, UsageKind};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::kept::Kept;
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};
use crate::jobs;
use crate::parts::overtaken;
use crate::parts::readings;
use crate::parts::submission_copies::SubmissionCopies;
use crate::parts::usage::{self as view, Goods, Header, RecordRow, UsageStatus};
use crate::parts::view::Rows;
use crate::supervision::must_supervise;

/// A product of the record beside what is known of its goods.
struct Line {
    name: String,
    hs_code: String,
    amount: String,
    serials: String,
    written_off: String,
    remaining: String,
}

#[derive(Template)]
#[template(path = "supervision/review.html")]
struct ReviewPage {
    shell: Shell,
    header: Header,
    id: UsageRecordId,
    application: ApplicationId,
    kind: UsageKind,
    status: UsageStatus,
    version: i64,
    row: RecordRow,
    lines: Vec<Line>,
    facts: Rows,
    clause: String,
    follow_up: String,
    form: FormView,
    decisions: Vec<Choice>,
    conflict: Option<String>,
    /// What was typed into a form that was not done.
    kept: Kept,
    trail: i64,
    /// What was submitted before (D32).
    earlier: SubmissionCopies,
}

/// The page.
pub async fn show(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<UsageRecordId>,
) -> Result<Response, AppError> {
    let record = usage::load(&app.db.read(), &officer.scope(), id).await?;
    readings::note(&app, &officer, What::Usage, record.application.get()).await;
    let page = build(&app, &officer, &record, FormData::default(), FieldErrors::default()).await?;
    page::render(&page)
}

async fn build(
    app: &App,
    officer: &BureauOfficer,
    record: &Record,
    data: FormData,
    errors: FieldErrors,
) -> Result<ReviewPage, AppError> {
    let read = app.db.read();
    let goods = Goods::open(&read, app, officer, record.application).await?;
    let row = view::rows(&read, app, &goods, std::slice::from_ref(record)).await?.pop().ok_or(AppError::NotFound)?;
    let stored = usage::lines_of(&read, record.id).await?;
    let lines = stored
        .iter()
        .zip(&record.form.lines)
        .map(|(line, own)| {
            let product = goods.product(line.ordinal);
            Line {
                amount: own.qty.map_or_else(|| "—".to_owned(), |q| product.amount(q)),
                serials: own.serials.clone(),
                written_off: product.amount(line.written_off),
                remaining: product.amount(line.remaining()),
                hs_code: product.hs_code,
                name: product.name,
            }
        })
        .collect();
    let offered = [(UsageAction::Approve, "数量和去向属实"), (UsageAction::Reject, "退回企业修改后再次提交，数量退还")];
    let decisions = offered
        .into_iter()
        .filter(|(action, _)| policy::may_with_usage(officer.actor(), &record.ownership, *action).is_ok())
        .map(|(action, note)| Choice::new(action.word(), action.label()).with_note(note))
        .collect();
    let subject = Subject::Certificate(goods.certificate.id);
    let trail = db::audit::newest(&read, subject, 1).await?.first().map_or(0, |d| d.id);
    let references = app.references.now();
    let clause = &goods.application.basics.clause;
    let follow_up = references.clauses.iter().find(|c| c.code == *clause).map(|c| c.follow_up.clone());
    let title = format!("审核{}", record.kind.record());
    let mut shell =
        frame::signed(app, officer, &title, Entry::Post(Post::Supervise), &[("后续监管待办", "/supervision")]).await?;
    shell.error_title = !errors.is_empty();
    Ok(ReviewPage {
        shell,
        header: goods.header(),
        id: record.id,
        application: record.application,
        kind: record.kind,
        status: UsageStatus::of(record.state()),
        version: record.version,
        row,
        lines,
        facts: Rows::new(view::facts(&references, record)),
        clause: references.clause_full(clause),
        follow_up: follow_up.unwrap_or_default(),
        form: FormView::new(data, errors, &officer.caller.csrf),
        decisions,
        conflict: None,
        kept: Kept::default(),
        trail,
        earlier: SubmissionCopies::of(&read, Kind::Usage(record.id)).await?,
    })
}

/// 审核通过 and 审核未通过, with the opinion that the enterprise reads.
pub async fn decide(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<UsageRecordId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let now = app.now();
    let tx = app.db.begin().await?;
    let record = usage::load_for_update(&tx, &officer.scope(), id).await?;
    must_supervise(&officer, Some(&record.ownership.bureau))?;
    if form.get("version") != record.version.to_string() {
        drop(tx);
        return overtaken(&app, &officer, &record, form).await;
    }
    let (action, opinion) = match parse(&form) {
        Ok(read) => read,
        Err(errors) => {
            drop(tx);
            let page = build(&app, &officer, &record, form, errors).await?;
            return page::unprocessable(&page);
        }
    };
    let step = policy::may_with_usage(officer.actor(), &record.ownership, action)
        .map_err(|r| AppError::Conflict(r.to_string()))?;
    usage::advance(&tx, &record, step, &opinion, &officer.by(), now).await?;
    jobs::usage_judged(&tx, &app, &record, step, &opinion).await?;
    tx.commit().await?;
    let said = format!("{} {id}：{}。", record.kind.record(), action.label());
    Ok(flash::to(&app.key, app.config.is_https(), "/supervision", &said))
}

/// The page again, newer than the one that was judged: who was faster, and everything that was typed (D34).
async fn overtaken(app: &App, officer: &BureauOfficer, record: &Record, form: FormData) -> Result<Response, AppError> {
    let read = app.db.read();
    let goods = Goods::open(&read, app, officer, record.application).await?;
    let subject = Subject::Certificate(goods.certificate.id);
    let said = overtaken::meanwhile(&read, app, officer.user.account, subject, &form).await?;
    let now = format!("该记录现在的状态为“{}”。", record.state().label());
    let kept = Kept::of(&app.references.now(), &form);
    let mut page = build(app, officer, record, form, FieldErrors::default()).await?;
    page.conflict =
        Some(format!("您打开页面后，该记录已有变化：{said}{now}下方是最新内容，您填写的意见没有提交，已保留。"));
    page.kept = kept;
    page::with_status(StatusCode::CONFLICT, &page)
}

fn parse(form: &FormData) -> Result<(UsageAction, String), FieldErrors> {
    let mut check = Checker::new(form);
    let word = form.get("decision").trim();
    let action = [UsageAction::Approve, UsageAction::Reject].into_iter().find(|a| a.word() == word);
    if action.is_none() {
        check.error("decision", "请选择审核结果");
    }
    let opinion = check.text("opinion", "审核意见");
    let opinion = if action == Some(UsageAction::Reject) {
        opinion.required().length(5..=500).take()
    } else {
        opinion.length(0..=500).take()
    };
    check.finish()?;
    // A missing one was noted above.
    action.map(|a| (a, opinion)).ok_or_else(FieldErrors::default)
}

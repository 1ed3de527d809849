//! 查看申请单 (manual §2.5), 网页打印, and 撤回 (D24).

use std::fmt::Write as _;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::reading::What;
use domain::actor::Actor;
use domain::application::Application;
use domain::ids::ApplicationId;
use domain::policy::{self, Operation, StatusLink, TransferCases};
use domain::time::Instant;
use domain::workflow::{Action, State as S};
use kit::app::App;
use kit::error::AppError;
use kit::form::FormView;
use kit::paging::PageQuery;
use kit::reference::ReferenceCache;
use kit::session::{EnterpriseUser, Signed, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};
use crate::jobs;
use crate::parts::status::Status;
use crate::parts::timeline::{self, Timeline};
use crate::parts::track::Track;
use crate::parts::view::{self, Shown, View};
use crate::parts::{bureau_contact, calendar, readings};

/// `?print=1`: 网页打印, for those who rather print from the browser, the paper form is `print`; `page` and `size` of its
/// products.
#[derive(Debug, serde::Deserialize)]
pub struct ShowQuery {
    #[serde(default)]
    print: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

#[derive(Template)]
#[template(path = "application/show.html")]
struct ShowPage {
    shell: Shell,
    id: ApplicationId,
    form: FormView,
    title: String,
    status: Status,
    track: Track,
    bureau: String,
    /// How the bureau is reached.
    contact: Vec<(&'static str, String)>,
    submitted: String,
    now_what: String,
    who_and_when: String,
    may_edit: bool,
    may_withdraw: bool,
    may_copy: bool,
    /// 移交: CNCA, from 受理 until 发证.
    may_transfer: bool,
    has_certificate: bool,
    has_outcome: bool,
    is_proxy: bool,
    view: View,
    timeline: Timeline,
    print: bool,
}

/// The page; submission information at the very top (R-2.5-02).
pub async fn show(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<ApplicationId>,
    Query(query): Query<ShowQuery>,
) -> Result<Response, AppError> {
    if matches!(user.actor(), Actor::Officer(_)) {
        return Ok(page::see_other(&format!("/casework/{id}")));
    }
    let read = app.db.read();
    let application = db::application::load(&read, &user.scope(), id, app.now()).await?;
    readings::note(&app, &user, What::Application, id.get()).await;
    let certificate = db::certificate::facts(&read, &application).await?;
    let links = policy::row_links(user.actor(), &application.ownership, certificate.as_ref(), app.now());
    let print = !query.print.is_empty() && application.number.is_some();
    let view = if print {
        view::load(&read, &app, &application, &Shown::All).await?
    } else {
        let pages = PageQuery { page: query.page, size: query.size, ..PageQuery::default() };
        view::load_page(&read, &app, &application, pages, format!("/applications/{id}")).await?
    };
    let timeline = timeline::load(&read, &app, id, false).await?;
    let references = app.references.now();
    let name = |b: Option<&domain::ids::BureauCode>| {
        b.map_or_else(|| "—".to_owned(), |b| references.bureau_name(b).to_owned())
    };
    let title = application.number.clone().unwrap_or_else(|| format!("草稿 {id}"));
    let crumbs = [("查看申请列表", "/applications")];
    let shell = frame::signed(&app, &user, &title, Entry::Applications, &crumbs).await?;
    page::render(&ShowPage {
        shell,
        id,
        form: FormView::blank(&user.caller.csrf),
        title,
        status: Status::of(application.state()),
        track: Track::of(&app, &application),
        bureau: name(application.ownership.receiving_bureau.as_ref()),
        contact: bureau_contact::of(&references, application.ownership.receiving_bureau.as_ref()),
        submitted: application.submitted_at.map_or_else(|| "—".to_owned(), Instant::china),
        now_what: now_what(&application, &references),
        who_and_when: who_and_when(&application, &references, app.now()),
        may_edit: links.operations.contains(&Operation::Edit),
        may_withdraw: links.operations.contains(&Operation::Withdraw),
        may_copy: links.operations.contains(&Operation::Copy),
        may_transfer: application.post_on_the_way().is_some() && policy::permit::<TransferCases>(user.actor()).is_ok(),
        has_certificate: links.status == Some(StatusLink::Certificate),
        has_outcome: links.status == Some(StatusLink::Outcome),
        is_proxy: application.ownership.entered_by_bureau.is_some(),
        view,
        timeline,
        print,
    })
}

/// What happens now and who has it, in one sentence.
fn now_what(application: &Application, references: &ReferenceCache) -> String {
    if let Some(bureau) = &application.ownership.entered_by_bureau
        && let Some(sentence) = now_what_of_entered(application.state())
    {
        return format!("该申请由{}代录，您可以查看。{sentence}", references.bureau_name(bureau));
    }
    match application.state() {
        S::Draft => "尚未提交。请完善后点击“提交申请”；自初次填写起 10 天内未提交，系统自动删除。",
        S::Accepting => "已送到受理岗，等待受理。受理人员办理之前，您可以撤回。",
        S::Returned => "需要您补正。请按审批意见修改后重新提交，申请单将回到送补正的岗位。",
        S::AcceptanceRefused | S::FirstReviewFailed | S::FinalReviewFailed | S::ComparingFailed => {
            "审批已结束，未获通过。请查看原因；如需再次办理，可以复制为新申请。"
        }
        S::FirstReview => "已受理，等待初审。",
        S::FinalReview => "初审已通过，等待终审。",
        S::Comparing => "终审已通过，正在对比文件。",
        S::ComparingPaper => "需要您送交纸质材料。请查看纸质材料对比通知，在期限内送达。",
        S::AwaitingIssue => "审批已通过，等待发证。",
        S::Issued => "已发证。点击“证明”查看、下载或打印。",
        S::Terminated => "审批流程已被检验检疫局强制终止。",
        S::Withdrawn => "您已撤回该申请。如需再次办理，可以复制为新申请。",
    }
    .to_owned()
}

/// What is different of an application that the bureau entered: it also fills it in (manual §2.2, case 8).
const fn now_what_of_entered(state: S) -> Option<&'static str> {
    match state {
        S::Draft => Some("尚未提交，由该局完善后提交；自初次填写起 10 天内未提交，系统自动删除。"),
        S::Accepting => Some("已送到受理岗，等待受理。"),
        S::Returned => Some("需要补正，由该局按审批意见修改后重新提交，不需要您修改。"),
        S::AcceptanceRefused | S::FirstReviewFailed | S::FinalReviewFailed | S::ComparingFailed => {
            Some("审批已结束，未获通过。请查看原因；如需再次办理，请填写新申请。")
        }
        S::FirstReview
        | S::FinalReview
        | S::Comparing
        | S::ComparingPaper
        | S::AwaitingIssue
        | S::Issued
        | S::Terminated
        | S::Withdrawn => None,
    }
}

/// Which post of which bureau has it, whether somebody has begun, and by when it decides; empty when no post has it.
fn who_and_when(application: &Application, references: &ReferenceCache, now: Instant) -> String {
    let of = &application.ownership;
    let (Some(bureau), Some(post)) = (of.current_bureau.as_ref(), of.state.post()) else { return String::new() };
    // 送纸质材料: the term stands still while the enterprise owes the paper.
    if of.state == S::ComparingPaper {
        return format!("材料送达后由{}{}岗继续办理。", references.bureau_name(bureau), post.label());
    }
    let begun = if of.handler.is_some() { "已开始办理" } else { "尚未开始办理" };
    let mut by_when = String::new();
    if let (Some(since), Some(term)) = (application.clock.since, references.term(post)) {
        let days = term.term_days;
        let end = references.calendar.term_end(since, days);
        let unknown = calendar::note(&references.calendar, since.china_day(), end.max(now.china_day()));
        by_when = if now.china_day() > end {
            let phone = references.bureau(bureau).map_or("", |b| b.phone.as_str());
            let ask = if phone.is_empty() { String::new() } else { format!("（{phone}）") };
            format!("，已超过 {days} 个工作日的办理期限（{end}），可向该局{ask}询问")
        } else {
            format!("，应在 {end} 前办结（{days} 个工作日）")
        };
        if !unknown.is_empty() {
            let _ = write!(by_when, "。{}", unknown.trim_end_matches('。'));
        }
    }
    format!("{}{}岗{begun}{by_when}。", references.bureau_name(bureau), post.label())
}

/// 撤回: while no officer has taken it (D24).
pub async fn withdraw(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<ApplicationId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let application = db::application::load_for_update(&tx, &user.scope(), id, app.now()).await?;
    let step = policy::may(user.actor(), &application.ownership, Action::Withdraw).map_err(|_| {
        AppError::Conflict("受理人员已开始办理，或申请已不在“受理中”，不能撤回。请返回查看最新状态。".to_owned())
    })?;
    let remarks = db::application::Remarks::default();
    db::application::advance(
        &tx,
        &application,
        step,
        &remarks,
        &user.by(),
        (app.now(), &app.references.now().calendar),
    )
    .await?;
    let number = application.number.clone().unwrap_or_default();
    jobs::status_changed(&tx, &app, &application, &number, step, &remarks).await?;
    tx.commit().await?;
    let url = format!("/applications/{id}");
    Ok(flash::to(&app.key, app.config.is_https(), &url, "已撤回该申请。申请单号保留，可随时查看。"))
}

//! The jobs that are dead or late, and 重新执行.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::queue::{self, Record, Wanted};
use domain::ids::JobId;
use domain::letter::Failure;
use domain::policy::{Reach, WatchJobs};
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};

/// Rows on a page.
const SIZE: usize = 50;

/// The filter, and the place in the list.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    state: String,
    #[serde(default)]
    before: String,
}

struct Row {
    id: JobId,
    kind: &'static str,
    /// What it is about: 证明号, the subject of a letter.
    about: String,
    /// For whom.
    recipient: String,
    is_dead: bool,
    reason: &'static str,
    error: String,
    attempts: i64,
    created: String,
    /// When it is tried next.
    next: String,
    can_be_retried: bool,
}

#[derive(Template)]
#[template(path = "background/jobs.html")]
struct JobsPage {
    shell: Shell,
    form: FormView,
    states: Vec<Choice>,
    everywhere: bool,
    rows: Vec<Row>,
    older: Option<String>,
    newest: Option<String>,
    is_filtered: bool,
}

/// The list, the newest first.
pub async fn list(
    State(app): State<App>,
    user: Permitted<WatchJobs>,
    Query(query): Query<ListQuery>,
) -> Result<Response, AppError> {
    let wanted = match query.state.as_str() {
        "dead" => Wanted::Dead,
        "late" => Wanted::Late,
        _ => Wanted::Trouble,
    };
    // An address that somebody changed begins at the top.
    let before = query.before.parse::<JobId>().ok();
    let limit = i64::try_from(SIZE + 1).unwrap_or(i64::MAX);
    let found = queue::in_trouble(&app.db.read(), &user.permit, wanted, before, limit, app.now()).await?;
    let address = |before: Option<JobId>| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        if wanted != Wanted::Trouble {
            pairs.append_pair("state", &query.state);
        }
        if let Some(before) = before {
            pairs.append_pair("before", &before.to_string());
        }
        format!("/jobs?{}", pairs.finish())
    };
    let older = (found.len() > SIZE).then(|| found.get(SIZE - 1).map(|last| address(Some(last.id)))).flatten();
    let data = FormData::from_pairs(vec![("state".to_owned(), query.state.clone())]);
    page::render(&JobsPage {
        shell: frame::signed(&app, &user, "后台任务", Entry::Jobs, &[]).await?,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        states: vec![Choice::new("dead", "失败"), Choice::new("late", "延迟")],
        everywhere: *user.permit.reach() == Reach::Everywhere,
        rows: found.into_iter().take(SIZE).map(row).collect(),
        older,
        newest: before.map(|_| address(None)),
        is_filtered: wanted != Wanted::Trouble,
    })
}

fn row(r: Record) -> Row {
    let kind = match r.kind.as_str() {
        queue::RENDER_CERTIFICATE => "生成证明",
        queue::SEND_LETTER => "发送邮件",
        queue::MAKE_EXPORT => "生成导出文件",
        "grant_password" => "取回密码",
        _ => "其他任务",
    };
    let is_dead = r.is_dead();
    let reason = match (r.failure, is_dead) {
        (Some(failure), _) => Failure::label(failure),
        (None, _) if !r.has_data() => "邮件中的新密码已过期，请重新设置密码",
        (None, true) => "多次没有成功，系统不再自动重试",
        (None, false) => "暂时没有成功，系统自动重试",
    };
    Row {
        id: r.id,
        kind,
        about: r.certificate_no.clone().or_else(|| r.subject.clone()).unwrap_or_default(),
        recipient: r.recipient.clone().or_else(|| r.username.clone()).unwrap_or_default(),
        is_dead,
        reason,
        attempts: r.attempts,
        created: r.created_at.china(),
        next: if r.state == "ready" { r.run_at.china() } else { String::new() },
        can_be_retried: r.has_data() && r.state != "running",
        error: r.last_error,
    }
}

/// 重新执行: at once, and for as long as a new job.
pub async fn retry(
    State(app): State<App>,
    user: Permitted<WatchJobs>,
    Path(id): Path<JobId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let now: Instant = app.now();
    let tx = app.db.begin().await?;
    queue::get_concerning(&tx, &user.permit, id, now).await?;
    queue::retry(&tx, id, &user.by(), now).await?;
    tx.commit().await?;
    let said = format!("任务 {id} 已重新执行，稍后刷新查看；仍不成功的，会再次显示在这里。");
    Ok(flash::to(&app.key, app.config.is_https(), "/jobs", &said))
}

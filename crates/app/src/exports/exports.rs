//! 导出文件: what somebody asked for, how far it is, and where he takes it away.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::export::{self, Export};
use db::reading::What;
use domain::export::{ExportState, KEPT_DAYS, ReportKind};
use domain::ids::ExportId;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::session::{Signed, Submitted};
use kit::shell::Shell;
use kit::{flash, page, random};

use crate::frame::{self, Entry};
use crate::parts::report::MOST_ROWS;
use crate::parts::view::size;
use crate::parts::{files, readings};
use crate::{jobs, reports};

struct Row {
    id: ExportId,
    name: String,
    label: &'static str,
    tone: &'static str,
    icon: &'static str,
    is_done: bool,
    /// Rows and size, or why it failed.
    remark: String,
    asked: String,
    gone: String,
}

impl From<Export> for Row {
    fn from(e: Export) -> Self {
        let (tone, icon) = match e.state {
            ExportState::Waiting => ("t-blue", "clock"),
            ExportState::Done => ("t-green", "check"),
            ExportState::Failed => ("t-red", "circle-x"),
        };
        let is_done = e.state == ExportState::Done;
        Self {
            id: e.id,
            label: e.state.label(),
            tone,
            icon,
            is_done,
            remark: if is_done { format!("{} 行，{}", e.rows_written, size(e.size_bytes)) } else { e.reason.clone() },
            asked: e.asked_at.china(),
            gone: e.gone_at().china(),
            name: if e.name.is_empty() { e.report.label().to_owned() } else { e.name },
        }
    }
}

#[derive(Template)]
#[template(path = "exports/exports.html")]
struct ExportsPage {
    shell: Shell,
    rows: Vec<Row>,
    is_waiting: bool,
    kept_days: i64,
}

/// His files.
pub async fn list(State(app): State<App>, user: Signed) -> Result<Response, AppError> {
    let found = export::of(&app.db.read(), user.actor().account()).await?;
    page::render(&ExportsPage {
        shell: frame::signed(&app, &user, "导出文件", Entry::Exports, &[]).await?,
        is_waiting: found.iter().any(|e| e.state == ExportState::Waiting),
        rows: found.into_iter().map(Row::from).collect(),
        kept_days: KEPT_DAYS,
    })
}

/// Which list, as an address or a form has it.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Wanted {
    #[serde(default)]
    report: String,
    #[serde(default)]
    query: String,
}

impl Wanted {
    fn kind(&self) -> Result<ReportKind, AppError> {
        let unknown = "没有这种清单，请返回列表页面重新导出。";
        self.report.parse().map_err(|_| AppError::Invalid(unknown.to_owned()))
    }
}

#[derive(Template)]
#[template(path = "exports/new.html")]
struct NewPage {
    shell: Shell,
    form: FormView,
    kind: ReportKind,
    most: usize,
    kept_days: i64,
}

/// The list is too long to be made at once: he may have it made.
pub async fn new(State(app): State<App>, user: Signed, Query(wanted): Query<Wanted>) -> Result<Response, AppError> {
    let kind = wanted.kind()?;
    // What he may not have made is said here, and not by the job.
    reports::open(&app, user.actor(), kind, &wanted.query).await?;
    let mut data = FormData::default();
    data.set("report", kind.word());
    data.set("query", &wanted.query);
    data.set("creation_key", &random::token());
    page::render(&NewPage {
        shell: frame::signed(&app, &user, "导出 XLSX", Entry::Exports, &[("导出文件", "/exports")]).await?,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        kind,
        most: MOST_ROWS,
        kept_days: KEPT_DAYS,
    })
}

/// 开始生成.
pub async fn create(State(app): State<App>, user: Signed, Submitted(form): Submitted) -> Result<Response, AppError> {
    let wanted = Wanted { report: form.get("report").to_owned(), query: form.get("query").to_owned() };
    let kind = wanted.kind()?;
    let Some(key) = form.creation_key() else {
        return Err(AppError::Invalid("页面不完整，请返回列表页面重新导出。".to_owned()));
    };
    reports::open(&app, user.actor(), kind, &wanted.query).await?;
    let tx = app.db.begin().await?;
    let account = user.actor().account();
    if let Some(id) = export::ask(&tx, account, key, kind, &wanted.query, app.now()).await? {
        jobs::make_export(&tx, id, app.now()).await?;
    }
    tx.commit().await?;
    note(&app, &user, kind).await;
    let said = "已开始生成，完成后可在本页下载。您可以离开本页，继续办理其他业务。";
    Ok(flash::to(&app.key, app.config.is_https(), "/exports", said))
}

/// 下载.
pub async fn download(State(app): State<App>, user: Signed, Path(id): Path<ExportId>) -> Result<Response, AppError> {
    let found = export::load(&app.db.read(), user.actor().account(), id).await?;
    if found.state != ExportState::Done {
        return Err(AppError::Conflict("该文件还没有生成，请返回导出文件页面查看。".to_owned()));
    }
    // What he might see when it was made may not be for him any more.
    match reports::open(&app, user.actor(), found.report, &found.query).await {
        Ok(_) | Err(AppError::Invalid(_)) => {}
        Err(error) => return Err(error),
    }
    note(&app, &user, found.report).await;
    files::download(&app, &found.object_key, &found.name, found.size_bytes).await
}

/// Notes that somebody reads personal data in a list of this kind.
async fn note(app: &App, user: &Signed, kind: ReportKind) {
    let what = match kind {
        ReportKind::StatisticCases => What::Statistics,
        ReportKind::AuditTrail => What::AuditTrail,
        ReportKind::Search => What::Search,
        ReportKind::Ledger => return,
    };
    readings::note(app, user, what, 0).await;
}

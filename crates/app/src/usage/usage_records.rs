//! 查看记录: the records of a certificate in three tabs; 提交 and 删除 of those that are not submitted (manual §2.9, 查看记录).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::usage;
use domain::ids::{ApplicationId, UsageRecordId};
use domain::policy;
use domain::usage::{UsageAction, UsageKind};
use kit::app::App;
use kit::error::AppError;
use kit::form::FormView;
use kit::paging::{PageQuery, Pager};
use kit::session::{EnterpriseUser, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use crate::frame::{self, Entry};
use crate::parts::typed;
use crate::parts::usage::{self as view, Header, RecordRow};
use crate::usage::typed::TypedForm;
use crate::usage::{open, usage_record};

/// The tab, and the page.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

struct Listed {
    row: RecordRow,
    may_edit: bool,
    may_submit: bool,
    may_delete: bool,
}

#[derive(Template)]
#[template(path = "usage/usage_records.html")]
struct RecordsPage {
    shell: Shell,
    header: Header,
    id: ApplicationId,
    form: FormView,
    kind: UsageKind,
    tabs: Vec<(UsageKind, i64)>,
    rows: Vec<Listed>,
    pager: Pager,
    may_record: bool,
}

impl RecordsPage {
    const fn party(&self) -> &'static str {
        match self.kind {
            UsageKind::Use => "使用单位",
            UsageKind::Return => "出口口岸",
            UsageKind::Destruction => "销毁地点",
        }
    }
}

/// The tabs; 使用记录 at first (R-2.9.4-01).
pub async fn list(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<ApplicationId>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let opened = open(&read, &app, &user, id).await?;
    let certificate = opened.goods.certificate.id;
    let kind: UsageKind = filters.kind.parse().unwrap_or(UsageKind::Use);
    let scope = user.scope();
    let tabs = usage::counts(&read, &scope, certificate).await?;
    let total = tabs.iter().find(|(k, _)| *k == kind).map_or(0, |(_, n)| *n);
    let query = PageQuery { page: filters.page, size: filters.size, ..PageQuery::default() };
    let pager = Pager::new(&query, total, &format!("/applications/{id}/usage-records"), &[("kind", kind.word())]);
    let records = usage::of_certificate(&read, &scope, certificate, Some(kind), pager.limit(), pager.offset()).await?;
    let rows = view::rows(&read, &app, &opened.goods, &records).await?;
    let may = |n: usize, action| policy::may_with_usage(user.actor(), &records[n].ownership, action).is_ok();
    let rows = rows
        .into_iter()
        .enumerate()
        .map(|(n, row)| Listed {
            row,
            may_edit: may(n, UsageAction::Edit),
            may_submit: may(n, UsageAction::Submit),
            may_delete: may(n, UsageAction::Delete),
        })
        .collect();
    let goods_href = format!("/applications/{id}/goods");
    let mut crumbs = vec![("查看申请列表", "/applications")];
    if opened.may_record {
        crumbs.push(("填写产品使用记录", goods_href.as_str()));
    }
    page::render(&RecordsPage {
        shell: frame::signed(&app, &user, "查看记录", Entry::Applications, &crumbs).await?,
        header: opened.goods.header(),
        id,
        form: FormView::blank(&user.caller.csrf),
        kind,
        tabs,
        rows,
        pager,
        may_record: opened.may_record,
    })
}

/// 提交 of a record in the list (R-2.9.4-05).
pub async fn submit(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<UsageRecordId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    usage_record::submit_stored(&app, &user, id).await
}

/// 删除 of a draft.
pub async fn delete(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<UsageRecordId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let record = usage::load_for_update(&tx, &user.scope(), id).await?;
    let deletion = policy::may_with_usage(user.actor(), &record.ownership, UsageAction::Delete)
        .map_err(|r| AppError::Conflict(r.to_string()))?;
    usage::delete(&tx, &record, deletion, &user.by(), app.now()).await?;
    typed::forget(&tx, &user, record.application, &TypedForm::Record(id).word()).await?;
    tx.commit().await?;
    let url = format!("/applications/{}/usage-records?kind={}", record.application, record.kind);
    let said = format!("已删除未提交的{}。", record.kind.record());
    Ok(flash::to(&app.key, app.config.is_https(), &url, &said))
}

//! 基础数据: one table after the other, with what holds and what has ended.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::reference_edition::{self, BEGINNING, END};
use domain::policy::KeepReferences;
use domain::reference::ReferenceKind;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::Permitted;
use kit::shell::Shell;

use super::row::code_said;
use crate::frame::{self, Entry};
use crate::parts::calendar;

/// The filters of the list.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

/// A table in the tabs.
pub(super) struct Tab {
    pub label: &'static str,
    pub href: String,
    pub is_current: bool,
}

/// The tabs above every page of 基础数据; none = 附件要求.
pub(super) fn tabs(current: Option<ReferenceKind>) -> Vec<Tab> {
    let mut all: Vec<_> = ReferenceKind::ALL
        .iter()
        .map(|k| Tab { label: k.label(), href: format!("/reference/{}", k.path()), is_current: current == Some(*k) })
        .collect();
    let rules =
        Tab { label: "附件要求", href: "/reference/attachment-rules".to_owned(), is_current: current.is_none() };
    all.insert(5, rules);
    all
}

struct Line {
    code: String,
    /// The code with what it stands for.
    said: String,
    title: String,
    validity: String,
    label: &'static str,
    tone: &'static str,
    is_pending: bool,
}

#[derive(Template)]
#[template(path = "reference/list.html")]
struct ListPage {
    shell: Shell,
    tabs: Vec<Tab>,
    kind: ReferenceKind,
    form: FormView,
    states: Vec<Choice>,
    rows: Vec<Line>,
    pager: Pager,
    is_filtered: bool,
    /// Of holidays: how far this year and the next are registered.
    years: Vec<calendar::YearNote>,
}

impl ListPage {
    fn search_label(&self) -> &'static str {
        if self.kind == ReferenceKind::Holiday {
            "日期或名称"
        } else if self.kind == ReferenceKind::ServiceTerm {
            "岗位代码"
        } else {
            "代码或名称"
        }
    }

    fn sub(&self) -> &'static str {
        if self.kind == ReferenceKind::Holiday {
            "按国务院办公厅每年的节假日安排，逐日登记放假的日子和调休上班的日子，周末放假的日子也登记。登记或修改后，等待时间、办理期限和统计自动重新计算。"
        } else if self.kind == ReferenceKind::ServiceTerm {
            "各岗位应在几个工作日内办结。修改可以指定生效日期；以前的办理按当时的期限判定是否超期。"
        } else {
            "基础数据只停用、不删除。修改可以指定生效日期；已提交的申请保持提交时的内容。"
        }
    }
}

/// The first table.
pub async fn index(_user: Permitted<KeepReferences>) -> Response {
    page::see_other(&format!("/reference/{}", ReferenceKind::HsType.path()))
}

/// The rows of a table.
pub async fn list(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Path(path): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Response, AppError> {
    let kind = ReferenceKind::from_path(&path).ok_or(AppError::NotFound)?;
    let ended = match query.state.as_str() {
        "on" => Some(false),
        "off" => Some(true),
        _ => None,
    };
    let today = app.clock.today();
    let read = app.db.read();
    let total = reference_edition::count(&read, &user.permit, kind, &query.q, ended, today).await?;
    let pairs = [("q", query.q.as_str()), ("state", query.state.as_str())];
    let asked = PageQuery { page: query.page.clone(), size: query.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&asked, total, &format!("/reference/{path}"), &pairs);
    let (limit, offset) = (pager.limit(), pager.offset());
    let found = reference_edition::list(&read, &user.permit, kind, &query.q, ended, today, limit, offset).await?;
    let today = today.to_string();
    let rows = found
        .into_iter()
        .map(|l| {
            let (label, tone) = if l.valid_to.as_str() < today.as_str() && kind.is_dated() {
                ("已停用", "t-slate")
            } else if l.valid_from > today {
                ("尚未生效", "t-blue")
            } else {
                ("有效", "t-green")
            };
            Line {
                validity: if kind.is_dated() { validity(&l.valid_from, &l.valid_to) } else { String::new() },
                label,
                tone,
                is_pending: l.pending > 0,
                said: code_said(kind, &l.code),
                title: if kind == ReferenceKind::ServiceTerm { format!("{} 个工作日", l.title) } else { l.title },
                code: l.code,
            }
        })
        .collect();
    let data = FormData::from_pairs(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
    page::render(&ListPage {
        shell: frame::signed(&app, &user, kind.label(), Entry::References, &[("基础数据", "/reference")]).await?,
        tabs: tabs(Some(kind)),
        kind,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        states: vec![Choice::new("on", "有效"), Choice::new("off", "已停用")],
        rows,
        pager,
        years: if kind == ReferenceKind::Holiday { calendar::years(&app) } else { Vec::new() },
        is_filtered: pairs.iter().any(|(_, v)| !v.is_empty()),
    })
}

/// `2026-01-01 起`, `至 2026-12-31`, `长期`.
pub(super) fn validity(from: &str, to: &str) -> String {
    match (from == BEGINNING, to == END) {
        (true, true) => "长期".to_owned(),
        (false, true) => format!("{from} 起"),
        (true, false) => format!("至 {to}"),
        (false, false) => format!("{from} 至 {to}"),
    }
}

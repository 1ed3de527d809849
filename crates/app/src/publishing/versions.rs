//! 版本记录: what stood in a notice after a deed.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::bulletin::{self, Version};
use domain::ids::BulletinId;
use domain::policy::PublishBulletins;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::Permitted;
use kit::shell::Shell;

use super::bulletin::CRUMBS;
use crate::frame::{self, Entry};
use crate::parts::prose::Prose;

/// A version in the list.
pub(super) struct Line {
    pub version: i64,
    pub at: String,
    pub who: String,
    pub what: String,
}

impl From<&Version> for Line {
    fn from(v: &Version) -> Self {
        Self { version: v.version, at: v.saved_at.china(), who: v.saved_by.clone(), what: what(v) }
    }
}

fn what(v: &Version) -> String {
    match v.deed.as_str() {
        "save" => "保存".to_owned(),
        "publish" => "发布".to_owned(),
        "withdraw" => format!("撤回：{}", v.remark),
        "add_file" => format!("添加附件：{}", v.remark),
        "delete_file" => format!("删除附件：{}", v.remark),
        other => other.to_owned(),
    }
}

#[derive(Template)]
#[template(path = "publishing/versions.html")]
struct VersionPage {
    shell: Shell,
    id: BulletinId,
    line: Line,
    title: String,
    category: String,
    pinned: bool,
    publishes: String,
    ends: String,
    prose: Prose,
}

/// One version.
pub async fn show(
    State(app): State<App>,
    user: Permitted<PublishBulletins>,
    Path((id, number)): Path<(BulletinId, i64)>,
) -> Result<Response, AppError> {
    let v = bulletin::version(&app.db.read(), &user.permit, id, number).await?;
    let own = format!("/publishing/{id}");
    let crumbs = [CRUMBS[0], ("修改公告", own.as_str())];
    page::render(&VersionPage {
        shell: frame::signed(&app, &user, &format!("版本 {number}"), Entry::Publishing, &crumbs).await?,
        id,
        line: Line::from(&v),
        prose: Prose::of(&v.body, v.format),
        publishes: v.publishes_at.map(Instant::china).unwrap_or_default(),
        ends: v.expires_at.map(Instant::china).unwrap_or_default(),
        title: v.title,
        category: v.category,
        pinned: v.pinned,
    })
}

//! 今日提醒: what needs the user today (R-1.3-10). The bell of the frame counts what 主页 lists.

use db::params;
use domain::actor::{Officer, Post};
use domain::ids::ApplicationId;
use domain::time::Instant;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::session::Signed;

use crate::parts::status::time_left;

/// How many are listed at most.
const SHOWN: i64 = 20;
/// A draft is mentioned during its last days.
const LAST_DAYS: i64 = 3;
/// How long a bureau is told of a withdrawal.
const WITHDRAWAL_DAYS: i64 = 3;

/// One thing of 今日提醒.
pub struct Reminder {
    /// Its colour.
    pub tone: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// Since when, or until when.
    pub when: String,
    /// What to do.
    pub text: String,
    /// The words of the link.
    pub link_label: String,
    /// Where to do it.
    pub href: String,
}

/// What waits for the user: $1 = the user, $2 = now, $3 = the end of the last days.
const MINE: &str = "FROM application WHERE owner_id = $1 AND entered_by_bureau IS NULL \
                    AND (state IN ('returned', 'comparing_paper') \
                    OR (state = 'draft' AND expires_at > $2 AND expires_at <= $3))";

fn mine(app: &App, user: &Signed) -> Vec<db::Value> {
    let now = app.now();
    params![user.session.actor.account(), now, now.plus_days(LAST_DAYS)]
}

/// How many things wait for the enterprise's user.
pub async fn count_of_enterprise(app: &App, user: &Signed) -> Result<u64, AppError> {
    let n = app.db.read().number(&format!("SELECT COUNT(*) {MINE}"), mine(app, user)).await?;
    Ok(u64::try_from(n).unwrap_or_default())
}

/// What waits for the enterprise's user, newest first.
pub async fn of_enterprise(app: &App, user: &Signed) -> Result<Vec<Reminder>, AppError> {
    #[derive(db::Row)]
    struct Columns {
        id: ApplicationId,
        number: Option<String>,
        state: S,
        expires_at: Instant,
        arrived_at: Option<Instant>,
    }
    let sql = format!(
        "SELECT id, number, state, expires_at, arrived_at {MINE} ORDER BY arrived_at DESC, id DESC LIMIT {SHOWN}"
    );
    let found: Vec<Columns> = app.db.read().rows(&sql, mine(app, user)).await?;
    let now = app.now();
    Ok(found
        .into_iter()
        .map(|c| {
            let number = c.number.unwrap_or_default();
            let when = c.arrived_at.map(Instant::china).unwrap_or_default();
            match c.state {
                S::Returned => Reminder {
                    tone: "t-amber",
                    icon: "arrow-back-up",
                    title: "申请被返回修改",
                    when,
                    text: "请按审批意见补正后重新提交：".to_owned(),
                    link_label: number,
                    href: format!("/applications/{}", c.id),
                },
                S::ComparingPaper => Reminder {
                    tone: "t-orange",
                    icon: "mail-forward",
                    title: "请送交纸质材料",
                    when,
                    text: "请查看纸质材料对比通知：".to_owned(),
                    link_label: number,
                    href: format!("/applications/{}/outcome", c.id),
                },
                // The question asks for drafts besides these two.
                _ => Reminder {
                    tone: "t-gray",
                    icon: "clock",
                    title: "草稿将自动删除",
                    when: time_left(c.expires_at, now),
                    text: "未提交的申请只保留 10 天，请尽快提交：".to_owned(),
                    link_label: format!("草稿 {}", c.id),
                    href: format!("/applications/{}/basics", c.id),
                },
            }
        })
        .collect())
}

/// What waits at the officer's posts, and what his bureau is told: applications that were withdrawn before anybody took
/// them (D24).
pub async fn of_officer(app: &App, officer: &Officer, waiting: &[(Post, u64)]) -> Result<Vec<Reminder>, AppError> {
    let mut out: Vec<_> = waiting
        .iter()
        .filter(|(_, n)| *n > 0)
        .map(|(post, n)| Reminder {
            tone: "t-blue",
            icon: "inbox",
            title: "有单据待办",
            when: String::new(),
            text: format!("{}岗：", post.label()),
            link_label: format!("{n} 件待办"),
            href: format!("/casework?post={}", post.word()),
        })
        .collect();
    out.extend(withdrawals(app, officer).await?);
    Ok(out)
}

async fn withdrawals(app: &App, officer: &Officer) -> Result<Vec<Reminder>, AppError> {
    #[derive(db::Row)]
    struct Columns {
        id: ApplicationId,
        number: Option<String>,
        applicant_name: String,
        arrived_at: Option<Instant>,
    }
    if !officer.posts.holds(Post::Accept) {
        return Ok(Vec::new());
    }
    let found: Vec<Columns> = app
        .db
        .read()
        .rows(
            &format!(
                "SELECT id, number, applicant_name, arrived_at FROM application WHERE receiving_bureau = $1 \
                 AND state = 'withdrawn' AND arrived_at > $2 ORDER BY arrived_at DESC LIMIT {SHOWN}"
            ),
            params![officer.bureau.clone(), app.now().plus_days(-WITHDRAWAL_DAYS)],
        )
        .await?;
    Ok(found
        .into_iter()
        .map(|c| Reminder {
            tone: "t-gray",
            icon: "arrow-back-up",
            title: "企业已撤回申请",
            when: c.arrived_at.map(Instant::china).unwrap_or_default(),
            text: format!("{}撤回了尚未办理的申请：", c.applicant_name),
            link_label: c.number.unwrap_or_default(),
            href: format!("/casework/{}", c.id),
        })
        .collect())
}

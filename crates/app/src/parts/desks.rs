//! What waits at a bureau for its certificates: amendments, revocations, surrenders. The menu counts it, 今日提醒 lists
//! it.

use db::params;
use domain::actor::{Officer, Post};
use kit::app::App;
use kit::error::AppError;

/// Where officers work on issued certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Desk {
    /// 证明修改批准 and 证明修改确认.
    Amendments,
    /// 撤销, by 后续监管.
    Revocations,
    /// 注销, by 发证.
    Surrenders,
}

impl Desk {
    /// The words of the menu.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Amendments => "证明修改",
            Self::Revocations => "证明撤销",
            Self::Surrenders => "证明注销",
        }
    }

    /// Its list.
    pub const fn href(self) -> &'static str {
        match self {
            Self::Amendments => "/amendments",
            Self::Revocations => "/revocations",
            Self::Surrenders => "/surrenders",
        }
    }

    /// Its icon.
    pub const fn icon(self) -> &'static str {
        match self {
            Self::Amendments => "file-diff",
            Self::Revocations => "ban",
            Self::Surrenders => "archive",
        }
    }

    /// Whether the officer works here.
    pub fn is_of(self, officer: &Officer) -> bool {
        let holds = |post: Post| officer.posts.holds(post);
        match self {
            Self::Amendments => holds(Post::AmendApprove) || holds(Post::AmendConfirm),
            Self::Revocations => holds(Post::Supervise),
            Self::Surrenders => holds(Post::Issue),
        }
    }
}

/// How many things wait for this officer at a desk.
#[derive(Debug, Clone, Copy)]
pub struct DeskCount {
    /// Where.
    pub desk: Desk,
    /// How many.
    pub n: u64,
}

/// What waits for the officer, at the desks where he works; one statement, none for who works at none.
pub async fn waiting(app: &App, officer: &Officer) -> Result<Vec<DeskCount>, AppError> {
    #[derive(db::Row)]
    struct Counts {
        requested: i64,
        submitted: i64,
        proposed: i64,
        surrenders: i64,
    }
    let desks = [Desk::Amendments, Desk::Revocations, Desk::Surrenders];
    if desks.iter().all(|d| !d.is_of(officer)) {
        return Ok(Vec::new());
    }
    let found: Option<Counts> = app
        .db
        .read()
        .row(
            "SELECT (SELECT COUNT(*) FROM certificate_amendment WHERE bureau_code = $1 AND state = 'requested') \
             AS requested, \
             (SELECT COUNT(*) FROM certificate_amendment WHERE bureau_code = $1 AND state = 'submitted') AS submitted, \
             (SELECT COUNT(*) FROM certificate_revocation WHERE bureau_code = $1 AND state = 'proposed' \
             AND proposed_by <> $2) AS proposed, \
             (SELECT COUNT(*) FROM certificate_surrender WHERE bureau_code = $1 AND state = 'requested') AS surrenders",
            params![officer.bureau.clone(), officer.account],
        )
        .await?;
    let Some(c) = found else { return Ok(Vec::new()) };
    let at = |post: Post, n: i64| if officer.posts.holds(post) { n } else { 0 };
    Ok(desks
        .into_iter()
        .filter(|d| d.is_of(officer))
        .map(|desk| {
            let n = match desk {
                Desk::Amendments => at(Post::AmendApprove, c.requested) + at(Post::AmendConfirm, c.submitted),
                Desk::Revocations => c.proposed,
                Desk::Surrenders => c.surrenders,
            };
            DeskCount { desk, n: u64::try_from(n).unwrap_or_default() }
        })
        .collect())
}

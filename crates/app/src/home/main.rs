//! 主页: what the user meets after log-in (manual §1.3, §2).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use db::bulletin::{self, Bulletin};
use db::params;
use domain::actor::{Actor, Cnca, Post, Undertaking};
use domain::ids::ApplicationId;
use domain::text;
use domain::time::Instant;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::Signed;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::barred::Barred;
use crate::parts::desks;
use crate::parts::reminders::{self, Reminder};
use crate::parts::status::Status;

/// A count that links to the list it counts.
struct Count {
    tone: &'static str,
    icon: &'static str,
    label: &'static str,
    n: u64,
    note: String,
    href: String,
}

/// One of the newest applications.
struct Recent {
    id: ApplicationId,
    number: Option<String>,
    day: String,
    clause: String,
    status: Status,
    is_draft: bool,
}

#[derive(Template)]
#[template(path = "home/main.html")]
struct MainPage {
    shell: Shell,
    heading: String,
    sub: String,
    is_enterprise: bool,
    /// What keeps this user from submitting (D29, D30).
    bar: Option<Barred>,
    may_begin: bool,
    /// 办理说明, of those who handle others' applications.
    help: &'static str,
    counts: Vec<Count>,
    recent: Vec<Recent>,
    reminders: Vec<Reminder>,
    bulletins: Vec<Bulletin>,
}

/// 主页, for each kind of user.
pub async fn show(State(app): State<App>, user: Signed) -> Result<Response, AppError> {
    let shell = frame::signed(&app, &user, "主页", Entry::Main, &[]).await?;
    let bulletins = bulletin::published(&app.db.read(), app.now(), 5, 0).await?;
    let heading = format!("您好，{}", user.session.belongs_to);
    let page = match &user.session.actor {
        Actor::Enterprise(_) => {
            let code = text::hyphenated(&user.session.profile.applicant.org_code);
            let reminders = reminders::of_enterprise(&app, &user).await?;
            MainPage {
                shell,
                heading,
                sub: format!("当前用户 {} · 组织机构代码 {code}", user.session.username),
                is_enterprise: true,
                bar: user.actor().bar(Undertaking::Beginning).map(Barred::of),
                may_begin: user.actor().bar(Undertaking::Draft).is_none(),
                help: "",
                counts: own_counts(&app, &user).await?,
                recent: recent(&app, &user).await?,
                reminders,
                bulletins,
            }
        }
        Actor::Officer(officer) => {
            let waiting = frame::waiting_at(&app, officer).await?;
            let desks = desks::waiting(&app, officer).await?;
            let counts = waiting
                .iter()
                .map(|(post, n)| Count {
                    tone: tone_of(*post),
                    icon: frame::icon_of(*post),
                    label: frame::work_of(*post),
                    n: *n,
                    note: "件待办".to_owned(),
                    href: frame::worklist_of(*post),
                })
                .chain(desks.iter().map(|d| Count {
                    tone: "t-indigo",
                    icon: d.desk.icon(),
                    label: d.desk.label(),
                    n: d.n,
                    note: "件待办".to_owned(),
                    href: d.desk.href().to_owned(),
                }))
                .collect();
            let posts: Vec<_> = officer.posts.iter().map(Post::label).collect();
            MainPage {
                shell,
                heading,
                sub: format!("当前用户 {} · 岗位：{}", officer.name, posts.join("、")),
                is_enterprise: false,
                bar: None,
                may_begin: false,
                help: "从左侧菜单或上方数字进入待办列表，按到岗时间先后办理。查看不会占用单据；点击“办理”后由您负责，其他人需说明理由才能接手。",
                counts,
                recent: Vec::new(),
                reminders: reminders::of_officer(&app, officer, &waiting, &desks).await?,
                bulletins,
            }
        }
        Actor::Cnca(cnca) => {
            let sub = format!("当前用户 {}", cnca.name);
            let counts = all_counts(&app, cnca).await?;
            let (recent, reminders) = (Vec::new(), reminders::of_cnca(&app, user.actor()));
            let help = "从左侧菜单或上方数字进入全国的申请列表，按条件查询后查看。";
            MainPage {
                shell,
                heading,
                sub,
                is_enterprise: false,
                bar: None,
                may_begin: false,
                help,
                counts,
                recent,
                reminders,
                bulletins,
            }
        }
    };
    page::render(&page)
}

const fn tone_of(post: Post) -> &'static str {
    match post {
        Post::FirstReview | Post::Compare => "t-cyan",
        Post::FinalReview => "t-indigo",
        Post::Accept
        | Post::Issue
        | Post::AmendApprove
        | Post::AmendConfirm
        | Post::WriteOff
        | Post::Supervise
        | Post::ProxyEntry
        | Post::Terminate
        | Post::BureauAdmin
        | Post::Publish
        | Post::ReferenceAdmin
        | Post::RoutingAdmin
        | Post::Statistics
        | Post::CncaAdmin => "t-blue",
    }
}

/// What waits for whoever looks at the page.
const WAITS_FOR_ME: &str = "待我处理";

#[derive(db::Row)]
struct StateCount {
    state: S,
    n: i64,
}

fn grouped(found: &[StateCount]) -> Vec<Count> {
    let sum = |states: &[S]| -> u64 {
        found.iter().filter(|c| states.contains(&c.state)).map(|c| u64::try_from(c.n).unwrap_or_default()).sum()
    };
    let under_way = [S::Accepting, S::FirstReview, S::FinalReview, S::Comparing, S::AwaitingIssue];
    let refused = [S::AcceptanceRefused, S::FirstReviewFailed, S::FinalReviewFailed, S::ComparingFailed];
    let part = |s: S| format!("{} {}", s.label(), sum(&[s]));
    vec![
        Count {
            tone: "t-gray",
            icon: "pencil",
            label: "未提交",
            n: sum(&[S::Draft]),
            note: "自初次填写起保留 10 天".to_owned(),
            href: "/applications?state=draft".to_owned(),
        },
        Count {
            tone: "t-blue",
            icon: "clock",
            label: "审批中",
            n: sum(&under_way),
            note: format!("{} · {}", part(S::Accepting), part(S::FirstReview)),
            href: "/applications?state=under_way".to_owned(),
        },
        Count {
            tone: "t-amber",
            icon: "alert-circle",
            label: WAITS_FOR_ME,
            n: sum(&[S::Returned, S::ComparingPaper]),
            note: format!("返回修改 {} · 送纸质材料 {}", sum(&[S::Returned]), sum(&[S::ComparingPaper])),
            href: "/applications?state=mine".to_owned(),
        },
        Count {
            tone: "t-green",
            icon: "certificate",
            label: "已发证",
            n: sum(&[S::Issued]),
            note: "可查看、打印证明".to_owned(),
            href: "/applications?state=issued".to_owned(),
        },
        Count {
            tone: "t-red",
            icon: "circle-x",
            label: "未通过",
            n: sum(&refused),
            note: "可查看原因".to_owned(),
            href: "/applications?state=refused".to_owned(),
        },
    ]
}

async fn own_counts(app: &App, user: &Signed) -> Result<Vec<Count>, AppError> {
    let conditions =
        db::scope::visible(&user.scope()).and("(a.state <> 'draft' OR a.expires_at > ?)", params![app.now()]);
    let sql = format!("SELECT a.state, COUNT(*) AS n FROM application a{} GROUP BY a.state", conditions.sql());
    let found: Vec<StateCount> = app.db.read().rows(&sql, conditions.values(vec![])).await?;
    Ok(grouped(&found))
}

async fn all_counts(app: &App, cnca: &Cnca) -> Result<Vec<Count>, AppError> {
    let found: Vec<StateCount> = app
        .db
        .read()
        .rows("SELECT state, COUNT(*) AS n FROM application WHERE state <> 'draft' GROUP BY state", params![])
        .await?;
    let mut counts: Vec<_> = grouped(&found).into_iter().skip(1).collect();
    for count in counts.iter_mut().filter(|c| c.label == WAITS_FOR_ME) {
        // It waits for the enterprises, not for whoever looks.
        count.label = "待企业处理";
    }
    if cnca.posts.holds(Post::Publish) {
        let sql = "SELECT COUNT(*) FROM bulletin WHERE is_draft";
        let drafts = app.db.read().number(sql, params![]).await?;
        counts.push(Count {
            tone: "t-amber",
            icon: "speakerphone",
            label: WAITS_FOR_ME,
            n: u64::try_from(drafts).unwrap_or_default(),
            note: "公告草稿待发布".to_owned(),
            href: "/publishing?state=draft".to_owned(),
        });
    }
    Ok(counts)
}

async fn recent(app: &App, user: &Signed) -> Result<Vec<Recent>, AppError> {
    #[derive(db::Row)]
    struct Columns {
        id: ApplicationId,
        number: Option<String>,
        state: S,
        clause_code: String,
        first_saved_at: Instant,
        submitted_at: Option<Instant>,
    }
    let listed = db::scope::listed(&user.scope(), app.now());
    let columns = "a.id, a.number, a.state, a.clause_code, a.first_saved_at, a.submitted_at";
    let found: Vec<Columns> = listed.page(app.db.read(), columns, 5, 0).await?;
    let references = app.references.now();
    Ok(found
        .into_iter()
        .map(|c| Recent {
            id: c.id,
            number: c.number,
            day: c.submitted_at.unwrap_or(c.first_saved_at).china_day().to_string(),
            clause: references.clause_name(&c.clause_code).to_owned(),
            status: Status::of(c.state),
            is_draft: c.state == S::Draft,
        })
        .collect())
}

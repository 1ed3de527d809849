//! 今日提醒: what needs the user today (R-1.3-10). The bell of the frame counts what 主页 lists.

use db::params;
use domain::actor::{Actor, Membership, Officer, Post};
use domain::certificate::CertificateState;
use domain::expiry;
use domain::ids::{ApplicationId, CertificateId, UsageRecordId};
use domain::ledger::{PENDING_DAYS, PreWriteOffState};
use domain::policy::{KeepReferences, permit};
use domain::time::{Day, Instant};
use domain::usage::{UsageKind, UsageState};
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::session::Signed;

use crate::frame;
use crate::parts::desks::DeskCount;
use crate::parts::status::time_left;
use crate::parts::{bureau_contact, calendar, certificate_notices};

/// How many are listed at most.
const SHOWN: i64 = 20;
/// A draft is mentioned during its last days, from day 7 on (D8).
const LAST_DAYS: i64 = 3;
/// How long colleagues are told of a change of the shared fields.
const CHANGE_DAYS: i64 = 7;
/// How long a company is told what became of its 预核销.
const DECISION_DAYS: i64 = 3;
/// How long the enterprise is told that a usage record was approved.
const APPROVAL_DAYS: i64 = 3;
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
                    AND state IN ('draft', 'returned', 'comparing_paper') \
                    AND (state <> 'draft' OR (expires_at > $2 AND expires_at <= $3))";

/// 产品使用记录 of the user $1 that came back, or were approved after this moment.
fn judged(since: &str) -> String {
    format!(
        "u.owner_id = $1 AND u.state IN ('approved', 'rejected') AND (u.state = 'rejected' OR u.decided_at > {since})"
    )
}

fn mine(app: &App, user: &Signed) -> Vec<db::Value> {
    let now = app.now();
    params![user.session.actor.account(), now, now.plus_days(LAST_DAYS)]
}

/// A certificate is mentioned by itself during its last days; all that end within [`SOON_DAYS`] are mentioned together.
const LAST_DAYS_OF_CERTIFICATE: i64 = 7;
/// So many days before the last day a certificate is mentioned first (D17).
const SOON_DAYS: i64 = expiry::REMINDERS[0];

/// Of the user's certificates `c` those in force, with something left, that end between two days: `$user`, `$from`, `$to`.
fn ending(user: &str, from: &str, to: &str) -> String {
    format!(
        "c.owner_id = {user} AND c.valid_to BETWEEN {from} AND {to} AND c.state IN ('valid', 'amending') \
         AND c.open_lines > 0"
    )
}

/// What was decided of his 预核销 lately: $1 = the user, then the oldest submission that may be meant, and the oldest
/// decision.
fn decided(n: usize) -> String {
    format!(
        "FROM pre_write_off b JOIN pre_write_off_item i ON i.pre_write_off_id = b.id WHERE b.declared_by = $1 \
         AND b.declared_at > ${n} AND i.decided_at > ${} AND i.state IN ('confirmed', 'refused', 'lapsed')",
        n + 1
    )
}

/// The oldest submission of 预核销 of which a decision can be new, and the oldest new decision.
fn decided_since(app: &App) -> [Instant; 2] {
    let since = app.now().plus_days(-DECISION_DAYS);
    [since.plus_days(-2 * PENDING_DAYS), since]
}

/// How many things wait for the enterprise's user.
pub async fn count_of_enterprise(app: &App, user: &Signed) -> Result<u64, AppError> {
    let Actor::Enterprise(enterprise) = user.actor() else { return Ok(0) };
    let mut params = mine(app, user);
    params.extend(params![
        enterprise.organisation,
        app.now().plus_days(-CHANGE_DAYS),
        enterprise.membership == Membership::Administrator
    ]);
    let today = app.clock.today();
    let last = today.plus_days(LAST_DAYS_OF_CERTIFICATE);
    params.extend(params![today, last, last.plus_days(1), today.plus_days(SOON_DAYS)]);
    let (last, soon) = (ending("$1", "$7", "$8"), ending("$1", "$9", "$10"));
    params.extend(decided_since(app).map(db::Value::from));
    params.extend(params![app.now().plus_days(-APPROVAL_DAYS)]);
    let judged = judged("$13");
    let n = app
        .db
        .read()
        .number(
            &format!(
                "SELECT (SELECT COUNT(*) {MINE}) + (SELECT COUNT(*) FROM certificate c WHERE {last}) \
                 + (CASE WHEN EXISTS (SELECT 1 FROM certificate c WHERE {soon}) THEN 1 ELSE 0 END) \
                 + (SELECT COUNT(*) FROM organisation o WHERE o.id = $4 AND o.changed_at > $5 AND o.changed_by <> $1) \
                 + (CASE WHEN $6 AND EXISTS (SELECT 1 FROM account c WHERE c.organisation_id = $4 \
                 AND c.membership = 'pending' AND NOT c.disabled AND c.mailbox_proved_at IS NOT NULL) THEN 1 ELSE 0 END) \
                 + (SELECT COUNT(*) FROM usage_record u WHERE {judged}) + {} \
                 + (SELECT COUNT(*) FROM (SELECT DISTINCT b.id, i.state {}) decided)",
                certificate_notices::count_sql(),
                decided(11)
            ),
            params,
        )
        .await?;
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
    let mut out: Vec<_> = found
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
                _ if c.expires_at <= now.plus_days(1) => Reminder {
                    tone: "t-red",
                    icon: "clock-exclamation",
                    title: "草稿即将到期",
                    when: time_left(c.expires_at, now),
                    text: "到期后不能再打开，系统自动删除，请今天提交：".to_owned(),
                    link_label: format!("草稿 {}", c.id),
                    href: format!("/applications/{}/basics", c.id),
                },
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
        .collect();
    out.extend(of_certificates(app, user).await?);
    out.extend(certificate_notices::of_holder(app, user.actor().account(), SHOWN).await?);
    out.extend(of_write_offs(app, user).await?);
    out.extend(judged_records(app, user).await?);
    out.extend(of_organisation(app, user).await?);
    Ok(out)
}

/// The user's certificates that end soon (D17, D19): those of the last days one by one, the others together.
async fn of_certificates(app: &App, user: &Signed) -> Result<Vec<Reminder>, AppError> {
    #[derive(db::Row)]
    struct Columns {
        id: CertificateId,
        number: String,
        state: CertificateState,
        valid_to: Day,
        is_touched: bool,
        later: i64,
        application_id: ApplicationId,
        is_proxy: bool,
    }
    let today = app.clock.today();
    let last = today.plus_days(LAST_DAYS_OF_CERTIFICATE);
    let sql = format!(
        "SELECT c.id, c.number, c.state, c.valid_to, c.written_lines > 0 OR c.pending_lines > 0 AS is_touched, \
         CAST(0 AS BIGINT) AS later, a.id AS application_id, a.entered_by_bureau IS NOT NULL AS is_proxy \
         FROM certificate c JOIN application a ON a.id = c.application_id WHERE {} \
         UNION ALL SELECT 0, '', 'valid', MIN(c.valid_to), 1 = 0, COUNT(*), 0, 1 = 0 FROM certificate c WHERE {} \
         HAVING COUNT(*) > 0 \
         ORDER BY 6 DESC, 4, 1 LIMIT {}",
        ending("$1", "$2", "$3"),
        ending("$1", "$4", "$5"),
        SHOWN + 1
    );
    let values = params![user.session.actor.account(), today, last, last.plus_days(1), today.plus_days(SOON_DAYS)];
    let mut found: Vec<Columns> = app.db.read().rows(&sql, values).await?;
    found.sort_by_key(|c| c.later > 0);
    Ok(found
        .into_iter()
        .map(|c| {
            if c.later > 0 {
                return Reminder {
                    tone: "t-gray",
                    icon: "clock",
                    title: "证明将在 30 天内到期",
                    when: format!("最早 {}", c.valid_to),
                    text: format!(
                        "有 {} 份证明在 8 至 30 天后到期，请安排进口和预核销，需要延长有效期的请及早办理：",
                        c.later
                    ),
                    link_label: "查看 30 天内到期的证明".to_owned(),
                    href: format!("/certificates?within={SOON_DAYS}&sort=ends_first"),
                };
            }
            let mut href = format!("/certificates/{}", c.id);
            let text = match c.state {
                CertificateState::Amending => "正在办理修改，请在到期前完成：",
                // Revoked and surrendered ones are not asked for.
                CertificateState::Valid | CertificateState::Revoked | CertificateState::Surrendered if c.is_touched => {
                    if !c.is_proxy {
                        href = format!("/applications/{}/copy", c.application_id);
                    }
                    "已有核销，不能延期；其余产品还需要进口的，请复制为新申请："
                }
                CertificateState::Valid | CertificateState::Revoked | CertificateState::Surrendered => {
                    "尚未核销，需要延长有效期的请申请修改证明："
                }
            };
            let is_last = expiry::days_left(c.valid_to, today) <= 1;
            Reminder {
                tone: if is_last { "t-red" } else { "t-amber" },
                icon: if is_last { "clock-exclamation" } else { "clock" },
                title: "证明即将到期",
                when: expiry::left_in_words(c.valid_to, today),
                text: text.to_owned(),
                link_label: c.number,
                href,
            }
        })
        .collect())
}

/// What became of the user's 预核销, submission by submission.
async fn of_write_offs(app: &App, user: &Signed) -> Result<Vec<Reminder>, AppError> {
    #[derive(db::Row)]
    struct Columns {
        certificate_id: CertificateId,
        number: String,
        state: PreWriteOffState,
        products: i64,
        at: Instant,
    }
    let sql = format!(
        "SELECT d.certificate_id, c.number, d.state, d.products, d.at FROM (SELECT b.id, b.certificate_id, i.state, \
         COUNT(*) AS products, MAX(i.decided_at) AS at {} GROUP BY b.id, b.certificate_id, i.state) d \
         JOIN certificate c ON c.id = d.certificate_id ORDER BY d.at DESC, d.id DESC LIMIT {SHOWN}",
        decided(2)
    );
    let mut params = params![user.session.actor.account()];
    params.extend(decided_since(app).map(db::Value::from));
    let found: Vec<Columns> = app.db.read().rows(&sql, params).await?;
    let out = found.into_iter().map(|c| {
        let (tone, icon, title, text) = match c.state {
            PreWriteOffState::Confirmed => ("t-green", "check", "预核销已确认", "可以查看核销的数量："),
            PreWriteOffState::Refused => ("t-red", "arrow-back-up", "预核销被退回", "数量已恢复，请查看原因："),
            PreWriteOffState::Lapsed | PreWriteOffState::Withdrawn | PreWriteOffState::Pending => {
                ("t-slate", "clock-off", "预核销已失效", "数量已恢复，需要时请重新提交：")
            }
        };
        Reminder {
            tone,
            icon,
            title,
            when: c.at.china(),
            text: format!("{} 个产品，{text}", c.products),
            link_label: format!("证明 {}", c.number),
            href: format!("/certificates/{}/pre-write-offs", c.certificate_id),
        }
    });
    Ok(out.collect())
}

/// What 后续监管 said about the user's 产品使用记录 (D14).
async fn judged_records(app: &App, user: &Signed) -> Result<Vec<Reminder>, AppError> {
    #[derive(db::Row)]
    struct Columns {
        id: UsageRecordId,
        kind: UsageKind,
        state: UsageState,
        decided_at: Option<Instant>,
    }
    let sql = format!(
        "SELECT u.id, u.kind, u.state, u.decided_at FROM usage_record u WHERE {} ORDER BY u.decided_at DESC LIMIT {SHOWN}",
        judged("$2")
    );
    let values = params![user.session.actor.account(), app.now().plus_days(-APPROVAL_DAYS)];
    let found: Vec<Columns> = app.db.read().rows(&sql, values).await?;
    Ok(found
        .into_iter()
        .map(|c| {
            let when = c.decided_at.map(Instant::china).unwrap_or_default();
            let link_label = format!("{} {}", c.kind.record(), c.id);
            if c.state == UsageState::Rejected {
                Reminder {
                    tone: "t-red",
                    icon: "circle-x",
                    title: "产品使用记录审核未通过",
                    when,
                    text: "请按审核意见修改后再次提交：".to_owned(),
                    link_label,
                    href: format!("/usage-records/{}/edit", c.id),
                }
            } else {
                Reminder {
                    tone: "t-green",
                    icon: "circle-check",
                    title: "产品使用记录审核通过",
                    when,
                    text: "后续监管已审核通过：".to_owned(),
                    link_label,
                    href: format!("/usage-records/{}", c.id),
                }
            }
        })
        .collect())
}

/// What happened in the user's organisation: colleagues to confirm, shared fields that somebody else changed (D3).
async fn of_organisation(app: &App, user: &Signed) -> Result<Vec<Reminder>, AppError> {
    #[derive(db::Row)]
    struct Columns {
        waiting: i64,
        changed_at: Option<Instant>,
        changed_by: Option<String>,
    }
    let Actor::Enterprise(enterprise) = user.actor() else { return Ok(Vec::new()) };
    let found: Option<Columns> = app
        .db
        .read()
        .row(
            "SELECT (SELECT COUNT(*) FROM account c WHERE c.organisation_id = o.id AND c.membership = 'pending' \
             AND NOT c.disabled AND c.mailbox_proved_at IS NOT NULL) AS waiting, \
             CASE WHEN o.changed_at > $2 AND o.changed_by <> $3 THEN o.changed_at END AS changed_at, \
             (SELECT c.username FROM account c WHERE c.id = o.changed_by) AS changed_by \
             FROM organisation o WHERE o.id = $1",
            params![enterprise.organisation, app.now().plus_days(-CHANGE_DAYS), enterprise.account],
        )
        .await?;
    let Some(c) = found else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    if c.waiting > 0 && enterprise.membership == Membership::Administrator {
        out.push(Reminder {
            tone: "t-amber",
            icon: "user-plus",
            title: "有用户待确认",
            when: String::new(),
            text: "以本单位组织机构代码注册的用户，请确认是否属于本单位：".to_owned(),
            link_label: format!("{} 个用户待确认", c.waiting),
            href: "/profile/colleagues".to_owned(),
        });
    }
    if let (Some(at), Some(by)) = (c.changed_at, c.changed_by) {
        out.push(Reminder {
            tone: "t-blue",
            icon: "info-circle",
            title: "申请单位信息有修改",
            when: at.china(),
            text: format!("{by} 修改了本单位共用的信息："),
            link_label: "查看用户信息".to_owned(),
            href: "/profile/particulars".to_owned(),
        });
    }
    Ok(out)
}

/// What waits at the officer's posts, and what his bureau is told: applications that were withdrawn before anybody took
/// them (D24).
pub async fn of_officer(
    app: &App,
    officer: &Officer,
    waiting: &[(Post, u64)],
    desks: &[DeskCount],
) -> Result<Vec<Reminder>, AppError> {
    let mut out = Vec::new();
    if bureau_contact::is_asked_for(app, &Actor::Officer(officer.clone())) {
        out.push(Reminder {
            tone: "t-amber",
            icon: "map-pin",
            title: "本局联系方式未登记",
            when: String::new(),
            text: "企业的回执、通知和邮件上没有本局的地址或电话，请登记：".to_owned(),
            link_label: "填写本局联系方式".to_owned(),
            href: "/bureau-contact".to_owned(),
        });
    }
    out.extend(waiting.iter().filter(|(_, n)| *n > 0).map(|(post, n)| Reminder {
        tone: "t-blue",
        icon: "inbox",
        title: "有单据待办",
        when: String::new(),
        text: format!("{}岗：", post.label()),
        link_label: format!("{n} 件待办"),
        href: frame::worklist_of(*post),
    }));
    out.extend(desks.iter().filter(|d| d.n > 0).map(|d| Reminder {
        tone: "t-blue",
        icon: d.desk.icon(),
        title: "有证明待办",
        when: String::new(),
        text: format!("{}：", d.desk.label()),
        link_label: format!("{} 件待办", d.n),
        href: d.desk.href().to_owned(),
    }));
    out.extend(withdrawals(app, officer).await?);
    Ok(out)
}

/// What CNCA's keeper of the reference data is told: the holidays of a year are missing.
pub fn of_cnca(app: &App, actor: &Actor) -> Vec<Reminder> {
    if permit::<KeepReferences>(actor).is_err() {
        return Vec::new();
    }
    let Some((year, is_urgent)) = calendar::missing_today(app) else { return Vec::new() };
    let is_current = year == app.clock.today().year();
    vec![Reminder {
        tone: if is_urgent { "t-red" } else { "t-amber" },
        icon: "calendar-due",
        title: if is_current { "今年的节假日尚未登记" } else { "明年的节假日尚未登记" },
        when: if is_current { String::new() } else { format!("请在 {}-12-31 前登记", year - 1) },
        text: if is_current {
            format!("{year} 年的办理期限现在按法定节假日推算，超期可能判断不准，请立即登记：")
        } else {
            format!("{year} 年的办理期限暂按法定节假日推算，国务院办公厅公布安排后请登记：")
        },
        link_label: format!("登记 {year} 年节假日"),
        href: "/reference/holidays".to_owned(),
    }]
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

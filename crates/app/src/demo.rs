//! Demonstration data: accounts, a dozen applications in different states and a 预核销 or two, made through the real deeds with a
//! shifted clock (E34). Only with `--demo`, and only into an empty database.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use db::account::{Appointment, Particulars, Registration};
use db::audit::By;
use db::ledger::{Deed, Place, draw_down};
use db::reference::HsType;
use domain::actor::{Post, Posts};
use domain::application::ApplicantKind;
use domain::catalogue::CharacteristicKind;
use domain::ids::{
    AccountId, BureauCode, CertificateId, CertificateItemId, ClauseCode, DelegationId, PortCode, RegionCode,
};
use domain::ledger::Amounts;
use domain::routing::{Delegation, Step};
use domain::time::{FixedClock, Instant};
use kit::app::{App, Parts};
use kit::reference::References;
use kit::throttle::Throttle;

use crate::clerk::Clerk;
use crate::passwords;

/// The password of every demonstration account.
pub const PASSWORD: &str = "mianban-demo-2026";
/// Nothing of the demonstration is older, in days.
pub const OLDEST_DAYS: i64 = 60;
/// The setting that marks a demonstration database.
pub const MARK: &str = "demonstration";
/// The mark while the data are being made.
const UNFINISHED: &str = "unfinished";
/// The mark when all is there.
const FINISHED: &str = "finished";
/// The bureau of the demonstration officers.
const SHANGHAI: &str = "310000";

/// An account of the demonstration.
#[derive(Debug)]
pub struct DemoAccount {
    /// 用户类型.
    pub kind: &'static str,
    /// 用户名.
    pub username: &'static str,
    /// What it is for.
    pub what: &'static str,
    /// Its posts; none = the enterprise.
    posts: &'static [Post],
}

const fn account(
    kind: &'static str,
    username: &'static str,
    what: &'static str,
    posts: &'static [Post],
) -> DemoAccount {
    DemoAccount { kind, username, what, posts }
}

/// All of them, as the login page shows them.
pub const ACCOUNTS: &[DemoAccount] = &[
    account("企业", "demo_enterprise", "申请单位用户", &[]),
    account("检验检疫局", "demo_accept", "上海局 受理", &[Post::Accept]),
    account("检验检疫局", "demo_accept2", "上海局 受理（第二人）", &[Post::Accept]),
    account("检验检疫局", "demo_first", "上海局 初审", &[Post::FirstReview]),
    account("检验检疫局", "demo_final", "上海局 终审", &[Post::FinalReview]),
    account("检验检疫局", "demo_compare", "上海局 文件对比", &[Post::Compare]),
    account("检验检疫局", "demo_issue", "上海局 发证", &[Post::Issue]),
    account("检验检疫局", "demo_amend", "上海局 证明修改批准", &[Post::AmendApprove]),
    account("检验检疫局", "demo_amend2", "上海局 证明修改确认", &[Post::AmendConfirm]),
    account("检验检疫局", "demo_writeoff", "上海局 核销", &[Post::WriteOff]),
    account("检验检疫局", "demo_supervise", "上海局 后续监管", &[Post::Supervise]),
    account("检验检疫局", "demo_supervise2", "上海局 后续监管（第二人）", &[Post::Supervise]),
    account("检验检疫局", "demo_entry", "上海局 补录", &[Post::ProxyEntry]),
    account("检验检疫局", "demo_bureau", "上海局 局系统管理员、强制终止", &[Post::BureauAdmin, Post::Terminate]),
    account(
        "认监委",
        "demo_cnca",
        "信息发布、基础数据、业务下放配置、统计、系统管理",
        &[Post::Publish, Post::ReferenceAdmin, Post::RoutingAdmin, Post::Statistics, Post::CncaAdmin],
    ),
];

/// A step of a course: who does what.
type Course = &'static [(&'static str, &'static [(&'static str, &'static str)])];

const ACCEPT: (&str, &[(&str, &str)]) = ("demo_accept", &[("decision", "accept"), ("opinion", "材料齐全，准予受理。")]);
const FIRST: (&str, &[(&str, &str)]) = ("demo_first", &[("decision", "pass"), ("opinion", "符合免办条款，同意。")]);
const FINAL: (&str, &[(&str, &str)]) = ("demo_final", &[("decision", "pass"), ("opinion", "同意。")]);
const COMPARE: (&str, &[(&str, &str)]) = ("demo_compare", &[("decision", "pass"), ("opinion", "原件与上传文件一致。")]);
const ISSUE: (&str, &[(&str, &str)]) = ("demo_issue", &[("decision", "issue")]);
const DECLARE: (&str, &[(&str, &str)]) = ("demo_enterprise", &[("declare", "4")]);
const CONFIRM: (&str, &[(&str, &str)]) = ("demo_writeoff", &[("confirm", "4")]);
/// What became of goods, as the enterprise writes it: kind, how many, and whether it is submitted.
const USED: (&str, &[(&str, &str)]) = ("demo_enterprise", &[("usage", "use"), ("qty", "3"), ("deed", "submit")]);
const DESTROYED: (&str, &[(&str, &str)]) =
    ("demo_enterprise", &[("usage", "destruction"), ("qty", "2"), ("deed", "submit")]);
const RETURNED: (&str, &[(&str, &str)]) = ("demo_enterprise", &[("usage", "return"), ("qty", "4"), ("deed", "submit")]);
const HALF_WRITTEN: (&str, &[(&str, &str)]) = ("demo_enterprise", &[("usage", "use"), ("qty", "1"), ("deed", "save")]);

/// 证明修改: the company called, changed, and submitted; it waits for the confirmation.
const RELEASE: (&str, &[(&str, &str)]) = ("demo_amend", &[("certificate", "release")]);
const CHANGE: (&str, &[(&str, &str)]) = ("demo_enterprise", &[("certificate", "change")]);
/// 撤销: proposed by one, decided by another.
const PROPOSE: (&str, &[(&str, &str)]) = ("demo_supervise", &[("certificate", "propose")]);
const REVOKE: (&str, &[(&str, &str)]) = ("demo_supervise2", &[("certificate", "revoke")]);

/// One application: how many days ago it began, its clause and mode, its product, and its course.
struct Story {
    days_ago: i64,
    clause: &'static str,
    trade_mode: &'static str,
    product: (&'static str, &'static str, &'static str),
    purpose: &'static str,
    submitted: bool,
    course: Course,
}

const RESEARCH: &str = "用于新一代房间空气调节器能效对比测试，样机测试完成后退运出境，不在境内销售。";
const AIR: (&str, &str, &str) = ("8415", "独立窗式空调器样机", "KC-26/ZW-T1");
const FRIDGE: (&str, &str, &str) = ("8418", "家用冷藏箱样机", "BC-92");
const CABLE: (&str, &str, &str) = ("8544", "设备内部连接电缆", "H05VV-F 3G1.5");

const STORIES: &[Story] = &[
    Story {
        days_ago: 2,
        clause: "1",
        trade_mode: "0110",
        product: AIR,
        purpose: RESEARCH,
        submitted: false,
        course: &[],
    },
    Story {
        days_ago: 8,
        clause: "5",
        trade_mode: "2700",
        product: FRIDGE,
        purpose: "用于展会现场展示，展示结束后全部退运，不销售。",
        submitted: false,
        course: &[],
    },
    Story {
        days_ago: 0,
        clause: "1",
        trade_mode: "0110",
        product: AIR,
        purpose: RESEARCH,
        submitted: true,
        course: &[],
    },
    Story {
        days_ago: 1,
        clause: "3",
        trade_mode: "0110",
        product: CABLE,
        purpose: "直接用于最终用户进口设备的维修更换，不单独销售。",
        submitted: true,
        course: &[],
    },
    Story {
        days_ago: 4,
        clause: "1",
        trade_mode: "0110",
        product: FRIDGE,
        purpose: RESEARCH,
        submitted: true,
        course: &[
            ACCEPT,
            (
                "demo_first",
                &[
                    ("decision", "return"),
                    ("part", "items"),
                    ("part", "attachments"),
                    ("field", "items.model"),
                    ("field", "attachments.technical"),
                    ("opinion", "第 1 项产品型号与发票不一致，请核对规格型号；请补充产品铭牌照片。"),
                ],
            ),
        ],
    },
    Story {
        days_ago: 3,
        clause: "4",
        trade_mode: "0110",
        product: CABLE,
        purpose: "工厂成套生产线配套所需的设备部件，随生产线安装使用。",
        submitted: true,
        course: &[ACCEPT],
    },
    Story {
        days_ago: 5,
        clause: "1",
        trade_mode: "0110",
        product: AIR,
        purpose: RESEARCH,
        submitted: true,
        course: &[ACCEPT, FIRST],
    },
    Story {
        days_ago: 6,
        clause: "6",
        trade_mode: "2700",
        product: FRIDGE,
        purpose: "暂时进口参加展览，展览结束后退运出关。",
        submitted: true,
        course: &[ACCEPT, FIRST, FINAL],
    },
    Story {
        days_ago: 7,
        clause: "1",
        trade_mode: "0110",
        product: AIR,
        purpose: RESEARCH,
        submitted: true,
        course: &[
            ACCEPT,
            FIRST,
            FINAL,
            (
                "demo_compare",
                &[
                    ("decision", "request_paper"),
                    ("address", "上海检验检疫局受理窗口"),
                    ("papers", "责任担保书原件；产品符合性声明原件"),
                    ("contact", "受理窗口"),
                    ("deadline", "+20"),
                    ("opinion", "请送交纸质原件对比。"),
                ],
            ),
        ],
    },
    Story {
        days_ago: 9,
        clause: "3",
        trade_mode: "0110",
        product: CABLE,
        purpose: "直接用于最终用户进口设备的维修更换，不单独销售。",
        submitted: true,
        course: &[ACCEPT, FIRST, FINAL, COMPARE],
    },
    Story {
        days_ago: 30,
        clause: "1",
        trade_mode: "0110",
        product: AIR,
        purpose: RESEARCH,
        submitted: true,
        course: &[ACCEPT, FIRST, FINAL, COMPARE, ISSUE, DECLARE, CONFIRM, DECLARE],
    },
    Story {
        days_ago: 45,
        clause: "4",
        trade_mode: "0110",
        product: CABLE,
        purpose: "工厂成套生产线配套所需的设备部件，随生产线安装使用。",
        submitted: true,
        course: &[ACCEPT, FIRST, FINAL, COMPARE, ISSUE],
    },
    Story {
        days_ago: 40,
        clause: "1",
        trade_mode: "0110",
        product: FRIDGE,
        purpose: RESEARCH,
        submitted: true,
        course: &[
            ACCEPT,
            FIRST,
            FINAL,
            COMPARE,
            ISSUE,
            ("demo_writeoff", &[("write_off", "10")]),
            USED,
            ("demo_supervise", &[("judge", "usage_approve"), ("opinion", "现场核查，使用情况属实。")]),
            DESTROYED,
            ("demo_supervise", &[("judge", "usage_reject"), ("opinion", "请补充销毁现场照片和销毁单位的证明。")]),
            RETURNED,
            HALF_WRITTEN,
        ],
    },
    Story {
        days_ago: 20,
        clause: "9",
        trade_mode: "0110",
        product: FRIDGE,
        purpose: "因特殊用途申请免办，详见情况说明。",
        submitted: true,
        course: &[(
            "demo_accept",
            &[("decision", "refuse"), ("opinion", "所述用途不属于免办情形，请办理强制性产品认证。")],
        )],
    },
    Story {
        days_ago: 18,
        clause: "1",
        trade_mode: "0110",
        product: AIR,
        purpose: RESEARCH,
        submitted: true,
        course: &[
            ACCEPT,
            ("demo_first", &[("decision", "fail"), ("opinion", "测试数量超出合理范围，且未说明测试计划。")]),
        ],
    },
    Story {
        days_ago: 15,
        clause: "1",
        trade_mode: "0110",
        product: FRIDGE,
        purpose: RESEARCH,
        submitted: true,
        course: &[("demo_enterprise", &[("withdraw", "1")])],
    },
    Story {
        days_ago: 12,
        clause: "3",
        trade_mode: "0110",
        product: CABLE,
        purpose: "直接用于最终用户进口设备的维修更换，不单独销售。",
        submitted: true,
        course: &[ACCEPT, ("demo_bureau", &[("terminate", "1")])],
    },
    Story {
        days_ago: 26,
        clause: "1",
        trade_mode: "0110",
        product: FRIDGE,
        purpose: RESEARCH,
        submitted: true,
        course: &[ACCEPT, FIRST, FINAL, COMPARE, ISSUE, RELEASE, CHANGE],
    },
    Story {
        days_ago: 52,
        clause: "3",
        trade_mode: "0110",
        product: CABLE,
        purpose: "直接用于最终用户进口设备的维修更换，不单独销售。",
        submitted: true,
        course: &[ACCEPT, FIRST, FINAL, COMPARE, ISSUE, PROPOSE, REVOKE],
    },
];

/// Whether the database is a demonstration; one that holds anything else is refused.
pub async fn prepare(app: &App, now: Instant) -> anyhow::Result<()> {
    let read = app.db.read();
    match db::setting::get(&read, MARK).await?.as_deref() {
        Some(FINISHED) => return Ok(()),
        Some(_) => anyhow::bail!(
            "--demo is refused: making the demonstration data was broken off earlier; remove the data folder \
             (`make demo-reset`) and start again"
        ),
        None => {}
    }
    let accounts = read.number("SELECT COUNT(*) FROM account", db::params![]).await?;
    anyhow::ensure!(
        accounts == 0,
        "--demo is refused: the database holds data that are not a demonstration; use another --data-dir or --database-url"
    );
    Box::pin(fill(app, now)).await.context("making the demonstration data")
}

/// The same site with a clock of its own.
async fn shifted(app: &App, clock: Arc<FixedClock>) -> anyhow::Result<App> {
    Ok(App::new(Parts {
        db: app.db.clone(),
        files: app.files.clone(),
        clock,
        config: app.config.clone(),
        key: app.key.clone(),
        references: References::new(db::reference::load(&app.db.read()).await?),
        papers: app.papers.clone(),
        post: app.post.clone(),
        keys: app.keys.clone(),
        guesses: Throttle::default(),
        cores: app.cores.clone(),
        seen: app.seen.clone(),
        readings: app.readings.clone(),
        watch: kit::watch::Watch::default(),
    }))
}

async fn fill(app: &App, now: Instant) -> anyhow::Result<()> {
    let tx = app.db.begin().await?;
    db::setting::put(&tx, MARK, UNFINISHED).await?;
    tx.commit().await?;
    let clock = Arc::new(FixedClock::at(now.plus_days(-OLDEST_DAYS)));
    let past = shifted(app, clock.clone()).await?;
    let accounts = people(&past).await?;
    news(&past, now).await?;
    let router = crate::site::router(past.clone());
    // As it happened: lists put what was begun last first.
    let mut stories: Vec<_> = STORIES.iter().collect();
    stories.sort_by_key(|s| std::cmp::Reverse(s.days_ago));
    for story in stories {
        clock.set(now.plus_days(-story.days_ago).plus_hours(-9));
        tell(&past, &router, &clock, &accounts, story)
            .await
            .with_context(|| format!("the application of {} days ago", story.days_ago))?;
    }
    let tx = app.db.begin().await?;
    db::setting::put(&tx, MARK, FINISHED).await?;
    tx.commit().await?;
    Ok(())
}

type People = Vec<(&'static str, AccountId)>;

async fn people(app: &App) -> anyhow::Result<People> {
    let hash = passwords::hash(PASSWORD).await?;
    let now = app.now();
    let tx = app.db.begin().await?;
    let mut out = Vec::new();
    for a in ACCOUNTS {
        let id = if a.posts.is_empty() {
            let new = Registration {
                username: a.username.to_owned(),
                password_hash: hash.clone(),
                org_code: "802100433".to_owned(),
                org_code_entered: "802100433".to_owned(),
                org_name: "示例电器(上海)有限公司".to_owned(),
                org_postcode: "200000".to_owned(),
                org_address: "上海市浦东新区示例路 100 号".to_owned(),
                org_remark: String::new(),
                particulars: Particulars {
                    region: RegionCode::new("310115"),
                    applicant_kind: ApplicantKind::Importer,
                    legal_rep: String::new(),
                    contact_name: "张示例".to_owned(),
                    contact_phone: "021-00000000".to_owned(),
                    contact_mobile: String::new(),
                    contact_fax: String::new(),
                    contact_email: "demo@example.com".to_owned(),
                },
            };
            db::account::register(&tx, &new, db::account::Mailbox::Proved, now, "").await?
        } else {
            let new = Appointment {
                username: a.username.to_owned(),
                password_hash: hash.clone(),
                display_name: a.what.split('、').next().unwrap_or(a.what).to_owned(),
                bureau: (a.kind == "检验检疫局").then(|| BureauCode::new(SHANGHAI)),
                posts: Posts::new(a.posts.iter().copied()),
            };
            db::account::appoint(&tx, &new, &By::system(), now).await?
        };
        out.push((a.username, id));
    }
    // One 业务下放 rule outside Shanghai: Suzhou does its own 受理 and 初审 for end-user repair.
    let target = app.references.now().bureaus.iter().find(|b| b.parent.as_str() == "320000").map(|b| b.code.clone());
    if let Some(target) = target {
        let rule = Delegation {
            id: DelegationId::new(0),
            target,
            region_prefix: Some("3205".to_owned()),
            clause: Some(ClauseCode::new("3")),
            hs_prefix: None,
            trade_mode: None,
            steps: vec![Step::Accept, Step::FirstReview],
            priority: 0,
        };
        db::reference::add_delegation(&tx, &BureauCode::new("320000"), &rule, now.china_day(), now).await?;
    }
    tx.commit().await?;
    Ok(out)
}

async fn news(app: &App, now: Instant) -> anyhow::Result<()> {
    let tx = app.db.begin().await?;
    for (days_ago, title, category, pinned, body) in [
        (
            3,
            "关于启用 CCC 免办电子审批系统的通知",
            "通知",
            true,
            "即日起，免于办理强制性产品认证的申请、审批、发证通过本系统办理。\n\n首次使用的企业请先注册；检验检疫局人员的账号由本局系统管理员分配。",
        ),
        (
            7,
            "关于规范“以整机全数出口为目的”进口零部件免办申请材料的说明",
            "说明",
            false,
            "以整机全数出口为目的进口零部件的，请在情况说明中列明出口合同、整机型号与零部件清单的对应关系。",
        ),
        (
            14,
            "附件上传提示",
            "说明",
            false,
            "单个文件不超过 5M。建议使用 800*600 像素的图片，在能看清的前提下越小越好。",
        ),
        (
            24,
            "免办证明有效期提示",
            "公告",
            false,
            "免办证明自发证当日起算，至截止日期当日 24 时（北京时间）止。请在有效期内办理进口手续。",
        ),
    ] {
        db::bulletin::publish(&tx, title, category, body, pinned, now.plus_days(-days_ago)).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn tell(app: &App, router: &Router, clock: &FixedClock, people: &People, story: &Story) -> anyhow::Result<()> {
    let sit = async |name: &str| -> anyhow::Result<Clerk> {
        let id = people.iter().find(|(n, _)| *n == name).map(|(_, id)| *id).context("a demonstration account")?;
        Clerk::sit_down(app, router.clone(), id).await
    };
    let enterprise = sit("demo_enterprise").await?;
    let key = kit::random::token();
    let fields = [("clause_code", story.clause), ("trade_mode", story.trade_mode), ("creation_key", key.as_str())];
    let basics = enterprise.must("/applications/clause", &fields).await?;
    let id = basics.split('/').nth(2).context("an id in the address")?.to_owned();
    let seen = field_value(&enterprise.get(&basics).await?.text(), "seen");
    let last = (clock_day(clock), clock_day_plus(clock, 10));
    enterprise
        .must(
            &basics,
            &[
                ("seen", &seen),
                ("clause_code", story.clause),
                ("trade_mode", story.trade_mode),
                ("use_region_code_1", "310000"),
                ("use_region_code_2", "310100"),
                ("use_region_code_3", "310115"),
                ("use_address", "示例科技园 3 号楼 2 层"),
                ("use_unit_name", "示例电器(上海)有限公司"),
                ("use_contact", "张示例"),
                ("use_phone", "021-00000000"),
                ("contract_no", &format!("DEMO-{id:0>4}")),
                ("invoice_no", &format!("INV-{id:0>5}")),
                ("purpose", story.purpose),
                ("disposal_plan", if story.clause == "4" { "keep" } else { "return" }),
                ("display_from", if story.clause == "5" { last.0.as_str() } else { "" }),
                ("display_to", if story.clause == "5" { last.1.as_str() } else { "" }),
            ],
        )
        .await?;
    let references = app.references.now();
    let (prefix, product, model) = story.product;
    let hs: &HsType = references
        .hs_types_matching(prefix, "", clock_now(clock).china_day())
        .into_iter()
        .next()
        .context("a HS type for the demonstration")?;
    add_product(&enterprise, &id, hs, product, model).await?;
    if !story.submitted {
        return Ok(());
    }
    let kinds = references.needs(
        Some(&BureauCode::new(SHANGHAI)),
        &ClauseCode::new(story.clause),
        clock_now(clock).china_day(),
    );
    for (kind, name, need) in kinds {
        use domain::application::Need;
        if matches!(need, Need::Must) || matches!(kind.as_str(), "contract" | "invoice") {
            let file = format!("{name}.pdf").replace('/', "或");
            let page = sample_pdf(kind.as_str());
            let answer =
                enterprise.upload(&format!("/applications/{id}/attachments"), kind.as_str(), &[(&file, &page)]).await?;
            anyhow::ensure!(answer.status.is_redirection(), "uploading {file}: {}", answer.status);
        }
    }
    // An hour later, after a new log-in.
    clock.pass_hours(1);
    let enterprise = sit("demo_enterprise").await?;
    enterprise.must(&format!("/applications/{id}/submission"), &[]).await?;
    for (who, fields) in story.course {
        clock.pass_hours(1);
        let clerk = sit(who).await?;
        if let [("certificate", deed)] = fields {
            on_certificate(app, &clerk, clock, &id, deed).await?;
        } else {
            decide(app, &clerk, clock, &id, fields).await?;
        }
    }
    Ok(())
}

async fn add_product(clerk: &Clerk, id: &str, hs: &HsType, product: &str, model: &str) -> anyhow::Result<()> {
    let mut fields: Vec<(String, String)> = [
        ("hs_code", hs.code.as_str()),
        ("creation_key", "demonstration"),
        ("product_name", product),
        ("model", model),
        ("brand", "演示品牌"),
        ("manufacturer", "示例工厂（慕尼黑）"),
        ("origin_country", "DEU"),
        ("qty", "10"),
        ("qty_unit", hs.unit.as_str()),
        ("hs_qty", "10"),
        ("unit_price", "120.5"),
        ("total_price", "1205"),
        ("currency", "EUR"),
        ("use_region_code_1", "310000"),
        ("use_region_code_2", "310100"),
        ("use_region_code_3", "310115"),
        ("use_address", "示例科技园 3 号楼 2 层"),
    ]
    .iter()
    .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
    .collect();
    for (n, c) in hs.characteristics.iter().enumerate() {
        let answer = match c.kind {
            CharacteristicKind::Text => "见技术资料".to_owned(),
            CharacteristicKind::Choice => c.choices.first().cloned().unwrap_or_default(),
            CharacteristicKind::Number => "220".to_owned(),
        };
        fields.push((format!("trait_{n}"), answer));
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    clerk.must(&format!("/applications/{id}/items"), &fields).await?;
    Ok(())
}

async fn decide(app: &App, clerk: &Clerk, clock: &FixedClock, id: &str, fields: &[(&str, &str)]) -> anyhow::Result<()> {
    match fields.first() {
        Some(("withdraw", _)) => {
            clerk.must(&format!("/applications/{id}/withdrawal"), &[]).await?;
        }
        Some(("terminate", _)) => {
            let page = clerk.get(&format!("/casework/{id}")).await?.text();
            let number =
                page.split("MB").nth(1).map(|rest| format!("MB{}", &rest[..19])).context("a number on the page")?;
            let reason = "企业书面说明货物已另行办理认证，终止本次审批流程。";
            let fields = [("termination_reason", reason), ("confirm_number", number.as_str())];
            clerk.must(&format!("/casework/{id}/termination"), &fields).await?;
        }
        Some(("declare", quantity)) => {
            let certificate = clerk.get(&format!("/applications/{id}/certificate")).await?.location().to_owned();
            let page = clerk.get(&format!("{certificate}/pre-write-offs/new")).await?.text();
            let key = field_value(&page, "submission_key");
            let line = between(&page, "name=\"qty_");
            let fields = [
                ("submission_key", key.as_str()),
                (&format!("qty_{line}"), *quantity),
                (&format!("hs_qty_{line}"), *quantity),
                ("port_code_1", "2200"),
                ("port_code_2", "2202"),
            ];
            clerk.must(&format!("{certificate}/pre-write-offs"), &fields).await?;
        }
        Some(("confirm", quantity)) => {
            let list = clerk.get("/write-off/worklist").await?.text();
            let path = format!("/pre-write-offs/{}/decision", between_slashes(&list, "/pre-write-offs/"));
            let page = clerk.get(&path).await?.text();
            let (key, item) = (field_value(&page, "deed_key"), field_value(&page, "item"));
            let fields = [
                ("deed_key", key.as_str()),
                ("item", &item),
                (&format!("qty_{item}"), *quantity),
                (&format!("hs_qty_{item}"), *quantity),
                ("decision", "confirm"),
            ];
            clerk.must(&path, &fields).await?;
        }
        Some(("write_off", qty)) => write_off(app, id, qty).await?,
        Some(("usage", kind)) => {
            let (day, key) = (clock_day(clock), kit::random::token());
            let mut all = vec![
                ("kind", *kind),
                ("creation_key", key.as_str()),
                ("line", "1"),
                ("used_on", day.as_str()),
                ("returned_on", day.as_str()),
                ("destroyed_on", day.as_str()),
                ("use_unit_name", "示例检测技术（上海）有限公司"),
                ("use_contact", "李示例"),
                ("use_phone", "021-00000001"),
                ("use_address", "上海市浦东新区示例科技园 3 号楼 2 层"),
                ("note", "能效对比测试，预计三个月。"),
                ("port_code_1", "2200"),
                ("port_code_2", "2201"),
                ("export_decl_no", "223320260000123456"),
                ("reason", "测试结束，退运出境。"),
                ("place", "上海市浦东新区示例路 200 号"),
                ("method", "拆解"),
            ];
            all.extend(fields.iter().map(|(k, v)| (if *k == "qty" { "qty_1" } else { *k }, *v)));
            clerk.must(&format!("/applications/{id}/usage-records"), &all).await?;
        }
        Some(("judge", decision)) => {
            let record = app.db.read().number("SELECT MAX(id) FROM usage_record", db::params![]).await?;
            let review = format!("/usage-records/{record}/review");
            let version = field_value(&clerk.get(&review).await?.text(), "version");
            let mut all = vec![("version", version.as_str()), ("decision", *decision)];
            all.extend(fields.iter().filter(|(k, _)| *k == "opinion").copied());
            clerk.must(&review, &all).await?;
        }
        Some(_) | None => {
            let page = clerk.get(&format!("/casework/{id}")).await?.text();
            let version = field_value(&page, "version");
            let valid_to = clock_day_plus(clock, 89);
            let deadline = clock_day_plus(clock, 20);
            let mut all = vec![("version", version.as_str()), ("valid_to", valid_to.as_str())];
            all.extend(fields.iter().map(|(k, v)| (*k, if *v == "+20" { deadline.as_str() } else { *v })));
            clerk.must(&format!("/casework/{id}/decision"), &all).await?;
        }
    }
    Ok(())
}

/// What happens to the certificate of an application after its issue.
async fn on_certificate(
    app: &App,
    clerk: &Clerk,
    clock: &FixedClock,
    application: &str,
    deed: &str,
) -> anyhow::Result<()> {
    let certificate = db::certificate::of_application(&app.db.read(), application.parse()?)
        .await?
        .context("the demonstration issued a certificate")?;
    let id = certificate.id.to_string();
    let page = format!("/certificates/{id}");
    match deed {
        "release" => {
            let note = "企业来电：样机型号按最终发票更正，境外交货延期，申请延长有效期。";
            let fields = [("certificate", id.as_str()), ("caller", "张示例"), ("call_note", note)];
            clerk.must("/amendments/opening", &fields).await?;
        }
        "change" => {
            let path = format!("{page}/amendment/items/1");
            let form = clerk.get(&path).await?.text();
            let (seen, hs) = (field_value(&form, "seen"), field_value(&form, "hs_shown"));
            let fields = [
                ("seen", seen.as_str()),
                ("hs_shown", hs.as_str()),
                ("hs_code", hs.as_str()),
                ("product_name", "家用冷藏箱样机"),
                ("model", "BC-92A"),
                ("qty", "8"),
                ("hs_qty", "8"),
                ("brand", "演示品牌"),
                ("manufacturer", "示例工厂（慕尼黑）"),
            ];
            clerk.must(&path, &fields).await?;
            let seen = field_value(&clerk.get(&format!("{page}/amendment")).await?.text(), "seen_version");
            let (from, to) = (certificate.valid_from.to_string(), clock_day_plus(clock, 150));
            let fields = [
                ("seen_version", seen.as_str()),
                ("valid_from", from.as_str()),
                ("valid_to", to.as_str()),
                ("reason", "境外工厂交货延期；第 1 项型号和数量按最终发票更正。"),
            ];
            clerk.must(&format!("{page}/amendment/submission"), &fields).await?;
        }
        "propose" => {
            let reason = "现场检查发现部分产品未按申报用途使用，企业已书面确认。";
            clerk.must("/revocations", &[("certificate", id.as_str()), ("reason", reason)]).await?;
        }
        "revoke" => {
            let list = clerk.get("/revocations").await?.text();
            let case = list
                .split("href=\"/revocations/")
                .filter_map(|rest| rest.split('"').next())
                .find(|case| case.bytes().all(|b| b.is_ascii_digit()))
                .context("a proposal waits")?
                .to_owned();
            let fields = [
                ("decision", "revoke"),
                ("opinion", "事实清楚，同意撤销。"),
                ("confirm_number", certificate.number.as_str()),
            ];
            clerk.must(&format!("/revocations/{case}/decision"), &fields).await?;
        }
        other => anyhow::bail!("{other} is no deed on a certificate"),
    }
    Ok(())
}

/// 直接核销 of so much of the first product.
async fn write_off(app: &App, id: &str, qty: &str) -> anyhow::Result<()> {
    let application: i64 = id.parse()?;
    let read = app.db.read();
    let sql = "SELECT i.id FROM certificate_item i JOIN certificate c ON c.id = i.certificate_id \
               WHERE c.application_id = $1 ORDER BY i.ordinal LIMIT 1";
    let item = CertificateItemId::new(read.number(sql, db::params![application]).await?);
    let sql = "SELECT id FROM certificate WHERE application_id = $1";
    let certificate = CertificateId::new(read.number(sql, db::params![application]).await?);
    let officer = db::account::credentials(&read, "demo_writeoff").await?.context("the officer at 核销")?;
    let by = By::actor(&db::account::actor(&read, officer.id).await?, "-");
    let amount = qty.parse()?;
    let (port, bureau) = (PortCode::new("2201"), BureauCode::new(SHANGHAI));
    let place = Place { port: &port, bureau: &bureau, customs_no: "222520261000012345" };
    let deed = Deed { key: "demonstration", by: &by, now: app.now() };
    let claims = [(item, Amounts { qty: amount, hs_qty: amount })];
    let tx = app.db.begin().await?;
    draw_down(&tx, certificate, place, &claims, "货物已通关", deed).await?;
    tx.commit().await?;
    Ok(())
}

fn clock_now(clock: &FixedClock) -> Instant {
    use domain::time::Clock as _;
    clock.now()
}

fn clock_day(clock: &FixedClock) -> String {
    clock_now(clock).china_day().to_string()
}

fn clock_day_plus(clock: &FixedClock, days: i64) -> String {
    clock_now(clock).china_day().plus_days(days).to_string()
}

/// The value of a hidden field of a page.
fn field_value(page: &str, name: &str) -> String {
    page.split(&format!("name=\"{name}\" value=\""))
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default()
        .to_owned()
}

/// What follows a text of a page, up to the next quotation mark.
fn between<'a>(page: &'a str, before: &str) -> &'a str {
    page.split(before).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default()
}

/// What follows a part of an address, up to the next slash.
fn between_slashes<'a>(page: &'a str, before: &str) -> &'a str {
    page.split(before).nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

/// A small PDF of one page with one line of text.
fn sample_pdf(text: &str) -> Vec<u8> {
    let content = format!("BT /F1 18 Tf 72 760 Td (Demonstration: {text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut out = String::from("%PDF-1.4\n");
    let mut offsets = Vec::new();
    for (n, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend([(n + 1).to_string().as_str(), " 0 obj\n", object, "\nendobj\n"]);
    }
    let start = out.len();
    let size = (objects.len() + 1).to_string();
    out.extend(["xref\n0 ", &size, "\n0000000000 65535 f \n"]);
    for offset in offsets {
        out.extend([format!("{offset:010}").as_str(), " 00000 n \n"]);
    }
    out.extend(["trailer << /Size ", &size, " /Root 1 0 R >>\nstartxref\n", &start.to_string(), "\n%%EOF\n"]);
    out.into_bytes()
}

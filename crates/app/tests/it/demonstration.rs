//! Demonstration data (E34): only into an empty database, through the real deeds, no list empty.

use crate::support::{Browser, Page, Site};

async fn log_in(visitor: &Browser, kind: &str, name: &str) -> Page {
    let page = visitor.get("/login").await;
    let form = page.form("登录").fill(&[("kind", kind), ("username", name), ("password", "mianban-demo-2026")]);
    visitor.send(&form).await.at("/main")
}

#[tokio::test]
async fn every_account_of_the_demonstration_logs_in_and_finds_work() {
    for site in Site::each().await {
        app::demo::prepare(&site.app, site.app.now()).await.unwrap();
        let enterprise = site.visitor();
        log_in(&enterprise, "enterprise", "demo_enterprise").await.sees("申请被返回修改").sees("请送交纸质材料");
        let list = enterprise.get("/applications?size=50").await;
        for state in [
            "未提交",
            "受理中",
            "返回修改",
            "拒绝受理",
            "初审中",
            "初审未通过",
            "终审中",
            "文件对比中",
            "文件对比中_送纸质材料",
            "待发证",
            "已发证",
            "强制终止流程",
            "已撤回",
        ] {
            assert!(list.texts(".st").contains(&state.to_owned()), "{state}");
        }
        assert!(list.texts("tbody tr").len() >= 12);
        for (name, post) in [
            ("demo_accept", "accept"),
            ("demo_first", "first_review"),
            ("demo_final", "final_review"),
            ("demo_compare", "compare"),
            ("demo_issue", "issue"),
            ("demo_bureau", "terminate"),
        ] {
            let officer = site.visitor();
            log_in(&officer, "bureau", name).await;
            let list = officer.get(&format!("/casework?post={post}")).await.is(200);
            assert!(!list.texts("tbody tr").is_empty(), "{name} has no work");
        }
        let officer = site.visitor();
        log_in(&officer, "bureau", "demo_writeoff").await;
        officer.get("/write-off/worklist").await.is(200).sees("示例电器").sees("1 项");
        let written = enterprise.get(&list.link("核销信息")).await.is(200).sees("部分核销");
        enterprise.get(&written.link("查看台账")).await.is(200).sees("预核销确认").sees("余额");
        let supervisor = site.visitor();
        log_in(&supervisor, "bureau", "demo_supervise").await.sees("1 件待办");
        supervisor.get("/supervision").await.is(200).sees("退运记录");
        for name in ["demo_amend", "demo_amend2", "demo_entry"] {
            log_in(&site.visitor(), "bureau", name).await;
        }
        assert!(list.text().contains("已提交新证明（查看）"), "one certificate is being amended");
        let amend = site.visitor();
        log_in(&amend, "bureau", "demo_amend2").await.sees("1 件待办");
        assert!(!amend.get("/amendments").await.is(200).texts("tbody tr").is_empty());
        let supervise = site.visitor();
        log_in(&supervise, "bureau", "demo_supervise2").await;
        supervise.get("/revocations?state=decided").await.is(200).sees("已撤销");
        log_in(&site.visitor(), "cnca", "demo_cnca").await;
        site.work().await;
        let certificate = enterprise.get(&enterprise.get("/applications?state=issued").await.link("证明")).await;
        certificate.is(200).sees("下载证明");
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
        // Nothing lies in the future, and no demonstration draft is over.
        let now = site.app.now().millis();
        assert_eq!(site.number(&format!("SELECT COUNT(*) FROM audit WHERE at > {now}")).await, 0);
        assert_eq!(
            site.number(&format!("SELECT COUNT(*) FROM application WHERE state = 'draft' AND expires_at <= {now}"))
                .await,
            0
        );
        // A second start changes nothing.
        let before = site.number("SELECT COUNT(*) FROM audit").await;
        app::demo::prepare(&site.app, site.app.now()).await.unwrap();
        assert_eq!(site.number("SELECT COUNT(*) FROM audit").await, before);
    }
}

#[tokio::test]
async fn a_database_with_other_data_is_refused() {
    for site in Site::each().await {
        site.company().await;
        let refused = app::demo::prepare(&site.app, site.app.now()).await.unwrap_err().to_string();
        assert!(refused.contains("--demo is refused"), "{refused}");
        assert_eq!(site.number("SELECT COUNT(*) FROM account").await, 1);
    }
}

/// The accounts are shown on the login page of a demonstration only.
#[tokio::test]
async fn the_login_page_shows_the_accounts_of_a_demonstration_only() {
    for site in Site::each().await {
        site.visitor().get("/login").await.sees_no("demo_enterprise").sees_no("mianban-demo-2026");
        let page = site.demonstration().visitor().get("/login").await.sees("mianban-demo-2026");
        for account in app::demo::ACCOUNTS {
            assert!(page.text().contains(account.username), "{}", account.username);
        }
    }
}

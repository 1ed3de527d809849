//! 系统首页 (manual §1).

use domain::actor::Post;

use crate::support::{SHANGHAI, Site};

/// R-1-01: without login, list and detail.
#[tokio::test]
async fn r_1_01_what_cnca_publishes_is_read_without_login() {
    for site in Site::each().await {
        let tx = site.app.db.begin().await.unwrap();
        let now = site.app.now();
        for n in 1..=30 {
            let title = format!("通知之{n}");
            db::bulletin::publish(&tx, &title, "通知", "第一段。\n\n第二段<b>。", n == 1, now.plus_hours(-n))
                .await
                .unwrap();
        }
        db::bulletin::publish(&tx, "明天才发布", "通知", "。", true, now.plus_hours(1)).await.unwrap();
        tx.commit().await.unwrap();

        let visitor = site.visitor();
        let home = visitor.get("/").await.is(200).sees("通知之1").sees("登录").sees("注册").sees_no("明天才发布");
        let list = visitor.get("/bulletins").await.is(200).sees("共 30 条").sees("通知之20").sees_no("通知之21");
        visitor.get("/bulletins?page=2").await.is(200).sees("通知之30");
        let detail = visitor.get(&home.link("通知之1")).await.is(200).sees("第一段。").sees("第二段<b>。");
        assert!(!detail.html().contains("<b>"), "what CNCA writes is text");
        assert_eq!(visitor.get(&list.link("通知之1")).await.path, detail.path);
        visitor.get("/bulletins/999999").await.is(404).sees("没有找到该页面或记录");
    }
}

#[tokio::test]
async fn an_empty_home_page_says_so() {
    for site in Site::each().await {
        site.visitor().get("/").await.is(200).sees("认监委尚未发布公告");
        site.visitor().get("/bulletins").await.is(200).sees("尚未发布公告");
    }
}

/// R-1.3-04 to -10: 当前时间, menu, 当前用户, 快捷操作, 返回主页 from anywhere, 当前版本信息, 今日提醒.
#[tokio::test]
async fn r_1_3_04_the_main_page_shows_the_parts_of_the_manual() {
    for site in Site::each().await {
        let enterprise = site.company().await;
        let page = enterprise.get("/main").await.is(200);
        for part in [
            "操作菜单",
            "快捷操作",
            "今日提醒",
            "当前用户",
            "当前时间 2026-11-23 星期一 09:00",
            "当前版本 V0.0.0",
            "退出系统",
            "新申请",
            "查看申请列表",
        ] {
            let text = page.text();
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
        let menu = page.texts("nav[aria-label=操作菜单] li");
        for entry in ["新申请", "查看申请列表", "修改用户信息", "填写新申请", "返回主页", "退出系统"]
        {
            assert!(menu.contains(&entry.to_owned()), "{entry} is not in {menu:?}");
        }
        assert_eq!(page.texts(".topbar details .lbl"), ["shili_a"]);
        for path in ["/applications", "/applications/declaration", "/profile/particulars"] {
            assert_eq!(enterprise.get(path).await.is(200).link("返回主页"), "/main", "{path}");
        }
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let page = officer.get("/main").await.is(200).sees("受理").sees("件待办").sees_no("初审待办");
        assert_eq!(page.texts(".role-chip"), ["检验检疫局"]);
        site.cnca("cnca_a", &[Post::Statistics]).await.get("/main").await.is(200).sees("认监委");
    }
}

/// What waits for the enterprises is not told to CNCA as its own work.
#[tokio::test]
async fn what_waits_for_the_enterprises_is_not_the_work_of_cnca() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = crate::story::Bureau::shanghai(&site).await;
        let id = crate::story::submitted(&site, &user).await;
        let fields = [("decision", "return"), ("part", "basics"), ("opinion", "请补充用途说明")];
        crate::story::decide(&bureau.accept, &id, &fields).await.is(200);
        let looks = site.cnca("looks", &[domain::actor::Post::Statistics]).await;
        looks.get("/main").await.is(200).sees("待企业处理").sees_no("待我处理");
        let publishes = site.cnca("publishes", &[domain::actor::Post::Publish]).await;
        publishes.get("/main").await.is(200).sees("待我处理").sees("公告草稿待发布");
        user.get("/main").await.is(200).sees("待我处理");
    }
}

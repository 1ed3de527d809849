//! The ways between the pages: every entry that the manual names leads where it says.

use domain::actor::Post;

use crate::story::{self, Bureau, decide};
use crate::support::{Browser, Page, SHANGHAI, Site};

/// Where an entry of the side menu leads.
fn menu(page: &Page, label: &str) -> String {
    let css = "nav[aria-label=操作菜单] li a";
    let at = page.texts(css).iter().position(|l| l == label || l.starts_with(&format!("{label} ")));
    let Some(at) = at else { panic!("{label} is not in the menu of {}", page.path) };
    page.hrefs(css).swap_remove(at)
}

/// R-1-02, R-1.5-01: the login column offers everything that needs no login, on the home page and alone.
#[tokio::test]
async fn r_1_02_the_login_column_offers_the_ways_in() {
    for site in Site::each().await {
        let visitor = site.visitor();
        for path in ["/", "/login"] {
            let page = visitor.get(path).await.is(200);
            for (label, href) in [
                ("注册", "/registration/terms"),
                ("忘记密码", "/password-reset"),
                ("下载使用文档", "/manual"),
                ("办前自查", "/pre-check"),
            ] {
                assert_eq!(page.link(label), href, "{path}");
            }
            assert_eq!(page.form("登录").action, "/login");
            visitor.get(&page.link("忘记密码")).await.is(200).sees("邮箱地址");
        }
    }
}

/// R-1.3-01 to -03: the cross at the top right and 退出系统 in the quick bar end the session; 后退 shows nothing kept.
#[tokio::test]
async fn r_1_3_01_both_ways_out_end_the_session() {
    for site in Site::each().await {
        site.company().await;
        for css in [".topbar .tb-exit", "nav[aria-label=操作菜单] form"] {
            let account = db::account::credentials(&site.app.db.read(), "shili_a").await.unwrap().unwrap().id;
            let user = site.sit_down(account).await;
            let page = user.get("/main").await.at("/main");
            assert_eq!(page.headers["cache-control"], "no-store", "the browser keeps no page of a person");
            assert_eq!(page.attribute(css, "action").as_deref(), Some("/logout"));
            let token = page.attribute(&format!("{css} input[name=csrf]"), "value").unwrap();
            let cookie = user.cookies.lock().unwrap()["mianban"].clone();
            let out = user.post("/logout", &format!("csrf={token}")).await.is(303);
            assert!(out.headers["location"].to_str().unwrap().starts_with("/login"));
            for path in ["/main", "/applications", "/profile/particulars"] {
                assert!(user.get(path).await.path.starts_with("/login?next="), "{path}");
            }
            // The session itself is over, not only forgotten by this browser.
            let again = site.visitor();
            again.cookies.lock().unwrap().insert("mianban".to_owned(), cookie);
            assert!(again.get("/main").await.path.starts_with("/login?next="));
        }
    }
}

/// R-2.1-01 to -03, -05, R-2.1.1-01, R-2.2-01, -04: menu, quick bar and 添加 lead to the declaration, 我同意 to clause and
/// trade mode, 返回 one step back.
#[tokio::test]
async fn r_2_1_01_three_ways_lead_to_a_new_application() {
    for site in Site::each().await {
        let user = site.company().await;
        let main = user.get("/main").await.is(200);
        let list = user.get(&menu(&main, "查看申请列表")).await.at("/applications").sees("申请列表");
        for way in [menu(&main, "新申请"), menu(&main, "填写新申请"), list.link("添加")] {
            let declaration = user.get(&way).await.is(200).sees("申请人声明");
            let clause = user.send(&declaration.form("我同意")).await.is(200).sees("贸易方式");
            assert!(clause.has_field("clause_code") && clause.has_field("trade_mode"));
            user.get(&clause.link("返回")).await.is(200).sees("申请人声明");
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 0);
    }
}

/// R-2-01, R-2.3-09: from 主页 one reaches every function of the list; the status tells how far the approval is. (修改证明,
/// 预核销, 核销信息 and 填写产品使用记录 join when they are built; until then their links are hidden.)
#[tokio::test]
async fn r_2_01_the_main_page_reaches_every_function() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        story::complete_draft(&site, &user).await;
        let returned = story::submitted(&site, &user).await;
        decide(&bureau.accept, &returned, &[("decision", "return"), ("part", "items"), ("opinion", "请核对规格型号")])
            .await
            .is(200);
        let refused = story::submitted(&site, &user).await;
        decide(&bureau.accept, &refused, &[("decision", "refuse"), ("opinion", "不属于免办情形")]).await.is(200);
        let failed = story::submitted(&site, &user).await;
        bureau.bring_to(&failed, Post::FirstReview).await;
        decide(&bureau.first, &failed, &[("decision", "fail"), ("opinion", "数量超出合理范围")]).await.is(200);
        story::issued(&site, &user, &bureau).await;
        let followed = story::submitted(&site, &user).await;

        let main = user.get("/main").await.is(200);
        user.get(&menu(&main, "新申请")).await.is(200).sees("申请人声明");
        let list = user.get(&menu(&main, "查看申请列表")).await.is(200);
        assert!(list.has_field("contract_no"), "查询申请");
        for label in ["修改", "查看", "打印申请", "证明", "拒绝受理", "初审未通过"] {
            user.get(&list.link(label)).await.is(200);
        }
        user.get(&list.link("拒绝受理")).await.sees("不属于免办情形");
        user.get(&list.link("初审未通过")).await.sees("数量超出合理范围");
        user.get("/applications?state=returned").await.sees("返回修改").sees("修改");
        for (post, status) in [
            (Post::Accept, "受理中"),
            (Post::FirstReview, "初审中"),
            (Post::FinalReview, "终审中"),
            (Post::Compare, "文件对比中"),
            (Post::Issue, "待发证"),
        ] {
            step(&bureau, &followed, post).await;
            user.get("/applications").await.sees(status);
        }
    }
}

/// Passes an application from the post before to this one.
async fn step(bureau: &Bureau, id: &str, to: Post) {
    let (officer, decision): (&Browser, _) = match to {
        Post::FirstReview => (&bureau.accept, "accept"),
        Post::FinalReview => (&bureau.first, "pass"),
        Post::Compare => (&bureau.last, "pass"),
        Post::Issue => (&bureau.compare, "pass"),
        _ => return,
    };
    decide(officer, id, &[("decision", decision), ("opinion", "同意。")]).await.is(200).sees("已提交意见");
}

/// R-2.3-01, -04 to -07: a draft is 未提交 and can be changed in every part until it is submitted to the 受理岗.
#[tokio::test]
async fn r_2_3_01_a_draft_is_changed_in_every_part_and_submitted() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let id = story::complete_draft(&site, &user).await;
        let list = user.get("/applications").await.sees("未提交");
        let basics = user.get(&list.link("修改")).await.is(200).at(&format!("/applications/{id}/basics"));
        // 免办条款, 贸易方式 and place too.
        let form = basics.form("保存").fill(&[("clause_code", "3"), ("trade_mode", "0214"), ("remark", "改过的备注")]);
        user.send(&form).await.is(200);
        let basics = user.get(&format!("/applications/{id}/basics")).await;
        let saved = ["clause_code", "trade_mode", "remark"].map(|f| basics.value(f));
        assert_eq!(saved, ["3", "0214", "改过的备注"]);
        let items = user.get(&basics.link("查看申请产品信息")).await.is(200);
        let product = user.get(&items.link("窗式空调器样机")).await.is(200);
        user.send(&product.form("保存并关闭").set("brand", "改过的商标")).await.is(200);
        user.get(&format!("/applications/{id}/items")).await.sees("改过的商标");
        let files = user.get(&items.link("查看申请附件信息")).await.is(200);
        let deletion = files.form("删除");
        user.send(&deletion).await.is(200);
        story::attach(&site, &user, &id, "3").await;
        story::attach(&site, &user, &id, "1").await;
        let number = story::submit(&user, &id).await;
        officer.get("/casework?post=accept").await.is(200).sees(&number);
    }
}

/// R-2.1.2-03, -15, R-2.1.3-01: 添加 opens 选择免办产品, 重填 clears the form of a product, 查看申请附件信息 opens the uploads.
#[tokio::test]
async fn r_2_1_2_03_the_products_lead_to_catalogue_and_uploads() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::open_draft(&user).await;
        story::fill_basics(&user, &id, &[]).await.is(200);
        let items = user.get(&format!("/applications/{id}/items")).await.is(200);
        user.get(&items.link("添加")).await.at(&format!("/applications/{id}/catalogue")).sees("选择免办产品");
        let product = user.get(&format!("/applications/{id}/items/new?hs_code={}", story::AIR_CONDITIONER)).await;
        // A reset button: it clears in the browser, with and without script, and sends nothing.
        let reset = product.attribute("button[type=reset]", "data-clear");
        assert!(reset.is_some() && product.texts("button[type=reset]").contains(&"重填".to_owned()));
        let files = user.get(&items.link("查看申请附件信息")).await.at(&format!("/applications/{id}/attachments"));
        assert!(files.has_field("file"));
    }
}

/// R-2.1.3-03: the kinds of attachment follow the bureau that receives the application.
#[tokio::test]
async fn r_2_1_3_03_kinds_of_attachment_differ_by_bureau() {
    for site in Site::each().await {
        for (bureau, kind, need) in [(SHANGHAI, "technical", "must"), (SHANGHAI, "plan", "hidden")] {
            let sql = format!(
                "INSERT INTO attachment_rule (bureau_code, clause_code, kind, need) VALUES ('{bureau}', '1', '{kind}', '{need}')"
            );
            db::testing::try_sql(&site.app.db, &sql).await.unwrap();
        }
        site.app.references.replace(db::reference::load(&site.app.db.read()).await.unwrap());
        let user = site.company().await;
        let here = story::open_draft(&user).await;
        story::fill_basics(&user, &here, &[]).await.is(200);
        let page = user.get(&format!("/applications/{here}/attachments")).await.is(200);
        page.sees("技术资料/照片").sees_no("科研测试计划/展示方案");
        let there = story::open_draft(&user).await;
        let nanjing =
            [("use_region_code_1", "320000"), ("use_region_code_2", "320100"), ("use_region_code_3", "320102")];
        story::fill_basics(&user, &there, &nanjing).await.is(200);
        user.get(&format!("/applications/{there}/attachments")).await.is(200).sees("科研测试计划/展示方案");
    }
}

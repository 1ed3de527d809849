//! 修改申请 (manual §2.3): drafts, their ten days and what is said about them (D8).

use axum::http::Method;
use domain::ids::AccountId;

use crate::story::{self, AIR_CONDITIONER, BASICS, add_product, fill_basics, open_draft};
use crate::support::{Browser, SHANGHAI, Site};

/// The owner in a fresh session: ten days are longer than any log-in.
async fn owner(site: &Site, id: &str) -> Browser {
    let owner = site.number(&format!("SELECT owner_id FROM application WHERE id = {id}")).await;
    site.sit_down(AccountId::new(owner)).await
}

/// The letters about drafts: their subjects.
fn reminders(site: &Site) -> Vec<String> {
    site.mail.letters().iter().map(|l| l.subject.clone()).filter(|s| s.contains("将自动删除")).collect()
}

async fn minute(site: &Site) {
    app::jobs::duties(&site.app).await;
    site.work().await;
}

/// R-2.3-01: a saved application that is not submitted shows 未提交 and 修改.
#[tokio::test]
async fn r_2_3_01_a_saved_application_is_not_submitted_and_can_be_changed() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let list = user.get("/applications").await.is(200).sees(&format!("草稿 {id}")).sees("未提交");
        assert_eq!(list.link("修改"), format!("/applications/{id}/basics"));
        assert_eq!(list.texts("tbody .row-acts a"), ["修改", "复制为新申请"]);
    }
}

/// R-2.3-02, D8: the ten days run from the first filling; saving again does not extend them. The countdown stands in the
/// list and on the form.
#[tokio::test]
async fn r_2_3_02_later_changes_do_not_extend_the_ten_days() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let end = format!("SELECT expires_at FROM application WHERE id = {id}");
        let first = site.number(&end).await;
        user.get("/applications").await.sees("剩余 10 天");
        site.clock.pass_hours(100);
        let user = owner(&site, &id).await;
        fill_basics(&user, &id, &[]).await.is(200);
        add_product(&user, &id, AIR_CONDITIONER, &[]).await.is(200);
        story::attach(&site, &user, &id, "1").await;
        assert_eq!(site.number(&end).await, first);
        user.get("/applications").await.sees("剩余 5 天 20 小时");
        user.get(&format!("/applications/{id}/basics")).await.sees("保留 10 天，剩余 5 天 20 小时");
    }
}

/// R-2.3-03, D8: when they are over, nothing of a draft answers any more, to whatever is asked or sent; the job removes
/// products and files with it.
#[tokio::test]
async fn r_2_3_03_nothing_of_a_draft_that_is_over_answers() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let item = site.number(&format!("SELECT MIN(id) FROM application_item WHERE application_id = {id}")).await;
        let file = site.number(&format!("SELECT MIN(id) FROM attachment WHERE application_id = {id}")).await;
        site.clock.pass_hours(239);
        let user = owner(&site, &id).await;
        user.get(&format!("/applications/{id}/submission")).await.is(200);
        site.clock.set(site.app.now().plus_minutes(60));
        let user = owner(&site, &id).await;
        for page in ["", "/basics", "/items", "/catalogue", "/attachments", "/submission"] {
            user.get(&format!("/applications/{id}{page}")).await.is(404);
        }
        user.get(&format!("/applications/{id}/items/{item}")).await.is(404);
        user.get(&format!("/applications/{id}/items/{item}/edit")).await.is(404);
        user.get(&format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}")).await.is(404);
        user.get(&format!("/attachments/{file}")).await.is(404);
        let product = [("hs_code", AIR_CONDITIONER), ("creation_key", "k")];
        let nothing: &[(&str, &str)] = &[];
        for (path, fields) in [
            ("/basics".to_owned(), BASICS.as_slice()),
            ("/applicant".to_owned(), nothing),
            ("/items".to_owned(), &product),
            (format!("/items/{item}"), &product),
            ("/items/deletion".to_owned(), &[("id", "1")]),
            ("/submission".to_owned(), nothing),
        ] {
            user.force(&Method::POST, &format!("/applications/{id}{path}"), fields).await.is(404);
        }
        user.force(&Method::POST, &format!("/attachments/{file}/deletion"), &[]).await.is(404);
        user.force(&Method::POST, "/applications/deletion", &[("id", &id)]).await.is(404);
        let token = user.token().await;
        let path = format!("/applications/{id}/attachments");
        user.upload_once(&path, &token, "other", &[("a.txt", b"x".to_vec())]).await.is(404);
        user.get("/main").await.is(200).sees_no(&format!("草稿 {id}"));

        minute(&site).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE deleted_at IS NULL").await, 0);
        user.get(&format!("/applications/{id}")).await.is(404);
        user.get("/main").await.is(200).sees_no(&format!("草稿 {id}"));
        // An operator could restore it for thirty days.
        site.clock.pass_hours(30 * 24);
        minute(&site).await;
        for table in ["application", "application_item", "attachment"] {
            assert_eq!(site.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action IN ('delete', 'purge_draft')").await, 2);
    }
}

/// A draft that the clock deleted comes back with its products and files, for ten days, and is reminded of again.
#[tokio::test]
async fn a_deleted_draft_is_restored_within_thirty_days() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let number = id.parse().unwrap();
        let restore = async || {
            let tx = site.app.db.begin().await.unwrap();
            let restored = db::application::restore(&tx, number, &db::audit::By::system(), site.app.now()).await;
            if restored.is_ok() {
                tx.commit().await.unwrap();
            }
            restored.is_ok()
        };
        assert!(!restore().await, "it is not deleted");
        site.clock.pass_hours(241);
        minute(&site).await;
        let listed = db::application::deleted_drafts(&site.app.db.read()).await.unwrap();
        assert_eq!(
            (listed.len(), listed[0].id, listed[0].items, listed[0].username.as_str()),
            (1, number, 1, "shili_a")
        );
        site.clock.pass_hours(29 * 24);
        minute(&site).await;
        assert!(restore().await && !restore().await);
        let user = owner(&site, &id).await;
        user.get("/applications").await.is(200).sees(&format!("草稿 {id}")).sees("剩余 10 天");
        user.get(&format!("/applications/{id}/items")).await.is(200).sees("窗式空调器样机");
        let file = site.number(&format!("SELECT MIN(id) FROM attachment WHERE application_id = {id}")).await;
        user.get(&format!("/attachments/{file}")).await.is(200);
        let before = reminders(&site).len();
        site.clock.pass_hours(9 * 24);
        minute(&site).await;
        assert_eq!(reminders(&site).len(), before + 1);
        let user = owner(&site, &id).await;
        story::submit(&user, &id).await;
        site.clock.pass_hours(40 * 24);
        minute(&site).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 1);
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// R-2.3-04: 修改 opens the basic information; 保存 saves it.
#[tokio::test]
async fn r_2_3_04_changing_opens_the_basic_information() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let page = user.get(&user.get("/applications").await.link("修改")).await.is(200).sees("申请基本信息");
        let form = page.form("保存").fill(&BASICS).set("remark", "改过一次");
        user.send(&form).await.is(200);
        assert_eq!(user.get(&format!("/applications/{id}/basics")).await.value("remark"), "改过一次");
    }
}

/// R-2.3-05: 查看申请产品信息 and 查看申请附件信息 lead to those parts, and they can be changed.
#[tokio::test]
async fn r_2_3_05_products_and_attachments_are_reached_and_changed() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let basics = user.get(&format!("/applications/{id}/basics")).await;
        let products =
            user.get(&basics.link("查看申请产品信息")).await.is(200).at(&format!("/applications/{id}/items"));
        let product = user.get(&products.link("查看")).await.is(200);
        user.send(&product.form("保存并关闭").set("brand", "另一品牌")).await.is(200).sees("另一品牌");
        let files = user.get(&basics.link("查看申请附件信息")).await.is(200);
        files.at(&format!("/applications/{id}/attachments"));
        user.upload(&id, "other", &[("补充.txt", b"x".to_vec())]).await.is(200).sees("补充.txt");
    }
}

/// R-2.3-06: 提交申请 sends it to the 受理岗.
#[tokio::test]
async fn r_2_3_06_submitting_sends_it_to_acceptance() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = site.officer("accept", SHANGHAI, &[domain::actor::Post::Accept]).await;
        let id = story::complete_draft(&site, &user).await;
        officer.get("/casework?post=accept").await.is(200).sees_no("示例电器");
        let number = story::submit(&user, &id).await;
        officer.get("/casework?post=accept").await.is(200).sees(&number);
    }
}

/// R-2.3-07: before the submission every field that can be filled in can be changed, clause and place of use included.
#[tokio::test]
async fn r_2_3_07_every_field_can_be_changed_before_submission() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
        let form = page.form("保存");
        let changes = [
            ("clause_code", "4"),
            ("trade_mode", "3010"),
            ("use_region_code_1", "320000"),
            ("use_region_code_2", "320100"),
            ("use_region_code_3", "320102"),
            ("use_address", "南京市示例路 9 号"),
            ("use_unit_name", "示例电器(南京)有限公司"),
            ("use_contact", "王示例"),
            ("use_phone", "025-00000000"),
            ("contract_no", "HT-2"),
            ("invoice_no", "FP-2"),
            ("bl_no", "TD-2"),
            ("purpose", "用于整机厂配套生产，随整机出口，不在国内销售。"),
            ("disposal_plan", "destroy"),
            ("remark", "全部改过"),
        ];
        for (name, _) in changes {
            assert!(page.has_field(name), "{name}");
        }
        let readonly = page.texts("input[readonly], select[disabled]");
        assert!(readonly.is_empty(), "{readonly:?}");
        user.send(&form.fill(&changes)).await.is(200);
        let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
        for (name, value) in changes.into_iter().filter(|(name, _)| *name != "clause_code" && *name != "trade_mode") {
            assert_eq!(page.value(name), value, "{name}");
        }
    }
}

/// R-2.3-08: once submitted, 修改 becomes 查看 and the status 受理中; the pages of the form lead to the view.
#[tokio::test]
async fn r_2_3_08_changing_becomes_viewing() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::submitted(&site, &user).await;
        let list = user.get("/applications").await.sees("受理中");
        assert!(!list.texts("tbody .row-acts a").contains(&"修改".to_owned()));
        assert_eq!(list.link("查看"), format!("/applications/{id}"));
        for page in ["basics", "items", "attachments"] {
            user.get(&format!("/applications/{id}/{page}")).await.is(200).at(&format!("/applications/{id}"));
        }
    }
}

/// R-2.3-09: the approval is followed by the text of the status, in the list and on the page.
#[tokio::test]
async fn r_2_3_09_the_status_says_where_it_is() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = story::Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        for (post, status) in [
            (domain::actor::Post::Accept, "受理中"),
            (domain::actor::Post::FirstReview, "初审中"),
            (domain::actor::Post::FinalReview, "终审中"),
            (domain::actor::Post::Compare, "文件对比中"),
            (domain::actor::Post::Issue, "待发证"),
        ] {
            while site.number(&format!("SELECT COUNT(*) FROM application WHERE current_post = '{}'", post.word())).await
                == 0
            {
                let (officer, decision) =
                    match user.get(&format!("/applications/{id}")).await.texts(".st").remove(0).as_str() {
                        "受理中" => (&bureau.accept, "accept"),
                        "初审中" => (&bureau.first, "pass"),
                        "终审中" => (&bureau.last, "pass"),
                        _ => (&bureau.compare, "pass"),
                    };
                story::decide(officer, &id, &[("decision", decision)]).await.is(200);
            }
            user.get("/applications").await.sees(status);
            user.get(&format!("/applications/{id}")).await.sees(status);
        }
    }
}

/// D8: a letter on day 7 and one on day 9, each once, however often the job runs; 今日提醒 from day 7 on, once.
#[tokio::test]
async fn d8_a_draft_is_mentioned_on_day_seven_and_on_day_nine() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        site.clock.pass_hours(7 * 24 - 1);
        minute(&site).await;
        assert!(reminders(&site).is_empty(), "day 7 has not come");
        owner(&site, &id).await.get("/main").await.sees_no("草稿将自动删除");

        site.clock.pass_hours(1);
        for _ in 0..3 {
            minute(&site).await;
        }
        assert_eq!(reminders(&site), [format!("草稿 {id} 将自动删除，剩余 3 天")]);
        let letter = site.mail.letters().pop().unwrap();
        assert_eq!(letter.to, "shili_a@example.com");
        assert!(letter.body.contains(&format!("http://127.0.0.1:8080/applications/{id}/basics")), "{}", letter.body);
        assert!(letter.body.contains("系统将于 2026-12-03 09:00 自动删除"), "{}", letter.body);
        let main = owner(&site, &id).await.get("/main").await;
        assert_eq!(main.texts("#today .hd strong"), ["草稿将自动删除"]);

        site.clock.pass_hours(24);
        minute(&site).await;
        assert_eq!(reminders(&site).len(), 1, "nothing on day 8");
        site.clock.pass_hours(24);
        for _ in 0..3 {
            minute(&site).await;
        }
        assert_eq!(reminders(&site)[1..], [format!("草稿 {id} 将自动删除，剩余 1 天")]);
        let main = owner(&site, &id).await.get("/main").await;
        assert_eq!(main.texts("#today .hd strong"), ["草稿即将到期"]);
        let page = owner(&site, &id).await.get("/profile/letters").await.is(200);
        page.sees("剩余 3 天").sees("剩余 1 天").sees("草稿到期");
        site.clock.pass_hours(24);
        minute(&site).await;
        assert_eq!(reminders(&site).len(), 2);
    }
}

/// Nobody is told of a draft that he submitted or deleted, of one whose day was missed twice over, or against his choice.
#[tokio::test]
async fn d8_only_drafts_that_need_it_are_mentioned() {
    for site in Site::each().await {
        let user = site.company().await;
        let submitted = story::submitted(&site, &user).await;
        let draft = open_draft(&user).await;
        let quiet = site.enterprise("quiet", "911100008").await;
        let silent = open_draft(&quiet).await;
        let page = quiet.get("/profile/letters").await;
        quiet.send(&page.form("保存").set("choice", "none")).await.is(200);
        // The server was off on day 7: day 9 says it, once.
        site.clock.pass_hours(9 * 24 + 5);
        minute(&site).await;
        minute(&site).await;
        assert_eq!(reminders(&site), [format!("草稿 {draft} 将自动删除，剩余 19 小时")]);
        // Who changes his mind is not told of what is past.
        let quiet = owner(&site, &silent).await;
        let page = quiet.get("/profile/letters").await;
        quiet.send(&page.form("保存").set("choice", "every")).await.is(200);
        minute(&site).await;
        assert_eq!(reminders(&site).len(), 1);
        assert_eq!(site.number(&format!("SELECT reminded_day FROM application WHERE id = {submitted}")).await, 0);
    }
}

/// Two processes do the duties at once: still one letter.
#[tokio::test]
async fn d8_several_processes_send_one_reminder() {
    for site in Site::each().await {
        let user = site.company().await;
        for _ in 0..3 {
            open_draft(&user).await;
        }
        site.clock.pass_hours(8 * 24);
        tokio::join!(app::jobs::duties(&site.app), app::jobs::duties(&site.app), app::jobs::duties(&site.app));
        site.work().await;
        assert_eq!(reminders(&site).len(), 3);
    }
}

/// The bar of steps says 已完成 of what is complete, wherever one is.
#[tokio::test]
async fn a_step_is_done_by_its_content_and_not_by_its_place() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::open_draft(&user).await;
        let done = async |page: &str| {
            user.get(&format!("/applications/{id}/{page}")).await.is(200).texts(".steps li.done .lb")
        };
        let opening = ["申请人声明", "免办条款和贸易方式"];
        // The last page of a form that is empty: nothing else is done.
        assert_eq!(done("submission").await, opening);
        story::attach(&site, &user, &id, "1").await;
        // No place of use yet: what is needed there is not known, and not done.
        story::fill_basics(&user, &id, &[]).await.is(200);
        assert_eq!(done("basics").await, [opening[0], opening[1], "申请附件信息"]);
        story::add_product(&user, &id, story::AIR_CONDITIONER, &[]).await.is(200);
        let page = done("submission").await;
        assert_eq!(page, [opening[0], opening[1], "申请基本信息", "附表产品信息", "申请附件信息"]);
        db::testing::try_sql(&site.app.db, &format!("UPDATE application SET use_contact = '' WHERE id = {id}"))
            .await
            .unwrap();
        assert_eq!(done("items").await, [opening[0], opening[1], "申请附件信息"]);
    }
}

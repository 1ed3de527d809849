//! 公告管理: what CNCA publishes (R-C-01).

use axum::http::Method;
use domain::actor::Post;

use crate::support::{Browser, Form, Page, SHANGHAI, Site};

const BODY: &str =
    "# 一、范围\n\n**请注意**：即日起施行。\n\n- 甲\n- 乙\n\n[办前自查](/pre-check)\n\n<script>alert(1)</script>";

async fn publisher(site: &Site) -> Browser {
    site.cnca("publisher", &[Post::Publish]).await
}

async fn editor(publisher: &Browser) -> Form {
    let form = publisher.get("/publishing/new").await.is(200).form("保存");
    form.fill(&[("title", "关于规范申请材料的通知"), ("category", "通知"), ("body", BODY)])
}

async fn write(publisher: &Browser, deed: &str) -> Page {
    publisher.send(&editor(publisher).await.set("deed", deed)).await.is(200)
}

/// The public's list.
async fn public(site: &Site) -> Vec<String> {
    site.visitor().get("/").await.is(200).texts(".news a")
}

/// R-C-01: a draft is nobody's but the publisher's; published, the home page shows it, with safe formatting.
#[tokio::test]
async fn r_c_01_a_notice_is_written_previewed_published_and_read() {
    for site in Site::each().await {
        let publisher = publisher(&site).await;
        let link = publisher.get("/main").await.link("公告管理");
        let list = publisher.get(&link).await.is(200).sees("还没有公告");
        let page = publisher.get(&list.link("添加")).await.is(200);
        let blank = publisher.send(&page.form("保存")).await.is(422);
        assert_eq!(blank.faulty_fields(), ["title", "category", "body"]);
        let form = editor(&publisher).await;
        let wrong = form.clone().fill(&[("publish_time", "25:00"), ("expire_day", "2026-11-01"), ("title", "一")]);
        let wrong = publisher.send(&wrong).await.is(422);
        assert_eq!(wrong.faulty_fields(), ["title", "publish_time", "publish_day", "expire_day"]);
        assert_eq!(wrong.value("body").trim(), BODY);

        // 预览 saves nothing.
        let shown = publisher.send(&form.clone().set("deed", "preview")).await.is(200).sees("尚未保存");
        assert_eq!(shown.texts("#preview .prose h2"), ["一、范围"]);
        assert_eq!(shown.texts("#preview .prose script"), Vec::<String>::new());
        assert_eq!(shown.value("title"), "关于规范申请材料的通知");
        assert_eq!(site.number("SELECT COUNT(*) FROM bulletin").await, 0);

        let saved = publisher.send(&shown.form("保存")).await.is(200).sees("已保存").sees("草稿");
        assert_eq!(public(&site).await, Vec::<String>::new());
        let id = site.number("SELECT MAX(id) FROM bulletin").await;
        site.visitor().get(&format!("/bulletins/{id}")).await.is(404);
        publisher.send(&saved.form("发布公告").set("pinned", "1")).await.is(200).sees("已发布，公共首页现在显示");
        assert_eq!(public(&site).await, ["关于规范申请材料的通知"]);
        let read = site.visitor().get(&format!("/bulletins/{id}")).await.is(200).sees("<script>alert(1)</script>");
        assert_eq!(read.texts(".prose h2"), ["一、范围"]);
        assert_eq!(read.texts(".prose strong"), ["请注意"]);
        assert_eq!(read.hrefs(".prose a"), ["/pre-check"]);
        assert!(read.texts("script").iter().all(String::is_empty) && !read.html().contains("<script>alert"));
        let audited = "SELECT COUNT(*) FROM audit WHERE action LIKE 'bulletin_%' AND subject_kind = 'account'";
        assert_eq!(site.number(audited).await, 2);
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// R-C-01: 定时发布, 自动下线, 置顶 first.
#[tokio::test]
async fn r_c_01_a_notice_appears_and_disappears_at_its_times() {
    for site in Site::each().await {
        let publisher = publisher(&site).await;
        let form = editor(&publisher).await.set("deed", "publish");
        let past = form.clone().fill(&[("publish_day", "2026-11-23"), ("publish_time", "08:59")]);
        let past = publisher.send(&past).await.is(422);
        assert!(past.error("publish_day").contains("已过"));
        let at = [("publish_day", "2026-11-24"), ("publish_time", "９：３０"), ("expire_day", "2026-11-24")];
        let page = publisher.send(&form.clone().fill(&at).set("title", "定时的公告")).await.is(200);
        page.sees("将于 2026-11-24 09:30 自动发布").sees("定时发布");
        publisher.send(&form.clone().set("title", "置顶的公告").set("pinned", "1")).await.is(200);
        site.clock.pass_hours(24);
        publisher_again(&site).await.get("/publishing").await.is(200);
        assert_eq!(public(&site).await, ["置顶的公告"], "09:00");
        site.clock.set(site.app.now().plus_minutes(30));
        assert_eq!(public(&site).await, ["置顶的公告", "定时的公告"], "the pinned one first");
        site.clock.set(site.today().end_instant());
        assert_eq!(public(&site).await, ["置顶的公告"], "24:00 of its last day");
        let publisher = publisher_again(&site).await;
        let page = publisher.get("/publishing?state=expired").await.is(200).sees("已下线");
        // A later end brings it back.
        let page = publisher.get(&page.link("定时的公告")).await.is(200);
        assert_eq!(page.value("expire_day"), "2026-11-24");
        assert!(!page.has_field("publish_day"), "the time of publication stays");
        publisher.send(&page.form("保存").set("expire_day", "2026-12-31")).await.is(200).sees("已发布");
        assert_eq!(public(&site).await, ["置顶的公告", "定时的公告"]);
    }
}

async fn publisher_again(site: &Site) -> Browser {
    site.sit_down(site.account("publisher").await).await
}

/// R-C-01: 撤回 with a reason; what is withdrawn can be published anew, and every version is kept.
#[tokio::test]
async fn r_c_01_a_withdrawn_notice_is_gone_and_its_versions_stay() {
    for site in Site::each().await {
        let publisher = publisher(&site).await;
        let page = write(&publisher, "publish").await;
        let id = site.number("SELECT MAX(id) FROM bulletin").await;
        let form = page.form("保存").set("title", "改过的标题").set("body", "改过的正文");
        publisher.send(&form).await.is(200).sees("已保存");
        // Two windows: the older one is told, keeps what was typed there, and saves it only when it is sent again.
        let older = publisher.send(&form.clone().set("title", "另一个窗口的标题")).await.is(422);
        assert!(older.error("title").contains("已被他人修改"));
        assert_eq!((older.value("title"), older.value("version")), ("另一个窗口的标题".to_owned(), "2".to_owned()));
        let faulty = publisher.send(&form.clone().set("title", "")).await.is(422);
        assert_eq!(faulty.value("version"), form.get("version"), "a mistake does not hide the change");
        assert_eq!(public(&site).await, ["改过的标题"]);
        let page = publisher.get(&format!("/publishing/{id}")).await.is(200);
        let blank = publisher.send(&page.form("撤回")).await.is(422);
        assert_eq!(blank.faulty_fields(), ["reason"]);
        assert_eq!(blank.value("title"), "改过的标题");
        let form = page.form("撤回").set("reason", "内容有误");
        let page = publisher.send(&form).await.is(200).sees("已撤回").sees("原因：内容有误");
        publisher.send(&form).await.is(409);
        assert_eq!(public(&site).await, Vec::<String>::new());
        site.visitor().get(&format!("/bulletins/{id}")).await.is(404);
        assert_eq!(page.texts("tbody .lead-cell"), ["3", "2", "1"]);
        publisher
            .get(&format!("/publishing/{id}/versions/1"))
            .await
            .is(200)
            .sees("关于规范申请材料的通知")
            .sees("一、范围");
        publisher.get(&format!("/publishing/{id}/versions/2")).await.is(200).sees("改过的正文");
        publisher.get(&format!("/publishing/{id}/versions/9")).await.is(404);
        publisher.send(&page.form("发布公告")).await.is(200).sees("已发布");
        assert_eq!(public(&site).await, ["改过的标题"]);
        let opinions = "SELECT COUNT(*) FROM audit WHERE action = 'bulletin_withdraw' AND opinion = '内容有误'";
        assert_eq!(site.number(opinions).await, 1);
    }
}

/// R-C-01, D9: files of a notice: 5M each, public with it and not before; they always download.
#[tokio::test]
async fn r_c_01_files_are_public_with_their_notice_and_always_download() {
    for site in Site::each().await {
        let publisher = publisher(&site).await;
        let page = write(&publisher, "save").await;
        let id = site.number("SELECT MAX(id) FROM bulletin").await;
        let upload = format!("/publishing/{id}/files");
        let token = publisher.token().await;
        let files = [
            ("模板<b>.html", b"<script>alert(1)</script>".to_vec()),
            ("空.txt", Vec::new()),
            ("大.bin", vec![1; 5 * 1024 * 1024 + 1]),
        ];
        let refused = publisher.multipart(&upload, &[("csrf", &token)], &files).await.is(422);
        let refused = refused.sees("“空.txt”").sees("“大.bin”：文件过大").sees("模板<b>.html");
        publisher.multipart(&upload, &[("csrf", "wrong")], &files[..1]).await.is(409);
        publisher.multipart(&upload, &[("csrf", &token)], &[]).await.is(303);
        let own = refused.link("模板<b>.html");
        let file = own.rsplit('/').next().unwrap().to_owned();
        let own = publisher.get(&own).await.is(200);
        assert_eq!(own.headers["content-type"], "application/octet-stream");
        assert!(own.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        assert!(own.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
        assert_eq!(own.headers["x-content-type-options"], "nosniff");
        let there = format!("/bulletins/{id}/files/{file}");
        site.visitor().get(&there).await.is(404);
        let page = publisher.get(&page.path).await.is(200);
        publisher.send(&page.form("发布公告")).await.is(200);
        let read = site.visitor().get(&format!("/bulletins/{id}")).await.is(200);
        assert_eq!(read.link("模板<b>.html"), there);
        let got = site.visitor().get(&there).await.is(200);
        assert_eq!(got.body, b"<script>alert(1)</script>");
        assert_eq!(got.headers["content-type"], "application/octet-stream");
        site.visitor().get(&format!("/bulletins/999/files/{file}")).await.is(404);
        // Deleted: gone for everybody, and swept from the store.
        let page = publisher.get(&format!("/publishing/{id}")).await.is(200);
        publisher.send(&page.form("删除")).await.is(200).sees("没有附件").sees("删除附件：模板<b>.html");
        site.visitor().get(&there).await.is(404);
        site.clock.pass_hours(2);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM orphaned_object").await, 0);
    }
}

/// R-C-01: a draft is deleted with its files; what was public is only withdrawn.
#[tokio::test]
async fn r_c_01_only_a_draft_is_deleted() {
    for site in Site::each().await {
        let publisher = publisher(&site).await;
        let page = write(&publisher, "save").await;
        let id = site.number("SELECT MAX(id) FROM bulletin").await;
        let token = publisher.token().await;
        let upload = format!("/publishing/{id}/files");
        publisher.multipart(&upload, &[("csrf", &token)], &[("a.txt", b"x".to_vec())]).await.is(303);
        let page = publisher.get(page.path.split('#').next().unwrap()).await.is(200);
        publisher.send(&page.form("删除草稿")).await.at("/publishing").sees("已删除草稿").sees("还没有公告");
        assert_eq!(site.number("SELECT COUNT(*) FROM bulletin_file").await, 0);
        assert_eq!(site.number("SELECT COUNT(*) FROM bulletin_version").await, 0);
        write(&publisher, "publish").await;
        let id = site.number("SELECT MAX(id) FROM bulletin").await;
        publisher.force(&Method::POST, &format!("/publishing/{id}/deletion"), &[]).await.is(409);
        assert_eq!(public(&site).await.len(), 1);
    }
}

/// R-C-01: the list by title, state and category; a notice from before the editor keeps its plain text until it is saved.
#[tokio::test]
async fn r_c_01_the_list_is_narrowed_and_old_notices_stay_plain() {
    for site in Site::each().await {
        let publisher = publisher(&site).await;
        let tx = site.app.db.begin().await.unwrap();
        let at = site.app.now().plus_days(-1);
        db::bulletin::publish(&tx, "旧公告ABC", "旧栏目", "第一段 **星**。\n\n第二段<b>。", false, at).await.unwrap();
        tx.commit().await.unwrap();
        write(&publisher, "publish").await;
        write(&publisher, "save").await;
        let listed = async |query: &str| {
            publisher.get(&format!("/publishing?{query}")).await.is(200).texts("tbody .lead-cell").len()
        };
        assert_eq!(listed("").await, 3);
        assert_eq!(listed("state=draft").await, 1);
        assert_eq!(listed("state=published").await, 2);
        assert_eq!(listed("state=scheduled").await, 0);
        assert_eq!(listed("state=withdrawn").await, 0);
        assert_eq!(listed("title=%E6%97%A7%E5%85%AC%E5%91%8Aabc").await, 1);
        assert_eq!(listed("category=%E9%80%9A%E7%9F%A5").await, 2);
        publisher.get("/publishing?state=withdrawn").await.sees("没有符合条件的公告");

        let id = site.number("SELECT MIN(id) FROM bulletin").await;
        let read = site.visitor().get(&format!("/bulletins/{id}")).await.is(200).sees("**星**").sees("第二段<b>。");
        assert_eq!(read.texts(".prose p").len(), 2);
        let page = publisher.get(&format!("/publishing/{id}")).await.is(200).sees("原为纯文本");
        publisher.send(&page.form("保存")).await.is(200);
        let read = site.visitor().get(&format!("/bulletins/{id}")).await.is(200).sees("旧栏目").sees("第二段<b>。");
        assert_eq!(read.texts(".prose strong"), ["星"]);
    }
}

/// R-C-01: nobody but 信息发布 of CNCA.
#[tokio::test]
async fn r_c_01_only_the_post_publishes() {
    for site in Site::each().await {
        let owner = publisher(&site).await;
        write(&owner, "publish").await;
        let id = site.number("SELECT MAX(id) FROM bulletin").await;
        for browser in [
            site.cnca("other", &[Post::ReferenceAdmin, Post::CncaAdmin]).await,
            site.officer("odd", SHANGHAI, &[Post::Publish, Post::BureauAdmin]).await,
            site.company().await,
        ] {
            for path in ["/publishing".to_owned(), "/publishing/new".to_owned(), format!("/publishing/{id}")] {
                browser.get(&path).await.is(403);
            }
            for deed in ["", "/withdrawal", "/deletion"] {
                let path = format!("/publishing/{id}{deed}");
                browser.force(&Method::POST, &path, &[("reason", "测试撤回")]).await.is(403);
            }
        }
        assert_eq!(public(&site).await.len(), 1);
        for path in ["/publishing/999", "/publishing/999/versions/1", "/publishing/999/files/1"] {
            owner.get(path).await.is(404);
        }
    }
}

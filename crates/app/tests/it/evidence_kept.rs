//! What was once submitted stays (D32): files of a correction, of usage records, of comparisons and notices, whatever deletes
//! or replaces them, and whatever the clock sweeps.

use domain::actor::Post;
use object_store::ObjectStoreExt as _;

use crate::amendments::again;
use crate::story::{self, Bureau, decide, pdf};
use crate::support::{Browser, Form, SHANGHAI, Site};
use crate::usage::{cleared, open};

/// The clock does its duties, hours later.
async fn sweep(site: &Site) {
    for _ in 0..3 {
        site.clock.pass_hours(30);
        app::jobs::duties(&site.app).await;
    }
}

async fn is_stored(site: &Site, table: &str, id: i64) -> bool {
    #[derive(db::Row)]
    struct Key {
        object_key: String,
    }
    let sql = format!("SELECT object_key FROM {table} WHERE id = {id}");
    let key: Option<Key> = site.app.db.read().row(&sql, vec![]).await.unwrap();
    let Some(key) = key else { return false };
    site.app.files.head(&object_store::path::Path::from(key.object_key)).await.is_ok()
}

async fn send_back(officer: &Browser, id: &str) {
    let fields = [("decision", "return"), ("part", "attachments"), ("opinion", "合同页不清晰，请重新上传")];
    decide(officer, id, &fields).await.is(200);
}

/// An attachment that the enterprise replaces in a correction stays readable for officers beside the new one, after the sweep
/// too; the enterprise sees that it stays. What was never submitted goes.
#[tokio::test]
async fn d32_a_replaced_attachment_stays_beside_the_new_one() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::complete_draft(&site, &user).await;
        // Deleted while it was a draft: gone.
        user.upload(&id, "technical", &[("草稿.pdf", pdf())]).await.is(200);
        let never = site.number("SELECT MAX(id) FROM attachment").await;
        let page = user.get(&format!("/applications/{id}/attachments")).await;
        user.send(&page.form_of("删除 草稿.pdf")).await.is(200).sees_no("由检验检疫局留存");
        assert_eq!(site.number(&format!("SELECT COUNT(*) FROM attachment WHERE id = {never}")).await, 0);
        user.upload(&id, "technical", &[("旧图纸.pdf", pdf())]).await.is(200);
        let old = site.number("SELECT MAX(id) FROM attachment").await;
        story::submit(&user, &id).await;
        send_back(&bureau.accept, &id).await;

        let page = user.get(&format!("/applications/{id}/attachments")).await.is(200);
        let page = user.send(&page.form_of("删除 旧图纸.pdf")).await.is(200);
        page.sees("已删除附件“旧图纸.pdf”。已提交过的材料由检验检疫局留存。").sees("补正前已提交");
        // At once, not after the next submission.
        bureau.accept.get(&format!("/attachments/{old}")).await.is(200);
        user.upload(&id, "technical", &[("新图纸.pdf", [pdf(), b"\n% new\n".to_vec()].concat())]).await.is(200);
        // What came and went between two submissions is no evidence.
        user.upload(&id, "technical", &[("误传.pdf", pdf())]).await.is(200);
        let page = user.get(&format!("/applications/{id}/attachments")).await;
        user.send(&page.form_of("删除 误传.pdf")).await.is(200).sees_no("误传.pdf”。已提交过");
        let (number, user_again) = (story::submit(&user, &id).await, "shili_a");
        assert!(!number.is_empty());
        sweep(&site).await;
        let (user, accept) = (again(&site, user_again).await, again(&site, "sh_accept").await);
        assert!(is_stored(&site, "attachment", old).await);
        assert_eq!(site.number("SELECT COUNT(*) FROM attachment WHERE name = '误传.pdf'").await, 0);
        assert_eq!(site.number("SELECT COUNT(*) FROM orphaned_object").await, 0);

        let case = accept.get(&format!("/casework/{id}")).await.is(200).sees("补正前的附件").sees("补正前 旧图纸.pdf");
        let links = case.hrefs("#changes a");
        assert_eq!(links.len(), 2, "both files open: {links:?}");
        for link in &links {
            accept.get(link).await.is(200);
        }
        assert_eq!(links[0], format!("/attachments/{old}"));
        accept.get(&case.link("新图纸.pdf")).await.is(200);
        user.get(&format!("/applications/{id}")).await.is(200).sees("已提交过的材料由检验检疫局留存");
        // It is no part of the application any more: a second deletion finds nothing, others still see nothing.
        let path = format!("/attachments/{old}/deletion");
        assert_ne!(user.force(&axum::http::Method::POST, &path, &[]).await.status, 303);
        site.enterprise("stranger", "911100008").await.get(&format!("/attachments/{old}")).await.is(404);
        // To the end of the case, and after the certificate.
        for (officer, decision) in [
            ("sh_accept", "accept"),
            ("sh_first", "pass"),
            ("sh_final", "pass"),
            ("sh_compare", "pass"),
            ("sh_issue", "issue"),
        ] {
            let officer = again(&site, officer).await;
            decide(&officer, &id, &[("decision", decision)]).await.is(200);
            officer.get(&format!("/attachments/{old}")).await.is(200);
        }
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// A usage record that came back: file and content of the first submission stay for 后续监管.
#[tokio::test]
async fn d32_a_record_that_was_submitted_keeps_its_files_and_its_words() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let watch = site.officer("sh_watch", SHANGHAI, &[Post::Supervise]).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let page = open(&user, &c.id, "use", &[1]).await.is(200);
        let form = page.form("添加").set("qty_1", "3").set("used_on", "2026-11-20").set("note", "第一次说的用途");
        let fields: Vec<_> = form.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let files = [("第一次.pdf", pdf())];
        let page = user.multipart(&form.action, &fields, &files).await.is(200).sees("第一次.pdf");
        user.send(&page.form("提交")).await.is(200);
        let record = site.number("SELECT MAX(id) FROM usage_record").await;
        let file = site.number("SELECT MAX(id) FROM usage_file").await;
        let review = format!("/usage-records/{record}/review");
        let no = watch.get(&review).await.form("提交意见");
        watch.send(&no.fill(&[("decision", "usage_reject"), ("opinion", "请补充照片说明")])).await.is(200);

        let edit = user.get(&format!("/usage-records/{record}/edit")).await.is(200).sees("第一次.pdf");
        let without = edit.form("提交").set("note", "第二次说的用途");
        let without =
            Form { fields: without.fields.iter().filter(|(k, _)| k != "attached").cloned().collect(), ..without };
        user.send(&without).await.is(200);
        sweep(&site).await;
        let watch = again(&site, "sh_watch").await;
        assert!(is_stored(&site, "usage_file", file).await);
        let page = watch.get(&review).await.is(200).sees("已替换 第一次.pdf").sees("第二次说的用途");
        page.sees("以前提交的内容").sees("第一次说的用途");
        watch.get(&format!("/usage-files/{file}")).await.is(200);
        let user = again(&site, "shili_a").await;
        user.get(&format!("/usage-records/{record}")).await.is(200).sees("已提交过的材料由检验检疫局留存");
    }
}

/// A scan with which 文件对比 decided stays when the case comes back to it.
#[tokio::test]
async fn d32_a_scan_that_was_decided_with_stays() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Compare).await;
        let address = format!("/casework/{id}/comparison");
        let page = bureau.compare.get(&address).await.is(200);
        let document =
            page.attributes("#f-document option[value]", "value").into_iter().find(|v| !v.is_empty()).unwrap();
        let form = page.form("上传扫描件").set("document", &document);
        let fields: Vec<_> = form.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        bureau.compare.multipart(&form.action, &fields, &[("原件.pdf", pdf())]).await.is(303);
        let scan = site.number("SELECT MAX(id) FROM paper_scan").await;
        decide(&bureau.compare, &id, &[("decision", "pass")]).await.is(200);
        let back = [("decision", "send_back_to_compare"), ("opinion", "证明暂不能打印，请核对材料")];
        decide(&bureau.issue, &id, &back).await.is(200);
        let page = bureau.compare.get(&address).await.is(200);
        bureau.compare.send(&page.form_of("删除扫描件 原件.pdf")).await.is(200).sees("删除，留存备查");
        sweep(&site).await;
        assert!(is_stored(&site, "paper_scan", scan).await);
        again(&site, "sh_final").await.get(&format!("/casework/{id}/scans/{scan}")).await.is(200);
    }
}

/// An amendment that came back: what it said before stays readable for the bureau.
#[tokio::test]
async fn d32_an_amendment_keeps_what_it_said_before() {
    use crate::amendments::{Desk, certificate_of, change_model, newest, submit};
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        desk.release(&number).await.is(200);
        change_model(&user, certificate, "KC-FIRST").await.is(200);
        submit(&user, certificate).await.is(200);
        let no = [("decision", "send_back_amendment"), ("opinion", "型号仍与发票不符。")];
        desk.decide(&site, certificate, &no).await.is(200);
        change_model(&user, certificate, "KC-SECOND").await.is(200);
        submit(&user, certificate).await.is(200);
        let case = format!("/amendments/{}", newest(&site, certificate).await);
        let page = desk.confirm.get(&case).await.is(200).sees("KC-SECOND");
        page.sees("以前提交的内容").sees("KC-FIRST");
    }
}

/// A file of a notice that the public could see is public no more when it is deleted, and stays for the publisher.
#[tokio::test]
async fn d32_a_file_of_a_published_notice_stays_for_its_publisher() {
    for site in Site::each().await {
        let editor = site.cnca("editor", &[Post::Publish]).await;
        let form = editor.get("/publishing/new").await.is(200).form("保存");
        let fields = [("title", "关于规范申请材料的通知"), ("category", "通知"), ("body", "即日起施行。")];
        editor.send(&form.fill(&fields).set("deed", "publish")).await.is(200);
        let id = site.number("SELECT MAX(id) FROM bulletin").await;
        let token = editor.token().await;
        let files = format!("/publishing/{id}/files");
        editor.multipart(&files, &[("csrf", &token)], &[("附表.pdf", pdf())]).await.is(303);
        let file = site.number("SELECT MAX(id) FROM bulletin_file").await;
        let public = format!("/bulletins/{id}/files/{file}");
        site.visitor().get(&public).await.is(200);
        let page = editor.get(&format!("/publishing/{id}")).await.is(200);
        editor.send(&page.form_of("删除 附表.pdf")).await.is(200).sees("曾公布的附件").sees("附表.pdf");
        sweep(&site).await;
        site.visitor().get(&public).await.is(404);
        assert!(is_stored(&site, "bulletin_file", file).await);
        again(&site, "editor").await.get(&format!("{files}/{file}")).await.is(200);
    }
}

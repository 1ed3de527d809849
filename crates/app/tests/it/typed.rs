//! Nothing typed is lost: kept text, two tabs, an ended session (E20, E21).

use crate::story::{self, AIR_CONDITIONER, PRODUCT, add_product, fill_basics, open_draft, with_traits};
use crate::support::{Browser, Form, Page, Site};

/// What the script sends while somebody types.
async fn autosave(user: &Browser, page: &Page, form: &Form) -> Page {
    let address = page.attribute("form[data-autosave]", "data-autosave").expect("the form is kept");
    user.post(&address, &form.body()).await
}

/// E21: typed text is kept beside the application, offered with its time, restored or given up; it is never a save.
#[tokio::test]
async fn e_21_typed_basics_are_kept_offered_and_restored() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let path = format!("/applications/{id}/basics");
        let version = site.number("SELECT version FROM application").await;
        let page = user.get(&path).await.is(200).sees_no("没有保存，系统已自动留存");
        let typed = page.form("保存").fill(&[("purpose", "第一行\r\n第二行"), ("agent_flag", "1")]);
        let answer = autosave(&user, &page, &typed).await.is(200);
        assert_eq!(answer.html(), "09:00:00");
        site.clock.set(site.app.now().plus_minutes(5));
        autosave(&user, &page, &typed.clone().set("principal_name", "被代理")).await.is(200);
        assert_eq!(site.number("SELECT version FROM application").await, version, "nothing was saved");
        assert_eq!(site.number("SELECT COUNT(*) FROM typed_text WHERE body LIKE '%csrf%'").await, 0);

        let page = user.get(&path).await.sees("您 2026-11-23 09:05 在本页填写的内容没有保存");
        assert_eq!(page.value("purpose"), "", "what is stored stands in the form until asked");
        let page = user.get(&page.link("恢复")).await.is(200).sees("已恢复");
        assert!(page.html().contains("第一行\r\n第二行"));
        assert_eq!(page.value("principal_name"), "被代理");
        assert!(page.attribute("form[data-guard]", "data-dirty").is_some());
        // 放弃 without script.
        let page = user.send(&page.form("放弃")).await.is(200).at(&path).sees_no("恢复");
        assert_eq!(page.value("purpose"), "");
        assert_eq!(site.number("SELECT COUNT(*) FROM typed_text").await, 0);
    }
}

/// E21: 保存, 提交 and the end of the draft remove it; so do thirty days.
#[tokio::test]
async fn e_21_typed_text_goes_with_saving_submitting_and_the_draft() {
    for site in Site::each().await {
        let user = site.company().await;
        let kept = async || site.number("SELECT COUNT(*) FROM typed_text").await;
        let id = story::complete_draft(&site, &user).await;
        let path = format!("/applications/{id}/basics");
        let page = user.get(&path).await;
        let typed = page.form("保存").set("remark", "新备注");
        autosave(&user, &page, &typed).await.is(200);
        assert_eq!(kept().await, 1);
        user.send(&typed).await.is(200).sees_no("恢复");
        assert_eq!(kept().await, 0, "保存");
        // The last keystrokes that arrive after 保存 say nothing new: no offer.
        autosave(&user, &page, &typed).await.is(200);
        user.get(&path).await.is(200).sees_no("恢复");
        story::submit(&user, &id).await;
        assert_eq!(kept().await, 0, "提交");
        autosave(&user, &page, &typed).await.is(409);

        let id = open_draft(&user).await;
        let page = user.get(&format!("/applications/{id}/basics")).await;
        autosave(&user, &page, &page.form("保存").set("remark", "x")).await.is(200);
        let list = user.get("/applications").await;
        user.send(&list.form("删除").tick("id", &id)).await.is(200);
        assert_eq!(kept().await, 0, "the draft is deleted");

        let id = open_draft(&user).await;
        let page = user.get(&format!("/applications/{id}/basics")).await;
        autosave(&user, &page, &page.form("保存").set("remark", "x")).await.is(200);
        app::jobs::duties(&site.app).await;
        assert_eq!(kept().await, 1);
        site.clock.pass_hours(240);
        app::jobs::duties(&site.app).await;
        assert_eq!(kept().await, 0, "the draft is over");
    }
}

/// E21: thirty days; the purge leaves what is younger.
#[tokio::test]
async fn e_21_typed_text_is_purged_after_thirty_days() {
    for site in Site::each().await {
        let user = site.company().await;
        let accept = site.officer("accept", crate::support::SHANGHAI, &[domain::actor::Post::Accept]).await;
        let id = story::submitted(&site, &user).await;
        story::decide(&accept, &id, &[("decision", "return"), ("part", "basics"), ("opinion", "请补充用途说明")])
            .await
            .is(200);
        let page = user.get(&format!("/applications/{id}/basics")).await;
        autosave(&user, &page, &page.form("保存").set("remark", "x")).await.is(200);
        site.clock.pass_hours(30 * 24 - 1);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM typed_text").await, 1);
        site.clock.pass_hours(1);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM typed_text").await, 0);
    }
}

/// E21: bounded, for pages that exist only, and nobody else's.
#[tokio::test]
async fn e_21_typed_text_is_bounded_and_private() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let other = open_draft(&user).await;
        fill_basics(&user, &other, &[]).await.is(200);
        let list = add_product(&user, &other, AIR_CONDITIONER, &[]).await;
        let foreign = list.attribute("#rows input[name=id]", "value").unwrap();
        let page = user.get(&format!("/applications/{id}/basics")).await;
        let form = page.form("保存");
        autosave(&user, &page, &form.clone().set("purpose", &"x".repeat(66_000))).await.is(413).sees("超过 64 KB");
        for word in ["nothing", "item-", "item-x", "item-999999", &format!("item-{foreign}")] {
            user.post(&format!("/applications/{id}/typed/{word}"), &form.body()).await.is(404);
        }
        autosave(&user, &page, &form.set("remark", "只给本人看")).await.is(200);
        let colleague = site.enterprise("colleague", "802100433").await;
        db::testing::confirm(&site.app.db, "colleague").await;
        let deeds = [format!("/applications/{id}/typed/basics"), format!("/applications/{id}/typed/basics/deletion")];
        for deed in &deeds {
            colleague.force(&axum::http::Method::POST, deed, &[("remark", "别人的")]).await.is(404);
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM typed_text WHERE body LIKE '%remark=%'").await, 1);
    }
}

/// E21: a new product and a product that exists are kept apart; restoring never sends an old key.
#[tokio::test]
async fn e_21_typed_products_are_kept_and_restored() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        fill_basics(&user, &id, &[]).await.is(200);
        let path = format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}");
        let page = user.get(&path).await.is(200);
        assert!(page.html().contains(&format!("data-discard=\"/applications/{id}/typed/item-new/deletion\"")));
        let typed = with_traits(&page, "保存并关闭").fill(&PRODUCT);
        autosave(&user, &page, &typed).await.is(200);
        let page = user.get(&path).await.sees("没有保存，系统已自动留存");
        let page = user.get(&page.link("恢复")).await.is(200);
        assert_eq!(page.value("product_name"), "窗式空调器样机");
        assert_ne!(page.value("creation_key"), typed.get("creation_key"));
        let list = user.send(&page.form("保存并关闭")).await.is(200).sees("共 1 项");
        user.get(&path).await.is(200).sees_no("恢复");

        let edit = list.link("查看");
        let page = user.get(&edit).await.is(200);
        autosave(&user, &page, &page.form("保存并关闭")).await.is(200);
        user.get(&edit).await.is(200).sees_no("恢复");
        autosave(&user, &page, &page.form("保存并关闭").set("brand", "没有保存的商标")).await.is(200);
        user.get(&path).await.sees_no("恢复");
        let page = user.get(&edit).await.sees("没有保存，系统已自动留存");
        let restored = user.get(&page.link("恢复")).await.is(200);
        assert_eq!(restored.value("brand"), "没有保存的商标");
        let back = user.send(&page.form("放弃")).await.is(200).at(&edit);
        assert_eq!(back.value("brand"), "演示品牌");
    }
}

/// Two tabs on the basic information: yours and theirs for each field, one choice per field, and saved so.
#[tokio::test]
async fn an_older_basics_page_shows_yours_and_theirs_and_asks_which_to_keep() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        fill_basics(&user, &id, &[]).await.is(200);
        let path = format!("/applications/{id}/basics");
        let (tab, other) = (user.get(&path).await, user.get(&path).await);
        let first = other.form("保存").fill(&[
            ("remark", "先保存的备注"),
            ("use_contact", "先保存的人"),
            ("agent_flag", "1"),
            ("principal_name", "先保存的单位"),
            ("use_region_code_2", "310100"),
            ("use_region_code_3", "310101"),
        ]);
        user.send(&first).await.is(200);
        let mine = tab.form("保存").fill(&[("remark", "后保存的备注"), ("use_contact", "后保存的人")]);
        // A mistake does not hide that somebody else has saved.
        let page = user.send(&mine.clone().set("purpose", "短")).await.is(422);
        let again = page.form("保存").set("purpose", mine.get("purpose"));
        let page = user.send(&again).await.is(409).sees("本次没有保存");
        assert_eq!(
            page.texts(".error-summary tbody tr"),
            [
                "产品最终使用地行政区划 上海市 市辖区 浦东新区 上海市 市辖区 黄浦区",
                "使用单位联系人 后保存的人 先保存的人",
                "被代理单位 — 先保存的单位",
                "备注 后保存的备注 先保存的备注",
            ]
        );
        assert_eq!(page.value("remark"), "后保存的备注");
        let choice = page.form("保存").fill(&[
            ("keep.use_contact", "theirs"),
            ("keep.principal_name", "theirs"),
            ("keep.use_region_code", "theirs"),
        ]);
        // The other tab is faster once more: asked again, with what was chosen.
        let other = user.get(&path).await;
        user.send(&other.form("保存").set("use_contact", "又改的人")).await.is(200);
        let page = user.send(&choice).await.is(409).sees("又改的人");
        assert_eq!(page.attribute("input[name='keep.use_contact'][checked]", "value").unwrap(), "theirs");
        let radios = page.form("保存").fill(&[
            ("keep.use_contact", "theirs"),
            ("keep.principal_name", "theirs"),
            ("keep.use_region_code", "theirs"),
        ]);
        let saved = user.send(&radios).await.is(200).sees("已保存申请基本信息");
        for (field, value) in [
            ("remark", "后保存的备注"),
            ("use_contact", "又改的人"),
            ("principal_name", "先保存的单位"),
            ("use_region_code_3", "310101"),
        ] {
            assert_eq!(saved.value(field), value, "{field}");
        }
    }
}

/// Two tabs on one product: one choice per field; a product that is gone can be saved as a new one.
#[tokio::test]
async fn an_older_product_page_asks_which_to_keep() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        fill_basics(&user, &id, &[]).await.is(200);
        let list = add_product(&user, &id, AIR_CONDITIONER, &[]).await;
        let edit = list.link("查看");
        let (tab, other) = (user.get(&edit).await, user.get(&edit).await);
        let theirs =
            [("brand", "先商标"), ("qty", "3"), ("hs_qty", "3"), ("total_price", "300.6"), ("remark", "先备注")];
        user.send(&other.form("保存并关闭").fill(&theirs)).await.is(200);
        let page = user.send(&tab.form("保存并关闭").fill(&[("brand", "后商标"), ("model", "后型号")])).await.is(409);
        let keep = ["brand", "qty", "hs_qty", "total_price"].map(|k| format!("keep.{k}"));
        let form = keep.iter().fold(page.form("保存并关闭"), |form, key| form.set(key, "theirs"));
        user.send(&form).await.is(200);
        let saved = user.get(&edit).await;
        for (field, value) in [("brand", "先商标"), ("qty", "3"), ("model", "后型号"), ("remark", "")] {
            assert_eq!(saved.value(field), value, "{field}");
        }

        let tab = user.get(&edit).await;
        user.send(&list.form("删除").tick("id", &tab.value("item"))).await.is(200).sees("还没有产品");
        let page = user.send(&tab.form("保存并关闭").set("brand", "不丢的商标")).await.is(409).sees("已在别处被删除");
        assert_eq!(page.value("brand"), "不丢的商标");
        user.send(&page.form("保存并关闭")).await.is(200).sees("不丢的商标").sees("共 1 项");
    }
}

/// E20: a product form sent after the session ended is kept in the login page and sent with one click.
#[tokio::test]
async fn e_20_a_product_form_survives_the_end_of_the_session() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        fill_basics(&user, &id, &[]).await.is(200);
        let page = user.get(&format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}")).await;
        let form = with_traits(&page, "保存并关闭").fill(&PRODUCT).set("serials", "甲1\n甲2");
        site.clock.set(site.app.now().plus_minutes(31));
        // Autosave says so too, and keeps nothing.
        autosave(&user, &page, &form).await.is(401);
        let ended = user.send(&form).await.is(401).sees("登录已失效");
        let login = ended.form("重新登录").fill(&[("username", "shili_a"), ("password", crate::support::PASSWORD)]);
        let resume = user.send(&login).await.is(200).sees("继续提交");
        let list = user.send(&resume.form("继续提交")).await.is(200).at(&format!("/applications/{id}/items"));
        let product = user.get(&list.sees("窗式空调器样机").link("查看")).await;
        assert_eq!(product.value("serials").replace("\r\n", "\n").trim(), "甲1\n甲2");
    }
}

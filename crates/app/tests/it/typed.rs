//! Nothing typed is lost: kept text, two tabs, an ended session (E20, E21).

use crate::story::{self, AIR_CONDITIONER, PRODUCT, add_product, fill_basics, open_draft, with_traits};
use crate::support::{Browser, Form, Page, Site};
use crate::usage::{Cleared, cleared, complete, open};
use crate::write_off::{Yard, lines_of};

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
        assert!(page.html().contains("第一行\n第二行"));
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
        assert_eq!(kept().await, 1, "the draft is over, and could be restored with it");
        site.clock.pass_hours(30 * 24);
        app::jobs::duties(&site.app).await;
        assert_eq!(kept().await, 0, "the draft is purged");
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

/// E21, R-2.9.1-08, R-2.9.2-04, R-2.9.3-04: the three forms are kept while somebody types, each by itself; a new one comes
/// back with its products and never with its old key; 保存 and 返回 end it.
#[tokio::test]
async fn e_21_typed_usage_forms_are_kept_and_restored() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = story::Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10", "20"]).await;
        let kept = async || site.number("SELECT COUNT(*) FROM typed_text").await;
        for (n, (kind, field)) in (0..).zip([("use", "note"), ("return", "reason"), ("destruction", "place")]) {
            let page = open(&user, &c.id, kind, &[1, 2]).await.is(200);
            let typed = page.form("保存").fill(complete(kind)).fill(&[
                (field, "没有保存的话"),
                ("qty_2", "3"),
                ("serials_2", "甲1\r\n甲2"),
            ]);
            assert_eq!(autosave(&user, &page, &typed).await.is(200).html(), "09:00:00");
            assert_eq!(site.number("SELECT COUNT(*) FROM usage_record").await, n, "kept is not saved");
            // Another product was ticked; 恢复 brings what was typed, for its own products.
            let other = open(&user, &c.id, kind, &[1]).await.sees("没有保存，系统已自动留存");
            assert_eq!(other.texts("#form input[name=line]").len(), 1);
            let back = user.get(&other.link("恢复")).await.is(200).sees("点击“保存”或“提交”后生效");
            assert_eq!(back.texts("#form input[name=line]").len(), 2);
            assert_eq!((back.value(field), back.value("qty_2")), ("没有保存的话".into(), "3".into()));
            assert!(back.html().contains("甲1\n甲2"));
            assert!(back.attribute("form[data-guard]", "data-dirty").is_some());
            assert_ne!(back.form("保存").get("creation_key"), typed.get("creation_key"));
            // The two other kinds know nothing of it.
            for other in ["use", "return", "destruction"].into_iter().filter(|k| *k != kind) {
                open(&user, &c.id, other, &[1]).await.is(200).sees_no("恢复");
            }
            // 返回 and 放弃 drop it, and lead back to the same products.
            let address = page.attribute("a[data-discard]", "data-discard").unwrap();
            assert_eq!(other.form("放弃").action, address);
            let fresh = user.send(&other.form("放弃")).await.is(200).sees_no("恢复");
            assert_eq!((fresh.value(field), fresh.texts("#form input[name=line]").len()), (String::new(), 1));
            assert_eq!(kept().await, 0);
            // 保存 ends it.
            autosave(&user, &page, &typed).await.is(200);
            user.send(&typed).await.is(200).sees("尚未提交审核");
            assert_eq!(kept().await, 0);
            open(&user, &c.id, kind, &[1]).await.is(200).sees_no("恢复");
        }
        // The duties of the clock leave it for thirty days, though the application is long issued.
        let page = open(&user, &c.id, "use", &[1]).await;
        autosave(&user, &page, &page.form("保存").set("note", "x")).await.is(200);
        site.clock.pass_hours(30 * 24 - 1);
        app::jobs::duties(&site.app).await;
        assert_eq!(kept().await, 1);
        site.clock.pass_hours(1);
        app::jobs::duties(&site.app).await;
        assert_eq!(kept().await, 0);
    }
}

/// A saved record of use with one file; says its change page.
async fn saved_with_a_file(user: &Browser, c: &Cleared) -> String {
    let page = open(user, &c.id, "use", &[1]).await.is(200);
    let page = crate::usage::send_files(user, &page, "添加", &[("旧.pdf", story::pdf())]).await.is(200);
    let list = user.send(&page.form("保存").set("note", "保存的说明")).await.is(200);
    list.hrefs(".acts-cell a").remove(0)
}

/// E21, R-2.9.4-06: the change page too, with its files; what was submitted or deleted keeps nothing; a page that is older
/// than what is stored says so when it is restored and saved; a file that nobody saved within a day is asked for again.
#[tokio::test]
async fn e_21_typed_changes_of_a_record_are_kept_with_their_files() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = story::Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let kept = async || site.number("SELECT COUNT(*) FROM typed_text").await;
        let edit = saved_with_a_file(&user, &c).await;
        let page = user.get(&edit).await.is(200);
        autosave(&user, &page, &page.form("修改")).await.is(200);
        user.get(&edit).await.is(200).sees_no("恢复");

        // A file is deleted and another one added: both belong to what is kept.
        let page = user.send(&page.form_of("删除 旧.pdf")).await.is(200);
        let page = crate::usage::send_files(&user, &page, "添加", &[("新.pdf", story::pdf())]).await.is(200);
        autosave(&user, &page, &page.form("修改").set("note", "改了一半")).await.is(200);
        let offered = user.get(&edit).await.sees("没有保存，系统已自动留存");
        assert_eq!(offered.texts(".files .nm a:first-of-type"), ["旧.pdf"]);
        let back = user.get(&offered.link("恢复")).await.is(200).sees("点击“修改”或“提交”后生效");
        assert_eq!(back.texts(".files .nm a:first-of-type"), ["新.pdf"]);
        assert_eq!(back.value("note"), "改了一半");

        // Two tabs: the other one was saved meanwhile.
        user.send(&offered.form("修改").set("note", "另一页保存的")).await.is(200);
        assert_eq!(kept().await, 0, "修改");
        autosave(&user, &page, &page.form("修改").set("note", "改了一半")).await.is(200);
        let back = user.get(&format!("{edit}?restore=1")).await.is(200);
        let late = user.send(&back.form("修改")).await.is(409).sees("已在别处被修改");
        assert_eq!(late.value("note"), "改了一半");

        // After a day the waiting file is gone, and this is said, not passed over.
        site.clock.pass_hours(25);
        app::jobs::duties(&site.app).await;
        let swept = "有 1 个附件上传后超过一天没有保存，已被清除，请重新上传";
        let user = site
            .sit_down(domain::ids::AccountId::new(
                site.number("SELECT id FROM account WHERE username = 'shili_a'").await,
            ))
            .await;
        user.get(&format!("{edit}?restore=1")).await.is(200).sees(swept);
        let stale = late.form("修改").set("csrf", &user.token().await);
        let page = user.send(&stale).await.is(422).sees("没有保存：").sees(swept);
        assert_eq!(page.value("note"), "改了一半", "what was typed stays");
        user.send(&page.form("修改")).await.is(200);
        assert_eq!(user.get(&edit).await.value("note"), "改了一半");

        // 提交 in the list and 删除 keep nothing behind; what was submitted is not kept any more.
        let page = user.get(&edit).await;
        let typed = page.form("修改").set("note", "x");
        autosave(&user, &page, &typed).await.is(200);
        user.send(&page.form("提交").fill(complete("use")).set("qty_1", "1")).await.is(200);
        assert_eq!(kept().await, 0, "提交");
        autosave(&user, &page, &typed).await.is(409);
        let edit = saved_with_a_file(&user, &c).await;
        let page = user.get(&edit).await;
        autosave(&user, &page, &page.form("修改").set("note", "x")).await.is(200);
        let list = user.get(&format!("/applications/{}/usage-records", c.id)).await;
        user.send(&list.form("删除")).await.is(200);
        assert_eq!(kept().await, 0, "删除");
    }
}

/// E21, D5: kept text of a usage form is bounded, for forms that exist only, and nobody else's.
#[tokio::test]
async fn e_21_typed_usage_forms_are_bounded_and_private() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = story::Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let page = open(&user, &c.id, "use", &[1]).await;
        let form = page.form("保存");
        autosave(&user, &page, &form.clone().set("note", &"x".repeat(66_000))).await.is(413).sees("超过 64 KB");
        user.post(&format!("/applications/{}/usage-records/typed/other", c.id), &form.body()).await.is(404);
        user.post("/usage-records/999999/typed", &form.body()).await.is(404);
        autosave(&user, &page, &form.set("note", "只给本人看")).await.is(200);
        db::testing::set_sharing(&site.app.db, "802100433", true).await;
        let colleague = site.enterprise("colleague", "802100433").await;
        db::testing::confirm(&site.app.db, "colleague").await;
        let deed = page.attribute("form[data-autosave]", "data-autosave").unwrap();
        for deed in [deed.clone(), format!("{deed}/deletion")] {
            colleague.force(&axum::http::Method::POST, &deed, &[("note", "别人的")]).await.is(409);
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM typed_text WHERE body LIKE '%note=%'").await, 1);
    }
}

/// E21, R-2.8-09: what is typed into 预核销 is kept, rows of other pages with it; it is declared once, and 提交 ends it.
#[tokio::test]
async fn e_21_typed_pre_write_offs_are_kept_and_restored() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10"), ("20", "20")]).await;
        let lines = lines_of(&site, c).await;
        let path = format!("/certificates/{c}/pre-write-offs/new");
        let page = yard.user.get(&path).await.is(200).sees_no("恢复");
        // Nothing but what stands there anyway: no offer.
        autosave(&yard.user, &page, &page.form("提交")).await.is(200);
        yard.user.get(&path).await.is(200).sees_no("恢复");
        let (qty, hs_qty) = (format!("qty_{}", lines[1]), format!("hs_qty_{}", lines[1]));
        let typed = page.form("提交").fill(&[(&qty, "3"), (&hs_qty, "3"), ("customs_no", "223320260000123456")]);
        autosave(&yard.user, &page, &typed).await.is(200);
        let body = site.number("SELECT COUNT(*) FROM typed_text WHERE body LIKE '%product_name%'").await;
        assert_eq!(body, 0, "blank fields are not kept");
        let page = yard.user.get(&path).await.sees("没有保存，系统已自动留存");
        assert_eq!(page.value(&qty), "");
        assert_eq!(site.number("SELECT COUNT(*) FROM pre_write_off").await, 0);
        let back = yard.user.get(&page.link("恢复")).await.is(200).sees("点击“提交”后生效").sees("已填写 1 个");
        assert_eq!((back.value(&qty), back.value("customs_no")), ("3".into(), "223320260000123456".into()));
        assert_ne!(back.form("提交").get("submission_key"), typed.get("submission_key"));
        let fresh = yard.user.send(&back.form("放弃")).await.is(200).at(&path).sees_no("恢复");
        assert_eq!(fresh.value(&qty), "");
        autosave(&yard.user, &fresh, &typed).await.is(200);
        // A mistake ends nothing, 提交 does.
        yard.user.send(&typed.clone().set(&qty, "99")).await.is(422);
        assert_eq!(site.number("SELECT COUNT(*) FROM typed_text").await, 1);
        yard.user.send(&typed.fill(&crate::write_off::YANGSHAN)).await.is(200).sees("已提交 1 个产品");
        assert_eq!(site.number("SELECT COUNT(*) FROM typed_text").await, 0);
        yard.user.get(&path).await.is(200).sees_no("恢复");
    }
}

/// E20: a form of use and one of 预核销 that are sent after the session ended are kept in the login page and sent with one
/// click; autosave says that it keeps nothing.
#[tokio::test]
async fn e_20_usage_and_pre_write_off_survive_the_end_of_the_session() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = story::Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let other = crate::write_off::certificate_of(&site, &user, &bureau, &[("10", "10")]).await;
        let line = lines_of(&site, other).await[0];
        let page = open(&user, &c.id, "return", &[1]).await;
        let form = page.form("保存").fill(complete("return")).fill(&[("qty_1", "2"), ("serials_1", "甲1\n甲2")]);
        let declared = user.get(&format!("/certificates/{other}/pre-write-offs/new")).await;
        let declaration = declared.form("提交").fill(&crate::write_off::YANGSHAN);
        let declaration = declaration.fill(&[(&format!("qty_{line}"), "2"), (&format!("hs_qty_{line}"), "2")]);
        site.clock.set(site.app.now().plus_minutes(31));
        autosave(&user, &page, &form).await.is(401);
        autosave(&user, &declared, &declaration).await.is(401);
        for (form, done) in [(form, "已保存退运记录"), (declaration, "已提交 1 个产品的预核销")] {
            let ended = user.send(&form).await.is(401).sees("登录已失效");
            let login = ended.form("重新登录").fill(&[("username", "shili_a"), ("password", crate::support::PASSWORD)]);
            let resume = user.send(&login).await.is(200).sees("继续提交");
            user.send(&resume.form("继续提交")).await.is(200).sees(done);
            site.clock.set(site.app.now().plus_minutes(31));
        }
        let serials = "SELECT COUNT(*) FROM usage_line WHERE serials LIKE '甲1%甲2'";
        assert_eq!(site.number(serials).await, 1);
    }
}

//! 产品模板: saved from a product, used for another; shared as D5 says.

use axum::http::Method;

use crate::story::{self, PRODUCT};
use crate::support::{Browser, Page, Site};

/// 存为产品模板 of the first product of an application.
pub async fn save(user: &Browser, id: &str, name: &str) -> Page {
    let list = user.get(&format!("/applications/{id}/items")).await.is(200);
    let page = user.get(&list.link("存为产品模板")).await.is(200);
    user.send(&page.form("保存").set("name", name)).await
}

/// R-2.1.2-03: a saved template begins a product of another application; amounts, place and serial numbers are not in it.
#[tokio::test]
async fn r_2_1_2_03_a_template_begins_a_product() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        save(&user, &id, "窗机标准").await.is(200).sees("已存为产品模板“窗机标准”");
        let next = story::open_draft(&user).await;
        story::fill_basics(&user, &next, &[("use_address", "另一处 5 号")]).await.is(200);
        let catalogue = user.get(&format!("/applications/{next}/catalogue")).await.is(200);
        let list = user.get(&catalogue.link("使用产品模板")).await.is(200).sees("窗机标准").sees("本人");
        let page = user.get(&list.link("使用")).await.is(200).sees("取自产品模板“窗机标准”");
        let left = ["qty", "hs_qty", "total_price"];
        for (field, value) in PRODUCT {
            let expected = if left.contains(&field) { "" } else { value };
            assert_eq!(page.value(field).trim_end_matches('0'), expected, "{field}");
        }
        assert_eq!(page.value("use_address"), "另一处 5 号");
        assert!(!page.value("trait_0").is_empty());
        let form = page.form("保存并关闭").fill(&[("qty", "1"), ("hs_qty", "1"), ("total_price", "100.2")]);
        user.send(&form).await.is(200).sees("窗式空调器样机");
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'save_template'").await, 1);
    }
}

/// The list searches; a name is wanted, short, and not there twice; a template is renamed and deleted.
#[tokio::test]
async fn templates_are_searched_renamed_and_deleted() {
    for site in Site::each().await {
        let user = site.company().await;
        user.get("/product-templates").await.is(200).sees("还没有产品模板");
        let id = story::complete_draft(&site, &user).await;
        save(&user, &id, "").await.is(422).sees("请填写模板名称");
        save(&user, &id, &"长".repeat(61)).await.is(422).sees("不能超过 60 个字");
        save(&user, &id, "甲 Ａ").await.is(200);
        let twice = save(&user, &id, "甲a").await.is(422);
        assert_eq!(twice.error("name"), "您已有同名的产品模板，请换一个名称");
        save(&user, &id, "乙_1").await.is(200);
        for (query, found) in [
            ("", 2),
            ("name=%E7%94%B2", 1),
            ("name=_", 1),
            ("name=%25", 0),
            ("product_name=%E7%AA%97%E5%BC%8F&hs_code=8415", 2),
            ("hs_code=9999", 0),
        ] {
            let list = user.get(&format!("/product-templates?{query}")).await.is(200);
            assert_eq!(list.texts("#result tbody tr").len(), found, "{query}");
        }
        user.get("/product-templates?name=x").await.sees("没有符合条件的产品模板").sees("清除条件");
        let list = user.get("/product-templates").await;
        let page = user.get(&list.link("乙_1")).await.is(200).sees("KC-26/ZW-T1").sees("100.20 EUR");
        let renaming = page.form("保存");
        user.send(&renaming.clone().set("name", "甲 a")).await.is(422).sees("同名");
        user.send(&renaming.set("name", "丙")).await.is(200).sees("已改名为“丙”");
        let page = user.get(&user.get("/product-templates").await.link("丙")).await;
        user.send(&page.form("删除")).await.is(200).at("/product-templates").sees("已删除产品模板“丙”").sees("甲 Ａ");
        user.send(&page.form("删除")).await.is(404);
        let words =
            "SELECT COUNT(*) FROM audit WHERE action IN ('save_template', 'rename_template', 'delete_template')";
        assert_eq!(site.number(words).await, 4);
        let form = user.get(&format!("/applications/{id}/items")).await;
        let form = user.get(&form.link("存为产品模板")).await.form("保存").set("name", "丁");
        let (one, two) = tokio::join!(user.send(&form), user.send(&form));
        one.is(200);
        two.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM product_template").await, 2, "a double click makes one");
    }
}

/// D5: own templates, and those of the organisation when it shares and the user is confirmed; others only use them.
#[tokio::test]
async fn d5_templates_are_shared_within_the_organisation() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        save(&user, &id, "单位模板").await.is(200);
        let template = site.number("SELECT id FROM product_template").await;
        let path = format!("/product-templates/{template}");
        let colleague = site.enterprise("colleague", "802100433").await;
        let draft = story::open_draft(&colleague).await;
        let using = format!("/applications/{draft}/items/new?template={template}");
        db::testing::set_sharing(&site.app.db, "802100433", true).await;
        for address in [&path, &using] {
            colleague.get(address).await.is(404);
        }
        db::testing::confirm(&site.app.db, "colleague").await;
        let page = colleague.get(&path).await.is(200).sees("不能修改或删除");
        assert!(!page.offers().contains(&"删除".to_owned()));
        colleague.force(&Method::POST, &path, &[("name", "改名")]).await.is(403).sees("单位管理员");
        colleague.force(&Method::POST, &format!("{path}/deletion"), &[]).await.is(403);
        colleague.get(&using).await.is(200).sees("取自产品模板");
        colleague.get("/product-templates").await.sees("单位模板").sees("shili_a");
        // 单位管理员 tidies up after his colleagues.
        let other = story::complete_draft(&site, &colleague).await;
        save(&colleague, &other, "同事模板").await.is(200);
        let page = user.get(&user.get("/product-templates").await.link("同事模板")).await.is(200);
        user.send(&page.form("删除")).await.is(200);
        db::testing::set_sharing(&site.app.db, "802100433", false).await;
        colleague.get(&path).await.is(404);
        let stranger = site.enterprise("stranger", "911100008").await;
        stranger.get(&path).await.is(404);
        let officer = site.officer("sh", crate::support::SHANGHAI, &[domain::actor::Post::Accept]).await;
        officer.get("/product-templates").await.is(403);
    }
}

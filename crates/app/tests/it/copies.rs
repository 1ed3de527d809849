//! 复制: a product, and an application (D19, D24).

use axum::http::Method;

use crate::story::{self, AIR_CONDITIONER, Bureau, PRODUCT, add_product, fill_basics};
use crate::support::Site;

/// R-2.1.2-22: 复制 in the list opens a new form with what the product has; saved, it is another product.
#[tokio::test]
async fn r_2_1_2_22_a_copied_product_is_a_new_one() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let serials = [("serials", "SN-1"), ("product_name", "原产品"), ("remark", "原备注")];
        add_product(&user, &id, AIR_CONDITIONER, &serials).await.is(200);
        let list = user.get(&format!("/applications/{id}/items?product_name=原产品")).await.is(200);
        let page = user.get(&list.link("复制")).await.is(200).sees("复制自产品“原产品”").sees("序列号/零件号没有复制");
        for (field, value) in PRODUCT.iter().filter(|(f, _)| *f != "product_name") {
            assert_eq!(page.value(field).trim_end_matches('0'), *value, "{field}");
        }
        assert_eq!(page.value("product_name"), "原产品");
        assert_eq!(page.value("remark"), "原备注");
        assert_eq!((page.value("serials"), page.value("item")), (String::new(), String::new()));
        assert!(!page.value("trait_0").is_empty());
        assert_eq!(page.value("use_region_code_3"), "310115");
        let form = page.form("保存并关闭").set("model", "副本");
        let (one, two) = tokio::join!(user.send(&form), user.send(&form));
        one.is(200).sees("共 3 项").sees("副本");
        two.is(200);
        // A product of another application is not there to be copied.
        let other = story::complete_draft(&site, &user).await;
        let item = list.link("复制").split('=').next_back().unwrap().to_owned();
        user.get(&format!("/applications/{other}/items/new?copy={item}")).await.is(404);
        user.get(&format!("/applications/{id}/items/new?copy=x")).await.is(404);
    }
}

/// D24: a withdrawn application is copied: basics and products, the applicant of this session; no number, no paper, no file.
#[tokio::test]
async fn d24_a_withdrawn_application_becomes_a_new_draft() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let papers = [("remark", "请尽快"), ("expected_import_date", "2026-12-24"), ("contract_no", "HT-1")];
        fill_basics(&user, &id, &papers).await.is(200);
        user.upload(&id, "contract", &[("合同.pdf", story::pdf())]).await.is(200);
        add_product(&user, &id, AIR_CONDITIONER, &[("product_name", "第二个产品")]).await.is(200);
        let number = story::submit(&user, &id).await;
        let view = user.get(&format!("/applications/{id}")).await.is(200);
        user.send(&view.form("撤回")).await.is(200).sees("复制为新申请");

        let list = user.get("/applications").await.is(200);
        assert_eq!(list.link("复制为新申请"), format!("/applications/{id}/copy"));
        let page = user.get(&format!("/applications/{id}/copy")).await.is(200).sees(&number).sees("附表产品 2 个");
        page.sees("不复制").sees("合同号").sees("申请人声明").sees("编造虚假材料");
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 1);

        // The session knows a newer profile than the first application.
        let account = site.number("SELECT owner_id FROM application").await;
        let newer = site
            .sit_down_with(domain::ids::AccountId::new(account), |p| p.applicant.contact = "李示例".to_owned())
            .await;
        let page_of_newer = newer.get(&format!("/applications/{id}/copy")).await.is(200);
        let form = page_of_newer.form("我同意，复制为新申请");
        let (one, two) = tokio::join!(newer.send(&form), newer.send(&form));
        let basics = one.is(200);
        two.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 2, "a double click makes one");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 4);
        let copy = story::id_of(&basics);
        assert_ne!(copy, id);
        let basics = newer.get(&format!("/applications/{copy}/basics")).await.is(200).sees("李示例");
        for (field, value) in story::BASICS {
            assert_eq!(basics.value(field), value, "{field}");
        }
        assert_eq!(basics.value("remark"), "请尽快");
        for left in ["contract_no", "invoice_no", "bl_no", "expected_import_date"] {
            assert_eq!(basics.value(left), "", "{left}");
        }
        let whole = newer.get(&format!("/applications/{copy}")).await.is(200).sees("第二个产品").sees("没有附件");
        whole.sees_no(&number).sees("未提交");
        // The ten days begin now, and the new one is complete but for its files.
        story::attach(&site, &newer, &copy, "1").await;
        assert_ne!(story::submit(&newer, &copy).await, number);
    }
}

/// D19, §3.2: every own application is copied, in every state; nobody else's.
#[tokio::test]
async fn d19_only_an_own_application_is_copied() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let draft = story::complete_draft(&site, &user).await;
        let issued = story::issued(&site, &user, &bureau).await;
        for id in [&draft, &issued] {
            let view = user.get(&format!("/applications/{id}")).await.is(200);
            let page = user.get(&view.link("复制为新申请")).await.is(200);
            user.send(&page.form("我同意，复制为新申请")).await.is(200).sees("1 个产品");
        }
        let colleague = site.enterprise("colleague", "802100433").await;
        db::testing::confirm(&site.app.db, "colleague").await;
        db::testing::set_sharing(&site.app.db, "802100433", true).await;
        let view = colleague.get(&format!("/applications/{issued}")).await.is(200);
        assert!(!view.offers().contains(&"复制为新申请".to_owned()));
        let path = format!("/applications/{issued}/copy");
        colleague.get(&path).await.is(409).sees("只能复制自己填写的申请");
        let key = "0123456789abcdef0123456789abcdef";
        colleague.force(&Method::POST, &path, &[("creation_key", key)]).await.is(409);
        user.force(&Method::POST, &path, &[("creation_key", "short")]).await.is(400);
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 4);
    }
}

/// D19: a partly written-off certificate is copied for what is left of it: N − W in both units, finished products left out;
/// or whole, as the user chooses.
#[tokio::test]
async fn d19_what_is_left_of_a_certificate_is_copied() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let amounts = [("10", "10"), ("20", "16"), ("5", "5"), ("8", "4")];
        let c = crate::write_off::certificate_of(&site, &user, &bureau, &amounts).await;
        let id = site.number("SELECT application_id FROM certificate").await;
        let path = format!("/applications/{id}/copy");
        // Nothing is written off: nothing to choose.
        assert!(!user.get(&path).await.is(200).has_field("quantity"));
        let written = [(0, "4", "4"), (2, "5", "5"), (3, "6", "4")];
        crate::write_off::write_off(&site, c, &written).await;

        let page = user.get(&path).await.is(200).sees("还有 3 个产品没有核销完").sees("剩余数量").sees("全部数量");
        let form = page.form("我同意，复制为新申请");
        let copy = user.send(&form.clone().set("quantity", "rest")).await.is(200).sees("3 个产品的剩余数量");
        let copy = story::id_of(&copy);
        let list = user.get(&format!("/applications/{copy}/items")).await.is(200);
        let rows = list.texts("tbody tr");
        assert_eq!(rows.len(), 3, "{rows:?}");
        let row = |n: usize| rows[n].clone();
        assert!(row(0).contains("样机1") && row(0).contains("6 台") && row(0).contains("6.00"), "{}", row(0));
        assert!(row(1).contains("样机2") && row(1).contains("20 件") && row(1).contains("16 台"), "{}", row(1));
        // HS 标准量 was used up before 数量/重量: in its proportion.
        assert!(row(2).contains("样机4") && row(2).contains("2 件") && row(2).contains("1 台"), "{}", row(2));

        let page = user.get(&path).await.is(200);
        let whole = user.send(&page.form("我同意，复制为新申请").set("quantity", "all")).await.is(200);
        let whole = user.get(&format!("/applications/{}/items", story::id_of(&whole))).await.is(200);
        assert_eq!(whole.texts("tbody tr").len(), 4);
        assert!(whole.texts("tbody tr")[0].contains("10 台"));

        // All is written off: what was, is copied whole.
        crate::write_off::write_off(&site, c, &[(0, "6", "6"), (1, "20", "16"), (3, "2", "0")]).await;
        assert!(!user.get(&path).await.is(200).has_field("quantity"));
    }
}

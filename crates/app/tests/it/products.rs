//! 附表产品: 选择免办产品, the product form, the list (manual §2.1.2; forms §2.7).

use crate::story::{AIR_CONDITIONER, PRODUCT, add_product, fill_basics, open_draft, with_traits};
use crate::support::{Browser, Page, Site};

/// A draft whose basic information is filled in.
async fn draft(user: &Browser) -> String {
    let id = open_draft(user).await;
    fill_basics(user, &id, &[]).await.is(200);
    id
}

async fn search(user: &Browser, id: &str, code: &str, name: &str) -> Page {
    let page = user.get(&format!("/applications/{id}/catalogue")).await.is(200);
    let form = page.form("查询").set("code", code).set("name", name);
    user.get(&format!("{}?{}", form.action, form.body())).await
}

/// R-2.1.2-04, -05, -30: code by prefix, name by containment, both together.
#[tokio::test]
async fn r_2_1_2_04_types_are_found_by_prefix_and_by_containment() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let by_code = search(&user, &id, "83", "").await.is(200);
        let codes = by_code.texts("tbody td.code");
        assert!(codes.len() >= 2 && codes.iter().all(|c| c.starts_with("83")), "{codes:?}");
        let by_name = search(&user, &id, "", "空调器").await.is(200);
        let names = by_name.texts("tbody label");
        assert!(names.len() >= 2 && names.iter().all(|n| n.contains("空调器")), "{names:?}");
        let both = search(&user, &id, "83", "空调器").await.is(200);
        assert!(both.texts("tbody td.code").is_empty());
        let full_width = search(&user, &id, "８３", "").await;
        assert_eq!(full_width.texts("tbody td.code"), codes);
        // % and _ are letters like others (D27).
        let percent = search(&user, &id, "", "%").await.is(200).texts("tbody label");
        assert!(percent.iter().all(|n| n.contains('%')), "{percent:?}");
        search(&user, &id, "", "_").await.is(200).sees("没有符合条件的产品类型");
    }
}

/// R-2.1.2-09, -10: an exact match or a single hit opens the form directly.
#[tokio::test]
async fn r_2_1_2_09_an_exact_or_single_hit_opens_the_form() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let page = search(&user, &id, AIR_CONDITIONER, "").await.is(200);
        assert!(page.path.ends_with(&format!("items/new?hs_code={AIR_CONDITIONER}")), "{}", page.path);
        let name = page.texts("dl.kv dd").remove(1);
        let by_name = search(&user, &id, "", &name).await.is(200);
        assert_eq!(by_name.path, page.path);
        let single = search(&user, &id, &AIR_CONDITIONER[..9], &name).await;
        assert_eq!(single.path, page.path);
    }
}

/// R-2.1.2-03: 添加 opens 选择免办产品.
#[tokio::test]
async fn r_2_1_2_03_add_opens_the_choice_of_a_type() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let list = user.get(&format!("/applications/{id}/items")).await.is(200);
        let page = user.get(&list.link("添加")).await.is(200);
        assert_eq!(page.texts("main h1"), ["选择免办产品"]);
    }
}

/// R-2.1.2-15: 重填 clears the form; by the browser alone, or by script where a page came back filled in.
#[tokio::test]
async fn r_2_1_2_15_the_form_has_a_button_that_clears_it() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let page = user.get(&format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}")).await.is(200);
        assert_eq!(page.texts("#form button[type=reset][data-clear]"), ["重填"]);
        let again = user.send(&page.form("保存并关闭").set("brand", "演示品牌")).await.is(422);
        assert_eq!(again.texts("#form button[type=reset][data-clear]"), ["重填"]);
    }
}

/// R-2.1.2-06 to -08: 重填, 返回, a selection and 提交; 提交 without a selection asks for one.
#[tokio::test]
async fn r_2_1_2_08_a_selection_opens_the_form() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let page = search(&user, &id, "84", "").await.is(200);
        assert_eq!(page.link("返回"), format!("/applications/{id}/items"));
        assert!(page.offers().contains(&"重填".to_owned()));
        let none = user.send(&page.form("提交")).await.is(422);
        assert_eq!(none.faulty_fields(), ["chosen"]);
        assert_eq!(none.value("code"), "84", "the search is kept");
        let code = page.texts("tbody td.code").remove(0);
        user.send(&page.form("提交").set("chosen", &code)).await.is(200).sees("免办产品信息").sees(&code);
    }
}

/// R-2.1.2-11, -12, -19 to -21: what the form brings along.
#[tokio::test]
async fn r_2_1_2_11_the_form_brings_name_traits_units_and_place() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let page = user.get(&format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}")).await.is(200);
        assert_eq!(page.texts("dl.kv dd")[0], AIR_CONDITIONER);
        assert!(page.form("保存并关闭").fields.iter().any(|(k, _)| k == "trait_0"));
        assert_eq!(page.value("use_region_code_3"), "310115");
        assert_eq!(page.value("use_address"), "示例科技园 3 号楼 2 层");
        assert!(page.texts("select[name=qty_unit] option").len() > 10, "the unit can be chosen");
        assert!(!page.has_field("hs_unit"), "the HS unit cannot");
        let hs_unit = page.value("qty_unit");
        assert_ne!(hs_unit, "035");
        let other = with_traits(&page, "保存并关闭").fill(&PRODUCT).fill(&[("qty_unit", "035"), ("hs_unit", "035")]);
        user.send(&other).await.is(200).at(&format!("/applications/{id}/items"));
        let stored = format!("SELECT COUNT(*) FROM application_item WHERE qty_unit = '035' AND hs_unit = '{hs_unit}'");
        assert_eq!(site.number(&stored).await, 1, "it stays that of the HS code, whatever is sent");
    }
}

/// R-2.1.2-12, -14: all stars and characteristics at once, nothing saved, everything typed kept.
#[tokio::test]
async fn r_2_1_2_14_missing_stars_are_reported_together() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let page = user.get(&format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}")).await;
        let form = page.form("保存并关闭").set("qty_unit", "").set("currency", "").set("brand", "演示品牌");
        let again = user.send(&form.fill(&[("use_region_code_3", ""), ("use_address", "")])).await.is(422);
        let faulty = again.faulty_fields();
        for field in [
            "product_name",
            "model",
            "manufacturer",
            "origin_country",
            "qty",
            "qty_unit",
            "hs_qty",
            "unit_price",
            "total_price",
            "currency",
            "trait_0",
            "trait_1",
            "use_region_code",
            "use_address",
        ] {
            assert!(faulty.contains(&field.to_owned()), "{field} in {faulty:?}");
        }
        assert!(!faulty.contains(&"brand".to_owned()));
        assert_eq!(again.value("brand"), "演示品牌");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);
    }
}

/// Quantities are exact decimals: six decimals, minus, zero, words and too much are refused with a sentence.
#[tokio::test]
async fn impossible_quantities_are_refused() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        for (typed, sentence) in [
            ("1.123456", "最多保留 5 位小数"),
            ("-1", "不能为负数"),
            ("0", "必须大于 0"),
            ("十二", "请输入数字"),
            ("1e3", "请输入数字"),
            ("1000000000000", "数值过大"),
        ] {
            let page = add_product(&user, &id, AIR_CONDITIONER, &[("qty", typed)]).await.is(422);
            assert!(page.error("qty").contains(sentence), "{typed}: {}", page.error("qty"));
            assert_eq!(page.value("qty"), typed);
        }
        let page =
            add_product(&user, &id, AIR_CONDITIONER, &[("unit_price", "1.123456"), ("total_price", "1.123")]).await;
        assert_eq!(page.is(422).faulty_fields(), ["unit_price", "total_price"]);
        // Five decimals and full-width digits are right, and no digit is lost.
        let fields =
            [("qty", "１２３，４５６．７８９０１"), ("hs_qty", "123456.78901"), ("total_price", "12370370.26")];
        add_product(&user, &id, AIR_CONDITIONER, &fields).await.is(200).sees("123,456.78901").sees("12,370,370.26");
    }
}

/// R-2.1.2-11: a code that is not in the catalogue makes no product.
#[tokio::test]
async fn an_unknown_hs_code_is_refused() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        user.get(&format!("/applications/{id}/items/new?hs_code=9999999999")).await.is(400).sees("不在产品目录中");
        let page = user.get(&format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}")).await;
        let form = with_traits(&page, "保存并关闭").fill(&PRODUCT).set("hs_code", "9999999999");
        user.send(&form).await.is(400).sees("重新选择");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);
    }
}

/// R-2.1.2-13: 重新选择 keeps what was typed; traits of the same name survive, the HS data are new.
#[tokio::test]
async fn r_2_1_2_13_choosing_another_type_keeps_what_was_typed() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let page = user.get(&format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}")).await;
        let more = [
            ("qty_unit", "035"),
            ("use_address", "示例科技园 4 号楼"),
            ("serials", "SN-001；SN-002"),
            ("usage_note", "对比测试"),
            ("remark", "备注一"),
        ];
        let form = with_traits(&page, "重新选择").fill(&PRODUCT).fill(&more);
        let catalogue = user.send(&form).await.is(200).sees("正在重新选择产品类型");
        let form = catalogue.form("查询").set("code", "8418").set("name", "");
        let list = user.send(&form).await.is(200).sees("8418");
        let code = list.texts("tbody td.code").remove(0);
        let page = user.send(&list.form("提交").set("chosen", &code)).await.is(200).sees("免办产品信息").sees(&code);
        for (field, value) in PRODUCT.into_iter().chain(more) {
            assert_eq!(page.value(field), value, "{field}");
        }
        assert_eq!(page.value("hs_code"), code);
        user.send(&with_traits(&page, "保存并关闭")).await.is(200).at(&format!("/applications/{id}/items")).sees(&code);
    }
}

/// R-2.1.2-16 to -18, -22: 返回 saves nothing; 保存并关闭; 保存并添加下一个 opens an empty form of the same type (D10).
#[tokio::test]
async fn r_2_1_2_17_the_three_ways_out_of_the_form() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let page = user.get(&format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}")).await;
        assert_eq!(page.link("返回"), format!("/applications/{id}/items"));
        assert!(page.offers().contains(&"重填".to_owned()));
        let next = user.send(&with_traits(&page, "保存并添加下一个").fill(&PRODUCT)).await.is(200).sees("已保存产品");
        assert_eq!((next.value("hs_code"), next.value("product_name")), (AIR_CONDITIONER.to_owned(), String::new()));
        let second = with_traits(&next, "保存并关闭").fill(&PRODUCT).set("product_name", "第二个产品");
        let list = user.send(&second).await.is(200).at(&format!("/applications/{id}/items"));
        list.sees("窗式空调器样机").sees("第二个产品").sees("共 2 项");
    }
}

/// A double click on 保存并关闭 makes one product.
#[tokio::test]
async fn a_double_click_makes_one_product() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let page = user.get(&format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}")).await;
        let form = with_traits(&page, "保存并关闭").fill(&PRODUCT);
        let (one, two) = tokio::join!(user.send(&form), user.send(&form));
        one.is(200);
        two.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 1);
    }
}

/// R-2.1.2-01, -02, -23 to -25: search, clear, details, change, delete.
#[tokio::test]
async fn r_2_1_2_25_the_list_searches_shows_changes_and_deletes() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        for (name, model) in [("甲产品", "A-1"), ("乙产品", "B-1"), ("丙产品", "B-2")] {
            add_product(&user, &id, AIR_CONDITIONER, &[("product_name", name), ("model", model)]).await.is(200);
        }
        let list = user.get(&format!("/applications/{id}/items")).await.is(200);
        let form = list.form("查询").fill(&[("model", "ｂ-"), ("product_name", "产品")]);
        let found = user.get(&format!("{}?{}", form.action, form.body())).await.is(200);
        assert_eq!(found.texts("#rows tbody td:nth-child(3)"), ["乙产品", "丙产品"]);
        assert_eq!(found.texts("#rows tbody td:nth-child(2)"), ["2", "3"], "序号 is that of the whole list");
        assert_eq!(found.link("清除条件"), format!("/applications/{id}/items"));
        user.get(&format!("/applications/{id}/items?model=Z")).await.sees("没有符合条件的产品");

        let details = found.attribute("#rows tbody tr:nth-child(2) a[hx-target]", "hx-get").unwrap();
        let detail = user.get(&details).await.is(200);
        assert_eq!(detail.texts("#detail strong"), ["丙产品"]);

        let change = user.get(&list.link("乙产品")).await.is(200).sees("免办产品信息");
        assert_eq!(change.value("model"), "B-1");
        user.send(&change.form("保存并关闭").set("model", "B-9")).await.is(200).sees("B-9").sees_no("B-1");

        user.send(&list.form("删除")).await.is(400).sees("请先勾选");
        let first = list.attribute("#rows tbody tr:nth-child(1) input[name=id]", "value").unwrap();
        let third = list.attribute("#rows tbody tr:nth-child(3) input[name=id]", "value").unwrap();
        let form = list.form("删除").tick("id", &first).tick("id", &third);
        user.send(&form).await.is(200).sees("已删除 2 个产品").sees("乙产品").sees_no("甲产品").sees("共 1 项");
    }
}

/// Two tabs on one product: the second is told what changed, and keeps what it typed.
#[tokio::test]
async fn an_older_product_page_shows_yours_and_theirs() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let list = add_product(&user, &id, AIR_CONDITIONER, &[]).await;
        let tab = user.get(&list.link("查看")).await.is(200);
        let other = user.get(&list.link("查看")).await.is(200);
        user.send(&other.form("保存并关闭").set("brand", "先保存的")).await.is(200);
        let page = user.send(&tab.form("保存并关闭").set("brand", "后保存的")).await.is(409).sees("本次没有保存");
        assert_eq!(page.texts(".error-summary tbody tr"), ["商标 后保存的 先保存的"]);
        assert_eq!(page.value("brand"), "后保存的");
        user.send(&page.form("保存并关闭")).await.is(200).sees("后保存的");
    }
}

/// Numbers that look wrong are a warning: shown once, accepted when sent again (forms §2.7, D20).
#[tokio::test]
async fn numbers_that_look_wrong_are_asked_about_once() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let page = add_product(&user, &id, AIR_CONDITIONER, &[("total_price", "9999"), ("hs_qty", "13")]).await.is(422);
        let page = page.sees("不一致，请核对");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item").await, 0);
        user.send(&page.form("保存并关闭")).await.is(200).sees("9,999.00");
    }
}

/// R-2.1.2-26 to -29: the ways on from the list.
#[tokio::test]
async fn r_2_1_2_26_the_list_leads_on() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = draft(&user).await;
        let page = user.get(&format!("/applications/{id}/items")).await.is(200).sees("还没有产品");
        assert_eq!(page.link("添加"), format!("/applications/{id}/catalogue"));
        assert_eq!(page.link("查看申请基本信息"), format!("/applications/{id}/basics"));
        assert_eq!(page.link("查看申请附件信息"), format!("/applications/{id}/attachments"));
        assert_eq!(page.link("返回申请列表"), "/applications");
        user.send(&page.form("提交申请")).await.is(422).sees("请至少添加一个免办产品");
    }
}

/// A product of another application does not exist here.
#[tokio::test]
async fn a_foreign_product_is_not_found() {
    for site in Site::each().await {
        let user = site.company().await;
        let (mine, other) = (draft(&user).await, draft(&user).await);
        let list = add_product(&user, &other, AIR_CONDITIONER, &[]).await;
        let address = list.link("查看").replace(&format!("/{other}/"), &format!("/{mine}/"));
        user.get(&address).await.is(404);
        user.get(&address.replace("/edit", "")).await.is(404);
        let stranger = site.enterprise("stranger", "911100008").await;
        stranger.get(&list.link("查看")).await.is(404);
    }
}

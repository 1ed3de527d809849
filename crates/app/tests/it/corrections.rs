//! 补正 (manual §2.4): what the officer names, what the enterprise sees and may change, and old beside new.

use domain::actor::Post;

use crate::story::{self, AIR_CONDITIONER, Bureau, add_product, decide, submit};
use crate::support::{Browser, Page, Site};

const OPINION: &str = "型号与发票不一致，请核对并补充合同";

/// 送补正 with these fields named, and no part ticked by itself.
async fn send_back(officer: &Browser, id: &str, fields: &[&str]) -> Page {
    let page = officer.get(&format!("/casework/{id}")).await.is(200);
    let form = page.form("提交意见").fill(&[("decision", "return"), ("opinion", OPINION)]);
    let form = fields.iter().fold(form, |form, field| form.tick("field", field));
    officer.send(&form).await
}

async fn edit_first_product(user: &Browser, id: &str, fields: &[(&str, &str)]) -> Page {
    let list = user.get(&format!("/applications/{id}/items")).await.is(200);
    let product = user.get(&list.link("查看")).await.is(200);
    user.send(&product.form("保存并关闭").fill(fields)).await
}

fn rows(page: &Page) -> Vec<String> {
    page.texts("#changes tbody tr")
}

/// R-2.4-01, D7: 送补正 names parts and fields; a field names its part; nothing named, or something that is locked or
/// unknown, is refused; what was ticked stays ticked.
#[tokio::test]
async fn r_2_4_01_an_officer_names_parts_and_fields() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        for nothing in ["basics.use_address", "basics.clause_code", "items.use_region_code", "items.nothing", "x"] {
            let page = send_back(&bureau.accept, &id, &[nothing]).await.is(422);
            assert_eq!(page.faulty_fields(), ["part"], "{nothing}");
        }
        let page = bureau.accept.get(&format!("/casework/{id}")).await;
        let form = page.form("提交意见").fill(&[("decision", "return"), ("opinion", "短")]);
        let page = bureau.accept.send(&form.tick("field", "items.model").tick("part", "basics")).await.is(422);
        assert_eq!(page.faulty_fields(), ["opinion"]);
        assert_eq!(page.texts("details.to-name[open] summary"), ["指定附表产品信息中的项目"]);
        bureau.accept.send(&page.form("提交意见").set("opinion", OPINION)).await.is(200).sees("已提交意见");
        let line = "需修改： 申请基本信息、附表产品信息";
        user.get(&format!("/applications/{id}")).await.sees(line).sees("需修改的项目： 附表产品信息—规格型号");
        bureau.accept.get(&format!("/casework/{id}")).await.sees(line);
    }
}

/// A submitted application of so many products, named 产品1, 产品2, …
async fn with_products(site: &Site, user: &Browser, products: usize) -> String {
    let id = story::complete_draft(site, user).await;
    edit_first_product(user, &id, &[("product_name", "产品1")]).await.is(200);
    for n in 2..=products {
        add_product(user, &id, AIR_CONDITIONER, &[("product_name", &format!("产品{n}"))]).await.is(200);
    }
    submit(user, &id).await;
    id
}

/// R-2.4-01: beside a field of the products the officer names those that are meant; what is no number, or no product, is
/// refused beside its field, with everything that was typed.
#[tokio::test]
async fn r_2_4_01_an_officer_names_single_products() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = with_products(&site, &user, 4).await;
        let page = bureau.accept.get(&format!("/casework/{id}")).await.is(200);
        let form = page.form("提交意见").fill(&[
            ("decision", "return"),
            ("opinion", OPINION),
            ("products.model", "3，x"),
            ("products.qty", "2-5"),
            ("products.brand", "4-2"),
        ]);
        let page = bureau.accept.send(&form.tick("field", "items.currency")).await.is(422);
        assert_eq!(page.faulty_fields(), ["products.model", "products.brand", "products.qty"]);
        assert!(page.error("products.model").contains("产品序号“x”写法不对"), "{}", page.error("products.model"));
        assert!(page.error("products.qty").contains("没有第 5 项产品，本申请共 4 项产品"));
        assert!(page.error("products.brand").contains("如 2-4"));
        assert_eq!(page.value("products.model"), "3，x");
        assert_eq!(page.texts("details.to-name[open] summary"), ["指定附表产品信息中的项目"]);
        // Numbers alone name the field, and the part.
        let form = page.form("提交意见").fill(&[
            ("products.model", "3"),
            ("products.qty", "4、2 - 3"),
            ("products.brand", ""),
        ]);
        bureau.accept.send(&form).await.is(200).sees("已提交意见");
        let line = "附表产品信息—规格型号（第 3 项）、附表产品信息—数量/重量（第 2-4 项）、附表产品信息—币制";
        user.get(&format!("/applications/{id}")).await.is(200).sees(line);
        bureau.accept.get(&format!("/casework/{id}")).await.sees(line);

        // One product: nothing to choose from.
        let id = story::submitted(&site, &user).await;
        let page = bureau.accept.get(&format!("/casework/{id}")).await.is(200);
        assert!(!page.html().contains("products.model"));
    }
}

/// R-2.4-03: a field of a single product is marked on that product's form alone, and the product in the list, wherever it
/// moves; the list can be narrowed to such products.
#[tokio::test]
async fn r_2_4_03_single_products_are_marked_in_the_list_and_on_their_forms() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = with_products(&site, &user, 4).await;
        let page = bureau.accept.get(&format!("/casework/{id}")).await.is(200);
        let form = page.form("提交意见").fill(&[
            ("decision", "return"),
            ("opinion", OPINION),
            ("products.model", "2,4"),
            ("products.brand", "4"),
        ]);
        bureau.accept.send(&form.tick("field", "items.remark")).await.is(200);

        let path = format!("/applications/{id}/items");
        let list = user.get(&path).await.is(200);
        list.sees("附表产品信息（规格型号（第 2、4 项）、商标（第 4 项）、备注）");
        let list = user.get(&path).await;
        let marks = |page: &Page| page.texts("#rows tbody .to-correct");
        assert_eq!(marks(&list), ["需补正 规格型号", "需补正 规格型号、商标"]);
        let edit = |n: usize| {
            let id = list.attribute(&format!("#rows tbody tr:nth-child({n}) input[name=id]"), "value").unwrap();
            format!("{path}/{id}/edit")
        };
        let marked = async |address: &str| user.get(address).await.is(200).texts(".form-grid > .to-correct label");
        assert_eq!(marked(&edit(1)).await, ["备注 需补正"]);
        assert_eq!(marked(&edit(2)).await, ["规格型号 需补正", "备注 需补正"]);
        assert_eq!(marked(&edit(4)).await, ["规格型号 需补正", "商标 需补正", "备注 需补正"]);
        assert_eq!(marked(&format!("{path}/new?hs_code={AIR_CONDITIONER}")).await, ["备注 需补正"]);

        let narrowed = user.get(&format!("{path}?to_correct=1")).await.is(200).sees("产品2").sees("产品4");
        assert_eq!(narrowed.texts("#rows tbody tr").len(), 2);
        // Another product goes: the marks stay with theirs, and say where the officer saw them.
        let first = list.attribute("#rows tbody input[name=id]", "value").unwrap();
        let list = user.send(&list.form("删除").tick("id", &first)).await.is(200);
        assert_eq!(
            marks(&list),
            ["需补正 规格型号（送补正时为第 2 项）", "需补正 规格型号、商标（送补正时为第 4 项）"]
        );
        submit(&user, &id).await;
        // A correction without single products offers no such list.
        send_back(&bureau.accept, &id, &["items.model"]).await.is(200);
        let list = user.get(&format!("{path}?to_correct=1")).await.is(200).sees_no("只看需补正的产品");
        assert_eq!(list.texts("#rows tbody tr").len(), 3);
    }
}

/// R-2.4-01: a correction that was named by an older program still reads, and names the field of all products.
#[tokio::test]
async fn r_2_4_01_corrections_named_before_products_could_be_still_read() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = with_products(&site, &user, 2).await;
        send_back(&bureau.accept, &id, &["items.model", "basics.remark"]).await.is(200);
        let stored = "SELECT COUNT(*) FROM application WHERE return_fields = 'basics.remark,items.model'";
        assert_eq!(site.number(stored).await, 1, "whole columns are stored as they always were");
        let list = user.get(&format!("/applications/{id}/items")).await.is(200).sees("附表产品信息（规格型号）");
        assert!(list.texts("#rows tbody .to-correct").is_empty());
        let product = user.get(&list.link("查看")).await.is(200);
        assert_eq!(product.texts(".form-grid > .to-correct label"), ["规格型号 需补正"]);
    }
}

/// R-2.4-02: status 返回修改, operation 修改; nothing expires.
#[tokio::test]
async fn r_2_4_02_a_returned_application_offers_its_correction() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        send_back(&bureau.accept, &id, &["basics.purpose"]).await.is(200);
        site.clock.pass_hours(240);
        let user =
            site.sit_down(db::account::credentials(&site.app.db.read(), "shili_a").await.unwrap().unwrap().id).await;
        app::jobs::duties(&site.app).await;
        let list = user.get("/applications").await.sees("返回修改");
        user.get(&list.link("修改")).await.is(200).at(&format!("/applications/{id}/basics"));
    }
}

/// R-2.4-03: post, bureau, name, time and opinion of the officer stand on every page; the named fields are marked with a
/// word, the others are not.
#[tokio::test]
async fn r_2_4_03_opinion_and_named_fields_stand_on_every_page() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::FirstReview).await;
        let named = ["basics.purpose", "items.model", "items.traits", "attachments.contract"];
        send_back(&bureau.first, &id, &named).await.is(200);
        let item = user.get(&format!("/applications/{id}/items")).await.link("查看");
        let pages = ["basics", "items", "attachments", "submission"].map(|p| format!("/applications/{id}/{p}"));
        for path in pages.into_iter().chain([item.clone()]) {
            let page =
                user.get(&path).await.is(200).sees(OPINION).sees("初审岗").sees("sh_first 某").sees("2026-11-23 09:00");
            page.sees(
                "需修改： 申请基本信息（用途及免办理由）、附表产品信息（规格型号、产品特性）、申请附件信息（合同）",
            );
        }
        let basics = user.get(&format!("/applications/{id}/basics")).await;
        assert_eq!(basics.texts(".form-grid .to-correct label"), ["用途及免办理由 需补正"]);
        let product = user.get(&item).await;
        let marked = product.texts(".form-grid > .to-correct label");
        assert!(marked.contains(&"规格型号 需补正".to_owned()), "{marked:?}");
        assert!(!marked.iter().any(|m| m.contains("商标")), "{marked:?}");
        assert!(product.texts(".card-header").contains(&"产品特性 需补正 均为必填".to_owned()));
        let files = user.get(&format!("/applications/{id}/attachments")).await;
        assert_eq!(files.texts(".card.to-correct h2"), ["合同"]);
        // After the correction nothing is marked any more.
        submit(&user, &id).await;
        user.get(&format!("/applications/{id}")).await.sees_no("需补正");
    }
}

/// R-2.4-04, D7: clause and place are locked on the server, for the application, its products and new ones.
#[tokio::test]
async fn r_2_4_04_clause_and_place_cannot_be_changed() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::complete_draft(&site, &user).await;
        // A product with a place of its own.
        edit_first_product(&user, &id, &[("use_address", "产品自己的地址")]).await.is(200);
        submit(&user, &id).await;
        send_back(&bureau.accept, &id, &["basics.remark"]).await.is(200);
        let forged = [
            ("clause_code", "5"),
            ("use_region_code_1", "320000"),
            ("use_region_code_2", "320100"),
            ("use_region_code_3", "320102"),
            ("use_address", "别处"),
        ];
        let page = user.get(&format!("/applications/{id}/basics")).await;
        user.send(&page.form("保存").fill(&forged).set("remark", "已补正")).await.is(200).sees("已保存申请基本信息");
        edit_first_product(&user, &id, &forged[1..]).await.is(200);
        add_product(&user, &id, AIR_CONDITIONER, &forged[1..]).await.is(200);
        for (sql, n) in [
            ("SELECT COUNT(*) FROM application WHERE clause_code = '1' AND use_region_code = '310115'", 1),
            ("SELECT COUNT(*) FROM application WHERE use_address = '示例科技园 3 号楼 2 层' AND remark = '已补正'", 1),
            ("SELECT COUNT(*) FROM application_item WHERE use_region_code = '310115'", 2),
            ("SELECT COUNT(*) FROM application_item WHERE use_address = '产品自己的地址'", 1),
            ("SELECT COUNT(*) FROM application_item WHERE use_address = '示例科技园 3 号楼 2 层'", 1),
        ] {
            assert_eq!(site.number(sql).await, n, "{sql}");
        }
        // The page with a mistake still shows the product's own place.
        edit_first_product(&user, &id, &[("model", "")]).await.is(422).sees("浦东新区 产品自己的地址");
    }
}

/// R-2.4-05: 保存 stores the basic information; products and files can be added, changed and removed.
#[tokio::test]
async fn r_2_4_05_all_three_parts_can_be_changed() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        send_back(&bureau.accept, &id, &["attachments.other"]).await.is(200);
        let page = user.get(&format!("/applications/{id}/basics")).await;
        let page = user.send(&page.form("保存").set("use_contact", "李示例")).await.is(200);
        assert_eq!(page.value("use_contact"), "李示例");
        edit_first_product(&user, &id, &[("brand", "改后的商标")]).await.is(200).sees("改后的商标");
        user.upload(&id, "other", &[("补充.pdf", story::pdf())]).await.is(200).sees("补充.pdf");
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE state = 'returned'").await, 1);
    }
}

/// R-2.4-06: from whichever post it came, it goes back there, with its number, and not to 受理.
#[tokio::test]
async fn r_2_4_06_each_post_gets_its_own_correction_back() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        for (post, officer) in [
            (Post::Accept, &bureau.accept),
            (Post::FirstReview, &bureau.first),
            (Post::FinalReview, &bureau.last),
            (Post::Compare, &bureau.compare),
        ] {
            let id = story::complete_draft(&site, &user).await;
            let number = submit(&user, &id).await;
            bureau.bring_to(&id, post).await;
            send_back(officer, &id, &["items.model"]).await.is(200);
            assert_eq!(submit(&user, &id).await, number);
            officer.get(&format!("/casework?post={}", post.word())).await.is(200).sees(&number);
        }
    }
}

/// R-2.4-07: the correction is checked like a new application, and nothing can be changed after it.
#[tokio::test]
async fn r_2_4_07_a_correction_is_checked_and_then_closed() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        send_back(&bureau.accept, &id, &["basics.contract_no"]).await.is(200);
        let page = user.get(&format!("/applications/{id}/basics")).await;
        let page = user.send(&page.form("保存").set("purpose", "短")).await.is(422);
        assert_eq!(page.faulty_fields(), ["purpose"]);
        let page = user.get(&format!("/applications/{id}/basics")).await;
        let form = page.form("保存").set("contract_no", "HT-2");
        user.send(&form).await.is(200);
        let check = user.get(&format!("/applications/{id}/submission")).await;
        user.send(&check.form("提交申请")).await.is(422).sees("已填写合同号，请上传合同");
        user.upload(&id, "contract", &[("合同.pdf", story::pdf())]).await.is(200);
        submit(&user, &id).await;
        user.send(&form).await.is(409);
        user.get(&format!("/applications/{id}/basics")).await.at(&format!("/applications/{id}"));
    }
}

/// A9: the officer reads old and new beside each other: fields, products, files. One snapshot per submission.
#[tokio::test]
async fn the_officer_sees_old_and_new_side_by_side() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::complete_draft(&site, &user).await;
        add_product(&user, &id, AIR_CONDITIONER, &[("product_name", "要删除的产品"), ("model", "OLD-2")]).await.is(200);
        user.upload(&id, "other", &[("旧附件.pdf", story::pdf())]).await.is(200);
        submit(&user, &id).await;
        bureau.accept.get(&format!("/casework/{id}")).await.is(200).sees_no("补正前后对照");
        send_back(&bureau.accept, &id, &["items.model"]).await.is(200);
        bureau.accept.get(&format!("/casework/{id}")).await.is(200).sees_no("补正前后对照");

        let page = user.get(&format!("/applications/{id}/basics")).await;
        user.send(&page.form("保存").fill(&[("remark", "补充说明"), ("use_contact", "李示例")])).await.is(200);
        edit_first_product(&user, &id, &[("model", "KC-NEW"), ("qty", "12.50"), ("qty_unit", "035")]).await;
        let list = user.get(&format!("/applications/{id}/items")).await;
        let second = list.attribute("#rows tbody tr:nth-child(2) input[name=id]", "value").unwrap();
        user.send(&list.form("删除").tick("id", &second)).await.is(200);
        add_product(&user, &id, AIR_CONDITIONER, &[("product_name", "补充产品")]).await.is(200);
        let files = user.get(&format!("/applications/{id}/attachments")).await;
        let old = files.attribute("form[data-confirm='旧附件.pdf']", "action").unwrap();
        user.force(&axum::http::Method::POST, &old, &[]).await.is(303);
        user.upload(&id, "contract", &[("新合同.pdf", story::pdf())]).await.is(200);
        submit(&user, &id).await;

        let page = bureau.accept.get(&format!("/casework/{id}")).await.is(200).sees("补正前后对照");
        let rows_now = rows(&page);
        assert_eq!(rows_now[..2], ["使用单位联系人 张示例 李示例", "备注 — 补充说明"]);
        assert!(rows_now.contains(&"规格型号 KC-26/ZW-T1 KC-NEW".to_owned()), "{rows_now:?}");
        assert!(!rows_now.iter().any(|r| r.starts_with("HS 标准量")), "the same amount is no change: {rows_now:?}");
        assert!(rows_now.iter().any(|r| r.starts_with("删除（原第 2 项） 要删除的产品")), "{rows_now:?}");
        assert!(rows_now.iter().any(|r| r.starts_with("增加（第 2 项） 补充产品")), "{rows_now:?}");
        assert!(rows_now.iter().any(|r| r.starts_with("删除 其他") && r.contains("旧附件.pdf")), "{rows_now:?}");
        assert!(rows_now.iter().any(|r| r.starts_with("增加 合同 新合同.pdf")), "{rows_now:?}");
        assert_eq!(page.texts("#changes del")[..1], ["张示例"]);
        // Later posts read it too; the enterprise does not.
        decide(&bureau.accept, &id, &[("decision", "accept")]).await.is(200);
        bureau.first.get(&format!("/casework/{id}")).await.sees("补正前后对照").sees("补充说明");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_snapshot").await, 2);

        // The next correction is compared with this submission; nothing changed is said.
        send_back(&bureau.first, &id, &["items.model"]).await.is(200);
        submit(&user, &id).await;
        let page = bureau.first.get(&format!("/casework/{id}")).await.sees("重新提交的内容与上次提交的相同");
        assert_eq!(rows(&page), [""; 0]);
        assert_eq!(site.number("SELECT COUNT(*) FROM application_snapshot").await, 3);
        // Of three submissions the officer chooses which one to compare with.
        assert_eq!(page.texts("#f-compare option"), ["第 2 次提交 2026-11-23 09:00", "第 1 次提交 2026-11-23 09:00"]);
        let first = page.attribute("#f-compare option:last-child", "value").unwrap();
        assert_eq!(page.form("对照").action, format!("/casework/{id}#changes"));
        let page = bureau.first.get(&format!("/casework/{id}?compare={first}")).await.is(200);
        assert_eq!(rows(&page), rows_now);
        assert_eq!(page.attribute("#f-compare option[selected]", "value"), Some(first));
        // What is no submission of this application is none.
        let page = bureau.first.get(&format!("/casework/{id}?compare=999")).await.is(200);
        assert_eq!(rows(&page), [""; 0]);
    }
}

//! 综合查询 of officers and CNCA: one text and a few filters over what they see (D5, D27).

use domain::actor::Post;

use crate::story::{self, AIR_CONDITIONER, Bureau, add_product, fill_basics};
use crate::support::{Browser, JIANGSU, SHANGHAI, Site};

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The first cells of what a tab shows.
async fn found(who: &Browser, tab: &str, q: &str) -> Vec<String> {
    who.get(&format!("/search?tab={tab}&q={}", encoded(q))).await.is(200).texts("#result td.lead-cell")
}

/// A submitted application with this product; says id and number.
async fn submitted(site: &Site, user: &Browser, product: &str, model: &str, contract: &str) -> (String, String) {
    let id = story::open_draft(user).await;
    fill_basics(user, &id, &[("contract_no", contract)]).await.is(200);
    let fields = [("product_name", product), ("model", model)];
    add_product(user, &id, AIR_CONDITIONER, &fields).await.is(200);
    story::attach(site, user, &id, "1").await;
    user.upload(&id, "contract", &[("合同.pdf", story::pdf())]).await.is(200);
    let number = story::submit(user, &id).await;
    (id, number)
}

/// D27: one box finds applications by their numbers and companies, certificates, products by name, model and HS code, and
/// companies by name and code; the filters narrow each of them.
#[tokio::test]
async fn d_27_one_text_finds_applications_certificates_products_and_companies() {
    for site in Site::each().await {
        let user = site.company().await;
        let other = site.enterprise("stranger", "911100008").await;
        let bureau = Bureau::shanghai(&site).await;
        let (first, number) = submitted(&site, &user, "窗式空调器样机", "KC-26/ZW-T1", "HT-2026-甲").await;
        let (_, second) = submitted(&site, &other, "除湿机样机", "CS_30%", "HT-2026-乙").await;
        let draft = story::complete_draft(&site, &user).await;
        bureau.bring_to(&first, Post::Terminate).await;
        let officer = &bureau.accept;

        officer.get("/search").await.is(200).sees("请先输入查询条件").sees_no("导出");
        assert_eq!(found(officer, "applications", &number).await, [number.as_str()]);
        assert_eq!(found(officer, "applications", "MB310000").await.len(), 2);
        assert_eq!(found(officer, "applications", "ｈｔ－2026－甲").await, [number.as_str()], "full width, other case");
        assert_eq!(found(officer, "applications", "802100433").await, [number.as_str()], "in the name of the company");
        assert!(found(officer, "applications", &format!("草稿 {draft}")).await.is_empty());
        assert_eq!(found(officer, "certificates", "示例电器").await.len(), 1);
        let certificate = found(officer, "certificates", &number).await;
        assert_eq!(found(officer, "certificates", &certificate[0][4..]).await, certificate);
        assert_eq!(found(officer, "products", "空调").await, ["窗式空调器样机"]);
        assert_eq!(found(officer, "products", "kc-26").await, ["窗式空调器样机"]);
        assert_eq!(found(officer, "products", "_30%").await, ["除湿机样机"], "no wildcards");
        assert_eq!(found(officer, "products", "8415").await.len(), 2);
        assert_eq!(found(officer, "products", "84151010").await.len(), 2);
        assert!(found(officer, "products", "8516").await.is_empty());
        assert_eq!(found(officer, "products", "机").await.len(), 2, "one character");
        assert_eq!(found(officer, "companies", "911100008").await, ["示例电器911100008有限公司"]);
        assert_eq!(found(officer, "companies", "9111").await, ["示例电器911100008有限公司"]);
        assert_eq!(found(officer, "companies", "示例 电器").await.len(), 2);

        let page = officer.get(&format!("/search?q={}", encoded("样机"))).await.is(200).sees("没有符合条件的申请");
        assert_eq!(page.texts("nav.sec-nav a"), ["申请（0 条）", "证明（0 条）", "产品（2 条）", "单位（0 条）"]);
        let products = officer.get(&page.link("产品（2 条）")).await.is(200);
        let item = officer.get(&products.link("窗式空调器样机")).await.is(200);
        item.sees("产品详细信息");
        let only =
            async |query: &str| officer.get(&format!("/search?{query}")).await.is(200).texts("#result td.lead-cell");
        assert_eq!(only("state=issued").await, [number.as_str()]);
        assert_eq!(only("state=accepting").await, [second.as_str()]);
        assert_eq!(only("state=accepting&tab=products").await, ["除湿机样机"]);
        assert_eq!(only("state=accepting&tab=companies").await, ["示例电器911100008有限公司"]);
        assert_eq!(only("clause=1").await.len(), 2);
        assert!(only("clause=2").await.is_empty());
        assert_eq!(only("from=2026-11-23&to=2026-11-23").await.len(), 2);
        assert!(only("from=2026-11-24").await.is_empty());
        officer.get("/search?q=x&from=2026-11-24&to=2026-11-20").await.is(422).sees("不能早于");
        officer.get("/search?q=x&state=nothing").await.is(422).sees("没有这种申请单状态");
        officer.get("/search?q=x&clause=99").await.is(422).sees("没有这个免办条款");
    }
}

/// A correction's new product is found once it is resubmitted, the one that is gone is not (D27).
#[tokio::test]
async fn d_27_what_a_correction_changed_is_found_as_it_stands() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let (id, _) = submitted(&site, &user, "窗式空调器样机", "KC-26", "").await;
        let back = [("decision", "return"), ("opinion", "请核对产品名称。"), ("part", "items")];
        story::decide(&bureau.accept, &id, &back).await.is(200);
        let item = site.number(&format!("SELECT MIN(id) FROM application_item WHERE application_id = {id}")).await;
        let page = user.get(&format!("/applications/{id}/items/{item}/edit")).await.is(200);
        user.send(&page.form("保存并关闭").set("product_name", "移动式空调器样机")).await.is(200);
        story::submit(&user, &id).await;
        assert_eq!(found(&bureau.accept, "products", "移动式").await, ["移动式空调器样机"]);
        assert!(found(&bureau.accept, "products", "窗式").await.is_empty());
    }
}

/// D5: a bureau finds what it sees, CNCA everything, an enterprise has its own lists.
#[tokio::test]
async fn d_5_the_search_ends_where_the_scope_ends() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let (id, number) = submitted(&site, &user, "窗式空调器样机", "KC-26", "").await;
        bureau.bring_to(&id, Post::Terminate).await;
        let elsewhere = site.officer("js_accept", JIANGSU, &[Post::Accept]).await;
        let cnca = site.cnca("cnca", &[Post::Publish]).await;
        for (tab, q) in
            [("applications", number.as_str()), ("certificates", "示例"), ("products", "空调"), ("companies", "示例")]
        {
            assert_eq!(found(&bureau.first, tab, q).await.len(), 1, "{tab}");
            assert_eq!(found(&cnca, tab, q).await.len(), 1, "{tab}");
            assert!(found(&elsewhere, tab, q).await.is_empty(), "{tab}");
        }
        user.get("/search?q=MB").await.is(403);
        site.visitor().get("/search?q=MB").await.sees("登录");
        let admin = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        admin.get("/main").await.is(200).sees("综合查询");
    }
}

/// Pages begin where the one before ended, whatever is found; the file holds all of it, and taking it away is noted (E11).
#[tokio::test]
async fn the_pages_and_the_file_hold_everything_that_is_found() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let (id, _) = submitted(&site, &user, "空调器", "KC-0", "").await;
        for n in 0..60 {
            let sql = format!(
                "INSERT INTO application_item (application_id, hs_code, hs_name, product_name, product_folded, model, \
                 model_folded, brand, manufacturer, origin_country, qty, qty_unit, hs_qty, hs_unit, unit_price, \
                 total_price, currency, use_region_code, use_address, serials, usage_note, remark, traits, creation_key) \
                 SELECT application_id, hs_code, hs_name, '空调器{n}', '空调器{n}', model, model_folded, brand, \
                 manufacturer, origin_country, qty, qty_unit, hs_qty, hs_unit, unit_price, total_price, currency, \
                 use_region_code, use_address, serials, usage_note, remark, traits, 'k{n}' FROM application_item \
                 WHERE application_id = {id} AND creation_key NOT LIKE 'k_' AND creation_key NOT LIKE 'k__'"
            );
            db::testing::try_sql(&site.app.db, &sql).await.unwrap();
        }
        let officer = &bureau.accept;
        let mut page =
            officer.get(&format!("/search?tab=products&q={}", encoded("空调"))).await.is(200).sees("共 61 条");
        let mut seen = Vec::new();
        loop {
            seen.extend(page.texts("#result td.lead-cell"));
            if !page.offers().iter().any(|l| l == "下一页") {
                break;
            }
            assert_eq!(page.texts("#result tbody tr").len(), 20);
            page = officer.get(&page.link("下一页")).await.is(200);
        }
        page.sees("首页");
        assert_eq!(seen.len(), 61);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 61, "each once");

        let query = format!("tab=products&q={}", encoded("空调"));
        let file = officer.get(&format!("/search/export?{query}&format=csv")).await.is(200).html();
        assert!(file.starts_with("\u{feff}产品名称,HS 编码"), "{file}");
        assert_eq!(file.trim_end().split("\r\n").count(), 62);
        let book = officer.get(&format!("/search/export?{query}&format=xlsx")).await.is(200);
        assert!(book.body.starts_with(b"PK"));
        officer.get("/search/export?format=csv").await.is(400).sees("请先在综合查询页面输入查询条件");
        site.note_readings().await;
        assert_eq!(site.number("SELECT COUNT(*) FROM reading WHERE what = 'search'").await, 2);
        for tab in ["applications", "certificates", "companies"] {
            officer.get(&format!("/search/export?tab={tab}&q={}&format=csv", encoded("示例"))).await.is(200);
        }
    }
}

/// A bounded number of statements, whatever is found.
#[tokio::test]
async fn the_search_is_few_statements() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        submitted(&site, &user, "空调器", "KC-0", "").await;
        let query = format!("/search?q={}", encoded("示例"));
        let one = bureau.accept.get(&query).await.is(200).statements;
        for _ in 0..3 {
            submitted(&site, &user, "空调器", "KC-0", "").await;
        }
        let four = bureau.accept.get(&query).await.is(200);
        assert_eq!(four.texts("#result tbody tr").len(), 4);
        assert!(four.statements == one && one <= 12, "{one}, then {}", four.statements);
    }
}

//! 基础数据 on pages (R-C-02, R-C-04).

use axum::http::Method;
use domain::actor::Post;

use crate::story::{self, AIR_CONDITIONER};
use crate::support::{Browser, Page, SHANGHAI, Site};

async fn keeper(site: &Site) -> Browser {
    site.cnca("keeper", &[Post::ReferenceAdmin]).await
}

async fn row(keeper: &Browser, path: &str) -> Page {
    keeper.get(&format!("/reference/{path}")).await.is(200)
}

/// R-C-02: HS types are listed, found, changed; a changed definition does not alter a submitted application.
#[tokio::test]
async fn r_c_02_a_changed_definition_leaves_submitted_applications_as_they_were() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::submitted(&site, &user).await;
        let before = user.get(&format!("/applications/{id}")).await.is(200).text();
        let item = site.number(&format!("SELECT MIN(id) FROM application_item WHERE application_id = {id}")).await;
        let item_before = user.get(&format!("/applications/{id}/items/{item}")).await.is(200).text();

        let keeper = keeper(&site).await;
        let link = keeper.get("/main").await.link("基础数据");
        let list = keeper.get(&link).await.at("/reference/hs-types").is(200);
        assert_eq!(list.texts("tbody tr").len(), 20);
        keeper.get("/reference/hs-types?q=84151").await.is(200).sees(AIR_CONDITIONER);
        keeper
            .get("/reference/hs-types?q=%E6%97%A0%E6%AD%A4%E4%BA%A7%E5%93%81")
            .await
            .is(200)
            .sees("没有符合条件的数据");
        let page = row(&keeper, &format!("hs-types/{AIR_CONDITIONER}")).await;
        let first = page.value("c1_name");
        assert!(!first.is_empty());
        let form = page.form("保存").fill(&[
            ("name", "改过名称的空调器"),
            ("c1_name", "全新的特性"),
            ("c1_kind", "choice"),
            ("c1_choices", "甲；乙"),
            ("c1_unit", ""),
        ]);
        let saved = keeper.send(&form).await.is(200).sees("已保存，即时生效").sees("产品名称：");
        saved.sees("→ 改过名称的空调器").sees("全新的特性（选择：甲；乙）").sees("首次记录");
        // The page before is older than the row now.
        keeper.send(&form).await.is(409).sees("已有变化");

        assert_eq!(user.get(&format!("/applications/{id}")).await.text(), before);
        assert_eq!(user.get(&format!("/applications/{id}/items/{item}")).await.text(), item_before);
        // New products ask for what is defined now, in this process at once.
        let draft = story::open_draft(&user).await;
        story::fill_basics(&user, &draft, &[]).await.is(200);
        let new = format!("/applications/{draft}/items/new?hs_code={AIR_CONDITIONER}");
        user.get(&new).await.is(200).sees("全新的特性").sees("改过名称的空调器");
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'reference_update'").await, 1);
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// R-C-02: the lines of 产品特性 are checked together, and what was typed is kept.
#[tokio::test]
async fn r_c_02_mistakes_in_a_definition_are_named_together() {
    for site in Site::each().await {
        let keeper = keeper(&site).await;
        let page = row(&keeper, "hs-types/new").await;
        let wrong = page.form("保存").fill(&[
            ("code", "84151"),
            ("unit_code", "999"),
            ("c1_name", "能效等级"),
            ("c1_kind", "choice"),
            ("c1_choices", "一级"),
            ("c2_name", "能效等级"),
            ("c2_kind", "text"),
            ("c2_unit", "千瓦"),
            ("c3_kind", "number"),
            ("valid_from", "2026-12-01"),
            ("valid_to", "2026-11-30"),
        ]);
        let wrong = keeper.send(&wrong).await.is(422);
        assert_eq!(
            wrong.faulty_fields(),
            ["code", "name", "unit_code", "ccc_class", "c1_choices", "c2_name", "c2_unit", "c3_name", "valid_to"]
        );
        assert_eq!(wrong.value("c1_choices"), "一级");
        let right = wrong.form("保存").fill(&[
            ("code", "8415999999"),
            ("name", "新的空调器"),
            ("unit_code", "001"),
            ("ccc_class", "家用电器"),
            ("c1_choices", "一级；二级"),
            ("c2_name", "颜色"),
            ("c2_unit", ""),
            ("c3_name", "制冷量"),
            ("c3_unit", "千瓦"),
            ("valid_to", ""),
        ]);
        keeper.send(&right).await.is(200).sees("已添加").at("/reference/hs-types/8415999999");
        assert!(keeper.send(&right).await.is(422).error("code").contains("已存在"));
        keeper.get("/reference/hs-types?q=8415999999").await.sees("尚未生效").sees("2026-12-01 起");
        // On its first day it can be chosen.
        let references = site.app.references.now();
        assert!(references.hs_type("8415999999", site.today()).is_none());
        let there = references.hs_type("8415999999", "2026-12-01".parse().unwrap()).unwrap();
        assert_eq!(there.characteristics.len(), 3);
    }
}

/// R-C-02, R-C-04: a change shows from its day on, and can be taken back before.
#[tokio::test]
async fn r_c_02_a_change_waits_for_its_day() {
    for site in Site::each().await {
        let keeper = keeper(&site).await;
        let page = row(&keeper, "clauses/9").await;
        let past = keeper.send(&page.form("保存").set("effective_on", "2026-11-22")).await.is(422);
        assert!(past.error("effective_on").contains("不能早于今天"));
        let form = page.form("保存").fill(&[("short_name", "新简称"), ("effective_on", "2026-11-25")]);
        let saved = keeper.send(&form).await.is(200).sees("将于 2026-11-25 生效").sees("待生效");
        keeper.get("/reference/clauses").await.sees("有待生效的修改").sees_no("新简称");
        // Nothing else before.
        keeper.force(&Method::POST, "/reference/clauses/9", &pairs(&form)).await.is(409);
        let gone = keeper.send(&saved.form("取消待生效的修改")).await.is(200).sees("已取消");
        keeper.send(&saved.form("取消待生效的修改")).await.is(409);
        let form = gone.form("保存").fill(&[("short_name", "再改简称"), ("effective_on", "2026-11-25")]);
        keeper.send(&form).await.is(200).sees("将于 2026-11-25 生效");
        app::jobs::duties(&site.app).await;
        assert_ne!(site.app.references.now().clause_name("9"), "再改简称");
        site.clock.pass_hours(48);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.app.references.now().clause_name("9"), "再改简称");
        let keeper = site.sit_down(site.account("keeper").await).await;
        row(&keeper, "clauses/9").await.sees("已生效").sees("已取消").sees("→ 再改简称");
    }
}

fn pairs(form: &crate::support::Form) -> Vec<(&str, &str)> {
    form.fields.iter().filter(|(k, _)| k != "csrf").map(|(k, v)| (k.as_str(), v.as_str())).collect()
}

/// R-C-02, R-C-04: what an application names is ended, never changed in meaning; an ended row is no longer offered.
#[tokio::test]
async fn r_c_02_rows_in_use_are_ended_and_never_renamed() {
    for site in Site::each().await {
        let user = site.company().await;
        story::submitted(&site, &user).await;
        let keeper = keeper(&site).await;
        let unit = row(&keeper, "units/001").await.sees("不能修改");
        assert!(!unit.has_field("name"));
        let forced = unit.form("保存").set("name", "改名");
        keeper.send(&forced).await.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM unit WHERE name = '改名'").await, 0);
        let page = row(&keeper, "units/001").await;
        let last = keeper.send(&page.form("保存").set("valid_to", "2026-11-30")).await.is(422);
        assert!(last.error("valid_to").contains("HS 产品类型使用该单位"));
        let clause = row(&keeper, "clauses/1").await;
        assert!(!clause.has_field("full_text") && clause.has_field("short_name"));

        // A trade mode that ends today is gone tomorrow, and stays readable.
        let page = row(&keeper, "trade-modes/0110").await;
        keeper
            .send(&page.form("保存").set("valid_to", "2026-11-23"))
            .await
            .is(200)
            .sees("有效期：长期 → 至 2026-11-23");
        let references = site.app.references.now();
        assert!(references.trade_mode_is_valid("0110", site.today()));
        assert!(!references.trade_mode_is_valid("0110", site.today().plus_days(1)));
        assert_eq!(references.trade_mode_name("0110"), "一般贸易");
        // A port and a unit that have ended are no longer offered.
        let port = row(&keeper, "ports/0101").await;
        keeper.send(&port.form("保存").set("valid_to", "2026-11-22")).await.is(200);
        keeper.get("/reference/ports?state=off").await.sees("0101").sees("已停用");
        let draft = story::open_draft(&user).await;
        let form = user.get(&format!("/applications/{draft}/basics")).await.form("保存").fill(&story::BASICS);
        let ended = user.send(&form.fill(&[("port_code_1", "0100"), ("port_code_2", "0101")])).await.is(422);
        assert!(ended.error("port_code").contains("请从列表中选择"));
        let new = row(&keeper, "units/new").await.form("保存");
        let new = new.fill(&[("code", "998"), ("name", "试用单位"), ("valid_to", "2026-11-23")]);
        keeper.send(&new).await.is(200);
        let units = |day| site.app.references.now().unit_choices_on(day).iter().any(|c| c.value == "998");
        assert!(units(site.today()) && !units(site.today().plus_days(1)));
    }
}

/// R-C-04, E38: bureaus with address and phone; their codes are not added here.
#[tokio::test]
async fn r_c_04_a_bureau_gets_its_address_and_phone() {
    for site in Site::each().await {
        let keeper = keeper(&site).await;
        let page = row(&keeper, "bureaus/310000").await;
        let wrong = keeper.send(&page.form("保存").set("validity_days", "366")).await.is(422);
        assert!(wrong.error("validity_days").contains("1–365"));
        let form = page.form("保存").fill(&[("address", "上海市示例路 1 号"), ("phone", "021-00000001")]);
        keeper.send(&form).await.is(200).sees("地址：（空） → 上海市示例路 1 号");
        let user = site.company().await;
        let id = story::submitted(&site, &user).await;
        user.get(&format!("/applications/{id}/receipt")).await.is(200).sees("上海市示例路 1 号").sees("021-00000001");
        keeper.get("/reference/bureaus/new").await.is(404);
        keeper.force(&Method::POST, "/reference/bureaus", &[("code", "990000")]).await.is(404);
    }
}

/// R-C-04: the matrix of attachments, everywhere and per bureau; the next application is checked by it.
#[tokio::test]
async fn r_c_04_the_matrix_of_attachments_is_kept_per_bureau_and_clause() {
    for site in Site::each().await {
        let keeper = keeper(&site).await;
        let user = site.company().await;
        let draft = story::open_draft(&user).await;
        story::fill_basics(&user, &draft, &[]).await.is(200);
        let files = format!("/applications/{draft}/attachments");
        let before = user.get(&files).await.is(200).text();
        let page = keeper.get("/reference/attachment-rules?bureau=310000&clause=1").await.is(200).sees("上海");
        let kind = site.app.references.now().attachment_kinds_on(site.today()).last().unwrap().code.to_string();
        let field = format!("need_{kind}");
        assert_eq!(page.value(&field), "");
        let form = page.form("保存").set(&field, "must");
        keeper.send(&form).await.is(200).sees("此后提交的申请按新的附件要求检查");
        keeper.send(&form).await.is(409).sees("已有变化");
        assert_ne!(user.get(&files).await.text(), before, "the page asks for it at once");
        let elsewhere = keeper.get("/reference/attachment-rules?bureau=320000&clause=1").await;
        assert_eq!(elsewhere.value(&field), "");
        let form = elsewhere.form("保存").set(&field, "if_number");
        keeper.send(&form).await.is(400).sees("没有这种要求");
        // Taken back: what holds everywhere holds again.
        let page = keeper.get("/reference/attachment-rules?bureau=310000&clause=1").await;
        assert_eq!(page.value(&field), "must");
        keeper.send(&page.form("保存").set(&field, "")).await.is(200);
        assert_eq!(user.get(&files).await.text(), before);
        for path in ["?bureau=x&clause=1", "?clause=99"] {
            keeper.get(&format!("/reference/attachment-rules{path}")).await.is(404);
        }
    }
}

/// R-C-02: every table has its list and the page of a row, in few statements; an import of the same files keeps what was
/// changed on pages.
#[tokio::test]
async fn r_c_02_every_table_is_listed_and_an_import_of_the_same_files_changes_nothing() {
    for site in Site::each().await {
        let keeper = keeper(&site).await;
        for (path, code) in [
            ("hs-types", AIR_CONDITIONER),
            ("units", "001"),
            ("clauses", "1"),
            ("trade-modes", "0110"),
            ("attachment-kinds", "contract"),
            ("ports", "0100"),
            ("bureaus", "310000"),
        ] {
            let list = row(&keeper, path).await;
            assert!(list.statements <= 5, "{path}: {}", list.statements);
            let page = row(&keeper, &format!("{path}/{code}")).await;
            keeper.send(&page.form("保存")).await.is(200).sees("保存，没有变化");
            keeper.get(&format!("/reference/{path}/zzz")).await.is(404);
        }
        keeper.get("/reference/holidays").await.is(404);
        let page = row(&keeper, "attachment-kinds/contract").await;
        keeper.send(&page.form("保存").set("name", "合同（改名）")).await.is(200);
        let tx = site.app.db.begin().await.unwrap();
        let set = db::reference::ReferenceSet::embedded().unwrap();
        assert!(db::reference::import(&tx, &set, site.app.now()).await.unwrap().unchanged);
        tx.commit().await.unwrap();
        assert_eq!(site.number("SELECT COUNT(*) FROM attachment_kind WHERE name = '合同（改名）'").await, 1);
    }
}

/// R-C-02: nobody but 基础数据 of CNCA.
#[tokio::test]
async fn r_c_02_only_the_post_keeps_reference_data() {
    for site in Site::each().await {
        for browser in [
            site.cnca("other", &[Post::Publish, Post::CncaAdmin]).await,
            site.officer("odd", SHANGHAI, &[Post::ReferenceAdmin, Post::BureauAdmin]).await,
            site.company().await,
        ] {
            for path in ["/reference", "/reference/units", "/reference/units/001", "/reference/attachment-rules"] {
                browser.get(path).await.is(403);
            }
            for path in ["/reference/units", "/reference/units/001", "/reference/units/001/cancellation"] {
                browser.force(&Method::POST, path, &[("name", "x"), ("code", "997")]).await.is(403);
            }
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM reference_edition").await, 0);
    }
}

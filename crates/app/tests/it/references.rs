//! 基础数据 on pages (R-C-02, R-C-04).

use app::parts::spreadsheet::{Head, Value, write_csv};
use axum::http::Method;
use domain::actor::Post;
use domain::reference::ReferenceKind;

use crate::story::{self, AIR_CONDITIONER};
use crate::support::{Browser, Page, SHANGHAI, Site, cells};

pub async fn keeper(site: &Site) -> Browser {
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
        // The page before is older than the row now: what was typed stays.
        let older = keeper.send(&form.clone().set("name", "另一个窗口的名称")).await.is(422);
        assert!(older.error("effective_on").contains("已被他人修改"));
        assert_eq!(older.value("name"), "另一个窗口的名称");
        assert_ne!(older.value("seen"), form.get("seen"));

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

/// R-B-01, R-C-04: 审核要点 and 常用意见 are kept like the rest; the posts, clauses and HS codes that they are for meet them.
#[tokio::test]
async fn r_b_01_points_and_phrases_are_kept_on_pages_and_met_by_their_posts() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let id = story::submitted(&site, &user).await;
        let keeper = keeper(&site).await;
        let page = row(&keeper, "review-points/new").await.sees("2–40 个小写字母、数字或连字符");
        let form =
            page.form("保存").fill(&[("code", "能效"), ("text", "能效标识已核对"), ("hs_prefixes", "8415；9；0000")]);
        let wrong = keeper.send(&form.set("ordinal", "0")).await.is(422);
        assert_eq!(wrong.faulty_fields(), ["code", "posts", "hs_prefixes", "ordinal"]);
        assert!(wrong.error("hs_prefixes").contains("“9”应为"), "{}", wrong.error("hs_prefixes"));
        let form = wrong.form("保存").fill(&[("code", "energy-label"), ("ordinal", "5"), ("hs_prefixes", "8415 0000")]);
        let form = form.tick("posts", "accept").tick("clause_codes", "1");
        let wrong = keeper.send(&form).await.is(422);
        assert!(wrong.error("hs_prefixes").contains("没有以“0000”开头"), "{}", wrong.error("hs_prefixes"));
        let saved = keeper.send(&form.set("hs_prefixes", "8415，8415、8418")).await.is(200).sees("已添加");
        assert_eq!(saved.value("hs_prefixes"), "8415；8418");
        officer.get(&format!("/casework/{id}")).await.is(200).sees("能效标识已核对");

        // For another clause only, it is not met any more; what was there before stands in the history.
        let form = saved.form("保存").set("clause_codes", "2");
        let saved = keeper.send(&form).await.is(200).sees("已保存，即时生效").sees("适用条款（不选为全部）：");
        officer.get(&format!("/casework/{id}")).await.is(200).sees_no("能效标识已核对");
        keeper.get("/reference/review-points?q=%E8%83%BD%E6%95%88%E6%A0%87%E8%AF%86").await.sees("energy-label");

        let page = row(&keeper, "phrases/new").await;
        let form =
            page.form("保存").fill(&[("code", "label-missing"), ("text", "请补充能效标识照片。"), ("ordinal", "5")]);
        let wrong = keeper.send(&form).await.is(422);
        assert_eq!(wrong.faulty_fields(), ["posts", "decisions"]);
        let form = wrong.form("保存").tick("posts", "accept").tick("decisions", "return");
        keeper.send(&form).await.is(200).sees("已添加");
        officer.get(&format!("/casework/{id}")).await.is(200).sees("请补充能效标识照片。");
        assert_eq!(saved.texts("input[name=posts][checked]").len(), 1);
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
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
        let older = keeper.force(&Method::POST, "/reference/clauses/9", &pairs(&form)).await.is(422);
        assert!(older.error("effective_on").contains("已被他人修改"));
        let again = keeper.send(&older.form("保存")).await.is(422);
        assert!(again.error("effective_on").contains("请先取消该项修改"));
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
    }
}

/// R-C-03: a new direct bureau and a branch of it are added, a region is handed to the bureau; which bureau stands above
/// another one does not change once it works.
#[tokio::test]
async fn r_c_03_a_bureau_is_added_with_its_branch() {
    for site in Site::each().await {
        let keeper = keeper(&site).await;
        let page = keeper.get("/reference/bureaus/new").await.is(200);
        let words =
            [("code", "990000"), ("name", "示例出入境检验检疫局"), ("short_name", "示例局"), ("validity_days", "90")];
        let wrong = keeper.send(&page.form("保存").fill(&words).set("code", "99")).await.is(422);
        assert!(wrong.error("code").contains("6–12 位"));
        let page =
            keeper.send(&page.form("保存").fill(&words).tick("compare_enabled", "1").tick("four_eyes", "1")).await;
        page.is(200).sees("已添加");
        let page = keeper.get("/reference/bureaus/new").await.is(200);
        let branch = [("code", "990000B01"), ("name", "示例办事处"), ("short_name", "示例办"), ("validity_days", "90")];
        keeper.send(&page.form("保存").fill(&branch).set("parent_code", "990000")).await.is(200).sees("已添加");
        let references = site.app.references.now();
        let levels = "SELECT CAST(SUM(level) AS BIGINT) FROM bureau WHERE code LIKE '990000%'";
        assert_eq!(
            (
                references.bureaus.iter().filter(|b| b.code.as_str().starts_with("99")).count(),
                site.number(levels).await
            ),
            (2, 3)
        );
        // It works: officers, and a branch. Its place above stays.
        site.officer("sample", "990000B01", &[Post::Accept]).await.get("/main").await.is(200);
        let page = row(&keeper, "bureaus/990000B01").await.sees("不能修改");
        assert!(!page.has_field("parent_code"));
        keeper.send(&page.form("保存").set("phone", "021-00000009")).await.is(200).sees("021-00000009");
        assert_eq!(site.number(levels).await, 3);
        let router = site.cnca("router", &[Post::RoutingAdmin]).await;
        router.get("/jurisdictions").await.is(200).sees("示例出入境检验检疫局");
    }
}

/// R-C-03: a region is added below another one and chosen; one that has ended is not offered any more, and what names it
/// already stays as it is.
#[tokio::test]
async fn r_c_03_regions_are_added_and_ended() {
    for site in Site::each().await {
        let keeper = keeper(&site).await;
        let user = site.company().await;
        let page = keeper.get("/reference/regions/new").await.is(200);
        let new = [("code", "310199"), ("name", "示例新区"), ("parent_code", "320100")];
        let wrong = keeper.send(&page.form("保存").fill(&new)).await.is(422);
        assert!(wrong.error("parent_code").contains("代码与上级不符"));
        keeper.send(&wrong.form("保存").set("parent_code", "310100")).await.is(200).sees("已添加");
        assert_eq!(site.number("SELECT level FROM region WHERE code = '310199'").await, 3);
        let id = story::open_draft(&user).await;
        let there = [("use_region_code_3", "310199")];
        story::fill_basics(&user, &id, &there).await.is(200);
        let path = format!("/applications/{id}/basics");
        assert_eq!(user.get(&path).await.value("use_region_code_3"), "310199");

        let page = row(&keeper, "regions/310199").await;
        keeper.send(&page.form("保存").set("valid_to", "2026-11-23")).await.is(200).sees("已保存");
        site.clock.pass_hours(24);
        let user = site.sit_down(site.account("shili_a").await).await;
        let keeper = site.sit_down(site.account("keeper").await).await;
        // The draft that names it keeps it; nobody else chooses it.
        let page = user.get(&path).await.is(200);
        assert_eq!(page.value("use_region_code_3"), "310199");
        user.send(&page.form("保存并进入下一步")).await.is(200);
        let other = story::open_draft(&user).await;
        let page = user.get(&format!("/applications/{other}/basics?refresh=use_region_code")).await;
        assert!(!page.html().contains("示例新区"));
        let refused = story::fill_basics(&user, &other, &there).await.is(422);
        assert!(refused.faulty_fields().contains(&"use_region_code".to_owned()), "{:?}", refused.faulty_fields());
        keeper.get("/reference/regions?state=off").await.is(200).sees("示例新区").sees("已停用");
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
            ("holidays", "2026-10-01"),
            ("service-terms", "accept"),
            ("countries", "DEU"),
            ("currencies", "EUR"),
        ] {
            let list = row(&keeper, path).await;
            assert!(list.statements <= 5, "{path}: {}", list.statements);
            let page = row(&keeper, &format!("{path}/{code}")).await;
            keeper.send(&page.form("保存")).await.is(200).sees("保存，没有变化");
            keeper.get(&format!("/reference/{path}/zzz")).await.is(404);
        }
        keeper.get("/reference/moons").await.is(404);
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

fn csv(rows: &[Vec<String>]) -> Vec<u8> {
    let heads: Vec<_> = rows[0]
        .iter()
        .map(|t| Head { title: t.clone(), is_required: false, is_text: true, choices: Vec::new() })
        .collect();
    let values: Vec<Vec<_>> = rows[1..].iter().map(|r| r.iter().map(|v| Value::Text(v.clone())).collect()).collect();
    write_csv(&heads, &values)
}

/// 上传并检查 of a table, to take effect on this day.
pub async fn look_at(keeper: &Browser, kind: &str, from: &str, file: Vec<u8>) -> Page {
    let token = keeper.token().await;
    let fields = [("csrf", token.as_str()), ("effective_on", from)];
    keeper.multipart(&format!("/reference-files/{kind}"), &fields, &[("数据.csv", file)]).await
}

/// R-C-02: every table goes out as XLSX and CSV, and what came out means no change when it comes in.
#[tokio::test]
async fn r_c_02_every_table_goes_out_and_comes_in_unchanged() {
    for site in Site::each().await {
        let keeper = keeper(&site).await;
        for kind in ReferenceKind::ALL {
            let path = kind.path();
            let csv = keeper.get(&format!("/reference-files/{path}/export?format=csv")).await.is(200).body;
            let xlsx = keeper.get(&format!("/reference-files/{path}/export?format=xlsx")).await.is(200).body;
            let rows = cells(&csv);
            let stored = site.number(&format!("SELECT COUNT(*) FROM {}", kind.word())).await;
            assert_eq!(rows.len() - 1, usize::try_from(stored).unwrap(), "{kind}: all of it");
            assert_eq!(cells(&xlsx).len(), rows.len(), "{kind}");
            for file in [csv, xlsx] {
                look_at(&keeper, path, "2026-11-23", file).await.is(200).sees("没有需要导入的内容");
            }
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM reference_edition").await, 0);
    }
}

/// R-C-02: a table is longer than the products of an application may be.
#[tokio::test]
async fn r_c_02_a_table_of_three_thousand_rows_comes_in() {
    for site in Site::each().await {
        let keeper = keeper(&site).await;
        let mut rows = cells(&keeper.get("/reference-files/hs-types/export?format=csv").await.is(200).body);
        let (head, known) = (rows[0].clone(), rows.len() - 1);
        let unit = rows[1][head.iter().position(|t| t.starts_with("HS 标准量单位")).unwrap()].clone();
        for n in 0..3_000 {
            let cell = |title: &String| match title.trim_end_matches('*') {
                "代码" => format!("97{n:08}"),
                "产品名称" => format!("产品类型{n}"),
                "HS 标准量单位" => unit.clone(),
                "产品大类" => "信息技术设备".to_owned(),
                _ => String::new(),
            };
            rows.push(head.iter().map(cell).collect());
        }
        let look = look_at(&keeper, "hs-types", "2026-12-01", csv(&rows)).await.is(200);
        let look = look.sees(&format!("新增 3000 项，修改 0 项，没有变化 {known} 项"));
        keeper.send(&look.form("确认导入（3000 项）")).await.is(200).sees("已导入：新增 3000 项");
        keeper.get("/reference/hs-types?q=9700002999&state=all").await.is(200).sees("产品类型2999");
        let long = [vec![head], vec![rows[1].clone(); 20_001]].concat();
        look_at(&keeper, "hs-types", "2026-12-01", csv(&long)).await.is(422).sees("文件超过 20000 行");
    }
}

/// R-C-02: a file changes and adds HS types with their 产品特性 from a day on: first it is said what it would change, then
/// it does, once; the history shows it, and a file that is older than the data is refused.
#[tokio::test]
async fn r_c_02_a_file_changes_and_adds_types_from_a_day_on() {
    for site in Site::each().await {
        let keeper = keeper(&site).await;
        let list = keeper.get("/reference/hs-types").await.is(200);
        let page = keeper.get(&list.link("导入导出")).await.is(200).sees("先列出将有的变化");
        let rows = cells(&keeper.get(&page.link("导出 CSV")).await.is(200).body);
        let at = |title: &str| rows[0].iter().position(|t| t.trim_end_matches('*') == title).unwrap();
        let mut known = rows.iter().find(|r| r[0] == AIR_CONDITIONER).unwrap().clone();
        assert!(known[at("产品特性")].contains(" | "), "{}", known[at("产品特性")]);
        known[at("产品名称")] = "文件改过的空调器".to_owned();
        known[at("产品特性")] = "安装方式 | 选择 | 窗式；分体\n制冷量｜数值｜千瓦\n颜色 | 文字".to_owned();
        let mut new = known.clone();
        new[0] = "8415999999".to_owned();
        new[at("产品名称")] = "文件添加的空调器".to_owned();
        new[at("启用日期")] = "2026-12-05".to_owned();
        let file = csv(&[rows[0].clone(), known, new, rows[1].clone()]);
        let look = look_at(&keeper, "hs-types", "2026-12-01", file.clone()).await.is(200).sees("还没有导入");
        let look = look.sees("新增 1 项，修改 1 项，没有变化 1 项").sees("→ 文件改过的空调器").sees("文件添加的空调器");
        assert_eq!(site.number("SELECT COUNT(*) FROM reference_edition").await, 0, "nothing changed yet");

        let form = look.form("确认导入（2 项）");
        let done = keeper.send(&form).await.is(200).sees("已导入：新增 1 项，修改 1 项").sees("2026-12-01 生效");
        assert!(done.path.starts_with("/reference/hs-types"), "{}", done.path);
        keeper.send(&form).await.is(409).sees("没有导入");
        let stale = look_at(&keeper, "hs-types", "2026-12-01", file.clone()).await.is(422);
        stale.sees("有一项修改尚未生效");
        let added = keeper.get("/reference/hs-types/8415999999").await.is(200);
        assert_eq!((added.value("name"), added.value("valid_from")), ("文件添加的空调器".into(), "2026-12-05".into()));
        let waiting = keeper.get(&format!("/reference/hs-types/{AIR_CONDITIONER}")).await.is(200).sees("待生效");
        assert_ne!(waiting.value("name"), "文件改过的空调器");
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'reference_table'").await, 1);

        site.clock.pass_hours(24 * 9);
        app::jobs::duties(&site.app).await;
        let keeper = crate::amendments::again(&site, "keeper").await;
        let now = keeper.get(&format!("/reference/hs-types/{AIR_CONDITIONER}")).await.is(200);
        assert_eq!(now.value("name"), "文件改过的空调器");
        assert_eq!((now.value("c1_choices"), now.value("c2_unit")), ("窗式；分体".into(), "千瓦".into()));
        now.sees("首次记录").sees("颜色（文字）");
        // A file that was looked at before somebody else changed a row.
        let rows = cells(&keeper.get("/reference-files/hs-types/export?format=csv").await.is(200).body);
        let mut other = rows[2].clone();
        other[at("产品大类")] = "另一大类".to_owned();
        let look = look_at(&keeper, "hs-types", "2026-12-02", csv(&[rows[0].clone(), other])).await.is(200);
        let page = keeper.get(&format!("/reference/hs-types/{}", rows[3][0])).await.is(200);
        keeper.send(&page.form("保存").set("ccc_class", "又一大类")).await.is(200);
        keeper.send(&look.form("确认导入（1 项）")).await.is(409).sees("没有导入");
        assert_eq!(site.number("SELECT COUNT(*) FROM hs_type WHERE ccc_class = '另一大类'").await, 0);
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// R-C-02: every mistake of a file is named by row and column, and nothing of it is taken; what applications name is not
/// renamed by a file either.
#[tokio::test]
async fn r_c_02_mistakes_of_a_table_are_named_and_nothing_is_taken() {
    for site in Site::each().await {
        let user = site.company().await;
        story::submitted(&site, &user).await;
        let keeper = keeper(&site).await;
        let words = |row: &[&str]| row.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let titles = ["代码", "产品名称", "HS 标准量单位", "产品大类", "产品特性", "停用日期"];
        let file = csv(&[
            words(&titles),
            words(&["84151", "甲", "台", "家电", "", ""]),
            words(&["8415999990", "", "没有的单位", "家电", "能效 | 选择 | 一级", "昨天"]),
            words(&["8415999991", "乙", "台", "家电", "颜色 | 涂的 | 红", ""]),
            words(&["8415999992", "丙", "001", "家电", "", ""]),
            words(&["8415999992", "丙", "001", "家电", "", ""]),
        ]);
        let page = look_at(&keeper, "hs-types", "2026-11-23", file).await.is(422).sees("没有导入");
        for said in [
            "第 2 行「代码」：代码应为10 位数字",
            "第 3 行「产品名称」：",
            "第 3 行「HS 标准量单位」：没有“没有的单位”",
            "第 3 行「产品特性」：请填写至少两个不同的选项",
            "第 3 行「停用日期」：",
            "第 4 行「产品特性」：请选择第 1 项的填写方式",
            "第 6 行「代码」：代码 8415999992 在文件中出现了两次",
        ] {
            assert!(page.text().contains(said), "{said}: {}", page.text());
        }
        assert!(!page.offers().iter().any(|o| o.starts_with("确认导入")));
        let strange = csv(&[words(&["代码", "颜色"]), words(&["8415999990", "红"])]);
        look_at(&keeper, "hs-types", "2026-11-23", strange).await.is(422).sees("不认识栏目“颜色”");
        let none = look_at(&keeper, "hs-types", "2026-11-22", Vec::new()).await.is(422);
        assert_eq!(none.faulty_fields(), ["effective_on", "file"]);

        let unit = csv(&[words(&["代码", "名称"]), words(&["001", "改名"])]);
        look_at(&keeper, "units", "2026-11-23", unit).await.is(422).sees("已在申请或 HS 产品类型中使用");
        let unit = csv(&[words(&["代码", "停用日期"]), words(&["001", "2026-12-31"])]);
        look_at(&keeper, "units", "2026-11-23", unit).await.is(422).sees("HS 产品类型使用该单位");
        let bureau = csv(&[words(&["代码", "全称"]), words(&["999999", "没有的局"])]);
        look_at(&keeper, "bureaus", "2026-11-23", bureau).await.is(422).sees("第 2 行「简称」");
        assert_eq!(site.number("SELECT COUNT(*) FROM reference_edition").await, 0);
    }
}

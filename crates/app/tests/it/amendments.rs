//! 修改证明 (manual §2.7): asked for, released, changed, submitted, sent back, confirmed, given up.

use domain::actor::Post;
use domain::catalogue::CharacteristicKind;

use crate::story::{self, AIR_CONDITIONER, Bureau, add_product};
use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};

/// The officers who amend, one post each.
pub struct Desk {
    pub approve: Browser,
    pub confirm: Browser,
}

impl Desk {
    pub async fn shanghai(site: &Site) -> Self {
        Self {
            approve: site.officer("sh_approve", SHANGHAI, &[Post::AmendApprove]).await,
            confirm: site.officer("sh_confirm", SHANGHAI, &[Post::AmendConfirm]).await,
        }
    }

    /// The company called: the certificate goes back to it.
    pub async fn release(&self, number: &str) -> Page {
        let page = self.approve.get(&format!("/amendments/opening?number={number}")).await.is(200);
        let form = page.form("同意修改").fill(&[("caller", "张示例"), ("call_note", "境外交货延期，申请延长有效期。")]);
        self.approve.send(&form).await
    }

    /// After the old sessions ended.
    async fn again(&self, site: &Site) -> Self {
        Self { approve: again(site, "sh_approve").await, confirm: again(site, "sh_confirm").await }
    }

    /// 确认 of what was submitted.
    pub async fn decide(&self, site: &Site, certificate: i64, fields: &[(&str, &str)]) -> Page {
        let id = newest(site, certificate).await;
        let page = self.confirm.get(&format!("/amendments/{id}")).await.is(200);
        self.confirm.send(&page.form("提交意见").fill(fields)).await
    }
}

/// Somebody logs in anew.
pub async fn again(site: &Site, username: &str) -> Browser {
    let found = db::account::credentials(&site.app.db.read(), username).await.unwrap().unwrap();
    site.sit_down(found.id).await
}

/// The certificate of an application: id and 证明号.
pub async fn certificate_of(site: &Site, application: &str) -> (i64, String) {
    #[derive(db::Row)]
    struct Columns {
        id: i64,
        number: String,
    }
    let sql = format!("SELECT id, number FROM certificate WHERE application_id = {application}");
    let found: Option<Columns> = site.app.db.read().row(&sql, vec![]).await.unwrap();
    let c = found.unwrap();
    (c.id, c.number)
}

/// The newest amendment of a certificate.
pub async fn newest(site: &Site, certificate: i64) -> i64 {
    site.number(&format!("SELECT MAX(id) FROM certificate_amendment WHERE certificate_id = {certificate}")).await
}

/// The links of the 操作栏 that §2.7 knows.
fn links(list: &Page) -> Vec<String> {
    let known = ["修改证明", "重新修改证明", "已提交新证明（查看）"];
    list.texts("tbody .acts-cell a").into_iter().filter(|l| known.contains(&l.as_str())).collect()
}

/// Changes the model of the first product.
pub async fn change_model(user: &Browser, certificate: i64, model: &str) -> Page {
    let page = user.get(&format!("/certificates/{certificate}/amendment/items/1")).await.is(200);
    user.send(&page.form("保存").set("model", model)).await
}

/// 提交 of what is saved.
pub async fn submit(user: &Browser, certificate: i64) -> Page {
    let page = user.get(&format!("/certificates/{certificate}/amendment")).await.is(200);
    user.send(&page.form("提交")).await
}

/// Something of the first product is written off or declared; how that is done has tests of its own.
async fn touch_ledger(site: &Site, certificate: i64, item: &str, counts: &str) {
    for sql in [
        format!("UPDATE certificate_item SET {item} WHERE certificate_id = {certificate} AND ordinal = 1"),
        format!("UPDATE certificate SET {counts} WHERE id = {certificate}"),
    ] {
        db::testing::try_sql(&site.app.db, &sql).await.unwrap();
    }
}

/// R-2.7-01: 修改证明 appears only after the bureau, called by phone, has approved and returned the certificate; another
/// bureau and another post cannot do it, and an unknown number says so.
#[tokio::test]
async fn r_2_7_01_the_link_appears_after_the_bureau_returned_the_certificate() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;

        let list = user.get("/applications").await.is(200);
        assert_eq!(links(&list), Vec::<String>::new());
        user.get(&format!("/certificates/{certificate}/amendment")).await.is(409).sees("没有可以办理的证明修改");
        let missing = desk.approve.get("/amendments/opening?number=31000020260000011").await.is(422);
        assert!(missing.error("number").contains("没有找到该证明"), "{}", missing.error("number"));
        let elsewhere = site.officer("js_approve", JIANGSU, &[Post::AmendApprove]).await;
        let not_his = elsewhere.get(&format!("/amendments/opening?number={number}")).await.is(422);
        assert!(not_his.error("number").contains("请由该局办理"));
        desk.confirm.get("/amendments/opening").await.is(403).sees("证明修改批准岗");

        let page = desk.approve.get(&format!("/amendments/opening?number={number}")).await.is(200);
        let blank = desk.approve.send(&page.form("同意修改")).await.is(422);
        assert_eq!(blank.faulty_fields(), ["caller", "call_note"]);
        let page = desk.approve.get(&format!("/certificates/{certificate}")).await.is(200);
        assert_eq!(page.link("同意修改证明"), format!("/amendments/opening?number={number}"));
        desk.release(&number).await.is(200).sees("已返回企业修改");
        let page = desk.approve.get(&format!("/certificates/{certificate}")).await.is(200);
        assert_eq!(page.link("办理证明修改"), format!("/amendments/{}", newest(&site, certificate).await));
        desk.approve.get("/amendments?state=opened").await.is(200).sees(&number).sees("境外交货延期");
        desk.approve.get(&format!("/amendments/opening?number={number}")).await.is(200).sees("尚未办结");

        let list = user.get("/applications").await.is(200);
        assert_eq!(links(&list), ["修改证明"]);
        assert_eq!(list.link("修改证明"), format!("/applications/{id}/amendment"));
        user.get(&list.link("修改证明")).await.is(200).at(&format!("/certificates/{certificate}/amendment"));
        user.get("/main").await.is(200).sees("证明可以修改").sees(&number);
        site.work().await;
        let letters = site.mail.letters();
        let letter = letters.last().unwrap();
        assert!(letter.subject.contains("可以修改证明") && letter.body.contains("境外交货延期"), "{}", letter.body);
        // The paper goes on saying what it said.
        user.get(&format!("/certificates/{certificate}")).await.is(200).sees("修改中（原证明有效）");
    }
}

/// R-2.7-01: the company may ask online too; the officer releases it, or refuses with a reason, and it may take the
/// request back.
#[tokio::test]
async fn r_2_7_01_a_change_may_be_asked_for_online() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        let page = format!("/certificates/{certificate}/amendment-request");

        let ask = async || {
            let form = user.get(&page).await.is(200).form("提交申请");
            user.send(&form.set("request_reason", "型号按最终发票更正。")).await.is(200).sees("已提交修改证明的申请")
        };
        let short = user.send(&user.get(&page).await.form("提交申请").set("request_reason", "改")).await.is(422);
        assert!(short.error("request_reason").contains("至少填写 5 个字"));
        assert_eq!(user.get(&format!("/certificates/{certificate}")).await.link("申请修改证明"), page);
        ask().await;
        // It is no amendment yet: the certificate is as it was, and the link of the list waits.
        assert_eq!(links(&user.get("/applications").await), Vec::<String>::new());
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate WHERE state = 'valid'").await, 1);
        user.send(&user.get(&page).await.is(200).sees("等待答复").form("撤回申请"))
            .await
            .is(200)
            .sees("已撤回修改证明的申请");

        ask().await;
        assert!(desk.approve.get("/main").await.is(200).text().contains("证明修改： 1 件待办"));
        desk.approve.get("/amendments").await.is(200).sees(&number).sees("型号按最终发票更正");
        let case = format!("/amendments/{}", newest(&site, certificate).await);
        let form = desk.approve.get(&case).await.is(200).form("提交意见").set("decision", "refuse_amendment");
        assert_eq!(desk.approve.send(&form).await.is(422).faulty_fields(), ["opinion"]);
        desk.approve.send(&form.set("opinion", "发票尚未提供，请补充后再申请。")).await.is(200).sees("不同意修改证明");
        user.get("/main").await.is(200).sees("修改证明的申请未获同意");

        ask().await;
        let case = format!("/amendments/{}", newest(&site, certificate).await);
        let form = desk.approve.get(&case).await.is(200).form("提交意见").set("decision", "open_amendment");
        desk.approve.send(&form).await.is(200).sees("已返回企业修改");
        assert_eq!(links(&user.get("/applications").await), ["修改证明"]);
        // A second look at the same page does nothing twice.
        desk.approve.send(&form).await.is(409).sees("企业提交后才能确认");
    }
}

/// R-2.7-02, D13: a certificate with anything written off or pending is not amended, whoever asks; nor is one twice.
#[tokio::test]
async fn r_2_7_02_only_certificates_without_any_write_off_are_amended() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        let request = format!("/certificates/{certificate}/amendment-request");
        let opening = format!("/amendments/opening?number={number}");
        let form = desk
            .approve
            .get(&opening)
            .await
            .form("同意修改")
            .fill(&[("caller", "张示例"), ("call_note", "延长有效期。")]);

        for (item, counts, undo, undo_counts, why) in [
            (
                "written_off = 1",
                "written_lines = 1",
                "written_off = 0",
                "written_lines = 0",
                "该证明已有核销，不能修改",
            ),
            ("pending = 1", "pending_lines = 1", "pending = 0", "pending_lines = 0", "有待确认的预核销，不能修改"),
        ] {
            touch_ledger(&site, certificate, item, counts).await;
            user.get(&request).await.is(409).sees(why);
            desk.approve.get(&opening).await.is(200).sees(why);
            desk.approve.send(&form).await.is(409).sees(why);
            touch_ledger(&site, certificate, undo, undo_counts).await;
        }
        desk.approve.send(&form).await.is(200);
        desk.approve.send(&form).await.is(409).sees("尚未办结");
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate_amendment").await, 1);
    }
}

/// R-2.7-03, D17: validity and 修改原因 are saved; the reason may be empty; every mistake of the two days is named.
#[tokio::test]
async fn r_2_7_03_validity_and_reason_are_saved() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        desk.release(&number).await.is(200);
        let path = format!("/certificates/{certificate}/amendment");
        let form = user.get(&path).await.is(200).form("保存");
        assert_eq!((form.get("valid_from"), form.get("valid_to")), ("2026-11-23", "2027-02-20"));

        for (from, to, field, why) in [
            ("2026-11-22", "2027-02-20", "valid_from", "不能早于发证日期 2026-11-23"),
            ("2026-11-24", "2027-02-20", "valid_from", "不能晚于今天"),
            ("2026-11-23", "2026-11-22", "valid_to", "不能早于起始日期"),
            ("2026-11-23", "2027-11-23", "valid_to", "最长 365 天，截止日期不能晚于 2027-11-22"),
            ("2026-11-23", "", "valid_to", "请选择证明有效期（止）"),
            ("2026-11-23", "abc", "valid_to", "证明有效期（止）"),
        ] {
            let page = user.send(&form.clone().fill(&[("valid_from", from), ("valid_to", to)])).await.is(422);
            assert!(page.error(field).contains(why), "{from} {to}: {}", page.error(field));
            assert_eq!(page.value("valid_to"), to);
        }
        let long = "长".repeat(501);
        let page = user.send(&form.clone().set("reason", &long)).await.is(422);
        assert!(page.error("reason").contains("不能超过 500 个字") && page.value("reason") == long);

        let saved = user.send(&form.set("valid_to", "2027-03-31")).await.is(200).sees("已保存").sees("2027-03-31");
        let form = saved.form("保存").fill(&[("valid_to", "2027-04-30"), ("reason", "境外工厂交货延期。")]);
        user.send(&form).await.is(200);
        let page = user.get(&path).await.is(200).sees("1 处修改");
        assert_eq!((page.value("valid_to"), page.value("reason")), ("2027-04-30".into(), "境外工厂交货延期。".into()));
        // The certificate itself is as it was.
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate WHERE valid_to = '2027-02-20'").await, 1);

        // After the old one expired, an amendment extends it (D12).
        site.clock.pass_hours(24 * 100);
        let (user, desk) = (again(&site, "shili_a").await, desk.again(&site).await);
        let page = user.get(&path).await.is(200).sees("原证明已过有效期");
        user.send(&page.form("保存").set("valid_to", "2027-03-02")).await.is(422);
        user.send(&page.form("提交").set("valid_to", "2027-05-31")).await.is(200).sees("已提交");
        desk.decide(&site, certificate, &[("decision", "confirm_amendment")]).await.is(200).sees("第 2 版已生效");
        user.get(&format!("/certificates/{certificate}")).await.is(200).sees("2026-11-23 至 2027-05-31").sees("有效");
    }
}

/// R-2.7-03, R-2.7-08: two tabs do not overwrite each other unseen, and 提交 sends nothing that its page did not show; what was
/// typed stays, beside what is stored, and counts when it is sent again.
#[tokio::test]
async fn r_2_7_03_two_tabs_do_not_overwrite_each_other() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        desk.release(&number).await.is(200);
        let path = format!("/certificates/{certificate}/amendment");
        let (one, other) = (user.get(&path).await.is(200), user.get(&path).await.is(200));
        let first = one.form("保存").fill(&[("valid_to", "2027-03-31"), ("reason", "境外工厂交货延期。")]);
        user.send(&first).await.is(200).sees("已保存");
        // A second click of the same is no conflict.
        user.send(&first).await.is(200).sees("已保存");

        let late = other.form("保存").fill(&[("valid_to", "2027-04-15"), ("reason", "船期延误。")]);
        let late = user.send(&late).await.is(409).sees("已在别处更改").sees("2026-11-23 至 2027-03-31");
        let late = late.sees("境外工厂交货延期。");
        assert_eq!((late.value("valid_to"), late.value("reason")), ("2027-04-15".into(), "船期延误。".into()));
        assert_eq!(user.get(&path).await.value("valid_to"), "2027-03-31", "nothing was stored");
        let stale = user.send(&other.form("提交")).await.is(409).sees("也没有提交");
        assert_eq!(stale.value("valid_to"), "2027-02-20");
        user.send(&late.form("保存")).await.is(200).sees("已保存");
        assert_eq!(user.get(&path).await.value("valid_to"), "2027-04-15");

        // A product changed behind an open page: 保存 replaces nothing of it, 提交 would send it unseen.
        let open = user.get(&path).await.is(200);
        change_model(&user, certificate, "KC-26/ZW-T2").await.is(200);
        let saved = user.send(&open.form("保存").set("reason", "船期延误，型号更正。")).await.is(200).sees("已保存");
        let stale = user.send(&open.form("提交").set("reason", "船期延误，型号更正。")).await.is(409);
        assert_eq!(stale.texts("del"), ["2027-02-20", "KC-26/ZW-T1"], "what is stored is shown");
        assert!(saved.sees("2 处修改").value("reason").contains("型号更正"));
        user.send(&stale.form("提交")).await.is(200).sees("等待检验检疫局确认");
    }
}

/// What is printed on a version, as it was frozen.
async fn sheet_of(site: &Site, certificate: i64, version: i64) -> String {
    #[derive(db::Row)]
    struct Columns {
        sheet: String,
    }
    let sql = "SELECT sheet FROM certificate_version WHERE certificate_id = $1 AND version = $2";
    let found: Option<Columns> = site.app.db.read().row(sql, db::params![certificate, version]).await.unwrap();
    found.unwrap().sheet
}

/// Two thousand products are amended like one: page by page, the last of them too, and as fast as few.
#[tokio::test]
async fn r_2_7_04_a_certificate_of_two_thousand_products_is_amended() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let desk = Desk::shanghai(&site).await;
        let mut statements = Vec::new();
        for products in [60, 2_000] {
            let (id, _) = crate::tables::imported(&site, &user, products).await;
            story::submit(&user, &id).await;
            bureau.bring_to(&id, Post::Terminate).await;
            let (certificate, number) = certificate_of(&site, &id).await;
            desk.release(&number).await.is(200);
            let path = format!("/certificates/{certificate}/amendment");
            let end = products.div_ceil(20);
            let list = user.get(&format!("{path}/items?page={end}")).await.is(200);
            let list = list.sees(&format!("产品{products}号"));
            // Forty of them change: more than a comparison shows at once.
            for n in products - 39..=products {
                let page = user.get(&format!("{path}/items/{n}")).await.is(200);
                user.send_once(&page.form("保存").set("model", &format!("新型号{n}"))).await.is(303);
            }
            let page = user.get(&path).await.is(200).sees("修改了 40 项产品");
            let sent = user.send_once(&page.form("提交")).await.is(303);
            let case = desk.confirm.get(&format!("/amendments/{}", newest(&site, certificate).await)).await.is(200);
            let fields = [("decision", "confirm_amendment"), ("opinion", "同意。")];
            let confirmed = desk.confirm.send_once(&case.form("提交意见").fill(&fields)).await.is(303);
            statements.push([&list, &page, &sent, &case, &confirmed].map(|p| p.statements));
            for page in [&list, &page, &case] {
                assert!(page.body.len() < 150_000, "{}: {} bytes", page.path, page.body.len());
            }
            site.work().await;
            // Paper and page of version 2 have all of them.
            let lines = site.number(&format!("SELECT lines FROM certificate WHERE id = {certificate}")).await;
            assert_eq!(lines, i64::try_from(products).unwrap());
            user.get(&format!("/certificates/{certificate}/document")).await.is(200);
            let sheet = sheet_of(&site, certificate, 2).await;
            for n in [1, products - 40, products] {
                assert!(sheet.contains(&format!("\"产品{n}号\"")), "产品{n}号 is missing");
            }
            let changed = sheet.matches("\"新型号").count();
            assert_eq!((changed, sheet.matches("\"KC-26/ZW-T1\"").count()), (40, products - 40));
        }
        assert_eq!(statements[0], statements[1], "list, form, submit, case, confirm");
    }
}

/// R-2.7-04, R-2.7-05: 查看申请产品信息 opens the list, page by page; 序号 and 修改 open the product; 返回 leads back.
#[tokio::test]
async fn r_2_7_04_the_products_are_listed_and_opened() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let desk = Desk::shanghai(&site).await;
        let id = story::complete_draft(&site, &user).await;
        for n in 2..=23 {
            add_product(&user, &id, AIR_CONDITIONER, &[("product_name", &format!("产品{n}号"))]).await.is(200);
        }
        story::submit(&user, &id).await;
        bureau.bring_to(&id, Post::Terminate).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        desk.release(&number).await.is(200);
        let path = format!("/certificates/{certificate}/amendment");
        let page = user.get(&path).await.is(200).sees("共 23 项");
        assert_eq!(page.link("查看申请产品信息"), format!("{path}/items"));
        let list = user.get(&format!("{path}/items")).await.is(200).sees("产品20号").sees_no("产品21号").sees("未修改");
        assert_eq!(list.link("返回"), path);
        let first = format!("{path}/items/1");
        assert!(list.hrefs("tbody tr:first-child a").iter().all(|h| *h == first), "序号 and 修改 open the product");
        assert_eq!(list.hrefs("tbody tr:first-child a").len(), 2);

        assert_eq!(user.get(&first).await.is(200).value("product_name"), "窗式空调器样机");
        let product = user.get(&format!("{path}/items/23")).await.is(200);
        assert_eq!(product.value("product_name"), "产品23号");
        let saved = user.send(&product.form("保存").set("brand", "新商标")).await.is(200).sees("已改 1 项");
        assert!(saved.path.starts_with(&format!("{path}/items?page=2")), "{}", saved.path);
        user.get(&format!("{path}/items/24")).await.is(404);
        // As many statements for many products as for few.
        let n = user.get(&format!("{path}/items?page=2")).await.statements;
        assert!(n <= 9, "{n} statements");
    }
}

/// R-2.7-06, D13: exactly the six fields change, 数量 in both units; another HS 编码 asks for its 产品特性 and brings its
/// unit; all else stays, whatever is sent.
#[tokio::test]
async fn r_2_7_06_exactly_six_fields_of_a_product_change() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        desk.release(&number).await.is(200);
        let path = format!("/certificates/{certificate}/amendment/items/1");
        let page = user.get(&path).await.is(200).sees("不能修改的内容").sees("原产国").sees("产品特性");
        let mut fields: Vec<_> = page.form("保存").fields.into_iter().map(|(k, _)| k).collect();
        fields.retain(|f| !["csrf", "seen", "hs_shown", "warned"].contains(&f.as_str()));
        assert_eq!(fields, ["product_name", "model", "hs_code", "qty", "hs_qty", "brand", "manufacturer"]);

        // Every mistake at once.
        let bad =
            [("product_name", ""), ("model", ""), ("qty", "0"), ("hs_qty", "x"), ("brand", ""), ("manufacturer", "")];
        let wrong = user.send(&page.form("保存").fill(&bad)).await.is(422);
        assert_eq!(wrong.faulty_fields(), ["product_name", "model", "qty", "hs_qty", "brand", "manufacturer"]);
        let rare = user.send(&page.form("保存").set("brand", "\u{30EDE}牌")).await.is(422);
        assert!(rare.error("brand").contains("商标中的“\u{30EDE}”（U+30EDE）暂无法印在证明上"));

        // Both units; what belongs to the application stays whatever is sent.
        let form = page.form("保存").fill(&[("qty", "10"), ("hs_qty", "9")]);
        let asked = user.send(&form.clone().fill(&[("origin_country", "JPN"), ("total_price", "1")])).await.is(422);
        let again = asked.sees("两个数量不一致").form("保存");
        user.send(&again).await.is(200).sees("已改 2 项");

        // Another type of the catalogue: its characteristics and its unit.
        let references = site.app.references.now();
        let other = references
            .hs_types_matching("8544", "", site.today())
            .into_iter()
            .find(|t| t.unit.as_str() != "001" && !t.characteristics.is_empty())
            .unwrap();
        let page = user.get(&path).await.is(200);
        let form = page.form("保存").set("hs_code", other.code.as_str());
        let asked = user.send(&form).await.is(422);
        assert!(asked.faulty_fields().contains(&"hs_qty".to_owned()), "{:?}", asked.faulty_fields());
        let asked_traits = asked.faulty_fields().iter().filter(|f| f.starts_with("trait_")).count();
        let shown = user.send(&page.form("更换").set("hs_code", other.code.as_str())).await.is(200).sees(&other.name);
        assert!(asked_traits > 0 && shown.has_field("trait_0") && shown.value("hs_qty").is_empty());
        let mut form = shown.form("保存").set("hs_qty", "30");
        for (n, c) in other.characteristics.iter().enumerate() {
            let value = match c.kind {
                CharacteristicKind::Choice => c.choices[0].as_str(),
                CharacteristicKind::Number => "220",
                CharacteristicKind::Text => "示例",
            };
            form = form.set(&format!("trait_{n}"), value);
        }
        user.send(&form).await.is(200).sees(other.code.as_str());
        user.get(&path).await.is(200).sees("已保存的修改").sees("HS 编码产品名称");
        let unknown = user.send(&page.form("保存").set("hs_code", "0000000000")).await.is(422);
        assert!(unknown.error("hs_code").contains("请从列表中选择"));

        let page = submit(&user, certificate).await.is(200);
        assert_eq!(links(&page), ["已提交新证明（查看）"]);
        desk.decide(&site, certificate, &[("decision", "confirm_amendment")]).await.is(200);
        let sheet = db::certificate::get(&site.app.db.read(), domain::ids::CertificateId::new(certificate))
            .await
            .unwrap()
            .sheet;
        assert!(sheet.contains(other.code.as_str()) && sheet.contains("\"quantity\":\"10 "), "{sheet}");
        assert!(sheet.contains("德国") && !sheet.contains("日本"), "{sheet}");
        let sql = "SELECT COUNT(*) FROM certificate_item WHERE required = 1000000 AND hs_required = 3000000";
        assert_eq!(site.number(sql).await, 1);
    }
}

/// R-2.7-07: 保存 saves, 取消 discards and closes; a product that is as before is no change; two tabs do not overwrite each
/// other unseen.
#[tokio::test]
async fn r_2_7_07_a_product_is_saved_or_left() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        desk.release(&number).await.is(200);
        let path = format!("/certificates/{certificate}/amendment");
        let first = user.get(&format!("{path}/items/1")).await.is(200);
        assert_eq!(first.link("取消"), format!("{path}/items"));
        user.get(&first.link("取消")).await.is(200).sees("未修改");

        change_model(&user, certificate, "KC-26/ZW-T2").await.is(200).sees("KC-26/ZW-T2").sees("已改 1 项");
        // The other tab, opened before.
        let late = user.send(&first.form("保存").set("model", "KC-26/ZW-T3")).await.is(409).sees("已在别处保存");
        assert_eq!(late.value("model"), "KC-26/ZW-T3");
        user.send(&late.form("保存")).await.is(200).sees("KC-26/ZW-T3");
        change_model(&user, certificate, "KC-26/ZW-T1").await.is(200).sees("与原证明相同").sees("未修改");
        let nothing = submit(&user, certificate).await.is(422);
        assert!(nothing.error("valid_to").contains("还没有修改任何内容"), "{}", nothing.error("valid_to"));
    }
}

/// R-2.7-08, R-2.7-09: 提交 sends it to 证明修改确认; the link becomes 已提交新证明（查看） and shows the new certificate and its
/// annex; 返回 leads to the list.
#[tokio::test]
async fn r_2_7_08_what_is_submitted_is_looked_at() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        desk.release(&number).await.is(200);
        change_model(&user, certificate, "KC-26/ZW-T2").await.is(200);
        // What stands in the form goes with it.
        let page = user.get(&format!("/certificates/{certificate}/amendment")).await.is(200);
        let form = page.form("提交").fill(&[("valid_to", "2027-03-10"), ("reason", "按最终发票更正。")]);
        let list = user.send(&form).await.is(200).sees("等待检验检疫局确认");
        assert!(list.path.starts_with("/applications"), "{}", list.path);
        assert_eq!(links(&list), ["已提交新证明（查看）"]);
        // A second click is the first one.
        user.send(&form).await.is(200);

        let view = user.get(&list.link("已提交新证明（查看）")).await.is(200);
        assert_eq!(view.path, format!("/certificates/{certificate}/amendment/submitted"));
        assert_eq!(view.texts(".kv del"), ["2027-02-20"]);
        assert_eq!(view.texts(".kv ins"), ["2027-03-10"]);
        assert_eq!(view.texts("tbody del"), ["KC-26/ZW-T1"]);
        assert_eq!(view.texts("tbody ins"), ["KC-26/ZW-T2"]);
        let view = view.sees("免于办理强制性产品认证证明").sees("附表产品").sees("按最终发票更正").sees("示例工厂");
        assert_eq!(view.link("返回"), "/applications");
        user.get(&format!("/certificates/{certificate}/amendment")).await.is(409).sees("已提交新证明");
        user.get(&format!("/certificates/{certificate}/amendment/items/1")).await.is(409);

        // The bureau reads the same, old beside new.
        desk.confirm.get("/amendments").await.is(200).sees(&number);
        let case = desk.confirm.get(&format!("/amendments/{}", newest(&site, certificate).await)).await.is(200);
        assert_eq!(case.texts("#changes del"), ["2027-02-20", "KC-26/ZW-T1"]);
        assert_eq!(case.texts("#changes ins"), ["2027-03-10", "KC-26/ZW-T2"]);
        assert_eq!(case.texts("#changes .tag"), ["2 处修改"]);
        assert_eq!(case.texts("#products table").len(), 0, "the changed ones by default");
        let all = desk.confirm.get(&case.link("查看全部产品")).await.is(200);
        assert_eq!(all.texts("#products tbody tr").len(), 1);
        site.work().await;
        assert!(site.mail.letters().iter().any(|l| l.subject.contains("已提交证明修改")));
    }
}

/// R-2.7-10: sent back with an opinion, the link is 重新修改证明 and works like 修改证明.
#[tokio::test]
async fn r_2_7_10_what_is_sent_back_is_changed_again() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        desk.release(&number).await.is(200);
        change_model(&user, certificate, "KC-26").await.is(200);
        submit(&user, certificate).await.is(200);

        let silent = desk.decide(&site, certificate, &[("decision", "send_back_amendment")]).await.is(422);
        assert_eq!(silent.faulty_fields(), ["opinion"]);
        let back = [("decision", "send_back_amendment"), ("opinion", "型号与发票不一致，请核对。")];
        desk.decide(&site, certificate, &back).await.is(200).sees("已退回企业");
        let list = user.get("/applications").await.is(200);
        assert_eq!(links(&list), ["重新修改证明"]);
        let page =
            user.get(&list.link("重新修改证明")).await.is(200).sees("重新修改证明").sees("型号与发票不一致，请核对。");
        assert!(page.text().contains("KC-26"), "what was changed is kept");
        user.get("/main").await.is(200).sees("证明修改被退回");
        change_model(&user, certificate, "KC-26/ZW-T2").await.is(200);
        assert_eq!(links(&submit(&user, certificate).await.is(200)), ["已提交新证明（查看）"]);
        desk.decide(&site, certificate, &[("decision", "confirm_amendment"), ("opinion", "属实。")]).await.is(200);
        let list = user.get("/applications").await.is(200);
        assert_eq!(links(&list), Vec::<String>::new());
        user.get(&format!("/certificates/{certificate}/amendment/submitted"))
            .await
            .is(200)
            .sees("属实。")
            .sees("已确认");
        site.work().await;
        let subjects: Vec<_> = site.mail.letters().into_iter().map(|l| l.subject).collect();
        assert!(subjects.iter().any(|s| s.contains("证明修改被退回")), "{subjects:?}");
        assert!(subjects.last().unwrap().contains("新证明已生效"), "{subjects:?}");
    }
}

/// R-2.7-11, D6: by another officer's confirmation the modified certificate is the one in force; before that the old one
/// is; the old version stays, with its paper; a second amendment begins with the new one.
#[tokio::test]
async fn r_2_7_11_the_confirmed_certificate_is_in_force() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        let page = format!("/certificates/{certificate}");
        let old_paper = user.get(&format!("{page}/document")).await.is(200).body;
        // One person holds both posts: he releases it, and may not confirm it.
        let both = site.officer("sh_both", SHANGHAI, &[Post::AmendApprove, Post::AmendConfirm]).await;
        let form = both.get(&format!("/amendments/opening?number={number}")).await.is(200).form("同意修改");
        both.send(&form.fill(&[("caller", "张示例"), ("call_note", "型号更正。")])).await.is(200);
        change_model(&user, certificate, "KC-26/ZW-T2").await.is(200);
        submit(&user, certificate).await.is(200);
        user.get(&page).await.is(200).sees("KC-26/ZW-T1").sees_no("KC-26/ZW-T2");
        let case = format!("/amendments/{}", newest(&site, certificate).await);
        both.get(&case).await.is(200).sees("确认须由另一人办理").sees_no("提交意见");
        let fields = [("decision", "confirm_amendment"), ("version", "4")];
        both.force(&axum::http::Method::POST, &format!("{case}/decision"), &fields).await.is(403).sees("另一人");

        let stale = desk.confirm.get(&case).await.is(200).form("提交意见").set("decision", "confirm_amendment");
        let late = desk.confirm.send(&stale.clone().set("version", "1").set("opinion", "同意。")).await.is(409);
        assert!(late.text().contains("已有变化") && late.value("opinion") == "同意。");
        desk.confirm.send(&stale).await.is(200).sees("第 2 版已生效");
        desk.confirm.send(&stale).await.is(409).sees("已办结");
        site.work().await;
        user.get(&page).await.is(200).sees("KC-26/ZW-T2").sees_no("KC-26/ZW-T1");
        let new_paper = user.get(&format!("{page}/document")).await.is(200).body;
        assert_ne!(old_paper, new_paper);
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate_version").await, 2);
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate_version WHERE object_key IS NOT NULL").await, 2);
        assert_eq!(site.number("SELECT version FROM certificate WHERE state = 'valid'").await, 2);
        user.get("/main").await.is(200).sees("证明修改已确认");

        desk.release(&number).await.is(200);
        let again = user.get(&format!("{page}/amendment/items/1")).await.is(200);
        assert_eq!(again.value("model"), "KC-26/ZW-T2", "the version in force is changed");
        change_model(&user, certificate, "KC-26/ZW-T3").await.is(200);
        submit(&user, certificate).await.is(200);
        let view = user.get(&format!("{page}/amendment/submitted")).await.is(200);
        assert_eq!(view.texts("tbody del"), ["KC-26/ZW-T2"]);
        desk.decide(&site, certificate, &[("decision", "confirm_amendment")]).await.is(200).sees("第 3 版已生效");
        assert!(db::doctor::examine(&site.app.db).await.unwrap().faults.is_empty());
    }
}

/// M5: the enterprise gives up, or 证明修改批准 takes it back with a reason: the certificate is as it was.
#[tokio::test]
async fn an_amendment_is_given_up_and_the_certificate_stays() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        let free = "SELECT COUNT(*) FROM certificate WHERE state = 'valid' AND version = 1";
        desk.release(&number).await.is(200);
        change_model(&user, certificate, "KC-27").await.is(200);
        assert_eq!(site.number(free).await, 0);
        let page = user.get(&format!("/certificates/{certificate}/amendment")).await.is(200);
        user.send(&page.form("取消修改")).await.is(200).sees("已取消修改");
        assert_eq!(links(&user.get("/applications").await), Vec::<String>::new());
        assert_eq!(site.number(free).await, 1);

        desk.release(&number).await.is(200);
        user.get(&format!("/certificates/{certificate}/amendment/items")).await.is(200).sees("未修改");
        let case = desk.approve.get(&format!("/amendments/{}", newest(&site, certificate).await)).await.is(200);
        assert_eq!(desk.approve.send(&case.form("收回修改")).await.is(422).faulty_fields(), ["withdrawal_reason"]);
        let form = case.form("收回修改").set("withdrawal_reason", "企业来电表示不再修改。");
        desk.approve.send(&form).await.is(200).sees("已收回");
        desk.approve.send(&form).await.is(409).sees("已办结");
        assert_eq!(site.number(free).await, 1);
        user.get("/main").await.is(200).sees("证明修改已收回");
        // A submitted one is the confirmer's.
        desk.release(&number).await.is(200);
        change_model(&user, certificate, "KC-27").await.is(200);
        submit(&user, certificate).await.is(200);
        user.force(&axum::http::Method::POST, &format!("/certificates/{certificate}/amendment/cancellation"), &[])
            .await
            .is(409)
            .sees("已提交新证明");
    }
}

/// R-2.7-11, R-2.8-17, D19: what looks for a certificate by its products, and what is copied from it, goes by the version in
/// force, from the confirmation on.
#[tokio::test]
async fn r_2_7_11_search_and_copy_go_by_the_version_in_force() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let desk = Desk::shanghai(&site).await;
        let officer = site.officer("js_writeoff", JIANGSU, &[Post::WriteOff]).await;
        let certificate = crate::write_off::certificate_of(&site, &user, &bureau, &[("10", "10"), ("6", "6")]).await;
        let id = site.number("SELECT application_id FROM certificate").await;
        let number = user.get(&format!("/certificates/{certificate}")).await.texts("h1 .code").remove(0);
        let finds =
            async |query: &str| officer.get(&format!("/write-off/search?{query}")).await.texts("tbody tr").len();
        desk.release(&number).await.is(200);
        let page = user.get(&format!("/certificates/{certificate}/amendment/items/2")).await.is(200);
        let hs_code = page.value("hs_code");
        let change = [("product_name", "改名的Ａ型样机"), ("model", "新型号-2"), ("qty", "4"), ("hs_qty", "4")];
        user.send(&page.form("保存").fill(&change)).await.is(200);
        submit(&user, certificate).await.is(200);
        // Until it is confirmed the old version holds.
        assert_eq!((finds("product_name=样机2").await, finds("product_name=a型样机").await), (1, 0));
        desk.decide(&site, certificate, &[("decision", "confirm_amendment")]).await.is(200);
        assert_eq!((finds("product_name=样机2").await, finds("product_name=a型样机").await), (0, 1));
        assert_eq!((finds("product_name=样机1").await, finds(&format!("hs_code={hs_code}")).await), (1, 1));

        let copied = async |quantity: &str| {
            let page = user.get(&format!("/applications/{id}/copy")).await.is(200);
            let mut form = page.form("我同意，复制为新申请");
            if !quantity.is_empty() {
                form = form.set("quantity", quantity);
            }
            let copy = story::id_of(&user.send(&form).await.is(200));
            user.get(&format!("/applications/{copy}/items")).await.is(200).texts("tbody tr")
        };
        let rows = copied("").await;
        assert!(rows.len() == 2 && rows[0].contains("样机1") && rows[0].contains("10 台"), "{rows:?}");
        assert!(rows[1].contains("改名的") && rows[1].contains("新型号-2") && rows[1].contains("4 台"), "{rows:?}");
        crate::write_off::write_off(&site, certificate, &[(0, "10", "10"), (1, "1", "1")]).await;
        let rows = copied("rest").await;
        assert!(rows.len() == 1 && rows[0].contains("改名的") && rows[0].contains("3 台"), "{rows:?}");
    }
}

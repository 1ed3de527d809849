//! 预核销 and 核销 (manual §2.8).

use axum::http::Method;
use db::audit::By;
use db::ledger::{self, Deed, Place};
use domain::actor::Post;
use domain::ids::{BureauCode, CertificateId, PortCode};
use domain::ledger::Amounts;
use domain::quantity::{UnitPrice, total};

use crate::story::{self, AIR_CONDITIONER, Bureau, add_product};
use crate::support::{Browser, Form, JIANGSU, Page, SHANGHAI, Site, cells};

/// 洋山: a port of 上海局.
pub const YANGSHAN: [(&str, &str); 2] = [("port_code_1", "2200"), ("port_code_2", "2202")];
/// A port of 江苏局.
const NANTONG: [(&str, &str); 2] = [("port_code_1", "2300"), ("port_code_2", "2302")];

/// An issued certificate with one product per pair of 数量/重量 and HS 标准量; says its id.
pub async fn certificate_of(site: &Site, user: &Browser, bureau: &Bureau, amounts: &[(&str, &str)]) -> i64 {
    certificate_under(site, user, bureau, ("1", &[]), amounts).await
}

/// The same under this clause, with what it asks for on the first page.
pub async fn certificate_under(
    site: &Site,
    user: &Browser,
    bureau: &Bureau,
    (clause, basics): (&str, &[(&str, &str)]),
    amounts: &[(&str, &str)],
) -> i64 {
    let id = story::open_draft_of(user, clause, "0110").await;
    story::fill_basics(user, &id, basics).await.is(200);
    for (n, (qty, hs_qty)) in (1..).zip(amounts) {
        let name = format!("样机{n}");
        let total = total(qty.parse().unwrap(), UnitPrice::from_units(100_000)).unwrap().plain();
        let fields = [
            ("product_name", name.as_str()),
            ("model", &format!("型号-{n}")),
            ("qty", qty),
            // 台 as in HS 标准量, or 件 where the numbers are others.
            ("qty_unit", if qty == hs_qty { "001" } else { "011" }),
            ("hs_qty", hs_qty),
            ("unit_price", "1"),
            ("total_price", &total),
        ];
        add_product(user, &id, AIR_CONDITIONER, &fields).await.is(200).sees(&name);
    }
    story::attach(site, user, &id, clause).await;
    story::submit(user, &id).await;
    bureau.bring_to(&id, Post::Terminate).await;
    site.number(&format!("SELECT id FROM certificate WHERE application_id = {id}")).await
}

/// A site with 上海局, its company and officers of 核销岗 of two bureaus.
pub struct Yard {
    pub user: Browser,
    pub bureau: Bureau,
    pub here: Browser,
    pub elsewhere: Browser,
}

impl Yard {
    pub async fn of(site: &Site) -> Self {
        Self {
            user: site.company().await,
            bureau: Bureau::shanghai(site).await,
            here: site.officer("sh_writeoff", SHANGHAI, &[Post::WriteOff]).await,
            elsewhere: site.officer("js_writeoff", JIANGSU, &[Post::WriteOff]).await,
        }
    }

    pub async fn certificate(&self, site: &Site, amounts: &[(&str, &str)]) -> i64 {
        certificate_of(site, &self.user, &self.bureau, amounts).await
    }
}

/// The lines of a certificate, in the order of the annex.
pub async fn lines_of(site: &Site, certificate: i64) -> Vec<i64> {
    let found = ledger::lines(&site.app.db.read(), CertificateId::new(certificate)).await.unwrap();
    found.iter().map(|l| l.id.get()).collect()
}

/// What stands on a line: required, pending, written off, and the same in HS 标准量.
pub async fn stands(site: &Site, certificate: i64, n: usize) -> [String; 6] {
    let found = ledger::lines(&site.app.db.read(), CertificateId::new(certificate)).await.unwrap();
    let b = found[n].balance;
    [b.qty.required, b.qty.pending, b.qty.written_off, b.hs.required, b.hs.pending, b.hs.written_off]
        .map(|q| q.to_string())
}

/// The form of 预核销 with these amounts on these lines, for 洋山.
async fn filled(site: &Site, user: &Browser, certificate: i64, rows: &[(usize, &str, &str)]) -> Form {
    let lines = lines_of(site, certificate).await;
    let page = user.get(&format!("/certificates/{certificate}/pre-write-offs/new")).await.is(200);
    let form = page.form("提交").fill(&YANGSHAN);
    rows.iter().fold(form, |form, (n, qty, hs_qty)| {
        form.set(&format!("qty_{}", lines[*n]), qty).set(&format!("hs_qty_{}", lines[*n]), hs_qty)
    })
}

/// 预核销 of these amounts.
pub async fn declare(site: &Site, user: &Browser, certificate: i64, rows: &[(usize, &str, &str)]) -> Page {
    user.send(&filled(site, user, certificate, rows).await).await
}

/// The page on which the newest 预核销 is decided.
pub async fn case(site: &Site, officer: &Browser) -> Page {
    let id = site.number("SELECT MAX(id) FROM pre_write_off").await;
    officer.get(&format!("/pre-write-offs/{id}/decision")).await
}

/// The items of the newest 预核销, in the order of their lines.
pub async fn items(site: &Site) -> Vec<i64> {
    #[derive(db::Row)]
    struct Id {
        id: i64,
    }
    let sql = "SELECT id FROM pre_write_off_item WHERE pre_write_off_id = (SELECT MAX(id) FROM pre_write_off) \
               ORDER BY certificate_item_id";
    let found: Vec<Id> = site.app.db.read().rows(sql, vec![]).await.unwrap();
    found.into_iter().map(|i| i.id).collect()
}

/// 直接核销 of these amounts.
pub async fn draw_down(site: &Site, officer: &Browser, certificate: i64, rows: &[(usize, &str, &str)]) -> Page {
    officer.send(&drawn(site, officer, certificate, rows).await).await
}

pub async fn drawn(site: &Site, officer: &Browser, certificate: i64, rows: &[(usize, &str, &str)]) -> Form {
    let lines = lines_of(site, certificate).await;
    let page = officer.get(&format!("/certificates/{certificate}/draw-down")).await.is(200);
    let form = page.form("核销").fill(&NANTONG);
    rows.iter().fold(form, |form, (n, qty, hs_qty)| {
        form.set(&format!("qty_{}", lines[*n]), qty).set(&format!("hs_qty_{}", lines[*n]), hs_qty)
    })
}

/// Declares and writes off a little on the certificate of an application.
pub async fn begun(site: &Site, owner: &Browser, application: &str) {
    let sql = format!("SELECT id FROM certificate WHERE application_id = {application}");
    let certificate = site.number(&sql).await;
    declare(site, owner, certificate, &[(0, "1", "1")]).await.is(200).sees("已提交 1 个产品的预核销");
    write_off(site, certificate, &[(0, "1", "1")]).await;
}

/// Writes off without a page.
pub async fn write_off(site: &Site, certificate: i64, rows: &[(usize, &str, &str)]) {
    let id = CertificateId::new(certificate);
    let tx = site.app.db.begin().await.unwrap();
    let lines = ledger::lines(&tx, id).await.unwrap();
    let claims: Vec<_> = rows
        .iter()
        .map(|(n, qty, hs_qty)| (lines[*n].id, Amounts { qty: qty.parse().unwrap(), hs_qty: hs_qty.parse().unwrap() }))
        .collect();
    let (port, bureau) = (PortCode::new("2202"), BureauCode::new(SHANGHAI));
    let place = Place { port: &port, bureau: &bureau, customs_no: "" };
    let key = format!("direct-{}", site.number("SELECT COUNT(*) FROM ledger_entry").await);
    let deed = Deed { key: &key, by: &By::system(), now: site.app.now() };
    ledger::draw_down(&tx, id, place, &claims, "到货", deed).await.unwrap();
    tx.commit().await.unwrap();
}

/// R-2.8-01 to -04, -07 to -12, -14, R-2.2-17, -18: from the link in the list to the record that waits for the port.
#[tokio::test]
async fn r_2_8_01_the_company_declares_what_arrives() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let user = &yard.user;
        let c = yard.certificate(&site, &[("800", "640"), ("24", "24"), ("3600", "1800.5")]).await;
        let number = user.get(&format!("/certificates/{c}")).await.texts("h1 .code").remove(0);
        let list = user.get("/applications").await;
        // R-2.2-17, -18.
        assert_eq!(list.link("预核销"), format!("/certificates/{c}/pre-write-offs/new"));
        assert_eq!(list.link("查看预核销记录"), format!("/certificates/{c}/pre-write-offs"));
        assert!(!list.offers().contains(&"核销信息".to_owned()));
        // R-2.8-10.
        user.get(&list.link("查看预核销记录")).await.is(200).sees("该证明没有预核销申请");

        let page = user.get(&list.link("预核销")).await.is(200).sees(&number).sees("示例电器802100433有限公司");
        let page = page.sees("总 800").sees("已核销 0").sees("待确认 0").sees("可预核销 640").sees("件").sees("台");
        // R-2.8-09: 返回 is a link that sends nothing.
        assert_eq!(page.link("返回"), "/applications");
        // R-2.8-03: the name leads to the details, whose 返回 leads back.
        let first = lines_of(&site, c).await[0];
        let name = page.hrefs("tbody td a").remove(0);
        assert!(name.starts_with(&format!("/certificates/{c}/lines/{first}")), "{name}");
        let details = user.get(&name).await.is(200);
        let details = details.sees("样机1").sees("型号-1").sees("演示品牌").sees("制冷剂").sees("640 台");
        assert_eq!(details.link("返回"), format!("/certificates/{c}/pre-write-offs/new"));

        // R-2.8-02: 查询 is 模糊 and keeps what is typed; 清空条件 shows all again.
        let form = filled(&site, user, c, &[(0, "100", "80")]).await;
        let search = |field: &str, text: &str| {
            let mut form = form.clone().set(field, text).set("find", "1");
            form.action = format!("/certificates/{c}/pre-write-offs?refresh=list");
            form
        };
        for (field, text, n) in [("product_name", "样 机3", 2), ("model", "型号-２", 1), ("hs_code", "84151", 0)] {
            let found = user.send_once(&search(field, text)).await.is(200);
            let names = found.texts("tbody tr td:nth-child(2) a");
            assert!(names[0].starts_with(&format!("样机{}", n + 1)), "{names:?}");
            assert_eq!(names.len(), if field == "hs_code" { 3 } else { 1 });
            assert_eq!(found.value(&format!("qty_{first}")), "100", "typed, shown or not");
            let mut clear = found.form("清空条件");
            clear.action = format!("/certificates/{c}/pre-write-offs?refresh=list");
            let all = user.send_once(&clear).await.is(200);
            assert_eq!((all.texts("tbody tr").len(), all.value(field)), (3, String::new()));
            assert_eq!(all.value(&format!("hs_qty_{first}")), "80");
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM pre_write_off").await, 0);

        // R-2.8-07: the two-level list works without script, and must be chosen.
        let mut cascade = form.clone().set("port_code_1", "2300").set("port_code_2", "");
        cascade.action = format!("/certificates/{c}/pre-write-offs?refresh=port_code");
        let refreshed = user.send_once(&cascade).await.is(200).sees("南通海关");
        assert_eq!(refreshed.value(&format!("qty_{first}")), "100");
        let missing = user.send(&refreshed.form("提交")).await.is(422);
        assert_eq!(missing.error("port_code"), "请继续选择第二级口岸");
        assert_eq!(missing.value(&format!("qty_{first}")), "100");
        let form = missing.form("提交").fill(&YANGSHAN).set("customs_no", "１２３");
        let wrong = user.send(&form).await.is(422);
        assert!(wrong.error("customs_no").contains("18 位"), "{}", wrong.error("customs_no"));

        // R-2.8-08, -12: what was typed is kept as declared, and waits.
        let form = wrong.form("提交").set("customs_no", "220120261000000001");
        let records = user.send(&form).await.is(200).sees("已提交 1 个产品的预核销，等待上海").sees("待确认");
        let cells = records.texts("tbody tr td");
        assert_eq!((cells[4].as_str(), cells[5].as_str()), ("100 件", "80 台"));
        assert_eq!((cells[6].as_str(), cells[7].as_str()), ("", ""), "R-2.8-13: empty before");
        assert_eq!(records.hrefs("tbody td a"), [format!("/certificates/{c}/lines/{first}")]);
        assert_eq!(stands(&site, c, 0).await, ["800", "100", "0", "640", "80", "0"]);
        assert_eq!(records.link("返回"), "/applications", "R-2.8-14");
        let page = user.get(&format!("/certificates/{c}/pre-write-offs/new")).await;
        page.sees("待确认 100").sees("可预核销 700").sees("可预核销 560");
    }
}

/// R-2.8-05, -06, D20: every mistake at once, beside its field, with everything typed kept.
#[tokio::test]
async fn r_2_8_05_wrong_quantities_are_refused_beside_their_fields() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10"), ("20", "16"), ("5", "5"), ("7", "7")]).await;
        let lines = lines_of(&site, c).await;
        let none = declare(&site, &yard.user, c, &[]).await.is(422).sees("请至少填写一个产品的本次预核销数量");
        assert_eq!(none.faulty_fields(), ["rows"]);
        let rows = [(0, "-1", ""), (1, "abc", "1.123456"), (2, "0", "0"), (3, "7.00001", "7")];
        let page = declare(&site, &yard.user, c, &rows).await.is(422);
        let error = |unit: &str, n: usize| page.error(&format!("{unit}_{}", lines[n]));
        assert!(error("qty", 0).contains("不能是负数") || error("qty", 0).contains("负"), "{}", error("qty", 0));
        assert!(error("qty", 1).contains("数字"), "{}", error("qty", 1));
        assert!(error("hs_qty", 1).contains("5 位小数"), "{}", error("hs_qty", 1));
        assert_eq!(error("qty", 2), "两种数量不能同时为零");
        assert_eq!(error("qty", 3), "超出可预核销数量 7");
        for (n, qty, hs_qty) in rows {
            assert_eq!(page.value(&format!("qty_{}", lines[n])), qty);
            assert_eq!(page.value(&format!("hs_qty_{}", lines[n])), hs_qty);
        }
        // One of the two may be zero; a blank one counts as zero; equality is accepted; an unused row is not declared.
        let rows = [(0, "10", "10"), (1, "20", "16"), (2, "5", "5")];
        declare(&site, &yard.user, c, &rows).await.is(200).sees("已提交 3 个产品");
        assert_eq!(site.number("SELECT COUNT(*) FROM pre_write_off_item").await, 3);
        // D1: what is pending is not declared a second time.
        let again = declare(&site, &yard.user, c, &[(0, "0.00001", "")]).await.is(422);
        assert_eq!(again.error(&format!("qty_{}", lines[0])), "超出可预核销数量 0");
        assert_eq!(stands(&site, c, 3).await, ["7", "0", "0", "7", "0", "0"]);
    }
}

/// D20: equal units with different numbers, and a ratio that differs by more than a tenth, are asked about once; the same
/// amounts sent again are meant.
#[tokio::test]
async fn d20_a_doubtful_quantity_is_asked_about_once() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10"), ("20", "16")]).await;
        let rows = [(0, "3", "2"), (1, "10", "")];
        let asked = declare(&site, &yard.user, c, &rows).await.is(422);
        let asked = asked.sees("两种计量单位相同").sees("相差超过 10%").sees("确认无误可再次点击");
        let line = lines_of(&site, c).await[0];
        // Other numbers are asked about anew.
        let other = asked.form("提交").set(&format!("qty_{line}"), "4");
        let asked = yard.user.send(&other).await.is(422).sees("两种计量单位相同");
        yard.user.send(&asked.form("提交")).await.is(200).sees("已提交 2 个产品");
        assert_eq!(stands(&site, c, 0).await, ["10", "4", "0", "10", "2", "0"]);
        assert_eq!(stands(&site, c, 1).await, ["20", "10", "0", "16", "0", "0"]);
    }
}

/// R-2.8-08: a double click declares once.
#[tokio::test]
async fn r_2_8_08_a_double_click_declares_once() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10")]).await;
        let form = filled(&site, &yard.user, c, &[(0, "6", "6")]).await;
        let (one, two) = tokio::join!(yard.user.send(&form), yard.user.send(&form));
        one.is(200).at(&format!("/certificates/{c}/pre-write-offs"));
        two.is(200).at(&format!("/certificates/{c}/pre-write-offs"));
        yard.user.send(&form).await.is(200).sees("待确认");
        assert_eq!(site.number("SELECT COUNT(*) FROM pre_write_off_item").await, 1);
        assert_eq!(stands(&site, c, 0).await, ["10", "6", "0", "10", "6", "0"]);
        yard.user.force(&Method::POST, &format!("/certificates/{c}/pre-write-offs"), &[]).await.is(400);
    }
}

/// D24, R-2.8-06: a pending one is taken back, item by item, and its quantity is free again; a decided one is not.
#[tokio::test]
async fn d24_a_pending_item_is_withdrawn() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10"), ("20", "16")]).await;
        let records = declare(&site, &yard.user, c, &[(0, "10", "10"), (1, "20", "16")]).await.is(200);
        let ids = items(&site).await;
        let form = records.form("撤回").tick("item", &ids[0].to_string());
        let after = yard.user.send(&form).await.is(200).sees("已撤回 1 项预核销").sees("已撤回").sees("待确认");
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "0", "10", "0", "0"]);
        assert_eq!(stands(&site, c, 1).await, ["20", "20", "0", "16", "16", "0"]);
        // The same form once more changes nothing; a decided one refuses the whole deed.
        yard.user.send(&form).await.is(200);
        let both = after.form("撤回").tick("item", &ids[0].to_string()).tick("item", &ids[1].to_string());
        yard.user.send(&both).await.is(409).sees("没有撤回任何一项");
        yard.user.send(&after.form("撤回")).await.is(400).sees("请先勾选");
        assert_eq!(stands(&site, c, 1).await, ["20", "20", "0", "16", "16", "0"]);
        // A colleague reads and withdraws nothing (D5).
        let colleague = site.enterprise("colleague", "802100433").await;
        db::testing::confirm(&site.app.db, "colleague").await;
        db::testing::set_sharing(&site.app.db, "802100433", true).await;
        let page = colleague.get(&format!("/certificates/{c}/pre-write-offs")).await.is(200).sees("样机2");
        assert!(page.offers().iter().all(|o| o != "撤回" && o != "预核销"));
        colleague.send(&both).await.is(409);
    }
}

/// R-2.8-18, -13, R-B-08: only the bureau of the port meets what was declared; it confirms up to what was declared (D11), with a
/// note when it is less; the company is told and reads 本次核销数量.
#[tokio::test]
async fn r_2_8_18_only_the_bureau_of_the_port_confirms() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10"), ("20", "16")]).await;
        declare(&site, &yard.user, c, &[(0, "6", "6"), (1, "20", "16")]).await.is(200);
        let ids = items(&site).await;
        yard.elsewhere.get("/write-off/worklist").await.is(200).sees("没有待确认的预核销");
        case(&site, &yard.elsewhere).await.is(404);
        let batch = site.number("SELECT MAX(id) FROM pre_write_off").await;
        let path = format!("/pre-write-offs/{batch}/decision");
        let key = "0123456789abcdef0123456789abcdef";
        let fields = [("decision", "confirm"), ("deed_key", key), ("item", &ids[0].to_string())];
        yard.elsewhere.force(&Method::POST, &path, &fields).await.is(404);

        // The menu counts it, 今日提醒 names it, the list leads to it.
        let main = yard.here.get("/main").await.is(200).sees("预核销确认").sees("核销岗： 1 件待办");
        let list = yard.here.get(&main.link("1 件待办")).await.is(200).sees("示例电器").sees("2 项").sees("吴淞海关");
        let page = yard.here.get(&list.link("办理")).await.is(200).sees("样机1").sees("样机2");
        assert_eq!(page.value(&format!("qty_{}", ids[0])), "6");
        let form = page.form("确认核销").set(&format!("qty_{}", ids[0]), "6.5");
        let wrong = yard.here.send(&form).await.is(422);
        assert_eq!(wrong.error(&format!("qty_{}", ids[0])), "不能超过预核销数量 6");
        let less = wrong.form("确认核销").set(&format!("qty_{}", ids[0]), "5").set(&format!("hs_qty_{}", ids[0]), "5");
        let asked = yard.here.send(&less).await.is(422);
        assert_eq!(asked.error("opinion"), "本次核销数量与预核销数量不一致，请填写说明");
        assert_eq!(stands(&site, c, 1).await, ["20", "20", "0", "16", "16", "0"], "nothing is done to either");
        let form = asked.form("确认核销").set("opinion", "实到 5 台，短装 1 台。");
        let (one, two) = tokio::join!(yard.here.send(&form), yard.here.send(&form));
        one.is(200);
        two.is(200);
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "5", "10", "0", "5"]);
        assert_eq!(stands(&site, c, 1).await, ["20", "0", "20", "16", "0", "16"]);

        let records = yard.user.get(&format!("/certificates/{c}/pre-write-offs")).await.is(200).sees("已确认");
        let records = records.sees("实到 5 台，短装 1 台。");
        let cells = records.texts("tbody tr:last-child td");
        assert_eq!((cells[4].as_str(), cells[6].as_str(), cells[7].as_str()), ("6 台", "5 台", "5 台"));
        // 今日提醒 names it, and the bell counts it.
        let main = yard.user.get("/main").await.is(200).sees("预核销已确认").sees("2 个产品，可以查看核销的数量");
        assert!(main.hrefs("main a").contains(&format!("/certificates/{c}/pre-write-offs")));
        site.work().await;
        let letters = site.mail.letters();
        let letter = letters.iter().find(|l| l.subject.contains("预核销已确认核销")).expect("a letter");
        assert!(letter.body.contains("2 个产品") && letter.body.contains("短装 1 台"), "{}", letter.body);
    }
}

/// Workflow §3.5 P3: sent back with a reason, item by item; the quantity is free again and the company is told.
#[tokio::test]
async fn r_2_8_08_what_is_sent_back_is_free_again() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10"), ("20", "16")]).await;
        declare(&site, &yard.user, c, &[(0, "6", "6"), (1, "20", "16")]).await.is(200);
        let ids = items(&site).await;
        let page = case(&site, &yard.here).await.is(200);
        let mut form = page.form("退回预核销");
        form.fields.retain(|(k, v)| k != "item" || *v == ids[1].to_string());
        let asked = yard.here.send(&form).await.is(422);
        assert_eq!(asked.error("opinion"), "请填写退回原因");
        let mut none = asked.form("退回预核销").set("opinion", "口岸不符");
        none.fields.retain(|(k, _)| k != "item");
        assert_eq!(yard.here.send(&none).await.is(422).error("item"), "请先勾选要办理的产品");
        let form = asked.form("退回预核销").set("opinion", "货物不在本口岸。");
        let page = yard.here.send(&form).await.is(200).sees("已退回 1 个产品").sees("样机1").sees("已退回");
        assert_eq!(stands(&site, c, 1).await, ["20", "0", "0", "16", "0", "0"]);
        // What is left of the submission is still decided; what is decided is not.
        let late = page.form("确认核销").tick("item", &ids[1].to_string()).set(&format!("qty_{}", ids[1]), "1");
        yard.here.send(&late.set("opinion", "再办一次")).await.is(409);
        yard.here.send(&page.form("确认核销")).await.is(200).sees("已确认核销 1 个产品").at("/write-off/worklist");
        site.work().await;
        let letters = site.mail.letters();
        let letter = letters.iter().find(|l| l.subject.contains("预核销被退回")).expect("a letter");
        assert!(letter.body.contains("货物不在本口岸。"), "{}", letter.body);
        yard.user.get(&format!("/certificates/{c}/pre-write-offs")).await.is(200).sees("货物不在本口岸。");
    }
}

/// R-2.8-17, R-B-08, D1: an officer of any bureau finds any certificate and writes off what is there, whatever is pending; what no
/// longer fits is flagged 余量不足 and confirmed for what is left.
#[tokio::test]
async fn r_2_8_17_an_officer_of_any_bureau_writes_off_directly() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("100", "100")]).await;
        declare(&site, &yard.user, c, &[(0, "60", "60")]).await.is(200);
        let form = drawn(&site, &yard.elsewhere, c, &[(0, "70", "70")]).await;
        let (one, two) = tokio::join!(yard.elsewhere.send(&form), yard.elsewhere.send(&form));
        one.is(200).at(&format!("/certificates/{c}/write-offs"));
        two.is(200).at(&format!("/certificates/{c}/write-offs"));
        assert_eq!(stands(&site, c, 0).await, ["100", "60", "70", "100", "60", "70"]);
        let line = lines_of(&site, c).await[0];
        let over = draw_down(&site, &yard.elsewhere, c, &[(0, "30.00001", "30")]).await.is(422);
        assert_eq!(over.error(&format!("qty_{line}")), "超出可核销数量 30");

        // D1: flagged on both sides, confirmed for what is left.
        yard.user.get(&format!("/certificates/{c}/pre-write-offs")).await.is(200).sees("余量不足");
        yard.here.get("/write-off/worklist").await.is(200).sees("1 项余量不足");
        let item = items(&site).await[0];
        let page = case(&site, &yard.here).await.is(200).sees("余量不足");
        assert_eq!(page.value(&format!("qty_{item}")), "30", "what is left");
        let all = page.form("确认核销").set(&format!("qty_{item}"), "60").set("opinion", "全部到货");
        let wrong = yard.here.send(&all).await.is(422);
        assert_eq!(wrong.error(&format!("qty_{item}")), "余量不足，最多 30");
        let rest = page.form("确认核销").set("opinion", "按余量确认");
        yard.here.send(&rest).await.is(200).sees("已确认核销 1 个产品");
        assert_eq!(stands(&site, c, 0).await, ["100", "0", "100", "100", "0", "100"]);
        // R-2.8-16: finished; nothing more is offered.
        let page = yard.here.get(&format!("/certificates/{c}/draw-down")).await.is(200).sees("已全部核销完毕");
        assert!(!page.offers().contains(&"核销".to_owned()));
    }
}

/// R-2.8-15, -16, -20, R-2.2-19, I8: 核销 ends with 数量/重量; the page says so, and the link 预核销 is gone.
#[tokio::test]
async fn r_2_8_16_write_off_ends_when_the_quantity_is_complete() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "8"), ("5", "5")]).await;
        let line = lines_of(&site, c).await[0];
        // R-2.2-19: no link and no page before the first 核销.
        yard.user.get(&format!("/certificates/{c}/write-offs")).await.is(409).sees("还没有核销");
        // I8: HS 标准量 that is left over asks for a note.
        let form = drawn(&site, &yard.here, c, &[(0, "10", "7.5")]).await;
        let asked = yard.here.send(&form).await.is(409);
        assert!(asked.error(&format!("qty_{line}")).contains("尾差"), "{}", asked.error(&format!("qty_{line}")));
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "0", "8", "0", "0"]);
        let noted = asked.form("核销").set("reason", "规格差异，尾差不再核销。");
        let info = yard.here.send(&noted).await.is(200).sees("已核销 1 个产品").sees("尾差 0.5");
        assert_eq!(info.texts("tbody tr").len(), 2);

        // R-2.8-15, -20, R-2.2-19: need and total in both units.
        let list = yard.user.get("/applications").await;
        let info = yard.user.get(&list.link("核销信息")).await.is(200).sees("还有 1 个产品没有核销完");
        let cells = info.texts("tbody tr:first-child td");
        assert_eq!(cells[2..8], ["10 件", "8 台", "10 件", "7.5 台", "0 件", "0.5 台"]);
        assert!(cells[8].contains("已核销完") && cells[8].contains("尾差 0.5 台"), "{}", cells[8]);
        assert_eq!(info.link("返回"), "/applications");
        // A finished line takes nothing more, not even of HS 标准量.
        let more = declare(&site, &yard.user, c, &[(0, "", "0.5")]).await.is(422);
        assert_eq!(more.error(&format!("hs_qty_{line}")), "超出可预核销数量 0");

        draw_down(&site, &yard.here, c, &[(1, "5", "5")]).await.is(200);
        let list = yard.user.get("/applications").await;
        assert!(!list.offers().contains(&"预核销".to_owned()) && list.offers().contains(&"核销信息".to_owned()));
        yard.user.get(&format!("/certificates/{c}/pre-write-offs/new")).await.is(409).sees("已全部核销");
        yard.here.get(&format!("/certificates/{c}/draw-down")).await.is(200).sees("已全部核销完毕");
        site.work().await;
        assert!(site.mail.letters().iter().any(|l| l.subject.contains("产品已核销")));
    }
}

/// R-2.8-17, R-B-08, D5: by number, holder, HS 编码, product, by the text of the QR code; nothing that he need not see.
#[tokio::test]
async fn r_2_8_17_certificates_of_all_bureaus_are_found() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10"), ("5", "5")]).await;
        site.work().await;
        let sheet = yard.user.get(&format!("/certificates/{c}")).await.is(200);
        let number = sheet.texts("h1 .code").remove(0);
        let officer = &yard.elsewhere;
        officer.get("/write-off/search").await.is(200).sees_no(&number);
        let address = format!("http://127.0.0.1:8080/verification?number={number}&code=ABCDEFGH");
        let statement = format!("CCC 免办证明 {number}，有效期至 2027-02-20");
        let asked = [
            ("number", number.as_str()),
            ("number", &number[5..15]),
            ("number", &address),
            ("number", &statement),
            ("holder", "示例电器"),
            ("hs_code", AIR_CONDITIONER),
            ("hs_code", "84151"),
            ("product_name", "样机 2"),
        ];
        for (field, text) in asked {
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair(field, text).finish();
            let page = officer.get(&format!("/write-off/search?{query}")).await.is(200).sees(&number);
            assert_eq!(page.link("直接核销"), format!("/certificates/{c}/draw-down"), "{field}={text}");
            assert!(page.texts("tbody tr").len() == 1 && page.statements <= 7, "{}", page.statements);
        }
        // The signed statement of the QR code, as the scanner types it, in the address or bare; never one that we did not sign.
        let paper = yard.user.get(&format!("/certificates/{c}/document")).await.is(200).html();
        let from = paper.find("/V/").unwrap() + 3;
        let statement = paper[from..].split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned();
        for typed in [statement.clone(), format!("HTTP%3A%2F%2F127.0.0.1%3A8080%2FV%2F{statement}")] {
            let page = officer.get(&format!("/write-off/search?number={typed}")).await.is(200).sees("按二维码查询证明");
            assert_eq!(page.link("直接核销"), format!("/certificates/{c}/draw-down"));
        }
        let mut forged = statement.clone();
        let last = forged.pop().unwrap();
        let middle = forged.len() / 2;
        let other = if forged.as_bytes()[middle] == b'A' { "B" } else { "A" };
        forged.replace_range(middle..=middle, other);
        forged.push(last);
        let page = officer.get(&format!("/write-off/search?number={forged}")).await.is(200);
        assert!(page.texts("tbody tr").is_empty(), "{}", page.text());
        for query in ["number=31000020269999999", "hs_code=9999999999", "holder=没有", "product_name=没有"] {
            officer.get(&format!("/write-off/search?{query}")).await.is(200).sees("没有符合条件的证明");
        }
        // D5: the ledger, the products and what is written off; not the application, its contacts or files.
        let line = lines_of(&site, c).await[0];
        for page in ["write-offs", "ledger", "pre-write-offs", "draw-down", &format!("lines/{line}")] {
            let page = officer.get(&format!("/certificates/{c}/{page}")).await.is(200).sees(&number);
            assert!(page.hrefs("main a").iter().all(|h| !h.starts_with("/applications/")), "{}", page.path);
            page.sees_no("021-00000000").sees_no("能效对比测试");
        }
        let application = site.number("SELECT application_id FROM certificate").await;
        officer.get(&format!("/applications/{application}/certificate")).await.is(404);
        officer.get(&format!("/casework/{application}")).await.is(404);
        officer.get(&format!("/certificates/{c}/document")).await.is(404);
        // A draft or an application under way is never found.
        story::submitted(&site, &yard.user).await;
        let page = officer.get("/write-off/search?holder=示例电器").await.is(200);
        assert_eq!(page.texts("tbody tr").len(), 1);
    }
}

/// D12: after the last day nothing new is declared; what was declared is confirmed; a direct 核销 needs a reason. D13, D23:
/// while the certificate is amended, and once it is revoked, nothing at all.
#[tokio::test]
async fn d12_after_the_last_day_only_what_happened_is_noted() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10")]).await;
        declare(&site, &yard.user, c, &[(0, "4", "4")]).await.is(200);
        let open = filled(&site, &yard.user, c, &[(0, "1", "1")]).await;
        site.clock.pass_hours(24 * 90);
        // Sessions do not live that long.
        let owner = site.number("SELECT owner_id FROM application").await;
        let user = site.sit_down(domain::ids::AccountId::new(owner)).await;
        let here = site.number("SELECT id FROM account WHERE username = 'sh_writeoff'").await;
        let here = site.sit_down(domain::ids::AccountId::new(here)).await;
        assert!(!user.get("/applications").await.offers().contains(&"预核销".to_owned()));
        user.get(&format!("/certificates/{c}/pre-write-offs/new")).await.is(409).sees("已过有效期");
        let token = user.token().await;
        user.send(&open.set("csrf", &token)).await.is(409).sees("已过有效期");
        here.send(&case(&site, &here).await.form("确认核销")).await.is(200).sees("已确认核销 1 个产品");
        let form = drawn(&site, &here, c, &[(0, "2", "2")]).await;
        let asked = here.send(&form).await.is(422).sees("证明已过有效期");
        assert_eq!(asked.error("reason"), "证明已过有效期，直接核销须填写理由");
        here.send(&asked.form("核销").set("reason", "有效期内到港，查验后放行。")).await.is(200);
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "6", "10", "0", "6"]);

        for (state, said) in [("amending", "证明正在修改"), ("revoked", "已被撤销"), ("surrendered", "已注销")]
        {
            let sql = format!("UPDATE certificate SET state = '{state}'");
            db::testing::try_sql(&site.app.db, &sql).await.unwrap();
            let page = here.get(&format!("/certificates/{c}/draw-down")).await.is(200).sees(said);
            assert!(!page.offers().contains(&"核销".to_owned()));
            let key = format!("{state:>32}");
            let line = lines_of(&site, c).await[0];
            let fields = [
                ("deed_key", key.as_str()),
                (&format!("qty_{line}"), "1"),
                (&format!("hs_qty_{line}"), "1"),
                ("port_code_1", "2200"),
                ("port_code_2", "2202"),
                ("reason", "再核销"),
            ];
            here.force(&Method::POST, &format!("/certificates/{c}/draw-down"), &fields).await.is(409).sees(said);
            user.get(&format!("/certificates/{c}/pre-write-offs/new")).await.is(409);
        }
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "6", "10", "0", "6"]);
    }
}

/// Workflow §3.5, E13: a wrong 核销 is taken back whole, once, with a reason, by the bureau that wrote it; the entry stays.
#[tokio::test]
async fn e13_a_wrong_write_off_is_reversed_by_its_bureau() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10")]).await;
        draw_down(&site, &yard.elsewhere, c, &[(0, "10", "10")]).await.is(200);
        let ledger = format!("/certificates/{c}/ledger");
        let foreign = yard.here.get(&ledger).await.is(200);
        assert!(!foreign.offers().contains(&"冲销".to_owned()));
        let own = yard.elsewhere.get(&ledger).await.is(200);
        yard.here.get(&own.link("冲销")).await.is(403);
        let page = yard.elsewhere.get(&own.link("冲销")).await.is(200).sees("+10");
        let form = page.form("冲销");
        assert_eq!(yard.elsewhere.send(&form).await.is(422).error("reason"), "请填写冲销原因");
        // E13: what is used meanwhile stays in the country's books.
        db::testing::try_sql(&site.app.db, "UPDATE certificate_item SET accounted = 3").await.unwrap();
        let used = yard.elsewhere.send(&form.clone().set("reason", "重复核销")).await.is(409);
        assert!(used.error("reason").contains("使用、退运或销毁"), "{}", used.error("reason"));
        db::testing::try_sql(&site.app.db, "UPDATE certificate_item SET accounted = 0").await.unwrap();
        let form = form.set("reason", "重复核销");
        let (one, two) = tokio::join!(yard.elsewhere.send(&form), yard.elsewhere.send(&form));
        one.is(200).at(&ledger);
        two.is(200).at(&ledger);
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "0", "10", "0", "0"]);
        let page = yard.user.get(&ledger).await.is(200).sees("已冲销").sees("重复核销").sees("-10");
        assert_eq!(page.texts("tbody tr").len(), 2);
        yard.elsewhere.get(&own.link("冲销")).await.is(409).sees("已经冲销过");
        let tx = site.app.db.begin().await.unwrap();
        tx.commit().await.unwrap();
        for sql in ["UPDATE ledger_entry SET written_off = 1", "DELETE FROM ledger_entry"] {
            assert!(db::testing::try_sql(&site.app.db, sql).await.is_err(), "the ledger is append-only");
        }
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// D1, workflow §3.5 P5: after sixty days, or what the installation says, a pending one lapses; the company is told.
#[tokio::test]
async fn d1_what_is_pending_for_sixty_days_lapses() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10"), ("5", "5")]).await;
        declare(&site, &yard.user, c, &[(0, "4", "4"), (1, "5", "5")]).await.is(200);
        site.clock.pass_hours(24 * 60 - 1);
        app::jobs::duties(&site.app).await;
        assert_eq!(stands(&site, c, 0).await, ["10", "4", "0", "10", "4", "0"]);
        site.clock.pass_hours(1);
        app::jobs::duties(&site.app).await;
        app::jobs::duties(&site.app).await;
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "0", "10", "0", "0"]);
        assert_eq!(site.number("SELECT COUNT(*) FROM pre_write_off_item WHERE state = 'lapsed'").await, 2);
        assert_eq!(site.number("SELECT pending_lines FROM certificate").await, 0);
        site.work().await;
        let letters = site.mail.letters();
        let lapsed: Vec<_> = letters.iter().filter(|l| l.subject.contains("预核销已失效")).collect();
        assert!(lapsed.len() == 1 && lapsed[0].body.contains("60 天"), "{lapsed:?}");
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// R-2.8-15: the ledger in the order of time, with running balances, who and where; as a page, by product, as XLSX and CSV.
#[tokio::test]
async fn r_2_8_15_the_ledger_shows_every_entry_with_its_balance() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("100", "100"), ("5", "5")]).await;
        declare(&site, &yard.user, c, &[(0, "60", "60"), (1, "5", "5")]).await.is(200);
        yard.here.send(&case(&site, &yard.here).await.form("确认核销")).await.is(200);
        draw_down(&site, &yard.elsewhere, c, &[(0, "10", "10")]).await.is(200);
        let page = yard.user.get(&format!("/certificates/{c}/ledger")).await.is(200);
        let rows = page.texts("tbody tr");
        assert_eq!(rows.len(), 5);
        for (row, said) in [(0, "预核销"), (2, "预核销确认"), (4, "直接核销")] {
            assert!(rows[row].contains(said), "{}", rows[row]);
        }
        assert!(rows[4].contains("+10") && rows[4].contains("余额 70") && rows[4].contains("江苏"), "{}", rows[4]);
        assert!(rows[2].contains("-60") && rows[2].contains("+60") && rows[2].contains("吴淞"), "{}", rows[2]);
        let second = lines_of(&site, c).await[1];
        let only = yard.user.get(&format!("/certificates/{c}/ledger?line={second}")).await.is(200).sees("样机2");
        assert_eq!(only.texts("tbody tr").len(), 2);
        yard.user.get(&format!("/certificates/{c}/ledger?line=999999")).await.is(404);

        let csv = yard.here.get(&page.link("导出 CSV")).await.is(200);
        let text = String::from_utf8(csv.body.clone()).unwrap();
        assert_eq!(text.lines().count(), 6, "{text}");
        assert!(text.lines().last().unwrap().contains("直接核销") && text.contains("70"), "{text}");
        // Both files say what the page says, row by row.
        let xlsx = cells(&yard.user.get(&page.link("导出 XLSX")).await.is(200).body);
        let mut sheet = xlsx.clone();
        // A workbook has no empty cells at the end of its rows.
        for row in &mut sheet {
            row.resize(xlsx[0].len(), String::new());
        }
        assert_eq!(sheet, cells(&csv.body));
        let at = |title: &str| xlsx[0].iter().position(|t| t == title).unwrap();
        for (row, exported) in rows.iter().zip(&xlsx[1..]) {
            for title in ["时间", "事项", "产品名称", "已核销余额", "HS已核销余额", "待确认余额", "办理"]
            {
                assert!(row.contains(exported[at(title)].as_str()), "{title} {}: {row}", exported[at(title)]);
            }
        }
        assert_eq!(xlsx[5][at("已核销变动")], "+10");
        assert_eq!(xlsx[5][at("已核销余额")], "70");
        yard.user.get(&format!("/certificates/{c}/ledger/export?format=doc")).await.is(400);
    }
}

/// R-2.8-17, -18: what officers of 核销岗 meet, of the port's bureau and of another one.
#[tokio::test]
async fn officers_of_every_bureau_meet_what_is_theirs() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10")]).await;
        declare(&site, &yard.user, c, &[(0, "1", "1")]).await.is(200);
        draw_down(&site, &yard.here, c, &[(0, "1", "1")]).await.is(200);
        let line = lines_of(&site, c).await[0];
        let batch = site.number("SELECT MAX(id) FROM pre_write_off").await;
        let entry = site.number("SELECT MAX(id) FROM ledger_entry").await;
        let key = "0123456789abcdef0123456789abcdef";
        for (method, path, here, elsewhere) in [
            (Method::GET, "/write-off/worklist".to_owned(), 200, 200),
            (Method::GET, "/write-off/search".to_owned(), 200, 200),
            (Method::GET, format!("/certificates/{c}/pre-write-offs"), 200, 200),
            (Method::GET, format!("/certificates/{c}/write-offs"), 200, 200),
            (Method::GET, format!("/certificates/{c}/lines/{line}"), 200, 200),
            (Method::GET, format!("/certificates/{c}/ledger"), 200, 200),
            (Method::GET, format!("/certificates/{c}/ledger/export?format=csv"), 200, 200),
            (Method::GET, format!("/certificates/{c}/draw-down"), 200, 200),
            (Method::POST, format!("/certificates/{c}/draw-down"), 422, 422),
            (Method::GET, format!("/certificates/{c}/ledger/{entry}/reversal"), 200, 403),
            (Method::POST, format!("/certificates/{c}/ledger/{entry}/reversal"), 422, 403),
            (Method::GET, format!("/pre-write-offs/{batch}/decision"), 200, 404),
            (Method::POST, format!("/pre-write-offs/{batch}/decision"), 422, 404),
            (Method::GET, format!("/certificates/{c}/pre-write-offs/new"), 403, 403),
            (Method::POST, format!("/certificates/{c}/pre-write-offs"), 403, 403),
            (Method::POST, format!("/certificates/{c}/pre-write-offs/withdrawal"), 403, 403),
            (Method::GET, format!("/certificates/{c}"), 404, 404),
        ] {
            let fields = [("deed_key", key), ("decision", "confirm")];
            let mine = yard.here.force(&method, &path, &fields).await.status.as_u16();
            let his = yard.elsewhere.force(&method, &path, &fields).await.status.as_u16();
            // The certificate's own page belongs to its route, and 上海局 is on it.
            let here = if path == format!("/certificates/{c}") { 200 } else { here };
            assert_eq!((mine, his), (here, elsewhere), "{method} {path}");
        }
    }
}

/// Widens a certificate of one product to many, as an application of two thousand products would have made it.
pub async fn widen(site: &Site, certificate: i64, lines: usize) {
    #[derive(db::Row)]
    struct Text {
        sheet: String,
    }
    let sql = "SELECT sheet FROM certificate_version WHERE certificate_id = $1";
    let found: Option<Text> = site.app.db.read().row(sql, db::params![certificate]).await.unwrap();
    let mut sheet: serde_json::Value = serde_json::from_str(&found.unwrap().sheet).unwrap();
    let first = sheet["items"][0].clone();
    let all = sheet["items"].as_array_mut().unwrap();
    for n in 2..=lines {
        let mut item = first.clone();
        item["ordinal"] = n.into();
        item["product_name"] = format!("样机{n}").into();
        item["model"] = format!("型号-{n}").into();
        all.push(item);
    }
    let sheet = sheet.to_string().replace('\'', "''");
    let columns = "certificate_id, ordinal, required, hs_required";
    for sql in [
        format!("UPDATE certificate_version SET sheet = '{sheet}' WHERE certificate_id = {certificate}"),
        format!(
            "INSERT INTO certificate_item ({columns}) WITH RECURSIVE n (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n \
             WHERE n < {lines}) SELECT {certificate}, n.n, i.required, i.hs_required FROM n, certificate_item i \
             WHERE i.certificate_id = {certificate} AND i.ordinal = 1"
        ),
        format!("UPDATE certificate SET lines = {lines}, open_lines = {lines} WHERE id = {certificate}"),
    ] {
        db::testing::try_sql(&site.app.db, &sql).await.unwrap();
    }
}

/// R-2.8-02, -08: two thousand products: what is typed on one page travels through pages and searches, a mistake on a page
/// that is not shown is shown, and all of it is declared and confirmed by one deed each.
#[tokio::test]
async fn r_2_8_02_nothing_typed_is_lost_among_two_thousand_products() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10")]).await;
        widen(&site, c, 2000).await;
        let lines = lines_of(&site, c).await;
        let turn = |page: &Page, fields: &[(&str, &str)]| {
            let mut form = page.form("提交").fill(fields);
            form.action = format!("/certificates/{c}/pre-write-offs?refresh=list");
            form
        };
        let page = yard.user.get(&format!("/certificates/{c}/pre-write-offs/new")).await.is(200).sees("第 1 / 40 页");
        let qty = |n: usize| format!("qty_{}", lines[n]);
        let hs_qty = |n: usize| format!("hs_qty_{}", lines[n]);
        let page =
            yard.user.send_once(&turn(&page, &[(&qty(0), "1"), (&hs_qty(0), "1"), ("page", "40")])).await.is(200);
        let page = page.sees("样机2000").sees("第 40 / 40 页").sees("已填写 1 个").sees_no("样机1 （新窗口）");
        let typed = [(qty(1999), "11"), (hs_qty(1999), "10")];
        let fields =
            [(typed[0].0.as_str(), "11"), (typed[1].0.as_str(), "10"), ("product_name", "样机100"), ("find", "1")];
        let page = yard.user.send_once(&turn(&page, &fields)).await.is(200).sees("样机1000").sees("已填写 2 个");
        assert_eq!(page.texts("tbody tr").len(), 11, "样机100, and 样机1000 to 1009");
        // The mistake stands on a page that is not shown.
        let wrong =
            yard.user.send(&page.form("提交").fill(&YANGSHAN)).await.is(422).sees("需要核对的产品：共 1 个产品");
        assert_eq!(wrong.error(&qty(1999)), "超出可预核销数量 10");
        assert_eq!(wrong.value(&qty(0)), "1");
        let fixed = wrong.form("提交").set(&qty(1999), "10");
        yard.user.send(&fixed).await.is(200).sees("已提交 2 个产品");

        // All of the others at once.
        let page = yard.user.get(&format!("/certificates/{c}/pre-write-offs/new")).await;
        let mut form = page.form("提交").fill(&YANGSHAN);
        for n in 1..1999 {
            form.fields.push((qty(n), "2".to_owned()));
            form.fields.push((hs_qty(n), "2".to_owned()));
        }
        form.fields.retain({
            let mut seen = std::collections::BTreeSet::new();
            move |(k, v)| {
                !(k.starts_with("qty_") || k.starts_with("hs_qty_")) || (!v.is_empty() && seen.insert(k.clone()))
            }
        });
        yard.user.send(&form).await.is(200).sees("已提交 1998 个产品");
        let page = case(&site, &yard.here).await.is(200).sees("待确认 1998 项").sees("已勾选 1998 项");
        yard.here.send(&page.form("确认核销")).await.is(200).sees("已确认核销 1998 个产品");
        assert_eq!(site.number("SELECT written_lines FROM certificate").await, 1998);
        assert_eq!(site.number("SELECT COUNT(*) FROM ledger_entry").await, 2 + 2 * 1998);
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// The number of statements of a page and of a deed does not grow with the products.
#[tokio::test]
async fn the_pages_of_the_ledger_send_a_fixed_number_of_statements() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let mut counts: Vec<Vec<u64>> = Vec::new();
        for lines in [1, 40] {
            let c = yard.certificate(&site, &[("10", "10")]).await;
            if lines > 1 {
                widen(&site, c, lines).await;
            }
            let rows: Vec<_> = (0..lines).map(|n| (n, "4", "4")).collect();
            let form = filled(&site, &yard.user, c, &rows).await;
            let mut own = vec![yard.user.send_once(&form).await.is(303).statements];
            let page = case(&site, &yard.here).await.is(200);
            own.push(page.statements);
            own.push(yard.here.send_once(&page.form("确认核销")).await.is(303).statements);
            let direct = drawn(&site, &yard.here, c, &rows).await;
            own.push(yard.here.send_once(&direct).await.is(303).statements);
            for path in ["pre-write-offs/new", "pre-write-offs", "write-offs", "ledger?size=50"] {
                own.push(yard.user.get(&format!("/certificates/{c}/{path}")).await.is(200).statements);
            }
            for path in ["/write-off/worklist".to_owned(), "/write-off/search?holder=示例".to_owned()] {
                own.push(yard.here.get(&path).await.is(200).statements);
            }
            own.push(yard.here.get(&format!("/certificates/{c}/draw-down")).await.is(200).statements);
            counts.push(own);
        }
        assert_eq!(counts[0], counts[1]);
        let most = [22, 10, 24, 24, 7, 8, 7, 8, 6, 8, 7];
        let within = counts[0].iter().zip(most).all(|(n, most)| *n <= most);
        assert!(within, "{:?}, at most {most:?}", counts[0]);
    }
}

/// R-2.8-07: a port that is closed is not offered, and not taken from an older page.
#[tokio::test]
async fn r_2_8_07_closed_ports_are_not_offered() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10")]).await;
        let declared = filled(&site, &yard.user, c, &[(0, "1", "1")]).await;
        let direct = drawn(&site, &yard.here, c, &[(0, "1", "1")]).await.fill(&YANGSHAN);
        let keeper = site.cnca("keeper", &[Post::ReferenceAdmin]).await;
        let port = keeper.get("/reference/ports/2202").await.is(200);
        keeper.send(&port.form("保存").set("valid_to", "2026-11-22")).await.is(200);
        for (who, form, button, path) in [
            (&yard.user, declared, "提交", format!("/certificates/{c}/pre-write-offs?refresh=port_code")),
            (&yard.here, direct, "核销", format!("/certificates/{c}/draw-down?refresh=port_code")),
        ] {
            let mut cascade = form.clone();
            cascade.action = path;
            let page = who.send_once(&cascade).await.is(200);
            let offered = page.texts("select[name=port_code_2] option").join(" ");
            assert!(!offered.contains("2202") && offered.contains("2201"), "{offered}");
            let page = who.send(&form).await.is(422);
            assert_eq!(page.error("port_code"), "该口岸已停用，请另选进出口口岸");
            who.send(&page.form(button).set("port_code_2", "2201")).await.is(200);
        }
        assert_eq!(stands(&site, c, 0).await, ["10", "1", "1", "10", "1", "1"]);
    }
}

/// R-2.8-17, R-B-08: a photograph of the QR code leads to the certificate as scanning it does; what is none says so.
#[tokio::test]
async fn r_2_8_17_a_photograph_of_the_qr_code_leads_to_the_certificate() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10")]).await;
        site.work().await;
        let number = yard.user.get(&format!("/certificates/{c}")).await.is(200).texts("h1 .code").remove(0);
        let paper = yard.user.get(&format!("/certificates/{c}/document")).await.is(200).html();
        let from = paper.find("/V/").unwrap() + 3;
        let statement = paper[from..].split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned();
        let officer = &yard.elsewhere;
        let page = officer.get("/write-off/search").await.is(200);
        assert_eq!(page.attribute("#f-file", "capture").as_deref(), Some("environment"));
        let show = async |name: &str, file: Vec<u8>| {
            let token = officer.token().await;
            let page = officer.multipart("/write-off/search/photo", &[("csrf", &token)], &[(name, file)]).await;
            match page.headers.get("location") {
                Some(next) => officer.get(next.to_str().unwrap()).await,
                None => page,
            }
        };
        let picture = |text: &str| crate::verification::photograph(text);
        let address = format!("HTTP://127.0.0.1:8080/V/{statement}");
        let page = show("照片.png", picture(&address)).await.is(200).sees("按二维码查询证明").sees(&number);
        assert_eq!(page.link("直接核销"), format!("/certificates/{c}/draw-down"));
        assert_eq!(page.value("number"), number, "what the code says, not its letters");
        let mut forged = statement.clone();
        let middle = forged.len() / 2;
        let other = if forged.as_bytes()[middle] == b'A' { "B" } else { "A" };
        forged.replace_range(middle..=middle, other);
        let page = show("假.png", picture(&format!("HTTP://127.0.0.1:8080/V/{forged}"))).await;
        assert!(page.texts("tbody tr").is_empty(), "{}", page.text());
        let page = page.sees("证明不可信");
        assert!(!page.text().contains(&number));
        for (name, file, why) in [
            ("别的.png", picture("HTTPS://ELSEWHERE.EXAMPLE/"), "不是免办证明的二维码"),
            ("坏.jpg", vec![0xff, 0xd8, 0xff, 0xe0], "没有识别到二维码"),
            ("文件.pdf", story::pdf(), "不是照片"),
            ("空.png", Vec::new(), "空的"),
            ("", Vec::new(), "请先拍摄或选择"),
        ] {
            let page = show(name, file).await.is(422);
            assert!(page.error("file").contains(why), "{name}: {}", page.error("file"));
        }
        // The code of a version that was replaced says so.
        for sql in [
            format!(
                "INSERT INTO certificate_version (certificate_id, version, sheet, created_at) \
                 SELECT certificate_id, 2, sheet, created_at FROM certificate_version WHERE certificate_id = {c}"
            ),
            format!("UPDATE certificate SET version = 2 WHERE id = {c}"),
        ] {
            db::testing::try_sql(&site.app.db, &sql).await.unwrap();
        }
        officer.get(&format!("/write-off/search?number={statement}")).await.is(200).sees("已由第 2 版替代");
        yard.user.get("/write-off/search").await.is(403);
    }
}

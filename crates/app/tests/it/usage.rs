//! 填写产品使用记录 (manual §2.9): the product list, the three forms, 查看记录.

use axum::http::{Method, StatusCode, header};
use db::audit::By;
use db::ledger::{Deed, Place, draw_down};
use domain::ids::{BureauCode, CertificateId, CertificateItemId, PortCode};
use domain::ledger::Amounts;

use crate::story::{self, AIR_CONDITIONER, Bureau, add_product};
use crate::support::{Browser, Form, Page, SHANGHAI, Site, cells};
use crate::write_off::certificate_of;

/// A certificate of which goods are in the country.
pub struct Cleared {
    /// Its application, as addresses name it.
    pub id: String,
    /// The certificate.
    pub certificate: i64,
}

/// An issued certificate with products of these 数量, all of them written off.
pub async fn cleared(site: &Site, user: &Browser, bureau: &Bureau, quantities: &[&str]) -> Cleared {
    let amounts: Vec<_> = quantities.iter().map(|q| (*q, *q)).collect();
    let certificate = certificate_of(site, user, bureau, &amounts).await;
    let id = site.number(&format!("SELECT application_id FROM certificate WHERE id = {certificate}")).await;
    for (ordinal, qty) in (1..).zip(quantities) {
        write_off(site, certificate, ordinal, qty).await;
    }
    Cleared { id: id.to_string(), certificate }
}

/// The line at this place of a certificate.
pub async fn line(site: &Site, certificate: i64, ordinal: i64) -> CertificateItemId {
    let sql = format!("SELECT id FROM certificate_item WHERE certificate_id = {certificate} AND ordinal = {ordinal}");
    CertificateItemId::new(site.number(&sql).await)
}

/// 直接核销 of so much of a line.
pub async fn write_off(site: &Site, certificate: i64, ordinal: i64, qty: &str) {
    let item = line(site, certificate, ordinal).await;
    let amounts = Amounts { qty: qty.parse().unwrap(), hs_qty: qty.parse().unwrap() };
    let (port, bureau, by) = (PortCode::new("2201"), BureauCode::new(SHANGHAI), By::system());
    let place = Place { port: &port, bureau: &bureau, customs_no: "" };
    let key = kit::random::token();
    let tx = site.app.db.begin().await.unwrap();
    let deed = Deed { key: &key, by: &by, now: site.app.now() };
    draw_down(&tx, CertificateId::new(certificate), place, &[(item, amounts)], "货物已通关", deed).await.unwrap();
    tx.commit().await.unwrap();
}

/// The form of a kind for these products.
pub async fn open(user: &Browser, id: &str, kind: &str, lines: &[i64]) -> Page {
    let lines: Vec<_> = lines.iter().map(|n| format!("&line={n}")).collect();
    user.get(&format!("/applications/{id}/usage-records/new?kind={kind}{}", lines.concat())).await
}

/// What the red stars ask for.
pub const fn complete(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind.as_bytes() {
        b"use" => &[("used_on", "2026-11-20"), ("note", "能效对比测试")],
        b"return" => &[
            ("returned_on", "2026-11-20"),
            ("port_code_1", "2200"),
            ("port_code_2", "2201"),
            ("export_decl_no", "223320260000123456"),
            ("reason", "测试结束，退运出境"),
        ],
        _ => &[("destroyed_on", "2026-11-20"), ("place", "示例销毁场"), ("method", "拆解")],
    }
}

/// 提交 of a complete record over these quantities; says the id of the record.
pub async fn submitted(site: &Site, user: &Browser, id: &str, kind: &str, quantities: &[(i64, &str)]) -> i64 {
    let lines: Vec<_> = quantities.iter().map(|(n, _)| *n).collect();
    let page = open(user, id, kind, &lines).await.is(200);
    let mut form = page.form("提交").fill(complete(kind));
    for (n, qty) in quantities {
        form = form.set(&format!("qty_{n}"), qty);
    }
    user.send(&form).await.is(200).sees("送后续监管审核").sees("已提交");
    site.number("SELECT MAX(id) FROM usage_record").await
}

/// Presses a button that sends files beside the form.
pub async fn send_files(user: &Browser, page: &Page, button: &str, files: &[(&str, Vec<u8>)]) -> Page {
    let form = page.form(button);
    multipart(user, &form, files).await
}

async fn multipart(user: &Browser, form: &Form, files: &[(&str, Vec<u8>)]) -> Page {
    let fields: Vec<_> = form.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    user.multipart(&form.action, &fields, files).await
}

async fn accounted(site: &Site, certificate: i64) -> i64 {
    let sql =
        format!("SELECT CAST(SUM(accounted) AS BIGINT) FROM certificate_item WHERE certificate_id = {certificate}");
    site.number(&sql).await / 100_000
}

/// R-2.9-01, R-2.2-20: nothing before write-off; once something is written off the link is there, and leads to the three
/// kinds.
#[tokio::test]
async fn r_2_9_01_usage_is_filled_in_once_goods_are_written_off() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let certificate = certificate_of(&site, &user, &bureau, &[("10", "10")]).await;
        let id = site.number(&format!("SELECT application_id FROM certificate WHERE id = {certificate}")).await;
        let list = user.get("/applications").await.is(200);
        assert!(list.texts(".acts-cell a").iter().all(|l| l != "填写产品使用记录"));
        user.get(&format!("/applications/{id}/goods")).await.is(409).sees("产品还没有核销");
        user.get(&format!("/applications/{id}/usage-records")).await.is(409).sees("产品还没有核销");
        user.get(&format!("/applications/{id}/usage-records/new?kind=use&line=1")).await.is(409);

        write_off(&site, certificate, 1, "4").await;
        let list = user.get("/applications").await.is(200);
        let own = list.texts(".acts-cell a");
        assert!(own.iter().any(|l| l == "填写产品使用记录"), "{own:?}");
        let link = format!("/applications/{id}/goods");
        assert!(list.hrefs("tbody .acts-cell a").contains(&link));
        let page = user.get(&link).await.is(200);
        for kind in ["填写使用单位", "填写退运记录", "填写销毁记录"] {
            let form = page.form(kind).set("line", "1");
            user.get(&format!("{}?{}", form.action, form.body())).await.is(200).sees(kind).sees("剩余数量");
        }
    }
}

/// R-2.9-02, -03: the products with all that is known of their quantities; the links and buttons of the manual.
#[tokio::test]
async fn r_2_9_02_the_list_shows_the_products_and_r_2_9_03_its_buttons() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10", "8"]).await;
        submitted(&site, &user, &c.id, "use", &[(1, "3")]).await;
        submitted(&site, &user, &c.id, "return", &[(1, "2")]).await;
        submitted(&site, &user, &c.id, "destruction", &[(1, "1"), (2, "8")]).await;
        let page = user.get(&format!("/applications/{}/goods", c.id)).await.is(200);
        let rows = page.texts("tbody tr:first-child td");
        assert_eq!(rows[3..9], ["10 台", "10 台", "3", "2", "1", "4 台"], "{rows:?}");
        let boxes = page.texts("tbody tr input[name=line]");
        assert_eq!(boxes.len(), 1, "nothing is left of the second product");
        let number = page.texts("dl a.code").remove(0);
        assert_eq!(page.link(&number), format!("/applications/{}", c.id));
        assert_eq!(page.link("查看记录"), format!("/applications/{}/usage-records", c.id));
        assert_eq!(page.attribute("main > p:first-of-type a.record-link", "href").unwrap(), page.link("查看记录"));
        assert_eq!(page.link("返回"), "/applications");
        for button in ["填写使用单位", "填写退运记录", "填写销毁记录"] {
            assert!(page.offers().iter().any(|o| o == button), "{button}");
        }
        let found = user.get(&format!("/applications/{}/goods?product=样机2", c.id)).await.is(200);
        assert_eq!(found.texts("tbody tr").len(), 1);
        user.get(&format!("/applications/{}/goods?product=没有", c.id)).await.is(200).sees("没有符合条件的产品");
    }
}

/// R-2.9-04: a product is chosen first; one of which nothing is left is none.
#[tokio::test]
async fn r_2_9_04_a_product_is_selected_first() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10", "8"]).await;
        open(&user, &c.id, "use", &[]).await.is(422).sees("请先选择产品，再点击“填写使用单位”");
        open(&user, &c.id, "return", &[99]).await.is(422).sees("请先选择产品，再点击“填写退运记录”");
        submitted(&site, &user, &c.id, "use", &[(2, "8")]).await;
        let page = open(&user, &c.id, "destruction", &[1, 2]).await.is(422).sees("下列产品没有剩余数量").sees("样机2");
        assert_eq!(page.attribute("input[name=line][checked]", "value").as_deref(), Some("1"), "the choice is kept");
        user.get(&format!("/applications/{}/usage-records/new?kind=x&line=1", c.id)).await.is(400);
    }
}

/// R-2.9.1-01, -02, -11: 使用单位, 联系人, 联系电话 of the application, 使用单位地址 of the first chosen product.
#[tokio::test]
async fn r_2_9_1_01_the_form_begins_with_what_is_known() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::open_draft(&user).await;
        story::fill_basics(&user, &id, &[]).await.is(200);
        for (name, address) in [("样机1", "示例科技园 3 号楼 2 层"), ("样机2", "样例路 8 号实验室")]
        {
            let fields = [
                ("product_name", name),
                ("use_address", address),
                ("qty", "5"),
                ("hs_qty", "5"),
                ("total_price", "501"),
            ];
            add_product(&user, &id, AIR_CONDITIONER, &fields).await.is(200);
        }
        story::attach(&site, &user, &id, "1").await;
        let number = story::submit(&user, &id).await;
        bureau.bring_to(&id, domain::actor::Post::Terminate).await;
        let certificate = site.number(&format!("SELECT id FROM certificate WHERE application_id = {id}")).await;
        write_off(&site, certificate, 1, "5").await;
        write_off(&site, certificate, 2, "5").await;

        let page = open(&user, &id, "use", &[2]).await.is(200).sees("填写使用单位").sees("样机2").sees("5 台");
        assert_eq!(page.value("use_unit_name"), "示例电器(上海)有限公司");
        assert_eq!((page.value("use_contact"), page.value("use_phone")), ("张示例".into(), "021-00000000".into()));
        assert_eq!(page.value("use_address"), "样例路 8 号实验室");
        assert_eq!(page.link(&number), format!("/applications/{id}"), "R-2.9.1-11");
        let page = open(&user, &id, "use", &[1, 2]).await.is(200);
        assert_eq!(page.value("use_address"), "示例科技园 3 号楼 2 层", "that of the first");
    }
}

/// R-2.9.1-03, -04: the copy button and the clear button, without script too; everything else stays as typed.
#[tokio::test]
async fn r_2_9_1_03_copy_and_r_2_9_1_04_clear_change_the_block_alone() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let page = open(&user, &c.id, "use", &[1]).await.is(200);
        let typed = [("use_address", "别处"), ("qty_1", "7"), ("serials_1", "SN-1；SN-2"), ("used_on", "2026-11-01")];
        let page = user.send(&page.form("复制申请单最终使用地").fill(&typed)).await.is(200);
        assert!(
            page.value("use_address").ends_with("浦东新区 示例科技园 3 号楼 2 层"),
            "{}",
            page.value("use_address")
        );
        assert_eq!((page.value("qty_1"), page.value("used_on")), ("7".into(), "2026-11-01".into()));
        assert!(page.faulty_fields().is_empty());
        let page = user.send(&page.form("清空使用单位信息")).await.is(200);
        for field in ["use_unit_name", "use_contact", "use_phone", "use_address", "used_on", "note"] {
            assert_eq!(page.value(field), "", "{field}");
        }
        assert_eq!((page.value("qty_1"), page.value("serials_1")), ("7".into(), "SN-1；SN-2".into()));
        assert_eq!(site.number("SELECT COUNT(*) FROM usage_record").await, 0);
    }
}

/// R-2.9.1-05, R-2.9.2-02, R-2.9.3-02: a positive integer within 剩余数量, by 保存 and by 提交; the sentence says how many.
#[tokio::test]
async fn r_2_9_1_05_a_quantity_is_a_positive_integer_within_what_is_left() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["12.5"]).await;
        for kind in ["use", "return", "destruction"] {
            let page = open(&user, &c.id, kind, &[1]).await.is(200).sees("正整数，不超过 12 台");
            for (typed, said) in [
                ("0", "必须大于 0"),
                ("-3", "不能为负数"),
                ("1.5", "不能有小数"),
                ("13", "不能超过剩余数量，最多 12 台"),
                ("十", "请填写正整数"),
            ] {
                for button in ["保存", "提交"] {
                    let form = page.form(button).fill(complete(kind)).set("qty_1", typed);
                    let again = user.send(&form).await.is(422);
                    assert_eq!(again.faulty_fields(), ["qty_1"], "{kind} {typed}");
                    assert!(again.error("qty_1").contains(said), "{typed}: {}", again.error("qty_1"));
                    assert_eq!(again.value("qty_1"), typed, "what was typed stays");
                }
            }
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM usage_record").await, 0);
        submitted(&site, &user, &c.id, "use", &[(1, "12")]).await;
        assert_eq!(accounted(&site, c.certificate).await, 12);
        user.get(&format!("/applications/{}/goods", c.id)).await.sees("0.5 台").sees("尾差由后续监管说明");
        open(&user, &c.id, "use", &[1]).await.is(422).sees("没有剩余数量");
    }
}

/// R-2.9.1-06, R-2.9.2-03, R-2.9.3-03: the red stars at 提交; several files are added, deleted and overwritten, and what
/// was typed stays; a file that is too large does not stop the others.
#[tokio::test]
async fn r_2_9_1_06_red_stars_and_files() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        for (kind, stars) in [
            ("use", vec!["qty_1", "use_unit_name", "use_contact", "use_phone", "use_address", "used_on"]),
            ("return", vec!["qty_1", "returned_on", "port_code", "export_decl_no", "reason"]),
            ("destruction", vec!["qty_1", "destroyed_on", "place", "method"]),
        ] {
            let page = open(&user, &c.id, kind, &[1]).await.is(200);
            let page = if kind == "use" { user.send(&page.form("清空使用单位信息")).await } else { page };
            let again = user.send(&page.form("提交")).await.is(422).sees("没有保存");
            assert_eq!(again.faulty_fields(), stars, "{kind}");

            // 添加: two at once, one more that is empty.
            let pdf = story::pdf();
            let files = [("一.pdf", pdf.clone()), ("二.pdf", pdf.clone()), ("空.pdf", Vec::new())];
            let form = page.form("添加").set("qty_1", "6");
            let page = multipart(&user, &form, &files).await.is(422).sees("“空.pdf”：文件是空的");
            assert_eq!(page.texts(".files .nm a:first-of-type"), ["一.pdf", "二.pdf"], "{kind}");
            assert_eq!(page.value("qty_1"), "6", "what was typed stays");
            // 覆盖 and 删除.
            let over = page.form_of("以所选文件覆盖 一.pdf");
            multipart(&user, &over, &[]).await.is(422).sees("没有选择文件");
            let page = multipart(&user, &over, &[("三.pdf", pdf.clone())]).await.is(200);
            assert_eq!(page.texts(".files .nm a:first-of-type"), ["二.pdf", "三.pdf"]);
            let page = user.send(&page.form_of("删除 二.pdf")).await.is(200);
            assert_eq!(page.texts(".files .nm a:first-of-type"), ["三.pdf"]);
            user.send(&page.form("提交").fill(complete(kind)).fill(&[
                ("qty_1", "1"),
                ("use_unit_name", "示例检测"),
                ("use_contact", "乙"),
                ("use_phone", "021-00000001"),
                ("use_address", "检测路 8 号"),
            ]))
            .await
            .is(200)
            .sees("三.pdf")
            .sees("送后续监管审核");
        }
        // What no form was saved with goes after a day, in the store too.
        assert_eq!(site.number("SELECT COUNT(*) FROM usage_file").await, 9);
        site.clock.pass_hours(25);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM usage_file").await, 3);
        site.clock.pass_hours(2);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM orphaned_object").await, 0);
    }
}

/// D9: 5 MiB is taken, a byte more is not, and the page without script says so; with script the row says so.
#[tokio::test]
async fn d9_a_file_of_five_megabytes_is_taken() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let page = open(&user, &c.id, "use", &[1]).await.is(200);
        let files = [("刚好.bin", vec![1; 5 * 1024 * 1024]), ("超出.bin", vec![1; 5 * 1024 * 1024 + 1])];
        let page = send_files(&user, &page, "添加", &files).await.is(422).sees("“超出.bin”：文件过大");
        assert_eq!(page.texts(".files .nm a:first-of-type"), ["刚好.bin"]);
        // By script each file comes alone, and its row goes back.
        let token = user.token().await;
        let path = format!("/applications/{}/usage-records?refresh=files", c.id);
        let boundary = "----b";
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"甲.txt\"\r\n\r\nabc\r\n--{boundary}--\r\n"
        );
        let request = axum::http::Request::post(&path)
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
            .header("x-csrf-token", token)
            .header("hx-request", "true");
        let row = user.once(request, axum::body::Body::from(body), &path).await.is(200);
        assert!(row.html().starts_with("<li><input type=\"hidden\" name=\"attached\""), "{}", row.html());
        // A waiting file is its user's alone.
        let file = site.number("SELECT MAX(id) FROM usage_file").await;
        user.get(&format!("/usage-files/{file}")).await.is(200);
        bureau.accept.get(&format!("/usage-files/{file}")).await.is(404);
        db::testing::set_sharing(&site.app.db, "802100433", true).await;
        let colleague = site.enterprise("colleague", "802100433").await;
        db::testing::confirm(&site.app.db, "colleague").await;
        colleague.get(&format!("/usage-files/{file}")).await.is(404);
        // And no other certificate's record takes it.
        let other = cleared(&site, &user, &bureau, &["10"]).await;
        let page = open(&user, &other.id, "use", &[1]).await.is(200);
        let form = page.form("保存").tick("attached", &file.to_string());
        let page = user.send(&form).await.is(422).sees("没有保存：有 1 个附件");
        user.send(&page.form("保存")).await.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM usage_file WHERE record_id IS NOT NULL").await, 0);
    }
}

/// R-2.9.1-07, R-2.9.2-04, R-2.9.3-04: 返回 leads to the product list and saves nothing.
#[tokio::test]
async fn r_2_9_1_07_return_leaves_without_saving() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        for kind in ["use", "return", "destruction"] {
            let page = open(&user, &c.id, kind, &[1]).await.is(200);
            assert_eq!(page.link("返回"), format!("/applications/{}/goods", c.id));
            user.get(&page.link("返回")).await.is(200).sees("选择产品");
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM usage_record").await, 0);
    }
}

/// R-2.9.1-08, R-2.9.2-04, R-2.9.3-04, D2: 保存 keeps what is there, sends nothing and reserves nothing.
#[tokio::test]
async fn r_2_9_1_08_saving_keeps_what_is_filled_in_and_d2_reserves_nothing() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let supervisor = site.officer("sh_watch", SHANGHAI, &[domain::actor::Post::Supervise]).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        for kind in ["use", "return", "destruction"] {
            let page = open(&user, &c.id, kind, &[1]).await.is(200);
            let field = if kind == "return" {
                "reason"
            } else if kind == "use" {
                "note"
            } else {
                "place"
            };
            let saved = user.send(&page.form("保存").set(field, "写了一半")).await.is(200).sees("尚未提交审核");
            let saved = saved.sees("未提交");
            let page = user.get(&saved.hrefs(".acts-cell a")[0]).await.is(200);
            assert_eq!((page.value(field), page.value("qty_1")), ("写了一半".into(), String::new()));
            let page = user.send(&page.form("修改").set("qty_1", "10")).await.is(200);
            assert_eq!(page.texts("tbody tr").len(), 1);
        }
        assert_eq!(accounted(&site, c.certificate).await, 0, "drafts reserve nothing");
        supervisor.get("/supervision").await.is(200).sees("没有待审核的记录");
        // D2: a submitted one reserves; the other drafts then say more than there is.
        let list = user.get(&format!("/applications/{}/usage-records", c.id)).await;
        let page = user.get(&list.hrefs(".acts-cell a")[0]).await;
        user.send(&page.form("提交").fill(complete("use"))).await.is(200);
        assert_eq!(accounted(&site, c.certificate).await, 10);
        let list = user.get(&format!("/applications/{}/usage-records?kind=return", c.id)).await;
        let page = user.get(&list.hrefs(".acts-cell a")[0]).await.is(200);
        let again = user.send(&page.form("提交").fill(complete("return"))).await.is(422);
        assert!(again.error("qty_1").contains("不能超过剩余数量，最多 0 台"), "{}", again.error("qty_1"));
        assert_eq!(accounted(&site, c.certificate).await, 10);
    }
}

/// R-2.9.1-09, -10, R-2.9.2-01, -05, R-2.9.3-01, -05, D15: 提交 judges everything and sends one record over several
/// products to 后续监管; it stands in 查看记录; a double click makes one.
#[tokio::test]
async fn d15_several_products_make_one_record() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let supervisor = site.officer("sh_watch", SHANGHAI, &[domain::actor::Post::Supervise]).await;
        let c = cleared(&site, &user, &bureau, &["10", "20"]).await;
        for (n, (kind, title)) in
            (1..).zip([("use", "填写使用单位"), ("return", "填写退运记录"), ("destruction", "填写销毁记录")])
        {
            let page = open(&user, &c.id, kind, &[1, 2]).await.is(200).sees(title);
            let number = page.texts("dl a.code").remove(0);
            assert_eq!(page.link(&number), format!("/applications/{}", c.id));
            let form = page.form("提交").fill(complete(kind));
            let form =
                form.fill(&[("qty_1", "2"), ("qty_2", "3"), ("serials_2", "SN-2"), ("use_phone", "021-00000001")]);
            let again = user.send(&form.clone().set("qty_2", "")).await.is(422);
            assert_eq!(again.faulty_fields(), ["qty_2"]);
            let (one, two) = tokio::join!(user.send(&form), user.send(&form));
            one.is(200).sees("样机1").sees("样机2").sees("2 台").sees("3 台").sees("已提交");
            two.is(200);
            assert_eq!(site.number("SELECT COUNT(*) FROM usage_record").await, n);
            assert_eq!(accounted(&site, c.certificate).await, 5 * n);
        }
        let list = supervisor.get("/supervision").await.is(200);
        assert_eq!(list.texts("tbody tr").len(), 3);
        // Every product of every record is an entry of the ledger.
        let sql = "SELECT COUNT(*) FROM ledger_entry WHERE kind IN ('use', 'return', 'destroy') AND accounted > 0";
        assert_eq!(site.number(sql).await, 6);
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// R-2.9.4-01, -02: three tabs, 使用记录 first; what an empty one says; 返回.
#[tokio::test]
async fn r_2_9_4_01_three_tabs_and_r_2_9_4_02_what_an_empty_one_says() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let base = format!("/applications/{}/usage-records", c.id);
        let page = user.get(&base).await.is(200).sees("没有产品使用记录");
        let tabs = page.texts(".nav-tabs a");
        assert_eq!(tabs, ["查看使用记录 0 条", "查看退运记录 0 条", "查看销毁记录 0 条"]);
        assert_eq!(page.texts(".nav-tabs a[aria-current]"), ["查看使用记录 0 条"]);
        assert_eq!(page.link("返回"), format!("/applications/{}/goods", c.id));
        user.get(&format!("{base}?kind=return")).await.is(200).sees("没有产品退运记录");
        user.get(&format!("{base}?kind=destruction")).await.is(200).sees("没有产品销毁记录");
        submitted(&site, &user, &c.id, "return", &[(1, "1")]).await;
        let page = user.get(&base).await.is(200).sees("没有产品使用记录");
        assert_eq!(page.texts(".nav-tabs a")[1], "查看退运记录 1 条");
        user.get(&page.hrefs(".nav-tabs a")[1]).await.is(200).sees("浦江海关").sees("已提交");
    }
}

/// R-2.9.4-03, -05, -06, D14: the result and the opinion of 后续监管 in the status column; only 未提交 and 审核未通过 offer
/// 修改 and 提交; what was rejected is free again, is changed, and goes for another judgement.
#[tokio::test]
async fn d14_a_rejected_record_is_changed_and_submitted_again() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let supervisor = site.officer("sh_watch", SHANGHAI, &[domain::actor::Post::Supervise]).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let base = format!("/applications/{}/usage-records", c.id);
        for (n, kind) in (1..).zip(["use", "return", "destruction"]) {
            let record = submitted(&site, &user, &c.id, kind, &[(1, "4")]).await;
            let list = user.get(&format!("{base}?kind={kind}")).await.is(200);
            assert_eq!(list.texts(".acts-cell a, .acts-cell button"), ["查看"], "submitted ones are read");
            user.get(&format!("/usage-records/{record}/edit")).await.at(&format!("/usage-records/{record}"));
            user.force(&Method::POST, &format!("/usage-records/{record}"), &[]).await.is(409);
            user.force(&Method::POST, &format!("/usage-records/{record}/submission"), &[]).await.is(409);
            user.force(&Method::POST, &format!("/usage-records/{record}/deletion"), &[]).await.is(409);

            let page = supervisor.get(&format!("/usage-records/{record}/review")).await.is(200);
            let form = page.form("提交意见").set("decision", "usage_reject");
            supervisor.send(&form.clone()).await.is(422).sees("请填写审核意见");
            supervisor.send(&form.set("opinion", "数量与台账不符，请核对。")).await.is(200).at("/supervision");
            assert_eq!(accounted(&site, c.certificate).await, n - 1, "D2: a rejected one releases");

            let list = user.get(&format!("{base}?kind={kind}")).await.is(200);
            let list = list.sees("审核未通过").sees("数量与台账不符，请核对。").sees("sh_watch 某");
            assert_eq!(list.texts(".acts-cell a, .acts-cell button"), ["修改", "提交"]);
            let page = user.get(&format!("/usage-records/{record}/edit")).await.is(200).sees("数量与台账不符");
            assert_eq!(page.link("返回"), format!("{base}?kind={kind}"), "返回 leads to 查看记录");
            let again = user.send(&page.form("修改").set("qty_1", "11")).await.is(422);
            assert!(again.error("qty_1").contains("最多"), "{}", again.error("qty_1"));
            user.send(&page.form("修改").set("qty_1", "1")).await.is(200).sees("审核未通过").sees("1 台");
            // 提交 in the list, without opening it.
            let list = user.get(&format!("{base}?kind={kind}")).await;
            user.send(&list.form("提交")).await.is(200).sees("送后续监管审核").sees("已提交");
            assert_eq!(accounted(&site, c.certificate).await, n);
            let page = supervisor.get(&format!("/usage-records/{record}/review")).await.is(200);
            let form = page.form("提交意见").fill(&[("decision", "usage_approve"), ("opinion", "情况属实。")]);
            supervisor.send(&form).await.is(200);
            let list = user.get(&format!("{base}?kind={kind}")).await.is(200);
            let list = list.sees("审核通过").sees("情况属实。");
            assert_eq!(list.texts(".acts-cell a, .acts-cell button"), ["查看"]);
            assert_eq!(accounted(&site, c.certificate).await, n, "approving changes no quantity");
        }
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// R-2.9.4-04: 申请号 shows the application, 附件名称 the file.
#[tokio::test]
async fn r_2_9_4_04_links_show_the_application_and_the_file() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let page = open(&user, &c.id, "use", &[1]).await.is(200);
        let files = [("确认函.pdf", story::pdf()), ("清单.txt", b"abc".to_vec())];
        let page = send_files(&user, &page, "添加", &files).await.is(200);
        let list = user.send(&page.form("保存")).await.is(200);
        let number = list.texts("dl a.code").remove(0);
        assert_eq!(list.link(&number), format!("/applications/{}", c.id));
        let pdf = user.get(&list.link("确认函.pdf （新窗口）")).await.is(200);
        assert_eq!(pdf.headers[header::CONTENT_TYPE], "application/pdf");
        assert_eq!(pdf.body, story::pdf());
        let text = user.get(&list.link("清单.txt")).await.is(200);
        assert!(text.headers[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
        let id = site.number("SELECT MAX(id) FROM usage_file").await;
        // Not a picture: it is downloaded.
        user.get(&format!("/usage-files/{id}/preview")).await.is(200).at(&format!("/usage-files/{id}"));
        user.get(&format!("/usage-records/{}", site.number("SELECT MAX(id) FROM usage_record").await))
            .await
            .is(200)
            .sees("确认函.pdf")
            .sees("示例电器(上海)有限公司");
    }
}

/// R-2.9.4-05: 提交 in the list judges like the form: what is missing is marked on the change page. 删除 of a draft.
#[tokio::test]
async fn r_2_9_4_05_a_draft_is_submitted_or_deleted_from_the_list() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let page = open(&user, &c.id, "destruction", &[1]).await.is(200);
        let page = send_files(&user, &page, "添加", &[("照片.pdf", story::pdf())]).await.is(200);
        let list = user.send(&page.form("保存").set("qty_1", "2")).await.is(200);
        assert_eq!(list.texts(".acts-cell a, .acts-cell button"), ["修改", "提交", "删除"]);
        let faults = user.send(&list.form("提交")).await.is(422).sees("修改销毁记录");
        assert_eq!(faults.faulty_fields(), ["destroyed_on", "place", "method"]);
        let list = user.send(&faults.form("提交").fill(complete("destruction"))).await.is(200).sees("已提交");
        assert_eq!(list.texts(".acts-cell a, .acts-cell button"), ["查看"]);

        let page = open(&user, &c.id, "use", &[1]).await.is(200);
        let page = send_files(&user, &page, "添加", &[("草稿.pdf", story::pdf())]).await.is(200);
        let list = user.send(&page.form("保存")).await.is(200);
        user.send(&list.form("删除")).await.is(200).sees("没有产品使用记录");
        assert_eq!(site.number("SELECT COUNT(*) FROM usage_record").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM usage_file").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM orphaned_object").await, 1, "the sweep removes it");
    }
}

/// R-2.9.4-06: 返回 on the change page discards, also new and deleted files; two tabs do not overwrite each other unseen.
#[tokio::test]
async fn r_2_9_4_06_return_discards_and_two_tabs_meet() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let page = open(&user, &c.id, "use", &[1]).await.is(200);
        let page = send_files(&user, &page, "添加", &[("旧.pdf", story::pdf())]).await.is(200);
        user.send(&page.form("保存").set("note", "旧的说明")).await.is(200);
        let record = site.number("SELECT MAX(id) FROM usage_record").await;
        let edit = format!("/usage-records/{record}/edit");

        let page = user.get(&edit).await.is(200);
        let page = user.send(&page.form_of("删除 旧.pdf").set("note", "新的说明")).await.is(200);
        let page = send_files(&user, &page, "添加", &[("新.pdf", story::pdf())]).await.is(200);
        assert_eq!(page.texts(".files .nm a:first-of-type"), ["新.pdf"]);
        user.get(&page.link("返回")).await.is(200).sees("旧.pdf").sees_no("新.pdf");
        let stored = user.get(&edit).await.is(200);
        assert_eq!(stored.value("note"), "旧的说明");
        assert_eq!(stored.texts(".files .nm a:first-of-type"), ["旧.pdf"]);

        let (one, two) = (stored, user.get(&edit).await);
        user.send(&one.form("修改").set("note", "甲")).await.is(200);
        let late = user.send(&two.form("修改").set("note", "乙")).await;
        assert_eq!(late.status, StatusCode::CONFLICT);
        let late = late.sees("已在别处被修改");
        assert_eq!(late.value("note"), "乙", "what was typed stays");
        assert_eq!(user.get(&edit).await.value("note"), "甲");
        user.send(&late.form("修改")).await.is(200);
        assert_eq!(user.get(&edit).await.value("note"), "乙");
    }
}

/// D12, D23: after the certificate expired and after it was revoked goods are still accounted for.
#[tokio::test]
async fn d12_usage_goes_on_after_the_certificate_expired_and_d23_was_revoked() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        site.clock.pass_hours(24 * 100);
        let owner = domain::ids::AccountId::new(site.number("SELECT id FROM account WHERE username = 'shili_a'").await);
        let user = site.sit_down(owner).await;
        submitted(&site, &user, &c.id, "use", &[(1, "4")]).await;
        let sql = format!("UPDATE certificate SET state = 'revoked' WHERE id = {}", c.certificate);
        db::testing::try_sql(&site.app.db, &sql).await.unwrap();
        submitted(&site, &user, &c.id, "destruction", &[(1, "6")]).await;
        assert_eq!(accounted(&site, c.certificate).await, 10);
    }
}

/// Impossible values come back marked, with everything typed.
#[tokio::test]
async fn impossible_values_are_refused_with_a_sentence() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let page = open(&user, &c.id, "return", &[1]).await.is(200);
        let wrong = [
            ("qty_1", "1"),
            ("returned_on", "2026-12-01"),
            ("port_code_1", "2200"),
            ("port_code_2", "0101"),
            ("export_decl_no", "123"),
            ("serials_1", &"长".repeat(2001)),
        ];
        let again = user.send(&page.form("保存").fill(&wrong)).await.is(422);
        assert_eq!(again.faulty_fields(), ["serials_1", "returned_on", "port_code", "export_decl_no"]);
        assert!(again.error("returned_on").contains("不能晚于今天"));
        assert!(again.error("export_decl_no").contains("现在是 3 位"));
        assert_eq!(again.value("export_decl_no"), "123");
        let page = open(&user, &c.id, "use", &[1]).await.is(200);
        let again = user.send(&page.form("保存").fill(&[("use_phone", "电话"), ("used_on", "昨天")])).await.is(422);
        assert_eq!(again.faulty_fields(), ["use_phone", "used_on"]);
        // The port in two levels, without script.
        let page = open(&user, &c.id, "return", &[1]).await.is(200);
        let page = user.send(&page.form("刷新").set("port_code_1", "2200").set("qty_1", "3")).await.is(200);
        assert!(page.texts("select[name=port_code_2] option").iter().any(|o| o.contains("浦江海关")));
        assert_eq!(page.value("qty_1"), "3");
    }
}

/// A port that was closed is offered for a 退运 before that day, and not for one after it.
#[tokio::test]
async fn a_port_of_a_return_is_one_of_its_day() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let keeper = site.cnca("keeper", &[domain::actor::Post::ReferenceAdmin]).await;
        let page = keeper.get("/reference/ports/2201").await.is(200);
        let end = [("valid_to", "2026-11-24")];
        keeper.send(&page.form("保存").fill(&end)).await.is(200);
        site.clock.pass_hours(24 * 3);
        site.work().await;
        let user = site.sit_down(site.account("shili_a").await).await;
        let page = open(&user, &c.id, "return", &[1]).await.is(200);
        assert!(page.hrefs("main a").iter().all(|h| !h.contains("2201")));
        let form = page.form("提交").fill(complete("return")).set("qty_1", "2");
        let wrong = user.send(&form.clone().set("returned_on", "2026-11-26")).await.is(422);
        assert_eq!(wrong.error("port_code"), "该口岸在 2026-11-26 不能使用（未启用或已停用），请选择其他口岸");
        assert!(!wrong.html().contains("value=\"2201\""), "it is not offered for that day");
        user.send(&wrong.form("提交").fill(&[("returned_on", "2026-11-23"), ("port_code_2", "2201")])).await.is(200);
    }
}

/// R-2.9-02: of two thousand products the list, the form, the records, the dossier and the ledger show one page, with as many
/// statements as for sixty; the last products are found and accounted for like the first.
#[tokio::test]
async fn r_2_9_02_two_thousand_products_are_accounted_for_page_by_page() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let officer = site.officer("sh_watch", SHANGHAI, &[domain::actor::Post::Supervise]).await;
        let mut counts = Vec::new();
        for lines in [60, 2_000] {
            let c = certificate_of(&site, &user, &bureau, &[("10", "10")]).await;
            crate::write_off::widen(&site, c, lines).await;
            let rows: Vec<_> = (0..lines).map(|n| (n, "10", "10")).collect();
            crate::write_off::write_off(&site, c, &rows).await;
            let id = site.number(&format!("SELECT application_id FROM certificate WHERE id = {c}")).await.to_string();
            let end = lines.div_ceil(20);
            let goods = user.get(&format!("/applications/{id}/goods?page={end}")).await.is(200);
            let goods = goods.sees(&format!("样机{lines}"));
            let found =
                user.get(&format!("/applications/{id}/goods?product=样机{lines}")).await.is(200).sees("共 1 条");
            let last = i64::try_from(lines).unwrap();
            let ticked: Vec<_> = (last - 49..=last).collect();
            let form = open(&user, &id, "use", &ticked).await.is(200).sees(&format!("样机{lines}"));
            let place = [("use_address", "上海市浦东新区示例路 1 号")];
            let mut filled = form.form("提交").fill(complete("use")).fill(&place);
            for n in &ticked {
                filled = filled.set(&format!("qty_{n}"), "4");
            }
            let sent = user.send_once(&filled).await.is(303);
            let record = site.number("SELECT MAX(id) FROM usage_record").await;
            let records = user.get(&format!("/applications/{id}/usage-records")).await.is(200);
            let records = records.sees(&format!("样机{lines}"));
            let review = officer.get(&format!("/usage-records/{record}/review")).await.is(200);
            let review = review.sees(&format!("样机{}", last - 49));
            let dossier = officer.get(&format!("/casework/{id}/dossier?page={end}")).await.is(200);
            let dossier = dossier.sees(&format!("样机{lines}")).sees("6 台");
            let ledger =
                user.get(&format!("/certificates/{c}/ledger?page={}", (lines + 50).div_ceil(20))).await.is(200);
            let ledger = ledger.sees(&format!("样机{lines}"));
            let pages = [&goods, &found, &form, &sent, &records, &review, &dossier, &ledger];
            counts.push(pages.map(|p| p.statements));
            for page in pages {
                assert!(page.body.len() < 250_000, "{}: {} bytes", page.path, page.body.len());
            }
            let csv = user.get(&format!("/certificates/{c}/ledger/export?format=csv")).await.is(200);
            assert_eq!(cells(&csv.body).len(), 1 + lines + 50);
        }
        assert_eq!(counts[0], counts[1], "goods, found, form, submit, records, review, dossier, ledger");
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

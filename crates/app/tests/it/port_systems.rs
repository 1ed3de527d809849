//! 核销数据接口: what the system of a port may hand in, and what it is told (docs/port-api.md).

use axum::body::Body;
use axum::http::{Method, Request, header};
use db::audit::{By, Subject};
use db::port_system::{self, NewPortSystem};
use domain::ids::{BureauCode, PortCode, PortSystemId};
use serde_json::{Value, json};

use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};
use crate::write_off::{self, Yard, stands};

const BATCHES: &str = "/api/write-off/batches";
const WAITING: &str = "/api/write-off/pre-write-offs";
/// So many digits has 报关单号.
const CUSTOMS_NO: &str = "220220261000000015";

/// A system of a bureau, and its key.
async fn system(site: &Site, name: &str, bureau: &str, ports: &[&str]) -> (PortSystemId, String) {
    let secret = kit::random::token();
    let ports: Vec<_> = ports.iter().map(|p| PortCode::new(*p)).collect();
    let key_hash = kit::session::hash_of(&secret);
    let new = NewPortSystem { bureau: &BureauCode::new(bureau), name, ports: &ports, key_hash: &key_hash };
    let tx = site.app.db.begin().await.unwrap();
    let id = port_system::create(&tx, &new, &By::system(), site.app.now()).await.unwrap();
    tx.commit().await.unwrap();
    (id, format!("{id}.{secret}"))
}

async fn call(site: &Site, method: Method, path: &str, key: &str, body: String) -> Page {
    let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
    let request = if key.is_empty() { request } else { request.header(header::AUTHORIZATION, format!("Bearer {key}")) };
    site.visitor().once(request, Body::from(body), path).await
}

async fn send(site: &Site, key: &str, batch: &str, lines: &[Value]) -> Page {
    call(site, Method::POST, BATCHES, key, json!({ "batch": batch, "lines": lines }).to_string()).await
}

fn said(page: &Page) -> Value {
    serde_json::from_slice(&page.body).unwrap()
}

/// The reasons of the lines, blank for those that were accepted.
fn reasons(page: &Page) -> Vec<String> {
    let said = said(page);
    let of = |l: &Value| {
        assert_eq!(l["accepted"].as_bool().unwrap(), l["reason"].is_null(), "{l}");
        l["reason"].as_str().unwrap_or_default().to_owned()
    };
    said["lines"].as_array().unwrap().iter().map(of).collect()
}

async fn number_of(user: &Browser, certificate: i64) -> String {
    user.get(&format!("/certificates/{certificate}")).await.is(200).texts("h1 .code").remove(0)
}

fn line(number: &str, ordinal: i64, qty: &str, hs_qty: &str) -> Value {
    json!({ "certificate_no": number, "ordinal": ordinal, "qty": qty, "hs_qty": hs_qty, "port": "2202" })
}

fn with(mut line: Value, more: &Value) -> Value {
    for (field, value) in more.as_object().unwrap() {
        line[field] = value.clone();
    }
    line
}

/// R-2.8-17: each line is accepted or rejected by itself, in the ledger like the deed of an officer, with the system's name.
#[tokio::test]
async fn r_2_8_17_a_batch_is_decided_line_by_line() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10"), ("20", "16")]).await;
        let number = number_of(&yard.user, c).await;
        let (_, key) = system(&site, "洋山口岸系统", SHANGHAI, &[]).await;
        let wide: String = number.chars().map(|d| char::from_u32(u32::from(d) + 0xfee0).unwrap()).collect();
        let lines = [
            // As people paste it: grouped, with what nobody can see.
            with(
                line(&format!("\u{200b}{number}"), 1, "4", "4\u{feff}"),
                &json!({ "customs_no": "2202—2026 1000－000015" }),
            ),
            line(&number, 1, "7", "6"),
            line(&wide, 2, "１.５", "1.2"),
            line(&number, 2, "1.123456", "1"),
            line(&number, 3, "1", "1"),
            line("31000020269999999", 1, "1", "1"),
            line("123", 0, "", "x"),
            line(&number, 1, "", ""),
            line(&number, 1, "-1", "1"),
            with(line(&number, 1, "1", "1"), &json!({ "customs_no": "123", "note": "短\u{0}", "port": "9999" })),
            with(line(&number, 1, "1", "1"), &json!({ "port": "2302" })),
            with(line(&number, 1, "1", "1"), &json!({ "pre_write_off_item": 999_999 })),
            line(&number, 1, "6", ""),
            with(line(&number, 1, "6", ""), &json!({ "note": "HS 标准量按磅单另计" })),
            line(&number, 1, "1", "1"),
        ];
        let page = send(&site, &key, "YS-20261123-01", &lines).await.is(200);
        let why = reasons(&page);
        let expected = [
            "",
            "余量不足：数量/重量最多 6",
            "",
            "5 位小数",
            "没有第 3 项产品",
            "证明号",
            "产品序号：请填写",
            "两种数量不能同时为零",
            "负",
            "报关单号为 18 位",
            "口岸 2302 不属于本局",
            "没有编号为 999999 的预核销",
            "尾差",
            "",
            "已全部核销",
        ];
        for (n, (why, expected)) in why.iter().zip(expected).enumerate() {
            assert!(why.contains(expected) && why.is_empty() == expected.is_empty(), "line {}: {why}", n + 1);
        }
        // Every mistake of a line at once.
        assert!(why[6].contains("证明号") && why[6].contains("HS 标准量"), "{}", why[6]);
        assert!(why[9].contains("没有代码为 9999 的口岸") && why[9].contains("说明"), "{}", why[9]);
        let answer = said(&page);
        assert_eq!((answer["accepted"].as_i64(), answer["rejected"].as_i64()), (Some(3), Some(12)));
        assert_eq!(answer["complete"], true);
        assert_eq!(page.headers["x-batch-repeated"], "false");
        assert!(page.headers.get(header::SET_COOKIE).is_none());
        // Line by line: a bounded number of statements each.
        assert!(page.statements <= 15 * 15 + 25, "{} statements for 15 lines", page.statements);
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "10", "10", "0", "4"]);
        assert_eq!(stands(&site, c, 1).await, ["20", "0", "1.5", "16", "0", "1.2"]);
        // The ledger shows who and where; the audit trail too.
        let ledger = yard.here.get(&format!("/certificates/{c}/ledger")).await.is(200);
        ledger.sees("洋山口岸系统").sees(CUSTOMS_NO).sees("HS 标准量按磅单另计");
        let audits = "SELECT COUNT(*) FROM audit WHERE action = 'write_off' AND actor_name = '洋山口岸系统' \
                      AND actor_id IS NULL AND bureau_code = '310000'";
        assert_eq!(site.number(audits).await, 3);
        // The holder is told once.
        site.work().await;
        let letters = site.mail.letters();
        assert_eq!(letters.iter().filter(|l| l.subject.contains("核销")).count(), 1, "{letters:?}");
        assert!(db::doctor::examine(&site.app.db).await.unwrap().faults.is_empty());
    }
}

/// A batch that comes again is answered with the first result, byte for byte, and does nothing; its number with another
/// content is refused. Numbers are those of one system.
#[tokio::test]
async fn a_repeated_batch_is_answered_with_the_first_result() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10")]).await;
        let number = number_of(&yard.user, c).await;
        let (_, key) = system(&site, "甲系统", SHANGHAI, &[]).await;
        let (_, other) = system(&site, "乙系统", SHANGHAI, &[]).await;
        let lines = [line(&number, 1, "4", "4"), line(&number, 1, "7", "7")];
        let first = send(&site, &key, "B-1", &lines).await.is(200);
        site.clock.pass_hours(1);
        let again = send(&site, &key, "B-1", &lines).await.is(200);
        assert_eq!(first.body, again.body);
        assert_eq!(again.headers["x-batch-repeated"], "true");
        let shown = call(&site, Method::GET, &format!("{BATCHES}/B-1"), &key, String::new()).await.is(200);
        assert_eq!(first.body, shown.body);
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "4", "10", "0", "4"]);

        // What was rejected comes again under a new number.
        let changed = send(&site, &key, "B-1", &[line(&number, 1, "4", "4"), line(&number, 1, "6", "6")]).await.is(409);
        let why = said(&changed)["error"].as_str().unwrap().to_owned();
        assert!(why.contains("批次号 B-1 已用于另一份内容"), "{why}");
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "4", "10", "0", "4"]);
        assert_eq!(reasons(&send(&site, &other, "B-1", &[line(&number, 1, "1", "1")]).await.is(200)), [""]);
        assert_eq!(reasons(&send(&site, &key, "B-2", &[line(&number, 1, "5", "5")]).await.is(200)), [""]);
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "10", "10", "0", "10"]);
        for (who, n, status) in [(&other, "B-2", 404), (&key, "B-3", 404), (&other, "B-1", 200)] {
            call(&site, Method::GET, &format!("{BATCHES}/{n}"), who, String::new()).await.is(status);
        }
    }
}

/// A batch that broke off is taken up behind its last line.
#[tokio::test]
async fn a_batch_that_broke_off_is_taken_up() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10")]).await;
        let number = number_of(&yard.user, c).await;
        let (_, key) = system(&site, "甲系统", SHANGHAI, &[]).await;
        let lines: Vec<_> = (1..=3).map(|n| line(&number, 1, &n.to_string(), &n.to_string())).collect();
        let first = send(&site, &key, "B-1", &lines).await.is(200);
        // As if the third line had never been decided.
        for sql in ["DELETE FROM write_off_batch_line WHERE ordinal = 3", "UPDATE write_off_batch SET told_at = NULL"] {
            db::testing::try_sql(&site.app.db, sql).await.unwrap();
        }
        let half = call(&site, Method::GET, &format!("{BATCHES}/B-1"), &key, String::new()).await.is(200);
        assert_eq!((said(&half)["complete"].as_bool(), said(&half)["accepted"].as_i64()), (Some(false), Some(2)));
        // Its entry is there: the ledger does not write it twice.
        let again = send(&site, &key, "B-1", &lines).await.is(200);
        assert_eq!(first.body, again.body);
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "6", "10", "0", "6"]);
    }
}

/// The same batch twice at the same time: one result, each line once.
#[tokio::test]
async fn the_same_batch_twice_at_once_is_one_batch() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("100", "100")]).await;
        let number = number_of(&yard.user, c).await;
        let (_, key) = system(&site, "甲系统", SHANGHAI, &[]).await;
        // Five of them find too little.
        let lines: Vec<_> = (0..25).map(|_| line(&number, 1, "5", "5")).collect();
        let (a, b, c_) = tokio::join!(
            send(&site, &key, "B-1", &lines),
            send(&site, &key, "B-1", &lines),
            send(&site, &key, "B-1", &lines)
        );
        let (a, b, c_) = (a.is(200), b.is(200), c_.is(200));
        assert!(a.body == b.body && b.body == c_.body);
        assert_eq!((said(&a)["accepted"].as_i64(), said(&a)["rejected"].as_i64()), (Some(20), Some(5)));
        assert_eq!(stands(&site, c, 0).await, ["100", "0", "100", "100", "0", "100"]);
        assert_eq!(site.number("SELECT COUNT(*) FROM ledger_entry").await, 20);
        assert_eq!(site.number("SELECT COUNT(*) FROM write_off_batch_line").await, 25);
        assert!(db::doctor::examine(&site.app.db).await.unwrap().faults.is_empty());
    }
}

/// R-2.8-18: a system sees the 预核销 of its ports, and confirms them as the officer of their bureau would.
#[tokio::test]
async fn r_2_8_18_a_system_confirms_what_was_declared_for_its_ports() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10"), ("20", "20")]).await;
        let number = number_of(&yard.user, c).await;
        write_off::declare(&site, &yard.user, c, &[(0, "4", "4"), (1, "5", "5")]).await.is(200);
        let items = write_off::items(&site).await;
        let (_, key) = system(&site, "洋山口岸系统", SHANGHAI, &["2202"]).await;
        let (_, beside) = system(&site, "外高桥口岸系统", SHANGHAI, &["2201"]).await;
        let (_, elsewhere) = system(&site, "南通口岸系统", JIANGSU, &[]).await;
        let waiting = async |key: &str, after: &str| {
            let page = call(&site, Method::GET, &format!("{WAITING}{after}"), key, String::new()).await.is(200);
            assert!(page.statements <= 3, "{}", page.statements);
            said(&page)
        };
        let list = waiting(&key, "").await;
        assert_eq!(list["more"], false);
        let first = &list["pre_write_offs"][0];
        assert_eq!(first["pre_write_off_item"].as_i64(), Some(items[0]));
        assert_eq!((first["certificate_no"].as_str(), first["ordinal"].as_i64()), (Some(number.as_str()), Some(1)));
        assert_eq!((first["port"].as_str(), first["qty"].as_str()), (Some("2202"), Some("4")));
        let after = format!("?after={}", items[0]);
        assert_eq!(waiting(&key, &after).await["pre_write_offs"].as_array().unwrap().len(), 1);
        for other in [&beside, &elsewhere] {
            assert_eq!(waiting(other, "").await["pre_write_offs"].as_array().unwrap().len(), 0);
        }
        call(&site, Method::GET, &format!("{WAITING}?after=x"), &key, String::new()).await.is(400);

        let confirm = |n: usize, qty: &str, more: Value| {
            let ordinal = i64::try_from(n).unwrap() + 1;
            with(with(line(&number, ordinal, qty, qty), &json!({ "pre_write_off_item": items[n] })), &more)
        };
        // Not those of others: another bureau's, another port of the bureau, another product.
        let his = with(confirm(0, "4", json!({})), &json!({ "port": "2302" }));
        assert!(reasons(&send(&site, &elsewhere, "B-1", &[his]).await.is(200))[0].contains("或它不属于本局的口岸"));
        let its = with(confirm(0, "4", json!({})), &json!({ "port": "2201" }));
        let outside = confirm(0, "4", json!({}));
        let why = reasons(&send(&site, &beside, "B-1", &[its, outside]).await.is(200));
        assert!(
            why[0].contains("申报的口岸是 2202") && why[1].contains("口岸 2202 不在本系统登记的口岸之内"),
            "{why:?}"
        );
        let lines = [
            with(confirm(0, "4", json!({})), &json!({ "ordinal": 2 })),
            confirm(0, "4.5", json!({})),
            confirm(0, "3", json!({})),
            confirm(0, "3", json!({ "note": "少到一台", "customs_no": CUSTOMS_NO })),
            confirm(0, "1", json!({ "note": "又到一台" })),
            confirm(1, "5", json!({})),
        ];
        let page = send(&site, &key, "B-1", &lines).await.is(200);
        let why = reasons(&page);
        assert!(why[0].contains("不是该证明第 2 项产品的"), "{why:?}");
        assert!(why[1].contains("不能超过预核销数量"), "{why:?}");
        assert!(why[2].contains("不一致，请填写说明"), "{why:?}");
        assert!(why[3].is_empty() && why[5].is_empty(), "{why:?}");
        assert!(why[4].contains("该项已核销") || why[4].contains("请刷新"), "{why:?}");
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "3", "10", "0", "3"]);
        assert_eq!(stands(&site, c, 1).await, ["20", "0", "5", "20", "0", "5"]);
        // What the 预核销 did not say, the ledger says.
        yard.here.get(&format!("/certificates/{c}/ledger")).await.is(200).sees(CUSTOMS_NO).sees("少到一台");
        yard.user.get(&format!("/certificates/{c}/pre-write-offs")).await.is(200).sees("洋山口岸系统");
        assert_eq!(waiting(&key, "").await["pre_write_offs"].as_array().unwrap().len(), 0);
        assert!(db::doctor::examine(&site.app.db).await.unwrap().faults.is_empty());
    }
}

/// D12, D13, D23: after the last day with a note only; while the certificate is amended, and once it is revoked or given
/// up, nothing; on a port that is closed nothing new.
#[tokio::test]
async fn d12_what_the_certificate_does_not_allow_is_rejected() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("10", "10")]).await;
        let number = number_of(&yard.user, c).await;
        let (_, key) = system(&site, "洋山口岸系统", SHANGHAI, &[]).await;
        for (state, said) in [("amending", "证明正在修改"), ("revoked", "已被撤销"), ("surrendered", "已注销")]
        {
            let sql = format!("UPDATE certificate SET state = '{state}'");
            db::testing::try_sql(&site.app.db, &sql).await.unwrap();
            let page = send(&site, &key, state, &[line(&number, 1, "1", "1")]).await.is(200);
            assert!(reasons(&page)[0].contains(said), "{:?}", reasons(&page));
        }
        db::testing::try_sql(&site.app.db, "UPDATE certificate SET state = 'valid'").await.unwrap();
        site.clock.pass_hours(24 * 90);
        let late = [line(&number, 1, "1", "1"), with(line(&number, 1, "1", "1"), &json!({ "note": "有效期内到港" }))];
        let why = reasons(&send(&site, &key, "late", &late).await.is(200));
        assert!(why[0].contains("已过有效期") && why[1].is_empty(), "{why:?}");
        assert_eq!(stands(&site, c, 0).await, ["10", "0", "1", "10", "0", "1"]);
    }
}

/// Without a key that opens nothing: no key, a wrong one, one of a system that is switched off, one that was replaced.
/// Who guesses waits.
#[tokio::test]
async fn only_the_key_of_a_system_opens_the_interface() {
    for site in Site::each().await {
        let officer = site.officer("sh_writeoff", SHANGHAI, &[domain::actor::Post::WriteOff]).await;
        let (id, key) = system(&site, "甲系统", SHANGHAI, &[]).await;
        let (_, other) = system(&site, "乙系统", SHANGHAI, &[]).await;
        let body = || json!({ "batch": "B-1", "lines": [] }).to_string();
        let secret = other.split_once('.').unwrap().1;
        for wrong in ["", "x", &format!("{id}."), &format!("{id}.{}", "0".repeat(64)), &format!("{id}.{secret}")] {
            let page = call(&site, Method::POST, BATCHES, wrong, body()).await.is(401);
            assert_eq!(page.headers[header::WWW_AUTHENTICATE], "Bearer");
            assert!(said(&page)["error"].as_str().unwrap().contains("密钥"), "{}", page.text());
        }
        // A login session is no key.
        officer.once(Request::post(BATCHES), Body::from(body()), BATCHES).await.is(401);
        call(&site, Method::POST, BATCHES, &key, body()).await.is(400);

        let tx = site.app.db.begin().await.unwrap();
        let fresh = kit::random::token();
        port_system::rotate(&tx, id, &kit::session::hash_of(&fresh), &By::system(), site.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        call(&site, Method::POST, BATCHES, &key, body()).await.is(401);
        let key = format!("{id}.{fresh}");
        call(&site, Method::POST, BATCHES, &key, body()).await.is(400);
        let tx = site.app.db.begin().await.unwrap();
        port_system::disable(&tx, id, &By::system(), site.app.now()).await.unwrap();
        assert!(matches!(
            port_system::rotate(&tx, id, "x", &By::system(), site.app.now()).await,
            Err(db::DbError::NotFound)
        ));
        tx.commit().await.unwrap();
        call(&site, Method::POST, BATCHES, &key, body()).await.is(401);
        // R-B-14: what was done with the key is in the trail, and the chain holds.
        let trail = db::audit::trail(&site.app.db.read(), Subject::PortSystem(id)).await.unwrap();
        let actions: Vec<_> = trail.iter().map(|d| d.action.as_str()).collect();
        assert_eq!(actions, ["open_port_system", "renew_port_system_key", "close_port_system"]);
        let watcher = site.cnca("watcher", &[domain::actor::Post::CncaAdmin]).await;
        let audit = watcher.get("/audit?action=renew_port_system_key").await.is(200);
        let audit = audit.sees("更换口岸系统密钥").sees("口岸系统").sees("甲系统");
        watcher.get(&audit.link("校验")).await.is(200).sees("口岸系统");
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
        for _ in 0..4 {
            call(&site, Method::GET, WAITING, "1.x", String::new()).await;
        }
        let waits = call(&site, Method::POST, BATCHES, &other, body()).await.is(429);
        assert!(said(&waits)["error"].as_str().unwrap().contains("15 分钟"));
        site.clock.pass_hours(1);
        call(&site, Method::POST, BATCHES, &other, body()).await.is(400);
        assert_eq!(site.number("SELECT COUNT(*) FROM write_off_batch").await, 0);
    }
}

/// What is no batch is refused as a whole, with a sentence, and leaves nothing.
#[tokio::test]
async fn what_is_no_batch_is_refused() {
    for site in Site::each().await {
        let (_, key) = system(&site, "甲系统", SHANGHAI, &[]).await;
        let one = || vec![line("31000020260000015", 1, "1", "1")];
        let bodies = [
            ("{".to_owned(), 400, "内容无法识别"),
            (json!({ "batch": "B-1" }).to_string(), 400, "lines"),
            (json!({ "batch": "B-1", "lines": one(), "more": 1 }).to_string(), 400, "more"),
            (json!({ "batch": "", "lines": one() }).to_string(), 400, "请填写批次号"),
            (json!({ "batch": "批 次", "lines": one() }).to_string(), 400, "批次号只能由"),
            (json!({ "batch": "B".repeat(65), "lines": one() }).to_string(), 400, "最多 64 个字符"),
            (json!({ "batch": "B-1", "lines": [] }).to_string(), 400, "须有 1 至 1000 行，现在是 0 行"),
            (json!({ "batch": "B-1", "lines": vec![one()[0].clone(); 1001] }).to_string(), 400, "现在是 1001 行"),
            (" ".repeat(3 * 1024 * 1024), 413, "超过 2M"),
        ];
        for (body, status, said_) in bodies {
            let page = call(&site, Method::POST, BATCHES, &key, body).await.is(status);
            let why = said(&page)["error"].as_str().unwrap().to_owned();
            assert!(why.contains(said_), "{why}");
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM write_off_batch").await, 0);
    }
}

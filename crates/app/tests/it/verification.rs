//! 证明公开核验: by number and code, by the QR code, by the file (manual §2.6).

use domain::time::Day;
use futures_util::StreamExt as _;

use crate::story::{self, Bureau, add_product, attach, fill_basics, open_draft, submit};
use crate::support::{Browser, Page, Site};

/// A certificate of two products, its paper made.
struct Paper {
    id: i64,
    number: String,
    code: String,
    file: Vec<u8>,
    /// What its QR code holds.
    statement: String,
}

async fn sql(site: &Site, sql: &str) {
    db::testing::try_sql(&site.app.db, sql).await.unwrap();
}

async fn paper(site: &Site) -> (Browser, Paper) {
    let user = site.company().await;
    let bureau = Bureau::shanghai(site).await;
    let application = open_draft(&user).await;
    fill_basics(&user, &application, &[("contract_no", "HT-SECRET-1")]).await.is(200);
    add_product(&user, &application, story::AIR_CONDITIONER, &[("product_name", "甲产品")]).await.is(200);
    let fields = [("product_name", "乙产品"), ("qty", "3"), ("hs_qty", "3"), ("total_price", "300.6")];
    add_product(&user, &application, story::AIR_CONDITIONER, &fields).await.is(200);
    attach(site, &user, &application, "1").await;
    user.upload(&application, "contract", &[("合同.pdf", story::pdf())]).await.is(200);
    submit(&user, &application).await;
    bureau.bring_to(&application, domain::actor::Post::Terminate).await;
    site.work().await;
    let page = user.get(&format!("/applications/{application}/certificate")).await.is(200);
    let [number, code] = [0, 1].map(|n| page.texts("dd.code")[n].clone());
    let id = site.number("SELECT id FROM certificate").await;
    let file = user.get(&format!("/certificates/{id}/document")).await.is(200).body;
    let text = String::from_utf8_lossy(&file).into_owned();
    let from = text.find("/V/").unwrap() + 3;
    let statement = text[from..].split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned();
    (user, Paper { id, number, code, file, statement })
}

async fn show_file(visitor: &Browser, name: &str, file: &[u8]) -> Page {
    let token = visitor.token().await;
    visitor.multipart("/verification/document", &[("csrf", &token)], &[(name, file.to_vec())]).await
}

/// Version 2 of a certificate, with other content, as an amendment leaves it.
async fn replace(site: &Site, id: i64) {
    sql(
        site,
        &format!(
            "INSERT INTO certificate_version (certificate_id, version, sheet, created_at) \
             SELECT certificate_id, 2, REPLACE(sheet, '甲产品', '甲产品改'), created_at FROM certificate_version \
             WHERE certificate_id = {id}"
        ),
    )
    .await;
    sql(site, &format!("UPDATE certificate SET version = 2 WHERE id = {id}")).await;
}

/// What is nobody's business: prices, contract, addresses, models, characteristics, the person.
#[track_caller]
fn keeps_secrets(page: Page) -> Page {
    page.sees_no("100.2")
        .sees_no("1,252.5")
        .sees_no("HT-SECRET")
        .sees_no("示例科技园")
        .sees_no("示例路")
        .sees_no("KC-26")
        .sees_no("张示例")
}

/// R-2.6-02: each standing in words that say what it means; with the code, what remains of every product in both units.
#[tokio::test]
async fn r_2_6_02_number_and_code_say_what_the_certificate_is_worth() {
    for site in Site::each().await {
        let (_, paper) = paper(&site).await;
        let visitor = site.visitor();
        let check =
            async || visitor.get(&format!("/verification?number={}&code={}", paper.number, paper.code)).await.is(200);
        for statement in [
            format!(
                "UPDATE certificate_item SET written_off = 250000, hs_written_off = 1250000 WHERE ordinal = 1 AND certificate_id = {}",
                paper.id
            ),
            format!("UPDATE certificate SET written_lines = 1 WHERE id = {}", paper.id),
        ] {
            sql(&site, &statement).await;
        }
        let page =
            keeps_secrets(check().await.sees("有效 ：该证明由本系统发出").sees("可以凭本证明和附表剩余数量办理进口"));
        let page = page.sees("示例电器802100433有限公司").sees("上海出入境检验检疫局").sees("2 项").sees("第 1 版");
        let rows = page.texts("section[aria-labelledby=r-h] tbody tr");
        let amounts = page.texts("section[aria-labelledby=r-h] tbody tr:first-child td.r");
        assert_eq!(amounts, ["12.5 台 12.5 台", "2.5 台 12.5 台", "10 台 0 台"]);
        assert!(rows[0].contains("甲产品") && rows[1].contains("乙产品") && rows[1].contains("3 台 3 台"), "{rows:?}");

        for (statement, word, meaning) in [
            ("state = 'amending'", "修改中（原证明有效）", "修改确认前原证明继续有效"),
            ("state = 'revoked'", "已撤销", "自撤销起不能使用"),
            ("state = 'surrendered'", "已注销", "申请注销本证明"),
            ("state = 'valid', open_lines = 0", "核销完毕", "已全部核销"),
        ] {
            sql(&site, &format!("UPDATE certificate SET {statement}")).await;
            check().await.sees(&format!("{word} ：该证明由本系统发出")).sees(meaning);
        }
        sql(&site, "UPDATE certificate SET open_lines = 1").await;
        site.clock.set("2027-02-20".parse::<Day>().unwrap().end_instant());
        check().await.sees("已过期 ：").sees("不能再凭本证明办理进口");
    }
}

/// Codes cannot be guessed: eight characters of thirty-two from the operating system's generator, no two alike, and a
/// number that somebody guesses at waits wherever he comes from.
#[tokio::test]
async fn codes_cannot_be_guessed() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let mut codes = std::collections::BTreeSet::new();
        let mut last = (String::new(), String::new());
        for _ in 0..3 {
            let id = story::issued(&site, &user, &bureau).await;
            let page = user.get(&format!("/applications/{id}/certificate")).await;
            let [number, code] = [0, 1].map(|n| page.texts("dd.code")[n].clone());
            assert_eq!(code.len(), 8, "{code}");
            assert!(code.bytes().all(|b| b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ".contains(&b)), "{code}");
            codes.insert(code.clone());
            last = (number, code);
        }
        assert_eq!(codes.len(), 3);
        let (number, code) = last;
        for _ in 0..49 {
            site.app.guesses.note(&format!("code of {number}"), site.app.now());
        }
        let visitor = site.visitor();
        let check = async |code: &str| visitor.get(&format!("/verification?number={number}&code={code}")).await;
        check("AAAAAAAA").await.is(422).sees("没有与该证明号和核验码相符的证明");
        check(&code).await.is(422).sees("该证明核验不成功的次数过多").sees_no("示例电器");
        site.clock.pass_hours(1);
        check(&code).await.is(200).sees("有效");
    }
}

/// The QR code: what the paper says, signed, and what the register says now; products to those who know the code.
#[tokio::test]
async fn r_2_6_02_the_qr_code_leads_to_paper_and_register() {
    for site in Site::each().await {
        let (_, paper) = paper(&site).await;
        let visitor = site.visitor();
        let scan = async |text: &str| visitor.get(&format!("/v/{text}")).await;
        let page = keeps_secrets(scan(&paper.statement).await.is(200).sees("二维码签名有效").sees("二维码所载内容"));
        let page = page.sees(&paper.number).sees("有效 ：该证明由本系统发出").sees("示例电器802100433有限公司");
        let page = page.sees_no("甲产品").sees("附表产品和剩余数量只向持有证明的人显示");
        assert_eq!(page.value("number"), paper.number, "only the code is to be typed");
        scan(&paper.statement.to_lowercase()).await.is(200).sees("二维码签名有效");

        let mut forged = paper.statement.clone().into_bytes();
        forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
        scan(&String::from_utf8(forged).unwrap())
            .await
            .is(422)
            .sees("签名无效")
            .sees_no("示例电器")
            .sees_no("登记结果");
        scan(&paper.statement[..60]).await.is(422).sees("二维码不能识别").sees_no("示例电器");
        scan("HELLO").await.is(422).sees("二维码不能识别");

        replace(&site, paper.id).await;
        let page = scan(&paper.statement).await.is(200).sees("二维码签名有效").sees("已被替代 ：该证明由本系统发出");
        page.sees("您核验的是第 1 版，已由第 2 版替代").sees("现行版本的状态：有效");
        // The register holds other content under this number and version: the paper is not the one that was issued.
        sql(&site, "UPDATE certificate_version SET sheet = REPLACE(sheet, '甲产品', '丙产品') WHERE version = 1").await;
        scan(&paper.statement).await.is(422).sees("没有登记").sees_no("登记结果");
    }
}

/// The file itself: genuine and in force, replaced, revoked; one changed byte; somebody else's. Nothing is stored.
#[tokio::test]
async fn r_2_6_02_the_file_says_whether_it_is_the_one_that_was_issued() {
    for site in Site::each().await {
        let (_, paper) = paper(&site).await;
        let visitor = site.visitor();
        let stored = site.app.files.list(None).count().await;
        let page = show_file(&visitor, "证明.pdf", &paper.file).await.is(200).sees("电子签名有效 ：证明.pdf");
        let page = keeps_secrets(page.sees("由上海出入境检验检疫局于 2026-11-23 09:00 签名"));
        page.sees("有效 ：该证明由本系统发出").sees("甲产品").sees("附表产品剩余数量").sees_no("二维码所载内容");

        for at in [20, paper.file.len() / 3, paper.file.len() / 2, paper.file.len() - 40] {
            let mut changed = paper.file.clone();
            changed[at] ^= 1;
            let page = show_file(&visitor, "改.pdf", &changed).await.is(422).sees("签名无效 ：改.pdf");
            page.sees("内容不可信").sees_no("示例电器").sees_no("登记结果");
        }
        let longer = [paper.file.clone(), b"\n% more".to_vec()].concat();
        show_file(&visitor, "长.pdf", &longer).await.is(422).sees("签名无效");
        show_file(&visitor, "别的.pdf", &story::pdf()).await.is(422).sees("不是本系统的证明 ：别的.pdf");
        show_file(&visitor, "文字.txt", b"text").await.is(422).sees("不能识别的文件 ：文字.txt");

        let empty = show_file(&visitor, "空.pdf", &[]).await.is(422);
        assert_eq!(empty.error("file"), "文件是空的（0 字节），请重新选择");
        let none = show_file(&visitor, "", b"x").await.is(422);
        assert_eq!(none.error("file"), "请先选择证明的 PDF 文件或二维码照片");
        let large = show_file(&visitor, "大.pdf", &vec![b'%'; 20 * 1024 * 1024 + 1]).await.is(422);
        assert!(large.error("file").contains("超过 20M"), "{}", large.error("file"));
        visitor.multipart("/verification/document", &[("csrf", "x")], &[("a.pdf", paper.file.clone())]).await.is(409);

        sql(&site, "UPDATE certificate SET state = 'revoked'").await;
        show_file(&visitor, "证明.pdf", &paper.file).await.is(200).sees("电子签名有效").sees("已撤销 ：该证明");
        sql(&site, "UPDATE certificate SET state = 'valid'").await;
        replace(&site, paper.id).await;
        let page = show_file(&visitor, "证明.pdf", &paper.file).await.is(200).sees("电子签名有效");
        page.sees("已被替代 ：").sees("您核验的是第 1 版").sees("甲产品改");
        // Signed by us, but not in the register.
        sql(&site, "UPDATE certificate_version SET sha256 = 'gone' WHERE version = 1").await;
        show_file(&visitor, "证明.pdf", &paper.file).await.is(422).sees("没有登记").sees_no("登记结果");
        assert_eq!(site.app.files.list(None).count().await, stored, "nothing is kept");

        let mut waits = false;
        for _ in 0..30 {
            waits = waits || show_file(&visitor, "a.pdf", b"x").await.text().contains("上传核验的次数过多");
        }
        assert!(waits, "an address has to wait after thirty files");
    }
}

/// A photograph of the QR code is as good as scanning it.
#[tokio::test]
async fn a_photograph_of_the_qr_code_is_read() {
    for site in Site::each().await {
        let (_, paper) = paper(&site).await;
        let visitor = site.visitor();
        let picture = photograph(&format!("HTTP://127.0.0.1:8080/V/{}", paper.statement));
        let page = show_file(&visitor, "照片.png", &picture).await.is(200).sees("二维码签名有效");
        keeps_secrets(page.sees("有效 ：该证明由本系统发出")).sees_no("甲产品");
        let other = photograph("HTTPS://ELSEWHERE.EXAMPLE/");
        show_file(&visitor, "照片.png", &other).await.is(422).sees("没有识别到二维码 ：照片.png");
        show_file(&visitor, "坏.jpg", &[0xff, 0xd8, 0xff, 0xe0]).await.is(422).sees("没有识别到二维码");
    }
}

/// A grey picture of a QR code, a few pixels to a module, not quite straight.
pub fn photograph(text: &str) -> Vec<u8> {
    let code = qrcode::QrCode::new(text).unwrap();
    let (modules, pixels) = (u32::try_from(code.width()).unwrap(), 7);
    let dark = code.to_colors();
    let side = (modules + 16) * pixels;
    let picture = image::GrayImage::from_fn(side, side, |x, y| {
        // Each row is a little further to the right.
        let (column, row) = (x.saturating_sub(y / 20) / pixels, y / pixels);
        let inside = (8..8 + modules).contains(&column) && (8..8 + modules).contains(&row);
        let at = |c: u32, r: u32| usize::try_from((r - 8) * modules + c - 8).unwrap();
        image::Luma([if inside && dark[at(column, row)] == qrcode::Color::Dark { 60 } else { 190 }])
    });
    let mut file = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

/// What an earlier key signed stays verifiable when a new key signs.
#[tokio::test]
async fn an_earlier_key_stays_verifiable() {
    for site in Site::each().await {
        let (_, paper) = paper(&site).await;
        *site.keys.0.lock().unwrap() = Some("second".to_owned());
        let visitor = site.visitor();
        show_file(&visitor, "证明.pdf", &paper.file).await.is(200).sees("电子签名有效");
        visitor.get(&format!("/v/{}", paper.statement)).await.is(200).sees("二维码签名有效");
    }
}

//! 下载使用文档 (manual §1.5), and the words of the manual itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use axum::http::header;
use domain::actor::Post;
use domain::letter::Failure;

use crate::amendments::{self, Desk};
use crate::story::{self, AIR_CONDITIONER, Bureau, decide};
use crate::support::{Browser, PASSWORD, Page, Site};

/// R-1-03, R-1.5-01: a save dialog without login; made once, then kept with the files.
#[tokio::test]
async fn r_1_03_the_manual_is_downloaded_without_login() {
    for site in Site::each().await {
        let visitor = site.visitor();
        let link = visitor.get("/").await.is(200).link("下载使用文档");
        for _ in 0..2 {
            let file = visitor.get(&link).await.is(200);
            assert_eq!(file.headers[header::CONTENT_TYPE], "application/pdf");
            let disposition = file.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
            assert!(disposition.starts_with("attachment; ") && disposition.ends_with("%2Epdf"), "{disposition}");
            assert_eq!(file.headers[header::CONTENT_LENGTH], file.body.len().to_string());
            assert!(file.body.starts_with(b"%PDF"));
            assert_eq!(file.statements, 0, "it is no matter of the database");
        }
    }
}

/// What a person can press, read or fill in on these pages, word for word.
#[derive(Default)]
struct Words(BTreeSet<String>);

impl Words {
    fn read(&mut self, page: &Page) {
        let css = "a, button, label, legend, summary, h1, h2, h3, th, dt, strong, .nav-h, .st, .lbl, option, .tag, \
                   .crumb, label span, li a span:first-of-type, .form-label";
        for words in page.texts(css) {
            // “查看申请列表 1 件待办” is the entry 查看申请列表.
            let bare = words.split(" 件待办").next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
            self.0.insert(bare.trim().to_owned());
            // “只导入正确的行（3 行）” is the button 只导入正确的行.
            self.0.insert(words.split('（').next().unwrap_or_default().to_owned());
            // “浏览 合同文件” is the button 浏览, its purpose said to those who hear it alone.
            self.0.insert(words.split(' ').next().unwrap_or_default().to_owned());
            self.0.insert(words);
        }
    }
}

/// What only the script of the pages says, once it stands there as a text of its own or as the beginning of one.
fn is_said_by_script(label: &str) -> bool {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/app.js");
    let script = fs::read_to_string(script).unwrap();
    ["已自动保存", "重试"].contains(&label)
        && (script.contains(&format!("\"{label}\"")) || script.contains(&format!("`{label} ")))
}

/// The pages on which products come from files, copies and templates.
async fn read_ways_of_products(words: &mut Words, user: &Browser, draft: &str) {
    let import = format!("/applications/{draft}/import");
    words.read(&user.get(&import).await.is(200));
    words.read(&user.get(&format!("{import}?hs_code={AIR_CONDITIONER}")).await.is(200));
    let csv = user.get(&format!("/applications/{draft}/export?format=csv")).await.is(200);
    let text = String::from_utf8(csv.body.clone()).unwrap();
    let row = text.trim_end().lines().last().unwrap().to_owned();
    let file = format!("{}\n{}\n", text.trim_end(), row.replace("演示品牌", "")).into_bytes();
    let token = user.token().await;
    words.read(&user.multipart(&import, &[("csrf", &token)], &[("产品.csv", file)]).await.is(422));
    // Two sheets with content, and a row that nobody sees.
    let mut book = rust_xlsxwriter::Workbook::new();
    for name in ["一", "二"] {
        let sheet = book.add_worksheet().set_name(name).unwrap();
        let rows = crate::support::cells(&csv.body);
        for (n, row) in (0..).zip(rows.iter().chain(rows.last())) {
            for (at, text) in (0..).zip(row) {
                sheet.write_string(n, at, text).unwrap();
            }
        }
        sheet.set_row_hidden(u32::try_from(rows.len()).unwrap()).unwrap();
    }
    let file = book.save_to_buffer().unwrap();
    words.read(&user.multipart(&import, &[("csrf", &token)], &[("产品.xlsx", file)]).await.is(200));
    crate::templates::save(user, draft, "窗式空调器").await.is(200);
    words.read(&user.get(&format!("/product-templates?application={draft}")).await.is(200));
    let item = user.get(&format!("/applications/{draft}/items")).await.link("存为产品模板");
    words.read(&user.get(&item).await.is(200));
}

/// The pages that show what was typed and not saved: kept, and beside what another window saved.
async fn read_typed(words: &mut Words, user: &Browser, draft: &str) {
    let basics = format!("/applications/{draft}/basics");
    let page = user.get(&basics).await.is(200);
    let form = page.form("保存").set("remark", "没有保存的备注");
    user.post(&format!("/applications/{draft}/typed/basics"), &form.body()).await.is(200);
    words.read(&user.get(&basics).await.is(200));
    user.send(&page.form("保存").set("remark", "先保存的备注")).await.is(200);
    words.read(&user.send(&form).await.is(409));
}

/// 邮件通知 with a letter that failed, 两步验证 in all its stages, and 单位用户 with somebody who has it.
async fn read_profile(words: &mut Words, site: &Site, user: &Browser, colleague: &Browser) {
    *site.mail.refuses.lock().unwrap() = Some(Failure::Refused);
    site.work().await;
    *site.mail.refuses.lock().unwrap() = None;
    story::submitted(site, user).await;
    words.read(&user.get("/profile/letters").await.is(200));
    site.work().await;
    words.read(&user.get("/profile/letters").await.is(200));
    let page = colleague.get("/profile/second-factor").await.is(200);
    words.read(&page);
    words.read(&colleague.send(&page.form("开始设置").set("password", PASSWORD)).await.is(200));
    // Set up anew on the way to its codes.
    colleague.send(&colleague.get("/profile/second-factor").await.form("放弃设置")).await.is(200);
    crate::second_factor::enable(site, colleague).await;
    words.read(&colleague.get("/profile/second-factor").await.is(200));
    words.read(&user.get("/profile/colleagues").await.is(200));
    words.read(&user.get("/mailbox").await.is(200));
}

fn sources() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manual");
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "typ"))
        .map(|p| (p.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&p).unwrap()))
        .collect();
    found.sort();
    found
}

/// Every `#label[…]` of a source, as it is read.
fn labels(source: &str) -> Vec<String> {
    let inside = source.split("#label[").skip(1).filter_map(|rest| rest.split_once(']'));
    inside.map(|(label, _)| label.replace('\\', "")).collect()
}

/// The manual cannot fall behind: what it quotes as a label stands on a page, word for word.
#[tokio::test]
async fn every_label_of_the_manual_stands_on_a_page() {
    for site in Site::each().await {
        let mut words = Words::default();
        let visitor = site.visitor();
        for path in ["/", "/login", "/bulletins", "/password-reset", "/registration/terms", "/verification"] {
            words.read(&visitor.get(path).await.is(200));
        }
        for path in [
            "/pre-check?name=%E7%A9%BA%E8%B0%83",
            "/pre-check?hs=8415101000&exempt=none&clause=1",
            "/pre-check?hs=8415101000&exempt=none&clause=1&province=310000",
        ] {
            words.read(&visitor.get(path).await.is(200));
        }
        let terms = visitor.get("/registration/terms").await;
        let code = visitor.send(&terms.form("我同意")).await.is(200);
        words.read(&code);
        words.read(&visitor.send(&code.form("注册").set("org_code", "")).await.is(200));

        let user = site.company().await;
        let colleague = site.enterprise("colleague", "802100433").await;
        site.enterprise("newcomer", "802100433").await;
        db::testing::confirm(&site.app.db, "colleague").await;
        let bureau = Bureau::shanghai(&site).await;
        let draft = story::complete_draft(&site, &user).await;
        let returned = story::submitted(&site, &user).await;
        let (editing, opinion) = (format!("/applications/{returned}/items"), "请核对规格型号");
        decide(&bureau.accept, &returned, &[("decision", "return"), ("products.model", "1"), ("opinion", opinion)])
            .await
            .is(200);
        let paper = story::submitted(&site, &user).await;
        bureau.bring_to(&paper, Post::Compare).await;
        let notice = [
            ("decision", "request_paper"),
            ("address", "受理窗口"),
            ("papers", "担保书原件"),
            ("contact", "窗口 021-00000000"),
            ("deadline", "2026-12-01"),
        ];
        decide(&bureau.compare, &paper, &notice).await.is(200);
        let refused = story::submitted(&site, &user).await;
        decide(&bureau.accept, &refused, &[("decision", "refuse"), ("opinion", "不属于免办情形")]).await.is(200);
        let issued = story::issued(&site, &user, &bureau).await;
        let accepting = story::submitted(&site, &user).await;
        let terminated = story::submitted(&site, &user).await;
        let case = bureau.terminate.get(&format!("/casework/{terminated}")).await;
        let number = user.get(&format!("/applications/{terminated}")).await.texts("dd.code").remove(0);
        let fields = [("termination_reason", "企业注销，终止办理"), ("confirm_number", number.as_str())];
        bureau.terminate.send(&case.form("强制终止流程").fill(&fields)).await.is(200);

        let declaration = user.get("/applications/declaration").await.is(200);
        words.read(&declaration);
        words.read(&user.send(&declaration.form("我同意")).await.is(200));
        for path in [
            "/main".to_owned(),
            "/applications?size=50".to_owned(),
            format!("/applications/{draft}/basics"),
            format!("/applications/{draft}/items"),
            format!("/applications/{draft}/catalogue?code=84&name="),
            format!("/applications/{draft}/items/new?hs_code={AIR_CONDITIONER}"),
            format!("/applications/{draft}/attachments"),
            format!("/applications/{draft}/submission"),
            format!("/applications/{returned}/basics"),
            editing.clone(),
            format!("/applications/{returned}"),
            format!("/applications/{issued}/copy"),
            format!("/applications/{accepting}"),
            format!("/applications/{accepting}/receipt"),
            format!("/applications/{paper}/outcome"),
            format!("/applications/{refused}/outcome"),
            format!("/applications/{terminated}/outcome"),
            format!("/applications/{issued}/certificate"),
            "/certificates".to_owned(),
            "/profile/particulars".to_owned(),
            "/profile/password".to_owned(),
            "/profile/colleagues".to_owned(),
        ] {
            words.read(&user.get(&path).await.is(200));
        }
        let desk = Desk::shanghai(&site).await;
        let amended = story::issued(&site, &user, &bureau).await;
        let (certificate, number) = amendments::certificate_of(&site, &amended).await;
        words.read(&user.get(&format!("/certificates/{certificate}/amendment-request")).await.is(200));
        desk.release(&number).await.is(200);
        for path in ["", "/items", "/items/1"] {
            words.read(&user.get(&format!("/certificates/{certificate}/amendment{path}")).await.is(200));
        }
        words.read(&user.get("/applications?size=50").await.is(200));
        amendments::change_model(&user, certificate, "KC-26/ZW-T2").await.is(200);
        words.read(&amendments::submit(&user, certificate).await.is(200));
        words.read(&user.get(&format!("/certificates/{certificate}/amendment/submitted")).await.is(200));
        let back = [("decision", "send_back_amendment"), ("opinion", "型号与发票不一致。")];
        desk.decide(&site, certificate, &back).await.is(200);
        words.read(&user.get("/applications?size=50").await.is(200));

        let particulars = user.get("/profile/particulars").await.form("保存").set("contact_name", "李示例");
        words.read(&user.send(&particulars).await.is(200));
        crate::write_off::begun(&site, &user, &issued).await;
        let (certificate, _) = amendments::certificate_of(&site, &issued).await;
        for path in ["pre-write-offs/new", "pre-write-offs", "write-offs", "ledger"] {
            words.read(&user.get(&format!("/certificates/{certificate}/{path}")).await.is(200));
        }
        words.read(&user.get("/applications?state=issued").await.is(200));
        let owner = db::account::credentials(&site.app.db.read(), "shili_a").await.unwrap().unwrap().id;
        let changed = site.sit_down_with(owner, |p| p.applicant.contact = "李示例".to_owned()).await;
        words.read(&changed.get(&format!("/applications/{draft}/basics")).await.is(200));
        let first = format!("/applications/{accepting}");
        let product = user.get(&first).await.link("窗式空调器样机");
        words.read(&user.get(&product).await.is(200));

        words.read(&user.get(&user.get(&editing).await.link("查看")).await.is(200));
        read_ways_of_products(&mut words, &user, &draft).await;
        read_typed(&mut words, &user, &draft).await;
        read_profile(&mut words, &site, &user, &colleague).await;

        let mut unknown = Vec::new();
        let mut count = 0;
        for (file, source) in sources() {
            for label in labels(&source) {
                count += 1;
                if !words.0.contains(&label) && !is_said_by_script(&label) {
                    unknown.push(format!("{file}: {label}"));
                }
            }
        }
        assert!(count > 100, "{count} labels: the manual marks them with #label[…]");
        assert!(unknown.is_empty(), "the manual names what no page shows:\n{}", unknown.join("\n"));
    }
}

/// Every picture is used, small enough to be kept in the repository, and described.
#[test]
fn the_pictures_of_the_manual_are_small_and_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manual/pictures");
    let text: String = sources().into_iter().map(|(_, source)| source).collect();
    let mut found = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(text.contains(&format!("#picture(\"{name}\"")), "{name} stands in no chapter");
        assert!(fs::metadata(&path).unwrap().len() <= 80_000, "{name} is larger than 80 kB");
        found += 1;
    }
    assert_eq!(found, text.matches("#picture(\"").count(), "a picture is missing: run `make manual`");
}

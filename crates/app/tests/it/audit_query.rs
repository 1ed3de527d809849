//! 审计查询 (R-C-07, R-B-14): by case, person, bureau, action and time, page by page and as a file; the chains are checked on
//! the page; readings of personal data are logged (E11).

use std::collections::BTreeSet;

use domain::actor::Post;

use crate::story::{self, Bureau};
use crate::support::{Browser, JIANGSU, SHANGHAI, Site};

async fn cnca_admin(site: &Site) -> Browser {
    site.cnca("cnca_admin", &[Post::CncaAdmin]).await
}

async fn number_of(site: &Site, id: &str) -> String {
    #[derive(db::Row)]
    struct Number {
        number: String,
    }
    let sql = format!("SELECT number FROM application WHERE id = {id}");
    let found: Option<Number> = site.app.db.read().row(&sql, vec![]).await.unwrap();
    found.unwrap().number
}

/// R-C-07: each filter gives exactly the rows it names; what does not exist is said beside its field.
#[tokio::test]
async fn r_c_07_the_trail_is_asked_by_case_person_bureau_action_and_time() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let admin = cnca_admin(&site).await;
        let id = story::issued(&site, &user, &bureau).await;
        story::submitted(&site, &user).await;
        let number = number_of(&site, &id).await;
        let rows = async |query: &str| {
            let page = admin.get(&format!("/audit?{query}")).await.is(200);
            page.texts("#result tbody tr")
        };
        let case = rows(&format!("number={number}")).await;
        let deeds = site
            .number(&format!("SELECT COUNT(*) FROM audit WHERE subject_kind = 'application' AND subject_id = {id}"))
            .await;
        assert_eq!(i64::try_from(case.len()).unwrap(), deeds);
        assert!(
            case[0].contains("发证") && case[0].contains("sh_issue 某") && case[0].contains("待发证 → 已发证"),
            "{case:?}"
        );
        assert!(case[0].contains("上海出入境检验检疫局") && case[0].contains("发证岗"), "{case:?}");
        let by_person = rows("username=SH_ACCEPT").await;
        assert!(!by_person.is_empty() && by_person.iter().all(|r| r.contains("sh_accept")), "{by_person:?}");
        assert_eq!(rows("username=sh_accept&action=accept").await.len(), 1);
        assert!(rows("action=submit").await.len() == 2 && rows(&format!("bureau={JIANGSU}")).await.is_empty());
        let here = rows(&format!("bureau={SHANGHAI}&action=pass")).await;
        assert_eq!(here.len(), 3, "{here:?}");
        assert!(rows("from=2026-11-24").await.is_empty());
        // In the chain of the application, and in that of its certificate.
        assert_eq!(rows("from=2026-11-23&to=2026-11-23&action=issue").await.len(), 2);
        let accounts = rows("account=sh_accept").await;
        assert!(accounts.len() == 1 && accounts[0].contains("分配账号"), "{accounts:?}");
        let certificate = site.number("SELECT MAX(id) FROM certificate").await;
        let page = admin.get(&format!("/audit?number={number}")).await;
        assert!(page.hrefs("#result td a.code").iter().all(|h| *h == format!("/applications/{id}")));
        assert!(certificate > 0);

        let wrong = admin.get("/audit?number=MB1&username=nobody&from=x&certificate_no=1&account=nobody").await.is(422);
        assert_eq!(wrong.faulty_fields(), ["number", "certificate_no", "account", "username", "from"]);
        assert_eq!(wrong.value("username"), "nobody");
        let turned = admin.get("/audit?from=2026-11-24&to=2026-11-23").await.is(422);
        assert!(turned.error("to").contains("不能早于"), "{}", turned.text());
        admin.get("/audit?action=terminate").await.is(200).sees("没有符合条件的记录");
    }
}

/// R-C-07: page after page shows every row once, while others go on working; the file holds the same rows.
#[tokio::test]
async fn r_c_07_pages_and_the_file_hold_every_row_once() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let admin = cnca_admin(&site).await;
        for _ in 0..4 {
            story::issued(&site, &user, &bureau).await;
        }
        let all = site.number("SELECT COUNT(*) FROM audit").await;
        assert!(all > 60, "{all}");
        let mut seen = BTreeSet::new();
        let mut page = admin.get("/audit").await.is(200);
        let statements = page.statements;
        let mut shown = 0;
        loop {
            let links = page.hrefs("#result td .row-acts a");
            assert!(links.len() <= 50);
            shown += links.len();
            let labels = page.document_labels();
            seen.extend(labels);
            assert_eq!(page.statements, statements);
            let Some(older) = page.hrefs("#result .toolbar a").into_iter().find(|h| h.contains("before=")) else {
                break;
            };
            // Somebody works meanwhile: rows that are newer do not push others to the next page.
            story::open_draft(&user).await;
            page = admin.get(&older).await.is(200);
        }
        assert_eq!((i64::try_from(shown).unwrap(), i64::try_from(seen.len()).unwrap()), (all, all));

        let now = site.number("SELECT COUNT(*) FROM audit").await;
        let file = admin.get("/audit/export").await.is(200);
        let text = String::from_utf8(file.body.clone()).unwrap();
        assert!(text.starts_with('\u{feff}'));
        assert_eq!(i64::try_from(text.trim_end().split("\r\n").count()).unwrap(), now + 1);
        let few = admin.get("/audit/export?action=accept").await.is(200).html();
        assert_eq!(few.trim_end().split("\r\n").count(), 5, "{few}");
        admin.get("/audit/export?number=MB1").await.is(400).sees("没有这个申请单号");
        admin.get("/audit/readings?action=audit_trail").await.is(200).sees("没有符合条件的记录");
        site.note_readings().await;
        let log = admin.get("/audit/readings?action=audit_trail").await.is(200);
        assert_eq!(log.texts("#result tbody tr").len(), 2, "whoever takes the file away is logged");
    }
}

/// R-C-07: 局系统管理员 sees what his bureau did, and nothing of another.
#[tokio::test]
async fn r_c_07_a_bureau_sees_its_own_deeds() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::issued(&site, &user, &bureau).await;
        let own = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let other = site.officer("js_admin", JIANGSU, &[Post::BureauAdmin]).await;
        let rows = own.get(&format!("/audit?bureau={JIANGSU}")).await.is(200).texts("#result tbody tr");
        assert!(rows.len() >= 5 && rows.iter().all(|r| r.contains("上海出入境检验检疫局")), "{rows:?}");
        other.get("/audit").await.is(200).sees("没有符合条件的记录");
        own.get(&format!("/audit/chain?kind=application&id={id}")).await.is(200).sees("首尾相连");
        other.get(&format!("/audit/chain?kind=application&id={id}")).await.is(404);
        let number = number_of(&site, &id).await;
        other.get(&format!("/audit?number={number}")).await.is(200).sees("没有符合条件的记录");
        for path in ["/audit", "/audit/export", "/audit/chain", "/audit/readings"] {
            bureau.accept.get(path).await.is(403);
            user.get(path).await.is(403);
        }
    }
}

/// R-B-14: the page walks a chain and says whether it is whole; it looks at the newest checkpoint too.
#[tokio::test]
async fn r_b_14_the_page_checks_a_chain_and_the_newest_checkpoint() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let admin = cnca_admin(&site).await;
        let id = story::issued(&site, &user, &bureau).await;
        let chain = format!("/audit/chain?kind=application&id={id}");
        admin.get(&chain).await.is(200).sees("首尾相连").sees("还没有检查点").sees("尚未纳入");
        site.clock.pass_hours(1);
        app::jobs::duties(&site.app).await;
        let admin = {
            let found = db::account::credentials(&site.app.db.read(), "cnca_admin").await.unwrap();
            site.sit_down(found.unwrap().id).await
        };
        admin.get(&chain).await.is(200).sees("已纳入检查点").sees("条记录相符");
        for path in ["/audit/chain?kind=application&id=999", "/audit/chain?kind=x&id=1"] {
            admin.get(path).await.is(404);
        }
        db::testing::without_guards(&site.app.db).await;
        let sql = "UPDATE audit SET opinion = 'x' WHERE action = 'accept'";
        db::testing::try_sql(&site.app.db, sql).await.unwrap();
        admin.get(&chain).await.is(200).sees("处断开");
        let sql = "UPDATE audit_checkpoint SET hash = 'x'";
        db::testing::try_sql(&site.app.db, sql).await.unwrap();
        admin.get("/audit/chain").await.is(200).sees("与其记录不符");
        let sql = "UPDATE application SET audit_head = 'x'";
        db::testing::try_sql(&site.app.db, sql).await.unwrap();
        let sql = "UPDATE audit SET opinion = '同意。' WHERE action = 'accept'";
        db::testing::try_sql(&site.app.db, sql).await.unwrap();
        admin.get(&chain).await.is(200).sees("最后的记录缺失");
    }
}

/// E11: what officers and CNCA read of applications, files and certificates, and who looks at the users of an organisation,
/// is logged in batches and can be asked for; what an enterprise reads of its own is not.
#[tokio::test]
async fn r_c_07_readings_of_personal_data_are_logged() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::issued(&site, &user, &bureau).await;
        let number = number_of(&site, &id).await;
        site.note_readings().await;
        let before = site.number("SELECT COUNT(*) FROM reading").await;
        assert!(before >= 5, "each officer opened the case: {before}");
        let file = site.number("SELECT MIN(id) FROM attachment").await;
        let certificate = site.number("SELECT MIN(id) FROM certificate").await;
        let admin = cnca_admin(&site).await;
        for browser in [&user, &admin] {
            browser.get(&format!("/applications/{id}")).await.is(200);
            browser.get(&format!("/applications/{id}/print")).await.is(200);
            browser.get(&format!("/attachments/{file}")).await.is(200);
            browser.get(&format!("/certificates/{certificate}")).await.is(200);
        }
        user.get("/profile/colleagues").await.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM reading").await, before, "written in batches");
        site.note_readings().await;
        assert_eq!(site.number("SELECT COUNT(*) FROM reading").await, before + 5);
        let page = admin.get(&format!("/audit/readings?number={number}&username=cnca_admin")).await.is(200);
        let rows = page.texts("#result tbody tr");
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert!(rows.iter().all(|r| r.contains(&number)), "{rows:?}");
        let page = admin.get(&format!("/audit/readings?bureau={SHANGHAI}")).await.is(200);
        let of_bureau = i64::try_from(page.texts("#result tbody tr").len()).unwrap();
        assert_eq!(of_bureau, before);
        let users = admin.get("/audit/readings?action=colleagues&from=2026-11-23&to=2026-11-23").await.is(200);
        assert_eq!(users.texts("#result tbody tr").len(), 1);
        let wrong = admin.get("/audit/readings?number=MB1&username=nobody&to=x").await.is(422);
        assert_eq!(wrong.faulty_fields(), ["username", "number", "to"]);
        let own = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let rows = own.get("/audit/readings").await.is(200).texts("#result tbody tr");
        assert_eq!(i64::try_from(rows.len()).unwrap(), before, "his bureau's: {rows:?}");
    }
}

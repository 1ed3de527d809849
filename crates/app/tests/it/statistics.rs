//! 统计 (R-C-05): every number equals the list that it counts, over random histories; what is measured equals what a person
//! would find in the list; who sees what; the files; the statements.

use std::collections::BTreeMap;

use domain::actor::Post;
use domain::statistics::nearest_rank;
use proptest::strategy::{Strategy, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::story::{self, Bureau};
use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};

/// A history without screens: what the deeds leave in application, product and trail.
#[derive(Debug, Clone)]
struct History {
    bureau: usize,
    clause: usize,
    products: Vec<usize>,
    /// Milliseconds between the moves, and which way each one goes.
    steps: Vec<(i64, usize)>,
}

const BUREAUS: [&str; 2] = [SHANGHAI, JIANGSU];
const CLAUSES: [&str; 3] = ["1", "4", "8"];
/// An air conditioner, a tyre, and a code that is in no catalogue.
const CODES: [&str; 3] = ["8415101000", "4011100000", "0000000000"];
const HOUR: i64 = 3_600_000;

fn histories(n: usize) -> impl Strategy<Value = Vec<History>> {
    use proptest::collection::vec;
    let step = (0..240_i64, 0..12_usize).prop_map(|(hours, way)| (hours * HOUR + 17, way));
    let history = (0..2_usize, 0..3_usize, vec(0..3_usize, 1..4), vec(step, 1..10))
        .prop_map(|(bureau, clause, products, steps)| History { bureau, clause, products, steps });
    vec(history, n)
}

/// Where a move leads from here; none at the end.
fn next(state: &str, way: usize, back: &str) -> Option<(String, &'static str)> {
    let to = |s: &str, action| Some((s.to_owned(), action));
    match (state, way) {
        ("accepting", 0) => to("withdrawn", "withdraw"),
        ("accepting", 1) => to("acceptance_refused", "refuse"),
        ("accepting" | "first_review" | "final_review" | "comparing" | "comparing_paper", 2 | 3) => {
            to("returned", "return")
        }
        ("first_review", 1) => to("first_review_failed", "fail"),
        ("final_review", 1) => to("final_review_failed", "fail"),
        ("comparing" | "comparing_paper", 1) => to("comparing_failed", "fail"),
        ("accepting" | "first_review" | "final_review" | "comparing" | "awaiting_issue" | "returned", 4) => {
            to("terminated", "terminate")
        }
        ("comparing", 5 | 6) => to("comparing_paper", "request_paper"),
        ("comparing_paper", 5..=8) => to("comparing", "paper_arrived"),
        ("accepting", _) => to("first_review", "accept"),
        ("first_review", _) => to("final_review", "pass"),
        ("final_review", _) => to("comparing", "pass"),
        ("comparing" | "comparing_paper", _) => to("awaiting_issue", "pass"),
        ("awaiting_issue", _) => to("issued", "issue"),
        ("returned", _) => to(back, "resubmit"),
        _ => None,
    }
}

const fn post_of(state: &str) -> Option<Post> {
    match state.as_bytes() {
        b"accepting" => Some(Post::Accept),
        b"first_review" => Some(Post::FirstReview),
        b"final_review" => Some(Post::FinalReview),
        b"comparing" | b"comparing_paper" => Some(Post::Compare),
        b"awaiting_issue" => Some(Post::Issue),
        _ => None,
    }
}

async fn run(db: &db::Db, sql: &str) {
    db::testing::try_sql(db, sql).await.unwrap();
}

/// Writes the histories as rows; the trail is not chained here, its own tests do that.
async fn play(site: &Site, histories: &[History]) {
    let db = &site.app.db;
    let now = site.app.now().millis();
    let owner = site.account("shili_a").await.get();
    for (n, history) in histories.iter().enumerate() {
        let bureau = BUREAUS[history.bureau];
        let number = format!("MB{bureau}20260101{n:05}");
        let began = now - 330 * 24 * HOUR + i64::try_from(n).unwrap() * 31 * HOUR;
        run(
            db,
            &format!(
                "INSERT INTO application (state, owner_id, organisation_id, creation_key, number, applicant_name, \
                 applicant_folded, applicant_org_code, applicant_address, applicant_postcode, applicant_contact, \
                 applicant_phone, applicant_fax, applicant_email, applicant_remark, clause_code, trade_mode, \
                 first_saved_at, expires_at, submitted_at, receiving_bureau) SELECT 'accepting', {owner}, \
                 organisation_id, 'h{n}', '{number}', '示例', '示例', '1', '', '', '', '', '', '', '', '{}', '0110', \
                 {began}, {began}, {began}, '{bureau}' FROM account WHERE id = {owner}",
                CLAUSES[history.clause]
            ),
        )
        .await;
        let id = site.number(&format!("SELECT id FROM application WHERE creation_key = 'h{n}'")).await;
        run(db, &format!("INSERT INTO application_viewer (bureau_code, application_id) VALUES ('{bureau}', {id})"))
            .await;
        for step in ["accept", "first_review", "final_review", "compare", "issue"] {
            run(
                db,
                &format!(
                    "INSERT INTO application_route (application_id, step, bureau_code) VALUES ({id}, '{step}', '{bureau}')"
                ),
            )
            .await;
        }
        for (at, product) in history.products.iter().enumerate() {
            run(
                db,
                &format!(
                    "INSERT INTO application_item (application_id, hs_code, hs_name, product_name, product_folded, model, \
                     model_folded, brand, manufacturer, origin_country, qty, qty_unit, hs_qty, hs_unit, unit_price, \
                     total_price, currency, use_region_code, use_address, serials, usage_note, remark, traits, \
                     creation_key) VALUES ({id}, '{}', '', '', '', '', '', '', '', '', 1, '', 1, '', 0, 0, '', '', '', '', \
                     '', '', '[]', '{at}')",
                    CODES[*product]
                ),
            )
            .await;
        }
        let trail = async |from: &str, to: &str, action: &str, bureau: Option<&str>, at: i64| {
            let bureau = bureau.map_or("NULL".to_owned(), |b| format!("'{b}'"));
            run(
                db,
                &format!(
                    "INSERT INTO audit (subject_kind, subject_id, at, actor_name, bureau_code, action, from_state, \
                     to_state, opinion, detail, address, previous_hash, hash) VALUES ('application', {id}, {at}, '某', \
                     {bureau}, '{action}', '{from}', '{to}', '', '', '', '', '')"
                ),
            )
            .await;
        };
        trail("draft", "accepting", "submit", None, began).await;
        let (mut state, mut at, mut back) = ("accepting".to_owned(), began, "accepting".to_owned());
        for (pause, way) in &history.steps {
            let Some((to, action)) = next(&state, *way, &back) else { break };
            at = (at + pause).min(now - HOUR);
            if to == "returned" {
                back = if state == "comparing_paper" { "comparing".to_owned() } else { state.clone() };
            }
            let officer = (!matches!(action, "resubmit" | "withdraw")).then_some(bureau);
            trail(&state, &to, action, officer, at).await;
            state = to;
        }
        let post = post_of(&state);
        let (current, post) =
            post.map_or(("NULL".to_owned(), "NULL".to_owned()), |p| (format!("'{bureau}'"), format!("'{}'", p.word())));
        run(
            db,
            &format!(
                "UPDATE application SET state = '{state}', current_bureau = {current}, current_post = {post}, \
                 arrived_at = {at}, waiting_since = {at} WHERE id = {id}"
            ),
        )
        .await;
    }
    settle(site).await;
}

/// Lets the deeds settle, within the life of a session, and counts them.
async fn settle(site: &Site) {
    site.clock.set(site.app.now().plus_minutes(6));
    app::jobs::duties(&site.app).await;
}

/// The rows of the list's CSV: its columns by their heads.
async fn csv(user: &Browser, list: &str) -> Vec<BTreeMap<String, String>> {
    let path = list.replacen("/statistics/cases", "/statistics/cases/export", 1);
    let file = user.get(&format!("{path}&format=csv")).await.is(200);
    table(&file)
}

fn table(file: &Page) -> Vec<BTreeMap<String, String>> {
    let text = String::from_utf8(file.body.clone()).unwrap();
    let mut lines = text.strip_prefix('\u{feff}').unwrap().trim_end().split("\r\n");
    let heads: Vec<_> = lines.next().unwrap().split(',').map(str::to_owned).collect();
    lines.map(|line| heads.iter().cloned().zip(line.split(',').map(str::to_owned)).collect()).collect()
}

fn number(text: &str) -> i64 {
    let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
    digits.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// Follows every number of the page to its list; says how many there were.
async fn follow(user: &Browser, path: &str) -> usize {
    let page = user.get(path).await.is(200);
    let links: Vec<_> = page.hrefs("main a.num").into_iter().zip(page.texts("main a.num")).collect();
    let mut counted: BTreeMap<String, i64> = BTreeMap::new();
    for (href, text) in &links {
        let n = number(text);
        if href.contains("order=longest") {
            let rows = csv(user, href).await;
            let mut days: Vec<i64> = rows.iter().map(|r| r["工作日"].parse().unwrap()).collect();
            assert!(days.is_sorted_by(|a, b| a >= b), "{href}: the longest come first");
            let tenths = if text.contains("90%") { 9 } else { 5 };
            assert_eq!(nearest_rank(&mut days, tenths), Some(n), "{path} → {href}: {text}");
            continue;
        }
        let list = user.get(href).await.is(200);
        let total = number(&list.texts("#result b.total")[0]);
        assert_eq!(total, n, "{path} → {href}: {text}");
        counted.insert(href.clone(), total);
    }
    // Of a few the rows themselves: page after page, and as files.
    for (href, total) in counted.iter().step_by(7) {
        let rows = csv(user, href).await;
        assert_eq!(i64::try_from(rows.len()).unwrap(), *total, "{href}");
        if href.contains("late=1") {
            assert!(rows.iter().all(|r| r["超期"] == "是"), "{href}");
        }
        let mut list = user.get(href).await.is(200);
        let mut shown = 0;
        loop {
            shown += list.texts("#result tbody tr").len();
            let Some(older) = list.hrefs("#result .toolbar a").into_iter().find(|h| h.contains("before=")) else {
                break;
            };
            if list.texts("#result .toolbar a").iter().all(|t| t != "下一页") {
                break;
            }
            list = user.get(&older).await.is(200);
        }
        assert_eq!(i64::try_from(shown).unwrap(), *total, "{href}");
    }
    links.len()
}

/// R-C-05: over random histories each number of the page equals the list that its link opens, and medians and percentiles
/// equal those of the rows; the cells agree with the facts.
#[tokio::test]
async fn r_c_05_every_number_equals_the_list_that_it_counts() {
    for site in Site::each().await {
        site.company().await;
        let cnca = site.cnca("cnca_figures", &[Post::Statistics]).await;
        let admin = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let drawn = histories(140).new_tree(&mut TestRunner::deterministic()).unwrap().current();
        play(&site, &drawn).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM case_fact WHERE kind = 'submitted' AND hs_class = ''").await, 140);
        assert!(follow(&cnca, "/statistics").await > 150);
        assert!(follow(&cnca, &format!("/statistics?from=2026-02&to=2026-08&bureau={JIANGSU}&clause=4")).await > 20);
        assert!(follow(&admin, "/statistics?clause=1").await > 50);
        // A year holds them all.
        let months = table(&cnca.get("/statistics/export?table=months&format=csv").await.is(200));
        assert_eq!(months.last().unwrap()["申请量"], "140");
        assert_eq!(db::statistics::miscounted(site.app.db.read()).await.unwrap(), 0);
        // What is counted is not counted again.
        app::jobs::duties(&site.app).await;
        assert_eq!(db::statistics::miscounted(site.app.db.read()).await.unwrap(), 0);
        run(&site.app.db, "UPDATE statistic_cell SET n = n + 1 WHERE kind = 'submitted' AND days = 0").await;
        assert!(db::statistics::miscounted(site.app.db.read()).await.unwrap() > 0);
        let findings = db::doctor::examine(&site.app.db).await.unwrap();
        assert!(findings.faults.iter().any(|f| f.contains("cells of the statistics")), "{:?}", findings.faults);
    }
}

/// R-C-05: real deeds are counted once they have settled, with the clock standing while the enterprise corrects.
#[tokio::test]
async fn r_c_05_real_deeds_are_counted_once_they_have_settled() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::submitted(&site, &user).await;
        // Monday; accepted on Thursday, one day after the term.
        site.clock.pass_hours(72);
        let bureau = Bureau::shanghai(&site).await;
        let cnca = site.cnca("cnca_figures", &[Post::Statistics]).await;
        cnca.get("/statistics").await.is(200).sees("其中超期 1 （合计，在办超期） 件").sees("还没有计入");
        bureau.bring_to(&id, Post::FirstReview).await;
        app::jobs::duties(&site.app).await;
        settle(&site).await;
        let rows = |page: &Page, table: &str| page.texts(&format!("#{table} tbody tr"));
        let page = cnca.get("/statistics").await.is(200);
        let posts = rows(&page, "posts");
        assert!(posts[0].starts_with("受理（期限 2 个工作日） 1 （受理，办理量） 1 （受理，通过）"), "{posts:?}");
        assert!(posts[0].contains("3 （受理，中位天数）") && posts[0].contains("1 （受理，超期）"), "{posts:?}");
        assert!(posts[1].contains("1 （初审，在办）"), "{posts:?}");
        let bureaus = rows(&page, "bureaus");
        assert!(bureaus.len() == 1 && bureaus[0].starts_with("上海出入境检验检疫局"), "{bureaus:?}");
        assert!(rows(&page, "classes")[0].starts_with("家用和类似用途设备"));
        let late = page.hrefs("#posts tbody a.bad");
        cnca.get(&late[0]).await.is(200).sees("共 1 条").sees("超期").sees("上海局").sees("初审中");
    }
}

/// R-C-05: CNCA sees the country, an officer his bureau, whatever he asks for; enterprises and other posts of CNCA nothing.
#[tokio::test]
async fn r_c_05_a_bureau_sees_its_own_numbers_alone() {
    for site in Site::each().await {
        let company = site.company().await;
        let cnca = site.cnca("cnca_figures", &[Post::Statistics]).await;
        let publisher = site.cnca("cnca_publisher", &[Post::Publish]).await;
        let officer = site.officer("js_accept", JIANGSU, &[Post::Accept]).await;
        let idle = site.officer("js_idle", JIANGSU, &[]).await;
        let drawn = histories(30).new_tree(&mut TestRunner::deterministic()).unwrap().current();
        play(&site, &drawn).await;
        let here = drawn.iter().filter(|h| BUREAUS[h.bureau] == JIANGSU).count();
        for path in
            ["/statistics/cases?of=submitted".to_owned(), format!("/statistics/cases?of=submitted&bureau={SHANGHAI}")]
        {
            let list = officer.get(&path).await.is(200);
            assert_eq!(list.texts("#result b.total"), [here.to_string()], "{path}");
            let first = list.hrefs("#result td a.code").remove(0);
            officer.get(&first).await.is(200).sees("江苏");
            let file = csv(&officer, &path).await;
            assert!(file.len() == here && file.iter().all(|r| r["检验检疫局"].contains("江苏")), "{path}");
        }
        let page = officer.get(&format!("/statistics?bureau={SHANGHAI}")).await.is(200).sees_no("上海");
        assert!(page.texts("#bureaus").is_empty() && !page.has_field("bureau"));
        assert!(page.texts(".sidenav a").iter().any(|t| t == "统计"));
        assert_eq!(cnca.get("/statistics/cases").await.is(200).texts("#result b.total"), ["30"]);
        for nobody in [&company, &publisher, &idle] {
            for path in
                ["/statistics", "/statistics/cases", "/statistics/export?format=xlsx", "/statistics/cases/export"]
            {
                nobody.get(path).await.is(403);
            }
            assert!(nobody.get("/main").await.is(200).texts(".sidenav a").iter().all(|t| t != "统计"));
        }
    }
}

/// R-C-05: the files hold the numbers of the page; a list that was taken away is logged.
#[tokio::test]
async fn r_c_05_the_files_hold_the_numbers_of_the_page() {
    for site in Site::each().await {
        site.company().await;
        let cnca = site.cnca("cnca_figures", &[Post::Statistics]).await;
        let drawn = histories(40).new_tree(&mut TestRunner::deterministic()).unwrap().current();
        play(&site, &drawn).await;
        let page = cnca.get("/statistics").await.is(200);
        let book = cnca.get(&page.link("导出全部 XLSX")).await.is(200);
        let mut book =
            calamine::open_workbook_from_rs::<calamine::Xlsx<_>, _>(std::io::Cursor::new(book.body)).unwrap();
        for (word, title) in [
            ("months", "按月份"),
            ("posts", "按岗位"),
            ("bureaus", "按检验检疫局"),
            ("clauses", "按免办条款"),
            ("classes", "按 HS 产品类别"),
        ] {
            let shown: Vec<Vec<String>> = page
                .cells(&format!("#{word} table"))
                .into_iter()
                .map(|row| {
                    let value = |c: String| c.split('（').next().unwrap().trim().replace([',', '—'], "");
                    row.into_iter().enumerate().map(|(n, c)| if n == 0 { c } else { value(c) }).collect()
                })
                .collect();
            let file = cnca.get(&format!("/statistics/export?table={word}&format=csv")).await.is(200);
            let text = String::from_utf8(file.body).unwrap();
            let csv: Vec<Vec<String>> = text
                .trim_start_matches('\u{feff}')
                .lines()
                .map(|l| l.split(',').map(str::to_owned).collect())
                .collect();
            assert_eq!(csv, shown, "{word}");
            let sheet = calamine::Reader::worksheet_range(&mut book, title).unwrap();
            let xlsx: Vec<Vec<String>> = sheet.rows().map(|r| r.iter().map(ToString::to_string).collect()).collect();
            assert_eq!(xlsx, shown, "{word}");
        }
        // The pictures: Chinese labels, words for those who hear the page, nothing that the policy refuses.
        let html = page.html();
        assert_eq!(html.matches("<svg class=\"chart\" role=\"img\" aria-label=\"").count(), 6);
        assert!(html.contains("受理\n</text>") && html.contains("11 月\n</text>") && !html.contains("style="));

        cnca.get("/statistics/cases/export?of=decided&format=xlsx").await.is(200);
        site.note_readings().await;
        assert_eq!(site.number("SELECT COUNT(*) FROM reading WHERE what = 'statistics'").await, 1);
        cnca.get("/statistics/export?table=none&format=csv").await.is(404);
    }
}

/// R-C-05: what cannot be meant is said beside its field, all at once, and stays typed.
#[tokio::test]
async fn r_c_05_mistakes_in_the_filters_are_said_beside_their_fields() {
    for site in Site::each().await {
        let cnca = site.cnca("cnca_figures", &[Post::Statistics]).await;
        let wrong = cnca.get("/statistics?from=2026-13&to=x&bureau=1&clause=99").await.is(422);
        assert_eq!(wrong.faulty_fields(), ["from", "to", "bureau", "clause"]);
        assert_eq!(wrong.value("from"), "2026-13");
        let turned = cnca.get("/statistics?from=2026-05&to=2026-04").await.is(422);
        assert!(turned.error("to").contains("不能早于"));
        let long = cnca.get("/statistics?from=2001-01&to=2026-04").await.is(422);
        assert!(long.error("from").contains("60 个月"));
        let list = cnca.get("/statistics/cases?of=all&post=terminate&outcome=lost&from=2026").await.is(422);
        assert_eq!(list.faulty_fields(), ["of", "from", "post", "outcome"]);
        cnca.get("/statistics/cases/export?of=all&format=csv").await.is(400).sees("没有这种清单");
        cnca.get("/statistics?from=２０２６－０１&to=2026-01").await.is(200).sees("统计期间：2026 年 1 月");
    }
}

/// R-C-05: as many statements for many applications as for none.
#[tokio::test]
async fn r_c_05_the_statements_do_not_grow_with_the_data() {
    for site in Site::each().await {
        site.company().await;
        let cnca = site.cnca("cnca_figures", &[Post::Statistics]).await;
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let paths = ["/statistics", "/statistics/cases?of=decided", "/statistics/cases?of=waiting&late=1"];
        let counts = async || {
            let mut out = Vec::new();
            for path in paths {
                out.push((cnca.get(path).await.is(200).statements, officer.get(path).await.is(200).statements));
            }
            out
        };
        let few = counts().await;
        let drawn = histories(60).new_tree(&mut TestRunner::deterministic()).unwrap().current();
        play(&site, &drawn).await;
        assert_eq!(counts().await, few);
        assert!(few[0].0 <= 5 && few[0].1 <= 6 && few[1].0 <= 3 && few[1].1 <= 4, "{few:?}");
    }
}

//! How many statements each deed on the quantities of a certificate sends, for one product and for many: printed as
//! `docs/deeds.md`, which this test keeps true (`make docs` writes it again).

use std::fmt::Write as _;
use std::path::Path;

use domain::actor::Post;

use crate::story::{self, Bureau};
use crate::support::{Browser, Form, SHANGHAI, Site};
use crate::tables;
use crate::usage::{complete, open};
use crate::write_off::{YANGSHAN, items, lines_of};

/// Products of a deed. Up to [`BATCH`] they cost no statement more; the last shows what further batches cost.
const PRODUCTS: [usize; 3] = [1, BATCH, 120];
/// Entries of the ledger that one statement writes.
const BATCH: usize = 50;

/// A deed and how many statements it sent.
type Count = (&'static str, u64);

/// Who does the deeds.
struct People {
    user: Browser,
    bureau: Bureau,
    officer: Browser,
    supervisor: Browser,
}

/// Fills in an amount of 1, in both units, for each of these.
fn ones(form: Form, rows: &[i64]) -> Form {
    rows.iter().fold(form, |form, row| form.set(&format!("qty_{row}"), "1").set(&format!("hs_qty_{row}"), "1"))
}

async fn sent(browser: &Browser, form: &Form) -> u64 {
    browser.send_once(form).await.is(303).statements
}

/// Every deed over all products of a new certificate.
async fn counts(site: &Site, people: &People, products: usize) -> Vec<Count> {
    let People { user, bureau, officer, supervisor } = people;
    let (id, _) = tables::imported(site, user, products).await;
    story::submit(user, &id).await;
    bureau.bring_to(&id, Post::Terminate).await;
    let c = site.number(&format!("SELECT id FROM certificate WHERE application_id = {id}")).await;
    let lines = lines_of(site, c).await;
    assert_eq!(lines.len(), products);
    let declaration = async || {
        let page = user.get(&format!("/certificates/{c}/pre-write-offs/new")).await.is(200);
        ones(page.form("提交").fill(&YANGSHAN), &lines)
    };
    let decision = async |button: &str| {
        let batch = site.number("SELECT MAX(id) FROM pre_write_off").await;
        let page = officer.get(&format!("/pre-write-offs/{batch}/decision")).await.is(200);
        page.form(button).set("opinion", "与到货情况核对")
    };

    let mut out = vec![("预核销", sent(user, &declaration().await).await)];
    out.push(("撤回预核销", {
        let page = user.get(&format!("/certificates/{c}/pre-write-offs")).await.is(200);
        // Of more than a page of records all are named.
        let form = items(site).await.iter().fold(page.form("撤回"), |form, i| form.tick("item", &i.to_string()));
        sent(user, &form).await
    }));
    sent(user, &declaration().await).await;
    out.push(("退回预核销", sent(officer, &decision("退回预核销").await).await));
    sent(user, &declaration().await).await;
    out.push(("确认核销", sent(officer, &decision("确认核销").await).await));
    out.push(("直接核销", {
        let page = officer.get(&format!("/certificates/{c}/draw-down")).await.is(200);
        sent(officer, &ones(page.form("核销").fill(&YANGSHAN), &lines)).await
    }));
    out.push(("冲销（每次一笔）", {
        let sql = format!("SELECT MAX(id) FROM ledger_entry WHERE certificate_id = {c} AND kind = 'direct'");
        let path = format!("/certificates/{c}/ledger/{}/reversal", site.number(&sql).await);
        let page = officer.get(&path).await.is(200);
        sent(officer, &page.form("冲销").set("reason", "数量填错")).await
    }));
    let ordinals: Vec<i64> = (1..=i64::try_from(products).unwrap()).collect();
    let record = async || {
        let page = open(user, &id, "use", &ordinals).await.is(200);
        let form = page.form("提交").fill(complete("use"));
        ordinals.iter().fold(form, |form, n| form.set(&format!("qty_{n}"), "1"))
    };
    let judgement = async |decision: &str| {
        let record = site.number("SELECT MAX(id) FROM usage_record").await;
        let page = supervisor.get(&format!("/usage-records/{record}/review")).await.is(200);
        page.form("提交意见").fill(&[("decision", decision), ("opinion", "与实物核对。")])
    };
    out.push(("提交产品使用记录", sent(user, &record().await).await));
    out.push(("审核未通过", sent(supervisor, &judgement("usage_reject").await).await));
    sent(user, &record().await).await;
    out.push(("审核通过", sent(supervisor, &judgement("usage_approve").await).await));
    out
}

/// The table, of the counts for each number of [`PRODUCTS`].
fn document(counts: &[Vec<Count>]) -> String {
    let mut out = format!(
        "# Statements per deed\n\n\
         Printed by a test (`crates/app/tests/it/deeds.rs`, `make docs`), which fails when a count changes. Counted is \
         every statement of the request that does the deed, from the session to the letter; BEGIN and COMMIT are not \
         among them. SQLite and PostgreSQL get the same ones.\n\n\
         Up to {BATCH} products a deed costs what one product costs: check and change of all balances are one guarded \
         statement, and the entries of the ledger another. Beyond that, rows are written in batches: {BATCH} entries of \
         the ledger, 150 products of a 预核销, 300 of a 产品使用记录 to a statement; balances change 200 at a time.\n\n\
         | deed | 1 product | {} products | {} products |\n| --- | ---: | ---: | ---: |\n",
        PRODUCTS[1], PRODUCTS[2]
    );
    for (n, (deed, one)) in counts[0].iter().enumerate() {
        writeln!(out, "| {deed} | {one} | {} | {} |", counts[1][n].1, counts[2][n].1).unwrap();
    }
    out
}

/// The statements of a deed do not grow with its products, but by batches.
#[tokio::test]
async fn the_statements_of_a_deed_do_not_grow_with_its_products() {
    let mut documents = Vec::new();
    for site in Site::each().await {
        let people = People {
            user: site.company().await,
            bureau: Bureau::shanghai(&site).await,
            officer: site.officer("sh_writeoff", SHANGHAI, &[Post::WriteOff]).await,
            supervisor: site.officer("sh_watch", SHANGHAI, &[Post::Supervise]).await,
        };
        let mut all = Vec::new();
        for products in PRODUCTS {
            all.push(counts(&site, &people, products).await);
        }
        println!("{all:?}");
        assert_eq!(all[0], all[1], "{BATCH} products as one");
        for (few, many) in all[0].iter().zip(&all[2]) {
            let batches = u64::try_from(PRODUCTS[2].div_ceil(BATCH)).unwrap();
            assert!((few.1..few.1 + batches).contains(&many.1), "{few:?}, {many:?}");
        }
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
        documents.push(document(&all));
    }
    documents.dedup();
    assert_eq!(documents.len(), 1, "both databases get the same statements: {documents:?}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/deeds.md");
    if std::env::var_os("MIANBAN_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &documents[0]).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == documents[0], "docs/deeds.md is stale: run `make docs`; it should say\n{}", documents[0]);
}

//! The kinds of request that are measured, their budgets, and what each answer must be.

use std::sync::Arc;

use anyhow::Context as _;
use domain::time::{Clock as _, SystemClock};

use crate::browser::{Browser, hidden};
use crate::data::WRITER;
use crate::http::{Connection, Request};
use crate::server::Server;
use crate::store::{Place, Store};

/// A kind of request.
#[derive(Clone)]
pub struct Kind {
    /// Its name in the table.
    pub name: &'static str,
    /// The route under which the program counts it.
    pub route: &'static str,
    /// CPU time that one may cost, program and database together, µs.
    pub budget: Option<u64>,
    /// The status of every answer.
    pub status: u16,
    /// A list: the page uncompressed, and the rows that it must show.
    pub rows: Option<(Request, usize)>,
    /// A deed that can be done once to each of its drafts: half as many are measured.
    pub writes: bool,
    /// The n-th request; no number is used twice.
    pub make: Arc<dyn Fn(usize) -> Request + Send + Sync>,
}

/// Who is signed in.
struct People {
    enterprise: Browser,
    writer: Browser,
    officer: Browser,
    cnca: Browser,
}

/// What a page of a narrowed list may cost, µs.
pub const NARROWED: u64 = 4_000;
const LIST: Option<u64> = Some(NARROWED);
/// Unnarrowed fuzzy search (E10).
const FUZZY: Option<u64> = Some(20_000);
const OPEN: Option<u64> = Some(1_500);
const SAVE: Option<u64> = Some(2_000);

const OWN: &str = "owner_id = (SELECT id FROM account WHERE username = 'demo_enterprise')";
const OURS: &str = "(SELECT bureau_code FROM account WHERE username = 'demo_accept')";

/// All kinds but the submission, which needs the letters held.
pub async fn reading_and_saving(server: &Server, store: &Store, saved: Vec<i64>) -> anyhow::Result<Vec<Kind>> {
    let people = People {
        enterprise: Browser::sign_in(server.address, "enterprise", "demo_enterprise").await?,
        writer: Browser::sign_in(server.address, "enterprise", WRITER).await?,
        officer: Browser::sign_in(server.address, "bureau", "demo_accept").await?,
        cnca: Browser::sign_in(server.address, "cnca", "demo_cnca").await?,
    };
    let mut kinds = lists(store, &people).await?;
    kinds.extend(pages(store, &people).await?);
    kinds.push(save(server, people.writer, saved).await?);
    Ok(kinds)
}

/// A handler that asks no database: what the layers around every handler cost.
pub fn without_database(server: &Server) -> Kind {
    let address = server.address;
    Kind {
        name: "a handler without database (/healthz)",
        route: "/healthz",
        budget: None,
        status: 200,
        rows: None,
        writes: false,
        make: Arc::new(move |_| Request::get("/healthz", address)),
    }
}

async fn lists(store: &Store, people: &People) -> anyhow::Result<Vec<Kind>> {
    let of = |name, route, browser: &Browser, path: &str, total: i64| {
        let shown = usize::try_from(total.min(50)).unwrap_or_default();
        anyhow::ensure!(shown > 0, "{name}: nothing to list");
        let (browser, path) = (browser.clone(), path.to_owned());
        Ok(Kind {
            name,
            route,
            budget: LIST,
            status: 200,
            rows: Some((browser.plain(&path), shown)),
            writes: false,
            make: Arc::new(move |_| browser.page(&path)),
        })
    };
    let count =
        async |condition: &str| store.number(&format!("SELECT COUNT(*) FROM application a WHERE {condition}")).await;
    let filters = "applicant=%E7%A4%BA%E4%BE%8B&contract_no=bench-1&state=issued";
    let accepting = format!("current_bureau = {OURS} AND state = 'accepting'");
    let (applications, casework) = ("/applications", "/casework");
    Ok(vec![
        of("list of an enterprise", applications, &people.enterprise, "/applications?size=50", count(OWN).await?)?,
        of(
            "list of an enterprise, three filters",
            applications,
            &people.enterprise,
            &format!("/applications?size=50&{filters}"),
            count(&format!("{OWN} AND contract_no_folded LIKE '%bench-1%' AND state = 'issued'")).await?,
        )?,
        of("worklist of a post", casework, &people.officer, "/casework?post=accept&size=50", count(&accepting).await?)?,
        of(
            "worklist of a post, filtered",
            casework,
            &people.officer,
            "/casework?post=accept&size=50&applicant=%E7%A4%BA%E4%BE%8B",
            count(&accepting).await?,
        )?,
        of(
            "list of a bureau",
            applications,
            &people.officer,
            "/applications?size=50",
            count(&format!(
                "EXISTS (SELECT 1 FROM application_route r WHERE r.application_id = a.id AND r.bureau_code = {OURS})"
            ))
            .await?,
        )?,
        of(
            "list of all (CNCA)",
            applications,
            &people.cnca,
            "/applications?size=50",
            count("state <> 'draft'").await?,
        )?,
        // Nothing but a text narrows it.
        Kind {
            budget: FUZZY,
            ..of(
                "list of all (CNCA), one applicant",
                applications,
                &people.cnca,
                "/applications?size=50&applicant=%E7%A4%BA%E4%BE%8B%E8%BF%9B%E5%87%BA%E5%8F%A3%E4%BC%81%E4%B8%9A0123",
                count("state <> 'draft' AND applicant_folded LIKE '%0123%'").await?,
            )?
        },
    ])
}

/// The lists whose cost must not follow the number of applications.
pub async fn growing(server: &Server, store: &Store) -> anyhow::Result<Vec<Kind>> {
    let officer = Browser::sign_in(server.address, "bureau", "demo_accept").await?;
    let people = People {
        enterprise: Browser::sign_in(server.address, "enterprise", "demo_enterprise").await?,
        writer: officer.clone(),
        officer,
        cnca: Browser::sign_in(server.address, "cnca", "demo_cnca").await?,
    };
    let writer_off = Browser::sign_in(server.address, "bureau", "demo_writeoff").await?;
    let mut kinds = lists(store, &people).await?;
    let number = store.text("SELECT MAX(number) FROM certificate").await?;
    let (bureau, cnca, search) = (&people.officer, &people.cnca, "/write-off/search");
    // A part of the names of ten enterprises in five hundred; the name of one; what no name holds.
    let (several, one, none) = ("%E4%BC%81%E4%B8%9A012", "%E4%BC%81%E4%B8%9A0123", "%E6%B2%A1%E6%9C%89");
    let product = "%E7%A9%BA%E8%B0%83";
    // One kind of refrigerators in some thousand of all products, and a tenth of them.
    let (one_product, products) =
        ("%E5%86%B7%E8%97%8F%E7%AE%B1%E6%A0%B7%E6%9C%BA-51", "%E5%86%B7%E8%97%8F%E7%AE%B1%E6%A0%B7%E6%9C%BA-5");
    let more = [
        ("worklist of a bureau", "/casework", LIST, bureau, "/casework?scope=bureau&size=50".to_owned()),
        (
            "certificates of an enterprise",
            "/certificates",
            LIST,
            &people.enterprise,
            "/certificates?size=50".to_owned(),
        ),
        ("certificates of a bureau", "/certificates", LIST, bureau, "/certificates?size=50".to_owned()),
        (
            "list of a bureau, part of some applicants' names",
            "/applications",
            FUZZY,
            bureau,
            format!("/applications?size=50&applicant={several}"),
        ),
        (
            "list of all (CNCA), part of some applicants' names",
            "/applications",
            FUZZY,
            cnca,
            format!("/applications?size=50&applicant={several}"),
        ),
        ("全国证明查询, a number", search, LIST, &writer_off, format!("{search}?number={number}")),
        ("全国证明查询, part of a holder's name", search, FUZZY, &writer_off, format!("{search}?holder={one}")),
        ("全国证明查询, part of some holders' names", search, FUZZY, &writer_off, format!("{search}?holder={several}")),
        (
            "全国证明查询, part of a product's name",
            search,
            FUZZY,
            &writer_off,
            format!("{search}?product_name={product}"),
        ),
        ("全国证明查询, some products' names", search, FUZZY, &writer_off, format!("{search}?product_name={products}")),
        (
            "全国证明查询, one product's name",
            search,
            FUZZY,
            &writer_off,
            format!("{search}?product_name={one_product}"),
        ),
        ("全国证明查询, a product that is none's", search, FUZZY, &writer_off, format!("{search}?product_name={none}")),
        ("全国证明查询, part of an HS code", search, FUZZY, &writer_off, format!("{search}?hs_code=8415")),
        ("综合查询 of the country, a number", "/search", FUZZY, cnca, format!("/search?q={number}")),
        ("综合查询 of the country, a company", "/search", FUZZY, cnca, format!("/search?q={one}")),
        ("综合查询 of the country, products", "/search", FUZZY, cnca, format!("/search?tab=products&q={product}")),
        (
            "综合查询 of the country, some products",
            "/search",
            FUZZY,
            cnca,
            format!("/search?tab=products&q={products}"),
        ),
        (
            "综合查询 of the country, part of an HS code",
            "/search",
            FUZZY,
            cnca,
            "/search?tab=products&q=8415".to_owned(),
        ),
        ("综合查询 of a bureau, products", "/search", FUZZY, bureau, format!("/search?tab=products&q={product}")),
        ("统计 of the country, two years", "/statistics", None, cnca, statistics_path()),
        ("统计 of a bureau, two years", "/statistics", None, bureau, statistics_path()),
    ];
    for (name, route, budget, browser, path) in more {
        let browser = browser.clone();
        let make = Arc::new(move |_| browser.page(&path));
        kinds.push(Kind { name, route, budget, status: 200, rows: None, writes: false, make });
    }
    Ok(kinds)
}

fn statistics_path() -> String {
    let from = SystemClock.now().china_day().plus_days(-730).to_string();
    format!("/statistics?from={}", &from[..7])
}

async fn pages(store: &Store, people: &People) -> anyhow::Result<Vec<Kind>> {
    let own =
        store.numbers(&format!("SELECT id FROM application WHERE {OWN} AND state <> 'draft' ORDER BY id")).await?;
    let cases = store.numbers(&format!("SELECT id FROM application WHERE current_bureau = {OURS} ORDER BY id")).await?;
    let papers = store
        .numbers(&format!(
            "SELECT c.id FROM certificate c JOIN application a ON a.id = c.application_id \
             JOIN certificate_version v ON v.certificate_id = c.id AND v.version = c.version \
             WHERE a.{OWN} AND v.object_key IS NOT NULL ORDER BY c.id"
        ))
        .await?;
    let of = |name, route, budget, browser: &Browser, ids: Vec<i64>, path: fn(i64) -> String| {
        anyhow::ensure!(!ids.is_empty(), "{name}: nothing to open");
        let browser = browser.clone();
        // A stride that is prime visits all of them in a scattered order.
        let make = move |n: usize| browser.page(&path(ids[n * 7919 % ids.len()]));
        Ok(Kind { name, route, budget, status: 200, rows: None, writes: false, make: Arc::new(make) })
    };
    let paper = |id| format!("/certificates/{id}/document");
    Ok(vec![
        of("open an application", "/applications/{id}", OPEN, &people.enterprise, own, |id| {
            format!("/applications/{id}")
        })?,
        of("open a case (officer)", "/casework/{id}", OPEN, &people.officer, cases, |id| format!("/casework/{id}"))?,
        of("download a certificate", "/certificates/{id}/document", None, &people.enterprise, papers, paper)?,
    ])
}

/// Saving 申请基本信息: each its own draft, whose content and therefore whose `seen` is the same.
async fn save(server: &Server, writer: Browser, drafts: Vec<i64>) -> anyhow::Result<Kind> {
    let first = drafts.first().context("no draft to save")?;
    let mut connection = Connection::open(server.address).await?;
    let page = connection.send(&writer.plain(&format!("/applications/{first}/basics"))).await?;
    page.expect(200, "the form of a draft")?;
    let seen = hidden(&page.text(), "seen")?;
    let make = move |n: usize| {
        let invoice = format!("INV-{n:05}");
        let fields = [
            ("seen", seen.as_str()),
            ("clause_code", "1"),
            ("trade_mode", "0110"),
            ("use_region_code_1", "310000"),
            ("use_region_code_2", "310100"),
            ("use_region_code_3", "310115"),
            ("use_address", "示例科技园 3 号楼 2 层"),
            ("use_unit_name", "示例电器(上海)有限公司"),
            ("use_contact", "张示例"),
            ("use_phone", "021-00000000"),
            ("contract_no", "DEMO-0001"),
            ("invoice_no", invoice.as_str()),
            ("purpose", "用于新一代房间空气调节器能效对比测试，样机测试完成后退运出境，不在境内销售。"),
            ("disposal_plan", "return"),
        ];
        writer.form(&format!("/applications/{}/basics", drafts[n]), &fields)
    };
    Ok(Kind {
        name: "save a form",
        route: "/applications/{id}/basics",
        budget: SAVE,
        status: 303,
        rows: None,
        writes: true,
        make: Arc::new(make),
    })
}

/// Submitting: each its own complete draft.
pub async fn submit(server: &Server, place: &Place, drafts: Vec<i64>) -> anyhow::Result<Kind> {
    let writer = Browser::sign_in(server.address, "enterprise", WRITER).await?;
    // A server of its own costs a round trip for each of the statements of a submission.
    let budget = match place {
        Place::Sqlite(_) => 3_000,
        Place::Postgres(_) => 5_000,
    };
    Ok(Kind {
        name: "submit",
        route: "/applications/{id}/submission",
        budget: Some(budget),
        status: 303,
        rows: None,
        writes: true,
        make: Arc::new(move |n| writer.form(&format!("/applications/{}/submission", drafts[n]), &[])),
    })
}

//! 证明列表: who sees what, filters, orders, pages, and 批量下载 (manual §2.6).

use std::io::{Cursor, Read as _};

use domain::actor::Post;
use domain::ids::BureauCode;
use domain::policy::Scope;

use crate::story::{self, Bureau};
use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};

/// Issued certificates: their ids, the oldest first.
async fn issue(site: &Site, user: &Browser, bureau: &Bureau, n: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for _ in 0..n {
        let application = story::issued(site, user, bureau).await;
        ids.push(site.number(&format!("SELECT id FROM certificate WHERE application_id = {application}")).await);
    }
    ids
}

async fn sql(site: &Site, sql: &str) {
    db::testing::try_sql(&site.app.db, sql).await.unwrap();
}

async fn ends(site: &Site, id: i64, day: &str) {
    sql(site, &format!("UPDATE certificate SET valid_to = '{day}' WHERE id = {id}")).await;
}

async fn text(site: &Site, sql: &str) -> String {
    #[derive(db::Row)]
    struct Text {
        t: String,
    }
    let found: Option<Text> = site.app.db.read().row(sql, vec![]).await.unwrap();
    found.unwrap().t
}

async fn number_of(site: &Site, id: i64) -> String {
    text(site, &format!("SELECT number AS t FROM certificate WHERE id = {id}")).await
}

/// Writes off so much of the first product, and what the certificate counts of its lines.
async fn write_off(site: &Site, id: i64, units: &str) {
    for statement in [
        format!("UPDATE certificate_item SET written_off = {units} WHERE certificate_id = {id}"),
        format!(
            "UPDATE certificate SET written_lines = 1, open_lines = (SELECT COUNT(*) FROM certificate_item i \
             WHERE i.certificate_id = {id} AND i.written_off < i.required) WHERE id = {id}"
        ),
    ] {
        sql(site, &statement).await;
    }
}

/// The ids of the rows, in the order of the page.
fn ids(page: &Page) -> Vec<i64> {
    page.hrefs("tbody .lead-cell > div > a.code")
        .iter()
        .map(|h| h.trim_start_matches("/certificates/").split('?').next().unwrap().parse().unwrap())
        .collect()
}

/// R-2.6-01: the list shows number, application, holder, clause, validity, days left, standing and what is written off;
/// it leads to certificate and application, and back with the filters.
#[tokio::test]
async fn r_2_6_01_the_list_shows_every_certificate_and_leads_to_it() {
    for site in Site::each().await {
        let user = site.company().await;
        user.get("/certificates").await.is(200).sees("还没有证明").sees("申请审批通过并发证后");
        let bureau = Bureau::shanghai(&site).await;
        let id = issue(&site, &user, &bureau, 1).await.remove(0);
        let number = number_of(&site, id).await;
        let page = user.get("/certificates?number=31&size=10").await.is(200);
        let row = page.texts("tbody tr").remove(0);
        for words in [&number, "MB3100002026112300001", "示例电器", "2026-11-23 至", "2027-02-20", "剩余 89 天", "有效"]
        {
            assert!(row.contains(words), "{words}: {row}");
        }
        assert!(row.contains("0 / 12.5"), "{row}");
        assert!(user.get("/main").await.texts("nav a").contains(&"证明列表".to_owned()));
        let certificate = user.get(&page.link(&number)).await.is(200).sees("第 1 版");
        assert_eq!(certificate.link("返回证明列表"), "/certificates?size=10&number=31");
        user.get(&page.link("MB3100002026112300001")).await.is(200);
        // The way back never leads elsewhere.
        let elsewhere = user.get(&format!("/certificates/{id}?back=%2F%2Fevil.example%2F")).await.is(200);
        assert_eq!(elsewhere.link("返回证明列表"), "/certificates?//evil.example/");

        write_off(&site, id, "250000").await;
        assert!(user.get("/certificates").await.texts("tbody tr")[0].contains("2.5 / 12.5"));
        write_off(&site, id, "required").await;
        let row = user.get("/certificates").await.texts("tbody tr").remove(0);
        assert!(row.contains("核销完毕") && !row.contains("剩余"), "{row}");
    }
}

/// D5: the holder, his colleagues when the organisation shares, the bureaus of the route, CNCA; nobody else.
#[tokio::test]
async fn d_5_everybody_lists_what_he_may_see() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = issue(&site, &user, &bureau, 1).await.remove(0);
        let colleague = site.enterprise("colleague", "802100433").await;
        db::testing::confirm(&site.app.db, "colleague").await;
        let stranger = site.enterprise("stranger", "911100008").await;
        let elsewhere = site.officer("js", JIANGSU, &[Post::Issue]).await;
        let cnca = site.cnca("cnca", &[Post::Statistics]).await;
        let sees = async |who: &Browser| ids(&who.get("/certificates").await.is(200)) == [id];
        assert!(sees(&user).await && sees(&bureau.accept).await && sees(&cnca).await);
        assert!(!sees(&colleague).await && !sees(&stranger).await && !sees(&elsewhere).await);
        db::testing::set_sharing(&site.app.db, "802100433", true).await;
        assert!(sees(&colleague).await);
        // The applicant is a filter of those who see others' certificates.
        assert!(bureau.accept.get("/certificates").await.has_field("applicant"));
        assert!(!user.get("/certificates").await.has_field("applicant"));
        for who in [&elsewhere, &stranger] {
            who.get(&format!("/certificates/archive?id={id}")).await.is(404);
            who.get("/certificates/archive?all=1").await.is(400).sees("没有符合条件的证明");
        }
    }
}

/// Filters, joined by AND; three orders; a new last day reaches the bureau's list by itself.
#[tokio::test]
async fn filters_and_orders_of_certificates() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let cnca = site.cnca("cnca", &[Post::Statistics]).await;
        let all = issue(&site, &user, &bureau, 6).await;
        let [expired, soon, valid, amending, exhausted, revoked] = all[..] else { panic!("{all:?}") };
        for (id, day) in
            [(expired, "2026-11-22"), (soon, "2026-12-03"), (amending, "2026-11-23"), (exhausted, "2026-12-01")]
        {
            ends(&site, id, day).await;
        }
        for (id, state) in [(amending, "amending"), (revoked, "revoked")] {
            sql(&site, &format!("UPDATE certificate SET state = '{state}' WHERE id = {id}")).await;
        }
        write_off(&site, exhausted, "required").await;
        let number = number_of(&site, soon).await;
        let application = text(&site, &format!("SELECT a.number AS t FROM application a JOIN certificate c ON c.application_id = a.id WHERE c.id = {soon}")).await;
        for who in [&user, &bureau.accept, &cnca] {
            let found = async |query: &str| ids(&who.get(&format!("/certificates?{query}")).await.is(200));
            assert_eq!(found("").await, [revoked, exhausted, amending, valid, soon, expired]);
            let by_end = [expired, amending, exhausted, soon, valid, revoked];
            assert_eq!(found("sort=ends_first").await, by_end);
            let latest: Vec<_> = by_end.into_iter().rev().collect();
            assert_eq!(found("sort=ends_last").await, latest);
            for (query, expected) in [
                ("standing=valid", vec![valid, soon]),
                ("standing=expired", vec![expired]),
                ("standing=exhausted", vec![exhausted]),
                ("standing=amending", vec![amending]),
                ("standing=revoked", vec![revoked]),
                ("standing=surrendered", vec![]),
                ("within=0", vec![amending]),
                ("within=%EF%BC%91%EF%BC%90", vec![amending, soon]),
                ("from=2026-11-23&to=2026-12-01", vec![exhausted, amending]),
                ("from=2026-12-03&standing=valid&sort=ends_first", vec![soon, valid]),
                (&format!("number={}", &number[3..]), vec![soon]),
                (&format!("number={number}&standing=expired"), vec![]),
                (&format!("application={}", application[2..].to_lowercase()), vec![soon]),
            ] {
                assert_eq!(found(query).await, expected, "{query}");
            }
            who.get("/certificates?standing=surrendered").await.sees("没有符合条件的证明").sees("清除条件");
        }
        assert_eq!(ids(&cnca.get("/certificates?applicant=%E7%A4%BA%E4%BE%8B&within=30").await), [amending, soon]);
        assert!(ids(&cnca.get("/certificates?applicant=%E5%88%AB%E7%9A%84").await).is_empty());

        // What cannot be read is said beside its field, all at once, and stays.
        let page = user.get("/certificates?from=2026-13-01&to=x&within=400&standing=odd&number=31").await.is(422);
        assert_eq!(page.faulty_fields(), ["from", "to", "within", "standing"]);
        assert_eq!((page.value("within").as_str(), page.value("number").as_str()), ("400", "31"));
        assert!(page.error("within").contains("0 至 365"), "{}", page.error("within"));
        let page = user.get("/certificates?from=2026-12-02&to=2026-12-01").await.is(422);
        assert_eq!(page.faulty_fields(), ["to"]);
    }
}

/// Makes `n` more certificates of the same company and bureau, each with a row in every table that lists read.
async fn multiply(site: &Site, n: usize) {
    let copied = "owner_id, organisation_id, applicant_name, applicant_folded, applicant_org_code, applicant_address, \
                  applicant_postcode, applicant_contact, applicant_phone, applicant_fax, applicant_email, \
                  applicant_remark, clause_code, trade_mode, first_saved_at, expires_at";
    let first = "(SELECT MIN(application_id) FROM certificate)";
    let fresh =
        "a.creation_key LIKE 'copy%' AND NOT EXISTS (SELECT 1 FROM certificate c WHERE c.application_id = a.id)";
    let one = "(SELECT MIN(id) FROM certificate)";
    for statement in [
        format!(
            "INSERT INTO application (state, creation_key, number, {copied}) \
             WITH RECURSIVE n (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n WHERE k < {n}) \
             SELECT 'issued', 'copy' || n.k, 'MB' || n.k, {copied} FROM application a CROSS JOIN n WHERE a.id = {first}"
        ),
        format!(
            "INSERT INTO application_viewer (bureau_code, application_id, state) SELECT v.bureau_code, a.id, a.state \
             FROM application a CROSS JOIN application_viewer v WHERE v.application_id = {first} AND {fresh}"
        ),
        format!(
            "INSERT INTO certificate (application_id, number, check_code, state, version, valid_from, valid_to, bureau_code, \
             issued_at, issued_by, lines, open_lines, owner_id, organisation_id) SELECT a.id, 'N' || a.id, t.check_code, \
             'valid', 1, t.valid_from, '2027-03-' || CAST(10 + a.id % 20 AS TEXT), t.bureau_code, t.issued_at, t.issued_by, \
             1, 1, a.owner_id, a.organisation_id \
             FROM application a CROSS JOIN certificate t WHERE t.id = {one} AND {fresh}"
        ),
        format!(
            "INSERT INTO certificate_version (certificate_id, version, sheet, created_at, object_key, sha256) \
             SELECT c.id, 1, v.sheet, v.created_at, v.object_key, v.sha256 FROM certificate c CROSS JOIN certificate_version v \
             WHERE v.certificate_id = {one} AND c.number LIKE 'N%'"
        ),
        "INSERT INTO certificate_item (certificate_id, ordinal, required, hs_required) SELECT c.id, 1, 10, 10 \
         FROM certificate c WHERE c.number LIKE 'N%'"
            .to_owned(),
        "INSERT INTO certificate_viewer (bureau_code, certificate_id, valid_to) \
         SELECT v.bureau_code, c.id, c.valid_to FROM application_viewer v \
         JOIN certificate c ON c.application_id = v.application_id WHERE c.number LIKE 'N%'"
            .to_owned(),
        "ANALYZE".to_owned(),
    ] {
        sql(site, &statement).await;
    }
}

/// The pages of a long list keep filters and order; the list and its main page cost as many statements with three
/// thousand certificates as with one; and each order is read from its index on both databases (E10).
#[tokio::test]
async fn a_long_list_has_pages_bounded_statements_and_indexes() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let cnca = site.cnca("cnca", &[Post::Statistics]).await;
        issue(&site, &user, &bureau, 1).await;
        let paths = [
            "/certificates?size=50",
            "/certificates?size=50&sort=ends_first&standing=valid",
            "/certificates?size=50&within=120&number=N1",
        ];
        let count = async || {
            let mut out = Vec::new();
            for who in [&user, &bureau.accept, &cnca] {
                for path in paths {
                    out.push((path, who.get(path).await.is(200).statements));
                }
            }
            out.push(("/main", user.get("/main").await.is(200).statements));
            out
        };
        let few = count().await;
        multiply(&site, 3_000).await;
        assert_eq!(few, count().await);
        assert!(few.iter().filter(|(p, _)| p.starts_with("/cert")).all(|(_, n)| *n <= 5), "{few:?}");

        let page = bureau.accept.get("/certificates?sort=ends_first&standing=valid&size=10").await.is(200);
        assert_eq!(page.texts("tbody tr").len(), 10);
        let page = page.sees("共 3001 条");
        let next = page.attribute("a[rel=next], .page-link[href*='page=2']", "href").unwrap();
        assert!(next.contains("sort=ends_first") && next.contains("standing=valid"), "{next}");
        let last = bureau.accept.get("/certificates?sort=ends_first&size=50&page=61").await.is(200);
        assert_eq!(last.texts("tbody tr").len(), 1);
        let page = cnca.get("/certificates").await.sees("超过 1000 份，不能一次全部下载");
        assert!(!page.offers().contains(&"下载全部查询结果".to_owned()));
        cnca.get("/certificates/archive?all=1").await.is(400).sees("一次最多下载 1000 份");

        use db::certificate_list::{Order, listed};
        for (scope, order, index) in [
            (Scope::Bureau(BureauCode::new(SHANGHAI)), Order::Newest, "certificate_viewer"),
            (Scope::Bureau(BureauCode::new(SHANGHAI)), Order::EndsFirst, "certificate_viewer_expiry"),
            (Scope::Bureau(BureauCode::new(SHANGHAI)), Order::EndsLast, "certificate_viewer_expiry"),
            (Scope::All, Order::EndsFirst, "certificate_expiry"),
            (Scope::All, Order::EndsLast, "certificate_expiry"),
        ] {
            let listed = listed(&scope);
            let (sql, values) = listed.page_sql("c.id", order, 20, 40);
            let plan = plan(&site, &sql, values).await;
            assert!(plan.contains(index), "{scope:?} {order:?} on {}:\n{plan}", site.app.db.kind());
        }
    }
}

/// E10, R-2.8-17: what very many bear is counted along the endings, what few bear is looked up, and both find the same
/// rows; a text that stands in a row several times is not counted several times.
#[tokio::test]
async fn texts_that_many_bear_are_found_and_counted_like_those_of_few() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let cnca = site.cnca("cnca", &[Post::Statistics]).await;
        let officer = site.officer("sh_writeoff", SHANGHAI, &[Post::WriteOff]).await;
        issue(&site, &user, &bureau, 1).await;
        multiply(&site, 3_000).await;
        let item = "hs_code, hs_name, model, model_folded, brand, manufacturer, origin_country, qty, qty_unit, hs_qty, \
                    hs_unit, unit_price, total_price, currency, use_region_code, use_address, serials, usage_note, \
                    remark, traits";
        let template: Vec<_> = item.split(", ").map(|column| format!("t.{column}")).collect();
        let template = template.join(", ");
        let copies = "application_id IN (SELECT id FROM application WHERE creation_key LIKE 'copy%')";
        for statement in [
            "UPDATE application SET contract_no_folded = '1111', certificate_no = \
             (SELECT c.number FROM certificate c WHERE c.application_id = application.id) WHERE creation_key LIKE 'copy%'"
                .to_owned(),
            format!(
                "INSERT INTO application_item (application_id, creation_key, product_name, product_folded, {item}) \
                 SELECT a.id, 'copy', '冷藏箱样机', '冷藏箱样机', {template} FROM application a CROSS JOIN application_item t \
                 WHERE a.creation_key LIKE 'copy%' AND t.application_id = (SELECT MIN(application_id) FROM certificate)"
            ),
            format!(
                "UPDATE certificate_item SET hs_code = '8418102000', product_folded = '冷藏箱样机' \
                 WHERE certificate_id IN (SELECT id FROM certificate WHERE {copies})"
            ),
            db::search::index_sql("creation_key LIKE 'copy%'"),
        ] {
            sql(&site, &statement).await;
        }
        let whole = async |who: &Browser, path: &str, n: usize| {
            who.get(&format!("{path}&exact=1")).await.is(200).sees(&format!("共 {n} 条"));
        };
        for who in [&cnca, &bureau.accept] {
            for path in ["/applications?applicant=%E7%A4%BA%E4%BE%8B", "/certificates?applicant=%E7%A4%BA%E4%BE%8B"] {
                let page = who.get(path).await.is(200).sees("500 条以上");
                assert_eq!(page.texts("tbody tr").len(), 20, "{path}");
                whole(who, path, 3_001).await;
            }
            // Each contract ends in it three times.
            who.get("/applications?contract_no=11").await.is(200).sees("500 条以上");
            whole(who, "/applications?contract_no=11", 3_000).await;
            who.get("/applications?state=issued").await.is(200).sees("共 3001 条");
            who.get("/applications?state=terminated").await.is(200).sees("没有符合条件的申请");
            who.get("/applications?applicant=%E7%A4%BA%E4%BE%8B&state=terminated").await.sees("没有符合条件的申请");
            for tab in ["applications", "certificates"] {
                let page = who.get(&format!("/search?tab={tab}&q=%E7%A4%BA%E4%BE%8B")).await.is(200);
                assert_eq!(page.sees("共 500 条以上").texts("#result tbody tr").len(), 20, "{tab}");
            }
            for text in ["%E5%86%B7%E8%97%8F%E7%AE%B1", "8418", "84151"] {
                let page = who.get(&format!("/search?tab=products&q={text}")).await.is(200);
                let found = page.texts("#result tbody tr").len();
                assert_eq!(found, if text == "8418" { 0 } else { 20 }, "{text}");
            }
        }
        for (query, found) in [
            ("product_name=%E5%86%B7%E8%97%8F%E7%AE%B1", "500 条以上"),
            ("hs_code=84181", "500 条以上"),
            ("hs_code=81020&product_name=%E7%AE%B1%E6%A0%B7%E6%9C%BA", "500 条以上"),
            ("holder=%E7%A4%BA%E4%BE%8B", "500 条以上"),
            ("hs_code=84151", "共 1 条"),
            // No line is both.
            ("hs_code=84151&product_name=%E5%86%B7%E8%97%8F%E7%AE%B1", "没有符合条件的证明"),
            ("product_name=%E6%B2%A1%E6%9C%89", "没有符合条件的证明"),
        ] {
            officer.get(&format!("/write-off/search?{query}")).await.is(200).sees(found);
        }
    }
}

/// How the database answers, in its own words.
async fn plan(site: &Site, sql: &str, values: Vec<db::Value>) -> String {
    let explain = if site.app.db.kind() == "SQLite" { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
    let rows: Vec<serde_json::Value> = site.app.db.read().rows(&format!("{explain} {sql}"), values).await.unwrap();
    rows.iter().map(serde_json::Value::to_string).collect::<Vec<_>>().join("\n")
}

fn unzip(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    (0..zip.len())
        .map(|n| {
            let mut file = zip.by_index(n).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            (file.name().unwrap().into_owned(), content)
        })
        .collect()
}

/// R-2.6-02: several certificates in one ZIP: the same bytes as each download, and a list that names what is missing
/// and why.
#[tokio::test]
async fn r_2_6_02_ticked_certificates_are_downloaded_at_once() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let all = issue(&site, &user, &bureau, 3).await;
        let [one, two, unmade] = all[..] else { panic!("{all:?}") };
        sql(
            &site,
            &format!("UPDATE certificate_version SET object_key = NULL, sha256 = NULL WHERE certificate_id = {unmade}"),
        )
        .await;
        sql(
            &site,
            &format!(
                "UPDATE certificate_version SET object_key = 'certificates/lost.pdf' WHERE certificate_id = {two}"
            ),
        )
        .await;
        sql(&site, "UPDATE application SET applicant_name = '=示例\"电器\"'").await;
        let page = user.get("/certificates").await.is(200).sees("证明文件未生成");
        user.get("/certificates/archive").await.is(400).sees("请先在列表中勾选");
        let tick = |ids: &[i64]| {
            let form = page.form("下载选中的证明");
            let form = ids.iter().fold(form, |form, id| form.tick("id", &id.to_string()));
            format!("{}?{}", form.action, form.body())
        };
        let archive = user.get(&tick(&[one])).await.is(200);
        assert_eq!(archive.headers["content-type"], "application/zip");
        let named = archive.headers["content-disposition"].to_str().unwrap().to_owned();
        assert!(named.starts_with("attachment") && named.contains("1%E4%BB%BD%2Ezip"), "{named}");
        let files = unzip(&archive.body);
        let number = number_of(&site, one).await;
        assert_eq!(
            files.iter().map(|f| f.0.clone()).collect::<Vec<_>>(),
            [format!("免办证明{number}.pdf"), "清单.csv".to_owned()]
        );
        let paper = user.get(&format!("/certificates/{one}/document")).await.is(200);
        assert_eq!(files[0].1, paper.body);

        let everything = format!("{}?all=1", page.form("下载全部查询结果").action);
        let files = unzip(&user.get(&everything).await.is(200).body);
        assert_eq!(files.len(), 2, "one paper and the list");
        let list = String::from_utf8(files[1].1.clone()).unwrap();
        assert!(list.starts_with('\u{feff}'), "Excel knows UTF-8 by it");
        let rows: Vec<_> = list.lines().collect();
        assert_eq!(rows.len(), 4);
        assert!(rows[1].contains(&number_of(&site, unmade).await) && rows[1].contains("证明文件正在生成"), "{list}");
        assert!(rows[2].contains(&number_of(&site, two).await) && rows[2].contains("暂时读取不到"), "{list}");
        assert!(rows[3].contains(&paper.headers["etag"].to_str().unwrap().replace('"', "")), "{list}");
        assert!(rows[3].contains("\"'=示例\"\"电器\"\"\""), "no formula: {list}");

        // The filters of the list are those of the archive.
        let page = user.get(&format!("/certificates?number={number}")).await.is(200);
        let form = page.form("下载全部查询结果");
        let files = unzip(&user.get(&format!("{}?{}", form.action, form.body())).await.is(200).body);
        assert!(files[0].0.contains(&number) && files.len() == 2, "{:?}", files[0].0);
        user.get("/certificates/archive?all=1&within=x").await.is(400).sees("查询条件有误");
    }
}

/// The versions of a certificate, each with its paper; a replaced one stays readable.
#[tokio::test]
async fn every_version_can_be_downloaded() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = issue(&site, &user, &bureau, 1).await.remove(0);
        sql(
            &site,
            &format!(
                "INSERT INTO certificate_version (certificate_id, version, sheet, created_at) \
                 SELECT certificate_id, 2, sheet, created_at FROM certificate_version WHERE certificate_id = {id}"
            ),
        )
        .await;
        sql(&site, &format!("UPDATE certificate SET version = 2 WHERE id = {id}")).await;
        let page = user.get(&format!("/certificates/{id}")).await.is(200);
        let rows = page.texts("section[aria-labelledby=ver-h] li");
        assert!(rows[0].contains("第 2 版") && rows[0].contains("有效") && rows[0].contains("未生成"), "{rows:?}");
        assert!(rows[1].contains("第 1 版") && rows[1].contains("已被替代") && rows[1].contains("下载"), "{rows:?}");
        let old = user.get(&format!("/certificates/{id}/versions/1/document?download=1")).await.is(200);
        let name = old.headers["content-disposition"].to_str().unwrap().to_owned();
        assert!(old.body.starts_with(b"%PDF") && name.contains("%E5%B7%B2%E8%A2%AB%E6%9B%BF%E4%BB%A3"), "{name}");
        user.get(&format!("/certificates/{id}/versions/2/document")).await.is(200).at(&format!("/certificates/{id}"));
        user.get(&format!("/certificates/{id}/versions/3/document")).await.is(404);
        // No job makes this paper: the page says so instead of promising seconds.
        page.sees("证明没有生成成功").sees("请联系发证机关");
        let tx = site.app.db.begin().await.unwrap();
        let certificate = domain::ids::CertificateId::new(id);
        app::jobs::render_certificate(&tx, certificate, site.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        user.get(&format!("/certificates/{id}")).await.sees("证明正在生成，通常只需几秒钟");
        sql(&site, "UPDATE job SET attempts = 2, run_at = run_at + 600000 WHERE kind = 'render_certificate' AND state = 'ready'")
            .await;
        user.get(&format!("/certificates/{id}")).await.sees("系统会自动重试").sees("下次重试：2026-11-23 09:10");
    }
}

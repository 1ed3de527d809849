//! 证明: issue, page, paper, public verification (manual §2.6; R-B-05).

use db::queue::Lane;
use domain::actor::Post;

use crate::story::{self, Bureau, add_product, attach, decide, fill_basics, open_draft, submit};
use crate::support::{EXPIRED_KEY, JIANGSU, Site};

/// R-2.6-01, -02: the 证明 link opens the certificate; the same bytes at every download; the annex holds every product.
#[tokio::test]
async fn r_2_6_01_the_company_opens_its_certificate() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = open_draft(&user).await;
        fill_basics(&user, &id, &[]).await.is(200);
        add_product(&user, &id, story::AIR_CONDITIONER, &[("product_name", "甲产品")]).await.is(200);
        add_product(&user, &id, story::AIR_CONDITIONER, &[("product_name", "乙产品"), ("qty", "3"), ("hs_qty", "3")])
            .await;
        let page = user.get(&format!("/applications/{id}/items")).await;
        assert!(page.text().contains("甲产品"));
        // The second one asks about its total first.
        if !page.text().contains("乙产品") {
            let fields = [("product_name", "乙产品"), ("qty", "3"), ("hs_qty", "3"), ("total_price", "300.6")];
            add_product(&user, &id, story::AIR_CONDITIONER, &fields).await.is(200).sees("乙产品");
        }
        attach(&site, &user, &id, "1").await;
        submit(&user, &id).await;
        bureau.bring_to(&id, Post::Terminate).await;

        let list = user.get("/applications").await;
        let waiting = user.get(&list.link("证明")).await.is(200).sees("证明正在生成");
        assert!(waiting.texts("a").iter().all(|a| a != "下载证明"));
        site.work().await;
        let page = user.get(&list.link("证明")).await.is(200).sees("有效").sees("2026-11-23 至 2027-02-20");
        let rows = page.texts("tbody tr");
        assert_eq!(rows.len(), 2);
        assert!(rows[0].contains("甲产品") && rows[1].contains("乙产品") && rows[1].contains("3 台"), "{rows:?}");

        let first = user.get(&page.link("下载证明")).await.is(200);
        assert!(first.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
        assert_eq!(first.headers["content-type"], "application/pdf");
        site.clock.pass_hours(1);
        let again = site.sit_down(owner(&site, &id).await).await.get(&page.link("下载证明")).await.is(200);
        assert_eq!(first.body, again.body);
        assert_eq!(
            site.number("SELECT COUNT(*) FROM certificate_item WHERE required = 1250000 AND ordinal = 1").await,
            1
        );
        assert_eq!(
            site.number("SELECT COUNT(*) FROM certificate_item WHERE required = 300000 AND ordinal = 2").await,
            1
        );
    }
}

async fn owner(site: &Site, id: &str) -> domain::ids::AccountId {
    domain::ids::AccountId::new(site.number(&format!("SELECT owner_id FROM application WHERE id = {id}")).await)
}

/// The numbers of D25, with their check digit; never the same twice.
#[tokio::test]
async fn d_25_certificates_are_numbered_by_bureau_and_year() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        for n in 1..=2 {
            story::issued(&site, &user, &bureau).await;
            let like = format!("SELECT COUNT(*) FROM certificate WHERE number LIKE '310000202600000{n}_'");
            assert_eq!(site.number(&like).await, 1);
        }
    }
}

/// A certificate is visible to its holder, the bureaus of its route and CNCA.
#[tokio::test]
async fn a_foreign_certificate_is_not_found() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::issued(&site, &user, &bureau).await;
        let page = user.get(&format!("/applications/{id}/certificate")).await.is(200);
        let document = page.link("下载证明");
        for other in [site.enterprise("stranger", "911100008").await, site.officer("js", JIANGSU, &[Post::Issue]).await]
        {
            other.get(&page.path).await.is(404);
            other.get(&document).await.is(404);
            other.get(&format!("/applications/{id}/certificate")).await.is(404);
        }
        bureau.accept.get(&page.path).await.is(200);
        site.cnca("cnca_a", &[Post::Statistics]).await.get(&document).await.is(200);
        site.visitor().get(&document).await.at(&format!("/login?next={}", escaped(&document)));
    }
}

fn escaped(path: &str) -> String {
    url::form_urlencoded::byte_serialize(path.as_bytes()).collect()
}

/// An application that is not issued has no certificate.
#[tokio::test]
async fn an_application_under_way_has_no_certificate() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::submitted(&site, &user).await;
        user.get(&format!("/applications/{id}/certificate")).await.is(404);
    }
}

/// What the QR code leads to: number and check code together, or one sentence; guessing waits.
#[tokio::test]
async fn everybody_can_check_a_certificate_with_its_code() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::issued(&site, &user, &bureau).await;
        let page = user.get(&format!("/applications/{id}/certificate")).await;
        let [number, code] = [0, 1].map(|n| page.texts("dd.code")[n].clone());
        let visitor = site.visitor();
        let check =
            async |number: &str, code: &str| visitor.get(&format!("/verification?number={number}&code={code}")).await;
        check(&number, &code).await.is(200).sees("有效").sees("示例电器802100433有限公司").sees("1 项");
        check(&number, &code.to_lowercase()).await.is(200);
        let nothing = "没有与该证明号和核验码相符的证明";
        check(&number, "AAAAAAAA").await.is(422).sees(nothing).sees_no("示例电器");
        check("31000020260000999", &code).await.is(422).sees(nothing);
        site.clock.set("2027-02-20".parse::<domain::time::Day>().unwrap().end_instant());
        check(&number, &code).await.is(200).sees("已过期");
        // Empty fields are mistakes of their own, and no guesses.
        for _ in 0..10 {
            assert_eq!(check("", "").await.is(422).faulty_fields(), ["number", "code"]);
        }
        for _ in 0..10 {
            check(&number, "BBBBBBBB").await.is(422);
        }
        check(&number, &code).await.is(422).sees("请 15 分钟后再试");
    }
}

/// E35: without a signing key 发证 is refused with a sentence.
#[tokio::test]
async fn e_35_nothing_is_issued_without_a_signing_key() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Issue).await;
        *site.keys.0.lock().unwrap() = None;
        decide(&bureau.issue, &id, &[("decision", "issue")]).await.is(409).sees("还没有签名密钥");
        *site.keys.0.lock().unwrap() = Some(EXPIRED_KEY.to_owned());
        decide(&bureau.issue, &id, &[("decision", "issue")]).await.is(409).sees("签名密钥不在有效期内");
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate").await, 0);
        *site.keys.0.lock().unwrap() = Some("made".to_owned());
        decide(&bureau.issue, &id, &[("decision", "issue")]).await.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate").await, 1);
    }
}

/// The paper is made once, by however many workers at once, and the job may run twice.
#[tokio::test]
async fn the_paper_is_made_once() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Terminate).await;
        let (a, b) = tokio::join!(
            app::jobs::run_due(&site.app, Lane::Papers, 50),
            app::jobs::run_due(&site.app, Lane::Papers, 50)
        );
        assert!(a.unwrap() + b.unwrap() > 0);
        let read = site.app.db.read();
        let certificate = domain::ids::CertificateId::new(site.number("SELECT id FROM certificate").await);
        let first = db::certificate::get(&read, certificate).await.unwrap();
        assert!(first.object_key.is_some());
        let tx = site.app.db.begin().await.unwrap();
        app::jobs::render_certificate(&tx, certificate, site.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        site.work().await;
        let second = db::certificate::get(&read, certificate).await.unwrap();
        assert_eq!((first.object_key, first.sha256), (second.object_key, second.sha256));
    }
}

//! The paper of a certificate is signed, and everybody can check it (manual §2.6; E35, E36).

use seal::{Certificate, SealReport, SignedStatement, Statement};

use crate::story::{self, Bureau};
use crate::support::{Browser, Page, Site};

/// The keys as everybody gets them.
async fn published(site: &Site) -> Vec<Certificate> {
    let page = site.visitor().get("/verification/keys").await.is(200);
    assert_eq!(page.headers["content-type"], "text/plain; charset=utf-8");
    let text = String::from_utf8(page.body).unwrap();
    text.split_inclusive("-----END CERTIFICATE-----\n").map(|pem| Certificate::from_pem(pem).unwrap()).collect()
}

async fn document(user: &Browser, id: &str) -> Page {
    let page = user.get(&format!("/applications/{id}/certificate")).await.is(200);
    user.get(&page.link("下载证明")).await.is(200)
}

/// What the QR code of such a paper holds; the typesetter of these tests writes it into a comment.
fn code(paper: &Page) -> String {
    let text = String::from_utf8_lossy(&paper.body).into_owned();
    text.lines().find_map(|l| l.strip_prefix("%HTTP").map(|rest| format!("HTTP{rest}"))).unwrap()
}

fn verified(paper: &Page, keys: &[Certificate]) -> SealReport {
    seal::verify_pdf(&paper.body, keys).unwrap()
}

/// R-2.6-02: what is downloaded carries a signature of the moment of issue, whenever the paper was made, and the
/// published keys are all that is needed to check it.
#[tokio::test]
async fn r_2_6_02_the_paper_is_signed_as_of_its_issue() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, domain::actor::Post::Terminate).await;
        let issued = site.app.now();
        site.clock.pass_hours(1);
        site.work().await;
        let user = site.sit_down(story_owner(&site, &id).await).await;
        let paper = document(&user, &id).await;
        let report = verified(&paper, &published(&site).await);
        assert_eq!(report.at, issued);
        assert_eq!(report.name, "上海出入境检验检疫局");
        let certificate = domain::ids::CertificateId::new(site.number("SELECT id FROM certificate").await);
        let stored = db::certificate::get(&site.app.db.read(), certificate).await.unwrap();
        assert!(report.reason.starts_with(&format!("免办证明 {} 第 1 版", stored.number)), "{}", report.reason);
        // One changed byte is one too many.
        let mut changed = paper.body.clone();
        changed[30] ^= 1;
        assert!(seal::verify_pdf(&changed, &published(&site).await).is_err());
    }
}

async fn story_owner(site: &Site, id: &str) -> domain::ids::AccountId {
    domain::ids::AccountId::new(site.number(&format!("SELECT owner_id FROM application WHERE id = {id}")).await)
}

/// E35: a newer key signs what is issued from then on; what the older one signed stays as it is and stays valid.
#[tokio::test]
async fn e_35_papers_of_an_older_key_stay_valid() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let old = story::issued(&site, &user, &bureau).await;
        let before = document(&user, &old).await;
        *site.keys.0.lock().unwrap() = Some("second".to_owned());
        let new = story::issued(&site, &user, &bureau).await;
        let keys = published(&site).await;
        assert_eq!(keys.len(), 2);
        assert_eq!(document(&user, &old).await.body, before.body);
        assert_eq!(verified(&before, &keys).key, keys[0].key_id());
        assert_eq!(verified(&document(&user, &new).await, &keys).key, keys[1].key_id());
        // Both QR codes open the public page.
        for id in [old, new] {
            let address = code(&document(&user, &id).await);
            let path = address.strip_prefix("HTTP://127.0.0.1:8080").unwrap();
            site.visitor().get(path).await.is(200).sees("有效").sees("示例电器802100433有限公司");
        }
    }
}

/// E36: the QR code holds a statement of at most 300 characters that verifies offline and opens 证明公开核验; a forged
/// one opens nothing.
#[tokio::test]
async fn e_36_the_qr_code_opens_the_public_page() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::issued(&site, &user, &bureau).await;
        let address = code(&document(&user, &id).await);
        assert!(address.len() <= 300, "{address}");
        let read = SignedStatement::parse(&address).unwrap();
        let keys = published(&site).await;
        let said = read.verify(&keys).unwrap();
        let certificate = domain::ids::CertificateId::new(site.number("SELECT id FROM certificate").await);
        let stored = db::certificate::get(&site.app.db.read(), certificate).await.unwrap();
        assert_eq!((said.number.as_str(), said.version, said.products), (stored.number.as_str(), 1, 1));
        assert_eq!((said.valid_from, said.valid_to), (stored.valid_from, stored.valid_to));
        assert_eq!((said.org_code.as_str(), said.holder.as_str()), ("802100433", "示例电器802100433有限公司"));
        assert_eq!(said.sheet, Statement::digest_of(&stored.sheet));

        let visitor = site.visitor();
        let path = address.strip_prefix("HTTP://127.0.0.1:8080").unwrap();
        visitor.get(path).await.is(200).sees("有效").sees(&stored.number);
        visitor.get(&path.to_lowercase()).await.is(200).sees(&stored.number);
        // A letter in the middle, where the sheet's hash stands.
        let mut forged = path.to_owned().into_bytes();
        forged[50] = if forged[50] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        visitor.get(&forged).await.is(422).sees_no("示例电器802100433").sees_no(&stored.number);
        visitor.get("/V/HELLO").await.is(422).sees_no("示例电器");
    }
}

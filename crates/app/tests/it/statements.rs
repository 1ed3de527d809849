//! A bounded number of statements per page, whatever the data.

use crate::story::{self, AIR_CONDITIONER, Bureau, PRODUCT, add_product, fill_basics, with_traits};
use crate::support::{Browser, Site};

async fn counts(user: &Browser, officer: &Browser, draft: &str, done: &str) -> Vec<(String, u64)> {
    let mut out = Vec::new();
    for path in [
        "/main".to_owned(),
        "/applications?size=50".to_owned(),
        "/applications?size=50&applicant=%E7%A4%BA%E4%BE%8B&state=draft".to_owned(),
        format!("/applications/{draft}/basics"),
        format!("/applications/{draft}/items"),
        format!("/applications/{draft}/catalogue"),
        format!("/applications/{draft}/items/new?hs_code={AIR_CONDITIONER}"),
        format!("/applications/{draft}/attachments"),
        format!("/applications/{draft}/submission"),
        format!("/applications/{done}"),
    ] {
        let page = user.get(&path).await.is(200);
        out.push((path, page.statements));
    }
    for path in ["/main".to_owned(), "/casework?post=accept".to_owned(), format!("/casework/{done}")] {
        let page = officer.get(&path).await.is(200);
        out.push((format!("officer {path}"), page.statements));
    }
    let basics = user.get(&format!("/applications/{draft}/basics")).await.form("保存");
    out.push(("save basics".to_owned(), user.send_once(&basics.set("remark", "x")).await.is(303).statements));
    let page = user.get(&format!("/applications/{draft}/items/new?hs_code={AIR_CONDITIONER}")).await;
    let product = with_traits(&page, "保存并关闭").fill(&PRODUCT);
    out.push(("save product".to_owned(), user.send_once(&product).await.is(303).statements));
    let submission = user.get(&format!("/applications/{draft}/submission")).await.form("提交申请");
    out.push(("submit".to_owned(), user.send_once(&submission).await.is(303).statements));
    out
}

#[tokio::test]
async fn the_number_of_statements_does_not_grow_with_the_data() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let done = story::submitted(&site, &user).await;
        let small = story::complete_draft(&site, &user).await;
        let few = counts(&user, &bureau.accept, &small, &done).await;

        for _ in 0..12 {
            story::submitted(&site, &user).await;
        }
        let large = story::complete_draft(&site, &user).await;
        for n in 0..25 {
            add_product(&user, &large, AIR_CONDITIONER, &[("product_name", &format!("产品{n}"))]).await.is(200);
        }
        for n in 0..5 {
            user.upload(&large, "other", &[(&format!("{n}.txt"), vec![1; 3])]).await.is(200);
        }
        fill_basics(&user, &large, &[]).await.is(200);
        let many = counts(&user, &bureau.accept, &large, &done).await;

        for ((what, a), (_, b)) in few.iter().zip(&many) {
            assert_eq!(a, b, "{what}");
        }
        // And it is small. A higher number here is a decision, not an accident.
        let most = [
            ("/main", 11),
            ("/applications?size=50", 4),
            ("officer /casework?post=accept", 4),
            // Two of them are the reviewer's own: what he kept of a decision with his phrases, and the notes of officers. The
            // hints take two, the history one: ranges of indexes with an end.
            ("officer /casework/", 12),
            ("save basics", 7),
            ("save product", 8),
            ("submit", 20),
        ];
        for (what, limit) in most {
            let (_, n) = few.iter().find(|(path, _)| path.starts_with(what)).unwrap();
            assert!(*n <= limit, "{what}: {n} statements, at most {limit}");
        }
    }
}

/// 发证 of many products is as many statements as that of one.
#[tokio::test]
async fn issuing_does_not_grow_with_the_products() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let mut statements = Vec::new();
        for products in [1, 12] {
            let id = story::complete_draft(&site, &user).await;
            for n in 1..products {
                add_product(&user, &id, AIR_CONDITIONER, &[("product_name", &format!("产品{n}"))]).await.is(200);
            }
            story::submit(&user, &id).await;
            bureau.bring_to(&id, domain::actor::Post::Issue).await;
            let form = bureau.issue.get(&format!("/casework/{id}")).await.form("提交意见").set("decision", "issue");
            statements.push(bureau.issue.send_once(&form).await.is(303).statements);
        }
        assert_eq!(statements[0], statements[1]);
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate_item").await, 13);
    }
}

//! Health, error pages, headers (E22; architecture §3.12).

use axum::http::{Method, header};
use object_store::ObjectStoreExt as _;

use crate::story;
use crate::support::Site;

#[tokio::test]
async fn health_and_readiness_answer() {
    for site in Site::each().await {
        assert_eq!(site.visitor().get("/healthz").await.is(200).html(), "ok");
        assert_eq!(site.visitor().get("/readyz").await.is(200).html(), "ready");
    }
}

/// E22: one strict policy for every page, answers of errors included; no inline script or style anywhere.
#[tokio::test]
async fn e_22_every_page_carries_the_strict_policy() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = story::Bureau::shanghai(&site).await;
        let id = story::issued(&site, &user, &bureau).await;
        let draft = story::complete_draft(&site, &user).await;
        let mut pages = Vec::new();
        for path in ["/", "/login", "/registration/terms", "/bulletins", "/verification", "/nowhere"] {
            pages.push(site.visitor().get(path).await);
        }
        for path in [
            "/main".to_owned(),
            "/applications".to_owned(),
            "/applications/declaration".to_owned(),
            format!("/applications/{draft}/basics"),
            format!("/applications/{draft}/items"),
            format!("/applications/{draft}/catalogue"),
            format!("/applications/{draft}/items/new?hs_code={}", story::AIR_CONDITIONER),
            format!("/applications/{draft}/attachments"),
            format!("/applications/{draft}/submission"),
            format!("/applications/{id}"),
            format!("/applications/{id}/certificate"),
        ] {
            pages.push(user.get(&path).await);
        }
        pages.push(bureau.accept.get(&format!("/casework/{id}")).await);
        pages.push(bureau.accept.get("/casework").await);
        for page in pages {
            assert_eq!(page.headers[header::CONTENT_SECURITY_POLICY], kit::security::POLICY, "{}", page.path);
            assert_eq!(page.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{}", page.path);
            assert_eq!(page.headers[header::CACHE_CONTROL], "no-store", "{}", page.path);
            let html = page.html();
            for forbidden in [" style=", "<style", " onclick", "javascript:", "hx-on", "js:", "http://www.w3"] {
                assert!(!html.contains(forbidden), "{forbidden} on {}", page.path);
            }
            assert!(!html.contains("<script>"), "{}", page.path);
            assert!(page.headers.contains_key("x-request-id"), "{}", page.path);
        }
    }
}

/// 404 and a wrong method are pages that say what to do.
#[tokio::test]
async fn unknown_addresses_are_pages() {
    for site in Site::each().await {
        let user = site.company().await;
        user.get("/applications/999999").await.is(404).sees("没有找到该页面或记录").sees("请从主页或列表重新进入");
        user.get("/applications/abc").await.is(404).sees("没有找到该页面或记录");
        user.force(&Method::POST, "/bulletins", &[]).await.is(404);
        user.get("/static/0000000000000000/app.css").await.is(404);
    }
}

/// Assets: under the hash of their content, for ever.
#[tokio::test]
async fn assets_are_kept_for_ever_under_their_hash() {
    for site in Site::each().await {
        let page = site.visitor().get("/").await;
        let css = page.attribute("link[href$='app.css']", "href").unwrap();
        let answer = site.visitor().get(&css).await.is(200);
        assert_eq!(answer.headers[header::CACHE_CONTROL], "max-age=31536000, immutable");
        let csp = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert_eq!(csp, kit::security::POLICY);
    }
}

/// A body beyond the limit is refused with a sentence, and what was typed stays in the browser.
#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    for site in Site::each().await {
        let user = site.company().await;
        let token = user.token().await;
        let body = format!("csrf={token}&x={}", "a".repeat(3 * 1024 * 1024));
        user.post("/applications/declaration", &body).await.is(413).sees("提交的内容过");
    }
}

/// A backup takes the rows first and the files afterwards: nothing is removed from the store meanwhile, and one that is cut
/// off holds nothing up for long.
#[tokio::test]
async fn nothing_is_removed_from_the_store_while_a_backup_runs() {
    for site in Site::each().await {
        let path = object_store::path::Path::from("attachments/aa/abandoned");
        site.app.files.put(&path, object_store::PutPayload::from_static(b"x")).await.unwrap();
        let tx = site.app.db.begin().await.unwrap();
        db::stored_file::announce(&tx, path.as_ref(), site.app.now()).await.unwrap();
        db::stored_file::keep_all_until(&tx, site.app.now().plus_hours(3)).await.unwrap();
        tx.commit().await.unwrap();
        site.clock.pass_hours(2);
        app::jobs::duties(&site.app).await;
        assert!(site.app.files.head(&path).await.is_ok(), "a backup runs");
        site.clock.pass_hours(2);
        app::jobs::duties(&site.app).await;
        assert!(site.app.files.head(&path).await.is_err(), "nobody has heard of the backup for an hour");
    }
}

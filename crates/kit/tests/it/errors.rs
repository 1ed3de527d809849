//! What went wrong becomes one kind of page (manual: none; house rule 6).

use axum::body::Body;
use axum::http::Request;

use crate::site::Site;

#[tokio::test]
async fn a_fault_shows_the_request_number_and_nothing_of_its_inside() {
    let site = Site::new().await;
    let answer = site.ask(Request::get("/broken").header("x-request-id", "r-42").body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 500);
    assert!(answer.text.contains("系统出现故障") && answer.text.contains("r-42"), "{}", answer.text);
    assert!(!answer.text.contains("secret"));
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn an_address_that_cannot_be_read_does_not_exist_and_the_visitor_keeps_his_cookie() {
    let site = Site::new().await;
    for path in ["/nowhere", "/number/abc"] {
        let answer = site.ask(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.text.contains("没有找到该页面或记录"), "{path}: {}", answer.text);
        assert!(answer.headers["set-cookie"].to_str().unwrap().starts_with("mianban-visitor="), "{path}");
    }
}

#[tokio::test]
async fn only_an_upload_is_refused_as_a_row_of_its_list() {
    let site = Site::new().await;
    let ask = |kind: &'static str| {
        site.ask(
            Request::post("/broken")
                .header("hx-request", "true")
                .header("content-type", kind)
                .header("content-length", "0")
                .body(Body::empty())
                .unwrap(),
        )
    };
    assert!(ask("multipart/form-data; boundary=x").await.text.starts_with("<li>"));
    assert!(ask("application/x-www-form-urlencoded").await.text.starts_with("<!doctype html>"));
}

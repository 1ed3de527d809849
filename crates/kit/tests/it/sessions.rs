//! The end of a session loses nothing that was typed (E20).

use axum::body::Body;
use axum::http::Request;
use domain::ids::AccountId;
use kit::session::new_token;

use crate::site::{Answer, Site};

const TYPED: &str = "csrf=old&purpose=%E7%AC%AC%E4%B8%80%E8%A1%8C%0D%0A%E7%AC%AC%E4%BA%8C%E8%A1%8C&item=1&item=2";

/// A form that arrives with the cookie of a session that has ended.
async fn late(site: &Site, owner: Option<i64>) -> (Answer, String) {
    let mut cookie = "mianban-visitor=v".to_owned();
    if let Some(owner) = owner {
        cookie = format!("{cookie}; mianban={}", new_token(AccountId::new(owner)));
    }
    (site.post("/private", &cookie, TYPED).await, cookie)
}

async fn log_in(site: &Site, account: i64, page: &Answer, cookie: &str, line_break: &str) -> Answer {
    let body = format!(
        "csrf={}&kept_path=%2Fprivate&kept_signature={}&kept.purpose=%E7%AC%AC%E4%B8%80%E8%A1%8C{line_break}\
         %E7%AC%AC%E4%BA%8C%E8%A1%8C&kept.item=1&kept.item=2",
        page.hidden("csrf"),
        page.hidden("kept_signature"),
    );
    site.post(&format!("/login/{account}"), cookie, &body).await
}

#[tokio::test]
async fn the_same_user_goes_on_with_what_he_typed_and_another_does_not() {
    let site = Site::new().await;
    let (page, cookie) = late(&site, Some(1)).await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("刚才提交的内容没有丢失"), "{}", page.text);
    assert_eq!(page.hidden("kept.purpose"), "第一行\n第二行");

    // Browsers write line breaks of hidden fields in either way.
    for line_break in ["%0D%0A", "%0A"] {
        let again = log_in(&site, 1, &page, &cookie, line_break).await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert!(again.text.contains("action=\"/private\"") && again.text.contains("继续提交"), "{}", again.text);
        assert_eq!(again.text.matches("name=\"item\"").count(), 2);
        assert_ne!(again.hidden("csrf"), "old");
    }
    assert_eq!(log_in(&site, 2, &page, &cookie, "%0D%0A").await.text, "nothing kept");
}

#[tokio::test]
async fn a_form_of_nobody_known_is_not_offered_to_whoever_logs_in() {
    let site = Site::new().await;
    let (page, cookie) = late(&site, None).await;
    assert_eq!(page.status, 401);
    assert!(!page.text.contains("kept.purpose"), "{}", page.text);
    assert_eq!(log_in(&site, 1, &page, &cookie, "%0D%0A").await.text, "nothing kept");
}

#[tokio::test]
async fn a_page_leads_to_the_login_page_and_back_also_when_a_part_of_it_asks() {
    let site = Site::new().await;
    let answer = site.ask(Request::get("/private?a=1").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.headers["location"].to_str().unwrap()), (303, "/login?next=%2Fprivate%3Fa%3D1"));
    let part = site.ask(Request::get("/private?a=1").header("hx-request", "true").body(Body::empty()).unwrap()).await;
    assert_eq!((part.status, part.headers["hx-redirect"].to_str().unwrap()), (401, "/login?next=%2Fprivate%3Fa%3D1"));
    assert!(part.text.is_empty());
}

#[tokio::test]
async fn a_cascade_that_asks_too_late_leaves_the_page_where_it_is() {
    let site = Site::new().await;
    let request = Request::post("/private?refresh=place")
        .header("hx-request", "true")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", "3")
        .body(Body::from("a=1"));
    let answer = site.ask(request.unwrap()).await;
    // 401 is in htmx's `noSwap`; an order to leave the page would lose what is typed on it.
    assert_eq!(answer.status, 401);
    assert!(!answer.headers.contains_key("hx-redirect"));
}

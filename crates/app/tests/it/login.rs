//! 登录, 退出系统, login sessions (manual §1.2, §1.3; forms §2.4).

use axum::body::Body;
use axum::http::{Request, header};
use domain::actor::Post;

use crate::story::{self, BASICS};
use crate::support::{Browser, PASSWORD, Page, SHANGHAI, Site};

async fn log_in(visitor: &Browser, kind: &str, username: &str, password: &str) -> Page {
    let page = visitor.get("/login").await.is(200);
    visitor.send(&page.form("登录").fill(&[("kind", kind), ("username", username), ("password", password)])).await
}

/// R-1-04, R-1.2-01 to -03: type, name and password must all fit; one sentence for every failure, an unknown user's too.
#[tokio::test]
async fn r_1_2_03_type_name_and_password_must_all_fit() {
    for site in Site::each().await {
        site.company().await;
        site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let sentence = "用户类型、用户名或密码不正确";
        for (kind, name, password) in [
            ("enterprise", "shili_a", "wrong-password-1"),
            ("bureau", "shili_a", PASSWORD),
            ("enterprise", "nobody", PASSWORD),
            ("enterprise", "sh_accept", PASSWORD),
            ("nonsense", "shili_a", PASSWORD),
        ] {
            let page = log_in(&site.visitor(), kind, name, password).await.is(422).sees(sentence);
            assert_eq!(page.value("username"), name, "what was typed is kept");
            let radios = page.texts("input[name=kind] + span");
            assert_eq!(radios, ["企业", "检验检疫局", "认监委"]);
        }
        log_in(&site.visitor(), "enterprise", "shili_a", PASSWORD).await.at("/main").sees("shili_a");
        log_in(&site.visitor(), "enterprise", "ｓｈｉｌｉ＿ａ", PASSWORD).await.at("/main");
        log_in(&site.visitor(), "bureau", "sh_accept", PASSWORD).await.at("/main").sees("受理");
    }
}

#[tokio::test]
async fn empty_fields_are_asked_for() {
    for site in Site::each().await {
        let page = log_in(&site.visitor(), "enterprise", "", "").await.is(422);
        assert_eq!(page.faulty_fields(), ["username", "password"]);
    }
}

/// Five failures lock this user at this address for fifteen minutes, the right password included (forms §2.4).
#[tokio::test]
async fn five_failures_lock_for_fifteen_minutes() {
    for site in Site::each().await {
        site.company().await;
        site.enterprise("shili_b", "802100433").await;
        for _ in 0..5 {
            log_in(&site.visitor(), "enterprise", "shili_a", "wrong-password-1").await.is(422);
        }
        log_in(&site.visitor(), "enterprise", "shili_a", PASSWORD).await.is(422).sees("已锁定 15 分钟");
        log_in(&site.visitor(), "enterprise", "shili_b", PASSWORD).await.at("/main");
        site.clock.set(site.app.now().plus_minutes(15));
        log_in(&site.visitor(), "enterprise", "shili_a", PASSWORD).await.at("/main");
    }
}

#[tokio::test]
async fn a_disabled_account_cannot_log_in_and_its_session_ends_at_once() {
    for site in Site::each().await {
        let user = site.company().await;
        user.get("/main").await.at("/main");
        let tx = site.app.db.begin().await.unwrap();
        let id = db::account::credentials(&tx, "shili_a").await.unwrap().unwrap().id;
        db::account::set_disabled(&tx, id, true, &db::audit::By::system(), site.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        user.get("/main").await.at("/login?next=%2Fmain");
        log_in(&site.visitor(), "enterprise", "shili_a", PASSWORD).await.is(422);
    }
}

/// E19: the token changes at every log-in, and the older one is worth nothing.
#[tokio::test]
async fn the_session_is_rotated_at_login_and_ends_at_logout() {
    for site in Site::each().await {
        let user = site.company().await;
        let old = user.cookies.lock().unwrap()["mianban"].clone();
        user.get("/main").await.is(200);
        // Logging in again in the same browser, from the home page.
        let home = user.get("/").await.is(200);
        let form = home.form("登录").fill(&[("username", "shili_a"), ("password", PASSWORD)]);
        user.send(&form).await.at("/main");
        let new = user.cookies.lock().unwrap()["mianban"].clone();
        assert_ne!(old, new);
        let thief = site.visitor();
        thief.cookies.lock().unwrap().insert("mianban".to_owned(), old);
        thief.get("/main").await.at("/login?next=%2Fmain");

        let page = user.get("/main").await.is(200);
        let token = page.value("csrf");
        user.post("/logout", &format!("csrf={token}")).await.is(303);
        assert!(!user.cookies.lock().unwrap().contains_key("mianban"));
        thief.cookies.lock().unwrap().insert("mianban".to_owned(), new);
        thief.get("/main").await.at("/login?next=%2Fmain");
    }
}

/// 30 minutes without a request, or 12 hours, end a session (forms §2.4).
#[tokio::test]
async fn a_session_ends_after_thirty_idle_minutes_and_after_twelve_hours() {
    for site in Site::each().await {
        let user = site.company().await;
        site.clock.set(site.app.now().plus_minutes(29));
        let page = user.get("/main").await.at("/main");
        let token = page.value("csrf");
        user.post("/session", &format!("csrf={token}")).await.is(204);
        site.clock.set(site.app.now().plus_minutes(29));
        user.get("/main").await.at("/main");
        site.clock.set(site.app.now().plus_minutes(2));
        user.get("/main").await.at("/login?next=%2Fmain");

        let user = site.enterprise("shili_b", "802100433").await;
        for _ in 0..24 {
            let token = user.get("/main").await.at("/main").value("csrf");
            user.post("/session", &format!("csrf={token}")).await.is(204);
            site.clock.set(site.app.now().plus_minutes(29));
        }
        site.clock.set(site.app.now().plus_minutes(25));
        user.get("/main").await.at("/login?next=%2Fmain");
    }
}

/// E20: a form that arrives after the session ended is kept, and goes on after logging in again.
#[tokio::test]
async fn what_was_typed_survives_the_end_of_the_session() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::open_draft(&user).await;
        let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
        let form = page.form("保存并进入下一步").fill(&BASICS);
        site.clock.pass_hours(1);
        let ended = user.send(&form).await.is(401).sees("没有丢失");
        let login = ended.form("重新登录").fill(&[("username", "shili_a"), ("password", PASSWORD)]);
        let resume = user.send(&login).await.is(200).sees("继续提交");
        user.send(&resume.form("继续提交")).await.is(200).at(&format!("/applications/{id}/items"));
        let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
        assert_eq!(page.value("use_address"), "示例科技园 3 号楼 2 层");
    }
}

/// Only addresses of this site follow a log-in.
#[tokio::test]
async fn login_never_leads_to_another_site() {
    for site in Site::each().await {
        site.company().await;
        for (next, leads_to) in [
            ("%2Fapplications%3Fstate%3Ddraft", "/applications?state=draft"),
            ("https%3A%2F%2Fevil.example", "/main"),
            ("%2F%2Fevil.example", "/main"),
            ("%2F%5Cevil.example", "/main"),
        ] {
            let visitor = site.visitor();
            let page = visitor.get(&format!("/login?next={next}")).await.is(200);
            let form = page.form("登录").fill(&[("username", "shili_a"), ("password", PASSWORD)]);
            visitor.send(&form).await.at(leads_to);
        }
    }
}

/// CSRF, twice: the token of the form, and where the browser says the request comes from (architecture §3.11).
#[tokio::test]
async fn forms_from_elsewhere_are_refused() {
    for site in Site::each().await {
        let user = site.company().await;
        user.post("/applications/declaration", "csrf=wrong").await.is(409).sees("页面已失效");
        user.post("/applications/declaration", "").await.is(409);
        let token = user.token().await;
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let request = Request::post("/applications/declaration")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(header::HOST, "127.0.0.1:8080")
                .header(name, value);
            let page = user.once(request, Body::from(format!("csrf={token}")), "/applications/declaration").await;
            page.is(403).sees("没有权限");
        }
        user.post("/applications/declaration", &format!("csrf={token}")).await.is(200);
    }
}

/// Passwords are stored as Argon2id and appear on no page.
#[tokio::test]
async fn only_a_hash_of_the_password_is_stored() {
    for site in Site::each().await {
        site.company().await;
        assert_eq!(
            site.number("SELECT COUNT(*) FROM account WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'")
                .await,
            1
        );
        let token = "SELECT COUNT(*) FROM login_session WHERE LENGTH(token_hash) = 64";
        assert_eq!(site.number(token).await, 1);
    }
}

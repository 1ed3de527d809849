//! 账号管理: the accounts of bureaus and CNCA (R-C-06).

use domain::actor::Post;

use crate::second_factor;
use crate::story::{self, Bureau};
use crate::support::{Browser, Form, JIANGSU, PASSWORD, Page, SHANGHAI, Site};

const NEW_PASSWORD: &str = "Xin-mima-2026";

async fn log_in(site: &Site, kind: &str, username: &str, password: &str) -> (Browser, Page) {
    let browser = site.visitor();
    let page = browser.get("/login").await;
    let form = page.form("登录").fill(&[("kind", kind), ("username", username), ("password", password)]);
    let page = browser.send(&form).await;
    (browser, page)
}

async fn bureau_admin(site: &Site) -> Browser {
    site.officer("admin", SHANGHAI, &[Post::BureauAdmin]).await
}

async fn page_of(site: &Site, admin: &Browser, username: &str) -> Page {
    admin.get(&format!("/accounts/{}", site.account(username).await.get())).await.is(200)
}

/// Only these posts stay ticked.
fn with_posts(mut form: Form, posts: &[&str]) -> Form {
    form.fields.retain(|(name, _)| name != "post");
    posts.iter().fold(form, |form, post| form.tick("post", post))
}

async fn count(site: &Site, what: &str) -> i64 {
    site.number(&format!("SELECT COUNT(*) FROM {what}")).await
}

/// R-C-06: an officer gets an account with a password that is shown once and opens once.
#[tokio::test]
async fn r_c_06_a_new_officer_gets_a_one_time_password_that_he_must_change() {
    for site in Site::each().await {
        let admin = bureau_admin(&site).await;
        let link = admin.get("/main").await.link("账号管理");
        let list = admin.get(&link).await.is(200).sees("admin");
        let page = admin.get(&list.link("新增账号")).await.is(200);
        assert!(!page.has_field("bureau"), "his own bureau");
        let blank = admin.send(&page.form("保存").set("display_name", "")).await.is(422);
        assert_eq!(blank.faulty_fields(), ["username", "display_name", "post"]);
        let typed =
            [("username", "sh_new"), ("display_name", "李示例"), ("contact_phone", "x"), ("contact_email", "y")];
        let wrong = admin.send(&page.form("保存").fill(&typed).tick("post", "accept")).await.is(422);
        assert_eq!(wrong.faulty_fields(), ["contact_phone", "contact_email"]);
        assert_eq!((wrong.value("username"), wrong.value("contact_phone")), ("sh_new".to_owned(), "x".to_owned()));
        let by_mail = [("contact_phone", ""), ("contact_email", ""), ("delivery", "mail")];
        let wrong = admin.send(&wrong.form("保存").fill(&by_mail)).await.is(422);
        assert!(wrong.error("contact_email").contains("请填写联系邮箱"));
        let form = wrong.form("保存").set("delivery", "show").set("contact_phone", "021-00000000");
        let form = form.tick("post", "first_review");
        let shown = admin.send(&form).await.is(200).sees("离开本页后不再显示");
        let password = shown.texts(".codes .code").remove(0);
        assert_eq!(password.len(), 16);
        // Once more is a mistake, not a second account.
        assert!(admin.send(&form).await.is(422).error("username").contains("已被使用"));
        let page = page_of(&site, &admin, "sh_new").await.sees("未登录过").sees("新增账号，岗位：受理、初审");
        assert!(!page.html().contains(&password));

        let (officer, entered) = log_in(&site, "bureau", "sh_new", &password).await;
        entered.at("/profile/password").sees("您使用一次性密码登录");
        officer.get("/casework").await.at("/profile/password");
        page_of(&site, &admin, "sh_new").await.sees("尚未修改");
        let form = officer.get("/profile/password").await.form("保存");
        let form = form.fill(&[("password", NEW_PASSWORD), ("password_again", NEW_PASSWORD)]);
        officer.send(&form).await.at("/main").sees("受理").sees("初审");
        log_in(&site, "bureau", "sh_new", &password).await.1.is(422);
        log_in(&site, "bureau", "sh_new", NEW_PASSWORD).await.1.at("/main");
        page_of(&site, &admin, "sh_new").await.sees("2026-11-23 09:00").sees("修改密码").sees("使用一次性密码登录");
    }
}

/// R-C-06, D18: or by mail, and the administrator sees whether it went; it is good for a day.
#[tokio::test]
async fn r_c_06_a_one_time_password_may_go_by_mail_and_ends_after_a_day() {
    for site in Site::each().await {
        let admin = bureau_admin(&site).await;
        let form = admin.get("/accounts/new").await.form("保存").tick("post", "issue").fill(&[
            ("username", "sh_mail"),
            ("display_name", "王示例"),
            ("contact_email", "wang@example.com"),
            ("delivery", "mail"),
        ]);
        admin.send(&form).await.is(200).sees("将发送到 wang@example.com").sees("待发送");
        site.work().await;
        page_of(&site, &admin, "sh_mail").await.sees("已发送");
        let letter = site.mail.letters().remove(0);
        let password = letter.body.lines().find(|l| l.starts_with("    ")).unwrap().trim().to_owned();
        site.clock.pass_hours(24);
        log_in(&site, "bureau", "sh_mail", &password).await.1.is(422);
        // A new one, from the administrator.
        let admin = site.sit_down(site.account("admin").await).await;
        let form = page_of(&site, &admin, "sh_mail").await.form("重置密码").set("delivery", "mail");
        admin.send(&form).await.is(200).sees("密码已重置");
        site.work().await;
        let letter = site.mail.letters().remove(1);
        let fresh = letter.body.lines().find(|l| l.starts_with("    ")).unwrap().trim().to_owned();
        log_in(&site, "bureau", "sh_mail", &fresh).await.1.at("/profile/password");
        assert_eq!(count(&site, "audit WHERE action = 'reset_password'").await, 1);
    }
}

/// R-C-06: a reset closes the old password and every session at once.
#[tokio::test]
async fn r_c_06_a_reset_password_closes_the_old_one_at_once() {
    for site in Site::each().await {
        let admin = bureau_admin(&site).await;
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let page = page_of(&site, &admin, "sh_accept").await;
        let shown = admin.send(&page.form("重置密码")).await.is(200).sees("原密码作废");
        let password = shown.texts(".codes .code").remove(0);
        officer.get("/casework").await.at("/login?next=%2Fcasework");
        log_in(&site, "bureau", "sh_accept", PASSWORD).await.1.is(422);
        // A second reset makes the first password void.
        let shown = admin.send(&page.form("重置密码")).await.is(200);
        log_in(&site, "bureau", "sh_accept", &password).await.1.is(422);
        let second = shown.texts(".codes .code").remove(0);
        log_in(&site, "bureau", "sh_accept", &second).await.1.at("/profile/password");
        let none = admin.send(&page.form("重置密码").set("delivery", "mail")).await.is(422);
        assert!(none.error("delivery").contains("请填写联系邮箱"));
    }
}

/// R-C-06: 停用 ends what he does at once, and his cases go back; 启用 opens again; each with a reason.
#[tokio::test]
async fn r_c_06_a_suspended_officer_is_out_at_once_and_his_cases_go_back() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let admin = bureau_admin(&site).await;
        let id = story::submitted(&site, &user).await;
        let case = format!("/casework/{id}");
        let take = bureau.accept.get(&case).await.form("办理");
        bureau.accept.send(&take).await.is(200).sees("由我办理");
        assert_eq!(count(&site, "application WHERE handler_id IS NOT NULL").await, 1);
        let name = site.number("SELECT handler_id FROM application WHERE handler_id IS NOT NULL").await;
        let path = format!("/accounts/{name}");
        let page = admin.get(&path).await.is(200);
        assert_eq!(admin.send(&page.form("停用")).await.is(422).faulty_fields(), ["reason"]);
        let form = page.form("停用").set("reason", "调离本局");
        admin.send(&form).await.is(200).sees("1 件单据已退回岗位待办").sees("已停用").sees("原因：调离本局");
        bureau.accept.get(&case).await.at(&format!("/login?next=%2Fcasework%2F{id}"));
        assert_eq!(count(&site, "application WHERE handler_id IS NOT NULL").await, 0);
        assert_eq!(count(&site, &format!("audit WHERE action = 'release' AND subject_id = {id}")).await, 1);
        admin.send(&form).await.is(409).sees("已经停用");
        // He cannot log in, nor get a password, before he is switched on again.
        let username = site.number("SELECT COUNT(*) FROM account WHERE disabled").await;
        assert_eq!(username, 1);
        let page = admin.get(&path).await.is(200);
        assert!(!page.offers().contains(&"重置密码".to_owned()));
        admin.force(&axum::http::Method::POST, &format!("{path}/password"), &[("delivery", "show")]).await.is(409);
        assert_eq!(admin.send(&page.form("启用")).await.is(422).faulty_fields(), ["reason"]);
        let form = page.form("启用").set("reason", "调回本局");
        admin.send(&form).await.is(200).sees("账号已启用").sees("可登录").sees("调回本局");
        admin.send(&form).await.is(409).sees("已经启用");
        for action in ["disable", "enable"] {
            let sql = format!("audit WHERE action = '{action}' AND subject_kind = 'account' AND opinion <> ''");
            assert_eq!(count(&site, &sql).await, 1, "{action}");
        }
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// R-C-06: posts change, and what he has taken at a post that he loses goes back.
#[tokio::test]
async fn r_c_06_posts_are_changed_and_cases_of_a_lost_post_go_back() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = site.officer("sh_two", SHANGHAI, &[Post::Accept, Post::FirstReview]).await;
        let admin = bureau_admin(&site).await;
        let id = story::submitted(&site, &user).await;
        let take = officer.get(&format!("/casework/{id}")).await.form("办理");
        officer.send(&take).await.is(200);
        let page = page_of(&site, &admin, "sh_two").await;
        let none = admin.send(&with_posts(page.form("保存"), &[])).await.is(422);
        assert!(none.error("post").contains("至少选择一个岗位"));
        let foreign = admin.send(&with_posts(page.form("保存"), &["publish"])).await.is(422);
        assert!(foreign.error("post").contains("只能选择"), "a post of CNCA");
        // One that he keeps: the case stays his.
        let form = with_posts(page.form("保存"), &["accept", "issue"]);
        admin.send(&form).await.is(200).sees("岗位由“受理、初审”改为“受理、发证”").sees_no("件单据已退回");
        // The page before is older than the account now: what was typed stays, and is saved when it is sent again.
        let older = admin.send(&form.clone().set("display_name", "钱示例")).await.is(422);
        assert!(older.error("display_name").contains("已被他人修改"));
        assert_eq!(older.value("display_name"), "钱示例");
        assert_ne!(older.value("version"), form.get("version"));
        let page = page_of(&site, &admin, "sh_two").await;
        let form = with_posts(page.form("保存"), &["issue"]).set("display_name", "赵示例");
        admin.send(&form).await.is(200).sees("1 件单据已退回岗位待办").sees("修改姓名");
        officer.get("/casework?post=accept").await.is(403);
        assert_eq!(count(&site, "application WHERE handler_id IS NOT NULL").await, 0);
        assert_eq!(count(&site, "audit WHERE action = 'save_officer'").await, 2);
    }
}

/// R-C-06: nobody leaves his office himself, and a bureau never stays without an administrator.
#[tokio::test]
async fn r_c_06_the_last_administrator_stays() {
    for site in Site::each().await {
        let admin = site.officer("admin", SHANGHAI, &[Post::BureauAdmin, Post::Accept]).await;
        let cnca = site.cnca("cnca_admin", &[Post::CncaAdmin]).await;
        // Himself.
        let page = page_of(&site, &admin, "admin").await.sees("这是您自己的账号");
        assert!(!page.offers().contains(&"停用".to_owned()) && !page.offers().contains(&"重置密码".to_owned()));
        let own = admin.send(&with_posts(page.form("保存"), &["accept"])).await.is(422);
        assert!(own.error("post").contains("不能取消自己的"));
        admin.send(&with_posts(page.form("保存"), &["bureau_admin", "issue"])).await.is(200).sees("已保存");
        let path = format!("/accounts/{}", site.account("admin").await.get());
        let reason = [("reason", "测试停用"), ("delivery", "show")];
        for deed in ["password", "second-factor/removal", "suspension"] {
            let refused = admin.force(&axum::http::Method::POST, &format!("{path}/{deed}"), &reason).await.is(409);
            refused.sees("自己的");
        }

        // The last one of the bureau, by somebody else.
        let page = page_of(&site, &cnca, "admin").await;
        let last = cnca.send(&page.form("停用").set("reason", "调离本局")).await.is(422);
        assert!(last.error("reason").contains("该局最后一位可以登录的局系统管理员"));
        let last = cnca.send(&with_posts(page.form("保存"), &["accept"])).await.is(422);
        assert!(last.error("post").contains("最后一位"));
        // One who cannot log in does not count.
        site.officer("second", SHANGHAI, &[Post::BureauAdmin]).await;
        let second = page_of(&site, &cnca, "second").await;
        cnca.send(&second.form("停用").set("reason", "长期休假")).await.is(200);
        cnca.send(&page.form("停用").set("reason", "调离本局")).await.is(422);
        let second = page_of(&site, &cnca, "second").await;
        cnca.send(&second.form("启用").set("reason", "休假结束")).await.is(200);
        cnca.send(&page.form("停用").set("reason", "调离本局")).await.is(200).sees("已停用");
        // CNCA's last one.
        site.cnca("cnca_other", &[Post::CncaAdmin]).await;
        let other = site.sit_down(site.account("cnca_other").await).await;
        let page = page_of(&site, &other, "cnca_admin").await;
        other.send(&page.form("停用").set("reason", "退休离任")).await.is(200);
        cnca.get("/accounts").await.at("/login?next=%2Faccounts");
        assert_eq!(count(&site, "account WHERE disabled AND kind <> 'enterprise'").await, 2);
    }
}

/// R-C-06: 局系统管理员 reaches his bureau only; 系统管理 of CNCA reaches everybody but enterprises; others reach nobody.
#[tokio::test]
async fn r_c_06_an_administrator_stays_within_his_reach() {
    for site in Site::each().await {
        site.company().await;
        let admin = bureau_admin(&site).await;
        let cnca = site.cnca("cnca_admin", &[Post::CncaAdmin]).await;
        site.officer("js_accept", JIANGSU, &[Post::Accept]).await;
        site.officer("js_admin", JIANGSU, &[Post::BureauAdmin]).await;
        site.officer("sh_issue", SHANGHAI, &[Post::Issue]).await;
        let outside = ["js_accept", "cnca_admin", "shili_a"];
        let own = admin.get("/accounts?bureau=320000").await.is(200).sees("sh_issue");
        for name in outside {
            assert!(!own.text().contains(name), "{name}");
            let path = format!("/accounts/{}", site.account(name).await.get());
            admin.get(&path).await.is(404);
            for deed in ["", "/suspension", "/reinstatement", "/password", "/second-factor/removal"] {
                let fields = [("reason", "测试原因"), ("delivery", "show"), ("version", "1")];
                admin.force(&axum::http::Method::POST, &format!("{path}{deed}"), &fields).await.is(404);
            }
        }
        for unit in ["320000", "cnca", "nowhere"] {
            let fields = [("bureau", unit), ("required", "1")];
            admin.force(&axum::http::Method::POST, "/accounts/second-factor", &fields).await.is(404);
        }
        // His form carries no bureau; a smuggled one changes nothing.
        let form = admin.get("/accounts/new").await.form("保存").tick("post", "accept");
        let form = form.fill(&[("username", "smuggled"), ("display_name", "某某"), ("bureau", "320000")]);
        admin.send(&form).await.is(200);
        assert_eq!(count(&site, "account WHERE username = 'smuggled' AND bureau_code = '310000'").await, 1);

        let all = cnca.get("/accounts").await.is(200).sees("js_accept").sees("sh_issue").sees("cnca_admin");
        assert!(!all.text().contains("shili_a"));
        cnca.get(&format!("/accounts/{}", site.account("shili_a").await.get())).await.is(404);
        let form =
            cnca.get("/accounts/new").await.form("保存").fill(&[("username", "x_one"), ("display_name", "某某")]);
        let mixed = form.clone().tick("post", "accept").tick("post", "publish").set("bureau", "320000");
        assert!(cnca.send(&mixed).await.is(422).error("post").contains("检验检疫局的账号只能选择"));
        let nowhere = cnca.send(&form.clone().tick("post", "accept")).await.is(422);
        assert_eq!(nowhere.faulty_fields(), ["bureau"]);
        cnca.send(&form.tick("post", "publish").set("bureau", "cnca")).await.is(200);
        assert_eq!(count(&site, "account WHERE username = 'x_one' AND kind = 'cnca'").await, 1);
        // Others: no page, no deed. A post of the other kind gives nothing.
        for browser in [
            site.officer("plain", SHANGHAI, &Post::COURSE).await,
            site.officer("odd", SHANGHAI, &[Post::CncaAdmin]).await,
            site.cnca("publisher", &[Post::Publish, Post::BureauAdmin]).await,
        ] {
            browser.get("/accounts").await.is(403).sees("您没有账号管理的权限");
            browser.force(&axum::http::Method::POST, "/accounts", &[]).await.is(403);
            assert!(!browser.get("/main").await.text().contains("账号管理"));
        }
    }
}

/// R-C-06: the list by bureau, post, state and name, page by page.
#[tokio::test]
async fn r_c_06_the_list_is_narrowed_by_bureau_post_state_and_name() {
    for site in Site::each().await {
        let cnca = site.cnca("cnca_admin", &[Post::CncaAdmin]).await;
        for n in 0..12 {
            site.officer(&format!("sh_{n:02}"), SHANGHAI, &[Post::Accept]).await;
        }
        site.officer("js_issue", JIANGSU, &[Post::Issue, Post::FirstReview]).await;
        let listed =
            async |query: &str| cnca.get(&format!("/accounts?{query}")).await.is(200).texts("tbody .lead-cell");
        assert_eq!(listed("bureau=320000").await, ["js_issue"]);
        assert_eq!(listed("bureau=cnca").await, ["cnca_admin 本人"]);
        assert_eq!(listed("post=first_review").await, ["js_issue"]);
        assert_eq!(listed("post=accept&size=10").await.len(), 10);
        assert_eq!(listed("post=accept&size=10&page=2").await, ["sh_10", "sh_11"]);
        assert_eq!(listed("name=JS_Issue").await, ["js_issue"], "whatever the case");
        assert_eq!(listed("name=sh_0&state=on&size=50").await.len(), 10);
        assert_eq!(listed("name=%25").await, Vec::<String>::new());
        assert_eq!(listed("state=off").await, Vec::<String>::new());
        cnca.get("/accounts?state=off").await.sees("没有符合条件的账号");
        assert_eq!(listed("bureau=x&post=y&state=z").await, Vec::<String>::new());
        let few = cnca.get("/accounts?bureau=320000").await.statements;
        let many = cnca.get("/accounts?size=50").await.statements;
        assert_eq!(few, many);
        assert!(many <= 6, "{many} statements");
    }
}

/// R-C-06: where the bureau asks for a second factor, one without is led to set it up before anything else.
#[tokio::test]
async fn r_c_06_a_required_second_factor_is_set_up_before_anything_else() {
    for site in Site::each().await {
        let admin = bureau_admin(&site).await;
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let elsewhere = site.officer("js_accept", JIANGSU, &[Post::Accept]).await;
        let cnca = site.cnca("cnca_admin", &[Post::CncaAdmin]).await;
        let (telephone, _) = second_factor::enable(&site, &admin).await;
        let page = admin.get("/accounts").await.sees("自愿启用");
        admin.send(&page.form("要求启用两步验证")).await.is(200).sees("必须启用");
        for path in ["/main", "/casework", "/applications"] {
            officer.get(path).await.at("/profile/second-factor").sees("您所在的单位要求启用两步验证");
        }
        officer.get("/profile/password").await.at("/profile/password");
        for free in [&admin, &elsewhere, &cnca] {
            free.get("/main").await.at("/main");
        }
        log_in(&site, "bureau", "sh_accept", PASSWORD).await.1.at("/profile/second-factor");
        second_factor::enable(&site, &officer).await;
        officer.get("/main").await.at("/main");
        // The administrator resets it when the telephone is lost.
        let page = page_of(&site, &admin, "sh_accept").await.sees("启用两步验证");
        admin.send(&page.form("重置两步验证")).await.is(200).sees("两步验证已重置").sees("重置两步验证");
        officer.get("/main").await.at("/login?next=%2Fmain");
        admin.send(&page.form("重置两步验证")).await.is(409);
        log_in(&site, "bureau", "sh_accept", PASSWORD).await.1.at("/profile/second-factor");
        let page = admin.get("/accounts").await;
        admin.send(&page.form("不再要求两步验证")).await.is(200).sees("自愿启用");
        log_in(&site, "bureau", "sh_accept", PASSWORD).await.1.at("/main");
        drop(telephone);

        // CNCA for its own people, and for any bureau.
        let page = cnca.get("/accounts?bureau=320000").await.sees("两步验证要求：江苏");
        cnca.send(&page.form("要求启用两步验证")).await.is(200);
        elsewhere.get("/main").await.at("/profile/second-factor");
        let page = cnca.get("/accounts").await.sees("两步验证要求：认监委");
        cnca.send(&page.form("要求启用两步验证")).await.at("/profile/second-factor");
        assert_eq!(count(&site, "audit WHERE action = 'require_second_factor'").await, 4);
    }
}

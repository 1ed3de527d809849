//! 两步验证: an optional second factor of the log-in, with recovery codes.

use std::time::Duration;

use axum::http::Method;
use domain::actor::Post;
use totp_rs::{Builder, Secret, Totp};

use crate::story::{self, BASICS};
use crate::support::{Browser, PASSWORD, Page, SHANGHAI, Site};

/// A telephone with an authenticator.
pub struct Telephone(Totp);

impl Telephone {
    /// What it shows now, or some steps of thirty seconds from now.
    fn shows(&self, site: &Site, steps: i64) -> String {
        let seconds = site.app.now().plus_seconds(steps * 30).millis() / 1000;
        self.0.generate(u64::try_from(seconds).unwrap()).to_string()
    }
}

fn pass(site: &Site, seconds: i64) {
    site.clock.set(site.app.now().plus_seconds(seconds));
}

/// Sets the factor up on the page; says what was shown once.
pub async fn enable(site: &Site, user: &Browser) -> (Telephone, Vec<String>) {
    let page = user.get("/profile/second-factor").await.is(200).sees("未启用");
    let pending = user.send(&page.form("开始设置").set("password", PASSWORD)).await.is(200).sees("尚未启用");
    let secret: String = pending.texts(".enrol strong").remove(0).split_whitespace().collect();
    let telephone = Telephone(Builder::new().with_secret(Secret::try_from_base32(&secret).unwrap()).build().unwrap());
    let code = telephone.shows(site, 0);
    let done = user.send(&pending.form("启用").set("code", &code)).await.is(200).sees("两步验证已启用");
    (telephone, done.texts(".codes .code"))
}

async fn password_step(visitor: &Browser, username: &str, password: &str) -> Page {
    let kind = if username.starts_with("sh_") { "bureau" } else { "enterprise" };
    let page = visitor.get("/login").await.is(200);
    let form = page.form("登录").fill(&[("kind", kind), ("username", username), ("password", password)]);
    visitor.send(&form).await
}

async fn log_in(site: &Site, username: &str, code: &str) -> (Page, Browser) {
    let visitor = site.visitor();
    let page = password_step(&visitor, username, PASSWORD).await.is(200).sees("两步验证");
    (visitor.send(&page.form("登录").set("code", code)).await, visitor)
}

/// The secret is shown while it is set up, as text and as a picture from this site, and never again.
#[tokio::test]
async fn the_secret_is_shown_once_and_confirmed_by_a_code() {
    for site in Site::each().await {
        let user = site.company().await;
        let elsewhere = log_in_plainly(&site, "shili_a").await;
        let page = user.get("/profile/second-factor").await.is(200);
        assert_eq!(user.send(&page.form("开始设置")).await.is(422).faulty_fields(), ["password"]);
        let wrong = page.form("开始设置").set("password", "wrong-password-1");
        user.send(&wrong).await.is(422).sees("密码不正确");
        let pending = user.send(&page.form("开始设置").set("password", PASSWORD)).await.is(200);
        assert_eq!(pending.attribute(".enrol img", "src").as_deref(), Some("/profile/second-factor/qr"));
        assert!(!pending.html().contains("data:image"));
        let picture = user.get("/profile/second-factor/qr").await.is(200);
        assert_eq!(picture.headers["content-type"], "image/svg+xml");
        assert!(picture.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        assert_eq!(picture.headers["cache-control"], "no-store");
        assert!(picture.html().contains("<svg"));

        // Not in force before it is confirmed, and not by a wrong code.
        log_in_plainly(&site, "shili_a").await;
        let wrong = pending.form("启用").set("code", "000000");
        user.send(&wrong).await.is(422).sees("验证码不正确");
        let given_up = user.send(&pending.form("放弃设置")).await.is(200).sees("未启用");
        assert!(!given_up.html().contains("/profile/second-factor/qr"));
        user.get("/profile/second-factor/qr").await.is(404);

        let (_, codes) = enable(&site, &user).await;
        assert_eq!(codes.len(), 10);
        assert!(codes.iter().all(|c| c.len() == 14));
        let page = user.get("/profile/second-factor").await.is(200).sees("已启用").sees("10 个");
        assert!(codes.iter().all(|c| !page.html().contains(c.as_str())));
        user.get("/profile/second-factor/qr").await.is(404);
        elsewhere.get("/main").await.at("/login?next=%2Fmain");
        user.get("/main").await.at("/main");
        // What is stored opens nothing by itself.
        let stored = format!("SELECT COUNT(*) FROM recovery_code WHERE code_hash LIKE '%{}%'", codes[0]);
        assert_eq!(site.number(&stored).await, 0);
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'enable_second_factor'").await, 1);
    }
}

async fn log_in_plainly(site: &Site, username: &str) -> Browser {
    let visitor = site.visitor();
    password_step(&visitor, username, PASSWORD).await.at("/main");
    visitor
}

/// The password alone opens nothing; the code of this step, the one before or the one after does, once.
#[tokio::test]
async fn the_password_alone_gives_no_session_and_a_code_works_once() {
    for site in Site::each().await {
        let user = site.company().await;
        let (telephone, _) = enable(&site, &user).await;
        pass(&site, 90);
        let visitor = site.visitor();
        let page = password_step(&visitor, "shili_a", PASSWORD).await.is(200).sees("密码正确");
        assert!(!visitor.cookies.lock().unwrap().contains_key("mianban"));
        visitor.get("/main").await.at("/login?next=%2Fmain");
        visitor.get("/login/second-factor").await.at("/login");
        assert_eq!(visitor.send(&page.form("登录")).await.is(422).error("code"), "请填写验证码");
        for steps in [-2, 2] {
            let code = telephone.shows(&site, steps);
            let again = visitor.send(&page.form("登录").set("code", &code)).await.is(422).sees("验证码不正确");
            assert_eq!(again.value("code"), "");
        }
        let code = telephone.shows(&site, 0);
        let spaced = format!(" {} {}", &code[..3], &code[3..]);
        visitor.send(&page.form("登录").set("code", &spaced)).await.at("/main");
        // The same code, and one of an earlier step, were used up by it.
        log_in(&site, "shili_a", &code).await.0.is(422).sees("已使用过");
        log_in(&site, "shili_a", &telephone.shows(&site, -1)).await.0.is(422);
        // One step early is accepted: clocks of telephones are not exact.
        log_in(&site, "shili_a", &telephone.shows(&site, 1)).await.0.at("/main");
        pass(&site, 120);
        log_in(&site, "shili_a", &telephone.shows(&site, -1)).await.0.at("/main");
    }
}

/// Officers and CNCA too.
#[tokio::test]
async fn every_kind_of_account_may_have_one() {
    for site in Site::each().await {
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let link = officer.get("/main").await.link("两步验证");
        officer.get(&link).await.is(200);
        let (telephone, _) = enable(&site, &officer).await;
        pass(&site, 60);
        log_in(&site, "sh_accept", &telephone.shows(&site, 0)).await.0.at("/main").sees("受理");
        let cnca = site.cnca("cnca_a", &[Post::Statistics]).await;
        enable(&site, &cnca).await;
    }
}

/// A recovery code replaces the telephone once; it is audited, and the page says how many are left.
#[tokio::test]
async fn a_recovery_code_opens_once() {
    for site in Site::each().await {
        let user = site.company().await;
        let (telephone, codes) = enable(&site, &user).await;
        let typed = codes[3].to_lowercase().replace('-', " ");
        let (page, user) = log_in(&site, "shili_a", &typed).await;
        page.at("/main");
        log_in(&site, "shili_a", &codes[3]).await.0.is(422);
        let page = user.get("/profile/second-factor").await.sees("9 个");
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'use_recovery_code'").await, 1);

        // New ones with password and code; the older ones are void.
        let form = page.form("重新生成恢复码");
        assert_eq!(user.send(&form).await.is(422).faulty_fields(), ["renew_password", "renew_code"]);
        pass(&site, 60);
        let form = form.fill(&[("renew_password", PASSWORD), ("renew_code", &telephone.shows(&site, 0))]);
        let fresh = user.send(&form).await.is(200).sees("已重新生成恢复码").texts(".codes .code");
        assert_eq!(fresh.len(), 10);
        log_in(&site, "shili_a", &codes[5]).await.0.is(422);
        log_in(&site, "shili_a", &fresh[5]).await.0.at("/main");
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'renew_recovery_codes'").await, 1);
    }
}

/// A recovery code at the log-in is told by a letter, whatever the user chose about letters: when, and how many are left.
/// A code of the telephone is not, nor one that did not fit, nor an account without a mailbox.
#[tokio::test]
async fn a_recovery_code_at_the_log_in_is_told_by_a_letter() {
    for site in Site::each().await {
        let user = site.company().await;
        let (telephone, codes) = enable(&site, &user).await;
        let page = user.get("/profile/letters").await.is(200);
        user.send(&page.form("保存").set("choice", "none")).await.is(200);
        pass(&site, 60);
        log_in(&site, "shili_a", &telephone.shows(&site, 0)).await.0.at("/main");
        log_in(&site, "shili_a", "ABCD-EFGH-JKLM").await.0.is(422);
        site.work().await;
        assert!(site.mail.letters().is_empty());

        let (_, user) = log_in(&site, "shili_a", &codes[0]).await;
        site.work().await;
        let letters = site.mail.letters();
        assert_eq!(letters.len(), 1);
        assert_eq!(
            (letters[0].to.as_str(), letters[0].subject.as_str()),
            ("shili_a@example.com", "CCC 免办电子审批系统：恢复码已用于登录",)
        );
        let body = &letters[0].body;
        for words in ["用户 shili_a 于 2026-11-23 09:01 用恢复码", "还有 9 个恢复码", "/profile/second-factor"]
        {
            assert!(body.contains(words), "“{words}” is not in:\n{body}");
        }
        assert!(codes.iter().all(|code| !body.contains(code.as_str())));
        user.get("/profile/letters").await.sees("恢复码已用于登录").sees("账户安全").sees("已发送");

        for code in &codes[1..] {
            log_in(&site, "shili_a", code).await.0.at("/main");
        }
        site.work().await;
        assert!(site.mail.letters().pop().unwrap().body.contains("恢复码已全部用完"));

        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let (_, codes) = enable(&site, &officer).await;
        log_in(&site, "sh_accept", &codes[0]).await.0.at("/main");
        site.work().await;
        assert_eq!(site.mail.letters().len(), 10, "an officer has no mailbox here");
    }
}

/// D3: the organisation's administrator switches the lost second factor of a confirmed colleague off: audited, told by a
/// letter, and the colleague's sessions end.
#[tokio::test]
async fn d3_the_administrator_resets_the_lost_second_factor_of_a_confirmed_colleague() {
    for site in Site::each().await {
        let administrator = site.company().await;
        let colleague = site.enterprise("colleague", "802100433").await;
        let (telephone, codes) = enable(&site, &colleague).await;
        // 待确认: not his colleague yet.
        let page = administrator.get("/profile/colleagues").await.is(200).sees("两步验证");
        assert!(!page.html().contains("second-factor-reset"));
        let id = site.number("SELECT id FROM account WHERE username = 'colleague'").await;
        let path = format!("/profile/colleagues/{id}/second-factor-reset");
        administrator.force(&Method::POST, &path, &[]).await.is(409);
        db::testing::confirm(&site.app.db, "colleague").await;
        for _ in 0..5 {
            log_in(&site, "colleague", "000000").await.0.is(422);
        }

        let page = administrator.get("/profile/colleagues").await.is(200);
        let form = page.form("重置两步验证");
        assert_eq!(form.action, path);
        administrator.send(&form).await.at("/profile/colleagues").sees("已重置该用户的两步验证");
        colleague.get("/main").await.at("/login?next=%2Fmain");
        let colleague = log_in_plainly(&site, "colleague").await;
        colleague.get("/profile/second-factor").await.sees("未启用");
        assert_eq!(site.number("SELECT COUNT(*) FROM recovery_code").await, 0);
        let audited = "SELECT COUNT(*) FROM audit WHERE action = 'reset_second_factor' AND actor_name = 'shili_a'";
        assert_eq!(site.number(audited).await, 1);
        site.work().await;
        let letter = site.mail.letters().pop().expect("a letter");
        assert_eq!(letter.to, "colleague@example.com");
        assert!(
            letter.body.contains("单位管理员 shili_a 于 2026-11-23 09:00 重置了用户 colleague 的两步验证"),
            "{}",
            letter.body
        );
        // Nothing is left to reset.
        administrator.send(&form).await.is(409).sees("没有启用两步验证");

        // He sets it up anew: what he had before opens nothing, and wrong codes of before do not count.
        pass(&site, 60);
        let (fresh, _) = enable(&site, &colleague).await;
        pass(&site, 60);
        log_in(&site, "colleague", &codes[0]).await.0.is(422);
        log_in(&site, "colleague", &telephone.shows(&site, 0)).await.0.is(422);
        log_in(&site, "colleague", &fresh.shows(&site, 0)).await.0.at("/main");
    }
}

/// D3: nobody else resets anybody's, and the administrator not his own; another organisation's users are out of reach.
#[tokio::test]
async fn d3_only_an_administrator_resets_and_never_his_own() {
    for site in Site::each().await {
        let administrator = site.company().await;
        enable(&site, &administrator).await;
        let member = site.enterprise("member", "802100433").await;
        db::testing::confirm(&site.app.db, "member").await;
        let stranger = site.enterprise("stranger", "911100008").await;
        let far = site.enterprise("far", "911100008").await;
        db::testing::confirm(&site.app.db, "far").await;
        enable(&site, &member).await;
        enable(&site, &far).await;
        let reset = async |by: &Browser, username: &str| {
            let id = site.number(&format!("SELECT id FROM account WHERE username = '{username}'")).await;
            by.force(&Method::POST, &format!("/profile/colleagues/{id}/second-factor-reset"), &[]).await
        };
        reset(&administrator, "shili_a").await.is(403).sees("不能在此重置自己的两步验证");
        reset(&administrator, "far").await.is(409);
        reset(&stranger, "member").await.is(409);
        reset(&member, "shili_a").await.is(403);
        reset(&member, "member").await.is(403);
        let page = administrator.get("/profile/colleagues").await;
        assert_eq!(page.html().matches("second-factor-reset").count(), 1);
        let theirs = member.get("/profile/colleagues").await;
        assert!(!theirs.html().contains("second-factor-reset"));
        assert_eq!(site.number("SELECT COUNT(*) FROM second_factor").await, 3);
        assert_eq!(site.number("SELECT COUNT(*) FROM letter").await, 0);
    }
}

/// Off again only with password and code.
#[tokio::test]
async fn it_is_switched_off_with_password_and_code() {
    for site in Site::each().await {
        let user = site.company().await;
        let (telephone, _) = enable(&site, &user).await;
        pass(&site, 60);
        let page = user.get("/profile/second-factor").await;
        for (password, code, fields) in [
            ("", String::new(), vec!["password", "code"]),
            ("wrong-password-1", telephone.shows(&site, 0), vec!["password"]),
            (PASSWORD, "123".to_owned(), vec!["code"]),
        ] {
            let form = page.form("停用").fill(&[("password", password), ("code", &code)]);
            assert_eq!(user.send(&form).await.is(422).faulty_fields(), fields);
        }
        let form = page.form("停用").fill(&[("password", PASSWORD), ("code", &telephone.shows(&site, 0))]);
        user.send(&form).await.at("/profile/second-factor").sees("已停用").sees("未启用");
        log_in_plainly(&site, "shili_a").await;
        user.send(&form).await.is(409);
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'disable_second_factor'").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM recovery_code").await, 0);
    }
}

/// Five wrong codes lock the account's second step for fifteen minutes, from wherever they came.
#[tokio::test]
async fn wrong_codes_are_few() {
    for site in Site::each().await {
        let user = site.company().await;
        let (telephone, codes) = enable(&site, &user).await;
        pass(&site, 60);
        for _ in 0..5 {
            log_in(&site, "shili_a", "ABCD-EFGH-JKLM").await.0.is(422).sees("验证码不正确");
        }
        log_in(&site, "shili_a", &telephone.shows(&site, 0)).await.0.is(422).sees("请 15 分钟后再试");
        log_in(&site, "shili_a", &codes[0]).await.0.is(422).sees("请 15 分钟后再试");
        pass(&site, 15 * 60);
        log_in(&site, "shili_a", &telephone.shows(&site, 0)).await.0.at("/main");
    }
}

/// What stands between password and code: five minutes, this browser, this password, this account.
#[tokio::test]
async fn the_ticket_is_short_lived_and_bound() {
    for site in Site::each().await {
        let user = site.company().await;
        let (telephone, _) = enable(&site, &user).await;
        let other = site.enterprise("shili_b", "802100433").await;
        enable(&site, &other).await;
        pass(&site, 60);
        let visitor = site.visitor();
        let page = password_step(&visitor, "shili_a", PASSWORD).await;
        let ticket = page.form("登录").get("ticket").to_owned();
        let code = telephone.shows(&site, 0);
        // Another browser, another account, another time.
        let thief = site.visitor();
        thief.get("/login").await;
        let stolen = [("ticket", ticket.as_str()), ("code", code.as_str())];
        thief.force(&Method::POST, "/login/second-factor", &stolen).await.is(422).sees("请重新登录");
        let id = site.number("SELECT id FROM account WHERE username = 'shili_b'").await;
        let (account, rest) = ticket.split_once('.').unwrap();
        for forged in [format!("{id}.{rest}"), format!("{account}.1{}", &rest[1..]), "1.2".to_owned(), String::new()] {
            let fields = [("ticket", forged.as_str()), ("code", code.as_str())];
            visitor.force(&Method::POST, "/login/second-factor", &fields).await.is(422).sees("请重新登录");
        }
        pass(&site, 5 * 60);
        let late = visitor.send(&page.form("登录").set("code", &telephone.shows(&site, 0))).await.is(422);
        assert_eq!(late.value("username"), "shili_a", "what was typed is kept");
        assert_eq!(late.faulty_fields(), ["password"]);

        // A password that changes in between makes it void.
        let page = password_step(&visitor, "shili_a", PASSWORD).await;
        let form = user.get("/profile/password").await.form("保存").fill(&[
            ("old_password", PASSWORD),
            ("password", "Xin-mima-2026"),
            ("password_again", "Xin-mima-2026"),
        ]);
        user.send(&form).await.sees("密码已修改");
        visitor.send(&page.form("登录").set("code", &telephone.shows(&site, 0))).await.is(422).sees("请重新登录");
        // And the change of the password left the factor where it is.
        let page = password_step(&visitor, "shili_a", "Xin-mima-2026").await.sees("两步验证");
        visitor.send(&page.form("登录").set("code", &telephone.shows(&site, 0))).await.at("/main");
    }
}

/// R-1.4-02, D18: a password from a letter does not get around the second factor, and is used up only behind it.
#[tokio::test]
async fn r_1_4_02_a_forgotten_password_does_not_remove_the_second_factor() {
    for site in Site::each().await {
        let user = site.company().await;
        let (telephone, _) = enable(&site, &user).await;
        pass(&site, 60);
        let visitor = site.visitor();
        let page = visitor.get("/password-reset").await;
        let form = page.form("提交").fill(&[("username", "shili_a"), ("email", "shili_a@example.com")]);
        visitor.send(&form).await.is(200);
        site.work().await;
        let letters = site.mail.letters();
        let password = letters[0].body.lines().find(|l| l.starts_with("    ")).unwrap().trim().to_owned();
        let page = password_step(&visitor, "shili_a", &password).await.is(200).sees("两步验证");
        visitor.send(&page.form("登录").set("code", "000000")).await.is(422);
        user.get("/main").await.at("/main");
        assert_eq!(site.number("SELECT COUNT(*) FROM one_time_password").await, 1, "not used up");
        visitor.send(&page.form("登录").set("code", &telephone.shows(&site, 0))).await.at("/profile/password");
        user.get("/main").await.at("/login?next=%2Fmain");
    }
}

/// E20: a form that outlived its session goes through both steps of the log-in.
#[tokio::test]
async fn what_was_typed_survives_both_steps() {
    for site in Site::each().await {
        let user = site.company().await;
        let (telephone, _) = enable(&site, &user).await;
        let id = story::open_draft(&user).await;
        let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
        let form = page.form("保存并进入下一步").fill(&BASICS);
        site.clock.pass_hours(1);
        let ended = user.send(&form).await.is(401).sees("没有丢失");
        let login = ended.form("重新登录").fill(&[("username", "shili_a"), ("password", PASSWORD)]);
        let second = user.send(&login).await.is(200).sees("两步验证");
        let again = user.send(&second.form("登录").set("code", "000000")).await.is(422);
        let resume = user.send(&again.form("登录").set("code", &telephone.shows(&site, 0))).await.is(200);
        user.send(&resume.sees("继续提交").form("继续提交")).await.is(200).at(&format!("/applications/{id}/items"));
        let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
        assert_eq!(page.value("use_address"), "示例科技园 3 号楼 2 层");
    }
}

/// And one whose ticket became too old meanwhile.
#[tokio::test]
async fn what_was_typed_survives_a_ticket_that_is_too_old() {
    for site in Site::each().await {
        let user = site.company().await;
        let (telephone, _) = enable(&site, &user).await;
        let id = story::open_draft(&user).await;
        let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
        let form = page.form("保存并进入下一步").fill(&BASICS);
        site.clock.pass_hours(1);
        let ended = user.send(&form).await.is(401);
        let login = ended.form("重新登录").fill(&[("username", "shili_a"), ("password", PASSWORD)]);
        let second = user.send(&login).await.is(200);
        pass(&site, i64::try_from(Duration::from_mins(6).as_secs()).unwrap());
        let late = user.send(&second.form("登录").set("code", &telephone.shows(&site, 0))).await.is(422);
        let second = user.send(&late.form("登录").set("password", PASSWORD)).await.is(200).sees("两步验证");
        let resume = user.send(&second.form("登录").set("code", &telephone.shows(&site, 0))).await.is(200);
        user.send(&resume.form("继续提交")).await.is(200).at(&format!("/applications/{id}/items"));
    }
}

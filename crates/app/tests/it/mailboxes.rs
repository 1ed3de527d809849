//! 邮箱验证 (D29): an account counts when its mailbox is proved; a mailbox is changed and changed back.

use axum::http::Method;
use domain::actor::Post;
use kit::app::Letter;

use crate::story;
use crate::support::{Browser, Page, SHANGHAI, Site};

const PASSWORD: &str = "Shili-2026";

/// Registers through the pages; says where it led.
pub async fn register(site: &Site, username: &str, code: &str, mailbox: &str) -> Page {
    let visitor = site.visitor();
    let terms = visitor.get("/registration/terms").await;
    let page = visitor.send(&terms.form("我同意")).await;
    let page = visitor.send(&page.form("注册").set("org_code", code)).await.is(200);
    let mut form = page.form("注册").fill(&[
        ("username", username),
        ("password", PASSWORD),
        ("password_again", PASSWORD),
        ("org_code", code),
        ("region_code_1", "310000"),
        ("region_code_2", "310100"),
        ("region_code_3", "310115"),
        ("contact_name", "张示例"),
        ("contact_phone", "021-00000000"),
        ("contact_email", mailbox),
    ]);
    if page.value("org_name").is_empty() {
        form = form.fill(&[
            ("org_name", "示例电器(上海)有限公司"),
            ("org_postcode", "200000"),
            ("org_address", "上海市浦东新区示例路 100 号"),
        ]);
    }
    visitor.send(&form).await
}

pub async fn log_in(site: &Site, username: &str, password: &str) -> (Page, Browser) {
    let visitor = site.visitor();
    let home = visitor.get("/").await;
    let answer = visitor.send(&home.form("登录").fill(&[("username", username), ("password", password)])).await;
    (answer, visitor)
}

async fn registered(site: &Site, username: &str) -> Browser {
    register(site, username, "802100433", &format!("{username}@example.com")).await.is(200).sees("注册成功");
    log_in(site, username, PASSWORD).await.1
}

/// The newest letter to this mailbox.
#[track_caller]
pub fn letter_to(site: &Site, mailbox: &str) -> Letter {
    let letters = site.mail.letters();
    let found = letters.into_iter().rfind(|l| l.to == mailbox);
    found.unwrap_or_else(|| panic!("no letter to {mailbox}"))
}

/// The address below this page in a letter.
#[track_caller]
pub fn link(letter: &Letter, below: &str) -> String {
    let base = "http://127.0.0.1:8080";
    let found = letter.body.lines().find_map(|l| l.trim().strip_prefix(base).filter(|l| l.starts_with(below)));
    found.unwrap_or_else(|| panic!("no {below} in {}", letter.body)).to_owned()
}

fn code(letter: &Letter) -> String {
    letter.body.split("验证码：").nth(1).unwrap().lines().next().unwrap().to_owned()
}

async fn membership(site: &Site, username: &str, word: &str) -> bool {
    let sql = format!("SELECT COUNT(*) FROM account WHERE username = '{username}' AND membership = '{word}'");
    site.number(&sql).await == 1
}

/// D29: one logs in at once and drafts; nothing is submitted, with a sentence and the way out; nobody becomes 单位管理员.
#[tokio::test]
async fn d29_until_the_mailbox_is_proved_one_drafts_and_submits_nothing() {
    for site in Site::each().await {
        let site = site.asking().await;
        let user = registered(&site, "zhang_shili").await;
        assert!(membership(&site, "zhang_shili", "pending").await);
        user.get("/main").await.is(200).sees("您的邮箱还没有验证");
        let id = story::complete_draft(&site, &user).await;
        let check = user.get(&format!("/applications/{id}/submission")).await.is(200).sees("您的邮箱还没有验证");
        assert_eq!(check.link("邮箱验证"), "/mailbox");
        assert!(!check.offers().contains(&"提交申请".to_owned()));
        let path = format!("/applications/{id}/submission");
        user.force(&Method::POST, &path, &[]).await.is(422).sees("您的邮箱还没有验证");
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE state <> 'draft'").await, 0);

        site.work().await;
        let letter = letter_to(&site, "zhang_shili@example.com");
        // Opening the link changes nothing: mail servers open links, too.
        let visitor = site.visitor();
        let page = visitor.get(&link(&letter, "/mailbox/proof/")).await.is(200).sees("zhang_shili");
        assert!(membership(&site, "zhang_shili", "pending").await);
        let confirm = page.form("确认邮箱");
        visitor.send(&confirm).await.is(200).sees("邮箱已验证，您是本单位的单位管理员");
        assert!(membership(&site, "zhang_shili", "administrator").await);
        // One use.
        visitor.send(&confirm).await.is(404).sees("该链接已使用");
        user.get("/main").await.is(200).sees_no("您的邮箱还没有验证");
        story::submit(&user, &id).await;
    }
}

/// D29, D3: the administrator is who proves first, not who registers first; a squatter of a code gains nothing.
#[tokio::test]
async fn d29_the_first_proved_user_becomes_administrator() {
    for site in Site::each().await {
        let site = site.asking().await;
        registered(&site, "squatter").await;
        let second = registered(&site, "li_shili").await;
        site.work().await;
        let page = second.get("/mailbox").await.is(200).sees("邮箱未验证").sees("li_shili@example.com");
        let wrong = second.send(&page.form("验证").set("code", "AAAA-BBBB")).await.is(422);
        assert!(wrong.error("code").contains("验证码不正确"));
        let right = code(&letter_to(&site, "li_shili@example.com")).to_lowercase();
        second.send(&wrong.form("验证").set("code", &right)).await.at("/main").sees("您是本单位的单位管理员");
        assert!(membership(&site, "li_shili", "administrator").await);
        // An unproved user cannot be confirmed; when he proves, he waits for the administrator.
        let id = site.account("squatter").await;
        second.force(&Method::POST, &format!("/profile/colleagues/{id}/confirmation"), &[]).await.is(409);
        second.get("/profile/colleagues").await.is(200).sees("邮箱未验证");
        let link = link(&letter_to(&site, "squatter@example.com"), "/mailbox/proof/");
        let visitor = site.visitor();
        let page = visitor.get(&link).await.is(200);
        visitor.send(&page.form("确认邮箱")).await.sees("邮箱已验证");
        assert!(membership(&site, "squatter", "pending").await);
    }
}

/// Two who prove at the same moment: one administrator.
#[tokio::test]
async fn d29_two_who_prove_at_once_make_one_administrator() {
    for site in Site::each().await {
        let site = site.asking().await;
        registered(&site, "zhang_shili").await;
        registered(&site, "li_shili").await;
        site.work().await;
        let (mut forms, visitor) = (Vec::new(), site.visitor());
        for name in ["zhang_shili", "li_shili"] {
            let link = link(&letter_to(&site, &format!("{name}@example.com")), "/mailbox/proof/");
            forms.push(visitor.get(&link).await.form("确认邮箱"));
        }
        let (a, b) = tokio::join!(visitor.send(&forms[0]), visitor.send(&forms[1]));
        a.is(200);
        b.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM account WHERE membership = 'administrator'").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM account WHERE mailbox_proved_at IS NOT NULL").await, 2);
    }
}

/// D29: links and codes live 24 hours, are hashed, are sent again, and few within an hour; guesses are counted.
#[tokio::test]
async fn d29_letters_end_after_a_day_are_sent_again_and_are_few() {
    for site in Site::each().await {
        let site = site.asking().await;
        let user = registered(&site, "zhang_shili").await;
        site.work().await;
        let first = letter_to(&site, "zhang_shili@example.com");
        let token = link(&first, "/mailbox/proof/").rsplit('/').next().unwrap().to_owned();
        let kept =
            format!("SELECT COUNT(*) FROM mailbox_proof WHERE link_hash = '{token}' OR code_hash = '{}'", code(&first));
        assert_eq!(site.number(&kept).await, 0, "only hashes are kept");
        site.clock.pass_hours(25);
        let user_again = log_in(&site, "zhang_shili", PASSWORD).await.1;
        drop(user);
        site.visitor().get(&link(&first, "/mailbox/proof/")).await.is(404).sees("已过期");
        let page = user_again.get("/mailbox").await.is(200).sees("还没有可用的验证邮件");
        let resend = page.form("重新发送验证邮件");
        for _ in 0..5 {
            user_again.send(&resend).await.is(200).sees("已向 zhang_shili@example.com 发送验证邮件");
        }
        user_again.send(&resend).await.is(409).sees("过于频繁");
        site.work().await;
        assert_eq!(site.mail.letters().iter().filter(|l| l.subject.contains("请验证您的邮箱")).count(), 6);
        let page = user_again.get("/mailbox").await;
        for _ in 0..5 {
            user_again.send(&page.form("验证").set("code", "XXXX-XXXX")).await.is(422);
        }
        let right = code(&letter_to(&site, "zhang_shili@example.com"));
        let locked = user_again.send(&page.form("验证").set("code", &right)).await.is(422);
        assert!(locked.error("code").contains("15 分钟"));
        site.clock.pass_hours(1);
        let user = log_in(&site, "zhang_shili", PASSWORD).await.1;
        let page = user.get("/mailbox").await;
        user.send(&page.form("验证").set("code", &right)).await.at("/main");
    }
}

/// D29: who gets no letter gives another mailbox at once, with his password; the earlier letter proves nothing.
#[tokio::test]
async fn d29_another_mailbox_is_given_at_once() {
    for site in Site::each().await {
        let site = site.asking().await;
        let user = registered(&site, "zhang_shili").await;
        site.work().await;
        let before = letter_to(&site, "zhang_shili@example.com");
        let page = user.get("/mailbox").await;
        let wrong = page.form("使用这个邮箱").set("new_mailbox", "不是邮箱").set("mailbox_password", "falsch");
        assert_eq!(user.send(&wrong).await.is(422).faulty_fields(), ["new_mailbox", "mailbox_password"]);
        let right = page.form("使用这个邮箱").set("new_mailbox", "neu@example.com").set("mailbox_password", PASSWORD);
        user.send(&right).await.at("/mailbox").sees("已向 neu@example.com 发送验证邮件");
        site.work().await;
        site.visitor().get(&link(&before, "/mailbox/proof/")).await.is(404);
        let old_code = code(&before);
        let page = user.get("/mailbox").await.sees("neu@example.com");
        user.send(&page.form("验证").set("code", &old_code)).await.is(422);
        let page = user.get("/mailbox").await;
        user.send(&page.form("验证").set("code", &code(&letter_to(&site, "neu@example.com")))).await.at("/main");
        // A mailbox that was never proved has no way back and is told nothing.
        assert!(!site.mail.letters().iter().any(|l| l.subject.contains("已修改")));
    }
}

/// D29: a proved mailbox stays until the new one is proved; the old one is told and takes the change back within 72 hours:
/// sessions end, one-time passwords die, and later changes with it.
#[tokio::test]
async fn d29_a_change_of_the_mailbox_is_told_and_undone_from_the_old_one() {
    for site in Site::each().await {
        let site = site.asking().await;
        let user = registered(&site, "zhang_shili").await;
        site.work().await;
        let page = user.get("/mailbox").await;
        user.send(&page.form("验证").set("code", &code(&letter_to(&site, "zhang_shili@example.com"))))
            .await
            .at("/main");

        // In 修改用户信息 too it asks for the password, and keeps what was typed.
        let page = user.get("/profile/particulars").await;
        let form = page.form("保存").set("contact_email", "dieb@example.com").set("contact_phone", "021-55555555");
        let asked = user.send(&form).await.is(422);
        assert_eq!(asked.faulty_fields(), ["mailbox_password"]);
        assert_eq!(asked.value("contact_email"), "dieb@example.com");
        let form = asked.form("保存").set("mailbox_password", PASSWORD);
        let saved = user.send(&form).await.at("/profile/particulars").sees("已向 dieb@example.com 发送验证邮件");
        assert_eq!(saved.value("contact_email"), "zhang_shili@example.com", "until the new one is proved");
        assert_eq!(saved.value("contact_phone"), "021-55555555");
        site.work().await;
        let page = user.get("/mailbox").await.sees("dieb@example.com");
        user.send(&page.form("验证").set("code", &code(&letter_to(&site, "dieb@example.com"))))
            .await
            .sees("新邮箱已验证");
        site.work().await;
        let told = letter_to(&site, "zhang_shili@example.com");
        assert!(told.subject.contains("联系人邮箱已修改") && told.body.contains("dieb@example.com"), "{}", told.body);
        let undo = link(&told, "/mailbox/undoing/");

        // A second change, and a password asked for meanwhile.
        let page = user.get("/mailbox").await;
        let next = page.form("使用这个邮箱").set("new_mailbox", "zwei@example.com").set("mailbox_password", PASSWORD);
        user.send(&next).await.is(200);
        site.work().await;
        let page = user.get("/mailbox").await;
        user.send(&page.form("验证").set("code", &code(&letter_to(&site, "zwei@example.com")))).await.at("/main");
        site.work().await;
        let later = link(&letter_to(&site, "dieb@example.com"), "/mailbox/undoing/");
        site.clock.pass_hours(71);
        let user = log_in(&site, "zhang_shili", PASSWORD).await.1;
        user.get("/main").await.at("/main");
        let visitor = site.visitor();
        let reset = visitor.get("/password-reset").await;
        let ask = reset.form("提交").fill(&[("username", "zhang_shili"), ("email", "zwei@example.com")]);
        visitor.send(&ask).await.is(200);
        site.work().await;
        assert_eq!(site.number("SELECT COUNT(*) FROM one_time_password").await, 1);

        let page = visitor.get(&undo).await.is(200).sees("恢复为");
        let form = page.form("恢复为本邮箱");
        visitor.send(&form).await.is(200).sees("已恢复").sees("忘记密码");
        user.get("/main").await.at("/login?next=%2Fmain");
        let sql = "SELECT COUNT(*) FROM account WHERE contact_email = 'zhang_shili@example.com'";
        assert_eq!(site.number(sql).await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM one_time_password").await, 0);
        visitor.send(&form).await.is(404);
        visitor.get(&later).await.is(404);
        site.work().await;
        assert!(letter_to(&site, "zwei@example.com").subject.contains("已恢复"));
    }
}

/// D29: after 72 hours the change stays.
#[tokio::test]
async fn d29_the_way_back_ends_after_72_hours() {
    for site in Site::each().await {
        let user = site.company().await;
        let page = user.get("/mailbox").await.sees("已验证");
        let password = crate::support::PASSWORD;
        let form = page.form("使用这个邮箱").set("new_mailbox", "neu@example.com").set("mailbox_password", password);
        // An installation that does not ask: it counts at once, and the old one is told all the same.
        user.send(&form).await.sees("联系人邮箱已改为 neu@example.com");
        site.work().await;
        let undo = link(&letter_to(&site, "shili_a@example.com"), "/mailbox/undoing/");
        site.clock.pass_hours(73);
        site.visitor().get(&undo).await.is(404).sees("72 小时");
    }
}

/// D29: an installation that sends no letters does not ask; who was asked before counts from his next log-in on.
#[tokio::test]
async fn d29_an_installation_without_mail_does_not_ask() {
    for site in Site::each().await {
        let asking = site.asking().await;
        registered(&asking, "zhang_shili").await;
        assert!(membership(&site, "zhang_shili", "pending").await);
        log_in(&site, "zhang_shili", PASSWORD).await.0.at("/main").sees_no("您的邮箱还没有验证");
        assert!(membership(&site, "zhang_shili", "administrator").await);
        register(&site, "li_shili", "802100433", "li@example.com").await.is(200).sees_no("验证邮件");
        assert_eq!(site.number("SELECT COUNT(*) FROM account WHERE mailbox_proved_at IS NULL").await, 0);
    }
}

/// D29: a demonstration shows the letter on the page.
#[tokio::test]
async fn d29_a_demonstration_shows_the_letter() {
    for site in Site::each().await {
        let asking = site.asking().await;
        register(&asking, "zhang_shili", "802100433", "zhang@example.com").await.is(200);
        let demo = asking.showing().await;
        let user = log_in(&demo, "zhang_shili", PASSWORD).await.1;
        let page = user.get("/mailbox").await.sees_no("演示：邮件内容");
        let page = user.send(&page.form("重新发送验证邮件")).await.is(200).sees("演示：邮件内容");
        let text = page.text();
        let code = text.split("验证码：").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        user.send(&page.form("验证").set("code", &code)).await.at("/main").sees("您是本单位的单位管理员");
    }
}

/// D29, D30: the bureau of the region may confirm in its place.
#[tokio::test]
async fn d29_the_bureau_confirms_in_its_place() {
    for site in Site::each().await {
        let site = site.asking().await;
        let user = registered(&site, "zhang_shili").await;
        let admin = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let list = admin.get("/organisations?q=zhang_shili").await.is(200).sees("示例电器(上海)有限公司");
        let path = list.hrefs("tbody .lead-cell a").remove(0);
        let page = admin.get(&path).await.is(200).sees("邮箱未验证");
        let no_reason = admin.send(&page.form_of("代为确认邮箱 zhang_shili")).await.is(422);
        assert_eq!(no_reason.faulty_fields().len(), 1);
        let field = no_reason.faulty_fields().remove(0);
        let form =
            no_reason.form_of("代为确认邮箱 zhang_shili").set(&field, "来局核对身份证件，其公司邮箱收不到邮件。");
        admin.send(&form).await.is(200).sees("已代为确认该用户的邮箱");
        assert!(membership(&site, "zhang_shili", "administrator").await);
        user.get("/main").await.sees_no("您的邮箱还没有验证");
        admin.get(&path).await.sees("代为确认邮箱").sees("来局核对身份证件");
    }
}

/// Common and leaked passwords are refused, and what is known of the user; the sentence stands beside the field.
#[tokio::test]
async fn common_passwords_are_refused_at_registration_and_at_a_change() {
    for site in Site::each().await {
        let visitor = site.visitor();
        let terms = visitor.get("/registration/terms").await;
        let page = visitor.send(&terms.form("我同意")).await;
        let page = visitor.send(&page.form("注册").set("org_code", "802100433")).await.is(200);
        for bad in ["Password1", "P@ssw0rd", "zhang_shili1", "802100433-a"] {
            let form = page.form("注册").fill(&[
                ("username", "zhang_shili"),
                ("password", bad),
                ("password_again", bad),
                ("org_code", "80210043-3"),
            ]);
            let again = visitor.send(&form).await.is(422);
            assert!(again.error("password").contains("请换一个密码"), "{bad}: {}", again.error("password"));
        }
        let user = site.company().await;
        let form = user.get("/profile/password").await.form("保存");
        for (bad, fits) in [("Password1", false), ("Shili_a-2026", false), ("mianban-demo-2026", true)] {
            let form = form.clone().fill(&[
                ("old_password", crate::support::PASSWORD),
                ("password", bad),
                ("password_again", bad),
            ]);
            let answer = user.send(&form).await;
            assert_eq!(answer.faulty_fields().is_empty(), fits, "{bad}");
        }
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let form = officer.get("/profile/password").await.form("保存").fill(&[
            ("old_password", crate::support::PASSWORD),
            ("password", "Sh_accept99"),
            ("password_again", "Sh_accept99"),
        ]);
        assert_eq!(officer.send(&form).await.is(422).faulty_fields(), ["password"]);
    }
}

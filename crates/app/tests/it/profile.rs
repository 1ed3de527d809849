//! 忘记密码 (manual §1.4), 修改用户信息 (manual §3), 修改密码 and 单位用户 (D3, D5, D18).

use axum::http::Method;

use crate::support::{Browser, Page, Site};

const FIRST: [(&str, &str); 3] =
    [("username", "zhang_shili"), ("password", "Shili-2026"), ("contact_email", "zhang@example.com")];
const SECOND: [(&str, &str); 3] =
    [("username", "li_shili"), ("password", "Shili-2027"), ("contact_email", "li@example.com")];
const CODE: &str = "80210043-3";

/// Registers at the counter and logs in.
async fn member(site: &Site, who: &[(&str, &str); 3]) -> Browser {
    let visitor = site.visitor();
    let terms = visitor.get("/registration/terms").await;
    let page = visitor.send(&terms.form("我同意")).await;
    let page = visitor.send(&page.form("注册").set("org_code", CODE)).await.is(200);
    let mut form = page.form("注册").fill(who).fill(&[
        ("password_again", who[1].1),
        ("org_code", CODE),
        ("region_code_1", "310000"),
        ("region_code_2", "310100"),
        ("region_code_3", "310115"),
        ("contact_name", "张示例"),
        ("contact_phone", "021-00000000"),
    ]);
    // The shared fields of a known organisation are filled in and may not be changed.
    if page.value("org_name").is_empty() {
        form = form.fill(&[
            ("org_name", "示例电器(上海)有限公司"),
            ("org_postcode", "200000"),
            ("org_address", "上海市浦东新区示例路 100 号"),
        ]);
    }
    visitor.send(&form).await.is(200).sees("注册成功");
    log_in(site, who[0].1, who[1].1).await.1
}

async fn log_in(site: &Site, username: &str, password: &str) -> (Page, Browser) {
    let visitor = site.visitor();
    let home = visitor.get("/").await;
    let answer = visitor.send(&home.form("登录").fill(&[("username", username), ("password", password)])).await;
    (answer, visitor)
}

async fn ask(site: &Site, username: &str, email: &str) -> Page {
    let visitor = site.visitor();
    let page = visitor.get("/password-reset").await.is(200).sees("用户名").sees("邮箱地址");
    visitor.send(&page.form("提交").fill(&[("username", username), ("email", email)])).await
}

/// The password of the last letter: the line that stands alone, indented.
fn mailed(site: &Site) -> String {
    let letters = site.mail.letters();
    let letter = letters.last().expect("a letter");
    assert_eq!(letter.to, "zhang@example.com");
    letter.body.lines().find(|l| l.starts_with("    ")).expect("a password").trim().to_owned()
}

/// R-1.4-01, -04: the page asks for both; 返回 leads back to the log-in.
#[tokio::test]
async fn r_1_4_01_a_forgotten_password_is_asked_for_with_name_and_mailbox() {
    for site in Site::each().await {
        let visitor = site.visitor();
        assert_eq!(visitor.get("/").await.link("忘记密码"), "/password-reset");
        let page = visitor.get("/password-reset").await.is(200);
        visitor.get(&page.link("返回")).await.is(200).sees("登录");
        let wrong = visitor.send(&page.form("提交").set("username", "谁").set("email", "不是邮箱")).await.is(422);
        assert_eq!(wrong.faulty_fields(), ["email"]);
        assert_eq!(wrong.value("username"), "谁");
        let empty = visitor.send(&page.form("提交")).await.is(422);
        assert_eq!(empty.faulty_fields(), ["username", "email"]);
    }
}

/// R-1.4-02, D18: the mailed password opens a session that can only change it; the old one works until then.
#[tokio::test]
async fn r_1_4_02_the_mailed_password_logs_in_and_must_be_changed() {
    for site in Site::each().await {
        let elsewhere = member(&site, &FIRST).await;
        ask(&site, "ZHANG_shili", "zhang@example.com").await.is(200).sees("如果用户名与注册时的联系人邮箱相符");
        site.work().await;
        let password = mailed(&site);
        assert!(password.len() >= 12 && !password.contains(['0', 'O', 'o', '1', 'l', 'I']), "{password}");
        // Nobody is locked out by a stranger's request.
        log_in(&site, "zhang_shili", "Shili-2026").await.0.at("/main");

        let (page, user) = log_in(&site, "zhang_shili", &password).await;
        page.at("/profile/password").sees("修改密码");
        user.get("/applications").await.at("/profile/password");
        elsewhere.get("/main").await.is(200);
        let form = user.get("/profile/password").await.form("保存");
        let short = form.clone().set("password", "short").set("password_again", "short");
        assert_eq!(user.send(&short).await.is(422).faulty_fields(), ["password"]);
        let new = form.set("password", "Xin-mima-2026").set("password_again", "Xin-mima-2026");
        user.send(&new).await.at("/main").sees("密码已修改");
        user.get("/applications").await.is(200).at("/applications");
        // Every other session has ended, and neither older password works.
        elsewhere.get("/main").await.at("/login?next=%2Fmain");
        log_in(&site, "zhang_shili", &password).await.0.is(422);
        log_in(&site, "zhang_shili", "Shili-2026").await.0.is(422);
        log_in(&site, "zhang_shili", "Xin-mima-2026").await.0.at("/main");
    }
}

/// R-1.4-03, D18: a wrong pair is answered alike, sends nothing and changes nothing.
#[tokio::test]
async fn r_1_4_03_a_wrong_pair_is_answered_alike_and_does_nothing() {
    for site in Site::each().await {
        member(&site, &FIRST).await;
        let right = ask(&site, "zhang_shili", "zhang@example.com").await.is(200);
        site.work().await;
        let letters = site.mail.letters().len();
        let wrong = ask(&site, "zhang_shili", "andere@example.com").await.is(200);
        let nobody = ask(&site, "nobody_here", "zhang@example.com").await.is(200);
        site.work().await;
        assert_eq!(site.mail.letters().len(), letters);
        assert!(!right.texts("main").is_empty());
        assert_eq!(right.texts("main"), wrong.texts("main"));
        assert_eq!(right.texts("main"), nobody.texts("main"));
        log_in(&site, "zhang_shili", "Shili-2026").await.0.at("/main");
    }
}

/// D18: a one-time password ends after 24 hours, and only three are sent in an hour.
#[tokio::test]
async fn d18_one_time_passwords_expire_and_are_few() {
    for site in Site::each().await {
        member(&site, &FIRST).await;
        for _ in 0..5 {
            ask(&site, "zhang_shili", "zhang@example.com").await;
            site.work().await;
        }
        assert_eq!(site.mail.letters().iter().filter(|l| l.subject.contains("新密码")).count(), 3);
        let password = mailed(&site);
        site.clock.pass_hours(25);
        log_in(&site, "zhang_shili", &password).await.0.is(422);
        log_in(&site, "zhang_shili", "Shili-2026").await.0.at("/main");
    }
}

/// R-1.4-02 with resend: who did not get the letter asks again; each password that was sent works until one is used.
#[tokio::test]
async fn r_1_4_02_asking_again_sends_another_password() {
    for site in Site::each().await {
        member(&site, &FIRST).await;
        let sent = ask(&site, "zhang_shili", "zhang@example.com").await.is(200);
        site.work().await;
        let first = mailed(&site);
        assert_eq!(sent.link("重新提交"), "/password-reset");
        ask(&site, "zhang_shili", "zhang@example.com").await.is(200);
        site.work().await;
        let second = mailed(&site);
        assert_ne!(first, second);
        let (page, user) = log_in(&site, "zhang_shili", &first).await;
        page.at("/profile/password");
        let form = user.get("/profile/password").await.form("保存");
        let new = form.set("password", "Xin-mima-2026").set("password_again", "Xin-mima-2026");
        user.send(&new).await.at("/main");
        log_in(&site, "zhang_shili", &second).await.0.is(422);
    }
}

/// R-1.4-04: 返回 leads back to the log-in, and nothing was asked for.
#[tokio::test]
async fn r_1_4_04_going_back_asks_for_nothing() {
    for site in Site::each().await {
        member(&site, &FIRST).await;
        let visitor = site.visitor();
        let page = visitor.get("/password-reset").await.is(200);
        visitor.get(&page.link("返回")).await.is(200).at("/login");
        site.work().await;
        assert!(site.mail.letters().is_empty());
    }
}

/// A change of the password ends every other login session, and no other person's.
#[tokio::test]
async fn a_change_of_the_password_ends_the_other_sessions() {
    for site in Site::each().await {
        let here = member(&site, &FIRST).await;
        let colleague = member(&site, &SECOND).await;
        let (_, there) = log_in(&site, "zhang_shili", "Shili-2026").await;
        there.get("/main").await.at("/main");
        let form = here.get("/profile/password").await.form("保存").fill(&[
            ("old_password", "Shili-2026"),
            ("password", "Xin-mima-2026"),
            ("password_again", "Xin-mima-2026"),
        ]);
        here.send(&form).await.at("/main").sees("您在其他地方的登录已退出");
        there.get("/main").await.at("/login?next=%2Fmain");
        here.get("/main").await.at("/main");
        colleague.get("/main").await.at("/main");
        log_in(&site, "zhang_shili", "Shili-2026").await.0.is(422);
    }
}

/// 修改密码 from the menu asks for the old one and says every mistake at once.
#[tokio::test]
async fn a_password_is_changed_with_the_old_one() {
    for site in Site::each().await {
        let user = member(&site, &FIRST).await;
        let page = user.get("/profile/password").await.is(200);
        let wrong = page.form("保存").fill(&[("old_password", "falsch"), ("password", "x"), ("password_again", "y")]);
        let again = user.send(&wrong).await.is(422);
        assert_eq!(again.faulty_fields(), ["old_password", "password", "password_again"]);
        assert_eq!(again.value("password"), "", "passwords are never shown again");
        let right = again.form("保存").fill(&[
            ("old_password", "Shili-2026"),
            ("password", "Xin-mima-2026"),
            ("password_again", "Xin-mima-2026"),
        ]);
        user.send(&right).await.at("/main").sees("密码已修改");
        log_in(&site, "zhang_shili", "Xin-mima-2026").await.0.at("/main");
    }
}

/// R-3-01, -02: the page of the menu; name and code are shown and cannot be changed, not even by a forged form.
#[tokio::test]
async fn r_3_02_username_and_organisation_code_cannot_be_changed() {
    for site in Site::each().await {
        let user = member(&site, &FIRST).await;
        let link = user.get("/main").await.link("修改用户信息");
        let page = user.get(&link).await.is(200).sees("zhang_shili").sees(CODE);
        assert!(!page.has_field("username") && !page.has_field("org_code"));
        let mut fields: Vec<(String, String)> = page.form("保存").fields;
        fields.push(("username".into(), "someone".into()));
        fields.push(("org_code".into(), "12345678-8".into()));
        let fields: Vec<_> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        user.force(&Method::POST, "/profile/particulars", &fields).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM account WHERE username = 'zhang_shili'").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM organisation").await, 1);
    }
}

/// R-3-03, -04, -05: saved at once, in force from the next log-in.
#[tokio::test]
async fn r_3_04_changes_take_effect_after_the_next_login() {
    for site in Site::each().await {
        let user = member(&site, &FIRST).await;
        let page = user.get("/profile/particulars").await;
        let changed =
            page.form("保存").fill(&[("org_name", "示例电器(浦东)有限公司"), ("contact_phone", "021-11111111")]);
        let saved = user.send(&changed).await.at("/profile/particulars").sees("已保存用户信息").sees("立即重新登录");
        assert_eq!(saved.value("contact_phone"), "021-11111111");
        new_draft(&user).await.sees("示例电器(上海)有限公司").sees("021-00000000").sees_no("021-11111111");

        user.send(&saved.form("立即重新登录")).await;
        let (_, user) = log_in(&site, "zhang_shili", "Shili-2026").await;
        new_draft(&user).await.sees("示例电器(浦东)有限公司").sees("021-11111111");
    }
}

/// The basic information of a new draft.
async fn new_draft(user: &Browser) -> Page {
    let id = crate::story::open_draft(user).await;
    user.get(&format!("/applications/{id}/basics")).await.is(200)
}

/// R-1.1-12, R-3-06, D3: four fields are those of the organisation; the others stay per user, and are told.
#[tokio::test]
async fn r_1_1_12_the_four_shared_fields_change_for_every_user_of_the_code() {
    for site in Site::each().await {
        let first = member(&site, &FIRST).await;
        let second = member(&site, &SECOND).await;
        let page = first.get("/profile/particulars").await;
        let form = page.form("保存").fill(&[
            ("org_name", "示例电器(浦东)有限公司"),
            ("org_postcode", "200120"),
            ("org_address", "上海市浦东新区示例路 200 号"),
            ("org_remark", "已迁址"),
            ("contact_phone", "021-22222222"),
        ]);
        first.send(&form).await.at("/profile/particulars");
        let theirs = second.get("/profile/particulars").await;
        assert_eq!(theirs.value("org_name"), "示例电器(浦东)有限公司");
        assert_eq!(theirs.value("org_postcode"), "200120");
        assert_eq!(theirs.value("org_address"), "上海市浦东新区示例路 200 号");
        assert_eq!(theirs.value("org_remark"), "已迁址");
        assert_eq!(theirs.value("contact_phone"), "021-00000000");
        second.get("/main").await.sees("申请单位信息有修改").sees("zhang_shili");
        first.get("/main").await.sees_no("申请单位信息有修改");
    }
}

/// D3: a user 待确认 reads the shared fields only, until the administrator confirms him.
#[tokio::test]
async fn d3_a_pending_user_cannot_change_the_shared_fields_until_confirmed() {
    for site in Site::each().await {
        let first = member(&site, &FIRST).await;
        let second = member(&site, &SECOND).await;
        let page = second.get("/profile/particulars").await.sees("待确认");
        let fields: Vec<(String, String)> =
            page.form("保存").set("org_name", "冒名有限公司").set("contact_phone", "021-33333333").fields;
        let fields: Vec<_> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        second.force(&Method::POST, "/profile/particulars", &fields).await;
        let page = second.get("/profile/particulars").await;
        assert_eq!(page.value("org_name"), "示例电器(上海)有限公司");
        assert_eq!(page.value("contact_phone"), "021-33333333");

        let colleagues = first.get("/main").await.link("1 个用户待确认");
        let page = first.get(&colleagues).await.is(200).sees("li_shili");
        first.send(&page.form("确认")).await.at("/profile/colleagues").sees("已确认该用户");
        let (_, second) = log_in(&site, "li_shili", "Shili-2027").await;
        let form = second.get("/profile/particulars").await.form("保存").set("org_name", "示例电器(嘉定)有限公司");
        second.send(&form).await.at("/profile/particulars");
        assert_eq!(first.get("/profile/particulars").await.value("org_name"), "示例电器(嘉定)有限公司");
    }
}

/// D3: who does not belong to the organisation is refused and cannot log in any more.
#[tokio::test]
async fn d3_a_refused_user_cannot_log_in() {
    for site in Site::each().await {
        let first = member(&site, &FIRST).await;
        let second = member(&site, &SECOND).await;
        let page = first.get("/profile/colleagues").await;
        first.send(&page.form("拒绝")).await.at("/profile/colleagues").sees("已拒绝该用户");
        second.get("/main").await.at("/login?next=%2Fmain");
        log_in(&site, "li_shili", "Shili-2027").await.0.is(422);
    }
}

/// D3: the administrator's office is handed to a confirmed colleague; nobody else may act as one.
#[tokio::test]
async fn d3_the_administrator_hands_his_office_over() {
    for site in Site::each().await {
        let first = member(&site, &FIRST).await;
        let second = member(&site, &SECOND).await;
        let page = first.get("/profile/colleagues").await;
        first.send(&page.form("确认")).await;
        // A confirmed user sees the administrator and himself, and no button.
        let theirs =
            second.get("/profile/colleagues").await.is(200).sees("zhang_shili").sees_no("移交单位管理员</button>");
        assert!(!theirs.html().contains("/handover"));
        let path = first.get("/profile/colleagues").await.form("移交单位管理员").action.clone();
        second.force(&Method::POST, &path, &[]).await.is(403).sees("单位管理员");
        let page = first.get("/profile/colleagues").await;
        first.send(&page.form("移交单位管理员")).await.at("/profile/colleagues").sees("已移交单位管理员");
        assert_eq!(
            site.number("SELECT COUNT(*) FROM account WHERE membership = 'administrator' AND username = 'li_shili'")
                .await,
            1
        );
        // Whoever handed it over is a confirmed user like any other, from the same moment.
        first.force(&Method::POST, "/profile/sharing", &[("shares", "1")]).await.is(403);
        let page = second.get("/profile/colleagues").await.sees("移交单位管理员");
        second.send(&page.form("打开单位内共享")).await.sees("已打开单位内共享");
    }
}

/// D5: 单位内共享 lets confirmed colleagues see the applications, and no one else.
#[tokio::test]
async fn d5_sharing_shows_applications_to_confirmed_colleagues() {
    for site in Site::each().await {
        let first = member(&site, &FIRST).await;
        member(&site, &SECOND).await;
        new_draft(&first).await;
        let id = site.number("SELECT MAX(id) FROM application").await;
        let address = format!("/applications/{id}");
        let page = first.get("/profile/colleagues").await;
        let share = page.form("打开单位内共享");
        first.send(&share).await.sees("已打开单位内共享");
        let (_, pending) = log_in(&site, "li_shili", "Shili-2027").await;
        pending.get(&address).await.is(404);
        let page = first.get("/profile/colleagues").await;
        first.send(&page.form("确认")).await;
        let (_, confirmed) = log_in(&site, "li_shili", "Shili-2027").await;
        confirmed.get(&address).await.is(200);
        confirmed.get(&format!("{address}/basics")).await.sees_no("保存并进入下一步");
        let page = first.get("/profile/colleagues").await;
        first.send(&page.form("关闭单位内共享")).await.sees("已关闭单位内共享");
        let (_, confirmed) = log_in(&site, "li_shili", "Shili-2027").await;
        confirmed.get(&address).await.is(404);
    }
}

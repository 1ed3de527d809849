//! Letters: one for every change of status, the choice of each user, and what becomes of them (manual §2.2, §2.5; D8, D18).

use std::sync::atomic::Ordering;

use domain::actor::Post;
use domain::letter::Failure;
use kit::app::Letter;

use crate::story::{self, Bureau, decide};
use crate::support::{Browser, PASSWORD, Page, Site};

async fn choose(user: &Browser, choice: &str) -> Page {
    let page = user.get("/profile/letters").await.is(200);
    user.send(&page.form("保存").set("choice", choice)).await
}

fn subjects(site: &Site) -> Vec<String> {
    site.mail.letters().iter().map(|l| l.subject.split('：').nth(1).unwrap_or_default().to_owned()).collect()
}

fn last(site: &Site) -> Letter {
    site.mail.letters().pop().expect("a letter")
}

fn says(letter: &Letter, what: &[&str]) {
    for words in what {
        assert!(letter.body.contains(words), "“{words}” is not in:\n{}", letter.body);
    }
}

/// R-2.3-09: every step of the whole course is told: number, what happened, status, opinion, what to do, and a link.
#[tokio::test]
async fn r_2_3_09_every_change_of_status_is_told() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        site.work().await;
        let number = user.get(&format!("/applications/{id}")).await.texts("h1").remove(0);
        let link = format!("http://127.0.0.1:8080/applications/{id}");
        says(&last(&site), &[&number, "提交成功，已送到受理岗", "申请单状态：受理中", &link, "您可以登录系统撤回"]);

        let back = [("decision", "return"), ("opinion", "发票上的型号与附表不一致。"), ("part", "items")];
        decide(&bureau.accept, &id, &back).await.is(200);
        site.work().await;
        says(
            &last(&site),
            &[
                "受理岗送补正",
                "返回修改",
                "审批意见：发票上的型号与附表不一致。",
                "需修改的部分：附表产品信息",
                "补正后重新提交",
            ],
        );
        let page = user.get(&format!("/applications/{id}/submission")).await.is(200);
        user.send(&page.form("提交申请")).await.is(200);
        site.work().await;
        says(&last(&site), &["补正后重新提交成功，已送回受理岗", "申请单状态：受理中"]);

        bureau.bring_to(&id, Post::Compare).await;
        let paper = [
            ("decision", "request_paper"),
            ("address", "上海市浦东新区民生路 1208 号"),
            ("papers", "合同原件"),
            ("contact", "李示例 021-00000001"),
            ("deadline", "2026-12-10"),
        ];
        decide(&bureau.compare, &id, &paper).await.is(200);
        site.work().await;
        says(
            &last(&site),
            &[
                "文件对比中_送纸质材料",
                "材料清单：合同原件",
                "民生路 1208 号",
                "李示例",
                "送达期限：2026-12-10",
                "送交纸质材料",
            ],
        );
        story::papers_arrive(&bureau.compare, &id).await.is(200);
        decide(&bureau.compare, &id, &[("decision", "pass"), ("opinion", "一致。")]).await.is(200);
        decide(&bureau.issue, &id, &[("decision", "issue")]).await.is(200);
        site.work().await;
        says(&last(&site), &["已发放免办证明", "申请单状态：已发证", "下载或打印免办证明"]);
        assert_eq!(
            subjects(&site),
            [
                "受理中",
                "返回修改",
                "受理中",
                "初审中",
                "终审中",
                "文件对比中",
                "文件对比中_送纸质材料",
                "文件对比中",
                "待发证",
                "已发证"
            ]
        );
    }
}

/// The ends against the applicant's wish, and the withdrawal.
#[tokio::test]
async fn every_end_is_told_with_its_reason() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        for (post, officer, decision, what) in [
            (Post::Accept, &bureau.accept, "refuse", "拒绝受理"),
            (Post::FirstReview, &bureau.first, "fail", "初审未通过"),
            (Post::FinalReview, &bureau.last, "fail", "终审未通过"),
            (Post::Compare, &bureau.compare, "fail", "对比材料未通过"),
        ] {
            let id = story::submitted(&site, &user).await;
            bureau.bring_to(&id, post).await;
            decide(officer, &id, &[("decision", decision), ("opinion", "材料与事实不符。")]).await.is(200);
            site.work().await;
            says(&last(&site), &[what, "审批意见：材料与事实不符。", "审批已结束"]);
        }
        let id = story::submitted(&site, &user).await;
        let page = bureau.terminate.get(&format!("/casework/{id}")).await.is(200);
        let number = page.texts("h1").remove(0);
        let number = number.split_whitespace().find(|w| w.starts_with("MB")).unwrap_or(&number).to_owned();
        let reason = [("termination_reason", "企业申请有误"), ("confirm_number", number.as_str())];
        let path = format!("/casework/{id}/termination");
        bureau.terminate.force(&axum::http::Method::POST, &path, &reason).await.is(303);
        site.work().await;
        says(&last(&site), &["强制终止", "终止原因：企业申请有误"]);

        let id = story::submitted(&site, &user).await;
        let page = user.get(&format!("/applications/{id}")).await;
        user.send(&page.form("撤回")).await.is(200);
        site.work().await;
        says(&last(&site), &["您已撤回该申请", "已撤回"]);
    }
}

/// Each user chooses: every change, only what needs him, none. Passwords always go.
#[tokio::test]
async fn letters_follow_the_choice_of_their_user() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let page = user.get("/profile/letters").await.is(200).sees("每次状态变化都通知").sees("shili_a@example.com");
        assert_eq!(page.attribute("input[name=choice][checked]", "value").as_deref(), Some("every"));
        let nonsense = page.form("保存").set("choice", "sometimes");
        assert_eq!(user.send(&nonsense).await.is(422).faulty_fields(), ["choice"]);

        choose(&user, "needed").await.at("/profile/letters").sees("已保存邮件通知");
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::FirstReview).await;
        let back = [("decision", "return"), ("opinion", "请补充说明用途。"), ("part", "basics")];
        decide(&bureau.first, &id, &back).await.is(200);
        site.work().await;
        assert_eq!(subjects(&site), ["返回修改"]);

        choose(&user, "none").await.is(200);
        let page = user.get(&format!("/applications/{id}/submission")).await.is(200);
        user.send(&page.form("提交申请")).await.is(200);
        site.work().await;
        assert_eq!(subjects(&site), ["返回修改"]);
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'choose_letters'").await, 2);

        let visitor = site.visitor();
        let page = visitor.get("/password-reset").await;
        let form = page.form("提交").fill(&[("username", "shili_a"), ("email", "shili_a@example.com")]);
        visitor.send(&form).await.is(200);
        site.work().await;
        assert!(last(&site).subject.contains("新密码"));
    }
}

/// The mailbox is the one the user has now, also for applications that were filed with another one.
#[tokio::test]
async fn letters_go_to_the_mailbox_of_today() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let page = user.get("/profile/particulars").await;
        user.send(
            &page
                .form("保存")
                .set("contact_email", "neu@example.com")
                .set("mailbox_password", crate::support::PASSWORD),
        )
        .await
        .is(200);
        bureau.bring_to(&id, Post::FirstReview).await;
        site.work().await;
        // The old mailbox is told of the change besides (D29).
        let letters = site.mail.letters().into_iter().filter(|l| !l.subject.contains("联系人邮箱已修改"));
        let to: Vec<_> = letters.map(|l| l.to).collect();
        assert_eq!(to, ["shili_a@example.com", "neu@example.com"]);
    }
}

/// 邮件记录: waiting with its reason and next try, sent, failed; what failed is sent again, to the mailbox of today.
#[tokio::test]
async fn the_delivery_of_letters_is_seen_and_failed_ones_are_sent_again() {
    for site in Site::each().await {
        let user = site.company().await;
        user.get("/profile/letters").await.is(200).sees("还没有邮件");
        site.mail.broken.store(true, Ordering::SeqCst);
        story::submitted(&site, &user).await;
        user.get("/profile/letters").await.is(200).sees("待发送").sees("即将发送");
        site.work().await;
        let waiting =
            user.get("/profile/letters").await.sees("待发送").sees("暂时连接不上邮件服务器；下次发送 2026-11-23 09:00");
        assert!(!waiting.offers().contains(&"重新发送".to_owned()), "it is tried again by itself");
        site.mail.broken.store(false, Ordering::SeqCst);
        site.clock.set(site.app.now().plus_minutes(2));
        site.work().await;
        user.get("/profile/letters").await.sees("已发送").sees("送出").sees_no("待发送");

        // A mailbox that does not exist: nobody tries again before it is mended.
        *site.mail.refuses.lock().unwrap() = Some(Failure::Refused);
        let bureau = Bureau::shanghai(&site).await;
        let id = site.number("SELECT MAX(id) FROM application").await.to_string();
        bureau.bring_to(&id, Post::FirstReview).await;
        site.work().await;
        *site.mail.refuses.lock().unwrap() = None;
        let failed = user.get("/profile/letters").await.sees("失败").sees("收件邮箱不存在或拒收");
        let again = failed.form("重新发送");
        let page = user.get("/profile/particulars").await;
        user.send(
            &page
                .form("保存")
                .set("contact_email", "neu@example.com")
                .set("mailbox_password", crate::support::PASSWORD),
        )
        .await
        .is(200);
        site.work().await;
        user.send(&again).await.at("/profile/letters").sees("已重新发送").sees("neu@example.com");
        user.send(&again).await.is(409).sees("请刷新后查看");
        let reference = site.mail.letters().len();
        site.work().await;
        assert_eq!(site.mail.letters().len(), reference + 1);
        assert_eq!(last(&site).to, "neu@example.com");
        user.get("/profile/letters").await.sees_no("失败");
        user.send(&again).await.is(409);
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'resend_letter'").await, 1);

        // Other people's letters do not exist.
        let stranger = site.enterprise("stranger", "911100008").await;
        stranger.force(&axum::http::Method::POST, &again.action, &[]).await.is(404);
        stranger.get("/profile/letters").await.sees_no("申请单 MB");
    }
}

/// R-1.4-02 with resend, D18: the administrator of the organisation sees whether a colleague's password letter went and
/// sends it again, to the same mailbox; nobody else does, and after 24 hours nobody.
#[tokio::test]
async fn r_1_4_02_the_letter_with_the_password_is_followed_by_the_administrator() {
    for site in Site::each().await {
        let chief = site.company().await;
        let colleague = site.enterprise("shili_b", "802100433").await;
        let other = site.enterprise("andere", "911100008").await;
        chief.get("/profile/letters").await.sees_no("本单位其他用户");
        *site.mail.refuses.lock().unwrap() = Some(Failure::Refused);
        let ask = async || {
            let visitor = site.visitor();
            let page = visitor.get("/password-reset").await;
            let form = page.form("提交").fill(&[("username", "shili_b"), ("email", "shili_b@example.com")]);
            visitor.send(&form).await.is(200).sees("如果用户名与注册时的联系人邮箱相符");
            site.work().await;
        };
        ask().await;
        *site.mail.refuses.lock().unwrap() = None;
        let seen = chief.get("/profile/letters").await.sees("本单位其他用户的取回密码邮件").sees("shili_b@example.com");
        let again = seen.sees("收件邮箱不存在或拒收").form("重新发送");
        other.force(&axum::http::Method::POST, &again.action, &[]).await.is(404);
        colleague.get("/profile/letters").await.sees("您的新密码").sees_no("本单位其他用户");
        chief.send(&again).await.sees("已重新发送");
        site.work().await;
        assert_eq!(last(&site).to, "shili_b@example.com");
        let password = last(&site).body.lines().find(|l| l.starts_with("    ")).unwrap().trim().to_owned();
        let visitor = site.visitor();
        let form = visitor.get("/login").await.form("登录").fill(&[("username", "shili_b"), ("password", &password)]);
        visitor.send(&form).await.at("/profile/password");
        assert_eq!(site.number("SELECT COUNT(*) FROM job WHERE payload LIKE '%新密码为%'").await, 0, "none is kept");

        *site.mail.refuses.lock().unwrap() = Some(Failure::Refused);
        ask().await;
        assert_eq!(site.number("SELECT COUNT(*) FROM job WHERE payload LIKE '%新密码为%'").await, 1);
        site.clock.pass_hours(25);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM job WHERE payload LIKE '%新密码为%'").await, 0);
        let chief = log_in(&site, "shili_a").await;
        let page = chief.get("/profile/letters").await.sees("失败");
        assert!(!page.offers().contains(&"重新发送".to_owned()));
    }
}

/// A second copy of a letter carries the same reference, by which mail servers know it.
#[tokio::test]
async fn every_letter_has_a_reference_of_its_own() {
    for site in Site::each().await {
        let user = site.company().await;
        story::submitted(&site, &user).await;
        story::submitted(&site, &user).await;
        site.work().await;
        let letters = site.mail.letters();
        assert_eq!(letters.len(), 2);
        assert!(letters[0].reference.len() > 20 && letters[0].reference != letters[1].reference);
    }
}

/// Half a year later nobody keeps who was written to.
#[tokio::test]
async fn old_letters_are_forgotten() {
    for site in Site::each().await {
        let user = site.company().await;
        story::submitted(&site, &user).await;
        site.work().await;
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM letter").await, 1);
        site.clock.pass_hours(24 * 181);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM letter").await, 0);
    }
}

async fn log_in(site: &Site, username: &str) -> Browser {
    let visitor = site.visitor();
    let form = visitor.get("/login").await.form("登录").fill(&[("username", username), ("password", PASSWORD)]);
    visitor.send(&form).await.at("/main");
    visitor
}

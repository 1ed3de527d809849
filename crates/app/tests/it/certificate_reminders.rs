//! Reminders before the end of a certificate's validity: letters and 今日提醒 (D17, D19).

use domain::ids::AccountId;
use domain::time::Day;

use crate::story::{self, Bureau};
use crate::support::{Browser, Site};

/// The last day of the certificates of these tests.
const LAST: &str = "2027-02-20";

fn day(before: i64) -> Day {
    LAST.parse::<Day>().unwrap().plus_days(-before)
}

/// Nine in the morning, so many days before the last day; a quarter of an hour of the worker.
async fn come_to(site: &Site, before: i64) {
    site.clock.set(day(before).start_instant().plus_hours(9));
    for _ in 0..3 {
        app::jobs::duties(&site.app).await;
        site.work().await;
    }
}

fn told(site: &Site) -> Vec<String> {
    let letters = site.mail.letters();
    letters.iter().map(|l| l.subject.clone()).filter(|s| s.contains("即将到期")).collect()
}

async fn sql(site: &Site, sql: &str) {
    db::testing::try_sql(&site.app.db, sql).await.unwrap();
}

async fn owner(site: &Site) -> Browser {
    site.sit_down(AccountId::new(site.number("SELECT MIN(owner_id) FROM application").await)).await
}

async fn certificate(site: &Site, user: &Browser, bureau: &Bureau) -> i64 {
    let id = story::issued(site, user, bureau).await;
    site.number(&format!("SELECT id FROM certificate WHERE application_id = {id}")).await
}

/// D17, D19: a letter 30, 14, 7 and 1 days before the last day, once each; who was not told on the day is told later.
#[tokio::test]
async fn d_17_the_holder_is_reminded_four_times() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = certificate(&site, &user, &bureau).await;
        come_to(&site, 31).await;
        assert!(told(&site).is_empty());
        for (before, so_far) in [(30, 1), (29, 1), (15, 1), (14, 2), (8, 2), (6, 3), (2, 3), (1, 4), (0, 4), (-1, 4)] {
            come_to(&site, before).await;
            assert_eq!(told(&site).len(), so_far, "{before} days before");
        }
        let left: Vec<_> = told(&site).iter().map(|s| s.split('，').nth(1).unwrap().to_owned()).collect();
        assert_eq!(left, ["剩余 30 天", "剩余 14 天", "剩余 6 天", "剩余 1 天"]);
        let letters = site.mail.letters();
        let letter = letters.iter().find(|l| l.subject.contains("剩余 14 天")).unwrap();
        assert_eq!(letter.to, "shili_a@example.com");
        for words in [
            "证明有效期截止：2027-02-20（剩余 14 天）",
            "申请单号：MB3100002026112300001",
            "本证明尚未核销，需要延长有效期的，请在截止前打电话给发证机关（上海出入境检验检疫局），或登录系统在线申请修改证明",
            &format!("http://127.0.0.1:8080/certificates/{id}"),
        ] {
            assert!(letter.body.contains(words), "“{words}” is not in:\n{}", letter.body);
        }
        owner(&site).await.get("/profile/letters").await.is(200).sees("证明到期").sees("剩余 1 天");
    }
}

/// D19: what is partly written off, or declared, cannot be extended: a new application for the rest is offered. One that
/// is being amended is to be finished.
#[tokio::test]
async fn d_19_a_certificate_in_use_is_told_to_apply_anew() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let begun = certificate(&site, &user, &bureau).await;
        let declared = certificate(&site, &user, &bureau).await;
        let amending = certificate(&site, &user, &bureau).await;
        sql(&site, &format!("UPDATE certificate SET written_lines = 1 WHERE id = {begun}")).await;
        sql(&site, &format!("UPDATE certificate SET pending_lines = 1 WHERE id = {declared}")).await;
        sql(&site, &format!("UPDATE certificate SET state = 'amending' WHERE id = {amending}")).await;
        come_to(&site, 7).await;
        assert_eq!(told(&site).len(), 3);
        let letters = site.mail.letters();
        for id in [begun, declared] {
            let page = format!("/certificates/{id}\n");
            let letter = letters.iter().find(|l| l.body.contains(&page)).unwrap();
            assert!(letter.body.contains("不能再修改或延期") && letter.body.contains("/copy\n"), "{}", letter.body);
            assert!(!letter.body.contains("打电话"), "{}", letter.body);
        }
        let page = format!("/certificates/{amending}\n");
        let letter = letters.iter().find(|l| l.body.contains(&page)).unwrap();
        assert!(letter.body.contains("正在办理修改") && !letter.body.contains("/copy\n"), "{}", letter.body);
        let main = owner(&site).await.get("/main").await.is(200);
        let today = main.texts("#today li").join("\n");
        assert_eq!(today.matches("证明即将到期").count(), 3, "{today}");
        let copies = main.hrefs("#today li a").iter().filter(|h| h.ends_with("/copy")).count();
        assert_eq!(copies, 2, "a new application for the rest is one click away");
        assert!(today.contains("已有核销，不能延期") && today.contains("正在办理修改"), "{today}");
    }
}

/// Nothing is said of certificates that are revoked, surrendered or written off wholly, nor against the holder's choice;
/// a new version is reminded of anew.
#[tokio::test]
async fn d_19_only_certificates_that_can_be_used_are_mentioned() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(certificate(&site, &user, &bureau).await);
        }
        let [revoked, surrendered, exhausted, extended] = ids[..] else { panic!("{ids:?}") };
        for (id, state) in [(revoked, "revoked"), (surrendered, "surrendered")] {
            sql(&site, &format!("UPDATE certificate SET state = '{state}' WHERE id = {id}")).await;
        }
        sql(&site, &format!("UPDATE certificate SET written_lines = 1, open_lines = 0 WHERE id = {exhausted}")).await;
        come_to(&site, 30).await;
        assert_eq!(told(&site).len(), 1);
        let main = owner(&site).await.get("/main").await.is(200);
        assert_eq!(main.texts("#today .hd strong"), ["证明将在 30 天内到期"]);
        let main = main.sees("有 1 份证明在 8 至 30 天后到期");
        assert_eq!(main.link("查看 30 天内到期的证明"), "/certificates?within=30&sort=ends_first");
        assert_eq!(main.texts(".topbar .count"), ["1"], "the bell counts what the page lists");

        // Version 2 ends 20 days later.
        sql(
            &site,
            &format!(
                "INSERT INTO certificate_version (certificate_id, version, sheet, created_at) \
                 SELECT certificate_id, 2, sheet, {} FROM certificate_version WHERE certificate_id = {extended}",
                site.app.now().millis()
            ),
        )
        .await;
        sql(&site, &format!("UPDATE certificate SET version = 2, valid_to = '{}' WHERE id = {extended}", day(-20)))
            .await;
        come_to(&site, 14).await;
        assert_eq!(told(&site).len(), 1, "34 days are left now");
        owner(&site).await.get("/main").await.is(200).sees("今天没有需要您处理的事项");
        come_to(&site, 10).await;
        assert_eq!(told(&site).len(), 2);
        let user = owner(&site).await;
        let page = user.get("/profile/letters").await;
        user.send(&page.form("保存").set("choice", "none")).await.is(200);
        come_to(&site, -13).await;
        assert_eq!(told(&site).len(), 2);
        let main = owner(&site).await.get("/main").await.is(200);
        assert_eq!(main.texts("#today .hd strong"), ["证明即将到期"]);
        assert!(main.texts("#today li")[0].contains("尚未核销"));
    }
}

/// A validity of a few days: no reminder on the day of issue.
#[tokio::test]
async fn a_short_validity_is_mentioned_before_its_end_only() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = certificate(&site, &user, &bureau).await;
        sql(&site, &format!("UPDATE certificate SET valid_to = '2026-11-28' WHERE id = {id}")).await;
        app::jobs::duties(&site.app).await;
        site.work().await;
        assert!(told(&site).is_empty());
        site.clock.pass_hours(4 * 24);
        app::jobs::duties(&site.app).await;
        site.work().await;
        assert_eq!(told(&site).len(), 1);
    }
}

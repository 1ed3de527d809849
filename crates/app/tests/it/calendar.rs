//! Working days: the yearly notice on pages, what pages say while it is missing, and what is computed again when it comes;
//! terms, countries and currencies on CNCA's pages.

use std::fmt::Write as _;

use axum::http::Method;
use domain::actor::Post;
use domain::festival::Festival;
use domain::time::{Clock as _, Day};

use crate::story::{self, AIR_CONDITIONER, Bureau, decide};
use crate::support::{Browser, SHANGHAI, Site};

/// Moves the clock on to this day and hour.
fn travel(site: &Site, day: &str, hour: i64) {
    let target = day.parse::<Day>().unwrap().start_instant().plus_hours(hour);
    site.clock.pass_hours((target.millis() - site.clock.now().millis()) / 3_600_000);
}

async fn again(site: &Site, username: &str) -> Browser {
    site.sit_down(site.account(username).await).await
}

/// Adds a day on the page of CNCA.
async fn add_day(keeper: &Browser, day: &str, name: &str, is_working: bool) {
    let page = keeper.get("/reference/holidays/new").await.is(200);
    let form = page.form("保存").fill(&[("code", day), ("name", name)]);
    let form = if is_working { form.tick("is_working", "1") } else { form };
    keeper.send(&form).await.is(200).sees("已添加");
}

/// A file with the own day of every holiday of 2027, which is what makes a year registered; no notice of anybody's.
fn days_of_2027() -> Vec<u8> {
    let mut file = "日期,名称,调休上班\n".to_owned();
    for festival in Festival::ALL {
        let day = festival.day(2027).unwrap().to_string().replace('-', "/");
        writeln!(file, "{day},{},否", festival.label()).unwrap();
    }
    file.into_bytes()
}

async fn import_2027(keeper: &Browser, from: &str) {
    let token = keeper.token().await;
    let fields = [("csrf", token.as_str()), ("effective_on", from)];
    let look = keeper.multipart("/reference-files/holidays", &fields, &[("2027.csv", days_of_2027())]).await.is(200);
    keeper.send(&look.sees("新增 7 项").form("确认导入（7 项）")).await.is(200).sees("已导入：新增 7 项");
}

/// Until the notice of a year is registered its holidays by law are off: nobody is late for a holiday that the program was
/// not told of, and every page that counts says so. CNCA is reminded from October on.
#[tokio::test]
async fn a_year_without_notice_is_said_and_nobody_is_late_for_its_holidays() {
    for site in Site::each().await {
        site.company().await;
        site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let keeper = site.cnca("keeper", &[Post::ReferenceAdmin]).await;
        keeper.get("/main").await.is(200).sees("明年的节假日尚未登记").sees("请在 2026-12-31 前登记");
        site.cnca("other", &[Post::Publish]).await.get("/main").await.is(200).sees_no("节假日尚未登记");
        let list =
            keeper.get("/reference/holidays").await.is(200).sees("2026年节假日已登记").sees("2027年节假日尚未登记");
        list.sees("国庆节调休（上班）").sees("国庆节（放假）");

        travel(&site, "2026-12-31", 10);
        let user = again(&site, "shili_a").await;
        let id = story::submitted(&site, &user).await;
        let list = "/casework?post=accept";
        again(&site, "sh_accept")
            .await
            .get(list)
            .await
            .is(200)
            .sees("2027年节假日尚未登记，办理期限暂按法定节假日推算");

        // 1 January is off by law, 2 and 3 are a weekend: the second working day is the 5th.
        travel(&site, "2027-01-05", 10);
        let officer = again(&site, "sh_accept").await;
        officer.get(list).await.is(200).sees("临期 1 件").sees_no("超期 1 件").sees("2027年节假日尚未登记");
        let page = again(&site, "shili_a").await.get(&format!("/applications/{id}")).await.is(200);
        page.sees("应在 2027-01-05 前办结（2 个工作日）").sees("2027年节假日尚未登记");
        let counter = site.officer("counter", SHANGHAI, &[Post::BureauAdmin]).await;
        counter.get("/statistics?from=2026-01&to=2026-12").await.is(200).sees_no("节假日尚未登记");
        counter.get("/statistics?from=2026-12&to=2027-01").await.is(200).sees("2027年节假日尚未登记");
        counter.get("/statistics/cases?of=waiting").await.is(200).sees("2027年节假日尚未登记");
        let keeper = again(&site, "keeper").await;
        keeper.get("/main").await.is(200).sees("今年的节假日尚未登记");

        travel(&site, "2027-01-06", 10);
        let officer = again(&site, "sh_accept").await;
        officer.get(list).await.is(200).sees("超期 1 件");
        // A made-up notice: Monday the 4th is off. The case is in time again, at once.
        let keeper = again(&site, "keeper").await;
        add_day(&keeper, "2027-01-04", "元旦", false).await;
        officer.get(list).await.is(200).sees_no("超期 1 件").sees("2027年节假日尚未登记");
        add_day(&keeper, "2027-01-01", "元旦", false).await;
        officer.get(list).await.sees("2027年节假日尚未登记齐全（缺春节、清明节、劳动节、端午节、中秋节、国庆节）");
        let page = keeper.get("/reference/holidays/new").await.is(200);
        let twice = page.form("保存").fill(&[("code", "2027-01-01"), ("name", "元旦")]);
        assert!(keeper.send(&twice).await.is(422).error("code").contains("已存在"));
        let odd = page.form("保存").fill(&[("code", "2027-02-30"), ("name", "")]);
        assert_eq!(keeper.send(&odd).await.is(422).faulty_fields(), ["code", "name"]);

        // 1 January is in the file and registered as it says: six are new.
        let token = keeper.token().await;
        let fields = [("csrf", token.as_str()), ("effective_on", "2027-01-06")];
        let look =
            keeper.multipart("/reference-files/holidays", &fields, &[("2027.csv", days_of_2027())]).await.is(200);
        let look = look.sees("新增 6 项，修改 0 项，没有变化 1 项");
        keeper.send(&look.form("确认导入（6 项）")).await.is(200).sees("2027年节假日已登记");
        officer.get(list).await.is(200).sees_no("节假日尚未登记");
        keeper.get("/main").await.is(200).sees_no("节假日尚未登记");
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// What was stored with the old calendar is right again after the notice was registered: the clock of a case that came back
/// from 补正, and the facts and sums of the statistics.
#[tokio::test]
async fn what_was_computed_with_working_days_is_computed_again() {
    for site in Site::each().await {
        site.company().await;
        site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        site.cnca("keeper", &[Post::ReferenceAdmin]).await;
        travel(&site, "2026-12-31", 10);
        let user = again(&site, "shili_a").await;
        let id = story::submitted(&site, &user).await;
        travel(&site, "2027-01-05", 10);
        let officer = again(&site, "sh_accept").await;
        let back = [("decision", "return"), ("opinion", "请补充用途说明。"), ("part", "basics")];
        decide(&officer, &id, &back).await.is(200);
        let waited = format!("SELECT waited_ms FROM application WHERE id = {id}");
        // 14 hours of 31 December, the whole 4th, ten hours of the 5th.
        assert_eq!(site.number(&waited).await, 48 * 3_600_000);
        travel(&site, "2027-01-06", 10);
        let user = again(&site, "shili_a").await;
        story::submit(&user, &id).await;
        let since = format!("SELECT waiting_since FROM application WHERE id = {id}");
        let at = |day: &str, hour| day.parse::<Day>().unwrap().start_instant().plus_hours(hour).millis();
        assert_eq!(site.number(&since).await, at("2027-01-04", 10));
        travel(&site, "2027-01-06", 12);
        app::jobs::duties(&site.app).await;
        let days = "SELECT days FROM case_fact WHERE kind = 'decided'";
        assert_eq!(site.number(days).await, 2);
        let cells = "SELECT CAST(COALESCE(SUM(n * days), 0) AS BIGINT) FROM statistic_cell WHERE kind = 'decided'";
        let margins = "SELECT CAST(SUM(n * days) AS BIGINT) FROM statistic_margin WHERE dimension = 'post' AND clause_filter = ''";
        assert_eq!((site.number(cells).await, site.number(margins).await), (2, 2));

        let keeper = again(&site, "keeper").await;
        add_day(&keeper, "2027-01-04", "元旦", false).await;
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number(&since).await, at("2027-01-05", 10), "24 hours were used up, not 48");
        assert_eq!(site.number(days).await, 1);
        assert_eq!((site.number(cells).await, site.number(margins).await), (1, 1));
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());

        // A process that had not seen the new calendar yet moved a case meanwhile: the second round finds it.
        let stale = format!("UPDATE application SET waiting_since = waiting_since - 86400000 WHERE id = {id}");
        db::testing::try_sql(&site.app.db, &stale).await.unwrap();
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number(&since).await, at("2027-01-04", 10));
        site.clock.pass_hours(1);
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number(&since).await, at("2027-01-05", 10));
        assert_eq!(site.number("SELECT COUNT(*) FROM calendar_recount WHERE done_at IS NULL").await, 0);

        // Corrected once more: the day is worked after all.
        let keeper = again(&site, "keeper").await;
        let page = keeper.get("/reference/holidays/2027-01-04").await.is(200).sees("星期一");
        keeper.send(&page.form("保存").tick("is_working", "1")).await.is(200).sees("调休上班：否 → 是");
        app::jobs::duties(&site.app).await;
        assert_eq!((site.number(&since).await, site.number(days).await), (at("2027-01-04", 10), 2));
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// Another process reads a changed calendar within a minute, like any other reference data.
#[tokio::test]
async fn every_process_sees_a_changed_calendar_within_a_minute() {
    for site in Site::each().await {
        let other = site.demonstration();
        app::jobs::duties(&other.app).await;
        let day: Day = "2027-01-04".parse().unwrap();
        assert!(other.app.references.now().calendar.is_working_day(day));
        let keeper = site.cnca("keeper", &[Post::ReferenceAdmin]).await;
        import_2027(&keeper, "2026-11-23").await;
        add_day(&keeper, "2027-01-04", "元旦", false).await;
        app::jobs::duties(&other.app).await;
        assert!(!other.app.references.now().calendar.is_working_day(day));
    }
}

/// A term is changed on a page from a day on; what was decided before keeps the term of its day.
#[tokio::test]
async fn terms_are_kept_on_a_page_and_judge_nothing_that_is_decided() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let keeper = site.cnca("keeper", &[Post::ReferenceAdmin]).await;
        let id = story::submitted(&site, &user).await;
        travel(&site, "2026-11-25", 10);
        decide(&again(&site, "sh_accept").await, &id, &[("decision", "accept")]).await.is(200);
        drop(bureau);
        site.clock.pass_hours(1);
        app::jobs::duties(&site.app).await;
        let late = "SELECT is_late FROM case_fact WHERE kind = 'decided'";
        assert_eq!(
            (site.number(late).await, site.number("SELECT days FROM case_fact WHERE kind = 'decided'").await),
            (0, 2)
        );
        drop(keeper);
        let keeper = again(&site, "keeper").await;
        keeper.get("/reference/service-terms").await.is(200).sees("受理岗（accept）").sees("2 个工作日");
        let page = keeper.get("/reference/service-terms/accept").await.is(200);
        let wrong = keeper.send(&page.form("保存").fill(&[("term_days", "1"), ("amber_days", "2")])).await.is(422);
        assert!(wrong.error("amber_days").contains("不能超过办理期限"));
        keeper.send(&wrong.form("保存").set("amber_days", "0")).await.is(200).sees("办理期限（工作日）：2 → 1");
        assert_eq!(site.app.references.now().term(Post::Accept).unwrap().term_days, 1);
        // A corrected calendar computes the facts again, by the term of then.
        add_day(&keeper, "2026-11-28", "示例调休", true).await;
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number(late).await, 0);
        let page = keeper.get("/reference/service-terms/new").await.is(200);
        let odd = page.form("保存").fill(&[("code", "write_off"), ("term_days", "0"), ("amber_days", "")]);
        assert_eq!(keeper.send(&odd).await.is(422).faulty_fields(), ["code", "term_days", "amber_days"]);
    }
}

/// A country and a currency that have ended are not offered any more; a product that names one keeps it.
#[tokio::test]
async fn ended_countries_and_currencies_are_not_offered() {
    for site in Site::each().await {
        let keeper = site.cnca("keeper", &[Post::ReferenceAdmin]).await;
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        for (path, code) in [("countries", "DEU"), ("currencies", "EUR")] {
            let page = keeper.get(&format!("/reference/{path}/{code}")).await.is(200);
            let page = keeper.send(&page.form("保存").set("valid_to", "2026-11-23")).await.is(200).sees("已保存");
            assert!(!page.has_field("name"), "its name stands in an application");
        }
        let page = keeper.get("/reference/countries/new").await.is(200);
        let new = page.form("保存").fill(&[("code", "zzz"), ("name", "示例国"), ("name_en", "Exampleland")]);
        keeper.send(&new).await.is(200).at("/reference/countries/ZZZ");
        site.clock.pass_hours(24);
        let user = again(&site, "shili_a").await;
        let items = user.get(&format!("/applications/{id}/items")).await.is(200);
        let item = site.number(&format!("SELECT MIN(id) FROM application_item WHERE application_id = {id}")).await;
        drop(items);
        let path = format!("/applications/{id}/items/{item}");
        let page = user.get(&format!("{path}/edit")).await.is(200);
        assert_eq!((page.value("origin_country"), page.value("currency")), ("DEU".to_owned(), "EUR".to_owned()));
        user.send(&page.form("保存并关闭").set("model", "KC-27")).await.is(200);
        let new = format!("/applications/{id}/items/new?hs_code={AIR_CONDITIONER}");
        let page = user.get(&new).await.is(200);
        let offered = page.attributes("select[name=origin_country] option", "value");
        assert!(!offered.contains(&"DEU".to_owned()) && offered.contains(&"ZZZ".to_owned()));
        assert!(!page.attributes("select[name=currency] option", "value").contains(&"EUR".to_owned()));
        let refused = story::add_product(&user, &id, AIR_CONDITIONER, &[]).await.is(422);
        let faulty = refused.faulty_fields();
        assert!(faulty.contains(&"origin_country".to_owned()) && faulty.contains(&"currency".to_owned()), "{faulty:?}");
    }
}

/// The calendar belongs to CNCA's keeper of the reference data alone.
#[tokio::test]
async fn only_the_keeper_changes_the_calendar() {
    for site in Site::each().await {
        for browser in [
            site.cnca("other", &[Post::CncaAdmin]).await,
            site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await,
            site.company().await,
        ] {
            browser.get("/reference/holidays").await.is(403);
            let day = [("code", "2027-01-04"), ("name", "元旦")];
            browser.force(&Method::POST, "/reference/holidays", &day).await.is(403);
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM holiday WHERE day > '2027'").await, 0);
    }
}

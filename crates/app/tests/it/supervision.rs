//! 后续监管 (R-B-09): worklist, judgement, on-site visits, 尾差, 监管完结, what is overdue; and I6 under many hands.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::Method;
use db::audit::By;
use db::ledger::{self, Deed, LedgerError, Place};
use db::reference::add_delegation;
use db::usage::{self, NewRecord};
use domain::actor::{Actor, Post};
use domain::ids::{AccountId, BureauCode, CertificateId, CertificateItemId, DelegationId, LedgerEntryId, PortCode};
use domain::ledger::Amounts;
use domain::policy::{self, Scope};
use domain::quantity::Quantity;
use domain::routing::{Delegation, Step};
use domain::usage::{UsageAction, UsageForm, UsageKind, UsageLine, UsageState};

use crate::story::{self, Bureau};
use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};
use crate::usage::{cleared, open, submitted, write_off};
use crate::write_off::{certificate_of, certificate_under};

async fn supervisor(site: &Site) -> Browser {
    site.officer("sh_watch", SHANGHAI, &[Post::Supervise]).await
}

async fn judge(officer: &Browser, record: i64, fields: &[(&str, &str)]) {
    let page = officer.get(&format!("/usage-records/{record}/review")).await.is(200);
    officer.send(&page.form("提交意见").fill(fields)).await.is(200).at("/supervision");
}

/// R-B-09, R-2.9.4-03: what is submitted waits at 后续监管 of the bureau on the frozen route, is judged with an opinion,
/// and the holder is told by letter and under 今日提醒.
#[tokio::test]
async fn r_b_09_records_are_judged_and_the_holder_is_told() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let officer = supervisor(&site).await;
        officer.get("/main").await.is(200).sees_no("后续监管岗：");
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let first = submitted(&site, &user, &c.id, "use", &[(1, "3")]).await;
        let second = submitted(&site, &user, &c.id, "destruction", &[(1, "2")]).await;
        let main = officer.get("/main").await.is(200).sees("后续监管岗：").sees("2 件待办");
        let list = officer.get(&main.link("2 件待办")).await.is(200).at("/supervision");
        assert_eq!(list.texts("tbody .lead-cell"), [format!("使用记录 {first}"), format!("销毁记录 {second}")]);
        officer.get("/supervision?kind=destruction").await.is(200).sees("共 1 条");
        officer.get("/supervision?applicant=没有").await.is(200).sees("没有符合条件的记录");
        let review = officer.get(&format!("/usage-records/{first}/review")).await.is(200);
        let review = review.sees("样机1").sees("3 台").sees("为科研、测试所需的产品").sees("能效对比测试");
        officer.send(&review.form("提交意见")).await.is(422).sees("请选择审核结果");

        site.work().await;
        let letters = site.mail.letters().len();
        judge(&officer, first, &[("decision", "usage_approve"), ("opinion", "情况属实。")]).await;
        judge(&officer, second, &[("decision", "usage_reject"), ("opinion", "请补充销毁照片。")]).await;
        site.work().await;
        let new = site.mail.letters().split_off(letters);
        assert!(
            new[0].subject.ends_with("使用记录：审核通过") && new[0].body.contains("情况属实。"),
            "{}",
            new[0].body
        );
        assert!(new[1].subject.ends_with("销毁记录：审核未通过"), "{}", new[1].subject);
        assert!(new[1].body.contains("请补充销毁照片。") && new[1].body.contains(&format!("/usage-records/{second}")));
        let main = user.get("/main").await.is(200).sees("产品使用记录审核通过").sees("产品使用记录审核未通过");
        user.get(&main.link(&format!("销毁记录 {second}"))).await.is(200).sees("请补充销毁照片。");
        officer.get("/supervision").await.is(200).sees("没有待审核的记录");
        // Who wants only what needs him gets only what came back.
        site.clock.pass_hours(24 * 4);
        let owner = AccountId::new(site.number("SELECT id FROM account WHERE username = 'shili_a'").await);
        site.sit_down(owner).await.get("/main").await.sees_no("产品使用记录审核通过").sees("产品使用记录审核未通过");
    }
}

/// An opinion on a record that changed meanwhile is kept beside the newest state; one that was judged is judged once.
#[tokio::test]
async fn two_supervisors_meet_on_one_record() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let officer = supervisor(&site).await;
        let other = site.officer("sh_watch2", SHANGHAI, &[Post::Supervise]).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let record = submitted(&site, &user, &c.id, "use", &[(1, "3")]).await;
        let form = other.get(&format!("/usage-records/{record}/review")).await.form("提交意见");
        judge(&officer, record, &[("decision", "usage_approve")]).await;
        let late =
            other.send(&form.fill(&[("decision", "usage_reject"), ("opinion", "数量不符合实际。")])).await.is(409);
        let late = late.sees("该记录已有变化").sees("审核通过");
        assert!(late.offers().iter().all(|o| o != "提交意见"));
        let version = site.number("SELECT version FROM usage_record").await.to_string();
        let fields = [("version", version.as_str()), ("decision", "usage_reject"), ("opinion", "再次退回试试")];
        other.force(&Method::POST, &format!("/usage-records/{record}/review"), &fields).await.is(409);
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action LIKE 'usage_%' AND post IS NOT NULL").await, 1);
    }
}

/// D5, R-B-12: only 后续监管 of the bureau on the frozen route judges, also when it was delegated (业务下放).
#[tokio::test]
async fn r_b_12_a_delegated_bureau_supervises_and_nobody_else() {
    for site in Site::each().await {
        let references = site.app.references.now();
        let branch = references.bureaus.iter().find(|b| b.parent.as_str() == SHANGHAI).unwrap().code.clone();
        let rule = Delegation {
            id: DelegationId::new(0),
            target: branch.clone(),
            region_prefix: Some("3101".to_owned()),
            clause: None,
            hs_prefix: None,
            trade_mode: None,
            steps: vec![Step::Supervise],
            priority: 0,
        };
        let tx = site.app.db.begin().await.unwrap();
        add_delegation(&tx, &BureauCode::new(SHANGHAI), &rule, site.today(), site.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let record = submitted(&site, &user, &c.id, "use", &[(1, "3")]).await;
        let here = site.officer("branch", branch.as_str(), &[Post::Supervise]).await;
        let direct = supervisor(&site).await;
        let elsewhere = site.officer("elsewhere", JIANGSU, &[Post::Supervise]).await;
        here.get("/supervision").await.is(200).sees(&format!("使用记录 {record}"));
        direct.get("/supervision").await.is(200).sees("没有待审核的记录");
        let review = format!("/usage-records/{record}/review");
        let seen = direct.get(&review).await.is(200);
        assert!(seen.offers().iter().all(|o| o != "提交意见"), "on the route, but not its step");
        let fields = [("version", "2"), ("decision", "usage_approve")];
        direct.force(&Method::POST, &review, &fields).await.is(403).sees("由其他检验检疫局办理");
        bureau.accept.force(&Method::POST, &review, &fields).await.is(403).sees("没有后续监管岗的权限");
        elsewhere.get(&review).await.is(404);
        elsewhere.force(&Method::POST, &review, &fields).await.is(404);
        judge(&here, record, &[("decision", "usage_approve")]).await;
    }
}

/// A picture whose camera wrote when it was taken.
fn photo(time: &str) -> Vec<u8> {
    let mut plain = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 8).write_to(&mut plain, image::ImageFormat::Jpeg).unwrap();
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    tiff.extend(b"\x01\0\x69\x87\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0");
    tiff.extend(b"\x01\0\x03\x90\x02\0\x14\0\0\0\x2c\0\0\0\0\0\0\0");
    tiff.extend(time.as_bytes());
    tiff.push(0);
    let mut out = b"\xff\xd8\xff\xe1".to_vec();
    out.extend(u16::try_from(tiff.len() + 8).unwrap().to_be_bytes());
    out.extend(b"Exif\0\0");
    out.extend(tiff);
    out.extend(&plain.into_inner()[2..]);
    out
}

/// R-B-09: an on-site visit with photos and the time of their taking; what is wrong comes back with text and photos; the
/// holder does not see it.
#[tokio::test]
async fn r_b_09_a_visit_is_written_down_with_photos() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let officer = supervisor(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let dossier = format!("/casework/{}/dossier", c.id);
        let page = officer.get(&dossier).await.is(200).sees("还没有现场核查记录").sees("填写产品使用记录，期限");
        let form = page.form("添加").set("place", "示例科技园仓库");
        let fields: Vec<_> = form.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let files = [("现场.jpg", photo("2026:11:20 14:05:59")), ("记录.txt", b"abc".to_vec())];
        let page = officer.multipart(&form.action, &fields, &files).await.is(200).sees("拍摄于 2026-11-20 14:05");
        assert_eq!(page.value("place"), "示例科技园仓库");
        let again = officer.send(&page.form("登记核查").set("visited_on", "2027-01-01")).await.is(422);
        assert_eq!(again.faulty_fields(), ["visited_on", "findings"]);
        let again = again.sees("现场.jpg");
        let right =
            [("visited_on", "2026-11-20"), ("findings", "产品存放于专用区域，台账完整。"), ("companions", "张示例")];
        let form = again.form("登记核查").fill(&right);
        let (one, two) = tokio::join!(officer.send(&form), officer.send(&form));
        one.is(200).sees("产品存放于专用区域").sees("拍摄于 2026-11-20 14:05").sees("张示例").sees("记录.txt");
        two.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM supervision_visit").await, 1, "a double click makes one");
        let file = site.number("SELECT MIN(id) FROM usage_file").await;
        let shown = officer.get(&format!("/usage-files/{file}/preview")).await.is(200);
        assert_eq!(shown.headers["content-type"], "image/jpeg");
        user.get(&format!("/usage-files/{file}")).await.is(404);
        bureau.accept.get(&dossier).await.is(200).sees("产品存放于专用区域").sees_no("登记现场核查");
        bureau.accept.force(&Method::POST, &format!("/casework/{}/visits", c.id), &[]).await.is(403);
    }
}

/// Workflow §3.6, §3.7: 尾差 is closed with a note; 监管完结 when every line is accounted for and every record judged; the
/// certificate says so; goods that come later open it again.
#[tokio::test]
async fn a_certificate_is_closed_when_all_its_goods_are_accounted_for() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let officer = supervisor(&site).await;
        let certificate = certificate_of(&site, &user, &bureau, &[("12.5", "12.5"), ("4", "4")]).await;
        let id = site.number(&format!("SELECT application_id FROM certificate WHERE id = {certificate}")).await;
        let (dossier, closure) = (format!("/casework/{id}/dossier"), format!("/casework/{id}/closure"));
        officer.get(&dossier).await.is(200).sees("还没有核销");
        write_off(&site, certificate, 1, "12.5").await;
        officer.get(&dossier).await.is(200).sees("剩余数量不为零");
        officer.force(&Method::POST, &closure, &[]).await.is(409).sees("剩余数量不为零");
        let item = crate::usage::line(&site, certificate, 1).await.to_string();
        let tails = format!("/casework/{id}/tails");
        let note = format!("note_{item}");
        let fields = [("item", item.as_str()), (note.as_str(), "计量误差，实物已用完")];
        officer.force(&Method::POST, &tails, &fields).await.is(409).sees("没有可以说明的尾差");

        let record = submitted(&site, &user, &id.to_string(), "use", &[(1, "12")]).await;
        let page = officer.get(&dossier).await.is(200).sees("0.5 台");
        let form = page.form("结清尾差");
        officer.send(&form.clone().set(&note, "短")).await.is(422).sees("至少填写 5 个字");
        officer.send(&form.set(&note, "计量误差，实物已用完")).await.is(200).sees("尾差已说明：0.5 台，计量误差");
        officer.force(&Method::POST, &tails, &fields).await.is(409);
        officer.get(&dossier).await.is(200).sees("等待审核");
        judge(&officer, record, &[("decision", "usage_approve")]).await;
        officer.get(&dossier).await.is(200).sees("尚在有效期内且没有核销完毕");

        write_off(&site, certificate, 2, "4").await;
        let record = submitted(&site, &user, &id.to_string(), "destruction", &[(2, "4")]).await;
        judge(&officer, record, &[("decision", "usage_approve")]).await;
        let page = officer.get(&dossier).await.is(200).sees("后续监管办理监管完结");
        officer.get("/overdue-certificates?group=closing&due=all").await.is(200).sees("监管档案");
        officer.send(&page.form("监管完结").set("closing_opinion", "资料齐全。")).await.is(200).sees("已监管完结");
        officer.force(&Method::POST, &closure, &[]).await.is(409).sees("已经监管完结");
        user.get(&format!("/certificates/{certificate}")).await.is(200).sees("监管完结");
        officer.get("/overdue-certificates?group=accounted&due=all").await.is(200).sees("没有证明");
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// The board of both sides: nothing written off, written off and unaccounted for; each with its next duty and date, the
/// longest overdue first.
#[tokio::test]
async fn what_is_overdue_stands_on_the_board_of_both_sides() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        site.officer("sh_watch", SHANGHAI, &[Post::Supervise]).await;
        certificate_of(&site, &user, &bureau, &[("3", "3")]).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let named = async |name: &str| {
            let sql = format!("SELECT id FROM account WHERE username = '{name}'");
            site.sit_down(AccountId::new(site.number(&sql).await)).await
        };
        let board = "/overdue-certificates";
        for (days, unwritten, unaccounted) in [(0, 0, 0), (60, 0, 0), (1, 1, 0), (29, 1, 0), (1, 1, 1)] {
            site.clock.pass_hours(24 * days);
            for who in ["shili_a", "sh_watch"] {
                let browser = named(who).await;
                let page = browser.get(&format!("{board}?group=unwritten")).await.is(200);
                assert_eq!(page.texts("tbody tr").len(), unwritten, "{who}, unwritten");
                let page = browser.get(board).await.is(200);
                assert_eq!(page.texts("tbody tr").len(), unaccounted, "{who}, unaccounted");
            }
        }
        let user = named("shili_a").await;
        let page = user.get(board).await.is(200).sees("填写产品使用记录").sees("2027-02-21").sees("逾期 1 天");
        assert_eq!(page.hrefs(".acts-cell a"), [format!("/applications/{}/goods", c.id)]);
        user.get(&format!("{board}?group=unwritten"))
            .await
            .sees("办理进口和核销")
            .sees("2027-01-22")
            .sees("逾期 31 天");
        let officer = named("sh_watch").await;
        assert_eq!(officer.get(board).await.hrefs(".acts-cell a"), [format!("/casework/{}/dossier", c.id)]);
        officer.get(&format!("{board}?due=all")).await.is(200).sees("共 1 条");
        submitted(&site, &user, &c.id, "use", &[(1, "10")]).await;
        officer.get(&format!("{board}?due=all")).await.is(200).sees("没有证明");
        // Others see nothing of it.
        let stranger = site.enterprise("stranger", "911100008").await;
        stranger.get(&format!("{board}?due=all&group=unwritten")).await.is(200).sees("没有证明");
        named("sh_accept").await.get(board).await.is(403);
        let country = site.cnca("cnca", &[Post::Statistics]).await;
        country.get(&format!("{board}?group=unwritten&due=all")).await.is(200).sees("上海").sees("共 1 条");
        country.get(&format!("{board}?group=unwritten&due=all&bureau={JIANGSU}")).await.sees("没有证明");
        country.get("/main").await.is(200).sees("逾期证明");
    }
}

/// The clause says what becomes of the goods and until when; what the bureau owes has its day too.
#[tokio::test]
async fn the_next_duty_and_its_day_follow_the_clause() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        supervisor(&site).await;
        let shown = [("display_from", "2026-12-01"), ("display_to", "2027-06-30")];
        let ten = [("10", "10")];
        let fair = certificate_under(&site, &user, &bureau, ("5", &shown), &ten).await;
        let guest = certificate_under(&site, &user, &bureau, ("6", &[]), &ten).await;
        let stays = cleared(&site, &user, &bureau, &["10"]).await;
        for certificate in [fair, guest] {
            write_off(&site, certificate, 1, "10").await;
        }
        let named = async |name: &str| site.sit_down(site.account(name).await).await;
        let (leaving, all) = ("/overdue-certificates?group=leaving", "/overdue-certificates?due=all");
        // What the page says of a certificate: 下一步 and 期限.
        let said = |page: &Page, certificate: i64| {
            let rows = page.cells("main tbody");
            let links = page.hrefs("tbody .lead-cell a");
            let at = links.iter().position(|l| *l == format!("/certificates/{certificate}"));
            at.map(|n| (rows[n][6].clone(), rows[n][7].clone()))
        };
        let duty = |duty: &str, day: &str| Some((duty.to_owned(), day.to_owned()));
        for who in ["shili_a", "sh_watch"] {
            let page = named(who).await.get(all).await.is(200);
            assert_eq!(said(&page, stays.certificate), duty("填写产品使用记录", "2027-02-21"));
            assert_eq!(said(&page, guest), duty("产品退运，填写退运记录", "2027-05-22"));
            assert_eq!(said(&page, fair), duty("产品退运或销毁，填写记录", "2027-06-30"));
            let page = named(who).await.get(&format!("{leaving}&due=all")).await.is(200).sees("共 2 条");
            assert_eq!(said(&page, stays.certificate), None);
        }
        for (days, overdue) in [(180, 0), (1, 1), (38, 1), (1, 2)] {
            site.clock.pass_hours(24 * days);
            let page = named("sh_watch").await.get(leaving).await.is(200);
            assert_eq!(page.texts("tbody tr").len(), overdue, "{}", site.today());
        }
        // 2027-07-01. The record waits for the bureau, and then the certificate for 监管完结.
        let (reviewing, closing) = ("/overdue-certificates?group=reviewing", "/overdue-certificates?group=closing");
        let application = site.number(&format!("SELECT application_id FROM certificate WHERE id = {guest}")).await;
        let record = submitted(&site, &named("shili_a").await, &application.to_string(), "return", &[(1, "10")]).await;
        let officer = named("sh_watch").await;
        officer.get(reviewing).await.is(200).sees("没有逾期的证明");
        let page = officer.get(&format!("{reviewing}&due=all")).await.is(200);
        assert_eq!(said(&page, guest), duty("后续监管审核使用记录", "2027-07-16"));
        site.clock.pass_hours(24 * 16);
        let officer = named("sh_watch").await;
        officer.get(reviewing).await.is(200).sees("逾期 1 天");
        judge(&officer, record, &[("decision", "usage_approve")]).await;
        let page = officer.get(&format!("{closing}&due=all")).await.is(200);
        assert_eq!(said(&page, guest), duty("后续监管办理监管完结", "2027-08-16"));
        officer.get(closing).await.is(200).sees("没有逾期的证明");
        officer.get(&format!("/casework/{application}/dossier")).await.sees("后续监管办理监管完结，期限 2027-08-16");
        site.clock.pass_hours(24 * 31);
        named("sh_watch").await.get(closing).await.is(200).sees("逾期 1 天");
    }
}

/// Every duty of a certificate stands in its tab with its own day, at the bureau and for the whole country: a record that
/// waits is not hidden by goods that nobody accounts for.
#[tokio::test]
async fn every_duty_of_a_certificate_stands_in_its_tab() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        supervisor(&site).await;
        let certificate = certificate_of(&site, &user, &bureau, &[("10", "10"), ("4", "4")]).await;
        write_off(&site, certificate, 1, "10").await;
        let id = site.number(&format!("SELECT application_id FROM certificate WHERE id = {certificate}")).await;
        let record = submitted(&site, &user, &id.to_string(), "use", &[(1, "3")]).await;
        site.cnca("country", &[Post::Statistics]).await;
        let named = async |name: &str| site.sit_down(site.account(name).await).await;
        let rows = async |who: &str, group: &str, due: &str| {
            let page = named(who).await.get(&format!("/overdue-certificates?group={group}&due={due}")).await.is(200);
            page.cells("main tbody").into_iter().map(|row| row.join(" ")).collect::<Vec<_>>()
        };
        for who in ["sh_watch", "country", "shili_a"] {
            for (group, duty, day) in [
                ("rest", "剩余数量继续进口和核销", "2027-02-20"),
                ("unaccounted", "填写产品使用记录", "2027-02-21"),
                ("reviewing", "后续监管审核使用记录", "2026-12-08"),
            ] {
                let found = rows(who, group, "all").await;
                assert!(
                    found.len() == 1 && found[0].contains(duty) && found[0].contains(day),
                    "{who} {group}: {found:?}"
                );
            }
            for group in ["unwritten", "leaving", "closing"] {
                assert_eq!(rows(who, group, "all").await, Vec::<String>::new(), "{who} {group}");
            }
            assert_eq!(rows(who, "reviewing", "").await, Vec::<String>::new(), "{who}");
        }
        // Thirty-nine days.
        site.clock.pass_hours(24 * 39);
        for who in ["sh_watch", "country"] {
            let found = rows(who, "reviewing", "").await;
            assert!(found.len() == 1 && found[0].contains("逾期 24 天"), "{who}: {found:?}");
            let board = named(who).await.get("/overdue-certificates").await.is(200);
            assert!(board.text().contains("使用记录待审核 1 件"), "{}", board.text());
        }
        judge(&named("sh_watch").await, record, &[("decision", "usage_approve")]).await;
        assert_eq!(rows("sh_watch", "reviewing", "all").await, Vec::<String>::new());
        let count = "SELECT COUNT(*) FROM certificate WHERE waiting_since IS NULL AND judged_at IS NOT NULL";
        assert_eq!(site.number(count).await, 1);
    }
}

/// D5: a colleague under 单位内共享 reads records and changes none.
#[tokio::test]
async fn d5_a_colleague_reads_the_records() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let record = submitted(&site, &user, &c.id, "use", &[(1, "3")]).await;
        let colleague = site.enterprise("colleague", "802100433").await;
        db::testing::confirm(&site.app.db, "colleague").await;
        colleague.get(&format!("/usage-records/{record}")).await.is(404);
        db::testing::set_sharing(&site.app.db, "802100433", true).await;
        colleague.get(&format!("/usage-records/{record}")).await.is(200).sees("能效对比测试");
        let list = colleague.get(&format!("/applications/{}/goods", c.id)).await.is(200);
        let list = list.at(&format!("/applications/{}/usage-records", c.id)).sees("已提交");
        assert_eq!(list.texts(".acts-cell a, .acts-cell button"), ["查看"]);
        assert_eq!(list.link("返回"), "/applications");
        let fields = [("kind", "use"), ("creation_key", "x"), ("line", "1")];
        let path = format!("/applications/{}/usage-records", c.id);
        colleague.force(&Method::POST, &path, &fields).await.is(409).sees("由申请单所属的用户填写");
        let list = colleague.get("/applications").await.is(200);
        assert!(list.texts(".acts-cell a").iter().all(|l| l != "填写产品使用记录"));
    }
}

/// The number of statements of each page does not grow with records, products and files.
#[tokio::test]
async fn the_number_of_statements_does_not_grow() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let officer = supervisor(&site).await;
        let quantities = vec!["30"; 12];
        let c = cleared(&site, &user, &bureau, &quantities).await;
        let counts = async |lines: &[(i64, &str)]| {
            let record = submitted(&site, &user, &c.id, "use", lines).await;
            let mut out = Vec::new();
            for path in [
                "/main".to_owned(),
                format!("/applications/{}/goods", c.id),
                format!("/applications/{}/usage-records", c.id),
                format!("/applications/{}/usage-records/new?kind=use&line=1", c.id),
                format!("/usage-records/{record}"),
                "/overdue-certificates?due=all".to_owned(),
            ] {
                out.push((path.clone(), user.get(&path).await.is(200).statements));
            }
            for path in [
                "/main".to_owned(),
                "/supervision".to_owned(),
                format!("/usage-records/{record}/review"),
                format!("/casework/{}/dossier", c.id),
                "/overdue-certificates?due=all".to_owned(),
            ] {
                out.push((format!("officer {path}"), officer.get(&path).await.is(200).statements));
            }
            let ordinals: Vec<_> = lines.iter().map(|(n, _)| *n).collect();
            let page = open(&user, &c.id, "use", &ordinals).await.is(200);
            let mut form = page.form("提交").set("used_on", "2026-11-20");
            for (n, qty) in lines {
                form = form.set(&format!("qty_{n}"), qty);
            }
            out.push(("submit".to_owned(), user.send_once(&form).await.is(303).statements));
            let record = site.number("SELECT MAX(id) FROM usage_record").await;
            let page = officer.get(&format!("/usage-records/{record}/review")).await;
            let fields = [("decision", "usage_reject"), ("opinion", "请核对数量。")];
            let done = officer.send_once(&page.form("提交意见").fill(&fields)).await.is(303);
            out.push(("reject".to_owned(), done.statements));
            out
        };
        let few = counts(&[(1, "1")]).await;
        for _ in 0..8 {
            submitted(&site, &user, &c.id, "use", &[(1, "1"), (2, "1")]).await;
        }
        let all: Vec<(i64, &str)> = (1..=12).map(|n| (n, "1")).collect();
        let many = counts(&all).await;
        for ((what, a), (_, b)) in few.iter().zip(&many) {
            assert_eq!(a, b, "{what}");
            assert!(*a <= 28, "{what}: {a}");
        }
        println!("{few:?}");
    }
}

/// Somebody at work on one certificate.
#[derive(Clone)]
struct Hand {
    app: kit::app::App,
    certificate: CertificateId,
    lines: Vec<CertificateItemId>,
    holder: Actor,
    officer: Actor,
    dice: u64,
    name: u64,
    keys: Arc<AtomicU64>,
}

impl Hand {
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % sides
    }

    fn key(&self) -> String {
        format!("hand-{}-{}", self.name, self.keys.fetch_add(1, Ordering::SeqCst))
    }

    /// Does so many things; each is done or refused, never half done.
    async fn work(mut self, deeds: u32) -> (u32, u32) {
        let (mut done, mut refused) = (0, 0);
        for _ in 0..deeds {
            let outcome = match self.roll(10) {
                0..=2 => self.write_off().await,
                3..=5 => self.submit().await,
                6 | 7 => self.judge().await,
                8 => self.resubmit().await,
                _ => self.reverse().await,
            };
            match outcome {
                Ok(true) => done += 1,
                Ok(false) => refused += 1,
                Err(error) => panic!("{error:#}"),
            }
        }
        (done, refused)
    }

    fn told(error: db::DbError) -> anyhow::Result<bool> {
        match error {
            db::DbError::Refused(_) | db::DbError::Overtaken(_) => Ok(false),
            other => Err(other.into()),
        }
    }

    async fn write_off(&mut self) -> anyhow::Result<bool> {
        let n = usize::try_from(self.roll(self.lines.len() as u64))?;
        let units = i64::try_from(1 + self.roll(400_000))?;
        let amounts = Amounts { qty: Quantity::from_units(units), hs_qty: Quantity::from_units(units) };
        let (port, bureau, by) = (PortCode::new("2201"), BureauCode::new(SHANGHAI), By::system());
        let place = Place { port: &port, bureau: &bureau, customs_no: "" };
        let key = self.key();
        let tx = self.app.db.begin().await?;
        let deed = Deed { key: &key, by: &by, now: self.app.now() };
        match ledger::draw_down(&tx, self.certificate, place, &[(self.lines[n], amounts)], "货物通关", deed).await {
            Ok(_) => tx.commit().await?,
            Err(LedgerError::Lines(_)) => return Ok(false),
            Err(LedgerError::Db(error)) => return Self::told(error),
        }
        Ok(true)
    }

    async fn reverse(&mut self) -> anyhow::Result<bool> {
        let sql =
            "SELECT id FROM ledger_entry WHERE certificate_id = $1 AND kind = 'direct' ORDER BY id LIMIT 1 OFFSET $2";
        let skip = i64::try_from(self.roll(40))?;
        let read = self.app.db.read();
        let Ok(entry) = read.number(sql, db::params![self.certificate, skip]).await else { return Ok(false) };
        let (bureau, by, key) = (BureauCode::new(SHANGHAI), By::system(), self.key());
        let tx = self.app.db.begin().await?;
        let deed = Deed { key: &key, by: &by, now: self.app.now() };
        match ledger::reverse(&tx, self.certificate, LedgerEntryId::new(entry), &bureau, "登记有误", deed).await {
            Ok(_) => tx.commit().await?,
            Err(LedgerError::Lines(_)) => return Ok(false),
            Err(LedgerError::Db(error)) => return Self::told(error),
        }
        Ok(true)
    }

    async fn submit(&mut self) -> anyhow::Result<bool> {
        let mut lines = Vec::new();
        for item in self.lines.clone() {
            if self.roll(2) == 0 {
                let qty = Quantity::from_units(i64::try_from(1 + self.roll(4))? * 100_000);
                lines.push(UsageLine { item, qty: Some(qty), serials: String::new() });
            }
        }
        let kind = UsageKind::ALL[usize::try_from(self.roll(3))?];
        let form = UsageForm { lines, ..UsageForm::default() };
        let (key, bureau) = (self.key(), BureauCode::new(SHANGHAI));
        let by = By::actor(&self.holder, "-");
        let new = NewRecord {
            certificate: self.certificate,
            kind,
            creation_key: &key,
            owner: self.holder.account(),
            bureau: &bureau,
            form: &form,
            files: &[],
        };
        let tx = self.app.db.begin().await?;
        usage::lock(&tx, self.certificate).await?;
        let Some(id) = usage::create(&tx, &new, &by, self.app.now()).await? else { return Ok(false) };
        let record = usage::load(&tx, &self.scope(), id).await?;
        let step = policy::may_with_usage(&self.holder, &record.ownership, UsageAction::Submit)?;
        match usage::advance(&tx, &record, step, "", &by, self.app.now()).await {
            Ok(()) => tx.commit().await?,
            Err(error) => return Self::told(error),
        }
        Ok(true)
    }

    fn scope(&self) -> Scope {
        Scope::Enterprise { user: self.holder.account(), shared_organisation: None }
    }

    async fn some_record(&mut self, state: UsageState) -> anyhow::Result<Option<i64>> {
        let skip = i64::try_from(self.roll(6))?;
        let sql = "SELECT id FROM usage_record WHERE certificate_id = $1 AND state = $2 ORDER BY id LIMIT 1 OFFSET $3";
        Ok(self.app.db.read().number(sql, db::params![self.certificate, state, skip]).await.ok())
    }

    async fn advance(&mut self, id: i64, action: UsageAction, actor: Actor) -> anyhow::Result<bool> {
        let tx = self.app.db.begin().await?;
        let record = usage::load_for_update(&tx, &self.scope(), domain::ids::UsageRecordId::new(id)).await?;
        let Ok(step) = policy::may_with_usage(&actor, &record.ownership, action) else { return Ok(false) };
        match usage::advance(&tx, &record, step, "意见", &By::actor(&actor, "-"), self.app.now()).await {
            Ok(()) => tx.commit().await?,
            Err(error) => return Self::told(error),
        }
        Ok(true)
    }

    async fn judge(&mut self) -> anyhow::Result<bool> {
        let action = if self.roll(3) == 0 { UsageAction::Approve } else { UsageAction::Reject };
        let Some(id) = self.some_record(UsageState::Submitted).await? else { return Ok(false) };
        self.advance(id, action, self.officer.clone()).await
    }

    async fn resubmit(&mut self) -> anyhow::Result<bool> {
        let Some(id) = self.some_record(UsageState::Rejected).await? else { return Ok(false) };
        self.advance(id, UsageAction::Submit, self.holder.clone()).await
    }
}

/// R-2.9.4-07, I6, E13, D2: eight hands submit, judge, write off and take back at once. What is accounted for never
/// exceeds what is written off, and is at every look the sum of the submitted and approved records.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn r_2_9_4_07_usage_never_exceeds_what_is_written_off() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        supervisor(&site).await;
        let certificate = certificate_of(&site, &user, &bureau, &[("60", "60"), ("45.5", "45.5"), ("80", "80")]).await;
        let mut lines = Vec::new();
        for ordinal in 1..=3 {
            lines.push(crate::usage::line(&site, certificate, ordinal).await);
        }
        let actor = async |name: &str| {
            let id = site.number(&format!("SELECT id FROM account WHERE username = '{name}'")).await;
            db::account::actor(&site.app.db.read(), AccountId::new(id)).await.unwrap()
        };
        let hand = Hand {
            app: site.app.clone(),
            certificate: CertificateId::new(certificate),
            lines,
            holder: actor("shili_a").await,
            officer: actor("sh_watch").await,
            dice: 0,
            name: 0,
            keys: Arc::default(),
        };
        let hands: Vec<_> = (0..8_u64)
            .map(|name| tokio::spawn(Hand { name, dice: name * 7919 + 1, ..hand.clone() }.work(150)))
            .collect();
        // At every look: one statement sees one moment.
        let sound = "SELECT COUNT(*) FROM certificate_item i LEFT JOIN (SELECT l.certificate_item_id, \
                     CAST(SUM(l.qty) AS BIGINT) AS qty FROM usage_line l JOIN usage_record r ON r.id = l.record_id \
                     WHERE r.state IN ('submitted', 'approved') GROUP BY l.certificate_item_id) u \
                     ON u.certificate_item_id = i.id \
                     WHERE i.accounted <> COALESCE(u.qty, 0) OR i.accounted > i.written_off";
        let mut looks = 0;
        while !hands.iter().all(tokio::task::JoinHandle::is_finished) {
            assert_eq!(site.number(sound).await, 0, "after {looks} looks");
            looks += 1;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let (mut done, mut refused) = (0, 0);
        for hand in hands {
            let (d, r) = hand.await.unwrap();
            done += d;
            refused += r;
        }
        println!("{done} done, {refused} refused, {looks} looks");
        assert!(done > 200 && refused > 50, "{done} done, {refused} refused");
        assert_eq!(site.number(sound).await, 0);
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
        assert!(site.number("SELECT COUNT(*) FROM ledger_entry WHERE kind = 'release'").await > 0);
    }
}

/// A draft is nobody's business but the enterprise's: bureaus meet nothing of it (D5).
#[tokio::test]
async fn bureaus_see_no_drafts() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let officer = supervisor(&site).await;
        let c = cleared(&site, &user, &bureau, &["10"]).await;
        let page = open(&user, &c.id, "use", &[1]).await.is(200);
        let form = page.form("添加");
        let fields: Vec<_> = form.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let page = user.multipart(&form.action, &fields, &[("草稿.pdf", story::pdf())]).await.is(200);
        user.send(&page.form("保存")).await.is(200);
        let (record, file) = (
            site.number("SELECT MAX(id) FROM usage_record").await,
            site.number("SELECT MAX(id) FROM usage_file").await,
        );
        officer.get(&format!("/usage-records/{record}/review")).await.is(404);
        officer.get(&format!("/usage-files/{file}")).await.is(404);
        officer.get(&format!("/casework/{}/dossier", c.id)).await.is(200).sees("企业还没有提交记录");
        site.cnca("cnca", &[Post::Statistics]).await.get(&format!("/usage-records/{record}")).await.is(404);
        user.get(&format!("/usage-files/{file}")).await.is(200);
    }
}

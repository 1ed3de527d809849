//! How a certificate ends before its time: 撤销 (order 117, article 52) and 注销.

use axum::http::Method;
use domain::actor::Post;

use crate::amendments::{Desk, certificate_of, newest};
use crate::story::{self, Bureau};
use crate::support::{Browser, JIANGSU, SHANGHAI, Site};

/// 提出撤销; says the address of the proposal.
async fn propose(officer: &Browser, number: &str) -> String {
    let page = officer.get(&format!("/revocations/new?number={number}")).await.is(200);
    let form = page.form("提出撤销").set("reason", "现场检查发现产品未按申报用途使用，已在市场销售。");
    officer.send(&form).await.is(200).sees("等待本局另一名后续监管人员审核").path
}

/// D23, E17: one 后续监管 officer proposes with a reason, another one of the bureau decides; the certificate ends with what
/// is open of its amendment; the holder gets letter, reminder and notice.
#[tokio::test]
async fn d23_a_certificate_is_revoked_by_two_persons() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let first = site.officer("sh_supervise", SHANGHAI, &[Post::Supervise]).await;
        let second = site.officer("sh_supervise2", SHANGHAI, &[Post::Supervise]).await;
        let elsewhere = site.officer("js_supervise", JIANGSU, &[Post::Supervise]).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        desk.release(&number).await.is(200);

        let link = first.get(&format!("/certificates/{certificate}")).await.is(200).link("提出撤销");
        assert_eq!(link, format!("/revocations/new?number={number}"));
        let page = first.get(&link).await.is(200);
        assert_eq!(first.send(&page.form("提出撤销").set("reason", "违规")).await.is(422).faulty_fields(), ["reason"]);
        let not_his = elsewhere.get(&format!("/revocations/new?number={number}")).await.is(422);
        assert!(not_his.error("number").contains("请由该局办理"));
        let case = propose(&first, &number).await;
        first.get(&format!("/revocations/new?number={number}")).await.is(200).sees("无需再次提出");
        first.get(&case).await.is(200).sees("须由本局另一名后续监管人员审核").sees_no("提交意见");
        first.force(&Method::POST, &format!("{case}/decision"), &[("decision", "revoke")]).await.is(403).sees("另一名");
        elsewhere.get(&case).await.is(404);
        // Inside the bureau only: the holder is told nothing yet.
        user.get(&format!("/certificates/{certificate}/revocation")).await.is(409);
        user.get("/main").await.is(200).sees_no("撤销");

        assert!(second.get("/main").await.is(200).text().contains("证明撤销： 1 件待办"));
        assert!(
            !first.get("/main").await.is(200).text().contains("证明撤销： 1 件待办"),
            "his own does not wait for him"
        );
        second.get("/revocations").await.is(200).sees(&number);
        let form = second.get(&case).await.is(200).form("提交意见");
        assert_eq!(second.send(&form).await.is(422).faulty_fields(), ["decision"]);
        let form = form.set("decision", "revoke");
        assert_eq!(second.send(&form).await.is(422).faulty_fields(), ["confirm_number"]);
        second.send(&form.clone().set("confirm_number", &number)).await.is(200).sees("已撤销");
        second.send(&form.set("confirm_number", &number)).await.is(409).sees("已办结");

        assert_eq!(site.number("SELECT COUNT(*) FROM certificate WHERE state = 'revoked'").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate_amendment WHERE state = 'cancelled'").await, 1);
        let list = user.get("/applications").await.is(200);
        assert!(!list.text().contains("修改证明"));
        user.get(&format!("/certificates/{certificate}")).await.is(200).sees("已撤销");
        let main = user.get("/main").await.is(200).sees("证明已被撤销");
        let notice = user.get(&main.link(&number)).await.is(200).at(&format!("/certificates/{certificate}/revocation"));
        let notice = notice.sees("第五十二条").sees("已在市场销售").sees("上海").sees_no("sh_supervise");
        assert_eq!(notice.link("返回证明"), format!("/certificates/{certificate}"));
        site.work().await;
        let letters = site.mail.letters();
        let letter = letters.last().unwrap();
        assert!(letter.subject.contains("证明已被撤销") && letter.body.contains("已在市场销售"), "{}", letter.body);
        // Nothing can be begun with it any more, and each refusal says why.
        let request = format!("/certificates/{certificate}/amendment-request");
        user.get(&request).await.is(409).sees("已撤销，不能修改");
        desk.approve.get(&format!("/amendments/opening?number={number}")).await.is(200).sees("已撤销，不能修改");
        first.get(&format!("/revocations/new?number={number}")).await.is(200).sees("已撤销，不能再提出撤销");
        let case = format!("/amendments/{}", newest(&site, certificate).await);
        desk.approve.get(&case).await.is(200).sees("已取消").sees("已办结");
        assert!(db::doctor::examine(&site.app.db).await.unwrap().faults.is_empty());
    }
}

/// The second person may not agree, the proposer may take it back: the certificate stays, and the holder never hears of
/// it.
#[tokio::test]
async fn a_proposal_that_is_not_carried_out_stays_inside_the_bureau() {
    for site in Site::each().await {
        let user = site.company().await;
        let first = site.officer("sh_supervise", SHANGHAI, &[Post::Supervise]).await;
        let second = site.officer("sh_supervise2", SHANGHAI, &[Post::Supervise]).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        let letters = site.mail.letters().len();

        let case = propose(&first, &number).await;
        let form = second.get(&case).await.is(200).form("提交意见").set("decision", "reject_revocation");
        assert_eq!(second.send(&form).await.is(422).faulty_fields(), ["opinion"]);
        second.send(&form.set("opinion", "事实尚未查清。")).await.is(200).sees("已决定不撤销");
        second.get("/revocations?state=decided").await.is(200).sees(&number).sees("不同意撤销");

        let case = propose(&first, &number).await;
        second.force(&Method::POST, &format!("{case}/withdrawal"), &[]).await.is(403);
        first.send(&first.get(&case).await.is(200).form("收回撤销")).await.is(200).sees("证明未变");
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate WHERE state = 'valid'").await, 1);
        site.work().await;
        assert_eq!(site.mail.letters().len(), letters);
        user.get(&format!("/certificates/{certificate}")).await.is(200).sees_no("撤销");
    }
}

/// 注销: the holder asks with a reason, 发证 of the issuing bureau confirms; only with nothing written off and nothing
/// pending, and not while it is amended.
#[tokio::test]
async fn a_certificate_without_write_off_is_surrendered() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let desk = Desk::shanghai(&site).await;
        let id = story::issued(&site, &user, &bureau).await;
        let (certificate, number) = certificate_of(&site, &id).await;
        let page = format!("/certificates/{certificate}/surrender");
        let set = async |sql: &str| {
            db::testing::try_sql(&site.app.db, &format!("UPDATE certificate SET {sql}")).await.unwrap();
        };
        for (sql, undo, why) in [
            ("written_lines = 1", "written_lines = 0", "该证明已有核销，不能注销"),
            ("pending_lines = 1", "pending_lines = 0", "有待确认的预核销，不能注销"),
        ] {
            set(sql).await;
            user.get(&page).await.is(200).sees(why).sees_no("提交申请");
            user.force(&Method::POST, &page, &[("reason", "合同取消，不再进口。")]).await.is(409).sees(why);
            set(undo).await;
        }
        desk.release(&number).await.is(200);
        user.force(&Method::POST, &page, &[("reason", "合同取消，不再进口。")])
            .await
            .is(409)
            .sees("正在修改，不能注销");
        let cancel = format!("/certificates/{certificate}/amendment/cancellation");
        user.force(&Method::POST, &cancel, &[]).await.is(303);

        assert_eq!(user.get(&format!("/certificates/{certificate}")).await.link("申请注销"), page);
        let form = user.get(&page).await.is(200).form("提交申请");
        assert_eq!(user.send(&form).await.is(422).faulty_fields(), ["reason"]);
        let form = form.set("reason", "合同取消，不再进口。");
        user.send(&form).await.is(200).sees("等待发证机关确认").sees("待确认");
        user.send(&form).await.is(409).sees("无需再次申请");
        user.send(&user.get(&page).await.form("撤回申请")).await.is(200).sees("证明继续有效");
        let case = async || {
            user.send(&form).await.is(200);
            format!("/surrenders/{}", site.number("SELECT MAX(id) FROM certificate_surrender").await)
        };
        let first = case().await;
        let answer = bureau.issue.get(&first).await.is(200).form("提交意见").set("decision", "refuse_surrender");
        assert_eq!(bureau.issue.send(&answer).await.is(422).faulty_fields(), ["opinion"]);
        bureau.issue.send(&answer.set("opinion", "请先说明已到港产品的去向。")).await.is(200).sees("不同意注销");
        user.get(&page).await.is(200).sees("请先说明已到港产品的去向。");

        let second = case().await;
        assert!(bureau.issue.get("/main").await.is(200).text().contains("证明注销： 1 件待办"));
        bureau.accept.get("/surrenders").await.is(403);
        // What happened since then counts: nothing is surrendered that was declared meanwhile.
        set("pending_lines = 1").await;
        let waiting = bureau.issue.get(&second).await.is(200).sees("有待确认的预核销，不能注销");
        assert!(!waiting.text().contains("同意注销 证明立即失效"));
        set("pending_lines = 0").await;
        let answer = bureau.issue.get(&second).await.is(200).form("提交意见").set("decision", "surrender");
        bureau.issue.send(&answer).await.is(200).sees("已注销");
        bureau.issue.send(&answer).await.is(409).sees("已办结");
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate WHERE state = 'surrendered'").await, 1);
        user.get(&format!("/certificates/{certificate}")).await.is(200).sees("已注销");
        user.get("/main").await.is(200).sees("证明已注销");
        site.work().await;
        assert!(site.mail.letters().last().unwrap().subject.contains("证明已注销"));
        assert!(db::doctor::examine(&site.app.db).await.unwrap().faults.is_empty());
    }
}

/// The lists of the three desks, and the pages behind them, take as many statements for many things as for one.
#[tokio::test]
async fn the_desks_take_as_many_statements_for_many_as_for_one() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let desk = Desk::shanghai(&site).await;
        let first = site.officer("sh_supervise", SHANGHAI, &[Post::Supervise]).await;
        let second = site.officer("sh_supervise2", SHANGHAI, &[Post::Supervise]).await;
        let mut counts = Vec::new();
        for more in [1, 3] {
            let (mut amended, mut case) = (0, String::new());
            for _ in 0..more {
                let id = story::issued(&site, &user, &bureau).await;
                let (certificate, number) = certificate_of(&site, &id).await;
                desk.release(&number).await.is(200);
                amended = certificate;
                let id = story::issued(&site, &user, &bureau).await;
                let (certificate, number) = certificate_of(&site, &id).await;
                case = propose(&first, &number).await;
                let fields = [("reason", "合同取消，不再进口。")];
                user.force(&Method::POST, &format!("/certificates/{certificate}/surrender"), &fields).await.is(303);
            }
            let amendment = newest(&site, amended).await;
            let mut own = Vec::new();
            for (who, path) in [
                (&desk.approve, "/amendments?state=opened".to_owned()),
                (&desk.approve, format!("/amendments/{amendment}")),
                (&second, "/revocations".to_owned()),
                (&second, case),
                (&bureau.issue, "/surrenders".to_owned()),
                (&user, format!("/certificates/{amended}/amendment")),
                (&user, "/main".to_owned()),
            ] {
                let page = who.get(&path).await.is(200);
                assert!(page.statements <= 14, "{path}: {} statements", page.statements);
                own.push((path.split('/').nth(1).unwrap_or_default().to_owned(), page.statements));
            }
            counts.push(own);
        }
        assert_eq!(counts[0], counts[1]);
    }
}

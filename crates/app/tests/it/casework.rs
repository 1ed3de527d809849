//! The bureau's posts (requirements R-B-01 to -05, -11 to -13; manual §2.2, §2.4).

use axum::http::Method;
use domain::actor::Post;

use crate::story::{self, Bureau, decide, submit};
use crate::support::{JIANGSU, SHANGHAI, Site};

/// R-B-01 to -05: every post in its turn, each by its own officer; the company sees every status and every opinion.
#[tokio::test]
async fn r_b_01_an_application_passes_every_post() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        for (officer, post, decision, status) in [
            (&bureau.accept, "accept", "accept", "初审中"),
            (&bureau.first, "first_review", "pass", "终审中"),
            (&bureau.last, "final_review", "pass", "文件对比中"),
            (&bureau.compare, "compare", "pass", "待发证"),
            (&bureau.issue, "issue", "issue", "已发证"),
        ] {
            officer.get(&format!("/casework?post={post}")).await.is(200).sees("MB310000");
            let opinion = format!("{post} 的意见");
            decide(officer, &id, &[("decision", decision), ("opinion", &opinion)]).await.is(200).sees("没有待办单据");
            user.get(&format!("/applications/{id}")).await.is(200).sees(status).sees(&opinion);
        }
        user.get("/applications").await.sees("已发证").sees("证明");
        site.work().await;
        let told: Vec<_> = site.mail.letters().into_iter().map(|l| l.subject).collect();
        for status in ["受理中", "初审中", "终审中", "文件对比中", "待发证", "已发证"] {
            assert!(told.iter().any(|s| s.ends_with(status)), "{status} in {told:?}");
        }
    }
}

/// R-B-12: a post acts only on its own step and its own bureau's cases.
#[tokio::test]
async fn r_b_12_wrong_post_and_wrong_bureau_are_refused() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let decision = [("decision", "accept"), ("version", "1"), ("opinion", "")];
        let path = format!("/casework/{id}/decision");
        bureau.first.get(&format!("/casework/{id}")).await.is(200).sees_no("提交意见");
        bureau.first.force(&Method::POST, &path, &decision).await.is(403).sees("您没有该岗位的权限");
        bureau.first.force(&Method::POST, &format!("/casework/{id}/taking"), &[]).await.is(403);
        bureau.first.get("/casework?post=accept").await.is(403).sees("没有受理岗的权限");
        let elsewhere = site.officer("js_accept", JIANGSU, &[Post::Accept, Post::Terminate]).await;
        elsewhere.get(&format!("/casework/{id}")).await.is(404);
        elsewhere.force(&Method::POST, &path, &decision).await.is(404);
        elsewhere.force(&Method::POST, &format!("/casework/{id}/termination"), &[]).await.is(404);
        let nobody = site.officer("sh_none", SHANGHAI, &[Post::WriteOff]).await;
        nobody.get("/casework").await.is(403).sees("没有审批岗位");
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE state = 'accepting'").await, 1);
    }
}

/// R-B-01 to -04, R-B-13: reasons are asked for, all mistakes at once, what was typed is kept.
#[tokio::test]
async fn r_b_13_a_refusal_needs_a_reason_that_the_enterprise_reads() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        decide(&bureau.accept, &id, &[("opinion", "没有选择结果")]).await.is(422).sees("请选择处理结果");
        let page = decide(&bureau.accept, &id, &[("decision", "refuse"), ("opinion", "短")]).await.is(422);
        assert_eq!(page.faulty_fields(), ["opinion"]);
        let page = decide(&bureau.accept, &id, &[("decision", "return"), ("opinion", "")]).await.is(422);
        assert_eq!(page.faulty_fields(), ["opinion", "part"]);
        let page = decide(&bureau.accept, &id, &[("decision", "issue"), ("opinion", "越过各岗")]).await.is(422);
        assert_eq!((page.faulty_fields(), page.value("opinion")), (vec!["decision".to_owned()], "越过各岗".to_owned()));
        decide(&bureau.accept, &id, &[("decision", "refuse"), ("opinion", "所述用途不属于免办情形")]).await.is(200);
        user.get(&format!("/applications/{id}/outcome")).await.is(200).sees("所述用途不属于免办情形").sees("上海");
        // Final: nothing follows.
        bureau
            .accept
            .force(&Method::POST, &format!("/casework/{id}/decision"), &[("decision", "accept")])
            .await
            .is(409);
    }
}

/// R-2.4-01 to -07, D7: back to the same post; clause and place locked; the named parts and the opinion are shown.
#[tokio::test]
async fn r_2_4_06_a_correction_goes_back_to_the_post_that_asked_for_it() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::FinalReview).await;
        let page = bureau.last.get(&format!("/casework/{id}")).await;
        let form = page.form("提交意见").fill(&[("decision", "return"), ("opinion", "型号与发票不一致，请核对")]);
        bureau.last.send(&form.tick("part", "items").tick("part", "attachments")).await.is(200);

        let list = user.get("/applications").await.sees("返回修改");
        assert!(list.offers().contains(&"修改".to_owned()));
        user.get("/main").await.sees("申请被返回修改");
        let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
        let page = page.sees("型号与发票不一致，请核对").sees("附表产品信息、申请附件信息").sees("不允许修改");
        assert_eq!(
            page.texts(".steps li:has(.tag) .lb"),
            ["附表产品信息", "申请附件信息"],
            "the named parts are marked"
        );
        assert!(
            !page.has_field("clause_code") && !page.has_field("use_address") && !page.has_field("use_region_code_1")
        );
        // Sent all the same, the locked fields stay what they were.
        let form = page.form("保存").fill(&[
            ("clause_code", "5"),
            ("use_address", "别处"),
            ("use_region_code_1", "320000"),
            ("remark", "已补正"),
        ]);
        user.send(&form).await.is(200).sees("已保存申请基本信息");
        let stored =
            "SELECT COUNT(*) FROM application WHERE clause_code = '1' AND use_address <> '别处' AND remark = '已补正'";
        assert_eq!(site.number(stored).await, 1);

        // Products and files can be changed; a product's place cannot, and a new one takes the application's.
        let items = user.get(&format!("/applications/{id}/items")).await.is(200);
        let product = user.get(&items.link("查看")).await.is(200);
        assert!(!product.has_field("use_address"));
        user.send(&product.form("保存并关闭").set("model", "KC-NEW").set("use_address", "别处"))
            .await
            .is(200)
            .sees("KC-NEW");
        story::add_product(
            &user,
            &id,
            story::AIR_CONDITIONER,
            &[("product_name", "补充产品"), ("use_address", "别处")],
        )
        .await
        .is(200)
        .sees("补充产品");
        assert_eq!(site.number("SELECT COUNT(*) FROM application_item WHERE use_address = '别处'").await, 0);
        user.upload(&id, "technical", &[("铭牌.jpg", vec![1; 5])]).await.is(200);

        let number = submit(&user, &id).await;
        assert_eq!(number, "MB3100002026112300001", "the number stays");
        user.get(&format!("/applications/{id}")).await.sees("终审中");
        bureau.accept.get("/casework?post=accept").await.sees_no(&number);
        bureau.last.get("/casework?post=final_review").await.sees(&number);
        bureau.last.get(&format!("/casework/{id}")).await.sees("补正后重新提交").sees("补充产品");
    }
}

/// D6: 初审 and 终审 are different persons, unless the bureau switched it off.
#[tokio::test]
async fn d_6_the_first_reviewer_does_not_give_the_final_review() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let both = site.officer("sh_both", SHANGHAI, &[Post::FirstReview, Post::FinalReview]).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::FirstReview).await;
        decide(&both, &id, &[("decision", "pass")]).await.is(200);
        both.get(&format!("/casework/{id}")).await.is(200).sees("终审须由另一人办理").sees_no("提交意见");
        let page = both.force(&Method::POST, &format!("/casework/{id}/decision"), &[("decision", "pass")]).await;
        page.is(403).sees("终审须由另一人办理");
        decide(&bureau.last, &id, &[("decision", "pass")]).await.is(200);
    }
}

/// D6: 文件对比 switched off: 终审 leads to 发证.
#[tokio::test]
async fn d_6_a_bureau_without_comparison_goes_from_final_review_to_issue() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        db::testing::switch_comparison_off(&site.app.db, SHANGHAI).await;
        site.app.references.replace(db::reference::load(&site.app.db.read()).await.unwrap());
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::FinalReview).await;
        bureau.last.get(&format!("/casework/{id}")).await.sees("送发证岗").sees_no("文件对比");
        decide(&bureau.last, &id, &[("decision", "pass")]).await.is(200);
        user.get(&format!("/applications/{id}")).await.sees("待发证");
    }
}

/// E14: viewing takes nothing; a taken case is decided by its holder, others are told who has it and may take over.
#[tokio::test]
async fn e_14_a_taken_case_belongs_to_its_holder() {
    for site in Site::each().await {
        let user = site.company().await;
        let one = site.officer("officer_one", SHANGHAI, &[Post::Accept]).await;
        let two = site.officer("officer_two", SHANGHAI, &[Post::Accept]).await;
        let id = story::submitted(&site, &user).await;
        let early = two.get(&format!("/casework/{id}")).await.is(200).form("提交意见");
        one.get(&format!("/casework/{id}")).await.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE handler_id IS NOT NULL").await, 0);
        let page = one.get(&format!("/casework/{id}")).await;
        one.send(&page.form("办理")).await.is(200).sees("由我办理");
        two.get("/casework?post=accept").await.sees("officer_one");

        let late = early.fill(&[("decision", "accept"), ("opinion", "同意受理")]);
        let page = two.send(&late).await.is(409).sees("由 officer_one 某 办理");
        let page = two.send(&page.form("接手")).await.is(422);
        assert_eq!(page.faulty_fields(), ["reason"]);
        two.send(&page.form("接手").set("reason", "同事请假")).await.is(200).sees("由我办理");
        let page = one.get(&format!("/casework/{id}")).await.sees("officer_two").sees("同事请假");
        assert!(page.texts("button").iter().all(|b| b != "提交意见"));
        // 放弃办理 gives it back.
        let page = two.get(&format!("/casework/{id}")).await;
        two.send(&page.form("放弃办理")).await.is(200).sees("已放弃办理");
        decide(&one, &id, &[("decision", "accept")]).await.is(200).sees("已提交意见");
    }
}

/// A page that is older than the case: 409, the newest content, the opinion kept.
#[tokio::test]
async fn a_stale_decision_is_refused_and_its_opinion_kept() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let form = bureau.accept.get(&format!("/casework/{id}")).await.form("提交意见");
        decide(&bureau.accept, &id, &[("decision", "return"), ("part", "basics"), ("opinion", "请补充用途说明")])
            .await
            .is(200);
        fill_correction(&user, &id).await;
        submit(&user, &id).await;
        let page =
            bureau.accept.send(&form.fill(&[("decision", "accept"), ("opinion", "按旧内容写的意见")])).await.is(409);
        let page = page.sees("该单据已有变化").sees("补正后的用途说明");
        assert_eq!(page.value("opinion"), "按旧内容写的意见");
        bureau.accept.send(&page.form("提交意见")).await.is(200).sees("已提交意见");
    }
}

async fn fill_correction(user: &crate::support::Browser, id: &str) {
    let page = user.get(&format!("/applications/{id}/basics")).await.is(200);
    user.send(&page.form("保存").set("purpose", "补正后的用途说明，测试完成后退运。")).await.is(200);
}

/// Two officers who decide at the same moment: exactly one is heard.
#[tokio::test]
async fn two_decisions_at_once_move_the_case_once() {
    for site in Site::each().await {
        let user = site.company().await;
        let one = site.officer("officer_one", SHANGHAI, &[Post::Accept]).await;
        let two = site.officer("officer_two", SHANGHAI, &[Post::Accept]).await;
        let id = story::submitted(&site, &user).await;
        let accept = one.get(&format!("/casework/{id}")).await.form("提交意见").set("decision", "accept");
        let refuse = two
            .get(&format!("/casework/{id}"))
            .await
            .form("提交意见")
            .fill(&[("decision", "refuse"), ("opinion", "所述用途不属于免办情形")]);
        let (a, b) = tokio::join!(one.send_once(&accept), two.send_once(&refuse));
        let won = [a.status, b.status].iter().filter(|s| **s == 303).count();
        assert_eq!(won, 1, "{} {}", a.status, b.status);
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE from_state = 'accepting'").await, 1);
    }
}

/// R-B-04: papers are requested with a notice, registered when they arrive, and the comparison goes on.
#[tokio::test]
async fn r_b_04_papers_are_requested_and_registered() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Compare).await;
        let page =
            decide(&bureau.compare, &id, &[("decision", "request_paper"), ("deadline", "2026-11-22")]).await.is(422);
        assert_eq!(page.faulty_fields(), ["address", "papers", "contact", "deadline"]);
        let notice = [
            ("address", "上海局受理窗口"),
            ("papers", "责任担保书原件"),
            ("contact", "受理窗口 021-00000000"),
            ("deadline", "2026-12-01"),
        ];
        bureau.compare.send(&page.form("提交意见").fill(&notice)).await.is(200);
        let page = user.get(&format!("/applications/{id}/outcome")).await.is(200).sees("纸质材料对比通知");
        for (_, text) in notice {
            assert!(page.text().contains(text), "{text}");
        }
        user.get("/main").await.sees("请送交纸质材料");
        story::papers_arrive(&bureau.compare, &id).await.is(200);
        user.get(&format!("/applications/{id}")).await.sees("文件对比中").sees("纸质材料已收到");
        decide(&bureau.compare, &id, &[("decision", "fail"), ("opinion", "原件与上传文件不一致")]).await.is(200);
        user.get(&format!("/applications/{id}/outcome")).await.sees("原件与上传文件不一致");
    }
}

/// R-B-05, D17: the validity begins today, lasts at most a year, 90 days by default.
#[tokio::test]
async fn r_b_05_the_validity_is_checked() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Issue).await;
        let page = bureau.issue.get(&format!("/casework/{id}")).await.is(200);
        assert_eq!(
            (page.value("valid_from"), page.value("valid_to")),
            ("2026-11-23".to_owned(), "2027-02-20".to_owned())
        );
        for (to, sentence) in [
            ("2026-11-22", "不能早于起始日期"),
            ("2027-11-23", "最长 365 天，截止日期不能晚于 2027-11-22"),
            ("", "请选择截止日期"),
        ] {
            let page = decide(&bureau.issue, &id, &[("decision", "issue"), ("valid_to", to)]).await.is(422);
            assert!(page.error("valid_to").contains(sentence), "{to}: {}", page.error("valid_to"));
        }
        decide(&bureau.issue, &id, &[("decision", "issue"), ("valid_to", "2027-11-22")]).await.is(200);
    }
}

/// R-B-11: reason and number are asked for; it cannot be undone; whoever holds the post of the receiving bureau may.
#[tokio::test]
async fn r_b_11_a_process_is_terminated_with_reason() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        decide(&bureau.accept, &id, &[("decision", "return"), ("part", "basics"), ("opinion", "请补充用途说明")])
            .await
            .is(200);
        let list = bureau.terminate.get("/casework?post=terminate").await.is(200).sees("返回修改");
        assert_eq!(list.texts("tbody tr").len(), 1);
        let page = bureau.terminate.get(&format!("/casework/{id}")).await.is(200);
        let page = bureau.terminate.send(&page.form("强制终止流程")).await.is(422);
        assert_eq!(page.faulty_fields(), ["termination_reason", "confirm_number"]);
        bureau.accept.force(&Method::POST, &format!("/casework/{id}/termination"), &[]).await.is(403);
        let form = page
            .form("强制终止流程")
            .fill(&[("termination_reason", "企业已注销，终止办理"), ("confirm_number", "MB3100002026112300001")]);
        bureau.terminate.send(&form).await.is(200).sees("审批流程已强制终止");
        user.get(&format!("/applications/{id}")).await.sees("强制终止流程");
        user.get(&format!("/applications/{id}/basics")).await.at(&format!("/applications/{id}"));
        bureau.terminate.send(&form).await.is(409).sees("强制终止流程").sees_no("没有权限");
    }
}

/// Officers open the files and the products of a case (R-2.5.2-01); the bureau is told of a withdrawal (D24).
#[tokio::test]
async fn officers_read_the_whole_case() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let page = bureau.accept.get(&format!("/casework/{id}")).await.is(200).sees("窗式空调器样机");
        bureau.accept.get(&page.link("材料.pdf")).await.is(200);
        bureau.accept.get(&page.link("窗式空调器样机")).await.is(200).sees("KC-26/ZW-T1");
        let view = user.get(&format!("/applications/{id}")).await;
        user.send(&view.form("撤回")).await.is(200);
        bureau.accept.get("/main").await.sees("企业已撤回申请").sees("MB3100002026112300001");
        bureau.first.get("/main").await.sees_no("企业已撤回申请");
    }
}

/// D33: what cannot be issued goes back to 终审 or 文件对比 with a reason, which the company reads; it is no dead end.
#[tokio::test]
async fn d33_a_case_that_cannot_be_issued_goes_back() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Issue).await;
        *site.keys.0.lock().unwrap() = None;
        let page = bureau.issue.get(&format!("/casework/{id}")).await.is(200);
        let page = page.sees("还没有签名密钥").sees("可以退回终审（或文件对比）");
        let refused = bureau.issue.send(&page.form("提交意见").set("decision", "issue")).await.is(409);
        refused.sees("可以退回终审");
        let back = [("decision", "send_back_to_final_review"), ("opinion", "")];
        let page = decide(&bureau.issue, &id, &back).await.is(422);
        assert_eq!(page.faulty_fields(), ["opinion"]);
        let reason = "证明不能打印生产厂名中的字，请送补正";
        decide(&bureau.issue, &id, &[("decision", "send_back_to_final_review"), ("opinion", reason)]).await.is(200);
        let page = user.get(&format!("/applications/{id}")).await.is(200).sees("终审中");
        page.sees("发证岗退回终审").sees(reason);
        site.work().await;
        let letters = site.mail.letters();
        let letter = letters.last().unwrap();
        assert!(letter.body.contains("发证岗退回终审岗重新办理") && letter.body.contains(reason), "{}", letter.body);
        // 终审 sends it to the company, and it goes all the way again.
        let fields = [("decision", "return"), ("part", "items"), ("opinion", "生产厂名请改用其他写法")];
        decide(&bureau.last, &id, &fields).await.is(200);
        story::submit(&user, &id).await;
        decide(&bureau.last, &id, &[("decision", "pass")]).await.is(200);
        decide(&bureau.compare, &id, &[("decision", "pass")]).await.is(200);
        decide(&bureau.issue, &id, &[("decision", "send_back_to_compare"), ("opinion", "请再次核对营业执照")])
            .await
            .is(200);
        bureau.compare.get(&format!("/casework/{id}")).await.is(200).sees("发证岗退回文件对比").sees("文件对比中");
        decide(&bureau.compare, &id, &[("decision", "pass")]).await.is(200);
        *site.keys.0.lock().unwrap() = Some("test".to_owned());
        decide(&bureau.issue, &id, &[("decision", "issue")]).await.is(200);
        user.get(&format!("/applications/{id}")).await.sees("已发证");
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// D33, D6: a bureau that does not compare papers sends back to 终审 alone.
#[tokio::test]
async fn d33_without_comparison_the_way_back_is_the_final_review() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        db::testing::switch_comparison_off(&site.app.db, SHANGHAI).await;
        site.app.references.replace(db::reference::load(&site.app.db.read()).await.unwrap());
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::FinalReview).await;
        decide(&bureau.last, &id, &[("decision", "pass")]).await.is(200);
        let page = bureau.issue.get(&format!("/casework/{id}")).await.is(200).sees("退回终审");
        let page = page.sees_no("由文件对比岗重新办理");
        let form = page.form("提交意见").fill(&[("decision", "send_back_to_compare"), ("opinion", "越过设置的退回")]);
        assert_eq!(bureau.issue.send(&form).await.is(422).faulty_fields(), ["decision"]);
        decide(&bureau.issue, &id, &[("decision", "send_back_to_final_review"), ("opinion", "请核对用途说明")])
            .await
            .is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE state = 'final_review'").await, 1);
    }
}

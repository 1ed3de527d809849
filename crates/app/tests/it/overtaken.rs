//! Two persons at one case (D34): the slower one reads who was faster, what was done and when, and how things stand; what he
//! typed is there. Nobody is told of missing rights.

use domain::actor::Post;

use crate::amendments::{self, Desk, certificate_of, newest};
use crate::story::{self, Bureau, decide};
use crate::support::{Browser, Form, Page, SHANGHAI, Site};
use crate::usage::{cleared, submitted};
use crate::write_off::{Yard, case, declare, items, lines_of};

/// What nobody is told who was slower.
const RIGHTS: [&str; 3] = ["权限", "配置岗位", "没有该岗位"];

#[track_caller]
fn slower(page: Page, says: &[&str]) -> Page {
    let page = page.is(409);
    let text = page.text();
    for word in RIGHTS {
        assert!(!text.contains(word), "“{word}”: {text}");
    }
    for word in says {
        assert!(text.contains(word), "“{word}” is not on {}:\n{text}", page.path);
    }
    page
}

/// A colleague at every post, beside the first one.
async fn colleague(site: &Site, post: Post) -> Browser {
    let name = format!("second_{}", post.word());
    site.officer(&name, SHANGHAI, &[post]).await
}

/// Every post of the course: both open the case, one decides, the other is told.
#[tokio::test]
async fn d34_the_slower_officer_of_every_post_is_told_who_was_faster() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        for (post, first, decision, state, name) in [
            (Post::Accept, &bureau.accept, "accept", "初审中", "sh_accept 某"),
            (Post::FirstReview, &bureau.first, "pass", "终审中", "sh_first 某"),
            (Post::FinalReview, &bureau.last, "pass", "文件对比中", "sh_final 某"),
            (Post::Compare, &bureau.compare, "pass", "待发证", "sh_compare 某"),
            (Post::Issue, &bureau.issue, "issue", "已发证", "sh_issue 某"),
        ] {
            let second = colleague(&site, post).await;
            let page = second.get(&format!("/casework/{id}")).await.is(200);
            let opinion = format!("{}岗第二人写了很久的意见", post.label());
            let late = page.form("提交意见").fill(&[("decision", decision), ("opinion", &opinion)]);
            let take = page.form("办理");
            let draft = Form { action: format!("/casework/{id}/draft"), ..late.clone() };
            decide(first, &id, &[("decision", decision)]).await.is(200);
            let says = [name, "先办理", "2026-11-23 09:00", state, opinion.as_str()];
            slower(second.send(&late).await, &says);
            slower(second.send(&draft).await, &says);
            slower(second.send(&take).await, &says[..4]);
        }
        assert_eq!(
            site.number("SELECT COUNT(*) FROM audit WHERE action = 'issue' AND subject_kind = 'application'").await,
            1
        );
        assert_eq!(site.number("SELECT COUNT(*) FROM decision_draft").await, 0);
    }
}

/// 送补正 in full: opinion, parts, fields, product numbers, checklist; all of it comes back, in words.
#[tokio::test]
async fn d34_everything_that_was_typed_comes_back() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let second = colleague(&site, Post::Accept).await;
        let id = story::complete_draft(&site, &user).await;
        story::add_product(&user, &id, story::AIR_CONDITIONER, &[("product_name", "第二个")]).await.is(200);
        story::submit(&user, &id).await;
        let page = second.get(&format!("/casework/{id}")).await.is(200);
        let point = page.attribute("input[name^='point.']", "name").unwrap();
        let form = page.form("提交意见").fill(&[
            ("decision", "return"),
            ("opinion", "型号与发票不一致，请逐项核对"),
            ("products.model", "2"),
            (&point, "fails"),
        ]);
        let form = form.tick("part", "attachments").tick("field", "basics.purpose");
        decide(&bureau.accept, &id, &[("decision", "accept")]).await.is(200);
        let page = slower(
            second.send(&form).await,
            &["送补正", "型号与发票不一致，请逐项核对", "申请附件信息", "用途及免办理由", "规格型号：2", "不符合"],
        );
        // It is shown, and not taken for an opinion of another post.
        assert!(!page.has_field("opinion"));
        assert!(!page.texts(".kept dd").is_empty());
    }
}

/// A colleague took the case: the text stays, goes along with 接手, and is there afterwards.
#[tokio::test]
async fn d34_on_a_taken_case_the_text_goes_along_when_it_is_taken_over() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let second = colleague(&site, Post::Accept).await;
        let id = story::submitted(&site, &user).await;
        let late = second.get(&format!("/casework/{id}")).await.form("提交意见");
        let late = late.fill(&[("decision", "refuse"), ("opinion", "所述用途不属于免办情形，请另行办理认证")]);
        bureau.accept.send(&bureau.accept.get(&format!("/casework/{id}")).await.form("办理")).await.is(200);
        let says = ["sh_accept 某", "开始办理", "受理中", "由 sh_accept 某 办理", "所述用途不属于免办情形"];
        let page = slower(second.send(&late).await, &says);
        // Without a reason nothing is lost either.
        let page = second.send(&page.form("接手")).await.is(422).sees("所述用途不属于免办情形");
        let page = second.send(&page.form("接手").set("reason", "同事请假")).await.is(200).sees("已暂存");
        assert_eq!(page.value("opinion"), "所述用途不属于免办情形，请另行办理认证");
        second.send(&page.form("提交意见")).await.is(200).sees("已提交意见");
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE state = 'acceptance_refused'").await, 1);
        // The one who had it is told, too, when he gives it back.
        let release = Form { action: format!("/casework/{id}/release"), fields: Vec::new() };
        let token = bureau.accept.token().await;
        slower(bureau.accept.send(&release.set("csrf", &token)).await, &["second_accept 某", "拒绝受理"]);
    }
}

/// Two at the same moment, post by post: one deed, one answer with the name of the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d34_two_at_the_same_moment() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let second = colleague(&site, Post::Accept).await;
        for n in 0..3 {
            let id = story::submitted(&site, &user).await;
            let forms = [(&bureau.accept, "甲的意见在这里"), (&second, "乙的意见在这里")];
            let mut filled = Vec::new();
            for (officer, opinion) in forms {
                let form = officer.get(&format!("/casework/{id}")).await.form("提交意见");
                filled.push((officer.clone(), form.fill(&[("decision", "accept"), ("opinion", opinion)]), opinion));
            }
            let sent: Vec<_> = filled
                .into_iter()
                .map(|(officer, form, opinion)| tokio::spawn(async move { (officer.send_once(&form).await, opinion) }))
                .collect();
            let mut won = 0;
            for answer in sent {
                let (page, opinion) = answer.await.unwrap();
                if page.status == 303 {
                    won += 1;
                } else {
                    slower(page, &["先办理", "初审中", opinion]);
                }
            }
            assert_eq!(won, 1, "round {n}");
        }
    }
}

/// 文件对比: results and remarks; 强制终止; 移交; 改派.
#[tokio::test]
async fn d34_the_other_deeds_on_an_application() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let second = colleague(&site, Post::Compare).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Compare).await;
        let page = second.get(&format!("/casework/{id}/comparison")).await.is(200);
        let remark = page.attribute("input[name^='remark.']", "name").unwrap();
        let result = remark.replace("remark.", "result.");
        let late = page.form("保存").fill(&[(&result, "differs"), (&remark, "原件日期与上传的不同")]);

        let ender = colleague(&site, Post::Terminate).await;
        let end = [("termination_reason", "企业已注销，终止办理"), ("confirm_number", "MB3100002026112300001")];
        let late_end = ender.get(&format!("/casework/{id}")).await.form("强制终止流程").fill(&end);
        let head = site.officer("sh_head", SHANGHAI, &[Post::BureauAdmin]).await;
        let list = head.get("/casework?scope=bureau").await.is(200);
        let chosen = head.send(&list.form("改派所选").tick("case", &id)).await.is(200);
        let target = site.account("second_compare").await.to_string();
        let late_giving = chosen.form("改派").fill(&[("assignee", &target), ("reason", "平衡工作量，请尽快")]);
        let move_page = head.get(&format!("/casework/{id}/transfer")).await.is(200);
        let late_move = move_page.form("移交").fill(&[("reason", "使用单位在浦东，便于核查")]);

        decide(&bureau.compare, &id, &[("decision", "pass")]).await.is(200);
        slower(
            second.send(&late).await,
            &["sh_compare 某", "文件对比通过", "待发证", "不一致", "原件日期与上传的不同"],
        );
        slower(head.send(&late_giving).await, &["sh_compare 某", "文件对比通过", "平衡工作量，请尽快"]);
        let page = slower(head.send(&late_move).await, &["sh_compare 某", "待发证"]);
        assert_eq!(page.value("reason"), "使用单位在浦东，便于核查");

        let first_end = bureau.terminate.get(&format!("/casework/{id}")).await.form("强制终止流程").fill(&end);
        bureau.terminate.send(&first_end).await.is(200);
        slower(ender.send(&late_end).await, &["sh_terminate 某", "强制终止流程", "企业已注销，终止办理"]);
        slower(head.send(&late_move).await, &["sh_terminate 某", "强制终止流程", "使用单位在浦东，便于核查"]);
    }
}

/// 证明修改: approval, confirmation, 收回, the telephone call.
#[tokio::test]
async fn d34_amendments() {
    for site in Site::each().await {
        let user = site.company().await;
        let desk = Desk::shanghai(&site).await;
        let [approve, confirm] = [Post::AmendApprove, Post::AmendConfirm];
        let approver = colleague(&site, approve).await;
        let confirmer = colleague(&site, confirm).await;
        let id = story::issued(&site, &user, &Bureau::shanghai(&site).await).await;
        let (certificate, number) = certificate_of(&site, &id).await;

        let opening = format!("/amendments/opening?number={number}");
        let call = [("caller", "张示例"), ("call_note", "来电要求更正型号，已核对身份")];
        let late_call = approver.get(&opening).await.is(200).form("同意修改").fill(&call);
        let ask = user.get(&format!("/certificates/{certificate}/amendment-request")).await.form("提交申请");
        user.send(&ask.set("request_reason", "型号按最终发票更正。")).await.is(200);
        let case = format!("/amendments/{}", newest(&site, certificate).await);
        let late = approver.get(&case).await.is(200).form("提交意见");
        let late = late.fill(&[("decision", "refuse_amendment"), ("opinion", "发票尚未提供，请补充")]);
        let yes = desk.approve.get(&case).await.form("提交意见").set("decision", "open_amendment");
        desk.approve.send(&yes).await.is(200);
        let says = ["sh_approve 某", "同意修改证明", "发票尚未提供，请补充"];
        slower(approver.send(&late).await, &says);
        slower(approver.send(&late_call).await, &["sh_approve 某", "尚未办结", "来电要求更正型号"]);

        let withdraw = approver.get(&case).await.is(200).form("收回修改");
        let withdraw = withdraw.set("withdrawal_reason", "企业来电说不再修改了");
        amendments::change_model(&user, certificate, "KC-NEW").await.is(200);
        amendments::submit(&user, certificate).await.is(200);
        slower(approver.send(&withdraw).await, &["提交证明修改", "企业来电说不再修改了"]);

        let page = confirmer.get(&case).await.is(200);
        let take = page.form("办理");
        let late = page.form("提交意见");
        let late = late.fill(&[("decision", "send_back_amendment"), ("opinion", "型号仍与发票不符")]);
        desk.decide(&site, certificate, &[("decision", "confirm_amendment")]).await.is(200);
        let says = ["sh_confirm 某", "已办结", "型号仍与发票不符"];
        slower(confirmer.send(&late).await, &says);
        slower(confirmer.send(&take).await, &says[..2]);
    }
}

/// 撤销 and 注销: proposal, second person, withdrawal, answer.
#[tokio::test]
async fn d34_endings() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let first = site.officer("sh_watch", SHANGHAI, &[Post::Supervise]).await;
        let [second, third] = [
            site.officer("sh_watch2", SHANGHAI, &[Post::Supervise]).await,
            site.officer("sh_watch3", SHANGHAI, &[Post::Supervise]).await,
        ];
        let issuer = colleague(&site, Post::Issue).await;
        let id = story::issued(&site, &user, &bureau).await;
        let (certificate, number) = certificate_of(&site, &id).await;

        let page = format!("/certificates/{certificate}/surrender");
        user.send(&user.get(&page).await.form("提交申请").set("reason", "合同取消，不再进口。")).await.is(200);
        let case = format!("/surrenders/{}", site.number("SELECT MAX(id) FROM certificate_surrender").await);
        let answer = |page: &Page, opinion: &str| {
            page.form("提交意见").fill(&[("decision", "refuse_surrender"), ("opinion", opinion)])
        };
        let late = answer(&issuer.get(&case).await, "请先说明到港产品的去向");
        bureau.issue.send(&answer(&bureau.issue.get(&case).await, "仍有货物在途，暂不注销")).await.is(200);
        slower(issuer.send(&late).await, &["sh_issue 某", "不同意注销", "已办结", "请先说明到港产品的去向"]);

        let form = |page: &Page, reason: &str| page.form("提出撤销").set("reason", reason);
        let new = format!("/revocations/new?number={number}");
        let late = form(&third.get(&new).await, "三号现场检查发现已在市场销售");
        let proposed = first.send(&form(&first.get(&new).await, "现场检查发现未按用途使用。")).await.is(200);
        slower(third.send(&late).await, &["sh_watch 某", "提出撤销", "三号现场检查发现已在市场销售"]);
        let case = proposed.path;
        let decision = |page: &Page, opinion: &str| {
            page.form("提交意见").fill(&[("decision", "reject_revocation"), ("opinion", opinion)])
        };
        let late = decision(&third.get(&case).await, "三号认为证据不足");
        let back = first.get(&case).await.form("收回撤销");
        second.send(&decision(&second.get(&case).await, "事实尚未查清。")).await.is(200);
        slower(third.send(&late).await, &["sh_watch2 某", "不同意撤销", "已办结", "三号认为证据不足"]);
        slower(first.send(&back).await, &["sh_watch2 某", "不同意撤销"]);
    }
}

/// The counter of ports and 后续监管.
#[tokio::test]
async fn d34_write_off_and_supervision() {
    for site in Site::each().await {
        let yard = Yard::of(&site).await;
        let second = site.officer("sh_writeoff2", SHANGHAI, &[Post::WriteOff]).await;
        let certificate = yard.certificate(&site, &[("10", "10"), ("5", "5")]).await;
        declare(&site, &yard.user, certificate, &[(0, "4", "4")]).await.is(200);
        let item = items(&site).await[0];
        let late = case(&site, &second).await.form("confirm").set("opinion", "实到三台，少一台");
        let late = late.set(&format!("qty_{item}"), "3").set(&format!("hs_qty_{item}"), "3");
        yard.here.send(&case(&site, &yard.here).await.form("confirm")).await.is(200);
        let says = ["sh_writeoff 某", "确认预核销", "数量/重量 3", "实到三台，少一台"];
        slower(second.send(&late).await, &says);

        let lines = lines_of(&site, certificate).await;
        let draw = |page: &Page, qty: &str, reason: &str| {
            page.form("核销").fill(&[
                ("port_code_1", "2200"),
                ("port_code_2", "2202"),
                (&format!("qty_{}", lines[1]), qty),
                (&format!("hs_qty_{}", lines[1]), qty),
                ("reason", reason),
            ])
        };
        let path = format!("/certificates/{certificate}/draw-down");
        let late = draw(&second.get(&path).await, "5", "乙在港区核对");
        yard.here.send(&draw(&yard.here.get(&path).await, "2", "甲在港区核对")).await.is(200);
        let page = slower(second.send(&late).await, &["sh_writeoff 某", "核销"]);
        assert_eq!(page.value("reason"), "乙在港区核对");

        let user = &yard.user;
        let watch = site.officer("sh_watch", SHANGHAI, &[Post::Supervise]).await;
        let watch2 = site.officer("sh_watch2", SHANGHAI, &[Post::Supervise]).await;
        let c = cleared(&site, user, &yard.bureau, &["3"]).await;
        let record = submitted(&site, user, &c.id, "use", &[(1, "3")]).await;
        let review = format!("/usage-records/{record}/review");
        let judge = |page: &Page, opinion: &str| {
            page.form("提交意见").fill(&[("decision", "usage_reject"), ("opinion", opinion)])
        };
        let late = judge(&watch2.get(&review).await, "照片与数量对不上，请补充");
        watch.send(&judge(&watch.get(&review).await, "请补充使用地点照片")).await.is(200);
        let says = ["sh_watch 某", "审核未通过", "照片与数量对不上，请补充"];
        slower(watch2.send(&late).await, &says);
    }
}

/// Whoever never had the post is told so: that is no race.
#[tokio::test]
async fn d34_missing_rights_are_still_said_where_nobody_was_faster() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let version = site.number(&format!("SELECT version FROM application WHERE id = {id}")).await.to_string();
        let path = format!("/casework/{id}/decision");
        let fields = [("decision", "accept"), ("version", version.as_str()), ("opinion", "越过受理岗的意见")];
        let page = bureau.first.force(&axum::http::Method::POST, &path, &fields).await.is(403);
        page.sees("您没有该岗位的权限").sees("越过受理岗的意见");
    }
}

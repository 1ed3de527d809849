//! The desk of a reviewer: 审核要点, 暂存, 常用意见, 内部备注 (R-B-01 to -05, -13).

use axum::http::Method;
use domain::actor::Post;

use crate::story::{self, Bureau, decide};
use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};

/// R-B-01, R-B-02: what a post looks at follows its clause and its products, is kept with the decision, shown to the
/// posts that come after, and hidden from the enterprise.
#[tokio::test]
async fn r_b_02_points_are_answered_kept_and_shown_to_later_posts() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let page = bureau.accept.get(&format!("/casework/{id}")).await.is(200).sees("审核要点").sees("附件种类齐全");
        page.sees_no("科研、测试计划明确").sees_no("额定电压、功率与铭牌一致");
        bureau.bring_to(&id, Post::FirstReview).await;
        let page = bureau.first.get(&format!("/casework/{id}")).await.is(200).sees("0 / 10 已核对");
        let page = page.sees("科研、测试计划明确").sees("额定电压、功率与铭牌一致").sees_no("最终用户和被维修设备明确");
        let form = page.form("提交意见").set("decision", "pass").set("opinion", "同意。型号差异为笔误，企业已说明。");
        let form = form.set("point.papers-agree", "fails").set("point.in-catalogue", "meets");
        bureau.first.send(&form.set("point.c1-plan", "not_applicable")).await.is(200).sees("已提交意见");

        let page = bureau.last.get(&format!("/casework/{id}")).await.is(200);
        let page = page.sees("符合 1，不符合 1，不适用 1，未核对 7").sees("合同、发票与产品一致：不符合");
        page.sees("0 / 5 已核对");
        for path in [format!("/applications/{id}"), "/applications".to_owned(), "/main".to_owned()] {
            user.get(&path).await.is(200).sees_no("合同、发票与产品一致").sees_no("审核要点");
        }
        user.get(&format!("/applications/{id}")).await.sees("型号差异为笔误");
    }
}

/// R-B-02: 不符合 and 通过 together ask for words, and forbid nothing.
#[tokio::test]
async fn r_b_02_a_point_that_fails_asks_for_an_opinion_when_the_case_goes_on() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let path = format!("/casework/{id}");
        let form = bureau.accept.get(&path).await.form("提交意见").set("point.documents-complete", "fails");
        let page = bureau.accept.send(&form.set("decision", "accept")).await.is(422);
        let page = page.sees("审核要点“附件种类齐全”为不符合").sees("1 / 5 已核对");
        assert_eq!(page.faulty_fields(), ["opinion"]);
        let form = page.form("提交意见").set("opinion", "缺少的材料不影响受理");
        bureau.accept.send(&form).await.is(200).sees("已提交意见");
        // A value that is no answer is no answer.
        let form = bureau.first.get(&path).await.form("提交意见").set("point.papers-agree", "perhaps");
        bureau.first.send(&form.set("decision", "pass")).await.is(200);
        bureau.last.get(&path).await.is(200).sees("审核要点：不符合 1，未核对 4").sees_no("未核对 10");
    }
}

/// R-B-02: what was begun is there again for the same officer alone, and gone after the decision.
#[tokio::test]
async fn r_b_02_a_decision_is_kept_until_it_is_given() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let colleague = site.officer("sh_accept2", SHANGHAI, &[Post::Accept]).await;
        let id = story::submitted(&site, &user).await;
        let path = format!("/casework/{id}");
        let page = bureau.accept.get(&path).await.is(200).sees_no("放弃暂存");
        let form = page.form("暂存").set("decision", "return").set("opinion", "请补").tick("part", "items");
        let page = bureau.accept.send(&form.set("point.documents-complete", "fails")).await.is(200);
        page.sees("已暂存，尚未提交意见").sees("1 / 5 已核对").sees("已暂存 2026-11-23");

        let page = bureau.accept.get(&path).await.is(200);
        let form = page.form("提交意见");
        assert_eq!([form.get("decision"), form.get("opinion"), form.get("part")], ["return", "请补", "items"]);
        assert_eq!(form.get("point.documents-complete"), "fails");
        let other = colleague.get(&path).await.is(200).sees_no("放弃暂存");
        assert_eq!(other.value("opinion"), "");
        user.get(&format!("/applications/{id}")).await.is(200).sees_no("请补");
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE handler_id IS NOT NULL").await, 0);

        // A mistake in another form of the page leaves it on the page.
        let both = site.officer("sh_both", SHANGHAI, &[Post::Accept, Post::Terminate]).await;
        let form = both.get(&path).await.form("暂存").set("opinion", "先看合同");
        let ended = both.send(&form).await.is(200).form("强制终止流程");
        assert_eq!(both.send(&ended).await.is(422).value("opinion"), "先看合同");

        // What was kept is not checked: short as it is, it is refused when it is sent.
        let page = bureau.accept.send(&page.form("提交意见")).await.is(422);
        bureau.accept.send(&page.form("提交意见").set("opinion", "请补充材料清单")).await.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM decision_draft").await, 0);

        story::submit(&user, &id).await;
        let page = bureau.accept.get(&path).await.is(200).sees_no("放弃暂存");
        bureau.accept.send(&page.form("暂存").set("opinion", "再看一遍")).await.is(200);
        let page = bureau.accept.get(&path).await;
        bureau.accept.send(&page.form("放弃暂存")).await.is(200).sees("已放弃暂存的内容");
        assert_eq!(bureau.accept.get(&path).await.value("opinion"), "");
        bureau.accept.send(&page.form("暂存")).await.is(200);

        // A colleague who holds the case: nothing is kept, and what was typed stands on the page.
        colleague.send(&colleague.get(&path).await.form("办理")).await.is(200);
        let late = bureau.accept.send(&page.form("暂存").set("opinion", "晚了一步")).await.is(409);
        late.sees("确需由您办理时，请先填写理由接手");
        // What lies at a post that has the case no more is swept.
        decide(&colleague, &id, &[("decision", "accept")]).await.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM decision_draft").await, 0);
    }
}

/// What was begun on a case that left the post by another way, or long ago, is swept.
#[tokio::test]
async fn drafts_of_decisions_are_swept() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let (ended, kept) = (story::submitted(&site, &user).await, story::submitted(&site, &user).await);
        for id in [&ended, &kept] {
            let page = bureau.accept.get(&format!("/casework/{id}")).await;
            bureau.accept.send(&page.form("暂存").set("opinion", "先放着")).await.is(200);
        }
        let page = bureau.terminate.get(&format!("/casework/{ended}")).await;
        let number = page.texts("h1 .code").remove(0);
        let form = page.form("强制终止流程").set("termination_reason", "企业已注销").set("confirm_number", &number);
        bureau.terminate.send(&form).await.is(200);
        let sweep = async || {
            let tx = site.app.db.begin().await.unwrap();
            db::opinion::sweep(&tx, site.app.now()).await.unwrap();
            tx.commit().await.unwrap();
            site.number("SELECT COUNT(*) FROM decision_draft").await
        };
        assert_eq!(sweep().await, 1);
        site.clock.pass_hours(30 * 24);
        assert_eq!(sweep().await, 0);
    }
}

/// R-B-13: phrases by post and decision, and those of an officer's own.
#[tokio::test]
async fn r_b_13_phrases_go_into_the_opinion() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let path = format!("/casework/{id}");
        let page =
            bureau.accept.get(&path).await.is(200).sees("材料齐全，符合受理要求，准予受理。").sees_no("同意发证。");
        // Without script the server inserts, and keeps the rest.
        let form =
            page.form("材料齐全，符合受理要求，准予受理。").set("decision", "accept").set("opinion", "已核对营业执照");
        let page = bureau.accept.send(&form).await.is(200).sees("已填入常用意见");
        assert_eq!(page.value("opinion"), "已核对营业执照\n材料齐全，符合受理要求，准予受理。");
        assert_eq!(page.form("提交意见").get("decision"), "accept");

        let words = "请补充产品铭牌的正面照片";
        let page = bureau.accept.send(&page.form("把当前意见存为常用意见").set("opinion", words)).await.is(200);
        let page = page.sees("已存为常用意见");
        assert_eq!(page.value("opinion"), words);
        let again = bureau.accept.send(&page.form("把当前意见存为常用意见")).await.is(422);
        again.sees("您已有相同的常用意见");
        let none = bureau.accept.send(&page.form("把当前意见存为常用意见").set("opinion", " ")).await.is(422);
        assert_eq!(none.faulty_fields(), ["opinion"]);

        // His own at every post and case; nobody else's.
        let next = story::submitted(&site, &user).await;
        let other = bureau.accept.get(&format!("/casework/{next}")).await.is(200);
        let page = bureau.accept.send(&other.form(words)).await.is(200);
        assert_eq!(page.value("opinion"), words);
        let colleague = site.officer("sh_accept2", SHANGHAI, &[Post::Accept]).await;
        colleague.get(&path).await.is(200).sees_no(words);
        let own = site.number("SELECT id FROM own_phrase").await.to_string();
        for deed in ["insertion", "deletion"] {
            let page = colleague.force(&Method::POST, &format!("{path}/phrases/{deed}"), &[("phrase", &own)]).await;
            // As one that does not exist: what he typed himself stays.
            assert!(page.status == 422 || deed == "deletion", "{}", page.status);
            assert!(!page.text().contains(words));
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM own_phrase").await, 1);
        let page = bureau.accept.send(&page.form_of(&format!("删除常用意见 {words}"))).await.is(200);
        page.sees("已删除常用意见");
        assert_eq!(site.number("SELECT COUNT(*) FROM own_phrase").await, 0);
    }
}

/// Thirty phrases are enough for one officer.
#[tokio::test]
async fn an_officer_keeps_thirty_phrases() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let page = bureau.accept.get(&format!("/casework/{id}")).await;
        for n in 0..30 {
            let form = page.form("把当前意见存为常用意见").set("opinion", &format!("常用意见第 {n} 条"));
            bureau.accept.send_once(&form).await.is(303);
        }
        let form = page.form("把当前意见存为常用意见").set("opinion", "再多一条");
        bureau.accept.send(&form).await.is(422).sees("最多保存 30 条常用意见");
        let elsewhere = site.officer("js_accept", JIANGSU, &[Post::Accept]).await;
        elsewhere.force(&Method::POST, &format!("/casework/{id}/draft"), &[("opinion", "x")]).await.is(404);
    }
}

async fn write_note(officer: &Browser, id: &str, text: &str, files: &[(&str, Vec<u8>)]) -> Page {
    let page = officer.get(&format!("/casework/{id}")).await.is(200);
    let form = page.form("保存备注");
    let fields: Vec<_> = ["csrf", "creation_key", "list"].map(|name| (name, form.get(name))).into();
    let fields = [&fields[..], &[("note", text)]].concat();
    let answer = officer.multipart(&format!("/casework/{id}/notes"), &fields, files).await;
    if answer.status == 303 {
        let next = answer.headers["location"].to_str().unwrap().split('#').next().unwrap().to_owned();
        return officer.get(&next).await;
    }
    answer
}

/// Notes are read by the officers who see the case, and by nobody else.
#[tokio::test]
async fn r_b_13_a_note_is_for_officers_alone() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let words = "已与企业电话核实，样机共三台。";
        let files = [("通话记录.pdf", story::pdf())];
        let page = write_note(&bureau.accept, &id, words, &files).await.is(200);
        let page = page.sees("已保存内部备注").sees(words).sees("通话记录.pdf").sees("受理岗");
        let file = page.link("通话记录.pdf");
        // Later posts read it, at whatever post they work.
        bureau.bring_to(&id, Post::FinalReview).await;
        bureau.last.get(&format!("/casework/{id}")).await.is(200).sees(words);
        bureau.terminate.get(&format!("/casework/{id}/notes")).await.is(200).sees(words);
        let download = bureau.last.get(&file).await.is(200);
        assert_eq!(download.headers["content-disposition"].to_str().unwrap().split(';').next(), Some("attachment"));
        bureau.last.get(&format!("{file}/preview")).await.is(200);

        let elsewhere = site.officer("js_accept", JIANGSU, &[Post::Accept]).await;
        elsewhere.get(&format!("/casework/{id}/notes")).await.is(404);
        elsewhere.get(&file).await.is(404);
        elsewhere.get(&format!("{file}/preview")).await.is(404);
        user.get(&file).await.is(403);
        let paths = ["", "/outcome", "/print", "/attachments"].map(|p| format!("/applications/{id}{p}"));
        for path in paths.into_iter().chain(["/main".to_owned()]) {
            user.get(&path).await.sees_no(words).sees_no("内部备注").sees_no("add_note");
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'add_note'").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM orphaned_object").await, 0);
    }
}

/// All mistakes at once; nothing is kept of a note with a file that is refused.
#[tokio::test]
async fn a_note_is_checked_with_its_files() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let page = write_note(&bureau.accept, &id, " ", &[("工具.exe", b"MZ\x90\0\x03".to_vec())]).await.is(422);
        let page = page.sees("“工具.exe”").sees("只能上传 PDF、图片、Word、Excel 和 ZIP 文件");
        assert_eq!(page.faulty_fields(), ["note", "file"]);
        let long = "长".repeat(1001);
        let page = write_note(&bureau.accept, &id, &long, &[("空.pdf", Vec::new())]).await.is(422);
        assert_eq!((page.faulty_fields(), page.value("note")), (vec!["note".to_owned(), "file".to_owned()], long));
        let six: Vec<_> = ["1", "2", "3", "4", "5", "6"].map(|n| (n, story::pdf())).into();
        write_note(&bureau.accept, &id, "六个附件", &six).await.is(422).sees("一条备注最多 5 个附件");
        let large = vec![b'%'; 5 * 1024 * 1024 + 1];
        write_note(&bureau.accept, &id, "太大", &[("大.pdf", large)]).await.is(422).sees("超过 5M 的限制");
        for table in ["case_note", "case_note_file"] {
            assert_eq!(site.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0);
        }
        // Sent twice, it is one note.
        let form = bureau.accept.get(&format!("/casework/{id}")).await.form("保存备注");
        let fields: Vec<_> = form.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let fields = [&fields[..], &[("note", "只有一条")]].concat();
        let fields: Vec<_> = fields.into_iter().filter(|f| *f != ("note", "")).collect();
        for _ in 0..2 {
            bureau.accept.multipart(&format!("/casework/{id}/notes"), &fields, &[]).await.is(303);
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM case_note").await, 1);
    }
}

/// A note stays; its author may strike it out, with a reason.
#[tokio::test]
async fn a_note_is_struck_out_by_its_author_and_never_deleted() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let page = write_note(&bureau.accept, &id, "写错单据了", &[]).await.is(200);
        let note = site.number("SELECT id FROM case_note").await;
        let reason = format!("reason_{note}");
        let late = page.form("划去").set(&reason, "应写在另一张单据");
        let page = bureau.accept.send(&page.form("划去")).await.is(422);
        assert_eq!(page.faulty_fields(), std::slice::from_ref(&reason));
        let page = bureau.accept.send(&page.form("划去").set(&reason, "应写在另一张单据")).await.is(200);
        let page = page.sees("已划去").sees("写错单据了").sees("应写在另一张单据");
        assert_eq!(page.texts("del"), ["写错单据了"]);
        bureau.accept.send(&late).await.is(409).sees("已经划去");
        let path = format!("/casework/{id}/notes/{note}/striking");
        let fields = [(reason.as_str(), "不是我写的")];
        bureau.terminate.force(&Method::POST, &path, &fields).await.is(403).sees("只有作者");
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'strike_note'").await, 1);
        for sql in ["DELETE FROM case_note", "UPDATE case_note SET text = 'x'", "UPDATE case_note SET struck_at = NULL"]
        {
            assert!(db::testing::try_sql(&site.app.db, sql).await.is_err(), "{sql}");
        }
    }
}

/// Many notes: the case shows the newest, the page of notes turns.
#[tokio::test]
async fn many_notes_are_read_in_pages() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let path = format!("/casework/{id}");
        let few = bureau.accept.get(&path).await.statements;
        for n in 1..=22 {
            write_note(&bureau.accept, &id, &format!("第 {n} 条备注"), &[("依据.pdf", story::pdf())]).await.is(200);
        }
        let page = bureau.accept.get(&path).await.is(200);
        assert_eq!(page.statements, few);
        let page = page.sees("第 22 条备注").sees("第 18 条备注").sees_no("第 17 条备注");
        let list = bureau.accept.get(&page.link("全部备注")).await.is(200).sees("第 22 条备注").sees("第 3 条备注");
        let list = list.sees_no("第 2 条备注");
        let rest = bureau.accept.get(&list.link("更早的备注")).await.is(200).sees("第 2 条备注").sees("第 1 条备注");
        rest.sees_no("第 3 条备注");
    }
}

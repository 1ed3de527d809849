//! What no page of ours sends, and what is sent from pages that somebody kept open for long: refused with a sentence, and
//! nothing of what was typed is lost.

use axum::http::Method;
use domain::actor::Post;

use crate::story::{self, Bureau};
use crate::support::{Browser, SHANGHAI, Site};

/// None of these addresses is a fault of the program for this person.
async fn none_is_a_fault(browser: &Browser, paths: &[&str]) {
    for path in paths {
        let page = browser.once(axum::http::Request::get(*path), axum::body::Body::empty(), path).await;
        assert!(page.status.as_u16() < 500, "{path}: {}", page.status);
    }
}

/// PostgreSQL keeps no text with U+0000: what carries one is looked for, kept and refused like any other.
#[tokio::test]
async fn a_text_with_nul_is_no_fault() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let all = [Post::Statistics, Post::CncaAdmin, Post::ReferenceAdmin, Post::Publish];
        let cnca = site.cnca("cnca_all", &all).await;
        let writer_off = site.officer("sh_write_off", SHANGHAI, &[Post::WriteOff, Post::BureauAdmin]).await;
        let own = ["/applications?number=%00", "/applications?applicant=%00", "/certificates?number=%00"];
        none_is_a_fault(&user, &own).await;
        none_is_a_fault(&bureau.accept, &["/casework?number=a%00", "/casework?clause=%00", "/search?q=%00"]).await;
        let searches =
            ["/write-off/search?holder=%00", "/write-off/search?hs_code=8%00", "/write-off/worklist?number=%00"];
        none_is_a_fault(&writer_off, &searches).await;
        let kept = ["/audit?username=%00", "/audit/export?bureau=%00", "/publishing?title=%00", "/reference/units/%00"];
        none_is_a_fault(&cnca, &kept).await;

        let visitor = site.visitor();
        let entry = visitor.get("/login").await.form("登录");
        let fields = [("kind", "bureau"), ("username", "a\0b"), ("password", "x")];
        let refused = visitor.send(&entry.fill(&fields)).await;
        assert_eq!(refused.status.as_u16(), 422, "{}", refused.text());
        // The list that a case is opened from comes along as text: the decision is done, and the next page is shown.
        let page = bureau.accept.get(&format!("/casework/{id}")).await.is(200);
        let form = page.form("提交意见").fill(&[("decision", "accept"), ("opinion", "同意。")]);
        bureau.accept.send(&form.set("list", "post=accept&number=a%00b")).await.is(200).sees("已提交意见");
    }
}

/// A key that is no key of ours makes nothing, and nobody sees a fault.
#[tokio::test]
async fn an_endless_key_is_refused() {
    let eight_digits = |n: u32| format!("{:08x}", n.wrapping_mul(2_654_435_761));
    let key = (0..3_000).map(eight_digits).collect::<Vec<_>>().concat();
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let copy = format!("/applications/{id}/copy");
        user.force(&Method::POST, &copy, &[("creation_key", &key)]).await.is(400).sees("重新点击“复制为新申请”");
        let admin = site.cnca("cnca_admin", &[Post::CncaAdmin]).await;
        let fields = [("report", "audit_trail"), ("query", ""), ("creation_key", key.as_str())];
        admin.force(&Method::POST, "/exports", &fields).await.is(400).sees("请返回列表页面重新导出");
        let token = bureau.accept.token().await;
        let fields = [("csrf", token.as_str()), ("creation_key", key.as_str()), ("note", "样机三台")];
        bureau.accept.multipart(&format!("/casework/{id}/notes"), &fields, &[]).await.is(303);
    }
}

/// A page that the browser kept is another form when something else is written there; the same words twice are one note.
#[tokio::test]
async fn what_is_written_on_a_page_that_was_sent_before_is_a_note_of_its_own() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let page = bureau.accept.get(&format!("/casework/{id}")).await.is(200);
        let form = page.form("保存备注");
        for words in ["甲方来电", "甲方来电", "乙方来电"] {
            let fields = [("csrf", form.get("csrf")), ("creation_key", form.get("creation_key")), ("note", words)];
            bureau.accept.multipart(&format!("/casework/{id}/notes"), &fields, &[]).await.is(303);
        }
        let notes = bureau.accept.get(&format!("/casework/{id}/notes")).await.is(200);
        notes.sees("甲方来电").sees("乙方来电");
        assert_eq!(site.number("SELECT COUNT(*) FROM case_note").await, 2);
    }
}

/// 接手 wants a reason that can be read in the trail.
#[tokio::test]
async fn a_reason_to_take_over_is_checked() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let page = bureau.accept.get(&format!("/casework/{id}")).await.is(200);
        bureau.accept.send(&page.form("办理")).await.is(200);
        let second = site.officer("sh_second", SHANGHAI, &[Post::Accept]).await;
        let taking = format!("/casework/{id}/taking");
        let long = "长".repeat(201);
        for (reason, why) in [("", "接手须填写理由"), ("x", "2"), (long.as_str(), "200")] {
            let refused = second.force(&Method::POST, &taking, &[("reason", reason)]).await.is(422);
            assert!(refused.error("reason").contains(why), "{reason}: {}", refused.error("reason"));
            assert_eq!(refused.value("reason").trim(), reason);
        }
        let taken = second.force(&Method::POST, &taking, &[("reason", "同事出差")]).await.is(303);
        drop(taken);
        second.get(&format!("/casework/{id}")).await.is(200).sees("同事出差");
    }
}

/// R-B-01: the default filter of a post that was taken away does not stand before the list that is left.
#[tokio::test]
async fn a_default_filter_of_a_lost_post_is_passed_over() {
    for site in Site::each().await {
        let officer = site.officer("sh_two", SHANGHAI, &[Post::FirstReview, Post::FinalReview]).await;
        let list = officer.get("/casework?post=first_review&applicant=%E7%A4%BA%E4%BE%8B").await.is(200);
        let page = officer.get(&list.link("把当前条件存为常用条件")).await.is(200);
        let form = page.form("保存常用条件").set("name", "我的条件").tick("is_default", "on");
        officer.send(&form).await.is(200);
        officer.get("/casework").await.is(200).at("/casework?post=first_review&applicant=%E7%A4%BA%E4%BE%8B");
        // No address holds endless filters.
        let endless = format!("post=first_review&number={}", "1".repeat(3_000));
        let fields = [("query", endless.as_str()), ("name", "过长")];
        officer.force(&Method::POST, "/casework/saved-filters", &fields).await.is(400).sees("筛选条件过长");
        let taken_away = "UPDATE account SET posts = 'final_review' WHERE username = 'sh_two'";
        db::testing::try_sql(&site.app.db, taken_away).await.unwrap();
        officer.get("/casework").await.is(200).sees("终审");
    }
}

/// E37: a file is not for somebody who may not see the list any more.
#[tokio::test]
async fn a_file_of_a_list_that_somebody_may_not_see_any_more_is_not_his() {
    for site in Site::each().await {
        let admin = site.cnca("cnca_admin", &[Post::CncaAdmin, Post::Statistics]).await;
        let key = "0123456789abcdef0123456789abcdef";
        let fields = [("report", "audit_trail"), ("query", ""), ("creation_key", key)];
        admin.force(&Method::POST, "/exports", &fields).await.is(303);
        site.work().await;
        let id = site.number("SELECT id FROM export").await;
        admin.get(&format!("/exports/{id}")).await.is(200);
        let lost = "UPDATE account SET posts = 'statistics' WHERE username = 'cnca_admin'";
        db::testing::try_sql(&site.app.db, lost).await.unwrap();
        admin.get(&format!("/exports/{id}")).await.is(403);
    }
}

/// 提交 of what was withdrawn meanwhile says so, and 提交成功 is not shown of it.
#[tokio::test]
async fn what_was_withdrawn_is_not_said_to_be_submitted() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::submitted(&site, &user).await;
        let (submission, receipt) = (format!("/applications/{id}/submission"), format!("/applications/{id}/receipt"));
        // The second of two clicks.
        let again = user.force(&Method::POST, &submission, &[]).await.is(303);
        assert_eq!(again.headers["location"].to_str().unwrap(), receipt);
        db::testing::try_sql(&site.app.db, &format!("UPDATE application SET state = 'withdrawn' WHERE id = {id}"))
            .await
            .unwrap();
        user.force(&Method::POST, &submission, &[]).await.is(409).sees("已撤回");
        user.get(&receipt).await.is(200).at(&format!("/applications/{id}"));
    }
}

/// R-B-13: a phrase that is gone costs nobody his opinion.
#[tokio::test]
async fn a_phrase_that_is_gone_leaves_the_opinion() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        for phrase in ["no_such_phrase", "999999"] {
            let fields = [("opinion", "写了很久的意见"), ("phrase", phrase)];
            let path = format!("/casework/{id}/phrases/insertion");
            let page = bureau.accept.force(&Method::POST, &path, &fields).await.is(422);
            assert!(page.error("opinion").contains("已停用或删除"));
            assert_eq!(page.value("opinion").trim(), "写了很久的意见");
        }
    }
}

/// Nobody fills the memory with the fields beside a file, signed in or not.
#[tokio::test]
async fn fields_beside_a_file_have_an_end() {
    for site in Site::each().await {
        let long = "x".repeat(100_000);
        let name = "n".repeat(1_000);
        let visitor = site.visitor();
        visitor.multipart("/verification/document", &[("csrf", &long)], &[]).await.is(413).sees("请减少后重新提交");
        let admin = site.cnca("cnca_admin", &[Post::ReferenceAdmin]).await;
        let token = admin.token().await;
        for fields in [[("csrf", long.as_str()), ("x", "")], [("csrf", token.as_str()), ("x", long.as_str())]] {
            admin.multipart("/reference-files/units", &fields, &[]).await.is(413).sees("请减少后重新提交");
        }
        // Names are kept, too.
        let nameless = [&[("csrf", token.as_str())][..], &[(name.as_str(), ""); 100]].concat();
        admin.multipart("/reference-files/units", &nameless, &[]).await.is(413).sees("请减少后重新提交");
    }
}

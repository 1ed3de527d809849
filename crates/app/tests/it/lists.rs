//! 申请列表 and 查看 (manual §2.2, §2.5).

use domain::actor::Post;

use crate::story::{self, Bureau, decide, fill_basics, submit};
use crate::support::{Page, Site};

/// The row of an application.
#[track_caller]
fn row(page: &Page, what: &str) -> String {
    let rows = page.texts("tbody tr");
    rows.iter().find(|r| r.contains(what)).cloned().unwrap_or_else(|| panic!("{what} is not in {rows:?}"))
}

/// R-2.2-02, D27: the six filters, fuzzy, joined by AND; `%` and `_` are letters.
#[tokio::test]
async fn r_2_2_02_the_filters_combine_freely() {
    for site in Site::each().await {
        let user = site.company().await;
        let one = story::complete_draft(&site, &user).await;
        fill_basics(&user, &one, &[("contract_no", "ＨＴ-2026甲"), ("bl_no", "BL_1%")]).await.is(200);
        let two = story::complete_draft(&site, &user).await;
        fill_basics(&user, &two, &[("contract_no", "HT-2027")]).await.is(200);
        for (query, found) in [
            ("contract_no=ht-2026", vec![&one]),
            ("contract_no=%20ht%20", vec![&two, &one]),
            ("contract_no=ht&bl_no=_1%25", vec![&one]),
            ("bl_no=L1", vec![]),
            ("applicant=%E7%A4%BA%E4%BE%8B%E7%94%B5%E5%99%A8", vec![&two, &one]),
            ("applicant=%E5%88%AB%E7%9A%84", vec![]),
            ("state=draft", vec![&two, &one]),
            ("state=issued", vec![]),
            ("number=&contract_no=", vec![&two, &one]),
        ] {
            let page = user.get(&format!("/applications?{query}")).await.is(200);
            let ids = page.texts("tbody .lead-cell");
            assert_eq!(ids.len(), found.len(), "{query}: {ids:?}");
            for (id, text) in found.iter().zip(&ids) {
                assert!(text.contains(&format!("草稿 {id}")), "{query}: {ids:?}");
            }
            if found.is_empty() {
                page.sees("没有符合条件的申请").sees("清除条件");
            }
        }
        // 模糊 by number and 证明号 too.
        user.upload(&one, "contract", &[("合同.pdf", story::pdf())]).await.is(200);
        user.upload(&one, "bill", &[("提单.pdf", story::pdf())]).await.is(200);
        let number = submit(&user, &one).await;
        user.get(&format!("/applications?number={}", &number[2..].to_lowercase())).await.sees(&number);
        user.get("/applications?number=mb31").await.sees(&number);
        user.get("/applications?certificate_no=31").await.sees("没有符合条件的申请");
    }
}

/// R-2.2-02, D27, E10: officers search among all applications; what begins anywhere in a text finds it, and a corrected
/// text is found by its new wording alone.
#[tokio::test]
async fn r_2_2_02_officers_find_any_part_of_a_text() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let cnca = site.cnca("cnca", &[domain::actor::Post::Statistics]).await;
        let id = story::complete_draft(&site, &user).await;
        fill_basics(&user, &id, &[("contract_no", "ＨＴ 2026甲%_终"), ("bl_no", "X")]).await.is(200);
        user.upload(&id, "contract", &[("合同.pdf", story::pdf())]).await.is(200);
        user.upload(&id, "bill", &[("提单.pdf", story::pdf())]).await.is(200);
        let number = submit(&user, &id).await;
        let other = submit(&user, &story::complete_draft(&site, &user).await).await;

        let found = async |who: &crate::support::Browser, query: &str| {
            let page = who.get(&format!("/applications?{query}")).await.is(200);
            let texts = page.texts("tbody tr").concat();
            (texts.contains(&number), texts.contains(&other))
        };
        for who in [&cnca, &bureau.accept] {
            for (n, _) in number.char_indices() {
                let end = &number[n..];
                assert_eq!(found(who, &format!("number={end}")).await, (true, other.contains(end)), "{end}");
                assert!(found(who, &format!("number={}", number[..=n].to_lowercase())).await.0, "{n}");
            }
            for (query, one, two) in [
                ("contract_no=ht2026", true, false),
                ("contract_no=%E7%94%B2%25_", true, false),
                ("contract_no=%E7%94%B2__", false, false),
                ("contract_no=6%E7%94%B2%25&number=MB", true, false),
                ("contract_no=ht&applicant=%E5%88%AB%E7%9A%84", false, false),
                ("bl_no=x", true, false),
                ("applicant=%E7%A4%BA", true, true),
                ("applicant=%E4%BE%8B%E7%94%B5", true, true),
                ("applicant=%E5%88%AB%E7%9A%84", false, false),
                ("state=accepting&applicant=%E7%94%B5%E5%99%A8", true, true),
                ("state=issued&applicant=%E7%94%B5%E5%99%A8", false, false),
                ("certificate_no=31", false, false),
            ] {
                assert_eq!(found(who, query).await, (one, two), "{query}");
            }
        }

        decide(&bureau.accept, &id, &[("decision", "return"), ("part", "basics"), ("opinion", "请核对合同号")])
            .await
            .is(200);
        let correction = user.get(&format!("/applications/{id}/basics")).await.is(200);
        user.send(&correction.form("保存").set("contract_no", "新号 77")).await.is(200);
        for (query, one) in [("contract_no=ht2026", false), ("contract_no=%E5%8F%B777", true)] {
            assert_eq!(found(&cnca, query).await.0, one, "{query}");
        }
    }
}

/// R-2.2-03: total, pages, jump; the filters survive paging.
#[tokio::test]
async fn r_2_2_03_total_pages_and_filters_survive_paging() {
    for site in Site::each().await {
        let user = site.company().await;
        for _ in 0..23 {
            story::open_draft(&user).await;
        }
        let page = user.get("/applications?state=draft&size=10").await.is(200).sees("共 23 条");
        assert_eq!(page.texts("tbody tr").len(), 10);
        let next = page.attribute("a[rel=next], .page-link[href*='page=2']", "href").unwrap();
        assert!(next.contains("state=draft") && next.contains("size=10"), "{next}");
        let last = user.get("/applications?state=draft&size=10&page=3").await.is(200);
        assert_eq!(last.texts("tbody tr").len(), 3);
        assert_eq!(
            user.get("/applications?size=10&page=99").await.texts("tbody tr").len(),
            3,
            "beyond the end is the last page"
        );
        assert_eq!(user.get("/applications?page=abc").await.is(200).texts("tbody tr").len(), 20);
    }
}

/// R-2.2-05: only drafts can be ticked and deleted; all or none.
#[tokio::test]
async fn r_2_2_05_only_drafts_are_deleted() {
    for site in Site::each().await {
        let user = site.company().await;
        let gone = story::complete_draft(&site, &user).await;
        let kept = story::open_draft(&user).await;
        let running = story::submitted(&site, &user).await;
        let page = user.get("/applications").await.is(200);
        assert_eq!(page.texts("tbody input[name=id]").len(), 2, "two drafts");
        user.send(&page.form("删除")).await.is(400).sees("请先在“序号”列勾选");
        let both = page.form("删除").tick("id", &gone).tick("id", &running);
        user.send(&both).await.is(409).sees("本次没有删除任何申请");
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 3);
        user.send(&page.form("删除").tick("id", &gone)).await.is(200).sees("已删除 1 份").sees(&format!("草稿 {kept}"));
        assert_eq!(site.number("SELECT COUNT(*) FROM application").await, 2);
        assert_eq!(
            site.number(&format!("SELECT COUNT(*) FROM application_item WHERE application_id = {gone}")).await,
            0
        );
        assert_eq!(
            site.number(&format!("SELECT COUNT(*) FROM audit WHERE subject_id = {gone} AND action = 'delete'")).await,
            1
        );
    }
}

/// R-2.2-06 to -13, -15, -21: the links of a row follow the state, cases 1 to 9 and 15.
#[tokio::test]
async fn r_2_2_06_the_links_of_a_row_follow_the_state() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let draft = story::complete_draft(&site, &user).await;
        let list = user.get("/applications").await;
        let own = row(&list, &format!("草稿 {draft}"));
        assert!(
            own.contains("未提交") && own.contains("修改") && !own.contains("查看") && !own.contains("打印申请"),
            "{own}"
        );

        let accepting = story::submitted(&site, &user).await;
        let refused = story::submitted(&site, &user).await;
        decide(&bureau.accept, &refused, &[("decision", "refuse"), ("opinion", "不属于免办情形")]).await.is(200);
        let returned = story::submitted(&site, &user).await;
        decide(&bureau.accept, &returned, &[("decision", "return"), ("part", "items"), ("opinion", "请核对规格型号")])
            .await
            .is(200);
        let failed = story::submitted(&site, &user).await;
        bureau.bring_to(&failed, Post::FirstReview).await;
        decide(&bureau.first, &failed, &[("decision", "fail"), ("opinion", "数量超出合理范围")]).await.is(200);
        let paper = story::submitted(&site, &user).await;
        bureau.bring_to(&paper, Post::Compare).await;
        let notice = [
            ("decision", "request_paper"),
            ("address", "受理窗口"),
            ("papers", "担保书原件"),
            ("contact", "窗口 021-00000000"),
            ("deadline", "2026-12-01"),
        ];
        decide(&bureau.compare, &paper, &notice).await.is(200);
        let issued = story::issued(&site, &user, &bureau).await;
        let terminated = story::submitted(&site, &user).await;
        let page = bureau.terminate.get(&format!("/casework/{terminated}")).await;
        let number = user.get(&format!("/applications/{terminated}")).await.texts("dd.code").remove(0);
        let form = page
            .form("强制终止流程")
            .fill(&[("termination_reason", "企业注销，终止办理"), ("confirm_number", &number)]);
        bureau.terminate.send(&form).await.is(200);

        for (id, state, offered, link) in [
            (&accepting, "受理中", vec!["查看", "打印申请", "复制为新申请", "撤回"], None),
            (&returned, "返回修改", vec!["修改", "查看", "打印申请", "复制为新申请"], None),
            (&refused, "拒绝受理", vec!["查看", "打印申请", "复制为新申请"], Some("不属于免办情形")),
            (&failed, "初审未通过", vec!["查看", "打印申请", "复制为新申请"], Some("数量超出合理范围")),
            (&paper, "文件对比中_送纸质材料", vec!["查看", "打印申请", "复制为新申请"], Some("担保书原件")),
            (&issued, "已发证", vec!["查看", "打印申请", "预核销", "查看预核销记录", "复制为新申请"], None),
            (&terminated, "强制终止流程", vec!["查看", "打印申请", "复制为新申请"], Some("企业注销，终止办理")),
        ] {
            let list = user.get("/applications?size=50").await.is(200);
            let own = format!("tbody tr:has(a[href=\"/applications/{id}\"])");
            assert_eq!(list.texts(&format!("{own} .acts-cell a")), offered, "{state}");
            assert!(list.texts(&format!("{own} .st")).contains(&state.to_owned()), "{state}");
            let status_link = list.attribute(&format!("{own} a.st"), "href");
            assert_eq!(status_link.is_some(), link.is_some(), "{state}");
            if let Some(says) = link {
                user.get(&status_link.unwrap()).await.is(200).sees(says).sees("上海");
            }
            user.get(&format!("/applications/{id}")).await.is(200).sees(state);
        }
        let list = user.get("/applications?size=50").await;
        assert_eq!(list.texts("tbody a[aria-label^=\"证明 \"]"), ["证明"]);
        // Case 15: bureau, operator, time.
        user.get(&format!("/applications/{terminated}/outcome"))
            .await
            .sees("检疫局名称")
            .sees("sh_terminate")
            .sees("2026-11-23 09:00");
    }
}

/// R-2.5-02, -03, R-2.5.1-01, R-2.5.3-01, -02: the view, submission information first; a product read-only.
#[tokio::test]
async fn r_2_5_02_the_view_shows_everything_and_changes_nothing() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::submitted(&site, &user).await;
        let page = user.get(&format!("/applications/{id}")).await.is(200);
        assert_eq!(page.texts("main h2").first().map(String::as_str), Some("申请单提交信息"));
        let page = page
            .sees("申请单位信息")
            .sees("申请信息")
            .sees("窗式空调器样机")
            .sees("12.5")
            .sees("材料.pdf")
            .sees("提交申请");
        assert_eq!(page.link("返回申请列表"), "/applications");
        let product = user.get(&page.link("窗式空调器样机")).await.is(200).sees("KC-26/ZW-T1").sees("1,252.50");
        assert!(!product.has_field("product_name"));
        assert_eq!(product.link("返回"), format!("/applications/{id}"));
        user.get(&format!("/applications/{id}?print=1"))
            .await
            .is(200)
            .sees("免于办理强制性产品认证申请单")
            .sees("MB310000");
    }
}

/// R-2.2-22, D5: own applications, and those of the organisation when it shares; a user 待确认 sees only his own.
#[tokio::test]
async fn r_2_2_22_colleagues_see_each_other_only_when_the_organisation_shares() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::submitted(&site, &user).await;
        let colleague = site.enterprise("colleague", "802100433").await;
        colleague.get(&format!("/applications/{id}")).await.is(404);
        db::testing::set_sharing(&site.app.db, "802100433", true).await;
        colleague.get(&format!("/applications/{id}")).await.is(404);
        db::testing::confirm(&site.app.db, "colleague").await;
        colleague.get(&format!("/applications/{id}")).await.is(200);
        let list = colleague.get("/applications").await.is(200).sees("MB310000");
        assert!(!list.offers().contains(&"撤回".to_owned()), "seeing is not doing");
        colleague.force(&axum::http::Method::POST, &format!("/applications/{id}/withdrawal"), &[]).await.is(409);
        db::testing::set_sharing(&site.app.db, "802100433", false).await;
        colleague.get(&format!("/applications/{id}")).await.is(404);
    }
}

/// R-2.3-09: the page says what happens now, which post of which bureau has it, and by when it decides.
#[tokio::test]
async fn r_2_3_09_the_page_says_who_has_it_and_until_when() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let accepting = story::submitted(&site, &user).await;
        let reviewed = story::submitted(&site, &user).await;
        let page =
            async |user: &crate::support::Browser, id: &str| user.get(&format!("/applications/{id}")).await.is(200);
        // The first day of the tests is Monday, 2026-11-23; the weekend after it does not count.
        page(&user, &accepting).await.sees("受理岗尚未开始办理，应在 2026-11-25 前办结（2 个工作日）");
        let case = bureau.accept.get(&format!("/casework/{accepting}")).await;
        bureau.accept.send(&case.form("办理")).await.is(200);
        page(&user, &accepting).await.sees("受理岗已开始办理，应在 2026-11-25 前办结");
        decide(&bureau.accept, &reviewed, &[("decision", "accept"), ("opinion", "")]).await.is(200);
        page(&user, &reviewed).await.sees("初审岗尚未开始办理，应在 2026-11-26 前办结（3 个工作日）");
        decide(&bureau.first, &reviewed, &[("decision", "fail"), ("opinion", "不符合免办条款")]).await.is(200);
        page(&user, &reviewed).await.sees("未获通过").sees_no("个工作日");

        site.clock.pass_hours(72);
        let owner = site.number(&format!("SELECT owner_id FROM application WHERE id = {accepting}")).await;
        let user = site.sit_down(domain::ids::AccountId::new(owner)).await;
        page(&user, &accepting).await.sees("已超过 2 个工作日的办理期限（2026-11-25）");
    }
}

/// 下一页 and 上一页 go on behind the rows of the page: an application that is added meanwhile repeats none and hides none;
/// the number of a page still works.
#[tokio::test]
async fn r_2_2_03_pages_go_on_behind_their_rows() {
    for site in Site::each().await {
        let user = site.company().await;
        for _ in 0..12 {
            story::open_draft(&user).await;
        }
        let rows = |page: &Page| {
            page.hrefs("tbody .acts-cell a").into_iter().filter(|h| h.ends_with("/basics")).collect::<Vec<_>>()
        };
        let first = user.get("/applications?size=10").await.is(200);
        assert_eq!(rows(&first).len(), 10);
        let next = first.link("下一页");
        assert!(next.contains("page=2") && next.contains("size=10"), "{next}");
        story::open_draft(&user).await;
        let second = user.get(&next).await.is(200).sees("第 11-13 条");
        assert_eq!(rows(&second).len(), 2, "the two that are left");
        assert!(rows(&second).iter().all(|r| !rows(&first).contains(r)), "none is repeated");
        let back = user.get(&second.link("上一页")).await.is(200);
        assert_eq!(rows(&back), rows(&first), "none is passed over");
        // By number rows are counted, as ever.
        assert_eq!(rows(&user.get("/applications?page=2&size=10").await.is(200)).len(), 3);
        assert_eq!(rows(&user.get("/applications?page=2&size=10&place=nonsense").await.is(200)).len(), 3);
    }
}

//! The evidence on an officer's page: hints, history, papers beside the form, 文件对比 (R-B-01 to -04, D5).

use domain::actor::Post;

use crate::story::{self, AIR_CONDITIONER, Bureau, add_product, attach, decide, fill_basics, open_draft_of, submit};
use crate::support::{Browser, JIANGSU, Page, SHANGHAI, Site};

/// A submitted application for one product.
async fn filed(site: &Site, user: &Browser, clause: &str, mode: &str, product: &[(&str, &str)]) -> String {
    let id = open_draft_of(user, clause, mode).await;
    fill_basics(user, &id, &[]).await.is(200);
    add_product(user, &id, AIR_CONDITIONER, product).await.is(200);
    attach(site, user, &id, clause).await;
    submit(user, &id).await;
    id
}

/// A product of so many pieces at 100 each.
async fn filed_many(site: &Site, user: &Browser, clause: &str, pieces: u32, model: &str) -> String {
    let (qty, total) = (pieces.to_string(), (pieces * 100).to_string());
    let product =
        [("qty", &*qty), ("hs_qty", &*qty), ("unit_price", "100"), ("total_price", &*total), ("model", model)];
    filed(site, user, clause, "0110", &product).await
}

/// The hints, each with its level in front.
fn hints(page: &Page) -> Vec<String> {
    page.texts(".hints li").iter().map(|t| t.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test]
async fn r_b_02_the_same_model_again_and_an_earlier_refusal_are_hinted_at() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let first = story::submitted(&site, &user).await;
        let page = bureau.accept.get(&format!("/casework/{first}")).await.is(200).sees("没有需要注意的情况");
        assert_eq!(hints(&page), Vec::<String>::new());

        // Written otherwise, it is the same model; of another company it is none of this one's affair.
        let second = filed(&site, &user, "1", "0110", &[("model", "kc-26／zw-t1 ")]).await;
        let other = site.enterprise("other", "100000017").await;
        let third = story::submitted(&site, &other).await;
        let page = bureau.accept.get(&format!("/casework/{second}")).await.is(200);
        let found = hints(&page);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("注意 同一单位在近 365 天内已按同一免办条款（科研测试）"), "{found:?}");
        assert!(page.hrefs(".hints a").contains(&format!("/casework/{first}")));
        assert_eq!(hints(&bureau.accept.get(&format!("/casework/{third}")).await.is(200)), Vec::<String>::new());

        // Refused, it weighs more and no longer counts as a repetition.
        decide(&bureau.accept, &first, &[("decision", "refuse"), ("opinion", "材料不真实。")]).await.is(200);
        let found = hints(&bureau.accept.get(&format!("/casework/{second}")).await.is(200));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("重要 同一单位、相同型号有 1 份申请未获批准"), "{found:?}");
        assert!(found[0].contains("拒绝受理"), "{found:?}");
        // A case that no post has any more needs no hints.
        bureau.accept.get(&format!("/casework/{first}")).await.is(200).sees_no("风险提示");
    }
}

#[tokio::test]
async fn r_b_01_clause_and_mode_at_odds_and_fewer_papers_than_numbers_are_hinted_at() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = open_draft_of(&user, "7", "0214").await;
        fill_basics(&user, &id, &[("contract_no", "HT-1、HT-2")]).await.is(200);
        add_product(&user, &id, AIR_CONDITIONER, &[]).await.is(200);
        attach(&site, &user, &id, "7").await;
        user.upload(&id, "contract", &[("合同.pdf", story::pdf())]).await.is(200);
        submit(&user, &id).await;
        let found = hints(&bureau.accept.get(&format!("/casework/{id}")).await.is(200));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("合同号填写了 2 个，合同只上传了 1 个文件"), "{found:?}");
        assert!(found[1].contains("来料加工（0214）") && found[1].contains("一般贸易（0110）"), "{found:?}");
    }
}

#[tokio::test]
async fn r_b_02_a_quantity_far_above_what_is_usual_is_hinted_at_with_the_numbers() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        for (n, pieces) in [1, 2, 3, 4, 500].into_iter().enumerate() {
            let other = site.enterprise(&format!("other{n}"), "100000017").await;
            filed_many(&site, &other, "3", pieces, &format!("M-{n}")).await;
        }
        let usual = filed_many(&site, &user, "3", 14, "X-1").await;
        let found = hints(&bureau.accept.get(&format!("/casework/{usual}")).await.is(200));
        assert_eq!(found, Vec::<String>::new());
        let many = filed_many(&site, &user, "3", 60, "X-2").await;
        let found = hints(&bureau.accept.get(&format!("/casework/{many}")).await.is(200));
        // 1, 2, 3, 4, 14, 500: the lower middle is 3.
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("重要 HS 编码 8415101000 的产品本次合计 60 台"), "{found:?}");
        assert!(found[0].contains("近 6 份申请") && found[0].contains("约为其 20 倍"), "{found:?}");
        // Under another clause nothing is usual yet.
        let fresh = filed_many(&site, &user, "4", 900, "X-3").await;
        assert_eq!(hints(&bureau.accept.get(&format!("/casework/{fresh}")).await.is(200)), Vec::<String>::new());
    }
}

#[tokio::test]
async fn r_b_02_an_overdue_certificate_of_the_same_company_is_hinted_at() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        story::issued(&site, &user, &bureau).await;
        site.clock.pass_hours(24 * 62);
        let user = site.sit_down(site.account("shili_a").await).await;
        let accept = site.sit_down(site.account("sh_accept").await).await;
        let id = filed(&site, &user, "3", "0110", &[("model", "X-9")]).await;
        let page = accept.get(&format!("/casework/{id}")).await.is(200);
        let found = hints(&page);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("有 1 份证明逾期") && found[0].contains("未核销，逾期 2 天"), "{found:?}");
        let href = page.hrefs(".hints a").remove(0);
        accept.get(&href).await.is(200);
    }
}

/// D5: the history is that of the reader's bureau.
#[tokio::test]
async fn d5_the_history_shows_what_the_bureau_may_see_and_nothing_else() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let first = story::submitted(&site, &user).await;
        let second = filed(&site, &user, "3", "0110", &[("model", "X-1"), ("product_name", "另一产品")]).await;
        // The same product and model, for Jiangsu.
        let far = story::complete_draft(&site, &user).await;
        let nanjing =
            [("use_region_code_1", "320000"), ("use_region_code_2", "320100"), ("use_region_code_3", "320102")];
        fill_basics(&user, &far, &nanjing).await.is(200);
        submit(&user, &far).await;
        let third = story::submitted(&site, &user).await;
        let draft = story::complete_draft(&site, &user).await;

        let page = bureau.accept.get(&format!("/casework/{third}")).await.is(200);
        let summaries = page.texts("#history summary");
        let summaries: Vec<_> = summaries.iter().map(|s| s.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(summaries, ["同型号 1 份", "同产品 1 份", "同单位 2 份"]);
        let links = page.hrefs("#history td a");
        for (id, times) in [(&first, 3), (&second, 1), (&far, 0), (&draft, 0), (&third, 0)] {
            assert_eq!(links.iter().filter(|l| **l == format!("/casework/{id}")).count(), times, "{id} in {links:?}");
        }
        let all = page.link("查看全部 2 份同单位申请");
        let list = bureau.accept.get(&all).await.is(200).sees("只包括本局可以查看的申请").sees("没有更早的申请");
        assert_eq!(list.hrefs("#result td a").len(), 2);
        let none = bureau.accept.get(&format!("/casework/{second}/history?of=model")).await.is(200);
        none.sees("没有查到其他同型号申请");

        let jiangsu = site.officer("js_accept", JIANGSU, &[Post::Accept]).await;
        jiangsu.get(&format!("/casework/{third}/history?of=applicant")).await.is(404);
        let page = jiangsu.get(&format!("/casework/{far}")).await.is(200);
        assert_eq!(page.hrefs("#history td a"), Vec::<String>::new());
        page.sees("没有查到其他同单位申请");
    }
}

#[tokio::test]
async fn the_history_is_turned_page_by_page() {
    for site in Site::each().await {
        let user = site.company().await;
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        let mut ids = Vec::new();
        for _ in 0..23 {
            ids.push(story::submitted(&site, &user).await);
        }
        let id = ids.pop().unwrap();
        let page = officer.get(&format!("/casework/{id}?list=post%3Daccept")).await.is(200);
        assert_eq!(page.hrefs("#history td a").len(), 15);
        let list = officer.get(&page.link("查看全部 22 份同型号申请")).await.is(200).sees("共 22 份");
        let first = list.hrefs("#result td a");
        let next = list.link("更早的申请");
        let rest = officer.get(&next).await.is(200).sees("没有更早的申请");
        let mut shown: Vec<_> = first.into_iter().chain(rest.hrefs("#result td a")).collect();
        shown.reverse();
        assert_eq!(shown, ids.iter().map(|i| format!("/casework/{i}")).collect::<Vec<_>>());
        // What was carried along leads back to the list.
        assert!(rest.link("返回单据").contains("list=post%3Daccept"), "{}", rest.link("返回单据"));
        assert_eq!(officer.get(&rest.link("最近的申请")).await.is(200).hrefs("#result td a").len(), 20);
    }
}

/// A picture of one dot.
fn picture() -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(1, 1).write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

#[tokio::test]
async fn r_b_01_papers_open_beside_the_form_without_script() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::complete_draft(&site, &user).await;
        user.upload(&id, "technical", &[("照片.png", picture())]).await.is(200);
        user.upload(&id, "other", &[("说明.txt", b"abc".to_vec())]).await.is(200);
        submit(&user, &id).await;
        let page = bureau.accept.get(&format!("/casework/{id}?list=post%3Daccept")).await.is(200);
        assert_eq!(page.texts(".paper"), Vec::<String>::new());
        let links = page.hrefs("#part-attachments td a[hx-get]");
        assert_eq!(links.len(), 6, "{links:?}");

        // The first is a PDF: it is shown by our own address, which may be framed by our own pages.
        let first = bureau.accept.get(&links[0]).await.is(200).sees("1 / 6").sees_no("上一份");
        let src = first.attribute(".paper iframe", "src").unwrap();
        let framed = bureau.accept.get(src.split('#').next().unwrap()).await.is(200);
        assert!(framed.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'self'"));
        assert_eq!(framed.headers["content-type"], "application/pdf");
        let policy = first.headers["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("frame-src 'self'") && !policy.contains("object-src"), "{policy}");

        // From paper to paper, the list is kept.
        let mut page = first;
        let mut seen = vec![page.attribute(".paper iframe, .paper img", "src")];
        for n in 2..=6 {
            page = bureau.accept.get(&page.link("下一份")).await.is(200).sees(&format!("{n} / 6"));
            seen.push(page.attribute(".paper iframe, .paper img", "src"));
        }
        page.sees_no("下一份").sees("不能在浏览器中查看");
        assert_eq!(seen.iter().flatten().count(), 5);

        // A picture is turned and enlarged.
        let photo = bureau.accept.get(&links[4]).await.is(200);
        assert!(photo.texts(".paper figcaption")[0].contains("照片.png"));
        let larger = bureau.accept.get(&photo.link("100%")).await.is(200);
        let turned = bureau.accept.get(&larger.link("向右旋转")).await.is(200);
        assert_eq!(turned.attribute(".paper-view", "class").unwrap(), "paper-view zoom-full turn-1");
        assert!(turned.link("返回").starts_with(&format!("/casework/{id}?list=post%3Daccept")));
        assert_eq!(turned.value("list"), "post=accept");
        // A file of another application is not there.
        let other = story::submitted(&site, &user).await;
        let foreign = links[0].replace(&format!("/casework/{id}"), &format!("/casework/{other}"));
        assert_eq!(bureau.accept.get(&foreign).await.is(200).texts(".paper"), Vec::<String>::new());
    }
}

/// The documents of the page of 文件对比.
fn documents(page: &Page) -> Vec<String> {
    let names = page.form("保存").fields.into_iter().map(|(name, _)| name);
    names.filter_map(|n| n.strip_prefix("result.").map(str::to_owned)).collect()
}

#[tokio::test]
async fn r_b_04_each_document_is_compared_and_the_result_is_kept_until_the_decision() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let address = format!("/casework/{id}/comparison");
        bureau.accept.get(&address).await.is(200).sees("文件对比结果不能再修改");
        bureau.bring_to(&id, Post::Compare).await;
        bureau.first.get(&address).await.is(200).sees("填写需要本局文件对比岗的权限");
        bureau.compare.get(&format!("/casework/{id}")).await.is(200).sees("尚未填写");

        let page = bureau.compare.get(&address).await.is(200);
        let all = documents(&page);
        assert_eq!(all.len(), 4, "{all:?}");
        let result = |n: usize| format!("result.{}", all[n]);
        let remark = |n: usize| format!("remark.{}", all[n]);

        // What differs has to be said; what was typed is kept.
        let form = page.form("保存").set(&result(0), "match").set(&result(1), "differs").set(&result(2), "absent");
        let again = bureau.compare.send(&form).await.is(422);
        assert_eq!(again.faulty_fields(), [remark(1)]);
        assert!(again.error(&remark(1)).contains("请说明不一致之处"));
        assert_eq!(again.value(&result(2)), "absent");
        let saved = bureau.compare.send(&again.form("保存").set(&remark(1), "印章与企业名称不符")).await.is(200);
        saved.sees("已保存文件对比结果：一致 1 份，不一致 1 份，未送 1 份。").sees("sh_compare 某");
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'compare_papers'").await, 1);

        // Sent once more, it is no second deed; an older page is told.
        bureau.compare.send(&again.form("保存").set(&remark(1), "印章与企业名称不符")).await.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'compare_papers'").await, 1);
        let stale = page.form("保存").set(&result(3), "match");
        bureau.compare.send(&stale).await.is(409).sees("对比结果已有变化").sees("没有保存");
        assert_eq!(site.number("SELECT COUNT(*) FROM paper_comparison WHERE result IS NULL").await, 1);

        // It is his case now; a colleague is told whose.
        let colleague = site.officer("sh_compare2", SHANGHAI, &[Post::Compare]).await;
        colleague.get(&address).await.is(200).sees("由 sh_compare 某 办理").sees_no("保存并返回单据");
        let fields = [("list", ""), ("stamp", "")];
        colleague.force(&axum::http::Method::POST, &address, &fields).await.is(409);

        // 通过 in spite of what differs needs an opinion; the timeline says what was found, to both sides.
        let case = bureau.compare.get(&format!("/casework/{id}")).await.is(200).sees("印章与企业名称不符");
        let form = case.form("提交意见").set("decision", "pass").set("opinion", "");
        let refused = bureau.compare.send(&form).await.is(422);
        assert!(refused.error("opinion").contains("有不一致的材料"));
        bureau.compare.send(&refused.form("提交意见").set("opinion", "企业已更名，证明材料齐全。")).await.is(200);
        let told = "对比结果： 一致 1 份，不一致 1 份，未送 1 份；";
        user.get(&format!("/applications/{id}")).await.is(200).sees(told).sees_no("填写文件对比结果");
        bureau.compare.get(&format!("/casework/{id}")).await.sees(told).sees("填写文件对比结果");
        bureau.compare.get(&address).await.is(200).sees("不能再修改").sees("印章与企业名称不符");
    }
}

#[tokio::test]
async fn r_b_13_what_differs_is_in_the_reason_that_the_company_reads() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Compare).await;
        let page = bureau.compare.get(&format!("/casework/{id}/comparison")).await.is(200);
        let all = documents(&page);
        let form = page.form("保存并返回单据").set(&format!("result.{}", all[0]), "differs");
        let form = form.set(&format!("remark.{}", all[0]), "有效期已过").set(&format!("result.{}", all[3]), "absent");
        let case = bureau.compare.send(&form).await.is(200).at(&format!("/casework/{id}"));
        let form = case.form("提交意见").set("decision", "fail").set("opinion", "材料不符合要求。");
        bureau.compare.send(&form).await.is(200);
        let reason = user.get(&format!("/applications/{id}/outcome")).await.is(200);
        reason.sees("材料不符合要求。").sees("营业执照（材料.pdf）：不一致，有效期已过").sees("：未送");
        site.work().await;
        let letters = site.mail.letters();
        assert!(letters.iter().any(|l| format!("{l:?}").contains("有效期已过")), "{letters:?}");
    }
}

#[tokio::test]
async fn r_b_04_the_arrival_of_papers_says_which_when_and_by_whom() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Compare).await;
        let notice = [
            ("decision", "request_paper"),
            ("address", "示例路 1 号"),
            ("papers", "营业执照、合同原件"),
            ("contact", "021-00000000"),
            ("deadline", "2099-01-01"),
        ];
        decide(&bureau.compare, &id, &notice).await.is(200);
        user.get(&format!("/applications/{id}/outcome")).await.is(200).sees("营业执照、合同原件").sees("2099-01-01");
        let case = bureau.compare.get(&format!("/casework/{id}")).await.is(200).sees("收到的纸质材料");
        let form = case.form("提交意见").set("decision", "paper_arrived");
        let refused = bureau.compare.send(&form.clone().set("arrived_on", "2099-01-01")).await.is(422);
        assert_eq!(refused.faulty_fields(), ["arrived", "arrived_on"]);
        let documents = documents(&bureau.compare.get(&format!("/casework/{id}/comparison")).await.is(200));
        let form = refused.form("提交意见").tick("arrived", &documents[0]).tick("arrived", &documents[2]);
        bureau.compare.send(&form.set("arrived_on", &site.today().to_string())).await.is(200);
        assert_eq!(site.number("SELECT COUNT(*) FROM paper_comparison WHERE arrived_on IS NOT NULL").await, 2);
        let page = bureau.compare.get(&format!("/casework/{id}/comparison")).await.is(200);
        page.sees(&format!("{}，sh_compare 某登记", site.today()));
        let told = user.get(&format!("/applications/{id}")).await.is(200);
        told.sees("收到的材料： 营业执照（材料.pdf）、").sees("收到日期：");
        // Asked for once more, what came before is said.
        decide(&bureau.compare, &id, &notice).await.is(200);
        bureau.compare.get(&format!("/casework/{id}")).await.is(200).sees("已收到");
    }
}

#[tokio::test]
async fn r_b_04_a_scan_of_the_paper_lies_beside_the_upload() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Compare).await;
        let address = format!("/casework/{id}/comparison");
        let page = bureau.compare.get(&address).await.is(200);
        let document = documents(&page).remove(0);
        let form = page.form("上传扫描件").set("document", &document);
        let fields: Vec<_> = form.fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let to = form.action.clone();
        // A text is no scan; the picture beside it is taken.
        let files = [("原件.png", picture()), ("说明.txt", b"abc".to_vec())];
        let answer = bureau.compare.multipart(&to, &fields, &files).await.is(422);
        answer.sees("“说明.txt”：扫描件须为图片").sees("原件.png");
        assert_eq!(site.number("SELECT COUNT(*) FROM paper_scan").await, 1);
        let unknown: Vec<_> = fields.iter().map(|(k, v)| (*k, if *k == "document" { "file-0" } else { *v })).collect();
        bureau.compare.multipart(&to, &unknown, &files[..1]).await.is(422).sees("请选择扫描件对应的材料");
        assert_eq!(site.number("SELECT COUNT(*) FROM paper_scan").await, 1);
        let stranger = site.officer("sh_first2", SHANGHAI, &[Post::FirstReview]).await;
        let token = stranger.token().await;
        stranger.multipart(&to, &[("csrf", &token), ("document", &document)], &files[..1]).await.is(403);

        // Both lie beside each other, each by its own address.
        let page = bureau.compare.get(&address).await.is(200).sees("扫描件 1 个");
        let both = bureau.compare.get(&page.hrefs("#part-attachments td a[hx-get]")[0]).await.is(200);
        assert_eq!(both.texts(".paper-sheet strong"), ["企业上传", "纸质原件"]);
        let src = both.attribute(".paper-sheet img", "src").unwrap();
        let scan = bureau.first.get(&src).await.is(200);
        assert_eq!(scan.headers["content-type"], "image/png");
        user.get(&src).await.is(403);
        let elsewhere = site.officer("js_compare", JIANGSU, &[Post::Compare]).await;
        elsewhere.get(&src).await.is(404);
        let other = story::submitted(&site, &user).await;
        bureau.compare.get(&src.replace(&format!("/{id}/"), &format!("/{other}/"))).await.is(404);

        // Deleted, the file goes with the sweep; after the decision nothing is.
        let page = bureau.compare.send(&page.form_of("删除扫描件 原件.png")).await.is(200).sees("已删除扫描件");
        assert_eq!(site.number("SELECT COUNT(*) FROM paper_scan").await, 0);
        page.sees("没有扫描件");
        bureau.compare.multipart(&to, &fields, &files[..1]).await.is(303);
        decide(&bureau.compare, &id, &[("decision", "pass")]).await.is(200);
        bureau.compare.multipart(&to, &fields, &files[..1]).await.is(409).sees("您本人已于");
        bureau.compare.get(&address).await.is(200).sees("原件.png").sees_no("删除");
    }
}

//! 核对申请信息, 提交申请 (manual §2.1.3; workflow §4).

use axum::http::Method;
use db::reference::add_delegation;
use domain::actor::Post;
use domain::ids::{BureauCode, ClauseCode, DelegationId};
use domain::routing::{Delegation, Step};

use crate::story::{self, AIR_CONDITIONER, add_product, attach, fill_basics, open_draft, pdf, submit};
use crate::support::{JIANGSU, SHANGHAI, Site};

/// R-2.1.3-16: every fault with a link to the place that mends it; nothing is submitted.
#[tokio::test]
async fn r_2_1_3_16_every_fault_is_listed_with_its_place() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let page = user.get(&format!("/applications/{id}/submission")).await.is(200).sees("核对申请信息");
        let page = user.send(&page.form("提交申请")).await.is(422).sees("完善后才能提交");
        let faults = page.texts(".error-summary li");
        for part in
            ["请填写产品最终使用地（地址）", "请填写用途及免办理由", "请至少添加一个免办产品", "请上传责任担保书"]
        {
            assert!(faults.iter().any(|f| f.contains(part)), "{part} in {faults:?}");
        }
        let link = page.attribute(".error-summary a", "href").unwrap();
        assert_eq!(link, format!("/applications/{id}/basics#f-use_address"));
        let target = user.get(&link).await.is(200);
        assert!(target.attribute("#f-use_address", "name").is_some(), "the link leads to the field");
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE state = 'draft'").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM number_series").await, 0);
    }
}

/// R-2.1.3-05 to -07: a number asks for its file; a number left empty does not.
#[tokio::test]
async fn r_2_1_3_05_a_number_asks_for_its_file() {
    for site in Site::each().await {
        let user = site.company().await;
        for (field, kind, sentence) in [
            ("contract_no", "contract", "已填写合同号，请上传合同"),
            ("invoice_no", "invoice", "已填写发票号，请上传发票"),
            ("bl_no", "bill", "已填写提/运单号，请上传提/运单"),
        ] {
            let id = story::complete_draft(&site, &user).await;
            fill_basics(&user, &id, &[(field, "NO-1")]).await.is(200);
            let page = user.get(&format!("/applications/{id}/submission")).await.is(200);
            let page = user.send(&page.form("提交申请")).await.is(422);
            let faults = page.texts(".error-summary li");
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].contains(sentence), "{faults:?}");
            user.upload(&id, kind, &[("文件.pdf", pdf())]).await.is(200);
            submit(&user, &id).await;
        }
    }
}

/// R-2.1.3-17 to -19: number, bureau, 受理岗, list.
#[tokio::test]
async fn r_2_1_3_18_a_submitted_application_has_its_number_and_its_bureau() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        user.get(&format!("/applications/{id}/submission")).await.sees("上海");
        let number = submit(&user, &id).await;
        assert_eq!(number, "MB3100002026112300001");
        user.get(&format!("/applications/{id}/receipt")).await.is(200).sees("提交成功").sees("上海").sees("未登记");
        let list = user.get("/applications").await.sees(&number).sees("受理中");
        assert!(!list.offers().contains(&"修改".to_owned()));
        let officer = site.officer("sh", SHANGHAI, &[Post::Accept]).await;
        officer.get("/casework?post=accept").await.is(200).sees(&number);
        let next = story::complete_draft(&site, &user).await;
        assert_eq!(submit(&user, &next).await, "MB3100002026112300002");
        site.work().await;
        let letters = site.mail.letters();
        assert_eq!(letters.len(), 2);
        assert!(letters[0].subject.contains(&number) && letters[0].subject.contains("受理中"));
    }
}

/// A double click on 提交申请 submits once; both answers are the receipt.
#[tokio::test]
async fn a_double_submit_makes_one_application() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let form = user.get(&format!("/applications/{id}/submission")).await.form("提交申请");
        let (one, two) = tokio::join!(user.send(&form), user.send(&form));
        assert_eq!(one.is(200).sees("提交成功").texts("strong.code"), two.is(200).texts("strong.code"));
        assert_eq!(site.number("SELECT COUNT(*) FROM application WHERE number IS NOT NULL").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action = 'submit'").await, 1);
        assert_eq!(site.number("SELECT last FROM number_series").await, 1);
    }
}

/// The region decides, then the delegation rules of its bureau; the route is frozen (R-2.1.3-02, -17; R-C-03).
#[tokio::test]
async fn r_2_1_3_17_the_route_follows_region_and_delegation_and_is_frozen() {
    for site in Site::each().await {
        let references = site.app.references.now();
        let branch = references.bureaus.iter().find(|b| b.parent.as_str() == JIANGSU).unwrap().code.clone();
        let tx = site.app.db.begin().await.unwrap();
        let rule = Delegation {
            id: DelegationId::new(0),
            target: branch.clone(),
            region_prefix: Some("3205".to_owned()),
            clause: Some(ClauseCode::new("1")),
            hs_prefix: None,
            trade_mode: None,
            steps: vec![Step::Accept, Step::FirstReview],
            priority: 0,
        };
        add_delegation(&tx, &BureauCode::new(JIANGSU), &rule, site.today(), site.app.now()).await.unwrap();
        tx.commit().await.unwrap();

        let user = site.company().await;
        let id = open_draft(&user).await;
        let suzhou =
            [("use_region_code_1", "320000"), ("use_region_code_2", "320500"), ("use_region_code_3", "320505")];
        fill_basics(&user, &id, &suzhou).await.is(200);
        add_product(&user, &id, AIR_CONDITIONER, &[]).await.is(200);
        attach(&site, &user, &id, "1").await;
        let number = submit(&user, &id).await;
        assert!(number.starts_with("MB320000"), "{number}: numbered by the direct bureau");
        let short = references.bureau(&branch).unwrap().name.clone();
        user.get(&format!("/applications/{id}/receipt")).await.sees(&short);

        let here = site.officer("branch", branch.as_str(), &[Post::Accept, Post::FinalReview]).await;
        let direct = site.officer("direct", JIANGSU, &[Post::Accept, Post::FirstReview, Post::FinalReview]).await;
        here.get("/casework?post=accept").await.is(200).sees(&number);
        direct.get("/casework?post=accept").await.is(200).sees_no(&number);
        // Later rules move nothing.
        let tx = site.app.db.begin().await.unwrap();
        let all = Delegation { target: BureauCode::new(JIANGSU), region_prefix: Some("320505".to_owned()), ..rule };
        add_delegation(&tx, &BureauCode::new(JIANGSU), &all, site.today(), site.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        story::decide(&here, &id, &[("decision", "accept")]).await.is(200);
        let first = site.officer("branch_first", branch.as_str(), &[Post::FirstReview]).await;
        story::decide(&first, &id, &[("decision", "pass")]).await.is(200);
        // 终审 was not delegated: it is the direct bureau's.
        here.get("/casework?post=final_review").await.is(200).sees_no(&number);
        direct.get("/casework?post=final_review").await.is(200).sees(&number);
    }
}

/// A region without a bureau is a fault, not a lost application.
#[tokio::test]
async fn a_region_without_a_bureau_cannot_be_submitted() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::complete_draft(&site, &user).await;
        let taiwan = [("use_region_code_1", "710000"), ("use_region_code_2", ""), ("use_region_code_3", "")];
        let page = fill_basics(&user, &id, &taiwan).await;
        if page.status == 422 {
            // Not a leaf in the reference data: then the form itself refuses it.
            assert_eq!(page.faulty_fields(), ["use_region_code"]);
            continue;
        }
        let page = user.get(&format!("/applications/{id}/submission")).await;
        user.send(&page.form("提交申请")).await.is(422).sees("没有对应的受理检验检疫局");
    }
}

/// A withdrawn HS type, a characteristic that was added: the product must be mended first; what was submitted stays.
#[tokio::test]
async fn a_product_whose_type_ended_is_a_fault() {
    for site in Site::each().await {
        let user = site.company().await;
        let before = story::submitted(&site, &user).await;
        let id = story::complete_draft(&site, &user).await;
        db::testing::end_hs_type(&site.app.db, AIR_CONDITIONER, site.today().plus_days(-1)).await;
        let read = site.app.db.read();
        site.app.references.replace(db::reference::load(&read).await.unwrap());
        let page = user.get(&format!("/applications/{id}/submission")).await;
        let page = user.send(&page.form("提交申请")).await.is(422).sees("已停用，请重新选择产品类型");
        let link = page.attribute(".error-summary a", "href").unwrap();
        user.get(&link).await.is(200).sees("重新选择");
        user.get(&format!("/applications/{before}")).await.is(200).sees(AIR_CONDITIONER);
    }
}

/// 撤回 while no officer has taken it; afterwards no more (D24).
#[tokio::test]
async fn d_24_an_untaken_application_is_withdrawn() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::submitted(&site, &user).await;
        let page = user.get(&format!("/applications/{id}")).await.is(200);
        let form = page.form("撤回");
        let taken = story::submitted(&site, &user).await;
        let officer = site.officer("sh", SHANGHAI, &[Post::Accept]).await;
        let case = officer.get(&format!("/casework/{taken}")).await;
        officer.send(&case.form("办理")).await.is(200).sees("由我办理");

        user.send(&form).await.is(200).sees("已撤回");
        officer.get("/casework?post=accept").await.sees_no("00001");
        user.get("/applications").await.sees("已撤回");
        user.get(&format!("/applications/{taken}")).await.is(200).sees_no("撤回申请");
        user.force(&Method::POST, &format!("/applications/{taken}/withdrawal"), &[]).await.is(409).sees("不能撤回");
    }
}

/// The receipt and the check page of a draft lead to each other, never to an empty page.
#[tokio::test]
async fn a_receipt_without_submission_leads_to_the_check() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        user.get(&format!("/applications/{id}/receipt")).await.is(200).at(&format!("/applications/{id}/submission"));
    }
}

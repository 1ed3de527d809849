//! 附件: upload, limits, open, delete (manual §2.1.3; forms §2.8).

use axum::http::Method;
use domain::actor::Post;
use object_store::ObjectStore as _;

use crate::story::{self, fill_basics, open_draft, pdf};
use crate::support::{SHANGHAI, Site};

const LIMIT: usize = 5 * 1024 * 1024;

/// R-2.1.3-04, -08, -09, -11, -12: own upload per kind, several files at once, names in 已上传名称, the advice.
#[tokio::test]
async fn r_2_1_3_09_several_files_at_once_stand_under_their_kind() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        fill_basics(&user, &id, &[("contract_no", "HT-1")]).await.is(200);
        let page =
            user.get(&format!("/applications/{id}/attachments")).await.is(200).sees("800*600").sees("已上传名称");
        let kinds = page.texts("section.card h2");
        for kind in ["合同", "发票", "提/运单"] {
            assert!(kinds.contains(&kind.to_owned()), "{kinds:?}");
        }
        let files = [("合同正本.pdf", pdf()), ("合同 补充.docx", vec![1; 10]), ("任意.xyz", vec![2; 10])];
        let page = user.upload(&id, "contract", &files).await.is(200).sees("已上传 3 个附件");
        assert_eq!(page.texts("#l-contract .nm > a:first-of-type"), ["合同正本.pdf", "合同 补充.docx", "任意.xyz"]);
        assert!(page.texts("#l-invoice li").is_empty());
        assert_eq!(page.texts("#b-contract"), ["已上传 3"]);
    }
}

/// R-2.1.3-10, D9: 5 MiB is accepted, one byte more and an empty file are refused; the others still go.
#[tokio::test]
async fn r_2_1_3_10_a_file_over_5_m_is_refused_and_the_others_still_go() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let files = [
            ("刚好.bin", vec![7; LIMIT]),
            ("过大.bin", vec![7; LIMIT + 1]),
            ("空.txt", Vec::new()),
            ("最后.txt", b"x".to_vec()),
        ];
        let page = user.upload(&id, "other", &files).await.is(422).sees("有 2 个文件没有上传");
        assert!(page.text().contains("“过大.bin”") && page.text().contains("“空.txt”"));
        assert_eq!(page.texts("#l-other .nm > a:first-of-type"), ["刚好.bin", "最后.txt"]);
        let kept: Vec<_> = futures_util::TryStreamExt::try_collect(site.app.files.list(None)).await.unwrap();
        let _: &Vec<object_store::ObjectMeta> = &kept;
        assert_eq!(kept.len(), 2, "nothing of a refused file stays in the store");
        assert_eq!(site.number("SELECT COUNT(*) FROM attachment WHERE size_bytes = 5242880").await, 1);
    }
}

/// 100 M in all per application (D9).
#[tokio::test]
async fn an_application_takes_a_hundred_megabytes_in_all() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        user.upload(&id, "other", &[("一.bin", vec![1; LIMIT])]).await.is(200);
        let tx = site.app.db.begin().await.unwrap();
        db::testing::pretend_size(&tx, 100 * 1024 * 1024 - 10).await;
        tx.commit().await.unwrap();
        user.upload(&id, "other", &[("十.bin", vec![1; 10])]).await.is(200).sees("已上传 1 个附件");
        user.upload(&id, "other", &[("再一.bin", vec![1; 1])]).await.is(422).sees("合计不能超过 100M");
    }
}

/// R-2.1.3-13, E23: a name opens the file as a download; pictures and PDF can be looked at, under a policy of their own.
#[tokio::test]
async fn r_2_1_3_13_files_are_served_and_never_trusted() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let evil = b"<html><script>alert(1)</script></html>".to_vec();
        let fake = [b"\x89PNG\r\n\x1a\n".to_vec(), evil.clone()].concat();
        let files = [("坏的.html", evil.clone()), ("好的.pdf", pdf()), ("假的.png", fake), ("真的.png", png())];
        user.upload(&id, "other", &files).await.is(200);
        let page = user.get(&format!("/applications/{id}/attachments")).await;
        let download = user.get(&page.link("坏的.html")).await.is(200);
        assert_eq!(download.body, evil);
        let header = |name: &str| download.headers[name].to_str().unwrap().to_owned();
        assert!(header("content-disposition").starts_with("attachment; "), "{}", header("content-disposition"));
        assert!(header("content-disposition").contains("UTF-8''%E5%9D%8F%E7%9A%84"));
        assert_eq!(header("content-type"), "application/octet-stream");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");

        let preview = user.get(&format!("{}/preview", page.link("好的.pdf"))).await.is(200);
        assert_eq!(preview.headers["content-type"], "application/pdf");
        assert!(preview.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        let refused = user.get(&format!("{}/preview", page.link("坏的.html"))).await.is(200);
        assert_eq!(refused.headers["content-type"], "application/octet-stream", "what is no picture is downloaded");
        assert!(!page.html().contains("预览 坏的.html"));
        let picture = user.get(&format!("{}/preview", page.link("真的.png"))).await.is(200);
        assert_eq!(picture.headers["content-type"], "image/png");
        assert_eq!(picture.headers["content-security-policy"], "default-src 'none'; sandbox");
        let fake = user.get(&format!("{}/preview", page.link("假的.png"))).await.is(200);
        assert_eq!(fake.headers["content-type"], "application/octet-stream", "a decoder has the word");
    }
}

/// R-2.1.3-14: 删除 behind the name.
#[tokio::test]
async fn r_2_1_3_14_a_file_is_deleted() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let page = user.upload(&id, "other", &[("多余.txt", b"x".to_vec())]).await.is(200);
        user.send(&page.form("删除")).await.is(200).sees("已删除附件“多余.txt”");
        assert_eq!(site.number("SELECT COUNT(*) FROM attachment").await, 0);
    }
}

/// R-2.1.3-15: the ways on, without losing data.
#[tokio::test]
async fn r_2_1_3_15_the_page_leads_on() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let page = user.get(&format!("/applications/{id}/attachments")).await.is(200);
        assert_eq!(page.link("查看申请基本信息"), format!("/applications/{id}/basics"));
        assert_eq!(page.link("查看申请产品信息"), format!("/applications/{id}/items"));
        assert_eq!(page.link("返回申请列表"), "/applications");
    }
}

/// A file is visible to those who see its application, and to nobody else.
#[tokio::test]
async fn a_foreign_file_is_not_found() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = story::submitted(&site, &user).await;
        let file = site.number("SELECT MIN(id) FROM attachment").await;
        let address = format!("/attachments/{file}");
        user.get(&address).await.is(200);
        site.officer("sh", SHANGHAI, &[Post::Accept]).await.get(&address).await.is(200);
        for other in
            [site.enterprise("stranger", "911100008").await, site.officer("js", "320000", &[Post::Accept]).await]
        {
            other.get(&address).await.is(404);
            other.get(&format!("{address}/preview")).await.is(404);
            let answer = other.force(&Method::POST, &format!("{address}/deletion"), &[]).await;
            assert!(matches!(answer.status.as_u16(), 403 | 404), "{}", answer.status);
        }
        let stranger = site.enterprise("stranger2", "911100008").await;
        let token = stranger.token().await;
        let path = format!("/applications/{id}/attachments");
        stranger.upload_once(&path, &token, "other", &[("a.txt", b"x".to_vec())]).await.is(404);
        user.upload_once(&path, &user.token().await, "other", &[("a.txt", b"x".to_vec())]).await.is(303);
        assert_eq!(
            site.number("SELECT COUNT(*) FROM attachment WHERE name = 'a.txt'").await,
            0,
            "locked after 提交申请"
        );
    }
}

#[tokio::test]
async fn an_upload_without_its_token_or_of_an_unknown_kind_stores_nothing() {
    for site in Site::each().await {
        let user = site.company().await;
        let id = open_draft(&user).await;
        let path = format!("/applications/{id}/attachments");
        user.upload_once(&path, "wrong", "other", &[("a.txt", b"x".to_vec())]).await.is(409);
        let token = user.token().await;
        user.upload_once(&path, &token, "nonsense", &[("a.txt", b"x".to_vec())]).await.is(400).sees("没有这种附件类型");
        assert_eq!(site.number("SELECT COUNT(*) FROM attachment").await, 0);
    }
}

/// A picture of one point.
fn png() -> Vec<u8> {
    let hex = "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cf\
               c0000003010100c9fe92ef0000000049454e44ae426082";
    (0..hex.len()).step_by(2).map(|n| u8::from_str_radix(&hex[n..n + 2], 16).unwrap()).collect()
}

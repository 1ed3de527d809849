//! 打印申请 (manual §2.2, case 4). The typesetter has tests of its own; here is what it is given, and who gets it.

use axum::http::header;

use crate::story::{self, Bureau};
use crate::support::Site;

/// R-2.2-10: every submitted application is printed with all of its fields, products and files.
#[tokio::test]
async fn r_2_2_10_a_submitted_application_is_printed() {
    for site in Site::each().await {
        let user = site.company().await;
        let draft = story::complete_draft(&site, &user).await;
        story::fill_basics(&user, &draft, &[("invoice_no", "INV-77"), ("remark", "样机两批到货")]).await.is(200);
        user.upload(&draft, "invoice", &[("发票\u{30EDE}.pdf", story::pdf())]).await.is(200);
        user.get(&format!("/applications/{draft}/print")).await.is(409).sees("申请尚未提交，不能打印申请");
        let number = story::submit(&user, &draft).await;

        let list = user.get("/applications").await.is(200);
        assert_eq!(list.link("打印申请"), format!("/applications/{draft}/print"));
        let paper = user.get(&list.link("打印申请")).await.is(200);
        assert_eq!(paper.headers[header::CONTENT_TYPE], "application/pdf");
        let disposition = paper.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert!(disposition.starts_with("inline"), "{disposition}");
        let sheet = paper.html();
        for part in [
            number.as_str(),
            "示例电器802100433有限公司",
            "80210043-3",
            "一般贸易",
            "INV-77",
            "样机两批到货",
            "用于新一代房间空气调节器能效对比测试",
            "窗式空调器样机",
            "KC-26/ZW-T1",
            "12.5 台",
            "1,252.50 EUR",
            "德国",
            "制冷剂：",
            "单价：100.20 EUR",
            "符合性声明/型式试验报告",
            "受理中",
            "上海出入境检验检疫局",
        ] {
            assert!(sheet.contains(part), "{part} is missing:\n{sheet}");
        }
        // A character that the typeface lacks leaves no blank box (E27).
        assert!(sheet.contains("发票〓.pdf") && sheet.contains("\"replaced\":true"), "{sheet}");
        user.get(&format!("/applications/{draft}?print=1")).await.is(200).sees("免于办理强制性产品认证申请单");
    }
}

/// Officers on the route print it too; others do not see it.
#[tokio::test]
async fn who_may_see_an_application_may_print_it() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        let path = format!("/applications/{id}/print");
        let paper = bureau.accept.get(&path).await.is(200);
        assert!(paper.body.starts_with(b"%PDF"));
        site.enterprise("stranger", "911100008").await.get(&path).await.is(404);
        site.visitor().get(&path).await.at(&format!("/login?next=%2Fapplications%2F{id}%2Fprint"));
    }
}

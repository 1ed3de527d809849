//! 导出文件: lists of any length as files (E37).

use domain::actor::Post;

use crate::support::{Browser, Page, SHANGHAI, Site, cells};

/// So many rows of the trail more, as years of work leave them.
async fn lengthen_trail(site: &Site, rows: usize) {
    let sql = format!(
        "INSERT INTO audit (subject_kind, subject_id, at, actor_name, action, opinion, detail, address, previous_hash, hash) \
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows}) SELECT 'account', a.id, \
         {} + n.n, '系统', 'edit', '第' || CAST(n.n AS TEXT) || '行', '', '', '', 'h' || CAST(n.n AS TEXT) \
         FROM n, (SELECT MIN(id) AS id FROM account) a",
        site.app.now().millis() - 1_000_000
    );
    db::testing::try_sql(&site.app.db, &sql).await.unwrap();
}

async fn admin(site: &Site) -> Browser {
    site.cnca("cnca_admin", &[Post::CncaAdmin, Post::Statistics]).await
}

/// The page that has the workbook of the whole trail made.
async fn asked(user: &Browser) -> Page {
    let page = user.get("/audit").await.is(200);
    user.get(&page.link("导出 XLSX")).await.is(200).sees("审计记录超过 10000 行")
}

/// A list of more than ten thousand rows: CSV at once, XLSX by a job, taken away by whoever asked, for a week; a second click
/// makes no second file.
#[tokio::test]
async fn e37_a_long_list_becomes_a_workbook_by_a_job() {
    for site in Site::each().await {
        let user = admin(&site).await;
        user.get("/exports").await.is(200).sees("没有导出文件");
        lengthen_trail(&site, 10_100).await;
        let form = asked(&user).await.form("开始生成");
        let (one, two) = tokio::join!(user.send(&form), user.send(&form));
        for page in [one, two] {
            page.is(200).at("/exports").sees("正在生成");
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM export").await, 1);
        let id = site.number("SELECT id FROM export").await;
        user.get(&format!("/exports/{id}")).await.is(409).sees("还没有生成");
        let csv = cells(&user.get("/audit/export?format=csv").await.is(200).body);
        site.work().await;
        let page = user.get("/exports").await.is(200).sees("已生成").sees(&format!("{} 行", csv.len() - 1));
        let file = user.get(&page.link("下载")).await.is(200);
        let name = file.headers["content-disposition"].to_str().unwrap();
        assert!(name.starts_with("attachment") && name.ends_with("%2Exlsx"), "{name}");
        let sheet = cells(&file.body);
        assert_eq!(sheet.len(), csv.len());
        for n in [0, 1, 5_000, csv.len() - 1] {
            assert_eq!(sheet[n], csv[n][..sheet[n].len()], "row {n}");
        }
        // Who reads the trail as a file is noted, and nobody else takes it away.
        site.note_readings().await;
        assert_eq!(site.number("SELECT COUNT(*) FROM reading WHERE what = 'audit_trail'").await, 5);
        let other = site.cnca("other_admin", &[Post::CncaAdmin]).await;
        other.get(&format!("/exports/{id}")).await.is(404);
        other.get("/exports").await.is(200).sees("没有导出文件");
        // After a week it is gone, and the file too.
        let stored = async || {
            use futures_util::TryStreamExt as _;
            let listed = site.app.files.list(Some(&object_store::path::Path::from("exports")));
            listed.try_collect::<Vec<_>>().await.unwrap().len()
        };
        assert_eq!(stored().await, 1);
        site.clock.pass_hours(24 * 7 + 1);
        app::jobs::duties(&site.app).await;
        site.clock.pass_hours(2);
        app::jobs::duties(&site.app).await;
        let user = site.sit_down(site.account("cnca_admin").await).await;
        user.get("/exports").await.is(200).sees("没有导出文件");
        assert_eq!(stored().await, 0);
    }
}

/// Rights are asked again when the file is made; a list that nobody may have is refused at once; three at a time.
#[tokio::test]
async fn e37_a_file_holds_what_its_owner_may_see() {
    for site in Site::each().await {
        let user = admin(&site).await;
        lengthen_trail(&site, 10_100).await;
        user.send(&asked(&user).await.form("开始生成")).await.is(200).sees("正在生成");
        db::testing::try_sql(&site.app.db, "UPDATE account SET posts = 'statistics' WHERE username = 'cnca_admin'")
            .await
            .unwrap();
        site.work().await;
        user.get("/exports").await.is(200).sees("未能生成").sees("您没有审计查询的权限");
        user.get("/exports/new?report=audit_trail&query=").await.is(403);
        user.get("/exports/new?report=nothing&query=").await.is(400).sees("没有这种清单");
        let officer = site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await;
        officer.get("/exports/new?report=ledger&query=certificate%3D1").await.is(404);
        for n in 0..4 {
            let page = officer.get("/exports/new?report=statistic_cases&query=").await.is(200);
            let sent = officer.send(&page.form("开始生成")).await;
            if n < 3 {
                sent.is(200).sees("正在生成");
            } else {
                sent.is(409).sees("已有 3 个文件正在生成");
            }
        }
        site.work().await;
        assert_eq!(officer.get("/exports").await.is(200).texts(".st.t-green").len(), 3);
    }
}

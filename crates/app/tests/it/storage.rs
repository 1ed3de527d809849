//! A database that fails in the middle of the work: users read why, keep what they typed, and lose nothing.

use axum::http::header;
use db::testing;

use crate::story;
use crate::support::Site;
use crate::write_off::{Yard, draw_down, drawn, stands};

/// The disk is full: one 直接核销 is answered 503. After that every acknowledged 直接核销 is in the ledger, also those
/// that follow a refused form.
#[tokio::test]
async fn a_full_disk_loses_no_acknowledged_write_off() {
    for site in Site::each().await {
        if site.app.db.kind() != "SQLite" {
            continue;
        }
        let yard = Yard::of(&site).await;
        let c = yard.certificate(&site, &[("1000", "1000")]).await;
        testing::on_writer(&site.app.db, "PRAGMA max_page_count = 1").await.unwrap();
        // Some fit into the pages that are there.
        let mut acknowledged = 0;
        let full = loop {
            let form = drawn(&site, &yard.elsewhere, c, &[(0, "1", "1")]).await;
            let page = yard.elsewhere.send_once(&form).await;
            if page.status == 503 {
                break page;
            }
            page.is(303);
            acknowledged += 1;
        };
        assert_eq!(full.headers[header::RETRY_AFTER], "10");
        let full = full.sees("存储空间已用完").sees("本次操作没有保存").sees("请求编号");
        // The refused form that used to leave a savepoint open.
        draw_down(&site, &yard.elsewhere, c, &[(0, "5000", "1")]).await.is(422);
        // What was typed is sent again from the page of the refusal.
        yard.elsewhere.send(&full.form("重新提交")).await.is(200);
        acknowledged += 1;
        for _ in 0..10 {
            draw_down(&site, &yard.elsewhere, c, &[(0, "1", "1")]).await.is(200);
            draw_down(&site, &yard.elsewhere, c, &[(0, "5000", "1")]).await.is(422);
            acknowledged += 1;
        }
        let written_off = stands(&site, c, 0).await[2].clone();
        assert_eq!(written_off, acknowledged.to_string());
        let entries = site.number("SELECT COUNT(*) FROM ledger_entry").await;
        assert_eq!(entries, acknowledged, "entries");
    }
}

/// A draft whose save met a full disk: the page of the refusal holds everything that was typed, and no password.
#[tokio::test]
async fn a_refused_form_is_kept_on_the_page_of_the_refusal() {
    for site in Site::each().await {
        if site.app.db.kind() != "SQLite" {
            continue;
        }
        let user = site.company().await;
        let draft = story::complete_draft(&site, &user).await;
        let purpose = "用于样机的性能测试，\"引号\" & <尖括号> 𠮷 第二行";
        let page = user.get(&format!("/applications/{draft}/basics")).await.is(200);
        let form = page.form("保存").set("purpose", purpose);
        testing::on_writer(&site.app.db, "PRAGMA query_only = ON").await.unwrap();
        let refused = user.send_once(&form).await.is(503).sees("暂时只能查看").sees("您填写的内容保留在本页");
        assert_eq!(refused.value("purpose"), purpose, "{}", refused.html());
        testing::on_writer(&site.app.db, "PRAGMA query_only = OFF").await.unwrap();
        user.send(&refused.form("重新提交")).await;
        let stored = user.get(&format!("/applications/{draft}/basics")).await.is(200);
        assert_eq!(stored.value("purpose"), purpose);

        // Passwords are never repeated in a page.
        let visitor = site.visitor();
        let form =
            visitor.get("/login").await.form("登录").set("username", "shili_a").set("password", "correct-horse-7");
        testing::on_writer(&site.app.db, "PRAGMA query_only = ON").await.unwrap();
        let refused = visitor.send_once(&form).await.is(503).sees("请返回上一页重新提交");
        assert!(!refused.html().contains("correct-horse-7"));
    }
}

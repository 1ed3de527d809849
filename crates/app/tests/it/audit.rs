//! The audit trail (E12; R-B-14): append-only, chained per subject, checked by `mianban doctor`.

use domain::actor::Post;

use crate::story::{self, Bureau};
use crate::support::Site;

/// R-B-14: every deed leaves a row: who, for which bureau, at which post, when, from where to where.
#[tokio::test]
async fn r_b_14_every_deed_is_in_the_trail() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        let id = story::issued(&site, &user, &bureau).await;
        let subject = db::audit::Subject::Application(id.parse().unwrap());
        let trail = db::audit::trail(&site.app.db.read(), subject).await.unwrap();
        let deeds: Vec<_> = trail.iter().filter(|d| d.action != "edit").map(|d| d.action.as_str()).collect();
        assert_eq!(deeds, ["create", "submit", "accept", "pass", "pass", "pass", "issue"]);
        let edits: Vec<_> = trail.iter().filter(|d| d.action == "edit").map(|d| d.detail.clone()).collect();
        assert!(
            edits.iter().any(|e| e.contains("add_product")) && edits.iter().any(|e| e.contains("upload")),
            "{edits:?}"
        );
        let last = trail.last().unwrap();
        assert_eq!(last.post, Some(Post::Issue));
        assert_eq!(last.bureau_code.as_ref().map(domain::ids::BureauCode::as_str), Some("310000"));
        assert_eq!(last.actor_name, "sh_issue 某");
        assert_eq!(db::audit::first_break(subject, &trail), None);
    }
}

/// Rows cannot be changed or removed, not even by SQL.
#[tokio::test]
async fn the_trail_only_grows() {
    for site in Site::each().await {
        let user = site.company().await;
        story::open_draft(&user).await;
        for sql in ["UPDATE audit SET opinion = 'x'", "DELETE FROM audit"] {
            let refused = db::testing::try_sql(&site.app.db, sql).await.unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{refused}");
        }
    }
}

/// `mianban doctor` notices a changed row, a cut-off end, a removed middle and a forged checkpoint.
#[tokio::test]
async fn doctor_notices_every_kind_of_tampering() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = Bureau::shanghai(&site).await;
        story::issued(&site, &user, &bureau).await;
        site.clock.pass_hours(1);
        app::jobs::duties(&site.app).await;
        let healthy = db::doctor::examine(&site.app.db).await.unwrap();
        assert_eq!(healthy.faults, Vec::<String>::new());
        assert!(healthy.chains > 5 && healthy.lines == 1 && healthy.checkpoints == 1, "{healthy:?}");
        // Nothing new: no further checkpoint.
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM audit_checkpoint").await, 1);

        db::testing::without_guards(&site.app.db).await;
        for (sql, undo, says) in [
            (
                "UPDATE audit SET opinion = 'x' WHERE action = 'accept'",
                "UPDATE audit SET opinion = '同意。' WHERE action = 'accept'",
                "is broken at row",
            ),
            (
                "UPDATE application SET audit_head = 'x'",
                "UPDATE application SET audit_head = (SELECT hash FROM audit WHERE subject_kind = 'application' ORDER BY id DESC LIMIT 1)",
                "lacks its end",
            ),
            (
                "UPDATE audit_checkpoint SET hash = 'y' || hash",
                "UPDATE audit_checkpoint SET hash = SUBSTR(hash, 2)",
                "does not fit the rows it covers",
            ),
            (
                "UPDATE application_viewer SET state = 'accepting'",
                "UPDATE application_viewer SET state = 'issued'",
                "have another state than their application",
            ),
            (
                "UPDATE certificate SET owner_id = NULL",
                "UPDATE certificate SET owner_id = (SELECT a.owner_id FROM application a WHERE a.id = application_id)",
                "belong to another than their owner",
            ),
            ("DELETE FROM audit WHERE action = 'pass'", "SELECT 1", "is broken at row"),
        ] {
            db::testing::try_sql(&site.app.db, sql).await.unwrap();
            let faults = db::doctor::examine(&site.app.db).await.unwrap().faults;
            assert!(faults.iter().any(|f| f.contains(says)), "{sql}: {faults:?}");
            db::testing::try_sql(&site.app.db, undo).await.unwrap();
        }
    }
}

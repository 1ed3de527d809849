//! The clock of the machine: what destroys waits while it cannot be believed, which `/readyz` says.

use domain::time::{Clock as _, SystemClock};

use crate::story;
use crate::support::Site;

/// A site whose clock is a machine's, as right as the database's.
async fn on_a_machine(site: &Site) {
    site.clock.set(SystemClock.now());
    site.clock.act_as_machine();
    let tx = site.app.db.begin().await.unwrap();
    db::clock::begin(&tx, site.app.now()).await.unwrap();
    tx.commit().await.unwrap();
    app::jobs::duties(&site.app).await;
}

async fn kept_drafts(site: &Site) -> i64 {
    site.number("SELECT COUNT(*) FROM application WHERE state = 'draft' AND deleted_at IS NULL").await
}

/// The clock leaps by two months for a while: nothing is deleted, lapsed, ended or reminded of; `/readyz` says why. It is
/// right again: everything goes on.
#[tokio::test]
async fn a_clock_that_leaps_destroys_nothing() {
    for site in Site::each().await {
        on_a_machine(&site).await;
        let user = site.company().await;
        for _ in 0..2 {
            story::complete_draft(&site, &user).await;
        }
        story::submitted(&site, &user).await;
        site.work().await;
        let letters = site.mail.letters().len();
        site.visitor().get("/readyz").await.is(200).sees("ready");

        let before = site.app.now();
        site.clock.pass_hours(61 * 24);
        for _ in 0..3 {
            app::jobs::duties(&site.app).await;
            site.work().await;
        }
        assert_eq!(kept_drafts(&site).await, 2);
        assert_eq!(site.number("SELECT COUNT(*) FROM login_session").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM audit WHERE action IN ('delete', 'lapse')").await, 0);
        assert!(site.number("SELECT COUNT(*) FROM job WHERE state = 'done'").await > 0, "nothing is swept away");
        assert_eq!(site.mail.letters().len(), letters, "nobody is reminded");
        site.visitor().get("/readyz").await.is(503).sees("clock: ").sees(" days").sees("mianban clock accept");

        site.clock.set(before.plus_minutes(1));
        app::jobs::duties(&site.app).await;
        site.visitor().get("/readyz").await.is(200).sees_no("clock");
        site.clock.set(before.plus_minutes(-60));
        site.visitor().get("/readyz").await.is(503).sees("clock: ");
        assert_eq!(kept_drafts(&site).await, 2);
    }
}

/// A system that was off for weeks serves, and waits with what destroys until an operator confirms the clock.
#[tokio::test]
async fn a_system_that_was_off_for_weeks_goes_on_when_the_clock_is_confirmed() {
    for site in Site::each().await {
        on_a_machine(&site).await;
        let user = site.company().await;
        let draft = story::open_draft(&user).await;
        let weeks = site.app.now().plus_days(-30).millis();
        for sql in [
            format!("UPDATE setting SET value = '{weeks}' WHERE name = 'clock_seen'"),
            format!(
                "UPDATE application SET first_saved_at = {weeks}, expires_at = {weeks} + 864000000 WHERE id = {draft}"
            ),
        ] {
            db::testing::try_sql(&site.app.db, &sql).await.unwrap();
        }
        // Another process on the same database, which has just begun.
        let later = site.demonstration();
        app::jobs::duties(&later.app).await;
        assert_eq!(kept_drafts(&site).await, 1);
        later.visitor().get("/readyz").await.is(200).sees("degraded clock").sees("clock: ").sees("30 days");
        later.visitor().get("/login").await.is(200);

        let tx = site.app.db.begin().await.unwrap();
        db::clock::confirm(&tx, site.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        app::jobs::duties(&later.app).await;
        assert_eq!(kept_drafts(&site).await, 0);
        later.visitor().get("/readyz").await.is(200).sees_no("clock");
    }
}

/// A database that was used before there was such a watch begins with its newest deed.
#[tokio::test]
async fn the_watch_begins_with_the_newest_deed() {
    for site in Site::each().await {
        site.company().await;
        site.clock.set(SystemClock.now());
        site.clock.act_as_machine();
        let tx = site.app.db.begin().await.unwrap();
        db::clock::begin(&tx, site.app.now()).await.unwrap();
        tx.commit().await.unwrap();
        let known = db::clock::known(&site.app.db).await.unwrap();
        assert_eq!(known.seen, db::clock::newest_deed(&site.app.db.read()).await.unwrap());
        assert_eq!(known.database.is_some(), site.app.db.kind() == "PostgreSQL");
    }
}

/// Nothing dies of age while the clock cannot be believed.
#[tokio::test]
async fn no_job_dies_while_the_clock_leaps() {
    for site in Site::each().await {
        on_a_machine(&site).await;
        let user = site.company().await;
        site.mail.broken.store(true, std::sync::atomic::Ordering::SeqCst);
        story::submitted(&site, &user).await;
        for _ in 0..15 {
            site.work().await;
            site.clock.pass_hours(20);
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM job WHERE state = 'ready' AND attempts >= 15").await, 1);
    }
}

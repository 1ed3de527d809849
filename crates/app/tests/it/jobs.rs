//! The outbox of jobs: retried, idempotent, safe with several workers (architecture §3.12).

use std::sync::atomic::Ordering;

use db::queue::Lane;

use crate::story;
use crate::support::Site;

#[tokio::test]
async fn a_letter_that_fails_is_sent_later_and_once() {
    for site in Site::each().await {
        let user = site.company().await;
        site.mail.broken.store(true, Ordering::SeqCst);
        story::submitted(&site, &user).await;
        site.work().await;
        assert!(site.mail.letters().is_empty());
        assert_eq!(site.number("SELECT COUNT(*) FROM job WHERE state = 'ready' AND attempts = 1").await, 1);
        assert_eq!(site.number("SELECT COUNT(*) FROM job WHERE last_error LIKE '%post office is closed%'").await, 1);
        site.mail.broken.store(false, Ordering::SeqCst);
        site.work().await;
        assert!(site.mail.letters().is_empty(), "not before its pause is over");
        site.clock.pass_hours(1);
        site.work().await;
        site.clock.pass_hours(1);
        site.work().await;
        assert_eq!(site.mail.letters().len(), 1);
    }
}

#[tokio::test]
async fn a_letter_that_never_goes_waits_for_a_person() {
    for site in Site::each().await {
        let user = site.company().await;
        site.mail.broken.store(true, Ordering::SeqCst);
        story::submitted(&site, &user).await;
        for _ in 0..12 {
            site.work().await;
            site.clock.pass_hours(10);
        }
        assert_eq!(site.number("SELECT COUNT(*) FROM job WHERE state = 'dead' AND attempts = 10").await, 1);
        assert_eq!(db::queue::backlog(&site.app.db.read()).await.unwrap(), (0, 1));
    }
}

/// Many jobs, four workers at once: each is done once.
#[tokio::test]
async fn several_workers_share_the_queue() {
    for site in Site::each().await {
        let letter = r#"{"kind":"send_letter","to":"a@example.com","subject":"s","body":"b"}"#;
        let tx = site.app.db.begin().await.unwrap();
        for _ in 0..40 {
            db::queue::enqueue(&tx, "send_letter", letter, site.app.now()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let worker = async || {
            let mut done = 0;
            loop {
                match app::jobs::run_due(&site.app, Lane::Short, 3).await.unwrap() {
                    0 => return done,
                    n => done += n,
                }
            }
        };
        let (a, b, c, d) = tokio::join!(worker(), worker(), worker(), worker());
        assert_eq!(a + b + c + d, 40);
        assert_eq!(site.mail.letters().len(), 40);
    }
}

/// A worker that died in the middle: its job is taken up again after the lease.
#[tokio::test]
async fn a_job_of_a_dead_worker_is_taken_up_again() {
    for site in Site::each().await {
        let user = site.company().await;
        story::submitted(&site, &user).await;
        let tx = site.app.db.begin().await.unwrap();
        assert_eq!(db::queue::claim(&tx, Lane::Short, 10, site.app.now()).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        site.work().await;
        assert!(site.mail.letters().is_empty());
        site.clock.pass_hours(1);
        site.work().await;
        assert_eq!(site.mail.letters().len(), 1);
    }
}

/// The letter says the status that caused it, whatever came after.
#[tokio::test]
async fn letters_say_the_status_that_caused_them() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = story::Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, domain::actor::Post::FinalReview).await;
        site.work().await;
        let subjects: Vec<_> =
            site.mail.letters().iter().map(|l| l.subject.split('：').nth(1).unwrap_or_default().to_owned()).collect();
        assert_eq!(subjects, ["受理中", "初审中", "终审中"]);
        assert!(site.mail.letters()[0].body.contains(&format!("http://127.0.0.1:8080/applications/{id}")));
        assert_eq!(site.mail.letters()[0].to, "shili_a@example.com");
    }
}

/// Ended sessions and finished jobs go; another process's import is shown.
#[tokio::test]
async fn the_clock_has_its_duties() {
    for site in Site::each().await {
        let user = site.company().await;
        story::submitted(&site, &user).await;
        site.work().await;
        site.clock.set(site.app.now().plus_days(8));
        app::jobs::duties(&site.app).await;
        assert_eq!(site.number("SELECT COUNT(*) FROM login_session").await, 0);
        assert_eq!(site.number("SELECT COUNT(*) FROM job").await, 0);

        let before = site.app.references.now().import();
        db::testing::import_again(&site.app.db, site.app.now()).await;
        app::jobs::duties(&site.app).await;
        assert!(site.app.references.now().import() > before);
    }
}

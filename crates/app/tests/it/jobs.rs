//! The outbox of jobs: retried, idempotent, safe with several workers (architecture §3.12).

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::Method;
use db::queue::Lane;
use domain::actor::Post;

use crate::story;
use crate::support::{JIANGSU, SHANGHAI, Site};

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
        let backlog = db::queue::backlog(&site.app.db.read(), site.app.now()).await.unwrap();
        assert_eq!((backlog.waiting, backlog.late, backlog.dead), (0, 0, 1));
    }
}

/// Two hours without a mail server kill nothing: a letter is tried for three days, every hour at least.
#[tokio::test]
async fn a_letter_is_tried_for_three_days() {
    for site in Site::each().await {
        let user = site.company().await;
        site.mail.broken.store(true, Ordering::SeqCst);
        story::submitted(&site, &user).await;
        for hour in 0..71 {
            site.work().await;
            let alive = site.number("SELECT COUNT(*) FROM job WHERE state = 'ready' AND payload <> ''").await;
            assert_eq!(alive, 1, "after {hour} hours");
            site.clock.pass_hours(1);
        }
        assert!(site.number("SELECT MAX(attempts) FROM job").await >= 60, "the pauses are bounded");
        let backlog = db::queue::backlog(&site.app.db.read(), site.app.now()).await.unwrap();
        assert_eq!((backlog.waiting, backlog.late, backlog.dead), (1, 1, 0));
        site.mail.broken.store(false, Ordering::SeqCst);
        site.work().await;
        assert_eq!(site.mail.letters().len(), 1);
    }
}

/// A certificate whose paper cannot be made waits for it, however long; when the key is there, it is made.
#[tokio::test]
async fn a_paper_is_tried_without_end() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = story::Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Terminate).await;
        let key = site.keys.0.lock().unwrap().take();
        for _ in 0..40 {
            site.work().await;
            site.clock.pass_hours(10);
        }
        let sql = "SELECT COUNT(*) FROM job WHERE kind = 'render_certificate' AND state = 'ready' AND attempts > 30";
        assert_eq!(site.number(sql).await, 1);
        *site.keys.0.lock().unwrap() = key;
        site.work().await;
        assert_eq!(site.number("SELECT COUNT(*) FROM certificate_version WHERE object_key IS NOT NULL").await, 1);
    }
}

/// A mail server that accepts and never answers holds up neither papers nor the duties of the clock, nor the end.
#[tokio::test]
async fn a_silent_mail_server_stops_nothing_else() {
    for site in Site::each().await {
        let user = site.company().await;
        let draft = story::open_draft(&user).await;
        site.clock.pass_hours(241);
        let user = site.sit_down(site.account("shili_a").await).await;
        let bureau = story::Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Terminate).await;
        site.mail.silent.store(true, Ordering::SeqCst);
        let stop = tokio_util::sync::CancellationToken::new();
        let worker = tokio::spawn(app::jobs::work(site.app.clone(), stop.clone()));
        let papers = "SELECT COUNT(*) FROM certificate_version WHERE object_key IS NOT NULL";
        let drafts = format!("SELECT COUNT(*) FROM application WHERE id = {draft} AND deleted_at IS NOT NULL");
        let begun = "SELECT COUNT(*) FROM job WHERE kind = 'send_letter' AND state = 'running'";
        for sql in [papers, &drafts, begun] {
            let deadline = std::time::Instant::now() + Duration::from_secs(20);
            while site.number(sql).await == 0 {
                assert!(std::time::Instant::now() < deadline, "{sql}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(15), worker).await.expect("it ends").unwrap();
        // The letter may have gone: it is tried again, as the same letter.
        let letter = "SELECT COUNT(*) FROM job j JOIN letter l ON l.job_id = j.id \
                      WHERE j.state = 'ready' AND j.attempts = 1 AND l.failure = 'unconfirmed'";
        assert_eq!(site.number(letter).await, 1);
        site.mail.silent.store(false, Ordering::SeqCst);
        site.clock.pass_hours(1);
        site.work().await;
        let mut references: Vec<_> = site.mail.letters().into_iter().map(|l| l.reference).collect();
        let n = references.len();
        references.sort();
        references.dedup();
        assert!(n > 1 && references.len() == n, "each letter once");
    }
}

/// A job that panics is a job that failed; the lane goes on.
#[tokio::test]
async fn a_job_that_panics_is_tried_again() {
    for site in Site::each().await {
        let user = site.company().await;
        site.mail.panics.store(true, Ordering::SeqCst);
        story::submitted(&site, &user).await;
        site.work().await;
        assert_eq!(
            site.number("SELECT COUNT(*) FROM job WHERE state = 'ready' AND last_error = 'it panicked'").await,
            1
        );
        site.mail.panics.store(false, Ordering::SeqCst);
        site.clock.pass_hours(1);
        site.work().await;
        assert_eq!(site.mail.letters().len(), 1);
    }
}

/// Who was away for longer than his lease changes nothing about a job that another worker has done since.
#[tokio::test]
async fn a_worker_that_lost_its_job_does_not_send_it_again() {
    for site in Site::each().await {
        let user = site.company().await;
        story::submitted(&site, &user).await;
        let tx = site.app.db.begin().await.unwrap();
        let lost = db::queue::claim(&tx, Lane::Letters, 1, site.app.now()).await.unwrap().remove(0);
        tx.commit().await.unwrap();
        site.clock.pass_hours(1);
        site.work().await;
        assert_eq!(site.mail.letters().len(), 1);
        let tx = site.app.db.begin().await.unwrap();
        db::queue::fail(&tx, &lost, "late", db::queue::After::Pause, site.app.now()).await.unwrap();
        assert!(!db::queue::keep(&tx, &lost, site.app.now()).await.unwrap());
        tx.commit().await.unwrap();
        site.clock.pass_hours(1);
        site.work().await;
        assert_eq!(site.mail.letters().len(), 1);
    }
}

/// 后台任务: CNCA's administrator sees everything that failed, the bureau's what concerns it; one click tries it again.
#[tokio::test]
async fn what_failed_is_tried_again_on_a_page() {
    for site in Site::each().await {
        let user = site.company().await;
        site.mail.broken.store(true, Ordering::SeqCst);
        story::submitted(&site, &user).await;
        let cnca = site.cnca("chief", &[Post::CncaAdmin]).await;
        cnca.get("/jobs").await.is(200).sees("没有失败或延迟的任务");
        for _ in 0..12 {
            site.work().await;
            site.clock.pass_hours(10);
        }
        let shanghai = site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await;
        let jiangsu = site.officer("js_admin", JIANGSU, &[Post::BureauAdmin]).await;
        let cnca = site.sit_down(site.account("chief").await).await;
        assert_eq!(cnca.get("/main").await.link("后台任务"), "/jobs");
        jiangsu.get("/jobs").await.is(200).sees("没有失败或延迟的任务").sees("与本局有关");
        site.officer("sh_accept", SHANGHAI, &[Post::Accept]).await.get("/jobs").await.is(403);
        let id = site.number("SELECT id FROM job WHERE state = 'dead'").await;
        for admin in [&cnca, &shanghai] {
            let page = admin.get("/jobs").await.is(200).sees("发送邮件").sees("shili_a@example.com").sees("10 次");
            page.sees("暂时连接不上邮件服务器").sees("post office is closed").sees("失败");
            admin.get("/jobs?state=dead").await.is(200).sees("重新执行");
            admin.get("/jobs?state=late").await.is(200).sees("没有符合条件的任务");
        }
        let page = shanghai.get("/jobs").await;
        assert!(page.statements <= 10, "{}", page.statements);
        jiangsu.force(&Method::POST, &format!("/jobs/{id}/retry"), &[]).await.is(404);
        site.mail.broken.store(false, Ordering::SeqCst);
        let again = page.form("重新执行");
        shanghai.send(&again).await.at("/jobs").is(200).sees("已重新执行");
        site.work().await;
        assert_eq!(site.mail.letters().len(), 1);
        shanghai.send(&again).await.is(409).sees("不能重新执行");
        assert_eq!(
            site.number("SELECT COUNT(*) FROM audit WHERE action = 'retry_job' AND subject_kind = 'job'").await,
            1
        );
        cnca.get("/audit?action=retry_job").await.is(200).sees("重新执行后台任务").sees("sh_admin");
        cnca.get(&format!("/audit/chain?kind=job&id={id}")).await.is(200).sees("后台任务");
        assert_eq!(db::doctor::examine(&site.app.db).await.unwrap().faults, Vec::<String>::new());
    }
}

/// A paper concerns the bureau that issued it; many jobs come page by page.
#[tokio::test]
async fn papers_concern_their_bureau_and_many_come_in_pages() {
    for site in Site::each().await {
        let user = site.company().await;
        let bureau = story::Bureau::shanghai(&site).await;
        let id = story::submitted(&site, &user).await;
        bureau.bring_to(&id, Post::Terminate).await;
        site.keys.0.lock().unwrap().take();
        site.work().await;
        site.clock.pass_hours(2);
        site.work().await;
        let admins = [
            site.officer("sh_admin", SHANGHAI, &[Post::BureauAdmin]).await,
            site.cnca("chief", &[Post::CncaAdmin]).await,
        ];
        let certificate = domain::ids::CertificateId::new(site.number("SELECT MIN(id) FROM certificate").await);
        let tx = site.app.db.begin().await.unwrap();
        let number = db::certificate::get(&tx, certificate).await.unwrap().number;
        drop(tx);
        for admin in &admins {
            admin.get("/jobs").await.is(200).sees("生成证明").sees("延迟").sees("下次").sees(&number);
        }
        let tx = site.app.db.begin().await.unwrap();
        for _ in 0..60 {
            db::queue::enqueue(&tx, "send_letter", "{}", site.app.now()).await.unwrap();
        }
        tx.commit().await.unwrap();
        site.work().await;
        assert_eq!(site.number("SELECT COUNT(*) FROM job WHERE state = 'dead'").await, 60, "nobody can read them");
        let first = admins[1].get("/jobs").await.is(200);
        assert_eq!(first.texts("tbody tr").len(), 50);
        let second = admins[1].get(&first.link("更早的任务")).await.is(200);
        assert_eq!(second.texts("tbody tr").len(), 11);
        admins[1].get(&second.link("最近的任务")).await.is(200).sees("更早的任务");
        assert_eq!(admins[0].get("/jobs").await.texts("tbody tr").len(), 1);
    }
}

/// A letter with a new password is not tried when the password is worth nothing any more.
#[tokio::test]
async fn a_password_that_is_over_is_not_sent() {
    for site in Site::each().await {
        site.company().await;
        let visitor = site.visitor();
        let form = visitor.get("/password-reset").await.is(200);
        let asked = form.form("提交").fill(&[("username", "shili_a"), ("email", "shili_a@example.com")]);
        visitor.send(&asked).await.is(200);
        site.mail.broken.store(true, Ordering::SeqCst);
        site.work().await;
        assert_eq!(site.number("SELECT COUNT(*) FROM letter WHERE kind = 'password'").await, 1);
        site.clock.pass_hours(25);
        site.mail.broken.store(false, Ordering::SeqCst);
        site.work().await;
        assert!(site.mail.letters().is_empty());
        assert_eq!(site.number("SELECT COUNT(*) FROM job WHERE state = 'dead'").await, 1);
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
                match app::jobs::run_due(&site.app, Lane::Letters, 3).await.unwrap() {
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
        assert_eq!(db::queue::claim(&tx, Lane::Letters, 10, site.app.now()).await.unwrap().len(), 1);
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

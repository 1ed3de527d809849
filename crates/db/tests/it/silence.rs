//! A PostgreSQL server whose open connections go silent: the host died, or a firewall forgot them. New connections work.

use std::time::{Duration, Instant};

use db::testing::TestDb;
use db::wire::Wire;
use db::{Cause, Db, DbError, params, setting};

async fn read(db: &Db) -> Result<i64, DbError> {
    db.read().number("SELECT CAST(1 AS BIGINT)", params![]).await
}

async fn write(db: &Db, name: &str) -> Result<(), DbError> {
    let tx = db.begin().await?;
    setting::put(&tx, name, "x").await?;
    tx.commit().await
}

/// Opens as many connections of both pools as there can be.
async fn warm(db: &Db) {
    let reader = db.read();
    let reads = (0..8).map(|_| reader.number("SELECT CAST(pg_backend_pid() AS BIGINT) FROM pg_sleep(0.1)", params![]));
    for done in futures_util::future::join_all(reads).await {
        done.expect("a warm reader");
    }
    let writes = (0..8).map(|n| write(db, Box::leak(format!("warm-{n}").into_boxed_str())));
    for done in futures_util::future::join_all(writes).await {
        done.expect("a warm writer");
    }
}

/// No caller waits longer than 10 s, and after 15 s everything works again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_are_given_up_and_replaced() {
    let Some(test) = TestDb::postgres().await else { return };
    let wire = Wire::to(&test.address).await;
    let db = Db::open(&wire.address).await.expect("the database opens");
    warm(&db).await;
    wire.silence();
    let silenced = Instant::now();
    let mut recovered = 0;
    while recovered < 40 {
        let started = Instant::now();
        let (one, other) = tokio::join!(read(&db), write(&db, "silent"));
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        for error in [one.err(), other.err()].into_iter().flatten() {
            assert!(silenced.elapsed() < Duration::from_secs(15), "{error:?}");
            assert!(
                matches!(error, DbError::Unavailable { cause: Cause::NoAnswer, .. } | DbError::Unconfirmed(_)),
                "{error:?}"
            );
            recovered = 0;
        }
        recovered += 1;
    }
}

/// A commit whose answer does not come is not reported as done, and not as undone either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_without_an_answer_is_unconfirmed() {
    let Some(test) = TestDb::postgres().await else { return };
    let wire = Wire::to(&test.address).await;
    let db = Db::open(&wire.address).await.expect("the database opens");
    let tx = db.begin().await.expect("a transaction opens");
    setting::put(&tx, "unconfirmed", "x").await.expect("a row is written");
    wire.silence();
    let done = tx.commit().await;
    assert!(matches!(done, Err(DbError::Unconfirmed(_))), "{done:?}");
    write(&db, "afterwards").await.expect("another connection takes over");
}

/// After a restart of the server every pooled connection is stale; nobody notices.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_connections_after_a_restart_are_nobodys_error() {
    let Some(test) = TestDb::postgres().await else { return };
    let wire = Wire::to(&test.address).await;
    let db = Db::open(&wire.address).await.expect("the database opens");
    for n in 0..5 {
        warm(&db).await;
        wire.cut();
        tokio::time::sleep(Duration::from_millis(60)).await;
        for m in 0..10 {
            read(&db).await.expect("a read after the restart");
            write(&db, &format!("restart-{n}-{m}")).await.expect("a write after the restart");
        }
    }
}

/// Closing ends although connections do not answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_has_an_end() {
    let Some(test) = TestDb::postgres().await else { return };
    let wire = Wire::to(&test.address).await;
    let db = Db::open(&wire.address).await.expect("the database opens");
    warm(&db).await;
    let tx = db.begin().await.expect("a transaction opens");
    wire.silence();
    let started = Instant::now();
    drop(tx);
    db.close().await.expect("it closes");
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
}

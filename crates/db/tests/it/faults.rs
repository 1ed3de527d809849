//! Storage that fails in the middle: an acknowledged write is there afterwards, exactly once, and nothing else is.

use std::process::Command;

use db::testing::{self, TestDb};
use db::{Cause, Db, DbError, setting};
use tokio::signal::unix::{SignalKind, signal};

/// The limit of a file's size holds for the whole process: one test at a time.
static DISK: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Writes one row in a transaction of its own.
async fn write(db: &Db, name: &str, bytes: usize) -> Result<(), DbError> {
    let tx = db.begin().await?;
    setting::put(&tx, name, &"x".repeat(bytes)).await?;
    tx.commit().await
}

/// A form that is refused after it wrote: its transaction is dropped.
async fn refuse(db: &Db, name: &str) {
    let tx = db.begin().await.expect("a transaction opens");
    setting::put(&tx, name, "refused").await.expect("the row is written");
    drop(tx);
}

/// Writes until a write fails; says the names of those that were acknowledged, and the error.
async fn write_until_it_fails(db: &Db, prefix: &str) -> (Vec<String>, DbError) {
    let mut acknowledged = Vec::new();
    for n in 0..20_000 {
        let name = format!("{prefix}-{n}");
        match write(db, &name, 3_000).await {
            Ok(()) => acknowledged.push(name),
            Err(error) => return (acknowledged, error),
        }
    }
    panic!("no write failed");
}

/// What another process finds in the file.
async fn stored(address: &str) -> Vec<String> {
    #[derive(db::Row)]
    struct Name {
        name: String,
    }
    let fresh = Db::open(address).await.expect("the database opens again");
    let names: Vec<Name> = fresh
        .read()
        .rows("SELECT name FROM setting WHERE name LIKE 'fault-%' ORDER BY name", vec![])
        .await
        .expect("the rows are read");
    fresh.close().await.expect("pools close");
    names.into_iter().map(|n| n.name).collect()
}

fn set_file_limit(bytes: &str) {
    let pid = std::process::id().to_string();
    let done = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status();
    assert!(done.expect("prlimit runs").success());
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// `SQLITE_FULL`
    Full,
    /// `SQLITE_IOERR_WRITE`
    CannotWrite,
    /// `SQLITE_INTERRUPT`
    Interrupt,
    /// `SQLITE_BUSY` at BEGIN: another process holds the lock.
    Locked,
}

/// After SQLite has ended a transaction by itself, the refused form that follows must not leave a savepoint open, in
/// which every later "commit" is lost. The connection that saw the error is not used again.
#[tokio::test]
async fn acknowledged_writes_are_stored_whatever_ended_the_transaction_before() {
    let _disk = DISK.lock().await;
    // The default action of the signal ends the process; with a handler the write fails instead.
    let _ignored = signal(SignalKind::from_raw(25)).expect("SIGXFSZ can be handled");
    for fault in [Fault::Full, Fault::CannotWrite, Fault::Interrupt, Fault::Locked] {
        let test = TestDb::sqlite().await;
        let mut expected = Vec::new();
        for round in 0..3 {
            write(&test.db, &format!("fault-{round}-before"), 10).await.expect("a write before the fault");
            expected.push(format!("fault-{round}-before"));

            let mut other = None;
            match fault {
                Fault::Full => testing::on_writer(&test.db, "PRAGMA max_page_count = 1").await.expect("it is set"),
                Fault::CannotWrite => set_file_limit("65536"),
                Fault::Interrupt => testing::interrupt_writer(&test.db, 40).await.expect("it is set"),
                Fault::Locked => {
                    let second = Db::open(&test.address).await.expect("a second process opens it");
                    other = Some(second.begin().await.expect("the second process takes the lock"));
                }
            }
            let (acknowledged, error) = write_until_it_fails(&test.db, &format!("fault-{round}-during")).await;
            expected.extend(acknowledged);
            let cause = match &error {
                DbError::Unavailable { cause, .. } => *cause,
                DbError::Unconfirmed(_) => Cause::Storage,
                other => panic!("{fault:?}: {other:?}"),
            };
            let right = match fault {
                Fault::Full => Cause::Full,
                Fault::CannotWrite => Cause::Storage,
                Fault::Interrupt => Cause::NoAnswer,
                Fault::Locked => Cause::Busy,
            };
            assert_eq!(cause, right, "{fault:?}: {error:?}");
            drop(other);
            set_file_limit("unlimited");

            for n in 0..3 {
                refuse(&test.db, &format!("fault-{round}-refused-{n}")).await;
                let name = format!("fault-{round}-after-{n}");
                write(&test.db, &name, 3_000).await.expect("a write after the fault");
                expected.push(name);
            }
        }
        expected.sort();
        assert_eq!(stored(&test.address).await, expected, "{fault:?}");
    }
}

/// A transaction in which a statement failed is not committed, and the caller is not told that it was. PostgreSQL answers
/// `COMMIT` without an error then and rolls back.
#[tokio::test]
async fn a_transaction_with_a_failed_statement_cannot_be_committed() {
    let _disk = DISK.lock().await;
    for test in TestDb::each().await {
        let done = testing::commit_after_an_error(&test.db, "fault-swallowed").await;
        assert!(matches!(done, Err(DbError::Inconsistent(_))), "{done:?}");
        assert_eq!(stored(&test.address).await, Vec::<String>::new());
        write(&test.db, "fault-next", 1).await.expect("the next transaction is sound");
        assert_eq!(stored(&test.address).await, ["fault-next"]);
    }
}

/// A request that is cancelled in the middle of a transaction, at any point, leaves nothing behind and stops nobody.
#[tokio::test]
async fn a_cancelled_transaction_leaves_nothing_behind() {
    let _disk = DISK.lock().await;
    for test in TestDb::each().await {
        for n in 0..200_u64 {
            let name = format!("fault-cancelled-{n}");
            let work = write(&test.db, &name, 2_000);
            let ended = tokio::time::timeout(std::time::Duration::from_micros(n * 20), work).await;
            if let Ok(done) = ended {
                done.expect("a write that was not cancelled");
            }
        }
        write(&test.db, "fault-last", 1).await.expect("the next transaction is sound");
        assert!(stored(&test.address).await.contains(&"fault-last".to_owned()));
    }
}

const CHILD: &str = "MIANBAN_TEST_NO_MEMORY";

/// `SQLITE_NOMEM`. The heap limit of SQLite holds for the whole process and cannot be raised again, so a child process
/// runs into it and prints what was acknowledged.
#[tokio::test]
async fn acknowledged_writes_are_stored_when_memory_ran_out() {
    if let Ok(address) = std::env::var(CHILD) {
        run_out_of_memory(&address).await;
        return;
    }
    let _disk = DISK.lock().await;
    let test = TestDb::sqlite().await;
    let child = Command::new(std::env::current_exe().expect("this test has a path"))
        .args(["faults::acknowledged_writes_are_stored_when_memory_ran_out", "--exact", "--nocapture"])
        .env(CHILD, &test.address)
        .output()
        .expect("the child runs");
    let out = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success(), "{out}{}", String::from_utf8_lossy(&child.stderr));
    let mut expected: Vec<_> = out.lines().filter_map(|l| l.strip_prefix("acknowledged ")).map(str::to_owned).collect();
    assert!(!expected.is_empty() && out.contains("failed: full"), "{out}");
    expected.sort();
    assert_eq!(stored(&test.address).await, expected);
}

async fn run_out_of_memory(address: &str) {
    let db = Db::open(address).await.expect("the database opens");
    for n in 0..50 {
        let name = format!("fault-early-{n:02}");
        write(&db, &name, 2_000).await.expect("there is memory");
        println!("acknowledged {name}");
    }
    testing::on_writer(&db, "PRAGMA hard_heap_limit = 1500000").await.expect("it is set");
    let mut failed = 0;
    for n in 0..300 {
        let name = format!("fault-late-{n:03}");
        match write(&db, &name, 700_000).await {
            Ok(()) => println!("acknowledged {name}"),
            Err(DbError::Unavailable { cause, .. }) => {
                println!("failed: {}", cause.word());
                failed += 1;
            }
            Err(other) => println!("failed otherwise: {other:?}"),
        }
        if n % 3 == 0 {
            if let Ok(tx) = db.begin().await {
                let _ = setting::put(&tx, &format!("fault-refused-{n}"), "refused").await;
            }
            let small = format!("fault-small-{n:03}");
            if write(&db, &small, 1).await.is_ok() {
                println!("acknowledged {small}");
            }
        }
    }
    assert!(failed > 0, "the limit was never reached");
}

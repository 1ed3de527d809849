//! `/readyz` says what is wrong, each with its own word, and is well again when it is mended.

use std::path::Path;
use std::time::{Duration, Instant};

use db::Db;
use db::testing::{TestDb, try_sql};
use tokio::runtime::Runtime;

use crate::program::{Serving, run};

/// Asks until the first line is this one; answers are kept for some seconds.
fn becomes(serving: &Serving, status: &str, first: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let answer = serving.get("/readyz");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        if head.starts_with(&format!("HTTP/1.1 {status}")) && body.lines().next() == Some(first) {
            return body.to_owned();
        }
        assert!(Instant::now() < deadline, "not {status} {first}, but: {answer}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}

#[test]
fn a_lost_store_and_a_missing_key_have_words_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let serving = Serving::start(&data, &[]);
    let body = becomes(&serving, "200", "degraded signing_key_missing");
    assert!(body.contains("signing_key_missing: ") && body.contains("mianban key create"), "{body}");
    assert!(run(&data, &["key", "create"]).status.success());
    becomes(&serving, "200", "ready");

    // The folder is another one: not mounted, or of another installation.
    let (files, aside) = (data.join("files"), data.join("aside"));
    rename(&files, &aside);
    std::fs::create_dir(&files).unwrap();
    let body = becomes(&serving, "503", "unavailable store_lost");
    assert!(body.contains("its object `installation` is not there"), "{body}");
    std::fs::write(files.join("installation"), "another\n").unwrap();
    let other = "store_lost: the store of files is that of another installation";
    let deadline = Instant::now() + Duration::from_secs(20);
    while !serving.get("/readyz").contains(other) {
        assert!(Instant::now() < deadline, "{}", serving.get("/readyz"));
        std::thread::sleep(Duration::from_millis(300));
    }
    std::fs::remove_dir_all(&files).unwrap();
    rename(&aside, &files);
    becomes(&serving, "200", "ready");

    // Nothing can be written where the probe goes.
    std::fs::remove_file(files.join("probe")).unwrap();
    std::fs::create_dir_all(files.join("probe/x")).unwrap();
    becomes(&serving, "200", "degraded store_not_writable");
    std::fs::remove_dir_all(files.join("probe")).unwrap();
    becomes(&serving, "200", "ready");

    // A key that cannot be read.
    let keys = data.join("keys");
    let private = std::fs::read_dir(&keys).unwrap().map(|e| e.unwrap().path());
    let private = private.into_iter().find(|p| p.to_str().unwrap().ends_with(".key.pem")).unwrap();
    std::fs::write(&private, "nothing").unwrap();
    becomes(&serving, "200", "degraded signing_key_unusable");
    assert!(serving.terminate());
}

/// Somebody restored another database, or a newer program has upgraded this one.
#[test]
fn a_database_of_another_program_stops_the_service() {
    let runtime = Runtime::new().unwrap();
    for test in runtime.block_on(TestDb::each()) {
        let folder = tempfile::tempdir().unwrap();
        assert!(run(folder.path(), &["key", "create"]).status.success());
        let serving = Serving::start(folder.path(), &["--database-url", &test.address]);
        becomes(&serving, "200", "ready");
        let change = async |sql: &str| {
            let db = Db::open(&test.address).await.unwrap();
            try_sql(&db, sql).await.unwrap();
            db.close().await.unwrap();
        };
        let future = "INSERT INTO seaql_migrations (version, checksum, applied_at) VALUES ('9999_future', 'x', 1)";
        runtime.block_on(change(future));
        becomes(&serving, "503", "unavailable migrations_unknown");
        runtime.block_on(change("DELETE FROM seaql_migrations WHERE version IN ('9999_future', '0093_paper_keys')"));
        let body = becomes(&serving, "503", "unavailable migrations_pending");
        assert!(body.contains("0093_paper_keys are not applied"), "{body}");
        assert!(serving.terminate());
    }
}

/// PostgreSQL may be switched to read-only, and may be gone.
#[test]
fn a_read_only_database_and_one_that_is_gone_differ() {
    let runtime = Runtime::new().unwrap();
    let Some(test) = runtime.block_on(TestDb::postgres()) else { return };
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &["key", "create"]).status.success());
    let serving = Serving::start(folder.path(), &["--database-url", &test.address]);
    becomes(&serving, "200", "ready");
    let name = test.address.rsplit('/').next().unwrap().to_owned();
    let others = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    );
    runtime.block_on(async {
        test.db.clone().close().await.unwrap();
        let server = std::env::var("MIANBAN_TEST_POSTGRES").unwrap();
        let admin = Db::open(&server).await.unwrap();
        try_sql(&admin, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await.unwrap();
        try_sql(&admin, &others).await.unwrap();
        admin.close().await.unwrap();
    });
    becomes(&serving, "503", "unavailable database_read_only");
    runtime.block_on(async {
        let server = std::env::var("MIANBAN_TEST_POSTGRES").unwrap();
        let admin = Db::open(&server).await.unwrap();
        try_sql(&admin, &format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")).await.unwrap();
        try_sql(&admin, &others).await.unwrap();
        admin.close().await.unwrap();
    });
    becomes(&serving, "503", "unavailable database_unreachable");
    assert!(serving.get("/healthz").starts_with("HTTP/1.1 200"), "the process is alive");
}

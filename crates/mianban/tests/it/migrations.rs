//! `mianban migrate` on empty and filled databases: killed at random moments, started several times at once, and refused
//! before it changes anything when an option cannot be used.
//!
//! `MIANBAN_TEST_KILLS` says how often it is killed on each kind of database (6 without it, 200 in `make soak`).

use std::process::Stdio;
use std::time::{Duration, Instant};

use db::Db;
use db::testing::{TestDb, migrate_up_to, try_sql};
use tokio::runtime::Runtime;

use crate::program::{free_address, mianban, said};

/// The database that a filled one is upgraded from: with applications and certificates, and before most lists were added.
const OLD: &str = "0027_pre_write_off_declarer";
/// Applications of a filled database; every second one has a certificate.
const APPLICATIONS: i64 = 400;

fn numbers(from: &str, columns: &str, values: &str) -> String {
    format!(
        "INSERT INTO {from} ({columns}) WITH RECURSIVE n (i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {APPLICATIONS}) SELECT {values} FROM n"
    )
}

/// Rows as the program of that time has left them.
async fn fill(db: &Db) {
    migrate_up_to(db, OLD).await;
    let forever = "'0001-01-01', '9999-12-31'";
    let applicant = "applicant_name, applicant_folded, applicant_org_code, applicant_address, applicant_postcode, \
                     applicant_contact, applicant_phone, applicant_fax, applicant_email, applicant_remark";
    let rows = [
        format!(
            "INSERT INTO bureau (code, name, short_name, level, parent_code, valid_from, valid_to) \
             VALUES ('310000', '上海出入境检验检疫局', '上海局', 1, '', {forever})"
        ),
        format!("INSERT INTO clause VALUES ('1', '科研测试', '为科研、测试所需的产品', '', '', '', {forever})"),
        format!("INSERT INTO trade_mode VALUES ('0110', '一般贸易', TRUE, {forever})"),
        "INSERT INTO organisation (code, name, postcode, address, remark, created_at) \
         VALUES ('123456789', '示例电器(上海)有限公司', '200000', '示例路 1 号', '', 1)"
            .to_owned(),
        "INSERT INTO account (kind, username, username_folded, password_hash, display_name, organisation_id, membership, \
         created_at) VALUES ('enterprise', 'zhangshili', 'zhangshili', 'x', '张示例', 1, 'administrator', 1)"
            .to_owned(),
        numbers(
            "application",
            &format!(
                "state, owner_id, organisation_id, creation_key, number, certificate_no, {applicant}, clause_code, \
                 trade_mode, first_saved_at, expires_at, submitted_at, arrived_at, receiving_bureau, current_bureau, \
                 current_post"
            ),
            "CASE WHEN i % 2 = 0 THEN 'issued' ELSE 'accepting' END, 1, 1, 'key' || CAST(i AS TEXT), \
             'A' || CAST(i AS TEXT), CASE WHEN i % 2 = 0 THEN 'C' || CAST(i AS TEXT) END, '示例', '示例', '123456789', '', \
             '', '', '', '', '', '', '1', '0110', i, i, i, i, '310000', \
             CASE WHEN i % 2 = 1 THEN '310000' END, CASE WHEN i % 2 = 1 THEN 'accept' END",
        ),
        numbers(
            "application_item",
            "application_id, hs_code, hs_name, product_name, product_folded, model, model_folded, brand, manufacturer, \
             origin_country, qty, qty_unit, hs_qty, hs_unit, unit_price, total_price, currency, use_region_code, \
             use_address, serials, usage_note, remark, traits, creation_key",
            "i, '8415101000', '空调', '示例空调 ' || CAST(i AS TEXT), '示例空调' || CAST(i AS TEXT), 'KFR-35', 'kfr-35', '', \
             '', 'JP', 100000, '001', 100000, '001', 1, 1, 'CNY', '310115', '', '', '', '', '', 'k'",
        ),
        "INSERT INTO application_route (application_id, step, bureau_code) SELECT id, 'accept', '310000' FROM application"
            .to_owned(),
        "INSERT INTO application_viewer (bureau_code, application_id) SELECT '310000', id FROM application".to_owned(),
        "INSERT INTO certificate (application_id, number, check_code, state, version, valid_from, valid_to, bureau_code, \
         issued_at, issued_by, lines, open_lines) SELECT id, certificate_no, 'ABC', 'valid', 1, '2026-01-01', \
         '2026-12-31', '310000', 1, 1, 1, 1 FROM application WHERE state = 'issued'"
            .to_owned(),
        "INSERT INTO certificate_version (certificate_id, version, sheet, created_at) SELECT id, 1, '{}', 1 FROM certificate"
            .to_owned(),
        "INSERT INTO certificate_item (certificate_id, ordinal, required, hs_required) SELECT id, 1, 100000, 100000 \
         FROM certificate"
            .to_owned(),
    ];
    for sql in rows {
        try_sql(db, &sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

async fn count(db: &Db, sql: &str) -> i64 {
    db.read().number(sql, vec![]).await.unwrap()
}

/// Nothing of what was there is lost, and later tables hold what they should of it.
async fn is_upgraded(address: &str) {
    let db = Db::open(address).await.unwrap();
    assert_eq!(count(&db, "SELECT COUNT(*) FROM application").await, APPLICATIONS);
    assert_eq!(count(&db, "SELECT COUNT(*) FROM certificate WHERE owner_id = 1 AND lines = 1").await, APPLICATIONS / 2);
    let states = "SELECT COUNT(*) FROM application_viewer v JOIN application a ON a.id = v.application_id \
                  WHERE v.state = a.state";
    assert_eq!(count(&db, states).await, APPLICATIONS);
    assert_eq!(
        count(&db, "SELECT COUNT(*) FROM application_item WHERE product_folded LIKE '示例空调%'").await,
        APPLICATIONS
    );
    db.close().await.unwrap();
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    EmptySqlite,
    FilledSqlite,
    EmptyPostgres,
    FilledPostgres,
}

impl Kind {
    fn is_filled(self) -> bool {
        matches!(self, Self::FilledSqlite | Self::FilledPostgres)
    }

    /// A database of this kind; none without a server.
    async fn database(self) -> Option<TestDb> {
        let test = match self {
            Self::EmptySqlite | Self::FilledSqlite => TestDb::empty_sqlite().await,
            Self::EmptyPostgres | Self::FilledPostgres => TestDb::empty_postgres().await?,
        };
        if self.is_filled() {
            fill(&test.db).await;
        }
        test.db.clone().close().await.unwrap();
        Some(test)
    }
}

fn campaign(kind: Kind) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kills: u32 = std::env::var("MIANBAN_TEST_KILLS").map_or(6, |n| n.parse().unwrap());
    let command = |verb: &str, test: &TestDb| {
        let mut command = mianban(folder.path());
        command.args([verb, "--database-url", &test.address]);
        command
    };
    let Some(first) = runtime.block_on(kind.database()) else { return };
    let begun = Instant::now();
    let output = command("migrate", &first).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let whole = u64::try_from(begun.elapsed().as_millis()).unwrap();

    let mut seed = whole.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    let (mut killed, mut databases) = (0, 0);
    while killed < kills {
        let test = runtime.block_on(kind.database()).unwrap();
        databases += 1;
        // Killed again and again until it is through, or there were enough.
        loop {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let moment = Duration::from_millis((seed >> 33) % (whole + whole / 10 + 1));
            let mut child = command("migrate", &test).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(moment);
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "a run after {killed} kills");
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            if killed == kills {
                break;
            }
        }
        let output = command("migrate", &test).output().unwrap();
        assert!(output.status.success(), "after {killed} kills: {}", said(&output));
        let output = command("doctor", &test).output().unwrap();
        assert!(output.status.success(), "after {killed} kills: {}", said(&output));
        if kind.is_filled() {
            runtime.block_on(is_upgraded(&test.address));
        }
    }
    println!("{kind:?}: {killed} kills on {databases} databases; a run takes {whole} ms");
}

#[test]
fn a_killed_migration_of_an_empty_sqlite_goes_on() {
    campaign(Kind::EmptySqlite);
}

#[test]
fn a_killed_migration_of_a_filled_sqlite_goes_on() {
    campaign(Kind::FilledSqlite);
}

#[test]
fn a_killed_migration_of_an_empty_postgresql_goes_on() {
    campaign(Kind::EmptyPostgres);
}

#[test]
fn a_killed_migration_of_a_filled_postgresql_goes_on() {
    campaign(Kind::FilledPostgres);
}

/// Three machines are switched on at the same moment.
#[test]
fn programs_that_start_at_once_on_an_empty_database_all_succeed() {
    let runtime = Runtime::new().unwrap();
    for test in runtime.block_on(TestDb::each_empty()) {
        let folder = tempfile::tempdir().unwrap();
        runtime.block_on(test.db.clone().close()).unwrap();
        for _ in 0..2 {
            let starts: Vec<_> = (0..3)
                .map(|_| {
                    let mut command = mianban(folder.path());
                    command.args(["migrate", "--database-url", &test.address]);
                    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
                })
                .collect();
            for start in starts {
                let output = start.wait_with_output().unwrap();
                assert!(output.status.success(), "{}", said(&output));
            }
        }
        let doctor = mianban(folder.path()).args(["doctor", "--database-url", &test.address]).output().unwrap();
        assert!(doctor.status.success(), "{}", said(&doctor));
    }
}

/// A value that cannot be used is found out before anything is made.
#[test]
fn a_refused_start_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let file = file.to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let beneath = format!("{file}/below");
    let files = format!("file:{beneath}");
    let sqlite = format!("sqlite:{beneath}/mianban.sqlite");
    let data = folder.path().join("data");
    let refused = [
        vec!["--smtp-url", "http://x"],
        vec!["--smtp-url", "smtp://user:word@mail.example.com"],
        vec!["--smtp-url", "smtps://mail.example.com", "--smtp-ca", "/nowhere.pem"],
        vec!["--mail-from", "no address"],
        vec!["--mail-dir", &beneath],
        vec!["--files-url", "ftp://x"],
        vec!["--files-url", &files],
        vec!["--keys-dir", file],
        vec!["--public-url", "ftp://x"],
        vec!["--database-url", "mysql://x"],
        vec!["--database-url", &sqlite],
        vec!["--trusted-proxies", "10.0.0.0/99"],
        vec!["--demo-clock", "/tmp/clock"],
    ];
    // Asked for some seconds before it is given up.
    let of_migrate = [vec!["--database-url", "postgres://nobody@127.0.0.1:1/x"]];
    let of_serve = [vec!["--listen", &taken], vec!["--metrics-listen", &taken], vec!["--listen", "192.0.2.1:1"]];
    let listen = free_address().to_string();
    for verb in ["migrate", "worker", "serve"] {
        let more: &[Vec<&str>] = match verb {
            "serve" => &of_serve,
            "migrate" => &of_migrate,
            _ => &[],
        };
        for args in refused.iter().chain(more) {
            let mut command = mianban(&data);
            command.arg(verb).args(args);
            if verb == "serve" && !args.contains(&"--listen") {
                command.args(["--listen", &listen]);
            }
            let output = command.output().unwrap();
            assert!(!output.status.success(), "{verb} {args:?} started");
            let is_empty = std::fs::read_dir(&data).map_or(true, |mut entries| entries.next().is_none());
            assert!(is_empty, "{verb} {args:?} left something behind: {}", said(&output));
        }
    }
}

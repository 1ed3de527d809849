//! `mianban backup`, `restore` and `doctor`: what is damaged or missing is named.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use db::Db;
use db::testing::{TestDb, try_sql, without_guards};
use tokio::runtime::Runtime;

use crate::program::{Serving, mianban, said};

/// An installation of the program: its folder and the address of its database.
struct Installation {
    data: PathBuf,
    address: String,
}

impl Installation {
    fn run(&self, args: &[&str]) -> Output {
        mianban(&self.data).args(args).args(["--database-url", &self.address]).output().unwrap()
    }

    fn succeeds(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        said(&output)
    }

    /// Fails, and says all of this.
    fn fails(&self, args: &[&str], says: &[&str]) -> String {
        let output = self.run(args);
        let text = said(&output);
        assert!(!output.status.success(), "{args:?} succeeded: {text}");
        for part in says {
            assert!(text.contains(part), "{args:?} does not say {part:?}: {text}");
        }
        text
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files_below(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// Changes one byte in the middle.
fn damage(path: &Path) -> Vec<u8> {
    let sound = std::fs::read(path).unwrap();
    let mut bytes = sound.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
    sound
}

fn name(path: &Path, below: &Path) -> String {
    path.strip_prefix(below).unwrap().to_str().unwrap().to_owned()
}

/// The demonstration, with its papers made.
fn demonstration(runtime: &Runtime, site: &Installation) -> Serving {
    let serving = Serving::start(&site.data, &["--demo", "--database-url", &site.address]);
    let deadline = Instant::now() + Duration::from_mins(2);
    let unmade = async || {
        let db = Db::open(&site.address).await.unwrap();
        let sql = "SELECT COUNT(*) FROM certificate_version WHERE object_key IS NULL";
        let n = db.read().number(sql, vec![]).await.unwrap();
        db.close().await.unwrap();
        n
    };
    while runtime.block_on(unmade()) > 0 {
        assert!(Instant::now() < deadline, "the papers were not made");
        std::thread::sleep(Duration::from_millis(200));
    }
    serving
}

fn sql(runtime: &Runtime, site: &Installation, statements: &[&str]) {
    runtime.block_on(async {
        let db = Db::open(&site.address).await.unwrap();
        for statement in statements {
            try_sql(&db, statement).await.unwrap();
        }
        db.close().await.unwrap();
    });
}

/// Where the attachments lie, by their rows.
fn attachments(runtime: &Runtime, site: &Installation) -> Vec<String> {
    #[derive(db::Row)]
    struct Key {
        object_key: String,
    }
    runtime.block_on(async {
        let db = Db::open(&site.address).await.unwrap();
        let found: Vec<Key> = db.read().rows("SELECT object_key FROM attachment ORDER BY id", vec![]).await.unwrap();
        db.close().await.unwrap();
        found.into_iter().map(|k| k.object_key).collect()
    })
}

fn course(runtime: &Runtime, old: &TestDb, new: &TestDb) {
    let folder = tempfile::tempdir().unwrap();
    let site = Installation { data: folder.path().join("old"), address: old.address.clone() };
    runtime.block_on(old.db.clone().close()).unwrap();
    runtime.block_on(new.db.clone().close()).unwrap();

    // While people work.
    let serving = demonstration(runtime, &site);
    let backup = folder.path().join("backup");
    let to = backup.to_str().unwrap();
    let text = site.succeeds(&["backup", to]);
    assert!(text.contains("the backup is whole"), "{text}");
    site.fails(&["backup", to], &["is not empty"]);
    assert!(serving.terminate());
    let stored = files_below(&site.data.join("files")).len();
    assert!(stored > 50, "the demonstration has files: {stored}");

    // What is damaged in the backup is named, and nothing is restored.
    let fresh = Installation { data: folder.path().join("new"), address: new.address.clone() };
    let database = files_below(&backup).into_iter().find(|p| name(p, &backup).starts_with("database")).unwrap();
    let objects = attachments(runtime, &site);
    assert!(objects.len() > 20, "{}", objects.len());
    let attachment = backup.join("files").join(&objects[0]);
    let key = files_below(&backup.join("keys")).remove(0);
    for path in [&database, &attachment, &key] {
        let sound = damage(path);
        fresh.fails(&["restore", to], &[&format!("DAMAGED: {}", name(path, &backup)), "nothing was restored"]);
        std::fs::write(path, sound).unwrap();
    }
    let lost = std::fs::read(&attachment).unwrap();
    std::fs::remove_file(&attachment).unwrap();
    fresh.fails(&["restore", to], &[&name(&attachment, &backup), "it is missing"]);
    std::fs::write(&attachment, lost).unwrap();
    let manifest = backup.join("manifest.jsonl");
    let whole = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, &whole[..whole.len() / 2]).unwrap();
    fresh.fails(&["restore", to], &["is damaged or was broken off"]);
    std::fs::write(&manifest, &whole).unwrap();
    assert!(!fresh.data.exists() || files_below(&fresh.data).is_empty(), "nothing was restored");

    // Restored elsewhere, it is the same installation.
    let text = fresh.succeeds(&["restore", to]);
    assert!(text.contains("no fault found"), "{text}");
    fresh.succeeds(&["doctor", "--files", "full"]);
    let serving = Serving::start(&fresh.data, &["--demo", "--database-url", &fresh.address]);
    assert!(serving.get("/readyz").ends_with("ready"), "{}", serving.get("/readyz"));
    assert!(serving.terminate());
    fresh.fails(&["restore", to], &["already", "--replace"]);
    fresh.succeeds(&["restore", to, "--replace"]);

    // One file: of the same size, of another size, not there.
    let object = &objects[1];
    let path = fresh.data.join("files").join(object);
    let sound = damage(&path);
    fresh.succeeds(&["doctor"]);
    fresh.fails(&["doctor", "--files", "full"], &["FAULT: attachment ", object, "not what was stored", "1 faults"]);
    std::fs::write(&path, &sound[..sound.len() - 1]).unwrap();
    fresh.fails(&["doctor"], &["FAULT: attachment ", object, "bytes instead of", "1 faults"]);
    std::fs::remove_file(&path).unwrap();
    fresh.fails(&["doctor"], &["FAULT: attachment ", object, "is missing", "1 faults"]);
    std::fs::write(&path, &sound).unwrap();
    fresh.succeeds(&["doctor"]);
    let paper = files_below(&fresh.data.join("files/certificates")).remove(0);
    let sound = damage(&paper);
    fresh.fails(&["doctor", "--files", "full"], &["FAULT: paper of certificate ", "not what was stored"]);
    std::fs::write(&paper, sound).unwrap();

    // One row.
    runtime.block_on(async {
        let db = Db::open(&fresh.address).await.unwrap();
        without_guards(&db).await;
        let change =
            "UPDATE audit SET opinion = 'x' WHERE id = (SELECT MIN(id) FROM audit WHERE subject_kind = 'application')";
        try_sql(&db, change).await.unwrap();
        db.close().await.unwrap();
    });
    fresh.fails(&["doctor"], &["FAULT: audit chain of application ", "is broken at row"]);
    fresh.succeeds(&["restore", to, "--replace"]);

    // One key: first its certificate, then the private half too.
    let keys = files_below(&fresh.data.join("keys"));
    let (certificate, private) = (&keys[0], &keys[1]);
    let pem = std::fs::read(certificate).unwrap();
    std::fs::write(certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    fresh.fails(&["doctor"], &["FAULT: the certificate of the key ", "cannot be used"]);
    std::fs::write(certificate, &pem).unwrap();
    std::fs::remove_file(private).unwrap();
    fresh.fails(&["doctor"], &["FAULT: there is no signing key in "]);
    std::fs::remove_file(certificate).unwrap();
    let text = fresh.fails(&["doctor"], &["papers that it signed cannot be verified"]);
    let id = name(certificate, &fresh.data.join("keys"));
    let id = id.trim_end_matches(".cert.pem").rsplit('-').next().unwrap().to_owned();
    assert!(text.contains(&format!("the signing key {id}")), "{id} in {text}");
    // Papers of which it was not noted who signed them are read.
    sql(runtime, &fresh, &["UPDATE certificate_version SET key_id = ''"]);
    fresh.fails(&["doctor"], &["paper of certificate ", "signed by a key whose certificate is not in the folder"]);

    // Many files, and everything.
    fresh.succeeds(&["restore", to, "--replace"]);
    let removed = objects.len() / 2;
    for object in objects.iter().take(removed) {
        std::fs::remove_file(fresh.data.join("files").join(object)).unwrap();
    }
    let text = fresh.fails(&["doctor"], &["is missing"]);
    assert!(text.contains(&format!("{removed} faults found")), "{removed}: {text}");
    std::fs::remove_dir_all(fresh.data.join("files")).unwrap();
    std::fs::remove_dir_all(fresh.data.join("keys")).unwrap();
    fresh.fails(&["doctor"], &["is missing", "the store is not the one of this database", "there is no signing key"]);
    assert!(!fresh.data.join("files").exists(), "who looks makes nothing");

    // What was lost before the backup is named by it; the rest of a damaged backup can be restored.
    let poor = folder.path().join("poor");
    fresh.fails(&["backup", poor.to_str().unwrap()], &["is missing", "lacks what is missing here"]);
    damage(&attachment);
    let args = ["restore", to, "--replace", "--despite-damage"];
    fresh.fails(&args, &[&format!("DAMAGED: {}", name(&attachment, &backup)), "is missing", "1 faults found"]);
}

#[test]
fn a_backup_is_verified_and_restored_on_sqlite() {
    let runtime = Runtime::new().unwrap();
    let [old, new] = [0; 2].map(|_| runtime.block_on(TestDb::empty_sqlite()));
    // A file that is there already is no empty installation.
    let file = new.address.trim_start_matches("sqlite:").to_owned();
    runtime.block_on(new.db.clone().close()).unwrap();
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{file}{ending}"));
    }
    course(&runtime, &old, &new);
}

#[test]
fn a_backup_is_verified_and_restored_on_postgresql() {
    let runtime = Runtime::new().unwrap();
    let Some(old) = runtime.block_on(TestDb::empty_postgres()) else { return };
    let new = runtime.block_on(TestDb::empty_postgres()).unwrap();
    course(&runtime, &old, &new);
}

/// Without the programs of PostgreSQL there is one clear sentence.
#[test]
fn a_missing_pg_dump_is_named() {
    let runtime = Runtime::new().unwrap();
    let Some(test) = runtime.block_on(TestDb::postgres()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backup");
    let output = mianban(folder.path())
        .args(["backup", to.to_str().unwrap(), "--database-url", &test.address])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    assert!(!output.status.success() && said(&output).contains("pg_dump is not installed"), "{}", said(&output));
}

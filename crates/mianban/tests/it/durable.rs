//! What was acknowledged is on the disk: every file is flushed, and its folder, before anything goes on.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{free_address, mianban};

/// What happened to a file, in order.
#[derive(Debug, Default)]
struct Life {
    flushed: bool,
    named: bool,
    folder_flushed: bool,
}

/// The text between the quotation marks or angle brackets that come first.
fn between(text: &str, open: char, close: char) -> Option<&str> {
    let from = text.find(open)? + open.len_utf8();
    Some(&text[from..from + text[from..].find(close)?])
}

/// Watches the system calls of a demonstration that makes itself: uploads, papers, letters, a key.
#[test]
fn files_letters_and_keys_are_flushed_before_their_rows() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let log = folder.path().join("calls");
    let address = free_address();
    let own = mianban(&data);
    let mut traced = Command::new("strace");
    traced.args([
        "-f",
        "-y",
        "-s",
        "4096",
        "--seccomp-bpf",
        "-e",
        "trace=fsync,fdatasync,?rename,?renameat,renameat2,?link,linkat",
    ]);
    traced.arg("-o").arg(&log).arg(own.get_program());
    for (name, value) in own.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    traced.args(["serve", "--demo", "--listen", &address.to_string()]);
    let mut child = traced.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("strace is installed");
    let deadline = Instant::now() + Duration::from_mins(3);
    let has = |path: &str| std::fs::read_dir(data.join(path)).is_ok_and(|mut entries| entries.next().is_some());
    while !(has("files/certificates") && has("mail") && std::net::TcpStream::connect(address).is_ok()) {
        assert!(Instant::now() < deadline, "the demonstration was not made");
        assert!(child.try_wait().unwrap().is_none(), "the program ended");
        std::thread::sleep(Duration::from_millis(200));
    }
    // The one that is traced; strace ends with it.
    let id = child.id();
    let program = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    assert!(Command::new("kill").arg(program.trim()).status().unwrap().success());
    child.wait().unwrap();

    // A file is written under a passing name, flushed, and gets its name by a rename or a link; then its folder is flushed.
    let mut by_part: BTreeMap<String, bool> = BTreeMap::new();
    let mut lives: BTreeMap<String, Life> = BTreeMap::new();
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        let Some((_, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if call.starts_with("fsync") || call.starts_with("fdatasync") {
            let Some(path) = between(call, '<', '>') else { continue };
            by_part.insert(path.to_owned(), true);
            for (file, life) in &mut lives {
                if Path::new(file).parent() == Some(Path::new(path)) {
                    life.folder_flushed = life.named;
                }
            }
        } else {
            let names: Vec<_> = call.split('"').skip(1).step_by(2).collect();
            let &[part, name] = names.as_slice() else { continue };
            let flushed = by_part.get(part).copied().unwrap_or_default();
            lives.insert(name.to_owned(), Life { flushed, named: true, folder_flushed: false });
        }
    }
    for (what, least) in [("files/attachments/", 20), ("files/certificates/", 1), ("mail/", 1)] {
        let prefix = data.join(what).to_str().unwrap().to_owned();
        let found: Vec<_> = lives.iter().filter(|(name, _)| name.starts_with(&prefix)).collect();
        assert!(found.len() >= least, "{what}: {} files in {}", found.len(), lives.len());
        for (name, life) in found {
            assert!(life.flushed, "{name} got its name before it was flushed");
            assert!(life.folder_flushed, "the name of {name} was not flushed: {life:?}");
        }
    }
    let keys = std::fs::read_dir(data.join("keys")).unwrap().map(|e| e.unwrap().path());
    for key in keys {
        assert!(by_part.contains_key(key.to_str().unwrap()), "{} was not flushed", key.display());
    }
    assert!(by_part.contains_key(data.join("keys").to_str().unwrap()), "the folder of keys was not flushed");

    // And nobody else reads any of it.
    let mut open = vec![data.clone()];
    while let Some(path) = open.pop() {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            open.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else {
            assert_eq!(mode, 0o600, "{}", path.display());
        }
    }
}

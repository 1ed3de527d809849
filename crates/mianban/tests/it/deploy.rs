//! The files of `deploy/` are those that README quotes, name options that exist, and leave the service few rights.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{run, said};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A block of README whose first line names a file of `deploy/` is that file, to the letter, and none is left out that
/// an operator has to type.
#[test]
fn the_readme_quotes_the_files_of_deploy() {
    let readme = read(&root().join("README.md"));
    let mut quoted = Vec::new();
    for block in readme.split("\n```").skip(1).step_by(2) {
        let Some((_, text)) = block.split_once('\n') else { continue };
        let Some(name) = text.lines().next().and_then(|line| line.strip_prefix("# ")) else { continue };
        if name.starts_with("deploy/") && !name.contains(' ') {
            assert_eq!(format!("{text}\n"), read(&root().join(name)), "{name} in README.md");
            quoted.push(name.to_owned());
        }
    }
    assert_eq!(
        quoted,
        [
            "deploy/mianban.env",
            "deploy/systemd/mianban.service",
            "deploy/nginx/mianban.conf",
            "deploy/nginx/mianban-several.conf"
        ]
    );
    for path in files(&root().join("deploy")) {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        assert!(readme.contains(&name), "README.md does not say what {name} is for");
        assert_eq!(read(&path).lines().next(), Some(format!("# {name}").as_str()), "{name} begins with its name");
    }
}

/// Every variable of the example is an option, and every command of a unit is one of the program.
#[test]
fn what_is_deployed_is_known_to_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let help = said(&run(folder.path(), &["--help"]));
    for line in read(&root().join("deploy/mianban.env")).lines().filter(|l| !l.starts_with('#')) {
        let (variable, _) = line.split_once('=').unwrap();
        assert!(help.contains(variable), "{variable}");
    }
    for path in files(&root().join("deploy/systemd")) {
        for line in read(&path).lines().filter(|l| l.starts_with("ExecStart=")) {
            let command = line.split("/usr/local/bin/mianban ").nth(1).unwrap().split(' ').next().unwrap();
            assert!(run(folder.path(), &[command, "--help"]).status.success(), "{line}");
        }
    }
}

/// systemd's own measure, 0 to 10 in tenths; 30 is asked for.
#[test]
fn the_service_has_few_rights() {
    let units = files(&root().join("deploy/systemd"));
    let units: Vec<_> = units.iter().filter(|p| p.extension().is_some_and(|e| e == "service")).collect();
    assert_eq!(units.len(), 3);
    for unit in units {
        let judged = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
            .arg(unit)
            .output()
            .expect("systemd-analyze is installed");
        assert!(judged.status.success(), "{}: {}", unit.display(), said(&judged));
        let text = read(unit);
        for line in ["User=mianban", "UMask=0077", "StateDirectoryMode=0700"] {
            assert!(text.lines().any(|l| l == line), "{}: {line}", unit.display());
        }
    }
}

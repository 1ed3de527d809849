//! Options: each also an environment variable; what cannot be used stops the start with one sentence.

use std::process::Stdio;

use crate::program::{mianban, run, said};

/// The names are part of the contract.
const CONTRACT: [(&str, &str); 16] = [
    ("--listen", "MIANBAN_LISTEN"),
    ("--data-dir", "MIANBAN_DATA_DIR"),
    ("--database-url", "MIANBAN_DATABASE_URL"),
    ("--files-url", "MIANBAN_FILES_URL"),
    ("--smtp-url", "MIANBAN_SMTP_URL"),
    ("--smtp-ca", "MIANBAN_SMTP_CA"),
    ("--mail-dir", "MIANBAN_MAIL_DIR"),
    ("--mail-from", "MIANBAN_MAIL_FROM"),
    ("--public-url", "MIANBAN_PUBLIC_URL"),
    ("--metrics-listen", "MIANBAN_METRICS_LISTEN"),
    ("--demo", "MIANBAN_DEMO"),
    ("--keys-dir", "MIANBAN_KEYS_DIR"),
    ("--trusted-proxies", "MIANBAN_TRUSTED_PROXIES"),
    ("--log-format", "MIANBAN_LOG_FORMAT"),
    ("serve", "worker"),
    ("reference", "doctor"),
];

#[test]
fn help_is_the_reference_and_the_readme_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let help = said(&run(folder.path(), &["--help"]));
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    for (option, variable) in CONTRACT {
        assert!(help.contains(option) && help.contains(variable), "{option}, {variable} in:\n{help}");
    }
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
            .filter(|w| w.starts_with("--") && w.len() > 3 || w.starts_with("MIANBAN_"))
            .map(str::to_owned)
            .collect()
    };
    for word in words(&help) {
        assert!(words(&readme).contains(&word), "README.md does not name {word}");
    }
}

/// One sentence: which option, which value, why.
#[test]
fn an_unusable_value_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let beneath = format!("file:{}/below", file.display());
    for (args, says) in [
        (vec!["serve", "--listen", "nonsense"], "--listen"),
        (vec!["serve", "--listen", "192.0.2.1:1"], "--listen 192.0.2.1:1 cannot be used"),
        (vec!["serve", "--database-url", "mysql://x"], "must be sqlite:PATH or postgres://"),
        (vec!["serve", "--database-url", "postgres://nobody:secret@127.0.0.1:1/x"], "--database-url cannot be used"),
        (vec!["serve", "--files-url", "ftp://x"], "--files-url `ftp://x` cannot be used"),
        (vec!["serve", "--files-url", &beneath], "--files-url"),
        (vec!["serve", "--smtp-url", "http://x"], "--smtp-url"),
        (vec!["serve", "--mail-from", "no address"], "--mail-from `no address` cannot be used"),
        (vec!["serve", "--public-url", "ftp://x"], "--public-url `ftp://x"),
        (vec!["serve", "--trusted-proxies", "proxy"], "--trusted-proxies"),
        (vec!["serve", "--metrics-listen", "192.0.2.1:1"], "--metrics-listen 192.0.2.1:1 cannot be used"),
        (vec!["serve", "--log-format", "xml"], "--log-format"),
        (vec!["serve", "--nonsense"], "--nonsense"),
        (vec!["nonsense"], "nonsense"),
    ] {
        let output = run(&folder.path().join("data"), &args);
        let text = said(&output);
        assert!(!output.status.success(), "{args:?} started");
        assert!(text.contains(says), "{args:?} says:\n{text}");
        assert!(!text.contains("secret") && !text.contains("panicked"), "{text}");
    }
}

#[test]
fn an_unusable_variable_stops_the_start_too() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value, says) in [
        ("MIANBAN_LISTEN", "nonsense", "--listen"),
        ("MIANBAN_LISTNE", "127.0.0.1:1", "MIANBAN_LISTNE is no option"),
        ("MIANBAN_DEMO_CLOCK", "/tmp/clock", "only for demonstrations"),
        ("MIANBAN_FILES_URL", "x", "must begin with file: or s3:"),
    ] {
        let output = mianban(folder.path()).arg("serve").env(name, value).stdout(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "{name}={value} started");
        assert!(said(&output).contains(says), "{name}={value} says:\n{}", said(&output));
    }
}

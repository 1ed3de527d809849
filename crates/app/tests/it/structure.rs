//! Rules of the code base that the compiler does not know.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    files(folder, "rs")
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found
}

/// Every icon that a template or the menu names is in the sprite: another one would be blank.
#[test]
fn every_icon_that_is_named_is_in_the_sprite() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(root.join("../../assets/icons.txt")).unwrap();
    let known: Vec<_> = list.lines().collect();
    let mut missing = Vec::new();
    let mut seen = 0;
    let templates = files(&root.join("src"), "html").into_iter().chain(files(&root.join("../kit/src"), "html"));
    for path in templates {
        for rest in fs::read_to_string(&path).unwrap().split("kit::icon(\"").skip(1) {
            let name = rest.split('"').next().unwrap_or_default();
            seen += 1;
            if !known.contains(&name) {
                missing.push(format!("{name} in {}", path.display()));
            }
        }
    }
    for rest in fs::read_to_string(root.join("src/frame.rs")).unwrap().split("item(\"").skip(1) {
        let parts: Vec<_> = rest.split('"').take(5).collect();
        // Label, address and icon are written out.
        let [_, ", ", _, ", ", name] = parts[..] else { continue };
        seen += 1;
        if !known.contains(&name) {
            missing.push(format!("{name} in frame.rs"));
        }
    }
    assert!(seen > 100, "{seen}");
    assert_eq!(missing, Vec::<String>::new());
}

const CAPABILITIES: [&str; 23] = [
    "accounts",
    "amendment",
    "application",
    "audit",
    "background",
    "casework",
    "certificate",
    "ending",
    "exports",
    "home",
    "login",
    "mailbox",
    "organisations",
    "profile",
    "publishing",
    "reference",
    "registration",
    "routing",
    "search",
    "statistics",
    "supervision",
    "usage",
    "write_off",
];

/// E26: no capability folder imports another; what several show lies in `parts`.
#[test]
fn no_capability_imports_another() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for capability in CAPABILITIES {
        assert!(src.join(capability).is_dir(), "{capability}");
    }
    let folders: Vec<_> = fs::read_dir(&src)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .map(|p| p.file_name().unwrap().to_str().unwrap().to_owned())
        .filter(|f| !matches!(f.as_str(), "jobs" | "parts"))
        .collect();
    assert_eq!(folders.len(), CAPABILITIES.len(), "{folders:?}: a new capability belongs into this test");
    for file in sources(&src) {
        let text = fs::read_to_string(&file).unwrap();
        let inside = file.strip_prefix(&src).unwrap();
        let own = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        if matches!(own, "site.rs" | "reports.rs") {
            continue;
        }
        for other in CAPABILITIES.iter().filter(|c| **c != own) {
            for import in [format!("use crate::{other}::"), format!("crate::{other}::")] {
                assert!(!text.contains(&import), "{} uses {import}", inside.display());
            }
        }
    }
}

/// The URL names the file: the last noun of an address is a file of a capability folder.
#[test]
fn the_url_names_the_file() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files: Vec<_> = sources(&src).iter().map(|p| p.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    // Resources that are one deed on another screen's file, or the root of a list.
    let beside = [
        ("applications", "list"),
        ("", "home"),
        ("healthz", "operations"),
        ("readyz", "operations"),
        ("session", "logout"),
        ("applicant", "basics"),
        ("deletion", "list"),
        ("new", "item"),
        ("template", "import"),
        ("rows", "import"),
        ("edit", "item"),
        ("preview", "attachments"),
        ("receipt", "submission"),
        ("withdrawal", "show"),
        ("casework", "worklist"),
        ("taking", "case"),
        ("release", "case"),
        ("certificate", "show"),
        ("certificates", "list"),
        ("document", "show"),
        ("confirmation", "colleagues"),
        ("refusal", "colleagues"),
        ("handover", "colleagues"),
        ("second_factor_reset", "colleagues"),
        ("sharing", "colleagues"),
        ("cancellation", "amendment_request"),
        ("resending", "letters"),
        ("supervision", "waiting"),
        ("tails", "dossier"),
        ("closure", "dossier"),
        ("qr", "second_factor"),
        ("V", "statement"),
        ("v", "statement"),
        ("codes", "second_factor"),
        ("removal", "second_factor"),
        ("accounts", "list"),
        ("retry", "jobs"),
        ("reference", "list"),
        ("cancellation", "row"),
        ("publishing", "list"),
        ("suspension", "account"),
        ("reinstatement", "account"),
        ("ending", "delegation"),
        ("selection", "assignment"),
        ("default", "saved_filters"),
        ("insertion", "phrases"),
        ("striking", "notes"),
        ("organisations", "list"),
        ("lifting", "organisation"),
        ("administrator", "organisation"),
        ("vouching", "users"),
        ("role", "colleagues"),
    ];
    for (_, path) in app::site::site().table() {
        let noun = path.split('/').rfind(|s| !s.starts_with('{')).unwrap_or_default().replace('-', "_");
        let file = beside.iter().find(|(n, _)| *n == noun).map_or(noun.as_str(), |(_, f)| f);
        assert!(files.iter().any(|f| f == file), "{path}: there is no file for {noun}");
    }
}

/// Whoever reads the trail reads Chinese: each word that a deed is recorded by has a name.
#[test]
fn every_recorded_deed_has_a_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut words = std::collections::BTreeSet::new();
    for folder in [root.join("../db/src"), root.join("src")] {
        for path in sources(&folder) {
            let source = fs::read_to_string(&path).unwrap();
            for mark in ["Entry::of(\"", "audited(tx, permit, \""] {
                words.extend(source.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
            }
        }
    }
    assert!(words.len() > 20, "{words:?}");
    let unnamed: Vec<_> = words.iter().filter(|w| app::audit::action_label(w) == w.as_str()).collect();
    assert_eq!(unnamed, Vec::<&String>::new());
}

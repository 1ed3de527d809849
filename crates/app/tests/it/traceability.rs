//! Every requirement has a test that shows it, and every test names requirements that exist.
//!
//! The requirements lie in `docs/requirements.txt`, one a line. A test shows one by carrying its id: in its doc comment
//! (`/// R-2.2-02, D27: …`) or in its name (`fn r_2_2_02_…`); a journey in the comment above it or in its title. Ranges
//! are understood: `R-2.2-06 to -13, -15, -21`, `R-1.4-01…04`. `make docs` writes `docs/requirements.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Whether every requirement of a section must have a test by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coverage {
    /// A requirement without a test fails.
    Complete,
    /// The capability is still to come, wholly or in part.
    Later,
}

use Coverage::{Complete, Later};

/// The sections in the order of the manual. A finished one is set to [`Complete`] here, and nowhere else.
const SECTIONS: &[(&str, &str, Coverage)] = &[
    ("1", "系统首页", Complete),
    ("1.1", "注册", Complete),
    ("1.2", "登录", Complete),
    ("1.3", "退出系统，主页面", Complete),
    ("1.4", "找回密码", Complete),
    ("1.5", "下载用户手册", Complete),
    ("2", "主页功能", Complete),
    ("2.1", "新申请", Complete),
    ("2.1.1", "填写申请信息", Complete),
    ("2.1.2", "添加产品信息", Complete),
    ("2.1.3", "添加附件信息", Complete),
    ("2.2", "查看申请列表", Complete),
    ("2.3", "修改申请", Complete),
    ("2.4", "补正申请", Complete),
    ("2.5", "查看申请单", Complete),
    ("2.5.1", "查看申请信息", Complete),
    ("2.5.2", "查看附件", Complete),
    ("2.5.3", "查看产品", Complete),
    ("2.6", "查看证明", Complete),
    ("2.7", "修改证明", Complete),
    ("2.8", "预核销", Complete),
    ("2.9", "填写产品使用记录", Complete),
    ("2.9.1", "使用单位", Complete),
    ("2.9.2", "退运记录", Complete),
    ("2.9.3", "销毁记录", Complete),
    ("2.9.4", "查看记录", Complete),
    ("3", "修改用户信息", Complete),
    ("B", "检验检疫局（手册没有相应章节）", Later),
    ("C", "认监委（手册没有相应章节）", Later),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Id and statement, in order.
fn requirements() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("docs/requirements.txt")).unwrap();
    text.lines()
        .map(|line| {
            let (id, statement) = line.split_once(' ').unwrap_or_else(|| panic!("no statement in “{line}”"));
            (id.to_owned(), statement.to_owned())
        })
        .collect()
}

fn section_of(id: &str) -> &str {
    id.strip_prefix("R-").and_then(|rest| rest.rsplit_once('-')).map_or("", |(section, _)| section)
}

/// A section and a number at the beginning of a text, and what follows them.
fn id_at(text: &str) -> Option<(&str, u32, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == 'B' || c == 'C'))?;
    let (section, rest) = text.split_at(end);
    let (number, rest) = number_at(rest.strip_prefix('-')?)?;
    (!section.is_empty()).then_some((section, number, rest))
}

/// Two digits at the beginning of a text, and what follows them.
fn number_at(text: &str) -> Option<(u32, &str)> {
    let digits = text.get(..2)?;
    let rest = &text[2..];
    let whole = digits.bytes().all(|b| b.is_ascii_digit()) && !rest.starts_with(|c: char| c.is_ascii_digit());
    whole.then(|| digits.parse().ok().map(|n| (n, rest))).flatten()
}

/// Every id that a text names, ranges written out.
fn ids_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some(at) = rest.find("R-") {
        rest = &rest[at + 2..];
        let Some((section, first, mut more)) = id_at(rest) else { continue };
        let mut note = |n: u32| {
            found.insert(format!("R-{section}-{n:02}"));
        };
        note(first);
        let mut last = first;
        loop {
            let trimmed = more.trim_start();
            let joined = [("to ", true), ("–", true), ("…", true), (", ", false), ("and ", false)]
                .into_iter()
                .find_map(|(mark, is_range)| trimmed.strip_prefix(mark).map(|r| (is_range, r)));
            let Some((is_range, after)) = joined else { break };
            let Some((next, after)) = number_at(after.trim_start().trim_start_matches('-')) else { break };
            if is_range {
                (last..=next).for_each(&mut note);
            } else {
                note(next);
            }
            last = next;
            more = after;
        }
        rest = more;
    }
    found
}

/// The id in a name such as `r_2_1_3_05_a_contract_number_asks_for_its_file`.
fn id_in_name(name: &str) -> Option<String> {
    let parts: Vec<_> = name.strip_prefix("r_")?.split('_').take_while(|p| is_part(p)).collect();
    let (number, section) = parts.split_last()?;
    (number.len() == 2 && !section.is_empty()).then(|| format!("R-{}-{number}", section.join(".").to_uppercase()))
}

fn is_part(part: &str) -> bool {
    part == "b" || part == "c" || (!part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// A test with the requirements it shows.
#[derive(Debug)]
struct Shown {
    file: String,
    name: String,
    ids: BTreeSet<String>,
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.to_str().unwrap().ends_with(ending) {
            found.push(path);
        }
    }
}

/// The tests of a Rust file: functions with an attribute `…test]` or `tokio::test(…)`, and the doc comment above them.
fn tests_of_rust(file: &str, text: &str) -> Vec<Shown> {
    let mut tests = Vec::new();
    let mut doc = String::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            doc.push_str(words);
            continue;
        }
        if line.starts_with("#[") {
            is_test |= line.ends_with("test]") || line.starts_with("#[tokio::test(");
            continue;
        }
        if let Some((_, name)) = line.split_once("fn ")
            && is_test
        {
            let name = name.split(['(', '<']).next().unwrap_or_default().to_owned();
            let mut ids = ids_in(&doc);
            ids.extend(id_in_name(&name));
            tests.push(Shown { file: file.to_owned(), name, ids });
        }
        doc.clear();
        is_test = false;
    }
    tests
}

/// The journeys of a script: `journey("title", …)` and the comment above it.
fn tests_of_script(file: &str, text: &str) -> Vec<Shown> {
    let mut tests = Vec::new();
    let mut comment = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("//") {
            comment.push_str(words);
            continue;
        }
        let title = line.split_once("journey(").and_then(|(_, rest)| {
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '`'))?;
            rest[1..].split_once(quote).map(|(title, _)| title)
        });
        if let Some(title) = title {
            let ids = ids_in(&format!("{comment} {title}"));
            tests.push(Shown { file: file.to_owned(), name: title.to_owned(), ids });
        }
        comment.clear();
    }
    tests
}

fn tests() -> Vec<Shown> {
    let root = root();
    let mut paths = Vec::new();
    files(&root.join("crates"), ".rs", &mut paths);
    files(&root.join("e2e"), ".journey.mjs", &mut paths);
    paths.sort();
    let mut shown = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let file = path.strip_prefix(&root).unwrap().to_str().unwrap();
        if path.extension().is_some_and(|e| e == "rs") {
            shown.extend(tests_of_rust(file, &text));
        } else {
            shown.extend(tests_of_script(file, &text));
        }
    }
    shown
}

fn document(requirements: &[(String, String)], tests: &[Shown]) -> String {
    let mut by_id: BTreeMap<&str, Vec<&Shown>> = BTreeMap::new();
    for test in tests {
        for id in &test.ids {
            by_id.entry(id).or_default().push(test);
        }
    }
    let mut out = String::from(
        "# Requirements and their tests\n\nPrinted from `docs/requirements.txt` and the tests themselves by a test; `make docs` \
         rewrites it. A section marked “complete” fails the tests when one of its requirements has none.\n",
    );
    for (section, title, coverage) in SECTIONS {
        let own: Vec<_> = requirements.iter().filter(|(id, _)| section_of(id) == *section).collect();
        let shown = own.iter().filter(|(id, _)| by_id.contains_key(id.as_str())).count();
        let state = if *coverage == Complete { "complete" } else { "still to come" };
        let total = own.len();
        out.extend(["\n## ", section, " ", title, "\n\n"]);
        out.extend([
            &format!("{shown} of {total} shown, {state}.\n\n"),
            "| id | requirement | tests |\n|---|---|---|\n",
        ]);
        for (id, statement) in own {
            let tests: Vec<_> = by_id.get(id.as_str()).into_iter().flatten().map(|t| link(t)).collect();
            let tests = if tests.is_empty() { "—".to_owned() } else { tests.join("<br>") };
            out.extend(["| ", id, " | ", &statement.replace('|', "\\|"), " | ", &tests, " |\n"]);
        }
    }
    out
}

fn link(test: &Shown) -> String {
    let name = if test.file.starts_with("e2e") { format!("“{}”", test.name) } else { format!("`{}`", test.name) };
    format!("[{name}](../{})", test.file)
}

/// Every requirement of a finished section has a test, no test names an unknown one, and the printed table is current.
#[test]
fn every_requirement_has_its_test() {
    let requirements = requirements();
    let known: BTreeSet<_> = requirements.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(known.len(), requirements.len(), "an id stands twice in docs/requirements.txt");
    for id in &known {
        assert!(SECTIONS.iter().any(|(s, _, _)| *s == section_of(id)), "{id} belongs to no section of the list");
    }
    let tests = tests();
    let mut shown = BTreeSet::new();
    let mut wrong = Vec::new();
    for test in &tests {
        for id in &test.ids {
            if known.contains(id.as_str()) {
                shown.insert(id.as_str());
            } else {
                wrong.push(format!("{id} is no requirement, but {} of {} names it", test.name, test.file));
            }
        }
    }
    for (id, statement) in &requirements {
        let section = SECTIONS.iter().find(|(s, _, _)| *s == section_of(id));
        if section.is_some_and(|(_, _, c)| *c == Complete) && !shown.contains(id.as_str()) {
            wrong.push(format!("{id} has no test: {statement}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let path = root().join("docs/requirements.md");
    let table = document(&requirements, &tests);
    if std::env::var_os("MIANBAN_UPDATE_DOCS").is_some() {
        fs::write(&path, &table).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == table, "docs/requirements.md is stale: run `make docs`");
}

/// Comments of the code itself name requirements that exist, too.
#[test]
fn no_comment_names_an_unknown_requirement() {
    let known: BTreeSet<_> = requirements().into_iter().map(|(id, _)| id).collect();
    let mut paths = Vec::new();
    files(&root().join("crates"), ".rs", &mut paths);
    for path in paths.iter().filter(|p| !p.ends_with("tests/it/traceability.rs")) {
        let text = fs::read_to_string(path).unwrap();
        for line in text.lines().filter(|l| l.trim_start().starts_with("//")) {
            for id in ids_in(line) {
                assert!(known.contains(&id), "{id} in {}: {line}", path.display());
            }
        }
    }
}

#[test]
fn ids_and_ranges_are_understood() {
    let read = |text: &str| ids_in(text).into_iter().collect::<Vec<_>>();
    assert_eq!(read("/// R-2.2-02, D27: fuzzy"), ["R-2.2-02"]);
    assert_eq!(read("R-2.1.1-04 to -06, -10: x"), ["R-2.1.1-04", "R-2.1.1-05", "R-2.1.1-06", "R-2.1.1-10"]);
    assert_eq!(read("R-1.4-01…03 and R-B-01"), ["R-1.4-01", "R-1.4-02", "R-1.4-03", "R-B-01"]);
    assert_eq!(read("(R-2.1.3-02, -17; R-C-03)"), ["R-2.1.3-02", "R-2.1.3-17", "R-C-03"]);
    assert_eq!(read("R-1-01 and -03, 2026"), ["R-1-01", "R-1-03"]);
    assert!(read("`R-…`, HR-20, R-x").is_empty());
    assert_eq!(id_in_name("r_2_1_3_05_a_number").as_deref(), Some("R-2.1.3-05"));
    assert_eq!(id_in_name("r_3_02_names").as_deref(), Some("R-3-02"));
    assert_eq!(id_in_name("a_test"), None);
}

/// The reader of this file is itself tried: a test, its comment over two lines, another attribute between.
#[test]
fn tests_are_found_with_their_comments() {
    let source = "/// R-1-01,\n/// -02: text\n#[tokio::test]\n#[ignore]\nasync fn r_1_03_x() {\n}\n\n/// R-1-04\nfn helper() {}\n";
    let found = tests_of_rust("a.rs", source);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].ids.iter().collect::<Vec<_>>(), ["R-1-01", "R-1-02", "R-1-03"]);
    let script = "// R-1-02\njourney(\"公共首页 R-1-01\", async () => {});\n  journey(`other`, x);";
    let found = tests_of_script("a.mjs", script);
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].ids.len(), 2);
    assert!(found[1].ids.is_empty());
}

//! Reads which characters the faces of the certificate hold, so that asking for one reads no face at run time, and
//! collects the sources of the user's manual. Fails early, with one clear line, when the fonts have not been fetched.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

const FACES: [&str; 2] = ["NotoSerifSC-Regular.ttf", "NotoSerifSC-Bold.ttf"];

fn main() {
    let mut common: Option<BTreeSet<u32>> = None;
    for file in FACES {
        let path = format!("fonts/{file}");
        println!("cargo::rerun-if-changed={path}");
        let Ok(bytes) = fs::read(&path) else {
            println!("cargo::error=fonts are missing: run `make assets` first");
            return;
        };
        let held = characters(&bytes);
        common = Some(match common {
            Some(before) => before.intersection(&held).copied().collect(),
            None => held,
        });
    }

    let mut code = String::from("&[");
    for (first, last) in ranges(&common.unwrap_or_default()) {
        write!(code, "('\\u{{{first:x}}}', '\\u{{{last:x}}}'), ").expect("a text can be written to");
    }
    code.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("coverage.rs"), code).expect("OUT_DIR can be written");
    fs::write(out.join("manual.rs"), manual()).expect("OUT_DIR can be written");
}

/// The files of `docs/manual` as a list of path and content, in order of path.
fn manual() -> String {
    let root = fs::canonicalize("../../docs/manual").expect("the sources of the manual are part of the project");
    let mut found = BTreeSet::new();
    for folder in [root.clone(), root.join("pictures")] {
        println!("cargo::rerun-if-changed={}", folder.display());
        for entry in fs::read_dir(&folder).expect("the folder of the manual can be read") {
            let path = entry.expect("the folder of the manual can be read").path();
            if path.extension().is_some_and(|e| e == "typ" || e == "png") {
                found.insert(path);
            }
        }
    }
    let mut code = String::from("&[");
    for path in found {
        let name = path.strip_prefix(&root).expect("it was found below the root").to_str().expect("names are ASCII");
        write!(code, "({name:?}, include_bytes!({:?})), ", path.to_str().expect("paths are UTF-8"))
            .expect("a text can be written to");
    }
    code.push(']');
    code
}

/// The characters for which a face has a glyph.
fn characters(face: &[u8]) -> BTreeSet<u32> {
    let face = ttf_parser::Face::parse(face, 0).expect("the fonts are those of the lock file");
    let mut held = BTreeSet::new();
    for table in
        face.tables().cmap.into_iter().flat_map(|cmap| cmap.subtables).filter(ttf_parser::cmap::Subtable::is_unicode)
    {
        table.codepoints(|c| {
            if table.glyph_index(c).is_some_and(|glyph| glyph.0 != 0) {
                held.insert(c);
            }
        });
    }
    held
}

/// The same as first and last of each unbroken run.
fn ranges(held: &BTreeSet<u32>) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &c in held {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == c => *last = c,
            Some(_) | None => runs.push((c, c)),
        }
    }
    runs
}

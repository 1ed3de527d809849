//! Turns the list of faces that `make assets` wrote into tables of the program, and collects the sources of the user's
//! manual. Fails early, with one clear line, when the fonts have not been fetched.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

/// First and last of an unbroken run of characters.
type Run = (u32, u32);

fn main() {
    for file in ["NotoSerifSC-Regular.ttf", "NotoSerifSC-Bold.ttf", "fallback.bin", "fallback.txt"] {
        let path = format!("fonts/{file}");
        println!("cargo::rerun-if-changed={path}");
        if !fs::exists(&path).unwrap_or_default() {
            println!("cargo::error=fonts are missing: run `make assets` first");
            return;
        }
    }
    let index = fs::read_to_string("fonts/fallback.txt").expect("the list of faces can be read");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let (code, printable) = faces(&index);
    fs::write(out.join("faces.rs"), code).expect("OUT_DIR can be written");
    fs::write(out.join("printable.bin"), printable).expect("OUT_DIR can be written");
    fs::write(out.join("manual.rs"), manual()).expect("OUT_DIR can be written");
}

/// The faces as code, and one bit for each code point: whether a face prints it. `scripts/faces.mjs` writes the list.
fn faces(index: &str) -> (String, Vec<u8>) {
    let mut printable = vec![0_u8; 0x11_0000 / 8];
    let mut main = Vec::new();
    let mut pieces = String::new();
    for line in index.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let held = match words.as_slice() {
            ["edition", _] => continue,
            ["main", held @ ..] => {
                main = runs(held);
                main.clone()
            }
            ["face", family, weight, at, packed, size, held @ ..] => {
                let (family, held) = (family.replace('_', " "), runs(held));
                writeln!(
                    pieces,
                    "Piece {{ family: {family:?}, weight: {weight}, at: {at}, packed: {packed}, size: {size}, \
                     held: &{held:?} }},"
                )
                .expect("a text can be written to");
                held
            }
            _ => panic!("fonts/fallback.txt is not a list of faces: run `make assets`"),
        };
        for c in held.into_iter().flat_map(|(first, last)| first..=last) {
            let at = usize::try_from(c).expect("a code point fits");
            printable[at / 8] |= 1 << (at % 8);
        }
    }
    let code = format!(
        "/// Held by the main face.\npub(super) static MAIN: &[Run] = &{main:?};\n/// All pieces.\npub(super) static PIECES: &[Piece] = &[{pieces}];\n"
    );
    (code, printable)
}

/// `4e00-9fff` and the like.
fn runs(words: &[&str]) -> Vec<Run> {
    let number = |text: &str| u32::from_str_radix(text, 16).expect("a hexadecimal number");
    words.iter().filter_map(|word| word.split_once('-')).map(|(a, b)| (number(a), number(b))).collect()
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

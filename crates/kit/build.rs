//! Embeds `assets/dist`, which `make assets` builds, and gives its content hash to the crate as `ASSET_VERSION`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let dist = Path::new(&manifest).join("../../assets/dist");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());

    let Ok(version) = content_hash(&dist) else {
        println!("cargo::error=assets are missing: run `make assets` first");
        return;
    };
    println!("cargo::rustc-env=ASSET_VERSION={version}");

    // Embedded in every profile: the program and its tests run from any folder.
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let dist = fs::canonicalize(dist).expect("it has just been read");
    let code = memory_serve::assets_to_code(&dist.to_string_lossy(), &dist, &out, true, |_| ());
    fs::write(out.join("assets.rs"), code).expect("OUT_DIR can be written");
}

/// A hash over the names and contents of all files, which changes the address of every asset when one changes.
fn content_hash(folder: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    if !files.iter().any(|file| file.ends_with("app.css")) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(folder).unwrap_or(&file).hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

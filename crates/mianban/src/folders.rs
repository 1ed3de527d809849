//! Folders and files on the disk of this machine: judged before anything is made, private to the service, and flushed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::fs::Access;

/// Whatever the program makes from now on, nobody but its user reads: folders 0700, files 0600.
pub fn be_private() {
    use rustix::fs::Mode;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Refuses a folder that can neither be used nor made, and makes nothing.
pub fn judge(option: &str, folder: &Path) -> anyhow::Result<()> {
    let absolute = std::path::absolute(folder).with_context(|| format!("{option}: the folder has no name"))?;
    let nearest = absolute.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    let shown = folder.display();
    anyhow::ensure!(nearest.is_dir(), "{option}: the folder {shown} cannot be made: {} is a file", nearest.display());
    rustix::fs::access(nearest, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(io::Error::from)
        .with_context(|| format!("{option}: the folder {shown} cannot be used: {}", nearest.display()))
}

/// Which of these others than the owner may read or change; what lies in a private folder is private.
pub fn exposed(folder: &Path, within: &[PathBuf]) -> Vec<PathBuf> {
    let is_open = |path: &Path| fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0);
    within.iter().filter(|p| is_open(p) && (!p.starts_with(folder) || is_open(folder))).cloned().collect()
}

/// Writes a new file that is whole and on the disk when this returns: under another name first, flushed, then named.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    flush(folder)
}

/// Flushes the names in a folder.
pub fn flush(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Flushes everything that was written to the disk of this folder.
pub fn flush_disk(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

/// Whether there is nothing in a folder; one that is not there is empty.
pub fn is_empty(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letter.eml");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_judged_without_being_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        let deep = folder.path().join("a/b/c");
        judge("--mail-dir", &deep).unwrap();
        assert!(!folder.path().join("a").exists());
        let why = judge("--mail-dir", &file.join("below")).unwrap_err().to_string();
        assert!(why.contains("--mail-dir") && why.contains("is a file"), "{why}");
    }

    #[test]
    fn what_lies_in_a_private_folder_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let set = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        set(0o700);
        assert!(exposed(folder.path(), std::slice::from_ref(&file)).is_empty());
        set(0o755);
        assert_eq!(exposed(folder.path(), std::slice::from_ref(&file)), [file]);
    }
}

//! Where files lie: a folder, or an S3-compatible store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;

use crate::folders;
use crate::options::Options;
use crate::patience::Patient;

/// Where files lie, as `--files-url` says.
enum Place {
    Folder(PathBuf),
    S3(String),
}

fn place(options: &Options) -> anyhow::Result<Place> {
    let Some(address) = &options.files_url else { return Ok(Place::Folder(options.data_dir.join("files"))) };
    if let Some(folder) = address.strip_prefix("file:") {
        return Ok(Place::Folder(folder.strip_prefix("//").unwrap_or(folder).into()));
    }
    if address.starts_with("s3:") {
        return Ok(Place::S3(address.clone()));
    }
    anyhow::bail!("--files-url `{address}` cannot be used: it must begin with file: or s3:")
}

/// The folder of files; none when they lie in a bucket.
pub fn folder(options: &Options) -> Option<PathBuf> {
    match place(options) {
        Ok(Place::Folder(folder)) => Some(folder),
        Ok(Place::S3(_)) | Err(_) => None,
    }
}

/// Refuses an address that cannot be used, and makes nothing.
pub fn judge(options: &Options) -> anyhow::Result<()> {
    match place(options)? {
        Place::Folder(folder) => folders::judge("--files-url", &folder),
        Place::S3(address) => s3(&address).map(|_| ()),
    }
}

/// Opens the store that `--files-url` names; the folder `files` of the data folder by default. What it has taken is on the
/// disk: a row is never older than its file.
pub fn open(options: &Options) -> anyhow::Result<Arc<dyn ObjectStore>> {
    match place(options)? {
        Place::Folder(folder) => {
            let shown = folder.display();
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("--files-url: the folder {shown} cannot be made"))?;
            Ok(patient(local(&folder)?, options))
        }
        Place::S3(address) => Ok(patient(s3(&address)?, options)),
    }
}

/// Every call of the store ends within `--files-timeout`.
fn patient(store: Arc<dyn ObjectStore>, options: &Options) -> Arc<dyn ObjectStore> {
    Arc::new(Patient::new(store, Duration::from_secs(options.files_timeout)))
}

/// The same for somebody who only reads: what is not there is not made, and looks empty.
pub fn open_to_read(options: &Options) -> anyhow::Result<Arc<dyn ObjectStore>> {
    match place(options)? {
        Place::Folder(folder) if !folder.is_dir() => Ok(Arc::new(InMemory::new())),
        Place::Folder(folder) => Ok(patient(local(&folder)?, options)),
        Place::S3(address) => Ok(patient(s3(&address)?, options)),
    }
}

fn local(folder: &Path) -> anyhow::Result<Arc<dyn ObjectStore>> {
    Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_automatic_cleanup(true).with_fsync(true)))
}

/// An S3-compatible store; keys, region and endpoint come by the usual `AWS_…` variables.
fn s3(address: &str) -> anyhow::Result<Arc<dyn ObjectStore>> {
    // A second call finds the provider of the first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = object_store::aws::AmazonS3Builder::from_env()
        .with_url(address)
        .build()
        .with_context(|| format!("--files-url `{address}` cannot be used"))?;
    Ok(Arc::new(store))
}

/// How large the parts are in which files go to the store: S3 takes none below 5 MiB but the last, a disk does not care.
pub fn part_bytes(options: &Options) -> usize {
    let is_s3 = options.files_url.as_ref().is_some_and(|address| address.starts_with("s3:"));
    if is_s3 { 5 * 1024 * 1024 } else { 128 * 1024 }
}

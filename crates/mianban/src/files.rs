//! Where files lie: a folder, or an S3-compatible store.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use crate::options::Options;
use crate::patience::Patient;

/// Opens the store that `--files-url` names; every call of it ends within `--files-timeout`.
pub fn open(options: &Options) -> anyhow::Result<Arc<dyn ObjectStore>> {
    Ok(Arc::new(Patient::new(open_any(options)?, Duration::from_secs(options.files_timeout))))
}

/// The folder `files` of the data folder by default.
fn open_any(options: &Options) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let address = match &options.files_url {
        Some(address) => address.clone(),
        None => format!("file:{}", options.data_dir.join("files").display()),
    };
    if let Some(folder) = address.strip_prefix("file:") {
        let folder = folder.strip_prefix("//").unwrap_or(folder);
        std::fs::create_dir_all(folder).with_context(|| format!("--files-url: the folder {folder} cannot be made"))?;
        return Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?.with_automatic_cleanup(true)));
    }
    if address.starts_with("s3:") {
        return s3(&address);
    }
    anyhow::bail!("--files-url `{address}` cannot be used: it must begin with file: or s3:")
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

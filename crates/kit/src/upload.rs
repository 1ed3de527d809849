//! Files stream to the object store: counted and hashed as they pass, stopped at the limit, memory stays flat (D9).

use axum::extract::multipart::Field;
use bytes::BytesMut;
use object_store::path::Path;
use object_store::{MultipartUpload as _, ObjectStore, ObjectStoreExt as _, PutPayload};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// "5M": each file at most, inclusive (D9).
pub const FILE_LIMIT_BYTES: u64 = 5 * 1024 * 1024;

/// The store takes parts of this size; S3 wants at least 5 MiB for all but the last.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// A file that lies in the store.
#[derive(Debug, Clone)]
pub struct StoredFile {
    /// Its random key.
    pub key: String,
    /// Its size.
    pub size_bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
    /// What its first bytes say it is.
    pub content_type: String,
}

/// Why a file was not stored.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Larger than the limit.
    #[error("文件过大：超过 5M 的限制，没有上传。请压缩后重新选择")]
    TooLarge,
    /// No bytes at all.
    #[error("文件是空的（0 字节），没有上传。请检查后重新选择")]
    Empty,
    /// The connection broke, or the store refused.
    #[error("没有上传成功，请重试")]
    Broken(#[from] anyhow::Error),
}

/// Streams one multipart field into the store.
pub async fn store_stream(
    store: &dyn ObjectStore,
    mut field: Field<'_>,
    limit: u64,
) -> Result<StoredFile, UploadError> {
    let key = Uuid::new_v4().to_string();
    let path = Path::from(format!("attachments/{}/{key}", &key[..2]));
    let mut hasher = Sha256::new();
    let mut size: u64 = 0;
    let mut head: Vec<u8> = Vec::new();
    let mut held = BytesMut::new();
    let mut parts: Option<Box<dyn object_store::MultipartUpload>> = None;

    let outcome: Result<(), UploadError> = async {
        while let Some(chunk) = field.chunk().await.map_err(|e| anyhow::Error::new(e).context("reading an upload"))? {
            size += chunk.len() as u64;
            if size > limit {
                return Err(UploadError::TooLarge);
            }
            if head.len() < 8192 {
                head.extend_from_slice(&chunk[..chunk.len().min(8192 - head.len())]);
            }
            hasher.update(&chunk);
            held.extend_from_slice(&chunk);
            if held.len() > PART_BYTES {
                let upload = match &mut parts {
                    Some(upload) => upload,
                    none => none.insert(store.put_multipart(&path).await.map_err(anyhow::Error::new)?),
                };
                let part = held.split_to(PART_BYTES).freeze();
                upload.put_part(PutPayload::from_bytes(part)).await.map_err(anyhow::Error::new)?;
            }
        }
        if size == 0 {
            return Err(UploadError::Empty);
        }
        let rest = PutPayload::from_bytes(held.split().freeze());
        match &mut parts {
            Some(upload) => {
                upload.put_part(rest).await.map_err(anyhow::Error::new)?;
                upload.complete().await.map_err(anyhow::Error::new)?;
            }
            None => {
                store.put(&path, rest).await.map_err(anyhow::Error::new)?;
            }
        }
        Ok(())
    }
    .await;

    if let Err(error) = outcome {
        if let Some(mut upload) = parts {
            // Whatever was written goes; a failure here is found by the store's own clean-up.
            let _ = upload.abort().await;
        }
        return Err(error);
    }
    let content_type = infer::get(&head).map_or("application/octet-stream", |t| t.mime_type()).to_owned();
    Ok(StoredFile { key: path.to_string(), size_bytes: size, sha256: hex::encode(hasher.finalize()), content_type })
}

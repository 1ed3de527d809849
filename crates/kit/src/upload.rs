//! Files stream to the object store: counted and hashed as they pass, stopped at the limit, memory stays flat (D9).

use axum::extract::multipart::Field;
use bytes::BytesMut;
use object_store::path::Path;
use object_store::{MultipartUpload as _, ObjectStore, ObjectStoreExt as _, PutPayload};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// "5M": each file at most, inclusive (D9).
pub const FILE_LIMIT_BYTES: u64 = 5 * 1024 * 1024;

/// A file that lies in the store.
#[derive(Debug, Clone)]
pub struct StoredFile {
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

/// A random key for a file that is about to come.
pub fn new_key() -> String {
    let id = Uuid::new_v4().to_string();
    format!("attachments/{}/{id}", &id[..2])
}

/// Streams one multipart field into the store under `key`, in parts of `part_bytes`: no more of it is ever in memory.
pub async fn store_stream(
    store: &dyn ObjectStore,
    key: &str,
    mut field: Field<'_>,
    limit: u64,
    part_bytes: usize,
) -> Result<StoredFile, UploadError> {
    let path = Path::from(key);
    let mut hasher = Sha256::new();
    let mut size: u64 = 0;
    let mut head: Vec<u8> = Vec::new();
    let mut waiting = BytesMut::new();
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
            waiting.extend_from_slice(&chunk);
            while waiting.len() > part_bytes {
                let upload = match &mut parts {
                    Some(upload) => upload,
                    none => none.insert(store.put_multipart(&path).await.map_err(anyhow::Error::new)?),
                };
                let part = waiting.split_to(part_bytes).freeze();
                upload.put_part(PutPayload::from_bytes(part)).await.map_err(anyhow::Error::new)?;
            }
        }
        if size == 0 {
            return Err(UploadError::Empty);
        }
        let rest = PutPayload::from_bytes(waiting.split().freeze());
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
    let content_type = content_type_of(&head).to_owned();
    Ok(StoredFile { size_bytes: size, sha256: hex::encode(hasher.finalize()), content_type })
}

/// What the first bytes of a file say it is. The pictures of telephones come under more brands than `infer` knows.
pub fn content_type_of(head: &[u8]) -> &'static str {
    const BRANDS: [&[u8]; 9] = [b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"mif1", b"msf1"];
    match infer::get(head) {
        Some(kind) if !kind.mime_type().starts_with("video/") => kind.mime_type(),
        found => {
            let brand = head.get(4..8).filter(|mark| *mark == b"ftyp").and_then(|_| head.get(8..12));
            let is_heif = brand.is_some_and(|brand| BRANDS.contains(&brand));
            if is_heif { "image/heif" } else { found.map_or("application/octet-stream", |kind| kind.mime_type()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes};
    use axum::extract::{FromRequest as _, Multipart, Request};
    use futures_util::{StreamExt as _, stream};
    use object_store::memory::InMemory;

    use super::*;

    const PART_BYTES: usize = 64 * 1024;

    /// A browser's upload that arrives in small pieces.
    async fn upload(store: &InMemory, key: &str, content: Vec<u8>, limit: u64) -> Result<StoredFile, UploadError> {
        let mut body = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n".to_vec();
        body.extend_from_slice(&content);
        body.extend_from_slice(b"\r\n--x--\r\n");
        let pieces: Vec<_> = body.chunks(7001).map(|c| Ok::<_, std::io::Error>(Bytes::copy_from_slice(c))).collect();
        let mut request = Request::new(Body::from_stream(stream::iter(pieces)));
        request.headers_mut().insert("content-type", "multipart/form-data; boundary=x".parse().unwrap());
        axum::extract::DefaultBodyLimit::disable().apply(&mut request);
        let mut multipart = Multipart::from_request(request, &()).await.unwrap();
        let field = multipart.next_field().await.unwrap().unwrap();
        store_stream(store, key, field, limit, PART_BYTES).await
    }

    async fn stored(store: &InMemory) -> usize {
        store.list(None).collect::<Vec<_>>().await.len()
    }

    #[tokio::test]
    async fn a_file_is_counted_hashed_and_named_by_its_first_bytes() {
        let store = InMemory::new();
        let content = [b"%PDF-1.7\n".to_vec(), vec![b'a'; 100_000]].concat();
        let file = upload(&store, "a", content.clone(), FILE_LIMIT_BYTES).await.unwrap();
        assert_eq!(file.size_bytes, 100_009);
        assert_eq!(file.sha256, hex::encode(Sha256::digest(&content)));
        assert_eq!(file.content_type, "application/pdf");
        let kept = store.get(&Path::from("a")).await.unwrap().bytes().await.unwrap();
        assert_eq!(kept, content);
    }

    #[test]
    fn pictures_of_telephones_and_scanners_are_known() {
        for brand in ["heic", "heix", "mif1", "msf1", "hevc"] {
            let head = [b"\0\0\0\x18ftyp".as_slice(), brand.as_bytes(), b"\0\0\0\0mif1"].concat();
            assert_eq!(content_type_of(&head), "image/heif", "{brand}");
        }
        assert_eq!(content_type_of(b"II*\0\x08\0\0\0\0\0\0\0"), "image/tiff");
        assert_eq!(content_type_of(b"MM\0*\0\0\0\x08\0\0\0\0"), "image/tiff");
        assert_eq!(content_type_of(b"hello"), "application/octet-stream");
    }

    #[tokio::test]
    async fn the_limit_is_inclusive_and_a_refused_file_leaves_nothing() {
        let store = InMemory::new();
        assert!(matches!(upload(&store, "a", vec![1; 50_001], 50_000).await, Err(UploadError::TooLarge)));
        assert!(matches!(upload(&store, "a", Vec::new(), 50_000).await, Err(UploadError::Empty)));
        assert_eq!(stored(&store).await, 0);
        upload(&store, "a", vec![1; 50_000], 50_000).await.unwrap();
        assert_eq!(stored(&store).await, 1);
    }

    #[tokio::test]
    async fn a_file_of_several_parts_is_whole_and_is_dropped_when_it_grows_too_large() {
        let store = InMemory::new();
        let content: Vec<u8> = (0..PART_BYTES * 2 + 17).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let file = upload(&store, "a", content.clone(), 20 * 1024 * 1024).await.unwrap();
        assert_eq!(file.size_bytes, content.len() as u64);
        assert_eq!(store.get(&Path::from("a")).await.unwrap().bytes().await.unwrap(), content);
        let too_large = upload(&store, "b", content, u64::try_from(PART_BYTES).unwrap() + 1_000).await;
        assert!(matches!(too_large, Err(UploadError::TooLarge)));
        assert_eq!(stored(&store).await, 1);
    }
}

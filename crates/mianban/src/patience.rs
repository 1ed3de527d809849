//! A store of files whose every call ends: a store that accepts and never answers is an error after a while, not a wait
//! without end.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use tokio::time::{Instant, timeout};

/// A piece of a file that is smaller than this came by itself: who sends a byte now and then has no more time in all than who
/// sends nothing. (Pieces that wait for a slow reader are larger.)
const TRICKLE_BYTES: usize = 1024;

/// A store whose every call ends within `limit`.
#[derive(Debug)]
pub struct Patient {
    store: Arc<dyn ObjectStore>,
    limit: Duration,
}

impl Patient {
    /// Every call of this store ends within this time.
    pub fn new(store: Arc<dyn ObjectStore>, limit: Duration) -> Self {
        Self { store, limit }
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        timeout(self.limit, call).await.unwrap_or_else(|_| Err(late(self.limit)))
    }
}

impl fmt::Display for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

fn late(limit: Duration) -> Error {
    let why = format!("the store of files did not answer within {} s", limit.as_secs());
    Error::Generic { store: "files", source: why.into() }
}

/// A stream whose every piece comes within `limit`; the small ones in all, too.
fn watched<T: Send + 'static>(
    pieces: BoxStream<'static, Result<T>>,
    limit: Duration,
    is_small: fn(&T) -> bool,
) -> BoxStream<'static, Result<T>> {
    stream::unfold(Some((pieces, limit)), move |state| async move {
        let (mut pieces, left) = state?;
        let began = Instant::now();
        match timeout(left, pieces.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(piece))) => {
                let left = if is_small(&piece) { left.saturating_sub(began.elapsed()) } else { limit };
                Some((Ok(piece), Some((pieces, left))))
            }
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Err(_) => Some((Err(late(limit)), None)),
        }
    })
    .boxed()
}

#[async_trait::async_trait]
impl ObjectStore for Patient {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.within(self.store.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.within(self.store.put_multipart_opts(location, opts)).await?;
        Ok(Box::new(PatientUpload { upload, limit: self.limit }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let found = self.within(self.store.get_opts(location, options)).await?;
        let payload = match found.payload {
            GetResultPayload::Stream(pieces) => {
                GetResultPayload::Stream(watched(pieces, self.limit, |piece: &Bytes| piece.len() < TRICKLE_BYTES))
            }
            file @ GetResultPayload::File(..) => file,
        };
        Ok(GetResult { payload, ..found })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.within(self.store.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        watched(self.store.delete_stream(locations), self.limit, |_| false)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        watched(self.store.list(prefix), self.limit, |_| false)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        watched(self.store.list_with_offset(prefix, offset), self.limit, |_| false)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.within(self.store.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.within(self.store.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.within(self.store.rename_opts(from, to, options)).await
    }
}

/// An upload in parts, each of which ends within the limit.
#[derive(Debug)]
struct PatientUpload {
    upload: Box<dyn MultipartUpload>,
    limit: Duration,
}

#[async_trait::async_trait]
impl MultipartUpload for PatientUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, limit) = (self.upload.put_part(data), self.limit);
        Box::pin(async move { timeout(limit, part).await.unwrap_or_else(|_| Err(late(limit))) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        timeout(self.limit, self.upload.complete()).await.unwrap_or_else(|_| Err(late(self.limit)))
    }

    async fn abort(&mut self) -> Result<()> {
        timeout(self.limit, self.upload.abort()).await.unwrap_or_else(|_| Err(late(self.limit)))
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt as _;
    use object_store::memory::InMemory;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(200);

    /// A store that accepts every call and answers none of those that change or list something; what is read comes byte by
    /// byte, without end.
    #[derive(Debug)]
    struct Silent(InMemory);

    impl fmt::Display for Silent {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("silent")
        }
    }

    #[derive(Debug)]
    struct SilentUpload;

    #[async_trait::async_trait]
    impl MultipartUpload for SilentUpload {
        fn put_part(&mut self, _: PutPayload) -> UploadPart {
            Box::pin(std::future::pending())
        }
        async fn complete(&mut self) -> Result<PutResult> {
            std::future::pending().await
        }
        async fn abort(&mut self) -> Result<()> {
            std::future::pending().await
        }
    }

    #[async_trait::async_trait]
    impl ObjectStore for Silent {
        async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
            std::future::pending().await
        }
        async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
            Ok(Box::new(SilentUpload))
        }
        async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
            let found = self.0.get_opts(location, options).await?;
            let bytes = stream::unfold((), |()| async {
                tokio::time::sleep(LIMIT / 10).await;
                Some((Ok(Bytes::from_static(b"x")), ()))
            });
            Ok(GetResult { payload: GetResultPayload::Stream(bytes.boxed()), ..found })
        }
        fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
            stream::pending().boxed()
        }
        fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
            stream::pending().boxed()
        }
        async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
            std::future::pending().await
        }
        async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn every_call_of_a_store_that_never_answers_ends() {
        let inner = InMemory::new();
        let a = Path::from("a");
        inner.put(&a, PutPayload::from_static(b"abc")).await.unwrap();
        let store = Patient::new(Arc::new(Silent(inner)), LIMIT);
        let ended = async {
            let payload = || PutPayload::from_static(b"abc");
            assert!(store.put(&a, payload()).await.is_err());
            let mut upload = store.put_multipart(&a).await.unwrap();
            assert!(upload.put_part(payload()).await.is_err());
            assert!(upload.complete().await.is_err());
            assert!(upload.abort().await.is_err());
            let trickle = store.get(&a).await.unwrap().bytes().await.unwrap_err();
            assert!(trickle.to_string().contains("did not answer within"), "{trickle}");
            assert!(store.delete(&a).await.is_err());
            assert!(store.list(None).next().await.unwrap().is_err());
            assert!(store.list_with_delimiter(None).await.is_err());
            assert!(store.copy(&a, &Path::from("b")).await.is_err());
        };
        timeout(LIMIT * 20, ended).await.unwrap();
    }

    #[tokio::test]
    async fn a_store_that_answers_is_the_same_as_without() {
        let store = Patient::new(Arc::new(InMemory::new()), LIMIT);
        let a = Path::from("a");
        store.put(&a, PutPayload::from_static(b"abc")).await.unwrap();
        assert_eq!(store.get(&a).await.unwrap().bytes().await.unwrap(), "abc");
        assert_eq!(store.get_range(&a, 1..2).await.unwrap(), "b");
        assert_eq!(store.list(None).count().await, 1);
        store.copy(&a, &Path::from("b")).await.unwrap();
        store.delete(&a).await.unwrap();
        assert!(matches!(store.get(&a).await, Err(Error::NotFound { .. })));
        assert!(matches!(store.delete(&Path::from("c")).await, Ok(()) | Err(Error::NotFound { .. })));
        // Somebody who reads slowly has time.
        store.put(&a, PutPayload::from(vec![7; 64 * 1024])).await.unwrap();
        let mut pieces = store.get(&a).await.unwrap().into_stream();
        tokio::time::sleep(LIMIT * 2).await;
        assert!(pieces.next().await.unwrap().is_ok());
    }
}

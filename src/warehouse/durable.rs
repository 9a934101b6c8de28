//! A local object store whose writes survive a power cut.
//!
//! `object_store`'s local store never syncs. Here every object and its folder are on disk before a
//! write returns, so that an epoch never pins files that a crash could take away.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

use super::PauseAfterWrite;

/// [`LocalFileSystem`] with synced writes.
#[derive(Debug)]
pub(super) struct DurableStore {
    files: Arc<LocalFileSystem>,
    writes: Arc<Writes>,
}

/// Counts finished writes, and stops for ever after a given one, so that a test can kill the
/// process exactly there.
#[derive(Debug)]
struct Writes {
    done: AtomicU64,
    pause: PauseAfterWrite,
}

impl DurableStore {
    pub(super) fn new(pause: PauseAfterWrite) -> Self {
        let writes = Writes { done: AtomicU64::new(0), pause };
        Self { files: Arc::new(LocalFileSystem::new()), writes: Arc::new(writes) }
    }
}

impl Writes {
    async fn finished(&self) {
        let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        if self.pause == Some(done) {
            tracing::warn!(done, "paused after a write");
            std::future::pending::<()>().await;
        }
    }
}

impl fmt::Display for DurableStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Durable({})", self.files)
    }
}

async fn sync(files: &LocalFileSystem, location: &Path) -> Result<()> {
    let path = files.path_to_filesystem(location)?;
    let synced = tokio::task::spawn_blocking(move || sync_file_and_folders(path)).await;
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Generic {
        store: "durable",
        source,
    };
    match synced {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(failed(error.into())),
        Err(error) => Err(failed(error.into())),
    }
}

/// The folder above too: the table's folder may be as new as the file.
fn sync_file_and_folders(path: PathBuf) -> std::io::Result<()> {
    File::open(&path)?.sync_all()?;
    for folder in path.ancestors().skip(1).take(3) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for DurableStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let result = self.files.put_opts(location, payload, options).await?;
        sync(&self.files, location).await?;
        self.writes.finished().await;
        Ok(result)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(DurableUpload {
            upload: self.files.put_multipart_opts(location, options).await?,
            files: Arc::clone(&self.files),
            writes: Arc::clone(&self.writes),
            location: location.clone(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.files.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await?;
        sync(&self.files, to).await?;
        self.writes.finished().await;
        Ok(())
    }

    async fn rename_opts(
        &self,
        from: &Path,
        to: &Path,
        options: object_store::RenameOptions,
    ) -> Result<()> {
        self.files.rename_opts(from, to, options).await?;
        sync(&self.files, to).await?;
        self.writes.finished().await;
        Ok(())
    }
}

#[derive(Debug)]
struct DurableUpload {
    upload: Box<dyn MultipartUpload>,
    files: Arc<LocalFileSystem>,
    writes: Arc<Writes>,
    location: Path,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        self.upload.put_part(payload)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let result = self.upload.complete().await?;
        sync(&self.files, &self.location).await?;
        self.writes.finished().await;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

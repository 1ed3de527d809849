//! `mianban doctor`: the database by itself (`db::doctor`), and what lies outside of it against it: files, keys, mailboxes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use app::operations::{MARK, MARK_SETTING, PROBE};
use db::Db;
use db::doctor::{FILE_TABLES, FileTable, PAPERS, StoredFile, files_after, note_signer, open_jobs_after, still_names};
use futures_util::TryStreamExt as _;
use kit::app::Keys as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use seal::{Certificate, SealError, verify_pdf};
use sha2::{Digest as _, Sha256};

use crate::keys::KeyFolder;
use crate::options::Depth;
use crate::post;

/// Of each kind of fault so many are named one by one.
const NAMED: usize = 100;

/// What was looked at and what was found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many rows that name files were examined.
    pub files: u64,
    /// How many keys have a certificate in the folder of keys.
    pub keys: usize,
    faults: BTreeMap<&'static str, Vec<String>>,
    more: BTreeMap<&'static str, u64>,
}

impl Report {
    /// Adds a fault of a kind.
    pub fn fault(&mut self, kind: &'static str, text: String) {
        let named = self.faults.entry(kind).or_default();
        if named.len() < NAMED {
            named.push(text);
        } else {
            *self.more.entry(kind).or_default() += 1;
        }
    }

    /// Every fault, a sentence each; what is not named one by one is counted.
    pub fn faults(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (kind, named) in &self.faults {
            all.extend(named.iter().cloned());
            if let Some(more) = self.more.get(kind) {
                all.push(format!("{more} more of this kind: {kind}"));
            }
        }
        all
    }

    /// How many faults there are.
    pub fn count(&self) -> u64 {
        self.faults.values().map(|named| named.len() as u64).sum::<u64>() + self.more.values().sum::<u64>()
    }
}

/// What the store holds, in little memory: of each name eight bytes of its hash, and its size.
pub struct Listing(Vec<(u64, u64)>);

/// The first eight bytes of the SHA-256 of a text.
pub fn short_hash(text: &str) -> u64 {
    let digest = Sha256::digest(text);
    digest.iter().take(8).fold(0, |n, byte| (n << 8) | u64::from(*byte))
}

impl Listing {
    /// Reads the list of the store, page by page.
    pub async fn of(store: &dyn ObjectStore) -> anyhow::Result<Self> {
        let mut all: Vec<_> = store
            .list(None)
            .map_ok(|meta| (short_hash(meta.location.as_ref()), meta.size))
            .try_collect()
            .await
            .context("the store of files cannot be listed")?;
        all.sort_unstable();
        Ok(Self(all))
    }

    fn size_of(&self, key: &str) -> Option<u64> {
        let hash = short_hash(key);
        let at = self.0.partition_point(|(h, _)| *h < hash);
        self.0.get(at).filter(|(h, _)| *h == hash).map(|(_, size)| *size)
    }
}

/// Examines everything.
pub async fn examine(db: &Db, store: &dyn ObjectStore, keys: &KeyFolder, depth: Depth) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let (certificates, unreadable) = keys.readable()?;
    report.keys = certificates.len();
    for text in unreadable {
        report.fault("keys", text);
    }
    let mut signers: BTreeMap<String, u64> = BTreeMap::new();
    if depth != Depth::None {
        match Listing::of(store).await {
            Ok(listing) => {
                let mut examiner = Examiner { db, store, listing, depth, certificates, report, signers };
                for table in FILE_TABLES {
                    examiner.table(table).await?;
                }
                Examiner { report, signers, .. } = examiner;
            }
            Err(error) => report.fault("store", format!("{error:#}")),
        }
    }
    if db::setting::get(&db.read(), MARK_SETTING).await?.is_some()
        && matches!(store.head(&Path::from(MARK)).await, Err(object_store::Error::NotFound { .. }))
    {
        report.fault("store", format!("the store is not the one of this database: its object `{MARK}` is missing"));
    }
    judge_keys(keys, &signers, &mut report)?;
    mailboxes(db, &mut report).await?;
    Ok(report)
}

struct Examiner<'a> {
    db: &'a Db,
    store: &'a dyn ObjectStore,
    listing: Listing,
    depth: Depth,
    certificates: Vec<Certificate>,
    report: Report,
    /// How many papers each key has signed.
    signers: BTreeMap<String, u64>,
}

/// A row, for people.
fn row_of(table: FileTable, file: &StoredFile) -> String {
    let StoredFile { id, version, .. } = file;
    if table.name == PAPERS {
        format!("paper of certificate {id}, version {version}")
    } else {
        format!("{} {id}", table.name)
    }
}

impl Examiner<'_> {
    async fn table(&mut self, table: FileTable) -> anyhow::Result<()> {
        let mut after = (0, 0);
        loop {
            let page = files_after(self.db.read(), table, after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = (last.id, last.version);
            for file in &page {
                self.report.files += 1;
                self.file(table, file).await?;
            }
        }
    }

    async fn file(&mut self, table: FileTable, file: &StoredFile) -> anyhow::Result<()> {
        let (row, key) = (row_of(table, file), &file.object_key);
        let path = Path::from(key.as_str());
        // The list may be older than the file.
        let size = match self.listing.size_of(key) {
            Some(size) => Some(size),
            None => match self.store.head(&path).await {
                Ok(meta) => Some(meta.size),
                Err(object_store::Error::NotFound { .. }) => None,
                Err(error) => {
                    self.report.fault("files that cannot be read", format!("{row}: {key} cannot be read: {error}"));
                    return Ok(());
                }
            },
        };
        let Some(size) = size else {
            if still_names(self.db.read(), table, file).await? {
                self.report.fault("missing files", format!("{row}: its file {key} is missing"));
                self.signed(&file.key_id);
            }
            return Ok(());
        };
        let is_paper = table.name == PAPERS;
        if file.size_bytes >= 0 && u64::try_from(file.size_bytes) != Ok(size) {
            let text = format!("{row}: its file {key} has {size} bytes instead of {}", file.size_bytes);
            self.report.fault("damaged files", text);
            self.signed(&file.key_id);
            return Ok(());
        }
        if self.depth == Depth::Full || (is_paper && file.key_id.is_empty()) {
            return self.content(table, file, &path, &row).await;
        }
        if is_paper {
            self.signed(&file.key_id);
        }
        Ok(())
    }

    fn signed(&mut self, key_id: &str) {
        if !key_id.is_empty() {
            *self.signers.entry(key_id.to_owned()).or_default() += 1;
        }
    }

    /// Reads a file to its end, and the signature of a paper.
    async fn content(&mut self, table: FileTable, file: &StoredFile, path: &Path, row: &str) -> anyhow::Result<()> {
        let is_paper = table.name == PAPERS;
        let (sha256, bytes) = match read(self.store, path, is_paper).await {
            Ok(content) => content,
            Err(error) => {
                let is_gone = matches!(error, object_store::Error::NotFound { .. });
                if !is_gone || still_names(self.db.read(), table, file).await? {
                    self.report.fault("files that cannot be read", format!("{row}: {path} cannot be read: {error}"));
                }
                return Ok(());
            }
        };
        if !file.sha256.is_empty() && file.sha256 != sha256 {
            let text = format!("{row}: the content of its file {path} is not what was stored (SHA-256 {sha256})");
            self.report.fault("damaged files", text);
            self.signed(&file.key_id);
            return Ok(());
        }
        if !is_paper {
            return Ok(());
        }
        let certificates = &self.certificates;
        match tokio::task::block_in_place(|| verify_pdf(&bytes, certificates)) {
            Ok(seal) => {
                let key_id = seal.key.to_string();
                if file.key_id.is_empty() {
                    let tx = self.db.begin().await?;
                    note_signer(&tx, file, &key_id).await?;
                    tx.commit().await?;
                }
                self.signed(&key_id);
            }
            Err(SealError::UnknownKey) if !file.key_id.is_empty() => self.signed(&file.key_id),
            Err(SealError::UnknownKey) => {
                let text = format!("{row}: it was signed by a key whose certificate is not in the folder of keys");
                self.report.fault("keys", text);
            }
            Err(error) => self.report.fault("damaged files", format!("{row}: its file {path}: {error}")),
        }
        Ok(())
    }
}

/// SHA-256 of a file, and its bytes when they are `wanted`.
async fn read(store: &dyn ObjectStore, path: &Path, wanted: bool) -> object_store::Result<(String, Vec<u8>)> {
    let (mut hasher, mut bytes) = (Sha256::new(), Vec::<u8>::new());
    let mut parts = store.get(path).await?.into_stream();
    while let Some(part) = parts.try_next().await? {
        hasher.update(&part);
        if wanted {
            bytes.extend_from_slice(&part);
        }
    }
    Ok((hex::encode(hasher.finalize()), bytes))
}

/// Every key that signed something keeps its certificate, and one can sign.
fn judge_keys(keys: &KeyFolder, signers: &BTreeMap<String, u64>, report: &mut Report) -> anyhow::Result<()> {
    let known: BTreeSet<_> = keys.readable()?.0.iter().map(|c| c.key_id().to_string()).collect();
    let folder = keys.path().display();
    for (key, papers) in signers {
        if !known.contains(key) {
            let text = format!(
                "the certificate of the signing key {key} is not in {folder}: {papers} papers that it signed cannot be verified"
            );
            report.fault("keys", text);
        }
    }
    match keys.signer() {
        // Nothing was issued yet: the first key may come later.
        Ok(None) if signers.is_empty() => {}
        Ok(None) => report.fault("keys", format!("there is no signing key in {folder}: no certificate can be issued")),
        Ok(Some(_)) => {}
        Err(error) => report.fault("keys", format!("{error:#}")),
    }
    Ok(())
}

/// The letters that wait can be addressed.
async fn mailboxes(db: &Db, report: &mut Report) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let page = open_jobs_after(db.read(), "send_letter", after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        // The text of a password's letter that is never sent again is not kept.
        for job in page.iter().filter(|job| !job.payload.is_empty()) {
            let to = serde_json::from_str::<serde_json::Value>(&job.payload).ok();
            match to.as_ref().and_then(|letter| letter["to"].as_str()) {
                None => report.fault("letters", format!("job {}: its letter cannot be read", job.id)),
                Some(to) if post::addressee(to).is_err() => {
                    report.fault("letters", format!("job {}: its letter goes to `{to}`, which is no mailbox", job.id));
                }
                Some(_) => {}
            }
        }
    }
}

/// Whether an object of the store belongs to a backup.
pub fn is_kept(path: &Path) -> bool {
    path.as_ref() != PROBE
}

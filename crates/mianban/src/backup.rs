//! `mianban backup` and `mianban restore`: database, files and keys in one folder, with a manifest that says what is there.
//!
//! The database is copied first, at one moment, then the files: a file is stored before its row, and while a backup runs
//! nothing is removed from the store, so every row of the copy has its file. A restore goes the other way round: rows come
//! last.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use db::Db;
use db::doctor::{FILE_TABLES, files_after, still_names};
use domain::time::Clock;
use futures_util::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, WriteMultipart};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::examine::{Report, is_kept, short_hash};
use crate::options::{Depth, Options};
use crate::serve::{clock, database_address, database_file, judge, open_database, prepare};
use crate::{commands, files, folders};

/// The file that says what a backup holds: a line of JSON for the backup, one for each file, one with the end.
const MANIFEST: &str = "manifest.jsonl";
/// The copy of a SQLite database.
const SQLITE: &str = "database.sqlite";
/// The dump of a PostgreSQL database, in the custom format of pg_dump.
const POSTGRES: &str = "database.dump";
/// The form of the manifest.
const FORMAT: u32 = 1;
/// Larger files go to the store in parts; S3 takes none smaller.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// How long the store keeps everything without hearing of the backup again, minutes.
const KEPT_MINUTES: i64 = 15;
/// How often the backup says that it goes on.
const SAYS_SO: Duration = Duration::from_mins(1);

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    format: u32,
    program: String,
    /// The newest migration of the database.
    schema: String,
    /// SQLite or PostgreSQL.
    database: String,
    made_at: String,
    /// Whether the keys are there too.
    keys: bool,
}

/// A file of the backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    path: String,
    size: u64,
    sha256: String,
}

/// The last line: a manifest without it was broken off.
#[derive(Debug, Serialize, Deserialize)]
struct End {
    files: u64,
    /// SHA-256 of all lines before.
    sha256: String,
}

/// Writes the manifest while the backup is made.
struct Manifest {
    to: BufWriter<File>,
    hasher: Sha256,
    files: u64,
    bytes: u64,
    /// Of each file the short hash of its path, and of its SHA-256.
    known: Vec<(u64, u64)>,
}

impl Manifest {
    fn begin(folder: &Path, head: &Head) -> anyhow::Result<Self> {
        let to = BufWriter::new(File::create_new(folder.join(format!("{MANIFEST}.part")))?);
        let mut manifest = Self { to, hasher: Sha256::new(), files: 0, bytes: 0, known: Vec::new() };
        manifest.line(head)?;
        Ok(manifest)
    }

    fn line(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let line = format!("{}\n", serde_json::to_string(value)?);
        self.hasher.update(&line);
        self.to.write_all(line.as_bytes())?;
        Ok(())
    }

    fn add(&mut self, path: String, (size, sha256): (u64, String)) -> anyhow::Result<()> {
        self.known.push((short_hash(&path), short_hash(&sha256)));
        self.files += 1;
        self.bytes += size;
        self.line(&Entry { path, size, sha256 })
    }

    /// The backup is whole when this has its name.
    fn end(mut self, folder: &Path) -> anyhow::Result<()> {
        let sha256 = hex::encode(self.hasher.clone().finalize());
        self.line(&End { files: self.files, sha256 })?;
        self.to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        folders::flush_disk(folder)?;
        fs::rename(folder.join(format!("{MANIFEST}.part")), folder.join(MANIFEST))?;
        folders::flush(folder)?;
        Ok(())
    }
}

/// `backup DIR`.
pub async fn backup(options: &Options, folder: &Path, without_keys: bool) -> anyhow::Result<()> {
    judge(options)?;
    anyhow::ensure!(
        folders::is_empty(folder).with_context(|| format!("{} cannot be read", folder.display()))?,
        "{} is not empty: name a folder for this backup alone",
        folder.display()
    );
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let db = open_database(options).await?;
    let schema = db.schema().await?.context("there is nothing in the database: nothing to back up")?;
    let clock = clock(options);
    let head = Head {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema,
        database: db.kind().to_owned(),
        made_at: clock.now().rfc3339(),
        keys: !without_keys,
    };
    let made = make(options, &db, clock.as_ref(), folder, &head).await;
    let tx = db.begin().await?;
    db::stored_file::keep_no_longer(&tx).await?;
    tx.commit().await?;
    let report = made?;
    db.close().await?;
    commands::conclude(&report.faults(), report.count(), "the backup was made, and lacks what is missing here")?;
    println!("the backup is whole");
    Ok(())
}

async fn keep_all(db: &Db, clock: &dyn Clock) -> anyhow::Result<()> {
    let tx = db.begin().await?;
    db::stored_file::keep_all_until(&tx, clock.now().plus_minutes(KEPT_MINUTES)).await?;
    tx.commit().await?;
    Ok(())
}

async fn make(options: &Options, db: &Db, clock: &dyn Clock, folder: &Path, head: &Head) -> anyhow::Result<Report> {
    keep_all(db, clock).await?;
    let mut manifest = Manifest::begin(folder, head)?;

    let copy = folder.join(if database_file(options).is_some() { SQLITE } else { POSTGRES });
    if database_file(options).is_some() {
        db::copy::write_sqlite(db, &copy).await.context("the database cannot be copied")?;
    } else {
        let address = database_address(options);
        let to = copy.clone();
        let dump = tokio::task::spawn_blocking(move || {
            let mut command = postgres_program("pg_dump", &address)?;
            command.arg("--format=custom").arg("--no-owner").arg("--no-privileges").arg("--file").arg(&to);
            run(command, "pg_dump")
        });
        let going_on = async {
            loop {
                tokio::time::sleep(SAYS_SO).await;
                if let Err(error) = keep_all(db, clock).await {
                    return error;
                }
            }
        };
        tokio::select! {
            done = dump => done??,
            error = going_on => return Err(error),
        }
    }
    manifest.add(name_of(&copy), hash(&copy)?)?;

    let store = files::open(options)?;
    let target = folder.join("files");
    fs::create_dir_all(&target)?;
    let target = LocalFileSystem::new_with_prefix(target)?;
    let mut said = Instant::now();
    let mut list = store.list(None);
    while let Some(meta) = list.try_next().await.context("the store of files cannot be listed")? {
        if said.elapsed() > SAYS_SO {
            keep_all(db, clock).await?;
            said = Instant::now();
        }
        if !is_kept(&meta.location) {
            continue;
        }
        match copy_object(store.as_ref(), &target, &meta.location).await {
            Ok(written) => manifest.add(format!("files/{}", meta.location), written)?,
            // Removed since it was listed, by somebody who was not told of the backup.
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(error).with_context(|| format!("the file {} cannot be copied", meta.location)),
        }
    }

    let mut keys = 0;
    if head.keys {
        let to = folder.join("keys");
        fs::create_dir_all(&to)?;
        for path in options.keys().files()? {
            let name = name_of(&path);
            let content = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            folders::write(&to.join(&name), &content)?;
            manifest.add(format!("keys/{name}"), hash(&to.join(&name))?)?;
            keys += 1;
        }
    }
    println!(
        "{} files, {} MiB, with the database at {} and {keys} files of keys",
        manifest.files,
        manifest.bytes / 1024 / 1024,
        head.schema
    );
    let report = compare(db, store.as_ref(), &mut manifest.known).await?;
    manifest.end(folder)?;
    Ok(report)
}

/// What rows name and the backup does not hold, or holds with another content. Their SHA-256 was computed anyway.
async fn compare(db: &Db, store: &dyn ObjectStore, known: &mut [(u64, u64)]) -> anyhow::Result<Report> {
    let mut report = Report::default();
    known.sort_unstable();
    if !db.pending_migrations().await?.is_empty() {
        println!("the rows are not compared with the files: the database waits for `mianban migrate`");
        return Ok(report);
    }
    for table in FILE_TABLES {
        let mut after = (0, 0);
        loop {
            let page = files_after(db.read(), table, after).await?;
            let Some(last) = page.last() else { break };
            after = (last.id, last.version);
            for file in &page {
                let path = short_hash(&format!("files/{}", file.object_key));
                let at = known.partition_point(|(h, _)| *h < path);
                let row = format!("{} {}: its file {}", table.name, file.id, file.object_key);
                match known.get(at).filter(|(h, _)| *h == path) {
                    Some((_, sha256)) if file.sha256.is_empty() || *sha256 == short_hash(&file.sha256) => {}
                    Some(_) => report.fault("damaged files", format!("{row} is not what was stored")),
                    None => {
                        let there = store.head(&object_store::path::Path::from(file.object_key.as_str())).await;
                        let is_missing = matches!(there, Err(object_store::Error::NotFound { .. }));
                        if is_missing && still_names(db.read(), table, file).await? {
                            report.fault("missing files", format!("{row} is missing"));
                        }
                    }
                }
            }
        }
    }
    Ok(report)
}

/// Copies an object from one store to another: its size and SHA-256.
async fn copy_object(
    from: &dyn ObjectStore,
    to: &dyn ObjectStore,
    path: &object_store::path::Path,
) -> object_store::Result<(u64, String)> {
    let mut parts = from.get(path).await?.into_stream();
    let (mut hasher, mut size, mut waiting) = (Sha256::new(), 0_u64, Vec::<u8>::new());
    let mut upload = None;
    while let Some(part) = parts.try_next().await? {
        hasher.update(&part);
        size += part.len() as u64;
        waiting.extend_from_slice(&part);
        if waiting.len() >= PART_BYTES {
            if upload.is_none() {
                upload = Some(WriteMultipart::new_with_chunk_size(to.put_multipart(path).await?, PART_BYTES));
            }
            if let Some(upload) = &mut upload {
                upload.wait_for_capacity(1).await?;
                upload.write(&std::mem::take(&mut waiting));
            }
        }
    }
    match upload {
        Some(mut upload) => {
            upload.write(&waiting);
            upload.finish().await?;
        }
        None => {
            to.put(path, PutPayload::from(waiting)).await?;
        }
    }
    Ok((size, hex::encode(hasher.finalize())))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Size and SHA-256 of a file.
fn hash(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0_u8; 1 << 16]);
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok((size, hex::encode(hasher.finalize())));
        }
        hasher.update(&buffer[..n]);
        size += n as u64;
    }
}

/// A program of PostgreSQL with the address of our database; its password is not seen in the list of processes.
fn postgres_program(name: &str, address: &str) -> anyhow::Result<Command> {
    let mut url = Url::parse(address).context("--database-url")?;
    let mut command = Command::new(name);
    if let Some(password) = url.password() {
        let password = percent_decoded(password);
        command.env("PGPASSWORD", password);
        url.set_password(None).map_err(|()| anyhow::anyhow!("--database-url has no host"))?;
    }
    command.arg("--dbname").arg(url.as_str());
    Ok(command)
}

/// A password as it was before it was written into an address.
fn percent_decoded(text: &str) -> String {
    // The query of an address is decoded in the same way, but for `+`, which stands for itself here.
    let query = format!("p={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(query.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn run(mut command: Command, name: &str) -> anyhow::Result<()> {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => anyhow::bail!(
            "{name} is not installed: install the client programs of PostgreSQL (Debian: postgresql-client), not older \
             than the server"
        ),
        Err(error) => return Err(error).with_context(|| format!("{name} cannot be started")),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{name} failed: {}", said.trim());
    Ok(())
}

/// What `restore` is told beside the folder.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Something may be there already.
    pub replace: bool,
    /// What is damaged is left out.
    pub despite_damage: bool,
}

/// `restore DIR`.
pub async fn restore(options: &Options, folder: &Path, how: How) -> anyhow::Result<()> {
    judge(options)?;
    let (head, entries) = read_manifest(folder)?;
    let damaged = verify(folder, &entries);
    for (path, what) in &damaged {
        println!("DAMAGED: {path}: {what}");
    }
    anyhow::ensure!(
        damaged.is_empty() || how.despite_damage,
        "{} files of the backup are damaged, and nothing was restored; --despite-damage restores the rest",
        damaged.len()
    );
    let is_sound = |path: &str| damaged.iter().all(|(bad, _)| bad != path);
    anyhow::ensure!(
        Db::knows_migration(&head.schema),
        "the backup was made by a newer program ({}, database at {}): restore it with that one",
        head.program,
        head.schema
    );
    let is_sqlite = database_file(options).is_some();
    let (kind, copy) = if is_sqlite { ("SQLite", SQLITE) } else { ("PostgreSQL", POSTGRES) };
    anyhow::ensure!(
        head.database == kind,
        "the backup is one of {}, and --database-url names a database of {kind}",
        head.database
    );
    anyhow::ensure!(is_sound(copy), "the database of the backup is damaged: nothing can be restored without it");
    let store = files::open_to_read(options)?;
    if !how.replace {
        refuse_what_is_there(options, store.as_ref()).await?;
    }
    println!("the backup of {} (program {}, database at {}) is restored", head.made_at, head.program, head.schema);

    // Rows come last: none is older than its file.
    let store = files::open(options)?;
    let source = folder.join("files");
    if source.is_dir() {
        let source: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(source)?);
        for entry in entries.iter().filter(|e| is_sound(&e.path)) {
            let Some(key) = entry.path.strip_prefix("files/") else { continue };
            let key = object_store::path::Path::parse(key).with_context(|| format!("the name {}", entry.path))?;
            let copied = copy_object(source.as_ref(), store.as_ref(), &key).await;
            copied.with_context(|| format!("{} cannot be restored", entry.path))?;
        }
    }
    let keys = options.keys();
    fs::create_dir_all(keys.path())?;
    for entry in entries.iter().filter(|e| is_sound(&e.path)) {
        let Some(name) = entry.path.strip_prefix("keys/") else { continue };
        anyhow::ensure!(
            !name.contains('/') && Path::new(name).extension().is_some_and(|e| e == "pem"),
            "the name {} is none of a key",
            entry.path
        );
        folders::write(&keys.path().join(name), &fs::read(folder.join(&entry.path))?)
            .with_context(|| format!("{} cannot be restored", entry.path))?;
    }
    match database_file(options) {
        Some(file) => restore_sqlite(&folder.join(copy), &file, &clock(options).now().rfc3339())?,
        None => restore_postgres(&database_address(options), folder.join(copy), how.replace).await?,
    }

    let db = open_database(options).await?;
    prepare(&db, clock(options).as_ref()).await?;
    db::copy::analyse(&db).await?;
    println!("{} files were restored; what is there is examined", entries.len() - damaged.len());
    let concluded = commands::examine(&db, options, Depth::Size).await;
    db.close().await?;
    concluded
}

fn read_manifest(folder: &Path) -> anyhow::Result<(Head, Vec<Entry>)> {
    let path = folder.join(MANIFEST);
    let file = File::open(&path)
        .with_context(|| format!("{} cannot be read: this is no backup, or one that was broken off", path.display()))?;
    let broken = || format!("{} is damaged or was broken off", path.display());
    let mut hasher = Sha256::new();
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().with_context(broken)??;
    let head: Head = serde_json::from_str(&first).with_context(broken)?;
    anyhow::ensure!(
        head.format == FORMAT,
        "the manifest has the form {}, which this program does not know",
        head.format
    );
    hasher.update(format!("{first}\n"));
    let mut entries = Vec::new();
    for line in lines {
        let line = line.with_context(broken)?;
        if let Ok(entry) = serde_json::from_str::<Entry>(&line) {
            hasher.update(format!("{line}\n"));
            entries.push(entry);
            continue;
        }
        let end: End = serde_json::from_str(&line).with_context(broken)?;
        let is_whole = end.files == entries.len() as u64 && end.sha256 == hex::encode(hasher.finalize());
        anyhow::ensure!(is_whole, "{}", broken());
        return Ok((head, entries));
    }
    anyhow::bail!("{}", broken())
}

/// Which files of the backup are not what the manifest says.
fn verify(folder: &Path, entries: &[Entry]) -> Vec<(String, String)> {
    let mut damaged = Vec::new();
    for entry in entries {
        let what = match hash(&folder.join(&entry.path)) {
            Ok((size, _)) if size != entry.size => format!("it has {size} bytes instead of {}", entry.size),
            Ok((_, sha256)) if sha256 != entry.sha256 => "its content is another one (SHA-256)".to_owned(),
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => "it is missing".to_owned(),
            Err(error) => format!("it cannot be read: {error}"),
        };
        damaged.push((entry.path.clone(), what));
    }
    damaged
}

/// A restore is for an empty installation, unless somebody says otherwise.
async fn refuse_what_is_there(options: &Options, store: &dyn ObjectStore) -> anyhow::Result<()> {
    const HOW: &str = "stop every process and say --replace to restore over it";
    if let Some(file) = database_file(options) {
        anyhow::ensure!(!file.exists(), "there is a database already ({}): {HOW}", file.display());
    } else {
        let db = open_database(options).await?;
        let is_empty = db::copy::is_empty(&db).await?;
        db.close().await?;
        anyhow::ensure!(is_empty, "there is something in the database of --database-url already: {HOW}");
    }
    let mut list = store.list(None);
    while let Some(meta) = list.try_next().await.context("the store of files cannot be listed")? {
        anyhow::ensure!(!is_kept(&meta.location), "there are files in the store already ({}): {HOW}", meta.location);
    }
    let keys = options.keys();
    anyhow::ensure!(keys.files()?.is_empty(), "there are keys in {} already: {HOW}", keys.path().display());
    Ok(())
}

/// The database that is there is put aside, never removed.
fn restore_sqlite(copy: &Path, file: &Path, now: &str) -> anyhow::Result<()> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let beside = |ending: &str| PathBuf::from(format!("{}{ending}", file.display()));
    for ending in ["", "-wal", "-shm"] {
        let old = beside(ending);
        if old.exists() {
            let aside = beside(&format!(".before-{}{ending}", now.replace(':', "")));
            fs::rename(&old, &aside).with_context(|| format!("{} cannot be put aside", old.display()))?;
        }
    }
    let part = beside(".part");
    fs::copy(copy, &part).with_context(|| format!("{} cannot be written", part.display()))?;
    fs::set_permissions(&part, fs::Permissions::from_mode(0o600))?;
    File::open(&part)?.sync_all()?;
    fs::rename(&part, file)?;
    folders::flush(folder)?;
    Ok(())
}

async fn restore_postgres(address: &str, dump: PathBuf, replace: bool) -> anyhow::Result<()> {
    let address = address.to_owned();
    let restored = tokio::task::spawn_blocking(move || {
        let mut command = postgres_program("pg_restore", &address)?;
        command.args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]);
        if replace {
            command.args(["--clean", "--if-exists"]);
        }
        command.arg(&dump);
        run(command, "pg_restore")
    });
    restored.await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_handed_over_as_it_is() {
        let command =
            postgres_program("pg_dump", "postgres://mianban:a%2Bb%26c+d%40e%20f@127.0.0.1:5432/mianban").unwrap();
        let password = command.get_envs().find(|(name, _)| *name == "PGPASSWORD").unwrap().1.unwrap();
        assert_eq!(password, "a+b&c+d@e f");
        let args: Vec<_> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
        assert_eq!(args, ["--dbname", "postgres://mianban@127.0.0.1:5432/mianban"]);
    }
}

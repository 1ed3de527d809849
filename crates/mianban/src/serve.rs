//! `serve` and `worker`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use app::{demo, jobs, operations, passwords};
use axum::routing::get;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use db::Db;
use db::reading::Reading;
use domain::ids::SessionId;
use domain::time::{Clock, SystemClock};
use kit::app::{App, Config, MailboxProof, Parts};
use kit::flash::SigningKey;
use kit::random;
use kit::reference::References;
use kit::throttle::Throttle;
use kit::watch::Watch;
use secrecy::ExposeSecret as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::clock::FileClock;
use crate::options::Options;
use crate::papers::Typesetter;
use crate::{files, folders, post};

/// The program ends within this time after the signal to stop, whatever it waits for.
const END: Duration = Duration::from_secs(20);
/// Requests that have begun have this long of it.
const GRACE: Duration = Duration::from_secs(17);
/// What is left to be written down has until then.
const LAST_WORDS: Duration = Duration::from_secs(19);

/// What a connection reads ahead of its handler, bytes; also the limit of a request's head. An upload that waits for the
/// object store holds this much in memory.
const READ_AHEAD: usize = 64 * 1024;

/// How long a connection may wait for the head of its next request.
const HEAD: Duration = Duration::from_secs(75);

/// How many connections may wait to be accepted.
const WAITING: u32 = 1024;

/// The address of the database that the options name.
pub fn database_address(options: &Options) -> String {
    match &options.database_url {
        Some(url) => url.expose_secret().to_owned(),
        None => format!("sqlite:{}", options.data_dir.join("mianban.sqlite").display()),
    }
}

/// The file of the database; none on PostgreSQL.
pub fn database_file(options: &Options) -> Option<PathBuf> {
    Some(database_address(options).strip_prefix("sqlite:")?.trim_start_matches("//").into())
}

/// Opens the database that the options name.
pub async fn open_database(options: &Options) -> anyhow::Result<Db> {
    Db::open(&database_address(options)).await.context("--database-url cannot be used")
}

/// Refuses options that cannot be used before anything is made: a start that fails must not leave half an installation,
/// nor a database that only the new program can use.
pub fn judge(options: &Options) -> anyhow::Result<()> {
    options.public_url()?;
    anyhow::ensure!(
        options.demo || options.demo_clock.is_none(),
        "MIANBAN_DEMO_CLOCK is only for demonstrations: add --demo or remove it"
    );
    Db::judge(&database_address(options)).context("--database-url cannot be used")?;
    if let Some(file) = database_file(options) {
        folders::judge("--database-url", file.parent().unwrap_or(Path::new(".")))?;
    }
    files::judge(options)?;
    post::judge(options)?;
    options.keys().all()?;
    Ok(())
}

/// Applies what is missing and imports reference data into a new database.
pub async fn prepare(db: &Db, clock: &dyn Clock) -> anyhow::Result<()> {
    for name in db.migrate().await? {
        tracing::info!(migration = %name, "applied migration {name}");
    }
    if db::reference::is_empty(&db.read()).await? {
        let tx = db.begin().await?;
        let set = db::reference::ReferenceSet::embedded()?;
        let report = db::reference::import_first(&tx, &set, clock.now()).await?;
        tx.commit().await?;
        if let Some(report) = report {
            tracing::info!(rows = report.rows, "imported {} rows of reference data", report.rows);
        }
    }
    Ok(())
}

/// The clock of this installation.
pub fn clock(options: &Options) -> Arc<dyn Clock> {
    match &options.demo_clock {
        Some(file) => Arc::new(FileClock(file.clone())),
        None => Arc::new(SystemClock),
    }
}

/// What requests leave behind, to be written in batches (E11).
struct Notes {
    seen: mpsc::Receiver<SessionId>,
    readings: mpsc::Receiver<Reading>,
}

/// Everything that handlers and jobs reach.
async fn build(options: &Options) -> anyhow::Result<(App, Notes)> {
    let public_url = options.public_url()?;
    if public_url.scheme() == "http" && !options.listen.ip().is_loopback() {
        tracing::warn!("--public-url is not https: passwords travel readably; put a TLS proxy in front");
    }
    let clock = clock(options);
    let db = open_database(options).await?;
    prepare(&db, clock.as_ref()).await?;
    let tx = db.begin().await?;
    let key = db::setting::get_or_put(&tx, "signing_key", &random::token()).await?;
    if clock.may_be_wrong() {
        db::clock::begin(&tx, clock.now()).await?;
    }
    tx.commit().await?;
    let key = SigningKey::from_hex(&key).context("the signing key in the database is not readable")?;
    let references = References::new(db::reference::load(&db.read()).await?);
    let keys = options.keys();
    if options.demo && keys.all()?.is_empty() {
        // Its certificates were issued in the past, by a key that was there already.
        let name = keys.create(clock.now().plus_days(-demo::OLDEST_DAYS - 1))?;
        tracing::info!(key = %name, "made the signing key {name}");
    }
    for path in keys.exposed()? {
        tracing::warn!("others can read the signing key {}: run chmod 600 on it", path.display());
    }
    for path in folders::exposed(&options.data_dir, &private(options)) {
        tracing::warn!("others can read {}: run chmod -R go= on it", path.display());
    }
    let mailbox_proof = if options.demo {
        MailboxProof::Shown
    } else if options.smtp_url.is_some() {
        MailboxProof::Asked
    } else {
        tracing::warn!(
            "there is no --smtp-url: letters become files, so new users do not have to prove their mailboxes, and \
             whoever registers a code first becomes 单位管理员 at once"
        );
        MailboxProof::NotAsked
    };
    let (seen, seen_by) = mpsc::channel(1024);
    let (readings, read_by) = mpsc::channel(4096);
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let app = App::new(Parts {
        db,
        files: files::open(options)?,
        clock,
        config: Config {
            public_url,
            mail_from: options.mail_from.clone(),
            mailbox_proof,
            demo: options.demo,
            trusted_proxies: options.trusted_proxies.clone(),
            folders: private(options)
                .into_iter()
                .filter_map(|p| if p.is_dir() { Some(p) } else { folder_of(&p) })
                .collect(),
            upload_part_bytes: files::part_bytes(options),
            version: concat!("V", env!("CARGO_PKG_VERSION")),
        },
        key,
        references,
        papers: Arc::new(Typesetter::default()),
        post: post::open(options)?,
        keys: Arc::new(keys),
        guesses: Throttle::default(),
        cores: Arc::new(Semaphore::new(cores)),
        seen,
        readings,
        watch: Watch::default(),
    });
    // A store that does not answer now may answer later; until then the process is not ready.
    if let Err(error) = operations::mark_store(&app).await {
        tracing::error!("{error:#}");
    }
    if options.demo {
        demo::prepare(&app, app.now()).await?;
    } else if db::setting::get(&app.db.read(), demo::MARK).await?.is_some() {
        tracing::warn!(
            "this database holds demonstration accounts whose password is public; start it with --demo only"
        );
    }
    Ok((app, Notes { seen: seen_by, readings: read_by }))
}

/// What lies on this machine and holds the data of people: database, files, letters.
fn private(options: &Options) -> Vec<PathBuf> {
    let mut all: Vec<_> = database_file(options).into_iter().chain(files::folder(options)).collect();
    if options.smtp_url.is_none() {
        all.push(post::folder(options));
    }
    all
}

fn folder_of(file: &Path) -> Option<PathBuf> {
    let folder = file.parent()?;
    Some(if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() })
}

/// Takes the address, so that nobody else has it, but no connection yet: there is nobody to answer.
fn reserve(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves until SIGINT or SIGTERM; requests that have begun are finished.
pub async fn serve(options: &Options) -> anyhow::Result<()> {
    judge(options)?;
    let refused = || format!("--listen {} cannot be used", options.listen);
    let socket = reserve(options.listen).with_context(refused)?;
    if let Some(address) = options.metrics_listen {
        serve_metrics(address).await?;
    }
    let (app, Notes { seen, readings }) = build(options).await?;
    // Before anybody can connect: who sees the program serve can also stop it.
    let signals = Signals::listen().context("SIGINT and SIGTERM cannot be heard")?;
    let listener = socket.listen(WAITING).and_then(TcpListener::into_std).with_context(refused)?;
    let stop = CancellationToken::new();
    let mut worker = tokio::spawn(jobs::work(app.clone(), stop.clone()));
    let notes = tokio::spawn(note_use(app.clone(), seen));
    let answered = CancellationToken::new();
    let mut log = tokio::spawn(note_readings(app.clone(), readings, answered.clone()));
    tracing::info!(database = app.db.kind(), "serving {} on {}", app.config.public_url, options.listen);
    let service = app::site::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let handle = Handle::new();
    let end = Arc::new(OnceLock::new());
    let signalled = (stop.clone(), handle.clone(), end.clone());
    tokio::spawn(async move {
        signals.first().await;
        tracing::info!("stopping: requests that have begun are finished");
        end_in_time();
        signalled.2.get_or_init(Instant::now);
        signalled.0.cancel();
        signalled.1.graceful_shutdown(Some(GRACE));
    });
    // A small last packet goes out at once, not when the one before it is acknowledged.
    let mut server = axum_server::from_tcp(listener)?.acceptor(NoDelayAcceptor::new()).handle(handle).http1_only();
    server.http_builder().http1().max_buf_size(READ_AHEAD).header_read_timeout(HEAD);
    server.serve(service).await?;
    let signalled_at = *end.get_or_init(Instant::now);
    stop.cancel();
    if timeout_at(signalled_at + GRACE, &mut worker).await.is_err() {
        tracing::warn!("jobs are cut off; they are tried again later");
        worker.abort();
    }
    notes.abort();
    answered.cancel();
    if timeout_at(signalled_at + LAST_WORDS, &mut log).await.is_err() {
        tracing::error!("readings of personal data could not be noted before the end");
        log.abort();
    }
    Ok(())
}

/// Ends the process in time, even if a thread is stuck and nothing else can.
fn end_in_time() {
    std::thread::spawn(|| {
        std::thread::sleep(END);
        eprintln!("mianban: something did not end in time and was cut off");
        std::process::exit(0);
    });
}

/// Runs jobs alone.
pub async fn worker(options: &Options) -> anyhow::Result<()> {
    judge(options)?;
    let (app, _notes) = build(options).await?;
    let signals = Signals::listen().context("SIGINT and SIGTERM cannot be heard")?;
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    tokio::spawn(async move {
        signals.first().await;
        end_in_time();
        signalled.cancel();
    });
    tracing::info!(database = app.db.kind(), "working on jobs");
    jobs::work(app, stop).await;
    Ok(())
}

/// Writes which sessions were used, many at once (E11).
async fn note_use(app: App, mut seen: mpsc::Receiver<SessionId>) {
    let mut batch = Vec::new();
    while seen.recv_many(&mut batch, 256).await > 0 {
        batch.sort_unstable();
        batch.dedup();
        let noted = async {
            let tx = app.db.begin().await?;
            db::session::touch(&tx, &batch, app.now()).await?;
            tx.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(%error, "the use of sessions could not be noted");
        }
        batch.clear();
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// Writes who read personal data, many at once; what is left when the last request is answered is written too.
async fn note_readings(app: App, mut readings: mpsc::Receiver<Reading>, answered: CancellationToken) {
    let mut batch = Vec::new();
    loop {
        if batch.is_empty() {
            tokio::select! {
                n = readings.recv_many(&mut batch, 256) => if n == 0 { return },
                () = answered.cancelled() => {
                    readings.close();
                    while readings.recv_many(&mut batch, 256).await > 0 {}
                    if batch.is_empty() {
                        return;
                    }
                }
            }
        }
        let noted = async {
            let tx = app.db.begin().await?;
            db::reading::record(&tx, &batch).await?;
            tx.commit().await
        };
        match noted.await {
            Ok(()) => batch.clear(),
            Err(error) => {
                tracing::error!(%error, "readings of personal data could not be noted; tried again");
                if answered.is_cancelled() {
                    return;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(if answered.is_cancelled() { 0 } else { 1000 })).await;
    }
}

async fn serve_metrics(address: SocketAddr) -> anyhow::Result<()> {
    let handle = metrics_exporter_prometheus::PrometheusBuilder::new()
        .install_recorder()
        .context("metrics cannot be recorded")?;
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("--metrics-listen {address} cannot be used"))?;
    let upkeep = handle.clone();
    tokio::spawn(async move {
        // Or the histograms would grow until somebody reads them.
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            upkeep.run_upkeep();
        }
    });
    let router = axum::Router::new().route("/metrics", get(async move || handle.render()));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "metrics are no longer answered");
        }
    });
    Ok(())
}

/// SIGINT and SIGTERM, heard from the moment this is made.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn first(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Hashes a password that the operator typed.
pub fn hash(password: &str) -> anyhow::Result<String> {
    passwords::hash_blocking(password)
}

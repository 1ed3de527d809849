//! What every handler can reach.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use db::reading::Reading;
use domain::ids::SessionId;
use domain::letter::Failure;
use domain::time::{Clock, Instant};
use ipnet::IpNet;
use object_store::ObjectStore;
use seal::{Certificate, Signer};
use tokio::sync::mpsc;
use url::Url;

use crate::reference::References;
use crate::throttle::Throttle;
use crate::watch::Watch;

/// Whether new users have to prove their mailboxes before they count (D29).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxProof {
    /// By a letter.
    Asked,
    /// By a letter that the page shows as well: a demonstration.
    Shown,
    /// Not at all: letters of this installation reach nobody.
    NotAsked,
}

/// How this installation is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address users type; decides cookies, links in letters, the QR code.
    pub public_url: Url,
    /// The sender of letters.
    pub mail_from: String,
    /// Whether new users have to prove their mailboxes.
    pub mailbox_proof: MailboxProof,
    /// Demonstration mode: accounts shown on the login page, specimen mark on papers.
    pub demo: bool,
    /// Networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Local folders that the program writes to, to see when their disk is full.
    pub folders: Vec<PathBuf>,
    /// Files go to the store in parts of this size: small ones on disk, 5 MiB at least on S3.
    pub upload_part_bytes: usize,
    /// The version shown at 当前版本信息.
    pub version: &'static str,
}

impl Config {
    /// Whether users come by https.
    pub fn is_https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// An absolute address of this site.
    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }
}

/// Makes papers; wired in the program, so that screens do not compile the typesetter.
pub trait Papers: Send + Sync {
    /// The PDF of a certificate from its frozen sheet (JSON), with what its QR code holds.
    fn certificate(&self, sheet: &str, code: &str) -> anyhow::Result<Vec<u8>>;
    /// The PDF of an application form (打印申请) from its sheet (JSON).
    fn application(&self, sheet: &str) -> anyhow::Result<Vec<u8>>;
    /// The PDF of the user's manual, for this version of the program.
    fn manual(&self, version: &str) -> anyhow::Result<Vec<u8>>;
    /// Names the edition of the manual that [`Papers::manual`] makes: other content is another edition.
    fn manual_edition(&self, version: &str) -> String;
    /// The characters of a text that no face of the certificate can print (E27); each once, in their order.
    fn missing_glyphs(&self, text: &str) -> Vec<char>;
}

/// The signing keys of this installation (E35).
pub trait Keys: Send + Sync {
    /// The key that signs now; none when none was made.
    fn signer(&self) -> anyhow::Result<Option<Arc<dyn Signer>>>;
    /// The certificates of all keys, oldest first: what earlier keys signed stays verifiable.
    fn certificates(&self) -> anyhow::Result<Vec<Certificate>>;
}

/// A letter to somebody.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Letter {
    /// The mailbox.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// Plain text.
    pub body: String,
    /// The same at every try, and of no other letter: a mail server knows a second copy by it.
    #[serde(default)]
    pub reference: String,
}

/// Why a letter was not taken: for its addressee, and for the operator's log.
#[derive(Debug)]
pub struct Undelivered {
    /// The reason, in a word.
    pub failure: Failure,
    /// What happened.
    pub error: anyhow::Error,
}

/// Carries letters; called by jobs only.
#[async_trait::async_trait]
pub trait Post: Send + Sync {
    /// Hands the letter over, or says why not.
    async fn send(&self, letter: &Letter) -> Result<(), Undelivered>;
}

/// Everything a handler can reach; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of [`App`].
pub struct Parts {
    /// The database.
    pub db: db::Db,
    /// Uploaded files and papers.
    pub files: Arc<dyn ObjectStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The set-up.
    pub config: Config,
    /// Signs one-shot cookies and visitors' forms; the same in every process.
    pub key: crate::flash::SigningKey,
    /// Reference data in memory.
    pub references: References,
    /// Makes papers.
    pub papers: Arc<dyn Papers>,
    /// Carries letters.
    pub post: Arc<dyn Post>,
    /// The signing keys.
    pub keys: Arc<dyn Keys>,
    /// Bounds what burns a core (decoding a picture) to the number of cores.
    pub cores: Arc<tokio::sync::Semaphore>,
    /// Wrong guesses at 证明公开核验.
    pub guesses: Throttle,
    /// Sessions that were used, written in batches (E11).
    pub seen: mpsc::Sender<SessionId>,
    /// Who read personal data, written in batches (E11).
    pub readings: mpsc::Sender<Reading>,
    /// What this process remembers of its clock.
    pub watch: Watch,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Now.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("config", &self.0.config).finish_non_exhaustive()
    }
}

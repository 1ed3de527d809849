//! Every option, each also an environment variable; `--help` is the reference.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use domain::actor::Post;
use ipnet::IpNet;
use secrecy::SecretString;
use url::Url;

use crate::keys::KeyFolder;

/// CCC 免办电子审批系统: electronic approval of CCC exemption certificates.
#[derive(Debug, Parser)]
#[command(name = "mianban", version, about)]
pub struct Cli {
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the site and run jobs.
    Serve,
    /// Run jobs alone, beside other processes.
    Worker,
    /// Bring the database up to date and import reference data if there are none.
    Migrate,
    /// Recompute what must agree (audit chains, balances), look for files and keys, and say what is not right.
    Doctor {
        /// How far files are examined.
        #[arg(long, value_enum, default_value = "size")]
        files: Depth,
    },
    /// Copy database, files and keys into an empty folder, while the site goes on.
    Backup {
        /// The folder.
        folder: PathBuf,
        /// Leave the signing keys out, for whoever keeps them elsewhere.
        #[arg(long)]
        without_keys: bool,
    },
    /// Put a backup back into an empty installation, and examine what is there.
    Restore {
        /// The folder of the backup.
        folder: PathBuf,
        /// Restore over what is there; stop every process before.
        #[arg(long)]
        replace: bool,
        /// Leave out what is damaged and restore the rest.
        #[arg(long)]
        despite_damage: bool,
    },
    /// Accounts of bureaus and CNCA.
    Account {
        #[command(subcommand)]
        command: AccountCommand,
    },
    /// Signing keys.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Reference data.
    Reference {
        #[command(subcommand)]
        command: ReferenceCommand,
    },
    /// Letters, papers and files that could not be made.
    Job {
        #[command(subcommand)]
        command: JobCommand,
    },
    /// Drafts that were deleted when their ten days were over.
    Draft {
        #[command(subcommand)]
        command: DraftCommand,
    },
    /// The clock of this machine, on which deleting and lapsing depend.
    Clock {
        #[command(subcommand)]
        command: ClockCommand,
    },
    /// Systems of ports that report write-offs (docs/port-api.md).
    PortSystem {
        #[command(subcommand)]
        command: PortSystemCommand,
    },
}

/// How far `doctor` examines files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Depth {
    /// Not at all.
    None,
    /// Each is there and has its size.
    Size,
    /// Each is read to its end and has its content.
    Full,
}

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Create an account; the password is read from standard input.
    Create {
        /// 用户名.
        username: String,
        /// The name under which opinions appear.
        #[arg(long)]
        name: String,
        /// The code of the bureau; without it the account is one of CNCA.
        #[arg(long)]
        bureau: Option<String>,
        /// A post, repeated: accept, first_review, final_review, compare, issue, terminate, …
        #[arg(long = "post", required = true)]
        posts: Vec<Post>,
    },
    /// Switch an account off and end its login sessions.
    Disable {
        /// 用户名.
        username: String,
    },
    /// Switch an account on again.
    Enable {
        /// 用户名.
        username: String,
    },
    /// Set a new password, read from standard input; ends every login session of the account.
    Password {
        /// 用户名.
        username: String,
    },
    /// Switch the second factor of an account off, for somebody who lost telephone and recovery codes.
    ResetSecondFactor {
        /// 用户名.
        username: String,
    },
}

/// What to do with signing keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key; from then on it is the one that signs, and older ones stay to check what they signed.
    Create,
    /// List the keys, oldest first; the last one signs.
    List,
}

/// What to do with reference data.
#[derive(Debug, Subcommand)]
pub enum ReferenceCommand {
    /// Import the CSV files of a folder; what submitted applications froze is not touched.
    Import {
        /// The folder.
        folder: PathBuf,
    },
}

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// List the jobs that are dead, and those that are late: number, kind, state, tries, age, next try, what it is about.
    List {
        /// Dead ones only.
        #[arg(long)]
        dead: bool,
    },
    /// Say everything about a job but its data, which may hold a password.
    Show {
        /// The number of the job.
        number: i64,
    },
    /// Try jobs again, at once and for as long as new ones.
    Retry {
        /// The numbers of the jobs.
        #[arg(required_unless_present = "dead")]
        numbers: Vec<i64>,
        /// All dead ones.
        #[arg(long, conflicts_with = "numbers")]
        dead: bool,
    },
}

/// What to do with drafts.
#[derive(Debug, Subcommand)]
pub enum DraftCommand {
    /// List the drafts that the clock deleted within the last thirty days: number, user, applicant, first saved, deleted,
    /// kept until.
    ListDeleted,
    /// Give deleted drafts back to their owners, for ten days from now.
    Restore {
        /// The numbers of the drafts.
        #[arg(required_unless_present = "all")]
        numbers: Vec<i64>,
        /// All of them.
        #[arg(long, conflicts_with = "numbers")]
        all: bool,
    },
}

/// What to do with the clock.
#[derive(Debug, Subcommand)]
pub enum ClockCommand {
    /// Say what time it is here, in the database, at the newest deed, and when the clock was last known to be right.
    Show,
    /// Confirm that the clock of this machine is right: running processes believe theirs within a minute.
    Accept,
}

/// What to do with systems of ports.
#[derive(Debug, Subcommand)]
pub enum PortSystemCommand {
    /// Make a system known; its key is printed once and kept only as a hash.
    Create {
        /// Its name, as ledger and audit trail show it.
        name: String,
        /// The code of the bureau for which it writes off.
        #[arg(long)]
        bureau: String,
        /// The code of a port of this bureau, repeated; without any, all of them.
        #[arg(long = "port")]
        ports: Vec<String>,
    },
    /// List the systems: number, bureau, name, ports, age of the key.
    List,
    /// Make a new key, printed once; the old one opens nothing from now on.
    Rotate {
        /// The number of the system.
        number: i64,
    },
    /// Switch a system off for good: its key opens nothing from now on, what it wrote off stays.
    Disable {
        /// The number of the system.
        number: i64,
    },
}

/// How long somebody outside may be waited for.
fn seconds(text: &str) -> Result<u64, String> {
    let n = text.parse().ok().filter(|n| (1..=600).contains(n));
    n.ok_or_else(|| "it is a number of seconds, 1 to 600".to_owned())
}

/// The options of every command.
#[derive(Debug, Args)]
pub struct Options {
    /// The address to serve on.
    #[arg(long, env = "MIANBAN_LISTEN", default_value = "127.0.0.1:8080", global = true)]
    pub listen: SocketAddr,
    /// The folder of the embedded database, files and letters.
    #[arg(long, env = "MIANBAN_DATA_DIR", default_value = "./data", global = true)]
    pub data_dir: PathBuf,
    /// sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE; SQLite in the data folder by default.
    #[arg(long, env = "MIANBAN_DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<SecretString>,
    /// file:FOLDER, or s3://BUCKET (keys, region and endpoint by the AWS_… variables).
    #[arg(long, env = "MIANBAN_FILES_URL", global = true)]
    pub files_url: Option<String>,
    /// smtps://USER:PASSWORD@HOST (TLS), smtp://USER:PASSWORD@HOST?tls=required (STARTTLS) or smtp://HOST (neither);
    /// without it letters are written to the data folder as .eml files.
    #[arg(long, env = "MIANBAN_SMTP_URL", hide_env_values = true, global = true)]
    pub smtp_url: Option<SecretString>,
    /// Seconds that one letter may take in all, from looking up the name of the mail server to its last answer.
    #[arg(long, env = "MIANBAN_SMTP_TIMEOUT", default_value = "60", value_parser = seconds, global = true)]
    pub smtp_timeout: u64,
    /// Seconds that one call of the store of files may take.
    #[arg(long, env = "MIANBAN_FILES_TIMEOUT", default_value = "30", value_parser = seconds, global = true)]
    pub files_timeout: u64,
    /// A PEM file with the certificate of a private authority that signs the certificate of the mail server.
    #[arg(long, env = "MIANBAN_SMTP_CA", global = true)]
    pub smtp_ca: Option<PathBuf>,
    /// Where letters are written when there is no SMTP server.
    #[arg(long, env = "MIANBAN_MAIL_DIR", global = true)]
    pub mail_dir: Option<PathBuf>,
    /// The sender of letters.
    #[arg(long, env = "MIANBAN_MAIL_FROM", default_value = "CCC免办系统 <noreply@localhost>", global = true)]
    pub mail_from: String,
    /// The address users type; http://ADDRESS of --listen by default.
    #[arg(long, env = "MIANBAN_PUBLIC_URL", global = true)]
    pub public_url: Option<Url>,
    /// Serve Prometheus metrics on this address.
    #[arg(long, env = "MIANBAN_METRICS_LISTEN", global = true)]
    pub metrics_listen: Option<SocketAddr>,
    /// Demonstration: accounts and applications are made in an empty database.
    #[arg(long, env = "MIANBAN_DEMO", global = true)]
    pub demo: bool,
    /// The folder of signing keys; `keys` in the data folder by default.
    #[arg(long, env = "MIANBAN_KEYS_DIR", global = true)]
    pub keys_dir: Option<PathBuf>,
    /// How log lines are written.
    #[arg(long, env = "MIANBAN_LOG_FORMAT", value_enum, default_value = "text", global = true)]
    pub log_format: LogFormat,
    /// Proxies whose X-Forwarded-For is believed: addresses, or networks such as 10.0.0.0/8.
    #[arg(long, env = "MIANBAN_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, global = true)]
    pub trusted_proxies: Vec<IpNet>,
    /// A file that holds the time (RFC 3339), for demonstrations that travel in time; only with --demo.
    #[arg(long, env = "MIANBAN_DEMO_CLOCK", global = true, hide = true)]
    pub demo_clock: Option<PathBuf>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line, for machines.
    Json,
}

impl Options {
    /// The signing keys.
    pub fn keys(&self) -> KeyFolder {
        KeyFolder::new(self.keys_dir.clone().unwrap_or_else(|| self.data_dir.join("keys")))
    }

    /// The address users type.
    pub fn public_url(&self) -> anyhow::Result<Url> {
        match &self.public_url {
            Some(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => Ok(url.clone()),
            Some(url) => anyhow::bail!("--public-url `{url}` cannot be used: it must begin with http:// or https://"),
            None => Url::parse(&format!("http://{}", self.listen)).context("--listen"),
        }
    }
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .map(|network| network.trunc())
        .or_else(|_| text.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical())))
        .map_err(|_| format!("`{text}` is neither an address nor a network such as 10.0.0.0/8"))
}

/// Variables of the project's own tests and tools; the program does not read them.
const OF_TESTS: [&str; 4] = ["MIANBAN_TEST_", "MIANBAN_JOURNEY_", "MIANBAN_PROGRAM", "MIANBAN_UPDATE_DOCS"];

/// Refuses a variable `MIANBAN_…` that is no option: a typing mistake in a file of settings is not passed over.
pub fn refuse_unknown_variables(names: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let command = Cli::command();
    let known: Vec<_> =
        command.get_arguments().filter_map(|a| a.get_env()).map(|e| e.to_string_lossy().into_owned()).collect();
    for name in names.filter(|n| n.starts_with("MIANBAN_")) {
        let of_tests = OF_TESTS.iter().any(|prefix| name.starts_with(prefix));
        anyhow::ensure!(
            of_tests || known.contains(&name),
            "the environment variable {name} is no option; `mianban --help` lists them"
        );
    }
    Ok(())
}

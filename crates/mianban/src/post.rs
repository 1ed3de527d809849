//! Letters: an SMTP server, or a folder of .eml files.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use domain::letter::Failure;
use kit::app::{Letter, Post, Undelivered};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::ExposeSecret as _;
use url::{Host, Url};

use crate::folders;
use crate::options::Options;

/// How long a mail server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(PathBuf),
}

/// Carries letters.
pub struct Carrier {
    from: Mailbox,
    way: Way,
}

/// Where letters are written when there is no mail server.
pub fn folder(options: &Options) -> PathBuf {
    options.mail_dir.clone().unwrap_or_else(|| options.data_dir.join("mail"))
}

/// Refuses options that cannot be used, and makes nothing.
pub fn judge(options: &Options) -> anyhow::Result<()> {
    let _: Mailbox = sender(options)?;
    match &options.smtp_url {
        Some(url) => server(url.expose_secret(), options.smtp_ca.as_deref()).map(|_| ()),
        None => folders::judge("--mail-dir", &folder(options)),
    }
}

fn sender(options: &Options) -> anyhow::Result<Mailbox> {
    options.mail_from.parse().with_context(|| format!("--mail-from `{}` cannot be used", options.mail_from))
}

/// The mailbox to which a letter goes.
pub fn addressee(to: &str) -> anyhow::Result<Mailbox> {
    to.parse::<Mailbox>().map_err(|error| anyhow::Error::new(error).context("the mailbox of a letter"))
}

/// Opens the way that `--smtp-url` names; the folder of letters by default.
pub fn open(options: &Options) -> anyhow::Result<Arc<dyn Post>> {
    let from = sender(options)?;
    let way = if let Some(url) = &options.smtp_url {
        Way::Smtp(server(url.expose_secret(), options.smtp_ca.as_deref())?)
    } else {
        let folder = folder(options);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("--mail-dir: the folder {} cannot be made", folder.display()))?;
        Way::Folder(folder)
    };
    Ok(Arc::new(Carrier { from, way }))
}

/// The mail server of an address. No message repeats the address: it may hold a password.
fn server(address: &str, authority: Option<&Path>) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
    let url = Url::parse(address).context("--smtp-url cannot be used: it must be smtp://… or smtps://…")?;
    let starttls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
    let guarded = url.scheme() == "smtps" || starttls.as_deref() == Some("required");
    anyhow::ensure!(
        guarded || url.password().is_none() || is_this_machine(&url),
        "--smtp-url would send its password in the clear: use smtps://… or add ?tls=required"
    );
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(address)
        .map_err(|e| anyhow::anyhow!("--smtp-url cannot be used: {e}"))?
        .timeout(Some(PATIENCE));
    if let Some(path) = authority {
        let pem = std::fs::read(path).with_context(|| format!("--smtp-ca {}", path.display()))?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|e| anyhow::anyhow!("--smtp-ca {} is no PEM certificate: {e}", path.display()))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let tls = TlsParameters::builder(host).add_root_certificate(certificate).build()?;
        builder = builder.tls(match (url.scheme(), starttls.as_deref()) {
            ("smtps", _) => Tls::Wrapper(tls),
            (_, Some("required")) => Tls::Required(tls),
            (_, Some("opportunistic")) => Tls::Opportunistic(tls),
            _ => anyhow::bail!("--smtp-ca needs an --smtp-url with TLS: smtps://… or ?tls=required"),
        });
    }
    Ok(builder.build())
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        // An address of another scheme than http keeps its host as text.
        Some(Host::Domain(name)) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

#[async_trait::async_trait]
impl Post for Carrier {
    async fn send(&self, letter: &Letter) -> Result<(), Undelivered> {
        let message = self.write(letter)?;
        match &self.way {
            Way::Smtp(smtp) => {
                smtp.send(message)
                    .await
                    .map_err(|error| Undelivered { failure: failure_of(&error), error: error.into() })?;
            }
            Way::Folder(folder) => {
                let path = folder.join(format!("{}.eml", kit::random::token()));
                let written = tokio::task::spawn_blocking(move || folders::write(&path, &message.formatted())).await;
                written
                    .map_err(anyhow::Error::new)
                    .and_then(|done| done.context("a letter cannot be written"))
                    .map_err(|error| Undelivered { failure: Failure::Other, error })?;
            }
        }
        Ok(())
    }
}

impl Carrier {
    fn write(&self, letter: &Letter) -> Result<Message, Undelivered> {
        let to = addressee(&letter.to).map_err(|error| Undelivered { failure: Failure::Mailbox, error })?;
        let mut message =
            Message::builder().from(self.from.clone()).to(to).subject(&letter.subject).header(ContentType::TEXT_PLAIN);
        if !letter.reference.is_empty() {
            message = message.message_id(Some(format!("<{}@{}>", letter.reference, self.from.email.domain())));
        }
        message
            .body(letter.body.clone())
            .map_err(|error| Undelivered { failure: Failure::Other, error: anyhow::Error::new(error) })
    }
}

/// What an answer of the mail server, or none, means for the addressee.
fn failure_of(error: &smtp::Error) -> Failure {
    match error.status().map(u16::from) {
        // RFC 4954: we are not known, or may not send as we try to.
        Some(454 | 530 | 534 | 535 | 538) => Failure::Credentials,
        // RFC 5321: no such mailbox, not here, full for good, a name that is none.
        Some(550 | 551 | 552 | 553 | 556) => Failure::Refused,
        Some(400..=499) => Failure::Later,
        Some(_) => Failure::Other,
        None if error.is_tls() || error.is_client() => Failure::Credentials,
        None => Failure::Unreachable,
    }
}

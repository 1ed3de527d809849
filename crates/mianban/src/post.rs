//! Letters: an SMTP server, or a folder of .eml files. Every letter has an end: a server that accepts and does not answer is
//! an error after a while.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use domain::letter::Failure;
use domain::text;
use kit::app::{Letter, Post, Undelivered};
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use percent_encoding::percent_decode_str;
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout, timeout_at};
use url::{Host, Url};

use crate::folders;
use crate::options::Options;

/// How long a mail server may take to say good-bye after it has taken the letter.
const GOODBYE: Duration = Duration::from_secs(2);

/// How the connection is guarded.
enum Guard {
    /// smtps://: TLS from the first byte.
    Wrapped(TlsParameters),
    /// `?tls=required`: STARTTLS.
    Required(TlsParameters),
    /// `?tls=opportunistic`: STARTTLS where the server offers it.
    Opportunistic(TlsParameters),
    /// Not at all.
    None,
}

/// A mail server. Each letter has a connection of its own: one that was left in the middle of a letter would take the answer
/// to that letter for an answer to the next.
struct MailServer {
    host: String,
    port: u16,
    guard: Guard,
    credentials: Option<Credentials>,
    hello: ClientId,
}

enum Way {
    Smtp(MailServer),
    Folder(PathBuf),
}

/// Carries letters.
pub struct Carrier {
    from: Mailbox,
    way: Way,
    /// The whole of one letter takes no longer: looking up the name, connecting, greeting, handing over.
    limit: Duration,
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
    let address: Address = text::wire_address(to).parse().context("the mailbox of a letter")?;
    Ok(Mailbox::new(None, address))
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
    Ok(Arc::new(Carrier { from, way, limit: Duration::from_secs(options.smtp_timeout) }))
}

/// The mail server of an address; whatever could not work for any letter is refused. No message repeats the address: it may
/// hold a password.
fn server(address: &str, authority: Option<&Path>) -> anyhow::Result<MailServer> {
    let url = Url::parse(address).context("--smtp-url cannot be used: it must be smtp://… or smtps://…")?;
    let mut starttls = None;
    for (name, value) in url.query_pairs() {
        anyhow::ensure!(name == "tls", "--smtp-url cannot be used: `{name}` is no option of it; there is only ?tls=…");
        starttls = Some(value.into_owned());
    }
    let is_wrapped = match url.scheme() {
        "smtp" => false,
        "smtps" => true,
        _ => anyhow::bail!("--smtp-url cannot be used: it must be smtp://… or smtps://…"),
    };
    let guarded = is_wrapped || starttls.as_deref() == Some("required");
    anyhow::ensure!(
        guarded || url.password().is_none() || is_this_machine(&url),
        "--smtp-url would send its password in the clear: use smtps://… or add ?tls=required"
    );
    anyhow::ensure!(
        url.username().is_empty() || url.password().is_some(),
        "--smtp-url cannot be used: it has a user without a password"
    );
    let host = host_of(&url)?;
    let tls = |what: &str| -> anyhow::Result<TlsParameters> {
        ServerName::try_from(host.clone())
            .with_context(|| format!("--smtp-url cannot be used with {what}: no certificate is made for this host"))?;
        let mut builder = TlsParameters::builder(host.clone());
        if let Some(path) = authority {
            let pem = std::fs::read(path).with_context(|| format!("--smtp-ca {}", path.display()))?;
            let certificate = Certificate::from_pem(&pem)
                .map_err(|e| anyhow::anyhow!("--smtp-ca {} is no PEM certificate: {e}", path.display()))?;
            builder = builder.add_root_certificate(certificate);
        }
        builder.build().map_err(|e| anyhow::anyhow!("--smtp-url cannot be used with {what}: {e}"))
    };
    let (guard, usual_port) = match (is_wrapped, starttls.as_deref()) {
        (true, None | Some("required")) => (Guard::Wrapped(tls("TLS")?), smtp::SUBMISSIONS_PORT),
        (false, Some("required")) => (Guard::Required(tls("TLS")?), smtp::SUBMISSION_PORT),
        (false, Some("opportunistic")) => (Guard::Opportunistic(tls("TLS")?), smtp::SUBMISSION_PORT),
        (false, None) => {
            anyhow::ensure!(authority.is_none(), "--smtp-ca needs an --smtp-url with TLS: smtps://… or ?tls=required");
            (Guard::None, smtp::SMTP_PORT)
        }
        (_, Some(_)) => {
            anyhow::bail!("--smtp-url cannot be used: ?tls= is `required` or `opportunistic`, with smtp://")
        }
    };
    let port = url.port().unwrap_or(usual_port);
    anyhow::ensure!(port != 0, "--smtp-url cannot be used: there is no port 0");
    let decoded = |text: &str| -> anyhow::Result<String> {
        Ok(percent_decode_str(text).decode_utf8().context("--smtp-url: user or password is no UTF-8")?.into_owned())
    };
    let credentials = match url.password() {
        Some(password) => Some(Credentials::new(decoded(url.username())?, decoded(password)?)),
        None => None,
    };
    // A path is the name by which we greet.
    let hello = match url.path().trim_matches('/') {
        "" => ClientId::default(),
        name => ClientId::Domain(name.to_owned()),
    };
    Ok(MailServer { host, port, guard, credentials, hello })
}

/// The host as sockets and certificates name it: without the brackets of an IPv6 address, a name of any script in ASCII. An
/// address of another scheme than http keeps its host as it was typed.
fn host_of(url: &Url) -> anyhow::Result<String> {
    const WHY: &str = "--smtp-url cannot be used: it has no host that can be looked up";
    let typed = url.host_str().filter(|h| !h.is_empty()).context(WHY)?;
    let typed = percent_decode_str(typed).decode_utf8().context(WHY)?;
    Ok(match Host::parse(&typed).map_err(|e| anyhow::anyhow!("{WHY}: {e}"))? {
        Host::Domain(name) => name,
        Host::Ipv4(ip) => ip.to_string(),
        Host::Ipv6(ip) => ip.to_string(),
    })
}

fn is_this_machine(url: &Url) -> bool {
    host_of(url).is_ok_and(|host| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

#[async_trait::async_trait]
impl Post for Carrier {
    async fn send(&self, letter: &Letter) -> Result<(), Undelivered> {
        let message = self.write(letter)?;
        match &self.way {
            Way::Smtp(server) => server.deliver(message.envelope(), &message.formatted(), self.limit).await,
            Way::Folder(folder) => {
                let path = folder.join(format!("{}.eml", kit::random::token()));
                let writing = tokio::task::spawn_blocking(move || folders::write(&path, &message.formatted()));
                match timeout(self.limit, writing).await {
                    Ok(written) => written
                        .map_err(anyhow::Error::new)
                        .and_then(|done| done.context("a letter cannot be written"))
                        .map_err(|error| Undelivered { failure: Failure::Other, error }),
                    Err(_) => Err(late(Failure::Other, "the folder of letters", self.limit)),
                }
            }
        }
    }
}

/// What the mail server said.
fn told(error: smtp::Error) -> Undelivered {
    Undelivered { failure: failure_of(&error), error: error.into() }
}

/// Somebody outside did not answer in time.
fn late(failure: Failure, who: &str, limit: Duration) -> Undelivered {
    Undelivered { failure, error: anyhow::anyhow!("{who} did not answer within {} s", limit.as_secs()) }
}

impl MailServer {
    /// Hands a letter over, within `limit` in all.
    async fn deliver(&self, envelope: &Envelope, content: &[u8], limit: Duration) -> Result<(), Undelivered> {
        let end = Instant::now() + limit;
        // Dropped in the middle, the connection is closed, and nobody uses it again.
        let mut connection = match timeout_at(end, self.announce(envelope, content)).await {
            Ok(ready) => ready?,
            Err(_) => return Err(late(Failure::Unreachable, "the mail server", limit)),
        };
        match timeout_at(end, connection.message(content)).await {
            Ok(Ok(_)) => {}
            // From here on the letter may have arrived although nobody said so.
            Ok(Err(error)) if error.status().is_none() => {
                let error = anyhow::Error::new(error).context("the mail server did not confirm the letter");
                return Err(Undelivered { failure: Failure::Unconfirmed, error });
            }
            Ok(Err(error)) => return Err(told(error)),
            Err(_) => return Err(late(Failure::Unconfirmed, "the mail server", limit)),
        }
        // The letter is there, whatever the server says to this.
        let _ = timeout(GOODBYE, connection.quit()).await;
        Ok(())
    }

    /// A connection on which the server waits for the letter itself.
    async fn announce(&self, envelope: &Envelope, content: &[u8]) -> Result<AsyncSmtpConnection, Undelivered> {
        let mut connection = self.connect().await.map_err(told)?;
        let mut parameters = Vec::new();
        let mut mailboxes = envelope.to().iter().chain(envelope.from());
        if mailboxes.any(|mailbox| !AsRef::<str>::as_ref(mailbox).is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let error = anyhow::anyhow!("the mail server takes no mailbox with characters beyond ASCII");
                return Err(Undelivered { failure: Failure::Script, error });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !content.is_ascii() {
            if !connection.server_info().supports_feature(Extension::EightBitMime) {
                let error = anyhow::anyhow!("the mail server takes no letter with characters beyond ASCII");
                return Err(Undelivered { failure: Failure::Other, error });
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        connection.command(Mail::new(envelope.from().cloned(), parameters)).await.map_err(told)?;
        for to in envelope.to() {
            connection.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(told)?;
        }
        connection.command(Data).await.map_err(told)?;
        Ok(connection)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, smtp::Error> {
        let wrapped = match &self.guard {
            Guard::Wrapped(tls) => Some(tls.clone()),
            Guard::Required(_) | Guard::Opportunistic(_) | Guard::None => None,
        };
        let server = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, wrapped, None).await?;
        match &self.guard {
            Guard::Required(tls) => connection.starttls(tls.clone(), &self.hello).await?,
            Guard::Opportunistic(tls) if connection.can_starttls() => {
                connection.starttls(tls.clone(), &self.hello).await?;
            }
            Guard::Wrapped(_) | Guard::Opportunistic(_) | Guard::None => {}
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

impl Carrier {
    fn write(&self, letter: &Letter) -> Result<Message, Undelivered> {
        // The domain travels in ASCII; a name that is not ASCII needs SMTPUTF8, which the server has or has not.
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

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::sync::Mutex;

    use super::*;

    /// A mail server with these extensions; its port, and what it was told.
    fn mail_server(extensions: &'static [u8]) -> (u16, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                stream.write_all(b"220 mail.example.com\r\n").unwrap();
                let mut line = String::new();
                while lines.read_line(&mut line).is_ok_and(|n| n > 0) {
                    let said = std::mem::take(&mut line).trim_end().to_owned();
                    let answer: &[u8] = match said.split(' ').next().unwrap_or_default() {
                        "EHLO" => extensions,
                        "DATA" => {
                            stream.write_all(b"354 go on\r\n").unwrap();
                            while lines.read_line(&mut line).is_ok_and(|n| n > 0) && line.trim_end() != "." {
                                line.clear();
                            }
                            line.clear();
                            b"250 ok\r\n"
                        }
                        _ => b"250 ok\r\n",
                    };
                    told.lock().unwrap().push(said);
                    if stream.write_all(answer).is_err() {
                        break;
                    }
                }
            }
        });
        (port, heard)
    }

    async fn send(port: u16, to: &str) -> Result<(), Undelivered> {
        let way = Way::Smtp(server(&format!("smtp://127.0.0.1:{port}"), None).unwrap());
        let carrier = Carrier { from: "mianban@example.com".parse().unwrap(), way, limit: Duration::from_secs(20) };
        let letter = Letter {
            to: to.to_owned(),
            subject: "申请单".to_owned(),
            body: "正文".to_owned(),
            reference: String::new(),
        };
        carrier.send(&letter).await
    }

    /// The domain goes out in ASCII to every server; a name that is not ASCII goes out where SMTPUTF8 is known, and is said
    /// to be impossible elsewhere.
    #[tokio::test]
    async fn mailboxes_in_other_scripts_are_written_to_as_far_as_the_server_can() {
        let (port, heard) = mail_server(b"250 mail.example.com\r\n");
        send(port, "user@例え.jp").await.unwrap();
        assert!(heard.lock().unwrap().iter().any(|l| l == "RCPT TO:<user@xn--r8jz45g.jp>"), "{heard:?}");
        assert_eq!(send(port, "用户@例子.公司").await.unwrap_err().failure, Failure::Script);

        let (port, heard) = mail_server(b"250-mail.example.com\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
        send(port, "用户@例子.公司").await.unwrap();
        let heard = heard.lock().unwrap();
        assert!(heard.iter().any(|l| l.starts_with("MAIL FROM:") && l.contains("SMTPUTF8")), "{heard:?}");
        assert!(heard.iter().any(|l| l.contains("用户@xn--fsqu00a.xn--55qx5d")), "{heard:?}");
    }

    #[test]
    fn every_way_to_name_a_mail_server_works_or_is_refused() {
        for (address, host, port) in [
            ("smtp://[::1]:8392", "::1", 8392),
            ("smtps://[2001:db8::25]", "2001:db8::25", 465),
            ("smtp://u:p@[::1]", "::1", 25),
            ("smtp://127.0.0.1", "127.0.0.1", 25),
            ("smtp://mail.example.com/our-name", "mail.example.com", 25),
            ("smtp://u:p@mail.example.com?tls=required", "mail.example.com", 587),
            ("smtps://邮件.example.cn", "xn--6krq1c.example.cn", 465),
        ] {
            let made = server(address, None).unwrap_or_else(|e| panic!("{address}: {e:#}"));
            assert_eq!(made.port, port, "{address}");
            assert!(made.host == host || made.host.starts_with("xn--"), "{address}: {}", made.host);
        }
        for (address, why) in [
            ("mail.example.com", "smtp://"),
            ("http://mail.example.com", "smtp://"),
            ("smtp://", "no host"),
            ("smtp://a b", "cannot be used"),
            ("smtp://[fe80::1%25eth0]", "cannot be used"),
            ("smtp://user@mail.example.com?tls=required", "without a password"),
            ("smtp://mail.example.com?tls=on", "`required` or `opportunistic`"),
            ("smtp://mail.example.com?starttls=true", "no option"),
            ("smtp://mail.example.com:0", "port 0"),
            ("smtp://u:p@[2001:db8::25]", "in the clear"),
        ] {
            let error = server(address, None).err().unwrap_or_else(|| panic!("{address} is taken"));
            assert!(format!("{error:#}").contains(why), "{address}: {error:#}");
        }
    }
}

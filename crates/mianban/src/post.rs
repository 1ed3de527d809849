//! Letters: an SMTP server, or a folder of .eml files.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use domain::letter::Failure;
use domain::text;
use kit::app::{Letter, Post, Undelivered};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncFileTransport, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::ExposeSecret as _;
use url::{Host, Url};

use crate::options::Options;

/// How long a mail server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Folder(AsyncFileTransport<Tokio1Executor>),
}

/// Carries letters.
pub struct Carrier {
    from: Mailbox,
    way: Way,
}

/// Opens the way that `--smtp-url` names; the folder of letters by default.
pub fn open(options: &Options) -> anyhow::Result<Arc<dyn Post>> {
    let from: Mailbox =
        options.mail_from.parse().with_context(|| format!("--mail-from `{}` cannot be used", options.mail_from))?;
    let way = if let Some(url) = &options.smtp_url {
        Way::Smtp(server(url.expose_secret(), options.smtp_ca.as_deref())?)
    } else {
        let folder: PathBuf = options.mail_dir.clone().unwrap_or_else(|| options.data_dir.join("mail"));
        std::fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
        Way::Folder(AsyncFileTransport::new(folder))
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
                smtp.send(message).await.map_err(|error| Undelivered {
                    // Our side of the conversation ends it when the server cannot take such a name.
                    failure: if error.is_client() && !letter.to.is_ascii() && needs_smtputf8(&letter.to) {
                        Failure::Script
                    } else {
                        failure_of(&error)
                    },
                    error: error.into(),
                })?;
            }
            Way::Folder(folder) => {
                folder
                    .send(message)
                    .await
                    .map_err(|error| Undelivered { failure: Failure::Other, error: error.into() })?;
            }
        }
        Ok(())
    }
}

impl Carrier {
    fn write(&self, letter: &Letter) -> Result<Message, Undelivered> {
        // The domain travels in ASCII; a name that is not ASCII needs SMTPUTF8, which the server has or has not.
        let to: Address = text::wire_address(&letter.to).parse().map_err(|error| Undelivered {
            failure: Failure::Mailbox,
            error: anyhow::Error::new(error).context("the mailbox of a letter"),
        })?;
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&letter.subject)
            .header(ContentType::TEXT_PLAIN);
        if !letter.reference.is_empty() {
            message = message.message_id(Some(format!("<{}@{}>", letter.reference, self.from.email.domain())));
        }
        message
            .body(letter.body.clone())
            .map_err(|error| Undelivered { failure: Failure::Other, error: anyhow::Error::new(error) })
    }
}

/// Whether the part before `@` is not ASCII: only a server with SMTPUTF8 (RFC 6531) delivers to it.
fn needs_smtputf8(address: &str) -> bool {
    address.rsplit_once('@').is_some_and(|(local, _)| !local.is_ascii())
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
        let carrier = Carrier { from: "mianban@example.com".parse().unwrap(), way };
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
}

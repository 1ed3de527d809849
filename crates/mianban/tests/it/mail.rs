//! Letters through a mail server: STARTTLS with a certificate of a private authority, a log-in, and the letter itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::program::{Serving, run, said};

/// What a mail server was told, command by command.
type Heard = Arc<Mutex<Vec<String>>>;

/// A mail server for one test: it insists on STARTTLS and on a log-in.
fn mail_server(heard: &Heard, config: Arc<ServerConfig>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = heard.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (heard, config) = (heard.clone(), config.clone());
            // A client that breaks off ends its own conversation only.
            std::thread::spawn(move || greet(stream.ok()?, &heard, config).ok());
        }
    });
    port
}

fn greet(stream: TcpStream, heard: &Heard, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let mut plain = stream.try_clone()?;
    plain.write_all(b"220 mail.example.com\r\n")?;
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        heard.lock().unwrap().push(format!("plain {}", line.trim_end()));
        match line.split_whitespace().next().unwrap_or_default() {
            "EHLO" => plain.write_all(b"250-mail.example.com\r\n250 STARTTLS\r\n")?,
            "STARTTLS" => {
                plain.write_all(b"220 go ahead\r\n")?;
                let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
                return converse(StreamOwned::new(connection, lines.into_inner()), heard);
            }
            _ => plain.write_all(b"530 STARTTLS first\r\n")?,
        }
    }
}

fn converse(stream: impl Read + Write, heard: &Heard) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let command = line.trim_end().to_owned();
        let mut answer = "250 ok\r\n";
        match command.split_whitespace().next().unwrap_or_default() {
            "EHLO" => answer = "250-mail.example.com\r\n250 AUTH PLAIN\r\n",
            "AUTH" => answer = "235 welcome\r\n",
            "DATA" => {
                stream.get_mut().write_all(b"354 go on\r\n")?;
                let mut letter = String::new();
                while !letter.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut letter)? == 0 {
                        return Ok(());
                    }
                }
                heard.lock().unwrap().push(letter);
            }
            _ => {}
        }
        heard.lock().unwrap().push(command);
        stream.get_mut().write_all(answer.as_bytes())?;
    }
}

#[test]
fn letters_go_through_a_mail_server_with_starttls_and_a_log_in() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, certificate.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate.der().to_vec())], secret)
        .unwrap();
    let heard = Heard::default();
    let port = mail_server(&heard, Arc::new(config));

    // Without the authority's certificate the server is not believed, and nothing is said to it in the clear.
    let url = format!("smtp://mianban:geheim@127.0.0.1:{port}?tls=required");
    let data = folder.path().join("distrustful");
    let serving = Serving::start(&data, &["--demo", "--smtp-url", &url]);
    wait(|| heard.lock().unwrap().iter().any(|l| l == "plain STARTTLS"));
    assert!(serving.terminate());
    assert!(heard.lock().unwrap().iter().all(|l| l.starts_with("plain EHLO") || l == "plain STARTTLS"));
    heard.lock().unwrap().clear();

    let data = folder.path().join("trusting");
    let ca = authority.to_str().unwrap();
    let serving = Serving::start(&data, &["--demo", "--smtp-url", &url, "--smtp-ca", ca]);
    wait(|| heard.lock().unwrap().iter().filter(|l| l.contains("Subject:")).count() > 2);
    assert!(serving.terminate());
    let heard = heard.lock().unwrap();
    // \0mianban\0geheim
    assert!(heard.iter().any(|l| l == "AUTH PLAIN AG1pYW5iYW4AZ2VoZWlt"), "{heard:?}");
    assert!(heard.iter().any(|l| l.starts_with("MAIL FROM:<noreply@localhost>")));
    let references: Vec<_> =
        heard.iter().filter_map(|l| l.split("Message-ID: ").nth(1)?.split("\r\n").next()).collect();
    assert!(references.len() > 2 && references.iter().all(|r| r.ends_with("@localhost>")), "{references:?}");
    assert!(!data.join("mail").exists(), "no folder of letters beside a mail server");
}

fn wait(mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "no letter came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A password never travels in the clear, unless it stays on this machine.
#[test]
fn a_password_of_a_mail_server_does_not_travel_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pem");
    for (args, says) in [
        (vec!["--smtp-url", "smtp://u:geheim@mail.example.com"], "in the clear"),
        (vec!["--smtp-url", "smtp://u:geheim@mail.example.com?tls=opportunistic"], "in the clear"),
        (vec!["--smtp-url", "smtp://mail.example.com", "--smtp-ca", missing.to_str().unwrap()], "--smtp-ca"),
    ] {
        let output = run(folder.path(), &[&["worker"], args.as_slice()].concat());
        assert!(!output.status.success() && said(&output).contains(says), "{args:?}: {}", said(&output));
        assert!(!said(&output).contains("geheim"), "passwords are not repeated");
    }
}

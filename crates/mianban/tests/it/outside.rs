//! What lies outside and does not answer: mail servers, the store of files, resolvers, and a clock that leaps. In every case
//! papers are made, the letter is tried again, and SIGTERM ends the program in time.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::program::{Serving, free_address, run, said};

/// A server on loopback that does this with every connection.
fn server_on(address: &str, each: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind(address).unwrap();
    let port = listener.local_addr().unwrap().port();
    let each = Arc::new(each);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let each = each.clone();
            // A client that breaks off ends its own conversation only.
            std::thread::spawn(move || each(stream.ok()?).ok());
        }
    });
    port
}

fn server(each: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> u16 {
    server_on("127.0.0.1:0", each)
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// SIGTERM ends it within twenty seconds.
fn ends_in_time(serving: Serving) {
    let told = Instant::now();
    assert!(serving.terminate());
    assert!(told.elapsed() < Duration::from_secs(20), "{:?}", told.elapsed());
}

fn papers_are_made(data: &Path) {
    wait("a paper", || data.join("files").join("certificates").is_dir());
}

/// Starts a demonstration, whose letters go to this port.
fn with_mail_server(data: &Path, port: u16) -> Serving {
    let url = format!("smtp://127.0.0.1:{port}");
    Serving::start(data, &["--demo", "--smtp-url", &url, "--smtp-timeout", "2"])
}

#[test]
fn a_mail_server_that_accepts_and_says_nothing_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let connections = Arc::new(Mutex::new(0));
    let count = connections.clone();
    let port = server(move |mut stream| {
        *count.lock().unwrap() += 1;
        stream.read_to_end(&mut Vec::new()).map(|_| ())
    });
    let serving = with_mail_server(folder.path(), port);
    papers_are_made(folder.path());
    wait("another letter", || *connections.lock().unwrap() >= 2);
    assert!(serving.get("/login").starts_with("HTTP/1.1 200"));
    ends_in_time(serving);
}

#[test]
fn a_mail_server_that_sends_a_byte_now_and_then_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let connections = Arc::new(Mutex::new(0));
    let count = connections.clone();
    let port = server(move |mut stream| {
        *count.lock().unwrap() += 1;
        for byte in b"220 mail.example.com and some more words to keep people waiting for an end that does not come" {
            stream.write_all(&[*byte])?;
            std::thread::sleep(Duration::from_millis(300));
        }
        Ok(())
    });
    let serving = with_mail_server(folder.path(), port);
    papers_are_made(folder.path());
    wait("another letter", || *connections.lock().unwrap() >= 2);
    ends_in_time(serving);
}

/// What a mail server says until the letter is there; says the letter.
fn take_letter(stream: &TcpStream) -> std::io::Result<String> {
    let mut to = stream.try_clone()?;
    to.write_all(b"220 mail.example.com\r\n")?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        if line.starts_with("DATA") {
            to.write_all(b"354 go on\r\n")?;
            let mut letter = String::new();
            while !letter.ends_with("\r\n.\r\n") && lines.read_line(&mut letter)? > 0 {}
            return Ok(letter);
        }
        to.write_all(b"250 ok\r\n")?;
        line.clear();
    }
    Err(std::io::ErrorKind::UnexpectedEof.into())
}

fn message_id(letter: &str) -> String {
    letter.lines().find(|l| l.starts_with("Message-ID:")).unwrap_or_default().to_owned()
}

/// The connection breaks after the letter: it may have arrived, so it comes again as the same letter.
#[test]
fn a_letter_whose_fate_is_unknown_comes_again_under_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    let letters = Arc::new(Mutex::new(Vec::new()));
    let heard = letters.clone();
    let port = server(move |stream| {
        let letter = take_letter(&stream)?;
        heard.lock().unwrap().push(message_id(&letter));
        // Dropped without an answer.
        Ok(())
    });
    let serving = with_mail_server(folder.path(), port);
    papers_are_made(folder.path());
    wait("the same letter", || {
        let letters = letters.lock().unwrap();
        letters.first().is_some_and(|first| letters.iter().filter(|id| *id == first).count() >= 2)
    });
    assert!(letters.lock().unwrap()[0].len() > 30);
    ends_in_time(serving);
    let list = said(&run(folder.path(), &["job", "list"]));
    assert!(!list.contains("send_letter"), "tried twice is neither dead nor late: {list}");
}

/// A mail server that was slow to confirm one letter is not asked about the next on the same connection.
#[test]
fn a_late_answer_is_not_taken_for_the_answer_to_another_letter() {
    let folder = tempfile::tempdir().unwrap();
    let seen = Arc::new(Mutex::new((0, Vec::new())));
    let heard = seen.clone();
    let port = server(move |mut stream| {
        let letter = take_letter(&stream)?;
        let is_first = {
            let mut seen = heard.lock().unwrap();
            seen.0 += 1;
            seen.0 == 1
        };
        if is_first {
            std::thread::sleep(Duration::from_secs(4));
        } else {
            heard.lock().unwrap().1.push(message_id(&letter));
        }
        stream.write_all(b"250 taken\r\n")?;
        stream.read_to_end(&mut Vec::new()).map(|_| ())
    });
    let serving = with_mail_server(folder.path(), port);
    wait("the letters", || seen.lock().unwrap().1.len() >= 3);
    let ids = seen.lock().unwrap().1.clone();
    assert!(ids.iter().all(|id| ids.iter().filter(|other| *other == id).count() == 1), "{ids:?}");
    ends_in_time(serving);
}

/// The store of files accepts and never answers: pages are served, letters go, the paper is tried again.
#[test]
fn a_store_of_files_that_says_nothing_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // The demonstration uploads its files when it is made, so that it needs a store that answers.
    let made = Serving::start(folder.path(), &["--demo"]);
    assert!(made.terminate());
    let revived = Command::new("rm").arg("-rf").arg(folder.path().join("mail")).status().unwrap();
    assert!(revived.success());
    let calls = Arc::new(Mutex::new(0));
    let count = calls.clone();
    let port = server(move |mut stream| {
        *count.lock().unwrap() += 1;
        stream.read_to_end(&mut Vec::new()).map(|_| ())
    });
    let endpoint = format!("http://127.0.0.1:{port}");
    let serving = Serving::start_with(
        folder.path(),
        &["--demo", "--files-url", "s3://mianban", "--files-timeout", "2"],
        &[
            ("AWS_ENDPOINT", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ],
    );
    let told = Instant::now();
    let manual = serving.get("/manual");
    assert!(told.elapsed() < Duration::from_secs(15), "{:?}", told.elapsed());
    assert!(*calls.lock().unwrap() > 0, "the store was asked");
    assert!(manual.starts_with("HTTP/1.1 5"), "{}", manual.lines().next().unwrap_or_default());
    assert!(serving.get("/login").starts_with("HTTP/1.1 200"));
    ends_in_time(serving);
}

/// Builds a library that stands before the C library's own functions.
fn shim(folder: &Path, name: &str, source: &str) -> PathBuf {
    let (c, library) = (folder.join(format!("{name}.c")), folder.join(format!("{name}.so")));
    std::fs::write(&c, source).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &c]).output().unwrap();
    assert!(built.status.success(), "{}", said(&built));
    library
}

/// A resolver that never answers: the thread that asks it is stuck, and holds up neither the others nor the exit.
#[test]
fn a_resolver_that_never_answers_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let stuck = "#include <unistd.h>\nint getaddrinfo(const char *n, const char *s, const void *h, void **r) {\n\
                 for (;;) pause();\n}\n";
    let library = shim(folder.path(), "stuck", stuck);
    let data = folder.path().join("data");
    let serving = Serving::start_with(
        &data,
        &["--demo", "--smtp-url", "smtp://mail.example.com", "--smtp-timeout", "2"],
        &[("LD_PRELOAD", library.to_str().unwrap())],
    );
    papers_are_made(&data);
    std::thread::sleep(Duration::from_secs(3));
    assert!(serving.get("/login").starts_with("HTTP/1.1 200"));
    ends_in_time(serving);
}

/// A mail server at an IPv6 address is reached.
#[test]
fn letters_go_to_a_mail_server_at_an_ipv6_address() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("this machine has no IPv6");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let letters = Arc::new(Mutex::new(0));
    let heard = letters.clone();
    let port = server_on("[::1]:0", move |mut stream| {
        take_letter(&stream)?;
        *heard.lock().unwrap() += 1;
        stream.write_all(b"250 taken\r\n")
    });
    let url = format!("smtp://[::1]:{port}");
    let serving = Serving::start(folder.path(), &["--demo", "--smtp-url", &url]);
    wait("the letters", || *letters.lock().unwrap() >= 3);
    assert!(serving.terminate());
}

/// What can never work is refused at the start, with one sentence.
#[test]
fn a_mail_server_that_cannot_work_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (args, says) in [
        (["--smtp-url", "smtp://mail.example.com?starttls=yes"], "no option"),
        (["--smtp-url", "smtp://user@mail.example.com?tls=required"], "without a password"),
        (["--smtp-timeout", "0"], "1 to 600"),
        (["--files-timeout", "soon"], "1 to 600"),
    ] {
        let output = run(folder.path(), &[&["worker"], args.as_slice()].concat());
        assert!(!output.status.success() && said(&output).contains(says), "{args:?}: {}", said(&output));
    }
}

/// Moves the machine's clock by what stands in the file that `TEST_CLOCK_SHIFT` names, in seconds.
const SHIFT: &str = r#"
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t) {
    int rc = syscall(SYS_clock_gettime, id, t);
    const char *name = getenv("TEST_CLOCK_SHIFT");
    if (id == CLOCK_REALTIME && rc == 0 && name) {
        FILE *f = fopen(name, "r");
        long s = 0;
        if (f) {
            if (fscanf(f, "%ld", &s) == 1) t->tv_sec += s;
            fclose(f);
        }
    }
    return rc;
}
"#;

/// The clock of the machine leaps by two months, while the program runs and while it is off: drafts stay, `/readyz` says
/// so; the operator confirms the clock, they go; he restores them.
#[test]
fn a_clock_that_leaps_deletes_no_draft_and_the_operator_has_the_last_word() {
    let folder = tempfile::tempdir().unwrap();
    let library = shim(folder.path(), "shift", SHIFT);
    let shift = folder.path().join("shift.txt");
    std::fs::write(&shift, "0").unwrap();
    let data = folder.path().join("data");
    let variables = [("LD_PRELOAD", library.to_str().unwrap()), ("TEST_CLOCK_SHIFT", shift.to_str().unwrap())];
    let metrics = free_address();
    let start = || Serving::start_with(&data, &["--demo", "--metrics-listen", &metrics.to_string()], &variables);
    let operator = |args: &[&str]| {
        let mut command = crate::program::mianban(&data);
        let output = command.args(args).envs(variables).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        said(&output)
    };
    let doubted = |n: &str| {
        wait("the first round of duties", || ask(metrics).lines().any(|l| l == format!("mianban_clock_doubted {n}")));
    };

    let serving = start();
    doubted("0");
    std::fs::write(&shift, "5270400").unwrap();
    let leapt = serving.get("/readyz");
    assert!(leapt.starts_with("HTTP/1.1 503") && leapt.contains("clock: "), "{leapt}");
    std::fs::write(&shift, "0").unwrap();
    assert!(serving.get("/readyz").starts_with("HTTP/1.1 200"));
    ends_in_time(serving);

    std::fs::write(&shift, "5270400").unwrap();
    let serving = start();
    doubted("1");
    assert!(serving.get("/readyz").contains("clock: "));
    assert!(operator(&["draft", "list-deleted"]).contains("0 deleted drafts"));
    assert!(operator(&["clock", "show"]).contains("known to be right"));
    assert!(operator(&["clock", "accept"]).contains("confirmed"));
    ends_in_time(serving);

    let serving = start();
    doubted("0");
    wait("the end of a draft", || !operator(&["draft", "list-deleted"]).contains("0 deleted drafts"));
    ends_in_time(serving);
    let restored = operator(&["draft", "restore", "--all"]);
    assert!(restored.contains("is there again"), "{restored}");
    assert!(operator(&["draft", "list-deleted"]).contains("0 deleted drafts"));
    assert!(operator(&["doctor"]).contains("no fault found"));
}

fn ask(address: std::net::SocketAddr) -> String {
    let mut text = String::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        stream.read_to_string(&mut text).unwrap();
    }
    text
}

/// `job list`, `show` and `retry`: what is dead is listed, and tried again.
#[test]
fn the_operator_looks_at_jobs_and_tries_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let refused = server(|stream| {
        let mut to = stream.try_clone()?;
        to.write_all(b"220 mail.example.com\r\n")?;
        for line in BufReader::new(stream).lines() {
            let answer: &[u8] = if line?.starts_with("RCPT") { b"550 no such mailbox\r\n" } else { b"250 ok\r\n" };
            to.write_all(answer)?;
        }
        Ok(())
    });
    let serving = with_mail_server(folder.path(), refused);
    let list = || said(&run(folder.path(), &["job", "list", "--dead"]));
    wait("a dead letter", || list().contains("send_letter"));
    assert!(serving.terminate());
    let dead = list();
    let first = dead.lines().find(|l| l.contains("send_letter")).unwrap().to_owned();
    assert!(first.contains("no such mailbox") && first.contains("dead"), "{first}");
    let number = first.split('\t').next().unwrap();
    let shown = said(&run(folder.path(), &["job", "show", number]));
    assert!(shown.contains("send_letter") && shown.contains("no such mailbox"), "{shown}");
    let again = run(folder.path(), &["job", "retry", number]);
    assert!(again.status.success(), "{}", said(&again));
    assert!(!list().lines().any(|l| l.split('\t').next() == Some(number)));
    let all = run(folder.path(), &["job", "retry", "--dead"]);
    assert!(all.status.success(), "{}", said(&all));
    assert!(list().contains("0 jobs"));
    for (args, why) in [
        (&["job", "retry", "999999"][..], "cannot be tried again"),
        (&["job", "show", "999999"], "there is no job"),
        (&["job", "retry"], "required"),
        (&["draft", "restore", "999999"], "there is no deleted draft"),
    ] {
        let output = run(folder.path(), args);
        assert!(!output.status.success() && said(&output).contains(why), "{args:?}: {}", said(&output));
    }
    let serving = Serving::start(folder.path(), &["--demo"]);
    wait("the letters", || std::fs::read_dir(folder.path().join("mail")).is_ok_and(|d| d.count() > 0));
    assert!(serving.terminate());
    assert!(said(&run(folder.path(), &["doctor"])).contains("no fault found"));
}

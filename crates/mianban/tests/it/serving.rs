//! Start, health, metrics, stop.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::program::{Serving, free_address, run, said};

#[test]
fn with_nothing_set_it_serves_on_sqlite_in_its_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let home = serving.get("/");
    assert!(home.starts_with("HTTP/1.1 200") && home.contains("CCC 免办电子审批系统"), "{home}");
    assert!(!home.contains("mianban-demo-2026"));
    assert!(serving.get("/healthz").ends_with("ok"));
    assert!(folder.path().join("mianban.sqlite").exists() && folder.path().join("files").is_dir());
    assert!(serving.terminate());
}

#[test]
fn metrics_stand_on_an_address_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = free_address();
    let serving = Serving::start(folder.path(), &["--metrics-listen", &metrics.to_string()]);
    serving.get("/login");
    let other = Metrics(metrics).get();
    for name in ["mianban_requests_total", "mianban_statements_total", "mianban_request_seconds", "route=\"/login\""] {
        assert!(other.contains(name), "{name} in:\n{other}");
    }
    assert!(serving.get("/metrics").starts_with("HTTP/1.1 404"));
}

struct Metrics(std::net::SocketAddr);

impl Metrics {
    fn get(&self) -> String {
        let mut stream = TcpStream::connect(self.0).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }
}

/// Graceful: a request that has begun is finished after the signal to stop.
#[test]
fn a_request_that_has_begun_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let mut slow = TcpStream::connect(serving.address).unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let head = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                Content-Length: 3\r\nConnection: close\r\n\r\na";
    slow.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let address = serving.address;
    let stopping = std::thread::spawn(move || serving.terminate());
    std::thread::sleep(Duration::from_millis(500));
    assert!(TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err(), "nothing new is taken");
    slow.write_all(b"=b").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "an answer came: {answer}");
    assert!(stopping.join().unwrap());
}

/// Two processes on one database: one serves, one works; both stop.
#[test]
fn a_worker_runs_beside_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &["--demo"]);
    let second = Serving::start(folder.path(), &["--demo"]);
    assert!(second.get("/").starts_with("HTTP/1.1 200"));
    assert!(second.terminate() && serving.terminate());
    // Every letter of the demonstration was written as a file, once.
    let letters = std::fs::read_dir(folder.path().join("mail")).map_or(0, Iterator::count);
    assert!(letters > 0, "no letter was written");
}

/// A process that is killed in the middle of its work loses nothing that it had said was done.
#[test]
fn a_killed_process_leaves_a_sound_database() {
    let folder = tempfile::tempdir().unwrap();
    let mut serving = Serving::start(folder.path(), &["--demo"]);
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    let doctor = run(folder.path(), &["doctor"]);
    assert!(doctor.status.success(), "{}", said(&doctor));
    let again = Serving::start(folder.path(), &["--demo"]);
    assert!(again.get("/login").contains("mianban-demo-2026"));
    assert!(again.terminate());
}

/// --demo is refused on other people's data, and a demonstration warns without --demo.
#[test]
fn a_demonstration_is_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let create = ["account", "create", "sh_accept", "--name", "n", "--bureau", "310000", "--post", "accept"];
    assert!(crate::program::run_with(folder.path(), &create, "Long-enough-1\n").status.success());
    let listen = free_address().to_string();
    let refused = run(folder.path(), &["serve", "--demo", "--listen", &listen]);
    assert!(!refused.status.success() && said(&refused).contains("--demo is refused"), "{}", said(&refused));
}

/// Logs are one JSON object per line on request, and hold neither passwords nor searches.
#[test]
fn logs_are_structured_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address();
    let mut child = crate::program::mianban(folder.path())
        .args(["serve", "--log-format", "json", "--listen", &address.to_string()])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(address).is_err() {
        assert!(std::time::Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /verification?number=SECRETNUMBER&code=X HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(child.wait().unwrap().success());
    let lines: Vec<serde_json::Value> = log.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let request = lines.iter().find(|l| l["fields"]["message"] == "GET /verification 422").unwrap();
    assert!(request["span"]["request.id"].is_string() || request["spans"][0]["request.id"].is_string(), "{request}");
    assert!(!log.contains("SECRETNUMBER"));
    // D29: without a mail server nobody has to prove a mailbox, and the operator is told.
    assert!(log.contains("there is no --smtp-url"), "{log}");
}

/// Over https browsers are told to come by https alone; over http that would shut them out.
#[test]
fn browsers_are_kept_on_https_where_there_is_https() {
    const SAYS: &str = "strict-transport-security: max-age=31536000";
    let folder = tempfile::tempdir().unwrap();
    let secure = Serving::start(folder.path(), &["--public-url", "https://mianban.example.org"]);
    for path in ["/", "/login", "/nowhere", "/healthz"] {
        assert!(secure.get(path).to_lowercase().contains(SAYS), "{path}");
    }
    assert!(secure.terminate());
    let plain = Serving::start(folder.path(), &[]);
    assert!(!plain.get("/").to_lowercase().contains("strict-transport-security"));
    assert!(plain.terminate());
}

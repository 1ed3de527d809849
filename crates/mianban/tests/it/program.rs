//! Runs the built program.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// The program, with a clean environment and this folder of data.
pub fn mianban(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mianban"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MIANBAN_") {
            command.env_remove(name);
        }
    }
    command.env("MIANBAN_DATA_DIR", data).stdin(Stdio::null());
    command
}

/// The same, with file-size limits that make a write fail where the default signal would end the process.
pub fn mianban_without_sigxfsz(data: &Path) -> Command {
    let program = mianban(data);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(program.get_program());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(data: &Path, args: &[&str]) -> Output {
    mianban(data).args(args).output().unwrap()
}

/// Runs it with a line on standard input.
pub fn run_with(data: &Path, args: &[&str], line: &str) -> Output {
    let mut child =
        mianban(data).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A free port on a loopback address that no other program of this run uses, so that nobody takes it meanwhile.
pub fn free_address() -> SocketAddr {
    static USED: AtomicU8 = AtomicU8::new(1);
    let n = USED.fetch_add(1, Ordering::Relaxed);
    assert!(n < 255, "too many programs for one run");
    TcpListener::bind(SocketAddr::from(([127, 0, 1, n], 0))).unwrap().local_addr().unwrap()
}

/// The program serving; stopped when dropped.
pub struct Serving {
    pub child: Child,
    pub address: SocketAddr,
}

impl Serving {
    /// Starts it and waits until it is ready.
    pub fn start(data: &Path, more: &[&str]) -> Self {
        Self::start_with(data, more, &[])
    }

    /// The same with variables.
    pub fn start_with(data: &Path, more: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_on(free_address(), data, more, variables)
    }

    /// The same on an address that a program of this test has had before.
    pub fn start_on(address: SocketAddr, data: &Path, more: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = mianban(data);
        command.args(["serve", "--listen", &address.to_string()]).args(more);
        command.envs(variables.iter().copied());
        Self::start_from(command, address)
    }

    /// Starts this command, which serves on this address, and waits until it is ready.
    pub fn start_from(mut command: Command, address: SocketAddr) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        // The log is read to its end, or the program would stop at a full pipe.
        std::thread::spawn(move || {
            let mut line = String::new();
            while log.read_line(&mut line).is_ok_and(|n| n > 0) {
                line.clear();
            }
        });
        let mut serving = Self { child, address };
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            if serving.try_get("/readyz").is_some_and(|a| a.starts_with("HTTP/1.1 200")) {
                return serving;
            }
            assert!(serving.child.try_wait().unwrap().is_none(), "the program ended");
            assert!(Instant::now() < deadline, "the program did not get ready");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn try_get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Asks for a page: head and body.
    pub fn get(&self, path: &str) -> String {
        self.try_get(path).unwrap()
    }

    /// Sends SIGTERM and says whether it ended well.
    pub fn terminate(mut self) -> bool {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(killed.success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Ended already, when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

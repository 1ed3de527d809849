//! The program under measurement: started in a temporary folder on free loopback ports, stopped with SIGTERM.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::http::{Connection, Request};

/// Making the demonstration data at the first start may take a debug build this long.
const PATIENCE: Duration = Duration::from_mins(3);
/// How long the program may take to stop.
const GRACE: Duration = Duration::from_secs(30);

/// A running program.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where its pages are.
    pub address: SocketAddr,
    /// Where its counters are.
    pub metrics: SocketAddr,
    /// From the start of the process to the last byte of the first page, µs.
    pub first_page: u64,
}

impl Server {
    /// Starts the program and waits for its home page.
    pub async fn start(program: &Path, folder: &Path, database_url: &str) -> anyhow::Result<Self> {
        let (address, metrics) = (free_address()?, free_address()?);
        let log = folder.join("server.log");
        let mut command = Command::new(program);
        command
            .args(["serve", "--demo"])
            .args(["--listen", &address.to_string(), "--metrics-listen", &metrics.to_string()])
            .args(["--public-url", &format!("http://{address}"), "--database-url", database_url])
            .arg("--data-dir")
            .arg(folder.join("data"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::options().create(true).append(true).open(&log)?);
        // Options of the caller's environment would change what is measured.
        for (name, _) in std::env::vars_os() {
            let is_option = name.to_str().is_some_and(|n| n.starts_with("MIANBAN_") || n == "RUST_LOG");
            if is_option {
                command.env_remove(name);
            }
        }
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("{} cannot be started", program.display()))?;
        let mut server = Self { child, address, metrics, first_page: 0 };
        server.wait(started, &log).await?;
        server.first_page = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(server)
    }

    async fn wait(&mut self, started: Instant, log: &PathBuf) -> anyhow::Result<()> {
        let home = Request::get("/", self.address);
        loop {
            if let Ok(mut connection) = Connection::open(self.address).await {
                return connection.send(&home).await?.expect(200, "GET /");
            }
            let ended = self.child.try_wait()?.is_some();
            if ended || started.elapsed() > PATIENCE {
                let text = std::fs::read_to_string(log).unwrap_or_default();
                let lines: Vec<_> = text.lines().rev().take(20).collect();
                anyhow::bail!(
                    "the program did not get ready:\n{}",
                    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the program to stop and waits until it has.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        // The standard library knows only SIGKILL; a shell is on every machine that builds this.
        Command::new("sh").arg("-c").arg(format!("kill -TERM {}", self.pid())).status()?;
        let asked = Instant::now();
        while self.child.try_wait()?.is_none() {
            anyhow::ensure!(asked.elapsed() < GRACE, "the program did not stop within {} s", GRACE.as_secs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After a failure nothing is left running; one that has stopped does not mind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback port that was free a moment ago.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

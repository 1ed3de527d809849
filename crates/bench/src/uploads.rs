//! Memory while many upload at once: files must pass through the program, not lie in it.

use std::time::Duration;

use crate::browser::Browser;
use crate::data::WRITER;
use crate::http::Connection;
use crate::measure;
use crate::process::{self, Meter};
use crate::server::Server;

/// Uploads at the same time, each to its own draft.
pub const UPLOADS: usize = 16;
/// The largest file that is taken (D9).
const FILE_BYTES: usize = 5 * 1024 * 1024;
/// Each draft gets so many files; together they stay under the limit of an application.
const ROUNDS: usize = 3;

/// Resident memory before and at the worst moment, kB.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// Before the first upload.
    pub before: u64,
    /// The most during all of them.
    pub peak: u64,
}

/// Uploads to every draft at once, a few times over.
pub async fn grow(server: &Server, drafts: &[i64]) -> anyhow::Result<Growth> {
    anyhow::ensure!(drafts.len() == UPLOADS, "{UPLOADS} drafts are needed, not {}", drafts.len());
    let writer = Browser::sign_in(server.address, "enterprise", WRITER).await?;
    let mut content = b"%PDF-1.7\n".to_vec();
    content.resize(FILE_BYTES, b'%');
    let body = writer.upload_body("contract", "bench.pdf", &content);
    let mut connections = Vec::new();
    for _ in 0..UPLOADS {
        connections.push(Connection::open(server.address).await?);
    }
    // What the log-in has needed for its hash is given back before the peak is read.
    tokio::time::sleep(Duration::from_secs(1)).await;
    process::forget_peak(server.pid())?;
    let before = process::memory(server.pid())?.now;
    let meter = Meter { process: server.pid(), postmaster: None };
    let drafts = drafts.to_vec();
    let deed = move |mut connection: Connection, n: usize| {
        let path = format!("/applications/{}/attachments", drafts[n % UPLOADS]);
        let request = writer.upload(&path, body.clone());
        async move {
            connection.send(&request).await?.expect(303, "an upload of 5 MiB")?;
            Ok(connection)
        }
    };
    let done = measure::run(meter, connections, 0, UPLOADS * ROUNDS, deed).await?;
    anyhow::ensure!(done.requests >= UPLOADS, "only {} uploads", done.requests);
    Ok(Growth { before, peak: process::memory(server.pid())?.peak })
}

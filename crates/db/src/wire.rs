//! A wire between the program and a database server that fails on command, for tests.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Passes bytes on between the program and the server. Connections made before the last [`Wire::silence`] stay open and
/// pass nothing any more; those before the last [`Wire::cut`] are closed.
#[derive(Debug)]
pub struct Wire {
    silent_before: Arc<AtomicU64>,
    cut_before: Arc<AtomicU64>,
    made: Arc<AtomicU64>,
    /// The address of this end, as `--database-url` takes it.
    pub address: String,
}

impl Wire {
    /// Begins to pass bytes on to the server of this address.
    pub async fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        let (credentials, rest) = server.rsplit_once('@').expect("an address with a user");
        let (target, database) = rest.split_once('/').expect("an address with a database");
        let address = format!("{credentials}@127.0.0.1:{port}/{database}");
        let silent_before = Arc::new(AtomicU64::new(0));
        let cut_before = Arc::new(AtomicU64::new(0));
        let made = Arc::new(AtomicU64::new(0));
        let target = target.to_owned();
        let state = (Arc::clone(&silent_before), Arc::clone(&cut_before), Arc::clone(&made));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (silent, cut, made) = state.clone();
                let number = made.fetch_add(1, Ordering::SeqCst) + 1;
                let target = target.clone();
                tokio::spawn(async move {
                    let server = TcpStream::connect(target).await?;
                    let (client_in, client_out) = client.into_split();
                    let (server_in, server_out) = server.into_split();
                    let there = pass(client_in, server_out, number, Arc::clone(&silent), Arc::clone(&cut));
                    let back = pass(server_in, client_out, number, silent, cut);
                    let (_, _) = tokio::join!(there, back);
                    Ok::<_, io::Error>(())
                });
            }
        });
        Self { silent_before, cut_before, made, address }
    }

    /// From now on the open connections pass nothing.
    pub fn silence(&self) {
        self.silent_before.store(self.made.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Closes the open connections.
    pub fn cut(&self) {
        self.cut_before.store(self.made.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    number: u64,
    silent_before: Arc<AtomicU64>,
    cut_before: Arc<AtomicU64>,
) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = tokio::time::timeout(Duration::from_millis(20), from.read(&mut buffer)).await;
        if number <= cut_before.load(Ordering::SeqCst) {
            return Ok(());
        }
        let n = match read {
            Ok(Ok(0) | Err(_)) => return Ok(()),
            Ok(Ok(n)) => n,
            Err(_) => continue,
        };
        if number > silent_before.load(Ordering::SeqCst) {
            to.write_all(&buffer[..n]).await?;
        }
    }
}

//! A connection that is kept open, and as little of HTTP/1.1 as the program answers. Written by hand, because a client
//! that costs CPU takes it from the program it measures: both share the cores of one machine.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request, ready to be written.
#[derive(Debug, Clone)]
pub struct Request {
    head: String,
    body: Arc<[u8]>,
}

impl Request {
    /// A request with further header lines, each ended by `\r\n`.
    pub fn new(method: &str, path: &str, host: SocketAddr, headers: &str, body: Arc<[u8]>) -> Self {
        let length = if method == "POST" { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
        Self { head: format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{length}{headers}\r\n"), body }
    }

    /// A page, as a visitor opens it.
    pub fn get(path: &str, host: SocketAddr) -> Self {
        Self::new("GET", path, host, "", Arc::default())
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    head: String,
    /// The body as it was sent.
    pub body: Vec<u8>,
}

impl Answer {
    /// The values of a header.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The first value of a header.
    pub fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Fails loudly when the answer is not the expected one.
    pub fn expect(&self, status: u16, what: &str) -> anyhow::Result<()> {
        let location = self.header("location").unwrap_or_default();
        anyhow::ensure!(
            self.status == status,
            "{what} answered {} {location} in place of {status}:\n{}",
            self.status,
            self.text().chars().take(4_000).collect::<String>()
        );
        Ok(())
    }
}

/// One open connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    waiting: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, waiting: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&mut self, request: &Request) -> anyhow::Result<Answer> {
        self.stream.write_all(request.head.as_bytes()).await?;
        if !request.body.is_empty() {
            self.stream.write_all(&request.body).await?;
        }
        let head = self.take_until(b"\r\n\r\n").await?;
        let head = String::from_utf8(head).context("the head of an answer is not text")?;
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).context("an answer without a status")?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").and_then(|v| v.parse::<usize>().ok());
        answer.body = match length {
            Some(n) => self.take(n).await?,
            None if answer.header("transfer-encoding").is_some() => self.take_chunks().await?,
            None => Vec::new(),
        };
        Ok(answer)
    }

    /// Sends a request and counts the lines of its answer, which must come in chunks, without keeping it.
    pub async fn count_lines(&mut self, request: &Request) -> anyhow::Result<u64> {
        self.stream.write_all(request.head.as_bytes()).await?;
        let head = self.take_until(b"\r\n\r\n").await?;
        let head = String::from_utf8(head).context("the head of an answer is not text")?;
        let answer = Answer { status: 0, head, body: Vec::new() };
        anyhow::ensure!(answer.head.split(' ').nth(1) == Some("200"), "answered {}", answer.head);
        anyhow::ensure!(
            answer.header("transfer-encoding").is_some(),
            "an answer that is not in chunks: {}",
            answer.head
        );
        let mut lines = 0;
        loop {
            let n = self.chunk_size().await?;
            let part = self.take(n).await?;
            lines += u64::try_from(part.split(|b| *b == b'\n').count().saturating_sub(1))?;
            self.take_until(b"\r\n").await?;
            if n == 0 {
                return Ok(lines);
            }
        }
    }

    async fn chunk_size(&mut self) -> anyhow::Result<usize> {
        let line = self.take_until(b"\r\n").await?;
        let digits = String::from_utf8_lossy(&line);
        let digits = digits.trim_end().split(';').next().unwrap_or_default().to_owned();
        usize::from_str_radix(&digits, 16).with_context(|| format!("the size of a chunk: {digits}"))
    }

    async fn take_chunks(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let n = self.chunk_size().await?;
            if n > 0 {
                body.append(&mut self.take(n).await?);
            }
            self.take_until(b"\r\n").await?;
            if n == 0 {
                return Ok(body);
            }
        }
    }

    /// Everything up to and with the mark.
    async fn take_until(&mut self, mark: &[u8]) -> anyhow::Result<Vec<u8>> {
        loop {
            if let Some(at) = self.waiting.windows(mark.len()).position(|w| w == mark) {
                return Ok(self.waiting.drain(..at + mark.len()).collect());
            }
            self.more().await?;
        }
    }

    async fn take(&mut self, n: usize) -> anyhow::Result<Vec<u8>> {
        while self.waiting.len() < n {
            self.more().await?;
        }
        Ok(self.waiting.drain(..n).collect())
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        let n = self.stream.read_buf(&mut self.waiting).await?;
        anyhow::ensure!(n > 0, "the program closed the connection");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn answers_of_known_length_and_in_chunks_are_read_on_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            for answer in [
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\r\nhello",
                "HTTP/1.1 303 See Other\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
            ] {
                assert!(stream.read(&mut asked).await.unwrap() > 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let mut connection = Connection::open(address).await.unwrap();
        let request = Request::get("/", address);
        let first = connection.send(&request).await.unwrap();
        assert_eq!((first.status, first.text().as_str()), (200, "hello"));
        assert_eq!(first.all("set-cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
        let second = connection.send(&request).await.unwrap();
        assert_eq!((second.status, second.header("location")), (303, Some("/x")));
        assert!(second.expect(200, "GET /").is_err());
        assert_eq!(connection.send(&request).await.unwrap().text(), "hello world");
        server.await.unwrap();
    }
}

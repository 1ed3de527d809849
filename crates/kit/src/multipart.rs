//! What the parser of forms with files is given to read: no more at once than it hands on, and no heads without an end.

use std::task::{Poll, ready};

use axum::body::Body;
use axum::extract::Request;
use axum::extract::multipart::Field;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::poll_fn;

use crate::error::AppError;

/// All texts of a form with files may be this large together, where nothing else is said.
pub const TEXT_LIMIT_BYTES: usize = 64 * 1024;
/// No piece of a body that goes to the parser of forms is larger.
const PIECE_BYTES: usize = 64 * 1024;
/// The heads of a field, and whatever stands before the first one, may be so large.
const HEAD_BYTES: usize = 16 * 1024;

/// The same request, whose body comes one small piece at a time, and breaks off at a field with endless heads.
///
/// The parser of forms takes whatever has arrived before it hands anything on: from a fast sender a whole file. A rest
/// after each piece makes it hand that piece on first, and while it waits for the store nothing more is read. Heads it
/// keeps until their end, which must therefore come.
pub fn piece_by_piece(request: Request) -> Request {
    let mut outline = Outline::of(request.headers());
    request.map(move |body| by_pieces(body, move |piece| outline.takes(piece)))
}

fn by_pieces(body: Body, mut takes: impl FnMut(&[u8]) -> bool + Send + 'static) -> Body {
    let mut arriving = body.into_data_stream();
    let mut arrived = Bytes::new();
    let mut rests = false;
    Body::from_stream(poll_fn(move |context| {
        if std::mem::take(&mut rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if arrived.is_empty() {
            match ready!(arriving.poll_next_unpin(context)) {
                Some(Ok(more)) => arrived = more,
                broken_or_over => return Poll::Ready(broken_or_over),
            }
        }
        rests = true;
        let piece = arrived.split_to(arrived.len().min(PIECE_BYTES));
        Poll::Ready(Some(if takes(&piece) { Ok(piece) } else { Err(axum::Error::new(EndlessHeads)) }))
    }))
}

/// A field's heads have no end in sight.
#[derive(Debug, thiserror::Error)]
#[error("the heads of a field are longer than {HEAD_BYTES} bytes")]
struct EndlessHeads;

/// Where in a form with files its reading is, as its parser sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before the first boundary.
    Before,
    /// Behind a boundary: the heads of a field, unless the form ends.
    Heads,
    /// In the content of a field, which the parser hands on.
    Content,
    /// Nothing more is read.
    Over,
}

/// What the parser of forms would keep in memory.
#[derive(Debug)]
struct Outline {
    /// `CR LF -- boundary`; none when the request names no boundary that a program would choose.
    boundary: Option<Vec<u8>>,
    stage: Stage,
    kept: Vec<u8>,
}

impl Outline {
    fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let boundary = boundary_of(kind).map(|boundary| format!("\r\n--{boundary}").into_bytes());
        Self { boundary, stage: Stage::Before, kept: Vec::new() }
    }

    /// Reads on; false when the parser would keep more than heads may have.
    fn takes(&mut self, piece: &[u8]) -> bool {
        self.kept.extend_from_slice(piece);
        let Some(boundary) = &self.boundary else { return self.kept.len() <= HEAD_BYTES };
        // Taken away once at the end: a piece may hold thousands of fields.
        let mut read = 0;
        let fits = loop {
            let rest = &self.kept[read..];
            let (end, next) = match self.stage {
                Stage::Before => (found(rest, &boundary[2..]), Stage::Heads),
                Stage::Heads if rest.starts_with(b"--") => (Some(rest.len()), Stage::Over),
                Stage::Heads => (end_of_heads(rest), Stage::Content),
                Stage::Content => (found(rest, boundary), Stage::Heads),
                Stage::Over => {
                    read = self.kept.len();
                    break true;
                }
            };
            match end {
                Some(end) => {
                    read += end;
                    self.stage = next;
                }
                // The last bytes may begin a boundary.
                None if self.stage == Stage::Content => {
                    read += rest.len().saturating_sub(boundary.len() - 1);
                    break true;
                }
                None => break rest.len() <= HEAD_BYTES,
            }
        };
        self.kept.drain(..read);
        fits
    }
}

/// Where the text ends in which this stands first.
fn found(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, wanted).map(|at| at + wanted.len())
}

/// Where the content of a field begins: behind the line of the boundary and an empty line.
fn end_of_heads(text: &[u8]) -> Option<usize> {
    let line = found(text, b"\r\n")?;
    found(&text[line..], b"\r\n\r\n").map(|heads| line + heads)
}

/// The boundary that `multipart/form-data` names; none when it is named twice or has letters that no program chooses.
fn boundary_of(content_type: &str) -> Option<&str> {
    const NAME: &str = "boundary=";
    let lower = content_type.to_ascii_lowercase();
    let mut named = lower.match_indices(NAME).map(|(at, _)| at + NAME.len());
    let (Some(at), None) = (named.next(), named.next()) else { return None };
    let value = content_type.get(at..)?.split(';').next().unwrap_or_default().trim();
    let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&b);
    (!value.is_empty() && value.bytes().all(is_plain)).then_some(value)
}

/// The text of a field, as long as the texts of its form and the names of its fields leave room for it: `left` bytes.
pub async fn text_of(mut field: Field<'_>, left: &mut usize) -> Result<String, AppError> {
    let mut all = Vec::new();
    let broken = || AppError::Invalid("没有收到完整的表单，请返回上一页重试。".to_owned());
    let mut take = |bytes: usize| match left.checked_sub(bytes) {
        Some(rest) => {
            *left = rest;
            Ok(())
        }
        None => Err(AppError::TooLarge("提交的内容过多，请减少后重新提交。".to_owned())),
    };
    // As in the body of a form without files, where `name=` counts too: fields without content are kept as well.
    take(field.name().unwrap_or_default().len() + 1)?;
    while let Some(piece) = field.chunk().await.map_err(|_| broken())? {
        take(piece.len())?;
        all.extend_from_slice(&piece);
    }
    Ok(String::from_utf8_lossy(&all).into_owned())
}

#[cfg(test)]
mod tests {
    use axum::extract::{FromRequest as _, Multipart};

    use super::*;

    #[tokio::test]
    async fn a_body_arrives_whole_in_small_pieces() {
        let sent: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        let frames = [sent[..200_000].to_vec(), Vec::new(), sent[200_000..].to_vec()];
        let body = Body::from_stream(futures_util::stream::iter(frames.map(Ok::<_, std::io::Error>)));
        let mut pieces = by_pieces(body, |_| true).into_data_stream();
        let mut received = Vec::new();
        while let Some(piece) = pieces.next().await {
            let piece = piece.expect("a piece");
            assert!(piece.len() <= PIECE_BYTES, "{}", piece.len());
            received.extend_from_slice(&piece);
        }
        assert_eq!(received, sent);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_stays_broken() {
        let frames = [Ok("begun"), Err(std::io::Error::other("cut"))];
        let mut pieces = by_pieces(Body::from_stream(futures_util::stream::iter(frames)), |_| true).into_data_stream();
        assert!(pieces.next().await.is_some_and(|p| p.is_ok()));
        assert!(pieces.next().await.is_some_and(|p| p.is_err()));
    }

    /// What the parser makes of a form that arrives in pieces of this size: the lengths of its fields, or nothing.
    async fn fields(boundary: &str, body: &[u8], size: usize) -> Option<Vec<usize>> {
        let pieces: Vec<_> = body.chunks(size).map(|c| Ok::<_, std::io::Error>(Bytes::copy_from_slice(c))).collect();
        let mut request = Request::new(Body::from_stream(futures_util::stream::iter(pieces)));
        let kind = format!("multipart/form-data; boundary={boundary}");
        request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        axum::extract::DefaultBodyLimit::disable().apply(&mut request);
        let mut form = Multipart::from_request(piece_by_piece(request), &()).await.ok()?;
        let mut lengths = Vec::new();
        while let Some(field) = form.next_field().await.ok()? {
            lengths.push(field.bytes().await.ok()?.len());
        }
        Some(lengths)
    }

    #[tokio::test]
    async fn fields_of_every_length_are_read_wherever_the_pieces_end() {
        let long = "长\r\n--\r\n".repeat(9_000);
        let head = "Content-Disposition: form-data; name=\"a\"\r\n\r\n";
        let body = format!("--b-1\r\n{head}\r\n--b-1\r\n{head}{long}\r\n--b-1 \r\n{head}--b-1\r\n--b-1--\r\nend");
        for size in [1, 2, 7, 64, 5_000, 200_000] {
            assert_eq!(fields("b-1", body.as_bytes(), size).await, Some(vec![0, long.len(), 5]), "{size}");
            assert_eq!(fields("\"b-1\"", body.as_bytes(), size).await, Some(vec![0, long.len(), 5]), "{size}");
        }
    }

    /// A sender whose heads have no end is not listened to for long.
    #[tokio::test]
    async fn heads_without_an_end_are_not_kept() {
        let head = "Content-Disposition: form-data; name=\"a\"; x=\"";
        let begun = [
            // Nothing but what stands before the first boundary, whatever it looks like.
            String::new(),
            "\r\n\r\n".to_owned(),
            "--b\r\n".to_owned(),
            format!("--b\r\n{head}"),
            // The empty line of a field without heads is the end of the line of its boundary.
            "--b\r\n\r\n".to_owned(),
            format!("--b\r\n{head}\"\r\n\r\ncontent\r\n--b\r\n{head}"),
        ];
        for begun in begun {
            for size in [1_000, 70_000] {
                let read = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
                let counted = std::sync::Arc::clone(&read);
                let first = Ok::<_, std::io::Error>(Bytes::from(begun.clone()));
                let more = std::iter::repeat_with(move || {
                    counted.fetch_add(size, std::sync::atomic::Ordering::Relaxed);
                    Ok(Bytes::from(vec![b'x'; size]))
                });
                let body = Body::from_stream(futures_util::stream::iter(std::iter::once(first).chain(more)));
                let mut request = Request::new(body);
                let kind = header::HeaderValue::from_static("multipart/form-data; boundary=b");
                request.headers_mut().insert(header::CONTENT_TYPE, kind);
                axum::extract::DefaultBodyLimit::disable().apply(&mut request);
                let mut form = Multipart::from_request(piece_by_piece(request), &()).await.unwrap();
                let mut is_broken = false;
                while !is_broken {
                    is_broken = match form.next_field().await {
                        Ok(Some(field)) => field.bytes().await.is_err(),
                        Ok(None) => panic!("{begun:?} has an end"),
                        Err(_) => true,
                    };
                }
                let read = read.load(std::sync::atomic::Ordering::Relaxed);
                assert!(read <= HEAD_BYTES + 2 * size + PIECE_BYTES, "{begun:?}: {read}");
            }
        }
    }

    #[test]
    fn a_boundary_is_believed_when_it_is_named_once() {
        let of = |parameters: &str| boundary_of(&format!("multipart/form-data{parameters}")).map(str::to_owned);
        assert_eq!(of("; boundary=----WebKitFormBoundaryAb1").as_deref(), Some("----WebKitFormBoundaryAb1"));
        assert_eq!(of("; charset=utf-8; Boundary=\"a b\""), None);
        assert_eq!(of("; Boundary=\"a'b\"; charset=utf-8").as_deref(), Some("a'b"));
        for bad in ["", "; boundary=", "; boundary=a; boundary=b", "; x=\"boundary=a\"; BOUNDARY=b", "; boundary=a\\b"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}

//! Lists to take away: a workbook in memory, or a CSV that is written while it is read.

use std::future::Future;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use domain::time::Instant;
use futures_util::StreamExt as _;
use kit::error::AppError;
use kit::form::FieldErrors;
use rust_xlsxwriter::{Color, DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use crate::parts::files::disposition;
use crate::parts::spreadsheet::{self, Head, Value};

/// The mark of UTF-8 and the end of a line without heads.
const EMPTY_HEAD: usize = "\u{feff}\r\n".len();

/// Some rows, and where they end; none when they are the last.
pub type Chunk<C> = (Vec<Vec<Value>>, Option<C>);

/// A CSV of these heads: the first rows, and on from where they end as they are sent. A mistake on the way breaks the
/// transfer off, so that nobody takes a part for the whole.
pub fn csv<C, F, N>(heads: Vec<String>, first: Chunk<C>, next: N) -> Body
where
    C: Send + 'static,
    F: Future<Output = Result<Chunk<C>, db::DbError>> + Send + 'static,
    N: Fn(C) -> F + Send + Sync + Clone + 'static,
{
    let heads: Vec<_> = heads
        .into_iter()
        .map(|title| Head { title, is_required: false, is_text: false, choices: Vec::new() })
        .collect();
    let chunks = futures_util::stream::unfold(Some((heads, first)), move |state| {
        let next = next.clone();
        async move {
            let (heads, (rows, end)) = state?;
            let text = spreadsheet::write_csv(&heads, &rows);
            // The heads and the mark of UTF-8 stand once.
            let text: Vec<u8> = if heads.is_empty() { text.into_iter().skip(EMPTY_HEAD).collect() } else { text };
            let following = match end {
                Some(end) => next(end).await.map(|chunk| (!chunk.0.is_empty()).then_some(chunk)),
                None => Ok(None),
            };
            match following {
                Ok(chunk) => Some((Ok(Bytes::from(text)), chunk.map(|chunk| (Vec::new(), chunk)))),
                Err(error) => {
                    tracing::error!(%error, "exporting a list broke off");
                    Some((Err(error), None))
                }
            }
        }
    });
    // Compression asks once more after the end.
    Body::from_stream(chunks.fuse())
}

/// Mistakes in an address that no form shows.
pub fn refusal(errors: &FieldErrors, page: &str) -> AppError {
    let sentences: Vec<_> = errors.iter().map(|e| e.message.clone()).collect();
    AppError::Invalid(format!("{}。请返回{page}页面修改条件后再导出。", sentences.join("；")))
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Comma separated, UTF-8.
    Csv,
    /// A workbook.
    Xlsx,
}

/// A file to take away.
pub fn file(body: Body, name: &str, kind: Kind) -> Response {
    let (ending, content_type) = match kind {
        Kind::Csv => ("csv", "text/csv; charset=utf-8"),
        Kind::Xlsx => ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_DISPOSITION, disposition("attachment", &format!("{name}.{ending}")));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// A sheet of a workbook.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its first row.
    pub heads: Vec<String>,
    /// Its other rows.
    pub rows: Vec<Vec<Value>>,
}

/// A workbook of these sheets; numbers are numbers, texts are never formulas.
pub fn workbook(sheets: &[Sheet<'_>], now: Instant) -> Result<Vec<u8>, AppError> {
    build(sheets, now).map_err(|e| AppError::Internal(anyhow::Error::new(e).context("writing a workbook")))
}

fn build(sheets: &[Sheet<'_>], now: Instant) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_timestamp(now.millis() / 1000)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let head = Format::new().set_bold().set_background_color(Color::RGB(0x00e8_eef7));
    for of in sheets {
        let sheet = book.add_worksheet().set_name(of.name)?;
        sheet.set_freeze_panes(1, 1)?;
        for (at, title) in (0..).zip(&of.heads) {
            sheet.set_column_width(at, if at == 0 { 30 } else { 14 })?;
            sheet.write_string_with_format(0, at, title, &head)?;
        }
        for (row, values) in (1..).zip(&of.rows) {
            for (at, value) in (0..).zip(values) {
                match value {
                    Value::Text(t) if t.is_empty() => {}
                    Value::Text(t) => {
                        sheet.write_string(row, at, t)?;
                    }
                    Value::Number(t) => match t.parse::<i32>() {
                        Ok(n) => {
                            sheet.write_number(row, at, n)?;
                        }
                        Err(_) => {
                            sheet.write_string(row, at, t)?;
                        }
                    },
                }
            }
        }
    }
    book.save_to_buffer()
}

//! Lists that become files, whole: a CSV is written while it is read, a workbook of up to ten thousand rows at once, and a
//! longer one by a job (E37).

use std::future::Future;
use std::sync::mpsc;

use axum::body::Body;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::Query;
use bytes::Bytes;
use domain::export::ReportKind;
use domain::time::Instant;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use kit::app::App;
use kit::error::AppError;
use kit::form::FieldErrors;
use kit::page;
use object_store::buffered::BufWriter;
use rust_xlsxwriter::{Color, DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};
use tokio::io::AsyncWriteExt as _;

use crate::parts::files::disposition;
use crate::parts::spreadsheet::{self, Value};

/// Rows that are held at once.
pub const CHUNK: i64 = 1_000;
/// A workbook that somebody waits for is made in memory: it has this many rows at most.
pub const MOST_ROWS: usize = 10_000;
/// Rows of a sheet; a longer list goes on in the next one. (A sheet holds 1,048,576.)
const SHEET_ROWS: u32 = 1_000_000;

/// What the address of a list asks for.
pub fn filters<T: serde::de::DeserializeOwned>(query: &str) -> Result<T, AppError> {
    let broken = || AppError::Invalid("导出的条件不完整，请返回列表页面重新导出。".to_owned());
    let address: Uri = format!("/?{query}").parse().map_err(|_| broken())?;
    Query::try_from_uri(&address).map(|Query(found)| found).map_err(|_| broken())
}

/// Mistakes in an address that no form shows.
pub fn refusal(errors: &FieldErrors, page: &str) -> AppError {
    let sentences: Vec<_> = errors.iter().map(|e| e.message.clone()).collect();
    AppError::Invalid(format!("{}。请返回{page}页面修改条件后再导出。", sentences.join("；")))
}

/// Some rows of a list.
pub type Rows = Vec<Vec<Value>>;

/// A list as a file.
pub struct Report {
    /// The name of the file, without its ending.
    pub name: String,
    /// The heads of the columns.
    pub heads: Vec<&'static str>,
    /// The rows, a thousand at a time.
    rows: BoxStream<'static, Result<Rows, AppError>>,
}

impl Report {
    /// A list that is read place by place: `read` gives the rows behind a place, and the next place unless that was all.
    pub fn of_pages<P, F, Fut>(name: String, heads: Vec<&'static str>, read: F) -> Self
    where
        P: Send + 'static,
        F: Fn(Option<P>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(Rows, Option<P>), AppError>> + Send + 'static,
    {
        let rows = stream::try_unfold((Some(None), read), |(place, read)| async move {
            let Some(place) = place else { return Ok(None) };
            let (rows, next) = read(place).await?;
            Ok(Some((rows, (next.map(Some), read))))
        });
        Self { name, heads, rows: rows.boxed() }
    }

    /// The file. Its first rows are read before the answer begins, so that a mistake is still a page; a workbook that is too
    /// long leads to the page that has it made.
    pub async fn answer(self, app: &App, format: &str, kind: ReportKind, query: &str) -> Result<Response, AppError> {
        match format {
            "csv" | "" => self.csv().await,
            "xlsx" => self.xlsx(app, kind, query).await,
            _ => Err(AppError::Invalid("没有这种文件格式，请返回上一页选择 XLSX 或 CSV。".to_owned())),
        }
    }

    async fn csv(mut self) -> Result<Response, AppError> {
        let titles: Vec<_> = self.heads.iter().map(|h| Value::Text((*h).to_owned())).collect();
        let mut text = String::from('\u{feff}');
        spreadsheet::csv_row(&mut text, &titles);
        if let Some(rows) = self.rows.next().await.transpose()? {
            for row in &rows {
                spreadsheet::csv_row(&mut text, row);
            }
        }
        let others = self.rows.map_ok(|rows| {
            let mut text = String::new();
            for row in &rows {
                spreadsheet::csv_row(&mut text, row);
            }
            Bytes::from(text)
        });
        // The transfer breaks off, so that nobody takes a part for the whole.
        let others = others.inspect_err(|error| tracing::error!(?error, "writing a list into a file broke off"));
        let whole = stream::once(async { Ok(Bytes::from(text)) }).chain(others);
        Ok(file(Body::from_stream(whole.map_err(|e| std::io::Error::other(format!("{e:?}")))), &self.name, Kind::Csv))
    }

    async fn xlsx(mut self, app: &App, kind: ReportKind, query: &str) -> Result<Response, AppError> {
        let mut all = Rows::new();
        while let Some(rows) = self.rows.next().await.transpose()? {
            all.extend(rows);
            if all.len() > MOST_ROWS {
                let pairs = [("report", kind.word()), ("query", query)];
                let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
                return Ok(page::see_other(&format!("/exports/new?{query}")));
            }
        }
        let sheet = Sheet { name: "清单", heads: self.heads.iter().map(|h| (*h).to_owned()).collect(), rows: all };
        let now = app.now();
        let permit = app.cores.clone().acquire_owned().await.map_err(anyhow::Error::new)?;
        let book = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            workbook(&[sheet], now)
        });
        Ok(file(book.await.map_err(anyhow::Error::new)??.into(), &self.name, Kind::Xlsx))
    }

    /// Writes the whole list as a workbook into the store, in memory that does not grow with it; says rows and bytes.
    pub async fn store(mut self, app: &App, object_key: &str) -> Result<(i64, i64), AppError> {
        let (sender, receiver) = mpsc::sync_channel::<Rows>(2);
        let (heads, now) = (self.heads.clone(), app.now());
        let writer = tokio::task::spawn_blocking(move || long_workbook(&heads, &receiver, now));
        let mut rows_written = 0_i64;
        while let Some(rows) = self.rows.next().await.transpose()? {
            rows_written = rows_written.saturating_add(i64::try_from(rows.len()).unwrap_or(i64::MAX));
            let sender = sender.clone();
            // A writer that stopped says why below.
            let sent = tokio::task::spawn_blocking(move || sender.send(rows)).await.map_err(anyhow::Error::new)?;
            if sent.is_err() {
                break;
            }
        }
        drop(sender);
        let made = writer.await.map_err(anyhow::Error::new)?;
        let made = made.map_err(|e| e.context("writing a workbook"))?;
        let mut from = tokio::fs::File::from_std(made);
        let mut to = BufWriter::new(app.files.clone(), object_store::path::Path::from(object_key));
        let copied = tokio::io::copy(&mut from, &mut to).await;
        let copied = copied.map_err(|e| anyhow::Error::new(e).context("storing a workbook"))?;
        to.shutdown().await.map_err(|e| anyhow::Error::new(e).context("storing a workbook"))?;
        Ok((rows_written, i64::try_from(copied).unwrap_or(i64::MAX)))
    }
}

/// A workbook in a temporary file: rows are on the disk as soon as they are written.
fn long_workbook(heads: &[&'static str], rows: &mpsc::Receiver<Rows>, now: Instant) -> anyhow::Result<std::fs::File> {
    use std::io::Seek as _;
    let mut book = Workbook::new();
    book.set_properties(&properties(now)?);
    let head = head_format();
    let mut at = SHEET_ROWS;
    let mut sheets = 0;
    let mut more = true;
    let mut left: std::vec::IntoIter<Vec<Value>> = Vec::new().into_iter();
    while more {
        sheets += 1;
        let name = if sheets == 1 { "清单".to_owned() } else { format!("清单{sheets}") };
        let sheet = book.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 1)?;
        write_heads(sheet, heads, &head)?;
        at = 1;
        loop {
            if at > SHEET_ROWS {
                break;
            }
            if let Some(row) = left.next() {
                write_row(sheet, at, &row)?;
                at += 1;
            } else if let Ok(next) = rows.recv() {
                left = next.into_iter();
            } else {
                more = false;
                break;
            }
        }
    }
    tracing::debug!(sheets, rows = at, "a workbook is written");
    let mut file = tempfile::tempfile()?;
    book.save_to_writer(&mut file)?;
    file.rewind()?;
    Ok(file)
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
    pub rows: Rows,
}

/// A workbook of these sheets; numbers are numbers, texts are never formulas.
pub fn workbook(sheets: &[Sheet<'_>], now: Instant) -> Result<Vec<u8>, AppError> {
    build(sheets, now).map_err(|e| AppError::Internal(anyhow::Error::new(e).context("writing a workbook")))
}

fn build(sheets: &[Sheet<'_>], now: Instant) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    book.set_properties(&properties(now)?);
    let head = head_format();
    for of in sheets {
        let sheet = book.add_worksheet().set_name(of.name)?;
        sheet.set_freeze_panes(1, 1)?;
        write_heads(sheet, &of.heads, &head)?;
        for (row, values) in (1..).zip(&of.rows) {
            write_row(sheet, row, values)?;
        }
    }
    book.save_to_buffer()
}

fn properties(now: Instant) -> Result<DocProperties, XlsxError> {
    Ok(DocProperties::new().set_creation_datetime(&ExcelDateTime::from_timestamp(now.millis() / 1000)?))
}

fn head_format() -> Format {
    Format::new().set_bold().set_background_color(Color::RGB(0x00e8_eef7))
}

fn write_heads(sheet: &mut Worksheet, heads: &[impl AsRef<str>], format: &Format) -> Result<(), XlsxError> {
    for (at, title) in (0..).zip(heads) {
        sheet.set_column_width(at, if at == 0 { 30 } else { 14 })?;
        sheet.write_string_with_format(0, at, title.as_ref(), format)?;
    }
    Ok(())
}

fn write_row(sheet: &mut Worksheet, row: u32, values: &[Value]) -> Result<(), XlsxError> {
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
    Ok(())
}

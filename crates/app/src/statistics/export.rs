//! A table of the statistics as a file, or all of them as one workbook: the numbers of the page.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum_extra::extract::Query;
use domain::policy::ReadStatistics;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::FieldErrors;
use kit::session::Permitted;
use rust_xlsxwriter::{Color, DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use crate::parts::files::disposition;
use crate::parts::spreadsheet::{self, Head, Value};
use crate::statistics::figures::{self, Table};
use crate::statistics::statistics::Filters;

/// The file that is asked for, beside the filters of the page.
#[derive(Debug, serde::Deserialize)]
pub struct ExportQuery {
    #[serde(default)]
    table: String,
    #[serde(default)]
    format: String,
}

/// The file.
pub async fn show(
    State(app): State<App>,
    user: Permitted<ReadStatistics>,
    Query(filters): Query<Filters>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, AppError> {
    let asked = filters.read(&app, &user).map_err(|errors| refusal(&errors, "统计"))?;
    let is_csv = query.format == "csv";
    let mut tables = figures::load(&app, &asked).await?.tables;
    if !query.table.is_empty() || is_csv {
        tables.retain(|t| t.word == query.table);
    }
    let Some(first) = tables.first() else { return Err(AppError::NotFound) };
    let title = if tables.len() == 1 { first.title } else { "全部" };
    let name = format!("统计_{title}_{}_{}", asked.period.from, asked.period.to);
    if is_csv {
        let (heads, rows) = rows_of(first);
        let heads: Vec<_> = heads
            .into_iter()
            .map(|title| Head { title, is_required: false, is_text: false, choices: Vec::new() })
            .collect();
        return Ok(file(spreadsheet::write_csv(&heads, &rows).into(), &name, Kind::Csv));
    }
    let sheets: Vec<_> = tables
        .iter()
        .map(|t| {
            let (heads, rows) = rows_of(t);
            Sheet { name: t.title, heads, rows }
        })
        .collect();
    Ok(file(workbook(&sheets, app.now())?.into(), &name, Kind::Xlsx))
}

/// The heads and the rows, the sum at their end.
fn rows_of(table: &Table) -> (Vec<String>, Vec<Vec<Value>>) {
    let heads = std::iter::once(table.first).chain(table.heads.iter().copied()).map(str::to_owned).collect();
    let rows = table
        .lines
        .iter()
        .chain(&table.total)
        .map(|line| {
            let number =
                |n: Option<i64>| n.map_or_else(|| Value::Text(String::new()), |n| Value::Number(n.to_string()));
            std::iter::once(Value::Text(line.label.clone())).chain(line.figures.iter().map(|f| number(f.n))).collect()
        })
        .collect();
    (heads, rows)
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

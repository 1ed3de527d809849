//! How files come and go: their names, and what may be looked at inside the browser.

use askama::Template;
use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use db::stored_file;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use kit::app::App;
use kit::error::AppError;
use kit::form::FormData;
use kit::multipart::{TEXT_LIMIT_BYTES, piece_by_piece, text_of};
use kit::page;
use kit::session::{Caller, check_token};
use kit::upload::{FILE_LIMIT_BYTES, UploadError, store_stream};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use uuid::Uuid;

use crate::parts::pdf::{self, Trouble};
use crate::parts::spreadsheet::{self, Asked, Head, Most, Row, Seen, Table, Value, write_csv, write_xlsx};

/// A picture that would need more memory than this to show is downloaded instead.
const LARGEST_PICTURE_BYTES: u64 = 128 * 1024 * 1024;
/// The longest name of a file that is kept.
const LONGEST_NAME: usize = 200;

/// `Content-Disposition` with a Chinese name that every browser reads.
pub fn disposition(how: &str, name: &str) -> HeaderValue {
    let encoded = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    HeaderValue::from_str(&format!("{how}; filename=\"file\"; filename*=UTF-8''{encoded}"))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

/// Whether a file can be looked at in the browser: pictures and PDF, by their first bytes (E23).
pub fn can_preview(content_type: &str) -> bool {
    content_type == "application/pdf" || is_picture(content_type)
}

/// Whether it is a picture that browsers show, by its first bytes.
pub fn is_picture(content_type: &str) -> bool {
    matches!(content_type, "image/jpeg" | "image/png" | "image/gif" | "image/webp")
}

/// What a file is that no browser shows, for people; by its first bytes, and by its name where those say nothing.
pub fn kind_of(content_type: &str, name: &str) -> Option<&'static str> {
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    Some(match (content_type, ending.as_str()) {
        ("image/heif" | "image/heic", _) | ("application/octet-stream", "heic" | "heif") => HEIC,
        ("image/tiff", _) | ("application/octet-stream", "tif" | "tiff") => "TIFF 图片（扫描仪常用的格式）",
        ("image/bmp", _) => "BMP 图片",
        ("image/avif", _) => "AVIF 图片",
        ("image/vnd.adobe.photoshop", _) => "Photoshop 图片",
        (other, _) if other.starts_with("image/") && !is_picture(other) => "特殊格式的图片",
        (other, _) if other.contains("word") => "Word 文档",
        (other, _) if other.contains("excel") || other.contains("spreadsheet") => "Excel 表格",
        (other, _) if other.contains("powerpoint") || other.contains("presentation") => "演示文稿",
        (
            "application/zip" | "application/vnd.rar" | "application/x-rar-compressed" | "application/x-7z-compressed",
            _,
        ) => "压缩包",
        (other, _) if other.starts_with("video/") => "视频",
        (other, _) if other.starts_with("audio/") => "录音",
        _ => return None,
    })
}

const HEIC: &str = "HEIC 照片（苹果手机的照片格式）";

/// Said to who uploads a picture that no browser shows; it is taken all the same.
pub fn caution(content_type: &str, name: &str) -> Option<String> {
    let is_unseen = |kind: &&str| kind.contains("图片") || *kind == HEIC;
    kind_of(content_type, name).filter(is_unseen).map(|kind| {
        format!(
            "{kind}不能在浏览器中查看，审核人员只能下载后用其他软件打开。建议转换为 JPG 或 PDF 后重新上传，并删除本文件"
        )
    })
}

/// Said to who wants to look at a file that no browser shows.
pub fn why_unseen(content_type: &str, name: &str) -> String {
    match kind_of(content_type, name) {
        Some(kind) if caution(content_type, name).is_some() => {
            format!("该文件是{kind}，浏览器不能显示。请下载后用看图软件打开；无法打开时，可请对方改传 JPG 或 PDF。")
        }
        Some(kind) => format!("该文件是{kind}，不是图片或 PDF，请下载后查看。"),
        None => "该文件不是图片或 PDF，请下载后查看。".to_owned(),
    }
}

/// Marks that turn the direction of a line, and make `gpj.exe` look like `exe.jpg`.
const TURNS: [char; 12] = [
    '\u{061c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}',
    '\u{2067}', '\u{2068}', '\u{2069}',
];

/// The name without folders, control characters and marks that hide its ending; a longer one keeps its ending.
pub fn file_name(given: &str) -> String {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control() && !TURNS.contains(c)).collect();
    let name = name.trim();
    let n = name.chars().count();
    if n <= LONGEST_NAME {
        return name.to_owned();
    }
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let ending: String = ending.chars().take(20).collect();
    let kept: String = stem.chars().take(LONGEST_NAME - ending.chars().count() - 2).collect();
    format!("{kept}….{ending}")
}

/// Notes a file before its first byte: the sweep removes what no row takes.
pub async fn announce(app: &App, object_key: &str) -> Result<(), AppError> {
    let tx = app.db.begin().await?;
    stored_file::announce(&tx, object_key, app.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// A table that somebody sent, with the fields beside it.
#[derive(Debug, Default)]
pub struct ReceivedTable {
    /// The other fields of the form.
    pub fields: FormData,
    /// The name of the file; empty when none was chosen.
    pub name: String,
    /// Its place below `folder`; none while nothing usable arrived.
    pub key: Option<Uuid>,
    /// Why it was refused.
    pub refused: Option<String>,
}

/// The answer to a form that did not arrive whole.
pub fn incomplete() -> AppError {
    AppError::Invalid("没有收到完整的文件，请返回导入页面重试。".to_owned())
}

/// Takes a table into `folder` of the store, where it waits for an hour to be imported. The token must stand before the file.
pub async fn receive_table(
    app: &App,
    caller: &Caller,
    folder: &str,
    request: Request,
) -> Result<ReceivedTable, AppError> {
    let headers = request.headers();
    let mut token = headers.get("x-csrf-token").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let mut received = ReceivedTable::default();
    let mut left = TEXT_LIMIT_BYTES;
    let mut body = Multipart::from_request(piece_by_piece(request), app).await.map_err(|_| incomplete())?;
    while let Some(field) = body.next_field().await.map_err(|_| incomplete())? {
        let field_name = field.name().unwrap_or_default().to_owned();
        match field_name.as_str() {
            "csrf" => token = text_of(field, &mut left).await?,
            "file" if received.key.is_none() && received.refused.is_none() => {
                check_token(Some(caller), &token)?;
                received.name = file_name(field.file_name().unwrap_or_default());
                if received.name.is_empty() {
                    continue;
                }
                let key = Uuid::new_v4();
                let object_key = format!("{folder}/{key}");
                // Announced and never taken: the sweep removes the file after an hour, whatever becomes of it.
                announce(app, &object_key).await?;
                let part = app.config.upload_part_bytes;
                match store_stream(app.files.as_ref(), &object_key, field, FILE_LIMIT_BYTES, part).await {
                    Ok(_) => received.key = Some(key),
                    Err(UploadError::Broken(error)) => {
                        tracing::warn!(error = format!("{error:#}"), "an upload broke off");
                        return Err(incomplete());
                    }
                    Err(why) => received.refused = Some(why.to_string()),
                }
            }
            "file" => {}
            _ => received.fields.set(&field_name, &text_of(field, &mut left).await?),
        }
    }
    check_token(Some(caller), &token)?;
    Ok(received)
}

/// What was read of a table that waits, and what its rows are; the inner error is for the user.
pub type Judgement<T> = (Seen, Result<T, Vec<String>>);

/// Reads a table that waits in `folder`, of at most so many rows; `judge` says what they are.
pub async fn waiting_table<T: Send + 'static>(
    app: &App,
    folder: &str,
    key: Uuid,
    most: Most,
    asked: Asked,
    judge: impl FnOnce(Vec<Row>) -> Result<T, Vec<String>> + Send + 'static,
) -> Result<Judgement<T>, AppError> {
    let content = match app.files.get(&Path::from(format!("{folder}/{key}"))).await {
        Ok(found) => found.bytes().await.map_err(|e| anyhow::Error::new(e).context("reading a table"))?,
        Err(object_store::Error::NotFound { .. }) => {
            return Err(AppError::Conflict("上传的文件已超过一小时，没有办理，请返回导入页面重新上传。".to_owned()));
        }
        Err(error) => return Err(anyhow::Error::new(error).context("opening a table").into()),
    };
    let permit = app.cores.clone().acquire_owned().await.map_err(anyhow::Error::new)?;
    let judged = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        match spreadsheet::read(&content, &most, &asked) {
            Ok(Table { rows, seen }) => (seen, judge(rows)),
            Err(why) => (Seen::default(), Err(vec![why])),
        }
    });
    match judged.await {
        Ok(judged) => Ok(judged),
        // Whatever a broken file does to its reader, the user learns that it is the file.
        Err(error) if error.is_panic() => {
            tracing::warn!(%error, "a table could not be read");
            let why = "文件无法读取，可能已损坏，请在 Excel 中打开并重新保存后再上传";
            Ok((Seen::default(), Err(vec![why.to_owned()])))
        }
        Err(error) => Err(anyhow::Error::new(error).into()),
    }
}

/// A file in the store, as its row knows it.
#[derive(Debug, Clone, Copy)]
pub struct Filed<'a> {
    /// Where it lies.
    pub object_key: &'a str,
    /// The name it had on the user's machine.
    pub name: &'a str,
    /// Its size.
    pub size_bytes: i64,
    /// What its first bytes say it is.
    pub content_type: &'a str,
}

/// A picture or PDF, inside the browser (E23); what turns out to be neither is found `instead`.
pub async fn preview(app: &App, file: Filed<'_>, instead: &str) -> Result<Response, AppError> {
    if !can_preview(file.content_type) {
        return Ok(page::see_other(instead));
    }
    let is_pdf = file.content_type == "application/pdf";
    let content: Vec<u8> = open(app, file)
        .await?
        .try_fold(Vec::new(), |mut all, part| async move {
            all.extend_from_slice(&part);
            Ok(all)
        })
        .await
        .map_err(|e| anyhow::Error::new(e).context("reading a file"))?;
    let content = bytes::Bytes::from(content);
    if is_pdf && let Some(trouble) = pdf_trouble(app, content.clone()).await? {
        return unreadable(file, instead, trouble.to_reader());
    }
    if !is_pdf && !can_be_decoded(app, content.clone()).await? {
        return Ok(page::see_other(instead));
    }
    let mut response = Body::from(content).into_response();
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(file.content_type) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CONTENT_DISPOSITION, disposition("inline", file.name));
    // The browser's PDF viewer styles itself inline; a picture needs nothing.
    let policy = if is_pdf {
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    } else {
        "default-src 'none'; sandbox"
    };
    finish(headers, file, policy);
    Ok(response)
}

/// In place of a PDF that shows nothing: why, and the way to the file.
#[derive(Template)]
#[template(path = "parts/unreadable_pdf.html")]
struct UnreadablePage<'a> {
    name: &'a str,
    why: &'static str,
    download: &'a str,
}

fn unreadable(file: Filed<'_>, download: &str, why: &'static str) -> Result<Response, AppError> {
    let mut response = page::render(&UnreadablePage { name: file.name, why, download })?;
    let headers = response.headers_mut();
    // It stands in the pane of the page that asks for the file.
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'self'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

/// What stands in the way of looking at a PDF, if anything.
async fn pdf_trouble(app: &App, content: bytes::Bytes) -> Result<Option<Trouble>, AppError> {
    let permit = app.cores.clone().acquire_owned().await.map_err(anyhow::Error::new)?;
    let looked = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        pdf::trouble(&content)
    });
    match looked.await {
        Ok(found) => Ok(found),
        // Nobody can say; whoever opens it will see.
        Err(error) if error.is_panic() => {
            tracing::warn!(%error, "a PDF could not be looked at");
            Ok(None)
        }
        Err(error) => Err(anyhow::Error::new(error).into()),
    }
}

/// Why a file that is in the store already is not taken.
pub async fn unfit(app: &App, file: &stored_file::NewFile) -> Result<Option<&'static str>, AppError> {
    if file.content_type != "application/pdf" {
        return Ok(None);
    }
    let found = app.files.get(&Path::from(file.object_key.as_str())).await;
    let found = found.map_err(|e| anyhow::Error::new(e).context("opening an upload"))?;
    let content = found.bytes().await.map_err(|e| anyhow::Error::new(e).context("reading an upload"))?;
    Ok(pdf_trouble(app, content).await?.map(Trouble::to_uploader))
}

/// Whether a decoder accepts the picture, not only its first bytes.
async fn can_be_decoded(app: &App, content: bytes::Bytes) -> anyhow::Result<bool> {
    let permit = app.cores.clone().acquire_owned().await?;
    let decoded = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let mut reader = image::ImageReader::new(std::io::Cursor::new(content)).with_guessed_format().ok()?;
        let mut limits = image::Limits::default();
        limits.max_alloc = Some(LARGEST_PICTURE_BYTES);
        reader.limits(limits);
        reader.decode().ok()
    });
    Ok(decoded.await?.is_some())
}

async fn open(app: &App, file: Filed<'_>) -> Result<BoxStream<'static, object_store::Result<bytes::Bytes>>, AppError> {
    let found = app.files.get(&Path::from(file.object_key)).await.map_err(|e| {
        AppError::Internal(anyhow::Error::new(e).context(format!("the file {} is not in the store", file.object_key)))
    })?;
    Ok(found.into_stream())
}

fn finish(headers: &mut HeaderMap, file: Filed<'_>, policy: &'static str) {
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(file.size_bytes));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
}

/// A file of the store as a download, whatever it is: nothing of it runs in the browser (E23).
pub async fn download(app: &App, object_key: &str, name: &str, size_bytes: i64) -> Result<Response, AppError> {
    let path = object_store::path::Path::from(object_key);
    let found = app.files.get(&path).await;
    let found = found.map_err(|e| {
        AppError::Internal(anyhow::Error::new(e).context(format!("the file {object_key} is not in the store")))
    })?;
    let mut response = Body::from_stream(found.into_stream()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_DISPOSITION, disposition("attachment", name));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size_bytes));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

/// A table as a download of this format.
pub async fn table(
    app: &App,
    format: &str,
    name: &str,
    heads: Vec<Head>,
    rows: Vec<Vec<Value>>,
    guide: Vec<Vec<String>>,
) -> Result<Response, AppError> {
    let is_csv = match format {
        "csv" => true,
        "xlsx" => false,
        _ => return Err(AppError::Invalid("没有这种文件格式，请返回上一页选择 XLSX 或 CSV。".to_owned())),
    };
    let now = app.now();
    // Packing a large table takes a while; it waits for a core as passwords and pictures do.
    let permit = app.cores.clone().acquire_owned().await.map_err(anyhow::Error::new)?;
    let written = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        if is_csv { Ok(write_csv(&heads, &rows)) } else { write_xlsx(&heads, &rows, &guide, now) }
    });
    let content = written.await.map_err(anyhow::Error::new)?;
    let content = content.map_err(|e| anyhow::Error::new(e).context("writing a table"))?;
    let (kind, ending) = if is_csv {
        ("text/csv; charset=utf-8", "csv")
    } else {
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx")
    };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, disposition("attachment", &format!("{name}.{ending}")));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::text;

    #[test]
    fn names_lose_folders_and_control_characters_and_keep_their_ending() {
        assert_eq!(file_name("C:\\资料\\合同.pdf"), "合同.pdf");
        assert_eq!(file_name("../../etc/passwd"), "passwd");
        assert_eq!(file_name("a\u{0}b\n.txt"), "ab.txt");
        assert_eq!(file_name("合同\u{202e}gpj.exe"), "合同gpj.exe");
        let long = format!("{}.pdf", "长".repeat(300));
        let kept = file_name(&long);
        assert!(kept.ends_with("….pdf") && kept.chars().count() <= LONGEST_NAME, "{kept}");
        assert_eq!(text::normalise(&kept), kept);
    }
}

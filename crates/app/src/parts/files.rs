//! How files come in and go out: their names, and what may be looked at inside the browser.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use kit::app::App;
use kit::error::AppError;
use object_store::ObjectStoreExt as _;

use crate::parts::spreadsheet::{Head, Value, write_csv, write_xlsx};

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
    matches!(content_type, "application/pdf" | "image/jpeg" | "image/png" | "image/gif" | "image/webp")
}

/// The name without folders and control characters; a longer one keeps its ending.
pub fn file_name(given: &str) -> String {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
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
        let long = format!("{}.pdf", "长".repeat(300));
        let kept = file_name(&long);
        assert!(kept.ends_with("….pdf") && kept.chars().count() <= LONGEST_NAME, "{kept}");
        assert_eq!(text::normalise(&kept).unwrap(), kept);
    }
}

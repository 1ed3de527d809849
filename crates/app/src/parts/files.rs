//! How files go out: their names, and what may be looked at inside the browser.

use axum::http::HeaderValue;

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

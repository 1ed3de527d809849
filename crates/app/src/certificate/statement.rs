//! The address in a QR code (E36): in capitals, because it is denser then.

use axum::extract::Path;
use axum::response::Response;
use kit::page;

/// Leads to 证明公开核验, with the statement. What is no Base32 is no part of one.
pub async fn show(Path(statement): Path<String>) -> Response {
    let letters: String = statement.chars().filter(char::is_ascii_alphanumeric).collect();
    page::see_other(&format!("/verification?statement={}", letters.to_ascii_uppercase()))
}

//! From a template to an answer.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::error::AppError;

/// A page.
pub fn render(page: &impl Template) -> Result<Response, AppError> {
    with_status(StatusCode::OK, page)
}

/// A form with errors: 422, with everything typed.
pub fn unprocessable(page: &impl Template) -> Result<Response, AppError> {
    with_status(StatusCode::UNPROCESSABLE_ENTITY, page)
}

/// A page with a status. Pages of persons are never kept by the browser, so that 后退 after 退出系统 shows nothing.
pub fn with_status(status: StatusCode, page: &impl Template) -> Result<Response, AppError> {
    let html = page.render().map_err(|e| AppError::Internal(anyhow::Error::new(e).context("rendering a page")))?;
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((status, headers, html).into_response())
}

/// Goes to another page after a POST.
pub fn see_other(url: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    // A header is ASCII; Chinese in a query is written as a browser would write it.
    let url = percent_encoding::utf8_percent_encode(url, percent_encoding::CONTROLS).to_string();
    if let Ok(location) = HeaderValue::from_str(&url) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_chinese_or_line_breaks_makes_one_safe_header() {
        let location = |url| see_other(url).headers()[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!(location("/applications?number=甲&a=%20"), "/applications?number=%E7%94%B2&a=%20");
        assert_eq!(location("/main\r\nSet-Cookie: a=b"), "/main%0D%0ASet-Cookie: a=b");
    }
}

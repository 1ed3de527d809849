//! Cookies follow the public address (E19): https → `__Host-…; Secure`, http → plain.

use axum::http::{HeaderMap, header};

fn full_name(name: &str, https: bool) -> String {
    if https { format!("__Host-{name}") } else { name.to_owned() }
}

/// The value of a cookie of the request.
pub fn get(headers: &HeaderMap, name: &str, https: bool) -> Option<String> {
    let name = full_name(name, https);
    headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';')).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name && !value.is_empty()).then(|| value.to_owned())
    })
}

/// A `Set-Cookie` that lasts until the browser closes; the session's own ends are kept in the database.
pub fn set(name: &str, value: &str, https: bool) -> String {
    let secure = if https { "; Secure" } else { "" };
    format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}", full_name(name, https))
}

/// A `Set-Cookie` that removes the cookie.
pub fn clear(name: &str, https: bool) -> String {
    let secure = if https { "; Secure" } else { "" };
    format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}", full_name(name, https))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_cookies_carry_the_host_prefix_and_http_ones_do_not() {
        assert!(set("mianban", "x", true).starts_with("__Host-mianban=x; Path=/; HttpOnly; SameSite=Lax; Secure"));
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, "a=1; mianban=token".parse().unwrap());
        assert_eq!(get(&headers, "mianban", false).as_deref(), Some("token"));
        assert_eq!(get(&headers, "mianban", true), None);
    }
}

//! One message across one redirect, in a signed one-shot cookie (E11); and the key that signs such things.

use axum::http::{HeaderMap, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::{cookies, page};

const COOKIE: &str = "mianban-flash";

/// Signs what travels through the browser; the same in every process of an installation.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

impl SigningKey {
    /// The key of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key stored as hexadecimal.
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The signature of a text for one purpose.
    pub fn sign(&self, purpose: &str, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// Whether a signature is ours.
    pub fn verifies(&self, purpose: &str, text: &str, signature: &str) -> bool {
        bool::from(self.sign(purpose, text).as_bytes().ct_eq(signature.as_bytes()))
    }
}

/// Goes to a page of this site and shows the message there once.
pub fn to(key: &SigningKey, https: bool, url: &str, message: &str) -> Response {
    let text = URL_SAFE_NO_PAD.encode(message);
    let value = format!("{text}.{}", key.sign("flash", &text));
    let mut response = page::see_other(url);
    if let Ok(cookie) = cookies::set(COOKIE, &value, https).parse() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The message that this request carries, if it is ours.
pub fn take(key: &SigningKey, https: bool, headers: &HeaderMap) -> Option<String> {
    let value = cookies::get(headers, COOKIE, https)?;
    let (text, signature) = value.split_once('.')?;
    if !key.verifies("flash", text, signature) {
        return None;
    }
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// The `Set-Cookie` that makes the message one-shot.
pub fn clearing(https: bool) -> String {
    cookies::clear(COOKIE, https)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_somebody_else_wrote_is_not_shown() {
        let key = SigningKey::new([7; 32]);
        let response = to(&key, false, "/main", "保存成功");
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        assert_eq!(take(&key, false, &headers).as_deref(), Some("保存成功"));
        assert_eq!(take(&SigningKey::new([8; 32]), false, &headers), None);
    }
}

//! Somebody who is signed in: his cookie, the token of his forms, and the requests that his browser would send.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use url::form_urlencoded::Serializer;

use crate::http::{Connection, Request};

/// The password of every demonstration account, as the login page shows it.
const PASSWORD: &str = "mianban-demo-2026";
const BOUNDARY: &str = "----mianban-bench-boundary";

/// A browser with a live session.
#[derive(Debug, Clone)]
pub struct Browser {
    host: SocketAddr,
    cookie: String,
    csrf: String,
}

impl Browser {
    /// Signs in through the login form, as people do.
    pub async fn sign_in(host: SocketAddr, kind: &str, username: &str) -> anyhow::Result<Self> {
        let mut connection = Connection::open(host).await?;
        let page = connection.send(&Request::get("/login", host)).await?;
        page.expect(200, "GET /login")?;
        let visitor = Self { host, cookie: cookies(page.all("set-cookie")), csrf: hidden(&page.text(), "csrf")? };
        let fields = [("kind", kind), ("username", username), ("password", PASSWORD)];
        let entered = connection.send(&visitor.form("/login", &fields)).await?;
        entered.expect(303, &format!("the log-in of {username}"))?;
        let mut signed = Self { host, cookie: cookies(entered.all("set-cookie")), csrf: String::new() };
        let main = connection.send(&signed.plain("/main")).await?;
        main.expect(200, "GET /main")?;
        signed.csrf = hidden(&main.text(), "csrf")?;
        Ok(signed)
    }

    /// A page, compressed as every browser asks for it.
    pub fn page(&self, path: &str) -> Request {
        let headers = format!("Cookie: {}\r\nAccept-Encoding: gzip\r\n", self.cookie);
        Request::new("GET", path, self.host, &headers, Arc::default())
    }

    /// A page that is to be read here: not compressed.
    pub fn plain(&self, path: &str) -> Request {
        Request::new("GET", path, self.host, &format!("Cookie: {}\r\n", self.cookie), Arc::default())
    }

    /// A form; the token is added.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Request {
        let mut body = Serializer::new(String::new());
        body.append_pair("csrf", &self.csrf).extend_pairs(fields);
        let body = body.finish().into_bytes();
        self.post(path, "application/x-www-form-urlencoded", body.into())
    }

    /// The body of an upload of one file; every draft of the same person takes the same body.
    pub fn upload_body(&self, kind: &str, name: &str, content: &[u8]) -> Arc<[u8]> {
        let mut body = Vec::with_capacity(content.len() + 1024);
        for (field, value) in [("csrf", self.csrf.as_str()), ("kind", kind)] {
            body.extend_from_slice(
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
                    .as_bytes(),
            );
        }
        body.extend_from_slice(
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
                 Content-Type: application/pdf\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        body.into()
    }

    /// An upload with a body of [`Self::upload_body`].
    pub fn upload(&self, path: &str, body: Arc<[u8]>) -> Request {
        self.post(path, &format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }

    fn post(&self, path: &str, content_type: &str, body: Arc<[u8]>) -> Request {
        let headers = format!(
            "Cookie: {}\r\nContent-Type: {content_type}\r\nAccept-Encoding: gzip\r\nOrigin: http://{}\r\n",
            self.cookie, self.host
        );
        Request::new("POST", path, self.host, &headers, body)
    }
}

/// `Set-Cookie` lines as the `Cookie` header of the next request.
fn cookies<'a>(set: impl Iterator<Item = &'a str>) -> String {
    set.filter_map(|line| line.split(';').next()).collect::<Vec<_>>().join("; ")
}

/// The value of a hidden field of a page.
pub fn hidden(page: &str, name: &str) -> anyhow::Result<String> {
    page.split(&format!("name=\"{name}\" value=\""))
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .map(str::to_owned)
        .with_context(|| format!("the page has no hidden field {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_fields_and_cookies_are_read() {
        assert_eq!(hidden("<input type=\"hidden\" name=\"csrf\" value=\"abc\">", "csrf").unwrap(), "abc");
        assert!(hidden("<p>", "csrf").is_err());
        let set = ["mianban=1.x; Path=/; HttpOnly", "mianban-visitor=y; Path=/"];
        assert_eq!(cookies(set.into_iter()), "mianban=1.x; mianban-visitor=y");
    }
}

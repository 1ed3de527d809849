//! Somebody at the counter, inside the process: sends the forms that people send, through every layer of the site.
//! Builds the demonstration data through the real deeds; tests use it too.

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use domain::ids::AccountId;
use kit::app::App;
use kit::session::{SESSION_COOKIE, hash_of, new_token};
use tower::ServiceExt as _;

/// A signed-in person with an open browser.
#[derive(Clone)]
pub struct Clerk {
    router: Router,
    cookie: String,
    /// The token of this person's forms.
    pub csrf: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Where a redirect leads.
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Clerk {
    /// Opens a session for an account, without its password.
    pub async fn sit_down(app: &App, router: Router, account: AccountId) -> anyhow::Result<Self> {
        let token = new_token(account);
        let tx = app.db.begin().await?;
        let profile = db::account::profile(&tx, account).await?;
        db::session::open(&tx, account, &hash_of(&token), &profile, app.now()).await?;
        tx.commit().await?;
        let name = kit::cookies::set(SESSION_COOKIE, &token, app.config.is_https());
        let cookie = name.split(';').next().unwrap_or_default().to_owned();
        Ok(Self { router, cookie, csrf: app.key.sign("csrf", &token) })
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let request = Request::get(path).header(header::COOKIE, &self.cookie).body(Body::empty())?;
        self.send(request).await
    }

    /// Sends a form; the token is added.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.append_pair("csrf", &self.csrf);
        for (name, value) in fields {
            body.append_pair(name, value);
        }
        let body = body.finish();
        let request = Request::post(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::CONTENT_LENGTH, body.len())
            .body(Body::from(body))?;
        self.send(request).await
    }

    /// Sends a form that must succeed; says where it leads.
    pub async fn must(&self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<String> {
        let answer = self.post(path, fields).await?;
        anyhow::ensure!(
            answer.status == StatusCode::SEE_OTHER,
            "POST {path} answered {}: {}",
            answer.status,
            answer.text().chars().take(20_000).collect::<String>()
        );
        Ok(answer.location().to_owned())
    }

    /// Uploads files of one kind.
    pub async fn upload(&self, path: &str, kind: &str, files: &[(&str, &[u8])]) -> anyhow::Result<Answer> {
        let boundary = "----mianban-clerk-boundary";
        let mut body = Vec::new();
        for (name, value) in [("csrf", self.csrf.as_str()), ("kind", kind)] {
            body.extend_from_slice(
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                    .as_bytes(),
            );
        }
        for (name, bytes) in files {
            body.extend_from_slice(
                format!(
                    "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
                     Content-Type: application/octet-stream\r\n\r\n"
                )
                .as_bytes(),
            );
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let request = Request::post(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={boundary}"))
            .body(Body::from(body))?;
        self.send(request).await
    }

    async fn send(&self, request: Request<Body>) -> anyhow::Result<Answer> {
        let response = self.router.clone().oneshot(request).await.context("the site answers")?;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await?.to_vec();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

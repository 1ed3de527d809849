//! A small site with the layers of the real one.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use db::testing::TestDb;
use domain::ids::AccountId;
use domain::letter::Failure;
use domain::time::{FixedClock, Instant};
use http_body_util::BodyExt as _;
use kit::app::{App, Config, Keys, Letter, Papers, Parts, Post, Undelivered};
use kit::error::{self, AppError};
use kit::flash::SigningKey;
use kit::reference::References;
use kit::session::{self, Signed, Submitted, new_token};
use kit::session_ended;
use object_store::memory::InMemory;
use tower::ServiceExt as _;

struct NoPapers;

impl Papers for NoPapers {
    fn certificate(&self, _: &str, _: &str) -> anyhow::Result<Vec<u8>> {
        anyhow::bail!("no papers here")
    }

    fn application(&self, _: &str) -> anyhow::Result<Vec<u8>> {
        anyhow::bail!("no papers here")
    }

    fn manual(&self, _: &str) -> anyhow::Result<Vec<u8>> {
        anyhow::bail!("no papers here")
    }

    fn manual_edition(&self, version: &str) -> String {
        version.to_owned()
    }

    fn missing_glyphs(&self, _: &str) -> Vec<char> {
        Vec::new()
    }
}

struct NoKeys;

impl Keys for NoKeys {
    fn signer(&self) -> anyhow::Result<Option<Arc<dyn seal::Signer>>> {
        Ok(None)
    }

    fn certificates(&self) -> anyhow::Result<Vec<seal::Certificate>> {
        Ok(Vec::new())
    }
}

struct NoPost;

#[async_trait::async_trait]
impl Post for NoPost {
    async fn send(&self, _: &Letter) -> Result<(), Undelivered> {
        Err(Undelivered { failure: Failure::Unreachable, error: anyhow::anyhow!("no post here") })
    }
}

/// The site and its database.
pub struct Site {
    router: Router,
    _db: TestDb,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: u16,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Answer {
    /// The value of the first hidden field of this name.
    pub fn hidden(&self, name: &str) -> String {
        let field = format!("name=\"{name}\" value=\"");
        let from = self.text.find(&field).unwrap_or_else(|| panic!("{name} is missing in {}", self.text)) + field.len();
        self.text[from..].split('"').next().unwrap_or_default().to_owned()
    }
}

impl Site {
    pub async fn new() -> Self {
        let test = TestDb::sqlite().await;
        let references =
            References::new(db::reference::load(&test.db.read()).await.expect("reference data can be read"));
        let app = App::new(Parts {
            db: test.db.clone(),
            files: Arc::new(InMemory::new()),
            clock: Arc::new(FixedClock::at(Instant::from_millis(1_795_000_000_000))),
            config: Config {
                public_url: "http://127.0.0.1:8080".parse().expect("it is an address"),
                mail_from: "mianban@example.test".to_owned(),
                mailbox_proof: kit::app::MailboxProof::NotAsked,
                demo: false,
                trusted_proxies: Vec::new(),
                folders: Vec::new(),
                upload_part_bytes: 1024,
                version: "test",
            },
            key: SigningKey::new([7; 32]),
            references,
            papers: Arc::new(NoPapers),
            post: Arc::new(NoPost),
            keys: Arc::new(NoKeys),
            guesses: kit::throttle::Throttle::default(),
            cores: Arc::new(tokio::sync::Semaphore::new(1)),
            seen: tokio::sync::mpsc::channel(1).0,
            readings: tokio::sync::mpsc::channel(1).0,
            watch: kit::watch::Watch::default(),
        });
        let router = Router::new()
            .route("/private", get(private).post(save))
            .route("/login/{account}", post(log_in))
            .route("/broken", get(broken).post(broken))
            .route("/number/{n}", get(number))
            .fallback(|| async { AppError::NotFound })
            .layer(middleware::from_fn_with_state(app.clone(), session::identify))
            .layer(middleware::from_fn_with_state(app.clone(), error::pages))
            .with_state(app);
        Self { router, _db: test }
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("a router always answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_body().collect().await.expect("the body is whole").to_bytes();
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).expect("pages are UTF-8") }
    }

    /// A form as a browser sends it.
    pub async fn post(&self, path: &str, cookie: &str, body: &str) -> Answer {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::CONTENT_LENGTH, body.len())
            .header(header::COOKIE, cookie)
            .body(Body::from(body.to_owned()));
        self.ask(request.expect("it is a request")).await
    }
}

async fn private(_: Signed) -> &'static str {
    "private"
}

async fn save(_: Signed, _: Submitted) -> &'static str {
    "saved"
}

/// Stands for a log-in that worked.
async fn log_in(
    State(app): State<App>,
    axum::extract::Path(account): axum::extract::Path<AccountId>,
    Submitted(form): Submitted,
) -> Response {
    session_ended::resumed(&app, account, &new_token(account), &form).unwrap_or_else(|| "nothing kept".into_response())
}

async fn broken() -> AppError {
    AppError::Internal(anyhow::anyhow!("a secret of the database"))
}

async fn number(axum::extract::Path(n): axum::extract::Path<u8>) -> String {
    n.to_string()
}

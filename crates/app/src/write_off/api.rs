//! 核销数据接口: how the system of a port hands write-offs in (`docs/port-api.md`). JSON in, JSON out; a key in place of a
//! login session.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::Query;
use db::audit::By;
use db::port_system::{self, Decided, PortSystem, Sender, Waiting};
use domain::ids::{PortSystemId, PreWriteOffItemId};
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::session::{Caller, hash_of};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::write_off::batch::{self, Desk, Line, Outcome};

/// So many 预核销 are listed by one answer.
const MOST_WAITING: i64 = 500;
/// Says that this is the result of an earlier request.
const REPEATED: HeaderName = HeaderName::from_static("x-batch-repeated");

/// A batch as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    batch: String,
    lines: Vec<SentLine>,
}

/// A line as it is sent. Amounts are text, so that no digit is lost on the way.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentLine {
    certificate_no: String,
    ordinal: i64,
    #[serde(default)]
    qty: String,
    #[serde(default)]
    hs_qty: String,
    port: String,
    #[serde(default)]
    customs_no: String,
    #[serde(default)]
    pre_write_off_item: Option<i64>,
    #[serde(default)]
    note: String,
}

impl From<SentLine> for Line {
    fn from(sent: SentLine) -> Self {
        Self {
            certificate_no: text::one_line(&sent.certificate_no),
            ordinal: sent.ordinal.to_string(),
            qty: text::one_line(&sent.qty),
            hs_qty: text::one_line(&sent.hs_qty),
            port: text::one_line(&sent.port),
            customs_no: text::one_line(&sent.customs_no),
            pre_write_off_item: sent.pre_write_off_item.map(|id| id.to_string()).unwrap_or_default(),
            note: text::one_line(&sent.note),
        }
    }
}

/// The answer to a batch: the same bytes whenever it is asked for.
#[derive(Debug, Serialize)]
struct Answer {
    batch: String,
    received_at: String,
    /// Every line is decided; not yet while the first request is still at work.
    complete: bool,
    accepted: usize,
    rejected: usize,
    lines: Vec<AnswerLine>,
}

#[derive(Debug, Serialize)]
struct AnswerLine {
    line: i64,
    certificate_no: String,
    ordinal: String,
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<Decided> for AnswerLine {
    fn from(decided: Decided) -> Self {
        let Line { certificate_no, ordinal, .. } = Line::of(&decided.content);
        let accepted = decided.reason.is_none();
        Self { line: decided.ordinal, certificate_no, ordinal, accepted, reason: decided.reason }
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        let accepted = outcome.lines.iter().filter(|l| l.reason.is_none()).count();
        Self {
            received_at: outcome.batch.received_at.rfc3339(),
            batch: outcome.batch.number,
            complete: i64::try_from(outcome.lines.len()) == Ok(outcome.batch.lines),
            accepted,
            rejected: outcome.lines.len() - accepted,
            lines: outcome.lines.into_iter().map(AnswerLine::from).collect(),
        }
    }
}

/// An answer that no cache keeps.
fn json(status: StatusCode, body: impl Serialize) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A refusal of the whole request.
struct No(StatusCode, String);

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let mut response = json(self.0, serde_json::json!({ "error": self.1 }));
        if self.0 == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.0 == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        }
        response
    }
}

impl From<AppError> for No {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Conflict(why) => Self(StatusCode::CONFLICT, why),
            AppError::NotFound => Self(StatusCode::NOT_FOUND, "没有这一批次。".to_owned()),
            other => {
                tracing::error!(error = format!("{other:#?}"), "a batch of write-offs broke off");
                let why = "本次没有处理完，请稍后用同一批次号和同一内容重新提交，已处理的行不会重复。";
                Self(StatusCode::SERVICE_UNAVAILABLE, why.to_owned())
            }
        }
    }
}

impl From<db::DbError> for No {
    fn from(error: db::DbError) -> Self {
        AppError::from(error).into()
    }
}

/// The system whose key came with the request: its id, a full stop, and a secret of which only the hash is known.
async fn system(app: &App, caller: &Caller, headers: &HeaderMap) -> Result<PortSystem, No> {
    let counted = format!("port key from {}", caller.address);
    if app.guesses.is_locked(&counted, app.now()) {
        return Err(No(StatusCode::TOO_MANY_REQUESTS, "密钥错误的次数过多，请 15 分钟后再试。".to_owned()));
    }
    let unknown = || No(StatusCode::UNAUTHORIZED, "没有密钥，或密钥不正确、已停用。".to_owned());
    let given = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
    // Who sends none does not guess.
    let key = given.strip_prefix("Bearer ").map(str::trim).filter(|key| !key.is_empty()).ok_or_else(unknown)?;
    let parts = key.split_once('.').and_then(|(id, secret)| Some((id.parse::<PortSystemId>().ok()?, secret)));
    if let Some((id, secret)) = parts
        && let Some(found) = port_system::enabled(&app.db.read(), id).await?
        && bool::from(found.key_hash.as_bytes().ct_eq(hash_of(secret).as_bytes()))
    {
        return Ok(found);
    }
    app.guesses.note(&counted, app.now());
    Err(unknown())
}

/// Takes a batch in. Again it is answered with the first result; `409` when its number was used for another content,
/// `400` when it cannot be read at all, `413` when it is too large.
pub async fn create(State(app): State<App>, caller: Caller, request: Request) -> Response {
    match take(&app, &caller, request).await {
        Ok((answer, repeated)) => {
            let mut response = json(StatusCode::OK, answer);
            let repeated = if repeated { "true" } else { "false" };
            response.headers_mut().insert(REPEATED, HeaderValue::from_static(repeated));
            response
        }
        Err(no) => no.into_response(),
    }
}

async fn take(app: &App, caller: &Caller, request: Request) -> Result<(Answer, bool), No> {
    // Before the body is read: who has no key makes us read nothing.
    let system = system(app, caller, request.headers()).await?;
    let body = Bytes::from_request(request, app)
        .await
        .map_err(|_| No(StatusCode::PAYLOAD_TOO_LARGE, "内容超过 2M，请分成几个批次。".to_owned()))?;
    let bad = |why: String| No(StatusCode::BAD_REQUEST, why);
    let sent: Sent = serde_json::from_slice(&body).map_err(|e| bad(format!("内容无法识别：{e}")))?;
    let number = batch::number(&text::one_line(&sent.batch)).map_err(|why| bad(format!("{why}。")))?;
    if let Some(why) = batch::wrong_size(sent.lines.len()) {
        return Err(bad(format!("{why}。")));
    }
    let lines: Vec<Line> = sent.lines.into_iter().map(Line::from).collect();
    let desk = Desk {
        bureau: system.bureau_code.clone(),
        ports: ports_of(&system).into_iter().map(str::to_owned).collect(),
        sender: Sender::System(system.id),
        by: By { account: None, name: system.name, bureau: Some(system.bureau_code), address: caller.address.clone() },
    };
    let outcome = batch::hand_in(app, &desk, &number, &lines).await?;
    let repeated = outcome.repeated;
    Ok((outcome.into(), repeated))
}

fn ports_of(system: &PortSystem) -> Vec<&str> {
    system.ports.split(' ').filter(|p| !p.is_empty()).collect()
}

/// What became of a batch that was taken in.
pub async fn show(State(app): State<App>, caller: Caller, Path(number): Path<String>, headers: HeaderMap) -> Response {
    match find(&app, &caller, &headers, &number).await {
        Ok(answer) => json(StatusCode::OK, answer),
        Err(no) => no.into_response(),
    }
}

async fn find(app: &App, caller: &Caller, headers: &HeaderMap, number: &str) -> Result<Answer, No> {
    let system = system(app, caller, headers).await?;
    let read = app.db.read();
    let sender = Sender::System(system.id);
    let batch = port_system::find(&read, &system.bureau_code, sender, number).await?.ok_or(AppError::NotFound)?;
    let lines = port_system::decided(&read, batch.id).await?;
    Ok(Outcome { batch, lines, repeated: true }.into())
}

/// `?after=` the id of the last one that is known.
#[derive(Debug, Default, Deserialize)]
pub struct WaitingQuery {
    #[serde(default)]
    after: String,
}

#[derive(Debug, Serialize)]
struct WaitingAnswer {
    pre_write_offs: Vec<WaitingItem>,
    /// There may be more behind the last one.
    more: bool,
}

#[derive(Debug, Serialize)]
struct WaitingItem {
    pre_write_off_item: i64,
    certificate_no: String,
    ordinal: i64,
    port: String,
    customs_no: String,
    qty: String,
    hs_qty: String,
    declared_at: String,
}

impl From<Waiting> for WaitingItem {
    fn from(w: Waiting) -> Self {
        Self {
            pre_write_off_item: w.id.get(),
            certificate_no: w.number,
            ordinal: w.ordinal,
            port: w.port_code.to_string(),
            customs_no: w.customs_no,
            qty: w.qty.plain(),
            hs_qty: w.hs_qty.plain(),
            declared_at: w.declared_at.rfc3339(),
        }
    }
}

/// The 预核销 that wait at the ports of the system, in the order in which they were declared.
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<WaitingQuery>,
    headers: HeaderMap,
) -> Response {
    match waiting(&app, &caller, &headers, &query.after).await {
        Ok(answer) => json(StatusCode::OK, answer),
        Err(no) => no.into_response(),
    }
}

async fn waiting(app: &App, caller: &Caller, headers: &HeaderMap, after: &str) -> Result<WaitingAnswer, No> {
    let system = system(app, caller, headers).await?;
    let after: i64 = if after.is_empty() { Ok(0) } else { after.parse() }
        .map_err(|_| No(StatusCode::BAD_REQUEST, "after 须为预核销编号。".to_owned()))?;
    let (read, after) = (app.db.read(), PreWriteOffItemId::new(after));
    let found = port_system::waiting(&read, &system.bureau_code, &ports_of(&system), after, MOST_WAITING + 1).await?;
    let most = usize::try_from(MOST_WAITING).unwrap_or_default();
    let more = found.len() > most;
    Ok(WaitingAnswer { pre_write_offs: found.into_iter().take(most).map(WaitingItem::from).collect(), more })
}

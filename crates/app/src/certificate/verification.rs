//! 证明公开核验: what the QR code leads to. Number and check code together, or nothing is said.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::certificate::Certificate;
use domain::certificate::Standing;
use domain::number::CertificateNumber;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::page;
use kit::session::Caller;
use kit::shell::Shell;
use seal::SignedStatement;
use subtle::ConstantTimeEq as _;

use crate::frame;
use crate::parts::sheet::Sheet;

/// 证明号 and 核验码.
#[derive(Debug, serde::Deserialize)]
pub struct VerificationQuery {
    /// None = the page was only opened. (An optional text cannot tell that from an empty one.)
    #[serde(default)]
    number: Vec<String>,
    #[serde(default)]
    code: String,
    /// What the QR code of a paper holds; stands for number and code.
    #[serde(default)]
    statement: String,
}

struct Answer {
    number: String,
    standing: Standing,
    holder: String,
    bureau: String,
    valid_from: String,
    valid_to: String,
    products: usize,
}

#[derive(Template)]
#[template(path = "certificate/verification.html")]
struct VerificationPage {
    shell: Shell,
    form: FormView,
    answer: Option<Answer>,
}

/// The page, and the answer. The same sentence for an unknown number and a wrong code; too many wrong ones wait.
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<VerificationQuery>,
) -> Result<Response, AppError> {
    let mut shell = frame::public(&app, &caller, "证明公开核验");
    let mut errors = FieldErrors::default();
    let mut answer = None;
    let mut data = FormData::default();
    if !query.statement.is_empty() {
        match stated(&app, &query.statement).await? {
            Some(found) => answer = Some(found),
            None => errors.add("number", "二维码中的内容不是本系统签发的证明，请核对，或输入证明号和核验码核验"),
        }
    } else if let Some(number) = query.number.first() {
        data.set("number", number);
        data.set("code", &query.code);
        if number.trim().is_empty() {
            errors.add("number", "请填写证明号");
        }
        if query.code.trim().is_empty() {
            errors.add("code", "请填写核验码");
        }
        if !errors.is_empty() {
            // Nothing was guessed.
        } else if app.guesses.is_locked(&caller.address, app.now()) {
            errors.add("number", "核验不成功的次数过多，请 15 分钟后再试");
        } else {
            answer = look_up(&app, number, &query.code).await?;
            if answer.is_none() {
                app.guesses.note(&caller.address, app.now());
                errors.add("number", "没有与该证明号和核验码相符的证明，请核对后重新输入");
            }
        }
    }
    shell.error_title = !errors.is_empty();
    let invalid = !errors.is_empty();
    let page = VerificationPage { shell, form: FormView::new(data, errors, &caller.csrf), answer };
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}

/// Who holds a signed statement holds the paper: its key, not the check code, says that it is ours.
async fn stated(app: &App, statement: &str) -> Result<Option<Answer>, AppError> {
    let Ok(read) = SignedStatement::parse(statement) else { return Ok(None) };
    let Ok(said) = read.verify(&app.keys.certificates()?) else { return Ok(None) };
    let Some(found) = db::certificate::by_number(&app.db.read(), said.number.as_str()).await? else { return Ok(None) };
    answer(app, found).map(Some)
}

async fn look_up(app: &App, number: &str, code: &str) -> Result<Option<Answer>, AppError> {
    let Ok(number) = CertificateNumber::parse(number) else { return Ok(None) };
    let Some(found) = db::certificate::by_number(&app.db.read(), number.as_str()).await? else { return Ok(None) };
    let typed = text::half_width(code.trim()).to_ascii_uppercase();
    if !bool::from(found.check_code.as_bytes().ct_eq(typed.as_bytes())) {
        return Ok(None);
    }
    answer(app, found).map(Some)
}

fn answer(app: &App, found: Certificate) -> Result<Answer, AppError> {
    let sheet: Sheet = serde_json::from_str(&found.sheet).map_err(anyhow::Error::new)?;
    Ok(Answer {
        standing: found.facts().standing(app.now()),
        valid_from: found.valid_from.to_string(),
        valid_to: found.valid_to.to_string(),
        number: found.number,
        holder: sheet.holder,
        bureau: sheet.issuing_bureau,
        products: sheet.items.len(),
    })
}

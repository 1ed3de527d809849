//! 证明公开核验: what the QR code leads to.
//!
//! Three ways: number and 核验码 together, or nothing is said; the signed statement of the QR code, scanned or
//! photographed, which says what the paper says and, with the register, what became of it; and the certificate's PDF
//! itself, which carries the 核验码.

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::certificate::Certificate;
use domain::number::CertificateNumber;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::page;
use kit::session::Caller;
use kit::shell::Shell;
use seal::{SealError, SealReport, SignedStatement, Statement, StatementError};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::certificate::answer::{self, Answer, Told};
use crate::frame;
use crate::parts::photo::{self, Arrived};

/// Wrong codes for one certificate from wherever they come, in a quarter of an hour: somebody guesses at it.
const MOST_FOR_NUMBER: u32 = 50;
/// Files from one address in a quarter of an hour.
const MOST_FILES: u32 = 30;

/// 证明号 and 核验码.
#[derive(Debug, serde::Deserialize)]
pub struct VerificationQuery {
    /// None = the page was only opened. (An optional text cannot tell that from an empty one.)
    #[serde(default)]
    number: Vec<String>,
    #[serde(default)]
    code: String,
    /// What a QR code says.
    #[serde(default)]
    statement: String,
}

/// What was found of a file or a QR code, before the register is asked.
struct Proof {
    heading: &'static str,
    /// The name of the file.
    name: String,
    /// The word in large letters.
    word: &'static str,
    /// What it means.
    meaning: String,
    is_genuine: bool,
    /// What it says itself.
    says: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "certificate/verification.html")]
struct VerificationPage {
    shell: Shell,
    form: FormView,
    proof: Option<Proof>,
    answer: Option<Answer>,
}

/// The page, and the answer. The same sentence for an unknown number and a wrong code; too many wrong ones wait.
pub async fn show(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<VerificationQuery>,
) -> Result<Response, AppError> {
    if !query.statement.is_empty() {
        return scanned(&app, &caller, &query.statement).await;
    }
    let mut errors = FieldErrors::default();
    let mut answer = None;
    let mut data = FormData::default();
    if let Some(number) = query.number.first() {
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
            match look_up(&app, number, &query.code).await? {
                Found::It(found) => answer = Some(*found),
                Found::Waiting => {
                    errors.add("number", "该证明核验不成功的次数过多，请 15 分钟后再试，或上传证明的 PDF 文件核验");
                }
                Found::Nothing => {
                    app.guesses.note(&caller.address, app.now());
                    errors.add("number", "没有与该证明号和核验码相符的证明，请核对后重新输入");
                }
            }
        }
    }
    respond(&app, &caller, data, errors, None, answer)
}

fn respond(
    app: &App,
    caller: &Caller,
    data: FormData,
    errors: FieldErrors,
    proof: Option<Proof>,
    answer: Option<Answer>,
) -> Result<Response, AppError> {
    let mut shell = frame::public(app, caller, "证明公开核验");
    shell.error_title = !errors.is_empty();
    let is_invalid = !errors.is_empty() || proof.as_ref().is_some_and(|p| !p.is_genuine);
    let page = VerificationPage { shell, form: FormView::new(data, errors, &caller.csrf), proof, answer };
    if is_invalid { page::unprocessable(&page) } else { page::render(&page) }
}

enum Found {
    It(Box<Answer>),
    Nothing,
    /// Too many wrong codes were tried on this one.
    Waiting,
}

async fn look_up(app: &App, number: &str, code: &str) -> Result<Found, AppError> {
    let Ok(number) = CertificateNumber::parse(number) else { return Ok(Found::Nothing) };
    let Some(found) = db::certificate::by_number(&app.db.read(), number.as_str()).await? else {
        return Ok(Found::Nothing);
    };
    let tried = format!("code of {number}");
    if app.guesses.is_beyond(&tried, MOST_FOR_NUMBER, app.now()) {
        return Ok(Found::Waiting);
    }
    let typed = text::half_width(code.trim()).to_ascii_uppercase();
    if !bool::from(found.check_code.as_bytes().ct_eq(typed.as_bytes())) {
        app.guesses.note(&tried, app.now());
        return Ok(Found::Nothing);
    }
    let answer = answer::of(app, found, None, Told::HolderOfCode).await?;
    Ok(Found::It(Box::new(answer)))
}

/// What a QR code says, and what the register says of it now. Nothing is guessed here: the statement is signed.
async fn scanned(app: &App, caller: &Caller, text: &str) -> Result<Response, AppError> {
    let trusted = app.keys.certificates()?;
    let (mut data, mut says) = (FormData::default(), Vec::new());
    let (word, meaning, answer) = match SignedStatement::parse(text).and_then(|read| read.verify(&trusted).cloned()) {
        Ok(statement) => {
            data.set("number", statement.number.as_str());
            says = vec![
                ("证明号", statement.number.to_string()),
                ("版本", format!("第 {} 版", statement.version)),
                ("申请单位", statement.holder.clone()),
                ("证明有效期", format!("{} 至 {}", statement.valid_from, statement.valid_to)),
                ("附表产品", format!("{} 项", statement.products)),
            ];
            let version = i64::from(statement.version);
            if let Some(found) = of_statement(app, &statement).await? {
                let answer = answer::of(app, found, Some(version), Told::Anybody).await?;
                let meaning = "请核对纸面内容与下列内容一致。证明现在的状态见登记结果。";
                ("二维码签名有效", meaning, Some(answer))
            } else {
                let meaning = "二维码签名有效，但登记中没有这份证明，不能作为证明使用。请联系发证机关核实。";
                ("没有登记", meaning, None)
            }
        }
        Err(StatementError::Unreadable) => {
            let meaning = "二维码的内容不完整，或者不是免办证明的二维码。请重新扫描，或按证明号和核验码核验。";
            ("二维码不能识别", meaning, None)
        }
        Err(StatementError::UnknownKey | StatementError::Forged) => {
            ("签名无效", "二维码的内容不是本系统签发的，证明不可信。请联系发证机关核实。", None)
        }
    };
    let proof = Proof {
        heading: "二维码核验结果",
        name: String::new(),
        word,
        meaning: meaning.to_owned(),
        is_genuine: answer.is_some(),
        says,
    };
    respond(app, caller, data, FieldErrors::default(), Some(proof), answer)
}

/// The certificate of a statement, when the register holds that version with the same content.
async fn of_statement(app: &App, statement: &Statement) -> Result<Option<Certificate>, AppError> {
    let read = app.db.read();
    let Some(found) = db::certificate::by_number(&read, statement.number.as_str()).await? else { return Ok(None) };
    let version = i64::from(statement.version);
    let sheet = if version == found.version {
        Some(found.sheet.clone())
    } else {
        db::certificate::sheet_of(&read, found.id, version).await?
    };
    Ok(sheet.is_some_and(|sheet| Statement::digest_of(&sheet) == statement.sheet).then_some(found))
}

/// 核验文件: signature, version and standing of a certificate's PDF, or the QR code of a photograph. The file is looked at
/// and forgotten.
///
/// Who has the file has the 核验码 that is printed in it: he is told of the products, too.
pub async fn document(State(app): State<App>, caller: Caller, request: Request) -> Result<Response, AppError> {
    let now = app.now();
    let files = format!("files of {}", caller.address);
    let mut errors = FieldErrors::default();
    if app.guesses.is_beyond(&files, MOST_FILES, now) {
        errors.add("file", "上传核验的次数过多，请 15 分钟后再试");
        return respond(&app, &caller, FormData::default(), errors, None, None);
    }
    app.guesses.note(&files, now);
    let arrived = match photo::receive(&app, &caller, request, "请先选择证明的 PDF 文件或二维码照片").await?
    {
        Ok(arrived) => arrived,
        Err(why) => {
            errors.add("file", why);
            return respond(&app, &caller, FormData::default(), errors, None, None);
        }
    };
    if let Some(why) = photo::foreign_photo(&arrived.bytes) {
        errors.add("file", why);
        return respond(&app, &caller, FormData::default(), errors, None, None);
    }
    let name = arrived.name.clone();
    let (sha256, seal) = match examine(&app, arrived).await? {
        Examined::Photo(Some(text)) => return scanned(&app, &caller, &text).await,
        Examined::Photo(None) => {
            let word = "没有识别到二维码";
            let meaning =
                "请把证明上的二维码拍完整、拍清楚后重新上传（像素过高的照片请先缩小），或按证明号和核验码核验。"
                    .to_owned();
            let proof =
                Proof { heading: "照片核验结果", name, word, meaning, is_genuine: false, says: Vec::new() };
            return respond(&app, &caller, FormData::default(), errors, Some(proof), None);
        }
        Examined::Document { sha256, seal } => (sha256, seal),
    };
    let registered = db::certificate::by_paper(&app.db.read(), &sha256).await?;
    let (word, meaning) = judge(seal, registered.is_some());
    let answer = match registered {
        Some((id, version)) => {
            let found = db::certificate::get(&app.db.read(), id).await?;
            Some(answer::of(&app, found, Some(version), Told::HolderOfCode).await?)
        }
        None => None,
    };
    let is_genuine = answer.is_some();
    let proof = Proof { heading: "文件核验结果", name, word, meaning, is_genuine, says: Vec::new() };
    respond(&app, &caller, FormData::default(), errors, Some(proof), answer)
}

/// What a file turned out to be.
enum Examined {
    /// A picture, and what the QR code in it says.
    Photo(Option<String>),
    /// Anything else: its hash, and whether a signature of ours holds.
    Document { sha256: String, seal: Result<SealReport, SealError> },
}

/// Hash and signature, or the QR code; off the async threads and never more at once than there are cores.
async fn examine(app: &App, arrived: Arrived) -> Result<Examined, AppError> {
    let trusted = app.keys.certificates()?;
    let permit = app.cores.clone().acquire_owned().await.map_err(anyhow::Error::new)?;
    let examined = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let bytes = &arrived.bytes;
        if photo::is_picture(bytes) {
            return Examined::Photo(photo::code_in(bytes, |text| SignedStatement::parse(text).is_ok()).ok());
        }
        let sha256 = hex::encode(Sha256::digest(bytes));
        Examined::Document { sha256, seal: seal::verify_pdf(bytes, &trusted) }
    });
    match examined.await {
        Ok(examined) => Ok(examined),
        // Whatever a broken file does to its reader, the user learns that it is the file.
        Err(error) if error.is_panic() => {
            tracing::warn!(%error, "a file for verification could not be read");
            Ok(Examined::Document { sha256: String::new(), seal: Err(SealError::NotPdf) })
        }
        Err(error) => Err(anyhow::Error::new(error).context("looking at a file for verification").into()),
    }
}

/// The word for a file, and what it means.
fn judge(seal: Result<SealReport, SealError>, is_registered: bool) -> (&'static str, String) {
    match (seal, is_registered) {
        (Ok(report), true) => (
            "电子签名有效",
            format!("文件与发出时完全一致，由{}于 {} 签名。证明现在的状态见下。", report.name, report.at.china()),
        ),
        (Err(_), true) => ("与登记一致", "文件与本系统发出的证明完全一致。证明现在的状态见下。".to_owned()),
        (Ok(_), false) => (
            "没有登记",
            "文件带有本系统的电子签名，但登记中没有这份证明，不能作为证明使用。请联系发证机关核实。".to_owned(),
        ),
        (Err(SealError::NotPdf), false) => (
            "不能识别的文件",
            "请上传从系统下载的证明 PDF 原文件，或者拍有证明二维码的照片（JPG、PNG）。".to_owned(),
        ),
        (Err(SealError::Unsigned | SealError::UnknownKey), false) => (
            "不是本系统的证明",
            "文件没有本系统的电子签名。另存、打印成 PDF 或扫描得到的文件也没有电子签名，请按证明号和核验码核验。"
                .to_owned(),
        ),
        (
            Err(
                SealError::NotWhole
                | SealError::Altered
                | SealError::Forged
                | SealError::NotValidThen
                | SealError::Damaged(_),
            ),
            false,
        ) => (
            "签名无效",
            "文件在签名后被改动过，或者签名是伪造的，内容不可信。请要求持证企业出示从系统下载的原文件，并联系发证机关核实。"
                .to_owned(),
        ),
    }
}

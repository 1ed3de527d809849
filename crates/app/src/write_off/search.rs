//! 全国证明查询 of 核销岗: any issued certificate of the country, by 证明号, 申请单位, HS 编码, 产品名称, or by its QR code,
//! which a hand scanner types or a telephone photographs (R-2.8-17, D5).

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::search::{Field, LineField, Total};
use domain::certificate::{CertificateFacts, CertificateState, Standing, Validity};
use domain::ids::{BureauCode, CertificateId};
use domain::number::CertificateNumber;
use domain::policy::Scope;
use domain::text;
use domain::time::Day;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::BureauOfficer;
use kit::shell::Shell;
use seal::SignedStatement;

use crate::frame::{self, Entry};
use crate::parts::photo::{self, NoCode};
use crate::write_off::must_write_off;

/// 证明号 has this many digits (D25).
const NUMBER_DIGITS: usize = 17;
/// Photographs of one account in a quarter of an hour.
const MOST_PHOTOS: u32 = 120;

/// What is looked for.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    number: String,
    #[serde(default)]
    holder: String,
    #[serde(default)]
    hs_code: String,
    #[serde(default)]
    product_name: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

#[derive(db::Row)]
struct Columns {
    certificate_id: CertificateId,
    certificate_no: String,
    applicant_name: String,
    bureau_code: BureauCode,
    state: CertificateState,
    valid_from: Day,
    valid_to: Day,
    version: i64,
    lines: i64,
    open_lines: i64,
    written_lines: i64,
    pending_lines: i64,
}

const COLUMNS: &str = "c.id AS certificate_id, a.certificate_no, a.applicant_name, c.bureau_code, c.state, c.valid_from, \
                       c.valid_to, c.version, c.lines, c.open_lines, c.written_lines, c.pending_lines";

struct RowView {
    id: CertificateId,
    number: String,
    holder: String,
    bureau: String,
    validity: String,
    standing: Standing,
    facts: CertificateFacts,
    version: i64,
}

#[derive(Template)]
#[template(path = "write_off/search.html")]
struct SearchPage {
    shell: Shell,
    form: FormView,
    rows: Vec<RowView>,
    pager: Pager,
    is_asked: bool,
    /// A scanned code was read as this 证明号.
    scanned: Option<String>,
    /// It is the QR code of a certificate, and not signed by this system.
    is_forged: bool,
    /// The QR code is that of this version, and another one holds.
    replaced: Option<(u16, i64)>,
}

/// What stands in the field of 证明号.
enum Typed {
    /// The number of a certificate, also in the address of 证明公开核验.
    Number(CertificateNumber),
    /// The same in a signed statement, with the version of the paper.
    Paper(CertificateNumber, u16),
    /// A statement that none of our keys signed, or not in this form.
    Forged,
    /// Part of a number.
    Part,
}

/// Whether it has the form of what our QR codes say.
fn is_ours(text: &str) -> bool {
    SignedStatement::parse(text).is_ok() || text.to_ascii_uppercase().contains("/V/")
}

/// Reads what somebody or his scanner typed.
fn read(app: &App, typed: &str) -> Result<Typed, AppError> {
    let typed = text::half_width(typed);
    if let Ok(statement) = SignedStatement::parse(&typed) {
        let trusted = app.keys.certificates()?;
        return Ok(match statement.verify(&trusted) {
            Ok(said) => Typed::Paper(said.number.clone(), said.version),
            Err(_) => Typed::Forged,
        });
    }
    if is_ours(&typed) {
        // The address of a QR code, and what stands in it was changed or is not whole.
        return Ok(Typed::Forged);
    }
    let runs = typed.split(|c: char| !c.is_ascii_digit());
    let number = runs.filter(|run| run.len() == NUMBER_DIGITS).find_map(|run| CertificateNumber::parse(run).ok());
    Ok(number.map_or(Typed::Part, Typed::Number))
}

/// The page; nothing is listed before something is asked.
pub async fn list(
    State(app): State<App>,
    user: BureauOfficer,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let pairs = [
        ("number", filters.number.as_str()),
        ("holder", filters.holder.as_str()),
        ("hs_code", filters.hs_code.as_str()),
        ("product_name", filters.product_name.as_str()),
    ];
    let is_asked = pairs.iter().any(|(_, v)| !v.trim().is_empty());
    let typed = read(&app, &filters.number)?;
    let number = match &typed {
        Typed::Number(number) | Typed::Paper(number, _) => number.as_str(),
        Typed::Forged | Typed::Part => filters.number.as_str(),
    };
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), ..PageQuery::default() };
    let is_forged = matches!(typed, Typed::Forged);
    let (rows, pager) = if is_asked && !is_forged {
        find(&app, &filters, number, &query, &pairs).await?
    } else {
        (Vec::new(), Pager::new(&query, 0, "/write-off/search", &pairs))
    };
    let replaced = match (&typed, rows.first()) {
        (Typed::Paper(_, shown), Some(row)) if i64::from(*shown) != row.version => Some((*shown, row.version)),
        _ => None,
    };
    // A scanned code is shown as the number that it says.
    let scanned = matches!(typed, Typed::Number(_) | Typed::Paper(..)) && number != filters.number.trim();
    let shown = pairs.iter().map(|(k, v)| if scanned && *k == "number" { (*k, number) } else { (*k, *v) });
    let data = FormData::from_pairs(shown.map(|(k, v)| (k.to_owned(), v.to_owned())).collect());
    let view = View { rows, pager, is_asked, scanned: scanned.then(|| number.to_owned()), is_forged, replaced };
    page::render(&build(&app, &user, data, FieldErrors::default(), view).await?)
}

/// What the page shows beside its form.
struct View {
    rows: Vec<RowView>,
    pager: Pager,
    is_asked: bool,
    scanned: Option<String>,
    is_forged: bool,
    replaced: Option<(u16, i64)>,
}

async fn build(
    app: &App,
    user: &BureauOfficer,
    data: FormData,
    errors: FieldErrors,
    view: View,
) -> Result<SearchPage, AppError> {
    let View { rows, pager, is_asked, scanned, is_forged, replaced } = view;
    let mut shell = frame::signed(app, user, "证明查询", Entry::WriteOffSearch, &[]).await?;
    shell.error_title = !errors.is_empty();
    let form = FormView::new(data, errors, &user.caller.csrf);
    Ok(SearchPage { shell, form, rows, pager, is_asked, scanned, is_forged, replaced })
}

/// 识别二维码: a photograph of the code is as good as scanning it. The picture is looked at and forgotten.
pub async fn photo(State(app): State<App>, user: BureauOfficer, request: Request) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let photos = format!("photos of account {}", user.user.account);
    let refused = if app.guesses.is_beyond(&photos, MOST_PHOTOS, app.now()) {
        "上传照片的次数过多，请 15 分钟后再试，或输入证明号查询"
    } else {
        app.guesses.note(&photos, app.now());
        match photo::receive(&app, &user.caller, request, "请先拍摄或选择证明二维码的照片").await? {
            Ok(arrived) => match code_of(&app, arrived).await? {
                Ok(text) => {
                    let query =
                        url::form_urlencoded::Serializer::new(String::new()).append_pair("number", &text).finish();
                    return Ok(page::see_other(&format!("/write-off/search?{query}")));
                }
                Err(why) => why,
            },
            Err(why) => why,
        }
    };
    let mut errors = FieldErrors::default();
    errors.add("file", refused);
    let pager = Pager::new(&PageQuery::default(), 0, "/write-off/search", &[]);
    let view = View { rows: Vec::new(), pager, is_asked: false, scanned: None, is_forged: false, replaced: None };
    page::unprocessable(&build(&app, &user, FormData::default(), errors, view).await?)
}

/// What the QR code of a certificate in a photograph says, or why there is nothing; off the async threads and never more
/// at once than there are cores.
async fn code_of(app: &App, arrived: photo::Arrived) -> Result<Result<String, &'static str>, AppError> {
    let permit = app.cores.clone().acquire_owned().await.map_err(anyhow::Error::new)?;
    let looked = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        if let Some(why) = photo::foreign_photo(&arrived.bytes) {
            return Err(why);
        }
        if !photo::is_picture(&arrived.bytes) {
            return Err("上传的文件不是照片，请拍摄证明上的二维码，或选择 JPG、PNG 照片");
        }
        photo::code_in(&arrived.bytes, is_ours).map_err(|why| match why {
            NoCode::Nothing => "照片中没有识别到二维码，请把二维码拍完整、拍清楚后重新上传，或输入证明号查询",
            NoCode::Foreign => "照片中的二维码不是免办证明的二维码，请拍摄证明上的二维码，或输入证明号查询",
        })
    });
    match looked.await {
        Ok(found) => Ok(found),
        // Whatever a broken picture does to its reader, the user learns that it is the picture.
        Err(error) if error.is_panic() => {
            tracing::warn!(%error, "a photograph could not be read");
            Ok(Err("照片无法读取，可能已损坏，请重新拍摄"))
        }
        Err(error) => Err(anyhow::Error::new(error).context("looking at a photograph").into()),
    }
}

async fn find(
    app: &App,
    filters: &Filters,
    number: &str,
    query: &PageQuery,
    pairs: &[(&str, &str)],
) -> Result<(Vec<RowView>, Pager), AppError> {
    let now = app.now();
    let read = app.db.read();
    let texts = [(Field::CertificateNo, number), (Field::Applicant, filters.holder.as_str())];
    let of_line =
        [(LineField::HsCode, filters.hs_code.as_str()), (LineField::ProductName, filters.product_name.as_str())];
    let listed = db::scope::listed(&Scope::All, now).holding(read, &texts, &of_line).await?;
    let listed = listed.in_states(&[S::Issued]);
    let Total { rows: total, more } = listed.total(read, false).await?;
    let pager = Pager::new(query, total, "/write-off/search", pairs).or_more(more);
    // Two texts that many bear, and none both, are not looked for a second time.
    let found: Vec<Columns> =
        if total == 0 { Vec::new() } else { listed.page(read, COLUMNS, pager.limit(), pager.offset()).await? };
    let references = app.references.now();
    let rows = found
        .into_iter()
        .map(|c| {
            let validity = Validity { from: c.valid_from, to: c.valid_to };
            let facts = CertificateFacts {
                state: c.state,
                validity,
                lines: c.lines,
                open_lines: c.open_lines,
                written_lines: c.written_lines,
                pending_lines: c.pending_lines,
                // The state of the row says enough here: no link depends on it.
                amendment: None,
            };
            RowView {
                id: c.certificate_id,
                number: c.certificate_no,
                holder: c.applicant_name,
                bureau: references.bureau(&c.bureau_code).map(|b| b.short_name.clone()).unwrap_or_default(),
                validity: format!("{} 至 {}", c.valid_from, c.valid_to),
                standing: facts.standing(now),
                facts,
                version: c.version,
            }
        })
        .collect();
    Ok((rows, pager))
}

//! 导入核销: a file of write-offs, what would become of each line, and then what became of it (D1, D11, D12).

use std::collections::HashMap;

use askama::Template;
use axum::extract::{FromRequest as _, Multipart, Path, Request, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::port_system::{self, Sender};
use domain::ids::AccountId;
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::paging::{PageQuery, Pager};
use kit::session::{BureauOfficer, Submitted, check_token};
use kit::shell::Shell;
use kit::upload::{FILE_LIMIT_BYTES, UploadError, piece_by_piece, store_stream};
use kit::{page, random};
use object_store::ObjectStoreExt as _;
use uuid::Uuid;

use crate::frame::{self, Entry};
use crate::parts::files::{self, announce};
use crate::parts::spreadsheet::{self, Cell, Head, Most, Row, Value};
use crate::write_off::batch::{self, Desk, Line, MOST_LINES};
use crate::write_off::forecast::forecast;
use crate::write_off::{done, must_write_off};

/// So many mistakes of a file are shown; the rest after these are mended.
const SHOWN: usize = 200;

/// A column of the file.
pub struct Column {
    /// Its title.
    pub title: &'static str,
    /// Whether it must be filled in.
    pub is_required: bool,
    /// How to fill it in.
    help: &'static str,
    /// An example.
    example: &'static str,
}

const fn column(title: &'static str, is_required: bool, help: &'static str, example: &'static str) -> Column {
    Column { title, is_required, help, example }
}

/// The columns, in the order of the template and of a line.
pub const COLUMNS: [Column; 8] = [
    column("证明号", true, "证明上的 17 位数字", "31000020260000015"),
    column("产品序号", true, "产品在证明附表中的序号", "1"),
    column("数量/重量", false, "本次核销数量，单位与证明附表相同，最多 5 位小数；两种数量至少填写一种", "100"),
    column("HS 标准量", false, "本次核销的 HS 标准量，单位与证明附表相同，最多 5 位小数", "80"),
    column("口岸代码", true, "本局口岸的代码，可从列表选择", "2202"),
    column("报关单号", false, "18 位数字，有则填写", "220220261000000015"),
    column("预核销编号", false, "确认预核销时填写，编号见“办理预核销”页面；不填为直接核销", "36"),
    column("说明", false, "2 至 500 字；证明已过有效期，或核销后有尾差时必填", "部分到货"),
];

/// Columns of a result that is mended and handed in again.
const IGNORED: [&str; 3] = ["次序", "结果", "原因"];

impl Line {
    /// What stands in the columns.
    pub fn cells(&self) -> [&str; 8] {
        [
            &self.certificate_no,
            &self.ordinal,
            &self.qty,
            &self.hs_qty,
            &self.port,
            &self.customs_no,
            &self.pre_write_off_item,
            &self.note,
        ]
    }

    fn of_cells(cells: [String; 8]) -> Self {
        let [certificate_no, ordinal, qty, hs_qty, port, customs_no, pre_write_off_item, note] = cells;
        Self { certificate_no, ordinal, qty, hs_qty, port, customs_no, pre_write_off_item, note }
    }
}

/// The heads of the columns, with the ports of a bureau to choose from.
pub fn heads(app: &App, officer: Option<&BureauOfficer>) -> Vec<Head> {
    let references = app.references.now();
    let today = app.clock.today();
    let mut ports = Vec::new();
    if let Some(officer) = officer {
        let own = references.ports.iter().filter(|p| !p.parent.as_str().is_empty() && p.bureau == officer.user.bureau);
        let open = own.filter(|p| references.port_holds(p.code.as_str(), today));
        ports.extend(open.map(|p| format!("{}（{}）", p.name, p.code)));
    }
    let head = |c: &Column| Head {
        title: format!("{}{}", c.title, if c.is_required { "*" } else { "" }),
        is_required: c.is_required,
        is_text: true,
        choices: if c.title == "口岸代码" { ports.clone() } else { Vec::new() },
    };
    COLUMNS.iter().map(head).collect()
}

/// The desk at which an officer hands in.
fn desk(user: &BureauOfficer) -> Desk {
    let (bureau, sender) = (user.user.bureau.clone(), Sender::Officer(user.user.account));
    Desk { bureau, ports: Vec::new(), sender, by: user.by() }
}

#[derive(Template)]
#[template(path = "write_off/import.html")]
struct ImportPage {
    shell: Shell,
    form: FormView,
    /// The name of a file that was refused, and what is wrong with it.
    file: String,
    faults: Vec<String>,
    columns: &'static [Column],
    most: usize,
    most_number: usize,
}

/// The page.
pub async fn show(State(app): State<App>, user: BureauOfficer) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let form = FormView::new(FormData::default(), FieldErrors::default(), &user.caller.csrf);
    page::render(&build(&app, &user, form, String::new(), Vec::new()).await?)
}

async fn build(
    app: &App,
    user: &BureauOfficer,
    form: FormView,
    file: String,
    faults: Vec<String>,
) -> Result<ImportPage, AppError> {
    let crumbs = [("批量核销", "/write-off/batches")];
    let mut shell = frame::signed(app, user, "导入核销", Entry::WriteOffBatches, &crumbs).await?;
    shell.error_title = !form.errors.is_empty() || !faults.is_empty();
    Ok(ImportPage { shell, form, file, faults, columns: &COLUMNS, most: MOST_LINES, most_number: batch::MOST_NUMBER })
}

/// `?format=` of the template.
#[derive(Debug, Default, serde::Deserialize)]
pub struct TemplateQuery {
    #[serde(default)]
    format: String,
}

/// 下载模板.
pub async fn template(
    State(app): State<App>,
    user: BureauOfficer,
    Query(query): Query<TemplateQuery>,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let words = |all: [&str; 4]| all.map(str::to_owned).to_vec();
    let mut guide = vec![words(["栏目", "是否必填", "填写要求", "示例"])];
    let need = |c: &Column| if c.is_required { "必填" } else { "选填" };
    guide.extend(COLUMNS.iter().map(|c| words([c.title, need(c), c.help, c.example])));
    let notes = [
        "从第 2 行起填写，每行核销一个产品；请不要修改第 1 行的标题，带 * 的红色栏目必填。".to_owned(),
        format!("一个文件最多 {MOST_LINES} 行，不超过 5M。每行单独办理：不能核销的行说明原因，不影响其他行。"),
    ];
    guide.extend(notes.into_iter().map(|note| vec![note]));
    files::table(&app, &query.format, "核销导入模板", heads(&app, Some(&user)), Vec::<Vec<Value>>::new(), guide).await
}

fn incomplete() -> AppError {
    AppError::Invalid("没有收到完整的文件，请返回导入核销页面重试。".to_owned())
}

/// What arrived.
#[derive(Default)]
struct Arrived {
    number: String,
    name: String,
    key: Option<Uuid>,
    refused: Option<String>,
}

/// A file belongs to who sent it.
fn object_key(account: AccountId, key: Uuid) -> String {
    format!("write-off-imports/{account}/{key}")
}

async fn receive(app: &App, user: &BureauOfficer, request: Request) -> Result<Arrived, AppError> {
    let headers = request.headers();
    let mut token = headers.get("x-csrf-token").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let mut arrived = Arrived::default();
    let mut body = Multipart::from_request(request.map(piece_by_piece), app).await.map_err(|_| incomplete())?;
    while let Some(field) = body.next_field().await.map_err(|_| incomplete())? {
        match field.name().unwrap_or_default() {
            "csrf" => token = field.text().await.map_err(|_| incomplete())?,
            "number" => arrived.number = field.text().await.map_err(|_| incomplete())?,
            "file" if arrived.key.is_none() && arrived.refused.is_none() => {
                check_token(Some(&user.caller), &token)?;
                arrived.name = files::file_name(field.file_name().unwrap_or_default());
                if arrived.name.is_empty() {
                    continue;
                }
                let key = Uuid::from_bytes(random::bytes());
                let object_key = object_key(user.user.account, key);
                // Announced and never taken: the sweep removes the file after an hour, whatever becomes of it.
                announce(app, &object_key).await?;
                let part = app.config.upload_part_bytes;
                match store_stream(app.files.as_ref(), &object_key, field, FILE_LIMIT_BYTES, part).await {
                    Ok(_) => arrived.key = Some(key),
                    Err(UploadError::Broken(error)) => {
                        tracing::warn!(error = format!("{error:#}"), "an upload broke off");
                        return Err(incomplete());
                    }
                    Err(why) => arrived.refused = Some(why.to_string()),
                }
            }
            _ => {}
        }
    }
    check_token(Some(&user.caller), &token)?;
    Ok(arrived)
}

/// 上传并检查: leads to what would become of each line; a batch that was handed in before, to what became of it.
pub async fn upload(State(app): State<App>, user: BureauOfficer, request: Request) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let arrived = receive(&app, &user, request).await?;
    let mut errors = FieldErrors::default();
    let number = arrived.number.trim();
    let number = if number.is_empty() { Ok(String::new()) } else { batch::number(number) };
    let number = number.unwrap_or_else(|why| {
        errors.add("number", why);
        String::new()
    });
    let Some(key) = arrived.key else {
        errors.add("file", arrived.refused.unwrap_or_else(|| "请先选择要导入的 XLSX 或 CSV 文件".to_owned()));
        return again(&app, &user, &arrived.number, errors, String::new(), Vec::new()).await;
    };
    let lines = match read(&app, &user, key).await? {
        Ok(lines) => lines,
        Err(faults) => return again(&app, &user, &arrived.number, errors, arrived.name, faults).await,
    };
    if !errors.is_empty() {
        return again(&app, &user, &arrived.number, errors, String::new(), Vec::new()).await;
    }
    let number = if number.is_empty() { number_of(&lines)? } else { number };
    match standing(&app, &user, &number, &lines).await? {
        Standing::New | Standing::Broken(_) => {}
        Standing::Done(url) => return Ok(done(&app, &url, FIRST_RESULT)),
        Standing::Other(why) => {
            errors.add("number", batch::without_stop(&why));
            return again(&app, &user, &arrived.number, errors, String::new(), Vec::new()).await;
        }
    }
    Ok(page::see_other(&address(key, &number, &arrived.name)))
}

const FIRST_RESULT: &str = "该批次已经办理过，没有再次核销。以下是当时的结果。";

/// A blank 批次号 is made from the content: the same file again is the same batch.
fn number_of(lines: &[Line]) -> Result<String, AppError> {
    let digest = batch::digest(lines)?;
    Ok(format!("F-{}", digest.get(..16).unwrap_or(&digest)))
}

fn address(key: Uuid, number: &str, file: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("number", number).append_pair("file", file);
    format!("/write-off/import/{key}?{}", query.finish())
}

/// The page once more, with what is wrong.
async fn again(
    app: &App,
    user: &BureauOfficer,
    number: &str,
    errors: FieldErrors,
    file: String,
    faults: Vec<String>,
) -> Result<Response, AppError> {
    let mut data = FormData::default();
    data.set("number", number);
    let form = FormView::new(data, errors, &user.caller.csrf);
    page::unprocessable(&build(app, user, form, file, faults).await?)
}

/// How a number stands among the batches of the bureau's officers.
enum Standing {
    /// Nobody used it.
    New,
    /// This content was handed in and broke off behind so many lines.
    Broken(i64),
    /// This content was handed in: there is its result.
    Done(String),
    /// Another content was.
    Other(String),
}

async fn standing(app: &App, user: &BureauOfficer, number: &str, lines: &[Line]) -> Result<Standing, AppError> {
    let read = app.db.read();
    let sender = Sender::Officer(user.user.account);
    let Some(found) = port_system::find(&read, &user.user.bureau, sender, number).await? else {
        return Ok(Standing::New);
    };
    if found.digest != batch::digest(lines)? {
        return Ok(Standing::Other(port_system::used_for_another(&found)));
    }
    let (accepted, rejected) = port_system::tally(&read, found.id).await?;
    let so_far = accepted + rejected;
    Ok(if so_far < found.lines {
        Standing::Broken(so_far)
    } else {
        Standing::Done(format!("/write-off/batches/{}", found.id))
    })
}

/// Reads a file that waits: its lines, or what is wrong with it.
async fn read(app: &App, user: &BureauOfficer, key: Uuid) -> Result<Result<Vec<Line>, Vec<String>>, AppError> {
    let path = object_store::path::Path::from(object_key(user.user.account, key));
    let content = match app.files.get(&path).await {
        Ok(found) => found.bytes().await.map_err(|e| anyhow::Error::new(e).context("reading a file of write-offs"))?,
        Err(object_store::Error::NotFound { .. }) => {
            return Err(AppError::Conflict(
                "上传的文件已超过一小时，没有核销，请返回导入核销页面重新上传。".to_owned(),
            ));
        }
        Err(error) => return Err(anyhow::Error::new(error).context("opening a file of write-offs").into()),
    };
    let permit = app.cores.clone().acquire_owned().await.map_err(anyhow::Error::new)?;
    let judged = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let why = format!("文件超过 {MOST_LINES} 行，请分成几个文件上传");
        let rows = spreadsheet::read_most(&content, &Most { rows: MOST_LINES, why }).map_err(|why| vec![why])?;
        lines_of(&rows)
    });
    match judged.await {
        Ok(judged) => Ok(judged),
        // Whatever a broken file does to its reader, the user learns that it is the file.
        Err(error) if error.is_panic() => {
            tracing::warn!(%error, "a file of write-offs could not be read");
            Ok(Err(vec!["文件无法读取，可能已损坏，请在 Excel 中打开并重新保存后再上传".to_owned()]))
        }
        Err(error) => Err(anyhow::Error::new(error).into()),
    }
}

/// A title without its star, as it is compared.
fn folded(title: &str) -> String {
    text::fold(title).trim_end_matches('*').to_owned()
}

/// The lines of a file by the titles of its columns. A cell that cannot be read refuses the file: nothing is guessed.
fn lines_of(rows: &[Row]) -> Result<Vec<Line>, Vec<String>> {
    let Some((head, rows)) = rows.split_first() else { return Err(vec!["文件中没有内容".to_owned()]) };
    let mut faults = Vec::new();
    let mut places: HashMap<usize, usize> = HashMap::new();
    for (at, cell) in head.cells.iter().enumerate() {
        let Cell::Text(title) = cell else {
            faults.push(format!("第 {} 列的标题无法识别，请使用模板", at + 1));
            continue;
        };
        let title = folded(title);
        if title.is_empty() || IGNORED.iter().any(|i| folded(i) == title) {
            continue;
        }
        match COLUMNS.iter().position(|c| folded(c.title) == title) {
            None => faults.push(format!("第 {} 列的标题“{title}”不是模板中的栏目", at + 1)),
            Some(column) if places.contains_key(&column) => {
                faults.push(format!("栏目“{}”出现了两次", COLUMNS[column].title));
            }
            Some(column) => {
                places.insert(column, at);
            }
        }
    }
    let missing = COLUMNS.iter().enumerate().filter(|(n, c)| c.is_required && !places.contains_key(n));
    faults.extend(missing.map(|(_, c)| format!("缺少栏目“{}”，请使用模板", c.title)));
    if rows.is_empty() {
        faults.push("文件中只有标题，没有要核销的产品，请从第 2 行起填写".to_owned());
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let mut cells: [String; 8] = Default::default();
        for (n, column) in COLUMNS.iter().enumerate() {
            match places.get(&n).and_then(|at| row.cells.get(*at)) {
                Some(Cell::Text(text)) => text.trim().clone_into(&mut cells[n]),
                Some(Cell::Unreadable(why)) => faults.push(format!("第 {} 行「{}」：{why}", row.number, column.title)),
                None => {}
            }
        }
        lines.push(Line::of_cells(cells));
    }
    let more = faults.len().saturating_sub(SHOWN);
    faults.truncate(SHOWN);
    if more > 0 {
        faults.push(format!("其余 {more} 处在修改后重新上传时列出"));
    }
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}

/// What the address of the preview says.
#[derive(Debug, Default, serde::Deserialize)]
pub struct PreviewQuery {
    #[serde(default)]
    number: String,
    #[serde(default)]
    file: String,
    /// `rejected` = only those.
    #[serde(default)]
    only: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
}

struct PreviewRow {
    ordinal: usize,
    line: Line,
    reason: Option<String>,
}

#[derive(Template)]
#[template(path = "write_off/import_preview.html")]
struct PreviewPage {
    shell: Shell,
    form: FormView,
    action: String,
    number: String,
    file: String,
    total: usize,
    accepted: usize,
    rejected: usize,
    is_filtered: bool,
    all: String,
    only: String,
    rows: Vec<PreviewRow>,
    pager: Pager,
    /// So many lines were done before it broke off.
    broken: Option<i64>,
}

/// What would become of each line; nothing is written.
pub async fn preview(
    State(app): State<App>,
    user: BureauOfficer,
    Path(key): Path<Uuid>,
    Query(query): Query<PreviewQuery>,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let number = batch::number(&query.number).map_err(|why| AppError::Invalid(format!("{why}。")))?;
    let lines = read(&app, &user, key).await?;
    let lines = lines.map_err(|faults| AppError::Conflict(format!("{}。没有核销。", faults.join("；"))))?;
    let broken = match standing(&app, &user, &number, &lines).await? {
        Standing::New => None,
        Standing::Broken(n) => Some(n),
        Standing::Done(url) => return Ok(done(&app, &url, FIRST_RESULT)),
        Standing::Other(why) => return Err(AppError::Conflict(why)),
    };
    let verdicts = forecast(&app, &desk(&user), &lines).await?;
    let total = lines.len();
    let rejected = verdicts.iter().filter(|v| v.is_some()).count();
    let is_filtered = query.only == "rejected";
    let shown = lines.into_iter().zip(verdicts).enumerate().filter(|(_, (_, why))| !is_filtered || why.is_some());
    let count = if is_filtered { rejected } else { total };
    let path = format!("/write-off/import/{key}");
    let filters = [("number", number.as_str()), ("file", query.file.as_str()), ("only", query.only.as_str())];
    let asked = PageQuery { page: query.page.clone(), size: query.size.clone() };
    let pager = Pager::new(&asked, i64::try_from(count).unwrap_or(i64::MAX), &path, &filters);
    let at = |n: i64| usize::try_from(n).unwrap_or_default();
    let rows = shown
        .skip(at(pager.offset()))
        .take(at(pager.limit()))
        .map(|(n, (line, reason))| PreviewRow { ordinal: n + 1, line, reason })
        .collect();
    let all = address(key, &number, &query.file);
    let crumbs = [("批量核销", "/write-off/batches"), ("导入核销", "/write-off/import")];
    page::render(&PreviewPage {
        shell: frame::signed(&app, &user, "核对导入内容", Entry::WriteOffBatches, &crumbs).await?,
        form: FormView::new(FormData::default(), FieldErrors::default(), &user.caller.csrf),
        action: path,
        only: format!("{all}&only=rejected"),
        all,
        number,
        file: query.file,
        total,
        accepted: total - rejected,
        rejected,
        is_filtered,
        rows,
        pager,
        broken,
    })
}

/// 确认核销: hands the file in that waits.
pub async fn create(
    State(app): State<App>,
    user: BureauOfficer,
    Path(key): Path<Uuid>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let number = batch::number(form.get("number")).map_err(|why| AppError::Invalid(format!("{why}。")))?;
    let lines = read(&app, &user, key).await?;
    let lines = lines.map_err(|faults| AppError::Conflict(format!("{}。没有核销。", faults.join("；"))))?;
    let outcome = batch::hand_in(&app, &desk(&user), &number, &lines).await?;
    let url = format!("/write-off/batches/{}", outcome.batch.id);
    let rejected = outcome.lines.iter().filter(|l| l.reason.is_some()).count();
    let accepted = outcome.lines.len() - rejected;
    let said = if outcome.repeated {
        FIRST_RESULT.to_owned()
    } else if rejected > 0 {
        format!("已核销 {accepted} 行，{rejected} 行没有核销，原因见下。")
    } else {
        format!("已核销 {accepted} 行。")
    };
    Ok(done(&app, &url, &said))
}

//! 导入核销: a file of write-offs, what would become of each line, and then what became of it (D1, D11, D12).

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::port_system::{self, Sender};
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use uuid::Uuid;

use crate::frame::{self, Entry};
use crate::parts::files::{self, Judgement};
use crate::parts::spreadsheet::{Asked, Cell, Head, Most, Row, Seen, Value};
use crate::parts::table_notes::TableNotes;
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
    /// What it takes of a cell.
    takes: fn(&Cell) -> Result<String, String>,
    /// How to fill it in.
    help: &'static str,
    /// An example.
    example: &'static str,
}

const fn column(title: &'static str, is_required: bool, help: &'static str, example: &'static str) -> Column {
    Column { title, is_required, takes: Cell::line, help, example }
}

const fn number(title: &'static str, is_required: bool, help: &'static str, example: &'static str) -> Column {
    Column { title, is_required, takes: Cell::number, help, example }
}

/// The columns, in the order of the template and of a line.
pub const COLUMNS: [Column; 8] = [
    column("证明号", true, "证明上的 17 位数字", "31000020260000015"),
    number("产品序号", true, "产品在证明附表中的序号", "1"),
    number("数量/重量", false, "本次核销数量，单位与证明附表相同，最多 5 位小数；两种数量至少填写一种", "100"),
    number("HS 标准量", false, "本次核销的 HS 标准量，单位与证明附表相同，最多 5 位小数", "80"),
    column("口岸代码", true, "本局口岸的代码，可从列表选择", "2202"),
    column("报关单号", false, "18 位数字，有则填写", "220220261000000015"),
    number("预核销编号", false, "确认预核销时填写，编号见“办理预核销”页面；不填为直接核销", "36"),
    Column {
        takes: Cell::text,
        ..column("说明", false, "2 至 500 字；证明已过有效期，或核销后有尾差时必填", "部分到货")
    },
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
    /// Where a refused file can be read with another choice, and what was read of it.
    again: Option<(String, TableNotes)>,
    columns: &'static [Column],
    most: usize,
    most_number: usize,
}

/// The page.
pub async fn show(State(app): State<App>, user: BureauOfficer) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let form = FormView::new(FormData::default(), FieldErrors::default(), &user.caller.csrf);
    page::render(&build(&app, &user, form, Refused::default()).await?)
}

/// A file that was refused as a whole.
#[derive(Default)]
struct Refused {
    file: String,
    faults: Vec<String>,
    again: Option<(String, TableNotes)>,
}

async fn build(app: &App, user: &BureauOfficer, form: FormView, refused: Refused) -> Result<ImportPage, AppError> {
    let Refused { file, faults, again } = refused;
    let crumbs = [("批量核销", "/write-off/batches")];
    let mut shell = frame::signed(app, user, "导入核销", Entry::WriteOffBatches, &crumbs).await?;
    shell.error_title = !form.errors.is_empty() || !faults.is_empty();
    let (columns, most, most_number) = (&COLUMNS, MOST_LINES, batch::MOST_NUMBER);
    Ok(ImportPage { shell, form, file, faults, again, columns, most, most_number })
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
        "证明号、报关单号保持“文本”格式：超过 15 位的数字存成数字格式会丢失末尾的位数，系统会指出并拒绝。".to_owned(),
        "隐藏或被筛选掉的行和列不读取，确认前会列出；请不要合并单元格。".to_owned(),
    ];
    guide.extend(notes.into_iter().map(|note| vec![note]));
    files::table(&app, &query.format, "核销导入模板", heads(&app, Some(&user)), Vec::<Vec<Value>>::new(), guide).await
}

/// A file belongs to who sent it.
fn folder(user: &BureauOfficer) -> String {
    format!("write-off-imports/{}", user.user.account)
}

/// 上传并检查: leads to what would become of each line; a batch that was handed in before, to what became of it.
pub async fn upload(State(app): State<App>, user: BureauOfficer, request: Request) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let arrived = files::receive_table(&app, &user.caller, &folder(&user), request).await?;
    let typed = arrived.fields.get("number").to_owned();
    let mut errors = FieldErrors::default();
    let number = typed.trim();
    let number = if number.is_empty() { Ok(String::new()) } else { batch::number(number) };
    let number = number.unwrap_or_else(|why| {
        errors.add("number", why);
        String::new()
    });
    let Some(key) = arrived.key else {
        errors.add("file", arrived.refused.unwrap_or_else(|| "请先选择要导入的 XLSX 或 CSV 文件".to_owned()));
        return again(&app, &user, &typed, errors, Refused::default()).await;
    };
    let (seen, lines) = read(&app, &user, key, Asked::default()).await?;
    let lines = match lines {
        Ok(lines) => lines,
        Err(faults) => {
            let notes = TableNotes::of(&seen);
            let place = notes.has_choice().then(|| (format!("/write-off/import/{key}"), notes));
            let refused = Refused { file: arrived.name, faults, again: place };
            return again(&app, &user, &typed, errors, refused).await;
        }
    };
    if !errors.is_empty() {
        return again(&app, &user, &typed, errors, Refused::default()).await;
    }
    let of_lines = if number.is_empty() { number_of(&lines)? } else { number.clone() };
    match standing(&app, &user, &of_lines, &lines).await? {
        Standing::New | Standing::Broken(_) => {}
        // What was left out of the file may still be wanted.
        Standing::Done(_) if seen.must_be_confirmed() => {}
        Standing::Done(url) => return Ok(done(&app, &url, FIRST_RESULT)),
        Standing::Other(why) => {
            errors.add("number", batch::without_stop(&why));
            return again(&app, &user, &typed, errors, Refused::default()).await;
        }
    }
    Ok(page::see_other(&address(key, &number, &arrived.name, &Asked::default())))
}

const FIRST_RESULT: &str = "该批次已经办理过，没有再次核销。以下是当时的结果。";

/// A blank 批次号 is made from the content: the same file again is the same batch.
fn number_of(lines: &[Line]) -> Result<String, AppError> {
    let digest = batch::digest(lines)?;
    Ok(format!("F-{}", digest.get(..16).unwrap_or(&digest)))
}

/// The preview of a file that waits. A blank number is made from what is read of it.
fn address(key: Uuid, number: &str, file: &str, asked: &Asked) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("number", number).append_pair("file", file);
    if !asked.sheet.is_empty() {
        query.append_pair("sheet", &asked.sheet);
    }
    if asked.with_hidden {
        query.append_pair("hidden", "1");
    }
    format!("/write-off/import/{key}?{}", query.finish())
}

/// The page once more, with what is wrong.
async fn again(
    app: &App,
    user: &BureauOfficer,
    number: &str,
    errors: FieldErrors,
    refused: Refused,
) -> Result<Response, AppError> {
    let mut data = FormData::default();
    data.set("number", number);
    let form = FormView::new(data, errors, &user.caller.csrf);
    page::unprocessable(&build(app, user, form, refused).await?)
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

/// The same file may not be written off with and without its hidden rows: most of its rows would count twice.
async fn must_not_be_done_otherwise(
    app: &App,
    user: &BureauOfficer,
    key: Uuid,
    asked: &Asked,
    seen: &Seen,
) -> Result<(), AppError> {
    if !seen.has_hidden() {
        return Ok(());
    }
    let other = Asked { with_hidden: !asked.with_hidden, ..asked.clone() };
    let (_, Ok(lines)) = read(app, user, key, other).await? else { return Ok(()) };
    match standing(app, user, &number_of(&lines)?, &lines).await? {
        Standing::New | Standing::Other(_) => Ok(()),
        Standing::Broken(_) | Standing::Done(_) => Err(AppError::Conflict(
            "该文件已按另一种选择（包括或不包括隐藏的行）核销，再次核销会使其中的行重复。没有核销。请把其余的行另存为一个\
             文件后上传。"
                .to_owned(),
        )),
    }
}

/// Reads a file that waits: its lines, or what is wrong with it.
async fn read(app: &App, user: &BureauOfficer, key: Uuid, asked: Asked) -> Result<Judgement<Vec<Line>>, AppError> {
    let why = format!("文件超过 {MOST_LINES} 行，请分成几个文件上传");
    let most = Most { rows: MOST_LINES, why };
    files::waiting_table(app, &folder(user), key, most, asked, |rows| lines_of(&rows)).await
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
        let Ok(title) = cell.text() else {
            faults.push(format!("第 {} 列的标题无法识别，请使用模板", at + 1));
            continue;
        };
        let title = folded(&title);
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
            match places.get(&n).and_then(|at| row.cells.get(*at)).map(column.takes) {
                Some(Ok(text)) => cells[n] = text,
                Some(Err(why)) => faults.push(format!("第 {} 行「{}」：{why}", row.number, column.title)),
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
    #[serde(default)]
    sheet: String,
    #[serde(default)]
    hidden: String,
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
    /// The sheet that was read.
    sheet: String,
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
    /// What was read of the file and what was not, and the choice.
    notes: TableNotes,
    typed_number: String,
    asked: Asked,
}

/// What would become of each line; nothing is written.
pub async fn preview(
    State(app): State<App>,
    user: BureauOfficer,
    Path(key): Path<Uuid>,
    Query(query): Query<PreviewQuery>,
) -> Result<Response, AppError> {
    must_write_off(&user)?;
    let asked = TableNotes::asked(&query.sheet, &query.hidden);
    let (seen, lines) = read(&app, &user, key, asked.clone()).await?;
    let notes = TableNotes::of(&seen);
    let lines = match lines {
        Ok(lines) => lines,
        Err(faults) => {
            let place = notes.has_choice().then(|| (format!("/write-off/import/{key}"), notes));
            let refused = Refused { file: files::file_name(&query.file), faults, again: place };
            return again(&app, &user, &query.number, FieldErrors::default(), refused).await;
        }
    };
    let typed_number = query.number.trim().to_owned();
    let number = if typed_number.is_empty() {
        number_of(&lines)?
    } else {
        batch::number(&typed_number).map_err(|why| AppError::Invalid(format!("{why}。")))?
    };
    must_not_be_done_otherwise(&app, &user, key, &asked, &seen).await?;
    let broken = match standing(&app, &user, &number, &lines).await? {
        Standing::Broken(n) => Some(n),
        Standing::Done(url) if !notes.has_choice() => return Ok(done(&app, &url, FIRST_RESULT)),
        // Confirming what is done shows the first result; the rows that were left out can still be chosen.
        Standing::New | Standing::Done(_) => None,
        Standing::Other(why) => return Err(AppError::Conflict(why)),
    };
    let verdicts = forecast(&app, &desk(&user), &lines).await?;
    let total = lines.len();
    let rejected = verdicts.iter().filter(|v| v.is_some()).count();
    let is_filtered = query.only == "rejected";
    let shown = lines.into_iter().zip(verdicts).enumerate().filter(|(_, (_, why))| !is_filtered || why.is_some());
    let count = if is_filtered { rejected } else { total };
    let path = format!("/write-off/import/{key}");
    let filters = [
        ("number", typed_number.as_str()),
        ("file", query.file.as_str()),
        ("sheet", asked.sheet.as_str()),
        ("hidden", if asked.with_hidden { "1" } else { "" }),
        ("only", query.only.as_str()),
    ];
    let wanted = PageQuery { page: query.page.clone(), size: query.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&wanted, i64::try_from(count).unwrap_or(i64::MAX), &path, &filters);
    let at = |n: i64| usize::try_from(n).unwrap_or_default();
    let rows = shown
        .skip(at(pager.offset()))
        .take(at(pager.limit()))
        .map(|(n, (line, reason))| PreviewRow { ordinal: n + 1, line, reason })
        .collect();
    let all = address(key, &typed_number, &query.file, &asked);
    let crumbs = [("批量核销", "/write-off/batches"), ("导入核销", "/write-off/import")];
    page::render(&PreviewPage {
        shell: frame::signed(&app, &user, "核对导入内容", Entry::WriteOffBatches, &crumbs).await?,
        form: FormView::new(FormData::default(), FieldErrors::default(), &user.caller.csrf),
        action: path,
        only: format!("{all}&only=rejected"),
        all,
        number,
        file: query.file,
        sheet: seen.sheet,
        total,
        accepted: total - rejected,
        rejected,
        is_filtered,
        rows,
        pager,
        broken,
        notes,
        typed_number,
        asked,
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
    let asked = TableNotes::asked(form.get("sheet"), form.get("hidden"));
    let (seen, lines) = read(&app, &user, key, asked.clone()).await?;
    must_not_be_done_otherwise(&app, &user, key, &asked, &seen).await?;
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

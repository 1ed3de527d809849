//! 导入产品: a file of products becomes products, or a list of everything that is wrong with it.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::application::{ItemFilter, count_items};
use domain::application::{Application, ItemForm, MOST_ITEMS, Part};
use domain::ids::ApplicationId;
use kit::app::App;
use kit::error::AppError;
use kit::form::{FieldErrors, FormData, FormView};
use kit::session::{Filer, Submitted, hash_of};
use kit::shell::Shell;
use kit::{flash, page};
use uuid::Uuid;

use askama::Template;

use crate::application::columns::{self, Explained, Judged, Problem};
use crate::application::{Draft, Home, Step, Steps, open, open_for_update};
use crate::frame;
use crate::parts::files::{self, Judgement};
use crate::parts::spreadsheet::{Asked, Most, Row, Seen};
use crate::parts::table_notes::TableNotes;

/// So many lines of mistakes are shown; the rest after these are mended.
const SHOWN: usize = 500;

/// `?hs_code=` as chosen on 选择免办产品, `format=` of the template.
#[derive(Debug, Default, serde::Deserialize)]
pub struct ImportQuery {
    #[serde(default)]
    hs_code: String,
    #[serde(default)]
    format: String,
}

struct Chosen {
    code: String,
    name: String,
    columns: Vec<Explained>,
}

/// What became of a file.
#[derive(Default)]
struct Report {
    /// The name of the file.
    file: String,
    /// What is wrong with it as a whole.
    faults: Vec<String>,
    rows: usize,
    right: usize,
    problems: Vec<Problem>,
    /// Mistakes beyond those that are shown.
    more: usize,
    warnings: Vec<String>,
    /// What was read of the file and what was not.
    notes: TableNotes,
    /// Some of it can be imported.
    can_add: bool,
    /// Where the file waits for 只导入正确的行 and for another choice; empty when there is neither.
    key: String,
}

#[derive(Template)]
#[template(path = "application/import.html")]
struct ImportPage {
    shell: Shell,
    steps: Steps,
    id: ApplicationId,
    form: FormView,
    chosen: Option<Chosen>,
    there: i64,
    most: i64,
    report: Option<Report>,
}

/// The page.
pub async fn show(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Query(query): Query<ImportQuery>,
) -> Result<Response, AppError> {
    let draft = match open(&app.db.read(), &app, &user, id).await? {
        Ok(draft) => draft,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let page = build(&app, &user, &draft.application, &query.hs_code, FieldErrors::default(), None).await?;
    page::render(&page)
}

async fn build(
    app: &App,
    user: &Filer,
    application: &Application,
    hs_code: &str,
    errors: FieldErrors,
    report: Option<Report>,
) -> Result<ImportPage, AppError> {
    let id = application.id;
    let references = app.references.now();
    let items_href = format!("/applications/{id}/items");
    let home = Home::of(user);
    let crumbs = [home.crumb(), ("附表产品信息", items_href.as_str())];
    let mut shell = frame::signed(app, user, "导入产品", home.entry, &crumbs).await?;
    shell.error_title =
        !errors.is_empty() || report.as_ref().is_some_and(|r| !r.faults.is_empty() || !r.problems.is_empty());
    let chosen = references.hs_type(hs_code, app.clock.today()).map(|hs| Chosen {
        code: hs.code.to_string(),
        name: hs.name.clone(),
        columns: columns::explained(&references, hs),
    });
    Ok(ImportPage {
        shell,
        steps: Steps::of(&app.db.read(), app, application, Step::Items).await?,
        id,
        form: FormView::new(FormData::default(), errors, &user.caller.csrf),
        chosen,
        there: count_items(&app.db.read(), id, &ItemFilter::default()).await?,
        most: MOST_ITEMS,
        report,
    })
}

/// 下载模板: the columns of the form for the chosen HS type, how to fill them in, and the lists.
pub async fn template(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Query(query): Query<ImportQuery>,
) -> Result<Response, AppError> {
    if let Err(elsewhere) = open(&app.db.read(), &app, &user, id).await? {
        return Ok(elsewhere);
    }
    let references = app.references.now();
    let Some(hs) = references.hs_type(&query.hs_code, app.clock.today()) else {
        return Err(AppError::Invalid("请先选择产品类型，再下载模板。".to_owned()));
    };
    let guide = columns::guide(&columns::explained(&references, hs));
    let name = format!("产品导入模板_{}", hs.code);
    files::table(&app, &query.format, &name, columns::heads(&references, hs), Vec::new(), guide).await
}

/// 上传并检查: every cell is judged; the products are added at once when all of them are right.
pub async fn upload(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    request: Request,
) -> Result<Response, AppError> {
    // Seen before any byte is stored: not the owner, or no longer editable.
    let draft = match open(&app.db.read(), &app, &user, id).await? {
        Ok(draft) => draft,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let arrived = files::receive_table(&app, &user.caller, &folder(id), request).await?;
    let hs_code = arrived.fields.get("hs_code");
    let Some(key) = arrived.key else {
        let mut errors = FieldErrors::default();
        errors.add("file", arrived.refused.unwrap_or_else(|| "请先选择要导入的 XLSX 或 CSV 文件".to_owned()));
        let page = build(&app, &user, &draft.application, hs_code, errors, None).await?;
        return page::unprocessable(&page);
    };
    let file = Waiting { key, name: arrived.name, hs_code: hs_code.to_owned() };
    check(&app, &user, &draft.application, file, Asked::default(), true).await
}

/// A file that waits.
struct Waiting {
    key: Uuid,
    name: String,
    hs_code: String,
}

/// Judges a file that waits. What is right in every way is added at once, where nobody has been asked yet.
async fn check(
    app: &App,
    user: &Filer,
    application: &Application,
    file: Waiting,
    asked: Asked,
    is_first: bool,
) -> Result<Response, AppError> {
    let (seen, judged) = judge(app, application, &file.hs_code, file.key, asked).await?;
    let there = count_items(&app.db.read(), application.id, &ItemFilter::default()).await?;
    let mut report = report(&judged, there);
    let has_mistakes = !report.faults.is_empty() || !report.problems.is_empty();
    let is_clean = !has_mistakes && report.warnings.is_empty() && !seen.must_be_confirmed();
    if let (true, true, Ok(judged)) = (is_first, is_clean, judged) {
        return add(app, user, application, (judged, seen), file.key).await;
    }
    report.file = file.name;
    report.notes = TableNotes::of(&seen);
    report.can_add = report.faults.is_empty() && report.right > 0;
    if report.can_add || report.notes.has_choice() {
        report.key = file.key.to_string();
    }
    let page = build(app, user, application, &file.hs_code, FieldErrors::default(), Some(report)).await?;
    if has_mistakes { page::unprocessable(&page) } else { page::with_status(StatusCode::OK, &page) }
}

/// A file belongs to the application it was sent to.
fn folder(id: ApplicationId) -> String {
    format!("imports/{id}")
}

/// Reads a file that waits, and judges every row.
async fn judge(
    app: &App,
    application: &Application,
    hs_code: &str,
    key: Uuid,
    asked: Asked,
) -> Result<Judgement<Judged>, AppError> {
    let references = app.references.now();
    let of = application.clone();
    let today = app.clock.today();
    let hs_code = hs_code.to_owned();
    let papers = app.papers.clone();
    let judge = move |rows: Vec<Row>| {
        columns::judge(&references, papers.as_ref(), &of, references.hs_type(&hs_code, today), today, &rows)
    };
    let why = format!("文件中的产品超过 {MOST_ITEMS} 行，一份申请最多 {MOST_ITEMS} 个产品，请分成几份申请填写");
    let most = Most { rows: usize::try_from(MOST_ITEMS).unwrap_or_default(), why };
    files::waiting_table(app, &folder(application.id), key, most, asked, judge).await
}

fn report(judged: &Result<Judged, Vec<String>>, there: i64) -> Report {
    let judged = match judged {
        Ok(judged) => judged,
        Err(faults) => return Report { faults: faults.clone(), ..Report::default() },
    };
    let mut faults = Vec::new();
    let rows = i64::try_from(judged.rows).unwrap_or(i64::MAX);
    if there.saturating_add(rows) > MOST_ITEMS {
        faults.push(format!(
            "一份申请最多 {MOST_ITEMS} 个产品：已有 {there} 个，文件中有 {rows} 个，超出 {} 个。请减少文件中的产品，\
             或将其余产品填写在另一份申请中",
            there + rows - MOST_ITEMS
        ));
    }
    let warnings: Vec<_> =
        judged.right.iter().flat_map(|r| r.warnings.iter().map(|w| format!("第 {} 行：{w}", r.row))).collect();
    Report {
        faults,
        rows: judged.rows,
        right: judged.right.len(),
        problems: judged.problems.iter().take(SHOWN).cloned().collect(),
        more: judged.problems.len().saturating_sub(SHOWN),
        warnings,
        ..Report::default()
    }
}

/// 只导入正确的行, 全部导入: the file that waits, once more with what holds now. 重新检查: with another choice of what is
/// read. What was not shown is never added.
pub async fn accept(
    State(app): State<App>,
    user: Filer,
    Path(id): Path<ApplicationId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let Ok(key) = form.get("key").parse::<Uuid>() else { return Err(files::incomplete()) };
    let (asked, is_seen) = TableNotes::chosen(&form);
    if !is_seen {
        let draft = match open(&app.db.read(), &app, &user, id).await? {
            Ok(draft) => draft,
            Err(elsewhere) => return Ok(elsewhere),
        };
        let name = files::file_name(form.get("file"));
        let file = Waiting { key, name, hs_code: form.get("hs_code").to_owned() };
        return check(&app, &user, &draft.application, file, asked, false).await;
    }
    let application = db::application::load(&app.db.read(), &user.scope(), id, app.now()).await?;
    let (seen, judged) = judge(&app, &application, form.get("hs_code"), key, asked).await?;
    let judged = judged.map_err(|faults| AppError::Conflict(format!("{}。没有导入。", faults.join("；"))))?;
    add(&app, &user, &application, (judged, seen), key).await
}

/// Adds the rows that are right, judged with `before`, read ahead of the transaction, which waits for nothing. The file's key names
/// them, so that a second click adds nothing.
async fn add(
    app: &App,
    user: &Filer,
    before: &Application,
    (judged, seen): (Judged, Seen),
    key: Uuid,
) -> Result<Response, AppError> {
    let id = before.id;
    let items: Vec<(usize, ItemForm)> = judged.right.into_iter().map(|r| (r.row, r.item)).collect();
    if items.is_empty() {
        return Err(AppError::Conflict("文件中没有可以导入的产品，请返回导入页面修改后重新上传。".to_owned()));
    }
    let tx = app.db.begin().await?;
    let Draft { application, edit } = open_for_update(&tx, app, user, id).await?;
    // One import per sheet of the file, with or without its hidden rows: the rows of both are mostly the same.
    let sheet = hash_of(&seen.sheet);
    let name_of = |with_hidden: bool| {
        let mark = if with_hidden { "h-" } else { "" };
        format!("import-{mark}{key}-{}", sheet.get(..8).unwrap_or_default())
    };
    let name = name_of(seen.with_hidden);
    if db::application::has_items_of(&tx, id, &name).await? {
        drop(tx);
    } else {
        if seen.has_hidden() && db::application::has_items_of(&tx, id, &name_of(!seen.with_hidden)).await? {
            return Err(AppError::Conflict(
                "该文件已按另一种选择导入，没有再次导入。请返回产品列表核对，缺少的产品可以单独添加。".to_owned(),
            ));
        }
        if application.basics != before.basics || application.state() != before.state() {
            return Err(AppError::Conflict("申请基本信息刚刚有变化，没有导入。请返回导入页面重新上传。".to_owned()));
        }
        db::application::add_items(&tx, id, &items, &name).await?;
        let what = "import_products";
        db::application::touch(&tx, &application, edit, Part::Items, what, &user.by(), app.now()).await?;
        tx.commit().await?;
    }
    let left_out = judged.rows - items.len();
    let more = if left_out > 0 { format!("{left_out} 行有误，没有导入。") } else { String::new() };
    let said = format!("已导入 {} 个产品。{more}{}", items.len(), seen.said());
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/applications/{id}/items"), &said))
}

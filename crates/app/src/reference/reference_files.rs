//! A table of 基础数据 as a file: 导出, and 导入 with a look at what would change before anything does (R-C-02).
//!
//! A row of the file becomes the form that somebody would have typed, and the rules of that form judge it.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::DbError;
use db::reference_edition::{self, BEGINNING, Content, END, Imported};
use domain::policy::KeepReferences;
use domain::reference::{Field, FieldKind, ReferenceKind, Words};
use domain::time::Day;
use kit::app::{App, Papers};
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::reference::ReferenceCache;
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;
use kit::{flash, page};
use uuid::Uuid;

use super::list::{Tab, tabs};
use super::row::{self, choices, kind_of};
use super::{characteristics, row::changes};
use crate::frame::{self, Entry};
use crate::parts::files;
use crate::parts::spreadsheet::{Asked, Cell, Head, Most, Row, Seen, Value};
use crate::parts::table_notes::TableNotes;

/// The columns of the two days.
const DAYS: [(&str, &str, &str); 2] = [("valid_from", "启用日期", BEGINNING), ("valid_to", "停用日期", END)];
/// So many rows and mistakes are shown; the rest are counted.
const SHOWN: usize = 200;

/// A mistake in a file.
struct Problem {
    row: usize,
    column: String,
    sentence: String,
}

/// A row that would be new or changed.
struct Outlook {
    row: usize,
    code: String,
    is_new: bool,
    changes: Vec<String>,
}

/// What a file would do.
#[derive(Default)]
struct Judged {
    rows: usize,
    table: Vec<Imported>,
    outlook: Vec<Outlook>,
    problems: Vec<Problem>,
    /// Rows whose lasting field would change, by what an application may still name: asked of the database.
    lasting: Vec<(usize, String, &'static str)>,
    /// Units that would end, with their last day.
    ending: Vec<(usize, String, Day)>,
}

/// The result of a look, for the page.
struct Report {
    file: String,
    faults: Vec<String>,
    rows: usize,
    same: usize,
    added: usize,
    changed: usize,
    outlook: Vec<Outlook>,
    problems: Vec<Problem>,
    more: usize,
    /// What was read of the file and what was not.
    notes: TableNotes,
    /// It can be imported.
    can_import: bool,
    /// Where the file waits; empty when there is nothing more to do with it.
    key: String,
    from: String,
    seen: i64,
}

#[derive(Template)]
#[template(path = "reference/reference_files.html")]
struct TablePage {
    shell: Shell,
    tabs: Vec<Tab>,
    kind: ReferenceKind,
    form: FormView,
    guide: Vec<(String, bool, String)>,
    report: Option<Report>,
}

/// `format=` of the file.
#[derive(Debug, Default, serde::Deserialize)]
pub struct FormatQuery {
    #[serde(default)]
    format: String,
}

fn folder(kind: ReferenceKind) -> String {
    format!("imports/reference/{}", kind.path())
}

/// What stands in the cell of a field, for people.
fn cell(references: &ReferenceCache, field: &Field, value: &str) -> String {
    match field.kind {
        FieldKind::Characteristics => characteristics::in_lines(value),
        FieldKind::Several(Words::Clauses) => value.replace(';', "、"),
        FieldKind::Unit
        | FieldKind::Bureau
        | FieldKind::DirectBureau
        | FieldKind::Several(_)
        | FieldKind::HsPrefixes
            if value.is_empty() =>
        {
            String::new()
        }
        FieldKind::Unit
        | FieldKind::Bureau
        | FieldKind::DirectBureau
        | FieldKind::Flag
        | FieldKind::Several(_)
        | FieldKind::HsPrefixes => row::said(references, field.kind, value),
        FieldKind::Text(_)
        | FieldKind::Long(_)
        | FieldKind::Number(..)
        | FieldKind::District
        | FieldKind::RegionAbove => value.to_owned(),
    }
}

/// How a column is filled in.
fn help(kind: FieldKind) -> String {
    match kind {
        FieldKind::Text(most) | FieldKind::Long(most) => format!("不超过 {most} 个字"),
        FieldKind::Number(least, most) => format!("{least}–{most} 的整数"),
        FieldKind::Flag => "是 或 否".to_owned(),
        FieldKind::Unit => "单位名称或 3 位代码".to_owned(),
        FieldKind::District => "关区代码，4 位数字；关区本身留空".to_owned(),
        FieldKind::Bureau => "检验检疫局全称、简称或代码".to_owned(),
        FieldKind::DirectBureau => "直属局全称、简称或代码；直属局本身留空".to_owned(),
        FieldKind::RegionAbove => "上级行政区划代码，6 位数字；省级留空".to_owned(),
        FieldKind::Several(Words::Clauses) => "条款代码，用顿号隔开；全部适用留空".to_owned(),
        FieldKind::Several(words) => {
            let labels: Vec<_> = words.known().into_iter().map(|(_, label)| label).collect();
            format!("{}；用顿号隔开", labels.join("、"))
        }
        FieldKind::HsPrefixes => "HS 编码的前 2–10 位，用分号隔开；全部适用留空".to_owned(),
        FieldKind::Characteristics => {
            "每项特性一行：名称 | 填写方式 | 选项或单位。填写方式为文字、选择或数值；选择的选项用分号隔开，数值的单位可不填。\
             例：能效等级 | 选择 | 1级；2级"
                .to_owned()
        }
    }
}

/// 导出 XLSX, 导出 CSV: the whole table, as it can be imported again.
pub async fn export(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Path(path): Path<String>,
    Query(query): Query<FormatQuery>,
) -> Result<Response, AppError> {
    let kind = kind_of(&path)?;
    let references = app.references.now();
    let all = reference_edition::contents(&app.db.read(), &user.permit, kind).await?;
    let head = |title: &str, is_required: bool, choices: Vec<String>| Head {
        title: title.to_owned(),
        is_required,
        is_text: true,
        choices,
    };
    let mut heads = vec![head(kind.code_label(), true, Vec::new())];
    for field in kind.fields() {
        let list = if field.kind == FieldKind::Flag { vec!["是".to_owned(), "否".to_owned()] } else { Vec::new() };
        heads.push(head(field.label, field.is_required, list));
    }
    if kind.is_dated() {
        heads.extend(DAYS.map(|(_, title, _)| head(title, false, Vec::new())));
    }
    let empty = String::new();
    let rows = all
        .iter()
        .map(|(code, content)| {
            let of = |column: &str| content.get(column).unwrap_or(&empty);
            let mut cells = vec![code.clone()];
            cells.extend(kind.fields().iter().map(|f| cell(&references, f, of(f.column))));
            if kind.is_dated() {
                cells.extend(DAYS.map(|(column, _, open)| {
                    let day = of(column);
                    if day == open { String::new() } else { day.clone() }
                }));
            }
            cells.into_iter().map(Value::Text).collect()
        })
        .collect();
    let guide = kind.fields().iter().map(|f| vec![f.label.to_owned(), help(f.kind)]).collect();
    files::table(&app, &query.format, kind.label(), heads, rows, guide).await
}

/// The page.
pub async fn show(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Path(path): Path<String>,
) -> Result<Response, AppError> {
    let kind = kind_of(&path)?;
    let mut data = FormData::default();
    data.set("effective_on", &app.clock.today().to_string());
    page::render(&build(&app, &user, kind, data, FieldErrors::default(), None).await?)
}

async fn build(
    app: &App,
    user: &Permitted<KeepReferences>,
    kind: ReferenceKind,
    data: FormData,
    errors: FieldErrors,
    report: Option<Report>,
) -> Result<TablePage, AppError> {
    let title = format!("{}导入导出", kind.label());
    let list = format!("/reference/{}", kind.path());
    let crumbs = [("基础数据", "/reference"), (kind.label(), list.as_str())];
    let mut shell = frame::signed(app, user, &title, Entry::References, &crumbs).await?;
    shell.error_title = !errors.is_empty()
        || report.as_ref().is_some_and(|r| r.key.is_empty() || !r.faults.is_empty() || !r.problems.is_empty());
    let mut guide = vec![(
        kind.code_label().to_owned(),
        true,
        format!("{}；已有的{}是修改，没有的是添加", kind.code_rule(), kind.code_label()),
    )];
    guide.extend(kind.fields().iter().map(|f| (f.label.to_owned(), f.is_required, help(f.kind))));
    if kind.is_dated() {
        guide.extend(DAYS.map(|(_, title, _)| (title.to_owned(), false, "如 2026-12-01；留空为一直可用".to_owned())));
    }
    Ok(TablePage {
        shell,
        tabs: tabs(Some(kind)),
        kind,
        form: FormView::new(data, errors, &user.caller.csrf),
        guide,
        report,
    })
}

/// The titles of a file: which column stands where.
fn titles(kind: ReferenceKind, first: &Row) -> Result<BTreeMap<&'static str, usize>, Vec<String>> {
    let mut known: Vec<(&str, &'static str)> = vec![(kind.code_label(), "code")];
    known.extend(kind.fields().iter().map(|f| (f.label, f.column)));
    if kind.is_dated() {
        known.extend(DAYS.map(|(column, title, _)| (title, column)));
    }
    let (mut out, mut faults) = (BTreeMap::new(), Vec::new());
    for (n, cell) in first.cells.iter().enumerate() {
        let Ok(typed) = cell.text() else {
            faults.push(format!("第 {} 列的标题不是文字，请使用导出的文件修改后再导入", n + 1));
            continue;
        };
        let title = typed.trim().trim_end_matches('*');
        if title.is_empty() {
            continue;
        }
        match known.iter().find(|(label, _)| *label == title) {
            None => faults.push(format!("不认识栏目“{title}”，请使用导出的文件修改后再导入")),
            Some((_, column)) => {
                if out.insert(*column, n).is_some() {
                    faults.push(format!("栏目“{title}”出现了两次"));
                }
            }
        }
    }
    if !out.contains_key("code") {
        faults.push(format!("没有栏目“{}”，请使用导出的文件修改后再导入", kind.code_label()));
    }
    if faults.is_empty() { Ok(out) } else { Err(faults) }
}

/// The value of a form field that a cell means; the inner error is for the user.
fn typed(references: &ReferenceCache, field: &Field, text_of: &str, today: Day) -> Result<Vec<String>, String> {
    let typed = text_of.trim();
    if typed.is_empty() {
        return Ok(Vec::new());
    }
    let named = |all: Vec<(String, Vec<String>)>| {
        let found: Vec<_> =
            all.into_iter().filter(|(code, names)| code == typed || names.iter().any(|n| n == typed)).collect();
        match found.as_slice() {
            [(code, _)] => Ok(vec![code.clone()]),
            [] => Err(format!("没有“{typed}”，请填写{}", help(field.kind))),
            _ => Err(format!("“{typed}”不止一个，请填写代码")),
        }
    };
    match field.kind {
        FieldKind::Flag => match typed {
            "是" | "1" => Ok(vec!["1".to_owned()]),
            "否" | "0" => Ok(Vec::new()),
            _ => Err(format!("{}应填写“是”或“否”", field.label)),
        },
        FieldKind::Unit => {
            let units = choices(references, FieldKind::Unit, "", today);
            let ended =
                references.units.iter().map(|u| u.code.to_string()).filter(|c| units.iter().all(|k| k.value != *c));
            let codes: BTreeSet<String> = units.iter().map(|c| c.value.clone()).chain(ended).collect();
            named(
                codes
                    .into_iter()
                    .map(|c| {
                        let name = references.unit_name(&domain::ids::UnitCode::new(&c)).to_owned();
                        (c, vec![name])
                    })
                    .collect(),
            )
        }
        FieldKind::Bureau | FieldKind::DirectBureau => named(
            references
                .bureaus
                .iter()
                .map(|b| (b.code.to_string(), vec![b.name.clone(), b.short_name.clone()]))
                .collect(),
        ),
        FieldKind::Several(words) => {
            let known = row::several(references, words);
            let said = typed.split(['、', ';', '；', ',', '，']).map(str::trim).filter(|w| !w.is_empty());
            said.map(|w| {
                let one = known.iter().find(|(word, label)| word == w || label == w);
                one.map(|(word, _)| word.clone()).ok_or_else(|| format!("没有{}“{w}”", words.noun()))
            })
            .collect()
        }
        FieldKind::Text(_)
        | FieldKind::Long(_)
        | FieldKind::Number(..)
        | FieldKind::District
        | FieldKind::RegionAbove
        | FieldKind::HsPrefixes
        | FieldKind::Characteristics => Ok(vec![typed.to_owned()]),
    }
}

/// What a column takes of a cell, or what to do.
fn taken(kind: ReferenceKind, column: &str, cell: &Cell) -> Result<String, String> {
    if DAYS.iter().any(|(day, _, _)| *day == column) {
        return cell.day();
    }
    match kind.fields().iter().find(|f| f.column == column).map(|f| f.kind) {
        Some(FieldKind::Number(..)) => cell.number(),
        Some(FieldKind::Long(_) | FieldKind::Characteristics) => cell.text(),
        Some(
            FieldKind::Text(_)
            | FieldKind::Flag
            | FieldKind::Unit
            | FieldKind::District
            | FieldKind::Bureau
            | FieldKind::DirectBureau
            | FieldKind::RegionAbove
            | FieldKind::Several(_)
            | FieldKind::HsPrefixes,
        )
        | None => cell.line(),
    }
}

/// Reads a file as the changes that it means.
fn judge(
    kind: ReferenceKind,
    references: &ReferenceCache,
    papers: &dyn Papers,
    before: &BTreeMap<String, Content>,
    pending: &BTreeSet<String>,
    today: Day,
    rows: &[Row],
) -> Result<Judged, Vec<String>> {
    let Some((first, rows)) = rows.split_first() else { return Err(vec!["文件中没有内容".to_owned()]) };
    let titles = titles(kind, first)?;
    let label_of = |column: &str| {
        let day = DAYS.iter().find(|(c, _, _)| *c == column).map(|(_, title, _)| *title);
        let field = kind.fields().iter().find(|f| f.column == column).map(|f| f.label);
        day.or(field).unwrap_or(if column == "code" { kind.code_label() } else { "产品特性" }).to_owned()
    };
    let mut out = Judged { rows: rows.len(), ..Judged::default() };
    let mut seen = BTreeSet::new();
    for row in rows {
        let mut problem = |column: &str, sentence: String| {
            out.problems.push(Problem { row: row.number, column: label_of(column), sentence });
        };
        let mut cells: BTreeMap<&'static str, String> = BTreeMap::new();
        for (column, at) in &titles {
            match row.cells.get(*at).map(|cell| taken(kind, column, cell)) {
                Some(Err(why)) => problem(column, why),
                Some(Ok(typed)) => {
                    cells.insert(column, typed);
                }
                None => {
                    cells.insert(column, String::new());
                }
            }
        }
        let code = kind.code_of(cells.get("code").map_or("", String::as_str));
        if !kind.accepts_code(&code) {
            problem("code", format!("{}应为{}", kind.code_label(), kind.code_rule()));
            continue;
        }
        if !seen.insert(code.clone()) {
            problem("code", format!("{} {code} 在文件中出现了两次", kind.code_label()));
            continue;
        }
        let stands = before.get(&code);
        if pending.contains(&code) {
            problem("code", format!("{code} 有一项修改尚未生效，请先取消该项修改"));
            continue;
        }
        let mut form = stands.map(|s| row::filled(kind, s, today)).unwrap_or_default();
        for field in kind.fields() {
            let Some(cell) = cells.get(field.column) else { continue };
            if field.kind == FieldKind::Characteristics {
                if let Err(why) = characteristics::from_lines(&mut form, cell) {
                    problem(field.column, why);
                }
                continue;
            }
            match typed(references, field, cell, today) {
                Ok(values) => {
                    let mut pairs: Vec<_> = form.pairs().iter().filter(|(k, _)| k != field.column).cloned().collect();
                    pairs.extend(values.into_iter().map(|v| (field.column.to_owned(), v)));
                    form = FormData::from_pairs(pairs);
                }
                Err(why) => problem(field.column, why),
            }
        }
        for (column, _, _) in DAYS {
            if let Some(cell) = cells.get(column) {
                form.set(column, cell);
            }
        }
        let mut check = Checker::new(&form);
        let content = row::read(&mut check, &form, kind, references, stands.map(|s| (s, false)), today);
        row::check_above(&mut check, kind, &code, &content);
        row::check_printed(&mut check, papers, kind, &content);
        if let Err(errors) = check.finish() {
            for error in errors.iter() {
                // What was said of the cell itself is said once.
                let label = label_of(&error.field);
                if !out.problems.iter().any(|p| p.row == row.number && p.column == label) {
                    out.problems.push(Problem { row: row.number, column: label, sentence: error.message.clone() });
                }
            }
            continue;
        }
        match stands {
            Some(stands) if *stands == content => continue,
            Some(stands) => {
                for f in kind.fields().iter().filter(|f| f.is_lasting) {
                    if stands.get(f.column) != content.get(f.column) {
                        out.lasting.push((row.number, code.clone(), f.label));
                    }
                }
                if let (ReferenceKind::Unit, Some(last)) = (kind, content.get("valid_to"))
                    && stands.get("valid_to") != Some(last)
                    && let Ok(last) = last.parse()
                {
                    out.ending.push((row.number, code.clone(), last));
                }
                let changes = changes(references, kind, stands, &content);
                out.outlook.push(Outlook { row: row.number, code: code.clone(), is_new: false, changes });
            }
            None => {
                let name = content.get(kind.title_column()).cloned().unwrap_or_default();
                out.outlook.push(Outlook { row: row.number, code: code.clone(), is_new: true, changes: vec![name] });
            }
        }
        out.table.push(Imported { code, content });
    }
    Ok(out)
}

/// A table may be so long.
const MOST_ROWS: usize = 20_000;

fn most() -> Most {
    let why = format!("文件超过 {MOST_ROWS} 行，请只保留需要添加或修改的行，分成几个文件导入");
    Most { rows: MOST_ROWS, why }
}

/// What a look at a file found.
struct Look {
    /// What was read of the file and what was not.
    table: Seen,
    judged: Result<Judged, Vec<String>>,
    /// The newest edition that was seen.
    seen: i64,
}

/// Looks at a file that waits, with what holds now.
async fn look(
    app: &App,
    user: &Permitted<KeepReferences>,
    kind: ReferenceKind,
    key: Uuid,
    asked: Asked,
) -> Result<Look, AppError> {
    let read = app.db.read();
    let (seen, pending) = reference_edition::newest(&read, kind).await?;
    let before = reference_edition::contents(&read, &user.permit, kind).await?;
    let (references, today) = (app.references.now(), app.clock.today());
    let papers = app.papers.clone();
    let judge = move |rows: Vec<Row>| judge(kind, &references, papers.as_ref(), &before, &pending, today, &rows);
    let (table, mut judged) = files::waiting_table(app, &folder(kind), key, most(), asked, judge).await?;
    if let Ok(judged) = &mut judged {
        for (row, code, label) in std::mem::take(&mut judged.lasting) {
            if reference_edition::is_used(&read, kind, &code).await? {
                let sentence = "已在申请或 HS 产品类型中使用，不能修改；内容改变的，请停用后另行添加".to_owned();
                judged.problems.push(Problem { row, column: label.to_owned(), sentence });
            }
        }
        for (row, code, last) in std::mem::take(&mut judged.ending) {
            let n = reference_edition::types_in_unit(&read, &code, last).await?;
            if n > 0 {
                let sentence = format!("停用后仍有 {n} 个 HS 产品类型使用该单位，请先修改或停用这些类型");
                judged.problems.push(Problem { row, column: "停用日期".to_owned(), sentence });
            }
        }
        judged.problems.sort_by_key(|p| p.row);
    }
    Ok(Look { table, judged, seen })
}

fn day_of(data: &FormData, today: Day) -> Result<Day, FieldErrors> {
    let mut check = Checker::new(data);
    let from = check.day("effective_on", "生效日期");
    if from.is_some_and(|d| d < today) {
        check.error("effective_on", "生效日期不能早于今天");
    }
    check.finish()?;
    from.ok_or_else(FieldErrors::default)
}

/// 上传并检查: says what the file would change; nothing changes yet.
pub async fn upload(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Path(path): Path<String>,
    request: Request,
) -> Result<Response, AppError> {
    let kind = kind_of(&path)?;
    let received = files::receive_table(&app, &user.caller, &folder(kind), request).await?;
    let mut errors = day_of(&received.fields, app.clock.today()).err().unwrap_or_default();
    if received.key.is_none() {
        errors.add("file", received.refused.unwrap_or_else(|| "请先选择要导入的 XLSX 或 CSV 文件".to_owned()));
    }
    let Some(key) = received.key.filter(|_| errors.is_empty()) else {
        return page::unprocessable(&build(&app, &user, kind, received.fields, errors, None).await?);
    };
    let file = (key, received.name);
    answer(&app, &user, kind, file, received.fields, Asked::default()).await
}

/// Says what a file that waits would change.
async fn answer(
    app: &App,
    user: &Permitted<KeepReferences>,
    kind: ReferenceKind,
    (key, file): (Uuid, String),
    fields: FormData,
    asked: Asked,
) -> Result<Response, AppError> {
    let Look { table, judged, seen } = look(app, user, kind, key, asked).await?;
    let (faults, judged) = match judged {
        Ok(judged) => (Vec::new(), judged),
        Err(faults) => (faults, Judged::default()),
    };
    let (added, all) = (judged.outlook.iter().filter(|o| o.is_new).count(), judged.table.len());
    let is_good = faults.is_empty() && judged.problems.is_empty();
    let notes = TableNotes::of(&table);
    let can_import = is_good && all > 0;
    let report = Report {
        file,
        faults,
        rows: judged.rows,
        same: judged.rows.saturating_sub(all),
        added,
        changed: all - added,
        more: judged.problems.len().saturating_sub(SHOWN).max(judged.outlook.len().saturating_sub(SHOWN)),
        outlook: judged.outlook.into_iter().take(SHOWN).collect(),
        problems: judged.problems.into_iter().take(SHOWN).collect(),
        key: if can_import || notes.has_choice() { key.to_string() } else { String::new() },
        notes,
        can_import,
        from: fields.get("effective_on").trim().to_owned(),
        seen,
    };
    let page = build(app, user, kind, fields, FieldErrors::default(), Some(report)).await?;
    if is_good { page::render(&page) } else { page::unprocessable(&page) }
}

/// 确认导入: the file that was looked at, all of it, if nothing changed since. 重新检查: with another choice of what is read.
pub async fn create(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Path(path): Path<String>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let kind = kind_of(&path)?;
    let (Ok(key), Ok(seen)) = (form.get("key").parse::<Uuid>(), form.get("seen").parse::<i64>()) else {
        return Err(files::incomplete());
    };
    let changed = || AppError::Conflict("基础数据刚刚有变化，没有导入。请返回导入页面重新上传。".to_owned());
    let from = day_of(&form, app.clock.today()).map_err(|_| changed())?;
    let (asked, is_seen) = TableNotes::chosen(&form);
    if !is_seen {
        let mut fields = FormData::default();
        fields.set("effective_on", form.get("effective_on"));
        let file = (key, files::file_name(form.get("file")));
        return answer(&app, &user, kind, file, fields, asked).await;
    }
    let Look { judged, seen: now, .. } = look(&app, &user, kind, key, asked).await?;
    let judged = judged.map_err(|faults| AppError::Conflict(format!("{}。没有导入。", faults.join("；"))))?;
    if now != seen || !judged.problems.is_empty() {
        return Err(changed());
    }
    let tx = app.db.begin().await?;
    let done =
        reference_edition::import(&tx, &user.permit, kind, &judged.table, from, seen, &user.by(), app.now()).await;
    let (added, altered) = match done {
        Ok(counts) => counts,
        Err(DbError::Duplicate(_) | DbError::Overtaken(_)) => return Err(changed()),
        Err(other) => return Err(other.into()),
    };
    tx.commit().await?;
    super::row::refresh(&app).await?;
    let when = if from <= app.clock.today() { String::new() } else { format!("修改将于 {from} 生效。") };
    let said = format!("已导入：新增 {added} 项，修改 {altered} 项。{when}");
    Ok(flash::to(&app.key, app.config.is_https(), &format!("/reference/{}", kind.path()), &said))
}

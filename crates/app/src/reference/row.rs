//! One row of 基础数据: 添加, 修改 from a day on, 停用, what was changed.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use db::DbError;
use db::reference_edition::{self, BEGINNING, Content, END, Edition, Shows};
use domain::actor::Post;
use domain::ids::{BureauCode, UnitCode};
use domain::policy::KeepReferences;
use domain::reference::{Field, FieldKind, ReferenceKind, Words, is_hs_prefix};
use domain::time::Day;
use kit::app::{App, Papers};
use kit::error::AppError;
use kit::form::{CHANGED_MEANWHILE, Checker, Choice, FieldErrors, FormData, FormView};
use kit::reference::ReferenceCache;
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;
use kit::{flash, glyphs, page};

use super::characteristics;
use super::list::{Tab, tabs, validity};
use crate::frame::{self, Entry};

/// Characters of a field of HS codes.
const LONGEST_PREFIXES: usize = 300;
/// Editions that the page shows.
const SHOWN: i64 = 50;

/// A field as the page shows it.
struct FieldView {
    field: &'static Field,
    choices: Vec<Choice>,
    /// What it says, when it cannot be changed any more.
    fixed: Option<String>,
    /// Of which several may be ticked: word, label, whether it is.
    boxes: Vec<(String, String, bool)>,
}

impl FieldView {
    /// The most characters.
    const fn longest(&self) -> usize {
        match self.field.kind {
            FieldKind::Text(most) | FieldKind::Long(most) => most,
            FieldKind::Number(..)
            | FieldKind::Flag
            | FieldKind::Unit
            | FieldKind::District
            | FieldKind::Bureau
            | FieldKind::DirectBureau
            | FieldKind::RegionAbove
            | FieldKind::Several(_)
            | FieldKind::Characteristics => 0,
            FieldKind::HsPrefixes => LONGEST_PREFIXES,
        }
    }
}

/// One edition, for people.
pub(super) struct EditionLine {
    pub from: String,
    pub saved: String,
    pub who: String,
    pub changes: Vec<String>,
    pub label: &'static str,
    pub tone: &'static str,
}

#[derive(Template)]
#[template(path = "reference/row.html")]
struct RowPage {
    shell: Shell,
    tabs: Vec<Tab>,
    kind: ReferenceKind,
    /// Empty while the row is new.
    code: String,
    form: FormView,
    fields: Vec<FieldView>,
    has_characteristics: bool,
    lines: Vec<characteristics::Line>,
    line_kinds: Vec<Choice>,
    seen: i64,
    /// The edition that waits for its day: its id and the day.
    pending: Option<(i64, String)>,
    history: Vec<EditionLine>,
}

impl RowPage {
    fn code_said(&self) -> String {
        code_said(self.kind, &self.code)
    }
}

pub(super) fn kind_of(path: &str) -> Result<ReferenceKind, AppError> {
    ReferenceKind::from_path(path).ok_or(AppError::NotFound)
}

/// 添加.
pub async fn new(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Path(path): Path<String>,
) -> Result<Response, AppError> {
    let kind = kind_of(&path)?;
    let mut data = FormData::default();
    data.set("valid_from", &app.clock.today().to_string());
    page::render(&build(&app, &user, kind, None, data, FieldErrors::default()).await?)
}

/// The page of a row.
pub async fn show(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Path((path, code)): Path<(String, String)>,
) -> Result<Response, AppError> {
    let kind = kind_of(&path)?;
    let stored = reference_edition::content(&app.db.read(), kind, &code).await?;
    let data = filled(kind, &stored, app.clock.today());
    page::render(&build(&app, &user, kind, Some((code, stored)), data, FieldErrors::default()).await?)
}

/// A code with what it stands for: a post, a day of the week.
pub(super) fn code_said(kind: ReferenceKind, code: &str) -> String {
    let said = match kind {
        ReferenceKind::ServiceTerm => code.parse::<Post>().ok().map(|post| format!("{}岗（{code}）", post.label())),
        ReferenceKind::Holiday => code.parse::<Day>().ok().map(|day| format!("{code} 星期{}", day.weekday())),
        ReferenceKind::HsType
        | ReferenceKind::Unit
        | ReferenceKind::Clause
        | ReferenceKind::TradeMode
        | ReferenceKind::AttachmentKind
        | ReferenceKind::Port
        | ReferenceKind::Bureau
        | ReferenceKind::Region
        | ReferenceKind::ReviewPoint
        | ReferenceKind::SharedPhrase
        | ReferenceKind::Country
        | ReferenceKind::Currency => None,
    };
    said.unwrap_or_else(|| code.to_owned())
}

/// The form of a row as it is stored.
pub(super) fn filled(kind: ReferenceKind, stored: &Content, today: Day) -> FormData {
    let mut data = FormData::default();
    let mut pairs = Vec::new();
    for f in kind.fields() {
        let value = stored.get(f.column).map_or("", String::as_str);
        match f.kind {
            FieldKind::Flag if value.is_empty() => {}
            FieldKind::Several(_) => pairs.extend(entries(value).map(|w| (f.column.to_owned(), w.to_owned()))),
            FieldKind::HsPrefixes => data.set(f.column, &value.replace(';', "；")),
            FieldKind::Characteristics => characteristics::fill(&mut data, value),
            FieldKind::Text(_)
            | FieldKind::Long(_)
            | FieldKind::Number(..)
            | FieldKind::Flag
            | FieldKind::Unit
            | FieldKind::District
            | FieldKind::Bureau
            | FieldKind::DirectBureau
            | FieldKind::RegionAbove => data.set(f.column, value),
        }
    }
    for (column, open) in [("valid_from", BEGINNING), ("valid_to", END)] {
        let day = stored.get(column).map_or("", String::as_str);
        data.set(column, if day == open { "" } else { day });
    }
    data.set("effective_on", &today.to_string());
    let mut all = data.pairs().to_vec();
    all.extend(pairs);
    FormData::from_pairs(all)
}

pub(super) fn choices(references: &ReferenceCache, kind: FieldKind, chosen: &str, today: Day) -> Vec<Choice> {
    match kind {
        FieldKind::Unit => {
            let mut all = references.unit_choices_on(today);
            if !chosen.is_empty() && !all.iter().any(|c| c.value == chosen) {
                all.push(Choice::new(chosen, references.unit_name(&UnitCode::new(chosen))));
            }
            all
        }
        FieldKind::District => references.port_choices("")[0].clone(),
        FieldKind::Bureau => {
            references.bureaus.iter().map(|b| Choice::new(b.code.as_str(), b.short_name.as_str())).collect()
        }
        FieldKind::DirectBureau => {
            let direct = references.bureaus.iter().filter(|b| b.parent.as_str().is_empty());
            direct.map(|b| Choice::new(b.code.as_str(), b.short_name.as_str())).collect()
        }
        FieldKind::RegionAbove => {
            // Provinces and cities; below a county nothing lies.
            let is_top = |r: &db::reference::Region| r.parent.as_str().is_empty();
            let is_city = |r: &db::reference::Region| references.region(&r.parent).is_some_and(is_top);
            let above = references.regions.iter().filter(|r| is_top(r) || is_city(r));
            above
                .map(|r| Choice::new(r.code.as_str(), format!("{}（{}）", references.region_path(&r.code), r.code)))
                .collect()
        }
        FieldKind::Text(_)
        | FieldKind::Long(_)
        | FieldKind::Number(..)
        | FieldKind::Flag
        | FieldKind::Several(_)
        | FieldKind::HsPrefixes
        | FieldKind::Characteristics => Vec::new(),
    }
}

/// The entries of a column that holds several.
fn entries(value: &str) -> impl Iterator<Item = &str> {
    value.split(';').filter(|w| !w.is_empty())
}

/// The words of which a field may hold several, with their labels.
pub(super) fn several(references: &ReferenceCache, words: Words) -> Vec<(String, String)> {
    match words {
        Words::Clauses => {
            let clauses = references.clauses.iter();
            clauses.map(|c| (c.code.to_string(), format!("{}. {}", c.code, c.short_name))).collect()
        }
        Words::FollowUps | Words::Posts | Words::Decisions => {
            words.known().into_iter().map(|(word, label)| (word.to_owned(), label.to_owned())).collect()
        }
    }
}

/// What HS codes begin with, as typed: each must begin one that is known.
fn prefixes(check: &mut Checker<'_>, form: &FormData, f: &'static Field, is_known: impl Fn(&str) -> bool) -> String {
    let typed = domain::text::half_width(form.get(f.column));
    let mut all: Vec<&str> = Vec::new();
    for prefix in typed.split([';', ',', '、', ' ']).filter(|p| !p.is_empty()) {
        if !all.contains(&prefix) {
            all.push(prefix);
        }
    }
    if typed.chars().count() > LONGEST_PREFIXES {
        check.error(f.column, format!("最多填写 {LONGEST_PREFIXES} 个字"));
    }
    match all.iter().find(|p| !is_hs_prefix(p) || !is_known(p)) {
        Some(wrong) if is_hs_prefix(wrong) => check.error(f.column, format!("没有以“{wrong}”开头的 HS 编码，请核对")),
        Some(wrong) => check.error(f.column, format!("“{wrong}”应为 HS 编码的前 2–10 位数字，多个用分号隔开")),
        None => {}
    }
    all.join(";")
}

async fn build(
    app: &App,
    user: &Permitted<KeepReferences>,
    kind: ReferenceKind,
    row: Option<(String, Content)>,
    data: FormData,
    errors: FieldErrors,
) -> Result<RowPage, AppError> {
    let references = app.references.now();
    let read = app.db.read();
    let (code, stored) = row.unwrap_or_default();
    let (editions, is_used) = if code.is_empty() {
        (Vec::new(), false)
    } else {
        let editions = reference_edition::editions(&read, kind, &code, SHOWN).await?;
        (editions, reference_edition::is_used(&read, kind, &code).await?)
    };
    let title = if code.is_empty() {
        format!("添加{}", kind.label())
    } else {
        format!("{} {}", kind.label(), code_said(kind, &code))
    };
    let list = format!("/reference/{}", kind.path());
    let crumbs = [("基础数据", "/reference"), (kind.label(), list.as_str())];
    let mut shell = frame::signed(app, user, &title, Entry::References, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let fields = kind
        .fields()
        .iter()
        .map(|field| FieldView {
            field,
            choices: choices(&references, field.kind, data.get(field.column), app.clock.today()),
            fixed: (field.is_lasting && is_used).then(|| stored.get(field.column).cloned().unwrap_or_default()),
            boxes: match field.kind {
                FieldKind::Several(words) => several(&references, words)
                    .into_iter()
                    .map(|(word, label)| {
                        let ticked = data.all(field.column).any(|t| t == word);
                        (word, label, ticked)
                    })
                    .collect(),
                _ => Vec::new(),
            },
        })
        .collect();
    Ok(RowPage {
        shell,
        tabs: tabs(Some(kind)),
        kind,
        fields,
        has_characteristics: kind.fields().iter().any(|f| f.kind == FieldKind::Characteristics),
        lines: characteristics::lines(),
        line_kinds: characteristics::kinds(),
        // Of what was typed into an older edition the next save must know.
        seen: data.get("seen").parse().unwrap_or_else(|_| editions.first().map_or(0, |e| e.id)),
        pending: editions.iter().find(|e| e.is_pending()).map(|e| (e.id, e.effective_on.to_string())),
        history: history(&references, kind, &editions)?,
        code,
        form: FormView::new(data, errors, &user.caller.csrf),
    })
}

/// The editions with what each changed.
pub(super) fn history(
    references: &ReferenceCache,
    kind: ReferenceKind,
    editions: &[Edition],
) -> Result<Vec<EditionLine>, AppError> {
    let contents = editions.iter().map(Edition::content).collect::<Result<Vec<_>, _>>()?;
    let mut out = Vec::new();
    for (n, e) in editions.iter().enumerate() {
        // What was taken back never stood before the next one.
        let before = (n + 1..editions.len()).find(|m| editions[*m].cancelled_at.is_none()).map(|m| &contents[m]);
        let (label, tone) = match (e.applied_at, e.cancelled_at) {
            (Some(_), _) => ("已生效", "t-green"),
            (None, Some(_)) => ("已取消", "t-slate"),
            (None, None) => ("待生效", "t-amber"),
        };
        out.push(EditionLine {
            from: e.effective_on.to_string(),
            saved: e.saved_at.china(),
            who: e.saved_by.clone(),
            changes: match before {
                Some(before) => changes(references, kind, before, &contents[n]),
                None => vec!["首次记录".to_owned()],
            },
            label,
            tone,
        });
    }
    Ok(out)
}

pub(super) fn changes(
    references: &ReferenceCache,
    kind: ReferenceKind,
    before: &Content,
    after: &Content,
) -> Vec<String> {
    let empty = String::new();
    let of = |content: &Content, column: &str| content.get(column).unwrap_or(&empty).clone();
    let mut out: Vec<String> = kind
        .fields()
        .iter()
        .filter(|f| of(before, f.column) != of(after, f.column))
        .map(|f| {
            let said = |value: String| said(references, f.kind, &value);
            format!("{}：{} → {}", f.label, said(of(before, f.column)), said(of(after, f.column)))
        })
        .collect();
    let days = |content: &Content| validity(&of(content, "valid_from"), &of(content, "valid_to"));
    if kind.is_dated() && days(before) != days(after) {
        out.push(format!("有效期：{} → {}", days(before), days(after)));
    }
    if out.is_empty() {
        out.push("保存，没有变化".to_owned());
    }
    out
}

/// A stored value, for people.
pub(super) fn said(references: &ReferenceCache, kind: FieldKind, value: &str) -> String {
    let words = match kind {
        FieldKind::Flag => return if value == "1" { "是" } else { "否" }.to_owned(),
        FieldKind::Unit => references.unit_name(&UnitCode::new(value)).to_owned(),
        FieldKind::Bureau | FieldKind::DirectBureau if value.is_empty() => String::new(),
        FieldKind::Bureau | FieldKind::DirectBureau => references.bureau_name(&BureauCode::new(value)).to_owned(),
        FieldKind::Characteristics => characteristics::in_words(value),
        FieldKind::Several(words) => {
            let known = several(references, words);
            let labels: Vec<_> =
                entries(value).map(|w| known.iter().find(|(x, _)| x == w).map_or(w, |(_, label)| label)).collect();
            labels.join("、")
        }
        FieldKind::HsPrefixes => value.replace(';', "；"),
        FieldKind::Text(_)
        | FieldKind::Long(_)
        | FieldKind::Number(..)
        | FieldKind::District
        | FieldKind::RegionAbove => value.to_owned(),
    };
    if words.is_empty() { "（空）".to_owned() } else { words }
}

/// What was typed. `before` is the row as it stands, and whether it is used.
pub(super) fn read(
    check: &mut Checker<'_>,
    form: &FormData,
    kind: ReferenceKind,
    references: &ReferenceCache,
    before: Option<(&Content, bool)>,
    today: Day,
) -> Content {
    let mut out = Content::new();
    for f in kind.fields() {
        let kept = before.filter(|(_, used)| f.is_lasting && *used).and_then(|(content, _)| content.get(f.column));
        let value = match kept {
            Some(kept) => kept.clone(),
            None => value(check, form, f, references, before.map(|(content, _)| content), today),
        };
        out.insert(f.column.to_owned(), value);
    }
    if kind.is_dated() {
        let from = check.day_optional("valid_from", "启用日期");
        let to = check.day_optional("valid_to", "停用日期");
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            check.error("valid_to", "停用日期不能早于启用日期");
        }
        out.insert("valid_from".to_owned(), from.map_or_else(|| BEGINNING.to_owned(), |d| d.to_string()));
        out.insert("valid_to".to_owned(), to.map_or_else(|| END.to_owned(), |d| d.to_string()));
    }
    out
}

fn value(
    check: &mut Checker<'_>,
    form: &FormData,
    f: &'static Field,
    references: &ReferenceCache,
    before: Option<&Content>,
    today: Day,
) -> String {
    let text = |check: &mut Checker<'_>, max: usize| {
        let field = check.text(f.column, f.label).length(0..=max);
        let field = if matches!(f.kind, FieldKind::Text(_)) { field.one_line() } else { field };
        if f.is_required { field.required().take() } else { field.take() }
    };
    match f.kind {
        FieldKind::Text(max) | FieldKind::Long(max) => text(check, max),
        FieldKind::Number(least, most) => {
            let number = check.parse(f.column, f.label, |s| {
                let typed = domain::text::half_width(s).parse::<i64>().ok();
                typed.filter(|n| (least..=most).contains(n)).ok_or(format!("{}应为 {least}–{most} 的整数", f.label))
            });
            number.map(|n| n.to_string()).unwrap_or_default()
        }
        FieldKind::Flag => if form.has(f.column) { "1" } else { "" }.to_owned(),
        FieldKind::Unit
        | FieldKind::District
        | FieldKind::Bureau
        | FieldKind::DirectBureau
        | FieldKind::RegionAbove => {
            let typed = form.get(f.column).trim();
            if typed.is_empty() && !f.is_required {
                return String::new();
            }
            let stands = before.and_then(|b| b.get(f.column)).is_some_and(|b| b == typed);
            let known = choices(references, f.kind, "", today);
            check.choice(f.column, f.label, |c| stands || known.iter().any(|k| k.value == c))
        }
        FieldKind::Several(words) => {
            let known = several(references, words).into_iter().map(|(word, _)| word);
            let ticked: Vec<_> = known.filter(|w| form.all(f.column).any(|t| t == w)).collect();
            if ticked.is_empty() && f.is_required {
                check.error(f.column, format!("请选择{}", f.label));
            }
            ticked.join(";")
        }
        FieldKind::HsPrefixes => {
            let stands = before.and_then(|b| b.get(f.column)).map_or("", String::as_str);
            prefixes(check, form, f, |p| entries(stands).any(|s| s == p) || references.has_hs_prefix(p, today))
        }
        FieldKind::Characteristics => characteristics::read(check, form),
    }
}

/// That a row may lie below the one that it names, and that its numbers agree.
pub(super) fn check_above(check: &mut Checker<'_>, kind: ReferenceKind, code: &str, content: &Content) {
    if kind == ReferenceKind::ServiceTerm {
        let days = |column: &str| content.get(column).and_then(|n| n.parse::<i64>().ok());
        if let (Some(term), Some(amber)) = (days("term_days"), days("amber_days"))
            && amber > term
        {
            check.error("amber_days", "临期的天数不能超过办理期限");
        }
    }
    if content.get("parent_code").is_some_and(|above| !kind.fits_above(code, above)) {
        check.error("parent_code", "代码与上级不符：行政区划代码的前几位应与上级相同，且不能以自己为上级");
    }
}

/// That the certificate can print the texts that it takes from these rows (E27): what CNCA writes here, no enterprise can
/// mend.
pub(super) fn check_printed(check: &mut Checker<'_>, papers: &dyn Papers, kind: ReferenceKind, content: &Content) {
    let is_printed = match kind {
        ReferenceKind::Unit
        | ReferenceKind::Clause
        | ReferenceKind::TradeMode
        | ReferenceKind::Port
        | ReferenceKind::Region
        | ReferenceKind::Country
        | ReferenceKind::Currency
        | ReferenceKind::Bureau => true,
        ReferenceKind::HsType
        | ReferenceKind::Holiday
        | ReferenceKind::ServiceTerm
        | ReferenceKind::AttachmentKind
        | ReferenceKind::ReviewPoint
        | ReferenceKind::SharedPhrase => false,
    };
    let texts = kind.fields().iter().filter(|f| matches!(f.kind, FieldKind::Text(_) | FieldKind::Long(_)));
    for f in texts.filter(|_| is_printed) {
        let text = content.get(f.column).map_or("", String::as_str);
        if let Some(why) = glyphs::mistake(papers, f.label, text) {
            check.error(f.column, why);
        }
    }
}

fn done(app: &App, kind: ReferenceKind, code: &str, sentence: &str) -> Response {
    flash::to(&app.key, app.config.is_https(), &format!("/reference/{}/{code}", kind.path()), sentence)
}

/// This process shows the change at once; the others within a minute.
pub(super) async fn refresh(app: &App) -> Result<(), AppError> {
    app.references.replace(db::reference::load(&app.db.read()).await?);
    Ok(())
}

/// 保存 of a new row.
pub async fn create(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Path(path): Path<String>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let kind = kind_of(&path)?;
    let references = app.references.now();
    let mut check = Checker::new(&form);
    let code = check.parse("code", kind.code_label(), |s| {
        let code = kind.code_of(s);
        if kind.accepts_code(&code) {
            Ok(code)
        } else {
            Err(format!("{}应为{}", kind.code_label(), kind.code_rule()))
        }
    });
    let new = read(&mut check, &form, kind, &references, None, app.clock.today());
    if let Some(code) = &code {
        check_above(&mut check, kind, code, &new);
    }
    check_printed(&mut check, app.papers.as_ref(), kind, &new);
    let outcome = check.finish();
    let (Ok(()), Some(code)) = (&outcome, code) else {
        let errors = outcome.err().unwrap_or_default();
        return page::unprocessable(&build(&app, &user, kind, None, form, errors).await?);
    };
    let tx = app.db.begin().await?;
    match reference_edition::create(&tx, &user.permit, kind, &code, &new, &user.by(), app.now()).await {
        Ok(()) => tx.commit().await?,
        Err(DbError::Duplicate(_)) => {
            drop(tx);
            let mut errors = FieldErrors::default();
            errors.add("code", format!("该{}已存在，请修改原有数据", kind.code_label()));
            return page::unprocessable(&build(&app, &user, kind, None, form, errors).await?);
        }
        Err(other) => return Err(other.into()),
    }
    refresh(&app).await?;
    Ok(done(&app, kind, &code, "已添加。"))
}

/// 保存, from a day on.
pub async fn update(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Path((path, code)): Path<(String, String)>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    let kind = kind_of(&path)?;
    let db = app.db.read();
    let stored = reference_edition::content(&db, kind, &code).await?;
    let is_used = reference_edition::is_used(&db, kind, &code).await?;
    let (references, today) = (app.references.now(), app.clock.today());
    let mut check = Checker::new(&form);
    let to = read(&mut check, &form, kind, &references, Some((&stored, is_used)), today);
    check_above(&mut check, kind, &code, &to);
    check_printed(&mut check, app.papers.as_ref(), kind, &to);
    let from = check.day("effective_on", "生效日期");
    if from.is_some_and(|d| d < today) {
        check.error("effective_on", "生效日期不能早于今天");
    }
    if kind == ReferenceKind::Unit
        && let Some(last) = to.get("valid_to").and_then(|d| d.parse::<Day>().ok())
    {
        let n = reference_edition::types_in_unit(&db, &code, last).await?;
        if n > 0 {
            check.error("valid_to", format!("停用后仍有 {n} 个 HS 产品类型使用该单位，请先修改或停用这些类型"));
        }
    }
    let outcome = check.finish();
    let (Ok(()), Some(from)) = (&outcome, from) else {
        let errors = outcome.err().unwrap_or_default();
        return page::unprocessable(&build(&app, &user, kind, Some((code, stored)), form, errors).await?);
    };
    let seen = form.get("seen").parse().unwrap_or(-1);
    let tx = app.db.begin().await?;
    let saved = reference_edition::update(&tx, &user.permit, kind, &code, &to, from, seen, &user.by(), app.now()).await;
    match saved {
        Ok(Shows::Now) => {
            tx.commit().await?;
            refresh(&app).await?;
            Ok(done(&app, kind, &code, "已保存，即时生效。"))
        }
        Ok(Shows::Later(day)) => {
            tx.commit().await?;
            Ok(done(&app, kind, &code, &format!("已保存，将于 {day} 生效。")))
        }
        Err(error @ (DbError::Overtaken(_) | DbError::Refused(_))) => {
            drop(tx);
            form.remove("seen");
            let stored = reference_edition::content(&db, kind, &code).await?;
            let mut errors = FieldErrors::default();
            errors.add(
                "effective_on",
                match error {
                    DbError::Refused(why) => why,
                    _ => CHANGED_MEANWHILE.to_owned(),
                },
            );
            page::unprocessable(&build(&app, &user, kind, Some((code, stored)), form, errors).await?)
        }
        Err(other) => Err(other.into()),
    }
}

/// 取消 of a change whose day has not come.
pub async fn cancel(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Path((path, code)): Path<(String, String)>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let kind = kind_of(&path)?;
    let edition = form.get("edition").parse().unwrap_or_default();
    let tx = app.db.begin().await?;
    reference_edition::cancel(&tx, &user.permit, kind, &code, edition, &user.by(), app.now()).await?;
    tx.commit().await?;
    Ok(done(&app, kind, &code, "已取消待生效的修改。"))
}

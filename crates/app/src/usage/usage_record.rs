//! 填写使用单位, 填写退运记录, 填写销毁记录, and the page that changes such a record (manual §2.9.1–2.9.4; forms §2.11).

use askama::Template;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::DbError;
use db::reading::What;
use db::submission_copy::{self, Submitted};
use db::usage::{self, GoodsLine, NewRecord, Record};
use domain::actor::Actor;
use domain::ids::{ApplicationId, PortCode, UsageRecordId};
use domain::policy;
use domain::quantity::Quantity;
use domain::text;
use domain::time::Day;
use domain::usage::{UsageAction, UsageForm, UsageKind, UsageLine, quantity, usable};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView, LONGEST_KEY};
use kit::reference::ReferenceCache;
use kit::session::{EnterpriseUser, Signed};
use kit::shell::Shell;
use kit::{flash, page, random};

use crate::frame::{self, Entry};
use crate::parts::filed_form::{self, FiledForm, Files};
use crate::parts::readings;
use crate::parts::typed::{self, Desk, Offer};
use crate::parts::usage::{self as view, Goods, Header, RecordRow, UsageStatus};
use crate::parts::view::Rows;
use crate::usage::typed::TypedForm;
use crate::usage::{Opened, goods, not_his, open};

/// So many products at most in one record.
const MOST_LINES: usize = 200;
/// The longest 使用单位地址: 行政区划 and address of the application, joined by the copy button.
const LONGEST_ADDRESS: usize = 300;

/// How strictly a form is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judging {
    /// 保存: what is typed must be sound; what is missing may come later (R-2.9.1-08).
    Save,
    /// 提交: everything (R-2.9.1-09).
    Submit,
}

/// A product of the form.
struct LineField {
    ordinal: i64,
    name: String,
    hs_code: String,
    model: String,
    unit: String,
    remaining: String,
    qty: String,
    serials: String,
    help: String,
}

#[derive(Template)]
#[template(path = "usage/usage_record.html")]
struct RecordPage {
    shell: Shell,
    header: Header,
    kind: UsageKind,
    form: FormView,
    action: String,
    back: String,
    lines: Vec<LineField>,
    ports: [Vec<Choice>; 2],
    files: Files,
    /// A record that exists: 修改 in place of 保存.
    is_change: bool,
    /// 审核意见 of a record that came back.
    opinion: Option<String>,
    unsaved: bool,
    conflict: bool,
    kept: Option<Offer>,
    /// Where the form is kept while somebody types.
    desk: Desk,
    disposal_hint: &'static str,
}

/// The kind and the products that were ticked.
#[derive(Debug, Default, serde::Deserialize)]
pub struct NewQuery {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    line: Vec<String>,
    #[serde(default)]
    restore: String,
}

/// `?restore=1`: what was typed and kept, in place of what is stored (E21).
#[derive(Debug, Default, serde::Deserialize)]
pub struct EditQuery {
    #[serde(default)]
    restore: String,
}

/// `?refresh=`: a button that only changes the form.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Refresh {
    #[serde(default)]
    refresh: String,
}

fn unknown_kind() -> AppError {
    AppError::Invalid("没有这种记录，请从“填写产品使用记录”页面重新进入。".to_owned())
}

/// The products that a form names, in their order.
fn named<'a>(values: impl Iterator<Item = &'a str>) -> Vec<i64> {
    let mut named: Vec<i64> = values.filter_map(|n| n.parse().ok()).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// An empty form for the ticked products (R-2.9.1-01, -02).
pub async fn new(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<ApplicationId>,
    Query(query): Query<NewQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let opened = open(&read, &app, &user, id).await?;
    if !opened.may_record {
        return Ok(page::see_other(&format!("/applications/{id}/usage-records")));
    }
    let kind: UsageKind = query.kind.parse().map_err(|_| unknown_kind())?;
    let ticked = named(query.line.iter().map(String::as_str));
    let kept = typed::find(&read, &user, id, &TypedForm::New(kind).word()).await?;
    if let (Some(kept), false) = (&kept, query.restore.is_empty()) {
        let mut data = typed::form_of(kept);
        data.set("creation_key", &random::token());
        let (_, offer) = typed::restored(Some(kept.clone()), FormData::default(), true);
        let mut page = build(&app, &user, &opened, kind, None, data, FieldErrors::default()).await?;
        page.unsaved = true;
        page.kept = offer.shown(&page.desk, &user);
        return page::render(&page);
    }
    if ticked.len() > MOST_LINES {
        let why = format!("一次最多选择 {MOST_LINES} 个产品，现在是 {} 个", ticked.len());
        return goods::again(&app, &user, &opened, &ticked, why).await;
    }
    let lines = usage::lines(&read, opened.goods.certificate.id, &ticked).await?;
    if lines.is_empty() {
        let why = format!("请先选择产品，再点击“{}”", kind.title());
        return goods::again(&app, &user, &opened, &ticked, why).await;
    }
    let empty: Vec<_> = lines.iter().filter(|l| usable(l.remaining()) == Quantity::ZERO).collect();
    if !empty.is_empty() {
        let names: Vec<_> = empty.iter().map(|l| opened.goods.product(l.ordinal).name).collect();
        let why = format!("下列产品没有剩余数量，请重新选择：{}", names.join("、"));
        return goods::again(&app, &user, &opened, &ticked, why).await;
    }
    let mut data = FormData::default();
    // One record per opened page, however often the button is clicked.
    data.set("creation_key", &random::token());
    data.set("kind", kind.word());
    let mut pairs = data.pairs().to_vec();
    pairs.extend(lines.iter().map(|l| ("line".to_owned(), l.ordinal.to_string())));
    let mut data = FormData::from_pairs(pairs);
    if kind == UsageKind::Use {
        let b = &opened.goods.application.basics;
        data.set("use_unit_name", &b.use_unit_name);
        data.set("use_contact", &b.use_contact);
        data.set("use_phone", &b.use_phone);
        let first = lines.first().map_or(0, |l| l.ordinal);
        data.set("use_address", &use_address_of(&read, id, first).await?);
    }
    let (data, offer) = typed::restored(kept, data, false);
    let mut page = build(&app, &user, &opened, kind, None, data, FieldErrors::default()).await?;
    page.kept = offer.shown(&page.desk, &user);
    page::render(&page)
}

/// 使用单位地址 of the product at this place of the annex: products keep the order of their entry.
async fn use_address_of(read: &db::Reader<'_>, id: ApplicationId, ordinal: i64) -> Result<String, AppError> {
    #[derive(db::Row)]
    struct Columns {
        use_address: String,
    }
    let sql = "SELECT use_address FROM application_item WHERE application_id = $1 ORDER BY id LIMIT 1 OFFSET $2";
    let found: Option<Columns> = read.row(sql, db::params![id, (ordinal - 1).max(0)]).await?;
    Ok(found.map(|c| c.use_address).unwrap_or_default())
}

async fn build(
    app: &App,
    user: &EnterpriseUser,
    opened: &Opened,
    kind: UsageKind,
    record: Option<&Record>,
    data: FormData,
    errors: FieldErrors,
) -> Result<RecordPage, AppError> {
    let goods = &opened.goods;
    let id = goods.application.id;
    let read = app.db.read();
    let lines = usage::lines(&read, goods.certificate.id, &named(data.all("line"))).await?;
    let (action, back, title) = match record {
        Some(record) => (
            format!("/usage-records/{}", record.id),
            format!("/applications/{id}/usage-records?kind={kind}"),
            format!("修改{}", kind.record()),
        ),
        None => {
            (format!("/applications/{id}/usage-records"), format!("/applications/{id}/goods"), kind.title().to_owned())
        }
    };
    let goods_href = format!("/applications/{id}/goods");
    let records_href = format!("/applications/{id}/usage-records");
    let mut crumbs = vec![("查看申请列表", "/applications"), ("填写产品使用记录", goods_href.as_str())];
    if record.is_some() {
        crumbs.push(("查看记录", records_href.as_str()));
    }
    let mut shell = frame::signed(app, user, &title, Entry::Applications, &crumbs).await?;
    shell.error_title = !errors.is_empty();
    let files = Files::of(app, user, goods.certificate.id, record.map(|r| r.id), &data, &action).await?;
    let kept_as = record.map_or(TypedForm::New(kind), |r| TypedForm::Record(r.id));
    let ordinals: Vec<_> = lines.iter().map(|l| l.ordinal).collect();
    let references = app.references.now();
    Ok(RecordPage {
        shell,
        header: goods.header(),
        kind,
        ports: references.port_choices_on(data.get("port_code_1"), port_day(&data, app.clock.today())),
        lines: lines.iter().map(|l| line_field(goods, l)).collect(),
        unsaved: !errors.is_empty(),
        form: FormView::new(data, errors, &user.caller.csrf).at(&action),
        action,
        back,
        files: files.titled("上传附件", hint(kind)),
        is_change: record.is_some(),
        opinion: record.filter(|r| !r.opinion.is_empty()).map(|r| r.opinion.clone()),
        conflict: false,
        kept: None,
        desk: kept_as.desk(id, &ordinals),
        disposal_hint: match kind {
            UsageKind::Use => "同一使用单位使用的几个产品可以写在一条记录里。",
            UsageKind::Return => "退运手续应在出口后两周内办理，出口报关单是退运的证明。",
            UsageKind::Destruction => "销毁应由有资质的单位办理，销毁现场照片是销毁的证明。",
        },
    })
}

const fn hint(kind: UsageKind) -> &'static str {
    match kind {
        UsageKind::Use => "选填。可以选择多个文件，每个不超过 5M，合计不超过 100M。",
        UsageKind::Return => "建议上传出口报关单，便于审核结案。可以选择多个文件，每个不超过 5M，合计不超过 100M。",
        UsageKind::Destruction => {
            "建议上传销毁记录和现场照片，便于审核结案。可以选择多个文件，每个不超过 5M，合计不超过 100M。"
        }
    }
}

fn line_field(goods: &Goods, line: &GoodsLine) -> LineField {
    let product = goods.product(line.ordinal);
    let most = usable(line.remaining());
    LineField {
        ordinal: line.ordinal,
        remaining: product.amount(line.remaining()),
        qty: format!("qty_{}", line.ordinal),
        serials: format!("serials_{}", line.ordinal),
        help: format!("正整数，不超过 {}", product.amount(most)),
        name: product.name,
        hs_code: product.hs_code,
        model: product.model,
        unit: product.unit,
    }
}

/// 保存 and 提交 of a new record, and the buttons that only change the form.
pub async fn create(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<ApplicationId>,
    Query(query): Query<Refresh>,
    request: Request,
) -> Result<Response, AppError> {
    let opened = open(&app.db.read(), &app, &user, id).await?;
    if !opened.may_record {
        return Err(not_his());
    }
    let filed = filed_form::read(&app, &user, opened.goods.certificate.id, request).await?;
    if let Some(row) = filed.row(&app, &user, &format!("/applications/{id}/usage-records")).await {
        return row;
    }
    let FiledForm { form, refused, .. } = filed;
    let kind: UsageKind = form.get("kind").parse().map_err(|_| unknown_kind())?;
    if !(1..=LONGEST_KEY).contains(&form.get("creation_key").len()) || named(form.all("line")).len() > MOST_LINES {
        return Err(AppError::Invalid("页面不完整，请返回“填写产品使用记录”重新选择产品。".to_owned()));
    }
    if !query.refresh.is_empty() || !refused.is_empty() {
        return refreshed(&app, &user, &opened, kind, None, form, refused, &query.refresh).await;
    }
    let judging = judging(&form);
    let tx = app.db.begin().await?;
    let certificate = opened.goods.certificate.id;
    usage::lock(&tx, certificate).await?;
    let lines = usage::lines(&tx, certificate, &named(form.all("line"))).await?;
    let parsed = match parse(&app, &opened.goods, kind, &lines, &form, judging) {
        Ok(parsed) => parsed,
        Err(errors) => {
            drop(tx);
            let page = build(&app, &user, &opened, kind, None, form, errors).await?;
            return page::unprocessable(&page);
        }
    };
    let Some(bureau) = &opened.goods.certificate.supervising_bureau else {
        return Err(AppError::Internal(anyhow::anyhow!("certificate {certificate} has no supervising bureau")));
    };
    let new = NewRecord {
        certificate,
        kind,
        creation_key: form.get("creation_key"),
        owner: user.user.account,
        bureau,
        form: &parsed,
        files: &FiledForm::attached(&form),
    };
    let made = match usage::create(&tx, &new, &user.by(), app.now()).await {
        Ok(made) => made,
        Err(DbError::Refused(why)) => {
            drop(tx);
            return refreshed(&app, &user, &opened, kind, None, form, vec![why], "").await;
        }
        Err(error) => return Err(error.into()),
    };
    // A second click finds the record of the first.
    if let Some(record) = made
        && judging == Judging::Submit
    {
        let record = usage::load(&tx, &user.scope(), record).await?;
        submit(&tx, &app, &user, &record).await?;
    }
    typed::forget(&tx, &user, id, &TypedForm::New(kind).word()).await?;
    tx.commit().await?;
    Ok(done(&app, id, kind, judging))
}

fn judging(form: &FormData) -> Judging {
    if form.get("deed") == "submit" { Judging::Submit } else { Judging::Save }
}

/// 提交: the quantities are taken, 后续监管 has to look at it.
pub async fn submit(tx: &db::Tx, app: &App, user: &EnterpriseUser, record: &Record) -> Result<(), AppError> {
    let step = policy::may_with_usage(user.actor(), &record.ownership, UsageAction::Submit)
        .map_err(|r| AppError::Conflict(r.to_string()))?;
    usage::advance(tx, record, step, "", &user.by(), app.now()).await?;
    // What is submitted now stays readable beside what a correction makes of it.
    let goods = Goods::open(tx, app, user, record.application).await?;
    let fields = view::as_submitted(tx, app, &goods, record).await?;
    submission_copy::keep(tx, Submitted::Usage(record.id), record.version, &fields, app.now()).await?;
    Ok(())
}

/// Every save and submission leads to the record in 查看记录 (R-2.9.1-10).
fn done(app: &App, id: ApplicationId, kind: UsageKind, judging: Judging) -> Response {
    let said = match judging {
        Judging::Save => format!("已保存{}，尚未提交审核。", kind.record()),
        Judging::Submit => format!("已提交{}，送后续监管审核。", kind.record()),
    };
    flash::to(&app.key, app.config.is_https(), &format!("/applications/{id}/usage-records?kind={kind}"), &said)
}

/// 复制, 清空, 添加, 删除, 覆盖, 刷新: the page again with everything typed, nothing saved (E24).
#[expect(clippy::too_many_arguments, reason = "the page and the form as they came")]
async fn refreshed(
    app: &App,
    user: &EnterpriseUser,
    opened: &Opened,
    kind: UsageKind,
    record: Option<&Record>,
    mut form: FormData,
    refused: Vec<String>,
    what: &str,
) -> Result<Response, AppError> {
    match what {
        // R-2.9.1-03: 最终使用地 of the application.
        "copy" => {
            let b = &opened.goods.application.basics;
            let region = b.use_region.as_ref().map(|r| app.references.now().region_path(r)).unwrap_or_default();
            form.set("use_address", format!("{region} {}", b.use_address).trim());
        }
        // R-2.9.1-04.
        "clear" => {
            for field in ["use_unit_name", "use_contact", "use_phone", "use_address", "used_on", "note"] {
                form.set(field, "");
            }
        }
        _ => {}
    }
    let mut page = build(app, user, opened, kind, record, form, FieldErrors::default()).await?;
    page.unsaved = true;
    let is_refused = !refused.is_empty();
    page.files = page.files.refusing(refused);
    if is_refused { page::unprocessable(&page) } else { page::render(&page) }
}

/// A record, to be changed (R-2.9.4-06). One that cannot be changed shows itself.
pub async fn edit(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<UsageRecordId>,
    Query(query): Query<EditQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let record = usage::load(&read, &user.scope(), id).await?;
    if policy::may_with_usage(user.actor(), &record.ownership, UsageAction::Edit).is_err() {
        return Ok(page::see_other(&format!("/usage-records/{id}")));
    }
    let opened = open(&read, &app, &user, record.application).await?;
    let kept = typed::find(&read, &user, record.application, &TypedForm::Record(id).word()).await?;
    let data = typed_fields(&app, &read, &record).await?;
    let (data, offer) = typed::restored(kept, data, !query.restore.is_empty());
    let mut page = build(&app, &user, &opened, record.kind, Some(&record), data, FieldErrors::default()).await?;
    page.unsaved = offer.is_restored();
    page.kept = offer.shown(&page.desk, &user);
    page::render(&page)
}

/// A stored record as it stands in the inputs.
async fn typed_fields(app: &App, source: &impl db::Source, record: &Record) -> Result<FormData, AppError> {
    let f = &record.form;
    let day = |d: Option<domain::time::Day>| d.map(|d| d.to_string()).unwrap_or_default();
    let port = f.port.as_ref().map(PortCode::as_str).unwrap_or_default();
    let references = app.references.now();
    let district = f.port.as_ref().map_or("", |p| references.port_group(p));
    let fields = [
        ("version", record.version.to_string()),
        ("kind", record.kind.word().to_owned()),
        ("use_unit_name", f.use_unit_name.clone()),
        ("use_contact", f.use_contact.clone()),
        ("use_phone", f.use_phone.clone()),
        ("use_address", f.use_address.clone()),
        ("used_on", day(f.used_on)),
        ("note", f.note.clone()),
        ("returned_on", day(f.returned_on)),
        ("port_code_1", district.to_owned()),
        ("port_code_2", port.to_owned()),
        ("export_decl_no", f.export_decl_no.clone()),
        ("reason", f.reason.clone()),
        ("destroyed_on", day(f.destroyed_on)),
        ("place", f.place.clone()),
        ("method", f.method.clone()),
        ("handler", f.handler.clone()),
        ("witness", f.witness.clone()),
    ];
    let mut pairs: Vec<_> = fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    let lines = usage::lines_of(source, record.id).await?;
    for line in &lines {
        let Some(own) = f.lines.iter().find(|l| l.item == line.id) else { continue };
        pairs.push(("line".to_owned(), line.ordinal.to_string()));
        pairs.push((format!("qty_{}", line.ordinal), own.qty.map(Quantity::plain).unwrap_or_default()));
        pairs.push((format!("serials_{}", line.ordinal), own.serials.clone()));
    }
    let files = usage::files_of(source, &[record.id]).await?;
    let current = files.iter().filter(|f| f.removed_at.is_none());
    pairs.extend(current.map(|f| ("attached".to_owned(), f.id.to_string())));
    Ok(FormData::from_pairs(pairs))
}

/// 修改 and 提交 of a record that exists.
pub async fn update(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<UsageRecordId>,
    Query(query): Query<Refresh>,
    request: Request,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let seen = usage::load(&read, &user.scope(), id).await?;
    policy::may_with_usage(user.actor(), &seen.ownership, UsageAction::Edit)
        .map_err(|r| AppError::Conflict(r.to_string()))?;
    let opened = open(&read, &app, &user, seen.application).await?;
    let filed = filed_form::read(&app, &user, seen.certificate, request).await?;
    if let Some(row) = filed.row(&app, &user, &format!("/usage-records/{id}")).await {
        return row;
    }
    let FiledForm { mut form, refused, .. } = filed;
    if !query.refresh.is_empty() || !refused.is_empty() {
        return refreshed(&app, &user, &opened, seen.kind, Some(&seen), form, refused, &query.refresh).await;
    }
    let judging = judging(&form);
    let tx = app.db.begin().await?;
    let record = usage::load_for_update(&tx, &user.scope(), id).await?;
    let edit = policy::may_with_usage(user.actor(), &record.ownership, UsageAction::Edit)
        .map_err(|r| AppError::Conflict(r.to_string()))?;
    let lines = usage::lines_of(&tx, id).await?;
    let parsed = match parse(&app, &opened.goods, record.kind, &lines, &form, judging) {
        Ok(parsed) => parsed,
        Err(errors) => {
            drop(tx);
            let page = build(&app, &user, &opened, record.kind, Some(&record), form, errors).await?;
            return page::unprocessable(&page);
        }
    };
    if form.get("version") != record.version.to_string() {
        drop(tx);
        // Another tab was faster: what is typed here stays, and pressing the button again means it.
        form.set("version", &record.version.to_string());
        let mut page = build(&app, &user, &opened, record.kind, Some(&record), form, FieldErrors::default()).await?;
        page.conflict = true;
        page.unsaved = true;
        return page::with_status(StatusCode::CONFLICT, &page);
    }
    match usage::save(&tx, &record, edit, &parsed, &FiledForm::attached(&form), &user.by(), app.now()).await {
        Ok(()) => {}
        Err(DbError::Refused(why)) => {
            drop(tx);
            return refreshed(&app, &user, &opened, record.kind, Some(&record), form, vec![why], "").await;
        }
        Err(error) => return Err(error.into()),
    }
    if judging == Judging::Submit {
        let record = usage::load(&tx, &user.scope(), id).await?;
        submit(&tx, &app, &user, &record).await?;
    }
    typed::forget(&tx, &user, record.application, &TypedForm::Record(id).word()).await?;
    tx.commit().await?;
    Ok(done(&app, record.application, record.kind, judging))
}

/// 提交 of a stored record from the list: the same judgement as on its page; what is missing is marked there.
pub async fn submit_stored(app: &App, user: &EnterpriseUser, id: UsageRecordId) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let record = usage::load_for_update(&tx, &user.scope(), id).await?;
    policy::may_with_usage(user.actor(), &record.ownership, UsageAction::Submit)
        .map_err(|r| AppError::Conflict(r.to_string()))?;
    let opened = open(&tx, app, user, record.application).await?;
    let data = typed_fields(app, &tx, &record).await?;
    let lines = usage::lines_of(&tx, id).await?;
    if let Err(errors) = parse(app, &opened.goods, record.kind, &lines, &data, Judging::Submit) {
        drop(tx);
        let mut page = build(app, user, &opened, record.kind, Some(&record), data, errors).await?;
        page.unsaved = false;
        return page::unprocessable(&page);
    }
    submit(&tx, app, user, &record).await?;
    typed::forget(&tx, user, record.application, &TypedForm::Record(id).word()).await?;
    tx.commit().await?;
    Ok(done(app, record.application, record.kind, Judging::Submit))
}

/// Reads a record; every mistake at once.
fn parse(
    app: &App,
    goods: &Goods,
    kind: UsageKind,
    lines: &[GoodsLine],
    form: &FormData,
    judging: Judging,
) -> Result<UsageForm, FieldErrors> {
    let strict = judging == Judging::Submit;
    let references = app.references.now();
    let mut check = Checker::new(form);
    let lines = parse_lines(&mut check, goods, kind, lines, form, strict);
    let mut out = UsageForm { lines, ..UsageForm::default() };
    let today = app.clock.today();
    let text = |check: &mut Checker<'_>, field: &str, label: &str, required: bool, longest: usize| {
        let one = check.text(field, label).length(1..=longest);
        if required && strict { one.required().take() } else { one.take() }
    };
    let day = |check: &mut Checker<'_>, field: &str, label: &str| {
        let found = if strict { check.day(field, label) } else { check.day_optional(field, label) };
        if found.is_some_and(|d| d > today) {
            check.error(field, format!("{label}不能晚于今天"));
        }
        found
    };
    match kind {
        UsageKind::Use => {
            out.use_unit_name = text(&mut check, "use_unit_name", "使用单位名称", true, 100);
            out.use_contact = text(&mut check, "use_contact", "联系人", true, 50);
            let phone = if strict {
                check.parse("use_phone", "联系电话", text::phone)
            } else {
                check.parse_optional("use_phone", text::phone)
            };
            out.use_phone = phone.unwrap_or_default();
            out.use_address = text(&mut check, "use_address", "使用单位地址", true, LONGEST_ADDRESS);
            out.used_on = day(&mut check, "used_on", "使用日期");
            out.note = text(&mut check, "note", "使用说明", false, 500);
        }
        UsageKind::Return => {
            out.returned_on = day(&mut check, "returned_on", "退运日期");
            out.port = port(&mut check, &references, form, strict, port_day(form, today));
            let number = |s: &str| declaration_number(s);
            let declared = if strict {
                check.parse("export_decl_no", "出口报关单号", number)
            } else {
                check.parse_optional("export_decl_no", number)
            };
            out.export_decl_no = declared.unwrap_or_default();
            out.reason = text(&mut check, "reason", "退运原因", true, 500);
        }
        UsageKind::Destruction => {
            out.destroyed_on = day(&mut check, "destroyed_on", "销毁日期");
            out.place = text(&mut check, "place", "销毁地点", true, 200);
            out.method = text(&mut check, "method", "销毁方式", true, 200);
            out.handler = text(&mut check, "handler", "销毁单位", false, 100);
            out.witness = text(&mut check, "witness", "监销人", false, 50);
        }
    }
    check.finish()?;
    Ok(out)
}

/// Each product with its quantity, a positive integer within 剩余数量 (R-2.9.1-05, I6).
fn parse_lines(
    check: &mut Checker<'_>,
    goods: &Goods,
    kind: UsageKind,
    lines: &[GoodsLine],
    form: &FormData,
    strict: bool,
) -> Vec<UsageLine> {
    let label = kind.quantity();
    let mut out = Vec::with_capacity(lines.len());
    for line in lines {
        let (field, serials) = (format!("qty_{}", line.ordinal), format!("serials_{}", line.ordinal));
        let typed = form.get(&field).trim();
        let most = usable(line.remaining());
        let qty = match quantity(typed) {
            _ if typed.is_empty() && !strict => None,
            _ if typed.is_empty() => {
                check.error(&field, format!("请填写{label}"));
                None
            }
            Err(why) => {
                check.error(&field, format!("{label}{why}"));
                None
            }
            Ok(qty) if qty > most => {
                let most = goods.product(line.ordinal).amount(most);
                check.error(&field, format!("{label}不能超过剩余数量，最多 {most}"));
                None
            }
            Ok(qty) => Some(qty),
        };
        let serials = check.text(&serials, "序列号/零件号").length(0..=2000).take();
        out.push(UsageLine { item: line.id, qty, serials });
    }
    if out.is_empty() {
        check.error("line", "请选择产品");
    }
    out
}

/// The day on which a port of the list must have been one: 退运日期, or today as long as there is none.
fn port_day(form: &FormData, today: Day) -> Day {
    text::half_width(form.get("returned_on").trim()).parse::<Day>().map_or(today, |day| day.min(today))
}

/// 出口口岸 in two levels, as it was on that day.
fn port(
    check: &mut Checker<'_>,
    references: &ReferenceCache,
    form: &FormData,
    strict: bool,
    day: Day,
) -> Option<PortCode> {
    let (district, code) = (form.get("port_code_1"), form.get("port_code_2"));
    if code.is_empty() {
        if strict || !district.is_empty() {
            check.error("port_code", "请选择出口口岸（选到第二级）");
        }
        return None;
    }
    let port = PortCode::new(code);
    if references.has_port(code) && references.port_group(&port) == district {
        if references.port_holds(code, day) {
            return Some(port);
        }
        check.error("port_code", format!("该口岸在 {day} 不能使用（未启用或已停用），请选择其他口岸"));
        return None;
    }
    check.error("port_code", "请选择出口口岸（选到第二级）");
    None
}

/// 出口报关单号 has 18 digits.
fn declaration_number(typed: &str) -> Result<String, String> {
    text::customs_number(typed).map_err(|why| format!("出口报关单号{why}"))
}

#[derive(Template)]
#[template(path = "usage/show.html")]
struct ShowPage {
    shell: Shell,
    header: Header,
    kind: UsageKind,
    status: UsageStatus,
    row: RecordRow,
    facts: Rows,
    back: String,
    /// Where it is changed, when he may.
    edit: Option<String>,
}

/// A record, read-only; officers read it where they judge.
pub async fn show(State(app): State<App>, user: Signed, Path(id): Path<UsageRecordId>) -> Result<Response, AppError> {
    let read = app.db.read();
    let record = usage::load(&read, &user.scope(), id).await?;
    if matches!(user.actor(), Actor::Officer(_)) {
        return Ok(page::see_other(&format!("/usage-records/{id}/review")));
    }
    readings::note(&app, &user, What::Usage, record.application.get()).await;
    let goods = Goods::open(&read, &app, &user, record.application).await?;
    let row = view::rows(&read, &app, &goods, std::slice::from_ref(&record)).await?.pop().ok_or(AppError::NotFound)?;
    let (back, list) = match user.actor() {
        Actor::Enterprise(_) => {
            (format!("/applications/{}/usage-records?kind={}", record.application, record.kind), "查看记录")
        }
        Actor::Officer(_) | Actor::Cnca(_) => (format!("/applications/{}", record.application), "查看申请"),
    };
    let title = format!("查看{}", record.kind.record());
    let crumbs = [("查看申请列表", "/applications"), (list, back.as_str())];
    let may_edit = policy::may_with_usage(user.actor(), &record.ownership, UsageAction::Edit).is_ok();
    page::render(&ShowPage {
        shell: frame::signed(&app, &user, &title, Entry::Applications, &crumbs).await?,
        header: goods.header(),
        kind: record.kind,
        status: UsageStatus::of(record.state()),
        facts: Rows::new(view::facts(&app.references.now(), &record)),
        row,
        back,
        edit: may_edit.then(|| format!("/usage-records/{id}/edit")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_number_has_eighteen_digits() {
        assert_eq!(declaration_number("２２３３２０２６００００１２３４５６").unwrap(), "223320260000123456");
        assert_eq!(declaration_number("2233 2026 0000 123456").unwrap(), "223320260000123456");
        assert!(declaration_number("22332026000012345").unwrap_err().contains("现在是 17 位"));
        assert!(declaration_number("22332026000012345A").is_err());
    }

    #[test]
    fn products_are_named_once_in_their_order() {
        assert_eq!(named(["3", "1", "x", "3"].into_iter()), [1, 3]);
    }
}

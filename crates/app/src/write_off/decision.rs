//! 预核销确认 and 退回, product by product, several at once, all or none (workflow §3.5 P2, P3; R-2.8-18; D1, D11).

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::Query;
use db::audit::Subject;
use db::ledger::{self, Deed, LedgerError, LedgerResult, Outcome};
use db::{DbError, params};
use domain::actor::Post;
use domain::ids::{BureauCode, CertificateId, PreWriteOffId, PreWriteOffItemId};
use domain::ledger::{Amounts, PreWriteOffState};
use domain::policy;
use domain::quantity::Quantity;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, FieldErrors, FormData, FormView};
use kit::kept::Kept;
use kit::session::{BureauOfficer, Submitted};
use kit::shell::Shell;
use kit::{page, random};

use crate::frame::{self, Entry};
use crate::jobs;
use crate::parts::overtaken;
use crate::write_off::pre_write_offs::{Columns, Record, SELECT};
use crate::write_off::{Head, Leaf, Opened, RefreshQuery, Typed, done, must_write_off, open, typed};

#[derive(db::Row)]
struct Batch {
    certificate_id: CertificateId,
    bureau_code: BureauCode,
    port_code: String,
    customs_no: String,
    declared_at: Instant,
}

struct RowView {
    record: Record,
    is_pending: bool,
    is_ticked: bool,
    qty: String,
    hs_qty: String,
    qty_error: Option<String>,
    hs_error: Option<String>,
}

#[derive(Template)]
#[template(path = "write_off/decision.html")]
struct DecisionPage {
    shell: Shell,
    head: Head,
    id: PreWriteOffId,
    certificate: CertificateId,
    form: FormView,
    rows: Vec<RowView>,
    /// What stands on rows that are not shown.
    elsewhere: Vec<(String, String)>,
    leaf: Leaf,
    pending: usize,
    ticked: usize,
    /// Who was faster, and what was done (D34).
    conflict: Option<String>,
    /// What was typed into a form that was not done.
    kept: Kept,
    trail: i64,
    port: String,
    customs_no: String,
    declared_at: String,
}

/// A submission of 预核销, with everything its page shows.
struct Loaded {
    batch: Batch,
    opened: Opened,
    records: Vec<Record>,
}

/// The submission, if it is for a port of the officer's bureau; to others it does not exist (R-2.8-18).
async fn load(app: &App, user: &BureauOfficer, id: PreWriteOffId) -> Result<Loaded, AppError> {
    must_write_off(user)?;
    let read = app.db.read();
    let sql = "SELECT certificate_id, bureau_code, port_code, customs_no, declared_at FROM pre_write_off WHERE id = $1";
    let batch: Option<Batch> = read.row(sql, params![id]).await?;
    let batch = batch.filter(|b| policy::may_decide_for(user.actor(), &b.bureau_code)).ok_or(AppError::NotFound)?;
    let opened = open(&read, app, user.actor(), batch.certificate_id).await?;
    let goods = opened.goods(ledger::lines(&read, batch.certificate_id).await?);
    let sql = format!("{SELECT} WHERE i.pre_write_off_id = $1 ORDER BY i.certificate_item_id");
    let found: Vec<Columns> = read.rows(&sql, params![id]).await?;
    let records = found
        .into_iter()
        .filter_map(|c| {
            let own = goods.iter().find(|g| g.id == c.certificate_item_id)?.clone();
            Some(Record::of(app, c, own))
        })
        .collect();
    Ok(Loaded { batch, opened, records })
}

/// What may be written off of a declared product at most (D1, D11).
fn most(record: &Record) -> Amounts {
    record.declared.at_most(record.goods.balance.writable())
}

/// The page: every pending product ticked, with what was declared, as far as it is left.
pub async fn show(
    State(app): State<App>,
    user: BureauOfficer,
    Path(id): Path<PreWriteOffId>,
) -> Result<Response, AppError> {
    let loaded = load(&app, &user, id).await?;
    let mut pairs = vec![("deed_key".to_owned(), random::token())];
    for r in loaded.records.iter().filter(|r| r.state == PreWriteOffState::Pending) {
        let most = most(r);
        if !most.is_nothing() {
            pairs.push(("item".to_owned(), r.id.to_string()));
        }
        pairs.push((format!("qty_{}", r.id), most.qty.plain()));
        pairs.push((format!("hs_qty_{}", r.id), most.hs_qty.plain()));
    }
    page::render(&build(&app, &user, id, loaded, FormData::from_pairs(pairs), &Wrong::default()).await?)
}

/// What is wrong with the form.
#[derive(Default)]
struct Wrong {
    rows: BTreeMap<PreWriteOffItemId, [Option<String>; 2]>,
    errors: FieldErrors,
    /// The ledger refused it: something happened since the page was opened.
    is_late: bool,
}

/// 确认核销 or 退回预核销 of the ticked ones; with `?refresh` everything typed comes back and nothing is decided.
pub async fn create(
    State(app): State<App>,
    user: BureauOfficer,
    Path(id): Path<PreWriteOffId>,
    Query(query): Query<RefreshQuery>,
    Submitted(mut form): Submitted,
) -> Result<Response, AppError> {
    let loaded = load(&app, &user, id).await?;
    if query.is_set() {
        return page::render(&build(&app, &user, id, loaded, form, &Wrong::default()).await?);
    }
    let ticked: BTreeSet<PreWriteOffItemId> = form.all("item").filter_map(|i| i.parse().ok()).collect();
    let confirms = match form.get("decision") {
        "confirm" => true,
        "refuse" => false,
        _ => return Err(AppError::Invalid("请点击“确认核销”或“退回预核销”。".to_owned())),
    };
    let key = form.get("deed_key").to_owned();
    if key.len() < 32 {
        return Err(AppError::Invalid("页面不完整，请返回列表重新办理。".to_owned()));
    }
    let url = format!("/pre-write-offs/{id}/decision");
    let tx = app.db.begin().await?;
    if ledger::is_entered(&tx, loaded.batch.certificate_id, &key).await? {
        return Ok(page::see_other(&url));
    }
    let mut wrong = Wrong::default();
    let own: BTreeMap<_, _> = loaded.records.iter().map(|r| (r.id, r)).collect();
    if ticked.is_empty() {
        wrong.errors.add("item", "请先勾选要办理的产品");
    }
    if ticked.iter().any(|i| !own.contains_key(i)) {
        return Err(AppError::NotFound);
    }
    let given = if confirms { amounts(&form, &ticked, &own, &mut wrong) } else { Vec::new() };
    let differs = given.iter().any(|(i, a)| own.get(i).is_some_and(|r| r.declared != *a));
    let mut check = Checker::new(&form);
    let opinion = check.text("opinion", "说明").length(2..=500).take();
    if opinion.is_empty() && !confirms {
        check.error("opinion", "请填写退回原因");
    } else if opinion.is_empty() && differs {
        check.error("opinion", "本次核销数量与预核销数量不一致，请填写说明");
    }
    if let Err(errors) = check.finish() {
        for error in errors.iter() {
            wrong.errors.add(&error.field, error.message.clone());
        }
    }
    // A colleague decided one of them, or the enterprise took it back, since the page was opened.
    wrong.is_late = ticked.iter().any(|i| own.get(i).is_some_and(|r| r.state != PreWriteOffState::Pending));
    let mut status = if wrong.is_late { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    if !wrong.is_late && wrong.rows.is_empty() && wrong.errors.is_empty() {
        let deed = Deed { key: &key, by: &user.by(), now: app.now() };
        let certificate = loaded.batch.certificate_id;
        let bureau = &user.user.bureau;
        let outcome = if confirms {
            ledger::confirm(&tx, certificate, bureau, &given, &opinion, deed).await
        } else {
            let ids: Vec<_> = ticked.iter().copied().collect();
            ledger::refuse(&tx, certificate, bureau, &ids, &opinion, deed).await
        };
        if let Err(LedgerError::Db(DbError::Refused(now) | DbError::Overtaken(now))) = outcome {
            let about = (Subject::Certificate(certificate), &form);
            return Err(overtaken::answer(&tx, &app, user.user.account, about, &now, &url).await);
        }
        if stands_on_rows(outcome, &mut wrong)? {
            let n = ticked.len();
            let decided = if confirms { jobs::Decided::Confirmed } else { jobs::Decided::Refused };
            let number = &loaded.opened.certificate.number;
            jobs::pre_write_off_decided(
                &tx,
                &app,
                &loaded.opened.application,
                certificate,
                number,
                decided,
                n,
                &opinion,
            )
            .await?;
            tx.commit().await?;
            let pending = loaded.records.iter().filter(|r| r.state == PreWriteOffState::Pending).count();
            let said = if confirms {
                format!("已确认核销 {n} 个产品。")
            } else {
                format!("已退回 {n} 个产品的预核销。")
            };
            let next = if pending > n { url.as_str() } else { "/write-off/worklist" };
            return Ok(done(&app, next, &said));
        }
        status = StatusCode::CONFLICT;
        wrong.is_late = true;
    }
    drop(tx);
    // Lead to the first row that must be mended.
    let loaded = load(&app, &user, id).await?;
    if let Some(first) = loaded.records.iter().position(|r| wrong.rows.contains_key(&r.id)) {
        form.set("page", &Leaf::page_of(first).to_string());
    }
    page::with_status(status, &build(&app, &user, id, loaded, form, &wrong).await?)
}

/// The amounts of the ticked rows; every mistake at once.
fn amounts(
    form: &FormData,
    ticked: &BTreeSet<PreWriteOffItemId>,
    own: &BTreeMap<PreWriteOffItemId, &Record>,
    wrong: &mut Wrong,
) -> Vec<(PreWriteOffItemId, Amounts)> {
    let mut given = Vec::new();
    for (id, record) in ticked.iter().filter_map(|id| Some((*id, own.get(id)?))) {
        let amounts = match typed(form, id) {
            Typed::Unused => {
                wrong.rows.insert(id, [Some("请填写本次核销数量，不办理的请取消勾选".to_owned()), None]);
                continue;
            }
            Typed::Wrong(why) => {
                wrong.rows.insert(id, why);
                continue;
            }
            Typed::Amounts(amounts) => amounts,
        };
        let (declared, left) = (record.declared, record.goods.balance.writable());
        let why = |given: Quantity, declared: Quantity, left: Quantity| {
            if given > declared {
                Some(format!("不能超过预核销数量 {declared}"))
            } else if given > left {
                Some(format!("余量不足，最多 {left}"))
            } else {
                None
            }
        };
        let why = [why(amounts.qty, declared.qty, left.qty), why(amounts.hs_qty, declared.hs_qty, left.hs_qty)];
        if why.iter().any(Option::is_some) {
            wrong.rows.insert(id, why);
        }
        given.push((id, amounts));
    }
    given
}

/// Whether it was done; what the ledger refuses stands on its row.
fn stands_on_rows(outcome: LedgerResult<Outcome>, wrong: &mut Wrong) -> Result<bool, AppError> {
    match outcome {
        Ok(_) => Ok(true),
        Err(LedgerError::Lines(refusals)) => {
            for refusal in refusals {
                if let Some(item) = refusal.source {
                    wrong.rows.insert(item, [Some(refusal.why.to_string()), None]);
                }
            }
            Ok(false)
        }
        Err(LedgerError::Db(error)) => Err(error.into()),
    }
}

/// What was typed, product by product; of those that were not ticked nothing.
fn kept_of(app: &App, goods: &BTreeMap<String, String>, form: &FormData) -> Kept {
    let is_ticked = |item: &str| form.all("item").any(|i| i == item);
    let is_meant = |(name, _): &&(String, String)| {
        name.strip_prefix("hs_qty_").or_else(|| name.strip_prefix("qty_")).is_none_or(is_ticked)
    };
    let typed = form.pairs().iter().filter(is_meant).cloned().collect();
    Kept::with(&app.references.now(), &FormData::from_pairs(typed), |name, value| {
        let (item, unit) = match name.strip_prefix("hs_qty_") {
            Some(item) => (item, "HS 标准量"),
            None => (name.strip_prefix("qty_")?, "数量/重量"),
        };
        Some((goods.get(item)?.clone(), format!("{unit} {value}")))
    })
}

async fn build(
    app: &App,
    user: &BureauOfficer,
    id: PreWriteOffId,
    loaded: Loaded,
    mut data: FormData,
    wrong: &Wrong,
) -> Result<DecisionPage, AppError> {
    let Loaded { batch, opened, records } = loaded;
    let goods_of: BTreeMap<String, String> =
        records.iter().map(|r| (r.id.to_string(), format!("第 {} 项 {}", r.goods.ordinal, r.goods.name))).collect();
    let ticks: BTreeSet<PreWriteOffItemId> = data.all("item").filter_map(|i| i.parse().ok()).collect();
    let leaf = Leaf::of(if data.has("page") { data.get("page") } else { data.get("at") }, records.len());
    data.remove("page");
    let mut errors = FieldErrors::default();
    if let Some(why) = wrong.errors.for_field("item") {
        errors.add("item", why);
    }
    let mut rows = Vec::new();
    let mut elsewhere = Vec::new();
    let (mut pending, mut ticked) = (0, 0);
    for (n, record) in records.into_iter().enumerate() {
        let is_pending = record.state == PreWriteOffState::Pending;
        let is_ticked = is_pending && ticks.contains(&record.id);
        pending += usize::from(is_pending);
        ticked += usize::from(is_ticked);
        let names = ["qty", "hs_qty"].map(|field| format!("{field}_{}", record.id));
        let texts = names.each_ref().map(|name| data.get(name).trim().to_owned());
        if !leaf.range().contains(&n) {
            if is_ticked {
                elsewhere.push(("item".to_owned(), record.id.to_string()));
            }
            if is_pending {
                elsewhere.extend(names.into_iter().zip(texts));
            }
            continue;
        }
        let [qty_error, hs_error] = wrong.rows.get(&record.id).cloned().unwrap_or_default();
        for (name, why) in names.iter().zip([&qty_error, &hs_error]) {
            if let Some(why) = why {
                errors.add(name, format!("第 {} 项：{why}", record.goods.ordinal));
            }
        }
        let [qty, hs_qty] = texts;
        rows.push(RowView { record, is_pending, is_ticked, qty, hs_qty, qty_error, hs_error });
    }
    for error in wrong.errors.iter().filter(|e| e.field != "item") {
        errors.add(&error.field, error.message.clone());
    }
    let read = app.db.read();
    let subject = Subject::Certificate(batch.certificate_id);
    let trail = db::audit::newest(&read, subject, 1).await?.first().map_or(0, |d| d.id);
    let (mut conflict, mut kept) = (None, Kept::default());
    if wrong.is_late {
        let said = overtaken::meanwhile(&read, app, user.user.account, subject, &data).await?;
        conflict = Some(format!("{said}本次没有办理任何产品，下方是最新的数量和状态，您填写的内容已保留。"));
        kept = kept_of(app, &goods_of, &data);
    }
    let crumbs = [("预核销确认", "/write-off/worklist")];
    Ok(DecisionPage {
        shell: frame::signed(app, user, "办理预核销", Entry::Post(Post::WriteOff), &crumbs).await?,
        head: opened.head(app),
        id,
        certificate: batch.certificate_id,
        form: FormView::new(data, errors, &user.caller.csrf),
        rows,
        elsewhere,
        leaf,
        pending,
        ticked,
        conflict,
        kept,
        trail,
        port: app.references.now().port_name(&batch.port_code),
        customs_no: batch.customs_no,
        declared_at: batch.declared_at.china(),
    })
}

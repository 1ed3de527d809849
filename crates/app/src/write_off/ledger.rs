//! 台账: every entry of a certificate in the order of time, with what stood afterwards, who and where; as a page, as XLSX
//! and as CSV (R-2.8-15).

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::ledger::{self, Entry as LedgerEntry};
use domain::actor::Actor;
use domain::export::ReportKind;
use domain::ids::{CertificateId, CertificateItemId, LedgerEntryId};
use domain::ledger::EntryKind;
use domain::policy;
use domain::quantity::Quantity;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::reference::ReferenceCache;
use kit::session::Signed;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::report::{CHUNK, Report, filters};
use crate::parts::spreadsheet::Value;
use crate::write_off::{Goods, Head, open};

/// `?line=`, page and format.
#[derive(Debug, Default, serde::Deserialize)]
pub struct LedgerQuery {
    #[serde(default)]
    line: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
    #[serde(default)]
    format: String,
}

impl LedgerQuery {
    fn line(&self) -> Result<Option<CertificateItemId>, AppError> {
        if self.line.is_empty() { Ok(None) } else { self.line.parse().map(Some).map_err(|_| AppError::NotFound) }
    }
}

/// An entry, as people read it.
pub struct EntryView {
    /// Its id.
    pub id: LedgerEntryId,
    /// When.
    pub at: String,
    /// The product.
    pub goods: Goods,
    /// What it did.
    pub kind: EntryKind,
    /// 待确认 and 已核销, in both units: the difference, and what stood afterwards.
    pub columns: [(String, String); 4],
    /// 使用、退运、销毁 afterwards.
    pub accounted: Quantity,
    /// Who, for which bureau.
    pub who: String,
    /// 口岸 and 报关单号.
    pub place: String,
    /// The reason or note.
    pub reason: String,
    /// It was taken back.
    pub is_reversed: bool,
    /// Its bureau may take it back.
    pub may_reverse: bool,
}

/// `+5`, `-5`, or nothing.
fn difference(q: Quantity) -> String {
    match q.units() {
        0 => String::new(),
        units if units > 0 => format!("+{q}"),
        _ => q.to_string(),
    }
}

/// An entry with its product.
pub fn view(references: &ReferenceCache, actor: &Actor, e: LedgerEntry, goods: &[Goods]) -> Option<EntryView> {
    let own = goods.iter().find(|g| g.id == e.certificate_item_id)?.clone();
    let bureau = e.bureau_code.as_ref().map(|b| references.bureau_name(b).to_owned());
    // Of a 预核销 the bureau is the one that is to confirm it, not that of whoever declared.
    let by_bureau = matches!(e.kind, EntryKind::Confirm | EntryKind::Refuse | EntryKind::Direct | EntryKind::Reverse);
    let who: Vec<_> = [bureau.filter(|_| by_bureau), Some(e.actor_name.clone())].into_iter().flatten().collect();
    let port = e.port_code.as_ref().map(|p| references.port_name(p.as_str())).unwrap_or_default();
    let place: Vec<_> = [port, e.customs_no.clone()].into_iter().filter(|t| !t.is_empty()).collect();
    let written = matches!(e.kind, EntryKind::Confirm | EntryKind::Direct);
    let ours = e.bureau_code.as_ref().is_some_and(|b| policy::may_decide_for(actor, b));
    Some(EntryView {
        id: e.id,
        at: e.at.china(),
        kind: e.kind,
        columns: [
            (e.pending, e.pending_after),
            (e.hs_pending, e.hs_pending_after),
            (e.written_off, e.written_off_after),
            (e.hs_written_off, e.hs_written_off_after),
        ]
        .map(|(by, after)| (difference(by), after.to_string())),
        accounted: e.accounted_after,
        who: who.join(" · "),
        place: place.join(" · "),
        reason: e.reason,
        is_reversed: e.reversed_by.is_some(),
        may_reverse: written && ours && e.reversed_by.is_none(),
        goods: own,
    })
}

#[derive(Template)]
#[template(path = "write_off/ledger.html")]
struct LedgerPage {
    shell: Shell,
    head: Head,
    id: CertificateId,
    entries: Vec<EntryView>,
    pager: Pager,
    /// The one product that is shown.
    only: Option<Goods>,
    query: String,
    back: &'static str,
}

/// The page.
pub async fn show(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<CertificateId>,
    Query(query): Query<LedgerQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let opened = open(&read, &app, user.actor(), id).await?;
    let line = query.line()?;
    let total = ledger::count_entries(&read, id, line).await?;
    let asked = PageQuery { page: query.page.clone(), size: query.size.clone(), ..PageQuery::default() };
    let pager = Pager::new(&asked, total, &format!("/certificates/{id}/ledger"), &[("line", &query.line)]);
    let goods = opened.goods(ledger::lines(&read, id).await?);
    let only = match line {
        Some(line) => Some(goods.iter().find(|g| g.id == line).cloned().ok_or(AppError::NotFound)?),
        None => None,
    };
    let found = ledger::entries(&read, id, line, pager.limit(), pager.offset()).await?;
    let references = app.references.now();
    let entries = found.into_iter().filter_map(|e| view(&references, user.actor(), e, &goods)).collect();
    let crumbs = [frame::list_of(&user)];
    page::render(&LedgerPage {
        shell: frame::signed(&app, &user, "核销台账", Entry::of_list(&user), &crumbs).await?,
        head: opened.head(&app),
        id,
        entries,
        pager,
        query: line.map(|l| format!("&line={l}")).unwrap_or_default(),
        only,
        back: frame::list_of(&user).1,
    })
}

/// The ledger that an address names.
#[derive(Debug, Default, serde::Deserialize)]
struct Named {
    #[serde(default)]
    certificate: String,
    #[serde(default)]
    line: String,
}

/// 导出: the same as a file, whole (E37).
pub async fn export(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<CertificateId>,
    Query(query): Query<LedgerQuery>,
) -> Result<Response, AppError> {
    let named = format!("certificate={id}&line={}", query.line()?.map(|l| l.to_string()).unwrap_or_default());
    report(&app, user.actor(), &named).await?.answer(&app, &query.format, ReportKind::Ledger, &named).await
}

/// The whole ledger of this address, as this person sees it.
pub async fn report(app: &App, actor: &Actor, query: &str) -> Result<Report, AppError> {
    let named: Named = filters(query)?;
    let id: CertificateId = named.certificate.parse().map_err(|_| AppError::NotFound)?;
    let line = LedgerQuery { line: named.line, ..LedgerQuery::default() }.line()?;
    let read = app.db.read();
    let opened = open(&read, app, actor, id).await?;
    let goods = Arc::new(opened.goods(ledger::lines(&read, id).await?));
    let name = format!("核销台账_{}", opened.certificate.number);
    let (app, actor) = (app.clone(), actor.clone());
    Ok(Report::of_pages(name, HEADS.to_vec(), move |after| {
        let (app, actor, goods) = (app.clone(), actor.clone(), goods.clone());
        async move {
            let offset = after.unwrap_or(0);
            let found = ledger::entries(&app.db.read(), id, line, CHUNK, offset).await?;
            let n = i64::try_from(found.len()).unwrap_or(i64::MAX);
            let references = app.references.now();
            let rows = found.into_iter().filter_map(|e| view(&references, &actor, e, &goods)).map(exported).collect();
            Ok((rows, (n == CHUNK).then_some(offset + CHUNK)))
        }
    }))
}

const HEADS: [&str; 21] = [
    "时间",
    "事项",
    "序号",
    "产品名称",
    "HS编码",
    "规格型号",
    "单位",
    "待确认变动",
    "待确认余额",
    "已核销变动",
    "已核销余额",
    "HS单位",
    "HS待确认变动",
    "HS待确认余额",
    "HS已核销变动",
    "HS已核销余额",
    "使用退运销毁合计",
    "办理",
    "口岸和报关单号",
    "说明",
    "是否冲销",
];

fn exported(e: EntryView) -> Vec<Value> {
    let [pending, hs_pending, written, hs_written] = e.columns;
    let text = |s: String| Value::Text(s);
    vec![
        text(e.at),
        text(e.kind.label().to_owned()),
        text(e.goods.ordinal.to_string()),
        text(e.goods.name),
        text(e.goods.hs_code),
        text(e.goods.model),
        text(e.goods.unit),
        text(pending.0),
        text(pending.1),
        text(written.0),
        text(written.1),
        text(e.goods.hs_unit),
        text(hs_pending.0),
        text(hs_pending.1),
        text(hs_written.0),
        text(hs_written.1),
        text(e.accounted.to_string()),
        text(e.who),
        text(e.place),
        text(e.reason),
        text(if e.is_reversed { "已冲销" } else { "" }.to_owned()),
    ]
}

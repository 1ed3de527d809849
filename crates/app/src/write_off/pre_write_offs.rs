//! 查看预核销记录: what was declared, and what became of it (manual §2.8.2; R-2.8-10 to -14); 撤回 (D24).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::ledger::{self, Deed, Outcome};
use db::{Reader, params};
use domain::ids::{BureauCode, CertificateId, CertificateItemId, PreWriteOffItemId};
use domain::ledger::{Amounts, PreWriteOffState};
use domain::policy;
use domain::quantity::Quantity;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::random;
use kit::session::{EnterpriseUser, Signed, Submitted};
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::write_off::{Goods, Head, done, open, refused};

/// A declared product, as a row.
#[derive(db::Row)]
pub struct Columns {
    /// Its id.
    pub id: PreWriteOffItemId,
    /// The line of the certificate.
    pub certificate_item_id: CertificateItemId,
    /// What became of it.
    pub state: PreWriteOffState,
    qty: Quantity,
    hs_qty: Quantity,
    confirmed_qty: Option<Quantity>,
    confirmed_hs_qty: Option<Quantity>,
    declared_at: Instant,
    decided_at: Option<Instant>,
    decided_by_name: String,
    opinion: String,
    bureau_code: BureauCode,
    port_code: String,
    customs_no: String,
    reversed: i64,
}

impl Columns {
    /// What was declared.
    pub const fn declared(&self) -> Amounts {
        Amounts { qty: self.qty, hs_qty: self.hs_qty }
    }
}

/// [`Columns`], in SQL, but for the condition.
pub const SELECT: &str = "SELECT i.id, i.certificate_item_id, i.state, i.qty, i.hs_qty, i.confirmed_qty, \
    i.confirmed_hs_qty, i.declared_at, i.decided_at, i.decided_by_name, i.opinion, b.bureau_code, b.port_code, \
    b.customs_no, (SELECT COUNT(*) FROM ledger_entry e WHERE e.pre_write_off_item_id = i.id AND e.kind = 'reverse') \
    AS reversed FROM pre_write_off_item i JOIN pre_write_off b ON b.id = i.pre_write_off_id";

/// A declared product, as people read it.
pub struct Record {
    /// Its id.
    pub id: PreWriteOffItemId,
    /// The product.
    pub goods: Goods,
    /// What was declared.
    pub declared: Amounts,
    /// 本次核销数量, once it is confirmed (R-2.8-13).
    pub confirmed: Option<Amounts>,
    /// What became of it.
    pub state: PreWriteOffState,
    /// The confirmation was taken back.
    pub is_reversed: bool,
    /// D1: a direct 核销 has left less than was declared.
    pub is_short: bool,
    /// When it was declared.
    pub declared_at: String,
    /// Who decided, and when.
    pub decided: String,
    /// Why.
    pub opinion: String,
    /// 口岸.
    pub port: String,
    /// Its bureau.
    pub bureau: String,
    /// 报关单号.
    pub customs_no: String,
}

impl Record {
    /// A row with its product.
    pub fn of(app: &App, c: Columns, goods: Goods) -> Self {
        let references = app.references.now();
        let pending = c.state == PreWriteOffState::Pending;
        let decided = c.decided_at.map(|at| format!("{} {}", at.china(), c.decided_by_name)).unwrap_or_default();
        Self {
            id: c.id,
            is_short: pending && !c.declared().fits(goods.balance.writable()),
            declared: c.declared(),
            confirmed: c.confirmed_qty.zip(c.confirmed_hs_qty).map(|(qty, hs_qty)| Amounts { qty, hs_qty }),
            state: c.state,
            is_reversed: c.reversed > 0,
            declared_at: c.declared_at.china(),
            decided,
            opinion: c.opinion,
            port: references.port_name(&c.port_code),
            bureau: references.bureau_name(&c.bureau_code).to_owned(),
            customs_no: c.customs_no,
            goods,
        }
    }

    /// Colour and icon of its state.
    pub const fn badge(&self) -> (&'static str, &'static str) {
        match self.state {
            PreWriteOffState::Pending => ("t-blue", "clock"),
            PreWriteOffState::Confirmed => ("t-green", "check"),
            PreWriteOffState::Refused => ("t-red", "arrow-back-up"),
            PreWriteOffState::Withdrawn | PreWriteOffState::Lapsed => ("t-slate", "circle-x"),
        }
    }
}

#[derive(Template)]
#[template(path = "write_off/pre_write_offs.html")]
struct PreWriteOffsPage {
    shell: Shell,
    head: Head,
    id: CertificateId,
    csrf: String,
    deed_key: String,
    records: Vec<Record>,
    pager: Pager,
    /// Whether there is something that he may withdraw.
    may_withdraw: bool,
    may_declare: bool,
    back: &'static str,
}

/// The records, newest first.
pub async fn list(
    State(app): State<App>,
    user: Signed,
    Path(id): Path<CertificateId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let opened = open(&read, &app, user.actor(), id).await?;
    let total = read.number("SELECT COUNT(*) FROM pre_write_off_item WHERE certificate_id = $1", params![id]).await?;
    let pager = Pager::new(&query, total, &format!("/certificates/{id}/pre-write-offs"), &[]);
    let found = rows_of(read, id, &pager).await?;
    let goods = opened.goods(ledger::lines(&read, id).await?);
    let records: Vec<_> = found
        .into_iter()
        .filter_map(|c| {
            let own = goods.iter().find(|g| g.id == c.certificate_item_id)?.clone();
            Some(Record::of(&app, c, own))
        })
        .collect();
    let ownership = &opened.application.ownership;
    let owns = policy::owns(user.actor(), ownership);
    let crumbs = [frame::list_of(&user)];
    page::render(&PreWriteOffsPage {
        shell: frame::signed(&app, &user, "预核销记录", Entry::of_list(&user), &crumbs).await?,
        head: opened.head(&app),
        id,
        csrf: user.caller.csrf.clone(),
        deed_key: random::token(),
        may_withdraw: owns && records.iter().any(|r| r.state == PreWriteOffState::Pending),
        may_declare: policy::may_declare(user.actor(), ownership, &opened.certificate.facts(), app.now()),
        records,
        pager,
        back: frame::list_of(&user).1,
    })
}

async fn rows_of(read: Reader<'_>, id: CertificateId, pager: &Pager) -> Result<Vec<Columns>, AppError> {
    let sql = format!("{SELECT} WHERE i.certificate_id = $1 ORDER BY i.id DESC LIMIT $2 OFFSET $3");
    Ok(read.rows(&sql, params![id, pager.limit(), pager.offset()]).await?)
}

/// 撤回 of the ticked ones, all or none (D24).
pub async fn withdraw(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let opened = open(&app.db.read(), &app, user.actor(), id).await?;
    if !policy::owns(user.actor(), &opened.application.ownership) {
        return Err(AppError::Conflict("只能撤回自己提交的预核销。请返回申请列表。".to_owned()));
    }
    let ids: Vec<PreWriteOffItemId> = form.all("item").filter_map(|i| i.parse().ok()).collect();
    if ids.is_empty() {
        return Err(AppError::Invalid("请先勾选要撤回的预核销，只有“待确认”的可以撤回。".to_owned()));
    }
    let tx = app.db.begin().await?;
    let deed = Deed { key: form.get("deed_key"), by: &user.by(), now: app.now() };
    if deed.key.len() < 32 {
        return Err(AppError::Invalid("页面不完整，请刷新后重新撤回。".to_owned()));
    }
    let outcome = match ledger::withdraw(&tx, id, &ids, deed).await {
        Ok(outcome) => outcome,
        Err(error) => {
            refused(error)?;
            let why = "勾选的预核销中有的已经确认、退回或撤回，本次没有撤回任何一项。请刷新后重新选择。";
            return Err(AppError::Conflict(why.to_owned()));
        }
    };
    tx.commit().await?;
    let url = format!("/certificates/{id}/pre-write-offs");
    Ok(match outcome {
        Outcome::Done => done(&app, &url, &format!("已撤回 {} 项预核销，数量已恢复为可预核销。", ids.len())),
        Outcome::Before => page::see_other(&url),
    })
}

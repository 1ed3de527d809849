//! 申请列表 (manual §2.2; forms §2.12).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::search::{Field, Total};
use domain::actor::{Actor, Undertaking};
use domain::certificate::{AmendmentState, CertificateFacts, CertificateState, Validity};
use domain::ids::{AccountId, ApplicationId, BureauCode, CertificateId};
use domain::policy::{self, Operation, Ownership, StatusLink};
use domain::time::{Day, Instant};
use domain::workflow::{Action, State as S};
use kit::app::App;
use kit::error::AppError;
use kit::flash;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::{Filer, Signed, Submitted};
use kit::shell::Shell;

use crate::application::Home;
use crate::frame::{self, Entry};
use crate::parts::status::{Status, time_left};

/// The six filters of the manual.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    number: String,
    #[serde(default)]
    contract_no: String,
    #[serde(default)]
    bl_no: String,
    #[serde(default)]
    certificate_no: String,
    #[serde(default)]
    applicant: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
    #[serde(default)]
    place: String,
    #[serde(default)]
    exact: String,
}

impl Filters {
    fn pairs(&self) -> [(&'static str, &str); 7] {
        [
            ("number", &self.number),
            ("contract_no", &self.contract_no),
            ("bl_no", &self.bl_no),
            ("certificate_no", &self.certificate_no),
            ("applicant", &self.applicant),
            ("state", &self.state),
            ("exact", &self.exact),
        ]
    }

    /// The states a filter word means: one state, or one of the groups of 主页.
    fn states(&self) -> Vec<S> {
        match self.state.as_str() {
            "under_way" => vec![S::Accepting, S::FirstReview, S::FinalReview, S::Comparing, S::AwaitingIssue],
            "mine" => vec![S::Returned, S::ComparingPaper],
            "refused" => vec![S::AcceptanceRefused, S::FirstReviewFailed, S::FinalReviewFailed, S::ComparingFailed],
            word => word.parse().into_iter().collect(),
        }
    }

    /// What is searched 模糊.
    fn texts(&self) -> [(Field, &str); 5] {
        [
            (Field::Number, &self.number),
            (Field::ContractNo, &self.contract_no),
            (Field::BlNo, &self.bl_no),
            (Field::CertificateNo, &self.certificate_no),
            (Field::Applicant, &self.applicant),
        ]
    }
}

struct RowView {
    id: ApplicationId,
    ordinal: i64,
    selectable: bool,
    number: Option<String>,
    certificate_no: String,
    applicant: String,
    clause: String,
    contract_no: String,
    bl_no: String,
    bureau: String,
    submitted: String,
    status: Status,
    has_certificate: bool,
    is_proxy: bool,
    time_left: Option<String>,
    operations: Vec<(String, &'static str)>,
    may_withdraw: bool,
}

#[derive(Template)]
#[template(path = "application/list.html")]
struct ListPage {
    shell: Shell,
    form: FormView,
    states: Vec<Choice>,
    rows: Vec<RowView>,
    pager: Pager,
    is_enterprise: bool,
    /// 添加 is open to him (D29, D30).
    may_begin: bool,
    is_filtered: bool,
    exact_href: Option<String>,
}

#[derive(db::Row)]
struct Columns {
    id: ApplicationId,
    state: S,
    owner_id: AccountId,
    entered_by_bureau: Option<BureauCode>,
    number: Option<String>,
    certificate_no: Option<String>,
    applicant_name: String,
    clause_code: String,
    contract_no: String,
    bl_no: String,
    receiving_bureau: Option<BureauCode>,
    submitted_at: Option<Instant>,
    expires_at: Instant,
    handler_id: Option<AccountId>,
    certificate_id: Option<CertificateId>,
    certificate_state: Option<CertificateState>,
    valid_from: Option<Day>,
    valid_to: Option<Day>,
    lines: Option<i64>,
    open_lines: Option<i64>,
    written_lines: Option<i64>,
    pending_lines: Option<i64>,
    amendment: Option<AmendmentState>,
}

impl Columns {
    fn certificate(&self) -> Option<CertificateFacts> {
        Some(CertificateFacts {
            state: self.certificate_state?,
            validity: Validity { from: self.valid_from?, to: self.valid_to? },
            lines: self.lines?,
            open_lines: self.open_lines?,
            written_lines: self.written_lines?,
            pending_lines: self.pending_lines?,
            amendment: self.amendment,
        })
    }
}

/// [`Columns`], in SQL.
const COLUMNS: &str = "a.id, a.state, a.owner_id, a.entered_by_bureau, a.number, a.certificate_no, a.applicant_name, \
                       a.clause_code, a.contract_no, a.bl_no, a.receiving_bureau, a.submitted_at, a.expires_at, \
                       a.handler_id, c.id AS certificate_id, c.state AS certificate_state, c.valid_from, c.valid_to, \
                       c.lines, c.open_lines, c.written_lines, c.pending_lines, \
                       (SELECT m.state FROM certificate_amendment m WHERE m.certificate_id = c.id \
                       AND m.state IN ('requested', 'opened', 'submitted', 'sent_back')) AS amendment";

/// The list: four statements whatever the data (session, menu, rows, total), and officers' one for each typed text.
pub async fn list(State(app): State<App>, user: Signed, Query(filters): Query<Filters>) -> Result<Response, AppError> {
    let now = app.now();
    let read = app.db.read();
    let listed = db::scope::listed(&user.scope(), now).containing(read, &filters.texts()).await?;
    let listed = listed.in_states(&filters.states());
    let exact = !filters.exact.is_empty();
    let Total { rows: total, more } = listed.total(read, exact).await?;
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), place: filters.place.clone() };
    let pager = Pager::new(&query, total, "/applications", &filters.pairs()).or_more(more);
    let found = listed.page_at::<Columns>(read, COLUMNS, &pager.asked()).await?;
    let pager = pager.around(&found);
    let references = app.references.now();
    let rows = (pager.offset() + 1..)
        .zip(found.rows)
        .map(|(ordinal, c)| {
            let clause = references.clause_name(&c.clause_code).to_owned();
            let bureau = c.receiving_bureau.as_ref().and_then(|b| references.bureau(b));
            let bureau = bureau.map(|b| b.short_name.clone()).unwrap_or_default();
            row_view(user.actor(), ordinal, c, clause, bureau, now)
        })
        .collect();
    let title = if matches!(user.actor(), Actor::Cnca(_)) { "申请查询" } else { "申请列表" };
    let shell = frame::signed(&app, &user, title, Entry::Applications, &[]).await?;
    let data = FormData::of_filters(&filters.pairs());
    let is_filtered = filters.pairs().iter().any(|(_, v)| !v.is_empty());
    let exact_href = more.then(|| {
        let mut query = vec![("exact", "1")];
        query.extend(filters.pairs().into_iter().filter(|(k, v)| *k != "exact" && !v.is_empty()));
        let query: Vec<_> = query
            .iter()
            .map(|(k, v)| {
                format!("{k}={}", percent_encoding::utf8_percent_encode(v, percent_encoding::NON_ALPHANUMERIC))
            })
            .collect();
        format!("/applications?{}", query.join("&"))
    });
    page::render(&ListPage {
        shell,
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        states: S::ALL.iter().map(|s| Choice::new(s.word(), s.label())).collect(),
        rows,
        pager,
        is_enterprise: matches!(user.actor(), Actor::Enterprise(_)),
        may_begin: user.actor().bar(Undertaking::Draft).is_none(),
        is_filtered,
        exact_href,
    })
}

fn row_view(actor: &Actor, ordinal: i64, c: Columns, clause: String, bureau: String, now: Instant) -> RowView {
    let certificate = c.certificate();
    let ownership = Ownership {
        owner: c.owner_id,
        entered_by_bureau: c.entered_by_bureau,
        state: c.state,
        current_bureau: None,
        handler: c.handler_id,
        first_reviewer: None,
        four_eyes: true,
        receiving_bureau: c.receiving_bureau,
    };
    let links = policy::row_links(actor, &ownership, certificate.as_ref(), now);
    let badge = Status::of(c.state);
    let status = match links.status {
        Some(StatusLink::Outcome) => badge.linked(format!("/applications/{}/outcome", c.id)),
        Some(StatusLink::Certificate) | None => badge,
    };
    let of_certificate = |what: &str| {
        let certificate = c.certificate_id.map(|id| id.to_string()).unwrap_or_default();
        format!("/certificates/{certificate}/{what}")
    };
    let operations = links
        .operations
        .iter()
        .filter_map(|o| match o {
            Operation::Edit => Some((format!("/applications/{}/basics", c.id), "修改")),
            Operation::View => Some((format!("/applications/{}", c.id), "查看")),
            Operation::ViewProxy => Some((format!("/applications/{}", c.id), "查看（补录）")),
            Operation::Print => Some((format!("/applications/{}/print", c.id), "打印申请")),
            Operation::Declare => Some((of_certificate("pre-write-offs/new"), "预核销")),
            Operation::PreWriteOffs => Some((of_certificate("pre-write-offs"), "查看预核销记录")),
            Operation::WriteOffs => Some((of_certificate("write-offs"), "核销信息")),
            Operation::Copy => Some((format!("/applications/{}/copy", c.id), "复制为新申请")),
            Operation::AmendCertificate => Some((format!("/applications/{}/amendment", c.id), "修改证明")),
            Operation::AmendAgain => Some((format!("/applications/{}/amendment", c.id), "重新修改证明")),
            Operation::ViewAmendment => Some((format!("/applications/{}/amendment", c.id), "已提交新证明（查看）")),
            Operation::RecordUsage => Some((format!("/applications/{}/goods", c.id), "填写产品使用记录")),
            Operation::Withdraw => None,
        })
        .collect();
    RowView {
        id: c.id,
        ordinal,
        selectable: links.selectable,
        number: c.number,
        certificate_no: c.certificate_no.unwrap_or_default(),
        applicant: c.applicant_name,
        clause,
        contract_no: c.contract_no,
        bl_no: c.bl_no,
        bureau,
        submitted: c.submitted_at.map(Instant::china).unwrap_or_default(),
        status,
        has_certificate: links.status == Some(StatusLink::Certificate),
        is_proxy: ownership.entered_by_bureau.is_some(),
        time_left: (c.state == S::Draft).then(|| time_left(c.expires_at, now)),
        operations,
        may_withdraw: links.operations.contains(&Operation::Withdraw),
    }
}

/// 删除: only 未提交 ones, all or none (R-2.2-05).
pub async fn delete(State(app): State<App>, user: Filer, Submitted(form): Submitted) -> Result<Response, AppError> {
    let ids: Vec<ApplicationId> = form.all("id").filter_map(|id| id.parse().ok()).collect();
    if ids.is_empty() {
        return Err(AppError::Invalid("请先在“序号”列勾选要删除的未提交申请。".to_owned()));
    }
    let mut ids = ids;
    ids.sort_unstable();
    ids.dedup();
    let tx = app.db.begin().await?;
    for id in &ids {
        let application = db::application::load_for_update(&tx, &user.scope(), *id, app.now()).await?;
        let deletion = policy::may(user.actor(), &application.ownership, Action::Delete).map_err(|_| {
            AppError::Conflict("只有“未提交”的申请可以删除，本次没有删除任何申请。请返回列表重新选择。".to_owned())
        })?;
        db::application::delete(&tx, &application, deletion, &user.by(), app.now()).await?;
    }
    tx.commit().await?;
    let said = format!("已删除 {} 份未提交的申请。", ids.len());
    Ok(flash::to(&app.key, app.config.is_https(), Home::of(&user).href, &said))
}

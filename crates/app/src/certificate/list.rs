//! 证明列表: the certificates that somebody sees, with filters, in the order he wants, and what to download of them
//! (manual §2.6).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::certificate_list::{Listed, Order, listed};
use db::search::{Field, Total};
use domain::actor::Actor;
use domain::certificate::{CertificateState, Standing, Validity, standing};
use domain::expiry;
use domain::ids::{ApplicationId, CertificateId};
use domain::quantity::Quantity;
use domain::text;
use domain::time::{Day, Instant};
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::paging::{PageQuery, Pager};
use kit::session::Signed;
use kit::shell::Shell;

use crate::certificate::archive::MOST;
use crate::frame::{self, Entry};
use crate::parts::status::Status;

/// 即将到期: so many days at most, the longest validity.
const LONGEST_WITHIN: i64 = domain::certificate::LONGEST_VALIDITY_DAYS;

/// What the list is asked for.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    /// 证明号.
    #[serde(default)]
    number: String,
    /// 申请单号.
    #[serde(default)]
    application: String,
    /// 申请单位.
    #[serde(default)]
    applicant: String,
    /// 证明状态.
    #[serde(default)]
    standing: String,
    /// 截止日期 from.
    #[serde(default)]
    from: String,
    /// 截止日期 to.
    #[serde(default)]
    to: String,
    /// 即将到期: within so many days.
    #[serde(default)]
    within: String,
    /// 排序.
    #[serde(default)]
    sort: String,
    #[serde(default)]
    page: String,
    #[serde(default)]
    size: String,
    #[serde(default)]
    place: String,
    #[serde(default)]
    exact: String,
}

/// The filters, read; what is blank is no condition.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    standing: Option<Standing>,
    from: Option<Day>,
    to: Option<Day>,
    within: Option<i64>,
}

impl Filters {
    fn pairs(&self) -> [(&'static str, &str); 9] {
        [
            ("number", &self.number),
            ("application", &self.application),
            ("applicant", &self.applicant),
            ("standing", &self.standing),
            ("from", &self.from),
            ("to", &self.to),
            ("within", &self.within),
            ("sort", &self.sort),
            ("exact", &self.exact),
        ]
    }

    /// The filters without order and page, as fields of the form that downloads what they find.
    fn hidden(&self) -> Vec<(&'static str, String)> {
        let not_empty = |(name, value): &(&'static str, &str)| !value.is_empty() && !matches!(*name, "sort" | "exact");
        self.pairs().into_iter().filter(not_empty).map(|(name, value)| (name, value.to_owned())).collect()
    }

    fn order(&self) -> Order {
        match self.sort.as_str() {
            "ends_first" => Order::EndsFirst,
            "ends_last" => Order::EndsLast,
            _ => Order::Newest,
        }
    }

    fn data(&self) -> FormData {
        FormData::from_pairs(self.pairs().iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    fn read(&self) -> Result<Asked, FieldErrors> {
        let data = self.data();
        let mut check = Checker::new(&data);
        let from = check.day_optional("from", "有效期截止（从）");
        let to = check.day_optional("to", "有效期截止（至）");
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            check.error("to", "有效期截止（至）不能早于有效期截止（从），请重新选择");
        }
        let within = check.parse_optional("within", |typed| {
            let days = text::half_width(typed).parse::<i64>().ok().filter(|n| (0..=LONGEST_WITHIN).contains(n));
            days.ok_or_else(|| format!("即将到期应填写 0 至 {LONGEST_WITHIN} 的整数天数"))
        });
        let standing = check.parse_optional("standing", |word| {
            word.parse::<Standing>().map_err(|_| "没有这种证明状态，请重新选择".to_owned())
        });
        check.finish()?;
        Ok(Asked { standing, from, to, within })
    }

    /// The certificates that `user` sees and these filters mean; mistakes beside their fields.
    pub async fn meant(&self, app: &App, user: &Signed) -> Result<Result<Listed, FieldErrors>, AppError> {
        let asked = match self.read() {
            Ok(asked) => asked,
            Err(errors) => return Ok(Err(errors)),
        };
        let texts = [
            (Field::CertificateNo, self.number.as_str()),
            (Field::Number, self.application.as_str()),
            (Field::Applicant, self.applicant.as_str()),
        ];
        let today = app.clock.today();
        let mut listed = listed(&user.scope()).containing(app.db.read(), &texts).await?.ending(asked.from, asked.to);
        if let Some(days) = asked.within {
            listed = listed.ending_within(days, today);
        }
        if let Some(standing) = asked.standing {
            listed = listed.standing(standing, today);
        }
        Ok(Ok(listed))
    }
}

/// A certificate as lists and archives need it.
#[derive(Debug, Clone, db::Row)]
pub struct Columns {
    /// Its id.
    pub id: CertificateId,
    /// 证明号.
    pub number: String,
    state: CertificateState,
    /// First day.
    pub valid_from: Day,
    /// Last day.
    pub valid_to: Day,
    /// When the certificate was issued.
    pub issued_at: Instant,
    /// The version in force.
    pub version: i64,
    /// Where the paper of this version lies; none while the job has not made it.
    pub object_key: Option<String>,
    /// SHA-256 of the paper.
    pub sha256: Option<String>,
    application_id: ApplicationId,
    /// 申请单号.
    pub application_number: Option<String>,
    /// 申请单位.
    pub applicant_name: String,
    clause_code: String,
    lines: i64,
    open_lines: i64,
    written_lines: i64,
    required: Option<Quantity>,
    written_off: Option<Quantity>,
}

impl Columns {
    /// What is true of it now.
    pub fn standing(&self, now: Instant) -> Standing {
        let validity = Validity { from: self.valid_from, to: self.valid_to };
        standing(self.state, validity, self.open_lines == 0, now)
    }

    /// 已核销/需核销: the amounts of a single product, or how many of several are through.
    fn written_off(&self) -> String {
        match (self.written_off, self.required) {
            (Some(done), Some(of)) if self.lines == 1 => format!("{done} / {of}"),
            _ => {
                let finished = self.lines - self.open_lines;
                let begun = self.written_lines - finished;
                let part = if begun > 0 { format!("，另有 {begun} 项部分核销") } else { String::new() };
                format!("{finished} / {} 项{part}", self.lines)
            }
        }
    }
}

/// [`Columns`], in SQL: of `certificate c`, `application a` and `certificate_version s`. The amounts are those of the
/// first line, which are shown where there is no other.
pub const COLUMNS: &str = "c.id, c.number, c.state, c.valid_from, c.valid_to, c.issued_at, c.version, s.object_key, \
    s.sha256, c.application_id, a.number AS application_number, a.applicant_name, a.clause_code, \
    c.lines, c.open_lines, c.written_lines, \
    (SELECT i.required FROM certificate_item i WHERE i.certificate_id = c.id AND i.ordinal = 1) AS required, \
    (SELECT i.written_off FROM certificate_item i WHERE i.certificate_id = c.id AND i.ordinal = 1) AS written_off";

struct RowView {
    id: CertificateId,
    number: String,
    application: ApplicationId,
    application_number: String,
    applicant: String,
    clause: String,
    valid_from: Day,
    valid_to: Day,
    /// How long it is still good for; none when that does not matter any more.
    left: Option<String>,
    is_urgent: bool,
    status: Status,
    written_off: String,
    has_paper: bool,
}

#[derive(Template)]
#[template(path = "certificate/list.html")]
struct ListPage {
    shell: Shell,
    form: FormView,
    standings: Vec<Choice>,
    orders: [Choice; 2],
    rows: Vec<RowView>,
    pager: Pager,
    is_enterprise: bool,
    is_filtered: bool,
    exact_href: Option<String>,
    hidden: Vec<(&'static str, String)>,
    /// The query of this page, for the way back from a certificate.
    back: String,
    most: i64,
    is_too_many: bool,
}

/// The list: four statements whatever the data (session, menu, rows, total), and officers' one for each typed text.
pub async fn list(State(app): State<App>, user: Signed, Query(filters): Query<Filters>) -> Result<Response, AppError> {
    let now = app.now();
    let is_enterprise = matches!(user.actor(), Actor::Enterprise(_));
    let mut shell = frame::signed(&app, &user, "证明列表", Entry::Certificates, &[]).await?;
    let pairs = filters.pairs();
    let query = PageQuery { page: filters.page.clone(), size: filters.size.clone(), place: filters.place.clone() };
    let page = |shell, pager, errors, rows: Vec<RowView>| ListPage {
        shell,
        form: FormView::new(filters.data(), errors, &user.caller.csrf),
        standings: Standing::ALL.iter().map(|s| Choice::new(s.word(), short_label(*s))).collect(),
        orders: [Choice::new("ends_first", "截止日期，早的在前"), Choice::new("ends_last", "截止日期，晚的在前")],
        rows,
        pager,
        is_enterprise,
        is_filtered: pairs.iter().any(|(k, v)| !v.is_empty() && !matches!(*k, "sort" | "exact")),
        exact_href: None,
        hidden: filters.hidden(),
        back: back(&filters),
        most: MOST,
        is_too_many: false,
    };
    let listed = match filters.meant(&app, &user).await? {
        Ok(listed) => listed,
        Err(errors) => {
            shell.error_title = true;
            return page::unprocessable(&page(
                shell,
                Pager::new(&query, 0, "/certificates", &pairs),
                errors,
                Vec::new(),
            ));
        }
    };
    let read = app.db.read();
    let exact = !filters.exact.is_empty();
    let Total { rows: total, more } = listed.total(read, exact).await?;
    let pager = Pager::new(&query, total, "/certificates", &pairs).or_more(more);
    let found = listed.page_at::<Columns>(read, COLUMNS, filters.order(), &pager.asked()).await?;
    let pager = pager.around(&found);
    let references = app.references.now();
    let today = app.clock.today();
    let rows = found
        .rows
        .into_iter()
        .map(|c| {
            let clause = references.clause_name(&c.clause_code).to_owned();
            row_view(c, clause, now, today)
        })
        .collect();
    let mut page = page(shell, pager, FieldErrors::default(), rows);
    page.exact_href = more.then(|| format!("/certificates?{}", query_of(&filters, &[("exact", "1")])));
    page.is_too_many = total > MOST;
    page::render(&page)
}

fn row_view(c: Columns, clause: String, now: Instant, today: Day) -> RowView {
    let standing = c.standing(now);
    let matters = match standing {
        Standing::Valid | Standing::Amending | Standing::Expired => true,
        Standing::Exhausted | Standing::Revoked | Standing::Surrendered => false,
    };
    let days = expiry::days_left(c.valid_to, today);
    RowView {
        id: c.id,
        application: c.application_id,
        left: matters.then(|| expiry::left_in_words(c.valid_to, today)),
        is_urgent: matters && (0..=expiry::REMINDERS[0]).contains(&days),
        status: Status::of_certificate(standing),
        written_off: c.written_off(),
        has_paper: c.object_key.is_some(),
        number: c.number,
        application_number: c.application_number.unwrap_or_default(),
        applicant: c.applicant_name,
        clause,
        valid_from: c.valid_from,
        valid_to: c.valid_to,
    }
}

/// The word of the filter and of the badge.
pub const fn short_label(standing: Standing) -> &'static str {
    match standing {
        Standing::Amending => CertificateState::Amending.label(),
        Standing::Valid | Standing::Expired | Standing::Exhausted | Standing::Revoked | Standing::Surrendered => {
            standing.label()
        }
    }
}

/// The filters as a query, these first.
fn query_of(filters: &Filters, first: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (k, v) in first {
        query.append_pair(k, v);
    }
    for (k, v) in filters.pairs() {
        if !v.is_empty() && first.iter().all(|(known, _)| *known != k) {
            query.append_pair(k, v);
        }
    }
    query.finish()
}

/// `?back=…` of the links of this page: filters, order and page of the list.
fn back(filters: &Filters) -> String {
    let mut first = Vec::new();
    for (k, v) in [("page", filters.page.as_str()), ("size", filters.size.as_str())] {
        if !v.is_empty() {
            first.push((k, v));
        }
    }
    let query = query_of(filters, &first);
    if query.is_empty() {
        return String::new();
    }
    let mut link = url::form_urlencoded::Serializer::new("?".to_owned());
    link.append_pair("back", &query);
    link.finish()
}

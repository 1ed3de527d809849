//! 综合查询: one box, a few filters, four tabs (D5, D27).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::search::Total;
use db::search_list::{Asked, Cursor, Kind, Listed, Rows, listed};
use domain::certificate::{Validity, standing};
use domain::ids::ClauseCode;
use domain::policy::SearchCases;
use domain::text;
use domain::time::Instant;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Checker, Choice, FieldErrors, FormData, FormView};
use kit::page;
use kit::session::Permitted;
use kit::shell::Shell;

use crate::frame::{self, Entry};
use crate::parts::status::Status;

/// Rows on a page.
const SIZE: i64 = 20;
/// Beyond this many rows the total of a tab is a lower bound (E10): the one that is open, and the others.
const COUNTED: i64 = 500;
const COUNTED_BESIDE: i64 = 99;

/// What is looked for, as the address has it.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct Filters {
    #[serde(default)]
    tab: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    clause: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    after: String,
}

impl Filters {
    /// The tab.
    pub fn kind(&self) -> Kind {
        Kind::ALL.into_iter().find(|k| k.word() == self.tab).unwrap_or(Kind::Applications)
    }

    fn pairs(&self) -> [(&'static str, &str); 5] {
        [("q", &self.q), ("state", &self.state), ("clause", &self.clause), ("from", &self.from), ("to", &self.to)]
    }

    /// The address of a tab with these filters, and what else is asked of it.
    fn address(&self, path: &str, kind: Kind, more: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("tab", kind.word());
        query.extend_pairs(self.pairs().iter().filter(|(_, v)| !v.is_empty()));
        query.extend_pairs(more);
        format!("{path}?{}", query.finish())
    }

    /// What is asked; mistakes beside their fields.
    pub fn read(&self, app: &App) -> Result<Asked, FieldErrors> {
        let data = FormData::of_filters(&self.pairs());
        let mut check = Checker::new(&data);
        let from = check.day_optional("from", "提交日期（起）");
        let to = check.day_optional("to", "提交日期（止）");
        if let (Some(from), Some(to)) = (from, to)
            && to < from
        {
            check.error("to", "提交日期（止）不能早于提交日期（起），请重新选择");
        }
        let state = check.parse_optional("state", |word| {
            let known = word.parse::<S>().ok().filter(|s| *s != S::Draft);
            known.ok_or_else(|| "没有这种申请单状态，请重新选择".to_owned())
        });
        let clause = check.parse_optional("clause", |code| {
            let known = app.references.now().clause_choices(app.clock.today()).iter().any(|c| c.value == code);
            if known { Ok(ClauseCode::new(code)) } else { Err("没有这个免办条款，请重新选择".to_owned()) }
        });
        check.finish()?;
        Ok(Asked { text: self.q.clone(), state, clause, from, to })
    }

    /// Where the page begins.
    fn after(&self) -> Option<Cursor> {
        let (key, item) = self.after.split_once('-')?;
        Some(Cursor { key: key.parse().ok()?, item: item.parse().ok()? })
    }
}

struct Tab {
    label: &'static str,
    href: String,
    is_current: bool,
    /// How many, as people read it.
    count: String,
}

/// A cell: its text, and what it leads to.
pub struct Cell {
    label: &'static str,
    text: String,
    href: Option<String>,
    class: &'static str,
}

struct RowView {
    cells: Vec<Cell>,
    status: Option<Status>,
}

#[derive(Template)]
#[template(path = "search/search.html")]
struct SearchPage {
    shell: Shell,
    form: FormView,
    kind: Kind,
    states: Vec<Choice>,
    clauses: Vec<Choice>,
    tabs: Vec<Tab>,
    heads: Vec<&'static str>,
    rows: Vec<RowView>,
    is_asked: bool,
    total: String,
    first: Option<String>,
    next: Option<String>,
    csv: String,
    xlsx: String,
}

/// The page; nothing is listed before something is asked. Each tab is a count, the open one its page too.
pub async fn show(
    State(app): State<App>,
    user: Permitted<SearchCases>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    let kind = filters.kind();
    let mut page = blank(&app, &user, &filters).await?;
    let asked = match filters.read(&app) {
        Ok(asked) => asked,
        Err(errors) => {
            page.shell.error_title = true;
            page.form = FormView::new(FormData::of_filters(&filters.pairs()), errors, &user.caller.csrf);
            return page::unprocessable(&page);
        }
    };
    if asked.is_empty() {
        return page::render(&page);
    }
    page.is_asked = true;
    let read = app.db.read();
    for of in Kind::ALL {
        let found = listed(read, &user.scope(), of, &asked).await?;
        let most = if of == kind { COUNTED } else { COUNTED_BESIDE };
        let Total { rows: n, more } = found.count(read, most).await?;
        let count = if more { format!("{n} 条以上") } else { format!("{n} 条") };
        if of == kind {
            page.total.clone_from(&count);
            fill_in(&app, &filters, &found, &mut page).await?;
        }
        let href = filters.address("/search", of, &[]);
        page.tabs.push(Tab { label: of.label(), href, is_current: of == kind, count });
    }
    page::render(&page)
}

/// The page before anything is asked.
async fn blank(app: &App, user: &Permitted<SearchCases>, filters: &Filters) -> Result<SearchPage, AppError> {
    let kind = filters.kind();
    let submitted = S::ALL.iter().filter(|s| **s != S::Draft);
    Ok(SearchPage {
        shell: frame::signed(app, user, "综合查询", Entry::Search, &[]).await?,
        form: FormView::new(FormData::of_filters(&filters.pairs()), FieldErrors::default(), &user.caller.csrf),
        kind,
        states: submitted.map(|s| Choice::new(s.word(), s.label())).collect(),
        clauses: app.references.now().clause_choices(app.clock.today()),
        tabs: Vec::new(),
        heads: heads(kind).to_vec(),
        rows: Vec::new(),
        is_asked: false,
        total: String::new(),
        first: None,
        next: None,
        csv: filters.address("/search/export", kind, &[("format", "csv")]),
        xlsx: filters.address("/search/export", kind, &[("format", "xlsx")]),
    })
}

/// The open tab: its rows, and the way on.
async fn fill_in(app: &App, filters: &Filters, found: &Listed, page: &mut SearchPage) -> Result<(), AppError> {
    let after = filters.after();
    let mut rows = found.page(app.db.read(), after, SIZE + 1).await?;
    let size = usize::try_from(SIZE).unwrap_or_default();
    let more = rows.len() > size;
    rows.truncate(size);
    page.first = after.map(|_| filters.address("/search", page.kind, &[]));
    page.next = rows.end().filter(|_| more).map(|end| {
        let after = format!("{}-{}", end.key, end.item);
        filters.address("/search", page.kind, &[("after", after.as_str())])
    });
    page.rows = views(app, &rows);
    Ok(())
}

/// What stands in the first row of a table or of a file.
pub const fn heads(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Applications => &["申请单号", "证明号", "申请单位", "免办条款", "受理局", "提交时间", "状态"],
        Kind::Certificates => &["证明号", "申请单号", "申请单位", "发证局", "有效期", "证明状态"],
        Kind::Products => &["产品名称", "HS 编码", "规格型号", "数量/重量", "申请单位", "申请单号", "状态"],
        Kind::Companies => &["申请单位", "组织机构代码", "地址"],
    }
}

fn views(app: &App, rows: &Rows) -> Vec<RowView> {
    let cell = |label, text: String| Cell { label, text, href: None, class: "" };
    let code = |label, text: String| Cell { label, text, href: None, class: "code" };
    let link = |label, text: String, href: String| Cell { label, text, href: Some(href), class: "code" };
    let texts = texts(app, rows);
    let labels = match rows {
        Rows::Applications(_) => heads(Kind::Applications),
        Rows::Certificates(_) => heads(Kind::Certificates),
        Rows::Products(_) => heads(Kind::Products),
        Rows::Companies(_) => heads(Kind::Companies),
    };
    let plain = |n: usize, skip: usize| -> Vec<Cell> {
        let all: Vec<String> = texts.get(n).cloned().unwrap_or_default();
        labels.iter().zip(all).skip(skip).map(|(label, text)| cell(label, text)).collect()
    };
    let now = app.now();
    match rows {
        Rows::Applications(found) => found
            .iter()
            .enumerate()
            .map(|(n, r)| {
                let mut cells = plain(n, 2);
                cells.pop();
                let number = r.number.clone().unwrap_or_default();
                cells.insert(0, link("申请单号", number, format!("/applications/{}", r.key)));
                let proof = r.certificate_no.clone().unwrap_or_default();
                let proof = if proof.is_empty() {
                    cell("证明号", proof)
                } else {
                    link("证明号", proof, format!("/applications/{}/certificate", r.key))
                };
                cells.insert(1, proof);
                RowView { cells, status: Some(Status::of(r.state)) }
            })
            .collect(),
        Rows::Certificates(found) => found
            .iter()
            .enumerate()
            .map(|(n, r)| {
                let mut cells = plain(n, 2);
                cells.pop();
                cells.insert(0, link("证明号", r.number.clone(), format!("/certificates/{}", r.key)));
                let number = r.application_number.clone().unwrap_or_default();
                cells.insert(1, link("申请单号", number, format!("/applications/{}", r.application_id)));
                let validity = Validity { from: r.valid_from, to: r.valid_to };
                let standing = standing(r.state, validity, r.open_lines == 0, now);
                RowView { cells, status: Some(Status::of_certificate(standing)) }
            })
            .collect(),
        Rows::Products(found) => found
            .iter()
            .enumerate()
            .map(|(n, r)| {
                let mut cells = plain(n, 2);
                cells.truncate(3);
                let page = format!("/applications/{}/items/{}", r.key, r.item);
                let name = Cell { label: "产品名称", text: r.product_name.clone(), href: Some(page), class: "" };
                cells.insert(0, name);
                cells.insert(1, code("HS 编码", r.hs_code.clone()));
                let number = r.number.clone().unwrap_or_default();
                cells.push(link("申请单号", number, format!("/applications/{}", r.key)));
                RowView { cells, status: Some(Status::of(r.state)) }
            })
            .collect(),
        Rows::Companies(found) => found
            .iter()
            .enumerate()
            .map(|(n, r)| {
                let mut cells = plain(n, 1);
                let filters = Filters { q: r.name.clone(), ..Filters::default() };
                let href = filters.address("/search", Kind::Applications, &[]);
                cells.insert(0, Cell { label: "申请单位", text: r.name.clone(), href: Some(href), class: "" });
                RowView { cells, status: None }
            })
            .collect(),
    }
}

/// The rows as text, in the order of [`heads`].
pub fn texts(app: &App, rows: &Rows) -> Vec<Vec<String>> {
    let references = app.references.now();
    let now = app.now();
    let own = |t: &Option<String>| t.clone().unwrap_or_default();
    match rows {
        Rows::Applications(found) => found
            .iter()
            .map(|r| {
                vec![
                    own(&r.number),
                    own(&r.certificate_no),
                    r.applicant_name.clone(),
                    references.clause_name(&r.clause_code).to_owned(),
                    r.receiving_bureau.as_ref().map(|b| references.bureau_name(b).to_owned()).unwrap_or_default(),
                    r.submitted_at.map(Instant::china).unwrap_or_default(),
                    r.state.label().to_owned(),
                ]
            })
            .collect(),
        Rows::Certificates(found) => found
            .iter()
            .map(|r| {
                let validity = Validity { from: r.valid_from, to: r.valid_to };
                vec![
                    r.number.clone(),
                    own(&r.application_number),
                    r.applicant_name.clone(),
                    references.bureau_name(&r.bureau_code).to_owned(),
                    format!("{} 至 {}", r.valid_from, r.valid_to),
                    standing(r.state, validity, r.open_lines == 0, now).label().to_owned(),
                ]
            })
            .collect(),
        Rows::Products(found) => found
            .iter()
            .map(|r| {
                vec![
                    r.product_name.clone(),
                    r.hs_code.clone(),
                    r.model.clone(),
                    format!("{} {}", r.qty, references.unit_name(&r.qty_unit)),
                    r.applicant_name.clone(),
                    own(&r.number),
                    r.state.label().to_owned(),
                ]
            })
            .collect(),
        Rows::Companies(found) => {
            found.iter().map(|r| vec![r.name.clone(), text::hyphenated(&r.code), r.address.clone()]).collect()
        }
    }
}

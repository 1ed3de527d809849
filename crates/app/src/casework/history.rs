//! 历史: what the same applicant asked for, and what was asked for of the same product and model, among the applications
//! that the reader may see (D5).
//!
//! Every read is a range of an index with an end: the newest [`WINDOW`] candidates are looked at, and those outside the
//! reader's scope are left out. What lies further back is the next page.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::{Path, State};
use axum::response::Response;
use axum_extra::extract::Query;
use db::application::Item;
use db::reading::What;
use db::{Reader, Value, scope};
use domain::application::Application;
use domain::ids::{ApplicationId, UnitCode};
use domain::policy::Scope;
use domain::quantity::Quantity;
use domain::risk::is_no_model;
use domain::text;
use domain::time::Instant;
use domain::workflow::State as S;
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::BureauOfficer;
use kit::shell::Shell;

use crate::casework::selection::{self, Selection};
use crate::frame::{self, Entry};
use crate::parts::readings;
use crate::parts::status::Status;

/// So many candidates are looked at for one page.
pub const WINDOW: usize = 500;
/// Of so many different products and models of an application the history is looked up.
const MOST_KEYS: usize = 8;
/// So many of each stand on the page of the case.
const FEW: usize = 5;
/// Rows on a page of the list.
const PAGE: usize = 20;

/// What applications have in common with the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// 同型号.
    Model,
    /// 同产品: the same 需免办产品名称.
    Product,
    /// 同单位.
    Applicant,
}

impl Of {
    const ALL: [Self; 3] = [Self::Model, Self::Product, Self::Applicant];

    const fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Product => "product",
            Self::Applicant => "applicant",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Model => "同型号",
            Self::Product => "同产品",
            Self::Applicant => "同单位",
        }
    }

    /// The folded column that they share; none for the applicant.
    const fn column(self) -> Option<&'static str> {
        match self {
            Self::Model => Some("model_folded"),
            Self::Product => Some("product_folded"),
            Self::Applicant => None,
        }
    }
}

/// What the history of a case is looked up by.
#[derive(Debug, Clone)]
pub struct Keys {
    id: ApplicationId,
    org_code: String,
    applicant: String,
    /// As typed, each with its folded text.
    products: Vec<(String, String)>,
    models: Vec<(String, String)>,
}

impl Keys {
    /// Those of an application and its products.
    pub fn of(application: &Application, items: &[Item]) -> Self {
        let distinct = |text_of: fn(&Item) -> &str| {
            let mut found: Vec<(String, String)> = Vec::new();
            for item in items {
                let typed = text_of(item);
                let folded = text::fold(typed);
                if found.len() < MOST_KEYS && !is_no_model(typed) && found.iter().all(|(_, f)| *f != folded) {
                    found.push((typed.to_owned(), folded));
                }
            }
            found
        };
        Self {
            id: application.id,
            org_code: application.applicant.org_code.clone(),
            applicant: application.applicant.name.clone(),
            products: distinct(|i| &i.form.product_name),
            models: distinct(|i| &i.form.model),
        }
    }

    fn texts(&self, of: Of) -> &[(String, String)] {
        match of {
            Of::Model => &self.models,
            Of::Product => &self.products,
            Of::Applicant => &[],
        }
    }

    /// The folded models.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|(_, folded)| folded.as_str())
    }

    /// What is looked for, for people.
    fn said(&self, of: Of) -> String {
        match of {
            Of::Applicant => self.applicant.clone(),
            Of::Model | Of::Product => {
                let typed: Vec<_> = self.texts(of).iter().map(|(typed, _)| typed.as_str()).collect();
                typed.join("、")
            }
        }
    }
}

/// Values of a statement under construction.
#[derive(Debug, Default)]
pub struct Bound(Vec<Value>);

impl Bound {
    /// After the values of these conditions.
    pub const fn after(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// Binds a value; says its placeholder.
    pub fn put(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("${}", self.0.len())
    }

    /// Binds all of them; says the list of their placeholders. Of none a list that nothing is in.
    pub fn list<'t>(&mut self, texts: impl Iterator<Item = &'t str>) -> String {
        let marks: Vec<_> = texts.map(|t| self.put(t.to_owned())).collect();
        if marks.is_empty() { "NULL".to_owned() } else { marks.join(", ") }
    }

    /// The values.
    pub fn values(self) -> Vec<Value> {
        self.0
    }
}

/// What the reader may see of `application a`: the condition, and its values.
pub fn seen(scope: &Scope) -> (String, Bound) {
    let visible = scope::visible(scope);
    let sql = visible.sql();
    let sql = sql.strip_prefix(" WHERE ").unwrap_or("1 = 1").to_owned();
    (format!("({sql}) AND a.state <> 'draft'"), Bound::after(visible.values(vec![])))
}

/// The newest candidates before an application as a table of ids; none when there is nothing to look for.
fn candidates(keys: &Keys, of: Of, before: ApplicationId, slots: &mut Bound) -> Option<String> {
    // A value that no part of the statement names would be refused.
    if of.column().is_some() && keys.texts(of).is_empty() {
        return None;
    }
    let before = slots.put(before);
    let me = slots.put(keys.id);
    let Some(column) = of.column() else {
        let org = slots.put(keys.org_code.clone());
        return Some(format!(
            "SELECT w.id FROM application w WHERE w.applicant_org_code = {org} AND w.state <> 'draft' \
             AND w.id < {before} AND w.id <> {me} ORDER BY w.id DESC LIMIT {WINDOW}"
        ));
    };
    let each: Vec<_> = keys
        .texts(of)
        .iter()
        .map(|(_, folded)| {
            let key = slots.put(folded.clone());
            format!(
                "SELECT k.id FROM (SELECT DISTINCT i.application_id AS id FROM application_item i \
                 WHERE i.{column} = {key} AND i.application_id < {before} AND i.application_id <> {me} \
                 ORDER BY i.application_id DESC LIMIT {WINDOW}) k"
            )
        })
        .collect();
    let all = each.join(" UNION ");
    Some(format!("SELECT u.id FROM ({all}) u ORDER BY u.id DESC LIMIT {WINDOW}"))
}

/// The rows of one kind, the newest first, with how many there are among the candidates.
fn select(keys: &Keys, of: Of, before: ApplicationId, limit: usize, seen: &str, slots: &mut Bound) -> Option<String> {
    let among = candidates(keys, of, before, slots)?;
    let item = match of.column() {
        Some(column) => {
            let list = slots.list(keys.texts(of).iter().map(|(_, folded)| folded.as_str()));
            format!("AND i.{column} IN ({list})")
        }
        None => String::new(),
    };
    let word = of.word();
    Some(format!(
        "SELECT * FROM (SELECT '{word}' AS kind, a.id, a.number, a.state, a.clause_code, a.submitted_at, \
         a.applicant_name, (SELECT MIN(i.id) FROM application_item i WHERE i.application_id = a.id {item}) AS item_id, \
         (SELECT COUNT(*) FROM application_item x WHERE x.application_id = a.id) AS items, \
         (SELECT COUNT(*) FROM ({among}) m JOIN application a ON a.id = m.id WHERE {seen}) AS total, \
         (SELECT COUNT(*) FROM ({among}) m) AS looked \
         FROM ({among}) n JOIN application a ON a.id = n.id WHERE {seen} ORDER BY a.id DESC LIMIT {limit}) {word}_rows"
    ))
}

#[derive(db::Row)]
struct Columns {
    kind: String,
    id: ApplicationId,
    number: Option<String>,
    state: S,
    clause_code: String,
    submitted_at: Option<Instant>,
    applicant_name: String,
    items: i64,
    total: i64,
    looked: i64,
    product_name: Option<String>,
    model: Option<String>,
    qty: Option<Quantity>,
    qty_unit: Option<UnitCode>,
}

async fn read_rows(read: Reader<'_>, selects: &[String], slots: Bound) -> Result<Vec<Columns>, AppError> {
    if selects.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT g.kind, g.id, g.number, g.state, g.clause_code, g.submitted_at, g.applicant_name, g.items, g.total, \
         g.looked, p.product_name, p.model, p.qty, p.qty_unit \
         FROM ({}) g LEFT JOIN application_item p ON p.id = g.item_id ORDER BY g.id DESC",
        selects.join(" UNION ALL ")
    );
    Ok(read.rows(&sql, slots.values()).await?)
}

/// One application.
struct Entered {
    id: ApplicationId,
    number: String,
    submitted: String,
    applicant: String,
    clause: String,
    product: String,
    model: String,
    quantity: String,
    more: i64,
    status: Status,
}

fn entered(app: &App, c: Columns) -> Entered {
    let references = app.references.now();
    let unit = c.qty_unit.as_ref().map(|u| references.unit_name(u).to_owned()).unwrap_or_default();
    Entered {
        id: c.id,
        number: c.number.unwrap_or_default(),
        submitted: c.submitted_at.map(|at| at.china_day().to_string()).unwrap_or_default(),
        applicant: c.applicant_name,
        clause: references.clause_name(&c.clause_code).to_owned(),
        product: c.product_name.unwrap_or_default(),
        model: c.model.unwrap_or_default(),
        quantity: c.qty.map(|q| format!("{q} {unit}")).unwrap_or_default(),
        more: c.items - 1,
        status: Status::of(c.state),
    }
}

/// One kind on the page of the case.
struct Group {
    of: Of,
    /// `12`, or `500 以上`.
    total: String,
    rows: Vec<Entered>,
    is_open: bool,
    /// The list of all of them.
    href: String,
}

/// How many there are; what lies behind the window is not counted.
fn total(found: i64, looked: i64) -> String {
    let is_all = usize::try_from(looked).unwrap_or_default() < WINDOW;
    if is_all { found.to_string() } else { format!("{found} 以上") }
}

/// The history on the page of the case.
#[derive(Template)]
#[template(path = "casework/history_part.html")]
pub struct History {
    groups: Vec<Group>,
}

impl HtmlSafe for History {}

/// The list of one kind, from this place on.
fn address(id: ApplicationId, of: Of, before: Option<ApplicationId>, list: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("of", of.word());
    if let Some(before) = before {
        query.append_pair("before", &before.to_string());
    }
    if !list.is_empty() {
        query.append_pair("list", list);
    }
    format!("/casework/{id}/history?{}", query.finish())
}

/// The list of 同型号.
pub fn of_models(id: ApplicationId, list: &str) -> String {
    address(id, Of::Model, None, list)
}

/// The first rows of each kind, in one statement.
pub async fn load(
    read: Reader<'_>,
    app: &App,
    officer: &BureauOfficer,
    keys: &Keys,
    list: &str,
) -> Result<History, AppError> {
    let (seen, mut slots) = seen(&officer.scope());
    let newest = ApplicationId::new(i64::MAX);
    let selects: Vec<_> = Of::ALL.iter().filter_map(|of| select(keys, *of, newest, FEW, &seen, &mut slots)).collect();
    let mut found = read_rows(read, &selects, slots).await?;
    let mut groups = Vec::new();
    for of in Of::ALL {
        let (own, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|c| c.kind == of.word());
        found = rest;
        let total = own.first().map_or_else(|| "0".to_owned(), |c| total(c.total, c.looked));
        let is_open = !own.is_empty() && groups.iter().all(|g: &Group| !g.is_open);
        let rows = own.into_iter().map(|c| entered(app, c)).collect();
        groups.push(Group { of, total, rows, is_open, href: address(keys.id, of, None, list) });
    }
    Ok(History { groups })
}

/// Which kind, and from where on.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct HistoryQuery {
    #[serde(default)]
    of: String,
    #[serde(default)]
    before: String,
    #[serde(default)]
    list: String,
}

#[derive(Template)]
#[template(path = "casework/history.html")]
struct HistoryPage {
    shell: Shell,
    of: Of,
    /// Every kind: its label, its list, whether it is this one.
    tabs: Vec<(&'static str, String, bool)>,
    number: String,
    case: String,
    /// What is looked for.
    said: String,
    /// How many there are; only on the first page.
    total: Option<String>,
    rows: Vec<Entered>,
    newest: Option<String>,
    older: Option<String>,
    /// None was found so far, and there is more to look at.
    goes_on: bool,
}

/// All of one kind, page by page.
pub async fn show(
    State(app): State<App>,
    officer: BureauOfficer,
    Path(id): Path<ApplicationId>,
    Query(query): Query<HistoryQuery>,
) -> Result<Response, AppError> {
    let read = app.db.read();
    let application = db::application::load(&read, &officer.scope(), id, app.now()).await?;
    readings::note(&app, &officer, What::Application, id.get()).await;
    let items = db::application::items(&read, id).await?;
    let keys = Keys::of(&application, &items);
    let of = Of::ALL.into_iter().find(|o| o.word() == query.of).unwrap_or(Of::Model);
    let list = Selection::carried(&query.list, &officer.user).map(|s| s.query()).unwrap_or_default();
    let before: Option<ApplicationId> = query.before.parse().ok();
    let from = before.unwrap_or(ApplicationId::new(i64::MAX));
    let (seen, mut slots) = seen(&officer.scope());
    let selects: Vec<_> = select(&keys, of, from, PAGE + 1, &seen, &mut slots).into_iter().collect();
    let mut found = read_rows(read, &selects, slots).await?;
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = if has_more { found.last().map(|c| c.id) } else { behind(read, &keys, of, from).await? };
    let counted = found.first().map(|c| total(c.total, c.looked));
    let number = application.number.clone().unwrap_or_default();
    let case = selection::address(id, &list);
    let entry = application.state().post().filter(|p| officer.user.posts.holds(*p)).map_or(Entry::Main, Entry::Post);
    let crumbs = [(number.as_str(), case.as_str())];
    let rows: Vec<_> = found.into_iter().map(|c| entered(&app, c)).collect();
    page::render(&HistoryPage {
        shell: frame::signed(&app, &officer, &format!("历史申请 {number}"), entry, &crumbs).await?,
        tabs: Of::ALL.iter().map(|o| (o.label(), address(id, *o, None, &list), *o == of)).collect(),
        said: keys.said(of),
        total: counted.filter(|_| before.is_none()),
        goes_on: rows.is_empty() && next.is_some(),
        newest: before.map(|_| address(id, of, None, &list)),
        older: next.map(|next| address(id, of, Some(next), &list)),
        rows,
        of,
        number,
        case,
    })
}

/// The last of the candidates, when there may be more behind it.
async fn behind(
    read: Reader<'_>,
    keys: &Keys,
    of: Of,
    before: ApplicationId,
) -> Result<Option<ApplicationId>, AppError> {
    #[derive(db::Row)]
    struct End {
        looked: i64,
        last: Option<ApplicationId>,
    }
    let mut slots = Bound::default();
    let Some(among) = candidates(keys, of, before, &mut slots) else { return Ok(None) };
    let sql = format!("SELECT COUNT(*) AS looked, MIN(m.id) AS last FROM ({among}) m");
    let end: Option<End> = read.row(&sql, slots.values()).await?;
    let is_full = |e: &End| usize::try_from(e.looked).is_ok_and(|n| n >= WINDOW);
    Ok(end.filter(is_full).and_then(|e| e.last))
}

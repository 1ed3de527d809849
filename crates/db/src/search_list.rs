//! 综合查询: one text and a few filters, answered as applications, certificates, products or companies (D5, D27).
//!
//! What a scope sees is read from the newest on, page by page, each beginning where the one before ended. A text that few
//! bear is found by its endings first ([`Anywhere`]); one that many bear is met soon. Counts stop early and are lower bounds.

use domain::ids::ClauseCode;
use domain::policy::Scope;
use domain::text::{self, OrganisationCode};
use domain::time::{Day, Instant};
use domain::workflow::State;

use crate::search::{self, Anywhere, Conditions, FEW, FEW_OF_OTHERS, Field, ItemField, Origin, Total, Within};
use crate::{DbResult, Reader, Value, params};

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 申请.
    Applications,
    /// 证明.
    Certificates,
    /// 产品.
    Products,
    /// 申请单位.
    Companies,
}

impl Kind {
    /// All of them, in the order of the tabs.
    pub const ALL: [Self; 4] = [Self::Applications, Self::Certificates, Self::Products, Self::Companies];

    /// The word in the address.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applications => "applications",
            Self::Certificates => "certificates",
            Self::Products => "products",
            Self::Companies => "companies",
        }
    }

    /// The tab.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Applications => "申请",
            Self::Certificates => "证明",
            Self::Products => "产品",
            Self::Companies => "单位",
        }
    }
}

/// What is asked for; empty = no condition (D27).
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The one box: numbers, names, products.
    pub text: String,
    /// 申请单状态.
    pub state: Option<State>,
    /// 免办条款.
    pub clause: Option<ClauseCode>,
    /// 提交日期 from.
    pub from: Option<Day>,
    /// 提交日期 to.
    pub to: Option<Day>,
}

impl Asked {
    /// Whether nothing is asked: then nothing is looked for.
    pub fn is_empty(&self) -> bool {
        text::fold(&self.text).is_empty() && self.is_wide()
    }

    /// Whether only the text narrows the applications.
    const fn is_wide(&self) -> bool {
        self.state.is_none() && self.clause.is_none() && self.from.is_none() && self.to.is_none()
    }

    /// What narrows the applications, whatever is shown of them.
    fn narrow(&self, conditions: Conditions) -> Conditions {
        let all = match self.state {
            Some(state) => conditions.and("a.state = ?", params![state]),
            None => conditions,
        };
        let all = match &self.clause {
            Some(clause) => all.and("a.clause_code = ?", params![clause.clone()]),
            None => all,
        };
        let all = match self.from {
            Some(from) => all.and("a.submitted_at >= ?", params![from.start_instant()]),
            None => all,
        };
        match self.to {
            Some(to) => all.and("a.submitted_at < ?", params![to.end_instant()]),
            None => all,
        }
    }
}

/// Where a page ends: the next one begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The key of its last row.
    pub key: i64,
    /// The product within it; 0 where there is none.
    pub item: i64,
}

/// The rows of one kind that somebody sees and asks for.
#[derive(Debug, Clone)]
pub struct Listed {
    kind: Kind,
    source: &'static str,
    /// As many rows: what the conditions look at.
    counted: &'static str,
    key: &'static str,
    /// The application of a row.
    application: &'static str,
    /// Not narrowed to a bureau.
    is_whole: bool,
    conditions: Conditions,
    /// The text, where its endings lead to rows.
    anywhere: Option<Anywhere>,
}

/// Applications that a scope sees, to be joined to others.
const OF_ALL: &str = "application a";
const OF_BUREAU: &str = "application_viewer v JOIN application a ON a.id = v.application_id";

/// The name of an organisation as it is compared, in SQL.
const NAME: &str = crate::proxy_entry::NAME;

/// What this scope sees of `kind` under what is asked. Enterprises ask their own lists.
pub async fn listed(read: Reader<'_>, scope: &Scope, kind: Kind, asked: &Asked) -> DbResult<Listed> {
    let (begun, is_whole) = match scope {
        Scope::Bureau(bureau) => (Conditions::new().and("v.bureau_code = ?", params![bureau.clone()]), false),
        Scope::All => (Conditions::new().and("a.state <> 'draft'", params![]), true),
        // Nothing: this is the officers' search.
        Scope::Enterprise { .. } => (Conditions::new().and("1 = 0", params![]), true),
    };
    // A certificate has none but an issued application.
    let begun = match asked.state {
        Some(state) if kind == Kind::Certificates && state != State::Issued => begun.and("1 = 0", params![]),
        _ => begun,
    };
    let (source, key, application, within): (_, _, _, &[Within]) = match kind {
        Kind::Applications if is_whole => (OF_ALL, "a.id", "a.id", &OF_APPLICATIONS),
        Kind::Applications => (OF_BUREAU, "v.application_id", "v.application_id", &OF_APPLICATIONS),
        Kind::Certificates if is_whole => (
            "certificate c JOIN application a ON a.id = c.application_id",
            "c.id",
            "c.application_id",
            &OF_CERTIFICATES,
        ),
        Kind::Certificates => (
            "certificate_viewer v JOIN certificate c ON c.id = v.certificate_id \
             JOIN application a ON a.id = c.application_id",
            "v.certificate_id",
            "c.application_id",
            &OF_CERTIFICATES,
        ),
        Kind::Products if is_whole => {
            ("application a JOIN application_item p ON p.application_id = a.id", "a.id", "a.id", &OF_PRODUCTS)
        }
        Kind::Products => (
            "application_viewer v JOIN application a ON a.id = v.application_id \
             JOIN application_item p ON p.application_id = v.application_id",
            "v.application_id",
            "v.application_id",
            &OF_PRODUCTS,
        ),
        Kind::Companies => {
            let source = if is_whole { OF_ALL } else { OF_BUREAU };
            let inner = asked.narrow(begun);
            let exists = format!("EXISTS (SELECT 1 FROM {source}{} AND a.organisation_id = o.id)", inner.sql());
            let conditions = named(Conditions::numbered(exists, inner.values(vec![])), &asked.text);
            let (source, key) = ("organisation o", "o.id");
            let (counted, application) = (source, key);
            return Ok(Listed { kind, source, counted, key, application, is_whole, conditions, anywhere: None });
        }
    };
    let anywhere = Anywhere::of(read, &asked.text, within, is_whole).await?;
    let conditions = anywhere.add(asked.narrow(begun));
    let counted = match kind {
        Kind::Products if !is_whole && asked.is_wide() => {
            "application_viewer v JOIN application_item p ON p.application_id = v.application_id"
        }
        Kind::Applications | Kind::Certificates | Kind::Products | Kind::Companies => source,
    };
    Ok(Listed { kind, source, counted, key, application, is_whole, conditions, anywhere: Some(anywhere) })
}

const OF_APPLICATIONS: [Within; 5] = [
    Within::Application(Field::Number),
    Within::Application(Field::ContractNo),
    Within::Application(Field::BlNo),
    Within::Application(Field::CertificateNo),
    Within::Application(Field::Applicant),
];
const OF_CERTIFICATES: [Within; 3] = [
    Within::Application(Field::CertificateNo),
    Within::Application(Field::Number),
    Within::Application(Field::Applicant),
];
const OF_PRODUCTS: [Within; 3] = [Within::Item(ItemField::ProductName), Within::Item(ItemField::Model), Within::HsCode];

/// Companies by name, or by the beginning of their 组织机构代码.
fn named(conditions: Conditions, typed: &str) -> Conditions {
    let folded = text::fold(typed);
    if folded.is_empty() {
        return conditions;
    }
    let code = match OrganisationCode::parse(typed) {
        Ok(code) => code.key().to_owned(),
        Err(_) => folded.to_uppercase().chars().filter(|c| *c != '-').collect(),
    };
    let sql = format!("({NAME} LIKE ? ESCAPE '\\' OR o.code LIKE ? ESCAPE '\\')");
    conditions.and(&sql, params![text::like_pattern(&folded), format!("{}%", text::escape_like(&code))])
}

/// A row of 申请.
#[derive(Debug, Clone, crate::Row)]
pub struct ApplicationRow {
    /// Its id.
    pub key: i64,
    /// 申请单号.
    pub number: Option<String>,
    /// 证明号.
    pub certificate_no: Option<String>,
    /// 申请单位.
    pub applicant_name: String,
    /// 免办条款.
    pub clause_code: String,
    /// 受理局.
    pub receiving_bureau: Option<domain::ids::BureauCode>,
    /// 提交时间.
    pub submitted_at: Option<Instant>,
    /// 状态.
    pub state: State,
}

/// A row of 证明.
#[derive(Debug, Clone, crate::Row)]
pub struct CertificateRow {
    /// The certificate.
    pub key: i64,
    /// 证明号.
    pub number: String,
    /// Its application.
    pub application_id: i64,
    /// 申请单号.
    pub application_number: Option<String>,
    /// 申请单位.
    pub applicant_name: String,
    /// 发证局.
    pub bureau_code: domain::ids::BureauCode,
    /// First day.
    pub valid_from: Day,
    /// Last day.
    pub valid_to: Day,
    /// Its state.
    pub state: domain::certificate::CertificateState,
    /// Lines of which something is left.
    pub open_lines: i64,
}

/// A row of 产品.
#[derive(Debug, Clone, crate::Row)]
pub struct ProductRow {
    /// Its application.
    pub key: i64,
    /// The product.
    pub item: i64,
    /// 产品名称.
    pub product_name: String,
    /// 规格型号.
    pub model: String,
    /// HS 编码.
    pub hs_code: String,
    /// 数量/重量.
    pub qty: domain::quantity::Quantity,
    /// Its unit.
    pub qty_unit: domain::ids::UnitCode,
    /// 申请单号.
    pub number: Option<String>,
    /// 申请单位.
    pub applicant_name: String,
    /// 状态.
    pub state: State,
}

/// A row of 单位.
#[derive(Debug, Clone, crate::Row)]
pub struct CompanyRow {
    /// The organisation.
    pub key: i64,
    /// 申请单位.
    pub name: String,
    /// 组织机构代码.
    pub code: String,
    /// 地址.
    pub address: String,
}

/// A page of one kind.
#[derive(Debug, Clone)]
pub enum Rows {
    /// 申请.
    Applications(Vec<ApplicationRow>),
    /// 证明.
    Certificates(Vec<CertificateRow>),
    /// 产品.
    Products(Vec<ProductRow>),
    /// 单位.
    Companies(Vec<CompanyRow>),
}

impl Rows {
    /// How many.
    pub const fn len(&self) -> usize {
        match self {
            Self::Applications(rows) => rows.len(),
            Self::Certificates(rows) => rows.len(),
            Self::Products(rows) => rows.len(),
            Self::Companies(rows) => rows.len(),
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Only the first of them.
    pub fn truncate(&mut self, n: usize) {
        match self {
            Self::Applications(rows) => rows.truncate(n),
            Self::Certificates(rows) => rows.truncate(n),
            Self::Products(rows) => rows.truncate(n),
            Self::Companies(rows) => rows.truncate(n),
        }
    }

    /// Where they end.
    pub fn end(&self) -> Option<Cursor> {
        let of = |key| Cursor { key, item: 0 };
        match self {
            Self::Applications(rows) => rows.last().map(|r| of(r.key)),
            Self::Certificates(rows) => rows.last().map(|r| of(r.key)),
            Self::Products(rows) => rows.last().map(|r| Cursor { key: r.key, item: r.item }),
            Self::Companies(rows) => rows.last().map(|r| of(r.key)),
        }
    }
}

impl Listed {
    /// How many there are, no further than `most`; one statement.
    pub async fn count(&self, read: Reader<'_>, most: i64) -> DbResult<Total> {
        let Self { counted: tables, application, is_whole, conditions, .. } = self;
        let from = Origin { tables, joined: tables, application, is_whole: *is_whole };
        // A product is a row of its own.
        let row = if self.kind == Kind::Products { "p.id" } else { self.key };
        match &self.anywhere {
            Some(anywhere) => anywhere.total(read, from, row, conditions, most).await,
            None => search::total(read, from, conditions, None, Some(most)).await,
        }
    }

    /// A page of them, the newest first, after this place; one statement.
    pub async fn page(&self, read: Reader<'_>, after: Option<Cursor>, limit: i64) -> DbResult<Rows> {
        let key = self.key;
        let conditions = match (after, self.kind) {
            (None, _) => self.conditions.clone(),
            (Some(Cursor { key: last, item }), Kind::Products) => {
                let sql = format!("{key} <= ? AND ({key} < ? OR p.id < ?)");
                self.conditions.clone().and(&sql, params![last, last, item])
            }
            (Some(Cursor { key: last, .. }), Kind::Applications | Kind::Certificates | Kind::Companies) => {
                self.conditions.clone().and(&format!("{key} < ?"), params![last])
            }
        };
        let conditions = match &self.anywhere {
            Some(anywhere) => {
                let few = if self.is_whole && self.kind == Kind::Applications { FEW } else { FEW_OF_OTHERS };
                anywhere.among(conditions, self.application, few)
            }
            None => conditions,
        };
        let (source, under) = (self.source, conditions.sql());
        // The page is found by its keys; only its own rows are opened.
        let keys = format!("SELECT {key} FROM {source}{under} ORDER BY {key} DESC LIMIT {limit}");
        let values: Vec<Value> = conditions.values(vec![]);
        Ok(match self.kind {
            Kind::Applications => {
                let sql = format!(
                    "SELECT a.id AS key, a.number, a.certificate_no, a.applicant_name, a.clause_code, \
                     a.receiving_bureau, a.submitted_at, a.state FROM application a WHERE a.id IN ({keys}) \
                     ORDER BY a.id DESC"
                );
                Rows::Applications(read.rows(&sql, values).await?)
            }
            Kind::Certificates => {
                let sql = format!(
                    "SELECT c.id AS key, c.number, c.application_id, a.number AS application_number, \
                     a.applicant_name, c.bureau_code, c.valid_from, c.valid_to, c.state, c.open_lines \
                     FROM certificate c JOIN application a ON a.id = c.application_id WHERE c.id IN ({keys}) \
                     ORDER BY c.id DESC"
                );
                Rows::Certificates(read.rows(&sql, values).await?)
            }
            Kind::Products => {
                let sql = format!(
                    "SELECT {key} AS key, p.id AS item, p.product_name, p.model, p.hs_code, p.qty, p.qty_unit, \
                     a.number, a.applicant_name, a.state FROM {source}{under} ORDER BY {key} DESC, p.id DESC \
                     LIMIT {limit}"
                );
                Rows::Products(read.rows(&sql, values).await?)
            }
            Kind::Companies => {
                let sql = format!(
                    "SELECT o.id AS key, o.name, o.code, o.address FROM organisation o WHERE o.id IN ({keys}) \
                     ORDER BY o.id DESC"
                );
                Rows::Companies(read.rows(&sql, values).await?)
            }
        })
    }
}

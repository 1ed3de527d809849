//! 查阅记录: who read personal data, when, from where (E11).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::audit_query::{Cursor, within};
use db::params;
use db::reading::{self, What};
use db::search::Conditions;
use domain::policy::{Reach, ReadAudit};
use domain::text;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormView};
use kit::page;
use kit::session::Permitted;
use kit::shell::Shell;

use crate::audit::{Filters, SIZE, account_id, bureau_choices, bureau_name, cursor, period};
use crate::frame::{self, Entry};

struct ReadingRow {
    at: String,
    who: String,
    username: String,
    bureau: String,
    what: String,
    subject: String,
    address: String,
}

#[derive(Template)]
#[template(path = "audit/readings.html")]
struct ReadingsPage {
    shell: Shell,
    form: FormView,
    bureaus: Vec<Choice>,
    whats: Vec<Choice>,
    rows: Vec<ReadingRow>,
    older: Option<String>,
    newest: Option<String>,
    is_filtered: bool,
}

/// A page of the log; `action` is what was read.
pub async fn list(
    State(app): State<App>,
    user: Permitted<ReadAudit>,
    Query(filters): Query<Filters>,
) -> Result<Response, AppError> {
    #[derive(db::Row)]
    struct Id {
        id: i64,
    }
    let mut errors = FieldErrors::default();
    let mut conditions = Conditions::new();
    match user.permit.reach() {
        Reach::Bureau(own) => conditions = conditions.and("r.bureau_code = ?", params![own.clone()]),
        Reach::Everywhere if filters.bureau.is_empty() => {}
        Reach::Everywhere => conditions = conditions.and("r.bureau_code = ?", params![filters.bureau.clone()]),
    }
    if !filters.username.trim().is_empty() {
        match account_id(&app, &filters.username).await? {
            Some(id) => conditions = conditions.and("r.account_id = ?", params![id]),
            None => errors.add("username", "没有这个用户名"),
        }
    }
    if !filters.action.is_empty() {
        conditions = conditions.and("r.what = ?", params![filters.action.clone()]);
    }
    let number = text::half_width(filters.number.trim()).to_uppercase();
    if !number.is_empty() {
        let sql = "SELECT id FROM application WHERE number = $1";
        let found: Option<Id> = app.db.read().row(sql, params![number]).await?;
        match found {
            Some(found) => {
                let sql = "r.what IN ('application', 'print', 'attachment') AND r.subject_id = ?";
                conditions = conditions.and(sql, params![found.id]);
            }
            None => errors.add("number", "没有这个申请单号，请填写完整的申请单号"),
        }
    }
    let (from, to) = period(&mut errors, &filters.from, &filters.to);
    let conditions = within(conditions, "r", from, to, cursor(&filters.before));
    let invalid = !errors.is_empty();
    let found = if invalid { Vec::new() } else { reading::page(app.db.read(), &conditions, SIZE + 1).await? };
    let size = usize::try_from(SIZE).unwrap_or(usize::MAX);
    let older = (found.len() > size)
        .then(|| {
            found.get(size - 1).map(|r| {
                let place = Cursor { at: r.at, id: r.id }.to_string();
                filters.address("/audit/readings", &[("before", &place)])
            })
        })
        .flatten();
    let references = app.references.now();
    let rows = found
        .into_iter()
        .take(size)
        .map(|r| ReadingRow {
            at: r.at.china(),
            who: r.actor_name,
            username: r.username,
            bureau: bureau_name(&references, r.bureau_code.as_ref()),
            what: What::label_of(&r.what).to_owned(),
            subject: match (r.number, r.subject_id) {
                (Some(number), _) => number,
                (None, 0) => String::new(),
                (None, id) => id.to_string(),
            },
            address: r.address,
        })
        .collect();
    let mut shell = frame::signed(&app, &user, "查阅记录", Entry::Audit, &[("审计查询", "/audit")]).await?;
    shell.error_title = invalid;
    let page = ReadingsPage {
        shell,
        form: FormView::new(filters.data(), errors, &user.caller.csrf),
        bureaus: bureau_choices(&app, &user),
        whats: What::ALL.iter().map(|w| Choice::new(w.word(), w.label())).collect(),
        rows,
        older,
        newest: (!filters.before.is_empty()).then(|| filters.address("/audit/readings", &[])),
        is_filtered: !filters.is_empty(),
    };
    if invalid { page::unprocessable(&page) } else { page::render(&page) }
}

//! 附件要求: which kinds of attachment a clause asks for, everywhere or at one bureau (R-C-04; forms §2.8).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum_extra::extract::Query;
use db::reference_edition;
use domain::application::Need;
use domain::ids::{AttachmentKindCode, BureauCode, ClauseCode};
use domain::policy::KeepReferences;
use kit::app::App;
use kit::error::AppError;
use kit::form::{Choice, FieldErrors, FormData, FormView};
use kit::session::{Permitted, Submitted};
use kit::shell::Shell;
use kit::{flash, page};

use super::list::{Tab, tabs};
use super::row::refresh;
use crate::frame::{self, Entry};

/// Editions that the page shows.
const SHOWN: i64 = 20;

/// Whose rules are shown.
#[derive(Debug, Clone, Default, serde::Deserialize)]
pub struct RulesQuery {
    #[serde(default)]
    bureau: String,
    #[serde(default)]
    clause: String,
}

/// A kind of attachment with its rule.
struct KindRow {
    name: String,
    field: String,
    choices: Vec<Choice>,
    /// What holds while it has no rule of its own.
    otherwise: String,
}

#[derive(Template)]
#[template(path = "reference/attachment_rules.html")]
struct RulesPage {
    shell: Shell,
    tabs: Vec<Tab>,
    chosen: FormView,
    bureaus: Vec<Choice>,
    clauses: Vec<Choice>,
    form: FormView,
    bureau: String,
    clause: String,
    clause_name: String,
    unit: String,
    rows: Vec<KindRow>,
    seen: i64,
    history: Vec<(String, String)>,
}

/// The bureau and the clause, if there are such.
fn asked(app: &App, bureau: &str, clause: &str) -> Result<(Option<BureauCode>, ClauseCode), AppError> {
    let references = app.references.now();
    let bureau = match bureau {
        "" => None,
        code => Some(BureauCode::new(code)),
    };
    if bureau.as_ref().is_some_and(|b| references.bureau(b).is_none()) {
        return Err(AppError::NotFound);
    }
    let clause = match clause {
        "" => references.clauses.first().map(|c| c.code.clone()),
        code => references.clauses.iter().map(|c| c.code.clone()).find(|c| c.as_str() == code),
    };
    Ok((bureau, clause.ok_or(AppError::NotFound)?))
}

fn field_of(kind: &AttachmentKindCode) -> String {
    format!("need_{kind}")
}

/// Only these kinds follow a number of the form (R-2.1.3-05).
fn may_follow_a_number(kind: &AttachmentKindCode) -> bool {
    matches!(kind.as_str(), "contract" | "invoice" | "bill")
}

/// The rules of a bureau, or everywhere, for a clause.
pub async fn show(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Query(query): Query<RulesQuery>,
) -> Result<Response, AppError> {
    let (bureau, clause) = asked(&app, &query.bureau, &query.clause)?;
    let references = app.references.now();
    let read = app.db.read();
    let own = reference_edition::rules(&read, bureau.as_ref(), &clause).await?;
    let editions = reference_edition::rule_editions(&read, bureau.as_ref(), &clause, SHOWN).await?;
    let above = bureau.as_ref().map(|b| references.direct_of(b).clone()).filter(|d| Some(d) != bureau.as_ref());
    let today = app.clock.today();
    // What holds without rules of its own: those of the direct bureau above, and those of everywhere.
    let inherited = references.needs(above.as_ref(), &clause, today);
    let mut data = FormData::default();
    let mut rows = Vec::new();
    for kind in references.attachment_kinds_on(today) {
        let field = field_of(&kind.code);
        data.set(&field, own.get(kind.code.as_str()).map_or("", |need| need.word()));
        let needs = Need::ALL.iter().filter(|n| **n != Need::IfNumber || may_follow_a_number(&kind.code));
        let from_above = inherited.iter().find(|(code, _, _)| *code == kind.code).map_or(Need::Hidden, |(_, _, n)| *n);
        rows.push(KindRow {
            name: kind.name.clone(),
            field,
            choices: needs.map(|n| Choice::new(n.word(), n.label())).collect(),
            otherwise: match &bureau {
                Some(_) => format!("按上级规定（{}）", from_above.label()),
                None => format!("未规定（{}）", Need::Optional.label()),
            },
        });
    }
    let mut chosen = FormData::default();
    chosen.set("bureau", &query.bureau);
    chosen.set("clause", clause.as_str());
    let crumbs = [("基础数据", "/reference")];
    page::render(&RulesPage {
        shell: frame::signed(&app, &user, "附件要求", Entry::References, &crumbs).await?,
        tabs: tabs(None),
        chosen: FormView::new(chosen, FieldErrors::default(), &user.caller.csrf),
        bureaus: references.bureaus.iter().map(|b| Choice::new(b.code.as_str(), b.short_name.as_str())).collect(),
        clauses: references
            .clauses
            .iter()
            .map(|c| Choice::new(c.code.as_str(), format!("{}. {}", c.code, c.short_name)))
            .collect(),
        form: FormView::new(data, FieldErrors::default(), &user.caller.csrf),
        clause_name: references.clause_full(&clause),
        unit: bureau.as_ref().map_or_else(|| "全国".to_owned(), |b| references.bureau_name(b).to_owned()),
        bureau: query.bureau,
        clause: clause.to_string(),
        rows,
        seen: editions.first().map_or(0, |e| e.id),
        history: editions.into_iter().map(|e| (e.saved_at.china(), e.saved_by)).collect(),
    })
}

/// 保存: from now on.
pub async fn update(
    State(app): State<App>,
    user: Permitted<KeepReferences>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let (bureau, clause) = asked(&app, form.get("bureau"), form.get("clause"))?;
    let references = app.references.now();
    let mut to = Vec::new();
    for kind in references.attachment_kinds_on(app.clock.today()) {
        let typed = form.get(&field_of(&kind.code)).to_owned();
        if typed.is_empty() {
            continue;
        }
        let need: Option<Need> = typed.parse().ok();
        match need.filter(|n| *n != Need::IfNumber || may_follow_a_number(&kind.code)) {
            Some(need) => to.push((kind.code.clone(), need)),
            None => return Err(AppError::Invalid(format!("“{}”没有这种要求，请刷新页面后重新选择。", kind.name))),
        }
    }
    let seen = form.get("seen").parse().unwrap_or(-1);
    let (by, now) = (user.by(), app.now());
    let tx = app.db.begin().await?;
    reference_edition::save_rules(&tx, &user.permit, bureau.as_ref(), &clause, &to, seen, &by, now).await?;
    tx.commit().await?;
    refresh(&app).await?;
    let bureau = bureau.as_ref().map_or("", BureauCode::as_str);
    let url = format!("/reference/attachment-rules?bureau={bureau}&clause={clause}");
    Ok(flash::to(&app.key, app.config.is_https(), &url, "已保存，此后提交的申请按新的附件要求检查。"))
}

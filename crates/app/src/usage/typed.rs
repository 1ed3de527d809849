//! The forms of use, return and destruction, kept while somebody types (E21); see [`parts::typed`](crate::parts::typed).

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use db::{Tx, typed_text};
use domain::ids::{ApplicationId, UsageRecordId};
use domain::policy;
use domain::usage::{UsageAction, UsageKind};
use kit::app::App;
use kit::error::AppError;
use kit::page;
use kit::session::{EnterpriseUser, Submitted};

use crate::parts::typed::{Desk, body_of, forget};
use crate::usage::{not_his, open};

/// A form that is kept.
#[derive(Debug, Clone, Copy)]
pub enum TypedForm {
    /// A new record; one per kind and application.
    New(UsageKind),
    /// A record that exists.
    Record(UsageRecordId),
}

impl TypedForm {
    /// Its name beside the application.
    pub fn word(self) -> String {
        match self {
            Self::New(kind) => format!("usage-{kind}"),
            Self::Record(id) => format!("usage-{id}"),
        }
    }

    /// How its page speaks of it. A new record is begun again with the products that were ticked.
    pub fn desk(self, application: ApplicationId, lines: &[i64]) -> Desk {
        match self {
            Self::New(kind) => Desk {
                address: format!("/applications/{application}/usage-records/typed/{kind}"),
                restore: format!("{}&restore=1", new_form(application, kind, lines)),
                hidden: lines.iter().map(|n| ("line".to_owned(), n.to_string())).collect(),
                deed: "保存”或“提交",
            },
            Self::Record(id) => Desk {
                address: format!("/usage-records/{id}/typed"),
                restore: format!("/usage-records/{id}/edit?restore=1"),
                hidden: Vec::new(),
                deed: "修改”或“提交",
            },
        }
    }
}

fn new_form(application: ApplicationId, kind: UsageKind, lines: &[i64]) -> String {
    let lines: Vec<_> = lines.iter().map(|n| format!("&line={n}")).collect();
    format!("/applications/{application}/usage-records/new?kind={kind}{}", lines.concat())
}

async fn opened(
    tx: &Tx,
    app: &App,
    user: &EnterpriseUser,
    id: ApplicationId,
    kind: &str,
) -> Result<TypedForm, AppError> {
    let kind = kind.parse().map_err(|_| AppError::NotFound)?;
    if !open(tx, app, user, id).await?.may_record {
        return Err(not_his());
    }
    Ok(TypedForm::New(kind))
}

/// A record that may still be changed, and its application.
async fn opened_record(tx: &Tx, user: &EnterpriseUser, id: UsageRecordId) -> Result<ApplicationId, AppError> {
    let record = db::usage::load_for_update(tx, &user.scope(), id).await?;
    policy::may_with_usage(user.actor(), &record.ownership, UsageAction::Edit)
        .map_err(|r| AppError::Conflict(r.to_string()))?;
    Ok(record.application)
}

/// Keeps the form of a new record; the answer is the time of day, for 已自动保存.
pub async fn keep(
    State(app): State<App>,
    user: EnterpriseUser,
    Path((id, kind)): Path<(ApplicationId, String)>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let body = body_of(&form)?;
    let tx = app.db.begin().await?;
    let page = opened(&tx, &app, &user, id, &kind).await?;
    typed_text::keep(&tx, id, user.user.account, &page.word(), &body, app.now()).await?;
    tx.commit().await?;
    Ok(app.now().china_time_of_day().into_response())
}

/// 放弃, and 返回, of a new record.
pub async fn discard(
    State(app): State<App>,
    user: EnterpriseUser,
    Path((id, kind)): Path<(ApplicationId, String)>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let page = opened(&tx, &app, &user, id, &kind).await?;
    forget(&tx, &user, id, &page.word()).await?;
    tx.commit().await?;
    let lines: Vec<i64> = form.all("line").filter_map(|n| n.parse().ok()).collect();
    Ok(page::see_other(&match page {
        TypedForm::New(kind) if !lines.is_empty() => new_form(id, kind, &lines),
        TypedForm::New(_) | TypedForm::Record(_) => format!("/applications/{id}/goods"),
    }))
}

/// Keeps the form of a record that exists.
pub async fn keep_record(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<UsageRecordId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let body = body_of(&form)?;
    let tx = app.db.begin().await?;
    let application = opened_record(&tx, &user, id).await?;
    let word = TypedForm::Record(id).word();
    typed_text::keep(&tx, application, user.user.account, &word, &body, app.now()).await?;
    tx.commit().await?;
    Ok(app.now().china_time_of_day().into_response())
}

/// 放弃, and 返回, of a record that exists.
pub async fn discard_record(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<UsageRecordId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let application = opened_record(&tx, &user, id).await?;
    forget(&tx, &user, application, &TypedForm::Record(id).word()).await?;
    tx.commit().await?;
    Ok(page::see_other(&format!("/usage-records/{id}/edit")))
}

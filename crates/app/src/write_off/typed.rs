//! The form of 预核销, kept while somebody types (E21); see [`parts::typed`](crate::parts::typed).

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use db::{Tx, typed_text};
use domain::ids::{ApplicationId, CertificateId};
use kit::app::App;
use kit::error::AppError;
use kit::form::FormData;
use kit::page;
use kit::session::{EnterpriseUser, Submitted};

use crate::parts::typed::{Desk, body_of, forget};
use crate::write_off::{open, pre_write_off};

/// Its name beside the application.
pub const WORD: &str = "pre-write-off";

/// How its page speaks of it.
pub fn desk(id: CertificateId) -> Desk {
    Desk {
        address: format!("/certificates/{id}/pre-write-offs/typed"),
        restore: format!("/certificates/{id}/pre-write-offs/new?restore=1"),
        hidden: Vec::new(),
        deed: "提交",
    }
}

async fn opened(tx: &Tx, app: &App, user: &EnterpriseUser, id: CertificateId) -> Result<ApplicationId, AppError> {
    let opened = open(tx, app, user.actor(), id).await?;
    pre_write_off::must_be_open(app, user, &opened)?;
    Ok(opened.certificate.application_id)
}

/// Keeps the form; the answer is the time of day, for 已自动保存. Of two thousand rows those that are filled in count.
pub async fn keep(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    Submitted(form): Submitted,
) -> Result<Response, AppError> {
    let filled = form.pairs().iter().filter(|(_, v)| !v.trim().is_empty()).cloned().collect();
    let body = body_of(&FormData::from_pairs(filled))?;
    let tx = app.db.begin().await?;
    let application = opened(&tx, &app, &user, id).await?;
    typed_text::keep(&tx, application, user.user.account, WORD, &body, app.now()).await?;
    tx.commit().await?;
    Ok(app.now().china_time_of_day().into_response())
}

/// 放弃, and 返回: what was kept is gone.
pub async fn discard(
    State(app): State<App>,
    user: EnterpriseUser,
    Path(id): Path<CertificateId>,
    _form: Submitted,
) -> Result<Response, AppError> {
    let tx = app.db.begin().await?;
    let application = opened(&tx, &app, &user, id).await?;
    forget(&tx, &user, application, WORD).await?;
    tx.commit().await?;
    Ok(page::see_other(&format!("/certificates/{id}/pre-write-offs/new")))
}

//! 证明修改 (manual §2.7): the enterprise asks, changes and submits; two officers release and confirm.

pub mod amendment;
pub mod amendment_request;
pub mod amendments;
pub mod case;
mod changes;
pub mod item;
pub mod items;
pub mod opening;
pub mod submitted;

use axum::response::Response;
use db::amendment::Amendment;
use db::certificate::{self, Certificate};
use db::{Source, Tx};
use domain::amendment::{Action, Facts, Refusal, Step, may};
use domain::ids::CertificateId;
use kit::error::AppError;
use kit::page;
use kit::session::EnterpriseUser;

/// A certificate whose amendment the enterprise may change now, as its pages begin.
struct InHand {
    certificate: Certificate,
    facts: Facts,
    amendment: Amendment,
    edit: Step,
}

/// For looking at it. A hidden link is a refused request: 409 says why; a colleague is led to the page on which one
/// reads.
async fn open(
    source: &impl Source,
    user: &EnterpriseUser,
    id: CertificateId,
) -> Result<Result<InHand, Response>, AppError> {
    let certificate = certificate::load(source, &user.scope(), id).await?;
    match in_hand(source, user, certificate).await {
        Ok(found) => Ok(Ok(found)),
        Err(AppError::Forbidden(_)) => Ok(Err(page::see_other(&format!("/certificates/{id}")))),
        Err(error) => Err(error),
    }
}

/// For changing it; the certificate is locked first.
async fn open_for_update(tx: &Tx, user: &EnterpriseUser, id: CertificateId) -> Result<InHand, AppError> {
    let certificate = certificate::load_for_update(tx, &user.scope(), id).await?;
    in_hand(tx, user, certificate).await
}

async fn in_hand(source: &impl Source, user: &EnterpriseUser, certificate: Certificate) -> Result<InHand, AppError> {
    let facts = db::amendment::facts(source, &certificate).await?;
    let edit = may(user.actor(), &facts, Action::Edit).map_err(refused)?;
    match db::amendment::open_of(source, certificate.id).await? {
        Some(amendment) => Ok(InHand { certificate, facts, amendment, edit }),
        None => Err(refused(Refusal::NoneIsOpen)),
    }
}

/// A refusal as an answer: 403 for whom it is not, 409 for when it is not.
fn refused(why: Refusal) -> AppError {
    match why {
        Refusal::NotYours(_) | Refusal::SecondLook => AppError::Forbidden(why.to_string()),
        Refusal::Ended(_)
        | Refusal::WrittenOff
        | Refusal::Pending
        | Refusal::OneIsOpen(_)
        | Refusal::NoneIsOpen
        | Refusal::Barred(_)
        | Refusal::NotInThisState { .. } => AppError::Conflict(why.to_string()),
    }
}

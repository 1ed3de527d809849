//! 撤销 (order 117, article 52; D23) and 注销 of a certificate: how it ends before its time.

pub mod notice;
pub mod proposal;
pub mod revocation;
pub mod revocations;
pub mod surrender;
pub mod surrender_case;
pub mod surrenders;

use domain::ending::Refusal;
use kit::error::AppError;

/// A refusal as an answer: 403 for whom it is not, 409 for when it is not.
fn refused(why: Refusal) -> AppError {
    match why {
        Refusal::NotYours(_) | Refusal::SecondPerson | Refusal::NotYourProposal => AppError::Forbidden(why.to_string()),
        Refusal::Ended { .. }
        | Refusal::AlreadyProposed
        | Refusal::NotProposed
        | Refusal::AlreadyAsked
        | Refusal::NotAsked
        | Refusal::Amending
        | Refusal::Barred(_)
        | Refusal::WrittenOff
        | Refusal::Pending => AppError::Conflict(why.to_string()),
    }
}

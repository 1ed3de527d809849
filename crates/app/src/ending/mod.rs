//! 撤销 (order 117, article 52; D23) and 注销 of a certificate: how it ends before its time.

pub mod notice;
pub mod proposal;
pub mod revocation;
pub mod revocations;
pub mod surrender;
pub mod surrender_case;
pub mod surrenders;

use db::Source;
use db::audit::Subject;
use db::certificate::Certificate;
use domain::ending::Refusal;
use kit::app::App;
use kit::error::AppError;
use kit::form::FormData;
use kit::session::Signed;

use crate::parts::overtaken;

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

/// The same for a form: where somebody was faster, who, what, when (D34). `href` shows the newest state.
async fn late(
    source: &impl Source,
    app: &App,
    user: &Signed,
    certificate: &Certificate,
    (form, href): (&FormData, &str),
    why: Refusal,
) -> AppError {
    match refused(why) {
        AppError::Conflict(now) => told(source, app, user, certificate, (form, href), &now).await,
        other => other,
    }
}

/// Who was faster, what was done and when, and how things stand now.
async fn told(
    source: &impl Source,
    app: &App,
    user: &Signed,
    certificate: &Certificate,
    (form, href): (&FormData, &str),
    now: &str,
) -> AppError {
    let about = (Subject::Certificate(certificate.id), form);
    overtaken::answer(source, app, user.actor().account(), about, now, href).await
}

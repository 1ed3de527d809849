//! The log of who read personal data (E11): noted through one bounded channel, written in batches.

use db::reading::{Reading, What};
use domain::actor::Actor;
use kit::app::App;
use kit::session::Signed;

/// Notes that somebody read something of others. What an enterprise reads of its own is no reading of others' data, but
/// for the list of its users.
pub async fn note(app: &App, user: &Signed, what: What, subject: i64) {
    let of_others = match user.actor() {
        Actor::Officer(_) | Actor::Cnca(_) => true,
        Actor::Enterprise(_) => what == What::Colleagues,
    };
    if !of_others {
        return;
    }
    let reading = Reading::of(user.actor(), &user.caller.address, what, subject, app.now());
    // A full channel makes the reader wait: a reading is never lost for speed.
    if app.readings.send(reading).await.is_err() {
        tracing::error!("a reading of personal data was not noted: nobody writes them down");
    }
}

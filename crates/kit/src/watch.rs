//! What this process remembers of its clock and of what it has already said about itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant as Moment};

use domain::clock_watch::{ClockWatch, Doubt, Reading};
use domain::time::Instant;

/// A fault that lasts is logged again after this long.
const AGAIN: Duration = Duration::from_hours(1);

/// One for each process.
#[derive(Debug)]
pub struct Watch {
    began: Moment,
    clock: Mutex<ClockWatch>,
    said: Mutex<HashMap<&'static str, (String, Moment)>>,
}

impl Default for Watch {
    fn default() -> Self {
        Self { began: Moment::now(), clock: Mutex::default(), said: Mutex::default() }
    }
}

impl Watch {
    /// Time that has passed since the process began, by a clock that nobody sets.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether the clock can be believed; `Err` is why not. The time that was judged comes back: a duty uses no other.
    pub fn judge(&self, reading: &Reading) -> Result<Instant, Doubt> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).observe(reading).map(|()| reading.now)
    }

    /// Whether this is to be logged: it is new, or was said an hour ago. Nothing (`""`) means that all is well again.
    pub fn is_news(&self, topic: &'static str, what: &str) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if what.is_empty() {
            return said.remove(topic).is_some();
        }
        let is_news = said.get(topic).is_none_or(|(before, at)| before != what || at.elapsed() >= AGAIN);
        if is_news {
            said.insert(topic, (what.to_owned(), Moment::now()));
        }
        is_news
    }
}

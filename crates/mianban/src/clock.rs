//! The clock of demonstrations that travel in time (`MIANBAN_DEMO_CLOCK`).

use std::path::PathBuf;

use domain::time::{Clock, Instant, SystemClock};

/// Reads the time from a file at every question; without the file it is the machine's time.
pub struct FileClock(pub PathBuf);

impl Clock for FileClock {
    fn now(&self) -> Instant {
        std::fs::read_to_string(&self.0)
            .ok()
            .and_then(|text| text.trim().parse::<jiff::Timestamp>().ok())
            .map_or_else(|| SystemClock.now(), |t| Instant::from_millis(t.as_millisecond()))
    }
}

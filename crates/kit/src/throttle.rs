//! Bounds guessing where nobody is logged in and nothing may be written (E11): counted in memory, per process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::time::Instant;

/// Wrong guesses from one address before it waits.
const MOST: u32 = 10;
/// The window in which they count, and the length of the wait.
const MINUTES: i64 = 15;
/// Addresses that are remembered; beyond that the oldest windows are forgotten first.
const REMEMBERED: usize = 10_000;

/// How often each address guessed wrong.
#[derive(Debug, Default)]
pub struct Throttle(Mutex<HashMap<String, (u32, Instant)>>);

impl Throttle {
    /// Whether this address has to wait.
    pub fn is_locked(&self, address: &str, now: Instant) -> bool {
        self.is_beyond(address, MOST, now)
    }

    /// The same with another limit, for what is counted under a name of its own.
    pub fn is_beyond(&self, name: &str, most: u32, now: Instant) -> bool {
        let guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guesses.get(name).is_some_and(|(n, since)| *n >= most && now < since.plus_minutes(MINUTES))
    }

    /// Counts a wrong guess.
    pub fn note(&self, address: &str, now: Instant) {
        let mut guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if guesses.len() >= REMEMBERED {
            guesses.retain(|_, (_, since)| now < since.plus_minutes(MINUTES));
            if guesses.len() >= REMEMBERED
                && let Some(oldest) = guesses.iter().min_by_key(|(_, (_, since))| *since).map(|(k, _)| k.clone())
            {
                guesses.remove(&oldest);
            }
        }
        let entry = guesses.entry(address.to_owned()).or_insert((0, now));
        if now >= entry.1.plus_minutes(MINUTES) {
            *entry = (0, now);
        }
        entry.0 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_guesses_wait_for_a_quarter_of_an_hour_and_nobody_else_does() {
        let throttle = Throttle::default();
        let now = Instant::from_millis(0);
        for _ in 0..MOST {
            assert!(!throttle.is_locked("a", now));
            throttle.note("a", now);
        }
        assert!(throttle.is_locked("a", now) && !throttle.is_locked("b", now));
        assert!(throttle.is_beyond("a", MOST, now) && !throttle.is_beyond("a", MOST + 1, now));
        assert!(!throttle.is_locked("a", now.plus_minutes(MINUTES)));
        throttle.note("a", now.plus_minutes(MINUTES));
        assert!(!throttle.is_locked("a", now.plus_minutes(MINUTES)));
    }

    #[test]
    fn memory_stays_bounded() {
        let throttle = Throttle::default();
        for n in 0..REMEMBERED + 50 {
            throttle.note(&n.to_string(), Instant::from_millis(i64::try_from(n).unwrap()));
        }
        assert_eq!(throttle.0.lock().unwrap().len(), REMEMBERED);
    }
}

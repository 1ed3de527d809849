//! Runs the same deed over and over at a number of connections, and reads clocks before and after.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::process::{Cpu, Meter};

/// No measurement takes longer: what is far over its budget is known from fewer requests.
const LONGEST: Duration = Duration::from_secs(8);

/// What a run of one kind of request gave.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// How many there were.
    pub requests: usize,
    /// CPU time of all of them.
    pub cpu: Cpu,
    /// How long the run took, µs.
    pub elapsed: u64,
    /// How long each took, µs, ascending.
    times: Vec<u64>,
}

impl Run {
    /// What was not timed one by one.
    pub const fn untimed(requests: usize, cpu: Cpu) -> Self {
        Self { requests, cpu, elapsed: 0, times: Vec::new() }
    }

    /// CPU time of one.
    pub fn each(&self) -> Cpu {
        self.cpu.per(self.requests)
    }

    /// The time within which this share of the requests, in percent, was answered, µs; none without times.
    pub fn percentile(&self, percent: usize) -> Option<u64> {
        let last = self.times.len().saturating_sub(1);
        self.times.get((last * percent).div_ceil(100)).copied()
    }

    /// Requests per second; none without times.
    pub fn rate(&self) -> Option<u64> {
        let requests = u64::try_from(self.requests).unwrap_or_default();
        requests.saturating_mul(1_000_000).checked_div(self.elapsed)
    }
}

/// Lets each worker do the deed with the numbers `first`, `first + 1`, …, until `requests` are done.
///
/// A worker (a connection) is lent to the deed and comes back from it. The first failure ends the run.
pub async fn run<W, F, R>(meter: Meter, workers: Vec<W>, first: usize, requests: usize, deed: F) -> anyhow::Result<Run>
where
    W: Send + 'static,
    F: Fn(W, usize) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = anyhow::Result<W>> + Send + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let before = meter.read()?;
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for mut worker in workers {
        let (next, deed) = (next.clone(), deed.clone());
        tasks.spawn(async move {
            let mut times = Vec::new();
            while started.elapsed() < LONGEST {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= requests {
                    break;
                }
                let begun = Instant::now();
                worker = deed(worker, first + n).await?;
                times.push(micros(begun));
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(done) = tasks.join_next().await {
        times.append(&mut done??);
    }
    let elapsed = micros(started);
    let cpu = meter.read()?.since(before);
    times.sort_unstable();
    Ok(Run { requests: times.len(), cpu, elapsed, times })
}

/// µs since then.
pub fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_number_is_used_once_whatever_the_workers() {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let meter = Meter { process: std::process::id(), postmaster: None };
        let notes = seen.clone();
        let deed = move |worker: (), n: usize| {
            notes.lock().unwrap().push(n);
            async move { Ok(worker) }
        };
        let run = run(meter, vec![(); 4], 100, 10, deed).await.unwrap();
        let mut numbers = seen.lock().unwrap().clone();
        numbers.sort_unstable();
        assert_eq!(numbers, (100..110).collect::<Vec<_>>());
        assert_eq!(run.requests, 10);
    }

    #[test]
    fn percentiles_are_taken_from_what_was_seen() {
        let run = Run { times: (1..=101).collect(), requests: 101, elapsed: 1_000_000, cpu: Cpu::default() };
        assert_eq!([50, 99, 100].map(|p| run.percentile(p)), [Some(51), Some(100), Some(101)]);
        assert_eq!(run.rate(), Some(101));
        let untimed = Run::untimed(7, Cpu::default());
        assert_eq!((untimed.percentile(50), untimed.rate()), (None, None));
    }
}

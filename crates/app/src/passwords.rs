//! Argon2id, on one thread of its own, one password after the other.
//!
//! Each hash works in 19 MiB. On one thread they are the same 19 MiB every time; spread over the threads of the runtime
//! each would keep its own, and a small server would pay for the busiest minute of its life until it is restarted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, mpsc};
use std::thread;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::oneshot;

/// Checked when the user name is unknown, so that the answer takes as long as for a known one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bWlhbmJhbi1ub2JvZHkh$X3xW4Jb5d0q0mU8uC0hQXzqz0kz0m5p1lqk8a1d2e3c";

type Work = Box<dyn FnOnce() + Send>;

/// Where the work is handed in; `None` when the thread could not be started.
static QUEUE: LazyLock<Option<mpsc::Sender<Work>>> = LazyLock::new(|| {
    let (sender, queue) = mpsc::channel::<Work>();
    let work = move || {
        for task in queue {
            // Whoever waits for a task that panicked is told; the next one is done all the same.
            let _ = catch_unwind(AssertUnwindSafe(task));
        }
    };
    thread::Builder::new().name("passwords".to_owned()).spawn(work).ok().map(|_| sender)
});

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    let (answer, waiting) = oneshot::channel();
    let task: Work = Box::new(move || {
        // Nobody waits any more: the visitor has gone.
        if !answer.is_closed() {
            let _ = answer.send(work());
        }
    });
    let queue = QUEUE.as_ref().ok_or_else(|| anyhow::anyhow!("the thread of passwords could not be started"))?;
    queue.send(task).map_err(|_| anyhow::anyhow!("the thread of passwords has ended"))?;
    Ok(waiting.await?)
}

/// Hashes a password.
pub async fn hash(password: &str) -> anyhow::Result<String> {
    let password = password.to_owned();
    in_turn(move || hash_blocking(&password)).await?
}

/// Hashes a password on this thread, for the command line.
pub fn hash_blocking(password: &str) -> anyhow::Result<String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|h| h.to_string())
        .map_err(|e| anyhow::anyhow!("hashing a password: {e}"))
}

/// Whether the password fits the stored hash; without a hash the same work is done in vain.
pub async fn verify(password: &str, stored: Option<&str>) -> anyhow::Result<bool> {
    let password = password.to_owned();
    let known = stored.is_some();
    let stored = stored.unwrap_or(NOBODY).to_owned();
    in_turn(move || {
        let fits = PasswordHash::new(&stored)
            .is_ok_and(|h| Argon2::default().verify_password(password.as_bytes(), &h).is_ok());
        known && fits
    })
    .await
}

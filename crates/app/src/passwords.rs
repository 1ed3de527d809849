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
use domain::text;
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

/// So many guesses at least must a new password take, in the estimate of zxcvbn: lists of common and leaked passwords,
/// names, dates, keyboard rows, and their usual disguises are tried first.
const GUESSES: u64 = 1_000_000;

/// What can be known of a user before he chooses his password is guessed first, in this length at least.
const KNOWN_LENGTH: usize = 4;

/// Words that people here like and the lists of zxcvbn rank too low or lack.
const USUAL_HERE: &[&str] = &[
    "woaini",
    "woaini1314",
    "woaini520",
    "woaiwojia",
    "5201314",
    "1314520",
    "qwe123",
    "asd123",
    "zxc123",
    "abc123456",
    "a123456",
    "qq123456",
    "q1w2e3r4",
    "1qaz@wsx",
    "admin888",
    "admin@123",
    "mima1234",
    "cnca",
];

/// Whether a new password may be used: its form ([`text::password`]), and how soon it is guessed by somebody who knows the
/// user's name, the code of his organisation, his mailbox. The sentence says how to mend it.
pub fn judge(typed: &str, username: &str, known: &[&str]) -> Result<(), &'static str> {
    text::password(typed, username)?;
    let folded = text::fold(typed);
    let mut words: Vec<String> = known.iter().map(|w| text::fold(w)).collect();
    // A code is typed with or without its hyphen.
    words.extend(known.iter().map(|w| text::fold(w).replace('-', "")));
    words.extend(known.iter().filter_map(|w| w.split_once('@').map(|(local, _)| text::fold(local))));
    words.retain(|w| w.chars().count() >= KNOWN_LENGTH);
    if words.iter().any(|w| folded.contains(w.as_str())) {
        return Err("密码不能包含用户名、组织机构代码或邮箱，请换一个密码");
    }
    let words: Vec<&str> = words.iter().map(String::as_str).chain(USUAL_HERE.iter().copied()).collect();
    if zxcvbn::zxcvbn(typed, &words).guesses() < GUESSES {
        return Err("这个密码过于常见，或容易被猜到（如 Password1、Abc12345），请换一个密码");
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_and_leaked_passwords_and_their_disguises_are_refused() {
        for bad in [
            "Password1",
            "P@ssw0rd",
            "Abc12345",
            "Qwer1234",
            "1qaz@WSX",
            "Admin@123",
            "a123456789",
            "Woaini1314",
            "Passw0rd!",
            "Qwerty123",
            "iloveyou1",
            "drowssap1",
            "PASSWORD1",
            "1234567a",
            "zxcvbnm1",
        ] {
            assert!(judge(bad, "zhang_shili", &["zhang_shili", "802100433"]).is_err(), "{bad}");
        }
        for good in ["mianban-demo-2026", "correct-horse-7", "Shili-2026", "Shili-2027", "Xin-mima-2026"] {
            assert_eq!(judge(good, "zhang_shili", &["zhang_shili", "802100433"]), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_is_known_of_the_user_is_no_password() {
        let known = ["zhang_shili", "80210043-3", "wang.shili@example.com"];
        for bad in ["Zhang_Shili2026", "ZHANG_SHILI!!", "A-802100433-x", "a80210043-3", "wang.shili-88"] {
            assert!(judge(bad, "zhang_shili", &known).is_err(), "{bad}");
        }
        // Too short to be told from chance.
        assert_eq!(judge("ab-Kompass-77", "ab", &["ab"]), Ok(()));
    }

    #[test]
    fn passwords_that_the_program_makes_are_accepted() {
        for _ in 0..50 {
            assert_eq!(judge(&kit::random::password(), "somebody", &["somebody"]), Ok(()));
        }
    }
}

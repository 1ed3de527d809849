//! Argon2id, off the async threads, never more at once than there are cores.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use kit::app::App;

/// Checked when the user name is unknown, so that the answer takes as long as for a known one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bWlhbmJhbi1ub2JvZHkh$X3xW4Jb5d0q0mU8uC0hQXzqz0kz0m5p1lqk8a1d2e3c";

/// Hashes a password.
pub async fn hash(app: &App, password: &str) -> anyhow::Result<String> {
    let permit = app.cores.clone().acquire_owned().await?;
    let password = password.to_owned();
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        hash_blocking(&password)
    })
    .await?
}

/// Hashes a password on this thread, for the command line.
pub fn hash_blocking(password: &str) -> anyhow::Result<String> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|h| h.to_string())
        .map_err(|e| anyhow::anyhow!("hashing a password: {e}"))
}

/// Whether the password fits the stored hash; without a hash the same work is done in vain.
pub async fn verify(app: &App, password: &str, stored: Option<&str>) -> anyhow::Result<bool> {
    let permit = app.cores.clone().acquire_owned().await?;
    let password = password.to_owned();
    let known = stored.is_some();
    let stored = stored.unwrap_or(NOBODY).to_owned();
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let fits = PasswordHash::new(&stored)
            .is_ok_and(|h| Argon2::default().verify_password(password.as_bytes(), &h).is_ok());
        Ok(known && fits)
    })
    .await?
}

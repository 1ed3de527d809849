//! 两步验证: codes of an authenticator (RFC 6238: SHA-1, six digits, thirty seconds, one step early or late) and recovery
//! codes.
//!
//! The secret of an account is made from a stored salt with the key of the installation. It leaves the server once, while
//! the factor is set up.

use db::Tx;
use db::audit::By;
use db::second_factor::SecondFactor;
use domain::ids::AccountId;
use domain::text;
use domain::time::Instant;
use kit::app::App;
use kit::error::AppError;
use kit::random;
use totp_rs::{Algorithm, Builder, Totp};

/// The name under which an authenticator lists the account.
const ISSUER: &str = "CCC免办系统";
/// Recovery codes that are made at once.
pub const CODES: usize = 10;
/// Groups of four characters in a recovery code.
const GROUPS: usize = 3;
/// Said when the codes of an account were wrong too often.
pub const LOCKED: &str = "验证码连续输错次数过多，请 15 分钟后再试";
/// Said when a code does not fit.
pub const WRONG: &str = "验证码不正确或已使用过。请输入身份验证器当前显示的 6 位数字，或一个没有用过的恢复码";

/// What is shown while a factor is set up.
#[derive(Debug)]
pub struct Enrolment {
    /// The secret, for typing, in groups of four.
    pub secret: String,
    /// The same for a QR code.
    pub address: String,
}

/// What the user's code turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A code of the authenticator, of this time step.
    Step(i64),
    /// Perhaps a recovery code: its hash.
    Code(String),
}

fn totp(app: &App, account: AccountId, username: &str, salt: &str) -> anyhow::Result<Totp> {
    let made = hex::decode(app.key.sign("second-factor", &format!("{account}.{salt}")))?;
    let secret = made.get(..20).unwrap_or_default().to_vec();
    Ok(Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(30)
        .with_secret(secret)
        .with_issuer(Some(ISSUER))
        .with_account_name(username)
        .build()?)
}

/// The secret of a factor that is being set up.
pub fn enrolment(app: &App, account: AccountId, username: &str, salt: &str) -> anyhow::Result<Enrolment> {
    let totp = totp(app, account, username, salt)?;
    let secret = totp.secret().to_base32();
    let groups: Vec<String> = secret.as_bytes().chunks(4).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
    Ok(Enrolment { secret: groups.join(" "), address: totp.to_url()? })
}

/// Reads a code: six digits are one of the authenticator, the rest may be a recovery code. None when it cannot be right.
pub fn read(
    app: &App,
    account: AccountId,
    username: &str,
    factor: &SecondFactor,
    typed: &str,
) -> anyhow::Result<Option<Proof>> {
    let typed: String = text::half_width(typed).chars().filter(char::is_ascii_alphanumeric).collect();
    if typed.len() == 6 && typed.bytes().all(|b| b.is_ascii_digit()) {
        let seconds = u64::try_from(app.now().millis() / 1000)?;
        let step = totp(app, account, username, &factor.salt)?.check(&typed, seconds);
        return Ok(step.map(i64::try_from).transpose()?.map(Proof::Step));
    }
    Ok((typed.len() == GROUPS * 4).then(|| Proof::Code(hash_of(app, account, &typed))))
}

/// Spends a proof of a confirmed factor; false when it was used before.
pub async fn spend(tx: &Tx, account: AccountId, proof: &Proof, by: &By, now: Instant) -> Result<bool, AppError> {
    Ok(match proof {
        Proof::Step(step) => db::second_factor::use_step(tx, account, *step).await?,
        Proof::Code(hash) => db::second_factor::use_code(tx, account, hash, by, now).await?,
    })
}

/// New recovery codes, with what is stored of them.
pub fn new_codes(app: &App, account: AccountId) -> (Vec<String>, Vec<String>) {
    let codes: Vec<String> = (0..CODES).map(|_| random::code(GROUPS)).collect();
    let hashes = codes.iter().map(|code| hash_of(app, account, &code.replace('-', ""))).collect();
    (codes, hashes)
}

fn hash_of(app: &App, account: AccountId, code: &str) -> String {
    app.key.sign("recovery-code", &format!("{account}.{}", code.to_ascii_uppercase()))
}

/// Under what wrong codes of an account are counted, wherever they come from: who is asked for one has shown the password.
pub fn subject(account: AccountId) -> String {
    format!("second|{account}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 6238, appendix B, with their last six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(1)
            .with_step_duration(30)
            .with_secret(b"12345678901234567890".to_vec())
            .build()
            .unwrap();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(totp.generate(seconds).to_string(), code);
            assert_eq!(totp.check(code, seconds), Some(seconds / 30));
            assert_eq!(totp.check(code, seconds + 30), Some(seconds / 30), "one step late");
            assert_eq!(totp.check(code, seconds - 30), Some(seconds / 30), "one step early");
            assert_eq!(totp.check(code, seconds + 60), None);
        }
    }
}

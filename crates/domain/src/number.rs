//! 申请单号 and 证明号 (D25, E5).

use std::fmt;
use std::str::FromStr;

use crate::ids::BureauCode;
use crate::time::Day;

/// A number that cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    /// The direct bureau's code is not six digits.
    #[error("`{0}` is not the six-digit code of a direct bureau")]
    Bureau(String),
    /// More than the digits hold.
    #[error("the series is used up at {0}")]
    UsedUp(u64),
    /// 申请单号: not `MB` and 19 digits, or no such day.
    #[error("申请单号应为 MB 加 19 位数字，例如 MB3100002026112300042，请核对")]
    ApplicationShape,
    /// 证明号: not 17 digits, or the check digit does not hold.
    #[error("证明号应为 17 位数字，请核对")]
    Shape,
}

fn six_digits(bureau: &BureauCode) -> Result<&str, BadNumber> {
    let code = bureau.as_str();
    if code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) {
        Ok(code)
    } else {
        Err(BadNumber::Bureau(code.to_owned()))
    }
}

/// 申请单号: `MB` + the direct bureau's code (6) + yyyymmdd + 5 digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub struct ApplicationNumber(String);

impl ApplicationNumber {
    /// The number with this serial on this day.
    pub fn new(direct: &BureauCode, day: Day, serial: u64) -> Result<Self, BadNumber> {
        if serial > 99_999 {
            return Err(BadNumber::UsedUp(serial));
        }
        Ok(Self(format!("MB{}{}{serial:05}", six_digits(direct)?, day.compact())))
    }

    /// Reads a typed number: in any case, full width, with blanks or hyphens; its day must exist.
    pub fn parse(typed: &str) -> Result<Self, BadNumber> {
        let number = without_separators(typed).to_ascii_uppercase();
        let digits = number.strip_prefix("MB").filter(|d| d.len() == 19 && d.bytes().all(|b| b.is_ascii_digit()));
        let day = digits.and_then(|d| format!("{}-{}-{}", &d[6..10], &d[10..12], &d[12..14]).parse::<Day>().ok());
        if day.is_some() { Ok(Self(number)) } else { Err(BadNumber::ApplicationShape) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApplicationNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// 证明号: the direct bureau's code (6) + yyyy + 6 digits + ISO 7064 MOD 11,10 over all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
pub struct CertificateNumber(String);

impl CertificateNumber {
    /// The number with this serial in this year.
    pub fn new(direct: &BureauCode, day: Day, serial: u64) -> Result<Self, BadNumber> {
        if serial > 999_999 {
            return Err(BadNumber::UsedUp(serial));
        }
        let body = format!("{}{:04}{serial:06}", six_digits(direct)?, day.year());
        let check = mod_11_10(&body);
        Ok(Self(format!("{body}{check}")))
    }

    /// Reads a typed number: 17 digits whose check digit holds.
    pub fn parse(typed: &str) -> Result<Self, BadNumber> {
        let digits = without_separators(typed);
        if digits.len() != 17 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadNumber::Shape);
        }
        let (body, check) = digits.split_at(16);
        if check == mod_11_10(body).to_string() { Ok(Self(digits)) } else { Err(BadNumber::Shape) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CertificateNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ApplicationNumber {
    type Err = BadNumber;

    fn from_str(s: &str) -> Result<Self, BadNumber> {
        Self::parse(s)
    }
}

impl FromStr for CertificateNumber {
    type Err = BadNumber;

    fn from_str(s: &str) -> Result<Self, BadNumber> {
        Self::parse(s)
    }
}

fn without_separators(typed: &str) -> String {
    crate::text::half_width(typed).chars().filter(|c| !c.is_whitespace() && *c != '-').collect()
}

/// The check digit of ISO 7064 MOD 11,10 for a string of digits.
fn mod_11_10(digits: &str) -> u32 {
    let product = digits.chars().filter_map(|c| c.to_digit(10)).fold(10, |product, digit| {
        let sum = (product + digit) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10
}

const CHECK_ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// 核验码: eight characters without look-alikes, from random bytes (40 bits).
pub fn check_code(random: [u8; 8]) -> String {
    random.iter().map(|b| char::from(CHECK_ALPHABET[usize::from(b % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day() -> Day {
        "2026-11-23".parse().unwrap()
    }

    #[test]
    fn numbers_are_written_as_decided() {
        let shanghai = BureauCode::new("310000");
        assert_eq!(ApplicationNumber::new(&shanghai, day(), 42).unwrap().as_str(), "MB3100002026112300042");
        let number = CertificateNumber::new(&shanghai, day(), 58).unwrap();
        assert!(number.as_str().starts_with("3100002026000058"));
        assert_eq!(number.as_str().len(), 17);
        assert_eq!(CertificateNumber::parse(number.as_str()), Ok(number));
        assert_eq!(ApplicationNumber::new(&shanghai, day(), 100_000), Err(BadNumber::UsedUp(100_000)));
        assert!(ApplicationNumber::new(&BureauCode::new("310000B01"), day(), 1).is_err());
    }

    #[test]
    fn the_check_digit_is_that_of_the_standard() {
        // ISO 7064 gives 0794 with check digit 5 as its example of MOD 11,10.
        assert_eq!(mod_11_10("0794"), 5);
    }

    #[test]
    fn an_application_number_is_read_as_people_type_it() {
        let right = "MB3100002026112300042";
        for typed in [right, " mb310000 20261123 00042 ", "ＭＢ3100002026112300042", "MB-310000-20261123-00042"] {
            assert_eq!(ApplicationNumber::parse(typed).unwrap().as_str(), right, "{typed}");
        }
        for typed in [
            "",
            "MB",
            "3100002026112300042",
            "MB3100002026023000042",
            "MB310000202611230004",
            "MB31000020261123000４二",
        ] {
            assert_eq!(ApplicationNumber::parse(typed), Err(BadNumber::ApplicationShape), "{typed}");
        }
    }

    #[test]
    fn check_codes_have_no_look_alikes() {
        for n in 0..=u8::MAX {
            let code = check_code([n; 8]);
            assert!(code.len() == 8 && !code.contains(['0', 'O', '1', 'I']), "{code}");
        }
        // 256 is a multiple of 32: every character is as likely as any other.
        let mut seen: Vec<_> = (0..=u8::MAX).map(|n| check_code([n; 8])).collect();
        seen.sort_unstable();
        assert!(seen.chunk_by(|a, b| a == b).all(|same| same.len() == 8));
    }

    proptest! {
        #[test]
        fn an_application_number_is_read_as_it_is_written(serial in 0..=99_999_u64, later in 0..40_000_i64) {
            let number = ApplicationNumber::new(&BureauCode::new("440300"), day().plus_days(later), serial).unwrap();
            prop_assert_eq!(number.to_string().parse(), Ok(number));
        }

        #[test]
        fn nothing_typed_ever_panics(typed in ".{0,30}|MB\\PC{17,19}|[0-9０-９]{17}") {
            let _ = ApplicationNumber::parse(&typed);
            let _ = CertificateNumber::parse(&typed);
        }

        #[test]
        fn one_wrong_digit_is_noticed(serial in 0..=999_999_u64, at in 0..17_usize, other in 0..10_u32) {
            let number = CertificateNumber::new(&BureauCode::new("440300"), day(), serial).unwrap();
            let mut wrong = number.as_str().to_owned();
            wrong.replace_range(at..=at, &other.to_string());
            prop_assert_eq!(CertificateNumber::parse(&wrong).is_ok(), wrong == number.as_str());
        }
    }
}

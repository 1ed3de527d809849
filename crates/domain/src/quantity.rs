//! Amounts of goods and money: exact, never binary floating point (E4).

use std::fmt;
use std::str::FromStr;

use crate::text::half_width;

/// Why an amount cannot be read; the sentence says how to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAmount {
    /// Not a number.
    #[error("请输入数字，例如 12 或 12.5")]
    NotANumber,
    /// A minus sign.
    #[error("不能为负数，请输入正数")]
    Negative,
    /// Zero where something is needed.
    #[error("必须大于 0")]
    Zero,
    /// More decimals than kept.
    #[error("最多保留 {0} 位小数，请删去多余的小数位")]
    TooManyDecimals(u32),
    /// Beyond what is kept.
    #[error("数值过大，最大为 {0}")]
    TooLarge(&'static str),
}

/// Reads a decimal number exactly: full-width digits and thousands commas are accepted.
fn read(text: &str, decimals: u32, largest: i64, largest_text: &'static str) -> Result<i64, BadAmount> {
    let text = half_width(text.trim());
    let text = text.trim();
    if text.starts_with('-') && text.len() > 1 {
        return Err(BadAmount::Negative);
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = ungroup(whole).ok_or(BadAmount::NotANumber)?;
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !digits(&whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return Err(BadAmount::NotANumber);
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > decimals as usize {
        return Err(BadAmount::TooManyDecimals(decimals));
    }
    let mut value: i64 = 0;
    let padding = std::iter::repeat_n(b'0', decimals as usize - fraction.len());
    for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(i64::from(digit - b'0')))
            .ok_or(BadAmount::TooLarge(largest_text))?;
    }
    if value > largest { Err(BadAmount::TooLarge(largest_text)) } else { Ok(value) }
}

/// Removes thousands commas that stand where they belong; a comma elsewhere is not a number.
fn ungroup(whole: &str) -> Option<String> {
    if !whole.contains(',') {
        return Some(whole.to_owned());
    }
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let sound = (1..=3).contains(&first.len()) && groups.all(|g| g.len() == 3);
    sound.then(|| whole.replace(',', ""))
}

fn write(value: i64, decimals: u32, smallest: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let unit = 10_u64.pow(decimals);
    // No amount is negative; should one come from elsewhere, it is shown as what it is.
    if value < 0 {
        f.write_str("-")?;
    }
    let value = value.unsigned_abs();
    let whole = (value / unit).to_string();
    for (n, c) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n).is_multiple_of(3) {
            f.write_str(",")?;
        }
        write!(f, "{c}")?;
    }
    let fraction = format!("{:0width$}", value % unit, width = decimals as usize);
    let kept = fraction.trim_end_matches('0').len().max(smallest as usize);
    if kept > 0 { write!(f, ".{}", &fraction[..kept]) } else { Ok(()) }
}

macro_rules! amount {
    ($(#[$doc:meta])* $name:ident, $decimals:literal, $shown:literal, $largest:literal, $largest_text:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType))]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);
            /// The largest amount that is kept.
            pub const MAX: Self = Self($largest);

            /// The amount of this many smallest units.
            pub const fn from_units(units: i64) -> Self { Self(units) }

            /// In smallest units.
            pub const fn units(self) -> i64 { self.0 }

            /// Reads an amount that may be zero.
            pub fn parse(text: &str) -> Result<Self, BadAmount> { read(text, $decimals, $largest, $largest_text).map(Self) }

            /// Reads an amount that must be more than zero.
            pub fn parse_positive(text: &str) -> Result<Self, BadAmount> {
                match Self::parse(text)? {
                    Self::ZERO => Err(BadAmount::Zero),
                    some => Ok(some),
                }
            }

            /// The sum, unless it is beyond what is kept.
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(v) if v <= $largest => Some(Self(v)),
                    _ => None,
                }
            }

            /// The difference, unless it would be negative.
            pub const fn checked_sub(self, other: Self) -> Option<Self> {
                match self.0.checked_sub(other.0) {
                    Some(v) if v >= 0 => Some(Self(v)),
                    _ => None,
                }
            }

            /// Without thousands commas, as it stands in an input.
            pub fn plain(self) -> String { self.to_string().replace(',', "") }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write(self.0, $decimals, $shown, f) }
        }

        impl FromStr for $name {
            type Err = BadAmount;
            fn from_str(s: &str) -> Result<Self, BadAmount> { Self::parse(s) }
        }
    };
}

amount! {
    /// 数量/重量 or HS 标准量: hundred-thousandths.
    Quantity, 5, 0, 99_999_999_999_999_999, "999,999,999,999.99999"
}
amount! {
    /// 单价: hundred-thousandths of the currency unit.
    UnitPrice, 5, 2, 99_999_999_999_999_999, "999,999,999,999.99999"
}
amount! {
    /// 总价: hundredths of the currency unit.
    Money, 2, 2, 999_999_999_999_999, "9,999,999,999,999.99"
}

/// 数量 × 单价 in hundredths, rounded half up; none beyond what is kept.
pub fn total(quantity: Quantity, price: UnitPrice) -> Option<Money> {
    let exact = i128::from(quantity.0) * i128::from(price.0);
    let rounded = (exact + 50_000_000) / 100_000_000;
    i64::try_from(rounded).ok().filter(|v| *v <= Money::MAX.0).map(Money)
}

/// Whether a typed 总价 differs from 数量 × 单价 by more than 0.01 (forms: a warning, not an error).
pub fn total_differs(quantity: Quantity, price: UnitPrice, total_price: Money) -> bool {
    total(quantity, price).is_none_or(|t| t.0.abs_diff(total_price.0) > 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (typed, shown) in [
            ("12", "12"),
            ("１２．５", "12.5"),
            ("1,234.5", "1,234.5"),
            ("0.00001", "0.00001"),
            (".5", "0.5"),
            ("5.", "5"),
            (" 7 ", "7"),
            ("1.500000", "1.5"),
            ("999999999999.99999", "999,999,999,999.99999"),
        ] {
            assert_eq!(Quantity::parse(typed).unwrap().to_string(), shown, "{typed}");
        }
    }

    #[test]
    fn what_is_not_an_amount_is_refused_with_a_reason() {
        use BadAmount as B;
        for (typed, why) in [
            ("", B::NotANumber),
            ("abc", B::NotANumber),
            ("1e5", B::NotANumber),
            ("-1", B::Negative),
            ("1.123456", B::TooManyDecimals(5)),
            ("1,23", B::NotANumber),
            ("1.2.3", B::NotANumber),
            (".", B::NotANumber),
            ("1000000000000", B::TooLarge("999,999,999,999.99999")),
            ("99999999999999999999999", B::TooLarge("999,999,999,999.99999")),
        ] {
            assert_eq!(Quantity::parse(typed), Err(why), "{typed}");
        }
        assert_eq!(Quantity::parse_positive("0.00"), Err(B::Zero));
    }

    #[test]
    fn totals_are_exact() {
        let q = Quantity::parse("3").unwrap();
        let p = UnitPrice::parse("0.33333").unwrap();
        assert_eq!(total(q, p).unwrap().to_string(), "1.00");
        assert!(!total_differs(q, p, Money::parse("1.01").unwrap()));
        assert!(total_differs(q, p, Money::parse("1.02").unwrap()));
        assert_eq!(total(Quantity::MAX, UnitPrice::MAX), None);
    }

    #[test]
    fn what_is_stored_wrongly_is_shown_as_it_is() {
        assert_eq!(Quantity::from_units(-12_345_650_000).to_string(), "-123,456.5");
        assert_eq!(Quantity::from_units(-1).plain(), "-0.00001");
        assert!(Money::from_units(i64::MIN).to_string().starts_with("-92,233,720,368,547,758.08"));
    }

    proptest! {
        /// Quantities never lose a digit: what was typed is what is shown, stored, and typed again.
        #[test]
        fn no_digit_is_lost(whole in 0..=999_999_999_999_i64, fraction in 0..=99_999_i64) {
            let typed = format!("{whole}.{fraction:05}");
            let q = Quantity::parse(&typed).unwrap();
            prop_assert_eq!(q.units(), whole * 100_000 + fraction);
            prop_assert_eq!(Quantity::parse(&q.to_string()).unwrap(), q);
            prop_assert_eq!(Quantity::parse(&q.plain()).unwrap(), q);
            let shown = q.plain();
            let canonical = typed.trim_end_matches('0').trim_end_matches('.');
            prop_assert_eq!(shown.as_str(), canonical);
        }

        /// Any order of adding gives the sum, to the last digit, as whole numbers do.
        #[test]
        fn a_sum_is_the_sum_of_its_digits(parts in prop::collection::vec(0..=Quantity::MAX.0 / 20, 0..20)) {
            let add = |sum: Quantity, part: &i64| sum.checked_add(Quantity(*part)).expect("twenty twentieths");
            let sum = parts.iter().fold(Quantity::ZERO, add);
            prop_assert_eq!(sum, parts.iter().rev().fold(Quantity::ZERO, add));
            prop_assert_eq!(i128::from(sum.units()), parts.iter().map(|p| i128::from(*p)).sum::<i128>());
            prop_assert_eq!(sum.to_string().parse::<Quantity>(), Ok(sum));
        }

        #[test]
        fn money_and_prices_are_read_as_they_are_written(money in 0..=Money::MAX.0, price in 0..=UnitPrice::MAX.0) {
            prop_assert_eq!(Money::parse(&Money(money).to_string()), Ok(Money(money)));
            prop_assert_eq!(Money::parse(&Money(money).plain()), Ok(Money(money)));
            prop_assert_eq!(UnitPrice::parse(&UnitPrice(price).to_string()), Ok(UnitPrice(price)));
        }

        #[test]
        fn a_total_is_never_more_than_half_a_cent_off(q in 0..=Quantity::MAX.0, p in 0..=UnitPrice::MAX.0) {
            let exact = i128::from(q) * i128::from(p);
            match total(Quantity(q), UnitPrice(p)) {
                Some(t) => prop_assert!((i128::from(t.units()) * 100_000_000 - exact).abs() <= 50_000_000),
                None => prop_assert!(exact + 50_000_000 > i128::from(Money::MAX.0) * 100_000_000),
            }
        }

        #[test]
        fn adding_and_taking_away_again_changes_nothing(a in 0..=Quantity::MAX.0, b in 0..=Quantity::MAX.0) {
            let (a, b) = (Quantity(a), Quantity(b));
            if let Some(sum) = a.checked_add(b) {
                prop_assert_eq!(sum.checked_sub(b), Some(a));
            }
            prop_assert_eq!(a.checked_sub(b).is_some(), a >= b);
        }

        #[test]
        fn nothing_typed_ever_panics(typed in ".{0,40}") {
            let _ = Quantity::parse(&typed);
            let _ = Money::parse(&typed);
        }
    }
}

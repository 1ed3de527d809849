//! Figures as people read them. All arithmetic is on integers: microseconds, kilobytes, tenths.

/// `2.31` for 2,310 µs: milliseconds with two decimals.
pub fn millis(micros: u64) -> String {
    let hundredths = (micros + 5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// `81.3` for 83,251 kB: megabytes with one decimal.
pub fn megabytes(kilobytes: u64) -> String {
    let tenths = (kilobytes * 10 + 512) / 1024;
    tenths_of(tenths)
}

/// `4.5` for 45.
pub fn tenths_of(tenths: u64) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// `100,000`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_rounded_and_grouped() {
        assert_eq!(millis(2_314), "2.31");
        assert_eq!(millis(995), "1.00");
        assert_eq!(millis(0), "0.00");
        assert_eq!(megabytes(83_251), "81.3");
        assert_eq!(tenths_of(45), "4.5");
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(100_000), "100,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}

//! What a workbook shows for a number: the part of Excel's number formats that people use for codes and amounts. Whatever is
//! not understood is `Unknown`, and its cell is named instead of being guessed.
//!
//! Numbers are decimal texts here, so nothing is rounded but what the format itself rounds.

/// What stands in the cell on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// This text.
    Text {
        /// The text.
        text: String,
        /// The format left out digits that are not zero.
        is_rounded: bool,
        /// The number is shown a hundred times as large.
        is_percent: bool,
    },
    /// A date or a time.
    Date,
    /// Nothing: the format hides the number.
    Nothing,
    /// Something that is not worked out here.
    Unknown,
}

impl Shown {
    fn plain(text: &str) -> Self {
        Self::Text { text: text.to_owned(), is_rounded: false, is_percent: false }
    }
}

/// The codes of the formats that a workbook names by number only; those of other countries and of currencies are missing.
pub fn built_in(id: u32) -> Option<&'static str> {
    Some(match id {
        0 => "General",
        1 => "0",
        2 => "0.00",
        3 | 37 | 38 => "#,##0",
        4 | 39 | 40 => "#,##0.00",
        9 => "0%",
        10 => "0.00%",
        11 => "0.00E+00",
        12 => "# ?/?",
        13 => "# ??/??",
        14..=22 | 27..=36 | 45..=47 | 50..=58 => "yyyy-mm-dd",
        48 => "##0.0E+0",
        49 => "@",
        _ => return None,
    })
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// `0`, `#` or `?`.
    Digit(char),
    Point,
    Comma,
    Percent,
    Literal(char),
    General,
}

/// What a number, written as `-12.5`, looks like in a format.
pub fn shown(value: &str, code: &str) -> Shown {
    let (is_negative, digits) = value.strip_prefix('-').map_or((false, value), |rest| (true, rest));
    let is_zero = digits.bytes().all(|b| b == b'0' || b == b'.');
    let sections = sections(code);
    // 正数;负数;零;文本
    let (section, has_own_sign) = match (sections.as_slice(), is_negative, is_zero) {
        ([only], ..) => (only, false),
        ([_, negative, ..], true, false) => (negative, true),
        ([_, _, zero, ..], _, true) => (zero, true),
        ([first, ..], ..) => (first, true),
        ([], ..) => return Shown::plain(value),
    };
    if section.trim().is_empty() {
        return if code.trim().is_empty() { Shown::plain(value) } else { Shown::Nothing };
    }
    let tokens = match tokens(section) {
        Ok(tokens) => tokens,
        Err(shown) => return shown,
    };
    render(digits, is_negative && !has_own_sign, &tokens)
}

/// The parts between semicolons that are no text.
fn sections(code: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let (mut is_quoted, mut is_bracketed) = (false, false);
    let mut letters = code.chars();
    while let Some(c) = letters.next() {
        if c == ';' && !is_quoted && !is_bracketed {
            out.push(String::new());
            continue;
        }
        let Some(section) = out.last_mut() else { break };
        section.push(c);
        match c {
            '"' if !is_bracketed => is_quoted = !is_quoted,
            '[' if !is_quoted => is_bracketed = true,
            ']' if !is_quoted => is_bracketed = false,
            '\\' if !is_quoted && !is_bracketed => section.extend(letters.next()),
            _ => {}
        }
    }
    out
}

fn tokens(section: &str) -> Result<Vec<Token>, Shown> {
    let mut out = Vec::new();
    let mut rest = section;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let lower = |n: usize| rest.get(..n).map(str::to_ascii_lowercase);
        rest = match c {
            '"' => {
                let (text, after) = after.split_once('"').unwrap_or((after, ""));
                out.extend(text.chars().map(Token::Literal));
                after
            }
            '\\' | '!' => literal(&mut out, after),
            // A blank as wide as the next character; filling with it says nothing.
            '_' => {
                out.push(Token::Literal(' '));
                skip(after)
            }
            '*' => skip(after),
            '[' => {
                let (inside, after) = after.split_once(']').ok_or(Shown::Unknown)?;
                bracket(&mut out, inside)?;
                after
            }
            '0' | '#' | '?' => {
                out.push(Token::Digit(c));
                after
            }
            '.' => {
                out.push(Token::Point);
                after
            }
            ',' => {
                out.push(Token::Comma);
                after
            }
            '%' => {
                out.push(Token::Percent);
                after
            }
            '@' => {
                out.push(Token::General);
                after
            }
            _ if lower(7).as_deref() == Some("general") => {
                out.push(Token::General);
                &rest[7..]
            }
            _ if rest.starts_with("G/通用格式") => {
                out.push(Token::General);
                &rest["G/通用格式".len()..]
            }
            'E' | 'e' if after.starts_with(['+', '-']) => return Err(Shown::Unknown),
            'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' | 'e' | 'E' | 'g' | 'G' | 'b' | 'B' | 'a'
            | 'A' => {
                return Err(Shown::Date);
            }
            // A fraction.
            '/' => return Err(Shown::Unknown),
            other => {
                out.push(Token::Literal(other));
                after
            }
        };
    }
    Ok(out)
}

fn literal<'a>(out: &mut Vec<Token>, after: &'a str) -> &'a str {
    out.extend(after.chars().next().map(Token::Literal));
    skip(after)
}

fn skip(text: &str) -> &str {
    let mut letters = text.chars();
    letters.next();
    letters.as_str()
}

/// `[Red]` colours, `[$￥-804]` is a sign of money; `[h]` is a time, `[>100]` and `[DBNum1]` are not worked out.
fn bracket(out: &mut Vec<Token>, inside: &str) -> Result<(), Shown> {
    if let Some(money) = inside.strip_prefix('$') {
        let sign = money.split_once('-').map_or(money, |(sign, _)| sign);
        out.extend(sign.chars().map(Token::Literal));
        return Ok(());
    }
    let lower = inside.to_ascii_lowercase();
    if !lower.is_empty() && lower.chars().all(|c| matches!(c, 'h' | 'm' | 's')) {
        return Err(Shown::Date);
    }
    let colours = ["black", "blue", "cyan", "green", "magenta", "red", "white", "yellow"];
    let is_colour = colours.contains(&lower.as_str())
        || lower.starts_with("color")
        || matches!(inside.chars().next(), Some('黑' | '蓝' | '青' | '绿' | '洋' | '红' | '白' | '黄' | '颜'));
    if is_colour { Ok(()) } else { Err(Shown::Unknown) }
}

fn render(digits: &str, is_negative: bool, tokens: &[Token]) -> Shown {
    let percents = tokens.iter().filter(|t| **t == Token::Percent).count();
    let is_percent = percents > 0;
    if tokens.contains(&Token::General) {
        if is_percent || tokens.iter().any(|t| matches!(t, Token::Digit(_) | Token::Point)) {
            return Shown::Unknown;
        }
        let text: String = tokens
            .iter()
            .map(|t| match t {
                Token::General => digits.to_owned(),
                Token::Comma => ",".to_owned(),
                Token::Literal(c) => c.to_string(),
                Token::Digit(_) | Token::Point | Token::Percent => String::new(),
            })
            .collect();
        let sign = if is_negative { "-" } else { "" };
        return Shown::plain(format!("{sign}{text}").trim());
    }
    let first_point = tokens.iter().position(|t| *t == Token::Point);
    let (whole, fraction) = tokens.split_at(first_point.unwrap_or(tokens.len()));
    let fraction = fraction.get(1..).unwrap_or_default();
    if fraction.contains(&Token::Point) {
        return Shown::Unknown;
    }
    // A comma behind the last digit divides by a thousand.
    let last = whole.iter().rposition(|t| matches!(t, Token::Digit(_)));
    let scales = |rest: &[Token]| rest.contains(&Token::Comma);
    if last.is_some_and(|at| scales(&whole[at + 1..])) || scales(fraction) {
        return Shown::Unknown;
    }
    let groups = whole.contains(&Token::Comma);
    let places = fraction.iter().filter(|t| matches!(t, Token::Digit(_))).count();
    let (units, decimals, is_rounded) = rounded(digits, 2 * percents, places);

    let mut left: String = String::new();
    let mut waiting = units.chars().rev();
    let first = whole.iter().position(|t| matches!(t, Token::Digit(_)));
    let mut written = 0;
    let mut write = |left: &mut String, digit: char| {
        if groups && written > 0 && written % 3 == 0 {
            left.push(',');
        }
        left.push(digit);
        written += 1;
    };
    for (at, token) in whole.iter().enumerate().rev() {
        match token {
            Token::Digit(kind) => {
                match (waiting.next(), kind) {
                    (Some(digit), _) => write(&mut left, digit),
                    (None, '0') => write(&mut left, '0'),
                    (None, '?') => left.push(' '),
                    (None, _) => {}
                }
                if Some(at) == first {
                    for digit in waiting.by_ref() {
                        write(&mut left, digit);
                    }
                }
            }
            Token::Literal(c) => left.push(*c),
            Token::Percent => left.push('%'),
            Token::Comma | Token::Point | Token::General => {}
        }
    }
    let mut text: String = left.chars().rev().collect();
    if first.is_none() && first_point.is_some() {
        text.push_str(units.trim_start_matches('0'));
    }
    if first_point.is_some() {
        text.push('.');
    }
    // Zeros at the end are left out where the format says #.
    let kinds: Vec<char> =
        fraction.iter().filter_map(|t| if let Token::Digit(k) = t { Some(*k) } else { None }).collect();
    let kept = decimals.chars().zip(&kinds).rposition_of(|(digit, kind)| digit != '0' || *kind != '#');
    let mut decimals = decimals.chars();
    let mut place = 0;
    for token in fraction {
        match token {
            Token::Digit(kind) => {
                let digit = decimals.next().unwrap_or('0');
                if place < kept {
                    text.push(if digit == '0' && *kind == '?' && decimals.as_str().bytes().all(|b| b == b'0') {
                        ' '
                    } else {
                        digit
                    });
                }
                place += 1;
            }
            Token::Literal(c) => text.push(*c),
            Token::Percent => text.push('%'),
            Token::Comma | Token::Point | Token::General => {}
        }
    }
    let sign = if is_negative && text.contains(|c: char| c.is_ascii_digit() && c != '0') { "-" } else { "" };
    Shown::Text { text: format!("{sign}{}", text.trim()), is_rounded, is_percent }
}

/// How many come before and with the last that fits.
trait LastPlace: Iterator {
    fn rposition_of(self, fits: impl Fn(Self::Item) -> bool) -> usize;
}

impl<I: Iterator> LastPlace for I {
    fn rposition_of(self, fits: impl Fn(I::Item) -> bool) -> usize {
        self.enumerate().fold(0, |last, (n, item)| if fits(item) { n + 1 } else { last })
    }
}

/// The digits before the point, without zeros in front, and so many behind it; and whether others were left out.
fn rounded(digits: &str, shift: usize, places: usize) -> (String, String, bool) {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut fraction = fraction.to_owned();
    while fraction.len() < shift {
        fraction.push('0');
    }
    let (moved, fraction) = fraction.split_at(shift);
    let mut all: Vec<u8> = format!("{whole}{moved}").into_bytes();
    let units = all.len();
    let kept = fraction.len().min(places);
    all.extend_from_slice(&fraction.as_bytes()[..kept]);
    all.resize(units + places, b'0');
    let rest = &fraction.as_bytes()[kept..];
    let is_rounded = rest.iter().any(|b| *b != b'0');
    let mut carries = rest.first().is_some_and(|b| *b >= b'5');
    for digit in all.iter_mut().rev() {
        if !carries {
            break;
        }
        carries = *digit == b'9';
        *digit = if carries { b'0' } else { *digit + 1 };
    }
    let mut text: String = all.iter().map(|b| char::from(*b)).collect();
    if carries {
        text.insert(0, '1');
    }
    let decimals = text.split_off(text.len() - places);
    (text.trim_start_matches('0').to_owned(), decimals, is_rounded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: &str, code: &str) -> String {
        match shown(value, code) {
            Shown::Text { text, .. } => text,
            other @ (Shown::Date | Shown::Nothing | Shown::Unknown) => panic!("{value} as {code}: {other:?}"),
        }
    }

    #[test]
    fn a_number_looks_as_excel_shows_it() {
        for (value, code, expected) in [
            ("123", "00000", "00123"),
            ("42", "\"SN-\"0000", "SN-0042"),
            ("2202", "0", "2202"),
            ("12.5", "0", "13"),
            ("0.5", "#", "1"),
            ("0", "#", ""),
            ("12.5", "General", "12.5"),
            ("12.5", "", "12.5"),
            ("-12.5", "General", "-12.5"),
            ("3", "General\"台\"", "3台"),
            ("3", "G/通用格式\"台\"", "3台"),
            ("7", "@", "7"),
            ("1234567.891", "#,##0.00", "1,234,567.89"),
            ("5", "0,000", "0,005"),
            ("999.995", "0.00", "1000.00"),
            ("1.5", "0.0##", "1.5"),
            ("1", "0.0##", "1.0"),
            ("1.2345", "0.0##", "1.235"),
            ("0.25", ".00", ".25"),
            ("12.25", ".00", "12.25"),
            ("-5", "0;(0)", "(5)"),
            ("0", "0;(0);\"无\"", "无"),
            ("-5", "[Red]0", "-5"),
            ("5", "[$￥-804]#,##0.00", "￥5.00"),
            ("5", "_(* #,##0_);_(* (#,##0);_(* \"-\"_);_(@_)", "5"),
            ("13800000000", "000-0000-0000", "138-0000-0000"),
            ("21", "\"第\"0\"批\"", "第21批"),
            ("0.125", "0.0%", "12.5%"),
            ("-0.2", "0", "0"),
            ("1", "\"a;b\"0", "a;b1"),
        ] {
            assert_eq!(text(value, code), expected, "{value} as {code}");
        }
        assert!(matches!(shown("12.345", "0.00"), Shown::Text { is_rounded: true, is_percent: false, .. }));
        assert!(matches!(shown("12.30", "0.0"), Shown::Text { is_rounded: false, .. }));
        assert!(matches!(shown("0.5", "0%"), Shown::Text { is_percent: true, .. }));
    }

    #[test]
    fn what_is_not_worked_out_is_said_and_never_guessed() {
        for code in ["0.00E+00", "# ?/?", "0,", "[>100]0;0.0", "[DBNum1]0", "0.0.0", "#,##0,\"K\"", "[", "General0"] {
            assert_eq!(shown("1234.5", code), Shown::Unknown, "{code}");
        }
        for code in ["yyyy-mm-dd", "m/d/yy h:mm", "[h]:mm:ss", "yyyy\"年\"m\"月\"", "[$-804]aaaa", "AM/PM h"] {
            assert_eq!(shown("45000", code), Shown::Date, "{code}");
        }
        for code in [";;;", "0;;0"] {
            assert_eq!(shown("-1", code), Shown::Nothing, "{code}");
        }
        assert_eq!(built_in(14), Some("yyyy-mm-dd"));
        assert_eq!(built_in(5), None);
    }

    proptest! {
        #[test]
        fn zeros_in_front_fill_the_places_and_no_digit_is_lost(n in 0_u64..1_000_000_000_000_000, places in 1_usize..20) {
            prop_assert_eq!(text(&n.to_string(), &"0".repeat(places)), format!("{n:0>places$}"));
        }

        #[test]
        fn no_format_panics(value in "-?[0-9]{1,15}(\\.[0-9]{1,9})?", code in "[0#?.,%;\"\\\\\\[\\]@_*GgEe+ -/a中hm$]{0,14}") {
            let _ = shown(&value, &code);
        }
    }
}

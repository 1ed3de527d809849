//! Checked texts: what people type, brought into one form, and codes with check digits (forms §2.1, §2.2).

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;

/// Trims, composes (NFC) and removes nothing else; control characters other than line breaks are refused.
pub fn normalise(text: &str) -> Result<String, ControlCharacter> {
    let text: String = text.replace("\r\n", "\n").trim().nfc().collect();
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') { Err(ControlCharacter) } else { Ok(text) }
}

/// Drops the characters that nobody sees: zero-width ones, the soft hyphen, the mark of byte order and those that turn the
/// direction of a line. They come with texts that are copied from web pages, and nothing that is typed means them.
pub fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).collect()
}

const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// Every kind of line break becomes `\n`.
pub fn with_plain_breaks(text: &str) -> String {
    text.replace("\r\n", "\n").replace(['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'], "\n")
}

/// A text of several lines as a field of one line holds it: the lines stand behind each other with `；` between them.
pub fn one_line(text: &str) -> String {
    let text = with_plain_breaks(text);
    if !text.contains('\n') {
        return text;
    }
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut out = String::with_capacity(text.len() + 2 * lines.len());
    for (n, line) in lines.iter().enumerate() {
        let is_last = n + 1 == lines.len();
        out.push_str(if is_last { line } else { line.trim_end_matches(['；', ';']).trim_end() });
        if !is_last {
            out.push('；');
        }
    }
    out
}

/// A character that cannot be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("含有无法显示的控制字符，请删除后重新填写")]
pub struct ControlCharacter;

/// The form in which texts are compared by 模糊 search (D27): full width → half width, lower case, no blanks.
pub fn fold(text: &str) -> String {
    text.nfkc()
        .flat_map(char::to_lowercase)
        .filter(|c| !c.is_whitespace())
        // Composed last: without the blank between them, a letter and an accent are one character.
        .nfkc()
        .collect()
}

/// A folded text as a LIKE pattern of containment; `%`, `_` and `\` are literal (with `ESCAPE '\'`).
pub fn like_pattern(folded: &str) -> String {
    let mut out = String::with_capacity(folded.len() + 4);
    out.push('%');
    out.push_str(&escape_like(folded));
    out.push('%');
    out
}

/// Escapes the wildcards of LIKE.
pub fn escape_like(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Full-width digits, letters and signs become half width; nothing else changes.
pub fn half_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            '\u{3000}' => ' ',
            other => other,
        })
        .collect()
}

/// 组织机构代码: the nine-character key of an organisation (GB 11714), also taken from an 18-character
/// 统一社会信用代码 (GB 32100), so that both kinds of user land in the same organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganisationCode {
    key: String,
    entered: String,
    /// The inner check digit of an 18-character code does not hold: a warning, not an error.
    inner_is_doubtful: bool,
}

/// Why a code is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadOrganisationCode {
    /// Neither 9 nor 18 characters of the alphabet.
    #[error("应为 9 位组织机构代码（如 80210043-3）或 18 位统一社会信用代码，请核对位数和字符")]
    Shape,
    /// The last character does not fit the others.
    #[error("校验位不正确，请逐位核对是否有误输")]
    CheckDigit,
}

const ORGANISATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
const CREDIT_ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";

fn organisation_check(first_eight: &str) -> Option<char> {
    let mut sum = 0;
    for (c, weight) in first_eight.chars().zip(ORGANISATION_WEIGHTS) {
        sum += c.to_digit(36)? * weight;
    }
    Some(match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        n => char::from_digit(n, 10)?,
    })
}

fn credit_check(first_seventeen: &str) -> Option<char> {
    let mut sum = 0;
    let mut weight = 1;
    for c in first_seventeen.chars() {
        sum += CREDIT_ALPHABET.find(c)? * weight;
        weight = weight * 3 % 31;
    }
    CREDIT_ALPHABET.chars().nth((31 - sum % 31) % 31)
}

impl OrganisationCode {
    /// Reads 9 or 18 characters, with or without hyphen, in any case, also full width.
    pub fn parse(typed: &str) -> Result<Self, BadOrganisationCode> {
        let code: String = half_width(typed)
            .chars()
            // Input methods write the hyphen as one of these dashes.
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '‐' | '‑' | '–' | '—' | '−'))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        if !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(BadOrganisationCode::Shape);
        }
        match code.len() {
            9 => {
                let (body, check) = code.split_at(8);
                let right = organisation_check(body).ok_or(BadOrganisationCode::Shape)?;
                if check.starts_with(right) {
                    Ok(Self { key: code.clone(), entered: code, inner_is_doubtful: false })
                } else {
                    Err(BadOrganisationCode::CheckDigit)
                }
            }
            18 => {
                let (body, check) = code.split_at(17);
                let right = credit_check(body).ok_or(BadOrganisationCode::Shape)?;
                if !check.starts_with(right) {
                    return Err(BadOrganisationCode::CheckDigit);
                }
                let key = code[8..17].to_owned();
                let inner_is_doubtful = organisation_check(&key[..8]) != key.chars().last();
                Ok(Self { key, entered: code, inner_is_doubtful })
            }
            _ => Err(BadOrganisationCode::Shape),
        }
    }

    /// The nine-character key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The code as entered, normalised: 9 or 18 characters.
    pub fn entered(&self) -> &str {
        &self.entered
    }

    /// Whether the inner check digit of an 18-character code fails.
    pub const fn inner_is_doubtful(&self) -> bool {
        self.inner_is_doubtful
    }
}

impl fmt::Display for OrganisationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hyphenated(&self.key))
    }
}

/// `802100433` as people write it: `80210043-3`.
pub fn hyphenated(key: &str) -> String {
    match (key.get(..8), key.get(8..9), key.len()) {
        (Some(body), Some(check), 9) => format!("{body}-{check}"),
        _ => key.to_owned(),
    }
}

/// What a person typed about himself and cannot be kept; the sentence says how to mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadText(&'static str);

impl BadText {
    /// The sentence.
    pub const fn sentence(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for BadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadText {}

/// Texts of a checked form. Typed full width becomes half width; nothing else is changed.
macro_rules! checked {
    ($($(#[$doc:meta])* $name:ident, $is:path, $sentence:literal;)+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
        pub struct $name(String);

        impl $name {
            /// Reads what was typed.
            pub fn parse(typed: &str) -> Result<Self, BadText> {
                let text = half_width(typed.trim());
                if $is(&text) { Ok(Self(text)) } else { Err(BadText($sentence)) }
            }

            /// The text.
            pub fn as_str(&self) -> &str { &self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }

        impl FromStr for $name {
            type Err = BadText;
            fn from_str(s: &str) -> Result<Self, BadText> { Self::parse(s) }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self { text.0 }
        }
    )+ };
}

checked! {
    /// 用户名: 4–20 characters, a letter first (forms §2.2).
    UserName, is_user_name, "用户名应为 4–20 位，以字母开头，只能使用字母、数字和下划线";
    /// 邮编: six digits (forms §2.2).
    Postcode, is_postcode, "邮编应为 6 位数字";
    /// 联系电话, 传真: 7–20 digits, `+ - ( )` and blanks (forms §2.2).
    Phone, is_phone, "应为 7–20 位数字，可使用 + - ( ) 和空格，例如 021-12345678";
    /// 手机: eleven digits beginning with 1 (forms §2.2).
    Mobile, is_mobile, "手机应为 11 位数字，以 1 开头";
    /// 联系人邮箱, as RFC 5321 allows it without quoting (forms §2.2).
    EmailAddress, is_email, "邮箱格式不正确，例如 name@example.com";
}

fn is_user_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && (4..=20).contains(&name.len())
}

fn is_postcode(code: &str) -> bool {
    code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())
}

fn is_phone(phone: &str) -> bool {
    (7..=20).contains(&phone.len())
        && phone.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')'))
        && phone.chars().any(|c| c.is_ascii_digit())
}

fn is_mobile(mobile: &str) -> bool {
    mobile.len() == 11 && mobile.starts_with('1') && mobile.bytes().all(|b| b.is_ascii_digit())
}

fn is_email(address: &str) -> bool {
    let atom =
        |a: &str| !a.is_empty() && a.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c));
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    address.rsplit_once('@').is_some_and(|(local, domain)| {
        address.len() <= 254
            && local.len() <= 64
            && local.split('.').all(atom)
            && domain.contains('.')
            && domain.split('.').all(label)
    })
}

/// [`UserName`] as text.
pub fn user_name(typed: &str) -> Result<String, &'static str> {
    UserName::parse(typed).map(String::from).map_err(BadText::sentence)
}

/// [`Postcode`] as text.
pub fn postcode(typed: &str) -> Result<String, &'static str> {
    Postcode::parse(typed).map(String::from).map_err(BadText::sentence)
}

/// [`Phone`] as text.
pub fn phone(typed: &str) -> Result<String, &'static str> {
    Phone::parse(typed).map(String::from).map_err(BadText::sentence)
}

/// [`Mobile`] as text.
pub fn mobile(typed: &str) -> Result<String, &'static str> {
    Mobile::parse(typed).map(String::from).map_err(BadText::sentence)
}

/// [`EmailAddress`] as text.
pub fn email(typed: &str) -> Result<String, &'static str> {
    EmailAddress::parse(typed).map(String::from).map_err(BadText::sentence)
}

/// 密码: 8–64 characters of at least two classes, not the user name (forms §2.2).
pub fn password(typed: &str, username: &str) -> Result<(), &'static str> {
    let n = typed.chars().count();
    let classes = [
        typed.chars().any(|c| c.is_ascii_lowercase()),
        typed.chars().any(|c| c.is_ascii_uppercase()),
        typed.chars().any(|c| c.is_ascii_digit()),
        typed.chars().any(|c| !c.is_ascii_alphanumeric()),
    ];
    if !(8..=64).contains(&n) {
        Err("密码应为 8–64 位")
    } else if classes.into_iter().filter(|c| *c).count() < 2 {
        Err("密码应至少包含大写字母、小写字母、数字、符号中的两类")
    } else if typed.eq_ignore_ascii_case(&half_width(username.trim())) {
        Err("密码不能与用户名相同")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_with_right_check_digits_are_read_in_every_way_of_writing() {
        for typed in ["802100433", "80210043-3", "８０２１００４３－３", " 80210043 3 ", "80210043—3"] {
            assert_eq!(OrganisationCode::parse(typed).unwrap().key(), "802100433", "{typed}");
        }
        let eighteen = OrganisationCode::parse("91110000802100433b").unwrap();
        assert_eq!((eighteen.key(), eighteen.entered()), ("802100433", "91110000802100433B"));
        assert!(!eighteen.inner_is_doubtful());
        assert_eq!(eighteen.to_string(), "80210043-3");
    }

    #[test]
    fn r_1_1_14_wrong_check_digits_are_refused() {
        assert_eq!(OrganisationCode::parse("802100434"), Err(BadOrganisationCode::CheckDigit));
        assert_eq!(OrganisationCode::parse("91110000802100433A"), Err(BadOrganisationCode::CheckDigit));
        // ß and ſ would become SS and S in upper case.
        for typed in ["", "1234", "8021004333", "80210043汉", "9111000080210043OB", "ß0000001", "ſ00000001"] {
            assert_eq!(OrganisationCode::parse(typed), Err(BadOrganisationCode::Shape), "{typed}");
        }
    }

    #[test]
    fn people_s_particulars_are_checked() {
        assert!(user_name("abc_1").is_ok() && user_name("1abcd").is_err() && user_name("abc").is_err());
        assert!(password("abcdefg1", "user").is_ok());
        assert!(password("abcdefgh", "user").is_err() && password("ab1", "user").is_err());
        assert!(password("User_1234", "user_1234").is_err());
        assert!(password("user_1234", " ｕser_1234").is_err());
        assert!(email("a.b@example.com").is_ok() && email("a@b").is_err() && email("a b@example.com").is_err());
        assert!(phone("021-12345678").is_ok() && phone("12345").is_err());
        assert!(mobile("13800000000").is_ok() && mobile("23800000000").is_err());
        assert_eq!(postcode("２０００００").unwrap(), "200000");
    }

    #[test]
    fn search_ignores_case_width_and_blanks_and_takes_wildcards_literally() {
        assert_eq!(fold("ＫＣ－26／ＺＷ ｔ1"), "kc-26/zwt1");
        assert_eq!(like_pattern("10%_\\"), "%10\\%\\_\\\\%");
    }

    #[test]
    fn what_nobody_sees_is_dropped_and_what_is_seen_stays() {
        assert_eq!(visible("\u{feff}空调\u{200b}器\u{ad}\u{2066}A\u{202e}\u{2060}"), "空调器A");
        for kept in ["", " 空 调\n器\t", "𠮷野家 Łódź", "é\u{301}"] {
            assert_eq!(visible(kept), kept);
        }
    }

    #[test]
    fn lines_of_a_field_of_one_line_stand_behind_each_other() {
        for (lines, line) in [
            ("A-1\nA-2\nA-3", "A-1；A-2；A-3"),
            ("A-1\r\nA-2\rA-3\u{2028}A-4\u{85}A-5", "A-1；A-2；A-3；A-4；A-5"),
            ("A-1；\n\n A-2 ;\nA-3；\n", "A-1；A-2；A-3；"),
            ("\n", ""),
            (" a ", " a "),
        ] {
            assert_eq!(one_line(lines), line, "{lines:?}");
        }
    }

    #[test]
    fn every_character_folds_to_its_last_form() {
        for c in '\0'..=char::MAX {
            let folded = fold(&format!("a{c}"));
            assert_eq!(fold(&folded), folded, "U+{:04X}", u32::from(c));
        }
    }

    /// GB 11714 counts modulo 11, so that a letter and the character eleven further weigh the same (0 and B):
    /// whatever the standard can notice is noticed, and nothing else is promised.
    #[test]
    fn of_digits_every_single_change_is_noticed() {
        let code = "802100433";
        for at in 0..9 {
            for other in "0123456789X".chars().filter(|c| !code[at..].starts_with(*c)) {
                let mut wrong = code.to_owned();
                wrong.replace_range(at..=at, other.encode_utf8(&mut [0; 4]));
                let unnoticeable = at < 8 && other == 'X' && (33 - i32::from(code.as_bytes()[at] - b'0')) % 11 == 0;
                assert_eq!(OrganisationCode::parse(&wrong).is_ok(), unnoticeable, "{wrong}");
            }
        }
    }

    /// What a database does with `LIKE pattern ESCAPE '\\'`.
    fn like(text: &[char], pattern: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['%', rest @ ..] => (0..=text.len()).any(|n| like(&text[n..], rest)),
            ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
            ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && like(&text[1..], rest),
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,20}|[a´¨\u{301}\u{323} Ａｅ゛カ]{0,8}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }

        #[test]
        fn a_field_of_one_line_has_one_line(text in "[aA；; \r\n\u{2028}]{0,12}|\\PC{0,20}") {
            let once = one_line(&text);
            prop_assert!(!once.contains(['\r', '\n', '\u{2028}']));
            prop_assert_eq!(one_line(&once), once);
        }

        #[test]
        fn a_like_pattern_finds_exactly_what_contains_the_text(text in "[a%_\\\\机]{0,8}", wanted in "[a%_\\\\机]{0,3}") {
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            prop_assert_eq!(like(&chars(&text), &chars(&like_pattern(&wanted))), text.contains(&wanted));
        }

        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC{0,20}|[ae\u{301}\u{323} \r\n]{0,8}") {
            if let Ok(once) = normalise(&text) {
                prop_assert_eq!(normalise(&once), Ok(once));
            }
        }

        #[test]
        fn nothing_typed_ever_panics(typed in "\\PC{0,20}|[0-9A-Za-zß汉－-]{9,18}") {
            let _ = OrganisationCode::parse(&typed);
            let _ = hyphenated(&typed);
            let _ = (user_name(&typed), postcode(&typed), phone(&typed), mobile(&typed), email(&typed));
            let _ = password(&typed, &typed);
        }

        /// Whatever is checked once stays as it is: it can be read again from the database.
        #[test]
        fn checked_texts_are_read_as_they_are_written(name in "[A-Za-z][A-Za-z0-9_]{3,19}", local in "[a-z0-9]{1,9}") {
            prop_assert_eq!(UserName::parse(&name).map(String::from), Ok(name));
            let address = EmailAddress::parse(&format!("{local}@example.com")).unwrap();
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }

        /// A single wrong character is noticed, unless both weigh the same modulo 11 (GB 11714).
        #[test]
        fn one_wrong_character_is_noticed(body in "[0-9A-Z]{8}", at in 0..8_usize, other in "[0-9A-Z]") {
            let check = organisation_check(&body).unwrap();
            let code = format!("{body}{check}");
            prop_assert!(OrganisationCode::parse(&code).is_ok());
            let mut wrong = code.clone();
            wrong.replace_range(at..=at, &other);
            let same = (body.as_bytes()[at] as char).to_digit(36).unwrap() % 11 == other.chars().next().unwrap().to_digit(36).unwrap() % 11;
            prop_assert_eq!(OrganisationCode::parse(&wrong).is_ok(), same);
            let mut wrong = code.clone();
            wrong.replace_range(8..=8, &other);
            prop_assert_eq!(OrganisationCode::parse(&wrong).is_ok(), wrong == code);
        }

        #[test]
        fn one_wrong_character_of_eighteen_is_noticed(body in "[0-9A-HJ-NPQRTUWXY]{17}", at in 0..18_usize, other in "[0-9A-HJ-NPQRTUWXY]") {
            let check = credit_check(&body).unwrap();
            let code = format!("{body}{check}");
            prop_assert!(OrganisationCode::parse(&code).is_ok());
            let mut wrong = code.clone();
            wrong.replace_range(at..=at, &other);
            prop_assert_eq!(OrganisationCode::parse(&wrong).is_ok(), wrong == code);
        }
    }
}

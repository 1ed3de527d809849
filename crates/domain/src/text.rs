//! Checked texts: what people type, brought into one form, and codes with check digits (forms §2.1, §2.2).

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// Trims, composes (NFC) and removes nothing else; control characters other than line breaks are refused.
pub fn normalise(text: &str) -> Result<String, ControlCharacter> {
    let text: String = text.replace("\r\n", "\n").trim().nfc().collect();
    if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
    {
        Err(ControlCharacter)
    } else {
        Ok(text)
    }
}

/// A character that cannot be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("含有无法显示的控制字符，请删除后重新填写")]
pub struct ControlCharacter;

/// The form in which texts are compared by 模糊 search (D27): full width → half width, lower case, no blanks.
pub fn fold(text: &str) -> String {
    text.nfkc()
        .flat_map(char::to_lowercase)
        .nfkc()
        .filter(|c| !c.is_whitespace())
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
            .filter(|c| !c.is_whitespace() && *c != '-')
            .flat_map(char::to_uppercase)
            .collect();
        if !code.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(BadOrganisationCode::Shape);
        }
        match code.len() {
            9 => {
                let (body, check) = code.split_at(8);
                let right = organisation_check(body).ok_or(BadOrganisationCode::Shape)?;
                if check.starts_with(right) {
                    Ok(Self {
                        key: code.clone(),
                        entered: code,
                        inner_is_doubtful: false,
                    })
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
                Ok(Self {
                    key,
                    entered: code,
                    inner_is_doubtful,
                })
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

/// 用户名: 4–20 characters, a letter first.
pub fn user_name(typed: &str) -> Result<String, &'static str> {
    let name = half_width(typed.trim());
    let shape = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && (4..=20).contains(&name.len());
    if shape {
        Ok(name)
    } else {
        Err("用户名应为 4–20 位，以字母开头，只能使用字母、数字和下划线")
    }
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
    } else if typed.eq_ignore_ascii_case(username) {
        Err("密码不能与用户名相同")
    } else {
        Ok(())
    }
}

/// 邮编: six digits.
pub fn postcode(typed: &str) -> Result<String, &'static str> {
    let code = half_width(typed.trim());
    if code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) {
        Ok(code)
    } else {
        Err("邮编应为 6 位数字")
    }
}

/// 联系电话, 传真: 7–20 digits, `+ - ( )` and blanks.
pub fn phone(typed: &str) -> Result<String, &'static str> {
    let phone = half_width(typed.trim());
    let shape = (7..=20).contains(&phone.len())
        && phone
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')'))
        && phone.chars().any(|c| c.is_ascii_digit());
    if shape {
        Ok(phone)
    } else {
        Err("应为 7–20 位数字，可使用 + - ( ) 和空格，例如 021-12345678")
    }
}

/// 手机: eleven digits beginning with 1.
pub fn mobile(typed: &str) -> Result<String, &'static str> {
    let mobile = half_width(typed.trim());
    if mobile.len() == 11 && mobile.starts_with('1') && mobile.bytes().all(|b| b.is_ascii_digit()) {
        Ok(mobile)
    } else {
        Err("手机应为 11 位数字，以 1 开头")
    }
}

/// 联系人邮箱, as RFC 5321 allows it without quoting.
pub fn email(typed: &str) -> Result<String, &'static str> {
    const BAD: &str = "邮箱格式不正确，例如 name@example.com";
    let address = half_width(typed.trim());
    let (local, domain) = address.rsplit_once('@').ok_or(BAD)?;
    let atom = |s: &str| {
        s.split('.').all(|a| {
            !a.is_empty()
                && a.chars()
                    .all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c))
        })
    };
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let sound = address.len() <= 254
        && local.len() <= 64
        && atom(local)
        && domain.contains('.')
        && domain.split('.').all(label);
    if sound { Ok(address) } else { Err(BAD) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_with_right_check_digits_are_read_in_every_way_of_writing() {
        for typed in [
            "802100433",
            "80210043-3",
            "８０２１００４３－３",
            " 80210043 3 ",
        ] {
            assert_eq!(
                OrganisationCode::parse(typed).unwrap().key(),
                "802100433",
                "{typed}"
            );
        }
        let eighteen = OrganisationCode::parse("91110000802100433b").unwrap();
        assert_eq!(
            (eighteen.key(), eighteen.entered()),
            ("802100433", "91110000802100433B")
        );
        assert!(!eighteen.inner_is_doubtful());
        assert_eq!(eighteen.to_string(), "80210043-3");
    }

    #[test]
    fn r_1_1_14_wrong_check_digits_are_refused() {
        assert_eq!(
            OrganisationCode::parse("802100434"),
            Err(BadOrganisationCode::CheckDigit)
        );
        assert_eq!(
            OrganisationCode::parse("91110000802100433A"),
            Err(BadOrganisationCode::CheckDigit)
        );
        for typed in ["", "1234", "8021004333", "80210043汉", "9111000080210043OB"] {
            assert_eq!(
                OrganisationCode::parse(typed),
                Err(BadOrganisationCode::Shape),
                "{typed}"
            );
        }
    }

    #[test]
    fn people_s_particulars_are_checked() {
        assert!(
            user_name("abc_1").is_ok() && user_name("1abcd").is_err() && user_name("abc").is_err()
        );
        assert!(password("abcdefg1", "user").is_ok());
        assert!(password("abcdefgh", "user").is_err() && password("ab1", "user").is_err());
        assert!(password("User_1234", "user_1234").is_err());
        assert!(
            email("a.b@example.com").is_ok()
                && email("a@b").is_err()
                && email("a b@example.com").is_err()
        );
        assert!(phone("021-12345678").is_ok() && phone("12345").is_err());
        assert!(mobile("13800000000").is_ok() && mobile("23800000000").is_err());
        assert_eq!(postcode("２０００００").unwrap(), "200000");
    }

    #[test]
    fn search_ignores_case_width_and_blanks_and_takes_wildcards_literally() {
        assert_eq!(fold("ＫＣ－26／ＺＷ ｔ1"), "kc-26/zwt1");
        assert_eq!(like_pattern("10%_\\"), "%10\\%\\_\\\\%");
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,20}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }

        /// A single wrong character is always noticed (GB 11714: except X for 10, which is another character too).
        #[test]
        fn one_wrong_character_is_noticed(body in "[0-9A-Z]{8}", at in 0..8_usize, other in "[0-9A-Z]") {
            let check = organisation_check(&body).unwrap();
            let code = format!("{body}{check}");
            prop_assert!(OrganisationCode::parse(&code).is_ok());
            let mut wrong = code.clone();
            wrong.replace_range(at..=at, &other);
            let same = (body.as_bytes()[at] as char).to_digit(36).unwrap() % 11 == other.chars().next().unwrap().to_digit(36).unwrap() % 11;
            if !same { prop_assert!(OrganisationCode::parse(&wrong).is_err()); }
        }

        #[test]
        fn one_wrong_character_of_eighteen_is_noticed(body in "[0-9A-HJ-NPQRTUWXY]{17}", at in 0..17_usize, other in "[0-9A-HJ-NPQRTUWXY]") {
            let check = credit_check(&body).unwrap();
            let code = format!("{body}{check}");
            prop_assert!(OrganisationCode::parse(&code).is_ok());
            let mut wrong = code.clone();
            wrong.replace_range(at..=at, &other);
            prop_assert_eq!(OrganisationCode::parse(&wrong).is_ok(), wrong == code);
        }
    }
}

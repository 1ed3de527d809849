//! Checked texts: what people type, brought into one form, and codes with check digits (forms §2.1, §2.2).

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;

/// A text as it is kept, whatever edge it came in by (form, file, JSON, command line): what nobody can see is dropped
/// ([`visible`]), every line break becomes `\n`, the text is composed (NFC) and trimmed.
pub fn normalise(text: &str) -> String {
    let mut kept = compose(&visible(text));
    // Composing and trimming each can lay open a blank of the other; the second round finds nothing more to do.
    while kept.len() != kept.trim().len() {
        kept = compose(kept.trim());
    }
    kept
}

fn compose(text: &str) -> String {
    text.trim().nfc().collect()
}

/// A text of one line as it is kept: like [`normalise`], and each line break becomes "；", as people would separate the lines.
/// Blank lines and lines that end with a separator get none.
pub fn one_line(text: &str) -> String {
    let text = normalise(&text.replace('\t', " "));
    let mut out = String::with_capacity(text.len());
    for line in text.split('\n').map(str::trim).filter(|line| !line.is_empty()) {
        if !out.is_empty() {
            let kept = out.trim_end_matches(['；', ';']).trim_end().len();
            out.truncate(kept);
            if !out.is_empty() && !out.ends_with(['，', ',', '、', '/', '：', ':']) {
                out.push('；');
            }
        }
        out.push_str(line);
    }
    normalise(&out)
}

/// The text without what nobody can see: control characters, zero-width characters, marks of direction, soft hyphens, tags.
/// Every kind of line break becomes `\n`; tabs stay. A variation selector stays where it picks the form of a Han ideograph
/// (葛󠄀), because that is how a name is written; anywhere else it is dropped.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = '\n';
    let mut is_return = false;
    for c in text.chars() {
        let follows_return = std::mem::replace(&mut is_return, c == '\r');
        let kept = match c {
            '\n' if follows_return => continue,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
            c if is_variation_selector(c) => {
                if is_han(before) && !matches!(c, '\u{fe03}'..='\u{fe0f}') {
                    c
                } else {
                    continue;
                }
            }
            c if is_invisible(c) => continue,
            c => c,
        };
        out.push(kept);
        before = kept;
    }
    out
}

/// Whether [`visible`] would change nothing: texts are nearly always like that, and then need no copy.
pub fn is_visible(text: &str) -> bool {
    text.is_ascii() && text.bytes().all(|b| (b >= b' ' && b != 0x7f) || b == b'\n' || b == b'\t')
        || visible(text) == text
}

/// Whether nobody can see this character, wherever it stands.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether the character picks a form of the one before it.
const fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Han ideographs of every block.
const fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The dots that people write between the parts of a name, of which nobody knows which one was typed: · • ・ ． ‧ ∙ and their
/// kin. In searches all of them are a full stop.
const fn is_dot(c: char) -> bool {
    matches!(
        c,
        '\u{b7}'
            | '\u{387}'
            | '\u{2022}'
            | '\u{2024}'
            | '\u{2027}'
            | '\u{2219}'
            | '\u{22c5}'
            | '\u{2e31}'
            | '\u{30fb}'
            | '\u{ff0e}'
            | '\u{ff65}'
    )
}

/// The form in which texts are compared by 模糊 search (D27): full width → half width, lower case, no blanks, nothing that
/// cannot be seen, one kind of dot. Migration 0099 says the same of the dots in SQL, for what was folded before.
pub fn fold(text: &str) -> String {
    visible(text)
        .nfkc()
        .flat_map(char::to_lowercase)
        .filter(|c| !c.is_whitespace() && !is_variation_selector(*c) && !is_invisible(*c))
        .map(|c| if is_dot(c) { '.' } else { c })
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

/// The dashes that keyboards and input methods write for a hyphen.
pub const fn is_dash(c: char) -> bool {
    matches!(
        c,
        '-' | '\u{2010}'
            ..='\u{2015}' | '\u{2212}' | '\u{2500}' | '\u{30fc}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' | '\u{ff70}'
    )
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
        let code: String = half_width(&visible(typed))
            .chars()
            .filter(|c| !c.is_whitespace() && !is_dash(*c))
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

/// Texts of a checked form: brought into one form first, then checked.
macro_rules! checked {
    ($($(#[$doc:meta])* $name:ident, $form:path, $is:path, $sentence:literal;)+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "db", derive(sea_orm::DeriveValueType), sea_orm(value_type = "String"))]
        pub struct $name(String);

        impl $name {
            /// Reads what was typed.
            pub fn parse(typed: &str) -> Result<Self, BadText> {
                let text = $form(&half_width(&normalise(typed)));
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
    UserName, str::to_owned, is_user_name, "用户名应为 4–20 位，以字母开头，只能使用字母、数字和下划线";
    /// 邮编: six digits (forms §2.2).
    Postcode, str::to_owned, is_postcode, "邮编应为 6 位数字";
    /// 联系电话, 传真: 7–20 digits with area code and extension (forms §2.2); kept as `021-12345678转801`.
    Phone, one_phone, is_phone,
        "应为 7–20 位数字，可写 +86、区号、括号、空格和横线，分机写“转 801”，例如 021-12345678 转 801；多个号码请只填一个";
    /// 手机: eleven digits beginning with 1 (forms §2.2).
    Mobile, one_mobile, is_mobile, "手机应为 11 位数字，以 1 开头；可以带 +86、空格或横线";
    /// 联系人邮箱, as RFC 5321 allows it without quoting, also with names in other scripts (RFC 6531; forms §2.2).
    EmailAddress, one_email, is_email, "邮箱格式不正确，例如 name@example.com";
}

/// What people write before an extension.
const EXTENSIONS: [&str; 7] = ["分机号", "分机", "内线", "extension", "ext.", "ext", "#"];
/// The sign of an extension, as it is kept.
const EXTENSION: char = '转';
/// Digits of an extension.
const LONGEST_EXTENSION: usize = 8;

/// A telephone number in one form: hyphens, no blanks, no brackets, `+86` for `0086`, `转` before the extension.
fn one_phone(typed: &str) -> String {
    let mut text = typed.to_lowercase();
    for word in EXTENSIONS {
        text = text.replace(word, "转");
    }
    let (main, extension) = match text.split_once(EXTENSION) {
        Some((main, extension)) => (main, Some(extension)),
        None => (text.as_str(), None),
    };
    // Brackets and dashes part the number, and so does a blank behind the country or the area.
    let mut out = String::new();
    for c in main.trim().chars() {
        let is_area = out.strip_prefix('0').is_some_and(|rest| (2..=3).contains(&rest.len()) && is_digits(rest));
        let is_country = out.strip_prefix('+').is_some_and(|rest| (1..=3).contains(&rest.len()) && is_digits(rest));
        if is_dash(c) || matches!(c, '(' | ')' | '[' | ']' | '【' | '】' | '〔' | '〕') {
            if !out.is_empty() && !out.ends_with('-') {
                out.push('-');
            }
        } else if c.is_whitespace() {
            if is_area || is_country {
                out.push('-');
            }
        } else {
            out.push(c);
        }
    }
    let mut out = out.trim_end_matches('-').to_owned();
    if let Some(abroad) = out.strip_prefix("00") {
        out = format!("+{abroad}");
    }
    if let Some(extension) = extension {
        out.push(EXTENSION);
        out.extend(extension.chars().filter(|c| !c.is_whitespace() && !is_dash(*c) && *c != ':' && *c != EXTENSION));
    }
    out
}

/// A mobile number of the mainland: its eleven digits.
fn one_mobile(typed: &str) -> String {
    let digits: String =
        typed.chars().filter(|c| !c.is_whitespace() && !is_dash(*c) && !matches!(c, '(' | ')')).collect();
    let local = ["+86", "0086", "86"].iter().find_map(|code| digits.strip_prefix(code).filter(|rest| rest.len() == 11));
    local.unwrap_or(&digits).to_owned()
}

/// A mailbox in one form: its domain in lower case and in the characters that people read.
fn one_email(typed: &str) -> String {
    let Some((local, domain)) = typed.rsplit_once('@') else { return typed.to_owned() };
    if is_plain(domain) {
        return typed.to_owned();
    }
    match idna::domain_to_unicode(domain) {
        (domain, Ok(())) => format!("{local}@{domain}"),
        (_, Err(_)) => typed.to_owned(),
    }
}

/// A domain that is in ASCII and means nothing else.
fn is_plain(domain: &str) -> bool {
    domain.is_ascii() && !domain.to_ascii_lowercase().contains("xn--")
}

/// The domain of a mailbox as mail servers know it: `例子.公司` is `xn--fsqu00a.xn--55qx5d`.
fn wire_domain(domain: &str) -> Option<String> {
    if is_plain(domain) { Some(domain.to_owned()) } else { idna::domain_to_ascii_strict(domain).ok() }
}

impl EmailAddress {
    /// The address for the wire: its domain in ASCII. Where the part before `@` is not ASCII the mail server must know SMTPUTF8.
    pub fn wire(&self) -> String {
        wire_address(&self.0)
    }
}

/// [`EmailAddress::wire`] of a stored text.
pub fn wire_address(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", wire_domain(domain).unwrap_or_else(|| domain.to_owned())),
        None => address.to_owned(),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_user_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && (4..=20).contains(&name.len())
}

fn is_postcode(code: &str) -> bool {
    code.len() == 6 && is_digits(code)
}

fn is_phone(phone: &str) -> bool {
    let (main, extension) = match phone.split_once(EXTENSION) {
        Some((main, extension)) => (main, Some(extension)),
        None => (phone, None),
    };
    let parts = main.strip_prefix('+').unwrap_or(main);
    let digits = parts.bytes().filter(u8::is_ascii_digit).count();
    (7..=20).contains(&digits)
        && parts.split('-').all(is_digits)
        && extension.is_none_or(|e| e.len() <= LONGEST_EXTENSION && is_digits(e))
}

fn is_mobile(mobile: &str) -> bool {
    mobile.len() == 11 && mobile.starts_with('1') && is_digits(mobile)
}

fn is_email(address: &str) -> bool {
    let atom = |a: &str| {
        !a.is_empty()
            && a.chars().all(|c| {
                if c.is_ascii() {
                    c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c)
                } else {
                    c.is_alphanumeric() || is_variation_selector(c)
                }
            })
    };
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    address.rsplit_once('@').is_some_and(|(local, domain)| {
        let Some(domain) = wire_domain(domain) else { return false };
        local.len() + 1 + domain.len() <= 254
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

/// Digits of 报关单号.
pub const CUSTOMS_DIGITS: usize = 18;

/// 报关单号 as people type it: full width, grouped by blanks, dashes or dots. The error says what is wrong, without a label.
pub fn customs_number(typed: &str) -> Result<String, String> {
    let groups = |c: &char| c.is_whitespace() || is_dash(*c) || is_dot(*c) || matches!(c, '_' | '.');
    let digits: String = half_width(&normalise(typed)).chars().filter(|c| !groups(c)).collect();
    if let Some(wrong) = digits.chars().find(|c| !c.is_ascii_digit()) {
        Err(format!("为 {CUSTOMS_DIGITS} 位数字，可以带空格和横线，不能有“{wrong}”，请核对"))
    } else if digits.len() == CUSTOMS_DIGITS {
        Ok(digits)
    } else {
        Err(format!("为 {CUSTOMS_DIGITS} 位数字，可以带空格和横线，现在是 {} 位，请核对", digits.len()))
    }
}

/// So many numbers in [`phones`].
const MOST_PHONES: usize = 3;

/// One to three telephones, separated as people separate them; kept with "；" between them.
pub fn phones(typed: &str) -> Result<String, String> {
    let typed = normalise(typed).replace('或', "；");
    let all: Vec<&str> =
        typed.split(['；', ';', '、', '，', ',', '/', '／', '\n']).filter(|one| !one.trim().is_empty()).collect();
    if all.len() > MOST_PHONES {
        return Err(format!("最多填写 {MOST_PHONES} 个电话，现在是 {} 个", all.len()));
    }
    let read: Result<Vec<_>, _> = all.into_iter().map(|one| phone(one).map_err(|_| one.trim().to_owned())).collect();
    match read {
        Ok(all) => Ok(all.join("；")),
        Err(wrong) => Err(format!(
            "“{wrong}”不是电话号码：应为 7–20 位数字，可写 +86、区号、括号、空格和横线，分机写“转 801”；多个电话用分号隔开"
        )),
    }
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
        assert!(mobile("13800000000").is_ok() && mobile("23800000000").is_err());
        assert_eq!(postcode("２０００００").unwrap(), "200000");
    }

    #[test]
    fn telephones_are_taken_as_people_type_them_and_kept_in_one_form() {
        for (typed, kept) in [
            ("021-12345678", "021-12345678"),
            ("021—12345678", "021-12345678"),
            ("０２１－１２３４５６７８", "021-12345678"),
            ("（021）12345678", "021-12345678"),
            ("(021) 1234 5678", "021-12345678"),
            ("021 12345678", "021-12345678"),
            ("021-12345678 转 801", "021-12345678转801"),
            ("021-12345678转801", "021-12345678转801"),
            ("021-12345678 分机：801", "021-12345678转801"),
            ("021-12345678 分机号801", "021-12345678转801"),
            ("021-12345678 Ext. 801", "021-12345678转801"),
            ("021-12345678-801", "021-12345678-801"),
            ("+86 21 1234 5678", "+86-2112345678"),
            ("＋86-21-12345678", "+86-21-12345678"),
            ("0086-21-12345678", "+86-21-12345678"),
            ("\u{202a}138 0000 0000\u{202c}", "13800000000"),
            ("4008\u{200b}001234", "4008001234"),
        ] {
            assert_eq!(phone(typed).as_deref(), Ok(kept), "{typed}");
            assert_eq!(phone(kept).as_deref(), Ok(kept), "{kept}");
        }
        for typed in
            ["12345", "021-1234567/7654321", "021-12345678转", "abc-1234567", "021-12345678转123456789", "-", "转1"]
        {
            assert!(phone(typed).is_err(), "{typed}");
        }
        for typed in
            ["13800000000", "+86 138 0000 0000", "0086-138-0000-0000", "１３８—００００—００００", "8613800000000"]
        {
            assert_eq!(mobile(typed).as_deref(), Ok("13800000000"), "{typed}");
        }
        assert_eq!(phones("(021)12345678 / 021—87654321转8").as_deref(), Ok("021-12345678；021-87654321转8"));
        assert!(
            phones("021-12345678；abc").unwrap_err().contains("“abc”")
                && phones("1234567、1234567、1234567、1234567").is_err()
        );
        assert!(mobile("138000000001").is_err() && mobile("+1 3800000000").is_err());
    }

    #[test]
    fn mailboxes_in_other_scripts_are_taken_and_have_an_address_for_the_wire() {
        for (typed, kept, wire) in [
            ("用户@例子.公司", "用户@例子.公司", "用户@xn--fsqu00a.xn--55qx5d"),
            ("user@例え.jp", "user@例え.jp", "user@xn--r8jz45g.jp"),
            ("user@xn--r8jz45g.jp", "user@例え.jp", "user@xn--r8jz45g.jp"),
            ("user＠例子。公司", "user@例子.公司", "user@xn--fsqu00a.xn--55qx5d"),
            ("info@BÜCHER.example", "info@bücher.example", "info@xn--bcher-kva.example"),
            ("name@example.com\u{200b}", "name@example.com", "name@example.com"),
        ] {
            let address = EmailAddress::parse(typed).unwrap();
            assert_eq!((address.as_str(), address.wire().as_str()), (kept, wire));
        }
        for typed in [
            "用户@公司",
            "用 户@例子.公司",
            "用户，@例子.公司",
            "a@-例.jp",
            "a@xn--zzzzzzzz.jp",
            "@例子.公司",
            "a@例子..公司",
        ] {
            assert!(email(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn what_nobody_can_see_is_dropped_and_names_keep_their_form() {
        let all = "\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2060}\u{2061}\u{2062}\u{2063}\u{2064}\u{feff}\u{ad}\u{202a}\u{202b}\
                   \u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\0\u{1}\u{1a}\u{1b}\u{7f}\u{9f}\u{fe0f}\u{e0041}";
        assert_eq!(normalise(&format!("{all}示例{all}电器{all}")), "示例电器");
        // 葛城 and 辻 with the form that the register of names knows.
        for name in ["葛\u{e0100}城", "辻\u{e0101}本", "𠮷\u{e0100}野家", "羽\u{fe00}"] {
            assert_eq!(normalise(name), name);
        }
        assert_eq!(normalise("A\u{e0100}B\u{fe0f}葛\u{e0100}\u{e0101}"), "AB葛\u{e0100}");
        assert_eq!(fold("葛\u{e0100}城"), fold("葛城"));
        assert_eq!(fold("示例\u{200b}电器\u{feff}"), "示例电器");
        assert_eq!(
            normalise("\u{feff} \u{200b} 甲\u{200b} \r\n乙\u{b}丙\r丁\u{2028}戊 \u{200b}"),
            "甲 \n乙\n丙\n丁\n戊"
        );
    }

    #[test]
    fn customs_numbers_are_taken_as_people_type_them() {
        for typed in [
            "220220261000000015",
            "2202 2026 1000 000015",
            "2202—2026—1000－000015",
            "２２０２２０２６１０００００００１５",
            "2202·2026·1000000015\u{200b}",
        ] {
            assert_eq!(customs_number(typed).as_deref(), Ok("220220261000000015"), "{typed}");
        }
        assert!(customs_number("123").unwrap_err().contains("现在是 3 位"));
        assert!(customs_number("22022026100000001A").unwrap_err().contains("不能有“A”"));
    }

    #[test]
    fn breaks_of_a_text_of_one_line_become_separators() {
        assert_eq!(one_line("A-1\nA-2\r\nA-3"), "A-1；A-2；A-3");
        assert_eq!(one_line("\nA-1；\n\n \nA-2、\nA-3\n"), "A-1；A-2、A-3");
        assert_eq!(one_line("型号\tA"), "型号 A");
    }

    #[test]
    fn the_dots_of_names_find_each_other() {
        for dot in ["·", "•", "・", "．", "‧", "∙", "⋅", "･", "."] {
            assert_eq!(fold(&format!("让{dot}雅克")), "让.雅克", "{dot}");
        }
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
            (" a ", "a"),
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
        /// Whatever comes in, what is kept can be seen, and reading it again changes nothing: a stored text and the form that
        /// shows it agree.
        #[test]
        fn what_is_kept_can_be_seen_and_stays(
            text in "\\PC{0,20}|[a葛\u{301}\u{200b}\u{feff}\u{ad}\u{202e}\u{e0100}\u{fe0f}\r\n\t\u{b}\u{85}\u{2028} ]{0,12}|.{0,20}",
        ) {
            let kept = normalise(&text);
            prop_assert!(!kept.chars().any(is_invisible), "{kept:?}");
            prop_assert!(kept.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'), "{kept:?}");
            prop_assert_eq!(kept.trim(), kept.as_str());
            prop_assert_eq!(normalise(&kept), kept.clone());
            let line = one_line(&text);
            prop_assert!(!line.contains(['\n', '\t']), "{line:?}");
            prop_assert_eq!(one_line(&line), line);
            // Nothing that can be seen is lost.
            let seen = |t: &str| t.chars().filter(|c| !c.is_whitespace() && !is_invisible(*c) && !c.is_control()
                && !is_variation_selector(*c)).nfd().collect::<String>();
            prop_assert_eq!(seen(&kept), seen(&text));
        }

        /// An invisible character anywhere changes neither what is kept nor what a search finds.
        #[test]
        fn an_invisible_character_anywhere_changes_nothing(
            text in "[a-z0-9示例电器]{1,10}", at in 0..10_usize,
            c in "[\u{200b}-\u{200f}\u{2060}-\u{2064}\u{feff}\u{ad}\u{202a}-\u{202e}\u{2066}-\u{2069}\u{1}-\u{8}]",
        ) {
            let mut chars: Vec<char> = text.chars().collect();
            chars.splice(at.min(chars.len())..at.min(chars.len()), c.chars());
            let dirty: String = chars.into_iter().collect();
            prop_assert_eq!(normalise(&dirty), text.clone());
            prop_assert_eq!(one_line(&dirty), text.clone());
            prop_assert_eq!(fold(&dirty), fold(&text));
        }

        /// What a telephone is kept as is read again as the same.
        #[test]
        fn a_telephone_is_kept_in_one_form(typed in "[0-9０-９ +()（）—－-]{5,24}(转|分机| ext )?[0-9 ]{0,5}") {
            if let Ok(kept) = phone(&typed) {
                prop_assert_eq!(phone(&kept).unwrap(), kept.clone());
                prop_assert!(kept.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '转')), "{kept}");
                let digits = |t: &str| half_width(t).chars().filter(char::is_ascii_digit).collect::<String>();
                let (kept, typed) = (digits(&kept), digits(&typed));
                prop_assert_eq!(kept.trim_start_matches('0'), typed.trim_start_matches('0'));
            }
        }

        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,20}|[a´¨\u{301}\u{323} Ａｅ゛カ]{0,8}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }

        #[test]
        fn a_field_of_one_line_has_one_line(text in "[aA；; \r\n\u{2028}]{0,12}|\\PC{0,20}") {
            let once = one_line(&text);
            let is_one_line = !once.contains(['\r', '\n', '\u{2028}']);
            prop_assert!(is_one_line);
            prop_assert_eq!(one_line(&once), once);
        }

        #[test]
        fn a_like_pattern_finds_exactly_what_contains_the_text(text in "[a%_\\\\机]{0,8}", wanted in "[a%_\\\\机]{0,3}") {
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            prop_assert_eq!(like(&chars(&text), &chars(&like_pattern(&wanted))), text.contains(&wanted));
        }

        #[test]
        fn normalising_twice_changes_nothing(text in "\\PC{0,20}|[ae\u{301}\u{323} \r\n]{0,8}") {
            let once = normalise(&text);
            prop_assert_eq!(normalise(&once), once);
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

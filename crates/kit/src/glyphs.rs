//! Characters that no face of the certificate has, said in words and code points (E27, D33).

use unicode_normalization::char::is_combining_mark;

use crate::app::Papers;

/// So many are named; of more the number is said.
pub const MOST_NAMED: usize = 20;

/// The mistake of a field whose text is printed on the certificate; none when all of it can be printed.
pub fn mistake(papers: &dyn Papers, label: &str, text: &str) -> Option<String> {
    let missing = papers.missing_glyphs(text);
    let named = named(&missing);
    (!missing.is_empty())
        .then(|| format!("{label}中的{named}暂无法印在证明上，请改用其他写法（如规范字、拼音、英文或文字说明）"))
}

/// `“𰻞”（U+30EDE）、“…”（U+…）`; of many the first ones and how many there are.
pub fn named(missing: &[char]) -> String {
    let first: Vec<_> = missing.iter().take(MOST_NAMED).map(|c| name(*c)).collect();
    let list = first.join("、");
    if missing.len() > MOST_NAMED { format!("{list}等 {} 个字符", missing.len()) } else { list }
}

fn name(c: char) -> String {
    let point = format!("U+{:04X}", u32::from(c));
    if is_combining_mark(c) {
        // A mark is shown over a circle, where people expect a letter.
        format!("“◌{c}”（{point}）")
    } else if is_invisible(c) {
        format!("看不见的字符（{point}）")
    } else {
        format!("“{c}”（{point}）")
    }
}

/// Blanks, controls, and what turns or joins other characters.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\u{AD}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
        )
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
        || matches!(c, '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_named_in_words_and_code_points() {
        assert_eq!(named(&['\u{30EDE}']), "“\u{30EDE}”（U+30EDE）");
        assert_eq!(named(&['\u{200B}', '☃']), "看不见的字符（U+200B）、“☃”（U+2603）");
        assert_eq!(named(&['\u{302}']), "“◌\u{302}”（U+0302）");
    }

    #[test]
    fn of_many_the_first_are_named_and_all_counted() {
        let many: Vec<char> = ('\u{F0000}'..='\u{FFFFD}').collect();
        let said = named(&many);
        assert_eq!(said.matches("U+").count(), MOST_NAMED);
        assert!(said.ends_with("等 65534 个字符"), "{said}");
    }
}

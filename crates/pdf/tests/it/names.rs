//! Names from everywhere: what is printed is printed right and can be copied, and what cannot be printed is known before
//! (E27, D33).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pdf::{CertificateSheet, CertificateSheetItem, Renderer, missing_glyphs};

use crate::{pages_of, said, sheet, text_in_order, written};

const SITE: &str = "https://mianban.example.gov.cn";

/// Names, models and the like, one a line; none of them was printed when there was one face. The tests of the screens take
/// them all the way to a certificate.
pub fn names() -> Vec<String> {
    include_str!("names.txt").lines().map(str::to_owned).collect()
}

/// No face has these, or none is asked: what they are is said, and where.
const NEVER: [(&str, &str); 14] = [
    ("an extension without a packaged face", "\u{30EDE}"),
    ("an emoji", "\u{1F600}"),
    ("an emoji of the basic plane", "\u{2728}"),
    ("the selector of a coloured emoji", "\u{FE0F}"),
    ("private use", "\u{E000}"),
    ("private use", "\u{10FFFD}"),
    ("unassigned", "\u{0378}"),
    ("invisible", "\u{200B}"),
    ("turns the direction", "\u{202E}"),
    ("a separator of lines", "\u{2028}"),
    ("Arabic", "\u{0634}"),
    ("Hebrew", "\u{05D0}"),
    ("Thai", "\u{0E01}"),
    ("Devanagari", "\u{0915}"),
];

fn blank(line: &CertificateSheetItem) -> CertificateSheetItem {
    CertificateSheetItem { model: "甲".into(), brand: "乙".into(), manufacturer: "丙".into(), ..line.clone() }
}

/// A certificate with these texts in all the fields that people fill in, one after another.
fn with(texts: &[String]) -> CertificateSheet {
    let mut sheet = sheet(1);
    let line = sheet.items.remove(0);
    sheet.items = (1..)
        .zip(texts.chunks(4))
        .map(|(ordinal, four)| {
            let mut item = CertificateSheetItem { ordinal, ..blank(&line) };
            let fields = [&mut item.product_name, &mut item.model, &mut item.brand, &mut item.manufacturer];
            for (field, text) in fields.into_iter().zip(four) {
                field.clone_from(text);
            }
            item
        })
        .collect();
    sheet
}

fn without_blanks(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Each name, on the front and in the annex, is there with its code points, in embedded subsets of the faces.
#[test]
fn names_from_everywhere_are_printed_and_can_be_copied() {
    let renderer = Renderer::new();
    let names = names();
    assert!(names.len() >= 16, "{} names", names.len());
    for name in &names {
        assert_eq!(missing_glyphs(name), Vec::<char>::new(), "{name}");
    }
    let mut all = with(&names);
    all.holder.clone_from(&names[10]);
    all.use_unit.clone_from(&names[0]);
    all.holder_address.clone_from(&names[3]);
    all.contract_no.clone_from(&names[5]);
    all.purpose = names.join("；");
    let bytes = renderer.certificate(&all, SITE).unwrap();
    let file = written(&bytes);
    let text = text_in_order(&file);
    for name in &names {
        let times = text.matches(&without_blanks(name)).count();
        assert!(times >= 2, "{name} is {times} times on paper:\n{text}");
    }
    let path = file.path().to_str().unwrap();
    let fonts = said("pdffonts", &[path]);
    for family in ["NotoSerifSC", "NotoSerif-", "NotoSerifKR", "HanaMinB", "NotoSansMath"] {
        assert!(fonts.contains(family), "{family} in {fonts}");
    }
    for row in fonts.lines().skip(2) {
        assert!(row.contains(" yes yes yes "), "embedded, a subset, with Unicode: {row}");
    }
    let check = said("qpdf", &["--check", path]);
    assert!(check.contains("No syntax or stream encoding errors found"), "{check}");
    // The same bytes from whichever process, whatever it set before.
    renderer.certificate(&sheet(2), SITE).unwrap();
    assert!(
        bytes == renderer.certificate(&all, SITE).unwrap() && bytes == Renderer::new().certificate(&all, SITE).unwrap()
    );
}

/// GB 18030-2022, level 3: every Chinese character that the standard names.
#[test]
fn every_chinese_character_of_gb_18030_is_printed() {
    let level_3 = [
        (0x3007, 0x3007),
        (0x3400, 0x4DB5),
        (0x4E00, 0x9FEF),
        (0x20000, 0x2A6D6),
        (0x2A700, 0x2B734),
        (0x2B740, 0x2B81D),
        (0x2B820, 0x2CEA1),
        (0x2CEB0, 0x2EBE0),
    ];
    // Twelve characters among the compatibility ideographs are none.
    let twelve = "\u{FA0E}\u{FA0F}\u{FA11}\u{FA13}\u{FA14}\u{FA1F}\u{FA21}\u{FA23}\u{FA24}\u{FA27}\u{FA28}\u{FA29}";
    let named = level_3.into_iter().flat_map(|(a, b)| a..=b).filter_map(char::from_u32);
    let text: String = named.chain(twelve.chars()).collect();
    assert_eq!(text.chars().count(), 87_888, "87,887 and 〇");
    assert_eq!(missing_glyphs(&text), Vec::<char>::new());
}

/// Whatever is not named as missing can be typeset, all of it, and is read back as what it was.
#[test]
fn whatever_is_not_missing_is_typeset() {
    let all: Vec<char> = ('\u{20}'..=char::MAX).filter(|c| missing_glyphs(&c.to_string()).is_empty()).collect();
    assert!(all.len() > 100_000, "{} characters", all.len());
    let visible: Vec<char> = all.iter().copied().filter(|c| !c.is_whitespace()).collect();
    // No cell is higher than a page.
    let texts: Vec<String> = visible.chunks(250).map(|some| some.iter().collect()).collect();
    let renderer = Renderer::new();
    let mut read = BTreeSet::new();
    for some in texts.chunks(100) {
        let file = written(&renderer.certificate(&with(some), SITE).unwrap());
        assert!(pages_of(&file) > 1);
        read.extend(text_in_order(&file).chars());
    }
    let lost: Vec<_> =
        visible.iter().filter(|c| !read.contains(c)).map(|c| format!("U+{:04X}", u32::from(*c))).collect();
    assert!(lost.is_empty(), "{} are not read back: {lost:?}", lost.len());

    // Blanks, and letters with marks, in whatever order people put them.
    let blanks = all.iter().filter(|c| c.is_whitespace()).map(|c| format!("甲{c}乙{c}Ł"));
    let letters: Vec<char> = "aeouZzAΩкか𠮷삼甲₂⌀x".chars().collect();
    let marks: Vec<char> = "\u{300}\u{301}\u{302}\u{304}\u{308}\u{30C}\u{323}\u{3099}\u{309A}".chars().collect();
    let mut seed = 1_u64;
    let mut roll = |sides: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % sides
    };
    let mut part = || {
        let some = if roll(3) == 0 { &marks } else { &letters };
        some[roll(some.len())]
    };
    let mixed: Vec<String> = (0..4_000).map(|_| (0..6).map(|_| part()).collect()).collect();
    let texts: Vec<String> = blanks.chain(mixed).filter(|text| missing_glyphs(text).is_empty()).collect();
    assert!(texts.len() > 100, "{} texts", texts.len());
    renderer.certificate(&with(&texts), SITE).unwrap();
}

/// What is named as missing is not typeset into blank boxes: the paper is refused, and known to be refused before.
#[test]
fn what_no_face_has_is_known_before() {
    let renderer = Renderer::new();
    for (what, text) in NEVER {
        let c = text.chars().next().unwrap();
        assert_eq!(missing_glyphs(&format!("样{text}机{text}")), [c], "{what}");
    }
    for c in ['\u{30EDE}', '\u{1F600}', '\u{E000}', '\u{634}'] {
        assert!(renderer.certificate(&with(&[format!("样{c}机")]), SITE).is_err(), "U+{:04X}", u32::from(c));
    }
    for text in ["样\u{302}机", "a \u{302}", "M\u{302}", "삼\u{302}", "â\u{302}"] {
        assert_eq!(missing_glyphs(text), ['\u{302}'], "a mark without its letter in {text}");
    }
    for text in ["a\u{302}", "a\u{302}\u{301}", "e\u{304}\u{301}", "Z\u{30C}", "か\u{309A}"] {
        assert_eq!(missing_glyphs(text), Vec::<char>::new(), "{text}");
    }
    assert_eq!(missing_glyphs("\u{E001}A\u{E000}\u{E001}"), ['\u{E001}', '\u{E000}'], "each once, in their order");
    assert_eq!(missing_glyphs("第一行\n第二行\t完"), Vec::<char>::new());
    assert_eq!(missing_glyphs("a\u{1}b"), ['\u{1}']);
}

/// Looking a text up takes as long as reading it, whatever stands in it.
#[test]
fn a_text_of_a_million_different_characters_is_looked_up_at_once() {
    let all: String = (char::MIN..=char::MAX).collect();
    let twice = all.repeat(2);
    let begun = Instant::now();
    let missing = missing_glyphs(&twice);
    let took = begun.elapsed();
    assert!(missing.len() > 900_000, "{}", missing.len());
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// A paper with rare names unpacks a few small pieces: it never costs a multiple of what a common one does.
#[test]
fn a_paper_with_rare_names_costs_little_more() {
    let renderer = Renderer::new();
    let common = sheet(1);
    let mut rare = sheet(1);
    let names = names();
    rare.holder.clone_from(&names[10]);
    rare.use_unit.clone_from(&names[0]);
    rare.items[0].manufacturer.clone_from(&names[7]);
    rare.items[0].model.clone_from(&names[9]);
    let fastest = |sheet: &CertificateSheet| {
        let took = (0..7).map(|_| {
            let begun = Instant::now();
            renderer.certificate(sheet, SITE).unwrap();
            begun.elapsed()
        });
        took.min().unwrap()
    };
    fastest(&rare);
    let (common, rare) = (fastest(&common), fastest(&rare));
    println!("a common paper takes {common:?}, one with rare names {rare:?}");
    assert!(rare < common * 3, "{rare:?} beside {common:?}");
}

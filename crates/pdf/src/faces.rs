//! The faces of papers: the main one, and fallback faces in pieces that are unpacked when a paper uses a character of
//! theirs (E27). `scripts/faces.mjs` makes the pieces; the build script lists them.

use std::io::Read as _;
use std::sync::{Mutex, PoisonError};

use flate2::read::DeflateDecoder;
use typst::foundations::Bytes;
use typst::text::{Coverage, Font, FontBook, FontFlags, FontInfo, FontStretch, FontStyle, FontVariant, FontWeight};
use typst::utils::LazyHash;
use unicode_normalization::char::{compose, is_combining_mark};

const REGULAR: &[u8] = include_bytes!("../fonts/NotoSerifSC-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../fonts/NotoSerifSC-Bold.ttf");
/// The pieces, packed, one behind the other.
static PACKED: &[u8] = include_bytes!("../fonts/fallback.bin");
/// One bit for each code point: whether a face prints it.
static PRINTABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/printable.bin"));

/// When the unpacked pieces take more than this many bytes at the end of a paper, they are forgotten.
const MOST_UNPACKED: usize = 16 * 1024 * 1024;

/// Marks from here on belong to Kana, whose letters the main face holds with them.
const FIRST_MARK_OF_KANA: char = '\u{3099}';

/// First and last of an unbroken run of characters.
type Run = (u32, u32);

/// A part of a fallback face.
struct Piece {
    family: &'static str,
    weight: u16,
    /// Where it lies in [`PACKED`].
    at: usize,
    /// So many bytes there.
    packed: usize,
    /// Size unpacked, bytes.
    size: usize,
    held: &'static [Run],
}

use tables::{MAIN, PIECES};

/// What the build script found in the faces.
#[expect(clippy::unreadable_literal, reason = "code points and offsets that a program has written")]
mod tables {
    use super::{Piece, Run};

    include!(concat!(env!("OUT_DIR"), "/faces.rs"));
}

impl Piece {
    /// What the typesetter must know to choose this piece, without unpacking it.
    fn info(&self) -> FontInfo {
        FontInfo {
            family: self.family.to_owned(),
            variant: FontVariant::new(FontStyle::Normal, FontWeight::from_number(self.weight), FontStretch::NORMAL),
            flags: FontFlags::SERIF,
            axes: Vec::new(),
            coverage: Coverage::from_vec(self.held.iter().flat_map(|&(first, last)| first..=last).collect()),
        }
    }

    fn unpack(&self) -> Option<Font> {
        let packed = PACKED.get(self.at..self.at + self.packed)?;
        let mut bytes = Vec::with_capacity(self.size);
        DeflateDecoder::new(packed).read_to_end(&mut bytes).ok()?;
        Font::new(Bytes::new(bytes), 0)
    }
}

/// All faces, those of the pieces as far as they were used.
pub struct Faces {
    book: LazyHash<FontBook>,
    main: Vec<Font>,
    unpacked: Mutex<Unpacked>,
}

struct Unpacked {
    pieces: Vec<Option<Font>>,
    bytes: usize,
}

impl Faces {
    pub fn new() -> Self {
        let main: Vec<Font> = [REGULAR, BOLD].into_iter().flat_map(|f| Font::iter(Bytes::new(f))).collect();
        let infos = main.iter().map(|font| font.info().clone()).chain(PIECES.iter().map(Piece::info));
        Self {
            book: LazyHash::new(FontBook::from_infos(infos)),
            main,
            unpacked: Mutex::new(Unpacked { pieces: vec![None; PIECES.len()], bytes: 0 }),
        }
    }

    pub const fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    /// The face of this index of the book.
    pub fn font(&self, index: usize) -> Option<Font> {
        if let Some(font) = self.main.get(index) {
            return Some(font.clone());
        }
        let index = index - self.main.len();
        let mut unpacked = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(font) = unpacked.pieces.get(index)? {
            return Some(font.clone());
        }
        let piece = PIECES.get(index)?;
        let font = piece.unpack()?;
        unpacked.pieces[index] = Some(font.clone());
        unpacked.bytes += piece.size;
        Some(font)
    }

    /// Gives back the memory of the pieces when there are many.
    pub fn forget_if_many(&self) {
        let mut unpacked = self.unpacked.lock().unwrap_or_else(PoisonError::into_inner);
        if unpacked.bytes > MOST_UNPACKED {
            *unpacked = Unpacked { pieces: vec![None; PIECES.len()], bytes: 0 };
        }
    }
}

/// Most characters of most texts are none, which is seen at once.
const fn may_be_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{33FF}' | '\u{A66F}'..)
}

fn is_printable(c: char) -> bool {
    let at = c as usize;
    PRINTABLE.get(at / 8).is_some_and(|bits| (bits >> (at % 8)) & 1 == 1)
}

fn holds(held: &[Run], c: char) -> bool {
    let c = u32::from(c);
    held.get(held.partition_point(|(_, last)| *last < c)).is_some_and(|(first, _)| *first <= c)
}

/// What a letter and its mark are together, when they are printed: one character, or Kana with a mark of theirs. Other
/// pairs would be set, but copied from the paper twice.
fn together(letter: char, mark: char) -> Option<char> {
    let is_kana = matches!(letter, '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{31f0}'..='\u{31ff}');
    let kana = || (is_kana && FIRST_MARK_OF_KANA <= mark && holds(MAIN, letter) && holds(MAIN, mark)).then_some(letter);
    compose(letter, mark).filter(|c| is_printable(*c)).or_else(kana)
}

/// The characters that papers cannot print (E27); each once, in their order. Reads no face.
///
/// A mark such as U+0302 belongs to the letter before it, and is missing when there is no character for both of them.
pub fn missing_glyphs(text: &str) -> Vec<char> {
    let mut missing = Vec::new();
    let mut said = Seen::default();
    let mut letter = None;
    for c in text.chars() {
        let is_mark = may_be_mark(c) && is_combining_mark(c);
        let one = if is_mark { letter.and_then(|letter| together(letter, c)) } else { Some(c) };
        let printed = match c {
            '\n' | '\t' => true,
            // A form of the ideograph before it: printed as that ideograph, in the form that the face has.
            '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => letter.is_some(),
            _ => one.is_some() && is_printable(c),
        };
        if printed || !is_mark {
            letter = one.filter(|_| printed);
        }
        if !printed && said.is_new(c) {
            missing.push(c);
        }
    }
    missing
}

/// A set of code points: a short list, and one bit for each code point when there are more.
#[derive(Default)]
struct Seen {
    few: Vec<char>,
    bits: Vec<u64>,
}

impl Seen {
    /// The longest list.
    const FEW: usize = 32;

    /// Adds it; whether it was not there.
    fn is_new(&mut self, c: char) -> bool {
        if !self.bits.is_empty() {
            return self.set(c);
        }
        if self.few.contains(&c) {
            return false;
        }
        self.few.push(c);
        if self.few.len() > Self::FEW {
            self.bits = vec![0; 0x11_0000 / 64];
            for c in std::mem::take(&mut self.few) {
                self.set(c);
            }
        }
        true
    }

    fn set(&mut self, c: char) -> bool {
        let at = c as usize;
        let Some(bits) = self.bits.get_mut(at / 64) else { return false };
        let bit = 1 << (at % 64);
        let new = *bits & bit == 0;
        *bits |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The face of Latin, Greek and Cyrillic letters with accents; sheets name it behind the main one.
    const LETTERS: &str = "Noto Serif";

    /// What the build script lists is what the faces hold; a piece that is not what its line says would print nothing.
    #[test]
    fn the_list_of_faces_is_true() {
        let faces = Faces::new();
        for (n, piece) in PIECES.iter().enumerate() {
            let font = faces.font(faces.main.len() + n).unwrap();
            assert_eq!(font.data().len(), piece.size);
            let info = font.info();
            // The Hanazono faces call themselves medium; they have one weight.
            if piece.family == LETTERS {
                assert_eq!(info.variant.weight.to_number(), piece.weight);
            }
            for c in piece.held.iter().flat_map(|&(first, last)| first..=last) {
                assert!(info.coverage.contains(c), "U+{c:04X} in {}", piece.family);
            }
        }
        for c in MAIN.iter().flat_map(|&(first, last)| first..=last) {
            assert!(faces.main.iter().all(|font| font.info().coverage.contains(c)), "U+{c:04X}");
        }
        // All of them together are more than what is kept after a paper.
        let bytes = |faces: &Faces| faces.unpacked.lock().unwrap().bytes;
        assert!(bytes(&faces) > MOST_UNPACKED && bytes(&faces) < 64 * 1024 * 1024);
        faces.forget_if_many();
        assert_eq!(bytes(&faces), 0);
    }

    /// But for letters, each character has one face, so that the choice is the same everywhere.
    #[test]
    fn pieces_do_not_overlap() {
        let mut seen = Seen::default();
        let all = PIECES.iter().filter(|p| p.family != LETTERS).flat_map(|p| p.held).chain(MAIN);
        for c in all.flat_map(|&(first, last)| first..=last) {
            let c = char::from_u32(c).unwrap();
            assert!(seen.is_new(c) && is_printable(c), "U+{:04X}", u32::from(c));
        }
    }
}

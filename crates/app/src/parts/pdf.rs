//! Whether a PDF can be looked at: one with a password, and one without pages, shows nothing to those who must judge it.
//!
//! Only what this question needs is read, in one pass, without recursion: a hostile file costs no more than its size.

use std::io::Read as _;

use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

/// What stands in the way of looking at a PDF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It asks for a password, or for a certificate.
    Locked,
    /// It has no page, or is no whole PDF.
    NoPage,
}

impl Trouble {
    /// For who uploads it.
    pub const fn to_uploader(self) -> &'static str {
        match self {
            Self::Locked => {
                "PDF 设有打开密码，审核人员无法查看，没有上传。请取消密码（或用“打印为 PDF”另存一份）后重新选择"
            }
            Self::NoPage => "PDF 中没有页面或文件不完整，打开是空白，没有上传。请重新生成 PDF 后选择",
        }
    }

    /// For who wants to look at one that was uploaded earlier.
    pub const fn to_reader(self) -> &'static str {
        match self {
            Self::Locked => "该 PDF 设有打开密码，浏览器不能显示。请与上传人联系，取消密码后重新上传。",
            Self::NoPage => "该 PDF 中没有页面，或文件不完整，打开是空白。请与上传人联系，重新生成后上传。",
        }
    }
}

/// The packed objects of a file may unpack to this.
const UNPACKED_BYTES: u64 = 64 * 1024 * 1024;
/// The dictionary before a stream is not longer.
const HEAD_BYTES: usize = 4096;
/// A dictionary of encryption is not larger.
const DICTIONARY_BYTES: usize = 64 * 1024;
/// Nor does it nest deeper.
const DICTIONARY_DEPTH: usize = 8;

/// What stands in the way of looking at this PDF, if anything.
pub fn trouble(content: &[u8]) -> Option<Trouble> {
    let is_encrypted = match encryption(content) {
        Some(encryption) if encryption.asks_for_password() => return Some(Trouble::Locked),
        found => found.is_some(),
    };
    if has_page(content) || (is_encrypted && has_packed_objects(content)) || page_is_packed(content) {
        None
    } else {
        Some(Trouble::NoPage)
    }
}

const fn ends_name(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(byte, b'/' | b'<' | b'>' | b'[' | b']' | b'(' | b')' | b'{' | b'}' | b'%' | 0)
}

/// The places behind a name: `/Type` is not found in `/TypeOf`.
fn places_behind<'a>(content: &'a [u8], name: &'a [u8]) -> impl DoubleEndedIterator<Item = usize> + 'a {
    let found: Vec<usize> = memchr::memmem::find_iter(content, name).map(|at| at + name.len()).collect();
    found.into_iter().filter(move |at| content.get(*at).is_none_or(|b| ends_name(*b)))
}

fn after_blanks(content: &[u8]) -> &[u8] {
    let blanks = content.iter().take_while(|b| b.is_ascii_whitespace() || **b == 0).count();
    &content[blanks..]
}

/// Whether an object says that it is a page, or a list of pages names one.
fn has_page(content: &[u8]) -> bool {
    places_behind(content, b"/Type").any(|at| {
        let rest = after_blanks(&content[at..]);
        rest.strip_prefix(b"/Page").is_some_and(|rest| rest.first().is_none_or(|b| ends_name(*b)))
    }) || places_behind(content, b"/Kids").any(|at| {
        let rest = after_blanks(&content[at..]);
        rest.strip_prefix(b"[").is_some_and(|rest| after_blanks(rest).first().is_some_and(u8::is_ascii_digit))
    })
}

fn has_packed_objects(content: &[u8]) -> bool {
    memchr::memmem::find(content, b"/ObjStm").is_some()
}

/// Whether the objects that are packed hold a page. What is read and what it unpacks to have an end, after which nobody can
/// say, and the file is not refused for that.
fn page_is_packed(content: &[u8]) -> bool {
    let (mut left_in, mut left_out) = (UNPACKED_BYTES, UNPACKED_BYTES);
    for at in places_behind(content, b"/ObjStm") {
        let head = &content[at..content.len().min(at + HEAD_BYTES)];
        let Some(stream) = memchr::memmem::find(head, b"stream") else { continue };
        let packed = &content[at + stream + b"stream".len()..];
        let packed = packed.strip_prefix(b"\r\n").or_else(|| packed.strip_prefix(b"\n")).unwrap_or(packed);
        let mut decoder = flate2::read::ZlibDecoder::new(packed.take(left_in));
        let mut unpacked = Vec::new();
        // A stream that breaks off still shows what came before.
        let _ = decoder.by_ref().take(left_out).read_to_end(&mut unpacked);
        if has_page(&unpacked) {
            return true;
        }
        left_in = left_in.saturating_sub(decoder.total_in().max(1));
        left_out = left_out.saturating_sub(unpacked.len() as u64);
        if left_in == 0 || left_out == 0 {
            return true;
        }
    }
    false
}

/// How a file is encrypted.
struct Encryption<'a> {
    dictionary: &'a [u8],
    id: &'a [u8],
}

fn encryption(content: &[u8]) -> Option<Encryption<'_>> {
    let at = places_behind(content, b"/Encrypt").next_back()?;
    let rest = after_blanks(&content[at..]);
    let dictionary = if rest.starts_with(b"<<") { balanced(rest) } else { balanced(object(content, rest)?) }?;
    let id = places_behind(content, b"/ID").filter_map(|at| array(after_blanks(&content[at..]))).next_back();
    Some(Encryption { dictionary, id: id.unwrap_or(b"[<00><00>]") })
}

/// The object that a reference names: `5 0 R` is `5 0 obj`.
fn object<'a>(content: &'a [u8], reference: &[u8]) -> Option<&'a [u8]> {
    let mut words = reference.get(..reference.len().min(40))?.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
    let number = std::str::from_utf8(words.next()?).ok()?.parse::<u32>().ok()?;
    let generation = std::str::from_utf8(words.next()?).ok()?.parse::<u32>().ok()?;
    let name = format!("{number} {generation} obj");
    let mut last = None;
    for at in memchr::memmem::find_iter(content, name.as_bytes()) {
        if at == 0 || !content[at - 1].is_ascii_digit() {
            last = Some(at + name.len());
        }
    }
    last.map(|at| after_blanks(&content[at..]))
}

/// The dictionary that stands at the beginning, to its end.
fn balanced(content: &[u8]) -> Option<&[u8]> {
    let content = &content[..content.len().min(DICTIONARY_BYTES)];
    let (mut at, mut depth) = (0, 0_usize);
    while at < content.len() {
        match (content[at], content.get(at + 1)) {
            (b'<', Some(b'<')) => {
                depth += 1;
                at += 2;
            }
            (b'>', Some(b'>')) => {
                depth = depth.checked_sub(1)?;
                at += 2;
                if depth == 0 {
                    return Some(&content[..at]);
                }
            }
            (b'(', _) => at += string(&content[at..])?,
            // Arrays have no business here; nothing may nest without an end.
            (b'[', _) => return None,
            _ => at += 1,
        }
        if depth > DICTIONARY_DEPTH {
            return None;
        }
    }
    None
}

/// The length of the string in brackets that stands at the beginning.
fn string(content: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    while at < content.len() {
        match content[at] {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The array of strings that stands at the beginning.
fn array(content: &[u8]) -> Option<&[u8]> {
    let content = &content[..content.len().min(1024)];
    if !content.starts_with(b"[") {
        return None;
    }
    let mut at = 1;
    while at < content.len() {
        match content[at] {
            b']' => return Some(&content[..=at]),
            b'(' => at += string(&content[at..])?,
            b'[' => return None,
            _ => at += 1,
        }
    }
    None
}

impl Encryption<'_> {
    /// Whether the empty password, with which every program begins, does not open it. A small file that is encrypted in the
    /// same way is opened in its place.
    fn asks_for_password(&self) -> bool {
        let mut file = b"%PDF-1.7\n".to_vec();
        let mut places = Vec::new();
        let objects: [&[u8]; 4] = [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
            self.dictionary,
        ];
        for (n, object) in (1..).zip(objects) {
            places.push(file.len());
            file.extend_from_slice(format!("{n} 0 obj\n").as_bytes());
            file.extend_from_slice(object);
            file.extend_from_slice(b"\nendobj\n");
        }
        let start = file.len();
        file.extend_from_slice(b"xref\n0 5\n0000000000 65535 f \n");
        for place in places {
            file.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
        }
        file.extend_from_slice(b"trailer\n<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID ");
        file.extend_from_slice(self.id);
        file.extend_from_slice(format!(">>\nstartxref\n{start}\n%%EOF\n").as_bytes());
        match Pdf::new(file) {
            Err(LoadPdfError::Decryption(DecryptionError::PasswordProtected)) => true,
            // Certificates in place of passwords.
            Err(LoadPdfError::Decryption(DecryptionError::UnsupportedAlgorithm)) => {
                memchr::memmem::find(self.dictionary, b"Adobe.PubSec").is_some()
            }
            Err(LoadPdfError::Decryption(_) | LoadPdfError::Invalid) | Ok(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    const LOCKED: &[u8] = include_bytes!("../../tests/it/files/encrypted.pdf");

    /// An owner's password that forbids printing, and none to open it: AES of 256 bits, RC4 of 128 bits with packed objects.
    const RESTRICTED: [&[u8]; 2] = [
        include_bytes!("../../tests/it/files/restricted-256.pdf"),
        include_bytes!("../../tests/it/files/restricted-128.pdf"),
    ];

    #[test]
    fn a_password_is_told_from_a_mere_restriction() {
        assert_eq!(trouble(LOCKED), Some(Trouble::Locked));
        let mut moved = LOCKED.to_vec();
        moved.extend_from_slice(b"\n% a comment\n");
        assert_eq!(trouble(&moved), Some(Trouble::Locked));
        // Something that only looks like it.
        let plain = b"%PDF-1.4\n1 0 obj<</Type/Page>>endobj\n(/Encryption /EncryptMetadata)";
        assert_eq!(trouble(plain), None);
        for restricted in RESTRICTED {
            assert_eq!(trouble(restricted), None);
        }
    }

    #[test]
    fn a_file_without_pages_is_found() {
        for bad in [
            "%PDF-1.7",
            "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 0/Kids[]>>endobj",
            "%PDF-1.4\n1 0 obj<< /Count 0 /Kids [ ] /Type /Pages >>endobj /Type /PageLabel",
        ] {
            assert_eq!(trouble(bad.as_bytes()), Some(Trouble::NoPage), "{bad}");
        }
        for good in ["%PDF-1.4 <</Type /Page>>", "%PDF-1.4 <</Type/Page/Parent 2 0 R>>", "%PDF-1.4 /Kids [ 3 0 R ]"] {
            assert_eq!(trouble(good.as_bytes()), None, "{good}");
        }
    }

    #[test]
    fn pages_among_packed_objects_are_found() {
        let packed = |objects: &str| {
            let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            out.write_all(objects.as_bytes()).unwrap();
            let stream = out.finish().unwrap();
            let head = format!(
                "%PDF-1.5\n1 0 obj<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length {}>>\nstream\n",
                stream.len()
            );
            [head.as_bytes(), &stream, b"\nendstream endobj"].concat()
        };
        assert_eq!(trouble(&packed("3 0 <</Type/Page>>")), None);
        assert_eq!(trouble(&packed("3 0 <</Type/Pages/Kids[]/Count 0>>")), Some(Trouble::NoPage));
    }

    proptest! {
        #[test]
        fn no_file_breaks_the_look(content in proptest::collection::vec(any::<u8>(), 0..300), text in "[/<>()\\[\\] a-zA-Z0-9\\\\]{0,200}") {
            let _ = trouble(&content);
            let _ = trouble(format!("%PDF /Encrypt {text}").as_bytes());
            let _ = trouble(format!("/Encrypt <<{text}>> /ID [{text}]").as_bytes());
        }
    }
}

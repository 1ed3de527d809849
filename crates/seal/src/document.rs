//! A signature inside a PDF: appended as an incremental update, and checked.
//!
//! What is signed is the whole file but the hole in which the signature itself stands. `verify_pdf` demands exactly
//! that: a file to which anything was added, before or after, is not the file that was signed, whatever a reader would
//! show of it.

use domain::time::Instant;
use sha2::{Digest as _, Sha256};

use crate::cms;
use crate::signer::{Certificate, KeyId, Signer, SignerError};
use crate::syntax::{self, Dict, Document, Malformed, Reader, Value};

/// What an empty signature of CMS takes without its certificates, bytes; generous.
const CMS_BYTES: usize = 2048;
/// How far before its byte range the dictionary of a signature may begin.
const DICTIONARY_BEFORE: usize = 4096;
/// How long the dictionary of a signature may be.
const DICTIONARY_BYTES: usize = 256 * 1024;
/// Pages lie no deeper than this in their tree.
const PAGE_TREE_DEPTH: usize = 32;
/// The name of the field.
const FIELD: &str = "Signature1";
/// What a screen reader says of the field.
const FIELD_SAID: &str = "证明的电子签名 Digital signature of this certificate";

/// A PDF that cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Not a document of the typesetter.
    #[error("the PDF is not of the form that can be signed: {0}")]
    Shape(&'static str),
    /// The key does not hold at that moment.
    #[error("the signing key {key} does not hold on {at}")]
    NotValidThen {
        /// The key.
        key: KeyId,
        /// When it should have signed, RFC 3339.
        at: String,
    },
    /// The key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// What the key gave is no signature.
    #[error("the signing key gave no signature of ECDSA P-256")]
    Signature,
    /// The signature cannot be written.
    #[error("the signature cannot be written: {0}")]
    Der(#[from] der::Error),
}

impl From<Malformed> for SignError {
    fn from(why: Malformed) -> Self {
        Self::Shape(why.0)
    }
}

/// A PDF whose signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a PDF at all.
    #[error("this is not a PDF")]
    NotPdf,
    /// A PDF without a signature.
    #[error("this PDF holds no signature")]
    Unsigned,
    /// The signature leaves out a part of the file: something was added to it, or taken away.
    #[error("the signature does not cover the whole file")]
    NotWhole,
    /// The signed part is not what was signed.
    #[error("the file was changed after it was signed")]
    Altered,
    /// Signed, but by none of our keys.
    #[error("the file was signed by an unknown key")]
    UnknownKey,
    /// The signature names one of our keys, which did not make it.
    #[error("the signature was not made by the key that it names")]
    Forged,
    /// Signed outside the time in which the key may sign.
    #[error("the key did not hold when the file was signed")]
    NotValidThen,
    /// The signature cannot be read.
    #[error("the signature cannot be read: {0}")]
    Damaged(&'static str),
}

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealReport {
    /// The key that made it.
    pub key: KeyId,
    /// When, as the signature says.
    pub at: Instant,
    /// Why; for a certificate its number and version.
    pub reason: String,
    /// Who, as the signature says.
    pub name: String,
}

/// What a signature says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Signing<'a> {
    /// When.
    pub at: Instant,
    /// Who: the issuing bureau.
    pub name: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// Signs a PDF of the typesetter (PAdES baseline B-B): the file stays as it is, and an incremental update with the
/// signature follows. It certifies the document: readers are told that no later change is allowed. Its field has no
/// appearance, a text for screen readers, and a place in the structure tree, as PDF/A-2 (6.3) and PDF/UA-1 (7.18) ask.
///
/// The same file, key and [`Signing`] give the same bytes when the key signs deterministically, as
/// [`FileSigner`](crate::FileSigner) does.
pub fn sign_pdf(pdf: &[u8], signer: &dyn Signer, signing: &Signing<'_>) -> Result<Vec<u8>, SignError> {
    let certificate = signer.certificate();
    if !certificate.holds_at(signing.at) {
        return Err(SignError::NotValidThen { key: certificate.key_id(), at: signing.at.rfc3339() });
    }
    let document = Document::read(pdf)?;
    let certificates = signer.chain().iter().map(Vec::len).sum::<usize>() + certificate.der().len();
    let room = CMS_BYTES + certificates;
    let mut out = update(&document, pdf, signing, room)?;

    // The hole, brackets included, is all that is not signed.
    let hole = b"/Contents <";
    let from = pdf.len() + syntax::last(&out[pdf.len()..], hole).ok_or(SignError::Shape("no hole"))? + hole.len() - 1;
    let to = from + 2 * room + 2;
    let range = format!("0 {from} {to} {}]", out.len() - to);
    let place = b"/ByteRange [";
    let at = pdf.len() + syntax::last(&out[pdf.len()..], place).ok_or(SignError::Shape("no range"))? + place.len();
    // The placeholder is wider than any range.
    out[at..at + range.len()].copy_from_slice(range.as_bytes());
    out[at + range.len()..at + PLACEHOLDER.len()].fill(b' ');

    let signature = cms::sign(&digest_around(&out, from, to), signer)?;
    if signature.len() > room {
        return Err(SignError::Shape("the signature is larger than its place"));
    }
    for (n, byte) in signature.iter().enumerate() {
        out[from + 1 + 2 * n..from + 3 + 2 * n].copy_from_slice(&syntax::hex(*byte));
    }
    Ok(out)
}

/// What stands for the byte range until it is known, with the closing bracket.
const PLACEHOLDER: &str = "0 9999999999 9999999999 9999999999]";

/// The file with the update behind it; range and signature are still to be filled in.
fn update(document: &Document<'_>, pdf: &[u8], signing: &Signing<'_>, space: usize) -> Result<Vec<u8>, SignError> {
    let root = Document::referred(&document.trailer, "Root")?;
    let mut catalogue = document.object(root)?;
    let page = first_page(document, &catalogue)?;
    let first = document.size()?;
    let (signature, widget, form) = (first, first + 1, first + 2);
    let mut changed: Vec<(u32, Dict)> = Vec::new();

    let mut field = Dict::default()
        .with("Type", Value::name("Annot"))
        .with("Subtype", Value::name("Widget"))
        .with("FT", Value::name("Sig"))
        .with("T", text(FIELD))
        .with("TU", text(FIELD_SAID))
        .with("V", Value::object(signature))
        .with("P", Value::object(page))
        // Print and Locked, and no extent: then PDF/A-2 (6.3.3) asks for no appearance.
        .with("F", Value::number(132))
        .with("Rect", Value::Array(vec![Value::number(0); 4]));
    let mut size = form;
    if catalogue.get("StructTreeRoot").is_some() {
        let key = into_structure(document, &catalogue, page, widget, form, &mut changed)?;
        field.set("StructParent", Value::number(key));
        size += 1;
    }

    let mut leaf = document.object(page)?;
    let mut annotations = match leaf.get("Annots") {
        None => Vec::new(),
        Some(Value::Array(there)) => there.clone(),
        Some(_) => return Err(SignError::Shape("its annotations lie elsewhere")),
    };
    annotations.push(Value::object(widget));
    leaf.set("Annots", Value::Array(annotations));
    leaf.set("Tabs", Value::name("S"));

    if catalogue.get("AcroForm").is_some() || catalogue.get("Perms").is_some() {
        return Err(SignError::Shape("it holds a form already"));
    }
    let fields = Value::Array(vec![Value::object(widget)]);
    let acro_form = Dict::default().with("Fields", fields).with("SigFlags", Value::number(3));
    catalogue.set("AcroForm", Value::Dict(acro_form));
    catalogue.set("Perms", Value::Dict(Dict::default().with("DocMDP", Value::object(signature))));
    changed.extend([(root, catalogue), (page, leaf), (widget, field)]);
    changed.sort_by_key(|(number, _)| *number);

    let mut out = Vec::with_capacity(pdf.len() + 2 * space + 16 * 1024);
    out.extend(pdf);
    if pdf.last() != Some(&b'\n') {
        out.push(b'\n');
    }
    let mut offsets = Vec::new();
    for (number, dict) in changed {
        offsets.push((number, out.len()));
        out.extend(format!("{number} 0 obj\n").bytes());
        Value::Dict(dict).write(&mut out);
        out.extend(b"\nendobj\n");
    }
    offsets.push((signature, out.len()));
    write_signature(&mut out, signature, signing, space);
    offsets.sort_unstable();
    let table = out.len();
    write_table(&mut out, &offsets);
    let mut trailer = Dict::default().with("Size", Value::Number(size.to_string()));
    for key in ["Root", "Info"] {
        if let Some(value) = document.trailer.get(key) {
            trailer.set(key, value.clone());
        }
    }
    if let Some(Value::Array(ids)) = document.trailer.get("ID")
        && let Some(first) = ids.first()
    {
        // The first half names the document, the second this revision.
        let revision = Sha256::new_with_prefix(pdf).chain_update(signing.at.millis().to_be_bytes()).finalize();
        trailer.set("ID", Value::Array(vec![first.clone(), Value::Text(revision[..16].to_vec())]));
    }
    trailer.set("Prev", Value::number(document.table));
    out.extend(b"trailer\n");
    Value::Dict(trailer).write(&mut out);
    out.extend(format!("\nstartxref\n{table}\n%%EOF\n").bytes());
    Ok(out)
}

/// Hangs the field into the structure tree as a `Form` (PDF/UA-1, 7.18.4); answers its key in the parent tree.
fn into_structure(
    document: &Document<'_>,
    catalogue: &Dict,
    page: u32,
    widget: u32,
    form: u32,
    changed: &mut Vec<(u32, Dict)>,
) -> Result<usize, SignError> {
    let root = Document::referred(catalogue, "StructTreeRoot")?;
    let mut tree = document.object(root)?;
    let parent = match tree.get("K") {
        Some(Value::Reference(number, _)) => *number,
        Some(Value::Array(kids)) if let [Value::Reference(number, _)] = kids.as_slice() => *number,
        _ => return Err(SignError::Shape("its structure has not one root")),
    };
    let mut whole = document.object(parent)?;
    let mut kids = match whole.get("K") {
        Some(Value::Array(kids)) => kids.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    kids.push(Value::object(form));
    whole.set("K", Value::Array(kids));

    let key = tree.get("ParentTreeNextKey").and_then(Value::as_number).ok_or(SignError::Shape("no parent tree"))?;
    let Some(Value::Dict(parents)) = tree.get("ParentTree") else {
        return Err(SignError::Shape("its parent tree lies elsewhere"));
    };
    let mut parents = parents.clone();
    let Some(Value::Array(numbers)) = parents.get("Nums") else {
        return Err(SignError::Shape("its parent tree has branches"));
    };
    let mut numbers = numbers.clone();
    numbers.extend([Value::number(key), Value::object(form)]);
    parents.set("Nums", Value::Array(numbers));
    tree.set("ParentTree", Value::Dict(parents));
    tree.set("ParentTreeNextKey", Value::number(key + 1));

    let meant = Dict::default()
        .with("Type", Value::name("OBJR"))
        .with("Pg", Value::object(page))
        .with("Obj", Value::object(widget));
    let element = Dict::default()
        .with("Type", Value::name("StructElem"))
        .with("S", Value::name("Form"))
        .with("P", Value::object(parent))
        .with("Pg", Value::object(page))
        .with("Alt", text(FIELD_SAID))
        .with("K", Value::Array(vec![Value::Dict(meant)]));
    changed.extend([(root, tree), (parent, whole), (form, element)]);
    Ok(key)
}

fn first_page(document: &Document<'_>, catalogue: &Dict) -> Result<u32, SignError> {
    let mut number = Document::referred(catalogue, "Pages")?;
    for _ in 0..PAGE_TREE_DEPTH {
        let node = document.object(number)?;
        match node.get("Kids") {
            None => return Ok(number),
            Some(Value::Array(kids)) if let Some(Value::Reference(kid, _)) = kids.first() => number = *kid,
            Some(_) => break,
        }
    }
    Err(SignError::Shape("it has no page"))
}

fn write_signature(out: &mut Vec<u8>, number: u32, signing: &Signing<'_>, room: usize) {
    // No change is allowed after this signature.
    let rules = Dict::default()
        .with("Type", Value::name("TransformParams"))
        .with("P", Value::number(1))
        .with("V", Value::name("1.2"));
    let reference = Dict::default()
        .with("Type", Value::name("SigRef"))
        .with("TransformMethod", Value::name("DocMDP"))
        .with("TransformParams", Value::Dict(rules));
    let dict = Dict::default()
        .with("Type", Value::name("Sig"))
        .with("Filter", Value::name("Adobe.PPKLite"))
        .with("SubFilter", Value::name("ETSI.CAdES.detached"))
        .with("Name", text(signing.name))
        .with("Reason", text(signing.reason))
        .with("M", Value::Text(pdf_time(signing.at).into_bytes()))
        .with("Reference", Value::Array(vec![Value::Dict(reference)]));
    out.extend(format!("{number} 0 obj\n").bytes());
    Value::Dict(dict).write(out);
    // Inside the dictionary: range and hole come last.
    out.truncate(out.len() - 2);
    out.extend(format!("/ByteRange [{PLACEHOLDER}/Contents <").bytes());
    out.resize(out.len() + 2 * room, b'0');
    out.extend(b">>>\nendobj\n");
}

fn write_table(out: &mut Vec<u8>, offsets: &[(u32, usize)]) {
    out.extend(b"xref\n");
    for run in offsets.chunk_by(|(a, _), (b, _)| a + 1 == *b) {
        out.extend(format!("{} {}\n", run[0].0, run.len()).bytes());
        for (_, offset) in run {
            out.extend(format!("{offset:010} 00000 n \n").bytes());
        }
    }
}

/// Checks the signature of a PDF: that it covers the whole file, that nothing was changed, and that one of these keys
/// made it while it held. The file may be hostile.
pub fn verify_pdf(bytes: &[u8], trusted: &[Certificate]) -> Result<SealReport, SealError> {
    if !bytes.starts_with(b"%PDF-") {
        return Err(SealError::NotPdf);
    }
    let damaged = |why: Malformed| SealError::Damaged(why.0);
    let at = syntax::last(bytes, b"/ByteRange").ok_or(SealError::Unsigned)?;
    let window = &bytes[at.saturating_sub(DICTIONARY_BEFORE)..at];
    let begin = at - window.len()
        + syntax::last(window, b" obj").ok_or(SealError::Damaged("the signature is not an object of its own"))?
        + 4;
    let dict = Reader::at(&bytes[..bytes.len().min(begin + DICTIONARY_BYTES)], begin).dict().map_err(damaged)?;
    let Some(Value::Array(range)) = dict.get("ByteRange") else {
        return Err(SealError::Damaged("it has no byte range"));
    };
    let numbers: Option<Vec<usize>> = range.iter().map(Value::as_number).collect();
    let Some([0, from, to, rest]) = numbers.as_deref() else {
        return Err(SealError::Damaged("it has no byte range of two parts"));
    };
    let (from, to) = (*from, *to);
    // Two parts, the hole between them, and nothing else; the dictionary that says so lies in the first part.
    if from <= at || to <= from || to.checked_add(*rest) != Some(bytes.len()) {
        return Err(SealError::NotWhole);
    }
    let hole = bytes.get(from..to).ok_or(SealError::NotWhole)?;
    let signature = signature_in(hole)?;
    let key = cms::verify(&signature, &digest_around(bytes, from, to), trusted)?;
    let said = |key: &str| match dict.get(key) {
        Some(Value::Text(text)) => read_text(text),
        _ => String::new(),
    };
    let time = read_pdf_time(&said("M")).ok_or(SealError::Damaged("it does not say when it was made"))?;
    if !key.holds_at(time) {
        return Err(SealError::NotValidThen);
    }
    Ok(SealReport { key: key.key_id(), at: time, reason: said("Reason"), name: said("Name") })
}

/// The signature in its hole: `<`, hexadecimal digits, `>`, with nothing but zeros after its end.
fn signature_in(hole: &[u8]) -> Result<Vec<u8>, SealError> {
    let inner = hole.strip_prefix(b"<").and_then(|h| h.strip_suffix(b">")).ok_or(SealError::NotWhole)?;
    if inner.len() > DICTIONARY_BYTES {
        return Err(SealError::Damaged("the signature is too long"));
    }
    let digits: Option<Vec<u8>> = inner.iter().map(|b| syntax::digit(*b)).collect();
    let digits = digits.filter(|d| d.len().is_multiple_of(2)).ok_or(SealError::NotWhole)?;
    let mut bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let length = der_length(&bytes).filter(|n| *n <= bytes.len()).ok_or(SealError::Damaged("the signature is cut"))?;
    if bytes[length..].iter().any(|b| *b != 0) {
        return Err(SealError::NotWhole);
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// How long the value is that begins here, head included.
fn der_length(bytes: &[u8]) -> Option<usize> {
    let first = usize::from(*bytes.get(1)?);
    if first < 0x80 {
        return Some(first + 2);
    }
    let n = first - 0x80;
    if !(1..=4).contains(&n) {
        return None;
    }
    let length = bytes.get(2..2 + n)?.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    length.checked_add(2 + n)
}

fn digest_around(bytes: &[u8], from: usize, to: usize) -> [u8; 32] {
    Sha256::new_with_prefix(&bytes[..from]).chain_update(&bytes[to..]).finalize().into()
}

/// A text string: ASCII as it is, everything else as UTF-16 with its mark.
fn text(said: &str) -> Value {
    if said.is_ascii() {
        return Value::Text(said.as_bytes().to_vec());
    }
    let units = said.encode_utf16().flat_map(u16::to_be_bytes);
    Value::Text([0xfe, 0xff].into_iter().chain(units).collect())
}

fn read_text(bytes: &[u8]) -> String {
    match bytes.strip_prefix(&[0xfe, 0xff]) {
        Some(units) => {
            let units: Vec<u16> = units.chunks_exact(2).map(|u| u16::from_be_bytes([u[0], u[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        None => bytes.iter().copied().map(char::from).collect(),
    }
}

/// `D:20261123101500+08'00'`, in China time.
fn pdf_time(at: Instant) -> String {
    format!("D:{}{}+08'00'", at.china_day().compact(), at.china_time_of_day().replace(':', ""))
}

/// Reads what [`pdf_time`] writes.
fn read_pdf_time(text: &str) -> Option<Instant> {
    let digits = text.strip_prefix("D:")?.strip_suffix("+08'00'")?;
    if digits.len() != 14 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let day: domain::time::Day = format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..8]).parse().ok()?;
    let number = |range: std::ops::Range<usize>| digits[range].parse::<i64>().ok();
    let (hours, minutes, seconds) = (number(8..10)?, number(10..12)?, number(12..14)?);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    Some(day.start_instant().plus_hours(hours).plus_minutes(minutes).plus_seconds(seconds))
}

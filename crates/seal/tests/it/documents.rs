//! A signature inside a PDF.

use std::process::Command;

use proptest::prelude::*;
use seal::{Certificate, FileSigner, KeyError, SealError, SignError, Signer, sign_pdf, verify_pdf};

use crate::support::{day, now, pair, paper, signer, signing};

fn signed(signer: &dyn Signer) -> Vec<u8> {
    sign_pdf(&paper(), signer, &signing()).unwrap()
}

fn certificates(signer: &dyn Signer) -> Vec<Certificate> {
    vec![signer.certificate().clone()]
}

/// The file stays as it is; what is appended says who signed, when and why.
#[test]
fn a_signed_file_verifies() {
    let signer = signer();
    let pdf = signed(&signer);
    assert!(pdf.starts_with(&paper()), "an incremental update");
    let report = verify_pdf(&pdf, &certificates(&signer)).unwrap();
    assert_eq!(report.key, signer.certificate().key_id());
    assert_eq!(report.at, now());
    assert_eq!((report.name.as_str(), report.reason.as_str()), (signing().name, signing().reason));
    assert_eq!(pdf, signed(&signer), "the same bytes again");
}

/// Each byte but the digits' case in the hole belongs to what was signed.
#[test]
fn every_single_changed_byte_is_found() {
    let signer = signer();
    let trusted = certificates(&signer);
    let pdf = signed(&signer);
    for at in 0..pdf.len() {
        let mut changed = pdf.clone();
        changed[at] ^= 1;
        assert!(verify_pdf(&changed, &trusted).is_err(), "byte {at} of {}", pdf.len());
    }
}

/// Appending, cutting, and moving the hole are found; so are a file without signature and no file at all.
#[test]
fn a_file_that_is_not_whole_is_refused() {
    let signer = signer();
    let trusted = certificates(&signer);
    let pdf = signed(&signer);
    let mut longer = pdf.clone();
    longer.extend(b"\n");
    assert_eq!(verify_pdf(&longer, &trusted), Err(SealError::NotWhole));
    assert_eq!(verify_pdf(&pdf[..pdf.len() - 1], &trusted), Err(SealError::NotWhole));
    assert_eq!(verify_pdf(&paper(), &trusted), Err(SealError::Unsigned));
    assert_eq!(verify_pdf(b"hello", &trusted), Err(SealError::NotPdf));
    let text = String::from_utf8_lossy(&pdf).into_owned();
    let moved = text.replace("/Contents <", "/Contents< ");
    assert_eq!(verify_pdf(moved.as_bytes(), &trusted), Err(SealError::NotWhole));
    let altered = text.replace("[0 0 595 842]", "[0 0 595 843]");
    assert_eq!(verify_pdf(altered.as_bytes(), &trusted), Err(SealError::Altered));
}

/// After a new key signs, what the old one signed still verifies; without its certificate it does not.
#[test]
fn an_old_key_is_still_known_after_rotation() {
    let (old, new) = (signer(), signer());
    let pdf = signed(&old);
    let both = vec![old.certificate().clone(), new.certificate().clone()];
    assert_eq!(verify_pdf(&pdf, &both).unwrap().key, old.certificate().key_id());
    assert_eq!(verify_pdf(&signed(&new), &both).unwrap().key, new.certificate().key_id());
    assert_eq!(verify_pdf(&pdf, &certificates(&new)), Err(SealError::UnknownKey));
    assert_eq!(verify_pdf(&pdf, &[]), Err(SealError::UnknownKey));
}

/// A key does not sign before or after the time of its certificate.
#[test]
fn a_key_signs_within_its_validity_only() {
    let signer = signer();
    for text in ["2025-12-31", "2030-01-02"] {
        let late = seal::Signing { at: day(text).start_instant(), ..signing() };
        assert!(matches!(sign_pdf(&paper(), &signer, &late), Err(SignError::NotValidThen { .. })));
    }
}

/// What is no document of the typesetter is refused, not guessed at.
#[test]
fn only_a_plain_document_is_signed() {
    let signer = signer();
    let pdf = signed(&signer);
    for bytes in [&b"hello"[..], b"%PDF-1.7 startxref 99 %%EOF", &pdf] {
        assert!(matches!(sign_pdf(bytes, &signer, &signing()), Err(SignError::Shape(_))));
    }
}

/// Keys: key and certificate must belong together, and nothing of the private half is shown.
#[test]
fn a_key_is_read_with_its_own_certificate_and_never_shown() {
    let ((key, certificate), (_, other)) = (pair(), pair());
    assert_eq!(FileSigner::from_pem(&key, &other).unwrap_err(), KeyError::OtherPair);
    assert_eq!(FileSigner::from_pem(&certificate, &certificate).unwrap_err(), KeyError::PrivateKey);
    assert_eq!(FileSigner::from_pem(&key, &key).unwrap_err(), KeyError::Pem("CERTIFICATE"));
    let signer = FileSigner::from_pem(&key, &format!("{certificate}{other}")).unwrap();
    assert_eq!(signer.chain().len(), 1, "what follows is the chain");
    let shown = format!("{signer:?}");
    assert_eq!(shown, format!("FileSigner {{ key_id: KeyId({}), .. }}", signer.certificate().key_id()));
    assert_eq!(Certificate::from_pem(&signer.certificate().pem()).unwrap(), *signer.certificate());
    // The chain travels inside the signature.
    let pdf = sign_pdf(&paper(), &signer, &signing()).unwrap();
    assert!(verify_pdf(&pdf, &certificates(&signer)).is_ok());
}

/// Another program judges: valid, covering the whole file, and after one changed byte not valid.
#[test]
fn pdfsig_and_qpdf_agree() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signed.pdf");
    let pdf = signed(&signer());
    let said = |program: &str, args: &[&str]| {
        let out = Command::new(program).args(args).arg(&file).output().unwrap_or_else(|e| panic!("{program}: {e}"));
        (
            out.status.success(),
            String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr),
        )
    };
    std::fs::write(&file, &pdf).unwrap();
    let (_, text) = said("pdfsig", &[]);
    for word in [
        "Signature is Valid.",
        "Total document signed",
        "Signature Type: ETSI.CAdES.detached",
        "Signing Hash Algorithm: SHA-256",
        "Signing Time: Nov 23 2026",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let (clean, text) = said("qpdf", &["--check"]);
    assert!(clean && text.contains("No syntax or stream encoding errors found"), "{text}");

    let mut changed = pdf;
    changed[20] ^= 1;
    std::fs::write(&file, &changed).unwrap();
    let (_, text) = said("pdfsig", &[]);
    assert!(!text.contains("Signature is Valid."), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Hostile input: whatever is changed, cut or inserted, the answer is an error, never a panic.
    #[test]
    fn no_mutation_verifies(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..6),
        near_the_end in any::<bool>(),
    ) {
        let signer = signer();
        let pdf = signed(&signer);
        let begin = if near_the_end { paper().len() } else { 0 };
        let mut changed = pdf.clone();
        for (index, kind, byte) in edits {
            // All of it was cut away.
            if changed.len() <= begin {
                break;
            }
            let at = begin + index.index(changed.len() - begin);
            match kind {
                0 => changed[at] = byte,
                1 => changed.insert(at, byte),
                2 => { changed.remove(at); }
                _ => changed.truncate(at.max(begin + 1)),
            }
        }
        prop_assume!(!changed.eq_ignore_ascii_case(&pdf));
        prop_assert!(verify_pdf(&changed, &certificates(&signer)).is_err());
    }

    /// Noise around the words that matter neither panics nor verifies.
    #[test]
    fn no_noise_verifies(
        before in proptest::collection::vec(any::<u8>(), 0..200),
        inside in "[<>()\\[\\]/ 0-9A-Za-z%\\\\]{0,200}",
        range in "[0-9 \\-+.R]{0,40}",
    ) {
        let mut bytes = b"%PDF-1.7\n".to_vec();
        bytes.extend(before);
        bytes.extend(format!("1 0 obj<<{inside}/ByteRange[{range}]/Contents<30>>>endobj").bytes());
        prop_assert!(verify_pdf(&bytes, &[]).is_err());
        prop_assert!(sign_pdf(&bytes, &signer(), &signing()).is_err());
    }
}

//! The statement in a QR code (E36).

use std::process::Command;

use domain::ids::BureauCode;
use domain::number::CertificateNumber;
use proptest::prelude::*;
use seal::{SignedStatement, Signer, Statement, StatementError};

use crate::support::{day, signer};

const SITE: &str = "https://mianban.example.gov.cn/";

fn statement(holder: &str) -> Statement {
    Statement {
        number: CertificateNumber::new(&BureauCode::new("310000"), day("2026-11-23"), 58).unwrap(),
        version: 2,
        org_code: "91310115MA1K35X201".to_owned(),
        holder: holder.to_owned(),
        products: 29,
        valid_from: day("2026-11-23"),
        valid_to: day("2027-02-20"),
        sheet: Statement::digest_of("{}"),
    }
}

/// E36: at most 300 characters of the alphanumeric mode, read back and checked with the certificate alone.
#[test]
fn e_36_a_statement_is_short_and_verifies_offline() {
    let signer = signer();
    let trusted = [signer.certificate().clone()];
    for holder in
        ["示例电器（上海）有限公司", "A", "", &"示例精密仪器国际贸易有限责任公司".repeat(5), "犇猋骉𠮷有限公司"]
    {
        let made = statement(holder).fitted(SITE).sign(&signer).unwrap();
        let address = made.address(SITE);
        assert!(address.len() <= 300, "{} characters: {address}", address.len());
        assert!(address.starts_with("HTTPS://MIANBAN.EXAMPLE.GOV.CN/V/"));
        assert!(address.bytes().all(|b| b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:".contains(&b)), "{address}");
        for text in [address.clone(), address.to_lowercase(), made.to_string(), format!(" {made}\n")] {
            let read = SignedStatement::parse(&text).unwrap();
            let said = read.verify(&trusted).unwrap();
            let expected = statement(holder).fitted(SITE);
            assert_eq!(*said, expected);
            assert!(said.holder == holder || said.holder.ends_with('…') && said.holder.chars().count() > 8);
            assert_eq!(read.key_id(), trusted[0].key_id());
        }
    }
}

/// A longer address of the site leaves less for the name; nothing else is lost.
#[test]
fn a_long_address_cuts_the_name_only() {
    let signer = signer();
    let long = format!("https://{}.example.gov.cn", "a".repeat(60));
    let made = statement("示例电器（上海）有限公司").fitted(&long).sign(&signer).unwrap();
    assert!(made.address(&long).len() <= 300);
    let said = made.verify(&[signer.certificate().clone()]).unwrap();
    assert_eq!(*said, Statement { holder: said.holder.clone(), ..statement("") });
}

/// Another key, a changed letter, a cut text: each is told apart.
#[test]
fn a_forged_statement_is_refused() {
    let (signer, other) = (signer(), signer());
    let trusted = [signer.certificate().clone()];
    let text = statement("示例").sign(&signer).unwrap().to_string();
    let foreign = statement("示例").sign(&other).unwrap();
    assert_eq!(foreign.verify(&trusted), Err(StatementError::UnknownKey));
    assert!(foreign.verify(&[trusted[0].clone(), other.certificate().clone()]).is_ok());
    for at in 0..text.len() {
        let mut letters = text.clone().into_bytes();
        letters[at] = if letters[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(letters).unwrap();
        if let Ok(read) = SignedStatement::parse(&changed) {
            assert!(read.verify(&trusted).is_err(), "letter {at}");
        }
        assert!(SignedStatement::parse(&text[..at]).is_err());
    }
    assert_eq!(SignedStatement::parse("").unwrap_err(), StatementError::Unreadable);
    assert_eq!(SignedStatement::parse("HTTPS://EXAMPLE.COM/V/").unwrap_err(), StatementError::Unreadable);
}

/// Other programs judge with the published certificates alone: `scripts/verify-statement.sh` knows nothing but openssl.
#[test]
fn openssl_agrees() {
    let (signer, other) = (signer(), signer());
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.pem");
    let published = format!("# one\n{}# two\n{}", other.certificate().pem(), signer.certificate().pem());
    std::fs::write(&keys, published).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/verify-statement.sh");
    let judged = |text: &str| {
        let out = Command::new(script).arg(&keys).arg(text).output().unwrap();
        (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned())
    };
    for holder in ["示例电器（上海）有限公司", "A"] {
        let made = statement(holder).sign(&signer).unwrap();
        for text in [made.address(SITE), made.to_string().to_lowercase()] {
            let (valid, said) = judged(&text);
            assert!(valid, "{said}");
            for word in [
                &format!("signed by the key {}", signer.certificate().key_id()),
                &format!("{}, version 2, 29 products", made.unverified().number),
                "2026-11-23 to 2027-02-20",
                &format!("91310115MA1K35X201 {holder}"),
            ] {
                assert!(said.contains(word), "{word} in {said}");
            }
        }
        let mut forged = made.to_string().into_bytes();
        forged[40] = if forged[40] == b'A' { b'B' } else { b'A' };
        assert!(!judged(std::str::from_utf8(&forged).unwrap()).0);
    }
    assert!(!judged("HELLO").0 && !judged("").0);
}

proptest! {
    /// Whatever is scanned: an answer, no panic; what is read writes itself back.
    #[test]
    fn any_text_is_read_or_refused(text in "[A-Z2-7/:. ]{0,320}") {
        if let Ok(read) = SignedStatement::parse(&text) {
            let again = read.to_string();
            prop_assert_eq!(SignedStatement::parse(&again), Ok(read));
        }
    }

    /// Any bytes behind a proper head likewise.
    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        let text = data_encoding::BASE32_NOPAD.encode(&bytes);
        if let Ok(read) = SignedStatement::parse(&text) {
            prop_assert_eq!(read.to_string(), text);
            prop_assert!(read.verify(&[signer().certificate().clone()]).is_err());
        }
    }
}

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

/// Another program judges with the published certificate alone: the statement is Base32, its last 64 bytes are r and s.
#[test]
fn openssl_agrees() {
    let signer = signer();
    let text = statement("示例电器（上海）有限公司").sign(&signer).unwrap().to_string();
    let bytes = data_encoding::BASE32_NOPAD.decode(text.as_bytes()).unwrap();
    let (said, signature) = bytes.split_at(bytes.len() - 64);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(file("said"), said).unwrap();
    let der = p256::ecdsa::Signature::from_slice(signature).unwrap().to_der();
    std::fs::write(file("signature"), der.as_bytes()).unwrap();
    std::fs::write(file("certificate.pem"), signer.certificate().pem()).unwrap();
    let openssl = |args: &[&str]| {
        let out = Command::new("openssl").args(args).output().unwrap_or_else(|e| panic!("openssl: {e}"));
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    std::fs::write(file("public.pem"), openssl(&["x509", "-in", &file("certificate.pem"), "-pubkey", "-noout"]))
        .unwrap();
    let args = ["dgst", "-sha256", "-verify", &file("public.pem"), "-signature", &file("signature"), &file("said")];
    assert_eq!(openssl(&args).trim(), "Verified OK");
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

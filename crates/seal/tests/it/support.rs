//! Keys, and a PDF of the typesetter's form.

use std::fmt::Write as _;

use domain::time::{Day, Instant};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use seal::{FileSigner, Signing};

/// A key with a certificate that holds from 2026 to 2030.
pub fn signer() -> FileSigner {
    let (key, certificate) = pair();
    FileSigner::from_pem(&key, &certificate).unwrap()
}

/// Private key and certificate, PEM.
pub fn pair() -> (String, String) {
    let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    (pair.serialize_pem(), params.self_signed(&pair).unwrap().pem())
}

/// 10:15 of the day on which tests take place.
pub fn now() -> Instant {
    day("2026-11-23").start_instant().plus_minutes(615)
}

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub fn signing() -> Signing<'static> {
    Signing { at: now(), name: "上海出入境检验检疫局", reason: "CCC exemption certificate 1, version 1" }
}

/// A tagged page without content.
pub fn paper() -> Vec<u8> {
    let objects = [
        "<</Type/Catalog/Pages 2 0 R/StructTreeRoot 4 0 R/MarkInfo<</Marked true>>>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>>>",
        "<</Type/StructTreeRoot/K[5 0 R]/ParentTree<</Nums[]>>/ParentTreeNextKey 0>>",
        "<</Type/StructElem/S/Document/P 4 0 R/K[]>>",
    ];
    let mut pdf = String::from("%PDF-1.7\n");
    let mut table = String::from("0000000000 65535 f \n");
    for (n, object) in (1..).zip(objects) {
        writeln!(table, "{:010} 00000 n ", pdf.len()).unwrap();
        write!(pdf, "{n} 0 obj\n{object}\nendobj\n").unwrap();
    }
    let start = pdf.len();
    let size = objects.len() + 1;
    write!(pdf, "xref\n0 {size}\n{table}trailer\n<</Size {size}/Root 1 0 R/ID[(a)(a)]>>\nstartxref\n{start}\n%%EOF")
        .unwrap();
    pdf.into_bytes()
}

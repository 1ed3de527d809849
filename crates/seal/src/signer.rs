//! Keys: who signs, and the certificates by which others check it.

use std::fmt;

use der::pem::{self, LineEnding};
use der::{Decode as _, Encode as _};
use domain::time::Instant;
use p256::ecdsa::signature::hazmat::{PrehashSigner as _, PrehashVerifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use sha2::{Digest as _, Sha256};

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 over SHA-256.
    EcdsaP256Sha256,
}

/// Names a key: the first eight bytes of the SHA-256 of its public half (SubjectPublicKeyInfo, DER).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// The id with these bytes.
    pub const fn new(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// A key or certificate that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not PEM.
    #[error("the text is not PEM of the kind {0}")]
    Pem(&'static str),
    /// Not an X.509 certificate.
    #[error("the certificate cannot be read: {0}")]
    Certificate(der::Error),
    /// A certificate of another algorithm.
    #[error("the certificate holds no public key of ECDSA P-256")]
    PublicKey,
    /// Not a private key, or one of another algorithm.
    #[error("the private key is no PKCS#8 key of ECDSA P-256")]
    PrivateKey,
    /// Key and certificate belong to different pairs.
    #[error("the certificate belongs to another private key")]
    OtherPair,
}

/// The certificate of a signing key: all that is needed to check what it signed.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    id: KeyId,
    public: VerifyingKey,
    from: Instant,
    to: Instant,
}

impl Certificate {
    /// Reads a certificate from DER.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let parsed = x509_cert::Certificate::from_der(der).map_err(KeyError::Certificate)?;
        let tbs = parsed.tbs_certificate();
        let spki = tbs.subject_public_key_info().to_der().map_err(KeyError::Certificate)?;
        let public = VerifyingKey::from_public_key_der(&spki).map_err(|_| KeyError::PublicKey)?;
        let mut id = [0; 8];
        id.copy_from_slice(&Sha256::digest(&spki)[..8]);
        let instant = |time: x509_cert::time::Time| {
            Instant::from_millis(i64::try_from(time.to_unix_duration().as_millis()).unwrap_or(i64::MAX))
        };
        let validity = tbs.validity();
        Ok(Self {
            der: der.to_vec(),
            id: KeyId(id),
            public,
            from: instant(validity.not_before),
            to: instant(validity.not_after),
        })
    }

    /// Reads the first certificate of a PEM text.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let blocks = certificates_of(text)?;
        Self::from_der(blocks.first().ok_or(KeyError::Pem("CERTIFICATE"))?)
    }

    /// As PEM, for others.
    pub fn pem(&self) -> String {
        pem::encode_string("CERTIFICATE", LineEnding::LF, &self.der).expect("any bytes can be written as PEM")
    }

    /// As DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key it belongs to.
    pub const fn key_id(&self) -> KeyId {
        self.id
    }

    /// The first moment at which the key may sign.
    pub const fn valid_from(&self) -> Instant {
        self.from
    }

    /// The last moment at which the key may sign.
    pub const fn valid_to(&self) -> Instant {
        self.to
    }

    /// Whether the key may sign at that moment.
    pub fn holds_at(&self, at: Instant) -> bool {
        self.from <= at && at <= self.to
    }

    /// SHA-256 over the DER.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    /// Whether this key made that signature over that digest.
    pub(crate) fn has_signed(&self, digest: &[u8; 32], signature: &Signature) -> bool {
        self.public.verify_prehash(digest, signature).is_ok()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("key_id", &self.id).finish_non_exhaustive()
    }
}

/// A signature that was not made.
#[derive(Debug, thiserror::Error)]
#[error("the signing key {key} does not sign: {why}")]
pub struct SignerError {
    /// The key.
    pub key: KeyId,
    /// What the device said.
    pub why: String,
}

/// A key that signs. Its shape is that of a token of PKCS#11 (`CKM_ECDSA`: a digest in, r and s out), so that a
/// hardware module can stand behind it; the private half never leaves.
pub trait Signer: Send + Sync {
    /// The certificate of the key.
    fn certificate(&self) -> &Certificate;

    /// The certificates above it, DER; none when it vouches for itself.
    fn chain(&self) -> &[Vec<u8>] {
        &[]
    }

    /// How it signs.
    fn algorithm(&self) -> Algorithm;

    /// Signs a SHA-256 digest: r and s, 32 bytes each, big-endian.
    fn sign_digest(&self, sha256: &[u8; 32]) -> Result<[u8; 64], SignerError>;
}

/// A key that was read from a file. The same digest always gets the same signature (RFC 6979). The private half is
/// wiped from memory when the value goes, and is never shown.
pub struct FileSigner {
    key: SigningKey,
    certificate: Certificate,
    chain: Vec<Vec<u8>>,
}

impl FileSigner {
    /// Reads a private key (PKCS#8, PEM) and its certificate (PEM; certificates above it may follow).
    pub fn from_pem(private: &str, certificates: &str) -> Result<Self, KeyError> {
        let key = SigningKey::from_pkcs8_pem(private).map_err(|_| KeyError::PrivateKey)?;
        let mut chain = certificates_of(certificates)?;
        if chain.is_empty() {
            return Err(KeyError::Pem("CERTIFICATE"));
        }
        let certificate = Certificate::from_der(&chain.remove(0))?;
        if *key.verifying_key() != certificate.public {
            return Err(KeyError::OtherPair);
        }
        Ok(Self { key, certificate, chain })
    }
}

impl Signer for FileSigner {
    fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::EcdsaP256Sha256
    }

    fn sign_digest(&self, sha256: &[u8; 32]) -> Result<[u8; 64], SignerError> {
        let refused = |e: p256::ecdsa::Error| SignerError { key: self.certificate.id, why: e.to_string() };
        let signature: Signature = self.key.sign_prehash(sha256).map_err(refused)?;
        Ok(signature.to_bytes().into())
    }
}

impl fmt::Debug for FileSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSigner").field("key_id", &self.certificate.id).finish_non_exhaustive()
    }
}

/// The certificates of a PEM text, DER, in their order; what stands between them is ignored.
fn certificates_of(text: &str) -> Result<Vec<Vec<u8>>, KeyError> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(BEGIN) {
        let from = &rest[begin..];
        let end = from.find(END).ok_or(KeyError::Pem("CERTIFICATE"))? + END.len();
        let (_, der) = pem::decode_vec(&from.as_bytes()[..end]).map_err(|_| KeyError::Pem("CERTIFICATE"))?;
        found.push(der);
        rest = &from[end..];
    }
    Ok(found)
}

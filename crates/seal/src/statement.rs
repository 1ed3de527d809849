//! The signed statement in the QR code (E36): what a certificate says, in few enough characters for paper.
//!
//! The bytes, all numbers big-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | 1: this form |
//! | 8 | the [`KeyId`] |
//! | 8 | 证明号, 17 digits as a number |
//! | 2 | the version of the certificate |
//! | 2 | how many products the annex has |
//! | 2 + 2 | first and last day of its validity, days since 1970-01-01 |
//! | 16 | the first half of the SHA-256 of the frozen sheet |
//! | 1 + n | 组织机构代码, ASCII, after its length |
//! | 1 + n | 申请单位, GB 18030, after its length; as much as fits, with … where it was cut |
//! | 64 | ECDSA P-256 over the SHA-256 of all bytes before: r and s |
//!
//! As text they are Base32 (RFC 4648, without padding), because a QR code holds its letters and digits most densely and
//! an address may hold all of them. `HTTPS://HOST/V/TEXT` opens the public page.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use domain::number::CertificateNumber;
use domain::time::{Day, Instant};
use p256::ecdsa::Signature;
use sha2::{Digest as _, Sha256};

use crate::signer::{Certificate, KeyId, Signer, SignerError};

/// The form of the bytes.
const FORM: u8 = 1;
/// Bytes before 组织机构代码.
const HEAD_BYTES: usize = 41;
/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 64;
/// The path of the public page before the statement.
const PATH: &str = "/V/";
/// How many characters the QR code carries at most (E36).
pub(crate) const MOST_CHARACTERS: usize = 300;
/// No statement is longer, whoever wrote it.
const LONGEST_TEXT: usize = 1000;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A statement that cannot be read or believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not a statement, or cut.
    #[error("this is not the statement of a certificate")]
    Unreadable,
    /// Signed by none of the keys.
    #[error("the statement was signed by an unknown key")]
    UnknownKey,
    /// Not what the key signed.
    #[error("the statement was changed, or not made by the key that it names")]
    Forged,
}

/// What a certificate says, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// 证明号.
    pub number: CertificateNumber,
    /// Its version, from 1.
    pub version: u16,
    /// 组织机构代码 of the holder, without hyphen.
    pub org_code: String,
    /// 申请单位, whole or cut with …; empty when nothing fits.
    pub holder: String,
    /// How many products its annex has.
    pub products: u16,
    /// First day of its validity.
    pub valid_from: Day,
    /// Last day of its validity.
    pub valid_to: Day,
    /// The first half of the SHA-256 of the frozen sheet; see [`Statement::digest_of`].
    pub sheet: [u8; 16],
}

impl Statement {
    /// What stands for the content of the certificate: the first half of the SHA-256 of its frozen sheet.
    pub fn digest_of(sheet: &str) -> [u8; 16] {
        let whole: [u8; 32] = Sha256::digest(sheet).into();
        let mut half = [0; 16];
        half.copy_from_slice(&whole[..16]);
        half
    }

    /// The same with as much of the holder's name as an address below `public_url` can carry in 300 characters.
    #[must_use]
    pub fn fitted(mut self, public_url: &str) -> Self {
        let letters = MOST_CHARACTERS.saturating_sub(prefix(public_url).chars().count());
        let taken = HEAD_BYTES + 2 + self.org_code.len() + SIGNATURE_BYTES;
        let room = (letters * 5 / 8).saturating_sub(taken).min(usize::from(u8::MAX));
        if gb18030(&self.holder).len() > room {
            let name: Vec<char> = self.holder.chars().collect();
            let fits = |n: &usize| gb18030(&cut(&name, *n)).len() <= room;
            self.holder = (2..name.len()).rev().find(fits).map_or_else(String::new, |n| cut(&name, n));
        }
        self
    }

    /// Signs it.
    pub fn sign(self, signer: &dyn Signer) -> Result<SignedStatement, SignerError> {
        let certificate = signer.certificate();
        let key = certificate.key_id();
        let said = self.bytes(key).ok_or_else(|| SignerError {
            key,
            why: "the holder of the certificate has a name or code that no statement can carry".to_owned(),
        })?;
        let signature = signer.sign_digest(&Sha256::digest(&said).into())?;
        Ok(SignedStatement { statement: self, key, signature })
    }

    /// What is signed; none when a text is too long, or the days are beyond the calendar of a statement.
    fn bytes(&self, key: KeyId) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + SIGNATURE_BYTES);
        bytes.push(FORM);
        bytes.extend(key.as_bytes());
        bytes.extend(self.number.as_str().parse::<u64>().ok()?.to_be_bytes());
        bytes.extend(self.version.to_be_bytes());
        bytes.extend(self.products.to_be_bytes());
        bytes.extend(day_number(self.valid_from)?.to_be_bytes());
        bytes.extend(day_number(self.valid_to)?.to_be_bytes());
        bytes.extend(self.sheet);
        for text in [self.org_code.as_bytes(), &gb18030(&self.holder)] {
            bytes.push(u8::try_from(text.len()).ok()?);
            bytes.extend(text);
        }
        Some(bytes)
    }
}

/// A statement with its signature, as a QR code carries it. [`fmt::Display`] writes its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    statement: Statement,
    key: KeyId,
    signature: [u8; SIGNATURE_BYTES],
}

impl SignedStatement {
    /// Reads a statement, in any case, bare or as the address that a QR code holds. Nothing is believed yet:
    /// [`SignedStatement::verify`] says whether to.
    pub fn parse(text: &str) -> Result<Self, StatementError> {
        let text = text.trim();
        if text.len() > LONGEST_TEXT || !text.is_ascii() {
            return Err(StatementError::Unreadable);
        }
        let text = text.to_ascii_uppercase();
        let bare = text.rsplit_once(PATH).map_or(text.as_str(), |(_, bare)| bare);
        let bytes = BASE32_NOPAD.decode(bare.as_bytes()).map_err(|_| StatementError::Unreadable)?;
        Self::read(&bytes).ok_or(StatementError::Unreadable)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (said, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE_BYTES)?)?;
        let (head, mut rest) = said.split_at_checked(HEAD_BYTES)?;
        if head[0] != FORM {
            return None;
        }
        let half = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
        let number = u64::from_be_bytes(head[9..17].try_into().ok()?);
        let mut texts = [&[][..]; 2];
        for text in &mut texts {
            let (length, after) = rest.split_first()?;
            (*text, rest) = after.split_at_checked(usize::from(*length))?;
        }
        let [org_code, holder] = texts;
        let statement = Statement {
            number: CertificateNumber::parse(&format!("{number:017}")).ok()?,
            version: half(17),
            products: half(19),
            valid_from: day_of(half(21)),
            valid_to: day_of(half(23)),
            sheet: head[25..41].try_into().ok()?,
            org_code: String::from_utf8(org_code.to_vec()).ok().filter(|code| code.is_ascii())?,
            holder: encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(holder)?.into_owned(),
        };
        let read =
            Self { statement, key: KeyId::new(head[1..9].try_into().ok()?), signature: signature.try_into().ok()? };
        // One text per statement: what would be written otherwise is not read.
        (rest.is_empty() && read.statement.bytes(read.key).as_deref() == Some(said)).then_some(read)
    }

    /// What it says; true only after [`SignedStatement::verify`].
    pub const fn unverified(&self) -> &Statement {
        &self.statement
    }

    /// The key that it names.
    pub const fn key_id(&self) -> KeyId {
        self.key
    }

    /// What it says, if one of these keys signed it. Needs no network. Whether the certificate is still in force, only
    /// the public page knows.
    pub fn verify<'a>(&'a self, trusted: &[Certificate]) -> Result<&'a Statement, StatementError> {
        let certificate = trusted.iter().find(|c| c.key_id() == self.key).ok_or(StatementError::UnknownKey)?;
        let said = self.statement.bytes(self.key).ok_or(StatementError::Unreadable)?;
        let signature = Signature::from_slice(&self.signature).map_err(|_| StatementError::Forged)?;
        if certificate.has_signed(&Sha256::digest(&said).into(), &signature) {
            Ok(&self.statement)
        } else {
            Err(StatementError::Forged)
        }
    }

    /// What the QR code holds: the address of the public page below `public_url`, in capitals.
    pub fn address(&self, public_url: &str) -> String {
        format!("{}{self}", prefix(public_url))
    }
}

impl fmt::Display for SignedStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.statement.bytes(self.key).unwrap_or_default();
        bytes.extend(self.signature);
        f.write_str(&BASE32_NOPAD.encode(&bytes))
    }
}

fn prefix(public_url: &str) -> String {
    format!("{}{PATH}", public_url.trim_end_matches('/').to_ascii_uppercase())
}

fn gb18030(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}

fn cut(name: &[char], n: usize) -> String {
    name.iter().take(n).chain(&['…']).collect()
}

fn day_number(day: Day) -> Option<u16> {
    // Noon in China is the same day in UTC.
    u16::try_from(day.start_instant().plus_hours(12).millis().div_euclid(DAY_MILLIS)).ok()
}

fn day_of(number: u16) -> Day {
    Instant::from_millis(i64::from(number) * DAY_MILLIS).china_day()
}

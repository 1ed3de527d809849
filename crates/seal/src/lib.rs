//! What makes a certificate trustworthy: the digital signature inside its PDF, and the signed statement in its QR code
//! (manual §2.6; E35, E36). Signing and verifying only: no web, no database, no typesetter.
//!
//! - [`Signer`] is a key that signs, shaped like a token of PKCS#11; [`FileSigner`] is the one that lies in a file.
//! - [`sign_pdf`] appends a PAdES baseline signature (B-B) to a PDF, [`verify_pdf`] checks one.
//! - [`Statement`] says in about 250 characters what a certificate says; with the public key alone, and without a
//!   network, everybody can check it.

mod cms;
mod document;
mod signer;
mod statement;
mod syntax;

pub use document::{SealError, SealReport, SignError, Signing, sign_pdf, verify_pdf};
pub use signer::{Algorithm, Certificate, FileSigner, KeyError, KeyId, Signer, SignerError};
pub use statement::{SignedStatement, Statement, StatementError};

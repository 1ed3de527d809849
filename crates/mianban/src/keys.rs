//! The signing keys of an installation (E35): one PKCS#8 file (mode 0600) and one certificate per key, in `--keys-dir`.
//!
//! A key is named by the moment it was made and by its public half; the newest one signs, older ones stay, so that what
//! they signed can still be checked. For that a certificate is enough: the private key of an old one may be taken away.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use domain::time::Instant;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use seal::{Certificate, FileSigner, Signer};
use secrecy::{ExposeSecret as _, SecretString};

use crate::folders;

/// The ending of a private key's file.
const PRIVATE: &str = ".key.pem";
/// The ending of its certificate's file.
const CERTIFICATE: &str = ".cert.pem";
/// How long the certificate of a key holds, in days: ten years.
const CERTIFICATE_DAYS: i64 = 3653;
/// How far back it holds, so that a machine whose clock is a little behind accepts it too.
const CERTIFICATE_MINUTES_BACK: i64 = 60;

/// The folder of keys.
#[derive(Debug, Clone)]
pub struct KeyFolder(PathBuf);

impl KeyFolder {
    /// This folder; it need not exist.
    pub const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The names of all keys that can sign, oldest first.
    pub fn all(&self) -> anyhow::Result<Vec<String>> {
        self.named(PRIVATE)
    }

    /// What stands before this ending, in order.
    fn named(&self, ending: &str) -> anyhow::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("--keys-dir {} cannot be read", self.0.display())),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if let Some(key) = name.strip_suffix(ending) {
                names.push(key.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes a key (ECDSA P-256) with a certificate of its own, and says its name.
    pub fn create(&self, now: Instant) -> anyhow::Result<String> {
        fs::create_dir_all(&self.0).with_context(|| format!("--keys-dir {} cannot be made", self.0.display()))?;
        fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700))?;
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).context("making a key")?;
        let moment: String = now.rfc3339().chars().take(19).filter(char::is_ascii_alphanumeric).collect();
        let mut params = CertificateParams::default();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationName, "CCC exemption approval system");
        subject.push(DnType::CommonName, format!("Mianban signing key {moment}"));
        params.distinguished_name = subject;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        params.not_before = time_of(now.minus_minutes(CERTIFICATE_MINUTES_BACK))?;
        params.not_after = time_of(now.plus_days(CERTIFICATE_DAYS))?;
        let certificate = params.self_signed(&pair).context("making the certificate of a key")?;
        let id = Certificate::from_der(certificate.der())?.key_id().to_string();
        let name = format!("{moment}-{}", &id[..8]);

        // The certificate first: a key that is listed is whole.
        write(&self.file(&name, CERTIFICATE), certificate.pem().as_bytes(), 0o644)?;
        write(&self.file(&name, PRIVATE), pair.serialize_pem().as_bytes(), 0o600)?;
        folders::flush(&self.0)?;
        Ok(name)
    }

    /// The certificates that can be read, and why others cannot.
    pub fn readable(&self) -> anyhow::Result<(Vec<Certificate>, Vec<String>)> {
        let (mut certificates, mut unreadable) = (Vec::new(), Vec::new());
        for name in self.named(CERTIFICATE)? {
            match self.certificate(&name) {
                Ok(certificate) => certificates.push(certificate),
                Err(error) => unreadable.push(format!("{error:#}")),
            }
        }
        Ok((certificates, unreadable))
    }

    fn certificate(&self, name: &str) -> anyhow::Result<Certificate> {
        Certificate::from_pem(&self.read(name, CERTIFICATE)?)
            .with_context(|| format!("the certificate of the key {name} cannot be used"))
    }

    /// The files of all keys and certificates.
    pub fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let of = |ending: &str| -> anyhow::Result<Vec<PathBuf>> {
            Ok(self.named(ending)?.iter().map(|name| self.file(name, ending)).collect())
        };
        Ok([of(CERTIFICATE)?, of(PRIVATE)?].concat())
    }

    /// The private keys that others than the owner may read.
    pub fn exposed(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut exposed = Vec::new();
        for name in self.all()? {
            let path = self.file(&name, PRIVATE);
            if fs::metadata(&path)?.permissions().mode() & 0o077 != 0 {
                exposed.push(path);
            }
        }
        Ok(exposed)
    }

    fn read(&self, name: &str, ending: &str) -> anyhow::Result<String> {
        let path = self.file(name, ending);
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    }

    fn file(&self, name: &str, ending: &str) -> PathBuf {
        self.0.join(format!("{name}{ending}"))
    }
}

impl kit::app::Keys for KeyFolder {
    fn signer(&self) -> anyhow::Result<Option<Arc<dyn Signer>>> {
        let Some(name) = self.all()?.pop() else { return Ok(None) };
        let private = SecretString::from(self.read(&name, PRIVATE)?);
        let signer = FileSigner::from_pem(private.expose_secret(), &self.read(&name, CERTIFICATE)?)
            .with_context(|| format!("the signing key {name} cannot be used"))?;
        Ok(Some(Arc::new(signer)))
    }

    fn certificates(&self) -> anyhow::Result<Vec<Certificate>> {
        self.named(CERTIFICATE)?.iter().map(|name| self.certificate(name)).collect()
    }
}

/// A moment, to the second, as a certificate holds it.
fn time_of(at: Instant) -> anyhow::Result<time::OffsetDateTime> {
    Ok(time::OffsetDateTime::from_unix_timestamp(at.millis().div_euclid(1000))?)
}

fn write(path: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use kit::app::{Keys as _, Papers as _};
    use seal::{Signing, sign_pdf, verify_pdf};

    use super::*;
    use crate::papers::Typesetter;

    /// E35: the newest key signs; what an older one signed is verified with its certificate, even when its private half
    /// is gone.
    #[test]
    fn what_an_old_key_signed_is_verified_after_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFolder::new(folder.path().join("keys"));
        assert!(keys.signer().unwrap().is_none() && keys.certificates().unwrap().is_empty());
        let now = "2026-11-23".parse::<domain::time::Day>().unwrap().start_instant().plus_hours(3);
        let first = keys.create(now).unwrap();
        let sheet = include_str!("../../pdf/tests/it/sheet-1.json");
        let paper = Typesetter::default().certificate(sheet, "HTTPS://EXAMPLE.COM/V/A").unwrap();
        let sign = |at| {
            let signer = keys.signer().unwrap().unwrap();
            sign_pdf(&paper, signer.as_ref(), &Signing { at, name: "上海出入境检验检疫局", reason: "" }).unwrap()
        };
        let old = sign(now);
        let second = keys.create(now.plus_days(30)).unwrap();
        assert_eq!(keys.all().unwrap(), [first.clone(), second]);
        fs::remove_file(keys.file(&first, PRIVATE)).unwrap();
        let new = sign(now.plus_days(31));
        let certificates = keys.certificates().unwrap();
        let by: Vec<_> = [old, new].iter().map(|pdf| verify_pdf(pdf, &certificates).unwrap().key).collect();
        assert_eq!(by, [certificates[0].key_id(), certificates[1].key_id()]);
        assert!(first.ends_with(&certificates[0].key_id().to_string()[..8]), "the name says which key it is");
        assert!(certificates[0].holds_at(now.plus_days(3_650)) && !certificates[0].holds_at(now.plus_days(3_660)));
    }
}

//! The signing keys of an installation (E35): one PKCS#8 file (mode 0600) and one certificate per key, in `--keys-dir`.
//!
//! A key is named by the moment it was made and by its public half; the newest one is current, older ones stay, so that
//! what they signed can still be checked.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use domain::time::Instant;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use sha2::{Digest as _, Sha256};

/// The ending of a private key's file.
const PRIVATE: &str = ".key.pem";
/// The ending of its certificate's file.
const CERTIFICATE: &str = ".cert.pem";
/// How long the certificate of a key holds, in days: ten years.
const CERTIFICATE_DAYS: i64 = 3653;

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

    /// The names of all keys, oldest first.
    pub fn all(&self) -> anyhow::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("--keys-dir {} cannot be read", self.0.display())),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if let Some(key) = name.strip_suffix(PRIVATE) {
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
        let public = hex::encode(Sha256::digest(pair.public_key_pem()));
        let moment: String = now.rfc3339().chars().take(19).filter(char::is_ascii_alphanumeric).collect();
        let name = format!("{moment}-{}", &public[..8]);

        let mut params = CertificateParams::default();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::OrganizationName, "CCC exemption approval system");
        subject.push(DnType::CommonName, format!("Mianban signing key {name}"));
        params.distinguished_name = subject;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
        params.not_before = date(now)?;
        params.not_after = date(now.plus_days(CERTIFICATE_DAYS))?;
        let certificate = params.self_signed(&pair).context("making the certificate of a key")?;

        // The certificate first: a key that is listed is whole.
        write(&self.file(&name, CERTIFICATE), certificate.pem().as_bytes(), 0o644)?;
        write(&self.file(&name, PRIVATE), pair.serialize_pem().as_bytes(), 0o600)?;
        Ok(name)
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

    fn file(&self, name: &str, ending: &str) -> PathBuf {
        self.0.join(format!("{name}{ending}"))
    }
}

impl kit::app::Keys for KeyFolder {
    fn current(&self) -> anyhow::Result<Option<String>> {
        Ok(self.all()?.pop())
    }
}

/// Midnight of that day, as a certificate holds it.
fn date(at: Instant) -> anyhow::Result<time::OffsetDateTime> {
    let day = at.china_day().to_string();
    let mut parts = day.split('-');
    let mut next = || parts.next().unwrap_or_default();
    Ok(rcgen::date_time_ymd(next().parse()?, next().parse()?, next().parse()?))
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

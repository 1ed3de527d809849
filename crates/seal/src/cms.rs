//! The signature as CMS (RFC 5652): detached, with the attributes of PAdES baseline B-B.

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedAttributes, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{
    ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA,
};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_256};
use der::asn1::{Any, OctetString, SetOfVec};
use der::{Decode as _, Encode as _, Sequence};
use p256::ecdsa::Signature;
use sha2::{Digest as _, Sha256};
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::document::{SealError, SignError};
use crate::signer::{Algorithm, Certificate, Signer};

/// `SigningCertificateV2` (RFC 5035): which certificate the signer means.
#[derive(Sequence)]
struct SigningCertificate {
    certificates: Vec<CertificateId>,
}

/// `ESSCertIDv2`; the algorithm is left out, because SHA-256 is the one that is meant then.
#[derive(Sequence)]
struct CertificateId {
    digest: OctetString,
}

/// Signs a digest; the answer is DER.
pub(crate) fn sign(digest: &[u8; 32], signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
    let Algorithm::EcdsaP256Sha256 = signer.algorithm();
    let certificate = signer.certificate();
    let own = x509_cert::Certificate::from_der(certificate.der())?;
    let meant =
        SigningCertificate { certificates: vec![CertificateId { digest: OctetString::new(certificate.digest())? }] };
    // No signing-time: PAdES takes the time from the dictionary of the signature.
    let attributes = SignedAttributes::try_from(vec![
        attribute(ID_CONTENT_TYPE, Any::encode_from(&ID_DATA)?)?,
        attribute(ID_MESSAGE_DIGEST, Any::encode_from(&OctetString::new(*digest)?)?)?,
        attribute(ID_AA_SIGNING_CERTIFICATE_V_2, Any::encode_from(&meant)?)?,
    ])?;
    let raw = signer.sign_digest(&Sha256::digest(attributes.to_der()?).into())?;
    let signature = Signature::from_slice(&raw).map_err(|_| SignError::Signature)?;
    let mut certificates = Vec::new();
    for above in signer.chain() {
        certificates.push(CertificateChoices::Certificate(x509_cert::Certificate::from_der(above)?));
    }
    let sid = named(&own);
    certificates.push(CertificateChoices::Certificate(own));
    let info = SignerInfo {
        version: CmsVersion::V1,
        sid,
        digest_alg: plain(ID_SHA_256),
        signed_attrs: Some(attributes),
        signature_algorithm: plain(ECDSA_WITH_SHA_256),
        signature: OctetString::new(signature.to_der().as_bytes())?,
        unsigned_attrs: None,
    };
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![plain(ID_SHA_256)])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: None },
        certificates: Some(CertificateSet::try_from(certificates)?),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![info])?,
    };
    let content = ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(&data)? };
    Ok(content.to_der()?)
}

/// Who of these signed that digest.
pub(crate) fn verify<'a>(
    der: &[u8],
    digest: &[u8; 32],
    trusted: &'a [Certificate],
) -> Result<&'a Certificate, SealError> {
    let damaged = |_| SealError::Damaged("the signature is not CMS");
    let content = ContentInfo::from_der(der).map_err(damaged)?;
    if content.content_type != ID_SIGNED_DATA {
        return Err(SealError::Damaged("the signature is not CMS signed data"));
    }
    let data: SignedData = content.content.decode_as().map_err(damaged)?;
    let [info] = data.signer_infos.0.as_slice() else {
        return Err(SealError::Damaged("the signature has not exactly one signer"));
    };
    // Nothing but what `sign` writes: what the signature does not cover is not left to others either.
    let plain_data = data.version == CmsVersion::V1
        && data.digest_algorithms.as_slice() == [plain(ID_SHA_256)]
        && data.encap_content_info.econtent_type == ID_DATA
        && data.encap_content_info.econtent.is_none()
        && data.crls.is_none();
    let plain_info = info.version == CmsVersion::V1
        && info.digest_alg == plain(ID_SHA_256)
        && info.signature_algorithm == plain(ECDSA_WITH_SHA_256)
        && info.unsigned_attrs.is_none();
    if !plain_data || !plain_info {
        return Err(SealError::Damaged("the signature is of another kind"));
    }
    let attributes = info.signed_attrs.as_ref().ok_or(SealError::Damaged("the signature has no signed attributes"))?;
    let kind: ObjectIdentifier = single(attributes, ID_CONTENT_TYPE)?.decode_as().map_err(damaged)?;
    if kind != ID_DATA {
        return Err(SealError::Damaged("the signature is of another kind"));
    }
    let meant: SigningCertificate = single(attributes, ID_AA_SIGNING_CERTIFICATE_V_2)?.decode_as().map_err(damaged)?;
    let meant = meant.certificates.first().ok_or(SealError::Damaged("the signature names no certificate"))?;
    let certificate = trusted.iter().find(|c| c.digest() == meant.digest.as_bytes()).ok_or(SealError::UnknownKey)?;
    let own = x509_cert::Certificate::from_der(certificate.der()).map_err(damaged)?;
    let inside =
        data.certificates.is_some_and(|all| all.0.iter().any(|c| *c == CertificateChoices::Certificate(own.clone())));
    if info.sid != named(&own) || !inside {
        return Err(SealError::Damaged("the signature does not hold its certificate"));
    }
    let said: OctetString = single(attributes, ID_MESSAGE_DIGEST)?.decode_as().map_err(damaged)?;
    if said.as_bytes() != digest {
        return Err(SealError::Altered);
    }
    let signature = Signature::from_der(info.signature.as_bytes()).map_err(|_| SealError::Forged)?;
    let signed = Sha256::digest(attributes.to_der().map_err(damaged)?);
    if certificate.has_signed(&signed.into(), &signature) { Ok(certificate) } else { Err(SealError::Forged) }
}

/// How a signature names its certificate.
fn named(certificate: &x509_cert::Certificate) -> SignerIdentifier {
    SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
        issuer: certificate.tbs_certificate().issuer().clone(),
        serial_number: certificate.tbs_certificate().serial_number().clone(),
    })
}

fn plain(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: None }
}

fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, der::Error> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

/// The value of an attribute that must stand there once.
fn single(attributes: &SignedAttributes, oid: ObjectIdentifier) -> Result<&Any, SealError> {
    let mut found = attributes.iter().filter(|a| a.oid == oid);
    match (found.next(), found.next()) {
        (Some(one), None) if one.values.len() == 1 => one.values.get(0),
        _ => None,
    }
    .ok_or(SealError::Damaged("an attribute of the signature is missing"))
}

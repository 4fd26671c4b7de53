//! The public half of the key that signs the cluster's service account tokens.
//!
//! Input: PEM from `create-key-pair`, ccoctl or OpenShift itself. Output: a key of a kind and size that IAM takes,
//! its JWK and its key ID. Only encodings are handled here; no signature is made or checked.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest;
use spki::der::{Decode, Encode};
use spki::{ObjectIdentifier, SubjectPublicKeyInfoOwned};

use crate::documents::Jwk;
use crate::limits::RSA_BITS;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const PRIME256V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// Why bytes are not a public key that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not one PEM block.
    #[error(
        "the public key is not one PEM block with the header PUBLIC KEY\n  give the public half, as `openssl pkey -pubout` prints it"
    )]
    NotPem,
    /// A private key where a public one belongs.
    #[error("the file holds a private key (PEM header \"{}\")\n  give the public half only: `openssl pkey -in FILE -pubout`", crate::escape::Escaped(.0))]
    Private(String),
    /// Another PEM header.
    #[error("the PEM header: expected PUBLIC KEY, found \"{}\"", crate::escape::Escaped(.0))]
    Header(String),
    /// The PEM's content is not a SubjectPublicKeyInfo in DER.
    #[error("the PEM block holds no public key in DER (SubjectPublicKeyInfo)")]
    NotSpki,
    /// Another algorithm or curve.
    #[error("the key's algorithm is {0}; RSA and P-256 are supported")]
    Algorithm(String),
    /// An RSA modulus out of bounds.
    #[error("the RSA key has {0} bits; {min} to {max} are allowed", min = RSA_BITS.start(), max = RSA_BITS.end())]
    Size(usize),
    /// An RSA exponent other than 65537.
    #[error("the RSA key's exponent is not 65537")]
    Exponent,
    /// An RSA modulus that is even, so no product of two large primes.
    #[error("the RSA key's modulus is even")]
    EvenModulus,
    /// A point that is not 65 bytes, uncompressed, or that is not on the curve.
    #[error("the P-256 key is not an uncompressed point on the curve")]
    Point,
}

/// A public key that the cluster's tokens can be checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccountKey {
    spki_der: Vec<u8>,
    jwk: Jwk,
}

impl ServiceAccountKey {
    /// Reads PEM with the header `PUBLIC KEY` or, as OpenShift writes the same bytes, `RSA PUBLIC KEY`.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let label = pem
            .trim_start()
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.split_once("-----"))
            .map(|(label, _)| label)
            .ok_or(KeyError::NotPem)?;
        if label.ends_with("PRIVATE KEY") {
            return Err(KeyError::Private(label.to_owned()));
        }
        if label != "PUBLIC KEY" && label != "RSA PUBLIC KEY" {
            return Err(KeyError::Header(label.to_owned()));
        }
        let (_, der) = spki::der::pem::decode_vec(pem.trim().as_bytes()).map_err(|_| KeyError::NotPem)?;
        Self::from_spki_der(&der)
    }

    /// Reads a SubjectPublicKeyInfo in DER.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let spki = SubjectPublicKeyInfoOwned::from_der(der).map_err(|_| KeyError::NotSpki)?;
        let point_or_key = spki.subject_public_key.as_bytes().ok_or(KeyError::NotSpki)?;
        let kid = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(der));
        let jwk = match spki.algorithm.oid {
            RSA_ENCRYPTION => rsa_jwk(point_or_key, kid)?,
            EC_PUBLIC_KEY => {
                let curve = spki.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
                if curve != Some(PRIME256V1) {
                    return Err(KeyError::Algorithm(
                        curve.map_or_else(|| "EC without a named curve".to_owned(), |oid| oid.to_string()),
                    ));
                }
                ec_jwk(point_or_key, kid)?
            }
            other => return Err(KeyError::Algorithm(other.to_string())),
        };
        if spki.to_der().ok().as_deref() != Some(der) {
            return Err(KeyError::NotSpki);
        }
        Ok(Self { spki_der: der.to_vec(), jwk })
    }

    /// The key as PEM, header `PUBLIC KEY`: the bytes of `serviceaccount-signer.public`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        spki::der::pem::encode_string("PUBLIC KEY", spki::der::pem::LineEnding::LF, &self.spki_der).unwrap_or_default()
    }

    /// The key as a JWK.
    #[must_use]
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// The key's ID: base64url of SHA-256 over the SPKI DER.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.jwk.kid
    }

    /// What it is, for people: `RSA-4096` or `P-256`.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.jwk.n {
            Some(n) => format!("RSA-{}", n.len() * 6 / 8 * 8),
            None => "P-256".to_owned(),
        }
    }
}

fn rsa_jwk(der: &[u8], kid: String) -> Result<Jwk, KeyError> {
    let key = pkcs1::RsaPublicKey::<spki::der::asn1::UintRef<'_>>::from_der(der).map_err(|_| KeyError::NotSpki)?;
    let (modulus, exponent): (&[u8], &[u8]) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err(KeyError::Size(bits));
    }
    if exponent != [1, 0, 1] {
        return Err(KeyError::Exponent);
    }
    if modulus.last().is_none_or(|byte| byte % 2 == 0) {
        return Err(KeyError::EvenModulus);
    }
    Ok(Jwk {
        usage: "sig".to_owned(),
        kty: "RSA".to_owned(),
        kid,
        alg: "RS256".to_owned(),
        n: Some(URL_SAFE_NO_PAD.encode(modulus)),
        e: Some(URL_SAFE_NO_PAD.encode(exponent)),
        crv: None,
        x: None,
        y: None,
    })
}

fn ec_jwk(point: &[u8], kid: String) -> Result<Jwk, KeyError> {
    let (x, y) = match point.split_first() {
        Some((4, coordinates)) if coordinates.len() == 64 => coordinates.split_at(32),
        _ => return Err(KeyError::Point),
    };
    p256::PublicKey::from_sec1_bytes(point).map_err(|_| KeyError::Point)?;
    Ok(Jwk {
        usage: "sig".to_owned(),
        kty: "EC".to_owned(),
        kid,
        alg: "ES256".to_owned(),
        n: None,
        e: None,
        crv: Some("P-256".to_owned()),
        x: Some(URL_SAFE_NO_PAD.encode(x)),
        y: Some(URL_SAFE_NO_PAD.encode(y)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzqI/ldq8a6+ZkkP31VpqCwJmF4x8
K6YYnPnO4zCVn1Slk/VhZ3kh2ZRZaAdm5vT9Hy5dLJpYVefpQ6WBybL6SQ==
-----END PUBLIC KEY-----
";

    #[test]
    fn a_key_has_the_id_and_the_coordinates_that_openssl_finds() {
        let key = ServiceAccountKey::from_pem(P256).unwrap();
        // openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | basenc --base64url
        assert_eq!(key.kid(), "BjTPeU-VeuC2IlK_BvjCx2TY4_UGnoTdOhbdPx8P6J0");
        assert_eq!((key.describe().as_str(), key.to_pem().as_str()), ("P-256", P256));
        assert_eq!(key.jwk().x.as_deref(), Some("zqI_ldq8a6-ZkkP31VpqCwJmF4x8K6YYnPnO4zCVn1Q"));
    }

    #[test]
    fn a_point_off_the_curve_is_refused() {
        let (_, mut der) = spki::der::pem::decode_vec(P256.as_bytes()).unwrap();
        *der.last_mut().unwrap() ^= 1;
        assert_eq!(ServiceAccountKey::from_spki_der(&der), Err(KeyError::Point));
    }

    #[test]
    fn both_headers_of_openshift_are_read_and_nothing_else() {
        let with_header = |header: &str| ServiceAccountKey::from_pem(&P256.replace("PUBLIC KEY", header));
        assert_eq!(with_header("RSA PUBLIC KEY"), ServiceAccountKey::from_pem(P256));
        assert_eq!(with_header("CERTIFICATE"), Err(KeyError::Header("CERTIFICATE".to_owned())));
        assert_eq!(with_header("RSA PRIVATE KEY"), Err(KeyError::Private("RSA PRIVATE KEY".to_owned())));
        assert_eq!(ServiceAccountKey::from_pem("hello"), Err(KeyError::NotPem));
        assert_eq!(ServiceAccountKey::from_pem(&format!("{P256}{P256}")), Err(KeyError::NotPem));
    }
}

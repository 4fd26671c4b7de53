//! The key pair that signs the cluster's service account tokens.
//!
//! The private half is PEM as the installer reads it: PKCS#1 for RSA (PKCS#8 fails there), SEC1 for P-256. It cannot be
//! printed, and is wiped when it is dropped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use bundle_schema::documents::key::{KeyError, ServiceAccountKey};
use bundle_schema::escape::Escaped;
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use crypto_primes::{Flavor, is_prime, sieve_and_find};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use p256::pkcs8::EncodePublicKey;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, LineEnding};
use rsa::{BoxedUint, Generate};
use zeroize::Zeroizing;

/// ccoctl's name for the file of the private half.
pub(crate) const PRIVATE_FILE: &str = "serviceaccount-signer.private";
/// ccoctl's name for the file of the public half.
pub(crate) const PUBLIC_FILE: &str = "serviceaccount-signer.public";

/// What kind of key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum KeyType {
    /// RSA of 4096 bits, as ccoctl makes them.
    #[default]
    #[value(name = "rsa-4096")]
    Rsa4096,
    /// RSA of 2048 bits.
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// P-256, for API servers that you configure yourself: OpenShift's installer takes RSA only.
    #[value(name = "p256")]
    P256,
}

impl KeyType {
    /// As [`ServiceAccountKey::describe`] has it.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Rsa4096 => "RSA-4096",
            Self::Rsa2048 => "RSA-2048",
            Self::P256 => "P-256",
        }
    }
}

/// Why there is no key pair.
#[derive(Debug, thiserror::Error)]
pub enum PrivateKeyError {
    /// The operating system gives no random bytes.
    #[error("no key can be made: the operating system gives no random bytes")]
    Random(#[from] getrandom::Error),
    /// The primes do not make a key, or it cannot be encoded.
    #[error("no key can be made: {0}")]
    Generate(String),
    /// Not one PEM block.
    #[error("the private key is not one PEM block with the header RSA PRIVATE KEY or EC PRIVATE KEY")]
    NotPem,
    /// PKCS#8, which the installer does not read.
    #[error(
        "the private key has the header \"{}\", and the installer reads RSA PRIVATE KEY (PKCS#1) and EC PRIVATE KEY (SEC1)\n  convert it: openssl rsa -traditional -in OLD -out NEW",
        Escaped(.0)
    )]
    Header(String),
    /// Content that does not fit the header.
    #[error("the private key is damaged: {0}")]
    Damaged(String),
    /// Its public half is not one that a bundle may have.
    #[error(transparent)]
    Public(#[from] KeyError),
}

/// The private half and the public half that belongs to it.
pub struct PrivateKey {
    pem: Zeroizing<String>,
    public: ServiceAccountKey,
}

impl PrivateKey {
    /// Makes a key, with randomness from the operating system.
    pub fn generate(key_type: KeyType) -> Result<Self, PrivateKeyError> {
        // Asked once where a failure can be told; what draws the primes cannot tell one.
        getrandom::fill(&mut [0; 32])?;
        match key_type {
            KeyType::Rsa4096 => Self::of_rsa(&generate_rsa(4096)?),
            KeyType::Rsa2048 => Self::of_rsa(&generate_rsa(2048)?),
            KeyType::P256 => Self::of_p256(&p256::SecretKey::try_generate_from_rng(&mut SysRng)?),
        }
    }

    /// Reads PKCS#1 or SEC1 PEM.
    pub fn from_pem(pem: &str) -> Result<Self, PrivateKeyError> {
        let label = pem.trim_start().strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----"));
        let damaged = |error: &dyn std::fmt::Display| PrivateKeyError::Damaged(error.to_string());
        match label.map(|(label, _)| label) {
            None => Err(PrivateKeyError::NotPem),
            Some("RSA PRIVATE KEY") => {
                Self::of_rsa(&rsa::PrivateKey::from_pkcs1_pem(pem.trim()).map_err(|error| damaged(&error))?)
            }
            Some("EC PRIVATE KEY") => {
                Self::of_p256(&p256::SecretKey::from_sec1_pem(pem.trim()).map_err(|error| damaged(&error))?)
            }
            Some(other) => Err(PrivateKeyError::Header(other.to_owned())),
        }
    }

    fn of_rsa(key: &rsa::PrivateKey) -> Result<Self, PrivateKeyError> {
        let failed = |error: &dyn std::fmt::Display| PrivateKeyError::Generate(error.to_string());
        let pem = key.to_pkcs1_pem(LineEnding::LF).map_err(|error| failed(&error))?;
        let public = key.to_public_key().to_public_key_der().map_err(|error| failed(&error))?;
        Ok(Self { pem, public: ServiceAccountKey::from_spki_der(public.as_bytes())? })
    }

    fn of_p256(key: &p256::SecretKey) -> Result<Self, PrivateKeyError> {
        let failed = |error: &dyn std::fmt::Display| PrivateKeyError::Generate(error.to_string());
        let pem = key.to_sec1_pem(LineEnding::LF).map_err(|error| failed(&error))?;
        let public = key.public_key().to_public_key_der().map_err(|error| failed(&error))?;
        Ok(Self { pem, public: ServiceAccountKey::from_spki_der(public.as_bytes())? })
    }

    /// The private half: the bytes of its file.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &ServiceAccountKey {
        &self.public
    }
}

/// Finding the primes is nearly all the work there is.
fn generate_rsa(bits: u32) -> Result<rsa::PrivateKey, PrivateKeyError> {
    loop {
        let [p, q] = two_primes(bits / 2)?;
        // One pair in 65,537 or so does not fit the exponent; the next will.
        if let Ok(key) = rsa::PrivateKey::from_p_q(p, q, BoxedUint::from(65_537_u64)) {
            return Ok(key);
        }
    }
}

/// Every core seeks until two are found: one that was lucky goes on with the other prime.
fn two_primes(bits: u32) -> Result<[BoxedUint; 2], PrivateKeyError> {
    let failed = |reason: &str| PrivateKeyError::Generate(reason.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (found, receive) = mpsc::channel();
    let enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            let (found, enough) = (found.clone(), &enough);
            scope.spawn(move || {
                while let Some(prime) = prime(bits, enough).transpose() {
                    let is_last = prime.is_err();
                    if found.send(prime).is_err() || is_last {
                        break;
                    }
                }
            });
        }
        drop(found);
        let next = || receive.recv().map_err(|_| failed("a thread ended early"))?;
        let both = next().and_then(|one| Ok([one, next()?]));
        enough.store(true, Ordering::Relaxed);
        both
    })
}

/// A prime whose two highest bits are set, so that the product of two has all its bits; none where enough are found meanwhile.
fn prime(bits: u32, enough: &AtomicBool) -> Result<Option<BoxedUint>, PrivateKeyError> {
    let failed = |error: crypto_primes::Error| PrivateKeyError::Generate(error.to_string());
    let is_enough = || enough.load(Ordering::Relaxed);
    let factory = SmallFactorsSieveFactory::new(Flavor::Any, bits, SetBits::TwoMsb).map_err(failed)?;
    // Whatever is at hand ends the search where nobody needs it any more.
    let ends = |_: &mut _, candidate: &_| is_enough() || is_prime(Flavor::Any, candidate);
    let found = sieve_and_find(&mut UnwrapErr(SysRng), factory, ends).map_err(failed)?;
    let found = found.ok_or_else(|| PrivateKeyError::Generate("no prime was found".to_owned()))?;
    Ok((!is_enough()).then_some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_read_back() {
        for (key_type, label) in [(KeyType::Rsa2048, "RSA PRIVATE KEY"), (KeyType::P256, "EC PRIVATE KEY")] {
            let key = PrivateKey::generate(key_type).unwrap();
            assert_eq!(key.public().describe(), key_type.describe());
            assert!(key.pem().starts_with(&format!("-----BEGIN {label}-----\n")));
            let again = PrivateKey::from_pem(key.pem()).unwrap();
            assert_eq!((again.pem(), again.public()), (key.pem(), key.public()));
        }
    }

    #[test]
    fn what_the_installer_does_not_read_is_refused() {
        let refuse = |pem: &str| PrivateKey::from_pem(pem).err().unwrap().to_string();
        assert_eq!(
            refuse("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
            "the private key has the header \"PRIVATE KEY\", and the installer reads RSA PRIVATE KEY (PKCS#1) and EC PRIVATE KEY (SEC1)\n  convert it: openssl rsa -traditional -in OLD -out NEW"
        );
        assert!(
            refuse("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")
                .starts_with("the private key is damaged")
        );
        assert!(refuse("").starts_with("the private key is not one PEM block"));
    }
}

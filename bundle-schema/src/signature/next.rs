//! Who has signed already, for whoever signs next with a trust file: every other role has to be there.
//!
//! Input: signatures that were checked against the policy. Output: leave to sign, or why not. A signing key is known only
//! when its password is: what can be said before that is said by [`SignedSoFar::check`].

use super::{MinisignPublicKey, Signer, Subject, TrustError, TrustPolicy};
use crate::escape::Escaped;
use crate::names::Sha256;

/// Why a further signature is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NextSignatureError {
    /// Another role's signature is not there.
    #[error(transparent)]
    Missing(#[from] TrustError),
    /// One signature more would not be enough.
    #[error(
        "roles {} have not signed; all roles but the signing key's must have signed before\n  get the signatures of the other roles first",
        quoted(.0)
    )]
    Several(Vec<String>),
    /// Nobody would trust the signature.
    #[error(
        "signing key {key} belongs to no role of the trust file, so its signature would count for nothing\n  sign with a key of a role: {}",
        quoted(.roles)
    )]
    NoRole {
        /// The public half's key line.
        key: String,
        /// The trust file's roles.
        roles: Vec<String>,
    },
}

fn quoted(roles: &[String]) -> String {
    roles.iter().map(|role| format!("\"{}\"", Escaped(role))).collect::<Vec<_>>().join(", ")
}

/// Which roles of a policy have signed a file. Who reads a bundle to apply it has no use for this: it takes all of them.
pub struct SignedSoFar<'a> {
    pub(crate) policy: &'a TrustPolicy,
    pub(crate) signers: Vec<Signer>,
    pub(crate) files: Vec<String>,
    pub(crate) digest: Sha256,
    pub(crate) subject: Subject,
}

impl<'a> SignedSoFar<'a> {
    /// The SHA-256 of the file that they signed.
    #[must_use]
    pub fn digest(&self) -> &Sha256 {
        &self.digest
    }

    /// Who has signed.
    #[must_use]
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// The roles that have not signed.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        self.policy.missing(&self.signers).into_iter().map(|(role, _)| role.clone()).collect()
    }

    /// Whether every role has signed.
    pub fn all_signed(&self) -> Result<(), TrustError> {
        let missing = self.policy.missing(&self.signers);
        missing.first().map_or(Ok(()), |role| Err(TrustError::missing(role, &self.files, self.subject)))
    }

    /// Before the signing key is known: at most one role has not signed.
    pub fn check(&self) -> Result<(), NextSignatureError> {
        let missing = self.missing();
        if missing.len() > 1 { Err(NextSignatureError::Several(missing)) } else { Ok(()) }
    }

    /// The role that the signing key belongs to, where every other role has signed.
    pub fn role_of(&self, key: &MinisignPublicKey) -> Result<&'a str, NextSignatureError> {
        let roles = &self.policy.roles;
        // With its ID: a reader finds the key of a signature by it.
        let Some((own, _)) = roles.iter().find(|(_, keys)| keys.contains(key)) else {
            let roles = roles.iter().map(|(role, _)| role.clone()).collect();
            return Err(NextSignatureError::NoRole { key: key.to_base64(), roles });
        };
        match self.policy.missing(&self.signers).into_iter().find(|(role, _)| role != own) {
            None => Ok(own),
            Some(other) => Err(TrustError::missing(other, &self.files, self.subject).into()),
        }
    }
}

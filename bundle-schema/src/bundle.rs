//! The stages of a bundle on its way in, each a type that only the stage before can make:
//! [`SignedFiles`] `--verify-->` [`VerifiedArchive`] `--parse-->` [`ParsedBundle`] `--validate-->` [`Bundle`].
//!
//! Code that reads a bundle without deciding about its signatures (to make, to review or to counter-sign it) gets an
//! [`Inspection`], which passes the same checks of form and meaning but is of no use to whatever takes a [`Bundle`].

mod reader;
mod validate;
mod writer;

use crate::documents::contents::Contents;
use crate::names::Sha256;
use crate::signature::signed::SignedBytes;
use crate::signature::{Signer, Subject, TrustError, TrustPolicy};

pub use self::reader::ReadError;
use self::reader::{Parsed, read};
pub use self::validate::{Invalid, Problem};
pub use self::writer::{WriteError, write};
pub use crate::signature::signed::SignedFiles;

impl SignedFiles {
    /// Step 2: every role of the policy has signed these exact bytes. Nothing is decompressed or parsed before.
    pub fn verify(self, policy: &TrustPolicy) -> Result<VerifiedArchive, TrustError> {
        let SignedBytes { bytes: archive, digest, signers } = self.signed_by_all(policy, Subject::Bundle)?;
        Ok(VerifiedArchive { archive, digest, signers })
    }
}

/// An archive that every required role has signed; its bytes are not yet looked at.
pub struct VerifiedArchive {
    archive: Vec<u8>,
    digest: Sha256,
    signers: Vec<Signer>,
}

impl VerifiedArchive {
    /// Who signed.
    #[must_use]
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// The SHA-256 of the archive.
    #[must_use]
    pub fn digest(&self) -> &Sha256 {
        &self.digest
    }

    /// Steps 3 to 6: the archive's form, the index, every document.
    pub fn parse(self) -> Result<ParsedBundle, ReadError> {
        Ok(ParsedBundle { parsed: read(&self.archive)?, digest: self.digest, signers: self.signers })
    }
}

/// A bundle whose documents parsed, each for itself.
pub struct ParsedBundle {
    parsed: Parsed,
    digest: Sha256,
    signers: Vec<Signer>,
}

impl ParsedBundle {
    /// Step 7: the documents agree with each other and with the services' limits.
    pub fn validate(self) -> Result<Bundle, Invalid> {
        Ok(Bundle { contents: self.parsed.validate()?, digest: self.digest, signers: self.signers })
    }
}

/// A bundle that passed every check that needs neither a clock nor an account.
#[derive(Debug)]
pub struct Bundle {
    contents: Contents,
    digest: Sha256,
    signers: Vec<Signer>,
}

impl Bundle {
    /// What it says.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The SHA-256 of its archive.
    #[must_use]
    pub fn digest(&self) -> &Sha256 {
        &self.digest
    }

    /// Who signed it.
    #[must_use]
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }
}

/// Why an archive cannot be inspected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// Its form.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its meaning.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// A bundle read without a decision about who signed it: steps 3 to 7.
#[derive(Debug)]
pub struct Inspection {
    archive: Vec<u8>,
    contents: Contents,
    digest: Sha256,
}

impl Inspection {
    /// Reads an archive.
    pub fn read(archive: Vec<u8>) -> Result<Self, InspectError> {
        let contents = read(&archive)?.validate()?;
        Ok(Self { digest: Sha256::of(&archive), archive, contents })
    }

    /// The archive itself.
    #[must_use]
    pub fn archive(&self) -> &[u8] {
        &self.archive
    }

    /// What it says.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The SHA-256 of its archive.
    #[must_use]
    pub fn digest(&self) -> &Sha256 {
        &self.digest
    }
}

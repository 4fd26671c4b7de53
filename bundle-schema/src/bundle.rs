//! The stages of a bundle on its way in, each a type that only the stage before can make:
//! [`SignedFiles`] `--verify-->` [`VerifiedArchive`] `--parse-->` [`ParsedBundle`] `--validate-->` [`Bundle`].
//!
//! Code that reads a bundle without deciding about its signatures (to make, to review or to counter-sign it) gets an
//! [`Inspection`], which passes the same checks of form and meaning but is of no use to whatever takes a [`Bundle`].

mod reader;
mod writer;

use std::path::{Path, PathBuf};

use crate::documents::contents::Contents;
use crate::file::{OpenError, read_bounded};
use crate::limits::{MAX_ARCHIVE_BYTES, MAX_SIGNATURE_BYTES, MAX_SIGNATURES};
use crate::names::Sha256;
use crate::signature::{self, SignedSoFar, Signer, TrustError, TrustPolicy};

pub use self::reader::ReadError;
use self::reader::{Parsed, read};
pub use self::writer::{WriteError, write};
pub use crate::validate::{Invalid, Problem};

/// A bundle's file and its signatures, read into memory once: nothing is known about them yet.
pub struct SignedFiles {
    archive: Vec<u8>,
    signatures: Vec<(String, Vec<u8>)>,
}

impl SignedFiles {
    /// Step 1: opens the bundle and its signatures as regular files, within limits, and reads them once.
    ///
    /// Without `named`, every `<bundle>.minisig` and `<bundle>.<signer>.minisig` beside the bundle is read, at most
    /// [`MAX_SIGNATURES`].
    pub fn open(bundle: &Path, named: &[PathBuf]) -> Result<Self, OpenError> {
        let archive = read_bounded(bundle, MAX_ARCHIVE_BYTES)?;
        let paths = if named.is_empty() { signatures_beside(bundle)? } else { named.to_vec() };
        if paths.len() > MAX_SIGNATURES {
            return Err(OpenError::TooManySignatures { path: bundle.to_owned(), found: paths.len() });
        }
        let signatures = paths.iter().map(|path| read_signature(path)).collect::<Result<_, _>>()?;
        Ok(Self { archive, signatures })
    }

    /// Bytes that are in memory already, such as a test's or a fuzzer's.
    #[must_use]
    pub fn from_bytes(archive: Vec<u8>, signatures: Vec<(String, Vec<u8>)>) -> Self {
        Self { archive, signatures }
    }

    /// Step 2: every role of the policy has signed these exact bytes. Nothing is decompressed or parsed before.
    pub fn verify(self, policy: &TrustPolicy) -> Result<VerifiedArchive, TrustError> {
        let signers = signature::verify(&self.archive, &self.signatures, policy)?;
        Ok(VerifiedArchive { digest: Sha256::of(&self.archive), archive: self.archive, signers })
    }

    /// Which roles of the policy have signed these exact bytes, for whoever signs next. Nothing is admitted by it.
    pub fn signed_so_far(self, policy: &TrustPolicy) -> Result<SignedSoFar<'_>, TrustError> {
        let signers = signature::signers(&self.archive, &self.signatures, policy)?;
        let (files, digest) = (signature::names(&self.signatures), Sha256::of(&self.archive));
        Ok(SignedSoFar { policy, signers, files, digest })
    }
}

/// A signature file's name, as errors show it, and its bytes.
fn read_signature(path: &Path) -> Result<(String, Vec<u8>), OpenError> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    match read_bounded(path, MAX_SIGNATURE_BYTES) {
        Err(OpenError::TooLarge { path, limit }) => Err(OpenError::SignatureTooLarge { path, limit }),
        read => read.map(|bytes| (name, bytes)),
    }
}

fn signatures_beside(bundle: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let unreadable = |source| OpenError::Io { path: bundle.to_owned(), source };
    let name = bundle.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = bundle.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.file_name();
        let beside = file.to_str().and_then(|file| file.strip_prefix(&name)).is_some_and(|rest| {
            rest == ".minisig"
                || rest.strip_suffix(".minisig").is_some_and(|signer| signer.len() > 1 && signer.starts_with('.'))
        });
        if beside {
            found.push(directory.join(file));
        }
    }
    found.sort();
    Ok(found)
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

//! A file and the signatures beside it: step 1 of FORMAT.md, the same for a bundle and for a receipt.
//!
//! Input: a path, or bytes. Output: [`SignedFiles`], about which nothing is known yet. What comes next depends on what the
//! file is to be: `bundle` and `receipt` each have a step 2, and neither takes what the other verified.

use std::path::{Path, PathBuf};

use crate::file::{OpenError, read_bounded};
use crate::limits::{MAX_ARCHIVE_BYTES, MAX_SIGNATURE_BYTES, MAX_SIGNATURES};
use crate::names::Sha256;
use crate::signature::{self, SignedSoFar, Signer, Subject, TrustError, TrustPolicy};

/// A file and its signatures, read into memory once: nothing is known about them yet.
pub struct SignedFiles {
    file: Vec<u8>,
    signatures: Vec<(String, Vec<u8>)>,
}

impl SignedFiles {
    /// Step 1: opens the file and its signatures as regular files, within limits, and reads them once.
    ///
    /// Without `named`, every `<file>.minisig` and `<file>.<signer>.minisig` beside the file is read, at most
    /// [`MAX_SIGNATURES`].
    pub fn open(file: &Path, named: &[PathBuf]) -> Result<Self, OpenError> {
        let bytes = read_bounded(file, MAX_ARCHIVE_BYTES)?;
        let paths = if named.is_empty() { signatures_beside(file)? } else { named.to_vec() };
        if paths.len() > MAX_SIGNATURES {
            return Err(OpenError::TooManySignatures { path: file.to_owned(), found: paths.len() });
        }
        let signatures = paths.iter().map(|path| read_signature(path)).collect::<Result<_, _>>()?;
        Ok(Self { file: bytes, signatures })
    }

    /// Bytes that are in memory already, such as a test's or a fuzzer's.
    #[must_use]
    pub fn from_bytes(file: Vec<u8>, signatures: Vec<(String, Vec<u8>)>) -> Self {
        Self { file, signatures }
    }

    /// What the file claims to be, by its first byte: JSON is a receipt, everything else a bundle. It is taken for nothing more
    /// than that before it is verified.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::of(&self.file)
    }

    /// Which roles of the policy have signed these exact bytes, for whoever signs next. Nothing is admitted by it.
    pub fn signed_so_far(self, policy: &TrustPolicy) -> Result<SignedSoFar<'_>, TrustError> {
        let subject = self.subject();
        let signers = signature::signers(&self.file, &self.signatures, policy, subject)?;
        let (files, digest) = (signature::names(&self.signatures), Sha256::of(&self.file));
        Ok(SignedSoFar { policy, signers, files, digest, subject })
    }

    /// Step 2: the bytes that every role of the policy has signed.
    pub(crate) fn signed_by_all(self, policy: &TrustPolicy, subject: Subject) -> Result<SignedBytes, TrustError> {
        let signers = signature::verify(&self.file, &self.signatures, policy, subject)?;
        Ok(SignedBytes { digest: Sha256::of(&self.file), bytes: self.file, signers })
    }
}

/// Bytes that every required role has signed.
pub(crate) struct SignedBytes {
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Sha256,
    pub(crate) signers: Vec<Signer>,
}

/// A signature file's name, as errors show it, and its bytes.
fn read_signature(path: &Path) -> Result<(String, Vec<u8>), OpenError> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    match read_bounded(path, MAX_SIGNATURE_BYTES) {
        Err(OpenError::TooLarge { path, limit }) => Err(OpenError::SignatureTooLarge { path, limit }),
        read => read.map(|bytes| (name, bytes)),
    }
}

fn signatures_beside(file: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let unreadable = |source| OpenError::Io { path: file.to_owned(), source };
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
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

//! How a command fails: an error and the exit code that says of which kind it is.

use std::error::Error;

use bundle_schema::bundle::InspectError;
use bundle_schema::escape::Escaped;
use bundle_schema::exit::ExitCode;
use bundle_schema::file::OpenError;
use bundle_schema::key::KeyError;

use crate::build::{BuildError, FreezeError};
use crate::install_archive::InstallArchiveError;
use crate::options::OptionsError;
use crate::output::OutputError;
use crate::password::PasswordError;
use crate::requests::RequestsError;
use crate::roles::RolesError;
use crate::service_account_key::PrivateKeyError;
use crate::settings::SettingsError;
use crate::signing_key::SigningKeyError;

/// A command's end that is not its purpose.
pub(crate) struct Failure {
    pub(crate) code: ExitCode,
    pub(crate) error: Box<dyn Error>,
}

impl Failure {
    pub(crate) fn new(code: ExitCode, error: impl Into<Box<dyn Error>>) -> Self {
        Self { code, error: error.into() }
    }
}

/// An error about a file: its name, then the error as its cause.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be used", Escaped(&.path.to_string_lossy()))]
pub(crate) struct InFile {
    pub(crate) path: std::path::PathBuf,
    pub(crate) source: Box<dyn Error>,
}

impl Failure {
    /// Names the file that an error is about.
    pub(crate) fn in_file(self, path: &std::path::Path) -> Self {
        Self { code: self.code, error: Box::new(InFile { path: path.to_owned(), source: self.error }) }
    }
}

macro_rules! failures {
    ($($error:ty => $code:ident),* $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(ExitCode::$code, error)
            }
        })*
    };
}

failures! {
    FreezeError => Invalid,
    InspectError => Invalid,
    InstallArchiveError => Invalid,
    KeyError => Usage,
    OpenError => Other,
    OptionsError => Usage,
    SettingsError => Usage,
    SigningKeyError => Usage,
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let code = match &error {
            // What is wrong is a flag, not a request.
            BuildError::Roles(RolesError::Unused { .. } | RolesError::OwnServiceAccounts { .. }) => ExitCode::Usage,
            _ => ExitCode::Invalid,
        };
        Self::new(code, error)
    }
}

impl From<RequestsError> for Failure {
    fn from(error: RequestsError) -> Self {
        let code = match &error {
            RequestsError::Directory { .. } | RequestsError::Open(_) => ExitCode::Other,
            RequestsError::FileName { .. }
            | RequestsError::TooManyFiles(_)
            | RequestsError::Empty { .. }
            | RequestsError::Invalid(_) => ExitCode::Invalid,
        };
        Self::new(code, error)
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        let code = match &error {
            OutputError::Exists { .. } => ExitCode::Usage,
            OutputError::Io { .. } => ExitCode::Other,
        };
        Self::new(code, error)
    }
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        let code = match &error {
            PasswordError::Open(_) | PasswordError::Terminal(_) => ExitCode::Other,
            _ => ExitCode::Usage,
        };
        Self::new(code, error)
    }
}

impl From<PrivateKeyError> for Failure {
    fn from(error: PrivateKeyError) -> Self {
        let code = match &error {
            PrivateKeyError::Random(_) | PrivateKeyError::Generate(_) => ExitCode::Other,
            _ => ExitCode::Usage,
        };
        Self::new(code, error)
    }
}

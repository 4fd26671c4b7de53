//! How a command fails: an error and the exit code that says of which kind it is.

use std::error::Error;

use bundle_schema::bundle::{InspectError, Invalid};
use bundle_schema::documents::key::KeyError;
use bundle_schema::escape::Escaped;
use bundle_schema::exit::ExitCode;
use bundle_schema::file::OpenError;

use crate::build::install_archive::InstallArchiveError;
use crate::build::roles::RolesError;
use crate::build::{BuildError, FreezeError};
use crate::keys::password::PasswordError;
use crate::keys::published::RotationError;
use crate::keys::service_account::PrivateKeyError;
use crate::keys::signing::SigningKeyError;
use crate::output::files::OutputError;
use crate::requests::RequestsError;
use crate::settings::endpoint::EndpointError;
use crate::settings::endpoint_receipt::NotOfReceipt;
use crate::settings::flags::SettingsError;
use crate::settings::issuer::IssuerError;
use crate::settings::moving::MoveError;
use crate::settings::options::OptionsError;
use crate::settings::previous::PreviousError;

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
    EndpointError => Usage,
    FreezeError => Invalid,
    InspectError => Invalid,
    Invalid => Invalid,
    InstallArchiveError => Invalid,
    IssuerError => Usage,
    KeyError => Usage,
    MoveError => Usage,
    NotOfReceipt => Usage,
    OpenError => Other,
    OptionsError => Usage,
    PreviousError => Usage,
    RotationError => Usage,
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
            | RequestsError::TooLarge { .. }
            | RequestsError::Outside { .. }
            | RequestsError::Empty { .. }
            | RequestsError::Invalid(_) => ExitCode::Invalid,
        };
        Self::new(code, error)
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        let code = match &error {
            OutputError::Exists { .. } | OutputError::Exposed { .. } => ExitCode::Usage,
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

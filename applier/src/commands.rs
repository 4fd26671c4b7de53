//! The subcommands: each reads its arguments, goes through the stages, prints. The environment enters here and nowhere
//! else: the clock, the terminal, the signals.

#[cfg(feature = "aws")]
mod apply;
#[cfg(feature = "aws")]
mod delete;
#[cfg(feature = "aws")]
mod execute;
#[cfg(feature = "aws")]
mod last_words;
#[cfg(feature = "aws")]
mod permissions;
#[cfg(feature = "aws")]
mod plan;
#[cfg(feature = "aws")]
mod plan_file;
mod verify;

use std::fmt;
use std::io::{self, Write, stderr};
use std::time::{SystemTime, UNIX_EPOCH};

use bundle_schema::exit::{ExitCode, describe};
use bundle_schema::names::Timestamp;
use bundle_schema::signature::TrustPolicy;
use bundle_schema::trust::{TrustFileError, TrustLimits, read_trust_file, trusted_keys};

use crate::admit::AdmitError;
#[cfg(feature = "aws")]
use crate::admit::Admitted;
#[cfg(feature = "aws")]
use crate::cli::BundleArgs;
use crate::cli::{Cli, Command, TrustArgs};
#[cfg(feature = "aws")]
use crate::moving_line;

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Trust(#[from] TrustFileError),
    #[error(transparent)]
    Admit(#[from] AdmitError),
    #[error("this host's clock is outside the years 1970 to 9999\n  set the clock")]
    Clock,
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
    #[cfg(feature = "aws")]
    #[error(transparent)]
    WithoutCloudFront(#[from] crate::account::WithoutCloudFront),
    #[cfg(feature = "aws")]
    #[error(transparent)]
    Live(#[from] crate::account::live::LiveError),
    #[cfg(feature = "aws")]
    #[error(transparent)]
    PreviousReceipt(#[from] crate::record::PreviousReceiptError),
    #[cfg(feature = "aws")]
    #[error(transparent)]
    CaFile(#[from] crate::account::issuer::web::CaFileError),
    #[cfg(feature = "aws")]
    #[error(transparent)]
    Refused(#[from] crate::plan::refusal::Refused),
    #[cfg(feature = "aws")]
    #[error(transparent)]
    PlanFile(#[from] plan_file::FileFailure),
    #[cfg(feature = "aws")]
    #[error(transparent)]
    Run(#[from] execute::RunFailure),
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Trust(error) => error.exit_code(),
            Self::Admit(error) => error.exit_code(),
            Self::Output(_) | Self::Clock => ExitCode::Other,
            #[cfg(feature = "aws")]
            Self::Live(crate::account::live::LiveError::WrongAccount { .. }) | Self::Refused(_) => ExitCode::Refused,
            #[cfg(feature = "aws")]
            Self::PreviousReceipt(_) | Self::CaFile(_) | Self::WithoutCloudFront(_) => ExitCode::Usage,
            #[cfg(feature = "aws")]
            Self::Live(_) => ExitCode::Aws,
            #[cfg(feature = "aws")]
            Self::PlanFile(error) => error.exit_code(),
            #[cfg(feature = "aws")]
            Self::Run(error) => error.exit_code(),
        }
    }
}

/// Runs the command that the command line names. What went wrong is on standard error, and in the exit code.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    let done = match &cli.command {
        Command::Verify(args) => verify::run(args),
        #[cfg(feature = "aws")]
        Command::Plan(args) => block_on(plan::run(args)),
        #[cfg(feature = "aws")]
        Command::Apply(args) => block_on(apply::run(args)),
        #[cfg(feature = "aws")]
        Command::Delete(args) => block_on(delete::run(args)),
        #[cfg(feature = "aws")]
        Command::Permissions(args) => permissions::run(args),
    };
    done.unwrap_or_else(|failure| {
        // Nobody may be listening.
        let _ = writeln!(stderr(), "{}", describe(&failure));
        failure.exit_code()
    })
}

/// Checks 1 to 9.
#[cfg(feature = "aws")]
fn admit(args: &BundleArgs) -> Result<Admitted, Failure> {
    Ok(Admitted::open(&args.bundle, &args.signature, &trust(&args.trust)?, now()?)?)
}

/// Whose signatures are demanded, and the limits of the trust file.
fn trust(args: &TrustArgs) -> Result<(TrustPolicy, TrustLimits), TrustFileError> {
    match &args.trust {
        Some(file) => read_trust_file(file),
        None => Ok((trusted_keys(&args.trusted_key)?, TrustLimits::default())),
    }
}

/// Writes all of a text. A reader that has seen enough, such as `head`, is no failure.
fn print(out: &mut dyn Write, text: fmt::Arguments<'_>) -> Result<(), Failure> {
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Reads an account, and says meanwhile how far that is.
#[cfg(feature = "aws")]
async fn while_reading<T>(account: &crate::account::Aws, read: impl Future<Output = T>) -> T {
    let words = || {
        let (done, of) = account.roles_read();
        moving_line::reading(done, of, account.throttling())
    };
    Box::pin(moving_line::while_doing(read, words)).await
}

/// This host's clock.
fn now() -> Result<Timestamp, Failure> {
    let seconds =
        SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok());
    seconds.and_then(|seconds| Timestamp::from_unix(seconds).ok()).ok_or(Failure::Clock)
}

/// One thread is enough: everything waits for the network.
#[cfg(feature = "aws")]
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

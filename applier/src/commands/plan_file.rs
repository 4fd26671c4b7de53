//! Plan files on the command line: `--output` writes one, `--plan` reads it.

use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};

use bundle_schema::bundle::Bundle;
use bundle_schema::escape::{Escaped, escaped_path};
use bundle_schema::exit::ExitCode;
use bundle_schema::layout::fold;

use super::{Failure, print};
use crate::cli::{BundleArgs, ExecuteArgs, Format};
use crate::plan::choices::Choices;
use crate::plan::file::{NoPlan, NotForThis, PlanFile, PlanFileError, Subject};
use crate::plan::{Operation, Plan};
use crate::whole_file::publish;

/// Why a plan file was not written or not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileFailure {
    #[error("plan file {} exists, and a plan file is never overwritten\n  give another name with --output FILE", escaped_path(.path))]
    Exists { path: PathBuf },
    #[error("plan file {} cannot be written\n  give a place that can be written to with --output FILE", escaped_path(.path))]
    Io { path: PathBuf, source: std::io::Error },
    #[error("plan file {} was not written, because it could not be read: {reason}\n  approve this plan by its digest", escaped_path(.path))]
    Unreadable { path: PathBuf, reason: NoPlan },
    #[error(transparent)]
    Read(#[from] PlanFileError),
    #[error(transparent)]
    NotForThis(#[from] NotForThis),
}

impl FileFailure {
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Exists { .. } => ExitCode::Usage,
            Self::Io { .. } | Self::Unreadable { .. } => ExitCode::Other,
            Self::Read(error) => error.exit_code(),
            Self::NotForThis(error) => error.exit_code(),
        }
    }
}

impl ExecuteArgs {
    /// Before AWS is asked: the plan file, where one is named, if it is of what the command is about.
    pub(super) fn plan_file(
        &self,
        operation: Operation,
        bundle: &Bundle,
        choices: &Choices,
    ) -> Result<Option<PlanFile>, FileFailure> {
        let Some(path) = &self.plan else { return Ok(None) };
        let header = &bundle.contents().header;
        let file = PlanFile::open(path)?;
        file.is_for(&Subject {
            operation,
            account_id: &header.account_id,
            name: &header.name,
            serial: header.serial,
            sha256: bundle.digest(),
            flags: choices.flags(),
        })?;
        self.plan_digest.as_ref().map_or(Ok(()), |approved| file.has_digest(approved))?;
        Ok(Some(file))
    }
}

/// Whether a plan file may be written to this place.
pub(super) fn check_free(path: Option<&Path>) -> Result<(), FileFailure> {
    match path {
        Some(path) if path.symlink_metadata().is_ok() => Err(FileFailure::Exists { path: path.to_owned() }),
        _ => Ok(()),
    }
}

/// Shows a plan, and writes it where a file is named.
pub(super) fn show(
    plan: &Plan,
    args: &BundleArgs,
    output: Option<&Path>,
    previous_receipt: Option<&Path>,
) -> Result<(), Failure> {
    match args.format {
        Format::Text => print(&mut anstream::stdout(), format_args!("{:#}", plan.text()))?,
        Format::Json => print(&mut anstream::stdout(), format_args!("{}", plan.to_json()))?,
    }
    let Some(path) = output else { return Ok(()) };
    write(plan, path)?;
    let text = format!("The plan is in {}. To carry it out, also after a run that was stopped:\n", escaped_path(path));
    let command = command(plan, args, path, previous_receipt);
    // Standard output holds one JSON document, where that is asked for. A command is copied, so it is not folded.
    let mut out: Box<dyn Write> = if args.format == Format::Json { Box::new(stderr()) } else { Box::new(stdout()) };
    print(&mut out, format_args!("\n{}  {command}\n", fold(&text)))
}

fn write(plan: &Plan, path: &Path) -> Result<(), FileFailure> {
    let json = plan.to_json();
    // What this program would not read, it does not write.
    if let Err(reason) = PlanFile::parse(path, json.as_bytes()) {
        return Err(FileFailure::Unreadable { path: path.to_owned(), reason });
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.whole", std::process::id()));
    publish(path, &path.with_file_name(name), json.as_bytes()).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => FileFailure::Exists { path: path.to_owned() },
        _ => FileFailure::Io { path: path.to_owned(), source },
    })
}

/// The command that carries a plan file out, as a shell takes it.
fn command(plan: &Plan, args: &BundleArgs, file: &Path, previous_receipt: Option<&Path>) -> String {
    let BundleArgs { bundle, trust, signature, format: _ } = args;
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let mut words = vec!["airlock-applier".to_owned(), plan.operation().verb().to_owned(), path(bundle)];
    let files = [("--trust", trust.trust.as_slice()), ("--signature", signature.as_slice())];
    let files = files.into_iter().flat_map(|(name, files)| files.iter().map(move |file| (name, path(file))));
    let keys = trust.trusted_key.iter().map(|key| ("--trusted-key", key.clone()));
    let receipt = previous_receipt.map(|file| ("--previous-receipt", path(file)));
    for (name, value) in files.chain(keys).chain(receipt).chain([("--plan", path(file))]) {
        words.extend([name.to_owned(), value]);
    }
    words.extend(plan.flags().words().map(str::to_owned));
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a POSIX shell takes it; what would move a terminal's cursor is escaped, and then has to be typed by hand.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", Escaped(&word.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        let all = ["out/prod-1.tar.gz", "a b", "it's", "", "x\u{1b}"].map(quoted);
        assert_eq!(all, ["out/prod-1.tar.gz", "'a b'", "'it'\\''s'", "''", "'x\\u{1b}'"]);
    }
}

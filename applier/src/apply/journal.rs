//! Where a run writes what it does: a journal, a line an action as it ends, so that whatever stops the process leaves what
//! was done; and at the end the receipt, whole.
//!
//! Input: a path that nothing stands at. Output: the receipt there, or the journal beside it. No file of somebody else is
//! replaced or removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use bundle_schema::escape::{Escaped, escaped_json};
use bundle_schema::names::{AccountId, Timestamp};
use bundle_schema::signature::Signer;
use serde::Serialize;

use crate::apply::outcome::Outcome;
use crate::apply::receipt::Receipt;
use crate::plan::action::{Action, Change};
use crate::plan::head::{BundleId, Head};
use crate::plan::{Operation, Plan};
use crate::whole_file::publish;

/// The version of the journal's format.
const JOURNAL_VERSION: u32 = 1;

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Something stands at its place.
    #[error("receipt {} exists, and a receipt is never overwritten\n  give another name with --receipt FILE", shown(.path))]
    Exists {
        /// Its place.
        path: PathBuf,
    },
    /// Something came to stand at its place during the run.
    #[error("receipt {} exists since this run began, and is not overwritten\n  what was done stands in {}", shown(.path), shown(.journal))]
    Taken {
        /// Its place.
        path: PathBuf,
        /// The journal, which stays.
        journal: PathBuf,
    },
    /// The operating system's reason.
    #[error("receipt {} cannot be written\n  give a place that can be written to with --receipt FILE", shown(.path))]
    Io {
        /// Its place.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn shown(path: &Path) -> String {
    Escaped(&path.to_string_lossy()).to_string()
}

/// A journal that is open, from before the first change until the receipt is written.
pub(crate) struct Journal {
    receipt: PathBuf,
    path: PathBuf,
    file: File,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FirstLine<'a> {
    journal_version: u32,
    applier_version: &'static str,
    operation: Operation,
    bundle: &'a BundleId,
    signers: &'a [Signer],
    account_id: &'a AccountId,
    caller: &'a str,
    plan_digest: &'a str,
    started: Timestamp,
    /// How many there are to do.
    actions: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    change: Change,
    call: &'static str,
    resource: &'a str,
    #[serde(flatten)]
    outcome: &'a Outcome,
    time: Timestamp,
}

/// Whether a receipt may be written to this place.
pub(crate) fn check_free(receipt: &Path) -> Result<(), ReceiptError> {
    if receipt.symlink_metadata().is_ok() {
        return Err(ReceiptError::Exists { path: receipt.to_owned() });
    }
    Ok(())
}

impl Journal {
    /// Makes sure that a receipt can be written to this place, and begins the journal beside it.
    pub(crate) fn open(receipt: PathBuf, plan: &Plan, now: Timestamp) -> Result<Self, ReceiptError> {
        check_free(&receipt)?;
        let time: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
        let mut name = receipt.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{time}.{}.journal", std::process::id()));
        let path = receipt.with_file_name(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => {
                let mut journal = Self { receipt, path, file };
                let begun = journal.begin(plan, now);
                begun.map_err(|source| journal.failed(source)).map(|()| journal)
            }
            Err(source) => Err(ReceiptError::Io { path: receipt, source }),
        }
    }

    fn begin(&mut self, plan: &Plan, started: Timestamp) -> io::Result<()> {
        let Head { bundle, signers, account_id, caller, .. } = plan.head();
        self.write(&FirstLine {
            journal_version: JOURNAL_VERSION,
            applier_version: env!("CARGO_PKG_VERSION"),
            operation: plan.operation(),
            bundle,
            signers,
            account_id,
            caller,
            plan_digest: plan.digest().as_str(),
            started,
            actions: plan.actions().len(),
        })
    }

    /// The receipt's place.
    pub(crate) fn receipt(&self) -> &Path {
        &self.receipt
    }

    /// Notes how an action ended.
    pub(crate) fn note(&mut self, action: &Action, outcome: &Outcome, time: Timestamp) -> Result<(), ReceiptError> {
        let (change, call, resource) = (action.change(), action.name(), action.resource.as_str());
        self.write(&Line { change, call, resource, outcome, time }).map_err(|source| self.failed(source))
    }

    /// One write a line: a process that is killed leaves whole lines.
    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = escaped_json(&serde_json::to_string(line)?);
        text.push('\n');
        self.file.write_all(text.as_bytes())
    }

    /// Writes the receipt, whole, and ends the journal. Where that fails, the journal stays.
    pub(crate) fn finish(self, receipt: &Receipt) -> Result<(), ReceiptError> {
        let published = self.publish(receipt.to_json().as_bytes());
        match published {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let (path, journal) = (self.receipt.clone(), self.path.clone());
                // Whatever else was lost with the power would be lost with the journal.
                self.file.sync_all().map_err(|source| self.failed(source))?;
                return Err(ReceiptError::Taken { path, journal });
            }
            Err(error) => return Err(self.failed(error)),
        }
        // The receipt says all that stands in it.
        let _ = fs::remove_file(&self.path);
        Ok(())
    }

    fn publish(&self, bytes: &[u8]) -> io::Result<()> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".whole");
        publish(&self.receipt, &self.path.with_file_name(name), bytes)
    }

    fn failed(&self, source: io::Error) -> ReceiptError {
        ReceiptError::Io { path: self.receipt.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::answered;
    use crate::apply::outcome::{ActionError, IssuerOutcome};
    use crate::fixture::{Held, contents, plan};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds).unwrap()
    }

    /// A folder that goes with the value.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("airlock-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn new_account() -> Plan {
        plan(&contents(), &Held::nothing().state()).unwrap()
    }

    fn receipt(plan: &Plan) -> Receipt {
        let outcomes = plan.actions().iter().map(|_| Outcome::Done).collect();
        Receipt::new(plan, outcomes, IssuerOutcome::Done, None, at(0), at(60))
    }

    fn journal_name() -> String {
        format!("r.json.19700101T000000Z.{}.journal", std::process::id())
    }

    #[test]
    fn a_receipt_takes_the_place_of_the_journal() {
        let (folder, plan) = (Folder::new("journal"), new_account());
        let path = folder.0.join("r.json");
        let journal = Journal::open(path.clone(), &plan, at(0)).unwrap();
        assert_eq!(folder.names(), [journal_name()]);
        journal.finish(&receipt(&plan)).unwrap();
        assert_eq!(folder.names(), ["r.json"]);
        assert_eq!(fs::read_to_string(path).unwrap(), receipt(&plan).to_json());
    }

    #[test]
    fn the_journal_says_how_each_action_ended() {
        let (folder, plan) = (Folder::new("lines"), new_account());
        let mut journal = Journal::open(folder.0.join("r.json"), &plan, at(0)).unwrap();
        let failed: ActionError = answered("s3:PutObject", 503, "SlowDown\u{1b}", "m").into();
        journal.note(&plan.actions()[0], &Outcome::Done, at(1)).unwrap();
        journal.note(&plan.actions()[1], &Outcome::Failed(failed.clone()), at(2)).unwrap();
        drop(journal);
        let text = fs::read_to_string(folder.0.join(journal_name())).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["planDigest"], &lines[0]["actions"]), (&plan.digest().as_str().into(), &13.into()));
        let expected = serde_json::json!({
            "change": "create", "call": "s3:CreateBucket", "resource": "arn:aws:s3:::prod-oidc", "outcome": "done",
            "time": "1970-01-01T00:00:01Z",
        });
        assert_eq!(lines[1], expected);
        assert_eq!((&lines[2]["outcome"], &lines[2]["error"]), (&"failed".into(), &failed.to_string().into()));
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn nothing_is_ever_overwritten() {
        let (folder, plan) = (Folder::new("kept"), new_account());
        let path = folder.0.join("r.json");
        let journal = Journal::open(path.clone(), &plan, at(0)).unwrap();
        fs::write(&path, "mine").unwrap();
        let (there, beside) = (path.display(), folder.0.join(journal_name()));
        assert_eq!(
            journal.finish(&receipt(&plan)).unwrap_err().to_string(),
            format!(
                "receipt {there} exists since this run began, and is not overwritten\n  what was done stands in {}",
                beside.display()
            )
        );
        assert_eq!(folder.names(), ["r.json".to_owned(), journal_name()]);
        assert_eq!(
            Journal::open(path.clone(), &plan, at(1)).err().unwrap().to_string(),
            format!(
                "receipt {there} exists, and a receipt is never overwritten\n  give another name with --receipt FILE"
            )
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_refused() {
        let (folder, plan) = (Folder::new("nowhere"), new_account());
        let nowhere = folder.0.join("missing/r.json");
        assert_eq!(
            Journal::open(nowhere.clone(), &plan, at(0)).err().unwrap().to_string(),
            format!(
                "receipt {} cannot be written\n  give a place that can be written to with --receipt FILE",
                nowhere.display()
            )
        );
    }
}

//! Where a run writes what it does: a journal, a line an action as it ends, so that whatever stops the process leaves what
//! was done; and at the end the receipt, whole.
//!
//! Input: a path that nothing stands at. Output: the receipt there, or the journal beside it. No file of somebody else is
//! replaced or removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use bundle_schema::escape::{escaped_json, escaped_path};
use bundle_schema::names::{AccountId, Partition, Region, Sha256, Timestamp};
use bundle_schema::receipt::{Approval, BundleId, BundleSigner, Choices, Entry, Operation};
use serde::Serialize;

use crate::apply::receipt::{self, Receipt};
use crate::plan::ApprovedPlan;
use crate::plan::head::Head;
use crate::whole_file::publish;

/// The version of the journal's format.
const JOURNAL_VERSION: u32 = 1;

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// Something stands at its place.
    #[error("receipt {} exists, and a receipt is never overwritten\n  give another name with --receipt FILE", escaped_path(.path))]
    Exists {
        /// Its place.
        path: PathBuf,
    },
    /// Something came to stand at its place during the run.
    #[error("receipt {} exists since this run began, and is not overwritten\n  what was done stands in {}", escaped_path(.path), escaped_path(.journal))]
    Taken {
        /// Its place.
        path: PathBuf,
        /// The journal, which stays.
        journal: PathBuf,
    },
    /// The operating system's reason.
    #[error("receipt {} cannot be written\n  give a place that can be written to with --receipt FILE", escaped_path(.path))]
    Io {
        /// Its place.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
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
    signers: Vec<BundleSigner>,
    account_id: &'a AccountId,
    partition: &'a Partition,
    region: &'a Region,
    caller: &'a str,
    plan_digest: &'a Sha256,
    approval: &'a Approval,
    choices: Choices,
    started: Timestamp,
    /// How many there are to do.
    actions: usize,
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
    pub(crate) fn open(receipt: PathBuf, approved: &ApprovedPlan, now: Timestamp) -> Result<Self, ReceiptError> {
        check_free(&receipt)?;
        let mut name = receipt.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.{}.journal", now.compact(), std::process::id()));
        let path = receipt.with_file_name(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => {
                let journal = Self { receipt, path, file };
                let begun = journal.begin(approved, now);
                begun.map_err(|source| journal.failed(source)).map(|()| journal)
            }
            Err(source) => Err(ReceiptError::Io { path: receipt, source }),
        }
    }

    fn begin(&self, approved: &ApprovedPlan, started: Timestamp) -> io::Result<()> {
        let plan = approved.plan();
        let Head { bundle, account_id, partition, region, caller, .. } = plan.head();
        self.write(&FirstLine {
            journal_version: JOURNAL_VERSION,
            applier_version: env!("CARGO_PKG_VERSION"),
            operation: plan.operation().into(),
            bundle,
            signers: receipt::signers(plan.head()),
            account_id,
            partition,
            region,
            caller,
            plan_digest: plan.digest(),
            approval: approved.approval(),
            choices: plan.flags().into(),
            started,
            actions: plan.actions().len(),
        })
    }

    /// The journal's own place.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The receipt's place.
    pub(crate) fn receipt(&self) -> &Path {
        &self.receipt
    }

    /// Notes how an action ended: what the receipt will have of it.
    pub(crate) fn note(&self, entry: &Entry) -> Result<(), ReceiptError> {
        self.write(entry).map_err(|source| self.failed(source))
    }

    /// One write a line: a process that is killed leaves whole lines.
    fn write(&self, line: &impl Serialize) -> io::Result<()> {
        let mut text = escaped_json(&serde_json::to_string(line)?);
        text.push('\n');
        (&self.file).write_all(text.as_bytes())
    }

    /// Writes the receipt, whole, and ends the journal. Where that fails, the journal stays.
    pub(crate) fn finish(&self, receipt: &Receipt) -> Result<(), ReceiptError> {
        let published = self.publish(&receipt.to_bytes());
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
    use bundle_schema::receipt::{CallName, Change, Outcome, Sent};

    use crate::apply::receipt::Ran;
    use crate::fixture::{Held, contents, parsed, plan};
    use crate::plan::Approval as Approved;

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

    fn new_account() -> ApprovedPlan {
        plan(&contents(), &Held::nothing().state()).unwrap().approve(Approved::Yes).unwrap()
    }

    fn open(path: PathBuf, approved: &ApprovedPlan) -> Result<Journal, ReceiptError> {
        Journal::open(path, approved, at(0))
    }

    fn receipt(approved: &ApprovedPlan) -> Receipt {
        Receipt::new(approved.plan(), Ran::new(approved.approval().clone(), at(0), Vec::new()))
    }

    fn journal_name() -> String {
        format!("r.json.19700101T000000Z.{}.journal", std::process::id())
    }

    #[test]
    fn a_receipt_takes_the_place_of_the_journal() {
        let (folder, plan) = (Folder::new("journal"), new_account());
        let path = folder.0.join("r.json");
        let journal = open(path.clone(), &plan).unwrap();
        assert_eq!(folder.names(), [journal_name()]);
        journal.finish(&receipt(&plan)).unwrap();
        assert_eq!(folder.names(), ["r.json"]);
        assert_eq!(fs::read(path).unwrap(), receipt(&plan).to_bytes());
    }

    #[test]
    fn the_journal_says_how_each_action_ended() {
        let (folder, plan) = (Folder::new("lines"), new_account());
        let journal = open(folder.0.join("r.json"), &plan).unwrap();
        let mut entry = Entry {
            change: Change::Create,
            call: CallName::CreateBucket,
            resource: "arn:aws:s3:::prod-oidc".to_owned(),
            outcome: Outcome::Done(Sent { began: at(1), ended: at(2), attempts: 1, request_ids: vec![parsed("TX1")] }),
        };
        journal.note(&entry).unwrap();
        let sent = Sent { began: at(2), ended: at(3), attempts: 2, request_ids: Vec::new() };
        entry.outcome = Outcome::Failed { error: "no\nanswer\u{1b}".to_owned(), sent };
        journal.note(&entry).unwrap();
        drop(journal);
        let text = fs::read_to_string(folder.0.join(journal_name())).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            (&lines[0]["planDigest"], &lines[0]["actions"]),
            (&plan.plan().digest().as_str().into(), &13.into())
        );
        assert_eq!(lines[0]["approval"], serde_json::json!({"by": "yes", "planDigest": plan.plan().digest().as_str()}));
        let expected = serde_json::json!({
            "change": "create", "call": "s3:CreateBucket", "resource": "arn:aws:s3:::prod-oidc", "outcome": "done",
            "began": "1970-01-01T00:00:01Z", "ended": "1970-01-01T00:00:02Z", "attempts": 1, "requestIds": ["TX1"],
        });
        assert_eq!(lines[1], expected);
        assert_eq!((&lines[2]["outcome"], &lines[2]["error"]), (&"failed".into(), &"no\nanswer\u{1b}".into()));
        assert!(!text.contains('\u{1b}'));
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn nothing_is_ever_overwritten() {
        let (folder, plan) = (Folder::new("kept"), new_account());
        let path = folder.0.join("r.json");
        let journal = open(path.clone(), &plan).unwrap();
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
            open(path.clone(), &plan).err().unwrap().to_string(),
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
            open(nowhere.clone(), &plan).err().unwrap().to_string(),
            format!(
                "receipt {} cannot be written\n  give a place that can be written to with --receipt FILE",
                nowhere.display()
            )
        );
    }
}

//! What a run leaves if the program fails: a receipt that says how far it came.
//!
//! Input: the run's ledger, and its journal. Output: the receipt, or the journal where even that cannot be had. AWS is not asked any
//! more: the record stays as that of a run that was cut off, and the next run takes it over.

use std::sync::Arc;

use bundle_schema::escape::escaped_path;
use bundle_schema::exit::set_last_words;

use super::now;
use crate::apply::journal::Journal;
use crate::apply::ledger::Ledger;
use crate::plan::Operation;

/// From here on a panic leaves the receipt of this run, and says what to do.
pub(super) fn leave_a_receipt(operation: Operation, advice: String, ledger: &Arc<Ledger>, journal: &Arc<Journal>) {
    let (ledger, journal) = (Arc::clone(ledger), Arc::clone(journal));
    set_last_words(Some(Box::new(move || {
        let receipt = now().ok().and_then(|now| ledger.receipt_of_failure(now));
        let written = receipt.filter(|receipt| journal.finish(receipt).is_ok());
        let (counts, where_it_stands) = match &written {
            Some(receipt) => (format!(": {receipt}"), format!("the receipt is {}", escaped_path(journal.receipt()))),
            None => (
                String::new(),
                format!("there is no receipt; what was done stands in {}", escaped_path(journal.path())),
            ),
        };
        format!("{} stopped{counts}\n  {advice}\n  {where_it_stands}", operation.verb())
    })));
}

/// The run has its receipt.
pub(super) fn leave_nothing() {
    set_last_words(None);
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;
    use std::{env, fs};

    use bundle_schema::exit::end_at_panics;
    use bundle_schema::receipt::{Ending, Outcome, Receipt, RequestId};
    use bundle_schema::record::RecordState;

    use super::*;
    use crate::apply::Run;
    use crate::commands::execute::WHAT_IS_LEFT;
    use crate::fixture::{Fake, Held, contents, plan_signed_by};
    use crate::plan::Approval;
    use crate::plan::choices::Choices;

    /// Names the folder, in the process that is to panic.
    const FOLDER: &str = "AIRLOCK_TEST_PANICS_IN";
    const RECEIPT: &str = "r.json";

    /// A run that panics while the identity provider is made. `is_taken`: something stands at the receipt's place by then.
    fn panic_in(folder: &Path, is_taken: bool) -> ! {
        end_at_panics();
        let plan = plan_signed_by("generator", &contents(), &Held::nothing().state(), &Choices::default());
        let approved = plan.approve(Approval::Yes).unwrap();
        let begun = now().unwrap();
        let journal = Arc::new(Journal::open(folder.join(RECEIPT), &approved, begun).unwrap());
        let ledger = Arc::new(approved.begin(begun));
        leave_a_receipt(Operation::Apply, WHAT_IS_LEFT.to_owned(), &ledger, &journal);
        if is_taken {
            fs::write(folder.join(RECEIPT), "mine").unwrap();
        }
        let account = Arc::new(Fake { panics: Some("iam:CreateOpenIDConnectProvider"), ..Fake::new(Held::nothing()) });
        let run = Run {
            concurrency: 10,
            issuer: None,
            wait: None,
            stop: Arc::<AtomicBool>::default(),
            take_over_after: Duration::ZERO,
            clock: &|| now().unwrap(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let note = |_: &_, entry: &_| journal.note(entry).unwrap();
        let receipt = runtime.block_on(ledger.apply(&account, run, note));
        panic!("it goes on: {receipt}");
    }

    /// What the test of this name prints where it panics, in a process of its own, and the folder of the run.
    fn panicked(test: &str, is_taken: bool) -> (String, PathBuf) {
        if let Some(folder) = env::var_os(FOLDER) {
            panic_in(Path::new(&folder), is_taken);
        }
        let folder = env::temp_dir().join(format!("airlock-{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
        let mut alone = Command::new(env::current_exe().unwrap());
        let output = alone.args(["--exact", &name, "--nocapture"]).env(FOLDER, &folder).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        (words(&output.stderr), folder)
    }

    /// What was printed, whatever its lines.
    fn words(printed: &[u8]) -> String {
        let text = String::from_utf8(printed.to_vec()).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_program_that_fails_leaves_a_receipt() {
        let (said, folder) = panicked("a_program_that_fails_leaves_a_receipt", false);
        let path = folder.join(RECEIPT);
        let told = format!(
            "a bug in this program has ended it: as the test wants it (applier/src/fixture/fake.rs:116) apply stopped: 7 done, 1 failed, 5 not reached running it again is safe; what is left is a new plan, which needs a new approval the receipt is {} report it to its maintainers, with the command and this text",
            path.display()
        );
        assert_eq!(said, format!("error: {told}"));
        assert_eq!(names(&folder), [RECEIPT], "the journal has ended");
        let receipt = Receipt::parse(&fs::read(path).unwrap()).unwrap();
        assert_eq!(receipt.ending, Ending::Failed);
        let failed: Vec<_> = receipt.actions.iter().filter(|entry| entry.outcome.is_failed()).collect();
        let Outcome::Failed { error, sent } = &failed[0].outcome else { panic!("{failed:?}") };
        let provider = "arn:aws:iam::123456789012:oidc-provider/prod-oidc.s3.us-east-2.amazonaws.com";
        assert_eq!((failed.len(), error), (1, &format!("{provider} was interrupted")));
        let id = sent.request_ids.iter().map(RequestId::as_str).collect::<Vec<_>>();
        assert_eq!((sent.attempts, id), (1, vec!["iam:CreateOpenIDConnectProvider-1"]));
        assert_eq!(receipt.record.unwrap().state, RecordState::Applying);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn without_a_receipt_the_journal_stays() {
        let (said, folder) = panicked("without_a_receipt_the_journal_stays", true);
        let found = names(&folder);
        assert_eq!((found.len(), found[0].as_str()), (2, RECEIPT));
        assert_eq!(fs::read_to_string(folder.join(RECEIPT)).unwrap(), "mine");
        let journal = folder.join(&found[1]);
        let told = format!(
            "apply stopped running it again is safe; what is left is a new plan, which needs a new approval there is no receipt; what was done stands in {} report it",
            journal.display()
        );
        assert!(said.contains(&told), "{said}");
        assert_eq!(fs::read_to_string(journal).unwrap().lines().count(), 8, "its beginning, and seven actions");
        fs::remove_dir_all(folder).unwrap();
    }
}

//! What `apply` and `delete` have in common: the plan is shown, approved, carried out, and the receipt written.

use std::cell::Cell;
use std::io::{self, BufRead, IsTerminal, Write, stderr, stdin, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bundle_schema::documents::index::{Header, Kind};
use bundle_schema::escape::Escaped;
use bundle_schema::exit::{ExitCode, describe};
use bundle_schema::layout::{fold, fold_row};
use bundle_schema::receipt::{Distribution, Ending, Entry};

use super::{Failure, last_words, now, print};
use crate::account::Aws;
use crate::apply::deployment::Wait;
use crate::apply::issuer_check::IssuerCheck;
use crate::apply::journal::{Journal, ReceiptError, check_free};
use crate::apply::receipt::Receipt;
use crate::apply::{ActionError, Run};
use crate::cli::{ExecuteArgs, Format};
use crate::moving_line;
use crate::plan::action::Action;
use crate::plan::approval::NotAgreed;
use crate::plan::file::PlanFile;
use crate::plan::{Approval, Operation, Plan};
use crate::served;

/// What to do after a run that was stopped before its end.
pub(super) const WHAT_IS_LEFT: &str =
    "running it again is safe; what is left is a new plan, which needs a new approval";

/// Why an apply or a deletion did not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunFailure {
    #[error(
        "the plan is not approved, and there is no terminal to ask on; nothing was changed\n  to {0} exactly {1}: --plan-digest {digest}\n  to {0} whatever {2}: --yes", .operation.verb(), .operation.this_plan(), .operation.any_plan()
    )]
    NotApproved { operation: Operation, digest: bundle_schema::names::Sha256 },
    #[error("the plan was declined; nothing was changed")]
    Declined,
    #[error(transparent)]
    NotAgreed(#[from] NotAgreed),
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    #[error("{} stopped: {summary}\n  {advice}\n  the receipt is {}", .operation.verb(), Escaped(.receipt))]
    Failed { operation: Operation, summary: String, advice: String, receipt: String, source: Box<ActionError> },
    #[error("{} was interrupted: {summary}\n  {advice}\n  the receipt is {}", .operation.verb(), Escaped(.receipt))]
    Interrupted { operation: Operation, summary: String, advice: String, receipt: String },
}

impl Operation {
    fn this_plan(self) -> &'static str {
        match self {
            Self::Apply => "this plan",
            Self::Delete => "what this plan names",
        }
    }

    fn any_plan(self) -> &'static str {
        match self {
            Self::Apply => "the plan is",
            Self::Delete => "the plan names",
        }
    }

    fn doing(self) -> &'static str {
        match self {
            Self::Apply => "applying",
            Self::Delete => "deleting",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Delete => "Delete",
        }
    }
}

impl RunFailure {
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::NotApproved { .. } | Self::Receipt(ReceiptError::Exists { .. }) => ExitCode::Usage,
            Self::NotAgreed(NotAgreed::NotForThis(error)) => error.exit_code(),
            Self::NotAgreed(_) => ExitCode::Refused,
            Self::Failed { source, .. } if source.is_somebody_else() => ExitCode::Refused,
            Self::Failed { .. } => ExitCode::Aws,
            Self::Declined | Self::Receipt(_) | Self::Interrupted { .. } => ExitCode::Other,
        }
    }
}

/// How a plan is approved and carried out.
pub(super) struct Execution<'a> {
    pub(super) args: &'a ExecuteArgs,
    pub(super) format: Format,
    pub(super) concurrency: u8,
    /// What the receipt's name begins with, where none is given.
    pub(super) file_stem: String,
    pub(super) issuer: Option<Arc<IssuerCheck>>,
    pub(super) wait: Option<Arc<Wait>>,
}

impl ExecuteArgs {
    /// How CloudFront is waited for, where the bundle has a distribution.
    pub(super) fn wait(&self, header: &Header) -> Option<Arc<Wait>> {
        let timeout = Duration::from_secs(60 * u64::from(self.wait_timeout));
        header.has_distribution().then(|| Arc::new(Wait { timeout, alias: served::alias(header) }))
    }

    /// Before AWS is asked: whether a receipt may be written where it is to be.
    pub(super) fn check(&self) -> Result<(), RunFailure> {
        Ok(self.receipt.as_deref().map_or(Ok(()), check_free)?)
    }

    /// What to do after a run that did not end well; `without_file` where no file holds the plan.
    fn advice(&self, without_file: &str, error: Option<&ActionError>) -> String {
        let Some(file) = &self.plan else { return without_file.to_owned() };
        let receipt = if self.receipt.is_some() { ", with another --receipt" } else { "" };
        let file = Escaped(&file.to_string_lossy()).to_string();
        let then = match error {
            Some(error) if error.is_somebody_else() => format!("it says whether plan file {file} still fits"),
            _ => format!("what is left of plan file {file} is still approved"),
        };
        format!("running the same command again is safe{receipt}: {then}")
    }
}

impl Execution<'_> {
    /// Shows the plan, has it approved and carries it out. `again` makes it again, where somebody took a while to agree.
    pub(super) async fn run(
        &self,
        account: &Arc<Aws>,
        plan: Plan,
        file: Option<PlanFile>,
        again: impl Future<Output = Result<Plan, Failure>>,
    ) -> Result<ExitCode, Failure> {
        let args = self.args;
        // Standard output holds one JSON document, where that is asked for; what people read goes beside it.
        let mut screen: Box<dyn Write> = match self.format {
            Format::Text => Box::new(anstream::stdout()),
            Format::Json => Box::new(anstream::stderr()),
        };
        // Whoever names a plan's digest, or its file, has read it.
        let is_read = args.plan_digest.is_some() || file.is_some();
        let shown = if is_read { plan.head_text() } else { plan.text() };
        print(
            &mut screen,
            format_args!("{shown:#}{}", file.as_ref().map(|file| left(file, &plan)).unwrap_or_default()),
        )?;

        let (plan, approval) = if let Some(approval) = self.approval(file, &plan, &mut screen)? {
            (plan, approval)
        } else {
            // Somebody read the plan and agreed: to this plan, and not to what the account or the clock made of it meanwhile.
            (again.await?, Approval::Terminal(plan.digest().clone()))
        };
        let begun = now()?;
        let default = || default_receipt(&format!("{}.{}", self.file_stem, begun.compact()));
        let (total, operation) = (plan.actions().len(), plan.operation());
        let approved = plan.approve(approval).map_err(RunFailure::from)?;
        let receipt = args.receipt.clone().unwrap_or_else(default);
        let journal = Arc::new(Journal::open(receipt, &approved, begun).map_err(RunFailure::from)?);
        let ledger = Arc::new(approved.begin(begun));
        last_words::leave_a_receipt(operation, args.advice(WHAT_IS_LEFT, None), &ledger, &journal);
        let clock = || now().unwrap_or(begun);
        let stop = stop_on_signals();

        let run = Run {
            concurrency: self.concurrency.into(),
            issuer: self.issuer.clone(),
            wait: self.wait.clone(),
            stop: Arc::clone(&stop),
            take_over_after: Duration::from_secs(args.take_over_after.into()),
            clock: &clock,
        };
        let ended = Cell::new(0);
        let report = |action: &Action, entry: &Entry| {
            ended.update(|ended| ended + 1);
            moving_line::clear();
            // A closed terminal is no reason to leave a run half done.
            let _ = writeln!(screen, "[{}/{total}] {}: {action}", ended.get(), entry.outcome);
            if let Err(error) = journal.note(entry) {
                // What cannot be written down is not done.
                if !stop.swap(true, Ordering::Relaxed) {
                    moving_line::clear();
                    let _ = writeln!(stderr(), "{}", describe(&error));
                }
            }
        };
        let words = || moving_line::doing(operation.doing(), ended.get(), total, account.throttling());
        let receipt = Box::pin(moving_line::while_doing(ledger.apply(account, run, report), words)).await;
        let done = self.finish(operation, &receipt, &journal);
        last_words::leave_nothing();
        done
    }

    /// Writes the receipt and says how it ended.
    fn finish(&self, operation: Operation, receipt: &Receipt, journal: &Journal) -> Result<ExitCode, Failure> {
        let path = journal.receipt().to_string_lossy().into_owned();
        if let Err(error) = journal.finish(receipt) {
            // With the journal, it is all that says what was done.
            let _ = stderr().write_all(&receipt.to_bytes());
            return Err(RunFailure::from(error).into());
        }
        let printed = match self.format {
            Format::Json => print(&mut stdout(), format_args!("{}", String::from_utf8_lossy(&receipt.to_bytes()))),
            Format::Text => {
                let named = receipt.names_issuer().map(|Distribution { domain, .. }| {
                    let next = "sign the receipt, and make the cluster's bundle of it with --endpoint-receipt";
                    format!("The issuer will be https://{domain}: {next}.\n")
                });
                let named = named.unwrap_or_default();
                let text = format!("{}: {receipt}. The receipt is {}.\n{named}", operation.title(), Escaped(&path));
                print(&mut stdout(), format_args!("{}", fold(&text)))
            }
        };
        let summary = receipt.to_string();
        match (receipt.ending(), receipt.first_error()) {
            (Ending::Done, _) => printed.map(|()| ExitCode::Done),
            (Ending::Failed, Some(error)) => {
                let advice = self.args.advice("running it again is safe: it plans what is left", Some(&error));
                Err(RunFailure::Failed { operation, summary, advice, receipt: path, source: Box::new(error) }.into())
            }
            (Ending::Interrupted | Ending::Failed, _) => {
                let advice = self.args.advice(WHAT_IS_LEFT, None);
                Err(RunFailure::Interrupted { operation, summary, advice, receipt: path }.into())
            }
        }
    }

    /// From the command line; none where somebody on a terminal read the plan just now and agreed. A plan that does nothing
    /// needs no approval.
    fn approval(
        &self,
        file: Option<PlanFile>,
        plan: &Plan,
        screen: &mut dyn Write,
    ) -> Result<Option<Approval>, Failure> {
        if let Some(file) = file {
            return Ok(Some(Approval::File(file)));
        }
        if let Some(digest) = &self.args.plan_digest {
            return Ok(Some(Approval::Digest(digest.clone())));
        }
        if self.args.yes || plan.is_empty() {
            return Ok(Some(Approval::Yes));
        }
        let operation = plan.operation();
        if !stdin().is_terminal() {
            if self.format == Format::Json {
                print(&mut stdout(), format_args!("{}", plan.to_json()))?;
            }
            return Err(RunFailure::NotApproved { operation, digest: plan.digest().clone() }.into());
        }
        let name = plan.head().bundle.name.as_str();
        let answer = match operation {
            Operation::Apply => {
                write!(screen, "\nType \"yes\" to apply: ")?;
                "yes"
            }
            Operation::Delete => {
                let whose = match plan.head().bundle.kind {
                    Kind::Cluster => "cluster",
                    Kind::Endpoint | Kind::Roles => "bundle",
                };
                write!(screen, "\nType the {whose}'s name, {name}, to delete its resources: ")?;
                name
            }
        };
        screen.flush()?;
        if read_line()?.trim_end() == answer { Ok(None) } else { Err(RunFailure::Declined.into()) }
    }
}

/// How much of a plan file is left to do.
fn left(file: &PlanFile, plan: &Plan) -> String {
    let path = file.path().to_string_lossy();
    let text = match plan.actions().len() {
        0 => format!("{}: nothing is left to do", Escaped(&path)),
        1 => format!("{}: 1 of {} calls is left", Escaped(&path), file.calls()),
        calls => format!("{}: {calls} of {} calls are left", Escaped(&path), file.calls()),
    };
    format!("{}\n\n", fold_row("Plan file ", &text))
}

/// At most a few bytes: whatever else comes is not what was asked for.
fn read_line() -> io::Result<String> {
    let mut line = Vec::new();
    io::Read::take(stdin().lock(), 64).read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// `BEGINNING.receipt.json`; where that is taken, by a run in the same second, `BEGINNING-2.receipt.json` and so on.
fn default_receipt(beginning: &str) -> PathBuf {
    let numbered = (2..100).map(|number| format!("{beginning}-{number}.receipt.json"));
    let mut names = std::iter::once(format!("{beginning}.receipt.json")).chain(numbered).map(PathBuf::from);
    names.find(|name| check_free(name).is_ok()).unwrap_or_else(|| PathBuf::from(format!("{beginning}.receipt.json")))
}

/// From here on Ctrl-C and SIGTERM end the run in good order instead of at once.
fn stop_on_signals() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let interrupted = Arc::clone(&stop);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.store(true, Ordering::Relaxed);
        }
    });
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        let terminated = Arc::clone(&stop);
        tokio::spawn(async move {
            terminate.recv().await;
            terminated.store(true, Ordering::Relaxed);
        });
    }
    stop
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(plan: Option<&str>, receipt: Option<&str>) -> ExecuteArgs {
        let (plan, receipt) = (plan.map(PathBuf::from), receipt.map(PathBuf::from));
        ExecuteArgs { yes: false, plan_digest: None, plan, take_over_after: 30, wait_timeout: 30, receipt }
    }

    #[test]
    fn a_plan_file_goes_on() {
        let changed = ActionError::Changed { resource: "r".to_owned() };
        let cut_off = ActionError::CutOff { resource: "r".to_owned() };
        assert_eq!(args(None, None).advice("look", Some(&changed)), "look");
        assert_eq!(
            args(Some("p\u{1b}"), None).advice("look", None),
            "running the same command again is safe: what is left of plan file p\\u{1b} is still approved"
        );
        assert_eq!(
            args(Some("p"), Some("r")).advice("look", Some(&cut_off)),
            "running the same command again is safe, with another --receipt: what is left of plan file p is still approved"
        );
        assert_eq!(
            args(Some("p"), None).advice("look", Some(&changed)),
            "running the same command again is safe: it says whether plan file p still fits"
        );
    }
}

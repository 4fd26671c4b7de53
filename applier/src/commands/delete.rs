//! `airlock-applier delete`: shows what goes, has it approved, deletes it, writes the receipt.

use std::sync::Arc;

use bundle_schema::exit::ExitCode;

use super::execute::Execution;
use super::{Failure, now, plan_file, trust, while_reading};
use crate::account::Aws;
use crate::account::live::{LiveState, Scope};
use crate::account::remains::Remains;
use crate::admit::Removable;
use crate::cli::DeleteArgs;
use crate::plan::choices::{Choices, ForeignPolicies};
use crate::plan::{Operation, Plan};
use crate::record::read_receipt;

pub(super) async fn run(args: &DeleteArgs) -> Result<ExitCode, Failure> {
    args.execute.check()?;
    let output = args.output.as_deref();
    plan_file::check_free(output)?;
    let removable = Removable::open(&args.bundle.bundle, &args.bundle.signature, &trust(&args.bundle.trust)?)?;
    let header = &removable.bundle().contents().header;
    let receipt = args.previous_receipt.as_ref();
    let choices = Choices {
        adopt: args.adopt,
        allow_rollback: false,
        foreign_policies: if args.prune { ForeignPolicies::Prune } else { ForeignPolicies::Refuse },
        previous: receipt.map(|file| read_receipt(file, header)).transpose()?,
    };
    let file = args.execute.plan_file(Operation::Delete, removable.bundle(), &choices)?;
    let account = Arc::new(Aws::connect(header, args.requests.concurrency.into()).await?);
    let plan = read_and_plan(&account, &removable, &choices).await?;
    if output.is_some() {
        plan_file::show(&plan, &args.bundle, output, args.previous_receipt.as_deref())?;
        return Ok(ExitCode::Done);
    }
    let execution = Execution {
        args: &args.execute,
        format: args.bundle.format,
        concurrency: args.requests.concurrency,
        file_stem: header.file_stem(),
        issuer: None,
        wait: args.execute.wait(header),
    };
    Box::pin(execution.run(&account, plan, file, read_and_plan(&account, &removable, &choices))).await
}

/// Reads the account as it is now, and plans.
async fn read_and_plan(account: &Arc<Aws>, removable: &Removable, choices: &Choices) -> Result<Plan, Failure> {
    let contents = removable.bundle().contents();
    let live = LiveState::read(account, contents, choices.previous.as_ref(), Scope::Removal);
    let live = while_reading(account, live).await?;
    let remains = while_reading(account, Remains::read(account, &live, contents)).await?;
    Ok(Plan::removal(removable, &live, &remains, choices, now()?)?)
}

//! `airlock-applier plan`: all ten checks, and what an apply would do.

use std::sync::Arc;

use bundle_schema::exit::ExitCode;

use super::{Failure, admit, now, plan_file, while_reading};
use crate::account::Aws;
use crate::account::live::{LiveState, Scope};
use crate::admit::Admitted;
use crate::cli::{AccountArgs, ChoiceArgs, PlanArgs};
use crate::plan::Plan;
use crate::plan::choices::{Choices, ForeignPolicies};
use crate::record::{PreviousReceiptError, read_receipt};

pub(super) async fn run(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let output = args.output.as_deref();
    plan_file::check_free(output)?;
    let admitted = admit(&args.bundle)?;
    let choices = args.account.choices.read(&admitted)?;
    let (_, plan) = compute(&admitted, &args.account, &choices).await?;
    plan_file::show(&plan, &args.bundle, output, args.account.choices.previous_receipt.as_deref())?;
    Ok(if args.detailed_exitcode && !plan.is_clean() { ExitCode::Changes } else { ExitCode::Done })
}

/// Connects, reads and plans: check 10.
pub(super) async fn compute(
    admitted: &Admitted,
    args: &AccountArgs,
    choices: &Choices,
) -> Result<(Arc<Aws>, Plan), Failure> {
    let header = &admitted.bundle().contents().header;
    let account = Arc::new(Aws::connect(header, args.requests.concurrency.into()).await?);
    let plan = read_and_plan(&account, admitted, choices).await?;
    Ok((account, plan))
}

/// Reads the account as it is now, and plans.
pub(super) async fn read_and_plan(account: &Arc<Aws>, admitted: &Admitted, choices: &Choices) -> Result<Plan, Failure> {
    let contents = admitted.bundle().contents();
    let live = LiveState::read(account, contents, choices.previous.as_ref(), Scope::Whole);
    let live = while_reading(account, live).await?;
    Ok(Plan::compute(admitted, &live, choices, now()?)?)
}

impl ChoiceArgs {
    /// The same for a plan; a receipt that is named is read here.
    pub(super) fn read(&self, admitted: &Admitted) -> Result<Choices, PreviousReceiptError> {
        let Self { adopt, allow_rollback, previous_receipt, foreign_policies } = self;
        let header = &admitted.bundle().contents().header;
        let previous = previous_receipt.as_ref().map(|file| read_receipt(file, header)).transpose()?;
        let foreign_policies = match (foreign_policies.prune, foreign_policies.leave_foreign_policies) {
            (true, _) => ForeignPolicies::Prune,
            (false, true) => ForeignPolicies::Leave,
            (false, false) => ForeignPolicies::Refuse,
        };
        Ok(Choices { adopt: *adopt, allow_rollback: *allow_rollback, foreign_policies, previous })
    }
}

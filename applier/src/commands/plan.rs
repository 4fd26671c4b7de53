//! `airlock-applier plan`: all ten checks, and what an apply would do.

use std::sync::Arc;

use bundle_schema::exit::ExitCode;

use super::{Failure, admit, now, print};
use crate::account::Aws;
use crate::account::live::LiveState;
use crate::admit::Admitted;
use crate::cli::{AccountArgs, Format, PlanArgs};
use crate::plan::Plan;

pub(super) async fn run(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let admitted = admit(&args.bundle)?;
    let (_, plan) = compute(&admitted, &args.account).await?;
    let mut out = anstream::stdout();
    match args.bundle.format {
        Format::Text => print(&mut out, format_args!("{:#}", plan.text()))?,
        Format::Json => print(&mut out, format_args!("{}\n", plan.to_json()))?,
    }
    Ok(if args.detailed_exitcode && !plan.is_clean() { ExitCode::Changes } else { ExitCode::Done })
}

/// Connects, reads and plans: check 10.
pub(super) async fn compute(admitted: &Admitted, args: &AccountArgs) -> Result<(Arc<Aws>, Plan), Failure> {
    let header = &admitted.bundle().contents().header;
    let account = Arc::new(Aws::connect(header, args.concurrency.into()).await);
    let plan = read_and_plan(&account, admitted).await?;
    Ok((account, plan))
}

/// Reads the account as it is now, and plans.
pub(super) async fn read_and_plan(account: &Arc<Aws>, admitted: &Admitted) -> Result<Plan, Failure> {
    let live = LiveState::read(account, admitted).await?;
    Ok(Plan::compute(admitted, &live, now()?)?)
}

//! `airlock-applier plan`: all ten checks, and what an apply would do.

use std::io::{Write, stdout};
use std::sync::Arc;

use bundle_schema::exit::ExitCode;

use super::{Failure, admit};
use crate::account::Aws;
use crate::account::live::{Caller, LiveState};
use crate::admit::Admitted;
use crate::cli::{AccountArgs, Format, PlanArgs};
use crate::plan::Plan;

pub(super) async fn run(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let admitted = admit(&args.bundle)?;
    let (_, _, plan) = compute(&admitted, &args.account).await?;
    let mut out = stdout();
    match args.bundle.format {
        Format::Text => write!(out, "{plan}")?,
        Format::Json => writeln!(out, "{}", plan.to_json())?,
    }
    out.flush()?;
    Ok(if args.detailed_exitcode && !plan.is_empty() { ExitCode::Changes } else { ExitCode::Done })
}

/// Connects, reads and plans: check 10.
pub(super) async fn compute(admitted: &Admitted, args: &AccountArgs) -> Result<(Arc<Aws>, Caller, Plan), Failure> {
    let header = &admitted.bundle().contents().header;
    let account = Arc::new(Aws::connect(header, args.concurrency.into()).await);
    let live = LiveState::read(&account, admitted).await?;
    let plan = Plan::compute(admitted, &live)?;
    Ok((account, live.caller().clone(), plan))
}

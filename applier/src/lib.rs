//! Verifies a signed bundle and applies it to the AWS account that it was made for. Reads top to bottom in the order of
//! FORMAT.md's ten checks:
//!
//! ```text
//! files --Admitted::open--> Admitted                  checks 1 to 9, no network         admit
//! account --LiveState::read--> LiveState              the bundle's account, and reads   account
//! (&Admitted, &LiveState) --Plan::compute--> Plan     check 10, pure                    plan
//! Plan --approve--> ApprovedPlan --begin--> Ledger    exactly what was shown            apply
//! Ledger --apply--> Receipt                           whatever ends it                  apply
//! ```
//!
//! A deletion goes the same way with less and more: a `Removable` bundle, which may have expired; what else the bucket and
//! the roles are about (`Remains`); a `Plan` of deletions.
//!
//! Without the feature `aws` only the first line is there, for `verify` on a host that has no network.

#[cfg(feature = "aws")]
pub mod account;
pub mod admit;
#[cfg(feature = "aws")]
pub mod apply;
pub mod cli;
mod commands;
#[cfg(test)]
#[cfg(feature = "aws")]
mod fixture;
#[cfg(feature = "aws")]
mod moving_line;
#[cfg(feature = "aws")]
pub mod permissions;
#[cfg(feature = "aws")]
pub mod plan;
#[cfg(feature = "aws")]
mod record;
mod served;
#[cfg(feature = "aws")]
mod whole_file;

pub use commands::run;

//! Verifies a signed bundle and applies it to the AWS account that it was made for. Reads top to bottom in the order of
//! FORMAT.md's ten checks:
//!
//! ```text
//! files --Admitted::open--> Admitted                  checks 1 to 9, no network        admit, trust
//! account --LiveState::read--> LiveState              the bundle's account, and reads   live, aws::read
//! (&Admitted, &LiveState) --Plan::compute--> Plan     check 10, pure                    refusal, reconcile, plan
//! Plan --approve--> ApprovedPlan --apply--> Receipt   exactly what was shown            apply, aws::write, receipt
//! ```
//!
//! Without the feature `aws` only the first line is there, for `verify` on a host that has no network.

#[cfg(feature = "aws")]
mod action;
pub mod admit;
#[cfg(feature = "aws")]
pub mod apply;
#[cfg(feature = "aws")]
pub mod aws;
pub mod cli;
mod commands;
#[cfg(feature = "aws")]
mod desired;
#[cfg(feature = "aws")]
mod diff;
#[cfg(test)]
#[cfg(feature = "aws")]
mod fixture;
#[cfg(feature = "aws")]
pub mod live;
#[cfg(feature = "aws")]
mod meaning;
#[cfg(feature = "aws")]
mod percent;
#[cfg(feature = "aws")]
pub mod plan;
#[cfg(feature = "aws")]
pub mod receipt;
#[cfg(feature = "aws")]
mod reconcile;
#[cfg(feature = "aws")]
pub mod refusal;
#[cfg(feature = "aws")]
mod show;
pub mod trust;

pub use commands::run;

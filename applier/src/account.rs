//! The account: what it holds, and the way to ask it.
//!
//! Input: a bundle that passed checks 1 to 9, credentials from the environment, answers from AWS, which are untrusted.
//! Output: [`live::LiveState`], or an [`AwsError`].

mod aws;
mod calls;
mod error;
mod https;
pub(crate) mod issuer;
pub mod live;
mod pace;
mod read;
pub(crate) mod remains;
mod retry;
mod send;
#[cfg(not(feature = "cloudfront"))]
mod without_cloudfront;

pub(crate) use self::aws::{Aws, WithoutCloudFront};
pub(crate) use self::calls::{CallLog, Calls};
pub use self::error::AwsError;
#[cfg(test)]
pub(crate) use self::error::answered;
#[cfg(feature = "cloudfront")]
pub(crate) use self::read::cloudfront;
pub(crate) use self::send::{Sent, writing};

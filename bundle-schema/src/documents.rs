//! What a bundle says: typed documents, each with the one form it has in the archive.
//!
//! Input: values of the types in `names`. Output: the index, the documents under `aws/` and `oidc/`, policies, the public
//! key, the manifests, and [`contents::Contents`], which holds them all. A type has a place only for what may stand in a
//! bundle; that the documents agree with each other is checked in `bundle`.

mod aws;
mod cloudfront;
pub mod contents;
pub mod former;
pub mod index;
pub mod key;
pub mod manifest;
mod oidc;
pub mod policy;
mod policy_text;
pub mod settings;

pub use self::aws::*;
pub use self::cloudfront::*;
pub use self::oidc::*;

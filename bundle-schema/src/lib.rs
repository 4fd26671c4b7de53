//! The STS Airlock bundle. `FORMAT.md` beside this crate is its normative description.

pub mod archive;
pub mod bundle;
pub mod contents;
pub mod documents;
pub mod escape;
pub mod exit;
pub mod file;
pub mod index;
pub mod json;
pub mod key;
pub mod limits;
pub mod manifest;
pub mod names;
pub mod partition;
pub mod policy;
pub mod private_material;
mod public_key;
mod reader;
pub mod signature;
pub mod timestamp;
mod validate;
pub mod writer;

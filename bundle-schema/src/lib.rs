//! The STS Airlock bundle. `FORMAT.md` beside this crate is its normative description.
//!
//! From the ground up: `limits`, `escape`, `layout`, `exit`, `file` and `parallel` come first; `json` and `names` are what documents
//! are made of; `documents`, `archive` and `signature`, where a file is with its signatures, do not know of each other; `bundle` is
//! the way in and out, and compares documents; `trust` is what its user allows. `record` and `receipt` are what a run leaves
//! (`RECEIPT.md`).

pub mod archive;
pub mod bundle;
pub mod documents;
pub mod escape;
pub mod exit;
pub mod file;
pub mod json;
pub mod layout;
pub mod limits;
pub mod names;
pub mod parallel;
pub mod private_material;
pub mod receipt;
pub mod record;
pub mod signature;
pub mod trust;

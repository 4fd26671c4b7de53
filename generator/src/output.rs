//! What a command leaves behind.
//!
//! Input: finished bytes and what there is to say about them. Output: files that appear whole or not at all, and a report.

pub(crate) mod files;
pub(crate) mod report;
pub(crate) mod stdout;

//! What a bundle allows, and whether it is what was asked for.
//!
//! Input: a bundle that was read and is consistent in itself, from whoever made it. Output: one [`report::Review`], which
//! [`crate::output`] writes in the format that is wanted.

pub mod report;

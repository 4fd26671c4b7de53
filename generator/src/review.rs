//! What a bundle allows, and whether it is what was asked for.
//!
//! Input: a bundle that was read and is consistent in itself, from whoever made it. Output: one [`report::Review`], which
//! [`formats`] has in the format that is wanted.

pub mod accepted;
pub mod action_data;
mod against;
pub mod assemble;
mod changes;
pub mod comparison;
mod differences;
pub mod findings;
pub mod formats;
#[cfg(test)]
mod golden;
pub mod headline;
pub mod html;
pub mod markdown;
pub mod report;
mod roles;
#[cfg(test)]
pub(crate) mod sample;
pub mod sarif;
pub mod text;
pub(crate) mod words;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::{Path, PathBuf};

    /// Reference material beside the workspace, which a clone alone does not have: such a test then says that it skips.
    pub(super) fn reference(path: &str) -> Option<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference").join(path);
        if folder.exists() {
            return Some(folder);
        }
        // Past the test runner, which keeps to itself what a test that passes prints. Nobody may be listening.
        let _ = writeln!(std::io::stderr(), "skipped: ../shared/reference/{path} is not here");
        None
    }
}

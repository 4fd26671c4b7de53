//! Everything that is wrong with the requests, collected and printed together.

use std::fmt;

use bundle_schema::escape::Escaped;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestProblem {
    /// The file's name.
    pub file: String,
    /// Which of its documents, from 1; none where the file is no YAML.
    pub document: Option<u32>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for RequestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.document {
            Some(document) => write!(f, "{}, document {document}: {}", Escaped(&self.file), self.message),
            None => write!(f, "{}, {}", Escaped(&self.file), self.message),
        }
    }
}

/// Everything that is wrong with the requests; at least one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRequests {
    /// In the order of the files.
    pub problems: Vec<RequestProblem>,
}

/// As many problems as are worth printing.
const MAX_SHOWN: usize = 20;

impl fmt::Display for InvalidRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [one] = self.problems.as_slice() {
            return one.fmt(f);
        }
        write!(f, "invalid CredentialsRequests: {} problems", self.problems.len())?;
        for problem in self.problems.iter().take(MAX_SHOWN) {
            write!(f, "\n- {problem}")?;
        }
        match self.problems.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for InvalidRequests {}

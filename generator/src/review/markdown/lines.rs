//! The parts of Markdown that a review is made of.

use std::fmt::Write;

/// A document, block by block with an empty line between them.
#[derive(Debug, Default)]
pub(super) struct Document(String);

impl Document {
    /// A block: one line or several, with or without their end.
    pub(super) fn add(&mut self, block: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(block.trim_end_matches('\n'));
        self.0.push('\n');
    }

    /// A heading.
    pub(super) fn add_heading(&mut self, level: usize, heading: &str) {
        self.add(&format!("{} {heading}", "#".repeat(level)));
    }

    /// A list, whose items are lines with their indentation.
    pub(super) fn add_list(&mut self, items: &[String]) {
        if !items.is_empty() {
            self.add(&items.join("\n"));
        }
    }

    /// A table.
    pub(super) fn add_table<const COLUMNS: usize>(
        &mut self,
        head: [&str; COLUMNS],
        rows: impl IntoIterator<Item = [String; COLUMNS]>,
    ) {
        let mut table = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(COLUMNS));
        for row in rows {
            // Writing to a string does not fail.
            let _ = writeln!(table, "| {} |", row.join(" | "));
        }
        self.add(&table);
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

//! The results: printed as they come, and written as JSON at the end.

use std::path::Path;

use ::tests::SetupError;
use serde::Serialize;

use crate::figures::{Figure, Row, Value};

/// What was not measured.
#[derive(Debug, Serialize)]
struct LeftOut {
    what: String,
    why: String,
}

/// All results so far.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Table {
    programs: String,
    cores: usize,
    rows: Vec<Row>,
    left_out: Vec<LeftOut>,
}

impl Table {
    /// An empty one, whose head is printed.
    pub(crate) fn new(programs: String, cores: usize) -> Self {
        println!(
            "Programs of {programs}, {cores} cores. A target is the most that a figure, of times the median, should be."
        );
        println!("{:<52} {:>9} {:>9} {:>9} {:>9} {:>4}  target", "", "minimum", "median", "mean", "maximum", "n");
        Self { programs, cores, rows: Vec::new(), left_out: Vec::new() }
    }

    /// Prints a row and keeps it.
    pub(crate) fn add(&mut self, work: impl Into<String>, figures: impl IntoIterator<Item = Figure>) {
        let row = Row { work: work.into(), figures: figures.into_iter().collect() };
        println!("{}", row.work);
        for figure in &row.figures {
            println!("{}", line(figure));
        }
        self.rows.push(row);
    }

    /// Keeps what was not measured, with the reason.
    pub(crate) fn leave_out(&mut self, what: &str, why: &str) {
        self.left_out.push(LeftOut { what: what.to_owned(), why: why.to_owned() });
    }

    /// Prints what was left out, and how many targets were reached.
    pub(crate) fn end(&self) {
        for LeftOut { what, why } in &self.left_out {
            println!("left out: {what}: {why}");
        }
        let figures = || self.rows.iter().flat_map(|row| &row.figures).filter_map(Figure::is_reached);
        println!("{} of {} targets reached", figures().filter(|reached| *reached).count(), figures().count());
    }

    /// Writes all of it.
    pub(crate) fn write(&self, file: &Path) -> Result<(), SetupError> {
        let failed =
            |error: &dyn std::fmt::Display| SetupError(format!("{} cannot be written: {error}", file.display()));
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(&error))?;
        std::fs::write(file, text + "\n").map_err(|error| failed(&error))
    }
}

/// A figure as a line; a number stands where the median would.
fn line(figure: &Figure) -> String {
    let decimals = figure.decimals;
    let columns = match figure.value {
        Value::Times(times) => {
            let [minimum, median, mean, maximum] =
                [times.minimum, times.median, times.mean, times.maximum].map(|time| format!("{time:>9.decimals$}"));
            format!("{minimum} {median} {mean} {maximum} {:>4}", times.runs)
        }
        Value::Number { value } => format!("{:>9} {value:>9.decimals$} {:>24}", "", ""),
    };
    let target = figure
        .target
        .zip(figure.is_reached())
        .map(|(target, reached)| format!("  {target:.decimals$} {}", if reached { "reached" } else { "missed" }));
    format!("    {:<48} {columns}{}", figure.what, target.unwrap_or_default()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Times;

    #[test]
    fn a_figure_is_a_line_with_its_target() {
        let times = Figure::times("seconds", Times::of(vec![0.1, 0.2, 0.6])).at_most(0.1);
        assert_eq!(
            line(&times),
            format!("    {:<48}     0.100     0.200     0.300     0.600    3  0.100 missed", "seconds")
        );
        let requests = Figure::count("requests", 71).at_most(75.0);
        assert_eq!(line(&requests), format!("    {:<48} {:>9} {:>9} {:>24}  75 reached", "requests", "", 71, ""));
        assert_eq!(line(&Figure::count("chain", 9)), format!("    {:<48} {:>9} {:>9}", "chain", "", 9));
    }
}

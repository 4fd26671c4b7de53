//! What is measured of a piece of work, and what it is measured against.

use serde::Serialize;

/// The times of several runs, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Times {
    pub(crate) minimum: f64,
    pub(crate) median: f64,
    pub(crate) mean: f64,
    pub(crate) maximum: f64,
    pub(crate) runs: usize,
}

impl Times {
    /// Of at least one run.
    pub(crate) fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        let runs = seconds.len();
        let middle = f64::midpoint(seconds[(runs - 1) / 2], seconds[runs / 2]);
        let mean = seconds.iter().sum::<f64>() / as_number(runs);
        Self { minimum: seconds[0], median: middle, mean, maximum: seconds[runs - 1], runs }
    }
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    /// The times of several runs, in seconds.
    Times(Times),
    /// A number, in what the figure's name says.
    Number { value: f64 },
}

impl Value {
    /// What a target is compared with: of times, the median.
    fn typical(self) -> f64 {
        match self {
            Self::Times(times) => times.median,
            Self::Number { value } => value,
        }
    }
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figure {
    /// What it is, with its unit.
    pub(crate) what: String,
    #[serde(flatten)]
    pub(crate) value: Value,
    /// The most that it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<f64>,
    /// How many decimals are shown.
    #[serde(skip)]
    pub(crate) decimals: usize,
}

impl Figure {
    pub(crate) fn times(what: &str, times: Times) -> Self {
        Self { what: what.to_owned(), value: Value::Times(times), target: None, decimals: 3 }
    }

    pub(crate) fn count(what: impl Into<String>, count: usize) -> Self {
        Self { what: what.into(), value: Value::Number { value: as_number(count) }, target: None, decimals: 0 }
    }

    pub(crate) fn number(what: impl Into<String>, value: f64, decimals: usize) -> Self {
        Self { what: what.into(), value: Value::Number { value }, target: None, decimals }
    }

    /// It should be no more than this.
    pub(crate) fn at_most(self, target: f64) -> Self {
        Self { target: Some(target), ..self }
    }

    /// Whether it is no more than its target, where it has one.
    pub(crate) fn is_reached(&self) -> Option<bool> {
        self.target.map(|target| self.value.typical() <= target)
    }
}

/// A piece of work with its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) figures: Vec<Figure>,
}

/// As a floating-point number: everything that is counted here is far below 2^52.
#[allow(clippy::cast_precision_loss, reason = "everything that is counted here is far below 2^52")]
pub(crate) fn as_number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_summed_up() {
        let times = Times::of(vec![4.0, 1.0, 2.0, 9.0]);
        assert_eq!(times, Times { minimum: 1.0, median: 3.0, mean: 4.0, maximum: 9.0, runs: 4 });
        assert_eq!((Times::of(vec![3.0, 1.0, 2.0]).median, Times::of(vec![5.0]).median), (2.0, 5.0));
    }

    #[test]
    fn a_target_is_reached_by_the_median() {
        let times = Figure::times("seconds", Times::of(vec![0.5, 1.0, 30.0]));
        assert_eq!(times.is_reached(), None);
        assert_eq!(times.clone().at_most(1.0).is_reached(), Some(true));
        assert_eq!(times.at_most(0.9).is_reached(), Some(false));
        assert_eq!(Figure::count("requests", 76).at_most(75.0).is_reached(), Some(false));
    }
}

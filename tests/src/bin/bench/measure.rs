//! Running programs several times, ours and another in turn.

use std::time::Instant;

use tests::program::Program;

use crate::figures::{Figure, Times};

/// What is run again and again.
pub(crate) struct Work<'a> {
    prepare: Box<dyn FnMut(usize) -> Program + 'a>,
    look: Box<dyn FnMut() + 'a>,
}

impl<'a> Work<'a> {
    /// What is prepared anew for each run; preparing is not timed.
    pub(crate) fn new(prepare: impl FnMut(usize) -> Program + 'a) -> Self {
        Self { prepare: Box::new(prepare), look: Box::new(|| ()) }
    }

    /// Looks at what a run did, after it; looking is not timed either.
    pub(crate) fn then(self, look: impl FnMut() + 'a) -> Self {
        Self { look: Box::new(look), ..self }
    }

    /// One run, which must end well, in seconds.
    fn run(&mut self, run: usize) -> f64 {
        let program = (self.prepare)(run);
        let begun = Instant::now();
        let outcome = program.run();
        let took = begun.elapsed().as_secs_f64();
        outcome.exits(0);
        (self.look)();
        took
    }
}

/// So many runs of each, in turn, after one each that is not counted.
pub(crate) fn in_turn<const N: usize>(runs: usize, mut works: [Work<'_>; N]) -> [Times; N] {
    let mut seconds = [const { Vec::new() }; N];
    for run in 0..=runs {
        for (work, seconds) in works.iter_mut().zip(&mut seconds) {
            let took = work.run(run);
            if run > 0 {
                seconds.push(took);
            }
        }
    }
    seconds.map(Times::of)
}

/// So many runs, after one that is not counted.
pub(crate) fn alone(runs: usize, work: Work<'_>) -> Times {
    let [times] = in_turn(runs, [work]);
    times
}

/// So many runs, and as many of ccoctl's in turn, where it is there.
pub(crate) fn compared(runs: usize, ours: Work<'_>, ccoctl: Option<Work<'_>>) -> (Times, Option<Times>) {
    match ccoctl {
        None => (alone(runs, ours), None),
        Some(ccoctl) => {
            let [ours, ccoctl] = in_turn(runs, [ours, ccoctl]);
            (ours, Some(ccoctl))
        }
    }
}

/// What ccoctl needs, and our part of it.
pub(crate) fn ratio(ours: Times, ccoctl: Option<Times>) -> Option<[Figure; 2]> {
    let ccoctl = ccoctl?;
    Some([
        Figure::times("ccoctl: seconds", ccoctl),
        Figure::number("ratio of means to ccoctl's", ours.mean / ccoctl.mean, 2),
    ])
}

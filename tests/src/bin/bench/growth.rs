//! What twice as many roles cost, in every stage.

use tests::SetupError;
use tests::program::Usage;

use crate::Bench;
use crate::figures::{Figure, Times};
use crate::measure::{Work, in_turn};
use crate::offline::megabytes;

const ROLES: [usize; 2] = [1000, 2000];
/// Growth is linear, and this is the noise.
const TARGET: f64 = 2.2;

/// Stages without an account, as whole processes.
pub(crate) fn offline(bench: &Bench) -> Result<(), SetupError> {
    let requests = ROLES.map(|roles| bench.requests(roles));
    let bundles = ROLES.map(|roles| bench.bundle(roles));
    let add = |stage: &str, works| {
        let [fewer, more] = in_turn(bench.runs(7), works);
        bench.add(
            format!("growth of {stage}"),
            [
                Figure::times("seconds, 1,000 roles", fewer),
                Figure::times("seconds, 2,000 roles", more),
                Figure::number("ratio of medians", more.median / fewer.median, 2).at_most(TARGET),
            ],
        );
    };
    add(
        "create-bundle",
        requests
            .each_ref()
            .map(|requests| Work::new(move |run| bench.create_bundle(requests, &format!("grown-{requests}-{run}")))),
    );
    add("verify", bundles.each_ref().map(|bundle| Work::new(move |_| bench.verify(bundle))));
    add("review", bundles.each_ref().map(|bundle| Work::new(move |_| bench.scene.generator(["review", bundle]))));
    Ok(())
}

/// What runs of one stage took, and the requests of the last.
struct Stage {
    runs: Vec<Usage>,
    requests: usize,
}

/// Stages with an account that is not far away. What is compared is the program's own time, on all cores: the seconds are the
/// emulated account's too, which is why what asks it thousands of times is run once.
pub(crate) fn with_account(bench: &Bench) -> Result<(), SetupError> {
    let account = bench.account()?;
    let [fewer, more] = ROLES.map(|roles| {
        let bundle = bench.bundle(roles);
        account.emulator.reset();
        let stage = |runs: usize, command, more: &[&str]| {
            let program = bench.scene.applies(&account.emulator, command, &bundle, more);
            let usage = |_| {
                account.emulator.forget();
                program.usage()
            };
            Stage { runs: (0..runs).map(usage).collect(), requests: account.emulator.requests().len() }
        };
        let new = stage(bench.runs(7), "plan", &[]);
        [new, stage(1, "apply", &["--yes"]), stage(1, "plan", &[]), stage(1, "delete", &["--yes"])]
    });
    account.emulator.reset();
    let names = ["plan, new account", "apply", "plan, nothing to do", "delete"];
    for (name, (fewer, more)) in names.into_iter().zip(fewer.into_iter().zip(more)) {
        bench.add(format!("growth of {name}"), grown(&fewer, &more));
    }
    Ok(())
}

fn grown(fewer: &Stage, more: &Stage) -> Vec<Figure> {
    let times = |stage: &Stage, of: fn(&Usage) -> f64| Times::of(stage.runs.iter().map(of).collect());
    let mut figures = Vec::new();
    for (roles, stage) in [("1,000", fewer), ("2,000", more)] {
        figures.push(Figure::times(&format!("seconds, {roles} roles"), times(stage, |usage| usage.seconds)));
        figures.push(Figure::times(&format!("own seconds, {roles} roles"), times(stage, |usage| usage.cpu_seconds)));
        figures.push(Figure::count(format!("requests, {roles} roles"), stage.requests));
        let peak = stage.runs.last().map(|usage| megabytes(format!("peak memory, MB, {roles} roles"), *usage));
        figures.extend(peak);
    }
    let ratio = |of| times(more, of).median / times(fewer, of).median;
    figures.push(Figure::number("ratio of seconds", ratio(|usage| usage.seconds), 2));
    figures.push(Figure::number("ratio of own seconds", ratio(|usage| usage.cpu_seconds), 2).at_most(TARGET));
    figures
}

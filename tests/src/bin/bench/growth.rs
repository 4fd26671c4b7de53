//! What twice as many roles cost, in every stage.

use tests::SetupError;
use tests::program::{Program, Usage};

use crate::Bench;
use crate::figures::Figure;
use crate::measure::{Work, in_turn};

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
                Figure::number("median, of 1,000 roles' median", more.median / fewer.median, 2).at_most(TARGET),
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

/// Stages with an account that is not far away: one run each, because the emulated account takes its time. What is compared is
/// the program's own time, on all cores; the seconds are the account's too.
pub(crate) fn with_account(bench: &Bench) -> Result<(), SetupError> {
    let account = bench.account()?;
    let stages = ROLES.map(|roles| {
        let bundle = bench.bundle(roles);
        account.emulator.reset();
        let run = |command, more: &[&str]| {
            let program: Program = bench.scene.applies(&account.emulator, command, &bundle, more);
            account.emulator.forget();
            (program.usage(), account.emulator.requests().len())
        };
        [run("plan", &[]), run("apply", &["--yes"]), run("plan", &[]), run("delete", &["--yes"])]
    });
    account.emulator.reset();
    let [fewer, more] = stages;
    let names = ["plan, new account", "apply", "plan, nothing to do", "delete"];
    for (stage, (fewer, more)) in names.into_iter().zip(fewer.into_iter().zip(more)) {
        bench.add(format!("growth of {stage}"), grown(fewer, more));
    }
    Ok(())
}

fn grown(fewer: (Usage, usize), more: (Usage, usize)) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (roles, (usage, requests)) in [("1,000", fewer), ("2,000", more)] {
        figures.extend([
            Figure::number(format!("seconds, {roles} roles"), usage.seconds, 3),
            Figure::number(format!("the program's own seconds, {roles} roles"), usage.cpu_seconds, 3),
            Figure::count(format!("requests, {roles} roles"), requests),
            crate::offline::megabytes(format!("peak memory, MB, {roles} roles"), usage),
        ]);
    }
    let own = more.0.cpu_seconds / fewer.0.cpu_seconds;
    figures.push(Figure::number("seconds, of 1,000 roles'", more.0.seconds / fewer.0.seconds, 2));
    figures.push(Figure::number("own seconds, of 1,000 roles'", own, 2).at_most(TARGET));
    figures
}

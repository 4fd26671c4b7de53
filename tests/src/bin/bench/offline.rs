//! Everything without an account: keys, bundles, reviews, verification.

use tests::SetupError;
use tests::program::{Program, Usage};

use crate::Bench;
use crate::figures::{Figure, as_number};
use crate::measure::{Work, alone, compared, ratio};

/// A pair of RSA keys.
pub(crate) fn key_pair(bench: &Bench) -> Result<(), SetupError> {
    let scene = &bench.scene;
    // Finding primes is a matter of luck: a mean needs many runs.
    let runs = bench.runs(if bench.ccoctl.is_some() { 80 } else { 20 });
    let ours = Work::new(|run| scene.generator(["create-key-pair", "--output-dir", &format!("pair-{run}")]));
    let ccoctl = bench
        .ccoctl
        .as_ref()
        .map(|ccoctl| Work::new(|run| ccoctl.create_key_pair(scene, &format!("ccoctl-pair-{run}"))));
    let (ours, ccoctl) = compared(runs, ours, ccoctl);
    let mut figures = vec![Figure::times("seconds", ours)];
    if let Some([seconds, ratio]) = ratio(ours, ccoctl) {
        figures.extend([seconds, ratio.at_most(0.55)]);
    }
    bench.add("create-key-pair, RSA-4096", figures);
    Ok(())
}

/// Bundles of many requests, with a public key that is there.
pub(crate) fn create_bundle(bench: &Bench) -> Result<(), SetupError> {
    let scene = &bench.scene;
    for (roles, named, target) in [(1000, "1,000", 0.1), (2000, "2,000", 0.2)] {
        let requests = bench.requests(roles);
        let output = |run: usize| format!("new-{roles}-{run}");
        let ours = Work::new(|run| bench.create_bundle(&requests, &output(run)));
        let ccoctl = bench
            .ccoctl
            .as_ref()
            .map(|ccoctl| Work::new(|run| ccoctl.dry_run(scene, &requests, &format!("ccoctl-{roles}-{run}"))));
        let (ours, ccoctl) = compared(bench.runs(11), ours, ccoctl);
        let peak = peak(&bench.create_bundle(&requests, &format!("peak-{roles}")));
        let figures = [Figure::times("seconds", ours).at_most(target), peak];
        bench.add(
            format!("create-bundle, {named} requests"),
            figures.into_iter().chain(ratio(ours, ccoctl).into_iter().flatten()),
        );
    }
    Ok(())
}

/// Reviews of a large bundle.
pub(crate) fn review(bench: &Bench) -> Result<(), SetupError> {
    let (scene, bundle) = (&bench.scene, bench.bundle(1000));
    scene.write_requests("requests-wider", 0..1000, 21);
    bench.create_bundle("requests-wider", "wider").run().exits(0);
    let add = |work: &str, arguments: &[&str]| {
        let program = scene.generator(["review"]).args(arguments);
        let times = alone(bench.runs(7), Work::new(|_| program.clone()));
        bench.add(work, [Figure::times("seconds", times), peak(&program)]);
    };
    add("review, 1,000 roles, as text", &[&bundle]);
    add("review, 1,000 roles, as HTML", &[&bundle, "--format", "html"]);
    add("review, 1,000 roles, each of them widened", &["wider/democluster-1.tar.gz", "--against", &bundle]);
    Ok(())
}

/// Signatures, form and meaning of a large bundle.
pub(crate) fn verify(bench: &Bench) -> Result<(), SetupError> {
    let program = bench.verify(&bench.bundle(1000));
    let times = alone(bench.runs(21), Work::new(|_| program.clone()));
    let peak = peak(&program).at_most(25.0);
    bench.add("verify, 1,000 roles", [Figure::times("seconds", times).at_most(0.04), peak]);
    Ok(())
}

/// How much memory a run takes.
pub(crate) fn peak(program: &Program) -> Figure {
    megabytes("peak memory, MB", program.usage())
}

/// As [`peak`], of a run that was.
pub(crate) fn megabytes(what: impl Into<String>, usage: Usage) -> Figure {
    let kilobytes = usage.peak_kib * 1024 / 1000;
    Figure::number(what, as_number(usize::try_from(kilobytes).unwrap_or(usize::MAX)) / 1000.0, 1)
}

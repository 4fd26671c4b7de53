//! Everything with an account, which is emulated.

use std::cell::RefCell;

use tests::SetupError;
use tests::emulator::Emulator;
use tests::issuer_server::IssuerServer;
use tests::program::Program;
use tests::request::{Request, by_service, longest_chain};
use tests::scene::{BUCKET, REGION};

use crate::Bench;
use crate::figures::{Figure, Times};
use crate::measure::{Work, compared, ratio};
use crate::offline::peak;

/// How far away the account is, there and back.
const LATENCY_MS: u32 = 50;

/// The emulated account, with what ccoctl wants of it besides.
pub(crate) struct Account {
    pub(crate) emulator: Emulator,
    /// The bucket's host over TLS, whose certificate ccoctl looks at. It answers nothing of use.
    issuer: Option<IssuerServer>,
}

impl Account {
    pub(crate) fn start(bench: &Bench) -> Result<Self, SetupError> {
        let emulator = Emulator::start_saying(|progress| eprintln!("{progress}"))?;
        let issuer = match bench.ccoctl {
            None => None,
            Some(_) => IssuerServer::start(&bench.scene, &emulator)?,
        };
        if let Some(issuer) = &issuer {
            issuer.point(&bench.scene, &format!("{BUCKET}.s3.{REGION}.amazonaws.com"), "*");
        }
        Ok(Self { emulator, issuer })
    }

    /// A program of somebody else, which is sent here.
    pub(crate) fn reached(&self, program: Program) -> Program {
        let program = program.envs(self.emulator.environment());
        match &self.issuer {
            None => program,
            Some(issuer) => issuer.proxied(program),
        }
    }

    /// Empty, or as a program leaves it; far away from now on, and with an empty list of requests.
    fn ready(&self, before: Option<Program>) {
        self.emulator.reset();
        if let Some(program) = before {
            program.run().exits(0);
        }
        self.emulator.forget();
        self.emulator.latency(LATENCY_MS);
    }
}

/// A command on a cluster's resources.
struct Step {
    work: &'static str,
    command: &'static str,
    /// Whether the account has them before.
    is_made: bool,
    seconds: f64,
    requests: Option<f64>,
}

const STEPS: [Step; 3] = [
    Step {
        work: "apply, 30 roles, new account, 50 ms a request",
        command: "apply",
        is_made: false,
        seconds: 0.9,
        requests: Some(75.0),
    },
    Step {
        work: "apply, 30 roles, again, 50 ms a request",
        command: "apply",
        is_made: true,
        seconds: 0.75,
        requests: None,
    },
    Step { work: "delete, 30 roles, 50 ms a request", command: "delete", is_made: true, seconds: 1.2, requests: None },
];

/// The main job and what follows, on a cluster of a usual size.
pub(crate) fn thirty_roles(bench: &Bench) -> Result<(), SetupError> {
    let account = bench.account()?;
    for step in &STEPS {
        measure(bench, account, step);
    }
    Ok(())
}

fn measure(bench: &Bench, account: &Account, step: &Step) {
    let (scene, requests, bundle) = (&bench.scene, bench.requests(30), bench.bundle(30));
    let (seen, ccoctls) = (RefCell::default(), RefCell::default());
    let applies = |command| scene.applies(&account.emulator, command, &bundle, &["--yes"]);
    let ours = Work::new(|_| {
        account.ready(step.is_made.then(|| applies("apply")));
        applies(step.command)
    })
    .then(|| note(account, &seen));
    let ccoctl = bench.ccoctl.as_ref().map(|ccoctl| {
        let seen = &ccoctls;
        let requests = &requests;
        let creates =
            move |run: usize| ccoctl.create_all(scene, account, requests, &format!("ccoctl-{}-{run}", step.command));
        Work::new(move |run| {
            account.ready(step.is_made.then(|| creates(run)));
            if step.command == "delete" { ccoctl.delete(scene, account) } else { creates(run) }
        })
        .then(|| note(account, seen))
    });
    let (ours, ccoctl) = compared(bench.runs(7), ours, ccoctl);
    account.ready(step.is_made.then(|| applies("apply")));
    let peak = peak(&applies(step.command));
    bench.add(step.work, figures(step, (ours, peak), ccoctl, &seen.borrow(), &ccoctls.borrow()));
}

/// What a run asked for.
struct Seen {
    requests: Vec<Request>,
    chain: usize,
}

fn note(account: &Account, seen: &RefCell<Vec<Seen>>) {
    let requests = account.emulator.requests();
    let chain = longest_chain(&requests);
    seen.borrow_mut().push(Seen { requests, chain });
}

fn figures(
    step: &Step,
    (ours, peak): (Times, Figure),
    ccoctl: Option<Times>,
    seen: &[Seen],
    ccoctls: &[Seen],
) -> Vec<Figure> {
    let mut figures = vec![Figure::times("seconds", ours).at_most(step.seconds)];
    let mut counts = counts("", seen);
    if let (Some(target), Some(total)) = (step.requests, counts.first_mut()) {
        total.target = Some(target);
    }
    figures.extend(counts);
    figures.push(peak);
    if let Some(compared) = ratio(ours, ccoctl) {
        figures.extend(compared);
        figures.extend(self::counts("ccoctl: ", ccoctls));
    }
    figures
}

/// Requests of the last run, by service and of the public too, and the usual length of the chain, which is a matter of luck.
fn counts(whose: &str, seen: &[Seen]) -> Vec<Figure> {
    let mut chains: Vec<usize> = seen.iter().map(|seen| seen.chain).collect();
    chains.sort_unstable();
    let Some((last, chain)) = seen.last().zip(chains.get(chains.len() / 2)) else { return Vec::new() };
    let services = by_service(&last.requests);
    // The public's reads of the issuer's documents are no calls of an API.
    let public = services.get("public").copied().unwrap_or_default();
    let mut figures = vec![Figure::count(format!("{whose}requests to AWS"), last.requests.len() - public)];
    figures
        .extend(services.iter().map(|(service, count)| Figure::count(format!("{whose}requests, {service}"), *count)));
    figures.push(Figure::count(format!("{whose}longest chain of requests"), *chain));
    figures
}

//! What a bundle's stages cost at 10, 100 and 1,000 roles: `cargo bench -p tests --bench stages`.
//!
//! Reading, validating and reviewing are the libraries' functions, on bytes that are in memory. A plan is made from an account's
//! state, which only the applier can read: it is the whole process, `airlock-applier plan`, against an emulated account that holds
//! nothing of the cluster and is asked four times, however many roles there are.

#![allow(clippy::unwrap_used, reason = "a benchmark says what is wrong by failing")]

use std::path::PathBuf;
use std::time::Duration;

use bundle_schema::bundle::{Inspection, ParsedBundle, SignedFiles};
use bundle_schema::names::Timestamp;
use bundle_schema::signature::TrustPolicy;
use bundle_schema::trust::trusted_keys;
use criterion::{BatchSize, BenchmarkId, Criterion};
use generator::review::accepted::Accepted;
use generator::review::action_data::ActionData;
use generator::review::assemble::{Around, review};
use tests::emulator::Emulator;
use tests::scene::Scene;

const ROLES: [usize; 3] = [10, 100, 1000];

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    let scene = Scene::with_key().unwrap();
    let bundles = ROLES.map(|roles| Bundle::new(&scene, roles));
    reading(&mut criterion, &bundles);
    validating(&mut criterion, &bundles);
    reviewing(&mut criterion, &bundles);
    planning(&mut criterion, &scene, &bundles);
    criterion.final_summary();
}

struct Bundle {
    roles: usize,
    /// In the scene's folder.
    name: String,
    file: PathBuf,
    trusted: TrustPolicy,
}

impl Bundle {
    fn new(scene: &Scene, roles: usize) -> Self {
        let (requests, output) = (format!("requests-{roles}"), format!("bundle-{roles}"));
        scene.write_requests(&requests, 0..roles, 20);
        scene.create_bundle(&["--credentials-requests-dir", &requests, "--output-dir", &output]).run().exits(0);
        let name = format!("{output}/democluster-1.tar.gz");
        let trusted = trusted_keys(&[scene.public_key("minisign.pub")]).unwrap();
        Self { roles, file: scene.path(&name), name, trusted }
    }

    fn files(&self) -> SignedFiles {
        SignedFiles::open(&self.file, &[]).unwrap()
    }

    fn parsed(&self, files: SignedFiles) -> ParsedBundle {
        files.verify(&self.trusted).unwrap().parse().unwrap()
    }
}

/// Signatures, archive and the form of every document: steps 2 to 6 of FORMAT.md.
fn reading(criterion: &mut Criterion, bundles: &[Bundle]) {
    let mut group = criterion.benchmark_group("reading");
    for bundle in bundles {
        group.bench_function(BenchmarkId::from_parameter(bundle.roles), |bencher| {
            bencher.iter_batched(|| bundle.files(), |files| bundle.parsed(files), BatchSize::PerIteration);
        });
    }
}

/// What the documents mean together: step 7.
fn validating(criterion: &mut Criterion, bundles: &[Bundle]) {
    let mut group = criterion.benchmark_group("validating");
    for bundle in bundles {
        group.bench_function(BenchmarkId::from_parameter(bundle.roles), |bencher| {
            let parsed = || bundle.parsed(bundle.files());
            bencher.iter_batched(parsed, |parsed| parsed.validate().unwrap(), BatchSize::PerIteration);
        });
    }
}

/// Making the bundle again and looking for findings; the report is not yet written.
fn reviewing(criterion: &mut Criterion, bundles: &[Bundle]) {
    let data = ActionData::built_in().unwrap();
    let accepted = Accepted::default();
    let mut group = criterion.benchmark_group("reviewing");
    for bundle in bundles {
        let inspection = Inspection::read(std::fs::read(&bundle.file).unwrap()).unwrap();
        let around = || Around {
            requests: None,
            against: None,
            signers: None,
            findings: Vec::new(),
            data: &data,
            accepted: &accepted,
            now: Timestamp::from_unix(1_800_000_000).unwrap(),
        };
        group.bench_function(BenchmarkId::from_parameter(bundle.roles), |bencher| {
            bencher.iter_with_large_drop(|| review(&inspection, around()));
        });
    }
}

/// The whole process, with what it asks of the account.
fn planning(criterion: &mut Criterion, scene: &Scene, bundles: &[Bundle]) {
    let emulator = Emulator::start().unwrap();
    let mut group = criterion.benchmark_group("planning for a new account, as a process");
    group.measurement_time(Duration::from_secs(10));
    for bundle in bundles {
        let plan = scene.applies(&emulator, "plan", &bundle.name, &[]);
        group.bench_function(BenchmarkId::from_parameter(bundle.roles), |bencher| {
            bencher.iter(|| plan.run().exits(0));
        });
    }
}

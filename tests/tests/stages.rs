//! No stage can be skipped: programs that try do not compile, each for the reason it should not.
//!
//! Every snippet is given to `rustc` with the crates as cargo built them, and the error codes are compared. The first test
//! shows that the same snippets compile when they keep to the order, so that a failure means what it says.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tests::{cargo, target_dir, workspace};

const BUNDLE_SCHEMA: &str = "use bundle_schema::{bundle::*, documents::contents::*, signature::*};";

/// The libraries that snippets may use, as cargo built them.
fn libraries() -> &'static [(String, PathBuf)] {
    static BUILT: OnceLock<Vec<(String, PathBuf)>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let output = cargo()
            .args(["build", "--workspace", "--lib"])
            .arg("--message-format=json-render-diagnostics")
            .env("CARGO_TARGET_DIR", target_dir())
            .current_dir(workspace())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let artifacts = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let built = artifacts.filter_map(|artifact| {
            let name = artifact["target"]["name"].as_str()?.to_owned();
            let file = artifact["filenames"].as_array()?.iter().find_map(|file| {
                file.as_str().filter(|file| Path::new(file).extension().is_some_and(|ending| ending == "rlib"))
            })?;
            ["bundle_schema", "generator", "applier"].contains(&name.as_str()).then(|| (name, PathBuf::from(file)))
        });
        built.collect()
    })
}

/// The codes of the errors that `rustc` finds in a snippet, in order.
fn errors(snippet: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snippet.rs");
    std::fs::write(&file, format!("#![allow(unused)]\n{snippet}\n")).unwrap();
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
    rustc
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--error-format=json", "--out-dir"])
        .arg(folder.path())
        .arg(&file);
    for (name, library) in libraries() {
        let dependencies = library.parent().unwrap_or(Path::new(".")).join("deps");
        rustc
            .arg("--extern")
            .arg(format!("{name}={}", library.display()))
            .arg("-L")
            .arg(format!("dependency={}", dependencies.display()));
    }
    let output = rustc.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let messages =
        stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("rustc: {line}")));
    let errors = messages.filter(|message| {
        message["level"] == "error" && !message["message"].as_str().unwrap_or_default().starts_with("aborting")
    });
    errors.map(|error| error["code"]["code"].as_str().unwrap_or_else(|| panic!("{error}")).to_owned()).collect()
}

fn assert_refused(attempts: &[(&str, &str, &str)], uses: &str) {
    for (name, snippet, code) in attempts {
        assert_eq!(errors(&format!("{uses}\n{snippet}")), [*code], "{name}");
    }
}

#[test]
fn the_right_order_compiles() {
    let right = "fn f(files: SignedFiles, policy: &TrustPolicy) -> Bundle {
        files.verify(policy).unwrap().parse().unwrap().validate().unwrap()
    }";
    assert_eq!(errors(&format!("{BUNDLE_SCHEMA}\n{right}")), Vec::<String>::new());
}

#[test]
fn a_bundles_stages_cannot_be_skipped() {
    let attempts = [
        ("parsing what is not verified", "fn f(files: SignedFiles) { files.parse(); }", "E0599"),
        ("validating what is not parsed", "fn f(archive: VerifiedArchive) { archive.validate(); }", "E0599"),
        ("using what is not validated", "fn f(parsed: &ParsedBundle) -> &Contents { parsed.contents() }", "E0599"),
        ("some signatures in the place of all", "fn f(so_far: SignedSoFar) -> VerifiedArchive { so_far }", "E0308"),
        ("a verified archive from bytes", "fn f() -> VerifiedArchive { From::from(vec![0u8]) }", "E0277"),
        ("a parsed bundle in the place of a bundle", "fn f(parsed: ParsedBundle) -> Bundle { parsed }", "E0308"),
        ("an inspection in the place of a bundle", "fn f(inspection: Inspection) -> Bundle { inspection }", "E0308"),
        ("a bundle out of nothing", "fn f() -> Bundle { Default::default() }", "E0277"),
        (
            "a bundle from its parts",
            "fn f(contents: Contents, bundle: Bundle) -> Bundle { Bundle { contents, ..bundle } }",
            "E0451",
        ),
        (
            "another bundle's contents",
            "fn f(mut bundle: Bundle, contents: Contents) { bundle.contents = contents; }",
            "E0616",
        ),
        (
            "one verification for two files",
            "fn f(files: SignedFiles, policy: &TrustPolicy) { files.verify(policy); files.verify(policy); }",
            "E0382",
        ),
        ("a policy that trusts nobody", "fn f() -> TrustPolicy { TrustPolicy { roles: vec![] } }", "E0451"),
        ("a policy out of nothing", "fn f() -> TrustPolicy { Default::default() }", "E0277"),
    ];
    assert_refused(&attempts, BUNDLE_SCHEMA);
}

#[test]
fn a_receipts_stages_cannot_be_skipped() {
    let uses = "use bundle_schema::{bundle::*, receipt::*, signature::*};";
    let right = "fn f(files: SignedFiles, policy: &TrustPolicy) -> SignedReceipt {
        files.verify_receipt(policy).unwrap().parse().unwrap()
    }";
    assert_eq!(errors(&format!("{uses}\n{right}")), Vec::<String>::new());
    let attempts = [
        ("a receipt that nobody signed", "fn f(receipt: Receipt) -> SignedReceipt { receipt }", "E0308"),
        ("a receipt from bytes", "fn f(files: SignedFiles) -> SignedReceipt { files.parse() }", "E0599"),
        ("a verified bundle as a receipt", "fn f(archive: VerifiedArchive) -> VerifiedReceipt { archive }", "E0308"),
        (
            "another receipt under the same signatures",
            "fn f(receipt: Receipt, signed: SignedReceipt) -> SignedReceipt { SignedReceipt { receipt, ..signed } }",
            "E0451",
        ),
        ("a signed receipt out of nothing", "fn f() -> SignedReceipt { Default::default() }", "E0277"),
    ];
    assert_refused(&attempts, uses);
}

const APPLIER: &str = "use bundle_schema::{bundle::*, names::*}; use applier::{account::live::*, admit::*, plan::*, plan::choices::*, plan::file::*};";

#[test]
fn an_appliers_stages_cannot_be_skipped() {
    let right = "fn f(admitted: &Admitted, live: &LiveState, choices: &Choices, now: Timestamp) -> ApprovedPlan {
        Plan::compute(admitted, live, choices, now).unwrap().approve(Approval::Yes).unwrap()
    }";
    assert_eq!(errors(&format!("{APPLIER}\n{right}")), Vec::<String>::new());
    let attempts = [
        (
            "planning for a bundle that was not admitted",
            "fn f(bundle: &Bundle, live: &LiveState, choices: &Choices, now: Timestamp) { Plan::compute(bundle, live, choices, now); }",
            "E0308",
        ),
        (
            "planning for an inspection",
            "fn f(it: &Inspection, live: &LiveState, choices: &Choices, now: Timestamp) { Plan::compute(it, live, choices, now); }",
            "E0308",
        ),
        (
            "a bundle admitted by hand",
            "fn f(bundle: Bundle) -> Admitted { Admitted { bundle, ignored_tags: vec![], unused_exceptions: vec![] } }",
            "E0451",
        ),
        ("an account's state out of nothing", "fn f() -> LiveState { Default::default() }", "E0277"),
        ("a plan out of nothing", "fn f() -> Plan { Default::default() }", "E0277"),
        ("a plan with other actions", "fn f(mut plan: Plan) { plan.actions.clear(); }", "E0616"),
        ("applying a plan that nobody approved", "fn f(plan: Plan) { plan.into_plan(); }", "E0599"),
        (
            "a plan approved by hand",
            "fn f(plan: Plan, other: ApprovedPlan) -> ApprovedPlan { ApprovedPlan { plan, ..other } }",
            "E0451",
        ),
        ("a plan file out of nothing", "fn f() -> PlanFile { Default::default() }", "E0277"),
        ("a plan file in the place of a plan", "fn f(file: PlanFile) -> Plan { file }", "E0308"),
        (
            "approving a plan file alone",
            "fn f(file: PlanFile) -> ApprovedPlan { file.approve(Approval::Yes) }",
            "E0599",
        ),
        (
            "one approval for two plans",
            "fn f(plan: Plan) { plan.approve(Approval::Yes); plan.approve(Approval::Yes); }",
            "E0382",
        ),
    ];
    assert_refused(&attempts, APPLIER);
}

const GENERATOR: &str =
    "use bundle_schema::{documents::contents::*, names::*}; use generator::{build::*, keys::signing::*};";

#[test]
fn a_generators_stages_cannot_be_skipped() {
    let right = "fn f(draft: BundleDraft, key: &SigningKey) -> SignedBundle {
        draft.freeze().unwrap().sign(key)
    }";
    assert_eq!(errors(&format!("{GENERATOR}\n{right}")), Vec::<String>::new());
    let attempts = [
        ("signing a draft", "fn f(draft: BundleDraft, key: &SigningKey) { draft.sign(key); }", "E0599"),
        ("a draft out of nothing", "fn f() -> BundleDraft { Default::default() }", "E0277"),
        (
            "a draft with other contents",
            "fn f(mut draft: BundleDraft, contents: Contents) { draft.contents = contents; }",
            "E0616",
        ),
        ("a frozen bundle by hand", "fn f(bundle: UnsignedBundle) -> SignedBundle { bundle }", "E0308"),
        ("freezing twice", "fn f(draft: BundleDraft) { draft.freeze(); draft.freeze(); }", "E0382"),
        (
            "signing twice",
            "fn f(bundle: UnsignedBundle, key: &SigningKey) { bundle.sign(key); bundle.sign(key); }",
            "E0382",
        ),
    ];
    assert_refused(&attempts, GENERATOR);
}

//! A cluster moves to another issuer, and at no step do its roles trust none of the issuers in use: from a public bucket to an issuer that
//! somebody else hosts, to another bucket and to a private one, on to the end of the former issuer, and back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use serde_json::{Value, json};
use tests::SetupError;
use tests::crash::{Matrix, Operation, Way};
use tests::emulator::{Effect, Emulator, Which};
use tests::issuer_server::{CA_FILE, IssuerServer};
use tests::program::{Outcome, Program};
use tests::request::{Request, operations};
use tests::scene::{PROVIDER, Scene, record};

type Test = Result<(), SetupError>;

const OLD: &str = "out/democluster-1.tar.gz";
const OLD_URL: &str = "https://democluster-oidc.s3.us-east-2.amazonaws.com";
const NEW: &str = "out/democluster-2.tar.gz";
const DROPPED: &str = "out/democluster-3.tar.gz";
const HOSTED_URL: &str = "https://oidc.example.com/demo";
const HOSTED: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/demo";
const OTHER_BUCKET: &str = "arn:aws:iam::123456789012:oidc-provider/acme-keys.s3.us-east-2.amazonaws.com";
const RECORD: &str = "sts-airlock/record.json";

struct Site {
    scene: Scene,
    emulator: Emulator,
}

impl Site {
    /// A cluster with a public bucket, which was applied.
    fn start() -> Result<Self, SetupError> {
        let site = Self { scene: Scene::with_key()?, emulator: Emulator::start()? };
        site.scene.write_requests("requests", 0..2, 1);
        site.scene.create_bundle(&["--credentials-requests-dir", "requests"]).run().exits(0);
        site.runs("apply", OLD, &[]);
        Ok(site)
    }

    fn next(&self, previous: &str, more: &[&str]) -> Outcome {
        let from = ["create-bundle", "--no-password", "--previous", previous, "--trusted-key", "minisign.pub"];
        let folder: &[&str] = if more.contains(&"--output-dir") { &[] } else { &["--output-dir", "out"] };
        let program = self.scene.generator(from).args(["--signing-key", "minisign.key"]).args(folder);
        program.args(["--credentials-requests-dir", "requests"]).args(more).run()
    }

    fn program(&self, command: &str, bundle: &str, more: &[&str]) -> Program {
        // Nobody publishes anything at the hosted issuer here.
        let skip: &[&str] = if command == "apply" { &["--skip-issuer-check"] } else { &[] };
        self.scene.applies(&self.emulator, command, bundle, &[skip, more].concat())
    }

    #[track_caller]
    fn runs(&self, command: &str, bundle: &str, more: &[&str]) -> Outcome {
        self.emulator.forget();
        self.program(command, bundle, &[&["--yes"], more].concat()).run().exits(0)
    }

    /// It ends with code 5 and this on standard error, and nothing is written to AWS.
    #[track_caller]
    fn refuses(&self, command: &str, bundle: &str, error: &str) {
        self.emulator.forget();
        let said = self.program(command, bundle, &["--yes"]).run().exits(5).stderr;
        assert!(flat(&said).contains(error), "{said}\n--- expected\n{error}");
        assert_eq!(operations(&self.emulator.writes()), Vec::<&str>::new());
    }

    #[track_caller]
    fn holds(&self, bundle: &str) {
        let plan = self.program("plan", bundle, &["--detailed-exitcode"]).run().exits(0);
        assert!(plan.stdout.contains("\nNothing to do: the account holds what the bundle says.\n"), "{}", plan.stdout);
    }

    /// Every role trusts these providers, in this order, each for its own subjects.
    #[track_caller]
    fn trusts(&self, providers: &[&str]) {
        let state = self.emulator.state();
        let roles = state["roles"].as_object().unwrap();
        assert_eq!(roles.len(), 2);
        for (name, role) in roles {
            let policy = self.trust(name);
            let found: Vec<&str> = policy.iter().map(|one| one["Principal"]["Federated"].as_str().unwrap()).collect();
            assert_eq!(found, providers, "{name}: {role:#}");
            for statement in &policy {
                let issuer = statement["Principal"]["Federated"].as_str().unwrap().split_once('/').unwrap().1;
                let subjects = &statement["Condition"]["StringEquals"][format!("{issuer}:sub")];
                assert_eq!(
                    subjects,
                    &json!(["system:serviceaccount:example:operator", "system:serviceaccount:example:controller"])
                );
            }
        }
    }

    fn trust(&self, role: &str) -> Vec<Value> {
        let found = self.emulator.call("iam", "get_role", json!({"RoleName": role}));
        let policy = &found["Role"]["AssumeRolePolicyDocument"];
        let policy = policy.as_str().map_or_else(|| policy.clone(), |text| serde_json::from_str(text).unwrap());
        policy["Statement"].as_array().unwrap().clone()
    }

    #[track_caller]
    fn has(&self, providers: &[&str], buckets: &[&str]) {
        let state = self.emulator.state();
        let names = |kind: &str| state[kind].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!((names("providers"), names("buckets")), (owned(providers), owned(buckets)));
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Text without its line breaks.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_public_cluster_moves_to_a_hosted_issuer_and_the_former_one_is_deleted() -> Test {
    let site = Site::start()?;
    let made = site.next(OLD, &["--issuer-url", HOSTED_URL]).exits(0).stdout;
    let head = format!(
        "Issuer {HOSTED_URL} THE ISSUER CHANGES: it was {OLD_URL} Former {OLD_URL}, which the roles still trust Key "
    );
    assert!(flat(&made).contains(&head), "{made}");
    let patch = format!(
        "oc patch authentication cluster --type=merge -p '{{\"spec\":{{\"serviceAccountIssuer\":\"{HOSTED_URL}\"}}}}'"
    );
    for step in [patch, format!("--drop-issuer {OLD_URL}"), format!("airlock-applier delete {OLD}")] {
        assert!(flat(&made).contains(&step), "{step}: {made}");
    }
    let review = ["review", NEW, "--against", OLD, "--trusted-key", "minisign.pub"];
    let review = flat(&site.scene.generator(review).run().exits(0).stdout);
    for line in [
        format!("! THE ISSUER CHANGES to {HOSTED_URL}, was {OLD_URL}: roles take tokens of both"),
        format!("Former issuer {OLD_URL}; the roles still take its tokens"),
    ] {
        assert!(review.contains(&line), "{line}: {review}");
    }
    let plan = site.program("plan", NEW, &[]).run().exits(0).stdout;
    assert!(flat(&plan).contains(&format!("! THE ISSUER CHANGES: from {OLD_URL} to {HOSTED_URL}.")), "{plan}");
    assert!(
        flat(&plan).contains(&format!(
            "- the roles are those of issuer {OLD_URL}, serial 1 + the cluster has moved to issuer {HOSTED_URL}"
        )),
        "{plan}"
    );

    site.runs("apply", NEW, &[]);
    assert_eq!(
        operations(&site.emulator.writes()),
        [
            "CreateOpenIDConnectProvider",
            "TagOpenIDConnectProvider",
            "PutObject",
            "UpdateAssumeRolePolicy",
            "UpdateAssumeRolePolicy",
            "TagOpenIDConnectProvider"
        ]
    );
    site.trusts(&[HOSTED, PROVIDER]);
    site.has(&[PROVIDER, HOSTED], &["democluster-oidc"]);
    let former = record(&site.emulator);
    assert_eq!(
        (&former["state"], &former["serial"], &former["sha256"]),
        (&json!("moved"), &json!(2), &json!(site.scene.digest(NEW)))
    );
    assert_eq!(former["made"]["roles"].as_object().unwrap().len(), 2);
    site.holds(NEW);

    site.refuses("apply", OLD, "the cluster has moved to another issuer with serial 2; this bundle has serial 1");
    site.refuses(
        "delete",
        OLD,
        &format!("the cluster has moved to another issuer, and roles still trust identity provider {PROVIDER}"),
    );
    site.emulator.forget();

    // A later bundle keeps what it had until it is dropped.
    site.next(NEW, &["--drop-issuer", HOSTED_URL]).exits(2);
    let dropped = site.next(NEW, &["--drop-issuer", OLD_URL]).exits(0);
    assert!(
        flat(&dropped.stderr).contains("warning: an issuer is dropped less than a day after"),
        "{}",
        dropped.stderr
    );
    site.runs("apply", DROPPED, &[]);
    site.trusts(&[HOSTED]);
    site.has(&[PROVIDER, HOSTED], &["democluster-oidc"]);
    site.refuses("apply", OLD, "the cluster has moved to another issuer with serial 2; this bundle has serial 1");
    let roles = site.emulator.state()["roles"].clone();
    site.runs("delete", OLD, &[]);
    site.has(&[HOSTED], &[]);
    site.trusts(&[HOSTED]);
    assert_eq!(site.emulator.state()["roles"], roles);
    site.holds(DROPPED);
    let again = site.runs("delete", OLD, &[]).stdout;
    assert!(again.contains("\nNothing to do: the account holds nothing of the bundle.\n"), "{again}");
    site.runs("delete", DROPPED, &[]);
    assert_eq!(site.emulator.state(), tests::emulator::empty_account());
    Ok(())
}

#[test]
fn a_hosted_cluster_moves_into_a_bucket_and_its_provider_alone_is_deleted() -> Test {
    let site = Site::start()?;
    site.next(OLD, &["--issuer-url", HOSTED_URL]).exits(0);
    site.runs("apply", NEW, &[]);
    site.next(NEW, &["--drop-issuer", OLD_URL]).exits(0);
    site.runs("apply", DROPPED, &[]);
    // Into the bucket that it had would be back; another is a move on.
    site.next(DROPPED, &["--bucket-name", "acme-keys"]).exits(0);
    let (moved, last) = ("out/democluster-4.tar.gz", "out/democluster-5.tar.gz");
    site.runs("apply", moved, &[]);
    site.trusts(&[OTHER_BUCKET, HOSTED]);
    site.holds(moved);
    site.refuses("apply", DROPPED, "the cluster has moved to another issuer with serial 4; this bundle has serial 3");
    site.refuses("delete", DROPPED, &format!("roles still trust identity provider {HOSTED}"));
    site.next(moved, &["--drop-issuer", HOSTED_URL]).exits(0);
    site.runs("apply", last, &[]);
    site.runs("delete", DROPPED, &[]);
    assert_eq!(operations(&site.emulator.writes()), ["TagOpenIDConnectProvider", "DeleteOpenIDConnectProvider"]);
    site.trusts(&[OTHER_BUCKET]);
    // The first of the three was never deleted, and is as it was.
    site.has(&[OTHER_BUCKET, PROVIDER], &["acme-keys", "democluster-oidc"]);
    site.holds(last);
    Ok(())
}

#[test]
fn a_rollback_hands_the_roles_back_and_the_move_is_made_again() -> Test {
    let site = Site::start()?;
    site.next(OLD, &["--issuer-url", HOSTED_URL]).exits(0);
    site.runs("apply", NEW, &[]);
    let back = site.runs("apply", OLD, &["--allow-rollback"]).stdout;
    assert!(flat(&back).contains("ROLLBACK: the account holds serial 2; serial 1 takes its place"), "{back}");
    site.trusts(&[PROVIDER]);
    assert_eq!((&record(&site.emulator)["state"], &record(&site.emulator)["serial"]), (&json!("applied"), &json!(1)));
    site.holds(OLD);
    site.runs("apply", NEW, &[]);
    site.trusts(&[HOSTED, PROVIDER]);
    assert_eq!(record(&site.emulator)["state"], "moved");
    site.holds(NEW);
    let deleted = site.runs("delete", NEW, &[]).stdout;
    assert!(flat(&deleted).contains(&format!("the former issuer {OLD_URL} stays")), "{deleted}");
    site.has(&[PROVIDER], &["democluster-oidc"]);
    site.runs("delete", OLD, &[]);
    assert_eq!(site.emulator.state(), tests::emulator::empty_account());
    Ok(())
}

#[test]
fn what_stands_at_the_former_issuer_is_looked_at() -> Test {
    let site = Site::start()?;
    site.next(OLD, &["--issuer-url", HOSTED_URL]).exits(0);
    // An older issuer's bundle with a higher serial was applied meanwhile.
    site.next(OLD, &["--serial", "7"]).exits(0);
    site.emulator.save();
    site.runs("apply", "out/democluster-7.tar.gz", &[]);
    site.refuses("apply", NEW, "bundle has serial 2, the account holds serial 7, which is newer");
    // The record is gone: a tag alone is a claim.
    site.emulator.restore();
    site.emulator.call("s3", "delete_object", json!({"Bucket": "democluster-oidc", "Key": RECORD}));
    site.refuses("apply", NEW, "carries the cluster's tag, but is not in the record of what was made here");
    site.runs("apply", NEW, &["--adopt"]);
    site.trusts(&[HOSTED, PROVIDER]);
    // It is another cluster's, or not one.
    for (text, error) in [("{}", "is not what this program writes"), ("x", "is not what this program writes")] {
        site.emulator.restore();
        site.emulator.call("s3", "put_object", json!({"Bucket": "democluster-oidc", "Key": RECORD, "Body": text}));
        site.refuses("apply", NEW, error);
    }
    site.emulator.restore();
    let other = record(&site.emulator).to_string().replace("\"democluster\"", "\"prod-a\"");
    let text = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&other).unwrap()).unwrap();
    site.emulator.call("s3", "put_object", json!({"Bucket": "democluster-oidc", "Key": RECORD, "Body": text}));
    site.refuses("apply", NEW, "record s3://democluster-oidc/sts-airlock/record.json is not what this program writes");
    // The provider is gone, and its tokens are refused already.
    site.emulator.restore();
    site.emulator.call("iam", "delete_open_id_connect_provider", json!({"OpenIDConnectProviderArn": PROVIDER}));
    let plan = site.program("plan", NEW, &[]).run().exits(0).stdout;
    assert!(
        flat(&plan).contains(&format!("the identity provider of the former issuer {OLD_URL} is not there")),
        "{plan}"
    );
    Ok(())
}

#[test]
fn a_run_of_the_former_issuer_that_is_under_way_is_not_interfered_with() -> Test {
    let site = Site::start()?;
    site.next(OLD, &["--issuer-url", HOSTED_URL]).exits(0);
    site.next(OLD, &["--serial", "2", "--output-dir", "late", "--tag", "a=b"]).exits(0);
    site.next("late/democluster-2.tar.gz", &["--serial", "3", "--issuer-url", HOSTED_URL]).exits(0);
    site.emulator.spoil(Which::Operation("TagRole"), 0, 1, Effect::StallBefore);
    let mut child = site.program("apply", "late/democluster-2.tar.gz", &["--yes"]).spawn();
    assert!(site.emulator.stalled(20_000) > 0);
    let said = site.program("apply", "out/democluster-3.tar.gz", &["--yes"]).run().exits(5).stderr;
    assert!(flat(&said).contains("another run is under way or has just ended"), "{said}");
    site.trusts(&[PROVIDER]);
    child.kill().and_then(|()| child.wait()).unwrap();
    // It was killed, and its record does not change any more.
    site.runs("apply", "out/democluster-3.tar.gz", &["--take-over-after", "2"]);
    site.trusts(&[HOSTED, PROVIDER]);
    assert_eq!(record(&site.emulator)["state"], "moved");
    Ok(())
}

/// Every writing request is disturbed in these ways.
#[track_caller]
fn converges(matrix: &Matrix<'_>, ways: &[Way]) {
    let is_write = |(_, request): &(usize, &Request)| request.write;
    for (at, request) in matrix.requests().iter().enumerate().filter(is_write) {
        for way in ways {
            if let Err(reason) = matrix.run(at, *way) {
                panic!("request {at}, {}, {way:?}: {reason}", request.summary());
            }
        }
    }
}

#[test]
fn a_move_that_is_disturbed_at_any_write_is_finished_by_running_it_again() -> Test {
    let site = Site::start()?;
    site.next(OLD, &["--bucket-name", "acme-keys"]).exits(0);
    let apply = |name, bundle| Operation { name, command: "apply", bundle, more: &[] };
    let matrix = Matrix::new(&site.scene, &site.emulator, apply("move", NEW));
    // Bucket, record, two settings, three documents, provider, former record, two roles, record.
    assert_eq!(matrix.requests().iter().filter(|request| request.write).count(), 12);
    converges(&matrix, &Way::ALL);
    site.emulator.restore();
    site.runs("apply", NEW, &[]);
    site.next(NEW, &["--drop-issuer", OLD_URL]).exits(0);
    site.runs("apply", DROPPED, &[]);
    let delete = Operation { name: "former issuer", command: "delete", bundle: OLD, more: &[] };
    let matrix = Matrix::new(&site.scene, &site.emulator, delete);
    // The record, the provider, three documents, the record, the bucket; no role.
    assert_eq!(matrix.requests().iter().filter(|request| request.write).count(), 7);
    converges(&matrix, &[Way::AnswerLost, Way::KilledBefore, Way::KilledAfter]);
    site.trusts(&[OTHER_BUCKET]);
    Ok(())
}

/// A run that is stopped after the former issuer's record has changed goes on under the approval that it had.
#[test]
fn plan_files_of_a_move_and_of_what_follows_are_carried_out_and_go_on() -> Test {
    let site = Site::start()?;
    site.next(OLD, &["--bucket-name", "acme-keys"]).exits(0);
    let stops = |operation| {
        let error = Effect::Error { status: 409, code: "LimitExceeded", message: "no" };
        site.emulator.spoil(Which::Operation(operation), 0, 1, error);
    };
    site.program("plan", NEW, &["--output", "move.json"]).run().exits(0);
    stops("UpdateAssumeRolePolicy");
    site.program("apply", NEW, &["--plan", "move.json", "--receipt", "first.json"]).run().exits(6);
    assert_eq!(record(&site.emulator)["state"], "moved");
    site.program("apply", NEW, &["--plan", "move.json", "--receipt", "second.json"]).run().exits(0);
    site.trusts(&[OTHER_BUCKET, PROVIDER]);
    site.next(NEW, &["--drop-issuer", OLD_URL]).exits(0);
    site.runs("apply", DROPPED, &[]);

    site.program("delete", OLD, &["--output", "delete.json"]).run().exits(0);
    stops("DeleteObject");
    site.program("delete", OLD, &["--plan", "delete.json", "--receipt", "third.json"]).run().exits(6);
    let left = record(&site.emulator);
    assert_eq!((&left["state"], &left["serial"], &left["made"]["roles"]), (&json!("moved"), &json!(2), &json!({})));
    site.refuses("apply", OLD, "the cluster has moved to another issuer with serial 2; this bundle has serial 1");
    site.program("delete", OLD, &["--plan", "delete.json", "--receipt", "fourth.json"]).run().exits(0);
    site.has(&[OTHER_BUCKET], &["acme-keys"]);
    site.trusts(&[OTHER_BUCKET]);
    Ok(())
}

#[test]
fn a_public_cluster_moves_behind_cloudfront_and_back() -> Test {
    let site = Site::start()?;
    site.scene.signing_key("operator");
    let Some(server) = IssuerServer::start(&site.scene, &site.emulator)? else { return Ok(()) };
    let checked = |command: &str, bundle: &str, more: &[&str]| {
        let trusted: &[&str] = if command == "apply" { &["--ca-file", CA_FILE] } else { &[] };
        let program = site.scene.applies(&site.emulator, command, bundle, &[&["--yes"], trusted, more].concat());
        server.proxied(program).run().exits(0)
    };
    let endpoint = ["create-bundle", "--no-password", "--create-private-s3-bucket", "--previous", OLD, "--trusted-key"];
    let endpoint = |more: &[&str]| {
        let program = site.scene.generator(endpoint).args(["minisign.pub", "--signing-key", "minisign.key"]);
        program.args(["--output-dir", "out"]).args(more).run()
    };
    let refused = endpoint(&[]).exits(2).stderr;
    assert!(flat(&refused).contains(&format!("bucket democluster-oidc serves the issuer {OLD_URL}")), "{refused}");
    let made = endpoint(&["--bucket-name", "acme-private"]).exits(0).stdout;
    assert!(
        flat(&made).contains(&format!("create-bundle --previous {OLD} --trusted-key KEY --endpoint-receipt")),
        "{made}"
    );
    checked("apply", NEW, &["--receipt", "receipt.json"]);
    site.trusts(&[PROVIDER]);
    site.scene.sign("receipt.json", "operator", &["--signer", "operator"]).run().exits(0);
    let from = ["--endpoint-receipt", "receipt.json", "--receipt-key", "operator/minisign.pub"];
    site.next(OLD, &from).exits(0);
    let domain = site.scene.receipt("receipt.json")["distribution"]["domain"].as_str().unwrap().to_owned();
    let private = format!("arn:aws:iam::123456789012:oidc-provider/{domain}");
    checked("apply", DROPPED, &[]);
    site.trusts(&[&private, PROVIDER]);
    site.refuses("apply", OLD, "the cluster has moved to another issuer with serial 3; this bundle has serial 1");

    // Back, into the bucket that it had: what serves there is the cluster's again, and the private bucket is the former issuer's.
    let back = "out/democluster-4.tar.gz";
    site.next(DROPPED, &["--bucket-name", "democluster-oidc"]).exits(0);
    checked("apply", back, &[]);
    site.trusts(&[PROVIDER, &private]);
    site.next(back, &["--drop-issuer", &format!("https://{domain}")]).exits(0);
    checked("apply", "out/democluster-5.tar.gz", &[]);
    site.trusts(&[PROVIDER]);
    checked("delete", DROPPED, &[]);
    site.has(&[PROVIDER], &["democluster-oidc"]);
    assert_eq!(site.emulator.state()["distributions"], json!({}));
    checked("delete", "out/democluster-5.tar.gz", &[]);
    assert_eq!(site.emulator.state(), tests::emulator::empty_account());
    Ok(())
}

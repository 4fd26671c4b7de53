//! A plan in a file is an approval that survives: a run that was stopped goes on under it, and what is not in it is refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

mod hostile;

use std::fs;

use bundle_schema::names::Sha256;
use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::{Effect, Emulator, Which};
use tests::program::{Outcome, Program};
use tests::scene::{self, ACCOUNT, BUCKET, NAME, ROLES, Scene};

type Test = Result<(), SetupError>;

const WRITES: usize = 9 + 2 * ROLES.len();
const DELETIONS: usize = 7 + 2 * ROLES.len();
const POLICY: &str = "arn:aws:iam::123456789012:policy/administrator";

/// A code that is not sent again.
const OUTAGE: Effect<'_> = Effect::Error { status: 409, code: "LimitExceeded", message: "an outage" };

/// A bundle, an account, and plans between them.
struct Approved {
    scene: Scene,
    emulator: Emulator,
    bundle: String,
}

impl Approved {
    fn new() -> Result<Self, SetupError> {
        let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
        let bundle = scene.bundle();
        Ok(Self { scene, emulator, bundle })
    }

    fn program(&self, command: &str, more: &[&str]) -> Program {
        self.scene.applies(&self.emulator, command, &self.bundle, more)
    }

    fn run(&self, command: &str, more: &[&str]) -> Outcome {
        self.program(command, more).run()
    }

    /// A new plan in `plan.json`; the requests for it are forgotten.
    fn plan(&self, command: &str, more: &[&str]) -> Value {
        self.scene.remove("plan.json");
        self.run(command, &[&["--output", "plan.json"], more].concat()).exits(0);
        self.emulator.forget();
        serde_json::from_slice(&self.scene.read("plan.json")).unwrap()
    }

    /// Carries out what is left of `plan.json`, without waiting for a run that was cut off.
    fn go_on(&self, command: &str, more: &[&str]) -> Outcome {
        self.scene.remove("r.json");
        let always = ["--plan", "plan.json", "--receipt", "r.json", "--take-over-after", "0"];
        self.run(command, &[&always, more].concat())
    }

    fn record(&self) -> Value {
        scene::record(&self.emulator)
    }

    /// A run of `plan.json` fails before its last role is made.
    fn stopped(&self) -> Outcome {
        self.emulator.spoil(Which::Operation("CreateRole"), ROLES.len() - 1, 1000, OUTAGE);
        let stopped = self.go_on("apply", &["--concurrency", "1"]).exits(6);
        self.emulator.forget();
        stopped
    }
}

/// The digest of a plan's JSON, as `PLAN.md` says.
fn digest(plan: &Value) -> Value {
    // Its keys are sorted.
    let digested = json!({
        "accountId": plan["accountId"], "actions": plan["actions"], "bundleSha256": plan["bundle"]["sha256"],
        "choices": plan["choices"], "findings": plan["findings"], "operation": plan["operation"],
    });
    Sha256::of(digested.to_string().as_bytes()).as_str().into()
}

#[test]
fn a_plan_is_written_and_carried_out() -> Test {
    let approved = Approved::new()?;
    let shown = approved.run("plan", &[]).exits(0).stdout;
    let written = approved.run("plan", &["--output", "plan.json", "--detailed-exitcode"]).exits(10).stdout;
    let (text, advice) = written.split_once("\nThe plan is in plan.json.").unwrap();
    assert_eq!(text.lines().last(), shown.lines().last(), "the digest is the same");
    assert_eq!(
        advice,
        " To carry it out, also after a run that was stopped:\n  airlock-applier apply out/democluster-1.tar.gz --trusted-key minisign.pub --plan plan.json\n"
    );
    let mut file: Value = serde_json::from_slice(&approved.scene.read("plan.json")).unwrap();
    let outcome = approved.run("plan", &["--format", "json", "--output", "second.json"]).exits(0);
    assert!(outcome.stderr.starts_with("\nThe plan is in second.json. To carry it out, "), "{}", outcome.stderr);
    assert_eq!(approved.scene.text("second.json"), outcome.stdout, "the file is what the program prints");
    let mut json = outcome.json();
    json["time"] = file["time"].take();
    file["time"] = json["time"].clone();
    assert_eq!(json, file);
    assert_eq!(
        (&file["planVersion"], &file["operation"], &file["digest"]),
        (&1.into(), &"apply".into(), &digest(&file))
    );

    // A file is never overwritten, and whoever names a digest means this one.
    approved.run("plan", &["--output", "plan.json"]).exits(2).says(
        "error: plan file plan.json exists, and a plan file is never overwritten\n  give another name with --output FILE",
    );
    let own = file["digest"].as_str().unwrap();
    let other = "0".repeat(64);
    approved.go_on("apply", &["--plan-digest", &other]).exits(5).says(&format!(
        "error: plan file plan.json has digest {own}, --plan-digest is {other}\n  give the file of the plan that was approved"
    ));
    approved.emulator.forget();

    let applied = approved.go_on("apply", &["--plan-digest", own]).exits(0).stdout;
    assert!(
        applied.contains(&format!("\n\nPlan file plan.json: {WRITES} of {WRITES} calls are left\n\n[1/{WRITES}] ")),
        "{applied}"
    );
    assert_eq!(approved.emulator.writes().len(), WRITES);
    assert_eq!(approved.record()["planDigest"], file["digest"]);
    approved.emulator.forget();
    let again = approved.go_on("apply", &[]).exits(0).stdout;
    let nothing = "\n\nPlan file plan.json: nothing is left to do\n\nApply: 0 done, 0 failed, 0 not reached. The receipt is r.json.\n";
    assert!(again.ends_with(nothing), "{again}");
    assert_eq!(approved.emulator.writes().len(), 0);
    Ok(())
}

/// The applier is killed while a writing request is under way, at each of them in turn; the same command goes on.
fn a_run_cut_off_at_any_request(effect: Effect<'_>) -> Test {
    let approved = Approved::new()?;
    // The same for every empty account.
    approved.plan("plan", &[]);
    let program = approved.program("apply", &["--plan", "plan.json", "--concurrency", "1"]);
    for skip in 0..WRITES {
        approved.emulator.reset();
        approved.emulator.spoil(Which::Writes, skip, 1, effect);
        let mut child = program.spawn();
        assert!(approved.emulator.stalled(20_000) > 0, "request {skip} was not reached");
        child.kill().unwrap();
        child.wait().unwrap();
        approved.emulator.forget();
        approved.go_on("apply", &[]).exits(0);
        approved.run("plan", &["--detailed-exitcode"]).exits(0);
    }
    Ok(())
}

#[test]
fn a_run_cut_off_before_any_request_goes_on() -> Test {
    a_run_cut_off_at_any_request(Effect::StallBefore)
}

#[test]
fn a_run_cut_off_after_any_request_goes_on() -> Test {
    a_run_cut_off_at_any_request(Effect::StallAfter)
}

/// The same for a deletion, whose plan names what is there by its identity.
fn a_deletion_cut_off_at_any_request(effect: Effect<'_>) -> Test {
    let approved = Approved::new()?;
    for skip in 0..DELETIONS {
        approved.emulator.reset();
        approved.run("apply", &["--yes", "--skip-issuer-check"]).exits(0);
        approved.plan("delete", &[]);
        approved.emulator.spoil(Which::Writes, skip, 1, effect);
        let mut child = approved.program("delete", &["--plan", "plan.json", "--concurrency", "1"]).spawn();
        assert!(approved.emulator.stalled(20_000) > 0, "request {skip} was not reached");
        child.kill().unwrap();
        child.wait().unwrap();
        approved.emulator.forget();
        approved.go_on("delete", &[]).exits(0);
        let left = approved.run("delete", &["--format", "json"]).exits(0).json();
        assert_eq!((&left["ending"], &left["actions"]), (&json!("done"), &json!([])), "{skip}");
    }
    Ok(())
}

#[test]
fn a_deletion_cut_off_before_any_request_goes_on() -> Test {
    a_deletion_cut_off_at_any_request(Effect::StallBefore)
}

#[test]
fn a_deletion_cut_off_after_any_request_goes_on() -> Test {
    a_deletion_cut_off_at_any_request(Effect::StallAfter)
}

/// Versions are deleted by their IDs; some of them may be gone.
#[test]
fn a_bucket_with_versions_is_emptied_in_two_runs() -> Test {
    let approved = Approved::new()?;
    for skip in 0..4 {
        approved.emulator.reset();
        approved.run("apply", &["--yes", "--skip-issuer-check"]).exits(0);
        let versioning = json!({"Bucket": BUCKET, "VersioningConfiguration": {"Status": "Enabled"}});
        approved.emulator.call("s3", "put_bucket_versioning", versioning);
        approved.emulator.call("s3", "put_object", json!({"Bucket": BUCKET, "Key": "keys.json", "Body": "{}"}));
        approved.plan("delete", &[]);
        approved.emulator.spoil(Which::Operation("DeleteObjects"), skip, 1000, OUTAGE);
        approved.go_on("delete", &["--concurrency", "1"]).exits(6);
        approved.emulator.forget();
        approved.go_on("delete", &[]).exits(0);
    }
    Ok(())
}

/// An upgrade that prunes, stopped at each of its requests in turn by an outage.
#[test]
fn what_is_pruned_goes_on() -> Test {
    let approved = Approved::new()?;
    let requests = tests::crate_file("samples/credentials-requests");
    for file in fs::read_dir(requests).unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        if name != "03-block-storage.yaml" {
            approved.scene.write(&format!("next/{name}"), fs::read(file.path()).unwrap());
        }
    }
    approved.scene.create_bundle(&["--credentials-requests-dir", "next", "--serial", "2"]).run().exits(0);
    let first = approved.bundle.clone();
    let upgrade = Approved { bundle: format!("out/{NAME}-2.tar.gz"), ..approved };
    // The tags of bucket and provider, the record twice, and the role with its policies.
    let writes = 4 + 3;
    for skip in 0..writes {
        upgrade.emulator.reset();
        let apply = upgrade.scene.applies(&upgrade.emulator, "apply", &first, &["--yes", "--skip-issuer-check"]);
        apply.run().exits(0);
        let policy = json!({"PolicyName": "administrator", "PolicyDocument": everything()});
        upgrade.emulator.call("iam", "create_policy", policy);
        upgrade.emulator.call("iam", "attach_role_policy", json!({"RoleName": ROLES[0], "PolicyArn": POLICY}));
        let plan = upgrade.plan("plan", &["--prune"]);
        assert_eq!(plan["actions"].as_array().unwrap().len(), writes);
        upgrade.emulator.spoil(Which::Writes, skip, 1000, OUTAGE);
        upgrade.go_on("apply", &["--prune", "--concurrency", "1"]).exits(6);
        upgrade.emulator.forget();
        upgrade.go_on("apply", &["--prune"]).exits(0);
        upgrade.run("plan", &["--detailed-exitcode"]).exits(0);
    }
    Ok(())
}

fn everything() -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}).to_string()
}

#[test]
fn what_others_changed_since_is_refused() -> Test {
    let approved = Approved::new()?;
    approved.plan("plan", &[]);
    let stopped = approved.stopped();
    // Bucket, record, two settings, three documents, provider, and all roles but one.
    let done = 8 + ROLES.len() - 1;
    assert!(
        stopped.stderr.starts_with(&format!("error: apply stopped: {done} done, 1 failed, ")),
        "{}",
        stopped.stderr
    );
    assert!(
        stopped.stderr.ends_with(
            "\n  running the same command again is safe, with another --receipt: what is left of plan file plan.json is still approved\n  the receipt is r.json\n"
        ),
        "{}",
        stopped.stderr
    );
    let refused = |differences: &str, count: &str| {
        let refused = approved.go_on("apply", &[]);
        refused.exits(5).says(&format!(
            "error: the plan is no longer what is left of plan file plan.json: {count}; nothing was changed\n{differences}\n  somebody changed \
             the account, or the trust file, since the plan was made: write a new one with `plan --output FILE`, and approve that"
        ));
        assert_eq!(approved.emulator.writes().len(), 0);
    };
    let (role, last) = (ROLES[0], ROLES[ROLES.len() - 1]);

    // A trust policy.
    let trust =
        approved.emulator.call("iam", "get_role", json!({"RoleName": role}))["Role"]["AssumeRolePolicyDocument"]
            .clone();
    let trust = trust.as_str().map_or_else(|| trust.to_string(), str::to_owned);
    let set_trust = |policy: &str| {
        let parameters = json!({"RoleName": role, "PolicyDocument": policy});
        approved.emulator.call("iam", "update_assume_role_policy", parameters);
    };
    set_trust(&trust.replace("system:serviceaccount:", "system:serviceaccount:other-"));
    refused(&format!("- iam:UpdateAssumeRolePolicy role {role} is not in the file"), "1 difference");
    set_trust(&trust);

    // A new orphan.
    let tags = json!([{"Key": format!("openshift.io/cloud-credential-operator/{NAME}"), "Value": "owned"}]);
    let orphan = json!({"RoleName": format!("{NAME}-old"), "AssumeRolePolicyDocument": "{}", "Tags": tags});
    approved.emulator.call("iam", "create_role", orphan);
    refused(
        &format!(
            "- not in the file: role {NAME}-old carries the cluster's tag, is neither in the bundle nor in the record, and stays (--prune --adopt removes it)"
        ),
        "1 difference",
    );
    approved.emulator.call("iam", "delete_role", json!({"RoleName": format!("{NAME}-old")}));

    // A role that the plan was about to make, by somebody else: the planner itself refuses it.
    approved.emulator.call("iam", "create_role", json!({"RoleName": last, "AssumeRolePolicyDocument": "{}"}));
    approved.go_on("apply", &[]).exits(5);
    assert_eq!(approved.emulator.writes().len(), 0);
    approved.emulator.call("iam", "delete_role", json!({"RoleName": last}));

    // Somebody else's run of the same bundle, stopped in turn: its record is not of this plan.
    approved.emulator.spoil(Which::Operation("CreateRole"), 0, 1000, OUTAGE);
    approved.run("apply", &["--yes"]).exits(6);
    approved.emulator.forget();
    let (record, caller) = (approved.record(), "arn:aws:sts::123456789012:user/moto");
    let time = record["time"].as_str().unwrap();
    refused(
        &format!(
            "- s3:PutObject sts-airlock/record.json would replace what another run wrote since\n- not in the file: an apply of serial 1 by {caller} at \
             {time} left something to do; this plan goes on from there"
        ),
        "2 differences",
    );
    approved.run("apply", &["--yes"]).exits(0);
    // Whoever did it: nothing is left.
    approved.emulator.forget();
    approved.go_on("apply", &[]).exits(0);
    assert_eq!(approved.emulator.writes().len(), 0);
    Ok(())
}

/// With the flag that leaves them alone, policies of others do not stop an apply, but they are not what was read.
#[test]
fn a_policy_that_was_attached_since_is_refused() -> Test {
    let approved = Approved::new()?;
    approved.plan("plan", &["--leave-foreign-policies"]);
    approved.emulator.spoil(Which::Operation("PutRolePolicy"), 0, 1000, OUTAGE);
    approved.go_on("apply", &["--leave-foreign-policies", "--concurrency", "1"]).exits(6);
    approved.emulator.forget();
    let policy = json!({"PolicyName": "administrator", "PolicyDocument": everything()});
    approved.emulator.call("iam", "create_policy", policy);
    approved.emulator.call("iam", "attach_role_policy", json!({"RoleName": ROLES[0], "PolicyArn": POLICY}));
    approved.go_on("apply", &["--leave-foreign-policies"]).exits(5).says(&format!(
        "error: the plan is no longer what is left of plan file plan.json: 1 difference; nothing was changed\n- not in the file: role {} has policies \
         that are not in the bundle, and keeps them: {POLICY}\n  somebody changed the account, or the trust file, since the plan was made: write a new \
         one with `plan --output FILE`, and approve that",
        ROLES[0]
    ));
    assert_eq!(approved.emulator.writes().len(), 0);
    Ok(())
}

#[test]
fn a_deletion_is_planned_without_deleting() -> Test {
    let approved = Approved::new()?;
    approved.run("apply", &["--yes", "--skip-issuer-check"]).exits(0);
    approved.emulator.forget();
    for more in [&["--yes"][..], &["--plan", "p"], &["--plan-digest", &"0".repeat(64)], &["--receipt", "r"]] {
        let refused = approved.run("delete", &[&["--output", "plan.json"], more].concat()).exits(2).stderr;
        assert!(refused.starts_with("error: the argument '--output <FILE>' cannot be used with '--"), "{refused}");
    }
    let unapproved = approved.run("delete", &["--format", "json"]).exits(2);
    let written = approved.run("delete", &["--format", "json", "--output", "plan.json"]).exits(0);
    let without_time = |outcome: &Outcome| {
        let mut plan = outcome.json();
        plan["time"].take();
        plan
    };
    assert_eq!(without_time(&unapproved), without_time(&written));
    assert_eq!(approved.scene.text("plan.json"), written.stdout);
    assert_eq!(
        written.stderr,
        "\nThe plan is in plan.json. To carry it out, also after a run that was stopped:\n  airlock-applier delete out/democluster-1.tar.gz \
         --trusted-key minisign.pub --plan plan.json\n"
    );
    assert_eq!(approved.emulator.writes().len(), 0);
    let plan = written.json();
    assert_eq!((&plan["operation"], plan["actions"].as_array().unwrap().len()), (&json!("delete"), DELETIONS));

    // Made for another operation, and with other flags.
    let refused = approved.go_on("apply", &[]).exits(5);
    refused.says(
        "error: plan file plan.json is for `delete`, not for `apply`\n  give a file that `plan --output FILE` wrote",
    );
    let refused = approved.go_on("delete", &["--prune"]).exits(2);
    refused.says(
        "error: plan file plan.json was made without flags, this command is run with --prune\n  give the same flags, or make a new plan",
    );
    assert_eq!(approved.emulator.writes().len(), 0);

    // Somebody applies again meanwhile: the record is another, and so is what would be deleted.
    approved.emulator.call("iam", "untag_role", json!({"RoleName": ROLES[0], "TagKeys": ["Name"]}));
    approved.run("apply", &["--yes", "--skip-issuer-check"]).exits(0);
    approved.emulator.forget();
    approved.go_on("delete", &[]).exits(5).says(
        "error: the plan is no longer what is left of plan file plan.json: 1 difference; nothing was changed\n- s3:PutObject sts-airlock/record.json \
         would replace what another run wrote since\n  somebody changed the account, or the trust file, since the plan was made: write a new one with \
         `delete --output FILE`, and approve that",
    );
    assert_eq!(approved.emulator.writes().len(), 0);
    approved.plan("delete", &[]);
    approved.go_on("delete", &[]).exits(0);
    Ok(())
}

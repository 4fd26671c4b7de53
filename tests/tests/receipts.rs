//! Receipts: nothing is overwritten, whatever stops a run leaves what was done, and one is signed and verified as a bundle is.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says what is wrong by failing")]

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tests::SetupError;
use tests::emulator::{Effect, Emulator, Which};
use tests::program::Program;
use tests::scene::{ROLES, Scene};

type Test = Result<(), SetupError>;

const WRITES: usize = 9 + 2 * ROLES.len();

#[test]
fn a_receipt_is_never_written_over_something() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.write("trust.json", "{\"mine\": 1}");
    let apply = ["--yes", "--receipt", "trust.json"];
    scene.applies(&emulator, "apply", &bundle, &apply).run().exits(2).says(
        "error: receipt trust.json exists, and a receipt is never overwritten\n  give another name with --receipt FILE",
    );
    assert_eq!(scene.text("trust.json"), "{\"mine\": 1}");
    assert_eq!(emulator.requests().len(), 0, "AWS was not even asked");
    Ok(())
}

/// Three applies at once with one place for the receipt: what each of them did is there afterwards.
#[test]
fn no_receipt_is_lost_to_another() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    emulator.latency(30);
    let run = || scene.applies(&emulator, "apply", &bundle, &["--yes", "--receipt", "receipt.json"]).run();
    thread::scope(|scope| {
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(run)).collect();
        for run in runs {
            run.join().unwrap();
        }
    });
    let left: Vec<String> = scene.files(".").into_iter().filter(|name| name.starts_with("receipt.json")).collect();
    let journals = left.iter().filter(|name| name.ends_with(".journal")).count();
    assert_eq!((left.len(), journals), (3, 2), "{left:?}");
    let receipt = scene.receipt("receipt.json");
    assert_eq!(receipt["receiptVersion"], 1);
    Ok(())
}

/// A run that is killed leaves a journal of what was done; it is in nobody's way.
#[test]
fn a_killed_run_leaves_its_journal() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let done = 7;
    emulator.spoil(Which::Writes, done, 1, Effect::StallBefore);
    let apply = ["--yes", "--receipt", "receipt.json", "--concurrency", "1", "--take-over-after", "0"];
    let program = scene.applies(&emulator, "apply", &bundle, &apply);
    let mut child = program.spawn();
    assert!(emulator.stalled(20_000) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    let left: Vec<String> = scene.files(".").into_iter().filter(|name| name.starts_with("receipt.json")).collect();
    assert!(left.len() == 1 && left[0].ends_with(".journal"), "{left:?}");
    let lines: Vec<Value> = scene.text(&left[0]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["journalVersion"], &lines[0]["actions"]), (&1.into(), &WRITES.into()));
    assert_eq!(lines.len(), 1 + done);
    assert_eq!((&lines[0]["approval"]["by"], &lines[0]["choices"]["prune"]), (&"yes".into(), &false.into()));
    assert!(lines[1..].iter().all(|line| line["outcome"] == "done" && line["attempts"] == 1), "{lines:?}");
    assert_eq!(lines[1]["requestIds"], json!(["CreateBucket-1"]));
    assert_eq!(
        (&lines[1]["call"], &lines[1]["resource"]),
        (&"s3:CreateBucket".into(), &"arn:aws:s3:::democluster-oidc".into())
    );

    emulator.forget();
    program.run().exits(0);
    let receipt = scene.receipt("receipt.json");
    assert_eq!(receipt["ending"], "done");
    assert_eq!(receipt["record"]["state"], "applied");
    assert!(scene.path(&left[0]).exists(), "the journal of the run that was killed stays");
    Ok(())
}

fn of_outcome<'a>(receipt: &'a Value, outcome: &str) -> Vec<&'a Value> {
    receipt["actions"].as_array().unwrap().iter().filter(|action| action["outcome"] == outcome).collect()
}

/// AWS fails half way: a call whose answer is lost, one that is refused for now, one that is refused for good.
#[test]
fn a_failed_action_has_its_attempts_and_request_ids() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let create_role = Which::Operation("CreateRole");
    emulator.spoil(create_role, 1, 1, Effect::CutBefore);
    emulator.spoil(create_role, 1, 1, Effect::Error { status: 400, code: "Throttling", message: "Rate exceeded" });
    emulator.spoil(create_role, 1, 1, Effect::Error { status: 409, code: "LimitExceeded", message: "RolesPerAccount" });
    let apply = ["--yes", "--receipt", "receipt.json", "--concurrency", "1"];
    let said = scene.applies(&emulator, "apply", &bundle, &apply).run().exits(6).stderr;
    let error = "iam:CreateRole failed: LimitExceeded (RolesPerAccount, HTTP 409, request CreateRole-4), 3 times";
    assert!(said.contains(error), "{said}");
    let receipt = scene.receipt("receipt.json");
    let [failed] = of_outcome(&receipt, "failed")[..] else { panic!("{receipt}") };
    assert!(failed["error"].as_str().unwrap().starts_with(error), "{failed}");
    assert_eq!((&failed["attempts"], &failed["requestIds"]), (&3.into(), &json!(["CreateRole-3", "CreateRole-4"])));
    assert_eq!((&receipt["ending"], &receipt["issuerCheck"]), (&"failed".into(), &json!({"outcome": "not-reached"})));
    assert_eq!(of_outcome(&receipt, "done").len(), 9);
    for action in of_outcome(&receipt, "not-reached") {
        assert_eq!(action.as_object().unwrap().len(), 4, "{action}");
    }
    Ok(())
}

/// Told to stop, by whichever signal, a run ends what is under way and leaves a receipt with the request IDs of what is done.
#[test]
fn a_stopped_run_leaves_a_receipt() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    for signal in ["TERM", "INT"] {
        emulator.reset();
        scene.remove("receipt.json");
        emulator.spoil(Which::Operation("CreateRole"), 0, 1, Effect::StallBefore);
        let apply = ["--yes", "--receipt", "receipt.json", "--concurrency", "1"];
        let mut child = scene.applies(&emulator, "apply", &bundle, &apply).spawn();
        assert!(emulator.stalled(20_000) > 0);
        Program::new("/bin/sh").args(["-c", &format!("kill -{signal} {}", child.id())]).run().exits(0);
        // Long enough for the signal to arrive on a busy machine: nothing outside shows that it did.
        thread::sleep(Duration::from_secs(1));
        // The stalled request is cut, and sent again.
        emulator.forget();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{signal}");
        let receipt = scene.receipt("receipt.json");
        assert_eq!((&receipt["ending"], &receipt["record"]["state"]), (&"interrupted".into(), &"stopped".into()));
        let done = of_outcome(&receipt, "done");
        assert_eq!((done.len(), of_outcome(&receipt, "not-reached").len()), (9, WRITES - 9), "{signal}");
        let (first, last) = (done[0], done[8]);
        assert_eq!((&first["attempts"], &first["requestIds"]), (&1.into(), &json!(["CreateBucket-1"])));
        assert_eq!((&last["call"], &last["attempts"]), (&"iam:CreateRole".into(), &2.into()));
        assert_eq!(last["requestIds"], json!(["CreateRole-1"]), "the first was never answered");
        assert!(last["began"].as_str().unwrap() < last["ended"].as_str().unwrap(), "{last}");
    }
    Ok(())
}

#[test]
fn a_receipt_says_how_the_plan_was_approved_and_what_was_allowed() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    let approved = |program: Program| {
        program.run().exits(0);
        let receipt = scene.receipt("receipt.json");
        scene.remove("receipt.json");
        let [approved, carried_out] = [&receipt["approval"]["planDigest"], &receipt["planDigest"]];
        assert_eq!(approved, carried_out);
        (receipt["approval"]["by"].as_str().unwrap().to_owned(), receipt["choices"].clone())
    };
    let apply =
        |more: &[&str]| scene.applies(&emulator, "apply", &bundle, &[&["--receipt", "receipt.json"], more].concat());
    let drift = || emulator.call("iam", "update_role", json!({"RoleName": ROLES[0], "Description": "by hand"}));
    let choices = |adopt: bool, rollback: bool, prune: bool, leave: bool| json!({"adopt": adopt, "allowRollback": rollback, "prune": prune, "leaveForeignPolicies": leave});
    let none = choices(false, false, false, false);

    let terminal = apply(&[]).on_a_terminal(&[["Type \"yes\" to apply: ", "yes"]]);
    assert_eq!(approved(terminal), ("terminal".to_owned(), none.clone()));
    assert_eq!(approved(apply(&["--yes"])), ("nothing-to-do".to_owned(), none.clone()));
    drift();
    let all = choices(true, true, true, false);
    assert_eq!(approved(apply(&["--yes", "--adopt", "--allow-rollback", "--prune"])), ("yes".to_owned(), all));
    drift();
    let leave = ["--format", "json", "--leave-foreign-policies"];
    let plan = scene.applies(&emulator, "plan", &bundle, &leave).run().exits(0).json();
    let digest = ["--leave-foreign-policies", "--plan-digest", plan["digest"].as_str().unwrap()];
    assert_eq!(approved(apply(&digest)), ("plan-digest".to_owned(), choices(false, false, false, true)));
    drift();
    scene.applies(&emulator, "plan", &bundle, &["--output", "plan.json"]).run().exits(0);
    assert_eq!(approved(apply(&["--plan", "plan.json"])), ("plan-file".to_owned(), none.clone()));
    Ok(())
}

#[test]
fn a_receipt_is_signed_and_verified() -> Test {
    let (scene, emulator) = (Scene::with_key()?, Emulator::start()?);
    let bundle = scene.bundle();
    scene.signing_key("operator");
    scene
        .applies(&emulator, "apply", &bundle, &["--yes", "--receipt", "receipt.json", "--concurrency", "1"])
        .run()
        .exits(0);
    let receipt = scene.receipt("receipt.json");
    let text = |field: &str| receipt[field].as_str().unwrap().to_owned();
    let digest = scene.digest("receipt.json");

    let signed = scene.sign("receipt.json", "operator", &["--signer", "operator"]).run().exits(0);
    let key = scene.public_key("operator/minisign.pub");
    assert_eq!(
        signed.stdout,
        format!(
            "File     receipt.json (receipt)\nName     democluster\nSerial   1\nBundle   {}\nAccount  123456789012 (aws, us-east-2)\nCaller   \
             arn:aws:sts::123456789012:user/moto\nTime     {} to {}\nEnding   apply done: {WRITES} done, 0 failed, 0 not reached\nSHA-256  \
             {digest}\nSignature  receipt.json.operator.minisig (written)\nSigned by  {key}\n",
            scene.digest(&bundle),
            text("started"),
            text("finished"),
        )
    );
    let json =
        scene.sign("receipt.json", "operator", &["--signer", "operator", "--format", "json"]).run().exits(0).json();
    assert_eq!(
        (&json["kind"], &json["kept"], &json["receipt"]["done"]),
        (&"receipt".into(), &true.into(), &WRITES.into())
    );

    // Without credentials, and without a network.
    let verify = |more: &[&str]| {
        scene
            .applier(["verify", "receipt.json", "--trusted-key", "operator/minisign.pub"])
            .args(more)
            .sockets_denied()
            .run()
    };
    let said = verify(&[]).exits(0).stdout;
    let head = format!(
        "Receipt   apply of democluster serial 1: done\nSHA-256   {digest}\nBundle    {}\n  by      trusted key 1 {}\nAccount   \
         123456789012 (aws, us-east-2)\nCaller    arn:aws:sts::123456789012:user/moto\nTime      {} to {} (airlock-applier \
         {version})\nPlan      {plan}\nApproved  whatever the plan is: --yes\nOptions   none\nActions   {WRITES} done, 0 failed, 0 not \
         reached\n  done: create, s3:CreateBucket\n    arn:aws:s3:::democluster-oidc\n    {began}",
        scene.digest(&bundle),
        scene.public_key("minisign.pub"),
        text("started"),
        text("finished"),
        version = env!("CARGO_PKG_VERSION"),
        plan = text("planDigest"),
        began = receipt["actions"][0]["began"].as_str().unwrap(),
    );
    let said = tests::program::unfolded(&said);
    assert!(said.starts_with(&head), "{said}\n{head}");
    assert!(said.contains("Z, 1 attempt: CreateBucket-1\n"), "{said}");
    assert!(
        said.contains(
            "\nIssuer    the public read what was signed\nRecord    serial 1, applied\nSigned    trusted key 1 "
        ),
        "{said}"
    );
    let end = "\nVerified: the 1 required key has signed, and the receipt is valid.\nIt is what they say was done. What the account \
               holds now: airlock-applier plan.\n";
    assert!(said.ends_with(end), "{said}");
    let json = verify(&["--format", "json"]).exits(0).json();
    assert_eq!(
        (&json["receipt"], &json["sha256"], &json["signers"][0]["key"]),
        (&receipt, &digest.into(), &key.into())
    );

    // The generator's key signs bundles: what it signed is not what an operator did.
    let refused = scene.applier(["verify", "receipt.json", "--trusted-key", "minisign.pub"]).run().exits(3).stderr;
    assert!(refused.starts_with("error: role \"trusted key 1\" has not signed: none of its keys "), "{refused}");
    Ok(())
}

mod private;

use bundle_schema::receipt::Ending;

use bundle_schema::documents::contents::Contents;

use super::*;
use crate::account::answered;
use crate::account::live::LiveState;
use crate::account::remains::Remains;
use crate::fixture::{Fake, Held, contents, hosted_contents, hosted_held, plan, plan_with, read};
use crate::plan::action::Call;
use crate::plan::choices::{Choices, ForeignPolicies};
use crate::plan::desired::Desired;
use crate::plan::{Approval, Plan};

const ARN: &str = "arn:aws:iam::123456789012:role/prod-disk";

fn run(account: &Arc<Fake>, concurrency: usize, stop: &Arc<AtomicBool>) -> Receipt {
    let held = account.held.lock().unwrap().state();
    run_plan(plan(&contents(), &held).unwrap(), account, concurrency, stop)
}

fn run_plan(plan: Plan, account: &Arc<Fake>, concurrency: usize, stop: &Arc<AtomicBool>) -> Receipt {
    run_plan_of(&contents(), plan, account, concurrency, stop)
}

fn wait(contents: &Contents) -> Option<Arc<Wait>> {
    contents.header.has_distribution().then(|| Arc::new(Wait { timeout: Duration::ZERO, alias: None }))
}

fn run_plan_of(
    contents: &Contents,
    plan: Plan,
    account: &Arc<Fake>,
    concurrency: usize,
    stop: &Arc<AtomicBool>,
) -> Receipt {
    let at = Timestamp::from_unix(0).unwrap();
    let issuer = contents.issuer.as_ref().filter(|_| plan.operation() == Operation::Apply);
    let run = Run {
        concurrency,
        issuer: issuer.map(|issuer| Arc::new(issuer_check::IssuerCheck::of(issuer, account.clone(), concurrency))),
        wait: wait(contents),
        stop: Arc::clone(stop),
        take_over_after: Duration::ZERO,
        clock: &|| at,
    };
    let approved = plan.approve(Approval::Yes).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(approved.begin(at).apply(account, run, |_, _| {}))
}

/// What the account holds, with the record's run, plan and time as in every other test.
fn held(account: &Arc<Fake>) -> Held {
    let mut held = account.held.lock().unwrap().clone();
    let mut record = held.bucket().record.clone().unwrap().content.unwrap();
    record.run = "0".repeat(32);
    record.plan_digest = None;
    held.put_record(record);
    held
}

fn apply(account: &Arc<Fake>) -> Receipt {
    run(account, 10, &Arc::default())
}

fn failing(call: &'static str, resource: &str, code: &str, carried_out: bool) -> Arc<Fake> {
    let account = Fake::new(Held::nothing());
    account.errors.lock().unwrap().push((call, resource.to_owned(), answered(call, 409, code, "m"), carried_out));
    Arc::new(account)
}

#[test]
fn what_is_applied_is_there() {
    let account = Arc::new(Fake::new(Held::nothing()));
    assert_eq!(apply(&account).to_string(), "13 done, 0 failed, 0 not reached");
    assert_eq!(held(&account), Held::everything(&contents()));
    assert_eq!(apply(&account).to_string(), "0 done, 0 failed, 0 not reached");
}

#[test]
fn only_what_must_wait_waits() {
    let account = Arc::new(Fake::new(Held::nothing()));
    apply(&account);
    let log = account.log.lock().unwrap();
    let at = |entry: &str| log.iter().position(|line| line == entry).expect(entry);
    let after = |later: &str, earlier: &str| assert!(at(later) > at(earlier), "{later}\n{log:#?}");
    after("begin s3:PutBucketPublicAccessBlock prod-oidc", "end s3:CreateBucket prod-oidc");
    after("end s3:PutBucketPublicAccessBlock prod-oidc", "begin s3:PutObject keys.json");
    let provider = "iam:CreateOpenIDConnectProvider prod-oidc.s3.us-east-2.amazonaws.com";
    after(&format!("begin {provider}"), "end s3:PutObject jwks");
    after(&format!("begin {provider}"), "end s3:PutBucketPolicy prod-oidc");
    after("begin iam:CreateRole prod-disk", &format!("end {provider}"));
    after("end iam:CreateRole prod-disk", "begin iam:CreateRole prod-registry");
    after("begin iam:PutRolePolicy prod-disk", "end iam:CreateRole prod-disk");
}

#[test]
fn what_is_removed_goes_last_and_is_forgotten() {
    let mut held = Held::everything(&contents());
    let orphan = held.role("prod-disk").clone();
    let mut record = crate::fixture::record();
    record.made.roles.insert(crate::fixture::parsed("prod-old"), orphan.id.clone());
    held.put_record(record);
    held.others.insert(crate::fixture::parsed("prod-old"), orphan);
    held.role("prod-disk").policy = None;
    held.role("prod-registry").description = None;
    let prune = Choices { foreign_policies: ForeignPolicies::Prune, ..Choices::default() };
    for lost in [None, Some("iam:DeleteRolePolicy"), Some("iam:DeleteRole")] {
        let account = Arc::new(Fake::new(held.clone()));
        if let Some(call) = lost {
            let error = answered(call, 404, "NoSuchEntity", "it is gone");
            account.errors.lock().unwrap().push((call, "prod-old".to_owned(), error, true));
        }
        let plan = plan_with(&contents(), &held.state(), &prune).unwrap();
        let receipt = run_plan(plan, &account, 10, &Arc::default());
        assert_eq!(receipt.to_string(), "6 done, 0 failed, 0 not reached", "{lost:?}");
        let log = account.log.lock().unwrap();
        let at = |entry: &str| log.iter().position(|line| line == entry).expect(entry);
        let first = at("begin iam:DeleteRolePolicy prod-old");
        assert!(first > at("end iam:PutRolePolicy prod-disk") && first > at("end iam:UpdateRole prod-registry"));
        assert!(at("begin iam:DeleteRole prod-old") > at("end iam:DeleteRolePolicy prod-old"));
        drop(log);
        assert_eq!(self::held(&account), Held::everything(&contents()));
    }
}

#[test]
fn no_more_than_allowed_are_under_way() {
    let account = Arc::new(Fake::new(Held::nothing()));
    run(&account, 1, &Arc::default());
    let log: Vec<String> = account.log.lock().unwrap().iter().filter(|line| *line != "record").cloned().collect();
    assert!(log.chunks(2).all(|pair| pair[0].starts_with("begin") && pair[1].starts_with("end")), "{log:#?}");
}

#[test]
fn after_a_failure_nothing_new_begins() {
    let account = failing("iam:CreateRole", "prod-disk", "LimitExceeded", false);
    let receipt = apply(&account);
    assert_eq!(receipt.to_string(), "9 done, 1 failed, 3 not reached");
    assert_eq!(receipt.first_error().unwrap(), answered("iam:CreateRole", 409, "LimitExceeded", "m").into());
    assert_eq!(receipt.ending(), Ending::Failed);
    account.errors.lock().unwrap().clear();
    assert_eq!(apply(&account).to_string(), "5 done, 0 failed, 0 not reached");
    assert_eq!(held(&account), Held::everything(&contents()));
}

#[test]
fn a_run_cut_off_anywhere_is_finished_by_another() {
    let actions = 13;
    for cut in 0..actions {
        let account = Arc::new(Fake::new(Held::nothing()));
        let contents = contents();
        let plan = plan(&contents, &Held::nothing().state()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        for action in &plan.actions()[..cut] {
            if let Call::OpenRecord { known, making, .. } = &action.call {
                let mut record = crate::fixture::record();
                record.state = crate::record::RecordState::Applying;
                (record.made, record.making) = (known.clone(), making.clone());
                account.held.lock().unwrap().put_record(record);
            } else {
                runtime.block_on(account.perform(action, &CallLog::default())).unwrap();
            }
        }
        // The record is opened again.
        let left = if cut < 2 { actions - cut } else { actions - cut + 1 };
        assert_eq!(apply(&account).to_string(), format!("{left} done, 0 failed, 0 not reached"));
        assert_eq!(held(&account), Held::everything(&contents));
    }
}

#[test]
fn a_lost_answer_is_no_failure_if_what_is_there_is_ours() {
    for (call, resource, code) in [
        ("s3:CreateBucket", "prod-oidc", "BucketAlreadyOwnedByYou"),
        ("s3:PutObject", "keys.json", "PreconditionFailed"),
        ("iam:CreateOpenIDConnectProvider", "prod-oidc.s3.us-east-2.amazonaws.com", "EntityAlreadyExists"),
        ("iam:CreateRole", "prod-disk", "EntityAlreadyExists"),
    ] {
        let account = failing(call, resource, code, true);
        assert_eq!(apply(&account).to_string(), "13 done, 0 failed, 0 not reached", "{call}");
        assert_eq!(held(&account), Held::everything(&contents()));
    }
}

#[test]
fn something_else_in_its_place_is_a_failure() {
    // AWS says that the role exists, and what reading finds is not what was to be made.
    let account = failing("iam:CreateRole", "prod-disk", "EntityAlreadyExists", false);
    let receipt = apply(&account);
    assert_eq!(receipt.first_error().unwrap(), ActionError::Changed { resource: ARN.to_owned() });
    assert_eq!(
        receipt.first_error().unwrap().to_string(),
        format!("{ARN} was changed by somebody else during this run\n  run it again to make a new plan")
    );
}

#[test]
fn a_stopped_run_says_what_was_not_reached() {
    let account = Arc::new(Fake::new(Held::nothing()));
    let receipt = run(&account, 10, &Arc::new(AtomicBool::new(true)));
    assert_eq!(receipt.to_string(), "0 done, 0 failed, 13 not reached");
    assert_eq!(receipt.ending(), Ending::Interrupted);
    assert_eq!(*account.held.lock().unwrap(), Held::nothing());
}

fn actions(receipt: &Receipt) -> Vec<serde_json::Value> {
    let json: serde_json::Value = serde_json::from_slice(&receipt.to_bytes()).unwrap();
    json["actions"].as_array().unwrap().clone()
}

#[test]
fn a_receipt_has_what_was_sent_for_each_action() {
    let account = failing("iam:CreateRole", "prod-disk", "LimitExceeded", false);
    let receipt = apply(&account);
    for action in actions(&receipt) {
        let (call, record) = (action["call"].as_str().unwrap(), "arn:aws:s3:::prod-oidc/sts-airlock/record.json");
        let id = if action["resource"] == record { "record-1".to_owned() } else { format!("{call}-1") };
        let sent = serde_json::json!([action["attempts"], action["requestIds"], action["began"]]);
        match action["outcome"].as_str().unwrap() {
            "not-reached" => assert_eq!(sent, serde_json::json!([null, null, null]), "{action}"),
            "done" | "failed" => {
                assert_eq!(sent, serde_json::json!([1, [id], "1970-01-01T00:00:00Z"]), "{action}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn times_are_in_order_even_if_the_clock_is_set_back() {
    let account = Arc::new(Fake::new(Held::nothing()));
    let plan = plan(&contents(), &Held::nothing().state()).unwrap();
    let hands = std::cell::Cell::new(1_000);
    let backwards = || {
        hands.set(hands.get() - 1);
        Timestamp::from_unix(hands.get()).unwrap()
    };
    let run = Run {
        concurrency: 2,
        issuer: None,
        wait: None,
        stop: Arc::default(),
        take_over_after: Duration::ZERO,
        clock: &backwards,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let ledger = plan.approve(Approval::Yes).unwrap().begin(Timestamp::from_unix(999).unwrap());
    let receipt = runtime.block_on(ledger.apply(&account, run, |_, _| {}));
    let times = |name: &str| actions(&receipt).iter().map(|action| action[name].clone()).collect::<Vec<_>>();
    assert_eq!(times("began"), ["1970-01-01T00:16:39Z"; 13]);
    assert_eq!(times("ended"), ["1970-01-01T00:16:39Z"; 13]);
}

#[test]
fn without_a_bucket_the_issuer_is_looked_at_before_anything_is_made() {
    let (contents, account) = (hosted_contents(), Arc::new(Fake::new(Held::nothing())));
    let apply = || {
        let live = read(&contents, &account.held.lock().unwrap());
        run_plan_of(&contents, plan(&contents, &live).unwrap(), &account, 10, &Arc::default())
    };
    assert_eq!(apply().to_string(), "0 done, 1 failed, 6 not reached");
    assert_eq!(*account.held.lock().unwrap(), Held::nothing());
    let documents = contents.issuer.as_ref().unwrap().objects();
    *account.hosted.lock().unwrap() =
        documents.into_iter().map(|document| (document.key.to_owned(), document.body)).collect();
    assert_eq!(apply().to_string(), "7 done, 0 failed, 0 not reached");
    let held = account.held.lock().unwrap().clone();
    let (made, expected) = (read(&contents, &held), read(&contents, &hosted_held()));
    let made_of = |live: &LiveState| live.record().unwrap().content.clone().unwrap().made;
    assert_eq!((made_of(&made), &held.roles), (made_of(&expected), &hosted_held().roles));
    assert_eq!(apply().to_string(), "0 done, 0 failed, 0 not reached");

    account.hosted.lock().unwrap().insert("keys.json".to_owned(), b"{}".to_vec());
    let error = apply().first_error().unwrap().to_string();
    assert!(error.starts_with("the public reads another document at https://oidc.example.com/prod/keys.json: "));
}

#[test]
fn without_a_bucket_the_record_goes_with_the_provider() {
    let contents = hosted_contents();
    let digest = crate::fixture::digest();
    for lost in [None, Some("NoSuchEntity"), Some("LimitExceeded")] {
        let account = Arc::new(Fake::new(hosted_held()));
        if let Some(code) = lost {
            let call = "iam:DeleteOpenIDConnectProvider";
            let error = (call, "prod".to_owned(), answered(call, 409, code, "m"), code == "NoSuchEntity");
            account.errors.lock().unwrap().push(error);
        }
        let live = read(&contents, &account.held.lock().unwrap());
        let desired = Desired::for_test(&contents, &digest);
        let (remains, at) = (Remains::default(), Timestamp::from_unix(0).unwrap());
        let plan = Plan::removal_of(&desired, &live, &remains, &Choices::default(), &[], at).unwrap();
        let receipt = run_plan_of(&contents, plan, &account, 10, &Arc::default());
        let held = account.held.lock().unwrap().clone();
        if lost == Some("LimitExceeded") {
            assert_eq!(receipt.to_string(), "5 done, 1 failed, 0 not reached");
            let record = read(&contents, &held).record().unwrap().content.clone().unwrap();
            assert_eq!(record.state, crate::record::RecordState::DeletionStopped);
        } else {
            assert_eq!(receipt.to_string(), "6 done, 0 failed, 0 not reached", "{lost:?}");
            assert_eq!(held, Held::nothing());
        }
    }
}

mod private;
mod refused;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bundle_schema::documents::contents::Contents;
use bundle_schema::names::Timestamp;
use bundle_schema::receipt::ApprovedBy;
use serde_json::json;

use super::*;
use crate::account::answered;
use crate::account::live::Hazard;
use crate::apply::Run;
use crate::fixture::{Fake, Held, contents, parsed, plan_with, record};
use crate::plan::Approval;
use crate::plan::action::{Action, Call};
use crate::plan::choices::{Choices, ForeignPolicies};
use crate::plan::finding::Finding;
use crate::record::{Place, Record, RecordState};

const DISK: &str = "arn:aws:iam::123456789012:role/prod-disk";

fn written(plan: &Plan) -> PlanFile {
    PlanFile::parse(Path::new("p.json"), plan.to_json().as_bytes()).unwrap()
}

fn plan(held: &Held, choices: &Choices) -> Plan {
    plan_with(&contents(), &held.state(), choices).unwrap()
}

/// Carries out what is left of a file, and says how it ended.
fn carry_out(account: &Arc<Fake>, file: &PlanFile, choices: &Choices) -> String {
    carry_out_of(&contents(), account, file, choices)
}

fn carry_out_of(contents: &Contents, account: &Arc<Fake>, file: &PlanFile, choices: &Choices) -> String {
    let at = Timestamp::from_unix(0).unwrap();
    let run = Run {
        concurrency: 1,
        issuer: None,
        wait: None,
        stop: Arc::<AtomicBool>::default(),
        take_over_after: Duration::ZERO,
        clock: &|| at,
    };
    let planned = plan_with(contents, &account.held.lock().unwrap().state(), choices).unwrap();
    let approved = planned.approve(Approval::File(file.clone())).unwrap();
    let how = approved.approval();
    assert_eq!((how.by, &how.plan_digest), (ApprovedBy::PlanFile, file.digest()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(approved.begin(at).apply(account, run, |_, _| {})).to_string()
}

/// A run of a file's plan fails at each of its calls in turn, carried out or not: what is left is in the file, each time.
fn resumed_after_every_call(held: &Held, choices: &Choices) {
    resumed_after_every_call_of(&contents(), held, choices);
}

fn resumed_after_every_call_of(contents: &Contents, held: &Held, choices: &Choices) {
    let first = plan_with(contents, &held.state(), choices).unwrap();
    let file = written(&first);
    let is_record = |action: &&Action| matches!(action.call, Call::OpenRecord { .. } | Call::CloseRecord { .. });
    for action in first.actions().iter().filter(|action| !is_record(action)) {
        for carried_out in [false, true] {
            let account = Arc::new(Fake::new(held.clone()));
            let resource = action.resource.rsplit([':', '/']).next().unwrap().to_owned();
            let error = answered(action.name(), 403, "AccessDenied", "no");
            account.errors.lock().unwrap().push((action.name(), resource, error, carried_out));
            let ended = carry_out_of(contents, &account, &file, choices);
            assert!(ended.contains(" 1 failed"), "{action}: {ended}");
            account.errors.lock().unwrap().clear();
            let ended = carry_out_of(contents, &account, &file, choices);
            assert!(ended.ends_with(" 0 failed, 0 not reached"), "{action}: {ended}");
            let held = account.held.lock().unwrap().clone();
            assert!(plan_with(contents, &held.state(), choices).unwrap().is_empty(), "{action}");
            assert_eq!(carry_out_of(contents, &account, &file, choices), "0 done, 0 failed, 0 not reached");
        }
    }
}

#[test]
fn a_new_account_is_finished() {
    resumed_after_every_call(&Held::nothing(), &Choices::default());
}

#[test]
fn changes_are_finished() {
    let mut held = Held::everything(&contents());
    held.role("prod-disk").trust = held.role("prod-disk").trust.replace("disk:operator", "disk:other");
    held.role("prod-disk").policy = None;
    held.role("prod-registry").description = None;
    held.role("prod-registry").tags.remove("Name");
    held.bucket().policy = None;
    held.bucket().objects.get_mut("keys.json").unwrap().content_type = None;
    held.provider.as_mut().unwrap().client_ids = vec!["openshift".to_owned(), "x".to_owned()];
    resumed_after_every_call(&held, &Choices::default());
}

#[test]
fn what_is_pruned_is_finished() {
    let mut held = Held::everything(&contents());
    let mut orphan = held.role("prod-disk").clone();
    orphan.attached = vec!["arn:aws:iam::aws:policy/a".to_owned(), "arn:aws:iam::aws:policy/b".to_owned()];
    let mut kept = record();
    kept.made.roles.insert(parsed("prod-old"), orphan.id.clone());
    held.put_record(kept);
    held.others.insert(parsed("prod-old"), orphan);
    held.role("prod-registry").other_inline = vec!["x".to_owned(), "y".to_owned()];
    held.role("prod-registry").boundary = Some("arn:aws:iam::aws:policy/b".to_owned());
    resumed_after_every_call(&held, &Choices { foreign_policies: ForeignPolicies::Prune, ..Choices::default() });
}

#[test]
fn what_is_adopted_is_finished() {
    let mut held = Held::everything(&contents());
    held.bucket().record = None;
    held.bucket().objects.remove("keys.json");
    held.roles.remove(&parsed("prod-registry"));
    held.role("prod-disk").description = None;
    resumed_after_every_call(&held, &Choices { adopt: true, ..Choices::default() });
}

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

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
    let at = Timestamp::from_unix(0).unwrap();
    let run = Run {
        concurrency: 1,
        issuer: None,
        stop: Arc::<AtomicBool>::default(),
        take_over_after: Duration::ZERO,
        clock: &|| at,
    };
    let planned = plan(&account.held.lock().unwrap(), choices);
    let approved = planned.approve(Approval::File(file.clone())).unwrap();
    let how = approved.approval();
    assert_eq!((how.by, &how.plan_digest), (ApprovedBy::PlanFile, file.digest()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(approved.apply(account, run, |_, _| {})).to_string()
}

/// A run of a file's plan fails at each of its calls in turn, carried out or not: what is left is in the file, each time.
fn resumed_after_every_call(held: &Held, choices: &Choices) {
    let first = plan(held, choices);
    let file = written(&first);
    let is_record = |action: &&Action| matches!(action.call, Call::OpenRecord { .. } | Call::CloseRecord { .. });
    for action in first.actions().iter().filter(|action| !is_record(action)) {
        for carried_out in [false, true] {
            let account = Arc::new(Fake::new(held.clone()));
            let resource = action.resource.rsplit([':', '/']).next().unwrap().to_owned();
            let error = answered(action.name(), 403, "AccessDenied", "no");
            account.errors.lock().unwrap().push((action.name(), resource, error, carried_out));
            let ended = carry_out(&account, &file, choices);
            assert!(ended.contains(" 1 failed"), "{action}: {ended}");
            account.errors.lock().unwrap().clear();
            let ended = carry_out(&account, &file, choices);
            assert!(ended.ends_with(" 0 failed, 0 not reached"), "{action}: {ended}");
            let held = account.held.lock().unwrap().clone();
            assert!(plan(&held, choices).is_empty(), "{action}");
            assert_eq!(carry_out(&account, &file, choices), "0 done, 0 failed, 0 not reached");
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

/// An account in which a run of the file's plan was stopped before it made the second role.
fn stopped() -> (PlanFile, Held) {
    let file = written(&plan(&Held::nothing(), &Choices::default()));
    let account = Arc::new(Fake::new(Held::nothing()));
    let error = answered("iam:CreateRole", 403, "AccessDenied", "no");
    account.errors.lock().unwrap().push(("iam:CreateRole", "prod-registry".to_owned(), error, false));
    carry_out(&account, &file, &Choices::default());
    let held = account.held.lock().unwrap().clone();
    (file, held)
}

/// What is said of the account after somebody else's change.
fn refused(change: impl FnOnce(&mut Held)) -> Vec<String> {
    let (file, mut held) = stopped();
    change(&mut held);
    let choices = Choices { foreign_policies: ForeignPolicies::Leave, ..Choices::default() };
    // Policies of others alone would be refused by the planner already.
    let file = PlanFile { flags: choices.flags(), ..file };
    let error = plan(&held, &choices).approve(Approval::File(file)).unwrap_err().to_string();
    error.lines().filter_map(|line| line.strip_prefix("- ")).map(str::to_owned).collect()
}

fn change_record(held: &mut Held, change: impl FnOnce(&mut Record)) {
    let mut record = held.bucket().record.clone().unwrap().content.unwrap();
    change(&mut record);
    held.put_record(record);
}

#[test]
fn what_others_changed_is_refused() {
    assert_eq!(
        refused(|held| held.role("prod-disk").trust = "{}".to_owned()),
        ["iam:UpdateAssumeRolePolicy role prod-disk is not in the file"]
    );
    assert_eq!(
        refused(|held| held.role("prod-disk").policy = Some("{}".to_owned())),
        ["iam:PutRolePolicy role prod-disk would replace something else than in the file"]
    );
    assert_eq!(
        refused(|held| held.role("prod-disk").attached = vec!["arn:x\u{1b}".to_owned()]),
        ["not in the file: role prod-disk has policies that are not in the bundle, and keeps them: arn:x\\u{1b}"]
    );
    assert_eq!(
        refused(|held| held.bucket().hazards = vec![Hazard::Website]),
        ["not in the file: bucket prod-oidc is served as a website too"]
    );
    let orphan = |held: &mut Held| {
        let role = held.role("prod-disk").clone();
        held.others.insert(parsed("prod-old"), role);
    };
    assert_eq!(
        refused(orphan),
        [
            "not in the file: role prod-old carries the cluster's tag, is neither in the bundle nor in the record, and stays (--prune --adopt removes it)"
        ]
    );
    // As the file's plan would find it.
    let (file, mut held) = stopped();
    held.bucket().public_access_block = None;
    assert!(plan(&held, &Choices::default()).approve(Approval::File(file)).is_ok());
}

#[test]
fn another_runs_record_is_refused() {
    let other = Some(Sha256::of(b"other"));
    let by = "of serial 7 by arn:aws:iam::123456789012:user/x at 1970-01-01T00:00:00Z left something to do";
    let written = "s3:PutObject sts-airlock/record.json would replace what another run wrote since".to_owned();
    let refused = |change: &dyn Fn(&mut Record)| refused(|held| change_record(held, change));
    let unfinished = format!("not in the file: an apply {by}; this plan goes on from there");
    assert_eq!(refused(&|record| record.plan_digest.clone_from(&other)), [written.clone(), unfinished.clone()]);
    assert_eq!(refused(&|record| record.plan_digest = None), [written.clone(), unfinished]);
    let deletion = format!("not in the file: a deletion {by}; some of the cluster may be gone");
    assert_eq!(refused(&|record| record.state = RecordState::DeletionStopped), [written.clone(), deletion]);
    assert_eq!(refused(&|record| record.state = RecordState::Applied), [written]);
}

/// In the same way by which the record's own content is judged.
#[test]
fn what_the_record_knows_is_what_the_file_made() {
    let (file, mut held) = stopped();
    let open = |held: &Held| plan(held, &Choices::default()).actions()[0].clone();
    let refuses = |action: &Action| FileActions::of(&file).refuses(action);
    assert_eq!(refuses(&open(&held)), None);
    let id = held.role("prod-disk").id.clone();
    let with = |change: &dyn Fn(&mut crate::record::Made, &mut crate::record::Making)| {
        let mut action = open(&held);
        let Call::OpenRecord { known, making, .. } = &mut action.call else { panic!("{action}") };
        change(known, making);
        refuses(&action)
    };
    assert_eq!(with(&|known, _| known.roles.clear()), None);
    let not_in = Some("is not in the file");
    assert_eq!(with(&|known, _| drop(known.roles.insert(parsed("prod-old"), id.clone()))), not_in);
    assert_eq!(with(&|_, making| making.roles.extend([parsed("prod-old")])), not_in);

    // Where the file's plan made nothing, identities stay.
    let mut held = Held::everything(&contents());
    held.role("prod-disk").policy = None;
    let file = written(&plan(&held, &Choices::default()));
    change_record(&mut held, |record| {
        record.state = RecordState::Stopped;
        record.plan_digest = Some(file.digest().clone());
    });
    let action = open(&held);
    assert_eq!(FileActions::of(&file).refuses(&action), None);
    let changed = |change: &dyn Fn(&mut crate::record::Made)| {
        let mut action = action.clone();
        let Call::OpenRecord { known, .. } = &mut action.call else { panic!("{action}") };
        change(known);
        FileActions::of(&file).refuses(&action)
    };
    let other_id = held.role("prod-registry").id.clone();
    assert_eq!(changed(&|known| drop(known.roles.insert(parsed("prod-disk"), other_id.clone()))), not_in);
    let provider = |known: &mut crate::record::Made| known.provider.clone().unwrap();
    assert_eq!(
        changed(&|known| {
            let mut made = provider(known);
            made.created = Timestamp::from_unix(1).unwrap();
            known.provider = Some(made);
        }),
        not_in
    );
    assert_eq!(
        changed(&|known| {
            let mut made = provider(known);
            made.thumbprints.push("B".repeat(40));
            known.provider = Some(made);
        }),
        not_in
    );
}

#[test]
fn a_bucket_may_be_as_it_is_made() {
    let file = written(&plan(&Held::nothing(), &Choices::default()));
    let left = |change: fn(&mut Held)| {
        let account = Arc::new(Fake::new(Held::nothing()));
        let error = answered("s3:PutBucketPublicAccessBlock", 403, "AccessDenied", "no");
        account.errors.lock().unwrap().push(("s3:PutBucketPublicAccessBlock", "prod-oidc".to_owned(), error, false));
        carry_out(&account, &file, &Choices::default());
        let mut held = account.held.lock().unwrap().clone();
        change(&mut held);
        file.covers(&plan(&held, &Choices::default())).map_err(|outside| outside.to_string())
    };
    assert_eq!(left(|held| held.bucket().public_access_block = Some(super::actions::NEW_BUCKET)), Ok(()));
    let other = left(|held| {
        let block = super::actions::NEW_BUCKET;
        let other = bundle_schema::documents::PublicAccessBlock { ignore_public_acls: false, ..block };
        held.bucket().public_access_block = Some(other);
    });
    assert!(
        other.unwrap_err().contains("\n- s3:PutBucketPublicAccessBlock bucket prod-oidc would replace something else"),
    );
    // Made without its tags, and nothing more done: the record is not there yet.
    let made = |tags: &[(&str, &str)]| {
        let mut held = Held::everything(&contents());
        let bucket = held.bucket();
        let made = crate::account::live::LiveBucket {
            tags: crate::fixture::tag_set(tags),
            ownership: bucket.ownership.clone(),
            is_empty: true,
            ..Default::default()
        };
        let held = Held { bucket: crate::account::live::BucketState::Present(made), ..Held::nothing() };
        plan_with(&contents(), &held.state(), &Choices { adopt: true, ..Choices::default() }).unwrap()
    };
    assert_eq!(file.covers(&made(&[])), Ok(()));
    assert_eq!(file.covers(&made(&[("aws:created", "x")])), Ok(()));
    let tagged = file.covers(&made(&[("team", "x")])).unwrap_err().to_string();
    assert!(tagged.contains("\n- s3:PutBucketTagging bucket prod-oidc is not in the file\n"), "{tagged}");
}

/// A file with these findings and actions besides its own.
fn file_with(actions: Vec<Value>, findings: Vec<Value>) -> PlanFile {
    let mut file = written(&plan(&Held::nothing(), &Choices::default()));
    file.actions.extend(actions);
    file.findings.extend(findings);
    file
}

#[test]
fn a_stopped_run_explains_findings() {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let thumbprints = json!({"call": "iam:UpdateOpenIDConnectProviderThumbprint", "resource": "p", "before": ["AA"], "after": ["bb", "cc"]});
    let policies = |policies: &[&str], pruned| Finding::ForeignPolicies {
        role: "r".to_owned(),
        policies: texts(policies),
        pruned,
    };
    let tag = |ignored| Finding::ForeignTag { key: "k".to_owned(), ignored, resources: vec![DISK.to_owned()] };
    let taken = |bucket: &str| Finding::BucketTakenOver { bucket: bucket.to_owned() };
    let used = |roles: &[&str]| Finding::UsedLately { roles: texts(roles) };
    let print =
        |recorded: &[&str], found: &[&str]| Finding::Thumbprints { recorded: texts(recorded), found: texts(found) };
    let findings = [
        policies(&["a", "b"], true),
        policies(&["c", "d"], false),
        Finding::Rollback { from: 9, to: 7 },
        used(&["a", "b"]),
    ];
    let file = file_with(vec![thumbprints], findings.iter().map(Finding::to_value).collect());
    let mut record = record();
    record.state = RecordState::Stopped;
    record.plan_digest = Some(file.digest().clone());
    let stopped = crate::plan::action::RecordVersion::of("e", &record);
    let knows = |finding: &Finding, stopped| {
        let actions = FileActions::of(&file);
        FileFindings::of(&file, &actions).knows(finding, stopped)
    };
    for (finding, alone, after_a_run) in [
        (policies(&["b"], true), true, true),
        (policies(&["b", "e"], true), false, false),
        (policies(&["c", "d"], false), true, true),
        (policies(&["d"], false), false, false),
        (Finding::Rollback { from: 8, to: 7 }, false, true),
        (Finding::Rollback { from: 10, to: 7 }, false, false),
        (Finding::Rollback { from: 8, to: 6 }, false, false),
        (used(&["a"]), true, true),
        (used(&["c"]), false, false),
        (print(&["AA"], &["CC", "BB"]), false, true),
        (print(&["AA"], &["BB"]), false, false),
        (print(&["DD"], &["CC", "BB"]), false, false),
        (tag(true), true, true),
        (tag(false), false, false),
        (taken("prod-oidc"), true, true),
        (taken("dev-oidc"), false, false),
        (
            Finding::Unfinished { state: record.state, serial: 7, caller: record.caller.clone(), time: record.time },
            false,
            true,
        ),
        (
            Finding::Unfinished { state: record.state, serial: 7, caller: "x".to_owned(), time: record.time },
            false,
            false,
        ),
        (Finding::BoundaryRemoved { role: "r".to_owned(), boundary: "b".to_owned() }, false, false),
        (Finding::KeyChange { before: texts(&["a"]), after: texts(&["b"]) }, false, false),
        (Finding::UnusedException { exception: "x".to_owned() }, false, false),
    ] {
        assert_eq!((knows(&finding, None), knows(&finding, Some(&stopped))), (alone, after_a_run), "{finding:?}");
    }
}

#[test]
fn some_versions_may_be_gone() {
    let resource = "arn:aws:s3:::prod-oidc/keys.json";
    let delete = |key: &str, ids: &[&str]| Action {
        resource: resource.to_owned(),
        call: Call::DeleteVersions {
            bucket: parsed("prod-oidc"),
            key: key.to_owned(),
            version_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        },
    };
    let file =
        file_with(vec![delete("keys.json", &["1", "2"]).to_value(), delete("keys.json", &["3"]).to_value()], vec![]);
    let refuses = |key, ids| FileActions::of(&file).refuses(&delete(key, ids));
    assert_eq!((refuses("keys.json", &["2", "3"]), refuses("keys.json", &["1", "2"])), (None, None));
    assert_eq!(refuses("keys.json", &["1", "4"]), Some("is not in the file"));
    assert_eq!(refuses("other", &["1"]), Some("is not in the file"));
}

#[test]
fn a_deletion_is_finished_too() {
    let opened = |before: Option<&Record>, roles: &[&str]| {
        let mut known = record().made;
        known.roles.retain(|name, _| roles.contains(&name.as_str()));
        let before = before.map(|record| crate::plan::action::RecordVersion::of("e", record));
        let call = Call::OpenRemoval { place: Place::Bucket(parsed("prod-oidc")), before, known };
        Action { resource: "arn:aws:s3:::prod-oidc/sts-airlock/record.json".to_owned(), call }
    };
    let actions = vec![opened(Some(&record()), &["prod-disk"]).to_value()];
    let file = PlanFile { operation: Operation::Delete, actions, ..file_with(vec![], vec![]) };
    let deleting = |digest: &Sha256, state| Record { state, plan_digest: Some(digest.clone()), ..record() };
    let refuses = |action: &Action| FileActions::of(&file).refuses(action);
    for state in [RecordState::Deleting, RecordState::DeletionStopped] {
        assert_eq!(refuses(&opened(Some(&deleting(file.digest(), state)), &[])), None);
    }
    let stopped = deleting(file.digest(), RecordState::DeletionStopped);
    assert_eq!(refuses(&opened(Some(&stopped), &["prod-registry"])), Some("is not in the file"));
    let applying = deleting(file.digest(), RecordState::Applying);
    let written = Some("would replace what another run wrote since");
    assert_eq!(refuses(&opened(Some(&applying), &["prod-disk"])), written);
    assert_eq!(refuses(&opened(Some(&deleting(&Sha256::of(b"x"), RecordState::Deleting)), &["prod-disk"])), written);
    let would = Some("would replace something else than in the file");
    assert_eq!(refuses(&opened(None, &["prod-disk"])), would, "the record is gone");
}

#[test]
fn a_file_is_of_one_thing() {
    let made = plan(&Held::nothing(), &Choices::default());
    let file = written(&made);
    let says = |change: &dyn Fn(&mut PlanFile)| {
        let mut file = file.clone();
        change(&mut file);
        let error = file.is_for(&made.subject()).unwrap_err();
        (error.to_string(), error.exit_code())
    };
    assert_eq!(file.is_for(&made.subject()), Ok(()));
    assert_eq!(
        says(&|file| file.operation = Operation::Delete),
        (
            "plan file p.json is for `delete`, not for `apply`\n  give a file that `plan --output FILE` wrote"
                .to_owned(),
            ExitCode::Refused
        )
    );
    assert_eq!(
        says(&|file| file.account_id = parsed("111111111111")),
        (
            "plan file p.json is for account 111111111111, the bundle is for account 123456789012\n  make a new plan"
                .to_owned(),
            ExitCode::Refused
        )
    );
    let (own, other) = (&made.head().bundle.sha256, Sha256::of(b"other"));
    assert_eq!(
        says(&|file| file.bundle_sha256 = other.clone()),
        (
            format!(
                "plan file p.json is for bundle prod serial 7 (SHA-256 {other}), the bundle given is prod serial 7 (SHA-256 {own})\n  give that bundle, or make a new plan"
            ),
            ExitCode::Refused
        )
    );
    assert_eq!(says(&|file| file.serial = 8).1, ExitCode::Refused);
    assert_eq!(
        says(&|file| (file.flags.prune, file.flags.adopt) = (true, true)),
        (
            "plan file p.json was made with --adopt --prune, this command is run without flags\n  give the same flags, or make a new plan".to_owned(),
            ExitCode::Usage
        )
    );
    assert_eq!(
        file.has_digest(&other).unwrap_err().to_string(),
        format!(
            "plan file p.json has digest {}, --plan-digest is {other}\n  give the file of the plan that was approved",
            made.digest()
        )
    );
    assert_eq!(file.has_digest(made.digest()), Ok(()));
}

/// An edited plan, and what is said of it.
fn read(change: impl FnOnce(&mut Value)) -> String {
    let json = plan(&Held::nothing(), &Choices::default()).to_json();
    let mut value: Value = serde_json::from_str(&json).unwrap();
    change(&mut value);
    PlanFile::parse(Path::new("p"), value.to_string().as_bytes())
        .map_or_else(|error| error.to_string(), |_| "read".to_owned())
}

#[test]
fn only_a_plan_is_read() {
    assert_eq!(read(|_| {}), "read");
    assert_eq!(read(|plan| plan["time"] = "2026-01-01T00:00:00Z".into()), "read", "it is for people");
    assert_eq!(read(|plan| plan["planVersion"] = 2.into()), "its planVersion is 2; this program reads 1");
    assert_eq!(
        read(|plan| plan["planVersion"] = "\u{202e}".into()),
        "its planVersion is \"\\u{202e}\"; this program reads 1"
    );
    assert_eq!(
        read(|plan| drop(plan.as_object_mut().unwrap().remove("planVersion"))),
        "its planVersion is missing; this program reads 1"
    );
    assert_eq!(read(|plan| *plan = json!([])), "it is not a JSON object");
    assert!(
        read(|plan| plan["x\u{1b}"] = 1.into())
            .starts_with("unknown field `x\\u{1b}`, expected one of `planVersion`, ")
    );
    assert!(read(|plan| plan["bundle"]["x"] = 1.into()).starts_with("unknown field `x`, expected one of `kind`, "));
    assert!(read(|plan| plan["choices"]["x"] = 1.into()).starts_with("unknown field `x`, expected one of `adopt`, "));
    assert_eq!(read(|plan| drop(plan.as_object_mut().unwrap().remove("digest"))), "missing field `digest`");
    assert_eq!(
        read(|plan| plan["choices"] = json!([false, false, false, false])),
        "it is not spelled as this program spells a plan"
    );
    assert_eq!(read(|plan| plan["holds"] = Value::Null), "it is not spelled as this program spells a plan");
    assert_eq!(read(|plan| plan["actions"] = 1.into()), "it has no list `actions`");
    assert_eq!(read(|plan| plan["actions"][1] = json!("x")), "actions 1 has no text \"call\"");
    assert_eq!(read(|plan| plan["findings"] = json!([{"kind": 1}])), "findings 0 has no text \"kind\"");
    for change in [
        (|plan| plan["actions"][0]["input"]["Bucket"] = "x".into()) as fn(&mut Value),
        |plan| drop(plan["actions"].as_array_mut().unwrap().pop()),
        |plan| plan["actions"].as_array_mut().unwrap().swap(0, 1),
        |plan| plan["findings"] = json!([{"kind": "x"}]),
        |plan| plan["operation"] = "delete".into(),
        |plan| plan["choices"]["prune"] = true.into(),
        |plan| plan["accountId"] = "111111111111".into(),
        |plan| plan["bundle"]["sha256"] = "0".repeat(64).into(),
        |plan| plan["digest"] = "0".repeat(64).into(),
    ] {
        let text = read(change);
        assert!(text.starts_with("its digest is ") && text.ends_with(": it was changed after it was made"), "{text}");
    }
}

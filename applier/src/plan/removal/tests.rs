use std::collections::BTreeSet;

use super::*;
use crate::account::live::LastUsed;
use crate::fixture::{Held, contents, digest, parsed, record};
use crate::record::RecordState;

const NOW: i64 = 1_795_000_000;

/// What the reader finds of this account.
fn remains(held: &Held) -> Remains {
    let mut remains = Remains::default();
    if let BucketState::Present(bucket) = &held.bucket {
        let keys = bucket.objects.keys().cloned().chain(bucket.record.iter().map(|_| RECORD_KEY.to_owned()));
        remains.versions.ours = keys.map(|key| (key, vec!["null".to_owned()])).collect();
    }
    remains
}

fn plan_of(held: &Held, remains: &Remains, choices: &Choices) -> Result<Plan, String> {
    let (contents, digest, now) = (contents(), digest(), Timestamp::from_unix(NOW).unwrap());
    let desired = Desired::for_test(&contents, &digest);
    Plan::removal_of(&desired, &held.state(), remains, choices, &[], now).map_err(|refused| refused.to_string())
}

/// The plan for an account that holds everything, after this change of it.
fn plan(choices: &Choices, change: impl FnOnce(&mut Held, &mut Remains)) -> Result<Plan, String> {
    let mut held = Held::everything(&contents());
    let mut remains = remains(&held);
    change(&mut held, &mut remains);
    plan_of(&held, &remains, choices)
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.actions().iter().map(ToString::to_string).collect()
}

fn pruning() -> Choices {
    Choices { foreign_policies: ForeignPolicies::Prune, ..Choices::default() }
}

#[test]
fn nothing_to_do() {
    let plan = plan_of(&Held::nothing(), &Remains::default(), &Choices::default()).unwrap();
    assert!(plan.is_empty());
    let text = plan.text().to_string();
    assert!(text.contains("\nNothing to do: the account holds nothing of the bundle.\n"), "{text}");
}

#[test]
fn everything_goes_in_order() {
    let plan = plan(&Choices::default(), |_, _| {}).unwrap();
    assert_eq!(
        lines(&plan),
        [
            "s3:PutObject sts-airlock/record.json",
            "iam:DeleteRolePolicy role prod-disk",
            "iam:DeleteRole role prod-disk",
            "iam:DeleteRolePolicy role prod-registry",
            "iam:DeleteRole role prod-registry",
            "iam:DeleteOpenIDConnectProvider identity provider prod-oidc.s3.us-east-2.amazonaws.com",
            "s3:DeleteObject .well-known/openid-configuration",
            "s3:DeleteObject keys.json",
            "s3:DeleteObject openid/v1/jwks",
            "s3:DeleteObject sts-airlock/record.json",
            "s3:DeleteBucket bucket prod-oidc",
        ]
    );
    let text = plan.text().to_string();
    let (_, shown) = text.split_once("Time      2026-11-18T11:06:40Z\n\n").unwrap();
    assert_eq!(
        shown,
        format!(
            "- role prod-disk
    policy        prod-disk
    ID            AROAEXAMPLE0PRODDISK
    calls         iam:DeleteRolePolicy, iam:DeleteRole

- role prod-registry
    policy        prod-registry
    ID            AROAEXAMPLE0PRODREGISTRY
    calls         iam:DeleteRolePolicy, iam:DeleteRole

- identity provider prod-oidc.s3.us-east-2.amazonaws.com
    made          2026-09-21T14:13:20Z
    calls         iam:DeleteOpenIDConnectProvider

- bucket prod-oidc
    document      .well-known/openid-configuration
    document      keys.json
    document      openid/v1/jwks
    record        sts-airlock/record.json
    calls         s3:DeleteObject, s3:DeleteBucket

Plan: delete 4 resources (11 calls).
plan digest: {}
",
            plan.digest()
        )
    );
}

#[test]
fn the_record_says_what_is_about_to_go() {
    let mut before = record();
    before.made.roles.remove(&parsed::<RoleName>("prod-disk"));
    before.making.roles.insert(parsed("prod-disk"));
    before.state = RecordState::Stopped;
    let plan = plan(&Choices::default(), |held, _| held.put_record(before)).unwrap();
    let Call::OpenRemoval { before: Some(before), known, .. } = &plan.actions()[0].call else { panic!("no record") };
    assert_eq!((before.state, known), (RecordState::Stopped, &record().made));
}

#[test]
fn what_waits_waits_for_what_uses_it() {
    let plan = plan(&Choices::default(), |_, _| {}).unwrap();
    let actions = plan.actions();
    let waits = |later: usize, earlier: usize| actions[later].waits_for(&actions[earlier]);
    assert!((1..11).all(|later| waits(later, 0)), "the record is opened first");
    assert!(waits(2, 1) && !waits(3, 2) && !waits(4, 1), "roles do not wait for each other");
    assert!((0..5).all(|role| waits(5, role)) && waits(6, 5) && waits(9, 8) && waits(10, 9));
    assert!(!waits(7, 6) && !waits(8, 7), "documents do not wait for each other");
}

#[test]
fn what_a_run_that_was_cut_off_left_is_deleted() {
    let left = |change: &dyn Fn(&mut Held)| {
        let mut held = Held::everything(&contents());
        change(&mut held);
        lines(&plan_of(&held, &remains(&held), &Choices::default()).unwrap())
    };
    let gone = |held: &mut Held| {
        held.roles.clear();
        held.provider = None;
        held.bucket().objects.clear();
    };
    let (open, record) = ("s3:PutObject sts-airlock/record.json", "s3:DeleteObject sts-airlock/record.json");
    assert_eq!(left(&gone), [open, record, "s3:DeleteBucket bucket prod-oidc"]);
    let empty = |held: &mut Held| {
        gone(held);
        held.bucket().record = None;
    };
    assert_eq!(left(&empty), ["s3:DeleteBucket bucket prod-oidc"]);
    // An empty bucket that does not carry the tag is somebody else's, unless it is as an apply makes it.
    let mut held = Held::everything(&contents());
    empty(&mut held);
    held.bucket().tags.clear();
    let refused = plan_of(&held, &remains(&held), &Choices::default()).unwrap_err();
    assert!(
        refused.starts_with("bucket prod-oidc carries no ownership tag of this cluster and is not in the"),
        "{refused}"
    );
}

#[test]
fn versions_go_by_id_a_thousand_a_call() {
    let plan = plan(&Choices::default(), |held, remains| {
        held.bucket().hazards = vec![Hazard::Versioning("Suspended".to_owned())];
        remains.versions.ours.insert("keys.json".to_owned(), (0..2001).map(|id| id.to_string()).collect());
    });
    let plan = plan.unwrap();
    let counts: Vec<(String, usize)> = plan
        .actions()
        .iter()
        .filter_map(|action| match &action.call {
            Call::DeleteVersions { key, version_ids, .. } => Some((key.clone(), version_ids.len())),
            _ => None,
        })
        .collect();
    let of = |key: &str, count| (key.to_owned(), count);
    let keys = [of("keys.json", 1000), of("keys.json", 1000), of("keys.json", 1)];
    let [first, last] = [".well-known/openid-configuration", "openid/v1/jwks"].map(|key| of(key, 1));
    assert_eq!(counts, [vec![first], keys.to_vec(), vec![last]].concat());
    assert!(matches!(plan.actions().iter().rev().nth(1).unwrap().call, Call::DeleteRecord { versions: true, .. }));
}

#[test]
fn what_is_of_others_stops_it_all_at_once() {
    let refused = plan(&Choices::default(), |held, remains| {
        held.role("prod-disk").attached = vec!["arn:aws:iam::aws:policy/b".to_owned()];
        held.role("prod-disk").other_inline = vec!["a\u{1b}".to_owned()];
        held.role("prod-registry").id = parsed_id("AROASOMEBODYELSE");
        held.provider.as_mut().unwrap().created = Timestamp::from_unix(0).unwrap();
        remains.instance_profiles.insert(parsed("prod-disk"), vec!["machines".to_owned()]);
        remains.versions.others = BTreeSet::from(["notes".to_owned()]);
    });
    assert_eq!(
            refused.unwrap_err(),
            "the account refuses the bundle for 5 reasons; nothing was changed
- identity provider arn:aws:iam::123456789012:oidc-provider/prod-oidc.s3.us-east-2.amazonaws.com carries the cluster's tag, but is not in the record of what was made here (made 1970-01-01T00:00:00Z)
  somebody else may have made it and may still be using it: look at it, then take it over with --adopt, or remove it
- role prod-disk has policies that are not in the bundle: arn:aws:iam::aws:policy/b, a\\u{1b}
  somebody may still need them: remove them, or delete with --prune
- role prod-disk is in instance profiles, through which machines may be using it: machines
  take it out with `aws iam remove-role-from-instance-profile`, then run this again
- role prod-registry carries the cluster's tag, but is not in the record of what was made here (AROASOMEBODYELSE, made 2026-09-21T14:13:20Z)
  somebody else may have made it and may still be using it: look at it, then take it over with --adopt, or remove it
- bucket prod-oidc holds objects that are not the cluster's: notes
  move or remove them, with all their versions, then run this again"
        );
}

fn parsed_id(text: &str) -> crate::record::RoleId {
    text.to_owned().try_into().unwrap()
}

/// Whether `--adopt` is given or not: it would not help.
#[test]
fn what_carries_no_tag_is_not_deleted() {
    for choices in [Choices::default(), Choices { adopt: true, ..Choices::default() }] {
        let refused = plan(&choices, |held, _| {
            held.role("prod-disk").id = parsed_id("AROASOMEBODYELSE");
            held.role("prod-disk").tags.clear();
        });
        assert_eq!(
            refused.unwrap_err(),
            "role prod-disk carries no ownership tag of this cluster and is not in the record, so it is not deleted\n  if it is the \
             cluster's, restore the tag openshift.io/cloud-credential-operator/prod, then delete with --adopt; if not, leave it and \
             delete the rest by hand"
        );
    }
}

#[test]
fn policies_of_others_go_with_prune() {
    let plan = plan(&pruning(), |held, _| {
        held.role("prod-disk").attached = vec!["arn:aws:iam::aws:policy/b".to_owned()];
        held.role("prod-disk").other_inline = vec!["a".to_owned()];
    });
    assert_eq!(
        lines(&plan.unwrap())[1..5],
        [
            "iam:DetachRolePolicy role prod-disk",
            "iam:DeleteRolePolicy role prod-disk",
            "iam:DeleteRolePolicy role prod-disk",
            "iam:DeleteRole role prod-disk"
        ]
    );
}

#[test]
fn a_bucket_that_cannot_be_emptied_stops_it() {
    let refused = plan(&Choices::default(), |held, _| held.bucket().hazards = vec![Hazard::ObjectLock]);
    assert_eq!(
        refused.unwrap_err(),
        "bucket prod-oidc has object lock on: S3 keeps versions until their retention ends\n  when it has ended, remove what the bucket holds, with all versions and the record last, then run this again"
    );
    let refused = plan(&Choices::default(), |_, remains| remains.versions.has_more = true);
    assert_eq!(
        refused.unwrap_err(),
        "bucket prod-oidc holds more than 50,000 versions\n  let a lifecycle rule expire the noncurrent ones, then run this again"
    );
}

#[test]
fn who_still_uses_a_role_is_said() {
    let plan = plan(&Choices::default(), |held, _| {
        let used = |ago| Some(LastUsed { time: Timestamp::from_unix(NOW - ago).unwrap(), region: None });
        held.role("prod-disk").last_used = used(LATELY - 1);
        held.role("prod-registry").last_used = used(LATELY);
    });
    let text = plan.unwrap().text().to_string().replace("\n    ", " ");
    assert!(
        text.contains("Z\n\n! ROLES WERE USED IN THE LAST DAY: THE CLUSTER MAY STILL BE RUNNING: prod-disk\n\n- "),
        "{text}"
    );
}

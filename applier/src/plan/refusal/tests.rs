use super::*;
use crate::fixture::{Held, contents, digest, plan, plan_with};
use crate::record::{Making, RecordState};

/// What is said of an account that holds everything, after this change of it.
fn refuse(change: impl FnOnce(&mut Held)) -> String {
    refuse_with(&Choices::default(), change)
}

fn refuse_with(choices: &Choices, change: impl FnOnce(&mut Held)) -> String {
    let contents = contents();
    let mut held = Held::everything(&contents);
    change(&mut held);
    plan_with(&contents, &held.state(), choices).unwrap_err().to_string()
}

fn takes(choices: &Choices, change: impl FnOnce(&mut Held)) -> Vec<String> {
    let contents = contents();
    let mut held = Held::everything(&contents);
    change(&mut held);
    let plan = plan_with(&contents, &held.state(), choices).unwrap();
    plan.actions().iter().map(ToString::to_string).collect()
}

fn serial(serial: u64, other_digest: bool) -> impl FnOnce(&mut Held) {
    move |held| {
        let mut record = crate::fixture::record();
        record.serial = serial;
        record.sha256 = if other_digest { bundle_schema::names::Sha256::of(b"other") } else { digest() };
        held.put_record(record);
    }
}

const ADOPT: Choices =
    Choices { adopt: true, allow_rollback: false, foreign_policies: ForeignPolicies::Refuse, previous: None };

#[test]
fn nothing_is_refused_of_our_own() {
    let contents = contents();
    assert!(plan(&contents, &Held::everything(&contents).state()).unwrap().is_empty());
    assert!(plan(&contents, &Held::nothing().state()).is_ok());
}

#[test]
fn everything_that_is_not_ours_is_named_at_once() {
    let spoiled = refuse(|held| {
        held.bucket().record = None;
        held.bucket().tags.clear();
        held.role("prod-disk").tags.clear();
        held.role("prod-registry").path = "/x/".to_owned();
        held.provider
            .as_mut()
            .unwrap()
            .tags
            .insert("openshift.io/cloud-credential-operator/prod".to_owned(), "shared".to_owned());
    });
    assert_eq!(
            spoiled,
            "the account refuses the bundle for 4 reasons; nothing was changed
- bucket prod-oidc exists and is not this cluster's: its tag openshift.io/cloud-credential-operator/prod is missing, not owned
  if it is the cluster's, restore the tag, or look at it and take it over with --adopt; if not, make the bundle with another --name
- identity provider arn:aws:iam::123456789012:oidc-provider/prod-oidc.s3.us-east-2.amazonaws.com exists and is not this cluster's: its tag openshift.io/cloud-credential-operator/prod is \"shared\", not owned
  if it is the cluster's, restore the tag, or look at it and take it over with --adopt; if not, make the bundle with another --name
- role prod-disk exists and is not this cluster's: its tag openshift.io/cloud-credential-operator/prod is missing, not owned
  if it is the cluster's, restore the tag, or look at it and take it over with --adopt; if not, make the bundle with another --name
- role prod-registry has path /x/, the bundle has /; IAM cannot move a role
  make the bundle with --role-path /x/, or remove the role if it is not in use"
        );
}

#[test]
fn what_the_record_knows_is_ours_whatever_its_tags_say() {
    assert_eq!(
        takes(&Choices::default(), |held| held.role("prod-disk").tags.clear()),
        ["s3:PutObject sts-airlock/record.json", "iam:TagRole role prod-disk", "s3:PutObject sts-airlock/record.json"]
    );
}

#[test]
fn a_role_of_another_id_is_not_the_one_that_was_made() {
    let other = |held: &mut Held| {
        held.role("prod-disk").id = "AROAMADEBYSOMEBODYELSE".to_owned().try_into().unwrap();
    };
    assert_eq!(
        refuse(other),
        "role prod-disk carries the cluster's tag, but is not in the record of what was made here (AROAMADEBYSOMEBODYELSE, made 2026-09-21T14:13:20Z)\n  somebody else may have made it and may still be using it: look at it, then take it over with --adopt, or remove it"
    );
    assert_eq!(takes(&ADOPT, other), ["s3:PutObject sts-airlock/record.json", "s3:PutObject sts-airlock/record.json"]);
}

#[test]
fn what_has_the_right_name_and_no_tag_is_taken_over_by_somebody_who_says_so() {
    let bare = |held: &mut Held| {
        held.bucket().record = None;
        held.bucket().tags = crate::fixture::tag_set(&[("team", "x\u{1b}")]);
        held.provider.as_mut().unwrap().tags.clear();
        held.role("prod-disk").tags.clear();
    };
    assert_eq!(refuse(bare).matches("restore the tag, or look at it and take it over with --adopt").count(), 3);
    let record = "s3:PutObject sts-airlock/record.json";
    assert_eq!(
        takes(&ADOPT, bare),
        [
            record,
            "s3:PutBucketTagging bucket prod-oidc",
            "iam:TagOpenIDConnectProvider identity provider prod-oidc.s3.us-east-2.amazonaws.com",
            "iam:TagRole role prod-disk",
            record
        ]
    );
    let contents = contents();
    let mut held = Held::everything(&contents);
    bare(&mut held);
    let text = plan_with(&contents, &held.state(), &ADOPT).unwrap().text().to_string();
    for line in [
        "! ROLE prod-disk DOES NOT CARRY THE CLUSTER'S TAG AND IS TAKEN OVER (--adopt)\n    made          2026-09-21T14:13:20Z, ID AROAEXAMPLE0PRODDISK\n    tags          none\n",
        "! ROLE prod-registry IS NOT IN THE RECORD AND IS TAKEN OVER (--adopt)\n",
        "! BUCKET prod-oidc DOES NOT CARRY THE CLUSTER'S TAG AND IS TAKEN OVER (--adopt)\n    tags          team=x\\u{1b}\n    objects       there are some; those that are not the issuer's stay\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn what_another_cluster_claims_is_not_taken_over() {
    let tag = "openshift.io/cloud-credential-operator/prod-d";
    let claimed = |held: &mut Held| {
        held.bucket().record = None;
        let role = held.role("prod-disk");
        role.tags = crate::fixture::tag_set(&[(tag, "owned")]);
    };
    assert_eq!(
        refuse_with(&ADOPT, claimed),
        format!(
            "role prod-disk is another cluster's: it has the tag {tag}=owned\n  make the bundle with another --name; or remove that tag, if that cluster is gone, and give --adopt"
        )
    );
    // The record is the proof, whatever somebody tags.
    let tagged = |held: &mut Held| drop(held.role("prod-disk").tags.insert(tag.to_owned(), "owned".to_owned()));
    assert_eq!(takes(&Choices::default(), tagged), Vec::<String>::new());
}

#[test]
fn what_a_run_that_was_cut_off_was_about_to_make_is_ours_if_it_is_exactly_that() {
    let cut_off = |change: fn(&mut Held)| {
        move |held: &mut Held| {
            let mut record = crate::fixture::record();
            let name = crate::fixture::parsed("prod-disk");
            record.state = RecordState::Applying;
            record.made.roles.remove(&name);
            record.made.provider = None;
            record.making = Making { provider: true, roles: [name].into(), ..Making::default() };
            held.put_record(record);
            change(held);
        }
    };
    let record = ["s3:PutObject sts-airlock/record.json"; 2];
    assert_eq!(takes(&Choices::default(), cut_off(|_| {})), record);
    let policy = takes(&Choices::default(), cut_off(|held| held.role("prod-disk").policy = None));
    assert_eq!(policy, [record[0], "iam:PutRolePolicy role prod-disk", record[1]]);
    let not_exactly: [fn(&mut Held); 5] = [
        |held| held.role("prod-disk").trust = "{}".to_owned(),
        |held| held.role("prod-disk").attached = vec!["arn:aws:iam::aws:policy/x".to_owned()],
        |held| held.role("prod-disk").other_inline = vec!["x".to_owned()],
        |held| held.role("prod-disk").boundary = Some("arn:aws:iam::aws:policy/x".to_owned()),
        |held| held.role("prod-disk").policy = Some("{}".to_owned()),
    ];
    for change in not_exactly {
        assert!(refuse(cut_off(change)).contains("role prod-disk carries the cluster's tag, but"));
    }
    let provider = refuse(cut_off(|held| held.provider.as_mut().unwrap().client_ids.push("x".to_owned())));
    assert!(provider.starts_with("identity provider arn:aws:iam::123456789012:oidc-provider/prod-oidc"), "{provider}");
}

#[test]
fn a_role_with_a_policy_of_others_is_given_nothing() {
    let given = |held: &mut Held| {
        held.role("prod-disk").policy = None;
        held.role("prod-disk").attached = vec!["arn:aws:iam::aws:policy/x\u{1b}".to_owned()];
        held.role("prod-disk").other_inline = vec!["more".to_owned()];
    };
    assert_eq!(
        refuse(given),
        "role prod-disk has policies that are not in the bundle, and the plan would give it more: arn:aws:iam::aws:policy/x\\u{1b}, more\n  remove them with --prune, or keep them with --leave-foreign-policies"
    );
    let with = |foreign_policies| Choices { foreign_policies, ..Choices::default() };
    let record = "s3:PutObject sts-airlock/record.json";
    assert_eq!(takes(&with(ForeignPolicies::Leave), given), [record, "iam:PutRolePolicy role prod-disk", record]);
    assert_eq!(
        takes(&with(ForeignPolicies::Prune), given),
        [
            record,
            "iam:DetachRolePolicy role prod-disk",
            "iam:DeleteRolePolicy role prod-disk",
            "iam:PutRolePolicy role prod-disk",
            record
        ]
    );
}

#[test]
fn the_account_does_not_go_back() {
    let digest = digest();
    let older = "bundle has serial 7, the account holds serial 8, which is newer\n  apply the newer bundle, or make this one again with a --serial above 8; to go back all the same: --allow-rollback";
    assert_eq!(refuse(serial(8, false)), older);
    assert_eq!(
        refuse(serial(7, true)),
        format!(
            "bundle has serial 7 and SHA-256 {digest}, the account holds serial 7 with SHA-256 {}\n  make the bundle again with a --serial above 7",
            bundle_schema::names::Sha256::of(b"other")
        )
    );
    // Somebody removed the record and forgot a tag.
    for by_provider in [true, false] {
        let tagged = move |held: &mut Held| {
            let newer = (SERIAL_TAG.to_owned(), "8".to_owned());
            if by_provider {
                held.provider.as_mut().unwrap().tags.extend([newer]);
            } else {
                held.bucket().tags.extend([newer]);
            }
            held.bucket().record = None;
        };
        assert_eq!(refuse_with(&ADOPT, tagged), older);
    }
    let rollback = Choices { allow_rollback: true, ..Choices::default() };
    assert_eq!(takes(&rollback, serial(8, false)).len(), 2);
}

#[test]
fn a_record_of_somebody_else_is_refused() {
    let error = refuse(|held| {
        let read = held.bucket().record.as_mut().unwrap();
        read.content = Err(RecordError::TooLong);
    });
    assert!(
            error.contains("- record s3://prod-oidc/sts-airlock/record.json is not what this program writes: it is longer than 1 MiB\n  find out who changed it; to start a new record, remove it, then give --previous-receipt FILE or --adopt\n"),
            "{error}"
        );
}

#[test]
fn a_bucket_that_is_gone_takes_the_proof_with_it() {
    let gone = |held: &mut Held| held.bucket = BucketState::Absent;
    let error = refuse(gone);
    assert!(
            error.contains("- bucket prod-oidc is gone, but the cluster's identity provider or roles are still there\n  without it nothing says which bundle was applied last: give --previous-receipt FILE, or --allow-rollback if this bundle is the one to apply\n"),
            "{error}"
        );
    let receipt = Choices { previous: Some(crate::fixture::record()), ..Choices::default() };
    assert_eq!(takes(&receipt, gone).len(), 8, "the bucket, its settings and objects, and the record");
    let anyway = Choices { allow_rollback: true, ..Choices::default() };
    assert!(refuse_with(&anyway, gone).contains("carries the cluster's tag, but is not in the record"));
    assert_eq!(takes(&Choices { adopt: true, ..anyway }, gone).len(), 8);
}

#[test]
fn a_bucket_whose_tags_cannot_be_replaced_is_refused_before_anything_is_written() {
    assert_eq!(
        refuse(|held| {
            held.bucket().abac = true;
            held.bucket().tags.remove("Name");
        }),
        "bucket prod-oidc has ABAC on, with which S3 refuses to replace its tags; tags to set: Name=prod\n  set them with `aws s3control tag-resource`, or turn ABAC off for this bucket"
    );
    assert_eq!(takes(&Choices::default(), |held| held.bucket().abac = true), Vec::<String>::new());
}

#[test]
fn a_bucket_elsewhere_is_refused() {
    let elsewhere = refuse(|held| held.bucket = BucketState::InRegion("eu-west-1".to_owned()));
    assert!(
            elsewhere.contains("bucket prod-oidc is in region eu-west-1, the bundle is for us-east-2\n  make the bundle with --region eu-west-1, or remove the bucket if it is not in use"),
            "{elsewhere}"
        );
    let forbidden = refuse(|held| held.bucket = BucketState::Forbidden);
    assert!(forbidden.contains("bucket prod-oidc exists and S3 does not show it"), "{forbidden}");
}

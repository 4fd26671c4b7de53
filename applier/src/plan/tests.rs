use super::*;
use crate::fixture::{Held, contents, digest};
use bundle_schema::documents::contents::Contents;

fn plan(contents: &Contents, held: &Held) -> Result<Plan, String> {
    let at = Timestamp::from_unix(1_795_000_000).unwrap();
    let signer = Signer { role: "reviewer".to_owned(), key: "RWQ".to_owned(), trusted_comment: "t".to_owned() };
    let plan = Plan::of(&Desired::for_test(contents, &digest()), &held.state(), &Choices::default(), &[signer], at);
    plan.map_err(|refused| refused.to_string())
}

fn lines(plan: &Plan) -> Vec<String> {
    plan.actions.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_to_do() {
    let contents = contents();
    let plan = plan(&contents, &Held::everything(&contents)).unwrap();
    assert_eq!(lines(&plan), Vec::<String>::new());
    assert!(plan.is_empty());
    assert_eq!(
        plan.text().to_string(),
        format!(
            "Bundle    prod serial 7
SHA-256   {}
Created   2026-09-21T14:13:20Z, expires 2027-01-15T08:00:00Z
Signed    reviewer RWQ
Account   123456789012 (aws, us-east-2)
Issuer    https://prod-oidc.s3.us-east-2.amazonaws.com
Holds     serial 7, applied, 1970-01-01T00:00:00Z, by
          arn:aws:iam::123456789012:user/x
Caller    arn:aws:iam::123456789012:user/x
Time      2026-11-18T11:06:40Z

Nothing to do: the account holds what the bundle says.
plan digest: {}
",
            digest(),
            plan.digest
        )
    );
    assert!(plan.is_clean());
}

#[test]
fn a_new_account_gets_everything_in_order() {
    let plan = plan(&contents(), &Held::nothing()).unwrap();
    assert_eq!(
        lines(&plan),
        [
            "s3:CreateBucket bucket prod-oidc",
            "s3:PutObject sts-airlock/record.json",
            "s3:PutBucketPublicAccessBlock bucket prod-oidc",
            "s3:PutBucketPolicy bucket prod-oidc",
            "s3:PutObject .well-known/openid-configuration",
            "s3:PutObject keys.json",
            "s3:PutObject openid/v1/jwks",
            "iam:CreateOpenIDConnectProvider identity provider prod-oidc.s3.us-east-2.amazonaws.com",
            "iam:CreateRole role prod-disk",
            "iam:CreateRole role prod-registry",
            "iam:PutRolePolicy role prod-disk",
            "iam:PutRolePolicy role prod-registry",
            "s3:PutObject sts-airlock/record.json",
        ]
    );
    let text = plan.text().to_string();
    let (_, shown) = text.split_once("Time      2026-11-18T11:06:40Z\n\n").unwrap();
    assert_eq!(
        shown,
        format!(
            "+ bucket prod-oidc
    region        us-east-2
    tags          Name=prod, openshift.io/cloud-credential-operator/prod=owned,
                  sts-airlock/bundle-sha256={},
                  sts-airlock/serial=7
    record        sts-airlock/record.json, private
    public access by bucket policy only; ACLs are blocked
    policy        everybody may read the issuer's documents
    document      .well-known/openid-configuration
    document      keys.json
    signing key   BjTPeU-VeuC2IlK_BvjCx2TY4_UGnoTdOhbdPx8P6J0
    document      openid/v1/jwks
    calls         s3:CreateBucket, s3:PutObject, s3:PutBucketPublicAccessBlock,
                  s3:PutBucketPolicy

+ identity provider prod-oidc.s3.us-east-2.amazonaws.com
    audiences     openshift, sts.amazonaws.com
    calls         iam:CreateOpenIDConnectProvider

+ role prod-disk
    assumed by    disk/operator
    allows        ec2:DescribeVolumes, ec2:AttachVolume on *
    calls         iam:CreateRole, iam:PutRolePolicy

+ role prod-registry
    assumed by    registry/operator
    allows        ec2:DescribeVolumes, ec2:AttachVolume on *
    calls         iam:CreateRole, iam:PutRolePolicy

Plan: create 4 resources, update 0 resources (13 calls).
plan digest: {}
",
            digest(),
            plan.digest
        )
    );
}

#[test]
fn the_digest_is_of_what_is_done() {
    let (first, again) = (plan(&contents(), &Held::nothing()).unwrap(), plan(&contents(), &Held::nothing()).unwrap());
    assert_eq!(first, again);
    let mut other = contents();
    other.roles[0].create.description.push('!');
    assert_ne!(plan(&other, &Held::nothing()).unwrap().digest, first.digest);
    let json: serde_json::Value = serde_json::from_str(&first.to_json()).unwrap();
    assert_eq!((&json["digest"], &json["create"]), (&first.digest.as_str().into(), &12.into()));
    for (value, action) in json["actions"].as_array().unwrap().iter().zip(&first.actions) {
        assert_eq!(
            (&value["call"], &value["change"]),
            (&action.name().into(), &serde_json::to_value(action.change()).unwrap())
        );
    }
}

#[test]
fn what_others_added_is_named_and_not_clean() {
    let contents = contents();
    let mut held = Held::everything(&contents);
    held.role("prod-disk").other_inline = vec!["a\u{1b}".to_owned()];
    held.role("prod-disk").attached = vec!["arn:aws:iam::aws:policy/b".to_owned()];
    held.role("prod-disk").tags.insert("map".to_owned(), "1".to_owned());
    held.role("prod-registry").tags.insert("map".to_owned(), "2".to_owned());
    held.bucket().tags.insert("map".to_owned(), "2".to_owned());
    held.bucket().tags.insert("aws:cloudformation".to_owned(), "x".to_owned());
    let foreign = plan(&contents, &held).unwrap();
    assert!(foreign.is_empty() && !foreign.is_clean());
    let text = foreign.text().to_string();
    let (_, shown) = text.split_once("Time      2026-11-18T11:06:40Z\n\n").unwrap();
    assert_eq!(
        shown,
        format!(
            "! role prod-disk has policies that are not in the bundle, and keeps them:
    arn:aws:iam::aws:policy/b, a\\u{{1b}}
! tag map is not in the bundle, and stays on arn:aws:s3:::prod-oidc and 2 other
    resources

Nothing to change, but what is marked with ! above is not the bundle's.
plan digest: {}
",
            foreign.digest
        )
    );
    assert_ne!(foreign.digest, plan(&contents, &Held::everything(&contents)).unwrap().digest);
}

#[test]
fn a_change_of_keys_is_a_headline() {
    let contents = contents();
    let mut held = Held::everything(&contents);
    for key in ["keys.json", "openid/v1/jwks"] {
        let old = b"{\"keys\": [{\"kid\": \"old\"}]}".to_vec();
        held.bucket().objects.get_mut(key).unwrap().body = Some(old);
    }
    let text = plan(&contents, &held).unwrap().text().to_string();
    assert!(
        text.contains(
            "! THE SIGNING KEY CHANGES: published now: old; then:
    BjTPeU-VeuC2IlK_BvjCx2TY4_UGnoTdOhbdPx8P6J0. AWS refuses every token that is
    signed by a key that is no longer published
"
        ),
        "{text}"
    );
    assert_eq!(text.matches("SIGNING KEY CHANGES").count(), 1);
}

#[test]
fn without_a_bucket_the_provider_comes_first_and_holds_the_record() {
    use crate::fixture::{hosted_contents, hosted_held, read};

    let contents = hosted_contents();
    let provider = "identity provider oidc.example.com/prod";
    let new = plan(&contents, &Held::nothing()).unwrap();
    let expected = [
        &format!("iam:CreateOpenIDConnectProvider {provider}"),
        "iam:TagOpenIDConnectProvider sts-airlock/record/prod",
        "iam:CreateRole role prod-disk",
        "iam:CreateRole role prod-registry",
        "iam:PutRolePolicy role prod-disk",
        "iam:PutRolePolicy role prod-registry",
        "iam:TagOpenIDConnectProvider sts-airlock/record/prod",
    ];
    assert_eq!(lines(&new), expected);
    for (later, action) in new.actions.iter().enumerate().skip(1) {
        assert!(action.waits_for(&new.actions[0]), "{later}");
    }

    let digest = digest();
    let of = |held: &Held| {
        let (desired, live) = (Desired::for_test(&contents, &digest), read(&contents, held));
        Plan::of(&desired, &live, &Choices::default(), &[], Timestamp::from_unix(0).unwrap())
    };
    let mut held = hosted_held();
    assert!(of(&held).unwrap().is_clean(), "its record is no tag of others");
    // A run that was cut off before it wrote the record leaves the provider as the plan makes it.
    held.roles.clear();
    held.provider().tags.retain(|key, _| !key.starts_with("sts-airlock/record/"));
    let made = held.provider.clone();
    assert_eq!(lines(&of(&held).unwrap()), expected[1..]);
    held.provider().client_ids.push("another".to_owned());
    let says = "identity provider arn:aws:iam::123456789012:oidc-provider/oidc.example.com/prod carries the cluster's tag, but is \
                    not in the record of what was made here (made 2026-09-21T14:13:20Z)";
    assert!(of(&held).unwrap_err().to_string().starts_with(says));
    // A record that was copied to another provider is not that provider's.
    held = hosted_held();
    held.provider().client_ids.push("another".to_owned());
    held.provider().created = Timestamp::from_unix(1_790_000_001).unwrap();
    let says = says.replace("14:13:20Z", "14:13:21Z");
    assert!(of(&held).unwrap_err().to_string().starts_with(&says));
    // Without the cluster's tag it is nobody's.
    held.provider = made;
    held.provider().tags.clear();
    assert!(of(&held).unwrap_err().to_string().contains("exists and is not this cluster's"));
}

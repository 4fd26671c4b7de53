use super::*;
use crate::fixture::{Held, contents, digest, parsed, tag_set};
use crate::plan::show::shown;
use bundle_schema::documents::contents::Contents;

fn plan(contents: &Contents, held: &Held) -> Vec<Action> {
    crate::fixture::plan(contents, &held.state()).unwrap().actions().to_vec()
}

fn lines(actions: &[Action]) -> Vec<String> {
    actions.iter().map(ToString::to_string).collect()
}

/// What a change to an account that holds everything makes the plan say.
fn after(change: impl FnOnce(&mut Held)) -> String {
    let contents = contents();
    let mut held = Held::everything(&contents);
    change(&mut held);
    shown(&plan(&contents, &held))
}

#[test]
fn every_setting_of_a_role_is_reconciled() {
    let change = |change: fn(&mut crate::account::live::LiveRole)| after(|held| change(held.role("prod-disk")));
    assert_eq!(
        change(|role| role.description = None),
        "~ role prod-disk\n  ~ settings (iam:UpdateRole)\n      + description: OpenShift role for disk/creds\n        session duration: 3600 seconds\n"
    );
    assert_eq!(
        change(|role| role.max_session_duration = Some(43200)),
        "~ role prod-disk\n  ~ settings (iam:UpdateRole)\n        description: OpenShift role for disk/creds\n      - session duration: 43200 seconds\n      + session duration: 3600 seconds\n"
    );
    assert_eq!(
        change(|role| role.boundary = Some("arn:aws:iam::aws:policy/x\u{1b}".to_owned())),
        "~ role prod-disk\n  ~ permissions boundary (iam:DeleteRolePermissionsBoundary)\n      - arn:aws:iam::aws:policy/x\\u{1b}\n"
    );
    assert_eq!(
        change(|role| role.tags = tag_set(&[
            ("Name", "other"),
            ("openshift.io/cloud-credential-operator/prod", "owned"),
            ("extra", "1"),
            ("aws:created", "x")
        ])),
        "~ role prod-disk\n  ~ tags (iam:TagRole)\n      - Name = other\n      + Name = prod\n",
        "tags of others stay"
    );
    assert_eq!(
        change(
            |role| role.policy = Some(role.policy.clone().unwrap().replace("ec2:DescribeVolumes", "ec2:DetachVolume"))
        ),
        "~ role prod-disk
  ~ permissions (iam:PutRolePolicy)
        (2 unchanged lines)
            {
              \"Action\": [
                \"ec2:AttachVolume\",
      -         \"ec2:DetachVolume\"
      +         \"ec2:DescribeVolumes\"
              ],
              \"Effect\": \"Allow\",
              \"Resource\": [
        (6 unchanged lines)
"
    );
    assert_eq!(
        change(|role| role.policy = None),
        "~ role prod-disk\n    allows        ec2:DescribeVolumes, ec2:AttachVolume on *\n    calls         iam:PutRolePolicy\n"
    );
    assert!(
        change(|role| role.trust = role.trust.replace("disk:operator", "disk:other"))
            .starts_with("~ role prod-disk\n  ~ trust policy (iam:UpdateAssumeRolePolicy)\n")
    );
    assert_eq!(change(|role| role.trust = readable(&role.trust)), "");
}

fn readable(policy: &str) -> String {
    crate::plan::meaning::readable_policy(policy)
}

#[test]
fn every_setting_of_the_provider_is_reconciled() {
    let name = "identity provider prod-oidc.s3.us-east-2.amazonaws.com";
    assert_eq!(
        after(|held| held.provider.as_mut().unwrap().client_ids = vec!["openshift".to_owned(), "x".to_owned()]),
        format!(
            "~ {name}\n  ~ audience (iam:AddClientIDToOpenIDConnectProvider)\n      + sts.amazonaws.com\n  ~ audience (iam:RemoveClientIDFromOpenIDConnectProvider)\n      - x\n"
        )
    );
    // A bundle without thumbprints leaves those that IAM has.
    assert_eq!(after(|held| held.provider.as_mut().unwrap().thumbprints = vec!["B".repeat(40)]), "");
    let mut contents = contents();
    contents.issuer.as_mut().unwrap().provider.thumbprint_list = Some(vec![parsed(&"a".repeat(40))]);
    let mut held = Held::everything(&contents);
    assert!(plan(&contents, &held).is_empty(), "IAM answers in upper case");
    held.provider.as_mut().unwrap().thumbprints = vec!["B".repeat(40)];
    let changed = lines(&plan(&contents, &held));
    assert_eq!(changed[1], format!("iam:UpdateOpenIDConnectProviderThumbprint {name}"));
    assert_eq!(changed.len(), 3, "between the record's two");
}

#[test]
fn every_setting_of_the_bucket_is_reconciled() {
    let change = |change: fn(&mut crate::account::live::LiveBucket)| after(|held| change(held.bucket()));
    let expect = |lines: &str| format!("~ bucket prod-oidc\n{lines}");
    assert_eq!(
        change(|bucket| bucket.ownership = Some("ObjectWriter".to_owned())),
        expect(
            "  ~ object ownership (s3:PutBucketOwnershipControls)\n      - ObjectWriter\n      + BucketOwnerEnforced\n"
        )
    );
    assert_eq!(
        change(|bucket| bucket.public_access_block.as_mut().unwrap().block_public_policy = true),
        expect(
            "  ~ public access block (s3:PutBucketPublicAccessBlock)\n        {\n          \"BlockPublicAcls\": true,\n          \"IgnorePublicAcls\": true,\n      -   \"BlockPublicPolicy\": true,\n      +   \"BlockPublicPolicy\": false,\n          \"RestrictPublicBuckets\": false\n        }\n"
        )
    );
    assert_eq!(
        change(|bucket| {
            bucket.tags.insert("extra".to_owned(), "1".to_owned());
            bucket.tags.insert("aws:x".to_owned(), "2".to_owned());
        }),
        "",
        "tags of others stay"
    );
    assert_eq!(
        change(|bucket| {
            bucket.tags.insert("extra".to_owned(), "1".to_owned());
            bucket.tags.remove("Name");
        }),
        expect(&format!(
            "  ~ tags (s3:PutBucketTagging)\n      + Name = prod\n        extra = 1\n        openshift.io/cloud-credential-operator/prod = owned\n        sts-airlock/bundle-sha256 =\n            {}\n        (1 unchanged line)\n",
            digest()
        ))
    );
    assert_eq!(
        change(|bucket| bucket.objects.get_mut("keys.json").unwrap().content_type = None),
        expect("  ~ document keys.json (s3:PutObject)\n      + content type application/json\n")
    );
    assert_eq!(
        change(|bucket| bucket.objects.get_mut("keys.json").unwrap().encryption = Some("aws:kms".to_owned())),
        expect("  ~ document keys.json (s3:PutObject)\n      - encryption aws:kms\n      + encryption AES256\n")
    );
    assert_eq!(
        change(|bucket| bucket.objects.get_mut("keys.json").unwrap().body = None),
        expect("  ~ document keys.json (s3:PutObject)\n      - content that is too long, or not text\n")
    );
    assert_eq!(
        change(|bucket| bucket.policy = None),
        expect("    policy        everybody may read the issuer's documents\n    calls         s3:PutBucketPolicy\n")
    );
}

#[test]
fn the_record_is_renewed_before_anything_else() {
    let contents = contents();
    let mut held = Held::everything(&contents);
    held.bucket().tags.insert("sts-airlock/serial".to_owned(), "6".to_owned());
    held.bucket().public_access_block = None;
    assert_eq!(
        lines(&plan(&contents, &held)),
        [
            "s3:PutObject sts-airlock/record.json",
            "s3:PutBucketTagging bucket prod-oidc",
            "s3:PutBucketPublicAccessBlock bucket prod-oidc",
            "s3:PutObject sts-airlock/record.json",
        ]
    );
}

#[test]
fn a_bucket_that_a_cut_off_run_left_is_taken_over() {
    let contents = contents();
    let mut held = Held::everything(&contents);
    (held.provider, held.roles) = (None, std::collections::BTreeMap::new());
    *held.bucket() = crate::account::live::LiveBucket {
        ownership: Some("BucketOwnerEnforced".to_owned()),
        is_empty: true,
        ..Default::default()
    };
    let taken = crate::fixture::plan(&contents, &held.state()).unwrap();
    assert!(taken.text().to_string().contains(
            "! bucket prod-oidc is untagged, empty and without a policy, as an interrupted\n    apply leaves it; it is taken over\n"
        ));
    assert_eq!(taken.actions()[1].to_string(), "s3:PutBucketTagging bucket prod-oidc");
    let spoils: [fn(&mut crate::account::live::LiveBucket); 4] = [
        |bucket| bucket.is_empty = false,
        |bucket| bucket.policy = Some("{}".to_owned()),
        |bucket| bucket.ownership = None,
        |bucket| bucket.tags = tag_set(&[("team", "x")]),
    ];
    for spoil in spoils {
        let mut held = held.clone();
        spoil(held.bucket());
        assert_eq!(
            crate::fixture::plan(&contents, &held.state()).unwrap_err().to_string(),
            "bucket prod-oidc exists and is not this cluster's: its tag openshift.io/cloud-credential-operator/prod is missing, not owned\n  if it is the cluster's, restore the tag, or look at it and take it over with --adopt; if not, make the bundle with another --name"
        );
    }
}

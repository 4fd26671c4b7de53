//! Reviews of any size, made of what components of OpenShift ask for, and one whose every text is hostile.

use bundle_schema::documents::index::Skipped;
use bundle_schema::documents::policy::Effect;
use bundle_schema::documents::settings::{FeatureName, Settings as RecordedSettings};
use bundle_schema::names::{
    Audience, EntryPath, ObjectName, Reason, RoleNaming, RolePath, Sha256, Tag, TagKey, TagValue, Timestamp,
};
use bundle_schema::signature::Signer;
use generator::review::report::{
    Acceptance, ActionDataVersion, Against, BundleComparison, CameAndWent, Change, Changed, Difference, Finding,
    FindingLevel, Identity, Key, LevelAccess, Presence, REVIEW_VERSION, Rebuild, RequestsFrom, Review, Role,
    RoleComparison, ServiceAccess, Settings, Statement, ValueChange, Verdict, Witness,
};

/// Actions of a service by level, separated by spaces.
type Service = (&'static str, &'static [(&'static str, &'static str)]);

/// A component's namespace, Secret, service accounts and statements: resource, condition, services.
type Component =
    (&'static str, &'static str, &'static [&'static str], &'static [(&'static str, &'static str, &'static [Service])]);

const COMPONENTS: [Component; 7] = [
    (
        "openshift-machine-api",
        "aws-cloud-credentials",
        &["machine-api-controllers"],
        &[
            (
                "*",
                "",
                &[
                    (
                        "ec2",
                        &[
                            ("Write", "RunInstances TerminateInstances AllocateHosts ReleaseHosts"),
                            ("Tagging", "CreateTags"),
                            (
                                "List",
                                "DescribeAvailabilityZones DescribeDhcpOptions DescribeImages DescribeInstances DescribeInstanceTypes \
                                 DescribeInternetGateways DescribeSecurityGroups DescribeRegions DescribeSubnets DescribeVpcs \
                                 DescribePlacementGroups DescribeCapacityReservations",
                            ),
                        ],
                    ),
                    (
                        "elasticloadbalancing",
                        &[
                            ("Write", "RegisterInstancesWithLoadBalancer RegisterTargets DeregisterTargets"),
                            ("Read", "DescribeLoadBalancers DescribeTargetGroups DescribeTargetHealth"),
                        ],
                    ),
                    ("iam", &[("Permissions management", "PassRole CreateServiceLinkedRole")]),
                ],
            ),
            (
                "*",
                "",
                &[(
                    "kms",
                    &[
                        ("Write", "Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlainText"),
                        ("Read", "DescribeKey"),
                    ],
                )],
            ),
            (
                "*",
                r#"{"Bool":{"kms:GrantIsForAWSResource":true}}"#,
                &[("kms", &[("Permissions management", "RevokeGrant CreateGrant"), ("List", "ListGrants")])],
            ),
        ],
    ),
    (
        "openshift-cluster-csi-drivers",
        "ebs-cloud-credentials",
        &["aws-ebs-csi-driver-operator", "aws-ebs-csi-driver-controller-sa"],
        &[
            (
                "*",
                "",
                &[(
                    "ec2",
                    &[
                        (
                            "Write",
                            "AttachVolume CreateSnapshot CreateVolume DeleteSnapshot DeleteVolume DetachVolume EnableFastSnapshotRestores ModifyVolume",
                        ),
                        ("Tagging", "CreateTags DeleteTags"),
                        (
                            "List",
                            "DescribeInstances DescribeSnapshots DescribeTags DescribeVolumes DescribeVolumesModifications DescribeAvailabilityZones",
                        ),
                    ],
                )],
            ),
            ("*", "", &[("kms", &[("Write", "ReEncrypt* Decrypt Encrypt GenerateDataKey"), ("Read", "DescribeKey")])]),
            (
                "*",
                r#"{"Bool":{"kms:GrantIsForAWSResource":true}}"#,
                &[("kms", &[("Permissions management", "RevokeGrant CreateGrant"), ("List", "ListGrants")])],
            ),
        ],
    ),
    (
        "openshift-image-registry",
        "installer-cloud-credentials",
        &["cluster-image-registry-operator", "registry"],
        &[(
            "*",
            "",
            &[(
                "s3",
                &[
                    ("Permissions management", "PutBucketPublicAccessBlock"),
                    (
                        "Write",
                        "CreateBucket DeleteBucket PutEncryptionConfiguration PutLifecycleConfiguration PutObject DeleteObject AbortMultipartUpload",
                    ),
                    ("Tagging", "PutBucketTagging"),
                    (
                        "Read",
                        "GetBucketTagging GetBucketPublicAccessBlock GetEncryptionConfiguration GetLifecycleConfiguration GetBucketLocation GetObject",
                    ),
                    ("List", "ListBucket ListBucketMultipartUploads ListMultipartUploadParts"),
                ],
            )],
        )],
    ),
    (
        "openshift-ingress-operator",
        "cloud-credentials",
        &["ingress-operator"],
        &[
            (
                "*",
                "",
                &[
                    ("elasticloadbalancing", &[("Read", "DescribeLoadBalancers")]),
                    (
                        "route53",
                        &[("List", "ListHostedZones ListTagsForResources"), ("Write", "ChangeResourceRecordSets")],
                    ),
                    ("tag", &[("Read", "GetResources")]),
                    ("sts", &[("Write", "AssumeRole")]),
                ],
            ),
            (
                "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ",
                r#"{"StringEquals":{"aws:RequestedRegion":["us-east-2","us-west-2"]}}"#,
                &[("route53", &[("Write", "ChangeResourceRecordSets")])],
            ),
        ],
    ),
    (
        "openshift-cloud-network-config-controller",
        "cloud-credentials",
        &["cloud-network-config-controller"],
        &[(
            "*",
            "",
            &[(
                "ec2",
                &[
                    (
                        "Write",
                        "UnassignPrivateIpAddresses AssignPrivateIpAddresses UnassignIpv6Addresses AssignIpv6Addresses",
                    ),
                    (
                        "List",
                        "DescribeInstances DescribeInstanceStatus DescribeInstanceTypes DescribeSubnets DescribeNetworkInterfaces",
                    ),
                ],
            )],
        )],
    ),
    (
        "openshift-cloud-credential-operator",
        "cloud-credential-operator-iam-ro-creds",
        &["cloud-credential-operator"],
        &[(
            "*",
            "",
            &[("iam", &[("Read", "GetUser GetUserPolicy SimulatePrincipalPolicy"), ("List", "ListAccessKeys")])],
        )],
    ),
    (
        "openshift-cluster-api",
        "capa-manager-bootstrap-credentials",
        &["capa-controller-manager", "capi-controller-manager", "cluster-capi-operator"],
        &[(
            "*",
            "",
            &[
                (
                    "ec2",
                    &[
                        ("Write", "RunInstances TerminateInstances"),
                        ("Tagging", "CreateTags"),
                        ("List", "DescribeInstances DescribeVpcs DescribeSubnets DescribeImages"),
                    ],
                ),
                ("iam", &[("Permissions management", "PassRole CreateServiceLinkedRole")]),
            ],
        )],
    ),
];

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn source(file: &str) -> EntryPath {
    EntryPath::new(format!("credentials-requests/{file}")).unwrap()
}

fn access((service, levels): &Service) -> ServiceAccess {
    let level = |(level, actions): &(&str, &str)| LevelAccess { level: (*level).to_owned(), actions: words(actions) };
    ServiceAccess { service: (*service).to_owned(), levels: levels.iter().map(level).collect() }
}

fn statement((resource, condition, services): &(&str, &str, &[Service]), line: usize) -> Statement {
    let access: Vec<ServiceAccess> = services.iter().map(access).collect();
    let actions = access.iter().flat_map(|service| {
        service
            .levels
            .iter()
            .flat_map(|level| level.actions.iter().map(|action| format!("{}:{action}", service.service)))
    });
    Statement {
        effect: Effect::Allow,
        actions: Some(actions.collect()),
        not_actions: None,
        access: access.clone(),
        resource: (*resource).to_owned(),
        conditions: (!condition.is_empty()).then(|| serde_json::from_str(condition).unwrap()),
        line: Some(line),
    }
}

fn role(number: usize) -> Role {
    let (namespace, secret, accounts, statements) = COMPONENTS[number % COMPONENTS.len()];
    let round = number / COMPONENTS.len();
    let suffix = if round == 0 { String::new() } else { format!("-{round}") };
    let namespace = format!("{namespace}{suffix}");
    let name: String = format!("prod-a-{namespace}-{secret}").chars().take(64).collect();
    Role {
        role: name,
        request: format!("{namespace}-aws"),
        source: source(&format!("0000_{:02}_{secret}{suffix}.yaml", number % 100)),
        namespace,
        secret: secret.to_owned(),
        service_accounts: words(&accounts.join(" ")),
        boundary: (number != 3).then(|| "arn:aws:iam::123456789012:policy/openshift-edge".to_owned()),
        statements: statements.iter().enumerate().map(|(index, one)| statement(one, 15 + 14 * index)).collect(),
    }
}

fn finding(id: &'static str, level: FindingLevel, role: Option<&Role>, message: &str, advice: &str) -> Finding {
    Finding {
        id,
        level,
        role: role.map(|role| role.role.clone()),
        statement: role.map(|_| 1),
        source: role.map(|role| role.source.clone()),
        line: role.map(|_| 18),
        message: message.to_owned(),
        advice: advice.to_owned(),
        accepted: None,
    }
}

fn findings(roles: &[Role]) -> Vec<Finding> {
    let mut findings = vec![finding(
        "airlock/permissions-management",
        FindingLevel::Error,
        roles.get(2),
        "s3:PutBucketPolicy on every resource lets the role open any bucket of the account to other accounts",
        "name the registry's bucket as the resource",
    )];
    for role in roles.iter().filter(|role| role.statements[0].resource == "*") {
        let message =
            "write actions may be used on every resource of the account, and could be limited by aws:ResourceTag";
        findings.push(finding(
            "airlock/could-be-scoped",
            FindingLevel::Warning,
            Some(role),
            message,
            "ask for a condition on the cluster's tag, or accept it",
        ));
    }
    if let Some(second) = findings.get_mut(2) {
        second.accepted = Some(Acceptance {
            by: "Ada (security)".to_owned(),
            reason: "upstream reverted scoping by tag, since in-tree volumes have none".to_owned(),
            until: time("2027-01-01T00:00:00Z"),
        });
    }
    findings.push(finding(
        "airlock/boundary-on-some",
        FindingLevel::Note,
        None,
        "one role has no permissions boundary, the others have one",
        "make the bundle with --permissions-boundary-arn, or drop it",
    ));
    findings
}

fn comparison(roles: &[Role]) -> BundleComparison {
    let change = |what, statement, came, value: &str| Change { what, statement, came, value: value.to_owned() };
    let mut before = roles[2].statements.clone();
    before[0].access[0].levels.remove(0);
    before[0].resource = String::from("arn:aws:s3:::prod-a-image-registry-*");
    before[0].access[0].levels[0].actions.push("ReplicateObject".to_owned());
    BundleComparison {
        against: Against { name: "prod-a".to_owned(), serial: 3, sha256: Sha256::of(b"old") },
        verdict: Verdict::Widened,
        identity: vec![ValueChange { field: "region", old: "us-east-1".to_owned(), new: "us-east-2".to_owned() }],
        keys: CameAndWent {
            came: words("Zk1uR1oC2cXgWmTq0b8sYpLJ7vN4hQdE5iA9rKtU3oM"),
            went: words("aB3xV7qLmN0pRsT5uWyZ1cD2eF4gH6iJ8kO9lQnXvYw"),
        },
        audiences: CameAndWent::default(),
        thumbprints: CameAndWent::default(),
        tags: CameAndWent { came: words("team=edge"), went: vec![] },
        roles: vec![
            RoleComparison {
                role: roles[2].role.clone(),
                secret: format!("{}/{}", roles[2].namespace, roles[2].secret),
                presence: Presence::Both,
                verdict: Verdict::Widened,
                changes: vec![
                    change(Changed::ServiceAccount, None, true, "registry"),
                    change(Changed::Action, Some(1), true, "s3:PutBucketPublicAccessBlock"),
                    change(Changed::Action, Some(1), false, "s3:ReplicateObject"),
                    change(Changed::Resource, Some(1), false, "arn:aws:s3:::prod-a-image-registry-*"),
                    change(Changed::Resource, Some(1), true, "*"),
                    change(Changed::TokenPath, None, true, "/var/run/secrets/openshift/serviceaccount/token"),
                ],
                witnesses: vec![Witness {
                    action: "s3:PutBucketPublicAccessBlock".to_owned(),
                    resource: "arn:aws:s3:::payroll".to_owned(),
                    context: [("aws:RequestedRegion".to_owned(), words("us-east-2"))].into(),
                }],
                undecided: vec![],
                before,
            },
            RoleComparison {
                role: roles[5].role.clone(),
                secret: format!("{}/{}", roles[5].namespace, roles[5].secret),
                presence: Presence::Came,
                verdict: Verdict::Undecided,
                changes: vec![],
                witnesses: vec![],
                undecided: vec![
                    "statement 1: StringLike aws:userid is ${aws:username} depends on a policy variable".to_owned(),
                ],
                before: vec![],
            },
            RoleComparison {
                role: "prod-a-openshift-cluster-storage-operator-efs-credentials".to_owned(),
                secret: "openshift-cluster-storage-operator/efs-credentials".to_owned(),
                presence: Presence::Went,
                verdict: Verdict::Narrowed,
                changes: vec![change(Changed::Statement, Some(1), false, "Allow elasticfilesystem:* on *")],
                witnesses: vec![],
                undecided: vec![],
                before: vec![statement(&("*", "", &[("elasticfilesystem", &[("Permissions management", "*")])]), 12)],
            },
        ],
    }
}

fn rebuild(roles: &[Role]) -> Rebuild {
    let difference = |role: &Role, message: &str, expected: Option<&str>, found: Option<&str>| Difference {
        entry: format!("aws/role-policies/{}.json", role.role),
        role: Some(role.role.clone()),
        statement: Some(1),
        message: message.to_owned(),
        expected: expected.map(str::to_owned),
        found: found.map(str::to_owned),
    };
    Rebuild {
        identical: false,
        requests: RequestsFrom::Bundle,
        made_by: None,
        differences: vec![
            difference(
                &roles[2],
                "granted and not asked for: s3:PutBucketPublicAccessBlock",
                Some("allows s3:CreateBucket, s3:DeleteBucket, s3:PutBucketTagging, s3:GetBucketTagging on *"),
                Some(
                    "allows s3:CreateBucket, s3:DeleteBucket, s3:PutBucketTagging, s3:GetBucketTagging, s3:PutBucketPublicAccessBlock on *",
                ),
            ),
            difference(
                &roles[3],
                "a service account more: default",
                Some("system:serviceaccount:openshift-ingress-operator:ingress-operator"),
                Some(
                    "system:serviceaccount:openshift-ingress-operator:ingress-operator\nsystem:serviceaccount:openshift-ingress-operator:default",
                ),
            ),
        ],
    }
}

fn settings() -> Settings {
    let tag = |key: &str, value: &str| Tag { key: TagKey::new(key).unwrap(), value: TagValue::new(value).unwrap() };
    Settings {
        recorded: RecordedSettings {
            role_names: RoleNaming::Ccoctl,
            permissions_boundary_arn: None,
            feature_set: FeatureName::new("Default").unwrap(),
            feature_gates: None,
            capabilities: None,
            service_accounts: vec![],
        },
        role_path: RolePath::default(),
        tags: vec![
            tag("Name", "prod-a"),
            tag("openshift.io/cloud-credential-operator/prod-a", "owned"),
            tag("team", "edge"),
        ],
        audiences: vec![Audience::new("openshift").unwrap(), Audience::new("sts.amazonaws.com").unwrap()],
        thumbprints: None,
        generator_version: "0.1.0".to_owned(),
    }
}

/// A review of so many roles, at least six, in which nothing is as it should be.
pub(crate) fn review(roles: usize) -> Review {
    let roles: Vec<Role> = (0..roles).map(role).collect();
    Review {
        review_version: REVIEW_VERSION,
        bundle: Identity {
            kind: bundle_schema::documents::index::Kind::Cluster,
            name: "prod-a".to_owned(),
            serial: 4,
            sha256: Sha256::of(b"new"),
            account_id: "123456789012".to_owned(),
            partition: "aws".to_owned(),
            region: "us-east-2".to_owned(),
            issuer_url: Some("https://prod-a-oidc.s3.us-east-2.amazonaws.com".to_owned()),
            former_issuers: Vec::new(),
            private_bucket: None,
            created: time("2026-11-01T00:00:00Z"),
            expires: time("2026-12-01T00:00:00Z"),
        },
        keys: vec![Key {
            kid: "Zk1uR1oC2cXgWmTq0b8sYpLJ7vN4hQdE5iA9rKtU3oM".to_owned(),
            key: "RSA 4096".to_owned(),
            signs: true,
        }],
        signers: vec![Signer {
            role: "generator".to_owned(),
            key: "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3".to_owned(),
            trusted_comment: "prod-a serial 4".to_owned(),
        }],
        signatures_checked: true,
        rebuild: rebuild(&roles),
        comparison: Some(comparison(&roles)),
        findings: findings(&roles),
        roles,
        skipped: vec![Skipped {
            source: source("0000_50_cluster-storage-operator_03_credentials_request_gcp.yaml"),
            document: 2,
            request: Some(ObjectName::new("gcp-pd-csi-driver-operator").unwrap()),
            reason: Reason::new("providerSpec is of kind GCPProviderSpec, not AWSProviderSpec").unwrap(),
        }],
        settings: settings(),
        action_data: ActionDataVersion { version: "0.1.202610271".to_owned(), date: "2026-10-27".to_owned() },
    }
}

/// A review in which everything is as it should be.
pub(crate) fn calm() -> Review {
    let mut review = review(6);
    review.rebuild = Rebuild { identical: true, requests: RequestsFrom::Bundle, made_by: None, differences: vec![] };
    review.comparison = None;
    review.findings.clear();
    review.skipped.clear();
    review
}

/// Texts that set `window.sentinel`, load something or hide something, where they become more than text.
const HOSTILE: [&str; 9] = [
    "<script>window.sentinel=1</script>",
    "</script></style></title><script>window.sentinel=2</script>",
    "<img src=x onerror=window.sentinel=3>",
    "\" onmouseover=\"window.sentinel=4\" autofocus onfocus=\"window.sentinel=5",
    "javascript:window.sentinel=6",
    "</code></td></tr></table><svg onload=window.sentinel=7><a href=https://example.com>",
    "<iframe srcdoc='<script>top.sentinel=8</script>'></iframe><base href=https://example.com>",
    "<!-- <style>*{display:none}</style>",
    "\0\u{202e}evil\u{2066}\u{200b}\u{1b}[2J",
];

/// A review whose every free text is hostile.
pub(crate) fn hostile() -> Review {
    let mut review = review(6);
    let mut texts = HOSTILE.into_iter().cycle();
    let mut set = |value: &mut String| texts.next().unwrap().clone_into(value);
    let bundle = &mut review.bundle;
    [&mut bundle.name, &mut bundle.account_id, &mut bundle.partition, &mut bundle.region]
        .into_iter()
        .for_each(&mut set);
    bundle.issuer_url.iter_mut().for_each(&mut set);
    for key in &mut review.keys {
        [&mut key.kid, &mut key.key].into_iter().for_each(&mut set);
    }
    for signer in &mut review.signers {
        [&mut signer.role, &mut signer.key, &mut signer.trusted_comment].into_iter().for_each(&mut set);
    }
    for difference in &mut review.rebuild.differences {
        [&mut difference.entry, &mut difference.message].into_iter().for_each(&mut set);
        difference.role.iter_mut().chain(&mut difference.expected).chain(&mut difference.found).for_each(&mut set);
    }
    for role in &mut review.roles {
        [&mut role.role, &mut role.request, &mut role.namespace, &mut role.secret].into_iter().for_each(&mut set);
        role.service_accounts.iter_mut().chain(&mut role.boundary).for_each(&mut set);
        role.statements.iter_mut().for_each(|statement| hostile_statement(statement, &mut set));
    }
    for finding in &mut review.findings {
        [&mut finding.message, &mut finding.advice].into_iter().for_each(&mut set);
        finding.role.iter_mut().for_each(&mut set);
        if let Some(accepted) = &mut finding.accepted {
            [&mut accepted.by, &mut accepted.reason].into_iter().for_each(&mut set);
        }
    }
    let comparison = review.comparison.as_mut().unwrap();
    for list in [&mut comparison.keys, &mut comparison.audiences, &mut comparison.tags] {
        list.came.iter_mut().chain(&mut list.went).for_each(&mut set);
    }
    for role in &mut comparison.roles {
        [&mut role.role, &mut role.secret].into_iter().for_each(&mut set);
        role.changes.iter_mut().for_each(|change| set(&mut change.value));
        role.undecided.iter_mut().for_each(&mut set);
        role.before.iter_mut().for_each(|statement| hostile_statement(statement, &mut set));
        for witness in &mut role.witnesses {
            [&mut witness.action, &mut witness.resource].into_iter().for_each(&mut set);
            witness.context = [(HOSTILE[0].to_owned(), vec![HOSTILE[2].to_owned()])].into();
        }
    }
    [&mut review.action_data.version, &mut review.action_data.date].into_iter().for_each(&mut set);
    review
}

fn hostile_statement(statement: &mut Statement, set: &mut impl FnMut(&mut String)) {
    set(&mut statement.resource);
    let conditions = serde_json::json!({"StringLike": {HOSTILE[0]: [HOSTILE[2], HOSTILE[3]]}});
    statement.conditions = Some(serde_json::from_value(conditions).unwrap());
    for service in &mut statement.access {
        set(&mut service.service);
        for level in &mut service.levels {
            set(&mut level.level);
            level.actions.iter_mut().for_each(&mut *set);
        }
    }
}

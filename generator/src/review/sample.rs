//! A review that has something of everything, for the tests of what shows one.

use bundle_schema::documents::index::{Kind, Skipped};
use bundle_schema::documents::policy::{Condition, Effect};
use bundle_schema::documents::settings::{FeatureName, Settings as RecordedSettings};
use bundle_schema::names::{
    Audience, EntryPath, ObjectName, Reason, RoleNaming, RolePath, Sha256, Tag, TagKey, TagValue, Timestamp,
};
use bundle_schema::signature::Signer;

use super::report::{
    Acceptance, ActionDataVersion, Against, BundleComparison, CameAndWent, Change, Changed, Difference, Finding,
    FindingLevel, Identity, Key, LevelAccess, Presence, REVIEW_VERSION, Rebuild, RequestsFrom, Review, Role,
    RoleComparison, ServiceAccess, Settings, Statement, ValueChange, Verdict, Witness,
};

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

fn source(file: &str) -> EntryPath {
    EntryPath::new(format!("credentials-requests/{file}")).unwrap()
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn access(service: &str, levels: &[(&str, &[&str])]) -> ServiceAccess {
    let level =
        |(level, actions): &(&str, &[&str])| LevelAccess { level: (*level).to_owned(), actions: texts(actions) };
    ServiceAccess { service: service.to_owned(), levels: levels.iter().map(level).collect() }
}

fn statement(actions: &[&str], access: Vec<ServiceAccess>, resource: &str, line: usize) -> Statement {
    Statement {
        effect: Effect::Allow,
        actions: Some(texts(actions)),
        not_actions: None,
        access,
        resource: resource.to_owned(),
        conditions: None,
        line: Some(line),
    }
}

fn conditions(json: &str) -> Condition {
    serde_json::from_str(json).unwrap()
}

fn role(name: &str, file: &str, namespace: &str, secret: &str, accounts: &[&str], statements: Vec<Statement>) -> Role {
    Role {
        role: name.to_owned(),
        request: format!("{secret}-request"),
        source: source(file),
        namespace: namespace.to_owned(),
        secret: secret.to_owned(),
        service_accounts: texts(accounts),
        boundary: None,
        statements,
    }
}

fn disks() -> Role {
    let mut grants = statement(
        &["kms:CreateGrant", "kms:Decrypt"],
        vec![access("kms", &[("Permissions management", &["CreateGrant"]), ("Write", &["Decrypt"])])],
        "*",
        28,
    );
    grants.conditions = Some(conditions(r#"{"Bool":{"kms:GrantIsForAWSResource":true}}"#));
    let volumes = statement(
        &["ec2:AttachVolume", "ec2:CreateSnapshot", "ec2:CreateTags", "ec2:Describe*"],
        vec![access(
            "ec2",
            &[("Write", &["AttachVolume", "CreateSnapshot"]), ("Tagging", &["CreateTags"]), ("List", &["Describe*"])],
        )],
        "*",
        17,
    );
    let mut role = role(
        "prod-a-openshift-cluster-csi-drivers-ebs-cloud-credentials",
        "03-disks.yaml",
        "openshift-cluster-csi-drivers",
        "ebs-cloud-credentials",
        &["aws-ebs-csi-driver-operator", "aws-ebs-csi-driver-controller-sa"],
        vec![volumes, grants],
    );
    role.boundary = Some("arn:aws:iam::123456789012:policy/edge".to_owned());
    role
}

fn registry_before() -> Statement {
    let levels: [(&str, &[&str]); 3] =
        [("Write", &["CreateBucket"]), ("Read", &["GetObject"]), ("List", &["ListBucket"])];
    let actions = ["s3:CreateBucket", "s3:GetObject", "s3:ListBucket"];
    statement(&actions, vec![access("s3", &levels)], "arn:aws:s3:::registry-*", 15)
}

fn registry_now() -> Statement {
    let before = registry_before();
    let mut access = before.access;
    let more = LevelAccess { level: "Permissions management".to_owned(), actions: texts(&["PutBucketPolicy"]) };
    access[0].levels.insert(0, more);
    let actions = before.actions.map(|actions| [actions, texts(&["s3:PutBucketPolicy"])].concat());
    Statement { actions, access, resource: "*".to_owned(), ..before }
}

fn registry() -> Role {
    let mut deny =
        statement(&["s3:*"], vec![access("s3", &[("Permissions management", &["*"])])], "arn:aws:s3:::audit-*", 24);
    deny.effect = Effect::Deny;
    role(
        "prod-a-openshift-image-registry-installer-cloud-credentials",
        "01-registry.yaml",
        "openshift-image-registry",
        "installer-cloud-credentials",
        &["cluster-image-registry-operator", "registry"],
        vec![registry_now(), deny],
    )
}

fn everything() -> Role {
    let mut all = statement(&["iam:*"], vec![access("iam", &[("Permissions management", &["*"])])], "*", 9);
    all.actions = None;
    all.not_actions = Some(texts(&["iam:*"]));
    all.access = Vec::new();
    all.line = None;
    role("prod-a-kube-system-odd", "09-odd.yaml", "kube-system", "odd", &["default"], vec![all])
}

fn findings() -> Vec<Finding> {
    vec![
        Finding {
            id: "airlock/not-action",
            level: FindingLevel::Error,
            role: Some("prod-a-kube-system-odd".to_owned()),
            statement: Some(1),
            source: Some(source("09-odd.yaml")),
            line: None,
            message: "it allows every action but iam:*, also those that AWS adds later".to_owned(),
            advice: "list the actions that the component needs".to_owned(),
            accepted: None,
        },
        Finding {
            id: "airlock/unscoped-write",
            level: FindingLevel::Warning,
            role: Some(disks().role),
            statement: Some(1),
            source: Some(source("03-disks.yaml")),
            line: Some(18),
            message: "ec2:AttachVolume may be used on every volume and instance of the account, and could be limited by aws:ResourceTag".to_owned(),
            advice: "ask for a condition on the cluster's tag, or accept it".to_owned(),
            accepted: Some(Acceptance {
                by: "Ada (security)".to_owned(),
                reason: "upstream reverted scoping by tag".to_owned(),
                until: time("2027-01-01T00:00:00Z"),
            }),
        },
        Finding {
            id: "airlock/long-validity",
            level: FindingLevel::Note,
            role: None,
            statement: None,
            source: None,
            line: None,
            message: "the bundle is valid for 200 days".to_owned(),
            advice: "make bundles with --expires-in 30".to_owned(),
            accepted: None,
        },
    ]
}

fn comparison() -> BundleComparison {
    BundleComparison {
        against: Against { name: "prod-a".to_owned(), serial: 3, sha256: Sha256::of(b"old") },
        verdict: Verdict::Widened,
        identity: vec![ValueChange { field: "region", old: "us-east-1".to_owned(), new: "us-east-2".to_owned() }],
        keys: CameAndWent { came: texts(&["bmV3LWtleQ"]), went: texts(&["b2xkLWtleQ"]) },
        audiences: CameAndWent::default(),
        thumbprints: CameAndWent::default(),
        tags: CameAndWent { came: texts(&["team=edge"]), went: vec![] },
        roles: vec![
            RoleComparison {
                role: registry().role,
                secret: "openshift-image-registry/installer-cloud-credentials".to_owned(),
                presence: Presence::Both,
                verdict: Verdict::Widened,
                changes: vec![
                    Change {
                        what: Changed::Action,
                        statement: Some(1),
                        came: true,
                        value: "s3:PutBucketPolicy".to_owned(),
                    },
                    Change {
                        what: Changed::Resource,
                        statement: Some(1),
                        came: false,
                        value: "arn:aws:s3:::registry-*".to_owned(),
                    },
                    Change { what: Changed::Resource, statement: Some(1), came: true, value: "*".to_owned() },
                ],
                witnesses: vec![Witness {
                    action: "s3:PutBucketPolicy".to_owned(),
                    resource: "arn:aws:s3:::other".to_owned(),
                    context: [("aws:RequestedRegion".to_owned(), texts(&["us-east-2"]))].into(),
                }],
                undecided: vec![],
                before: vec![registry_before()],
            },
            RoleComparison {
                role: everything().role,
                secret: "kube-system/odd".to_owned(),
                presence: Presence::Came,
                verdict: Verdict::Undecided,
                changes: vec![],
                witnesses: vec![],
                undecided: texts(&[
                    "statement 1: StringLike aws:userid is ${aws:username} depends on a policy variable",
                ]),
                before: vec![],
            },
        ],
    }
}

/// A review with differences, a comparison, findings of each level and a document that was skipped.
pub(crate) fn review() -> Review {
    let tag = |key: &str, value: &str| Tag { key: TagKey::new(key).unwrap(), value: TagValue::new(value).unwrap() };
    Review {
        review_version: REVIEW_VERSION,
        bundle: Identity {
            kind: Kind::Cluster,
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
            expires: time("2027-05-20T00:00:00Z"),
        },
        keys: vec![Key { kid: "bmV3LWtleQ".to_owned(), key: "RSA 4096".to_owned(), signs: true }],
        signers: vec![Signer {
            role: "generator".to_owned(),
            key: "RWQgenerator".to_owned(),
            trusted_comment: "timestamp:1".to_owned(),
        }],
        signatures_checked: true,
        rebuild: Rebuild {
            identical: false,
            requests: RequestsFrom::Bundle,
            made_by: None,
            differences: vec![Difference {
                entry: format!("aws/role-policies/{}.json", registry().role),
                role: Some(registry().role),
                statement: Some(1),
                message: "granted and not asked for: s3:PutBucketPolicy".to_owned(),
                expected: Some("allows s3:CreateBucket, s3:GetObject, s3:ListBucket on *".to_owned()),
                found: Some("allows s3:CreateBucket, s3:GetObject, s3:ListBucket, s3:PutBucketPolicy on *".to_owned()),
            }],
        },
        comparison: Some(comparison()),
        roles: vec![everything(), disks(), registry()],
        findings: findings(),
        skipped: vec![Skipped {
            source: source("04-other.yaml"),
            document: 2,
            request: Some(ObjectName::new("gcp-disks").unwrap()),
            reason: Reason::new("providerSpec is of kind GCPProviderSpec, not AWSProviderSpec").unwrap(),
        }],
        settings: Settings {
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
        },
        action_data: ActionDataVersion { version: "0.1.202610271".to_owned(), date: "2026-10-27".to_owned() },
    }
}

/// The sample with this in every field that takes any text.
pub(crate) fn hostile(value: &str) -> Review {
    let text = || value.to_owned();
    let mut review = review();
    let bundle = &mut review.bundle;
    bundle.issuer_url = Some(text());
    for field in [
        &mut bundle.name,
        &mut bundle.account_id,
        &mut bundle.partition,
        &mut bundle.region,
        &mut review.settings.generator_version,
        &mut review.action_data.version,
        &mut review.action_data.date,
    ] {
        *field = text();
    }
    review.keys = vec![Key { kid: text(), key: text(), signs: true }];
    review.signers = vec![Signer { role: text(), key: text(), trusted_comment: text() }];
    review.rebuild.made_by = Some(text());
    for difference in &mut review.rebuild.differences {
        let statement = difference.statement;
        let (role, expected, found) = (Some(text()), Some(text()), Some(text()));
        *difference = Difference { entry: text(), role, statement, message: text(), expected, found };
    }
    for role in &mut review.roles {
        (role.role, role.request, role.namespace, role.secret) = (text(), text(), text(), text());
        (role.service_accounts, role.boundary) = (vec![text(), text()], Some(text()));
        role.statements.iter_mut().for_each(|statement| hostile_statement(statement, value));
    }
    for finding in &mut review.findings {
        (finding.role, finding.message, finding.advice) = (Some(text()), text(), text());
        finding.accepted = Some(Acceptance { by: text(), reason: text(), until: time("2027-01-01T00:00:00Z") });
    }
    review.comparison = review.comparison.map(|comparison| hostile_comparison(comparison, value));
    review
}

fn hostile_statement(statement: &mut Statement, value: &str) {
    let text = || value.to_owned();
    statement.actions = statement.actions.as_ref().map(|_| vec![text()]);
    statement.not_actions = statement.not_actions.as_ref().map(|_| vec![text()]);
    statement.resource = text();
    for access in &mut statement.access {
        access.service = text();
        for level in &mut access.levels {
            (level.level, level.actions) = (text(), vec![text(), text()]);
        }
    }
    // A condition's text has rules of its own: what it takes is hostile enough.
    let taken: String = value.chars().filter(|taken| matches!(taken, ' '..='~')).collect();
    let block = serde_json::json!({"StringLike": {(taken.clone()): [taken.clone(), taken]}});
    statement.conditions = Some(serde_json::from_value(block).unwrap());
}

fn hostile_comparison(mut comparison: BundleComparison, value: &str) -> BundleComparison {
    let text = || value.to_owned();
    comparison.against.name = text();
    for change in &mut comparison.identity {
        (change.old, change.new) = (text(), text());
    }
    for list in [&mut comparison.keys, &mut comparison.audiences, &mut comparison.tags] {
        *list = CameAndWent { came: vec![text()], went: vec![text()] };
    }
    for role in &mut comparison.roles {
        (role.role, role.secret, role.undecided) = (text(), text(), vec![text()]);
        role.changes.iter_mut().for_each(|change| change.value = text());
        let context = [(text(), vec![text()])].into();
        role.witnesses = vec![Witness { action: text(), resource: text(), context }];
        role.before.iter_mut().for_each(|statement| hostile_statement(statement, value));
    }
    comparison
}

//! The contents of one good bundle: two roles, every optional part in one of them.

use std::time::{SystemTime, UNIX_EPOCH};

use bundle_schema::documents::contents::{BucketDocuments, Contents, IssuerDocuments, RoleDocuments};
use bundle_schema::documents::index::{
    Certificate, Component, Endpoint, Header, Kind, MadeDistribution, Previous, Skipped,
};
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::documents::policy::{
    ActionPattern, Condition, ConditionValue, ConditionValues, Effect, PermissionPolicy, PermissionStatement,
    PolicyText, PolicyVersion, RoleTrustPolicy,
};
use bundle_schema::documents::settings::Settings;
use bundle_schema::documents::{CreateRole, Discovery, DistributionDocuments, Jwks, PutRolePolicy};
use bundle_schema::json::Embedded;
use bundle_schema::names::{EntryPath, IssuerUrl, Reason, RoleNaming, Sha256, Tag, Timestamp, TokenPath};

/// The RSA-2048 key of the good bundle.
pub const RSA_2048: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAw16QYp1VM0yM+9fY60pp
ni2jTz1p36lBH7+1UFFSqrorQlufVLzZH8rIFx8ffmaBNvvXa+NpiT0PwRd8f8MQ
QjXuJOSbOXsQDgjAW8rm3vs+Xjur/FcTMiONZ9a7RnGUEb/i6KI6Kp+rAIaMwQqO
eXZZpoUwqDFTiQMKa+IQA25JaOgr2CTLcEWY6QMnUHn1z02p2gmG0qWlHC0L/c+O
H8hSTK6zqCc1zt2pZZ1XkTatd6GrxKTsRoxmWUkxdjh4Xjy3krBHiasgKMf5V3X4
7FAdVO5zSVe7W03f5IipRYzdV0Qu05Vg+8FbBNSywGKY9tjr0pSwi9sQxlfVBgw2
mwIDAQAB
-----END PUBLIC KEY-----
";

/// A key too short to be used.
pub const RSA_1024: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC2T6Pw+glQMfEv4sfTKJbRi4Wu
HuWVj2mIf6ZV+XNiiD5t1ZBH2xCbY17bWlYvuxZLJ5+vSxaa9CNoVx6Hw/po+AIs
glapaRg/w4JNuGVoqT6zIPKRDE3KrjqLsXmxhaoy3UXpcPMUgEKyVJv9yu5bP/RR
FHNhCZJU4XFYfMwsWwIDAQAB
-----END PUBLIC KEY-----
";

/// A key with the exponent 3.
pub const RSA_EXPONENT_3: &str = "-----BEGIN PUBLIC KEY-----
MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAy0ar7LAdjSupTlMjaKIH
byaXx4NEGu217E+Pf60raJc72vpdxSgcsXnb9kLkgD13mOa8VrU56CQ5ZbKwWO+Y
P2DxmGYdnMMaYhglyQiantCN0N/SzCn73w4BmSfeNl4JnZmBlFIov6ik6Ci5FCyg
SjdxR0m2jcSzjBgMSGWsJCkw7HFOKZ3RXx+qEe4ZG45KNyFSSj45QgOGYRpYgPF3
Dz8bXGaFtaXUl0cOPRtnJlrZ8vMG8ldX+6CQjMxtrwzZRI/jmuOMd+EOMnxRGTTi
ZMiyevzXa6vDKNFrgCPc1RnKGItHNS73IENmwnEekNVimWHEZDenzuUJ2Do/MuLy
pQIBAw==
-----END PUBLIC KEY-----
";

/// A P-256 key.
pub const P256: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzqI/ldq8a6+ZkkP31VpqCwJmF4x8
K6YYnPnO4zCVn1Slk/VhZ3kh2ZRZaAdm5vT9Hy5dLJpYVefpQ6WBybL6SQ==
-----END PUBLIC KEY-----
";

/// A key on a curve that IAM does not take.
pub const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEXQcd+S0Kor0OCab561dzMS9dKhEgrlqS
QsVd0vk0shQaeCMMaERIUhwk2p7AtKDIHoheurvg5pymUijoB/bTrjIX7pJwzLQA
rQcjiLkrCf/WqpF0YSJeZEMcCMYQtA0K
-----END PUBLIC KEY-----
";

/// The request of the good bundle's role with every optional part, and one for another cloud.
const DISK_REQUESTS: &str = "\
apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata: {name: disk}
spec:
  secretRef: {namespace: storage, name: disk-creds}
  serviceAccountNames: [disk-controller, disk-node]
  providerSpec:
    kind: AWSProviderSpec
    statementEntries:
    - {effect: Allow, action: ['ec2:AttachVolume', 'ec2:Describe*'], resource: '*'}
    - effect: Allow
      action: ['kms:CreateGrant']
      resource: '*'
      policyCondition: {Bool: {kms:GrantIsForAWSResource: true}}
---
apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata: {name: disk-gcp}
spec: {providerSpec: {kind: GCPProviderSpec}}
";

/// The request of the good bundle's other role.
const REGISTRY_REQUEST: &str = "\
apiVersion: cloudcredential.openshift.io/v1
kind: CredentialsRequest
metadata: {name: registry}
spec:
  secretRef: {namespace: registry, name: bucket-creds}
  serviceAccountNames: [registry]
  providerSpec:
    kind: AWSProviderSpec
    statementEntries:
    - {effect: Allow, action: ['ec2:AttachVolume', 'ec2:Describe*'], resource: '*'}
    - effect: Allow
      action: ['kms:CreateGrant']
      resource: '*'
      policyCondition: {Bool: {kms:GrantIsForAWSResource: true}}
";

/// What bounds the roles of the good bundle.
const BOUNDARY: &str = "arn:aws:iam::123456789012:policy/boundary";

/// Parses a value that is known to be right.
///
/// # Panics
/// Where it is not.
pub fn parsed<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().expect("the value is right")
}

/// A point in time that is known to be right.
///
/// # Panics
/// Where it is not.
#[must_use]
pub fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("the time is right")
}

/// When the good bundle was made: 200 days ago, and it is valid for as long again.
pub fn created() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_secs();
    let today = i64::try_from(now / 86_400 * 86_400).expect("the clock is right");
    Timestamp::from_unix(today - 200 * 86_400).expect("the clock is right")
}

/// A good bundle's contents: name `prod-a`, serial 7, account 123456789012, eu-central-1.
///
/// # Panics
/// Never: all values are constants.
#[must_use]
pub fn good() -> Contents {
    of_cluster(header())
}

/// What the good bundle's requests and key make with this header.
fn of_cluster(header: Header) -> Contents {
    let public_key = ServiceAccountKey::from_pem(RSA_2048).expect("the key is right");
    let roles = header.components.iter().map(|component| role(&header, component)).collect();
    let audiences = vec![parsed("openshift"), parsed("sts.amazonaws.com")];
    Contents {
        issuer: Some(IssuerDocuments::of(&header, &issuer_url(&header), public_key, Vec::new(), audiences, None)),
        bucket: Some(BucketDocuments::of(&header)),
        distribution: header.has_distribution().then(|| DistributionDocuments::of(&header)),
        roles,
        requests: [("disk.yaml", DISK_REQUESTS), ("registry.yaml", REGISTRY_REQUEST)]
            .map(|(file, text)| (parsed::<EntryPath>(&format!("credentials-requests/{file}")), text.into()))
            .into(),
        header,
    }
}

/// A good bundle of kind `endpoint`: the bucket of `prod-a` is private, and its distribution has no name yet.
///
/// # Panics
/// Never: all values are constants.
#[must_use]
pub fn endpoint() -> Contents {
    let settings = Settings { permissions_boundary_arn: None, ..header().settings };
    let header = Header {
        kind: Kind::Endpoint,
        serial: 6,
        issuer_url: None,
        endpoint: Some(Endpoint::Cloudfront),
        settings,
        components: Vec::new(),
        skipped: Vec::new(),
        ..header()
    };
    Contents {
        issuer: None,
        bucket: Some(BucketDocuments::of(&header)),
        distribution: Some(DistributionDocuments::of(&header)),
        roles: Vec::new(),
        requests: Vec::new(),
        header,
    }
}

/// The ID of the distribution of [`distribution`].
pub const DISTRIBUTION_ID: &str = "EDFDVBD6EXAMPLE";
/// Its name.
pub const DISTRIBUTION_DOMAIN: &str = "d111111abcdef8.cloudfront.net";

/// The good cluster behind the distribution that [`endpoint`] made.
///
/// # Panics
/// Never: all values are constants.
#[must_use]
pub fn distribution() -> Contents {
    of_cluster(Header {
        issuer_url: Some(parsed(&format!("https://{DISTRIBUTION_DOMAIN}"))),
        endpoint: Some(Endpoint::Cloudfront),
        distribution: Some(MadeDistribution {
            id: parsed(DISTRIBUTION_ID),
            domain: parsed(DISTRIBUTION_DOMAIN),
            receipt_sha256: Sha256::of(b"the receipt of the endpoint's apply"),
        }),
        previous: Some(Previous { serial: 6, sha256: Sha256::of(b"the endpoint's bundle") }),
        ..header()
    })
}

/// The certificate of [`own_host`].
pub const CERTIFICATE: &str = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";

/// The good cluster behind a distribution that serves at a host name of its own, below a path.
///
/// # Panics
/// Never: all values are constants.
#[must_use]
pub fn own_host() -> Contents {
    of_cluster(Header {
        issuer_url: Some(parsed("https://oidc.example.com/prod-a")),
        endpoint: Some(Endpoint::Cloudfront),
        certificate: Some(Certificate::Acm(parsed(CERTIFICATE))),
        ..header()
    })
}

/// The good bundle's contents with a second key: the P-256 one is published besides the one that signs.
///
/// # Panics
/// Never: all values are constants.
#[must_use]
pub fn rotating() -> Contents {
    let mut contents = good();
    issuer(&mut contents).further_keys = vec![ServiceAccountKey::from_pem(P256).expect("the key is right")];
    publish(&mut contents);
    contents
}

/// The good bundle's roles for an identity provider that is there already: a bundle of kind `roles`.
#[must_use]
pub fn roles_only() -> Contents {
    let mut contents = good();
    leave_issuer_to_others(&mut contents);
    contents
}

/// Makes a cluster's bundle one of kind `roles`: the issuer stays what it was, and is somebody else's.
pub fn leave_issuer_to_others(contents: &mut Contents) {
    contents.header.audiences = Some(contents.audiences().to_vec());
    contents.header.kind = Kind::Roles;
    contents.header.endpoint = None;
    contents.header.certificate = None;
    contents.header.distribution = None;
    contents.issuer = None;
    contents.bucket = None;
    contents.distribution = None;
}

/// The issuer's URL.
///
/// # Panics
/// Where it has none yet.
#[must_use]
pub fn issuer_url(header: &Header) -> IssuerUrl {
    header.issuer_url.clone().expect("the issuer has a name")
}

/// The documents of a cluster's issuer.
///
/// # Panics
/// Where there are none.
pub fn issuer(contents: &mut Contents) -> &mut IssuerDocuments {
    contents.issuer.as_mut().expect("the bundle is a cluster's")
}

/// The documents that make a private bucket's distribution.
///
/// # Panics
/// Where there are none.
pub fn distribution_documents(contents: &mut Contents) -> &mut DistributionDocuments {
    contents.distribution.as_mut().expect("the bucket is private")
}

/// The documents that make a cluster's bucket.
///
/// # Panics
/// Where there are none.
pub fn bucket(contents: &mut Contents) -> &mut BucketDocuments {
    contents.bucket.as_mut().expect("a public issuer has a bucket")
}

/// Publishes the keys: JWKS and discovery document say what the key files do.
pub fn publish(contents: &mut Contents) {
    let url = issuer_url(&contents.header);
    let issuer = issuer(contents);
    issuer.jwks = Jwks::of(issuer.keys());
    issuer.discovery = Discovery::of(&url, &issuer.jwks);
}

fn header() -> Header {
    let tag = |key: &str, value: &str| Tag { key: parsed(key), value: parsed(value) };
    let component = |request: &str, role: &str, namespace: &str, secret: &str, accounts: &[&str]| Component {
        request: parsed(request),
        source: parsed(&format!("credentials-requests/{request}.yaml")),
        role_name: parsed(role),
        service_accounts: accounts.iter().map(|account| parsed(account)).collect(),
        secret_namespace: parsed(namespace),
        secret_name: parsed(secret),
        token_path: TokenPath::default(),
    };
    Header {
        kind: Kind::Cluster,
        name: parsed("prod-a"),
        serial: 7,
        created: created(),
        expires: created().plus_days(400),
        generator_version: parsed(env!("CARGO_PKG_VERSION")),
        partition: parsed("aws"),
        dns_suffix: parsed("amazonaws.com"),
        region: parsed("eu-central-1"),
        account_id: parsed("123456789012"),
        issuer_url: Some(parsed("https://prod-a-oidc.s3.eu-central-1.amazonaws.com")),
        endpoint: Some(Endpoint::PublicBucket),
        bucket_name: None,
        certificate: None,
        distribution: None,
        former_issuers: Vec::new(),
        audiences: None,
        role_path: parsed("/"),
        tags: vec![
            tag("Name", "prod-a"),
            tag("openshift.io/cloud-credential-operator/prod-a", "owned"),
            tag("team", "payments"),
        ],
        previous: None,
        settings: Settings {
            role_names: RoleNaming::Ccoctl,
            permissions_boundary_arn: Some(parsed(BOUNDARY)),
            feature_set: parsed("Default"),
            feature_gates: None,
            capabilities: None,
            service_accounts: Vec::new(),
        },
        components: vec![
            component("disk", "prod-a-storage-disk-creds", "storage", "disk-creds", &["disk-controller", "disk-node"]),
            component("registry", "prod-a-registry-bucket-creds", "registry", "bucket-creds", &["registry"]),
        ]
        .into_iter()
        .rev()
        .collect(),
        skipped: vec![Skipped {
            source: parsed("credentials-requests/disk.yaml"),
            document: 2,
            request: Some(parsed("disk-gcp")),
            reason: parsed::<Reason>("providerSpec is of kind GCPProviderSpec, not AWSProviderSpec"),
        }],
    }
}

fn role(header: &Header, component: &Component) -> RoleDocuments {
    let statement = |actions: &[&str], condition: Option<Condition>| PermissionStatement {
        effect: Effect::Allow,
        action: Some(actions.iter().map(|action| parsed::<ActionPattern>(action)).collect()),
        not_action: None,
        resource: parsed("*"),
        condition,
    };
    let text = |text: &str| parsed::<PolicyText>(text);
    let grant: Condition = [(
        parsed("Bool"),
        [(text("kms:GrantIsForAWSResource"), ConditionValues::One(ConditionValue::Boolean(true)))].into(),
    )]
    .into();
    RoleDocuments {
        create: CreateRole {
            path: header.role_path.clone(),
            role_name: component.role_name.clone(),
            assume_role_policy_document: Embedded(RoleTrustPolicy::of(header, &component.subjects())),
            description: component.role_description(),
            permissions_boundary: Some(parsed(BOUNDARY)),
            tags: header.tags.clone(),
        },
        policy: PutRolePolicy {
            role_name: component.role_name.clone(),
            policy_name: component.role_name.clone(),
            policy_document: Embedded(PermissionPolicy {
                version: PolicyVersion::V2012,
                statement: vec![
                    statement(&["ec2:AttachVolume", "ec2:Describe*"], None),
                    statement(&["kms:CreateGrant"], Some(grant)),
                ],
            }),
        },
    }
}

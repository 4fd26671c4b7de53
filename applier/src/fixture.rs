//! For tests: one good bundle's contents, and an account in memory that does what an action says.

mod cloudfront;
mod fake;
mod held;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bundle_schema::documents::contents::{BucketDocuments, Contents, IssuerDocuments, RoleDocuments};
use bundle_schema::documents::index::{Endpoint, Header, Kind};
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::documents::policy::{Effect, PermissionPolicy, PermissionStatement, PolicyVersion, RoleTrustPolicy};
use bundle_schema::documents::settings::Settings;
use bundle_schema::documents::{CreateRole, PutRolePolicy};
use bundle_schema::json::Embedded;
use bundle_schema::names::{Audience, BucketName, ClusterName, RoleName, RoleNaming, RolePath, Sha256, Tag, Timestamp};
use bundle_schema::signature::Signer;

use crate::account::issuer::{Published, ReadIssuer, Unread};
use crate::account::live::Tags;
use crate::account::live::{
    BucketState, Caller, ListedRole, LiveBucket, LiveObject, LiveProvider, LiveRecord, LiveRole, LiveState,
    ReadAccount, RoleReading, Scope,
};
use crate::account::{AwsError, CallLog};
use crate::apply::{Patience, WriteAccount};
use crate::plan::Plan;
use crate::plan::action::{Action, Call, Named};
use crate::plan::choices::Choices;
use crate::plan::desired::{self, Desired};
use crate::plan::refusal::Refused;
use crate::record::{Made, MadeProvider, Making, Place, Record, RecordState, RoleId, tags};

pub(crate) use self::cloudfront::{alias_contents, behind_contents, endpoint_contents};
pub(crate) use self::fake::Fake;
pub(crate) use self::held::Held;

/// A public key of minisign.
pub(crate) const SIGNING_KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

const KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEzqI/ldq8a6+ZkkP31VpqCwJmF4x8
K6YYnPnO4zCVn1Slk/VhZ3kh2ZRZaAdm5vT9Hy5dLJpYVefpQ6WBybL6SQ==
-----END PUBLIC KEY-----
";

pub(crate) fn parsed<T: std::str::FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

/// The digest of the bundle in these tests.
pub(crate) fn digest() -> Sha256 {
    Sha256::of(b"bundle")
}

/// A bundle `prod`, serial 7, two roles.
pub(crate) fn contents() -> Contents {
    let tag = |key: &str, value: &str| Tag { key: parsed(key), value: parsed(value) };
    let header = Header {
        kind: Kind::Cluster,
        name: parsed("prod"),
        serial: 7,
        created: Timestamp::from_unix(1_790_000_000).unwrap(),
        expires: Timestamp::from_unix(1_800_000_000).unwrap(),
        generator_version: parsed("0.1.0"),
        partition: parsed("aws"),
        dns_suffix: parsed("amazonaws.com"),
        region: parsed("us-east-2"),
        account_id: parsed("123456789012"),
        issuer_url: Some(parsed("https://prod-oidc.s3.us-east-2.amazonaws.com")),
        endpoint: Some(Endpoint::PublicBucket),
        bucket_name: None,
        certificate: None,
        distribution: None,
        former_issuers: Vec::new(),
        audiences: None,
        role_path: parsed("/"),
        tags: vec![tag("Name", "prod"), tag("openshift.io/cloud-credential-operator/prod", "owned")],
        previous: None,
        settings: Settings {
            role_names: RoleNaming::Ccoctl,
            permissions_boundary_arn: None,
            feature_set: parsed("Default"),
            feature_gates: None,
            capabilities: None,
            service_accounts: Vec::new(),
        },
        components: Vec::new(),
        skipped: Vec::new(),
    };
    let public_key = ServiceAccountKey::from_pem(KEY).unwrap();
    let audiences = vec![parsed("openshift"), parsed("sts.amazonaws.com")];
    Contents {
        issuer: Some(issuer(&header, public_key, audiences)),
        bucket: Some(BucketDocuments::of(&header)),
        distribution: None,
        roles: ["disk", "registry"].map(|name| role(&header, name)).into(),
        requests: Vec::new(),
        header,
    }
}

/// A bundle `addons`, serial 7, two roles for the provider of [`contents`].
pub(crate) fn roles_contents() -> Contents {
    let tag = |key: &str, value: &str| Tag { key: parsed(key), value: parsed(value) };
    let header = Header {
        kind: Kind::Roles,
        name: parsed("addons"),
        endpoint: None,
        audiences: Some(vec![parsed("openshift")]),
        tags: vec![tag("Name", "addons"), tag("openshift.io/cloud-credential-operator/addons", "owned")],
        ..contents().header
    };
    let roles = ["efs", "lb"].map(|name| role(&header, name)).into();
    Contents { header, issuer: None, bucket: None, distribution: None, roles, requests: Vec::new() }
}

/// The cluster of [`contents`], with an issuer that somebody else hosts.
pub(crate) fn hosted_contents() -> Contents {
    let Contents { mut header, issuer, requests, .. } = contents();
    header.issuer_url = Some(parsed("https://oidc.example.com/prod"));
    header.endpoint = Some(Endpoint::Hosted);
    let IssuerDocuments { public_key, provider, .. } = issuer.unwrap();
    let issuer = self::issuer(&header, public_key, provider.client_id_list);
    let roles = ["disk", "registry"].map(|name| role(&header, name)).into();
    Contents { header, issuer: Some(issuer), bucket: None, distribution: None, roles, requests }
}

fn issuer(header: &Header, key: ServiceAccountKey, audiences: Vec<Audience>) -> IssuerDocuments {
    IssuerDocuments::of(header, header.issuer_url.as_ref().unwrap(), key, Vec::new(), audiences, None)
}

/// The account's resources of [`hosted_contents`], which was applied.
pub(crate) fn hosted_held() -> Held {
    let mut held = Held::nothing();
    let plan = plan(&hosted_contents(), &held.state()).unwrap();
    for action in plan.actions() {
        held.perform(action).unwrap();
    }
    let provider = held.provider.as_ref().map(MadeProvider::from);
    let roles = held.roles.iter().map(|(name, role)| (name.clone(), role.id.clone())).collect();
    let record = Record { made: Made { provider, roles, ..Made::default() }, ..record() };
    held.provider().tags.extend(tags::write(&record).0);
    held
}

fn role(header: &Header, name: &str) -> RoleDocuments {
    let role_name: RoleName = parsed(&format!("{}-{name}", header.name));
    let subjects = vec![format!("system:serviceaccount:{name}:operator")];
    RoleDocuments {
        create: CreateRole {
            path: header.role_path.clone(),
            role_name: role_name.clone(),
            assume_role_policy_document: Embedded(RoleTrustPolicy::of(header, &subjects)),
            description: format!("OpenShift role for {name}/creds"),
            permissions_boundary: None,
            tags: header.tags.clone(),
        },
        policy: PutRolePolicy {
            role_name: role_name.clone(),
            policy_name: role_name,
            policy_document: Embedded(PermissionPolicy {
                version: PolicyVersion::V2012,
                statement: vec![PermissionStatement {
                    effect: Effect::Allow,
                    action: Some(vec![parsed("ec2:DescribeVolumes"), parsed("ec2:AttachVolume")]),
                    not_action: None,
                    resource: parsed("*"),
                    condition: None,
                }],
            }),
        },
    }
}

/// The plan of these contents for an account.
pub(crate) fn plan(contents: &Contents, live: &LiveState) -> Result<Plan, Refused> {
    plan_with(contents, live, &Choices::default())
}

/// As [`plan_with`], of a bundle that somebody in this role has signed with [`SIGNING_KEY`].
pub(crate) fn plan_signed_by(role: &str, contents: &Contents, live: &LiveState, choices: &Choices) -> Plan {
    let signer = Signer { role: role.to_owned(), key: SIGNING_KEY.to_owned(), trusted_comment: "t".to_owned() };
    let at = Timestamp::from_unix(0).unwrap();
    Plan::of(&Desired::for_test(contents, &digest()), live, choices, &[signer], at).unwrap()
}

/// As [`plan`], with these choices.
pub(crate) fn plan_with(contents: &Contents, live: &LiveState, choices: &Choices) -> Result<Plan, Refused> {
    Plan::of(&Desired::for_test(contents, &digest()), live, choices, &[], Timestamp::from_unix(0).unwrap())
}

/// The record of these contents, applied.
pub(crate) fn record() -> Record {
    match Held::everything(&contents()).state().record().unwrap().content.clone() {
        Ok(record) => record,
        Err(error) => panic!("{error}"),
    }
}

fn role_id(name: &RoleName) -> RoleId {
    let letters = name.as_str().to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "");
    format!("AROAEXAMPLE0{letters}").try_into().unwrap()
}

/// The account's resources of [`roles_contents`], which was applied.
pub(crate) fn roles_held() -> Held {
    let mut held = Held::everything(&contents());
    held.bucket = BucketState::Absent;
    held.roles.clear();
    held.provider().tags = tag_set(&[("theirs", "1")]);
    let plan = plan(&roles_contents(), &held.state()).unwrap();
    for action in plan.actions() {
        held.perform(action).unwrap();
    }
    let mut record = Record { made: Made::default(), name: parsed("addons"), ..record() };
    record.made.roles = held.roles.iter().map(|(name, role)| (name.clone(), role.id.clone())).collect();
    held.provider().tags.extend(tags::write(&record).0);
    held
}

/// What is read of an account for a bundle.
pub(crate) fn read(contents: &Contents, held: &Held) -> LiveState {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(LiveState::read(&Arc::new(Fake::new(held.clone())), contents, None, Scope::Whole)).unwrap()
}

/// What a call makes of an account.
pub(crate) fn perform(held: &mut Held, action: &Action) {
    held.perform(action).unwrap();
}

/// When IAM made everything that is there.
fn made() -> Timestamp {
    Timestamp::from_unix(1_790_000_000).unwrap()
}

/// Tags as a map.
pub(crate) fn tag_set(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

//! The least IAM policy with which a bundle can be planned, applied or deleted.
//!
//! Input: a bundle that was admitted, and what is to be done with it. Output: policy documents for the identity that runs this
//! program, each within the size of a managed policy. Every action has the exact resources of the bundle; S3's, whose ARNs name
//! no account, have the account as a condition, and what makes a role has the boundary where the bundle has one. Sources: AWS
//! service authorization reference (IAM, S3, CloudFront); S3 API reference, CreateBucket and PutObject, for what a call needs besides.

mod cloudfront;

use bundle_schema::documents::contents::{Contents, public_keys};
use bundle_schema::documents::former::FormerIssuer;
use bundle_schema::documents::index::{Header, Kind};
use serde::Serialize;
use serde_json::{Value, json};

use crate::record::{self, RECORD_KEY};

/// What is to be done with a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Purpose {
    /// `plan`: reading alone
    Plan,
    /// `plan` and `apply`
    Apply,
    /// `delete`
    Delete,
}

impl Purpose {
    /// What it takes besides reading.
    fn of(self, apply: Actions, delete: Actions) -> Actions {
        match self {
            Self::Plan => &[],
            Self::Apply => apply,
            Self::Delete => delete,
        }
    }
}

/// The most characters of a managed policy, white space not counted [IAM quotas].
const MAX_POLICY_CHARS: usize = 6_144;

type Actions = &'static [&'static str];

/// What says whose the bucket is, and what keeps what it holds.
const READ_BUCKET: Actions = &[
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:ListBucket",
];
/// Its other settings, which a deletion does not look at.
const READ_SETTINGS: Actions = &[
    "s3:GetBucketAbac",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketWebsite",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
];
/// Making it and its settings. CreateBucket takes tags (`TagResource`) and the ownership of objects along.
const WRITE_BUCKET: Actions = &[
    "s3:CreateBucket",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:TagResource",
];
/// What an endpoint, which has nothing to be read, does without.
const WRITE_BUCKET_POLICY: Actions = &["s3:PutBucketPolicy"];
const READ_OBJECTS: Actions = &["s3:GetObject", "s3:GetObjectTagging"];
/// PutObject takes tags along.
const WRITE_OBJECTS: Actions = &["s3:PutObject", "s3:PutObjectTagging"];
/// Whether a former issuer's bucket is there.
const FIND_BUCKET: Actions = &["s3:ListBucket"];
/// The record alone.
const READ_RECORD: Actions = &["s3:GetObject"];
const READ_PROVIDER: Actions = &["iam:GetOpenIDConnectProvider"];
/// Making the provider takes tags along.
const WRITE_PROVIDER: Actions = &[
    "iam:AddClientIDToOpenIDConnectProvider",
    "iam:CreateOpenIDConnectProvider",
    "iam:RemoveClientIDFromOpenIDConnectProvider",
    "iam:TagOpenIDConnectProvider",
    "iam:UpdateOpenIDConnectProviderThumbprint",
];
const READ_ROLES: Actions =
    &["iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"];
/// Making a role takes tags along.
const WRITE_ROLES: Actions = &["iam:PutRolePolicy", "iam:TagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole"];
/// What gives a role its boundary, and so can be limited to the right one.
const BOUND_ROLES: Actions = &["iam:CreateRole", "iam:PutRolePermissionsBoundary"];
/// What a bundle without a boundary needs: a boundary that somebody else set goes.
const UNBOUND_ROLES: Actions = &["iam:CreateRole", "iam:DeleteRolePermissionsBoundary"];
/// `--prune`: policies of others on the cluster's roles go.
const PRUNE_ROLES: Actions = &["iam:DeleteRolePolicy", "iam:DetachRolePolicy"];

/// Which roles there are: IAM limits it to no resource.
const LIST_ROLES: Actions = &["iam:ListRoles"];
/// `--prune`: roles of the cluster that the bundle no longer has go.
const PRUNE_ORPHANS: Actions = &["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"];
/// What `delete` looks for and does besides reading.
const DELETE_BUCKET: Actions = &["s3:DeleteBucket", "s3:ListBucketVersions"];
const DELETE_OBJECTS: Actions = &["s3:DeleteObject", "s3:DeleteObjectVersion"];
const DELETE_RECORDED_PROVIDER: Actions = &["iam:DeleteOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"];
const DELETE_PROVIDER: Actions = &["iam:DeleteOpenIDConnectProvider"];
/// The record of a bundle without an issuer stands in tags of the provider, and nothing else of it is changed.
const WRITE_TAGS: Actions = &["iam:TagOpenIDConnectProvider"];
const DELETE_TAGS: Actions = &["iam:TagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider"];
const DELETE_ROLES: Actions = &["iam:DeleteRole", "iam:DeleteRolePolicy", "iam:ListInstanceProfilesForRole"];
/// `delete --prune`: attached policies of others go; inline ones need no more than the role's own.
const PRUNE_DELETED_ROLES: Actions = &["iam:DetachRolePolicy"];

/// One policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

impl Statement {
    fn chars(&self) -> usize {
        // A comma behind it.
        serde_json::to_string(self).map_or(usize::MAX, |text| text.chars().count() + 1)
    }

    /// Two statements, each about half of the resources; none where there is one resource.
    fn halves(&self) -> Option<[Self; 2]> {
        let (first, second) =
            self.resource.split_at_checked(self.resource.len() / 2).filter(|(half, _)| !half.is_empty())?;
        Some([first, second].map(|half| Self { resource: half.to_vec(), ..self.clone() }))
    }
}

/// The documents: as few as fit all.
#[must_use]
pub fn policies(contents: &Contents, purpose: Purpose, prune: bool) -> Vec<PolicyDocument> {
    pack(statements(contents, purpose, prune))
}

fn statements(contents: &Contents, purpose: Purpose, prune: bool) -> Vec<Statement> {
    let header = &contents.header;
    let roles: Vec<String> = header.components.iter().map(|role| header.role_arn(&role.role_name)).collect();
    let of = |apply: Actions, delete: Actions| purpose.of(apply, delete);
    // Roles of earlier bundles are named by no document: only their names begin as all of the cluster's do.
    let orphans =
        format!("arn:{}:iam::{}:role{}{}-*", header.partition, header.account_id, header.role_path, header.name);
    let mut statements = match header.kind {
        Kind::Cluster => issuer(header, purpose),
        Kind::Roles => tags(header, purpose),
        // No provider and no roles.
        Kind::Endpoint => {
            let private = bucket(header, purpose, Vec::new());
            return private.into_iter().chain(cloudfront::statements(header, purpose)).collect();
        }
    };
    statements.extend(header.former_issuers.iter().flat_map(|former| former_issuer(header, former, purpose)));
    statements.extend(header.has_distribution().then(|| cloudfront::statements(header, purpose)).into_iter().flatten());
    statements.extend([
        allow(&[READ_ROLES, of(WRITE_ROLES, DELETE_ROLES)], &roles, None),
        allow(&[LIST_ROLES], &["*".to_owned()], None),
        allow(&[READ_ROLES], std::slice::from_ref(&orphans), None),
    ]);
    match (purpose, &header.settings.permissions_boundary_arn) {
        (Purpose::Plan | Purpose::Delete, _) => {}
        (Purpose::Apply, None) => statements.push(allow(&[UNBOUND_ROLES], &roles, None)),
        (Purpose::Apply, Some(boundary)) => {
            let condition = json!({"ArnEquals": {"iam:PermissionsBoundary": boundary}});
            statements.push(allow(&[BOUND_ROLES], &roles, Some(condition)));
        }
    }
    if prune && purpose != Purpose::Plan {
        statements.push(allow(&[of(PRUNE_ROLES, PRUNE_DELETED_ROLES)], &roles, None));
        statements.push(allow(&[PRUNE_ORPHANS], &[orphans], None));
    }
    statements
}

fn allow(action: &[Actions], resource: &[String], condition: Option<Value>) -> Statement {
    Statement { effect: "Allow", action: action.concat(), resource: resource.to_vec(), condition }
}

/// The bucket with what it holds, and the identity provider.
fn issuer(header: &Header, purpose: Purpose) -> Vec<Statement> {
    let of = |apply: Actions, delete: Actions| purpose.of(apply, delete);
    let provider: Vec<String> = header.provider_arn().into_iter().collect();
    if !header.has_bucket() {
        // The provider's own tags hold the record, which says first that its cluster is being deleted.
        return vec![allow(&[READ_PROVIDER, of(WRITE_PROVIDER, DELETE_RECORDED_PROVIDER)], &provider, None)];
    }
    let mut statements = bucket(header, purpose, public_keys(header));
    statements.push(allow(&[READ_PROVIDER, of(WRITE_PROVIDER, DELETE_PROVIDER)], &provider, None));
    statements
}

/// The bucket with these documents and the record.
fn bucket(header: &Header, purpose: Purpose, keys: Vec<String>) -> Vec<Statement> {
    let of = |apply: Actions, delete: Actions| purpose.of(apply, delete);
    let policy = if keys.is_empty() { &[] } else { WRITE_BUCKET_POLICY };
    let bucket = format!("arn:{}:s3:::{}", header.partition, header.bucket());
    let record = format!("{bucket}/{RECORD_KEY}");
    let mut objects: Vec<String> = keys.into_iter().map(|key| format!("{bucket}/{key}")).collect();
    objects.push(record.clone());
    let account = || Some(account(header));
    if purpose == Purpose::Delete {
        return vec![
            allow(&[READ_BUCKET, DELETE_BUCKET], &[bucket], account()),
            allow(&[DELETE_OBJECTS], &objects, account()),
            // The record says first that its cluster is being deleted.
            allow(&[READ_RECORD, WRITE_OBJECTS], &[record], account()),
        ];
    }
    vec![
        allow(&[READ_BUCKET, READ_SETTINGS, of(WRITE_BUCKET, &[]), of(policy, &[])], &[bucket], account()),
        allow(&[READ_OBJECTS, of(WRITE_OBJECTS, &[])], &objects, account()),
    ]
}

/// Somebody else's identity provider, and the record in its tags: no tag may be set or removed but those of this bundle.
fn tags(header: &Header, purpose: Purpose) -> Vec<Statement> {
    let provider: Vec<String> = header.provider_arn().into_iter().collect();
    let mut statements = vec![allow(&[READ_PROVIDER], &provider, None)];
    if purpose != Purpose::Plan {
        statements.push(allow(&[purpose.of(WRITE_TAGS, DELETE_TAGS)], &provider, Some(own_tags(header))));
    }
    statements
}

/// The record of an issuer that the cluster had before, and whether its provider is there.
fn former_issuer(header: &Header, former: &FormerIssuer, purpose: Purpose) -> Vec<Statement> {
    let provider = [header.provider_arn_of(&former.issuer_url)];
    let mut statements = vec![allow(&[READ_PROVIDER], &provider, None)];
    match former.bucket(header) {
        Some(bucket) => {
            let bucket = format!("arn:{}:s3:::{bucket}", header.partition);
            let record = format!("{bucket}/{RECORD_KEY}");
            statements.push(allow(&[FIND_BUCKET], &[bucket], Some(account(header))));
            statements.push(allow(&[READ_RECORD, purpose.of(WRITE_OBJECTS, &[])], &[record], Some(account(header))));
        }
        None if purpose == Purpose::Apply => {
            statements.push(allow(&[WRITE_TAGS], &provider, Some(own_tags(header))));
        }
        None => {}
    }
    statements
}

/// The tags of this bundle's record, and no others.
fn own_tags(header: &Header) -> Value {
    let key = record::tags::key(&header.name);
    // Without the second, a request that names no tag would do as well.
    json!({
        "ForAllValues:StringLike": {"aws:TagKeys": [key.clone(), format!("{key}/*")]},
        "Null": {"aws:TagKeys": "false"},
    })
}

/// A bucket's ARN names no account: without this, a bucket of that name in another account would do as well.
fn account(header: &Header) -> Value {
    json!({"StringEquals": {"s3:ResourceAccount": header.account_id}})
}

/// Puts statements into documents, in their order; what is too long for one is divided by its resources.
fn pack(statements: Vec<Statement>) -> Vec<PolicyDocument> {
    let new = || PolicyDocument { version: "2012-10-17", statement: Vec::new() };
    let room = MAX_POLICY_CHARS - serde_json::to_string(&new()).map_or(0, |text| text.chars().count());
    let mut waiting: Vec<Statement> = statements.into_iter().rev().collect();
    let (mut documents, mut left) = (vec![new()], room);
    while let Some(statement) = waiting.pop() {
        let chars = statement.chars();
        if chars > room
            && let Some([first, second]) = statement.halves()
        {
            waiting.extend([second, first]);
            continue;
        }
        if chars > left {
            documents.push(new());
            left = room;
        }
        left = left.saturating_sub(chars);
        if let Some(document) = documents.last_mut() {
            document.statement.push(statement);
        }
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_document_has_the_size_of_a_managed_policy_at_most() {
        let roles: Vec<String> =
            (0..1000).map(|number| format!("arn:aws:iam::123456789012:role/prod-role-{number:04}")).collect();
        let statement = |action: &[&'static str], resource: &[String]| Statement {
            effect: "Allow",
            action: action.to_vec(),
            resource: resource.to_vec(),
            condition: None,
        };
        let documents = pack(vec![
            statement(READ_BUCKET, &["arn:aws:s3:::prod-oidc".to_owned()]),
            statement(READ_ROLES, &roles),
            statement(PRUNE_ROLES, &roles[..3]),
        ]);
        let chars = |document: &PolicyDocument| serde_json::to_string(document).unwrap().chars().count();
        assert!(documents.iter().all(|document| chars(document) <= MAX_POLICY_CHARS));
        let of = |action: &[&str]| -> Vec<String> {
            let statements = documents.iter().flat_map(|document| &document.statement);
            statements.filter(|statement| statement.action == action).flat_map(|s| s.resource.clone()).collect()
        };
        assert_eq!(of(READ_ROLES), roles);
        assert_eq!(of(PRUNE_ROLES), roles[..3]);
        assert!(documents.len() <= 16, "{}", documents.len());
    }

    #[test]
    fn roles_for_a_provider_of_somebody_else_need_nothing_of_a_bucket() {
        let contents = fixture::roles_contents();
        let provider = contents.header.provider_arn().unwrap();
        let of = |purpose| {
            let mut documents = policies(&contents, purpose, true);
            assert_eq!(documents.len(), 1);
            documents.remove(0).statement
        };
        for purpose in [Purpose::Plan, Purpose::Apply, Purpose::Delete] {
            assert!(
                of(purpose).iter().flat_map(|statement| &statement.action).all(|action| action.starts_with("iam:"))
            );
        }
        let tags = |purpose| {
            let statements = of(purpose).into_iter().filter(|statement| statement.resource == [provider.clone()]);
            statements.skip(1).map(|statement| (statement.action, statement.condition.unwrap())).collect::<Vec<_>>()
        };
        let condition = json!({
            "ForAllValues:StringLike": {"aws:TagKeys": ["sts-airlock/record/addons", "sts-airlock/record/addons/*"]},
            "Null": {"aws:TagKeys": "false"},
        });
        assert_eq!(tags(Purpose::Plan), []);
        assert_eq!(tags(Purpose::Apply), [(vec!["iam:TagOpenIDConnectProvider"], condition.clone())]);
        let both = vec!["iam:TagOpenIDConnectProvider", "iam:UntagOpenIDConnectProvider"];
        assert_eq!(tags(Purpose::Delete), [(both, condition)]);
    }

    #[test]
    fn an_issuer_that_somebody_else_hosts_needs_nothing_of_a_bucket() {
        let contents = fixture::hosted_contents();
        let of = |purpose| -> Vec<&str> {
            let statements = policies(&contents, purpose, true).remove(0).statement;
            assert!(statements.iter().flat_map(|statement| &statement.action).all(|action| action.starts_with("iam:")));
            let provider = [contents.header.provider_arn().unwrap()];
            let about = statements.into_iter().filter(|statement| statement.resource == provider);
            about.flat_map(|statement| statement.action).collect()
        };
        assert_eq!(of(Purpose::Plan), READ_PROVIDER);
        assert_eq!(of(Purpose::Apply), [READ_PROVIDER, WRITE_PROVIDER].concat());
        let delete =
            ["iam:GetOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"];
        assert_eq!(of(Purpose::Delete), delete);
    }

    #[test]
    fn a_small_bundle_needs_one_document_and_reading_needs_less() {
        let contents = fixture::contents();
        let actions = |purpose, prune| -> Vec<&str> {
            let documents = policies(&contents, purpose, prune);
            assert_eq!(documents.len(), 1);
            documents[0].statement.iter().flat_map(|statement| statement.action.clone()).collect()
        };
        let (plan, apply, prune) =
            (actions(Purpose::Plan, false), actions(Purpose::Apply, false), actions(Purpose::Apply, true));
        assert!(plan.iter().all(|action| apply.contains(action)) && apply.iter().all(|action| prune.contains(action)));
        assert!(plan.iter().all(|action| action.contains(":Get") || action.contains(":List")), "{plan:?}");
        assert!(prune.contains(&"iam:DetachRolePolicy") && !apply.contains(&"iam:DetachRolePolicy"));
    }
}

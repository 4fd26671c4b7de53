//! One writing call to AWS, with everything that is sent and everything that it replaces.
//!
//! An action is the one value that a plan prints, digests and executes.

mod input;
mod kind;
mod names;
mod order;

use std::fmt;

use bundle_schema::documents::policy::RoleTrustPolicy;
use bundle_schema::documents::{
    CreateBucket, CreateDistributionWithTags, CreateOpenIdConnectProvider, CreateOriginAccessControl, CreateRole,
    ObjectOwnership, OriginAccessControlConfig, PublicAccessBlock, PutBucketPolicy, PutPublicAccessBlock,
    PutRolePolicy,
};
use bundle_schema::escape::EscapedWhole;
use bundle_schema::json::Embedded;
use bundle_schema::names::{
    AccessControlId, Audience, BoundaryArn, BucketName, DistributionId, IssuerUrl, RoleName, Thumbprint, Timestamp,
};
use bundle_schema::receipt::Change;
use serde::{Serialize, Serializer};
use serde_json::Value;

pub(crate) use self::input::{NewObject, Object, RecordVersion, RoleSettings};
pub(crate) use self::names::{Named, Names};
pub(crate) use self::order::{Stage, Waits};

use crate::account::live::Tags;
use crate::account::live::cloudfront::{AccessControlSettings, DistributionSettings};
use crate::record::{Made, Making, Place, RoleId};

/// What stands in an ARN for the ID that CloudFront has not given yet.
pub(crate) const UNNAMED: &str = "*";

/// One writing call and the resource that it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Action {
    /// The ARN of the resource.
    pub(crate) resource: String,
    /// What is sent.
    pub(crate) call: Call,
}

/// The resource, the call's name, and its input.
impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            resource: &'a str,
            call: &'static str,
            #[serde(flatten)]
            input: &'a Call,
        }
        Wire { resource: &self.resource, call: self.name(), input: &self.call }.serialize(serializer)
    }
}

/// A writing call's input. `input` is the bundle's document as it stands there; `before` is what AWS holds now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(crate) enum Call {
    /// With the bucket's tags; where they are not allowed with this call, they follow at once (`s3:PutBucketTagging`).
    CreateBucket {
        input: CreateBucket,
        tags: Tags,
    },
    /// The record says what is about to be made, and what is the cluster's already. Written only over the version that was read.
    OpenRecord {
        place: Place,
        before: Option<RecordVersion>,
        known: Made,
        making: Making,
    },
    /// The record says that everything is done, with the identities of what was made: the identity
    /// provider too, where it is the bundle's own.
    CloseRecord {
        place: Place,
        provider_arn: Option<String>,
    },
    /// The record of an issuer that the cluster had before says that its roles are the new issuer's. Written only over the version that was read.
    HandOver {
        place: Place,
        before: RecordVersion,
        known: Made,
        from: IssuerUrl,
        to: IssuerUrl,
    },
    /// The whole set of the bucket's tags; serial and digest of the bundle are among them, for people.
    TagBucket {
        bucket: BucketName,
        before: Tags,
        after: Tags,
    },
    SetOwnership {
        bucket: BucketName,
        before: Option<String>,
        after: ObjectOwnership,
    },
    BlockPublicAccess {
        input: PutPublicAccessBlock,
        before: Option<PublicAccessBlock>,
    },
    SetBucketPolicy {
        input: PutBucketPolicy,
        before: Option<String>,
    },
    /// CloudFront names it.
    CreateAccessControl {
        input: CreateOriginAccessControl,
    },
    UpdateAccessControl {
        id: AccessControlId,
        etag: String,
        before: AccessControlSettings,
        after: OriginAccessControlConfig,
    },
    /// With its tags. The access control is added to the origin; none where it is about to be made.
    CreateDistribution {
        input: CreateDistributionWithTags,
        access_control: Option<AccessControlId>,
    },
    /// All settings that a bundle's distribution has; what else there is of it stays.
    UpdateDistribution {
        id: DistributionId,
        etag: String,
        before: Box<DistributionSettings>,
        after: Box<DistributionSettings>,
    },
    /// Only the tags that change.
    TagDistribution {
        before: Tags,
        after: Tags,
    },
    PutObject {
        bucket: BucketName,
        before: Option<Object>,
        after: NewObject,
    },
    CreateProvider {
        input: CreateOpenIdConnectProvider,
        tags: Tags,
    },
    AddClientId {
        client_id: Audience,
    },
    RemoveClientId {
        client_id: String,
    },
    SetThumbprints {
        before: Vec<String>,
        after: Vec<Thumbprint>,
    },
    /// Only the tags that change.
    TagProvider {
        before: Tags,
        after: Tags,
    },
    CreateRole {
        input: CreateRole,
    },
    SetTrustPolicy {
        role: RoleName,
        before: String,
        after: Embedded<RoleTrustPolicy>,
    },
    /// Both settings: IAM resets the one that is left out.
    UpdateRole {
        role: RoleName,
        before: RoleSettings,
        after: RoleSettings,
    },
    SetBoundary {
        role: RoleName,
        before: Option<String>,
        after: BoundaryArn,
    },
    RemoveBoundary {
        role: RoleName,
        before: String,
    },
    /// Only the tags that change.
    TagRole {
        role: RoleName,
        before: Tags,
        after: Tags,
    },
    SetRolePolicy {
        input: PutRolePolicy,
        before: Option<String>,
    },
    /// A policy of others, with `--prune`.
    DetachPolicy {
        role: RoleName,
        policy_arn: String,
    },
    /// A policy of others, with `--prune`, or one of a role that is deleted.
    DeletePolicy {
        role: RoleName,
        policy_name: String,
    },
    /// The record says that what it knows is about to be deleted. Written only over the version that was read.
    OpenRemoval {
        place: Place,
        before: Option<RecordVersion>,
        known: Made,
    },
    /// A role that has no policy any more. IAM goes by the name; the ID is the one that was read.
    DeleteRole {
        role_name: RoleName,
        role_id: RoleId,
    },
    DeleteProvider {
        created: Timestamp,
    },
    /// Before it can be deleted, everywhere it has to answer no more.
    DisableDistribution {
        id: DistributionId,
        etag: String,
    },
    DeleteDistribution {
        id: DistributionId,
    },
    DeleteAccessControl {
        id: AccessControlId,
        etag: String,
    },
    /// In a bucket that never kept versions.
    DeleteObject {
        bucket: BucketName,
        key: String,
    },
    /// Versions and delete markers of one object, at most a thousand.
    DeleteVersions {
        bucket: BucketName,
        key: String,
        version_ids: Vec<String>,
    },
    /// The record, last of all but the bucket; with its versions, where the bucket keeps them.
    DeleteRecord {
        place: Place,
        versions: bool,
    },
    DeleteBucket {
        bucket: BucketName,
    },
}

/// An action as a plan's JSON has it.
#[derive(Serialize)]
pub(crate) struct Changed<'a> {
    change: Change,
    #[serde(flatten)]
    action: &'a Action,
}

/// `iam:CreateRole role prod-registry`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = match &self.call {
            Call::PutObject { after, .. } => after.key.clone(),
            Call::DeleteObject { key, .. } | Call::DeleteVersions { key, .. } => key.clone(),
            Call::OpenRecord { place, .. }
            | Call::CloseRecord { place, .. }
            | Call::HandOver { place, .. }
            | Call::OpenRemoval { place, .. }
            | Call::DeleteRecord { place, .. } => place.key(),
            _ => resource_name(&self.resource),
        };
        write!(f, "{} {}", self.name(), EscapedWhole(&subject))
    }
}

/// A resource in words, from its ARN; an object belongs to its bucket.
pub(crate) fn resource_name(arn: &str) -> String {
    let rest = arn.splitn(6, ':').last().unwrap_or_default();
    if let Some(host) = rest.strip_prefix("oidc-provider/") {
        return format!("identity provider {host}");
    }
    let named = |what: &str, id: &str| if id == UNNAMED { what.to_owned() } else { format!("{what} {id}") };
    if let Some(id) = rest.strip_prefix("distribution/") {
        return named("distribution", id);
    }
    if let Some(id) = rest.strip_prefix("origin-access-control/") {
        return named("origin access control", id);
    }
    match rest.strip_prefix("role/") {
        Some(path) => format!("role {}", path.rsplit('/').next().unwrap_or_default()),
        None => format!("bucket {}", rest.split('/').next().unwrap_or_default()),
    }
}

impl Action {
    pub(crate) fn changed(&self) -> Changed<'_> {
        Changed { change: self.change(), action: self }
    }

    /// Its JSON.
    pub(crate) fn to_value(&self) -> Value {
        // Fails only for maps with keys that are not strings; no action has one.
        serde_json::to_value(self.changed()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(resource: &str, call: Call) -> Action {
        Action { resource: resource.to_owned(), call }
    }

    #[test]
    fn the_name_is_the_one_in_json() {
        let tag = action("r", Call::TagProvider { before: Tags::new(), after: Tags::new() });
        let json = serde_json::to_value(&tag).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"resource": "r", "call": "iam:TagOpenIDConnectProvider", "before": {}, "after": {}})
        );
        assert_eq!(tag.name(), "iam:TagOpenIDConnectProvider");
    }

    #[test]
    fn resources_have_names() {
        for (arn, name) in [
            ("arn:aws:s3:::prod-oidc", "bucket prod-oidc"),
            ("arn:aws:s3:::prod-oidc/openid/v1/jwks", "bucket prod-oidc"),
            ("arn:aws:iam::123456789012:role/team/prod-disk", "role prod-disk"),
            ("arn:aws:iam::123456789012:oidc-provider/id.example.com/a", "identity provider id.example.com/a"),
            ("arn:aws:cloudfront::123456789012:distribution/*", "distribution"),
            ("arn:aws:cloudfront::123456789012:distribution/E1ABCDE", "distribution E1ABCDE"),
            ("arn:aws:cloudfront::123456789012:origin-access-control/E1ABCDE", "origin access control E1ABCDE"),
        ] {
            assert_eq!(resource_name(arn), name);
        }
    }
}

//! One writing call to AWS, with everything that is sent and everything that it replaces.
//!
//! An action is the one value that a plan prints, digests and executes.

mod input;
mod order;

use std::fmt;

use bundle_schema::documents::policy::RoleTrustPolicy;
use bundle_schema::documents::{
    CreateBucket, CreateOpenIdConnectProvider, CreateRole, ObjectOwnership, PublicAccessBlock, PutBucketPolicy,
    PutPublicAccessBlock, PutRolePolicy,
};
use bundle_schema::escape::EscapedWhole;
use bundle_schema::json::Embedded;
use bundle_schema::names::{Audience, BoundaryArn, BucketName, RoleName, Thumbprint, Timestamp};
use bundle_schema::receipt::{CallName, Change};
use serde::{Serialize, Serializer};
use serde_json::Value;

pub(crate) use self::input::{NewObject, Object, RecordVersion, RoleSettings};

use crate::account::live::Tags;
use crate::record::{Made, Making, Place, RoleId};

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

    pub(crate) fn change(&self) -> Change {
        let is_new = match &self.call {
            Call::CreateBucket { .. } | Call::CreateProvider { .. } | Call::CreateRole { .. } => true,
            Call::TagBucket { before, .. } => before.is_empty(),
            Call::BlockPublicAccess { before, .. } => before.is_none(),
            Call::SetOwnership { before, .. }
            | Call::SetBucketPolicy { before, .. }
            | Call::SetRolePolicy { before, .. } => before.is_none(),
            Call::PutObject { before, .. } => before.is_none(),
            Call::OpenRecord { before, .. } | Call::OpenRemoval { before, .. } => before.is_none(),
            Call::DeleteRole { .. }
            | Call::DeleteProvider { .. }
            | Call::DeleteObject { .. }
            | Call::DeleteVersions { .. }
            | Call::DeleteRecord { .. }
            | Call::DeleteBucket { .. } => return Change::Delete,
            Call::CloseRecord { .. }
            | Call::DetachPolicy { .. }
            | Call::DeletePolicy { .. }
            | Call::AddClientId { .. }
            | Call::RemoveClientId { .. }
            | Call::SetThumbprints { .. }
            | Call::TagProvider { .. }
            | Call::SetTrustPolicy { .. }
            | Call::UpdateRole { .. }
            | Call::SetBoundary { .. }
            | Call::RemoveBoundary { .. }
            | Call::TagRole { .. } => false,
        };
        if is_new { Change::Create } else { Change::Update }
    }

    /// The API call's name, as IAM policies name the permission for it.
    pub(crate) fn name(&self) -> &'static str {
        self.call_name().as_str()
    }

    /// The same, as a receipt has it.
    pub(crate) fn call_name(&self) -> CallName {
        match &self.call {
            Call::CreateBucket { .. } => CallName::CreateBucket,
            Call::TagBucket { .. } => CallName::PutBucketTagging,
            Call::SetOwnership { .. } => CallName::PutBucketOwnershipControls,
            Call::BlockPublicAccess { .. } => CallName::PutBucketPublicAccessBlock,
            Call::SetBucketPolicy { .. } => CallName::PutBucketPolicy,
            Call::OpenRecord { place, .. } | Call::CloseRecord { place, .. } | Call::OpenRemoval { place, .. } => {
                place.put_call()
            }
            Call::PutObject { .. } => CallName::PutObject,
            Call::CreateProvider { .. } => CallName::CreateOpenIdConnectProvider,
            Call::AddClientId { .. } => CallName::AddClientIdToOpenIdConnectProvider,
            Call::RemoveClientId { .. } => CallName::RemoveClientIdFromOpenIdConnectProvider,
            Call::SetThumbprints { .. } => CallName::UpdateOpenIdConnectProviderThumbprint,
            Call::TagProvider { .. } => CallName::TagOpenIdConnectProvider,
            Call::CreateRole { .. } => CallName::CreateRole,
            Call::SetTrustPolicy { .. } => CallName::UpdateAssumeRolePolicy,
            Call::UpdateRole { .. } => CallName::UpdateRole,
            Call::SetBoundary { .. } => CallName::PutRolePermissionsBoundary,
            Call::RemoveBoundary { .. } => CallName::DeleteRolePermissionsBoundary,
            Call::TagRole { .. } => CallName::TagRole,
            Call::SetRolePolicy { .. } => CallName::PutRolePolicy,
            Call::DetachPolicy { .. } => CallName::DetachRolePolicy,
            Call::DeletePolicy { .. } => CallName::DeleteRolePolicy,
            Call::DeleteRole { .. } => CallName::DeleteRole,
            Call::DeleteProvider { .. } => CallName::DeleteOpenIdConnectProvider,
            Call::DeleteRecord { place, .. } => place.delete_call(),
            Call::DeleteObject { .. } => CallName::DeleteObject,
            Call::DeleteVersions { .. } => CallName::DeleteObjectVersion,
            Call::DeleteBucket { .. } => CallName::DeleteBucket,
        }
    }

    /// Whether it takes something away, so that an answer that it is not there says that it is done.
    pub(crate) fn removes(&self) -> bool {
        let takes = matches!(self.call, Call::DetachPolicy { .. } | Call::DeletePolicy { .. });
        takes || self.change() == Change::Delete
    }

    /// Whether it gives the role a permission that it does not have, or somebody the role.
    pub(crate) fn grants(&self) -> bool {
        matches!(self.call, Call::SetTrustPolicy { .. } | Call::RemoveBoundary { .. } | Call::SetRolePolicy { .. })
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
        ] {
            assert_eq!(resource_name(arn), name);
        }
    }
}

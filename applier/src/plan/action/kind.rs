//! What an action does, and what its call is called: a matter of its type alone.

use bundle_schema::receipt::{CallName, Change};

use super::{Action, Call};

impl Action {
    pub(crate) fn change(&self) -> Change {
        let is_new = match &self.call {
            Call::CreateBucket { .. }
            | Call::CreateAccessControl { .. }
            | Call::CreateDistribution { .. }
            | Call::CreateProvider { .. }
            | Call::CreateRole { .. } => true,
            Call::TagBucket { before, .. } => before.is_empty(),
            Call::BlockPublicAccess { before, .. } => before.is_none(),
            Call::SetOwnership { before, .. }
            | Call::SetBucketPolicy { before, .. }
            | Call::SetRolePolicy { before, .. } => before.is_none(),
            Call::PutObject { before, .. } => before.is_none(),
            Call::OpenRecord { before, .. } | Call::OpenRemoval { before, .. } => before.is_none(),
            Call::DeleteRole { .. }
            | Call::DeleteProvider { .. }
            | Call::DeleteDistribution { .. }
            | Call::DeleteAccessControl { .. }
            | Call::DeleteObject { .. }
            | Call::DeleteVersions { .. }
            | Call::DeleteRecord { .. }
            | Call::DeleteBucket { .. } => return Change::Delete,
            Call::CloseRecord { .. }
            | Call::HandOver { .. }
            | Call::UpdateAccessControl { .. }
            | Call::UpdateDistribution { .. }
            | Call::TagDistribution { .. }
            | Call::DisableDistribution { .. }
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
            Call::OpenRecord { place, .. }
            | Call::CloseRecord { place, .. }
            | Call::HandOver { place, .. }
            | Call::OpenRemoval { place, .. } => place.put_call(),
            Call::CreateAccessControl { .. } => CallName::CreateOriginAccessControl,
            Call::UpdateAccessControl { .. } => CallName::UpdateOriginAccessControl,
            Call::DeleteAccessControl { .. } => CallName::DeleteOriginAccessControl,
            Call::CreateDistribution { .. } => CallName::CreateDistribution,
            Call::UpdateDistribution { .. } | Call::DisableDistribution { .. } => CallName::UpdateDistribution,
            Call::TagDistribution { .. } => CallName::TagDistribution,
            Call::DeleteDistribution { .. } => CallName::DeleteDistribution,
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

//! The documents under `aws/`. Each is the input of one AWS API call, in the spelling of
//! `aws ... --cli-input-json`, so a team without the applier can use it; each has a type, and only what the type has can
//! stand in a bundle.

use serde::{Deserialize, Serialize};

use crate::documents::policy::{BucketPolicy, PermissionPolicy, RoleTrustPolicy};
use crate::json::Embedded;
use crate::names::{
    AccountId, Audience, BoundaryArn, BucketName, IssuerUrl, Region, RoleName, RolePath, Tag, Thumbprint,
};

/// `aws s3api create-bucket`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct CreateBucket {
    /// `<name>-oidc`, or another name.
    pub bucket: BucketName,
    /// Left out for a name that is unique in the whole partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_namespace: Option<BucketNamespace>,
    /// Left out in us-east-1, which knows no constraint for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_bucket_configuration: Option<CreateBucketConfiguration>,
    /// Always `BucketOwnerEnforced`: no ACLs.
    pub object_ownership: ObjectOwnership,
}

/// Where a bucket's name is unique [S3 user guide, namespaces for general purpose buckets].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BucketNamespace {
    /// In the account and region that the name ends with: no other account can have it.
    AccountRegional,
}

/// Where the bucket is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct CreateBucketConfiguration {
    /// The bundle's region.
    pub location_constraint: Region,
}

/// Who owns the bucket's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObjectOwnership {
    /// The bucket's owner, and ACLs are off.
    BucketOwnerEnforced,
}

/// `aws s3api put-public-access-block`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct PutPublicAccessBlock {
    /// The bucket.
    pub bucket: BucketName,
    /// What is blocked.
    pub public_access_block_configuration: PublicAccessBlock,
    /// The account that must own the bucket.
    pub expected_bucket_owner: AccountId,
}

#[expect(clippy::struct_excessive_bools, reason = "the four settings of the S3 API")]
/// A bucket's public access block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct PublicAccessBlock {
    /// Refuse public ACLs.
    pub block_public_acls: bool,
    /// Take no notice of public ACLs.
    pub ignore_public_acls: bool,
    /// Refuse a public bucket policy.
    pub block_public_policy: bool,
    /// Let only the owner's account use a public bucket.
    pub restrict_public_buckets: bool,
}

impl PublicAccessBlock {
    /// What a public issuer has: both ACL blocks stay, the policy blocks go.
    pub const PUBLIC_ISSUER: Self = Self {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: false,
        restrict_public_buckets: false,
    };

    /// What a bucket behind a distribution has: all four.
    pub const PRIVATE: Self = Self {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };
}

/// `aws s3api put-bucket-policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct PutBucketPolicy {
    /// The bucket.
    pub bucket: BucketName,
    /// Who may read it.
    pub policy: Embedded<BucketPolicy>,
    /// The account that must own the bucket.
    pub expected_bucket_owner: AccountId,
}

/// `aws s3api put-bucket-tagging`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct PutBucketTagging {
    /// The bucket.
    pub bucket: BucketName,
    /// Its tags.
    pub tagging: Tagging,
    /// The account that must own the bucket.
    pub expected_bucket_owner: AccountId,
}

/// A set of tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Tagging {
    /// Sorted by key.
    pub tag_set: Vec<Tag>,
}

/// `aws iam create-open-id-connect-provider`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateOpenIdConnectProvider {
    /// The issuer.
    #[serde(rename = "Url")]
    pub url: IssuerUrl,
    /// Audiences that tokens may have.
    #[serde(rename = "ClientIDList")]
    pub client_id_list: Vec<Audience>,
    /// Left out, IAM fetches the certificate chain itself.
    #[serde(rename = "ThumbprintList", skip_serializing_if = "Option::is_none")]
    pub thumbprint_list: Option<Vec<Thumbprint>>,
    /// Sorted by key.
    #[serde(rename = "Tags")]
    pub tags: Vec<Tag>,
}

/// `aws iam create-role`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct CreateRole {
    /// `/` unless the bundle was made with a role path.
    pub path: RolePath,
    /// The role's name.
    pub role_name: RoleName,
    /// Who may assume it.
    pub assume_role_policy_document: Embedded<RoleTrustPolicy>,
    /// `OpenShift role for <namespace>/<secret>`.
    pub description: String,
    /// The managed policy that bounds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<BoundaryArn>,
    /// Sorted by key.
    pub tags: Vec<Tag>,
}

/// `aws iam put-role-policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct PutRolePolicy {
    /// The role.
    pub role_name: RoleName,
    /// The same as the role's name, as ccoctl has it.
    pub policy_name: RoleName,
    /// What the role may do.
    pub policy_document: Embedded<PermissionPolicy>,
}

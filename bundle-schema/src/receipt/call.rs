//! The calls that an action of a plan may be, and what each is about.

use serde::{Deserialize, Serialize};

/// What kind of resource a call changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changes {
    /// The issuer's bucket, or an object in it.
    Bucket,
    Provider,
    Role,
    /// What CloudFront serves the bucket with.
    Distribution,
    /// How CloudFront signs its requests to the bucket.
    AccessControl,
}

macro_rules! calls {
    ($($name:ident = $text:literal on $kind:ident,)*) => {
        /// A writing call, as IAM policies name the permission for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum CallName {
            $(#[doc = concat!("`", $text, "`")] #[serde(rename = $text)] $name,)*
        }

        impl CallName {
            /// Such as `iam:CreateRole`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            pub(super) const fn changes(self) -> Changes {
                match self { $(Self::$name => Changes::$kind,)* }
            }
        }
    };
}

calls! {
    CreateBucket = "s3:CreateBucket" on Bucket,
    PutBucketTagging = "s3:PutBucketTagging" on Bucket,
    PutBucketOwnershipControls = "s3:PutBucketOwnershipControls" on Bucket,
    PutBucketPublicAccessBlock = "s3:PutBucketPublicAccessBlock" on Bucket,
    PutBucketPolicy = "s3:PutBucketPolicy" on Bucket,
    PutObject = "s3:PutObject" on Bucket,
    CreateOpenIdConnectProvider = "iam:CreateOpenIDConnectProvider" on Provider,
    AddClientIdToOpenIdConnectProvider = "iam:AddClientIDToOpenIDConnectProvider" on Provider,
    RemoveClientIdFromOpenIdConnectProvider = "iam:RemoveClientIDFromOpenIDConnectProvider" on Provider,
    UpdateOpenIdConnectProviderThumbprint = "iam:UpdateOpenIDConnectProviderThumbprint" on Provider,
    UntagOpenIdConnectProvider = "iam:UntagOpenIDConnectProvider" on Provider,
    TagOpenIdConnectProvider = "iam:TagOpenIDConnectProvider" on Provider,
    CreateRole = "iam:CreateRole" on Role,
    UpdateAssumeRolePolicy = "iam:UpdateAssumeRolePolicy" on Role,
    UpdateRole = "iam:UpdateRole" on Role,
    PutRolePermissionsBoundary = "iam:PutRolePermissionsBoundary" on Role,
    DeleteRolePermissionsBoundary = "iam:DeleteRolePermissionsBoundary" on Role,
    TagRole = "iam:TagRole" on Role,
    PutRolePolicy = "iam:PutRolePolicy" on Role,
    DetachRolePolicy = "iam:DetachRolePolicy" on Role,
    DeleteRolePolicy = "iam:DeleteRolePolicy" on Role,
    DeleteRole = "iam:DeleteRole" on Role,
    DeleteOpenIdConnectProvider = "iam:DeleteOpenIDConnectProvider" on Provider,
    DeleteObject = "s3:DeleteObject" on Bucket,
    DeleteObjectVersion = "s3:DeleteObjectVersion" on Bucket,
    CreateOriginAccessControl = "cloudfront:CreateOriginAccessControl" on AccessControl,
    UpdateOriginAccessControl = "cloudfront:UpdateOriginAccessControl" on AccessControl,
    DeleteOriginAccessControl = "cloudfront:DeleteOriginAccessControl" on AccessControl,
    CreateDistribution = "cloudfront:CreateDistribution" on Distribution,
    UpdateDistribution = "cloudfront:UpdateDistribution" on Distribution,
    TagDistribution = "cloudfront:TagResource" on Distribution,
    DeleteDistribution = "cloudfront:DeleteDistribution" on Distribution,
    DeleteBucket = "s3:DeleteBucket" on Bucket,
}

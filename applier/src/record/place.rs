//! Where a bundle's record stands, and what writing it there is called.
//!
//! Input: a bundle's header, which was validated. Output: the issuer's bucket, where the bundle makes one; or else the identity
//! provider that its roles trust, which has room in its tags.

use bundle_schema::documents::former::FormerIssuer;
use bundle_schema::documents::index::Header;
use bundle_schema::names::{BucketName, ClusterName};
use bundle_schema::receipt::CallName;
use serde::Serialize;

use super::{RECORD_KEY, tags};

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Place {
    /// An object in the issuer's bucket.
    Bucket(BucketName),
    /// Tags of an identity provider, under keys that hold the bundle's name.
    Provider { arn: String, name: ClusterName },
}

impl Place {
    pub(crate) fn of(header: &Header) -> Self {
        match header.provider_arn() {
            // Somebody else publishes the issuer's documents.
            Some(arn) if !header.has_bucket() => Self::Provider { arn, name: header.name.clone() },
            _ => Self::Bucket(header.bucket()),
        }
    }

    /// Where the record of an issuer stands that the cluster had before.
    pub(crate) fn of_former(header: &Header, former: &FormerIssuer) -> Self {
        match former.bucket(header) {
            Some(bucket) => Self::Bucket(bucket),
            None => Self::Provider { arn: header.provider_arn_of(&former.issuer_url), name: header.name.clone() },
        }
    }

    /// The ARN of what holds it, in this partition: the object or the identity provider.
    pub(crate) fn arn(&self, header: &Header) -> String {
        match self {
            Self::Bucket(bucket) => format!("arn:{}:s3:::{bucket}/{RECORD_KEY}", header.partition),
            Self::Provider { arn, .. } => arn.clone(),
        }
    }

    /// The object's key, or the first tag's.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Bucket(_) => RECORD_KEY.to_owned(),
            Self::Provider { name, .. } => tags::key(name),
        }
    }

    /// What writes the record, as IAM policies name the permission for it.
    pub(crate) fn put_call(&self) -> CallName {
        match self {
            Self::Bucket(_) => CallName::PutObject,
            Self::Provider { .. } => CallName::TagOpenIdConnectProvider,
        }
    }

    /// What deletes it.
    pub(crate) fn delete_call(&self) -> CallName {
        match self {
            Self::Bucket(_) => CallName::DeleteObject,
            Self::Provider { .. } => CallName::UntagOpenIdConnectProvider,
        }
    }

    /// Whether a write can demand that what it replaces is what was read. IAM has nothing of the kind for tags.
    pub(crate) fn has_compare_and_swap(&self) -> bool {
        matches!(self, Self::Bucket(_))
    }
}

/// As an error names it.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bucket(bucket) => write!(f, "s3://{bucket}/{RECORD_KEY}"),
            Self::Provider { arn, name } => write!(f, "{} in the tags of {arn}", tags::key(name)),
        }
    }
}

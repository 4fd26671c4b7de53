//! The documents under `aws/` and `oidc/`. Each under `aws/` is the input of one AWS API call, in the spelling of
//! `aws ... --cli-input-json`, so a team without the applier can use it; each has a type, and only what the type has can
//! stand in a bundle.

use serde::{Deserialize, Serialize};

use crate::json::Embedded;
use crate::names::{AccountId, Audience, BoundaryArn, BucketName, IssuerUrl, RoleName, RolePath, Thumbprint, name};
use crate::partition::Region;
use crate::policy::{BucketPolicy, PermissionPolicy, RoleTrustPolicy};

name! {
    /// A tag's key: 1 to 128 characters, not beginning with `aws:` [IAM user guide, tagging rules], nor with
    /// `sts-airlock/`, which the applier's own record has.
    TagKey, "tag key", |value| {
        if !(1..=128).contains(&value.chars().count()) { return Err("it has 1 to 128 characters") }
        if value.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) { return Err("AWS reserves keys that begin with aws:") }
        if value.starts_with("sts-airlock/") { return Err("the applier records the bundle in tags that begin with sts-airlock/") }
        if value.chars().all(is_tag_char) { Ok(()) } else { Err(TAG_CHARACTERS) }
    }
}

name! {
    /// A tag's value: at most 256 characters [IAM user guide, tagging rules].
    TagValue, "tag value", |value| {
        if value.chars().count() > 256 { return Err("it has at most 256 characters") }
        if value.chars().all(is_tag_char) { Ok(()) } else { Err(TAG_CHARACTERS) }
    }
}

const TAG_CHARACTERS: &str = "it is made of letters, digits, spaces and _.:/=+-@";

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Tag {
    /// The key.
    pub key: TagKey,
    /// The value.
    pub value: TagValue,
}

/// `aws s3api create-bucket`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct CreateBucket {
    /// `<name>-oidc`.
    pub bucket: BucketName,
    /// Left out in us-east-1, which knows no constraint for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_bucket_configuration: Option<CreateBucketConfiguration>,
    /// Always `BucketOwnerEnforced`: no ACLs.
    pub object_ownership: ObjectOwnership,
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
/// A bucket's public access block. A public issuer blocks ACLs and allows the one bucket policy.
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

/// The OpenID discovery document, served at `.well-known/openid-configuration`
/// [OpenID Connect Discovery 1.0, section 3; Kubernetes, service account issuer discovery].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// The issuer, as tokens name it.
    pub issuer: IssuerUrl,
    /// `<issuer>/keys.json`.
    pub jwks_uri: String,
    /// `id_token`.
    pub response_types_supported: Vec<String>,
    /// `public`.
    pub subject_types_supported: Vec<String>,
    /// The algorithm of the key.
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// As ccoctl lists them.
    pub claims_supported: Vec<String>,
}

impl Discovery {
    /// The one discovery document of an issuer whose key signs with this algorithm.
    #[must_use]
    pub fn of(issuer: &IssuerUrl, algorithm: &str) -> Self {
        let list = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        Self {
            issuer: issuer.clone(),
            jwks_uri: format!("{issuer}/keys.json"),
            response_types_supported: list(&["id_token"]),
            subject_types_supported: list(&["public"]),
            id_token_signing_alg_values_supported: list(&[algorithm]),
            claims_supported: list(&["aud", "exp", "sub", "iat", "iss", "sub"]),
        }
    }
}

/// The JSON Web Key Set, served at `keys.json` and `openid/v1/jwks` [RFC 7517].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwks {
    /// Exactly one in this version of the format.
    pub keys: Vec<Jwk>,
}

/// A public key [RFC 7517, RFC 7518 section 6]. Which fields are there depends on `kty`; private members have no field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// `RSA` or `EC`.
    pub kty: String,
    /// base64url of SHA-256 over the SPKI DER [Kubernetes pkg/serviceaccount/jwt.go].
    pub kid: String,
    /// `RS256` or `ES256`.
    pub alg: String,
    /// RSA: the modulus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA: the public exponent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// EC: `P-256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// EC: the point's x coordinate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// EC: the point's y coordinate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_follow_the_services_rules() {
        assert!(TagKey::new("openshift.io/cloud-credential-operator/democluster").is_ok());
        assert!(TagKey::new("aws:created").is_err() && TagKey::new("AWS:x").is_err() && TagKey::new("").is_err());
        assert!(TagKey::new("sts-airlock/serial").is_err());
        assert!(TagKey::new("a".repeat(129)).is_err() && TagValue::new("a".repeat(257)).is_err());
        assert!(TagValue::new("").is_ok() && TagValue::new("höchst 1").is_ok() && TagValue::new("a\u{202e}b").is_err());
    }
}

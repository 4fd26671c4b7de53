//! `bundle.json`, the first entry of every bundle: what the bundle is for, and the size and digest of every other entry.

mod wire;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use self::wire::WireIndex;
use super::contents::path;
use super::former::FormerIssuer;
use super::settings::Settings;
use crate::limits::MAX_PATH_PART_BYTES;
use crate::names::{
    AccountId, Audience, BucketName, CertificateArn, ClusterName, DistributionDomain, DistributionId, DnsSuffix,
    EntryPath, GeneratorVersion, IamCertificateId, IssuerUrl, Namespace, ObjectName, Partition, Reason, Region,
    RoleName, RolePath, Sha256, Tag, Timestamp, TokenPath, cut_with_hash,
};

/// The version of the format that this crate writes and reads.
pub const SCHEMA_VERSION: u32 = 1;

/// What a bundle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A cluster's issuer, provider and roles.
    Cluster,
    /// The first half of a cluster whose issuer has no name yet: a private bucket and the distribution that will serve it.
    Endpoint,
    /// Roles for an identity provider that is there already.
    Roles,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "cluster",
            Self::Endpoint => "endpoint",
            Self::Roles => "roles",
        })
    }
}

/// How the issuer's documents are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    /// From the bucket itself, readable by everybody.
    PublicBucket,
    /// From a private bucket, by a distribution of CloudFront.
    Cloudfront,
    /// From where somebody else publishes the bundle's documents.
    Hosted,
}

/// What a distribution shows for the issuer's host name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Certificate {
    /// A certificate that ACM holds, by its ARN.
    Acm(CertificateArn),
    /// A certificate that IAM holds, by its ID: the only ones that CloudFront takes in China.
    Iam(IamCertificateId),
}

/// The distribution that a bundle of kind `endpoint` made, from the receipt of its apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct MadeDistribution {
    /// Its ID.
    pub id: DistributionId,
    /// The host name that CloudFront gave it: the issuer's.
    pub domain: DistributionDomain,
    /// The SHA-256 of the receipt.
    pub receipt_sha256: Sha256,
}

/// The bundle that this one follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Previous {
    /// Its serial, lower than this one's.
    pub serial: u64,
    /// The SHA-256 of its archive.
    pub sha256: Sha256,
}

/// One role of the bundle and the request that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Component {
    /// `metadata.name` of the CredentialsRequest.
    pub request: ObjectName,
    /// The entry that holds the request.
    pub source: EntryPath,
    /// The role that is made for it.
    pub role_name: RoleName,
    /// The service accounts that may assume the role, in the Secret's namespace.
    pub service_accounts: Vec<ObjectName>,
    /// The namespace of the Secret.
    pub secret_namespace: Namespace,
    /// The Secret's name.
    pub secret_name: ObjectName,
    /// Where the pod finds its token.
    pub token_path: TokenPath,
}

impl Component {
    /// `OpenShift role for <namespace>/<secret>`, as ccoctl describes its roles.
    #[must_use]
    pub fn role_description(&self) -> String {
        format!("OpenShift role for {}", self.secret())
    }

    /// The subjects of the tokens that may assume the role, in the request's order.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        self.service_accounts
            .iter()
            .map(|account| format!("system:serviceaccount:{}:{account}", self.secret_namespace))
            .collect()
    }

    /// `<namespace>/<secret>`, by which roles are told apart.
    #[must_use]
    pub fn secret(&self) -> String {
        format!("{}/{}", self.secret_namespace, self.secret_name)
    }

    /// The entry with the role's `CreateRole`.
    #[must_use]
    pub fn role_document(&self) -> String {
        path::role(&self.role_name)
    }

    /// The entry with the role's `PutRolePolicy`.
    #[must_use]
    pub fn policy_document(&self) -> String {
        path::role_policy(&self.role_name)
    }

    /// The Secret's entry, `manifests/<namespace>-<name>-credentials.yaml` as ccoctl names it; what is too long for an
    /// entry is cut and ends in a hash.
    #[must_use]
    pub fn manifest_path(&self) -> String {
        const ENDING: &str = "-credentials.yaml";
        let stem = format!("{}-{}", self.secret_namespace, self.secret_name);
        format!("manifests/{}{ENDING}", cut_with_hash(&stem, MAX_PATH_PART_BYTES - ENDING.len()))
    }
}

/// A document of the input that made no role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Skipped {
    /// The entry that holds it.
    pub source: EntryPath,
    /// Which document of that file, from 1.
    pub document: u32,
    /// `metadata.name`, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<ObjectName>,
    /// Why.
    pub reason: Reason,
}

/// One entry of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// Its path.
    pub path: EntryPath,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes.
    pub sha256: Sha256,
}

/// Everything `bundle.json` says but the file list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What the bundle is for.
    pub kind: Kind,
    /// The cluster's name.
    pub name: ClusterName,
    /// Counts a cluster's bundles, from 1; the applier refuses to go back.
    pub serial: u64,
    /// When it was made.
    pub created: Timestamp,
    /// From when on the applier refuses it.
    pub expires: Timestamp,
    /// What made it.
    pub generator_version: GeneratorVersion,
    /// Where it is applied.
    pub partition: Partition,
    /// The suffix of the partition's host names.
    pub dns_suffix: DnsSuffix,
    /// Where its bucket is.
    pub region: Region,
    /// The account it is applied to, and no other.
    pub account_id: AccountId,
    /// The issuer of the cluster's tokens; none where it has no name yet.
    pub issuer_url: Option<IssuerUrl>,
    /// How the issuer is served; none where somebody else manages it.
    pub endpoint: Option<Endpoint>,
    /// The name of the issuer's bucket, where it is not `<name>-oidc`.
    pub bucket_name: Option<BucketName>,
    /// The certificate of a distribution that serves at the issuer's own host name.
    pub certificate: Option<Certificate>,
    /// The distribution that is there already and gives the issuer its name.
    pub distribution: Option<MadeDistribution>,
    /// The issuers that the cluster had before and that its roles still trust, sorted by URL.
    pub former_issuers: Vec<FormerIssuer>,
    /// The audiences that the identity provider must accept, where it is not in the bundle.
    pub audiences: Option<Vec<Audience>>,
    /// The path of every role.
    pub role_path: RolePath,
    /// The tags of every resource, sorted by key.
    pub tags: Vec<Tag>,
    /// The bundle before.
    pub previous: Option<Previous>,
    /// The settings that shaped the roles.
    pub settings: Settings,
    /// The roles, sorted by role name.
    pub components: Vec<Component>,
    /// What made no role.
    pub skipped: Vec<Skipped>,
}

impl Header {
    /// `arn:{partition}:iam::{account}:oidc-provider/{host}[/path]`, where the issuer has a name.
    #[must_use]
    pub fn provider_arn(&self) -> Option<String> {
        self.issuer_url.as_ref().map(|issuer| self.provider_arn_of(issuer))
    }

    /// `arn:{partition}:cloudfront::{account}:distribution/{id}`.
    #[must_use]
    pub fn distribution_arn(&self, id: &str) -> String {
        format!("arn:{}:cloudfront::{}:distribution/{id}", self.partition, self.account_id)
    }

    /// `arn:{partition}:cloudfront::{account}:origin-access-control/{id}`.
    #[must_use]
    pub fn access_control_arn(&self, id: &str) -> String {
        format!("arn:{}:cloudfront::{}:origin-access-control/{id}", self.partition, self.account_id)
    }

    /// Whether the bundle makes a bucket: public, or private behind a distribution.
    #[must_use]
    pub fn has_bucket(&self) -> bool {
        match self.kind {
            Kind::Cluster => self.endpoint != Some(Endpoint::Hosted),
            Kind::Endpoint => true,
            Kind::Roles => false,
        }
    }

    /// Whether the bundle makes a distribution in front of a private bucket.
    #[must_use]
    pub fn has_distribution(&self) -> bool {
        self.kind == Kind::Endpoint || (self.kind == Kind::Cluster && self.endpoint == Some(Endpoint::Cloudfront))
    }

    /// The key in the bucket of what is served at `<issuer>/<path>`: a distribution passes on the issuer's own path too.
    #[must_use]
    pub fn object_key(&self, path: &str) -> String {
        let own = self.issuer_url.as_ref().and_then(IssuerUrl::path);
        own.map_or_else(|| path.to_owned(), |own| format!("{own}/{path}"))
    }

    /// `arn:{partition}:iam::{account}:role{path}{name}`.
    #[must_use]
    pub fn role_arn(&self, role: &RoleName) -> String {
        format!("arn:{}:iam::{}:role{}{role}", self.partition, self.account_id, self.role_path)
    }

    /// The issuer's bucket.
    #[must_use]
    pub fn bucket(&self) -> BucketName {
        self.name.bucket_or(self.bucket_name.as_ref())
    }

    /// `https://<bucket>.s3.<region>.<dns suffix>`, the issuer of a public bucket, unless that is too long for one.
    #[must_use]
    pub fn public_bucket_issuer(&self) -> Option<IssuerUrl> {
        self.public_issuer_of(&self.bucket())
    }

    /// The same of another bucket in the bundle's region.
    pub(crate) fn public_issuer_of(&self, bucket: &BucketName) -> Option<IssuerUrl> {
        IssuerUrl::new(bucket.public_url(&self.region, &self.dns_suffix)).ok()
    }

    /// `<name>-<serial>`, what the bundle's file is called before `.tar.gz`.
    #[must_use]
    pub fn file_stem(&self) -> String {
        format!("{}-{}", self.name, self.serial)
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} serial {} for account {} ({}, {})",
            self.name, self.serial, self.account_id, self.partition, self.region
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_paths_are_plain() {
        assert!(EntryPath::new("aws/roles/a+b=c,d.e@f-g_h.json").is_ok());
        for wrong in
            ["", "/etc/passwd", "a//b", "a/", "./a", "a/../b", "..", "a\\b", "a b", "a\0", "ä", &"a".repeat(101)]
        {
            assert!(EntryPath::new(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn manifests_are_named_as_ccoctl_names_them_and_fit_an_entry() {
        let component = |namespace: &str, secret: &str| Component {
            request: ObjectName::new("r").unwrap(),
            source: EntryPath::new("credentials-requests/r.yaml").unwrap(),
            role_name: RoleName::new("r").unwrap(),
            service_accounts: vec![ObjectName::new("sa").unwrap()],
            secret_namespace: Namespace::new(namespace).unwrap(),
            secret_name: ObjectName::new(secret).unwrap(),
            token_path: TokenPath::default(),
        };
        let plain = component("openshift-cloud-credential-operator", "cloud-credential-operator-iam-ro-creds");
        assert_eq!(
            plain.manifest_path(),
            "manifests/openshift-cloud-credential-operator-cloud-credential-operator-iam-ro-creds-credentials.yaml"
        );
        assert_eq!(plain.subjects(), ["system:serviceaccount:openshift-cloud-credential-operator:sa"]);
        let long = component(&"n".repeat(63), &"s".repeat(253));
        assert!(EntryPath::new(long.manifest_path()).is_ok(), "{}", long.manifest_path());
    }
}

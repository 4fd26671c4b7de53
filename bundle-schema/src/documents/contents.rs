//! Everything a bundle says, as typed values: what the generator fills in, the writer writes and the reader reads back.

use crate::documents::index::{Component, Header, Kind};
use crate::documents::key::ServiceAccountKey;
use crate::documents::policy::{BucketPolicy, PermissionStatement};
use crate::documents::{
    BucketNamespace, CreateBucket, CreateBucketConfiguration, CreateOpenIdConnectProvider, CreateRole, Discovery,
    DistributionDocuments, Jwks, ObjectOwnership, PublicAccessBlock, PutBucketPolicy, PutBucketTagging,
    PutPublicAccessBlock, PutRolePolicy, Tagging,
};
use crate::json::{self, Embedded};
use crate::names::{Audience, EntryPath, IssuerUrl, Thumbprint};

/// Everything a bundle says. That it parses does not make it consistent: see `bundle`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// `bundle.json` without the file list.
    pub header: Header,
    /// What makes the issuer; none where somebody else manages it, and where it has no name yet.
    pub issuer: Option<IssuerDocuments>,
    /// `aws/bucket*.json`; none where somebody else publishes the issuer's documents.
    pub bucket: Option<BucketDocuments>,
    /// `aws/cloudfront-*.json`, where the bucket is private.
    pub distribution: Option<DistributionDocuments>,
    /// `aws/roles/` and `aws/role-policies/`, in the order of the header's components.
    pub roles: Vec<RoleDocuments>,
    /// `credentials-requests/`: the input as it was given, sorted by path.
    pub requests: Vec<(EntryPath, Vec<u8>)>,
}

/// The documents that make a cluster's issuer: what it publishes, where, and what makes AWS trust it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerDocuments {
    /// `oidc/openid-configuration`.
    pub discovery: Discovery,
    /// `oidc/keys.json`.
    pub jwks: Jwks,
    /// `serviceaccount-signer.public`: the key that signs now.
    pub public_key: ServiceAccountKey,
    /// `keys/`: the keys that are published besides, sorted by key ID.
    pub further_keys: Vec<ServiceAccountKey>,
    /// `aws/identity-provider.json`.
    pub provider: CreateOpenIdConnectProvider,
}

/// The documents that make the issuer's bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketDocuments {
    /// `aws/bucket.json`.
    pub create: CreateBucket,
    /// `aws/bucket-public-access-block.json`.
    pub public_access_block: PutPublicAccessBlock,
    /// `aws/bucket-policy.json`; none where there is nothing to read yet.
    pub policy: Option<PutBucketPolicy>,
    /// `aws/bucket-tagging.json`.
    pub tagging: PutBucketTagging,
}

impl BucketDocuments {
    /// There is one for each header, and a reader takes no other.
    #[must_use]
    pub fn of(header: &Header) -> Self {
        let (bucket, owner) = (header.bucket(), &header.account_id);
        // us-east-1 is the one region that takes no constraint [S3 API reference, CreateBucket].
        let configuration = (header.region.as_str() != "us-east-1")
            .then(|| CreateBucketConfiguration { location_constraint: header.region.clone() });
        Self {
            create: CreateBucket {
                bucket: bucket.clone(),
                bucket_namespace: bucket.is_account_regional().then_some(BucketNamespace::AccountRegional),
                create_bucket_configuration: configuration,
                object_ownership: ObjectOwnership::BucketOwnerEnforced,
            },
            public_access_block: PutPublicAccessBlock {
                bucket: bucket.clone(),
                public_access_block_configuration: if header.has_distribution() {
                    PublicAccessBlock::PRIVATE
                } else {
                    PublicAccessBlock::PUBLIC_ISSUER
                },
                expected_bucket_owner: owner.clone(),
            },
            policy: bucket_policy(header).map(|policy| PutBucketPolicy {
                policy: Embedded(policy),
                bucket: bucket.clone(),
                expected_bucket_owner: owner.clone(),
            }),
            tagging: PutBucketTagging {
                bucket,
                tagging: Tagging { tag_set: header.tags.clone() },
                expected_bucket_owner: owner.clone(),
            },
        }
    }
}

/// Who may read the bucket's public objects; none where it holds none yet.
fn bucket_policy(header: &Header) -> Option<BucketPolicy> {
    match (header.kind, header.has_distribution()) {
        (Kind::Endpoint, _) => None,
        (_, false) => Some(BucketPolicy::public_read(&header.partition, &header.bucket(), &PUBLIC_KEYS)),
        (_, true) => {
            let distribution = header.distribution.as_ref().map(|made| &made.id);
            Some(BucketPolicy::for_distribution(header, distribution, &public_keys(header)))
        }
    }
}

/// The keys in the bucket of what AWS reads at the issuer.
#[must_use]
pub fn public_keys(header: &Header) -> Vec<String> {
    PUBLIC_KEYS.iter().map(|key| header.object_key(key)).collect()
}

/// The documents that make one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDocuments {
    /// `aws/roles/<role>.json`.
    pub create: CreateRole,
    /// `aws/role-policies/<role>.json`.
    pub policy: PutRolePolicy,
}

impl RoleDocuments {
    /// What the role may do.
    #[must_use]
    pub fn statements(&self) -> &[PermissionStatement] {
        &self.policy.policy_document.0.statement
    }
}

/// One object of the issuer's bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerObject {
    /// Its path below the issuer, and its key in a public bucket.
    pub key: &'static str,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// The key of the object that the discovery document names as the JWKS.
pub const JWKS_KEY: &str = "keys.json";
const DISCOVERY_KEY: &str = ".well-known/openid-configuration";
/// Where OpenShift's API server looks for a custom issuer's JWKS [cluster-kube-apiserver-operator PR 2062].
const API_SERVER_JWKS_KEY: &str = "openid/v1/jwks";
/// The paths of what AWS and the API server read at the issuer.
const PUBLIC_KEYS: [&str; 3] = [DISCOVERY_KEY, JWKS_KEY, API_SERVER_JWKS_KEY];
/// The media type of every object of the issuer's bucket.
pub const OBJECT_CONTENT_TYPE: &str = "application/json";

/// The paths of the entries that every bundle has.
pub(crate) mod path {
    pub(crate) const DISCOVERY: &str = "oidc/openid-configuration";
    pub(crate) const JWKS: &str = "oidc/keys.json";
    pub(crate) const PUBLIC_KEY: &str = "serviceaccount-signer.public";
    pub(crate) const BUCKET: &str = "aws/bucket.json";
    pub(crate) const BUCKET_POLICY: &str = "aws/bucket-policy.json";
    pub(crate) const BUCKET_PUBLIC_ACCESS_BLOCK: &str = "aws/bucket-public-access-block.json";
    pub(crate) const BUCKET_TAGGING: &str = "aws/bucket-tagging.json";
    pub(crate) const ACCESS_CONTROL: &str = "aws/cloudfront-origin-access-control.json";
    pub(crate) const DISTRIBUTION: &str = "aws/cloudfront-distribution.json";
    pub(crate) const PROVIDER: &str = "aws/identity-provider.json";
    pub(crate) const REQUESTS: &str = "credentials-requests/";
    pub(crate) const KEYS: &str = "keys/";

    use crate::documents::key::ServiceAccountKey;
    use crate::names::RoleName;

    pub(crate) fn key(key: &ServiceAccountKey) -> String {
        format!("{KEYS}{}.public", key.kid())
    }

    pub(crate) fn role(name: &RoleName) -> String {
        format!("aws/roles/{name}.json")
    }

    pub(crate) fn role_policy(name: &RoleName) -> String {
        format!("aws/role-policies/{name}.json")
    }
}

impl Contents {
    /// Each role: what the index says of it, and its documents.
    pub fn each_role(&self) -> impl Iterator<Item = (&Component, &RoleDocuments)> {
        self.header.components.iter().zip(&self.roles)
    }

    /// Every key that is published, the one that signs now first; none where somebody else manages the issuer.
    pub fn keys(&self) -> impl Iterator<Item = &ServiceAccountKey> {
        self.issuer.iter().flat_map(IssuerDocuments::keys)
    }

    /// The audiences that the identity provider has to accept: the bundle's own, or those that it counts on.
    #[must_use]
    pub fn audiences(&self) -> &[Audience] {
        match &self.issuer {
            Some(issuer) => &issuer.provider.client_id_list,
            None => self.header.audiences.as_deref().unwrap_or_default(),
        }
    }
}

impl IssuerDocuments {
    /// What a cluster publishes under these keys, the one that signs now first, with the audiences and thumbprints of its
    /// identity provider.
    #[must_use]
    pub fn of(
        header: &Header,
        url: &IssuerUrl,
        public_key: ServiceAccountKey,
        further_keys: Vec<ServiceAccountKey>,
        audiences: Vec<Audience>,
        thumbprints: Option<Vec<Thumbprint>>,
    ) -> Self {
        let jwks = Jwks::of(std::iter::once(&public_key).chain(&further_keys));
        Self {
            discovery: Discovery::of(url, &jwks),
            jwks,
            public_key,
            further_keys,
            provider: CreateOpenIdConnectProvider {
                url: url.clone(),
                client_id_list: audiences,
                thumbprint_list: thumbprints,
                tags: header.tags.clone(),
            },
        }
    }

    /// Every key that is published, the one that signs now first.
    pub fn keys(&self) -> impl Iterator<Item = &ServiceAccountKey> {
        std::iter::once(&self.public_key).chain(&self.further_keys)
    }

    /// The public objects of the bucket: the discovery document, and the JWKS at the path that ccoctl publishes and at the one
    /// that OpenShift's API server looks at.
    #[must_use]
    pub fn objects(&self) -> Vec<IssuerObject> {
        let jwks = json::to_bytes(&self.jwks);
        vec![
            IssuerObject { key: DISCOVERY_KEY, body: json::to_bytes(&self.discovery) },
            IssuerObject { key: JWKS_KEY, body: jwks.clone() },
            IssuerObject { key: API_SERVER_JWKS_KEY, body: jwks },
        ]
    }
}

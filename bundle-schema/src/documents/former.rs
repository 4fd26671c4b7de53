//! The issuers that a cluster had before and that its roles still trust.
//!
//! Input: what an index says. Output: for each, its identity provider and where its record stands. OpenShift moves a cluster to another issuer
//! while it runs [cloud-credential-operator, docs/sts-migrate-to-private-bucket.md]: until every pod has a token of the new one, roles
//! have to take those of both.

use serde::{Deserialize, Serialize};

use super::index::{Endpoint, Header};
use crate::names::{BucketName, IssuerUrl};

/// An issuer that the cluster had before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FormerIssuer {
    /// Its URL.
    pub issuer_url: IssuerUrl,
    /// How it is served: with its bucket, it says where its record stands.
    pub endpoint: Endpoint,
    /// The name of its bucket, where it has one that is not `<name>-oidc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_name: Option<BucketName>,
}

impl FormerIssuer {
    /// The issuer of a cluster's bundle, as a later one names it; none where the bundle makes no issuer.
    #[must_use]
    pub fn of(header: &Header) -> Option<Self> {
        let (issuer_url, endpoint) = header.issuer_url.clone().zip(header.endpoint)?;
        Some(Self { issuer_url, endpoint, bucket_name: header.bucket_name.clone() })
    }

    /// Its bucket; none where somebody else publishes its documents.
    #[must_use]
    pub fn bucket(&self, header: &Header) -> Option<BucketName> {
        (self.endpoint != Endpoint::Hosted).then(|| header.name.bucket_or(self.bucket_name.as_ref()))
    }
}

impl Header {
    /// Every issuer whose tokens the roles take: the bundle's own first, then the former ones.
    pub fn trusted_issuers(&self) -> impl Iterator<Item = &IssuerUrl> {
        self.issuer_url.iter().chain(self.former_issuers.iter().map(|former| &former.issuer_url))
    }

    /// `arn:{partition}:iam::{account}:oidc-provider/{host}[/path]` of this issuer.
    #[must_use]
    pub fn provider_arn_of(&self, issuer: &IssuerUrl) -> String {
        format!("arn:{}:iam::{}:oidc-provider/{}", self.partition, self.account_id, issuer.without_scheme())
    }
}

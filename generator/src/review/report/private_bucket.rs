//! The private bucket of an issuer, and the distribution in front of it.

use bundle_schema::documents::index::{Certificate, Header, MadeDistribution};
use serde::Serialize;

/// A bucket that CloudFront alone may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateBucket {
    /// Its name.
    pub bucket: String,
    /// The distribution that is there already, by the receipt of its apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<MadeDistribution>,
    /// The certificate with which the distribution serves at the issuer's own host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

impl PrivateBucket {
    /// That of a bundle; none where the bundle has no distribution.
    #[must_use]
    pub fn of(header: &Header) -> Option<Self> {
        header.has_distribution().then(|| Self {
            bucket: header.bucket().to_string(),
            distribution: header.distribution.clone(),
            certificate: header.certificate.clone(),
        })
    }

    /// It in words, by label.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        let Self { bucket, distribution, certificate } = self;
        let server = match (distribution, certificate) {
            (Some(made), _) => format!("distribution {} of CloudFront, at {}", made.id, made.domain),
            (None, Some(Certificate::Acm(arn))) => format!("a distribution of CloudFront, with certificate {arn}"),
            (None, Some(Certificate::Iam(id))) => format!("a distribution of CloudFront, with certificate {id} of IAM"),
            (None, None) => "a distribution of CloudFront, at the name that CloudFront gives it".to_owned(),
        };
        let mut rows = vec![("Bucket", format!("{bucket}, which CloudFront alone may read")), ("Server", server)];
        rows.extend(distribution.as_ref().map(|made| ("Receipt", made.receipt_sha256.to_string())));
        rows
    }
}

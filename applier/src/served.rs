//! Who serves the issuer's documents of a private bucket, for a person.
//!
//! Input: a bundle's header, which was validated. Output: nothing for a bundle without a distribution.

use bundle_schema::documents::index::{Certificate, Header};
use bundle_schema::names::{DistributionDomain, DistributionId};

/// The issuer's host name, where it is not CloudFront's own.
pub(crate) fn alias(header: &Header) -> Option<String> {
    header.certificate.as_ref().and(header.issuer_url.as_ref()).map(|url| url.host().to_owned())
}

/// The certificate for that name.
pub(crate) fn certificate(header: &Header) -> Option<String> {
    header.certificate.as_ref().map(|certificate| match certificate {
        Certificate::Acm(arn) => arn.to_string(),
        Certificate::Iam(id) => id.to_string(),
    })
}

/// Such as `by CloudFront at oidc.example.com, certificate ..., distribution E1 (d1.cloudfront.net)`.
pub(crate) fn words(
    alias: Option<&str>,
    certificate: Option<&str>,
    distribution: Option<(&DistributionId, &DistributionDomain)>,
) -> String {
    let alias = alias.map(|alias| format!(" at {alias}")).unwrap_or_default();
    let certificate = certificate.map(|certificate| format!(", certificate {certificate}")).unwrap_or_default();
    let distribution = distribution.map(|(id, domain)| format!(", distribution {id} ({domain})")).unwrap_or_default();
    format!("by CloudFront{alias}{certificate}{distribution}")
}

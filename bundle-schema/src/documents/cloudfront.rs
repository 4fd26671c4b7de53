//! The documents that make a distribution in front of a private bucket: one form for each header.
//!
//! CloudFront names what it makes by itself, so two values are in no document: the ID of the origin access control, which the applier adds to the
//! distribution's origin; and, where the distribution is not there yet, its ID in the bucket's policy.

use serde::{Deserialize, Serialize};

use crate::documents::index::{Certificate, Header};
use crate::names::{CertificateArn, IamCertificateId, Tag};

/// Nothing is kept at the edge: a key that was just published is there at once [CloudFront developer guide, managed cache policies, CachingDisabled].
const CACHING_DISABLED: &str = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";

/// `aws cloudfront create-origin-access-control`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct CreateOriginAccessControl {
    /// What it is.
    pub origin_access_control_config: OriginAccessControlConfig,
}

/// How CloudFront signs its requests to the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct OriginAccessControlConfig {
    /// The bucket's name; no other in the account has it.
    pub name: String,
    /// For people: an access control has no tags.
    pub description: String,
    /// Always `sigv4`.
    pub signing_protocol: SigningProtocol,
    /// Always `always`.
    pub signing_behavior: SigningBehavior,
    /// Always `s3`.
    pub origin_access_control_origin_type: OriginType,
}

/// The protocol of the signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SigningProtocol {
    /// The only one that there is.
    Sigv4,
}

/// Which requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SigningBehavior {
    /// All.
    Always,
}

/// What the origin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OriginType {
    /// A bucket.
    S3,
}

/// `aws cloudfront create-distribution-with-tags`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct CreateDistributionWithTags {
    /// What is made, and its tags.
    pub distribution_config_with_tags: DistributionConfigWithTags,
}

/// What is made, and its tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct DistributionConfigWithTags {
    /// What is made.
    pub distribution_config: DistributionConfig,
    /// Its tags.
    pub tags: Items<Tag>,
}

/// A list without a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Items<T> {
    /// Its items.
    pub items: Vec<T>,
}

/// A list as CloudFront counts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Counted<T> {
    /// How many there are.
    pub quantity: usize,
    /// Its items.
    pub items: Vec<T>,
}

impl<T> Counted<T> {
    fn of(items: Vec<T>) -> Self {
        Self { quantity: items.len(), items }
    }
}

/// What a distribution is. What is left out is as CloudFront makes it: no other behaviour, no error page, no function, nothing of a cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistributionConfig {
    /// Another for each bundle: CloudFront makes one distribution for each, once.
    #[serde(rename = "CallerReference")]
    pub caller_reference: String,
    /// The issuer's host name, where it is not CloudFront's own.
    #[serde(rename = "Aliases")]
    pub aliases: Counted<String>,
    /// The bucket.
    #[serde(rename = "Origins")]
    pub origins: Counted<Origin>,
    /// How every request is answered.
    #[serde(rename = "DefaultCacheBehavior")]
    pub default_cache_behavior: DefaultCacheBehavior,
    /// For people.
    #[serde(rename = "Comment")]
    pub comment: String,
    /// Always true.
    #[serde(rename = "Enabled")]
    pub enabled: bool,
    /// What it shows for the issuer's host name.
    #[serde(rename = "ViewerCertificate")]
    pub viewer_certificate: ViewerCertificate,
    /// Always `http2`.
    #[serde(rename = "HttpVersion")]
    pub http_version: HttpVersion,
    /// Always true.
    #[serde(rename = "IsIPV6Enabled")]
    pub is_ipv6_enabled: bool,
}

/// The bucket, as CloudFront asks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Origin {
    /// The bucket's name.
    pub id: String,
    /// `<bucket>.s3.<region>.<dns suffix>`.
    pub domain_name: String,
    /// Says that it is a bucket.
    pub s3_origin_config: S3OriginConfig,
}

/// Empty: the origin access control stands in the place of an origin access identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct S3OriginConfig {
    /// Always empty.
    pub origin_access_identity: String,
}

/// How requests are answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct DefaultCacheBehavior {
    /// The origin's ID.
    pub target_origin_id: String,
    /// Always `https-only`.
    pub viewer_protocol_policy: ViewerProtocolPolicy,
    /// Reading alone.
    pub allowed_methods: AllowedMethods,
    /// Always false: the documents are small.
    pub compress: bool,
    /// The managed policy `CachingDisabled`.
    pub cache_policy_id: String,
}

/// Which methods are passed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct AllowedMethods {
    /// How many there are.
    pub quantity: usize,
    /// `GET` and `HEAD`.
    pub items: Vec<Method>,
    /// The same.
    pub cached_methods: Counted<Method>,
}

/// A method that reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// With the body.
    Get,
    /// Without it.
    Head,
}

/// Over which protocol a distribution answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViewerProtocolPolicy {
    /// HTTP is refused.
    HttpsOnly,
}

/// The newest version of HTTP that it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpVersion {
    /// Versions 1.1 and 2.
    Http2,
}

/// What a distribution shows. With CloudFront's own certificate, CloudFront alone decides about versions of TLS
/// [CloudFront API reference, ViewerCertificate].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewerCertificate {
    /// Whether it is CloudFront's own.
    #[serde(rename = "CloudFrontDefaultCertificate")]
    pub cloudfront_default_certificate: bool,
    /// One that ACM holds.
    #[serde(rename = "ACMCertificateArn", skip_serializing_if = "Option::is_none")]
    pub acm_certificate_arn: Option<CertificateArn>,
    /// One that IAM holds.
    #[serde(rename = "IAMCertificateId", skip_serializing_if = "Option::is_none")]
    pub iam_certificate_id: Option<IamCertificateId>,
    /// `sni-only`, with a certificate of the customer's.
    #[serde(rename = "SSLSupportMethod", skip_serializing_if = "Option::is_none")]
    pub ssl_support_method: Option<SslSupportMethod>,
    /// TLS 1.2 or later, with a certificate of the customer's.
    #[serde(rename = "MinimumProtocolVersion", skip_serializing_if = "Option::is_none")]
    pub minimum_protocol_version: Option<MinimumProtocolVersion>,
}

/// How a certificate is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslSupportMethod {
    /// By the name that the client asks for.
    SniOnly,
}

/// Which versions of TLS and which ciphers are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MinimumProtocolVersion {
    /// TLS 1.2 and 1.3.
    #[serde(rename = "TLSv1.2_2021")]
    Tls12,
}

/// The documents that make a distribution in front of the bundle's bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributionDocuments {
    /// `aws/cloudfront-origin-access-control.json`.
    pub access_control: CreateOriginAccessControl,
    /// `aws/cloudfront-distribution.json`.
    pub create: CreateDistributionWithTags,
}

impl DistributionDocuments {
    /// There is one for each header, and a reader takes no other.
    #[must_use]
    pub fn of(header: &Header) -> Self {
        let bucket = header.bucket();
        Self {
            access_control: CreateOriginAccessControl {
                origin_access_control_config: OriginAccessControlConfig {
                    name: bucket.to_string(),
                    description: comment(header),
                    signing_protocol: SigningProtocol::Sigv4,
                    signing_behavior: SigningBehavior::Always,
                    origin_access_control_origin_type: OriginType::S3,
                },
            },
            create: CreateDistributionWithTags {
                distribution_config_with_tags: DistributionConfigWithTags {
                    distribution_config: config(header),
                    tags: Items { items: header.tags.clone() },
                },
            },
        }
    }
}

/// Under 128 characters, as CloudFront wants it: a name has at most 58.
fn comment(header: &Header) -> String {
    format!("OpenShift issuer of {} (STS Airlock)", header.name)
}

fn config(header: &Header) -> DistributionConfig {
    let bucket = header.bucket();
    let reading = || vec![Method::Get, Method::Head];
    let host = header.certificate.as_ref().and(header.issuer_url.as_ref()).map(|url| url.host().to_owned());
    DistributionConfig {
        caller_reference: format!("sts-airlock/{}/{}/{}", header.name, header.serial, header.created),
        aliases: Counted::of(host.into_iter().collect()),
        origins: Counted::of(vec![Origin {
            id: bucket.to_string(),
            domain_name: bucket.host(&header.region, &header.dns_suffix),
            s3_origin_config: S3OriginConfig { origin_access_identity: String::new() },
        }]),
        default_cache_behavior: DefaultCacheBehavior {
            target_origin_id: bucket.to_string(),
            viewer_protocol_policy: ViewerProtocolPolicy::HttpsOnly,
            allowed_methods: AllowedMethods {
                quantity: reading().len(),
                items: reading(),
                cached_methods: Counted::of(reading()),
            },
            compress: false,
            cache_policy_id: CACHING_DISABLED.to_owned(),
        },
        comment: comment(header),
        enabled: true,
        viewer_certificate: viewer_certificate(header.certificate.as_ref()),
        http_version: HttpVersion::Http2,
        is_ipv6_enabled: true,
    }
}

fn viewer_certificate(own: Option<&Certificate>) -> ViewerCertificate {
    ViewerCertificate {
        cloudfront_default_certificate: own.is_none(),
        acm_certificate_arn: own.and_then(|own| if let Certificate::Acm(arn) = own { Some(arn.clone()) } else { None }),
        iam_certificate_id: own.and_then(|own| if let Certificate::Iam(id) = own { Some(id.clone()) } else { None }),
        ssl_support_method: own.map(|_| SslSupportMethod::SniOnly),
        minimum_protocol_version: own.map(|_| MinimumProtocolVersion::Tls12),
    }
}

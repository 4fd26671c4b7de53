//! The index of a bundle, without roles; and what a person should know of where its issuer is served.
//!
//! Input: options that were checked. Output: a header, whose documents follow from it.

use bundle_schema::documents::index::{Certificate, Endpoint, Header, Kind, MadeDistribution};
use bundle_schema::names::{BucketName, GeneratorVersion, IssuerUrl, NameError};

use crate::settings::options::{BundleOptions, Issuer};

/// What the index of these options says, without roles.
pub(crate) fn header(options: &BundleOptions) -> Result<Header, NameError> {
    let settings = options.recorded()?;
    let BundleOptions {
        name,
        serial,
        created,
        expires,
        account_id,
        place,
        role_path,
        tags,
        previous,
        former_issuers,
        ..
    } = options.clone();
    let Served { kind, endpoint, issuer_url, bucket_name, certificate, distribution } = served(options)?;
    // A cluster's are in the document of its provider.
    let audiences = (kind == Kind::Roles).then(|| options.audiences.clone());
    Ok(Header {
        kind,
        name,
        serial,
        created,
        expires,
        generator_version: GeneratorVersion::new(env!("CARGO_PKG_VERSION"))?,
        partition: place.partition,
        dns_suffix: place.dns_suffix,
        region: place.region,
        account_id,
        issuer_url,
        endpoint,
        bucket_name,
        certificate,
        distribution,
        former_issuers,
        audiences,
        role_path,
        tags,
        previous,
        settings,
        components: Vec::new(),
        skipped: Vec::new(),
    })
}

/// What of a header says where the issuer is, and who serves it.
struct Served {
    kind: Kind,
    endpoint: Option<Endpoint>,
    issuer_url: Option<IssuerUrl>,
    bucket_name: Option<BucketName>,
    certificate: Option<Certificate>,
    distribution: Option<MadeDistribution>,
}

fn served(options: &BundleOptions) -> Result<Served, NameError> {
    let BundleOptions { name, place, .. } = options;
    let of = |kind, endpoint, issuer_url| Served {
        kind,
        endpoint,
        issuer_url,
        bucket_name: None,
        certificate: None,
        distribution: None,
    };
    let cluster = |endpoint, url| of(Kind::Cluster, Some(endpoint), Some(url));
    Ok(match options.issuer.clone() {
        Issuer::PublicBucket(bucket_name) => {
            let url = name.bucket_or(bucket_name.as_ref()).public_url(&place.region, &place.dns_suffix);
            Served { bucket_name, ..cluster(Endpoint::PublicBucket, IssuerUrl::new(url)?) }
        }
        Issuer::Endpoint(bucket_name) => Served { bucket_name, ..of(Kind::Endpoint, Some(Endpoint::Cloudfront), None) },
        Issuer::Distribution { bucket: bucket_name, made } => {
            let url = IssuerUrl::new(format!("https://{}", made.domain))?;
            Served { bucket_name, distribution: Some(made), ..cluster(Endpoint::Cloudfront, url) }
        }
        Issuer::OwnHost { bucket: bucket_name, url, certificate } => {
            Served { bucket_name, certificate: Some(certificate), ..cluster(Endpoint::Cloudfront, url) }
        }
        Issuer::Hosted(url) => cluster(Endpoint::Hosted, url),
        Issuer::Existing(url) => of(Kind::Roles, None, Some(url)),
    })
}

/// What may keep the issuer from being served in the bundle's partition.
pub(super) fn warnings(header: &Header) -> impl Iterator<Item = String> + use<> {
    licence_note(header).into_iter().chain(cloudfront_note(header))
}

/// AWS's operators in China serve content to the public only for accounts that are registered for it
/// [Getting started with Amazon Web Services in China, ICP recordal].
fn licence_note(header: &Header) -> Option<String> {
    let in_china = header.partition.as_str() == "aws-cn";
    let what = match header.endpoint {
        Some(Endpoint::PublicBucket) if in_china => {
            "a bucket answers the public only where the account has an ICP recordal, or an exception from it"
        }
        Some(Endpoint::Cloudfront) if in_china => "CloudFront serves only host names that have an ICP recordal",
        _ => return None,
    };
    Some(format!(
        "in China {what}: ask AWS before the bundle is applied, or have the documents published elsewhere with --issuer-url"
    ))
}

/// The table of partitions says nothing about CloudFront in this one.
fn cloudfront_note(header: &Header) -> Option<String> {
    let is_unknown = header.has_distribution() && header.partition.cloudfront().is_none();
    is_unknown.then(|| {
        format!(
            "whether partition {} has CloudFront is not known: ask AWS before the bundle is applied, or have the documents published \
             elsewhere with --issuer-url alone",
            header.partition
        )
    })
}

//! Who publishes what AWS checks the cluster's tokens with, and whether CloudFront can.
//!
//! Input: the settings as they were given, and the distribution that a receipt or an older bundle names. Output: the issuer, or why
//! the settings make none. What a partition has of CloudFront is in `bundle_schema::names`, with its sources.

use bundle_schema::documents::index::{Certificate, MadeDistribution};
use bundle_schema::names::{AccountId, CertificateArn, CloudFront, ClusterName, Partition};

use super::flags::Settings;
use super::options::{Issuer, OptionsError, Place, bucket_name};
use super::provider::ProviderError;

/// Settings that make no issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IssuerError {
    /// A provider that is there already.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A bucket's name.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// A bucket for documents that somebody else publishes.
    #[error("--bucket-name names a bucket, and with --issuer-url alone there is none\n  leave one of them out")]
    NoBucket,
    /// A certificate for no host name.
    #[error(
        "--{0} is for the issuer's own host name, and none is given\n  give it: --issuer-url https://HOST[/PATH]; for a distribution at CloudFront's own name leave --{0} out"
    )]
    NoHost(&'static str),
    /// A host name that a distribution cannot show a certificate for.
    #[error(
        "--create-private-s3-bucket with --issuer-url needs a certificate for {0}\n  give --certificate-arn ARN, of us-east-1, or --iam-certificate-id ID; if somebody else publishes the documents there, leave --create-private-s3-bucket out"
    )]
    NoCertificate(String),
    /// A partition without CloudFront.
    #[error(
        "a private bucket needs CloudFront, which partition {0} does not have\n  have the documents published elsewhere: --issuer-url URL alone, without certificate and bucket"
    )]
    NoCloudFront(Partition),
    /// A partition in which CloudFront's own names answer nobody.
    #[error(
        "CloudFront serves in partition {0} at host names of your own alone\n  give --issuer-url URL and --iam-certificate-id ID, or have the documents published elsewhere: --issuer-url URL alone"
    )]
    NeedsOwnHost(Partition),
    /// A certificate of a service that CloudFront does not ask there.
    #[error(
        "--certificate-arn is {arn}; CloudFront takes in partition {partition} certificates that IAM holds, and no others\n  give --iam-certificate-id ID, as aws iam list-server-certificates shows it"
    )]
    NeedsIamCertificate {
        /// The certificate.
        arn: CertificateArn,
        /// The bundle's partition.
        partition: Partition,
    },
    /// A certificate that the distribution cannot have.
    #[error(
        "--certificate-arn is {arn}; the bundle is for account {account} in partition {partition}\n  give a certificate of that account, in us-east-1"
    )]
    OtherAccount {
        /// The certificate.
        arn: CertificateArn,
        /// The bundle's account.
        account: AccountId,
        /// The bundle's partition.
        partition: Partition,
    },
}

/// Decides from the settings; `made` is the distribution that is there already, where one is.
pub(crate) fn issuer(
    settings: &Settings,
    name: &ClusterName,
    place: &Place,
    account: &AccountId,
    made: Option<MadeDistribution>,
) -> Result<Issuer, IssuerError> {
    if let Some(arn) = &settings.identity_provider_arn {
        return Ok(Issuer::Existing(arn.issuer(settings, place, account)?));
    }
    let bucket = || bucket_name(settings.bucket_name.clone(), name, account, &place.region);
    let private = settings.create_private_s3_bucket;
    let issuer = match (made, settings.issuer_url.clone(), certificate(settings)) {
        // Whatever else is given was refused where the distribution comes from.
        (Some(made), ..) => Issuer::Distribution { bucket: bucket()?, made },
        (None, Some(url), Some((_, certificate))) => Issuer::OwnHost { bucket: bucket()?, url, certificate },
        (None, None, Some((flag, _))) => return Err(IssuerError::NoHost(flag)),
        (None, Some(url), None) if private => return Err(IssuerError::NoCertificate(url.host().to_owned())),
        (None, Some(_), None) if settings.bucket_name.is_some() => return Err(IssuerError::NoBucket),
        (None, Some(url), None) => Issuer::Hosted(url),
        (None, None, None) if private => Issuer::Endpoint(bucket()?),
        (None, None, None) => Issuer::PublicBucket(bucket()?),
    };
    check_cloudfront(&issuer, &place.partition, account)?;
    Ok(issuer)
}

/// The certificate, and the flag that names it.
fn certificate(settings: &Settings) -> Option<(&'static str, Certificate)> {
    let Settings { certificate_arn, iam_certificate_id, .. } = settings;
    let acm = certificate_arn.clone().map(|arn| ("certificate-arn", Certificate::Acm(arn)));
    acm.or_else(|| iam_certificate_id.clone().map(|id| ("iam-certificate-id", Certificate::Iam(id))))
}

/// Whether the partition has a CloudFront that serves so. Where that is not known, the report says so.
fn check_cloudfront(issuer: &Issuer, partition: &Partition, account: &AccountId) -> Result<(), IssuerError> {
    let certificate = match issuer {
        Issuer::PublicBucket(_) | Issuer::Hosted(_) | Issuer::Existing(_) => return Ok(()),
        Issuer::Endpoint(_) | Issuer::Distribution { .. } => None,
        Issuer::OwnHost { certificate, .. } => Some(certificate),
    };
    let partition = || partition.clone();
    match (partition().cloudfront(), certificate) {
        (Some(CloudFront::Absent), _) => Err(IssuerError::NoCloudFront(partition())),
        (Some(CloudFront::AliasOnly(_)), None) => Err(IssuerError::NeedsOwnHost(partition())),
        (Some(CloudFront::AliasOnly(_)), Some(Certificate::Acm(arn))) => {
            Err(IssuerError::NeedsIamCertificate { arn: arn.clone(), partition: partition() })
        }
        (_, Some(Certificate::Acm(arn))) if !arn.is_of(&partition(), account) => {
            Err(IssuerError::OtherAccount { arn: arn.clone(), account: account.clone(), partition: partition() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bundle_schema::names::Region;

    const ACM: &str = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
    const IAM: &str = "ASCACKCEVSQ6CEXAMPLE1";

    fn decide(region: &str, settings: &Settings) -> Result<Issuer, String> {
        let place = Place::new(Region::new(region).unwrap(), None, None).unwrap();
        let (name, account) = ("demo".parse().unwrap(), "123456789012".parse().unwrap());
        issuer(settings, &name, &place, &account, None).map_err(|error| error.to_string())
    }

    fn own_host(arn: Option<&str>, id: Option<&str>) -> Settings {
        Settings {
            issuer_url: Some("https://oidc.example.com/prod".parse().unwrap()),
            certificate_arn: arn.map(|arn| arn.parse().unwrap()),
            iam_certificate_id: id.map(|id| id.parse().unwrap()),
            ..Settings::default()
        }
    }

    fn private() -> Settings {
        Settings { create_private_s3_bucket: true, ..Settings::default() }
    }

    #[test]
    fn a_certificate_makes_a_private_bucket_whether_it_is_asked_for_or_not() {
        let settings = own_host(Some(ACM), None);
        let made = decide("us-east-2", &settings).unwrap();
        assert!(matches!(&made, Issuer::OwnHost { bucket: None, certificate: Certificate::Acm(_), .. }));
        assert_eq!(decide("us-east-2", &Settings { create_private_s3_bucket: true, ..settings }), Ok(made));
        assert_eq!(decide("us-east-2", &private()), Ok(Issuer::Endpoint(None)));
        assert_eq!(decide("us-east-2", &Settings::default()), Ok(Issuer::PublicBucket(None)));
        assert!(matches!(decide("us-east-2", &own_host(None, None)), Ok(Issuer::Hosted(_))));
    }

    #[test]
    fn a_private_bucket_is_refused_where_cloudfront_cannot_serve_it() {
        for (region, settings, error) in [
            (
                "us-gov-west-1",
                private(),
                "a private bucket needs CloudFront, which partition aws-us-gov does not have\n",
            ),
            (
                "us-iso-east-1",
                own_host(Some(ACM), None),
                "a private bucket needs CloudFront, which partition aws-iso does ",
            ),
            ("cn-north-1", private(), "CloudFront serves in partition aws-cn at host names of your own alone\n"),
            (
                "cn-north-1",
                own_host(Some(ACM), None),
                "--certificate-arn is arn:aws:acm:us-east-1:123456789012:certificate/",
            ),
            (
                "eu-west-1",
                own_host(Some(&ACM.replace("123456789012:", "210987654321:")), None),
                "--certificate-arn is arn:aws:acm:us-east-1:210987654321:certificate/12345678-1234-1234-1234-123456789012; the \
                 bundle is for account 123456789012 in partition aws\n",
            ),
        ] {
            let found = decide(region, &settings).unwrap_err();
            assert!(found.starts_with(error), "{region}: {found}");
        }
        assert!(matches!(decide("cn-north-1", &own_host(None, Some(IAM))), Ok(Issuer::OwnHost { .. })));
        assert!(matches!(decide("eusc-de-east-1", &private()), Ok(Issuer::Endpoint(_))));
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        let certificate_alone = Settings { issuer_url: None, ..own_host(Some(ACM), None) };
        let url_alone = Settings { create_private_s3_bucket: true, ..own_host(None, None) };
        let bucket = Settings { bucket_name: Some("acme-oidc".parse().unwrap()), ..own_host(None, None) };
        for (settings, error) in [
            (certificate_alone, "--certificate-arn is for the issuer's own host name, and none is given\n"),
            (url_alone, "--create-private-s3-bucket with --issuer-url needs a certificate for oidc.example.com\n"),
            (bucket, "--bucket-name names a bucket, and with --issuer-url alone there is none\n"),
        ] {
            let found = decide("us-east-2", &settings).unwrap_err();
            assert!(found.starts_with(error), "{found}");
        }
    }
}

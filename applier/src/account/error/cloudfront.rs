//! What to do about CloudFront's codes whose message does not say it. Source: CloudFront API reference, the errors of each operation.

pub(super) fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "CNAMEAlreadyExists" => {
            "another distribution, perhaps of another account, has this host name: take it off there (`aws cloudfront \
             list-conflicting-aliases`), or make the bundle with another --issuer-url"
        }
        "DistributionAlreadyExists" => {
            "CloudFront makes one distribution for each bundle, once, and this one's was deleted since: make the bundle again with a \
             higher --serial"
        }
        "InvalidViewerCertificate" => {
            "the certificate has to be issued, for the issuer's host name, and in us-east-1 where ACM holds it: look at it, or make the \
             bundle with another --certificate-arn"
        }
        "OriginAccessControlInUse" => {
            "another distribution uses it too: give that one an access control of its own (`aws cloudfront list-distributions`), then run \
             this again"
        }
        "NoSuchDistribution" | "NoSuchOriginAccessControl" => {
            "it was deleted in the meantime: look who else is changing this account, then run this again"
        }
        "TooManyDistributions"
        | "TooManyDistributionCNAMEs"
        | "TooManyOriginAccessControls"
        | "TooManyDistributionsAssociatedToOriginAccessControl" => {
            "the account's quota is used up: have it raised, or remove what is not in use"
        }
        _ => return None,
    })
}

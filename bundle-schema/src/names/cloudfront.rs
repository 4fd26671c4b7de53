//! What CloudFront calls its own, and the certificates that it serves with.

use super::{AccountId, Partition, all, ensure, is_lower_alphanumeric, name};

name! {
    /// A distribution's ID, such as `EDFDVBD6EXAMPLE` [CloudFront API reference, Distribution].
    DistributionId, "distribution ID", |value| {
        ensure(is_cloudfront_id(value), "must be E and 6 to 31 capital letters and digits")
    }
}

name! {
    /// An origin access control's ID, such as `E327GJI25M56DG` [CloudFront API reference, OriginAccessControl].
    AccessControlId, "origin access control ID", |value| {
        ensure(is_cloudfront_id(value), "must be E and 6 to 31 capital letters and digits")
    }
}

fn is_cloudfront_id(value: &str) -> bool {
    (7..=32).contains(&value.len())
        && value.starts_with('E')
        && all(value, |b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

name! {
    /// The host name that CloudFront gives a distribution, such as `d111111abcdef8.cloudfront.net`
    /// [CloudFront developer guide, using custom URLs].
    DistributionDomain, "distribution domain", |value| {
        const RULE: &str = "must be a label of lower-case letters and digits, and then cloudfront and one or two labels more, such as d111111abcdef8.cloudfront.net";
        ensure(value.len() <= 100, "must have at most 100 characters")?;
        let (label, suffix) = value.split_once('.').ok_or(RULE)?;
        ensure((2..=63).contains(&label.len()) && label.starts_with('d') && all(label, is_lower_alphanumeric), RULE)?;
        let rest: Vec<&str> = suffix.strip_prefix("cloudfront.").ok_or(RULE)?.split('.').collect();
        ensure(rest.len() <= 2 && rest.iter().all(|label| !label.is_empty() && all(label, is_lower_alphanumeric)), RULE)
    }
}

impl DistributionDomain {
    /// Whether CloudFront of this partition gives out such names, as far as that is known.
    #[must_use]
    pub fn is_in(&self, partition: &Partition) -> bool {
        partition.cloudfront().is_none_or(|known| match known {
            CloudFront::Everywhere(suffix) | CloudFront::AliasOnly(suffix) => {
                self.0.split_once('.').is_some_and(|(_, found)| found == suffix)
            }
            CloudFront::Absent => false,
        })
    }
}

/// What a partition has of CloudFront.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudFront {
    /// It serves at the names that it gives out, which end like this, and at others.
    Everywhere(&'static str),
    /// It serves at host names of the customer's alone, with certificates that IAM holds [Getting started with Amazon Web Services in China,
    /// Amazon CloudFront].
    AliasOnly(&'static str),
    /// There is none.
    Absent,
}

impl Partition {
    /// What the partition has of CloudFront; none where that is not known.
    #[must_use]
    pub fn cloudfront(&self) -> Option<CloudFront> {
        match self.as_str() {
            "aws" => Some(CloudFront::Everywhere("cloudfront.net")),
            "aws-cn" => Some(CloudFront::AliasOnly("cloudfront.cn")),
            "aws-us-gov" | "aws-iso" | "aws-iso-b" | "aws-iso-e" | "aws-iso-f" => Some(CloudFront::Absent),
            _ => None,
        }
    }
}

name! {
    /// The ARN of a certificate in ACM. CloudFront takes those of us-east-1 alone
    /// [CloudFront developer guide, requirements for using SSL/TLS certificates].
    CertificateArn, "certificate ARN", |value| {
        const RULE: &str = "must have the form arn:<partition>:acm:us-east-1:<account>:certificate/<ID>: CloudFront takes certificates of us-east-1 alone";
        ensure(value.len() <= 200, "must have at most 200 characters")?;
        let parts: Vec<&str> = value.splitn(6, ':').collect();
        let ["arn", partition, "acm", "us-east-1", account, resource] = parts.as_slice() else { return Err(RULE) };
        ensure(Partition::new(*partition).is_ok() && AccountId::new(*account).is_ok(), RULE)?;
        let id = resource.strip_prefix("certificate/").ok_or(RULE)?;
        ensure(!id.is_empty() && all(id, |b| b.is_ascii_hexdigit() || b == b'-'), RULE)
    }
}

impl CertificateArn {
    /// Whether it is of this account and partition.
    #[must_use]
    pub fn is_of(&self, partition: &Partition, account: &AccountId) -> bool {
        self.0.starts_with(&format!("arn:{partition}:acm:us-east-1:{account}:"))
    }
}

name! {
    /// The ID of a certificate that IAM holds, such as `ASCACKCEVSQ6CEXAMPLE1` [IAM API reference, ServerCertificateMetadata].
    IamCertificateId, "IAM certificate ID", |value| {
        ensure(
            (16..=128).contains(&value.len()) && all(value, |b| b.is_ascii_alphanumeric() || b == b'_'),
            "must have 16 to 128 letters, digits and _, as aws iam list-server-certificates shows it",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cloudfront_names_has_its_form() {
        assert!(DistributionId::new("EDFDVBD6EXAMPLE").is_ok() && AccessControlId::new("E327GJI25M56DG").is_ok());
        for wrong in ["", "E", "EDFDV", "DFDVBD6EXAMPLE", "Edfdvbd6example", "EDFDVBD6/EXAMPLE", &"E".repeat(33)] {
            assert!(DistributionId::new(wrong).is_err() && AccessControlId::new(wrong).is_err(), "{wrong}");
        }
        for right in ["d111111abcdef8.cloudfront.net", "d1.cloudfront.cn", "d1.cloudfront.amazonaws.eu"] {
            assert!(DistributionDomain::new(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "cloudfront.net",
            "evil.example.com",
            "e1.cloudfront.net",
            "d1.evil.cloudfront.net",
            "d1.cloudfront.net.evil.example",
            "d1.cloudfront",
            "d1.cloudfront.",
            "D1.cloudfront.net",
            "d1.cloudfront.net/x",
            "d1.cloudfront.net:443",
        ] {
            assert!(DistributionDomain::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_domain_is_of_its_partition() {
        let domain = DistributionDomain::new("d1.cloudfront.net").unwrap();
        for (partition, is_in) in [("aws", true), ("aws-cn", false), ("aws-us-gov", false), ("aws-eusc", true)] {
            assert_eq!(domain.is_in(&Partition::new(partition).unwrap()), is_in, "{partition}");
        }
    }

    #[test]
    fn certificates_are_of_the_region_that_cloudfront_reads() {
        let arn = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012";
        let certificate = CertificateArn::new(arn).unwrap();
        let (aws, account) = (Partition::new("aws").unwrap(), AccountId::new("123456789012").unwrap());
        assert!(certificate.is_of(&aws, &account));
        assert!(!certificate.is_of(&aws, &AccountId::new("210987654321").unwrap()));
        assert!(!certificate.is_of(&Partition::new("aws-cn").unwrap(), &account));
        for wrong in ["", "arn:aws:acm:us-east-1:123456789012:certificate/", &arn.replace("us-east-1", "us-east-2")] {
            assert!(CertificateArn::new(wrong).is_err(), "{wrong}");
        }
        assert!(IamCertificateId::new("ASCACKCEVSQ6CEXAMPLE1").is_ok());
        assert!(IamCertificateId::new("ASCA").is_err() && IamCertificateId::new("ASCACKCEVSQ6CEXAMPLE/").is_err());
    }
}

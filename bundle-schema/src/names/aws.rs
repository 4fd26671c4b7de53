//! What a cluster's AWS resources are called.

use super::{
    DnsSuffix, NameError, Namespace, ObjectName, Region, all, cut_with_hash, ensure, is_iam_name_byte,
    is_lower_alphanumeric, name,
};
use crate::limits::MAX_ROLE_NAME_CHARS;

name! {
    /// The name that the cluster's AWS resources begin with (`ccoctl --name`).
    ///
    /// 1 to 58 characters, because the bucket `<name>-oidc` may have 63 [S3 user guide, bucket naming rules]; the other
    /// rules are the bucket's too.
    ClusterName, "name", |value| {
        ensure((1..=58).contains(&value.len()), "must have 1 to 58 characters, because the bucket <name>-oidc may have 63")?;
        ensure(all(value, |b| is_lower_alphanumeric(b) || b == b'-'), "must consist of a-z, 0-9 and -, as a bucket's name is")?;
        ensure(value.bytes().next().is_some_and(is_lower_alphanumeric), "must begin with a letter or a digit")?;
        ensure(
            !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|reserved| value.starts_with(reserved)),
            "S3 reserves bucket names that begin with xn--, sthree- and amzn-s3-demo-",
        )
    }
}

/// How the key of the tag begins that marks a resource as a cluster's; the cluster's name follows.
pub const OWNERSHIP_TAG_PREFIX: &str = "openshift.io/cloud-credential-operator/";

impl ClusterName {
    /// The issuer's bucket, `<name>-oidc`, as ccoctl names it.
    #[must_use]
    pub fn bucket(&self) -> BucketName {
        BucketName(format!("{}-oidc", self.0))
    }

    /// The issuer's bucket: this name, where one is given, and otherwise the one that ccoctl gives it.
    #[must_use]
    pub fn bucket_or(&self, given: Option<&BucketName>) -> BucketName {
        given.cloned().unwrap_or_else(|| self.bucket())
    }

    /// The key of the tag that marks a resource as this cluster's, with the value `owned`.
    #[must_use]
    pub fn ownership_tag_key(&self) -> String {
        format!("{OWNERSHIP_TAG_PREFIX}{}", self.0)
    }
}

name! {
    /// An S3 bucket's name [S3 user guide, general purpose bucket naming rules], without dots: S3's certificate is for names of
    /// one label.
    BucketName, "bucket name", |value| {
        ensure((3..=63).contains(&value.len()), "must have 3 to 63 characters")?;
        ensure(
            all(value, |b| is_lower_alphanumeric(b) || b == b'-'),
            "must consist of a-z, 0-9 and -, without dots, because S3's certificate is for names of one label",
        )?;
        ensure(!value.starts_with('-') && !value.ends_with('-'), "must begin and end with a letter or a digit")?;
        ensure(
            !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|reserved| value.starts_with(reserved)),
            "S3 reserves names that begin with xn--, sthree- and amzn-s3-demo-",
        )?;
        ensure(
            !["-s3alias", "--ols-s3", "--x-s3", "--table-s3"].iter().any(|reserved| value.ends_with(reserved)),
            "S3 reserves names that end in -s3alias, --ols-s3, --x-s3 and --table-s3",
        )
    }
}

impl BucketName {
    /// Whether the name's ending says that it belongs to one account and region, `<prefix>-<account>-<region>-an`.
    #[must_use]
    pub fn is_account_regional(&self) -> bool {
        self.0.ends_with("-an")
    }

    /// `https://<bucket>.s3.<region>.<dns suffix>`, where everybody finds what the bucket lets them read.
    #[must_use]
    pub fn public_url(&self, region: &Region, dns_suffix: &DnsSuffix) -> String {
        format!("https://{}", self.host(region, dns_suffix))
    }

    /// The host name at which the bucket's region serves it: `<bucket>.s3.<region>.<dns suffix>`.
    #[must_use]
    pub fn host(&self, region: &Region, dns_suffix: &DnsSuffix) -> String {
        format!("{self}.s3.{region}.{dns_suffix}")
    }

    /// Whether the name may be made in this account and region: S3 keeps the ending `-an` for names that name both.
    #[must_use]
    pub fn fits(&self, account: &AccountId, region: &Region) -> bool {
        let ending = format!("-{account}-{region}-an");
        !self.is_account_regional() || (self.0.ends_with(&ending) && self.0.len() > ending.len())
    }
}

name! {
    /// A 12-digit AWS account ID.
    AccountId, "account ID", |value| {
        ensure(value.len() == 12 && all(value, |b| b.is_ascii_digit()), "must be exactly 12 digits")
    }
}

name! {
    /// An IAM role's name [IAM API reference, CreateRole].
    RoleName, "role name", |value| {
        ensure((1..=MAX_ROLE_NAME_CHARS).contains(&value.len()), "must have 1 to 64 characters")?;
        ensure(all(value, is_iam_name_byte), "must consist of letters, digits and _+=,.@-")
    }
}

name! {
    /// An IAM path, `/` or `/division/team/` [IAM API reference, CreateRole].
    RolePath, "role path", |value| {
        ensure((1..=512).contains(&value.len()), "must have 1 to 512 characters")?;
        ensure(value.starts_with('/') && value.ends_with('/'), "must begin and end with /")?;
        ensure(value == "/" || !value.contains("//"), "must have no empty part")?;
        ensure(!value.split('/').any(|part| part == "." || part == ".."), "must have no part . or ..")?;
        ensure(all(value, |b| is_iam_name_byte(b) || b == b'/'), "must consist of /, letters, digits and _+=,.@-")
    }
}

/// How roles are named. A bundle names all its roles in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleNaming {
    /// As ccoctl names them: `<name>-<namespace>-<secret>`, cut to 64 characters [ccoctl create-iam-roles.go, createRole].
    #[default]
    Ccoctl,
    /// The same, but a name that is too long ends in a hash of the whole name.
    Hashed,
}

impl RoleNaming {
    /// The name of the role of a Secret.
    pub fn role(self, name: &ClusterName, namespace: &Namespace, secret: &ObjectName) -> Result<RoleName, NameError> {
        let full = format!("{name}-{namespace}-{secret}");
        RoleName::new(match self {
            Self::Ccoctl => full.chars().take(MAX_ROLE_NAME_CHARS).collect(),
            Self::Hashed => cut_with_hash(&full, MAX_ROLE_NAME_CHARS),
        })
    }
}

impl Default for RolePath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

name! {
    /// The issuer of the cluster's tokens: an `https` URL of 9 to 255 characters without port, query or fragment
    /// [IAM API reference, CreateOpenIDConnectProvider].
    IssuerUrl, "issuer URL", |value| {
        ensure(value.len() <= 255, "must have at most 255 characters")?;
        let rest = value.strip_prefix("https://").ok_or("must begin with https://")?;
        let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
        ensure(!host.is_empty() && host.contains('.'), "must name a host")?;
        ensure(
            host.split('.').all(|label| {
                !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
                    && all(label, |b| is_lower_alphanumeric(b) || b == b'-')
            }),
            "its host must be a DNS name in lower case, without port or user",
        )?;
        ensure(
            path.is_none_or(|path| {
                path.split('/').all(|part| {
                    !part.is_empty() && part != "." && part != ".." && all(part, |b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
                })
            }),
            "its path must have no empty part, no query, no fragment and no trailing /",
        )
    }
}

impl IssuerUrl {
    /// The URL without its scheme: the host and path that IAM uses in the provider's ARN and in condition keys.
    #[must_use]
    pub fn without_scheme(&self) -> &str {
        self.0.strip_prefix("https://").unwrap_or(&self.0)
    }

    /// Its host name.
    #[must_use]
    pub fn host(&self) -> &str {
        self.without_scheme().split('/').next().unwrap_or_default()
    }

    /// Its path without the slash before it, where it has one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.without_scheme().split_once('/').map(|(_, path)| path)
    }
}

name! {
    /// The ARN of a managed policy that bounds a role's permissions
    /// (`arn:<partition>:iam::<account or "aws">:policy/<path and name>`).
    BoundaryArn, "permissions boundary ARN", |value| {
        const RULE: &str = "must have the form arn:<partition>:iam::<account>:policy/<name>";
        ensure((20..=2048).contains(&value.len()), "must have 20 to 2048 characters")?;
        let parts: Vec<&str> = value.splitn(6, ':').collect();
        let [arn, partition, service, region, account, resource] = parts.as_slice() else { return Err(RULE) };
        ensure(
            *arn == "arn" && *service == "iam" && region.is_empty()
                && all(partition, |b| is_lower_alphanumeric(b) || b == b'-')
                && (*account == "aws" || AccountId::new(*account).is_ok()),
            RULE,
        )?;
        let name = resource.strip_prefix("policy/").ok_or(RULE)?;
        ensure(!name.is_empty() && all(name, |b| is_iam_name_byte(b) || b == b'/'), RULE)
    }
}

name! {
    /// An audience (client ID) of the identity provider: 1 to 255 characters [IAM API reference, ClientIDListType].
    Audience, "audience", |value| {
        ensure((1..=255).contains(&value.len()), "must have 1 to 255 characters")?;
        ensure(all(value, |b| b.is_ascii_graphic()), "must consist of printable ASCII without spaces")
    }
}

name! {
    /// The SHA-1 of a certificate in the issuer's chain, 40 hexadecimal digits [IAM API reference, thumbprintType].
    Thumbprint, "thumbprint", |value| {
        ensure(value.len() == 40 && all(value, |b| b.is_ascii_hexdigit()), "must be exactly 40 hexadecimal digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_name_makes_a_bucket_name() {
        assert_eq!(ClusterName::new("democluster").unwrap().bucket().as_str(), "democluster-oidc");
        assert_eq!(ClusterName::new("a".repeat(58)).unwrap().bucket().as_str().len(), 63);
        for wrong in ["ab", "a.b.c", "-abc", "abc-", "xn--abc", "sthree-abc", "a-s3alias", "a--x-s3", "a--table-s3"] {
            assert!(BucketName::new(wrong).is_err(), "{wrong}");
        }
        let (account, region) = (AccountId::new("123456789012").unwrap(), Region::new("us-east-2").unwrap());
        let fits = |name: &str| BucketName::new(name).unwrap().fits(&account, &region);
        assert!(fits("demo-oidc") && fits("keys-123456789012-us-east-2-an"));
        assert!(!fits("keys-123456789012-us-east-1-an") && !fits("keys-210987654321-us-east-2-an") && !fits("plan-an"));
        for wrong in ["", "Upper", "dot.dot", "-dash", "xn--a", "sthree-x", "amzn-s3-demo-x", &"a".repeat(59), "a b"] {
            assert!(ClusterName::new(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            ClusterName::new("Prod\u{1b}").unwrap_err().to_string(),
            "invalid name \"Prod\\u{1b}\": must consist of a-z, 0-9 and -, as a bucket's name is"
        );
    }

    #[test]
    fn issuer_urls_are_those_iam_takes() {
        for right in
            ["https://b.s3.us-east-2.amazonaws.com", "https://id.example.com/clusters/a_b".replace('_', "-").as_str()]
        {
            assert!(IssuerUrl::new(right).is_ok(), "{right}");
        }
        for wrong in [
            "http://a.b",
            "https://",
            "https://host",
            "https://a.b:443",
            "https://a.b/",
            "https://a.b?x",
            "https://a.b/#f",
            "https://u@a.b",
            "https://A.b",
            "https://a..b",
            "https://a.b/x//y",
            "https://a.b/../c",
        ] {
            assert!(IssuerUrl::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_keep_their_owners_rules() {
        assert!(RoleName::new("a".repeat(65)).is_err());
        assert!(RoleName::new("with space").is_err());
        assert!(RolePath::new("/a/b/").is_ok() && RolePath::new("/").is_ok());
        assert!(RolePath::new("/a").is_err() && RolePath::new("a/").is_err() && RolePath::new("//").is_err());
        assert!(RolePath::new("/a/../b/").is_err() && RolePath::new("/./").is_err());
        assert!(AccountId::new("012345678901").is_ok() && AccountId::new("12345678901").is_err());
        assert!(BoundaryArn::new("arn:aws:iam::123456789012:policy/team/edge").is_ok());
        assert!(BoundaryArn::new("arn:aws:iam::123456789012:role/edge").is_err());
    }
}

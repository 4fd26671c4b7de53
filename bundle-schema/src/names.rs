//! The names in a bundle, each a type with one constructor that checks it: what has one of these types needs no further
//! look. Rules are those of the service that owns the name, with the source beside each.

use crate::escape::Escaped;

/// A name that its owner's rules refuse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} \"{}\" is refused: {rule}", Escaped(value))]
pub struct NameError {
    /// What the name is, in the field's term.
    pub what: &'static str,
    /// The name as it was given.
    pub value: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Checks and keeps a ", $what, ".")]
            pub fn new(value: impl Into<String>) -> Result<Self, $crate::names::NameError> {
                let value = value.into();
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(&value) {
                    Ok(()) => Ok(Self(value)),
                    Err(rule) => Err($crate::names::NameError { what: $what, value, rule }),
                }
            }

            #[doc = concat!("The ", $what, " as text.")]
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::names::NameError;
            fn try_from(value: String) -> Result<Self, $crate::names::NameError> {
                Self::new(value)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::names::NameError;
            fn from_str(value: &str) -> Result<Self, $crate::names::NameError> {
                Self::new(value)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}
pub(crate) use name;

fn ensure(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}

fn all(value: &str, allowed: impl Fn(u8) -> bool) -> bool {
    value.bytes().all(allowed)
}

fn is_lower_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// The characters IAM allows in a role name: `[\w+=,.@-]` [IAM API reference, CreateRole].
pub(crate) fn is_iam_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

name! {
    /// The name that the cluster's AWS resources begin with (`ccoctl --name`).
    ///
    /// 1 to 58 characters, because the bucket `<name>-oidc` may have 63 [S3 user guide, bucket naming rules]; the other
    /// rules are the bucket's too.
    ClusterName, "name", |value| {
        ensure((1..=58).contains(&value.len()), "it has 1 to 58 characters, because the bucket <name>-oidc may have 63")?;
        ensure(all(value, |b| is_lower_alphanumeric(b) || b == b'-'), "it is made of a-z, 0-9 and -, as a bucket's name is")?;
        ensure(value.bytes().next().is_some_and(is_lower_alphanumeric), "it begins with a letter or a digit")?;
        ensure(
            !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|reserved| value.starts_with(reserved)),
            "S3 reserves bucket names that begin with xn--, sthree- and amzn-s3-demo-",
        )
    }
}

impl ClusterName {
    /// The issuer's bucket, `<name>-oidc`, as ccoctl names it.
    #[must_use]
    pub fn bucket(&self) -> BucketName {
        BucketName(format!("{}-oidc", self.0))
    }

    /// The key of the tag that marks a resource as this cluster's, with the value `owned`.
    #[must_use]
    pub fn ownership_tag_key(&self) -> String {
        format!("openshift.io/cloud-credential-operator/{}", self.0)
    }
}

name! {
    /// An S3 bucket's name [S3 user guide, general purpose bucket naming rules].
    BucketName, "bucket name", |value| {
        ensure((3..=63).contains(&value.len()), "it has 3 to 63 characters")?;
        ensure(all(value, |b| is_lower_alphanumeric(b) || b == b'-'), "it is made of a-z, 0-9 and -")
    }
}

name! {
    /// A 12-digit AWS account ID.
    AccountId, "account ID", |value| {
        ensure(value.len() == 12 && all(value, |b| b.is_ascii_digit()), "it has exactly 12 digits")
    }
}

name! {
    /// An IAM role's name [IAM API reference, CreateRole].
    RoleName, "role name", |value| {
        ensure((1..=64).contains(&value.len()), "it has 1 to 64 characters")?;
        ensure(all(value, is_iam_name_byte), "it is made of letters, digits and _+=,.@-")
    }
}

name! {
    /// An IAM path, `/` or `/division/team/` [IAM API reference, CreateRole].
    RolePath, "role path", |value| {
        ensure((1..=512).contains(&value.len()), "it has 1 to 512 characters")?;
        ensure(value.starts_with('/') && value.ends_with('/'), "it begins and ends with /")?;
        ensure(value == "/" || !value.contains("//"), "it has no empty part")?;
        ensure(all(value, |b| is_iam_name_byte(b) || b == b'/'), "it is made of /, letters, digits and _+=,.@-")
    }
}

impl Default for RolePath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

name! {
    /// A Kubernetes namespace: an RFC 1123 label, at most 63 characters [Kubernetes, object names].
    Namespace, "namespace", |value| {
        ensure((1..=63).contains(&value.len()), "it has 1 to 63 characters")?;
        ensure(all(value, |b| is_lower_alphanumeric(b) || b == b'-'), "it is made of a-z, 0-9 and -")?;
        ensure(!value.starts_with('-') && !value.ends_with('-'), "it begins and ends with a letter or a digit")
    }
}

name! {
    /// The name of a Secret, a service account or a CredentialsRequest: an RFC 1123 subdomain, at most 253 characters
    /// [Kubernetes, object names].
    ObjectName, "object name", |value| {
        ensure((1..=253).contains(&value.len()), "it has 1 to 253 characters")?;
        ensure(all(value, |b| is_lower_alphanumeric(b) || b == b'-' || b == b'.'), "it is made of a-z, 0-9, - and .")?;
        ensure(
            value.split('.').all(|part| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')),
            "each part between dots begins and ends with a letter or a digit",
        )
    }
}

name! {
    /// Where the pod finds its token: an absolute path of characters that neither YAML nor an INI file gives meaning to.
    TokenPath, "cloudTokenPath", |value| {
        ensure((2..=255).contains(&value.len()), "it has 2 to 255 characters")?;
        ensure(value.starts_with('/'), "it is absolute")?;
        ensure(all(value, |b| b.is_ascii_alphanumeric() || b"/._-".contains(&b)), "it is made of /, letters, digits and ._-")?;
        ensure(!value.split('/').any(|part| part == "." || part == ".."), "it has no part . or ..")
    }
}

impl Default for TokenPath {
    /// `/var/run/secrets/openshift/serviceaccount/token`, where OpenShift's components mount it.
    fn default() -> Self {
        Self("/var/run/secrets/openshift/serviceaccount/token".to_owned())
    }
}

name! {
    /// The issuer of the cluster's tokens: an `https` URL of 9 to 255 characters without port, query or fragment
    /// [IAM API reference, CreateOpenIDConnectProvider].
    IssuerUrl, "issuer URL", |value| {
        ensure(value.len() <= 255, "it has at most 255 characters")?;
        let rest = value.strip_prefix("https://").ok_or("it begins with https://")?;
        let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
        ensure(!host.is_empty() && host.contains('.'), "it names a host")?;
        ensure(
            host.split('.').all(|label| {
                !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
                    && all(label, |b| is_lower_alphanumeric(b) || b == b'-')
            }),
            "its host is a DNS name in lower case, without port or user",
        )?;
        ensure(
            path.is_none_or(|path| {
                path.split('/').all(|part| {
                    !part.is_empty() && part != "." && part != ".." && all(part, |b| b.is_ascii_alphanumeric() || b"._~-".contains(&b))
                })
            }),
            "its path has no empty part, no query, no fragment and no trailing /",
        )
    }
}

impl IssuerUrl {
    /// The URL without its scheme: the host and path that IAM uses in the provider's ARN and in condition keys.
    #[must_use]
    pub fn without_scheme(&self) -> &str {
        self.0.strip_prefix("https://").unwrap_or(&self.0)
    }
}

name! {
    /// The ARN of a managed policy that bounds a role's permissions
    /// (`arn:<partition>:iam::<account or "aws">:policy/<path and name>`).
    BoundaryArn, "permissions boundary ARN", |value| {
        const RULE: &str = "it has the form arn:<partition>:iam::<account>:policy/<name>";
        ensure((20..=2048).contains(&value.len()), "it has 20 to 2048 characters")?;
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
        ensure((1..=255).contains(&value.len()), "it has 1 to 255 characters")?;
        ensure(all(value, |b| b.is_ascii_graphic()), "it is made of printable ASCII without spaces")
    }
}

name! {
    /// The SHA-1 of a certificate in the issuer's chain, 40 hexadecimal digits [IAM API reference, thumbprintType].
    Thumbprint, "thumbprint", |value| {
        ensure(value.len() == 40 && all(value, |b| b.is_ascii_hexdigit()), "it has exactly 40 hexadecimal digits")
    }
}

name! {
    /// A SHA-256 digest, 64 hexadecimal digits in lower case.
    Sha256, "SHA-256", |value| {
        ensure(
            value.len() == 64 && all(value, |b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
            "it has exactly 64 hexadecimal digits in lower case",
        )
    }
}

impl Sha256 {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Self(base16ct::lower::encode_string(&sha2::Sha256::digest(bytes)))
    }
}

/// Cuts a name to `limit` bytes and ends it with `-` and the first 8 hexadecimal digits of the whole name's SHA-256, so
/// that two names cut the same way stay two names. Names that fit come back as they are. For ASCII names only.
#[must_use]
pub fn cut_with_hash(name: &str, limit: usize) -> String {
    if name.len() <= limit {
        return name.to_owned();
    }
    let kept: String = name.chars().take(limit.saturating_sub(9)).collect();
    let hash: String = Sha256::of(name.as_bytes()).0.chars().take(8).collect();
    format!("{kept}-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_name_makes_a_bucket_name() {
        assert_eq!(ClusterName::new("democluster").unwrap().bucket().as_str(), "democluster-oidc");
        assert_eq!(ClusterName::new("a".repeat(58)).unwrap().bucket().as_str().len(), 63);
        for wrong in ["", "Upper", "dot.dot", "-dash", "xn--a", "sthree-x", "amzn-s3-demo-x", &"a".repeat(59), "a b"] {
            assert!(ClusterName::new(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            ClusterName::new("Prod\u{1b}").unwrap_err().to_string(),
            "name \"Prod\\u{1b}\" is refused: it is made of a-z, 0-9 and -, as a bucket's name is"
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
        assert!(AccountId::new("012345678901").is_ok() && AccountId::new("12345678901").is_err());
        assert!(BoundaryArn::new("arn:aws:iam::123456789012:policy/team/edge").is_ok());
        assert!(BoundaryArn::new("arn:aws:iam::123456789012:role/edge").is_err());
        assert!(TokenPath::new("/var/run/../x").is_err() && TokenPath::new("rel").is_err());
    }

    #[test]
    fn long_names_are_cut_with_a_hash_of_the_whole() {
        assert_eq!(cut_with_hash("short", 64), "short");
        let (a, b) =
            (cut_with_hash(&format!("{}a", "x".repeat(70)), 64), cut_with_hash(&format!("{}b", "x".repeat(70)), 64));
        assert_eq!((a.len(), b.len()), (64, 64));
        assert_ne!(a, b);
    }
}

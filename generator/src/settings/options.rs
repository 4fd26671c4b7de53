//! What a bundle is made for: settings that were checked, each of the type that checks it.

use std::collections::BTreeMap;

use super::features::Features;
use bundle_schema::documents::former::FormerIssuer;
use bundle_schema::documents::index::{Certificate, MadeDistribution, Previous};
use bundle_schema::limits::{MAX_AUDIENCES, MAX_TAGS, MAX_THUMBPRINTS};
use bundle_schema::names::{
    AccountId, Audience, BoundaryArn, BucketName, ClusterName, DnsSuffix, IssuerUrl, NameError, Namespace, ObjectName,
    Partition, Region, RoleNaming, RolePath, Tag, TagKey, TagValue, Thumbprint, Timestamp, known_regions,
};

/// How roles are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum RoleNames {
    /// As ccoctl names them: `<name>-<namespace>-<secret>`, cut to 64 characters. A collision is refused.
    #[default]
    Ccoctl,
    /// The same, but a name that is too long ends in a hash of the whole name, so none collide.
    Hashed,
}

impl From<RoleNames> for RoleNaming {
    fn from(names: RoleNames) -> Self {
        match names {
            RoleNames::Ccoctl => Self::Ccoctl,
            RoleNames::Hashed => Self::Hashed,
        }
    }
}

/// Where a bundle's resources are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The partition of the region.
    pub partition: Partition,
    /// The suffix of the partition's host names.
    pub dns_suffix: DnsSuffix,
    /// The bucket's region.
    pub region: Region,
}

/// Who publishes what AWS checks the cluster's tokens with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    /// The bundle, in a bucket that everybody may read; with its name, where it is not `<name>-oidc`.
    PublicBucket(Option<BucketName>),
    /// Nobody yet: the bundle makes a private bucket, and the distribution whose name the issuer's will be.
    Endpoint(Option<BucketName>),
    /// The bundle, in a private bucket, at the name of the distribution that is there already.
    Distribution {
        /// The bucket's name, where it is not `<name>-oidc`.
        bucket: Option<BucketName>,
        /// The distribution.
        made: MadeDistribution,
    },
    /// The bundle, in a private bucket, at a host name for which the distribution has a certificate.
    OwnHost {
        /// The bucket's name, where it is not `<name>-oidc`.
        bucket: Option<BucketName>,
        /// The issuer, at that host name.
        url: IssuerUrl,
        /// The certificate.
        certificate: Certificate,
    },
    /// Somebody else, at this URL, from the documents that the bundle holds.
    Hosted(IssuerUrl),
    /// Somebody else, for an identity provider that is there already.
    Existing(IssuerUrl),
}

/// The service accounts of requests that name none, by namespace and name of their Secret.
pub type ServiceAccounts = BTreeMap<(Namespace, ObjectName), Vec<ObjectName>>;

/// Everything but requests and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleOptions {
    /// The cluster's name.
    pub name: ClusterName,
    /// Counts the cluster's bundles, from 1.
    pub serial: u64,
    /// When it is made.
    pub created: Timestamp,
    /// From when on the applier refuses it.
    pub expires: Timestamp,
    /// The account.
    pub account_id: AccountId,
    /// Region, partition, host names.
    pub place: Place,
    /// The path of every role.
    pub role_path: RolePath,
    /// How roles are named.
    pub role_names: RoleNaming,
    /// The policy that bounds every role.
    pub permissions_boundary: Option<BoundaryArn>,
    /// The tags of every resource, sorted by key.
    pub tags: Vec<Tag>,
    /// The issuer of the cluster's tokens.
    pub issuer: Issuer,
    /// The provider's client IDs, or those that an existing one must have.
    pub audiences: Vec<Audience>,
    /// Thumbprints; left out, IAM fetches the chain itself.
    pub thumbprints: Option<Vec<Thumbprint>>,
    /// For requests that name none.
    pub service_accounts: ServiceAccounts,
    /// What decides which requests become roles.
    pub features: Features,
    /// The issuers that the cluster had before and that its roles still trust, sorted by URL.
    pub former_issuers: Vec<FormerIssuer>,
    /// The bundle that it follows.
    pub previous: Option<Previous>,
}

/// Settings that do not fit each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// A region of no known partition.
    #[error(
        "region {region} is not known\n  did you mean {nearest}? For another region, say where it is: --partition and --dns-suffix, such as aws-us-gov and amazonaws.com"
    )]
    UnknownRegion {
        /// The region.
        region: Region,
        /// The known region whose name is most like it.
        nearest: &'static str,
    },
    /// A partition that needs its suffix said.
    #[error(
        "partition {0} is not known\n  give the suffix of its host names, such as amazonaws.com, with --dns-suffix"
    )]
    UnknownPartition(Partition),
    /// A partition or suffix other than the region's.
    #[error("--{setting} is {given}; region {region} has {known}\n  leave --{setting} out for regions that are known")]
    OtherPlace {
        /// `partition` or `dns-suffix`.
        setting: &'static str,
        /// What was given.
        given: String,
        /// The region or partition.
        region: String,
        /// What it has.
        known: String,
    },
    /// A boundary of another partition or account.
    #[error(
        "permissions boundary {arn} cannot bound a role of this bundle: it must be a policy of account {account} (or aws) in partition {partition}"
    )]
    Boundary {
        /// The ARN.
        arn: BoundaryArn,
        /// The bundle's account.
        account: AccountId,
        /// The bundle's partition.
        partition: Partition,
    },
    /// A tag of ours, or one key twice.
    #[error(
        "tag {0} is given twice, or is one of those that mark the cluster's resources (keys are compared without regard to case)"
    )]
    TagTwice(TagKey),
    /// A bucket's name that S3 keeps for another account or region.
    #[error(
        "--bucket-name is {bucket}; S3 keeps the ending -an for names of one account and region\n  end it in -{account}-{region}-an, or in something else than -an"
    )]
    BucketName {
        /// The name.
        bucket: BucketName,
        /// The bundle's account.
        account: AccountId,
        /// The bundle's region.
        region: Region,
    },
    /// The tag by which another cluster's resources are known.
    #[error("tag {key} marks resources of another cluster\n  leave it out; this cluster's resources get {own}")]
    OtherCluster {
        /// The tag's key.
        key: TagKey,
        /// The key that this cluster's resources have.
        own: String,
    },
    /// A list that is too long.
    #[error("{given} {what} are given; at most {limit} are allowed")]
    TooMany {
        /// What is listed.
        what: &'static str,
        /// How many were given.
        given: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// Something that is listed twice.
    #[error("{what} {value} is given twice")]
    Twice {
        /// What is listed.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// A name that its owner's rules refuse.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Place {
    /// The place of a region. A region that the table does not know needs its partition, and a partition that it does
    /// not know its suffix: neither is guessed.
    pub fn new(
        region: Region,
        partition: Option<Partition>,
        dns_suffix: Option<DnsSuffix>,
    ) -> Result<Self, OptionsError> {
        let place = match (region.known_partition(), partition) {
            (Some((known, suffix)), partition) => {
                agree("partition", partition, &known, &region)?;
                agree("dns-suffix", dns_suffix, &suffix, &region)?;
                Self { partition: known, dns_suffix: suffix, region }
            }
            (None, None) => return Err(OptionsError::UnknownRegion { nearest: nearest_region(&region), region }),
            (None, Some(partition)) => {
                let dns_suffix = match (partition.known_dns_suffix(), dns_suffix) {
                    (Some(known), given) => {
                        agree("dns-suffix", given, &known, &partition)?;
                        known
                    }
                    (None, Some(given)) => given,
                    (None, None) => return Err(OptionsError::UnknownPartition(partition)),
                };
                Self { partition, dns_suffix, region }
            }
        };
        Ok(place)
    }
}

/// The known region whose name takes the fewest changes to get.
fn nearest_region(region: &Region) -> &'static str {
    let changes = |known: &&str| strsim::damerau_levenshtein(known, region.as_str());
    known_regions().min_by_key(changes).unwrap_or("us-east-1")
}

fn agree<T: PartialEq + ToString>(
    setting: &'static str,
    given: Option<T>,
    known: &T,
    region: &impl ToString,
) -> Result<(), OptionsError> {
    match given {
        Some(given) if given != *known => Err(OptionsError::OtherPlace {
            setting,
            given: given.to_string(),
            region: region.to_string(),
            known: known.to_string(),
        }),
        _ => Ok(()),
    }
}

/// The two tags that mark a cluster's resources as ccoctl does, and the user's, sorted by key.
pub(crate) fn tags(name: &ClusterName, more: Vec<Tag>) -> Result<Vec<Tag>, OptionsError> {
    let mut tags = vec![
        Tag { key: TagKey::new(name.ownership_tag_key())?, value: TagValue::new("owned")? },
        Tag { key: TagKey::new("Name")?, value: TagValue::new(name.as_str())? },
    ];
    for tag in more {
        if tag.key.is_ownership() && tag.key.as_str() != name.ownership_tag_key() {
            return Err(OptionsError::OtherCluster { key: tag.key, own: name.ownership_tag_key() });
        }
        // IAM takes keys that differ in case for the same [IAM user guide, tagging rules].
        if tags.iter().any(|other| other.key.as_str().to_lowercase() == tag.key.as_str().to_lowercase()) {
            return Err(OptionsError::TagTwice(tag.key));
        }
        tags.push(tag);
    }
    at_most("tags", tags.len(), MAX_TAGS)?;
    tags.sort();
    Ok(tags)
}

/// The audiences given, or those that OpenShift's components use.
pub(crate) fn audiences(given: Vec<Audience>) -> Result<Vec<Audience>, OptionsError> {
    if given.is_empty() {
        return Ok(vec![Audience::new("openshift")?, Audience::new("sts.amazonaws.com")?]);
    }
    at_most("audiences", given.len(), MAX_AUDIENCES)?;
    none_twice("audience", &given)?;
    Ok(given)
}

/// The thumbprints in lower case; none at all where none are given.
pub(crate) fn thumbprints(given: &[Thumbprint]) -> Result<Option<Vec<Thumbprint>>, OptionsError> {
    at_most("thumbprints", given.len(), MAX_THUMBPRINTS)?;
    let lower = given.iter().map(|thumbprint| Thumbprint::new(thumbprint.as_str().to_ascii_lowercase()));
    let lower = lower.collect::<Result<Vec<_>, _>>()?;
    none_twice("thumbprint", &lower)?;
    Ok(if lower.is_empty() { None } else { Some(lower) })
}

/// The name of the issuer's bucket, where it is not the one that the cluster's name gives.
pub(crate) fn bucket_name(
    given: Option<BucketName>,
    name: &ClusterName,
    account: &AccountId,
    region: &Region,
) -> Result<Option<BucketName>, OptionsError> {
    match given {
        Some(bucket) if !bucket.fits(account, region) => {
            Err(OptionsError::BucketName { bucket, account: account.clone(), region: region.clone() })
        }
        given => Ok(given.filter(|bucket| *bucket != name.bucket())),
    }
}

pub(crate) fn check_boundary(
    arn: Option<BoundaryArn>,
    account: &AccountId,
    partition: &Partition,
) -> Result<Option<BoundaryArn>, OptionsError> {
    let fits = |arn: &BoundaryArn| {
        let of = |owner: &str| arn.as_str().starts_with(&format!("arn:{partition}:iam::{owner}:policy/"));
        of("aws") || of(account.as_str())
    };
    match arn {
        Some(arn) if !fits(&arn) => {
            Err(OptionsError::Boundary { arn, account: account.clone(), partition: partition.clone() })
        }
        other => Ok(other),
    }
}

fn at_most(what: &'static str, given: usize, limit: usize) -> Result<(), OptionsError> {
    if given > limit { Err(OptionsError::TooMany { what, given, limit }) } else { Ok(()) }
}

fn none_twice<T: Ord + ToString>(what: &'static str, values: &[T]) -> Result<(), OptionsError> {
    let mut seen = std::collections::BTreeSet::new();
    match values.iter().find(|value| !seen.insert(*value)) {
        Some(value) => Err(OptionsError::Twice { what, value: value.to_string() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(region: &str, partition: Option<&str>, suffix: Option<&str>) -> Result<(String, String), String> {
        let partition = partition.map(|text| Partition::new(text).unwrap());
        let suffix = suffix.map(|text| DnsSuffix::new(text).unwrap());
        let place = Place::new(Region::new(region).unwrap(), partition, suffix).map_err(|error| error.to_string())?;
        Ok((place.partition.to_string(), place.dns_suffix.to_string()))
    }

    #[test]
    fn unknown_regions_are_not_guessed() {
        let pair = |a: &str, b: &str| Ok((a.to_owned(), b.to_owned()));
        assert_eq!(place("cn-north-1", None, None), pair("aws-cn", "amazonaws.com.cn"));
        assert_eq!(place("cn-north-1", Some("aws-cn"), None), pair("aws-cn", "amazonaws.com.cn"));
        assert_eq!(place("xx-north-1", Some("aws"), None), pair("aws", "amazonaws.com"));
        assert_eq!(place("xx-north-1", Some("aws-xx"), Some("aws.example")), pair("aws-xx", "aws.example"));
        assert_eq!(
            place("xx-north-1", None, Some("amazonaws.com")).unwrap_err(),
            "region xx-north-1 is not known\n  did you mean cn-north-1? For another region, say where it is: --partition and --dns-suffix, such as aws-us-gov and amazonaws.com"
        );
        assert!(place("xx-north-1", Some("aws-xx"), None).unwrap_err().starts_with("partition aws-xx is not known"));
        assert!(
            place("us-east-2", Some("aws-cn"), None)
                .unwrap_err()
                .starts_with("--partition is aws-cn; region us-east-2 has aws\n")
        );
        assert!(place("xx-north-1", Some("aws"), Some("a.b")).is_err());
    }

    #[test]
    fn a_misspelled_region_is_refused_with_the_nearest() {
        for (region, nearest) in
            [("us-esat-2", "us-east-2"), ("eu-wset-1", "eu-west-1"), ("ap-southeastt-2", "ap-southeast-2")]
        {
            let Err(OptionsError::UnknownRegion { nearest: found, .. }) =
                Place::new(Region::new(region).unwrap(), None, None)
            else {
                panic!("{region} is known")
            };
            assert_eq!(found, nearest, "{region}");
        }
    }

    #[test]
    fn tags_are_sorted_and_ours_stay_ours() {
        let name = ClusterName::new("demo").unwrap();
        let tag = |key: &str| Tag { key: TagKey::new(key).unwrap(), value: TagValue::new("v").unwrap() };
        let keys: Vec<_> =
            tags(&name, vec![tag("team"), tag("Cost")]).unwrap().iter().map(|tag| tag.key.to_string()).collect();
        assert_eq!(keys, ["Cost", "Name", "openshift.io/cloud-credential-operator/demo", "team"]);
        for wrong in
            [vec![tag("name")], vec![tag("a"), tag("A")], vec![tag("openshift.io/cloud-credential-operator/demo")]]
        {
            assert!(matches!(tags(&name, wrong), Err(OptionsError::TagTwice(_))));
        }
        let other = tags(&name, vec![tag("openshift.io/cloud-credential-operator/prod")]).unwrap_err();
        assert_eq!(
            other.to_string(),
            "tag openshift.io/cloud-credential-operator/prod marks resources of another cluster\n  leave it out; this cluster's resources get openshift.io/cloud-credential-operator/demo"
        );
        let many = (0..47).map(|number| tag(&format!("t{number}"))).collect();
        assert_eq!(tags(&name, many), Err(OptionsError::TooMany { what: "tags", given: 49, limit: 48 }));
    }

    #[test]
    fn lists_are_checked() {
        assert_eq!(audiences(vec![]).unwrap().len(), 2);
        let audience = Audience::new("a").unwrap();
        assert_eq!(audiences(vec![audience.clone()]), Ok(vec![audience.clone()]));
        assert!(matches!(audiences(vec![audience.clone(), audience]), Err(OptionsError::Twice { .. })));
        let thumbprint = |text: &str| Thumbprint::new(text.repeat(40)).unwrap();
        assert_eq!(thumbprints(&[]), Ok(None));
        assert_eq!(thumbprints(&[thumbprint("A")]), Ok(Some(vec![thumbprint("a")])));
        assert!(thumbprints(&[thumbprint("A"), thumbprint("a")]).is_err());
        assert!(thumbprints(&["1", "2", "3", "4", "5", "6"].map(thumbprint)).is_err());
    }

    #[test]
    fn a_boundary_is_of_this_account_and_partition() {
        let check = |arn: &str| {
            let account = AccountId::new("123456789012").unwrap();
            check_boundary(Some(BoundaryArn::new(arn).unwrap()), &account, &Partition::new("aws-us-gov").unwrap())
        };
        assert!(check("arn:aws-us-gov:iam::123456789012:policy/edge").is_ok());
        assert!(check("arn:aws-us-gov:iam::aws:policy/edge").is_ok());
        assert!(check("arn:aws:iam::123456789012:policy/edge").is_err());
        assert!(check("arn:aws-us-gov:iam::123456789013:policy/edge").is_err());
    }
}

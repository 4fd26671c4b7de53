//! AWS partitions: which region belongs to which, and under which DNS suffix its services answer.
//!
//! The table is botocore's `partitions.json`. A region it does not know is never guessed: the user says partition and
//! suffix, and the bundle carries both.

use crate::names::name;

name! {
    /// An AWS partition, such as `aws` or `aws-us-gov`.
    Partition, "partition", |value| {
        let fits = value == "aws"
            || value.strip_prefix("aws-").is_some_and(|rest| {
                !rest.is_empty() && rest.len() <= 20
                    && rest.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
            });
        if fits { Ok(()) } else { Err("must be aws, or aws- and lower-case letters, digits and -") }
    }
}

name! {
    /// An AWS region, such as `us-east-2`.
    Region, "region", |value| {
        let parts: Vec<&str> = value.split('-').collect();
        let fits = value.len() <= 32 && parts.len() >= 3
            && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
            && parts.last().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if fits { Ok(()) } else { Err("must look like us-east-2: lower-case words and a number, joined by -") }
    }
}

name! {
    /// The DNS suffix under which a partition's services answer, such as `amazonaws.com`.
    DnsSuffix, "DNS suffix", |value| {
        let fits = value.len() <= 100 && value.contains('.')
            && value.split('.').all(|label| {
                !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
                    && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            });
        if fits { Ok(()) } else { Err("must be a DNS name in lower case, such as amazonaws.com") }
    }
}

struct Known {
    partition: &'static str,
    dns_suffix: &'static str,
    /// What the first part, or the first two parts, of the partition's regions are.
    prefixes: &'static [&'static str],
    /// The regions that are known today, for suggestions.
    regions: &'static [&'static str],
}

/// What the part of a region's name before its number is made of.
const DIRECTIONS: [&str; 9] =
    ["central", "east", "north", "northeast", "northwest", "south", "southeast", "southwest", "west"];

const KNOWN: &[Known] = &[
    Known {
        partition: "aws-us-gov",
        dns_suffix: "amazonaws.com",
        prefixes: &["us-gov"],
        regions: &["us-gov-east-1", "us-gov-west-1"],
    },
    Known {
        partition: "aws-iso",
        dns_suffix: "c2s.ic.gov",
        prefixes: &["us-iso"],
        regions: &["us-iso-east-1", "us-iso-west-1"],
    },
    Known {
        partition: "aws-iso-b",
        dns_suffix: "sc2s.sgov.gov",
        prefixes: &["us-isob"],
        regions: &["us-isob-east-1", "us-isob-west-1"],
    },
    Known {
        partition: "aws-iso-e",
        dns_suffix: "cloud.adc-e.uk",
        prefixes: &["eu-isoe"],
        regions: &["eu-isoe-west-1"],
    },
    Known {
        partition: "aws-iso-f",
        dns_suffix: "csp.hci.ic.gov",
        prefixes: &["us-isof"],
        regions: &["us-isof-east-1", "us-isof-south-1"],
    },
    Known {
        partition: "aws-cn",
        dns_suffix: "amazonaws.com.cn",
        prefixes: &["cn"],
        regions: &["cn-north-1", "cn-northwest-1"],
    },
    Known { partition: "aws-eusc", dns_suffix: "amazonaws.eu", prefixes: &["eusc-de"], regions: &["eusc-de-east-1"] },
    Known {
        partition: "aws",
        dns_suffix: "amazonaws.com",
        prefixes: &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
        regions: &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "me-west-1",
            "mx-central-1",
            "sa-east-1",
            "sa-west-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ],
    },
];

impl Region {
    /// The partition and DNS suffix of a region, where the table knows it.
    ///
    /// `aws` regions have three parts (`us-east-2`); with more, the first parts name another partition. New regions are
    /// known by their form: a known beginning, a direction and a number.
    #[must_use]
    pub fn known_partition(&self) -> Option<(Partition, DnsSuffix)> {
        KNOWN
            .iter()
            .find(|known| {
                known.prefixes.iter().any(|prefix| {
                    self.as_str()
                        .strip_prefix(prefix)
                        .and_then(|rest| rest.strip_prefix('-'))
                        .and_then(|rest| rest.split_once('-'))
                        .is_some_and(|(direction, number)| {
                            DIRECTIONS.contains(&direction) && (1..=2).contains(&number.len())
                        })
                })
            })
            .and_then(|known| Some((Partition::new(known.partition).ok()?, DnsSuffix::new(known.dns_suffix).ok()?)))
    }
}

/// The regions that are known today, of every partition.
pub fn known_regions() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().flat_map(|known| known.regions.iter().copied())
}

impl Partition {
    /// The DNS suffix of a partition, where the table knows it.
    #[must_use]
    pub fn known_dns_suffix(&self) -> Option<DnsSuffix> {
        KNOWN
            .iter()
            .find(|known| known.partition == self.as_str())
            .and_then(|known| DnsSuffix::new(known.dns_suffix).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_of_the_table_is_found_by_a_region() {
        for (region, partition, suffix) in [
            ("us-east-2", "aws", "amazonaws.com"),
            ("ap-southeast-7", "aws", "amazonaws.com"),
            ("mx-central-1", "aws", "amazonaws.com"),
            ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
            ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
            ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
            ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
            ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
            ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"),
            ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
        ] {
            let (found, dns) = Region::new(region).unwrap().known_partition().unwrap();
            assert_eq!((found.as_str(), dns.as_str()), (partition, suffix), "{region}");
            assert_eq!(found.known_dns_suffix().unwrap(), dns);
        }
    }

    #[test]
    fn every_known_region_has_its_partition() {
        for known in KNOWN {
            for region in known.regions {
                assert_eq!(Region::new(*region).unwrap().known_partition().unwrap().0.as_str(), known.partition);
            }
        }
        assert_eq!(known_regions().count(), 48);
        assert_eq!(Region::new("ap-southeast-12").unwrap().known_partition().unwrap().0.as_str(), "aws");
    }

    #[test]
    fn unknown_regions_are_not_guessed() {
        for region in ["xx-north-1", "us-new-east-1", "eusc-fr-east-1", "us-esat-2", "us-east-200"] {
            assert!(Region::new(region).unwrap().known_partition().is_none(), "{region}");
        }
        assert!(
            Region::new("us_east_2").is_err() && Region::new("useast").is_err() && Region::new("US-EAST-1").is_err()
        );
    }
}

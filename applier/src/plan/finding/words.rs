//! A finding as a person reads it. What comes from AWS is escaped.

use std::fmt;

use bundle_schema::escape::Escaped;

use super::Finding;
use crate::account::live::{Hazard, Tags};

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyChange { before, after } => write!(
                f,
                "THE {}: published now: {}; then: {}. AWS refuses every token that is signed by a key that \
                 is no longer published",
                if before.first() == after.first() { "PUBLISHED KEYS CHANGE" } else { "SIGNING KEY CHANGES" },
                listed(before),
                listed(after)
            ),
            Self::BucketTakenOver { bucket } => write!(
                f,
                "bucket {} is untagged, empty and without a policy, as an interrupted apply leaves it; it is taken over",
                Escaped(bucket)
            ),
            Self::BucketAdopted { bucket, tagged: true, .. } => write!(
                f,
                "bucket {} carries the cluster's tag and has no record; it is taken over (--adopt)",
                Escaped(bucket)
            ),
            Self::BucketAdopted { bucket, tagged: false, tags, empty } => {
                writeln!(f, "BUCKET {} DOES NOT CARRY THE CLUSTER'S TAG AND IS TAKEN OVER (--adopt)", Escaped(bucket))?;
                let objects = if *empty { "none" } else { "there are some; those that are not the issuer's stay" };
                write!(f, "    tags          {}\n    objects       {objects}", tags_listed(tags))
            }
            Self::Adopted(adopted) => adopted.fmt(f),
            Self::Orphan(orphan) => orphan.fmt(f),
            Self::Rollback { from, to } => {
                write!(f, "ROLLBACK: the account holds serial {from}; serial {to} takes its place")
            }
            Self::Unfinished { state, serial, caller, time } => {
                let (run, then) = if state.is_of_deletion() {
                    ("a deletion", "some of the cluster may be gone")
                } else {
                    ("an apply", "this plan goes on from there")
                };
                let ended = if state.is_under_way() { "did not end" } else { "left something to do" };
                write!(f, "{run} of serial {serial} by {} at {time} {ended}; {then}", Escaped(caller))
            }
            Self::UsedLately { roles } => {
                write!(f, "ROLES WERE USED IN THE LAST DAY: THE CLUSTER MAY STILL BE RUNNING: {}", listed(roles))
            }
            Self::BoundaryRemoved { role, boundary } => write!(
                f,
                "ROLE {} LOSES ITS PERMISSIONS BOUNDARY {}: the bundle has none",
                Escaped(role),
                Escaped(boundary)
            ),
            Self::ForeignPolicies { role, policies, pruned } => write!(
                f,
                "role {} has policies that are not in the bundle, and {} them: {}",
                Escaped(role),
                if *pruned { "loses" } else { "keeps" },
                listed(policies)
            ),
            Self::Hazard { bucket, hazard } => self::hazard(f, bucket, hazard),
            Self::Thumbprints { recorded, found } => write!(
                f,
                "the identity provider's thumbprints changed since the last apply: {} then, {} now",
                listed(recorded),
                listed(found)
            ),
            Self::ForeignTag { key, ignored, resources } => {
                let whose = if *ignored { " (ignored by the trust file)" } else { "" };
                write!(f, "tag {} is not in the bundle{whose}, and stays on {}", Escaped(key), shortened(resources))
            }
            Self::RolesBundle { name, serial } => {
                write!(f, "roles bundle {name} stands on this identity provider")?;
                match serial {
                    Some(serial) => write!(f, ": serial {serial}"),
                    None => f.write_str(", and its record cannot be read"),
                }
            }
            Self::DnsRecord { .. }
            | Self::DnsRecordStays { .. }
            | Self::DistributionStays { .. }
            | Self::Restriction { .. }
            | Self::DistributionAdopted { .. } => cloudfront(f, self),
            Self::IssuerChange { .. } | Self::FormerProviderMissing { .. } | Self::FormerIssuerStays { .. } => {
                issuer_change(f, self)
            }
            Self::DocumentsStay { issuer_url } => write!(
                f,
                "the issuer's documents stay at {issuer_url}: somebody else publishes them, and may take them down now"
            ),
            Self::UnusedException { exception } => {
                write!(f, "the trust file's exception for {} is not used by this bundle", Escaped(exception))
            }
        }
    }
}

/// What serves a private bucket.
fn cloudfront(f: &mut fmt::Formatter<'_>, finding: &Finding) -> fmt::Result {
    match finding {
        Finding::DnsRecord { host, domain } => {
            let target = domain.as_ref().map_or("the domain that CloudFront gives the distribution", |d| d.as_str());
            write!(
                f,
                "DNS record: {host} CNAME {target}; it has to exist before the identity provider is made, and as long as the cluster does"
            )
        }
        Finding::DnsRecordStays { host } => {
            write!(f, "the DNS record of {host} stays: remove it, so that nobody else can answer for that name")
        }
        Finding::DistributionStays { distribution } => write!(
            f,
            "DISTRIBUTION {distribution} STAYS: the record has it, and the bundle has none. Disable and delete it when nothing \
                 uses it any more: without its bucket it serves whatever somebody else puts into a bucket of that name"
        ),
        Finding::Restriction { distribution, restriction } => write!(
            f,
            "distribution {distribution} {}: AWS, which reads the issuer's documents from its own networks, may not be answered",
            Escaped(restriction)
        ),
        Finding::DistributionAdopted { distribution, domain, tagged, tags } => {
            let why = if *tagged { "IS NOT IN THE RECORD" } else { "DOES NOT CARRY THE CLUSTER'S TAG" };
            writeln!(f, "DISTRIBUTION {distribution} {why} AND IS TAKEN AS THE CLUSTER'S (--adopt)")?;
            write!(f, "    domain        {domain}\n    tags          {}", tags_listed(tags))
        }
        _ => Ok(()),
    }
}

/// A cluster that moves to another issuer.
fn issuer_change(f: &mut fmt::Formatter<'_>, finding: &Finding) -> fmt::Result {
    match finding {
        Finding::IssuerChange { from, to } => write!(
            f,
            "THE ISSUER CHANGES: from {from} to {to}. The roles take tokens of both until a later bundle drops the former issuer; an older \
             bundle is refused from then on"
        ),
        Finding::FormerProviderMissing { issuer_url } => write!(
            f,
            "the identity provider of the former issuer {issuer_url} is not there: AWS takes no token of it, although the roles trust it"
        ),
        Finding::FormerIssuerStays { issuer_url } => {
            write!(f, "the former issuer {issuer_url} stays: delete it with the last bundle that had it as issuer")
        }
        _ => Ok(()),
    }
}

/// What a bucket's setting can do to the documents.
fn hazard(f: &mut fmt::Formatter<'_>, bucket: &str, hazard: &Hazard) -> fmt::Result {
    let bucket = Escaped(bucket);
    match hazard {
        Hazard::Lifecycle(rules) => {
            write!(f, "bucket {bucket} has lifecycle rules, which can delete the documents: {}", listed(rules))
        }
        Hazard::Website => write!(f, "bucket {bucket} is served as a website too"),
        Hazard::Versioning(status) => write!(f, "bucket {bucket} has versioning: {}", Escaped(status)),
        Hazard::ObjectLock => {
            write!(f, "bucket {bucket} has object lock, which can keep the documents from being replaced")
        }
        Hazard::DefaultEncryption(algorithm) => write!(
            f,
            "bucket {bucket} encrypts by default with {}; objects that are written without AES256 cannot be read by the public",
            Escaped(algorithm)
        ),
    }
}

/// Names from outside in one line, each escaped.
fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| Escaped(name).to_string()).collect::<Vec<_>>().join(", ")
}

/// Tags from outside in one line.
pub(crate) fn tags_listed(tags: &Tags) -> String {
    listed(&tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>())
}

/// The first of many ARNs, and how many more there are.
fn shortened(arns: &[String]) -> String {
    match arns {
        [one, rest @ ..] if rest.len() > 1 => format!("{} and {} other resources", Escaped(one), rest.len()),
        few => listed(few),
    }
}

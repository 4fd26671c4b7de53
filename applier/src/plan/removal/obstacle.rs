//! What stops a deletion and nothing else.

use std::collections::BTreeSet;

use bundle_schema::escape::Escaped;
use bundle_schema::names::ClusterName;

/// Names that are shown of a longer list.
const MAX_SHOWN: usize = 10;

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Obstacle {
    #[error(
        "bundle has serial {bundle}, the account holds serial {live}, which is newer and may have made more\n  delete with the newer bundle, or make this one again with a --serial above {live}"
    )]
    OlderSerial { live: u64, bundle: u64 },
    #[error(
        "{what} {} carries no ownership tag of this cluster and is not in the record, so it is not deleted\n  if it is the cluster's, restore the tag {tag}, then delete with --adopt; if not, leave it and delete the rest by hand", Escaped(.resource)
    )]
    Untagged { what: &'static str, resource: String, tag: String },
    #[error(
        "role {role} has policies that are not in the bundle: {}\n  somebody may still need them: remove them, or delete with --prune", escaped(.policies)
    )]
    Policies { role: String, policies: Vec<String> },
    #[error(
        "role {role} is in instance profiles, through which machines may be using it: {}\n  take it out with `aws iam remove-role-from-instance-profile`, then run this again", escaped(.profiles)
    )]
    InstanceProfiles { role: String, profiles: Vec<String> },
    #[error(
        "bucket {bucket} holds objects that are not the cluster's: {}\n  move or remove them, with all their versions, then run this again", some(.keys, *.has_more)
    )]
    Objects { bucket: String, keys: BTreeSet<String>, has_more: bool },
    #[error(
        "bucket {bucket} has object lock on: S3 keeps versions until their retention ends\n  when it has ended, remove what the bucket holds, with all versions and the record last, then run this again"
    )]
    ObjectLock { bucket: String },
    #[error(
        "identity provider {provider} holds the records of bundles whose roles trust it: {}\n  delete those first, each with its own bundle; if a bundle is lost, delete its roles by hand, and its tags with `aws iam untag-open-id-connect-provider`", named(.bundles)
    )]
    RolesBundles { provider: String, bundles: Vec<(ClusterName, Option<u64>)> },
    #[error(
        "the cluster has moved to another issuer, and roles still trust identity provider {provider}: {}\n  apply a bundle that was made with --drop-issuer first, once no token of the former issuer is in use", some(.roles, false)
    )]
    StillTrusted { provider: String, roles: BTreeSet<String> },
    #[error(
        "bucket {bucket} holds more than 50,000 versions\n  let a lifecycle rule expire the noncurrent ones, then run this again"
    )]
    TooManyVersions { bucket: String },
}

fn escaped(names: &[String]) -> String {
    names.iter().map(|name| Escaped(name).to_string()).collect::<Vec<_>>().join(", ")
}

fn named(bundles: &[(ClusterName, Option<u64>)]) -> String {
    let name = |(name, serial): &(ClusterName, Option<u64>)| match serial {
        Some(serial) => format!("{name} serial {serial}"),
        None => format!("{name}, whose record cannot be read"),
    };
    bundles.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The first names, and how many more there are.
fn some(names: &BTreeSet<String>, has_more: bool) -> String {
    let shown: Vec<String> = names.iter().take(MAX_SHOWN).map(|name| Escaped(name).to_string()).collect();
    let more = match (names.len().saturating_sub(MAX_SHOWN), has_more) {
        (0, false) => String::new(),
        (0, true) => ", and more".to_owned(),
        (count, false) => format!(", and {count} more"),
        (count, true) => format!(", and at least {count} more"),
    };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_shortened() {
        let keys = |count: usize| (0..count).map(|number| format!("k{number:02}")).collect::<BTreeSet<String>>();
        assert_eq!(some(&keys(2), false), "k00, k01");
        assert_eq!(some(&keys(1), true), "k00, and more");
        let first = "k00, k01, k02, k03, k04, k05, k06, k07, k08, k09";
        assert_eq!(some(&keys(10), false), first);
        assert_eq!(some(&keys(12), false), format!("{first}, and 2 more"));
        assert_eq!(some(&keys(12), true), format!("{first}, and at least 2 more"));
        assert_eq!(some(&["\u{1b}".to_owned()].into(), false), "\\u{1b}");
    }
}

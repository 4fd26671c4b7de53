//! What the identity provider does not allow: the cluster's own, or one that somebody else manages and that roles are to trust.
//!
//! Input: a bundle and the account's state. Output: reasons. The provider's ARN names the bundle's account and partition, and IAM
//! answers only for its own.

use std::collections::BTreeSet;

use bundle_schema::escape::Escaped;
use bundle_schema::names::ClusterName;

use super::{Refusal, claimed, escaped_list};
use crate::account::live::{LiveProvider, LiveState, Tags};
use crate::plan::choices::Choices;
use crate::plan::desired::{Desired, is_system_tag};
use crate::plan::ownership::Ownership;
use crate::record::{Place, tags};

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProviderRefusal {
    #[error(
        "identity provider {arn} does not exist in account {account}\n  make it first (`aws iam create-open-id-connect-provider`), or make the bundle with another --identity-provider-arn"
    )]
    Absent { arn: String, account: String },
    #[error(
        "identity provider {arn} is not there, but roles of the cluster are\n  without it nothing says which bundle was applied last: give --previous-receipt FILE, or --allow-rollback if this bundle is the one to apply"
    )]
    Gone { arn: String },
    #[error(
        "identity provider {arn} does not have all audiences of the bundle: missing {}, found {}\n  add them with `aws iam add-client-id-to-open-id-connect-provider`, or make the bundle with another --audience", .missing.join(", "), escaped_list(.found)
    )]
    Audiences { arn: String, missing: Vec<String>, found: Vec<String> },
    #[error(
        "identity provider {arn} is of cluster {name}, and the bundle has the same name\n  make the bundle with a --name of its own: the cluster's own bundle would take its roles for orphans"
    )]
    SameName { arn: String, name: ClusterName },
    #[error(
        "identity provider {arn} would have {total} tags: it has {found}, and {what} needs {added} more; IAM takes {}\n  remove tags that are not in use, or {advice}",
        tags::MAX_TAGS
    )]
    TooManyTags { arn: String, total: usize, found: usize, added: usize, what: String, advice: &'static str },
}

/// Why the provider may not be touched, or not be trusted.
pub(super) fn check(
    desired: &Desired<'_>,
    live: &LiveState,
    ownership: &Ownership<'_>,
    choices: &Choices,
) -> Vec<Refusal> {
    let header = &desired.contents().header;
    let Some(arn) = header.provider_arn() else { return Vec::new() };
    let account = header.account_id.to_string();
    let Some(provider) = live.provider() else {
        // A cluster's is made.
        let reason = match desired.issuer() {
            Some(_) => too_many_tags(desired, arn, &Tags::new(), ownership),
            None => Some(ProviderRefusal::Absent { arn, account }),
        };
        return reason.map(Refusal::from).into_iter().collect();
    };
    let mut reasons: Vec<Refusal> = claim(desired, live, ownership, choices).into_iter().collect();
    if desired.issuer().is_none() {
        reasons.extend(audiences(desired, arn.clone(), provider).map(Refusal::from));
    }
    reasons.extend(too_many_tags(desired, arn, &provider.tags, ownership).map(Refusal::from));
    reasons
}

/// Why the provider is not this bundle's to change, or to keep its record on.
pub(in crate::plan) fn claim(
    desired: &Desired<'_>,
    live: &LiveState,
    ownership: &Ownership<'_>,
    choices: &Choices,
) -> Option<Refusal> {
    let provider = live.provider()?;
    let header = &desired.contents().header;
    let arn = header.provider_arn()?;
    if desired.issuer().is_none() {
        let same = desired.is_owned(&provider.tags);
        return same.then(|| ProviderRefusal::SameName { arn, name: header.name.clone() }.into());
    }
    let identity = format!("made {}", provider.created);
    let claim = ownership.provider(provider);
    claimed(desired, choices, ("identity provider", arn), claim, &provider.tags, identity)
}

/// The provider may have more audiences than the bundle counts on.
fn audiences(desired: &Desired<'_>, arn: String, provider: &LiveProvider) -> Option<ProviderRefusal> {
    let wanted = desired.contents().audiences().iter().map(ToString::to_string);
    let missing: Vec<String> = wanted.filter(|audience| !provider.client_ids.contains(audience)).collect();
    let missing: Vec<String> = missing.iter().map(|audience| Escaped(audience).to_string()).collect();
    let found = provider.client_ids.clone();
    (!missing.is_empty()).then_some(ProviderRefusal::Audiences { arn, missing, found })
}

/// What others tagged, and the records of other bundles, leave room for a number of tags only.
fn too_many_tags(
    desired: &Desired<'_>,
    arn: String,
    live: &Tags,
    ownership: &Ownership<'_>,
) -> Option<ProviderRefusal> {
    let header = &desired.contents().header;
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    wanted.extend(desired.issuer().into_iter().flat_map(|issuer| desired.provider_tags(issuer).into_keys()));
    let in_tags = matches!(desired.place(), Place::Provider { .. });
    let (made, making) = ownership.made_and_making();
    let roles = made.roles.len() + making.roles.len();
    if in_tags {
        // The provider has a mark too, where it is the bundle's own.
        wanted.extend(tags::keys(&header.name, roles + usize::from(ownership.makes_issuer())));
    }
    let (what, advice) = match (ownership.makes_issuer(), in_tags) {
        (true, false) => ("the bundle".to_owned(), "make the bundle with fewer --tag"),
        (true, true) => (
            format!("the bundle with the record of {roles} roles"),
            "make the bundle with fewer --tag or of fewer requests",
        ),
        (false, _) => (format!("the record of {roles} roles"), "make the bundle of fewer requests"),
    };
    let found: BTreeSet<String> = live.keys().filter(|key| !is_system_tag(key)).cloned().collect();
    let (total, found) = (found.union(&wanted).count(), found.len());
    let added = total - found;
    // Where nothing is added, nothing is asked of IAM that it would refuse.
    (total > tags::MAX_TAGS && added > 0).then_some(ProviderRefusal::TooManyTags {
        arn,
        total,
        found,
        added,
        what,
        advice,
    })
}

#[cfg(test)]
mod tests {
    use crate::fixture::{Held, contents, hosted_contents, plan, read, roles_contents, roles_held};

    /// The actions for a cluster whose provider has so many tags of others, and lacks one of its own; or why there are none.
    fn cluster(tags: usize, lacks: Option<&str>) -> Result<Vec<String>, String> {
        let mut held = Held::everything(&contents());
        held.provider().tags.extend((0..tags).map(|number| (format!("k{number}"), "v".to_owned())));
        held.provider().tags.insert("aws:made-by".to_owned(), "aws".to_owned());
        lacks.and_then(|key| held.provider().tags.remove(key));
        let plan = plan(&contents(), &held.state()).map_err(|refused| refused.to_string())?;
        Ok(plan.actions().iter().map(|action| action.name().to_owned()).collect())
    }

    #[test]
    fn a_cluster_counts_the_tags_of_others_too() {
        assert_eq!(cluster(46, None), Ok(vec![]));
        assert_eq!(cluster(46, Some("Name")).map(|calls| calls.len()), Ok(3));
        assert_eq!(cluster(47, None), Ok(vec![]));
        assert_eq!(
            cluster(47, Some("Name")).unwrap_err(),
            "identity provider arn:aws:iam::123456789012:oidc-provider/prod-oidc.s3.us-east-2.amazonaws.com would have 51 tags: it has \
             50, and the bundle needs 1 more; IAM takes 50\n  remove tags that are not in use, or make the bundle with \
             fewer --tag"
        );
    }

    #[test]
    fn what_an_audience_says_is_escaped() {
        let mut held = roles_held();
        held.provider().client_ids = vec!["a\u{1b}".to_owned()];
        let refused = plan(&roles_contents(), &read(&roles_contents(), &held)).unwrap_err().to_string();
        assert!(refused.contains(": missing openshift, found a\\u{1b}\n"), "{refused}");
        held.provider().client_ids.push("openshift".to_owned());
        assert!(plan(&roles_contents(), &read(&roles_contents(), &held)).unwrap().is_clean());
    }

    #[test]
    fn what_others_applied_on_the_provider_says_nothing_about_this_bundle() {
        let mut held = roles_held();
        held.provider().tags.insert("sts-airlock/serial".to_owned(), "99".to_owned());
        assert!(plan(&roles_contents(), &read(&roles_contents(), &held)).unwrap().is_clean());
    }

    #[test]
    fn a_record_has_to_fit_before_the_provider_is_made() {
        let mut contents = hosted_contents();
        // Four tags of its own and the record's first leave room for 45 lists of 21 marks, of which the provider is one.
        let role = contents.roles[0].clone();
        contents.roles.clear();
        for number in 0..945 {
            let mut role = role.clone();
            role.create.role_name = crate::fixture::parsed(&format!("prod-{number}"));
            contents.roles.push(role);
        }
        let refused = plan(&contents, &Held::nothing().state()).unwrap_err().to_string();
        assert_eq!(
            refused,
            "identity provider arn:aws:iam::123456789012:oidc-provider/oidc.example.com/prod would have 51 tags: it has 0, and the \
             bundle with the record of 945 roles needs 51 more; IAM takes 50\n  remove tags that are not in use, or make the bundle \
             with fewer --tag or of fewer requests"
        );
        contents.roles.pop();
        assert!(plan(&contents, &Held::nothing().state()).is_ok());
    }
}

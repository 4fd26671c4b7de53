//! What CloudFront does not allow: a distribution or an access control that is not the cluster's, or one that cannot be made again.
//!
//! Input: a bundle and the account's state. Output: reasons.

use bundle_schema::documents::index::Kind;
use bundle_schema::escape::Escaped;
use bundle_schema::names::{DistributionDomain, DistributionId};

use super::{Refusal, claimed};
use crate::account::live::LiveState;
use crate::account::live::cloudfront::{LiveDistribution, origin_domain};
use crate::plan::choices::Choices;
use crate::plan::desired::Desired;
use crate::plan::ownership::{Claim, Ownership};
use crate::record::Record;

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CloudFrontRefusal {
    #[error(
        "distribution {id} does not exist in account {account}\n  it gives the issuer its name, {domain}, and cannot be made again: make and apply a bundle of kind endpoint anew, and then the cluster's from its receipt"
    )]
    Gone { id: DistributionId, domain: DistributionDomain, account: String },
    #[error(
        "distribution {id} has the domain {found}, the bundle has {expected}\n  make the bundle from the receipt of the endpoint that was applied here"
    )]
    Domain { id: DistributionId, found: DistributionDomain, expected: DistributionDomain },
    #[error(
        "distribution {id} has other origins than the bundle's bucket: expected {expected}, found {}\n  find out who changed it, and put the origin back; or make and apply a bundle of kind endpoint anew",
        super::escaped_list(.found)
    )]
    Origin { id: DistributionId, expected: String, found: Vec<String> },
    #[error(
        "several distributions have the bucket {bucket} as origin, and no record says which is the cluster's: {}\n  delete those that are not in use, or give --previous-receipt FILE", ids(.found)
    )]
    Several { bucket: String, found: Vec<DistributionId> },
    #[error(
        "origin access control {} ({id}) exists, and is not in the record of what was made here\n  somebody else may be using it: look at it, then take it over with --adopt, or remove it", Escaped(.name)
    )]
    AccessControl { name: String, id: String },
    #[error(
        "bundle is of kind endpoint, the account holds a cluster of this name: serial {serial}\n  use the cluster's own bundle; or make this one with another --name"
    )]
    ClusterIsThere { serial: u64 },
}

fn ids(ids: &[DistributionId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Why CloudFront's side is not this bundle's to change.
pub(super) fn check(
    desired: &Desired<'_>,
    live: &LiveState,
    ownership: &Ownership<'_>,
    choices: &Choices,
) -> Vec<Refusal> {
    let mut reasons = claims(desired, live, ownership, choices);
    reasons.extend(named(desired, live.distribution()).map(Refusal::from));
    reasons
}

/// What a deletion is refused for too.
pub(in crate::plan) fn claims(
    desired: &Desired<'_>,
    live: &LiveState,
    ownership: &Ownership<'_>,
    choices: &Choices,
) -> Vec<Refusal> {
    if desired.distribution().is_none() {
        return Vec::new();
    }
    let header = &desired.contents().header;
    let mut reasons: Vec<Refusal> = Vec::new();
    reasons.extend(cluster(desired, ownership.record()).map(Refusal::from));
    let found = live.cloudfront().rivals.clone();
    if !found.is_empty() {
        reasons.push(CloudFrontRefusal::Several { bucket: header.bucket().to_string(), found }.into());
    }
    if let Some(distribution) = live.distribution() {
        let identity = format!("domain {}", distribution.domain);
        let (what, claim) = (("distribution", distribution.id.to_string()), ownership.distribution(distribution));
        reasons.extend(claimed(desired, choices, what, claim, &distribution.tags, identity));
    }
    let control = live.access_control().filter(|control| ownership.access_control(control) != Claim::Known);
    if let Some(control) = control.filter(|_| !choices.adopt) {
        let (name, id) = (control.settings.name.clone(), control.id.to_string());
        reasons.push(CloudFrontRefusal::AccessControl { name, id }.into());
    }
    reasons
}

/// The first half of a cluster knows nothing of the second one's provider and roles.
fn cluster(desired: &Desired<'_>, record: Option<&Record>) -> Option<CloudFrontRefusal> {
    let record = record.filter(|_| desired.contents().header.kind == Kind::Endpoint)?;
    let (made, making) = (&record.made, &record.making);
    let is_cluster = made.provider.is_some() || !made.roles.is_empty() || making.provider || !making.roles.is_empty();
    is_cluster.then_some(CloudFrontRefusal::ClusterIsThere { serial: record.serial })
}

/// The distribution that the bundle names gives the issuer its name, so no other will do.
fn named(desired: &Desired<'_>, live: Option<&LiveDistribution>) -> Option<CloudFrontRefusal> {
    let header = &desired.contents().header;
    let (made, documents) = (header.distribution.as_ref()?, desired.distribution()?);
    let id = made.id.clone();
    let Some(live) = live else {
        let account = header.account_id.to_string();
        return Some(CloudFrontRefusal::Gone { id, domain: made.domain.clone(), account });
    };
    if live.domain != made.domain {
        let (found, expected) = (live.domain.clone(), made.domain.clone());
        return Some(CloudFrontRefusal::Domain { id, found, expected });
    }
    let expected = origin_domain(&documents.create);
    let found: Vec<String> = live.settings.origins.iter().map(|origin| origin.domain.clone()).collect();
    (!found.contains(&expected)).then_some(CloudFrontRefusal::Origin { id, expected, found })
}

#[cfg(test)]
mod tests {
    use crate::fixture::{
        Held, alias_contents, behind_contents, contents, endpoint_contents, parsed, plan, plan_with, tag_set,
    };
    use crate::plan::choices::Choices;
    use crate::record::RecordState;

    fn refuse(contents: &bundle_schema::documents::contents::Contents, change: impl FnOnce(&mut Held)) -> String {
        let mut held = Held::everything(contents);
        change(&mut held);
        plan(contents, &held.state()).unwrap_err().to_string()
    }

    /// The endpoint and its cluster.
    fn held() -> Held {
        let mut held = Held::everything(&endpoint_contents());
        let plan = plan(&behind_contents(), &held.state()).unwrap();
        for action in plan.actions() {
            crate::fixture::perform(&mut held, action);
        }
        held.write_record(&behind_contents(), RecordState::Applied);
        held
    }

    fn refuse_named(change: impl FnOnce(&mut Held)) -> String {
        let mut held = held();
        change(&mut held);
        plan(&behind_contents(), &held.state()).unwrap_err().to_string()
    }

    #[test]
    fn nothing_is_refused_of_our_own() {
        assert!(plan(&behind_contents(), &held().state()).unwrap().is_clean());
        for contents in [endpoint_contents(), alias_contents()] {
            assert!(plan(&contents, &Held::everything(&contents).state()).unwrap().is_clean());
        }
    }

    #[test]
    fn what_gives_the_issuer_its_name_cannot_be_made_again() {
        assert_eq!(
            refuse_named(|held| held.cloudfront.distribution = None),
            "distribution E1DISTRIBUTION does not exist in account 123456789012\n  it gives the issuer its name, \
             d111111abcdef8.cloudfront.net, and cannot be made again: make and apply a bundle of kind endpoint anew, and then the \
             cluster's from its receipt"
        );
        assert_eq!(
            refuse_named(|held| held.distribution().domain = parsed("d2.cloudfront.net")),
            "distribution E1DISTRIBUTION has the domain d2.cloudfront.net, the bundle has d111111abcdef8.cloudfront.net\n  make the \
             bundle from the receipt of the endpoint that was applied here"
        );
        let origin = refuse_named(|held| held.distribution().settings.origins[0].domain = "x\u{1b}".to_owned());
        let said = "distribution E1DISTRIBUTION has other origins than the bundle's bucket: expected \
                    prod-oidc.s3.us-east-2.amazonaws.com, found x\\u{1b}\n";
        assert!(origin.starts_with(said), "{origin}");
    }

    #[test]
    fn a_tag_is_a_claim_and_the_record_the_proof() {
        let lost = refuse(&alias_contents(), |held| held.bucket().record = None);
        assert!(
            lost.contains("distribution E1DISTRIBUTION carries the cluster's tag, but is not in the record of what was made here (domain d111111abcdef8.cloudfront.net)"),
            "{lost}"
        );
        assert!(
            lost.contains("origin access control prod-oidc (E1ACCESSCONTROL) exists, and is not in the record of what was made here"),
            "{lost}"
        );
        let mut held = Held::everything(&alias_contents());
        held.bucket().record = None;
        let adopt = Choices { adopt: true, ..Choices::default() };
        assert!(plan_with(&alias_contents(), &held.state(), &adopt).is_ok());
        let tag = tag_set(&[("openshift.io/cloud-credential-operator/other", "owned")]);
        held.distribution().tags.extend(tag);
        let others = plan_with(&alias_contents(), &held.state(), &adopt).unwrap_err().to_string();
        assert!(others.starts_with("distribution E1DISTRIBUTION is another cluster's: it has the tag "), "{others}");
    }

    #[test]
    fn what_a_run_that_was_cut_off_made_is_ours_if_it_is_exactly_that() {
        let cut_off = |change: fn(&mut Held)| {
            let mut held = Held::everything(&alias_contents());
            let mut record = held.bucket().record.clone().unwrap().content.unwrap();
            record.state = RecordState::Applying;
            (record.made.distribution, record.made.access_control) = (None, None);
            (record.making.distribution, record.making.access_control) = (true, true);
            held.put_record(record);
            change(&mut held);
            plan(&alias_contents(), &held.state()).map(|plan| plan.actions().len()).map_err(|error| error.to_string())
        };
        assert_eq!(cut_off(|_| {}), Ok(2), "the record alone");
        let other = cut_off(|held| held.distribution().settings.enabled = false).unwrap_err();
        assert!(
            other.starts_with("distribution E1DISTRIBUTION carries the cluster's tag, but is not in the record"),
            "{other}"
        );
        let other = cut_off(|held| held.access_control().settings.signing_behavior = "never".to_owned()).unwrap_err();
        assert!(other.contains("origin access control prod-oidc (E1ACCESSCONTROL) exists"), "{other}");
    }

    #[test]
    fn several_with_the_bucket_as_origin_are_named() {
        let several = refuse(&alias_contents(), |held| {
            held.cloudfront.distribution = None;
            held.cloudfront.rivals = vec![parsed("E1FIRST"), parsed("E2SECOND")];
        });
        assert_eq!(
            several,
            "several distributions have the bucket prod-oidc as origin, and no record says which is the cluster's: E1FIRST, \
             E2SECOND\n  delete those that are not in use, or give --previous-receipt FILE"
        );
    }

    #[test]
    fn an_endpoint_does_not_take_the_place_of_a_cluster() {
        let mut endpoint = endpoint_contents();
        endpoint.header.serial = 8;
        let refused = plan(&endpoint, &held().state()).unwrap_err().to_string();
        assert_eq!(
            refused,
            "bundle is of kind endpoint, the account holds a cluster of this name: serial 7\n  use the cluster's own bundle; or make \
             this one with another --name"
        );
        let mut public = Held::everything(&contents());
        public.provider = None;
        assert!(plan(&endpoint, &public.state()).is_err());
    }

    #[test]
    fn a_distribution_of_an_earlier_bundle_stays_in_the_record() {
        let mut held = Held::everything(&contents());
        let mut record = held.bucket().record.clone().unwrap().content.unwrap();
        record.made.distribution = Some(parsed("E1DISTRIBUTION"));
        held.put_record(record.clone());
        let kept = plan(&contents(), &held.state()).unwrap();
        assert!(kept.actions().is_empty());
        assert!(
            kept.text().to_string().starts_with("Bundle ")
                && kept.text().to_string().contains("! DISTRIBUTION E1DISTRIBUTION STAYS")
        );
        record.state = RecordState::Stopped;
        held.put_record(record);
        let opened = plan(&contents(), &held.state()).unwrap().actions()[0].to_value();
        assert_eq!(opened["known"]["distribution"], "E1DISTRIBUTION");
    }

    #[test]
    fn a_distribution_without_its_bucket_is_no_start() {
        let mut held = Held::everything(&endpoint_contents());
        held.bucket = crate::account::live::BucketState::Absent;
        let gone = plan(&endpoint_contents(), &held.state()).unwrap_err().to_string();
        assert!(gone.contains("bucket prod-oidc is gone, but the cluster's distribution is still there"), "{gone}");
    }
}

//! What CloudFront lacks of what serves a private bucket. Pure.
//!
//! A distribution keeps the caller reference that it was made with, so that is never compared. What an organisation adds to it is
//! left alone as far as it decides nothing about what is served.

use bundle_schema::documents::contents::public_keys;
use bundle_schema::documents::policy::BucketPolicy;
use bundle_schema::documents::{DistributionDocuments, PutBucketPolicy};
use bundle_schema::json::Embedded;
use bundle_schema::names::AccessControlId;

use super::tag_changes;
use crate::account::live::cloudfront::{
    AccessControlSettings, DistributionSettings, LiveAccessControl, LiveDistribution,
};
use crate::account::live::{LiveState, Tags};
use crate::plan::action::{Action, Call, UNNAMED};
use crate::plan::desired::{Desired, tags};

/// First the access control, then the distribution that names it.
pub(super) fn actions(desired: &Desired<'_>, live: &LiveState) -> Vec<Action> {
    let Some(documents) = desired.distribution() else { return Vec::new() };
    let header = &desired.contents().header;
    let id = live.access_control().map(|control| &control.id);
    let arn = header.access_control_arn(id.map_or(UNNAMED, AccessControlId::as_str));
    let mut actions: Vec<Action> = access_control(documents, live.access_control())
        .into_iter()
        .map(|call| Action { resource: arn.clone(), call })
        .collect();
    let arn = header.distribution_arn(live.distribution().map_or(UNNAMED, |distribution| distribution.id.as_str()));
    let calls = distribution(documents, id, live.distribution());
    actions.extend(calls.into_iter().map(|call| Action { resource: arn.clone(), call }));
    actions
}

/// What an access control lacks.
pub(crate) fn access_control(documents: &DistributionDocuments, live: Option<&LiveAccessControl>) -> Option<Call> {
    let wanted = &documents.access_control.origin_access_control_config;
    let Some(live) = live else {
        return Some(Call::CreateAccessControl { input: documents.access_control.clone() });
    };
    (live.settings != AccessControlSettings::from(wanted)).then(|| Call::UpdateAccessControl {
        id: live.id.clone(),
        etag: live.etag.clone(),
        before: live.settings.clone(),
        after: wanted.clone(),
    })
}

/// What a distribution lacks, with this access control.
pub(crate) fn distribution(
    documents: &DistributionDocuments,
    access_control: Option<&AccessControlId>,
    live: Option<&LiveDistribution>,
) -> Vec<Call> {
    let Some(live) = live else {
        let (input, access_control) = (documents.create.clone(), access_control.cloned());
        return vec![Call::CreateDistribution { input, access_control }];
    };
    let mut calls = Vec::new();
    let after = settings(documents, access_control);
    // An access control that is about to be made is not the one that is there.
    if access_control.is_none() || live.settings != after {
        let (id, etag, before) = (live.id.clone(), live.etag.clone(), Box::new(live.settings.clone()));
        calls.push(Call::UpdateDistribution { id, etag, before, after: Box::new(after) });
    }
    let (before, after) = tag_changes(&distribution_tags(documents), &live.tags);
    if !after.is_empty() {
        calls.push(Call::TagDistribution { before, after });
    }
    calls
}

/// Those of a bundle's distribution.
pub(crate) fn settings(
    documents: &DistributionDocuments,
    access_control: Option<&AccessControlId>,
) -> DistributionSettings {
    DistributionSettings::of(&documents.create.distribution_config_with_tags.distribution_config, access_control)
}

/// Those of a bundle's distribution.
pub(crate) fn distribution_tags(documents: &DistributionDocuments) -> Tags {
    tags(&documents.create.distribution_config_with_tags.tags.items)
}

/// The bucket's policy for the distribution that is there; as the bundle has it where there is none yet.
pub(super) fn bucket_policy(desired: &Desired<'_>, input: &PutBucketPolicy, live: &LiveState) -> PutBucketPolicy {
    let header = &desired.contents().header;
    let Some(distribution) = live.distribution().filter(|_| desired.distribution().is_some()) else {
        return input.clone();
    };
    let policy = BucketPolicy::for_distribution(header, Some(&distribution.id), &public_keys(header));
    PutBucketPolicy { policy: Embedded(policy), ..input.clone() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::fixture::{Held, alias_contents, plan, read, tag_set};
    use crate::plan::action::Call;
    use crate::plan::show::shown;

    /// What a change to an account that holds everything makes the plan say.
    fn after(change: impl FnOnce(&mut Held)) -> String {
        let mut held = Held::everything(&alias_contents());
        change(&mut held);
        shown(plan(&alias_contents(), &held.state()).unwrap().actions())
    }

    #[test]
    fn every_setting_of_a_distribution_is_reconciled() {
        let change = |change: fn(&mut crate::account::live::cloudfront::DistributionSettings)| {
            after(|held| change(&mut held.distribution().settings))
        };
        let head = "~ distribution E1DISTRIBUTION\n  ~ settings (cloudfront:UpdateDistribution)\n";
        for (said, found) in [
            ("      -   \"enabled\": false,\n      +   \"enabled\": true,\n", change(|all| all.enabled = false)),
            ("      -   \"comment\": \"x\\u001b\",\n", change(|all| all.comment = "x\u{1b}".to_owned())),
            ("      +     \"oidc.example.com\"\n", change(|all| all.aliases = BTreeSet::new())),
            (
                "      -     \"protocol\": \"allow-all\",\n",
                change(|all| all.behavior.protocol = "allow-all".to_owned()),
            ),
            ("      -       \"POST\"\n", change(|all| all.behavior.methods.extend(["POST".to_owned()]))),
            ("      -     \"compress\": true,\n", change(|all| all.behavior.compress = true)),
            ("      -     \"cachePolicy\": null\n", change(|all| all.behavior.cache_policy = None)),
            (
                "      -     \"minimumProtocol\": \"TLSv1\"\n",
                change(|all| {
                    all.certificate.minimum_protocol = Some("TLSv1".to_owned());
                }),
            ),
            ("      -       \"accessControl\": null\n", change(|all| all.origins[0].access_control = None)),
            ("      -     \"function f\"\n", change(|all| all.extras.extend(["function f".to_owned()]))),
        ] {
            assert!(found.starts_with(head) && found.contains(said), "{found}\n--- expected\n{said}");
        }
        assert_eq!(
            after(|held| held.distribution().tags = tag_set(&[
                ("Name", "other"),
                ("extra", "1"),
                ("openshift.io/cloud-credential-operator/prod", "owned")
            ])),
            "~ distribution E1DISTRIBUTION\n  ~ tags (cloudfront:TagResource)\n      - Name = other\n      + Name = prod\n"
        );
        assert!(
            after(|held| held.access_control().settings.signing_behavior = "never".to_owned())
                .contains("      -   \"signingBehavior\": \"never\",\n      +   \"signingBehavior\": \"always\",\n")
        );
        assert_eq!(after(|held| held.distribution().caller_reference = "another's".to_owned()), "");
    }

    #[test]
    fn an_access_control_that_is_made_again_is_put_into_the_origin() {
        let mut held = Held::everything(&alias_contents());
        held.cloudfront.access_control = None;
        let plan = plan(&alias_contents(), &held.state()).unwrap();
        let lines: Vec<String> = plan.actions().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "s3:PutObject sts-airlock/record.json",
                "cloudfront:CreateOriginAccessControl origin access control",
                "cloudfront:UpdateDistribution distribution E1DISTRIBUTION",
                "s3:PutObject sts-airlock/record.json",
            ]
        );
        let updated = plan.actions().iter().find_map(|action| match &action.call {
            Call::UpdateDistribution { after, .. } => Some(after.origins[0].access_control.clone()),
            _ => None,
        });
        assert_eq!(updated, Some(None), "CloudFront has not named it yet");
    }

    #[test]
    fn a_new_one_is_shown_without_what_cloudfront_names() {
        let plan = plan(&alias_contents(), &Held::nothing().state()).unwrap();
        let text = shown(plan.actions());
        for said in [
            "+ origin access control\n    ID            the one that CloudFront gives it\n    name          prod-oidc\n",
            "+ distribution\n    ID            the one that CloudFront gives it\n    origin        \
             prod-oidc.s3.us-east-2.amazonaws.com\n    alias         oidc.example.com\n",
            "    public access none\n",
            "    policy        CloudFront may read, for this distribution alone, the issuer's\n",
        ] {
            assert!(text.contains(said), "{text}\n--- expected\n{said}");
        }
        let resources: Vec<&str> = plan.actions().iter().map(|action| action.resource.as_str()).collect();
        assert!(resources.contains(&"arn:aws:cloudfront::123456789012:distribution/*"));
        assert!(resources.contains(&"arn:aws:cloudfront::123456789012:origin-access-control/*"));
    }

    #[test]
    fn nothing_is_asked_of_cloudfront_for_a_public_bucket() {
        let mut held = Held::everything(&crate::fixture::contents());
        held.cloudfront = Held::everything(&alias_contents()).cloudfront;
        let live = read(&crate::fixture::contents(), &held);
        assert_eq!(*live.cloudfront(), crate::account::live::cloudfront::LiveCloudFront::default());
    }
}

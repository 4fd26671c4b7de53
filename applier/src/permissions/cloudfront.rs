//! What a private bucket's distribution takes. Source: service authorization reference, CloudFront: it names no resource for making
//! an access control and for the two listings, so they are allowed for all; a certificate of ACM or IAM needs nothing of its own.

use bundle_schema::documents::index::Header;

use super::{Actions, Purpose, Statement, allow};
use crate::plan::action::UNNAMED;

/// What is looked for where nothing says its ID.
const LIST: Actions = &["cloudfront:ListDistributions", "cloudfront:ListOriginAccessControls"];
const CREATE_ACCESS_CONTROL: Actions = &["cloudfront:CreateOriginAccessControl"];
const READ_ACCESS_CONTROL: Actions = &["cloudfront:GetOriginAccessControl"];
const WRITE_ACCESS_CONTROL: Actions = &["cloudfront:UpdateOriginAccessControl"];
const DELETE_ACCESS_CONTROL: Actions = &["cloudfront:DeleteOriginAccessControl"];
const READ_DISTRIBUTION: Actions = &["cloudfront:GetDistribution", "cloudfront:ListTagsForResource"];
/// One that is there.
const WRITE_DISTRIBUTION: Actions = &["cloudfront:TagResource", "cloudfront:UpdateDistribution"];
/// Making it takes tags along.
const CREATE_DISTRIBUTION: Actions = &["cloudfront:CreateDistribution"];
/// Before it is deleted, it is disabled.
const DELETE_DISTRIBUTION: Actions = &["cloudfront:DeleteDistribution", "cloudfront:UpdateDistribution"];

pub(super) fn statements(header: &Header, purpose: Purpose) -> Vec<Statement> {
    let of = |apply: Actions, delete: Actions| purpose.of(apply, delete);
    // CloudFront names both; a distribution that the bundle names is the only one.
    let made = header.distribution.as_ref().map(|made| header.distribution_arn(made.id.as_str()));
    let create = if made.is_none() { CREATE_DISTRIBUTION } else { &[] };
    let distribution = made.unwrap_or_else(|| header.distribution_arn(UNNAMED));
    let access_control = header.access_control_arn(UNNAMED);
    vec![
        allow(&[LIST, of(CREATE_ACCESS_CONTROL, &[])], &["*".to_owned()], None),
        allow(&[READ_ACCESS_CONTROL, of(WRITE_ACCESS_CONTROL, DELETE_ACCESS_CONTROL)], &[access_control], None),
        allow(
            &[READ_DISTRIBUTION, of(WRITE_DISTRIBUTION, DELETE_DISTRIBUTION), of(create, &[])],
            &[distribution],
            None,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{alias_contents, behind_contents, endpoint_contents};
    use crate::permissions::policies;
    use bundle_schema::documents::contents::Contents;

    /// Each action of CloudFront with its resource.
    fn allowed(contents: &Contents, purpose: Purpose) -> Vec<String> {
        let statements = policies(contents, purpose, false).into_iter().flat_map(|document| document.statement);
        let lines = statements.flat_map(|statement| {
            let resource = statement.resource.join(" ").replace("arn:aws:cloudfront::123456789012:", "");
            statement.action.into_iter().map(move |action| format!("{action} {resource}")).collect::<Vec<_>>()
        });
        let mut lines: Vec<String> =
            lines.filter_map(|line| Some(line.strip_prefix("cloudfront:")?.to_owned())).collect();
        lines.sort();
        lines
    }

    const READING: [&str; 5] = [
        "GetDistribution distribution/*",
        "GetOriginAccessControl origin-access-control/*",
        "ListDistributions *",
        "ListOriginAccessControls *",
        "ListTagsForResource distribution/*",
    ];

    #[test]
    fn reading_needs_five_actions() {
        assert_eq!(allowed(&endpoint_contents(), Purpose::Plan), READING);
        assert_eq!(allowed(&alias_contents(), Purpose::Plan), READING);
    }

    #[test]
    fn making_and_deleting_need_no_more_than_they_send() {
        let more = |purpose| -> Vec<String> {
            allowed(&endpoint_contents(), purpose)
                .into_iter()
                .filter(|line| !READING.contains(&line.as_str()))
                .collect()
        };
        assert_eq!(
            more(Purpose::Apply),
            [
                "CreateDistribution distribution/*",
                "CreateOriginAccessControl *",
                "TagResource distribution/*",
                "UpdateDistribution distribution/*",
                "UpdateOriginAccessControl origin-access-control/*",
            ]
        );
        assert_eq!(
            more(Purpose::Delete),
            [
                "DeleteDistribution distribution/*",
                "DeleteOriginAccessControl origin-access-control/*",
                "UpdateDistribution distribution/*",
            ]
        );
    }

    #[test]
    fn a_distribution_that_the_bundle_names_is_the_only_one() {
        let lines = allowed(&behind_contents(), Purpose::Apply);
        assert!(lines.contains(&"UpdateDistribution distribution/E1DISTRIBUTION".to_owned()), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("distribution/*") || line.starts_with("CreateDistribution")));
    }

    #[test]
    fn an_endpoint_needs_nothing_of_iam_and_no_policy() {
        let contents = endpoint_contents();
        for purpose in [Purpose::Plan, Purpose::Apply, Purpose::Delete] {
            let statements = policies(&contents, purpose, true).into_iter().flat_map(|document| document.statement);
            let actions: Vec<&str> = statements.flat_map(|statement| statement.action).collect();
            assert!(!actions.iter().any(|action| action.starts_with("iam:") || *action == "s3:PutBucketPolicy"));
        }
    }
}

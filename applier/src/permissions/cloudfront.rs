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

//! IAM policies as the bundle writes them: one spelling for each meaning, and nothing that a role of a cluster does not
//! need. An element that is not named here (`NotPrincipal`, `StringLike` in a trust policy, ...) does not parse.
//!
//! The grammar is IAM's [IAM user guide, grammar of the IAM JSON policy language].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::documents::index::Header;
use crate::limits::MAX_PATTERN_BYTES;
use crate::names::{BucketName, DistributionId, IssuerUrl, Partition, Pattern, name};

name! {
    /// An action or a pattern of actions, such as `ec2:Describe*` or `*`, of at most [`MAX_PATTERN_BYTES`] characters.
    ActionPattern, "action", |value| {
        const RULE: &str = "must be *, or service:Action with letters, digits, -, and the wildcards * and ?";
        if value.len() > MAX_PATTERN_BYTES { return Err("must have at most 127 characters") }
        if value == "*" { return Ok(()) }
        let (service, action) = value.split_once(':').ok_or(RULE)?;
        let fits = !service.is_empty() && !action.is_empty()
            && service.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && action.bytes().all(|b| b.is_ascii_alphanumeric() || b"*?-_".contains(&b));
        if fits { Ok(()) } else { Err(RULE) }
    }
}

name! {
    /// Free text inside a policy: a condition's key or value.
    PolicyText, "policy element", |value| {
        if value.is_empty() || value.chars().count() > 2048 { return Err("must have 1 to 2048 characters") }
        let allowed = |c: char| matches!(c, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{ff}');
        if value.chars().all(allowed) { Ok(()) } else { Err("must consist of printable characters up to U+00FF, as IAM takes them") }
    }
}

name! {
    /// An operator of a condition block, such as `StringLikeIfExists` or `ForAnyValue:ArnLike`
    /// [IAM user guide, condition operators].
    ConditionOperator, "condition operator", |value| {
        const OPERATORS: [&str; 27] = [
            "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "BinaryEquals", "Bool",
            "DateEquals", "DateGreaterThan", "DateGreaterThanEquals", "DateLessThan", "DateLessThanEquals", "DateNotEquals",
            "IpAddress", "NotIpAddress",
            "NumericEquals", "NumericGreaterThan", "NumericGreaterThanEquals", "NumericLessThan", "NumericLessThanEquals",
            "NumericNotEquals",
            "StringEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotEquals", "StringNotEqualsIgnoreCase",
            "StringNotLike", "Null",
        ];
        let of_set = ["ForAnyValue:", "ForAllValues:"].iter().find_map(|prefix| value.strip_prefix(prefix));
        let operator = of_set.unwrap_or(value);
        let plain = operator.strip_suffix("IfExists").filter(|plain| *plain != "Null").unwrap_or(operator);
        if OPERATORS.contains(&plain) { Ok(()) } else { Err("must be one of IAM's, such as StringEquals, with IfExists, ForAnyValue: or ForAllValues: where they are needed") }
    }
}

name! {
    /// What a statement is about: `*`, or a pattern of ARNs [IAM user guide, Resource element].
    ResourcePattern, "resource", |value| {
        const RULE: &str = "must be *, or an ARN: arn:partition:service:region:account:resource, with the wildcards * and ?";
        PolicyText::new(value).map_err(|error| error.rule)?;
        if value == "*" { return Ok(()) }
        let parts: Vec<&str> = value.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", partition, service, _, _, resource]
                if !partition.is_empty() && !service.is_empty() && !resource.is_empty() => Ok(()),
            _ => Err(RULE),
        }
    }
}

impl ResourcePattern {
    /// Whether it can be about something in this partition.
    #[must_use]
    pub fn is_in(&self, partition: &Partition) -> bool {
        self.as_str() == "*"
            || self.as_str().split(':').nth(1).is_some_and(|wide| {
                Pattern::new(partition.as_str()).is_ok_and(|partition| partition.is_covered_by(wide))
            })
    }
}

/// The policy language's version; there is only this one in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PolicyVersion {
    /// The version of 2012.
    #[default]
    #[serde(rename = "2012-10-17")]
    V2012,
}

/// Whether a statement grants or refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// The actions are granted.
    Allow,
    /// The actions are refused, whatever else grants them.
    Deny,
}

/// What a role may do: its one inline policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct PermissionPolicy {
    /// The language's version.
    pub version: PolicyVersion,
    /// At least one.
    pub statement: Vec<PermissionStatement>,
}

/// One statement of a permission policy. Exactly one of `Action` and `NotAction` is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct PermissionStatement {
    /// Granted or refused.
    pub effect: Effect,
    /// The actions it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Vec<ActionPattern>>,
    /// All actions but these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_action: Option<Vec<ActionPattern>>,
    /// The resource it is about, an ARN pattern or `*`.
    pub resource: ResourcePattern,
    /// When it holds: operator, key, values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// The action by which a role is assumed with a token [IAM user guide, OIDC federation].
pub const ASSUME_ROLE_ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// A condition block: operator (`StringEquals`, `Bool`, ...), then key, then values.
pub type Condition = BTreeMap<ConditionOperator, BTreeMap<PolicyText, ConditionValues>>;

/// The values of one condition key, one or a list, as the request spelled them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a condition value (text, a boolean or a whole number) or a list of them")]
pub enum ConditionValues {
    /// One value.
    One(ConditionValue),
    /// A list, any of which may match.
    Many(Vec<ConditionValue>),
}

/// One value of a condition: IAM takes booleans, numbers and strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a condition value: text, a boolean or a whole number")]
pub enum ConditionValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(PolicyText),
}

/// Who may assume a role: the cluster's service accounts, through its identity provider.
///
/// The type leaves no place for other principals, operators or a second condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct RoleTrustPolicy {
    /// The language's version.
    pub version: PolicyVersion,
    /// One for each issuer: the cluster's own, then those that it had before.
    pub statement: Vec<TrustStatement>,
}

/// The statement of a trust policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct TrustStatement {
    /// Always `Allow`.
    pub effect: Effect,
    /// The identity provider.
    pub principal: FederatedPrincipal,
    /// Always `sts:AssumeRoleWithWebIdentity`.
    pub action: String,
    /// The subjects.
    pub condition: TrustCondition,
}

/// The identity provider whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct FederatedPrincipal {
    /// The provider's ARN.
    pub federated: String,
}

/// Exact comparison only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct TrustCondition {
    /// `<issuer without scheme>:sub`, with the subjects it may be.
    pub string_equals: BTreeMap<String, Vec<String>>,
}

/// Who may read the issuer's bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct BucketPolicy {
    /// The language's version.
    pub version: PolicyVersion,
    /// Exactly one.
    pub statement: Vec<BucketStatement>,
}

/// One statement of a bucket policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct BucketStatement {
    /// The statement's name.
    pub sid: String,
    /// Granted or refused.
    pub effect: Effect,
    /// Whom it is about.
    pub principal: BucketPrincipal,
    /// What it is about.
    pub action: Vec<String>,
    /// Which objects it is about.
    pub resource: Vec<String>,
    /// Left out for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<BucketCondition>,
}

/// Who may read a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"*\" or a service")]
pub enum BucketPrincipal {
    /// Everybody: `*`.
    Everybody(Everybody),
    /// A service of AWS.
    Service(ServicePrincipal),
}

/// `*`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Everybody {
    /// With credentials or without.
    #[serde(rename = "*")]
    Star,
}

/// A service of AWS, such as `cloudfront.amazonaws.com`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct ServicePrincipal {
    /// Its name.
    pub service: String,
}

/// For which distribution the service asks; exactly one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct BucketCondition {
    /// This one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_equals: Option<SourceArn>,
    /// Any of the account: so it stands in a bundle that was made before its distribution. What is sent names the one that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_like: Option<SourceArn>,
}

/// `AWS:SourceArn`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceArn {
    /// A distribution's ARN.
    #[serde(rename = "AWS:SourceArn")]
    pub source_arn: String,
}

impl RoleTrustPolicy {
    /// The one form of a trust policy: these subjects, through the identity provider of each issuer that the bundle's roles trust.
    #[must_use]
    pub fn of(header: &Header, subjects: &[String]) -> Self {
        let statement = |issuer: &IssuerUrl| TrustStatement {
            effect: Effect::Allow,
            principal: FederatedPrincipal { federated: header.provider_arn_of(issuer) },
            action: ASSUME_ROLE_ACTION.to_owned(),
            condition: TrustCondition {
                string_equals: [(format!("{}:sub", issuer.without_scheme()), subjects.to_vec())].into(),
            },
        };
        Self { version: PolicyVersion::V2012, statement: header.trusted_issuers().map(statement).collect() }
    }
}

/// What CloudFront signs its requests as.
const CLOUDFRONT_PRINCIPAL: &str = "cloudfront.amazonaws.com";

fn objects<K: AsRef<str>>(partition: &Partition, bucket: &BucketName, keys: &[K]) -> Vec<String> {
    keys.iter().map(|key| format!("arn:{partition}:s3:::{bucket}/{}", key.as_ref())).collect()
}

impl BucketPolicy {
    /// The one policy of a public issuer: everybody may read the objects of these keys. ccoctl has all objects (`/*`); here
    /// whatever else the bucket holds stays private.
    #[must_use]
    pub fn public_read(partition: &Partition, bucket: &BucketName, keys: &[&str]) -> Self {
        Self {
            version: PolicyVersion::V2012,
            statement: vec![BucketStatement {
                sid: "AllowReadPublicAccess".to_owned(),
                effect: Effect::Allow,
                principal: BucketPrincipal::Everybody(Everybody::Star),
                action: vec!["s3:GetObject".to_owned()],
                resource: objects(partition, bucket, keys),
                condition: None,
            }],
        }
    }

    /// The one policy of a bucket behind a distribution: CloudFront may read the objects of these keys for this distribution; for
    /// each of the account's where `distribution` is none [CloudFront developer guide, restricting access to an S3 origin].
    #[must_use]
    pub fn for_distribution(header: &Header, distribution: Option<&DistributionId>, keys: &[String]) -> Self {
        let of = |id: &str| Some(SourceArn { source_arn: header.distribution_arn(id) });
        let condition = match distribution {
            Some(id) => BucketCondition { string_equals: of(id.as_str()), string_like: None },
            None => BucketCondition { string_equals: None, string_like: of("*") },
        };
        Self {
            version: PolicyVersion::V2012,
            statement: vec![BucketStatement {
                sid: "AllowCloudFrontServicePrincipal".to_owned(),
                effect: Effect::Allow,
                principal: BucketPrincipal::Service(ServicePrincipal { service: CLOUDFRONT_PRINCIPAL.to_owned() }),
                action: vec!["s3:GetObject".to_owned()],
                resource: objects(&header.partition, &header.bucket(), keys),
                condition: Some(condition),
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_those_of_iam() {
        for right in ["Null", "Bool", "StringLikeIfExists", "ForAnyValue:StringEquals", "ForAllValues:ArnLikeIfExists"]
        {
            assert!(ConditionOperator::new(right).is_ok(), "{right}");
        }
        for wrong in
            ["", "Evil", "StringEqualz", "stringequals", "NullIfExists", "ForAny:Bool", "IfExists", "ForAnyValue:"]
        {
            assert!(ConditionOperator::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn resources_are_arns_of_the_partition() {
        let (aws, gov) = (Partition::new("aws").unwrap(), Partition::new("aws-us-gov").unwrap());
        for (right, in_aws, in_gov) in [
            ("*", true, true),
            ("arn:*:s3:::bucket/*", true, true),
            ("arn:aws*:s3:::b", true, true),
            ("arn:aws:ec2:us-east-2:123456789012:volume/*", true, false),
            ("arn:aws-us-gov:iam::123456789012:role/a:b", false, true),
        ] {
            let resource = ResourcePattern::new(right).unwrap();
            assert_eq!((resource.is_in(&aws), resource.is_in(&gov)), (in_aws, in_gov), "{right}");
        }
        for wrong in
            ["", "bucket", "arn:aws:s3", "arn:aws:s3:::", "arn::s3:::b", "arn:aws::::b", "arn:aws:s3:::b\u{1b}"]
        {
            assert!(ResourcePattern::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn actions_have_a_service() {
        for right in ["*", "ec2:*", "kms:ReEncrypt*", "tag:GetResources", "route53-recovery-control-config:Get?"] {
            assert!(ActionPattern::new(right).is_ok(), "{right}");
        }
        assert!(ActionPattern::new(format!("ec2:{}", "a".repeat(123))).is_ok());
        for wrong in ["", "ec2", "ec2:", ":x", "ec2:a b", "ec2:\u{1b}", &format!("ec2:{}", "a".repeat(124))] {
            assert!(ActionPattern::new(wrong).is_err(), "{wrong}");
        }
    }
}

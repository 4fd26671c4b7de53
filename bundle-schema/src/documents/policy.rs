//! IAM policies as the bundle writes them: one spelling for each meaning, and nothing that a role of a cluster does not
//! need. An element that is not named here (`NotPrincipal`, `StringLike` in a trust policy, ...) does not parse.
//!
//! The grammar is IAM's [IAM user guide, grammar of the IAM JSON policy language].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::names::{BucketName, IssuerUrl, Partition, name};

name! {
    /// An action or a pattern of actions, such as `ec2:Describe*` or `*`.
    ActionPattern, "action", |value| {
        const RULE: &str = "must be *, or service:Action with letters, digits, -, and the wildcards * and ?";
        if value == "*" { return Ok(()) }
        let (service, action) = value.split_once(':').ok_or(RULE)?;
        let fits = value.len() <= 128 && !service.is_empty() && !action.is_empty()
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
            || self.as_str().split(':').nth(1).is_some_and(|pattern| pattern_covers(pattern, partition.as_str()))
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
    /// Exactly one.
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
    /// Exactly one for a public bucket.
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
    pub principal: String,
    /// What it is about.
    pub action: Vec<String>,
    /// Which objects it is about.
    pub resource: Vec<String>,
}

impl RoleTrustPolicy {
    /// The one form of a trust policy: these subjects, through this identity provider of this issuer.
    #[must_use]
    pub fn of(provider_arn: String, issuer: &IssuerUrl, subjects: Vec<String>) -> Self {
        let subject = format!("{}:sub", issuer.without_scheme());
        Self {
            version: PolicyVersion::V2012,
            statement: vec![TrustStatement {
                effect: Effect::Allow,
                principal: FederatedPrincipal { federated: provider_arn },
                action: ASSUME_ROLE_ACTION.to_owned(),
                condition: TrustCondition { string_equals: [(subject, subjects)].into() },
            }],
        }
    }
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
                principal: "*".to_owned(),
                action: vec!["s3:GetObject".to_owned()],
                resource: keys.iter().map(|key| format!("arn:{partition}:s3:::{bucket}/{key}")).collect(),
            }],
        }
    }
}

/// Whether any action matches both patterns, as IAM matches them: without regard to case, `*` for any run of characters
/// and `?` for one. `ec2:*` and `*:Describe?` share `ec2:DescribeX`.
#[must_use]
pub fn patterns_overlap(a: &str, b: &str) -> bool {
    if !beginnings_agree(a, b) {
        return false;
    }
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    // row[j]: some text is matched by the part of `a` read so far and by the first j bytes of `b`.
    let mut row = vec![true];
    row.extend(b.bytes().scan(true, |only_stars, y| {
        *only_stars &= y == b'*';
        Some(*only_stars)
    }));
    for x in a.bytes() {
        let mut next = vec![x == b'*' && row.first() == Some(&true)];
        for (y, (before, above)) in b.bytes().zip(row.iter().zip(row.iter().skip(1))) {
            // A star ends here, or takes what the other pattern has here; otherwise both take one character.
            let here = if x == b'*' || y == b'*' {
                *above || next.last() == Some(&true)
            } else {
                *before && (x == y || x == b'?' || y == b'?')
            };
            next.push(here);
        }
        row = next;
    }
    row.last() == Some(&true)
}

/// Whether the parts before the first wildcard of either are the same: most patterns are of another service, and are told
/// apart without a look at the rest.
fn beginnings_agree(a: &str, b: &str) -> bool {
    let literal = |byte: &u8| !matches!(byte, b'*' | b'?');
    let pairs = a.as_bytes().iter().zip(b.as_bytes());
    pairs.take_while(|(x, y)| literal(x) && literal(y)).all(|(x, y)| x.eq_ignore_ascii_case(y))
}

/// Whether every action that matches `narrow` matches `wide` too, as IAM matches them.
///
/// Exact for a `narrow` without wildcards; a wildcard in `narrow` must be met by a wildcard in `wide`.
#[must_use]
pub fn pattern_covers(wide: &str, narrow: &str) -> bool {
    let (wide, narrow) = (wide.to_ascii_lowercase(), narrow.to_ascii_lowercase());
    // row[j]: the part of `wide` read so far matches the first j bytes of `narrow`.
    let mut row = vec![true];
    row.resize(narrow.len() + 1, false);
    for pattern in wide.bytes() {
        let mut next = vec![pattern == b'*' && row.first() == Some(&true)];
        for (text, (before, above)) in narrow.bytes().zip(row.iter().zip(row.iter().skip(1))) {
            let here = match pattern {
                b'*' => *above || next.last() == Some(&true),
                b'?' => *before && text != b'*',
                literal => *before && text == literal,
            };
            next.push(here);
        }
        row = next;
    }
    row.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_overlap_in_both_directions() {
        for (a, b) in [
            ("iam:PassRole", "iam:*"),
            ("iam:PassRole", "*"),
            ("iam:passrole", "IAM:PassRole"),
            ("iam:Pass*", "iam:*Role"),
            ("iam:Pass?ole", "iam:PassRole"),
            ("*", "*"),
            ("*:*", "*"),
            ("a:b*c", "a:*bc"),
            ("iam:*", "iam:???????e"),
        ] {
            assert!(patterns_overlap(a, b) && patterns_overlap(b, a), "{a} {b}");
        }
        for (a, b) in [
            ("iam:PassRole", "iam:Pass"),
            ("iam:*", "ec2:*"),
            ("iam:Pass?", "iam:Pass"),
            ("a:b*c", "a:b*d"),
            ("s3:Get*", "s3:Put*"),
        ] {
            assert!(!patterns_overlap(a, b) && !patterns_overlap(b, a), "{a} {b}");
        }
    }

    #[test]
    fn covering_is_one_way() {
        assert!(
            pattern_covers("iam:*", "iam:PassRole")
                && pattern_covers("*", "iam:*")
                && pattern_covers("IAM:Pass*", "iam:PassR*")
        );
        assert!(
            !pattern_covers("iam:PassRole", "iam:*")
                && !pattern_covers("iam:Pass?", "iam:Pass*")
                && !pattern_covers("iam:Get*", "iam:PassRole")
        );
    }

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
        for wrong in ["", "ec2", "ec2:", ":x", "ec2:a b", "ec2:\u{1b}"] {
            assert!(ActionPattern::new(wrong).is_err(), "{wrong}");
        }
    }
}

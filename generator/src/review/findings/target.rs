//! A statement's resource, compared with the types of resources that actions are about.

use std::cell::RefCell;
use std::collections::HashMap;

use bundle_schema::documents::index::Header;
use bundle_schema::names::Pattern;

use crate::review::action_data::{Action, ResourceType};

/// A resource, compared with the types of resources that actions are about.
pub(super) struct Target {
    resource: String,
    pattern: Option<Pattern>,
    own: [String; 3],
    /// What is known already, by type: many actions are about the same.
    covered: RefCell<HashMap<usize, bool>>,
}

impl Target {
    pub(super) fn new(resource: &str, header: &Header) -> Self {
        let pattern = Pattern::new(without_variables(resource)).ok();
        let own = [header.partition.as_str(), header.region.as_str(), header.account_id.as_str()].map(str::to_owned);
        Self { resource: resource.to_owned(), pattern, own, covered: RefCell::default() }
    }

    /// Whether it takes in every resource of the account, or every one of this type.
    pub(super) fn covers(&self, kind: ResourceType<'_>) -> bool {
        let compare = || self.arns(kind).any(|(pattern, arn)| pattern.covers(&self.here(arn)));
        self.resource == "*" || *self.covered.borrow_mut().entry(kind.id()).or_insert_with(compare)
    }

    /// Whether anything of this type may be meant, in whichever account and region. Where that cannot be told, it may.
    pub(super) fn may_be(&self, kind: ResourceType<'_>) -> bool {
        self.resource == "*"
            || self.pattern.is_none()
            || self.arns(kind).any(|(pattern, arn)| pattern.overlaps(&self.there(arn)))
    }

    /// An ARN of the data, as it is in the bundle's partition, account and region.
    fn here(&self, arn: &str) -> String {
        filled(arn, self.own.each_ref().map(String::as_str))
    }

    /// An ARN of the data, as it is in the partition, account and region that the resource names.
    fn there(&self, arn: &str) -> String {
        let mut parts = self.pattern.as_ref().map(Pattern::as_str).unwrap_or_default().splitn(6, ':').skip(1);
        let mut part = || parts.next().unwrap_or_default();
        let (partition, _, region, account) = (part(), part(), part(), part());
        filled(arn, [partition, region, account])
    }

    /// The ARNs of a type, to compare with the pattern.
    fn arns<'k>(&self, kind: ResourceType<'k>) -> impl Iterator<Item = (&Pattern, &'k str)> {
        // A bucket's name has no slash, which its ARN in the data does not say.
        let is_object = self.resource.splitn(6, ':').nth(5).is_some_and(|part| part.contains('/'));
        let arns = kind.arns().iter().map(String::as_str).filter(move |arn| !(is_object && *arn == "arn:*:s3:::*"));
        arns.filter_map(|arn| Some((self.pattern.as_ref()?, arn)))
    }
}

/// An ARN of the data, as it is in the bundle's partition, account and region.
fn here(arn: &str, header: &Header) -> String {
    filled(arn, [header.partition.as_str(), header.region.as_str(), header.account_id.as_str()])
}

/// An ARN of the data with these in the place of stars for partition, region and account.
fn filled(arn: &str, [partition, region, account]: [&str; 3]) -> String {
    let parts = arn.splitn(6, ':').enumerate().map(|(place, part)| match place {
        1 if part == "*" => partition,
        3 if part == "*" => region,
        4 if part == "*" => account,
        _ => part,
    });
    parts.collect::<Vec<_>>().join(":")
}

/// An ARN of a type that an action is about, as an example: the shortest, which is the plainest.
pub(super) fn example(action: Action<'_>, header: &Header) -> Option<String> {
    let arns = action.resource_types().flat_map(|kind| kind.arns());
    arns.min_by_key(|arn| arn.len()).map(|arn| here(arn, header).replace('*', "..."))
}

/// A resource with a star for each policy variable, which may stand for anything.
pub(super) fn without_variables(resource: &str) -> String {
    let mut plain = String::with_capacity(resource.len());
    let mut rest = resource;
    while let Some((before, after)) = rest.split_once("${") {
        plain.push_str(before);
        plain.push('*');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_may_be_anything() {
        for (resource, plain) in [
            ("arn:aws:s3:::b/${aws:PrincipalTag/a}/x", "arn:aws:s3:::b/*/x"),
            ("arn:aws:s3:::b/${aws:userid", "arn:aws:s3:::b/*"),
            ("arn:aws:s3:::b", "arn:aws:s3:::b"),
        ] {
            assert_eq!(without_variables(resource), plain);
        }
    }
}

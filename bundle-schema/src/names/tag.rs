//! Tags of AWS resources.

use serde::{Deserialize, Serialize};

use super::{OWNERSHIP_TAG_PREFIX, name};
use crate::escape::is_invisible;

name! {
    /// A tag's key: 1 to 128 characters, not beginning with `aws:` [IAM user guide, tagging rules], nor with
    /// `sts-airlock/`, which the applier's own record has.
    TagKey, "tag key", |value| {
        if !(1..=128).contains(&value.chars().count()) { return Err("must have 1 to 128 characters") }
        if value.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) { return Err("AWS reserves keys that begin with aws:") }
        if value.starts_with("sts-airlock/") { return Err("the applier records the bundle in tags that begin with sts-airlock/") }
        if value.chars().all(is_tag_char) { Ok(()) } else { Err(TAG_CHARACTERS) }
    }
}

impl TagKey {
    /// Whether it marks a resource as a cluster's, this one's or another's.
    #[must_use]
    pub fn is_ownership(&self) -> bool {
        self.0.to_lowercase().starts_with(OWNERSHIP_TAG_PREFIX)
    }
}

name! {
    /// A tag's value: at most 256 characters [IAM user guide, tagging rules].
    TagValue, "tag value", |value| {
        if value.chars().count() > 256 { return Err("must have at most 256 characters") }
        if value.chars().all(is_tag_char) { Ok(()) } else { Err(TAG_CHARACTERS) }
    }
}

const TAG_CHARACTERS: &str = "must consist of letters, digits, spaces and _.:/=+-@";

fn is_tag_char(c: char) -> bool {
    // Some letters show nothing.
    c.is_alphanumeric() && !is_invisible(c) || c == ' ' || "_.:/=+-@".contains(c)
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Tag {
    /// The key.
    pub key: TagKey,
    /// The value.
    pub value: TagValue,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_follow_the_services_rules() {
        assert!(TagKey::new("openshift.io/cloud-credential-operator/democluster").is_ok());
        assert!(TagKey::new("aws:created").is_err() && TagKey::new("AWS:x").is_err() && TagKey::new("").is_err());
        assert!(TagKey::new("sts-airlock/serial").is_err());
        assert!(TagKey::new("a".repeat(129)).is_err() && TagValue::new("a".repeat(257)).is_err());
        assert!(TagValue::new("").is_ok() && TagValue::new("höchst 1").is_ok() && TagValue::new("a\u{202e}b").is_err());
        assert!(TagValue::new("a\u{3164}").is_err() && TagKey::new("\u{115f}").is_err());
    }
}

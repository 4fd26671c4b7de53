//! What is known of IAM's actions: their access levels, the resources that they are about and the condition keys that they
//! take.
//!
//! Input: the data in the program, or that of `--action-data FILE`, which is not trusted and bounded like a bundle. Output:
//! answers about actions and keys, without regard to case, as IAM compares them. The data is made by
//! `action-data/make_action_data.py`, and the README there describes its format and where it comes from.

mod action;
mod global;
mod kinds;
mod read;

use std::cmp::Ordering;

use bundle_schema::names::Pattern;

pub use self::action::{Action, ResourceType};
pub use self::kinds::{AccessLevel, ConditionKey, KeyType, Of};
pub use self::read::ActionDataError;
use super::comparison::Known;
use super::report::ActionDataVersion;

/// What is known of IAM's actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionData {
    version: String,
    date: String,
    /// Sorted by prefix.
    services: Vec<Service>,
    /// The keys that do not begin with the prefix of their service: tags, and keys such as `saml:aud`.
    shared_keys: Vec<(String, KeyType)>,
}

/// One service's part of the data. Every place in it exists; the reader has checked that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    prefix: String,
    name: String,
    /// Sorted by name without regard to case, as are the resources and the actions.
    keys: Vec<(String, KeyType)>,
    /// Each sorted.
    key_sets: Vec<Vec<u16>>,
    resources: Vec<ResourceRow>,
    uses: Vec<Use>,
    actions: Vec<ActionRow>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ResourceRow {
    name: String,
    arns: Vec<String>,
    key_set: u16,
}

/// What an action is about; many actions share one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Use {
    required: Vec<u16>,
    optional: Vec<u16>,
    key_set: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ActionRow {
    name: String,
    level: AccessLevel,
    uses: u16,
}

impl ActionData {
    /// The data in the program. A test reads it as strictly as that of others.
    pub fn built_in() -> Result<Self, ActionDataError> {
        read::trusted(include_bytes!("../../action-data/actions.json.gz"))
    }

    /// Reads other data, packed or not.
    pub fn read(bytes: &[u8]) -> Result<Self, ActionDataError> {
        read::strict(bytes)
    }

    /// Which data it is.
    #[must_use]
    pub fn version(&self) -> ActionDataVersion {
        ActionDataVersion { version: self.version.clone(), date: self.date.clone() }
    }

    /// All services, sorted by prefix.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The service of a prefix such as `ec2`.
    #[must_use]
    pub fn service(&self, prefix: &str) -> Option<&Service> {
        let place = self.services.binary_search_by(|service| in_any_case(&service.prefix, prefix)).ok()?;
        self.services.get(place)
    }

    /// The action of a name such as `ec2:RunInstances`.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<Action<'_>> {
        let (prefix, name) = name.split_once(':')?;
        self.service(prefix)?.action(name)
    }

    /// The actions that a policy's action stands for: one, those of a pattern such as `ec2:Describe*`, or all for `*`.
    #[must_use]
    pub fn matching(&self, pattern: &str) -> Vec<Action<'_>> {
        if !pattern.contains(['*', '?']) {
            return self.action(pattern).into_iter().collect();
        }
        match pattern.split_once(':') {
            Some((prefix, actions)) => {
                self.service(prefix).map(|service| service.matching(actions)).unwrap_or_default()
            }
            None if pattern == "*" => self.services.iter().flat_map(Service::actions).collect(),
            None => Vec::new(),
        }
    }

    /// The condition key that a policy's key is, of whichever service.
    #[must_use]
    pub fn condition_key(&self, key: &str) -> Option<ConditionKey<'_>> {
        let own = || key.split_once(':').and_then(|(prefix, _)| find_key(&self.service(prefix)?.keys, key));
        global::key(key).or_else(own).or_else(|| find_key(&self.shared_keys, key))
    }
}

impl Known for ActionData {
    fn actions<'a>(&'a self, pattern: &str) -> Box<dyn Iterator<Item = String> + 'a> {
        Box::new(self.matching(pattern).into_iter().map(|action| action.to_string()))
    }

    fn is_multivalued(&self, key: &str) -> Option<bool> {
        self.condition_key(key).map(|key| key.kind.several)
    }
}

/// Whether a key is one that every request may have, such as `aws:SourceIp`.
#[must_use]
pub fn is_global_key(key: &str) -> bool {
    global::key(key).is_some()
}

impl Service {
    /// A number that tells it from every other service of the same data.
    #[must_use]
    pub fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Its prefix, such as `ec2`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Its name, such as `Amazon EC2`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its actions, sorted by name.
    pub fn actions(&self) -> impl Iterator<Item = Action<'_>> {
        self.actions.iter().map(|row| Action { service: self, row })
    }

    /// Its action of this name, which has no prefix.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<Action<'_>> {
        let place = self.actions.binary_search_by(|row| in_any_case(&row.name, name)).ok()?;
        self.actions.get(place).map(|row| Action { service: self, row })
    }

    fn matching(&self, pattern: &str) -> Vec<Action<'_>> {
        // Those with the letters before the first wildcard stand together.
        let head = pattern.split(['*', '?']).next().unwrap_or_default();
        let (before, after) = (|row: &ActionRow| head_in_any_case(&row.name, head), Ordering::Less);
        let first = self.actions.partition_point(|row| before(row) == after);
        let candidates = self.actions.get(first..).unwrap_or_default();
        let candidates = candidates.iter().take_while(|row| before(row) == Ordering::Equal);
        let Ok(pattern) = Pattern::new(pattern) else { return Vec::new() };
        candidates.filter(|row| pattern.covers(&row.name)).map(|row| Action { service: self, row }).collect()
    }

    /// Where a key stands among the keys of the service.
    #[must_use]
    pub fn key_place(&self, name: &str) -> Option<KeyPlace> {
        let is = |(known, kind): &(String, KeyType)| ConditionKey { name: known, kind: *kind }.is(name);
        self.keys.iter().position(is).and_then(|place| u16::try_from(place).ok()).map(KeyPlace)
    }

    fn keys_of(&self, set: u16) -> impl Iterator<Item = ConditionKey<'_>> {
        let places = self.key_sets.get(usize::from(set)).map(Vec::as_slice).unwrap_or_default();
        places
            .iter()
            .filter_map(|place| self.keys.get(usize::from(*place)))
            .map(|(name, kind)| ConditionKey { name, kind: *kind })
    }
}

/// Where a condition key stands among those of its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyPlace(u16);

fn find_key<'a>(keys: &'a [(String, KeyType)], name: &str) -> Option<ConditionKey<'a>> {
    keys.iter().map(|(known, kind)| ConditionKey { name: known, kind: *kind }).find(|known| known.is(name))
}

/// The order in which the data is sorted.
fn in_any_case(a: &str, b: &str) -> Ordering {
    a.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// As [`in_any_case`], where of the first no more counts than the second has.
fn head_in_any_case(a: &str, head: &str) -> Ordering {
    let lower = |text: &str| text.bytes().map(|byte| byte.to_ascii_lowercase()).collect::<Vec<_>>();
    a.bytes().take(head.len()).map(|byte| byte.to_ascii_lowercase()).cmp(lower(head))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::Requests;
    use crate::review::tests::reference;
    use crate::settings::features::{FeatureSet, Features};

    fn data() -> ActionData {
        ActionData::built_in().unwrap()
    }

    fn names(actions: &[Action<'_>]) -> Vec<String> {
        actions.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_data_has_a_version_and_a_date() {
        let version = ActionDataVersion { version: "0.1.202610271".to_owned(), date: "2026-10-27".to_owned() };
        assert_eq!(data().version(), version);
    }

    #[test]
    fn actions_are_found_without_regard_to_case() {
        let data = data();
        for name in ["ec2:RunInstances", "EC2:runinstances", "kms:GenerateDataKeyWithoutPlainText"] {
            assert!(data.action(name).unwrap().to_string().eq_ignore_ascii_case(name));
        }
        for name in ["ec2:Describe", "ec2", "ec2:", "ecx:RunInstances", "ec2:RunInstances*", ":"] {
            assert!(data.action(name).is_none(), "{name}");
        }
        assert_eq!(data.service("s3").unwrap().name(), "Amazon S3");
    }

    #[test]
    fn every_action_of_every_service_is_found() {
        let data = data();
        for service in data.services() {
            for action in service.actions() {
                assert_eq!(data.action(&action.to_string()).unwrap().to_string(), action.to_string());
            }
        }
    }

    #[test]
    fn patterns_match_as_in_a_policy() {
        let data = data();
        assert_eq!(names(&data.matching("kms:reencrypt*")), ["kms:ReEncryptFrom", "kms:ReEncryptTo"]);
        assert_eq!(names(&data.matching("kms:*crypt")), ["kms:Decrypt", "kms:Encrypt"]);
        assert_eq!(names(&data.matching("iam:?assRole")), ["iam:PassRole"]);
        assert_eq!(names(&data.matching("iam:PassRole")), ["iam:PassRole"]);
        assert_eq!(data.matching("*").len(), 22_321);
        assert_eq!(data.matching("ec2:*").len(), data.service("ec2").unwrap().actions().count());
        for none in ["ec2:Descibe*", "ec2:Descibe", "ecx:*", "e*"] {
            assert!(data.matching(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_pattern_matches_what_a_plain_search_finds() {
        let data = data();
        for pattern in ["ec2:Describe*", "ec2:*Instance?", "s3:Get?bject*", "iam:*e*e*", "iam:z*", "iam:A*"] {
            let plain = Pattern::new(pattern).unwrap();
            let expected: Vec<String> =
                data.matching("*").iter().map(ToString::to_string).filter(|name| plain.covers(name)).collect();
            assert_eq!(names(&data.matching(pattern)), expected, "{pattern}");
        }
    }

    #[test]
    fn levels_and_resources_are_those_of_aws() {
        let data = data();
        for (name, level, types) in [
            ("iam:AttachRolePolicy", AccessLevel::PermissionsManagement, vec!["role"]),
            ("iam:PassRole", AccessLevel::Write, vec!["role"]),
            ("ec2:CreateTags", AccessLevel::Tagging, vec![]),
            ("s3:GetObject", AccessLevel::Read, vec!["accesspointobject", "object"]),
            ("ec2:DescribeInstances", AccessLevel::List, vec![]),
        ] {
            let action = data.action(name).unwrap();
            assert_eq!(action.level(), level, "{name}");
            if !types.is_empty() || level == AccessLevel::List {
                assert_eq!(action.resource_types().map(|kind| kind.name()).collect::<Vec<_>>(), types, "{name}");
            }
        }
        let role = data.action("iam:PassRole").unwrap().resource_types().next().unwrap();
        assert_eq!(role.arns(), ["arn:*:iam::*:role/*"]);
        assert!(role.keys().any(|key| key.name == "aws:ResourceTag/${TagKey}"));
    }

    #[test]
    fn every_action_of_the_reference_requests_is_known() {
        let Some(releases) = reference("credentials-requests") else { return };
        let data = data();
        let mut seen = 0;
        for release in std::fs::read_dir(releases).unwrap() {
            for feature_set in [FeatureSet::Default, FeatureSet::TechPreviewNoUpgrade] {
                let features = Features { feature_set, ..Features::default() };
                let requests = Requests::of_directory(&release.as_ref().unwrap().path(), &features).unwrap();
                let statements = requests.selected.iter().flat_map(|one| &one.request.statements);
                for action in statements.flat_map(|statement| statement.action.iter().flatten()) {
                    assert!(!data.matching(action.as_str()).is_empty(), "{action}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 500, "{seen}");
    }

    #[test]
    fn condition_keys_are_known_by_their_template() {
        let data = data();
        for (key, known) in [
            ("ec2:ResourceTag/owner", "ec2:ResourceTag/${TagKey}"),
            ("aws:requesttag/A:b/c", "aws:RequestTag/${TagKey}"),
            ("kms:EncryptionContext:x", "kms:EncryptionContext:${EncryptionContextKey}"),
            ("s3:ExistingObjectTag/x", "s3:ExistingObjectTag/<key>"),
            ("aws:PrincipalTag/x", "aws:PrincipalTag/${TagKey}"),
            ("events:Metadata/a/Matcher", "events:Metadata/${MetadataKey}"),
            ("saml:aud", "saml:aud"),
            ("AWS:SourceIP", "aws:SourceIp"),
        ] {
            assert_eq!(data.condition_key(key).map(|key| key.name), Some(known), "{key}");
        }
        for unknown in ["ec2:ResourceTag/", "ec2:ResourceTag", "aws:SourceIpx", "ec2:é", "", "ec2:ResourceTa\u{e9}/x"]
        {
            assert_eq!(data.condition_key(unknown), None, "{unknown}");
        }
        assert_eq!(data.is_multivalued("aws:TagKeys"), Some(true));
        assert_eq!(data.is_multivalued("aws:SourceIp"), Some(false));
        assert_eq!(data.is_multivalued("aws:Nothing"), None);
    }

    #[test]
    fn an_action_takes_its_keys_and_the_global_ones() {
        let data = data();
        let run = data.action("ec2:RunInstances").unwrap();
        for (key, takes) in [
            ("aws:RequestTag/x", true),
            ("ec2:InstanceType", true),
            ("aws:SourceVpc", true),
            ("kms:ViaService", false),
            ("ec2:Add/userId", false),
        ] {
            assert_eq!(run.takes(key), takes, "{key}");
        }
        assert!(!data.action("ec2:DescribeInstances").unwrap().takes("aws:ResourceTag/x"));
        assert!(data.action("s3:DeleteBucket").unwrap().takes("aws:ResourceTag/x"));
    }
}

//! What a plan says besides its actions.

use std::collections::BTreeMap;
use std::fmt;

use bundle_schema::escape::Escaped;
use serde::Serialize;

use crate::account::live::{BucketState, LiveState, Tags};
use crate::plan::action::{Action, Call};
use crate::plan::desired::{DIGEST_TAG, Desired, SERIAL_TAG, is_system_tag, tags};
use crate::plan::meaning::key_ids;

/// Something that a person should know and that no action says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum Finding {
    /// The key that signs the cluster's tokens changes: the key IDs that are published now, and those that will be.
    KeyChange { before: Vec<String>, after: Vec<String> },
    /// What an apply leaves that was cut off between making the bucket and tagging it.
    BucketTakenOver { bucket: String },
    /// The cluster's resources were made by ccoctl, or by hand: no bundle is recorded.
    NoRecord { bucket: String },
    /// Policies on one of our roles that are not the bundle's.
    ForeignPolicies { role: String, policies: Vec<String> },
    /// A tag that is not the bundle's, on these of our resources (ARNs).
    ForeignTag { key: String, ignored: bool, resources: Vec<String> },
    /// An exception of the trust file that spares nothing in this bundle.
    UnusedException { exception: String },
}

impl Finding {
    /// Whether it belongs above everything else.
    pub(crate) fn is_headline(&self) -> bool {
        matches!(self, Self::KeyChange { .. })
    }

    /// Whether it is about something that others put on what is ours: `plan --detailed-exitcode` says so.
    pub(crate) fn is_foreign(&self) -> bool {
        match self {
            Self::ForeignPolicies { .. } => true,
            Self::ForeignTag { ignored, .. } => !ignored,
            Self::KeyChange { .. }
            | Self::BucketTakenOver { .. }
            | Self::NoRecord { .. }
            | Self::UnusedException { .. } => false,
        }
    }
}

/// Everything there is to say about an account and what is planned for it.
pub(crate) fn findings(desired: &Desired<'_>, live: &LiveState, actions: &[Action]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = actions.iter().filter_map(key_change).collect();
    findings.dedup();
    findings.extend(bucket(desired, live.bucket()));
    for documents in &desired.contents().roles {
        let name = &documents.create.role_name;
        if let Some(role) = live.role(name).filter(|role| !role.other_policies.is_empty()) {
            let policies = role.other_policies.clone();
            findings.push(Finding::ForeignPolicies { role: name.to_string(), policies });
        }
    }
    findings.extend(foreign_tags(desired, live));
    let unused = desired.unused_exceptions().iter();
    findings.extend(unused.map(|exception| Finding::UnusedException { exception: exception.clone() }));
    findings
}

/// The keys that are published come or go; the JWKS is in the bucket twice, so this is found twice.
fn key_change(action: &Action) -> Option<Finding> {
    let Call::PutObject { before: Some(before), after, .. } = &action.call else { return None };
    let (before, after) = (key_ids(before.body.as_deref().unwrap_or_default()), key_ids(&after.body));
    (!before.is_empty() && !after.is_empty() && before != after).then_some(Finding::KeyChange { before, after })
}

fn bucket(desired: &Desired<'_>, state: &BucketState) -> Option<Finding> {
    let BucketState::Present(live) = state else { return None };
    let bucket = desired.contents().header.name.bucket().to_string();
    if live.is_left_by_a_cut_off_run() {
        Some(Finding::BucketTakenOver { bucket })
    } else if !live.tags.contains_key(SERIAL_TAG) {
        Some(Finding::NoRecord { bucket })
    } else {
        None
    }
}

/// The tags of others on what is the bundle's, by key.
fn foreign_tags(desired: &Desired<'_>, live: &LiveState) -> Vec<Finding> {
    let header = &desired.contents().header;
    let mut ours = tags(&header.tags);
    ours.extend([SERIAL_TAG, DIGEST_TAG].map(|key| (key.to_owned(), String::new())));
    let mut resources: Vec<(String, &Tags)> = Vec::new();
    if let BucketState::Present(bucket) = live.bucket() {
        resources.push((desired.bucket_arn(), &bucket.tags));
    }
    resources.extend(live.provider().map(|provider| (header.provider_arn(), &provider.tags)));
    for documents in &desired.contents().roles {
        let name = &documents.create.role_name;
        resources.extend(live.role(name).map(|role| (header.role_arn(name), &role.tags)));
    }
    let mut found: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    for (arn, tags) in resources {
        for key in tags.keys().filter(|key| !ours.contains_key(*key) && !is_system_tag(key)) {
            found.entry(key).or_default().push(arn.clone());
        }
    }
    let finding = |(key, resources): (&String, Vec<String>)| Finding::ForeignTag {
        key: key.clone(),
        ignored: desired.ignores_tag(key),
        resources,
    };
    found.into_iter().map(finding).collect()
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyChange { before, after } => write!(
                f,
                "THE SIGNING KEY CHANGES: published now: {}; then: {}. AWS refuses every token that is signed by a key that \
                 is no longer published",
                listed(before),
                listed(after)
            ),
            Self::BucketTakenOver { bucket } => write!(
                f,
                "bucket {} is untagged, empty and without a policy, as an interrupted apply leaves it; it is taken over",
                Escaped(bucket)
            ),
            Self::NoRecord { bucket } => {
                write!(
                    f,
                    "bucket {} has no record of a bundle: this is the first bundle applied to it",
                    Escaped(bucket)
                )
            }
            Self::ForeignPolicies { role, policies } => write!(
                f,
                "role {} has policies that are not in the bundle, and keeps them: {}",
                Escaped(role),
                listed(policies)
            ),
            Self::ForeignTag { key, ignored, resources } => {
                let whose = if *ignored { " (ignored by the trust file)" } else { "" };
                write!(f, "tag {} is not in the bundle{whose}, and stays on {}", Escaped(key), shortened(resources))
            }
            Self::UnusedException { exception } => {
                write!(f, "the trust file's exception for {} is not used by this bundle", Escaped(exception))
            }
        }
    }
}

/// Names from outside in one line, each escaped.
fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| Escaped(name).to_string()).collect::<Vec<_>>().join(", ")
}

/// The first of many ARNs, and how many more there are.
fn shortened(arns: &[String]) -> String {
    match arns {
        [one, rest @ ..] if rest.len() > 1 => format!("{} and {} other resources", Escaped(one), rest.len()),
        few => listed(few),
    }
}

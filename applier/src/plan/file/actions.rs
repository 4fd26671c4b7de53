//! Which actions of a plan are those of the file, or what a run that was stopped has left of them.
//!
//! An action is in the file if all of it is: call, resource, everything that is sent and everything that it replaces. What may
//! differ is what the stopped run itself changed: the record; settings that a bucket of its own has from the moment it is made;
//! versions of which some are deleted.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use bundle_schema::documents::PublicAccessBlock;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::PlanFile;
use crate::account::live::Tags;
use crate::plan::Operation;
use crate::plan::action::{Action, Call, RecordVersion};
use crate::plan::desired::is_system_tag;
use crate::record::{Made, MadeProvider, Making, Place, RecordState};

/// How S3 makes a bucket [S3 user guide, Blocking public access to your Amazon S3 storage].
pub(super) const NEW_BUCKET: PublicAccessBlock = PublicAccessBlock {
    block_public_acls: true,
    ignore_public_acls: true,
    block_public_policy: true,
    restrict_public_buckets: true,
};

/// A file's actions. A file may have many, of one call and resource too, so each is looked up and none is searched for.
pub(super) struct FileActions<'a> {
    file: &'a PlanFile,
    whole: HashSet<&'a Value>,
    by_call: HashMap<(&'a str, &'a str), Vec<&'a Value>>,
    /// Without what they replace; needed only to say what differs.
    sent: OnceCell<HashSet<Value>>,
}

impl<'a> FileActions<'a> {
    pub(super) fn of(file: &'a PlanFile) -> Self {
        let mut by_call: HashMap<_, Vec<&Value>> = HashMap::new();
        let text = |action: &'a Value, field| action.get(field).and_then(Value::as_str).unwrap_or_default();
        for action in &file.actions {
            by_call.entry((text(action, "call"), text(action, "resource"))).or_default().push(action);
        }
        Self { file, whole: file.actions.iter().collect(), by_call, sent: OnceCell::new() }
    }

    /// Whether the file's plan makes this bucket.
    pub(super) fn creates(&self, bucket: &str) -> bool {
        let is_this = |created: &Value| created.pointer("/input/Bucket").and_then(Value::as_str) == Some(bucket);
        let is_one = |action: &&Value| action.get("call").and_then(Value::as_str) == Some("s3:CreateBucket");
        self.file.actions.iter().filter(is_one).any(is_this)
    }

    /// Whether the file's plan makes a distribution.
    pub(super) fn creates_distribution(&self) -> bool {
        self.makes("cloudfront:CreateDistribution")
    }

    fn makes(&self, call: &str) -> bool {
        self.file.actions.iter().any(|action| action.get("call").and_then(Value::as_str) == Some(call))
    }

    /// Those of this call for this resource.
    fn of_call<'b>(&'b self, call: &'b str, resource: &'b str) -> &'b [&'a Value] {
        self.by_call.get(&(call, resource)).map_or(&[], Vec::as_slice)
    }

    /// Why an action is not one of the file's.
    pub(super) fn refuses(&self, action: &Action) -> Option<&'static str> {
        let value = action.to_value();
        if self.whole.contains(&value) || self.explains(action) {
            return None;
        }
        if let Call::OpenRecord { before: Some(_), .. } | Call::OpenRemoval { before: Some(_), .. } = &action.call {
            let mut same_call = self.of_call(action.name(), &action.resource).iter();
            let is_the_files = same_call.any(|opened| opened.get("before") == value.get("before"));
            if !is_the_files && self.stopped_run(&action.call).is_none() {
                return Some("would replace what another run wrote since");
            }
        }
        let all_sent = self.sent.get_or_init(|| self.file.actions.iter().map(sent).collect());
        let is_sent = all_sent.contains(&sent(&value));
        Some(if is_sent { "would replace something else than in the file" } else { "is not in the file" })
    }

    /// The record that an action replaces, where a run of the file's plan wrote it and was stopped.
    pub(super) fn stopped_run<'p>(&self, call: &'p Call) -> Option<&'p RecordVersion> {
        let (Call::OpenRecord { before, .. } | Call::OpenRemoval { before, .. }) = call else { return None };
        let PlanFile { operation, serial, bundle_sha256, digest, .. } = self.file;
        let states = match operation {
            Operation::Apply => [RecordState::Applying, RecordState::Stopped].as_slice(),
            Operation::Delete => &[RecordState::Deleting, RecordState::DeletionStopped],
        };
        // The deletion of a former issuer leaves the serial of the bundle to which the cluster moved.
        let deletes_former = |found: &RecordVersion| *operation == Operation::Delete && found.state.is_moved();
        before.as_ref().filter(|found| {
            found.plan_digest.as_ref() == Some(digest)
                && (deletes_former(found)
                    || (found.serial, &found.sha256) == (*serial, bundle_sha256) && states.contains(&found.state))
        })
    }

    /// Whether a stopped run of the file's plan made this action what it is now.
    fn explains(&self, action: &Action) -> bool {
        let same_call = || self.of_call(action.name(), &action.resource).iter();
        let creates_bucket = || self.of_call("s3:CreateBucket", &action.resource).first();
        match &action.call {
            call @ Call::OpenRecord { place, before, known, making } => {
                // Where the provider holds the record, a run may have made it and been stopped before it wrote there.
                let in_tags = matches!(place, Place::Provider { .. });
                let is_unwritten =
                    |opened: &Value| in_tags && before.is_none() && is_null(opened, "before") && !making.provider;
                let is_stopped = self.stopped_run(call).is_some();
                same_call().any(|opened| (is_stopped || is_unwritten(opened)) && self.is_rest(opened, known, making))
            }
            call @ Call::OpenRemoval { known, .. } => {
                self.stopped_run(call).is_some()
                    && same_call().any(|opened| self.is_rest(opened, known, &Making::default()))
            }
            Call::BlockPublicAccess { before: Some(before), .. } => {
                *before == NEW_BUCKET
                    && creates_bucket().is_some()
                    && same_call().any(|other| is_null(other, "before") && sent(other) == sent(&action.to_value()))
            }
            // The bucket was made without its tags, where those may not be given with it.
            Call::TagBucket { before, after, .. } => creates_bucket().is_some_and(|created| {
                let is_own = |tags: Tags| after.iter().filter(|(key, _)| !is_system_tag(key)).eq(tags.iter());
                before.keys().all(|key| is_system_tag(key)) && field::<Tags>(created, "tags").is_some_and(is_own)
            }),
            // CloudFront has named since what the file's plan makes.
            Call::CreateDistribution { .. } | Call::UpdateDistribution { .. } => {
                self.makes("cloudfront:CreateOriginAccessControl") && self.whole.contains(&action.unnamed().to_value())
            }
            Call::SetBucketPolicy { .. } => {
                self.creates_distribution() && self.whole.contains(&action.unnamed().to_value())
            }
            Call::DeleteVersions { key, version_ids, .. } => {
                let of_key = same_call().filter(|other| other.get("key").and_then(Value::as_str) == Some(key));
                let ids: HashSet<&str> = of_key
                    .filter_map(|other| other.get("versionIds")?.as_array())
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                version_ids.iter().all(|id| ids.contains(id.as_str()))
            }
            _ => false,
        }
    }

    /// Whether what is the cluster's now is what the file's action knew, less what is deleted, and what it was about to make.
    fn is_rest(&self, opened: &Value, known: &Made, making: &Making) -> bool {
        let Some(file_known) = field::<Made>(opened, "known") else { return false };
        let file_making = field::<Making>(opened, "making").unwrap_or_default();
        let is_known_role = |(name, id)| file_known.roles.get(name) == Some(id) || file_making.roles.contains(name);
        let is_known_provider = |provider: &MadeProvider| {
            file_making.provider
                || file_known.provider.as_ref().is_some_and(|known| {
                    let (from, to) = (&known.thumbprints, &provider.thumbprints);
                    known.created == provider.created && (from == to || self.sets_thumbprints(from, to))
                })
        };
        let is_known_distribution = |id| file_making.distribution || file_known.distribution.as_ref() == Some(id);
        let is_known_control = |id| file_making.access_control || file_known.access_control.as_ref() == Some(id);
        known.roles.iter().all(is_known_role)
            && known.distribution.as_ref().is_none_or(is_known_distribution)
            && known.access_control.as_ref().is_none_or(is_known_control)
            && known.provider.as_ref().is_none_or(is_known_provider)
            && making.roles.is_subset(&file_making.roles)
            && (!making.provider || file_making.provider)
            && (!making.distribution || file_making.distribution)
            && (!making.access_control || file_making.access_control)
    }

    /// Whether the file's plan replaces these thumbprints by those.
    pub(super) fn sets_thumbprints(&self, from: &[String], to: &[String]) -> bool {
        // IAM is free to give them in another order, and in capitals.
        let set = |texts: Vec<String>| texts.iter().map(|text| text.to_ascii_lowercase()).collect::<BTreeSet<_>>();
        let sets = self.file.actions.iter().filter(|action| {
            action.get("call").and_then(Value::as_str) == Some("iam:UpdateOpenIDConnectProviderThumbprint")
        });
        let is_this = |action: &Value| {
            let before = field::<Vec<String>>(action, "before").is_some_and(|before| before == from);
            before && field::<Vec<String>>(action, "after").is_some_and(|after| set(after) == set(to.to_vec()))
        };
        sets.into_iter().any(is_this)
    }
}

/// A part of an action that is no call: tags, names, what the record knows.
fn field<T: DeserializeOwned>(action: &Value, name: &str) -> Option<T> {
    T::deserialize(action.get(name)?).ok()
}

fn is_null(action: &Value, name: &str) -> bool {
    action.get(name).is_some_and(Value::is_null)
}

/// What is sent, without what it replaces.
fn sent(action: &Value) -> Value {
    let mut sent = action.clone();
    if let Some(fields) = sent.as_object_mut() {
        fields.remove("before");
        fields.remove("change");
    }
    sent
}

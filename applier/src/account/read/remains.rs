//! Reading what a deletion has to deal with.

use std::collections::BTreeSet;

use bundle_schema::names::{BucketName, RoleName};

use super::{MAX_PAGES, bounded};
use crate::account::aws::Aws;
use crate::account::error::AwsError;
use crate::account::remains::{ReadRemains, Versions};
use crate::account::send::reading;

/// Pages of a bucket's versions, of a thousand each. The record is written every five seconds while a run lasts, so this is
/// enough for runs of more than 69 hours.
const MAX_VERSION_PAGES: usize = 50;

impl ReadRemains for Aws {
    async fn versions(&self, bucket: &BucketName, prefix: &str, ours: &BTreeSet<String>) -> Result<Versions, AwsError> {
        const CALL: &str = "s3:ListBucketVersions";
        let (mut found, mut from) = (Versions::default(), (None, None));
        for _ in 0..MAX_VERSION_PAGES {
            let list = || {
                let list = self.s3.list_object_versions().bucket(bucket.as_str()).prefix(prefix);
                let list = list.set_key_marker(from.0.clone()).set_version_id_marker(from.1.clone());
                list.expected_bucket_owner(self.owner.as_str()).send()
            };
            let answer = self.send(reading(CALL), list).await?;
            let versions = answer.versions.into_iter().flatten().map(|version| (version.key, version.version_id));
            let markers = answer.delete_markers.into_iter().flatten().map(|marker| (marker.key, marker.version_id));
            for (key, id) in versions.chain(markers) {
                let (Some(key), Some(id)) = (key, id) else {
                    return Err(AwsError::Unusable { call: CALL, reason: "a version has no key or no ID" });
                };
                if ours.contains(&key) {
                    found.ours.entry(key).or_default().push(id);
                } else {
                    found.others.insert(key);
                }
            }
            found.has_more = answer.is_truncated.unwrap_or_default();
            from = (answer.next_key_marker, answer.next_version_id_marker);
            // Other objects stop a deletion, however many there are.
            if !found.has_more || !found.others.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    async fn instance_profiles(&self, role: &RoleName) -> Result<Vec<String>, AwsError> {
        const CALL: &str = "iam:ListInstanceProfilesForRole";
        let (mut names, mut marker) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let list = || {
                self.iam.list_instance_profiles_for_role().role_name(role.as_str()).set_marker(marker.clone()).send()
            };
            let answer = match self.send(reading(CALL), list).await {
                Ok(answer) => answer,
                // Somebody deleted it since it was read.
                Err(error) => return Ok(error.absent(&["NoSuchEntity"])?.unwrap_or_default()),
            };
            names.extend(answer.instance_profiles.into_iter().map(|profile| profile.instance_profile_name));
            if !answer.is_truncated {
                names.sort();
                return bounded(CALL, names);
            }
            marker = answer.marker;
        }
        Err(AwsError::Unusable { call: CALL, reason: "it has no end" })
    }
}

//! Check 10: what the live account does not allow, all of it at once.
//!
//! Input: a bundle and the account's state. The account itself was checked when the state was read. Output: nothing,
//! or the list of reasons; while there is one, nothing is written.

use std::fmt;

use bundle_schema::escape::Escaped;

use crate::account::live::{BucketState, LiveBucket, LiveState};
use crate::plan::desired::{DIGEST_TAG, Desired, OWNED, SERIAL_TAG};

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "{what} {} exists and is not this cluster's: its tag {tag} is {}, not {OWNED}\n  if it is not in use, remove it; or make the bundle with another --name",
        Escaped(.resource), found.as_deref().map_or("missing".to_owned(), |value| format!("\"{}\"", Escaped(value)))
    )]
    NotOurs { what: &'static str, resource: String, tag: String, found: Option<String> },
    #[error(
        "bucket {bucket} exists and S3 does not show it to these credentials: it is another account's, or s3:ListBucket is not allowed\n  make the bundle with another --name, or allow s3:ListBucket"
    )]
    BucketForbidden { bucket: String },
    #[error(
        "bucket {bucket} is in region {}, the bundle is for {region}\n  make the bundle with --region {}, or remove the bucket if it is not in use", Escaped(.found), Escaped(.found)
    )]
    BucketRegion { bucket: String, found: String, region: String },
    #[error(
        "bundle has serial {bundle}, the account holds serial {live}, which is newer\n  apply the newer bundle, or make this one again with a --serial above {live}"
    )]
    OlderSerial { live: u64, bundle: u64 },
    #[error(
        "bundle has serial {serial} and SHA-256 {bundle}, the account holds serial {serial} with SHA-256 {}\n  make the bundle again with a --serial above {serial}", Escaped(.live)
    )]
    OtherDigest { serial: u64, bundle: String, live: String },
    #[error(
        "tag {tag} of bucket {bucket} is \"{}\", which this program does not write\n  find out who changed it; put it right or remove both {SERIAL_TAG} and {DIGEST_TAG}", Escaped(.value)
    )]
    Record { bucket: String, tag: &'static str, value: String },
    #[error(
        "bucket {bucket} has ABAC on, with which S3 refuses to replace its tags; tags to set: {}\n  set them with `aws s3control tag-resource`, or turn ABAC off for this bucket", Escaped(.tags)
    )]
    Abac { bucket: String, tags: String },
    #[error(
        "role {} has path {}, the bundle has {wanted}; IAM cannot move a role\n  make the bundle with --role-path {}, or remove the role if it is not in use",
        .role, Escaped(.found), Escaped(.found)
    )]
    RolePath { role: String, found: String, wanted: String },
}

/// Every reason why the account does not take the bundle. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    reasons: Vec<Refusal>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reasons.as_slice() {
            [one] => write!(f, "{one}"),
            many => {
                write!(f, "the account refuses the bundle for {} reasons; nothing was changed", many.len())?;
                many.iter().try_for_each(|reason| write!(f, "\n- {reason}"))
            }
        }
    }
}

impl std::error::Error for Refused {}

pub(crate) fn check(desired: &Desired<'_>, live: &LiveState) -> Result<(), Refused> {
    let mut reasons = Vec::new();
    reasons.extend(bucket(desired, live.bucket()));
    let header = &desired.contents().header;
    let not_ours = |what, resource, tags: &crate::account::live::Tags| {
        let tag = header.name.ownership_tag_key();
        let found = tags.get(&tag).cloned();
        (!desired.is_owned(tags)).then_some(Refusal::NotOurs { what, resource, tag, found })
    };
    if let Some(provider) = live.provider() {
        reasons.extend(not_ours("identity provider", header.provider_arn(), &provider.tags));
    }
    for role in &desired.contents().roles {
        let name = &role.create.role_name;
        let Some(live) = live.role(name) else { continue };
        let foreign = not_ours("role", name.to_string(), &live.tags);
        if foreign.is_none() && live.path != role.create.path.as_str() {
            let (role, found, wanted) = (name.to_string(), live.path.clone(), role.create.path.to_string());
            reasons.push(Refusal::RolePath { role, found, wanted });
        }
        reasons.extend(foreign);
    }
    if reasons.is_empty() { Ok(()) } else { Err(Refused { reasons }) }
}

fn bucket(desired: &Desired<'_>, state: &BucketState) -> Option<Refusal> {
    let header = &desired.contents().header;
    let bucket = header.name.bucket().to_string();
    match state {
        BucketState::Absent => None,
        BucketState::Forbidden => Some(Refusal::BucketForbidden { bucket }),
        BucketState::InRegion(found) => {
            Some(Refusal::BucketRegion { bucket, found: found.clone(), region: header.region.to_string() })
        }
        BucketState::Present(live) if desired.is_owned(&live.tags) => {
            record(desired, bucket.clone(), live).or_else(|| abac(desired, bucket, live))
        }
        BucketState::Present(live) if live.is_left_by_a_cut_off_run() => None,
        BucketState::Present(live) => {
            let tag = header.name.ownership_tag_key();
            let found = live.tags.get(&tag).cloned();
            Some(Refusal::NotOurs { what: "bucket", resource: bucket, tag, found })
        }
    }
}

/// Replacing a bucket's tags is the one call for it that is used here.
fn abac(desired: &Desired<'_>, bucket: String, live: &LiveBucket) -> Option<Refusal> {
    let missing: Vec<String> = desired
        .bucket_tags()
        .into_iter()
        .filter(|(key, value)| live.tags.get(key) != Some(value))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    (live.abac && !missing.is_empty()).then(|| Refusal::Abac { bucket, tags: missing.join(", ") })
}

fn record(desired: &Desired<'_>, bucket: String, live: &LiveBucket) -> Option<Refusal> {
    let (bundle, digest) = (desired.contents().header.serial, desired.digest().as_str());
    let (serial, recorded) = match (live.tags.get(SERIAL_TAG), live.tags.get(DIGEST_TAG)) {
        (None, None) => return None,
        (serial, recorded) => (serial.map_or("", String::as_str), recorded.map_or("", String::as_str)),
    };
    // One spelling only: what this program writes.
    let Some(serial) = serial.parse::<u64>().ok().filter(|number| number.to_string() == *serial) else {
        return Some(Refusal::Record { bucket, tag: SERIAL_TAG, value: serial.to_owned() });
    };
    if serial > bundle {
        return Some(Refusal::OlderSerial { live: serial, bundle });
    }
    (serial == bundle && recorded != digest).then(|| Refusal::OtherDigest {
        serial,
        bundle: digest.to_owned(),
        live: recorded.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Held, contents, digest};

    fn refuse(change: impl FnOnce(&mut Held)) -> String {
        let contents = contents();
        let mut held = Held::everything(&contents);
        change(&mut held);
        check(&Desired::for_test(&contents, &digest()), &held.state())
            .map_err(|refused| refused.to_string())
            .unwrap_err()
    }

    fn record(serial: &str, digest: &str) -> String {
        refuse(|held| {
            held.bucket().tags.insert(SERIAL_TAG.to_owned(), serial.to_owned());
            held.bucket().tags.insert(DIGEST_TAG.to_owned(), digest.to_owned());
        })
    }

    #[test]
    fn nothing_is_refused_of_our_own() {
        let contents = contents();
        let digest = digest();
        let desired = Desired::for_test(&contents, &digest);
        assert_eq!(check(&desired, &Held::everything(&contents).state()), Ok(()));
        assert_eq!(check(&desired, &Held::nothing().state()), Ok(()));
    }

    #[test]
    fn everything_that_is_not_ours_is_named_at_once() {
        let spoiled = refuse(|held| {
            held.role("prod-disk").tags.clear();
            held.role("prod-registry").path = "/x/".to_owned();
            held.provider.as_mut().unwrap().tags.values_mut().for_each(|value| *value = "shared".to_owned());
        });
        assert_eq!(
            spoiled,
            "the account refuses the bundle for 3 reasons; nothing was changed
- identity provider arn:aws:iam::123456789012:oidc-provider/prod-oidc.s3.us-east-2.amazonaws.com exists and is not this cluster's: its tag openshift.io/cloud-credential-operator/prod is \"shared\", not owned
  if it is not in use, remove it; or make the bundle with another --name
- role prod-disk exists and is not this cluster's: its tag openshift.io/cloud-credential-operator/prod is missing, not owned
  if it is not in use, remove it; or make the bundle with another --name
- role prod-registry has path /x/, the bundle has /; IAM cannot move a role
  make the bundle with --role-path /x/, or remove the role if it is not in use"
        );
    }

    #[test]
    fn a_record_does_not_go_back() {
        let digest = digest();
        assert_eq!(
            record("8", digest.as_str()),
            "bundle has serial 7, the account holds serial 8, which is newer\n  apply the newer bundle, or make this one again with a --serial above 8"
        );
        assert_eq!(
            record("7", &"0".repeat(64)),
            format!(
                "bundle has serial 7 and SHA-256 {digest}, the account holds serial 7 with SHA-256 {}\n  make the bundle again with a --serial above 7",
                "0".repeat(64)
            )
        );
        for wrong in ["", "x\u{1b}", "07", "+7", "-1", "99999999999999999999"] {
            assert!(record(wrong, digest.as_str()).contains("which this program does not write"), "{wrong}");
        }
    }

    #[test]
    fn a_bucket_whose_tags_cannot_be_replaced_is_refused_before_anything_is_written() {
        assert_eq!(
            refuse(|held| {
                held.bucket().abac = true;
                held.bucket().tags.remove("Name");
            }),
            "bucket prod-oidc has ABAC on, with which S3 refuses to replace its tags; tags to set: Name=prod\n  set them with `aws s3control tag-resource`, or turn ABAC off for this bucket"
        );
        let contents = contents();
        let mut held = Held::everything(&contents);
        held.bucket().abac = true;
        assert_eq!(check(&Desired::for_test(&contents, &digest()), &held.state()), Ok(()));
    }

    #[test]
    fn a_bucket_elsewhere_is_refused() {
        assert_eq!(
            refuse(|held| held.bucket = BucketState::InRegion("eu-west-1".to_owned())),
            "bucket prod-oidc is in region eu-west-1, the bundle is for us-east-2\n  make the bundle with --region eu-west-1, or remove the bucket if it is not in use"
        );
        assert!(
            refuse(|held| held.bucket = BucketState::Forbidden)
                .starts_with("bucket prod-oidc exists and S3 does not show it")
        );
    }
}

//! Which action waits for which: a matter of its type alone. The order is what the services demand, written beside each rule.

use super::{Action, Call};

/// What an action belongs to, in the order of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stage {
    Bucket,
    OpenRecord,
    BucketSetting,
    AccessControl,
    Distribution,
    Object,
    Provider,
    HandOver,
    Role,
    CloseRecord,
    RemoveProvider,
    RemoveDistribution,
    RemoveObject,
    RemoveRecord,
    RemoveBucket,
}

/// For which actions of an earlier stage, among those before it, an action waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    ForAll,
    ForSameResource,
    Not,
}

impl Action {
    pub(crate) fn stage(&self) -> Stage {
        match &self.call {
            Call::CreateBucket { .. } => Stage::Bucket,
            Call::OpenRecord { .. } | Call::OpenRemoval { .. } => Stage::OpenRecord,
            Call::CloseRecord { .. } => Stage::CloseRecord,
            Call::HandOver { .. } => Stage::HandOver,
            Call::TagBucket { .. }
            | Call::SetOwnership { .. }
            | Call::BlockPublicAccess { .. }
            | Call::SetBucketPolicy { .. } => Stage::BucketSetting,
            Call::CreateAccessControl { .. } | Call::UpdateAccessControl { .. } => Stage::AccessControl,
            Call::CreateDistribution { .. } | Call::UpdateDistribution { .. } | Call::TagDistribution { .. } => {
                Stage::Distribution
            }
            Call::PutObject { .. } => Stage::Object,
            Call::CreateProvider { .. }
            | Call::AddClientId { .. }
            | Call::RemoveClientId { .. }
            | Call::SetThumbprints { .. }
            | Call::TagProvider { .. } => Stage::Provider,
            Call::CreateRole { .. }
            | Call::SetTrustPolicy { .. }
            | Call::UpdateRole { .. }
            | Call::SetBoundary { .. }
            | Call::RemoveBoundary { .. }
            | Call::TagRole { .. }
            | Call::SetRolePolicy { .. }
            | Call::DetachPolicy { .. }
            | Call::DeletePolicy { .. }
            | Call::DeleteRole { .. } => Stage::Role,
            Call::DeleteProvider { .. } => Stage::RemoveProvider,
            Call::DisableDistribution { .. } | Call::DeleteDistribution { .. } | Call::DeleteAccessControl { .. } => {
                Stage::RemoveDistribution
            }
            Call::DeleteObject { .. } | Call::DeleteVersions { .. } => Stage::RemoveObject,
            Call::DeleteRecord { .. } => Stage::RemoveRecord,
            Call::DeleteBucket { .. } => Stage::RemoveBucket,
        }
    }

    /// Whether it makes, changes or deletes a role.
    pub(crate) fn is_of_role(&self) -> bool {
        self.stage() == Stage::Role
    }

    /// Whether this action has to wait for one that stands before it in the plan.
    #[cfg(test)]
    pub(crate) fn waits_for(&self, earlier: &Action) -> bool {
        match self.stage().waits_for(earlier.stage()) {
            Waits::ForAll => true,
            Waits::ForSameResource => self.resource == earlier.resource,
            Waits::Not => false,
        }
    }
}

impl Stage {
    /// What an action of this stage has to wait for.
    pub(crate) fn waits_for(self, earlier: Self) -> Waits {
        match (self, earlier) {
            // Roles are independent of each other; IAM answers two changes of one role at a time with a conflict.
            (Stage::Role, Stage::Role) => Waits::ForSameResource,
            // Objects are deleted side by side.
            (Stage::RemoveObject, Stage::RemoveObject) => Waits::Not,
            // The record is in the bucket before anything else changes, and closed when everything has.
            (_, Stage::Bucket | Stage::OpenRecord)
            // S3 refuses a public policy while its block stands, and two changes of one bucket's settings at a time. A private
            // bucket's policy names the distribution, and that the access control.
            | (Stage::BucketSetting, Stage::BucketSetting | Stage::AccessControl | Stage::Distribution)
            | (Stage::Distribution, Stage::AccessControl | Stage::Distribution)
            // IAM reads the issuer when the provider is made, so its documents are public by then; and trust policies
            // name the provider. What uses something goes before it: roles trust the provider, which reads the documents; a
            // distribution whose bucket is gone serves whatever somebody else puts into a bucket of that name. The record knows
            // what is the cluster's until nothing else of it is left, and a bucket has to be empty.
            // A record in the provider's tags is written when the provider is there.
            | (Stage::OpenRecord, Stage::Provider)
            | (
                Stage::Provider
                | Stage::HandOver
                | Stage::Role
                | Stage::CloseRecord
                | Stage::RemoveProvider
                | Stage::RemoveDistribution
                | Stage::RemoveObject
                | Stage::RemoveRecord
                | Stage::RemoveBucket,
                _,
            ) => Waits::ForAll,
            // Objects need the bucket alone.
            (
                Stage::Bucket
                | Stage::OpenRecord
                | Stage::BucketSetting
                | Stage::AccessControl
                | Stage::Distribution
                | Stage::Object,
                _,
            ) => Waits::Not,
        }
    }
}

#[cfg(test)]
mod tests {
    use bundle_schema::documents::ObjectOwnership;
    use bundle_schema::names::{BucketName, RoleName};

    use super::*;
    use crate::account::live::Tags;
    use crate::plan::action::NewObject;
    use crate::record::{Made, Making, Place};

    fn action(resource: &str, call: Call) -> Action {
        Action { resource: resource.to_owned(), call }
    }

    #[test]
    fn only_what_must_wait_waits() {
        let bucket = BucketName::new("b-oidc").unwrap();
        let (known, making) = (Made::default(), Making::default());
        let place = Place::Bucket(bucket.clone());
        let record = action("b", Call::OpenRecord { place: place.clone(), before: None, known, making });
        let tags = action("b", Call::TagBucket { bucket: bucket.clone(), before: Tags::new(), after: Tags::new() });
        let close = action("b", Call::CloseRecord { place, provider_arn: None });
        let object = |key: &str| {
            let after = NewObject {
                key: key.to_owned(),
                content_type: "t",
                encryption: "AES256",
                tags: Tags::new(),
                body: String::new(),
            };
            action(key, Call::PutObject { bucket: bucket.clone(), before: None, after })
        };
        let owner = action(
            "b",
            Call::SetOwnership { bucket: bucket.clone(), before: None, after: ObjectOwnership::BucketOwnerEnforced },
        );
        let provider = action("p", Call::TagProvider { before: Tags::new(), after: Tags::new() });
        let role = |arn: &str| {
            action(arn, Call::TagRole { role: RoleName::new("r").unwrap(), before: Tags::new(), after: Tags::new() })
        };
        for (later, earlier, waits) in [
            (&owner, &record, true),
            (&tags, &record, true),
            (&owner, &tags, true),
            (&close, &role("x"), true),
            (&close, &object("a"), true),
            (&object("a"), &record, true),
            (&object("a"), &owner, false),
            (&object("a"), &object("b"), false),
            (&provider, &owner, true),
            (&provider, &object("a"), true),
            (&role("x"), &provider, true),
            (&role("x"), &object("a"), true),
            (&role("x"), &role("y"), false),
            (&role("x"), &role("x"), true),
        ] {
            assert_eq!(later.waits_for(earlier), waits, "{} {}", later.resource, earlier.resource);
        }
    }
}

//! Writing to an account: each action of a plan is one call, with exactly the input that the plan shows.

#[cfg(feature = "cloudfront")]
mod cloudfront;
mod record;

use std::sync::atomic::Ordering;

use aws_sdk_iam::types as iam;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types as s3;
use bundle_schema::documents::{
    BucketNamespace, CreateBucket, CreateOpenIdConnectProvider, CreateRole, ObjectOwnership, PutBucketPolicy,
    PutPublicAccessBlock, PutRolePolicy,
};
use bundle_schema::names::BucketName;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::account::live::Tags;
use crate::account::{Aws, AwsError, CallLog, Sent, writing};
use crate::apply::{Patience, WriteAccount};
use crate::plan::action::{Action, Call, Named, NewObject, Object, RoleSettings};
use crate::plan::desired;
use crate::record::{Place, RECORD_KEY, Record, RoleId};

/// Everything but the unreserved characters of RFC 3986, section 2.3: how S3 takes an object's tags in a header.
const NOT_UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl WriteAccount for Aws {
    async fn perform(&self, action: &Action, log: &CallLog) -> Result<Option<Named>, AwsError> {
        let (sent, arn) = (writing(action.name(), log), action.resource.as_str());
        match &action.call {
            Call::CreateRole { input } => {
                return self.create_role(sent, input).await.map(|id| Some(Named::Role(id)));
            }
            Call::CreateAccessControl { .. }
            | Call::CreateDistribution { .. }
            | Call::UpdateAccessControl { .. }
            | Call::UpdateDistribution { .. }
            | Call::DisableDistribution { .. }
            | Call::TagDistribution { .. }
            | Call::DeleteDistribution { .. }
            | Call::DeleteAccessControl { .. } => return self.perform_at_cloudfront(sent, action).await,
            Call::CreateBucket { input, tags } => self.create_bucket(sent, input, tags).await,
            Call::TagBucket { bucket, after, .. } => self.tag_bucket(sent, bucket, after).await,
            Call::SetOwnership { bucket, after, .. } => self.set_ownership(sent, bucket, *after).await,
            Call::BlockPublicAccess { input, .. } => self.block_public_access(sent, input).await,
            Call::SetBucketPolicy { input, .. } => self.set_bucket_policy(sent, input).await,
            Call::PutObject { bucket, before, after } => self.put_object(sent, bucket, before.as_ref(), after).await,
            Call::CreateProvider { input, tags } => self.create_provider(sent, input, tags).await,
            Call::AddClientId { client_id } => self.add_client_id(sent, arn, client_id.as_str()).await,
            Call::RemoveClientId { client_id } => self.remove_client_id(sent, arn, client_id).await,
            Call::SetThumbprints { after, .. } => self.set_thumbprints(sent, arn, texts(after)).await,
            Call::TagProvider { after, .. } => self.tag_provider(sent, arn, after).await,
            Call::SetTrustPolicy { role, after, .. } => self.set_trust_policy(sent, role.as_str(), after.text()).await,
            Call::UpdateRole { role, after, .. } => self.update_role(sent, role.as_str(), after).await,
            Call::SetBoundary { role, after, .. } => self.set_boundary(sent, role.as_str(), after.as_str()).await,
            Call::RemoveBoundary { role, .. } => self.remove_boundary(sent, role.as_str()).await,
            Call::TagRole { role, after, .. } => self.tag_role(sent, role.as_str(), after).await,
            Call::SetRolePolicy { input, .. } => self.set_role_policy(sent, input).await,
            Call::DetachPolicy { role, policy_arn } => {
                let detach = || self.iam.detach_role_policy().role_name(role.as_str()).policy_arn(policy_arn).send();
                self.send(sent, detach).await.map(drop)
            }
            Call::DeletePolicy { role, policy_name } => self.delete_role_policy(sent, role, policy_name).await,
            Call::DeleteRole { role_name, .. } => self.delete_role(sent, role_name).await,
            Call::DeleteProvider { .. } => self.delete_provider(sent, arn).await,
            Call::DeleteObject { bucket, key } => self.delete_object(sent, bucket, key, None).await,
            Call::DeleteVersions { bucket, key, version_ids } => {
                self.delete_versions(sent, bucket, key, version_ids).await
            }
            Call::DeleteBucket { bucket } => self.delete_bucket(sent, bucket).await,
            // The run writes the record itself: what it says changes with every action.
            Call::OpenRecord { .. }
            | Call::CloseRecord { .. }
            | Call::HandOver { .. }
            | Call::OpenRemoval { .. }
            | Call::DeleteRecord { .. } => Err(sent.incomplete()),
        }
        .map(|()| None)
    }

    async fn put_record(
        &self,
        place: &Place,
        before: Option<&str>,
        record: &Record,
        patience: Patience,
        log: &CallLog,
    ) -> Result<String, AwsError> {
        let sent = writing(place.put_call().as_str(), log).urgent();
        match place {
            Place::Bucket(bucket) => self.put_record_object(sent, bucket, before, record, patience).await,
            Place::Provider { arn, .. } => self.tag_record(sent, arn, record, patience).await,
        }
    }

    async fn delete_record(&self, place: &Place, etag: &str, log: &CallLog) -> Result<(), AwsError> {
        let sent = writing(place.delete_call().as_str(), log);
        match place {
            Place::Bucket(bucket) => self.delete_object(sent, bucket, RECORD_KEY, Some(etag)).await,
            Place::Provider { arn, name } => self.untag_record(sent, arn, name).await,
        }
    }

    async fn delete_record_versions(&self, place: &Place, log: &CallLog) -> Result<(), AwsError> {
        match place {
            Place::Bucket(bucket) => self.delete_all_versions(bucket, RECORD_KEY, log).await,
            Place::Provider { arn, name } => {
                self.untag_record(writing(place.delete_call().as_str(), log), arn, name).await
            }
        }
    }

    fn stop_sending(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// The bucket. Documents are taken apart field by field: a field that is added to one breaks the build here.
impl Aws {
    /// With its tags, which need `s3:TagResource`. Where that is denied, or the endpoint does not know tags here, the bucket is
    /// made without them and tagged at once.
    async fn create_bucket(&self, sent: Sent<'_>, input: &CreateBucket, tags: &Tags) -> Result<(), AwsError> {
        let tag = |(key, value): (&String, &String)| s3::Tag::builder().key(key).value(value).build();
        let pairs: Vec<s3::Tag> = tags.iter().map(tag).collect::<Result<_, _>>().map_err(|_| sent.incomplete())?;
        match self.create_bucket_with(sent, input, pairs).await {
            Err(error) if error.refuses_tags() => {
                self.create_bucket_with(sent, input, Vec::new()).await?;
                self.tag_bucket(sent.then("s3:PutBucketTagging"), &input.bucket, tags).await
            }
            done => done,
        }
    }

    async fn create_bucket_with(
        &self,
        sent: Sent<'_>,
        input: &CreateBucket,
        tags: Vec<s3::Tag>,
    ) -> Result<(), AwsError> {
        let CreateBucket { bucket, bucket_namespace, create_bucket_configuration, object_ownership } = input;
        let region = create_bucket_configuration.as_ref().map(|place| place.location_constraint.as_str().into());
        let configuration = (region.is_some() || !tags.is_empty()).then(|| {
            let tags = (!tags.is_empty()).then_some(tags);
            s3::CreateBucketConfiguration::builder().set_location_constraint(region).set_tags(tags).build()
        });
        let create = || {
            let create = self.s3.create_bucket().bucket(bucket.as_str()).object_ownership(ownership(*object_ownership));
            let namespace =
                bucket_namespace.map(|BucketNamespace::AccountRegional| s3::BucketNamespace::AccountRegional);
            create.set_bucket_namespace(namespace).set_create_bucket_configuration(configuration.clone()).send()
        };
        self.send(sent, create).await.map(drop)
    }

    async fn tag_bucket(&self, sent: Sent<'_>, bucket: &BucketName, tags: &Tags) -> Result<(), AwsError> {
        let tag = |(key, value): (&String, &String)| s3::Tag::builder().key(key).value(value).build();
        let pairs = tags.iter().map(tag).collect::<Result<_, _>>();
        let tagging = pairs.and_then(|pairs| s3::Tagging::builder().set_tag_set(Some(pairs)).build());
        let tagging = tagging.map_err(|_| sent.incomplete())?;
        let put = || {
            let put = self.s3.put_bucket_tagging().bucket(bucket.as_str()).tagging(tagging.clone());
            put.expected_bucket_owner(self.owner.as_str()).send()
        };
        self.send(sent, put).await.map(drop)
    }

    async fn set_ownership(&self, sent: Sent<'_>, bucket: &BucketName, after: ObjectOwnership) -> Result<(), AwsError> {
        let rule = s3::OwnershipControlsRule::builder().object_ownership(ownership(after)).build();
        let controls = rule.and_then(|rule| s3::OwnershipControls::builder().rules(rule).build());
        let controls = controls.map_err(|_| sent.incomplete())?;
        let put = || {
            let put = self.s3.put_bucket_ownership_controls().bucket(bucket.as_str());
            put.ownership_controls(controls.clone()).expected_bucket_owner(self.owner.as_str()).send()
        };
        self.send(sent, put).await.map(drop)
    }

    async fn block_public_access(&self, sent: Sent<'_>, input: &PutPublicAccessBlock) -> Result<(), AwsError> {
        let PutPublicAccessBlock { bucket, public_access_block_configuration: block, expected_bucket_owner } = input;
        let block = s3::PublicAccessBlockConfiguration::builder()
            .block_public_acls(block.block_public_acls)
            .ignore_public_acls(block.ignore_public_acls)
            .block_public_policy(block.block_public_policy)
            .restrict_public_buckets(block.restrict_public_buckets)
            .build();
        let put = || {
            let put = self.s3.put_public_access_block().bucket(bucket.as_str());
            let put = put.public_access_block_configuration(block.clone());
            put.expected_bucket_owner(expected_bucket_owner.as_str()).send()
        };
        self.send(sent, put).await?;
        self.opened_block.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn set_bucket_policy(&self, sent: Sent<'_>, input: &PutBucketPolicy) -> Result<(), AwsError> {
        let PutBucketPolicy { bucket, policy, expected_bucket_owner } = input;
        let put = || {
            let put = self.s3.put_bucket_policy().bucket(bucket.as_str()).policy(policy.text());
            put.expected_bucket_owner(expected_bucket_owner.as_str()).send()
        };
        self.send(sent, put).await.map(drop)
    }

    async fn put_object(
        &self,
        sent: Sent<'_>,
        bucket: &BucketName,
        before: Option<&Object>,
        after: &NewObject,
    ) -> Result<(), AwsError> {
        let NewObject { key, content_type, encryption, tags, body } = after;
        let pair = |(key, value): (&String, &String)| {
            let [key, value] = [key, value].map(|text| utf8_percent_encode(text, NOT_UNRESERVED));
            format!("{key}={value}")
        };
        let tagging = tags.iter().map(pair).collect::<Vec<_>>().join("&");
        let put = || {
            let put = self.s3.put_object().bucket(bucket.as_str()).key(key).content_type(*content_type);
            let put = put.server_side_encryption((*encryption).into());
            let put = put.body(ByteStream::from(body.clone().into_bytes())).tagging(&tagging);
            // Whatever somebody else wrote here meanwhile is not overwritten.
            let put = match before {
                Some(before) => put.if_match(&before.etag),
                None => put.if_none_match("*"),
            };
            put.expected_bucket_owner(self.owner.as_str()).send()
        };
        self.send(sent, put).await.map(drop)
    }
}

/// The identity provider.
impl Aws {
    async fn create_provider(
        &self,
        sent: Sent<'_>,
        input: &CreateOpenIdConnectProvider,
        tags: &Tags,
    ) -> Result<(), AwsError> {
        // The bundle's own tags are among those that are sent.
        let CreateOpenIdConnectProvider { url, client_id_list, thumbprint_list, tags: _ } = input;
        let tags = iam_tags(sent, tags)?;
        let (audiences, thumbprints) = (texts(client_id_list), thumbprint_list.as_deref().map(texts));
        let create = || {
            let create = self.iam.create_open_id_connect_provider().url(url.as_str());
            let create = create.set_client_id_list(Some(audiences.clone())).set_thumbprint_list(thumbprints.clone());
            create.set_tags(Some(tags.clone())).send()
        };
        self.send(sent, create).await.map(drop)
    }

    async fn add_client_id(&self, sent: Sent<'_>, arn: &str, client_id: &str) -> Result<(), AwsError> {
        let add = || {
            let add = self.iam.add_client_id_to_open_id_connect_provider();
            add.open_id_connect_provider_arn(arn).client_id(client_id).send()
        };
        self.send(sent, add).await.map(drop)
    }

    async fn remove_client_id(&self, sent: Sent<'_>, arn: &str, client_id: &str) -> Result<(), AwsError> {
        let remove = || {
            let remove = self.iam.remove_client_id_from_open_id_connect_provider();
            remove.open_id_connect_provider_arn(arn).client_id(client_id).send()
        };
        self.send(sent, remove).await.map(drop)
    }

    async fn set_thumbprints(&self, sent: Sent<'_>, arn: &str, thumbprints: Vec<String>) -> Result<(), AwsError> {
        let update = || {
            let update = self.iam.update_open_id_connect_provider_thumbprint();
            update.open_id_connect_provider_arn(arn).set_thumbprint_list(Some(thumbprints.clone())).send()
        };
        self.send(sent, update).await.map(drop)
    }

    async fn tag_provider(&self, sent: Sent<'_>, arn: &str, tags: &Tags) -> Result<(), AwsError> {
        let tags = iam_tags(sent, tags)?;
        let tag = || {
            let tag = self.iam.tag_open_id_connect_provider().open_id_connect_provider_arn(arn);
            tag.set_tags(Some(tags.clone())).send()
        };
        self.send(sent, tag).await.map(drop)
    }
}

/// Roles.
impl Aws {
    async fn create_role(&self, sent: Sent<'_>, input: &CreateRole) -> Result<RoleId, AwsError> {
        let CreateRole { path, role_name, assume_role_policy_document, description, permissions_boundary, tags } =
            input;
        let tags = iam_tags(sent, &desired::tags(tags))?;
        let create = || {
            let create = self.iam.create_role().path(path.as_str()).role_name(role_name.as_str());
            let create = create.assume_role_policy_document(assume_role_policy_document.text());
            let create = create.description(description).set_tags(Some(tags.clone()));
            create.set_permissions_boundary(permissions_boundary.as_ref().map(ToString::to_string)).send()
        };
        let unusable = |reason| AwsError::Unusable { call: "iam:CreateRole", reason };
        let role = self.send(sent, create).await?.role.ok_or(unusable("it holds no role"))?;
        RoleId::try_from(role.role_id).map_err(unusable)
    }

    async fn set_trust_policy(&self, sent: Sent<'_>, role: &str, policy: String) -> Result<(), AwsError> {
        let update = || self.iam.update_assume_role_policy().role_name(role).policy_document(&policy).send();
        self.send(sent, update).await.map(drop)
    }

    async fn update_role(&self, sent: Sent<'_>, role: &str, after: &RoleSettings) -> Result<(), AwsError> {
        let RoleSettings { description, max_session_duration } = after;
        let update = || {
            let update = self.iam.update_role().role_name(role).set_description(description.clone());
            update.set_max_session_duration(*max_session_duration).send()
        };
        self.send(sent, update).await.map(drop)
    }

    async fn set_boundary(&self, sent: Sent<'_>, role: &str, arn: &str) -> Result<(), AwsError> {
        let put = || self.iam.put_role_permissions_boundary().role_name(role).permissions_boundary(arn).send();
        self.send(sent, put).await.map(drop)
    }

    async fn remove_boundary(&self, sent: Sent<'_>, role: &str) -> Result<(), AwsError> {
        let delete = || self.iam.delete_role_permissions_boundary().role_name(role).send();
        self.send(sent, delete).await.map(drop)
    }

    async fn tag_role(&self, sent: Sent<'_>, role: &str, tags: &Tags) -> Result<(), AwsError> {
        let tags = iam_tags(sent, tags)?;
        self.send(sent, || self.iam.tag_role().role_name(role).set_tags(Some(tags.clone())).send()).await.map(drop)
    }

    async fn set_role_policy(&self, sent: Sent<'_>, input: &PutRolePolicy) -> Result<(), AwsError> {
        let PutRolePolicy { role_name, policy_name, policy_document } = input;
        let put = || {
            let put = self.iam.put_role_policy().role_name(role_name.as_str()).policy_name(policy_name.as_str());
            put.policy_document(policy_document.text()).send()
        };
        self.send(sent, put).await.map(drop)
    }
}

fn ownership(ownership: ObjectOwnership) -> s3::ObjectOwnership {
    match ownership {
        ObjectOwnership::BucketOwnerEnforced => s3::ObjectOwnership::BucketOwnerEnforced,
    }
}

fn iam_tags(sent: Sent<'_>, tags: &Tags) -> Result<Vec<iam::Tag>, AwsError> {
    let tag = |(key, value): (&String, &String)| iam::Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect::<Result<_, _>>().map_err(|_| sent.incomplete())
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

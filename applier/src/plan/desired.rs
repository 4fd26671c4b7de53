//! What the account should hold, derived from a bundle alone.

use bundle_schema::documents::DistributionDocuments;
use bundle_schema::documents::contents::{
    BucketDocuments, Contents, IssuerDocuments, IssuerObject, OBJECT_CONTENT_TYPE,
};
use bundle_schema::names::{Pattern, Sha256, Tag, TagKey};

use crate::account::live::{OWNED, Tags, is_owned};
use crate::admit::{Admitted, Removable};
use crate::plan::action::NewObject;
use crate::record::Place;

/// The tags on bucket and provider that tell people which bundle was applied last; the record is the proof.
pub(crate) const SERIAL_TAG: &str = "sts-airlock/serial";
/// See [`SERIAL_TAG`].
pub(crate) const DIGEST_TAG: &str = "sts-airlock/bundle-sha256";
/// S3's own keys. A bucket's default may be KMS, and what is encrypted with KMS cannot be read without credentials.
pub(crate) const OBJECT_ENCRYPTION: &str = "AES256";
/// How long a session of a role may last, in seconds: IAM's default, because a bundle sets none.
pub(crate) const MAX_SESSION_DURATION: i32 = 3600;
/// S3 takes at most ten tags an object [S3 user guide, object tagging]; buckets, roles and providers take fifty.
pub(crate) const MAX_OBJECT_TAGS: usize = 10;

/// A bundle's content and digest.
#[derive(Clone, Copy)]
pub(crate) struct Desired<'a> {
    contents: &'a Contents,
    digest: &'a Sha256,
    /// Patterns of the keys of other people's tags that are not worth mentioning.
    ignored_tags: &'a [Pattern],
    unused_exceptions: &'a [String],
}

impl<'a> Desired<'a> {
    pub(crate) fn of(bundle: &'a Admitted) -> Self {
        Self {
            contents: bundle.bundle().contents(),
            digest: bundle.bundle().digest(),
            ignored_tags: bundle.ignored_tags(),
            unused_exceptions: bundle.unused_exceptions(),
        }
    }

    /// Of a bundle that is removed: what the trust file says about tags and permissions is of no interest then.
    pub(crate) fn of_removable(bundle: &'a Removable) -> Self {
        let bundle = bundle.bundle();
        Self { contents: bundle.contents(), digest: bundle.digest(), ignored_tags: &[], unused_exceptions: &[] }
    }

    #[cfg(test)]
    pub(crate) fn for_test(contents: &'a Contents, digest: &'a Sha256) -> Self {
        Self { contents, digest, ignored_tags: &[], unused_exceptions: &[] }
    }

    pub(crate) fn contents(&self) -> &'a Contents {
        self.contents
    }

    pub(crate) fn digest(&self) -> &'a Sha256 {
        self.digest
    }

    pub(crate) fn bucket_arn(&self) -> String {
        let header = &self.contents.header;
        format!("arn:{}:s3:::{}", header.partition, header.bucket())
    }

    /// What makes the issuer; none where somebody else manages it.
    pub(crate) fn issuer(&self) -> Option<&'a IssuerDocuments> {
        self.contents.issuer.as_ref()
    }

    /// What makes the issuer's bucket; none where somebody else publishes its documents.
    pub(crate) fn bucket(&self) -> Option<&'a BucketDocuments> {
        self.contents.bucket.as_ref()
    }

    /// What serves a private bucket.
    pub(crate) fn distribution(&self) -> Option<&'a DistributionDocuments> {
        self.contents.distribution.as_ref()
    }

    /// The identity provider that the roles trust, where the issuer has a name.
    pub(crate) fn provider_arn(&self) -> Option<String> {
        self.contents.header.provider_arn()
    }

    /// Where the record stands.
    pub(crate) fn place(&self) -> Place {
        Place::of(&self.contents.header)
    }

    /// The bucket's tags: the bundle's, and which bundle it is.
    pub(crate) fn bucket_tags(&self, documents: &BucketDocuments) -> Tags {
        self.marked(tags(&documents.tagging.tagging.tag_set))
    }

    /// The identity provider's tags: the bundle's, and which bundle it is.
    pub(crate) fn provider_tags(&self, issuer: &IssuerDocuments) -> Tags {
        self.marked(tags(&issuer.provider.tags))
    }

    fn marked(&self, mut tags: Tags) -> Tags {
        tags.insert(SERIAL_TAG.to_owned(), self.contents.header.serial.to_string());
        tags.insert(DIGEST_TAG.to_owned(), self.digest.to_string());
        tags
    }

    /// The issuer's objects. Where the bundle has more tags than an object may have, those that say whose it is stay.
    pub(crate) fn objects(&self, issuer: &IssuerDocuments) -> impl Iterator<Item = NewObject> + use<> {
        let header = &self.contents.header;
        let (mut kept, others): (Vec<_>, Vec<_>) = tags(&header.tags)
            .into_iter()
            .partition(|(key, _)| *key == header.name.ownership_tag_key() || key == "Name");
        let room = MAX_OBJECT_TAGS.saturating_sub(kept.len());
        kept.extend(others.into_iter().take(room));
        let tags: Tags = kept.into_iter().collect();
        let keys: Vec<String> = issuer.objects().iter().map(|object| header.object_key(object.key)).collect();
        issuer.objects().into_iter().zip(keys).map(move |(IssuerObject { body, .. }, key)| NewObject {
            key,
            content_type: OBJECT_CONTENT_TYPE,
            encryption: OBJECT_ENCRYPTION,
            tags: tags.clone(),
            // JSON that this project wrote: UTF-8, so nothing is lost.
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    /// Whether the trust file says that tags of this key are nothing to report.
    pub(crate) fn ignores_tag(&self, key: &str) -> bool {
        self.ignored_tags.iter().any(|pattern| pattern.covers(key))
    }

    /// The exceptions of the trust file that spare nothing in this bundle, in words.
    pub(crate) fn unused_exceptions(&self) -> &'a [String] {
        self.unused_exceptions
    }

    /// Whether the tag that marks a resource as this cluster's is there.
    pub(crate) fn is_owned(&self, tags: &Tags) -> bool {
        is_owned(tags, &self.contents.header.name)
    }

    /// The tag that marks a resource as another cluster's, where there is one.
    pub(crate) fn tag_of_other_cluster<'t>(&self, tags: &'t Tags) -> Option<&'t str> {
        let own = self.contents.header.name.ownership_tag_key();
        let is_ownership = |key: &str| TagKey::new(key).is_ok_and(|key| key.is_ownership());
        let mut others = tags.iter().filter(|(key, value)| **key != own && *value == OWNED && is_ownership(key));
        others.next().map(|(key, _)| key.as_str())
    }
}

/// A bundle's tags as a map.
pub(crate) fn tags(tags: &[Tag]) -> Tags {
    tags.iter().map(|Tag { key, value }| (key.to_string(), value.to_string())).collect()
}

/// Whether AWS itself keeps a tag: nobody else can set or remove it.
pub(crate) fn is_system_tag(key: &str) -> bool {
    key.starts_with("aws:")
}

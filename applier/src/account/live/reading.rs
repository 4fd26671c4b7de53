//! Reading everything that a bundle is about, in the order in which it may be read.
//!
//! Input: a bundle, and answers from AWS. Output: a [`LiveState`] of the account that the bundle names. The record comes first:
//! whoever applies changes it first, so what is read after it is as new as it is, and writing it finds out whether somebody else
//! has applied since.

use std::collections::BTreeMap;
use std::sync::Arc;

use bundle_schema::documents::contents::{Contents, public_keys};
use bundle_schema::documents::index::Kind;
use tokio::task::JoinSet;

use super::cloudfront::{LiveCloudFront, Wanted};
use super::former::{self, LiveFormer};
use super::roles::{self, Known};
use super::{
    BucketState, Caller, LiveBucket, LiveError, LiveObject, LiveProvider, LiveRecord, LiveState, ReadAccount, Scope,
};
use crate::account::error::AwsError;
use crate::record::tags::Marks;
use crate::record::{MadeProvider, Place, Record, tags};

enum Part {
    Settings(Box<LiveBucket>),
    Object(String, Option<LiveObject>),
    Provider(Box<Option<LiveProvider>>),
    CloudFront(Box<LiveCloudFront>),
}

/// What is read, and for what.
struct Asked<'a, A> {
    account: &'a Arc<A>,
    contents: &'a Contents,
    previous: Option<&'a Record>,
    scope: Scope,
}

impl LiveState {
    /// Reads the account, once it is known that the credentials are the bundle's account's. `previous` stands in for the record
    /// where there is none.
    pub(crate) async fn read<A: ReadAccount>(
        account: &Arc<A>,
        contents: &Contents,
        previous: Option<&Record>,
        scope: Scope,
    ) -> Result<Self, LiveError> {
        let header = &contents.header;
        let caller = account.caller().await?;
        if caller.account != header.account_id.as_str() || caller.partition() != header.partition.as_str() {
            return Err(LiveError::WrongAccount {
                found: caller.account,
                caller: caller.arn,
                account: header.account_id.to_string(),
                partition: header.partition.to_string(),
            });
        }
        let asked = Asked { account, contents, previous, scope };
        match Place::of(header) {
            Place::Bucket(_) => Self::with_bucket(asked, caller).await,
            Place::Provider { arn, .. } => Self::without_bucket(asked, caller, &arn).await,
        }
    }

    async fn with_bucket<A: ReadAccount>(asked: Asked<'_, A>, caller: Caller) -> Result<Self, LiveError> {
        let Asked { account, contents, previous, scope } = asked;
        let header = &contents.header;
        let bucket = header.bucket();
        let found = account.find_bucket(&bucket).await?;
        let record = match found {
            BucketState::Present(()) => account.record(&Place::of(header), &header.name).await?,
            BucketState::Absent | BucketState::Forbidden | BucketState::InRegion(_) => None,
        };

        let known = record.as_ref().and_then(|record| record.content.as_ref().ok()).or(previous);
        let former = former::read(account, header).await?;
        let mut parts: JoinSet<Result<Part, AwsError>> = JoinSet::new();
        if found == BucketState::Present(()) {
            let (reader, name) = (Arc::clone(account), bucket.clone());
            parts.spawn(async move { Ok(Part::Settings(Box::new(reader.bucket_settings(&name, scope).await?))) });
            let documents = contents.issuer.iter().filter(|_| scope == Scope::Whole);
            for key in documents.flat_map(|_| public_keys(header)) {
                let (reader, name) = (Arc::clone(account), bucket.clone());
                parts.spawn(async move {
                    let object = reader.object(&name, &key).await?;
                    Ok(Part::Object(key, object))
                });
            }
        }
        if let Some(wanted) = Wanted::of(contents, known) {
            let reader = Arc::clone(account);
            parts.spawn(async move { Ok(Part::CloudFront(Box::new(wanted.read(&*reader).await?))) });
        }
        if let Some(arn) = header.provider_arn() {
            let reader = Arc::clone(account);
            parts.spawn(async move { Ok(Part::Provider(Box::new(reader.provider(&arn).await?))) });
        }
        // A bundle of kind endpoint has no roles, and IAM is not asked.
        let read = match header.kind {
            Kind::Endpoint => roles::Read::default(),
            Kind::Cluster | Kind::Roles => {
                roles::read(account, contents, &all_known(Known::of(known), &former), scope).await?
            }
        };
        let former = named(former, &read, contents);
        let roles::Read { bundled, others } = read;

        let (mut held, mut objects) = (LiveBucket::default(), BTreeMap::new());
        let (mut provider, mut cloudfront) = (None, LiveCloudFront::default());
        while let Some(part) = parts.join_next().await {
            match part.map_err(|_| LiveError::CutOff)?? {
                Part::Settings(settings) => held = *settings,
                Part::Object(key, object) => objects.extend(object.map(|object| (key, object))),
                Part::Provider(found) => provider = *found,
                Part::CloudFront(found) => cloudfront = *found,
            }
        }
        let bucket = found.with(|()| LiveBucket { record, objects, ..held });
        Ok(Self { caller, bucket, cloudfront, provider, roles: bundled, others, former })
    }

    /// The identity provider, which holds the record in its tags, and the roles: nothing of S3.
    async fn without_bucket<A: ReadAccount>(
        asked: Asked<'_, A>,
        caller: Caller,
        provider_arn: &str,
    ) -> Result<Self, LiveError> {
        let Asked { account, contents, previous, scope } = asked;
        let header = &contents.header;
        let mut provider = account.provider(provider_arn).await?;
        let found = provider.as_ref().and_then(|provider| tags::read(&provider.tags, &header.name));
        let known = match found.as_ref().map(|found| &found.content) {
            Some(Ok((_, marks))) => Known::Marks(marks),
            Some(Err(_)) | None => Known::of(previous),
        };
        let former = former::read(account, header).await?;
        let read = roles::read(account, contents, &all_known(known, &former), scope).await?;
        let record = found.map(|found| LiveRecord {
            etag: found.etag,
            content: found.content.map(|(mut record, marks)| {
                // Thumbprints are not in the tags.
                let own = provider.as_ref().filter(|provider| marks.has_provider(provider.created));
                record.made.provider = own.map(MadeProvider::from);
                read.named(record, &marks, contents)
            }),
        });
        if let Some(provider) = &mut provider {
            provider.record = record;
        }
        let former = named(former, &read, contents);
        let roles::Read { bundled, others } = read;
        let (bucket, cloudfront) = (BucketState::Absent, LiveCloudFront::default());
        Ok(Self { caller, bucket, cloudfront, provider, roles: bundled, others, former })
    }
}

/// What the record knows of the roles, and what those of the former issuers do.
fn all_known<'a>(own: Known<'a>, former: &'a [former::Read]) -> Vec<Known<'a>> {
    let of_former = |read: &'a former::Read| match &read.marks {
        Some(marks) => Known::Marks(marks),
        None => Known::of(read.live.content()),
    };
    std::iter::once(own).chain(former.iter().map(of_former)).collect()
}

/// The former issuers, their records with the names of the roles that fit a mark.
fn named(former: Vec<former::Read>, roles: &roles::Read, contents: &Contents) -> Vec<LiveFormer> {
    let one = |former::Read { mut live, marks }: former::Read| {
        let named = |record, marks: Marks| roles.named(record, &marks, contents);
        live.record = live.record.map(|LiveRecord { etag, content }| LiveRecord {
            etag,
            content: content.map(|record| match marks {
                Some(marks) => named(record, marks),
                None => record,
            }),
        });
        live
    };
    former.into_iter().map(one).collect()
}

/// As the record has it.
impl From<&LiveProvider> for MadeProvider {
    fn from(provider: &LiveProvider) -> Self {
        Self { created: provider.created, thumbprints: provider.thumbprints.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LiveRole, RoleId};
    use super::*;
    use crate::fixture::{Fake, parsed, read, roles_contents, roles_held, tag_set};
    use crate::record::RecordState;

    #[test]
    fn a_record_in_tags_gets_the_names_of_its_roles() {
        let live = read(&roles_contents(), &roles_held());
        let record = live.record().unwrap().content.clone().unwrap();
        assert_eq!((record.state, record.serial, record.caller.as_str()), (RecordState::Applied, 7, "user/x"));
        let made: Vec<String> = record.made.roles.iter().map(|(name, id)| format!("{name} {id}")).collect();
        assert_eq!(made, ["addons-efs AROAEXAMPLE0ADDONSEFS", "addons-lb AROAEXAMPLE0ADDONSLB"]);
        assert_eq!((record.made.provider, record.making), (None, crate::record::Making::default()));
        assert_eq!(*live.bucket(), BucketState::Absent);
    }

    #[test]
    fn a_role_is_recognised_by_its_identity_wherever_it_is() {
        let mut contents = roles_contents();
        contents.header.role_path = parsed("/team/");
        let mut held = roles_held();
        // The next bundle lacks one of them, which has lost its tags; another role has taken the other's name.
        let role = held.roles.remove(&parsed("addons-lb")).unwrap();
        held.others.insert(parsed("addons-lb"), LiveRole { tags: tag_set(&[]), ..role });
        contents.roles.retain(|documents| documents.create.role_name.as_str() == "addons-efs");
        held.role("addons-efs").id = RoleId::try_from("AROAMADEBYSOMEBODYELSE".to_owned()).unwrap();
        let account = Arc::new(Fake::new(held));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let live = runtime.block_on(LiveState::read(&account, &contents, None, Scope::Whole)).unwrap();
        let record = live.record().unwrap().content.clone().unwrap();
        assert_eq!(record.made.roles.keys().map(ToString::to_string).collect::<Vec<_>>(), ["addons-lb"]);
        assert!(live.others().contains_key(&parsed("addons-lb")));
        assert_eq!(*account.log.lock().unwrap(), ["list /", "read addons-efs", "read addons-lb"]);
    }

    #[test]
    fn a_record_that_says_nothing_is_still_there() {
        let mut held = roles_held();
        held.provider().tags.insert("sts-airlock/record/addons".to_owned(), "x".to_owned());
        assert!(read(&roles_contents(), &held).record().unwrap().content.is_err());
        held.provider().tags.clear();
        assert!(read(&roles_contents(), &held).record().is_none());
        held.provider = None;
        assert!(read(&roles_contents(), &held).provider().is_none());
    }
}

//! What CloudFront serves a private bucket with: a distribution, and the access control with which it asks the bucket.
//!
//! Input: answers from AWS, which are untrusted: what CloudFront names has its form, lists are bounded, texts are escaped when
//! shown. Output: [`LiveCloudFront`]. CloudFront names what it makes by itself, so the distribution is known by the ID that the
//! bundle or the record has, and otherwise found by its origin; an access control by its name, which no other in the account has.

mod settings;

use bundle_schema::documents::OriginAccessControlConfig;
use bundle_schema::documents::contents::Contents;
use bundle_schema::names::{AccessControlId, DistributionDomain, DistributionId};
use serde::Serialize;

#[cfg(feature = "cloudfront")]
pub(crate) use self::settings::{BehaviorSettings, CertificateSettings, OriginSettings};
pub(crate) use self::settings::{DistributionSettings, origin_domain};
use super::Tags;
use crate::account::error::AwsError;
use crate::record::Record;

/// A distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveDistribution {
    pub(crate) id: DistributionId,
    pub(crate) domain: DistributionDomain,
    /// Tells this version of its settings from every other one.
    pub(crate) etag: String,
    /// Whether CloudFront serves it everywhere as it is now.
    pub(crate) is_deployed: bool,
    /// What the call that made it was told apart by.
    pub(crate) caller_reference: String,
    pub(crate) settings: DistributionSettings,
    /// From where it may not be asked, in words.
    pub(crate) restriction: Option<String>,
    pub(crate) tags: Tags,
}

/// An origin access control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LiveAccessControl {
    pub(crate) id: AccessControlId,
    /// Tells this version from every other one.
    pub(crate) etag: String,
    pub(crate) settings: AccessControlSettings,
}

/// How CloudFront signs its requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccessControlSettings {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) signing_protocol: String,
    pub(crate) signing_behavior: String,
    pub(crate) origin_type: String,
}

impl From<&OriginAccessControlConfig> for AccessControlSettings {
    fn from(config: &OriginAccessControlConfig) -> Self {
        use bundle_schema::documents::{OriginType, SigningBehavior, SigningProtocol};
        let OriginAccessControlConfig {
            name,
            description,
            signing_protocol: SigningProtocol::Sigv4,
            signing_behavior: SigningBehavior::Always,
            origin_access_control_origin_type: OriginType::S3,
        } = config;
        Self {
            name: name.clone(),
            description: description.clone(),
            signing_protocol: "sigv4".to_owned(),
            signing_behavior: "always".to_owned(),
            origin_type: "s3".to_owned(),
        }
    }
}

/// What is there of a bundle's distribution and access control.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LiveCloudFront {
    pub(crate) distribution: Option<LiveDistribution>,
    pub(crate) access_control: Option<LiveAccessControl>,
    /// Several with the bucket as origin, and nothing says which is the cluster's: none of them is read.
    pub(crate) rivals: Vec<DistributionId>,
}

/// Reading what CloudFront has.
pub(crate) trait ReadCloudFront: Send + Sync + 'static {
    /// A distribution and its tags.
    fn distribution(
        &self,
        id: &DistributionId,
    ) -> impl Future<Output = Result<Option<LiveDistribution>, AwsError>> + Send;
    /// Whether a distribution is deployed; none where it is not there.
    fn is_deployed(&self, id: &DistributionId) -> impl Future<Output = Result<Option<bool>, AwsError>> + Send;
    /// The distributions that have this host as an origin.
    fn distributions_of(&self, origin: &str) -> impl Future<Output = Result<Vec<DistributionId>, AwsError>> + Send;
    /// An access control.
    fn access_control(
        &self,
        id: &AccessControlId,
    ) -> impl Future<Output = Result<Option<LiveAccessControl>, AwsError>> + Send;
    /// The access control of this name.
    fn access_control_named(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<AccessControlId>, AwsError>> + Send;
}

/// What to look for.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The distribution that the bundle names: that one or none.
    given: Option<DistributionId>,
    /// Those that the record has.
    distribution: Option<DistributionId>,
    access_control: Option<AccessControlId>,
    /// The bucket's host name.
    origin: String,
    /// The access control's name.
    name: String,
}

impl Wanted {
    /// Nothing for a bundle without a distribution.
    pub(super) fn of(contents: &Contents, record: Option<&Record>) -> Option<Self> {
        let documents = contents.distribution.as_ref()?;
        let made = record.map(|record| &record.made);
        Some(Self {
            given: contents.header.distribution.as_ref().map(|made| made.id.clone()),
            distribution: made.and_then(|made| made.distribution.clone()),
            access_control: made.and_then(|made| made.access_control.clone()),
            origin: origin_domain(&documents.create),
            name: documents.access_control.origin_access_control_config.name.clone(),
        })
    }

    pub(super) async fn read(self, account: &impl ReadCloudFront) -> Result<LiveCloudFront, AwsError> {
        let mut live = LiveCloudFront::default();
        if let Some(id) = self.given.as_ref().or(self.distribution.as_ref()) {
            live.distribution = account.distribution(id).await?;
        }
        if live.distribution.is_none() && self.given.is_none() {
            let found = account.distributions_of(&self.origin).await?;
            match found.as_slice() {
                [one] => live.distribution = account.distribution(one).await?,
                _ => live.rivals = found,
            }
        }
        if let Some(id) = &self.access_control {
            live.access_control = account.access_control(id).await?;
        }
        if live.access_control.is_none()
            && let Some(id) = account.access_control_named(&self.name).await?
        {
            live.access_control = account.access_control(&id).await?;
        }
        Ok(live)
    }
}

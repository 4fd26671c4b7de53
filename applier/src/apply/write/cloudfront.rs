//! Writing to CloudFront: each function is one writing call. What is changed or deleted is the version that the plan was made for.
//!
//! CloudFront takes a distribution's configuration whole, so an update sends the one that is there with the plan's settings in it.
//! Source: CloudFront API reference.

use aws_sdk_cloudfront::error::BuildError;
use aws_sdk_cloudfront::types::{self as cf, builders::DistributionConfigBuilder};
use bundle_schema::documents::{
    CreateDistributionWithTags, CreateOriginAccessControl, DistributionConfigWithTags, OriginAccessControlConfig,
};
use bundle_schema::names::{AccessControlId, DistributionId};

use crate::account::cloudfront::distribution_id;
use crate::account::live::Tags;
use crate::account::live::cloudfront::{
    AccessControlSettings, BehaviorSettings, CertificateSettings, DistributionSettings, OriginSettings,
};
use crate::account::{Aws, AwsError, Sent};
use crate::plan::action::{Action, Call, Named};
use crate::plan::desired;

impl Aws {
    /// An action whose call is one of CloudFront's.
    pub(super) async fn perform_at_cloudfront(
        &self,
        sent: Sent<'_>,
        action: &Action,
    ) -> Result<Option<Named>, AwsError> {
        match &action.call {
            Call::CreateAccessControl { input } => return self.create_access_control(sent, input).await.map(Some),
            Call::CreateDistribution { input, access_control } => {
                return self.create_distribution(sent, input, access_control.as_ref()).await.map(Some);
            }
            Call::UpdateAccessControl { id, etag, after, .. } => {
                self.update_access_control(sent, id, etag, after).await
            }
            Call::UpdateDistribution { id, etag, after, .. } => {
                self.update_distribution(sent, id, etag, |config| put(after, config)).await
            }
            Call::DisableDistribution { id, etag } => {
                let disable = |config: &mut cf::DistributionConfig| {
                    config.enabled = false;
                    Ok(())
                };
                self.update_distribution(sent, id, etag, disable).await
            }
            Call::TagDistribution { after, .. } => self.tag_distribution(sent, &action.resource, after).await,
            Call::DeleteDistribution { id } => self.delete_distribution(sent, id).await,
            Call::DeleteAccessControl { id, etag } => self.delete_access_control(sent, id, etag).await,
            _ => Err(sent.incomplete()),
        }
        .map(|()| None)
    }

    async fn create_access_control(
        &self,
        sent: Sent<'_>,
        input: &CreateOriginAccessControl,
    ) -> Result<Named, AwsError> {
        let CreateOriginAccessControl { origin_access_control_config: config } = input;
        let config = access_control(config).map_err(|_| sent.incomplete())?;
        let create =
            || self.cloudfront.create_origin_access_control().origin_access_control_config(config.clone()).send();
        let unusable = |reason| AwsError::Unusable { call: sent.call, reason };
        let made = self.send(sent, create).await?.origin_access_control;
        let id = made.ok_or(unusable("it holds no access control"))?.id;
        AccessControlId::new(id).map(Named::AccessControl).map_err(|_| unusable("its ID does not have its form"))
    }

    async fn update_access_control(
        &self,
        sent: Sent<'_>,
        id: &AccessControlId,
        etag: &str,
        after: &OriginAccessControlConfig,
    ) -> Result<(), AwsError> {
        let config = access_control(after).map_err(|_| sent.incomplete())?;
        let update = || {
            let update = self.cloudfront.update_origin_access_control().id(id.as_str()).if_match(etag);
            update.origin_access_control_config(config.clone()).send()
        };
        self.send(sent, update).await.map(drop)
    }

    async fn delete_access_control(&self, sent: Sent<'_>, id: &AccessControlId, etag: &str) -> Result<(), AwsError> {
        let delete = || self.cloudfront.delete_origin_access_control().id(id.as_str()).if_match(etag).send();
        self.send(sent, delete).await.map(drop)
    }

    async fn create_distribution(
        &self,
        sent: Sent<'_>,
        input: &CreateDistributionWithTags,
        access_control: Option<&AccessControlId>,
    ) -> Result<Named, AwsError> {
        let DistributionConfigWithTags { distribution_config: config, tags } = &input.distribution_config_with_tags;
        // Without it nothing could be read.
        let access_control = access_control.ok_or_else(|| sent.incomplete())?;
        let settings = DistributionSettings::of(config, Some(access_control));
        let new = cf::DistributionConfig::builder()
            .caller_reference(&config.caller_reference)
            .http_version(cf::HttpVersion::Http2)
            .is_ipv6_enabled(config.is_ipv6_enabled);
        let tags = cloudfront_tags(&desired::tags(&tags.items));
        let parts = new_config(new, &settings).and_then(|config| Ok((config, tags?)));
        let (config, tags) = parts.map_err(|_| sent.incomplete())?;
        let whole = cf::DistributionConfigWithTags::builder().distribution_config(config).tags(tags).build();
        let create =
            || self.cloudfront.create_distribution_with_tags().distribution_config_with_tags(whole.clone()).send();
        let made = self.send(sent, create).await?.distribution;
        let made = made.ok_or(AwsError::Unusable { call: sent.call, reason: "it holds no distribution" })?;
        let domain = self.distribution_domain(sent.call, made.domain_name)?;
        Ok(Named::Distribution(distribution_id(sent.call, &made.id)?, domain))
    }

    /// The version of this ETag, and no other.
    async fn update_distribution(
        &self,
        sent: Sent<'_>,
        id: &DistributionId,
        etag: &str,
        change: impl FnOnce(&mut cf::DistributionConfig) -> Result<(), BuildError>,
    ) -> Result<(), AwsError> {
        let found = self.get_distribution(id).await?.and_then(|answer| answer.distribution);
        let config = found.and_then(|distribution| distribution.distribution_config);
        let gone = AwsError::Unusable { call: "cloudfront:GetDistribution", reason: "the distribution is gone" };
        let mut config = config.ok_or(gone)?;
        change(&mut config).map_err(|_| sent.incomplete())?;
        let update = || {
            let update = self.cloudfront.update_distribution().id(id.as_str()).if_match(etag);
            update.distribution_config(config.clone()).send()
        };
        self.send(sent, update).await.map(drop)
    }

    async fn tag_distribution(&self, sent: Sent<'_>, arn: &str, tags: &Tags) -> Result<(), AwsError> {
        let tags = cloudfront_tags(tags).map_err(|_| sent.incomplete())?;
        let tag = || self.cloudfront.tag_resource().resource(arn).tags(tags.clone()).send();
        self.send(sent, tag).await.map(drop)
    }

    /// The version that is there: it was disabled by this run or before, and CloudFront deletes no other.
    async fn delete_distribution(&self, sent: Sent<'_>, id: &DistributionId) -> Result<(), AwsError> {
        let Some(found) = self.get_distribution(id).await? else { return Ok(()) };
        let delete = || self.cloudfront.delete_distribution().id(id.as_str()).set_if_match(found.e_tag.clone()).send();
        self.send(sent, delete).await.map(drop)
    }
}

fn cloudfront_tags(tags: &Tags) -> Result<cf::Tags, BuildError> {
    let tag = |(key, value): (&String, &String)| cf::Tag::builder().key(key).value(value).build();
    Ok(cf::Tags::builder().set_items(Some(tags.iter().map(tag).collect::<Result<_, _>>()?)).build())
}

fn access_control(config: &OriginAccessControlConfig) -> Result<cf::OriginAccessControlConfig, BuildError> {
    let AccessControlSettings { name, description, signing_protocol, signing_behavior, origin_type } = config.into();
    cf::OriginAccessControlConfig::builder()
        .name(name)
        .description(description)
        .signing_protocol(signing_protocol.as_str().into())
        .signing_behavior(signing_behavior.as_str().into())
        .origin_access_control_origin_type(origin_type.as_str().into())
        .build()
}

/// One that is not there yet.
fn new_config(
    new: DistributionConfigBuilder,
    settings: &DistributionSettings,
) -> Result<cf::DistributionConfig, BuildError> {
    let behavior = cf::DefaultCacheBehavior::builder()
        .target_origin_id(&settings.behavior.origin)
        .viewer_protocol_policy(settings.behavior.protocol.as_str().into())
        .build()?;
    let new = new.comment(&settings.comment).enabled(settings.enabled).default_cache_behavior(behavior);
    let mut config = new.build()?;
    put(settings, &mut config)?;
    Ok(config)
}

/// Puts a bundle's settings into a configuration, and takes out what a bundle's distribution does not have.
fn put(settings: &DistributionSettings, config: &mut cf::DistributionConfig) -> Result<(), BuildError> {
    let DistributionSettings { enabled, comment, aliases, origins, behavior, certificate, extras: _ } = settings;
    config.enabled = *enabled;
    config.comment.clone_from(comment);
    let names = cf::Aliases::builder().quantity(count(aliases.len()));
    config.aliases = Some(names.set_items(Some(aliases.iter().cloned().collect())).build()?);
    let live = config.origins.take().map(|origins| origins.items).unwrap_or_default();
    let origins: Vec<cf::Origin> =
        origins.iter().map(|wanted| self::origin(wanted, &live)).collect::<Result<_, _>>()?;
    config.origins = Some(cf::Origins::builder().quantity(count(origins.len())).set_items(Some(origins)).build()?);
    if let Some(live) = &mut config.default_cache_behavior {
        put_behavior(behavior, live)?;
    }
    config.viewer_certificate = Some(viewer_certificate(certificate));
    config.default_root_object = Some(String::new());
    config.origin_groups = Some(cf::OriginGroups::builder().quantity(0).build()?);
    config.cache_behaviors = Some(cf::CacheBehaviors::builder().quantity(0).build()?);
    config.custom_error_responses = Some(cf::CustomErrorResponses::builder().quantity(0).build()?);
    config.continuous_deployment_policy_id = config.continuous_deployment_policy_id.take().map(|_| String::new());
    config.viewer_mtls_config = None;
    config.connection_function_association = None;
    Ok(())
}

/// What belongs to the connection alone stays as it is.
fn origin(wanted: &OriginSettings, live: &[cf::Origin]) -> Result<cf::Origin, BuildError> {
    let OriginSettings { id, domain, access_control } = wanted;
    let mut origin = match live.iter().find(|live| live.domain_name == *domain) {
        Some(live) => live.clone(),
        None => cf::Origin::builder().id(id).domain_name(domain).build()?,
    };
    origin.id.clone_from(id);
    origin.origin_path = Some(String::new());
    origin.custom_headers = Some(cf::CustomHeaders::builder().quantity(0).build()?);
    origin.s3_origin_config = Some(cf::S3OriginConfig::builder().origin_access_identity("").build());
    origin.custom_origin_config = None;
    origin.vpc_origin_config = None;
    origin.origin_access_control_id.clone_from(access_control);
    Ok(origin)
}

#[expect(deprecated, reason = "the settings of a cache that stand in the way of a cache policy are taken out")]
fn put_behavior(settings: &BehaviorSettings, live: &mut cf::DefaultCacheBehavior) -> Result<(), BuildError> {
    let BehaviorSettings { origin, protocol, methods, cached_methods, compress, cache_policy } = settings;
    let of = |methods: &std::collections::BTreeSet<String>| -> Vec<cf::Method> {
        methods.iter().map(|method| method.as_str().into()).collect()
    };
    let cached = cf::CachedMethods::builder().quantity(count(cached_methods.len()));
    let cached = cached.set_items(Some(of(cached_methods))).build()?;
    let allowed = cf::AllowedMethods::builder().quantity(count(methods.len())).set_items(Some(of(methods)));
    live.target_origin_id.clone_from(origin);
    live.viewer_protocol_policy = protocol.as_str().into();
    live.allowed_methods = Some(allowed.cached_methods(cached).build()?);
    live.compress = Some(*compress);
    live.cache_policy_id.clone_from(cache_policy);
    live.trusted_signers = Some(cf::TrustedSigners::builder().enabled(false).quantity(0).build()?);
    live.trusted_key_groups = Some(cf::TrustedKeyGroups::builder().enabled(false).quantity(0).build()?);
    live.lambda_function_associations = Some(cf::LambdaFunctionAssociations::builder().quantity(0).build()?);
    live.function_associations = Some(cf::FunctionAssociations::builder().quantity(0).build()?);
    live.field_level_encryption_id = Some(String::new());
    live.smooth_streaming = Some(false);
    live.grpc_config = None;
    live.origin_request_policy_id = None;
    live.response_headers_policy_id = None;
    live.forwarded_values = None;
    (live.min_ttl, live.default_ttl, live.max_ttl) = (None, None, None);
    Ok(())
}

fn viewer_certificate(settings: &CertificateSettings) -> cf::ViewerCertificate {
    let CertificateSettings { is_cloudfronts, acm, iam, support, minimum_protocol } = settings;
    cf::ViewerCertificate::builder()
        .cloud_front_default_certificate(*is_cloudfronts)
        .set_acm_certificate_arn(acm.clone())
        .set_iam_certificate_id(iam.clone())
        .set_ssl_support_method(support.as_deref().map(Into::into))
        .set_minimum_protocol_version(minimum_protocol.as_deref().map(Into::into))
        .build()
}

/// Of lists that a bundle's documents have: a few items.
fn count(items: usize) -> i32 {
    i32::try_from(items).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::cloudfront::settings;
    use crate::fixture::{alias_contents, behind_contents, parsed};

    fn wanted(contents: &bundle_schema::documents::contents::Contents) -> DistributionSettings {
        let documents = contents.distribution.as_ref().unwrap();
        let config = &documents.create.distribution_config_with_tags.distribution_config;
        DistributionSettings::of(config, Some(&parsed("E1ACCESSCONTROL")))
    }

    fn new(settings: &DistributionSettings) -> cf::DistributionConfig {
        new_config(cf::DistributionConfig::builder().caller_reference("r"), settings).unwrap()
    }

    #[test]
    fn what_is_sent_is_what_the_plan_says() {
        for contents in [alias_contents(), behind_contents()] {
            let wanted = wanted(&contents);
            assert_eq!(settings(new(&wanted)), Ok(wanted));
        }
    }

    #[test]
    fn whatever_else_was_set_is_taken_out() {
        let wanted = wanted(&alias_contents());
        let mut live = new(&wanted);
        live.price_class = Some(cf::PriceClass::PriceClass100);
        live.web_acl_id = Some("acl".to_owned());
        live.default_root_object = Some("index.html".to_owned());
        let page = cf::CustomErrorResponse::builder().error_code(404).build().unwrap();
        live.custom_error_responses =
            Some(cf::CustomErrorResponses::builder().quantity(1).items(page).build().unwrap());
        let function =
            cf::FunctionAssociation::builder().function_arn("arn:f").event_type(cf::EventType::ViewerRequest);
        let functions =
            cf::FunctionAssociations::builder().quantity(1).items(function.build().unwrap()).build().unwrap();
        let behavior = live.default_cache_behavior.as_mut().unwrap();
        behavior.function_associations = Some(functions);
        behavior.origin_request_policy_id = Some("policy".to_owned());
        behavior.trusted_signers = Some(cf::TrustedSigners::builder().enabled(true).quantity(1).build().unwrap());
        let origin = &mut live.origins.as_mut().unwrap().items[0];
        origin.origin_path = Some("/other".to_owned());
        origin.connection_attempts = Some(2);
        origin.origin_access_control_id = None;
        let found = settings(live.clone()).unwrap();
        let extras: Vec<&str> = found.extras.iter().map(String::as_str).collect();
        assert_eq!(
            extras,
            [
                "default root object index.html",
                "error page for 404",
                "function arn:f",
                "origin request policy policy",
                "path /other of origin prod-oidc",
                "trusted signers"
            ]
        );
        put(&wanted, &mut live).unwrap();
        assert_eq!(live.origins.as_ref().unwrap().items[0].connection_attempts, Some(2), "it decides nothing");
        assert_eq!(
            (&live.price_class, live.web_acl_id.as_deref()),
            (&Some(cf::PriceClass::PriceClass100), Some("acl"))
        );
        assert_eq!(settings(live), Ok(wanted));
    }
}

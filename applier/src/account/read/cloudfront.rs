//! Reading what CloudFront has.
//!
//! Input: answers, which are untrusted: IDs, domains and ARNs have their form, lists are bounded. Source: CloudFront API reference.

use std::collections::BTreeSet;

use aws_sdk_cloudfront::operation::get_distribution::GetDistributionOutput;
use aws_sdk_cloudfront::types::{
    DefaultCacheBehavior, DistributionConfig, DistributionSummary, GeoRestrictionType, OriginAccessControlConfig,
    OriginAccessControlSummary, ViewerCertificate,
};
use bundle_schema::names::{AccessControlId, DistributionDomain, DistributionId};

use super::bounded;
use crate::account::aws::Aws;
use crate::account::error::AwsError;
use crate::account::live::Tags;
use crate::account::live::cloudfront::{
    AccessControlSettings, BehaviorSettings, CertificateSettings, DistributionSettings, LiveAccessControl,
    LiveDistribution, OriginSettings, ReadCloudFront,
};
use crate::account::send::reading;

const GET: &str = "cloudfront:GetDistribution";
const GET_ACCESS_CONTROL: &str = "cloudfront:GetOriginAccessControl";
/// What one page of a listing has.
const PAGE: i32 = 100;
/// Pages of a listing: CloudFront allows an account 200 distributions, and some thousands where it is asked for more
/// [CloudFront developer guide, quotas].
const MAX_LIST_PAGES: usize = 200;

fn unusable(call: &'static str, reason: &'static str) -> AwsError {
    AwsError::Unusable { call, reason }
}

impl ReadCloudFront for Aws {
    async fn distribution(&self, id: &DistributionId) -> Result<Option<LiveDistribution>, AwsError> {
        const TAGS: &str = "cloudfront:ListTagsForResource";
        let Some(answer) = self.get_distribution(id).await? else { return Ok(None) };
        let arn = self.distribution_arn(id);
        let list = || self.cloudfront.list_tags_for_resource().resource(&arn).send();
        let tags = match self.send(reading(TAGS), list).await {
            Ok(answer) => answer.tags.and_then(|tags| tags.items).unwrap_or_default(),
            // Somebody deleted it since it was read.
            Err(error) => return error.absent(&["NoSuchResource", "NoSuchDistribution"]),
        };
        let tags: Tags = bounded(TAGS, tags)?.into_iter().map(|tag| (tag.key, tag.value.unwrap_or_default())).collect();
        self.live_distribution(id, answer, tags).map(Some)
    }

    async fn is_deployed(&self, id: &DistributionId) -> Result<Option<bool>, AwsError> {
        let answer = self.get_distribution(id).await?;
        Ok(answer.and_then(|answer| answer.distribution).map(|distribution| is_deployed(&distribution.status)))
    }

    async fn distributions_of(&self, origin: &str) -> Result<Vec<DistributionId>, AwsError> {
        const CALL: &str = "cloudfront:ListDistributions";
        let (mut found, mut marker) = (Vec::new(), None);
        for _ in 0..MAX_LIST_PAGES {
            let list = || self.cloudfront.list_distributions().max_items(PAGE).set_marker(marker.clone()).send();
            let page = self.send(reading(CALL), list).await?.distribution_list;
            let page = page.ok_or(unusable(CALL, "it holds no list"))?;
            for summary in page.items.into_iter().flatten().filter(|summary| has_origin(summary, origin)) {
                found.push(distribution_id(CALL, &summary.id)?);
            }
            if !page.is_truncated {
                return bounded(CALL, found);
            }
            marker = page.next_marker;
        }
        Err(unusable(CALL, "it has no end"))
    }

    async fn access_control(&self, id: &AccessControlId) -> Result<Option<LiveAccessControl>, AwsError> {
        let get = || self.cloudfront.get_origin_access_control().id(id.as_str()).send();
        let answer = match self.send(reading(GET_ACCESS_CONTROL), get).await {
            Ok(answer) => answer,
            Err(error) => return error.absent(&["NoSuchOriginAccessControl"]),
        };
        let lacks = |reason| unusable(GET_ACCESS_CONTROL, reason);
        let control = answer.origin_access_control.filter(|control| control.id == id.as_str());
        let config = control.and_then(|control| control.origin_access_control_config);
        let config = config.ok_or(lacks("it holds no access control of this ID"))?;
        let etag = answer.e_tag.ok_or(lacks("it names no ETag"))?;
        Ok(Some(LiveAccessControl { id: id.clone(), etag, settings: access_control_settings(config) }))
    }

    async fn access_control_named(&self, name: &str) -> Result<Option<AccessControlId>, AwsError> {
        const CALL: &str = "cloudfront:ListOriginAccessControls";
        let mut marker = None;
        for _ in 0..MAX_LIST_PAGES {
            let list =
                || self.cloudfront.list_origin_access_controls().max_items(PAGE).set_marker(marker.clone()).send();
            let page = self.send(reading(CALL), list).await?.origin_access_control_list;
            let page = page.ok_or(unusable(CALL, "it holds no list"))?;
            let is_named = |control: &OriginAccessControlSummary| control.name == name;
            if let Some(found) = page.items.into_iter().flatten().find(is_named) {
                let id = AccessControlId::new(found.id).map_err(|_| unusable(CALL, "an ID does not have its form"))?;
                return Ok(Some(id));
            }
            if !page.is_truncated {
                return Ok(None);
            }
            marker = page.next_marker;
        }
        Err(unusable(CALL, "it has no end"))
    }
}

impl Aws {
    pub(crate) fn distribution_arn(&self, id: &DistributionId) -> String {
        format!("arn:{}:cloudfront::{}:distribution/{id}", self.partition, self.owner)
    }

    /// The distribution as CloudFront has it now.
    pub(crate) async fn get_distribution(
        &self,
        id: &DistributionId,
    ) -> Result<Option<GetDistributionOutput>, AwsError> {
        match self.send(reading(GET), || self.cloudfront.get_distribution().id(id.as_str()).send()).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => error.absent(&["NoSuchDistribution"]),
        }
    }

    fn live_distribution(
        &self,
        id: &DistributionId,
        answer: GetDistributionOutput,
        tags: Tags,
    ) -> Result<LiveDistribution, AwsError> {
        let lacks = |reason| unusable(GET, reason);
        let found = answer.distribution.ok_or(lacks("it holds no distribution"))?;
        if found.id != id.as_str() || found.arn != self.distribution_arn(id) {
            return Err(lacks("it is about another distribution"));
        }
        let config = found.distribution_config.ok_or(lacks("it holds no configuration"))?;
        Ok(LiveDistribution {
            id: id.clone(),
            domain: self.distribution_domain(GET, found.domain_name)?,
            etag: answer.e_tag.ok_or(lacks("it names no ETag"))?,
            is_deployed: is_deployed(&found.status),
            caller_reference: config.caller_reference.clone(),
            restriction: restriction(&config),
            settings: settings(config)?,
            tags,
        })
    }

    /// The domain that CloudFront of this partition gives out.
    pub(crate) fn distribution_domain(
        &self,
        call: &'static str,
        domain: String,
    ) -> Result<DistributionDomain, AwsError> {
        let domain = DistributionDomain::new(domain).ok().filter(|domain| domain.is_in(&self.partition));
        domain.ok_or(unusable(call, "its domain is none that CloudFront gives out in this partition"))
    }
}

pub(crate) fn distribution_id(call: &'static str, id: &str) -> Result<DistributionId, AwsError> {
    DistributionId::new(id).map_err(|_| unusable(call, "an ID does not have its form"))
}

fn is_deployed(status: &str) -> bool {
    status == "Deployed"
}

fn has_origin(summary: &DistributionSummary, domain: &str) -> bool {
    let origins = summary.origins.iter().flat_map(|origins| &origins.items);
    origins.into_iter().any(|origin| origin.domain_name.eq_ignore_ascii_case(domain))
}

fn access_control_settings(config: OriginAccessControlConfig) -> AccessControlSettings {
    AccessControlSettings {
        name: config.name,
        description: config.description.unwrap_or_default(),
        signing_protocol: config.signing_protocol.as_str().to_owned(),
        signing_behavior: config.signing_behavior.as_str().to_owned(),
        origin_type: config.origin_access_control_origin_type.as_str().to_owned(),
    }
}

/// From where the distribution may not be asked.
fn restriction(config: &DistributionConfig) -> Option<String> {
    let geo = config.restrictions.as_ref()?.geo_restriction.as_ref()?;
    let countries = geo.items.clone().unwrap_or_default().join(", ");
    match &geo.restriction_type {
        GeoRestrictionType::None => None,
        GeoRestrictionType::Whitelist => Some(format!("answers {countries} alone")),
        GeoRestrictionType::Blacklist => Some(format!("does not answer {countries}")),
        other => Some(format!("{} {countries}", other.as_str())),
    }
}

/// What decides about what is served.
pub(crate) fn settings(config: DistributionConfig) -> Result<DistributionSettings, AwsError> {
    let mut extras = extras(&config);
    let origins = bounded(GET, config.origins.map(|origins| origins.items).unwrap_or_default())?;
    for origin in &origins {
        extras.extend(origin_extras(origin).map(|what| format!("{what} of origin {}", origin.id)));
    }
    let origin = |origin: aws_sdk_cloudfront::types::Origin| OriginSettings {
        id: origin.id,
        domain: origin.domain_name,
        access_control: said(origin.origin_access_control_id),
    };
    let aliases = bounded(GET, config.aliases.and_then(|aliases| aliases.items).unwrap_or_default())?;
    let behavior = config.default_cache_behavior.ok_or(unusable(GET, "it holds no default behavior"))?;
    extras.extend(behavior_extras(&behavior));
    let extras = bounded(GET, extras.into_iter().collect())?.into_iter().collect();
    Ok(DistributionSettings {
        enabled: config.enabled,
        comment: config.comment,
        aliases: aliases.into_iter().collect(),
        origins: origins.into_iter().map(origin).collect(),
        behavior: behavior_settings(behavior),
        certificate: config.viewer_certificate.map(certificate).unwrap_or_default(),
        extras,
    })
}

/// A text that says something.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn behavior_settings(behavior: DefaultCacheBehavior) -> BehaviorSettings {
    let names = |methods: &[aws_sdk_cloudfront::types::Method]| -> BTreeSet<String> {
        methods.iter().map(|method| method.as_str().to_owned()).collect()
    };
    let methods = behavior.allowed_methods.as_ref();
    let cached = methods.and_then(|methods| methods.cached_methods.as_ref());
    BehaviorSettings {
        origin: behavior.target_origin_id,
        protocol: behavior.viewer_protocol_policy.as_str().to_owned(),
        methods: methods.map(|methods| names(&methods.items)).unwrap_or_default(),
        cached_methods: cached.map(|cached| names(&cached.items)).unwrap_or_default(),
        compress: behavior.compress.unwrap_or_default(),
        cache_policy: said(behavior.cache_policy_id),
    }
}

/// With CloudFront's own certificate, all else that it answers is its own business.
fn certificate(certificate: ViewerCertificate) -> CertificateSettings {
    if certificate.cloud_front_default_certificate == Some(true) {
        return CertificateSettings { is_cloudfronts: true, ..CertificateSettings::default() };
    }
    CertificateSettings {
        is_cloudfronts: false,
        acm: said(certificate.acm_certificate_arn),
        iam: said(certificate.iam_certificate_id),
        support: certificate.ssl_support_method.map(|method| method.as_str().to_owned()),
        minimum_protocol: certificate.minimum_protocol_version.map(|version| version.as_str().to_owned()),
    }
}

/// What no bundle's distribution has.
fn extras(config: &DistributionConfig) -> BTreeSet<String> {
    let mut extras: Vec<String> = Vec::new();
    let mut add = |is_there: bool, what: &str| extras.extend(is_there.then(|| what.to_owned()));
    add(config.staging == Some(true), "staging");
    add(config.origin_groups.as_ref().is_some_and(|groups| groups.quantity > 0), "origin groups");
    add(config.tenant_config.is_some(), "tenants");
    add(config.connection_mode.as_ref().is_some_and(|mode| mode.as_str() != "direct"), "a connection mode");
    add(config.viewer_mtls_config.is_some(), "certificates of viewers");
    add(config.connection_function_association.is_some(), "a connection function");
    let named = |what: &str, value: &Option<String>| said(value.clone()).map(|value| format!("{what} {value}"));
    let behaviors = config.cache_behaviors.iter().flat_map(|behaviors| behaviors.items.iter().flatten());
    let pages = config.custom_error_responses.iter().flat_map(|responses| responses.items.iter().flatten());
    extras.extend(named("default root object", &config.default_root_object));
    extras.extend(named("continuous deployment policy", &config.continuous_deployment_policy_id));
    extras.extend(behaviors.map(|behavior| format!("behavior for {}", behavior.path_pattern)));
    extras.extend(pages.map(|page| format!("error page for {}", page.error_code)));
    extras.into_iter().collect()
}

fn behavior_extras(behavior: &DefaultCacheBehavior) -> impl Iterator<Item = String> + use<> {
    let mut extras: Vec<String> = Vec::new();
    let mut add = |is_there: bool, what: &str| extras.extend(is_there.then(|| what.to_owned()));
    add(behavior.trusted_signers.as_ref().is_some_and(|signers| signers.enabled), "trusted signers");
    add(behavior.trusted_key_groups.as_ref().is_some_and(|groups| groups.enabled), "trusted key groups");
    add(behavior.smooth_streaming == Some(true), "smooth streaming");
    add(behavior.grpc_config.as_ref().is_some_and(|grpc| grpc.enabled), "gRPC");
    let named = |what: &str, value: &Option<String>| said(value.clone()).map(|value| format!("{what} {value}"));
    extras.extend(named("field-level encryption", &behavior.field_level_encryption_id));
    extras.extend(named("origin request policy", &behavior.origin_request_policy_id));
    extras.extend(named("response headers policy", &behavior.response_headers_policy_id));
    let functions = behavior.function_associations.iter().flat_map(|all| all.items.iter().flatten());
    extras.extend(functions.map(|function| format!("function {}", function.function_arn)));
    let lambdas = behavior.lambda_function_associations.iter().flat_map(|all| all.items.iter().flatten());
    extras.extend(lambdas.map(|lambda| format!("Lambda function {}", lambda.lambda_function_arn)));
    extras.into_iter()
}

fn origin_extras(origin: &aws_sdk_cloudfront::types::Origin) -> impl Iterator<Item = String> + use<> {
    let mut extras: Vec<String> = Vec::new();
    let identity = origin.s3_origin_config.as_ref().map(|s3| s3.origin_access_identity.clone());
    extras.extend(said(identity).map(|identity| format!("access identity {identity}")));
    extras.extend(said(origin.origin_path.clone()).map(|path| format!("path {path}")));
    extras.extend(origin.s3_origin_config.is_none().then(|| "another type than S3".to_owned()));
    let has_headers = origin.custom_headers.as_ref().is_some_and(|headers| headers.quantity > 0);
    extras.extend(has_headers.then(|| "headers".to_owned()));
    extras.into_iter()
}

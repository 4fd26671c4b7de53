//! The settings of a distribution that decide which bytes are served, to whom and how: as a bundle's document has them, and as
//! AWS answers them. What is an organisation's own business is not among them: logs, firewall, prices, versions of HTTP and IP.

use std::collections::BTreeSet;

use bundle_schema::documents::{
    AllowedMethods, CreateDistributionWithTags, DefaultCacheBehavior, DistributionConfig, Method,
    MinimumProtocolVersion, SslSupportMethod, ViewerCertificate, ViewerProtocolPolicy,
};
use bundle_schema::names::AccessControlId;
use serde::Serialize;

/// The settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DistributionSettings {
    pub(crate) enabled: bool,
    pub(crate) comment: String,
    pub(crate) aliases: BTreeSet<String>,
    pub(crate) origins: Vec<OriginSettings>,
    pub(crate) behavior: BehaviorSettings,
    pub(crate) certificate: CertificateSettings,
    /// What no bundle's distribution has, in words: functions, error pages, other behaviours and the like.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) extras: BTreeSet<String>,
}

/// Where it gets what it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OriginSettings {
    pub(crate) id: String,
    pub(crate) domain: String,
    /// None where it is not known yet, and where there is none.
    pub(crate) access_control: Option<String>,
}

/// How it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BehaviorSettings {
    pub(crate) origin: String,
    pub(crate) protocol: String,
    pub(crate) methods: BTreeSet<String>,
    pub(crate) cached_methods: BTreeSet<String>,
    pub(crate) compress: bool,
    pub(crate) cache_policy: Option<String>,
}

/// With which certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CertificateSettings {
    /// CloudFront's own: then all else is CloudFront's business.
    pub(crate) is_cloudfronts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) acm: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iam: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) support: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) minimum_protocol: Option<String>,
}

/// The bucket's host name.
pub(crate) fn origin_domain(create: &CreateDistributionWithTags) -> String {
    let origins = &create.distribution_config_with_tags.distribution_config.origins.items;
    origins.first().map(|origin| origin.domain_name.clone()).unwrap_or_default()
}

impl DistributionSettings {
    /// What a bundle's document says, with the access control that CloudFront has named, where it has. Taken apart field by
    /// field: a field that is added to a document breaks the build here.
    pub(crate) fn of(config: &DistributionConfig, access_control: Option<&AccessControlId>) -> Self {
        let DistributionConfig {
            caller_reference: _,
            aliases,
            origins,
            default_cache_behavior,
            comment,
            enabled,
            viewer_certificate,
            http_version: _,
            is_ipv6_enabled: _,
        } = config;
        let origin = |origin: &bundle_schema::documents::Origin| OriginSettings {
            id: origin.id.clone(),
            domain: origin.domain_name.clone(),
            access_control: access_control.map(ToString::to_string),
        };
        Self {
            enabled: *enabled,
            comment: comment.clone(),
            aliases: aliases.items.iter().cloned().collect(),
            origins: origins.items.iter().map(origin).collect(),
            behavior: behavior(default_cache_behavior),
            certificate: certificate(viewer_certificate),
            extras: BTreeSet::new(),
        }
    }

    /// Fills this access control in where there is none yet.
    pub(crate) fn set_access_control(&mut self, access_control: Option<&AccessControlId>) {
        for origin in &mut self.origins {
            origin.access_control = origin.access_control.take().or(access_control.map(ToString::to_string));
        }
    }
}

fn behavior(behavior: &DefaultCacheBehavior) -> BehaviorSettings {
    let DefaultCacheBehavior {
        target_origin_id,
        viewer_protocol_policy: ViewerProtocolPolicy::HttpsOnly,
        allowed_methods: AllowedMethods { quantity: _, items, cached_methods },
        compress,
        cache_policy_id,
    } = behavior;
    let names = |methods: &[Method]| {
        let name = |method: &Method| match method {
            Method::Get => "GET".to_owned(),
            Method::Head => "HEAD".to_owned(),
        };
        methods.iter().map(name).collect()
    };
    BehaviorSettings {
        origin: target_origin_id.clone(),
        protocol: "https-only".to_owned(),
        methods: names(items),
        cached_methods: names(&cached_methods.items),
        compress: *compress,
        cache_policy: Some(cache_policy_id.clone()),
    }
}

fn certificate(certificate: &ViewerCertificate) -> CertificateSettings {
    let ViewerCertificate {
        cloudfront_default_certificate,
        acm_certificate_arn,
        iam_certificate_id,
        ssl_support_method,
        minimum_protocol_version,
    } = certificate;
    CertificateSettings {
        is_cloudfronts: *cloudfront_default_certificate,
        acm: acm_certificate_arn.as_ref().map(ToString::to_string),
        iam: iam_certificate_id.as_ref().map(ToString::to_string),
        support: ssl_support_method.map(|SslSupportMethod::SniOnly| "sni-only".to_owned()),
        minimum_protocol: minimum_protocol_version.map(|MinimumProtocolVersion::Tls12| "TLSv1.2_2021".to_owned()),
    }
}

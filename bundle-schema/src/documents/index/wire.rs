//! `bundle.json` as it stands in the archive: a header and the list of files, in the order of their fields.

use serde::{Deserialize, Serialize};

use super::{
    Certificate, Component, Endpoint, FileRecord, Header, Kind, MadeDistribution, Previous, SCHEMA_VERSION, Skipped,
};
use crate::documents::former::FormerIssuer;
use crate::documents::settings::Settings;
use crate::names::{
    AccountId, Audience, BucketName, ClusterName, DnsSuffix, GeneratorVersion, IssuerUrl, Partition, Region, RolePath,
    Tag, Timestamp,
};

/// `bundle.json` as it stands in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct WireIndex {
    pub(crate) schema_version: u32,
    kind: Kind,
    name: ClusterName,
    serial: u64,
    created: Timestamp,
    expires: Timestamp,
    generator_version: GeneratorVersion,
    partition: Partition,
    dns_suffix: DnsSuffix,
    region: Region,
    account_id: AccountId,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_url: Option<IssuerUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket_name: Option<BucketName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Certificate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution: Option<MadeDistribution>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    former_issuers: Vec<FormerIssuer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audiences: Option<Vec<Audience>>,
    role_path: RolePath,
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Previous>,
    settings: Settings,
    components: Vec<Component>,
    skipped: Vec<Skipped>,
    pub(crate) files: Vec<FileRecord>,
}

impl WireIndex {
    pub(crate) fn new(header: Header, files: Vec<FileRecord>) -> Self {
        let Header {
            kind,
            name,
            serial,
            created,
            expires,
            generator_version,
            partition,
            dns_suffix,
            region,
            account_id,
            issuer_url,
            endpoint,
            bucket_name,
            certificate,
            distribution,
            former_issuers,
            audiences,
            role_path,
            tags,
            previous,
            settings,
            components,
            skipped,
        } = header;
        Self {
            schema_version: SCHEMA_VERSION,
            kind,
            name,
            serial,
            created,
            expires,
            generator_version,
            partition,
            dns_suffix,
            region,
            account_id,
            issuer_url,
            endpoint,
            bucket_name,
            certificate,
            distribution,
            former_issuers,
            audiences,
            role_path,
            tags,
            previous,
            settings,
            components,
            skipped,
            files,
        }
    }

    pub(crate) fn into_header(self) -> Header {
        let Self {
            schema_version: _,
            kind,
            name,
            serial,
            created,
            expires,
            generator_version,
            partition,
            dns_suffix,
            region,
            account_id,
            issuer_url,
            endpoint,
            bucket_name,
            certificate,
            distribution,
            former_issuers,
            audiences,
            role_path,
            tags,
            previous,
            settings,
            components,
            skipped,
            files: _,
        } = self;
        Header {
            kind,
            name,
            serial,
            created,
            expires,
            generator_version,
            partition,
            dns_suffix,
            region,
            account_id,
            issuer_url,
            endpoint,
            bucket_name,
            certificate,
            distribution,
            former_issuers,
            audiences,
            role_path,
            tags,
            previous,
            settings,
            components,
            skipped,
        }
    }
}

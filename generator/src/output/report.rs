//! What commands print when they are done: text for people, JSON for programs.

use std::fmt::{self, Write};

use bundle_schema::documents::contents::RoleDocuments;
use bundle_schema::documents::index::{Component, Header, Kind, Previous};
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::escape::{Escaped, escaped_json};
use bundle_schema::layout::fold;
use bundle_schema::names::IssuerUrl;
use serde::Serialize;

use crate::build::{Notes, SignedBundle};
use crate::requests::{LeftOut, file_name};
use crate::review::report::PrivateBucket;

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON document.
    Json,
}

impl Format {
    pub(crate) fn render(self, report: &(impl fmt::Display + Serialize)) -> String {
        match self {
            Self::Text => report.to_string(),
            Self::Json => json(report),
        }
    }
}

/// One JSON document, which does nothing to a terminal.
pub(crate) fn json(report: &impl Serialize) -> String {
    let bytes = bundle_schema::json::to_bytes(report);
    escaped_json(&String::from_utf8(bytes).unwrap_or_default())
}

/// A file that a command wrote, or found as it would have written it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct WrittenFile {
    /// What it is, such as `bundle`.
    pub(crate) kind: &'static str,
    /// Where it is; `-` for standard output.
    pub(crate) path: String,
    pub(crate) sha256: String,
}

/// The report of `create-bundle`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BundleReport {
    kind: Kind,
    name: String,
    serial: u64,
    account_id: String,
    partition: String,
    region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_url: Option<String>,
    /// The issuer that the cluster had until now, where this is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    moves_from: Option<String>,
    /// The issuers that the roles trust besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    former_issuers: Vec<String>,
    /// The bucket behind CloudFront that serves the issuer, or will.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_bucket: Option<PrivateBucket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_arn: Option<String>,
    audiences: Vec<String>,
    created: String,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Previous>,
    /// The key that signs the cluster's tokens; none where somebody else manages the issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    /// The key IDs that are published besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    further_kids: Vec<String>,
    /// Where the key came from, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_source: Option<String>,
    signing_key: String,
    roles: Vec<RoleReport>,
    skipped: Vec<SkippedReport>,
    left_out: Vec<LeftOut>,
    warnings: Vec<String>,
    files: Vec<WrittenFile>,
    next: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleReport {
    request: String,
    file: String,
    role_name: String,
    role_arn: String,
    secret: String,
    service_accounts: Vec<String>,
    statements: usize,
    undecided_feature_gates: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct SkippedReport {
    file: String,
    document: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    reason: String,
}

/// What a report says besides the bundle.
pub(crate) struct Around {
    pub(crate) moves_from: Option<IssuerUrl>,
    pub(crate) key_source: Option<String>,
    pub(crate) signing_key: String,
    pub(crate) files: Vec<WrittenFile>,
    pub(crate) next: Vec<String>,
}

impl BundleReport {
    pub(crate) fn new(bundle: &SignedBundle, around: Around) -> Self {
        let Around { moves_from, key_source, signing_key, files, next } = around;
        let contents = bundle.contents();
        let header = &contents.header;
        let notes = bundle.notes();
        Self {
            kind: header.kind,
            name: header.name.to_string(),
            serial: header.serial,
            account_id: header.account_id.to_string(),
            partition: header.partition.to_string(),
            region: header.region.to_string(),
            issuer_url: header.issuer_url.as_ref().map(ToString::to_string),
            moves_from: moves_from.map(Into::into),
            former_issuers: header.former_issuers.iter().map(|former| former.issuer_url.to_string()).collect(),
            private_bucket: PrivateBucket::of(header),
            provider_arn: header.provider_arn(),
            audiences: contents.audiences().iter().map(ToString::to_string).collect(),
            created: header.created.to_string(),
            expires: header.expires.to_string(),
            previous: header.previous.clone(),
            key: contents.keys().next().map(ServiceAccountKey::describe),
            kid: contents.keys().next().map(|key| key.kid().to_owned()),
            further_kids: contents.keys().skip(1).map(|key| key.kid().to_owned()).collect(),
            key_source,
            signing_key,
            roles: roles(bundle, header, notes),
            skipped: skipped(header),
            left_out: notes.left_out.clone(),
            warnings: notes.warnings.clone(),
            files,
            next,
        }
    }
}

fn roles(bundle: &SignedBundle, header: &Header, notes: &Notes) -> Vec<RoleReport> {
    let report = |(component, role): (&Component, &RoleDocuments)| {
        let role_name = component.role_name.to_string();
        RoleReport {
            request: component.request.to_string(),
            file: file_name(&component.source).to_owned(),
            role_arn: header.role_arn(&component.role_name),
            secret: component.secret(),
            service_accounts: component.service_accounts.iter().map(ToString::to_string).collect(),
            statements: role.statements().len(),
            undecided_feature_gates: notes.undecided.get(&role_name).cloned().unwrap_or_default(),
            role_name,
        }
    };
    bundle.contents().each_role().map(report).collect()
}

fn skipped(header: &Header) -> Vec<SkippedReport> {
    let report = |skipped: &bundle_schema::documents::index::Skipped| SkippedReport {
        file: file_name(&skipped.source).to_owned(),
        document: skipped.document,
        request: skipped.request.as_ref().map(ToString::to_string),
        reason: skipped.reason.to_string(),
    };
    header.skipped.iter().map(report).collect()
}

impl fmt::Display for BundleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text)?;
        f.write_str(&fold(&text))
    }
}

impl BundleReport {
    fn write(&self, f: &mut String) -> fmt::Result {
        writeln!(f, "Bundle    {} serial {}", self.name, self.serial)?;
        if let Some(Previous { serial, sha256 }) = &self.previous {
            writeln!(f, "Follows   serial {serial}\n  sha256  {sha256}")?;
        }
        writeln!(f, "Account   {} ({}, {})", self.account_id, self.partition, self.region)?;
        if let (Some(url), Some(key), Some(kid)) = (&self.issuer_url, &self.key, &self.kid) {
            writeln!(f, "Issuer    {url}")?;
            self.write_move(f)?;
            writeln!(f, "Key       {key} {kid}")?;
        } else if let (Some(url), Some(provider)) = (&self.issuer_url, &self.provider_arn) {
            writeln!(f, "Provider  {provider}")?;
            writeln!(f, "Issuer    {url}, which somebody else manages")?;
            writeln!(f, "Audiences {}", self.audiences.join(", "))?;
        } else {
            writeln!(f, "Issuer    none yet: the receipt of this bundle's apply says its name")?;
        }
        for kid in &self.further_kids {
            writeln!(f, "          {kid}, published besides")?;
        }
        if let Some(source) = &self.key_source {
            writeln!(f, "          {}", Escaped(source))?;
        }
        for (label, value) in self.private_bucket.iter().flat_map(PrivateBucket::rows) {
            writeln!(f, "{label:<10}{value}")?;
        }
        writeln!(f, "Signed    {}", self.signing_key)?;
        writeln!(f, "Created   {}, expires {}\n", self.created, self.expires)?;
        for role in &self.roles {
            write_role(f, role)?;
        }
        for skipped in &self.skipped {
            let request = skipped.request.as_deref().unwrap_or("a document");
            writeln!(f, "Skipped   {request} ({}, document {})", Escaped(&skipped.file), skipped.document)?;
            writeln!(f, "          {}", skipped.reason)?;
        }
        for LeftOut { file, reason } in &self.left_out {
            writeln!(f, "Left out  {} ({reason})", Escaped(file))?;
        }
        for warning in &self.warnings {
            writeln!(f, "Warning   {warning}")?;
        }
        if !(self.skipped.is_empty() && self.left_out.is_empty() && self.warnings.is_empty()) {
            writeln!(f)?;
        }
        for file in &self.files {
            writeln!(f, "File      {} ({})", Escaped(&file.path), file.kind)?;
            writeln!(f, "  sha256  {}", file.sha256)?;
        }
        writeln!(f, "\nNext")?;
        for (step, number) in self.next.iter().zip(1..) {
            writeln!(f, "{number}. {step}")?;
        }
        Ok(())
    }

    /// The issuer that the cluster had until now, and those that it had before.
    fn write_move(&self, f: &mut String) -> fmt::Result {
        if let Some(old) = &self.moves_from {
            writeln!(f, "          THE ISSUER CHANGES: it was {old}")?;
        }
        for url in &self.former_issuers {
            writeln!(f, "Former    {url}, which the roles still trust")?;
        }
        Ok(())
    }
}

fn write_role(f: &mut String, role: &RoleReport) -> fmt::Result {
    let statements = if role.statements == 1 { "statement" } else { "statements" };
    writeln!(f, "Role      {}", role.role_name)?;
    writeln!(f, "  for     {} ({}), {} {statements}", role.request, Escaped(&role.file), role.statements)?;
    writeln!(f, "  used by {}", role.service_accounts.join(", "))?;
    if !role.undecided_feature_gates.is_empty() {
        let gates = role.undecided_feature_gates.join(", ");
        writeln!(
            f,
            "  kept, but it depends on feature gates whose state is not known: {} (--feature-gates decides)",
            Escaped(&gates)
        )?;
    }
    writeln!(f)
}

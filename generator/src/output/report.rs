//! What commands print when they are done: text for people, JSON for programs.

use std::fmt;

use bundle_schema::documents::index::Header;
use bundle_schema::escape::Escaped;
use serde::Serialize;

use crate::build::{Notes, SignedBundle};
use crate::requests::file_name;

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
            Self::Json => {
                let bytes = bundle_schema::json::to_bytes(report);
                String::from_utf8(bytes).unwrap_or_default()
            }
        }
    }
}

/// A file that a command wrote, or found as it would have written it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct WrittenFile {
    /// What it is: `bundle`, `signature`, `install archive`.
    pub(crate) kind: &'static str,
    /// Where it is; `-` for standard output.
    pub(crate) path: String,
    pub(crate) sha256: String,
}

/// The report of `create-bundle`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BundleReport {
    name: String,
    serial: u64,
    account_id: String,
    partition: String,
    region: String,
    issuer_url: String,
    created: String,
    expires: String,
    key: String,
    kid: String,
    /// Where the key came from, in words.
    key_source: String,
    signing_key: String,
    roles: Vec<RoleReport>,
    skipped: Vec<SkippedReport>,
    ignored_files: Vec<String>,
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
    pub(crate) key_source: String,
    pub(crate) signing_key: String,
    pub(crate) files: Vec<WrittenFile>,
    pub(crate) next: Vec<String>,
}

impl BundleReport {
    pub(crate) fn new(bundle: &SignedBundle, around: Around) -> Self {
        let Around { key_source, signing_key, files, next } = around;
        let contents = bundle.contents();
        let header = &contents.header;
        let notes = bundle.notes();
        Self {
            name: header.name.to_string(),
            serial: header.serial,
            account_id: header.account_id.to_string(),
            partition: header.partition.to_string(),
            region: header.region.to_string(),
            issuer_url: header.issuer_url.to_string(),
            created: header.created.to_string(),
            expires: header.expires.to_string(),
            key: contents.public_key.describe(),
            kid: contents.public_key.kid().to_owned(),
            key_source,
            signing_key,
            roles: roles(bundle, header, notes),
            skipped: skipped(header),
            ignored_files: notes.ignored.clone(),
            warnings: notes.warnings.clone(),
            files,
            next,
        }
    }
}

fn roles(bundle: &SignedBundle, header: &Header, notes: &Notes) -> Vec<RoleReport> {
    let pairs = header.components.iter().zip(&bundle.contents().roles);
    let report = |(component, role): (
        &bundle_schema::documents::index::Component,
        &bundle_schema::documents::contents::RoleDocuments,
    )| {
        let role_name = component.role_name.to_string();
        RoleReport {
            request: component.request.to_string(),
            file: file_name(&component.source).to_owned(),
            role_arn: header.role_arn(&component.role_name),
            secret: format!("{}/{}", component.secret_namespace, component.secret_name),
            service_accounts: component.service_accounts.iter().map(ToString::to_string).collect(),
            statements: role.policy.policy_document.0.statement.len(),
            undecided_feature_gates: notes.undecided.get(&role_name).cloned().unwrap_or_default(),
            role_name,
        }
    };
    pairs.map(report).collect()
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
        writeln!(
            f,
            "{} serial {} for account {} ({}, {})",
            self.name, self.serial, self.account_id, self.partition, self.region
        )?;
        writeln!(f, "issuer       {}", self.issuer_url)?;
        writeln!(f, "key          {} {} ({})", self.key, self.kid, Escaped(&self.key_source))?;
        writeln!(f, "signed with  {}", self.signing_key)?;
        writeln!(f, "created      {}, expires {}\n", self.created, self.expires)?;
        write_roles(f, &self.roles)?;
        write_skipped(f, &self.skipped)?;
        self.write_notes(f)?;
        writeln!(f, "sha256")?;
        for file in &self.files {
            writeln!(f, "{}  {}  ({})", file.sha256, Escaped(&file.path), file.kind)?;
        }
        writeln!(f, "\nnext")?;
        for (step, number) in self.next.iter().zip(1..) {
            writeln!(f, "{number}. {step}")?;
        }
        Ok(())
    }
}

impl BundleReport {
    /// What people should look at, and an empty line behind it.
    fn write_notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let undecided = self.roles.iter().any(|role| !role.undecided_feature_gates.is_empty());
        if !undecided && self.ignored_files.is_empty() && self.warnings.is_empty() {
            return Ok(());
        }
        for role in self.roles.iter().filter(|role| !role.undecided_feature_gates.is_empty()) {
            let gates = role.undecided_feature_gates.join(", ");
            writeln!(
                f,
                "undecided: {} is kept; it depends on feature gates that are not decided: {} (--feature-gates decides)",
                role.request,
                Escaped(&gates)
            )?;
        }
        for file in &self.ignored_files {
            writeln!(f, "not read: {}", Escaped(file))?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        writeln!(f)
    }
}

fn write_roles(f: &mut fmt::Formatter<'_>, roles: &[RoleReport]) -> fmt::Result {
    let head = ["REQUEST", "ROLE", "SERVICE ACCOUNTS", "STATEMENTS"].map(str::to_owned);
    let row = |role: &RoleReport| {
        let accounts = role.service_accounts.join(", ");
        [role.request.clone(), role.role_name.clone(), accounts, role.statements.to_string()]
    };
    write_table(f, &std::iter::once(head).chain(roles.iter().map(row)).collect::<Vec<_>>())
}

fn write_skipped(f: &mut fmt::Formatter<'_>, skipped: &[SkippedReport]) -> fmt::Result {
    if skipped.is_empty() {
        return Ok(());
    }
    let head = ["SKIPPED", "WHY", "FILE"].map(str::to_owned);
    let row = |skipped: &SkippedReport| {
        let request = skipped.request.clone().unwrap_or_else(|| "-".to_owned());
        [request, skipped.reason.clone(), format!("{}, document {}", skipped.file, skipped.document)]
    };
    write_table(f, &std::iter::once(head).chain(skipped.iter().map(row)).collect::<Vec<_>>())
}

/// Columns as wide as their widest cell; the last one has no padding. Cells are of printable ASCII.
fn write_table<const N: usize>(f: &mut fmt::Formatter<'_>, rows: &[[String; N]]) -> fmt::Result {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Table(Vec<[String; 2]>);
    impl fmt::Display for Table {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_table(f, &self.0)
        }
    }

    #[test]
    fn columns_line_up() {
        let rows = vec![["A", "B"], ["longer", "x"], ["y", "longer"]];
        let rows = rows.into_iter().map(|row| row.map(str::to_owned)).collect();
        assert_eq!(Table(rows).to_string(), "A       B\nlonger  x\ny       longer\n\n");
    }
}

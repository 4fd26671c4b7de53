//! The head of what is about to be signed: enough for whoever signs to see what it is.

use std::fmt;

use bundle_schema::documents::index::Kind;
use bundle_schema::escape::{Escaped, EscapedWhole};
use bundle_schema::names::{AccountId, ClusterName, Partition, Region, Sha256, Timestamp};
use bundle_schema::receipt::{Counts, Distribution, Ending, Operation, Receipt};
use serde::Serialize;

use super::{Content, Subject};
use crate::review::headline::Headline;
use crate::review::report::{Identity, Key, PrivateBucket, Review};
use crate::review::words::key_use;

impl Subject {
    /// The head of what is signed: for a bundle that of its review.
    pub(in crate::commands) fn head(&self, review: Option<&Review>) -> Head {
        Head {
            file: self.file.clone(),
            kind: match &self.content {
                Content::Bundle(_) => "bundle",
                Content::Receipt(_) => "receipt",
            },
            sha256: self.sha256.clone(),
            bundle: review.map(BundleHead::of),
            receipt: match &self.content {
                Content::Bundle(_) => None,
                Content::Receipt(receipt) => Some(ReceiptHead::of(receipt)),
            },
        }
    }
}

/// What whoever signs sees of it.
#[derive(Serialize)]
pub(in crate::commands) struct Head {
    file: String,
    kind: &'static str,
    sha256: Sha256,
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<BundleHead>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<ReceiptHead>,
}

/// What a receipt says first.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptHead {
    operation: Operation,
    ending: Ending,
    name: ClusterName,
    serial: u64,
    bundle_sha256: Sha256,
    account_id: AccountId,
    partition: Partition,
    region: Region,
    caller: String,
    started: Timestamp,
    finished: Timestamp,
    done: usize,
    failed: usize,
    not_reached: usize,
    /// The distribution whose name becomes the issuer's, by whoever takes this receipt for true.
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution: Option<Distribution>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BundleHead {
    /// The review's verdict, part by part, and the lines under it.
    verdict: Vec<String>,
    headlines: Vec<String>,
    #[serde(flatten)]
    identity: BundleIdentity,
    roles: Vec<RoleHead>,
    /// The key that signs, then those that are published besides.
    keys: Vec<Key>,
}

/// [`Identity`] without the digest, which stands above.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BundleIdentity {
    kind: Kind,
    name: String,
    serial: u64,
    account_id: String,
    partition: String,
    region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    former_issuers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_bucket: Option<PrivateBucket>,
    created: Timestamp,
    expires: Timestamp,
}

#[derive(Serialize)]
struct RoleHead {
    role: String,
    riskiest: String,
}

impl BundleHead {
    fn of(review: &Review) -> Self {
        let texts = |lines: Vec<Headline>| lines.into_iter().map(|line| line.text).collect();
        let Identity { kind, name, serial, sha256: _, account_id, partition, region, .. } = review.bundle.clone();
        let Identity { issuer_url, former_issuers, private_bucket, created, expires, .. } = review.bundle.clone();
        Self {
            verdict: texts(review.verdict()),
            headlines: texts(review.headlines()),
            identity: BundleIdentity {
                kind,
                name,
                serial,
                account_id,
                partition,
                region,
                issuer_url,
                former_issuers,
                private_bucket,
                created,
                expires,
            },
            roles: review
                .roles
                .iter()
                .map(|one| RoleHead { role: one.role.clone(), riskiest: one.riskiest() })
                .collect(),
            keys: review.keys.clone(),
        }
    }
}

impl ReceiptHead {
    fn of(receipt: &Receipt) -> Self {
        let Counts { done, failed, not_reached } = receipt.counts();
        let Receipt { operation, ending, bundle, account_id, partition, region, caller, .. } = receipt.clone();
        let Receipt { started, finished, distribution, .. } = receipt.clone();
        Self {
            operation,
            ending,
            name: bundle.name,
            serial: bundle.serial,
            bundle_sha256: bundle.sha256,
            account_id,
            partition,
            region,
            caller,
            started,
            finished,
            done,
            failed,
            not_reached,
            distribution,
        }
    }
}

impl fmt::Display for ReceiptHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, ending, name, serial, bundle_sha256, account_id, partition, region, .. } = self;
        let Self { caller, started, finished, done, failed, not_reached, distribution, .. } = self;
        writeln!(f, "Name     {name}")?;
        writeln!(f, "Serial   {serial}")?;
        writeln!(f, "Bundle   {bundle_sha256}")?;
        writeln!(f, "Account  {account_id} ({partition}, {region})")?;
        writeln!(f, "Caller   {}", Escaped(caller))?;
        writeln!(f, "Time     {started} to {finished}")?;
        writeln!(
            f,
            "Ending   {operation} {ending}: {}",
            Counts { done: *done, failed: *failed, not_reached: *not_reached }
        )?;
        match distribution {
            None => Ok(()),
            Some(Distribution { id, arn: _, domain }) => writeln!(f, "Served   at {domain}, distribution {id}"),
        }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "File     {} ({})", self.file, self.kind)?;
        if let Some(bundle) = &self.bundle {
            bundle.fmt(f)?;
        }
        if let Some(receipt) = &self.receipt {
            receipt.fmt(f)?;
        }
        writeln!(f, "SHA-256  {}", self.sha256)
    }
}

impl fmt::Display for BundleHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BundleIdentity { kind, name, serial, account_id, partition, region, .. } = &self.identity;
        let BundleIdentity { issuer_url, former_issuers, private_bucket, created, expires, .. } = &self.identity;
        writeln!(f, "Verdict  {}", EscapedWhole(&self.verdict.join("; ")))?;
        for line in &self.headlines {
            writeln!(f, "       ! {}", EscapedWhole(line))?;
        }
        writeln!(f, "Name     {name}")?;
        writeln!(f, "Serial   {serial}")?;
        writeln!(f, "Account  {account_id} ({partition}, {region})")?;
        match (issuer_url, kind) {
            (Some(url), Kind::Roles) => writeln!(f, "Issuer   {url}, which somebody else manages")?,
            (Some(url), _) => writeln!(f, "Issuer   {url}")?,
            (None, _) => writeln!(f, "Issuer   none yet: the receipt of its apply says the name")?,
        }
        for url in former_issuers {
            writeln!(f, "Former   {url}, whose tokens the roles still take")?;
        }
        for (label, value) in private_bucket.iter().flat_map(PrivateBucket::rows) {
            writeln!(f, "{label:<9}{value}")?;
        }
        for one @ Key { kid, key, .. } in &self.keys {
            writeln!(f, "Key      {key} {kid}{}", key_use(one, &self.keys))?;
        }
        if *kind != Kind::Endpoint {
            writeln!(f, "Roles    {}", self.roles.len())?;
        }
        for RoleHead { role, riskiest } in &self.roles {
            writeln!(f, "  {role}")?;
            writeln!(f, "    {}", EscapedWhole(riskiest))?;
        }
        writeln!(f, "Created  {created}, expires {expires}")
    }
}

//! What a review says: one value, from which every format is written. `review --format json` is its serialisation, and
//! others read that: a change that takes something away or gives it another meaning needs another [`REVIEW_VERSION`].
//!
//! Its texts may come from the bundle under review, which is not trusted: whoever shows one escapes it.

mod comparison;
mod private_bucket;

use bundle_schema::documents::index::{Kind, Skipped};
use bundle_schema::documents::policy::{Condition, Effect};
use bundle_schema::documents::settings::Settings as RecordedSettings;
use bundle_schema::names::{Audience, EntryPath, RolePath, Sha256, Tag, Thumbprint, Timestamp};
use bundle_schema::signature::Signer;
use serde::{Deserialize, Serialize};

pub use self::comparison::{
    Against, BundleComparison, CameAndWent, Change, Changed, Presence, RoleComparison, ValueChange, Verdict, Witness,
};
pub use self::private_bucket::PrivateBucket;

/// The version of the JSON.
pub const REVIEW_VERSION: u32 = 1;

/// Everything that is known about a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// [`REVIEW_VERSION`].
    pub review_version: u32,
    /// Which bundle it is.
    pub bundle: Identity,
    /// The public keys of the cluster's tokens.
    pub keys: Vec<Key>,
    /// The keys that signed it, of those that were asked for.
    pub signers: Vec<Signer>,
    /// Whether signatures were checked at all.
    pub signatures_checked: bool,
    /// What making it again showed.
    pub rebuild: Rebuild,
    /// What came and went since another bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<BundleComparison>,
    /// The roles, in the bundle's order.
    pub roles: Vec<Role>,
    /// What a reviewer should know, the worst first.
    pub findings: Vec<Finding>,
    /// The documents that made no role.
    pub skipped: Vec<Skipped>,
    /// What shaped the bundle.
    pub settings: Settings,
    /// What is known about IAM's actions.
    pub action_data: ActionDataVersion,
}

/// Which bundle a review is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// What it is for.
    pub kind: Kind,
    /// The cluster's name.
    pub name: String,
    /// Its serial.
    pub serial: u64,
    /// The SHA-256 of its archive.
    pub sha256: Sha256,
    /// The account that it is for.
    pub account_id: String,
    /// The partition.
    pub partition: String,
    /// The region.
    pub region: String,
    /// The issuer of the cluster's tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_url: Option<String>,
    /// The issuers that the cluster had before and that its roles still trust.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub former_issuers: Vec<String>,
    /// The bucket behind CloudFront that serves the issuer, or will.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_bucket: Option<PrivateBucket>,
    /// When it was made.
    pub created: Timestamp,
    /// From when on the applier refuses it.
    pub expires: Timestamp,
}

/// A public key that the bundle publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Its key ID in tokens and JWKS.
    pub kid: String,
    /// Its type and size, such as `RSA 4096`.
    pub key: String,
    /// Whether it is the one that signs now; the others are published besides.
    pub signs: bool,
}

/// What making the bundle again showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebuild {
    /// Whether every entry is the same.
    pub identical: bool,
    /// Where the requests came from.
    pub requests: RequestsFrom,
    /// The program that made the bundle, where it has another version than this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// Where it is not.
    pub differences: Vec<Difference>,
}

/// Which requests a bundle was made again from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequestsFrom {
    /// Those in it.
    Bundle,
    /// Those of `--credentials-requests-dir`.
    Directory,
}

/// What a comparison calls the issuers that roles trust besides the cluster's own.
pub const FORMER_ISSUERS: &str = "former issuers";

/// In the place of an issuer that has no name yet.
pub const NO_ISSUER: &str = "none yet";

/// Something in the bundle that its requests and settings do not give, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// The entry.
    pub entry: String,
    /// The role that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The statement of the role's policy in the bundle, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
    /// What differs, in words.
    pub message: String,
    /// What the requests and settings give; left out where they give nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What the bundle has; left out where it has nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// One role: who may use it, and for what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Its name.
    pub role: String,
    /// The request that it was made for.
    pub request: String,
    /// The entry that holds the request.
    pub source: EntryPath,
    /// The Secret's namespace, in which the service accounts are.
    pub namespace: String,
    /// The Secret.
    pub secret: String,
    /// The service accounts that may assume it.
    pub service_accounts: Vec<String>,
    /// What bounds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// What it may do.
    pub statements: Vec<Statement>,
}

/// One statement of a role's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// Whether it grants or refuses.
    pub effect: Effect,
    /// The actions that it is about, as the policy has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<String>>,
    /// Or all actions but these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_actions: Option<Vec<String>>,
    /// The same actions by service and access level, the riskiest level first.
    pub access: Vec<ServiceAccess>,
    /// The resource, an ARN pattern or `*`.
    pub resource: String,
    /// When it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Condition>,
    /// Its line in the request's file; left out where no statement of the request is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// The actions of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceAccess {
    /// The service's prefix; `*` for all services.
    pub service: String,
    /// Its actions by level, the riskiest first.
    pub levels: Vec<LevelAccess>,
}

/// The access levels, the riskiest first. `Unknown` is of actions that the data does not know, which may be anything.
pub const ACCESS_LEVELS: [&str; 6] = ["Permissions management", "Write", "Unknown", "Tagging", "Read", "List"];

/// The actions of one access level. A pattern stands under each level of the actions that it matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LevelAccess {
    /// One of [`ACCESS_LEVELS`].
    pub level: String,
    /// The actions without their service, as the policy has them.
    pub actions: Vec<String>,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FindingLevel {
    /// Good to know
    Note,
    /// To be looked at
    Warning,
    /// Wrong, or dangerous
    Error,
}

impl FindingLevel {
    /// Its name, as in JSON and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something that a reviewer should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is, such as `airlock/action-wildcard`: stable, one of [`super::findings::RULES`].
    pub id: &'static str,
    /// How much it matters.
    pub level: FindingLevel,
    /// The role that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The statement of the role's policy, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<usize>,
    /// The entry that holds the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<EntryPath>,
    /// The line in it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What is so, and why it matters, in a sentence.
    pub message: String,
    /// What to do, in a sentence.
    pub advice: String,
    /// Who accepted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
}

/// Who took responsibility for a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// From when on it counts again.
    pub until: Timestamp,
}

/// What shaped a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// What `bundle.json` records.
    #[serde(flatten)]
    pub recorded: RecordedSettings,
    /// The path of every role.
    pub role_path: RolePath,
    /// The tags of every resource.
    pub tags: Vec<Tag>,
    /// The audiences of the tokens that AWS takes.
    pub audiences: Vec<Audience>,
    /// The thumbprints of the provider; left out, IAM fetches the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbprints: Option<Vec<Thumbprint>>,
    /// What made the bundle.
    pub generator_version: String,
}

/// Which data the access levels and findings are from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActionDataVersion {
    /// The version of the package that it was made from.
    pub version: String,
    /// Its date, as `2026-10-27`.
    pub date: String,
}

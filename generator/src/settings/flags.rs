//! The settings of `create-bundle`, from flags and from a file; flags win.

use std::path::PathBuf;
use std::str::FromStr;

use bundle_schema::escape::Escaped;
use bundle_schema::file::OpenError;
use bundle_schema::limits::{MAX_SERIAL, MAX_VALID_DAYS};
use bundle_schema::names::{
    AccountId, Audience, BoundaryArn, BucketName, CertificateArn, ClusterName, DnsSuffix, IamCertificateId, IssuerUrl,
    NameError, Namespace, ObjectName, Partition, Region, RolePath, Tag, TagKey, TagValue, Thumbprint, Timestamp,
};

use crate::keys::service_account::KeyType;
use crate::settings::MAX_SERVICE_ACCOUNTS;
use crate::settings::features::{FeatureSet, GateList};
use crate::settings::options::RoleNames;
use crate::settings::provider::ProviderArn;
use crate::yaml::{FieldError, YamlError};

/// Settings that are wrong, each for itself.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// A required setting.
    #[error("{} missing\n  give {}, or write {} into the file of --config, such as \"{}: ...\"",
        listed(.0), if .0.len() == 1 { "it" } else { "them" }, if .0.len() == 1 { "it" } else { "them" }, .0.first().unwrap_or(&""))]
    Missing(Vec<&'static str>),
    /// A file that cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file that is no YAML.
    #[error("{}, {error}", Escaped(&.file.to_string_lossy()))]
    Yaml {
        /// The file.
        file: PathBuf,
        /// Why.
        error: YamlError,
    },
    /// A file that is not UTF-8, or has none or several documents.
    #[error("{} must hold exactly one YAML document in UTF-8", Escaped(&.0.to_string_lossy()))]
    NotOneDocument(PathBuf),
    /// A field of a file.
    #[error("{}: {error}", Escaped(&.file.to_string_lossy()))]
    Field {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        error: FieldError,
    },
    /// Two settings of a file that exclude each other.
    #[error("{}: {first} and {second} exclude each other", Escaped(&.file.to_string_lossy()))]
    Exclude {
        /// The file.
        file: PathBuf,
        /// One.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// An environment variable that is no time.
    #[error("SOURCE_DATE_EPOCH is \"{}\", not seconds since 1970\n  correct it, unset it, or give --created", Escaped(.0))]
    SourceDateEpoch(String),
    /// Service accounts for one Secret, twice.
    #[error("--service-accounts is given twice for {0}")]
    ServiceAccountsTwice(String),
    /// The private key of a bundle that follows another.
    #[error(
        "serial {0} would get a new key pair, and the cluster's tokens would no longer be accepted\n  give the bundle that it follows: --previous BUNDLE --trusted-key KEY, or the public half of the cluster's key: --public-key-file FILE\n  for a new key on purpose, make it first: airlock-generator create-key-pair"
    )]
    NewKeyForOldCluster(u64),
    /// An older bundle that anybody may have made.
    #[error(
        "--previous does not say who must have signed {}\n  give --trusted-key KEY with the public half of each key that signed it, or --trust FILE", Escaped(&.0.to_string_lossy())
    )]
    PreviousNotTrusted(PathBuf),
    /// Trust in nothing.
    #[error(
        "--{0} says who must have signed the bundle of --previous, which is not given\n  give --previous BUNDLE, or leave --{0} out"
    )]
    NothingToTrust(&'static str),
    /// A receipt that anybody may have written.
    #[error(
        "--endpoint-receipt does not say who must have signed {}\n  give --receipt-key KEY with the public half of each key that signed it", Escaped(&.0.to_string_lossy())
    )]
    ReceiptNotTrusted(PathBuf),
    /// Trust in no receipt.
    #[error(
        "--receipt-key says who must have signed the receipt of --endpoint-receipt, which is not given\n  give --endpoint-receipt FILE, or leave --receipt-key out"
    )]
    NoReceipt,
    /// A change of nothing.
    #[error(
        "--{0} changes the keys of the bundle of --previous, which is not given\n  give --previous BUNDLE, or leave --{0} out"
    )]
    NothingToRotate(&'static str),
    /// A former issuer of nothing.
    #[error(
        "--drop-issuer drops an issuer that the roles of the bundle of --previous trust, and none is given\n  give --previous BUNDLE, or leave --drop-issuer out"
    )]
    NothingToDrop,
    /// A key of another type than the one asked for.
    #[error("--key-type asks for {asked}, and {} holds {found}\n  leave --key-type out", Escaped(&.file.to_string_lossy()))]
    KeyType {
        /// The file.
        file: PathBuf,
        /// What was asked for.
        asked: &'static str,
        /// What is there.
        found: String,
    },
    /// A key that another cluster has already.
    #[error(
        "cluster {name} would share the key in {} with cluster {other} ({bundle})\n  for a key of its own: another --output-dir\n  to share the key: --public-key-file FILE, with FILE from: tar xzOf {bundle} serviceaccount-signer.public",
        Escaped(&.key_file.to_string_lossy()), bundle = Escaped(&.bundle.to_string_lossy())
    )]
    SharedKey {
        /// The cluster whose bundle is made.
        name: ClusterName,
        /// The private key.
        key_file: PathBuf,
        /// The cluster that has the key.
        other: ClusterName,
        /// Its bundle.
        bundle: PathBuf,
    },
    /// A key for nobody.
    #[error(
        "--install-archive - would write the only copy of the private key to /dev/null\n  pipe it into a program that encrypts it: ... | age -r RECIPIENT > install.age"
    )]
    NullDevice,
    /// A clock outside the years 1970 to 9999.
    #[error("this host's clock is outside the years 1970 to 9999\n  set it")]
    Clock,
    /// Binary data for a terminal.
    #[error(
        "--install-archive - would write the private key to a terminal\n  pipe it into a program that encrypts it: ... | age -r RECIPIENT > install.tar.gz.age"
    )]
    Terminal,
}

/// `--name and --region are`.
fn listed(flags: &[&str]) -> String {
    let flags: Vec<String> = flags.iter().map(|flag| format!("--{flag}")).collect();
    match flags.as_slice() {
        [] => String::new(),
        [one] => format!("{one} is"),
        [first @ .., last] => format!("{} and {last} are", first.join(", ")),
    }
}

/// `KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagSetting(pub(crate) Tag);

impl FromStr for TagSetting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("must have the form KEY=VALUE")?;
        let text = |error: NameError| error.to_string();
        Ok(Self(Tag { key: TagKey::new(key).map_err(text)?, value: TagValue::new(value).map_err(text)? }))
    }
}

/// `NAMESPACE/SECRET=ACCOUNT,ACCOUNT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceAccountsSetting {
    pub(crate) secret: (Namespace, ObjectName),
    pub(crate) accounts: Vec<ObjectName>,
}

impl FromStr for ServiceAccountsSetting {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let form = "must have the form NAMESPACE/SECRET=ACCOUNT,ACCOUNT";
        let (secret, accounts) = text.split_once('=').ok_or(form)?;
        let (namespace, name) = secret.split_once('/').ok_or(form)?;
        let refused = |error: NameError| error.to_string();
        let mut named: Vec<ObjectName> = Vec::new();
        for account in accounts.split(',') {
            let account = ObjectName::new(account.trim()).map_err(refused)?;
            if named.len() == MAX_SERVICE_ACCOUNTS {
                return Err(format!("at most {MAX_SERVICE_ACCOUNTS} service accounts are allowed"));
            }
            if named.contains(&account) {
                return Err(format!("{account} is named twice"));
            }
            named.push(account);
        }
        let secret = (Namespace::new(namespace).map_err(refused)?, ObjectName::new(name).map_err(refused)?);
        Ok(Self { secret, accounts: named })
    }
}

/// The settings of `create-bundle`, each as it was given or not.
#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
pub(crate) struct Settings {
    /// Name that the cluster's AWS resources begin with (1 to 58 of a-z, 0-9, -)
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<ClusterName>,
    /// AWS region of the issuer's bucket
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<Region>,
    /// AWS account that the bundle is for, and no other
    #[arg(long, value_name = "ID")]
    pub(crate) account_id: Option<AccountId>,
    /// Directory of CredentialsRequests, as `oc adm release extract --credentials-requests` fills it (its *.yaml, *.yml
    /// and *.json are read, subdirectories are not)
    #[arg(long, value_name = "DIR")]
    pub(crate) credentials_requests_dir: Option<PathBuf>,
    /// minisign secret key to sign the bundle with
    #[arg(long, value_name = "FILE")]
    pub(crate) signing_key: Option<PathBuf>,
    /// Directory for bundle, signature and install archive; made if it is missing
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,

    /// Bundle that this one follows: name, account, region, key and settings are taken from it, and its serial plus one
    #[arg(long, value_name = "BUNDLE", help_heading = "The bundle before")]
    pub(crate) previous: Option<PathBuf>,
    /// minisign public key (file or base64 line) that must have signed the bundle of --previous; may be repeated
    #[arg(long, value_name = "KEY", help_heading = "The bundle before")]
    pub(crate) trusted_key: Vec<String>,
    /// Trust file (JSON): each of its roles must have signed the bundle of --previous
    #[arg(long, value_name = "FILE", conflicts_with = "trusted_key", help_heading = "The bundle before")]
    pub(crate) trust: Option<PathBuf>,

    /// Public key to publish besides, before the API server signs with it; may be given several times
    #[arg(long, value_name = "FILE", help_heading = "The bundle before")]
    pub(crate) add_public_key: Vec<PathBuf>,
    /// ID of a key to publish no longer: AWS then refuses every token that it signed; may be given several times
    #[arg(long, value_name = "KID", allow_hyphen_values = true, help_heading = "The bundle before")]
    pub(crate) drop_key: Vec<String>,
    /// URL of a former issuer that roles trust no longer, once no token of it is left; may be given several times
    #[arg(long, value_name = "URL", help_heading = "The bundle before")]
    pub(crate) drop_issuer: Vec<IssuerUrl>,
    /// ID of the key that signs now [default: the one that did, or the only one that is left]
    #[arg(long, value_name = "KID", allow_hyphen_values = true, help_heading = "The bundle before")]
    pub(crate) signing_kid: Option<String>,

    /// Public half of the cluster's key pair, such as an exported serviceaccount-signer.public: no private key is then
    /// read or made. With --previous the key is the older bundle's
    #[arg(long, value_name = "FILE", help_heading = "The cluster's key pair")]
    pub(crate) public_key_file: Option<PathBuf>,
    /// Type of the key that is made, or that the existing one must have [default: rsa-4096]
    #[arg(long, value_name = "TYPE", help_heading = "The cluster's key pair")]
    pub(crate) key_type: Option<KeyType>,
    /// Where the install archive goes [default: OUTPUT_DIR/NAME-SERIAL-install.tar.gz]; - is standard output, so that the
    /// key never lies on a disk in the clear (the report then goes to standard error)
    #[arg(long, value_name = "FILE", help_heading = "The cluster's key pair")]
    pub(crate) install_archive: Option<PathBuf>,

    /// Name of the issuer's bucket [default: NAME-oidc], for organisations with a naming rule; PREFIX-ACCOUNT-REGION-an is a
    /// name that no other account can have
    #[arg(long, value_name = "BUCKET", help_heading = "Resources")]
    pub(crate) bucket_name: Option<BucketName>,
    /// URL under which somebody else publishes the documents that the bundle then holds, such as https://oidc.example.com/prod;
    /// there is no bucket then. With a certificate, CloudFront serves them there from a private bucket
    #[arg(long, value_name = "URL", help_heading = "Resources")]
    pub(crate) issuer_url: Option<IssuerUrl>,
    /// Keep the issuer's bucket private, behind a distribution of CloudFront. Without --issuer-url this makes the first of
    /// two bundles, which makes bucket and distribution alone; it needs no requests and no key
    #[arg(long, help_heading = "Private bucket")]
    pub(crate) create_private_s3_bucket: bool,
    /// Receipt of that bundle's apply: makes the second of the two, for the cluster, whose issuer is at the distribution's name
    #[arg(long, value_name = "FILE", help_heading = "Private bucket")]
    pub(crate) endpoint_receipt: Option<PathBuf>,
    /// minisign public key (file or base64 line) that must have signed the receipt; may be repeated
    #[arg(long, value_name = "KEY", help_heading = "Private bucket")]
    pub(crate) receipt_key: Vec<String>,
    /// Certificate in ACM, of us-east-1, for the host name of --issuer-url: one bundle then makes everything
    #[arg(long, value_name = "ARN", conflicts_with = "iam_certificate_id", help_heading = "Private bucket")]
    pub(crate) certificate_arn: Option<CertificateArn>,
    /// The same with a certificate that IAM holds, by its ID: in China the only way
    #[arg(long, value_name = "ID", help_heading = "Private bucket")]
    pub(crate) iam_certificate_id: Option<IamCertificateId>,
    /// ARN of an identity provider that is there already: the bundle then makes roles for it, and neither key nor issuer. The
    /// name must be another than the cluster's
    #[arg(long, value_name = "ARN", help_heading = "Resources")]
    pub(crate) identity_provider_arn: Option<ProviderArn>,
    /// ARN of the policy that bounds every role
    #[arg(long, value_name = "ARN", help_heading = "Resources")]
    pub(crate) permissions_boundary_arn: Option<BoundaryArn>,
    /// IAM path of every role [default: /]
    #[arg(long, value_name = "PATH", help_heading = "Resources")]
    pub(crate) role_path: Option<RolePath>,
    /// How roles are named [default: ccoctl]
    #[arg(long, value_name = "HOW", help_heading = "Resources")]
    pub(crate) role_names: Option<RoleNames>,
    /// Further tag of every resource; may be given several times
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Resources")]
    pub(crate) tag: Vec<TagSetting>,
    /// Audience that the identity provider accepts, instead of openshift and sts.amazonaws.com; may be given several times
    #[arg(long, value_name = "AUDIENCE", help_heading = "Resources")]
    pub(crate) audience: Vec<Audience>,
    /// SHA-1 thumbprint of the issuer's certificate chain, instead of letting IAM fetch it; up to 5 times
    #[arg(long, value_name = "SHA1", help_heading = "Resources")]
    pub(crate) thumbprint: Vec<Thumbprint>,
    /// Partition of a region that is not known
    #[arg(long, value_name = "PARTITION", help_heading = "Resources")]
    pub(crate) partition: Option<Partition>,
    /// DNS suffix of a partition that is not known
    #[arg(long, value_name = "SUFFIX", help_heading = "Resources")]
    pub(crate) dns_suffix: Option<DnsSuffix>,

    /// Service accounts of a request that names none; may be given several times
    #[arg(long, value_name = "NS/SECRET=SA,SA", help_heading = "Requests")]
    pub(crate) service_accounts: Vec<ServiceAccountsSetting>,
    /// The same as --feature-set TechPreviewNoUpgrade
    #[arg(long, conflicts_with = "feature_set", help_heading = "Requests")]
    pub(crate) enable_tech_preview: bool,
    /// The cluster's feature set [default: the install-config's, or Default]
    #[arg(long, value_name = "SET", help_heading = "Requests")]
    pub(crate) feature_set: Option<FeatureSet>,
    /// The feature gates that are on (-GATE: off, as every gate that is not named). Without it, a request that depends on
    /// a gate is kept and reported
    #[arg(long, value_name = "GATE,GATE", allow_hyphen_values = true, help_heading = "Requests")]
    pub(crate) feature_gates: Option<GateList>,
    /// The installer's install-config.yaml: its capabilities, feature set and feature gates decide which requests count
    #[arg(long, value_name = "FILE", help_heading = "Requests")]
    pub(crate) install_config: Option<PathBuf>,

    /// Counts the cluster's bundles; the applier refuses to go back [default: 1, or the older bundle's plus one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_SERIAL), help_heading = "Bundle and signature")]
    pub(crate) serial: Option<u64>,
    /// Days until the applier refuses the bundle, 1 to 400 [default: 30]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_VALID_DAYS)), help_heading = "Bundle and signature")]
    pub(crate) expires_in: Option<u32>,
    /// When the bundle was made, as 2026-01-31T12:00:00Z [default: SOURCE_DATE_EPOCH, or now]
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse, help_heading = "Bundle and signature")]
    pub(crate) created: Option<Timestamp>,
    /// File whose only line is the signing key's password; only its owner should be able to read it
    #[arg(long, value_name = "FILE", conflicts_with = "no_password", help_heading = "Bundle and signature")]
    pub(crate) password_file: Option<PathBuf>,
    /// The signing key has no password
    #[arg(long, help_heading = "Bundle and signature")]
    pub(crate) no_password: bool,
}

impl Settings {
    /// These settings, and where one was not given, the other's. What excludes each other goes together: a feature set,
    /// whom to trust, a certificate or a way to get the password given here leaves no place for the other's.
    pub(crate) fn or(self, other: Self) -> Self {
        let own_set = self.enable_tech_preview || self.feature_set.is_some();
        let own_trust = self.trust.is_some() || !self.trusted_key.is_empty();
        let own_password = self.password_file.is_some() || self.no_password;
        let (set, tech_preview) = if own_set {
            (self.feature_set, self.enable_tech_preview)
        } else {
            (other.feature_set, other.enable_tech_preview)
        };
        let (trust, trusted_key) =
            if own_trust { (self.trust, self.trusted_key) } else { (other.trust, other.trusted_key) };
        let (certificate_arn, iam_certificate_id) =
            if self.certificate_arn.is_some() || self.iam_certificate_id.is_some() {
                (self.certificate_arn, self.iam_certificate_id)
            } else {
                (other.certificate_arn, other.iam_certificate_id)
            };
        let (password_file, no_password) = if own_password {
            (self.password_file, self.no_password)
        } else {
            (other.password_file, other.no_password)
        };
        Self {
            name: self.name.or(other.name),
            region: self.region.or(other.region),
            account_id: self.account_id.or(other.account_id),
            credentials_requests_dir: self.credentials_requests_dir.or(other.credentials_requests_dir),
            signing_key: self.signing_key.or(other.signing_key),
            output_dir: self.output_dir.or(other.output_dir),
            previous: self.previous.or(other.previous),
            trusted_key,
            trust,
            add_public_key: first_given(self.add_public_key, other.add_public_key),
            drop_key: first_given(self.drop_key, other.drop_key),
            drop_issuer: first_given(self.drop_issuer, other.drop_issuer),
            signing_kid: self.signing_kid.or(other.signing_kid),
            public_key_file: self.public_key_file.or(other.public_key_file),
            key_type: self.key_type.or(other.key_type),
            install_archive: self.install_archive.or(other.install_archive),
            bucket_name: self.bucket_name.or(other.bucket_name),
            issuer_url: self.issuer_url.or(other.issuer_url),
            create_private_s3_bucket: self.create_private_s3_bucket || other.create_private_s3_bucket,
            endpoint_receipt: self.endpoint_receipt.or(other.endpoint_receipt),
            receipt_key: first_given(self.receipt_key, other.receipt_key),
            certificate_arn,
            iam_certificate_id,
            identity_provider_arn: self.identity_provider_arn.or(other.identity_provider_arn),
            permissions_boundary_arn: self.permissions_boundary_arn.or(other.permissions_boundary_arn),
            role_path: self.role_path.or(other.role_path),
            role_names: self.role_names.or(other.role_names),
            tag: first_given(self.tag, other.tag),
            audience: first_given(self.audience, other.audience),
            thumbprint: first_given(self.thumbprint, other.thumbprint),
            partition: self.partition.or(other.partition),
            dns_suffix: self.dns_suffix.or(other.dns_suffix),
            service_accounts: first_given(self.service_accounts, other.service_accounts),
            enable_tech_preview: tech_preview,
            feature_set: set,
            feature_gates: self.feature_gates.or(other.feature_gates),
            install_config: self.install_config.or(other.install_config),
            serial: self.serial.or(other.serial),
            expires_in: self.expires_in.or(other.expires_in),
            created: self.created.or(other.created),
            password_file,
            no_password,
        }
    }
}

fn first_given<T>(own: Vec<T>, other: Vec<T>) -> Vec<T> {
    if own.is_empty() { other } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file() {
        let flags = Settings {
            serial: Some(2),
            no_password: true,
            tag: vec!["a=1".parse().unwrap()],
            enable_tech_preview: true,
            trusted_key: vec!["RWQ".to_owned()],
            ..Settings::default()
        };
        let file = Settings {
            trust: Some("t".into()),
            serial: Some(1),
            expires_in: Some(7),
            password_file: Some("p".into()),
            tag: vec!["b=2".parse().unwrap()],
            feature_set: Some(FeatureSet::Okd),
            ..Settings::default()
        };
        let merged = flags.clone().or(file.clone());
        assert_eq!(merged, Settings { expires_in: Some(7), ..flags });
        assert_eq!(Settings::default().or(file.clone()), file);
    }

    #[test]
    fn composed_settings_have_their_form() {
        assert_eq!("k=a=b".parse::<TagSetting>().unwrap().0.value.as_str(), "a=b");
        assert!("k".parse::<TagSetting>().is_err() && "=v".parse::<TagSetting>().is_err());
        let accounts: ServiceAccountsSetting = "ns/secret=a, b".parse().unwrap();
        assert_eq!(accounts.accounts.iter().map(ObjectName::as_str).collect::<Vec<_>>(), ["a", "b"]);
        for wrong in ["ns/secret", "secret=a", "ns/secret=", "ns/secret=a,a", "NS/secret=a"] {
            assert!(wrong.parse::<ServiceAccountsSetting>().is_err(), "{wrong}");
        }
    }
}

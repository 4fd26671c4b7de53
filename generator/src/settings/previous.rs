//! What a bundle takes from the one that it follows.
//!
//! Input: the settings as they were given, and the contents of an older bundle that was signed by whoever must have. Output:
//! the settings with the older bundle's where none was given. What stays for a cluster's life cannot be given otherwise:
//! another account or key is another cluster, and IAM moves no role to another path. Another issuer is where the cluster moves.
//!
//! Nothing is taken from the older bundle's requests and roles.

use bundle_schema::documents::index::{Certificate, MadeDistribution};
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::limits::MAX_SERIAL;
use bundle_schema::names::{BucketName, RoleNaming, Tag};

use super::features::Features;
use super::flags::{Settings, TagSetting};
use super::options::{BundleOptions, Issuer, RoleNames, ServiceAccounts};
use super::provider::ProviderArn;
use crate::requests::Selected;

/// Settings that do not follow the older bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PreviousError {
    /// Another value of what stays for a cluster's life.
    #[error("--{setting} is {given}; the bundle of --previous has {old}\n  leave --{setting} out: a cluster keeps it")]
    Fixed {
        /// The setting.
        setting: &'static str,
        /// What was given.
        given: String,
        /// What the older bundle has.
        old: String,
    },
    /// A bundle that makes no cluster.
    #[error(
        "the bundle of --previous is of kind endpoint: it has no issuer yet that a cluster's bundle could keep\n  apply it, and give the receipt of that run: --endpoint-receipt FILE --receipt-key KEY"
    )]
    Endpoint,
    /// A serial that is not above the older one.
    #[error(
        "--serial is {given}; the bundle of --previous has {old}, and the applier refuses to go back\n  leave --serial out: the next one is {next}",
        next = .old.saturating_add(1)
    )]
    Serial {
        /// What was given.
        given: u64,
        /// What the older bundle has.
        old: u64,
    },
    /// A serial after which there is none.
    #[error("the bundle of --previous has serial {MAX_SERIAL}, the highest there is, so none can follow it")]
    LastSerial,
}

/// What an older bundle gives.
pub(crate) struct TakenOver {
    settings: Settings,
    /// What is known about the cluster. An install-config stands in for all of it.
    pub(crate) features: Features,
    service_accounts: ServiceAccounts,
    /// The distribution that gives the issuer its name.
    pub(crate) distribution: Option<MadeDistribution>,
}

impl TakenOver {
    /// From the options that a bundle was made with.
    pub(crate) fn of(old: BundleOptions) -> Result<Self, PreviousError> {
        let BundleOptions {
            name,
            serial,
            created: _,
            expires: _,
            account_id,
            place,
            role_path,
            role_names,
            permissions_boundary,
            tags,
            issuer,
            audiences,
            thumbprints,
            service_accounts,
            features,
            former_issuers: _,
            previous: _,
        } = old;
        let own = name.ownership_tag_key();
        let is_given = |tag: &Tag| tag.key.as_str() != "Name" && tag.key.as_str() != own;
        // The usual name may be said, too.
        let bucket = |given: Option<BucketName>| Some(name.bucket_or(given.as_ref()));
        let (mut of_issuer, mut distribution) = (Settings::default(), None);
        match issuer {
            Issuer::PublicBucket(given) => of_issuer.bucket_name = bucket(given),
            Issuer::Endpoint(_) => return Err(PreviousError::Endpoint),
            Issuer::Distribution { bucket: given, made } => {
                (of_issuer.bucket_name, of_issuer.create_private_s3_bucket) = (bucket(given), true);
                distribution = Some(made);
            }
            Issuer::OwnHost { bucket: given, url, certificate } => {
                (of_issuer.bucket_name, of_issuer.create_private_s3_bucket) = (bucket(given), true);
                of_issuer.issuer_url = Some(url);
                match certificate {
                    Certificate::Acm(arn) => of_issuer.certificate_arn = Some(arn),
                    Certificate::Iam(id) => of_issuer.iam_certificate_id = Some(id),
                }
            }
            Issuer::Hosted(issuer) => of_issuer.issuer_url = Some(issuer),
            Issuer::Existing(issuer) => {
                let arn = ProviderArn::new(place.partition.clone(), account_id.clone(), issuer);
                of_issuer.identity_provider_arn = Some(arn);
            }
        }
        let settings = Settings {
            name: Some(name),
            region: Some(place.region),
            account_id: Some(account_id),
            partition: Some(place.partition),
            dns_suffix: Some(place.dns_suffix),
            role_path: Some(role_path),
            role_names: Some(match role_names {
                RoleNaming::Ccoctl => RoleNames::Ccoctl,
                RoleNaming::Hashed => RoleNames::Hashed,
            }),
            permissions_boundary_arn: permissions_boundary,
            tag: tags.into_iter().filter(is_given).map(TagSetting).collect(),
            audience: audiences,
            thumbprint: thumbprints.unwrap_or_default(),
            serial: Some(serial),
            ..of_issuer
        };
        Ok(Self { settings, features, service_accounts, distribution })
    }

    /// Whether these settings ask for another issuer than the older bundle's: at another URL, in another bucket, or behind the
    /// distribution that a receipt names. Roles for a provider that somebody else manages keep it.
    pub(crate) fn moves(&self, given: &Settings, made: Option<&MadeDistribution>) -> bool {
        let old = &self.settings;
        let has_certificate = given.certificate_arn.is_some() || given.iam_certificate_id.is_some();
        if old.identity_provider_arn.is_some() || given.identity_provider_arn.is_some() {
            return false;
        }
        match (made, &given.issuer_url) {
            (Some(made), _) => self.distribution.as_ref().is_none_or(|own| own.id != made.id),
            (None, Some(url)) => old.issuer_url.as_ref() != Some(url),
            (None, None) => !has_certificate && given.bucket_name.is_some() && given.bucket_name != old.bucket_name,
        }
    }

    /// Whether these settings ask for the endpoint to which the cluster moves: a private bucket other than the one that it may have.
    pub(crate) fn needs_endpoint(&self, given: &Settings) -> bool {
        let old = &self.settings;
        let has_other = given.bucket_name.is_some() && given.bucket_name != old.bucket_name;
        given.ask_for_endpoint() && old.identity_provider_arn.is_none() && (!old.create_private_s3_bucket || has_other)
    }

    /// The settings of the next bundle. Where the cluster moves, nothing that says where its issuer is comes from the older one.
    pub(crate) fn complete(&self, given: Settings, moves: bool) -> Result<Settings, PreviousError> {
        let old = &self.settings;
        keeps("name", given.name.as_ref(), old.name.as_ref())?;
        keeps("account-id", given.account_id.as_ref(), old.account_id.as_ref())?;
        keeps("region", given.region.as_ref(), old.region.as_ref())?;
        keeps("partition", given.partition.as_ref(), old.partition.as_ref())?;
        keeps("dns-suffix", given.dns_suffix.as_ref(), old.dns_suffix.as_ref())?;
        let (arn, old_arn) = (given.identity_provider_arn.as_ref(), old.identity_provider_arn.as_ref());
        keeps_or_has_none("identity-provider-arn", arn, old_arn)?;
        keeps("role-path", given.role_path.as_ref(), old.role_path.as_ref())?;
        if !moves {
            keeps_or_has_none("bucket-name", given.bucket_name.as_ref(), old.bucket_name.as_ref())?;
            keeps_or_has_none("issuer-url", given.issuer_url.as_ref(), old.issuer_url.as_ref())?;
            self.keeps_name_of_distribution(&given)?;
        }
        let serial = next_serial(given.serial, old.serial.unwrap_or_default())?;
        let old = if moves { without_issuer(old.clone()) } else { old.clone() };
        Ok(Settings { serial: Some(serial), ..given.or(old) })
    }

    /// A certificate is for a host name of the issuer's own. It may be another than before: they expire.
    fn keeps_name_of_distribution(&self, given: &Settings) -> Result<(), PreviousError> {
        let (arn, id) = (given.certificate_arn.as_ref(), given.iam_certificate_id.as_ref());
        if self.distribution.is_none() {
            return Ok(());
        }
        keeps_or_has_none("certificate-arn", arn, None)?;
        keeps_or_has_none("iam-certificate-id", id, None)
    }

    /// The service accounts of the older bundle for requests that still name none. What was given for others is of no use:
    /// they are gone, or name their own.
    pub(crate) fn add_service_accounts(&self, given: &mut ServiceAccounts, selected: &[Selected]) {
        for request in selected.iter().map(|one| &one.request).filter(|request| request.service_accounts.is_empty()) {
            let secret = (request.secret_namespace.clone(), request.secret_name.clone());
            if let Some(accounts) = self.service_accounts.get(&secret) {
                given.entry(secret).or_insert_with(|| accounts.clone());
            }
        }
    }
}

/// The key that was given is the one of the older bundle.
pub(crate) fn keeps_key(given: &ServiceAccountKey, old: &ServiceAccountKey) -> Result<(), PreviousError> {
    let [given, old] = [given, old].map(|key| format!("the key {}", key.kid()));
    keeps("public-key-file", Some(&given), Some(&old))
}

fn keeps<T: PartialEq + ToString + ?Sized>(
    setting: &'static str,
    given: Option<&T>,
    old: Option<&T>,
) -> Result<(), PreviousError> {
    match (given, old) {
        (Some(given), Some(old)) if given != old => {
            Err(PreviousError::Fixed { setting, given: given.to_string(), old: old.to_string() })
        }
        _ => Ok(()),
    }
}

/// As [`keeps`]; a value where the older bundle has none is another issuer.
fn keeps_or_has_none<T: PartialEq + ToString>(
    setting: &'static str,
    given: Option<&T>,
    old: Option<&T>,
) -> Result<(), PreviousError> {
    match (given, old) {
        (Some(given), None) => {
            Err(PreviousError::Fixed { setting, given: given.to_string(), old: "another issuer".to_owned() })
        }
        (given, old) => keeps(setting, given, old),
    }
}

/// The settings that do not say where the issuer is. Thumbprints are of the server that it had.
fn without_issuer(settings: Settings) -> Settings {
    Settings {
        bucket_name: None,
        issuer_url: None,
        create_private_s3_bucket: false,
        certificate_arn: None,
        iam_certificate_id: None,
        thumbprint: Vec::new(),
        ..settings
    }
}

fn next_serial(given: Option<u64>, old: u64) -> Result<u64, PreviousError> {
    match given {
        _ if old >= MAX_SERIAL => Err(PreviousError::LastSerial),
        None => Ok(old.saturating_add(1)),
        Some(given) if given > old => Ok(given),
        Some(given) => Err(PreviousError::Serial { given, old }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::features::FeatureSet;
    use crate::settings::options::tags;
    use crate::settings::sample;
    use bundle_schema::names::{AccountId, BoundaryArn, ClusterName, Region, RolePath, TagKey, TagValue};

    fn older() -> BundleOptions {
        let team = Tag { key: TagKey::new("team").unwrap(), value: TagValue::new("edge").unwrap() };
        let plain = sample::options();
        BundleOptions {
            serial: 7,
            role_path: RolePath::new("/openshift/").unwrap(),
            role_names: RoleNaming::Hashed,
            permissions_boundary: Some(BoundaryArn::new("arn:aws:iam::123456789012:policy/edge").unwrap()),
            tags: tags(&plain.name, vec![team]).unwrap(),
            features: Features { feature_set: FeatureSet::Okd, ..Features::default() },
            ..plain
        }
    }

    fn complete(given: Settings) -> Result<Settings, String> {
        let taken = TakenOver::of(older()).unwrap();
        let moves = taken.moves(&given, None);
        taken.complete(given, moves).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_given_is_taken_over() {
        let settings = complete(Settings::default()).unwrap();
        assert_eq!(settings.name.unwrap().as_str(), "demo");
        assert_eq!(settings.account_id.unwrap().as_str(), "123456789012");
        assert_eq!(settings.partition.unwrap().as_str(), "aws");
        assert_eq!(settings.dns_suffix.unwrap().as_str(), "amazonaws.com");
        assert_eq!(settings.role_path.unwrap().as_str(), "/openshift/");
        assert_eq!(settings.role_names, Some(RoleNames::Hashed));
        assert_eq!(settings.permissions_boundary_arn.unwrap().as_str(), "arn:aws:iam::123456789012:policy/edge");
        assert_eq!(settings.tag, ["team=edge".parse().unwrap()]);
        assert_eq!(settings.audience.len(), 2);
        assert_eq!(settings.serial, Some(8));
        // An install-config would have no say against a flag.
        assert_eq!(
            (settings.feature_set, TakenOver::of(older()).unwrap().features.feature_set),
            (None, FeatureSet::Okd)
        );
    }

    #[test]
    fn what_is_given_wins_where_it_may() {
        let given = Settings {
            serial: Some(20),
            tag: vec!["cost=1".parse().unwrap()],
            role_names: Some(RoleNames::Ccoctl),
            name: Some(ClusterName::new("demo").unwrap()),
            expires_in: Some(7),
            ..Settings::default()
        };
        let settings = complete(given.clone()).unwrap();
        assert_eq!(
            (settings.serial, settings.tag, settings.role_names, settings.expires_in),
            (given.serial, given.tag, given.role_names, given.expires_in)
        );
    }

    #[test]
    fn what_stays_for_a_clusters_life_is_refused_with_both_values() {
        let refused = |given: Settings| complete(given).unwrap_err();
        assert_eq!(
            refused(Settings { name: Some(ClusterName::new("prod").unwrap()), ..Settings::default() }),
            "--name is prod; the bundle of --previous has demo\n  leave --name out: a cluster keeps it"
        );
        for (setting, given) in [
            ("account-id", Settings { account_id: AccountId::new("210987654321").ok(), ..Settings::default() }),
            ("region", Settings { region: Region::new("eu-west-1").ok(), ..Settings::default() }),
            ("partition", Settings { partition: "aws-cn".parse().ok(), ..Settings::default() }),
            ("dns-suffix", Settings { dns_suffix: "amazonaws.com.cn".parse().ok(), ..Settings::default() }),
            ("role-path", Settings { role_path: RolePath::new("/").ok(), ..Settings::default() }),
        ] {
            let error = refused(given);
            assert!(error.starts_with(&format!("--{setting} is ")), "{error}");
        }
    }

    #[test]
    fn another_endpoint_moves_the_cluster() {
        let old = TakenOver::of(older()).unwrap();
        let url = Settings { issuer_url: "https://a.b".parse().ok(), ..Settings::default() };
        let bucket = |name: &str| Settings { bucket_name: name.parse().ok(), ..Settings::default() };
        let private = |settings: Settings| Settings { create_private_s3_bucket: true, ..settings };
        for (given, moves, needs_endpoint) in [
            (Settings::default(), false, false),
            (bucket("demo-oidc"), false, false),
            (bucket("demo-keys"), true, false),
            (url.clone(), true, false),
            (private(bucket("demo-keys")), true, true),
            (private(Settings::default()), false, true),
        ] {
            assert_eq!((old.moves(&given, None), old.needs_endpoint(&given)), (moves, needs_endpoint), "{given:?}");
        }
        let moved = complete(url.clone()).unwrap();
        assert_eq!((moved.bucket_name, moved.issuer_url, moved.serial), (None, url.issuer_url, Some(8)));
        assert_eq!(moved.tag, ["team=edge".parse().unwrap()]);
    }

    #[test]
    fn serials_go_up() {
        assert_eq!((next_serial(None, 1), next_serial(Some(9), 1)), (Ok(2), Ok(9)));
        assert_eq!(next_serial(None, MAX_SERIAL - 1), Ok(MAX_SERIAL));
        assert_eq!(next_serial(Some(2), 2), Err(PreviousError::Serial { given: 2, old: 2 }));
        for given in [None, Some(MAX_SERIAL)] {
            assert_eq!(next_serial(given, MAX_SERIAL), Err(PreviousError::LastSerial));
        }
    }
}

//! `create-bundle`: from a directory of CredentialsRequests to a signed bundle and an install archive.

use std::path::{Path, PathBuf};

use bundle_schema::documents::index::{MadeDistribution, Previous};
use bundle_schema::names::{AccountId, ClusterName, Region};
use bundle_schema::parallel;

use super::bundle_files::{Outputs, Places};
use super::key_source::{KeySource, Keys};
use super::next_steps::{Way, next_steps};
use super::previous::Older;
use super::{
    create_endpoint, endpoint_receipt, note, open_signing_key, password_source, print, time_from_environment, warn,
};
use crate::build::build;
use crate::build::install_archive;
use crate::failure::Failure;
use crate::output::report::{Around, BundleReport, Format};
use crate::progress::Progress;
use crate::requests::Requests;
use crate::settings::config;
use crate::settings::endpoint_receipt::FromReceipt;
use crate::settings::features::{FeatureSet, Features};
use crate::settings::flags::{ServiceAccountsSetting, Settings, SettingsError, TagSetting};
use crate::settings::install_config::InstallConfig;
use crate::settings::issuer::issuer;
use crate::settings::options::{BundleOptions, Place, ServiceAccounts, audiences, check_boundary, tags, thumbprints};

/// The options.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// YAML file with the same settings under the same names; flags win
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    /// How the report is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
}

/// Makes the bundle. Everything is checked before the first file is written, and all files appear or none.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { config, settings: flags, format } = arguments;
    let settings = match &config {
        None => flags.clone(),
        Some(file) => flags.clone().or(config::read(file)?),
    };
    if settings.make_endpoint() {
        flags.check_for_endpoint()?;
        return create_endpoint::run(&settings.for_endpoint(), None, format);
    }
    let older = Older::open(&settings)?;
    if let Some(older) = older.as_ref().filter(|older| older.taken_over.needs_endpoint(&settings)) {
        let settings = older.endpoint(settings.for_endpoint())?;
        flags.check_for_endpoint()?;
        return create_endpoint::run(&settings, Some(older), format);
    }
    let endpoint = endpoint_receipt::open(&settings)?;
    let (settings, before) = complete(settings, older.as_ref(), endpoint.as_ref())?;
    let required = Required::of(&settings, true)?;
    let (features, warning) = features(&settings, older.as_ref())?;
    let mut options = options(&settings, &required, features, before)?;
    let Required { requests_dir, signing_key, output_dir, .. } = required;
    if let Some(older) = &older {
        options.former_issuers = older.former_issuers(&options, &settings.drop_issuer)?;
    }
    let places = Places::new(output_dir, settings.install_archive.clone(), &options)?;
    if let Some(warning) = warning {
        warn(warning);
    }
    let requests = read_requests(requests_dir, &options.features)?;
    if let Some(older) = &older {
        older.taken_over.add_service_accounts(&mut options.service_accounts, &requests.selected);
    }
    let makes_cluster = makes_cluster(&options, older.as_ref());
    let source = KeySource::find(older.as_ref(), &settings, output_dir, &options, makes_cluster)?;
    let cut_off = places.after_cut_off();
    source.check_vacant(places.files(), cut_off.as_deref(), options.serial.saturating_add(1))?;
    let hint = cut_off.unwrap_or_else(|| another_serial(&options));
    source.check_not_shared(output_dir, &options.name)?;
    let password = password_source(settings.password_file.clone(), settings.no_password);
    let signing_key = open_signing_key(signing_key, &password)?;
    signing_key.trusted()?;
    let Keys { public, private, source: key_source, kept } = source.take(makes_cluster)?;
    let progress = Progress::of("making the bundle");
    let bundle = build(&options, requests, public)?.freeze()?.sign(&signing_key);
    let install = install_archive::make(bundle.contents(), private.as_ref())?;
    let install_signature =
        places.install.as_ref().map(|place| signing_key.sign(&install, options.created, &place.name));
    let outputs = Outputs {
        bundle: &bundle,
        install: &install,
        install_signature: install_signature.as_deref().unwrap_or_default(),
    };
    let way =
        Way { older: older.as_ref().map(|older| (older.file(), &older.contents().header)), key: &kept, makes_cluster };
    let report = BundleReport::new(
        &bundle,
        Around {
            moves_from: older.as_ref().and_then(|older| older.moved_from(&bundle.contents().header)),
            key_source,
            signing_key: signing_key.public(),
            files: outputs.written(&places),
            next: next_steps(&places, bundle.contents(), &way),
        },
    );
    drop(progress);
    outputs.write(&places, &hint)?;
    let text = format.render(&report);
    parallel::dispose(bundle);
    if places.take_stdout() {
        note(&text);
        Ok(())
    } else {
        print(&text)
    }
}

/// The requests of a directory.
fn read_requests(directory: &Path, features: &Features) -> Result<Requests, Failure> {
    let _progress = Progress::of("reading the requests");
    Ok(Requests::of_directory(directory, features)?)
}

/// What to do where a file is there already that another bundle of the same serial would take.
pub(super) fn another_serial(options: &BundleOptions) -> String {
    format!(
        "for a changed bundle of the same cluster give --serial {}; to make the same one again give --created with its time",
        options.serial.saturating_add(1)
    )
}

/// The settings with what the bundle before and the receipt of an endpoint say, and what these two give besides.
fn complete(
    given: Settings,
    older: Option<&Older>,
    endpoint: Option<&FromReceipt>,
) -> Result<(Settings, Before), Failure> {
    let chosen = given.serial;
    let settings = match endpoint {
        None => given,
        Some(endpoint) => endpoint.complete(given)?,
    };
    let made = endpoint.map(|endpoint| endpoint.distribution.clone());
    let Some(older) = older else {
        let previous = endpoint.map(|endpoint| endpoint.previous.clone());
        return Ok((settings, Before { previous, distribution: made }));
    };
    // The next serial is above both.
    let is_above = |serial: &u64| chosen.is_some() || *serial > older.contents().header.serial;
    let settings = Settings { serial: settings.serial.filter(is_above), ..settings };
    let moves = older.taken_over.moves(&settings, made.as_ref());
    let distribution = if moves { made } else { older.taken_over.distribution.clone() };
    let settings = older.taken_over.complete(settings, moves)?;
    Ok((settings, Before { previous: Some(older.named()), distribution }))
}

/// What a bundle takes from the one that it follows besides settings.
#[derive(Default)]
pub(super) struct Before {
    previous: Option<Previous>,
    distribution: Option<MadeDistribution>,
}

impl Before {
    /// For the bundle of an endpoint, of a cluster that moves or of one that is not there yet.
    pub(super) fn of_endpoint(older: Option<&Older>) -> Self {
        Self { previous: older.map(Older::named), distribution: None }
    }
}

/// Whether it is the first bundle with this cluster's issuer: the one of serial 1, or the one right after the endpoint's.
fn makes_cluster(options: &BundleOptions, older: Option<&Older>) -> bool {
    let after_endpoint = older.is_none()
        && options.previous.as_ref().is_some_and(|endpoint| endpoint.serial.saturating_add(1) == options.serial);
    options.serial == 1 || after_endpoint
}

/// The settings without which there is no bundle.
pub(super) struct Required<'a> {
    name: &'a ClusterName,
    region: &'a Region,
    account_id: &'a AccountId,
    /// Empty where the bundle has no roles.
    requests_dir: &'a Path,
    pub(super) signing_key: &'a Path,
    pub(super) output_dir: &'a Path,
}

impl<'a> Required<'a> {
    /// All of them, or the names of all that are missing.
    pub(super) fn of(settings: &'a Settings, has_roles: bool) -> Result<Self, SettingsError> {
        let Settings { name, region, credentials_requests_dir, signing_key, output_dir, .. } = settings;
        let requests_dir = credentials_requests_dir.as_deref().or((!has_roles).then_some(Path::new("")));
        let of_provider = settings.identity_provider_arn.as_ref().map(|arn| &arn.account_id);
        let account_id = settings.account_id.as_ref().or(of_provider);
        let missing = [
            ("name", name.is_none()),
            ("region", region.is_none()),
            ("account-id", account_id.is_none()),
            ("credentials-requests-dir", requests_dir.is_none()),
            ("signing-key", signing_key.is_none()),
            ("output-dir", output_dir.is_none()),
        ];
        match (name, region, account_id, requests_dir, signing_key, output_dir) {
            (Some(name), Some(region), Some(account_id), Some(requests_dir), Some(signing_key), Some(output_dir)) => {
                Ok(Self { name, region, account_id, requests_dir, signing_key, output_dir })
            }
            _ => Err(SettingsError::Missing(
                missing.into_iter().filter(|(_, missing)| *missing).map(|(flag, _)| flag).collect(),
            )),
        }
    }
}

/// Everything but requests and key, each setting checked.
pub(super) fn options(
    settings: &Settings,
    required: &Required<'_>,
    features: Features,
    before: Before,
) -> Result<BundleOptions, Failure> {
    let Required { name, region, account_id, .. } = required;
    let (name, region, account_id) = ((*name).clone(), (*region).clone(), (*account_id).clone());
    let place = Place::new(region, settings.partition.clone(), settings.dns_suffix.clone())?;
    let created = settings.created.map_or_else(time_from_environment, Ok)?;
    let issuer = issuer(settings, &name, &place, &account_id, before.distribution)?;
    let boundary = check_boundary(settings.permissions_boundary_arn.clone(), &account_id, &place.partition)?;
    Ok(BundleOptions {
        serial: settings.serial.unwrap_or(1),
        created,
        expires: created.plus_days(settings.expires_in.unwrap_or(30)),
        account_id,
        place,
        role_path: settings.role_path.clone().unwrap_or_default(),
        role_names: settings.role_names.unwrap_or_default().into(),
        permissions_boundary: boundary,
        tags: tags(&name, settings.tag.iter().map(|TagSetting(tag)| tag.clone()).collect())?,
        issuer,
        audiences: audiences(settings.audience.clone())?,
        thumbprints: thumbprints(&settings.thumbprint)?,
        service_accounts: service_accounts(&settings.service_accounts)?,
        features,
        former_issuers: Vec::new(),
        previous: before.previous,
        name,
    })
}

fn service_accounts(settings: &[ServiceAccountsSetting]) -> Result<ServiceAccounts, SettingsError> {
    let mut all = ServiceAccounts::new();
    for ServiceAccountsSetting { secret, accounts } in settings {
        if all.insert(secret.clone(), accounts.clone()).is_some() {
            return Err(SettingsError::ServiceAccountsTwice(format!("{}/{}", secret.0, secret.1)));
        }
    }
    Ok(all)
}

/// What is known about the cluster: flags first, then the install-config or else the bundle before; and what is wrong with
/// the install-config.
fn features(settings: &Settings, older: Option<&Older>) -> Result<(Features, Option<&'static str>), SettingsError> {
    let install_config = settings.install_config.as_deref();
    let install_config = install_config.map(|file| config::read_document(file, InstallConfig::read)).transpose()?;
    let flag = if settings.enable_tech_preview { Some(FeatureSet::TechPreviewNoUpgrade) } else { settings.feature_set };
    let warning = install_config.as_ref().and_then(InstallConfig::warning);
    let known = match install_config {
        None => older.map_or_else(Features::default, |older| older.taken_over.features.clone()),
        Some(config) => Features {
            feature_set: config.feature_set.unwrap_or_default(),
            gates: config.gates,
            capabilities: Some(config.capabilities),
        },
    };
    let features = Features {
        feature_set: flag.unwrap_or(known.feature_set),
        gates: settings.feature_gates.clone().map(Into::into).or(known.gates),
        capabilities: known.capabilities,
    };
    Ok((features, warning))
}

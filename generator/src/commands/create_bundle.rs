//! `create-bundle`: from a directory of CredentialsRequests to a signed bundle and an install archive.

use std::path::{Path, PathBuf};

use bundle_schema::names::{AccountId, ClusterName, Region};

use super::bundle_files::{Outputs, Places};
use super::key_source::{KeySource, shown};
use super::{note, open_signing_key, password_source, print, time_from_environment, warn};
use crate::build::build;
use crate::build::install_archive;
use crate::failure::Failure;
use crate::output::report::{Around, BundleReport, Format};
use crate::requests::Requests;
use crate::settings::config;
use crate::settings::features::{FeatureSet, Features};
use crate::settings::flags::{ServiceAccountsSetting, Settings, SettingsError, TagSetting};
use crate::settings::install_config::InstallConfig;
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
    let Arguments { config, settings, format } = arguments;
    let settings = match &config {
        None => settings,
        Some(file) => settings.or(config::read(file)?),
    };
    let Required { name, region, account_id, requests_dir, signing_key, output_dir } = Required::of(&settings)?;
    let (features, warning) = features(&settings)?;
    let options = options(&settings, name, region, account_id, features)?;
    let places = Places::new(output_dir, settings.install_archive.clone(), &options)?;
    if let Some(warning) = warning {
        warn(warning);
    }
    let requests = Requests::of_directory(requests_dir, &options.features)?;
    let source = KeySource::find(settings.public_key_file.as_deref(), output_dir, settings.key_type, options.serial)?;
    let next_serial = options.serial.saturating_add(1);
    let cut_off = places.after_cut_off();
    source.check_vacant(places.files(), cut_off.as_deref(), next_serial)?;
    let hint = cut_off.unwrap_or_else(|| {
        format!(
            "for a changed bundle of the same cluster give --serial {next_serial}; to make the same one again give --created with its time"
        )
    });
    source.check_not_shared(output_dir, &options.name)?;
    let password = password_source(settings.password_file.clone(), settings.no_password);
    let signing_key = open_signing_key(signing_key, &password)?;
    signing_key.trusted()?;
    let (public_key, private_key, key_source) = source.take()?;
    let has_private_key = private_key.is_some();
    let bundle = build(&options, requests, public_key)?.freeze()?.sign(&signing_key);
    let install = install_archive::make(bundle.contents(), private_key.as_ref())?;
    let install_signature = signing_key.sign(&install, options.created, &places.install_name);
    let outputs = Outputs { bundle: &bundle, install: &install, install_signature: &install_signature };
    let report = BundleReport::new(
        &bundle,
        Around {
            key_source,
            signing_key: signing_key.public(),
            files: outputs.written(&places),
            next: next(&places, options.serial, has_private_key),
        },
    );
    outputs.write(&places, &hint)?;
    let text = format.render(&report);
    if places.install_archive.is_some() {
        print(&text)
    } else {
        note(&text);
        Ok(())
    }
}

/// The settings without which there is no bundle.
struct Required<'a> {
    name: &'a ClusterName,
    region: &'a Region,
    account_id: &'a AccountId,
    requests_dir: &'a Path,
    signing_key: &'a Path,
    output_dir: &'a Path,
}

impl<'a> Required<'a> {
    /// All of them, or the names of all that are missing.
    fn of(settings: &'a Settings) -> Result<Self, SettingsError> {
        let Settings { name, region, account_id, credentials_requests_dir, signing_key, output_dir, .. } = settings;
        let missing = [
            ("name", name.is_none()),
            ("region", region.is_none()),
            ("account-id", account_id.is_none()),
            ("credentials-requests-dir", credentials_requests_dir.is_none()),
            ("signing-key", signing_key.is_none()),
            ("output-dir", output_dir.is_none()),
        ];
        match (name, region, account_id, credentials_requests_dir, signing_key, output_dir) {
            (Some(name), Some(region), Some(account_id), Some(requests_dir), Some(signing_key), Some(output_dir)) => {
                Ok(Self { name, region, account_id, requests_dir, signing_key, output_dir })
            }
            _ => Err(SettingsError::Missing(
                missing.into_iter().filter(|(_, missing)| *missing).map(|(flag, _)| flag).collect(),
            )),
        }
    }
}

fn options(
    settings: &Settings,
    name: &ClusterName,
    region: &Region,
    account_id: &AccountId,
    features: Features,
) -> Result<BundleOptions, Failure> {
    let (name, region, account_id) = (name.clone(), region.clone(), account_id.clone());
    let place = Place::new(region, settings.partition.clone(), settings.dns_suffix.clone())?;
    let created = settings.created.map_or_else(time_from_environment, Ok)?;
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
        audiences: audiences(settings.audience.clone())?,
        thumbprints: thumbprints(&settings.thumbprint)?,
        service_accounts: service_accounts(&settings.service_accounts)?,
        features,
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

/// What is known about the cluster: flags first, then the install-config; and what is wrong with the latter.
fn features(settings: &Settings) -> Result<(Features, Option<&'static str>), SettingsError> {
    let install_config = settings.install_config.as_deref();
    let install_config = install_config.map(|file| config::read_document(file, InstallConfig::read)).transpose()?;
    let flag = if settings.enable_tech_preview { Some(FeatureSet::TechPreviewNoUpgrade) } else { settings.feature_set };
    let from_file = install_config.as_ref().and_then(|config| config.feature_set);
    let warning = install_config.as_ref().and_then(InstallConfig::warning);
    let (gates, capabilities) = match install_config {
        None => (None, None),
        Some(config) => (config.gates, Some(config.capabilities)),
    };
    let features = Features {
        feature_set: flag.or(from_file).unwrap_or_default(),
        gates: settings.feature_gates.clone().map(Into::into).or(gates),
        capabilities,
    };
    Ok((features, warning))
}

fn next(places: &Places, serial: u64, has_private_key: bool) -> Vec<String> {
    let bundle = shown(places.bundle());
    let mut steps = vec![
        format!(
            "have the bundle reviewed and signed again: airlock-generator review {bundle} --trusted-key generator.pub && airlock-generator sign {bundle} --trusted-key generator.pub --signing-key REVIEWERS-KEY"
        ),
        format!(
            "carry the bundle and its .minisig files to the privileged network: airlock-applier plan {bundle} --trust trust.json"
        ),
    ];
    let archive = if let Some(path) = &places.install_archive {
        shown(path)
    } else {
        let name = &places.install_name;
        steps.push(format!("decrypt what standard output was piped into as {name}, beside {name}.minisig"));
        name.clone()
    };
    let extract = format!("minisign -Vm {archive} -p generator.pub && tar xzf {archive} -C INSTALL-DIR");
    steps.push(if serial == 1 {
        format!("before openshift-install create cluster, check and extract the install archive where it runs: {extract}")
    } else {
        format!("once the bundle is applied, check and extract the install archive and apply its Secrets to the cluster: {extract} && oc apply -f INSTALL-DIR/manifests")
    });
    if has_private_key {
        steps.push(
            format!(
                "keep the install archive where only the installer's team can read it: it alone holds the cluster's private \
                 key. If it is lost before the bundle is applied, delete {}, and run this command again with the same serial",
                places.named()
            ),
        );
    }
    steps
}

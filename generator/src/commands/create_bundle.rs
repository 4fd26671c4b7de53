//! `create-bundle`: from a directory of CredentialsRequests to a signed bundle and an install archive.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use bundle_schema::exit::ExitCode;
use bundle_schema::names::Sha256;

use super::key_source::{KeySource, shown};
use super::{note, open_signing_key, print, time_from_environment};
use crate::build::install_archive;
use crate::build::{SignedBundle, build};
use crate::failure::Failure;
use crate::keys::password::PasswordSource;
use crate::output::files::{NewFile, PRIVATE, PUBLIC, stage};
use crate::output::report::{Around, BundleReport, Format, WrittenFile};
use crate::requests::Requests;
use crate::settings::config;
use crate::settings::features::{FeatureSet, Features, Gates};
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

/// Where the outputs go.
struct Places {
    bundle: PathBuf,
    signature: PathBuf,
    /// None: standard output.
    install_archive: Option<PathBuf>,
}

impl Places {
    fn new(
        output_dir: &Path,
        install_archive: Option<PathBuf>,
        options: &BundleOptions,
    ) -> Result<Self, SettingsError> {
        let stem = format!("{}-{}", options.name, options.serial);
        let install_archive = match install_archive {
            None => Some(output_dir.join(format!("{stem}-install.tar.gz"))),
            Some(path) if path.as_os_str() == "-" => None,
            Some(path) => Some(path),
        };
        if install_archive.is_none() && std::io::stdout().is_terminal() {
            return Err(SettingsError::Terminal);
        }
        let beside = |ending: &str| output_dir.join(format!("{stem}.tar.gz{ending}"));
        Ok(Self { bundle: beside(""), signature: beside(".minisig"), install_archive })
    }
}

/// Makes the bundle. Everything is checked before the first file is written, and all files appear or none.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { config, settings, format } = arguments;
    let settings = match &config {
        None => settings,
        Some(file) => settings.or(config::read(file)?),
    };
    let options = options(&settings)?;
    let requests_dir = required(settings.credentials_requests_dir.as_deref(), "credentials-requests-dir")?;
    let signing_key = required(settings.signing_key.as_deref(), "signing-key")?;
    let output_dir = required(settings.output_dir.as_deref(), "output-dir")?;
    let places = Places::new(output_dir, settings.install_archive.clone(), &options)?;
    let requests = Requests::of_directory(requests_dir, &features(&settings)?)?;
    let source = KeySource::find(settings.public_key_file.as_deref(), output_dir, settings.key_type, options.serial)?;
    let next_serial = options.serial.saturating_add(1);
    let hint = format!(
        "for a changed bundle of the same cluster give --serial {next_serial}; to make the same one again give --created with its time"
    );
    source.check_vacant(&places.bundle, next_serial)?;
    let signing_key =
        open_signing_key(signing_key, &PasswordSource::new(settings.password_file.clone(), settings.no_password))?;
    signing_key.trusted()?;
    let (public_key, private_key, key_source) = source.take()?;
    let has_private_key = private_key.is_some();
    let bundle = build(&options, requests, public_key)?.freeze()?.sign(&signing_key);
    let install = install_archive::make(bundle.contents(), private_key.as_ref())?;
    let report = BundleReport::new(
        &bundle,
        Around {
            key_source,
            signing_key: signing_key.public(),
            files: written(&bundle, &install, &places),
            next: next(&places, has_private_key),
        },
    );
    write(&bundle, &install, &places, &hint)?;
    let text = format.render(&report);
    if places.install_archive.is_some() {
        print(&text)
    } else {
        note(&text);
        Ok(())
    }
}

fn required<'a, T: ?Sized>(setting: Option<&'a T>, name: &'static str) -> Result<&'a T, SettingsError> {
    setting.ok_or(SettingsError::Missing(name))
}

fn options(settings: &Settings) -> Result<BundleOptions, Failure> {
    let name = required(settings.name.as_ref(), "name")?.clone();
    let region = required(settings.region.as_ref(), "region")?.clone();
    let account_id = required(settings.account_id.as_ref(), "account-id")?.clone();
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
        role_names: settings.role_names.unwrap_or_default(),
        permissions_boundary: boundary,
        tags: tags(&name, settings.tag.iter().map(|TagSetting(tag)| tag.clone()).collect())?,
        audiences: audiences(settings.audience.clone())?,
        thumbprints: thumbprints(&settings.thumbprint)?,
        service_accounts: service_accounts(&settings.service_accounts)?,
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

/// What is known about the cluster: flags first, then the install-config.
fn features(settings: &Settings) -> Result<Features, SettingsError> {
    let install_config = settings.install_config.as_deref();
    let install_config = install_config.map(|file| config::read_document(file, InstallConfig::read)).transpose()?;
    let flag = if settings.enable_tech_preview { Some(FeatureSet::TechPreviewNoUpgrade) } else { settings.feature_set };
    let from_file = install_config.as_ref().and_then(|config| config.feature_set);
    let (gates, capabilities) = match install_config {
        None => (Gates::Unknown, None),
        Some(config) => (config.gates, Some(config.capabilities)),
    };
    Ok(Features {
        feature_set: flag.or(from_file).unwrap_or_default(),
        gates: settings.feature_gates.clone().map_or(gates, Gates::all),
        capabilities,
    })
}

/// Writes what is new. The install archive on standard output comes first: whoever takes it and fails, leaves no bundle
/// behind whose key is lost.
fn write(bundle: &SignedBundle, install: &[u8], places: &Places, hint: &str) -> Result<(), Failure> {
    let mut files = vec![
        NewFile { path: places.bundle.clone(), bytes: bundle.archive(), mode: PUBLIC },
        NewFile { path: places.signature.clone(), bytes: bundle.signature().as_bytes(), mode: PUBLIC },
    ];
    if let Some(path) = &places.install_archive {
        files.push(NewFile { path: path.clone(), bytes: install, mode: PRIVATE });
    }
    let staged = stage(files, hint)?;
    if places.install_archive.is_none() {
        let mut out = std::io::stdout().lock();
        let written = out.write_all(install).and_then(|()| out.flush());
        written.map_err(|error| Failure::new(ExitCode::Other, error).in_file(Path::new("standard output")))?;
    }
    Ok(staged.publish()?)
}

fn written(bundle: &SignedBundle, install: &[u8], places: &Places) -> Vec<WrittenFile> {
    let file = |kind, path: &Path, sha256: &Sha256| WrittenFile { kind, path: shown(path), sha256: sha256.to_string() };
    vec![
        file("bundle", &places.bundle, bundle.digest()),
        file("signature", &places.signature, &Sha256::of(bundle.signature().as_bytes())),
        file("install archive", places.install_archive.as_deref().unwrap_or(Path::new("-")), &Sha256::of(install)),
    ]
}

fn next(places: &Places, has_private_key: bool) -> Vec<String> {
    let bundle = shown(&places.bundle);
    let secret =
        if has_private_key { "it holds the cluster's private key and goes nowhere else" } else { "it holds no key" };
    let install = match &places.install_archive {
        Some(path) => format!("tar xzf {} -C INSTALL-DIR  ({secret})", shown(path)),
        None => format!("tar xzf - -C INSTALL-DIR  ({secret})"),
    };
    vec![
        format!("have it reviewed and signed again:  airlock-generator sign {bundle} --signing-key REVIEWERS-KEY"),
        format!(
            "carry the bundle and its .minisig files over:  airlock-applier plan {bundle} --trusted-key minisign.pub"
        ),
        format!("extract the install archive where openshift-install runs:  {install}"),
    ]
}

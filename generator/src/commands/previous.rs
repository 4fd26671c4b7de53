//! `--previous`: the bundle that the next one follows.
//!
//! Input: a file from outside. Output: a bundle that everybody has signed who must, because what is taken from it is not
//! looked at again. It may have expired: nothing is applied by it.

use std::path::{Path, PathBuf};

use bundle_schema::bundle::{Bundle, InspectError, SignedFiles};
use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::former::FormerIssuer;
use bundle_schema::documents::index::{Header, Previous};
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::exit::ExitCode;
use bundle_schema::names::{IssuerUrl, Timestamp};
use bundle_schema::signature::TrustPolicy;
use bundle_schema::trust::{read_trust_file, trusted_keys};

use super::key_source::read_public_key;
use super::warn;
use crate::build::header;
use crate::failure::Failure;
use crate::keys::published::{PublishedKeys, Rotation};
use crate::progress::Progress;
use crate::settings::flags::{Settings, SettingsError};
use crate::settings::moving::{check_new_bucket, former_issuers};
use crate::settings::options::{BundleOptions, OptionsError};
use crate::settings::previous::TakenOver;

/// An older bundle of the same cluster.
pub(super) struct Older {
    file: PathBuf,
    bundle: Bundle,
    pub(super) taken_over: TakenOver,
}

impl Older {
    /// The bundle of `--previous`, verified; none where none is given.
    pub(super) fn open(settings: &Settings) -> Result<Option<Self>, Failure> {
        let Settings { previous, trusted_key, trust, .. } = settings;
        let policy = match (previous, trust, trusted_key.as_slice()) {
            (None, None, []) => return nothing_to_rotate(settings).map(|()| None),
            (None, Some(_), _) => return Err(SettingsError::NothingToTrust("trust").into()),
            (None, None, _) => return Err(SettingsError::NothingToTrust("trusted-key").into()),
            (Some(file), None, []) => return Err(SettingsError::PreviousNotTrusted(file.clone()).into()),
            // The trust file's limits are for what is applied: whoever signs the new bundle may ask for them.
            (Some(_), Some(trust), _) => read_trust_file(trust)?.0,
            (Some(_), None, keys) => trusted_keys(keys)?,
        };
        let Some(file) = previous.clone() else { return Ok(None) };
        let bundle = verified(&file, &policy)?;
        let options = BundleOptions::of_bundle(bundle.contents())
            .map_err(|error| Failure::new(ExitCode::Invalid, error).in_file(&file))?;
        Ok(Some(Self { taken_over: TakenOver::of(options)?, file, bundle }))
    }

    /// Its file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// What it says.
    pub(super) fn contents(&self) -> &Contents {
        self.bundle.contents()
    }

    /// The keys of the next bundle, made at this time, and what to know about them.
    pub(super) fn keys(
        &self,
        before: &PublishedKeys,
        settings: &Settings,
        created: Timestamp,
    ) -> Result<(PublishedKeys, Option<String>), Failure> {
        let add = settings.add_public_key.iter().map(|file| read_public_key(file)).collect::<Result<_, _>>()?;
        let rotation = Rotation { add, drop: settings.drop_key.clone(), signing: settings.signing_kid.clone() };
        let after = before.rotate(&rotation)?;
        let is_old = |key: &ServiceAccountKey| before.iter().any(|old| old == key);
        let since = self.contents().header.created;
        let warning = if rotation.drop.is_empty() {
            None
        } else if !after.iter().any(is_old) {
            Some(
                "no key of the bundle of --previous is left: every token stops working once this one is applied"
                    .to_owned(),
            )
        } else if created < since.plus_days(1) {
            Some(format!(
                "a key is dropped less than a day after the bundle of --previous was made, at {since}: if that one added the key \
                 that is left, tokens of the old one may still be in use"
            ))
        } else {
            None
        };
        Ok((after, warning))
    }

    /// The issuer that the cluster had until now, where the next bundle has another.
    pub(super) fn moved_from(&self, header: &Header) -> Option<IssuerUrl> {
        let old = self.contents().header.issuer_url.clone();
        old.filter(|old| header.issuer_url.as_ref() != Some(old))
    }

    /// The settings of the bundle that makes the endpoint to which the cluster moves.
    pub(super) fn endpoint(&self, given: Settings) -> Result<Settings, Failure> {
        let header = &self.contents().header;
        let settings = self.taken_over.complete(given, true)?;
        check_new_bucket(header, &header.name.bucket_or(settings.bucket_name.as_ref()))?;
        Ok(settings.for_endpoint())
    }

    /// The issuers that roles of the next bundle trust besides its own.
    pub(super) fn former_issuers(
        &self,
        options: &BundleOptions,
        dropped: &[IssuerUrl],
    ) -> Result<Vec<FormerIssuer>, Failure> {
        let new = FormerIssuer::of(&header(options).map_err(OptionsError::from)?);
        let Some(new) = new else { return Ok(Vec::new()) };
        let header = &self.contents().header;
        let former = former_issuers(header, &new, dropped)?;
        if !dropped.is_empty() && options.created < header.created.plus_days(1) {
            warn(&format!(
                "an issuer is dropped less than a day after the bundle of --previous was made, at {}: if the cluster moved with that one, \
                 tokens of the former issuer may still be in use",
                header.created
            ));
        }
        Ok(former)
    }

    /// How the next bundle names it.
    pub(super) fn named(&self) -> Previous {
        Previous { serial: self.contents().header.serial, sha256: self.bundle.digest().clone() }
    }
}

/// Without an older bundle there are no keys to change.
fn nothing_to_rotate(settings: &Settings) -> Result<(), Failure> {
    let Settings { add_public_key, drop_key, drop_issuer, signing_kid, .. } = settings;
    let given = [
        ("add-public-key", !add_public_key.is_empty()),
        ("drop-key", !drop_key.is_empty()),
        ("signing-kid", signing_kid.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((flag, _)) => Err(SettingsError::NothingToRotate(flag).into()),
        None if !drop_issuer.is_empty() => Err(SettingsError::NothingToDrop.into()),
        None => Ok(()),
    }
}

fn verified(file: &Path, policy: &TrustPolicy) -> Result<Bundle, Failure> {
    let _progress = Progress::of("reading the bundle before");
    let archive = SignedFiles::open(file, &[])?.verify(policy);
    let archive = archive.map_err(|error| Failure::from(error).in_file(file))?;
    let parsed = archive.parse().map_err(InspectError::from);
    parsed.and_then(|parsed| Ok(parsed.validate()?)).map_err(|error| Failure::from(error).in_file(file))
}

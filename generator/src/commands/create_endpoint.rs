//! `create-bundle --create-private-s3-bucket`: a private bucket and the distribution that will serve it, before there is an issuer.

use super::bundle_files::{Outputs, Places};
use super::create_bundle::{Before, Required, another_serial, options};
use super::next_steps::to_the_cluster;
use super::previous::Older;
use super::{open_signing_key, password_source, print};
use crate::build::build;
use crate::failure::Failure;
use crate::output::report::{Around, BundleReport, Format};
use crate::requests::Requests;
use crate::settings::features::Features;
use crate::settings::flags::Settings;

/// Makes the bundle of kind `endpoint`, also for a cluster that moves: it has no requests, no key and nothing to install.
pub(super) fn run(settings: &Settings, older: Option<&Older>, format: Format) -> Result<(), Failure> {
    let required = Required::of(settings, false)?;
    let options = options(settings, &required, Features::default(), Before::of_endpoint(older))?;
    let places = Places::of_bundle_alone(required.output_dir, &options);
    let hint = places.after_cut_off().unwrap_or_else(|| another_serial(&options));
    let password = password_source(settings.password_file.clone(), settings.no_password);
    let signing_key = open_signing_key(required.signing_key, &password)?;
    signing_key.trusted()?;
    let bundle = build(&options, Requests::default(), None)?.freeze()?.sign(&signing_key);
    let outputs = Outputs { bundle: &bundle, install: &[], install_signature: "" };
    let report = BundleReport::new(
        &bundle,
        Around {
            moves_from: None,
            key_source: None,
            signing_key: signing_key.public(),
            files: outputs.written(&places),
            next: to_the_cluster(&places, bundle.contents(), older.map(Older::file)),
        },
    );
    outputs.write(&places, &hint)?;
    print(&format.render(&report))
}

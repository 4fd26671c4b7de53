//! The settings of a bundle, to and from the form in which `bundle.json` records them.
//!
//! What went in comes out again: a bundle that is made of the options that its contents give is the same bundle.

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::index::{Endpoint, Header, Kind};
use bundle_schema::documents::settings::{FeatureName, GivenServiceAccounts, Settings};
use bundle_schema::names::NameError;

use super::features::{Features, UnknownName};
use super::options::{BundleOptions, Issuer, Place};

impl BundleOptions {
    /// What `bundle.json` records of these options besides its own fields.
    pub(crate) fn recorded(&self) -> Result<Settings, NameError> {
        let Features { feature_set, gates, capabilities } = &self.features;
        let given = self.service_accounts.iter().map(|((namespace, name), accounts)| GivenServiceAccounts {
            secret_namespace: namespace.clone(),
            secret_name: name.clone(),
            service_accounts: accounts.clone(),
        });
        Ok(Settings {
            role_names: self.role_names,
            permissions_boundary_arn: self.permissions_boundary.clone(),
            feature_set: FeatureName::new(feature_set.name())?,
            feature_gates: gates.clone(),
            capabilities: capabilities.clone(),
            service_accounts: given.collect(),
        })
    }

    /// The options that a bundle was made with, as it says itself.
    ///
    /// # Errors
    /// A feature set that this program does not know: a newer one made the bundle.
    pub fn of_bundle(contents: &Contents) -> Result<Self, UnknownName> {
        let (header, issuer) = (&contents.header, contents.issuer.as_ref());
        let settings = header.settings.clone();
        let given = settings.service_accounts.into_iter();
        Ok(Self {
            name: header.name.clone(),
            serial: header.serial,
            created: header.created,
            expires: header.expires,
            account_id: header.account_id.clone(),
            place: Place {
                partition: header.partition.clone(),
                dns_suffix: header.dns_suffix.clone(),
                region: header.region.clone(),
            },
            role_path: header.role_path.clone(),
            role_names: settings.role_names,
            permissions_boundary: settings.permissions_boundary_arn,
            tags: header.tags.clone(),
            issuer: recorded_issuer(header),
            audiences: contents.audiences().to_vec(),
            thumbprints: issuer.and_then(|issuer| issuer.provider.thumbprint_list.clone()),
            service_accounts: given.map(|g| ((g.secret_namespace, g.secret_name), g.service_accounts)).collect(),
            features: Features {
                feature_set: settings.feature_set.as_str().parse()?,
                gates: settings.feature_gates,
                capabilities: settings.capabilities,
            },
            former_issuers: header.former_issuers.clone(),
            previous: header.previous.clone(),
        })
    }
}

/// Who publishes the documents, of a header that is consistent in itself.
fn recorded_issuer(header: &Header) -> Issuer {
    let Header { kind, endpoint, issuer_url, distribution, certificate, .. } = header.clone();
    let bucket = header.bucket_name.clone();
    match (kind, endpoint, issuer_url, distribution, certificate) {
        (Kind::Roles, _, Some(url), _, _) => Issuer::Existing(url),
        (Kind::Endpoint, ..) => Issuer::Endpoint(bucket),
        (_, Some(Endpoint::Hosted), Some(url), _, _) => Issuer::Hosted(url),
        (_, Some(Endpoint::Cloudfront), _, Some(made), _) => Issuer::Distribution { bucket, made },
        (_, Some(Endpoint::Cloudfront), Some(url), _, Some(certificate)) => {
            Issuer::OwnHost { bucket, url, certificate }
        }
        _ => Issuer::PublicBucket(bucket),
    }
}

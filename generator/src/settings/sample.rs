//! The options of a plain bundle, for tests that change what they are about.

use bundle_schema::names::{AccountId, ClusterName, Region, RoleNaming, RolePath, Timestamp};

use super::features::Features;
use super::options::{BundleOptions, Issuer, Place, ServiceAccounts, audiences, tags};

/// The cluster `demo` in us-east-2, with a public bucket and nothing out of the ordinary.
pub(crate) fn options() -> BundleOptions {
    let name = ClusterName::new("demo").unwrap();
    let created = Timestamp::parse("2026-11-01T00:00:00Z").unwrap();
    BundleOptions {
        serial: 1,
        created,
        expires: created.plus_days(30),
        account_id: AccountId::new("123456789012").unwrap(),
        place: place("us-east-2"),
        role_path: RolePath::default(),
        role_names: RoleNaming::Ccoctl,
        permissions_boundary: None,
        tags: tags(&name, vec![]).unwrap(),
        issuer: Issuer::PublicBucket(None),
        audiences: audiences(vec![]).unwrap(),
        thumbprints: None,
        service_accounts: ServiceAccounts::new(),
        features: Features::default(),
        former_issuers: Vec::new(),
        previous: None,
        name,
    }
}

/// A region that is known.
pub(crate) fn place(region: &str) -> Place {
    Place::new(Region::new(region).unwrap(), None, None).unwrap()
}

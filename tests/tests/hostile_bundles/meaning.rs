//! Attacks on the meaning: documents that are well-formed, signed and listed, and do not say what the index says.

mod cloudfront;
mod former;
mod header;
mod issuer;
mod kind;
mod manifests;
mod roles;

use tests::forge::{Delivery, Kit};

use crate::{Attack, refused};

pub(crate) fn attacks(kit: &Kit) -> Vec<Attack> {
    [
        header::index(kit),
        kind::cluster(kit),
        kind::roles_only(&kit.of_roles()),
        former::attacks(kit),
        cloudfront::documents(kit),
        cloudfront::bucket(kit),
        cloudfront::issuer(kit),
        cloudfront::endpoints(kit),
        issuer::issuer(kit),
        issuer::further_keys(kit),
        issuer::bucket(kit),
        issuer::provider(kit),
        roles::trust(kit),
        roles::roles(kit),
        manifests::manifests(kit),
        manifests::secrets(kit),
        header::clock(kit),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One entry more, which the format has no place for.
fn with_entry(kit: &Kit, name: &'static str, path: &str, text: &str) -> Attack {
    let delivery = kit.with_entries(|entries| drop(entries.insert(path.to_owned(), text.into())));
    refused(name, delivery, &format!("entry {path} is not part of the format"))
}

/// So many problems, of which this is the first.
fn contradiction(name: &'static str, delivery: Delivery, count: usize, first: &str) -> Attack {
    refused(name, delivery, &format!("invalid bundle: {count} problem(s)\n  {first}"))
}

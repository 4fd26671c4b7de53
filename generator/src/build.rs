//! From requests and a public key to a signed bundle: [`build`] `->` [`BundleDraft`] `--freeze-->` [`UnsignedBundle`]
//! `--sign-->` [`SignedBundle`].
//!
//! Each stage is a type that only the stage before can make. Nothing here reads a file, a clock or a random number: the
//! same input gives the same bytes.
//!
//! A draft cannot be signed, because nobody read it back as the applier will:
//!
//! ```compile_fail,E0599
//! fn skip(draft: generator::build::BundleDraft, key: &generator::keys::signing::SigningKey) {
//!     draft.sign(key);
//! }
//! ```
//!
//! A signed bundle cannot be made up, and a bundle in its final bytes cannot be changed:
//!
//! ```compile_fail,E0451
//! fn forge(bundle: bundle_schema::bundle::Inspection) -> generator::build::UnsignedBundle {
//!     generator::build::UnsignedBundle { inspection: bundle, notes: Default::default() }
//! }
//! ```

pub mod again;
mod header;
pub(crate) mod install_archive;
pub mod roles;

use std::collections::BTreeMap;

use bundle_schema::bundle::{self, InspectError, Inspection, WriteError};
use bundle_schema::documents::contents::{BucketDocuments, Contents, IssuerDocuments, RoleDocuments};
use bundle_schema::documents::index::{Component, Header};
use bundle_schema::documents::policy::{PermissionPolicy, PermissionStatement, PolicyVersion, RoleTrustPolicy};
use bundle_schema::documents::{CreateRole, DistributionDocuments, PutRolePolicy};
use bundle_schema::escape::Escaped;
use bundle_schema::json::Embedded;
use bundle_schema::limits::{DEFAULT_TRUST_POLICY_CHARS, MAX_ROLE_POLICY_CHARS, MAX_TRUST_POLICY_CHARS};
use bundle_schema::names::{NameError, Partition, Sha256};
use bundle_schema::parallel;

use crate::build::again::{AgainError, made_again};
pub(crate) use crate::build::header::header;
use crate::build::roles::{RolesError, components};
use crate::keys::published::PublishedKeys;
use crate::keys::signing::SigningKey;
use crate::requests::{LeftOut, Requests, Selected};
use crate::settings::options::BundleOptions;

/// Why no bundle can be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The requests do not make roles.
    #[error(transparent)]
    Roles(#[from] RolesError),
    /// A name that its owner's rules refuse.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Roles that nobody could assume.
    #[error("roles need an issuer, and this bundle has none")]
    NoIssuer,
    /// More than a role's inline policies may have.
    #[error(
        "permissions of request {request} have {found} characters; IAM allows {MAX_ROLE_POLICY_CHARS} in a role's inline policies\n  split the request in two, each with a Secret of its own"
    )]
    PolicyTooLong {
        /// The request.
        request: String,
        /// Characters.
        found: usize,
    },
    /// A resource of another partition.
    #[error(
        "request {request} is about the resource {}, which is not in partition {partition}\n  write arn:*:... or arn:{partition}:... in the request", Escaped(.resource)
    )]
    Partition {
        /// The request.
        request: String,
        /// The resource.
        resource: String,
        /// The bundle's partition.
        partition: Partition,
    },
    /// More than a trust policy may have.
    #[error(
        "trust policy of request {request} has {found} characters; IAM allows at most {MAX_TRUST_POLICY_CHARS}\n  it has too many service accounts: split the request in two, each with a Secret of its own"
    )]
    TrustTooLong {
        /// The request.
        request: String,
        /// Characters.
        found: usize,
    },
}

/// What people should know about a bundle before they sign it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notes {
    /// The gates that a role's request depends on and whose state is not known, by role name.
    pub undecided: BTreeMap<String, Vec<String>>,
    /// What may fail in some accounts.
    pub warnings: Vec<String>,
    /// Files in the directory of requests that are not in the bundle.
    pub left_out: Vec<LeftOut>,
}

/// A bundle's contents, not yet in their final bytes.
pub struct BundleDraft {
    contents: Contents,
    notes: Notes,
}

/// Builds the contents of a bundle; with keys, where it makes an issuer.
pub fn build(
    options: &BundleOptions,
    requests: Requests,
    keys: Option<PublishedKeys>,
) -> Result<BundleDraft, BuildError> {
    let Requests { selected, skipped, files, left_out } = requests;
    let components = components(&options.name, options.role_names, &options.service_accounts, &selected)?;
    let mut pairs: Vec<(Component, Selected)> = components.into_iter().zip(selected).collect();
    pairs.sort_by(|(a, _), (b, _)| a.role_name.cmp(&b.role_name));
    let header = Header { skipped, components: pairs.iter().map(|(c, _)| c.clone()).collect(), ..header(options)? };
    let mut notes = Notes { left_out, ..Notes::default() };
    notes.warnings.extend(header::warnings(&header));
    let mut roles = Vec::with_capacity(pairs.len());
    for (component, Selected { request, undecided, .. }) in pairs {
        roles.push(role(options, &header, &component, request.statements, &mut notes)?);
        if !undecided.is_empty() {
            notes.undecided.insert(component.role_name.into(), undecided);
        }
    }
    let issuer = keys.zip(header.issuer_url.as_ref()).map(|(PublishedKeys { signing, further }, url)| {
        let (audiences, thumbprints) = (options.audiences.clone(), options.thumbprints.clone());
        IssuerDocuments::of(&header, url, signing, further, audiences, thumbprints)
    });
    let bucket = header.has_bucket().then(|| BucketDocuments::of(&header));
    let distribution = header.has_distribution().then(|| DistributionDocuments::of(&header));
    let contents = Contents { issuer, bucket, distribution, roles, requests: files, header };
    Ok(BundleDraft { contents, notes })
}

fn role(
    options: &BundleOptions,
    header: &Header,
    component: &Component,
    statement: Vec<PermissionStatement>,
    notes: &mut Notes,
) -> Result<RoleDocuments, BuildError> {
    if header.issuer_url.is_none() {
        return Err(BuildError::NoIssuer);
    }
    let trust = Embedded(RoleTrustPolicy::of(header, &component.subjects()));
    if let Some(other) = statement.iter().find(|statement| !statement.resource.is_in(&header.partition)) {
        let (request, resource) = (component.request.to_string(), other.resource.to_string());
        return Err(BuildError::Partition { request, resource, partition: header.partition.clone() });
    }
    let permissions = Embedded(PermissionPolicy { version: PolicyVersion::V2012, statement });
    let request = || component.request.to_string();
    match trust.text().chars().count() {
        found if found > MAX_TRUST_POLICY_CHARS => return Err(BuildError::TrustTooLong { request: request(), found }),
        found if found > DEFAULT_TRUST_POLICY_CHARS => notes.warnings.push(format!(
            "trust policy of {} has {found} characters; IAM allows {DEFAULT_TRUST_POLICY_CHARS} unless the account's quota was raised",
            component.role_name
        )),
        _ => {}
    }
    match permissions.text().chars().count() {
        found if found > MAX_ROLE_POLICY_CHARS => return Err(BuildError::PolicyTooLong { request: request(), found }),
        _ => {}
    }
    Ok(RoleDocuments {
        create: CreateRole {
            path: header.role_path.clone(),
            role_name: component.role_name.clone(),
            assume_role_policy_document: trust,
            description: component.role_description(),
            permissions_boundary: options.permissions_boundary.clone(),
            tags: header.tags.clone(),
        },
        policy: PutRolePolicy {
            role_name: component.role_name.clone(),
            policy_name: component.role_name.clone(),
            policy_document: permissions,
        },
    })
}

/// Why a draft does not make a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreezeError {
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// What was written, the applier would refuse.
    #[error("the bundle would be refused where it is applied")]
    Refused(#[from] InspectError),
    /// What was written, a reviewer could not make again.
    #[error("the bundle would be refused where it is reviewed")]
    Again(#[from] AgainError),
    /// What was written, a reviewer would make otherwise.
    #[error(
        "the bundle made again from its own requests and settings is another one\n  this is a defect of this program; do not use the bundle"
    )]
    Differs,
}

impl BundleDraft {
    /// Writes the bundle and reads it back as the applier and the reviewer will, so that nothing is ever signed that either
    /// would refuse.
    pub fn freeze(self) -> Result<UnsignedBundle, FreezeError> {
        // Whether the bundle is made again from the draft or from what was read back is the same as long as all three are alike, and
        // the one need not wait for the other.
        let write = || bundle::write(&self.contents).map(Inspection::read);
        let (inspection, again) = parallel::both(write, || made_again(&self.contents));
        let (inspection, again) = (inspection??, again?);
        let is_same = again == *inspection.contents();
        parallel::dispose((again, self.contents));
        if is_same { Ok(UnsignedBundle { inspection, notes: self.notes }) } else { Err(FreezeError::Differs) }
    }
}

/// A bundle in its final bytes.
pub struct UnsignedBundle {
    inspection: Inspection,
    notes: Notes,
}

impl UnsignedBundle {
    /// What it says.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        self.inspection.contents()
    }

    /// Signs those bytes. The time in the signature's comment is the bundle's own.
    #[must_use]
    pub fn sign(self, key: &SigningKey) -> SignedBundle {
        let header = &self.inspection.contents().header;
        let file = format!("{}.tar.gz", header.file_stem());
        let signature = key.sign(self.inspection.archive(), header.created, &file);
        SignedBundle { inspection: self.inspection, notes: self.notes, signature }
    }
}

/// A bundle and the generator's signature over it.
pub struct SignedBundle {
    inspection: Inspection,
    notes: Notes,
    signature: String,
}

impl SignedBundle {
    /// What it says.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        self.inspection.contents()
    }

    /// The archive.
    #[must_use]
    pub fn archive(&self) -> &[u8] {
        self.inspection.archive()
    }

    /// The SHA-256 of the archive.
    #[must_use]
    pub fn digest(&self) -> &Sha256 {
        self.inspection.digest()
    }

    /// The minisign signature, as it stands in its file.
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// What people should know.
    #[must_use]
    pub fn notes(&self) -> &Notes {
        &self.notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::service_account::{KeyType, PrivateKey};
    use crate::keys::signing::{self, KeyFile};
    use crate::settings::features::Features;
    use crate::settings::sample;
    use bundle_schema::documents::key::ServiceAccountKey;
    use bundle_schema::names::EntryPath;

    fn options(region: &str) -> BundleOptions {
        BundleOptions { place: sample::place(region), ..sample::options() }
    }

    fn request(name: &str, accounts: usize, actions: usize) -> String {
        let accounts: Vec<_> = (0..accounts).map(|number| format!("service-account-{number}")).collect();
        let actions: Vec<_> = (0..actions).map(|number| format!("'ec2:SomethingThatIsLong{number}'")).collect();
        format!(
            "apiVersion: cloudcredential.openshift.io/v1\nkind: CredentialsRequest\nmetadata: {{name: {name}}}\nspec:\n  \
             secretRef: {{name: {name}-secret, namespace: ns}}\n  serviceAccountNames: [{}]\n  providerSpec: {{kind: AWSProviderSpec, \
             statementEntries: [{{effect: Allow, action: [{}], resource: '*'}}]}}\n",
            accounts.join(", "),
            actions.join(", ")
        )
    }

    fn draft(region: &str, files: &[String]) -> Result<BundleDraft, BuildError> {
        let entry = |number| EntryPath::new(format!("credentials-requests/{number}.yaml")).unwrap();
        let files = files.iter().enumerate().map(|(number, text)| (entry(number), text.clone().into_bytes())).collect();
        let requests = Requests::of_files(files, &Features::default()).unwrap();
        build(&options(region), requests, Some(key().into()))
    }

    /// Made once for this test; its private half is nowhere.
    fn key() -> ServiceAccountKey {
        ServiceAccountKey::from_pem(
            "-----BEGIN PUBLIC KEY-----\n\
             MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEU32aCzpDs1Yr4DNT3byDmdkipD2v\n\
             70NYL5SJzmdXzNRqYMOpxDg4KIWc41rMdKeK7F9FPyugti0vu/tmS9worQ==\n\
             -----END PUBLIC KEY-----\n",
        )
        .unwrap()
    }

    #[test]
    fn a_bundle_is_built_frozen_and_signed_the_same_way_every_time() {
        let files = [request("zebra", 1, 1), request("ant", 2, 2)];
        let signing_key = KeyFile::parse(signing::generate(None).unwrap().secret).unwrap().open(None).unwrap();
        let make = || draft("us-east-2", &files).unwrap().freeze().unwrap().sign(&signing_key);
        let bundle = make();
        assert_eq!((bundle.archive(), bundle.signature()), (make().archive(), make().signature()));
        let header = &bundle.contents().header;
        assert_eq!(header.issuer_url.as_ref().unwrap().as_str(), "https://demo-oidc.s3.us-east-2.amazonaws.com");
        let roles: Vec<_> = header.components.iter().map(|component| component.role_name.as_str()).collect();
        assert_eq!(roles, ["demo-ns-ant-secret", "demo-ns-zebra-secret"]);
        let sources: Vec<_> = header.components.iter().map(|component| component.source.as_str()).collect();
        assert_eq!(sources, ["credentials-requests/1.yaml", "credentials-requests/0.yaml"]);
        assert!(bundle.signature().contains("timestamp:1793491200\tfile:demo-1.tar.gz\thashed\n"));
        assert_eq!(bundle.notes(), &Notes::default());
    }

    #[test]
    fn every_partition_makes_a_bundle_and_one_region_has_no_constraint() {
        for region in [
            "us-east-1",
            "cn-north-1",
            "us-gov-west-1",
            "us-iso-east-1",
            "us-isob-east-1",
            "eu-isoe-west-1",
            "us-isof-south-1",
            "eusc-de-east-1",
        ] {
            let bundle = draft(region, &[request("a", 1, 1)]).unwrap().freeze().unwrap();
            let constraint = &bundle.contents().bucket.as_ref().unwrap().create.create_bucket_configuration;
            assert_eq!(constraint.is_none(), region == "us-east-1", "{region}");
        }
    }

    #[test]
    fn quotas_of_iam_are_known_here_already() {
        let bundle = draft("us-east-2", &[request("many", 50, 1)]).unwrap();
        assert_eq!(
            bundle.notes.warnings,
            [
                "trust policy of demo-ns-many-secret has 2569 characters; IAM allows 2048 unless the account's quota was raised"
            ]
        );
        let error = |files: &[String]| draft("us-east-2", files).err().unwrap();
        assert!(
            matches!(error(&[request("x", 250, 1)]), BuildError::TrustTooLong { request, found: 8201.. } if request == "x")
        );
        assert!(
            matches!(error(&[request("x", 1, 400)]), BuildError::PolicyTooLong { request, found: 10_241.. } if request == "x")
        );
    }

    #[test]
    fn a_private_key_in_the_input_gets_into_no_bundle() {
        let pem = PrivateKey::generate(KeyType::P256).unwrap().pem().replace('\n', "\n# ");
        let error = draft("us-east-2", &[format!("# {pem}\n{}", request("a", 1, 1))]).unwrap().freeze().err().unwrap();
        assert_eq!(
            error.to_string(),
            "credentials-requests/0.yaml holds a PEM private key; a bundle never holds private key material\n  remove it from the input"
        );
    }
}

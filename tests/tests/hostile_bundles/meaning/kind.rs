//! What a bundle is for: an issuer of its own, or roles for an identity provider that is there already.

use bundle_schema::documents::index::Endpoint;
use tests::forge::Kit;
use tests::forge::contents::{P256, parsed};

use super::{contradiction, with_entry};
use crate::{Attack, refused};

const INDEX: &str = "bundle.json";
const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/prod-a-oidc.s3.eu-central-1.amazonaws.com";

/// A cluster's bundle that says it is something else.
pub(super) fn cluster(kit: &Kit) -> Vec<Attack> {
    vec![
        refused(
            "a cluster's bundle that calls itself one of roles",
            kit.with_text(INDEX, |text| text.replace("\"kind\": \"cluster\"", "\"kind\": \"roles\"")),
            "entry aws/bucket-policy.json is not part of the format",
        ),
        contradiction(
            "a cluster without an endpoint",
            kit.with_contents(|contents| contents.header.endpoint = None),
            1,
            "bundle.json: endpoint is missing; a cluster's issuer is served from somewhere",
        ),
        refused(
            "a bucket beside an issuer that somebody else hosts",
            kit.with_text(INDEX, |text| text.replace("\"public-bucket\"", "\"hosted\"")),
            "entry aws/bucket-policy.json is not part of the format",
        ),
        contradiction(
            "a bucket's name beside an issuer that somebody else hosts",
            kit.with_contents(|contents| {
                contents.header.endpoint = Some(Endpoint::Hosted);
                contents.header.bucket_name = Some(parsed("evil-oidc"));
                contents.bucket = None;
            }),
            1,
            "bundle.json: bucketName: expected null, found \"evil-oidc\"",
        ),
        contradiction(
            "the usual bucket's name, said again",
            kit.with_contents(|contents| contents.header.bucket_name = Some(parsed("prod-a-oidc"))),
            1,
            "bundle.json: bucketName is prod-a-oidc, as the name gives it; it is then left out",
        ),
        contradiction(
            "a bucket of another cluster",
            kit.with_contents(|contents| contents.header.bucket_name = Some(parsed("prod-b-oidc"))),
            6,
            "bundle.json: issuerUrl: expected \"https://prod-b-oidc.s3.eu-central-1.amazonaws.com\", found \
             \"https://prod-a-oidc.s3.eu-central-1.amazonaws.com\"",
        ),
        contradiction(
            "a bucket's name that S3 keeps for another account",
            kit.with_contents(|contents| {
                contents.header.bucket_name = Some(parsed("keys-210987654321-eu-central-1-an"));
            }),
            7,
            "bundle.json: issuerUrl: expected \"https://keys-210987654321-eu-central-1-an.s3.eu-central-1.amazonaws.com\", found \
             \"https://prod-a-oidc.s3.eu-central-1.amazonaws.com\"",
        ),
        contradiction(
            "audiences beside the provider's own",
            kit.with_contents(|contents| contents.header.audiences = Some(vec![parsed("evil")])),
            1,
            "bundle.json: audiences is only for bundles of kind roles; a cluster's are those of its provider",
        ),
    ]
}

/// A bundle of roles that is more than that, or for another provider.
pub(super) fn roles_only(kit: &Kit) -> Vec<Attack> {
    let audiences = |list: Option<Vec<String>>| {
        kit.with_contents(|contents| {
            contents.header.audiences = list.map(|list| list.iter().map(|audience| parsed(audience)).collect());
        })
    };
    let with_entry = |name, path: &str, text: &str| with_entry(kit, name, path, text);
    let named = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    vec![
        refused(
            "a bundle of roles that calls itself a cluster's",
            kit.with_text(INDEX, |text| text.replace("\"kind\": \"roles\"", "\"kind\": \"cluster\"")),
            "bundle has no oidc/openid-configuration",
        ),
        contradiction(
            "roles with an endpoint",
            kit.with_contents(|contents| contents.header.endpoint = Some(Endpoint::PublicBucket)),
            1,
            "bundle.json: endpoint: expected null, found \"public-bucket\"",
        ),
        contradiction(
            "a bucket's name in a bundle of roles",
            kit.with_contents(|contents| contents.header.bucket_name = Some(parsed("evil-oidc"))),
            1,
            "bundle.json: bucketName: expected null, found \"evil-oidc\"",
        ),
        contradiction(
            "roles for no audience",
            audiences(None),
            1,
            "bundle.json: audiences is empty; tokens need an audience",
        ),
        contradiction(
            "roles for an empty list of audiences",
            audiences(named(&[])),
            1,
            "bundle.json: audiences is empty; tokens need an audience",
        ),
        contradiction(
            "an audience twice in the index",
            audiences(named(&["openshift", "openshift"])),
            1,
            "bundle.json: audiences names openshift twice",
        ),
        contradiction(
            "more audiences than a provider has",
            audiences(Some((0..101).map(|number| format!("a{number}")).collect())),
            1,
            "bundle.json: audiences: 101; at most 100 are allowed",
        ),
        contradiction(
            "roles that trust another provider than the index names",
            kit.with_contents(|contents| contents.header.issuer_url = Some(parsed("https://evil.example/id"))),
            4,
            &format!(
                "aws/roles/prod-a-registry-bucket-creds.json: trust policy's Principal: expected \
                 \"arn:aws:iam::123456789012:oidc-provider/evil.example/id\", found \"{PROVIDER}\""
            ),
        ),
        with_entry("a public key in a bundle of roles", "serviceaccount-signer.public", P256),
        with_entry("a further key in a bundle of roles", "keys/A.public", P256),
        with_entry("an identity provider in a bundle of roles", "aws/identity-provider.json", "{}\n"),
        with_entry("a JWKS in a bundle of roles", "oidc/keys.json", "{}\n"),
        with_entry(
            "an issuer for the cluster in a bundle of roles",
            "manifests/cluster-authentication-02-config.yaml",
            "spec:\n  serviceAccountIssuer: https://evil.example\n",
        ),
    ]
}

//! The issuers that a cluster had before: roles trust them too, so whoever could name one here could use every role.

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::former::FormerIssuer;
use bundle_schema::documents::index::Endpoint;
use bundle_schema::documents::policy::RoleTrustPolicy;
use bundle_schema::json::Embedded;
use tests::forge::Kit;
use tests::forge::contents::parsed;

use super::contradiction;
use crate::Attack;

const ROLE: &str = "aws/roles/prod-a-registry-bucket-creds.json";
const OWN: &str = "https://prod-a-oidc.s3.eu-central-1.amazonaws.com";
const OTHER_BUCKET: &str = "https://acme-keys.s3.eu-central-1.amazonaws.com";
const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/old";

fn hosted(url: &str) -> FormerIssuer {
    FormerIssuer { issuer_url: parsed(url), endpoint: Endpoint::Hosted, bucket_name: None }
}

fn public(url: &str, bucket: &str) -> FormerIssuer {
    FormerIssuer { issuer_url: parsed(url), endpoint: Endpoint::PublicBucket, bucket_name: Some(parsed(bucket)) }
}

/// A bundle of these former issuers, whose roles trust them.
fn moved(contents: &mut Contents, former: Vec<FormerIssuer>) {
    contents.header.former_issuers = former;
    for (component, role) in contents.header.components.iter().zip(&mut contents.roles) {
        role.create.assume_role_policy_document =
            Embedded(RoleTrustPolicy::of(&contents.header, &component.subjects()));
    }
}

pub(super) fn attacks(kit: &Kit) -> Vec<Attack> {
    let of_index = |name, former: fn() -> Vec<FormerIssuer>, problems, first: &str| {
        contradiction(
            name,
            kit.with_contents(|contents| moved(contents, former())),
            problems,
            &format!("bundle.json: {first}"),
        )
    };
    let of_role = |name, change: fn(&mut RoleTrustPolicy), first: &str| {
        let delivery = kit.with_contents(|contents| {
            moved(contents, vec![hosted("https://oidc.example.com/old")]);
            change(&mut contents.roles[0].create.assume_role_policy_document.0);
        });
        contradiction(name, delivery, 1, &format!("{ROLE}: {first}"))
    };
    vec![
        of_index(
            "the issuer as its own former issuer",
            || vec![hosted(OWN)],
            1,
            &format!("formerIssuers names {OWN}, the issuer itself"),
        ),
        of_index(
            "three former issuers",
            || ["a", "b", "c"].map(|path| hosted(&format!("https://oidc.example.com/{path}"))).into(),
            1,
            "formerIssuers: 3; at most 2 are allowed",
        ),
        // Those that are too many cost no work, and no line; that neither role trusts them is a line each.
        contradiction(
            "a thousand former issuers, each with a bucket of its own",
            kit.with_contents(|contents| {
                let of =
                    |number| public(&format!("https://oidc.example.com/{number:04}"), &format!("keys-{number:04}"));
                contents.header.former_issuers = (0..1000).map(of).collect();
            }),
            5,
            "bundle.json: formerIssuers: 1000; at most 2 are allowed",
        ),
        of_index(
            "former issuers in another order",
            || ["b", "a"].map(|path| hosted(&format!("https://oidc.example.com/{path}"))).into(),
            1,
            "formerIssuers are not sorted by issuerUrl, or one occurs twice",
        ),
        of_index(
            "a former issuer twice",
            || ["a", "a"].map(|path| hosted(&format!("https://oidc.example.com/{path}"))).into(),
            1,
            "formerIssuers are not sorted by issuerUrl, or one occurs twice",
        ),
        of_index(
            "a former issuer in the cluster's own bucket",
            || vec![FormerIssuer { endpoint: Endpoint::Cloudfront, ..hosted("https://d111111abcdef8.cloudfront.net") }],
            1,
            "bucket prod-a-oidc is of two issuers; each has its own",
        ),
        of_index(
            "a former issuer in another bucket than its URL says",
            || vec![public(OTHER_BUCKET, "evil-keys")],
            1,
            &format!(
                "issuerUrl of a former issuer: expected \"https://evil-keys.s3.eu-central-1.amazonaws.com\", found \"{OTHER_BUCKET}\""
            ),
        ),
        of_index(
            "a bucket of a former issuer that somebody else hosts",
            || vec![FormerIssuer { bucket_name: Some(parsed("evil-keys")), ..hosted("https://oidc.example.com/old") }],
            1,
            "bucketName of former issuer https://oidc.example.com/old: expected null, found \"evil-keys\"",
        ),
        contradiction(
            "a former issuer that no role trusts",
            kit.with_contents(|contents| contents.header.former_issuers = vec![hosted("https://oidc.example.com/old")]),
            2,
            &format!("{ROLE}: trust policy: expected exactly 2 statements, found 1"),
        ),
        contradiction(
            "a former issuer of roles for somebody else's provider",
            kit.of_roles().with_contents(|contents| moved(contents, vec![hosted("https://oidc.example.com/old")])),
            1,
            "bundle.json: formerIssuers is not for a bundle of kind roles",
        ),
        of_role(
            "a former issuer's provider in another account",
            |trust| trust.statement[1].principal.federated = PROVIDER.replace("123456789012", "210987654321"),
            &format!(
                "Principal of statement 2 of the trust policy: expected \"{PROVIDER}\", found \"{}\"",
                PROVIDER.replace("123456789012", "210987654321")
            ),
        ),
        of_role(
            "another provider than the former issuer's",
            |trust| trust.statement[1].principal.federated = PROVIDER.replace("old", "evil"),
            &format!(
                "Principal of statement 2 of the trust policy: expected \"{PROVIDER}\", found \"{}\"",
                PROVIDER.replace("old", "evil")
            ),
        ),
        of_role(
            "more subjects of a former issuer",
            |trust| {
                let subjects = trust.statement[1].condition.string_equals.values_mut().next();
                subjects.unwrap().push("system:serviceaccount:evil:evil".to_owned());
            },
            "subjects of statement 2 of the trust policy: expected [\"system:serviceaccount:registry:registry\"], found \
             [\"system:serviceaccount:registry:registry\",\"system:serviceaccount:evil:evil\"]",
        ),
        contradiction(
            "the former issuer's statement first",
            kit.with_contents(|contents| {
                moved(contents, vec![hosted("https://oidc.example.com/old")]);
                contents.roles[0].create.assume_role_policy_document.0.statement.swap(0, 1);
            }),
            4,
            &format!(
                "{ROLE}: trust policy's Principal: expected \"arn:aws:iam::123456789012:oidc-provider/prod-a-oidc.s3.eu-central-1.amazonaws.com\", \
                 found \"{PROVIDER}\""
            ),
        ),
    ]
}

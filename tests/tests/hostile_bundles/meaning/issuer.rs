//! The issuer: key, discovery, bucket, provider.

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::key::ServiceAccountKey;
use bundle_schema::documents::{Jwks, PutBucketPolicy};
use generator::keys::service_account::{KeyType, PrivateKey};
use tests::forge::Kit;
use tests::forge::contents::{
    P256, P384, RSA_1024, RSA_EXPONENT_3, bucket as bucket_of, issuer as issuer_of, parsed, publish, rotating,
};

use super::contradiction;
use crate::{Attack, refused};

fn policy_of(contents: &mut Contents) -> &mut PutBucketPolicy {
    bucket_of(contents).policy.as_mut().unwrap()
}

const KEY: &str = "serviceaccount-signer.public";
const HOST: &str = "prod-a-oidc.s3.eu-central-1.amazonaws.com";

pub(super) fn issuer(kit: &Kit) -> Vec<Attack> {
    let key_pem = |name, pem: &'static str, reason: &str| {
        refused(name, kit.with_text(KEY, |_| pem.to_owned()), &format!("{KEY} is refused\n  because: {reason}"))
    };
    let (jwks, discovery) = ("oidc/keys.json", "oidc/openid-configuration");
    let other_key =
        kit.with_contents(|contents| issuer_of(contents).public_key = ServiceAccountKey::from_pem(P256).unwrap());
    vec![
        contradiction(
            "JWKS with a foreign key",
            other_key,
            9,
            &format!("{discovery}: id_token_signing_alg_values_supported: expected [\"ES256\"], found [\"RS256\"]"),
        ),
        contradiction(
            "kid that is not its key's",
            kit.with_contents(|contents| issuer_of(contents).jwks.keys[0].kid = "A".repeat(43)),
            1,
            &format!(
                "{jwks}: kid: expected \"{}\", found \"{}\"",
                kit.contents.keys().next().unwrap().kid(),
                "A".repeat(43)
            ),
        ),
        contradiction(
            "JWK for encryption",
            kit.with_contents(|contents| issuer_of(contents).jwks.keys[0].usage = "enc".to_owned()),
            1,
            &format!("{jwks}: use: expected \"sig\", found \"enc\""),
        ),
        contradiction(
            "JWK of another type",
            kit.with_contents(|contents| issuer_of(contents).jwks.keys[0].kty = "oct".to_owned()),
            1,
            &format!("{jwks}: kty: expected \"RSA\", found \"oct\""),
        ),
        contradiction(
            "JWK of algorithm none",
            kit.with_contents(|contents| issuer_of(contents).jwks.keys[0].alg = "none".to_owned()),
            1,
            &format!("{jwks}: alg: expected \"RS256\", found \"none\""),
        ),
        contradiction(
            "JWK with another exponent",
            kit.with_contents(|contents| issuer_of(contents).jwks.keys[0].e = Some("Aw".to_owned())),
            1,
            &format!("{jwks}: e: expected \"AQAB\", found \"Aw\""),
        ),
        contradiction(
            "JWK with a curve beside the modulus",
            kit.with_contents(|contents| issuer_of(contents).jwks.keys[0].crv = Some("P-256".to_owned())),
            1,
            &format!("{jwks}: crv: expected null, found \"P-256\""),
        ),
        contradiction(
            "a second key in the JWKS",
            kit.with_contents(|contents| {
                issuer_of(contents).jwks.keys.push(ServiceAccountKey::from_pem(P256).unwrap().jwk().clone())
            }),
            1,
            &format!("{jwks}: keys: expected exactly 1, found 2"),
        ),
        contradiction(
            "no key in the JWKS",
            kit.with_contents(|contents| issuer_of(contents).jwks.keys.clear()),
            1,
            &format!("{jwks}: keys: expected exactly 1, found 0"),
        ),
        contradiction(
            "JWKS served from elsewhere",
            kit.with_contents(|contents| {
                issuer_of(contents).discovery.jwks_uri = "https://evil.example/keys.json".to_owned()
            }),
            1,
            &format!(
                "{discovery}: jwks_uri: expected \"https://{HOST}/keys.json\", found \"https://evil.example/keys.json\""
            ),
        ),
        contradiction(
            "discovery of another issuer",
            kit.with_contents(|contents| issuer_of(contents).discovery.issuer = parsed("https://evil.example")),
            1,
            &format!("{discovery}: issuer: expected \"https://{HOST}\", found \"https://evil.example\""),
        ),
        key_pem("weak RSA", RSA_1024, "the RSA key has 1024 bits; 2048 to 8192 are allowed"),
        key_pem("RSA with exponent 3", RSA_EXPONENT_3, "the RSA key's exponent is not 65537"),
        key_pem(
            "a curve that IAM does not take",
            P384,
            "the key's algorithm is 1.3.132.0.34; RSA and P-256 are supported",
        ),
        key_pem(
            "no key in the key file",
            "hello\n",
            "the public key is not one PEM block with the header PUBLIC KEY\n  give the public half, as `openssl pkey -pubout` prints it",
        ),
    ]
}

/// The keys that are published besides the one that signs.
pub(super) fn further_keys(kit: &Kit) -> Vec<Attack> {
    let key = ServiceAccountKey::from_pem(P256).unwrap();
    let (own, jwks) = (format!("keys/{}.public", key.kid()), "oidc/keys.json");
    let signing = kit.contents.keys().next().unwrap().clone();
    let with_key =
        |path: &str, pem: String| kit.with_entries(|entries| drop(entries.insert(path.to_owned(), pem.into_bytes())));
    let changed = |change: fn(&mut Contents)| {
        kit.with_contents(|contents| {
            *contents = rotating();
            change(contents);
        })
    };
    let other = format!("keys/{}.public", "A".repeat(43));
    vec![
        refused(
            "a further key under another's name",
            with_key(&other, P256.to_owned()),
            &format!("entry {other} holds another key than it is named after; the place of that key is {own}"),
        ),
        refused(
            "a further key in another spelling",
            with_key(&own, P256.replace('\n', "\r\n")),
            &format!(
                "{own} is refused\n  because: the public key is not one PEM block with the header PUBLIC KEY\n  give the public \
                 half, as `openssl pkey -pubout` prints it"
            ),
        ),
        refused(
            "no key in a further key's file",
            with_key("keys/README", "hello\n".to_owned()),
            "keys/README is refused\n  because: the public key is not one PEM block with the header PUBLIC KEY\n  give the \
             public half, as `openssl pkey -pubout` prints it",
        ),
        contradiction(
            "a further key that is not published",
            with_key(&own, P256.to_owned()),
            2,
            "oidc/openid-configuration: id_token_signing_alg_values_supported: expected [\"ES256\",\"RS256\"], found [\"RS256\"]",
        ),
        contradiction(
            "a further key that is not in the JWKS",
            changed(|contents| issuer_of(contents).jwks.keys.truncate(1)),
            1,
            &format!("{jwks}: keys: expected exactly 2, found 1"),
        ),
        contradiction(
            "a key of the JWKS without a file",
            changed(|contents| {
                let keys = &mut issuer_of(contents).jwks.keys;
                keys.push(keys[1].clone());
            }),
            1,
            &format!("{jwks}: keys: expected exactly 2, found 3"),
        ),
        contradiction(
            "a further key in the place of the one that signs",
            changed(|contents| issuer_of(contents).jwks.keys.reverse()),
            16,
            &format!("{jwks}: kty: expected \"RSA\", found \"EC\""),
        ),
        contradiction(
            "another point for a further key",
            changed(|contents| issuer_of(contents).jwks.keys[1].y = issuer_of(contents).jwks.keys[1].x.clone()),
            1,
            &format!(
                "{jwks}: keys[1].y: expected \"{}\", found \"{}\"",
                key.jwk().y.as_ref().unwrap(),
                key.jwk().x.as_ref().unwrap()
            ),
        ),
        contradiction(
            "the key that signs a second time",
            changed(|contents| {
                issuer_of(contents).further_keys = vec![issuer_of(contents).public_key.clone()];
                publish(contents);
            }),
            1,
            &format!("keys/{}.public: is the key of {KEY} again", signing.kid()),
        ),
        contradiction(
            "more keys than anybody rotates",
            changed(|contents| {
                let new = || PrivateKey::generate(KeyType::P256).unwrap().public().clone();
                issuer_of(contents).further_keys = (0..4).map(|_| new()).collect();
                issuer_of(contents).further_keys.sort_by(|a, b| a.kid().cmp(b.kid()));
                issuer_of(contents).jwks = Jwks::of(contents.keys());
            }),
            1,
            "keys/: public keys: 5; at most 4 are allowed",
        ),
    ]
}

pub(super) fn bucket(kit: &Kit) -> Vec<Attack> {
    let at = |name, file: &str, first: &str, change: fn(&mut Contents)| {
        contradiction(name, kit.with_contents(change), 1, &format!("aws/bucket{file}.json: {first}"))
    };
    vec![
        at("another bucket", "", "Bucket: expected \"prod-a-oidc\", found \"evil-oidc\"", |contents| {
            bucket_of(contents).create.bucket = parsed("evil-oidc")
        }),
        at(
            "bucket in another region",
            "",
            "CreateBucketConfiguration: expected {\"LocationConstraint\":\"eu-central-1\"}, found {\"LocationConstraint\":\"us-west-2\"}",
            |contents| {
                bucket_of(contents).create.create_bucket_configuration.as_mut().unwrap().location_constraint =
                    parsed("us-west-2");
            },
        ),
        at(
            "bucket without a region",
            "",
            "CreateBucketConfiguration: expected {\"LocationConstraint\":\"eu-central-1\"}, found null",
            |contents| {
                bucket_of(contents).create.create_bucket_configuration = None;
            },
        ),
        at(
            "policy on another bucket",
            "-policy",
            "Bucket: expected \"prod-a-oidc\", found \"evil-oidc\"",
            |contents| policy_of(contents).bucket = parsed("evil-oidc"),
        ),
        at(
            "bucket of another account",
            "-policy",
            "ExpectedBucketOwner: expected \"123456789012\", found \"210987654321\"",
            |contents| {
                policy_of(contents).expected_bucket_owner = parsed("210987654321");
            },
        ),
        at(
            "bucket policy that lets everybody write",
            "-policy",
            "Policy: expected {\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"AllowReadPublicAccess\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":[\"s3:GetObject\"],\"Resource\":[\"arn:aws:s3:::prod-a-oidc/.well-known/openid-configuration\",\"... (81 more characters), found {\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"AllowReadPublicAccess\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":[\"s3:*\"],",
            |contents| {
                policy_of(contents).policy.0.statement[0].action = vec!["s3:*".to_owned()];
            },
        ),
        at(
            "a second statement in the bucket policy",
            "-policy",
            "Policy: expected {\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"AllowReadPublicAccess\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":[\"s3:GetObject\"],\"Resource\":[\"arn:aws:s3:::prod-a-oidc/.well-known/openid-configuration\",\"... (81 more characters), found {\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"AllowReadPublicAccess\",",
            |contents| {
                let mut second = policy_of(contents).policy.0.statement[0].clone();
                second.action = vec!["s3:PutObject".to_owned()];
                policy_of(contents).policy.0.statement.push(second);
            },
        ),
        at(
            "public ACLs allowed",
            "-public-access-block",
            "PublicAccessBlockConfiguration: expected {\"BlockPublicAcls\":true,\"IgnorePublicAcls\":true,\"BlockPublicPolicy\":false,\"RestrictPublicBuckets\":false}, found {\"BlockPublicAcls\":false,",
            |contents| {
                bucket_of(contents).public_access_block.public_access_block_configuration.block_public_acls = false;
            },
        ),
        at(
            "other tags on the bucket",
            "-tagging",
            "TagSet: expected [{\"Key\":\"Name\",\"Value\":\"prod-a\"},{\"Key\":\"openshift.io/cloud-credential-operator/prod-a\",\"Value\":\"owned\"},{\"Key\":\"team\",\"Value\":\"payments\"}], found [{\"Key\":\"Name\",\"Value\":\"prod-a\"}]",
            |contents| bucket_of(contents).tagging.tagging.tag_set.truncate(1),
        ),
    ]
}

pub(super) fn provider(kit: &Kit) -> Vec<Attack> {
    let at = |name, first: &str, change: fn(&mut Contents)| {
        contradiction(name, kit.with_contents(change), 1, &format!("aws/identity-provider.json: {first}"))
    };
    vec![
        at(
            "provider of a foreign issuer",
            &format!("Url: expected \"https://{HOST}\", found \"https://evil.example\""),
            |contents| {
                issuer_of(contents).provider.url = parsed("https://evil.example");
            },
        ),
        at("provider without audience", "ClientIDList is empty; tokens need an audience", |contents| {
            issuer_of(contents).provider.client_id_list.clear()
        }),
        at("an audience twice", "ClientIDList names openshift twice", |contents| {
            issuer_of(contents).provider.client_id_list[1] = parsed("openshift")
        }),
        at("too many audiences", "ClientIDList: 102; at most 100 are allowed", |contents| {
            issuer_of(contents).provider.client_id_list.extend((0..100).map(|number| parsed(&format!("a{number}"))));
        }),
        at("too many thumbprints", "ThumbprintList: 6; at most 5 are allowed", |contents| {
            issuer_of(contents).provider.thumbprint_list =
                Some((0..6).map(|number| parsed(&format!("{number:040}"))).collect());
        }),
        at(
            "an empty thumbprint list",
            "ThumbprintList is empty; leave it out to let IAM fetch the chain",
            |contents| {
                issuer_of(contents).provider.thumbprint_list = Some(vec![]);
            },
        ),
        at(
            "provider with other tags",
            "Tags: expected [{\"Key\":\"Name\",\"Value\":\"prod-a\"},{\"Key\":\"openshift.io/cloud-credential-operator/prod-a\",\"Value\":\"owned\"},{\"Key\":\"team\",\"Value\":\"payments\"}], found []",
            |contents| issuer_of(contents).provider.tags.clear(),
        ),
    ]
}

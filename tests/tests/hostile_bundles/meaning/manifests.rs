//! The manifests, and private material where none belongs.

use tests::forge::Kit;

use super::contradiction;
use crate::{Attack, refused};

const SECRET: &str = "manifests/registry-bucket-creds-credentials.yaml";
const AUTHENTICATION: &str = "manifests/cluster-authentication-02-config.yaml";
const HOST: &str = "prod-a-oidc.s3.eu-central-1.amazonaws.com";

pub(super) fn manifests(kit: &Kit) -> Vec<Attack> {
    let text = |name, file: &str, from: &str, to: &str, first: &str| {
        contradiction(name, kit.with_text(file, |text| text.replacen(from, to, 1)), 1, &format!("{file}: {first}"))
    };
    let arn = "arn:aws:iam::123456789012:role/prod-a-registry-bucket-creds";
    let foreign = "arn:aws:iam::210987654321:role/evil";
    vec![
        text(
            "Secret with a foreign role",
            SECRET,
            arn,
            foreign,
            &format!("line 6: expected \"role_arn = {arn}\", found \"role_arn = {foreign}\""),
        ),
        text(
            "Secret with an extra line",
            SECRET,
            "kind: Secret",
            "    aws_access_key_id = x\nkind: Secret",
            "line 8: expected \"kind: Secret\", found \"aws_access_key_id = x\"",
        ),
        text(
            "Secret in another namespace",
            SECRET,
            "namespace: \"registry\"",
            "namespace: \"kube-system\"",
            "line 11: expected \"namespace: \\\"registry\\\"\", found \"namespace: \\\"kube-system\\\"\"",
        ),
        text(
            "Secret with another token",
            SECRET,
            "serviceaccount/token",
            "serviceaccount/../token",
            "line 7: expected \"web_identity_token_file = /var/run/secrets/openshift/serviceaccount/token\", found \"web_identity_token_file = /var/run/secrets/openshift/serviceaccount/../token\"",
        ),
        text(
            "a second document in a Secret",
            SECRET,
            "type: Opaque\n",
            "type: Opaque\n---\nkind: Secret\n",
            "line 13: expected the end of the file, found \"---\"",
        ),
        text(
            "Secret cut short",
            SECRET,
            "type: Opaque\n",
            "",
            "line 12: expected \"type: Opaque\", found the end of the file",
        ),
        text(
            "Authentication with a foreign issuer",
            AUTHENTICATION,
            HOST,
            "evil.example",
            &format!(
                "line 6: expected \"serviceAccountIssuer: https://{HOST}\", found \"serviceAccountIssuer: https://evil.example\""
            ),
        ),
    ]
}

pub(super) fn secrets(kit: &Kit) -> Vec<Attack> {
    let file = "credentials-requests/disk.yaml";
    let with = |name, what: &str, material: &'static str| {
        let error = format!(
            "entry {file} holds {what}; a bundle never holds private key material\n  treat that key as exposed, and make the bundle again without it"
        );
        refused(name, kit.with_text(file, |text| text + material), &error)
    };
    vec![
        with(
            "PEM private key inside",
            "a PEM private key",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n",
        ),
        with("OpenSSH private key inside", "a PEM private key", "-----BEGIN OPENSSH PRIVATE KEY-----\n"),
        with("PGP private key inside", "a PGP private key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n"),
        with("base64 of a PEM inside", "a PEM block in base64", "key: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ==\n"),
        with("minisign secret key inside", "a minisign secret key", "RWRTY0IyAAAAAAAAAAAA\n"),
        with("age identity inside", "an age identity", "AGE-SECRET-KEY-1QQQQQQQQ\n"),
        with(
            "AWS access key ID in base64 inside",
            "an AWS access key ID in base64",
            "data: {id: QUtJQUlPU0ZPRE5ON0VYQU1QTEU=}\n",
        ),
        with("AWS access key ID inside", "an AWS access key ID", "id: AKIAIOSFODNN7EXAMPLE\n"),
        with(
            "private JWK inside",
            "a private JWK",
            "{\"kty\":\"EC\",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}\n",
        ),
        refused(
            "private member in the JWKS",
            kit.with_text("oidc/keys.json", |text| {
                text.replacen("\"e\": \"AQAB\"", "\"e\": \"AQAB\",\n      \"d\": \"AQAB\"", 1)
            }),
            "oidc/keys.json is refused: unknown field `d`, expected one of `use`, `kty`, `kid`, `alg`, `n`, `e`, `crv`, `x`, `y` at line 10 column 9",
        ),
    ]
}

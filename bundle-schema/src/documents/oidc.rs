//! The documents under `oidc/`: what AWS reads at the issuer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::documents::key::ServiceAccountKey;
use crate::names::IssuerUrl;

/// The OpenID discovery document, served at `.well-known/openid-configuration`
/// [OpenID Connect Discovery 1.0, section 3; Kubernetes, service account issuer discovery].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discovery {
    /// The issuer, as tokens name it.
    pub issuer: IssuerUrl,
    /// `<issuer>/keys.json`.
    pub jwks_uri: String,
    /// `id_token`.
    pub response_types_supported: Vec<String>,
    /// `public`.
    pub subject_types_supported: Vec<String>,
    /// The algorithms of the keys, sorted, none twice.
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// As ccoctl lists them.
    pub claims_supported: Vec<String>,
}

impl Discovery {
    /// The one discovery document of an issuer that publishes these keys.
    #[must_use]
    pub fn of(issuer: &IssuerUrl, jwks: &Jwks) -> Self {
        let algorithms: BTreeSet<&str> = jwks.keys.iter().map(|key| key.alg.as_str()).collect();
        let algorithms: Vec<&str> = algorithms.into_iter().collect();
        let list = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
        Self {
            issuer: issuer.clone(),
            jwks_uri: format!("{issuer}/keys.json"),
            response_types_supported: list(&["id_token"]),
            subject_types_supported: list(&["public"]),
            id_token_signing_alg_values_supported: list(&algorithms),
            claims_supported: list(&["aud", "exp", "sub", "iat", "iss", "sub"]),
        }
    }
}

/// The JSON Web Key Set, served at `keys.json` and `openid/v1/jwks` [RFC 7517].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwks {
    /// The key that signs now, then those that are published besides, sorted by key ID.
    pub keys: Vec<Jwk>,
}

impl Jwks {
    /// The set of these keys, in this order.
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a ServiceAccountKey>) -> Self {
        Self { keys: keys.into_iter().map(|key| key.jwk().clone()).collect() }
    }
}

/// A public key [RFC 7517, RFC 7518 section 6]. Which fields are there depends on `kty`; private members have no field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// `RSA` or `EC`.
    pub kty: String,
    /// base64url of SHA-256 over the SPKI DER [Kubernetes pkg/serviceaccount/jwt.go].
    pub kid: String,
    /// `RS256` or `ES256`.
    pub alg: String,
    /// RSA: the modulus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA: the public exponent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// EC: `P-256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// EC: the point's x coordinate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// EC: the point's y coordinate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
}

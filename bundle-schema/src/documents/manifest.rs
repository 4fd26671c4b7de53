//! The manifests that go to the installer, rendered from typed values.
//!
//! Every value is of a type whose characters YAML gives no meaning to in these places, so rendering is exact and reading
//! back is comparing bytes: no YAML parser is needed where AWS credentials are.

use crate::documents::index::{Component, Header};
use crate::names::IssuerUrl;

/// The entry of the Authentication manifest.
pub const AUTHENTICATION_PATH: &str = "manifests/cluster-authentication-02-config.yaml";

/// The Secret that tells a component which role it has.
#[must_use]
pub fn secret(header: &Header, component: &Component) -> String {
    format!(
        "apiVersion: v1\n\
         stringData:\n\
         \x20 credentials: |-\n\
         \x20   [default]\n\
         \x20   sts_regional_endpoints = regional\n\
         \x20   role_arn = {role_arn}\n\
         \x20   web_identity_token_file = {token_path}\n\
         kind: Secret\n\
         metadata:\n\
         \x20 name: \"{name}\"\n\
         \x20 namespace: \"{namespace}\"\n\
         type: Opaque\n",
        role_arn = header.role_arn(&component.role_name),
        token_path = component.token_path,
        name = component.secret_name,
        namespace = component.secret_namespace,
    )
}

/// The Authentication resource that tells the cluster its issuer.
#[must_use]
pub fn authentication(issuer: &IssuerUrl) -> String {
    format!(
        "apiVersion: config.openshift.io/v1\n\
         kind: Authentication\n\
         metadata:\n\
         \x20 name: cluster\n\
         spec:\n\
         \x20 serviceAccountIssuer: {issuer}\n"
    )
}

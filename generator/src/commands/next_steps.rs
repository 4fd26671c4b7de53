//! What is done with a bundle once it is made.

use std::path::Path;

use bundle_schema::documents::contents::Contents;
use bundle_schema::documents::index::{Endpoint, Header};
use bundle_schema::escape::escaped_path;
use bundle_schema::names::IssuerUrl;

use super::bundle_files::Places;
use super::key_source::Kept;

/// What the way on depends on besides the bundle.
pub(super) struct Way<'a> {
    /// The bundle before, and its file.
    pub(super) older: Option<(&'a Path, &'a Header)>,
    /// Where the private key is.
    pub(super) key: &'a Kept,
    /// Whether it is the first bundle with this cluster's issuer.
    pub(super) makes_cluster: bool,
}

/// The way on, step by step. Only a cluster's first bundle is for an installation; a later one, and roles for an identity provider
/// that is there already, are for a cluster that runs.
pub(super) fn next_steps(places: &Places, contents: &Contents, way: &Way<'_>) -> Vec<String> {
    let bundle = escaped_path(places.bundle());
    let mut steps = vec![have_reviewed(&bundle, way.older.map(|(file, _)| file))];
    let is_hosted = contents.header.endpoint == Some(Endpoint::Hosted);
    let issuer = contents.header.issuer_url.as_ref().filter(|_| is_hosted);
    steps.extend(issuer.map(|url| publish(&bundle, url)));
    steps.push(
        format!(
            "carry the bundle and its .minisig files to the privileged network: airlock-applier plan {bundle} --trust trust.json"
        ),
    );
    let Some(install) = &places.install else { return steps };
    steps.extend(dns_record(contents));
    let archive = if let Some(path) = &install.archive {
        escaped_path(path)
    } else {
        let name = &install.name;
        steps.push(format!("decrypt what standard output was piped into as {name}, beside {name}.minisig"));
        name.clone()
    };
    let extract = format!("minisign -Vm {archive} -p generator.pub && tar xzf {archive} -C INSTALL-DIR");
    // A cluster that is not there yet has its issuer made with it.
    steps.push(if way.makes_cluster && contents.issuer.is_some() {
        format!("before openshift-install create cluster, check and extract the install archive where it runs: {extract}")
    } else {
        format!("once the bundle is applied, check and extract the install archive and apply its Secrets to the cluster: {extract} && oc apply -f INSTALL-DIR/manifests")
    });
    if let Some((file, older)) = way.older {
        steps.extend(to_the_issuer(&bundle, &contents.header, older, &escaped_path(file)));
    }
    match way.key {
        Kept::Nowhere => {}
        Kept::InTheArchive => steps.push(format!(
            "keep the install archive where only the installer's team can read it: it alone holds the cluster's private \
             key. If it is lost before the bundle is applied, delete {}, and run this command again with the same serial",
            places.named()
        )),
        Kept::InFile(file) => steps.push(format!(
            "the install archive holds no key, because a cluster that runs has it; to install a cluster all the same: cp {} \
             INSTALL-DIR/tls/bound-service-account-signing-key.key",
            escaped_path(file)
        )),
    }
    steps
}

/// The way of a cluster to another issuer, while its roles trust both, and what is left to do once they trust one
/// [cloud-credential-operator, docs/sts-migrate-to-private-bucket.md].
fn to_the_issuer(bundle: &str, header: &Header, older: &Header, old_bundle: &str) -> Vec<String> {
    let mut steps = Vec::new();
    if let (Some(url), Some(old)) = (&header.issuer_url, &older.issuer_url)
        && url != old
    {
        steps.push(format!(
            "once the bundle is applied, let the cluster's tokens name the new issuer: oc patch authentication cluster --type=merge -p \
             '{{\"spec\":{{\"serviceAccountIssuer\":\"{url}\"}}}}' && oc adm wait-for-stable-cluster"
        ));
        steps.push(
            "restart every pod, so that each has a token of the new issuer: oc adm reboot-machine-config-pool mcp/worker mcp/master && oc adm \
             wait-for-node-reboot nodes --all"
                .to_owned(),
        );
        steps.push(format!(
            "after that, make the bundle whose roles trust the former issuer no longer: airlock-generator create-bundle --previous {bundle} \
             --trusted-key KEY --drop-issuer {old} --credentials-requests-dir DIR --signing-key KEY --output-dir DIR"
        ));
        steps.push(format!(
            "once that one is applied, delete the former issuer with the bundle that made it: airlock-applier delete {old_bundle} --trust trust.json"
        ));
    }
    steps.extend(dropped(header, older).map(|url| {
        format!("once the bundle is applied, delete the issuer {url} with the last bundle that had it: airlock-applier delete OLD-BUNDLE --trust trust.json")
    }));
    steps
}

/// The former issuers of the bundle before that roles of this one trust no longer.
fn dropped<'a>(header: &'a Header, older: &'a Header) -> impl Iterator<Item = &'a IssuerUrl> {
    let is_left = |url: &&IssuerUrl| header.trusted_issuers().any(|trusted| trusted == *url);
    older.former_issuers.iter().map(|former| &former.issuer_url).filter(move |url| !is_left(url))
}

fn have_reviewed(bundle: &str, older: Option<&Path>) -> String {
    let against = older.map_or_else(String::new, |older| format!(" --against {}", escaped_path(older)));
    format!(
        "have the bundle reviewed and signed again: airlock-generator review {bundle}{against} --trusted-key generator.pub && airlock-generator sign {bundle} --trusted-key generator.pub --signing-key REVIEWERS-KEY"
    )
}

/// The way from the bundle of an endpoint to that of its cluster.
pub(super) fn to_the_cluster(places: &Places, contents: &Contents, older: Option<&Path>) -> Vec<String> {
    let bundle = escaped_path(places.bundle());
    let receipt = format!("{}-receipt.json", contents.header.file_stem());
    let previous =
        older.map_or_else(String::new, |older| format!(" --previous {} --trusted-key KEY", escaped_path(older)));
    vec![
        have_reviewed(&bundle, None),
        format!(
            "carry the bundle and its .minisig files to the privileged network, and apply it: airlock-applier apply {bundle} --trust trust.json --receipt {receipt}"
        ),
        format!(
            "whoever applied it signs the receipt, with a key that signs no bundles: airlock-generator sign {receipt} --signing-key OPERATORS-KEY --signer operator"
        ),
        format!(
            "carry the receipt and its .minisig file back, and make the cluster's bundle: airlock-generator create-bundle{previous} --endpoint-receipt {receipt} --receipt-key operator.pub --credentials-requests-dir DIR --signing-key KEY --output-dir DIR"
        ),
    ]
}

/// Nobody finds a distribution under the issuer's own name without it.
fn dns_record(contents: &Contents) -> Option<String> {
    let header = &contents.header;
    let url = header.certificate.as_ref().and(header.issuer_url.as_ref())?;
    Some(format!(
        "as soon as the applier names the distribution, make the DNS record {} as a CNAME of its name: the identity provider is made once the documents can be read at {url}",
        url.host()
    ))
}

/// Which entry is published where, before the applier looks for it.
fn publish(bundle: &str, issuer: &IssuerUrl) -> String {
    format!(
        "once the bundle is signed by everybody, publish its documents as application/json: tar xzOf {bundle} oidc/openid-configuration at \
         {issuer}/.well-known/openid-configuration, tar xzOf {bundle} oidc/keys.json at {issuer}/keys.json and at {issuer}/openid/v1/jwks"
    )
}

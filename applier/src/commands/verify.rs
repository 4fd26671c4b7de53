//! `airlock-applier verify`: checks 1 to 9 of a bundle, or all that there is to check of a receipt; and who signed what.

mod receipt;

use std::fmt::Write as _;
use std::io::stdout;

use bundle_schema::bundle::SignedFiles;
use bundle_schema::documents::index::{Endpoint, Kind};
use bundle_schema::escape::{Escaped, EscapedWhole, escaped_json};
use bundle_schema::exit::ExitCode;
use bundle_schema::layout::fold;
use bundle_schema::parallel;
use bundle_schema::signature::{Signer, Subject};
use serde::Serialize;

use super::{Failure, now, print};
use crate::admit::{AdmitError, Admitted, check_receipt};
use crate::cli::{Format, TrustArgs, VerifyArgs};
use crate::served;

pub(super) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let VerifyArgs { file, trust, signature, format } = args;
    let trusted = super::trust(trust)?;
    let files = SignedFiles::open(file, signature).map_err(AdmitError::from)?;
    let text = match (files.subject(), format) {
        (Subject::Bundle, format) => {
            let admitted = Admitted::of(files, &trusted, now()?)?;
            let report = match format {
                Format::Text => fold(&text(&admitted, trust)),
                Format::Json => json(&admitted),
            };
            parallel::dispose(admitted);
            report
        }
        (Subject::Receipt, Format::Text) => fold(&receipt::text(&check_receipt(files, &trusted)?, trust)),
        (Subject::Receipt, Format::Json) => receipt::json(&check_receipt(files, &trusted)?),
    };
    print(&mut stdout(), format_args!("{text}"))?;
    Ok(ExitCode::Done)
}

fn text(admitted: &Admitted, trust: &TrustArgs) -> String {
    let bundle = admitted.bundle();
    let header = &bundle.contents().header;
    let mut text = format!(
        "Bundle    {name} serial {serial}\nSHA-256   {digest}\nCreated   {created}, expires {expires}\n\
         Account   {account} ({partition}, {region})\n{about}\nRoles     {roles}\n",
        name = header.name,
        serial = header.serial,
        digest = bundle.digest(),
        created = header.created,
        expires = header.expires,
        account = header.account_id,
        partition = header.partition,
        region = header.region,
        about = match (header.kind, &header.issuer_url, header.provider_arn()) {
            (Kind::Cluster, Some(url), _) => format!("Issuer    {url}"),
            (Kind::Roles, _, Some(arn)) => format!("Kind      roles for identity provider {arn}"),
            _ => "Kind      endpoint: the issuer gets its name from the distribution".to_owned(),
        },
        roles = bundle.contents().roles.len(),
    );
    if header.has_distribution() {
        let (alias, certificate) = (served::alias(header), served::certificate(header));
        let distribution = header.distribution.as_ref().map(|made| (&made.id, &made.domain));
        let words = served::words(alias.as_deref(), certificate.as_deref(), distribution);
        let _ = writeln!(text, "Served    {words}");
    }
    text.push_str(&signed_by(bundle.signers()));
    for exception in admitted.unused_exceptions() {
        let _ = writeln!(text, "Unused    the trust file's exception for {exception}");
    }
    let _ = writeln!(text, "Verified: {}, and the bundle is valid.", required(trust));
    if trust.trusted_key.len() == 1 {
        text.push_str("Only one signature was required. A trust file (--trust) can require a reviewer's too.\n");
    }
    text
}

fn signed_by(signers: &[Signer]) -> String {
    let mut text = String::new();
    for signer in signers {
        // Stock minisign separates the parts of its comment by tabs, the one control that a signature may have.
        let comment = signer.trusted_comment.replace('\t', ", ");
        let _ = writeln!(text, "Signed    {} {}", Escaped(&signer.role), EscapedWhole(&signer.key));
        let _ = writeln!(text, "          {}", Escaped(&comment));
    }
    text
}

fn required(trust: &TrustArgs) -> String {
    match (&trust.trust, trust.trusted_key.len()) {
        (Some(_), _) => "all required roles have signed".to_owned(),
        (None, 1) => "the 1 required key has signed".to_owned(),
        (None, keys) => format!("all {keys} required keys have signed"),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified<'a> {
    kind: Kind,
    name: &'a str,
    serial: u64,
    sha256: &'a str,
    account_id: &'a str,
    partition: &'a str,
    region: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Endpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_arn: Option<String>,
    created: String,
    expires: String,
    roles: Vec<&'a str>,
    signers: &'a [Signer],
    unused_exceptions: &'a [String],
}

fn json(admitted: &Admitted) -> String {
    let bundle = admitted.bundle();
    let header = &bundle.contents().header;
    let verified = Verified {
        kind: header.kind,
        name: header.name.as_str(),
        serial: header.serial,
        sha256: bundle.digest().as_str(),
        account_id: header.account_id.as_str(),
        partition: header.partition.as_str(),
        region: header.region.as_str(),
        issuer_url: header.issuer_url.as_ref().map(bundle_schema::names::IssuerUrl::as_str),
        endpoint: header.endpoint.filter(|_| header.has_distribution()),
        certificate: served::certificate(header),
        distribution_id: header.distribution.as_ref().map(|made| made.id.as_str()),
        provider_arn: header.provider_arn(),
        created: header.created.to_string(),
        expires: header.expires.to_string(),
        roles: bundle.contents().roles.iter().map(|role| role.create.role_name.as_str()).collect(),
        signers: bundle.signers(),
        unused_exceptions: admitted.unused_exceptions(),
    };
    printed(&verified)
}

fn printed(report: &impl Serialize) -> String {
    let mut json = escaped_json(&serde_json::to_string_pretty(report).unwrap_or_default());
    json.push('\n');
    json
}

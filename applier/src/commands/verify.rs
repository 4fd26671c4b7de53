//! `airlock-applier verify`: checks 1 to 9, and who signed what.

use std::fmt::Write as _;
use std::io::stdout;

use bundle_schema::documents::index::Kind;
use bundle_schema::escape::{Escaped, EscapedWhole, escaped_json};
use bundle_schema::exit::ExitCode;
use bundle_schema::layout::fold;
use bundle_schema::signature::Signer;
use serde::Serialize;

use super::{Failure, admit, print};
use crate::admit::Admitted;
use crate::cli::{Format, TrustArgs, VerifyArgs};

pub(super) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let admitted = admit(&args.bundle)?;
    let text = match args.bundle.format {
        Format::Text => fold(&text(&admitted, &args.bundle.trust)),
        Format::Json => json(&admitted),
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
        about = match header.kind {
            Kind::Cluster => format!("Issuer    {}", header.issuer_url),
            Kind::Roles => format!("Kind      roles for identity provider {}", header.provider_arn()),
        },
        roles = bundle.contents().roles.len(),
    );
    for signer in bundle.signers() {
        // Stock minisign separates the parts of its comment by tabs, the one control that a signature may have.
        let comment = signer.trusted_comment.replace('\t', ", ");
        let _ = writeln!(text, "Signed    {} {}", Escaped(&signer.role), EscapedWhole(&signer.key));
        let _ = writeln!(text, "          {}", Escaped(&comment));
    }
    for exception in admitted.unused_exceptions() {
        let _ = writeln!(text, "Unused    the trust file's exception for {exception}");
    }
    let required = match (&trust.trust, trust.trusted_key.len()) {
        (Some(_), _) => "all required roles have signed".to_owned(),
        (None, 1) => "the 1 required key has signed".to_owned(),
        (None, keys) => format!("all {keys} required keys have signed"),
    };
    let _ = writeln!(text, "Verified: {required}, and the bundle is valid.");
    if trust.trusted_key.len() == 1 {
        text.push_str("Only one signature was required. A trust file (--trust) can require a reviewer's too.\n");
    }
    text
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
    issuer_url: &'a str,
    provider_arn: String,
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
        issuer_url: header.issuer_url.as_str(),
        provider_arn: header.provider_arn(),
        created: header.created.to_string(),
        expires: header.expires.to_string(),
        roles: bundle.contents().roles.iter().map(|role| role.create.role_name.as_str()).collect(),
        signers: bundle.signers(),
        unused_exceptions: admitted.unused_exceptions(),
    };
    let mut json = escaped_json(&serde_json::to_string_pretty(&verified).unwrap_or_default());
    json.push('\n');
    json
}

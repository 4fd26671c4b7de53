//! `airlock-applier verify`: checks 1 to 9, and who signed what.

use std::fmt::Write as _;
use std::io::{Write, stdout};

use bundle_schema::escape::{Escaped, EscapedWhole};
use bundle_schema::exit::ExitCode;
use serde::Serialize;

use super::{Failure, admit};
use crate::admit::Admitted;
use crate::cli::{Format, VerifyArgs};

pub(super) fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    let admitted = admit(&args.bundle)?;
    let text = match args.bundle.format {
        Format::Text => text(&admitted),
        Format::Json => json(&admitted),
    };
    stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::Done)
}

fn text(admitted: &Admitted) -> String {
    let bundle = admitted.bundle();
    let header = &bundle.contents().header;
    let mut text = format!(
        "Bundle   {header}\nSHA-256  {digest}\nCreated  {created}, expires {expires}\nIssuer   {issuer}\nRoles    {roles}\n",
        digest = bundle.digest(),
        created = header.created,
        expires = header.expires,
        issuer = header.issuer_url,
        roles = bundle.contents().roles.len(),
    );
    for signer in bundle.signers() {
        let _ = writeln!(
            text,
            "Signed   as {} by {} ({})",
            Escaped(&signer.role),
            EscapedWhole(&signer.key),
            // Stock minisign separates the parts of its comment by tabs, the one control that a signature may have.
            Escaped(&signer.trusted_comment.replace('\t', ", "))
        );
    }
    text.push_str("Verified: everybody who has to has signed, and the bundle is valid.\n");
    text
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Signed<'a> {
    role: &'a str,
    key: &'a str,
    trusted_comment: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified<'a> {
    name: &'a str,
    serial: u64,
    sha256: &'a str,
    account: &'a str,
    partition: &'a str,
    region: &'a str,
    issuer: &'a str,
    created: String,
    expires: String,
    roles: Vec<&'a str>,
    signers: Vec<Signed<'a>>,
}

fn json(admitted: &Admitted) -> String {
    let bundle = admitted.bundle();
    let header = &bundle.contents().header;
    let verified = Verified {
        name: header.name.as_str(),
        serial: header.serial,
        sha256: bundle.digest().as_str(),
        account: header.account_id.as_str(),
        partition: header.partition.as_str(),
        region: header.region.as_str(),
        issuer: header.issuer_url.as_str(),
        created: header.created.to_string(),
        expires: header.expires.to_string(),
        roles: bundle.contents().roles.iter().map(|role| role.create.role_name.as_str()).collect(),
        signers: bundle
            .signers()
            .iter()
            .map(|signer| Signed { role: &signer.role, key: &signer.key, trusted_comment: &signer.trusted_comment })
            .collect(),
    };
    let mut json = serde_json::to_string_pretty(&verified).unwrap_or_default();
    json.push('\n');
    json
}

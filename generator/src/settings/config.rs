//! The file of `--config`: the settings of `create-bundle` in YAML, under the names of their flags. An unknown one is
//! refused. What may be given several times is a list. Paths are relative to where the program is started, as in flags.

use std::path::Path;
use std::str::FromStr;

use bundle_schema::file::read_bounded;
use bundle_schema::limits::{MAX_SERIAL, MAX_VALID_DAYS};
use bundle_schema::names::Timestamp;

use crate::settings::flags::{Settings, SettingsError};
use crate::yaml::{self, Cursor, FieldError, Fields, Node};

/// A file of settings, or an install-config, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

const KNOWN: [&str; 42] = [
    "name",
    "region",
    "account-id",
    "credentials-requests-dir",
    "signing-key",
    "output-dir",
    "previous",
    "trusted-key",
    "trust",
    "add-public-key",
    "drop-key",
    "drop-issuer",
    "signing-kid",
    "public-key-file",
    "key-type",
    "install-archive",
    "bucket-name",
    "issuer-url",
    "create-private-s3-bucket",
    "endpoint-receipt",
    "receipt-key",
    "certificate-arn",
    "iam-certificate-id",
    "identity-provider-arn",
    "permissions-boundary-arn",
    "role-path",
    "role-names",
    "tag",
    "audience",
    "thumbprint",
    "partition",
    "dns-suffix",
    "service-accounts",
    "enable-tech-preview",
    "feature-set",
    "feature-gates",
    "install-config",
    "serial",
    "expires-in",
    "created",
    "password-file",
    "no-password",
];

/// Reads a file of settings.
pub(crate) fn read(file: &Path) -> Result<Settings, SettingsError> {
    let settings = read_document(file, |document| settings(&Cursor::root(document)))?;
    let exclude = |first, second| SettingsError::Exclude { file: file.to_owned(), first, second };
    if settings.enable_tech_preview && settings.feature_set.is_some() {
        return Err(exclude("enable-tech-preview", "feature-set"));
    }
    if settings.trust.is_some() && !settings.trusted_key.is_empty() {
        return Err(exclude("trust", "trusted-key"));
    }
    if settings.certificate_arn.is_some() && settings.iam_certificate_id.is_some() {
        return Err(exclude("certificate-arn", "iam-certificate-id"));
    }
    if settings.no_password && settings.password_file.is_some() {
        return Err(exclude("no-password", "password-file"));
    }
    Ok(settings)
}

/// Reads a file of one YAML document.
pub(crate) fn read_document<T>(
    file: &Path,
    read: impl FnOnce(&Node) -> Result<T, FieldError>,
) -> Result<T, SettingsError> {
    let bytes = read_bounded(file, MAX_BYTES)?;
    let not_one = || SettingsError::NotOneDocument(file.to_owned());
    let text = std::str::from_utf8(&bytes).map_err(|_| not_one())?;
    let documents = yaml::parse(text).map_err(|error| SettingsError::Yaml { file: file.to_owned(), error })?;
    let [document] = documents.as_slice() else { return Err(not_one()) };
    read(document).map_err(|error| SettingsError::Field { file: file.to_owned(), error })
}

fn settings(root: &Cursor<'_>) -> Result<Settings, FieldError> {
    let fields = root.fields(&KNOWN)?;
    Ok(Settings {
        name: one(&fields, "name")?,
        region: one(&fields, "region")?,
        account_id: fields.optional("account-id").map(|field| field.parse_digits()).transpose()?,
        credentials_requests_dir: one(&fields, "credentials-requests-dir")?,
        signing_key: one(&fields, "signing-key")?,
        output_dir: one(&fields, "output-dir")?,
        previous: one(&fields, "previous")?,
        trusted_key: many(&fields, "trusted-key")?,
        trust: one(&fields, "trust")?,
        add_public_key: many(&fields, "add-public-key")?,
        drop_key: many(&fields, "drop-key")?,
        drop_issuer: many(&fields, "drop-issuer")?,
        signing_kid: one(&fields, "signing-kid")?,
        public_key_file: one(&fields, "public-key-file")?,
        key_type: choice(&fields, "key-type")?,
        install_archive: one(&fields, "install-archive")?,
        bucket_name: one(&fields, "bucket-name")?,
        issuer_url: one(&fields, "issuer-url")?,
        create_private_s3_bucket: flag(&fields, "create-private-s3-bucket")?,
        endpoint_receipt: one(&fields, "endpoint-receipt")?,
        receipt_key: many(&fields, "receipt-key")?,
        certificate_arn: one(&fields, "certificate-arn")?,
        iam_certificate_id: one(&fields, "iam-certificate-id")?,
        identity_provider_arn: one(&fields, "identity-provider-arn")?,
        permissions_boundary_arn: one(&fields, "permissions-boundary-arn")?,
        role_path: one(&fields, "role-path")?,
        role_names: choice(&fields, "role-names")?,
        tag: many(&fields, "tag")?,
        audience: many(&fields, "audience")?,
        thumbprint: many(&fields, "thumbprint")?,
        partition: one(&fields, "partition")?,
        dns_suffix: one(&fields, "dns-suffix")?,
        service_accounts: many(&fields, "service-accounts")?,
        enable_tech_preview: flag(&fields, "enable-tech-preview")?,
        feature_set: choice(&fields, "feature-set")?,
        feature_gates: gates(&fields)?,
        install_config: one(&fields, "install-config")?,
        serial: number(&fields, "serial", 1..=MAX_SERIAL)?,
        expires_in: number(&fields, "expires-in", 1..=u64::from(MAX_VALID_DAYS))?
            .and_then(|days| u32::try_from(days).ok()),
        created: fields.optional("created").map(|field| created(&field)).transpose()?,
        password_file: one(&fields, "password-file")?,
        no_password: flag(&fields, "no-password")?,
    })
}

fn one<T: FromStr<Err: std::fmt::Display>>(fields: &Fields<'_>, name: &str) -> Result<Option<T>, FieldError> {
    fields.optional(name).map(|field| field.parse()).transpose()
}

fn many<T: FromStr<Err: std::fmt::Display>>(fields: &Fields<'_>, name: &str) -> Result<Vec<T>, FieldError> {
    match fields.optional(name) {
        None => Ok(Vec::new()),
        Some(field) => field.items()?.iter().map(Cursor::parse).collect(),
    }
}

fn choice<T: clap::ValueEnum>(fields: &Fields<'_>, name: &str) -> Result<Option<T>, FieldError> {
    let Some(field) = fields.optional(name) else { return Ok(None) };
    let known = || {
        let names = T::value_variants().iter().filter_map(clap::ValueEnum::to_possible_value);
        names.map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(", ")
    };
    T::from_str(field.text()?, false).map(Some).map_err(|_| field.refused(format_args!("known are {}", known())))
}

fn flag(fields: &Fields<'_>, name: &str) -> Result<bool, FieldError> {
    fields.optional(name).map_or(Ok(false), |field| field.boolean())
}

fn number(fields: &Fields<'_>, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, FieldError> {
    let Some(field) = fields.optional(name) else { return Ok(None) };
    let number: u64 = field.parse_digits()?;
    if range.contains(&number) {
        Ok(Some(number))
    } else {
        Err(field.refused(format_args!("{number} is not from {} to {}", range.start(), range.end())))
    }
}

/// `[A, -B]`, or `A,-B` as the flag has it.
fn gates(fields: &Fields<'_>) -> Result<Option<crate::settings::features::GateList>, FieldError> {
    let Some(field) = fields.optional("feature-gates") else { return Ok(None) };
    if !field.is_list() {
        return field.parse().map(Some);
    }
    let names = field.items()?.iter().map(Cursor::text).collect::<Result<Vec<_>, _>>()?;
    names.join(",").parse().map(Some).map_err(|error| field.refused(error))
}

/// A time is text here, quoted or not: it has no other meaning in this place.
fn created(field: &Cursor<'_>) -> Result<Timestamp, FieldError> {
    Timestamp::parse(field.scalar()?.0).map_err(|error| field.refused(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, Command};

    fn read_text(text: &str) -> Result<Settings, String> {
        let documents = yaml::parse(text).unwrap();
        settings(&Cursor::root(&documents[0])).map_err(|error| error.to_string())
    }

    #[test]
    fn every_flag_has_its_setting() {
        let command = Settings::augment_args(Command::new("x"));
        let flags: Vec<_> = command.get_arguments().filter_map(|argument| argument.get_long()).collect();
        assert_eq!(flags.iter().filter(|flag| !KNOWN.contains(flag)).collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(flags.len(), KNOWN.len());
    }

    #[test]
    fn settings_are_read_by_the_names_of_their_flags() {
        let read = read_text(
            "previous: prod-2.tar.gz\ntrusted-key: [a.pub, b.pub]\nname: prod\nregion: us-east-2\naccount-id: 123456789012\ncredentials-requests-dir: requests\ntag: [team=edge, cost=1]\n\
             feature-gates: [A, -B]\nfeature-set: OKD\nkey-type: p256\nserial: 3\nexpires-in: 7\ncreated: 2026-01-31T12:00:00Z\nno-password: true\n",
        )
        .unwrap();
        assert_eq!(read.account_id.unwrap().as_str(), "123456789012");
        assert_eq!((read.previous, read.trusted_key.len()), (Some("prod-2.tar.gz".into()), 2));
        assert_eq!(read.tag.len(), 2);
        assert_eq!(read.feature_gates, Some("A,-B".parse().unwrap()));
        assert_eq!((read.serial, read.expires_in, read.no_password), (Some(3), Some(7), true));
        assert_eq!(read.created.unwrap().to_string(), "2026-01-31T12:00:00Z");
        assert_eq!(read_text("{}").unwrap(), Settings::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, error) in [
            ("nmae: prod\n", "the document (line 1) has the unknown field \"nmae\"; known are name, region,"),
            ("account-id: 012345678901\n", "account-id (line 1) is 012345678901, which is read differently"),
            ("key-type: rsa\n", "key-type (line 1): known are rsa-4096, rsa-2048, p256"),
            ("serial: 0\n", "serial (line 1): 0 is not from 1 to 999999999"),
            ("expires-in: 5000\n", "expires-in (line 1): 5000 is not from 1 to 400"),
            ("tag: team=edge\n", "tag (line 1): expected a list, found a single value"),
            ("no-password: yes\n", "no-password (line 1): expected true or false, found a single value"),
        ] {
            let found = read_text(text).unwrap_err();
            assert!(found.starts_with(error), "{found}");
        }
    }
}

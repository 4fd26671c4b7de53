//! An identity provider that is there already, for which a bundle of kind `roles` makes roles.
//!
//! Input: its ARN, as it was given. Output: the issuer whose tokens it accepts, once account and partition are the bundle's.
//! Whether the provider is there and accepts the audiences, the applier looks up: nothing here knows the account.

use std::fmt;
use std::str::FromStr;

use bundle_schema::names::{AccountId, IssuerUrl, NameError, Partition};

use super::flags::Settings;
use super::options::Place;

/// `arn:<partition>:iam::<account>:oidc-provider/<host>[/<path>]` [IAM API reference, CreateOpenIDConnectProvider].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProviderArn {
    partition: Partition,
    pub(crate) account_id: AccountId,
    issuer_url: IssuerUrl,
}

/// A provider that a bundle's roles cannot be for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProviderError {
    /// Roles trust providers of their own account alone.
    #[error(
        "--identity-provider-arn is of {what} {found}, the bundle is for {wanted}\n  give the provider of {what} {wanted}, or correct --{flag}"
    )]
    Elsewhere {
        /// `account` or `partition`.
        what: &'static str,
        /// The flag that says otherwise.
        flag: &'static str,
        /// The provider's.
        found: String,
        /// The bundle's.
        wanted: String,
    },
    /// A setting of an issuer that somebody else manages.
    #[error(
        "--{0} is for a cluster's own issuer, and --identity-provider-arn says that somebody else manages it\n  leave --{0} out"
    )]
    OfTheIssuer(&'static str),
}

impl ProviderArn {
    pub(crate) fn new(partition: Partition, account_id: AccountId, issuer_url: IssuerUrl) -> Self {
        Self { partition, account_id, issuer_url }
    }

    /// The issuer, where the bundle is for the provider's account and no setting is about the issuer itself.
    pub(crate) fn issuer(
        &self,
        settings: &Settings,
        place: &Place,
        account_id: &AccountId,
    ) -> Result<IssuerUrl, ProviderError> {
        let Self { partition, account_id: own, issuer_url: own_issuer } = self;
        if own != account_id {
            let (found, wanted) = (own.to_string(), account_id.to_string());
            return Err(ProviderError::Elsewhere { what: "account", flag: "account-id", found, wanted });
        }
        if *partition != place.partition {
            let (found, wanted) = (partition.to_string(), place.partition.to_string());
            return Err(ProviderError::Elsewhere { what: "partition", flag: "region", found, wanted });
        }
        let Settings { public_key_file, key_type, thumbprint, add_public_key, drop_key, signing_kid, .. } = settings;
        let Settings { bucket_name, issuer_url, create_private_s3_bucket, endpoint_receipt, .. } = settings;
        let Settings { certificate_arn, iam_certificate_id, .. } = settings;
        let of_the_issuer = [
            ("drop-issuer", !settings.drop_issuer.is_empty()),
            ("public-key-file", public_key_file.is_some()),
            ("key-type", key_type.is_some()),
            ("thumbprint", !thumbprint.is_empty()),
            ("add-public-key", !add_public_key.is_empty()),
            ("drop-key", !drop_key.is_empty()),
            ("signing-kid", signing_kid.is_some()),
            ("bucket-name", bucket_name.is_some()),
            ("issuer-url", issuer_url.is_some()),
            ("create-private-s3-bucket", *create_private_s3_bucket),
            ("endpoint-receipt", endpoint_receipt.is_some()),
            ("certificate-arn", certificate_arn.is_some()),
            ("iam-certificate-id", iam_certificate_id.is_some()),
        ];
        match of_the_issuer.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => Err(ProviderError::OfTheIssuer(flag)),
            None => Ok(own_issuer.clone()),
        }
    }
}

impl fmt::Display for ProviderArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, account_id, issuer_url } = self;
        write!(f, "arn:{partition}:iam::{account_id}:oidc-provider/{}", issuer_url.without_scheme())
    }
}

impl FromStr for ProviderArn {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else { return Err(FORM.to_owned()) };
        let url = resource.strip_prefix("oidc-provider/").ok_or(FORM)?;
        let refused = |error: NameError| error.to_string();
        Ok(Self {
            partition: Partition::new(*partition).map_err(refused)?,
            account_id: AccountId::new(*account).map_err(refused)?,
            issuer_url: IssuerUrl::new(format!("https://{url}")).map_err(refused)?,
        })
    }
}

const FORM: &str = "must have the form arn:PARTITION:iam::ACCOUNT:oidc-provider/HOST[/PATH]";

#[cfg(test)]
mod tests {
    use super::*;
    use bundle_schema::names::Region;

    const ARN: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/2abc";

    fn issuer(arn: &str, settings: &Settings) -> Result<String, String> {
        let place = Place::new(Region::new("us-east-2").unwrap(), None, None).unwrap();
        let account = AccountId::new("123456789012").unwrap();
        let arn: ProviderArn = arn.parse()?;
        let issuer = arn.issuer(settings, &place, &account);
        issuer.map(|issuer| issuer.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_arn_names_an_issuer() {
        assert_eq!(issuer(ARN, &Settings::default()).unwrap(), "https://oidc.example.com/2abc");
        assert_eq!(ARN.parse::<ProviderArn>().unwrap().to_string(), ARN);
        for wrong in [
            "",
            "arn:aws:iam::123456789012:role/x",
            "arn:aws:iam:us-east-2:123456789012:oidc-provider/a.b",
            "arn:aws:sts::123456789012:oidc-provider/a.b",
        ] {
            assert_eq!(issuer(wrong, &Settings::default()).unwrap_err(), FORM, "{wrong}");
        }
        for wrong in ["arn:aws:iam::1:oidc-provider/a.b", "arn:aws:iam::123456789012:oidc-provider/a.b:443"] {
            assert!(issuer(wrong, &Settings::default()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_provider_is_of_the_bundles_account() {
        assert_eq!(
            issuer("arn:aws:iam::210987654321:oidc-provider/a.b", &Settings::default()).unwrap_err(),
            "--identity-provider-arn is of account 210987654321, the bundle is for 123456789012\n  give the provider of account 123456789012, or correct --account-id"
        );
        assert_eq!(
            issuer("arn:aws-cn:iam::123456789012:oidc-provider/a.b", &Settings::default()).unwrap_err(),
            "--identity-provider-arn is of partition aws-cn, the bundle is for aws\n  give the provider of partition aws, or correct --region"
        );
    }

    #[test]
    fn nothing_is_said_about_an_issuer_of_somebody_else() {
        let settings = Settings { key_type: Some(crate::keys::service_account::KeyType::P256), ..Settings::default() };
        assert_eq!(
            issuer(ARN, &settings).unwrap_err(),
            "--key-type is for a cluster's own issuer, and --identity-provider-arn says that somebody else manages it\n  leave --key-type out"
        );
    }
}

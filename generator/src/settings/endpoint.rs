//! The first of the two bundles that make a private bucket: what it is made of, and what not.
//!
//! Input: the settings as they were given, by flags and by the file of `--config`. Output: those that concern a bucket and its
//! distribution. What concerns the cluster alone is refused as a flag; in the file it stays, for the second bundle.

use super::flags::Settings;

/// A setting that the first bundle has no use for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EndpointError {
    /// Of a cluster's issuer or roles.
    #[error(
        "--{0} is for the cluster's bundle, and --create-private-s3-bucket makes bucket and distribution alone\n  leave --{0} out, and give it with --endpoint-receipt, once this bundle is applied"
    )]
    OfTheCluster(&'static str),
}

impl Settings {
    /// Whether they make a bundle of kind `endpoint`, of a cluster that is not there yet.
    pub(crate) fn make_endpoint(&self) -> bool {
        self.ask_for_endpoint() && self.previous.is_none()
    }

    /// Whether they name a private bucket, and no issuer at a name that is known.
    pub(crate) fn ask_for_endpoint(&self) -> bool {
        let has_issuer = self.issuer_url.is_some()
            || self.identity_provider_arn.is_some()
            || self.certificate_arn.is_some()
            || self.iam_certificate_id.is_some();
        self.create_private_s3_bucket && !has_issuer && self.endpoint_receipt.is_none()
    }

    /// Refuses the flags that are of no use for a bundle of kind `endpoint`.
    pub(crate) fn check_for_endpoint(&self) -> Result<(), EndpointError> {
        // The bundle of the cluster that moves has to be signed, too.
        let is_for_previous = |flag: &str| self.previous.is_some() && ["trusted-key", "trust"].contains(&flag);
        match self.of_the_cluster().into_iter().find(|(flag, given)| *given && !is_for_previous(flag)) {
            Some((flag, _)) => Err(EndpointError::OfTheCluster(flag)),
            None => Ok(()),
        }
    }

    /// Each setting of the cluster's bundle, and whether it is given.
    fn of_the_cluster(&self) -> [(&'static str, bool); 21] {
        [
            ("credentials-requests-dir", self.credentials_requests_dir.is_some()),
            ("trusted-key", !self.trusted_key.is_empty()),
            ("trust", self.trust.is_some()),
            ("add-public-key", !self.add_public_key.is_empty()),
            ("drop-key", !self.drop_key.is_empty()),
            ("drop-issuer", !self.drop_issuer.is_empty()),
            ("signing-kid", self.signing_kid.is_some()),
            ("public-key-file", self.public_key_file.is_some()),
            ("key-type", self.key_type.is_some()),
            ("install-archive", self.install_archive.is_some()),
            ("receipt-key", !self.receipt_key.is_empty()),
            ("permissions-boundary-arn", self.permissions_boundary_arn.is_some()),
            ("role-path", self.role_path.is_some()),
            ("role-names", self.role_names.is_some()),
            ("audience", !self.audience.is_empty()),
            ("thumbprint", !self.thumbprint.is_empty()),
            ("service-accounts", !self.service_accounts.is_empty()),
            ("enable-tech-preview", self.enable_tech_preview),
            ("feature-set", self.feature_set.is_some()),
            ("feature-gates", self.feature_gates.is_some()),
            ("install-config", self.install_config.is_some()),
        ]
    }

    /// What of them makes a bundle of kind `endpoint`.
    pub(crate) fn for_endpoint(self) -> Self {
        let Self { name, region, account_id, partition, dns_suffix, bucket_name, tag, .. } = self;
        let Self { signing_key, output_dir, serial, expires_in, created, password_file, no_password, .. } = self;
        Self {
            name,
            region,
            account_id,
            partition,
            dns_suffix,
            bucket_name,
            tag,
            signing_key,
            output_dir,
            serial,
            expires_in,
            created,
            password_file,
            no_password,
            create_private_s3_bucket: true,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, Command};

    #[test]
    fn every_setting_is_for_one_bundle_or_for_both() {
        let command = Settings::augment_args(Command::new("x"));
        let all = command.get_arguments().filter_map(|argument| argument.get_long()).count();
        // The issuer's and the older bundle's, with which there is no first bundle.
        let elsewhere = [
            "issuer-url",
            "certificate-arn",
            "iam-certificate-id",
            "identity-provider-arn",
            "endpoint-receipt",
            "previous",
        ];
        let of_both = 15;
        assert_eq!(Settings::default().of_the_cluster().len() + elsewhere.len() + of_both, all);
    }

    #[test]
    fn the_file_may_hold_what_is_for_the_second_bundle() {
        let settings = Settings {
            create_private_s3_bucket: true,
            name: Some("demo".parse().unwrap()),
            role_path: Some("/x/".parse().unwrap()),
            audience: vec!["a".parse().unwrap()],
            tag: vec!["team=edge".parse().unwrap()],
            serial: Some(3),
            ..Settings::default()
        };
        assert!(settings.make_endpoint());
        let error = settings.check_for_endpoint().unwrap_err().to_string();
        assert!(
            error.starts_with("--role-path is for the cluster's bundle, and --create-private-s3-bucket makes "),
            "{error}"
        );
        let kept = settings.for_endpoint();
        assert_eq!((kept.role_path.clone(), kept.audience.len(), kept.tag.len(), kept.serial), (None, 0, 1, Some(3)));
        assert!(kept.make_endpoint() && kept.check_for_endpoint().is_ok());
    }
}

//! What the second of the two bundles that make a private bucket takes from the receipt of the first.
//!
//! Input: the settings as they were given, and a receipt that was signed by whoever must have. Output: the settings with what the
//! receipt says where none was given, the distribution, and the bundle before. Whoever could say another domain here could make AWS
//! trust their keys, so a receipt that says anything but a finished apply of this cluster's endpoint is refused.

use bundle_schema::documents::index::{Kind, MadeDistribution, Previous};
use bundle_schema::limits::MAX_SERIAL;
use bundle_schema::names::{Partition, Region};
use bundle_schema::receipt::{Deployment, Ending, Operation, Receipt, SignedReceipt};

use super::flags::Settings;

/// A receipt that names no distribution for this cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EndpointReceiptError {
    /// It is of a run that removed the endpoint.
    #[error("the receipt is of the operation {0}, expected apply\n  give the receipt of the endpoint's apply")]
    Operation(Operation),
    /// It is of another kind of bundle.
    #[error(
        "the receipt is of a bundle of kind {0}, expected endpoint\n  give the receipt of the bundle that create-bundle --create-private-s3-bucket made"
    )]
    Kind(Kind),
    /// The distribution does not serve yet.
    #[error(
        "the receipt's deployment {0}: CloudFront may not serve the distribution yet\n  apply the bundle again, and give the receipt of that run"
    )]
    Deployment(&'static str),
    /// The run did not end as it should.
    #[error("the receipt's ending is {0}, expected done\n  apply the bundle again, and give the receipt of that run")]
    Ending(Ending),
    /// It names no distribution.
    #[error("the receipt names no distribution\n  apply the bundle again, and give the receipt of that run")]
    NoDistribution,
    /// A region of another partition than the receipt's own.
    #[error("the receipt is of region {region} in partition {partition}; that region is in partition {known}")]
    Region {
        /// The receipt's region.
        region: Region,
        /// The receipt's partition.
        partition: Partition,
        /// The region's partition.
        known: Partition,
    },
}

/// Settings that contradict the receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotOfReceipt {
    /// Another value than the receipt's.
    #[error(
        "--{setting} is {given}; the receipt of --endpoint-receipt has {receipt}\n  leave --{setting} out, or give the receipt of the cluster's own endpoint"
    )]
    Other {
        /// The setting.
        setting: &'static str,
        /// What was given.
        given: String,
        /// What the receipt says.
        receipt: String,
    },
    /// An issuer at another name.
    #[error(
        "--{0} is for an issuer at another name than that of the distribution, which --endpoint-receipt says\n  leave one of them out"
    )]
    OtherIssuer(&'static str),
    /// A serial that is not above the endpoint's.
    #[error(
        "--serial is {given}; the endpoint's bundle has {endpoint}, and the applier refuses to go back\n  leave --serial out: the next one is {next}",
        next = .endpoint.saturating_add(1)
    )]
    Serial {
        /// What was given.
        given: u64,
        /// The endpoint's.
        endpoint: u64,
    },
    /// A serial after which there is none.
    #[error("the endpoint's bundle has serial {MAX_SERIAL}, the highest there is, so none can follow it")]
    LastSerial,
}

/// What the receipt of an endpoint's apply gives.
pub(crate) struct FromReceipt {
    receipt: Receipt,
    /// The distribution that serves the bucket.
    pub(crate) distribution: MadeDistribution,
    /// The endpoint's bundle.
    pub(crate) previous: Previous,
}

impl FromReceipt {
    /// The checks of RECEIPT.md, in its order.
    pub(crate) fn of(signed: &SignedReceipt) -> Result<Self, EndpointReceiptError> {
        let receipt = signed.receipt().clone();
        let Receipt { operation, ending, bundle, partition, region, distribution, deployment, .. } = &receipt;
        if *operation != Operation::Apply {
            return Err(EndpointReceiptError::Operation(*operation));
        }
        if bundle.kind != Kind::Endpoint {
            return Err(EndpointReceiptError::Kind(bundle.kind));
        }
        match deployment {
            Some(Deployment::Done) => {}
            Some(Deployment::Failed(_)) => return Err(EndpointReceiptError::Deployment("has failed")),
            Some(Deployment::NotReached) | None => return Err(EndpointReceiptError::Deployment("was not reached")),
        }
        if *ending != Ending::Done {
            return Err(EndpointReceiptError::Ending(*ending));
        }
        let made = distribution.as_ref().ok_or(EndpointReceiptError::NoDistribution)?;
        if let Some((known, _)) = region.known_partition().filter(|(known, _)| known != partition) {
            let (region, partition) = (region.clone(), partition.clone());
            return Err(EndpointReceiptError::Region { region, partition, known });
        }
        let distribution = MadeDistribution {
            id: made.id.clone(),
            domain: made.domain.clone(),
            receipt_sha256: signed.digest().clone(),
        };
        let previous = Previous { serial: bundle.serial, sha256: bundle.sha256.clone() };
        Ok(Self { receipt, distribution, previous })
    }

    /// The settings of the cluster's bundle.
    pub(crate) fn complete(&self, given: Settings) -> Result<Settings, NotOfReceipt> {
        let Receipt { bundle, account_id, partition, region, .. } = &self.receipt;
        let other_issuers = [
            ("issuer-url", given.issuer_url.is_some()),
            ("identity-provider-arn", given.identity_provider_arn.is_some()),
            ("certificate-arn", given.certificate_arn.is_some()),
            ("iam-certificate-id", given.iam_certificate_id.is_some()),
        ];
        if let Some((flag, _)) = other_issuers.into_iter().find(|(_, given)| *given) {
            return Err(NotOfReceipt::OtherIssuer(flag));
        }
        agrees("name", given.name.as_ref(), &bundle.name)?;
        agrees("account-id", given.account_id.as_ref(), account_id)?;
        agrees("partition", given.partition.as_ref(), partition)?;
        agrees("region", given.region.as_ref(), region)?;
        agrees("bucket-name", given.bucket_name.as_ref(), &bundle.bucket())?;
        let serial = match given.serial {
            _ if bundle.serial >= MAX_SERIAL => return Err(NotOfReceipt::LastSerial),
            None => bundle.serial.saturating_add(1),
            Some(given) if given > bundle.serial => given,
            Some(given) => return Err(NotOfReceipt::Serial { given, endpoint: bundle.serial }),
        };
        Ok(Settings {
            name: Some(bundle.name.clone()),
            account_id: Some(account_id.clone()),
            partition: Some(partition.clone()),
            region: Some(region.clone()),
            bucket_name: Some(bundle.bucket()),
            serial: Some(serial),
            ..given
        })
    }
}

fn agrees<T: PartialEq + ToString>(setting: &'static str, given: Option<&T>, receipt: &T) -> Result<(), NotOfReceipt> {
    match given {
        Some(given) if given != receipt => {
            Err(NotOfReceipt::Other { setting, given: given.to_string(), receipt: receipt.to_string() })
        }
        _ => Ok(()),
    }
}

//! What stands for CloudFront in a program that was built without it. None of it is called: such a program connects to no account for a
//! bundle that has a distribution.

use std::future::{Ready, ready};

use bundle_schema::names::{AccessControlId, DistributionId};

use super::aws::{Aws, WithoutCloudFront};
use super::error::AwsError;
use super::live::cloudfront::{LiveAccessControl, LiveDistribution, ReadCloudFront};
use super::send::Sent;
use crate::plan::action::{Action, Named};

fn not_sent(call: &'static str) -> AwsError {
    AwsError::NotSent { call, reason: WithoutCloudFront.to_string() }
}

impl ReadCloudFront for Aws {
    async fn distribution(&self, _: &DistributionId) -> Result<Option<LiveDistribution>, AwsError> {
        Err(not_sent("cloudfront:GetDistribution"))
    }

    async fn is_deployed(&self, _: &DistributionId) -> Result<Option<bool>, AwsError> {
        Err(not_sent("cloudfront:GetDistribution"))
    }

    async fn distributions_of(&self, _: &str) -> Result<Vec<DistributionId>, AwsError> {
        Err(not_sent("cloudfront:ListDistributions"))
    }

    async fn access_control(&self, _: &AccessControlId) -> Result<Option<LiveAccessControl>, AwsError> {
        Err(not_sent("cloudfront:GetOriginAccessControl"))
    }

    async fn access_control_named(&self, _: &str) -> Result<Option<AccessControlId>, AwsError> {
        Err(not_sent("cloudfront:ListOriginAccessControls"))
    }
}

impl Aws {
    #[expect(clippy::unused_self, reason = "it stands for the one that asks CloudFront")]
    pub(crate) fn perform_at_cloudfront(&self, sent: Sent<'_>, _: &Action) -> Ready<Result<Option<Named>, AwsError>> {
        ready(Err(not_sent(sent.call)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{alias_contents, contents};

    #[test]
    fn no_account_is_connected_to_for_a_distribution() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connect = |header| runtime.block_on(Aws::connect(&header, 1)).map(drop).map_err(|error| error.to_string());
        assert_eq!(connect(contents().header), Ok(()));
        assert_eq!(
            connect(alias_contents().header),
            Err("the bundle's issuer is behind CloudFront, and this airlock-applier was built without it\n  \
                 use one with it: the packages have it, and so has a build with cargo's default features"
                .to_owned())
        );
    }
}

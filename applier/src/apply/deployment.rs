//! Waiting until CloudFront serves everywhere what a distribution is now: minutes, as a rule.
//!
//! Input: a distribution's ID, and how long somebody is ready to wait. Output: whether it is deployed, or the wait was stopped, or
//! why it failed. Waiting changes nothing, so it can be stopped at any time and done again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bundle_schema::names::{DistributionDomain, DistributionId};

use crate::account::AwsError;
use crate::account::live::cloudfront::ReadCloudFront;
use crate::moving_line::{Due, Line, TICK, say};

/// How long it is waited, in minutes, where nothing else is said: CloudFront takes five as a rule, and more at times.
pub(crate) const WAIT_TIMEOUT: u16 = 30;
/// The pauses between the first looks, in seconds, and the pause after them: a deployment takes minutes.
const PAUSES: [u64; 4] = [1, 2, 5, 5];
const PAUSE: u64 = 15;
/// How often a log gets a line.
const LINE: Duration = Duration::from_mins(1);

/// Why a distribution is not deployed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeploymentError {
    /// CloudFront takes longer.
    #[error(
        "CloudFront has not deployed distribution {id} within {}\n  running it again is safe, and goes on waiting; to wait longer: --wait-timeout MINUTES", minutes(*.waited)
    )]
    TooLong {
        /// The distribution.
        id: DistributionId,
        /// In minutes.
        waited: u64,
    },
    /// Somebody deleted it.
    #[error("distribution {id} is gone\n  look who else is changing this account, then run this again")]
    Gone {
        /// The distribution.
        id: DistributionId,
    },
    /// Nobody could look.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// How a wait ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    Deployed,
    /// From outside.
    Stopped,
}

/// How to wait.
#[derive(Debug, Clone)]
pub(crate) struct Wait {
    pub(crate) timeout: Duration,
    /// The issuer's host name, whose DNS record has to exist when the distribution is deployed.
    pub(crate) alias: Option<String>,
}

impl Wait {
    /// The DNS record that somebody can make meanwhile.
    pub(super) fn say_record(&self, domain: &DistributionDomain) {
        if let Some(alias) = &self.alias {
            say(&format!(
                "the DNS record {alias} CNAME {domain} has to exist before the identity provider is made: make it now"
            ));
        }
    }

    fn show(&self, line: &mut Line, id: &DistributionId, passed: Duration) {
        let (text, seconds) = (format!("waiting until CloudFront has deployed distribution {id}"), passed.as_secs());
        let most = minutes(self.timeout.as_secs() / 60);
        match line.due(passed) {
            None => {}
            Some(Due::Moving) => line.write(&format!("{text}: {}:{:02}", seconds / 60, seconds % 60)),
            Some(Due::First) => line.write(&format!("{text}, at most {most}")),
            Some(Due::Later) => line.write(&format!("{text}: {} of {most}", minutes(seconds / 60))),
        }
    }

    /// Looks until it is deployed.
    pub(super) async fn until_deployed(
        &self,
        account: &impl ReadCloudFront,
        id: &DistributionId,
        stop: &Arc<AtomicBool>,
    ) -> Result<Waited, DeploymentError> {
        let begun = Instant::now();
        let mut line = Line::new(Duration::ZERO, LINE);
        let mut pauses = PAUSES.into_iter();
        loop {
            match account.is_deployed(id).await? {
                Some(true) => return Ok(Waited::Deployed),
                Some(false) => {}
                None => return Err(DeploymentError::Gone { id: id.clone() }),
            }
            let next = begun.elapsed() + Duration::from_secs(pauses.next().unwrap_or(PAUSE));
            if next > self.timeout {
                return Err(DeploymentError::TooLong { id: id.clone(), waited: self.timeout.as_secs() / 60 });
            }
            while begun.elapsed() < next {
                if stop.load(Ordering::Relaxed) {
                    return Ok(Waited::Stopped);
                }
                self.show(&mut line, id, begun.elapsed());
                tokio::time::sleep(TICK).await;
            }
        }
    }
}

fn minutes(count: u64) -> String {
    if count == 1 { "1 minute".to_owned() } else { format!("{count} minutes") }
}

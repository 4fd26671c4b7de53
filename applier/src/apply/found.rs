//! One action of a plan: sent, and looked at where AWS says that it is done already.
//!
//! Input: an action. Output: whether it is done by this run or before, or why it failed. What was to be made counts as done
//! only if what is there is exactly what the action would have made.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bundle_schema::documents::{CreateDistributionWithTags, DistributionConfigWithTags};
use bundle_schema::names::{AccessControlId, DistributionDomain, DistributionId};

use crate::account::live::cloudfront::{DistributionSettings, origin_domain};
use crate::account::live::{BucketState, ReadAccount, RoleReading, Scope};
use crate::account::{AwsError, CallLog};
use crate::apply::WriteAccount;
use crate::apply::deployment::{DeploymentError, Wait, Waited};
use crate::apply::failure::ActionError;
use crate::apply::issuer_check::IssuerCheck;
use crate::plan::action::{Action, Call, Named};
use crate::plan::{desired, reconcile};

/// How AWS says that what a call deletes is not there.
const GONE: [&str; 6] = [
    "NoSuchEntity",
    "NoSuchEntityException",
    "NoSuchBucket",
    "NoSuchKey",
    "NoSuchDistribution",
    "NoSuchOriginAccessControl",
];
/// How AWS says that what a call makes is there, or that what it changes is not what it was.
const SAYS_DONE: [&str; 7] = [
    "BucketAlreadyOwnedByYou",
    "DistributionAlreadyExists",
    "EntityAlreadyExists",
    "EntityAlreadyExistsException",
    "InvalidIfMatchVersion",
    "OriginAccessControlAlreadyExists",
    "PreconditionFailed",
];

/// An action that is done.
pub(super) struct Performed {
    /// Before the call that AWS answered last: an earlier answer was lost.
    pub(super) already: bool,
    /// What AWS calls what was made.
    pub(super) made: Option<Named>,
}

/// What an action may have to wait for.
pub(super) struct Before {
    pub(super) issuer: Option<Arc<IssuerCheck>>,
    pub(super) wait: Option<Arc<Wait>>,
    /// The one in front of the bucket.
    pub(super) distribution: Option<(DistributionId, DistributionDomain)>,
    pub(super) stop: Arc<AtomicBool>,
}

impl Before {
    /// Waits for what has to be so before the action's call is sent; whether it was stopped.
    async fn wait(&self, account: &impl ReadAccount, call: &Call) -> Result<Waited, ActionError> {
        let wait = self.wait.as_deref();
        match call {
            // IAM reads the issuer when the provider is made.
            Call::CreateProvider { .. } => {
                if let (Some(wait), Some((id, domain))) = (wait, &self.distribution) {
                    wait.say_record(domain);
                    if wait.until_deployed(account, id, &self.stop).await? == Waited::Stopped {
                        return Ok(Waited::Stopped);
                    }
                }
                if let Some(check) = &self.issuer {
                    check.wait().await?;
                }
            }
            // CloudFront deletes what is disabled everywhere.
            Call::DeleteDistribution { id } => {
                if let Some(wait) = wait {
                    return match wait.until_deployed(account, id, &self.stop).await {
                        Err(DeploymentError::Gone { .. }) => Ok(Waited::Deployed),
                        waited => Ok(waited?),
                    };
                }
            }
            _ => {}
        }
        Ok(Waited::Deployed)
    }
}

/// Sends an action's call, and finds out whether it is done already where AWS says so. Nothing where the run was stopped before.
pub(super) async fn perform(
    account: &(impl ReadAccount + WriteAccount),
    action: &Action,
    before: &Before,
    log: &CallLog,
) -> Result<Option<Performed>, ActionError> {
    if before.wait(account, &action.call).await? == Waited::Stopped {
        return Ok(None);
    }
    let error = match account.perform(action, log).await {
        Ok(made) => return Ok(Some(Performed { already: false, made })),
        Err(error) => error,
    };
    // What was to be deleted is gone, after an answer that was lost or by somebody else's hand.
    if action.removes() && error.code().is_some_and(|code| GONE.contains(&code)) {
        return Ok(Some(Performed { already: true, made: None }));
    }
    if !error.code().is_some_and(|code| SAYS_DONE.contains(&code)) {
        return Err(error.into());
    }
    // As after an answer that was lost: the call was carried out, and sent again. What was just made may not be found yet.
    for pause in [0, 500, 1_500, 4_000].map(Duration::from_millis) {
        tokio::time::sleep(pause).await;
        match is_done(account, action).await? {
            Found::Ours(made) => return Ok(Some(Performed { already: true, made })),
            Found::Other => break,
            Found::Nothing => {}
        }
    }
    // It was made once with this bundle, and deleted since.
    if error.code() == Some("DistributionAlreadyExists") {
        return Err(error.into());
    }
    Err(ActionError::Changed { resource: action.resource.clone() })
}

/// What stands where an action would make something.
enum Found {
    /// Exactly what the action makes, and what AWS calls it.
    Ours(Option<Named>),
    /// Something else.
    Other,
    /// Nothing, although AWS says that there is something.
    Nothing,
}

impl Found {
    fn of(is_ours: Option<bool>) -> Self {
        match is_ours {
            Some(true) => Self::Ours(None),
            Some(false) => Self::Other,
            None => Self::Nothing,
        }
    }
}

/// Whether the account holds exactly what the action would make.
async fn is_done(account: &impl ReadAccount, action: &Action) -> Result<Found, AwsError> {
    Ok(Found::of(match &action.call {
        Call::CreateBucket { input, tags } => match account.find_bucket(&input.bucket).await? {
            BucketState::Present(()) => {
                let bucket = account.bucket_settings(&input.bucket, Scope::Whole).await?;
                Some(bucket.is_new() && tags.iter().all(|(key, value)| bucket.tags.get(key) == Some(value)))
            }
            BucketState::Absent => None,
            BucketState::Forbidden | BucketState::InRegion(_) => Some(false),
        },
        Call::PutObject { bucket, after, .. } => {
            account.object(bucket, &after.key).await?.map(|live| reconcile::same_object(after, &live))
        }
        Call::CreateProvider { input, tags } => {
            let live = account.provider(&action.resource).await?;
            live.map(|live| reconcile::provider(input, tags, Some(&live)).is_empty())
        }
        Call::CreateRole { input } => {
            return Ok(match account.role(&input.role_name, &input.role_name, RoleReading::Expected).await? {
                Some(live) if reconcile::is_just_made(input, &live) => Found::Ours(Some(Named::Role(live.id))),
                Some(_) => Found::Other,
                None => Found::Nothing,
            });
        }
        Call::CreateAccessControl { input } => {
            let config = &input.origin_access_control_config;
            let Some(id) = account.access_control_named(&config.name).await? else { return Ok(Found::Nothing) };
            let live = account.access_control(&id).await?;
            return Ok(match live {
                Some(live) if live.settings == config.into() => Found::Ours(Some(Named::AccessControl(id))),
                Some(_) => Found::Other,
                None => Found::Nothing,
            });
        }
        Call::UpdateAccessControl { id, after, .. } => {
            account.access_control(id).await?.map(|live| live.settings == after.into())
        }
        Call::CreateDistribution { input, access_control } => {
            return made_distribution(account, input, access_control.as_ref()).await;
        }
        Call::UpdateDistribution { id, after, .. } => {
            account.distribution(id).await?.map(|live| live.settings == **after)
        }
        Call::DisableDistribution { id, .. } => account.distribution(id).await?.map(|live| !live.settings.enabled),
        _ => Some(false),
    }))
}

/// The distribution that this bundle made, which CloudFront tells apart from every other one.
async fn made_distribution(
    account: &impl ReadAccount,
    input: &CreateDistributionWithTags,
    access_control: Option<&AccessControlId>,
) -> Result<Found, AwsError> {
    let DistributionConfigWithTags { distribution_config: config, tags } = &input.distribution_config_with_tags;
    let mut found = Found::Nothing;
    for id in account.distributions_of(&origin_domain(input)).await? {
        let Some(live) = account.distribution(&id).await? else { continue };
        let is_ours = live.caller_reference == config.caller_reference
            && live.settings == DistributionSettings::of(config, access_control)
            && desired::tags(&tags.items).iter().all(|(key, value)| live.tags.get(key) == Some(value));
        if is_ours {
            return Ok(Found::Ours(Some(Named::Distribution(live.id, live.domain))));
        }
        found = Found::Other;
    }
    Ok(found)
}
